//! CREATE (RFC 9051 §6.3.4), with the use of the mailbox too (CREATE-SPECIAL-USE, RFC 6154).

use bytes::Bytes;

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, arg, atom, is_list_next, list, mailbox, no_case, octet, parens};
use crate::response::NameAttribute;
use crate::types::WireMailbox;

/// CREATE mailbox [(USE (attributes))].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The mailbox.
    pub mailbox: WireMailbox,
    /// What it shall be for: \Sent and the like; mostly none.
    pub special_use: Vec<NameAttribute>,
}

impl Create {
    /// Without a use.
    pub fn new(mailbox: WireMailbox) -> Self {
        Self { mailbox, special_use: Vec::new() }
    }
}

impl Body for Create {
    /// ```abnf
    /// create          = "CREATE" SP mailbox [create-params]
    /// create-params   = SP "(" create-param *( SP create-param) ")"
    /// create-param    =/ "USE" SP "(" [use-attr *(SP use-attr)] ")"
    /// ```
    ///
    /// From RFC 4466 §3 and RFC 6154 §6.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, mailbox) = mailbox(input)?;
        if !is_list_next(rest) {
            return Ok((rest, Self::new(mailbox)));
        }
        let (rest, special_use) = arg(rest, |input| {
            parens(input, |input| no_case("USE ")(input).and_then(|(rest, ())| list(rest, use_attr)))
        })?;
        Ok((rest, Self { mailbox, special_use }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.mailbox(&self.mailbox);
        if !self.special_use.is_empty() {
            out.raw(" (USE ");
            out.list(&self.special_use, |out, attribute| out.out().extend_from_slice(attribute.name()));
            out.raw(")");
        }
    }
}

/// ```abnf
/// use-attr        =  "\All" / "\Archive" / "\Drafts" / "\Flagged" /
///                    "\Junk" / "\Sent" / "\Trash" / use-attr-ext
/// use-attr-ext    =  "\" atom
/// ```
///
/// From RFC 6154 §6.
fn use_attr(input: Span<'_>) -> Parsed<'_, NameAttribute> {
    let (rest, ()) = octet(b'\\', "special use")(input)?;
    let (rest, name) = atom(rest)?;
    let word: Bytes = input.split(1 + name.octets().len()).1.to_bytes();
    Ok((rest, NameAttribute::from_word(word)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn create() {
        check(
            "A3 CREATE owatagusiam/",
            expect![[r#"A3 Create(Create { mailbox: WireMailbox(b"owatagusiam/"), special_use: [] })"#]],
        );
        check(
            "t2 CREATE MySpecial (USE (\\Drafts \\sent \\Important))",
            expect![[
                r#"t2 Create(Create { mailbox: WireMailbox(b"MySpecial"), special_use: [Drafts, Sent, Important] })"#
            ]],
        );
        check("a CREATE x (FOO)", expect!["BAD a CREATE: expected USE  at octet 12"]);
        check("a CREATE x (USE (Sent))", expect!["BAD a CREATE: expected special use at octet 17"]);
    }
}
