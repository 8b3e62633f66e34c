//! Sets of numbers.

use super::{Parsed, Span, nz_number};
use crate::types::{NumberSet, SequenceSet, SetEnd, SetRanges};

/// ```abnf
/// seq-number      = nz-number / "*"
/// ```
pub(crate) fn seq_number(input: Span<'_>) -> Parsed<'_, SetEnd> {
    if input.first() == Some(b'*') {
        return Ok((input.skip(1), SetEnd::Star));
    }
    let (rest, number) = nz_number(input).map_err(|_| nom::Err::Error(input.error("message set")))?;
    Ok((rest, SetEnd::Number(number)))
}

/// ```abnf
/// seq-range       = seq-number ":" seq-number
/// ```
///
/// A single number is a range of itself.
fn seq_range(input: Span<'_>) -> Parsed<'_, (SetEnd, SetEnd)> {
    let (rest, first) = seq_number(input)?;
    if rest.first() != Some(b':') {
        return Ok((rest, (first, first)));
    }
    let (rest, last) = seq_number(rest.skip(1))?;
    Ok((rest, (first, last)))
}

/// ```abnf
/// sequence-set    = (seq-number / seq-range) ["," sequence-set]
/// sequence-set    =/ seq-last-command
/// seq-last-command   = "$"
/// ```
pub(crate) fn sequence_set(input: Span<'_>) -> Parsed<'_, SequenceSet> {
    if input.first() == Some(b'$') {
        return Ok((input.skip(1), SequenceSet::Saved));
    }
    let mut ranges = SetRanges::new();
    let mut rest = input;
    loop {
        let (behind, range) = seq_range(rest)?;
        ranges.push(range);
        if behind.first() != Some(b',') {
            return Ok((behind, SequenceSet::Ranges(ranges)));
        }
        rest = behind.skip(1);
    }
}

/// ```abnf
/// uid-set         = (uniqueid / uid-range) *("," uid-set)
/// uid-range       = (uniqueid ":" uniqueid)
/// ```
///
/// A set without `*` and `$`, as responses have it; the order of the peer is lost.
pub(crate) fn number_set(input: Span<'_>) -> Parsed<'_, NumberSet> {
    match sequence_set(input)? {
        (rest, set @ SequenceSet::Ranges(_)) if !set.has_star() => {
            Ok((rest, set.resolve(None, &NumberSet::new())))
        }
        _ => input.fail("set of numbers"),
    }
}
