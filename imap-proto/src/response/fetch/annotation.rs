//! ANNOTATION (RFC 5257 §4.4).

use bytes::Bytes;

use crate::Dialect;
use crate::response::text::{write_astring, write_list, write_value};
use crate::wire::read::Reader;

/// The two forms of the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Annotation {
    /// Entries with their attributes: the answer to a question.
    Values(Vec<AnnotationEntry>),
    /// Names of entries that have changed; at least one.
    Changed(Vec<Bytes>),
}

/// One entry of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationEntry {
    /// The name: `/comment`.
    pub entry: Bytes,
    /// Attributes with their values, `None` where there is none: `value.priv`, `size.shared`.
    pub attributes: Vec<(Bytes, Option<Bytes>)>,
}

impl Annotation {
    /// ```abnf
    /// msg-att-dynamic   =/ "ANNOTATION" SP
    ///                        ( "(" entry-att *(SP entry-att) ")" /
    ///                          "(" entry *(SP entry) ")" )
    /// entry-att         = entry SP "(" att-value *(SP att-value) ")"
    /// att-value         = attrib SP value
    /// value             = nstring / literal8
    /// ```
    ///
    /// From RFC 5257 §5; the item's value.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut values = Vec::new();
        let mut changed = Vec::new();
        let elements = reader.list(|reader| {
            let entry = reader.astring()?;
            reader.skip_spaces();
            if reader.peek() == Some(b'(') {
                let attributes = reader.list(|reader| Some((reader.astring()?, reader.nstring()?)))?;
                values.push(AnnotationEntry { entry, attributes });
            } else {
                changed.push(entry);
            }
            Some(())
        })?;
        if changed.is_empty() {
            Some(Self::Values(values))
        } else {
            (changed.len() == elements.len()).then_some(Self::Changed(changed))
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        match self {
            Self::Values(values) => write_list(out, values, |out, entry| {
                write_astring(out, &entry.entry, dialect);
                out.push(b' ');
                write_list(out, &entry.attributes, |out, (attribute, value)| {
                    write_astring(out, attribute, dialect);
                    out.push(b' ');
                    write_value(out, value.as_deref(), dialect);
                });
            }),
            Self::Changed(entries) => {
                write_list(out, entries, |out, entry| write_astring(out, entry, dialect))
            }
        }
    }
}
