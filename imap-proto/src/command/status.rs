//! STATUS (RFC 9051 §6.3.11).

use crate::types::WireMailbox;

/// STATUS mailbox (items).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The mailbox.
    pub mailbox: WireMailbox,
    /// What is asked, at least one item, in the order of the client.
    pub items: Vec<StatusItem>,
}

/// What STATUS can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusItem {
    /// MESSAGES
    Messages,
    /// RECENT (RFC 3501)
    Recent,
    /// UIDNEXT
    UidNext,
    /// UIDVALIDITY
    UidValidity,
    /// UNSEEN
    Unseen,
    /// DELETED
    Deleted,
    /// SIZE
    Size,
}
