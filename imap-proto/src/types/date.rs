//! Dates: [`Date`] of SEARCH, [`DateTime`] of INTERNALDATE.

/// A day, as SEARCH names it (RFC 9051 §9, `date`).
pub type Date = jiff::civil::Date;

/// A point in time with the offset it was told in: INTERNALDATE (RFC 9051 §9, `date-time`).
///
/// The offset is kept since clients and SEARCH BEFORE/ON/SINCE look at the day as written (RFC 9051 §6.4.4:
/// "disregarding time and timezone").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    seconds: i64,
    offset_minutes: i16,
}

impl DateTime {
    /// `seconds` since 1970-01-01 00:00:00 UTC, 0001-01-01..=9999-12-31 in local time;
    /// `offset_minutes` east of UTC, -1,439..=1,439. `None` out of these ranges.
    pub fn new(seconds: i64, offset_minutes: i16) -> Option<Self> {
        let date_time = Self { seconds, offset_minutes };
        let local = seconds.checked_add(i64::from(offset_minutes) * 60)?;
        let fits = (LOCAL_SECONDS_MIN..=LOCAL_SECONDS_MAX).contains(&local)
            && (-1_439..=1_439).contains(&offset_minutes);
        fits.then_some(date_time)
    }

    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Minutes east of UTC.
    pub fn offset_minutes(self) -> i16 {
        self.offset_minutes
    }

    /// The day as written, in the offset of the date itself.
    pub fn local_date(self) -> Date {
        date_of(self.local_seconds().div_euclid(DAY_SECONDS))
    }

    /// Writes `"01-Jan-2026 09:00:00 +0000"`, quotes included (RFC 9051 §9, `date-time`).
    ///
    /// A day under 10 has its zero rather than a space: the grammar has both, and clients that split at
    /// spaces read only this one.
    pub fn write(self, out: &mut Vec<u8>) {
        let time = self.local_seconds().rem_euclid(DAY_SECONDS);
        let date = self.local_date();
        let offset = i64::from(self.offset_minutes.abs());
        out.push(b'"');
        two_digits(out, i64::from(date.day()));
        month_and_year(out, date);
        out.push(b' ');
        two_digits(out, time / 3_600);
        out.push(b':');
        two_digits(out, time / 60 % 60);
        out.push(b':');
        two_digits(out, time % 60);
        out.extend_from_slice(if self.offset_minutes < 0 { b" -" } else { b" +" });
        two_digits(out, offset / 60);
        two_digits(out, offset % 60);
        out.push(b'"');
    }

    /// Writes `" 1-Jan-26 09:00:00-GMT"`, quotes included, in Universal Time: the form of RFC 1176.
    pub fn write_old(self, out: &mut Vec<u8>) {
        let seconds = self.seconds.clamp(LOCAL_SECONDS_MIN, LOCAL_SECONDS_MAX);
        let time = seconds.rem_euclid(DAY_SECONDS);
        let date = date_of(seconds.div_euclid(DAY_SECONDS));
        let month = usize::from(date.month().unsigned_abs()) - 1;
        let day = date.day();
        let year = date.year().rem_euclid(100);
        let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
        let month = MONTHS[month];
        let text = format!("\"{day:>2}-{month}-{year:02} {hour:02}:{minute:02}:{second:02}-GMT\"");
        out.extend_from_slice(text.as_bytes());
    }

    fn local_seconds(self) -> i64 {
        self.seconds + i64::from(self.offset_minutes) * 60
    }
}

/// Writes `1-Feb-2026` (RFC 9051 §9, `date-text`).
pub(crate) fn write_date(out: &mut Vec<u8>, date: Date) {
    crate::wire::write::number(out, u64::from(date.day().unsigned_abs()));
    month_and_year(out, date);
}

fn month_and_year(out: &mut Vec<u8>, date: Date) {
    let month = usize::from(date.month().unsigned_abs()) - 1;
    out.push(b'-');
    out.extend_from_slice(MONTHS[month].as_bytes());
    out.push(b'-');
    let year = i64::from(date.year());
    two_digits(out, year / 100);
    two_digits(out, year % 100);
}

fn two_digits(out: &mut Vec<u8>, number: i64) {
    let digit = |value: i64| b'0' + u8::try_from(value.rem_euclid(10)).expect("it is under 10");
    out.extend([digit(number / 10), digit(number)]);
}

/// Days from 1970-01-01 to `date`; negative before.
pub(crate) fn days_since_epoch(date: Date) -> i64 {
    date.duration_since(EPOCH).as_hours() / 24
}

/// The day that is `days` after 1970-01-01.
fn date_of(days: i64) -> Date {
    EPOCH.checked_add(jiff::Span::new().days(days)).expect("the constructor checked the range")
}

/// The months as the wire spells them.
pub(crate) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const EPOCH: Date = jiff::civil::date(1970, 1, 1);
const DAY_SECONDS: i64 = 86_400;
/// 0001-01-01 00:00:00.
const LOCAL_SECONDS_MIN: i64 = -62_135_596_800;
/// 9999-12-31 23:59:59.
const LOCAL_SECONDS_MAX: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(seconds: i64, offset_minutes: i16) -> String {
        let mut out = Vec::new();
        DateTime::new(seconds, offset_minutes).expect("in range").write(&mut out);
        String::from_utf8(out).expect("a date is ASCII")
    }

    #[test]
    fn dates_are_written_in_their_own_offset() {
        assert_eq!(written(0, 0), "\"01-Jan-1970 00:00:00 +0000\"");
        assert_eq!(written(0, -1), "\"31-Dec-1969 23:59:00 -0001\"");
        assert_eq!(written(837_596_665, -420), "\"17-Jul-1996 02:44:25 -0700\"");
        assert_eq!(written(LOCAL_SECONDS_MIN, 0), "\"01-Jan-0001 00:00:00 +0000\"");
        assert_eq!(written(LOCAL_SECONDS_MAX, 0), "\"31-Dec-9999 23:59:59 +0000\"");
    }

    #[test]
    fn the_form_of_1988_is_told_in_universal_time() {
        let mut out = Vec::new();
        DateTime::new(581_864_144, -420).expect("in range").write_old(&mut out);
        assert_eq!(String::from_utf8(out).expect("a date is ASCII"), "\" 9-Jun-88 12:55:44-GMT\"");
    }

    #[test]
    fn what_the_wire_cannot_carry_is_refused() {
        assert_eq!(DateTime::new(LOCAL_SECONDS_MAX, 1), None);
        assert_eq!(DateTime::new(LOCAL_SECONDS_MIN, -1), None);
        assert_eq!(DateTime::new(0, 1_440), None);
        assert_eq!(DateTime::new(0, i16::MIN), None);
        assert_eq!(DateTime::new(i64::MAX, 1), None);
    }
}
