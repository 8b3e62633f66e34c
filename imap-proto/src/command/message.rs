//! COPY, MOVE (RFC 9051 §6.4.7, §6.4.8) and UID EXPUNGE (§6.4.9).

use crate::types::{SequenceSet, WireMailbox};

/// COPY or MOVE, by number or by UID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyMove {
    /// The set is of UIDs.
    pub uid: bool,
    /// Which messages.
    pub set: SequenceSet,
    /// Where to.
    pub mailbox: WireMailbox,
}

/// UID EXPUNGE set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UidExpunge {
    /// Which UIDs.
    pub set: SequenceSet,
}
