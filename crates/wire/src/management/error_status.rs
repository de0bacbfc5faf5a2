use core::fmt;

use super::{ManagementId, PtpText};
use crate::WireError;
use crate::octets::{Cursor, Reader};

/// `managementErrorId` (1588-2019 table 109). Unknown numbers are kept.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ErrorId(pub u16);

impl ErrorId {
    /// The answer does not fit in one message.
    pub const RESPONSE_TOO_BIG: Self = Self(1);
    /// managementId is not known.
    pub const NO_SUCH_ID: Self = Self(2);
    /// The data's length is wrong.
    pub const WRONG_LENGTH: Self = Self(3);
    /// A value is not allowed.
    pub const WRONG_VALUE: Self = Self(4);
    /// Read-only.
    pub const NOT_SETABLE: Self = Self(5);
    /// Known, but not supported here or by this action.
    pub const NOT_SUPPORTED: Self = Self(6);
    /// Anything else.
    pub const GENERAL_ERROR: Self = Self(0xfffe);

    /// The standard's name; `None` for a reserved or implementation-specific number.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::RESPONSE_TOO_BIG => "RESPONSE_TOO_BIG",
            Self::NO_SUCH_ID => "NO_SUCH_ID",
            Self::WRONG_LENGTH => "WRONG_LENGTH",
            Self::WRONG_VALUE => "WRONG_VALUE",
            Self::NOT_SETABLE => "NOT_SETABLE",
            Self::NOT_SUPPORTED => "NOT_SUPPORTED",
            Self::GENERAL_ERROR => "GENERAL_ERROR",
            _ => return None,
        })
    }
}

/// The name, or `0x1234`.
impl fmt::Display for ErrorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "{:#06x}", self.0),
        }
    }
}

/// The value of a MANAGEMENT_ERROR_STATUS TLV (1588-2019 15.5.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ManagementErrorStatus<'a> {
    /// What was wrong.
    pub error: ErrorId,
    /// With which management ID.
    pub id: ManagementId,
    /// A text for people; may be missing on the wire.
    pub display_data: PtpText<'a>,
}

impl<'a> ManagementErrorStatus<'a> {
    /// From the value of a TLV of type MANAGEMENT_ERROR_STATUS.
    ///
    /// # Errors
    /// [`WireError::Truncated`] if fields are missing; [`WireError::TlvLength`] if octets are left over.
    pub fn parse(value: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(value);
        let error = ErrorId(r.u16()?);
        let id = ManagementId(r.u16()?);
        r.take(4)?;
        let display_data = if r.rest().is_empty() { PtpText::EMPTY } else { PtpText::read(&mut r)? };
        if r.rest().len() > 1 {
            return Err(WireError::TlvLength);
        }
        Ok(Self { error, id, display_data })
    }

    /// Writes the value, not padded, to the front of `room`, as [`crate::Writer::tlv_with`] wants it.
    /// An empty display text is left out.
    ///
    /// # Errors
    /// [`WireError::NoSpace`].
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let mut w = Cursor::new(room);
        w.u16(self.error.0)?;
        w.u16(self.id.0)?;
        w.u32(0)?;
        if self.display_data != PtpText::EMPTY {
            self.display_data.write(&mut w)?;
        }
        Ok(w.position())
    }
}
