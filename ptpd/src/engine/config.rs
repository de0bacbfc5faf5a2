//! What an instance and its ports are told at the start, and on reload.

use core::time::Duration;

pub use ptp_wire::management::PowerProfileSettingsNp as PowerSettings;
use ptp_wire::{ClockIdentity, ClockQuality, LogInterval, SdoId, TimeInterval, TimeSource, Transport};

use super::Address;
use super::gptp::Rules;
use super::options::{Options, PortOptions};
use super::security::Authentication;
use super::unicast::Prefix;

/// defaultDS.instanceType (1588-2019 8.2.1.5.5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InstanceKind {
    /// One port.
    Ordinary,
    /// Any number of ports.
    Boundary,
    /// Two or more ports; end-to-end transparent.
    TransparentE2e,
    /// Two or more ports; peer-to-peer transparent.
    TransparentP2p,
}

impl InstanceKind {
    /// Messages pass through it.
    pub const fn is_transparent(self) -> bool {
        matches!(self, Self::TransparentE2e | Self::TransparentP2p)
    }
}

/// How the best clock is found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BestMaster {
    /// The best master clock algorithm of 1588-2019 9.3.
    #[default]
    Ieee1588,
    /// The alternate one of ITU-T G.8275.1 and G.8275.2.
    G8275,
    /// Selection by quality level and configured priority (ITU-T G.8265.1); masters serve, clients select.
    G8265,
    /// The BTCA of IEEE 802.1AS-2020 10.3: the first Announce counts, MASTER and SLAVE are taken at once, priority1 255
    /// is never grandmaster.
    Ieee8021As,
    /// None: each port has the role that [`Rules::role`] gives it; Announces are not needed.
    Static,
}

impl BestMaster {
    /// PRE_MASTER and UNCALIBRATED are left out.
    pub(super) fn is_immediate(self) -> bool {
        matches!(self, Self::Ieee8021As | Self::Static)
    }
}

/// How a port measures the path (1588-2019 8.2.15.4.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delay {
    /// Delay request-response.
    E2e,
    /// Peer-to-peer.
    P2p,
    /// Peer-to-peer, measured by the common service (CMLDS) and told by it.
    CommonP2p,
    /// Not at all.
    None,
}

/// What a Sync's offset is made with: linuxptp's `tsproc_mode`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SampleMode {
    /// With the filtered delay.
    #[default]
    Filter,
    /// With the delay as it was last measured.
    Raw,
    /// With the filtered delay; where the last measured one is longer, the sample counts less.
    FilterWeight,
    /// With the delay as it was last measured; where it is longer than the filtered one, the sample counts less.
    RawWeight,
}

impl SampleMode {
    /// The delay as it was last measured counts.
    pub const fn is_raw(self) -> bool {
        matches!(self, Self::Raw | Self::RawWeight)
    }

    /// Samples count differently.
    pub const fn is_weighted(self) -> bool {
        matches!(self, Self::FilterWeight | Self::RawWeight)
    }
}

/// Which filter runs over delay measurements.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DelayFilterKind {
    /// Of the last N.
    MovingMedian,
    /// Of the last N.
    MovingAverage,
}

/// Where a port's stamps come from; the numbers are PORT_PROPERTIES_NP's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Stamping {
    /// The kernel.
    Software = 0,
    /// The NIC.
    Hardware = 1,
    /// The NIC writes Sync itself.
    OneStep = 3,
    /// The NIC writes Sync and Pdelay_Resp itself.
    P2pOneStep = 4,
}

impl Stamping {
    /// Sync needs no Follow_Up (1588-2019 9.5.9.3): the card writes originTimestamp when it leaves.
    pub const fn writes_sync(self) -> bool {
        matches!(self, Self::OneStep | Self::P2pOneStep)
    }

    /// Pdelay_Resp needs no Pdelay_Resp_Follow_Up (11.4.2 c 1): the card adds the turnaround time when it leaves.
    pub const fn writes_pdelay_resp(self) -> bool {
        matches!(self, Self::P2pOneStep)
    }
}

/// timePropertiesDS (1588-2019 8.2.4) of the instance's own clock, announced while it is grandmaster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TimeProperties {
    /// TAI - UTC in seconds.
    pub current_utc_offset: i16,
    /// The offset is known to be right.
    pub current_utc_offset_valid: bool,
    /// A second will be deleted at the end of the UTC day.
    pub leap59: bool,
    /// A second will be inserted at the end of the UTC day.
    pub leap61: bool,
    /// Time comes from a primary reference.
    pub time_traceable: bool,
    /// Frequency comes from a primary reference.
    pub frequency_traceable: bool,
    /// The clock keeps PTP time (TAI); false: ARB.
    pub ptp_timescale: bool,
    /// Where time comes from.
    pub time_source: TimeSource,
}

impl Default for TimeProperties {
    /// linuxptp's: 37 s, not valid, not traceable, PTP timescale, internal oscillator.
    fn default() -> Self {
        Self {
            current_utc_offset: 37,
            current_utc_offset_valid: false,
            leap59: false,
            leap61: false,
            time_traceable: false,
            frequency_traceable: false,
            ptp_timescale: true,
            time_source: TimeSource::INTERNAL_OSCILLATOR,
        }
    }
}

/// CLOCK_DESCRIPTION's texts (1588-2019 15.5.3.1.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Description {
    /// OUI of the manufacturer.
    pub manufacturer_identity: [u8; 3],
    /// `manufacturer;model;instance`, at most 64 octets.
    pub product: String,
    /// `hardware;firmware;software`, at most 32 octets.
    pub revision: String,
    /// At most 128 octets.
    pub user: String,
    /// OUI + 3 octets of the profile in force.
    pub profile_identity: [u8; 6],
}

impl Default for Description {
    fn default() -> Self {
        Self {
            manufacturer_identity: [0; 3],
            product: ";;".into(),
            revision: ";;".into(),
            user: String::new(),
            profile_identity: [0x00, 0x1b, 0x19, 0x00, 0x01, 0x00],
        }
    }
}

/// Where a master of the unicast master table is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MasterAddress {
    /// There.
    Known(Address),
    /// Where this host name says; the daemon resolves it and tells by [`Input::MasterAddress`](super::Input).
    Named(String),
}

/// An entry of the unicast master table (1588-2019 17.4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnicastMaster {
    /// Where it is.
    pub address: MasterAddress,
    /// Which of equal masters is taken, by profiles with local priorities: the lower.
    pub local_priority: u8,
}

/// Of masters that nothing else is said of.
pub(super) const DEFAULT_LOCAL_PRIORITY: u8 = 128;
/// In seconds, of ports that nothing else is said of: the configuration's default, too.
pub(super) const DEFAULT_UNICAST_DURATION: u32 = 3600;

/// What a port asks of its unicast masters (1588-2019 16.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnicastClientConfig {
    /// The table.
    pub masters: Vec<UnicastMaster>,
    /// durationField of requests, in seconds, 10 or more. Renewed at 3/4 of what was granted.
    pub duration: u32,
    /// The wait between requests that are not answered.
    pub log_query_interval: LogInterval,
}

/// What a port grants (1588-2019 16.1), and to whom.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnicastServerConfig {
    /// Clients at a time.
    pub max_clients: u32,
    /// Messages per second promised to all; a Sync counts with its Follow_Up.
    pub max_rate: u32,
    /// Messages per second promised to one client.
    pub max_client_rate: u32,
    /// Longest duration granted, in seconds.
    pub max_duration: u32,
    /// Shortest interval of Announce.
    pub min_log_announce_interval: LogInterval,
    /// Shortest interval of Sync.
    pub min_log_sync_interval: LogInterval,
    /// Shortest interval of Delay_Resp and Pdelay_Resp.
    pub min_log_delay_resp_interval: LogInterval,
    /// Who may ask; empty: everybody.
    pub allow: Vec<Prefix>,
    /// Who may not, whatever `allow` says.
    pub deny: Vec<Prefix>,
    /// No grants any more, and those there were are cancelled.
    pub drain: bool,
}

impl Default for UnicastServerConfig {
    fn default() -> Self {
        Self {
            max_clients: 1024,
            max_rate: 300_000,
            max_client_rate: 1000,
            max_duration: 3600,
            min_log_announce_interval: LogInterval(-3),
            min_log_sync_interval: LogInterval(-7),
            min_log_delay_resp_interval: LogInterval(-7),
            allow: Vec::new(),
            deny: Vec::new(),
            drain: false,
        }
    }
}

/// How long a boundary clock keeps time without its master, counted from the loss (G.8275.1 table 2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Holdover {
    /// Class 135 for this long.
    pub in_spec: Duration,
    /// Class 165 until this long after the loss, then free run.
    pub out_of_spec: Duration,
}

/// A PTP instance.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceConfig {
    /// defaultDS.clockIdentity.
    pub clock_identity: ClockIdentity,
    /// Ordinary, boundary or transparent.
    pub kind: InstanceKind,
    /// defaultDS.priority1.
    pub priority1: u8,
    /// defaultDS.priority2.
    pub priority2: u8,
    /// defaultDS.clockQuality. A client-only clock is class 255 whatever stands here.
    pub clock_quality: ClockQuality,
    /// defaultDS.domainNumber.
    pub domain_number: u8,
    /// defaultDS.sdoId.
    pub sdo_id: SdoId,
    /// defaultDS.slaveOnly: never a master.
    pub client_only: bool,
    /// How the best clock is found.
    pub best_master: BestMaster,
    /// defaultDS.localPriority of G.8275, 1..=255.
    pub local_priority: u8,
    /// G.8265.1: a better master that has come back is taken again although the present one is as good.
    pub revertive: bool,
    /// G.8265.1: a master that failed is taken only where there is no other for this long.
    pub wait_to_restore: Duration,
    /// A master the servo has not locked to for this long has failed, in ITU-T's profiles (PTSF-unusable); `None`: never.
    pub unusable_timeout: Option<Duration>,
    /// G.8275: what a boundary clock that lost its master claims, and for how long; `None`: nothing.
    pub holdover: Option<Holdover>,
    /// defaultDS.maxStepsRemoved, 2..=255.
    pub max_steps_removed: u16,
    /// Announces of grandmasters with a higher clockClass are dropped; 255: none are.
    pub clock_class_threshold: u8,
    /// Every Sync and Pdelay_Resp counts as two-step, for bridges that clear twoStepFlag.
    pub assume_two_step: bool,
    /// minorVersionPTP that is sent: 1 (2019) or 0 (2008).
    pub minor_version: u8,
    /// A time-aware relay (802.1AS-2020): Sync is passed on, not made anew.
    pub relay: bool,
    /// pathTraceDS.enable: PATH_TRACE is sent and looped Announces are dropped.
    pub path_trace: bool,
    /// Only measure: port states follow BMCA, and Samples come out, but SLAVE is reached without a servo.
    pub free_running: bool,
    /// A transparent clock tells residence times in the grandmaster's seconds, not in those of its own clock.
    pub syntonise: bool,
    /// A transparent clock's ports have states by the best master clock algorithm: what is of its domain passes only
    /// between those that are MASTER, UNCALIBRATED or SLAVE, and Announces count it as a step.
    pub spanning_tree: bool,
    /// GET from the network is answered. SET and COMMAND never are.
    pub network_management: bool,
    /// Management serves what linuxptp serves, and refuses the rest in its way: for clients that know nothing else.
    pub as_linuxptp: bool,
    /// Announced while grandmaster.
    pub time_properties: TimeProperties,
    /// Texts.
    pub description: Description,
    /// Optional features.
    pub options: Options,
    /// Port 1 first; at least one.
    pub ports: Vec<PortConfig>,
}

/// A port. Intervals are log2 of seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct PortConfig {
    /// The interface's name, for PORT_PROPERTIES_NP and events.
    pub interface: String,
    /// Its network.
    pub transport: Transport,
    /// Its MAC address, for CLOCK_DESCRIPTION.
    pub mac: [u8; 6],
    /// Its protocol address (4, 16 or 6 octets), for CLOCK_DESCRIPTION.
    pub protocol_address: Vec<u8>,
    /// Where its stamps come from.
    pub stamping: Stamping,
    /// /dev/ptpN, for PORT_HWCLOCK_NP.
    pub phc_index: Option<i32>,
    /// portDS.logAnnounceInterval.
    pub log_announce_interval: LogInterval,
    /// portDS.announceReceiptTimeout, 2..=255 intervals.
    pub announce_receipt_timeout: u8,
    /// portDS.logSyncInterval.
    pub log_sync_interval: LogInterval,
    /// Sync intervals without Sync that count as a loss; 0: never.
    pub sync_receipt_timeout: u8,
    /// portDS.logMinDelayReqInterval.
    pub log_min_delay_req_interval: LogInterval,
    /// portDS.logMinPdelayReqInterval.
    pub log_min_pdelay_req_interval: LogInterval,
    /// portDS.delayMechanism.
    pub delay: Delay,
    /// It is E2E until a peer asks for the link's delay (Pdelay_Req), and P2P from then on. [`PortConfig::delay`] is
    /// E2E where this is so.
    pub delay_auto: bool,
    /// How far the waits between Delay_Reqs vary about their mean: from 0, not at all, to 1, from nothing to twice the mean.
    pub delay_request_variability: f64,
    /// Delay_Req go unicast to the master, Sync stay multicast.
    pub hybrid_e2e: bool,
    /// Messages of any sdoId are taken.
    pub ignore_sdo_id: bool,
    /// So many unanswered Delay_Reqs in a row are a synchronization fault (SYNCHRONIZATION_FAULT of 9.2.6.13); 0: none are.
    pub delay_response_timeout: u8,
    /// Masters to ask for unicast service; `None`: none is asked.
    pub unicast_client: Option<UnicastClientConfig>,
    /// What is granted to others; `None`: nothing.
    pub unicast_server: Option<UnicastServerConfig>,
    /// The interface's rate is told with unicast grants, and what is told is taken (G.8275.2 annex D).
    pub interface_rate_tlv: bool,
    /// Announce and Sync are sent to the group while the port is master.
    pub multicast: bool,
    /// portDS.localPriority of G.8275, 1..=255. Masters of the unicast table have their own.
    pub local_priority: u8,
    /// The C37.238 TLV of its Announces.
    pub power: PowerSettings,
    /// portDS.masterOnly (2019): never synchronises from this port.
    pub master_only: bool,
    /// portDS.delayAsymmetry: + means master to client is longer.
    pub delay_asymmetry: TimeInterval,
    /// Added to transmit stamps.
    pub egress_latency: TimeInterval,
    /// Subtracted from receive stamps.
    pub ingress_latency: TimeInterval,
    /// Over delay measurements.
    pub delay_filter: DelayFilterKind,
    /// Samples in the filter, 1..=1024.
    pub delay_filter_length: u16,
    /// What its samples' offsets are made with.
    pub sample_mode: SampleMode,
    /// IEEE 802.1AS's rules.
    pub gptp: Rules,
    /// Its messages are authenticated; `None`: they are not, and the AUTHENTICATION TLV of others is not looked at.
    pub authentication: Option<Authentication>,
    /// After a fault the port tries again after this long.
    pub fault_reset_interval: LogInterval,
    /// Optional features.
    pub options: PortOptions,
}

impl InstanceConfig {
    /// The default profile: a boundary clock if there are several ports, an ordinary clock otherwise.
    pub fn new(clock_identity: ClockIdentity, ports: Vec<PortConfig>) -> Self {
        Self {
            clock_identity,
            kind: if ports.len() > 1 { InstanceKind::Boundary } else { InstanceKind::Ordinary },
            priority1: 128,
            priority2: 128,
            clock_quality: ClockQuality::DEFAULT,
            domain_number: 0,
            sdo_id: SdoId::PTP,
            client_only: false,
            best_master: BestMaster::Ieee1588,
            local_priority: 128,
            revertive: true,
            wait_to_restore: Duration::from_secs(300),
            unusable_timeout: None,
            holdover: None,
            max_steps_removed: 255,
            clock_class_threshold: 255,
            assume_two_step: false,
            minor_version: 1,
            relay: false,
            path_trace: false,
            free_running: false,
            syntonise: true,
            spanning_tree: false,
            network_management: true,
            as_linuxptp: false,
            time_properties: TimeProperties::default(),
            description: Description::default(),
            options: Options::default(),
            ports,
        }
    }
}

impl PortConfig {
    /// The default E2E profile (1588-2019 I.3) on UDP/IPv4 with software stamps.
    pub fn new(interface: &str) -> Self {
        Self {
            interface: interface.into(),
            transport: Transport::UdpIpv4,
            mac: [0; 6],
            protocol_address: vec![0; 4],
            stamping: Stamping::Software,
            phc_index: None,
            log_announce_interval: LogInterval(1),
            announce_receipt_timeout: 3,
            log_sync_interval: LogInterval(0),
            sync_receipt_timeout: 0,
            log_min_delay_req_interval: LogInterval(0),
            log_min_pdelay_req_interval: LogInterval(0),
            delay: Delay::E2e,
            delay_auto: false,
            delay_request_variability: 1.0,
            hybrid_e2e: false,
            ignore_sdo_id: false,
            delay_response_timeout: 0,
            unicast_client: None,
            unicast_server: None,
            interface_rate_tlv: false,
            multicast: true,
            local_priority: 128,
            power: PowerSettings {
                version: 0,
                grandmaster_id: 0,
                grandmaster_time_inaccuracy: u32::MAX,
                network_time_inaccuracy: u32::MAX,
                total_time_inaccuracy: u32::MAX,
            },
            master_only: false,
            delay_asymmetry: TimeInterval::ZERO,
            egress_latency: TimeInterval::ZERO,
            ingress_latency: TimeInterval::ZERO,
            delay_filter: DelayFilterKind::MovingMedian,
            delay_filter_length: 10,
            sample_mode: SampleMode::Filter,
            gptp: Rules::default(),
            authentication: None,
            fault_reset_interval: LogInterval(4),
            options: PortOptions::default(),
        }
    }
}
