//! Reads response codes: what is not as it should be stays verbatim.

use bytes::Bytes;

use super::{AnnotateProblem, AnnotationSupport, Code, InProgress, MetadataLimit, PLAIN_CODES};
use crate::parse;
use crate::response::Capability;
use crate::response::capability::read_words;
use crate::response::esearch::read_ranges;
use crate::response::flags::read_flags;
use crate::response::status::read_object_id;
use crate::types::{NumberSet, Uid, UidValidity};
use crate::wire::read::Reader;

impl Code {
    /// Reads `[code]` and the space behind it, `None` when there is none. What is not known, or not as it
    /// should be, is kept verbatim as [`Code::Other`].
    pub(in crate::response) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let inside = take_brackets(reader)?;
        reader.eat(b' ');
        let known = Self::read_inside(&mut Reader::new(&inside));
        Some(known.unwrap_or(Self::Other(inside)))
    }

    fn read_inside(reader: &mut Reader<'_>) -> Option<Self> {
        let name = reader.atom()?;
        if reader.is_at_end() {
            let plain = PLAIN_CODES.iter().find(|(_, known)| name.eq_ignore_ascii_case(known));
            if let Some((code, _)) = plain {
                return Some(code.clone());
            }
        }
        let code = match name.to_ascii_uppercase().as_slice() {
            b"APPENDUID" => Self::AppendUid(read_validity(reader)?, read_ranges(reader)?),
            b"COPYUID" => Self::CopyUid(read_validity(reader)?, read_ranges(reader)?, read_ranges(reader)?),
            b"BADCHARSET" if reader.is_at_end() => Self::BadCharset(Vec::new()),
            b"BADCHARSET" => Self::BadCharset(reader.list(Reader::astring)?),
            b"CAPABILITY" => Self::Capability(read_words(reader).into_iter().map(Capability).collect()),
            b"PERMANENTFLAGS" => Self::PermanentFlags(read_flags(reader)?),
            b"UIDNEXT" => Self::UidNext(reader.number32()?),
            b"UIDVALIDITY" => Self::UidValidity(read_validity(reader)?),
            b"UNSEEN" => Self::Unseen(reader.number32()?),
            b"HIGHESTMODSEQ" => Self::HighestModSeq(reader.number()?),
            b"MAILBOXID" => Self::MailboxId(read_object_id(reader)?),
            b"MODIFIED" => Self::Modified(read_set(reader)?),
            b"NEWNAME" => Self::NewName(reader.astring()?, reader.astring()?),
            b"NOUPDATE" => Self::NoUpdate(reader.astring()?),
            b"UNDEFINED-FILTER" => Self::UndefinedFilter(reader.astring()?),
            b"BADURL" => Self::BadUrl(read_text(reader)?),
            b"REFERRAL" => Self::Referral(read_text(reader)?),
            b"BADEVENT" => Self::BadEvent(reader.list(Reader::atom)?),
            b"URLMECH" => Self::UrlMech(read_words(reader)),
            b"INPROGRESS" => Self::InProgress(InProgress::read(reader)?),
            b"METADATA" => Self::Metadata(MetadataLimit::read(reader)?),
            b"ANNOTATE" => Self::Annotate(AnnotateProblem::read(reader)?),
            b"ANNOTATIONS" => Self::Annotations(AnnotationSupport::read(reader)?),
            b"MAXCONVERTMESSAGES" => Self::MaxConvertMessages(reader.number32()?),
            b"MAXCONVERTPARTS" => Self::MaxConvertParts(reader.number32()?),
            b"MESSAGELIMIT" => {
                let limit = reader.number32()?;
                let lowest_uid = if reader.is_at_end() { None } else { Some(Uid::new(reader.number32()?)?) };
                Self::MessageLimit { limit, lowest_uid }
            }
            _ => return None,
        };
        reader.is_at_end().then_some(code)
    }
}

impl AnnotateProblem {
    /// `"ANNOTATE" SP ("TOOBIG" / "TOOMANY")` (RFC 5257 §5)
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        match reader.atom()?.to_ascii_uppercase().as_slice() {
            b"TOOBIG" => Some(Self::TooBig),
            b"TOOMANY" => Some(Self::TooMany),
            _ => None,
        }
    }
}

impl AnnotationSupport {
    /// ```abnf
    /// ann-size          = "NONE" /
    ///                      (("READ-ONLY" / nz-number)
    ///                       [SP "NOPRIVATE"])
    /// ```
    ///
    /// From RFC 5257 §5.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let first = reader.atom()?;
        let no_private = !reader.is_at_end() && reader.atom()?.eq_ignore_ascii_case(b"NOPRIVATE");
        if first.eq_ignore_ascii_case(b"NONE") {
            return Some(Self::None);
        }
        if first.eq_ignore_ascii_case(b"READ-ONLY") {
            return Some(Self::ReadOnly { no_private });
        }
        let octets_max = Reader::new(&first).number32().filter(|&octets| octets > 0)?;
        Some(Self::Writable { octets_max, no_private })
    }
}

impl MetadataLimit {
    /// ```abnf
    /// resp-text-code    =/ "METADATA" SP "LONGENTRIES" SP number
    /// resp-text-code    =/ "METADATA" SP ("MAXSIZE" SP number /
    ///                                     "TOOMANY" / "NOPRIVATE")
    /// ```
    ///
    /// From RFC 5464 §5.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        match reader.atom()?.to_ascii_uppercase().as_slice() {
            b"LONGENTRIES" => reader.number().map(Self::LongEntries),
            b"MAXSIZE" => reader.number().map(Self::MaxSize),
            b"TOOMANY" => Some(Self::TooMany),
            b"NOPRIVATE" => Some(Self::NoPrivate),
            _ => None,
        }
    }
}

impl InProgress {
    /// ```abnf
    /// resp-text-code  =/ "INPROGRESS" [ SP "(" inprogress-tag SP inprogress-state ")" ]
    /// inprogress-tag              = quoted / nil
    /// inprogress-state-unknown    = nil    SP nil
    /// inprogress-state-counting   = number SP nil
    /// inprogress-state-known-goal = number SP nz-number
    /// ```
    ///
    /// From RFC 9585. A goal that is 0 or behind the progress makes both unknown.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.is_at_end() {
            return Some(Self::default());
        }
        if !reader.eat_spaced(b'(') {
            return None;
        }
        let tag = reader.nstring()?;
        let progress = read_number_or_nil(reader)?;
        let goal = read_number_or_nil(reader)?;
        if !reader.eat_spaced(b')') {
            return None;
        }
        Some(match (progress, goal) {
            (Some(done), Some(all)) if all == 0 || done > all => Self { tag, progress: None, goal: None },
            (None, _) => Self { tag, progress: None, goal: None },
            _ => Self { tag, progress, goal },
        })
    }
}

fn read_number_or_nil(reader: &mut Reader<'_>) -> Option<Option<u32>> {
    if reader.nil() { Some(None) } else { reader.number32().map(Some) }
}

/// All that is left, at least one octet.
fn read_text(reader: &mut Reader<'_>) -> Option<Bytes> {
    reader.skip_spaces();
    let text = reader.rest();
    reader.skip(text.len());
    (!text.is_empty()).then_some(text)
}

fn read_set(reader: &mut Reader<'_>) -> Option<NumberSet> {
    reader.skip_spaces();
    reader.strict(parse::number_set)
}

/// What stands between `[` and its `]`. Some servers have flags with brackets in PERMANENTFLAGS, so a `]`
/// inside parentheses or quotes does not count; where that leads nowhere, the first one does.
fn take_brackets(reader: &mut Reader<'_>) -> Option<Bytes> {
    let mut inside = *reader;
    if !inside.eat(b'[') {
        return None;
    }
    let text = inside.rest();
    let length = balanced_length(&text).or_else(|| text.iter().position(|&octet| octet == b']'))?;
    inside.skip(length + 1);
    *reader = inside;
    Some(text.slice(..length))
}

fn balanced_length(text: &[u8]) -> Option<usize> {
    let (mut open_lists, mut is_quoted, mut is_escaping) = (0u32, false, false);
    for (at, octet) in text.iter().enumerate() {
        let is_escaped = std::mem::take(&mut is_escaping);
        match octet {
            _ if is_escaped => {}
            b'\\' if is_quoted => is_escaping = matches!(text.get(at + 1), Some(b'"' | b'\\')),
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'(' => open_lists += 1,
            b')' => open_lists = open_lists.checked_sub(1)?,
            b']' if open_lists == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

fn read_validity(reader: &mut Reader<'_>) -> Option<UidValidity> {
    UidValidity::new(reader.number32()?)
}
