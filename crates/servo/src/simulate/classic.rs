//! Servos that take one offset, behind a median of the path delay, as linuxptp arranges them.

use ptp_wire::{TimeInterval, TimePoint};

use super::Driver;
use crate::{Decision, DelayFilter, FilterKind, Linreg, PiConfig, Servo, ServoConfig};

enum Kind {
    Pi(Servo),
    Linreg(Box<Linreg>),
}

/// Sync less the median of the last 10 path delays, to PI or linear regression.
pub struct Classic {
    kind: Kind,
    filter: DelayFilter,
    forward: Option<TimeInterval>,
}

impl Classic {
    fn new(kind: Kind) -> Self {
        Self { kind, filter: DelayFilter::new(FilterKind::MovingMedian, 10), forward: None }
    }

    /// PI with linuxptp's defaults for hardware stamps.
    pub fn pi() -> Self {
        Self::new(Kind::Pi(Servo::new(ServoConfig::default(), 0.0)))
    }

    /// PI with linuxptp's defaults for the kernel's stamps.
    pub fn pi_for_software() -> Self {
        let config = ServoConfig { pi: PiConfig::software(), ..ServoConfig::default() };
        Self::new(Kind::Pi(Servo::new(config, 0.0)))
    }

    /// Linear regression with linuxptp's defaults.
    pub fn linreg() -> Self {
        Self::new(Kind::Linreg(Box::new(Linreg::new(ServoConfig::default(), 0.0))))
    }
}

impl Driver for Classic {
    fn forward(&mut self, value: TimeInterval, local: TimePoint) -> Option<Decision> {
        self.forward = Some(value);
        let offset = value - self.filter.value()?;
        let decision = match &mut self.kind {
            Kind::Pi(servo) => servo.sample(offset, local, 1.0),
            Kind::Linreg(servo) => servo.sample(offset, local, 1.0),
        };
        if let (Some(by), Some(forward)) = (decision.step, &mut self.forward) {
            *forward += by;
        }
        Some(decision)
    }

    fn backward(&mut self, value: TimeInterval, _: TimePoint) -> Option<Decision> {
        let delay = TimeInterval::from_nanos_f64((self.forward?.nanos_f64() + value.nanos_f64()) / 2.0);
        self.filter.push(delay);
        None
    }

    fn master_changed(&mut self) {
        self.filter.reset();
        self.forward = None;
    }

    fn set_interval(&mut self, seconds: f64) {
        match &mut self.kind {
            Kind::Pi(servo) => servo.set_interval(seconds),
            Kind::Linreg(servo) => servo.set_interval(seconds),
        }
    }
}
