//! The server's framer: finds commands in whatever pieces the socket brings.

use bytes::Bytes;

/// How much a peer may send before it is cut off. Every bound of the framer is a field here.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Octets of a line without its literals.
    pub line_octets_max: usize,
    /// Octets of one literal that is an argument, not a message.
    pub literal_octets_max: u64,
    /// Argument literals in one command.
    pub literals_max: usize,
    /// Octets of a non-synchronizing literal that is refused: up to here it is read and dropped, beyond it
    /// the connection has to end.
    pub dropped_octets_max: u64,
}

/// What the session waits for; it tells the framer, since only in a command is `{n}` a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// A command.
    Command,
    /// One line of a SASL exchange.
    SaslLine,
    /// One line inside IDLE (`DONE`).
    IdleLine,
    /// Nothing: octets wait in the buffer (behind STARTTLS they end the connection: see
    /// [`Framer::has_buffered`]).
    Nothing,
}

/// A literal is announced at the end of the line so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteralHead {
    /// The command so far, with earlier argument literals inside, up to and including `{n}` CRLF.
    /// After a streamed literal: what came behind it.
    pub frame: Bytes,
    /// Octets announced.
    pub size_octets: u64,
    /// The client waits for `+`.
    pub synchronizing: bool,
    /// `~{n}`: a literal8 (RFC 3516), may hold NUL.
    pub binary: bool,
}

/// What the framer found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A literal is announced. Call exactly one of [`Framer::accept_argument`], [`Framer::accept_stream`]
    /// or [`Framer::refuse_literal`] before polling again. Whoever accepts a synchronizing one sends `+`.
    Literal(LiteralHead),
    /// The next octets of a streamed literal, never empty.
    Chunk(Bytes),
    /// A streamed literal is complete; the rest of the command follows as [`Event::Literal`] or
    /// [`Event::Command`].
    StreamEnd,
    /// A whole command, or what is left of it behind its last streamed literal, without the last CRLF.
    /// Argument literals stand inside as `{n}` CRLF and their octets.
    Command(Bytes),
    /// A line while [`Expect::SaslLine`] or [`Expect::IdleLine`], without its CRLF.
    Line(Bytes),
    /// A line or an argument literal was over its limit. The command was dropped whole (up to the next line
    /// end; nothing of it was kept but the first octets in `start`, enough to find the tag).
    TooLong {
        /// The first octets of the command, at most 1,024.
        start: Bytes,
        /// What was too long, for a person: `line`, `literal`, `number of literals`.
        what: &'static str,
    },
    /// A refused non-synchronizing literal is longer than [`Limits::dropped_octets_max`]: send
    /// `* BYE [TOOBIG]` and close. Nothing more comes.
    Hopeless,
}

/// Finds lines and literals in a stream, in linear time whatever pieces it comes in. Any split of the input
/// gives the same events but for the borders of [`Event::Chunk`].
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
}

impl Framer {
    /// A framer at the start of a connection, expecting a command.
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Sets new limits (they rise after login).
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Adds octets from the socket. The caller reads no more while [`Self::poll`] still gives events, so
    /// the buffer is bounded by one read and one line.
    pub fn receive(&mut self, octets: &[u8]) {
        let _ = octets;
        todo!()
    }

    /// The next event, `None` until more octets come.
    pub fn poll(&mut self) -> Option<Event> {
        todo!()
    }

    /// What comes next. Holds until set again; a command in the middle is not disturbed.
    pub fn expect(&mut self, expect: Expect) {
        let _ = expect;
        todo!()
    }

    /// Takes the announced literal into the frame. Over [`Limits::literal_octets_max`] the framer has
    /// refused it by itself ([`Event::TooLong`]) and this is never asked.
    pub fn accept_argument(&mut self) {
        todo!()
    }

    /// Takes the announced literal as [`Event::Chunk`]s.
    pub fn accept_stream(&mut self) {
        todo!()
    }

    /// Refuses the announced literal, and with it the command: a synchronizing one simply does not come;
    /// of another one up to [`Limits::dropped_octets_max`] octets are read and dropped, and so is the rest
    /// of the command.
    pub fn refuse_literal(&mut self) {
        todo!()
    }

    /// Whether octets lie in the buffer that no event has told yet.
    pub fn has_buffered(&self) -> bool {
        todo!()
    }

    /// Gives back the buffer's memory where nothing is in it: for idle connections.
    pub fn shrink(&mut self) {
        todo!()
    }
}
