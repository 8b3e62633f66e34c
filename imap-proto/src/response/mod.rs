//! Responses: one file a family, with its types, its parser (forgiving) and its writer (strict, by dialect).

mod capability;
mod code;
mod fetch;
mod flags;
mod id;
mod list;
mod namespace;
mod search;
mod status;
mod text;

use bytes::Bytes;

pub use capability::Capability;
pub use code::Code;
pub use fetch::{FetchAttribute, FetchWriter, StreamedFetch, StreamedItem};
pub use list::{ListData, NameAttribute};
pub use search::write_search;
pub use status::StatusData;

use self::capability::{read_words, write_capabilities};
use self::fetch::{read_fetch, write_fetch};
use self::flags::read_flags;
use self::id::{read_id, write_id};
use self::namespace::{read_namespace, write_namespace};
use self::search::read_search;
use self::text::write_word;
use crate::command::Tag;
use crate::types::{Flag, SeqNum};
use crate::wire::read::Reader;
use crate::wire::write;
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
        let mut reader = Reader::new(frame);
        if reader.eat(b'+') {
            reader.eat(b' ');
            return Ok(Self::Continue { text: reader.rest() });
        }
        let first = reader.take_until(|octet| octet == b' ');
        if first == b"*".as_slice() {
            return Ok(Self::read_untagged(&mut reader).unwrap_or_else(|| Self::Other(frame.clone())));
        }
        let tag = Tag::new(first).ok_or(ParseError { rule: "tag, `*` or `+`", at: 0 })?;
        let at = reader.at();
        let kind = reader.atom().and_then(|word| Kind::from_word(&word));
        let kind = kind.ok_or(ParseError { rule: "OK, NO or BAD", at })?;
        Ok(Self::read_status(Some(tag), kind, &mut reader))
    }

    /// `response-data`, behind `*`.
    fn read_untagged(reader: &mut Reader<'_>) -> Option<Self> {
        let start = *reader;
        if let Some(number) = reader.number32() {
            return Self::read_numbered(number, reader);
        }
        *reader = start;
        let word = reader.atom()?;
        if let Some(kind) = Kind::from_word(&word) {
            return Some(Self::read_status(None, kind, reader));
        }
        let data = match word.to_ascii_uppercase().as_slice() {
            b"CAPABILITY" => Self::Capability(read_words(reader).into_iter().map(Capability).collect()),
            b"ENABLED" => Self::Enabled(read_words(reader)),
            b"FLAGS" => Self::Flags(read_flags(reader)?),
            b"LIST" => Self::List(ListData::read(reader)?),
            b"LSUB" => Self::Lsub(ListData::read(reader)?),
            b"NAMESPACE" => Self::Namespace { spaces: read_namespace(reader)? },
            b"STATUS" => Self::StatusData(StatusData::read(reader)?),
            b"SEARCH" => Self::Search(read_search(reader)?),
            b"ID" => Self::Id(read_id(reader)?),
            _ => return None,
        };
        reader.is_at_end().then_some(data)
    }

    /// What begins with a number. A FETCH is one however its items look; RFC 1176 calls it STORE where a
    /// STORE was its cause.
    fn read_numbered(number: u32, reader: &mut Reader<'_>) -> Option<Self> {
        let word = reader.atom()?;
        let data = match word.to_ascii_uppercase().as_slice() {
            b"FETCH" | b"STORE" => {
                return Some(Self::Fetch { seq_num: SeqNum::new(number)?, attributes: read_fetch(reader) });
            }
            b"EXISTS" => Self::Exists(number),
            b"RECENT" => Self::Recent(number),
            b"EXPUNGE" => Self::Expunge(SeqNum::new(number)?),
            _ => return None,
        };
        reader.is_at_end().then_some(data)
    }

    /// `resp-text = ["[" resp-text-code "]" SP] [text]`
    fn read_status(tag: Option<Tag>, kind: Kind, reader: &mut Reader<'_>) -> Self {
        reader.skip_spaces();
        let code = Code::read(reader);
        Self::Status { tag, kind, code, text: reader.rest() }
    }

    /// Writes the response, CRLF included.
    pub fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        match self {
            Self::Continue { text } => return write_continue(out, text),
            Self::Status { tag, kind, code, text } => {
                return write_status(out, tag.as_ref(), *kind, code.as_ref(), &String::from_utf8_lossy(text));
            }
            Self::Search(numbers) => return write_search(out, numbers.iter().copied()),
            Self::Fetch { seq_num, attributes } => return write_fetch(out, dialect, *seq_num, attributes),
            Self::Other(verbatim) => out.extend_from_slice(verbatim),
            data => {
                out.extend_from_slice(b"* ");
                data.write_data(out, dialect);
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    /// What stands between `* ` and the end of the line.
    fn write_data(&self, out: &mut Vec<u8>, dialect: Dialect) {
        match self {
            Self::Capability(capabilities) => write_capabilities(out, capabilities),
            Self::Enabled(names) => {
                out.extend_from_slice(b"ENABLED");
                for name in names {
                    out.push(b' ');
                    write_word(out, name);
                }
            }
            Self::Flags(flags) => {
                out.extend_from_slice(b"FLAGS ");
                write::flag_list(out, flags);
            }
            Self::List(list) => {
                out.extend_from_slice(b"LIST ");
                list.write(out, dialect);
            }
            Self::Lsub(list) => {
                out.extend_from_slice(b"LSUB ");
                list.write(out, dialect);
            }
            Self::Namespace { spaces } => write_namespace(out, spaces, dialect),
            Self::StatusData(status) => status.write(out, dialect),
            Self::Exists(count) => write_numbered(out, *count, b"EXISTS"),
            Self::Recent(count) => write_numbered(out, *count, b"RECENT"),
            Self::Expunge(seq_num) => write_numbered(out, seq_num.get(), b"EXPUNGE"),
            Self::Id(fields) => write_id(out, fields, dialect),
            Self::Continue { .. }
            | Self::Status { .. }
            | Self::Search(_)
            | Self::Fetch { .. }
            | Self::Other(_) => unreachable!("written by Response::write itself"),
        }
    }
}

fn write_numbered(out: &mut Vec<u8>, number: u32, name: &[u8]) {
    write::number(out, u64::from(number));
    out.push(b' ');
    out.extend_from_slice(name);
}

/// `continue-req = "+" SP (resp-text / base64) CRLF`. An empty text stays empty, since that is an empty
/// challenge of SASL.
fn write_continue(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(b"+ ");
    write_word(out, text);
    out.extend_from_slice(b"\r\n");
}

impl Kind {
    const ALL: [Self; 5] = [Self::Ok, Self::No, Self::Bad, Self::Bye, Self::PreAuth];

    fn from_word(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| word.eq_ignore_ascii_case(kind.name().as_bytes()))
    }

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
            Self::Bye => "BYE",
            Self::PreAuth => "PREAUTH",
        }
    }
}

/// Writes `tag KIND [code] text` CRLF without building a [`Response`]; `None` writes `*`.
pub fn write_status(out: &mut Vec<u8>, tag: Option<&Tag>, kind: Kind, code: Option<&Code>, text: &str) {
    out.extend_from_slice(tag.map_or(b"*", Tag::as_bytes));
    out.push(b' ');
    out.extend_from_slice(kind.name().as_bytes());
    out.push(b' ');
    if let Some(code) = code {
        out.push(b'[');
        code.write(out);
        out.extend_from_slice(b"] ");
    }
    write::text_line(out, text);
}
