//! LIST and LSUB in their basic form (RFC 3501 §6.3.8, §6.3.9).

use bytes::Bytes;

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, list_mailbox, mailbox, sp};

/// LIST reference pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// What the pattern is read against, as it came.
    pub reference: Bytes,
    /// The pattern with `*` and `%`, as it came.
    pub pattern: Bytes,
}

impl Body for List {
    /// ```abnf
    /// list            = "LIST" SP mailbox SP list-mailbox
    /// lsub            = "LSUB" SP mailbox SP list-mailbox
    /// ```
    ///
    /// From RFC 3501 §9.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, reference) = mailbox(input)?;
        let (rest, ()) = sp(rest)?;
        let (rest, pattern) = list_mailbox(rest)?;
        Ok((rest, Self { reference: reference.0, pattern }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.string(&self.reference);
        out.sp();
        out.string(&self.pattern);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn list() {
        check("A101 LIST \"\" %", expect![[r#"A101 List(List { reference: b"", pattern: b"%" })"#]]);
        check(
            "A002 LSUB \"#news.\" \"comp.mail.*\"",
            expect![[r##"A002 Lsub(List { reference: b"#news.", pattern: b"comp.mail.*" })"##]],
        );
        check("a LIST \"\" \"\"", expect![[r#"a List(List { reference: b"", pattern: b"" })"#]]);
        check("a LIST \"\"", expect!["BAD a LIST: expected SP at octet 9"]);
    }
}
