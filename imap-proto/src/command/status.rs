//! STATUS (RFC 9051 §6.3.11) with the items of RFC 7162, 7889, 8474 and 9208.

use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, atom, list1, mailbox, sp};
use crate::types::WireMailbox;

/// STATUS mailbox (items).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The mailbox.
    pub mailbox: WireMailbox,
    /// What is asked, at least one item, in the order of the client.
    pub items: Vec<StatusItem>,
}

/// What STATUS can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusItem {
    /// MESSAGES
    Messages,
    /// RECENT (RFC 3501)
    Recent,
    /// UIDNEXT
    UidNext,
    /// UIDVALIDITY
    UidValidity,
    /// UNSEEN
    Unseen,
    /// DELETED
    Deleted,
    /// SIZE
    Size,
    /// HIGHESTMODSEQ (RFC 7162)
    HighestModSeq,
    /// MAILBOXID (RFC 8474)
    MailboxId,
    /// APPENDLIMIT (RFC 7889)
    AppendLimit,
    /// DELETED-STORAGE (RFC 9208)
    DeletedStorage,
}

impl StatusItem {
    /// All that there are.
    pub const ALL: [Self; 11] = [
        Self::Messages,
        Self::Recent,
        Self::UidNext,
        Self::UidValidity,
        Self::Unseen,
        Self::Deleted,
        Self::Size,
        Self::HighestModSeq,
        Self::MailboxId,
        Self::AppendLimit,
        Self::DeletedStorage,
    ];

    /// The item as the wire spells it, in upper case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "MESSAGES",
            Self::Recent => "RECENT",
            Self::UidNext => "UIDNEXT",
            Self::UidValidity => "UIDVALIDITY",
            Self::Unseen => "UNSEEN",
            Self::Deleted => "DELETED",
            Self::Size => "SIZE",
            Self::HighestModSeq => "HIGHESTMODSEQ",
            Self::MailboxId => "MAILBOXID",
            Self::AppendLimit => "APPENDLIMIT",
            Self::DeletedStorage => "DELETED-STORAGE",
        }
    }
}

impl Body for Status {
    /// ```abnf
    /// status          = "STATUS" SP mailbox SP
    ///                   "(" status-att *(SP status-att) ")"
    /// ```
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, mailbox) = mailbox(input)?;
        let (rest, ()) = sp(rest)?;
        let (rest, items) = list1(rest, status_att)?;
        Ok((rest, Self { mailbox, items }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.mailbox(&self.mailbox);
        out.sp();
        out.list(&self.items, |out, item| out.raw(item.as_str()));
    }
}

/// ```abnf
/// status-att      = "MESSAGES" / "UIDNEXT" / "UIDVALIDITY" /
///                   "UNSEEN" / "DELETED" / "SIZE"
/// ```
///
/// RFC 3501 has `RECENT` too, RFC 7162 `HIGHESTMODSEQ`, RFC 8474 `MAILBOXID`, RFC 7889 `APPENDLIMIT`, RFC 9208
/// `DELETED-STORAGE`.
pub(crate) fn status_att(input: Span<'_>) -> Parsed<'_, StatusItem> {
    let (rest, name) = atom(input)?;
    let word = name.to_word();
    match StatusItem::ALL.into_iter().find(|item| item.as_str().as_bytes() == word.octets()) {
        Some(item) => Ok((rest, item)),
        None => input.fail("STATUS item"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn status() {
        check(
            "A042 STATUS blurdybloop (UIDNEXT messages)",
            expect![[
                r#"A042 Status(Status { mailbox: WireMailbox(b"blurdybloop"), items: [UidNext, Messages] })"#
            ]],
        );
        check("a STATUS x ()", expect!["BAD a STATUS: expected at least one item at octet 12"]);
        check("a STATUS x (UNSEEN FOO)", expect!["BAD a STATUS: expected STATUS item at octet 19"]);
        check("a STATUS x (UNSEEN", expect!["BAD a STATUS: expected ) at octet 18"]);
    }
}
