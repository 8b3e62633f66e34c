//! The commands that name a mailbox and no more (DELETE, MYRIGHTS and others), RENAME, SUBSCRIBE and UNSUBSCRIBE
//! (RFC 9051 §6.3).

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, arg, end, mailbox, no_case, sp};
use crate::types::WireMailbox;

/// The argument of DELETE and its like.
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

/// SUBSCRIBE or UNSUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The mailbox.
    pub mailbox: WireMailbox,
    /// `BBOARD` stands before the name: it is one of the bulletin boards of IMAP2bis.
    pub bulletin_board: bool,
}

impl Body for OneMailbox {
    /// ```abnf
    /// delete          = "DELETE" SP mailbox
    /// getacl          = "GETACL" SP mailbox
    /// myrights        = "MYRIGHTS" SP mailbox
    /// getquotaroot    = "GETQUOTAROOT" SP mailbox
    /// bboard          = "BBOARD" SP bbname
    /// ```
    ///
    /// From RFC 9051 §9, RFC 4314 §8, RFC 9208 §7 and RFC 1176.
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

impl Body for Subscription {
    /// ```abnf
    /// subscribe       = "SUBSCRIBE" SP mailbox
    /// unsubscribe     = "UNSUBSCRIBE" SP mailbox
    /// ```
    ///
    /// In IMAP2bis `MAILBOX` or `BBOARD` stands before the name. Alone, each is a name itself.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        for (word, bulletin_board) in [("MAILBOX", false), ("BBOARD", true)] {
            if let Ok((rest, ())) = no_case(word)(input)
                && rest.first() == Some(b' ')
                && end(rest).is_err()
            {
                return arg(rest, mailbox).map(|(rest, mailbox)| (rest, Self { mailbox, bulletin_board }));
            }
        }
        mailbox(input).map(|(rest, mailbox)| (rest, Self { mailbox, bulletin_board: false }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.raw(if self.bulletin_board { "BBOARD " } else { "" });
        out.mailbox(&self.mailbox);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn one_mailbox() {
        check(
            "a DELETE {4+}\r\na\r\nb",
            expect![[r#"a Delete(OneMailbox { mailbox: WireMailbox(b"a\r\nb") })"#]],
        );
        check(
            "a DELETE \"a \\\"b\\\\\" ",
            expect![[r#"a Delete(OneMailbox { mailbox: WireMailbox(b"a \"b\\") })"#]],
        );
        check(
            "a bboard general",
            expect![[r#"a BulletinBoard(OneMailbox { mailbox: WireMailbox(b"general") })"#]],
        );
        check(
            "A003 MYRIGHTS INBOX",
            expect![[r#"A003 MyRights(OneMailbox { mailbox: WireMailbox(b"INBOX") })"#]],
        );
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

    #[test]
    fn subscriptions() {
        check(
            "a SUBSCRIBE (old)*]%",
            expect![[
                r#"a Subscribe(Subscription { mailbox: WireMailbox(b"(old)*]%"), bulletin_board: false })"#
            ]],
        );
        check(
            "A00007 SUBSCRIBE MAILBOX saved",
            expect![[
                r#"A00007 Subscribe(Subscription { mailbox: WireMailbox(b"saved"), bulletin_board: false })"#
            ]],
        );
        check(
            "a SUBSCRIBE MAILBOX ",
            expect![[
                r#"a Subscribe(Subscription { mailbox: WireMailbox(b"MAILBOX"), bulletin_board: false })"#
            ]],
        );
        check(
            "a unsubscribe bboard x",
            expect![[r#"a Unsubscribe(Subscription { mailbox: WireMailbox(b"x"), bulletin_board: true })"#]],
        );
        check(
            "a SUBSCRIBE mailboxes",
            expect![[
                r#"a Subscribe(Subscription { mailbox: WireMailbox(b"mailboxes"), bulletin_board: false })"#
            ]],
        );
    }
}
