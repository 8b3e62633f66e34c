//! FETCH (RFC 9051 §6.4.5, RFC 3501 §6.4.5) with the items and modifiers of its extensions, and PARTIAL of RFC 1730.

use super::annotation::{AnnotationQuery, annotation_query};
use super::{Body, CommandWriter, Form};
use crate::parse::{
    Parsed, Span, Word, arg, header_name, is_list_next, label, list1, mod_seq, no_case, number64, nz_number,
    nz_number64, octet, partial_range, sequence_set, sp,
};
use crate::types::{ModSeq, Octets, PartialRange, SeqNum, SequenceSet};
use crate::wire::write;

/// FETCH set items [(modifiers)].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The set is of UIDs, and every answer has the UID.
    pub uid: bool,
    /// Which messages.
    pub set: SequenceSet,
    /// What of them, macros resolved, at least one.
    pub items: Vec<FetchItem>,
    /// Which of the messages, and what else of them.
    pub modifiers: FetchModifiers,
}

/// What may stand behind the items of FETCH.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct FetchModifiers {
    /// CHANGEDSINCE: only messages with a higher modification sequence (RFC 7162 §3.1.4.1).
    pub changed_since: Option<ModSeq>,
    /// VANISHED: tell also which are gone since then (RFC 7162 §3.2.6). Only with UID and CHANGEDSINCE.
    pub vanished: bool,
    /// PARTIAL: only a slice of the messages (RFC 9394 §3.4). Only with UID.
    pub partial: Option<PartialRange>,
}

/// PARTIAL n item start count (RFC 1730 §6.4.6): a piece of one item of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialFetch {
    /// The message.
    pub seq_num: SeqNum,
    /// Which octets: one of the items whose answer is a text.
    pub item: FetchItem,
    /// The first octet, from 1.
    pub start: u64,
    /// How many at the most.
    pub count: u64,
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
    /// MODSEQ (RFC 7162)
    ModSeq,
    /// EMAILID (RFC 8474)
    EmailId,
    /// THREADID (RFC 8474)
    ThreadId,
    /// SAVEDATE (RFC 8514)
    SaveDate,
    /// PREVIEW (RFC 8970)
    Preview {
        /// LAZY: only if it costs little.
        lazy: bool,
    },
    /// ANNOTATION (RFC 5257)
    Annotation(Box<AnnotationQuery>),
    /// RFC822.PEEK (RFC 1730): as RFC822, leaves \Seen
    Rfc822Peek,
    /// RFC822.TEXT.PEEK (RFC 1730): as RFC822.TEXT, leaves \Seen
    Rfc822TextPeek,
    /// RFC822.HEADER.LINES and RFC822.HEADER.LINES.NOT (RFC 1730): some fields of the header, leaves \Seen
    Rfc822HeaderLines {
        /// The fields that are *not* named.
        not: bool,
        /// Their names as the client spelled them, at least one.
        names: Vec<Octets>,
    },
    /// X-GM-MSGID
    GmailMessageId,
    /// X-GM-THRID
    GmailThreadId,
    /// X-GM-LABELS
    GmailLabels,
}

/// What stands in the brackets of `BODY[...]`; empty is the whole message.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Section {
    /// The part's numbers from the outside in, each from 1. In RFC 1730 the last one may be 0: the header of the
    /// message, or of the message that is the part; `text` is `None` then.
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
        names: Vec<Octets>,
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
    ///                   [fetch-modifiers]
    /// ```
    ///
    /// The modifiers are from RFC 4466 §3.
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self> {
        let (rest, set) = sequence_set(input)?;
        let (rest, ()) = sp(rest)?;
        let (rest, items) = items(rest)?;
        let (rest, modifiers) =
            if is_list_next(rest) { arg(rest, fetch_modifiers)? } else { (rest, FetchModifiers::default()) };
        Ok((rest, Self { uid: form.is_uid(), set, items, modifiers }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.sequence_set(&self.set);
        out.sp();
        match &self.items[..] {
            [item] => item.write(out),
            items => out.list(items, |out, item| item.write(out)),
        }
        self.modifiers.write(out);
    }

    fn form(&self) -> Form {
        Form::of(self.uid)
    }
}

/// ```abnf
/// fetch-modifiers = SP "(" fetch-modifier *(SP fetch-modifier) ")"
/// chgsince-fetch-mod  = "CHANGEDSINCE" SP mod-sequence-value
/// rexpunges-fetch-mod = "VANISHED"
/// fetch-modifier      =/ modifier-partial
/// ```
///
/// From RFC 4466 §3, RFC 7162 §7 and RFC 9394 §5. Each stands once.
fn fetch_modifiers(input: Span<'_>) -> Parsed<'_, FetchModifiers> {
    let mut modifiers = FetchModifiers::default();
    let (rest, _) = list1(input, |input| {
        let (rest, name) = label("FETCH modifier")(input)?;
        match name.to_word().octets() {
            b"CHANGEDSINCE" if modifiers.changed_since.is_none() => {
                let (rest, since) = arg(rest, mod_seq)?;
                modifiers.changed_since = Some(since);
                Ok((rest, ()))
            }
            b"PARTIAL" if modifiers.partial.is_none() => {
                let (rest, range) = arg(rest, partial_range)?;
                modifiers.partial = Some(range);
                Ok((rest, ()))
            }
            b"VANISHED" => {
                modifiers.vanished = true;
                Ok((rest, ()))
            }
            _ => input.fail("FETCH modifier"),
        }
    })?;
    Ok((rest, modifiers))
}

impl FetchModifiers {
    fn write(&self, out: &mut CommandWriter<'_>) {
        let mut before = " (";
        if let Some(since) = self.changed_since {
            out.raw(std::mem::replace(&mut before, " "));
            out.raw("CHANGEDSINCE ");
            write::number(out.out(), since.get());
        }
        if self.vanished {
            out.raw(std::mem::replace(&mut before, " "));
            out.raw("VANISHED");
        }
        if let Some(range) = self.partial {
            out.raw(std::mem::replace(&mut before, " "));
            out.raw("PARTIAL ");
            out.raw(&range.to_string());
        }
        if before == " " {
            out.raw(")");
        }
    }
}

impl Body for PartialFetch {
    /// ```abnf
    /// partial         = "PARTIAL" SPACE nz_number SPACE
    ///                   ("BODY" section / "BODY.PEEK" section / "RFC822" /
    ///                   "RFC822.PEEK" / "RFC822.HEADER" / "RFC822.TEXT" /
    ///                   "RFC822.TEXT.PEEK") SPACE number SPACE number
    /// ```
    ///
    /// From RFC 1730 §9. The first octet is 1.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        let (rest, seq_num) = nz_number(input)?;
        let (behind, item) = arg(rest, fetch_att)?;
        let is_text = match &item {
            FetchItem::Rfc822
            | FetchItem::Rfc822Peek
            | FetchItem::Rfc822Header
            | FetchItem::Rfc822Text
            | FetchItem::Rfc822TextPeek => true,
            FetchItem::Section { partial, .. } => partial.is_none(),
            _ => false,
        };
        if !is_text {
            return rest.fail("item with a text");
        }
        let (rest, start) = arg(behind, nz_number64)?;
        let (rest, count) = arg(rest, number64)?;
        Ok((rest, Self { seq_num: seq_num.into(), item, start, count }))
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        write::number(out.out(), u64::from(self.seq_num.get()));
        out.sp();
        self.item.write(out);
        out.sp();
        write::number(out.out(), self.start);
        out.sp();
        write::number(out.out(), self.count);
    }
}

/// Macros stand alone, but some clients put one into parentheses: that is let through.
fn items(input: Span<'_>) -> Parsed<'_, Vec<FetchItem>> {
    if input.first() != Some(b'(') {
        let mut items = Vec::new();
        let (rest, ()) = macro_or_item(input, &mut items)?;
        return Ok((rest, items));
    }
    let mut items = Vec::new();
    let (rest, _) = list1(input, |input| macro_or_item(input, &mut items))?;
    Ok((rest, items))
}

fn macro_or_item<'a>(input: Span<'a>, items: &mut Vec<FetchItem>) -> Parsed<'a, ()> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Rfc822Size};
    let (rest, name) = item_name(input)?;
    let name = name.to_word();
    match name.octets() {
        b"FAST" => items.extend([Flags, InternalDate, Rfc822Size]),
        b"ALL" => items.extend([Flags, InternalDate, Rfc822Size, Envelope]),
        b"FULL" => items.extend([Flags, InternalDate, Rfc822Size, Envelope, Body]),
        _ => {
            let (rest, item) = named_item(input, rest, &name)?;
            items.push(item);
            return Ok((rest, ()));
        }
    }
    Ok((rest, ()))
}

/// The name of an item, up to its brackets.
fn item_name(input: Span<'_>) -> Parsed<'_, Span<'_>> {
    label("FETCH item")(input)
}

/// ```abnf
/// fetch-att       = "ENVELOPE" / "FLAGS" / "INTERNALDATE" /
///                   "RFC822.SIZE" /
///                   "BODY" ["STRUCTURE"] / "UID" /
///                   "BODY" section [partial] /
///                   "BODY.PEEK" section [partial] /
///                   "BINARY" [".PEEK"] section-binary [partial] /
///                   "BINARY.SIZE" section-binary
/// fetch-att       =/ fetch-mod-sequence
/// fetch-mod-sequence  = "MODSEQ"
/// fetch-att       =/ "EMAILID" / "THREADID"
/// fetch-att       =/ "SAVEDATE"
/// fetch-att       =/ "PREVIEW" [SP "(" preview-mod *(SP
///                    preview-mod) ")"]
/// fetch-att       =/ "ANNOTATION" SP "(" entries SP attribs ")"
/// ```
///
/// From RFC 9051 §9, RFC 7162 §7, RFC 8474 §7, RFC 8514 §5, RFC 8970 §6 and RFC 5257 §5.
/// RFC 3501 has `"RFC822" [".HEADER" / ".SIZE" / ".TEXT"]`, RFC 1730 the forms with `.PEEK` and `.LINES`, Gmail
/// what begins with `X-GM-`.
pub(super) fn fetch_att(input: Span<'_>) -> Parsed<'_, FetchItem> {
    let (rest, name) = item_name(input)?;
    named_item(input, rest, &name.to_word())
}

/// The item at `input` whose name was read; `rest` is what stands behind the name.
fn named_item<'a>(input: Span<'a>, rest: Span<'a>, name: &Word<'_>) -> Parsed<'a, FetchItem> {
    let brackets = rest.first() == Some(b'[');
    let item = match name.octets() {
        b"ENVELOPE" => FetchItem::Envelope,
        b"FLAGS" => FetchItem::Flags,
        b"INTERNALDATE" => FetchItem::InternalDate,
        b"RFC822.SIZE" => FetchItem::Rfc822Size,
        b"UID" => FetchItem::Uid,
        b"BODYSTRUCTURE" => FetchItem::BodyStructure,
        b"RFC822" => FetchItem::Rfc822,
        b"RFC822.HEADER" => FetchItem::Rfc822Header,
        b"RFC822.TEXT" => FetchItem::Rfc822Text,
        b"BODY" if !brackets => FetchItem::Body,
        b"BODY" => return body_section(rest, false),
        b"BODY.PEEK" => return body_section(rest, true),
        b"BINARY" => return binary(rest, false),
        b"BINARY.PEEK" => return binary(rest, true),
        b"BINARY.SIZE" => {
            return section_binary(rest).map(|(rest, part)| (rest, FetchItem::BinarySize { part }));
        }
        b"MODSEQ" => FetchItem::ModSeq,
        b"EMAILID" => FetchItem::EmailId,
        b"THREADID" => FetchItem::ThreadId,
        b"SAVEDATE" => FetchItem::SaveDate,
        b"PREVIEW" => return preview(rest),
        b"ANNOTATION" => {
            let (rest, query) = arg(rest, annotation_query)?;
            return Ok((rest, FetchItem::Annotation(Box::new(query))));
        }
        b"RFC822.PEEK" => FetchItem::Rfc822Peek,
        b"RFC822.TEXT.PEEK" => FetchItem::Rfc822TextPeek,
        b"RFC822.HEADER.LINES" => return header_lines(rest, false),
        b"RFC822.HEADER.LINES.NOT" => return header_lines(rest, true),
        b"X-GM-MSGID" => FetchItem::GmailMessageId,
        b"X-GM-THRID" => FetchItem::GmailThreadId,
        b"X-GM-LABELS" => FetchItem::GmailLabels,
        _ => return input.fail("FETCH item"),
    };
    Ok((rest, item))
}

fn header_lines(input: Span<'_>, not: bool) -> Parsed<'_, FetchItem> {
    let (rest, names) = arg(input, |input| list1(input, header_name))?;
    Ok((rest, FetchItem::Rfc822HeaderLines { not, names }))
}

/// `[SP "(" preview-mod *(SP preview-mod) ")"]`. Another list may follow, the modifiers of FETCH: then PREVIEW
/// stands alone, and only what begins with LAZY is its own.
fn preview(input: Span<'_>) -> Parsed<'_, FetchItem> {
    match no_case(" (LAZY)")(input) {
        Ok((rest, ())) => Ok((rest, FetchItem::Preview { lazy: true })),
        Err(_) => Ok((input, FetchItem::Preview { lazy: false })),
    }
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
        Some(b'0'..=b'9') => old_section_part(rest)?,
        _ => (rest, Vec::new()),
    };
    let (rest, text) = if part.last() == Some(&0) {
        (rest, None)
    } else if part.is_empty() {
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
pub(super) fn section_part(input: Span<'_>) -> Parsed<'_, Vec<u32>> {
    let (mut rest, first) = nz_number(input)?;
    let mut part = vec![first.get()];
    while let [b'.', b'0'..=b'9', ..] = rest.octets() {
        let (behind, number) = nz_number(rest.skip(1))?;
        part.push(number.get());
        rest = behind;
    }
    Ok((rest, part))
}

/// A [`section_part`] that may end in a 0, as RFC 1730 has it.
fn old_section_part(input: Span<'_>) -> Parsed<'_, Vec<u32>> {
    let is_zero = |octets: &[u8]| matches!(octets, [b'0', b']', ..]);
    if is_zero(input.octets()) {
        return Ok((input.skip(1), vec![0]));
    }
    let (mut rest, first) = nz_number(input)?;
    let mut part = vec![first.get()];
    while let [b'.', b'0'..=b'9', ..] = rest.octets() {
        if is_zero(&rest.octets()[1..]) {
            part.push(0);
            return Ok((rest.skip(2), part));
        }
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
    let Ok((rest, word)) = item_name(input) else { return input.fail("section") };
    let not = match word.to_word().octets() {
        b"HEADER" => return Ok((rest, SectionText::Header)),
        b"TEXT" => return Ok((rest, SectionText::Text)),
        b"HEADER.FIELDS" => false,
        b"HEADER.FIELDS.NOT" => true,
        _ => return input.fail("section"),
    };
    let (rest, ()) = sp(rest)?;
    let (rest, names) = list1(rest, header_name)?;
    Ok((rest, SectionText::HeaderFields { not, names }))
}

/// ```abnf
/// partial         = "<" number64 "." nz-number64 ">"
///                     ; Partial FETCH request. 0-based offset of
///                     ; the first octet, followed by the number of
///                     ; octets in the fragment.
/// ```
pub(super) fn optional_partial(input: Span<'_>) -> Parsed<'_, Option<Partial>> {
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
    pub(super) fn write(&self, out: &mut CommandWriter<'_>) {
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
            Self::ModSeq => out.raw("MODSEQ"),
            Self::EmailId => out.raw("EMAILID"),
            Self::ThreadId => out.raw("THREADID"),
            Self::SaveDate => out.raw("SAVEDATE"),
            Self::Preview { lazy } => out.raw(if *lazy { "PREVIEW (LAZY)" } else { "PREVIEW" }),
            Self::Annotation(query) => {
                out.raw("ANNOTATION ");
                query.write(out);
            }
            Self::Rfc822Peek => out.raw("RFC822.PEEK"),
            Self::Rfc822TextPeek => out.raw("RFC822.TEXT.PEEK"),
            Self::Rfc822HeaderLines { not, names } => {
                out.raw(if *not { "RFC822.HEADER.LINES.NOT " } else { "RFC822.HEADER.LINES " });
                out.list(names, |out, name| out.astring(name));
            }
            Self::GmailMessageId => out.raw("X-GM-MSGID"),
            Self::GmailThreadId => out.raw("X-GM-THRID"),
            Self::GmailLabels => out.raw("X-GM-LABELS"),
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

pub(super) fn write_part(out: &mut CommandWriter<'_>, part: &[u32]) {
    for (index, &number) in part.iter().enumerate() {
        out.raw(if index > 0 { "." } else { "" });
        write::number(out.out(), u64::from(number));
    }
}

pub(super) fn write_partial(out: &mut CommandWriter<'_>, partial: Option<Partial>) {
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
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Flags, InternalDate, Rfc822Size, Envelope], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"
            ],
        );
        check(
            "a fetch 1 fast",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Flags, InternalDate, Rfc822Size], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"
            ],
        );
        check(
            "a FETCH 1 (FULL)",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Flags, InternalDate, Rfc822Size, Envelope, Body], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"
            ],
        );
    }

    #[test]
    fn items() {
        check(
            "A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
            expect![[
                r#"A654 Fetch(Fetch { uid: false, set: Ranges([(Number(2), Number(4))]), items: [Flags, Section { section: Section { part: [], text: Some(HeaderFields { not: false, names: [b"DATE", b"FROM"] }) }, partial: None, peek: false }], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"#
            ]],
        );
        check(
            "a UID FETCH 1:* (UID RFC822.SIZE ENVELOPE INTERNALDATE BODY BODYSTRUCTURE)",
            expect![
                "a Fetch(Fetch { uid: true, set: Ranges([(Number(1), Star)]), items: [Uid, Rfc822Size, Envelope, InternalDate, Body, BodyStructure], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"
            ],
        );
        check(
            "a FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT)",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Rfc822, Rfc822Header, Rfc822Text], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"
            ],
        );
        check(
            "a FETCH 1 BODY.PEEK[]<0.2048>",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Section { section: Section { part: [], text: None }, partial: Some(Partial { start: 0, count: 2048 }), peek: true }], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"
            ],
        );
        check(
            "a FETCH 1 (BINARY[1.2] BINARY.PEEK[]<1.2> BINARY.SIZE[3])",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Binary { part: [1, 2], partial: None, peek: false }, Binary { part: [], partial: Some(Partial { start: 1, count: 2 }), peek: true }, BinarySize { part: [3] }], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"
            ],
        );
        check(
            "a FETCH 1 body[4.2.header.fields.not ({4}\r\nDate \"X-\\\"\")]",
            expect![[
                r#"a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Section { section: Section { part: [4, 2], text: Some(HeaderFields { not: true, names: [b"Date", b"X-\""] }) }, partial: None, peek: false }], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"#
            ]],
        );
        check(
            "a FETCH 1 (BODY[TEXT] BODY[1] BODY[1.MIME] BODY[1.2.HEADER])",
            expect![
                "a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Section { section: Section { part: [], text: Some(Text) }, partial: None, peek: false }, Section { section: Section { part: [1], text: None }, partial: None, peek: false }, Section { section: Section { part: [1], text: Some(Mime) }, partial: None, peek: false }, Section { section: Section { part: [1, 2], text: Some(Header) }, partial: None, peek: false }], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"
            ],
        );
    }

    #[test]
    fn items_of_extensions() {
        check(
            "a UID FETCH 300:500 (FLAGS MODSEQ) (CHANGEDSINCE 12345 VANISHED PARTIAL -1:-30)",
            expect![[
                r#"a Fetch(Fetch { uid: true, set: Ranges([(Number(300), Number(500))]), items: [Flags, ModSeq], modifiers: FetchModifiers { changed_since: Some(ModSeq(12345)), vanished: true, partial: Some(Last(1, 30)) } })"#
            ]],
        );
        check(
            "a FETCH 1 (EMAILID threadid SAVEDATE PREVIEW (LAZY) PREVIEW X-GM-MSGID X-GM-THRID X-GM-LABELS)",
            expect![[
                r#"a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [EmailId, ThreadId, SaveDate, Preview { lazy: true }, Preview { lazy: false }, GmailMessageId, GmailThreadId, GmailLabels], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"#
            ]],
        );
        check(
            "a FETCH 1 PREVIEW (CHANGEDSINCE 1)",
            expect![[
                r#"a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Preview { lazy: false }], modifiers: FetchModifiers { changed_since: Some(ModSeq(1)), vanished: false, partial: None } })"#
            ]],
        );
        check(
            "a FETCH 1 (ANNOTATION (/* (value.priv value.shared)))",
            expect![[
                r#"a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Annotation(AnnotationQuery { entries: [b"/*"], attributes: [b"value.priv", b"value.shared"] })], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"#
            ]],
        );
        check("a FETCH 1 FLAGS (FOO)", expect!["BAD a FETCH: expected FETCH modifier at octet 17"]);
        check("a FETCH 1 FLAGS ()", expect!["BAD a FETCH: expected at least one item at octet 17"]);
    }

    /// RFC 1730 and RFC 2062.
    #[test]
    fn obsolete_items() {
        check(
            "a FETCH 1 (RFC822.PEEK RFC822.TEXT.PEEK RFC822.HEADER.LINES.NOT (To) BODY[0] BODY.PEEK[2.0])",
            expect![[
                r#"a Fetch(Fetch { uid: false, set: Ranges([(Number(1), Number(1))]), items: [Rfc822Peek, Rfc822TextPeek, Rfc822HeaderLines { not: true, names: [b"To"] }, Section { section: Section { part: [0], text: None }, partial: None, peek: false }, Section { section: Section { part: [2, 0], text: None }, partial: None, peek: true }], modifiers: FetchModifiers { changed_since: None, vanished: false, partial: None } })"#
            ]],
        );
        check("a FETCH 1 BODY[0.1]", expect!["BAD a FETCH: expected number from 1 at octet 15"]);
        check("a FETCH 1 BODY[1.0.2]", expect!["BAD a FETCH: expected number from 1 at octet 17"]);
        check("a FETCH 1 BINARY[0]", expect!["BAD a FETCH: expected number from 1 at octet 17"]);
        check(
            "A00006 PARTIAL 1 RFC822.TEXT 1 10",
            expect![
                "A00006 Partial(PartialFetch { seq_num: SeqNum(1), item: Rfc822Text, start: 1, count: 10 })"
            ],
        );
        check("a PARTIAL 1 RFC822.TEXT 0 10", expect!["BAD a PARTIAL: expected number from 1 at octet 24"]);
        check("a PARTIAL 1 FLAGS 1 10", expect!["BAD a PARTIAL: expected item with a text at octet 11"]);
    }

    #[test]
    fn bad_items() {
        check("a FETCH 1 BODY[MIME]", expect!["BAD a FETCH: expected section at octet 15"]);
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
