//! FETCH (RFC 9051 §7.5.2): [`FetchAttribute`] for clients, [`FetchWriter`] for servers.

use bytes::Bytes;

use crate::Dialect;
use crate::command::{Partial, Section};
use crate::types::{BodyStructure, DateTime, Envelope, Flag, ModSeq, SeqNum, Uid};

/// One item of a FETCH response.
#[derive(Debug, Clone, PartialEq)]
pub enum FetchAttribute {
    /// FLAGS (...)
    Flags(Vec<Flag>),
    /// UID n
    Uid(Uid),
    /// MODSEQ (n)
    ModSeq(ModSeq),
    /// INTERNALDATE "..."
    InternalDate(DateTime),
    /// RFC822.SIZE n
    Rfc822Size(u64),
    /// ENVELOPE (...)
    Envelope(Box<Envelope>),
    /// BODY (...), without extension data
    Body(Box<BodyStructure>),
    /// BODYSTRUCTURE (...)
    BodyStructure(Box<BodyStructure>),
    /// RFC822, RFC822.HEADER or RFC822.TEXT with its data
    Rfc822(&'static str, Option<Bytes>),
    /// BODY[section]<origin> data
    Section {
        /// Which octets.
        section: Section,
        /// From which octet on, where a part was asked for.
        origin: Option<u64>,
        /// The octets; `None` is NIL. Empty with `streamed` set when they came as a streamed literal.
        data: Option<Bytes>,
    },
    /// BINARY[part]<origin> data
    Binary {
        /// The part.
        part: Vec<u32>,
        /// From which octet on.
        origin: Option<u64>,
        /// The decoded octets; `None` is NIL.
        data: Option<Bytes>,
    },
    /// BINARY.SIZE[part] n
    BinarySize(Vec<u32>, u64),
    /// An item that we do not know or could not read: its name and its value, verbatim.
    Other(Bytes, Bytes),
}

/// Writes one FETCH response straight into a buffer, item by item, without building it first.
pub struct FetchWriter<'a> {
    out: &'a mut Vec<u8>,
    dialect: Dialect,
}

impl<'a> FetchWriter<'a> {
    /// Writes `* n FETCH (`.
    pub fn begin(out: &'a mut Vec<u8>, dialect: Dialect, seq_num: SeqNum) -> Self {
        let _ = seq_num;
        Self { out, dialect }
    }
    /// FLAGS: keywords and flags in the order given.
    pub fn flags<'f>(&mut self, flags: impl IntoIterator<Item = &'f Flag>) {
        let _ = (flags.into_iter().count(), &self.out, self.dialect);
        todo!()
    }
    /// UID
    pub fn uid(&mut self, uid: Uid) {
        let _ = uid;
        todo!()
    }
    /// MODSEQ
    pub fn mod_seq(&mut self, mod_seq: ModSeq) {
        let _ = mod_seq;
        todo!()
    }
    /// INTERNALDATE
    pub fn internal_date(&mut self, date: DateTime) {
        let _ = date;
        todo!()
    }
    /// RFC822.SIZE
    pub fn rfc822_size(&mut self, size_octets: u64) {
        let _ = size_octets;
        todo!()
    }
    /// An item whose value is rendered already, e.g. `ENVELOPE` and a row of the summary.
    pub fn rendered(&mut self, name: &str, value: &[u8]) {
        let _ = (name, value);
        todo!()
    }
    /// Writes ` BODY[section]<origin> `, or the like, and the head of a literal of `size_octets`; whoever
    /// calls appends exactly that many octets to [`Self::buffer`] (or streams them behind it).
    pub fn section_literal(&mut self, section: &Section, partial: Option<Partial>, size_octets: u64) {
        let _ = (section, partial, size_octets);
        todo!()
    }
    /// Any item name (`RFC822.TEXT`, `BINARY[1]<0>`) with the head of a literal; `binary` makes it `~{n}`.
    pub fn named_literal(&mut self, name: &str, size_octets: u64, binary: bool) {
        let _ = (name, size_octets, binary);
        todo!()
    }
    /// The buffer, to append a literal's octets.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.out
    }
    /// Writes `)` CRLF.
    pub fn end(self) {
        todo!()
    }
}
