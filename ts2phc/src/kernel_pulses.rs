//! Pulses that the kernel stamps by CLOCK_REALTIME on `/dev/ppsN`, told by another clock.

use crate::patience::patiently;
use ptp_clock::{ClockError, CrossStamp, PpsDevice, PulseClock};
use ptp_wire::{TimeInterval, TimePoint};

/// Two clocks of one machine that differ by more than this are not what they were: one of them was stepped.
const MOST_APART: f64 = 1e-3;
/// From pair to pair, ns: shorter, and the noise of reading counts; longer, and the clocks may have changed.
const BETWEEN: core::ops::Range<f64> = 1e6..2e10;

/// The kernel's pulses.
pub(crate) struct KernelPulses {
    device: PpsDevice,
    readings: u32,
    /// The pair taken with the pulse before.
    before: Option<CrossStamp>,
}

impl KernelPulses {
    /// Cross timestamps are the best of so many readings.
    pub(crate) const fn new(device: PpsDevice, readings: u32) -> Self {
        Self { device, readings, before: None }
    }

    /// When the next pulse came by this clock, if one has come.
    ///
    /// # Errors
    /// The clock or the device is gone.
    pub(crate) fn next(&mut self, clock: &mut dyn PulseClock) -> Result<Option<TimePoint>, ClockError> {
        let Some(system) = self.device.next_pulse()? else { return Ok(None) };
        let pair = patiently(|| clock.cross_stamp(self.readings))?;
        let stamp = stamp(system, &pair, self.before.as_ref());
        self.before = Some(pair);
        Ok(Some(stamp))
    }

    /// The other clock was stepped.
    pub(crate) const fn clock_stepped(&mut self) {
        self.before = None;
    }
}

/// What the clock showed when the system clock showed `system`, shortly before `pair`. The pair `before` that tells how fast one
/// is by the other: a few milliseconds after a pulse, 5 ppm are tens of ns.
fn stamp(system: TimePoint, pair: &CrossStamp, before: Option<&CrossStamp>) -> TimePoint {
    let rate = before.and_then(|b| {
        let by_system = (pair.system - b.system).nanos_f64();
        let rate = (pair.device - b.device).nanos_f64() / by_system;
        (BETWEEN.contains(&by_system) && (rate - 1.0).abs() < MOST_APART).then_some(rate)
    });
    let ago = (pair.system - system).nanos_f64();
    pair.device - TimeInterval::from_nanos_f64(ago * rate.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: i128 = 1_800_000_000_000_000_000;

    fn at(ns: f64) -> TimePoint {
        TimePoint::from_nanos(BEGIN) + TimeInterval::from_nanos_f64(ns)
    }

    #[test]
    fn clocks_of_other_rates_are_followed_back_to_the_pulse() {
        let pair = |system: f64, rate: f64| CrossStamp {
            device: at(37e9 + system * rate),
            system: at(system),
            delay: TimeInterval::ZERO,
        };
        let is = |t: TimePoint, ns: f64| (t - at(ns)).nanos_f64().abs() < 0.01;
        for rate in [1.0, 1.0 + 8e-6, 1.0 - 500e-6] {
            let (before, now) = (pair(-1e9, rate), pair(5e6, rate));
            // The pulse came 5 ms ago, at 0.
            assert!(is(stamp(at(0.0), &now, Some(&before)), 37e9), "{rate}");
            // Without a pair before, the rates count as equal.
            assert!(is(stamp(at(0.0), &now, None), 37e9 + 5e6 * (rate - 1.0)), "{rate}");
        }
        // A step between two pairs is no rate, and what is too long ago or too short tells none.
        let (now, jumped) = (pair(5e6, 1.0), CrossStamp { device: at(0.0), ..pair(-1e9, 1.0) });
        assert!(is(stamp(at(0.0), &now, Some(&jumped)), 37e9));
        for system in [-1e11, 4.5e6] {
            let before = CrossStamp { device: at(37e9 + system - 400.0), ..pair(system, 1.0) };
            assert!(is(stamp(at(0.0), &now, Some(&before)), 37e9), "{system}");
        }
    }
}
