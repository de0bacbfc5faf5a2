//! The damped follower, for boundary clocks.
//!
//! The optimal estimator of a clock amplifies what the master does near its bandwidth by 2 dB; ten in a row make a
//! multiple of it. A second-order loop with more damping does not, at the price of some more noise of its own.

use super::config::Transfer;
use super::kalman::Process;

/// A second-order loop on the oscillator's own phase: what it follows it follows smoothly.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tracker {
    /// ns against the master, corrections left out.
    pub(super) phase: f64,
    /// ppb.
    pub(super) frequency: f64,
    time: f64,
    damping: f64,
}

impl Tracker {
    pub(super) fn new(time: f64, phase: f64, frequency: f64, damping: f64) -> Self {
        Self { phase, frequency, time, damping }
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
            self.frequency +=
                gain * gain / (4.0 * self.damping * self.damping * t * share.max(1e-9)) * innovation;
        }
    }
}

/// What a loop keeps to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    pub(super) damping: f64,
    /// The widest bandwidth, rad/s.
    pub(super) widest: f64,
    /// It goes over to the estimator at once if that is farther away than so many deviations, and than so many ns.
    pub(super) deviations: f64,
    pub(super) farthest: f64,
}

/// `None`: no loop, the estimator itself is followed.
pub(super) fn limits(transfer: Transfer) -> Option<Limits> {
    match transfer {
        Transfer::Free => None,
        // Peaks by 3.1 %.
        Transfer::Damped => {
            Some(Limits { damping: 4.0, widest: f64::INFINITY, deviations: 6.0, farthest: 1.0 })
        }
        // Peaks by 0.08 dB; 3 dB down at 1.01 times the gain over 2 pi.
        Transfer::Limited { bandwidth_hz } => {
            let hz = if bandwidth_hz.is_finite() { bandwidth_hz.clamp(1e-4, 100.0) } else { 0.1 };
            let widest = core::f64::consts::TAU * hz / 1.01;
            // A master that swings fast by hundreds of ns is what the limit is for.
            Some(Limits { damping: 5.0, widest, deviations: 6.0, farthest: 1000.0 })
        }
    }
}

/// The bandwidth, rad/s, with the least error for this oscillator and measurement noise (ns^2 s) at a damping. A drift that
/// walks counts as the walk of the frequency it makes within the loop's own time.
pub(super) fn best_bandwidth(process: &Process, noise: f64, damping: f64) -> f64 {
    let d2 = damping * damping;
    let best = |q: f64| (12.0 * d2 * q / (noise.max(1e-9) * (1.0 + 0.25 / d2))).powf(0.25);
    let mut bandwidth = 1.0f64;
    for _ in 0..4 {
        bandwidth = best(process.frequency + process.drift / bandwidth.max(1e-4).powi(2));
    }
    bandwidth
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The loop's answer to a master that swings with `w` rad/s, as gain; 64 measurements a second.
    fn gain(w: f64, damping: f64, bandwidth: f64) -> f64 {
        let step = 1.0 / 64.0;
        let mut t = Tracker::new(0.0, 0.0, 0.0, damping);
        let cycle = core::f64::consts::TAU / w;
        let steps = ((30.0 / bandwidth * damping * damping + 8.0 * cycle) / step) as i64;
        let from = steps - (2.0 * cycle / step) as i64;
        let (mut sin, mut cos, mut n) = (0.0, 0.0, 0.0);
        for i in 1..=steps {
            let time = i as f64 * step;
            let master = (w * time).sin();
            t.update(time, master - t.phase_at(time), bandwidth, 1.0);
            if i > from {
                sin += t.phase * (w * time).sin();
                cos += t.phase * (w * time).cos();
                n += 0.5;
            }
        }
        (sin * sin + cos * cos).sqrt() / n
    }

    #[test]
    fn peaking_and_bandwidth_are_as_said() {
        let telecom = limits(Transfer::Limited { bandwidth_hz: 0.1 }).expect("a loop");
        let damped = Limits { widest: 0.6, ..limits(Transfer::Damped).expect("a loop") };
        for (Limits { damping, widest: bandwidth, .. }, most) in [(damped, 1.034), (telecom, 1.0116)] {
            let peak = (1..60)
                .map(|i| gain(bandwidth * 0.01 * f64::from(i), damping, bandwidth))
                .fold(0.0, f64::max);
            assert!(peak < most && peak > 1.002, "damping {damping}: {peak}");
        }
        let at = |hz: f64| 20.0 * gain(core::f64::consts::TAU * hz, telecom.damping, telecom.widest).log10();
        assert!((at(0.1) + 3.0).abs() < 0.1, "{} dB at the bandwidth", at(0.1));
        assert!(at(1.0) < -18.0);
    }
}
