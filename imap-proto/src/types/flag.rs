//! Flags and keywords of a message (RFC 9051 §2.3.2).

use std::fmt;

/// A system flag that we keep. `\Recent` is not among them: it is told, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SystemFlag {
    /// `\Answered`
    Answered = 1,
    /// `\Flagged`
    Flagged = 2,
    /// `\Deleted`
    Deleted = 4,
    /// `\Seen`
    Seen = 8,
    /// `\Draft`
    Draft = 16,
}

/// A flag in a command or a response.
///
/// Two keywords that differ in case only are equal; the first spelling is kept when one is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Flag {
    /// One of the five that are kept.
    System(SystemFlag),
    /// `\Recent`: only ever from server to client; a client that sets it is ignored.
    Recent,
    /// `\*`, in PERMANENTFLAGS only: new keywords can be made.
    Wildcard,
    /// A keyword: an atom without a backslash, 1..=[`Keyword::MAX_OCTETS`] octets.
    Keyword(Keyword),
    /// `\Anything-else`, kept as it came (flag-extension, RFC 9051 §9). The name is without the backslash.
    Extension(Keyword),
}

/// The name of a keyword: an atom, equal without regard to ASCII case, spelled as first seen.
#[derive(Clone)]
pub struct Keyword(Box<str>);

impl Keyword {
    /// More octets than that are refused.
    pub const MAX_OCTETS: usize = 255;

    /// `None` when `name` is not an atom of 1..=[`Self::MAX_OCTETS`] octets.
    pub fn new(name: &str) -> Option<Self> {
        let _ = name;
        todo!()
    }

    /// The spelling that was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for Keyword {}
impl std::hash::Hash for Keyword {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        for octet in self.0.bytes() {
            state.write_u8(octet.to_ascii_lowercase());
        }
        state.write_u8(0xff);
    }
}
impl fmt::Debug for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
