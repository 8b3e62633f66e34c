//! Lists of flags, as FLAGS, PERMANENTFLAGS and FETCH have them (RFC 9051 §7.3.5).

use bytes::Bytes;

use crate::parse::{self, Span};
use crate::types::Flag;
use crate::wire::read::Reader;

/// `flag-list`, with `\\Recent` and `\\*` wherever they stand. A word that is no flag is left out: a keyword
/// with an octet too many must not hide that a message is seen.
pub(super) fn read_flags(reader: &mut Reader<'_>) -> Option<Vec<Flag>> {
    let words = reader.list(Reader::atom)?;
    Some(words.iter().filter_map(read_flag).collect())
}

fn read_flag(word: &Bytes) -> Option<Flag> {
    let (rest, flag) = parse::flag_perm(Span::new(word)).ok()?;
    rest.is_empty().then_some(flag)
}
