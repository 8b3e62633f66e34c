//! The client's framer: whole responses, with literals up to a bound inside and larger ones streamed.

use bytes::Bytes;

/// What the client's framer found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseEvent {
    /// A whole response without its last CRLF, or what is left of it behind its last streamed literal.
    /// Literals up to the bound stand inside as `{n}` CRLF and their octets.
    Response(Bytes),
    /// A literal over the bound begins: the response so far up to and including `{n}` CRLF.
    StreamStart {
        /// The response so far.
        frame: Bytes,
        /// Octets that will come as chunks.
        size_octets: u64,
    },
    /// The next octets of a streamed literal, never empty.
    Chunk(Bytes),
    /// The streamed literal is complete.
    StreamEnd,
    /// The server sent a line over the limit: the connection cannot go on.
    TooLong,
}

/// Finds responses in a stream, in linear time whatever pieces it comes in.
#[derive(Debug)]
pub struct ResponseFramer {
    line_octets_max: usize,
    inline_literal_octets_max: u64,
}

impl ResponseFramer {
    /// Literals of more than `inline_literal_octets_max` octets are streamed; a response of more than
    /// `line_octets_max` octets without streamed literals is refused.
    pub fn new(line_octets_max: usize, inline_literal_octets_max: u64) -> Self {
        Self { line_octets_max, inline_literal_octets_max }
    }

    /// Adds octets from the socket.
    pub fn receive(&mut self, octets: &[u8]) {
        let _ = (octets, self.line_octets_max, self.inline_literal_octets_max);
        todo!()
    }

    /// The next event, `None` until more octets come.
    pub fn poll(&mut self) -> Option<ResponseEvent> {
        todo!()
    }

    /// Whether octets lie in the buffer that no event has told yet.
    pub fn has_buffered(&self) -> bool {
        todo!()
    }
}
