//! The server's framer: finds commands in whatever pieces the socket brings.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

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
    /// A line or an argument literal was over its limit. The command is dropped whole, with the
    /// non-synchronizing literals in it; nothing of it was kept but the first octets in `start`, enough to
    /// find the tag.
    TooLong {
        /// The first octets of the command, at most 1,024.
        start: Bytes,
        /// What was too long, for a person: `line`, `literal`, `number of literals`.
        what: &'static str,
    },
    /// A non-synchronizing literal of a dropped command is longer than [`Limits::dropped_octets_max`]: send
    /// `* BYE [TOOBIG]` and close. Nothing more comes.
    Hopeless,
}

/// Finds lines and literals in a stream, in linear time whatever pieces it comes in. Any split of the input
/// gives the same events but for the borders of [`Event::Chunk`].
///
/// ```text
///               line ends in {n}            accept_argument
///   +--> Line -------------------> Decide -------------------> Argument --+
///   |     | ^                      |    |                                 |
///   |     | +----------------------|----|---------------------------------+
///   |     |       accept_stream    |    |  refuse_literal
///   |     |     Stream <-----------+    +------> (+) DropLiteral -> DropLine
///   |     | <----+                                   ^                |
///   |     |                                          +----------------+ {n+} in what is dropped
///   +-----+ line ends: a command                              the rest of the command is dropped: Line
/// ```
///
/// A line ends in CRLF; a bare LF is taken for it. Only at the end of a line is `{n}` a literal, and only in
/// a command. In a line without its end at most one octet over the limit is kept.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    expect: Expect,
    /// What came and was not given out. Begins with the frame so far.
    buffer: BytesMut,
    /// Octets of the frame so far at the start of `buffer`: lines with literals, and these literals.
    frame_octets: usize,
    /// Octets behind the frame so far that are known to hold no LF.
    scanned_octets: usize,
    /// Octets of the frame's lines, without literals and line ends.
    line_octets: usize,
    /// Argument literals in the frame.
    literals: usize,
    /// The line goes on with a command that has begun, whatever is expected.
    in_command: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    /// A line comes.
    Line,
    /// The session decides on the literal.
    Decide(Announced),
    /// A literal comes that becomes part of the frame.
    Argument { left_octets: usize },
    /// A literal comes that is given out.
    Stream { left_octets: u64 },
    /// A literal that the session accepted as argument is over a limit.
    Refuse { literal: Announced, what: &'static str },
    /// A literal comes that nobody wants.
    DropLiteral { left_octets: u64 },
    /// The rest of a command comes that nobody wants; `literals` where it is a command.
    DropLine { literals: bool },
    /// Out of step for good; `told` once the session knows.
    Hopeless { told: bool },
}

/// A literal's announcement at the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Announced {
    /// `None` beyond 63 bits.
    size_octets: Option<u64>,
    synchronizing: bool,
    binary: bool,
}

impl Framer {
    /// A framer at the start of a connection, expecting a command.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            expect: Expect::Command,
            buffer: BytesMut::new(),
            frame_octets: 0,
            scanned_octets: 0,
            line_octets: 0,
            literals: 0,
            in_command: false,
            state: State::Line,
        }
    }

    /// Sets new limits (they rise after login).
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Adds octets from the socket. The caller reads no more while [`Self::poll`] still gives events, so
    /// the buffer is bounded by one read and one line.
    pub fn receive(&mut self, octets: &[u8]) {
        if self.buffer.capacity() - self.buffer.len() < octets.len() {
            self.buffer.reserve(octets.len().max(CHUNK_OCTETS));
        }
        self.buffer.extend_from_slice(octets);
    }

    /// The next event, `None` until more octets come, or until the session has decided on a literal.
    pub fn poll(&mut self) -> Option<Event> {
        loop {
            match self.state {
                State::Line => return self.poll_line(),
                State::Decide(_) => return None,
                State::Argument { left_octets } => {
                    if self.buffer.len() - self.frame_octets < left_octets {
                        return None;
                    }
                    self.frame_octets += left_octets;
                    self.state = State::Line;
                }
                State::Stream { left_octets } => return self.poll_stream(left_octets),
                State::Refuse { literal, what } => {
                    let start = self.start_of_frame(self.frame_octets);
                    self.drop_literal(literal);
                    return Some(Event::TooLong { start, what });
                }
                State::DropLiteral { left_octets } => {
                    let dropped = left_octets.min(self.buffer.len() as u64);
                    self.buffer.advance(usize::try_from(dropped).expect("it is at most what is buffered"));
                    if dropped < left_octets {
                        self.state = State::DropLiteral { left_octets: left_octets - dropped };
                        return None;
                    }
                    self.state = State::DropLine { literals: true };
                }
                State::DropLine { literals } => {
                    if !self.drop_line(literals) {
                        return None;
                    }
                }
                State::Hopeless { told: false } => {
                    self.state = State::Hopeless { told: true };
                    self.buffer.clear();
                    return Some(Event::Hopeless);
                }
                State::Hopeless { told: true } => {
                    self.buffer.clear();
                    return None;
                }
            }
        }
    }

    /// What comes next. Holds until set again; a command in the middle is not disturbed.
    pub fn expect(&mut self, expect: Expect) {
        self.expect = expect;
    }

    /// Takes the announced literal into the frame, and says whether it does.
    ///
    /// `false`: it is over [`Limits::literal_octets_max`], or one more than [`Limits::literals_max`]. Then it
    /// is refused, [`Event::TooLong`] follows, and no `+` may be sent. The framer decides it only here,
    /// since only the session knows that a literal is not a message to be streamed.
    #[must_use = "no `+` may be sent for a literal that is too long"]
    pub fn accept_argument(&mut self) -> bool {
        let literal = self.announced();
        let size_octets = literal.size_octets.unwrap_or(u64::MAX);
        let what = if size_octets > self.limits.literal_octets_max {
            "literal"
        } else if self.literals >= self.limits.literals_max {
            "number of literals"
        } else {
            let left_octets = usize::try_from(size_octets).expect("a limit fits into memory");
            self.literals += 1;
            self.state = State::Argument { left_octets };
            return true;
        };
        self.state = State::Refuse { literal, what };
        false
    }

    /// Takes the announced literal as [`Event::Chunk`]s. The frame so far is forgotten.
    pub fn accept_stream(&mut self) {
        let literal = self.announced();
        self.forget_frame();
        self.in_command = true;
        self.state = State::Stream { left_octets: literal.size_octets.unwrap_or(u64::MAX) };
    }

    /// Refuses the announced literal, and with it the command: a synchronizing one simply does not come;
    /// of another one up to [`Limits::dropped_octets_max`] octets are read and dropped, and so is the rest
    /// of the command.
    pub fn refuse_literal(&mut self) {
        let literal = self.announced();
        self.drop_literal(literal);
    }

    /// Whether octets lie in the buffer that no event has told yet.
    pub fn has_buffered(&self) -> bool {
        self.buffer.len() > self.frame_octets
    }

    /// Gives back the buffer's memory where nothing is in it: for idle connections.
    pub fn shrink(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    fn announced(&self) -> Announced {
        match self.state {
            State::Decide(literal) => literal,
            _ => panic!("a literal is decided on once, and only after it was announced"),
        }
    }

    fn poll_line(&mut self) -> Option<Event> {
        let expect = if self.in_command || self.frame_octets > 0 { Expect::Command } else { self.expect };
        if expect == Expect::Nothing {
            return None;
        }
        let line = &self.buffer[self.frame_octets..];
        let Some(line_feed) = memchr(b'\n', &line[self.scanned_octets..]) else {
            let content = without_carriage_return(line).len();
            self.scanned_octets = line.len();
            return self.is_over(content).then(|| self.refuse_line(expect));
        };
        let end = self.scanned_octets + line_feed;
        let content = without_carriage_return(&line[..end]);
        let content_octets = content.len();
        if self.is_over(content_octets) {
            self.scanned_octets = end;
            return Some(self.refuse_line(expect));
        }
        let announced = if expect == Expect::Command { Announced::at_end_of(content) } else { None };
        match announced {
            Some(literal) => Some(self.announce(literal, content_octets, end + 1)),
            None => Some(self.end_frame(expect, content_octets, end + 1)),
        }
    }

    fn is_over(&self, content_octets: usize) -> bool {
        content_octets > self.limits.line_octets_max - self.line_octets.min(self.limits.line_octets_max)
    }

    /// A whole line and nothing behind it: the frame is complete.
    fn end_frame(&mut self, expect: Expect, content_octets: usize, line_octets: usize) -> Event {
        let mut frame = self.buffer.split_to(self.frame_octets + line_octets);
        frame.truncate(self.frame_octets + content_octets);
        self.reset();
        match expect {
            Expect::Command => Event::Command(frame.freeze()),
            _ => Event::Line(frame.freeze()),
        }
    }

    fn announce(&mut self, literal: Announced, content_octets: usize, line_octets: usize) -> Event {
        self.frame_octets += line_octets;
        self.line_octets += content_octets;
        self.scanned_octets = 0;
        match literal.size_octets {
            Some(size_octets) => {
                self.state = State::Decide(literal);
                Event::Literal(LiteralHead {
                    frame: Bytes::copy_from_slice(&self.buffer[..self.frame_octets]),
                    size_octets,
                    synchronizing: literal.synchronizing,
                    binary: literal.binary,
                })
            }
            None => {
                let start = self.start_of_frame(self.frame_octets);
                self.drop_literal(literal);
                Event::TooLong { start, what: "literal" }
            }
        }
    }

    /// The line is over the limit; what came of it is still in the buffer.
    fn refuse_line(&mut self, expect: Expect) -> Event {
        // As much as is there whatever the pieces were: a line is refused at its first octet too much.
        let there = self.frame_octets + (self.limits.line_octets_max.saturating_sub(self.line_octets));
        let start = self.start_of_frame(there);
        let scanned_octets = self.scanned_octets;
        self.forget_frame();
        self.scanned_octets = scanned_octets;
        self.in_command = false;
        self.state = State::DropLine { literals: expect == Expect::Command };
        Event::TooLong { start, what: "line" }
    }

    fn start_of_frame(&self, octets: usize) -> Bytes {
        Bytes::copy_from_slice(&self.buffer[..octets.min(START_OCTETS_MAX)])
    }

    fn poll_stream(&mut self, left_octets: u64) -> Option<Event> {
        if left_octets == 0 {
            self.state = State::Line;
            return Some(Event::StreamEnd);
        }
        let size = usize::try_from(left_octets).unwrap_or(usize::MAX).min(self.buffer.len());
        if size == 0 {
            return None;
        }
        self.state = State::Stream { left_octets: left_octets - size as u64 };
        Some(Event::Chunk(self.buffer.split_to(size).freeze()))
    }

    /// Forgets the command, and drops what the client sends of it without being asked.
    fn drop_literal(&mut self, literal: Announced) {
        self.forget_frame();
        self.in_command = false;
        self.state = match literal.size_octets {
            _ if literal.synchronizing => State::Line,
            Some(left_octets) if left_octets <= self.limits.dropped_octets_max => {
                State::DropLiteral { left_octets }
            }
            _ => State::Hopeless { told: false },
        };
    }

    /// Drops up to the end of a line; `false` when more has to come. Of a line without its end so much is
    /// kept that a literal shows.
    fn drop_line(&mut self, literals: bool) -> bool {
        let Some(line_feed) = memchr(b'\n', &self.buffer[self.scanned_octets..]) else {
            self.buffer.advance(self.buffer.len().saturating_sub(ANNOUNCEMENT_OCTETS_MAX + 1));
            self.scanned_octets = self.buffer.len();
            return false;
        };
        let end = self.scanned_octets + line_feed;
        let content = without_carriage_return(&self.buffer[..end]);
        let announced = if literals { Announced::at_end_of(content) } else { None };
        self.buffer.advance(end + 1);
        self.scanned_octets = 0;
        match announced {
            Some(literal) => self.drop_literal(literal),
            None => self.state = State::Line,
        }
        true
    }

    fn forget_frame(&mut self) {
        self.buffer.advance(self.frame_octets);
        self.reset();
    }

    fn reset(&mut self) {
        self.frame_octets = 0;
        self.scanned_octets = 0;
        self.line_octets = 0;
        self.literals = 0;
        self.in_command = false;
    }
}

impl Announced {
    /// ```abnf
    /// literal         = "{" number64 ["+"] "}" CRLF *CHAR8
    /// literal8        = "~{" number64 ["+"] "}" CRLF *OCTET
    /// ```
    fn at_end_of(line: &[u8]) -> Option<Self> {
        let line = &line[line.len().saturating_sub(ANNOUNCEMENT_OCTETS_MAX)..];
        let line = line.strip_suffix(b"}")?;
        let (line, synchronizing) = match line.strip_suffix(b"+") {
            Some(line) => (line, false),
            None => (line, true),
        };
        let digits = line.iter().rev().take_while(|octet| octet.is_ascii_digit()).count();
        let (line, digits) = line.split_at(line.len() - digits);
        let line = line.strip_suffix(b"{")?;
        if digits.is_empty() {
            return None;
        }
        let size_octets = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        let size_octets = size_octets.filter(|&size| size <= i64::MAX.unsigned_abs());
        Some(Self { size_octets, synchronizing, binary: line.ends_with(b"~") })
    }
}

fn without_carriage_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The buffer grows by at least so much: a command is short, and an allocation for each would take as long as to
/// parse it. A value that outlives its command keeps so much alive.
const CHUNK_OCTETS: usize = 1_024;

/// Octets in [`Event::TooLong`].
const START_OCTETS_MAX: usize = 1_024;

/// No announcement of a literal is longer: `~{`, digits (some write leading zeros), `+}`.
const ANNOUNCEMENT_OCTETS_MAX: usize = 64;

#[cfg(test)]
#[path = "framer_tests.rs"]
mod tests;
