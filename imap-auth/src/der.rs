//! As much of DER (X.690) as a certificate needs.

/// The content of the DER element at the beginning, which has to have that tag, and what is behind it.
pub(crate) fn der(octets: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(octets)?;
    (found == tag).then_some((content, rest))
}

/// The tag and the content of the DER element at the beginning, and what is behind it.
pub(crate) fn element(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, short], rest) = octets.split_first_chunk::<2>()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (length.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The elements one after another; what is damaged ends them.
#[cfg(feature = "server")]
pub(crate) fn elements(mut octets: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, content, rest) = element(octets)?;
        octets = rest;
        Some((tag, content))
    })
}

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
