//! How it stands with the clock of an instance: CLOCK_STATUS_NP.

use crate::octets::{Cursor, Reader};
use crate::{TimeInterval, WireError};

/// CLOCK_STATUS_NP: how it stands with the clock that an instance keeps, and how far off it may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClockStatusNp {
    /// 0 free, 1 measured, 2 acquiring, 3 locked, 4 holdover, 5 grandmaster.
    pub clock_state: u8,
    /// Bit 0: the error bound is known; bit 1: the clock is steered, and so it has a frequency correction.
    pub flags: u8,
    /// Times the clock was stepped or set; no more than the field holds.
    pub steps: u16,
    /// For how long the clock has been held on a prediction, s; 0 outside holdover.
    pub holdover_s: u32,
    /// 99 % of the errors are below this.
    pub error_bound: TimeInterval,
    /// Frequency correction in force, ppb x 2^16.
    pub scaled_frequency: i64,
}

impl ClockStatusNp {
    /// [`ClockStatusNp::error_bound`] is known.
    pub const BOUND_KNOWN: u8 = 1;
    /// The clock is steered.
    pub const STEERED: u8 = 2;

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            clock_state: r.u8()?,
            flags: r.u8()?,
            steps: r.u16()?,
            holdover_s: r.u32()?,
            error_bound: TimeInterval::read(r)?,
            scaled_frequency: TimeInterval::read(r)?.0,
        })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&[self.clock_state, self.flags])?;
        w.u16(self.steps)?;
        w.u32(self.holdover_s)?;
        self.error_bound.write(w)?;
        TimeInterval(self.scaled_frequency).write(w)
    }
}
