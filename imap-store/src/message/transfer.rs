//! Content-Transfer-Encoding undone, for BINARY and SEARCH.

use std::borrow::Cow;

/// The content of a part whose body is `octets` in the transfer encoding `encoding` (RFC 2045 §6), or `None`
/// when the encoding is not known.
///
/// Lenient: what cannot be decoded is skipped (base64) or kept as it stands (quoted-printable). 7bit, 8bit,
/// binary and the empty string are the identity. The result is never longer than `octets`.
pub fn decode_transfer<'a>(encoding: &[u8], octets: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let mut decoder = TransferDecoder::new(encoding)?;
    if matches!(decoder, TransferDecoder::Identity) {
        return Some(Cow::Borrowed(octets));
    }
    let mut content = Vec::with_capacity(octets.len());
    decoder.feed(octets, &mut content);
    decoder.finish(&mut content);
    Some(Cow::Owned(content))
}

/// The same for a body that comes in pieces.
#[derive(Debug)]
pub enum TransferDecoder {
    /// 7bit, 8bit, binary.
    Identity,
    /// base64 (RFC 2045 §6.8): octets outside of the alphabet are skipped, after padding it begins anew.
    Base64 {
        /// The digits that make no octet yet.
        bits: u32,
        /// How many they are, 0..=3.
        digits: u8,
    },
    /// quoted-printable (RFC 2045 §6.7): what follows `=` and is neither hex nor a line end stands as it is; white
    /// space before a line end was added on the way, and goes.
    QuotedPrintable {
        /// `=` or white space and what followed, as long as it is not decided.
        pending: Vec<u8>,
    },
}

/// White space between `=` and the line end: more is no soft line break. Of white space before a line end more stays.
const PENDING_MAX: usize = 80;

impl TransferDecoder {
    /// At the beginning of base64.
    pub(crate) const BASE64: Self = Self::Base64 { bits: 0, digits: 0 };
    /// At the beginning of quoted-printable.
    pub(crate) const QUOTED_PRINTABLE: Self = Self::QuotedPrintable { pending: Vec::new() };

    /// `None` when the encoding is not known.
    pub fn new(encoding: &[u8]) -> Option<Self> {
        let encoding = encoding.trim_ascii();
        let is = |name: &str| encoding.eq_ignore_ascii_case(name.as_bytes());
        if encoding.is_empty() || ["7bit", "8bit", "binary"].into_iter().any(is) {
            return Some(Self::Identity);
        }
        let known = [("base64", Self::BASE64), ("quoted-printable", Self::QUOTED_PRINTABLE)];
        known.into_iter().find_map(|(name, decoder)| is(name).then_some(decoder))
    }

    /// Appends to `content` what `octets` bring.
    pub fn feed(&mut self, octets: &[u8], content: &mut Vec<u8>) {
        match self {
            Self::Identity => content.extend_from_slice(octets),
            Self::Base64 { bits, digits } => {
                for &octet in octets {
                    match BASE64[usize::from(octet)] {
                        SKIP => {}
                        PAD => flush_base64(bits, digits, content),
                        value => {
                            *bits = *bits << 6 | u32::from(value);
                            *digits += 1;
                            if *digits == 4 {
                                content.extend_from_slice(&bits.to_be_bytes()[1..]);
                                (*bits, *digits) = (0, 0);
                            }
                        }
                    }
                }
            }
            Self::QuotedPrintable { pending } => feed_quoted_printable(pending, octets, content),
        }
    }

    /// The body is complete.
    pub fn finish(&mut self, content: &mut Vec<u8>) {
        match self {
            Self::Identity => {}
            Self::Base64 { bits, digits } => flush_base64(bits, digits, content),
            // A lone `=` at the end is a soft line break that lost its line.
            Self::QuotedPrintable { pending } if pending.trim_ascii_end() == b"=" => pending.clear(),
            // The end is a line end too.
            Self::QuotedPrintable { pending } if pending.first().is_some_and(u8::is_ascii_whitespace) => {
                content.extend(pending.pop().filter(|&last| last == b'\r'));
                pending.clear();
            }
            Self::QuotedPrintable { pending } => content.append(pending),
        }
    }
}

/// The whole octets of an unfinished group.
fn flush_base64(bits: &mut u32, digits: &mut u8, content: &mut Vec<u8>) {
    match digits {
        2 => content.push((*bits >> 4) as u8),
        3 => content.extend_from_slice(&[(*bits >> 10) as u8, (*bits >> 2) as u8]),
        _ => {}
    }
    (*bits, *digits) = (0, 0);
}

fn feed_quoted_printable(pending: &mut Vec<u8>, octets: &[u8], content: &mut Vec<u8>) {
    let mut rest = octets;
    while let Some(&octet) = rest.first() {
        if pending.is_empty() {
            let at = memchr::memchr2(b'=', b'\n', rest).unwrap_or(rest.len());
            let (text, behind) = rest.split_at(at);
            let kept = if behind.first() == Some(&b'=') { at } else { at - white_before_line_end(text) };
            content.extend_from_slice(&text[..kept]);
            pending.extend_from_slice(&text[kept..]);
            match behind.first() {
                Some(b'=') => pending.push(b'='),
                Some(_) => end_line(pending, content),
                None => {}
            }
            rest = behind.get(1..).unwrap_or_default();
            continue;
        }
        if pending[0] != b'=' {
            match octet {
                b'\n' => {
                    end_line(pending, content);
                    rest = &rest[1..];
                }
                b' ' | b'\t' | b'\r' => {
                    pending.push(octet);
                    let kept = pending.len() - white_before_line_end(pending);
                    content.extend(pending.drain(..kept));
                    rest = &rest[1..];
                }
                _ => content.append(pending),
            }
            continue;
        }
        match (&pending[1..], octet) {
            // A soft line break, maybe with white space that a gateway added.
            (_, b'\n') if pending[1..].iter().all(u8::is_ascii_whitespace) => pending.clear(),
            ([], b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => pending.push(octet),
            (&[high], b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if high.is_ascii_hexdigit() => {
                content.push(hex(high) << 4 | hex(octet));
                pending.clear();
            }
            (white, b' ' | b'\t' | b'\r')
                if white.len() < PENDING_MAX && white.iter().all(u8::is_ascii_whitespace) =>
            {
                pending.push(octet);
            }
            _ => {
                content.append(pending);
                continue;
            }
        }
        rest = &rest[1..];
    }
}

/// How many octets at the end of `text` may go, should a line end follow: white space and, with it, a CR.
fn white_before_line_end(text: &[u8]) -> usize {
    let before = text.strip_suffix(b"\r").unwrap_or(text);
    let white = before.iter().rev().take_while(|&&octet| matches!(octet, b' ' | b'\t')).count();
    (white + text.len() - before.len()).min(PENDING_MAX)
}

/// A line ends behind white space, which goes.
fn end_line(pending: &mut Vec<u8>, content: &mut Vec<u8>) {
    content.extend(pending.pop().filter(|&last| last == b'\r'));
    content.push(b'\n');
    pending.clear();
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

const SKIP: u8 = 0xff;
const PAD: u8 = 0xfe;
/// What each octet is worth in base64.
const BASE64: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [SKIP; 256];
    let mut value = 0;
    while value < alphabet.len() {
        table[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    table[b'=' as usize] = PAD;
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoding: &str, octets: &str, expected: &str) {
        let whole = decode_transfer(encoding.as_bytes(), octets.as_bytes()).expect("the encoding is known");
        assert_eq!(String::from_utf8_lossy(&whole), expected, "{octets:?}");
        let mut decoder = TransferDecoder::new(encoding.as_bytes()).expect("the encoding is known");
        let mut content = Vec::new();
        octets.bytes().for_each(|octet| decoder.feed(&[octet], &mut content));
        decoder.finish(&mut content);
        assert_eq!(content, &*whole, "octet by octet: {octets:?}");
    }

    #[test]
    fn identity() {
        check("7BIT", "a=20b", "a=20b");
        check("", "x", "x");
        assert_eq!(decode_transfer(b"x-uuencode", b"x"), None);
    }

    #[test]
    fn base64_is_lenient() {
        check("Base64", "SGFsbG8=", "Hallo");
        check("base64", "SGFs\r\nbG8", "Hallo");
        check("base64", "SGE=bGxv", "Hallo");
        check("base64", "S-G!Fs", "Hal");
        check("base64", "S", "");
        check("base64", "====", "");
    }

    #[test]
    fn quoted_printable_is_lenient() {
        check("Quoted-Printable", "J=C3=b6rg", "Jörg");
        check("quoted-printable", "soft=\r\nbreak= \t\nhere=\n", "softbreakhere");
        check("quoted-printable", "a=b", "a=b");
        check("quoted-printable", "a=4", "a=4");
        check("quoted-printable", "50=% a==41 =G1", "50=% a=A =G1");
        check("quoted-printable", "end=", "end");
        check("quoted-printable", "a= b", "a= b");
    }

    #[test]
    fn white_space_before_a_line_end_is_not_of_the_text() {
        check("quoted-printable", "a \t\r\nb  \nc =20\r\n", "a\r\nb\nc  \r\n");
        check("quoted-printable", "a b\tc \r d\r\r\n", "a b\tc \r d\r\r\n");
        check("quoted-printable", " \r\n\t\n\r\n", "\r\n\n\r\n");
        check("quoted-printable", "a \t =\r\n b = \nc", "a \t  b c");
        check("quoted-printable", "end \t", "end");
        check("quoted-printable", "end \r", "end\r");
        let long = format!("a{}\r\nb", " ".repeat(200));
        check("quoted-printable", &long, &format!("a{}\r\nb", " ".repeat(121)));
    }
}
