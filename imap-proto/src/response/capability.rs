//! CAPABILITY (RFC 9051 §7.2.2).

use bytes::Bytes;

use super::KnownCapability;
use super::text::write_word;
use crate::wire::read::Reader;

/// One capability, spelled as the server did; compared without regard to case.
#[derive(Debug, Clone)]
pub struct Capability(pub Bytes);

impl Capability {
    /// Whether it is the one named, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name.as_bytes())
    }

    /// What it says, where we know it.
    pub fn known(&self) -> Option<KnownCapability<'_>> {
        KnownCapability::read(&self.0)
    }
}

impl PartialEq for Capability {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for Capability {}

/// `CAPABILITY` and each capability with a space before it.
pub(super) fn write_capabilities(out: &mut Vec<u8>, capabilities: &[Capability]) {
    out.extend_from_slice(b"CAPABILITY");
    for capability in capabilities {
        out.push(b' ');
        write_word(out, &capability.0);
    }
}

/// All words up to the end.
pub(super) fn read_words(reader: &mut Reader<'_>) -> Vec<Bytes> {
    let mut words = Vec::new();
    while !reader.is_at_end() {
        words.push(reader.take_until(|octet| octet == b' '));
    }
    words
}
