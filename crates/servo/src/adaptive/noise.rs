//! What one direction's messages go through, learnt: a symmetric core, and waiting that only ever makes them late.
//!
//! The density of a measurement's deviation is a mixture: the core is normal; each tail is the core plus an exponential
//! wait, for mean waits on a fixed grid of factors of 4; a few very wide normal parts, of fixed small weight, stand for
//! what neither explains. Weights of core and tails and the core's variance follow the data by expectation maximisation.
//!
//! Where the kernel stamps, some messages are quicker than most, as its path is in the caches. What is early against most is
//! no news there, so that the same tails stand on the early side, too, for less than half of the messages.

use super::normal::{DENSITY_AT_0, waited};

/// Mean waits: 16 ns to 17 ms.
pub(super) const TAILS: usize = 11;
const SHORTEST_TAIL: f64 = 16.0;
/// Wide parts: this many core deviations, and their weights.
const WIDE: [(f64, f64); 3] = [(12.0, 1e-4), (150.0, 1e-5), (2000.0, 1e-6)];
/// Before data: a tenth of all messages wait, for a time that nobody knows. Worth this many samples.
const PRIOR_WAITING: f64 = 0.1;
const PRIOR_WORTH: f64 = 20.0;
/// The share of messages that are quicker than most is less than half.
const MOST_QUICK: f64 = 0.45;
/// The memory never gets longer than this many samples: for the core, and for the shares of waiting.
const CORE_MEMORY: f64 = 512.0;
const MEMORY: f64 = 2048.0;
/// Late is what is beyond so many deviations.
const LATE: f64 = 4.0;
/// The balance of early and late is watched over so many samples.
const BALANCE: f64 = 128.0;
/// A core deviation below this is not believed, ns: stamps have 2^-16 ns, but no clock is that good.
const LEAST_CORE: f64 = 0.05;

/// What a deviation says about the state: with `s2`, the prediction's variance.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verdict {
    /// Logarithm of the density.
    pub(super) ln_density: f64,
    /// Its slope towards a larger prediction: a normal part's is v / S.
    pub(super) slope: f64,
    /// The negative curvature: a normal part's is 1 / S.
    pub(super) curvature: f64,
}

/// What makes messages late or early, beyond noise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// Nothing: it is a measurement, no way.
    Symmetric,
    /// Waiting.
    Waiting,
    /// Waiting, and not waiting where most do.
    Kernel,
}

/// One direction's noise.
#[derive(Clone, Debug)]
pub(super) struct Noise {
    core2: f64,
    core_weight: f64,
    tails: [f64; TAILS],
    /// The same on the early side.
    quick: [f64; TAILS],
    /// Samples' worth of knowledge.
    worth: f64,
    shape: Shape,
    /// Means of what pulled the prediction up and of what pushed it down. Where the learnt density is right they are
    /// equal: many late messages pull a little, few early ones push hard.
    pulls: f64,
    pushes: f64,
    /// The core is at least this, ns^2: stamps that are cut are not exact where they repeat.
    least: f64,
}

/// A part of the mixture.
#[derive(Clone, Copy)]
enum Kind {
    Core,
    Late(usize),
    Quick(usize),
    Wide,
}

#[derive(Clone, Copy, Default)]
struct Part {
    density: f64,
    slope: f64,
    curvature: f64,
}

const fn tail_mean(i: usize) -> f64 {
    SHORTEST_TAIL * (1u64 << (2 * i)) as f64
}

/// One over the mean waits.
const PACES: [f64; TAILS] = {
    let mut paces = [0.0; TAILS];
    let mut i = 0;
    while i < TAILS {
        paces[i] = 1.0 / tail_mean(i);
        i += 1;
    }
    paces
};

/// The longer the wait the rarer, by a factor of 3 for each of 4.
fn prior_tail(i: usize, first: usize) -> f64 {
    if i < first { 0.0 } else { PRIOR_WAITING * 2.0 / 3.0 * 3f64.powi(first as i32 - i as i32) }
}

impl Noise {
    /// Nothing known but a first guess of the core's deviation, ns.
    pub(super) fn new(core: f64, shape: Shape) -> Self {
        let mut noise = Self {
            core2: core * core,
            core_weight: 1.0,
            tails: [0.0; TAILS],
            quick: [0.0; TAILS],
            worth: PRIOR_WORTH,
            shape,
            pulls: 0.0,
            pushes: 0.0,
            least: LEAST_CORE * LEAST_CORE,
        };
        noise.spread();
        noise
    }

    /// The prior share of waiting, over the tails that can be told from the core.
    fn spread(&mut self) {
        if self.shape == Shape::Symmetric {
            return;
        }
        let first = self.first_tail();
        for (i, w) in self.tails.iter_mut().enumerate() {
            *w = prior_tail(i, first);
        }
        if self.shape == Shape::Kernel {
            self.quick = self.tails;
        }
        self.core_weight = 1.0 - self.tails.iter().chain(&self.quick).sum::<f64>();
    }

    /// Tells by how much stamps are cut, ns.
    pub(super) fn set_grain(&mut self, grain: f64) {
        // Between one cut stamp (g^2 / 12) and two.
        self.least = (grain * grain / 8.0).max(LEAST_CORE * LEAST_CORE);
        self.core2 = self.core2.max(self.least);
    }

    /// Shorter mean waits than three times the core are the core.
    fn first_tail(&self) -> usize {
        let core = self.core2.sqrt();
        (0..TAILS).find(|i| tail_mean(*i) >= 3.0 * core).unwrap_or(TAILS)
    }

    pub(super) fn core(&self) -> f64 {
        self.core2.sqrt()
    }

    /// Could the core be smaller than it is held to be?
    pub(super) fn could_shrink(&self) -> bool {
        self.core2 > 4.0 * self.least
    }

    pub(super) fn core2(&self) -> f64 {
        self.core2
    }

    /// Early need not be news.
    pub(super) fn may_be_quick(&self) -> bool {
        self.shape == Shape::Kernel
    }

    /// The share of messages that wait.
    pub(super) fn waiting(&self) -> f64 {
        self.tails.iter().sum()
    }

    /// Forgets most of what it learnt, so that new circumstances show quickly.
    pub(super) fn doubt(&mut self) {
        self.worth = self.worth.min(PRIOR_WORTH);
    }

    fn normal(v: f64, s: f64) -> Part {
        let precision = 1.0 / s;
        let slope = v * precision;
        Part {
            density: DENSITY_AT_0 * precision.sqrt() * (-0.5 * v * slope).exp(),
            slope,
            curvature: precision,
        }
    }

    /// Calls `f` with (weight, part, what it is) for everything that counts.
    fn parts(&self, v: f64, s2: f64, mut f: impl FnMut(f64, Part, Kind)) {
        let s = s2 + self.core2;
        let root = s.sqrt();
        let inverse = 1.0 / root;
        let own = v * inverse;
        let here = (-0.5 * own * own).exp();
        let density = DENSITY_AT_0 * inverse * here;
        f(self.core_weight, Part { density, slope: own * inverse, curvature: inverse * inverse }, Kind::Core);
        // Where the core explains it, parts that could not add a millionth are left out.
        let floor = density * self.core_weight * 1e-6;
        self.side(&self.tails, own, inverse, here, floor, |w, part, i| f(w, part, Kind::Late(i)));
        if self.shape == Shape::Kernel {
            self.side(&self.quick, -own, inverse, here, floor, |w, part, i| {
                f(w, Part { slope: -part.slope, ..part }, Kind::Quick(i));
            });
        }
        for (width, w) in WIDE {
            let s = s + width * width * self.core2;
            if w < floor * s.sqrt() {
                continue;
            }
            f(w, Self::normal(v, s), Kind::Wide);
        }
    }

    /// One side's tails; `own`: the deviation in deviations of core and prediction, of which `inverse` is one over one.
    fn side(
        &self,
        tails: &[f64; TAILS],
        own: f64,
        inverse: f64,
        here: f64,
        floor: f64,
        mut f: impl FnMut(f64, Part, usize),
    ) {
        // Beyond this even the density underflows.
        if own < -38.0 {
            return;
        }
        let root = 1.0 / inverse;
        for (i, (w, pace)) in tails.iter().zip(&PACES).enumerate() {
            // A tail's density is at most 1 / mean, and falls as the core's on the other side.
            if *w <= 0.0 || w * pace < floor {
                continue;
            }
            let part = waited(own, root * pace, here);
            let part = Part {
                density: part.density * pace,
                slope: (own - part.above) * inverse,
                curvature: (1.0 - part.rest) * inverse * inverse,
            };
            f(*w, part, i);
        }
    }

    /// What a deviation `v` (measured less predicted) means when the prediction has variance `s2`.
    pub(super) fn judge(&self, v: f64, s2: f64) -> Verdict {
        let (mut z, mut z1, mut z2) = (0.0, 0.0, 0.0);
        self.parts(v, s2, |w, p, _| {
            let d = w * p.density;
            z += d;
            z1 += d * p.slope;
            z2 += d * (p.slope * p.slope - p.curvature);
        });
        if z < 1e-280 {
            // Beyond everything: it says nothing.
            return Verdict { ln_density: -645.0, slope: 0.0, curvature: 0.0 };
        }
        let slope = z1 / z;
        let curvature = slope * slope - z2 / z;
        if v * v < LATE * LATE * (s2 + self.core2) || v < 0.0 {
            return Verdict { ln_density: z.ln(), slope, curvature };
        }
        let trust = self.trust_in_late();
        Verdict { ln_density: z.ln(), slope: trust * slope, curvature: trust * curvature }
    }

    /// Where all messages are late, as under steady load, nothing is known of the floor, whatever the tails say: late
    /// messages count as far as early ones keep the balance.
    fn trust_in_late(&self) -> f64 {
        if self.pulls > 0.0 { (2.0 * self.pushes / self.pulls).min(1.0) } else { 1.0 }
    }

    fn slope(&self, v: f64, s2: f64, z: f64) -> f64 {
        let mut sum = 0.0;
        self.parts(v, s2, |w, p, _| sum += w * p.density * p.slope);
        sum / z
    }

    /// How well the learnt noise explains `v`.
    pub(super) fn ln_density(&self, v: f64, s2: f64) -> f64 {
        self.judge(v, s2).ln_density
    }

    /// Learns from a deviation; gives the share of it that core and tails explain.
    pub(super) fn learn(&mut self, v: f64, s2: f64) -> f64 {
        let s = s2 + self.core2;
        let mut z = 0.0;
        self.parts(v, s2, |w, p, _| z += w * p.density);
        if z < 1e-280 {
            return 0.0;
        }
        let (mut explained, mut square) = (0.0, 0.0);
        let (mut tails, mut quick) = ([0.0; TAILS], [0.0; TAILS]);
        let ratio = self.core2 / s;
        self.parts(v, s2, |w, p, kind| {
            let share = w * p.density / z;
            let place = match kind {
                Kind::Wide => return,
                Kind::Core => None,
                Kind::Late(i) => tails.get_mut(i),
                Kind::Quick(i) => quick.get_mut(i),
            };
            explained += share;
            if let Some(place) = place {
                *place += share;
            }
            // The expected square of (v - wait), and of the core's part of it.
            let rest = s - s * s * p.curvature + s * s * p.slope * p.slope;
            square += share * (ratio * ratio * rest + ratio * s2);
        });
        let slope = self.slope(v, s2, z);
        self.pulls += (slope.max(0.0) - self.pulls) / BALANCE;
        self.pushes += ((-slope).max(0.0) - self.pushes) / BALANCE;
        self.worth = (self.worth + explained).min(MEMORY);
        let gain = 1.0 / self.worth;
        self.core2 += (1.0 / self.worth.min(CORE_MEMORY)) * (square - explained * self.core2);
        self.core2 = self.core2.max(self.least);
        if self.shape == Shape::Symmetric {
            return explained;
        }
        let first = self.first_tail();
        let early = if self.shape == Shape::Kernel {
            blend(&mut self.quick, &quick, explained, gain, first, MOST_QUICK)
        } else {
            0.0
        };
        let total = early + blend(&mut self.tails, &tails, explained, gain, first, 0.999 - early);
        self.core_weight = 1.0 - total;
        explained
    }
}

/// Weights of one side follow the shares of a sample; gives their sum, `most` at most.
fn blend(
    weights: &mut [f64; TAILS],
    shares: &[f64; TAILS],
    explained: f64,
    gain: f64,
    first: usize,
    most: f64,
) -> f64 {
    // A little of the prior always stays, so that nothing becomes impossible.
    let leak = 0.1 * gain;
    let mut total = 0.0;
    for (i, (w, share)) in weights.iter_mut().zip(shares).enumerate() {
        *w += gain * (share - explained * *w);
        if i < first {
            *w *= 0.9;
        } else {
            *w += leak * (prior_tail(i, first) - *w);
        }
        *w = w.clamp(0.0, 0.999);
        total += *w;
    }
    if total > most {
        let scale = most / total;
        weights.iter_mut().for_each(|w| *w *= scale);
        total = most;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Rng;

    #[test]
    fn slope_and_curvature_are_the_derivatives() {
        let mut noise = Noise::new(10.0, Shape::Waiting);
        noise.tails[3] = 0.3;
        noise.core_weight = 0.6;
        for s2 in [1.0, 400.0, 1e6] {
            for v in [-300.0f64, -20.0, 0.0, 15.0, 200.0, 5000.0] {
                let h = 0.01 * f64::max(1.0, v.abs() / 10.0);
                let f = |v: f64| noise.judge(v, s2).ln_density;
                let slope = -(f(v + h) - f(v - h)) / (2.0 * h);
                let curvature = -(f(v + h) - 2.0 * f(v) + f(v - h)) / (h * h);
                let j = noise.judge(v, s2);
                assert!((j.slope - slope).abs() < 1e-4 * (1.0 + slope.abs()), "{s2} {v}: {j:?} {slope}");
                assert!(
                    (j.curvature - curvature).abs() < 1e-3 * (0.01 + curvature.abs()),
                    "{s2} {v}: {j:?} {curvature}"
                );
            }
        }
    }

    #[test]
    fn symmetric_noise_is_learnt_as_it_is() {
        let mut noise = Noise::new(20.0, Shape::Waiting);
        let mut rng = Rng::stream(1, 1);
        for _ in 0..4000 {
            noise.learn(7.0 * rng.normal(), 0.5);
        }
        assert!((noise.core() - 7.0).abs() < 1.0, "{}", noise.core());
        assert!(noise.waiting() < 0.1, "{}", noise.waiting());
    }

    #[test]
    fn waiting_does_not_widen_the_core() {
        let mut noise = Noise::new(20.0, Shape::Waiting);
        let mut rng = Rng::stream(2, 1);
        for _ in 0..4000 {
            let wait = if rng.chance(0.6) { 4000.0 * rng.exponential() } else { 0.0 };
            noise.learn(7.0 * rng.normal() + wait, 0.5);
        }
        assert!((noise.core() - 7.0).abs() < 1.5, "{}", noise.core());
        assert!((noise.waiting() - 0.6).abs() < 0.1, "{}", noise.waiting());
        // A late one says next to nothing, an early one what it should.
        let late = noise.judge(4000.0, 0.5);
        assert!(late.curvature.abs() < 1e-4 / 50.0 && late.slope < 1e-3);
        let early = noise.judge(-10.0, 0.5);
        assert!((early.slope * (noise.core2() + 0.5) + 10.0).abs() < 1.0);
    }
}
