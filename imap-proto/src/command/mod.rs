//! Commands: one file a family, with its types, its parser and its writer; the registry is here.
//!
//! The parser runs once over a whole frame (see [`crate::wire`]); the server parses and the client writes
//! the same types, so `parse(write(x)) == x`.

mod append;
mod auth;
mod enable;
mod fetch;
mod id;
mod list;
mod mailbox;
mod message;
mod search;
mod simple;
mod status;
mod store;

use bytes::Bytes;

pub use append::{Append, AppendMessage};
pub use auth::{Authenticate, Login};
pub use enable::Enable;
pub use fetch::{Fetch, FetchItem, Partial, Section, SectionText};
pub use id::Id;
pub use list::List;
pub use mailbox::{OneMailbox, Rename};
pub use message::{CopyMove, UidExpunge};
pub use search::Search;
pub use status::{Status, StatusItem};
pub use store::{FlagAction, Store};

use crate::{Dialect, ParseError};

/// A command's tag: 1..=[`Tag::MAX_OCTETS`] octets of `ASTRING-CHAR` without `+` (RFC 9051 §9).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag(Bytes);

impl Tag {
    /// Longer tags are refused.
    pub const MAX_OCTETS: usize = 255;

    /// `None` when the octets are not a tag.
    pub fn new(octets: impl Into<Bytes>) -> Option<Self> {
        let octets = octets.into();
        let _ = &octets;
        todo!()
    }

    /// The octets as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// In which states of a session a command may be used (RFC 9051 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidIn {
    /// Every state.
    Any,
    /// Before login only.
    NotAuthenticated,
    /// After login.
    Authenticated,
    /// With a mailbox selected.
    Selected,
}

/// One line of the registry.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The name on the wire in upper case; `UID FETCH` and the like have their own lines.
    pub name: &'static str,
    /// When it may be used.
    pub valid_in: ValidIn,
    /// The capability that announces it; `None` for the base protocol.
    pub capability: Option<&'static str>,
}

/// A command without its tag. (The helper builds this enum, `REGISTRY`, the lookup and the writer from one
/// `commands!` table; the variants are these.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// CAPABILITY
    Capability,
    /// NOOP
    Noop,
    /// LOGOUT
    Logout,
    /// STARTTLS
    StartTls,
    /// AUTHENTICATE
    Authenticate(Authenticate),
    /// LOGIN
    Login(Login),
    /// ENABLE
    Enable(Enable),
    /// SELECT
    Select(OneMailbox),
    /// EXAMINE
    Examine(OneMailbox),
    /// CREATE
    Create(OneMailbox),
    /// DELETE
    Delete(OneMailbox),
    /// RENAME
    Rename(Rename),
    /// SUBSCRIBE
    Subscribe(OneMailbox),
    /// UNSUBSCRIBE
    Unsubscribe(OneMailbox),
    /// LIST
    List(List),
    /// LSUB
    Lsub(List),
    /// NAMESPACE
    Namespace,
    /// STATUS
    Status(Status),
    /// APPEND, complete: its messages were streamed, so this is only what stood around them. A server
    /// that parses heads with [`Append::parse_head`] never meets it.
    Append(Append),
    /// IDLE
    Idle,
    /// ID
    Id(Id),
    /// CHECK
    Check,
    /// CLOSE
    Close,
    /// UNSELECT
    Unselect,
    /// EXPUNGE
    Expunge,
    /// UID EXPUNGE
    UidExpunge(UidExpunge),
    /// SEARCH, UID SEARCH
    Search(Search),
    /// FETCH, UID FETCH
    Fetch(Fetch),
    /// STORE, UID STORE
    Store(Store),
    /// COPY, UID COPY
    Copy(CopyMove),
    /// MOVE, UID MOVE
    Move(CopyMove),
}

/// Why a frame is no command, with what is needed for the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCommand {
    /// The tag, where there was one; else the answer is an untagged BAD.
    pub tag: Option<Tag>,
    /// The command's name in upper case where the registry knows it.
    pub name: Option<&'static str>,
    /// What was wrong.
    pub error: ParseError,
}

impl Command {
    /// Parses a frame of the framer: tag and command.
    pub fn parse(frame: &Bytes, dialect: Dialect) -> Result<(Tag, Self), BadCommand> {
        let _ = (frame, dialect);
        todo!()
    }

    /// The registry's line of this command.
    pub fn spec(&self) -> &'static Spec {
        todo!()
    }

    /// Writes tag and command for a client, CRLF included. Strings that need a literal are written as a
    /// synchronizing literal, or a non-synchronizing one where `literal_plus`; the returned offsets are where the
    /// client has to wait for `+` (behind each synchronizing head).
    pub fn write(&self, tag: &Tag, literal_plus: bool, out: &mut Vec<u8>) -> Vec<usize> {
        let _ = (tag, literal_plus, out);
        todo!()
    }
}

/// Every command, in the order of the standard.
pub const REGISTRY: &[Spec] = &[];

/// Tag and name of a frame that may be incomplete or wrong: for answers to what cannot be parsed, and for
/// the decision on a literal. The name is upper case and in the registry (`UID FETCH` with its second word).
pub fn peek(frame: &[u8]) -> (Option<Tag>, Option<&'static Spec>) {
    let _ = frame;
    todo!()
}
