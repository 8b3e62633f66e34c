//! [`MailboxFilter`]: which mailboxes NOTIFY and ESEARCH mean (RFC 5465 §6, RFC 7377 §2.2).

use super::CommandWriter;
use super::annotation::one_or_list;
use crate::parse::{Parsed, Span, arg, label, mailbox_in_list};
use crate::types::WireMailbox;

/// Mailboxes by what they are or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailboxFilter {
    /// `selected`: the one that is selected
    Selected,
    /// `selected-delayed`: the same, told at certain times only; not in ESEARCH
    SelectedDelayed,
    /// `inboxes`: those that get mail
    Inboxes,
    /// `personal`: those of the user's own namespaces
    Personal,
    /// `subscribed`
    Subscribed,
    /// `subtree`: these, at least one, and all below
    Subtree(Vec<WireMailbox>),
    /// `subtree-one`: these, at least one, and those directly below; in ESEARCH (RFC 7377)
    SubtreeOne(Vec<WireMailbox>),
    /// `mailboxes`: these, at least one
    Mailboxes(Vec<WireMailbox>),
}

/// ```abnf
/// filter-mailboxes = filter-mailboxes-selected /
///                 filter-mailboxes-other
/// filter-mailboxes-other = "inboxes" / "personal" / "subscribed" /
///                 ( "subtree" SP one-or-more-mailbox ) /
///                 ( "mailboxes" SP one-or-more-mailbox )
/// filter-mailboxes-other =/  ("subtree-one" SP one-or-more-mailbox)
/// filter-mailboxes-selected = "selected" / "selected-delayed"
/// one-or-more-mailbox = mailbox / many-mailboxes
/// many-mailboxes  = "(" mailbox *(SP mailbox) ")"
/// ```
///
/// From RFC 5465 §8 and RFC 7377 §4.
pub(super) fn mailbox_filter(input: Span<'_>) -> Parsed<'_, MailboxFilter> {
    let (rest, name) = label("mailbox filter")(input)?;
    let named = |filter: fn(Vec<WireMailbox>) -> MailboxFilter| {
        let (rest, mailboxes) = arg(rest, |input| one_or_list(input, mailbox_in_list))?;
        Ok((rest, filter(mailboxes)))
    };
    let filter = match name.to_word().octets() {
        b"SELECTED" => MailboxFilter::Selected,
        b"SELECTED-DELAYED" => MailboxFilter::SelectedDelayed,
        b"INBOXES" => MailboxFilter::Inboxes,
        b"PERSONAL" => MailboxFilter::Personal,
        b"SUBSCRIBED" => MailboxFilter::Subscribed,
        b"SUBTREE" => return named(MailboxFilter::Subtree),
        b"SUBTREE-ONE" => return named(MailboxFilter::SubtreeOne),
        b"MAILBOXES" => return named(MailboxFilter::Mailboxes),
        _ => return input.fail("mailbox filter"),
    };
    Ok((rest, filter))
}

impl MailboxFilter {
    pub(super) fn write(&self, out: &mut CommandWriter<'_>) {
        let (name, mailboxes) = match self {
            Self::Selected => ("selected", None),
            Self::SelectedDelayed => ("selected-delayed", None),
            Self::Inboxes => ("inboxes", None),
            Self::Personal => ("personal", None),
            Self::Subscribed => ("subscribed", None),
            Self::Subtree(mailboxes) => ("subtree ", Some(mailboxes)),
            Self::SubtreeOne(mailboxes) => ("subtree-one ", Some(mailboxes)),
            Self::Mailboxes(mailboxes) => ("mailboxes ", Some(mailboxes)),
        };
        out.raw(name);
        if let Some(mailboxes) = mailboxes {
            out.list(mailboxes, |out, mailbox| out.mailbox(mailbox));
        }
    }
}
