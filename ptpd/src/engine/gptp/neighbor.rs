//! What successive Pdelay exchanges tell of the neighbour: its rate (802.1AS-2020 11.2.19), and whether it is there,
//! alone and near enough to count (asCapableAcrossDomains, 11.2.2).

use ptp_wire::{PortIdentity, TimeInterval, TimePoint};

use super::{AsCapable, Rules};

/// Exchanges the rate is taken over.
const WINDOW: usize = 5;
/// A neighbour whose rate is off by more than this is none: two crystals of 100 ppm, each steered by 500 ppm.
const MAX_RATE_OFFSET: f64 = 1.2e-3;

/// The times of one exchange, corrections applied: t1 and t4 are ours, t2 and t3 the neighbour's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::engine) struct PeerTimes {
    /// t4 - t1, without corrections of transparent clocks on the way.
    pub(in crate::engine) round_trip: TimeInterval,
    /// t3 - t2.
    pub(in crate::engine) turnaround: TimeInterval,
    /// t3 and t4, where the responder tells t3.
    pub(in crate::engine) response: Option<(TimePoint, TimePoint)>,
}

impl PeerTimes {
    /// `[r (t4 - t1) - (t3 - t2)] / 2`, in the neighbour's time.
    pub(in crate::engine) fn delay(&self, rate_ratio: f64) -> TimeInterval {
        let stretch = (self.round_trip.0 as f64 * (rate_ratio - 1.0)).round();
        let twice = i128::from(self.round_trip.0) + stretch as i128 - i128::from(self.turnaround.0);
        TimeInterval((twice / 2).clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }
}

/// neighborRateRatio: the neighbour's frequency over ours.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct NeighborRate {
    /// (t3, t4), the oldest first.
    times: [(TimePoint, TimePoint); WINDOW],
    len: usize,
    ratio: Option<f64>,
}

impl NeighborRate {
    /// The ratio; `None` until two exchanges have told it.
    pub(in crate::engine) fn ratio(&self) -> Option<f64> {
        self.ratio
    }

    /// Forgets times that do not go together with later ones; the ratio stays, a step does not change a rate.
    pub(in crate::engine) fn break_off(&mut self) {
        self.len = 0;
    }

    /// Whether these times go on where those before ended.
    pub(in crate::engine) fn fits(&self, t3: TimePoint, t4: TimePoint) -> bool {
        let Some((first_t3, first_t4)) = (self.len > 0).then_some(self.times[0]) else { return true };
        let (theirs, ours) = ((t3 - first_t3).0 as f64, (t4 - first_t4).0 as f64);
        ours > 0.0 && (theirs / ours - 1.0).abs() <= MAX_RATE_OFFSET
    }

    /// Takes an exchange in; false if its times cannot follow those before, which then are forgotten.
    pub(in crate::engine) fn push(&mut self, t3: TimePoint, t4: TimePoint) -> bool {
        if self.len == WINDOW {
            self.times.copy_within(1.., 0);
            self.len -= 1;
        }
        let oldest = (self.len > 0).then_some(self.times[0]);
        self.times[self.len] = (t3, t4);
        self.len += 1;
        let Some((first_t3, first_t4)) = oldest else { return true };
        let (theirs, ours) = ((t3 - first_t3).0 as f64, (t4 - first_t4).0 as f64);
        if ours <= 0.0 || (theirs / ours - 1.0).abs() > MAX_RATE_OFFSET {
            self.times[0] = (t3, t4);
            self.len = 1;
            self.ratio = None;
            return false;
        }
        self.ratio = Some(theirs / ours);
        true
    }
}

/// What an exchange came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::engine) enum Outcome {
    /// No complete answer came.
    Lost,
    /// Somebody answered, but it cannot be used: several responders, or our own identity.
    Faulty,
    /// The neighbour answered, and its link is this long.
    Measured(TimeInterval, PortIdentity),
}

/// asCapableAcrossDomains and its counters.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct Capability {
    capable: bool,
    lost: u16,
    faults: u16,
    /// Who answered when the port became capable: others cannot make it incapable.
    peer: Option<PortIdentity>,
}

impl Capability {
    pub(in crate::engine) fn capable(&self, rule: AsCapable) -> bool {
        self.capable || rule != AsCapable::Measured
    }

    /// The neighbour that is trusted, once there is one.
    pub(in crate::engine) fn peer(&self) -> Option<PortIdentity> {
        self.peer
    }

    /// Counts an exchange. `rate_valid`: neighborRateRatio is known.
    pub(in crate::engine) fn count(&mut self, outcome: Outcome, rate_valid: bool, rules: &Rules) {
        let fault = match outcome {
            Outcome::Lost => {
                self.lost = self.lost.saturating_add(1);
                if self.lost > u16::from(rules.allowed_lost_responses) {
                    self.give_up();
                }
                return;
            }
            Outcome::Faulty => true,
            Outcome::Measured(delay, _) => {
                !rate_valid
                    || delay > rules.neighbor_prop_delay_thresh
                    || delay < rules.min_neighbor_prop_delay
            }
        };
        self.lost = 0;
        if fault {
            self.faults = self.faults.saturating_add(1);
            if !self.capable || self.faults > u16::from(rules.allowed_faults) {
                self.give_up();
            }
            return;
        }
        if let Outcome::Measured(_, peer) = outcome {
            *self = Self { capable: true, lost: 0, faults: 0, peer: Some(peer) };
        }
    }

    fn give_up(&mut self) {
        self.capable = false;
        self.faults = 0;
        self.peer = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ptp_wire::ClockIdentity;

    fn peer(n: u8) -> PortIdentity {
        PortIdentity::new(ClockIdentity([n; 8]), 1)
    }

    const fn ns(v: i64) -> TimeInterval {
        TimeInterval::from_nanos(v)
    }

    #[test]
    fn the_rate_is_theirs_over_ours() {
        let mut rate = NeighborRate::default();
        for i in 0..20i128 {
            assert!(
                rate.push(TimePoint::from_nanos(i * 1_000_050_000), TimePoint::from_nanos(i * 1_000_000_000))
            );
        }
        assert!((rate.ratio().unwrap() - 1.000_05).abs() < 1e-12);
    }

    #[test]
    fn a_step_of_the_neighbour_starts_the_rate_anew() {
        let mut rate = NeighborRate::default();
        let at = |s: i128| TimePoint::from_nanos(s * 1_000_000_000);
        assert!(rate.push(at(0), at(0)) && rate.push(at(1), at(1)));
        assert!(!rate.push(at(100), at(2)));
        assert_eq!(rate.ratio(), None);
        assert!(rate.push(at(101), at(3)));
        assert_eq!(rate.ratio(), Some(1.0));
    }

    #[test]
    fn the_delay_is_compensated_for_the_rate() {
        // The neighbour is 100 ppm fast and turns around in 10 ms; the link is 500 ns long.
        let times = PeerTimes { round_trip: ns(10_001_000), turnaround: ns(10_001_000), response: None };
        assert!((times.delay(1.0001).nanos_f64() - 500.05).abs() < 0.01, "{}", times.delay(1.0001));
        assert_eq!(times.delay(1.0), ns(0));
    }

    #[test]
    fn capable_needs_rate_and_threshold_and_survives_as_many_faults_as_allowed() {
        let rules = Rules::ieee_8021as();
        let good = Outcome::Measured(ns(500), peer(1));
        let mut c = Capability::default();
        c.count(good, false, &rules);
        assert!(!c.capable(AsCapable::Measured) && c.capable(AsCapable::Preset));
        c.count(Outcome::Measured(ns(801), peer(1)), true, &rules);
        assert!(!c.capable(AsCapable::Measured));
        c.count(good, true, &rules);
        assert!(c.capable(AsCapable::Measured));
        for _ in 0..9 {
            c.count(Outcome::Faulty, true, &rules);
            assert!(c.capable(AsCapable::Measured));
        }
        c.count(Outcome::Measured(ns(801), peer(1)), true, &rules);
        assert!(!c.capable(AsCapable::Measured));
        c.count(good, true, &rules);
        for i in 1..=10 {
            c.count(Outcome::Lost, true, &rules);
            assert_eq!(c.capable(AsCapable::Measured), i < 10);
        }
    }
}
