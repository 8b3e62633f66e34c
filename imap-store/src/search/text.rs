//! The texts of a message: its fields and its text parts, read in pieces and decoded.

use imap_proto::types::{BodyStructure, Content};

use crate::StoreError;
use crate::account::MessageRef;
use crate::message::{Part, Summary, TransferDecoder, fields, parameter, unfold};

use super::charset::TextDecoder;
use super::fold::Needle;
use super::html::HtmlText;
use super::{Source, words};

/// Octets that are read at once.
const PIECE: u64 = 256 << 10;
/// Of one header no more is searched.
const HEADER_MAX: u64 = 16 << 20;

/// One message that is being searched.
pub(super) struct Opened<'a> {
    pub(super) message: &'a MessageRef,
    pub(super) summary: &'a Summary,
    pub(super) source: &'a mut dyn Source,
}

impl Opened<'_> {
    /// Whether a field of that name has the string in its value; any value has the empty string.
    pub(super) fn has_in_field(&mut self, name: &[u8], needle: &Needle) -> Result<bool, StoreError> {
        let matches = |header: &[u8]| {
            fields(header)
                .filter(|field| field.name.eq_ignore_ascii_case(name))
                .any(|field| needle.is_empty() || needle.is_in(&words::decode(&unfold(field.value))))
        };
        if self.summary.keeps_header(name) {
            return Ok(matches(self.summary.headers()));
        }
        let header = self.summary.parts()[0].header;
        Ok(matches(&self.header(header)?))
    }

    /// Whether the message's header, or the MIME header of a part, has the string in a field.
    pub(super) fn has_in_headers(&mut self, needle: &Needle) -> Result<bool, StoreError> {
        let mut last = None;
        for part in self.summary.parts() {
            // Part 1 of a message that is no multipart has the message's header.
            if last != Some(part.header) && self.has_in_header(part.header, needle)? {
                return Ok(true);
            }
            last = Some(part.header);
        }
        Ok(false)
    }

    fn has_in_header(&mut self, header: (u64, u64), needle: &Needle) -> Result<bool, StoreError> {
        let header = self.header(header)?;
        let found = fields(&header).any(|field| {
            let line = if field.name.is_empty() { field.value } else { field.raw };
            needle.is_in(&words::decode(&unfold(line)))
        });
        Ok(found)
    }

    /// Whether a text part, or a field of an attached message, has the string.
    pub(super) fn has_in_body(&mut self, needle: &Needle) -> Result<bool, StoreError> {
        for part in self.summary.parts() {
            let found = match self.summary.structure_of(&part.number) {
                _ if part.number.is_empty() => false,
                Some(BodyStructure::Single {
                    content: Content::Text { .. },
                    subtype,
                    parameters,
                    encoding,
                    ..
                }) => {
                    let charset = parameter(parameters, "charset").map(|charset| &charset[..]);
                    let html = subtype.eq_ignore_ascii_case(b"html");
                    // What cannot be undone is searched as it stands.
                    let transfer = TransferDecoder::new(encoding).unwrap_or(TransferDecoder::Identity);
                    self.has_in_text(part, Text::new(transfer, charset, html, needle))?
                }
                Some(BodyStructure::Single { .. }) => match part.message {
                    Some((header, _)) => self.has_in_header(header, needle)?,
                    None => false,
                },
                _ => false,
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has_in_text(&mut self, part: &Part, mut text: Text<'_>) -> Result<bool, StoreError> {
        let (start, length) = part.body;
        let mut at = 0;
        while at < length {
            let octets = self.source.read(self.message, start + at..start + length.min(at + PIECE))?;
            if octets.is_empty() {
                break;
            }
            at += octets.len() as u64;
            if text.feed(&octets) {
                return Ok(true);
            }
        }
        Ok(text.finish())
    }

    fn header(&mut self, (start, length): (u64, u64)) -> Result<bytes::Bytes, StoreError> {
        self.source.read(self.message, start..start + length.min(HEADER_MAX))
    }
}

/// One text part on its way from stored octets to what is searched.
struct Text<'a> {
    transfer: TransferDecoder,
    charset: TextDecoder,
    html: Option<HtmlText>,
    stream: super::fold::Stream<'a>,
    content: Vec<u8>,
    decoded: String,
    shown: String,
}

impl<'a> Text<'a> {
    fn new(transfer: TransferDecoder, charset: Option<&[u8]>, html: bool, needle: &'a Needle) -> Self {
        Self {
            transfer,
            charset: TextDecoder::new(charset),
            html: html.then(HtmlText::default),
            stream: needle.stream(html),
            content: Vec::new(),
            decoded: String::new(),
            shown: String::new(),
        }
    }

    /// Adds stored octets; `true` once the string is found.
    fn feed(&mut self, octets: &[u8]) -> bool {
        // Most text is ASCII as it stands, and needs none of the copies below.
        if matches!(self.transfer, TransferDecoder::Identity)
            && self.charset.passes_ascii()
            && octets.is_ascii()
            && let Ok(text) = std::str::from_utf8(octets)
        {
            return self.show(text, false);
        }
        self.content.clear();
        self.transfer.feed(octets, &mut self.content);
        self.decode(false)
    }

    fn finish(mut self) -> bool {
        self.content.clear();
        self.transfer.finish(&mut self.content);
        self.decode(true)
    }

    fn decode(&mut self, last: bool) -> bool {
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.clear();
        self.charset.feed(&self.content, last, &mut decoded);
        let found = self.show(&decoded, last);
        self.decoded = decoded;
        found
    }

    fn show(&mut self, text: &str, last: bool) -> bool {
        let Some(html) = &mut self.html else { return self.stream.feed(text) };
        self.shown.clear();
        html.feed(text, &mut self.shown);
        if last {
            html.finish(&mut self.shown);
        }
        self.stream.feed(&self.shown)
    }
}
