//! Many estimators beside each other, one for every kind of oscillator; the data say which to believe.

use super::kalman::{ASYMMETRY, DELAY, DRIFT, FREQUENCY, Kalman, Matrix, PHASE, Process, STATES, Vector};
use super::noise::{Noise, Verdict};

/// Random walks of the frequency from 1e-4 to 1000 ppb in a second, in steps of the square root of 10.
const WALKS: usize = 15;
/// Random walks of the drift from 1e-5 to 0.1 ppb/s in a second, in steps of 10.
const DRIFTS: usize = 5;
const MODELS: usize = WALKS + DRIFTS;
/// Whoever explains the data this much worse than the best (natural logarithm) follows the others' estimate.
const HOPELESS: f64 = -8.0;
/// The memory of who explained what: the longer of so many samples and so many seconds.
const MEMORY_SAMPLES: f64 = 512.0;
const MEMORY_SECONDS: f64 = 1000.0;
/// A late measurement's evidence for or against an oscillator counts so much.
const LATE: f64 = 0.05;
/// The kernel's delays come in runs: a tenth as many would say as much.
const IN_RUNS: f64 = 0.1;
/// A measurement is late (or quicker than most) beyond so many deviations.
const LATE_BEYOND: f64 = 4.0;
/// Whoever weighs less than this against the best does not count.
const NEGLIGIBLE: f64 = 1e-5;
/// White frequency noise of any oscillator, ns^2/s.
const WHITE: f64 = 1e-4;

#[derive(Clone, Debug)]
struct Model {
    process: Process,
    kalman: Kalman,
    /// Logarithm of how likely it is before any data.
    prior: f64,
    /// How well it explained the data, against the best.
    score: f64,
    weight: f64,
    /// It explains the data so badly that it has no estimate of its own.
    follows: bool,
}

/// What all models together hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Belief {
    pub(super) x: Vector,
    pub(super) p: Matrix,
}

/// The bank.
#[derive(Clone, Debug)]
pub(super) struct Bank {
    models: Vec<Model>,
    belief: Belief,
    /// Oscillator time of the state, s.
    time: f64,
}

/// One measurement as the bank sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) deviation: f64,
    pub(super) variance: f64,
    pub(super) verdict: Verdict,
    pub(super) late: bool,
}

fn process(i: usize) -> Process {
    if i < WALKS {
        let walk = 10f64.powf(i as f64 / 2.0 - 4.0);
        Process { phase: WHITE, frequency: walk * walk, drift: 0.0, delay: 0.0 }
    } else {
        let drift = 10f64.powi((i - WALKS) as i32 - 5);
        Process { phase: WHITE, frequency: 1e-8, drift: drift * drift, delay: 0.0 }
    }
}

impl Bank {
    /// All models start from the same state with the same uncertainty.
    pub(super) fn new(time: f64, x: Vector, variances: Vector) -> Self {
        let mut p = [[0.0; STATES]; STATES];
        for (i, v) in variances.iter().enumerate() {
            p[i][i] = *v;
        }
        let models = (0..MODELS)
            .map(|i| {
                let process = process(i);
                let mut kalman = Kalman { x, p };
                if process.drift == 0.0 {
                    kalman.p[DRIFT][DRIFT] = 0.0;
                }
                // Good oscillators are as likely as bad ones; the worst few are rare.
                let prior = if i < WALKS { -2.0 * (i as f64 - 10.0).max(0.0) } else { -2.0 };
                Model { process, kalman, prior, score: 0.0, weight: 0.0, follows: false }
            })
            .collect();
        let mut bank = Self { models, belief: Belief::default(), time };
        bank.weigh();
        bank
    }

    pub(super) fn time(&self) -> f64 {
        self.time
    }

    pub(super) fn belief(&self) -> &Belief {
        &self.belief
    }

    /// Are all numbers still numbers?
    pub(super) fn sound(&self) -> bool {
        self.belief.x.iter().chain(self.belief.p.iter().flatten()).all(|v| v.is_finite())
    }

    /// The process noise, by the weights of the models that count: one in a thousand for a hundred times the wander is not
    /// a tenth more wander.
    pub(super) fn process(&self) -> Process {
        let best = self.models.iter().map(|m| m.weight).fold(0.0, f64::max);
        let (mut q, mut total) = (Process::default(), 0.0);
        for m in self.models.iter().filter(|m| m.weight >= 0.05 * best) {
            total += m.weight;
            q.phase += m.weight * m.process.phase;
            q.frequency += m.weight * m.process.frequency;
            q.drift += m.weight * m.process.drift;
        }
        q.phase /= total;
        q.frequency /= total;
        q.drift /= total;
        q
    }

    /// The believed state `after` seconds from its time.
    pub(super) fn ahead(&self, after: f64) -> Kalman {
        let mut k = Kalman { x: self.belief.x, p: self.belief.p };
        k.predict(after.max(0.0), &self.process());
        k
    }

    /// Lets time pass until `time`; earlier ones change nothing. `delay`: growth of the path delay's variance, ns^2/s.
    pub(super) fn predict(&mut self, time: f64, delay: f64) {
        let t = time - self.time;
        if t <= 0.0 {
            return;
        }
        self.time = time;
        let keep = 1.0 - (1.0 / MEMORY_SAMPLES).min(t / MEMORY_SECONDS);
        // Who follows the others' estimate differs only by what its own oscillator adds.
        let mut shared = Kalman { x: self.belief.x, p: self.belief.p };
        shared.still();
        shared.pass(t);
        for m in &mut self.models {
            m.process.delay = delay;
            if m.follows && m.process.drift == 0.0 {
                m.kalman = shared.clone();
            } else {
                m.kalman.pass(t);
            }
            m.kalman.stir(t, &m.process);
            m.score *= keep;
        }
        self.weigh();
    }

    /// The row that a measurement of this direction and age (s) sees.
    pub(super) fn row(sign: f64, age: f64, path: bool) -> Vector {
        let mut h = [0.0; STATES];
        h[PHASE] = sign;
        h[FREQUENCY] = -sign * age;
        h[DRIFT] = sign * 0.5 * age * age;
        if path {
            h[DELAY] = 1.0;
            h[ASYMMETRY] = sign;
        }
        h
    }

    /// Deviation and variance of a measurement, by what all models believe.
    pub(super) fn look(&self, h: &Vector, value: f64, noise: &Noise) -> Seen {
        let k = Kalman { x: self.belief.x, p: self.belief.p };
        let (mean, variance) = k.expect(h);
        let deviation = value - mean;
        let far = LATE_BEYOND * (variance + noise.core2()).sqrt();
        let late = deviation > far || (noise.may_be_quick() && deviation < -far);
        Seen { deviation, variance, verdict: noise.judge(deviation, variance), late }
    }

    /// Every model takes the measurement, and is judged by how well it had foreseen it.
    ///
    /// `late`: the measurement waited; it says little about the oscillator.
    pub(super) fn update(&mut self, h: &Vector, value: f64, noise: &Noise, late: bool) -> f64 {
        let mut evidence = 0.0;
        let counts = match (late, noise.may_be_quick()) {
            (true, _) => LATE,
            (false, true) => IN_RUNS,
            (false, false) => 1.0,
        };
        let mut best = f64::NEG_INFINITY;
        let mut verdicts = [Verdict::default(); MODELS];
        for (m, verdict) in self.models.iter_mut().zip(&mut verdicts) {
            let (mean, variance) = m.kalman.expect(h);
            *verdict = noise.judge(value - mean, variance);
            evidence += m.weight * verdict.ln_density.exp();
            m.score += counts * verdict.ln_density;
            best = best.max(m.score);
        }
        for (m, verdict) in self.models.iter_mut().zip(&verdicts) {
            m.score = (m.score - best).max(HOPELESS);
            m.follows = m.score <= HOPELESS;
            if !m.follows {
                m.kalman.update(h, verdict.slope, verdict.curvature);
            }
        }
        self.weigh();
        for m in self.models.iter_mut().filter(|m| m.follows) {
            m.kalman.x = self.belief.x;
            m.kalman.p = self.belief.p;
            if m.process.drift > 0.0 {
                m.kalman.p[DRIFT][DRIFT] += m.process.drift * 10.0;
            } else {
                m.kalman.still();
            }
        }
        evidence.max(1e-280).ln()
    }

    /// Adds to the state and to its variances, in every model.
    pub(super) fn shift(&mut self, by: &Vector, variance: &Matrix) {
        for m in &mut self.models {
            add(&mut m.kalman.x, &mut m.kalman.p, by, variance);
        }
        self.weigh();
    }

    fn weigh(&mut self) {
        let best = self.models.iter().map(|m| m.score + m.prior).fold(f64::NEG_INFINITY, f64::max);
        let mut total = 0.0;
        for m in &mut self.models {
            let weight = (m.score + m.prior - best).exp();
            m.weight = if weight < NEGLIGIBLE || m.follows { 0.0 } else { weight };
            total += m.weight;
        }
        let b = &mut self.belief;
        *b = Belief::default();
        // Phases are large numbers, their differences small ones: sums are about one of them.
        let Some(about) = self.models.iter().find(|m| m.weight > 0.0).map(|m| m.kalman.x) else { return };
        for m in self.models.iter_mut().filter(|m| m.weight > 0.0) {
            m.weight /= total;
            for ((sum, x), about) in b.x.iter_mut().zip(&m.kalman.x).zip(&about) {
                *sum += m.weight * (x - about);
            }
        }
        for (x, about) in b.x.iter_mut().zip(&about) {
            *x += about;
        }
        for m in self.models.iter().filter(|m| m.weight > 0.0) {
            let mut apart = m.kalman.x;
            for (a, x) in apart.iter_mut().zip(&b.x) {
                *a -= x;
            }
            for ((sums, own), di) in b.p.iter_mut().zip(&m.kalman.p).zip(&apart) {
                for ((sum, p), dj) in sums.iter_mut().zip(own).zip(&apart) {
                    *sum += m.weight * (p + di * dj);
                }
            }
        }
    }
}

fn add(x: &mut Vector, p: &mut Matrix, by: &Vector, variance: &Matrix) {
    for i in 0..STATES {
        x[i] += by[i];
        for j in 0..STATES {
            p[i][j] += variance[i][j];
        }
    }
}
