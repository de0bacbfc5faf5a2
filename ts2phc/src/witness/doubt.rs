//! Whether the receiver is believed, by what the witnesses say.
//!
//! Each round has the receiver's word on the clock, that of each witness, and, where it is independent, the clock's own
//! prediction: intervals of the clock's offset. The receiver is doubted when a majority agrees on a time that is impossible by
//! it, for `disagree_for` without a break; it is believed again when it was in agreement for `agree_for` without a break. One
//! against one decides nothing, and a witness that stands alone is named and outvoted.

use core::time::Duration;

use ptp_servo::selection::{Estimate, intersect, standing};

use crate::grandmaster::Grandmaster;

/// Who has to disagree.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Policy {
    /// More than half of all, and more than agree with the receiver.
    #[default]
    Majority,
    /// One witness is enough.
    Any,
}

/// When the receiver is doubted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DoubtConfig {
    /// Who has to disagree.
    pub policy: Policy,
    /// For how long. Default 10 s.
    pub disagree_for: Duration,
    /// For how long it has to agree before it is believed again. Default 60 s.
    pub agree_for: Duration,
}

impl Default for DoubtConfig {
    fn default() -> Self {
        Self {
            policy: Policy::Majority,
            disagree_for: Duration::from_secs(10),
            agree_for: Duration::from_secs(60),
        }
    }
}

/// How a witness stands to the receiver.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Standing {
    /// It says nothing.
    #[default]
    Silent,
    /// Both can be right.
    Agrees,
    /// One of both is wrong.
    Disagrees,
}

impl Standing {
    /// All of them.
    pub const WORDS: &'static [&'static str] = &["silent", "agrees", "disagrees"];

    /// In metrics and events.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Agrees => "agrees",
            Self::Disagrees => "disagrees",
        }
    }
}

/// What was said in a round: offsets of the clock, ns.
#[derive(Clone, Copy, Debug)]
pub struct Hearing<'a> {
    /// The clock minus the receiver.
    pub receiver: Estimate,
    /// How far off the clock holds itself possible; `None`: it knows nothing.
    pub clock: Option<Estimate>,
    /// How much of that is held against it by the witnesses, ns.
    pub doubt_ns: f64,
    /// The receiver contradicts what the clock predicts.
    pub contradicts: bool,
    /// The clock runs on its own, so that its word is not the receiver's.
    pub holds: bool,
    /// Of each witness, always in the same order; `None`: it says nothing.
    pub witnesses: &'a [Option<Estimate>],
}

impl<'a> Hearing<'a> {
    /// With a clock in this state, which is `offset_ns` off the receiver.
    pub fn of(g: &Grandmaster, offset_ns: f64, witnesses: &'a [Option<Estimate>]) -> Self {
        let clock = Estimate { offset: 0.0, radius: g.bound_ns() };
        Self {
            receiver: Estimate { offset: offset_ns, radius: g.config().reference_ns },
            clock: Some(clock).filter(|c| g.knows() && c.radius.is_finite()),
            doubt_ns: g.doubt_ns(),
            contradicts: g.contradicts(offset_ns),
            holds: g.state().is_holdover(),
            witnesses,
        }
    }
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Finding {
    /// The receiver may be right.
    Believed,
    /// It is not to be followed. The clock itself, which followed it, may be off by as much as this in addition to its
    /// bound, ns; 0: nobody objects to the clock.
    Outvoted(f64),
    /// The receiver is right, and the clock is not what it takes itself for.
    ClockWrong,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    standing: Standing,
    /// Since when it is otherwise.
    turned: Option<u64>,
}

/// What is held of receiver and witnesses. Times are in ns, of any clock that does not jump.
#[derive(Clone, Debug)]
pub struct Doubt {
    config: DoubtConfig,
    seen: Vec<Seen>,
    outvoted: bool,
    /// Since when the majority says otherwise.
    turned: Option<u64>,
    clock_wrong: Option<u64>,
    off_ns: f64,
}

impl Doubt {
    /// With so many witnesses.
    pub fn new(config: DoubtConfig, witnesses: usize) -> Self {
        let seen = vec![Seen::default(); witnesses];
        Self { config, seen, outvoted: false, turned: None, clock_wrong: None, off_ns: 0.0 }
    }

    /// Other rules. What is held of the receiver and of each witness stays.
    pub const fn configure(&mut self, config: DoubtConfig) {
        self.config = config;
    }

    /// How each witness stands.
    pub fn standings(&self) -> impl Iterator<Item = Standing> + '_ {
        self.seen.iter().map(|s| s.standing)
    }

    /// The receiver is not believed.
    pub const fn is_outvoted(&self) -> bool {
        self.outvoted
    }

    /// Nobody says anything, and nothing is known of the time: the receiver is all there is.
    pub fn lapse(&mut self) {
        (self.outvoted, self.turned, self.clock_wrong) = (false, None, None);
    }

    /// There is no pulse to compare the witnesses with: their silence is taken note of, and, while the receiver is not
    /// believed, what they hold against the clock. `said.receiver` does not count.
    pub fn without_pulse(&mut self, said: &Hearing<'_>) -> Finding {
        for (seen, word) in self.seen.iter_mut().zip(said.witnesses) {
            if word.is_none() {
                *seen = Seen::default();
            }
        }
        (self.turned, self.clock_wrong) = (None, None);
        if self.outvoted {
            let witnesses: Vec<Estimate> = said.witnesses.iter().flatten().copied().collect();
            self.off_ns = self.off_ns.max(clock_off(said, &witnesses));
        }
        self.finding()
    }

    /// One round.
    pub fn hear(&mut self, said: &Hearing<'_>, now: u64) -> Finding {
        let DoubtConfig { policy, disagree_for, agree_for } = self.config;
        for (seen, word) in self.seen.iter_mut().zip(said.witnesses) {
            seen.look(word.map(|w| w.overlaps(&said.receiver)), disagree_for, now);
        }
        let witnesses: Vec<Estimate> = said.witnesses.iter().flatten().copied().collect();
        if witnesses.is_empty() {
            // Silence is no agreement.
            (self.turned, self.clock_wrong) = (None, None);
            return self.finding();
        }
        let mut others = witnesses.clone();
        // What the clock knows it has from the receiver: its contradiction counts, its agreement only if it was on its own
        // before anybody objected.
        let counts = said.contradicts || (said.holds && !self.outvoted);
        others.extend(said.clock.filter(|_| counts));
        let stands = standing(&said.receiver, &others);
        let voters = 1 + others.len();
        let outvoted = match policy {
            Policy::Majority => stands.is_outvoted(voters),
            Policy::Any => witnesses.iter().any(|w| !w.overlaps(&said.receiver)),
        };
        let patience = if self.outvoted { agree_for } else { disagree_for };
        if lasts(&mut self.turned, outvoted != self.outvoted, patience, now) {
            (self.outvoted, self.turned) = (outvoted, None);
            self.off_ns = 0.0;
        }
        if self.outvoted {
            // It goes on by a frequency that it has from the receiver, too.
            self.off_ns = self.off_ns.max(clock_off(said, &witnesses));
        }
        let vindicated = said.contradicts && stands.with > stands.against && 2 * stands.with > voters;
        if lasts(&mut self.clock_wrong, vindicated && !outvoted, disagree_for, now) {
            self.clock_wrong = None;
            return Finding::ClockWrong;
        }
        self.finding()
    }

    const fn finding(&self) -> Finding {
        if self.outvoted { Finding::Outvoted(self.off_ns) } else { Finding::Believed }
    }
}

impl Seen {
    fn look(&mut self, overlaps: Option<bool>, patience: Duration, now: u64) {
        let word = match overlaps {
            None => Standing::Silent,
            Some(true) => Standing::Agrees,
            Some(false) => Standing::Disagrees,
        };
        // Silence, and the first agreement after it, are plain; a quarrel is one when it lasts.
        let at_once =
            word == Standing::Silent || (self.standing, word) == (Standing::Silent, Standing::Agrees);
        if word == self.standing {
            self.turned = None;
        } else if at_once || lasts(&mut self.turned, true, patience, now) {
            *self = Self { standing: word, turned: None };
        }
    }
}

/// Whether something has been so for as long as that.
fn lasts(since: &mut Option<u64>, is: bool, long: Duration, now: u64) -> bool {
    if !is {
        *since = None;
        return false;
    }
    let begun = *since.get_or_insert(now);
    Duration::from_nanos(now.saturating_sub(begun)) >= long
}

/// How far off the clock is at most by those that contradict the receiver, if it is not where they say by its own bound.
fn clock_off(said: &Hearing<'_>, witnesses: &[Estimate]) -> f64 {
    let together = intersect(witnesses).map(|v| Estimate { offset: v.offset, radius: v.radius });
    let against = || witnesses.iter().filter(|w| !w.overlaps(&said.receiver));
    let word = together.or_else(|| against().min_by(|a, b| a.radius.total_cmp(&b.radius)).copied());
    let (Some(word), Some(clock)) = (word, said.clock) else { return 0.0 };
    let own = Estimate { radius: (clock.radius - said.doubt_ns).max(0.0), ..clock };
    if own.overlaps(&word) { 0.0 } else { word.offset.abs() + word.radius }
}

#[cfg(test)]
#[path = "doubt_tests.rs"]
mod tests;
