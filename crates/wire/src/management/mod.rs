//! Management (1588-2019 clause 15), with linuxptp's additions.
//!
//! One table ([`ManagementId`]) defines every management ID once: its number, name, scope, actions, size and payload.
//! A management message is read in two steps: [`Content::of`] finds its one MANAGEMENT or MANAGEMENT_ERROR_STATUS TLV,
//! [`ManagementTlv::payload`] decodes the data. The second step is for RESPONSE, ACKNOWLEDGE and SET only: the data of a
//! GET means nothing (linuxptp's pmc fills it with zeros), except for [`ManagementTlv::key_field`].
//!
//! ```
//! use ptp_wire::management::{Action, Content, ManagementHeader, Payload};
//! use ptp_wire::{Body, Header, Message, MessageType, PortIdentity, TlvType, Writer};
//!
//! let body = Body::Management(ManagementHeader {
//!     target_port_identity: PortIdentity::ANY,
//!     starting_boundary_hops: 1,
//!     boundary_hops: 1,
//!     action: Action::Set,
//! });
//! let mut buf = [0; 128];
//! let mut writer = Writer::new(&mut buf, &Header::new(MessageType::Management), &body).unwrap();
//! writer.tlv_with(TlvType::MANAGEMENT, |room| Payload::Priority1(100).emit(room)).unwrap();
//! let len = writer.finish();
//!
//! let message = Message::parse(&buf[..len]).unwrap();
//! let Some(Content::Management(tlv)) = Content::of(&message) else { panic!() };
//! assert_eq!(tlv.payload(), Ok(Payload::Priority1(100)));
//! ```

mod clock;
mod clock_status;
mod codec;
mod error_status;
mod header;
mod linuxptp;
mod port;
mod records;
mod stats;
mod table;
mod tables;
mod text;
mod tlv;
mod transparent;

#[cfg(test)]
mod tests;

pub use clock::{
    AlternateTimeOffsetEnable, AlternateTimeOffsetName, AlternateTimeOffsetProperties, ClockDescription,
    ClockType, CurrentDataSet, DefaultDataSet, ParentDataSet, TimePropertiesDataSet, TimescaleProperties,
    TraceabilityProperties, UtcProperties,
};
pub use clock_status::ClockStatusNp;
pub use error_status::{ErrorId, ManagementErrorStatus};
pub use header::{Action, ManagementHeader};
pub use linuxptp::{
    CmldsInfoNp, EventMask, ExternalGrandmasterPropertiesNp, GrandmasterSettingsNp, NotifyEvent,
    PortCorrectionsNp, PortDataSetNp, PortHwclockNp, PortPropertiesNp, PowerProfileSettingsNp, ScaledNs,
    SubscribeEventsNp, TimeStatusNp,
};
pub use port::{AlternateMaster, ExtPortConfig, PortDataSet, port_state_name};
pub use records::{
    ClockPerformance, MonitoredFlags, MonitoredRecord, MonitoredRecordsNp, MonitoredSlaveRow,
    MonitoredSlavesNp, PerformanceClockNp, PerformanceFlags, PerformancePortNp, PerformanceStatistic,
    PortPerformance,
};
pub use stats::{PortServiceStatsNp, PortStatsNp};
pub use table::{Actions, DataSize, IdInfo, ManagementId, Payload, Scope};
pub use tables::{
    AcceptableMaster, AcceptableMasterTable, FaultLog, FaultRecord, ForeignMasterRow, ForeignMasterRows,
    ForeignMastersNp, GrandmasterClusterTable, PathTraceList, PortAddresses, UnicastMaster,
    UnicastMasterTable, UnicastMasterTableNp,
};
pub use text::PtpText;
pub use tlv::{Content, ManagementTlv};
pub use transparent::{TransparentClockDefaultDataSet, TransparentClockPortDataSet};
