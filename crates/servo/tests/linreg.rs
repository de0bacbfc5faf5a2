//! The servo by linear regression.

use proptest::prelude::*;
use ptp_servo::simulate::{Classic, Direction, Oscillator, Scenario, Stamps, published, run};
use ptp_servo::{Linreg, ServoConfig, ServoState};
use ptp_wire::{TimeInterval, TimePoint};

fn ns(v: i64) -> TimeInterval {
    TimeInterval::from_nanos(v)
}

fn at(seconds: i64) -> TimePoint {
    TimePoint::from_nanos(i128::from(seconds) * 1_000_000_000)
}

/// Feeds a clock that is fast by `ppb` for so many seconds; gives its error at the end.
fn steer(servo: &mut Linreg, mut error: f64, ppb: f64, seconds: i64) -> f64 {
    let mut rate = servo.frequency_ppb();
    for i in 0..seconds {
        let local = at(i) + TimeInterval::from_nanos_f64(error);
        let decision = servo.sample(TimeInterval::from_nanos_f64(error), local, 1.0);
        rate = if decision.state == ServoState::Unlocked { rate } else { decision.frequency_ppb };
        error += decision.step.map_or(0.0, TimeInterval::nanos_f64);
        error += (1.0 + ppb * 1e-9) * (1.0 + rate * 1e-9) * 1e9 - 1e9;
    }
    error
}

#[test]
fn four_samples_and_it_knows() {
    let mut servo = Linreg::new(ServoConfig::default(), 0.0);
    for i in 0..3 {
        assert_eq!(servo.sample(ns(1_000_000 + 100 * i), at(i), 1.0).state, ServoState::Unlocked);
    }
    let decision = servo.sample(ns(1_000_300), at(3), 1.0);
    assert_eq!((decision.state, decision.step), (ServoState::Jump, Some(ns(-1_000_300))));
    assert!((decision.frequency_ppb + 100.0).abs() < 0.01, "{}", decision.frequency_ppb);
    assert_eq!(servo.sample(ns(0), at(4) - ns(1_000_300), 1.0).state, ServoState::Locked);
}

#[test]
fn thresholds_mean_what_they_do_for_the_other_servo() {
    let mut servo = Linreg::new(ServoConfig { first_step_threshold: None, ..ServoConfig::default() }, 0.0);
    assert!(steer(&mut servo, 1e6, 50.0, 30).abs() < 1.0);
    let config = ServoConfig {
        step_threshold: Some(ns(1_000)),
        offset_threshold: Some(ns(10)),
        num_offset_values: 3,
        ..ServoConfig::default()
    };
    let mut servo = Linreg::new(config, 0.0);
    assert!(steer(&mut servo, 1e6, 50.0, 30).abs() < 1.0);
    assert_eq!(servo.state(), ServoState::LockedStable);
    assert_eq!(servo.sample(ns(1_001), at(30), 1.0).state, ServoState::Unlocked);
    // A sample that does not count changes nothing.
    assert_eq!(servo.sample(ns(5), at(31), 0.0).state, ServoState::Unlocked);
}

/// Over more points than PI's memory noise averages out better, as with linuxptp's.
#[test]
fn is_quieter_than_pi_where_noise_is_all_there_is() {
    let base = published().into_iter().find(|s| s.name == "gauss-100").expect("it is published");
    let s = Scenario {
        oscillator: Oscillator { wander_ppb: 0.01, ..Oscillator::crystal(1000.0) },
        stamps: Stamps { granularity_ns: 0.0, noise_ns: 50.0 },
        forward: Direction::still(1_000.0),
        backward: Direction::still(1_000.0),
        ..base
    };
    let rms = |classic: fn() -> Classic| {
        run(&s, 1, &move |_| Box::new(classic())).rms(s.judged_from_s, s.duration_s)
    };
    let (pi, linreg) = (rms(Classic::pi), rms(Classic::linreg));
    assert!(linreg < 0.5 * pi, "{linreg} to {pi}");
}

proptest! {
    #[test]
    fn converges(ppb in -500_000.0..500_000.0f64, error in -1e9..1e9f64) {
        let mut servo = Linreg::new(ServoConfig::default(), 0.0);
        let end = steer(&mut servo, error, ppb, 60);
        prop_assert!(end.abs() < 5.0, "{end}");
    }

    #[test]
    fn is_bounded_whatever_comes(
        max in any::<f64>(),
        initial in any::<f64>(),
        samples in prop::collection::vec((any::<i64>(), any::<i128>(), any::<f64>(), 0..10u8), 1..120),
    ) {
        let config = ServoConfig { max_frequency_ppb: max, ..ServoConfig::default() };
        let limit = if max.is_nan() { 900e6 } else { max.clamp(0.0, 999_999_999.0) };
        let mut servo = Linreg::new(config, initial);
        for (offset, local, number, what) in samples {
            match what {
                0 => servo.reset(),
                1 => servo.clock_stepped(TimeInterval(offset)),
                2 => servo.set_interval(number),
                _ => {
                    let local = TimePoint::from_scaled(local);
                    let decision = servo.sample(TimeInterval(offset), local, number);
                    prop_assert!(decision.frequency_ppb.abs() <= limit, "{}", decision.frequency_ppb);
                }
            }
        }
    }
}
