//! Which of several sources are right: the largest set whose error intervals have a point in common (Marzullo), if it is
//! more than half of them; and how one of them stands before the others.

/// One source's word on the clock's offset, ns: the clock minus the source, give or take the radius.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The clock minus the source, ns.
    pub offset: f64,
    /// The true offset is no further from that, if the source is right; ns, not negative.
    pub radius: f64,
}

impl Estimate {
    /// The intervals have a point in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        (self.offset - other.offset).abs() <= self.radius + other.radius
    }
}

/// What the majority says.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Per estimate: it is one of the majority.
    pub members: Vec<bool>,
    /// The members' mean, the better the radius the more it counts; ns.
    pub offset: f64,
    /// The true offset is no further from that, if the majority is right; ns.
    pub radius: f64,
}

/// The fewest sources that make a majority: one alone convinces nobody.
const FEWEST: usize = 2;

/// Finds the majority; `None`: there is none, or there are two: where a wide interval agrees with as many on one side as on
/// the other, nobody knows which of them are false. Estimates that are not numbers count as sources that say nonsense.
pub fn intersect(estimates: &[Estimate]) -> Option<Verdict> {
    // Ends of intervals: the beginning of one at the end of another touches it.
    let mut edges: Vec<(f64, bool)> = Vec::with_capacity(2 * estimates.len());
    for e in estimates.iter().filter(|e| is_sound(e)) {
        edges.push((e.offset - e.radius, true));
        edges.push((e.offset + e.radius, false));
    }
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let (mut depth, mut most) = (0usize, 0usize);
    let (mut common, mut another) = ((0.0, 0.0), false);
    for (i, (at, begins)) in edges.iter().enumerate() {
        if *begins {
            depth += 1;
            another |= depth == most;
            if depth > most {
                (most, another) = (depth, false);
                let end = edges.iter().skip(i + 1).find(|e| !e.1).map_or(*at, |e| e.0);
                common = (*at, end);
            }
        } else {
            depth = depth.saturating_sub(1);
        }
    }
    if most < FEWEST || 2 * most <= estimates.len() || another {
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

/// How one source stands before all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// The most sources that agree on a time that is possible by this one; it counts itself.
    pub with: usize,
    /// The most that agree on a time that is impossible by this one.
    pub against: usize,
}

impl Standing {
    /// More than half of `voters` agree that this one is wrong, and more than agree with it. A tie condemns nobody.
    pub const fn is_outvoted(self, voters: usize) -> bool {
        self.against > self.with && 2 * self.against > voters
    }
}

/// Counts who agrees with `own` and who agrees against it, among all the `others`. Estimates that are not numbers agree with
/// nobody; an `own` that is none has everybody against it.
pub fn standing(own: &Estimate, others: &[Estimate]) -> Standing {
    let sound: Vec<&Estimate> = others.iter().filter(|e| is_sound(e)).collect();
    let own_is_sound = is_sound(own);
    let possible = |at: f64| (at - own.offset).abs() <= own.radius;
    let agree = |at: f64| sound.iter().filter(|e| (at - e.offset).abs() <= e.radius).count();
    let mut standing = Standing { with: usize::from(own_is_sound), against: 0 };
    if !own_is_sound {
        let ends = sound.iter().map(|e| e.offset - e.radius);
        return Standing { against: ends.map(agree).max().unwrap_or(0), ..standing };
    }
    // The most agree at an end of an interval; outside of `own` perhaps just beyond its ends.
    let own_ends = [own.offset - own.radius, own.offset + own.radius];
    for at in own_ends {
        standing.with = standing.with.max(1 + agree(at));
    }
    let ends = sound.iter().flat_map(|e| [e.offset - e.radius, e.offset + e.radius]);
    for at in ends.chain([own_ends[0].next_down(), own_ends[1].next_up()]) {
        if possible(at) {
            standing.with = standing.with.max(1 + agree(at));
        } else {
            standing.against = standing.against.max(agree(at));
        }
    }
    standing
}

fn is_sound(e: &Estimate) -> bool {
    e.offset.is_finite() && e.radius.is_finite() && e.radius >= 0.0
}

/// The slope of a change of sources reaches its full rate within this time, and ends likewise, s: longer than servos with
/// linuxptp's gains ring.
const RAMP: f64 = 10.0;

/// Turns jumps of the selection into slopes: what is fed to the servo goes on from where it was, and comes to the new
/// value at a bounded rate.
#[derive(Clone, Debug)]
pub struct Bridge {
    max_slew_ppb: f64,
    members: Vec<usize>,
    fed: Option<f64>,
    /// What the fed offset is still away from the selected one, ns.
    carry: f64,
    /// At which the rest is being slewed, ppb.
    speed: f64,
    last: u64,
}

impl Bridge {
    /// At most so fast.
    pub fn new(max_slew_ppb: f64) -> Self {
        Self { max_slew_ppb, members: Vec::new(), fed: None, carry: 0.0, speed: 0.0, last: 0 }
    }

    /// Another rate from now on, ppb.
    pub const fn set_max_slew(&mut self, ppb: f64) {
        self.max_slew_ppb = ppb;
    }

    /// The offset to feed at `now` (ns), given the selected one and who stands behind it. `locked`: the servo tracks, so
    /// that its offset must not jump; before that the jump is what brings it there.
    pub fn feed(&mut self, offset: f64, members: &[usize], now: u64, locked: bool) -> f64 {
        let elapsed = now.saturating_sub(self.last) as f64;
        self.last = now;
        if !locked {
            (self.carry, self.speed) = (0.0, 0.0);
        } else {
            self.slew(elapsed * 1e-9);
            if members != self.members
                && let Some(fed) = self.fed
            {
                self.carry = fed - offset;
                self.speed = 0.0;
            }
        }
        if members != self.members {
            self.members = members.to_vec();
        }
        let fed = offset + self.carry;
        self.fed = Some(fed);
        fed
    }

    /// Goes on for `elapsed` seconds. The slope begins and ends softly: at a corner a servo overshoots the rate.
    fn slew(&mut self, elapsed: f64) {
        // ppb in one call, and ns that are too few for a slope.
        let softer = self.max_slew_ppb * (elapsed / RAMP).min(1.0);
        let little = softer * elapsed;
        let far = self.carry.abs();
        if far <= little {
            (self.carry, self.speed) = (0.0, 0.0);
            return;
        }
        // Such that it can still come to rest at the end.
        let braking = (2.0 * softer * far / elapsed.max(1e-9)).sqrt();
        self.speed = (self.speed + softer).min(self.max_slew_ppb).min(braking.max(softer));
        let room = self.speed * elapsed;
        self.carry -= self.carry.clamp(-room, room);
    }

    /// The sources have other numbers from now on: what they agree on is bridged as after any other change of them.
    pub fn renumbered(&mut self) {
        self.members = vec![usize::MAX];
    }

    /// The clock itself was stepped: nothing of before counts.
    pub fn reset(&mut self) {
        self.fed = None;
        self.carry = 0.0;
        self.speed = 0.0;
    }

    /// What is still to be slewed, ns.
    pub fn rest(&self) -> f64 {
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
    fn a_wide_one_does_not_choose_between_two() {
        // Either of the narrow ones may be the liar, in whatever order they stand.
        for liar in [-100.0, 100.0] {
            assert_eq!(intersect(&[e(0.0, 1.0), e(liar, 1.0), e(0.0, 500.0)]), None);
            let pairs = [e(0.0, 1.0), e(0.5, 1.0), e(liar, 1.0), e(liar + 0.5, 1.0), e(10.0, 500.0)];
            assert_eq!(intersect(&pairs), None);
            // One more decides.
            let v = intersect(&[e(0.0, 1.0), e(liar, 1.0), e(0.0, 500.0), e(0.5, 1.0)]).expect("a majority");
            assert_eq!(v.members, [true, false, true, true]);
        }
        // A chain: the first and the last cannot both be right.
        assert_eq!(intersect(&[e(0.0, 10.0), e(15.0, 10.0), e(30.0, 10.0)]), None);
    }

    #[test]
    fn one_stands_before_the_others() {
        let own = e(0.0, 10.0);
        let of = |others: &[Estimate]| {
            let s = standing(&own, others);
            (s.with, s.against, s.is_outvoted(1 + others.len()))
        };
        assert_eq!(of(&[]), (1, 0, false));
        // One against one: nobody knows.
        assert_eq!(of(&[e(100.0, 5.0)]), (1, 1, false));
        // A liar alone, and one that agrees.
        assert_eq!(of(&[e(100.0, 5.0), e(3.0, 5.0)]), (2, 1, false));
        // Two that agree with each other.
        assert_eq!(of(&[e(100.0, 5.0), e(104.0, 5.0)]), (1, 2, true));
        // Two that do not.
        assert_eq!(of(&[e(100.0, 5.0), e(-100.0, 5.0)]), (1, 1, false));
        // A coarse one that holds both for possible decides nothing by itself.
        assert_eq!(of(&[e(50.0, 1000.0), e(60.0, 5.0)]), (2, 2, false));
        assert_eq!(of(&[e(50.0, 1000.0), e(60.0, 5.0), e(61.0, 5.0)]), (2, 3, true));
        // Wide ones on both sides agree with it.
        assert_eq!(of(&[e(50.0, 45.0), e(-50.0, 45.0)]), (2, 1, false));
        // Nonsense agrees with nobody, and counts as a voter.
        assert_eq!(of(&[e(f64::NAN, 1.0), e(100.0, 5.0), e(101.0, 5.0)]), (1, 2, false));
        let s = standing(&e(f64::NAN, 1.0), &[e(0.0, 1.0)]);
        assert_eq!((s.with, s.against), (0, 1));
        // Nobody is further from all than beyond the ends of its own interval.
        assert_eq!(of(&[e(0.0, 20.0), e(0.0, 20.0)]), (3, 2, false));
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
        let mut ambiguous = 0;
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
            let Some(v) = intersect(&estimates) else {
                // As many agree with the liars: at two places that no one interval joins.
                let end = |e: &Estimate| [e.offset - e.radius, e.offset + e.radius];
                let depth = |at: f64| estimates.iter().map(end).filter(|[l, h]| *l <= at && at <= *h).count();
                let mut places: Vec<f64> = estimates.iter().flat_map(end).collect();
                places.sort_by(f64::total_cmp);
                let between: Vec<f64> = places.windows(2).map(|w| f64::midpoint(w[0], w[1])).collect();
                places.extend(between);
                places.sort_by(f64::total_cmp);
                let depths: Vec<usize> = places.into_iter().map(depth).collect();
                let most = depths.iter().copied().max().expect("some");
                let begins = depths.windows(2).filter(|w| w[0] < most && w[1] == most).count();
                assert!(begins > 1, "{estimates:?}");
                ambiguous += 1;
                continue;
            };
            assert!(v.members.iter().filter(|m| **m).count() > n / 2);
            // The largest set has a truthful one in it, and so is near: within its interval and the members' spread.
            let widest = estimates.iter().map(|e| e.radius).fold(0.0, f64::max);
            assert!(v.offset.abs() <= 2.0 * widest, "{v:?} of {estimates:?}");
        }
        assert!(ambiguous < 2_000, "{ambiguous} of 20 000");
    }

    #[test]
    fn a_change_of_sources_is_a_slope() {
        let mut b = Bridge::new(10_000.0);
        let second = 1_000_000_000;
        assert_eq!(b.feed(100.0, &[0, 1, 2], second, true), 100.0);
        assert_eq!(b.feed(110.0, &[0, 1, 2], 2 * second, true), 110.0);
        // One is out: the rest say 50 us more.
        assert_eq!(b.feed(50_000.0, &[0, 1], 3 * second, true), 110.0);
        // Never faster than 10 us each second, never with a corner, never too far, and done.
        let (mut last, mut rate, mut s, mut fastest): (f64, f64, u64, f64) = (110.0, 0.0, 3, 0.0);
        while b.rest() != 0.0 {
            s += 1;
            let next = b.feed(50_000.0, &[0, 1], s * second, true);
            assert!(next <= 50_000.0 && next - last <= 10_000.0 + 1e-6, "{next} after {last}");
            assert!((next - last - rate).abs() < 2_500.0, "{next} after {last}, before by {rate}");
            (rate, last) = (next - last, next);
            fastest = fastest.max(rate);
        }
        assert!(last == 50_000.0 && fastest > 5_000.0 && s < 40, "{last}, at most {fastest}, at {s} s");
        // A servo that is not there yet gets it at once.
        assert_eq!(b.feed(-7.0, &[0, 1, 2], 50 * second, false), -7.0);
        b.reset();
        assert_eq!(b.feed(3.0, &[0], 51 * second, true), 3.0);
    }
}
