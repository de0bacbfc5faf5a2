//! Plain noise that is not the same in both directions.
//!
//! The beginning looks for one core for both and for waiting besides, since a core of each direction's own would swallow
//! its queue. Where one direction has far more noise than the other and nothing queues, that takes the noisy direction's
//! early half for its floor and the late half for waiting, and the clock is off by a part of the noise. So no waiting at
//! all is tried, too, and taken if the samples say so twice: it explains them far better, and the noisy direction's are as
//! often late as early.

use super::bank::Bank;
use super::config::{Measuring, Stamping};
use super::kalman::DELAY;
use super::moves::Way;
use super::noise::{Noise, Shape};
use super::start::{LAST, Manner, Noises, Raw, pass, row};

/// The directions differ only by this factor and more.
const UNEQUAL: f64 = 2.0;
/// So many samples are enough,
const ENOUGH: usize = 3 * LAST;
/// if they are explained so much better than with waiting (natural logarithm).
const BETTER: f64 = 8.0;
/// So often the cores are estimated, each time with the last ones.
const FITS: usize = 4;
/// The first few samples, of which nothing was known, say nothing of the noise.
const UNKNOWN: usize = LAST / 2;
/// Skewness that normal noise has: 32 samples 0 +- 0.4. Messages that all wait have 1 to 2, which is not to be mistaken.
const SKEWNESS: core::ops::Range<f64> = -1.0..0.5;
/// The least fourth moment to the square of the second: 32 samples of normal noise have 2.8 +- 0.7, evenly spread waiting 1.8.
const LEAST_ENDS: f64 = 2.0;

/// What a pass says of noise without waiting.
struct Plain {
    /// The square of each direction's core (down, up), ns^2: means of what the deviations leave to it.
    cores2: (f64, f64),
    /// Each direction's values against one and the same delay, as if the other one had no noise, ns.
    values: (Vec<f64>, Vec<f64>),
}

impl Plain {
    /// Goes through the samples. `plain`: so is the noise that is given; it is made better then, else guessed.
    fn of(samples: &[Raw], bank: &mut Bank, noises: &Noises, plain: bool) -> Self {
        let (mut sums, mut values) = ((0.0, 0.0), (Vec::new(), Vec::new()));
        for (i, raw) in samples.iter().enumerate() {
            bank.predict(raw.time, noises.delay_growth());
            let h = row(raw, bank.time() - raw.time, Measuring::TwoWay);
            let noise = noises.of(raw.way);
            let seen = bank.look(&h, raw.value, noise);
            let delay = bank.belief().x[DELAY];
            bank.update(&h, raw.value, noise, seen.late);
            if i < UNKNOWN {
                continue;
            }
            let (square, s2) = (seen.deviation * seen.deviation, seen.variance);
            let own = if plain {
                let share = noise.core2() / (s2 + noise.core2());
                share * (share * square + s2)
            } else {
                (square - s2).max(0.0)
            };
            let (sum, values) = match raw.way {
                Way::Down => (&mut sums.0, &mut values.0),
                Way::Up => (&mut sums.1, &mut values.1),
            };
            *sum += own;
            // The other direction holds its own sum of time and delay: this one's goes with twice the delay.
            values.push(seen.deviation + 2.0 * delay);
        }
        let mean = |sum: f64, values: &[f64]| sum / values.len().max(1) as f64;
        Self { cores2: (mean(sums.0, &values.0), mean(sums.1, &values.1)), values }
    }

    fn noises(&self, grains: (f64, f64)) -> Noises {
        let of = |core2: f64| Noise::new(core2.sqrt(), Shape::Symmetric);
        let mut noises = Noises { down: of(self.cores2.0), up: of(self.cores2.1) };
        noises.set_grains(grains);
        noises
    }
}

/// Are there as many late as early ones, with ends that thin out? Waiting has a longer late end, or sharp ends.
fn looks_normal(values: &[f64]) -> bool {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let moment = |power: i32| values.iter().map(|v| (v - mean).powi(power)).sum::<f64>() / n;
    let square = moment(2);
    let (skewness, ends) = (moment(3) / square.powf(1.5), moment(4) / (square * square));
    values.len() >= LAST && SKEWNESS.contains(&skewness) && ends > LEAST_ENDS
}

/// The noise to begin with, a core for each direction, if plain noise explains the samples better than `best`, which is
/// what one core for both and waiting, `common`, came to. `start`: what is known before them.
pub(super) fn unequal(
    samples: &[Raw],
    start: &Bank,
    common: &Noises,
    best: f64,
    manner: Manner,
    grains: (f64, f64),
) -> Option<Noises> {
    let ways = manner.measuring == Measuring::TwoWay && manner.stamping == Stamping::Hardware;
    if !ways || samples.len() < ENOUGH {
        return None;
    }
    let mut plain = Plain::of(samples, &mut start.clone(), common, false);
    for _ in 0..FITS {
        plain = Plain::of(samples, &mut start.clone(), &plain.noises(grains), true);
    }
    let mut noises = plain.noises(grains);
    let (down, up) = (noises.down.core(), noises.up.core());
    let (more, less, values) =
        if down > up { (down, up, &plain.values.0) } else { (up, down, &plain.values.1) };
    if more < UNEQUAL * less || !looks_normal(values) {
        return None;
    }
    let (evidence, _) = pass(samples, &mut start.clone(), &mut noises, false, manner.measuring);
    // From here on there may be waiting again.
    (evidence > best + BETTER).then(|| {
        let mut noises = Noises { down: Noises::new(down, manner).down, up: Noises::new(up, manner).up };
        noises.set_grains(grains);
        noises
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Rng;

    /// How many of 200 times 32 values look normal.
    fn normal_ones(mut value: impl FnMut(&mut Rng) -> f64) -> usize {
        let mut rng = Rng::stream(5, 1);
        (0..200)
            .filter(|_| {
                let values: Vec<f64> = (0..32).map(|_| 1e6 + value(&mut rng)).collect();
                looks_normal(&values)
            })
            .count()
    }

    #[test]
    fn normal_noise_can_be_told_from_waiting() {
        let normal = normal_ones(|rng| 1000.0 * rng.normal());
        let all_wait = normal_ones(|rng| 1000.0 * rng.exponential());
        let some_wait = normal_ones(|rng| {
            let wait = if rng.chance(0.3) { 1000.0 * rng.exponential() } else { 0.0 };
            10.0 * rng.normal() + wait
        });
        let evenly = normal_ones(|rng| rng.between(0.0, 1000.0));
        println!("normal {normal}, all wait {all_wait}, some wait {some_wait}, evenly {evenly}");
        assert!(normal > 140 && all_wait < 20 && some_wait < 10 && evenly < 70);
        assert!(!looks_normal(&[]) && !looks_normal(&[1.0; 32]));
    }
}
