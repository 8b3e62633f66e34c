//! LIST and LSUB (RFC 9051 §7.3.1).

use bytes::Bytes;

use super::text::write_word;
use crate::Dialect;
use crate::wire::read::Reader;
use crate::wire::write;

/// One line of LIST or LSUB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListData {
    /// In the order of the server.
    pub attributes: Vec<NameAttribute>,
    /// What separates levels; `None` is NIL.
    pub delimiter: Option<u8>,
    /// The name in the octets of the wire.
    pub name: Bytes,
}

/// A mailbox name attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameAttribute {
    /// \Noselect
    NoSelect,
    /// \NonExistent
    NonExistent,
    /// \Noinferiors
    NoInferiors,
    /// \HasChildren
    HasChildren,
    /// \HasNoChildren
    HasNoChildren,
    /// \Marked
    Marked,
    /// \Unmarked
    Unmarked,
    /// \Subscribed
    Subscribed,
    /// \Remote
    Remote,
    /// \All
    All,
    /// \Archive
    Archive,
    /// \Drafts
    Drafts,
    /// \Flagged
    Flagged,
    /// \Junk
    Junk,
    /// \Sent
    Sent,
    /// \Trash
    Trash,
    /// Any other, verbatim with its backslash.
    Other(Bytes),
}

impl ListData {
    /// Extended data behind the name is skipped (`mbox-list-extended`).
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let attributes = reader.list(Reader::atom)?.into_iter().map(NameAttribute::from_word).collect();
        let list = Self { attributes, delimiter: read_delimiter(reader)?, name: reader.astring()? };
        while !reader.is_at_end() {
            let start = reader.at();
            reader.skip_value(0).ok()?;
            if reader.at() == start {
                return None;
            }
        }
        Some(list)
    }

    /// `mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox`
    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.push(b'(');
        for (index, attribute) in self.attributes.iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            write_word(out, attribute.name());
        }
        out.extend_from_slice(b") ");
        write_delimiter(out, self.delimiter);
        out.push(b' ');
        write::string(out, &self.name, dialect);
    }
}

/// `DQUOTE QUOTED-CHAR DQUOTE / nil`. The only place with an escape in quotes: the grammar allows no literal
/// here, and our own delimiter never needs one.
pub(super) fn write_delimiter(out: &mut Vec<u8>, delimiter: Option<u8>) {
    match delimiter {
        Some(octet @ (b'"' | b'\\')) => out.extend_from_slice(&[b'"', b'\\', octet, b'"']),
        Some(octet @ b' '..=b'~') => out.extend_from_slice(&[b'"', octet, b'"']),
        _ => out.extend_from_slice(b"NIL"),
    }
}

/// The outer `None`: there is neither NIL nor a single octet. An empty string is taken for NIL.
pub(super) fn read_delimiter(reader: &mut Reader<'_>) -> Option<Option<u8>> {
    match reader.nstring()?.as_deref() {
        None | Some([]) => Some(None),
        Some(&[octet]) => Some(Some(octet)),
        Some(_) => None,
    }
}

/// Every attribute that we know, with its spelling.
const ATTRIBUTES: [(NameAttribute, &[u8]); 16] = [
    (NameAttribute::NoSelect, b"\\Noselect"),
    (NameAttribute::NonExistent, b"\\NonExistent"),
    (NameAttribute::NoInferiors, b"\\Noinferiors"),
    (NameAttribute::HasChildren, b"\\HasChildren"),
    (NameAttribute::HasNoChildren, b"\\HasNoChildren"),
    (NameAttribute::Marked, b"\\Marked"),
    (NameAttribute::Unmarked, b"\\Unmarked"),
    (NameAttribute::Subscribed, b"\\Subscribed"),
    (NameAttribute::Remote, b"\\Remote"),
    (NameAttribute::All, b"\\All"),
    (NameAttribute::Archive, b"\\Archive"),
    (NameAttribute::Drafts, b"\\Drafts"),
    (NameAttribute::Flagged, b"\\Flagged"),
    (NameAttribute::Junk, b"\\Junk"),
    (NameAttribute::Sent, b"\\Sent"),
    (NameAttribute::Trash, b"\\Trash"),
];

impl NameAttribute {
    fn from_word(word: Bytes) -> Self {
        let known = ATTRIBUTES.iter().find(|(_, name)| word.eq_ignore_ascii_case(name));
        known.map_or_else(|| Self::Other(word), |(attribute, _)| attribute.clone())
    }

    /// The spelling, with its backslash.
    fn name(&self) -> &[u8] {
        if let Self::Other(name) = self {
            return name;
        }
        ATTRIBUTES.iter().find(|(known, _)| known == self).map_or(b"".as_slice(), |(_, name)| name)
    }
}
