use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

use ptp_wire::TimeInterval;

/// True time since the simulation began, in units of 2^-16 ns.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Moment(pub i128);

impl Moment {
    /// From whole nanoseconds.
    pub const fn from_nanos(ns: u64) -> Self {
        Self((ns as i128) << 16)
    }

    /// Whole nanoseconds, rounded down.
    pub fn nanos(self) -> u64 {
        u64::try_from(self.0 >> 16).unwrap_or(0)
    }

    /// Seconds, for people.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / (65536.0 * 1e9)
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from((self.0 - earlier.0) >> 16).unwrap_or(0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0 + ((d.as_nanos() as i128) << 16))
    }
}

impl Add<TimeInterval> for Moment {
    type Output = Self;
    fn add(self, d: TimeInterval) -> Self {
        Self(self.0 + i128::from(d.0))
    }
}

/// In units of 2^-16 ns.
impl Sub for Moment {
    type Output = i128;
    fn sub(self, o: Self) -> i128 {
        self.0 - o.0
    }
}

/// Seconds with six decimals.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} s", self.seconds())
    }
}
