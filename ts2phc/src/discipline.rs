//! Steering a clock by pulses whose second is known.

use ptp_clock::{Clock, ClockError};
use ptp_servo::{Servo, ServoConfig, ServoState};
use ptp_wire::{TimeInterval, TimePoint};

/// What a pulse came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Correction {
    /// The clock minus the true time.
    pub(crate) offset: TimeInterval,
    /// What the servo made of it.
    pub(crate) state: ServoState,
    /// The frequency correction in ppb.
    pub(crate) frequency_ppb: f64,
}

/// A servo for a clock that pulses stamp.
#[derive(Debug)]
pub(crate) struct Discipline {
    servo: Servo,
    cable_delay: TimeInterval,
    free_running: bool,
}

impl Discipline {
    /// For a clock as it runs at present. With `free_running` it is measured only.
    pub(crate) fn new(
        clock: &mut dyn Clock,
        config: ServoConfig,
        cable_delay: TimeInterval,
        free_running: bool,
    ) -> Result<Self, ClockError> {
        let config =
            ServoConfig { max_frequency_ppb: config.max_frequency_ppb.min(clock.max_frequency()), ..config };
        let mut servo = Servo::new(config, clock.frequency()?);
        servo.set_interval(1.0);
        Ok(Self { servo, cable_delay, free_running })
    }

    /// Takes a pulse: when the clock stamped it, and the TAI second it marks.
    pub(crate) fn pulse(
        &mut self,
        clock: &mut dyn Clock,
        stamp: TimePoint,
        tai: TimePoint,
    ) -> Result<Correction, ClockError> {
        let truth = tai + self.cable_delay;
        let offset = stamp - truth;
        if self.free_running {
            return Ok(Correction { offset, state: ServoState::Unlocked, frequency_ppb: clock.frequency()? });
        }
        let decision = self.servo.sample(offset, stamp, 1.0);
        clock.set_frequency(decision.frequency_ppb)?;
        if let Some(step) = decision.step {
            if offset.abs() == TimeInterval::MAX {
                // Further off than an interval can tell: set it to the time it is by now.
                let since = clock.now()? - stamp;
                clock.set(truth + since)?;
            } else {
                clock.step(step)?;
            }
        }
        Ok(Correction { offset, state: decision.state, frequency_ppb: decision.frequency_ppb })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leap::LeapTable;
    use crate::nmea::{Lines, parse, sentence};
    use crate::time_of_day::{Names, TimeOfDay};

    /// A clock with an error of its own, over a true time that the test moves.
    struct Oscillator {
        reading: f64,
        error_ppb: f64,
        frequency: f64,
        base: i128,
    }

    impl Oscillator {
        fn pass(&mut self, seconds: f64) {
            self.reading += seconds * 1e9 * (1.0 + (self.error_ppb + self.frequency) * 1e-9);
        }
    }

    impl Clock for Oscillator {
        fn name(&self) -> &str {
            "oscillator"
        }
        fn now(&mut self) -> Result<TimePoint, ClockError> {
            Ok(TimePoint::from_nanos(self.base) + TimeInterval::from_nanos_f64(self.reading))
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
            (self.base, self.reading) = (to.nanos(), 0.0);
            Ok(())
        }
        fn max_frequency(&self) -> f64 {
            100_000.0
        }
    }

    /// From sentences and pulses to a clock that is right, whatever it showed before.
    fn run(start: i128, cable_delay: TimeInterval, free_running: bool) -> (Correction, Oscillator) {
        let leaps = LeapTable::fixed(37);
        let mut clock = Oscillator { reading: 0.0, error_ppb: 23_456.0, frequency: 0.0, base: start };
        let config = ServoConfig::default();
        let mut discipline =
            Discipline::new(&mut clock, config, cable_delay, free_running).expect("it reads");
        let (mut lines, mut time) = (Lines::default(), TimeOfDay::new(Names::Previous));
        let mut last = None;
        for second in 0..59u64 {
            let monotonic = second * 1_000_000_000;
            if let Ok(tai) = time.of_pulse(monotonic) {
                let stamp = clock.now().expect("it reads") + cable_delay;
                last = Some(discipline.pulse(&mut clock, stamp, tai).expect("it steers"));
            }
            clock.pass(1.0);
            // 2026-11-21T05:30:00 is pulse 0; its sentence comes 300 ms later.
            let text = sentence(&format!("GPRMC,0530{second:02}.00,A,,,,,,,211126,,,A"));
            lines.push(text.as_bytes(), |line| {
                let sentence = parse(line.expect("short")).expect("sound");
                let utc = time.trusted(sentence, monotonic).expect("valid");
                time.heard(utc.tai(&leaps).expect("after 1972"), monotonic + 300_000_000);
            });
        }
        (last.expect("pulses came"), clock)
    }

    #[test]
    fn a_clock_becomes_right_from_any_start() {
        let now = 1_795_239_037_000_000_000i128;
        for start in [0, now + 1_500_000, now - 7_000_000_000, now + 40 * 3_600_000_000_000] {
            let (last, mut clock) = run(start, TimeInterval::from_nanos(52), false);
            assert_eq!(last.state, ServoState::Locked, "{start}");
            assert!(last.offset.abs() < TimeInterval::from_nanos(1), "{start}: {last:?}");
            assert!((last.frequency_ppb + 23_456.0).abs() < 1.0, "{last:?}");
            // At the end it is 05:30:59 UTC, 37 s later in TAI.
            let error =
                clock.now().expect("it reads") - TimePoint::from_nanos((1_795_239_059 + 37) * 1_000_000_000);
            assert!(error.abs() < TimeInterval::from_nanos(2), "{error}");
        }
    }

    #[test]
    fn free_running_measures_only() {
        let (last, clock) = run(1_795_239_037_000_000_000, TimeInterval::ZERO, true);
        assert_eq!((last.state, clock.frequency), (ServoState::Unlocked, 0.0));
        assert!(last.offset.abs() > TimeInterval::from_nanos(1_000_000));
    }
}
