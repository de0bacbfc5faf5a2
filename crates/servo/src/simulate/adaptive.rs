//! The adaptive servo in an experiment.

use ptp_wire::{TimeInterval, TimePoint};

use super::Driver;
use crate::{Adaptive, AdaptiveConfig, Decision, Stamping, Transfer};

/// Hands samples on as they are.
pub struct AdaptiveDriver(pub Adaptive);

impl AdaptiveDriver {
    /// With its defaults.
    pub fn new() -> Self {
        Self(Adaptive::new(AdaptiveConfig::default(), 0.0))
    }

    /// With the kernel's stamps.
    pub fn software() -> Self {
        let config = AdaptiveConfig { stamping: Stamping::Software, ..AdaptiveConfig::default() };
        Self(Adaptive::new(config, 0.0))
    }

    /// As a boundary clock has it.
    pub fn boundary(transfer: Transfer) -> Self {
        Self(Adaptive::new(AdaptiveConfig { transfer, ..AdaptiveConfig::default() }, 0.0))
    }
}

impl Default for AdaptiveDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl Driver for AdaptiveDriver {
    fn forward(&mut self, value: TimeInterval, local: TimePoint) -> Option<Decision> {
        Some(self.0.forward(value, local))
    }

    fn backward(&mut self, value: TimeInterval, local: TimePoint) -> Option<Decision> {
        Some(self.0.backward(value, local))
    }

    fn carried_out(&mut self, local: TimePoint) {
        self.0.carried_out(local);
    }

    fn master_changed(&mut self) {
        self.0.master_changed();
    }

    fn set_interval(&mut self, seconds: f64) {
        self.0.set_interval(seconds);
    }

    fn silent(&mut self, local: TimePoint) -> Option<Decision> {
        Some(self.0.hold(local))
    }

    fn says(&self) -> Option<(f64, f64, f64)> {
        let e = self.0.estimate();
        self.0.state().is_locked().then_some((e.offset_ns, e.bound_ns, e.health))
    }
}
