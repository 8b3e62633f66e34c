//! The primitives of the response parser: forgiving where the command parser is strict.
//!
//! By hand, not with nom as [`crate::parse`]: a client must get past whatever a server writes and keep it verbatim, so each
//! step needs to know where it stands and to be able to skip a value that it cannot read. Nothing here
//! copies but quoted strings with escapes in them.

use bytes::Bytes;

use crate::parse::{DIGITS_SAFE, Parsed, Span, decimal, leading_decimal};
use crate::types::Octets;

/// A place in a frame. Copies are cheap: one is kept to go back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    frame: &'a Bytes,
    /// What was not read yet: the end of the frame.
    rest: &'a [u8],
}

/// A value that owns a string of a frame.
pub(crate) trait Owned: From<Bytes> + Default {
    /// The first `length` octets of `octets`, which is the end of `frame`.
    fn from_frame(frame: &Bytes, octets: &[u8], length: usize) -> Self;
}

impl Owned for Octets {
    #[inline]
    fn from_frame(_frame: &Bytes, octets: &[u8], length: usize) -> Self {
        Self::of_start(octets, length)
    }
}

impl Owned for Bytes {
    #[inline]
    fn from_frame(frame: &Bytes, octets: &[u8], length: usize) -> Self {
        let start = frame.len() - octets.len();
        frame.slice(start..start + length)
    }
}

/// A string in one of its forms.
enum Token<'a> {
    /// What stands between the quotes, and whether escapes are in it: never NIL.
    Quoted(&'a [u8], bool),
    /// The octets of a literal: never NIL.
    Literal(&'a [u8]),
    /// An atom, which may be NIL.
    Atom(&'a [u8]),
}

impl<'a> Reader<'a> {
    /// At the start of the frame.
    pub(crate) fn new(frame: &'a Bytes) -> Self {
        Self { frame, rest: frame }
    }

    /// Whether so much is left as a FETCH of a whole envelope has.
    pub(crate) fn is_long(&self) -> bool {
        self.rest.len() > 128
    }

    /// Octets from the start of the frame.
    #[inline]
    pub(crate) fn at(&self) -> usize {
        self.frame.len() - self.rest.len()
    }

    /// All that was not read yet.
    pub(crate) fn rest(&self) -> Bytes {
        self.frame.slice(self.at()..)
    }

    /// What was read since `start`.
    pub(crate) fn since(&self, start: usize) -> Bytes {
        self.frame.slice(start..self.at())
    }

    /// What was read since `start`, without a value that owns it.
    pub(crate) fn passed(&self, start: &Self) -> &'a [u8] {
        &start.rest[..start.rest.len() - self.rest.len()]
    }

    /// A part of the frame as a value of its own, without a copy.
    pub(crate) fn own(&self, part: &'a [u8]) -> Bytes {
        self.frame.slice_ref(part)
    }

    /// Passes over `count` octets, or to the end.
    pub(crate) fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// What a parser of the strict grammar makes of what stands here.
    pub(crate) fn strict<T>(&mut self, parser: impl Fn(Span<'a>) -> Parsed<'a, T>) -> Option<T> {
        let (rest, value) = parser(Span::new(self.frame).skip(self.at())).ok()?;
        self.rest = rest.octets();
        Some(value)
    }

    /// The next octet, `None` at the end.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes one octet, if it is that one.
    #[inline]
    pub(crate) fn eat(&mut self, octet: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == octet => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes these octets, if they are what stands here.
    #[inline]
    pub(crate) fn eat_all(&mut self, octets: &[u8]) -> bool {
        match self.rest.strip_prefix(octets) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// As [`Self::eat`], behind any number of spaces.
    #[inline]
    pub(crate) fn eat_spaced(&mut self, octet: u8) -> bool {
        self.skip_spaces();
        self.eat(octet)
    }

    /// Skips any number of spaces.
    #[inline]
    pub(crate) fn skip_spaces(&mut self) {
        while self.eat(b' ') {}
    }

    /// Whether nothing but spaces is left.
    #[inline]
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.skip_spaces();
        self.peek().is_none()
    }

    /// Whether a value can end here.
    #[inline]
    pub(crate) fn is_at_delimiter(&self) -> bool {
        matches!(self.peek(), None | Some(b' ' | b')'))
    }

    /// All octets up to the first one that `is_end`; may be empty.
    pub(crate) fn take_until(&mut self, is_end: impl Fn(u8) -> bool) -> Bytes {
        let octets = self.pass_until(is_end);
        self.own(octets)
    }

    /// As [`Self::take_until`], without a value that owns them.
    #[inline]
    pub(crate) fn pass_until(&mut self, is_end: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().position(|&octet| is_end(octet)).unwrap_or(self.rest.len());
        let (passed, rest) = self.rest.split_at(length);
        self.rest = rest;
        passed
    }

    /// A word between spaces, parentheses and line ends. `None` when there is none.
    pub(crate) fn atom(&mut self) -> Option<Bytes> {
        self.word().map(|word| self.own(word))
    }

    /// As [`Self::atom`], without a value that owns it.
    pub(crate) fn word(&mut self) -> Option<&'a [u8]> {
        self.skip_spaces();
        let word = self.pass_until(is_atom_end);
        (!word.is_empty()).then_some(word)
    }

    /// Whether spaces and a list, or nothing more, follow.
    pub(crate) fn is_at_list_or_end(&self) -> bool {
        matches!(self.rest, [] | [b' ', b'(', ..])
    }

    /// All up to SP and a list, or to the end, without the spaces at its own end. `None` where a line ends in it.
    pub(crate) fn take_bare_name(&mut self) -> Option<Bytes> {
        let length = memchr::memmem::find(self.rest, b" (").unwrap_or(self.rest.len());
        let name = self.rest[..length].trim_ascii_end();
        if name.is_empty() || memchr::memchr2(b'\r', b'\n', name).is_some() {
            return None;
        }
        let name = self.own(name);
        self.skip(length);
        Some(name)
    }

    /// Digits, behind any number of spaces. `None` also above `u64::MAX`.
    pub(crate) fn number(&mut self) -> Option<u64> {
        self.skip_spaces();
        let (value, length) = leading_decimal(self.rest);
        if length == DIGITS_SAFE {
            return decimal(self.pass_until(|octet| !octet.is_ascii_digit()));
        }
        self.rest = &self.rest[length..];
        (length > 0).then_some(value)
    }

    /// As [`Self::number`], up to `u32::MAX`.
    pub(crate) fn number32(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    /// `nil`, in any case. Takes nothing when it is not there.
    #[inline]
    pub(crate) fn nil(&mut self) -> bool {
        let start = *self;
        self.skip_spaces();
        let is_nil = match self.rest {
            [n, i, l, rest @ ..] if (n | i | l) & 0x80 == 0 && [n | 0x20, i | 0x20, l | 0x20] == *b"nil" => {
                self.rest = rest;
                self.peek().is_none_or(is_atom_end)
            }
            _ => false,
        };
        if !is_nil {
            *self = start;
        }
        is_nil
    }

    /// `nstring`; an atom is a string too. The outer `None`: there is no string here.
    pub(crate) fn nstring<S: Owned>(&mut self) -> Option<Option<S>> {
        if let Some(string) = self.plain_string() {
            return Some(Some(string));
        }
        if self.eat_nils(b" NIL") || self.eat_nils(b"NIL") {
            return Some(None);
        }
        self.any_nstring()
    }

    /// A [`Self::nstring`] in a form that few servers write.
    #[cold]
    fn any_nstring<S: Owned>(&mut self) -> Option<Option<S>> {
        Some(match self.token()? {
            Token::Atom(atom) if atom.eq_ignore_ascii_case(b"NIL") => None,
            token => Some(self.own_token(token).into()),
        })
    }

    /// `string`; an atom is one too, and NIL an empty one.
    pub(crate) fn string<S: Owned>(&mut self) -> Option<S> {
        match self.plain_string() {
            Some(string) => Some(string),
            None => self.nstring().map(Option::unwrap_or_default),
        }
    }

    /// Takes `nils`, which is one or several NIL with SP before each, if they are what stands here and
    /// something else follows. That is how most servers write them. Any other octets are taken so as well.
    #[inline]
    pub(crate) fn eat_nils(&mut self, nils: &[u8]) -> bool {
        match self.rest.strip_prefix(nils) {
            Some(rest) if matches!(rest, [b' ' | b')', ..]) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// A quoted string without escapes behind one space or none: what nearly every string is. Takes nothing
    /// where something else stands.
    #[inline]
    fn plain_string<S: Owned>(&mut self) -> Option<S> {
        let inside = match self.rest {
            [b' ', b'"', inside @ ..] | [b'"', inside @ ..] => inside,
            _ => return None,
        };
        let length = plain_octets(inside);
        let [b'"', rest @ ..] = &inside[length..] else { return None };
        self.rest = rest;
        Some(S::from_frame(self.frame, inside, length))
    }

    /// `astring`: here `NIL` is a name like any other.
    pub(crate) fn astring(&mut self) -> Option<Bytes> {
        self.token().map(|token| self.own_token(token))
    }

    /// `*(SP astring)` up to the end of the frame.
    pub(crate) fn astrings(&mut self) -> Option<Vec<Bytes>> {
        let mut strings = Vec::new();
        while !self.is_at_end() {
            strings.push(self.astring()?);
        }
        Some(strings)
    }

    /// `NIL`, or elements in parentheses with or without spaces between them. `None` when an element cannot
    /// be read or the list has no end.
    #[inline]
    pub(crate) fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut elements = Vec::new();
        self.each(|reader| {
            // Most lists of responses have one element, and those are large.
            elements.reserve(usize::from(elements.is_empty()));
            elements.push(element(reader)?);
            Some(())
        })?;
        Some(elements)
    }

    /// As [`Self::list`], where `element` keeps what it reads itself.
    #[inline]
    pub(crate) fn each(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if !self.eat_spaced(b'(') {
            return self.nil().then_some(());
        }
        if self.eat_spaced(b')') {
            return Some(());
        }
        loop {
            element(self)?;
            if self.eat_spaced(b')') {
                return Some(());
            }
        }
    }

    fn token(&mut self) -> Option<Token<'a>> {
        self.skip_spaces();
        let head = match self.peek()? {
            b'"' => return self.quoted_token(),
            b'{' | b'~' => self.literal_head(),
            _ => None,
        };
        match head {
            Some((behind, size_octets)) => self.literal(behind, size_octets).map(Token::Literal),
            None => self.word().map(Token::Atom),
        }
    }

    fn own_token(&self, token: Token<'a>) -> Bytes {
        match token {
            Token::Quoted(inside, true) => unescape(inside),
            Token::Quoted(octets, false) | Token::Literal(octets) | Token::Atom(octets) => self.own(octets),
        }
    }

    /// `quoted`. A backslash before anything but `"` and `\` stands for itself: there are servers that do
    /// not escape it. A CR alone is taken, as in a literal.
    pub(crate) fn quoted(&mut self) -> Option<Bytes> {
        self.quoted_token().map(|token| self.own_token(token))
    }

    fn quoted_token(&mut self) -> Option<Token<'a>> {
        let inside = self.rest.get(1..)?;
        let mut length = 0;
        let mut has_escapes = false;
        loop {
            length += plain_octets(inside.get(length..)?);
            match inside.get(length)? {
                b'"' => break,
                b'\n' => return None,
                _ if matches!(inside.get(length + 1), Some(b'"' | b'\\')) => {
                    has_escapes = true;
                    length += 2;
                }
                _ => length += 1,
            }
        }
        let (inside, rest) = inside.split_at(length);
        self.rest = &rest[1..];
        Some(Token::Quoted(inside, has_escapes))
    }

    /// What stands behind the head of the literal that is here, and how many octets of it are announced:
    /// `{n}`, `{n+}` or `~{n}` and a line end.
    fn literal_head(&self) -> Option<(&'a [u8], u64)> {
        let mut head = *self;
        head.eat(b'~');
        if !head.eat(b'{') {
            return None;
        }
        let digits = head.pass_until(|octet| !octet.is_ascii_digit());
        let size_octets = decimal(digits)?;
        head.eat(b'+');
        let is_closed = head.eat(b'}');
        while head.eat(b'\r') {}
        (is_closed && head.eat(b'\n')).then_some((head.rest, size_octets))
    }

    /// Whether the head of a literal stands here and nothing behind it: its octets are streamed.
    #[inline]
    pub(crate) fn is_at_streamed_literal(&mut self) -> bool {
        self.skip_spaces();
        matches!(self.peek(), Some(b'{' | b'~'))
            && self.literal_head().is_some_and(|(behind, size_octets)| behind.is_empty() && size_octets > 0)
    }

    /// A literal with its head, or the `{` alone where it is none. `None` when octets are missing.
    pub(crate) fn literal_or_octet(&mut self) -> Option<()> {
        match self.literal_head() {
            Some((behind, size_octets)) => self.literal(behind, size_octets).map(|_| ()),
            None => self.eat(b'{').then_some(()),
        }
    }

    /// What is left of a value of which `open_lists` parentheses are open; with 0 nothing is.
    pub(crate) fn skip_value_rest(&mut self, open_lists: usize) -> Result<(), usize> {
        if open_lists == 0 { Ok(()) } else { self.skip_value(open_lists) }
    }

    /// The first `size_octets` of what stands behind a literal's head. `None` when fewer are there.
    fn literal(&mut self, behind: &'a [u8], size_octets: u64) -> Option<&'a [u8]> {
        let (octets, rest) = behind.split_at_checked(usize::try_from(size_octets).ok()?)?;
        self.rest = rest;
        Some(octets)
    }

    /// Skips one value, or with `open_lists` what is left of one with so many parentheses open. Takes
    /// nothing where a `)` ends the list around it.
    ///
    /// `Err` has the number of parentheses that are open where the frame ends or cannot be read on.
    pub(crate) fn skip_value(&mut self, mut open_lists: usize) -> Result<(), usize> {
        loop {
            self.skip_spaces();
            match self.peek().ok_or(open_lists)? {
                b'(' => {
                    open_lists += 1;
                    self.skip(1);
                }
                b')' if open_lists == 0 => return Ok(()),
                b')' => {
                    open_lists -= 1;
                    self.skip(1);
                }
                b'\r' | b'\n' => {
                    self.skip(1);
                    continue;
                }
                _ => {
                    self.token().ok_or(open_lists)?;
                }
            }
            if open_lists == 0 {
                return Ok(());
            }
        }
    }
}

/// How many octets stand before the first `"`, backslash or LF: all, if there is none.
#[inline]
fn plain_octets(octets: &[u8]) -> usize {
    let mut length = 0;
    let mut rest = octets;
    // Eight octets at once as one number: most strings are too short for vectors to be worth their setup.
    while let Some((eight, behind)) = rest.split_first_chunk() {
        if length == PLAIN_LONG_OCTETS {
            let end = memchr::memchr3(b'"', b'\\', b'\n', rest);
            return length + end.unwrap_or(rest.len());
        }
        let eight = u64::from_le_bytes(*eight);
        let stops = zero_octets(eight ^ repeated(b'"'))
            | zero_octets(eight ^ repeated(b'\\'))
            | zero_octets(eight ^ repeated(b'\n'));
        if stops != 0 {
            return length + (stops.trailing_zeros() / 8) as usize;
        }
        length += 8;
        rest = behind;
    }
    let left = rest.iter().position(|octet| matches!(octet, b'"' | b'\\' | b'\n'));
    length + left.unwrap_or(rest.len())
}

/// Strings that are longer are worth a search by vectors.
const PLAIN_LONG_OCTETS: usize = 64;

/// Eight times that octet.
const fn repeated(octet: u8) -> u64 {
    u64::from_le_bytes([octet; 8])
}

/// The highest bit of each octet that is 0; of those above the lowest such octet, some that are not.
const fn zero_octets(eight: u64) -> u64 {
    eight.wrapping_sub(repeated(0x01)) & !eight & repeated(0x80)
}

#[inline]
fn is_atom_end(octet: u8) -> bool {
    matches!(octet, b' ' | b'(' | b')' | b'\r' | b'\n')
}

fn unescape(inside: &[u8]) -> Bytes {
    let mut octets = Vec::with_capacity(inside.len());
    let mut rest = inside.iter();
    while let Some(&octet) = rest.next() {
        let is_escape = octet == b'\\' && matches!(rest.as_slice().first(), Some(b'"' | b'\\'));
        let octet = if is_escape { rest.next().copied().unwrap_or(octet) } else { octet };
        octets.push(octet);
    }
    octets.into()
}
