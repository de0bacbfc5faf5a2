//! Pulses that the kernel stamps: `/dev/ppsN` (RFC 2783).

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use ptp_wire::TimePoint;

use crate::ClockError;

const PPS_GETCAP: u32 = 0x8008_70a3;
const PPS_SETPARAMS: u32 = 0x4008_70a2;
const PPS_GETPARAMS: u32 = 0x8008_70a1;
const PPS_FETCH: u32 = 0xc008_70a4;
const CAPTURE_ASSERT: i32 = 0x1;
const TIME_INVALID: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct KTime {
    sec: i64,
    nsec: i32,
    flags: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct KInfo {
    assert_sequence: u32,
    clear_sequence: u32,
    assert_time: KTime,
    clear_time: KTime,
    current_mode: i32,
    _pad: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct FData {
    info: KInfo,
    timeout: KTime,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct KParams {
    api_version: i32,
    mode: i32,
    assert_offset: KTime,
    clear_offset: KTime,
}

/// A pulse: its number, and when it came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pulse {
    /// Counts from the device's beginning, and wraps.
    pub sequence: u32,
    /// CLOCK_REALTIME at the pulse.
    pub system: TimePoint,
}

/// A device that stamps pulses with the system clock.
#[derive(Debug)]
pub struct PpsDevice {
    name: String,
    fd: OwnedFd,
}

impl PpsDevice {
    /// Opens `/dev/ppsN` and has it stamp the rising edge.
    ///
    /// # Errors
    /// It is not there, not for us, or no source of pulses.
    pub fn open(path: &str) -> Result<Self, ClockError> {
        let name = path.to_owned();
        let c_path = CString::new(path).map_err(|_| ClockError::NotFound { clock: name.clone() })?;
        // SAFETY: `c_path` is a NUL-terminated string that outlives the call. Not std::fs: simulators replace open().
        let fd = unsafe { libc::open(c_path.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
        if fd < 0 {
            return Err(ClockError::last_os(&name, "opening"));
        }
        // SAFETY: `fd` was just opened and belongs to nobody else.
        let this = Self { name, fd: unsafe { OwnedFd::from_raw_fd(fd) } };
        let mut capabilities = 0i32;
        // A simulator knows PPS_FETCH only: what the others answer matters where they say that this is no such device.
        if let Err(e) = this.ioctl(PPS_GETCAP, "reading the capabilities", &mut capabilities)
            && !matches!(&e, ClockError::Io { error, .. } if error.raw_os_error() == Some(libc::EINVAL))
        {
            return Err(e);
        }
        let mut params = KParams::default();
        if this.ioctl(PPS_GETPARAMS, "reading the parameters", &mut params).is_ok()
            && params.mode & CAPTURE_ASSERT == 0
        {
            params.mode |= CAPTURE_ASSERT;
            this.ioctl(PPS_SETPARAMS, "choosing the rising edge", &mut params)?;
        }
        Ok(this)
    }

    /// The device's path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The last pulse. Waits for a new one for so long; zero: not at all. `None`: there was none.
    ///
    /// # Errors
    /// The device is gone.
    pub fn fetch(&mut self, wait: Duration) -> Result<Option<Pulse>, ClockError> {
        let timeout = KTime {
            sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            nsec: i32::try_from(wait.subsec_nanos()).unwrap_or(0),
            flags: 0,
        };
        let mut data = FData { info: KInfo::default(), timeout };
        match self.ioctl(PPS_FETCH, "fetching the pulse", &mut data) {
            Ok(()) => {}
            Err(ClockError::Io { error, .. })
                if matches!(error.raw_os_error(), Some(libc::ETIMEDOUT | libc::EINTR)) =>
            {
                return Ok(None);
            }
            Err(e) => return Err(e),
        }
        let KInfo { assert_sequence, assert_time, .. } = data.info;
        let none = assert_time.flags & TIME_INVALID != 0 || (assert_time.sec == 0 && assert_time.nsec == 0);
        let ns = i128::from(assert_time.sec) * 1_000_000_000 + i128::from(assert_time.nsec);
        Ok((!none).then_some(Pulse { sequence: assert_sequence, system: TimePoint::from_nanos(ns) }))
    }

    fn ioctl<T>(&self, request: u32, doing: &'static str, argument: &mut T) -> Result<(), ClockError> {
        // SAFETY: each request above is called with the struct it belongs to, valid and exclusively borrowed.
        let r = unsafe { libc::ioctl(self.fd.as_raw_fd(), request.into(), std::ptr::from_mut(argument)) };
        if r < 0 { Err(ClockError::last_os(&self.name, doing)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_the_kernels() {
        assert_eq!((size_of::<KTime>(), size_of::<KInfo>(), size_of::<FData>()), (16, 48, 64));
        assert_eq!(size_of::<KParams>(), 40);
        assert_eq!(std::mem::offset_of!(KInfo, assert_time), 8);
        assert_eq!(std::mem::offset_of!(KInfo, current_mode), 40);
    }

    #[test]
    fn what_is_no_pulse_device_is_refused() {
        assert!(matches!(PpsDevice::open("/dev/pps4000"), Err(ClockError::NotFound { .. })));
        let e = PpsDevice::open("/dev/null").expect_err("no pulses there");
        assert!(matches!(e, ClockError::Unsupported { .. }), "{e:?}");
    }
}
