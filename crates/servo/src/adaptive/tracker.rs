//! The follower with a bounded bandwidth, for boundary clocks.

use super::kalman::Process;

/// Damping of the loop: at 4, a disturbance of the master is nowhere passed on more than 0.1 dB larger.
pub(super) const DAMPING: f64 = 4.0;

/// A second-order loop on the oscillator's own phase: what it follows it follows smoothly.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tracker {
    /// ns against the master, corrections left out.
    pub(super) phase: f64,
    /// ppb.
    pub(super) frequency: f64,
    time: f64,
}

impl Tracker {
    pub(super) fn new(time: f64, phase: f64, frequency: f64) -> Self {
        Self { phase, frequency, time }
    }

    /// The phase then; a little earlier than the last measurement is fine.
    pub(super) fn phase_at(&self, time: f64) -> f64 {
        self.phase + self.frequency * (time - self.time)
    }

    /// Takes how far the measured phase is from the tracked one. `bandwidth`: rad/s; `share`: how much of the time since
    /// the last measurement this one stands for.
    pub(super) fn update(&mut self, time: f64, innovation: f64, bandwidth: f64, share: f64) {
        let t = (time - self.time).max(0.0);
        self.phase += self.frequency * t;
        self.time = self.time.max(time);
        let gain = (bandwidth * t * share).clamp(0.0, 0.7);
        self.phase += gain * innovation;
        if t > 0.0 {
            self.frequency += gain * gain / (4.0 * DAMPING * DAMPING * t * share.max(1e-9)) * innovation;
        }
    }
}

/// The bandwidth, rad/s, with the least error for this oscillator and measurement noise (ns^2 s) at the fixed damping.
pub(super) fn best_bandwidth(process: &Process, noise: f64) -> f64 {
    (12.0 * DAMPING * DAMPING * process.frequency / noise.max(1e-9)).powf(0.25)
}
