//! Which of several sources are right: the largest set whose error intervals have a point in common (Marzullo), if it is
//! more than half of them.

/// One source's word on the clock's offset, ns: the clock minus the source, give or take the radius.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) offset: f64,
    pub(crate) radius: f64,
}

/// What the majority says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    /// Per estimate: it is one of the majority.
    pub(crate) members: Vec<bool>,
    /// The members' mean, the better the radius the more it counts; ns.
    pub(crate) offset: f64,
    /// The true offset is no further from that, if the majority is right; ns.
    pub(crate) radius: f64,
}

/// The fewest sources that make a majority: one alone convinces nobody.
const FEWEST: usize = 2;

/// Finds the majority; `None`: there is none. Estimates that are not numbers count as sources that say nonsense.
pub(crate) fn intersect(estimates: &[Estimate]) -> Option<Verdict> {
    // Ends of intervals: the beginning of one at the end of another touches it.
    let mut edges: Vec<(f64, bool)> = Vec::with_capacity(2 * estimates.len());
    for e in estimates.iter().filter(|e| is_sound(e)) {
        edges.push((e.offset - e.radius, true));
        edges.push((e.offset + e.radius, false));
    }
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let (mut depth, mut most) = (0usize, 0usize);
    let mut common = (0.0, 0.0);
    for (i, (at, begins)) in edges.iter().enumerate() {
        if *begins {
            depth += 1;
            if depth > most {
                most = depth;
                let end = edges.iter().skip(i + 1).find(|e| !e.1).map_or(*at, |e| e.0);
                common = (*at, end);
            }
        } else {
            depth = depth.saturating_sub(1);
        }
    }
    if most < FEWEST || 2 * most <= estimates.len() {
        return None;
    }
    let (low, high) = common;
    let members: Vec<bool> = estimates
        .iter()
        .map(|e| is_sound(e) && e.offset - e.radius <= high && e.offset + e.radius >= low)
        .collect();
    let (mut sum, mut weights) = (0.0, 0.0);
    for (e, member) in estimates.iter().zip(&members) {
        if *member {
            // A perfect source leaves the others some say.
            let weight = 1.0 / (e.radius * e.radius + 1.0);
            sum += weight * e.offset;
            weights += weight;
        }
    }
    let offset = (sum / weights).clamp(low, high);
    Some(Verdict { members, offset, radius: (high - offset).max(offset - low) })
}

fn is_sound(e: &Estimate) -> bool {
    e.offset.is_finite() && e.radius.is_finite() && e.radius >= 0.0
}

/// Turns jumps of the selection into slopes: what is fed to the servo goes on from where it was, and comes to the new
/// value at a bounded rate.
#[derive(Clone, Debug)]
pub(crate) struct Bridge {
    max_slew_ppb: f64,
    members: Vec<usize>,
    fed: Option<f64>,
    /// What the fed offset is still away from the selected one, ns.
    carry: f64,
    last: u64,
}

impl Bridge {
    pub(crate) fn new(max_slew_ppb: f64) -> Self {
        Self { max_slew_ppb, members: Vec::new(), fed: None, carry: 0.0, last: 0 }
    }

    /// Another rate from now on, ppb.
    pub(crate) fn set_max_slew(&mut self, ppb: f64) {
        self.max_slew_ppb = ppb;
    }

    /// The offset to feed at `now` (ns), given the selected one and who stands behind it. `locked`: the servo tracks, so
    /// that its offset must not jump; before that the jump is what brings it there.
    pub(crate) fn feed(&mut self, offset: f64, members: &[usize], now: u64, locked: bool) -> f64 {
        let elapsed = now.saturating_sub(self.last) as f64;
        self.last = now;
        if !locked {
            self.carry = 0.0;
        } else {
            let room = self.max_slew_ppb * elapsed * 1e-9;
            self.carry -= self.carry.clamp(-room, room);
            if members != self.members
                && let Some(fed) = self.fed
            {
                self.carry = fed - offset;
            }
        }
        if members != self.members {
            self.members = members.to_vec();
        }
        let fed = offset + self.carry;
        self.fed = Some(fed);
        fed
    }

    /// The clock itself was stepped: nothing of before counts.
    pub(crate) fn reset(&mut self) {
        self.fed = None;
        self.carry = 0.0;
    }

    /// What is still to be slewed, ns.
    pub(crate) fn rest(&self) -> f64 {
        self.carry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn e(offset: f64, radius: f64) -> Estimate {
        Estimate { offset, radius }
    }

    #[test]
    fn a_liar_is_outvoted() {
        let v = intersect(&[e(0.0, 10.0), e(5.0, 10.0), e(1e6, 10.0)]).expect("a majority");
        assert_eq!(v.members, [true, true, false]);
        assert!((v.offset - 2.5).abs() < 1e-9 && v.radius <= 7.5, "{v:?}");
    }

    #[test]
    fn the_better_one_counts_more_and_stays_within() {
        let v = intersect(&[e(0.0, 1.0), e(50.0, 100.0), e(-20.0, 100.0)]).expect("a majority");
        assert_eq!(v.members, [true, true, true]);
        assert!(v.offset.abs() < 0.1, "{v:?}");
        assert!(v.radius <= 1.1);
    }

    #[test]
    fn without_a_majority_nothing_is_said() {
        assert_eq!(intersect(&[]), None);
        assert_eq!(intersect(&[e(0.0, 1.0)]), None);
        assert_eq!(intersect(&[e(0.0, 1.0), e(10.0, 1.0)]), None);
        // Two against two.
        assert_eq!(intersect(&[e(0.0, 1.0), e(0.5, 1.0), e(100.0, 1.0), e(100.5, 1.0)]), None);
        // A source that says nonsense still counts as one.
        assert_eq!(intersect(&[e(0.0, 1.0), e(f64::NAN, 1.0), e(0.0, -1.0), e(0.5, 1.0)]), None);
        let v = intersect(&[e(0.0, 1.0), e(f64::NAN, 1.0), e(0.5, 1.0)]).expect("a majority");
        assert_eq!(v.members, [true, false, true]);
    }

    #[test]
    fn intervals_that_touch_agree() {
        let v = intersect(&[e(0.0, 1.0), e(2.0, 1.0)]).expect("both");
        assert_eq!((v.offset, v.members), (1.0, vec![true, true]));
    }

    #[test]
    fn for_any_majority_of_truthful_sources_the_truth_is_within() {
        // Truthful ones contain 0; the others say anything.
        let mut seed = 7u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as f64 / f64::from(1u32 << 31)
        };
        for round in 0..20_000 {
            let n = 3 + round % 6;
            let liars = (n - 1) / 2;
            let estimates: Vec<Estimate> = (0..n)
                .map(|i| {
                    let radius = 1.0 + 100.0 * random();
                    if i < liars {
                        e(1_000.0 * (random() - 0.5), radius)
                    } else {
                        e(radius * (2.0 * random() - 1.0), radius)
                    }
                })
                .collect();
            let v = intersect(&estimates).expect("the truthful are a majority");
            assert!(v.members.iter().filter(|m| **m).count() > n / 2);
            // The largest set has a truthful one in it, and so is near: within its interval and the members' spread.
            let widest = estimates.iter().map(|e| e.radius).fold(0.0, f64::max);
            assert!(v.offset.abs() <= 2.0 * widest, "{v:?} of {estimates:?}");
        }
    }

    #[test]
    fn a_change_of_sources_is_a_slope() {
        let mut b = Bridge::new(10_000.0);
        let second = 1_000_000_000;
        assert_eq!(b.feed(100.0, &[0, 1, 2], second, true), 100.0);
        assert_eq!(b.feed(110.0, &[0, 1, 2], 2 * second, true), 110.0);
        // One is out: the rest say 50 us more.
        assert_eq!(b.feed(50_000.0, &[0, 1], 3 * second, true), 110.0);
        let next = b.feed(50_000.0, &[0, 1], 4 * second, true);
        assert!((next - 10_110.0).abs() < 1e-6, "{next}");
        for s in 5..=8 {
            b.feed(50_000.0, &[0, 1], s * second, true);
        }
        assert_eq!(b.rest(), 0.0);
        // A servo that is not there yet gets it at once.
        assert_eq!(b.feed(-7.0, &[0, 1, 2], 9 * second, false), -7.0);
        b.reset();
        assert_eq!(b.feed(3.0, &[0], 10 * second, true), 3.0);
    }
}
