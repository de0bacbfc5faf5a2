//! What `ptpd` is told: the values after defaults, profile, file and command line have been put together.

use crate::authentication::Authentication;
use crate::gptp::{CommonService, Gptp};
pub use crate::log_part::LogPart;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use ptp_wire::{ClockIdentity, ClockQuality, LogInterval, SdoId, TimeInterval, TimeSource, Transport};

pub use crate::options::{
    AlternateTimeOffset, DesiredState, EnhancedAccuracy, Options, PortOptions, SlaveMonitor,
    SynchronizationUncertain,
};

/// A `ptpd` and all it needs to run. Everything in it is within its range.
#[derive(Clone, Debug, PartialEq)]
pub struct PtpdConfig {
    /// Name of the profile in force, `default-e2e` if none was named.
    pub profile: String,
    /// profileIdentity (1588-2019 20.3.3), for CLOCK_DESCRIPTION.
    pub profile_identity: [u8; 6],
    /// Ordinary or boundary follow the number of ports; what was said counts.
    pub clock: ClockKind,
    /// defaultDS.clockIdentity; `None`: made from the first port's MAC address.
    pub clock_identity: Option<ClockIdentity>,
    /// defaultDS.priority1.
    pub priority1: u8,
    /// defaultDS.priority2.
    pub priority2: u8,
    /// defaultDS.clockQuality while this clock is grandmaster. A client-only clock is class 255 whatever stands here.
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
    pub clock_local_priority: u8,
    /// G.8265.1: a better master that has come back is taken again although the present one is as good.
    pub revertive: bool,
    /// G.8265.1: a master that failed is taken only for want of another for this long.
    pub wait_to_restore: TimeInterval,
    /// A master the servo has not locked to for this long has failed; zero: never.
    pub unusable_timeout: TimeInterval,
    /// G.8275: what a boundary clock claims without its master; `None`: nothing.
    pub holdover: Option<Holdover>,
    /// defaultDS.maxStepsRemoved, 2..=255.
    pub max_steps_removed: u16,
    /// Announces of grandmasters with a higher clockClass are dropped; 255: none are.
    pub clock_class_threshold: u8,
    /// Every Sync and Pdelay_Resp counts as two-step.
    pub assume_two_step: bool,
    /// A time-aware relay (802.1AS-2020).
    pub relay: bool,
    /// pathTraceDS.enable (1588-2019 16.2).
    pub path_trace: bool,
    /// Only measure, never touch the clock.
    pub free_running: bool,
    /// A transparent clock tells residence times in the grandmaster's seconds.
    pub syntonise: bool,
    /// A transparent clock's ports have states, and messages of its domain pass by them.
    pub spanning_tree: bool,
    /// minorVersionPTP that is sent: 1 (2019) or 0 (2008).
    pub minor_version: u8,
    /// Announced while this clock is grandmaster.
    pub time_properties: TimeProperties,
    /// CLOCK_DESCRIPTION's texts.
    pub description: Description,
    /// Optional features.
    pub options: Options,
    /// The clock that is kept, and that stamps are read against.
    pub clock_device: ClockDevice,
    /// What becomes of ports whose stamps are of different clocks.
    pub port_clocks: PortClocks,
    /// How it is kept.
    pub servo: Servo,
    /// Who may ask and change what.
    pub management: Management,
    /// The endpoint for monitoring; `None`: there is none.
    pub metrics: Option<Metrics>,
    /// What is written where.
    pub log: Log,
    /// Who is told of events.
    pub events: Events,
    /// What is recorded so that it can be proved later; `None`: nothing.
    pub evidence: Option<Evidence>,
    /// Keeps the last frequency for the next start; `None`: it is not kept.
    pub state_file: Option<PathBuf>,
    /// When the service manager is told that the daemon is ready.
    pub ready_when: ReadyWhen,
    /// Root is given up for this user once sockets and clocks are open.
    pub user: Option<String>,
    /// Security associations; `None`: there are none.
    pub key_file: Option<PathBuf>,
    /// The key file may be readable by others.
    pub insecure_key_file: bool,
    /// Port 1 first; at least one.
    pub ports: Vec<PortConfig>,
}

/// How the best clock is found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BestMaster {
    /// The best master clock algorithm of 1588-2019 9.3.
    Ieee1588,
    /// The alternate one of ITU-T G.8275.1 and G.8275.2.
    G8275,
    /// Selection by quality level and priority (ITU-T G.8265.1).
    G8265,
    /// The best master selection of IEEE 802.1AS-2020 10.3.
    Ieee8021As,
    /// None: [`Gptp::role`] decides.
    Static,
}

/// The evidence log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Evidence {
    /// Where its files are.
    pub directory: PathBuf,
    /// One record of measurements in this time.
    pub interval: std::time::Duration,
    /// So many daily files are kept; `None`: all.
    pub keep_days: Option<u32>,
    /// Measurements are on the disk after this time.
    pub sync: std::time::Duration,
    /// The hash of the last record is logged this often; `None`: only at the end.
    pub anchor: Option<std::time::Duration>,
}

/// How long a boundary clock keeps time without its master, counted from the loss.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Holdover {
    /// Class 135 for this long: the given time, or less where the error bound is reached before.
    pub in_spec: TimeInterval,
    /// Class 165 until then.
    pub out_of_spec: TimeInterval,
}

/// What the C37.238 TLV of a port says. Inaccuracies are in ns, `u32::MAX` is unknown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Power {
    /// 0 none, 1 2011, 2 2017.
    pub version: u16,
    /// grandmasterID.
    pub grandmaster_id: u16,
    /// grandmasterTimeInaccuracy (2011).
    pub grandmaster_time_inaccuracy: u32,
    /// networkTimeInaccuracy (2011).
    pub network_time_inaccuracy: u32,
    /// totalTimeInaccuracy (2017).
    pub total_time_inaccuracy: u32,
}

/// defaultDS.instanceType (1588-2019 8.2.1.5.5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClockKind {
    /// One port.
    Ordinary,
    /// Any number of ports.
    Boundary,
    /// Two or more ports; messages pass and are told their residence time.
    TransparentE2e,
    /// The same, with the link delay of the port they came in.
    TransparentP2p,
}

impl ClockKind {
    /// Messages pass through it.
    pub const fn is_transparent(self) -> bool {
        matches!(self, Self::TransparentE2e | Self::TransparentP2p)
    }
}

/// timePropertiesDS (1588-2019 8.2.4) of the instance's own clock.
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
}

/// The clock a `ptpd` keeps.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClockDevice {
    /// The first port's PHC with hardware stamps, the system clock with software stamps.
    Auto,
    /// `/dev/ptpN`.
    Phc(u32),
    /// CLOCK_REALTIME.
    System,
    /// A virtual clock in shared memory at this path.
    Virtual(PathBuf),
}

/// When a daemon is ready.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReadyWhen {
    /// Synchronised, or serving with no master to follow; a transparent clock at once.
    Auto,
    /// A port is SLAVE.
    Synchronised,
    /// A port is MASTER.
    Serving,
    /// At once.
    Started,
}

/// What becomes of ports whose stamps are of different clocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PortClocks {
    /// They are kept with the clock of the client port.
    Together,
    /// Another program keeps them together.
    External,
    /// They are an error.
    Same,
}

impl std::fmt::Display for ClockDevice {
    /// As it is written in the file, and as `ptp_clock` reads it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Phc(n) => write!(f, "phc{n}"),
            Self::System => f.write_str("system"),
            Self::Virtual(path) => write!(f, "virtual:{}", path.display()),
        }
    }
}

/// The controller (linuxptp's meaning and names).
#[derive(Clone, Debug, PartialEq)]
pub struct Servo {
    /// Which controller.
    pub kind: ServoKind,
    /// How an adaptive one passes on what its master does.
    pub transfer: Transfer,
    /// The bandwidth of [`Transfer::Limited`], Hz.
    pub bandwidth_hz: f64,
    /// The unit of [`ServoKind::NtpShm`], 0..=255.
    pub ntp_shm_unit: u32,
    /// The socket of [`ServoKind::ChronySock`].
    pub chrony_sock: PathBuf,
    /// The kernel carries out announced leap seconds of the system clock.
    pub kernel_leap: bool,
    /// In the stable state offsets go to the hardware clock's own phase control.
    pub phase_adjustment: bool,
    /// So many Syncs are ignored after a step.
    pub step_window: u32,
    /// A clock that runs this much (ppb) beside what it is told is steered by someone else, too; `None`: nobody looks.
    pub sanity_frequency_limit_ppb: Option<f64>,
    /// A fixed gain in 1/s; 0: computed from the interval.
    pub proportional_const: f64,
    /// A fixed gain in 1/s per sample; 0: computed from the interval.
    pub integral_const: f64,
    /// The gain at an interval of one second; `None`: 0.7 with hardware, 0.1 with software stamps.
    pub proportional_scale: Option<f64>,
    /// The power of the interval the gain goes with.
    pub proportional_exponent: f64,
    /// The gain times the interval stays at or below this; above 0, up to 1.
    pub proportional_norm_max: f64,
    /// The gain at an interval of one second; `None`: 0.3 with hardware, 0.001 with software stamps.
    pub integral_scale: Option<f64>,
    /// The power of the interval the gain goes with.
    pub integral_exponent: f64,
    /// The gain times the interval stays at or below this; above 0, up to 2.
    pub integral_norm_max: f64,
    /// The first correction is a step if the offset is larger; `None`: never.
    pub first_step_threshold: Option<TimeInterval>,
    /// Any larger offset is stepped away; `None`: never.
    pub step_threshold: Option<TimeInterval>,
    /// The frequency stays within +- this many ppb.
    pub max_frequency_ppb: f64,
    /// Offsets up to this count towards "stable"; `None`: that state is not used.
    pub offset_threshold: Option<TimeInterval>,
    /// How many in a row it takes.
    pub num_offset_values: u32,
}

/// Which controller keeps the clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ServoKind {
    /// A state estimator that learns oscillator and network.
    Adaptive,
    /// Proportional-integral.
    Pi,
    /// Linear regression.
    Linreg,
    /// Steps only.
    None,
    /// Nothing is steered: an NTP daemon reads the offsets in its shared memory segment.
    NtpShm,
    /// Nothing is steered: chronyd gets the offsets by its socket.
    ChronySock,
}

/// How an adaptive servo passes on what its master does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transfer {
    /// Free with one port, damped with several.
    Auto,
    /// With the least error of its own.
    Free,
    /// So that nothing is passed on much larger.
    Damped,
    /// Damped, and never wider than the bandwidth.
    Limited,
}

/// Management access.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Management {
    /// UNIX socket that may change things; `None`: there is none.
    pub socket: Option<PathBuf>,
    /// Its mode.
    pub socket_mode: u32,
    /// UNIX socket that may only ask; `None`: there is none.
    pub read_only_socket: Option<PathBuf>,
    /// Its mode.
    pub read_only_socket_mode: u32,
    /// GET from the network is answered. SET and COMMAND never are.
    pub network: bool,
}

/// The socket of docs/events.md.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Events {
    /// Where; `None`: nowhere.
    pub socket: Option<PathBuf>,
    /// Its mode.
    pub socket_mode: u32,
}

/// The endpoint for monitoring.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Metrics {
    /// An address with its port, or the path of a UNIX socket from the root.
    pub listen: String,
    /// Series with the names of OpenShift's exporter, too.
    pub openshift_names: bool,
    /// Subscriptions to changes.
    pub events: bool,
}

/// Log output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Log {
    /// The least severe level that is written.
    pub level: LogLevel,
    /// Other levels of some parts.
    pub parts: Vec<(LogPart, LogLevel)>,
    /// journald's socket, if lines and events go there.
    pub journal: Option<PathBuf>,
    /// The lines' form.
    pub format: LogFormat,
    /// One line of statistics in this time; `None`: a line per sample.
    pub summary_interval: Option<TimeInterval>,
}

/// Severity.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LogLevel {
    /// What ends or harms the service.
    Error,
    /// What the operator should look at.
    Warn,
    /// Changes of state, and statistics.
    Info,
    /// Why decisions fell as they did.
    Debug,
    /// Every message.
    Trace,
}

impl LogLevel {
    /// All, the most severe first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// As it is written in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// A port. Intervals are log2 of seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct PortConfig {
    /// Name of its network interface, 1..=15 octets.
    pub interface: String,
    /// Its network.
    pub transport: Transport,
    /// Where its stamps come from.
    pub stamping: Stamping,
    /// The clock of its stamps.
    pub port_clock: ClockDevice,
    /// Where its messages go; of the transport's own kind.
    pub addresses: Addresses,
    /// Time to live or hop limit of multicast messages over UDP, 1..=255.
    pub udp_ttl: u8,
    /// DiffServ code point of event messages over UDP, 0..=63.
    pub dscp_event: u8,
    /// DiffServ code point of general messages over UDP, 0..=63.
    pub dscp_general: u8,
    /// SO_PRIORITY on Ethernet, 0..=15; 0 leaves it.
    pub socket_priority: u8,
    /// portDS.logAnnounceInterval.
    pub log_announce_interval: LogInterval,
    /// portDS.announceReceiptTimeout, 2..=255 intervals.
    pub announce_receipt_timeout: u8,
    /// portDS.logSyncInterval.
    pub log_sync_interval: LogInterval,
    /// Sync intervals without Sync that count as a loss; 0: never.
    pub sync_receipt_timeout: u8,
    /// portDS.delayMechanism.
    pub delay_mechanism: DelayMechanism,
    /// portDS.logMinDelayReqInterval.
    pub log_min_delay_req_interval: LogInterval,
    /// portDS.logMinPdelayReqInterval.
    pub log_min_pdelay_req_interval: LogInterval,
    /// How much the waits between Delay_Reqs vary, 0..=1.
    pub delay_request_variability: f64,
    /// Delay_Req go unicast to the master, Sync stay multicast.
    pub hybrid_e2e: bool,
    /// Messages of any sdoId are taken.
    pub ignore_sdo_id: bool,
    /// So many unanswered Delay_Reqs in a row are a synchronization fault; 0: none are.
    pub delay_response_timeout: u8,
    /// Masters to ask for unicast service, in the order of the file; empty: none.
    pub unicast_masters: Vec<UnicastMaster>,
    /// Seconds asked for in a request.
    pub unicast_request_duration: u32,
    /// The wait between requests that are not answered.
    pub log_unicast_query_interval: LogInterval,
    /// Unicast service for others; `None`: there is none.
    pub unicast_server: Option<UnicastServer>,
    /// Announce and Sync are sent to the group.
    pub multicast: bool,
    /// portDS.localPriority of G.8275, 1..=255.
    pub local_priority: u8,
    /// C37.238.
    pub power: Power,
    /// IEEE 802.1AS's rules.
    pub gptp: Gptp,
    /// The common link delay service, with [`DelayMechanism::CommonP2p`].
    pub common: Option<CommonService>,
    /// The interface's rate is told with unicast grants, and what is told is taken (G.8275.2 annex D).
    pub interface_rate_tlv: bool,
    /// portDS.masterOnly: never synchronises from this port.
    pub master_only: bool,
    /// portDS.delayAsymmetry: + means master to client is longer.
    pub delay_asymmetry: TimeInterval,
    /// Added to transmit stamps.
    pub egress_latency: TimeInterval,
    /// Subtracted from receive stamps.
    pub ingress_latency: TimeInterval,
    /// Over delay measurements.
    pub delay_filter: DelayFilter,
    /// Samples in the filter, 1..=1024.
    pub delay_filter_length: u16,
    /// What offsets are made with.
    pub sample_mode: SampleMode,
    /// After a fault the port tries again after this long.
    pub fault_reset_interval: LogInterval,
    /// Optional features.
    pub options: PortOptions,
    /// The security association its messages need; `None`: none.
    pub spp: Option<u8>,
    /// The key its messages are sent with; `None`: none.
    pub active_key_id: Option<u32>,
    /// Both, with the keys themselves.
    pub authentication: Option<Authentication>,
}

/// A master to ask for unicast service (1588-2019 17.4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnicastMaster {
    /// Where it is.
    pub address: MasterAddress,
    /// 1..=255; of profiles with local priorities.
    pub local_priority: u8,
}

/// Where a master is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MasterAddress {
    /// UDP over IPv4.
    Ipv4(Ipv4Addr),
    /// UDP over IPv6.
    Ipv6(Ipv6Addr),
    /// Ethernet.
    Ethernet([u8; 6]),
    /// A host name, resolved when the daemon runs.
    Name(String),
}

/// Addresses that begin alike: address, and how many of its bits count. The others are zero.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Prefix {
    /// 0..=32 bits.
    Ipv4(Ipv4Addr, u8),
    /// 0..=128 bits.
    Ipv6(Ipv6Addr, u8),
    /// 0..=48 bits.
    Ethernet([u8; 6], u8),
}

/// What a unicast server grants, and to whom (1588-2019 16.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnicastServer {
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
    /// Who may not.
    pub deny: Vec<Prefix>,
    /// No grants any more; those there were are cancelled.
    pub drain: bool,
    /// Send by packet sockets where it can be.
    pub direct: bool,
}

/// Where stamps come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stamping {
    /// Hardware if the interface can and the clock fits, else software.
    Auto,
    /// The NIC.
    Hardware,
    /// The NIC, which writes Sync itself.
    OneStep,
    /// The NIC, which writes Sync and Pdelay_Resp itself.
    P2pOneStep,
    /// The kernel.
    Software,
}

/// Where a port's messages go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Addresses {
    /// UDP over IPv4.
    UdpIpv4 {
        /// All messages but peer delay's.
        primary: Ipv4Addr,
        /// Peer delay messages.
        peer_delay: Ipv4Addr,
    },
    /// UDP over IPv6; `udp6_scope` is already in the primary address.
    UdpIpv6 {
        /// All messages but peer delay's.
        primary: Ipv6Addr,
        /// Peer delay messages.
        peer_delay: Ipv6Addr,
    },
    /// Ethernet.
    Ethernet {
        /// All messages but peer delay's.
        primary: [u8; 6],
        /// Peer delay messages.
        peer_delay: [u8; 6],
    },
}

/// How a port measures the path (1588-2019 8.2.15.4.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DelayMechanism {
    /// Delay request-response.
    E2e,
    /// Peer-to-peer.
    P2p,
    /// Peer delay, measured by the common service.
    CommonP2p,
    /// Delay request-response until a peer asks for the link's delay, peer-to-peer from then on.
    Auto,
    /// Not at all.
    None,
}

/// What offsets are made with (linuxptp's `tsproc_mode`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SampleMode {
    /// The filtered delay.
    Filter,
    /// The delay as it was last measured.
    Raw,
    /// The filtered delay; samples with a longer delay count less.
    FilterWeight,
    /// The delay as it was last measured; samples with a longer one count less.
    RawWeight,
}

/// Which filter runs over delay measurements.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DelayFilter {
    /// The middle one of the last N.
    MovingMedian,
    /// The mean of the last N.
    MovingAverage,
}
