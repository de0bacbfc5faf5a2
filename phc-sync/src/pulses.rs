//! Pulses that the kernel stamps with the system clock.

use std::time::Duration;

use ptp_clock::{ClockError, PpsDevice};
use ptp_wire::{TimeInterval, TimePoint};

/// Looks for the next pulse begin so long after the last one, ns.
const WAIT_NS: u64 = 1_005_000_000;
/// And come so often, ns.
const LOOK_NS: u64 = 10_000_000;
/// A pulse belongs to a second if it is no further away.
const AGREEMENT: TimeInterval = TimeInterval::from_nanos(10_000_000);
const SECOND: i128 = 1_000_000_000;

/// A device and its last pulse.
#[derive(Debug)]
pub(crate) struct Pulses {
    device: PpsDevice,
    last: Option<u32>,
    next_look: u64,
}

impl Pulses {
    pub(crate) fn open(path: &str) -> Result<Self, ClockError> {
        Ok(Self { device: PpsDevice::open(path)?, last: None, next_look: 0 })
    }

    /// When to look again, ns of CLOCK_MONOTONIC.
    pub(crate) fn deadline(&self) -> u64 {
        self.next_look
    }

    /// The system clock at a pulse that was not there before.
    pub(crate) fn fetch(&mut self, now: u64) -> Result<Option<TimePoint>, ClockError> {
        if now < self.next_look {
            return Ok(None);
        }
        self.next_look = now.saturating_add(LOOK_NS);
        let Some(pulse) = self.device.fetch(Duration::ZERO)? else { return Ok(None) };
        let first = self.last.is_none();
        if self.last.replace(pulse.sequence) == Some(pulse.sequence) {
            return Ok(None);
        }
        // The first one may be an hour old.
        if first {
            return Ok(None);
        }
        self.next_look = now.saturating_add(WAIT_NS - LOOK_NS);
        Ok(Some(pulse.system))
    }
}

/// The system clock's offset at a pulse that it stamped `pulse`; `source` is another clock's time at the pulse, in UTC.
/// `None`: that one is not near a full second, so it is another pulse.
pub(crate) fn offset(pulse: TimePoint, source: Option<TimePoint>) -> Option<TimeInterval> {
    let second = nearest_second(source.unwrap_or(pulse));
    if let Some(source) = source
        && (source - second).abs() > AGREEMENT
    {
        return None;
    }
    Some(pulse - second)
}

fn nearest_second(t: TimePoint) -> TimePoint {
    TimePoint::from_nanos((t.nanos() + SECOND / 2).div_euclid(SECOND) * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(ns: i128) -> TimePoint {
        TimePoint::from_nanos(ns)
    }

    #[test]
    fn pulses_alone_tell_the_fraction() {
        let ns = TimeInterval::from_nanos;
        assert_eq!(offset(t(5_000_000_123), None), Some(ns(123)));
        assert_eq!(offset(t(4_999_999_000), None), Some(ns(-1_000)));
    }

    #[test]
    fn with_a_phc_they_tell_the_second() {
        let ns = TimeInterval::from_nanos;
        // The system clock is 3 s and 100 ns ahead.
        assert_eq!(offset(t(8_000_000_100), Some(t(5_000_400_000))), Some(ns(3_000_000_100)));
        assert_eq!(offset(t(8_000_000_100), Some(t(4_995_000_000))), Some(ns(3_000_000_100)));
        assert_eq!(offset(t(8_000_000_100), Some(t(5_011_000_000))), None);
    }
}
