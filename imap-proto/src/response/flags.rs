//! Lists of flags, as FLAGS, PERMANENTFLAGS and FETCH have them (RFC 9051 §7.3.5).

use crate::types::{Flag, Keyword, SystemFlag};
use crate::wire::read::Reader;

/// `flag-list`, with `\\Recent` and `\\*` wherever they stand. A word that is no flag is left out: a keyword
/// with an octet too many must not hide that a message is seen.
pub(super) fn read_flags<F: Default + Extend<Flag>>(reader: &mut Reader<'_>) -> Option<F> {
    let mut flags = F::default();
    reader.each(|reader| {
        flags.extend(read_flag(reader.word()?));
        Some(())
    })?;
    Some(flags)
}

fn read_flag(word: &[u8]) -> Option<Flag> {
    // As nearly every server spells them.
    let system = SystemFlag::ALL.into_iter().find(|flag| flag.as_str().as_bytes() == word);
    if let Some(flag) = system {
        return Some(Flag::System(flag));
    }
    match std::str::from_utf8(word).ok()? {
        "\\*" => Some(Flag::Wildcard),
        word => match word.strip_prefix('\\') {
            Some(name) => Flag::backslash(name),
            None => Keyword::new(word).map(Flag::Keyword),
        },
    }
}
