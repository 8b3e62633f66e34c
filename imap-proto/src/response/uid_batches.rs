//! UIDBATCHES (RFC 10022 §3).

use bytes::Bytes;

use super::esearch::read_ranges;
use crate::Dialect;
use crate::types::NumberRanges;
use crate::wire::read::Reader;
use crate::wire::write;

/// `* UIDBATCHES (TAG "t") high:low,high:low`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UidBatches {
    /// The command that it answers.
    pub tag: Bytes,
    /// The batches, highest UIDs first; empty where there is none.
    pub batches: NumberRanges,
}

impl UidBatches {
    /// ```abnf
    /// uidbatches-response = "UIDBATCHES" search-correlator [SP uid-range *("," uid-range)]
    /// ```
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let tag = read_tag_correlator(reader)?;
        let batches = if reader.is_at_end() { NumberRanges::default() } else { read_ranges(reader)? };
        Some(Self { tag, batches })
    }

    /// Each batch is a range, even one of a single UID.
    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"UIDBATCHES ");
        write_tag_correlator(out, &self.tag, dialect);
        for (index, &(high, low)) in self.batches.ranges().iter().enumerate() {
            out.push(if index == 0 { b' ' } else { b',' });
            write::number(out, u64::from(high));
            out.push(b':');
            write::number(out, u64::from(low));
        }
    }
}

/// `"(" "TAG" SP tag-string ")"`
pub(super) fn read_tag_correlator(reader: &mut Reader<'_>) -> Option<Bytes> {
    let is_tag = reader.eat_spaced(b'(') && reader.atom()?.eq_ignore_ascii_case(b"TAG");
    let tag = reader.astring()?;
    (is_tag && reader.eat_spaced(b')')).then_some(tag)
}

pub(super) fn write_tag_correlator(out: &mut Vec<u8>, tag: &[u8], dialect: Dialect) {
    out.extend_from_slice(b"(TAG ");
    write::string(out, tag, dialect);
    out.push(b')');
}
