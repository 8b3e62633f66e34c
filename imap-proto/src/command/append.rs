//! APPEND (RFC 9051 §6.3.12), with several messages too (MULTIAPPEND, RFC 3502).

use bytes::Bytes;

use super::Tag;
use crate::types::{DateTime, Flag, WireMailbox};
use crate::wire::LiteralHead;

/// APPEND without the octets of its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Where to.
    pub mailbox: WireMailbox,
    /// The messages, at least one.
    pub messages: Vec<AppendMessage>,
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
    pub fn parse_head(head: &LiteralHead) -> Option<(Tag, WireMailbox, AppendMessage)> {
        let _ = head;
        todo!()
    }

    /// Reads what stands between two messages: ` [flags] [date] {n}` (RFC 3502 §6.3.11).
    pub fn parse_next(head: &LiteralHead) -> Option<AppendMessage> {
        let _ = head;
        todo!()
    }

    /// Whether `rest` may end an APPEND: it is empty.
    pub fn parse_end(rest: &Bytes) -> bool {
        rest.is_empty()
    }
}
