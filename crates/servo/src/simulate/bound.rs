//! What nobody can beat: the error of the optimal linear estimator, everything about the noise known.

use super::path::{Direction, Queue};
use super::{Rng, Scenario};

/// The least error possible; ns, root of the mean square over time, between messages as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// Of the steady-state Kalman filter that knows the oscillator's wander, the variances of both directions and the path
    /// delay, with a clock that jumps to every new estimate at once.
    pub estimate: f64,
    /// The same with a clock that is steered by its frequency only, as well as that can be done.
    pub steered: f64,
}

/// A correction by frequency takes time: with decisions in equal distances h the best one leaves x^2 h / (2 sqrt 3) of an
/// error x, by the Riccati equation of the controller.
const STEERING: f64 = 0.288_675_134_594_812_9;

/// The bound for stationary normal noise without queueing and a frequency that walks randomly; `None` for others.
pub fn kalman_bound(s: &Scenario) -> Option<Bound> {
    let plain = |d: &Direction| d.queue == Queue::None;
    let o = &s.oscillator;
    let moving = o.swing_ppb != 0.0 || o.ageing_ppb_per_day != 0.0 || o.wander_ppb <= 0.0;
    if !plain(&s.forward) || !plain(&s.backward) || !s.events.is_empty() || s.hops > 1 || moving {
        return None;
    }
    let r = |d: &Direction| d.noise_ns * d.noise_ns + 2.0 * s.stamps.variance();
    let q = o.wander_ppb * o.wander_ppb;
    // Messages come as in the experiment: Syncs nearly, delay requests not at all regularly.
    let span = s.sync_s.max(s.delay_s) * 256.0;
    let live = 1.0 - s.loss;
    let mut rng = Rng::stream(1, 1);
    let mut marks: Vec<(f64, f64)> = Vec::new();
    for (mean, spread, r) in [(s.sync_s, 0.05, r(&s.forward)), (s.delay_s, 0.9, r(&s.backward))] {
        let mut at = mean * rng.unit();
        while at < span {
            marks.push((at, r / live));
            at += mean * rng.between(1.0 - spread, 1.0 + spread);
        }
    }
    marks.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut p00, mut p01, mut p11) = (1e12, 0.0, 1e10);
    let mut mean = (0.0, 0.0);
    for _ in 0..100 {
        let (mut sum, mut jumps, mut last) = (0.0, 0.0, 0.0);
        for i in 0..marks.len() {
            let (at, r) = marks[i];
            let k = 1.0 / (p00 + r);
            let jump = p00 * p00 * k;
            (p00, p01, p11) = (p00 - p00 * p00 * k, p01 - p00 * p01 * k, p11 - p01 * p01 * k);
            let next = marks.get(i + 1).map_or(span + marks[0].0, |m| m.0);
            let dt = next - at;
            jumps += STEERING * dt * jump;
            // The mean of the predicted variance up to the next measurement, and its value there.
            sum += dt * (p00 + dt * p01 + dt * dt * p11 / 3.0 + q * dt.powi(3) / 12.0);
            p00 += 2.0 * dt * p01 + dt * dt * p11 + q * dt.powi(3) / 3.0;
            p01 += dt * p11 + q * dt * dt / 2.0;
            p11 += q * dt;
            last = next;
        }
        let time = last - marks[0].0;
        let new = (sum / time, (sum + jumps) / time);
        let settled = (new.0 - mean.0).abs() < 1e-9 * new.0;
        mean = new;
        if settled {
            break;
        }
    }
    Some(Bound { estimate: mean.0.sqrt(), steered: mean.1.sqrt() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::stationary;

    #[test]
    fn more_noise_or_wander_is_worse_and_rate_is_better() {
        let bound = |name: &str| {
            kalman_bound(stationary().iter().find(|s| s.name == name).expect("a scenario")).expect("a bound")
        };
        assert!(bound("lan-16").estimate < bound("lan-1").estimate);
        assert!(bound("lan-1").estimate < bound("wander").estimate);
        assert!(bound("lan-1").estimate < bound("gauss-100").estimate);
        for s in stationary() {
            let b = kalman_bound(&s).expect("a bound");
            assert!(b.estimate < b.steered && b.steered < 2.0 * b.estimate, "{}: {b:?}", s.name);
        }
    }

    #[test]
    fn is_the_known_closed_form_where_samples_are_dense() {
        // Continuous limit: sqrt(sqrt 2) (q r^3)^(1/8), r in ns^2 s for both directions together.
        let s = stationary().into_iter().find(|s| s.name == "wan-gauss").expect("a scenario");
        let r: f64 = 3000.0 * 3000.0 / 16.0 / 2.0;
        let want = (2f64.sqrt() * (1e-4f64).powf(0.25) * r.powf(0.75)).sqrt();
        let have = kalman_bound(&s).expect("a bound").estimate;
        assert!((have / want - 1.0).abs() < 0.02, "{have} {want}");
    }
}
