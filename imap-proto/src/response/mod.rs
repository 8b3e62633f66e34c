//! Responses: one file a family, with its types, its parser (forgiving) and its writer (strict, by dialect).

mod capability;
mod code;
mod fetch;
mod list;
mod search;
mod status;

use bytes::Bytes;

pub use capability::Capability;
pub use code::Code;
pub use fetch::{FetchAttribute, FetchWriter};
pub use list::{ListData, NameAttribute};
pub use status::StatusData;

use crate::command::Tag;
use crate::types::{Flag, SeqNum};
use crate::{Dialect, ParseError};

/// OK, NO, BAD, BYE or PREAUTH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was done.
    Ok,
    /// It was refused.
    No,
    /// It was not understood.
    Bad,
    /// The server closes.
    Bye,
    /// As greeting: already logged in.
    PreAuth,
}

/// One response of a server.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// `+ text`
    Continue {
        /// The text, or base64 of SASL.
        text: Bytes,
    },
    /// `tag OK [code] text`, or untagged with `*`
    Status {
        /// `None`: `*`.
        tag: Option<Tag>,
        /// OK, NO, BAD, BYE, PREAUTH.
        kind: Kind,
        /// The response code.
        code: Option<Code>,
        /// Text for a person.
        text: Bytes,
    },
    /// `* CAPABILITY ...`
    Capability(Vec<Capability>),
    /// `* ENABLED ...`
    Enabled(Vec<Bytes>),
    /// `* FLAGS (...)`, in the order given: the server puts keywords first
    Flags(Vec<Flag>),
    /// `* LIST ...`
    List(ListData),
    /// `* LSUB ...`
    Lsub(ListData),
    /// `* NAMESPACE personal other shared`, each a list of (prefix, delimiter)
    Namespace {
        /// Personal, other users', shared.
        spaces: [Vec<(Bytes, Option<u8>)>; 3],
    },
    /// `* STATUS mailbox (...)`
    StatusData(StatusData),
    /// `* SEARCH n n ...`
    Search(Vec<u32>),
    /// `* n EXISTS`
    Exists(u32),
    /// `* n RECENT`
    Recent(u32),
    /// `* n EXPUNGE`
    Expunge(SeqNum),
    /// `* n FETCH (...)`
    Fetch {
        /// Which message.
        seq_num: SeqNum,
        /// What of it, in the order of the server.
        attributes: Vec<FetchAttribute>,
    },
    /// `* ID (...)`
    Id(Vec<(Bytes, Option<Bytes>)>),
    /// An untagged response that we do not know or could not read, verbatim without its CRLF.
    Other(Bytes),
}

impl Response {
    /// Parses a response of the client's framer. Forgiving: what is untagged and cannot be read becomes
    /// [`Response::Other`], a FETCH always yields its message. An error means that the line is no response
    /// at all.
    pub fn parse(frame: &Bytes) -> Result<Self, ParseError> {
        let _ = frame;
        todo!()
    }

    /// Writes the response, CRLF included.
    pub fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        let _ = (out, dialect);
        todo!()
    }
}

/// Writes `tag KIND [code] text` CRLF without building a [`Response`]; `None` writes `*`.
pub fn write_status(out: &mut Vec<u8>, tag: Option<&Tag>, kind: Kind, code: Option<&Code>, text: &str) {
    let _ = (out, tag, kind, code, text);
    todo!()
}
