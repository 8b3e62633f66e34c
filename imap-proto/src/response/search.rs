//! SEARCH (RFC 3501 §7.2.5).

use crate::wire::read::Reader;
use crate::wire::write;

/// Writes `* SEARCH n n ...` CRLF; without a number it is `* SEARCH` CRLF, which tells the client that there
/// is none.
pub fn write_search(out: &mut Vec<u8>, numbers: impl IntoIterator<Item = u32>) {
    out.extend_from_slice(b"* SEARCH");
    for number in numbers {
        out.push(b' ');
        write::number(out, u64::from(number));
    }
    out.extend_from_slice(b"\r\n");
}

/// The numbers. `(MODSEQ n)` behind them is skipped (RFC 7162 §3.1.5).
pub(super) fn read_search(reader: &mut Reader<'_>) -> Option<Vec<u32>> {
    let mut numbers = Vec::new();
    while !reader.is_at_end() {
        if reader.peek() == Some(b'(') {
            reader.skip_value(0).ok()?;
        } else {
            numbers.push(reader.number32()?);
        }
    }
    Some(numbers)
}
