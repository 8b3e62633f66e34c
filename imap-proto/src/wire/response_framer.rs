//! The client's framer: whole responses, with literals up to a bound inside and larger ones streamed.

use bytes::{Bytes, BytesMut};

/// What the client's framer found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseEvent {
    /// A whole response without its last CRLF, or what is left of it behind its last streamed literal.
    /// Literals up to the bound stand inside as `{n}` CRLF and their octets.
    Response(Bytes),
    /// A literal over the bound begins: the response so far up to and including `{n}` CRLF; after an
    /// earlier streamed literal of the same response, what came behind that one.
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
    /// The server sent a line over the limit: the connection cannot go on, and nothing more comes.
    TooLong,
}

/// Finds responses in a stream, in linear time whatever pieces it comes in. Any split of the input gives the
/// same events but for the borders of [`ResponseEvent::Chunk`].
///
/// A line ends with CRLF; a bare LF and CR CR LF are taken too. `{n}`, `{n+}` and `~{n}` at the end of a line announce a
/// literal, but not in a line whose end is text for a person (`+`, OK, NO, BAD, BYE, PREAUTH).
#[derive(Debug)]
pub struct ResponseFramer {
    line_octets_max: usize,
    inline_literal_octets_max: u64,
    /// Begins with the response at hand, or with the octets of the literal that is streamed.
    buffer: BytesMut,
    /// Up to here the response at hand was looked at. Beyond the buffer's end while an inline literal is
    /// not complete.
    scanned_octets: usize,
    /// Where the line at hand begins: behind the last inline literal of the response.
    line_start: usize,
    /// Octets of the response at hand that were handed over already, without its streamed literals.
    told_octets: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the first line of a response, the only one that can be a status.
    FirstLine,
    /// Behind a literal.
    LaterLine,
    /// In a streamed literal, of which that many octets are missing.
    Streaming(u64),
    /// A response was too long.
    Dead,
}

impl ResponseFramer {
    /// Literals of more than `inline_literal_octets_max` octets are streamed; a response of more than
    /// `line_octets_max` octets without streamed literals is refused.
    pub fn new(line_octets_max: usize, inline_literal_octets_max: u64) -> Self {
        Self {
            line_octets_max,
            inline_literal_octets_max,
            buffer: BytesMut::new(),
            scanned_octets: 0,
            line_start: 0,
            told_octets: 0,
            state: State::FirstLine,
        }
    }

    /// Adds octets from the socket. The caller reads no more while [`Self::poll`] still gives events, so the
    /// buffer is bounded by one read and one response.
    pub fn receive(&mut self, octets: &[u8]) {
        if self.state != State::Dead {
            self.buffer.extend_from_slice(octets);
        }
    }

    /// The next event, `None` until more octets come.
    pub fn poll(&mut self) -> Option<ResponseEvent> {
        match self.state {
            State::Dead => None,
            State::Streaming(0) => {
                self.state = State::LaterLine;
                Some(ResponseEvent::StreamEnd)
            }
            State::Streaming(missing_octets) => self.poll_chunk(missing_octets),
            State::FirstLine | State::LaterLine => self.poll_line(),
        }
    }

    /// Whether octets lie in the buffer that no event has told yet.
    pub fn has_buffered(&self) -> bool {
        !self.buffer.is_empty()
    }

    fn poll_chunk(&mut self, missing_octets: u64) -> Option<ResponseEvent> {
        if self.buffer.is_empty() {
            return None;
        }
        let available = usize::try_from(missing_octets).unwrap_or(usize::MAX).min(self.buffer.len());
        self.state = State::Streaming(missing_octets - available as u64);
        Some(ResponseEvent::Chunk(self.buffer.split_to(available).freeze()))
    }

    fn poll_line(&mut self) -> Option<ResponseEvent> {
        loop {
            let unscanned = self.buffer.get(self.scanned_octets..)?;
            let Some(line_octets) = memchr::memchr(b'\n', unscanned) else {
                self.scanned_octets = self.buffer.len();
                return if self.is_too_long(self.buffer.len() as u64) { Some(self.die()) } else { None };
            };
            let end = self.scanned_octets + line_octets + 1;
            if self.is_too_long(end as u64) {
                return Some(self.die());
            }
            // An inline literal's own octets are no part of the line.
            let line = without_line_end(&self.buffer[self.line_start..end]);
            let is_text = || self.state == State::FirstLine && ends_in_text(line);
            let Some(size_octets) = literal_size(line).filter(|_| !is_text()) else {
                let frame_octets = self.line_start + line.len();
                return Some(self.response(end, frame_octets));
            };
            self.state = State::LaterLine;
            if size_octets > self.inline_literal_octets_max {
                return Some(self.stream_start(end, size_octets));
            }
            if self.is_too_long(size_octets.saturating_add(end as u64)) {
                return Some(self.die());
            }
            self.line_start = end + usize::try_from(size_octets).unwrap_or(usize::MAX);
            self.scanned_octets = self.line_start;
        }
    }

    /// Whether the response passes its limit if `octets` of the buffer belong to it.
    fn is_too_long(&self, octets: u64) -> bool {
        octets.saturating_add(self.told_octets as u64) > self.line_octets_max as u64
    }

    fn response(&mut self, end: usize, frame_octets: usize) -> ResponseEvent {
        let mut frame = self.buffer.split_to(end).freeze();
        frame.truncate(frame_octets);
        self.scanned_octets = 0;
        self.line_start = 0;
        self.told_octets = 0;
        self.state = State::FirstLine;
        ResponseEvent::Response(frame)
    }

    fn stream_start(&mut self, end: usize, size_octets: u64) -> ResponseEvent {
        let frame = self.buffer.split_to(end).freeze();
        self.scanned_octets = 0;
        self.line_start = 0;
        self.told_octets += end;
        self.state = State::Streaming(size_octets);
        ResponseEvent::StreamStart { frame, size_octets }
    }

    fn die(&mut self) -> ResponseEvent {
        self.state = State::Dead;
        self.buffer = BytesMut::new();
        ResponseEvent::TooLong
    }
}

/// Servers that translate line ends twice write CR CR LF.
fn without_line_end(line: &[u8]) -> &[u8] {
    let mut line = line.strip_suffix(b"\n").unwrap_or(line);
    while let [before @ .., b'\r'] = line {
        line = before;
    }
    line
}

/// The size that `{n}` or `{n+}` at the end of the line announces; the `~` of a literal8 may stand before it.
fn literal_size(line: &[u8]) -> Option<u64> {
    let inner = line.strip_suffix(b"}")?;
    let inner = inner.strip_suffix(b"+").unwrap_or(inner);
    let digits = &inner[inner.iter().rposition(|octet| !octet.is_ascii_digit()).map_or(0, |at| at + 1)..];
    let before = &inner[..inner.len() - digits.len()];
    if !before.ends_with(b"{") {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether a response with that first line ends in text for a person, in which `{3}` means nothing: `+`,
/// every tagged response, and the untagged ones of a status.
fn ends_in_text(line: &[u8]) -> bool {
    let mut words = line.split(|&octet| octet == b' ').filter(|word| !word.is_empty());
    let is_status = |word: &[u8]| {
        [b"OK".as_slice(), b"NO", b"BAD", b"BYE", b"PREAUTH"]
            .iter()
            .any(|kind| word.eq_ignore_ascii_case(kind))
    };
    words.next() != Some(b"*") || words.next().is_some_and(is_status)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the framer says to `input`, fed in pieces that end at `splits`; chunks are joined.
    fn events(input: &[u8], splits: &[usize]) -> Vec<String> {
        let mut framer = ResponseFramer::new(60, 8);
        let mut told: Vec<String> = Vec::new();
        let mut chunks = String::new();
        let mut start = 0;
        for &end in splits.iter().chain([&input.len()]) {
            framer.receive(&input[start..end]);
            start = end;
            while let Some(event) = framer.poll() {
                match event {
                    ResponseEvent::Response(frame) => told.push(format!("response {}", frame.escape_ascii())),
                    ResponseEvent::StreamStart { frame, size_octets } => {
                        told.push(format!("stream {size_octets} {}", frame.escape_ascii()));
                    }
                    ResponseEvent::Chunk(chunk) => {
                        assert!(!chunk.is_empty());
                        chunks.push_str(&chunk.escape_ascii().to_string());
                    }
                    ResponseEvent::StreamEnd => told.push(format!("octets {}", std::mem::take(&mut chunks))),
                    ResponseEvent::TooLong => told.push("too long".into()),
                }
            }
        }
        told
    }

    fn check(input: &str, expected: &[&str]) {
        let input = input.as_bytes();
        assert_eq!(events(input, &[]), expected);
        let every_octet: Vec<usize> = (0..input.len()).collect();
        assert_eq!(events(input, &every_octet), expected, "octet by octet");
    }

    #[test]
    fn lines_end_with_crlf_or_a_bare_lf() {
        check(
            "* 1 EXISTS\r\n* 2 RECENT\na OK\r\n\r\n* 3 EXISTS\r\r\n* x",
            &[
                "response * 1 EXISTS",
                "response * 2 RECENT",
                "response a OK",
                "response ",
                "response * 3 EXISTS",
            ],
        );
    }

    #[test]
    fn small_literals_stand_inside() {
        check(
            "* LIST () \"/\" {3}\r\na\nb\r\n* LIST {2+}\r\nab ~{0}\r\n x\r\n",
            &["response * LIST () \\\"/\\\" {3}\\r\\na\\nb", "response * LIST {2+}\\r\\nab ~{0}\\r\\n x"],
        );
    }

    #[test]
    fn large_literals_are_streamed() {
        check(
            "* 1 FETCH (A {9}\r\n123456789 B ~{10}\r\n1234\r\n7890)\r\n* 2 EXISTS\r\n",
            &[
                "stream 9 * 1 FETCH (A {9}\\r\\n",
                "octets 123456789",
                "stream 10  B ~{10}\\r\\n",
                "octets 1234\\r\\n7890",
                "response )",
                "response * 2 EXISTS",
            ],
        );
    }

    #[test]
    fn text_for_a_person_announces_no_literal() {
        check(
            "* OK see {3}\r\n* no {3}\r\n+ go {3}\r\na1 OK {3}\r\n* LIST {1}\r\nx\r\n",
            &[
                "response * OK see {3}",
                "response * no {3}",
                "response + go {3}",
                "response a1 OK {3}",
                "response * LIST {1}\\r\\nx",
            ],
        );
    }

    #[test]
    fn the_end_of_an_inline_literal_announces_nothing() {
        check(
            "* LIST {3}\r\n{9}\r\n* 1 EXISTS\r\n",
            &["response * LIST {3}\\r\\n{9}", "response * 1 EXISTS"],
        );
    }

    #[test]
    fn a_brace_that_is_no_literal_is_left_alone() {
        check(
            "* LIST {}\r\n* LIST {1a}\r\n* LIST 1}\r\n* X {99999999999999999999999}\r\n",
            &[
                "response * LIST {}",
                "response * LIST {1a}",
                "response * LIST 1}",
                "response * X {99999999999999999999999}",
            ],
        );
    }

    #[test]
    fn a_response_over_the_limit_is_the_end() {
        check(&format!("{}\r\n* 1 EXISTS\r\n", "x".repeat(59)), &["too long"]);
        check(&format!("{}\r\n", "x".repeat(58)), &[&format!("response {}", "x".repeat(58))]);
        // Inline literals count, streamed ones do not.
        check(&format!("* {} {{8}}\r\n12345678\r\n", "x".repeat(50)), &["too long"]);
        let octets = "y".repeat(100);
        check(
            &format!("* X {{100}}\r\n{octets}\r\n"),
            &["stream 100 * X {100}\\r\\n", &format!("octets {octets}"), "response "],
        );
    }

    #[test]
    fn the_limit_is_of_the_response_not_of_its_pieces() {
        let piece = format!("* {} {{9}}\r\n123456789", "x".repeat(18));
        let streamed = format!("stream 9 * {} {{9}}\\r\\n", "x".repeat(18));
        check(
            &format!("{piece}{piece}{piece}\r\n"),
            &[&streamed, "octets 123456789", &streamed, "octets 123456789", "too long"],
        );
    }

    #[test]
    fn buffered_octets_are_known() {
        let mut framer = ResponseFramer::new(60, 8);
        assert!(!framer.has_buffered());
        framer.receive(b"* 1 EXISTS\r\n* 2");
        assert!(matches!(framer.poll(), Some(ResponseEvent::Response(_))));
        assert!(framer.poll().is_none());
        assert!(framer.has_buffered());
    }

    proptest! {
        /// Whatever comes in whatever pieces, the events are the same.
        #[test]
        fn any_split_gives_the_same_events(
            pieces in prop::collection::vec(
                prop_oneof![
                    Just("* OK {3}\r\n"), Just("* 1 FETCH ("), Just("{12}\r\n"), Just("~{3}\r\n"), Just("{20+}\r\n"),
                    Just("\r"), Just("\n"), Just("\r\n"), Just("{1}\n"), Just("abc"), Just(" "), Just("{"), Just("}"),
                    Just("0123456789"), Just("* "), Just("a1 NO "),
                ],
                0..40,
            ),
            splits in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        ) {
            let input = pieces.concat().into_bytes();
            let mut splits: Vec<usize> = splits.iter().map(|at| at.index(input.len() + 1)).collect();
            splits.sort_unstable();
            prop_assert_eq!(events(&input, &splits), events(&input, &[]));
        }
    }
}
