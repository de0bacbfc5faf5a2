//! What most messages take, where the kernel stamps them.
//!
//! There are two ways through the kernel, some 20 us apart, each hardly scattered: the quick one right behind another
//! message, while the path is in the caches, and the slow one for a message that comes alone. The earlier one is no truer
//! than the other; what is true is that both directions know the same two. So ways of the same kind belong together: which
//! kind most messages of a direction take show those that come before them.

use std::collections::VecDeque;

use super::moves::Way;

/// So many deviations are kept for each direction.
const KEPT: usize = 256;
/// They are looked at after so many more.
const OFTEN: usize = 64;
/// What most take is learnt from so many at first.
const YOUNG: usize = 512;
/// A way is another one beyond so many deviations.
const FAR: f64 = 3.0;
/// Two ways are two if they are so many deviations apart.
const APART: f64 = 5.0;
/// And if so many messages took each.
const LEAST_CLUSTER: usize = 4;
/// And this share of all.
const LEAST_SHARE: f64 = 0.04;
/// Messages are early against most beyond so many deviations.
const EARLY: f64 = 4.0;
/// Some are if so many are.
const LEAST_EARLY: usize = 2;
/// And none is if no more than this share is.
const MOST_EARLY: f64 = 0.01;
/// Half of the early ones are early by this much of what is between the two ways: some wait a little.
const EARLY_BY: (f64, f64) = (0.25, 1.2);
/// The other way is taken by this share at least in one direction: what fewer take is waiting in a queue.
const LEAST_SECOND: f64 = 0.2;

/// Values near each other, ns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cluster {
    pub(super) at: f64,
    /// Deviation.
    pub(super) width: f64,
    /// Of all values.
    share: f64,
}

impl Cluster {
    /// It is not where it was expected.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.at.abs() > FAR * self.width
    }
}

/// Where a quarter of the values are nearest to each other, and how far those around that are scattered; `values` in order.
fn densest(values: &[f64]) -> Option<(f64, f64)> {
    let (from, to) = values
        .windows(values.len() / 4 + 1)
        .filter_map(|w| Some((*w.first()?, *w.last()?)))
        .min_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))?;
    // A quarter of normal noise lies within 0.32 deviations, half of it within 0.67.
    let (at, reach) = ((from + to) / 2.0, FAR * (to - from) / 0.64);
    let around = values.partition_point(|v| *v < at - reach)..values.partition_point(|v| *v <= at + reach);
    let around = values.get(around)?;
    let (low, middle, high) =
        (around.get(around.len() / 4)?, around.get(around.len() / 2)?, around.get(around.len() * 3 / 4)?);
    Some((*middle, (high - low) / 1.35))
}

/// Which of the two ways most messages of a direction take, as far as those say that come before them: late is many a thing,
/// early is only who did not have to wait.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// None is earlier than most.
    Quick,
    /// Some are, by this much, ns (half of them by less).
    Slow(f64),
    /// So few that nobody knows.
    Unknown,
}

/// The ways that one direction's messages take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ways {
    /// The way of most.
    main: Cluster,
    /// Another one.
    other: Option<Cluster>,
    kind: Kind,
}

impl Ways {
    /// One of them is where messages were expected.
    fn any_at_floor(&self) -> bool {
        [Some(self.main), self.other].into_iter().flatten().any(|c| !c.is_elsewhere())
    }
}

/// Takes the way of most of these out of them, if they are enough of `all` and this is another one than `main`.
fn take(values: &mut Vec<f64>, all: usize, main: Option<&Cluster>) -> Option<Cluster> {
    let (at, width) = densest(values)?;
    let is_near = |v: &f64| (v - at).abs() <= FAR * width;
    let near = values.iter().filter(|v| is_near(v)).count();
    values.retain(|v| !is_near(v));
    let share = near as f64 / all as f64;
    let apart = main.is_none_or(|main| (main.at - at).abs() > APART * width.max(main.width));
    (apart && near >= LEAST_CLUSTER && share >= LEAST_SHARE).then_some(Cluster { at, width, share })
}

/// The ways of these messages.
pub(super) fn ways(scratch: &mut Vec<f64>, values: impl Iterator<Item = f64>) -> Option<Ways> {
    scratch.clear();
    scratch.extend(values);
    scratch.sort_unstable_by(f64::total_cmp);
    let all = scratch.len();
    let main = take(scratch, all, None)?;
    let early = scratch.partition_point(|v| *v < main.at - EARLY * main.width);
    let kind = match scratch.get(early / 2) {
        Some(v) if early >= LEAST_EARLY && early as f64 >= LEAST_SHARE * all as f64 => {
            Kind::Slow(main.at - v)
        }
        _ if early as f64 <= MOST_EARLY * all as f64 => Kind::Quick,
        _ => Kind::Unknown,
    };
    Some(Ways { main, other: take(scratch, all, Some(&main)), kind })
}

/// Which ways of both directions belong together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pairing {
    /// What most take in each.
    Most,
    /// Most of one direction take the quick way, most of the other the slow one: what fewer take in one of them.
    Crosswise,
    /// So it is, but nobody takes that way.
    Apart,
}

/// The ways of both directions that belong together.
pub(super) fn pair(down: &Ways, up: &Ways) -> ((Cluster, Cluster), Pairing) {
    let most = (down.main, up.main);
    // That none of few came early says little, that some did says all: then most take the slow way.
    let (quick, slow, early) = match (down.kind, up.kind) {
        (Kind::Quick, Kind::Slow(early)) => (down, up, early),
        (Kind::Slow(early), Kind::Quick) => (up, down, early),
        _ => return (most, Pairing::Most),
    };
    let Some(second) = quick.other else { return (most, Pairing::Apart) };
    let apart = second.at - quick.main.at;
    let same = FAR * second.width.max(quick.main.width).max(slow.main.width).min(apart / FAR);
    let enough = |c: Cluster| c.share >= LEAST_SECOND;
    let (q, s) = match slow.other {
        // Both know the same two, and what most take in one is what few take in the other.
        Some(other)
            if (slow.main.at - other.at - apart).abs() <= same && (enough(other) || enough(second)) =>
        {
            let to_quick = quick.main.share * other.share >= second.share * slow.main.share;
            if to_quick { (quick.main, other) } else { (second, slow.main) }
        }
        _ if enough(second) && early > EARLY_BY.0 * apart && early < EARLY_BY.1 * apart => {
            (second, slow.main)
        }
        _ => return (most, Pairing::Most),
    };
    (if down.kind == Kind::Quick { (q, s) } else { (s, q) }, Pairing::Crosswise)
}

/// Watches which ways messages take.
#[derive(Clone, Debug)]
pub(super) struct Most {
    down: VecDeque<f64>,
    up: VecDeque<f64>,
    /// Messages so far.
    count: usize,
    /// Looks in a row that found most elsewhere, and some where all were thought to be.
    alternating: usize,
    /// What fewer take was chosen.
    crosswise: bool,
    /// Only of use while looking.
    scratch: Vec<f64>,
}

impl Most {
    /// Takes its memory here if it is `used` at all.
    pub(super) fn new(used: bool) -> Self {
        let room = if used { KEPT } else { 0 };
        let ring = || VecDeque::with_capacity(room);
        Self {
            down: ring(),
            up: ring(),
            count: 0,
            alternating: 0,
            crosswise: false,
            scratch: Vec::with_capacity(room),
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.down.clear();
        self.up.clear();
        self.count = 0;
        self.alternating = 0;
        self.crosswise = false;
    }

    /// The beginning ended with floors that were paired like this.
    pub(super) fn begin(&mut self, pairing: Pairing) {
        self.crosswise = pairing == Pairing::Crosswise;
    }

    /// Takes a deviation from the floor that the beginning had, ns; gives where the floors that belong together are, down
    /// and up, if these are others.
    pub(super) fn push(&mut self, way: Way, deviation: f64) -> Option<(f64, f64)> {
        let ring = if way == Way::Down { &mut self.down } else { &mut self.up };
        if ring.len() >= KEPT {
            ring.pop_front();
        }
        ring.push_back(deviation);
        self.count = self.count.saturating_add(1);
        if !self.count.is_multiple_of(OFTEN) || self.count < 2 * OFTEN {
            return None;
        }
        let down = ways(&mut self.scratch, self.down.iter().copied())?;
        let up = ways(&mut self.scratch, self.up.iter().copied())?;
        let ((d, u), pairing) = pair(&down, &up);
        if (d.at - u.at).abs() <= FAR * d.width.hypot(u.width) {
            self.alternating = 0;
            return None;
        }
        // Later what most take may have changed for good: the path, and no reason to move the clock. If some still come the
        // other way when none of those are kept from which the change was seen, there are two ways.
        let stays = down.any_at_floor() && up.any_at_floor();
        self.alternating = if stays { self.alternating + 1 } else { 0 };
        let lasts = self.alternating * OFTEN > 2 * KEPT || self.count <= YOUNG;
        let convinced = match pairing {
            // Who chose what fewer take keeps to it while they do.
            Pairing::Most if self.crosswise => !stays,
            Pairing::Most => lasts,
            Pairing::Crosswise => true,
            Pairing::Apart => lasts && !self.crosswise,
        };
        if !convinced {
            return None;
        }
        self.alternating = 0;
        self.crosswise = pairing == Pairing::Crosswise;
        self.down.iter_mut().for_each(|v| *v -= d.at);
        self.up.iter_mut().for_each(|v| *v -= u.at);
        Some((d.at, u.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Rng;

    /// Feeds pairs of which these shares take the quick way, 13 us before the other one; the beginning had these floors.
    fn feed(quick: (f64, f64), began: (f64, f64), pairs: usize) -> Vec<(usize, (f64, f64))> {
        let mut rng = Rng::stream(5, 5);
        let mut most = Most::new(true);
        let mut found = Vec::new();
        let mut now = began;
        for i in 0..pairs {
            for (way, share) in [(Way::Down, quick.0), (Way::Up, quick.1)] {
                let at = if rng.chance(share) { 9_000.0 } else { 22_000.0 };
                let wait = if rng.chance(0.05) { 50_000.0 * rng.exponential() } else { 0.0 };
                let floor = if way == Way::Down { now.0 } else { now.1 };
                if let Some(by) = most.push(way, at + 1_000.0 * rng.normal() + wait - floor) {
                    now = (now.0 + by.0, now.1 + by.1);
                    found.push((i, by));
                }
            }
        }
        found
    }

    #[test]
    fn ways_of_the_same_kind_belong_together() {
        let (quick, slow) = (9_000.0, 22_000.0);
        // Right from the beginning, with either kind.
        for began in [(quick, quick), (slow, slow)] {
            for quick in [(0.25, 0.05), (0.02, 0.02), (0.7, 0.4), (0.6, 0.9), (0.5, 0.5)] {
                let found = feed(quick, began, 1000);
                assert!(found.iter().all(|(_, by)| (by.0 - by.1).abs() < 2_000.0), "{quick:?} {found:?}");
            }
        }
        // One direction began with the other kind.
        for began in [(quick, slow), (slow, quick)] {
            for shares in [(0.25, 0.05), (0.05, 0.35), (0.02, 0.02), (0.7, 0.4), (0.6, 0.9)] {
                let found = feed(shares, began, 1000);
                let (d, u) = found.iter().fold(began, |at, (_, by)| (at.0 + by.0, at.1 + by.1));
                assert!((d - u).abs() < 2_000.0, "{shares:?} from {began:?}: {found:?}");
                assert!(found.first().is_some_and(|(i, _)| *i < YOUNG), "{found:?}");
            }
        }
    }

    /// Feeds pairs as the laboratory has them: half of those down are quick, hardly any of those up, where some are a little
    /// early. Gives how far the floors are apart at the end, and how often that changed.
    fn uneven(began: (f64, f64), quick_down: impl Fn(usize) -> f64, pairs: usize) -> (f64, usize) {
        let mut rng = Rng::stream(7, 5);
        let mut most = Most::new(true);
        let (mut now, mut changes) = (began, 0);
        for i in 0..pairs {
            for way in [Way::Down, Way::Up] {
                let slow = 27_000.0 + 1_500.0 * rng.normal();
                let at = match way {
                    Way::Down if rng.chance(quick_down(i)) => 4_500.0 + 700.0 * rng.normal(),
                    Way::Up if rng.chance(0.15) => slow - 18_000.0 * rng.unit(),
                    _ => slow,
                };
                let floor = if way == Way::Down { now.0 } else { now.1 };
                if let Some(by) = most.push(way, at - floor) {
                    now = (now.0 + by.0, now.1 + by.1);
                    changes += 1;
                }
            }
        }
        (now.0 - now.1, changes)
    }

    #[test]
    fn what_comes_early_tells_the_ways_apart() {
        let (quick, slow) = (4_500.0, 27_000.0);
        for share in [0.4, 0.5, 0.6, 0.7] {
            for began in [(quick, slow), (slow, slow)] {
                let (apart, changes) = uneven(began, |_| share, 2000);
                assert!(apart.abs() < 2_500.0, "{share} from {began:?}: {apart}");
                assert!(changes < 3, "{share} from {began:?}: {changes} changes");
            }
        }
        // Who found it out keeps to it when nobody takes that way for a while, and after it.
        let gone = |i: usize| if (1000..1500).contains(&i) { 1.0 } else { 0.5 };
        for end in [1400, 2000] {
            let (apart, changes) = uneven((quick, slow), gone, end);
            assert!(apart.abs() < 2_500.0 && changes < 3, "{end}: {apart}, {changes} changes");
        }
    }

    #[test]
    fn few_that_wait_in_a_queue_are_no_second_way() {
        let mut rng = Rng::stream(8, 5);
        let mut most = Most::new(true);
        for i in 0..4000 {
            let near = 1_500.0 * rng.normal();
            let down = if rng.chance(0.07) { 26_000.0 + 4_000.0 * rng.normal() } else { near };
            let up = if rng.chance(0.06) { -19_000.0 } else { 1_500.0 * rng.normal() };
            assert_eq!(most.push(Way::Down, down), None, "{i}");
            assert_eq!(most.push(Way::Up, up), None, "{i}");
        }
    }

    #[test]
    fn what_changes_later_for_good_is_the_path() {
        let mut most = Most::new(true);
        let mut rng = Rng::stream(6, 6);
        for i in 0..4000 {
            let by = if i > 1000 { 13_000.0 } else { 0.0 };
            assert_eq!(most.push(Way::Down, by + 1_000.0 * rng.normal()), None, "{i}");
            assert_eq!(most.push(Way::Up, 1_000.0 * rng.normal()), None, "{i}");
        }
    }
}
