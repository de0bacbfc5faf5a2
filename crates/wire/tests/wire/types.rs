//! Times, identities and the other small types.

use ptp_wire::{
    ClockAccuracy, ClockIdentity, LogInterval, PortIdentity, SdoId, TimeInterval, TimePoint, Timestamp,
    WireError,
};
use std::time::Duration;

const SECOND: i128 = 1_000_000_000;

#[test]
fn intervals_saturate() {
    assert_eq!(TimeInterval::from_nanos(i64::MAX), TimeInterval::MAX);
    assert_eq!(TimeInterval::from_nanos(i64::MIN), TimeInterval::MIN);
    assert_eq!(TimeInterval::MAX + TimeInterval(1), TimeInterval::MAX);
    assert_eq!(TimeInterval::MIN - TimeInterval(1), TimeInterval::MIN);
    assert_eq!(-TimeInterval::MIN, TimeInterval::MAX);
    assert_eq!(TimeInterval::MIN.abs(), TimeInterval::MAX);
    assert_eq!(TimeInterval(-3).half(), TimeInterval(-1));
}

#[test]
fn intervals_are_rounded() {
    // Whole nanoseconds: down. From f64: to the nearest.
    assert_eq!(TimeInterval(-1).nanos(), -1);
    assert_eq!(TimeInterval(0xffff).nanos(), 0);
    assert_eq!(TimeInterval::from_nanos_f64(0.6 / 65536.0), TimeInterval(1));
    assert_eq!(TimeInterval::from_nanos_f64(-0.6 / 65536.0), TimeInterval(-1));
    assert_eq!(TimeInterval::from_nanos_f64(0.4 / 65536.0), TimeInterval::ZERO);
    assert_eq!(TimeInterval::from_nanos_f64(-1.5), TimeInterval(-98304));
    assert_eq!(TimeInterval::from_nanos_f64(f64::NAN), TimeInterval::ZERO);
    assert_eq!(TimeInterval::from_nanos_f64(f64::INFINITY), TimeInterval::MAX);
    assert_eq!(TimeInterval::from_nanos_f64(f64::NEG_INFINITY), TimeInterval::MIN);
    // Beyond 2^52 there is no fraction left to round.
    let odd = (1i64 << 52) + 1;
    assert_eq!(TimeInterval::from_nanos_f64(odd as f64 / 65536.0), TimeInterval(odd));
    for scaled in [0, 1, -1, 65535, -65537, 123_456_789_012] {
        assert_eq!(TimeInterval::from_nanos_f64(TimeInterval(scaled).nanos_f64()), TimeInterval(scaled));
    }
    assert_eq!(TimeInterval(-98304).to_string(), "-1.5 ns");
}

#[test]
fn timestamps_have_their_range() {
    assert_eq!(Timestamp::new(0, 1_000_000_000), None);
    assert_eq!(Timestamp::new(1 << 48, 0), None);
    let last = Timestamp::new((1 << 48) - 1, 999_999_999).unwrap();
    assert_eq!(last.to_string(), "281474976710655.999999999");
    assert_eq!(TimePoint::from(last).split(), (last, TimeInterval::ZERO));
}

#[test]
fn time_points_split_into_what_the_wire_carries() {
    let at = TimePoint::from_nanos(5 * SECOND - 1) + TimeInterval(0x8001);
    assert_eq!(at.split(), (Timestamp::new(4, 999_999_999).unwrap(), TimeInterval(0x8001)));
    assert_eq!(TimePoint::from(at.split().0) + at.split().1, at);
    // Before the epoch and beyond 48 bits: clamped, without a fraction that would lead further away.
    let before = TimePoint::ZERO - TimeInterval(1);
    assert_eq!(before.split(), (Timestamp::ZERO, TimeInterval::ZERO));
    assert_eq!(before.nanos(), -1);
    let after = TimePoint::from_nanos((1i128 << 48) * SECOND) + TimeInterval(7);
    let last = Timestamp::new((1 << 48) - 1, 999_999_999).unwrap();
    assert_eq!(after.split(), (last, TimeInterval::ZERO));
}

#[test]
fn time_points_saturate() {
    for extreme in [i128::MAX, i128::MIN] {
        let point = TimePoint::from_nanos(extreme);
        assert_eq!(point, TimePoint::from_scaled(extreme));
        // No sum goes further, or overflows.
        assert_eq!((point + TimeInterval::MAX).max(point).min(point), point);
        assert_eq!((point - TimeInterval::MIN).max(point).min(point), point);
    }
    let (low, high) = (TimePoint::from_nanos(i128::MIN), TimePoint::from_nanos(i128::MAX));
    assert_eq!(high - low, TimeInterval::MAX);
    assert_eq!(low - high, TimeInterval::MIN);
    assert_eq!(TimePoint::from_nanos(3) - TimePoint::from_nanos(5), TimeInterval::from_nanos(-2));
}

#[test]
fn time_points_as_text() {
    assert_eq!(TimePoint::from_nanos(SECOND + 5).to_string(), "1.000000005");
    assert_eq!(TimePoint::from_nanos(-SECOND - 5).to_string(), "-1.000000005");
    assert_eq!(TimePoint::ZERO.to_string(), "0.000000000");
}

#[test]
fn any_log_interval_is_safe() {
    for octet in i8::MIN..=i8::MAX {
        let interval = LogInterval(octet);
        assert!(interval.duration() >= Duration::from_nanos(1), "{octet}");
        let seconds = interval.seconds();
        assert!((2f64.powi(-30)..=2f64.powi(30)).contains(&seconds), "{octet}");
    }
    assert_eq!(LogInterval(-3).duration(), Duration::from_millis(125));
    assert_eq!(LogInterval(4).duration(), Duration::from_secs(16));
    assert_eq!((LogInterval(-30).seconds(), LogInterval(-128).seconds()), (2f64.powi(-30), 2f64.powi(-30)));
    assert_eq!(LogInterval::NOT_APPLICABLE.duration(), LogInterval(30).duration());
}

#[test]
fn identities_as_text() {
    let clock = ClockIdentity::from_mac([0x00, 0x11, 0x22, 0x33, 0x44, 0x55]);
    assert_eq!(clock.to_string(), "001122.fffe.334455");
    for text in
        ["001122.fffe.334455", "001122fffe334455", "00:11:22:FF:FE:33:44:55", "00-11-22-ff-fe-33-44-55"]
    {
        assert_eq!(text.parse(), Ok(clock), "{text}");
    }
    for text in
        ["", "001122.fffe.33445", "001122.fffe.3344556", "001122.fffe.33445g", "001122 fffe 334455", "０"]
    {
        assert_eq!(text.parse::<ClockIdentity>(), Err(WireError::Value), "{text}");
    }
    let port = PortIdentity::new(clock, 65535);
    assert_eq!(port.to_string(), "001122.fffe.334455-65535");
    assert_eq!(port.to_string().parse(), Ok(port));
    assert_eq!("00-11-22-ff-fe-33-44-55-1".parse(), Ok(PortIdentity::new(clock, 1)));
    for text in [
        "001122.fffe.334455",
        "001122.fffe.334455-",
        "001122.fffe.334455-65536",
        "001122.fffe.334455-+1",
        "-1",
    ] {
        assert_eq!(text.parse::<PortIdentity>(), Err(WireError::Value), "{text}");
    }
}

#[test]
fn identities_are_ordered_by_octets() {
    let low = PortIdentity::new(ClockIdentity([0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), 9);
    let high = PortIdentity::new(ClockIdentity([1, 0, 0, 0, 0, 0, 0, 0]), 1);
    assert!(low < high && high < PortIdentity::new(high.clock_identity, 2));
}

#[test]
fn sdo_ids_are_split() {
    assert_eq!((SdoId::GPTP.major(), SdoId::GPTP.minor()), (1, 0));
    let sdo = SdoId::new(0xfabc);
    assert_eq!((sdo.get(), sdo.major(), sdo.minor()), (0xabc, 0xa, 0xbc));
}

#[test]
fn accuracies() {
    let picoseconds = |code| ClockAccuracy(code).picoseconds();
    assert_eq!(picoseconds(0x16), None);
    assert_eq!(picoseconds(0x17), Some(1));
    assert_eq!(picoseconds(0x18), Some(3));
    assert_eq!(picoseconds(0x20), Some(25_000));
    assert_eq!(picoseconds(0x23), Some(1_000_000));
    assert_eq!(picoseconds(0x2f), Some(1_000_000_000_000));
    assert_eq!(picoseconds(0x30), Some(10_000_000_000_000));
    assert_eq!(picoseconds(0x31), None);
    assert_eq!(ClockAccuracy::UNKNOWN.picoseconds(), None);
    assert!((0x17..0x30).all(|code| picoseconds(code) < picoseconds(code + 1)));
}
