//! A PHC's time and the system clock's at one instant.

use ptp_wire::{TimeInterval, TimePoint};

use super::{Phc, abi};
use crate::{Clock, ClockError, CrossStamp, monotonic_raw_now, realtime_now, timex};

/// How cross stamps are taken, best first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CrossMethod {
    /// PTP_SYS_OFFSET_PRECISE: by hardware.
    Precise,
    /// PTP_SYS_OFFSET_EXTENDED: the driver reads the system clock around the one access that latches the PHC.
    Extended,
    /// PTP_SYS_OFFSET: the kernel reads both in turn.
    Basic,
    /// The program reads both in turn.
    Read,
}

/// A pair taken by hardware.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PreciseStamp {
    /// The PHC.
    pub device: TimePoint,
    /// CLOCK_REALTIME.
    pub realtime: TimePoint,
    /// CLOCK_MONOTONIC_RAW in ns.
    pub raw_ns: u64,
}

impl Phc {
    /// What cross stamps are taken by at present.
    pub const fn cross_method(&self) -> CrossMethod {
        self.method
    }

    /// PTP_SYS_OFFSET_PRECISE.
    ///
    /// # Errors
    /// [`ClockError::Unsupported`], [`ClockError::Busy`].
    pub fn precise_stamp(&mut self) -> Result<PreciseStamp, ClockError> {
        let mut r = abi::SysOffsetPrecise::default();
        self.ioctl(abi::SYS_OFFSET_PRECISE, "taking a precise cross stamp", &mut r)?;
        let raw_ns = u64::try_from(TimePoint::from(r.sys_monoraw).nanos()).unwrap_or(0);
        Ok(PreciseStamp { device: r.device.into(), realtime: r.sys_realtime.into(), raw_ns })
    }

    /// PTP_SYS_OFFSET_EXTENDED: the shortest of `readings` (1..=25, clamped).
    ///
    /// # Errors
    /// [`ClockError::Unsupported`], [`ClockError::Busy`].
    pub fn extended_stamp(&mut self, readings: u32) -> Result<CrossStamp, ClockError> {
        self.extended_stamp_against(libc::CLOCK_REALTIME, readings)
    }

    /// The same against another clock of the kernel: CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, an auxiliary clock.
    ///
    /// # Errors
    /// [`ClockError::Unsupported`], [`ClockError::Busy`], and EINVAL from kernels that know no such clock here.
    pub fn extended_stamp_against(
        &mut self,
        clockid: libc::clockid_t,
        readings: u32,
    ) -> Result<CrossStamp, ClockError> {
        let n_samples = readings.clamp(1, 25);
        let ts = [[abi::ClockTime::default(); 3]; 25];
        let mut r = abi::SysOffsetExtended { n_samples, clockid, rsv: [0; 2], ts };
        self.ioctl(abi::SYS_OFFSET_EXTENDED, "taking an extended cross stamp", &mut r)?;
        let samples = r.ts.iter().take(n_samples as usize);
        let best = shortest(samples.map(|[before, device, after]| (*before, *device, *after)));
        best.ok_or_else(|| ClockError::Busy { clock: self.name.clone() })
    }

    /// PTP_SYS_OFFSET: the shortest of `readings` (1..=25, clamped).
    ///
    /// # Errors
    /// [`ClockError::Unsupported`], [`ClockError::Busy`].
    pub fn basic_stamp(&mut self, readings: u32) -> Result<CrossStamp, ClockError> {
        let n_samples = readings.clamp(1, 25);
        let mut r = abi::SysOffset { n_samples, rsv: [0; 3], ts: [abi::ClockTime::default(); 51] };
        self.ioctl(abi::SYS_OFFSET, "taking a cross stamp", &mut r)?;
        best_of_basic(&r).ok_or_else(|| ClockError::Busy { clock: self.name.clone() })
    }

    /// By the best method there is. One that is not supported is not tried again.
    pub(super) fn best_cross_stamp(&mut self, readings: u32) -> Result<CrossStamp, ClockError> {
        loop {
            let (taken, next) = match self.method {
                CrossMethod::Precise => {
                    let pair = self.precise_stamp().map(|p| CrossStamp {
                        device: p.device,
                        system: p.realtime,
                        delay: TimeInterval::ZERO,
                    });
                    (pair, CrossMethod::Extended)
                }
                CrossMethod::Extended => (self.extended_stamp(readings), CrossMethod::Basic),
                CrossMethod::Basic => (self.basic_stamp(readings), CrossMethod::Read),
                CrossMethod::Read => return self.read_stamp(readings),
            };
            match taken {
                Err(ClockError::Unsupported { .. }) => self.method = next,
                other => return other,
            }
        }
    }

    /// An auxiliary clock and the PHC: by PTP_SYS_OFFSET_EXTENDED, or by PTP_SYS_OFFSET_PRECISE, which knows the system's clocks only,
    /// and a comparison with CLOCK_MONOTONIC_RAW; whichever was quicker the first time. `None`: neither is there, or the clock is
    /// not enabled (both give EINVAL).
    pub(super) fn best_auxiliary_stamp(
        &mut self,
        id: libc::clockid_t,
        readings: u32,
    ) -> Result<Option<CrossStamp>, ClockError> {
        let usable = |taken| match taken {
            Ok(stamp) => Ok(Some(stamp)),
            Err(ClockError::Unsupported { .. } | ClockError::NotFound { .. } | ClockError::Io { .. }) => {
                Ok(None)
            }
            Err(e) => Err(e),
        };
        match self.auxiliary_method {
            Some(CrossMethod::Precise) => return usable(self.precise_stamp_against(id, readings)),
            Some(_) => return usable(self.extended_stamp_against(id, readings)),
            None => {}
        }
        let extended = usable(self.extended_stamp_against(id, readings))?;
        let precise = match self.method {
            CrossMethod::Precise => usable(self.precise_stamp_against(id, readings))?,
            _ => None,
        };
        let (method, best) = match (extended, precise) {
            (Some(e), Some(p)) if p.delay < e.delay => (CrossMethod::Precise, p),
            (Some(e), _) => (CrossMethod::Extended, e),
            (None, Some(p)) => (CrossMethod::Precise, p),
            (None, None) => return Ok(None),
        };
        self.auxiliary_method = Some(method);
        Ok(Some(best))
    }

    /// PTP_SYS_OFFSET_PRECISE for a clock that it does not know, by way of CLOCK_MONOTONIC_RAW; the delay is that of the slower
    /// of the two readings.
    ///
    /// # Errors
    /// [`ClockError::Unsupported`], [`ClockError::Busy`], and those of reading the other clock.
    pub fn precise_stamp_against(
        &mut self,
        clockid: libc::clockid_t,
        readings: u32,
    ) -> Result<CrossStamp, ClockError> {
        let before = RawReading::take(clockid, &self.name, readings)?;
        let precise = self.precise_stamp()?;
        let after = RawReading::take(clockid, &self.name, readings)?;
        let system = before.line_to(&after, precise.raw_ns);
        let delay = TimeInterval::from_nanos(i64::try_from(before.took.max(after.took)).unwrap_or(i64::MAX));
        Ok(CrossStamp { device: precise.device, system, delay })
    }

    fn read_stamp(&mut self, readings: u32) -> Result<CrossStamp, ClockError> {
        let mut best: Option<CrossStamp> = None;
        for _ in 0..readings.clamp(1, 25) {
            let before = realtime_now();
            let device = self.now()?;
            let delay = realtime_now() - before;
            if delay >= TimeInterval::ZERO && best.is_none_or(|b| delay < b.delay) {
                best = Some(CrossStamp { device, system: before + delay.half(), delay });
            }
        }
        best.ok_or_else(|| ClockError::Busy { clock: self.name.clone() })
    }
}

/// Another clock of the kernel's against CLOCK_MONOTONIC_RAW.
#[derive(Clone, Copy, Debug)]
struct RawReading {
    raw_ns: u64,
    time: TimePoint,
    took: u64,
}

impl RawReading {
    /// The quickest of so many.
    fn take(id: libc::clockid_t, name: &str, readings: u32) -> Result<Self, ClockError> {
        let mut best: Option<Self> = None;
        for _ in 0..readings.clamp(1, 25) {
            let before = monotonic_raw_now();
            let time = timex::now(id, name)?;
            let took = monotonic_raw_now().saturating_sub(before);
            if best.is_none_or(|b| took < b.took) {
                best = Some(Self { raw_ns: before + took / 2, time, took });
            }
        }
        // The loop runs at least once.
        best.ok_or_else(|| ClockError::Busy { clock: name.to_owned() })
    }

    /// The clock at another instant, on a line through this reading and a later one.
    fn line_to(&self, later: &Self, raw_ns: u64) -> TimePoint {
        let length = later.raw_ns.saturating_sub(self.raw_ns).max(1) as f64;
        let since = (i128::from(raw_ns) - i128::from(self.raw_ns)) as f64;
        self.time + TimeInterval::from_nanos_f64((later.time - self.time).nanos_f64() * (since / length))
    }
}

/// The kernel's list is system, PHC, system, PHC, .. system.
fn best_of_basic(r: &abi::SysOffset) -> Option<CrossStamp> {
    let used = r.ts.get(..=2 * (r.n_samples.min(25) as usize))?;
    shortest(used.windows(3).step_by(2).filter_map(|w| match w {
        [before, device, after] => Some((*before, *device, *after)),
        _ => None,
    }))
}

/// The sample that took the least time; one during which the system clock was set back does not count.
fn shortest(
    samples: impl Iterator<Item = (abi::ClockTime, abi::ClockTime, abi::ClockTime)>,
) -> Option<CrossStamp> {
    samples
        .filter_map(|(before, device, after)| {
            let before = TimePoint::from(before);
            let delay = TimePoint::from(after) - before;
            let stamp = CrossStamp { device: device.into(), system: before + delay.half(), delay };
            (delay >= TimeInterval::ZERO).then_some(stamp)
        })
        .min_by_key(|s| s.delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(nsec: u32) -> abi::ClockTime {
        abi::ClockTime { sec: 1, nsec, reserved: 0 }
    }

    #[test]
    fn the_shortest_reading_counts() {
        let mut ts = [abi::ClockTime::default(); 51];
        // system, PHC, system, PHC, system
        for (place, v) in ts.iter_mut().zip([100, 5_000, 200, 5_080, 260]) {
            *place = t(v);
        }
        let r = abi::SysOffset { n_samples: 2, rsv: [0; 3], ts };
        let best = best_of_basic(&r).expect("two samples");
        assert_eq!(best.device, t(5_080).into());
        assert_eq!(best.system, TimePoint::from(t(230)));
        assert_eq!(best.delay, TimeInterval::from_nanos(60));
    }

    #[test]
    fn a_reading_across_a_step_does_not_count() {
        let best =
            shortest([(t(500), t(1), t(100)), (t(100), t(2), t(400))].into_iter()).expect("one is left");
        assert_eq!(best.device, t(2).into());
        assert_eq!(shortest([(t(500), t(1), t(100))].into_iter()), None);
    }

    #[test]
    fn a_pair_of_the_raw_clock_lies_on_a_line() {
        let reading = |raw_ns, ns| RawReading { raw_ns, time: TimePoint::from_nanos(ns), took: 40 };
        let (a, b) = (reading(1_000, 7_000_000_000_000), reading(3_000, 7_000_000_002_002));
        assert_eq!(a.line_to(&b, 2_000).nanos(), 7_000_000_001_001);
        assert_eq!(a.line_to(&b, 1_000), a.time);
        // What the driver took before or after the readings.
        assert_eq!(a.line_to(&b, 4_000).nanos(), 7_000_000_003_003);
        assert_eq!(a.line_to(&b, 0).nanos(), 6_999_999_998_999);
        assert_eq!(a.line_to(&a, 1_000), a.time);
    }

    #[test]
    fn a_wild_count_is_cut() {
        let r = abi::SysOffset { n_samples: u32::MAX, rsv: [0; 3], ts: [t(7); 51] };
        assert_eq!(best_of_basic(&r).expect("25 samples").delay, TimeInterval::ZERO);
    }
}
