//! UTC as a receiver tells it, and the way from there to TAI.

use std::fmt;

use ptp_wire::TimePoint;

use crate::leap::LeapTable;

/// A UTC time. Second 60 is a leap second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UtcTime {
    year: i32,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanosecond: u32,
}

impl UtcTime {
    /// `None` if there is no such time.
    pub fn new(date: (i32, u8, u8), time: (u8, u8, u8), nanosecond: u32) -> Option<Self> {
        let ((year, month, day), (hour, minute, second)) = (date, time);
        let leap = second == 60 && (hour, minute) == (23, 59);
        let exists = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && (second < 60 || leap)
            && nanosecond < 1_000_000_000;
        exists.then_some(Self { year, month, day, hour, minute, second, nanosecond })
    }

    /// Of seconds since 1970 without leap seconds, until 9999.
    pub fn from_unix(unix: i64, nanosecond: u32) -> Option<Self> {
        let (days, second) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
        // Days since March of the year 0: then leap days come last.
        let z = days + 719_468;
        let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let small = |v: i64| u8::try_from(v).ok();
        let date = (
            i32::try_from(year).ok().filter(|_| (0..=253_402_300_799).contains(&unix))?,
            small(month)?,
            small(of_year - (153 * shifted + 2) / 5 + 1)?,
        );
        Self::new(date, (small(second / 3600)?, small(second / 60 % 60)?, small(second % 60)?), nanosecond)
    }

    /// The fraction of its second.
    pub const fn nanosecond(&self) -> u32 {
        self.nanosecond
    }

    /// A full second.
    pub const fn is_whole(&self) -> bool {
        self.nanosecond == 0
    }

    /// Seconds since 1970 without leap seconds; a leap second counts as the one after it.
    pub fn unix(&self) -> i64 {
        self.minute_start() + i64::from(self.second)
    }

    /// Nanoseconds since 1970 without leap seconds.
    pub fn unix_nanos(&self) -> i128 {
        i128::from(self.unix()) * 1_000_000_000 + i128::from(self.nanosecond)
    }

    /// The time in TAI, PTP's timescale; `None` before 1972.
    pub fn tai(&self, leaps: &LeapTable) -> Option<TimePoint> {
        // TAI - UTC changes between days: that of the minute's beginning is right for a leap second, too.
        let offset = leaps.tai_offset(self.minute_start())?;
        Some(TimePoint::from_nanos(self.unix_nanos() + i128::from(offset) * 1_000_000_000))
    }

    fn minute_start(&self) -> i64 {
        days_since_1970(self.year, self.month, self.day) * 86_400
            + i64::from(self.hour) * 3600
            + i64::from(self.minute) * 60
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, nanosecond } = self;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
            nanosecond / 1_000_000
        )
    }
}

const fn is_leap_year(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Of a date that exists, 1970 to 9999.
fn days_since_1970(year: i32, month: u8, day: u8) -> i64 {
    let years: i64 = (1970..year).map(|y| if is_leap_year(y) { 366 } else { 365 }).sum();
    let months: i64 = (1..month).map(|m| i64::from(days_in_month(year, m))).sum();
    years + months + i64::from(day) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(date: (i32, u8, u8), time: (u8, u8, u8)) -> UtcTime {
        UtcTime::new(date, time, 0).expect("a time that exists")
    }

    #[test]
    fn known_instants() {
        assert_eq!(at((1970, 1, 1), (0, 0, 0)).unix(), 0);
        assert_eq!(at((2000, 3, 1), (0, 0, 0)).unix(), 951_868_800);
        assert_eq!(at((2026, 11, 21), (4, 48, 30)).unix(), 1_795_236_510);
        assert_eq!(at((2038, 1, 19), (3, 14, 8)).unix(), 1 << 31);
        assert_eq!(at((2026, 11, 21), (4, 48, 30)).to_string(), "2026-11-21T04:48:30.000Z");
    }

    #[test]
    fn from_seconds_and_back() {
        for day in (0..2_932_896).step_by(97) {
            let unix = day * 86_400 + day % 86_400;
            assert_eq!(UtcTime::from_unix(unix, 7).map(|t| (t.unix(), t.nanosecond())), Some((unix, 7)));
        }
        assert_eq!(
            UtcTime::from_unix(253_402_300_799, 0).map(|t| t.to_string()),
            Some("9999-12-31T23:59:59.000Z".into())
        );
        for none in [-1, 253_402_300_800, i64::MAX / 2, i64::MIN / 2] {
            assert_eq!(UtcTime::from_unix(none, 0), None);
        }
    }

    #[test]
    fn a_leap_second_is_a_second_of_its_own_in_tai() {
        let leaps = LeapTable::parse("3644697600 36\n3692217600 37\n").expect("a table");
        let tai = |t: UtcTime| t.tai(&leaps).expect("after 1972").nanos() / 1_000_000_000;
        let before = tai(at((2016, 12, 31), (23, 59, 59)));
        assert_eq!(tai(at((2016, 12, 31), (23, 59, 60))), before + 1);
        assert_eq!(tai(at((2017, 1, 1), (0, 0, 0))), before + 2);
        assert_eq!(tai(at((2017, 1, 1), (0, 0, 0))), 1_483_228_800 + 37);
    }

    #[test]
    fn times_that_do_not_exist() {
        for (date, time) in [
            ((2026, 2, 29), (0, 0, 0)),
            ((2026, 0, 1), (0, 0, 0)),
            ((2026, 13, 1), (0, 0, 0)),
            ((2026, 1, 0), (0, 0, 0)),
            ((2026, 1, 1), (24, 0, 0)),
            ((2026, 1, 1), (0, 60, 0)),
            ((2026, 1, 1), (12, 59, 60)),
            ((1969, 1, 1), (0, 0, 0)),
        ] {
            assert_eq!(UtcTime::new(date, time, 0), None, "{date:?} {time:?}");
        }
    }
}
