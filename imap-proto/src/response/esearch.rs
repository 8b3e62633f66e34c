//! ESEARCH (RFC 9051 §7.3.4, RFC 4731), with what extensions put into it: updates and slices (RFC 5267,
//! RFC 9394), other mailboxes (RFC 7377), relevancy (RFC 6203).

use bytes::Bytes;

use super::text::{write_list, write_word};
use crate::Dialect;
use crate::parse;
use crate::types::{ModSeq, NumberRanges, PartialRange, UidValidity};
use crate::wire::read::Reader;
use crate::wire::write;

/// `* ESEARCH (TAG "t") UID item value ...`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Esearch {
    /// The command that it answers.
    pub tag: Option<Bytes>,
    /// The mailbox, in the octets of the wire, where other mailboxes were searched too (RFC 7377).
    pub mailbox: Option<Bytes>,
    /// That mailbox's UIDVALIDITY.
    pub uid_validity: Option<UidValidity>,
    /// The numbers are UIDs.
    pub uid: bool,
    /// What was found, in the order of the server.
    pub items: Vec<EsearchItem>,
}

/// One item of the result and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EsearchItem {
    /// MIN n: the lowest match
    Min(u32),
    /// MAX n: the highest match
    Max(u32),
    /// ALL set: every match, after a SORT in its order
    All(NumberRanges),
    /// COUNT n: how many matches
    Count(u32),
    /// MODSEQ n: the highest of those told (RFC 7162)
    ModSeq(ModSeq),
    /// PARTIAL (range set): a slice of the matches; `None` is NIL
    Partial(PartialRange, Option<NumberRanges>),
    /// ADDTO (position set ...): came into the result (RFC 5267)
    AddTo(Vec<(u32, NumberRanges)>),
    /// REMOVEFROM (position set ...): left the result (RFC 5267)
    RemoveFrom(Vec<(u32, NumberRanges)>),
    /// RELEVANCY (n ...): 1..=100 of each match (RFC 6203)
    Relevancy(Vec<u8>),
    /// An item that we do not know or could not read: its name and its value, verbatim.
    Other(Bytes, Bytes),
}

impl Esearch {
    /// ```abnf
    /// esearch-response  = "ESEARCH" [search-correlator] [SP "UID"]
    ///                     *(SP search-return-data)
    /// ```
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut esearch = Self::default();
        reader.skip_spaces();
        if reader.peek() == Some(b'(') {
            esearch.read_correlators(reader)?;
        }
        let start = *reader;
        esearch.uid = reader.atom().is_some_and(|word| word.eq_ignore_ascii_case(b"UID"));
        if !esearch.uid {
            *reader = start;
        }
        while !reader.is_at_end() {
            esearch.items.push(EsearchItem::read(reader)?);
        }
        Some(esearch)
    }

    /// ```abnf
    /// one-correlator =  ("TAG" SP tag-string) / ("MAILBOX" SP astring) /
    ///         ("UIDVALIDITY" SP nz-number)
    ///         ; Each correlator MUST appear exactly once.
    /// search-correlator =  SP "(" one-correlator *(SP one-correlator) ")"
    /// ```
    ///
    /// From RFC 7377 §4; others are passed over.
    fn read_correlators(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        reader.eat_spaced(b'(');
        while !reader.eat_spaced(b')') {
            match reader.atom()?.to_ascii_uppercase().as_slice() {
                b"TAG" => self.tag = Some(reader.astring()?),
                b"MAILBOX" => self.mailbox = Some(reader.astring()?),
                b"UIDVALIDITY" => self.uid_validity = Some(UidValidity::new(reader.number32()?)?),
                _ => reader.skip_value(0).ok()?,
            }
        }
        Some(())
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, dialect: Dialect) {
        out.extend_from_slice(b"ESEARCH");
        self.write_correlators(out, dialect);
        if self.uid {
            out.extend_from_slice(b" UID");
        }
        for item in &self.items {
            out.push(b' ');
            item.write(out);
        }
    }

    fn write_correlators(&self, out: &mut Vec<u8>, dialect: Dialect) {
        let mut before: &[u8] = b" (";
        let mut name = |out: &mut Vec<u8>, name: &[u8]| {
            out.extend_from_slice(before);
            out.extend_from_slice(name);
            before = b" ";
        };
        if let Some(tag) = &self.tag {
            name(out, b"TAG ");
            write::string(out, tag, dialect);
        }
        if let Some(mailbox) = &self.mailbox {
            name(out, b"MAILBOX ");
            write::string(out, mailbox, dialect);
        }
        if let Some(uid_validity) = self.uid_validity {
            name(out, b"UIDVALIDITY ");
            write::number(out, u64::from(uid_validity.get()));
        }
        if before == b" " {
            out.push(b')');
        }
    }
}

impl EsearchItem {
    /// ```abnf
    /// search-return-data = search-modifier-name SP search-return-value
    /// ```
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let name = reader.atom()?;
        let value_start = *reader;
        if let Some(item) = Self::read_known(&name, reader)
            && reader.is_at_delimiter()
        {
            return Some(item);
        }
        *reader = value_start;
        reader.skip_spaces();
        let start = reader.at();
        reader.skip_value(0).ok()?;
        let value = reader.since(start);
        (!value.is_empty()).then_some(Self::Other(name, value))
    }

    /// ```abnf
    /// search-return-data = "MIN" SP nz-number /
    ///                      "MAX" SP nz-number /
    ///                      "ALL" SP sequence-set /
    ///                      "COUNT" SP number
    /// search-return-data =/ "MODSEQ" SP mod-sequence-value
    /// search-return-data =/ ret-data-partial / ret-data-addto /
    ///                        ret-data-removefrom
    /// search-return-data =/ "RELEVANCY" SP score-list
    /// ```
    ///
    /// From RFC 4731 §4, RFC 5267 §5 and RFC 6203 §7.
    fn read_known(name: &[u8], reader: &mut Reader<'_>) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_slice() {
            b"MIN" => Self::Min(reader.number32()?),
            b"MAX" => Self::Max(reader.number32()?),
            b"ALL" => Self::All(read_ranges(reader)?),
            b"COUNT" => Self::Count(reader.number32()?),
            b"MODSEQ" => Self::ModSeq(ModSeq::new(reader.number()?)?),
            b"PARTIAL" => read_partial(reader)?,
            b"ADDTO" => Self::AddTo(reader.list(read_position)?),
            b"REMOVEFROM" => Self::RemoveFrom(reader.list(read_position)?),
            b"RELEVANCY" => Self::Relevancy(reader.list(read_score)?),
            _ => return None,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Min(number) => write_named(out, b"MIN ", u64::from(*number)),
            Self::Max(number) => write_named(out, b"MAX ", u64::from(*number)),
            Self::All(ranges) => {
                out.extend_from_slice(b"ALL ");
                ranges.write(out);
            }
            Self::Count(count) => write_named(out, b"COUNT ", u64::from(*count)),
            Self::ModSeq(mod_seq) => write_named(out, b"MODSEQ ", mod_seq.get()),
            Self::Partial(range, found) => {
                out.extend_from_slice(format!("PARTIAL ({range} ").as_bytes());
                match found {
                    Some(ranges) => ranges.write(out),
                    None => out.extend_from_slice(b"NIL"),
                }
                out.push(b')');
            }
            Self::AddTo(changes) => write_changes(out, b"ADDTO ", changes),
            Self::RemoveFrom(changes) => write_changes(out, b"REMOVEFROM ", changes),
            Self::Relevancy(scores) => {
                out.extend_from_slice(b"RELEVANCY ");
                write_list(out, scores, |out, score| write::number(out, u64::from(*score)));
            }
            Self::Other(name, value) => {
                write_word(out, name);
                out.push(b' ');
                out.extend_from_slice(value);
            }
        }
    }
}

/// ```abnf
/// ret-data-partial    = "PARTIAL"
///                       SP "(" partial-range SP partial-results ")"
/// partial-results     = sequence-set / "NIL"
/// ```
///
/// From RFC 9394 §5.
fn read_partial(reader: &mut Reader<'_>) -> Option<EsearchItem> {
    if !reader.eat_spaced(b'(') {
        return None;
    }
    reader.skip_spaces();
    let range = reader.strict(parse::partial_range)?;
    let found = if reader.nil() { None } else { Some(read_ranges(reader)?) };
    reader.eat_spaced(b')').then_some(EsearchItem::Partial(range, found))
}

/// ```abnf
/// ret-data-addto      = "ADDTO"
///                        SP "(" context-position SP sequence-set
///                        *(SP context-position SP sequence-set)
///                        ")"
/// ```
///
/// From RFC 5267 §5; one pair.
fn read_position(reader: &mut Reader<'_>) -> Option<(u32, NumberRanges)> {
    Some((reader.number32()?, read_ranges(reader)?))
}

/// ```abnf
/// score-list      = "(" [score *(SP score)] ")"
/// ```
fn read_score(reader: &mut Reader<'_>) -> Option<u8> {
    u8::try_from(reader.number32()?).ok()
}

pub(in crate::response) fn read_ranges(reader: &mut Reader<'_>) -> Option<NumberRanges> {
    reader.skip_spaces();
    reader.strict(parse::number_ranges)
}

fn write_named(out: &mut Vec<u8>, name: &[u8], number: u64) {
    out.extend_from_slice(name);
    write::number(out, number);
}

fn write_changes(out: &mut Vec<u8>, name: &[u8], changes: &[(u32, NumberRanges)]) {
    out.extend_from_slice(name);
    write_list(out, changes, |out, (position, ranges)| {
        write::number(out, u64::from(*position));
        out.push(b' ');
        ranges.write(out);
    });
}
