//! References lost and found again.

use ptp_wire::{TimeInterval, TimePoint};

use super::{Oscillator, Rng, SECOND, SimClock, Stamps};
use crate::{Adaptive, AdaptiveConfig, Holdover};

/// A clock with its servo and holdover, whose reference can be taken away.
pub struct HoldoverLab {
    clock: SimClock,
    servo: Adaptive,
    holdover: Holdover,
    rng: Rng,
    now: i64,
}

impl HoldoverLab {
    /// A clock with this wander (ppb in a second), 2 ppm fast.
    pub fn new(wander_ppb: f64, seed: u64) -> Self {
        Self::of(Oscillator { wander_ppb, ..Oscillator::crystal(2_000.0) }, seed)
    }

    /// A clock with this oscillator.
    pub fn of(oscillator: Oscillator, seed: u64) -> Self {
        Self {
            clock: SimClock::new(oscillator, 100.0, seed, 1),
            servo: Adaptive::new(AdaptiveConfig::default(), 0.0),
            holdover: Holdover::new(None),
            rng: Rng::stream(seed, 2),
            now: 0,
        }
    }

    fn local(&self, error: f64) -> TimePoint {
        TimePoint::from_scaled((i128::from(self.now) << 6) + (error * 65536.0) as i128)
    }

    /// Locked for so many seconds: one pair of messages a second over 1 us, 20 ns of noise.
    pub fn lock(&mut self, seconds: u32) {
        let stamps = Stamps { granularity_ns: 0.0, noise_ns: 14.0 };
        for _ in 0..seconds {
            for down in [true, false] {
                self.now += SECOND / 2;
                self.clock.advance(self.now);
                let stamp = self.clock.stamp(stamps, &mut self.rng);
                let other = 14.0 * self.rng.normal();
                let local = self.local(stamp);
                let decision = if down {
                    self.servo.forward(TimeInterval::from_nanos_f64(1000.0 + stamp - other), local)
                } else {
                    self.servo.backward(TimeInterval::from_nanos_f64(1000.0 - stamp + other), local)
                };
                self.clock.steer(decision.frequency_ppb);
                self.clock.step(decision.step.map_or(0.0, TimeInterval::nanos_f64));
            }
            if let Some(sample) = self.servo.oscillator() {
                self.holdover.learn(&sample);
            }
        }
    }

    /// Alone for so many seconds: gives the error without its sign and the bound told for it, ns.
    pub fn lose(&mut self, seconds: u32) -> (f64, f64) {
        let prediction = self.holdover.begin(self.servo.estimate().sigma_ns);
        let local = self.local(self.clock.error());
        self.servo.hold(local);
        for t in 0..seconds {
            let ppb = prediction.frequency_ppb(f64::from(t));
            let local = self.local(self.clock.error());
            self.servo.steered(ppb, local);
            self.clock.steer(ppb);
            self.now += SECOND;
            self.clock.advance(self.now);
        }
        let (error, t) = (self.clock.error(), f64::from(seconds));
        self.holdover.returned(&prediction, t, error);
        (error.abs(), prediction.bound_ns(t))
    }
}

/// What many losses of one kind came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// Losses.
    pub losses: u32,
    /// The ones whose error stayed within the 99 % bound.
    pub within: u32,
    /// Root of the mean square of the errors at the end, ns.
    pub rms_ns: f64,
    /// The mean of the bounds, ns.
    pub bound_ns: f64,
}

/// Loses the reference `times` times for each of `seeds` oscillators: after 900 s of being locked, and 300 s each between.
pub fn calibrate(wander_ppb: f64, seconds: u32, seeds: u64, times: u32) -> Calibration {
    let (mut losses, mut within, mut squares, mut bounds) = (0, 0, 0.0, 0.0);
    for seed in 1..=seeds {
        let mut lab = HoldoverLab::new(wander_ppb, seed);
        lab.lock(900);
        for _ in 0..times {
            let (error, bound) = lab.lose(seconds);
            losses += 1;
            within += u32::from(error <= bound);
            squares += error * error;
            bounds += bound;
            lab.lock(300);
        }
    }
    let n = f64::from(losses).max(1.0);
    Calibration { losses, within, rms_ns: (squares / n).sqrt(), bound_ns: bounds / n }
}
