//! STORE (RFC 9051 §6.4.6).

use crate::types::{Flag, SequenceSet};

/// STORE set action flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The set is of UIDs.
    pub uid: bool,
    /// Which messages.
    pub set: SequenceSet,
    /// What to do with the flags.
    pub action: FlagAction,
    /// `.SILENT`: the new flags are not told.
    pub silent: bool,
    /// The flags, bare or in parentheses.
    pub flags: Vec<Flag>,
}

/// What STORE does with its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagAction {
    /// FLAGS: these and no others.
    Replace,
    /// +FLAGS
    Add,
    /// -FLAGS
    Remove,
}
