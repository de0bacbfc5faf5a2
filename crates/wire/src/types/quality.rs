use crate::WireError;
use crate::octets::{Cursor, Reader};

/// `clockAccuracy` (1588-2019 7.6.2.6). Any octet is kept as it came.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClockAccuracy(pub u8);

impl ClockAccuracy {
    /// 0xFE.
    pub const UNKNOWN: Self = Self(0xfe);

    /// The bound in picoseconds that codes 0x17..=0x30 stand for; `None` for all others (0x31 is "> 10 s").
    /// The 2.5 ps of 0x18 are rounded up.
    pub fn picoseconds(self) -> Option<u64> {
        const BOUNDS: [u64; 26] = [
            1,
            3,
            10,
            25,
            100,
            250,
            1_000,
            2_500,
            10_000,
            25_000,
            100_000,
            250_000,
            1_000_000,
            2_500_000,
            10_000_000,
            25_000_000,
            100_000_000,
            250_000_000,
            1_000_000_000,
            2_500_000_000,
            10_000_000_000,
            25_000_000_000,
            100_000_000_000,
            250_000_000_000,
            1_000_000_000_000,
            10_000_000_000_000,
        ];
        BOUNDS.get(usize::from(self.0.checked_sub(0x17)?)).copied()
    }
}

/// `timeSource` (1588-2019 7.6.2.8). Any octet is kept as it came.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TimeSource(pub u8);

impl TimeSource {
    /// 0x20.
    pub const GNSS: Self = Self(0x20);
    /// 0x40.
    pub const PTP: Self = Self(0x40);
    /// 0xA0.
    pub const INTERNAL_OSCILLATOR: Self = Self(0xa0);

    /// The standard's word for it.
    pub fn name(self) -> &'static str {
        match self.0 {
            0x10 => "ATOMIC_CLOCK",
            0x20 => "GNSS",
            0x30 => "TERRESTRIAL_RADIO",
            0x39 => "SERIAL_TIME_CODE",
            0x40 => "PTP",
            0x50 => "NTP",
            0x60 => "HAND_SET",
            0x90 => "OTHER",
            0xa0 => "INTERNAL_OSCILLATOR",
            0xf0..=0xfe => "PROFILE",
            _ => "RESERVED",
        }
    }
}

/// How good a clock is (1588-2019 5.3.7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClockQuality {
    /// clockClass (7.6.2.5): 6 locked to a primary reference, 248 default, 255 client only.
    pub clock_class: u8,
    /// clockAccuracy.
    pub clock_accuracy: ClockAccuracy,
    /// 2^8 x log2(sigma^2 in s^2) + 0x8000; 0xFFFF: not computed.
    pub offset_scaled_log_variance: u16,
}

impl ClockQuality {
    /// Class 248, accuracy unknown, variance not computed.
    pub const DEFAULT: Self =
        Self { clock_class: 248, clock_accuracy: ClockAccuracy::UNKNOWN, offset_scaled_log_variance: 0xffff };

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            clock_class: r.u8()?,
            clock_accuracy: ClockAccuracy(r.u8()?),
            offset_scaled_log_variance: r.u16()?,
        })
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u8(self.clock_class)?;
        w.u8(self.clock_accuracy.0)?;
        w.u16(self.offset_scaled_log_variance)
    }
}
