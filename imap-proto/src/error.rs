//! [`ParseError`]: the peer's octets are wrong.

/// The peer's octets do not follow the grammar. For a command this becomes a tagged BAD.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {rule} at octet {at}")]
pub struct ParseError {
    /// What the grammar wants there, in a word or two for a person: `SP`, `mailbox`, `end of line`.
    pub rule: &'static str,
    /// Where, in octets from the start of the frame.
    pub at: usize,
}
