//! [`Summary`]: what listings need of a message, computed once when it arrives.

use bytes::Bytes;
use imap_proto::Dialect;
use imap_proto::types::{BodyStructure, Envelope};

use super::Part;

/// Everything that FETCH and SEARCH need of a message without opening its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The envelope.
    pub envelope: Envelope,
    /// The structure.
    pub structure: BodyStructure,
    /// Where the parts lie.
    pub parts: Vec<Part>,
    /// The listing header fields, verbatim, in order, CRLF included: Date From Sender Reply-To To Cc Bcc
    /// Subject Message-ID In-Reply-To References Content-Type List-Id and the like.
    pub headers: Bytes,
}

impl Summary {
    /// The value of ENVELOPE for a client; the rendered row of IMAP4 is taken where it serves.
    pub fn write_envelope(&self, out: &mut Vec<u8>, dialect: Dialect) {
        self.envelope.write(out, dialect);
    }
    /// The part with that section number.
    pub fn part(&self, number: &[u32]) -> Option<&Part> {
        self.parts.iter().find(|part| part.number == number)
    }
    /// Encodes a row of the summary file.
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
    /// Decodes such a row; `None` when it is damaged or of another version: it is made again from the body.
    pub fn from_bytes(row: &Bytes) -> Option<Self> {
        let _ = row;
        todo!()
    }
    /// Whether `name` is one of the fields kept in [`Self::headers`] for every message.
    pub fn keeps_header(name: &[u8]) -> bool {
        let _ = name;
        todo!()
    }
}
