//! Which of the stamped edges are the pulses'.

use core::time::Duration;

use ptp_wire::TimePoint;

/// What an edge is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// A pulse; so many were missing before it.
    Pulse {
        /// Pulses that did not come.
        missing: u32,
    },
    /// The pulse's other edge.
    OtherEdge,
    /// A second stamp of the same pulse, or noise on the line.
    Duplicate,
    /// Noise on the line.
    Noise,
    /// Of both edges, the first one cannot be told.
    Unsure,
}

/// Edges, counted by what they were.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EdgeCounts {
    /// Pulses.
    pub pulses: u64,
    /// Pulses that did not come between two that did.
    pub missing: u64,
    /// Too close to the one before.
    pub duplicates: u64,
    /// Of clocks that stamp both.
    pub other_edges: u64,
    /// Nowhere near where a clock that is right would have them.
    pub noise: u64,
}

impl core::fmt::Display for EdgeCounts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { pulses, missing, duplicates, other_edges, noise } = self;
        write!(
            f,
            "{pulses} pulses, {missing} missing, {duplicates} duplicated, {other_edges} other edges, {noise} noise"
        )
    }
}

/// Tells pulses from other edges by the clock's own stamps.
#[derive(Clone, Copy, Debug)]
pub struct EdgeFilter {
    period: f64,
    /// Both edges come; from a pulse to its other edge, if that is known.
    both: Option<Option<f64>>,
    /// The last edge, and the last pulse.
    last: Option<TimePoint>,
    pulse: Option<TimePoint>,
    counts: EdgeCounts,
}

impl EdgeFilter {
    /// For pulses every `period`. `both`: the clock stamps both edges, and the pulses are so wide, if that is known; else the
    /// shorter of the two gaps is taken for their width.
    pub fn new(period: Duration, both: Option<Option<Duration>>) -> Self {
        let ns = |d: Duration| d.as_nanos() as f64;
        let both = both.map(|width| width.map(ns));
        Self { period: ns(period).max(1.0), both, last: None, pulse: None, counts: EdgeCounts::default() }
    }

    /// What came so far.
    pub const fn counts(&self) -> EdgeCounts {
        self.counts
    }

    /// The clock was stepped: gaps across that say nothing.
    pub const fn clock_stepped(&mut self) {
        (self.last, self.pulse) = (None, None);
    }

    /// An edge that a clock knows to be no pulse: it is counted, and not looked at.
    pub fn noise(&mut self) -> Verdict {
        self.counts.noise += 1;
        Verdict::Noise
    }

    /// Both edges are stamped.
    pub const fn is_both(&self) -> bool {
        self.both.is_some()
    }

    /// Judges an edge.
    pub fn edge(&mut self, stamp: TimePoint) -> Verdict {
        let gap = self.last.map(|last| (stamp - last).nanos_f64());
        if let Some(width) = self.both {
            self.last = Some(stamp);
            let Some(gap) = gap else { return Verdict::Unsure };
            let rest = gap.rem_euclid(self.period);
            // Before a pulse the line was quiet for the rest of the period.
            let width = width.unwrap_or_else(|| rest.min(self.period - rest));
            let (to_other, to_pulse) = ((rest - width).abs(), (rest - (self.period - width)).abs());
            if to_other <= to_pulse {
                self.counts.other_edges += 1;
                return Verdict::OtherEdge;
            }
        }
        let since = self.pulse.map(|last| (stamp - last).nanos_f64() / self.period);
        // Backwards: the clock was stepped.
        if since.is_some_and(|s| (0.0..0.5).contains(&s)) {
            self.counts.duplicates += 1;
            return Verdict::Duplicate;
        }
        (self.last, self.pulse) = (Some(stamp), Some(stamp));
        let missing = since.map_or(0.0, |s| (s.round() - 1.0).clamp(0.0, 1e9)) as u32;
        self.counts.pulses += 1;
        self.counts.missing += u64::from(missing);
        Verdict::Pulse { missing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn judge(filter: &mut EdgeFilter, milliseconds: &[i128]) -> Vec<Verdict> {
        milliseconds.iter().map(|ms| filter.edge(TimePoint::from_nanos(ms * 1_000_000))).collect()
    }

    #[test]
    fn duplicates_and_gaps_are_seen() {
        let mut f = EdgeFilter::new(SECOND, None);
        let pulse = |missing| Verdict::Pulse { missing };
        let seen = judge(&mut f, &[1000, 2000, 2001, 3000, 6000, 500]);
        assert_eq!(seen, [pulse(0), pulse(0), Verdict::Duplicate, pulse(0), pulse(2), pulse(0)]);
        assert_eq!(f.counts().to_string(), "5 pulses, 2 missing, 1 duplicated, 0 other edges, 0 noise");
        let mut f = EdgeFilter::new(SECOND / 128, None);
        assert_eq!(f.edge(TimePoint::from_nanos(0)), pulse(0));
        assert_eq!(f.edge(TimePoint::from_nanos(7_812_500)), pulse(0));
        assert_eq!(f.edge(TimePoint::from_nanos(7_812_500 * 3)), pulse(1));
    }

    #[test]
    fn of_both_edges_the_pulses_is_taken() {
        use Verdict::{OtherEdge, Unsure};
        let p = Verdict::Pulse { missing: 0 };
        // 100 ms wide: known, and found out; beginning with either edge.
        for width in [Some(Duration::from_millis(100)), None] {
            let mut f = EdgeFilter::new(SECOND, Some(width));
            assert_eq!(judge(&mut f, &[1000, 1100, 2000, 2100, 3000]), [Unsure, OtherEdge, p, OtherEdge, p]);
            let mut f = EdgeFilter::new(SECOND, Some(width));
            assert_eq!(judge(&mut f, &[1100, 2000, 2100, 3000]), [Unsure, p, OtherEdge, p]);
        }
        // 900 ms wide, which only the configuration can tell.
        let mut f = EdgeFilter::new(SECOND, Some(Some(Duration::from_millis(900))));
        assert_eq!(judge(&mut f, &[1000, 1900, 2000, 2900]), [Unsure, OtherEdge, p, OtherEdge]);
    }
}
