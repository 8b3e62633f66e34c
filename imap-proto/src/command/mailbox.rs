//! The commands that name a mailbox and no more (SELECT, EXAMINE, CREATE, DELETE, SUBSCRIBE, UNSUBSCRIBE),
//! and RENAME (RFC 9051 §6.3).

use crate::types::WireMailbox;

/// The argument of SELECT and its like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneMailbox {
    /// The mailbox.
    pub mailbox: WireMailbox,
}

/// RENAME from to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// The name that it has.
    pub from: WireMailbox,
    /// The name that it gets.
    pub to: WireMailbox,
}
