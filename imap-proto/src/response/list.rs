//! LIST and LSUB (RFC 9051 §7.3.1).

use bytes::Bytes;

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
