//! Made-up logs whose truth is known.

use super::*;

#[test]
fn numbers_are_short_and_honest() {
    for (value, text) in
        [(0.0, "0"), (12.0, "12"), (1234.5, "1234"), (0.01234, "0.0123"), (99.9996, "100"), (99.95, "99.95")]
    {
        assert_eq!(short(value), text, "{value}");
    }
    assert_eq!(human(-1_234.0), "−1.23 µs");
    assert_eq!(ppb(-12_340.0), "−12.3 ppm");
    assert_eq!(percent(0.999_999_9), "99.999 %");
    assert_eq!((time("100us"), time("1 ms")), (Ok(100_000.0), Ok(1e6)));
    assert!(time("100").is_err() && time("-1us").is_err() && time("nans").is_err());
}
