//! [`Span`]: what is left of a frame, and [`Parsed`]: what a parser of it gives.

use bytes::Bytes;
use nom::Needed;

use crate::ParseError;

/// A part of a frame, from which values are cut without a copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a> {
    frame: &'a Bytes,
    start: usize,
    end: usize,
}

/// What is left, and the value; or what was expected where.
pub(crate) type Parsed<'a, T> = nom::IResult<Span<'a>, T, ParseError>;

impl<'a> Span<'a> {
    /// The whole frame.
    pub(crate) fn new(frame: &'a Bytes) -> Self {
        Self { frame, start: 0, end: frame.len() }
    }

    pub(crate) fn octets(self) -> &'a [u8] {
        &self.frame[self.start..self.end]
    }

    /// The octets as a value of their own: a slice of the frame.
    pub(crate) fn to_bytes(self) -> Bytes {
        self.frame.slice(self.start..self.end)
    }

    /// The octets in upper case, those over 126 replaced: for names, which are ASCII.
    pub(crate) fn to_upper(self) -> String {
        String::from_utf8_lossy(self.octets()).to_ascii_uppercase()
    }

    /// The octets in upper case on the stack: for `match`, without an allocation.
    pub(crate) fn to_word(self) -> Word {
        Word::of(self.octets())
    }

    /// Octets from the start of the frame.
    pub(crate) fn at(self) -> usize {
        self.start
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    pub(crate) fn first(self) -> Option<u8> {
        self.octets().first().copied()
    }

    /// What is left behind the next `count` octets, which must be there.
    pub(crate) fn skip(self, count: usize) -> Self {
        self.split(count).0
    }

    /// What is left behind the next `count` octets, and these; they must be there.
    pub(crate) fn split(self, count: usize) -> (Self, Self) {
        let middle = self.start + count;
        assert!(middle <= self.end, "a parser takes only what is there");
        (Self { start: middle, ..self }, Self { end: middle, ..self })
    }

    /// Whether both octets are equal but for ASCII case.
    pub(crate) fn is(self, word: &str) -> bool {
        self.octets().eq_ignore_ascii_case(word.as_bytes())
    }

    /// The error that `rule` was expected here.
    pub(crate) fn error(self, rule: &'static str) -> ParseError {
        ParseError { rule, at: self.start }
    }

    /// No value: `rule` was expected here.
    pub(crate) fn fail<T>(self, rule: &'static str) -> Parsed<'a, T> {
        Err(nom::Err::Error(self.error(rule)))
    }
}

/// A word of the grammar in upper case. One that is longer than any word of the grammar is empty.
pub(crate) struct Word {
    octets: [u8; Self::MAX_OCTETS],
    length: usize,
}

impl Word {
    const MAX_OCTETS: usize = 24;

    pub(crate) fn of(octets: &[u8]) -> Self {
        let mut word = Self { octets: [0; Self::MAX_OCTETS], length: 0 };
        if let Some(target) = word.octets.get_mut(..octets.len()) {
            target.copy_from_slice(octets);
            target.make_ascii_uppercase();
            word.length = octets.len();
        }
        word
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

impl<'a> nom::Input for Span<'a> {
    type Item = u8;
    type Iter = std::iter::Copied<std::slice::Iter<'a, u8>>;
    type IterIndices = std::iter::Enumerate<Self::Iter>;

    fn input_len(&self) -> usize {
        self.end - self.start
    }

    fn take(&self, index: usize) -> Self {
        self.split(index).1
    }

    fn take_from(&self, index: usize) -> Self {
        self.skip(index)
    }

    fn take_split(&self, index: usize) -> (Self, Self) {
        self.split(index)
    }

    fn position<P: Fn(u8) -> bool>(&self, predicate: P) -> Option<usize> {
        self.octets().iter().position(|&octet| predicate(octet))
    }

    fn iter_elements(&self) -> Self::Iter {
        self.octets().iter().copied()
    }

    fn iter_indices(&self) -> Self::IterIndices {
        self.iter_elements().enumerate()
    }

    fn slice_index(&self, count: usize) -> Result<usize, Needed> {
        match count.checked_sub(self.input_len()) {
            None | Some(0) => Ok(count),
            Some(missing) => Err(Needed::new(missing)),
        }
    }
}

impl<'a> nom::error::ParseError<Span<'a>> for ParseError {
    fn from_error_kind(input: Span<'a>, _kind: nom::error::ErrorKind) -> Self {
        input.error("something else")
    }

    fn append(_input: Span<'a>, _kind: nom::error::ErrorKind, other: Self) -> Self {
        other
    }

    /// Of two alternatives the one that got farther knows better what is wrong.
    fn or(self, other: Self) -> Self {
        if other.at > self.at { other } else { self }
    }
}
