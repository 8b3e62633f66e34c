//! [`Summary`]: what listings need of a message, computed once when it arrives.

use bytes::Bytes;
use imap_proto::Dialect;
use imap_proto::types::{BodyStructure, Envelope};

use super::Part;

/// Everything that FETCH and SEARCH need of a message without opening its body.
///
/// It stands on the row of the summary file: what a listing writes is copied out of it, all else is decoded
/// when it is first asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    row: Bytes,
}

impl Summary {
    /// Writes the value of ENVELOPE.
    pub fn write_envelope(&self, out: &mut Vec<u8>, dialect: Dialect) {
        let _ = (out, dialect);
        todo!()
    }
    /// Writes the value of BODY.
    pub fn write_body(&self, out: &mut Vec<u8>, dialect: Dialect) {
        let _ = (out, dialect);
        todo!()
    }
    /// Writes the value of BODYSTRUCTURE.
    pub fn write_body_structure(&self, out: &mut Vec<u8>, dialect: Dialect) {
        let _ = (out, dialect);
        todo!()
    }
    /// The envelope, decoded.
    pub fn envelope(&self) -> Envelope {
        todo!()
    }
    /// The structure, decoded at the first call.
    pub fn structure(&self) -> &BodyStructure {
        todo!()
    }
    /// The structure of the part with that section number (`[]`: the message); `None` if there is none.
    pub fn structure_of(&self, number: &[u32]) -> Option<&BodyStructure> {
        let _ = number;
        todo!()
    }
    /// Where the parts lie, the message itself (number `[]`) first, in the order of their numbers. Decoded
    /// at the first call. Never empty.
    pub fn parts(&self) -> &[Part] {
        todo!()
    }
    /// The part with that section number. `[]` is the message; `[1]` of a message without parts is its
    /// body (RFC 9051 §6.4.5.1), and so on in attached messages.
    pub fn part(&self, number: &[u32]) -> Option<&Part> {
        let _ = number;
        todo!()
    }
    /// The listing header fields, verbatim, in order, line ends included, without the empty line: Date
    /// From Sender Reply-To To Cc Bcc Subject Message-ID and the like.
    pub fn headers(&self) -> &[u8] {
        todo!()
    }
    /// Whether all fields of that name are in [`Self::headers`], so that the header needs not be read:
    /// `name` is one of the listing fields, and the message's header was not over the scanner's bounds.
    pub fn keeps_header(&self, name: &[u8]) -> bool {
        let _ = name;
        todo!()
    }
    /// The row for the summary file.
    pub fn to_bytes(&self) -> Bytes {
        self.row.clone()
    }
    /// Reads such a row; `None` when it is damaged or of another version: it is made again from the body.
    pub fn from_bytes(row: &Bytes) -> Option<Self> {
        let _ = row;
        todo!()
    }
}
