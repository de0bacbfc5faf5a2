//! TLVs (1588-2019 clause 14): framing here, one file per family beside it.

mod accuracy;
mod authentication;
mod communication;
mod gptp;
mod iter;
mod itu;
mod l1_sync;
mod management;
mod monitoring;
mod organization;
mod path_trace;
mod power;
mod ptpmon;
mod records;
mod smpte;
mod text;
mod time_offset;
mod tlv_type;
mod unicast;
mod value;
mod white_rabbit;

pub use accuracy::{CumulativeRateRatio, EnhancedAccuracyMetrics};
pub use authentication::{Authentication, SecParamIndicator};
pub use communication::{CommunicationCapabilities, PortCommunicationAvailability};
pub use gptp::{
    FollowUpInformation, GptpCapable, GptpCapableIntervalRequest, IntervalRequestFlags,
    MessageIntervalRequest,
};
pub use iter::{Tlv, TlvIter};
pub use itu::InterfaceRate;
pub use l1_sync::{L1Sync, L1SyncActual, L1SyncConfigured, L1SyncExtension, L1SyncParameters};
pub use monitoring::{
    ComputedFlags, DelayTiming, SlaveDelayTimingDataNp, SlaveRxSyncComputedData, SlaveRxSyncTimingData,
    SlaveTxEventTimestamps, SyncComputed, SyncTiming, TxEventTimestamp,
};
pub use organization::{Organization, OrganizationId};
pub use path_trace::PathTrace;
pub use power::{PowerProfile2011, PowerProfile2017};
pub use ptpmon::PtpmonResp;
pub(crate) use records::record;
pub use records::{Record, Records};
pub use smpte::{DaylightSaving, SynchronizationMetadata, TimeAddressFlags};
pub use time_offset::AlternateTimeOffsetIndicator;
pub use tlv_type::TlvType;
pub use unicast::{CancelUnicast, GrantFlags, GrantUnicast, RequestUnicast};
pub use value::TlvValue;
pub use white_rabbit::{Calibrate, Calibrated, WhiteRabbit};
