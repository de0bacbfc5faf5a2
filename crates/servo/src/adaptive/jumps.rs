//! Jumps of time and of frequency, told by very few messages.
//!
//! Queueing and paths that become longer make messages late. One that is early by far more than noise is news: the path
//! became shorter, or the clock and its master went apart. Of the latter both directions show the same with opposite signs:
//! a master that jumps, the same in all messages; an oscillator that jumps in frequency, more with every one. Both are
//! looked for in the last messages since one was where it was expected: what explains them far better than the learnt noise
//! does, and is seen in both directions, is believed.

use std::collections::VecDeque;

use super::known::Known;
use super::moves::Way;
use super::start::{Noises, Raw};

/// So many of the last messages off their floors are kept.
const KEPT: usize = 8;
/// Early by so many deviations is no noise.
const EARLY: f64 = 6.0;
/// Within so many deviations a message is where it should be.
const NEAR: f64 = 3.5;
/// A master's jump has to explain them so much better (natural logarithm).
const CONVINCED: f64 = 16.0;
/// An oscillator's, whose line fits more.
const CONVINCED_OF_A_LINE: f64 = 24.0;
/// Messages of one direction that come faster than this share of what was agreed on have more than one sender: a true one may
/// be among the next.
const DENSE: f64 = 0.75;
/// Where one direction alone shows a jump, for more than this many of its intervals nothing may have said otherwise.
const UNCONTRADICTED: f64 = 1.1;
/// So many messages of each direction have to show a jump: where the kernel stamps, a few may be quick or wait by chance.
const SHOWN: usize = 1;
const SHOWN_TO_THE_KERNEL: usize = 4;
/// The share of the prediction's variance that is not common to neighbouring messages.
const COMMON: f64 = 0.1;

/// A message off its floor.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    raw: Raw,
    /// Measured less predicted, ns, and the prediction's variance.
    deviation: f64,
    variance: f64,
}

impl Suspect {
    /// As an error of the clock, ns.
    fn error(&self) -> f64 {
        self.raw.sign() * self.deviation
    }

    fn off(&self, noises: &Noises, deviations: f64) -> f64 {
        deviations * (self.variance + noises.of(self.raw.way).core2()).sqrt()
    }

    fn is_early(&self, noises: &Noises) -> bool {
        self.deviation < -self.off(noises, EARLY)
    }

    /// What is left of it if the clock is off by `error`.
    fn left(&self, error: f64) -> f64 {
        self.deviation - self.raw.sign() * error
    }

    fn is_near(&self, error: f64, noises: &Noises) -> bool {
        let own = noises.of(self.raw.way).core2() + COMMON * self.variance;
        self.left(error).abs() <= NEAR * own.sqrt()
    }
}

/// The clock is off all of a sudden.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Jump {
    /// By this at the last message, ns.
    pub(super) by: f64,
    /// Growing by this at most, ns/s; 0: it does not grow.
    pub(super) pace: f64,
    /// It does grow: the frequency jumped.
    pub(super) is_frequency: bool,
    /// How many of the last messages show it.
    pub(super) shown_by: usize,
}

/// How the clock's error goes on after a jump: by `pace` from `by` at `time` on.
#[derive(Clone, Copy)]
struct Line {
    time: f64,
    by: f64,
    pace: f64,
}

impl Line {
    fn at(&self, time: f64) -> f64 {
        self.by + self.pace * (time - self.time)
    }
}

/// What a direction's messages are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// By so much its path can become shorter at most, ns.
    pub(super) shortest: f64,
    /// Between its messages, s.
    pub(super) interval: f64,
}

/// Watches for jumps.
#[derive(Clone, Debug)]
pub(super) struct Jumps {
    suspects: VecDeque<Suspect>,
    /// When a message was last where it was expected, s.
    good: f64,
}

impl Jumps {
    pub(super) fn new() -> Self {
        Self { suspects: VecDeque::with_capacity(KEPT), good: f64::NEG_INFINITY }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.suspects.clear();
    }

    /// The last messages off their floors, early ones first.
    pub(super) fn last(&self, n: usize) -> impl Iterator<Item = &Raw> {
        let skip = self.suspects.len().saturating_sub(n);
        let of =
            move |early: bool| self.suspects.iter().skip(skip).filter(move |s| (s.deviation < 0.0) == early);
        of(true).chain(of(false)).map(|s| &s.raw)
    }

    /// Takes a message; gives the jump that it makes clear.
    pub(super) fn push(
        &mut self,
        raw: &Raw,
        deviation: f64,
        variance: f64,
        noises: &Noises,
        ways: &[Expected; 2],
        known: &Known,
    ) -> Option<Jump> {
        let suspect = Suspect { raw: *raw, deviation, variance };
        if deviation.abs() <= suspect.off(noises, NEAR) {
            self.suspects.clear();
            self.good = raw.time;
            return None;
        }
        if self.suspects.len() >= KEPT {
            self.suspects.pop_front();
        }
        self.suspects.push_back(suspect);
        if !self.suspects.iter().any(|s| s.is_early(noises)) {
            return None;
        }
        let n = self.suspects.len();
        // Of few messages, those after what else may have been: more of them are tried first.
        (2..=n).rev().find_map(|m| {
            self.time_jumped(m, noises, ways, known).or_else(|| self.frequency_jumped(m, noises))
        })
    }

    fn after(&self, m: usize) -> impl Iterator<Item = &Suspect> + Clone {
        self.suspects.iter().skip(self.suspects.len().saturating_sub(m))
    }

    /// How much better the last `m` are explained by the line than by noise, and how many are on it, down and up.
    fn weigh(&self, m: usize, line: &Line, noises: &Noises) -> (f64, (usize, usize)) {
        let (mut better, mut near) = (0.0, (0, 0));
        for s in self.after(m) {
            let noise = noises.of(s.raw.way);
            let error = line.at(s.raw.time);
            better += noise.ln_density(s.left(error), s.variance) - noise.ln_density(s.deviation, s.variance);
            if s.is_near(error, noises) {
                match s.raw.way {
                    Way::Down => near.0 += 1,
                    Way::Up => near.1 += 1,
                }
            }
        }
        (better, near)
    }

    /// The last `m` of one direction come as they should, for long enough that another one would have said otherwise.
    fn is_uncontradicted(&self, m: usize, way: Way, interval: f64) -> bool {
        let times = || self.after(m).filter(|s| s.raw.way == way).map(|s| s.raw.time);
        let (Some(first), Some(last)) = (times().next(), times().last()) else { return false };
        let span = last - first;
        let gaps = times().count().saturating_sub(1) as f64;
        span > UNCONTRADICTED * interval && span >= DENSE * interval * gaps
    }

    fn time_jumped(&self, m: usize, noises: &Noises, ways: &[Expected; 2], known: &Known) -> Option<Jump> {
        let least = least_shown(noises);
        let mut best: Option<(f64, Line)> = None;
        for early in self.after(m).filter(|s| s.is_early(noises)) {
            let line = Line { time: early.raw.time, by: early.error(), pace: 0.0 };
            // A floor that returns to where it was.
            let is_back = [Way::Down, Way::Up].into_iter().any(|way| {
                let by = if way == Way::Down { line.by } else { -line.by };
                known.back(way, by, early.off(noises, NEAR)).is_some()
            });
            if is_back {
                continue;
            }
            let (better, near) = self.weigh(m, &line, noises);
            let expected = &ways[usize::from(early.raw.way == Way::Up)];
            // The other direction shows it, too; or no path could become shorter by as much.
            let shown = (near.0 >= least && near.1 >= least)
                || (near.0 + near.1 > least
                    && -early.deviation > expected.shortest
                    && self.is_uncontradicted(m, early.raw.way, expected.interval));
            if shown && better > CONVINCED && best.is_none_or(|(b, _)| better > b) {
                best = Some((better, line));
            }
        }
        let (_, line) = best?;
        let near = || self.after(m).filter(|s| s.is_near(line.by, noises));
        let (first, last) = (near().next()?, near().last()?);
        // Would a frequency that jumped since the last good message have shown by now?
        let since = (last.raw.time - self.good).max(1e-6);
        let apart = line.by.abs() * (last.raw.time - first.raw.time) / since;
        let pace = if apart > first.off(noises, EARLY) { 0.0 } else { line.by.abs() / since };
        Some(Jump { by: line.by, pace, is_frequency: false, shown_by: m })
    }

    fn frequency_jumped(&self, m: usize, noises: &Noises) -> Option<Jump> {
        if m < 3 {
            return None;
        }
        let least = least_shown(noises);
        let mut best: Option<(f64, Line)> = None;
        let begin = self.after(m).next()?.raw.time;
        for (i, one) in self.after(m).enumerate() {
            for other in self.after(m).skip(i + 1) {
                let pace = (other.error() - one.error()) / (other.raw.time - one.raw.time);
                let zero = one.raw.time - one.error() / pace;
                let early = one.is_early(noises) || other.is_early(noises);
                if !(early && pace.is_finite() && zero >= self.good && zero <= begin) {
                    continue;
                }
                let line = Line { time: one.raw.time, by: one.error(), pace };
                let (better, near) = self.weigh(m, &line, noises);
                let shown = near.0 >= least && near.1 >= least && near.0 + near.1 > 2 * least;
                if shown && better > CONVINCED_OF_A_LINE && best.is_none_or(|(b, _)| better > b) {
                    best = Some((better, line));
                }
            }
        }
        let (_, line) = best?;
        let by = line.at(self.suspects.back()?.raw.time);
        Some(Jump { by, pace: line.pace.abs(), is_frequency: true, shown_by: m })
    }
}

fn least_shown(noises: &Noises) -> usize {
    if noises.down.may_be_quick() { SHOWN_TO_THE_KERNEL } else { SHOWN }
}

#[cfg(test)]
mod tests {
    use super::super::config::AdaptiveConfig;
    use super::*;
    use crate::simulate::Rng;

    const PATH: [Expected; 2] = [Expected { shortest: 5_000.0, interval: 1.0 }; 2];

    /// Both directions have 5 ns of noise, and now and then a message waits.
    fn learnt() -> Noises {
        let mut noises = Noises::new(5.0, AdaptiveConfig::default().manner());
        let mut rng = Rng::stream(7, 7);
        for _ in 0..2000 {
            let mut one =
                || 5.0 * rng.normal() + if rng.chance(0.1) { 2000.0 * rng.exponential() } else { 0.0 };
            noises.down.learn(one(), 1.0);
            noises.up.learn(one(), 1.0);
        }
        noises
    }

    /// Feeds deviations; gives the first jump and after how many.
    fn feed(messages: &[(Way, f64, f64)]) -> Option<(Jump, usize)> {
        let noises = learnt();
        let mut jumps = Jumps::new();
        assert_eq!(
            jumps.push(
                &Raw { way: Way::Down, time: 0.0, value: 0.0 },
                1.0,
                1.0,
                &noises,
                &PATH,
                &Known::default()
            ),
            None
        );
        messages.iter().enumerate().find_map(|(i, (way, time, deviation))| {
            let raw = Raw { way: *way, time: *time, value: *deviation };
            jumps.push(&raw, *deviation, 1.0, &noises, &PATH, &Known::default()).map(|jump| (jump, i + 1))
        })
    }

    #[test]
    fn a_masters_jump_needs_one_message_of_each_direction() {
        use Way::{Down, Up};
        for size in [80.0, 700.0, 500_000.0] {
            for sign in [1.0, -1.0] {
                let by = sign * size;
                for way in [Down, Up] {
                    let other = if way == Down { Up } else { Down };
                    let of = |way: Way| if way == Down { by } else { -by };
                    let (jump, after) =
                        feed(&[(way, 0.7, of(way) + 3.0), (other, 1.4, of(other) - 2.0)]).expect("a jump");
                    assert!(
                        after == 2 && (jump.by - by).abs() < 20.0 && !jump.is_frequency,
                        "{by}: {jump:?}"
                    );
                    // Half of the error would have shown in the first, had the frequency jumped.
                    assert_eq!(jump.pace, 0.0, "{by}");
                }
            }
        }
        // Too near each other to tell the two apart.
        let (jump, _) = feed(&[(Down, 0.7, -700.0), (Up, 0.701, 700.0)]).expect("a jump");
        assert!((jump.pace - 1000.0).abs() < 50.0, "{jump:?}");
    }

    #[test]
    fn earlier_than_any_path_could_be_needs_no_other_direction() {
        use Way::Down;
        let all = [1.0, 2.0, 3.0].map(|time| (Down, time, -1e9));
        let (jump, after) = feed(&all).expect("a jump");
        assert!(after == 3 && (jump.by + 1e9).abs() < 20.0);
        // One between them was lost.
        assert_eq!(feed(&[all[0], all[2]]).expect("a jump").1, 2);
        // A path that became shorter by less than its length is just that, and one stamp may be wrong by anything.
        assert_eq!(feed(&[(Down, 1.0, -4_000.0), (Down, 2.0, -4_000.0), (Down, 3.0, -4_000.0)]), None);
        assert_eq!(
            feed(&[(Down, 1.0, -1e9), (Down, 2.0, 3.0), (Down, 3.0, -1e9), (Way::Up, 3.5, 0.0)]),
            None
        );
    }

    /// Somebody else speaks in the master's name, four times as often; the master goes on.
    #[test]
    fn forged_messages_among_true_ones_are_no_jump() {
        let mut both = Vec::new();
        for i in 0..200 {
            let time = 0.25 * f64::from(i) + 0.1;
            both.push((Way::Down, time, -10_000.0));
            if i % 4 == 3 {
                both.push((Way::Down, time + 0.1, 2.0));
            }
        }
        assert_eq!(feed(&both), None);
        // Also where a true one in four is lost.
        let thinned: Vec<_> =
            both.iter().enumerate().filter(|(i, m)| m.2 < 0.0 || i % 20 != 4).map(|(_, m)| *m).collect();
        assert!(thinned.len() < both.len());
        assert_eq!(feed(&thinned), None);
    }

    #[test]
    fn an_oscillators_jump_is_a_line_through_both_directions() {
        use Way::{Down, Up};
        // 3 ppm from 0.4 s on.
        let at = |time: f64| 3000.0 * (time - 0.4);
        let (jump, after) = feed(&[
            (Down, 0.5, at(0.5)),
            (Up, 0.9, -at(0.9)),
            (Down, 1.5, at(1.5) + 4.0),
            (Up, 1.7, -at(1.7)),
        ])
        .expect("a jump");
        assert!(after <= 3 && jump.is_frequency && (jump.pace - 3000.0).abs() < 30.0, "{after} {jump:?}");
        assert!((jump.by - at(1.5)).abs() < 30.0, "{jump:?}");
    }

    #[test]
    fn queueing_and_longer_paths_are_no_jumps() {
        use Way::{Down, Up};
        let mut rng = Rng::stream(3, 9);
        let queued: Vec<_> = (1..4000)
            .map(|i| {
                (if i % 2 == 0 { Down } else { Up }, 0.5 * f64::from(i), 9000.0 * rng.exponential() - 20.0)
            })
            .collect();
        assert_eq!(feed(&queued), None);
        let longer: Vec<_> =
            (1..100).map(|i| (if i % 2 == 0 { Down } else { Up }, 0.5 * f64::from(i), 3000.0)).collect();
        assert_eq!(feed(&longer), None);
        let shorter: Vec<_> = longer.iter().map(|(way, time, _)| (*way, *time, -3000.0)).collect();
        assert_eq!(feed(&shorter), None);
    }

    #[test]
    fn early_ones_come_first() {
        let noises = learnt();
        let mut jumps = Jumps::new();
        for (i, deviation) in [500.0, -30.0, 900.0].into_iter().enumerate() {
            let raw = Raw { way: Way::Up, time: i as f64, value: deviation };
            assert_eq!(jumps.push(&raw, deviation, 1.0, &noises, &PATH, &Known::default()), None);
        }
        let order: Vec<f64> = jumps.last(2).map(|raw| raw.value).collect();
        assert_eq!(order, [-30.0, 900.0]);
    }
}
