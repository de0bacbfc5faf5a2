//! chronyd's SOCK reference clock.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::shm::leap_indicator;
use super::{RefclockSample, split};
use crate::ClockError;

const MAGIC: i32 = 0x534f_434b;
/// One datagram of 64-bit platforms.
const OCTETS: usize = 40;

/// Sends measurements to the socket that chronyd makes (`refclock SOCK PATH`). chronyd may come and go.
#[derive(Debug)]
pub struct ChronySock {
    path: PathBuf,
    fd: OwnedFd,
}

impl ChronySock {
    /// Opens the own end; nobody has to listen yet.
    ///
    /// # Errors
    /// The kernel gives no socket, or the path is longer than 107 octets.
    pub fn new(path: &Path) -> Result<Self, ClockError> {
        let name = path.display().to_string();
        if address(path).is_none() {
            return Err(ClockError::Range { clock: name, doing: "using it as a socket's path" });
        }
        // No type flags: simulators refuse them.
        // SAFETY: socket() takes three integers.
        let fd = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0) };
        if fd < 0 {
            return Err(ClockError::last_os(&name, "opening a socket"));
        }
        // SAFETY: `fd` was just opened and belongs to nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: the descriptor is open; F_SETFD takes an int.
        unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
        Ok(Self { path: path.to_owned(), fd })
    }

    /// Where chronyd listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands over a measurement, without waiting.
    ///
    /// # Errors
    /// [`ClockError::NotFound`]: chronyd is not there (yet); others are the kernel's.
    pub fn send(&mut self, sample: &RefclockSample) -> Result<(), ClockError> {
        let octets = encode(sample);
        let name = self.path.display().to_string();
        let doing = "sending to chronyd's socket";
        let Some((address, length)) = address(&self.path) else {
            return Err(ClockError::Range { clock: name, doing });
        };
        // SAFETY: `octets` and `address` are valid for the lengths given and only read by the call.
        let sent = unsafe {
            libc::sendto(
                self.fd.as_raw_fd(),
                octets.as_ptr().cast(),
                octets.len(),
                libc::MSG_DONTWAIT,
                (&raw const address).cast(),
                length,
            )
        };
        if sent < 0 {
            let error = io::Error::last_os_error();
            return Err(match error.raw_os_error() {
                Some(libc::ECONNREFUSED) => ClockError::NotFound { clock: name },
                Some(libc::EAGAIN) => ClockError::Busy { clock: name },
                _ => ClockError::os(&name, doing, error),
            });
        }
        Ok(())
    }
}

fn address(path: &Path) -> Option<(libc::sockaddr_un, libc::socklen_t)> {
    let octets = path.as_os_str().as_bytes();
    // SAFETY: sockaddr_un is a struct of integers; all zeros is a value of it.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    if octets.is_empty() || octets.len() >= address.sun_path.len() || octets.contains(&0) {
        return None;
    }
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (place, octet) in address.sun_path.iter_mut().zip(octets) {
        *place = *octet as libc::c_char;
    }
    Some((address, size_of::<libc::sockaddr_un>() as libc::socklen_t))
}

/// tv_sec, tv_usec, offset in seconds, pulse, leap, padding, magic; the machine's order.
fn encode(sample: &RefclockSample) -> [u8; OCTETS] {
    let (sec, nsec) = split(sample.system);
    // The time is told in whole microseconds; the offset is not touched by that, it belongs to an interval.
    let parts: [&[u8]; 7] = [
        &sec.to_ne_bytes(),
        &i64::from(nsec / 1_000).to_ne_bytes(),
        &(sample.offset.nanos_f64() * 1e-9).to_ne_bytes(),
        &0i32.to_ne_bytes(),
        &leap_indicator(sample.leap).to_ne_bytes(),
        &0i32.to_ne_bytes(),
        &MAGIC.to_ne_bytes(),
    ];
    let mut octets = [0; OCTETS];
    for (place, octet) in octets.iter_mut().zip(parts.into_iter().flatten()) {
        *place = *octet;
    }
    octets
}

#[cfg(test)]
mod tests {
    use ptp_wire::{TimeInterval, TimePoint};

    use super::*;
    use crate::LeapSecond;

    #[test]
    fn a_datagram_is_chronys() {
        let path = std::env::temp_dir().join(format!("ptp-clock-sock-{}", std::process::id()));
        let sample = RefclockSample {
            system: TimePoint::from_nanos(1_700_000_000_000_123_456),
            offset: TimeInterval::from_nanos(-250_000),
            leap: LeapSecond::Delete,
        };
        let mut sock = ChronySock::new(&path).expect("a socket");
        assert!(matches!(sock.send(&sample), Err(ClockError::NotFound { .. })));
        let chronyd = std::os::unix::net::UnixDatagram::bind(&path).expect("bind");
        sock.send(&sample).expect("somebody listens");
        let mut octets = [0; 64];
        let n = chronyd.recv(&mut octets).expect("a datagram");
        drop(chronyd);
        std::fs::remove_file(&path).expect("it was there");
        assert_eq!(n, 40);
        let i32_at = |at: usize| i32::from_ne_bytes(octets[at..at + 4].try_into().expect("four"));
        let i64_at = |at: usize| i64::from_ne_bytes(octets[at..at + 8].try_into().expect("eight"));
        assert_eq!((i64_at(0), i64_at(8)), (1_700_000_000, 123));
        assert_eq!(f64::from_ne_bytes(octets[16..24].try_into().expect("eight")), -250e-6);
        assert_eq!((i32_at(24), i32_at(28), i32_at(32), i32_at(36)), (0, 2, 0, 0x534f_434b));
        assert!(matches!(sock.send(&sample), Err(ClockError::NotFound { .. })));
    }

    #[test]
    fn paths_have_a_limit() {
        assert!(ChronySock::new(Path::new(&"x".repeat(108))).is_err());
        assert!(ChronySock::new(Path::new("")).is_err());
    }
}
