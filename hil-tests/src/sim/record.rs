//! What a run leaves behind: true errors, port states with their times, a hash over everything.

use core::time::Duration;

use ptp_wire::PortNumber;
use ptpd::engine::{Event, ParentDs, PortState, Sample};

use super::Moment;
use super::node::Node;

/// Figures over a stretch of a time series, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Values.
    pub count: usize,
    /// Mean.
    pub mean: f64,
    /// Root of the mean square.
    pub rms: f64,
    /// Largest without its sign.
    pub max: f64,
}

impl Figures {
    /// Of these values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let (mut count, mut sum, mut square, mut max) = (0usize, 0.0, 0.0, 0.0f64);
        for v in values {
            count += 1;
            sum += v;
            square += v * v;
            max = max.max(v.abs());
        }
        let n = count.max(1) as f64;
        Self { count, mean: sum / n, rms: (square / n).sqrt(), max }
    }
}

/// `mean, rms, max of count`.
impl core::fmt::Display for Figures {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "mean {:.1} ns, rms {:.1} ns, max {:.1} ns of {}",
            self.mean, self.rms, self.max, self.count
        )
    }
}

/// A change of a port's state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// When.
    pub at: Moment,
    /// Which port.
    pub port: PortNumber,
    /// Before.
    pub from: PortState,
    /// After.
    pub to: PortState,
}

/// What one node has done.
#[derive(Clone, Debug, Default)]
pub struct NodeRecord {
    /// True error in ns, once per probe interval; `NaN` while the node is dead.
    pub errors: Vec<(Moment, f64)>,
    /// Changes of port states, in order.
    pub changes: Vec<Change>,
    /// What its engine told, in order.
    pub events: Vec<(Moment, Event)>,
    /// Samples that reached its servo.
    pub samples: u64,
    /// The last one.
    pub last_sample: Option<Sample>,
    /// What it answered to management, in order.
    pub replies: Vec<(Moment, Box<[u8]>)>,
    /// What it held to be true at each probe; empty unless [`Simulation::keep_looks`](super::Simulation::keep_looks).
    pub looks: Vec<Look>,
    /// Transmit stamps that were withheld from its engine.
    pub stamps_withheld: u64,
}

impl NodeRecord {
    /// True error from `from` on.
    pub fn error_since(&self, from: Moment) -> Figures {
        Figures::of(self.errors.iter().filter(|(t, e)| *t >= from && !e.is_nan()).map(|(_, e)| *e))
    }

    /// States a port went through from `from` on.
    pub fn states_since(&self, port: PortNumber, from: Moment) -> Vec<PortState> {
        self.changes.iter().filter(|c| c.port == port && c.at >= from).map(|c| c.to).collect()
    }

    /// From when on the true error never again exceeded `ns`; `None` if it does at the end.
    pub fn settled_within(&self, ns: f64) -> Option<Duration> {
        let first = self.errors.iter().rposition(|(_, e)| e.abs() > ns).map_or(0, |i| i + 1);
        self.errors.get(first).map(|(t, _)| t.since(Moment(0)))
    }
}

/// What a node held to be true at some moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// When.
    pub at: Moment,
    /// True error in ns; NaN while the node was dead.
    pub error: f64,
    /// parentDS; `None` while the node was dead.
    pub parent: Option<ParentDs>,
    /// currentDS.stepsRemoved.
    pub steps_removed: u16,
    /// The states of its ports.
    pub states: Vec<PortState>,
}

impl Look {
    pub(super) fn at(at: Moment, node: &mut Node) -> Self {
        let engine = node.running.as_ref().map(|r| &r.engine);
        Self {
            at,
            error: engine.map_or(f64::NAN, |_| node.clock.error(at).nanos_f64()),
            parent: engine.map(|e| *e.parent_ds()),
            steps_removed: engine.map_or(0, |e| e.current_ds().steps_removed),
            states: node.ports.iter().map(|p| p.state).collect(),
        }
    }
}

/// A hash over all that happens on all wires: equal runs have equal hashes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceHash(pub u64);

impl Default for TraceHash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl TraceHash {
    /// Takes in a number.
    pub fn number(&mut self, v: u64) {
        self.0 = (self.0 ^ v).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    /// Takes in octets.
    pub fn octets(&mut self, octets: &[u8]) {
        let (chunks, rest) = octets.as_chunks::<8>();
        for c in chunks {
            self.number(u64::from_le_bytes(*c));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.number(u64::from_le_bytes(last));
        self.number(octets.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_settling_time() {
        let f = Figures::of([3.0, -4.0]);
        assert_eq!((f.count, f.mean, f.max), (2, -0.5, 4.0));
        assert!((f.rms - 12.5f64.sqrt()).abs() < 1e-12);
        let at = |s: u64| Moment::from_nanos(s * 1_000_000_000);
        let errors =
            [100.0, 5.0, 30.0, 9.0, -8.0].iter().enumerate().map(|(i, e)| (at(i as u64), *e)).collect();
        let r = NodeRecord { errors, ..NodeRecord::default() };
        assert_eq!(r.settled_within(10.0), Some(Duration::from_secs(3)));
        assert_eq!(r.settled_within(1.0), None);
        assert_eq!(r.error_since(at(3)).count, 2);
    }

    #[test]
    fn the_hash_sees_every_octet_and_every_boundary() {
        let hash = |parts: &[&[u8]]| {
            let mut h = TraceHash::default();
            parts.iter().for_each(|p| h.octets(p));
            h
        };
        assert_eq!(hash(&[b"abcdefghi"]), hash(&[b"abcdefghi"]));
        assert_ne!(hash(&[b"abcdefghi"]), hash(&[b"abcdefghj"]));
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"a\0"]), hash(&[b"a"]));
    }
}
