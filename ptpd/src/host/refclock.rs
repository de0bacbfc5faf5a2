//! Offsets that go to an NTP daemon instead of to the clock (linuxptp's servos `ntpshm` and `refclock_sock`).

use std::path::PathBuf;

use ptp_clock::{ChronySock, ClockError, LeapSecond, NtpShm, RefclockSample};
use ptp_daemon::RateLimit;
use ptp_wire::{TimeInterval, TimePoint};
use tracing::warn;

/// ns between two words about a daemon that does not listen.
const QUIET_NS: u64 = 60_000_000_000;

/// Where an NTP daemon reads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refclock {
    /// A shared memory segment, by its unit (0..=255).
    NtpShm(u32),
    /// The socket that chronyd makes.
    ChronySock(PathBuf),
}

#[derive(Debug)]
enum Output {
    Shm(NtpShm),
    Sock(ChronySock),
}

/// An NTP daemon's end, open.
#[derive(Debug)]
pub struct Feed {
    output: Output,
    leap: LeapSecond,
    missing: RateLimit,
}

impl Feed {
    /// Opens it. chronyd need not be there yet.
    ///
    /// # Errors
    /// No rights to the segment, or a path that cannot be a socket's.
    pub fn open(refclock: &Refclock) -> Result<Self, ClockError> {
        let output = match refclock {
            Refclock::NtpShm(unit) => Output::Shm(NtpShm::open(*unit)?),
            Refclock::ChronySock(path) => Output::Sock(ChronySock::new(path)?),
        };
        Ok(Self { output, leap: LeapSecond::None, missing: RateLimit::new(QUIET_NS) })
    }

    /// The leap second at the end of this UTC day, told with each offset from now on.
    pub fn set_leap(&mut self, leap: LeapSecond) {
        self.leap = leap;
    }

    /// Hands over an offset (local minus master) that was measured when the clock showed `local`.
    pub fn hand_over(&mut self, now_ns: u64, offset: TimeInterval, local: TimePoint) {
        let sample = RefclockSample { system: local, offset: -offset, leap: self.leap };
        let sent = match &mut self.output {
            Output::Shm(shm) => {
                shm.write(&sample);
                Ok(())
            }
            Output::Sock(sock) => sock.send(&sample),
        };
        if let Err(e) = sent
            && self.missing.allow(now_ns).is_some()
        {
            warn!("no NTP daemon takes the offsets: is chronyd running with `refclock SOCK`? ({e})");
        }
    }
}
