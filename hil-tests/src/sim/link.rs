//! Wires and segments: who hears whom, when, and what gets lost.

use ptp_wire::{PortNumber, TimeInterval};

use std::collections::VecDeque;

use ptpd::engine::Address;

use super::drive::Octets;
use super::{Jitter, Moment, NodeId, Rng};

/// How frames travel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkSpec {
    /// From one end to another, before jitter.
    pub delay: TimeInterval,
    /// Added to what the first end sends (and only to that): the way there is longer than the way back.
    pub asymmetry: TimeInterval,
    /// Added per frame and receiver.
    pub jitter: Jitter,
    /// Added to what the first end sends in place of `jitter`, if the load is not the same both ways.
    pub jitter_there: Option<Jitter>,
    /// A frame does not reach a receiver.
    pub loss: f64,
    /// A frame reaches a receiver twice.
    pub duplicate: f64,
    /// A frame is held back by up to `reorder_by`, so that later ones overtake it.
    pub reorder: f64,
    /// See `reorder`.
    pub reorder_by: TimeInterval,
}

impl LinkSpec {
    /// A cable of this length, without faults.
    pub const fn wire(delay_ns: i64) -> Self {
        Self {
            delay: TimeInterval::from_nanos(delay_ns),
            asymmetry: TimeInterval::ZERO,
            jitter: Jitter::None,
            jitter_there: None,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_by: TimeInterval::ZERO,
        }
    }

    /// With this jitter.
    pub const fn jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// With this loss.
    pub const fn loss(self, loss: f64) -> Self {
        Self { loss, ..self }
    }

    /// With the first end's frames this much later (ns).
    pub const fn asymmetry(self, ns: i64) -> Self {
        Self { asymmetry: TimeInterval::from_nanos(ns), ..self }
    }

    /// Everything that networks do to frames: `p` of them lost, `p` twice, `p` held back by up to `by_ns`.
    pub const fn rough(self, p: f64, by_ns: i64) -> Self {
        Self { loss: p, duplicate: p, reorder: p, reorder_by: TimeInterval::from_nanos(by_ns), ..self }
    }
}

/// One port on a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct End {
    /// Whose.
    pub node: NodeId,
    /// Which of its ports.
    pub port: PortNumber,
    /// The plug is in.
    pub(super) plugged: bool,
}

/// What a link has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LinkStats {
    /// Frames put on it.
    pub sent: u64,
    /// Copies that arrived.
    pub delivered: u64,
    /// Copies lost by chance.
    pub lost: u64,
    /// Extra copies.
    pub duplicated: u64,
    /// Copies held back.
    pub held_back: u64,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) spec: LinkSpec,
    pub(super) ends: Vec<End>,
    /// Carrier.
    pub(super) up: bool,
    /// Carrier is there, but nothing passes.
    pub(super) silent: bool,
    /// Counts cuts: frames on the way at a cut are gone.
    pub(super) cuts: u32,
    pub(super) stats: LinkStats,
    pub(super) masters: MasterWatch,
    /// What was last seen on it, while somebody listens.
    pub(super) tap: Option<VecDeque<Overheard>>,
    /// Frames come round again so many times, to their sender too: a bridge loop.
    pub(super) echo: u32,
    rng: Rng,
}

/// A frame that a listener on a link has seen.
#[derive(Clone, Debug)]
pub struct Overheard {
    /// When it was put on the link.
    pub at: Moment,
    /// Who sent it.
    pub from: Address,
    /// To whom.
    pub to: Address,
    /// The message.
    pub octets: Octets,
}

/// A listener keeps no more than this.
const OVERHEARD: usize = 512;

impl Link {
    pub(super) fn new(spec: LinkSpec, seed: u64, index: u64) -> Self {
        Self {
            spec,
            ends: Vec::new(),
            up: true,
            silent: false,
            cuts: 0,
            stats: LinkStats::default(),
            masters: MasterWatch::default(),
            tap: None,
            echo: 0,
            rng: Rng::new(seed, 3, index),
        }
    }

    /// Somebody may listen.
    pub(super) fn overhear(&mut self, frame: impl FnOnce() -> Overheard) {
        if let Some(tap) = &mut self.tap {
            if tap.len() >= OVERHEARD {
                tap.pop_front();
            }
            tap.push_back(frame());
        }
    }

    /// Draws when copies of a frame reach one receiver; `first` says that the first end sent it.
    pub(super) fn travel(&mut self, first: bool, mut arrive: impl FnMut(TimeInterval)) {
        if self.silent || self.rng.chance(self.spec.loss) {
            self.stats.lost += 1;
            return;
        }
        let mut copies = 1;
        if self.rng.chance(self.spec.duplicate) {
            self.stats.duplicated += 1;
            copies = 2;
        }
        for _ in 0..copies {
            let base = if first { self.spec.delay + self.spec.asymmetry } else { self.spec.delay };
            let jitter = self.spec.jitter_there.filter(|_| first).unwrap_or(self.spec.jitter);
            let mut delay = jitter.around(base, &mut self.rng);
            if self.rng.chance(self.spec.reorder) {
                self.stats.held_back += 1;
                delay += TimeInterval::from_nanos_f64(self.spec.reorder_by.nanos_f64() * self.rng.unit());
            }
            arrive(delay);
        }
    }
}

/// How long a link had more than one MASTER.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MasterWatch {
    since: Option<Moment>,
    longest: i128,
    total: i128,
    episodes: u32,
}

/// How long a link had more than one MASTER.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DoubleMasters {
    /// The longest time in one piece.
    pub longest: core::time::Duration,
    /// All together.
    pub total: core::time::Duration,
    /// How often.
    pub episodes: u32,
}

impl MasterWatch {
    pub(super) fn see(&mut self, now: Moment, masters: usize) {
        match (self.since, masters > 1) {
            (None, true) => {
                self.since = Some(now);
                self.episodes += 1;
            }
            (Some(since), false) => {
                self.since = None;
                self.total += now - since;
                self.longest = self.longest.max(now - since);
            }
            _ => {}
        }
    }

    pub(super) fn report(&self, now: Moment) -> DoubleMasters {
        let open = self.since.map_or(0, |s| now - s);
        let duration = |v: i128| Moment(v).since(Moment(0));
        DoubleMasters {
            longest: duration(self.longest.max(open)),
            total: duration(self.total + open),
            episodes: self.episodes,
        }
    }

    pub(super) fn forget(&mut self, now: Moment) {
        *self = Self { since: self.since.map(|_| now), ..Self::default() };
    }
}
