//! Is it this daemon alone that steers the clock? linuxptp's `sanity_freq_limit`.

use ptp_wire::TimePoint;

/// Frequencies are compared over at least this long, ns.
const LEAST_NS: u64 = 1_000_000_000;

/// Compares the clock, its corrections taken out, with a time that nobody corrects.
///
/// That time is read when the stamp is at hand, which on a loaded machine is later than the stamp: one late reading makes
/// the clock slow, and the next one makes it fast. So it takes two spans in a row that say the same.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sanity {
    since: Option<Span>,
    /// What the last span said, if it was beyond the limit.
    suspected: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    /// Raw time at its beginning.
    raw_ns: u64,
    /// The clock's last reading.
    last: TimePoint,
    /// What passed on the uncorrected clock, ns.
    own_ns: f64,
}

impl Sanity {
    /// Forgets: the clock was stepped.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    /// The clock reads `local` when the raw time is `raw_ns`, and has run with `frequency_ppb` since the last call. Gives
    /// how far its own frequency is off by that, ppb, if that is beyond the limit.
    pub(super) fn check(
        &mut self,
        raw_ns: u64,
        local: TimePoint,
        frequency_ppb: f64,
        limit_ppb: f64,
    ) -> Option<f64> {
        let fresh = Span { raw_ns, last: local, own_ns: 0.0 };
        let span = self.since.get_or_insert(fresh);
        span.own_ns += (local - span.last).nanos_f64() / (1.0 + frequency_ppb * 1e-9);
        span.last = local;
        let raw = raw_ns.saturating_sub(span.raw_ns);
        if raw < LEAST_NS {
            return None;
        }
        let off = (span.own_ns / raw as f64 - 1.0) * 1e9;
        self.since = Some(fresh);
        let beyond = (off.abs() > limit_ppb).then_some(off);
        let before = std::mem::replace(&mut self.suspected, beyond);
        beyond.filter(|off| before.is_some_and(|b| b.signum() == off.signum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_hand_on_the_clock_shows() {
        let mut sanity = Sanity::default();
        // 100 ppm corrections, told; over 3 s someone else doubles the clock's frequency.
        let (mut clock, mut found) = (0.0, Vec::new());
        for i in 0..20u64 {
            let raw = 1_000_000_000 + i * 400_000_000;
            let other = if (6..14).contains(&i) { 2.0 } else { 1.0 };
            let off = sanity.check(raw, TimePoint::from_nanos(clock as i128), 1e5, 2e8);
            if off.is_some() {
                found.push(i);
            }
            clock += 4e8 * other * (1.0 + 1e5 * 1e-9);
        }
        assert_eq!(found, [12, 15]);
        // A reading that comes 0.5 s late is no other hand.
        sanity.restart();
        for (i, late) in [0, 0, 500_000_000u64, 0, 0, 500_000_000, 0].into_iter().enumerate() {
            let at = 80_000_000_000 + i as u64 * 1_000_000_000;
            assert_eq!(sanity.check(at + late, TimePoint::from_nanos(at.into()), 0.0, 2e8), None, "{i}");
        }
        // A step is no frequency.
        sanity.restart();
        assert_eq!(sanity.check(60_000_000_000, TimePoint::from_nanos(1), 0.0, 2e8), None);
        assert_eq!(sanity.check(62_000_000_000, TimePoint::from_nanos(2_000_000_001), 0.0, 2e8), None);
    }
}
