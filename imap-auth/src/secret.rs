//! [`Secret`]: a password or token that is wiped when dropped and prints as `***`.

use std::fmt;

use zeroize::Zeroizing;

/// Octets that never show up in a log.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the octets.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(octets.into()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_stars() {
        assert_eq!(
            format!("{:?} {:#?}", Secret::new("sesame"), Some(Secret::new("x"))),
            "*** Some(\n    ***,\n)"
        );
    }
}
