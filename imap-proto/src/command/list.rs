//! LIST and LSUB in their basic form (RFC 3501 §6.3.8, §6.3.9).

use bytes::Bytes;

/// LIST reference pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// What the pattern is read against, as it came.
    pub reference: Bytes,
    /// The pattern with `*` and `%`, as it came.
    pub pattern: Bytes,
}
