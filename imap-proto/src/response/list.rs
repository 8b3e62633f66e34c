//! LIST and LSUB (RFC 9051 §7.3.1), and the XLIST of Gmail.

use bytes::Bytes;

use super::text::{write_list, write_word};
use crate::Dialect;
use crate::types::Octets;
use crate::wire::read::Reader;
use crate::wire::write;

/// One line of LIST, LSUB or XLIST.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ListData {
    /// In the order of the server.
    pub attributes: Vec<NameAttribute>,
    /// What separates levels; `None` is NIL.
    pub delimiter: Option<u8>,
    /// The name in the octets of the wire.
    pub name: Bytes,
    /// Extended data, in the order of the server; only for clients that asked for it, or have enabled
    /// IMAP4rev2.
    pub extended: Vec<ListExtension>,
}

/// Extended data of a LIST (RFC 9051 §7.3.1, RFC 5258 §3.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListExtension {
    /// CHILDINFO (...): mailboxes below match these selection options, `SUBSCRIBED` for one (RFC 9051
    /// §6.3.9.6)
    ChildInfo(Vec<Bytes>),
    /// OLDNAME (name): the mailbox had that name, in the octets of the wire (RFC 9051 §6.3.9.7)
    OldName(Bytes),
    /// Any other, with its value verbatim.
    Other(Bytes, Bytes),
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
    /// \Important (RFC 8457)
    Important,
    /// \Memos (RFC 9979)
    Memos,
    /// \Scheduled (RFC 9979)
    Scheduled,
    /// \Snoozed (RFC 9979)
    Snoozed,
    /// \Inbox (XLIST only)
    Inbox,
    /// \AllMail (XLIST only)
    AllMail,
    /// \Spam (XLIST only)
    Spam,
    /// \Starred (XLIST only)
    Starred,
    /// Any other, verbatim with its backslash.
    Other(Bytes),
}

impl ListData {
    /// Without extended data.
    pub fn new(attributes: Vec<NameAttribute>, delimiter: Option<u8>, name: impl Into<Bytes>) -> Self {
        Self { attributes, delimiter, name: name.into(), extended: Vec::new() }
    }

    /// ```abnf
    /// mailbox-list    = "(" [mbx-list-flags] ")" SP
    ///                   (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox
    ///                   [SP mbox-list-extended]
    /// mbox-list-extended =  "(" [mbox-list-extended-item
    ///                       *(SP mbox-list-extended-item)] ")"
    /// ```
    ///
    /// Whatever else stands behind the name is skipped.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let attributes = reader.list(Reader::atom)?.into_iter().map(NameAttribute::from_word).collect();
        let (delimiter, name) = (read_delimiter(reader)?, read_mailbox(reader)?);
        let start = *reader;
        let extended = match reader.list(ListExtension::read) {
            Some(extended) => extended,
            None => {
                *reader = start;
                Vec::new()
            }
        };
        while !reader.is_at_end() {
            let start = reader.at();
            reader.skip_value(0).ok()?;
            if reader.at() == start {
                return None;
            }
        }
        Some(Self { attributes, delimiter, name, extended })
    }

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
        if !self.extended.is_empty() {
            out.push(b' ');
            write_list(out, &self.extended, |out, extension| extension.write(out, dialect));
        }
    }
}

impl ListExtension {
    /// ```abnf
    /// mbox-list-extended-item = mbox-list-extended-item-tag SP
    ///                            tagged-ext-val
    /// mbox-list-extended-item-tag = astring
    /// childinfo-extended-item =  "CHILDINFO" SP "("
    ///             list-select-base-opt-quoted
    ///             *(SP list-select-base-opt-quoted) ")"
    /// oldname-extended-item =  "OLDNAME" SP "(" mailbox ")"
    /// ```
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let tag = reader.astring()?;
        let value_start = *reader;
        if let Some(known) = Self::read_known(&tag, reader) {
            return Some(known);
        }
        *reader = value_start;
        reader.skip_spaces();
        let start = reader.at();
        reader.skip_value(0).ok()?;
        Some(Self::Other(tag, reader.since(start)))
    }

    fn read_known(tag: &[u8], reader: &mut Reader<'_>) -> Option<Self> {
        match tag.to_ascii_uppercase().as_slice() {
            b"CHILDINFO" => reader.list(Reader::astring).map(Self::ChildInfo),
            b"OLDNAME" => {
                let name = (reader.eat_spaced(b'(')).then(|| reader.astring())??;
                reader.eat_spaced(b')').then_some(Self::OldName(name))
            }
            _ => None,
        }
    }

    fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        match self {
            Self::ChildInfo(options) => {
                out.extend_from_slice(b"\"CHILDINFO\" ");
                write_list(out, options, |out, option| write::string(out, option, dialect));
            }
            Self::OldName(name) => {
                out.extend_from_slice(b"\"OLDNAME\" (");
                write::string(out, name, dialect);
                out.push(b')');
            }
            Self::Other(tag, value) => {
                write::string(out, tag, dialect);
                out.push(b' ');
                out.extend_from_slice(value);
            }
        }
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

/// A mailbox's name with a list or nothing behind it. One without quotes may have spaces and parentheses in it, where
/// a server forgot the quotes: it reaches to the list or to the end.
pub(super) fn read_mailbox(reader: &mut Reader<'_>) -> Option<Bytes> {
    reader.skip_spaces();
    let start = *reader;
    let name = reader.astring()?;
    if matches!(start.peek(), Some(b'"' | b'{')) || reader.is_at_list_or_end() {
        return Some(name);
    }
    *reader = start;
    reader.take_bare_name().or_else(|| reader.astring())
}

/// The outer `None`: there is neither NIL nor a single octet. An empty string is taken for NIL.
pub(super) fn read_delimiter(reader: &mut Reader<'_>) -> Option<Option<u8>> {
    reader.skip_spaces();
    if reader.eat_nils(br#""\""#) {
        // Servers whose delimiter it is forget that it is escaped in quotes.
        return Some(Some(b'\\'));
    }
    match reader.nstring::<Octets>()?.as_deref() {
        None | Some([]) => Some(None),
        Some(&[octet]) => Some(Some(octet)),
        Some(_) => None,
    }
}

/// Every attribute that we know, with its spelling.
const ATTRIBUTES: [(NameAttribute, &[u8]); 24] = [
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
    (NameAttribute::Important, b"\\Important"),
    (NameAttribute::Memos, b"\\Memos"),
    (NameAttribute::Scheduled, b"\\Scheduled"),
    (NameAttribute::Snoozed, b"\\Snoozed"),
    (NameAttribute::Inbox, b"\\Inbox"),
    (NameAttribute::AllMail, b"\\AllMail"),
    (NameAttribute::Spam, b"\\Spam"),
    (NameAttribute::Starred, b"\\Starred"),
];

impl NameAttribute {
    pub(crate) fn from_word(word: Bytes) -> Self {
        let known = ATTRIBUTES.iter().find(|(_, name)| word.eq_ignore_ascii_case(name));
        known.map_or_else(|| Self::Other(word), |(attribute, _)| attribute.clone())
    }

    /// The spelling, with its backslash.
    pub(crate) fn name(&self) -> &[u8] {
        if let Self::Other(name) = self {
            return name;
        }
        ATTRIBUTES.iter().find(|(known, _)| known == self).map_or(b"".as_slice(), |(_, name)| name)
    }
}
