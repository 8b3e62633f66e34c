//! STATUS (RFC 9051 §7.3.4).

use bytes::Bytes;

use crate::command::StatusItem;

/// `* STATUS mailbox (item n ...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusData {
    /// The name in the octets of the wire.
    pub name: Bytes,
    /// Items and values in the order of the server. Items that we do not know are left out.
    pub items: Vec<(StatusItem, u64)>,
}
