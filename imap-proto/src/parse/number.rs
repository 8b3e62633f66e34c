//! Numbers.

use std::num::NonZeroU32;

use super::{Parsed, Span, length_of};
use crate::types::ModSeq;

/// The value of ASCII digits. `None` without any, and above `u64::MAX`.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    let (value, length) = leading_decimal(digits);
    if length < DIGITS_SAFE {
        return (length > 0).then_some(value);
    }
    digits.iter().try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

/// So many digits never pass `u64::MAX`.
pub(crate) const DIGITS_SAFE: usize = 19;

/// The value of the digits that `octets` begin with, of the first [`DIGITS_SAFE`] at most, and how many these
/// are.
#[inline]
pub(crate) fn leading_decimal(octets: &[u8]) -> (u64, usize) {
    let mut value = 0;
    let mut length = 0;
    for octet in octets.iter().take(DIGITS_SAFE) {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value * 10 + u64::from(digit);
        length += 1;
    }
    (value, length)
}

/// Digits up to `max`.
#[inline]
fn digits<'a>(input: Span<'a>, max: u64, rule: &'static str) -> Parsed<'a, u64> {
    let octets = input.octets();
    let (mut value, mut length) = leading_decimal(octets);
    if length == DIGITS_SAFE {
        length = length_of(octets, |octet| octet.is_ascii_digit());
        value = decimal(&octets[..length]).unwrap_or(u64::MAX);
    }
    if length == 0 || value > max {
        return input.fail(rule);
    }
    Ok((input.skip(length), value))
}

/// ```abnf
/// nz-number       = digit-nz *DIGIT
///                     ; Non-zero unsigned 32-bit integer
///                     ; (0 < n < 4,294,967,296)
/// ```
pub(crate) fn nz_number(input: Span<'_>) -> Parsed<'_, NonZeroU32> {
    let (rest, value) = digits(input, u64::from(u32::MAX), "number from 1")?;
    match u32::try_from(value).ok().and_then(NonZeroU32::new) {
        Some(value) => Ok((rest, value)),
        None => input.fail("number from 1"),
    }
}

/// ```abnf
/// number64        = 1*DIGIT
///                     ; Unsigned 63-bit integer
///                     ; (0 <= n <= 9,223,372,036,854,775,807)
/// ```
pub(crate) fn number64(input: Span<'_>) -> Parsed<'_, u64> {
    digits(input, i64::MAX.unsigned_abs(), "number")
}

/// ```abnf
/// nz-number64     = digit-nz *DIGIT
///                     ; Unsigned 63-bit integer
///                     ; (0 < n <= 9,223,372,036,854,775,807)
/// ```
pub(crate) fn nz_number64(input: Span<'_>) -> Parsed<'_, u64> {
    match digits(input, i64::MAX.unsigned_abs(), "number from 1")? {
        (_, 0) => input.fail("number from 1"),
        parsed => Ok(parsed),
    }
}

/// ```abnf
/// mod-sequence-valzer = "0" / mod-sequence-value
/// ```
///
/// From RFC 7162 §7, for `mod-sequence-value` too: clients send 0 where they know none.
pub(crate) fn mod_seq(input: Span<'_>) -> Parsed<'_, ModSeq> {
    number64(input).map(|(rest, value)| (rest, ModSeq::new(value).expect("it has 63 bits")))
}
