//! [`CommandWriter`]: how a client writes the arguments of a command.

use bytes::Bytes;

use crate::Dialect;
use crate::parse::is_astring_char;
use crate::types::{SequenceSet, WireMailbox};
use crate::wire::write;

/// Which literals the server reads without being waited for (RFC 7888).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Literals {
    /// None: the client waits for `+` at each.
    Synchronizing,
    /// Those of at most 4,096 octets: the server announces LITERAL-.
    Minus,
    /// All: the server announces LITERAL+.
    Plus,
}

impl Literals {
    /// Whether the client has to wait for `+` before it sends a literal of that size.
    pub fn waits_for(self, size_octets: u64) -> bool {
        match self {
            Self::Synchronizing => true,
            Self::Minus => size_octets > 4_096,
            Self::Plus => false,
        }
    }
}

impl From<bool> for Literals {
    /// Whether the server announces LITERAL+.
    fn from(literal_plus: bool) -> Self {
        if literal_plus { Self::Plus } else { Self::Synchronizing }
    }
}

/// The octets of one command, and where the client has to wait for `+`.
pub(crate) struct CommandWriter<'a> {
    out: &'a mut Vec<u8>,
    literals: Literals,
    waits: Vec<usize>,
}

impl<'a> CommandWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, literals: Literals) -> Self {
        Self { out, literals, waits: Vec::new() }
    }

    /// Where to wait: offsets into the buffer, each behind the head of a synchronizing literal.
    pub(crate) fn into_waits(self) -> Vec<usize> {
        self.waits
    }

    /// The buffer, for what the primitives of [`crate::wire::write`] do.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Syntax, as it stands.
    #[inline]
    pub(crate) fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    #[inline]
    pub(crate) fn sp(&mut self) {
        self.out.push(b' ');
    }

    /// A `string`: in quotes where no escape is needed, else a literal. Never an atom, so nothing is taken
    /// for NIL or for a keyword of the grammar.
    pub(crate) fn string(&mut self, octets: &[u8]) {
        if write::can_be_quoted(octets, Dialect::IMAP4) {
            write::string(self.out, octets, Dialect::IMAP4);
        } else {
            self.literal_head(octets.len() as u64, false);
            self.out.extend_from_slice(octets);
        }
    }

    /// A [`Self::string`], bare where that needs no quotes: for header field names, as people write them.
    pub(crate) fn astring(&mut self, octets: &[u8]) {
        if !octets.is_empty() && octets.iter().all(|&octet| is_astring_char(octet)) {
            self.out.extend_from_slice(octets);
        } else {
            self.string(octets);
        }
    }

    pub(crate) fn nstring(&mut self, octets: Option<&Bytes>) {
        match octets {
            Some(octets) => self.string(octets),
            None => self.raw("NIL"),
        }
    }

    /// The head of a literal, up to its CRLF.
    pub(crate) fn literal_head(&mut self, size_octets: u64, binary: bool) {
        self.raw(if binary { "~{" } else { "{" });
        write::number(self.out, size_octets);
        if self.literals.waits_for(size_octets) {
            self.raw("}\r\n");
            self.waits.push(self.out.len());
        } else {
            self.raw("+}\r\n");
        }
    }

    pub(crate) fn mailbox(&mut self, mailbox: &WireMailbox) {
        self.string(&mailbox.0);
    }

    pub(crate) fn sequence_set(&mut self, set: &SequenceSet) {
        write::sequence_set(self.out, set);
    }

    /// `(item item)`.
    pub(crate) fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.raw("(");
        self.spaced(items, &mut item);
        self.raw(")");
    }

    /// `item item`.
    pub(crate) fn spaced<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        for (index, one) in items.iter().enumerate() {
            if index > 0 {
                self.sp();
            }
            item(self, one);
        }
    }
}
