//! ALTERNATE_TIME_OFFSET_INDICATOR (1588-2019 16.3).

use core::fmt;

use super::text::Shown;
use crate::dump::Dump;
use crate::field::Field;
use crate::management::PtpText;
use crate::octets::{Cursor, Reader};
use crate::{Seconds48, WireError};

/// How another timescale, such as local time, differs from the node's (16.3.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AlternateTimeOffsetIndicator<'a> {
    /// Which timescale.
    pub key_field: u8,
    /// currentOffset: the alternate time minus the node's, in seconds.
    pub current_offset: i32,
    /// jumpSeconds: the size of the next jump, in seconds.
    pub jump_seconds: i32,
    /// timeOfNextJump: the node's time, just after the jump.
    pub time_of_next_jump: Seconds48,
    /// displayName: at most 10 octets should be sent; any are read.
    pub display_name: PtpText<'a>,
}

impl<'a> AlternateTimeOffsetIndicator<'a> {
    /// Reads a value with at most one octet of padding.
    ///
    /// # Errors
    /// [`WireError::Truncated`] or [`WireError::TlvLength`].
    pub fn parse(value: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(value);
        let offset = Self {
            key_field: r.u8()?,
            current_offset: r.i32()?,
            jump_seconds: r.i32()?,
            time_of_next_jump: Seconds48::read(&mut r)?,
            display_name: PtpText::read(&mut r)?,
        };
        if r.rest().len() > 1 { Err(WireError::TlvLength) } else { Ok(offset) }
    }

    /// Writes the value, not padded, to the front of `room`.
    ///
    /// # Errors
    /// [`WireError::NoSpace`].
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let mut w = Cursor::new(room);
        w.u8(self.key_field)?;
        w.i32(self.current_offset)?;
        w.i32(self.jump_seconds)?;
        self.time_of_next_jump.write(&mut w)?;
        self.display_name.write(&mut w)?;
        Ok(w.position())
    }

    pub(crate) fn dump(&self, d: &mut Dump<'_, '_>) -> fmt::Result {
        d.field("key_field", self.key_field)?;
        d.field("current_offset", self.current_offset)?;
        d.field("jump_seconds", self.jump_seconds)?;
        d.field("time_of_next_jump", self.time_of_next_jump.get())?;
        d.field("display_name", Shown(self.display_name))
    }
}
