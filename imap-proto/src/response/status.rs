//! STATUS (RFC 9051 §7.3.4).

use bytes::Bytes;

use crate::Dialect;
use crate::command::{StatusItem, status_att};
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
            out.extend_from_slice(item.as_str().as_bytes());
            out.push(b' ');
            write::number(out, value);
        }
        out.push(b')');
    }
}

/// One name and its value; the inner `None` when they are not known.
fn read_item(reader: &mut Reader<'_>) -> Option<Option<(StatusItem, u64)>> {
    reader.skip_spaces();
    let name = *reader;
    let item = reader.strict(status_att).filter(|_| reader.is_at_delimiter());
    if item.is_none() {
        *reader = name;
        reader.atom()?;
    }
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
