//! ID (RFC 2971).

use bytes::Bytes;

/// ID with what the client says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id {
    /// Field and value; empty for `NIL` and `()`.
    pub fields: Vec<(Bytes, Option<Bytes>)>,
}
