//! A clock with a real oscillator.

use super::Rng;

/// How wrong an oscillator is and how it changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Oscillator {
    /// At the start, ppb.
    pub frequency_ppb: f64,
    /// Random walk of the frequency: its deviation after one second, ppb.
    pub wander_ppb: f64,
    /// Change of the frequency, ppb/day.
    pub ageing_ppb_per_day: f64,
    /// The frequency swings by this much with temperature, ppb.
    pub swing_ppb: f64,
    /// In this time, s.
    pub swing_period_s: f64,
}

impl Oscillator {
    /// A plain crystal: 0.1 ppb of wander in a second.
    pub const fn crystal(frequency_ppb: f64) -> Self {
        Self {
            frequency_ppb,
            wander_ppb: 0.1,
            ageing_ppb_per_day: 0.0,
            swing_ppb: 0.0,
            swing_period_s: 1000.0,
        }
    }
}

/// A counter on an oscillator, steered and stepped. Errors are against true time, in ns.
#[derive(Clone, Debug)]
pub struct SimClock {
    oscillator: Oscillator,
    walk_ppb: f64,
    error_ns: f64,
    steered_ppb: f64,
    /// True time of `error_ns`, in 2^-10 ns.
    now: i64,
    rng: Rng,
}

/// Units of simulated time in a second: 2^-10 ns each.
pub const SECOND: i64 = 1_024_000_000_000;

impl SimClock {
    /// At true time 0 it is wrong by `error_ns`.
    pub fn new(oscillator: Oscillator, error_ns: f64, seed: u64, stream: u64) -> Self {
        Self { oscillator, walk_ppb: 0.0, error_ns, steered_ppb: 0.0, now: 0, rng: Rng::stream(seed, stream) }
    }

    /// A clock that is right.
    pub fn perfect() -> Self {
        let still = Oscillator { wander_ppb: 0.0, ..Oscillator::crystal(0.0) };
        Self::new(still, 0.0, 0, 0)
    }

    /// Lets time pass up to `now` (2^-10 ns); exact for the random walk whatever the steps.
    pub fn advance(&mut self, now: i64) {
        let dt = (now - self.now) as f64 / SECOND as f64;
        if dt <= 0.0 {
            return;
        }
        let o = &self.oscillator;
        let mid = (self.now as f64 / SECOND as f64) + dt / 2.0;
        let swing = o.swing_ppb * (core::f64::consts::TAU * mid / o.swing_period_s).sin();
        let own = o.frequency_ppb + self.walk_ppb + o.ageing_ppb_per_day * mid / 86_400.0 + swing;
        let (mut walked, mut drifted) = (0.0, 0.0);
        if o.wander_ppb > 0.0 {
            let (a, b) = (self.rng.normal(), self.rng.normal());
            walked = o.wander_ppb * dt.sqrt() * a;
            // The walk's integral over dt: half of it follows the walk, the rest is independent.
            drifted = dt * (walked / 2.0 + o.wander_ppb * (dt / 12.0).sqrt() * b);
        }
        let rate = own + self.steered_ppb + own * self.steered_ppb * 1e-9;
        self.error_ns += rate * dt + drifted;
        self.walk_ppb += walked;
        self.now = now;
    }

    /// Clock minus true time, ns.
    pub fn error(&self) -> f64 {
        self.error_ns
    }

    /// What it reads, in ns; `now` is kept apart so that no digits are lost.
    pub fn reading(&self) -> (i64, f64) {
        (self.now, self.error_ns)
    }

    /// Steers it, ppb.
    pub fn steer(&mut self, ppb: f64) {
        self.steered_ppb = ppb;
    }

    /// Adds to its reading, ns.
    pub fn step(&mut self, ns: f64) {
        self.error_ns += ns;
    }

    /// The oscillator's frequency jumps, ppb.
    pub fn disturb(&mut self, ppb: f64) {
        self.walk_ppb += ppb;
    }

    /// A stamp's error against true time, ns: noise, then cut to the granularity.
    pub fn stamp(&self, stamps: Stamps, rng: &mut Rng) -> f64 {
        let exact = self.error_ns + if stamps.noise_ns > 0.0 { stamps.noise_ns * rng.normal() } else { 0.0 };
        if stamps.granularity_ns <= 0.0 {
            return exact;
        }
        let g = stamps.granularity_ns;
        // Only the place within one grain of the counter matters.
        let grain = (g * 1024.0) as i64;
        let place = self.now.rem_euclid(grain.max(1)) as f64 / 1024.0 + exact;
        exact - place.rem_euclid(g) + g / 2.0
    }
}

/// How stamps are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stamps {
    /// They are whole multiples of this, ns (centred); 0: not cut.
    pub granularity_ns: f64,
    /// Deviation of their noise, ns.
    pub noise_ns: f64,
}

impl Stamps {
    /// Variance of one stamp, ns^2.
    pub fn variance(self) -> f64 {
        self.granularity_ns * self.granularity_ns / 12.0 + self.noise_ns * self.noise_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_does_not_depend_on_how_often_it_is_looked_at() {
        let deviation = |parts: i64| {
            let squares: f64 = (0..400)
                .map(|seed| {
                    let mut c = SimClock::new(
                        Oscillator { wander_ppb: 1.0, ..Oscillator::crystal(0.0) },
                        0.0,
                        seed,
                        1,
                    );
                    for i in 1..=parts {
                        c.advance(i * 100 * SECOND / parts);
                    }
                    c.error().powi(2)
                })
                .sum();
            (squares / 400.0).sqrt()
        };
        // sqrt(t^3 / 3) = 577 ns after 100 s.
        for parts in [1, 7, 100] {
            let d = deviation(parts);
            assert!((500.0..660.0).contains(&d), "{parts} parts: {d}");
        }
    }

    #[test]
    fn stamps_are_cut_without_bias() {
        let stamps = Stamps { granularity_ns: 8.0, noise_ns: 0.0 };
        let mut c = SimClock::new(Oscillator { wander_ppb: 0.0, ..Oscillator::crystal(100.0) }, 3.0, 1, 1);
        let mut rng = Rng::stream(1, 5);
        let (mut sum, mut squares) = (0.0, 0.0);
        for i in 1..=10_000i64 {
            c.advance(i * 1_234_567);
            let e = c.stamp(stamps, &mut rng) - c.error();
            assert!(e.abs() <= 4.0 + 1e-6);
            sum += e;
            squares += e * e;
        }
        assert!((sum / 1e4).abs() < 0.2, "{}", sum / 1e4);
        assert!((squares / 1e4 - stamps.variance()).abs() < 0.4);
    }
}
