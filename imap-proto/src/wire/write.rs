//! The primitives of every writer: each appends to `out`.

use crate::dialect::{Dialect, Level};
use crate::types::{Flag, MailboxName, NumberSet, SequenceSet, SetEnd};

/// A `string`: quoted where the dialect lets it, else a literal. Never an escape inside quotes:
/// a string with `"`, `\`, CR, LF, NUL or an octet over 126 is a literal to everybody (clients before IMAP4
/// take `\"` for the end of the string), to Silent and Imap2bis also one with `%` or `{`; where the dialect
/// quotes UTF-8, valid UTF-8 without `"` `\` CR LF NUL is quoted.
pub fn string(out: &mut Vec<u8>, octets: &[u8], dialect: Dialect) {
    if can_be_quoted(octets, dialect) { quoted(out, octets) } else { literal(out, octets) }
}

/// Whether [`string`] puts these octets in quotes.
pub fn can_be_quoted(octets: &[u8], dialect: Dialect) -> bool {
    let found = octets.iter().fold(0, |found, &octet| found | OBSTACLES[usize::from(octet)]);
    let never = if dialect.level < Level::Imap4 { SPECIAL | OLD_SPECIAL } else { SPECIAL };
    found & never == 0
        && (found & EIGHT_BIT == 0 || dialect.quotes_utf8() && std::str::from_utf8(octets).is_ok())
}

/// A quoted string of octets that need no escape.
fn quoted(out: &mut Vec<u8>, octets: &[u8]) {
    out.reserve(octets.len() + 2);
    out.push(b'"');
    out.extend_from_slice(octets);
    out.push(b'"');
}

/// What keeps an octet out of a quoted string.
static OBSTACLES: [u8; 256] = obstacles();
/// In every dialect.
const SPECIAL: u8 = 1;
/// In the grammar of RFC 1176.
const OLD_SPECIAL: u8 = 2;
/// Where UTF-8 is not enabled.
const EIGHT_BIT: u8 = 4;

const fn obstacles() -> [u8; 256] {
    let mut table = [0; 256];
    let mut octet = 0x7f;
    while octet < 0x100 {
        table[octet] = EIGHT_BIT;
        octet += 1;
    }
    table[b'"' as usize] = SPECIAL;
    table[b'\\' as usize] = SPECIAL;
    table[b'\r' as usize] = SPECIAL;
    table[b'\n' as usize] = SPECIAL;
    table[0] = SPECIAL;
    table[b'%' as usize] = OLD_SPECIAL;
    table[b'{' as usize] = OLD_SPECIAL;
    table
}

/// A `string`, or `NIL` for `None`.
pub fn nstring(out: &mut Vec<u8>, octets: Option<&[u8]>, dialect: Dialect) {
    match octets {
        Some(octets) => string(out, octets, dialect),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// A mailbox name in the dialect's form: always quoted or a literal, never bare.
pub fn mailbox(out: &mut Vec<u8>, name: &MailboxName, dialect: Dialect) {
    string(out, &name.encode(dialect.name_form()), dialect);
}

/// A `literal`: `{n}` CRLF and the octets.
pub fn literal(out: &mut Vec<u8>, octets: &[u8]) {
    literal_head(out, octets.len() as u64);
    out.extend_from_slice(octets);
}

/// Only the head of a literal, `{n}` CRLF: the octets follow by themselves.
pub fn literal_head(out: &mut Vec<u8>, size_octets: u64) {
    out.push(b'{');
    number(out, size_octets);
    out.extend_from_slice(b"}\r\n");
}

/// A number in digits, without an allocation.
pub fn number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let count = number.checked_ilog10().map_or(1, |log| log as usize + 1);
    let mut left = number;
    for digit in digits[..count].iter_mut().rev() {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
    }
    // A copy of fixed length is a few instructions, one of another a call: lists have a hundred thousand numbers.
    let end = out.len() + count;
    out.extend_from_slice(&digits);
    out.truncate(end);
}

/// A set as `1:3,5`. The set is not empty.
pub fn number_set(out: &mut Vec<u8>, set: &NumberSet) {
    for (index, &(first, last)) in set.ranges().iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        number(out, u64::from(first));
        if first != last {
            out.push(b':');
            number(out, u64::from(last));
        }
    }
}

/// A set as the client gave it: `4:*,2`.
pub fn sequence_set(out: &mut Vec<u8>, set: &SequenceSet) {
    let SequenceSet::Ranges(ranges) = set else { return out.push(b'$') };
    for (index, &(first, last)) in ranges.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        set_end(out, first);
        if first != last {
            out.push(b':');
            set_end(out, last);
        }
    }
}

fn set_end(out: &mut Vec<u8>, end: SetEnd) {
    match end {
        SetEnd::Number(value) => number(out, u64::from(value.get())),
        SetEnd::Star => out.push(b'*'),
    }
}

/// `(flag flag)`.
pub fn flag_list<'f>(out: &mut Vec<u8>, flags: impl IntoIterator<Item = &'f Flag>) {
    out.push(b'(');
    for (index, flag) in flags.into_iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        flag.write(out);
    }
    out.push(b')');
}

/// Text behind a status: controls and octets over 126 become `?`, an empty text a word; ends with CRLF.
///
/// A character of UTF-8 becomes one `?`.
pub fn text_line(out: &mut Vec<u8>, text: &str) {
    let text = if text.is_empty() { "done" } else { text };
    out.extend(text.chars().map(|c| if matches!(c, ' '..='~') { c as u8 } else { b'?' }));
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(octets: &[u8], expected: [&str; 3]) {
        let rev2 = Dialect { level: Level::Rev2, utf8_accept: false };
        for (dialect, expected) in [Dialect::SILENT, Dialect::IMAP4, rev2].into_iter().zip(expected) {
            let mut out = Vec::new();
            string(&mut out, octets, dialect);
            assert_eq!(String::from_utf8_lossy(&out), expected, "{dialect:?}");
        }
    }

    #[test]
    fn strings_are_quoted_or_literals_by_dialect() {
        check(b"", ["\"\""; 3]);
        check(b"plain (text)*", ["\"plain (text)*\""; 3]);
        check(b"50% off", ["{7}\r\n50% off", "\"50% off\"", "\"50% off\""]);
        check(b"a{", ["{2}\r\na{", "\"a{\"", "\"a{\""]);
        check(b"a\"b", ["{3}\r\na\"b"; 3]);
        check(b"a\\b", ["{3}\r\na\\b"; 3]);
        check(b"a\r\nb", ["{4}\r\na\r\nb"; 3]);
        check("é".as_bytes(), ["{2}\r\né", "{2}\r\né", "\"é\""]);
        check(b"\xff", ["{1}\r\n\u{fffd}"; 3]);
    }

    #[test]
    fn numbers_have_all_their_digits() {
        for value in [0, 7, 10, 4_294_967_295, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(out, value.to_string().as_bytes());
        }
    }

    #[test]
    fn text_cannot_end_its_line() {
        let mut out = Vec::new();
        text_line(&mut out, "a\r\n* BYE é");
        text_line(&mut out, "");
        assert_eq!(out, b"a??* BYE ?\r\ndone\r\n");
    }
}
