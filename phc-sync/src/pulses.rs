//! Pulses that the kernel stamps with the system clock.

use std::time::Duration;

use std::path::Path;

use ptp_clock::{ClockError, ClockName, Phc, PpsDevice};
use ptp_wire::{TimeInterval, TimePoint};
use tracing::{info, warn};

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
    /// `source` is the clock that tells the seconds.
    pub(crate) fn open(path: &str, source: Option<&ClockName>) -> Result<Self, ClockError> {
        let device = PpsDevice::open(path)?;
        if let Some(phc) = card_of(path, source) {
            // A card makes none before somebody asks for them.
            match Phc::open(phc).and_then(|mut phc| phc.enable_pps(true)) {
                Ok(()) => info!(target: "clocks", "{path}: the pulses of phc{phc} are on"),
                Err(e) => warn!(target: "clocks", "{path}: are the pulses of phc{phc} on? ({e})"),
            }
        }
        Ok(Self { device, last: None, next_look: 0 })
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

/// The PHC that makes these pulses: the kernel names the device after it. Where it does not say, the one that tells the seconds.
fn card_of(path: &str, source: Option<&ClockName>) -> Option<u32> {
    let device = Path::new(path).canonicalize().ok();
    let number = device.as_deref().and_then(Path::file_name).and_then(|n| n.to_str()).unwrap_or_default();
    match std::fs::read_to_string(format!("/sys/class/pps/{number}/name")) {
        Ok(name) => name.trim().strip_prefix("ptp")?.parse().ok(),
        Err(_) => match source {
            Some(ClockName::Phc(phc)) => Some(*phc),
            _ => None,
        },
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
