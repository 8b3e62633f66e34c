//! FETCH (RFC 9051 §6.4.5, RFC 3501 §6.4.5).

use bytes::Bytes;

use super::{Body, CommandWriter, Form};
use crate::parse::{
    Parsed, Span, astring, list1, no_case, number64, nz_number, nz_number64, octet, run, sequence_set, sp,
};
use crate::types::SequenceSet;
use crate::wire::write;

/// FETCH set items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The set is of UIDs, and every answer has the UID.
    pub uid: bool,
    /// Which messages.
    pub set: SequenceSet,
    /// What of them, macros resolved, at least one.
    pub items: Vec<FetchItem>,
}

/// One thing to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchItem {
    /// ENVELOPE
    Envelope,
    /// FLAGS
    Flags,
    /// INTERNALDATE
    InternalDate,
    /// RFC822.SIZE
    Rfc822Size,
    /// UID
    Uid,
    /// BODY: the structure without extension data
    Body,
    /// BODYSTRUCTURE
    BodyStructure,
    /// RFC822: the whole message, sets \Seen
    Rfc822,
    /// RFC822.HEADER: the header, leaves \Seen
    Rfc822Header,
    /// RFC822.TEXT: all behind the header, sets \Seen
    Rfc822Text,
    /// `BODY[section]<partial>` and `BODY.PEEK[...]`
    Section {
        /// Which octets.
        section: Section,
        /// Which of these.
        partial: Option<Partial>,
        /// Leave \Seen as it is.
        peek: bool,
    },
    /// `BINARY[part]<partial>` and `BINARY.PEEK[...]`: the part with its transfer encoding undone
    Binary {
        /// The part; empty is the whole message.
        part: Vec<u32>,
        /// Which octets of the decoded part.
        partial: Option<Partial>,
        /// Leave \Seen as it is.
        peek: bool,
    },
    /// `BINARY.SIZE[part]`
    BinarySize {
        /// The part; empty is the whole message.
        part: Vec<u32>,
    },
}

/// What stands in the brackets of `BODY[...]`; empty is the whole message.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Section {
    /// The part's numbers from the outside in, each from 1.
    pub part: Vec<u32>,
    /// What of the part; `None`: its body (or the whole message).
    pub text: Option<SectionText>,
}

/// What of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionText {
    /// HEADER: the header of the message, or of an attached message.
    Header,
    /// HEADER.FIELDS and HEADER.FIELDS.NOT.
    HeaderFields {
        /// The fields that are *not* named.
        not: bool,
        /// Their names as the client spelled them, at least one.
        names: Vec<Bytes>,
    },
    /// TEXT: all behind that header.
    Text,
    /// MIME: the part's own header. Only with a part number.
    Mime,
}

/// `<start.count>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    /// The first octet, from 0.
    pub start: u64,
    /// How many at the most, at least 1.
    pub count: u64,
}

impl Body for Fetch {
    /// ```abnf
    /// fetch           = "FETCH" SP sequence-set SP (
    ///                   "ALL" / "FULL" / "FAST" /
    ///                   fetch-att / "(" fetch-att *(SP fetch-att) ")")
    /// ```
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self> {
        let (rest, set) = sequence_set(input)?;
        let (rest, ()) = sp(rest)?;
        let (rest, items) = items(rest)?;
        Ok((rest, Self { uid: form.is_uid(), set, items }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.sequence_set(&self.set);
        out.sp();
        match &self.items[..] {
            [item] => item.write(out),
            items => out.list(items, |out, item| item.write(out)),
        }
    }

    fn form(&self) -> Form {
        Form::of(self.uid)
    }
}

/// Macros stand alone, but some clients put one into parentheses: that is let through.
fn items(input: Span<'_>) -> Parsed<'_, Vec<FetchItem>> {
    if input.first() != Some(b'(') {
        return macro_or_item(input);
    }
    let (rest, items) = list1(input, macro_or_item)?;
    Ok((rest, items.into_iter().flatten().collect()))
}

fn macro_or_item(input: Span<'_>) -> Parsed<'_, Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Rfc822Size};
    let (rest, name) = item_name(input)?;
    let items = match name.to_upper().as_str() {
        "FAST" => vec![Flags, InternalDate, Rfc822Size],
        "ALL" => vec![Flags, InternalDate, Rfc822Size, Envelope],
        "FULL" => vec![Flags, InternalDate, Rfc822Size, Envelope, Body],
        _ => return fetch_att(input).map(|(rest, item)| (rest, vec![item])),
    };
    Ok((rest, items))
}

/// The name of an item, up to its brackets.
fn item_name(input: Span<'_>) -> Parsed<'_, Span<'_>> {
    run(|octet| octet.is_ascii_alphanumeric() || octet == b'.', "FETCH item")(input)
}

/// ```abnf
/// fetch-att       = "ENVELOPE" / "FLAGS" / "INTERNALDATE" /
///                   "RFC822.SIZE" /
///                   "BODY" ["STRUCTURE"] / "UID" /
///                   "BODY" section [partial] /
///                   "BODY.PEEK" section [partial] /
///                   "BINARY" [".PEEK"] section-binary [partial] /
///                   "BINARY.SIZE" section-binary
/// ```
///
/// RFC 3501 has `"RFC822" [".HEADER" / ".SIZE" / ".TEXT"]`.
fn fetch_att(input: Span<'_>) -> Parsed<'_, FetchItem> {
    let (rest, name) = item_name(input)?;
    let brackets = rest.first() == Some(b'[');
    let item = match (name.to_upper().as_str(), brackets) {
        ("ENVELOPE", _) => FetchItem::Envelope,
        ("FLAGS", _) => FetchItem::Flags,
        ("INTERNALDATE", _) => FetchItem::InternalDate,
        ("RFC822.SIZE", _) => FetchItem::Rfc822Size,
        ("UID", _) => FetchItem::Uid,
        ("BODYSTRUCTURE", _) => FetchItem::BodyStructure,
        ("RFC822", _) => FetchItem::Rfc822,
        ("RFC822.HEADER", _) => FetchItem::Rfc822Header,
        ("RFC822.TEXT", _) => FetchItem::Rfc822Text,
        ("BODY", false) => FetchItem::Body,
        ("BODY", true) => return body_section(rest, false),
        ("BODY.PEEK", _) => return body_section(rest, true),
        ("BINARY", _) => return binary(rest, false),
        ("BINARY.PEEK", _) => return binary(rest, true),
        ("BINARY.SIZE", _) => {
            return section_binary(rest).map(|(rest, part)| (rest, FetchItem::BinarySize { part }));
        }
        _ => return input.fail("FETCH item"),
    };
    Ok((rest, item))
}

fn body_section(input: Span<'_>, peek: bool) -> Parsed<'_, FetchItem> {
    let (rest, section) = section(input)?;
    let (rest, partial) = optional_partial(rest)?;
    Ok((rest, FetchItem::Section { section, partial, peek }))
}

fn binary(input: Span<'_>, peek: bool) -> Parsed<'_, FetchItem> {
    let (rest, part) = section_binary(input)?;
    let (rest, partial) = optional_partial(rest)?;
    Ok((rest, FetchItem::Binary { part, partial, peek }))
}

/// ```abnf
/// section         = "[" [section-spec] "]"
/// section-spec    = section-msgtext / (section-part ["." section-text])
/// section-text    = section-msgtext / "MIME"
///                     ; text other than actual body part (headers,
///                     ; etc.)
/// ```
pub(crate) fn section(input: Span<'_>) -> Parsed<'_, Section> {
    let (rest, ()) = octet(b'[', "[")(input)?;
    if rest.first() == Some(b']') {
        return Ok((rest.skip(1), Section::default()));
    }
    let (rest, part) = match rest.first() {
        Some(b'0'..=b'9') => section_part(rest)?,
        _ => (rest, Vec::new()),
    };
    let (rest, text) = if part.is_empty() {
        section_msgtext(rest).map(|(rest, text)| (rest, Some(text)))?
    } else if rest.first() == Some(b'.') {
        section_text(rest.skip(1)).map(|(rest, text)| (rest, Some(text)))?
    } else {
        (rest, None)
    };
    let (rest, ()) = octet(b']', "]")(rest)?;
    Ok((rest, Section { part, text }))
}

/// ```abnf
/// section-binary  = "[" [section-part] "]"
/// ```
pub(crate) fn section_binary(input: Span<'_>) -> Parsed<'_, Vec<u32>> {
    let (rest, ()) = octet(b'[', "[")(input)?;
    let (rest, part) = if rest.first() == Some(b']') { (rest, Vec::new()) } else { section_part(rest)? };
    let (rest, ()) = octet(b']', "]")(rest)?;
    Ok((rest, part))
}

/// ```abnf
/// section-part    = nz-number *("." nz-number)
///                     ; body part reference.
///                     ; Allows for accessing nested body parts.
/// ```
fn section_part(input: Span<'_>) -> Parsed<'_, Vec<u32>> {
    let (mut rest, first) = nz_number(input)?;
    let mut part = vec![first.get()];
    while let [b'.', b'0'..=b'9', ..] = rest.octets() {
        let (behind, number) = nz_number(rest.skip(1))?;
        part.push(number.get());
        rest = behind;
    }
    Ok((rest, part))
}

fn section_text(input: Span<'_>) -> Parsed<'_, SectionText> {
    match no_case("MIME")(input) {
        Ok((rest, ())) => Ok((rest, SectionText::Mime)),
        Err(_) => section_msgtext(input),
    }
}

/// ```abnf
/// section-msgtext = "HEADER" /
///                   "HEADER.FIELDS" [".NOT"] SP header-list /
///                   "TEXT"
///                     ; top-level or MESSAGE/RFC822 or
///                     ; MESSAGE/GLOBAL part
/// header-list     = "(" header-fld-name *(SP header-fld-name) ")"
/// header-fld-name = astring
/// ```
fn section_msgtext(input: Span<'_>) -> Parsed<'_, SectionText> {
    let word = item_name(input).map(|(rest, word)| (rest, word.to_upper()));
    let (rest, not) = match word {
        Ok((rest, word)) if word == "HEADER" => return Ok((rest, SectionText::Header)),
        Ok((rest, word)) if word == "TEXT" => return Ok((rest, SectionText::Text)),
        Ok((rest, word)) if word == "HEADER.FIELDS" => (rest, false),
        Ok((rest, word)) if word == "HEADER.FIELDS.NOT" => (rest, true),
        _ => return input.fail("section"),
    };
    let (rest, ()) = sp(rest)?;
    let (rest, names) = list1(rest, astring)?;
    Ok((rest, SectionText::HeaderFields { not, names }))
}

/// ```abnf
/// partial         = "<" number64 "." nz-number64 ">"
///                     ; Partial FETCH request. 0-based offset of
///                     ; the first octet, followed by the number of
///                     ; octets in the fragment.
/// ```
fn optional_partial(input: Span<'_>) -> Parsed<'_, Option<Partial>> {
    if input.first() != Some(b'<') {
        return Ok((input, None));
    }
    let (rest, start) = number64(input.skip(1))?;
    let (rest, ()) = octet(b'.', ".")(rest)?;
    let (rest, count) = nz_number64(rest)?;
    let (rest, ()) = octet(b'>', ">")(rest)?;
    Ok((rest, Some(Partial { start, count })))
}

impl FetchItem {
    fn write(&self, out: &mut CommandWriter<'_>) {
        match self {
            Self::Envelope => out.raw("ENVELOPE"),
            Self::Flags => out.raw("FLAGS"),
            Self::InternalDate => out.raw("INTERNALDATE"),
            Self::Rfc822Size => out.raw("RFC822.SIZE"),
            Self::Uid => out.raw("UID"),
            Self::Body => out.raw("BODY"),
            Self::BodyStructure => out.raw("BODYSTRUCTURE"),
            Self::Rfc822 => out.raw("RFC822"),
            Self::Rfc822Header => out.raw("RFC822.HEADER"),
            Self::Rfc822Text => out.raw("RFC822.TEXT"),
            Self::Section { section, partial, peek } => {
                out.raw(if *peek { "BODY.PEEK" } else { "BODY" });
                section.write(out);
                write_partial(out, *partial);
            }
            Self::Binary { part, partial, peek } => {
                out.raw(if *peek { "BINARY.PEEK[" } else { "BINARY[" });
                write_part(out, part);
                out.raw("]");
                write_partial(out, *partial);
            }
            Self::BinarySize { part } => {
                out.raw("BINARY.SIZE[");
                write_part(out, part);
                out.raw("]");
            }
        }
    }
}

impl Section {
    fn write(&self, out: &mut CommandWriter<'_>) {
        out.raw("[");
        write_part(out, &self.part);
        if let Some(text) = &self.text {
            out.raw(if self.part.is_empty() { "" } else { "." });
            text.write(out);
        }
        out.raw("]");
    }
}

impl SectionText {
    fn write(&self, out: &mut CommandWriter<'_>) {
        match self {
            Self::Header => out.raw("HEADER"),
            Self::Text => out.raw("TEXT"),
            Self::Mime => out.raw("MIME"),
            Self::HeaderFields { not, names } => {
                out.raw(if *not { "HEADER.FIELDS.NOT " } else { "HEADER.FIELDS " });
                out.list(names, |out, name| out.astring(name));
            }
        }
    }
}

fn write_part(out: &mut CommandWriter<'_>, part: &[u32]) {
    for (index, &number) in part.iter().enumerate() {
        out.raw(if index > 0 { "." } else { "" });
        write::number(out.out(), u64::from(number));
    }
}

fn write_partial(out: &mut CommandWriter<'_>, partial: Option<Partial>) {
    let Some(Partial { start, count }) = partial else { return };
    out.raw("<");
    write::number(out.out(), start);
    out.raw(".");
    write::number(out.out(), count);
    out.raw(">");
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn macros() {
        check(
            "a FETCH 1 ALL",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Flags, InternalDate, Rfc822Size, Envelope] })"
            ],
        );
        check(
            "a fetch 1 fast",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Flags, InternalDate, Rfc822Size] })"
            ],
        );
        check(
            "a FETCH 1 (FULL)",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Flags, InternalDate, Rfc822Size, Envelope, Body] })"
            ],
        );
    }

    #[test]
    fn items() {
        check(
            "A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
            expect![[
                r#"A654 Fetch(Fetch { uid: false, set: Ranges([(Number(2), Number(4))]), items: [Flags, Section { section: Section { part: [], text: Some(HeaderFields { not: false, names: [b"DATE", b"FROM"] }) }, partial: None, peek: false }] })"#
            ]],
        );
        check(
            "a UID FETCH 1:* (UID RFC822.SIZE ENVELOPE INTERNALDATE BODY BODYSTRUCTURE)",
            expect![
                "a Fetch(Fetch { uid: true, set: Ranges([(Number(1), Star)]), items: [Uid, Rfc822Size, Envelope, InternalDate, Body, BodyStructure] })"
            ],
        );
        check(
            "a FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT)",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Rfc822, Rfc822Header, Rfc822Text] })"
            ],
        );
        check(
            "a FETCH 1 BODY.PEEK[]<0.2048>",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Section { section: Section { part: [], text: None }, partial: Some(Partial { start: 0, count: 2048 }), peek: true }] })"
            ],
        );
        check(
            "a FETCH 1 (BINARY[1.2] BINARY.PEEK[]<1.2> BINARY.SIZE[3])",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Binary { part: [1, 2], partial: None, peek: false }, Binary { part: [], partial: Some(Partial { start: 1, count: 2 }), peek: true }, BinarySize { part: [3] }] })"
            ],
        );
        check(
            "a FETCH 1 body[4.2.header.fields.not ({4}\r\nDate \"X-\\\"\")]",
            expect![[
                r#"a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Section { section: Section { part: [4, 2], text: Some(HeaderFields { not: true, names: [b"Date", b"X-\""] }) }, partial: None, peek: false }] })"#
            ]],
        );
        check(
            "a FETCH 1 (BODY[TEXT] BODY[1] BODY[1.MIME] BODY[1.2.HEADER])",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Section { section: Section { part: [], text: Some(Text) }, partial: None, peek: false }, Section { section: Section { part: [1], text: None }, partial: None, peek: false }, Section { section: Section { part: [1], text: Some(Mime) }, partial: None, peek: false }, Section { section: Section { part: [1, 2], text: Some(Header) }, partial: None, peek: false }] })"
            ],
        );
    }

    #[test]
    fn bad_items() {
        check("a FETCH 1 BODY[MIME]", expect!["BAD a FETCH: expected section at octet 15"]);
        check("a FETCH 1 BODY[0]", expect!["BAD a FETCH: expected number from 1 at octet 15"]);
        check("a FETCH 1 BODY[1.FOO]", expect!["BAD a FETCH: expected section at octet 17"]);
        check("a FETCH 1 BODY[]<0>", expect!["BAD a FETCH: expected . at octet 18"]);
        check("a FETCH 1 BODY[]<0.0>", expect!["BAD a FETCH: expected number from 1 at octet 19"]);
        check(
            "a FETCH 1 BODY[HEADER.FIELDS ()]",
            expect!["BAD a FETCH: expected at least one item at octet 30"],
        );
        check("a FETCH 1 BODY[", expect!["BAD a FETCH: expected section at octet 15"]);
        check("a FETCH 1 BODY.PEEK", expect!["BAD a FETCH: expected [ at octet 19"]);
        check("a FETCH 1 ()", expect!["BAD a FETCH: expected at least one item at octet 11"]);
        check("a FETCH 1 FOO", expect!["BAD a FETCH: expected FETCH item at octet 10"]);
        check("a FETCH 1 (FLAGS FOO)", expect!["BAD a FETCH: expected FETCH item at octet 17"]);
        check("a FETCH 1", expect!["BAD a FETCH: expected SP at octet 9"]);
    }
}
