//! Encoded words (RFC 2047) undone, wherever they stand: a search is not to miss what a client shows.

use std::borrow::Cow;

use crate::message::TransferDecoder;

use super::charset::TextDecoder;

/// The text of an unfolded field value. White space between two encoded words is dropped (§6.2); the octets of
/// neighbours in one charset are joined before they are decoded, since many senders split chars.
pub(super) fn decode(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(plain) if find_start(value).is_none() => Cow::Borrowed(plain),
        _ => Cow::Owned(decode_words(value)),
    }
}

/// Whether there are encoded words, and nothing but white space between them.
pub(super) fn is_nothing_else(value: &[u8]) -> bool {
    let mut words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
    words.peek().is_some()
        && words.all(|octets| Word::parse(octets).is_some_and(|word| word.length == octets.len()))
}

fn decode_words(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    let mut run = Run::default();
    let mut rest = value;
    while let Some(start) = find_start(rest) {
        let (before, from) = rest.split_at(start);
        let Some(word) = Word::parse(from) else {
            run.end(&mut text);
            push(&rest[..start + 2], &mut text);
            rest = &rest[start + 2..];
            continue;
        };
        if !run.open || !before.iter().all(u8::is_ascii_whitespace) {
            run.end(&mut text);
            push(before, &mut text);
        }
        run.add(&word, &mut text);
        rest = &from[word.length..];
    }
    run.end(&mut text);
    push(rest, &mut text);
    text
}

/// Where the next encoded word may begin. There may be 100,000 of them, with one octet between: a searcher that has to be
/// set up for each costs more than it saves.
fn find_start(octets: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'=', octets).find(|&at| octets.get(at + 1) == Some(&b'?'))
}

fn push(octets: &[u8], text: &mut String) {
    TextDecoder::new(None).feed(octets, true, text);
}

/// Neighbouring words in one charset.
#[derive(Default)]
struct Run<'a> {
    /// The last thing was an encoded word.
    open: bool,
    charset: &'a [u8],
    octets: Vec<u8>,
}

impl<'a> Run<'a> {
    fn add(&mut self, word: &Word<'a>, text: &mut String) {
        if self.open && !self.charset.eq_ignore_ascii_case(word.charset) {
            self.end(text);
        }
        (self.open, self.charset) = (true, word.charset);
        word.decode(&mut self.octets);
    }

    fn end(&mut self, text: &mut String) {
        if std::mem::take(&mut self.open) {
            TextDecoder::new(Some(self.charset)).feed(&self.octets, true, text);
            self.octets.clear();
        }
    }
}

/// `=?charset*language?encoding?encoded-text?=`
struct Word<'a> {
    charset: &'a [u8],
    is_base64: bool,
    encoded: &'a [u8],
    length: usize,
}

impl<'a> Word<'a> {
    /// The word at the start of `from`. Spaces in Q text, which are not allowed, are let pass.
    fn parse(from: &'a [u8]) -> Option<Self> {
        let mut parts = from.get(2..)?.splitn(4, |&octet| octet == b'?');
        let (charset, encoding, encoded, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if charset.is_empty() || charset.iter().any(u8::is_ascii_whitespace) || rest.first() != Some(&b'=') {
            return None;
        }
        let is_base64 = match encoding {
            b"B" | b"b" => true,
            b"Q" | b"q" => false,
            _ => return None,
        };
        let length = from.len() - rest.len() + 1;
        let charset = charset.split(|&octet| octet == b'*').next()?;
        Some(Self { charset, is_base64, encoded, length })
    }

    fn decode(&self, octets: &mut Vec<u8>) {
        let mut decoder =
            if self.is_base64 { TransferDecoder::BASE64 } else { TransferDecoder::QUOTED_PRINTABLE };
        if self.is_base64 {
            decoder.feed(self.encoded, octets);
        } else if self.encoded.iter().all(u8::is_ascii_graphic) {
            decode_q(self.encoded, octets);
            return;
        } else {
            // As `=20`: a bare space at the end would be taken for one that was added on the way.
            for piece in self.encoded.split_inclusive(|&octet| octet == b'_') {
                match piece.strip_suffix(b"_") {
                    Some(before) => {
                        decoder.feed(before, octets);
                        decoder.feed(b"=20", octets);
                    }
                    None => decoder.feed(piece, octets),
                }
            }
        }
        decoder.finish(octets);
    }
}

/// What [`TransferDecoder`] does, and `_` for a space, where there is no white space.
fn decode_q(encoded: &[u8], octets: &mut Vec<u8>) {
    let mut rest = encoded;
    while let Some((&octet, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        match (octet, digit(0), digit(1)) {
            (b'=', Some(high), Some(low)) => {
                octets.push((high << 4 | low) as u8);
                rest = &behind[2..];
                continue;
            }
            // A lone `=` at the end is none of the text.
            (b'=', ..) if behind.is_empty() => return,
            (b'_', ..) => octets.push(b' '),
            _ => octets.push(octet),
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn q_is_quoted_printable_with_lines_for_spaces(encoded in "([=_4aFx]|=[0-9a-fA-F]{2}|=_){0,12}") {
            let (mut quick, mut expected) = (Vec::new(), Vec::new());
            decode_q(encoded.as_bytes(), &mut quick);
            let mut decoder = TransferDecoder::QUOTED_PRINTABLE;
            encoded.split('_').enumerate().for_each(|(at, piece)| {
                if at > 0 {
                    decoder.feed(b"=20", &mut expected);
                }
                decoder.feed(piece.as_bytes(), &mut expected);
            });
            decoder.finish(&mut expected);
            prop_assert_eq!(quick, expected);
        }
    }

    #[test]
    fn encoded_words() {
        for (value, expected) in [
            ("plain", "plain"),
            // RFC 2047 §8.
            ("(=?ISO-8859-1?Q?a?=)", "(a)"),
            ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
            ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
            ("(=?ISO-8859-1?Q?a?=  \t =?ISO-8859-2?Q?_b?=)", "(a b)"),
            ("=?us-ascii?Q?aus_?= =?iso-8859-1?Q?K=F6ln?=", "aus Köln"),
            ("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
            ("=?utf-8?B?SsO2cmc=?= <j@x>", "Jörg <j@x>"),
            ("=?utf-8?Q?J=C3?= =?UTF-8?q?=B6rg?=", "Jörg"),
            ("=?iso-8859-15?q?=A4?==?utf-8?q?x?=", "€x"),
            ("=?utf-8?Q?a b?=", "a b"),
            ("=?utf-8?X?a?= =?x =?utf-8?Q?open", "=?utf-8?X?a?= =?x =?utf-8?Q?open"),
            ("=?utf-8?Q??= a", " a"),
            ("a =?=?utf-8?Q?b?=", "a =?b"),
        ] {
            assert_eq!(decode(value.as_bytes()), expected, "{value}");
        }
        assert_eq!(decode(b"J\xf6rg"), "Jörg");
    }
}
