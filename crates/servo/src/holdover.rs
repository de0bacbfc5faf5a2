//! The oscillator on its own: what was learnt of it while it was disciplined, and how wrong it can be by now.
//!
//! While locked, holdovers are tried on paper all the time: for each length from 8 s to 18 hours the phase is predicted
//! from what is known now, and compared when the time has come. So the error bound is not only what a model of the
//! oscillator says, but was measured on this one, with its temperature and its ageing.

use crate::adaptive::OscillatorSample;

/// Lengths of tried holdovers: 8 s and factors of 2.
const LENGTHS: usize = 14;
const SHORTEST_S: f64 = 8.0;
/// So many deviations hold 99 % of a normal distribution.
const NINETY_NINE: f64 = 2.576;
/// The model alone is worth so many tried holdovers.
const MODEL_WORTH: f64 = 3.0;
/// Beyond the longest tried holdover the error goes on to grow for so many doublings of time.
const EXTRAPOLATED: usize = 4;
/// So many holdovers of a length are tried at the same time.
const STAGGERED: usize = 4;
/// What one of them is worth: they overlap.
const WORTH: f64 = 0.5;
/// Tried holdovers in memory: the older ones fade.
const MEMORY: f64 = 200.0;
/// Ageing is learnt over about this time, s.
const AGEING_MEMORY_S: f64 = 86_400.0;

/// How holdovers of one length went on paper.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trials {
    /// Mean of (error / predicted deviation) squared.
    pub ratio: f64,
    /// How many.
    pub count: f64,
}

/// What is known of an oscillator: plain numbers, to be kept over a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OscillatorModel {
    /// Its frequency error, ppb.
    pub frequency_ppb: f64,
    /// The standard deviation of that.
    pub frequency_sigma_ppb: f64,
    /// Random walk of the frequency: deviation after one second, ppb.
    pub wander_ppb: f64,
    /// Ageing, ppb/day; 0 until it stands out of the wander.
    pub ageing_ppb_per_day: f64,
    /// Its standard deviation.
    pub ageing_sigma_ppb_per_day: f64,
    /// How long it was observed while locked, s.
    pub observed_s: f64,
    /// Holdovers on paper, of 8, 16, 32, ... s.
    pub trials: [Trials; LENGTHS],
    /// Real holdovers whose end was seen.
    pub returns: u32,
    /// Of these, the ones that ended within the 99 % bound.
    pub returns_within: u32,
}

impl OscillatorModel {
    /// Variance of the phase after `t` seconds on its own, by the model alone, ns^2.
    fn model_variance(&self, t: f64) -> f64 {
        let frequency = self.frequency_sigma_ppb * self.frequency_sigma_ppb * t * t;
        let wander = self.wander_ppb * self.wander_ppb * t * t * t / 3.0;
        let ageing = self.ageing_sigma_ppb_per_day / 86_400.0;
        frequency + wander + ageing * ageing * t.powi(4) / 4.0
    }

    /// What is left of it after `seconds` in which nobody looked: the frequency has aged and wandered on, and is known less
    /// well. Negative times and what is not a number count as none.
    #[must_use]
    pub fn aged(&self, seconds: f64) -> Self {
        let t = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
        let ageing = self.ageing_sigma_ppb_per_day / 86_400.0 * t;
        let wander = self.wander_ppb * self.wander_ppb * t;
        Self {
            frequency_ppb: self.frequency_ppb + self.ageing_ppb_per_day / 86_400.0 * t,
            frequency_sigma_ppb: (self.frequency_sigma_ppb.powi(2) + wander + ageing * ageing).sqrt(),
            ..*self
        }
    }

    /// How much larger than the model's the variance has turned out to be at this length, and the trials behind that.
    ///
    /// What is expected of a length is what the shorter ones came to, and went on as they grew: a swing that is slower than
    /// all that was tried makes the error grow with the square of time. Trials correct that by their number.
    fn scale(&self, t: f64) -> (f64, f64) {
        let place = (t / SHORTEST_S).max(1.0).log2();
        let (mut expected, mut growth, mut untried) = (1.0f64, 1.0f64, 0);
        let mut before: Option<(f64, f64)> = None;
        for i in 0..LENGTHS + EXTRAPOLATED {
            let here = i as f64;
            let trials = self.trials.get(i).copied().unwrap_or_default();
            let scale = (MODEL_WORTH * expected + trials.count * trials.ratio) / (MODEL_WORTH + trials.count);
            let tried = trials.count > 0.0;
            untried = if tried { 0 } else { untried + 1 };
            let count = if tried { trials.count } else { before.map_or(0.0, |(_, n)| n.min(4.0)) };
            let Some((shorter, fewer)) = before.replace((scale, count)) else {
                if here >= place {
                    break;
                }
                expected = scale.max(1.0);
                continue;
            };
            if here >= place {
                let f = (place - (here - 1.0)).clamp(0.0, 1.0);
                return (shorter * (scale / shorter).powf(f), fewer + f * (count - fewer));
            }
            growth *= (scale / shorter / growth).powf(trials.count / (MODEL_WORTH + trials.count));
            // The error itself: at least as the time (another frequency), at most as its square (one that goes on to drift).
            let length = SHORTEST_S * (1u64 << i) as f64;
            let model = self.model_variance(length) / self.model_variance(2.0 * length).max(1e-30);
            growth = growth.clamp((4.0 * model).min(1.0), (16.0 * model).max(1.0));
            let goes_on = if untried < EXTRAPOLATED { growth } else { 1.0 };
            expected = (scale * goes_on).max(1.0);
        }
        before.unwrap_or((1.0, 0.0))
    }

    /// With a probability of 99 % the phase is nearer than this to the prediction after `t` seconds on its own, ns.
    /// `sigma_ns`: deviation of the offset at the beginning.
    pub fn bound_ns(&self, sigma_ns: f64, t: f64) -> f64 {
        let t = if t.is_finite() { t.max(0.0) } else { f64::MAX.cbrt() };
        let (scale, count) = self.scale(t);
        // Few trials tell the variance only roughly.
        let doubt = 1.0 + 1.0 / (1.0 + count).sqrt();
        NINETY_NINE * (sigma_ns * sigma_ns + doubt * doubt * scale * self.model_variance(t)).sqrt()
    }

    /// Seconds until the bound passes `limit_ns`; `None`: never within ten years.
    pub fn time_within(&self, sigma_ns: f64, limit_ns: f64) -> Option<f64> {
        let (mut low, mut high) = (0.0, 315_360_000.0);
        if self.bound_ns(sigma_ns, high) <= limit_ns {
            return None;
        }
        for _ in 0..80 {
            let middle = (low + high) / 2.0;
            if self.bound_ns(sigma_ns, middle) <= limit_ns { low = middle } else { high = middle }
        }
        Some(low)
    }
}

/// One holdover on paper.
#[derive(Clone, Copy, Debug)]
struct Trial {
    began: f64,
    phase: f64,
    frequency: f64,
    ageing: f64,
    /// Deviations of what it began with.
    phase_sigma: f64,
    frequency_sigma: f64,
}

/// A holdover that has begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    model: OscillatorModel,
    sigma_ns: f64,
}

impl Prediction {
    /// What to steer by after `t` seconds, ppb: against the oscillator's frequency as it should be by then.
    pub fn frequency_ppb(&self, t: f64) -> f64 {
        -(self.model.frequency_ppb + self.model.ageing_ppb_per_day / 86_400.0 * t)
    }

    /// The error is below this with a probability of 99 % after `t` seconds, ns, if the clock was steered as told.
    pub fn bound_ns(&self, t: f64) -> f64 {
        self.model.bound_ns(self.sigma_ns, t)
    }

    /// Seconds from the beginning until the bound passes `limit_ns`; `None`: never within ten years.
    pub fn time_within(&self, limit_ns: f64) -> Option<f64> {
        self.model.time_within(self.sigma_ns, limit_ns)
    }
}

/// Learns an oscillator while it is disciplined, and predicts it when it is not.
#[derive(Clone, Debug, Default)]
pub struct Holdover {
    model: OscillatorModel,
    last: Option<OscillatorSample>,
    trials: [[Option<Trial>; STAGGERED]; LENGTHS],
    /// Fading sums for the ageing: weight, time, frequency, and their products, about the first sample.
    sums: [f64; 6],
    origin: Option<(f64, f64)>,
    next_sum: f64,
}

impl Holdover {
    /// With what was known before a restart, or nothing.
    pub fn new(model: Option<OscillatorModel>) -> Self {
        Self { model: model.unwrap_or_default(), ..Self::default() }
    }

    /// To be kept over a restart.
    pub const fn model(&self) -> &OscillatorModel {
        &self.model
    }

    /// Takes what the servo knows of the oscillator, with every sample while it is locked.
    pub fn learn(&mut self, now: &OscillatorSample) {
        let finite = now.time_s.is_finite() && now.phase_ns.is_finite() && now.frequency_ppb.is_finite();
        if !finite {
            return;
        }
        let previous = self.last.replace(*now);
        self.model.frequency_ppb = now.frequency_ppb;
        self.model.frequency_sigma_ppb = now.frequency_sigma_ppb;
        let Some(previous) = previous else {
            self.model.wander_ppb = self.model.wander_ppb.max(now.wander_ppb);
            return;
        };
        let gap = now.time_s - previous.time_s;
        if gap <= 0.0 || now.jumps != previous.jumps {
            self.trials = [[None; STAGGERED]; LENGTHS];
            self.origin = None;
            self.sums = [0.0; 6];
            return;
        }
        self.model.observed_s += gap;
        // The logarithm is what is averaged, so that a shock does not count for long; over an hour, in the beginning over
        // all of it. What that leaves out shows in the trials.
        // After hours without a reference the gap is longer than that.
        let share = gap / self.model.observed_s.min(3600.0).max(gap);
        let (old, new) = (self.model.wander_ppb.max(1e-6).ln(), now.wander_ppb.max(1e-6).ln());
        self.model.wander_ppb = (old + share * (new - old)).exp();
        self.learn_ageing(now, gap);
        for i in 0..LENGTHS {
            self.try_on_paper(i, now, gap);
        }
    }

    fn try_on_paper(&mut self, i: usize, now: &OscillatorSample, gap: f64) {
        let length = SHORTEST_S * (1u32 << i) as f64;
        let model = self.model;
        let (Some(places), Some(trials)) = (self.trials.get_mut(i), self.model.trials.get_mut(i)) else {
            return;
        };
        for place in places.iter_mut() {
            let Some(trial) = *place else { continue };
            let t = now.time_s - trial.began;
            if t < length {
                continue;
            }
            if gap < 0.25 * length && t < 1.5 * length {
                let foreseen = trial.phase + trial.frequency * t + 0.5 * trial.ageing * t * t;
                let error = now.phase_ns - foreseen;
                // What the model expects of wander and ageing by now: the mean is to be read with that.
                let model = OscillatorModel { frequency_sigma_ppb: trial.frequency_sigma, ..model };
                let known =
                    trial.phase_sigma.powi(2) + now.phase_sigma_ns.powi(2) + model.model_variance(length);
                let ratio = (error * error / known.max(1e-6)).min(1e6);
                trials.count = (trials.count + WORTH).min(MEMORY);
                trials.ratio += WORTH * (ratio - trials.ratio) / trials.count;
            }
            *place = None;
        }
        let latest = places.iter().flatten().map(|trial| trial.began).fold(f64::MIN, f64::max);
        if gap >= 0.25 * length || now.time_s - latest < length / STAGGERED as f64 {
            return;
        }
        if let Some(place) = places.iter_mut().find(|place| place.is_none()) {
            let ageing = self.model.ageing_ppb_per_day / 86_400.0;
            *place = Some(Trial {
                began: now.time_s,
                phase: now.phase_ns,
                frequency: now.frequency_ppb,
                ageing,
                phase_sigma: now.phase_sigma_ns,
                frequency_sigma: now.frequency_sigma_ppb,
            });
        }
    }

    /// The frequency's trend over a day, if it stands out.
    fn learn_ageing(&mut self, now: &OscillatorSample, gap: f64) {
        let (t0, f0) = *self.origin.get_or_insert((now.time_s, now.frequency_ppb));
        // Estimates of neighbouring samples say the same: one in 16 s is enough.
        if now.time_s < self.next_sum {
            return;
        }
        self.next_sum = now.time_s + 16.0f64.max(gap);
        let keep = (-16.0f64.max(gap) / AGEING_MEMORY_S).exp();
        let (t, f) = (now.time_s - t0, now.frequency_ppb - f0);
        for (sum, v) in self.sums.iter_mut().zip([1.0, t, f, t * t, t * f, f * f]) {
            *sum = *sum * keep + v;
        }
        let [n, st, sf, stt, stf, sff] = self.sums;
        let spread = stt - st * st / n;
        if n < 16.0 || spread <= 0.0 {
            return;
        }
        let slope = (stf - st * sf / n) / spread;
        // A random walk over a time T has a slope by itself, with variance 6/5 q / T.
        let length = (12.0 * spread / n).sqrt().max(1.0);
        // What the line leaves (a temperature that comes and goes) may look like a slope, too.
        let left = ((sff - sf * sf / n - slope * slope * spread) / n).max(0.0) / (length * length);
        let sigma = (1.2 * self.model.wander_ppb * self.model.wander_ppb / length + left).sqrt();
        let stands_out = slope.abs() > 3.0 * sigma && length > 3600.0;
        if stands_out != (self.model.ageing_ppb_per_day != 0.0) {
            // What was tried without it, or with it, says little about the other.
            for trials in &mut self.model.trials {
                trials.count = trials.count.min(4.0);
            }
            self.trials = [[None; STAGGERED]; LENGTHS];
        }
        let before = self.model;
        self.model.ageing_ppb_per_day = if stands_out { slope * 86_400.0 } else { 0.0 };
        self.model.ageing_sigma_ppb_per_day =
            if length > 600.0 { sigma.min(slope.abs().max(sigma / 3.0)) * 86_400.0 } else { 0.0 };
        let after = self.model;
        // The errors on paper were what they were, whatever the model expects by now.
        for (i, trials) in self.model.trials.iter_mut().enumerate() {
            let length = SHORTEST_S * (1u32 << i) as f64;
            let (old, new) = (before.model_variance(length), after.model_variance(length));
            if old > 0.0 && new > 0.0 {
                trials.ratio = (trials.ratio * old / new).min(1e6);
            }
        }
    }

    /// The reference is lost now; `sigma_ns`: deviation of the offset at this moment.
    pub fn begin(&self, sigma_ns: f64) -> Prediction {
        Prediction { model: self.model, sigma_ns }
    }

    /// The reference is back after `t` seconds, and the clock was off by `error_ns`. Gives whether it was within the bound;
    /// keeps count of that.
    pub fn returned(&mut self, prediction: &Prediction, t: f64, error_ns: f64) -> bool {
        let within = error_ns.abs() <= prediction.bound_ns(t);
        self.model.returns = self.model.returns.saturating_add(1);
        self.model.returns_within = self.model.returns_within.saturating_add(u32::from(within));
        self.trials = [[None; STAGGERED]; LENGTHS];
        within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(time_s: f64, phase_ns: f64, frequency_ppb: f64) -> OscillatorSample {
        OscillatorSample {
            time_s,
            phase_ns,
            phase_sigma_ns: 1.0,
            frequency_ppb,
            frequency_sigma_ppb: 0.01,
            wander_ppb: 0.001,
            jumps: 0,
        }
    }

    #[test]
    fn ageing_is_found_and_used() {
        // 100 ppb a day, hardly any wander.
        let mut h = Holdover::new(None);
        let rate = 100.0 / 86_400.0;
        for i in 0..40_000u32 {
            let t = f64::from(i);
            h.learn(&sample(t, 1000.0 * t + 0.5 * rate * t * t, 1000.0 + rate * t));
        }
        let m = *h.model();
        assert!((m.ageing_ppb_per_day - 100.0).abs() < 5.0, "{m:?}");
        let p = h.begin(1.0);
        assert!((p.frequency_ppb(3600.0) + m.frequency_ppb + rate * 3600.0).abs() < 0.3);
        // Without a model of it the phase would be 7.5 us off after an hour.
        assert!(p.bound_ns(3600.0) < 3_000.0, "{}", p.bound_ns(3600.0));
    }

    #[test]
    fn what_the_model_does_not_know_is_found_on_paper() {
        // The temperature swings by 50 ppb in 20 minutes; the servo's wander does not say so.
        let mut h = Holdover::new(None);
        let w = core::f64::consts::TAU / 1200.0;
        let phase = |t: f64| 50.0 / w * (1.0 - (w * t).cos());
        for i in 0..30_000u32 {
            let t = f64::from(i);
            h.learn(&sample(t, phase(t), 50.0 * (w * t).sin()));
        }
        // After 600 s: up to 2 * 50 / w + 50 * 600 = 49 us off.
        let bound = h.begin(1.0).bound_ns(600.0);
        assert!((15_000.0..150_000.0).contains(&bound), "{bound}");
    }

    #[test]
    fn a_swing_slower_than_what_was_tried_goes_on() {
        // 50 ppb in 5000 s, seen for less than that, then lost for up to half of it.
        let w = core::f64::consts::TAU / 5000.0;
        let (mut within, mut losses, mut loosest) = (0, 0, f64::MAX);
        for start in 0..16u32 {
            let begin = f64::from(start) / 16.0 * 5000.0;
            let phase = |t: f64| -50.0 / w * (w * (begin + t)).cos();
            let frequency = |t: f64| 50.0 * (w * (begin + t)).sin();
            let mut h = Holdover::new(None);
            for i in 0..4000u32 {
                let t = f64::from(i);
                h.learn(&OscillatorSample { wander_ppb: 0.05, ..sample(t, phase(t), frequency(t)) });
            }
            let (end, p) = (3999.0, h.begin(1.0));
            for lost in [600.0, 1200.0, 2400.0] {
                let ageing = 0.5 * h.model().ageing_ppb_per_day / 86_400.0 * lost * lost;
                let error = (phase(end + lost) - phase(end) - frequency(end) * lost - ageing).abs();
                losses += 1;
                within += u32::from(error <= p.bound_ns(lost));
                // The most that such a swing can do.
                loosest = f64::min(loosest, 100.0 * lost / p.bound_ns(lost));
            }
        }
        assert_eq!(within, losses);
        assert!(loosest > 0.1, "{loosest}");
    }

    #[test]
    fn what_nobody_looked_at_is_known_less_well() {
        let model = OscillatorModel {
            frequency_ppb: 100.0,
            frequency_sigma_ppb: 0.3,
            wander_ppb: 0.01,
            ageing_ppb_per_day: 2.0,
            ageing_sigma_ppb_per_day: 0.5,
            observed_s: 1e4,
            ..OscillatorModel::default()
        };
        let day = model.aged(86_400.0);
        assert!((day.frequency_ppb - 102.0).abs() < 1e-9 && day.observed_s == 1e4);
        // 0.3, 0.01 * sqrt(86400) and 0.5.
        assert!((day.frequency_sigma_ppb - (0.09f64 + 8.64 + 0.25).sqrt()).abs() < 1e-9, "{day:?}");
        assert!(day.bound_ns(1.0, 100.0) > 5.0 * model.bound_ns(1.0, 100.0));
        for none in [0.0, -5.0, f64::NAN, f64::INFINITY] {
            assert_eq!(model.aged(none), model);
        }
    }

    #[test]
    fn hours_without_a_reference_are_survived() {
        let mut h = Holdover::new(None);
        let mut t = 0.0;
        for gap in [3599.0, 3601.0, 7200.0, 1e6, 1e9] {
            for _ in 0..100 {
                t += 1.0;
                h.learn(&sample(t, 0.0, 0.0));
            }
            t += gap;
            h.learn(&sample(t, 0.0, 0.0));
            assert!(h.begin(1.0).bound_ns(100.0).is_finite(), "{gap}");
        }
    }

    #[test]
    fn bounds_grow_and_are_inverted() {
        let mut h = Holdover::new(None);
        for i in 0..2000u32 {
            h.learn(&sample(f64::from(i), 0.0, 0.0));
        }
        let p = h.begin(5.0);
        let mut last = 0.0;
        for t in [0.0, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6] {
            assert!(p.bound_ns(t) >= last, "{t}");
            last = p.bound_ns(t);
        }
        let t = p.time_within(1000.0).expect("some time");
        assert!((p.bound_ns(t) - 1000.0).abs() < 1.0);
        assert_eq!(p.time_within(1.0), Some(0.0));
        // A jump or time that runs backwards only ends what was tried.
        h.learn(&OscillatorSample { jumps: 1, ..sample(2001.0, 1e9, 0.0) });
        h.learn(&sample(5.0, 0.0, f64::NAN));
        assert!(h.begin(5.0).bound_ns(100.0) < 1e4);
        assert!(h.returned(&p, 10.0, 0.0) && !h.returned(&p, 10.0, 1e9));
        assert_eq!((h.model().returns, h.model().returns_within), (2, 1));
    }
}
