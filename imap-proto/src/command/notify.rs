//! NOTIFY (RFC 5465): what a session wants to be told of.

use super::fetch::{FetchItem, fetch_att};
use super::mailbox_filter::{MailboxFilter, mailbox_filter};
use super::{Body, CommandWriter, Form};
use crate::parse::{Parsed, Span, arg, atom, is_list_next, list1, no_case, parens, spaced};

/// NOTIFY NONE, NOTIFY SET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notify {
    /// NONE: nothing.
    None,
    /// SET: this and nothing else.
    Set {
        /// STATUS: tell the state of all these mailboxes first.
        status: bool,
        /// At least one; the first that names a mailbox counts.
        groups: Vec<EventGroup>,
    },
}

/// What is told of some mailboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventGroup {
    /// Which mailboxes.
    pub filter: MailboxFilter,
    /// What of them; empty for NONE.
    pub events: Vec<NotifyEvent>,
}

/// What happens to a mailbox, its messages, or the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyEvent {
    /// MessageNew, with what is to be told of the message; that may be nothing.
    MessageNew(Vec<FetchItem>),
    /// MessageExpunge
    MessageExpunge,
    /// FlagChange
    FlagChange,
    /// AnnotationChange
    AnnotationChange,
    /// MailboxName: created, deleted, renamed
    MailboxName,
    /// SubscriptionChange
    SubscriptionChange,
    /// MailboxMetadataChange
    MailboxMetadataChange,
    /// ServerMetadataChange
    ServerMetadataChange,
    /// An event that we do not know, in upper case: `NO [BADEVENT]` is the answer.
    Other(String),
}

impl Body for Notify {
    /// ```abnf
    /// notify          = "NOTIFY" SP
    ///                 (notify-set / notify-none)
    /// notify-set      = "SET" [status-indicator] SP event-groups
    /// notify-none     = "NONE"
    /// status-indicator = SP "STATUS"
    /// event-groups    = event-group *(SP event-group)
    /// ```
    ///
    /// From RFC 5465 §8.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        if let Ok((rest, ())) = no_case("NONE")(input) {
            return Ok((rest, Self::None));
        }
        let Ok((rest, ())) = no_case("SET ")(input) else { return input.fail("SET or NONE") };
        let (rest, status) = match no_case("STATUS ")(rest) {
            Ok((rest, ())) => (rest, true),
            Err(_) => (rest, false),
        };
        let (rest, groups) = spaced(rest, |input| parens(input, event_group))?;
        Ok((rest, Self::Set { status, groups }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        let Self::Set { status, groups } = self else { return out.raw("NONE") };
        out.raw(if *status { "SET STATUS " } else { "SET " });
        out.spaced(groups, |out, group| group.write(out));
    }
}

/// ```abnf
/// event-group     = "(" filter-mailboxes SP events ")"
/// events          = ( "(" event *(SP event) ")" ) / "NONE"
/// ```
///
/// From RFC 5465 §8, what stands in the parentheses.
fn event_group(input: Span<'_>) -> Parsed<'_, EventGroup> {
    let (rest, filter) = mailbox_filter(input)?;
    let (rest, events) = arg(rest, |input| match no_case("NONE")(input) {
        Ok((rest, ())) => Ok((rest, Vec::new())),
        Err(_) => list1(input, event),
    })?;
    Ok((rest, EventGroup { filter, events }))
}

/// ```abnf
/// event           = message-event /
///                 mailbox-event / user-event / event-ext
/// message-event   = ( "MessageNew" [SP
///                 "(" fetch-att *(SP fetch-att) ")" ] )
///                 / "MessageExpunge"
///                 / "FlagChange"
///                 / "AnnotationChange"
/// mailbox-event   = "MailboxName" /
///                 "SubscriptionChange" / "MailboxMetadataChange"
/// user-event      = "ServerMetadataChange"
/// event-ext       = atom
/// ```
///
/// From RFC 5465 §8.
fn event(input: Span<'_>) -> Parsed<'_, NotifyEvent> {
    let (rest, name) = atom(input)?;
    let event = match name.to_word().octets() {
        b"MESSAGENEW" if is_list_next(rest) => {
            let (rest, items) = arg(rest, |input| list1(input, fetch_att))?;
            return Ok((rest, NotifyEvent::MessageNew(items)));
        }
        b"MESSAGENEW" => NotifyEvent::MessageNew(Vec::new()),
        b"MESSAGEEXPUNGE" => NotifyEvent::MessageExpunge,
        b"FLAGCHANGE" => NotifyEvent::FlagChange,
        b"ANNOTATIONCHANGE" => NotifyEvent::AnnotationChange,
        b"MAILBOXNAME" => NotifyEvent::MailboxName,
        b"SUBSCRIPTIONCHANGE" => NotifyEvent::SubscriptionChange,
        b"MAILBOXMETADATACHANGE" => NotifyEvent::MailboxMetadataChange,
        b"SERVERMETADATACHANGE" => NotifyEvent::ServerMetadataChange,
        _ => NotifyEvent::Other(name.to_upper()),
    };
    Ok((rest, event))
}

impl EventGroup {
    fn write(&self, out: &mut CommandWriter<'_>) {
        out.raw("(");
        self.filter.write(out);
        if self.events.is_empty() {
            return out.raw(" NONE)");
        }
        out.sp();
        out.list(&self.events, |out, event| event.write(out));
        out.raw(")");
    }
}

impl NotifyEvent {
    /// The name as the wire spells it.
    pub fn name(&self) -> &str {
        match self {
            Self::MessageNew(_) => "MessageNew",
            Self::MessageExpunge => "MessageExpunge",
            Self::FlagChange => "FlagChange",
            Self::AnnotationChange => "AnnotationChange",
            Self::MailboxName => "MailboxName",
            Self::SubscriptionChange => "SubscriptionChange",
            Self::MailboxMetadataChange => "MailboxMetadataChange",
            Self::ServerMetadataChange => "ServerMetadataChange",
            Self::Other(name) => name,
        }
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.raw(self.name());
        if let Self::MessageNew(items) = self
            && !items.is_empty()
        {
            out.sp();
            out.list(items, |out, item| item.write(out));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn notify() {
        check("b NOTIFY NONE", expect!["b Notify(None)"]);
        check(
            "a notify set status (selected MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge) (subtree Lists MessageNew)",
            expect!["BAD a NOTIFY: expected ( at octet 30"],
        );
        check(
            "a notify set status (selected (MessageNew (uid body.peek[header.fields (from)]) MessageExpunge)) (subtree Lists (MessageNew FooBar)) (personal none)",
            expect![[
                r#"a Notify(Set { status: true, groups: [EventGroup { filter: Selected, events: [MessageNew([Uid, Section { section: Section { part: [], text: Some(HeaderFields { not: false, names: [b"from"] }) }, partial: None, peek: true }]), MessageExpunge] }, EventGroup { filter: Subtree([WireMailbox(b"Lists")]), events: [MessageNew([]), Other("FOOBAR")] }, EventGroup { filter: Personal, events: [] }] })"#
            ]],
        );
        check("a NOTIFY SET", expect!["BAD a NOTIFY: expected SET or NONE at octet 9"]);
        check("a NOTIFY SET (inboxes ())", expect!["BAD a NOTIFY: expected at least one item at octet 23"]);
    }
}
