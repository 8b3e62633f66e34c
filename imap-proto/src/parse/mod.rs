//! The grammar that commands and responses share, as nom parsers that run once over a complete frame.
//!
//! The input is a [`Span`] of the frame, so that text comes out as slices of it ([`bytes::Bytes`]) and an
//! error knows its octet. Each parser has its ABNF rule above it, verbatim from RFC 9051 §9 unless it says
//! otherwise. Nothing here knows a command or a response.

mod chars;
mod date;
mod flag;
mod number;
mod ranges;
mod set;
mod span;
mod string;

pub(crate) use chars::{
    is_astring_char, is_atom_char, is_label_char, is_list_char, is_quoted_char, is_tag_char,
};
pub(crate) use date::{date, date_time};
pub(crate) use flag::{flag, flag_list};
pub(crate) use number::{DIGITS_SAFE, decimal, leading_decimal, mod_seq, number64, nz_number, nz_number64};
pub(crate) use ranges::{number_ranges, partial_range};
pub(crate) use set::{number_set, seq_number, sequence_set};
pub(crate) use span::{Parsed, Span, Word};
pub(crate) use string::{
    NO_NUL, astring, atom, header_name, list_mailbox, mailbox, mailbox_in_list, nil, nstring, object_id,
    string, token,
};

/// How deep anything may nest: each level is a stack frame of ours.
pub(crate) const DEPTH_MAX: usize = 64;

/// How many items a list may have. The longest line could hold half a million of them, and each becomes a
/// value of dozens of octets; sets of numbers are compact and not bounded so.
pub(crate) const ITEMS_MAX: usize = 10_000;

/// One octet, told in errors as `rule`.
#[inline]
pub(crate) fn octet<'a>(octet: u8, rule: &'static str) -> impl Fn(Span<'a>) -> Parsed<'a, ()> {
    move |input| match input.first() {
        Some(first) if first == octet => Ok((input.skip(1), ())),
        _ => input.fail(rule),
    }
}

/// `SP`: exactly one space.
#[inline]
pub(crate) fn sp(input: Span<'_>) -> Parsed<'_, ()> {
    octet(b' ', "SP")(input)
}

/// `SP` and what stands behind it.
#[inline]
pub(crate) fn arg<'a, T>(input: Span<'a>, parser: impl FnOnce(Span<'a>) -> Parsed<'a, T>) -> Parsed<'a, T> {
    sp(input).and_then(|(rest, ())| parser(rest))
}

/// `"(" inner ")"`.
#[inline]
pub(crate) fn parens<'a, T>(input: Span<'a>, inner: impl FnOnce(Span<'a>) -> Parsed<'a, T>) -> Parsed<'a, T> {
    let (rest, ()) = octet(b'(', "(")(input)?;
    let (rest, value) = inner(rest)?;
    let (rest, ()) = octet(b')', ")")(rest)?;
    Ok((rest, value))
}

/// Whether `SP "("` follows: a list that may be left out.
#[inline]
pub(crate) fn is_list_next(input: Span<'_>) -> bool {
    input.octets().starts_with(b" (")
}

/// ```abnf
/// tagged-ext-label    = tagged-label-fchar *tagged-label-char
///                         ; Is a valid RFC 3501 "atom".
/// ```
///
/// The name of an option, a modifier or an item.
pub(crate) fn label<'a>(rule: &'static str) -> impl Fn(Span<'a>) -> Parsed<'a, Span<'a>> {
    run(is_label_char, rule)
}

/// The end of the frame. Spaces before it are let through: some clients send one.
pub(crate) fn end(input: Span<'_>) -> Parsed<'_, ()> {
    let spaces = length_of(input.octets(), |octet| octet == b' ');
    let rest = input.skip(spaces);
    if rest.is_empty() { Ok((rest, ())) } else { input.fail("end of line") }
}

/// Whether SP and something else than the [`end`] follow.
#[inline]
pub(crate) fn is_argument_next(input: Span<'_>) -> bool {
    match input.octets() {
        [b' ', b' ', ..] => end(input).is_err(),
        [b' ', _, ..] => true,
        _ => false,
    }
}

/// A word of the grammar in any case. It may go on behind it: `no_case("BODY")` matches `BODYSTRUCTURE`.
#[inline]
pub(crate) fn no_case<'a>(word: &'static str) -> impl Fn(Span<'a>) -> Parsed<'a, ()> {
    move |input| match input.octets().get(..word.len()) {
        Some(start) if start.eq_ignore_ascii_case(word.as_bytes()) => Ok((input.skip(word.len()), ())),
        _ => input.fail(word),
    }
}

/// As many octets as `is` likes, at least one.
#[inline]
pub(crate) fn run<'a>(
    is: impl Fn(u8) -> bool,
    rule: &'static str,
) -> impl Fn(Span<'a>) -> Parsed<'a, Span<'a>> {
    move |input| match length_of(input.octets(), &is) {
        0 => input.fail(rule),
        length => Ok(input.split(length)),
    }
}

/// How many octets there are before the first that `is` does not like.
#[inline]
pub(crate) fn length_of(octets: &[u8], is: impl Fn(u8) -> bool) -> usize {
    octets.iter().position(|&octet| !is(octet)).unwrap_or(octets.len())
}

/// `"(" [item *(SP item)] ")"`.
///
/// By hand, since nom's lists go back to before an item that fails, and the error would tell of the list.
#[inline]
pub(crate) fn list<'a, T>(
    input: Span<'a>,
    mut item: impl FnMut(Span<'a>) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    let (rest, ()) = octet(b'(', "(")(input)?;
    if rest.first() == Some(b')') {
        return Ok((rest.skip(1), Vec::new()));
    }
    let (rest, items) = spaced(rest, &mut item)?;
    let (rest, ()) = octet(b')', ")")(rest)?;
    Ok((rest, items))
}

/// `item *(SP item)`. A space at the end of the frame begins no item.
#[inline]
pub(crate) fn spaced<'a, T>(
    input: Span<'a>,
    mut item: impl FnMut(Span<'a>) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    let (mut rest, first) = item(input)?;
    if !is_argument_next(rest) {
        return Ok((rest, vec![first]));
    }
    let mut items = Vec::with_capacity(8);
    items.push(first);
    while is_argument_next(rest) {
        if items.len() == ITEMS_MAX {
            return rest.fail("fewer items");
        }
        let (behind, next) = item(rest.skip(1))?;
        items.push(next);
        rest = behind;
    }
    Ok((rest, items))
}

/// `"(" item *(SP item) ")"`.
#[inline]
pub(crate) fn list1<'a, T>(
    input: Span<'a>,
    item: impl FnMut(Span<'a>) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    let (rest, items) = list(input, item)?;
    if items.is_empty() { input.skip(1).fail("at least one item") } else { Ok((rest, items)) }
}
