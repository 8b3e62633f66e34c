//! The criteria of SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4).

use bytes::Bytes;

use super::{Date, Keyword, SequenceSet, SystemFlag};

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
    /// The key does not match.
    Not(Box<SearchKey>),
    /// One of the two matches.
    Or(Box<SearchKey>, Box<SearchKey>),
    /// All of them match. Never empty.
    And(Vec<SearchKey>),
}
