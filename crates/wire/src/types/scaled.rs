use crate::field::number;

/// A rate against another clock: (ratio - 1) x 2^41 (1588-2019 16.10.3, 802.1AS 10.5.2.2.8).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RateOffset(pub i32);

impl RateOffset {
    /// The same rate.
    pub const ZERO: Self = Self(0);
    const SCALE: f64 = (1u64 << 41) as f64;

    /// The nearest to a ratio; clamped to about 1 +- 0.00098. Not-a-number gives [`Self::ZERO`].
    pub fn from_ratio(ratio: f64) -> Self {
        let scaled = (ratio - 1.0) * Self::SCALE;
        Self((scaled + 0.5f64.copysign(scaled)) as i32)
    }

    /// The ratio.
    pub fn ratio(self) -> f64 {
        1.0 + f64::from(self.0) / Self::SCALE
    }
}

number!(RateOffset, i32, "{}");

/// `UInteger48` seconds, as in timeOfNextJump.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Seconds48(u64);

impl Seconds48 {
    /// `None` for more than 48 bits.
    pub const fn new(seconds: u64) -> Option<Self> {
        if seconds < 1 << 48 { Some(Self(seconds)) } else { None }
    }

    /// Seconds.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl crate::field::Field for Seconds48 {
    const LEN: usize = 6;

    fn read(r: &mut crate::octets::Reader<'_>) -> Result<Self, crate::WireError> {
        r.u48().map(Self)
    }

    fn write(&self, w: &mut crate::octets::Cursor<'_>) -> Result<(), crate::WireError> {
        w.u48(self.0)
    }

    fn show(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rounded_and_clamped() {
        assert_eq!(RateOffset::from_ratio(1.0), RateOffset::ZERO);
        assert_eq!(RateOffset::from_ratio(1.0 + 1e-6), RateOffset(2_199_023));
        assert_eq!(RateOffset::from_ratio(1.0 - 1e-6), RateOffset(-2_199_023));
        assert_eq!(RateOffset::from_ratio(2.0), RateOffset(i32::MAX));
        assert_eq!(RateOffset::from_ratio(f64::NAN), RateOffset::ZERO);
        assert!((RateOffset(2_199_023).ratio() - 1.000_001).abs() < 1e-12);
    }

    #[test]
    fn seconds_have_48_bits() {
        assert_eq!(Seconds48::new(1 << 48), None);
        assert_eq!(Seconds48::new((1 << 48) - 1).map(Seconds48::get), Some(0xffff_ffff_ffff));
    }
}
