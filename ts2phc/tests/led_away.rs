//! A receiver that is led away slowly, in simulated time: oscillator, servo, witnesses and lock state together.

use ptp_clock::{Clock, ClockError};
use ptp_servo::ServoConfig;
use ptp_servo::selection::Estimate;
use ptp_wire::{TimeInterval, TimePoint};
use ts2phc::discipline::{Discipline, Steering};
use ts2phc::grandmaster::{Grandmaster, GrandmasterConfig, LockState, Profile, Pulse};
use ts2phc::witness::{Doubt, DoubtConfig, Finding, Hearing};

const S: u64 = 1_000_000_000;
/// TAI when it begins.
const BEGIN: i128 = 1_795_239_037_000_000_000;

/// A clock over a true time that the test moves.
struct Oscillator {
    reading: f64,
    frequency: f64,
}

impl Oscillator {
    const ERROR_PPB: f64 = 2_345.0;

    fn pass(&mut self, ns: f64) {
        self.reading += ns * (1.0 + (Self::ERROR_PPB + self.frequency) * 1e-9);
    }
}

impl Clock for Oscillator {
    fn name(&self) -> &str {
        "oscillator"
    }
    fn now(&mut self) -> Result<TimePoint, ClockError> {
        Ok(TimePoint::from_nanos(BEGIN) + TimeInterval::from_nanos_f64(self.reading))
    }
    fn frequency(&mut self) -> Result<f64, ClockError> {
        Ok(self.frequency)
    }
    fn set_frequency(&mut self, ppb: f64) -> Result<(), ClockError> {
        self.frequency = ppb;
        Ok(())
    }
    fn step(&mut self, by: TimeInterval) -> Result<(), ClockError> {
        self.reading += by.nanos_f64();
        Ok(())
    }
    fn set(&mut self, to: TimePoint) -> Result<(), ClockError> {
        self.reading = (to - TimePoint::from_nanos(BEGIN)).nanos_f64();
        Ok(())
    }
    fn max_frequency(&self) -> f64 {
        100_000.0
    }
}

/// What became of it.
#[derive(Debug, Default)]
struct Outcome {
    /// When the receiver was outvoted, s, and how far off the clock was then.
    outvoted: Option<(u64, f64)>,
    classes: Vec<u8>,
    /// The largest true error while a class up to 7 was told, and in all.
    largest_in_spec: f64,
    largest: f64,
    last: f64,
    /// How far the true error was beyond the bound that is told, at the most.
    beyond: f64,
}

/// Led away by so many ns/s from 300 s to 500 s, and right again; with witnesses of these errors, within 1 us by their word.
fn run(pull: f64, witnesses: &[f64]) -> Outcome {
    let mut clock = Oscillator { reading: 800.0, frequency: 0.0 };
    let config = GrandmasterConfig { profile: Profile::Telecom, ..GrandmasterConfig::default() };
    let mut g = Grandmaster::new(config, 0);
    let servo = ServoConfig::default();
    let mut discipline = Discipline::new(&mut clock, servo, Steering::Adaptive, 1.0, None).expect("it reads");
    let mut doubt = Doubt::new(DoubtConfig::default(), witnesses.len());
    let mut outcome = Outcome::default();
    let mut seed = 5u64;
    for second in 0..800u64 {
        let now = second * S;
        let wrong = if (300..500).contains(&second) { (second - 300) as f64 * pull } else { 0.0 };
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = 10.0 * ((seed >> 33) as f64 / f64::from(1u32 << 31) - 0.5);
        let error = clock.reading - (second * S) as f64;
        let stamp = clock.now().expect("it reads") + TimeInterval::from_nanos_f64(wrong + noise);
        let truth = TimePoint::from_nanos(BEGIN + i128::from(second * S));
        let offset_ns = (stamp - truth).nanos_f64();
        let said: Vec<_> =
            witnesses.iter().map(|w| Some(Estimate { offset: error + w, radius: 1_000.0 })).collect();
        g.reference(true, now);
        match doubt.hear(&Hearing::of(&g, offset_ns, &said), now) {
            Finding::Outvoted(off_ns) => {
                outcome.outvoted.get_or_insert((second, error));
                g.witnesses(Some(off_ns), now);
            }
            Finding::Believed => g.witnesses(None, now),
            Finding::ClockWrong => panic!("{second}: nobody has touched the clock"),
        }
        if g.judge(offset_ns, now) {
            let found = discipline.pulse(&mut clock, stamp, truth).expect("it steers");
            let (tracks, bound_ns) = (found.state.is_locked(), found.bound_ns);
            g.pulse(&Pulse { offset_ns, tracks, bound_ns }, now);
        } else {
            let bound = discipline.hold(&mut clock).expect("it steers");
            g.holdover_bound(bound, now);
        }
        g.tick(now);
        let class = g.settings().clock_quality.clock_class;
        if outcome.classes.last() != Some(&class) {
            outcome.classes.push(class);
        }
        if second > 100 {
            outcome.largest = outcome.largest.max(error.abs());
            if class <= 7 {
                outcome.largest_in_spec = outcome.largest_in_spec.max(error.abs());
            }
            if outcome.outvoted.is_some() && g.state() != LockState::FreeRun {
                outcome.beyond = outcome.beyond.max(error.abs() - g.bound_ns());
            }
        }
        outcome.last = error;
        clock.pass(S as f64);
    }
    outcome
}

#[test]
fn two_witnesses_end_it_and_the_class_is_honest() {
    let o = run(50.0, &[200.0, -300.0]);
    println!("led away by 50 ns/s, two witnesses: {o:?}");
    // The intervals part at 1.34 us, 27 s after it began; ten seconds later it is over.
    let (second, error) = o.outvoted.expect("it is noticed");
    assert!((335..345).contains(&second) && error.abs() < 2_300.0, "{o:?}");
    // Locked, out of specification, locked again.
    assert_eq!(o.classes, [248, 6, 160, 6], "{o:?}");
    assert!(o.largest_in_spec < 2_300.0 && o.beyond <= 0.0, "{o:?}");
    assert!(o.last.abs() < 100.0, "{o:?}");
}

#[test]
fn without_witnesses_the_clock_goes_along() {
    let o = run(50.0, &[]);
    println!("led away by 50 ns/s, no witness: {o:?}");
    assert!(o.outvoted.is_none() && o.largest > 9_000.0, "{o:?}");
}

#[test]
fn one_liar_changes_nothing() {
    for liars in [&[50_000.0][..], &[50_000.0, 100.0], &[100.0, -20_000.0, 300.0]] {
        let o = run(0.0, liars);
        assert!(o.outvoted.is_none() && o.classes == [248, 6] && o.largest < 100.0, "{liars:?}: {o:?}");
    }
}
