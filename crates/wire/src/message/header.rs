use core::fmt;

use super::Flags;
use crate::octets::{Cursor, Reader};
use crate::{LogInterval, PortIdentity, SdoId, TimeInterval, WireError};

/// `messageType` (1588-2019 table 36).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum MessageType {
    /// Event.
    Sync = 0x0,
    /// Event.
    DelayReq = 0x1,
    /// Event.
    PdelayReq = 0x2,
    /// Event.
    PdelayResp = 0x3,
    /// General.
    FollowUp = 0x8,
    /// General.
    DelayResp = 0x9,
    /// General.
    PdelayRespFollowUp = 0xa,
    /// General.
    Announce = 0xb,
    /// General.
    Signaling = 0xc,
    /// General.
    Management = 0xd,
}

impl MessageType {
    /// All ten, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Sync,
        Self::DelayReq,
        Self::PdelayReq,
        Self::PdelayResp,
        Self::FollowUp,
        Self::DelayResp,
        Self::PdelayRespFollowUp,
        Self::Announce,
        Self::Signaling,
        Self::Management,
    ];

    /// From the low nibble; `None` for reserved numbers.
    pub const fn from_nibble(n: u8) -> Option<Self> {
        Some(match n {
            0x0 => Self::Sync,
            0x1 => Self::DelayReq,
            0x2 => Self::PdelayReq,
            0x3 => Self::PdelayResp,
            0x8 => Self::FollowUp,
            0x9 => Self::DelayResp,
            0xa => Self::PdelayRespFollowUp,
            0xb => Self::Announce,
            0xc => Self::Signaling,
            0xd => Self::Management,
            _ => return None,
        })
    }

    /// Event messages are stamped and go to the event port.
    pub const fn is_event(self) -> bool {
        (self as u8) < 8
    }

    /// Octets of header and fixed body.
    pub const fn min_len(self) -> usize {
        match self {
            Self::Sync | Self::DelayReq | Self::FollowUp | Self::Signaling => 44,
            Self::PdelayReq | Self::PdelayResp | Self::DelayResp | Self::PdelayRespFollowUp => 54,
            Self::Announce => 64,
            Self::Management => 48,
        }
    }

    /// The standard's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sync => "Sync",
            Self::DelayReq => "Delay_Req",
            Self::PdelayReq => "Pdelay_Req",
            Self::PdelayResp => "Pdelay_Resp",
            Self::FollowUp => "Follow_Up",
            Self::DelayResp => "Delay_Resp",
            Self::PdelayRespFollowUp => "Pdelay_Resp_Follow_Up",
            Self::Announce => "Announce",
            Self::Signaling => "Signaling",
            Self::Management => "Management",
        }
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The common header (1588-2019 13.3) without `messageLength`, which the message itself decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// messageType.
    pub message_type: MessageType,
    /// majorSdoId and minorSdoId.
    pub sdo_id: SdoId,
    /// minorVersionPTP, 0..=15: 1 for 1588-2019. Receivers accept any.
    pub minor_version: u8,
    /// domainNumber.
    pub domain_number: u8,
    /// flagField.
    pub flags: Flags,
    /// correctionField.
    pub correction: TimeInterval,
    /// messageTypeSpecific: 0 on the wire, ignored on receipt.
    pub message_type_specific: u32,
    /// sourcePortIdentity.
    pub source_port_identity: PortIdentity,
    /// sequenceId.
    pub sequence_id: u16,
    /// controlField: 0 in 1588-2019, ignored on receipt.
    pub control: u8,
    /// logMessageInterval.
    pub log_message_interval: LogInterval,
}

impl Header {
    /// Octets on the wire.
    pub const LEN: usize = 34;

    /// A header with minor version 1, interval 0x7F and everything else zero.
    pub const fn new(message_type: MessageType) -> Self {
        Self {
            message_type,
            sdo_id: SdoId::PTP,
            minor_version: 1,
            domain_number: 0,
            flags: Flags::NONE,
            correction: TimeInterval::ZERO,
            message_type_specific: 0,
            source_port_identity: PortIdentity::new(crate::ClockIdentity::ZERO, 0),
            sequence_id: 0,
            control: 0,
            log_message_interval: LogInterval::NOT_APPLICABLE,
        }
    }

    /// Reads the header alone, from the front of a datagram that may hold no whole message; returns it and `messageLength`.
    ///
    /// # Errors
    /// [`WireError::Truncated`], [`WireError::Version`] or [`WireError::MessageType`].
    pub fn parse(octets: &[u8]) -> Result<(Self, u16), WireError> {
        Self::read(&mut Reader::new(octets))
    }

    /// Reads 34 octets; returns the header and `messageLength`.
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<(Self, u16), WireError> {
        // One check for all fields: below, the compiler knows that they are there.
        let octets = r.array::<{ Self::LEN }>()?;
        let r = &mut Reader::new(&octets);
        let [first, version] = r.array()?;
        let length = r.u16()?;
        let domain_number = r.u8()?;
        let minor_sdo = r.u8()?;
        if version & 0x0f != 2 {
            return Err(WireError::Version);
        }
        let message_type = MessageType::from_nibble(first & 0x0f).ok_or(WireError::MessageType)?;
        let header = Self {
            message_type,
            sdo_id: SdoId::new((u16::from(first >> 4) << 8) | u16::from(minor_sdo)),
            minor_version: version >> 4,
            domain_number,
            flags: Flags(r.u16()?),
            correction: TimeInterval::read(r)?,
            message_type_specific: r.u32()?,
            source_port_identity: PortIdentity::read(r)?,
            sequence_id: r.u16()?,
            control: r.u8()?,
            log_message_interval: LogInterval(r.i8()?),
        };
        Ok((header, length))
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>, length: u16) -> Result<(), WireError> {
        let mut octets = [0; Self::LEN];
        let mut fields = Cursor::new(&mut octets);
        self.write_fields(&mut fields, length)?;
        w.put(&octets)
    }

    fn write_fields(&self, w: &mut Cursor<'_>, length: u16) -> Result<(), WireError> {
        w.u8((self.sdo_id.major() << 4) | self.message_type as u8)?;
        w.u8((self.minor_version << 4) | 2)?;
        w.u16(length)?;
        w.u8(self.domain_number)?;
        w.u8(self.sdo_id.minor())?;
        w.u16(self.flags.0)?;
        self.correction.write(w)?;
        w.u32(self.message_type_specific)?;
        self.source_port_identity.write(w)?;
        w.u16(self.sequence_id)?;
        w.u8(self.control)?;
        w.i8(self.log_message_interval.0)
    }
}
