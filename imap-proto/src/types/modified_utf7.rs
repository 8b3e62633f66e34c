//! Modified UTF-7 (RFC 3501 §5.1.3): printable ASCII is itself but for `&`, which is `&-`; all else is UTF-16
//! in base64 with `,` for `/` and no padding, between `&` and `-`.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// `text` in modified UTF-7.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut shifted: Vec<u16> = Vec::new();
    for c in text.chars() {
        if !matches!(c, ' '..='~') {
            shifted.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            continue;
        }
        end_shift(&mut out, &mut shifted);
        out.push(c as u8);
        if c == '&' {
            out.push(b'-');
        }
    }
    end_shift(&mut out, &mut shifted);
    out
}

/// Writes what was gathered for base64, if anything was.
fn end_shift(out: &mut Vec<u8>, shifted: &mut Vec<u16>) {
    if shifted.is_empty() {
        return;
    }
    out.push(b'&');
    let (mut bits, mut bit_count) = (0u32, 0);
    for unit in shifted.drain(..) {
        bits = bits << 16 | u32::from(unit);
        bit_count += 16;
        while bit_count >= 6 {
            bit_count -= 6;
            out.push(ALPHABET[(bits >> bit_count & 63) as usize]);
        }
        bits &= (1 << bit_count) - 1;
    }
    if bit_count > 0 {
        out.push(ALPHABET[(bits << (6 - bit_count) & 63) as usize]);
    }
    out.push(b'-');
}

/// The text of `octets`. `None` for anything that [`encode`] would not have written: so a mailbox has one
/// name on the wire and not several.
pub(super) fn decode(octets: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((&first, behind)) = rest.split_first() {
        if first != b'&' {
            text.push(char::from(first));
            rest = behind;
            continue;
        }
        let length = behind.iter().position(|&octet| octet == b'-')?;
        match &behind[..length] {
            [] => text.push('&'),
            shifted => text.push_str(&decode_shift(shifted)?),
        }
        rest = &behind[length + 1..];
    }
    (encode(&text) == octets).then_some(text)
}

fn decode_shift(octets: &[u8]) -> Option<String> {
    let (mut bits, mut bit_count) = (0u32, 0);
    let mut units = Vec::with_capacity(octets.len() / 2);
    for octet in octets {
        let value = ALPHABET.iter().position(|letter| letter == octet)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        bit_count += 6;
        if bit_count >= 16 {
            bit_count -= 16;
            units.push((bits >> bit_count) as u16);
            bits &= (1 << bit_count) - 1;
        }
    }
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_names() {
        for (text, wire) in [
            ("", ""),
            ("R&D", "R&-D"),
            ("Entw\u{fc}rfe", "Entw&APw-rfe"),
            // RFC 3501 §5.1.3.
            ("~peter/mail/\u{53f0}\u{5317}/\u{65e5}\u{672c}\u{8a9e}", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("\u{1f600}", "&2D3eAA-"),
        ] {
            assert_eq!(String::from_utf8_lossy(&encode(text)), wire);
            assert_eq!(decode(wire.as_bytes()).as_deref(), Some(text));
        }
    }

    #[test]
    fn only_the_canonical_form_is_read() {
        for bad in [
            "&",          // not closed
            "R&D",        // the same
            "&APw",       // the same
            "&!-",        // not base64
            "&APx-",      // bits left over that are not 0
            "&AGEAYg-",   // printable ASCII in base64
            "&APw-&APw-", // two shifts in a row (RFC 3501 §5.1.3: "superfluous shifts")
            "&2D0-",      // half of a surrogate pair
            "&ACY-",      // `&` in base64
            "&A-",        // not a whole unit
            "\u{fc}",     // raw UTF-8
            "a\u{7f}",    // a control
        ] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes(text in ".*") {
            prop_assert_eq!(decode(&encode(&text)), Some(text));
        }

        #[test]
        fn what_decodes_is_encoded_so(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(text) = decode(&octets) {
                prop_assert_eq!(encode(&text), octets);
            }
        }
    }
}
