//! The one table of management IDs.

use core::fmt;

use super::codec::{Accuracy, Flag, Interval, Nibble, Nothing, Number, Octet, Time};
use super::*;
use crate::octets::{Cursor, Reader};
use crate::{ClockAccuracy, LogInterval, Timestamp, WireError};

/// `managementId` (1588-2019 table 59). Numbers without a definition are kept as they came.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ManagementId(pub u16);

/// Whom a management ID is about (1588-2019 15.3.1): it decides how many replies a request for all ports gets.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scope {
    /// The whole clock: one reply, whatever port number was asked for.
    Clock,
    /// A port: one reply from each port that was asked for.
    Port,
}

/// The requests that a management ID defines. An implementation may refuse some of them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Actions(u8);

impl Actions {
    const G: Self = Self(1);
    const S: Self = Self(2);
    const C: Self = Self(4);

    const fn and(self, o: Self) -> Self {
        Self(self.0 | o.0)
    }

    /// GET, SET or COMMAND is defined. False for replies.
    pub const fn allow(self, action: Action) -> bool {
        let bit = match action {
            Action::Get => Self::G,
            Action::Set => Self::S,
            Action::Command => Self::C,
            Action::Response | Action::Acknowledge => return false,
        };
        self.0 & bit.0 != 0
    }
}

/// Octets of data after managementId.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DataSize {
    /// Exactly so many, an even number.
    Fixed(u16),
    /// At least so many, then perhaps one octet of padding.
    Variable(u16),
}

/// One row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IdInfo {
    /// The number.
    pub id: ManagementId,
    /// The standard's name, or linuxptp's.
    pub name: &'static str,
    /// About the clock or about a port.
    pub scope: Scope,
    /// Requests it defines.
    pub actions: Actions,
    /// Size of its data.
    pub size: DataSize,
}

macro_rules! actions {
    ($first:ident $($more:ident)*) => { Actions::$first$(.and(Actions::$more))* };
}

macro_rules! management_ids {
    ($lt:lifetime: $(
        $(#[$doc:meta])*
        $konst:ident = $n:literal, $scope:ident, [$($action:ident)+], $size:ident($len:literal),
        $variant:ident($ty:ty) by $codec:ident;
    )*) => {
        impl ManagementId {
            $($(#[$doc])* pub const $konst: Self = Self($n);)*

            /// Every defined management ID, in the order of their numbers.
            pub const ALL: &'static [IdInfo] = &[$(IdInfo {
                id: Self::$konst,
                name: stringify!($konst),
                scope: Scope::$scope,
                actions: actions!($($action)+),
                size: DataSize::$size($len),
            }),*];
        }

        /// The decoded data of a MANAGEMENT TLV.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Payload<$lt> {
            $($(#[$doc])* $variant($ty),)*
            /// Data as it is: of an ID that the table does not know, or of a GET.
            Raw(ManagementId, &$lt [u8]),
        }

        impl<$lt> Payload<$lt> {
            /// The management ID it belongs to.
            pub const fn id(&self) -> ManagementId {
                match self {
                    $(Self::$variant(_) => ManagementId::$konst,)*
                    Self::Raw(id, _) => *id,
                }
            }

            fn read(id: ManagementId, r: &mut Reader<$lt>) -> Result<Self, WireError> {
                Ok(match id {
                    $(ManagementId::$konst => Self::$variant($codec::read(r)?),)*
                    _ => {
                        let data = r.rest();
                        Self::Raw(id, r.take(data.len())?)
                    }
                })
            }

            fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
                match self {
                    $(Self::$variant(v) => $codec::write(v, w),)*
                    Self::Raw(_, data) => w.put(data),
                }
            }
        }
    };
}

management_ids! { 'a:
    /// Nothing: says who is there (15.5.3.1.1). The standard calls it NULL_PTP_MANAGEMENT.
    NULL_MANAGEMENT = 0x0000, Port, [G S C], Fixed(0), NullManagement(()) by Nothing;
    /// 15.5.3.1.2.
    CLOCK_DESCRIPTION = 0x0001, Port, [G], Variable(22), ClockDescription(ClockDescription<'a>) by ClockDescription;
    /// userDescription (15.5.3.1.3).
    USER_DESCRIPTION = 0x0002, Clock, [G S], Variable(1), UserDescription(PtpText<'a>) by PtpText;
    /// 15.5.3.1.4.
    SAVE_IN_NON_VOLATILE_STORAGE = 0x0003, Clock, [C], Fixed(0), SaveInNonVolatileStorage(()) by Nothing;
    /// 15.5.3.1.5.
    RESET_NON_VOLATILE_STORAGE = 0x0004, Clock, [C], Fixed(0), ResetNonVolatileStorage(()) by Nothing;
    /// initializationKey (15.5.3.1.6): 0 is INITIALIZE_EVENT.
    INITIALIZE = 0x0005, Clock, [C], Fixed(2), Initialize(u16) by Number;
    /// 15.5.3.1.7.
    FAULT_LOG = 0x0006, Clock, [G], Variable(2), FaultLog(FaultLog<'a>) by FaultLog;
    /// 15.5.3.1.8.
    FAULT_LOG_RESET = 0x0007, Clock, [C], Fixed(0), FaultLogReset(()) by Nothing;
    /// defaultDS (15.5.3.3.1).
    DEFAULT_DATA_SET = 0x2000, Clock, [G], Fixed(20), DefaultDataSet(DefaultDataSet) by DefaultDataSet;
    /// currentDS (15.5.3.4.1).
    CURRENT_DATA_SET = 0x2001, Clock, [G], Fixed(18), CurrentDataSet(CurrentDataSet) by CurrentDataSet;
    /// parentDS (15.5.3.5.1).
    PARENT_DATA_SET = 0x2002, Clock, [G], Fixed(32), ParentDataSet(ParentDataSet) by ParentDataSet;
    /// timePropertiesDS (15.5.3.6.1).
    TIME_PROPERTIES_DATA_SET = 0x2003, Clock, [G], Fixed(4), TimePropertiesDataSet(TimePropertiesDataSet)
        by TimePropertiesDataSet;
    /// portDS (15.5.3.7.1).
    PORT_DATA_SET = 0x2004, Port, [G], Fixed(26), PortDataSet(PortDataSet) by PortDataSet;
    /// defaultDS.priority1 (15.5.3.3.2).
    PRIORITY1 = 0x2005, Clock, [G S], Fixed(2), Priority1(u8) by Octet;
    /// defaultDS.priority2 (15.5.3.3.3).
    PRIORITY2 = 0x2006, Clock, [G S], Fixed(2), Priority2(u8) by Octet;
    /// defaultDS.domainNumber (15.5.3.3.4).
    DOMAIN = 0x2007, Clock, [G S], Fixed(2), Domain(u8) by Octet;
    /// defaultDS.slaveOnly (15.5.3.3.5).
    SLAVE_ONLY = 0x2008, Clock, [G S], Fixed(2), SlaveOnly(bool) by Flag;
    /// portDS.logAnnounceInterval (15.5.3.7.2).
    LOG_ANNOUNCE_INTERVAL = 0x2009, Port, [G S], Fixed(2), LogAnnounceInterval(LogInterval) by Interval;
    /// portDS.announceReceiptTimeout in announce intervals (15.5.3.7.3).
    ANNOUNCE_RECEIPT_TIMEOUT = 0x200A, Port, [G S], Fixed(2), AnnounceReceiptTimeout(u8) by Octet;
    /// portDS.logSyncInterval (15.5.3.7.4).
    LOG_SYNC_INTERVAL = 0x200B, Port, [G S], Fixed(2), LogSyncInterval(LogInterval) by Interval;
    /// portDS.versionNumber (15.5.3.7.7), 0..=15.
    VERSION_NUMBER = 0x200C, Port, [G S], Fixed(2), VersionNumber(u8) by Nibble;
    /// The port leaves DISABLED (15.5.3.7.8).
    ENABLE_PORT = 0x200D, Port, [C], Fixed(0), EnablePort(()) by Nothing;
    /// The port enters DISABLED (15.5.3.7.9).
    DISABLE_PORT = 0x200E, Port, [C], Fixed(0), DisablePort(()) by Nothing;
    /// The clock's time (15.5.3.2.1).
    TIME = 0x200F, Clock, [G S], Fixed(10), Time(Timestamp) by Time;
    /// defaultDS.clockQuality.clockAccuracy (15.5.3.3.6).
    CLOCK_ACCURACY = 0x2010, Clock, [G S], Fixed(2), ClockAccuracy(ClockAccuracy) by Accuracy;
    /// 15.5.3.6.2.
    UTC_PROPERTIES = 0x2011, Clock, [G S], Fixed(4), UtcProperties(UtcProperties) by UtcProperties;
    /// 15.5.3.6.3.
    TRACEABILITY_PROPERTIES = 0x2012, Clock, [G S], Fixed(2), TraceabilityProperties(TraceabilityProperties)
        by TraceabilityProperties;
    /// 15.5.3.6.4.
    TIMESCALE_PROPERTIES = 0x2013, Clock, [G S], Fixed(2), TimescaleProperties(TimescaleProperties)
        by TimescaleProperties;
    /// unicastNegotiationPortDS.enable (16.1.4.3).
    UNICAST_NEGOTIATION_ENABLE = 0x2014, Port, [G S], Fixed(2), UnicastNegotiationEnable(bool) by Flag;
    /// pathTraceDS.list (16.2.5.1).
    PATH_TRACE_LIST = 0x2015, Clock, [G], Variable(0), PathTraceList(PathTraceList<'a>) by PathTraceList;
    /// pathTraceDS.enable (16.2.5.2).
    PATH_TRACE_ENABLE = 0x2016, Clock, [G S], Fixed(2), PathTraceEnable(bool) by Flag;
    /// 17.2.3.
    GRANDMASTER_CLUSTER_TABLE = 0x2017, Clock, [G S], Variable(2),
        GrandmasterClusterTable(GrandmasterClusterTable<'a>) by GrandmasterClusterTable;
    /// 17.4.3.
    UNICAST_MASTER_TABLE = 0x2018, Port, [G S], Variable(3), UnicastMasterTable(UnicastMasterTable<'a>)
        by UnicastMasterTable;
    /// Entries that fit in the unicast master table.
    UNICAST_MASTER_MAX_TABLE_SIZE = 0x2019, Port, [G], Fixed(2), UnicastMasterMaxTableSize(u16) by Number;
    /// 17.5.3.
    ACCEPTABLE_MASTER_TABLE = 0x201A, Clock, [G S], Variable(2), AcceptableMasterTable(AcceptableMasterTable<'a>)
        by AcceptableMasterTable;
    /// acceptableMasterPortDS.enable.
    ACCEPTABLE_MASTER_TABLE_ENABLED = 0x201B, Port, [G S], Fixed(2), AcceptableMasterTableEnabled(bool) by Flag;
    /// Entries that fit in the acceptable master table.
    ACCEPTABLE_MASTER_MAX_TABLE_SIZE = 0x201C, Clock, [G], Fixed(2), AcceptableMasterMaxTableSize(u16) by Number;
    /// 17.3.3.
    ALTERNATE_MASTER = 0x201D, Port, [G S], Fixed(4), AlternateMaster(AlternateMaster) by AlternateMaster;
    /// 16.3.4.1.
    ALTERNATE_TIME_OFFSET_ENABLE = 0x201E, Clock, [G S], Fixed(2),
        AlternateTimeOffsetEnable(AlternateTimeOffsetEnable) by AlternateTimeOffsetEnable;
    /// 16.3.4.2.
    ALTERNATE_TIME_OFFSET_NAME = 0x201F, Clock, [G S], Variable(2),
        AlternateTimeOffsetName(AlternateTimeOffsetName<'a>) by AlternateTimeOffsetName;
    /// The largest keyField there is (16.3.4.3).
    ALTERNATE_TIME_OFFSET_MAX_KEY = 0x2020, Clock, [G], Fixed(2), AlternateTimeOffsetMaxKey(u8) by Octet;
    /// 16.3.4.4.
    ALTERNATE_TIME_OFFSET_PROPERTIES = 0x2021, Clock, [G S], Fixed(16),
        AlternateTimeOffsetProperties(AlternateTimeOffsetProperties) by AlternateTimeOffsetProperties;
    /// defaultDS.externalPortConfigurationEnabled (17.6.2).
    EXTERNAL_PORT_CONFIGURATION_ENABLED = 0x3000, Clock, [G S], Fixed(2),
        ExternalPortConfigurationEnabled(bool) by Flag;
    /// portDS.masterOnly (8.2.15.5.2).
    MASTER_ONLY = 0x3001, Port, [G S], Fixed(2), MasterOnly(bool) by Flag;
    /// 16.4.
    HOLDOVER_UPGRADE_ENABLE = 0x3002, Clock, [G S], Fixed(2), HoldoverUpgradeEnable(bool) by Flag;
    /// externalPortConfigurationPortDS (17.6.3).
    EXT_PORT_CONFIG_PORT_DATA_SET = 0x3003, Port, [G S], Fixed(2), ExtPortConfigPortDataSet(ExtPortConfig)
        by ExtPortConfig;
    /// transparentClockDefaultDS; deprecated in 2019 (2008 15.5.3.10.1).
    TRANSPARENT_CLOCK_DEFAULT_DATA_SET = 0x4000, Clock, [G], Fixed(12),
        TransparentClockDefaultDataSet(TransparentClockDefaultDataSet) by TransparentClockDefaultDataSet;
    /// transparentClockPortDS; deprecated in 2019 (2008 15.5.3.10.2).
    TRANSPARENT_CLOCK_PORT_DATA_SET = 0x4001, Port, [G], Fixed(20),
        TransparentClockPortDataSet(TransparentClockPortDataSet) by TransparentClockPortDataSet;
    /// A transparent clock's primary domain; deprecated in 2019 (2008 15.5.3.10.3).
    PRIMARY_DOMAIN = 0x4002, Clock, [G S], Fixed(2), PrimaryDomain(u8) by Octet;
    /// portDS.delayMechanism (15.5.3.7.5): 1 E2E, 2 P2P, 3 COMMON_P2P, 4 SPECIAL, 0xFE none.
    DELAY_MECHANISM = 0x6000, Port, [G S], Fixed(2), DelayMechanism(u8) by Octet;
    /// portDS.logMinPdelayReqInterval (15.5.3.7.6).
    LOG_MIN_PDELAY_REQ_INTERVAL = 0x6001, Port, [G S], Fixed(2), LogMinPdelayReqInterval(LogInterval) by Interval;
    /// linuxptp: offset and rate against the grandmaster.
    TIME_STATUS_NP = 0xC000, Clock, [G], Fixed(50), TimeStatusNp(TimeStatusNp) by TimeStatusNp;
    /// linuxptp: what the clock announces as grandmaster.
    GRANDMASTER_SETTINGS_NP = 0xC001, Clock, [G S], Fixed(8), GrandmasterSettingsNp(GrandmasterSettingsNp)
        by GrandmasterSettingsNp;
    /// linuxptp: gPTP's additions to portDS.
    PORT_DATA_SET_NP = 0xC002, Port, [G S], Fixed(8), PortDataSetNp(PortDataSetNp) by PortDataSetNp;
    /// linuxptp: asks for notifications.
    SUBSCRIBE_EVENTS_NP = 0xC003, Clock, [G S], Fixed(66), SubscribeEventsNp(SubscribeEventsNp)
        by SubscribeEventsNp;
    /// linuxptp: state, stamping and interface of a port.
    PORT_PROPERTIES_NP = 0xC004, Port, [G], Variable(13), PortPropertiesNp(PortPropertiesNp<'a>)
        by PortPropertiesNp;
    /// linuxptp: message counters. Little-endian.
    PORT_STATS_NP = 0xC005, Port, [G], Fixed(266), PortStatsNp(PortStatsNp<'a>) by PortStatsNp;
    /// linuxptp: 0 false, 1 true, 0xFF don't care.
    SYNCHRONIZATION_UNCERTAIN_NP = 0xC006, Clock, [G S], Fixed(2), SynchronizationUncertainNp(u8) by Octet;
    /// linuxptp: timeouts and mismatches. Little-endian.
    PORT_SERVICE_STATS_NP = 0xC007, Port, [G], Fixed(90), PortServiceStatsNp(PortServiceStatsNp)
        by PortServiceStatsNp;
    /// linuxptp: the unicast masters and how far each is.
    UNICAST_MASTER_TABLE_NP = 0xC008, Port, [G], Variable(2), UnicastMasterTableNp(UnicastMasterTableNp<'a>)
        by UnicastMasterTableNp;
    /// linuxptp: the PHC of a port.
    PORT_HWCLOCK_NP = 0xC009, Port, [G], Fixed(16), PortHwclockNp(PortHwclockNp) by PortHwclockNp;
    /// linuxptp: IEEE C37.238.
    POWER_PROFILE_SETTINGS_NP = 0xC00A, Port, [G S], Fixed(16), PowerProfileSettingsNp(PowerProfileSettingsNp)
        by PowerProfileSettingsNp;
    /// linuxptp: the Common Mean Link Delay Service's values of a port.
    CMLDS_INFO_NP = 0xC00B, Port, [G], Fixed(16), CmldsInfoNp(CmldsInfoNp) by CmldsInfoNp;
    /// linuxptp: latencies and asymmetry of a port. Host byte order.
    PORT_CORRECTIONS_NP = 0xC00C, Port, [G S], Fixed(24), PortCorrectionsNp(PortCorrectionsNp)
        by PortCorrectionsNp;
    /// linuxptp: the grandmaster of an external-configuration network.
    EXTERNAL_GRANDMASTER_PROPERTIES_NP = 0xC00D, Clock, [G S], Fixed(10),
        ExternalGrandmasterPropertiesNp(ExternalGrandmasterPropertiesNp) by ExternalGrandmasterPropertiesNp;
    /// Ours: the candidates of the best master clock algorithm, and what decided.
    FOREIGN_MASTERS_NP = 0xDE01, Port, [G], Variable(49), ForeignMastersNp(ForeignMastersNp<'a>) by ForeignMastersNp;
    /// Ours: a clock's performance records (annex J), from the number on that a GET carries.
    PERFORMANCE_CLOCK_NP = 0xDE02, Clock, [G], Variable(2), PerformanceClockNp(PerformanceClockNp<'a>)
        by PerformanceClockNp;
    /// Ours: a port's performance records (annex J), likewise.
    PERFORMANCE_PORT_NP = 0xDE03, Port, [G], Variable(2), PerformancePortNp(PerformancePortNp<'a>)
        by PerformancePortNp;
    /// Ours: the slaves that tell this clock what they measure (16.11), from the place on that a GET carries.
    MONITORED_SLAVES_NP = 0xDE04, Clock, [G], Variable(4), MonitoredSlavesNp(MonitoredSlavesNp<'a>)
        by MonitoredSlavesNp;
    /// Ours: what the slave told that a GET names, newest first.
    MONITORED_RECORDS_NP = 0xDE05, Clock, [G], Variable(14), MonitoredRecordsNp(MonitoredRecordsNp<'a>)
        by MonitoredRecordsNp;
    /// Ours: how it stands with the clock, and its error bound.
    CLOCK_STATUS_NP = 0xDE10, Clock, [G], Fixed(24), ClockStatusNp(ClockStatusNp) by ClockStatusNp;
}

impl ManagementId {
    /// Its row of the table; `None` for a number without a definition.
    pub fn info(self) -> Option<&'static IdInfo> {
        let at = Self::ALL.binary_search_by_key(&self, |row| row.id).ok()?;
        Self::ALL.get(at)
    }

    /// Its name; `None` for a number without a definition.
    pub fn name(self) -> Option<&'static str> {
        self.info().map(|row| row.name)
    }

    /// The ID of this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.name == name).map(|row| row.id)
    }
}

/// The name, or `0x1234` for a number without a definition.
impl fmt::Display for ManagementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "{:#06x}", self.0),
        }
    }
}

impl<'a> Payload<'a> {
    /// Decodes the data of a RESPONSE, ACKNOWLEDGE or SET. One octet of padding may follow variable data.
    ///
    /// # Errors
    /// [`WireError::TlvLength`] if the data is longer than its fields; [`WireError::Truncated`] if it is shorter;
    /// [`WireError::Nanoseconds`] for a bad timestamp.
    pub fn parse(id: ManagementId, data: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(data);
        let payload = Self::read(id, &mut r)?;
        let pad = match id.info().map(|row| row.size) {
            Some(DataSize::Variable(_)) => 1,
            _ => 0,
        };
        if r.rest().len() > pad { Err(WireError::TlvLength) } else { Ok(payload) }
    }

    /// Writes managementId and data, not padded, to the front of `room`, as [`crate::Writer::tlv_with`] wants it.
    ///
    /// # Errors
    /// [`WireError::NoSpace`] if the room is too small; [`WireError::Value`] if a list or text is too long for its length field.
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let mut w = Cursor::new(room);
        w.u16(self.id().0)?;
        self.write(&mut w)?;
        Ok(w.position())
    }
}
