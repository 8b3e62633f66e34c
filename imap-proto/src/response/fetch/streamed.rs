//! [`StreamedFetch`]: a FETCH or UIDFETCH whose large literals never lie in memory as a whole.

use bytes::Bytes;

use super::read::{read_items, read_origin};
use super::{FetchAttribute, FetchAttributes};
use crate::command::{Section, section, section_binary};
use crate::response::Response;
use crate::types::{SeqNum, Uid};
use crate::wire::read::Reader;

/// A FETCH, or the UIDFETCH of RFC 9586, of which a literal is streamed: what came before it, and what it is.
///
/// The events of [`crate::wire::ResponseFramer`] and what to do with them:
///
/// ```text
/// StreamStart { frame }   StreamedFetch::parse_head(&frame): attributes before, and the item to come
/// Chunk, Chunk, ...       the item's octets
/// StreamEnd
/// StreamStart { frame }   fetch.parse_next(&frame), where one response has several of them; and chunks again
/// Response(frame)         fetch.parse_rest(&frame): attributes behind
/// ```
///
/// ```
/// use bytes::Bytes;
/// use imap_proto::response::{FetchAttribute, StreamedFetch, StreamedItem};
///
/// let head = Bytes::from_static(b"* 7 FETCH (UID 12 BODY[1] {100000}\r\n");
/// let fetch = StreamedFetch::parse_head(&head).expect("it is a FETCH");
/// assert_eq!(fetch.message.seq_num().map(|number| number.get()), Some(7));
/// assert!(matches!(fetch.before[..], [FetchAttribute::Uid(_)]));
/// assert!(matches!(&fetch.item, StreamedItem::Section { section, .. } if section.part == [1]));
/// // Then 100,000 octets in chunks, and:
/// let behind = fetch.parse_rest(&Bytes::from_static(b" RFC822.SIZE 123456)"));
/// assert_eq!(behind[..], [FetchAttribute::Rfc822Size(123_456)]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StreamedFetch {
    /// Which message.
    pub message: FetchedMessage,
    /// The attributes before the literal; after [`Self::parse_next`] those between the two.
    pub before: FetchAttributes,
    /// Whose octets come now.
    pub item: StreamedItem,
    /// Parentheses of the item's value that were open before the literal.
    open_lists: usize,
}

/// How a streamed FETCH names its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchedMessage {
    /// `* n FETCH`
    SeqNum(SeqNum),
    /// `* uid UIDFETCH`, of a session with UIDONLY (RFC 9586 §3)
    Uid(Uid),
}

impl FetchedMessage {
    /// The number of a FETCH; `None` for UIDFETCH.
    pub fn seq_num(self) -> Option<SeqNum> {
        match self {
            Self::SeqNum(seq_num) => Some(seq_num),
            Self::Uid(_) => None,
        }
    }

    /// The response of these attributes.
    pub fn response(self, attributes: FetchAttributes) -> Response {
        match self {
            Self::SeqNum(seq_num) => Response::Fetch { seq_num, attributes },
            Self::Uid(uid) => Response::UidFetch { uid, attributes },
        }
    }
}

/// An item of a FETCH without its octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamedItem {
    /// RFC822, RFC822.HEADER or RFC822.TEXT
    Rfc822(&'static str),
    /// `BODY[section]<origin>`
    Section {
        /// Which octets.
        section: Section,
        /// From which octet on, where a part was asked for.
        origin: Option<u64>,
    },
    /// `BINARY[part]<origin>`
    Binary {
        /// The part.
        part: Vec<u32>,
        /// From which octet on.
        origin: Option<u64>,
    },
    /// Any other item of that name, verbatim; the literal may be its value or stand somewhere in it (a
    /// subject in an ENVELOPE). Its octets make no sense by themselves: drop them.
    Other(Bytes),
}

impl StreamedFetch {
    /// Reads the frame of a `StreamStart`. `None` when it is neither FETCH nor UIDFETCH: then drop the octets, and the rest.
    pub fn parse_head(frame: &Bytes) -> Option<Self> {
        let mut reader = Reader::new(frame);
        if !reader.eat_spaced(b'*') {
            return None;
        }
        let number = reader.number32()?;
        let name = reader.atom()?;
        let message = if name.eq_ignore_ascii_case(b"FETCH") {
            FetchedMessage::SeqNum(SeqNum::new(number)?)
        } else if name.eq_ignore_ascii_case(b"UIDFETCH") {
            FetchedMessage::Uid(Uid::new(number)?)
        } else {
            return None;
        };
        if !reader.eat_spaced(b'(') {
            return None;
        }
        Self::read(message, &mut reader)
    }

    /// Reads the frame of another `StreamStart` of the same response: what stands behind the octets of the
    /// last one. `None` when there is no sense in it.
    pub fn parse_next(&self, frame: &Bytes) -> Option<Self> {
        let mut reader = Reader::new(frame);
        match reader.skip_value_rest(self.open_lists) {
            Ok(()) => Self::read(self.message, &mut reader),
            Err(open_lists) => Some(Self {
                before: FetchAttributes::new(),
                open_lists,
                item: self.item.clone(),
                message: self.message,
            }),
        }
    }

    /// Reads the frame of the `Response` that ends it: the attributes behind the octets of the last literal.
    pub fn parse_rest(&self, frame: &Bytes) -> FetchAttributes {
        let mut reader = Reader::new(frame);
        let mut attributes = FetchAttributes::new();
        if reader.skip_value_rest(self.open_lists).is_ok() {
            read_items(&mut reader, &mut attributes);
        }
        attributes
    }

    /// Reads items up to the head of a streamed literal.
    fn read(message: FetchedMessage, reader: &mut Reader<'_>) -> Option<Self> {
        let mut before = FetchAttributes::new();
        let (item, open_lists) = read_items(reader, &mut before)?;
        Some(Self { message, before, item, open_lists })
    }
}

impl StreamedItem {
    /// The item of that name, [`Self::Other`] where it is not one with octets of a message.
    pub(super) fn from_name(name: Bytes) -> Self {
        let mut inside = Reader::new(&name);
        let base = inside.take_until(|octet| octet == b'[').to_ascii_uppercase();
        if base.len() == name.len() {
            let known = ["RFC822", "RFC822.HEADER", "RFC822.TEXT"];
            let found = known.into_iter().find(|known| known.as_bytes() == base);
            return found.map_or(Self::Other(name), Self::Rfc822);
        }
        let item = match base.as_slice() {
            b"BODY" => inside.strict(section).map(|section| Self::Section { section, origin: None }),
            b"BINARY" => inside.strict(section_binary).map(|part| Self::Binary { part, origin: None }),
            _ => None,
        };
        match (item, read_origin(&mut inside)) {
            (Some(Self::Section { section, .. }), Some(origin)) => Self::Section { section, origin },
            (Some(Self::Binary { part, .. }), Some(origin)) => Self::Binary { part, origin },
            _ => Self::Other(name),
        }
    }

    /// The attribute, for whoever has gathered the octets after all. `None` for [`Self::Other`].
    pub fn into_attribute(self, data: Option<Bytes>) -> Option<FetchAttribute> {
        Some(match self {
            Self::Rfc822(name) => FetchAttribute::Rfc822(name, data),
            Self::Section { section, origin } => FetchAttribute::Section { section, origin, data },
            Self::Binary { part, origin } => FetchAttribute::Binary { part, origin, data },
            Self::Other(_) => return None,
        })
    }
}
