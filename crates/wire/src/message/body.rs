use super::{Announce, MessageType};
use crate::management::ManagementHeader;
use crate::octets::{Cursor, Reader};
use crate::{PortIdentity, Timestamp, WireError};

/// The fixed part that follows the header (1588-2019 13.5 to 13.13). TLVs come after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Body {
    /// 13.6.
    Sync {
        /// 0 or an estimate where a Follow_Up follows.
        origin_timestamp: Timestamp,
    },
    /// 13.6.
    DelayReq {
        /// May be 0.
        origin_timestamp: Timestamp,
    },
    /// 13.9.
    PdelayReq {
        /// May be 0.
        origin_timestamp: Timestamp,
    },
    /// 13.10.
    PdelayResp {
        /// t2; 0 where the responder sends only its turnaround time.
        request_receipt_timestamp: Timestamp,
        /// The asking port.
        requesting_port_identity: PortIdentity,
    },
    /// 13.7.
    FollowUp {
        /// t1.
        precise_origin_timestamp: Timestamp,
    },
    /// 13.8.
    DelayResp {
        /// t4.
        receive_timestamp: Timestamp,
        /// The asking port.
        requesting_port_identity: PortIdentity,
    },
    /// 13.11.
    PdelayRespFollowUp {
        /// t3; 0 where the responder sends only its turnaround time.
        response_origin_timestamp: Timestamp,
        /// The asking port.
        requesting_port_identity: PortIdentity,
    },
    /// 13.5.
    Announce(Announce),
    /// 13.12.
    Signaling {
        /// Whom it is for.
        target_port_identity: PortIdentity,
    },
    /// 15.4.1.
    Management(ManagementHeader),
}

impl Body {
    /// The message type this body belongs to.
    pub const fn message_type(&self) -> MessageType {
        match self {
            Self::Sync { .. } => MessageType::Sync,
            Self::DelayReq { .. } => MessageType::DelayReq,
            Self::PdelayReq { .. } => MessageType::PdelayReq,
            Self::PdelayResp { .. } => MessageType::PdelayResp,
            Self::FollowUp { .. } => MessageType::FollowUp,
            Self::DelayResp { .. } => MessageType::DelayResp,
            Self::PdelayRespFollowUp { .. } => MessageType::PdelayRespFollowUp,
            Self::Announce(_) => MessageType::Announce,
            Self::Signaling { .. } => MessageType::Signaling,
            Self::Management(_) => MessageType::Management,
        }
    }

    pub(crate) fn read(t: MessageType, r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match t {
            MessageType::Sync => Self::Sync { origin_timestamp: Timestamp::read(r)? },
            MessageType::DelayReq => Self::DelayReq { origin_timestamp: Timestamp::read(r)? },
            MessageType::PdelayReq => {
                let origin_timestamp = Timestamp::read(r)?;
                r.take(10)?;
                Self::PdelayReq { origin_timestamp }
            }
            MessageType::PdelayResp => Self::PdelayResp {
                request_receipt_timestamp: Timestamp::read(r)?,
                requesting_port_identity: PortIdentity::read(r)?,
            },
            MessageType::FollowUp => Self::FollowUp { precise_origin_timestamp: Timestamp::read(r)? },
            MessageType::DelayResp => Self::DelayResp {
                receive_timestamp: Timestamp::read(r)?,
                requesting_port_identity: PortIdentity::read(r)?,
            },
            MessageType::PdelayRespFollowUp => Self::PdelayRespFollowUp {
                response_origin_timestamp: Timestamp::read(r)?,
                requesting_port_identity: PortIdentity::read(r)?,
            },
            MessageType::Announce => Self::Announce(Announce::read(r)?),
            MessageType::Signaling => Self::Signaling { target_port_identity: PortIdentity::read(r)? },
            MessageType::Management => Self::Management(ManagementHeader::read(r)?),
        })
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        match self {
            Self::Sync { origin_timestamp: t }
            | Self::DelayReq { origin_timestamp: t }
            | Self::FollowUp { precise_origin_timestamp: t } => t.write(w),
            Self::PdelayReq { origin_timestamp } => {
                origin_timestamp.write(w)?;
                w.put(&[0; 10])
            }
            Self::PdelayResp { request_receipt_timestamp: t, requesting_port_identity: p }
            | Self::DelayResp { receive_timestamp: t, requesting_port_identity: p }
            | Self::PdelayRespFollowUp { response_origin_timestamp: t, requesting_port_identity: p } => {
                t.write(w)?;
                p.write(w)
            }
            Self::Announce(a) => a.write(w),
            Self::Signaling { target_port_identity } => target_port_identity.write(w),
            Self::Management(m) => m.write(w),
        }
    }
}
