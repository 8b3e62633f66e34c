//! The classes of octets, as one table.

const ATOM: u8 = 1;
const ASTRING: u8 = 2;
const LIST: u8 = 4;
const TAG: u8 = 8;
const QUOTED: u8 = 16;
const LABEL: u8 = 32;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut octet = 0x21;
    while octet < 0x7f {
        table[octet as usize] = match octet as u8 {
            b'(' | b')' | b'{' | b'"' | b'\\' => 0,
            b'%' | b'*' => LIST,
            b']' => ASTRING | LIST | TAG,
            b'+' => ATOM | ASTRING | LIST,
            _ => ATOM | ASTRING | LIST | TAG,
        };
        octet += 1;
    }
    let mut octet = 1;
    while octet < table.len() {
        if !matches!(octet as u8, b'"' | b'\\' | b'\r' | b'\n') {
            table[octet] |= QUOTED;
        }
        if (octet as u8).is_ascii_alphanumeric() || matches!(octet as u8, b'-' | b'_' | b'.' | b':') {
            table[octet] |= LABEL;
        }
        octet += 1;
    }
    table
}

/// ```abnf
/// ATOM-CHAR       = <any CHAR except atom-specials>
/// atom-specials   = "(" / ")" / "{" / SP / CTL / list-wildcards /
///                   quoted-specials / resp-specials
/// ```
#[inline]
pub(crate) fn is_atom_char(octet: u8) -> bool {
    CLASSES[usize::from(octet)] & ATOM != 0
}

/// ```abnf
/// ASTRING-CHAR   = ATOM-CHAR / resp-specials
/// ```
#[inline]
pub(crate) fn is_astring_char(octet: u8) -> bool {
    CLASSES[usize::from(octet)] & ASTRING != 0
}

/// ```abnf
/// list-char       = ATOM-CHAR / list-wildcards / resp-specials
/// ```
#[inline]
pub(crate) fn is_list_char(octet: u8) -> bool {
    CLASSES[usize::from(octet)] & LIST != 0
}

/// ```abnf
/// tag             = 1*<any ASTRING-CHAR except "+">
/// ```
#[inline]
pub(crate) fn is_tag_char(octet: u8) -> bool {
    CLASSES[usize::from(octet)] & TAG != 0
}

/// What stands for itself between quotes: neither the quote nor the backslash, no CR, LF and NUL.
#[inline]
pub(crate) fn is_quoted_char(octet: u8) -> bool {
    CLASSES[usize::from(octet)] & QUOTED != 0
}

/// What the names of options, modifiers and items are made of.
#[inline]
pub(crate) fn is_label_char(octet: u8) -> bool {
    CLASSES[usize::from(octet)] & LABEL != 0
}
