//! Dates and times, in the form of today and in that of RFC 1176.

use super::{Parsed, Span, octet};
use crate::types::{Date, DateTime, MONTHS, days_since_epoch};

/// ```abnf
/// date            = date-text / DQUOTE date-text DQUOTE
/// ```
pub(crate) fn date(input: Span<'_>) -> Parsed<'_, Date> {
    if input.first() != Some(b'"') {
        return date_text(input);
    }
    let (rest, date) = date_text(input.skip(1))?;
    let (rest, ()) = octet(b'"', "\"")(rest)?;
    Ok((rest, date))
}

/// ```abnf
/// date-text       = date-day "-" date-month "-" date-year
/// date-day        = 1*2DIGIT
/// date-day-fixed  = (SP DIGIT) / 2DIGIT
/// date-year       = 4DIGIT
/// ```
///
/// The year may have two digits: 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068.
fn date_text(input: Span<'_>) -> Parsed<'_, Date> {
    let start = if input.first() == Some(b' ') { input.skip(1) } else { input };
    let (rest, (day, _)) = digits(start, 1, 2)?;
    let (rest, ()) = octet(b'-', "date")(rest)?;
    let (rest, month) = month(rest)?;
    let (rest, ()) = octet(b'-', "date")(rest)?;
    let (rest, (year, length)) = digits(rest, 2, 4)?;
    let year = match (length, year) {
        (4, year) => year,
        (2, 69..) => 1900 + year,
        (2, _) => 2000 + year,
        _ => return input.fail("date"),
    };
    let day = i8::try_from(day).expect("it has two digits at most");
    let year = i16::try_from(year).expect("it has four digits at most");
    match Date::new(year, month, day) {
        Ok(date) => Ok((rest, date)),
        Err(_) => input.fail("date that exists"),
    }
}

/// ```abnf
/// date-month      = "Jan" / "Feb" / "Mar" / "Apr" / "May" / "Jun" /
///                   "Jul" / "Aug" / "Sep" / "Oct" / "Nov" / "Dec"
/// ```
fn month(input: Span<'_>) -> Parsed<'_, i8> {
    let month = input.octets().get(..3).and_then(|name| {
        MONTHS.iter().zip(1i8..).find(|(month, _)| month.as_bytes().eq_ignore_ascii_case(name))
    });
    match month {
        Some((_, number)) => Ok((input.skip(3), number)),
        None => input.fail("month"),
    }
}

/// `min` to `max` digits: the value and how many they are.
fn digits(input: Span<'_>, min: usize, max: usize) -> Parsed<'_, (i32, usize)> {
    let octets = input.octets();
    let length = octets.iter().take(max).take_while(|octet| octet.is_ascii_digit()).count();
    if length < min {
        return input.fail("digit");
    }
    let value = octets[..length].iter().fold(0, |value, octet| value * 10 + i32::from(octet - b'0'));
    Ok((input.skip(length), (value, length)))
}

/// ```abnf
/// date-time       = DQUOTE date-day-fixed "-" date-month "-" date-year
///                   SP time SP zone DQUOTE
/// ```
///
/// RFC 2062 has also `SP time "-" zone_name`.
pub(crate) fn date_time(input: Span<'_>) -> Parsed<'_, DateTime> {
    let (rest, ()) = octet(b'"', "date and time")(input)?;
    let (rest, date) = date_text(rest)?;
    let (rest, ()) = octet(b' ', "SP")(rest)?;
    let (rest, seconds_of_day) = time(rest)?;
    let (rest, offset_minutes) = zone(rest)?;
    let (rest, ()) = octet(b'"', "\"")(rest)?;
    let days = days_since_epoch(date);
    let seconds = days * 86_400 + i64::from(seconds_of_day) - i64::from(offset_minutes) * 60;
    match DateTime::new(seconds, offset_minutes) {
        Some(date_time) => Ok((rest, date_time)),
        None => input.fail("date that exists"),
    }
}

/// ```abnf
/// time            = 2DIGIT ":" 2DIGIT ":" 2DIGIT
///                     ; Hours minutes seconds
/// ```
///
/// In seconds since midnight; a leap second is the first second of the next minute.
fn time(input: Span<'_>) -> Parsed<'_, i32> {
    let (rest, (hours, _)) = digits(input, 2, 2)?;
    let (rest, ()) = octet(b':', ":")(rest)?;
    let (rest, (minutes, _)) = digits(rest, 2, 2)?;
    let (rest, ()) = octet(b':', ":")(rest)?;
    let (rest, (seconds, _)) = digits(rest, 2, 2)?;
    if hours > 23 || minutes > 59 || seconds > 60 {
        return input.fail("time that exists");
    }
    Ok((rest, hours * 3600 + minutes * 60 + seconds))
}

/// ```abnf
/// zone            = ("+" / "-") 4DIGIT
/// ```
///
/// Or a zone's name of RFC 2062 behind SP or `-`, in minutes east of UTC.
fn zone(input: Span<'_>) -> Parsed<'_, i16> {
    let start = match input.octets() {
        [b' ', ..] => input.skip(1),
        [b'-', letter, ..] if letter.is_ascii_alphabetic() => input.skip(1),
        _ => return input.fail("zone"),
    };
    let sign = match start.first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return zone_name(start),
    };
    let (rest, (value, _)) = digits(start.skip(1), 4, 4)?;
    let (hours, minutes) = (value / 100, value % 100);
    if hours > 23 || minutes > 59 {
        return start.fail("zone that exists");
    }
    let offset = sign * (hours * 60 + minutes);
    Ok((rest, i16::try_from(offset).expect("it is under a day")))
}

/// ```abnf
/// zone_name       ::= "UT" / "GMT" / "Z" /                ;; +0000
///                     "AST" / "EDT" /                     ;; -0400
///                     "EST" / "CDT" /                     ;; -0500
///                     "CST" / "MDT" /                     ;; -0600
///                     "MST" / "PDT" /                     ;; -0700
///                     "PST" / "YDT" /                     ;; -0800
///                     "YST" / "HDT" /                     ;; -0900
///                     "HST" / "BDT" /                     ;; -1000
///                     "BST" /                             ;; -1100
///                     "A" / "B" / "C" / "D" / "E" / "F" / ;; +1 to +6
///                     "G" / "H" / "I" / "K" / "L" / "M" / ;; +7 to +12
///                     "N" / "O" / "P" / "Q" / "R" / "S" / ;; -1 to -6
///                     "T" / "U" / "V" / "W" / "X" / "Y"   ;; -7 to -12
/// ```
///
/// From RFC 2062 §3; the offset in minutes.
fn zone_name(input: Span<'_>) -> Parsed<'_, i16> {
    let length = input.octets().iter().take_while(|octet| octet.is_ascii_alphabetic()).count();
    let (rest, name) = input.split(length);
    let hours = match name.to_upper().as_str() {
        "UT" | "UTC" | "GMT" | "Z" => 0,
        "AST" | "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" | "YDT" => -8,
        "YST" | "HDT" => -9,
        "HST" | "BDT" => -10,
        "BST" => -11,
        name => match military_hours(name) {
            Some(hours) => hours,
            None => return input.fail("zone"),
        },
    };
    Ok((rest, hours * 60))
}

fn military_hours(name: &str) -> Option<i16> {
    let &[letter] = name.as_bytes() else { return None };
    let number = i16::from(letter);
    match letter {
        b'A'..=b'I' => Some(number - i16::from(b'A') + 1),
        b'K'..=b'M' => Some(number - i16::from(b'K') + 10),
        b'N'..=b'Y' => Some(i16::from(b'N') - number - 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// The date and time as we write it, or what was expected.
    fn read(text: &str) -> String {
        let frame = Bytes::copy_from_slice(text.as_bytes());
        match date_time(Span::new(&frame)) {
            Ok((rest, date)) => {
                assert!(rest.is_empty(), "{text} is read whole");
                let mut out = Vec::new();
                date.write(&mut out);
                String::from_utf8(out).expect("a date is ASCII")
            }
            Err(error) => match error {
                nom::Err::Error(error) => error.to_string(),
                other => panic!("{other:?}"),
            },
        }
    }

    #[test]
    fn dates_of_every_age() {
        for (text, expected) in [
            ("\"17-Jul-1996 02:44:25 -0700\"", "\"17-Jul-1996 02:44:25 -0700\""),
            ("\" 7-JUL-1996 02:44:25 +0530\"", "\"07-Jul-1996 02:44:25 +0530\""),
            ("\"7-jul-96 02:44:25-PST\"", "\"07-Jul-1996 02:44:25 -0800\""),
            ("\"7-Jul-68 02:44:25 z\"", "\"07-Jul-2068 02:44:25 +0000\""),
            ("\"7-Jul-69 02:44:25 UT\"", "\"07-Jul-1969 02:44:25 +0000\""),
            ("\"31-Dec-2016 23:59:60 +0000\"", "\"01-Jan-2017 00:00:00 +0000\""),
            ("\"29-Feb-2000 00:00:00 -A\"", "expected digit at octet 23"),
            ("\"29-Feb-2000 00:00:00-A\"", "\"29-Feb-2000 00:00:00 +0100\""),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_date() {
        for (text, expected) in [
            ("17-Jul-1996 02:44:25 -0700", "expected date and time at octet 0"),
            ("\"31-Feb-1996 02:44:25 -0700\"", "expected date that exists at octet 1"),
            ("\"17-Jul-19961 02:44:25 -0700\"", "expected SP at octet 12"),
            ("\"17-Jul-1996 24:00:00 -0700\"", "expected time that exists at octet 13"),
            ("\"17-Jul-1996 02:44:25 -2400\"", "expected zone that exists at octet 22"),
            ("\"17-Jul-1996 02:44:25 J\"", "expected zone at octet 22"),
            ("\"17-Jul-1996 02:44:25\"", "expected zone at octet 21"),
            ("\"31-Dec-9999 23:59:60 +0000\"", "expected date that exists at octet 0"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn the_military_letters() {
        let hours = |letter: char| zone_name_hours(&letter.to_string());
        assert_eq!("ABCDEFGHIKLM".chars().map(hours).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
        assert_eq!(
            "NOPQRSTUVWXY".chars().map(hours).collect::<Vec<_>>(),
            (-12..=-1).rev().collect::<Vec<_>>()
        );
    }

    fn zone_name_hours(name: &str) -> i16 {
        let frame = Bytes::copy_from_slice(name.as_bytes());
        zone_name(Span::new(&frame)).expect("a zone").1 / 60
    }
}
