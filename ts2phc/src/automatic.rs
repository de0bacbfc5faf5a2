//! Automatic mode, linuxptp's `-a`: the wiring of pulses is fixed, and which clock is right follows from the states of a PTP
//! daemon's ports. While the clock of a slave port stamps the pulses, its stamps are their time for all the others, and for
//! the clock that makes the pulses.

use core::time::Duration;

use crate::ports::{PortClocks, Ports};
use crate::sink::Stamped;

/// Whose time the pulses have.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Reference {
    /// Who says which second it is, as without automatic mode.
    #[default]
    Pulses,
    /// A sink's own.
    Sink(usize),
    /// Nobody's: nothing is steered.
    Nobody,
}

/// The mode's state.
#[derive(Debug)]
pub struct Automatic {
    /// The daemon's ports.
    pub ports: Ports,
    /// Of each sink, N of /dev/ptpN.
    sinks: Vec<Option<u32>>,
    /// Of the clock that makes the pulses.
    maker: Option<u32>,
    /// The pulses come from elsewhere: without a slave nobody knows their time.
    external: bool,
    reference: Reference,
    /// The last pulse of the reference, and those of the others that wait for theirs.
    last: Option<Stamped>,
    waiting: Vec<Option<Stamped>>,
}

impl Automatic {
    /// With clocks by their numbers.
    pub fn new(ports: Ports, sinks: Vec<Option<u32>>, maker: Option<u32>, external: bool) -> Self {
        let waiting = vec![None; sinks.len()];
        let reference = Reference::Nobody;
        Self { ports, sinks, maker, external, reference, last: None, waiting }
    }

    /// Whose time the pulses have.
    pub const fn reference(&self) -> Reference {
        self.reference
    }

    /// Looks at the ports again. What it is now, if it has changed.
    pub fn decide(&mut self) -> Option<Reference> {
        let now = reference(self.ports.clocks(), &self.sinks, self.maker, self.external);
        if std::mem::replace(&mut self.reference, now) == now {
            return None;
        }
        self.last = None;
        self.waiting.iter_mut().for_each(|w| *w = None);
        Some(now)
    }

    /// A pulse of the reference. Pulses of others that waited for it, by sink.
    pub fn reference_pulse(&mut self, pulse: &Stamped, period: Duration) -> Vec<(usize, Stamped)> {
        self.last = Some(*pulse);
        let waited = self.waiting.iter_mut().enumerate().filter_map(|(i, w)| Some((i, w.take()?)));
        waited.filter(|(_, w)| same(w, pulse, period)).collect()
    }

    /// A pulse of another clock: the reference's of the same pulse. `None`: it waits for that.
    pub fn other_pulse(&mut self, sink: usize, pulse: &Stamped, period: Duration) -> Option<Stamped> {
        let found = self.last.filter(|last| same(last, pulse, period));
        if found.is_none()
            && let Some(waiting) = self.waiting.get_mut(sink)
        {
            *waiting = Some(*pulse);
        }
        found
    }
}

/// Stamps of one pulse: they came within a third of the period.
fn same(a: &Stamped, b: &Stamped, period: Duration) -> bool {
    Duration::from_nanos(a.came.abs_diff(b.came)) < period / 3
}

fn reference(ports: PortClocks, sinks: &[Option<u32>], maker: Option<u32>, external: bool) -> Reference {
    match ports {
        PortClocks::Undecided => Reference::Nobody,
        PortClocks::Slave(phc) if maker == Some(phc) => Reference::Pulses,
        PortClocks::Slave(phc) => match sinks.iter().position(|s| *s == Some(phc)) {
            Some(sink) => Reference::Sink(sink),
            // It has no part in this.
            None if external => Reference::Nobody,
            None => Reference::Pulses,
        },
        PortClocks::NoSlave if external => Reference::Nobody,
        PortClocks::NoSlave => Reference::Pulses,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ptp_wire::TimePoint;

    #[test]
    fn the_slaves_clock_is_right() {
        let sinks = [Some(3), Some(4), None];
        let of = |ports, external| reference(ports, &sinks, Some(7), external);
        assert_eq!(of(PortClocks::Slave(4), false), Reference::Sink(1));
        assert_eq!(of(PortClocks::Slave(7), false), Reference::Pulses);
        assert_eq!(of(PortClocks::Slave(9), false), Reference::Pulses);
        assert_eq!(of(PortClocks::NoSlave, false), Reference::Pulses);
        assert_eq!(of(PortClocks::Undecided, false), Reference::Nobody);
        // Pulses from elsewhere have no time of their own.
        assert_eq!(of(PortClocks::NoSlave, true), Reference::Nobody);
        assert_eq!(of(PortClocks::Slave(9), true), Reference::Nobody);
        assert_eq!(of(PortClocks::Slave(3), true), Reference::Sink(0));
    }

    #[test]
    fn pulses_meet_in_any_order_and_only_their_own() {
        let period = Duration::from_secs(1);
        let at = |came: u64| Stamped { stamp: TimePoint::from_nanos(came.into()), came };
        let mut auto =
            Automatic::new(Ports::new("/nowhere".as_ref(), 0, 0), vec![Some(0), Some(1)], None, false);
        // The other's came first: it waits.
        assert!(auto.other_pulse(1, &at(1_000_000_000), period).is_none());
        let met = auto.reference_pulse(&at(1_000_050_000), period);
        assert_eq!(met.iter().map(|(i, p)| (*i, p.came)).collect::<Vec<_>>(), [(1, 1_000_000_000)]);
        // The reference's came first.
        assert!(auto.reference_pulse(&at(2_000_000_000), period).is_empty());
        assert_eq!(auto.other_pulse(1, &at(2_000_070_000), period).map(|p| p.came), Some(2_000_000_000));
        // One missed the reference: the next is not taken for its own.
        assert!(auto.other_pulse(1, &at(3_000_000_000), period).is_none());
        assert!(auto.reference_pulse(&at(4_000_000_000), period).is_empty());
        // Nobody is a slave, as the daemon does not answer: who names seconds is right.
        assert_eq!(auto.decide(), Some(Reference::Pulses));
        assert_eq!(auto.decide(), None);
    }
}
