//! [`PartialRange`]: a slice of a result (RFC 9394 §3.1, RFC 5267 §4.4).

use std::fmt;
use std::num::NonZeroU32;

/// Which of the results of a SEARCH, SORT or UID FETCH are wanted, counted from 1. Kept as it was written,
/// since a server repeats it: `500:400` means the same as `400:500`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartialRange {
    /// `n:m`, counted from the first result.
    First(NonZeroU32, NonZeroU32),
    /// `-n:-m`, counted from the last result (RFC 9394 only).
    Last(NonZeroU32, NonZeroU32),
}

impl PartialRange {
    /// Both ends, the lower first, and whether they are counted from the last result.
    pub fn ends(self) -> (u32, u32, bool) {
        let (first, last, is_from_last) = match self {
            Self::First(first, last) => (first.get(), last.get(), false),
            Self::Last(first, last) => (first.get(), last.get(), true),
        };
        (first.min(last), first.max(last), is_from_last)
    }
}

impl fmt::Display for PartialRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First(first, last) => write!(f, "{first}:{last}"),
            Self::Last(first, last) => write!(f, "-{first}:-{last}"),
        }
    }
}
