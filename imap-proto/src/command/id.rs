//! ID (RFC 2971).

use bytes::Bytes;

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, astring, list, nil, nstring, sp};

/// ID with what the client says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id {
    /// Field and value; empty for `NIL` and `()`.
    pub fields: Vec<(Bytes, Option<Bytes>)>,
}

impl Body for Id {
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        id_params_list(input).map(|(rest, fields)| (rest, Self { fields }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        if self.fields.is_empty() {
            return out.raw("NIL");
        }
        out.list(&self.fields, |out, (field, value)| {
            out.string(field);
            out.sp();
            out.nstring(value.as_ref());
        });
    }
}

/// ```abnf
/// id_params_list ::= "(" #(string SPACE nstring) ")" / nil
///     ;; list of field value pairs
/// ```
///
/// From RFC 2971 §4; `#` is a list with single spaces between. A field may be an atom too.
fn id_params_list(input: Span<'_>) -> Parsed<'_, Vec<(Bytes, Option<Bytes>)>> {
    if let Ok((rest, ())) = nil(input) {
        return Ok((rest, Vec::new()));
    }
    list(input, |input| {
        let (rest, field) = astring(input)?;
        let (rest, ()) = sp(rest)?;
        let (rest, value) = nstring(rest)?;
        Ok((rest, (field, value)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn id() {
        check(
            r#"a023 ID ("name" "sodr" "version" "19.34" "vendor" NIL)"#,
            expect![[
                r#"a023 Id(Id { fields: [(b"name", Some(b"sodr")), (b"version", Some(b"19.34")), (b"vendor", None)] })"#
            ]],
        );
        check("a042 ID NIL", expect!["a042 Id(Id { fields: [] })"]);
        check("a042 ID ()", expect!["a042 Id(Id { fields: [] })"]);
        check("a042 ID (\"name\")", expect!["BAD a042 ID: expected SP at octet 15"]);
    }
}
