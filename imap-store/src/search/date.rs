//! The day of a Date field, as written, disregarding time and zone (RFC 9051 §6.4.4, SENTON).

use imap_proto::types::Date;

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// Reads RFC 5322 dates, old and new, with and without day of the week; also asctime's
/// (`Mon Jan  1 00:00:00 2026`), `1-Jan-2026` and `2026-01-31`, which some programs write.
pub(crate) fn parse(value: &[u8]) -> Option<Date> {
    let mut words = value
        .split(|octet| b" \t\r\n,-/.()".contains(octet) || *octet == b'T')
        .filter(|word| !word.is_empty())
        .take(12);
    let mut day = None;
    while let Some(word) = words.next() {
        if let Some(month) = month(word) {
            return with_month(day, month, words);
        }
        match number(word) {
            Some(year @ 1_000..) => {
                let (month, day) = (number(words.next()?)?, number(words.next()?)?);
                return Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok();
            }
            found => day = found,
        }
    }
    None
}

/// The month's name was read, `day` maybe before it.
fn with_month<'a>(day: Option<i16>, month: i8, mut words: impl Iterator<Item = &'a [u8]>) -> Option<Date> {
    let (day, year) = match day {
        Some(day) => (day, number(words.next()?)?),
        None => (number(words.next()?)?, words.filter_map(number).find(|&year| year >= 1_000)?),
    };
    // RFC 5322 §4.3: two and three digits.
    let year = match year {
        0..50 => year + 2_000,
        50..1_000 => year + 1_900,
        _ => year,
    };
    Date::new(year, month, day.try_into().ok()?).ok()
}

fn month(word: &[u8]) -> Option<i8> {
    let start = word.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| *month == start)?;
    word.iter().all(u8::is_ascii_alphabetic).then_some(at as i8 + 1)
}

fn number(word: &[u8]) -> Option<i16> {
    std::str::from_utf8(word)
        .ok()
        .filter(|word| word.bytes().all(|octet| octet.is_ascii_digit()))?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (value, expected) in [
            ("Thu, 1 Jan 2026 23:30:00 -0800", Some((2026, 1, 1))),
            ("01 feb 26 00:00 GMT", Some((2026, 2, 1))),
            ("Fri,  1 Jan 99 0:00 EST", Some((1999, 1, 1))),
            ("1 Jan 126 00:00", Some((2026, 1, 1))),
            ("Thu Jan  1 00:00:00 2026", Some((2026, 1, 1))),
            ("Thu, 01-Jan-2026 00:00:00", Some((2026, 1, 1))),
            ("2026-01-31T00:00:00Z", Some((2026, 1, 31))),
            ("1 January 2026", Some((2026, 1, 1))),
            ("Tue, 1 Sept 2026", Some((2026, 9, 1))),
            ("31 Feb 2026", None),
            ("yesterday", None),
            ("", None),
        ] {
            let date = parse(value.as_bytes()).map(|date| (date.year(), date.month(), date.day()));
            assert_eq!(date, expected, "{value}");
        }
    }
}
