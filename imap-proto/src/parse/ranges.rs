//! Ranges whose order and spelling are kept.

use super::{Parsed, Span, nz_number, octet};
use crate::types::{NumberRanges, PartialRange};

/// ```abnf
/// partial-range-first = nz-number ":" nz-number
/// partial-range-last  = "-" nz-number ":" "-" nz-number
/// partial-range       = partial-range-first / partial-range-last
/// ```
///
/// From RFC 9394 §5; RFC 5267 has the first form only.
pub(crate) fn partial_range(input: Span<'_>) -> Parsed<'_, PartialRange> {
    if input.first() != Some(b'-') {
        let (rest, first) = nz_number(input)?;
        let (rest, ()) = octet(b':', ":")(rest)?;
        let (rest, last) = nz_number(rest)?;
        return Ok((rest, PartialRange::First(first, last)));
    }
    let (rest, first) = nz_number(input.skip(1))?;
    let (rest, ()) = octet(b':', ":")(rest)?;
    let (rest, ()) = octet(b'-', "-")(rest)?;
    let (rest, last) = nz_number(rest)?;
    Ok((rest, PartialRange::Last(first, last)))
}

/// ```abnf
/// uid-set         = (uniqueid / uid-range) *("," uid-set)
/// uid-range       = (uniqueid ":" uniqueid)
/// ```
///
/// In the order of the peer.
pub(crate) fn number_ranges(input: Span<'_>) -> Parsed<'_, NumberRanges> {
    let mut ranges = Vec::new();
    let mut rest = input;
    loop {
        let (behind, first) = nz_number(rest)?;
        let (behind, last) =
            if behind.first() == Some(b':') { nz_number(behind.skip(1))? } else { (behind, first) };
        ranges.push((first.get(), last.get()));
        if behind.first() != Some(b',') {
            let ranges = NumberRanges::new(ranges).expect("the grammar has no 0");
            return Ok((behind, ranges));
        }
        rest = behind.skip(1);
    }
}
