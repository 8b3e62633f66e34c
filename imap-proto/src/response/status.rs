//! STATUS (RFC 9051 §7.3.4).

use bytes::Bytes;

use crate::Dialect;
use crate::command::StatusItem;
use crate::wire::read::Reader;
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
    /// A pair whose name or value is not known is left out.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let name = reader.astring()?;
        let items = reader.list(read_item)?;
        Some(Self { name, items: items.into_iter().flatten().collect() })
    }

    /// `"STATUS" SP mailbox SP "(" [status-att-list] ")"`
    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"STATUS ");
        write::string(out, &self.name, dialect);
        out.extend_from_slice(b" (");
        for (index, &(item, value)) in self.items.iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(item_name(item));
            out.push(b' ');
            write::number(out, value);
        }
        out.push(b')');
    }
}

/// One name and its value; the inner `None` when they are not known.
fn read_item(reader: &mut Reader<'_>) -> Option<Option<(StatusItem, u64)>> {
    let name = reader.atom()?;
    let item = ITEMS.iter().find(|(_, known)| name.eq_ignore_ascii_case(known)).map(|&(item, _)| item);
    let start = *reader;
    if let (Some(item), Some(value)) = (item, reader.number())
        && reader.is_at_delimiter()
    {
        return Some(Some((item, value)));
    }
    *reader = start;
    reader.skip_value(0).ok()?;
    Some(None)
}

const ITEMS: [(StatusItem, &[u8]); 7] = [
    (StatusItem::Messages, b"MESSAGES"),
    (StatusItem::Recent, b"RECENT"),
    (StatusItem::UidNext, b"UIDNEXT"),
    (StatusItem::UidValidity, b"UIDVALIDITY"),
    (StatusItem::Unseen, b"UNSEEN"),
    (StatusItem::Deleted, b"DELETED"),
    (StatusItem::Size, b"SIZE"),
];

fn item_name(item: StatusItem) -> &'static [u8] {
    let name = ITEMS.iter().find(|(known, _)| *known == item).map(|&(_, name)| name);
    name.expect("every item is in the table")
}
