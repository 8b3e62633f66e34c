//! APPEND (RFC 9051 §6.3.12), with several messages too (MULTIAPPEND, RFC 3502).
//!
//! The only command whose literal is no argument but a message: it is streamed past the parser. So the
//! server reads heads ([`Append::parse_head`], [`AppendMessage::parse_next`]) as the framer announces them, and
//! the client writes heads and sends the octets by itself.

use bytes::Bytes;

use super::{Body, CommandWriter, Form, Literals, Tag, command_name, tag};
use crate::parse::{Parsed, Span, date_time, end, flag_list, mailbox, sp};
use crate::types::{DateTime, Flag, WireMailbox};
use crate::wire::{LiteralHead, write};

/// APPEND up to the head of its first message; the octets and further messages follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Where to.
    pub mailbox: WireMailbox,
    /// The first message.
    pub message: AppendMessage,
}

/// What stands before one message's literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendMessage {
    /// Flags to set; `\Recent` is dropped by the server.
    pub flags: Vec<Flag>,
    /// The internal date; `None`: now.
    pub internal_date: Option<DateTime>,
    /// Octets announced.
    pub size_octets: u64,
    /// `~{n}`.
    pub binary: bool,
}

impl Append {
    /// Reads the head of an APPEND up to its first message literal: `tag APPEND mailbox [flags] [date] {n}`.
    ///
    /// `None` when this literal is no message, or the frame no APPEND: the literal is an argument (the
    /// mailbox name), and an error shows when the frame is complete.
    ///
    /// ```abnf
    /// append          = "APPEND" SP mailbox [SP flag-list] [SP date-time]
    ///                   SP literal
    /// ```
    pub fn parse_head(head: &LiteralHead) -> Option<(Tag, WireMailbox, AppendMessage)> {
        let (rest, tag) = tag(Span::new(&head.frame)).ok()?;
        let (rest, name) = command_name(rest).ok()?;
        if !name.is("APPEND") {
            return None;
        }
        let (rest, ()) = sp(rest).ok()?;
        let (rest, mailbox) = mailbox(rest).ok()?;
        Some((tag, mailbox, AppendMessage::parse(rest, head)?))
    }

    /// Reads what stands between two messages: ` [flags] [date] {n}` (RFC 3502 §6.3.11).
    pub fn parse_next(head: &LiteralHead) -> Option<AppendMessage> {
        AppendMessage::parse(Span::new(&head.frame), head)
    }

    /// Whether `rest` may end an APPEND: it is empty, but for spaces.
    pub fn parse_end(rest: &Bytes) -> bool {
        end(Span::new(rest)).is_ok()
    }
}

impl Body for Append {
    /// Always an error: what was expected, a message at the latest.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, _) = mailbox(input)?;
        flags_and_date(rest).0.fail("message literal")
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.mailbox(&self.mailbox);
        self.message.write_head(out);
    }
}

impl AppendMessage {
    fn parse(input: Span<'_>, head: &LiteralHead) -> Option<Self> {
        let (rest, (flags, internal_date)) = flags_and_date(input);
        let (rest, ()) = sp(rest).ok()?;
        // The framer has read the literal's head already; it must be all that is left.
        matches!(rest.octets(), [b'{', digits @ .., b'\n'] | [b'~', b'{', digits @ .., b'\n']
            if !digits.contains(&b' '))
        .then_some(Self { flags, internal_date, size_octets: head.size_octets, binary: head.binary })
    }

    /// Writes ` (flags) "date" {n}` CRLF for a message behind the first (MULTIAPPEND, RFC 3502), and says
    /// whether the client has to wait for `+` then. The octets follow, and behind the last message CRLF.
    pub fn write_next(&self, literals: impl Into<Literals>, out: &mut Vec<u8>) -> bool {
        let mut writer = CommandWriter::new(out, literals.into());
        self.write_head(&mut writer);
        !writer.into_waits().is_empty()
    }

    fn write_head(&self, out: &mut CommandWriter<'_>) {
        if !self.flags.is_empty() {
            out.sp();
            write::flag_list(out.out(), &self.flags);
        }
        if let Some(date) = self.internal_date {
            out.sp();
            date.write(out.out());
        }
        out.sp();
        out.literal_head(self.size_octets, self.binary);
    }
}

/// `[SP flag-list] [SP date-time]`: what is there of it.
fn flags_and_date(input: Span<'_>) -> (Span<'_>, (Vec<Flag>, Option<DateTime>)) {
    let (rest, flags) = behind_sp(input, flag_list).unwrap_or((input, Vec::new()));
    match behind_sp(rest, date_time) {
        Ok((rest, date)) => (rest, (flags, Some(date))),
        Err(_) => (rest, (flags, None)),
    }
}

fn behind_sp<'a, T>(input: Span<'a>, parser: fn(Span<'a>) -> Parsed<'a, T>) -> Parsed<'a, T> {
    sp(input).and_then(|(rest, ())| parser(rest))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::tests::check;
    use super::*;
    use crate::wire::{Event, Framer, Limits};

    fn head(octets: &str) -> LiteralHead {
        let limits = Limits {
            line_octets_max: 1_000,
            literal_octets_max: 1_000,
            literals_max: 10,
            dropped_octets_max: 1_000,
        };
        let mut framer = Framer::new(limits);
        framer.receive(octets.as_bytes());
        loop {
            match framer.poll() {
                Some(Event::Literal(head)) if framer.has_buffered() => {
                    assert!(framer.accept_argument(), "{head:?}");
                }
                Some(Event::Literal(head)) => return head,
                event => panic!("{octets:?} ends in no literal: {event:?}"),
            }
        }
    }

    fn check_head(octets: &str, expected: Expect) {
        expected.assert_eq(&match Append::parse_head(&head(octets)) {
            Some((tag, mailbox, message)) => format!("{tag} {mailbox:?} {message:?}"),
            None => "not a message".to_owned(),
        });
    }

    #[test]
    fn heads() {
        check_head(
            "A003 APPEND saved-messages (\\Seen) {326}\r\n",
            expect![[
                r#"A003 WireMailbox(b"saved-messages") AppendMessage { flags: [System(Seen)], internal_date: None, size_octets: 326, binary: false }"#
            ]],
        );
        check_head(
            "a append {3}\r\na b \" 1-Jan-70 00:00:01-EST\" ~{0+}\r\n",
            expect![[
                r#"a WireMailbox(b"a b") AppendMessage { flags: [], internal_date: Some(DateTime { seconds: 18001, offset_minutes: -300 }), size_octets: 0, binary: true }"#
            ]],
        );
        check_head("a APPEND {5}\r\n", expect!["not a message"]);
        check_head("a APPEND {0}\r\n", expect!["not a message"]);
        check_head("a APPEND x (\\Seen {5}\r\n", expect!["not a message"]);
        check_head("a APPEND x \"32-Jan-1970 00:00:00 +0000\" {5}\r\n", expect!["not a message"]);
        check_head("a APPENDIX x {5}\r\n", expect!["not a message"]);
        check_head("a LOGIN x {5}\r\n", expect!["not a message"]);
    }

    #[test]
    fn further_messages() {
        let next = Append::parse_next(&head(" (\\Draft) \"17-Jul-1996 02:44:25 -0700\" {5+}\r\n"));
        expect![[r#"Some(AppendMessage { flags: [System(Draft)], internal_date: Some(DateTime { seconds: 837596665, offset_minutes: -420 }), size_octets: 5, binary: false })"#]]
            .assert_eq(&format!("{next:?}"));
        assert!(Append::parse_next(&head(" {5}\r\n")).is_some());
        assert_eq!(Append::parse_next(&head("{5}\r\n")), None);
        assert_eq!(Append::parse_next(&head(" x {5}\r\n")), None);
        assert!(Append::parse_end(&Bytes::new()));
        assert!(!Append::parse_end(&Bytes::from_static(b" x")));
    }

    #[test]
    fn a_complete_append_has_no_message() {
        check("a APPEND x", expect!["BAD a APPEND: expected message literal at octet 10"]);
        check("a APPEND x (\\Seen) foo", expect!["BAD a APPEND: expected message literal at octet 18"]);
        check("a APPEND {1}\r\nx", expect!["BAD a APPEND: expected message literal at octet 15"]);
        check("a APPEND ", expect!["BAD a APPEND: expected mailbox at octet 9"]);
    }
}
