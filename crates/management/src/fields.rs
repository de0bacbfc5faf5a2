//! What the data of every management ID consists of: names and values, for text and for JSON.

use std::fmt::Write;

use crate::{records, words};
use ptp_wire::management::{
    ClockStatusNp, ForeignMasterRow, NotifyEvent, Payload, PtpText, UnicastMaster, port_state_name,
};
use ptp_wire::{ClockQuality, Flags, MessageType, PortAddress, TimeInterval};

/// A value, and how it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Decimal.
    Int(i64),
    /// Decimal.
    Uint(u64),
    /// `0x` and at least so many digits.
    Hex(u64, usize),
    /// 1 or 0.
    Bit(bool),
    /// on or off.
    OnOff(bool),
    /// true or false.
    TrueFalse(bool),
    /// As it is.
    Text(String),
    /// In ns with one decimal.
    Tenths(TimeInterval),
    /// In whole ns; JSON keeps the fraction.
    WholeNs(TimeInterval),
    /// Likewise, with a blank after it.
    WholeNsBlank(TimeInterval),
    /// Nine decimals and a sign.
    Rate(f64),
    /// Not known: `-`, in JSON null.
    Unknown,
    /// linuxptp's table of unicast masters.
    Masters(Vec<Vec<Field>>),
    /// A table of another kind: a line for each row.
    Rows(Vec<Vec<Field>>),
    /// Texts.
    List(Vec<String>),
}

/// A named value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    /// As linuxptp's pmc labels it.
    pub(crate) label: &'static str,
    /// As JSON does.
    pub(crate) key: &'static str,
    pub(crate) value: Value,
}

/// All fields of a payload.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields {
    pub(crate) fields: Vec<Field>,
    /// The column where values start, where it is wider than the longest label and a blank.
    pub(crate) min_width: usize,
}

impl Fields {
    pub(crate) fn with_width(min_width: usize) -> Self {
        Self { fields: Vec::with_capacity(24), min_width }
    }

    pub(crate) fn add(mut self, label: &'static str, value: Value) -> Self {
        self.fields.push(Field { label, key: label, value });
        self
    }

    /// With another name in JSON.
    fn add_as(mut self, label: &'static str, key: &'static str, value: Value) -> Self {
        self.fields.push(Field { label, key, value });
        self
    }

    fn quality(self, q: ClockQuality) -> Self {
        self.add("clockClass", Value::Uint(q.clock_class.into()))
            .add("clockAccuracy", Value::Hex(q.clock_accuracy.0.into(), 2))
            .add("offsetScaledLogVariance", Value::Hex(q.offset_scaled_log_variance.into(), 4))
    }

    fn time_flags(mut self, flags: Flags) -> Self {
        for (label, flag) in TIME_FLAGS {
            self = self.add(label, Value::Bit(flags.has(flag)));
        }
        self
    }
}

/// The flags of time properties, in the order of their bits.
pub(crate) const TIME_FLAGS: [(&str, Flags); 6] = [
    ("leap61", Flags::LEAP61),
    ("leap59", Flags::LEAP59),
    ("currentUtcOffsetValid", Flags::UTC_OFFSET_VALID),
    ("ptpTimescale", Flags::PTP_TIMESCALE),
    ("timeTraceable", Flags::TIME_TRACEABLE),
    ("frequencyTraceable", Flags::FREQUENCY_TRACEABLE),
];

/// The events of SUBSCRIBE_EVENTS_NP, in the order of their bits.
pub(crate) const EVENTS: [(&str, NotifyEvent); 4] = [
    ("NOTIFY_PORT_STATE", NotifyEvent::PortState),
    ("NOTIFY_TIME_SYNC", NotifyEvent::TimeSync),
    ("NOTIFY_PARENT_DATA_SET", NotifyEvent::ParentDataSet),
    ("NOTIFY_CMLDS", NotifyEvent::Cmlds),
];

pub(crate) fn text(t: impl ToString) -> Value {
    Value::Text(t.to_string())
}

pub(crate) fn uint(n: impl Into<u64>) -> Value {
    Value::Uint(n.into())
}

fn int(n: impl Into<i64>) -> Value {
    Value::Int(n.into())
}

/// Control characters would let a remote node write over the operator's terminal.
fn ptp_text(t: PtpText<'_>) -> Value {
    Value::Text(t.to_string().replace(|c: char| c.is_control(), "\u{fffd}"))
}

/// `aa:bb:cc`
fn colons(octets: &[u8]) -> String {
    let mut s = String::with_capacity(3 * octets.len());
    for (n, octet) in octets.iter().enumerate() {
        let colon = if n == 0 { "" } else { ":" };
        // Writing to a String cannot fail.
        let _ = write!(s, "{colon}{octet:02x}");
    }
    s
}

/// An IP address as such, anything else as octets.
pub(crate) fn address(a: &PortAddress<'_>) -> String {
    if let (1, Ok(v4)) = (a.network_protocol, <[u8; 4]>::try_from(a.address)) {
        return std::net::Ipv4Addr::from(v4).to_string();
    }
    if let (2, Ok(v6)) = (a.network_protocol, <[u8; 16]>::try_from(a.address)) {
        return std::net::Ipv6Addr::from(v6).to_string();
    }
    colons(a.address)
}

/// linuxptp prints NONE for everything beyond SLAVE.
fn port_state(state: u8) -> Value {
    Value::Text(if state > 9 { "NONE" } else { port_state_name(state).unwrap_or("NONE") }.into())
}

fn timestamping(n: u8) -> Value {
    let names = ["SOFTWARE", "HARDWARE", "LEGACY_HW", "ONESTEP", "P2P1STEP"];
    text(names.get(usize::from(n)).copied().unwrap_or("???"))
}

fn unicast_state(n: u8) -> Value {
    text(["WAIT", "HAVE_ANN", "NEED_SYDY", "HAVE_SYDY"].get(usize::from(n)).copied().unwrap_or("???"))
}

fn unicast_master(m: &UnicastMaster<'_>) -> Vec<Field> {
    let fields = Fields::with_width(0)
        .add("selected", Value::TrueFalse(m.selected))
        .add("portIdentity", text(m.port_identity))
        .add("networkProtocol", uint(m.address.network_protocol))
        .add("address", Value::Text(address(&m.address)))
        .add("state", unicast_state(m.port_state))
        .quality(m.clock_quality)
        .add("priority1", uint(m.priority1))
        .add("priority2", uint(m.priority2));
    fields.fields
}

fn candidate(c: &ForeignMasterRow) -> Vec<Field> {
    let fields = Fields::with_width(0)
        .add("portIdentity", text(c.sender))
        .add("grandmasterIdentity", text(c.grandmaster_identity))
        .add("priority1", uint(c.priority1))
        .quality(c.clock_quality)
        .add("priority2", uint(c.priority2))
        .add("localPriority", uint(c.local_priority))
        .add("stepsRemoved", uint(c.steps_removed))
        .add("standing", text(words::standing(c.standing)))
        .add("decidedBy", text(words::decided_by(c.decided_by)))
        .add("ageMs", uint(c.age_ms));
    fields.fields
}

/// The fields of a payload; none where an ID has no data, or is not known.
pub(crate) fn fields(payload: &Payload<'_>) -> Fields {
    let f = Fields::with_width(0);
    match payload {
        Payload::NullManagement(())
        | Payload::SaveInNonVolatileStorage(())
        | Payload::ResetNonVolatileStorage(())
        | Payload::FaultLogReset(())
        | Payload::EnablePort(())
        | Payload::DisablePort(()) => f,
        Payload::Initialize(key) => f.add("initializationKey", uint(*key)),
        Payload::ClockDescription(d) => f
            .add("clockType", Value::Hex(d.clock_type.0.into(), 1))
            .add("physicalLayerProtocol", ptp_text(d.physical_layer_protocol))
            .add("physicalAddress", Value::Text(colons(d.physical_address)))
            .add(
                "protocolAddress",
                Value::Text(format!(
                    "{} {}",
                    d.protocol_address.network_protocol,
                    address(&d.protocol_address)
                )),
            )
            .add("manufacturerId", Value::Text(colons(&d.manufacturer_identity)))
            .add("productDescription", ptp_text(d.product_description))
            .add("revisionData", ptp_text(d.revision_data))
            .add("userDescription", ptp_text(d.user_description))
            .add("profileId", Value::Text(colons(&d.profile_identity))),
        Payload::UserDescription(t) => Fields::with_width(17).add("userDescription", ptp_text(*t)),
        Payload::FaultLog(log) => f.add(
            "faultRecords",
            Value::List(
                log.iter()
                    .map(|r| {
                        format!(
                            "{} {} {}={} {}",
                            r.fault_time, r.severity_code, r.fault_name, r.fault_value, r.fault_description
                        )
                    })
                    .collect(),
            ),
        ),
        Payload::DefaultDataSet(d) => f
            .add("twoStepFlag", Value::Bit(d.two_step))
            .add("slaveOnly", Value::Bit(d.slave_only))
            .add("numberPorts", uint(d.number_ports))
            .add("priority1", uint(d.priority1))
            .quality(d.clock_quality)
            .add("priority2", uint(d.priority2))
            .add("clockIdentity", text(d.clock_identity))
            .add("domainNumber", uint(d.domain_number)),
        Payload::CurrentDataSet(d) => f
            .add("stepsRemoved", uint(d.steps_removed))
            .add("offsetFromMaster", Value::Tenths(d.offset_from_master))
            .add("meanPathDelay", Value::Tenths(d.mean_path_delay)),
        Payload::ParentDataSet(d) => {
            let q = d.grandmaster_clock_quality;
            f.add("parentPortIdentity", text(d.parent_port_identity))
                .add("parentStats", Value::Bit(d.parent_stats))
                .add(
                    "observedParentOffsetScaledLogVariance",
                    Value::Hex(d.observed_parent_offset_scaled_log_variance.into(), 4),
                )
                .add(
                    "observedParentClockPhaseChangeRate",
                    Value::Hex((d.observed_parent_clock_phase_change_rate as u32).into(), 8),
                )
                .add("grandmasterPriority1", uint(d.grandmaster_priority1))
                .add_as("gm.ClockClass", "grandmasterClockClass", uint(q.clock_class))
                .add_as(
                    "gm.ClockAccuracy",
                    "grandmasterClockAccuracy",
                    Value::Hex(q.clock_accuracy.0.into(), 2),
                )
                .add_as(
                    "gm.OffsetScaledLogVariance",
                    "grandmasterOffsetScaledLogVariance",
                    Value::Hex(q.offset_scaled_log_variance.into(), 4),
                )
                .add("grandmasterPriority2", uint(d.grandmaster_priority2))
                .add("grandmasterIdentity", text(d.grandmaster_identity))
        }
        Payload::TimePropertiesDataSet(d) => f
            .add("currentUtcOffset", int(d.current_utc_offset))
            .time_flags(d.flags)
            .add("timeSource", Value::Hex(d.time_source.0.into(), 2)),
        Payload::PortDataSet(d) => f
            .add("portIdentity", text(d.port_identity))
            .add("portState", port_state(d.port_state))
            .add("logMinDelayReqInterval", int(d.log_min_delay_req_interval.0))
            .add("peerMeanPathDelay", Value::WholeNs(d.peer_mean_path_delay))
            .add("logAnnounceInterval", int(d.log_announce_interval.0))
            .add("announceReceiptTimeout", uint(d.announce_receipt_timeout))
            .add("logSyncInterval", int(d.log_sync_interval.0))
            .add("delayMechanism", uint(d.delay_mechanism))
            .add("logMinPdelayReqInterval", int(d.log_min_pdelay_req_interval.0))
            .add("versionNumber", uint(d.version_number)),
        Payload::Priority1(v) => f.add("priority1", uint(*v)),
        Payload::Priority2(v) => f.add("priority2", uint(*v)),
        Payload::Domain(v) => f.add("domainNumber", uint(*v)),
        Payload::SlaveOnly(v) => f.add("slaveOnly", Value::Bit(*v)),
        Payload::LogAnnounceInterval(v) => f.add("logAnnounceInterval", int(v.0)),
        Payload::AnnounceReceiptTimeout(v) => f.add("announceReceiptTimeout", uint(*v)),
        Payload::LogSyncInterval(v) => f.add("logSyncInterval", int(v.0)),
        Payload::VersionNumber(v) => f.add("versionNumber", uint(*v)),
        Payload::Time(t) => f.add("currentTime", text(t)),
        Payload::ClockAccuracy(v) => f.add("clockAccuracy", Value::Hex(v.0.into(), 2)),
        Payload::UtcProperties(d) => f
            .add("currentUtcOffset", int(d.current_utc_offset))
            .add("leap61", Value::Bit(d.leap61))
            .add("leap59", Value::Bit(d.leap59))
            .add("currentUtcOffsetValid", Value::Bit(d.current_utc_offset_valid)),
        Payload::TraceabilityProperties(d) => f
            .add("timeTraceable", Value::Bit(d.time_traceable))
            .add("frequencyTraceable", Value::Bit(d.frequency_traceable)),
        // timeSource is left out: linuxptp neither sends nor prints it.
        Payload::TimescaleProperties(d) => f.add("ptpTimescale", Value::Bit(d.ptp_timescale)),
        Payload::UnicastNegotiationEnable(v) => f.add("unicastNegotiationEnable", Value::Bit(*v)),
        Payload::PathTraceList(list) => {
            f.add("pathSequence", Value::List(list.iter().map(|id| id.to_string()).collect()))
        }
        Payload::PathTraceEnable(v) => f.add("pathTraceEnable", Value::Bit(*v)),
        Payload::GrandmasterClusterTable(t) => f
            .add("logQueryInterval", int(t.log_query_interval.0))
            .add("actualTableSize", uint(t.members.len() as u64))
            .add("members", Value::List(t.members.iter().map(|a| address(&a)).collect())),
        Payload::UnicastMasterTable(t) => f
            .add("logQueryInterval", int(t.log_query_interval.0))
            .add("actualTableSize", uint(t.masters.len() as u64))
            .add("masters", Value::List(t.masters.iter().map(|a| address(&a)).collect())),
        Payload::UnicastMasterMaxTableSize(v) | Payload::AcceptableMasterMaxTableSize(v) => {
            f.add("maxTableSize", uint(*v))
        }
        Payload::AcceptableMasterTable(t) => f.add("actualTableSize", uint(t.len() as u64)).add(
            "masters",
            Value::List(t.iter().map(|m| format!("{} {}", m.port_identity, m.alternate_priority1)).collect()),
        ),
        Payload::AcceptableMasterTableEnabled(v) => f.add("acceptableMasterTableEnabled", Value::Bit(*v)),
        Payload::AlternateMaster(d) => f
            .add("transmitAlternateMulticastSync", Value::Bit(d.transmit_alternate_multicast_sync))
            .add("logAlternateMulticastSyncInterval", int(d.log_alternate_multicast_sync_interval.0))
            .add("numberOfAlternateMasters", uint(d.number_of_alternate_masters)),
        Payload::AlternateTimeOffsetEnable(d) => {
            Fields::with_width(15).add("keyField", uint(d.key_field)).add("enable", Value::Bit(d.enable))
        }
        Payload::AlternateTimeOffsetName(d) => Fields::with_width(15)
            .add("keyField", uint(d.key_field))
            .add("displayName", ptp_text(d.display_name)),
        Payload::AlternateTimeOffsetMaxKey(v) => f.add("maxKey", uint(*v)),
        Payload::AlternateTimeOffsetProperties(d) => f
            .add("keyField", uint(d.key_field))
            .add("currentOffset", int(d.current_offset))
            .add("jumpSeconds", int(d.jump_seconds))
            .add("timeOfNextJump", uint(d.time_of_next_jump)),
        Payload::ExternalPortConfigurationEnabled(v) => {
            f.add("externalPortConfigurationEnabled", Value::Bit(*v))
        }
        Payload::MasterOnly(v) => f.add("masterOnly", Value::Bit(*v)),
        Payload::HoldoverUpgradeEnable(v) => f.add("holdoverUpgradeEnable", Value::Bit(*v)),
        Payload::ExtPortConfigPortDataSet(d) => {
            f.add("acceptable", Value::Bit(d.acceptable)).add("desiredState", port_state(d.desired_state))
        }
        Payload::TransparentClockDefaultDataSet(d) => f
            .add("clockIdentity", text(d.clock_identity))
            .add("numberPorts", uint(d.number_ports))
            .add("delayMechanism", uint(d.delay_mechanism))
            .add("primaryDomain", uint(d.primary_domain)),
        Payload::TransparentClockPortDataSet(d) => f
            .add("portIdentity", text(d.port_identity))
            .add("faultyFlag", Value::Bit(d.faulty))
            .add("logMinPdelayReqInterval", int(d.log_min_pdelay_req_interval.0))
            .add("peerMeanPathDelay", Value::WholeNs(d.peer_mean_path_delay)),
        Payload::PrimaryDomain(v) => f.add("primaryDomain", uint(*v)),
        Payload::DelayMechanism(v) => f.add("delayMechanism", uint(*v)),
        Payload::LogMinPdelayReqInterval(v) => f.add("logMinPdelayReqInterval", int(v.0)),
        Payload::TimeStatusNp(d) => {
            let p = d.last_gm_phase_change;
            f.add("master_offset", int(d.master_offset))
                .add("ingress_time", int(d.ingress_time))
                .add(
                    "cumulativeScaledRateOffset",
                    Value::Rate(f64::from(d.cumulative_scaled_rate_offset) / (1u64 << 41) as f64),
                )
                .add("scaledLastGmPhaseChange", int(d.scaled_last_gm_phase_change))
                .add("gmTimeBaseIndicator", uint(d.gm_time_base_indicator))
                .add(
                    "lastGmPhaseChange",
                    Value::Text(format!(
                        "0x{:04x}'{:016x}.{:04x}",
                        p.nanoseconds_msb, p.nanoseconds_lsb, p.fractional_nanoseconds
                    )),
                )
                .add("gmPresent", Value::TrueFalse(d.gm_present))
                .add("gmIdentity", text(d.gm_identity))
        }
        Payload::GrandmasterSettingsNp(d) => f
            .quality(d.clock_quality)
            .add("currentUtcOffset", int(d.utc_offset))
            .time_flags(d.time_flags)
            .add("timeSource", Value::Hex(d.time_source.0.into(), 2)),
        Payload::PortDataSetNp(d) => f
            .add("neighborPropDelayThresh", uint(d.neighbor_prop_delay_thresh))
            .add("asCapable", int(d.as_capable)),
        Payload::SubscribeEventsNp(d) => {
            EVENTS.iter().fold(f.add("duration", uint(d.duration)), |f, (label, event)| {
                f.add(label, Value::OnOff(d.events.has(*event)))
            })
        }
        Payload::PortPropertiesNp(d) => Fields::with_width(24)
            .add("portIdentity", text(d.port_identity))
            .add("portState", port_state(d.port_state))
            .add("timestamping", timestamping(d.timestamping))
            .add("interface", ptp_text(d.interface)),
        Payload::PortStatsNp(d) => {
            let f = Fields::with_width(26).add("portIdentity", text(d.port_identity));
            let f = MessageType::ALL.into_iter().zip(RX).fold(f, |f, (t, label)| f.add(label, uint(d.rx(t))));
            MessageType::ALL.into_iter().zip(TX).fold(f, |f, (t, label)| f.add(label, uint(d.tx(t))))
        }
        Payload::SynchronizationUncertainNp(v) => f.add("uncertain", uint(*v)),
        Payload::PortServiceStatsNp(d) => d.counters().into_iter().fold(
            Fields::with_width(26).add("portIdentity", text(d.port_identity)),
            |f, (label, counter)| f.add(label, uint(counter)),
        ),
        Payload::UnicastMasterTableNp(t) => f
            .add("actual_table_size", uint(t.len() as u64))
            .add("masters", Value::Masters(t.iter().map(|m| unicast_master(&m)).collect())),
        Payload::PortHwclockNp(d) => Fields::with_width(24)
            .add("portIdentity", text(d.port_identity))
            .add("phcIndex", int(d.phc_index))
            .add("flags", uint(d.flags)),
        Payload::PowerProfileSettingsNp(d) => f
            .add("version", uint(d.version))
            .add("grandmasterID", Value::Hex(d.grandmaster_id.into(), 4))
            .add("grandmasterTimeInaccuracy", uint(d.grandmaster_time_inaccuracy))
            .add("networkTimeInaccuracy", uint(d.network_time_inaccuracy))
            .add("totalTimeInaccuracy", uint(d.total_time_inaccuracy)),
        Payload::CmldsInfoNp(d) => f
            .add("meanLinkDelay", Value::WholeNs(d.mean_link_delay))
            .add("scaledNeighborRateRatio", int(d.scaled_neighbor_rate_ratio))
            .add("as_capable", uint(d.as_capable)),
        Payload::PortCorrectionsNp(d) => f
            .add("egressLatency", Value::WholeNsBlank(d.egress_latency))
            .add("ingressLatency", Value::WholeNsBlank(d.ingress_latency))
            .add("delayAsymmetry", Value::WholeNsBlank(d.delay_asymmetry)),
        Payload::ExternalGrandmasterPropertiesNp(d) => {
            f.add("gmIdentity", text(d.gm_identity)).add("stepsRemoved", uint(d.steps_removed))
        }
        Payload::ClockStatusNp(d) => {
            let f = f.add("clockState", text(words::clock_state(d.clock_state))).add("steps", uint(d.steps));
            let f = f.add("holdoverSeconds", uint(d.holdover_s));
            // What is not known is not there.
            let f = match d.flags & ClockStatusNp::STEERED {
                0 => f,
                _ => f.add("frequency_ppb", Value::Rate(d.scaled_frequency as f64 / 65536.0)),
            };
            match d.flags & ClockStatusNp::BOUND_KNOWN {
                0 => f,
                _ => f.add("errorBound", Value::Tenths(d.error_bound)),
            }
        }
        Payload::ForeignMastersNp(d) => f
            .add("portIdentity", text(d.port_identity))
            .add("portState", port_state(d.port_state))
            .add("decision", text(words::decision(d.decision)))
            .add("rule", text(words::rule(d.rule)))
            .add("clientOnly", Value::Bit(d.flags & 1 != 0))
            .add("masterOnly", Value::Bit(d.flags & 2 != 0))
            .add("externalPortConfiguration", Value::Bit(d.flags & 4 != 0))
            .add("own", Value::Rows(vec![candidate(&d.own)]))
            .add("heard", Value::Rows(d.heard.iter().map(|row| candidate(&row)).collect())),
        Payload::PerformanceClockNp(page) => f.add("from", uint(page.from)).add_as(
            "record",
            "records",
            Value::Rows(page.records.iter().map(|r| records::clock_performance(&r)).collect()),
        ),
        Payload::PerformancePortNp(page) => f.add("from", uint(page.from)).add_as(
            "record",
            "records",
            Value::Rows(page.records.iter().map(|r| records::port_performance(&r)).collect()),
        ),
        Payload::MonitoredSlavesNp(page) => f
            .add("from", uint(page.from))
            .add("total", uint(page.total))
            .add_as("slave", "slaves", Value::Rows(page.slaves.iter().map(|s| records::slave(&s)).collect())),
        Payload::MonitoredRecordsNp(page) => f
            .add("slave", text(page.slave))
            .add("from", uint(page.from))
            .add("total", uint(page.total))
            .add_as(
                "record",
                "records",
                Value::Rows(page.records.iter().map(|r| records::monitored(&r)).collect()),
            ),
        Payload::Raw(_, data) => f.add("data", Value::Text(colons(data))),
        // A payload of a newer version of the wire crate.
        _ => f,
    }
}

/// Labels of received messages, in the order of [`MessageType::ALL`].
pub(crate) const RX: [&str; 10] = [
    "rx_Sync",
    "rx_Delay_Req",
    "rx_Pdelay_Req",
    "rx_Pdelay_Resp",
    "rx_Follow_Up",
    "rx_Delay_Resp",
    "rx_Pdelay_Resp_Follow_Up",
    "rx_Announce",
    "rx_Signaling",
    "rx_Management",
];

/// Labels of transmitted messages.
pub(crate) const TX: [&str; 10] = [
    "tx_Sync",
    "tx_Delay_Req",
    "tx_Pdelay_Req",
    "tx_Pdelay_Resp",
    "tx_Follow_Up",
    "tx_Delay_Resp",
    "tx_Pdelay_Resp_Follow_Up",
    "tx_Announce",
    "tx_Signaling",
    "tx_Management",
];
