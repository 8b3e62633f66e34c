//! [`Request`]: what a caller wants sent, and how it is cut into a [`Script`].

use bytes::Bytes;
use imap_proto::command::{AppendPiece, Command, Tag};

use super::script::{IdleState, Piece, Script};

/// What a caller wants sent.
#[derive(Debug)]
pub(crate) struct Request {
    /// The command; the octets of an APPEND's message are fed by its caller.
    pub(crate) command: Command,
    /// Its literals need no `+`.
    pub(crate) literal_plus: bool,
}

impl Request {
    /// Nothing may be sent before its tagged reply: it changes what the connection is, or takes lines.
    pub(super) fn is_exclusive(&self) -> bool {
        matches!(
            self.command,
            Command::Authenticate(_)
                | Command::Login(_)
                | Command::StartTls
                | Command::Idle
                | Command::Logout
                | Command::Enable(_)
        )
    }

    pub(super) fn script(&self, tag: &Tag) -> Script {
        let mut octets = Vec::new();
        let waits = self.command.write(tag, self.literal_plus, &mut octets);
        let octets = Bytes::from(octets);
        let mut pieces = Vec::new();
        let mut from = 0;
        for wait in waits {
            pieces.push(Piece::Octets(octets.slice(from..wait)));
            pieces.push(Piece::Wait);
            from = wait;
        }
        pieces.push(Piece::Octets(octets.slice(from..)));
        match &self.command {
            Command::Authenticate(_) => pieces.push(Piece::Lines { ours: false }),
            Command::Idle => pieces.push(Piece::Idle(IdleState::Begun)),
            Command::Append(append) => {
                if let Some(AppendPiece::Literal(literal)) = append.pieces.last() {
                    pieces.push(Piece::Upload { left_octets: literal.size_octets });
                }
                pieces.push(Piece::Octets(Bytes::from_static(b"\r\n")));
            }
            _ => {}
        }
        Script::new(pieces)
    }
}
