//! Unicast negotiation (1588-2019 16.1).

use core::fmt;

use crate::field::{Field, bits, layout};
use crate::octets::{Cursor, Reader};
use crate::{LogInterval, MessageType, WireError};

/// A message type in the high nibble; the low one is reserved.
impl Field for MessageType {
    const LEN: usize = 1;

    fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Self::from_nibble(r.u8()? >> 4).ok_or(WireError::MessageType)
    }

    fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u8((*self as u8) << 4)
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

layout! {
    /// REQUEST_UNICAST_TRANSMISSION (16.1.4.1).
    #[derive(Eq)]
    RequestUnicast {
        /// What is asked for: Announce, Sync, Delay_Resp or Pdelay_Resp. Others are to be refused.
        message_type: MessageType,
        /// logInterMessagePeriod.
        log_inter_message_period: LogInterval,
        /// durationField in seconds.
        duration: u32,
    }
}

bits! {
    /// The flags of [`GrantUnicast`].
    GrantFlags {
        /// R, renewalInvited.
        RENEWAL_INVITED = 0,
    }
}

layout! {
    /// GRANT_UNICAST_TRANSMISSION (16.1.4.2).
    #[derive(Eq)]
    GrantUnicast {
        /// What was asked for.
        message_type: MessageType,
        /// logInterMessagePeriod granted.
        log_inter_message_period: LogInterval,
        /// durationField in seconds; 0: refused.
        duration: u32 => reserved 1,
        /// renewalInvited.
        flags: GrantFlags,
    }
}

/// CANCEL_UNICAST_TRANSMISSION and ACKNOWLEDGE_CANCEL_UNICAST_TRANSMISSION (16.1.4.3, 16.1.4.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CancelUnicast {
    /// What ends.
    pub message_type: MessageType,
    /// R, maintainRequest (2019): the requester keeps asking for other types.
    pub maintain_request: bool,
    /// G, maintainGrant (2019): the granter keeps granting.
    pub maintain_grant: bool,
}

impl CancelUnicast {
    /// Octets on the wire.
    pub const LEN: usize = 2;

    /// Reads exactly 2 octets.
    ///
    /// # Errors
    /// [`WireError::Truncated`] or [`WireError::TlvLength`]; [`WireError::MessageType`] for a reserved type.
    pub fn parse(value: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(value);
        let [octet, _reserved] = r.array()?;
        if !r.rest().is_empty() {
            return Err(WireError::TlvLength);
        }
        Ok(Self {
            message_type: MessageType::from_nibble(octet >> 4).ok_or(WireError::MessageType)?,
            maintain_request: octet & 1 != 0,
            maintain_grant: octet & 2 != 0,
        })
    }

    /// Writes 2 octets to the front of `room`.
    ///
    /// # Errors
    /// [`WireError::NoSpace`].
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let flags = u8::from(self.maintain_request) | (u8::from(self.maintain_grant) << 1);
        let mut w = Cursor::new(room);
        w.put(&[((self.message_type as u8) << 4) | flags, 0])?;
        Ok(w.position())
    }

    pub(crate) fn dump(&self, d: &mut crate::dump::Dump<'_, '_>) -> fmt::Result {
        d.field("message_type", self.message_type)?;
        d.field("maintain_request", self.maintain_request)?;
        d.field("maintain_grant", self.maintain_grant)
    }
}
