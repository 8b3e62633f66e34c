//! [`Request`]: what a caller wants sent, and how it is cut into a [`Script`].

use bytes::Bytes;
use imap_proto::command::{Command, Tag};
use imap_proto::types::{DateTime, Flag, MailboxName, NameForm};
use imap_proto::wire::write;

use super::script::{IdleState, Piece, Script};

/// What a caller wants sent.
#[derive(Debug)]
pub(crate) enum Request {
    /// Any command but those below.
    Command { command: Command, literal_plus: bool },
    /// APPEND of one message, whose octets the caller feeds.
    Append { head: AppendHead, literal_plus: bool },
}

/// An APPEND without its message.
#[derive(Debug)]
pub(crate) struct AppendHead {
    pub(crate) mailbox: MailboxName,
    pub(crate) flags: Vec<Flag>,
    pub(crate) internal_date: Option<DateTime>,
    pub(crate) size_octets: u64,
}

impl Request {
    /// Nothing may be sent before its tagged reply: it changes what the connection is, or takes lines.
    pub(super) fn is_exclusive(&self) -> bool {
        let Self::Command { command, .. } = self else { return false };
        matches!(
            command,
            Command::Authenticate(_)
                | Command::Login(_)
                | Command::StartTls
                | Command::Idle
                | Command::Logout
                | Command::Enable(_)
        )
    }

    pub(super) fn script(&self, tag: &Tag) -> Script {
        match self {
            Self::Command { command, literal_plus } => command_script(command, tag, *literal_plus),
            Self::Append { head, literal_plus } => head.script(tag, *literal_plus),
        }
    }
}

fn command_script(command: &Command, tag: &Tag, literal_plus: bool) -> Script {
    let mut octets = Vec::new();
    let waits = command.write(tag, literal_plus, &mut octets);
    let octets = Bytes::from(octets);
    let mut pieces = Vec::new();
    let mut from = 0;
    for wait in waits {
        pieces.push(Piece::Octets(octets.slice(from..wait)));
        pieces.push(Piece::Wait);
        from = wait;
    }
    pieces.push(Piece::Octets(octets.slice(from..)));
    match command {
        Command::Authenticate(_) => pieces.push(Piece::Lines { ours: false }),
        Command::Idle => pieces.push(Piece::Idle(IdleState::Begun)),
        _ => {}
    }
    Script::new(pieces)
}

impl AppendHead {
    /// ```text
    /// append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal
    /// ```
    fn script(&self, tag: &Tag, literal_plus: bool) -> Script {
        let mut pieces = Vec::new();
        let mut line = [tag.as_bytes(), b" APPEND "].concat();
        self.write_mailbox(&mut line, &mut pieces, literal_plus);
        if !self.flags.is_empty() {
            line.extend_from_slice(b" (");
            for (place, flag) in self.flags.iter().enumerate() {
                if place > 0 {
                    line.push(b' ');
                }
                flag.write(&mut line);
            }
            line.push(b')');
        }
        if let Some(date) = self.internal_date {
            line.push(b' ');
            date.write(&mut line);
        }
        line.push(b' ');
        literal_head(&mut line, &mut pieces, self.size_octets, literal_plus);
        pieces.push(Piece::Octets(line.into()));
        pieces.push(Piece::Upload { left_octets: self.size_octets });
        pieces.push(Piece::Octets(Bytes::from_static(b"\r\n")));
        Script::new(pieces)
    }

    fn write_mailbox(&self, line: &mut Vec<u8>, pieces: &mut Vec<Piece>, literal_plus: bool) {
        let name = self.mailbox.encode(NameForm::ModifiedUtf7);
        if name.iter().any(|octet| matches!(octet, b'"' | b'\\')) {
            literal_head(line, pieces, name.len() as u64, literal_plus);
            line.extend_from_slice(&name);
        } else {
            line.push(b'"');
            line.extend_from_slice(&name);
            line.push(b'"');
        }
    }
}

/// Ends the line so far with the head of a literal; where the server has to say `+`, the line goes to `pieces` and
/// begins anew.
fn literal_head(line: &mut Vec<u8>, pieces: &mut Vec<Piece>, size_octets: u64, literal_plus: bool) {
    if literal_plus {
        line.push(b'{');
        write::number(line, size_octets);
        line.extend_from_slice(b"+}\r\n");
        return;
    }
    write::literal_head(line, size_octets);
    pieces.push(Piece::Octets(std::mem::take(line).into()));
    pieces.push(Piece::Wait);
}
