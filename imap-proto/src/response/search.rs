//! SEARCH (RFC 3501 §7.2.5) and SORT (RFC 5256 §4), with the MODSEQ of RFC 7162.

use crate::types::ModSeq;
use crate::wire::read::Reader;
use crate::wire::write;

/// The numbers of a SEARCH or SORT.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Found {
    /// In the order of the server: for SORT that is what was asked for.
    pub numbers: Vec<u32>,
    /// The highest modification sequence of them, where the criteria had MODSEQ (RFC 7162 §3.1.5).
    pub mod_seq: Option<ModSeq>,
}

/// Writes `* SEARCH n n ...` CRLF; without a number it is `* SEARCH` CRLF, which tells the client that there
/// is none.
pub fn write_search(out: &mut Vec<u8>, numbers: impl IntoIterator<Item = u32>) {
    write_numbers(out, b"* SEARCH", numbers, None);
}

/// Writes `* SORT n n ...` CRLF, or with `mod_seq` behind the numbers `(MODSEQ n)`.
pub fn write_sort(out: &mut Vec<u8>, numbers: impl IntoIterator<Item = u32>, mod_seq: Option<ModSeq>) {
    write_numbers(out, b"* SORT", numbers, mod_seq);
}

/// Writes the line of that name. Where nothing was found no MODSEQ is told (RFC 7162 §3.1.5).
pub(super) fn write_numbers(
    out: &mut Vec<u8>,
    name: &[u8],
    numbers: impl IntoIterator<Item = u32>,
    mod_seq: Option<ModSeq>,
) {
    out.extend_from_slice(name);
    for number in numbers {
        out.push(b' ');
        write::number(out, u64::from(number));
    }
    if let Some(mod_seq) = mod_seq {
        out.extend_from_slice(b" (MODSEQ ");
        write::number(out, mod_seq.get());
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

impl Found {
    /// ```abnf
    /// mailbox-data        =/ "SEARCH" [1*(SP nz-number) SP
    ///                        search-sort-mod-seq]
    /// sort-data           = "SORT" [1*(SP nz-number) SP
    ///                          search-sort-mod-seq]
    /// search-sort-mod-seq = "(" "MODSEQ" SP mod-sequence-value ")"
    /// ```
    ///
    /// From RFC 7162 §7; the MODSEQ may be missing, and other lists are passed over.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut found = Self::default();
        while !reader.is_at_end() {
            if reader.peek() != Some(b'(') {
                found.numbers.push(reader.number32()?);
                continue;
            }
            let start = *reader;
            if let Some(mod_seq) = read_mod_seq(reader) {
                found.mod_seq = Some(mod_seq);
            } else {
                *reader = start;
                reader.skip_value(0).ok()?;
            }
        }
        Some(found)
    }
}

fn read_mod_seq(reader: &mut Reader<'_>) -> Option<ModSeq> {
    let is_mod_seq = reader.eat_spaced(b'(') && reader.atom()?.eq_ignore_ascii_case(b"MODSEQ");
    let mod_seq = ModSeq::new(reader.number()?)?;
    (is_mod_seq && reader.eat_spaced(b')')).then_some(mod_seq)
}
