//! Flags and keywords of a message (RFC 9051 §2.3.2).

use std::fmt;

use smallvec::SmallVec;

use super::Octets;
use crate::parse::is_atom_char;

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

/// The flags of one message. Most have one or two, which need no memory of their own.
pub type Flags = SmallVec<[Flag; 2]>;

impl SystemFlag {
    /// All five, in the order of RFC 3501's `flag` rule.
    pub const ALL: [Self; 5] = [Self::Answered, Self::Flagged, Self::Deleted, Self::Seen, Self::Draft];

    /// The flag as the wire spells it, backslash included.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "\\Answered",
            Self::Flagged => "\\Flagged",
            Self::Deleted => "\\Deleted",
            Self::Seen => "\\Seen",
            Self::Draft => "\\Draft",
        }
    }
}

impl Flag {
    /// The flag that `name` means behind a backslash, in any case. `None` when it is not an atom of
    /// 1..=[`Keyword::MAX_OCTETS`] octets.
    pub fn backslash(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("Recent") {
            return Some(Self::Recent);
        }
        let system = SystemFlag::ALL.into_iter().find(|flag| flag.as_str()[1..].eq_ignore_ascii_case(name));
        match system {
            Some(flag) => Some(Self::System(flag)),
            None => Keyword::new(name).map(Self::Extension),
        }
    }

    /// Writes the flag, backslash included.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::System(flag) => out.extend_from_slice(flag.as_str().as_bytes()),
            Self::Recent => out.extend_from_slice(b"\\Recent"),
            Self::Wildcard => out.extend_from_slice(b"\\*"),
            Self::Keyword(keyword) => out.extend_from_slice(&keyword.0),
            Self::Extension(name) => {
                out.push(b'\\');
                out.extend_from_slice(&name.0);
            }
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(flag) => f.write_str(flag.as_str()),
            Self::Recent => f.write_str("\\Recent"),
            Self::Wildcard => f.write_str("\\*"),
            Self::Keyword(keyword) => keyword.fmt(f),
            Self::Extension(name) => write!(f, "\\{name}"),
        }
    }
}

/// The name of a keyword: an atom, equal without regard to ASCII case, spelled as first seen.
#[derive(Clone)]
pub struct Keyword(Octets);

impl Keyword {
    /// More octets than that are refused.
    pub const MAX_OCTETS: usize = 255;

    /// `None` when `name` is not an atom of 1..=[`Self::MAX_OCTETS`] octets.
    pub fn new(name: &str) -> Option<Self> {
        let fits = (1..=Self::MAX_OCTETS).contains(&name.len()) && name.bytes().all(is_atom_char);
        fits.then(|| Self(name.into()))
    }

    /// The spelling that was given.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("an atom is ASCII")
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
        for octet in self.0.iter() {
            state.write_u8(octet.to_ascii_lowercase());
        }
        state.write_u8(0xff);
    }
}
impl fmt::Debug for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}
impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_atoms_equal_in_any_case() {
        let keyword = Keyword::new("$Forwarded").expect("an atom");
        assert_eq!(Some(&keyword), Keyword::new("$FORWARDED").as_ref());
        assert_eq!(keyword.as_str(), "$Forwarded");
        for bad in ["", "a b", "a]", "\\Seen", "(", "é", &"x".repeat(256)] {
            assert_eq!(Keyword::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_behind_a_backslash() {
        assert_eq!(Flag::backslash("sEEN"), Some(Flag::System(SystemFlag::Seen)));
        assert_eq!(Flag::backslash("recent"), Some(Flag::Recent));
        assert_eq!(Flag::backslash("Important").map(|flag| flag.to_string()).as_deref(), Some("\\Important"));
        assert_eq!(Flag::backslash("*"), None);
    }
}
