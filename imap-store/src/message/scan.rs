//! The scanner: octets in any pieces, the tree of parts out.

use super::Summary;

/// Reads a message once, in pieces, with bounded memory.
#[derive(Debug, Default)]
pub struct Scanner {}

/// Where one part lies, in octets from the start of the message. Parts stand in the order of a walk of the
/// tree, outside in; the message itself is the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its section number (`1.2.3`), empty for the message itself. An attached message's own header and
    /// body are the part `n` with [`Part::message`] set; its parts go on from `n`.
    pub number: Vec<u32>,
    /// Its MIME header, with the empty line: start, length.
    pub header: (u64, u64),
    /// Its body in its transfer encoding: start, length.
    pub body: (u64, u64),
    /// For a message/rfc822 or message/global part that holds a message: the header of that message, with
    /// the empty line, and its text, both start and length.
    pub message: Option<((u64, u64), (u64, u64))>,
}

impl Scanner {
    /// At the start of a message.
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds octets.
    pub fn feed(&mut self, octets: &[u8]) {
        let _ = octets;
        todo!()
    }
    /// The message is complete.
    pub fn finish(self) -> Summary {
        todo!()
    }
}
