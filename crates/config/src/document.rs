//! For other files in the same manner: YAML in which every node knows its place, values with units, diagnostics with line
//! and column. The simulator's scenarios are such files.

use core::time::Duration;

use ptp_wire::TimeInterval;

use crate::kind::{Kind, Value};
use crate::parse::{parse_duration, parse_int, plain_number};
use crate::words;

pub use crate::kind::Refusal;
pub use crate::source::{Content, Node, Place, Source, Tree};

/// Reading stops after this many diagnostics.
pub const TOO_MANY: usize = crate::diagnostics::TOO_MANY;

/// A length of time with its unit, between two bounds in nanoseconds; it may be negative, and reaches 39 hours.
///
/// # Errors
/// What is wrong with it; `hint` is the unit proposed for a bare number.
pub fn interval(text: &str, min: i64, max: i64, hint: &'static str) -> Result<TimeInterval, Refusal> {
    match (Kind::Duration { min, max, off: false, hint }).parse(text, false)? {
        Value::Interval(interval) => Ok(interval),
        _ => Err(Refusal::out_of_range()),
    }
}

/// A length of time with its unit, not negative, to the nanosecond, up to 292 years.
///
/// # Errors
/// What is wrong with it; `hint` is the unit proposed for a bare number.
pub fn duration(text: &str, hint: &'static str) -> Result<Duration, Refusal> {
    let ps = parse_duration(text, hint)?;
    let ns = i64::try_from(ps / 1000).map_err(|_| Refusal::out_of_range())?;
    u64::try_from(ns).map(Duration::from_nanos).map_err(|_| Refusal::out_of_range())
}

/// A frequency with its unit (`ppm`, `ppb`), in ppb, between two bounds in ppb.
///
/// # Errors
/// What is wrong with it.
pub fn frequency(text: &str, min: f64, max: f64) -> Result<f64, Refusal> {
    match (Kind::Frequency { min, max }).parse(text, false)? {
        Value::Real(ppb) => Ok(ppb),
        _ => Err(Refusal::out_of_range()),
    }
}

/// A number between two bounds.
///
/// # Errors
/// What is wrong with it.
pub fn number(text: &str, min: f64, max: f64) -> Result<f64, Refusal> {
    match plain_number(text) {
        Some(v) if (min..=max).contains(&v) => Ok(v),
        Some(_) => Err(Refusal::out_of_range()),
        None => Err(Refusal { label: "not a number".into(), ..Refusal::default() }),
    }
}

/// A whole number between two bounds, decimal or 0x.
///
/// # Errors
/// What is wrong with it.
pub fn whole(text: &str, min: i64, max: i64) -> Result<i64, Refusal> {
    parse_int(text).and_then(|v| if (min..=max).contains(&v) { Ok(v) } else { Err(Refusal::out_of_range()) })
}

/// An octal file mode, 0 to 0o777, such as `0660`.
///
/// # Errors
/// What is wrong with it.
pub fn mode(text: &str) -> Result<u32, Refusal> {
    match Kind::Mode.parse(text, false)? {
        Value::Int(mode) => u32::try_from(mode).map_err(|_| Refusal::out_of_range()),
        _ => Err(Refusal::out_of_range()),
    }
}

/// A share: `0.01` or `1 %`, from 0 to 1.
///
/// # Errors
/// What is wrong with it.
pub fn share(text: &str) -> Result<f64, Refusal> {
    match text.strip_suffix('%') {
        Some(percent) => number(percent.trim_end(), 0.0, 100.0).map(|v| v / 100.0),
        None => number(text, 0.0, 1.0),
    }
}

/// The nearest of some words, if one is near enough to be meant.
pub fn nearest<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    words::nearest(text, words)
}

/// `a, b or c`, each in backticks.
pub fn list(words: &[&str]) -> String {
    words::list(words)
}

/// At most 40 characters of a text, with nothing in it that a terminal would obey.
pub fn brief(text: &str) -> String {
    words::brief(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_units_and_bounds() {
        assert_eq!(interval("-1.5 us", -2000, 0, "us"), Ok(TimeInterval(-1500 << 16)));
        assert_eq!(interval("3", 0, 10, "us").unwrap_err().replacement.as_deref(), Some("3us"));
        assert_eq!(duration("100 h", "s"), Ok(Duration::from_secs(360_000)));
        assert_eq!(duration("-1 s", "s").unwrap_err().label, "out of range");
        assert_eq!(duration("999999999999999 h", "s").unwrap_err().label, "out of range");
        assert_eq!(frequency("-12.5 ppm", -1e6, 1e6), Ok(-12_500.0));
        assert_eq!((share("0.1 %"), share("0.25")), (Ok(0.001), Ok(0.25)));
        assert!(share("101%").is_err() && share("x").is_err() && number("nan", 0.0, 1.0).is_err());
        assert_eq!((whole("0x10", 0, 16), whole("17", 0, 16).is_err()), (Ok(16), true));
    }
}
