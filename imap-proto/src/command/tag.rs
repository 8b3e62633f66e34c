//! [`Tag`]: what a client calls a command.

use std::fmt;

use crate::parse::{Parsed, Span, is_tag_char, length_of};
use crate::types::Octets;

/// A command's tag: 1..=[`Tag::MAX_OCTETS`] octets of `ASTRING-CHAR` without `+` (RFC 9051 §9).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tag(Octets);

impl Tag {
    /// Longer tags are refused.
    pub const MAX_OCTETS: usize = 255;

    /// `None` when the octets are not a tag.
    pub fn new(octets: impl Into<Octets>) -> Option<Self> {
        let octets = octets.into();
        let fits = (1..=Self::MAX_OCTETS).contains(&octets.len());
        (fits && octets.iter().all(|&octet| is_tag_char(octet))).then_some(Self(octets))
    }

    /// The octets as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).expect("a tag is ASCII"))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// ```abnf
/// tag             = 1*<any ASTRING-CHAR except "+">
/// ```
///
/// Only what SP or the end of the frame follows.
#[inline]
pub(super) fn tag(input: Span<'_>) -> Parsed<'_, Tag> {
    let length = length_of(input.octets(), is_tag_char);
    let rest = input.skip(length);
    match rest.first() {
        None | Some(b' ') if (1..=Tag::MAX_OCTETS).contains(&length) => Ok((rest, Tag(input.start(length)))),
        _ => input.fail("tag"),
    }
}
