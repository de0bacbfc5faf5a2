//! White Rabbit's organization extension (08-00-30, sub-type DE-AD-01).

use core::fmt;

use crate::WireError;
use crate::dump::{Dump, Hex};
use crate::field::{Field, Show, layout};
use crate::octets::{Cursor, Reader};

layout! {
    /// CALIBRATE.
    #[derive(Eq)]
    Calibrate {
        /// calSendPattern.
        send_pattern: u8,
        /// calRetry.
        retry: u8,
        /// calPeriod in us.
        period: u32,
    }
}

layout! {
    /// CALIBRATED: fixed delays, in ps x 2^16.
    #[derive(Eq)]
    Calibrated {
        /// deltaTx.
        delta_tx: i64,
        /// deltaRx.
        delta_rx: i64,
    }
}

/// A White Rabbit message, by wrMessageId.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WhiteRabbit<'a> {
    /// SLAVE_PRESENT.
    SlavePresent,
    /// LOCK.
    Lock,
    /// LOCKED.
    Locked,
    /// CALIBRATE.
    Calibrate(Calibrate),
    /// CALIBRATED.
    Calibrated(Calibrated),
    /// WR_MODE_ON.
    WrModeOn,
    /// The suffix of an Announce: wrFlags, bits 0-1 wrConfig (1 master only, 2 slave only, 3 both), 2 calibrated, 3 wrModeOn.
    AnnounceSuffix(u16),
    /// Any other wrMessageId and its data.
    Other(u16, &'a [u8]),
}

impl<'a> WhiteRabbit<'a> {
    pub(super) fn parse(data: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(data);
        Ok(match r.u16()? {
            0x1000 => Self::SlavePresent,
            0x1001 => Self::Lock,
            0x1002 => Self::Locked,
            0x1003 => Self::Calibrate(Field::read(&mut r)?),
            0x1004 => Self::Calibrated(Field::read(&mut r)?),
            0x1005 => Self::WrModeOn,
            0x2000 => Self::AnnounceSuffix(r.u16()?),
            id => Self::Other(id, r.rest()),
        })
    }

    /// wrMessageId.
    pub const fn message_id(&self) -> u16 {
        match self {
            Self::SlavePresent => 0x1000,
            Self::Lock => 0x1001,
            Self::Locked => 0x1002,
            Self::Calibrate(_) => 0x1003,
            Self::Calibrated(_) => 0x1004,
            Self::WrModeOn => 0x1005,
            Self::AnnounceSuffix(_) => 0x2000,
            Self::Other(id, _) => *id,
        }
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u16(self.message_id())?;
        match self {
            Self::SlavePresent | Self::Lock | Self::Locked | Self::WrModeOn => Ok(()),
            Self::Calibrate(c) => Field::write(c, w),
            Self::Calibrated(c) => Field::write(c, w),
            Self::AnnounceSuffix(flags) => w.u16(*flags),
            Self::Other(_, data) => w.put(data),
        }
    }

    pub(super) fn dump(&self, d: &mut Dump<'_, '_>) -> fmt::Result {
        let name = match self {
            Self::SlavePresent => "SLAVE_PRESENT",
            Self::Lock => "LOCK",
            Self::Locked => "LOCKED",
            Self::Calibrate(_) => "CALIBRATE",
            Self::Calibrated(_) => "CALIBRATED",
            Self::WrModeOn => "WR_MODE_ON",
            Self::AnnounceSuffix(_) => "ANN_SUFFIX",
            Self::Other(..) => "unknown",
        };
        d.field("wr_message_id", format_args!("{:#06x} {name}", self.message_id()))?;
        match self {
            Self::Calibrate(c) => c.dump(d),
            Self::Calibrated(c) => c.dump(d),
            Self::AnnounceSuffix(flags) => d.field("wr_flags", Show(flags)),
            Self::Other(_, data) => d.field("data", Hex(data)),
            _ => Ok(()),
        }
    }
}
