//! STATUS (RFC 9051 §7.3.4).

use bytes::Bytes;

use crate::Dialect;
use crate::command::StatusItem;
use crate::wire::write;

/// `* STATUS mailbox (item n ...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusData {
    /// The name in the octets of the wire.
    pub name: Bytes,
    /// Items and values in the order of the server. Items that we do not know are left out.
    pub items: Vec<(StatusItem, u64)>,
}

impl StatusData {
    /// `"STATUS" SP mailbox SP "(" [status-att-list] ")"`
    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"STATUS ");
        write::string(out, &self.name, dialect);
        out.extend_from_slice(b" (");
        for (index, &(item, value)) in self.items.iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(item_name(item).as_bytes());
            out.push(b' ');
            write::number(out, value);
        }
        out.push(b')');
    }
}

fn item_name(item: StatusItem) -> &'static str {
    match item {
        StatusItem::Messages => "MESSAGES",
        StatusItem::Recent => "RECENT",
        StatusItem::UidNext => "UIDNEXT",
        StatusItem::UidValidity => "UIDVALIDITY",
        StatusItem::Unseen => "UNSEEN",
        StatusItem::Deleted => "DELETED",
        StatusItem::Size => "SIZE",
    }
}
