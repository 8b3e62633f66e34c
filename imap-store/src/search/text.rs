//! The texts of a message: its fields and its text parts, read in pieces and decoded.

use imap_proto::types::{BodyStructure, Content};

use crate::StoreError;
use crate::account::MessageRef;
use crate::message::{Part, Summary, TransferDecoder, fields, fields_named, parameter, unfold};

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
            fields_named(header, name).any(|field| needle.is_empty() || is_in_line(needle, field.value))
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
            is_in_line(needle, line)
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

/// Whether a field, or its value, has the string once it is unfolded and its encoded words are decoded.
fn is_in_line(needle: &Needle, line: &[u8]) -> bool {
    // Most lines are what they say.
    if memchr::memchr3(b'=', b'\n', 0, line).is_none()
        && let Some(found) = needle.is_in_octets(line.trim_ascii())
    {
        return found;
    }
    needle.is_in(&words::decode(&unfold(line)))
}

/// Behind the last octet before which no char of UTF-8 is cut.
fn whole_chars(octets: &[u8]) -> usize {
    let last = octets.len().saturating_sub(3);
    octets[last..].iter().rposition(|&octet| octet >= 0xc0).map_or(octets.len(), |at| last + at)
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
        if matches!(self.transfer, TransferDecoder::Identity) {
            return self.add(octets, false);
        }
        let mut content = std::mem::take(&mut self.content);
        content.clear();
        self.transfer.feed(octets, &mut content);
        let found = self.add(&content, false);
        self.content = content;
        found
    }

    fn finish(mut self) -> bool {
        let mut content = std::mem::take(&mut self.content);
        content.clear();
        self.transfer.finish(&mut content);
        self.add(&content, true)
    }

    /// Adds octets whose transfer encoding is undone.
    fn add(&mut self, octets: &[u8], last: bool) -> bool {
        let mut rest = octets;
        // Most text needs none of the copies below: it is searched as it stands, or is UTF-8 already.
        if self.charset.is_guess_at_start() {
            let (whole, cut) = octets.split_at(whole_chars(octets));
            if self.html.is_none()
                && let Some(found) = self.stream.feed_octets(whole)
            {
                if found {
                    return true;
                }
                rest = cut;
            } else if let Ok(text) = std::str::from_utf8(whole) {
                if self.show(text, false) {
                    return true;
                }
                rest = cut;
            }
        }
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.clear();
        self.charset.feed(rest, last, &mut decoded);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fold::fold_into;
    use super::*;

    fn folded(text: &str) -> String {
        let mut folded = Vec::new();
        fold_into(text, &mut folded);
        String::from_utf8(folded).expect("chars were folded")
    }

    /// What a text part shows, made in one piece and without a shortcut.
    fn shown(octets: &[u8], encoding: &[u8], charset: Option<&[u8]>, html: bool) -> String {
        let content = crate::message::decode_transfer(encoding, octets).expect("a known encoding");
        let (mut text, mut shown) = (String::new(), String::new());
        TextDecoder::new(charset).feed(&content, true, &mut text);
        if !html {
            return text;
        }
        let mut reader = HtmlText::default();
        reader.feed(&text, &mut shown);
        reader.finish(&mut shown);
        shown
    }

    /// Texts of which needles are part: letters that others fold into, chars cut in two, encoded words, folds.
    const TEXT: &str = "([aAkKsSiI]|\\u{17f}|\\u{212a}|\\u{130}|\\u{e9}|\\u{c9}|\\u{4e00}|[ \t]|\r\n |<b>|</p>|&#107;|=6B|=\r\n){0,40}";
    const NEEDLE: &str = "([aAkKsSiI]|\\u{17f}|\\u{212a}|\\u{e9}| ){1,4}";

    fn octets() -> impl Strategy<Value = Vec<u8>> {
        // Here and there an octet that is no UTF-8.
        (TEXT, prop::collection::vec((any::<prop::sample::Index>(), 0x80_u8..), 0..3)).prop_map(
            |(text, odd)| {
                let mut octets = text.into_bytes();
                for (at, octet) in odd {
                    let at = at.index(octets.len() + 1);
                    octets.insert(at, octet);
                }
                octets
            },
        )
    }

    proptest! {
        /// A part is searched as if it were decoded and folded as a whole, in whatever pieces it comes.
        #[test]
        fn shortcuts_make_no_difference_in_a_body(
            octets in octets(),
            needle in NEEDLE,
            encoding in prop_oneof!["8bit", "quoted-printable"],
            charset in prop_oneof![Just(None), Just(Some("utf-8")), Just(Some("iso-8859-9"))],
            html: bool,
            piece in 1_usize..60,
        ) {
            let charset = charset.map(str::as_bytes);
            let transfer = TransferDecoder::new(encoding.as_bytes()).expect("known");
            let prepared = Needle::new(&needle);
            let mut text = Text::new(transfer, charset, html, &prepared);
            let found = octets.chunks(piece).any(|piece| text.feed(piece)) || text.finish();
            let shown = folded(&shown(&octets, encoding.as_bytes(), charset, html));
            let mut wanted = folded(&needle);
            while html && wanted.contains("  ") {
                wanted = wanted.replace("  ", " ");
            }
            prop_assert_eq!(found, shown.contains(&wanted), "{:?} in {:?}", wanted, shown);
        }

        #[test]
        fn shortcuts_make_no_difference_in_a_field(
            octets in octets(),
            word in prop_oneof![Just(""), Just("=?utf-8?q?=6B?="), Just("=?"), Just("\0"), Just("\r")],
            needle in NEEDLE,
        ) {
            let line = [&octets[..], word.as_bytes(), &octets].concat();
            let expected = folded(&words::decode(&unfold(&line))).contains(&folded(&needle));
            prop_assert_eq!(is_in_line(&Needle::new(&needle), &line), expected);
        }
    }
}
