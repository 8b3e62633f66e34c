//! [`ObjectId`]: a name for a mailbox, an email or a thread that never changes (RFC 8474).

use std::fmt;

use bytes::Bytes;

/// An `objectid`: 1..=255 letters, digits, `_` and `-`; case counts (RFC 8474 §7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(Bytes);

impl ObjectId {
    /// The longest that the grammar allows.
    pub const MAX_OCTETS: usize = 255;

    /// `None` when it is empty, too long, or has another character in it.
    pub fn new(id: impl Into<Bytes>) -> Option<Self> {
        let id = id.into();
        let fits =
            !id.is_empty() && id.len() <= Self::MAX_OCTETS && id.iter().all(|&octet| is_id_char(octet));
        fits.then_some(Self(id))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("its characters are ASCII")
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether an object id may hold the octet.
pub(crate) fn is_id_char(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_64_characters() {
        assert!(ObjectId::new("F2212ea87-6097-4256_9d51-71338625").is_some());
        assert_eq!(ObjectId::new(""), None);
        assert_eq!(ObjectId::new("a.b"), None);
        assert!(ObjectId::new("x".repeat(255)).is_some());
        assert_eq!(ObjectId::new("x".repeat(256)), None);
    }
}
