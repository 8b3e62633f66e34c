//! Flags.

use super::{Parsed, Span, atom, is_atom_char, list};
use crate::types::{Flag, Keyword, SystemFlag};

/// ```abnf
/// flag            = "\Answered" / "\Flagged" / "\Deleted" /
///                   "\Seen" / "\Draft" / flag-keyword / flag-extension
/// flag-fetch      = flag / obsolete-flag-recent
/// ```
pub(crate) fn flag(input: Span<'_>) -> Parsed<'_, Flag> {
    let backslash = input.first() == Some(b'\\');
    if backslash && let Some((flag, rest)) = system_flag(input) {
        return Ok((rest, Flag::System(flag)));
    }
    let name = if backslash { input.skip(1) } else { input };
    let (rest, name) = atom(name).map_err(|_| nom::Err::Error(input.error("flag")))?;
    let name = std::str::from_utf8(name.octets()).expect("an atom is ASCII");
    let flag = if backslash { Flag::backslash(name) } else { Keyword::new(name).map(Flag::Keyword) };
    match flag {
        Some(flag) => Ok((rest, flag)),
        None => input.fail("flag of at most 255 octets"),
    }
}

/// A system flag as nearly everybody spells it.
fn system_flag(input: Span<'_>) -> Option<(SystemFlag, Span<'_>)> {
    let is_here = |flag: &SystemFlag| input.octets().starts_with(flag.as_str().as_bytes());
    let flag = SystemFlag::ALL.into_iter().find(is_here)?;
    let rest = input.skip(flag.as_str().len());
    (!rest.first().is_some_and(is_atom_char)).then_some((flag, rest))
}

/// ```abnf
/// flag-list       = "(" [flag *(SP flag)] ")"
/// ```
pub(crate) fn flag_list(input: Span<'_>) -> Parsed<'_, Vec<Flag>> {
    list(input, flag)
}
