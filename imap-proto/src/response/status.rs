//! STATUS (RFC 9051 §7.3.4), with the items of RFC 7162, 7889, 8474 and 9208.

use bytes::Bytes;

use super::list::read_mailbox;
use crate::Dialect;
use crate::command::{StatusItem, status_att};
use crate::types::ObjectId;
use crate::wire::read::Reader;
use crate::wire::write;

/// `* STATUS mailbox (item n ...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusData {
    /// The name in the octets of the wire.
    pub name: Bytes,
    /// Items and values in the order of the server. Items that we do not know are left out.
    pub items: Vec<(StatusItem, StatusValue)>,
}

/// What an item of STATUS is told as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusValue {
    /// n: all items but MAILBOXID
    Number(u64),
    /// (id): MAILBOXID only (RFC 8474 §4.3)
    Id(ObjectId),
    /// NIL: APPENDLIMIT where there is none (RFC 7889 §5)
    Nil,
}

impl From<u64> for StatusValue {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl StatusValue {
    /// The number, where it is one.
    pub fn number(&self) -> Option<u64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    fn read(item: StatusItem, reader: &mut Reader<'_>) -> Option<Self> {
        Some(match item {
            StatusItem::MailboxId => Self::Id(read_object_id(reader)?),
            StatusItem::AppendLimit if reader.nil() => Self::Nil,
            _ => Self::Number(reader.number()?),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => write::number(out, *number),
            Self::Id(id) => write_object_id(out, id),
            Self::Nil => out.extend_from_slice(b"NIL"),
        }
    }
}

/// `"(" objectid ")"` (RFC 8474 §7)
pub(super) fn read_object_id(reader: &mut Reader<'_>) -> Option<ObjectId> {
    if !reader.eat_spaced(b'(') {
        return None;
    }
    let id = ObjectId::new(reader.atom()?)?;
    reader.eat_spaced(b')').then_some(id)
}

pub(super) fn write_object_id(out: &mut Vec<u8>, id: &ObjectId) {
    out.push(b'(');
    out.extend_from_slice(id.as_str().as_bytes());
    out.push(b')');
}

impl StatusData {
    /// A pair whose name or value is not known is left out.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let name = read_mailbox(reader)?;
        let items = reader.list(read_item)?;
        Some(Self { name, items: items.into_iter().flatten().collect() })
    }

    /// ```abnf
    /// status-att-list  = status-att-val *(SP status-att-val)
    /// status-att-val  = ("MESSAGES" SP number) /
    ///                   ("UIDNEXT" SP nz-number) /
    ///                   ("UIDVALIDITY" SP nz-number) /
    ///                   ("UNSEEN" SP number) /
    ///                   ("DELETED" SP number) /
    ///                   ("SIZE" SP number64)
    /// status-att-val =/ "MAILBOXID" SP "(" objectid ")"
    /// status-att-val =/ "APPENDLIMIT" SP (number / nil)
    /// status-att-val =/  status-att-deleted /
    ///                    status-att-deleted-storage
    /// status-att-val      =/ "HIGHESTMODSEQ" SP mod-sequence-valzer
    /// ```
    ///
    /// From RFC 9051 §9, RFC 8474 §7, RFC 7889 §5, RFC 9208 §7 and RFC 7162 §7.
    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"STATUS ");
        write::string(out, &self.name, dialect);
        out.extend_from_slice(b" (");
        for (index, (item, value)) in self.items.iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(item.as_str().as_bytes());
            out.push(b' ');
            value.write(out);
        }
        out.push(b')');
    }
}

/// One name and its value; the inner `None` when they are not known.
fn read_item(reader: &mut Reader<'_>) -> Option<Option<(StatusItem, StatusValue)>> {
    reader.skip_spaces();
    let name = *reader;
    let item = reader.strict(status_att).filter(|_| reader.is_at_delimiter());
    if item.is_none() {
        *reader = name;
        reader.atom()?;
    }
    let start = *reader;
    if let Some(item) = item
        && let Some(value) = StatusValue::read(item, reader)
        && reader.is_at_delimiter()
    {
        return Some(Some((item, value)));
    }
    *reader = start;
    reader.skip_value(0).ok()?;
    Some(None)
}
