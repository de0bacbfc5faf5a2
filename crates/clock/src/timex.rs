//! `clock_adjtime`: one system call behind all corrections (PHC and system clock alike).

use std::io;

use ptp_wire::TimeInterval;

use crate::ClockError;

const NS_PER_S: i128 = 1_000_000_000;

/// An empty request.
pub(crate) fn empty() -> libc::timex {
    // SAFETY: timex is a struct of integers; all zeros is a value of it, and asks for nothing.
    unsafe { std::mem::zeroed() }
}

/// Performs a request; gives the clock's state (0: fine, 5: unsynchronised).
pub(crate) fn adjust(id: libc::clockid_t, tx: &mut libc::timex) -> io::Result<i32> {
    // SAFETY: `tx` is a valid timex for the kernel to read and fill.
    let r = unsafe { libc::clock_adjtime(id, tx) };
    if r < 0 { Err(io::Error::last_os_error()) } else { Ok(r) }
}

/// ppb to the kernel's scaled ppm (2^-16 ppm).
pub(crate) fn scaled_ppm(ppb: f64) -> i64 {
    (ppb * 65.536).round() as i64
}

/// The kernel's scaled ppm to ppb.
pub(crate) fn ppb(scaled_ppm: i64) -> f64 {
    scaled_ppm as f64 / 65.536
}

/// The two fields of a step, the nanoseconds in 0..10^9 as the kernel wants them; rounded to a nanosecond.
pub(crate) fn step_fields(by: TimeInterval) -> (i64, i64) {
    let ns = (i128::from(by.0) + (1 << 15)) >> 16;
    // A TimeInterval has 47 bits of nanoseconds.
    (ns.div_euclid(NS_PER_S) as i64, ns.rem_euclid(NS_PER_S) as i64)
}

/// ADJ_SETOFFSET with ADJ_NANO.
pub(crate) fn step(id: libc::clockid_t, name: &str, by: TimeInterval) -> Result<(), ClockError> {
    let (seconds, nanos) = step_fields(by);
    let mut tx = empty();
    tx.modes = libc::ADJ_SETOFFSET | libc::ADJ_NANO;
    tx.time.tv_sec = seconds;
    tx.time.tv_usec = nanos;
    adjust(id, &mut tx).map(drop).map_err(|e| ClockError::os(name, "stepping the clock", e))
}

/// The argument of ADJ_OFFSET: a PHC's phase in ns, rounded; the kernel keeps it in 32 bits.
pub(crate) fn phase_ns(by: TimeInterval) -> Option<i32> {
    i32::try_from((i128::from(by.0) + (1 << 15)) >> 16).ok()
}

/// ADJ_OFFSET with ADJ_NANO: a PHC's own loop takes the phase.
pub(crate) fn phase(id: libc::clockid_t, name: &str, by: TimeInterval) -> Result<(), ClockError> {
    let doing = "adjusting the phase";
    let Some(ns) = phase_ns(by) else {
        return Err(ClockError::Range { clock: name.to_owned(), doing });
    };
    let mut tx = empty();
    tx.modes = libc::ADJ_OFFSET | libc::ADJ_NANO;
    tx.offset = ns.into();
    adjust(id, &mut tx).map(drop).map_err(|e| ClockError::os(name, doing, e))
}

/// clock_settime.
pub(crate) fn set(id: libc::clockid_t, name: &str, to: ptp_wire::TimePoint) -> Result<(), ClockError> {
    let doing = "setting the clock";
    let ns = to.nanos();
    let Ok(tv_sec) = i64::try_from(ns.div_euclid(NS_PER_S)) else {
        return Err(ClockError::Range { clock: name.to_owned(), doing });
    };
    let ts = libc::timespec { tv_sec, tv_nsec: ns.rem_euclid(NS_PER_S) as i64 };
    // SAFETY: `ts` is a valid timespec that the kernel only reads.
    if unsafe { libc::clock_settime(id, &ts) } < 0 {
        return Err(ClockError::last_os(name, doing));
    }
    Ok(())
}

/// clock_gettime, for clocks that may be gone.
pub(crate) fn now(id: libc::clockid_t, name: &str) -> Result<ptp_wire::TimePoint, ClockError> {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `ts` is a valid timespec for the kernel to fill.
    if unsafe { libc::clock_gettime(id, &mut ts) } < 0 {
        return Err(ClockError::last_os(name, "reading the clock"));
    }
    Ok(crate::monotonic::time_point(ts))
}

/// How many ppb faster CLOCK_REALTIME is set to run than the bare oscillator: tick and frequency together.
pub(crate) fn realtime_rate_ppb() -> io::Result<f64> {
    let mut tx = empty();
    adjust(libc::CLOCK_REALTIME, &mut tx)?;
    Ok(tick_ppb(tx.tick) + ppb(tx.freq))
}

/// The kernel's tick (nominally 10000 us at USER_HZ 100) as a frequency.
pub(crate) fn tick_ppb(tick: i64) -> f64 {
    (tick - NOMINAL_TICK) as f64 * PPB_PER_TICK
}

/// 1 s / USER_HZ in us; USER_HZ is 100 on every architecture we build for.
pub(crate) const NOMINAL_TICK: i64 = 10_000;
/// One us of a tick.
pub(crate) const PPB_PER_TICK: f64 = 100_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timex_is_the_kernels() {
        // 64-bit layout, reference: linux.md.
        assert_eq!(size_of::<libc::timex>(), 208);
        assert_eq!(std::mem::offset_of!(libc::timex, freq), 16);
        assert_eq!(std::mem::offset_of!(libc::timex, status), 40);
        assert_eq!(std::mem::offset_of!(libc::timex, constant), 48);
        assert_eq!(std::mem::offset_of!(libc::timex, time), 72);
        assert_eq!(std::mem::offset_of!(libc::timex, tick), 88);
        assert_eq!(std::mem::offset_of!(libc::timex, tai), 160);
        assert_eq!(libc::ADJ_SETOFFSET, 0x100);
        assert_eq!(libc::ADJ_NANO, 0x2000);
        assert_eq!(libc::ADJ_TICK, 0x4000);
        assert_eq!(libc::ADJ_TAI, 0x80);
    }

    #[test]
    fn steps_borrow_from_the_seconds() {
        let f = |ns| step_fields(TimeInterval::from_nanos(ns));
        assert_eq!(f(-1), (-1, 999_999_999));
        assert_eq!(f(1), (0, 1));
        assert_eq!(f(1_500_000_000), (1, 500_000_000));
        assert_eq!(f(-1_500_000_000), (-2, 500_000_000));
        assert_eq!(f(0), (0, 0));
        assert_eq!(step_fields(TimeInterval::MIN), (-140_738, 511_644_672));
        // Rounded, not cut.
        assert_eq!(step_fields(TimeInterval(0x8000)), (0, 1));
        assert_eq!(step_fields(TimeInterval(0x7fff)), (0, 0));
    }

    #[test]
    fn phases_are_rounded_and_within_32_bits() {
        assert_eq!(phase_ns(TimeInterval::from_nanos(-12_345)), Some(-12_345));
        assert_eq!(phase_ns(TimeInterval(0x8000)), Some(1));
        assert_eq!(phase_ns(TimeInterval::from_nanos(i64::from(i32::MAX))), Some(i32::MAX));
        assert_eq!(phase_ns(TimeInterval::from_nanos(i64::from(i32::MAX) + 1)), None);
    }

    #[test]
    fn frequencies_are_scaled() {
        assert_eq!(scaled_ppm(500_000.0), 32_768_000);
        assert_eq!(scaled_ppm(-1000.0), -65_536);
        assert!((ppb(scaled_ppm(123.456)) - 123.456).abs() < 0.01);
        assert_eq!(tick_ppb(9_000), -100_000_000.0);
        assert_eq!(tick_ppb(10_001), 100_000.0);
    }

    #[test]
    fn the_system_clock_tells_its_rate() {
        let rate = realtime_rate_ppb().expect("reading needs no right");
        assert!(rate.abs() <= 110_000_000.0, "{rate}");
    }
}
