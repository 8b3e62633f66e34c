//! METADATA (RFC 5464 §4.4).

use bytes::Bytes;

use super::text::{write_astring, write_list, write_value};
use crate::Dialect;
use crate::wire::read::Reader;
use crate::wire::write;

/// `* METADATA mailbox ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The mailbox's name in the octets of the wire; empty for the server itself.
    pub mailbox: Bytes,
    /// What is told of it.
    pub entries: MetadataEntries,
}

/// The two forms of the response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataEntries {
    /// Entries with their values, `None` where there is none: the answer to a question (RFC 5464 §4.4.1).
    Values(Vec<(Bytes, Option<Bytes>)>),
    /// Names of entries that have changed (RFC 5464 §4.4.2).
    Changed(Vec<Bytes>),
}

impl Metadata {
    /// ```abnf
    /// metadata-resp     = "METADATA" SP mailbox SP
    ///                     (entry-values / entry-list)
    ///                     ; empty string for mailbox implies
    ///                     ; server annotation.
    /// entry-values      = "(" entry-value *(SP entry-value) ")"
    /// entry-value       = entry SP value
    /// entry-list        = entry *(SP entry)
    /// value             = nstring / literal8
    /// ```
    ///
    /// From RFC 5464 §5.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mailbox = reader.astring()?;
        reader.skip_spaces();
        let entries = if reader.peek() == Some(b'(') {
            let values = reader.list(|reader| Some((reader.astring()?, reader.nstring()?)))?;
            MetadataEntries::Values(values)
        } else {
            MetadataEntries::Changed(reader.astrings()?)
        };
        Some(Self { mailbox, entries })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"METADATA ");
        write::string(out, &self.mailbox, dialect);
        match &self.entries {
            MetadataEntries::Values(values) => {
                out.push(b' ');
                write_list(out, values, |out, (entry, value)| {
                    write_astring(out, entry, dialect);
                    out.push(b' ');
                    write_value(out, value.as_deref(), dialect);
                });
            }
            MetadataEntries::Changed(entries) => {
                for entry in entries {
                    out.push(b' ');
                    write_astring(out, entry, dialect);
                }
            }
        }
    }
}
