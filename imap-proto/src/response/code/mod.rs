//! Response codes in brackets (RFC 9051 §7.1, RFC 5530 and many more).

mod read;
mod write;

use bytes::Bytes;

use super::Capability;
use crate::types::{Flag, NumberRanges, NumberSet, ObjectId, Uid, UidValidity};

/// A response code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// ALREADYEXISTS
    AlreadyExists,
    /// APPENDUID uidvalidity uids (RFC 4315), in the order of the messages
    AppendUid(UidValidity, NumberRanges),
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
    /// COPYUID uidvalidity source target (RFC 4315); the n-th of one is the n-th of the other, and servers send them in
    /// any order
    CopyUid(UidValidity, NumberRanges, NumberRanges),
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
    /// ALERT: the text is to be shown to the user
    Alert,
    /// AUTHORIZATIONFAILED (RFC 5530)
    AuthorizationFailed,
    /// BADCOMPARATOR (RFC 5255)
    BadComparator,
    /// COMPRESSIONACTIVE (RFC 4978)
    CompressionActive,
    /// NOMODSEQ (RFC 7162)
    NoModSeq,
    /// NOTIFICATIONOVERFLOW (RFC 5465): no more events are told
    NotificationOverflow,
    /// NOTSAVED (RFC 5182): `$` is empty
    NotSaved,
    /// NOT-UTF-8 (RFC 6855)
    NotUtf8,
    /// TEMPFAIL (RFC 5259)
    TempFail,
    /// TOOFEW (RFC 10022)
    TooFew,
    /// TOOMANY (RFC 10022)
    TooMany,
    /// UIDREQUIRED (RFC 9586)
    UidRequired,
    /// USEATTR (RFC 6154)
    UseAttr,
    /// ANNOTATE TOOBIG or TOOMANY (RFC 5257)
    Annotate(AnnotateProblem),
    /// ANNOTATIONS ... (RFC 5257)
    Annotations(AnnotationSupport),
    /// BADEVENT (events): all that NOTIFY knows (RFC 5465)
    BadEvent(Vec<Bytes>),
    /// BADURL url (RFC 4469), verbatim
    BadUrl(Bytes),
    /// INPROGRESS ... (RFC 9585)
    InProgress(InProgress),
    /// MAILBOXID (id) (RFC 8474)
    MailboxId(ObjectId),
    /// MAXCONVERTMESSAGES n (RFC 5259)
    MaxConvertMessages(u32),
    /// MAXCONVERTPARTS n (RFC 5259)
    MaxConvertParts(u32),
    /// MESSAGELIMIT n uid (RFC 9738)
    MessageLimit {
        /// How many messages one command may touch.
        limit: u32,
        /// The lowest UID that was done, where it is known.
        lowest_uid: Option<Uid>,
    },
    /// METADATA ... (RFC 5464)
    Metadata(MetadataLimit),
    /// MODIFIED set: what a conditional STORE left alone (RFC 7162); UIDs behind UID STORE
    Modified(NumberSet),
    /// NEWNAME old new (RFC 2060)
    NewName(Bytes, Bytes),
    /// NOUPDATE "tag": no updates for that command (RFC 5267)
    NoUpdate(Bytes),
    /// REFERRAL url (RFC 2221, RFC 2193), verbatim; some servers send several
    Referral(Bytes),
    /// UNDEFINED-FILTER name (RFC 5466)
    UndefinedFilter(Bytes),
    /// URLMECH mechanism ...: INTERNAL and others, each with its `=data` where it has any (RFC 4467)
    UrlMech(Vec<Bytes>),
    /// Any other, verbatim without brackets.
    Other(Bytes),
}

/// What ANNOTATE tells (RFC 5257 §4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotateProblem {
    /// TOOBIG: the annotation is too large.
    TooBig,
    /// TOOMANY: there is no room for another annotation.
    TooMany,
}

/// What ANNOTATIONS tells (RFC 5257 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationSupport {
    /// NONE: the mailbox has no annotations.
    None,
    /// READ-ONLY
    ReadOnly {
        /// NOPRIVATE: there are shared ones only.
        no_private: bool,
    },
    /// n
    Writable {
        /// The largest annotation, in octets, from 1.
        octets_max: u32,
        /// NOPRIVATE: there are shared ones only.
        no_private: bool,
    },
}

/// What METADATA tells (RFC 5464 §4.2.1, §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataLimit {
    /// LONGENTRIES n: a value of that many octets was left out for MAXSIZE.
    LongEntries(u64),
    /// MAXSIZE n: larger values are refused.
    MaxSize(u64),
    /// TOOMANY: no more entries fit.
    TooMany,
    /// NOPRIVATE: there are shared entries only.
    NoPrivate,
}

/// How far a command is (RFC 9585).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct InProgress {
    /// The command's tag, where it is known.
    pub tag: Option<Bytes>,
    /// How much is done.
    pub progress: Option<u32>,
    /// Of how much: more than `progress`, and `None` where that is.
    pub goal: Option<u32>,
}

/// Every code without arguments, with its name.
const PLAIN_CODES: [(Code, &[u8]); 38] = [
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
    (Code::Alert, b"ALERT"),
    (Code::AuthorizationFailed, b"AUTHORIZATIONFAILED"),
    (Code::BadComparator, b"BADCOMPARATOR"),
    (Code::CompressionActive, b"COMPRESSIONACTIVE"),
    (Code::NoModSeq, b"NOMODSEQ"),
    (Code::NotificationOverflow, b"NOTIFICATIONOVERFLOW"),
    (Code::NotSaved, b"NOTSAVED"),
    (Code::NotUtf8, b"NOT-UTF-8"),
    (Code::TempFail, b"TEMPFAIL"),
    (Code::TooFew, b"TOOFEW"),
    (Code::TooMany, b"TOOMANY"),
    (Code::UidRequired, b"UIDREQUIRED"),
    (Code::UseAttr, b"USEATTR"),
];
