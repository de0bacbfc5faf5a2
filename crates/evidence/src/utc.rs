//! Times as records have them: `2026-11-20T12:00:00.123456789Z`.

use std::fmt::Write as _;

/// A day, ns. Leap seconds do not count: UTC here is as POSIX has it.
pub const DAY_NS: i64 = 86_400_000_000_000;

/// Year, month and day of a number of days since 1970 (proleptic Gregorian).
fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 0000-03-01, so that the leap day ends the year.
    let from_march = days + 719_468;
    let (era, of_era) = (from_march.div_euclid(146_097), from_march.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970; the date is not checked.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// `2026-11-20` of ns since 1970.
#[must_use]
pub fn day_text(utc_ns: i64) -> String {
    let (year, month, day) = civil(utc_ns.div_euclid(DAY_NS));
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-11-20T12:00:00.123456789Z` of ns since 1970.
#[must_use]
pub fn utc_text(utc_ns: i64) -> String {
    let mut text = String::with_capacity(30);
    write_utc(&mut text, utc_ns);
    text
}

pub(crate) fn write_utc(text: &mut String, utc_ns: i64) {
    let (year, month, day) = civil(utc_ns.div_euclid(DAY_NS));
    let of_day = utc_ns.rem_euclid(DAY_NS);
    let (seconds, ns) = (of_day / 1_000_000_000, of_day % 1_000_000_000);
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let _ = write!(text, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{ns:09}Z");
}

/// A number of exactly `digits` decimal digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|o| o.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The beginning of a day, ns since 1970, of `2026-11-20`. `None`: no day that there is.
#[must_use]
pub fn parse_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) =
        (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let days = days(year, month, day);
    (civil(days) == (year, month, day)).then(|| days.checked_mul(DAY_NS))?
}

/// ns since 1970 of a time as [`utc_text`] writes it; a fraction of the second may be shorter or missing.
#[must_use]
pub fn parse_utc(text: &str) -> Option<i64> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = time.splitn(3, ':');
    let (h, m, s) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    if h > 23 || m > 59 || s > 60 || fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let ns = number(fraction, fraction.len())? * 10_i64.pow(9 - fraction.len() as u32);
    parse_day(day)?.checked_add((h * 3600 + m * 60 + s) * 1_000_000_000 + ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days() {
        assert_eq!(utc_text(0), "1970-01-01T00:00:00.000000000Z");
        // date -u -d 2026-11-21T05:30:00 +%s
        assert_eq!(utc_text(1_795_239_000_000_000_001), "2026-11-21T05:30:00.000000001Z");
        assert_eq!(day_text(1_709_164_800_000_000_000), "2024-02-29");
        assert_eq!(parse_day("2024-02-29"), Some(1_709_164_800_000_000_000));
        for wrong in ["2023-02-29", "2026-13-01", "2026-1-1", "2026-00-01", "x", "", "2026-11-20-1"] {
            assert_eq!(parse_day(wrong), None, "{wrong}");
        }
        assert_eq!(parse_utc("2026-11-21T05:30:00Z"), Some(1_795_239_000_000_000_000));
        for wrong in ["2026-11-21T05:30:00", "2026-11-21T25:30:00Z", "2026-11-21 05:30:00Z", "Z", "TZ"] {
            assert_eq!(parse_utc(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(ns in -9_000_000_000_000_000_000i64..9_000_000_000_000_000_000) {
            prop_assert_eq!(parse_utc(&utc_text(ns)), Some(ns));
            prop_assert_eq!(parse_day(&day_text(ns)), Some(ns.div_euclid(DAY_NS) * DAY_NS));
        }
    }
}
