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
        let _ = (seconds, offset_minutes);
        todo!()
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
        todo!()
    }

    /// Writes `"01-Jan-2026 09:00:00 +0000"`, quotes included (RFC 9051 §9, `date-time`).
    pub fn write(self, out: &mut Vec<u8>) {
        let _ = out;
        todo!()
    }
}
