//! What moves an oscillator's frequency besides ageing and random walk: flicker and temperature.

use std::rc::Rc;

use super::{Moment, Rng};

/// `exp(-dt / tau)` for dt of 1/8 s and tau of 1, 4, 16, ... 65536 s.
const DECAY: [f64; 9] = [
    0.882_496_902_584_595_5,
    0.969_233_234_476_344_1,
    0.992_217_938_260_243_5,
    0.998_048_781_107_475_5,
    0.999_511_837_939_889_4,
    0.999_877_937_137_777_4,
    0.999_969_482_887_531_5,
    0.999_992_370_634_572_5,
    0.999_998_092_653_186_2,
];

/// Flicker frequency noise: relaxations with time constants a factor of four apart, all of the same size, have a spectrum
/// of 1/f between them, and an Allan deviation of that size.
#[derive(Clone, Debug, Default)]
pub struct Flicker {
    states: [f64; DECAY.len()],
    started: bool,
}

impl Flicker {
    /// The next value, 1/8 s after the last; its Allan deviation is 1 from some seconds to some hours.
    pub fn next(&mut self, rng: &mut Rng) -> f64 {
        let started = std::mem::replace(&mut self.started, true);
        let mut sum = 0.0;
        for (state, decay) in self.states.iter_mut().zip(DECAY) {
            *state = if started {
                *state * decay + (1.0 - decay * decay).sqrt() * rng.normal()
            } else {
                rng.normal()
            };
            sum += *state;
        }
        sum
    }
}

/// How warm it gets, and what that does to the frequency.
#[derive(Clone, Debug, PartialEq)]
pub struct Temperature {
    /// What a kelvin does to the frequency, in ppb.
    pub ppb_per_kelvin: f64,
    /// Degrees Celsius at some moments, in order; straight lines between them. The first is where the oscillator has the
    /// frequency it was given.
    pub points: Rc<[(Moment, f64)]>,
}

impl Temperature {
    /// Degrees Celsius at a moment: before the first and after the last point as there. 0 without points.
    pub fn celsius(&self, at: Moment) -> f64 {
        let after = self.points.partition_point(|(t, _)| *t <= at);
        match (after.checked_sub(1).and_then(|i| self.points.get(i)), self.points.get(after)) {
            (Some((t0, c0)), Some((t1, c1))) => {
                let share = (at - *t0) as f64 / ((*t1 - *t0).max(1)) as f64;
                c0 + (c1 - c0) * share
            }
            (Some((_, c)), None) | (None, Some((_, c))) => *c,
            (None, None) => 0.0,
        }
    }

    /// What it adds to the frequency, in ppb.
    pub fn ppb(&self, at: Moment) -> f64 {
        self.ppb_per_kelvin * (self.celsius(at) - self.points.first().map_or(0.0, |(_, c)| *c))
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::{ClockSpec, SimClock};
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn constants_are_those_of_their_times() {
        for (k, decay) in (0..).zip(DECAY) {
            assert!((decay - (-0.125 / 4f64.powi(k)).exp()).abs() < 1e-15, "{k}");
        }
    }

    /// Allan deviation of a clock's frequency in ppb.
    fn adev(spec: ClockSpec, tau: u64, seconds: u64) -> f64 {
        let (mut sum, mut n) = (0.0, 0.0);
        for seed in 0..4 {
            let mut clock = SimClock::new(spec, seed, 0);
            let phases: Vec<f64> = (0..seconds / tau)
                .map(|i| clock.error(Moment::from_nanos(i * tau * SECOND)).nanos_f64())
                .collect();
            for w in phases.windows(3) {
                let d = (w[2] - 2.0 * w[1] + w[0]) / tau as f64;
                sum += d * d / 2.0;
                n += 1.0;
            }
        }
        (sum / n).sqrt()
    }

    #[test]
    fn flicker_has_a_floor_and_white_noise_a_slope() {
        let flicker = ClockSpec { flicker_ppb: 1.0, ..ClockSpec::PERFECT };
        for tau in [10, 40, 160] {
            let a = adev(flicker, tau, 30_000);
            assert!((0.8..1.25).contains(&a), "{a} at {tau} s");
        }
        let white = ClockSpec { white_ppb: 1.0, ..ClockSpec::PERFECT };
        for tau in [1, 16, 64] {
            let a = adev(white, tau, 20_000) * (tau as f64).sqrt();
            assert!((0.85..1.15).contains(&a), "{a} at {tau} s");
        }
    }

    #[test]
    fn warmth_moves_the_frequency_in_straight_lines() {
        let at = |s: u64| Moment::from_nanos(s * SECOND);
        let t = Temperature { ppb_per_kelvin: 50.0, points: [(at(10), 20.0), (at(20), 30.0)].into() };
        assert_eq!([t.ppb(at(0)), t.ppb(at(15)), t.ppb(at(99))], [0.0, 250.0, 500.0]);
        let mut clock = SimClock::new(ClockSpec::PERFECT, 1, 1);
        clock.set_temperature(t);
        clock.read(at(120));
        let before = clock.error(at(120)).nanos_f64();
        let gained = clock.error(at(130)).nanos_f64() - before;
        assert!((gained - 5000.0).abs() < 1.0, "{gained}");
    }
}
