//! The criteria of SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4) and of its extensions.

use std::num::NonZeroU32;

use bytes::Bytes;

use super::{Date, Flag, Keyword, ModSeq, ObjectId, SequenceSet, SystemFlag, Uid};

/// One criterion. Strings are in the charset of the command, not yet decoded.
///
/// Keys that are abbreviations are resolved by the parser: NEW is `And[Recent, Not(Seen)]`, OLD is
/// `Not(Recent)`, UNSEEN is `Not(Flag(Seen))`, FROM x is `Header("From", x)` and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchKey {
    /// Every message.
    All,
    /// A system flag is set.
    Flag(SystemFlag),
    /// `\Recent` in this session's view.
    Recent,
    /// A keyword is set.
    Keyword(Keyword),
    /// Sequence numbers.
    SequenceSet(SequenceSet),
    /// UIDs.
    Uid(SequenceSet),
    /// Internal date, day as written, before the day.
    Before(Date),
    /// Internal date on the day.
    On(Date),
    /// Internal date on the day or later.
    Since(Date),
    /// Date field before the day.
    SentBefore(Date),
    /// Date field on the day.
    SentOn(Date),
    /// Date field on the day or later.
    SentSince(Date),
    /// RFC822.SIZE over that many octets.
    Larger(u64),
    /// RFC822.SIZE under that many octets.
    Smaller(u64),
    /// A header field of that name holds the string; the empty string asks whether the field exists.
    /// FROM, TO, CC, BCC and SUBJECT are this too.
    Header(Bytes, Bytes),
    /// The body holds the string.
    Body(Bytes),
    /// Header or body hold the string.
    Text(Bytes),
    /// OLDER: internal date at least that many seconds ago (RFC 5032).
    Older(NonZeroU32),
    /// YOUNGER: internal date at most that many seconds ago (RFC 5032).
    Younger(NonZeroU32),
    /// MODSEQ: changed at that modification sequence or later (RFC 7162 §3.1.5).
    ModSeq {
        /// The lowest modification sequence that matches.
        since: ModSeq,
        /// The one flag whose change counts; servers may take it for all flags.
        entry: Option<Box<ModSeqEntry>>,
    },
    /// SAVEDBEFORE: came into the mailbox before the day (RFC 8514).
    SavedBefore(Date),
    /// SAVEDON: came into the mailbox on the day (RFC 8514).
    SavedOn(Date),
    /// SAVEDSINCE: came into the mailbox on the day or later (RFC 8514).
    SavedSince(Date),
    /// SAVEDATESUPPORTED: every message, where the mailbox keeps save dates; else none (RFC 8514).
    SaveDateSupported,
    /// EMAILID (RFC 8474).
    EmailId(ObjectId),
    /// THREADID (RFC 8474).
    ThreadId(ObjectId),
    /// FUZZY: the key matches as the server sees fit (RFC 6203).
    Fuzzy(Box<SearchKey>),
    /// FILTER: a named search that the server keeps (RFC 5466).
    Filter(Bytes),
    /// ANNOTATION (RFC 5257).
    Annotation(Box<AnnotationKey>),
    /// UIDAFTER: a UID over that one (RFC 9738 §3.2).
    UidAfter(Uid),
    /// UIDBEFORE: a UID under that one (RFC 9738 §3.2).
    UidBefore(Uid),
    /// X-GM-RAW: a search in Gmail's own words.
    GmailRaw(Bytes),
    /// X-GM-LABELS: the message has the label.
    GmailLabel(Bytes),
    /// X-GM-MSGID
    GmailMessageId(u64),
    /// X-GM-THRID
    GmailThreadId(u64),
    /// The key does not match.
    Not(Box<SearchKey>),
    /// One of the two matches.
    Or(Box<SearchKey>, Box<SearchKey>),
    /// All of them match. Never empty.
    And(Vec<SearchKey>),
}

/// Which flag a MODSEQ key asks of, and whose (RFC 7162 §3.1.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModSeqEntry {
    /// The flag of `"/flags/..."`.
    pub flag: Flag,
    /// Whose flag.
    pub scope: EntryScope,
}

/// Whether a flag or an annotation is one user's or everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryScope {
    /// The user's own.
    Private,
    /// Everybody's.
    Shared,
    /// Either.
    All,
}

/// What an ANNOTATION key asks for (RFC 5257 §4.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationKey {
    /// The entry, in which `*` and `%` are wildcards.
    pub entry: Bytes,
    /// Which of its values.
    pub attribute: AnnotationValue,
    /// The string that the value holds; `None`: there is no such annotation.
    pub value: Option<Bytes>,
}

/// Which value of an annotation: `value`, `value.priv` or `value.shared`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationValue {
    /// Either of both. Never in a sort key.
    Any,
    /// The user's own.
    Private,
    /// Everybody's.
    Shared,
}
