//! Responses: one file a family, with its types, its parser (forgiving) and its writer (strict, by dialect).

mod acl;
mod capability;
mod code;
mod convert;
mod esearch;
mod fetch;
mod flags;
mod id;
mod known_capability;
mod language;
mod list;
mod metadata;
mod namespace;
mod quota;
mod search;
mod status;
mod text;
mod thread;
mod uid_batches;
mod url;
mod vanished;

use bytes::Bytes;

pub use acl::{Acl, ListRights, MyRights};
pub use capability::Capability;
pub use code::{AnnotateProblem, AnnotationSupport, Code, InProgress, MetadataLimit};
pub use convert::{Conversion, ConvertError, Converted};
pub use esearch::{Esearch, EsearchItem};
pub use fetch::{
    Annotation, AnnotationEntry, FetchAttribute, FetchAttributes, FetchWriter, FetchedMessage, StreamedFetch,
    StreamedItem,
};
pub use known_capability::KnownCapability;
pub use language::Comparator;
pub use list::{ListData, ListExtension, NameAttribute};
pub use metadata::{Metadata, MetadataEntries};
pub use namespace::Namespace;
pub use quota::{Quota, QuotaRoot, QuotaUsage};
pub use search::{Found, write_search, write_sort};
pub use status::{StatusData, StatusValue};
pub use thread::{ThreadNode, Threads};
pub use uid_batches::UidBatches;
pub use url::{FetchedUrl, UrlData, UrlMetadata};
pub use vanished::Vanished;

use self::capability::{read_words, write_capabilities};
use self::fetch::{read_fetch, write_fetch, write_uid_fetch};
use self::flags::read_flags;
use self::id::{read_id, write_id};
use self::language::{read_languages, write_languages};
use self::namespace::{read_namespace, write_namespace};
use self::search::write_numbers;
use self::text::{write_short_quoted, write_word};
use self::url::{read_url_fetch, write_gen_url_auth, write_url_fetch};
use crate::command::Tag;
use crate::parse::Word;
use crate::types::{Flag, SeqNum, Uid};
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
    /// `* XLIST ...` (Gmail's LIST before RFC 6154)
    XList(ListData),
    /// `* NAMESPACE personal other shared`
    Namespace {
        /// Personal, other users', shared.
        spaces: [Vec<Namespace>; 3],
    },
    /// `* STATUS mailbox (...)`
    StatusData(StatusData),
    /// `* SEARCH n n ...`
    Search(Found),
    /// `* SORT n n ...` (RFC 5256)
    Sort(Found),
    /// `* THREAD (n n ...)(...)` (RFC 5256)
    Thread(Threads),
    /// `* ESEARCH ...` (RFC 4731)
    Esearch(Esearch),
    /// `* n EXISTS`
    Exists(u32),
    /// `* n RECENT`
    Recent(u32),
    /// `* n EXPUNGE`
    Expunge(SeqNum),
    /// `* VANISHED uids` (RFC 7162)
    Vanished(Vanished),
    /// `* n COPY`: was copied (RFC 1176)
    Copy(SeqNum),
    /// `* n FETCH (...)`
    Fetch {
        /// Which message.
        seq_num: SeqNum,
        /// What of it, in the order of the server.
        attributes: FetchAttributes,
    },
    /// `* uid UIDFETCH (...)`: a FETCH of a session with UIDONLY (RFC 9586)
    UidFetch {
        /// Which message.
        uid: Uid,
        /// What of it, in the order of the server.
        attributes: FetchAttributes,
    },
    /// `* n CONVERTED ...` (RFC 5259)
    Converted(Converted),
    /// `* CONVERSION ...` (RFC 5259)
    Conversion(Conversion),
    /// `* ID (...)`
    Id(Vec<(Bytes, Option<Bytes>)>),
    /// `* MAILBOX name`, the answer to FIND MAILBOXES, in the octets of the wire (RFC 1176)
    Mailbox(Bytes),
    /// `* BBOARD name`, the answer to FIND BBOARDS, in the octets of the wire (RFC 1176)
    Bboard(Bytes),
    /// `* QUOTA root (...)` (RFC 9208)
    Quota(Quota),
    /// `* QUOTAROOT mailbox root ...` (RFC 9208)
    QuotaRoot(QuotaRoot),
    /// `* ACL mailbox ...` (RFC 4314)
    Acl(Acl),
    /// `* LISTRIGHTS mailbox ...` (RFC 4314)
    ListRights(ListRights),
    /// `* MYRIGHTS mailbox rights` (RFC 4314, RFC 8440)
    MyRights(MyRights),
    /// `* METADATA mailbox ...` (RFC 5464)
    Metadata(Metadata),
    /// `* LANGUAGE (tag ...)` (RFC 5255)
    Language(Vec<Bytes>),
    /// `* COMPARATOR ...` (RFC 5255)
    Comparator(Comparator),
    /// `* GENURLAUTH url ...` (RFC 4467)
    GenUrlAuth(Vec<Bytes>),
    /// `* URLFETCH url data ...` (RFC 4467, RFC 5524)
    UrlFetch(Vec<FetchedUrl>),
    /// `* UIDBATCHES (TAG "t") ...` (RFC 10022)
    UidBatches(UidBatches),
    /// `* JMAPACCESS "url"` (RFC 9698)
    JmapAccess(Bytes),
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
        let first = reader.pass_until(|octet| octet == b' ');
        if first == b"*" {
            return match Self::read_untagged(&mut reader) {
                Some(response) => Ok(response),
                None => Ok(Self::Other(frame.clone())),
            };
        }
        let tag = Tag::new(reader.own(first)).ok_or(ParseError { rule: "tag, `*` or `+`", at: 0 })?;
        let at = reader.at();
        let kind = reader.word().and_then(Kind::from_word);
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
        let word = reader.word()?;
        if let Some(kind) = Kind::from_word(word) {
            return Some(Self::read_status(None, kind, reader));
        }
        let data = match Word::of(word).octets() {
            b"CAPABILITY" => Self::Capability(read_words(reader).into_iter().map(Capability).collect()),
            b"ENABLED" => Self::Enabled(read_words(reader)),
            b"FLAGS" => Self::Flags(read_flags(reader)?),
            b"LIST" => Self::List(ListData::read(reader)?),
            b"LSUB" => Self::Lsub(ListData::read(reader)?),
            b"NAMESPACE" => Self::Namespace { spaces: read_namespace(reader)? },
            b"STATUS" => Self::StatusData(StatusData::read(reader)?),
            b"SEARCH" => Self::Search(Found::read(reader)?),
            b"ID" => Self::Id(read_id(reader)?),
            name => Self::read_extension(name, reader)?,
        };
        reader.is_at_end().then_some(data)
    }

    /// What extensions and the oldest servers say.
    fn read_extension(name: &[u8], reader: &mut Reader<'_>) -> Option<Self> {
        Some(match name {
            b"XLIST" => Self::XList(ListData::read(reader)?),
            b"SORT" => Self::Sort(Found::read(reader)?),
            b"THREAD" => Self::Thread(Threads::read(reader)?),
            b"ESEARCH" => Self::Esearch(Esearch::read(reader)?),
            b"VANISHED" => Self::Vanished(Vanished::read(reader)?),
            b"CONVERSION" => Self::Conversion(Conversion::read(reader)?),
            b"MAILBOX" => Self::Mailbox(read_name(reader)?),
            b"BBOARD" => Self::Bboard(read_name(reader)?),
            b"QUOTA" => Self::Quota(Quota::read(reader)?),
            b"QUOTAROOT" => Self::QuotaRoot(QuotaRoot::read(reader)?),
            b"ACL" => Self::Acl(Acl::read(reader)?),
            b"LISTRIGHTS" => Self::ListRights(ListRights::read(reader)?),
            b"MYRIGHTS" => Self::MyRights(MyRights::read(reader)?),
            b"METADATA" => Self::Metadata(Metadata::read(reader)?),
            b"LANGUAGE" => Self::Language(read_languages(reader)?),
            b"COMPARATOR" => Self::Comparator(Comparator::read(reader)?),
            b"GENURLAUTH" => Self::GenUrlAuth(reader.astrings()?),
            b"URLFETCH" => Self::UrlFetch(read_url_fetch(reader)?),
            b"UIDBATCHES" => Self::UidBatches(UidBatches::read(reader)?),
            b"JMAPACCESS" => Self::JmapAccess(reader.string()?),
            _ => return None,
        })
    }

    /// What begins with a number. A FETCH is one however its items look; RFC 1176 calls it STORE where a
    /// STORE was its cause.
    fn read_numbered(number: u32, reader: &mut Reader<'_>) -> Option<Self> {
        let data = match Word::of(reader.word()?).octets() {
            b"FETCH" | b"STORE" => {
                return Some(Self::Fetch { seq_num: SeqNum::new(number)?, attributes: read_fetch(reader) });
            }
            b"UIDFETCH" => {
                return Some(Self::UidFetch { uid: Uid::new(number)?, attributes: read_fetch(reader) });
            }
            b"CONVERTED" => {
                return Converted::read(SeqNum::new(number)?, reader).map(Self::Converted);
            }
            b"COPY" => Self::Copy(SeqNum::new(number)?),
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
            Self::Search(found) => {
                return write_numbers(out, b"* SEARCH", found.numbers.iter().copied(), found.mod_seq);
            }
            Self::Sort(found) => return write_sort(out, found.numbers.iter().copied(), found.mod_seq),
            Self::Fetch { seq_num, attributes } => return write_fetch(out, dialect, *seq_num, attributes),
            Self::UidFetch { uid, attributes } => return write_uid_fetch(out, dialect, *uid, attributes),
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
            extension => extension.write_extension(out, dialect),
        }
    }

    /// What [`Self::read_extension`] reads.
    fn write_extension(&self, out: &mut Vec<u8>, dialect: Dialect) {
        match self {
            Self::XList(list) => {
                out.extend_from_slice(b"XLIST ");
                list.write(out, dialect);
            }
            Self::Thread(threads) => threads.write(out),
            Self::Esearch(esearch) => esearch.write(out, dialect),
            Self::Vanished(vanished) => vanished.write(out),
            Self::Copy(seq_num) => write_numbered(out, seq_num.get(), b"COPY"),
            Self::Converted(converted) => {
                write_numbered(out, converted.seq_num.get(), b"");
                converted.write(out, dialect);
            }
            Self::Conversion(conversion) => conversion.write(out, dialect),
            Self::Mailbox(name) => write_name(out, b"MAILBOX ", name, dialect),
            Self::Bboard(name) => write_name(out, b"BBOARD ", name, dialect),
            Self::Quota(quota) => quota.write(out, dialect),
            Self::QuotaRoot(roots) => roots.write(out, dialect),
            Self::Acl(acl) => acl.write(out, dialect),
            Self::ListRights(rights) => rights.write(out, dialect),
            Self::MyRights(rights) => rights.write(out, dialect),
            Self::Metadata(metadata) => metadata.write(out, dialect),
            Self::Language(languages) => write_languages(out, languages, dialect),
            Self::Comparator(comparator) => comparator.write(out, dialect),
            Self::GenUrlAuth(urls) => write_gen_url_auth(out, urls, dialect),
            Self::UrlFetch(urls) => write_url_fetch(out, urls, dialect),
            Self::UidBatches(batches) => batches.write(out, dialect),
            Self::JmapAccess(url) => {
                out.extend_from_slice(b"JMAPACCESS ");
                write_short_quoted(out, url);
            }
            _ => unreachable!("written by Response::write or write_data"),
        }
    }
}

/// ```text
/// mailbox         ::= "INBOX" / string
/// bboard          ::= "BBOARD" SP string
/// ```
///
/// From RFC 1176, whose servers wrote the name bare up to the end of the line, spaces and all; a string is
/// read too.
fn read_name(reader: &mut Reader<'_>) -> Option<Bytes> {
    reader.skip_spaces();
    if matches!(reader.peek(), Some(b'"' | b'{')) {
        return reader.astring();
    }
    let name = reader.rest();
    reader.skip(name.len());
    let name = name.slice(..name.trim_ascii_end().len());
    (!name.is_empty()).then_some(name)
}

/// Bare where the clients of RFC 1176 can read it so: they take all up to the end of the line, quotes too.
fn write_name(out: &mut Vec<u8>, name: &[u8], mailbox: &[u8], dialect: Dialect) {
    out.extend_from_slice(name);
    let is_text = |octet: &u8| matches!(octet, b' '..=b'~');
    let is_bare = mailbox.iter().all(is_text)
        && mailbox.trim_ascii() == mailbox
        && !matches!(mailbox.first(), None | Some(b'"' | b'{'))
        && !mailbox.ends_with(b"}");
    if is_bare { out.extend_from_slice(mailbox) } else { write::string(out, mailbox, dialect) }
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
