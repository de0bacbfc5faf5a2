//! Pulses that the kernel stamps: `/dev/ppsN` (RFC 2783's API as Linux has it).

use std::ffi::{CString, c_int};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use ptp_wire::TimePoint;

use crate::ClockError;

/// `_IOWR('p', 0xa4, pointer)`, and the others; the size in them is that of a pointer.
const POINTER: libc::c_ulong = size_of::<usize>() as libc::c_ulong;
const GETPARAMS: libc::c_ulong = (2 << 30) | (POINTER << 16) | 0x70a1;
const SETPARAMS: libc::c_ulong = (1 << 30) | (POINTER << 16) | 0x70a2;
const FETCH: libc::c_ulong = (3 << 30) | (POINTER << 16) | 0x70a4;

const CAPTURE_ASSERT: c_int = 0x01;
const CAPTURE_CLEAR: c_int = 0x02;

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct KTime {
    sec: i64,
    nsec: i32,
    flags: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Params {
    api_version: c_int,
    mode: c_int,
    assert_offset: KTime,
    clear_offset: KTime,
}

/// pps_fdata: pps_kinfo and the time to wait.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Fetch {
    assert_sequence: u32,
    clear_sequence: u32,
    assert: KTime,
    clear: KTime,
    mode: c_int,
    padding: c_int,
    timeout: KTime,
}

const _: () = assert!(size_of::<Params>() == 40 && size_of::<Fetch>() == 64);

/// A source of pulses that the kernel stamps by CLOCK_REALTIME.
#[derive(Debug)]
pub struct PpsDevice {
    name: String,
    fd: OwnedFd,
    /// The falling edge, not the rising one.
    falling: bool,
    last: Option<u32>,
}

impl PpsDevice {
    /// Opens `/dev/ppsN`; with `falling` the falling edges count.
    ///
    /// # Errors
    /// [`ClockError::NotFound`], [`ClockError::Permission`], or it is no such device.
    pub fn open(path: &str, falling: bool) -> Result<Self, ClockError> {
        let not_found = || ClockError::NotFound { clock: path.to_owned() };
        let c_path = CString::new(path).map_err(|_| not_found())?;
        // SAFETY: `c_path` is a NUL-terminated string that outlives the call.
        let fd = unsafe { libc::open(c_path.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
        if fd < 0 {
            return Err(ClockError::last_os(path, "opening"));
        }
        // SAFETY: `fd` was just opened and belongs to nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let mut this = Self { name: path.to_owned(), fd, falling, last: None };
        let mut params = Params::default();
        this.ioctl(GETPARAMS, "reading the parameters of pulses", &mut params)?;
        let edge = if falling { CAPTURE_CLEAR } else { CAPTURE_ASSERT };
        if params.mode & edge == 0 {
            params.mode |= edge;
            this.ioctl(SETPARAMS, "setting the edge of pulses", &mut params)?;
        }
        // The pulse that came last, whenever that was, is not news.
        let _ = this.next_pulse()?;
        Ok(this)
    }

    fn ioctl<T>(
        &mut self,
        request: libc::c_ulong,
        doing: &'static str,
        data: &mut T,
    ) -> Result<(), ClockError> {
        // SAFETY: each request is made with the structure that the kernel reads and writes for it, all integers.
        let done = unsafe { libc::ioctl(self.fd.as_raw_fd(), request, std::ptr::from_mut(data)) };
        if done < 0 { Err(ClockError::last_os(&self.name, doing)) } else { Ok(()) }
    }

    /// Its path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stamp of the last pulse by CLOCK_REALTIME, if one has come since the last call. Never waits; has to be asked more
    /// often than pulses come.
    ///
    /// # Errors
    /// The device is gone.
    pub fn next_pulse(&mut self) -> Result<Option<TimePoint>, ClockError> {
        let mut fetch = Fetch::default();
        self.ioctl(FETCH, "fetching a pulse", &mut fetch)?;
        let (sequence, stamp) = match self.falling {
            false => (fetch.assert_sequence, fetch.assert),
            true => (fetch.clear_sequence, fetch.clear),
        };
        if self.last.replace(sequence).is_none_or(|last| last == sequence) {
            return Ok(None);
        }
        Ok(Some(TimePoint::from_nanos(i128::from(stamp.sec) * 1_000_000_000 + i128::from(stamp.nsec))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_kernels() {
        assert_eq!((GETPARAMS, SETPARAMS, FETCH), (0x8008_70a1, 0x4008_70a2, 0xc008_70a4));
    }

    #[test]
    fn what_is_no_such_device_is_refused() {
        assert!(matches!(PpsDevice::open("/dev/pps4000", false), Err(ClockError::NotFound { .. })));
        assert!(PpsDevice::open("/dev/null", false).is_err());
        assert!(PpsDevice::open("/dev/\0", false).is_err());
    }
}
