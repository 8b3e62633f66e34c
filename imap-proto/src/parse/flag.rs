//! Flags.

use super::{Parsed, Span, atom, list};
use crate::types::{Flag, Keyword};

/// ```abnf
/// flag            = "\Answered" / "\Flagged" / "\Deleted" /
///                   "\Seen" / "\Draft" / flag-keyword / flag-extension
/// flag-fetch      = flag / obsolete-flag-recent
/// ```
pub(crate) fn flag(input: Span<'_>) -> Parsed<'_, Flag> {
    let backslash = input.first() == Some(b'\\');
    let name = if backslash { input.skip(1) } else { input };
    let (rest, name) = atom(name).map_err(|_| nom::Err::Error(input.error("flag")))?;
    let name = std::str::from_utf8(name.octets()).expect("an atom is ASCII");
    let flag = if backslash { Flag::backslash(name) } else { Keyword::new(name).map(Flag::Keyword) };
    match flag {
        Some(flag) => Ok((rest, flag)),
        None => input.fail("flag of at most 255 octets"),
    }
}

/// ```abnf
/// flag-list       = "(" [flag *(SP flag)] ")"
/// ```
pub(crate) fn flag_list(input: Span<'_>) -> Parsed<'_, Vec<Flag>> {
    list(input, flag)
}
