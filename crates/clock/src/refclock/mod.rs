//! NTP daemons: reference clock output that they take time from, and what chronyd makes of the system clock.

mod chronyd;
mod shm;
mod sock;

use ptp_wire::{TimeInterval, TimePoint};

use crate::LeapSecond;

pub use chronyd::{Chronyd, SystemEstimate};
pub use shm::NtpShm;
pub use sock::ChronySock;

/// One measurement for an NTP daemon.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefclockSample {
    /// The system clock, UTC, at the measurement.
    pub system: TimePoint,
    /// True time minus the system clock.
    pub offset: TimeInterval,
    /// What is announced for the end of this UTC day.
    pub leap: LeapSecond,
}

/// Seconds and nanoseconds in 0..10^9; seconds beyond 64 bits saturate.
fn split(t: TimePoint) -> (i64, u32) {
    let ns = t.nanos();
    let seconds = i64::try_from(ns.div_euclid(1_000_000_000)).unwrap_or(i64::MAX);
    (seconds, u32::try_from(ns.rem_euclid(1_000_000_000)).unwrap_or(0))
}
