//! [`Span`]: what is left of a frame, and [`Parsed`]: what a parser of it gives.

use bytes::Bytes;
use nom::Needed;

use crate::ParseError;
use crate::types::Octets;

/// A part of a frame, from which values are cut without a copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a> {
    frame: &'a Bytes,
    octets: &'a [u8],
}

/// What is left, and the value; or what was expected where.
pub(crate) type Parsed<'a, T> = nom::IResult<Span<'a>, T, ParseError>;

impl<'a> Span<'a> {
    /// The whole frame.
    #[inline]
    pub(crate) fn new(frame: &'a Bytes) -> Self {
        Self { frame, octets: frame }
    }

    #[inline]
    pub(crate) fn octets(self) -> &'a [u8] {
        self.octets
    }

    /// The octets as a value of their own: a slice of the frame.
    pub(crate) fn to_bytes(self) -> Bytes {
        self.frame.slice_ref(self.octets)
    }

    /// The first `length` octets, which must be there, as a value that holds them in place if they are few.
    #[inline]
    pub(crate) fn start(self, length: usize) -> Octets {
        Octets::of_start(self.octets, length)
    }

    /// The octets in upper case, those over 126 replaced: for names, which are ASCII.
    pub(crate) fn to_upper(self) -> String {
        String::from_utf8_lossy(self.octets()).to_ascii_uppercase()
    }

    /// The octets in upper case on the stack: for `match`, without an allocation.
    #[inline]
    pub(crate) fn to_word(self) -> Word<'a> {
        Word::of(self.octets())
    }

    /// Octets from the start of the frame.
    pub(crate) fn at(self) -> usize {
        self.octets.as_ptr().addr() - self.frame.as_ptr().addr()
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.octets.is_empty()
    }

    #[inline]
    pub(crate) fn first(self) -> Option<u8> {
        self.octets.first().copied()
    }

    /// What is left behind the next `count` octets, which must be there.
    #[inline]
    pub(crate) fn skip(self, count: usize) -> Self {
        Self { octets: &self.octets[count..], ..self }
    }

    /// What is left behind the next `count` octets, and these; they must be there.
    #[inline]
    pub(crate) fn split(self, count: usize) -> (Self, Self) {
        let (octets, rest) = self.octets.split_at(count);
        (Self { octets: rest, ..self }, Self { octets, ..self })
    }

    /// The error that `rule` was expected here.
    #[cold]
    pub(crate) fn error(self, rule: &'static str) -> ParseError {
        ParseError { rule, at: self.at() }
    }

    /// No value: `rule` was expected here.
    pub(crate) fn fail<T>(self, rule: &'static str) -> Parsed<'a, T> {
        Err(nom::Err::Error(self.error(rule)))
    }
}

/// A word in upper case. One with lower case that is longer than any word of the grammar is empty.
pub(crate) enum Word<'a> {
    /// It came so: nearly all do.
    Upper(&'a [u8]),
    Mixed {
        octets: [u8; WORD_OCTETS_MAX],
        length: usize,
    },
}

const WORD_OCTETS_MAX: usize = 24;

impl<'a> Word<'a> {
    #[inline]
    pub(crate) fn of(octets: &'a [u8]) -> Self {
        // Not with `any`: without an exit in the middle it is a few instructions.
        let is_mixed = octets.iter().fold(false, |is, octet| is | octet.is_ascii_lowercase());
        if is_mixed { Self::mixed(octets) } else { Self::Upper(octets) }
    }

    #[cold]
    fn mixed(octets: &[u8]) -> Self {
        let mut upper = [0; WORD_OCTETS_MAX];
        let length = match upper.get_mut(..octets.len()) {
            Some(target) => {
                target.copy_from_slice(octets);
                target.make_ascii_uppercase();
                octets.len()
            }
            None => 0,
        };
        Self::Mixed { octets: upper, length }
    }

    #[inline]
    pub(crate) fn octets(&self) -> &[u8] {
        match self {
            Self::Upper(octets) => octets,
            Self::Mixed { octets, length } => &octets[..*length],
        }
    }
}

impl<'a> nom::Input for Span<'a> {
    type Item = u8;
    type Iter = std::iter::Copied<std::slice::Iter<'a, u8>>;
    type IterIndices = std::iter::Enumerate<Self::Iter>;

    fn input_len(&self) -> usize {
        self.octets.len()
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
