//! Where measurements go: to a servo, which learns the clock's oscillator, or to an NTP daemon.

use std::path::Path;

use ptp_clock::{ChronySock, ClockError, NtpShm};
use ptp_daemon::RateLimit;
use ptp_program::{Holding, Returned};
use ptp_servo::{
    Adaptive, AdaptiveConfig, Decision, Measuring, OscillatorModel, ServoConfig, ServoKind, Steering,
};
use ptp_wire::{TimeInterval, TimePoint};

use crate::settings::{Output, Settings};

/// Between two words about a daemon that does not read, ns.
const MISSING_NS: u64 = 60_000_000_000;

/// Where the measurements go.
pub(crate) enum Controller {
    Servo(Box<Steerer>),
    Shm(NtpShm),
    Sock { sock: ChronySock, missing: RateLimit },
}

impl Controller {
    /// For a clock that runs with this correction at present, ppb, and what is known of its oscillator.
    pub(crate) fn new(
        settings: &Settings,
        config: ServoConfig,
        frequency: f64,
        domain: Option<usize>,
        model: Option<OscillatorModel>,
    ) -> Result<Self, ClockError> {
        let fan_out = settings.fan_out.get(domain.unwrap_or(0)).cloned().map(Output::ChronySock);
        Ok(match fan_out.as_ref().unwrap_or(&settings.output) {
            Output::Servo(kind) => {
                // phc2sys learns nothing.
                let learns = !settings.drop_in;
                Self::Servo(Box::new(Steerer::new(
                    *kind,
                    config,
                    1.0 / settings.rate,
                    frequency,
                    model,
                    learns,
                )))
            }
            Output::NtpShm(unit) => Self::Shm(NtpShm::open(*unit)?),
            Output::ChronySock(path) => {
                Self::Sock { sock: ChronySock::new(Path::new(path))?, missing: RateLimit::new(MISSING_NS) }
            }
        })
    }

    /// `None`: an NTP daemon decides.
    pub(crate) fn servo(&mut self) -> Option<&mut Steerer> {
        match self {
            Self::Servo(servo) => Some(servo),
            Self::Shm(_) | Self::Sock { .. } => None,
        }
    }

    /// `None`: an NTP daemon decides.
    pub(crate) fn servo_ref(&self) -> Option<&Steerer> {
        match self {
            Self::Servo(servo) => Some(servo),
            Self::Shm(_) | Self::Sock { .. } => None,
        }
    }
}

/// A servo, and what it learns for the time when there is nothing to follow.
pub(crate) struct Steerer {
    kind: ServoKind,
    config: ServoConfig,
    interval: f64,
    servo: ptp_servo::Controller,
    /// Learns the oscillator while a servo of another kind steers.
    learner: Option<Box<Adaptive>>,
    learns: bool,
    holding: Holding,
    /// It has been locked: there is no first step any more.
    tracked: bool,
}

fn adaptive(config: ServoConfig, frequency: f64) -> Adaptive {
    let config = AdaptiveConfig { servo: config, measuring: Measuring::Offset, ..AdaptiveConfig::default() };
    Adaptive::new(config, frequency)
}

fn servo(kind: ServoKind, config: ServoConfig, interval: f64, frequency: f64) -> ptp_servo::Controller {
    let mut servo = match kind {
        ServoKind::Adaptive => ptp_servo::Controller::Adaptive(Box::new(adaptive(config, frequency))),
        kind => {
            let steering = Steering { kind, servo: config, ..Steering::default() };
            ptp_servo::Controller::new(&steering, frequency)
        }
    };
    servo.set_interval(interval);
    servo
}

impl Steerer {
    fn new(
        kind: ServoKind,
        config: ServoConfig,
        interval: f64,
        frequency: f64,
        model: Option<OscillatorModel>,
        learns: bool,
    ) -> Self {
        let mut this = Self {
            kind,
            config,
            interval,
            servo: servo(kind, config, interval, frequency),
            learner: None,
            learns,
            holding: Holding::new(model),
            tracked: false,
        };
        this.learn_anew(frequency);
        this
    }

    /// Where another servo steers, the one that learns begins with this correction, ppb.
    fn learn_anew(&mut self, frequency: f64) {
        let learns = self.learns && self.kind != ServoKind::Adaptive;
        self.learner = learns.then(|| {
            // What it decides is carried out by nobody: it must not count on a step.
            let config = ServoConfig { first_step_threshold: None, step_threshold: None, ..self.config };
            let mut learner = adaptive(config, frequency);
            learner.set_interval(self.interval);
            Box::new(learner)
        });
    }

    /// The one that learns.
    fn scholar(&mut self) -> Option<&mut Adaptive> {
        match &mut self.learner {
            Some(learner) => Some(learner),
            None => self.servo.adaptive(),
        }
    }

    /// Takes an offset (clock minus what it should show) measured at `local`.
    pub(crate) fn sample(&mut self, offset: TimeInterval, local: TimePoint) -> Decision {
        let decision = self.servo.offset(offset, local, 1.0);
        if let Some(learner) = self.learner.as_mut().filter(|_| offset.abs() != TimeInterval::MAX) {
            learner.forward(offset, local);
            learner.steered(decision.frequency_ppb, local);
        }
        if decision.step.is_some() {
            self.learn_anew(decision.frequency_ppb);
        }
        if decision.state.is_locked() {
            self.tracked = true;
            if let Some(oscillator) = self.scholar().and_then(|s| s.oscillator()) {
                self.holding.learn(&oscillator);
            }
        }
        decision
    }

    /// The clock was changed by others, or set: starts over with the frequency it knows.
    pub(crate) fn reset(&mut self) {
        self.servo.reset();
        self.holding.void();
        self.learn_anew(self.servo.frequency_ppb());
    }

    /// Another source: what was measured against the old one says nothing of the new one's frequency, but the clock's own
    /// frequency is known.
    pub(crate) fn source_changed(&mut self) {
        self.servo.reset();
        if let Some(learner) = &mut self.learner {
            learner.master_changed();
        }
    }

    /// It learns the oscillator.
    pub(crate) const fn learns(&self) -> bool {
        self.learns
    }

    /// What was last decided, ppb.
    pub(crate) fn frequency_ppb(&self) -> f64 {
        self.servo.frequency_ppb()
    }

    /// The correction that the clock needs, without what takes back the last offset, ppb; `None`: it was never locked.
    pub(crate) fn learnt_ppb(&mut self) -> Option<f64> {
        let learnt = self.scholar().filter(|s| s.oscillator().is_some()).map(|s| s.learnt_ppb());
        self.tracked.then(|| learnt.unwrap_or_else(|| self.servo.learnt_ppb()))
    }

    /// Nothing to follow since `since_ns`: what to steer by from now on, ppb; `None`: as it is.
    pub(crate) fn hold(&mut self, since_ns: u64, now_ns: u64, name: &str) -> Option<f64> {
        if self.holding.is_running() {
            return self.holding.due(now_ns, name);
        }
        let learnt = self.learnt_ppb()?;
        let scholar = match &mut self.learner {
            Some(learner) => Some(&mut **learner),
            None => self.servo.adaptive(),
        };
        let begun = scholar.filter(|_| self.learns).and_then(|scholar| {
            let left = scholar.estimate().offset_ns;
            self.holding.begin(since_ns, name, scholar, left)
        });
        Some(begun.unwrap_or(learnt))
    }

    /// What [`Steerer::hold`] gave is in force from `local` on.
    pub(crate) fn held(&mut self, ppb: f64, local: TimePoint) {
        if let Some(scholar) = self.scholar() {
            scholar.steered(ppb, local);
        }
    }

    /// There is a source again, and the clock was off by `offset`, give or take `own_ns`. Tracking goes on with the frequency
    /// that was held. Gives how good the prediction was.
    pub(crate) fn back(
        &mut self,
        now_ns: u64,
        name: &str,
        offset: TimeInterval,
        own_ns: f64,
        held_ppb: f64,
    ) -> Option<Returned> {
        let noise = self.scholar().map_or(0.0, |s| 3.0 * s.estimate().forward_noise_ns);
        let returned = self.holding.end(now_ns, name, Some((offset.nanos_f64(), own_ns + noise)));
        match &mut self.servo {
            ptp_servo::Controller::Pi(servo) if self.tracked => servo.take_over(held_ppb),
            ptp_servo::Controller::Adaptive(_) => {}
            other => other.reset(),
        }
        returned
    }

    /// Somebody else changed the clock while it was held.
    pub(crate) fn void(&mut self) {
        self.holding.void();
    }

    /// For how long it has been held on a prediction, s.
    pub(crate) fn held_s(&self, now_ns: u64) -> Option<f64> {
        self.holding.running_s(now_ns)
    }

    /// In holdover: with 99 % what the clock lost is below this by now, ns.
    pub(crate) fn bound_ns(&self, now_ns: u64) -> Option<f64> {
        self.holding.bound_ns(now_ns)
    }

    /// What was learnt of the oscillator, if it is worth keeping.
    pub(crate) fn model(&self) -> Option<OscillatorModel> {
        self.holding.model().filter(|_| self.learns)
    }

    /// Other gains, thresholds, rate, or another kind of servo. What is known of the clock stays; nothing is stepped because of
    /// it.
    pub(crate) fn configure(&mut self, kind: ServoKind, config: ServoConfig, interval: f64) {
        let learnt = self.learnt_ppb();
        let first_step_threshold = config.first_step_threshold.filter(|_| !self.tracked);
        self.config = ServoConfig { first_step_threshold, ..config };
        self.interval = interval;
        if kind != self.kind {
            self.change(kind, learnt.unwrap_or_else(|| self.servo.frequency_ppb()));
        }
        let config = self.config;
        match &mut self.servo {
            ptp_servo::Controller::Pi(servo) => servo.set_config(config),
            ptp_servo::Controller::Linreg(servo) => servo.set_config(config),
            ptp_servo::Controller::Adaptive(servo) => servo.set_config(config),
            ptp_servo::Controller::None(_) => {}
        }
        self.servo.set_interval(interval);
        if let Some(learner) = &mut self.learner {
            learner.set_interval(interval);
        }
    }

    fn change(&mut self, kind: ServoKind, learnt: f64) {
        self.kind = kind;
        let known = self.learner.take();
        let new = match known {
            // It has watched all the time.
            Some(learner) if kind == ServoKind::Adaptive => ptp_servo::Controller::Adaptive(learner),
            known => {
                self.learner = known;
                servo(kind, self.config, self.interval, learnt)
            }
        };
        let old = std::mem::replace(&mut self.servo, new);
        if let (ptp_servo::Controller::Adaptive(old), true) = (old, self.learns) {
            self.learner = Some(old);
        }
        if let (ptp_servo::Controller::Pi(servo), true) = (&mut self.servo, self.tracked) {
            servo.take_over(learnt);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock `error_ppb` fast, measured each second with a little noise.
    struct Clock {
        time: i128,
        error: f64,
        error_ppb: f64,
        frequency: f64,
        steps: u32,
        second: i64,
    }

    impl Clock {
        fn new(error_ppb: f64) -> Self {
            Self { time: 0, error: 0.0, error_ppb, frequency: 0.0, steps: 0, second: 0 }
        }

        fn pass(&mut self) {
            self.second += 1;
            self.time += 1_000_000_000;
            self.error += self.error_ppb + self.frequency;
        }

        fn local(&self) -> TimePoint {
            TimePoint::from_nanos(self.time) + TimeInterval::from_nanos_f64(self.error)
        }

        fn offset(&self) -> TimeInterval {
            TimeInterval::from_nanos_f64(self.error + ((self.second * 7919) % 41 - 20) as f64)
        }

        fn now(&self) -> u64 {
            self.second as u64 * 1_000_000_000
        }

        fn measure(&mut self, steerer: &mut Steerer) -> Decision {
            self.pass();
            let d = steerer.sample(self.offset(), self.local());
            self.frequency = d.frequency_ppb;
            if let Some(step) = d.step {
                self.error += step.nanos_f64();
                self.steps += 1;
            }
            d
        }

        fn hold(&mut self, steerer: &mut Steerer) {
            self.pass();
            if let Some(ppb) = steerer.hold(self.now(), self.now(), "clock") {
                self.frequency = ppb;
                steerer.held(ppb, self.local());
            }
        }
    }

    const KINDS: [ServoKind; 3] = [ServoKind::Pi, ServoKind::Linreg, ServoKind::Adaptive];

    fn locked(kind: ServoKind, model: Option<OscillatorModel>) -> (Clock, Steerer) {
        let mut clock = Clock::new(23_456.0);
        let mut steerer = Steerer::new(kind, ServoConfig::default(), 1.0, 0.0, model, true);
        for _ in 0..300 {
            clock.measure(&mut steerer);
        }
        assert!(clock.error.abs() < 60.0, "{kind:?}: {} ns", clock.error);
        (clock, steerer)
    }

    #[test]
    fn whoever_steers_a_lost_source_is_outlived_within_the_bound() {
        for kind in KINDS {
            let (mut clock, mut steerer) = locked(kind, None);
            // Whatever the last offset made the servo decide is not held.
            clock.hold(&mut steerer);
            assert!((clock.frequency + 23_456.0).abs() < 3.0, "{kind:?}: {}", clock.frequency);
            let mut last = 0.0;
            for _ in 0..1_800 {
                clock.hold(&mut steerer);
                let bound = steerer.bound_ns(clock.now()).expect("it is predicted");
                assert!(bound >= last, "{kind:?}: it grows");
                last = bound;
                assert!(clock.error.abs() <= bound, "{kind:?}: {} ns, bound {bound}", clock.error);
            }
            let before = clock.steps;
            let returned = steerer.back(clock.now(), "clock", clock.offset(), 1.0, clock.frequency);
            let returned = returned.expect("it was in holdover");
            assert!(returned.within && (returned.after_s - 1_800.0).abs() < 2.0, "{kind:?}: {returned:?}");
            for _ in 0..60 {
                clock.measure(&mut steerer);
            }
            assert!(clock.error.abs() < 60.0 && clock.steps == before, "{kind:?}: {} ns", clock.error);
            let model = steerer.model().expect("it was learnt");
            assert_eq!((model.returns, model.returns_within), (1, 1));
        }
    }

    #[test]
    fn a_model_from_before_gives_a_bound_to_one_that_was_just_locked() {
        for kind in KINDS {
            let (_, before) = locked(kind, None);
            let model = before.model().expect("five minutes are enough").aged(3600.0);
            let short = |model: Option<OscillatorModel>| {
                let mut clock = Clock::new(23_456.0);
                clock.frequency = -23_456.0;
                let mut steerer =
                    Steerer::new(kind, ServoConfig::default(), 1.0, clock.frequency, model, true);
                for _ in 0..8 {
                    clock.measure(&mut steerer);
                }
                clock.hold(&mut steerer);
                steerer.bound_ns(clock.now() + 600_000_000_000)
            };
            let known = short(Some(model)).unwrap_or_else(|| panic!("{kind:?} has a bound at once"));
            assert!(known < 100_000.0, "{kind:?}: {known} ns after ten minutes");
            assert!(short(None).is_none_or(|unknown| unknown > known), "{kind:?}: {known} ns");
        }
    }

    #[test]
    fn another_kind_of_servo_takes_over_without_a_step() {
        for from in KINDS {
            for to in KINDS {
                let (mut clock, mut steerer) = locked(from, None);
                let (before, watched) = (clock.steps, steerer.model().expect("it was learnt").observed_s);
                // Thresholds that any offset is over.
                let tight = Some(TimeInterval::from_nanos(1));
                let config = ServoConfig { first_step_threshold: tight, ..ServoConfig::default() };
                steerer.configure(to, config, 1.0);
                let mut largest = 0.0f64;
                for _ in 0..60 {
                    clock.measure(&mut steerer);
                    largest = largest.max(clock.error.abs());
                }
                assert_eq!(clock.steps, before, "{from:?} to {to:?}");
                assert!(largest < 200.0, "{from:?} to {to:?}: {largest} ns");
                // What was learnt stays.
                let after = steerer.model().expect("it is known").observed_s;
                assert!(after >= watched + 30.0, "{from:?} to {to:?}: {watched} s, then {after} s");
            }
        }
    }
}
