//! SEARCH (RFC 3501 §6.4.4) with the keys of RFC 3501 and RFC 9051.

use std::cell::Cell;

use bytes::Bytes;

use super::{Body, CommandWriter, Form};
use crate::parse::{
    DEPTH_MAX, ITEMS_MAX, Parsed, Span, astring, atom, date, no_case, number64, octet, run, sequence_set, sp,
    spaced, token,
};
use crate::types::{Date, Keyword, SearchKey, SystemFlag, write_date};
use crate::wire::write;

/// SEARCH [CHARSET c] keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The answer names UIDs.
    pub uid: bool,
    /// The charset of the strings in upper case; `None`: US-ASCII or UTF-8.
    pub charset: Option<String>,
    /// All must match.
    pub key: SearchKey,
}

impl Body for Search {
    /// ```abnf
    /// search          = "SEARCH" [SP "CHARSET" SP astring] 1*(SP search-key)
    ///                     ; CHARSET argument to MUST be registered with IANA
    /// ```
    ///
    /// From RFC 3501 §9.
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self> {
        let (rest, charset) = match no_case("CHARSET ")(input) {
            Ok((rest, ())) => {
                let (rest, charset) = astring(rest)?;
                let charset = String::from_utf8_lossy(&charset).to_ascii_uppercase();
                (sp(rest)?.0, Some(charset))
            }
            Err(_) => (input, None),
        };
        let nesting = Nesting { depth: 0, keys_left: &Cell::new(ITEMS_MAX) };
        let (rest, key) = search_keys(rest, nesting)?;
        Ok((rest, Self { uid: form.is_uid(), charset, key }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        if let Some(charset) = &self.charset {
            out.raw("CHARSET ");
            out.astring(charset.as_bytes());
            out.sp();
        }
        match &self.key {
            SearchKey::And(keys) if as_one_word(&self.key).is_none() => out.spaced(keys, write_key),
            key => write_key(out, key),
        }
    }

    fn form(&self) -> Form {
        Form::of(self.uid)
    }
}

/// What bounds the keys of one SEARCH.
#[derive(Clone, Copy)]
struct Nesting<'b> {
    /// How deep the key lies in parentheses, NOT and OR.
    depth: usize,
    /// Keys that may still come, at any depth.
    keys_left: &'b Cell<usize>,
}

impl Nesting<'_> {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

/// `search-key *(SP search-key)`, all of which must match.
fn search_keys<'a>(input: Span<'a>, nesting: Nesting<'_>) -> Parsed<'a, SearchKey> {
    let (rest, mut keys) = spaced(input, |input| search_key(input, nesting))?;
    let key = if keys.len() > 1 { SearchKey::And(keys) } else { keys.remove(0) };
    Ok((rest, key))
}

/// ```abnf
/// search-key      = "ALL" / "ANSWERED" / "BCC" SP astring /
///                   "BEFORE" SP date / "BODY" SP astring /
///                   "CC" SP astring / "DELETED" / "FLAGGED" /
///                   "FROM" SP astring / "KEYWORD" SP flag-keyword /
///                   "NEW" / "OLD" / "ON" SP date / "RECENT" / "SEEN" /
///                   "SINCE" SP date / "SUBJECT" SP astring /
///                   "TEXT" SP astring / "TO" SP astring /
///                   "UNANSWERED" / "UNDELETED" / "UNFLAGGED" /
///                   "UNKEYWORD" SP flag-keyword / "UNSEEN" /
///                     ; Above this line were in [IMAP2]
///                   "DRAFT" / "HEADER" SP header-fld-name SP astring /
///                   "LARGER" SP number / "NOT" SP search-key /
///                   "OR" SP search-key SP search-key /
///                   "SENTBEFORE" SP date / "SENTON" SP date /
///                   "SENTSINCE" SP date / "SMALLER" SP number /
///                   "UID" SP sequence-set / "UNDRAFT" / sequence-set /
///                   "(" search-key *(SP search-key) ")"
/// ```
///
/// From RFC 3501 §9; the numbers have 63 bits (RFC 9051).
fn search_key<'a>(input: Span<'a>, nesting: Nesting<'_>) -> Parsed<'a, SearchKey> {
    if nesting.depth > DEPTH_MAX {
        return input.fail("fewer levels of search keys");
    }
    match nesting.keys_left.get().checked_sub(1) {
        Some(left) => nesting.keys_left.set(left),
        None => return input.fail("fewer search keys"),
    }
    match input.first() {
        Some(b'(') => {
            let (rest, key) = search_keys(input.skip(1), nesting.deeper())?;
            let (rest, ()) = octet(b')', ")")(rest)?;
            Ok((rest, key))
        }
        Some(b'0'..=b'9' | b'*' | b'$') => {
            sequence_set(input).map(|(rest, set)| (rest, SearchKey::SequenceSet(set)))
        }
        _ => named_key(input, nesting),
    }
}

fn named_key<'a>(input: Span<'a>, nesting: Nesting<'_>) -> Parsed<'a, SearchKey> {
    use SearchKey as Key;
    let (rest, name) = run(|octet| octet.is_ascii_alphabetic(), "search key")(input)?;
    let name = name.to_upper();
    if let Some(key) = flag_key(&name) {
        return Ok((rest, key));
    }
    match name.as_str() {
        "BCC" => header_key(rest, "Bcc", nesting),
        "CC" => header_key(rest, "Cc", nesting),
        "FROM" => header_key(rest, "From", nesting),
        "SUBJECT" => header_key(rest, "Subject", nesting),
        "TO" => header_key(rest, "To", nesting),
        "BODY" => text(rest, nesting).map(|(rest, text)| (rest, Key::Body(text))),
        "TEXT" => text(rest, nesting).map(|(rest, text)| (rest, Key::Text(text))),
        "HEADER" => {
            let (rest, field) = astring(sp(rest)?.0)?;
            let (rest, text) = text(rest, nesting)?;
            Ok((rest, Key::Header(field, text)))
        }
        "BEFORE" => day(rest, Key::Before),
        "ON" => day(rest, Key::On),
        "SINCE" => day(rest, Key::Since),
        "SENTBEFORE" => day(rest, Key::SentBefore),
        "SENTON" => day(rest, Key::SentOn),
        "SENTSINCE" => day(rest, Key::SentSince),
        "KEYWORD" => keyword(rest).map(|(rest, keyword)| (rest, Key::Keyword(keyword))),
        "UNKEYWORD" => keyword(rest).map(|(rest, keyword)| (rest, not(Key::Keyword(keyword)))),
        "LARGER" => number64(sp(rest)?.0).map(|(rest, size)| (rest, Key::Larger(size))),
        "SMALLER" => number64(sp(rest)?.0).map(|(rest, size)| (rest, Key::Smaller(size))),
        "UID" => sequence_set(sp(rest)?.0).map(|(rest, set)| (rest, Key::Uid(set))),
        "NOT" => search_key(sp(rest)?.0, nesting.deeper()).map(|(rest, key)| (rest, not(key))),
        "OR" => {
            let (rest, left) = search_key(sp(rest)?.0, nesting.deeper())?;
            let (rest, right) = search_key(sp(rest)?.0, nesting.deeper())?;
            Ok((rest, Key::Or(Box::new(left), Box::new(right))))
        }
        _ => input.fail("search key"),
    }
}

/// The keys that have no argument.
fn flag_key(name: &str) -> Option<SearchKey> {
    let flag =
        |name: &str| SystemFlag::ALL.into_iter().find(|flag| flag.as_str()[1..].eq_ignore_ascii_case(name));
    Some(match name {
        "ALL" => SearchKey::All,
        "RECENT" => SearchKey::Recent,
        "OLD" => not(SearchKey::Recent),
        "NEW" => SearchKey::And(vec![SearchKey::Recent, not(SearchKey::Flag(SystemFlag::Seen))]),
        _ => match name.strip_prefix("UN") {
            Some(name) => not(SearchKey::Flag(flag(name)?)),
            None => SearchKey::Flag(flag(name)?),
        },
    })
}

fn not(key: SearchKey) -> SearchKey {
    SearchKey::Not(Box::new(key))
}

fn header_key<'a>(input: Span<'a>, field: &'static str, nesting: Nesting<'_>) -> Parsed<'a, SearchKey> {
    let (rest, text) = text(input, nesting)?;
    Ok((rest, SearchKey::Header(Bytes::from_static(field.as_bytes()), text)))
}

/// `SP astring`. Outside parentheses the unquoted form may hold them, as RFC 1176 has it.
fn text<'a>(input: Span<'a>, nesting: Nesting<'_>) -> Parsed<'a, Bytes> {
    let (rest, ()) = sp(input)?;
    if nesting.depth == 0 { token(rest) } else { astring(rest) }
}

fn day(input: Span<'_>, key: fn(Date) -> SearchKey) -> Parsed<'_, SearchKey> {
    date(sp(input)?.0).map(|(rest, date)| (rest, key(date)))
}

fn keyword(input: Span<'_>) -> Parsed<'_, Keyword> {
    let (input, ()) = sp(input)?;
    let (rest, name) = atom(input)?;
    match std::str::from_utf8(name.octets()).ok().and_then(Keyword::new) {
        Some(keyword) => Ok((rest, keyword)),
        None => input.fail("keyword of at most 255 octets"),
    }
}

/// Abbreviations are written where there is one: servers before IMAP4 know no NOT and no HEADER.
fn write_key(out: &mut CommandWriter<'_>, key: &SearchKey) {
    if let Some(word) = as_one_word(key) {
        return out.raw(word);
    }
    match key {
        SearchKey::SequenceSet(set) => out.sequence_set(set),
        SearchKey::Uid(set) => {
            out.raw("UID ");
            out.sequence_set(set);
        }
        SearchKey::Keyword(keyword) => {
            out.raw("KEYWORD ");
            out.raw(keyword.as_str());
        }
        SearchKey::Before(date) => write_day(out, "BEFORE ", *date),
        SearchKey::On(date) => write_day(out, "ON ", *date),
        SearchKey::Since(date) => write_day(out, "SINCE ", *date),
        SearchKey::SentBefore(date) => write_day(out, "SENTBEFORE ", *date),
        SearchKey::SentOn(date) => write_day(out, "SENTON ", *date),
        SearchKey::SentSince(date) => write_day(out, "SENTSINCE ", *date),
        SearchKey::Larger(size_octets) => write_size(out, "LARGER ", *size_octets),
        SearchKey::Smaller(size_octets) => write_size(out, "SMALLER ", *size_octets),
        SearchKey::Header(field, text) => write_header(out, field, text),
        SearchKey::Body(text) => write_text(out, "BODY ", text),
        SearchKey::Text(text) => write_text(out, "TEXT ", text),
        SearchKey::Not(key) => match &**key {
            SearchKey::Keyword(keyword) => {
                out.raw("UNKEYWORD ");
                out.raw(keyword.as_str());
            }
            key => {
                out.raw("NOT ");
                write_key(out, key);
            }
        },
        SearchKey::Or(left, right) => {
            out.raw("OR ");
            write_key(out, left);
            out.sp();
            write_key(out, right);
        }
        SearchKey::And(keys) => out.list(keys, write_key),
        SearchKey::All | SearchKey::Recent | SearchKey::Flag(_) => unreachable!("each of these is one word"),
    }
}

/// The keys that are written as one word.
fn as_one_word(key: &SearchKey) -> Option<&'static str> {
    use SystemFlag::{Answered, Deleted, Draft, Flagged, Seen};
    Some(match key {
        SearchKey::All => "ALL",
        SearchKey::Recent => "RECENT",
        SearchKey::Flag(Answered) => "ANSWERED",
        SearchKey::Flag(Flagged) => "FLAGGED",
        SearchKey::Flag(Deleted) => "DELETED",
        SearchKey::Flag(Seen) => "SEEN",
        SearchKey::Flag(Draft) => "DRAFT",
        SearchKey::Not(key) => match **key {
            SearchKey::Recent => "OLD",
            SearchKey::Flag(Answered) => "UNANSWERED",
            SearchKey::Flag(Flagged) => "UNFLAGGED",
            SearchKey::Flag(Deleted) => "UNDELETED",
            SearchKey::Flag(Seen) => "UNSEEN",
            SearchKey::Flag(Draft) => "UNDRAFT",
            _ => return None,
        },
        SearchKey::And(keys) => match &keys[..] {
            [SearchKey::Recent, SearchKey::Not(key)] if **key == SearchKey::Flag(Seen) => "NEW",
            _ => return None,
        },
        _ => return None,
    })
}

fn write_header(out: &mut CommandWriter<'_>, field: &[u8], text: &[u8]) {
    match field {
        b"Bcc" => out.raw("BCC "),
        b"Cc" => out.raw("CC "),
        b"From" => out.raw("FROM "),
        b"Subject" => out.raw("SUBJECT "),
        b"To" => out.raw("TO "),
        _ => {
            out.raw("HEADER ");
            out.astring(field);
            out.sp();
        }
    }
    out.string(text);
}

fn write_text(out: &mut CommandWriter<'_>, name: &str, text: &[u8]) {
    out.raw(name);
    out.string(text);
}

fn write_day(out: &mut CommandWriter<'_>, name: &str, date: Date) {
    out.raw(name);
    write_date(out.out(), date);
}

fn write_size(out: &mut CommandWriter<'_>, name: &str, size_octets: u64) {
    out.raw(name);
    write::number(out.out(), size_octets);
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn keys() {
        check(
            "A282 SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
            expect![[
                r#"A282 Search(Search { uid: false, charset: None, key: And([Flag(Flagged), Since(1994-02-01), Not(Header(b"From", b"Smith"))]) })"#
            ]],
        );
        check(
            "a uid search charset utf-8 text {3}\r\n\u{5b57}",
            expect![[
                r#"a Search(Search { uid: true, charset: Some("UTF-8"), key: Text(b"\xe5\xad\x97") })"#
            ]],
        );
        check(
            "a SEARCH NEW",
            expect!["a Search(Search { uid: false, charset: None, key: And([Recent, Not(Flag(Seen))]) })"],
        );
        check(
            "a SEARCH OLD UNSEEN undraft UNKEYWORD $Junk",
            expect![[
                r#"a Search(Search { uid: false, charset: None, key: And([Not(Recent), Not(Flag(Seen)), Not(Flag(Draft)), Not(Keyword("$Junk"))]) })"#
            ]],
        );
        check(
            "a SEARCH OR (1:3,* UID $) (SMALLER 5 (LARGER 9223372036854775807))",
            expect![
                "a Search(Search { uid: false, charset: None, key: Or(And([SequenceSet(Ranges([(Number(1), Number(3)), (Star, Star)])), Uid(Saved)]), And([Smaller(5), Larger(9223372036854775807)])) })"
            ],
        );
        check("a SEARCH HEADER X-Foo \"\" (SUBJECT a(b)", expect!["BAD a SEARCH: expected ) at octet 35"]);
    }

    #[test]
    fn old_forms() {
        check(
            "a5 search deleted since 1-oct-26",
            expect![
                "a5 Search(Search { uid: false, charset: None, key: And([Flag(Deleted), Since(2026-10-01)]) })"
            ],
        );
        check(
            "a SEARCH BEFORE \" 1-OCT-87\" ON 01-Jan-69 SENTON \"2-Jan-68\"",
            expect![
                "a Search(Search { uid: false, charset: None, key: And([Before(1987-10-01), On(1969-01-01), SentOn(2068-01-02)]) })"
            ],
        );
        check(
            "a SEARCH SUBJECT foo(bar)",
            expect![[
                r#"a Search(Search { uid: false, charset: None, key: Header(b"Subject", b"foo(bar)") })"#
            ]],
        );
    }

    #[test]
    fn bad_keys() {
        check("a SEARCH", expect!["BAD a SEARCH: expected SP at octet 8"]);
        check("a SEARCH FOO", expect!["BAD a SEARCH: expected search key at octet 9"]);
        check("a SEARCH ()", expect!["BAD a SEARCH: expected search key at octet 10"]);
        check("a SEARCH (SEEN", expect!["BAD a SEARCH: expected ) at octet 14"]);
        check("a SEARCH NOT", expect!["BAD a SEARCH: expected SP at octet 12"]);
        check("a SEARCH OR SEEN", expect!["BAD a SEARCH: expected SP at octet 16"]);
        check("a SEARCH SINCE 30-Feb-2026", expect!["BAD a SEARCH: expected date that exists at octet 15"]);
        check("a SEARCH SINCE 1-Foo-2026", expect!["BAD a SEARCH: expected month at octet 17"]);
        check("a SEARCH SINCE 1-Feb-202", expect!["BAD a SEARCH: expected date at octet 15"]);
        check("a SEARCH LARGER 9223372036854775808", expect!["BAD a SEARCH: expected number at octet 16"]);
        check("a SEARCH CHARSET utf-8", expect!["BAD a SEARCH: expected SP at octet 22"]);
    }

    /// A line of 1 MiB could hold half a million keys, and each is a value of its own.
    #[test]
    fn keys_are_counted_at_every_depth() {
        let many = format!("a SEARCH {}", "1 ".repeat(9_999));
        check(&format!("{many}X"), expect!["BAD a SEARCH: expected search key at octet 20007"]);
        let lists = format!("a SEARCH {}", format!("({}1) ", "1 ".repeat(999)).repeat(11));
        check(&lists, expect!["BAD a SEARCH: expected fewer search keys at octet 20008"]);
    }

    #[test]
    fn nesting_is_bounded() {
        let open = format!("a SEARCH {}SEEN", "(".repeat(100_000));
        check(&open, expect!["BAD a SEARCH: expected fewer levels of search keys at octet 74"]);
        let nots = format!("a SEARCH {}SEEN", "NOT ".repeat(100_000));
        check(&nots, expect!["BAD a SEARCH: expected fewer levels of search keys at octet 269"]);
    }
}
