//! The beginning: a few samples, nothing known.

use super::bank::Bank;
use super::config::{Measuring, Stamping};
use super::kalman::{ASYMMETRY, DELAY, DRIFT, FREQUENCY, PHASE, STATES};
use super::most::{Pairing, pair, ways};
use super::moves::Way;
use super::noise::{Noise, Shape};
use super::unequal::unequal;

/// Samples that are gone through again and again until their noise is known.
pub(super) const KEPT: usize = 64;
/// So many are enough to begin anew if what was before them does not fit.
pub(super) const LAST: usize = 8;
/// So many of the last samples are tried without what was before them: few tell a jump soon, more outweigh what it costs to
/// know nothing.
pub(super) const ALONE: [usize; 2] = [LAST, 2 * LAST];
/// Without what was before, the last ones have to fit this much better (natural logarithm).
pub(super) const BETTER_ALONE: f64 = 12.0;
/// Stamps that are taken too early or too late can make a delay negative by so much, ns.
pub(super) const LEAST_DELAY: f64 = 5_000.0;
/// Core deviations to begin with: 0.5 ns and factors of 4, up to 131 us.
const GUESSES: usize = 10;
/// Deviation of phase and path delay around the first samples, ns.
const FIRST_PHASE: f64 = 1e6;
/// Of the oscillator's frequency, ppb.
pub(super) const FIRST_FREQUENCY: f64 = 2e5;
/// Of its drift, ppb/s.
const FIRST_DRIFT: f64 = 0.1;

/// A measurement with all corrections taken out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Raw {
    pub(super) way: Way,
    /// Oscillator time, s.
    pub(super) time: f64,
    /// ns.
    pub(super) value: f64,
}

impl Raw {
    pub(super) fn sign(&self) -> f64 {
        match self.way {
            Way::Down => 1.0,
            Way::Up => -1.0,
        }
    }
}

/// How measurements come about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) measuring: Measuring,
    pub(super) stamping: Stamping,
}

/// Both directions' noise.
#[derive(Clone, Debug)]
pub(super) struct Noises {
    pub(super) down: Noise,
    pub(super) up: Noise,
}

impl Noises {
    pub(super) fn new(core: f64, manner: Manner) -> Self {
        let way = match manner.stamping {
            Stamping::Hardware => Shape::Waiting,
            Stamping::Software => Shape::Kernel,
        };
        let (down, up) = match manner.measuring {
            Measuring::TwoWay => (way, way),
            // What comes "up" is a delay that was measured, not a message's way.
            Measuring::Peer => (way, Shape::Symmetric),
            Measuring::Offset => (Shape::Symmetric, Shape::Symmetric),
        };
        Self { down: Noise::new(core, down), up: Noise::new(core, up) }
    }

    pub(super) fn of(&self, way: Way) -> &Noise {
        match way {
            Way::Down => &self.down,
            Way::Up => &self.up,
        }
    }

    pub(super) fn of_mut(&mut self, way: Way) -> &mut Noise {
        match way {
            Way::Down => &mut self.down,
            Way::Up => &mut self.up,
        }
    }

    pub(super) fn set_grains(&mut self, grains: (f64, f64)) {
        self.down.set_grain(grains.0);
        self.up.set_grain(grains.1);
    }

    /// Growth of the path delay's variance, ns^2/s: a thousandth of the noise in a second.
    pub(super) fn delay_growth(&self) -> f64 {
        1e-6 * self.down.core2().min(self.up.core2())
    }
}

/// What going through the first samples gave.
pub(super) struct Replay {
    pub(super) bank: Bank,
    pub(super) noises: Noises,
    /// How well the last ones ([`ALONE`]) were foreseen: logarithm of their density.
    pub(super) last: [f64; ALONE.len()],
    /// The core to begin with that explained them best.
    pub(super) guess: usize,
}

impl Replay {
    /// Where the kernel stamps, the path is what most messages take: moves there from a floor that only some had.
    pub(super) fn take_most(&mut self, samples: &[Raw], manner: Manner, grains: (f64, f64)) -> Pairing {
        let x = self.bank.belief().x;
        let time = self.bank.time();
        let off = |raw: &Raw| {
            let h = row(raw, time - raw.time, manner.measuring);
            raw.value - h.iter().zip(&x).map(|(h, x)| h * x).sum::<f64>()
        };
        let mut scratch = Vec::with_capacity(samples.len());
        let mut of = |way| ways(&mut scratch, samples.iter().filter(|s| s.way == way).map(off));
        let (Some(down), Some(up)) = (of(Way::Down), of(Way::Up)) else { return Pairing::Most };
        let ((down, up), pairing) = pair(&down, &up);
        if !down.is_elsewhere() && !up.is_elsewhere() {
            return pairing;
        }
        let mut by = [0.0; STATES];
        by[PHASE] = (down.at - up.at) / 2.0;
        by[DELAY] = (down.at + up.at) / 2.0;
        self.bank.shift(&by, &[[0.0; STATES]; STATES]);
        self.noises = Noises::new(down.width.max(up.width), manner);
        self.noises.set_grains(grains);
        for raw in samples {
            let at = if raw.way == Way::Down { down.at } else { up.at };
            self.noises.of_mut(raw.way).learn(off(raw) - at, 0.0);
        }
        self.noises.down.doubt();
        self.noises.up.doubt();
        pairing
    }

    pub(super) fn is_impossible(&self, measuring: Measuring) -> bool {
        is_impossible(&self.bank, &self.noises, measuring)
    }
}

/// One direction would take less than no time, beyond what noise and wrong latencies make of a short cable.
pub(super) fn is_impossible(bank: &Bank, noises: &Noises, measuring: Measuring) -> bool {
    let x = &bank.belief().x;
    let noise = noises.down.core2() + noises.up.core2();
    measuring == Measuring::TwoWay && x[DELAY] < -LEAST_DELAY - 6.0 * noise.sqrt()
}

/// What is known before the first sample: the oscillator's frequency and its deviation, ppb.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prior {
    pub(super) frequency: f64,
    pub(super) sigma: f64,
}

impl Prior {
    pub(super) fn unknown(frequency: f64) -> Self {
        Self { frequency, sigma: FIRST_FREQUENCY }
    }
}

/// How coarse one direction's values are: cut stamps repeat exactly, others never do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Grain {
    last: Option<i64>,
    /// The smallest difference that was seen, 2^-16 ns.
    least: Option<i64>,
    same: u32,
    count: u32,
}

impl Grain {
    pub(super) fn push(&mut self, value: i64) {
        if let Some(last) = self.last.replace(value) {
            let by = value.saturating_sub(last).saturating_abs();
            self.count += 1;
            if by == 0 {
                self.same += 1;
            } else {
                self.least = Some(self.least.map_or(by, |l| l.min(by)));
            }
        }
        if self.count >= 1024 {
            self.count /= 2;
            self.same /= 2;
        }
    }

    /// ns; 0 if values are not cut, or noise hides it.
    pub(super) fn nanos(&self) -> f64 {
        if self.same * 20 < self.count || self.same == 0 {
            return 0.0;
        }
        self.least.map_or(0.0, |l| l as f64 / 65536.0)
    }
}

/// The row a measurement sees.
pub(super) fn row(raw: &Raw, age: f64, measuring: Measuring) -> [f64; STATES] {
    match (measuring, raw.way) {
        (Measuring::Offset, _) => Bank::row(1.0, age, false),
        (Measuring::Peer, Way::Up) => {
            let mut h = [0.0; STATES];
            h[DELAY] = 1.0;
            h
        }
        _ => Bank::row(raw.sign(), age, true),
    }
}

/// A bank around the first samples; `None` while one direction is missing.
fn first(samples: &[Raw], prior: &Prior, measuring: Measuring) -> Option<Bank> {
    let of = |way: Way| samples.iter().find(|s| s.way == way).map(|s| s.value);
    let when = |way: Way| samples.iter().find(|s| s.way == way).map_or(0.0, |s| s.time);
    let apart = if measuring == Measuring::Offset { 0.0 } else { when(Way::Down) - when(Way::Up) };
    let down = of(Way::Down)?;
    let (phase, delay) = match measuring {
        Measuring::Offset => (down, 0.0),
        Measuring::Peer => (down - of(Way::Up)?, of(Way::Up)?),
        Measuring::TwoWay => {
            let up = of(Way::Up)?;
            ((down - up) / 2.0, (down + up) / 2.0)
        }
    };
    let (mut x, mut variances) = ([0.0; STATES], [0.0; STATES]);
    (x[PHASE], x[FREQUENCY], x[DELAY]) = (phase, prior.frequency, delay);
    // Between the first two the clock may have run far.
    let first2 = FIRST_PHASE * FIRST_PHASE + (prior.sigma * apart).powi(2);
    variances[PHASE] = first2;
    variances[FREQUENCY] = prior.sigma * prior.sigma;
    variances[DRIFT] = FIRST_DRIFT * FIRST_DRIFT;
    if measuring != Measuring::Offset {
        variances[DELAY] = first2;
    }
    variances[ASYMMETRY] = 0.0;
    Some(Bank::new(samples.first()?.time, x, variances))
}

/// Goes through the samples; learns the noise on the way if asked to. Gives how well all of them, and how well the last
/// ones ([`ALONE`]) were foreseen.
pub(super) fn pass(
    samples: &[Raw],
    bank: &mut Bank,
    noises: &mut Noises,
    learn: bool,
    measuring: Measuring,
) -> (f64, [f64; ALONE.len()]) {
    let (mut evidence, mut last) = (0.0, [0.0; ALONE.len()]);
    for (i, raw) in samples.iter().enumerate() {
        bank.predict(raw.time, noises.delay_growth());
        let h = row(raw, bank.time() - raw.time, measuring);
        let seen = bank.look(&h, raw.value, noises.of(raw.way));
        let one = bank.update(&h, raw.value, noises.of(raw.way), seen.late);
        evidence += one;
        for (sum, n) in last.iter_mut().zip(ALONE) {
            if i + n >= samples.len() {
                *sum += one;
            }
        }
        if learn {
            noises.of_mut(raw.way).learn(seen.deviation, seen.variance);
        }
    }
    (evidence, last)
}

/// The most plausible bank and noise for these samples; `None` while one direction is missing. `near`: the guess that was
/// best for other samples of the same path; it and its neighbours are tried, and on from there while that is better.
pub(super) fn replay(
    samples: &[Raw],
    prior: &Prior,
    manner: Manner,
    grains: (f64, f64),
    near: Option<usize>,
) -> Option<Replay> {
    let measuring = manner.measuring;
    let fresh = |guess: usize| {
        let mut noises = Noises::new(0.5 * f64::from(1u32 << (2 * guess as u32)), manner);
        noises.set_grains(grains);
        noises
    };
    let start = first(samples, prior, measuring)?;
    let try_one = |guess: usize| {
        let mut noises = fresh(guess);
        // Learnt once, then judged: what waited is no argument for a wide core.
        pass(samples, &mut start.clone(), &mut noises, true, measuring);
        noises.down.doubt();
        noises.up.doubt();
        pass(samples, &mut start.clone(), &mut noises, false, measuring).0
    };
    let mut guess = near.unwrap_or(0).min(GUESSES - 1);
    let mut best = try_one(guess);
    let mut take = |i: usize| {
        let evidence = try_one(i);
        let better = evidence > best;
        if better {
            (best, guess) = (evidence, i);
        }
        better
    };
    match near {
        None => (1..GUESSES).for_each(|i| {
            take(i);
        }),
        Some(near) => {
            let near = near.min(GUESSES - 1);
            for i in (0..near).rev() {
                if !take(i) {
                    break;
                }
            }
            for i in near + 1..GUESSES {
                if !take(i) {
                    break;
                }
            }
        }
    }
    let common = fresh(guess);
    let mut noises = unequal(samples, &start, &common, best, manner, grains).unwrap_or(common);
    for _ in 0..2 {
        pass(samples, &mut start.clone(), &mut noises, true, measuring);
        noises.down.doubt();
        noises.up.doubt();
    }
    let mut bank = start;
    let (_, last) = pass(samples, &mut bank, &mut noises, true, measuring);
    Some(Replay { bank, noises, last, guess })
}
