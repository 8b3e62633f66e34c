//! Response codes in brackets (RFC 9051 §7.1, RFC 5530).

use bytes::Bytes;

use super::Capability;
use crate::types::{Flag, NumberSet, UidValidity};

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
