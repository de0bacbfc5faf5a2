//! Every TLV, decoded.

use core::fmt;

use super::{
    AlternateTimeOffsetIndicator, Authentication, CancelUnicast, CumulativeRateRatio,
    EnhancedAccuracyMetrics, GrantUnicast, L1Sync, Organization, PathTrace, PortCommunicationAvailability,
    PtpmonResp, RequestUnicast, SlaveDelayTimingDataNp, SlaveRxSyncComputedData, SlaveRxSyncTimingData,
    SlaveTxEventTimestamps, Tlv,
};
use crate::dump::{Dump, Hex};
use crate::management::{ManagementErrorStatus, ManagementTlv};
use crate::octets::{Cursor, Reader};
use crate::{PortAddress, TlvType, WireError, Writer};

/// A TLV's value, decoded by its type. [`TlvValue::Unknown`] keeps all others, so that nothing is lost.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum TlvValue<'a> {
    /// MANAGEMENT; [`ManagementTlv::payload`] decodes further.
    Management(ManagementTlv<'a>),
    /// MANAGEMENT_ERROR_STATUS.
    ManagementErrorStatus(ManagementErrorStatus<'a>),
    /// ORGANIZATION_EXTENSION, _PROPAGATE or _DO_NOT_PROPAGATE, as the type says.
    Organization(TlvType, Organization<'a>),
    /// REQUEST_UNICAST_TRANSMISSION.
    RequestUnicast(RequestUnicast),
    /// GRANT_UNICAST_TRANSMISSION.
    GrantUnicast(GrantUnicast),
    /// CANCEL_UNICAST_TRANSMISSION.
    CancelUnicast(CancelUnicast),
    /// ACKNOWLEDGE_CANCEL_UNICAST_TRANSMISSION.
    AcknowledgeCancelUnicast(CancelUnicast),
    /// PATH_TRACE.
    PathTrace(PathTrace<'a>),
    /// ALTERNATE_TIME_OFFSET_INDICATOR.
    AlternateTimeOffsetIndicator(AlternateTimeOffsetIndicator<'a>),
    /// CSPTP's alternate response port (experimental 2008 type 0x2007): a UDP port.
    AlternateResponsePort(u16),
    /// PTPMON_REQ, empty.
    PtpmonReq,
    /// PTPMON_RESP.
    PtpmonResp(PtpmonResp<'a>),
    /// ENHANCED_ACCURACY_METRICS.
    EnhancedAccuracyMetrics(EnhancedAccuracyMetrics),
    /// SLAVE_DELAY_TIMING_DATA_NP.
    SlaveDelayTimingDataNp(SlaveDelayTimingDataNp<'a>),
    /// L1_SYNC.
    L1Sync(L1Sync),
    /// PORT_COMMUNICATION_AVAILABILITY.
    PortCommunicationAvailability(PortCommunicationAvailability),
    /// PROTOCOL_ADDRESS.
    ProtocolAddress(PortAddress<'a>),
    /// SLAVE_RX_SYNC_TIMING_DATA.
    SlaveRxSyncTimingData(SlaveRxSyncTimingData<'a>),
    /// SLAVE_RX_SYNC_COMPUTED_DATA.
    SlaveRxSyncComputedData(SlaveRxSyncComputedData<'a>),
    /// SLAVE_TX_EVENT_TIMESTAMPS.
    SlaveTxEventTimestamps(SlaveTxEventTimestamps<'a>),
    /// CUMULATIVE_RATE_RATIO.
    CumulativeRateRatio(CumulativeRateRatio),
    /// PAD: octets that mean nothing, sent as zeros.
    Pad(u16),
    /// AUTHENTICATION.
    Authentication(Authentication<'a>),
    /// A type that is not decoded: the types of 1588-2008's annexes K and E among them.
    Unknown(Tlv<'a>),
}

/// Generates what differs only by variant.
macro_rules! by_variant {
    ($($variant:ident = $konst:ident by $ty:ident;)*) => {
        impl<'a> TlvValue<'a> {
            /// Decodes a TLV's value.
            ///
            /// # Errors
            /// [`WireError::Truncated`] or [`WireError::TlvLength`] if its length does not suit its type; the error of a field
            /// whose value is not allowed.
            pub fn parse(tlv: &Tlv<'a>) -> Result<Self, WireError> {
                Ok(match tlv.tlv_type {
                    $(TlvType::$konst => Self::$variant($ty::parse(tlv.value)?),)*
                    TlvType::ORGANIZATION_EXTENSION
                    | TlvType::ORGANIZATION_EXTENSION_PROPAGATE
                    | TlvType::ORGANIZATION_EXTENSION_DO_NOT_PROPAGATE => {
                        Self::Organization(tlv.tlv_type, Organization::parse(tlv.value)?)
                    }
                    TlvType::ALTERNATE_RESPONSE_PORT => {
                        Self::AlternateResponsePort(Reader::new(tlv.value).u16()?)
                    }
                    TlvType::PTPMON_REQ => Self::PtpmonReq,
                    TlvType::PAD => {
                        Self::Pad(u16::try_from(tlv.value.len()).map_err(|_| WireError::TlvLength)?)
                    }
                    _ => Self::Unknown(*tlv),
                })
            }

            /// tlvType.
            pub const fn tlv_type(&self) -> TlvType {
                match self {
                    $(Self::$variant(_) => TlvType::$konst,)*
                    Self::Organization(tlv_type, _) => *tlv_type,
                    Self::AlternateResponsePort(_) => TlvType::ALTERNATE_RESPONSE_PORT,
                    Self::PtpmonReq => TlvType::PTPMON_REQ,
                    Self::Pad(_) => TlvType::PAD,
                    Self::Unknown(tlv) => tlv.tlv_type,
                }
            }

            /// Writes the value, not padded, to the front of `room` and returns the octets used, as [`Writer::tlv_with`] wants it.
            ///
            /// # Errors
            /// [`WireError::NoSpace`]; [`WireError::Value`] if a text or address is too long for its length field.
            pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
                match self {
                    $(Self::$variant(v) => v.emit(room),)*
                    Self::Organization(_, v) => v.emit(room),
                    Self::AlternateResponsePort(port) => put(room, &port.to_be_bytes()),
                    Self::PtpmonReq => Ok(0),
                    Self::Pad(len) => {
                        room.get_mut(..usize::from(*len)).ok_or(WireError::NoSpace)?.fill(0);
                        Ok(usize::from(*len))
                    }
                    Self::Unknown(tlv) => put(room, tlv.value),
                }
            }

            pub(crate) fn dump(&self, d: &mut Dump<'_, '_>) -> fmt::Result {
                match self {
                    $(Self::$variant(v) => v.dump(d),)*
                    Self::Organization(_, v) => v.dump(d),
                    Self::AlternateResponsePort(port) => d.field("port", port),
                    Self::PtpmonReq | Self::Pad(_) => Ok(()),
                    Self::Unknown(tlv) => d.field("value", Hex(tlv.value)),
                }
            }
        }
    };
}

by_variant! {
    Management = MANAGEMENT by ManagementTlv;
    ManagementErrorStatus = MANAGEMENT_ERROR_STATUS by ManagementErrorStatus;
    RequestUnicast = REQUEST_UNICAST_TRANSMISSION by RequestUnicast;
    GrantUnicast = GRANT_UNICAST_TRANSMISSION by GrantUnicast;
    CancelUnicast = CANCEL_UNICAST_TRANSMISSION by CancelUnicast;
    AcknowledgeCancelUnicast = ACKNOWLEDGE_CANCEL_UNICAST_TRANSMISSION by CancelUnicast;
    PathTrace = PATH_TRACE by PathTrace;
    AlternateTimeOffsetIndicator = ALTERNATE_TIME_OFFSET_INDICATOR by AlternateTimeOffsetIndicator;
    PtpmonResp = PTPMON_RESP by PtpmonResp;
    EnhancedAccuracyMetrics = ENHANCED_ACCURACY_METRICS by EnhancedAccuracyMetrics;
    SlaveDelayTimingDataNp = SLAVE_DELAY_TIMING_DATA_NP by SlaveDelayTimingDataNp;
    L1Sync = L1_SYNC by L1Sync;
    PortCommunicationAvailability = PORT_COMMUNICATION_AVAILABILITY by PortCommunicationAvailability;
    ProtocolAddress = PROTOCOL_ADDRESS by PortAddress;
    SlaveRxSyncTimingData = SLAVE_RX_SYNC_TIMING_DATA by SlaveRxSyncTimingData;
    SlaveRxSyncComputedData = SLAVE_RX_SYNC_COMPUTED_DATA by SlaveRxSyncComputedData;
    SlaveTxEventTimestamps = SLAVE_TX_EVENT_TIMESTAMPS by SlaveTxEventTimestamps;
    CumulativeRateRatio = CUMULATIVE_RATE_RATIO by CumulativeRateRatio;
    Authentication = AUTHENTICATION by Authentication;
}

fn put(room: &mut [u8], octets: &[u8]) -> Result<usize, WireError> {
    let mut w = Cursor::new(room);
    w.put(octets)?;
    Ok(w.position())
}

impl<'a> Tlv<'a> {
    /// Decodes the value. See [`TlvValue::parse`].
    ///
    /// # Errors
    /// As [`TlvValue::parse`].
    pub fn decode(&self) -> Result<TlvValue<'a>, WireError> {
        TlvValue::parse(self)
    }
}

impl Writer<'_> {
    /// Appends a TLV. An odd value is padded with a zero octet.
    ///
    /// # Errors
    /// As [`TlvValue::emit`]; [`WireError::TlvLength`] or [`WireError::MessageLength`] if it is too long for a message. On an
    /// error nothing is appended.
    pub fn tlv_value(&mut self, value: &TlvValue<'_>) -> Result<(), WireError> {
        self.tlv_with(value.tlv_type(), |room| value.emit(room))
    }
}
