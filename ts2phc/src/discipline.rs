//! Steering a clock by pulses whose second is known, and without them by what was learnt of its oscillator.

use crate::patience::patiently;
use ptp_clock::{Clock, ClockError};
use ptp_servo::{
    Adaptive, AdaptiveConfig, Decision, Holdover, Measuring, OscillatorModel, Prediction, Servo, ServoConfig,
    ServoState,
};
use ptp_wire::{TimeInterval, TimePoint};

/// Which servo steers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Steering {
    /// The one that learns.
    #[default]
    Adaptive,
    /// PI with linuxptp's parameters.
    Pi,
    /// None: the clock is measured only.
    FreeRunning,
}

/// What a pulse came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correction {
    /// The clock minus the true time.
    pub offset: TimeInterval,
    /// What the servo made of it.
    pub state: ServoState,
    /// The frequency correction in ppb.
    pub frequency_ppb: f64,
    /// With 99 % the clock is nearer than this to the reference after the correction, ns; NaN until that is known.
    pub bound_ns: f64,
    /// The clock was stepped.
    pub stepped: bool,
}

/// A holdover that ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Returned {
    /// How long it was, s.
    pub after_s: f64,
    /// How far off the clock was, ns.
    pub error_ns: f64,
    /// How far off it could have been with 99 %, ns.
    pub bound_ns: f64,
}

#[derive(Clone, Copy, Debug)]
struct Holding {
    prediction: Prediction,
    /// On the clock itself.
    since: TimePoint,
}

/// A servo for a clock that pulses stamp.
#[derive(Debug)]
pub struct Discipline {
    steering: Steering,
    config: AdaptiveConfig,
    pi: Servo,
    /// Learns whoever steers.
    adaptive: Adaptive,
    holdover: Holdover,
    holding: Option<Holding>,
    returned: Option<Returned>,
    interval: f64,
}

impl Discipline {
    /// For a clock as it runs at present, with pulses every `interval` seconds, and what was known of its oscillator before.
    ///
    /// # Errors
    /// The clock cannot be read.
    pub fn new(
        clock: &mut dyn Clock,
        config: ServoConfig,
        steering: Steering,
        interval: f64,
        model: Option<OscillatorModel>,
    ) -> Result<Self, ClockError> {
        let servo =
            ServoConfig { max_frequency_ppb: config.max_frequency_ppb.min(clock.max_frequency()), ..config };
        let config = AdaptiveConfig { servo, measuring: Measuring::Offset, ..AdaptiveConfig::default() };
        let frequency = patiently(|| clock.frequency())?;
        let mut pi = Servo::new(servo, frequency);
        pi.set_interval(interval);
        let mut this = Self {
            steering,
            config,
            pi,
            adaptive: Adaptive::new(config, frequency),
            holdover: Holdover::new(model),
            holding: None,
            returned: None,
            interval,
        };
        this.anew(frequency);
        Ok(this)
    }

    fn anew(&mut self, frequency_ppb: f64) {
        self.adaptive = Adaptive::new(self.config, frequency_ppb);
        self.adaptive.set_interval(self.interval);
    }

    /// Other thresholds and gains from now on; what was learnt stays, as does a holdover.
    pub fn configure(&mut self, config: ServoConfig) {
        let max_frequency_ppb = self.config.servo.max_frequency_ppb;
        self.config.servo = ServoConfig { max_frequency_ppb, ..config };
        self.adaptive.set_config(config);
        self.pi.set_config(config);
        self.pi.set_interval(self.interval);
    }

    /// What was learnt of the oscillator, to be kept over a restart.
    pub const fn model(&self) -> &OscillatorModel {
        self.holdover.model()
    }

    /// The last holdover's end, once.
    pub const fn take_returned(&mut self) -> Option<Returned> {
        self.returned.take()
    }

    /// The clock runs on its own at present.
    pub const fn is_holding(&self) -> bool {
        self.holding.is_some()
    }

    /// Somebody else changed the clock: what was measured does not hold any more.
    ///
    /// # Errors
    /// The clock cannot be read.
    pub fn clock_changed(&mut self, clock: &mut dyn Clock) -> Result<(), ClockError> {
        let frequency = patiently(|| clock.frequency())?;
        self.holding = None;
        self.pi = Servo::new(self.config.servo, frequency);
        self.pi.set_interval(self.interval);
        self.anew(frequency);
        Ok(())
    }

    /// Takes a pulse: when the clock stamped it, and the time it marks, with all that is known of its way added.
    ///
    /// # Errors
    /// The clock cannot be read or steered.
    pub fn pulse(
        &mut self,
        clock: &mut dyn Clock,
        stamp: TimePoint,
        truth: TimePoint,
    ) -> Result<Correction, ClockError> {
        let offset = stamp - truth;
        if self.steering == Steering::FreeRunning {
            return Ok(Correction {
                offset,
                state: ServoState::Unlocked,
                frequency_ppb: patiently(|| clock.frequency())?,
                bound_ns: f64::NAN,
                stepped: false,
            });
        }
        if let Some(held) = self.holding.take() {
            let after_s = (stamp - held.since).nanos_f64() * 1e-9;
            let error_ns = offset.nanos_f64();
            self.holdover.returned(&held.prediction, after_s, error_ns);
            let bound_ns = held.prediction.bound_ns(after_s);
            self.returned = Some(Returned { after_s, error_ns, bound_ns });
        }
        let learnt = self.adaptive.forward(offset, stamp);
        let decision = match self.steering {
            Steering::Pi => self.by_pi(offset, stamp),
            _ => learnt,
        };
        patiently(|| clock.set_frequency(decision.frequency_ppb))?;
        if let Some(step) = decision.step {
            if offset.abs() == TimeInterval::MAX {
                // Further off than an interval can tell: set it to the time it is by now.
                let since = patiently(|| clock.now())? - stamp;
                patiently(|| clock.set(truth + since))?;
                self.anew(decision.frequency_ppb);
            } else {
                patiently(|| clock.step(step))?;
            }
        }
        // Pulses are known late, several at a time on a busy machine: what is decided is in force from now on, not from the
        // pulse on. At 128 a second a servo that counted otherwise would swing.
        self.adaptive.carried_out(patiently(|| clock.now())?);
        if decision.state.is_locked()
            && let Some(sample) = self.adaptive.oscillator()
        {
            self.holdover.learn(&sample);
        }
        Ok(Correction {
            offset,
            state: decision.state,
            frequency_ppb: decision.frequency_ppb,
            bound_ns: self.bound_ns(),
            stepped: decision.step.is_some(),
        })
    }

    /// PI steers, and the one that learns is told.
    fn by_pi(&mut self, offset: TimeInterval, stamp: TimePoint) -> Decision {
        let decision = self.pi.sample(offset, stamp, 1.0);
        match decision.step {
            Some(_) => self.anew(decision.frequency_ppb),
            None => self.adaptive.steered(decision.frequency_ppb, stamp),
        }
        decision
    }

    /// With 99 % the error at the last pulse was below this, ns.
    fn bound_ns(&self) -> f64 {
        self.adaptive.estimate().error_bound_ns().unwrap_or(f64::NAN)
    }

    /// What is foreseen from now on; `None`: nothing was learnt. The last offset is not taken back any more.
    fn predict(&self) -> Option<Prediction> {
        let e = self.adaptive.estimate();
        let sigma_ns = e.sigma_ns.hypot(e.offset_ns);
        if self.adaptive.oscillator().is_some() {
            return Some(self.holdover.begin(sigma_ns));
        }
        // Not long enough to have tried holdovers: what was learnt so far, with what was known before of its wander.
        let known = self.holdover.model();
        let model = OscillatorModel {
            frequency_ppb: e.oscillator_ppb,
            frequency_sigma_ppb: e.oscillator_sigma_ppb,
            wander_ppb: e.wander_ppb.max(known.wander_ppb),
            ..*known
        };
        (e.sigma_ns > 0.0).then(|| Holdover::new(Some(model)).begin(sigma_ns))
    }

    /// No pulse to follow: steers by what was learnt. Gives the bound of the error by now, ns; NaN if nothing was learnt.
    /// Call it once a second or so.
    ///
    /// # Errors
    /// The clock cannot be read or steered.
    pub fn hold(&mut self, clock: &mut dyn Clock) -> Result<f64, ClockError> {
        if self.steering == Steering::FreeRunning {
            return Ok(f64::NAN);
        }
        let now = patiently(|| clock.now())?;
        let held = match self.holding {
            Some(held) => held,
            None => {
                let Some(prediction) = self.predict() else { return Ok(f64::NAN) };
                let decision = self.adaptive.hold(now);
                patiently(|| clock.set_frequency(decision.frequency_ppb))?;
                *self.holding.insert(Holding { prediction, since: now })
            }
        };
        let elapsed = ((now - held.since).nanos_f64() * 1e-9).max(0.0);
        if held.prediction.bound_ns(elapsed).is_finite() {
            let max = self.config.servo.max_frequency_ppb;
            let ppb = held.prediction.frequency_ppb(elapsed).clamp(-max, max);
            patiently(|| clock.set_frequency(ppb))?;
            self.adaptive.steered(ppb, now);
        }
        Ok(held.prediction.bound_ns(elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time_of_day::{Names, TimeOfDay};
    use ptp_gnss::{LeapTable, Receiver, Splitter};

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

    fn sentence(body: &str) -> String {
        format!("${body}*{:02X}\r\n", body.bytes().fold(0, |x, o| x ^ o))
    }

    /// From sentences and pulses to a clock that is right, whatever it showed before.
    fn run(
        start: i128,
        cable_delay: TimeInterval,
        steering: Steering,
    ) -> (Correction, Oscillator, Discipline) {
        let leaps = LeapTable::fixed(37);
        let mut clock = Oscillator { reading: 0.0, error_ppb: 23_456.0, frequency: 0.0, base: start };
        let config = ServoConfig::default();
        let mut discipline = Discipline::new(&mut clock, config, steering, 1.0, None).expect("it reads");
        let mut time = TimeOfDay::new(Names::Previous, 1, 0);
        let (mut splitter, mut receiver) = (Splitter::default(), Receiver::default());
        let mut last = None;
        for second in 0..59u64 {
            let monotonic = second * 1_000_000_000;
            if let Ok(tai) = time.of_pulse(monotonic) {
                let stamp = clock.now().expect("it reads") + cable_delay;
                last = Some(discipline.pulse(&mut clock, stamp, tai + cable_delay).expect("it steers"));
            }
            clock.pass(1.0);
            // 2026-11-21T05:30:00 is pulse 0; its sentence comes 300 ms later.
            let text = sentence(&format!("GPRMC,0530{second:02}.00,A,,,,,,,211126,,,A"));
            splitter.push(text.as_bytes(), |message| {
                let utc = receiver.hear(&message, monotonic).expect("valid");
                let tai = receiver.tai(&utc, Some(&leaps)).expect("after 1972");
                time.heard(tai, monotonic + 300_000_000);
            });
        }
        (last.expect("pulses came"), clock, discipline)
    }

    #[test]
    fn a_clock_becomes_right_from_any_start() {
        let now = 1_795_239_037_000_000_000i128;
        for steering in [Steering::Pi, Steering::Adaptive] {
            for start in [0, now + 1_500_000, now - 7_000_000_000, now + 40 * 3_600_000_000_000] {
                let (last, mut clock, _) = run(start, TimeInterval::from_nanos(52), steering);
                assert_eq!(last.state, ServoState::Locked, "{start}");
                assert!(last.offset.abs() < TimeInterval::from_nanos(3), "{steering:?} {start}: {last:?}");
                assert!((last.frequency_ppb + 23_456.0).abs() < 3.0, "{last:?}");
                assert!(last.bound_ns < 100.0, "{last:?}");
                // At the end it is 05:30:59 UTC, 37 s later in TAI.
                let error = clock.now().expect("it reads")
                    - TimePoint::from_nanos((1_795_239_059 + 37) * 1_000_000_000);
                assert!(error.abs() < TimeInterval::from_nanos(5), "{error}");
            }
        }
    }

    #[test]
    fn free_running_measures_only() {
        let (last, clock, _) = run(1_795_239_037_000_000_000, TimeInterval::ZERO, Steering::FreeRunning);
        assert_eq!((last.state, clock.frequency), (ServoState::Unlocked, 0.0));
        assert!(last.offset.abs() > TimeInterval::from_nanos(1_000_000));
    }

    #[test]
    fn what_was_learnt_holds_the_clock_and_the_bound_is_checked_on_return() {
        for steering in [Steering::Pi, Steering::Adaptive] {
            let (_, mut clock, mut discipline) = run(1_795_239_037_000_000_000, TimeInterval::ZERO, steering);
            let begun = clock.now().expect("it reads");
            let mut last = 0.0;
            for second in 0..600 {
                let bound = discipline.hold(&mut clock).expect("it steers");
                assert!(bound >= last, "{second}: {bound} after {last}");
                last = bound;
                clock.pass(1.0);
            }
            assert!(discipline.is_holding());
            let truth = begun + TimeInterval::from_nanos(600_000_000_000);
            let now = clock.now().expect("it reads");
            let error = (now - truth).nanos_f64();
            assert!(error.abs() <= last, "{steering:?}: {error} ns, bound {last} ns");
            discipline.pulse(&mut clock, now, truth).expect("it steers");
            let returned = discipline.take_returned().expect("it was in holdover");
            assert!(
                (returned.after_s - 600.0).abs() < 0.1 && returned.bound_ns >= error.abs(),
                "{returned:?}"
            );
            assert!(!discipline.is_holding());
            assert_eq!((discipline.model().returns, discipline.model().returns_within), (1, 1));
        }
    }
}
