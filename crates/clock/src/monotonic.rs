//! The kernel's clocks, read only.

use std::sync::OnceLock;

use ptp_wire::{TimeInterval, TimePoint};

use crate::timex;

fn read(id: libc::clockid_t) -> libc::timespec {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `ts` is a valid timespec for the call to fill; the clocks asked for exist on every Linux since 2.6.28,
    // and if one did not, `ts` stays zero.
    let _ = unsafe { libc::clock_gettime(id, &mut ts) };
    ts
}

fn nanos(ts: libc::timespec) -> u64 {
    let s = u64::try_from(ts.tv_sec).unwrap_or(0);
    s.saturating_mul(1_000_000_000).saturating_add(u64::try_from(ts.tv_nsec).unwrap_or(0))
}

/// A timespec as a time.
pub(crate) fn time_point(ts: libc::timespec) -> TimePoint {
    TimePoint::from_nanos(i128::from(ts.tv_sec) * 1_000_000_000 + i128::from(ts.tv_nsec))
}

/// CLOCK_MONOTONIC in ns: what timers run on. Never steps, but is slewed with the system clock.
pub fn monotonic_now() -> u64 {
    nanos(read(libc::CLOCK_MONOTONIC))
}

/// Whether there is a CLOCK_MONOTONIC_RAW. It is Linux's own: a simulator of clocks below this program that gives the system
/// another name need not know it, and clknetsim ends a program that asks it for a clock it does not know.
pub fn has_monotonic_raw() -> bool {
    static LINUX: OnceLock<bool> = OnceLock::new();
    *LINUX.get_or_init(|| {
        // SAFETY: `utsname` is arrays of octets, for which zeros are valid.
        let mut name: libc::utsname = unsafe { std::mem::zeroed() };
        // SAFETY: `name` is a valid utsname for the call to fill.
        let failed = unsafe { libc::uname(&mut name) } != 0;
        // A name that cannot be asked for is no reason to do without.
        failed || name.sysname.iter().map(|&c| c as u8).take_while(|&c| c != 0).eq(*b"Linux")
    })
}

/// CLOCK_MONOTONIC_RAW in ns: the bare oscillator, that nothing steers. CLOCK_MONOTONIC where there is none
/// ([`has_monotonic_raw`]).
pub fn monotonic_raw_now() -> u64 {
    nanos(read(if has_monotonic_raw() { libc::CLOCK_MONOTONIC_RAW } else { libc::CLOCK_MONOTONIC }))
}

/// CLOCK_MONOTONIC_COARSE in ns: CLOCK_MONOTONIC as of the last tick, a few ms old.
pub fn monotonic_coarse_now() -> u64 {
    nanos(read(libc::CLOCK_MONOTONIC_COARSE))
}

/// CLOCK_REALTIME: the system clock, UTC.
pub fn realtime_now() -> TimePoint {
    time_point(read(libc::CLOCK_REALTIME))
}

/// CLOCK_REALTIME and CLOCK_MONOTONIC_RAW at one instant. One reading converts many stamps that are close to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RealtimeReading {
    /// CLOCK_MONOTONIC_RAW in ns.
    pub raw_ns: u64,
    /// CLOCK_REALTIME at that instant.
    pub realtime: TimePoint,
    /// How long the reading took; the instants agree within half of it.
    pub delay: TimeInterval,
    /// How many ppb faster CLOCK_REALTIME runs than CLOCK_MONOTONIC_RAW by its own settings.
    pub rate_ppb: f64,
}

impl RealtimeReading {
    /// Takes the best of five sandwich readings.
    pub fn take() -> Self {
        let rate_ppb = timex::realtime_rate_ppb().unwrap_or(0.0);
        let mut best: Option<Self> = None;
        for _ in 0..5 {
            let before = monotonic_raw_now();
            let realtime = realtime_now();
            let took = monotonic_raw_now().saturating_sub(before);
            let delay = TimeInterval::from_nanos(i64::try_from(took).unwrap_or(i64::MAX));
            if best.is_none_or(|b| delay < b.delay) {
                best = Some(Self { raw_ns: before + took / 2, realtime, delay, rate_ppb });
            }
        }
        best.unwrap_or(Self { raw_ns: 0, realtime: TimePoint::ZERO, delay: TimeInterval::MAX, rate_ppb })
    }

    /// CLOCK_MONOTONIC_RAW in ns at a CLOCK_REALTIME stamp, which should be of the last few seconds; earlier than
    /// boot gives zero.
    pub fn raw_at(&self, stamp: TimePoint) -> u64 {
        let since = (stamp - self.realtime).nanos_f64() / (1.0 + self.rate_ppb * 1e-9);
        let since = since.round() as i64;
        self.raw_ns.saturating_add_signed(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_has_a_raw_clock() {
        assert!(has_monotonic_raw());
    }

    #[test]
    fn clocks_do_not_run_backwards() {
        let (a, r) = (monotonic_now(), monotonic_raw_now());
        assert!(a > 0 && r > 0);
        assert!(monotonic_now() >= a && monotonic_raw_now() >= r);
        assert!(realtime_now() > TimePoint::from_nanos(1_600_000_000_000_000_000));
    }

    #[test]
    fn reading_converts_both_ways() {
        let r = RealtimeReading {
            raw_ns: 5_000_000_000,
            realtime: TimePoint::from_nanos(77_000_000_000),
            delay: TimeInterval::ZERO,
            rate_ppb: 100_000.0,
        };
        assert_eq!(r.raw_at(r.realtime), r.raw_ns);
        // 1 ms of a clock that runs 100 ppm fast are 999.9 us.
        assert_eq!(r.raw_at(TimePoint::from_nanos(76_999_000_000)), 5_000_000_000 - 999_900);
        assert_eq!(r.raw_at(TimePoint::ZERO), 0);
    }

    #[test]
    fn a_stamp_lies_between_two_raw_readings() {
        let before = monotonic_raw_now();
        let stamp = realtime_now();
        let after = monotonic_raw_now();
        let r = RealtimeReading::take();
        let raw = r.raw_at(stamp);
        let slack = r.delay.nanos().unsigned_abs() + 1_000;
        assert!(raw + slack >= before && raw <= after + slack, "{before} {raw} {after}, slack {slack}");
    }
}
