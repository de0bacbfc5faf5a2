//! What nobody can beat: the error of the optimal linear estimator, everything about the noise known.

use super::Scenario;
use super::path::{Direction, Queue};

/// Root of the mean square error of the steady-state Kalman filter that knows the oscillator's wander, the variances of
/// both directions and the path delay, and whose clock follows it without delay; averaged over time, between messages as
/// well. For stationary white noise without queueing and a frequency that walks randomly; ns. `None` otherwise.
pub fn kalman_bound(s: &Scenario) -> Option<f64> {
    let plain = |d: &Direction| d.queue == Queue::None;
    let o = &s.oscillator;
    let moving = o.swing_ppb != 0.0 || o.ageing_ppb_per_day != 0.0 || o.wander_ppb <= 0.0;
    if !plain(&s.forward) || !plain(&s.backward) || !s.events.is_empty() || s.hops > 1 || moving {
        return None;
    }
    let r = |d: &Direction| d.noise_ns * d.noise_ns + 2.0 * s.stamps.variance();
    let q = o.wander_ppb * o.wander_ppb;
    // Delay requests in the middle between Syncs, spread as evenly as their rates allow.
    let pattern = 64usize;
    let mut marks: Vec<(f64, f64)> = Vec::new();
    let span = s.sync_s.max(s.delay_s) * pattern as f64;
    let count = |interval: f64| (span / interval).round() as usize;
    let live = 1.0 - s.loss;
    marks.extend((0..count(s.sync_s)).map(|i| (i as f64 * s.sync_s, r(&s.forward) / live)));
    marks.extend((0..count(s.delay_s)).map(|i| ((i as f64 + 0.5) * s.delay_s, r(&s.backward) / live)));
    marks.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut p00, mut p01, mut p11) = (1e12, 0.0, 1e10);
    let mut mean = 0.0;
    for _ in 0..400 {
        let (mut sum, mut last) = (0.0, 0.0);
        for i in 0..marks.len() {
            let (at, r) = marks[i];
            let k = 1.0 / (p00 + r);
            (p00, p01, p11) = (p00 - p00 * p00 * k, p01 - p00 * p01 * k, p11 - p01 * p01 * k);
            let next = marks.get(i + 1).map_or(span + marks[0].0, |m| m.0);
            let dt = next - at;
            // The mean of the predicted variance up to the next measurement, and its value there.
            sum += dt * (p00 + dt * p01 + dt * dt * p11 / 3.0 + q * dt.powi(3) / 12.0);
            p00 += 2.0 * dt * p01 + dt * dt * p11 + q * dt.powi(3) / 3.0;
            p01 += dt * p11 + q * dt * dt / 2.0;
            p11 += q * dt;
            last = next;
        }
        let new = sum / (last - marks[0].0);
        if (new - mean).abs() < 1e-9 * new {
            return Some(new.sqrt());
        }
        mean = new;
    }
    Some(mean.sqrt())
}
