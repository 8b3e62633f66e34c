//! Where the octets of an item lie in a message.

use bytes::Bytes;
use imap_proto::command::{FetchItem, Partial, Section, SectionText};
use imap_proto::types::BodyStructure;
use imap_store::message::{Summary, decode_transfer, filter_header};
use imap_store::{StoreError, account};

/// The octets of an item.
pub(super) enum Octets {
    /// These, of the message as it is stored: start and end.
    Range(u64, u64),
    /// These.
    Ready(Bytes),
    /// The message has no such part.
    Missing,
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
            let octets = binary(opened, part)?;
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
                let header = opened.read(start, start + len)?;
                Octets::Ready(filter_header(&header, names, *not).into())
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

/// A part with its transfer encoding undone. What is encoded is decoded whole, in memory.
fn binary(opened: &mut impl Opened, number: &[u32]) -> Result<Octets, Failure> {
    if number.is_empty() {
        return Ok(Octets::Range(0, opened.message().size_octets));
    }
    let summary = opened.summary()?;
    let Some(part) = summary.part(number) else { return Ok(Octets::Missing) };
    let (start, len) = part.body;
    let encoding = match summary.structure_of(number) {
        Some(BodyStructure::Single { encoding, .. }) => encoding.clone(),
        Some(BodyStructure::Multipart { .. }) | None => Bytes::new(),
    };
    let as_it_is = [&b""[..], b"7bit", b"8bit", b"binary"];
    if as_it_is.iter().any(|name| encoding.eq_ignore_ascii_case(name)) {
        return Ok(Octets::Range(start, start + len));
    }
    let encoded = opened.read(start, start + len)?;
    let decoded = decode_transfer(&encoding, &encoded).ok_or(Failure::UnknownEncoding)?;
    Ok(Octets::Ready(decoded.into_owned().into()))
}

/// The length of a part with its transfer encoding undone; `None`: there is no such part.
pub(super) fn binary_size(opened: &mut impl Opened, number: &[u32]) -> Result<Option<u64>, Failure> {
    Ok(match binary(opened, number)? {
        Octets::Range(start, end) => Some(end - start),
        Octets::Ready(octets) => Some(octets.len() as u64),
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
        Octets::Missing => Octets::Missing,
    }
}
