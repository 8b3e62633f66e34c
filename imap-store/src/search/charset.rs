//! Charsets: those of the command, and those that texts claim to be in.

use encoding_rs::{CoderResult, Decoder, Encoding};

use super::BadCharset;

/// The charsets that SEARCH takes, for BADCHARSET. More names are understood: all that the WHATWG's encoding
/// standard lists, without UTF-16.
pub fn charsets() -> &'static [&'static str] {
    &[
        "US-ASCII",
        "UTF-8",
        "ISO-8859-1",
        "ISO-8859-2",
        "ISO-8859-3",
        "ISO-8859-4",
        "ISO-8859-5",
        "ISO-8859-6",
        "ISO-8859-7",
        "ISO-8859-8",
        "ISO-8859-9",
        "ISO-8859-10",
        "ISO-8859-13",
        "ISO-8859-14",
        "ISO-8859-15",
        "ISO-8859-16",
        "WINDOWS-1250",
        "WINDOWS-1251",
        "WINDOWS-1252",
        "WINDOWS-1253",
        "WINDOWS-1254",
        "WINDOWS-1255",
        "WINDOWS-1256",
        "WINDOWS-1257",
        "WINDOWS-1258",
        "WINDOWS-874",
        "KOI8-R",
        "KOI8-U",
        "IBM866",
        "MACINTOSH",
        "GBK",
        "GB18030",
        "BIG5",
        "EUC-JP",
        "ISO-2022-JP",
        "SHIFT_JIS",
        "EUC-KR",
    ]
}

/// The charset of a command's strings.
#[derive(Debug, Clone, Copy)]
pub(super) enum Charset {
    Ascii,
    Other(&'static Encoding),
}

impl Charset {
    /// The command's; `None` is UTF-8.
    pub(super) fn named(name: Option<&str>) -> Result<Self, BadCharset> {
        match name {
            None => Ok(Self::Other(encoding_rs::UTF_8)),
            Some(name) if is_ascii(name.as_bytes()) => Ok(Self::Ascii),
            Some(name) => {
                // A string of a command has no NUL (RFC 9051 §9, CHAR8), so in UTF-16 hardly anything can be asked for.
                let fits = |it: &&Encoding| ![encoding_rs::UTF_16LE, encoding_rs::UTF_16BE].contains(it);
                known(name.as_bytes()).filter(fits).map(Self::Other).ok_or(BadCharset)
            }
        }
    }

    /// A string of the command, which must be wholly in the charset.
    pub(super) fn decode(self, octets: &[u8]) -> Result<String, BadCharset> {
        let text = match self {
            Self::Ascii if octets.is_ascii() => std::str::from_utf8(octets).ok().map(Into::into),
            Self::Ascii => None,
            Self::Other(encoding) => encoding.decode_without_bom_handling_and_without_replacement(octets),
        };
        text.map(String::from).ok_or(BadCharset)
    }
}

/// The encoding of that name, where one is known that can be decoded.
fn known(name: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(name)
}

fn is_ascii(name: &[u8]) -> bool {
    let name = name.trim_ascii();
    name.eq_ignore_ascii_case(b"us-ascii") || name.eq_ignore_ascii_case(b"ascii")
}

/// Decodes a text in pieces; never fails.
pub(super) enum TextDecoder {
    /// UTF-8, ASCII, unknown, or not told: UTF-8 where it is valid, each other octet as windows-1252. Mail in no
    /// declared charset is one of the two.
    Guess {
        /// The beginning of a char whose rest has not come, up to 3 octets.
        tail: Vec<u8>,
    },
    /// What the text says that it is.
    Declared(Box<Decoder>),
}

impl TextDecoder {
    /// For the charset parameter of a part or the charset of an encoded word.
    pub(super) fn new(charset: Option<&[u8]>) -> Self {
        let is_utf8 = |name: &[u8]| name.eq_ignore_ascii_case(b"utf-8");
        match charset.filter(|name| !is_utf8(name) && !is_ascii(name)).and_then(known) {
            Some(encoding) if encoding != encoding_rs::UTF_8 => {
                Self::Declared(Box::new(encoding.new_decoder_with_bom_removal()))
            }
            _ => Self::Guess { tail: Vec::new() },
        }
    }

    /// Whether it guesses, and no beginning of a char waits for its rest: UTF-8 that comes now is the text itself.
    pub(super) fn is_guess_at_start(&self) -> bool {
        matches!(self, Self::Guess { tail } if tail.is_empty())
    }

    /// Appends the text that `octets` bring; with `last` also what was waiting.
    pub(super) fn feed(&mut self, octets: &[u8], last: bool, text: &mut String) {
        match self {
            Self::Guess { tail } if tail.is_empty() => *tail = guess(octets, last, text).to_vec(),
            Self::Guess { tail } => {
                tail.extend_from_slice(octets);
                let whole = std::mem::take(tail);
                *tail = guess(&whole, last, text).to_vec();
            }
            Self::Declared(decoder) => {
                let mut rest = octets;
                loop {
                    text.reserve(decoder.max_utf8_buffer_length(rest.len()).unwrap_or(rest.len() * 3 + 16));
                    let (result, taken, _) = decoder.decode_to_string(rest, text, last);
                    rest = &rest[taken..];
                    if result == CoderResult::InputEmpty {
                        return;
                    }
                }
            }
        }
    }
}

/// Decodes all but a char that may not be complete, which is returned.
fn guess<'a>(octets: &'a [u8], last: bool, text: &mut String) -> &'a [u8] {
    let mut rest = octets;
    loop {
        let error = match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                return &[];
            }
            Err(error) => error,
        };
        let (valid, invalid) = rest.split_at(error.valid_up_to());
        text.push_str(std::str::from_utf8(valid).unwrap_or_default());
        if error.error_len().is_none() && !last {
            return invalid;
        }
        let bad = error.error_len().unwrap_or(invalid.len());
        text.push_str(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(&invalid[..bad]).0);
        rest = &invalid[bad..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(charset: Option<&str>, octets: &[u8], expected: &str) {
        for pieces in [1, 2, 1_000] {
            let mut decoder = TextDecoder::new(charset.map(str::as_bytes));
            let mut text = String::new();
            octets.chunks(pieces).for_each(|piece| decoder.feed(piece, false, &mut text));
            decoder.feed(&[], true, &mut text);
            assert_eq!(text, expected, "{charset:?}, {pieces} octets a piece");
        }
    }

    #[test]
    fn texts_are_decoded_in_any_pieces() {
        check(None, "aö€😀".as_bytes(), "aö€😀");
        check(Some("utf-8"), b"J\xf6rg J\xc3\xb6rg \xe2\x82", "Jörg Jörg â‚");
        check(Some("us-ascii"), b"\xf6", "ö");
        check(Some("x-unknown"), b"a\xf6", "aö");
        check(Some("ISO-8859-15"), b"\xa4", "€");
        check(Some("iso-2022-jp"), b"\x1b$B$\"\x1b(B", "あ");
        check(Some("utf-16le"), b"a\0\xf6\0", "aö");
    }

    #[test]
    fn strings_of_a_command_must_be_in_its_charset() {
        let decode = |charset, octets: &[u8]| Charset::named(charset)?.decode(octets);
        assert_eq!(decode(None, "ö".as_bytes()).as_deref(), Ok("ö"));
        assert_eq!(decode(None, b"\xf6"), Err(BadCharset));
        assert_eq!(decode(Some("US-ASCII"), b"\xc3\xb6"), Err(BadCharset));
        assert_eq!(decode(Some("iso-8859-1"), b"\xf6").as_deref(), Ok("ö"));
        assert_eq!(decode(Some("x-klingon"), b"a"), Err(BadCharset));
        assert_eq!(decode(Some("utf-16"), b"ab"), Err(BadCharset));
        for name in charsets() {
            assert!(Charset::named(Some(name)).is_ok(), "{name}");
        }
    }
}
