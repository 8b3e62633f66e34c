//! Response codes in brackets (RFC 9051 §7.1, RFC 5530).

use bytes::Bytes;

use super::Capability;
use super::capability::write_capabilities;
use super::flags::write_flags;
use super::text::{is_atom, write_word};
use crate::types::{Flag, NumberSet, UidValidity};
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
                write_flags(out, flags);
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
