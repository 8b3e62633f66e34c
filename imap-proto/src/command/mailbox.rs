//! The commands that name a mailbox and no more (SELECT, EXAMINE, CREATE, DELETE, SUBSCRIBE, UNSUBSCRIBE),
//! and RENAME (RFC 9051 §6.3).

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, mailbox, sp};
use crate::types::WireMailbox;

/// The argument of SELECT and its like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneMailbox {
    /// The mailbox.
    pub mailbox: WireMailbox,
}

/// RENAME from to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// The name that it has.
    pub from: WireMailbox,
    /// The name that it gets.
    pub to: WireMailbox,
}

impl Body for OneMailbox {
    /// ```abnf
    /// select          = "SELECT" SP mailbox
    /// examine         = "EXAMINE" SP mailbox
    /// create          = "CREATE" SP mailbox
    /// delete          = "DELETE" SP mailbox
    /// subscribe       = "SUBSCRIBE" SP mailbox
    /// unsubscribe     = "UNSUBSCRIBE" SP mailbox
    /// ```
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        mailbox(input).map(|(rest, mailbox)| (rest, Self { mailbox }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.mailbox(&self.mailbox);
    }
}

impl Body for Rename {
    /// ```abnf
    /// rename          = "RENAME" SP mailbox SP mailbox
    /// ```
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, from) = mailbox(input)?;
        let (rest, ()) = sp(rest)?;
        let (rest, to) = mailbox(rest)?;
        Ok((rest, Self { from, to }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.mailbox(&self.from);
        out.sp();
        out.mailbox(&self.to);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn one_mailbox() {
        check(
            "A142 select inbox",
            expect![[r#"A142 Select(OneMailbox { mailbox: WireMailbox(b"inbox") })"#]],
        );
        check(
            "A3 CREATE owatagusiam/",
            expect![[r#"A3 Create(OneMailbox { mailbox: WireMailbox(b"owatagusiam/") })"#]],
        );
        check(
            "a EXAMINE \"a \\\"b\\\\\" ",
            expect![[r#"a Examine(OneMailbox { mailbox: WireMailbox(b"a \"b\\") })"#]],
        );
        check("a DELETE {3}\r\na\r\nb", expect!["BAD a DELETE: expected end of line at octet 17"]);
        check(
            "a DELETE {4+}\r\na\r\nb",
            expect![[r#"a Delete(OneMailbox { mailbox: WireMailbox(b"a\r\nb") })"#]],
        );
        check(
            "a SUBSCRIBE (old)*]%",
            expect![[r#"a Subscribe(OneMailbox { mailbox: WireMailbox(b"(old)*]%") })"#]],
        );
        check("a UNSUBSCRIBE", expect!["BAD a UNSUBSCRIBE: expected SP at octet 13"]);
        check("a SELECT \"open", expect![[r#"BAD a SELECT: expected " at octet 14"#]]);
        check("a SELECT {5}\r\nabc", expect!["BAD a SELECT: expected octets of the literal at octet 14"]);
    }

    #[test]
    fn rename() {
        check(
            "a RENAME blurdybloop \"sarasoop\"",
            expect![[
                r#"a Rename(Rename { from: WireMailbox(b"blurdybloop"), to: WireMailbox(b"sarasoop") })"#
            ]],
        );
    }
}
