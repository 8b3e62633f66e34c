//! The primitives of every writer: each appends to `out`.

use crate::dialect::Dialect;
use crate::types::{MailboxName, NumberSet};

/// A `string`: quoted where the dialect lets it, else a literal. Never an escape inside quotes:
/// a string with `"`, `\`, CR, LF, NUL or an octet over 126 is a literal to everybody (clients before IMAP4 take `\"`
/// for the end of the string), to Silent and Imap2bis also one with `%` or `{`; where the dialect
/// quotes UTF-8, valid UTF-8 without `"` `\` CR LF is quoted.
pub fn string(out: &mut Vec<u8>, octets: &[u8], dialect: Dialect) {
    let _ = (out, octets, dialect);
    todo!()
}

/// A `string`, or `NIL` for `None`.
pub fn nstring(out: &mut Vec<u8>, octets: Option<&[u8]>, dialect: Dialect) {
    let _ = (out, octets, dialect);
    todo!()
}

/// A mailbox name in the dialect's form: always quoted or a literal, never bare.
pub fn mailbox(out: &mut Vec<u8>, name: &MailboxName, dialect: Dialect) {
    string(out, &name.encode(dialect.name_form()), dialect);
}

/// A `literal`: `{n}` CRLF and the octets.
pub fn literal(out: &mut Vec<u8>, octets: &[u8]) {
    let _ = (out, octets);
    todo!()
}

/// Only the head of a literal, `{n}` CRLF: the octets follow by themselves.
pub fn literal_head(out: &mut Vec<u8>, size_octets: u64) {
    let _ = (out, size_octets);
    todo!()
}

/// A number in digits, without an allocation.
pub fn number(out: &mut Vec<u8>, number: u64) {
    let _ = (out, number);
    todo!()
}

/// A set as `1:3,5`. The set is not empty.
pub fn number_set(out: &mut Vec<u8>, set: &NumberSet) {
    let _ = (out, set);
    todo!()
}

/// Text behind a status: CR, LF, NUL and octets over 126 become `?`, an empty text a word; ends with CRLF.
pub fn text_line(out: &mut Vec<u8>, text: &str) {
    let _ = (out, text);
    todo!()
}
