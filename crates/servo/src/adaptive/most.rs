//! What most messages take, where the kernel stamps them.
//!
//! A message waits until a processor comes to it, or finds one at work: two ways through the kernel, some 15 us apart, each
//! hardly scattered. The earlier one is no truer than the other; what is true is that both directions know the same two.
//! So ways of the same kind belong together, and of two kinds the one that both directions take more often.

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

/// Where half of the values are nearest to each other; `values` in order.
fn densest(values: &[f64]) -> Option<(f64, f64)> {
    let (from, to) = values
        .windows(values.len() / 2 + 1)
        .filter_map(|w| Some((*w.first()?, *w.last()?)))
        .min_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))?;
    // Half of normal noise lies within 0.67 deviations.
    Some(((from + to) / 2.0, (to - from) / 1.35))
}

/// The way that most messages take, and another one, if there is one.
pub(super) fn clusters(scratch: &mut Vec<f64>, values: impl Iterator<Item = f64>) -> [Option<Cluster>; 2] {
    scratch.clear();
    scratch.extend(values);
    scratch.sort_unstable_by(f64::total_cmp);
    let all = scratch.len() as f64;
    let mut find = |main: Option<Cluster>| {
        let (at, width) = densest(scratch)?;
        let is_near = |v: &f64| (v - at).abs() <= FAR * width;
        let near = scratch.iter().filter(|v| is_near(v)).count();
        let apart = main.is_none_or(|main| (main.at - at).abs() > APART * width.max(main.width));
        scratch.retain(|v| !is_near(v));
        let enough = near >= LEAST_CLUSTER && near as f64 >= LEAST_SHARE * all;
        (apart && enough).then_some(Cluster { at, width, share: near as f64 / all })
    };
    let main = find(None);
    [main, main.and_then(|main| find(Some(main)))]
}

/// The ways of both directions that belong together: where both know the same two, none is paired with the other one.
/// And whether what most take in each direction does not belong together.
pub(super) fn pair(
    down: &[Option<Cluster>; 2],
    up: &[Option<Cluster>; 2],
) -> Option<((Cluster, Cluster), bool)> {
    let (d0, u0) = (down[0]?, up[0]?);
    let (Some(d1), Some(u1)) = (down[1], up[1]) else { return Some(((d0, u0), false)) };
    let (d, u) = (d1.at - d0.at, u1.at - u0.at);
    let same = FAR * d0.width.max(d1.width).max(u0.width).max(u1.width);
    if (d + u).abs() > same || (d - u).abs() <= same {
        return Some(((d0, u0), false));
    }
    // Crosswise: what most take down is what few take up.
    Some((if d0.share * u1.share >= d1.share * u0.share { (d0, u1) } else { (d1, u0) }, true))
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
    /// Only of use while looking.
    scratch: Vec<f64>,
}

impl Most {
    /// Takes its memory here if it is `used` at all.
    pub(super) fn new(used: bool) -> Self {
        let room = if used { KEPT } else { 0 };
        let ring = || VecDeque::with_capacity(room);
        Self { down: ring(), up: ring(), count: 0, alternating: 0, scratch: Vec::with_capacity(room) }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.down.clear();
        self.up.clear();
        self.count = 0;
        self.alternating = 0;
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
        let down = clusters(&mut self.scratch, self.down.iter().copied());
        let up = clusters(&mut self.scratch, self.up.iter().copied());
        let ((d, u), crosswise) = pair(&down, &up)?;
        if (d.at - u.at).abs() <= FAR * d.width.hypot(u.width) {
            self.alternating = 0;
            return None;
        }
        // Later what most take may have changed for good: the path, and no reason to move the clock. If some still come the
        // other way when none of those are kept from which the change was seen, there are two ways.
        let stays = |ways: &[Option<Cluster>; 2]| ways.iter().flatten().any(|c| c.at.abs() <= FAR * c.width);
        self.alternating = if stays(&down) && stays(&up) { self.alternating + 1 } else { 0 };
        if !crosswise && self.count > YOUNG && self.alternating * OFTEN <= 2 * KEPT {
            return None;
        }
        self.alternating = 0;
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
