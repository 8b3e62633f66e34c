//! [`QuotaResource`]: what a quota counts (RFC 9208 §5).

use bytes::Bytes;

/// The name of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaResource {
    /// STORAGE: octets of messages, in units of 1,024
    Storage,
    /// MESSAGE: messages
    Message,
    /// MAILBOX: mailboxes
    Mailbox,
    /// ANNOTATION-STORAGE: octets of annotations, in units of 1,024
    AnnotationStorage,
    /// Any other, spelled as it came.
    Other(Bytes),
}

impl QuotaResource {
    /// Every resource that we know.
    pub const ALL: [Self; 4] = [Self::Storage, Self::Message, Self::Mailbox, Self::AnnotationStorage];

    /// The resource of that name in any case.
    pub fn from_name(name: Bytes) -> Self {
        let known = Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(&name));
        known.unwrap_or(Self::Other(name))
    }

    /// The name on the wire.
    pub fn name(&self) -> &[u8] {
        match self {
            Self::Storage => b"STORAGE",
            Self::Message => b"MESSAGE",
            Self::Mailbox => b"MAILBOX",
            Self::AnnotationStorage => b"ANNOTATION-STORAGE",
            Self::Other(name) => name,
        }
    }
}
