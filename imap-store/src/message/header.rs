//! Header blocks: their fields, and which of them listings need.

use std::borrow::Cow;

/// The fields that a summary keeps verbatim: those of ENVELOPE and BODYSTRUCTURE, and what clients ask for
/// when they list a mailbox (Thunderbird, Apple Mail, Outlook, K-9, mutt, alpine, Roundcube).
pub(super) const KEPT_FIELDS: [&str; 38] = [
    "Auto-Submitted",
    "Bcc",
    "Cc",
    "Content-Description",
    "Content-Disposition",
    "Content-ID",
    "Content-Language",
    "Content-Location",
    "Content-MD5",
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "Delivered-To",
    "Disposition-Notification-To",
    "From",
    "Importance",
    "In-Reply-To",
    "Keywords",
    "List-Id",
    "List-Post",
    "List-Unsubscribe",
    "Mail-Followup-To",
    "Mail-Reply-To",
    "Message-ID",
    "MIME-Version",
    "Newsgroups",
    "Precedence",
    "Priority",
    "References",
    "Reply-To",
    "Return-Path",
    "Sender",
    "Subject",
    "To",
    "User-Agent",
    "X-Label",
    "X-Mailer",
    "X-Priority",
];

/// Whether a summary keeps the fields of that name.
pub(super) fn is_kept(name: &[u8]) -> bool {
    // Few are as long as each other: the lengths alone are compared faster than a binary search compares names.
    KEPT_FIELDS.iter().any(|kept| kept.len() == name.len() && kept.as_bytes().eq_ignore_ascii_case(name))
}

/// One field of a header, or a line that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// Its name; empty for a line that is no field.
    pub(crate) name: &'a [u8],
    /// What follows the colon, with its folding, without the last line end.
    pub(crate) value: &'a [u8],
    /// All of it, as it stands.
    pub(crate) raw: &'a [u8],
}

/// The fields of a header in order, up to the empty line or the end.
pub(crate) fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    raw_fields(header).map(|raw| {
        let (name, value) = match field_name(raw) {
            Some(name) => {
                let colon = memchr::memchr(b':', raw).map_or(raw.len(), |at| at + 1);
                (name, without_line_end(&raw[colon..]))
            }
            None => (&raw[..0], without_line_end(raw)),
        };
        Field { name, value, raw }
    })
}

/// The fields of a header that have that name, in order: what [`fields`] finds, without a look at other fields' names.
pub(crate) fn fields_named<'a>(header: &'a [u8], name: &[u8]) -> impl Iterator<Item = Field<'a>> {
    raw_fields(header).filter_map(move |raw| field_named(raw, name))
}

/// A field, if it has that name.
pub(super) fn field_named<'a>(raw: &'a [u8], name: &[u8]) -> Option<Field<'a>> {
    // Most differ here.
    if !raw.first()?.eq_ignore_ascii_case(name.first()?) {
        return None;
    }
    let (found, behind) = raw.split_at_checked(name.len())?;
    let value = behind.trim_ascii_start().strip_prefix(b":")?;
    let is_name = |octet: &u8| octet.is_ascii_graphic() && *octet != b':';
    (found.eq_ignore_ascii_case(name) && found.iter().all(is_name)).then(|| Field {
        name: found,
        value: without_line_end(value),
        raw,
    })
}

/// The fields of a header as they stand, and lines that are none, up to the empty line or the end.
pub(super) fn raw_fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let (raw, behind) = rest.split_at(field_end(rest)?);
        rest = behind;
        Some(raw)
    })
}

/// Where the field at the start of `rest` ends; `None` at the end of the header.
fn field_end(rest: &[u8]) -> Option<usize> {
    if rest.is_empty() || is_empty_line(rest) {
        return None;
    }
    for newline in memchr::memchr_iter(b'\n', rest) {
        if !matches!(rest.get(newline + 1), Some(b' ' | b'\t')) {
            return Some(newline + 1);
        }
    }
    Some(rest.len())
}

/// The name of the field that begins a line (RFC 5322 §2.2: printable, no colon; white space before the
/// colon is old syntax); `None` when the line begins no field.
pub(super) fn field_name(line: &[u8]) -> Option<&[u8]> {
    let name = line[..memchr::memchr(b':', line)?].trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(name)
}

/// Whether `line` begins with the line that ends a header.
pub(super) fn is_empty_line(line: &[u8]) -> bool {
    line.starts_with(b"\r\n") || line.starts_with(b"\n")
}

/// `line` without the LF or CRLF at its end.
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The first field of that name, unfolded.
pub(crate) fn first<'a>(header: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
    fields_named(header, name.as_bytes()).next().map(|field| unfold(field.value))
}

/// A field's value on one line: line ends are taken out (RFC 5322 §2.2.3), white space around it too. NUL,
/// which no IMAP string can carry, becomes `?`.
pub(crate) fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if memchr::memchr2(b'\n', 0, value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut line = Vec::with_capacity(value.len());
    for &octet in value {
        match octet {
            b'\n' => {
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
            }
            0 => line.push(b'?'),
            other => line.push(other),
        }
    }
    Cow::Owned(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &[u8] =
        b"From mbox line\r\nSubject: a\r\n b\r\nX-Odd : c\nno field\r\nsubject:\r\n\r\nSubject: body";

    #[test]
    fn fields_end_at_the_empty_line_and_keep_their_folding() {
        let all: Vec<_> = fields(HEADER).map(|field| (field.name, field.value)).collect();
        assert_eq!(
            all,
            [
                (&b""[..], &b"From mbox line"[..]),
                (b"Subject", b" a\r\n b"),
                (b"X-Odd", b" c"),
                (b"", b"no field"),
                (b"subject", b"")
            ]
        );
    }

    proptest! {
        /// However odd the header, and whatever is asked for.
        #[test]
        fn fields_of_a_name_are_those_that_have_it(
            header in "([aAb:\\- \t\u{7f}\u{c}]|\r|\n|\r\n|a:|b :|\r\n )*",
            name in "[abA: ]{0,2}",
        ) {
            let named: Vec<_> = fields_named(header.as_bytes(), name.as_bytes()).collect();
            let same = |field: &Field<'_>| !field.name.is_empty() && field.name.eq_ignore_ascii_case(name.as_bytes());
            prop_assert_eq!(named, fields(header.as_bytes()).filter(same).collect::<Vec<_>>());
        }
    }

    #[test]
    fn unfolding_takes_out_line_ends_only() {
        assert_eq!(&*unfold(b" a\r\n\tb\n c \r\n "), b"a\tb c");
        assert_eq!(&*unfold(b"a\0b"), b"a?b");
    }

    #[test]
    fn kept_fields_are_sorted_and_each_stands_once() {
        assert!(
            KEPT_FIELDS.windows(2).all(|pair| pair[0].to_ascii_lowercase() < pair[1].to_ascii_lowercase())
        );
        assert!(is_kept(b"message-id") && !is_kept(b"Received"));
    }
}
