//! Words that are neither strings nor free text: capabilities, codes, names of items.
//!
//! They cannot be quoted, so an octet that would break the line is replaced instead.

use crate::Dialect;
use crate::parse::is_atom_char;
use crate::wire::write;

/// Writes a word that stands outside of strings. Anything but printable ASCII becomes `?`, so that no value
/// can end the line or start another one.
pub(super) fn write_word(out: &mut Vec<u8>, word: &[u8]) {
    out.extend(word.iter().map(|&octet| if matches!(octet, b' '..=b'~') { octet } else { b'?' }));
}

/// `astring`: as it is where it is an atom, else a `string`. `NIL` is put into quotes.
pub(super) fn write_astring(out: &mut Vec<u8>, octets: &[u8], dialect: Dialect) {
    if is_atom(octets) { out.extend_from_slice(octets) } else { write::string(out, octets, dialect) }
}

/// Whether the octets can stand bare; `]` cannot, since readers look for it at the end of a section or a code.
pub(super) fn is_atom(octets: &[u8]) -> bool {
    let is_nil = octets.eq_ignore_ascii_case(b"NIL");
    !octets.is_empty() && !is_nil && octets.iter().all(|&octet| is_atom_char(octet))
}

/// `"(" item *(SP item) ")"`; without an item `()`.
pub(super) fn write_list<T>(out: &mut Vec<u8>, items: &[T], mut item: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'(');
    for (index, one) in items.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        item(out, one);
    }
    out.push(b')');
}

/// `nstring / literal8`: the latter only where octets hold a NUL.
pub(super) fn write_value(out: &mut Vec<u8>, value: Option<&[u8]>, dialect: Dialect) {
    if value.is_some_and(|octets| octets.contains(&0)) {
        out.push(b'~');
    }
    write::nstring(out, value, dialect);
}

/// `astring` or `quoted` where the grammar has no literal: in the text of a status. Octets that do not fit
/// become `?`.
pub(super) fn write_short_quoted(out: &mut Vec<u8>, octets: &[u8]) {
    out.push(b'"');
    for &octet in octets {
        match octet {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', octet]),
            b' '..=b'~' => out.push(octet),
            _ => out.push(b'?'),
        }
    }
    out.push(b'"');
}

/// As [`write_short_quoted`], bare where it is an atom.
pub(super) fn write_short_astring(out: &mut Vec<u8>, octets: &[u8]) {
    if is_atom(octets) { out.extend_from_slice(octets) } else { write_short_quoted(out, octets) }
}
