use core::fmt;
use core::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use core::time::Duration;

use crate::WireError;
use crate::octets::{Cursor, Reader};

const NS_PER_S: u32 = 1_000_000_000;

/// A length of time in units of 2^-16 ns (1588-2019 5.3.2). `MAX` means "too big to tell". All arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TimeInterval(pub i64);

impl TimeInterval {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// The largest: "too big, or not available".
    pub const MAX: Self = Self(i64::MAX);
    /// The smallest.
    pub const MIN: Self = Self(i64::MIN);

    /// From whole nanoseconds.
    pub const fn from_nanos(ns: i64) -> Self {
        Self(ns.saturating_mul(1 << 16))
    }

    /// The nearest to nanoseconds with a fraction; not-a-number gives zero.
    pub fn from_nanos_f64(ns: f64) -> Self {
        let scaled = ns * 65536.0;
        // From 2^52 on every f64 is whole, and the sum would be rounded itself.
        let half = if scaled.abs() < (1u64 << 52) as f64 { 0.5f64.copysign(scaled) } else { 0.0 };
        Self((scaled + half) as i64)
    }

    /// Whole nanoseconds, rounded towards minus infinity.
    pub const fn nanos(self) -> i64 {
        self.0 >> 16
    }

    /// Nanoseconds with a fraction.
    pub fn nanos_f64(self) -> f64 {
        self.0 as f64 / 65536.0
    }

    /// The length without its sign.
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// Half of it.
    pub const fn half(self) -> Self {
        Self(self.0 / 2)
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.i64().map(Self)
    }

    pub(crate) fn write(self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.i64(self.0)
    }
}

impl Add for TimeInterval {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self(self.0.saturating_add(o.0))
    }
}

impl Sub for TimeInterval {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Self(self.0.saturating_sub(o.0))
    }
}

impl Neg for TimeInterval {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for TimeInterval {
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}

impl SubAssign for TimeInterval {
    fn sub_assign(&mut self, o: Self) {
        *self = *self - o;
    }
}

/// In nanoseconds, one decimal.
impl fmt::Display for TimeInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ns", self.nanos_f64())
    }
}

/// A time on the wire (1588-2019 5.3.3): 48 bits of seconds, nanoseconds below 10^9.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp {
    seconds: u64,
    nanoseconds: u32,
}

impl Timestamp {
    /// Octets on the wire.
    pub const LEN: usize = 10;
    /// The epoch.
    pub const ZERO: Self = Self { seconds: 0, nanoseconds: 0 };

    /// `None` if the seconds need more than 48 bits or the nanoseconds reach 10^9.
    pub const fn new(seconds: u64, nanoseconds: u32) -> Option<Self> {
        if seconds < 1 << 48 && nanoseconds < NS_PER_S { Some(Self { seconds, nanoseconds }) } else { None }
    }

    /// Seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.seconds
    }

    /// Nanoseconds within the second.
    pub const fn nanoseconds(self) -> u32 {
        self.nanoseconds
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let [a, b, c, d, e, f, nanoseconds @ ..] = r.array::<10>()?;
        let seconds = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        Self::new(seconds, u32::from_be_bytes(nanoseconds)).ok_or(WireError::Nanoseconds)
    }

    pub(crate) fn write(self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        let [_, _, a, b, c, d, e, f] = self.seconds.to_be_bytes();
        let [g, h, i, j] = self.nanoseconds.to_be_bytes();
        w.put(&[a, b, c, d, e, f, g, h, i, j])
    }
}

/// `seconds.nanoseconds`
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.seconds, self.nanoseconds)
    }
}

/// A time on some clock in 2^-16 ns since its epoch: a [`Timestamp`] that keeps its fraction, and may be negative.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TimePoint(i128);

impl TimePoint {
    /// The epoch.
    pub const ZERO: Self = Self(0);
    // 48 bits of seconds in 2^-16 ns need 94 bits; twice that is far from overflow in any sum here.
    const LIMIT: i128 = 1 << 96;

    /// From units of 2^-16 ns, clamped to what a [`Timestamp`] could need and more.
    pub const fn from_scaled(v: i128) -> Self {
        if v > Self::LIMIT {
            Self(Self::LIMIT)
        } else if v < -Self::LIMIT {
            Self(-Self::LIMIT)
        } else {
            Self(v)
        }
    }

    /// From whole nanoseconds since the epoch.
    pub const fn from_nanos(ns: i128) -> Self {
        if ns > Self::LIMIT >> 16 || ns < -(Self::LIMIT >> 16) {
            return Self::from_scaled(if ns > 0 { Self::LIMIT } else { -Self::LIMIT });
        }
        Self(ns << 16)
    }

    /// In units of 2^-16 ns.
    pub const fn scaled(self) -> i128 {
        self.0
    }

    /// Whole nanoseconds since the epoch, rounded down.
    pub const fn nanos(self) -> i128 {
        self.0 >> 16
    }

    /// The wire's two parts: whole nanoseconds, and the fraction (0 up to 1 ns) that a correctionField carries.
    /// Times before the epoch or beyond 48 bits of seconds are clamped.
    pub fn split(self) -> (Timestamp, TimeInterval) {
        const MAX_NS: i128 = ((1 << 48) * NS_PER_S as i128) - 1;
        let ns = self.nanos().clamp(0, MAX_NS);
        let fraction = if ns == self.nanos() { (self.0 & 0xffff) as i64 } else { 0 };
        let t = Timestamp {
            seconds: (ns / i128::from(NS_PER_S)) as u64,
            nanoseconds: (ns % i128::from(NS_PER_S)) as u32,
        };
        (t, TimeInterval(fraction))
    }
}

impl From<Timestamp> for TimePoint {
    fn from(t: Timestamp) -> Self {
        Self::from_nanos(i128::from(t.seconds) * i128::from(NS_PER_S) + i128::from(t.nanoseconds))
    }
}

impl Add<TimeInterval> for TimePoint {
    type Output = Self;
    fn add(self, d: TimeInterval) -> Self {
        Self::from_scaled(self.0 + i128::from(d.0))
    }
}

impl Sub<TimeInterval> for TimePoint {
    type Output = Self;
    fn sub(self, d: TimeInterval) -> Self {
        Self::from_scaled(self.0 - i128::from(d.0))
    }
}

/// The length between two times; saturates at about 39 hours, the reach of a [`TimeInterval`].
impl Sub for TimePoint {
    type Output = TimeInterval;
    fn sub(self, o: Self) -> TimeInterval {
        TimeInterval((self.0 - o.0).clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }
}

/// `seconds.nanoseconds`
impl fmt::Display for TimePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.nanos();
        let (sign, ns) = if ns < 0 { ("-", -ns) } else { ("", ns) };
        write!(f, "{sign}{}.{:09}", ns / i128::from(NS_PER_S), ns % i128::from(NS_PER_S))
    }
}

/// A message interval as log2 of seconds (1588-2019 7.7.2); 0x7F: not applicable.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LogInterval(pub i8);

impl LogInterval {
    /// 0x7F.
    pub const NOT_APPLICABLE: Self = Self(0x7f);

    /// The interval, with the exponent clamped to -30..=30 so that any octet is safe. At least 1 ns.
    pub fn duration(self) -> Duration {
        let l = self.0.clamp(-30, 30);
        if l >= 0 {
            Duration::from_secs(1 << l)
        } else {
            Duration::from_nanos((u64::from(NS_PER_S) >> l.unsigned_abs()).max(1))
        }
    }

    /// The interval in seconds, the exponent clamped likewise. Exact.
    pub fn seconds(self) -> f64 {
        let l = self.0.clamp(-30, 30);
        let power = (1u64 << l.unsigned_abs()) as f64;
        if l >= 0 { power } else { 1.0 / power }
    }
}
