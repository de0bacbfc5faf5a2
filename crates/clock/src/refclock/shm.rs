//! The shared memory segment of NTP daemons' SHM driver.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, Ordering, fence};

use super::{RefclockSample, split};
use crate::{ClockError, LeapSecond};

/// "NTP0"; the unit is added.
const KEY: libc::key_t = 0x4e54_5030;
const MAX_UNIT: u32 = 255;

/// The segment as NTP daemons know it, 64-bit time_t. Counted accesses: `count` is odd or changed while it is written.
#[repr(C)]
#[derive(Debug)]
struct Segment {
    mode: AtomicI32,
    count: AtomicI32,
    clock_sec: AtomicI64,
    clock_usec: AtomicI32,
    _gap: AtomicI32,
    receive_sec: AtomicI64,
    receive_usec: AtomicI32,
    leap: AtomicI32,
    precision: AtomicI32,
    nsamples: AtomicI32,
    valid: AtomicI32,
    clock_nsec: AtomicU32,
    receive_nsec: AtomicU32,
    _dummy: [AtomicI32; 8],
}

/// A segment that is written: chronyd's `refclock SHM unit`, ntpd's `refclock shm unit`.
#[derive(Debug)]
pub struct NtpShm {
    unit: u32,
    segment: NonNull<Segment>,
}

// SAFETY: the mapping belongs to this value alone, lives as long as it does, and is only accessed through atomics.
unsafe impl Send for NtpShm {}

impl NtpShm {
    /// Opens the segment of a unit (0..=255) and makes it if it is not there: readable by its owner only for units 0 and 1,
    /// by everyone from 2 on, as NTP daemons do.
    ///
    /// # Errors
    /// The kernel's: no rights, or a segment of another size.
    pub fn open(unit: u32) -> Result<Self, ClockError> {
        let name = || format!("NTP SHM {unit}");
        let doing = "opening the shared memory segment";
        if unit > MAX_UNIT {
            return Err(ClockError::Range { clock: name(), doing });
        }
        let mode = if unit < 2 { 0o600 } else { 0o666 };
        // MAX_UNIT keeps it within an i32.
        let key = KEY + unit as libc::key_t;
        // SAFETY: shmget takes three integers and touches no memory of ours.
        let id = unsafe { libc::shmget(key, size_of::<Segment>(), libc::IPC_CREAT | mode) };
        if id < 0 {
            return Err(ClockError::last_os(&name(), doing));
        }
        // SAFETY: the kernel chooses the address; the segment has at least the size asked for above.
        let at = unsafe { libc::shmat(id, std::ptr::null(), 0) };
        // shmat answers (void *) -1.
        if at as isize == -1 {
            return Err(ClockError::os(&name(), doing, io::Error::last_os_error()));
        }
        let segment = NonNull::new(at.cast::<Segment>());
        let segment = segment.ok_or_else(|| ClockError::Range { clock: name(), doing })?;
        let this = Self { unit, segment };
        this.segment().mode.store(1, Ordering::Relaxed);
        this.segment().valid.store(0, Ordering::Release);
        Ok(this)
    }

    /// Which it is.
    pub const fn unit(&self) -> u32 {
        self.unit
    }

    /// Hands over a measurement; one that was not fetched is replaced.
    pub fn write(&mut self, sample: &RefclockSample) {
        let s = self.segment();
        let (clock_sec, clock_nsec) = split(sample.system + sample.offset);
        let (receive_sec, receive_nsec) = split(sample.system);
        // Truncated: readers use the nanoseconds only where they agree with the microseconds.
        let us = |ns: u32| i32::try_from(ns / 1_000).unwrap_or(0);
        s.valid.store(0, Ordering::Relaxed);
        let count = s.count.load(Ordering::Relaxed);
        s.count.store(count.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::SeqCst);
        s.clock_sec.store(clock_sec, Ordering::Relaxed);
        s.clock_usec.store(us(clock_nsec), Ordering::Relaxed);
        s.clock_nsec.store(clock_nsec, Ordering::Relaxed);
        s.receive_sec.store(receive_sec, Ordering::Relaxed);
        s.receive_usec.store(us(receive_nsec), Ordering::Relaxed);
        s.receive_nsec.store(receive_nsec, Ordering::Relaxed);
        s.leap.store(leap_indicator(sample.leap), Ordering::Relaxed);
        // 2^-30 s: a nanosecond.
        s.precision.store(-30, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        s.count.store(count.wrapping_add(2), Ordering::Relaxed);
        s.valid.store(1, Ordering::Release);
    }

    fn segment(&self) -> &Segment {
        // SAFETY: `segment` points to a mapping of at least size_of::<Segment>() octets that lives as long as `self`;
        // every member is an atomic, so other processes' writes are no data race.
        unsafe { self.segment.as_ref() }
    }
}

impl Drop for NtpShm {
    fn drop(&mut self) {
        // SAFETY: the address came from shmat and is detached nowhere else.
        unsafe { libc::shmdt(self.segment.as_ptr().cast()) };
    }
}

/// The leap indicator of NTP (RFC 5905).
pub(super) const fn leap_indicator(leap: LeapSecond) -> i32 {
    match leap {
        LeapSecond::None => 0,
        LeapSecond::Insert => 1,
        LeapSecond::Delete => 2,
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use ptp_wire::{TimeInterval, TimePoint};

    use super::*;

    #[test]
    fn the_segment_is_the_one_of_ntp_daemons() {
        assert_eq!(size_of::<Segment>(), 96);
        for (offset, wanted) in [
            (offset_of!(Segment, clock_sec), 8),
            (offset_of!(Segment, clock_usec), 16),
            (offset_of!(Segment, receive_sec), 24),
            (offset_of!(Segment, receive_usec), 32),
            (offset_of!(Segment, leap), 36),
            (offset_of!(Segment, precision), 40),
            (offset_of!(Segment, nsamples), 44),
            (offset_of!(Segment, valid), 48),
            (offset_of!(Segment, clock_nsec), 52),
            (offset_of!(Segment, receive_nsec), 56),
        ] {
            assert_eq!(offset, wanted);
        }
    }

    #[test]
    fn what_is_written_is_read_by_another() {
        // A unit that no daemon uses by default.
        let unit = 200 + std::process::id() % 50;
        let mut writer = match NtpShm::open(unit) {
            Ok(writer) => writer,
            Err(e) => panic!("{e}"),
        };
        let reader = NtpShm::open(unit).expect("the same segment");
        let sample = RefclockSample {
            system: TimePoint::from_nanos(1_700_000_000_999_999_999),
            offset: TimeInterval::from_nanos(123_456),
            leap: LeapSecond::Insert,
        };
        writer.write(&sample);
        let s = reader.segment();
        assert_eq!(s.valid.load(Ordering::Acquire), 1);
        assert_eq!(s.count.load(Ordering::Relaxed) % 2, 0);
        assert_eq!(s.receive_sec.load(Ordering::Relaxed), 1_700_000_000);
        assert_eq!(s.receive_usec.load(Ordering::Relaxed), 999_999);
        assert_eq!(s.receive_nsec.load(Ordering::Relaxed), 999_999_999);
        assert_eq!(s.clock_sec.load(Ordering::Relaxed), 1_700_000_001);
        assert_eq!(s.clock_nsec.load(Ordering::Relaxed), 123_455);
        assert_eq!(s.clock_usec.load(Ordering::Relaxed), 123);
        assert_eq!(s.leap.load(Ordering::Relaxed), 1);
        // Left to the kernel otherwise: segments outlive their programs.
        // SAFETY: IPC_RMID of our own segment takes no pointer.
        unsafe {
            let id = libc::shmget(KEY + unit as libc::key_t, 0, 0);
            libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut());
        }
    }

    #[test]
    fn units_have_a_range() {
        assert!(matches!(NtpShm::open(256), Err(ClockError::Range { .. })));
    }
}
