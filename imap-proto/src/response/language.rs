//! LANGUAGE and COMPARATOR (RFC 5255).

use bytes::Bytes;

use super::text::write_list;
use crate::Dialect;
use crate::wire::read::Reader;
use crate::wire::write;

/// `* COMPARATOR active (matching ...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparator {
    /// The one in use.
    pub active: Bytes,
    /// All that match what was asked for, where more than one does.
    pub matching: Vec<Bytes>,
}

/// ```abnf
/// language-data     = "LANGUAGE" SP "(" lang-tag-quoted *(SP
///                   lang-tag-quoted) ")"
/// lang-tag-quoted   = astring
/// ```
///
/// From RFC 5255 §3.5: one language is in use, several can be had.
pub(super) fn read_languages(reader: &mut Reader<'_>) -> Option<Vec<Bytes>> {
    reader.list(Reader::astring)
}

pub(super) fn write_languages(out: &mut Vec<u8>, languages: &[Bytes], dialect: Dialect) {
    out.extend_from_slice(b"LANGUAGE ");
    write_list(out, languages, |out, language| write::string(out, language, dialect));
}

impl Comparator {
    /// ```abnf
    /// comparator-data   = "COMPARATOR" SP comp-sel-quoted [SP "("
    ///                      comp-id-quoted *(SP comp-id-quoted) ")"]
    /// ```
    ///
    /// From RFC 5255 §4.10.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let active = reader.astring()?;
        let matching = if reader.is_at_end() { Vec::new() } else { reader.list(Reader::astring)? };
        Some(Self { active, matching })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"COMPARATOR ");
        write::string(out, &self.active, dialect);
        if !self.matching.is_empty() {
            out.push(b' ');
            write_list(out, &self.matching, |out, comparator| write::string(out, comparator, dialect));
        }
    }
}
