//! RETURN of SEARCH, SORT and ESEARCH: which form the answer has (RFC 9051 §6.4.4, RFC 4731).

use super::CommandWriter;
use crate::parse::{Parsed, Span, arg, label, list, no_case, partial_range};
use crate::types::PartialRange;

/// One thing that the answer shall have, or that shall be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchReturn {
    /// MIN: the lowest number; of SORT the first.
    Min,
    /// MAX: the highest number; of SORT the last.
    Max,
    /// ALL: every number.
    All,
    /// COUNT: how many there are.
    Count,
    /// SAVE: `$` stands for the result from now on (RFC 5182).
    Save,
    /// PARTIAL: one page of the result (RFC 9394, RFC 5267). Never beside ALL or another PARTIAL.
    Partial(PartialRange),
    /// CONTEXT: a hint that the same will be asked again (RFC 5267).
    Context,
    /// UPDATE: tell how the result changes from now on (RFC 5267).
    Update,
    /// RELEVANCY: how well each message matches (RFC 6203).
    Relevancy,
}

/// ```abnf
/// search-return-opts = SP "RETURN" SP "(" [search-return-opt
///                      *(SP search-return-opt)] ")"
/// search-return-opt  = "MIN" / "MAX" / "ALL" / "COUNT" /
///                      "SAVE" /
///                      search-ret-opt-ext
/// search-return-opt  =/ modifier-context / modifier-partial /
///                       modifier-update
/// search-return-opt  =/ "RELEVANCY"
/// ```
///
/// From RFC 9051 §9, RFC 5267 §5 and RFC 6203 §6; the SP before is read already. `None`, and nothing is read,
/// where no RETURN stands. At most one of PARTIAL or ALL may be there (RFC 9394 §3.1).
pub(super) fn search_return_opts(input: Span<'_>) -> Parsed<'_, Option<Vec<SearchReturn>>> {
    let Ok((rest, ())) = no_case("RETURN ")(input) else { return Ok((input, None)) };
    let (behind, options) = list(rest, search_return_opt)?;
    let pages = options.iter().filter(|option| matches!(option, SearchReturn::Partial(_))).count();
    if pages > 1 || pages == 1 && options.contains(&SearchReturn::All) {
        return rest.fail("one of PARTIAL or ALL");
    }
    Ok((behind, Some(options)))
}

fn search_return_opt(input: Span<'_>) -> Parsed<'_, SearchReturn> {
    let (rest, name) = label("RETURN option")(input)?;
    let option = match name.to_word().octets() {
        b"MIN" => SearchReturn::Min,
        b"MAX" => SearchReturn::Max,
        b"ALL" => SearchReturn::All,
        b"COUNT" => SearchReturn::Count,
        b"SAVE" => SearchReturn::Save,
        b"CONTEXT" => SearchReturn::Context,
        b"UPDATE" => SearchReturn::Update,
        b"RELEVANCY" => SearchReturn::Relevancy,
        b"PARTIAL" => {
            return arg(rest, partial_range).map(|(rest, range)| (rest, SearchReturn::Partial(range)));
        }
        _ => return input.fail("RETURN option"),
    };
    Ok((rest, option))
}

/// Writes `RETURN (...)` and SP, where there is one.
pub(super) fn write_return_opts(out: &mut CommandWriter<'_>, options: Option<&Vec<SearchReturn>>) {
    let Some(options) = options else { return };
    out.raw("RETURN ");
    out.list(options, |out, option| match option {
        SearchReturn::Min => out.raw("MIN"),
        SearchReturn::Max => out.raw("MAX"),
        SearchReturn::All => out.raw("ALL"),
        SearchReturn::Count => out.raw("COUNT"),
        SearchReturn::Save => out.raw("SAVE"),
        SearchReturn::Context => out.raw("CONTEXT"),
        SearchReturn::Update => out.raw("UPDATE"),
        SearchReturn::Relevancy => out.raw("RELEVANCY"),
        SearchReturn::Partial(range) => {
            out.raw("PARTIAL ");
            out.raw(&range.to_string());
        }
    });
    out.sp();
}
