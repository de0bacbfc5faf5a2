//! The PI servo's decisions, sample by sample.

use ptp_servo::{Servo, ServoConfig, ServoState};
use ptp_wire::{TimeInterval, TimePoint};

fn ns(v: i64) -> TimeInterval {
    TimeInterval::from_nanos(v)
}

fn at(seconds: f64) -> TimePoint {
    TimePoint::from_nanos((seconds * 1e9) as i128)
}

/// A servo that tracks at an offset of zero with 1000 ppb of correction.
fn tracking(config: ServoConfig) -> Servo {
    let mut s = Servo::new(config, 1000.0);
    s.sample(ns(0), at(0.0), 1.0);
    assert_eq!(s.sample(ns(0), at(1.0), 1.0).state, ServoState::Locked);
    s
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-3, "{a} is not {b}");
}

#[test]
fn the_first_sample_changes_nothing() {
    let mut s = Servo::new(ServoConfig::default(), -1234.5);
    let d = s.sample(ns(1_000_000_000), at(0.0), 1.0);
    assert_eq!((d.state, d.frequency_ppb, d.step), (ServoState::Unlocked, -1234.5, None));
}

#[test]
fn a_small_first_offset_is_slewed() {
    let mut s = Servo::new(ServoConfig::default(), 0.0);
    s.sample(ns(10_000), at(0.0), 1.0);
    let d = s.sample(ns(11_000), at(1.0), 1.0);
    assert_eq!((d.state, d.step), (ServoState::Locked, None));
    close(d.frequency_ppb, -1000.0);
}

#[test]
fn the_frequency_in_force_is_counted() {
    let mut s = Servo::new(ServoConfig::default(), 5000.0);
    s.sample(ns(0), at(0.0), 1.0);
    // With 5000 ppb of correction it still loses 2000 ns a second.
    let d = s.sample(ns(-2000), at(1.0), 1.0);
    close(d.frequency_ppb, 7000.01);
}

#[test]
fn the_first_threshold_counts_once_only() {
    let mut s = tracking(ServoConfig::default());
    s.sample(ns(0), at(2.0), 1.0);
    // Far beyond 20 us, but no longer the first update.
    let d = s.sample(ns(1_000_000), at(3.0), 1.0);
    assert_eq!((d.state, d.step), (ServoState::Locked, None));
    s.reset();
    s.sample(ns(1_000_000), at(4.0), 1.0);
    assert_eq!(s.sample(ns(1_000_000), at(5.0), 1.0).state, ServoState::Locked);
}

#[test]
fn the_step_threshold_starts_over() {
    let config = ServoConfig { step_threshold: Some(ns(1_000_000)), ..ServoConfig::default() };
    let mut s = tracking(config);
    assert_eq!(s.sample(ns(1_000_000), at(2.0), 1.0).state, ServoState::Locked);
    let before = s.frequency_ppb();
    let d = s.sample(ns(1_000_001), at(3.0), 1.0);
    assert_eq!((d.state, d.frequency_ppb, d.step), (ServoState::Unlocked, before, None));
    s.sample(ns(2_000_000), at(4.0), 1.0);
    let d = s.sample(ns(2_000_000), at(5.0), 1.0);
    assert_eq!((d.state, d.step), (ServoState::Jump, Some(ns(-2_000_000))));
    assert_eq!(s.sample(ns(3), at(6.0), 1.0).state, ServoState::Locked);
}

#[test]
fn a_threshold_of_zero_means_never() {
    let config = ServoConfig {
        first_step_threshold: Some(ns(0)),
        step_threshold: Some(ns(0)),
        ..ServoConfig::default()
    };
    let mut s = Servo::new(config, 0.0);
    s.sample(ns(1_000_000_000), at(0.0), 1.0);
    assert_eq!(s.sample(ns(1_000_000_000), at(1.0), 1.0).state, ServoState::Locked);
    assert_eq!(s.sample(ns(1_000_000_000), at(2.0), 1.0).state, ServoState::Locked);
}

#[test]
fn the_controller_is_proportional_and_integral() {
    let mut s = tracking(ServoConfig::default());
    close(s.sample(ns(100), at(2.0), 1.0).frequency_ppb, 1000.0 - 70.0 - 30.0);
    close(s.sample(ns(0), at(3.0), 1.0).frequency_ppb, 1000.0 - 30.0);
    // Half a weight counts half; none, not at all.
    close(s.sample(ns(100), at(4.0), 0.5).frequency_ppb, 970.0 - 35.0 - 15.0);
    close(s.sample(ns(1_000_000), at(5.0), 0.0).frequency_ppb, 955.0);
}

#[test]
fn the_integral_stands_still_at_the_limit() {
    let config = ServoConfig { max_frequency_ppb: 2000.0, ..ServoConfig::default() };
    let mut s = tracking(config);
    for i in 0..1000 {
        assert_eq!(s.sample(ns(-1_000_000), at(2.0 + f64::from(i)), 1.0).frequency_ppb, 2000.0);
    }
    // Nothing was wound up: it is back at once.
    close(s.sample(ns(0), at(2000.0), 1.0).frequency_ppb, 1000.0);
}

#[test]
fn too_close_a_second_sample_is_not_used() {
    let mut s = Servo::new(ServoConfig::default(), 0.0);
    s.set_interval(0.125);
    s.sample(ns(0), at(0.0), 1.0);
    // 0.016 / (0.3 * 0.125 ^ 0.4) = 0.123 s
    assert_eq!(s.sample(ns(50_000), at(0.120), 1.0).state, ServoState::Unlocked);
    let d = s.sample(ns(125), at(0.125), 1.0);
    assert_eq!(d.state, ServoState::Locked);
    close(d.frequency_ppb, -1000.0);
}

#[test]
fn stamps_that_run_backwards_start_over() {
    let mut s = Servo::new(ServoConfig::default(), 0.0);
    s.sample(ns(0), at(100.0), 1.0);
    assert_eq!(s.sample(ns(0), at(99.0), 1.0).state, ServoState::Unlocked);
    assert_eq!(s.sample(ns(0), at(99.0), 1.0).state, ServoState::Unlocked);
    assert_eq!(s.sample(ns(0), at(100.0), 1.0).state, ServoState::Locked);
}

#[test]
fn a_step_by_others_is_taken_into_account() {
    let mut s = Servo::new(ServoConfig::default(), 0.0);
    s.sample(ns(3_600_000_000_000), at(4000.0), 1.0);
    s.clock_stepped(ns(-3_600_000_000_000));
    let d = s.sample(ns(1000), at(401.0), 1.0);
    assert_eq!(d.state, ServoState::Locked);
    close(d.frequency_ppb, -1000.0);
}

#[test]
fn stable_after_enough_small_offsets() {
    let config =
        ServoConfig { offset_threshold: Some(ns(50)), num_offset_values: 3, ..ServoConfig::default() };
    let mut s = tracking(config);
    let states: Vec<ServoState> = [10, -20, 50, 30, 51, 10, 10, 10]
        .iter()
        .zip(2..)
        .map(|(o, t)| s.sample(ns(*o), at(f64::from(t)), 1.0).state)
        .collect();
    use ServoState::{Locked, LockedStable};
    assert_eq!(states, [Locked, Locked, LockedStable, LockedStable, Locked, Locked, Locked, LockedStable]);
    s.reset();
    assert_eq!(s.state(), ServoState::Unlocked);
}

#[test]
fn an_offset_too_large_to_tell_is_stepped_away_piece_by_piece() {
    let mut s = Servo::new(ServoConfig::default(), 0.0);
    s.sample(TimeInterval::MIN, at(0.0), 1.0);
    for i in 1..5 {
        let d = s.sample(TimeInterval::MIN, at(f64::from(i)), 1.0);
        assert_eq!((d.state, d.step), (ServoState::Jump, Some(TimeInterval::MAX)));
    }
    assert_eq!(s.sample(ns(5), at(6.0), 1.0).state, ServoState::Locked);
    assert_eq!(s.sample(TimeInterval::MIN, at(7.0), 1.0).state, ServoState::Locked);
}

#[test]
fn a_step_of_the_master_within_the_estimate_is_not_taken_for_a_frequency() {
    let mut s = Servo::new(ServoConfig::default(), 0.0);
    s.sample(ns(0), at(0.0), 1.0);
    // 730 ms in one second: no oscillator. The next pair, 10 us per second, is believed.
    assert_eq!(s.sample(ns(730_000_000), at(1.0), 1.0).state, ServoState::Unlocked);
    let d = s.sample(ns(730_010_000), at(2.0), 1.0);
    assert_eq!(d.state, ServoState::Jump);
    close(d.frequency_ppb, -10_000.0);
    // Twice in a row it is believed: there are clocks for tests that really run so.
    let mut s = Servo::new(ServoConfig::default(), 0.0);
    s.sample(ns(0), at(0.0), 1.0);
    s.sample(ns(2_000_000), at(1.0), 1.0);
    close(s.sample(ns(4_000_000), at(2.0), 1.0).frequency_ppb, -2_000_000.0);
}
