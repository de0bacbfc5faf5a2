use core::ops::{BitOr, BitOrAssign};

/// `flagField` (1588-2019 13.3.2.8): first octet in bits 8-15, second in bits 0-7.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Flags(pub u16);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// alternateMasterFlag.
    pub const ALTERNATE_MASTER: Self = Self(0x0100);
    /// twoStepFlag: Sync and Pdelay_Resp only.
    pub const TWO_STEP: Self = Self(0x0200);
    /// unicastFlag.
    pub const UNICAST: Self = Self(0x0400);
    /// PTP profileSpecific 1.
    pub const PROFILE_SPECIFIC_1: Self = Self(0x2000);
    /// PTP profileSpecific 2.
    pub const PROFILE_SPECIFIC_2: Self = Self(0x4000);
    /// SECURITY (2008 annex K; reserved in 2019).
    pub const SECURITY: Self = Self(0x8000);
    /// leap61: the last minute of this UTC day has 61 seconds.
    pub const LEAP61: Self = Self(0x0001);
    /// leap59.
    pub const LEAP59: Self = Self(0x0002);
    /// currentUtcOffsetValid.
    pub const UTC_OFFSET_VALID: Self = Self(0x0004);
    /// ptpTimescale.
    pub const PTP_TIMESCALE: Self = Self(0x0008);
    /// timeTraceable.
    pub const TIME_TRACEABLE: Self = Self(0x0010);
    /// frequencyTraceable.
    pub const FREQUENCY_TRACEABLE: Self = Self(0x0020);
    /// synchronizationUncertain (2019).
    pub const SYNCHRONIZATION_UNCERTAIN: Self = Self(0x0040);

    /// All of `f` are set.
    pub const fn has(self, f: Self) -> bool {
        self.0 & f.0 == f.0
    }

    /// With `f` set or cleared.
    pub const fn with(self, f: Self, on: bool) -> Self {
        if on { Self(self.0 | f.0) } else { Self(self.0 & !f.0) }
    }

    /// The octet of time properties, as management and Announce carry it (bits 0-6).
    pub const fn time_properties(self) -> u8 {
        self.0 as u8
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, o: Self) -> Self {
        Self(self.0 | o.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, o: Self) {
        self.0 |= o.0;
    }
}
