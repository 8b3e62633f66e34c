//! [`Octets`]: a string of the wire that costs little when it is short.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use bytes::Bytes;

/// The octets of one string of an envelope or of a body structure.
///
/// Such strings are many and most are short: up to [`Self::INLINE_MAX`] octets lie in the value itself, and to make one,
/// to copy it and to drop it costs next to nothing. None keeps alive the frame that it came in.
#[derive(Clone)]
pub struct Octets(Repr);

#[derive(Clone)]
enum Repr {
    /// What stands behind the length is of no account.
    Inline {
        length: u8,
        octets: [u8; Octets::INLINE_MAX],
    },
    Boxed(Box<[u8]>),
}

impl Octets {
    /// So many octets need no memory of their own.
    pub const INLINE_MAX: usize = 22;

    /// The first `length` octets of `octets`, which may go on behind them.
    #[inline]
    pub(crate) fn of_start(octets: &[u8], length: usize) -> Self {
        match octets.first_chunk() {
            // As many octets whatever the length: that is two instructions, not a call.
            Some(inline) if length <= Self::INLINE_MAX => {
                Self(Repr::Inline { length: length as u8, octets: *inline })
            }
            _ => octets[..length].into(),
        }
    }
}

impl From<&[u8]> for Octets {
    fn from(octets: &[u8]) -> Self {
        if octets.len() > Self::INLINE_MAX {
            return Self(Repr::Boxed(octets.into()));
        }
        let mut inline = [0; Self::INLINE_MAX];
        inline[..octets.len()].copy_from_slice(octets);
        Self(Repr::Inline { length: octets.len() as u8, octets: inline })
    }
}
impl<const N: usize> From<&[u8; N]> for Octets {
    fn from(octets: &[u8; N]) -> Self {
        octets.as_slice().into()
    }
}
impl From<&str> for Octets {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}
impl From<Bytes> for Octets {
    fn from(octets: Bytes) -> Self {
        octets.as_ref().into()
    }
}
impl From<Vec<u8>> for Octets {
    fn from(octets: Vec<u8>) -> Self {
        if octets.len() > Self::INLINE_MAX {
            Self(Repr::Boxed(octets.into()))
        } else {
            octets.as_slice().into()
        }
    }
}
impl From<String> for Octets {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}
impl From<Octets> for Bytes {
    fn from(octets: Octets) -> Self {
        match octets.0 {
            Repr::Inline { .. } => Self::copy_from_slice(&octets),
            Repr::Boxed(octets) => octets.into(),
        }
    }
}

impl Default for Octets {
    fn default() -> Self {
        Self(Repr::Inline { length: 0, octets: [0; Self::INLINE_MAX] })
    }
}

impl Deref for Octets {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { length, octets } => &octets[..usize::from(*length)],
            Repr::Boxed(octets) => octets,
        }
    }
}

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
impl PartialEq for Octets {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}
impl Eq for Octets {}
impl Hash for Octets {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}
impl PartialEq<[u8]> for Octets {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}
impl<const N: usize> PartialEq<&[u8; N]> for Octets {
    fn eq(&self, other: &&[u8; N]) -> bool {
        **self == other[..]
    }
}
impl PartialEq<&[u8]> for Octets {
    fn eq(&self, other: &&[u8]) -> bool {
        **self == **other
    }
}
impl PartialEq<&str> for Octets {
    fn eq(&self, other: &&str) -> bool {
        **self == *other.as_bytes()
    }
}
impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Short or long, at the end of a frame or not: the octets are what they were.
    #[test]
    fn every_length_comes_back() {
        let frame: Vec<u8> = (0..64).collect();
        for start in 0..=frame.len() {
            for length in 0..=frame.len() - start {
                let octets = Octets::of_start(&frame[start..], length);
                assert_eq!(octets, frame[start..start + length]);
                assert_eq!(Octets::from(octets.to_vec()), octets);
                assert_eq!(Octets::from(Bytes::from(octets.clone())), octets);
            }
        }
    }

    /// A word more would be felt: an envelope has dozens of them.
    #[test]
    fn it_is_three_words_with_or_without_nil() {
        assert_eq!((size_of::<Octets>(), size_of::<Option<Octets>>()), (24, 24));
    }
}
