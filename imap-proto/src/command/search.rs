//! SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4) with the keys of all extensions.

use std::cell::Cell;

use bytes::Bytes;

use super::search_return::{SearchReturn, search_return_opts, write_return_opts};
use super::{Body, CommandWriter, Form};
use crate::parse::{
    DEPTH_MAX, ITEMS_MAX, Parsed, Span, arg, astring, atom, date, list_mailbox, mod_seq, no_case, nstring,
    number64, nz_number, object_id, octet, run, sequence_set, sp, spaced, string, token,
};
use crate::types::{
    AnnotationKey, AnnotationValue, Date, EntryScope, Flag, Keyword, ModSeqEntry, SearchKey, SystemFlag, Uid,
    write_date,
};
use crate::wire::write;

/// SEARCH [RETURN (options)] [CHARSET c] keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The answer names UIDs.
    pub uid: bool,
    /// What the answer shall have; `None` where there is no RETURN.
    pub options: Option<Vec<SearchReturn>>,
    /// The charset of the strings in upper case; `None`: US-ASCII or UTF-8.
    pub charset: Option<String>,
    /// All must match.
    pub key: SearchKey,
}

impl Body for Search {
    /// ```abnf
    /// search          = "SEARCH" [search-return-opts]
    ///                   SP search-program
    /// ```
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self> {
        let (rest, options) = search_return_opts(input)?;
        let rest = if options.is_some() { sp(rest)?.0 } else { rest };
        let (rest, (charset, key)) = search_program(rest)?;
        Ok((rest, Self { uid: form.is_uid(), options, charset, key }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        write_return_opts(out, self.options.as_ref());
        write_search_program(out, self.charset.as_deref(), &self.key);
    }

    fn form(&self) -> Form {
        Form::of(self.uid)
    }
}

/// ```abnf
/// search-program     = ["CHARSET" SP charset SP]
///                       search-key *(SP search-key)
///                       ; CHARSET argument to SEARCH MUST be
///                       ; registered with IANA.
/// ```
pub(super) fn search_program(input: Span<'_>) -> Parsed<'_, (Option<String>, SearchKey)> {
    let Ok((rest, ())) = no_case("CHARSET ")(input) else {
        return keys(input).map(|(rest, key)| (rest, (None, key)));
    };
    let (rest, (charset, key)) = search_criteria(rest)?;
    Ok((rest, (Some(charset), key)))
}

/// ```abnf
/// search-criteria = charset 1*(SP search-key)
/// charset         = atom / quoted
///                     ; CHARSET values MUST be registered with IANA
/// ```
///
/// From RFC 5256 §5; the charset comes out in upper case.
pub(super) fn search_criteria(input: Span<'_>) -> Parsed<'_, (String, SearchKey)> {
    let (rest, charset) = astring(input)?;
    let charset = String::from_utf8_lossy(&charset).to_ascii_uppercase();
    let (rest, key) = arg(rest, keys)?;
    Ok((rest, (charset, key)))
}

/// All keys of a command, which must all match.
fn keys(input: Span<'_>) -> Parsed<'_, SearchKey> {
    search_keys(input, Nesting { depth: 0, keys_left: &Cell::new(ITEMS_MAX) })
}

/// Writes what [`search_program`] reads.
pub(super) fn write_search_program(out: &mut CommandWriter<'_>, charset: Option<&str>, key: &SearchKey) {
    if let Some(charset) = charset {
        out.raw("CHARSET ");
        out.astring(charset.as_bytes());
        out.sp();
    }
    write_keys(out, key);
}

/// Writes all keys of a command: those that must all match without parentheses.
pub(super) fn write_keys(out: &mut CommandWriter<'_>, key: &SearchKey) {
    match key {
        SearchKey::And(keys) if as_one_word(key).is_none() => out.spaced(keys, write_key),
        key => write_key(out, key),
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
/// From RFC 3501 §9; the numbers have 63 bits (RFC 9051). Those of extensions are in [`extension_key`].
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
    let is_name_char = |octet: u8| octet.is_ascii_alphabetic() || octet == b'-';
    let (rest, name) = run(is_name_char, "search key")(input)?;
    let name = name.to_word();
    let key = match name.octets() {
        b"ALL" => Key::All,
        b"ANSWERED" => Key::Flag(SystemFlag::Answered),
        b"DELETED" => Key::Flag(SystemFlag::Deleted),
        b"DRAFT" => Key::Flag(SystemFlag::Draft),
        b"FLAGGED" => Key::Flag(SystemFlag::Flagged),
        b"SEEN" => Key::Flag(SystemFlag::Seen),
        b"UNANSWERED" => not(Key::Flag(SystemFlag::Answered)),
        b"UNDELETED" => not(Key::Flag(SystemFlag::Deleted)),
        b"UNDRAFT" => not(Key::Flag(SystemFlag::Draft)),
        b"UNFLAGGED" => not(Key::Flag(SystemFlag::Flagged)),
        b"UNSEEN" => not(Key::Flag(SystemFlag::Seen)),
        b"RECENT" => Key::Recent,
        b"OLD" => not(Key::Recent),
        b"NEW" => Key::And(vec![Key::Recent, not(Key::Flag(SystemFlag::Seen))]),
        b"BCC" => return header_key(rest, "Bcc", nesting),
        b"CC" => return header_key(rest, "Cc", nesting),
        b"FROM" => return header_key(rest, "From", nesting),
        b"SUBJECT" => return header_key(rest, "Subject", nesting),
        b"TO" => return header_key(rest, "To", nesting),
        b"BODY" => return text(rest, nesting).map(|(rest, text)| (rest, Key::Body(text))),
        b"TEXT" => return text(rest, nesting).map(|(rest, text)| (rest, Key::Text(text))),
        b"HEADER" => {
            let (rest, field) = arg(rest, astring)?;
            let (rest, text) = text(rest, nesting)?;
            return Ok((rest, Key::Header(field, text)));
        }
        b"BEFORE" => return day(rest, Key::Before),
        b"ON" => return day(rest, Key::On),
        b"SINCE" => return day(rest, Key::Since),
        b"SENTBEFORE" => return day(rest, Key::SentBefore),
        b"SENTON" => return day(rest, Key::SentOn),
        b"SENTSINCE" => return day(rest, Key::SentSince),
        b"KEYWORD" => return keyword(rest).map(|(rest, keyword)| (rest, Key::Keyword(keyword))),
        b"UNKEYWORD" => return keyword(rest).map(|(rest, keyword)| (rest, not(Key::Keyword(keyword)))),
        b"LARGER" => return one(rest, number64, Key::Larger),
        b"SMALLER" => return one(rest, number64, Key::Smaller),
        b"UID" => return one(rest, sequence_set, Key::Uid),
        b"NOT" => return search_key(sp(rest)?.0, nesting.deeper()).map(|(rest, key)| (rest, not(key))),
        b"OR" => {
            let (rest, left) = search_key(sp(rest)?.0, nesting.deeper())?;
            let (rest, right) = search_key(sp(rest)?.0, nesting.deeper())?;
            return Ok((rest, Key::Or(Box::new(left), Box::new(right))));
        }
        b"FUZZY" => {
            let (rest, key) = search_key(sp(rest)?.0, nesting.deeper())?;
            return Ok((rest, Key::Fuzzy(Box::new(key))));
        }
        b"X-GM-RAW" => return text(rest, nesting).map(|(rest, text)| (rest, Key::GmailRaw(text))),
        b"SAVEDATESUPPORTED" => Key::SaveDateSupported,
        name => match extension_key(name, rest) {
            Some(parsed) => return parsed,
            None => return input.fail("search key"),
        },
    };
    Ok((rest, key))
}

/// ```abnf
/// search-key      =/ ( "OLDER" / "YOUNGER" ) SP nz-number
/// search-key      =/ search-modsequence
/// search-key      =/ "SAVEDBEFORE" SP date /
///                    "SAVEDON" SP date /
///                    "SAVEDSINCE" SP date /
///                    "SAVEDATESUPPORTED"
/// search-key      =/ "EMAILID" SP objectid / "THREADID" SP objectid
/// search-key      =/ "FUZZY" SP search-key
/// search-key      =/ "FILTER" SP filter-name
/// search-key      =/ "ANNOTATION" SP entry-match SP att-search
///                     SP value
/// ```
///
/// From RFC 5032 §3, RFC 7162 §7, RFC 8514 §5, RFC 8474 §7, RFC 6203 §6, RFC 5466 §4, RFC 5257 §5. RFC 9738 has
/// `UIDAFTER` and `UIDBEFORE` with a UID in its text, and Gmail's keys begin with `X-GM-`.
fn extension_key<'a>(name: &[u8], input: Span<'a>) -> Option<Parsed<'a, SearchKey>> {
    use SearchKey as Key;
    let uid = |input| nz_number(input).map(|(rest, uid)| (rest, Uid::from(uid)));
    Some(match name {
        b"OLDER" => one(input, nz_number, Key::Older),
        b"YOUNGER" => one(input, nz_number, Key::Younger),
        b"MODSEQ" => arg(input, mod_seq_key),
        b"SAVEDBEFORE" => day(input, Key::SavedBefore),
        b"SAVEDON" => day(input, Key::SavedOn),
        b"SAVEDSINCE" => day(input, Key::SavedSince),
        b"EMAILID" => one(input, object_id, Key::EmailId),
        b"THREADID" => one(input, object_id, Key::ThreadId),
        b"FILTER" => one(input, filter_name, Key::Filter),
        b"ANNOTATION" => arg(input, annotation_key),
        b"UIDAFTER" => one(input, uid, Key::UidAfter),
        b"UIDBEFORE" => one(input, uid, Key::UidBefore),
        b"X-GM-LABELS" => one(input, gmail_label, Key::GmailLabel),
        b"X-GM-MSGID" => one(input, number64, Key::GmailMessageId),
        b"X-GM-THRID" => one(input, number64, Key::GmailThreadId),
        _ => return None,
    })
}

/// `SP` and the only argument of a key.
fn one<'a, T>(
    input: Span<'a>,
    parser: impl FnOnce(Span<'a>) -> Parsed<'a, T>,
    key: fn(T) -> SearchKey,
) -> Parsed<'a, SearchKey> {
    arg(input, parser).map(|(rest, value)| (rest, key(value)))
}

/// ```abnf
/// search-modsequence  = "MODSEQ" [search-modseq-ext] SP
///                       mod-sequence-valzer
/// search-modseq-ext   = SP entry-name SP entry-type-req
/// entry-flag-name     = DQUOTE "/flags/" attr-flag DQUOTE
/// entry-type-req      = entry-type-resp / "all"
/// entry-type-resp     = "priv" / "shared"
/// ```
///
/// From RFC 7162 §7.
fn mod_seq_key(input: Span<'_>) -> Parsed<'_, SearchKey> {
    let (rest, entry) = match input.first() {
        Some(b'"') => mod_seq_entry(input).map(|(rest, entry)| (rest, Some(Box::new(entry))))?,
        _ => (input, None),
    };
    let rest = if entry.is_some() { sp(rest)?.0 } else { rest };
    mod_seq(rest).map(|(rest, since)| (rest, SearchKey::ModSeq { since, entry }))
}

fn mod_seq_entry(input: Span<'_>) -> Parsed<'_, ModSeqEntry> {
    let (rest, name) = string(input)?;
    let flag = name.get(..7).filter(|start| start.eq_ignore_ascii_case(b"/flags/"));
    let flag = flag.and_then(|_| std::str::from_utf8(&name[7..]).ok());
    let flag = flag.and_then(|name| match name.strip_prefix('\\') {
        Some(name) => Flag::backslash(name),
        None => Keyword::new(name).map(Flag::Keyword),
    });
    let Some(flag) = flag else { return input.fail("\"/flags/...\"") };
    let (behind, scope) = arg(rest, atom)?;
    let scope = match scope.to_word().octets() {
        b"PRIV" => EntryScope::Private,
        b"SHARED" => EntryScope::Shared,
        b"ALL" => EntryScope::All,
        _ => return rest.fail("priv, shared or all"),
    };
    Ok((behind, ModSeqEntry { flag, scope }))
}

/// ```abnf
/// filter-name           =  1*<any ATOM-CHAR except "/">
/// ```
///
/// From RFC 5466 §4.
fn filter_name(input: Span<'_>) -> Parsed<'_, Bytes> {
    let is_name_char = |octet| octet != b'/' && crate::parse::is_atom_char(octet);
    run(is_name_char, "filter name")(input).map(|(rest, name)| (rest, name.to_bytes()))
}

/// ```abnf
/// att-search        = "value" / "value.priv" / "value.shared"
///                     ; the only attributes that can be searched
/// ```
///
/// From RFC 5257 §5.
fn annotation_key(input: Span<'_>) -> Parsed<'_, SearchKey> {
    let (rest, entry) = list_mailbox(input)?;
    let (rest, attribute) = arg(rest, annotation_value)?;
    let (rest, value) = arg(rest, nstring)?;
    Ok((rest, SearchKey::Annotation(Box::new(AnnotationKey { entry, attribute, value }))))
}

/// Which value of an annotation, by its name.
pub(super) fn annotation_value(input: Span<'_>) -> Parsed<'_, AnnotationValue> {
    let (rest, name) = atom(input)?;
    let value = match name.to_word().octets() {
        b"VALUE" => AnnotationValue::Any,
        b"VALUE.PRIV" => AnnotationValue::Private,
        b"VALUE.SHARED" => AnnotationValue::Shared,
        _ => return input.fail("value, value.priv or value.shared"),
    };
    Ok((rest, value))
}

/// The name of what [`annotation_value`] reads.
pub(super) fn annotation_value_name(value: AnnotationValue) -> &'static str {
    match value {
        AnnotationValue::Any => "value",
        AnnotationValue::Private => "value.priv",
        AnnotationValue::Shared => "value.shared",
    }
}

/// A label of Gmail: an `astring`, or a `\\` and an atom.
pub(super) fn gmail_label(input: Span<'_>) -> Parsed<'_, Bytes> {
    if input.first() != Some(b'\\') {
        return astring(input);
    }
    let (rest, name) = atom(input.skip(1))?;
    Ok((rest, input.split(1 + name.octets().len()).1.to_bytes()))
}

/// Writes what [`gmail_label`] reads.
pub(super) fn write_gmail_label(out: &mut CommandWriter<'_>, label: &[u8]) {
    match label {
        [b'\\', name @ ..]
            if !name.is_empty() && name.iter().all(|&octet| crate::parse::is_atom_char(octet)) =>
        {
            out.out().extend_from_slice(label);
        }
        label => out.string(label),
    }
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
        SearchKey::Larger(size_octets) => write_number(out, "LARGER ", *size_octets),
        SearchKey::Smaller(size_octets) => write_number(out, "SMALLER ", *size_octets),
        SearchKey::Older(seconds) => write_number(out, "OLDER ", u64::from(seconds.get())),
        SearchKey::Younger(seconds) => write_number(out, "YOUNGER ", u64::from(seconds.get())),
        SearchKey::UidAfter(uid) => write_number(out, "UIDAFTER ", u64::from(uid.get())),
        SearchKey::UidBefore(uid) => write_number(out, "UIDBEFORE ", u64::from(uid.get())),
        SearchKey::GmailMessageId(id) => write_number(out, "X-GM-MSGID ", *id),
        SearchKey::GmailThreadId(id) => write_number(out, "X-GM-THRID ", *id),
        SearchKey::SavedBefore(date) => write_day(out, "SAVEDBEFORE ", *date),
        SearchKey::SavedOn(date) => write_day(out, "SAVEDON ", *date),
        SearchKey::SavedSince(date) => write_day(out, "SAVEDSINCE ", *date),
        SearchKey::ModSeq { since, entry } => {
            out.raw("MODSEQ ");
            if let Some(entry) = entry {
                write_mod_seq_entry(out, entry);
            }
            write::number(out.out(), since.get());
        }
        SearchKey::EmailId(id) => write_word(out, "EMAILID ", id.as_str().as_bytes()),
        SearchKey::ThreadId(id) => write_word(out, "THREADID ", id.as_str().as_bytes()),
        SearchKey::Filter(name) => write_word(out, "FILTER ", name),
        SearchKey::Annotation(key) => {
            out.raw("ANNOTATION ");
            out.string(&key.entry);
            out.sp();
            out.raw(annotation_value_name(key.attribute));
            out.sp();
            out.nstring(key.value.as_ref());
        }
        SearchKey::GmailRaw(text) => write_text(out, "X-GM-RAW ", text),
        SearchKey::GmailLabel(label) => {
            out.raw("X-GM-LABELS ");
            write_gmail_label(out, label);
        }
        SearchKey::Fuzzy(key) => {
            out.raw("FUZZY ");
            write_key(out, key);
        }
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
        SearchKey::All | SearchKey::Recent | SearchKey::SaveDateSupported | SearchKey::Flag(_) => {
            unreachable!("each of these is one word")
        }
    }
}

/// The keys that are written as one word.
fn as_one_word(key: &SearchKey) -> Option<&'static str> {
    use SystemFlag::{Answered, Deleted, Draft, Flagged, Seen};
    Some(match key {
        SearchKey::All => "ALL",
        SearchKey::Recent => "RECENT",
        SearchKey::SaveDateSupported => "SAVEDATESUPPORTED",
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

fn write_number(out: &mut CommandWriter<'_>, name: &str, number: u64) {
    out.raw(name);
    write::number(out.out(), number);
}

fn write_word(out: &mut CommandWriter<'_>, name: &str, word: &[u8]) {
    out.raw(name);
    out.out().extend_from_slice(word);
}

/// The grammar wants quotes here, so this backslash is escaped.
fn write_mod_seq_entry(out: &mut CommandWriter<'_>, entry: &ModSeqEntry) {
    out.raw("\"/flags/");
    out.raw(&entry.flag.to_string().replace('\\', "\\\\"));
    out.raw(match entry.scope {
        EntryScope::Private => "\" priv ",
        EntryScope::Shared => "\" shared ",
        EntryScope::All => "\" all ",
    });
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
                r#"A282 Search(Search { uid: false, options: None, charset: None, key: And([Flag(Flagged), Since(1994-02-01), Not(Header(b"From", b"Smith"))]) })"#
            ]],
        );
        check(
            "a uid search charset utf-8 text {3}\r\n\u{5b57}",
            expect![[
                r#"a Search(Search { uid: true, options: None, charset: Some("UTF-8"), key: Text(b"\xe5\xad\x97") })"#
            ]],
        );
        check(
            "a SEARCH NEW",
            expect![
                "a Search(Search { uid: false, options: None, charset: None, key: And([Recent, Not(Flag(Seen))]) })"
            ],
        );
        check(
            "a SEARCH OLD UNSEEN undraft UNKEYWORD $Junk",
            expect![[
                r#"a Search(Search { uid: false, options: None, charset: None, key: And([Not(Recent), Not(Flag(Seen)), Not(Flag(Draft)), Not(Keyword("$Junk"))]) })"#
            ]],
        );
        check(
            "a SEARCH OR (1:3,* UID $) (SMALLER 5 (LARGER 9223372036854775807))",
            expect![
                "a Search(Search { uid: false, options: None, charset: None, key: Or(And([SequenceSet(Ranges([(Number(1), Number(3)), (Star, Star)])), Uid(Saved)]), And([Smaller(5), Larger(9223372036854775807)])) })"
            ],
        );
        check("a SEARCH HEADER X-Foo \"\" (SUBJECT a(b)", expect!["BAD a SEARCH: expected ) at octet 35"]);
    }

    #[test]
    fn return_options() {
        check(
            "C283 UID SEARCH RETURN (SAVE MIN) CHARSET UTF-8 FROM \"Smith\"",
            expect![[
                r#"C283 Search(Search { uid: true, options: Some([Save, Min]), charset: Some("UTF-8"), key: Header(b"From", b"Smith") })"#
            ]],
        );
        check(
            "a SEARCH return () ALL",
            expect!["a Search(Search { uid: false, options: Some([]), charset: None, key: All })"],
        );
        check(
            "a SEARCH RETURN (PARTIAL 23500:24000 UPDATE CONTEXT RELEVANCY) ALL",
            expect![
                "a Search(Search { uid: false, options: Some([Partial(First(23500, 24000)), Update, Context, Relevancy]), charset: None, key: All })"
            ],
        );
        check("a SEARCH RETURN (FOO) ALL", expect!["BAD a SEARCH: expected RETURN option at octet 17"]);
        check(
            "a SEARCH RETURN (PARTIAL 1:2 PARTIAL 1:3) ALL",
            expect!["BAD a SEARCH: expected one of PARTIAL or ALL at octet 16"],
        );
        check("a SEARCH RETURN (PARTIAL -1:2) ALL", expect!["BAD a SEARCH: expected - at octet 28"]);
    }

    #[test]
    fn keys_of_extensions() {
        check(
            "a SEARCH OLDER 259200 SAVEDSINCE 1-Feb-2026 EMAILID M6d99ac3 FUZZY (BODY x) FILTER f1 UIDAFTER 7",
            expect![[
                r#"a Search(Search { uid: false, options: None, charset: None, key: And([Older(259200), SavedSince(2026-02-01), EmailId(ObjectId(b"M6d99ac3")), Fuzzy(Body(b"x")), Filter(b"f1"), UidAfter(Uid(7))]) })"#
            ]],
        );
        check(
            r#"t SEARCH MODSEQ "/flags/\\draft" all 620162338"#,
            expect![[
                r#"t Search(Search { uid: false, options: None, charset: None, key: ModSeq { since: ModSeq(620162338), entry: Some(ModSeqEntry { flag: System(Draft), scope: All }) } })"#
            ]],
        );
        check(
            "a SEARCH MODSEQ 0 OR NOT MODSEQ 7 ALL",
            expect![
                "a Search(Search { uid: false, options: None, charset: None, key: And([ModSeq { since: ModSeq(0), entry: None }, Or(Not(ModSeq { since: ModSeq(7), entry: None }), All)]) })"
            ],
        );
        check(
            r#"a SEARCH ANNOTATION /comment value "IMAP4" X-GM-RAW "has:attachment" X-GM-LABELS \Inbox"#,
            expect![[
                r#"a Search(Search { uid: false, options: None, charset: None, key: And([Annotation(AnnotationKey { entry: b"/comment", attribute: Any, value: Some(b"IMAP4") }), GmailRaw(b"has:attachment"), GmailLabel(b"\\Inbox")]) })"#
            ]],
        );
        check("a SEARCH OLDER 0", expect!["BAD a SEARCH: expected number from 1 at octet 15"]);
        check("a SEARCH FILTER a/b", expect!["BAD a SEARCH: expected end of line at octet 17"]);
        check("a SEARCH EMAILID a.b", expect!["BAD a SEARCH: expected end of line at octet 18"]);
    }

    #[test]
    fn old_forms() {
        check(
            "a5 search deleted since 1-oct-26",
            expect![
                "a5 Search(Search { uid: false, options: None, charset: None, key: And([Flag(Deleted), Since(2026-10-01)]) })"
            ],
        );
        check(
            "a SEARCH BEFORE \" 1-OCT-87\" ON 01-Jan-69 SENTON \"2-Jan-68\"",
            expect![
                "a Search(Search { uid: false, options: None, charset: None, key: And([Before(1987-10-01), On(1969-01-01), SentOn(2068-01-02)]) })"
            ],
        );
        check(
            "a SEARCH SUBJECT foo(bar)",
            expect![[
                r#"a Search(Search { uid: false, options: None, charset: None, key: Header(b"Subject", b"foo(bar)") })"#
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
