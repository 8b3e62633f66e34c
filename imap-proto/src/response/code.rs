//! Response codes in brackets (RFC 9051 §7.1, RFC 5530).

use bytes::Bytes;

use super::Capability;
use super::capability::{read_words, write_capabilities};
use super::flags::read_flags;
use super::text::{is_atom, write_word};
use crate::parse;
use crate::types::{Flag, NumberSet, UidValidity};
use crate::wire::read::Reader;
use crate::wire::write;

/// A response code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// ALREADYEXISTS
    AlreadyExists,
    /// APPENDUID uidvalidity uids (RFC 4315)
    AppendUid(UidValidity, NumberSet),
    /// AUTHENTICATIONFAILED
    AuthenticationFailed,
    /// BADCHARSET (charsets)
    BadCharset(Vec<Bytes>),
    /// CANNOT
    Cannot,
    /// CAPABILITY ...
    Capability(Vec<Capability>),
    /// CLIENTBUG
    ClientBug,
    /// CLOSED
    Closed,
    /// CONTACTADMIN
    ContactAdmin,
    /// COPYUID uidvalidity source target (RFC 4315); the sets pair up in order
    CopyUid(UidValidity, NumberSet, NumberSet),
    /// CORRUPTION
    Corruption,
    /// EXPIRED
    Expired,
    /// EXPUNGEISSUED
    ExpungeIssued,
    /// HASCHILDREN
    HasChildren,
    /// INUSE
    InUse,
    /// LIMIT
    Limit,
    /// NONEXISTENT
    NonExistent,
    /// NOPERM
    NoPerm,
    /// OVERQUOTA
    OverQuota,
    /// PARSE
    Parse,
    /// PERMANENTFLAGS (...)
    PermanentFlags(Vec<Flag>),
    /// PRIVACYREQUIRED
    PrivacyRequired,
    /// READ-ONLY
    ReadOnly,
    /// READ-WRITE
    ReadWrite,
    /// SERVERBUG
    ServerBug,
    /// TOOBIG (RFC 4469)
    TooBig,
    /// TRYCREATE
    TryCreate,
    /// UIDNEXT n
    UidNext(u32),
    /// UIDNOTSTICKY (RFC 4315)
    UidNotSticky,
    /// UIDVALIDITY n
    UidValidity(UidValidity),
    /// UNAVAILABLE
    Unavailable,
    /// UNKNOWN-CTE (RFC 3516)
    UnknownCte,
    /// UNSEEN n
    Unseen(u32),
    /// HIGHESTMODSEQ n (RFC 7162)
    HighestModSeq(u64),
    /// Any other, verbatim without brackets.
    Other(Bytes),
}

/// Every code without arguments, with its name.
const PLAIN_CODES: [(Code, &[u8]); 25] = [
    (Code::AlreadyExists, b"ALREADYEXISTS"),
    (Code::AuthenticationFailed, b"AUTHENTICATIONFAILED"),
    (Code::Cannot, b"CANNOT"),
    (Code::ClientBug, b"CLIENTBUG"),
    (Code::Closed, b"CLOSED"),
    (Code::ContactAdmin, b"CONTACTADMIN"),
    (Code::Corruption, b"CORRUPTION"),
    (Code::Expired, b"EXPIRED"),
    (Code::ExpungeIssued, b"EXPUNGEISSUED"),
    (Code::HasChildren, b"HASCHILDREN"),
    (Code::InUse, b"INUSE"),
    (Code::Limit, b"LIMIT"),
    (Code::NonExistent, b"NONEXISTENT"),
    (Code::NoPerm, b"NOPERM"),
    (Code::OverQuota, b"OVERQUOTA"),
    (Code::Parse, b"PARSE"),
    (Code::PrivacyRequired, b"PRIVACYREQUIRED"),
    (Code::ReadOnly, b"READ-ONLY"),
    (Code::ReadWrite, b"READ-WRITE"),
    (Code::ServerBug, b"SERVERBUG"),
    (Code::TooBig, b"TOOBIG"),
    (Code::TryCreate, b"TRYCREATE"),
    (Code::UidNotSticky, b"UIDNOTSTICKY"),
    (Code::Unavailable, b"UNAVAILABLE"),
    (Code::UnknownCte, b"UNKNOWN-CTE"),
];

impl Code {
    /// Reads `[code]` and the space behind it, `None` when there is none. What is not known, or not as it
    /// should be, is kept verbatim as [`Code::Other`].
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let inside = take_brackets(reader)?;
        reader.eat(b' ');
        let known = Self::read_inside(&mut Reader::new(&inside));
        Some(known.unwrap_or(Self::Other(inside)))
    }

    fn read_inside(reader: &mut Reader<'_>) -> Option<Self> {
        let name = reader.atom()?;
        if reader.is_at_end() {
            let plain = PLAIN_CODES.iter().find(|(_, known)| name.eq_ignore_ascii_case(known));
            if let Some((code, _)) = plain {
                return Some(code.clone());
            }
        }
        let code = match name.to_ascii_uppercase().as_slice() {
            b"APPENDUID" => Self::AppendUid(read_validity(reader)?, read_ascending_set(reader)?),
            b"COPYUID" => Self::CopyUid(
                read_validity(reader)?,
                read_ascending_set(reader)?,
                read_ascending_set(reader)?,
            ),
            b"BADCHARSET" if reader.is_at_end() => Self::BadCharset(Vec::new()),
            b"BADCHARSET" => Self::BadCharset(reader.list(Reader::astring)?),
            b"CAPABILITY" => Self::Capability(read_words(reader).into_iter().map(Capability).collect()),
            b"PERMANENTFLAGS" => Self::PermanentFlags(read_flags(reader)?),
            b"UIDNEXT" => Self::UidNext(reader.number32()?),
            b"UIDVALIDITY" => Self::UidValidity(read_validity(reader)?),
            b"UNSEEN" => Self::Unseen(reader.number32()?),
            b"HIGHESTMODSEQ" => Self::HighestModSeq(reader.number()?),
            _ => return None,
        };
        reader.is_at_end().then_some(code)
    }

    /// `resp-text-code`, without the brackets.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::AppendUid(validity, uids) => {
                named_number(out, b"APPENDUID", u64::from(validity.get()));
                spaced_set(out, uids);
            }
            Self::CopyUid(validity, source, target) => {
                named_number(out, b"COPYUID", u64::from(validity.get()));
                spaced_set(out, source);
                spaced_set(out, target);
            }
            Self::BadCharset(charsets) => write_bad_charset(out, charsets),
            Self::Capability(capabilities) => write_capabilities(out, capabilities),
            Self::PermanentFlags(flags) => {
                out.extend_from_slice(b"PERMANENTFLAGS ");
                write::flag_list(out, flags);
            }
            Self::UidNext(uid) => named_number(out, b"UIDNEXT", u64::from(*uid)),
            Self::UidValidity(validity) => named_number(out, b"UIDVALIDITY", u64::from(validity.get())),
            Self::Unseen(seq_num) => named_number(out, b"UNSEEN", u64::from(*seq_num)),
            Self::HighestModSeq(mod_seq) => named_number(out, b"HIGHESTMODSEQ", *mod_seq),
            Self::Other(verbatim) => write_word(out, verbatim),
            plain => {
                let name = PLAIN_CODES.iter().find(|(code, _)| code == plain).map(|&(_, name)| name);
                out.extend_from_slice(name.expect("every code without arguments is in the table"));
            }
        }
    }
}

fn named_number(out: &mut Vec<u8>, name: &[u8], number: u64) {
    out.extend_from_slice(name);
    out.push(b' ');
    write::number(out, number);
}

fn spaced_set(out: &mut Vec<u8>, set: &NumberSet) {
    out.push(b' ');
    write::number_set(out, set);
}

/// `"BADCHARSET" [SP "(" charset *(SP charset) ")" ]`. A name that is neither an atom nor fit for quotes is
/// left out: there are no literals in the text of a status.
fn write_bad_charset(out: &mut Vec<u8>, charsets: &[Bytes]) {
    out.extend_from_slice(b"BADCHARSET");
    let mut before: &[u8] = b" (";
    let is_quotable = |octet: &u8| matches!(octet, b' '..=b'~') && !b"\"\\".contains(octet);
    for charset in charsets.iter().filter(|charset| charset.iter().all(is_quotable)) {
        out.extend_from_slice(before);
        before = b" ";
        if is_atom(charset) {
            out.extend_from_slice(charset);
        } else {
            out.push(b'"');
            out.extend_from_slice(charset);
            out.push(b'"');
        }
    }
    if before == b" " {
        out.push(b')');
    }
}

/// What stands between `[` and its `]`. Some servers have flags with brackets in PERMANENTFLAGS, so a `]`
/// inside parentheses or quotes does not count; where that leads nowhere, the first one does.
fn take_brackets(reader: &mut Reader<'_>) -> Option<Bytes> {
    let mut inside = *reader;
    if !inside.eat(b'[') {
        return None;
    }
    let text = inside.rest();
    let length = balanced_length(&text).or_else(|| text.iter().position(|&octet| octet == b']'))?;
    inside.skip(length + 1);
    *reader = inside;
    Some(text.slice(..length))
}

fn balanced_length(text: &[u8]) -> Option<usize> {
    let (mut open_lists, mut is_quoted) = (0u32, false);
    for (at, octet) in text.iter().enumerate() {
        match octet {
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'(' => open_lists += 1,
            b')' => open_lists = open_lists.checked_sub(1)?,
            b']' if open_lists == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

fn read_validity(reader: &mut Reader<'_>) -> Option<UidValidity> {
    UidValidity::new(reader.number32()?)
}

/// A set whose numbers stand in ascending order. Another order means something in COPYUID, where the sets
/// pair up (RFC 4315 §3), and our sets cannot keep it: such a code stays verbatim.
fn read_ascending_set(reader: &mut Reader<'_>) -> Option<NumberSet> {
    reader.skip_spaces();
    let start = reader.at();
    let set = reader.strict(parse::number_set)?;
    let text = reader.since(start);
    let mut last = 0;
    for number in text.split(|octet| !octet.is_ascii_digit()) {
        let number: u32 = std::str::from_utf8(number).ok()?.parse().ok()?;
        if number < last {
            return None;
        }
        last = number;
    }
    Some(set)
}
