//! Has a floor moved? Queueing makes messages late, each by its own wait; a path that became longer, a master that
//! stepped, make all of them late or early by the same.
//!
//! For each direction the last deviations are kept. A floor has moved by `d` if the learnt noise explains them far better
//! around `d` than around zero. What moved follows from both directions together:
//!
//! | down | up | what moved |
//! | --- | --- | --- |
//! | d | d | the path is longer or shorter by d |
//! | d | -d | the clock against the master: time itself |
//! | d | 0, and 0 | d: one direction only: asymmetry; the clock does not follow |
//! | d | e | path and asymmetry; the clock does not follow |
//! | d < 0 | nothing but queueing | time: the clock ran on its oscillator, and early is early |
//! | d > 0 | nothing but queueing | nobody knows yet |
//!
//! A floor that returns to where it has been before is no time that jumped, whatever the other direction does.

use super::known::Known;
use super::noise::Noise;

/// So many deviations are kept for each direction.
const KEPT: usize = 32;
/// A move is not looked for before so many in a row are off the floor.
const LEAST: usize = 5;
/// How much better (natural logarithm) the moved floor has to explain them.
const CONVINCED: f64 = 30.0;
/// The kernel's delays come in runs: there so many.
const LEAST_TO_THE_KERNEL: usize = 16;
/// What one direction alone does in the kernel, ns: shorter moves of its floor are none.
const KERNELS_OWN: f64 = 50_000.0;
/// Within so many deviations a measurement is at the floor.
const AT_FLOOR: f64 = 3.5;
/// The share of the prediction's variance that is not common to neighbouring measurements.
const COMMON: f64 = 0.1;
/// How long the other direction is waited for, in samples of this one.
const PATIENCE: usize = 16;

/// A message's direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Down,
    Up,
}

#[derive(Clone, Copy, Debug)]
struct Deviation {
    time: f64,
    value: f64,
    variance: f64,
}

impl Default for Deviation {
    /// None yet.
    fn default() -> Self {
        Self { time: f64::NEG_INFINITY, value: 0.0, variance: 0.0 }
    }
}

#[derive(Clone, Debug, Default)]
struct Side {
    ring: [Deviation; KEPT],
    next: usize,
    /// Deviations off the floor, on one side of it, since the last that was at it.
    off: usize,
    early: bool,
}

/// A floor found elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Floor {
    /// By how much, ns.
    pub(super) by: f64,
    /// Deviation of that, ns.
    pub(super) sigma: f64,
}

impl Side {
    fn push(&mut self, d: Deviation, noise: &Noise) {
        let limit = AT_FLOOR * (d.variance + noise.core2()).sqrt();
        let early = d.value < 0.0;
        if d.value.abs() <= limit {
            self.off = 0;
        } else if self.off > 0 && early != self.early {
            self.off = 1;
        } else {
            self.off = (self.off + 1).min(KEPT);
        }
        self.early = early;
        if let Some(place) = self.ring.get_mut(self.next) {
            *place = d;
        }
        self.next = (self.next + 1) % KEPT;
    }

    /// The last `n`, newest first.
    fn last(&self, n: usize) -> impl Iterator<Item = &Deviation> + Clone {
        let next = self.next;
        (0..n.min(KEPT)).filter_map(move |i| self.ring.get((next + KEPT - 1 - i) % KEPT))
    }

    /// Where the floor is, if it has clearly moved.
    fn moved(&self, noise: &Noise) -> Option<Floor> {
        let least = if noise.may_be_quick() { LEAST_TO_THE_KERNEL } else { LEAST };
        if self.off < least {
            return None;
        }
        let run = self.last(self.off);
        let here: f64 = run.clone().map(|d| noise.ln_density(d.value, d.variance)).sum();
        let there =
            |by: f64| -> f64 { run.clone().map(|d| noise.ln_density(d.value - by, d.variance)).sum::<f64>() };
        let (mut by, mut best) = (0.0, f64::NEG_INFINITY);
        for d in run.clone() {
            let l = there(d.value);
            if l > best {
                (by, best) = (d.value, l);
            }
        }
        if best - here < CONVINCED {
            return None;
        }
        // At least half of them have to be at the new floor, as near each other as the core's noise lets them: else it is
        // only the earliest of many that waited. That the clock is uncertain moves them all alike.
        let spread = |d: &Deviation| AT_FLOOR * (noise.core2() + COMMON * d.variance).sqrt();
        let middle = by;
        let near = run.clone().filter(|d| (d.value - middle).abs() <= spread(d));
        let n = near.clone().count();
        if 2 * n < self.off {
            return None;
        }
        let by = near.clone().map(|d| d.value).sum::<f64>() / n as f64;
        let variance = near.map(|d| d.variance).sum::<f64>() / n as f64;
        Some(Floor { by, sigma: (noise.core2() / n as f64 + variance).sqrt() })
    }

    /// Looking is work: it is done often at first, and under lasting load now and then.
    fn due(&self) -> bool {
        match self.off {
            0..LEAST => false,
            LEAST..12 => true,
            KEPT => self.next.is_multiple_of(8),
            n => n.is_multiple_of(4),
        }
    }

    fn began(&self) -> f64 {
        self.last(self.off).last().map_or(f64::INFINITY, |d| d.time)
    }

    /// How many came since then, and how many of them at the floor at the end.
    fn since(&self, time: f64) -> usize {
        self.last(KEPT).take_while(|d| d.time >= time).count()
    }
}

/// What was found; ns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Move {
    /// Both directions alike.
    Path(Floor),
    /// The clock against the master.
    Time(Floor),
    /// Down and up each for itself.
    Split(Option<Floor>, Option<Floor>),
}

/// What one direction says while the other has moved.
enum Other {
    /// It has not moved.
    AtFloor,
    /// Nothing, for long: it queues, or is lost. The clock has run on its oscillator meanwhile.
    Silent,
}

/// Watches both directions.
#[derive(Clone, Debug, Default)]
pub(super) struct Moves {
    down: Side,
    up: Side,
    /// What comes "up" is a delay that was measured by itself.
    peer: bool,
}

impl Moves {
    pub(super) fn new(peer: bool) -> Self {
        Self { peer, ..Self::default() }
    }

    /// Takes a deviation; gives what moved, as soon as it is clear.
    pub(super) fn push(
        &mut self,
        way: Way,
        time: f64,
        (value, variance): (f64, f64),
        (down, up): (&Noise, &Noise),
        known: &Known,
    ) -> Option<Move> {
        let d = Deviation { time, value, variance };
        match way {
            Way::Down => self.down.push(d, down),
            Way::Up => self.up.push(d, up),
        }
        let side = if way == Way::Down { &self.down } else { &self.up };
        if !side.due() {
            return None;
        }
        let (d, u) = (self.down.moved(down), self.up.moved(up));
        // What is known of the floor to which one returns is better than what a few messages say.
        let back = |way, floor: Option<Floor>, noise: &Noise| {
            let floor = floor?;
            let by = known.back(way, floor.by, 4.0 * floor.sigma + noise.core())?;
            Some(Floor { by, sigma: 0.0 })
        };
        let (db, ub) = (back(Way::Down, d, down), back(Way::Up, u, up));
        let is_back = db.is_some() || ub.is_some();
        let found = match (d, u) {
            (None, None) => return None,
            _ if self.peer => self.by_peer_delay(d, u)?,
            (Some(d), Some(u)) => {
                let near =
                    4.0 * (d.sigma * d.sigma + u.sigma * u.sigma).sqrt() + 0.02 * d.by.abs().max(u.by.abs());
                let sigma = (d.sigma * d.sigma + u.sigma * u.sigma).sqrt() / 2.0;
                if (d.by - u.by).abs() <= near && !is_back {
                    Move::Path(Floor { by: (d.by + u.by) / 2.0, sigma })
                } else if (d.by + u.by).abs() <= near && !is_back {
                    Move::Time(Floor { by: (d.by - u.by) / 2.0, sigma })
                } else {
                    Move::Split(db.or(Some(d)), ub.or(Some(u)))
                }
            }
            (Some(d), None) => match self.other(&self.down, &self.up)? {
                _ if is_back => Move::Split(db, None),
                Other::AtFloor => Move::Split(Some(d), None),
                Other::Silent if d.by < 0.0 => Move::Time(d),
                Other::Silent => return None,
            },
            (None, Some(u)) => match self.other(&self.up, &self.down)? {
                _ if is_back => Move::Split(None, ub),
                Other::AtFloor => Move::Split(None, Some(u)),
                Other::Silent if u.by < 0.0 => Move::Time(Floor { by: -u.by, ..u }),
                Other::Silent => return None,
            },
        };
        self.clear();
        let kernels_own = |floor: Option<Floor>| floor.is_none_or(|f| f.by.abs() < KERNELS_OWN);
        match found {
            Move::Split(d, u) if down.may_be_quick() && kernels_own(d) && kernels_own(u) => None,
            found => Some(found),
        }
    }

    /// What the other direction says while this one has moved; `None`: wait.
    fn other(&self, side: &Side, other: &Side) -> Option<Other> {
        if other.since(side.began()) >= 3 && other.off == 0 {
            Some(Other::AtFloor)
        } else {
            (side.off >= PATIENCE).then_some(Other::Silent)
        }
    }

    /// With the peer delay mechanism a link that changes shows in the delay; what only Sync shows is time.
    fn by_peer_delay(&self, down: Option<Floor>, up: Option<Floor>) -> Option<Move> {
        match (down, up) {
            (Some(d), Some(u)) => {
                let near =
                    4.0 * (d.sigma * d.sigma + u.sigma * u.sigma).sqrt() + 0.02 * d.by.abs().max(u.by.abs());
                let twice = Floor { by: 2.0 * u.by, sigma: 2.0 * u.sigma };
                if (d.by - twice.by).abs() <= near {
                    Some(Move::Split(Some(twice), None))
                } else {
                    // If that is not all, the rest shows after it.
                    Some(Move::Path(u))
                }
            }
            (Some(d), None) => match self.other(&self.down, &self.up)? {
                Other::AtFloor => Some(Move::Time(d)),
                Other::Silent => (d.by < 0.0).then_some(Move::Time(d)),
            },
            (None, Some(u)) => match self.other(&self.up, &self.down)? {
                Other::AtFloor => {
                    Some(Move::Split(None, Some(Floor { by: 2.0 * u.by, sigma: 2.0 * u.sigma })))
                }
                Other::Silent => None,
            },
            (None, None) => None,
        }
    }

    /// Both directions are off their floors, one late and one early: that is no queueing, but the clock or its master.
    /// With the peer delay mechanism no message waits in between: late is as strange as early.
    pub(super) fn torn(&self) -> bool {
        if self.peer {
            return self.down.off > 2 * LEAST;
        }
        self.down.off > LEAST && self.up.off > LEAST && self.down.early != self.up.early
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.peer);
    }
}

#[cfg(test)]
mod tests {
    use super::super::noise::Shape;
    use super::*;
    use crate::simulate::Rng;

    /// Feeds pairs with these waits and shifts; gives the first move and after how many pairs.
    fn feed(shift: (f64, f64), wait: (f64, f64), pairs: usize) -> Option<(Move, usize)> {
        let mut noise = Noise::new(5.0, Shape::Waiting);
        let mut rng = Rng::stream(4, 4);
        for _ in 0..2000 {
            noise.learn(5.0 * rng.normal(), 1.0);
        }
        let mut moves = Moves::default();
        for i in 0..pairs {
            for (way, shift, wait) in [(Way::Down, shift.0, wait.0), (Way::Up, shift.1, wait.1)] {
                let v = shift + 5.0 * rng.normal() + wait * rng.exponential();
                if let Some(found) = moves.push(way, i as f64, (v, 1.0), (&noise, &noise), &Known::default())
                {
                    return Some((found, i));
                }
            }
        }
        None
    }

    #[test]
    fn each_kind_of_move_is_told_from_the_others() {
        let near = |a: f64, b: f64| (a - b).abs() < 10.0;
        assert_eq!(feed((0.0, 0.0), (0.0, 0.0), 3000), None);
        let (found, after) = feed((3000.0, 3000.0), (0.0, 0.0), 40).expect("found");
        assert!(matches!(found, Move::Path(f) if near(f.by, 3000.0)) && after < 8, "{found:?} {after}");
        let (found, _) = feed((300.0, -300.0), (0.0, 0.0), 40).expect("found");
        assert!(matches!(found, Move::Time(f) if near(f.by, 300.0)), "{found:?}");
        let (found, _) = feed((0.0, -800.0), (0.0, 0.0), 40).expect("found");
        assert!(matches!(found, Move::Split(None, Some(f)) if near(f.by, -800.0)), "{found:?}");
        let (found, _) = feed((5000.0, 2000.0), (0.0, 0.0), 40).expect("found");
        assert!(matches!(found, Move::Split(Some(d), Some(u)) if near(d.by, 5000.0) && near(u.by, 2000.0)));
    }

    #[test]
    fn queueing_moves_no_floor() {
        assert_eq!(feed((0.0, 0.0), (20_000.0, 0.0), 3000), None);
        assert_eq!(feed((0.0, 0.0), (20_000.0, 5_000.0), 3000), None);
    }
}
