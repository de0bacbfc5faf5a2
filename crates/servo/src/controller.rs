//! One of several servos, chosen when the program runs.

use ptp_wire::{TimeInterval, TimePoint};

use crate::servo::exceeds;
use crate::{
    Adaptive, AdaptiveConfig, Decision, Linreg, Measuring, Servo, ServoConfig, ServoState, Stamping, Transfer,
};

/// Which servo.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ServoKind {
    /// [`Adaptive`].
    #[default]
    Adaptive,
    /// [`Servo`].
    Pi,
    /// [`Linreg`].
    Linreg,
    /// The frequency stays at zero; only steps are made: for clocks whose frequency comes by other ways (SyncE).
    None,
}

/// A servo, and how it decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steering {
    /// Which.
    pub kind: ServoKind,
    /// Gains, thresholds and limits.
    pub servo: ServoConfig,
    /// Who takes the stamps that an adaptive one gets.
    pub stamping: Stamping,
    /// How an adaptive one passes on what its master does.
    pub transfer: Transfer,
    /// In the stable state offsets go to the clock's own phase control, and its frequency is left alone.
    pub phase_adjustment: bool,
    /// So many samples from the master are ignored after a step.
    pub step_window: u32,
    /// Where the clock's own frequency seems to be off by more than this (ppb), someone else steers it; `None`: nobody looks.
    pub sanity_limit_ppb: Option<f64>,
}

impl Default for Steering {
    /// Adaptive, at the end of a chain.
    fn default() -> Self {
        Self {
            kind: ServoKind::Adaptive,
            servo: ServoConfig::default(),
            stamping: Stamping::Hardware,
            transfer: Transfer::Free,
            phase_adjustment: false,
            step_window: 0,
            sanity_limit_ppb: Some(200_000_000.0),
        }
    }
}

/// A servo of any kind.
#[derive(Clone, Debug)]
pub enum Controller {
    /// Takes both directions' measurements: see [`Controller::adaptive`].
    Adaptive(Box<Adaptive>),
    /// Takes offsets.
    Pi(Servo),
    /// Takes offsets.
    Linreg(Box<Linreg>),
    /// Takes offsets, and only steps.
    None(StepOnly),
}

impl Controller {
    /// For a clock that runs with this correction at present, ppb.
    pub fn new(steering: &Steering, initial_frequency_ppb: f64) -> Self {
        let servo = steering.servo;
        match steering.kind {
            ServoKind::Adaptive => {
                let config = AdaptiveConfig {
                    servo,
                    measuring: Measuring::TwoWay,
                    stamping: steering.stamping,
                    transfer: steering.transfer,
                    ..AdaptiveConfig::default()
                };
                Self::Adaptive(Box::new(Adaptive::new(config, initial_frequency_ppb)))
            }
            ServoKind::Pi => Self::Pi(Servo::new(servo, initial_frequency_ppb)),
            ServoKind::Linreg => Self::Linreg(Box::new(Linreg::new(servo, initial_frequency_ppb))),
            ServoKind::None => Self::None(StepOnly::new(servo)),
        }
    }

    /// The adaptive one, if it is.
    pub fn adaptive(&mut self) -> Option<&mut Adaptive> {
        match self {
            Self::Adaptive(a) => Some(a),
            _ => None,
        }
    }

    /// The interval between samples from the master, s.
    pub fn set_interval(&mut self, seconds: f64) {
        match self {
            Self::Adaptive(a) => a.set_interval(seconds),
            Self::Pi(s) => s.set_interval(seconds),
            Self::Linreg(l) => l.set_interval(seconds),
            Self::None(_) => {}
        }
    }

    /// Takes an offset (local minus master) measured at `local`; `weight`: 0 to 1. An adaptive servo takes it as a
    /// measurement from the master with no path in it.
    pub fn offset(&mut self, offset: TimeInterval, local: TimePoint, weight: f64) -> Decision {
        match self {
            Self::Adaptive(a) => a.forward(offset, local),
            Self::Pi(s) => s.sample(offset, local, weight),
            Self::Linreg(l) => l.sample(offset, local, weight),
            Self::None(n) => n.sample(offset),
        }
    }

    /// Starts over with the frequency it knows.
    pub fn reset(&mut self) {
        match self {
            Self::Adaptive(a) => a.reset(),
            Self::Pi(s) => s.reset(),
            Self::Linreg(l) => l.reset(),
            Self::None(n) => n.reset(),
        }
    }

    /// What was last decided, ppb; after [`Controller::reset`] the frequency it knows.
    pub fn frequency_ppb(&self) -> f64 {
        match self {
            Self::Adaptive(a) => a.frequency_ppb(),
            Self::Pi(s) => s.frequency_ppb(),
            Self::Linreg(l) => l.frequency_ppb(),
            Self::None(_) => 0.0,
        }
    }

    /// The frequency it has learnt, without what takes back the last offset, ppb.
    pub fn learnt_ppb(&self) -> f64 {
        match self {
            Self::Adaptive(a) => a.learnt_ppb(),
            Self::Pi(s) => {
                let mut s = s.clone();
                s.reset();
                s.frequency_ppb()
            }
            Self::Linreg(l) => {
                let mut l = l.clone();
                l.reset();
                l.frequency_ppb()
            }
            Self::None(_) => 0.0,
        }
    }
}

/// Steps and nothing else: linuxptp's `nullf`.
///
/// Locked is what is within the offset threshold, or else within the step threshold.
#[derive(Clone, Debug)]
pub struct StepOnly {
    config: ServoConfig,
    first: bool,
    missing: u32,
}

impl StepOnly {
    /// With thresholds as for the other servos.
    pub fn new(config: ServoConfig) -> Self {
        Self { config, first: true, missing: config.num_offset_values }
    }

    /// Takes an offset, local minus master.
    pub fn sample(&mut self, offset: TimeInterval) -> Decision {
        let c = &self.config;
        let step =
            (self.first && exceeds(offset, c.first_step_threshold)) || exceeds(offset, c.step_threshold);
        self.first = false;
        if step {
            self.missing = c.num_offset_values;
            return Decision { state: ServoState::Jump, frequency_ppb: 0.0, step: Some(-offset) };
        }
        let near = c.offset_threshold.or(c.step_threshold).is_none_or(|t| offset.abs() <= t);
        self.missing = if near { self.missing.saturating_sub(1) } else { c.num_offset_values };
        let state = match (near, c.offset_threshold) {
            (false, _) => ServoState::Unlocked,
            (true, Some(_)) if self.missing == 0 => ServoState::LockedStable,
            (true, _) => ServoState::Locked,
        };
        Decision { state, frequency_ppb: 0.0, step: None }
    }

    /// Starts over.
    pub fn reset(&mut self) {
        self.missing = self.config.num_offset_values;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ns(v: i64) -> TimeInterval {
        TimeInterval::from_nanos(v)
    }

    #[test]
    fn each_kind_follows_a_clock_that_is_off() {
        for kind in [ServoKind::Adaptive, ServoKind::Pi, ServoKind::Linreg] {
            let mut c = Controller::new(&Steering { kind, ..Steering::default() }, 0.0);
            c.set_interval(1.0);
            // A clock 2 ppm fast, as it shows once corrections are carried out.
            let (mut error, mut ppb) = (500.0, 0.0);
            for i in 1..200i64 {
                error += 2000.0 + ppb;
                let local = TimePoint::from_nanos(i128::from(i) * 1_000_000_000 + error as i128);
                let d = match c.adaptive() {
                    Some(a) => {
                        a.forward(TimeInterval::from_nanos_f64(error + 700.0), local);
                        a.backward(TimeInterval::from_nanos_f64(700.0 - error), local)
                    }
                    None => c.offset(TimeInterval::from_nanos_f64(error), local, 1.0),
                };
                ppb = d.frequency_ppb;
                error += d.step.map_or(0.0, TimeInterval::nanos_f64);
            }
            assert!(error.abs() < 5.0, "{kind:?}: {error} ns");
            assert!((c.learnt_ppb() + 2000.0).abs() < 2.0, "{kind:?}: {} ppb", c.learnt_ppb());
        }
    }

    #[test]
    fn step_only_steps_only() {
        let config = ServoConfig {
            step_threshold: Some(ns(1_000_000)),
            offset_threshold: Some(ns(100)),
            num_offset_values: 2,
            ..ServoConfig::default()
        };
        let mut c =
            Controller::new(&Steering { kind: ServoKind::None, servo: config, ..Steering::default() }, 77.0);
        let mut take = |v: i64| c.offset(ns(v), TimePoint::from_nanos(0), 1.0);
        let first = take(30_000);
        assert_eq!((first.state, first.step), (ServoState::Jump, Some(ns(-30_000))));
        assert_eq!(take(50).state, ServoState::Locked);
        assert_eq!(take(-50).state, ServoState::LockedStable);
        assert_eq!(take(30_000).state, ServoState::Unlocked);
        let far = take(-2_000_000);
        assert_eq!((far.step, far.frequency_ppb), (Some(ns(2_000_000)), 0.0));
    }
}
