//! [`Secret`]: octets that never show up in a log.

use std::fmt;

use bytes::Bytes;

/// A password, a token or a SASL response. Prints as `***` in every build.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Bytes);

impl Secret {
    /// Wraps the octets.
    pub fn new(octets: impl Into<Bytes>) -> Self {
        Self(octets.into())
    }

    /// The octets themselves; whoever asks keeps them out of logs and messages.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
