//! Where the octets of an item lie in a message.

use std::ops::Range;

use bytes::Bytes;
use imap_proto::command::{FetchItem, Partial, Section, SectionText};
use imap_proto::types::BodyStructure;
use imap_store::message::{Summary, TransferDecoder, decode_transfer, filter_header};
use imap_store::{StoreError, account};

use super::stream::{Maker, READ_OCTETS};

/// The octets of an item.
pub(super) enum Octets {
    /// These, of the message as it is stored: start and end.
    Range(u64, u64),
    /// These.
    Ready(Bytes),
    /// These, made of stored ones.
    Made(Made),
    /// The message has no such part.
    Missing,
}

/// Octets that are made of stored ones, which are too many to be in memory.
pub(super) struct Made {
    pub(super) how: Making,
    pub(super) stored: Range<u64>,
    /// What is asked for of what comes out.
    pub(super) wanted: Range<u64>,
}

/// How they are made.
#[derive(Debug, Clone)]
pub(super) enum Making {
    /// A part's transfer encoding is undone.
    Decode(Bytes),
    /// Only some fields of a header are kept: those with (or without) these names.
    Filter { not: bool, names: Vec<imap_proto::types::Octets> },
}

/// Why an item cannot be served.
pub(super) enum Failure {
    /// The store says why.
    Store(StoreError),
    /// The part's transfer encoding is not known (RFC 3516 §4.3).
    UnknownEncoding,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A message that is opened as far as an item needs it.
pub(super) trait Opened {
    fn message(&self) -> &account::MessageRef;
    fn summary(&mut self) -> Result<&Summary, StoreError>;
    fn read(&self, start: u64, end: u64) -> Result<Bytes, StoreError>;
}

/// The octets of an item that has octets.
pub(super) fn octets(opened: &mut impl Opened, item: &FetchItem) -> Result<Octets, Failure> {
    let header = Section { part: Vec::new(), text: Some(SectionText::Header) };
    let text = Section { part: Vec::new(), text: Some(SectionText::Text) };
    match item {
        FetchItem::Rfc822 | FetchItem::Rfc822Peek => section(opened, &Section::default(), None),
        FetchItem::Rfc822Header => section(opened, &header, None),
        FetchItem::Rfc822Text | FetchItem::Rfc822TextPeek => section(opened, &text, None),
        FetchItem::Rfc822HeaderLines { not, names } => {
            let fields = SectionText::HeaderFields { not: *not, names: names.clone() };
            section(opened, &Section { part: Vec::new(), text: Some(fields) }, None)
        }
        // In RFC 1730 part 0 is the header of the message, or of the attached message.
        FetchItem::Section { section: Section { part, text: None }, partial, .. }
            if part.last() == Some(&0) =>
        {
            let part = part[..part.len() - 1].to_vec();
            section(opened, &Section { part, text: Some(SectionText::Header) }, *partial)
        }
        FetchItem::Section { section: wanted, partial, .. } => section(opened, wanted, *partial),
        FetchItem::Binary { part, partial, .. } => {
            let octets = binary(opened, part, last_of(*partial))?;
            Ok(cut(octets, *partial))
        }
        FetchItem::Envelope
        | FetchItem::Flags
        | FetchItem::InternalDate
        | FetchItem::Rfc822Size
        | FetchItem::Uid
        | FetchItem::Body
        | FetchItem::BodyStructure
        | FetchItem::BinarySize { .. }
        | FetchItem::ModSeq
        | FetchItem::EmailId
        | FetchItem::ThreadId
        | FetchItem::SaveDate
        | FetchItem::Preview { .. }
        | FetchItem::Annotation(_)
        | FetchItem::GmailMessageId
        | FetchItem::GmailThreadId
        | FetchItem::GmailLabels => Ok(Octets::Missing),
    }
}

fn section(opened: &mut impl Opened, wanted: &Section, partial: Option<Partial>) -> Result<Octets, Failure> {
    if wanted.part.is_empty() && wanted.text.is_none() {
        return Ok(cut(Octets::Range(0, opened.message().size_octets), partial));
    }
    let octets = match &wanted.text {
        Some(SectionText::HeaderFields { not, names }) => {
            let summary = opened.summary()?;
            if wanted.part.is_empty() && !not && names.iter().all(|name| summary.keeps_header(name)) {
                Octets::Ready(filter_header(summary.headers(), names, false).into())
            } else if let Some((start, len)) = header_of(summary, &wanted.part) {
                header_fields(opened, start..start + len, *not, names, last_of(partial))?
            } else {
                Octets::Missing
            }
        }
        text => match range_of(opened.summary()?, &wanted.part, text.as_ref()) {
            Some((start, len)) => Octets::Range(start, start + len),
            None => Octets::Missing,
        },
    };
    Ok(cut(octets, partial))
}

/// Behind the last octet that is asked for.
fn last_of(partial: Option<Partial>) -> u64 {
    partial.map_or(u64::MAX, |partial| partial.start.saturating_add(partial.count))
}

/// Some fields of a header, of which no octet behind `last` is asked for. A small header is filtered here; of a large one
/// only the length of what is kept is found.
fn header_fields(
    opened: &impl Opened,
    stored: Range<u64>,
    not: bool,
    names: &[imap_proto::types::Octets],
    last: u64,
) -> Result<Octets, Failure> {
    if stored.end - stored.start <= READ_OCTETS {
        let header = opened.read(stored.start, stored.end)?;
        return Ok(Octets::Ready(filter_header(&header, names, not).into()));
    }
    let how = Making::Filter { not, names: names.to_vec() };
    let total = made_octets(opened, Maker::new(&how), stored.clone(), last)?;
    Ok(Octets::Made(Made { how, stored, wanted: 0..total }))
}

/// Start and length of a section that is stored as it is.
fn range_of(summary: &Summary, number: &[u32], text: Option<&SectionText>) -> Option<(u64, u64)> {
    let part = summary.part(number)?;
    match text {
        None => Some(part.body),
        Some(SectionText::Mime) => Some(part.header),
        Some(SectionText::Header | SectionText::HeaderFields { .. }) => header_of(summary, number),
        Some(SectionText::Text) if number.is_empty() => Some(part.body),
        Some(SectionText::Text) => part.message.map(|(_, text)| text),
    }
}

/// The header of the message, or of an attached message.
fn header_of(summary: &Summary, number: &[u32]) -> Option<(u64, u64)> {
    let part = summary.part(number)?;
    if number.is_empty() { Some(part.header) } else { part.message.map(|(header, _)| header) }
}

/// A part with its transfer encoding undone, of which no octet behind `last` is asked for. A small one is decoded here;
/// of a large one only the length is found.
fn binary(opened: &mut impl Opened, number: &[u32], last: u64) -> Result<Octets, Failure> {
    if number.is_empty() {
        return Ok(Octets::Range(0, opened.message().size_octets));
    }
    let summary = opened.summary()?;
    let Some(part) = summary.part(number) else { return Ok(Octets::Missing) };
    let (start, len) = part.body;
    let encoding = match summary.structure_of(number) {
        Some(BodyStructure::Single { encoding, .. }) => encoding.clone().into(),
        Some(BodyStructure::Multipart { .. }) | None => Bytes::new(),
    };
    let stored = start..start + len;
    let decoder = TransferDecoder::new(&encoding).ok_or(Failure::UnknownEncoding)?;
    if matches!(decoder, TransferDecoder::Identity) {
        return Ok(Octets::Range(stored.start, stored.end));
    }
    if len <= READ_OCTETS {
        let encoded = opened.read(stored.start, stored.end)?;
        let decoded = decode_transfer(&encoding, &encoded).ok_or(Failure::UnknownEncoding)?;
        return Ok(Octets::Ready(decoded.into_owned().into()));
    }
    let how = Making::Decode(encoding);
    let total = made_octets(opened, Maker::new(&how), stored.clone(), last)?;
    Ok(Octets::Made(Made { how, stored, wanted: 0..total }))
}

/// How many octets are made; where they are more than `last`, not all are counted.
fn made_octets(
    opened: &impl Opened,
    mut maker: Maker,
    stored: Range<u64>,
    last: u64,
) -> Result<u64, Failure> {
    let (mut at, mut total, mut piece) = (stored.start, 0, Vec::new());
    while at < stored.end && total < last {
        let end = stored.end.min(at + READ_OCTETS);
        maker.feed(&opened.read(at, end)?, &mut piece);
        at = end;
        total += piece.len() as u64;
        piece.clear();
    }
    if at == stored.end {
        maker.finish(&mut piece);
    }
    Ok(total + piece.len() as u64)
}

/// The length of a part with its transfer encoding undone; `None`: there is no such part.
pub(super) fn binary_size(opened: &mut impl Opened, number: &[u32]) -> Result<Option<u64>, Failure> {
    Ok(match binary(opened, number, u64::MAX)? {
        Octets::Range(start, end) => Some(end - start),
        Octets::Ready(octets) => Some(octets.len() as u64),
        Octets::Made(Made { wanted, .. }) => Some(wanted.end - wanted.start),
        Octets::Missing => None,
    })
}

/// What `<start.count>` leaves: less at the end, nothing behind it.
pub(super) fn cut(octets: Octets, partial: Option<Partial>) -> Octets {
    let Some(Partial { start, count }) = partial else { return octets };
    match octets {
        Octets::Range(first, end) => {
            let first = first.saturating_add(start).min(end);
            Octets::Range(first, first.saturating_add(count).min(end))
        }
        Octets::Ready(all) => {
            let len = all.len() as u64;
            let first = start.min(len);
            let end = first.saturating_add(count).min(len);
            let index = |octets: u64| usize::try_from(octets).unwrap_or(all.len());
            Octets::Ready(all.slice(index(first)..index(end)))
        }
        Octets::Made(made) => {
            let first = made.wanted.start.saturating_add(start).min(made.wanted.end);
            let wanted = first..first.saturating_add(count).min(made.wanted.end);
            Octets::Made(Made { wanted, ..made })
        }
        Octets::Missing => Octets::Missing,
    }
}
