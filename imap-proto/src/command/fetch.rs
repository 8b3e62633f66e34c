//! FETCH (RFC 9051 §6.4.5, RFC 3501 §6.4.5).

use bytes::Bytes;

use crate::types::SequenceSet;

/// FETCH set items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The set is of UIDs, and every answer has the UID.
    pub uid: bool,
    /// Which messages.
    pub set: SequenceSet,
    /// What of them, macros resolved, at least one.
    pub items: Vec<FetchItem>,
}

/// One thing to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchItem {
    /// ENVELOPE
    Envelope,
    /// FLAGS
    Flags,
    /// INTERNALDATE
    InternalDate,
    /// RFC822.SIZE
    Rfc822Size,
    /// UID
    Uid,
    /// BODY: the structure without extension data
    Body,
    /// BODYSTRUCTURE
    BodyStructure,
    /// RFC822: the whole message, sets \Seen
    Rfc822,
    /// RFC822.HEADER: the header, leaves \Seen
    Rfc822Header,
    /// RFC822.TEXT: all behind the header, sets \Seen
    Rfc822Text,
    /// BODY[section]<partial> and BODY.PEEK[...]
    Section {
        /// Which octets.
        section: Section,
        /// Which of these.
        partial: Option<Partial>,
        /// Leave \Seen as it is.
        peek: bool,
    },
    /// BINARY[part]<partial> and BINARY.PEEK[...]: the part with its transfer encoding undone
    Binary {
        /// The part; empty is the whole message.
        part: Vec<u32>,
        /// Which octets of the decoded part.
        partial: Option<Partial>,
        /// Leave \Seen as it is.
        peek: bool,
    },
    /// BINARY.SIZE[part]
    BinarySize {
        /// The part; empty is the whole message.
        part: Vec<u32>,
    },
}

/// What stands in the brackets of BODY[...]; empty is the whole message.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Section {
    /// The part's numbers from the outside in, each from 1.
    pub part: Vec<u32>,
    /// What of the part; `None`: its body (or the whole message).
    pub text: Option<SectionText>,
}

/// What of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionText {
    /// HEADER: the header of the message, or of an attached message.
    Header,
    /// HEADER.FIELDS and HEADER.FIELDS.NOT.
    HeaderFields {
        /// The fields that are *not* named.
        not: bool,
        /// Their names as the client spelled them, at least one.
        names: Vec<Bytes>,
    },
    /// TEXT: all behind that header.
    Text,
    /// MIME: the part's own header. Only with a part number.
    Mime,
}

/// `<start.count>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    /// The first octet, from 0.
    pub start: u64,
    /// How many at the most, at least 1.
    pub count: u64,
}
