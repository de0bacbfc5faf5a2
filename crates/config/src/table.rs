//! Every key: its kind, range and default, what it means, and where it has an effect. Parser, defaults, documentation
//! and manual page are made from this table.

mod accuracy;
mod authentication;
mod description;
mod events;
mod evidence;
mod holdover;
pub(crate) mod live;
mod management;
mod metrics;
mod servo;
mod smpte;

use crate::kind::Kind;

use accuracy::ENHANCED_ACCURACY;
use authentication::AUTHENTICATION;
use description::DESCRIPTION;
use events::EVENTS;
pub(crate) use evidence::EVIDENCE;
pub(crate) use holdover::HOLDOVER;
use management::{LOG_SECTION, MANAGEMENT};
pub(crate) use metrics::METRICS;
use servo::SERVO;
use smpte::SMPTE;

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// As written in the file.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// As it would be written in the file. Empty: there is none, the key must be given.
    pub(crate) default: &'static str,
    /// One line for the operator.
    pub(crate) doc: &'static str,
    /// The standard's name, or linuxptp's key. Empty: neither has one.
    pub(crate) meaning: &'static str,
    /// Without this the key has no effect, and is refused where it was written by hand.
    pub(crate) needs: Need,
}

/// What must hold for a key to have an effect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Need {
    Nothing,
    /// The port runs over UDP/IPv4 or UDP/IPv6.
    Udp,
    Udp4,
    Udp6,
    Ethernet,
    E2e,
    /// `delay_mechanism` is `common_p2p`.
    CommonP2p,
    /// P2P, measured here or by the common service.
    PeerDelay,
    /// E2E or P2P.
    Delay,
    /// `best_master` is `static`.
    Static,
    /// `as_capable` is `auto`.
    AsCapable,
    /// `gptp_capable` is not `unused`.
    GptpCapable,
    /// `msg_interval_request` is `true`.
    IntervalRequest,
    /// The clock is transparent.
    Transparent,
    /// The clock is steered.
    Steered,
    /// The same, by the adaptive servo.
    Adaptive,
    /// The same, by the proportional-integral one.
    Pi,
    /// `servo.kind` is `ntp_shm`.
    NtpShm,
    /// `servo.kind` is `chrony_sock`.
    ChronySock,
    /// `servo.offset_threshold` is not `off`.
    OffsetThreshold,
    /// The clock may become grandmaster.
    Server,
    /// The port may synchronise.
    Client,
    /// `best_master` is `g8275`.
    G8275,
    /// `best_master` is `g8265`.
    G8265,
    /// `best_master` is `g8265` or `g8275`.
    Telecom,
    /// `evidence.directory` is not `off`.
    Evidence,
    /// `power_profile` is not `none`.
    Power,
    /// `unicast_masters` names some.
    UnicastClient,
    /// `unicast_server` is `true`.
    UnicastServer,
    /// Ports are configured from outside.
    External,
    /// The port may be an alternate master.
    AlternateMaster,
    NetSyncMonitor,
    /// The port tells what it measures.
    SlaveMonitor,
    Accuracy,
    /// `authentication.key_file` is not `off`.
    KeyFile,
    /// `spp` is not -1.
    Spp,
    /// `smpte.enable` is `true`.
    Smpte,
    /// `management.socket` is not `off`.
    Socket,
    /// `management.read_only_socket` is not `off`.
    ReadOnlySocket,
    /// `events.socket` is not `off`.
    EventSocket,
    /// `metrics.listen` is not `off`.
    Metrics,
    /// A key has one of these values. The last says when it has none of them, for the operator.
    Is(&'static str, &'static [&'static str], &'static str),
    /// A key has another value than this.
    IsNot(&'static str, &'static str, &'static str),
}

/// Keys that stand together.
#[derive(Debug)]
pub(crate) struct Section {
    /// The key it stands under; empty: at the top.
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) keys: &'static [Key],
}

pub(crate) const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
    meaning: &'static str,
) -> Key {
    Key { name, kind, default, doc, meaning, needs: Need::Nothing }
}

impl Key {
    pub(crate) const fn needs(mut self, needs: Need) -> Self {
        self.needs = needs;
        self
    }
}

pub(crate) const fn int(min: i64, max: i64) -> Kind {
    Kind::Int { min, max }
}

const U8: Kind = int(0, 255);
/// Sensible log2 intervals: 1/128 s to about nine hours. linuxptp takes any octet.
const LOG: Kind = int(-7, 15);
pub(crate) const SECOND: i64 = 1_000_000_000;
const CORRECTION: Kind = Kind::Duration { min: -SECOND, max: SECOND, off: false, hint: "ns" };
pub(crate) const THRESHOLD: Kind = Kind::Duration { min: 1, max: 86_400 * SECOND, off: true, hint: "us" };
const INACCURACY: Kind = Kind::Duration { min: 0, max: 4 * SECOND, off: true, hint: "ns" };
const SERVER: Need = Need::Server;

/// The clock itself.
pub(crate) const INSTANCE: Section = Section {
    name: "",
    doc: "The clock itself.",
    keys: &[
        key(
            "clock",
            Kind::Choice(&["auto", "ordinary", "boundary", "transparent-e2e", "transparent-p2p"]),
            "auto",
            "Kind of clock. `auto`: ordinary with one port, boundary with more. The transparent ones pass messages on and tell them how long they took.",
            "instanceType",
        ),
        key(
            "clock_identity",
            Kind::ClockIdentity,
            "auto",
            "Identity of the clock. `auto`: from the first port's MAC address.",
            "defaultDS.clockIdentity",
        ),
        key(
            "client_only",
            Kind::Bool,
            "false",
            "Never serve time; the clock class is 255.",
            "defaultDS.slaveOnly",
        ),
        key(
            "domain_number",
            U8,
            "0",
            "PTP domain. The standard's own profiles use 0 to 127.",
            "defaultDS.domainNumber",
        ),
        key(
            "major_sdo_id",
            int(0, 15),
            "0",
            "Upper nibble of sdoId, sent and required. 1 is IEEE 802.1AS.",
            "defaultDS.sdoId (transportSpecific)",
        ),
        key(
            "priority1",
            U8,
            "128",
            "First criterion of the choice of the best clock; lower wins.",
            "defaultDS.priority1",
        ),
        key("priority2", U8, "128", "Criterion after clock quality; lower wins.", "defaultDS.priority2"),
        key(
            "clock_class",
            U8,
            "248",
            "Class announced while grandmaster: 6 locked to a primary reference, 248 default.",
            "defaultDS.clockQuality.clockClass",
        )
        .needs(SERVER),
        key(
            "clock_accuracy",
            U8,
            "0xfe",
            "Accuracy code announced while grandmaster: 0x20 25 ns, 0x21 100 ns, 0xfe unknown.",
            "defaultDS.clockQuality.clockAccuracy",
        )
        .needs(SERVER),
        key(
            "offset_scaled_log_variance",
            int(0, 65535),
            "0xffff",
            "Stability announced while grandmaster; 0xffff unknown.",
            "defaultDS.clockQuality.offsetScaledLogVariance",
        )
        .needs(SERVER),
        key(
            "best_master",
            Kind::Choice(&["ieee1588", "g8275", "g8265", "802.1as", "static"]),
            "ieee1588",
            "How the best clock is found: as IEEE 1588, G.8275.1 and G.8275.2, G.8265.1 or IEEE 802.1AS say, or not at all (`role` of each port decides).",
            "dataset_comparison, BMCA",
        ),
        key(
            "clock_local_priority",
            int(1, 255),
            "128",
            "The clock's own priority where data sets are as good otherwise; lower wins.",
            "G.8275.defaultDS.localPriority",
        )
        .needs(Need::G8275),
        key(
            "revertive",
            Kind::Bool,
            "true",
            "Take a master of higher priority again once it is back, though the present one has the same quality level.",
            "",
        )
        .needs(Need::G8265),
        key(
            "wait_to_restore",
            Kind::Duration { min: 0, max: 86_400 * SECOND, off: false, hint: "s" },
            "5min",
            "A master that failed is taken only for want of another for this long: its Syncs stopped (`sync_receipt_timeout`), \
             the servo did not lock to it (`unusable_timeout`), or, with `best_master: g8265`, its Announces stopped.",
            "",
        )
        .needs(Need::Telecom),
        key(
            "unusable_timeout",
            Kind::Duration { min: SECOND, max: 86_400 * SECOND, off: true, hint: "s" },
            "off",
            "A master that the servo has not locked to for this long has failed (PTSF-unusable). `off`: the servo may try for ever.",
            "",
        )
        .needs(Need::Telecom),
        key(
            "max_steps_removed",
            int(2, 255),
            "255",
            "Announces that came over this many clocks are dropped.",
            "defaultDS.maxStepsRemoved",
        ),
        key(
            "clock_class_threshold",
            int(6, 255),
            "255",
            "Announces of grandmasters whose clockClass is above this are dropped.",
            "clock_class_threshold",
        ),
        key(
            "assume_two_step",
            Kind::Bool,
            "false",
            "Take Sync and Pdelay_Resp for two-step messages whatever they say, for switches that clear the flag.",
            "assume_two_step",
        ),
        key(
            "relay",
            Kind::Bool,
            "false",
            "A time-aware relay of IEEE 802.1AS: Sync is passed on with its residence time.",
            "",
        ),
        key(
            "path_trace",
            Kind::Bool,
            "false",
            "Send PATH_TRACE and drop Announces that came in a loop.",
            "pathTraceDS.enable",
        ),
        key(
            "minor_version",
            int(0, 1),
            "1",
            "minorVersionPTP that is sent; 0 for receivers that refuse version 2.1.",
            "minorVersionPTP",
        ),
        key(
            "profile_identity",
            Kind::Octets(6),
            "00:1b:19:00:01:00",
            "Identity of the profile, told by CLOCK_DESCRIPTION.",
            "profileIdentity",
        ),
        key("free_running", Kind::Bool, "false", "Measure only; never touch the clock.", "free_running"),
        key(
            "syntonise",
            Kind::Bool,
            "true",
            "Tell residence times in the grandmaster's seconds, not in those of the clock that stamps.",
            "",
        )
        .needs(Need::Transparent),
        key(
            "spanning_tree",
            Kind::Bool,
            "false",
            "Use redundant links one at a time: messages of the clock's domain pass only between ports that the choice of the best clock makes MASTER or SLAVE, and Announces count the clock as a step.",
            "tc_spanning_tree",
        )
        .needs(Need::Transparent),
        key(
            "clock_device",
            Kind::ClockDevice,
            "auto",
            "The clock that is kept. `auto`: the first port's hardware clock, or the system clock with software stamps.",
            "",
        ),
        key(
            "port_clocks",
            Kind::Choice(&["together", "external", "same"]),
            "together",
            "Ports whose stamps are of different clocks: `together`, they are kept with the one of the client port; `external`, by another program; `same`, there may be only one clock.",
            "boundary_clock_jbod",
        ),
        key(
            "state_file",
            Kind::Path { max: 4095, off: true },
            "/var/lib/escapement/ptpd.state",
            "Keeps the last frequency for the next start.",
            "",
        ),
        key(
            "ready_when",
            Kind::Choice(&["auto", "synchronised", "serving", "started"]),
            "auto",
            "When the service manager is told that the daemon is ready: `synchronised`, a port is SLAVE; `serving`, a port is MASTER; `auto`, synchronised, or serving with no master to follow, and a transparent clock at once; `started`, at once.",
            "",
        ),
        key(
            "external_port_configuration",
            Kind::Bool,
            "false",
            "No choice of the best clock: each port goes to its `desired_state`.",
            "defaultDS.externalPortConfigurationEnabled",
        ),
        key(
            "acceptable_masters",
            Kind::AcceptableMasters,
            "off",
            "Who may be master, for ports with `acceptable_master_table`.",
            "acceptableMasterTableDS.list",
        ),
        key(
            "alternate_time_offsets",
            Kind::TimeOffsets,
            "off",
            "Other timescales, such as local time, that are announced while grandmaster. With the name of a time zone (`0 Europe/Berlin`) its file says name, offset and jumps.",
            "alternateTimescaleOffsetsDS",
        )
        .needs(SERVER),
        key(
            "synchronization_uncertain",
            Kind::Choice(&["auto", "always", "never"]),
            "auto",
            "The flag of that name in Announces. `auto`: set while this clock serves without being synchronised itself, and while its server's is.",
            "synchronizationUncertain",
        )
        .needs(SERVER),
        key(
            "slave_event_monitor",
            SOCKET,
            "off",
            "UNIX socket of another program that gets the times of each Sync and delay measurement.",
            "slave_event_monitor",
        )
        .needs(Need::Socket),
        key(
            "collect_slave_events",
            Kind::Bool,
            "false",
            "Take in and keep what clients tell about their measurements in slave event monitoring messages.",
            "",
        ),
        key(
            "performance_monitoring",
            Kind::Bool,
            "false",
            "Keep statistics of 15 minutes and of 24 hours, and log those of each 15 minutes.",
            "performanceMonitoringDS.enable",
        ),
        key("user", Kind::User, "off", "User to become once sockets and clocks are open.", "user"),
    ],
};

/// What each port has; at the top of the file for all ports, under `ports:` for one.
pub(crate) const PORT: Section = Section {
    name: "ports",
    doc: "A port. At the top of the file these keys hold for all ports, in an entry of `ports:` for that port.",
    keys: &[
        key("interface", Kind::Interface, "", "Network interface. Only under `ports:`.", ""),
        key("transport", Kind::Choice(&["udp4", "udp6", "ethernet"]), "udp4", "What carries the messages.", "network_transport"),
        key("stamping", Kind::Choice(&["auto", "hardware", "software", "onestep", "p2p1step"]), "auto", "Who makes the time stamps. `auto`: the interface if it can and the clock fits, else the kernel. `onestep`: the interface, which writes Sync itself; `p2p1step`: Pdelay_Resp, too.", "time_stamping"),
        key("delay_mechanism", Kind::Choice(&["e2e", "p2p", "common_p2p", "auto", "none"]), "e2e", "How the path is measured. `common_p2p`: by the common service of the link, for all domains. `auto`: `e2e` until a peer asks for the link's delay, `p2p` from then on.", "portDS.delayMechanism"),
        key("port_clock", Kind::ClockDevice, "auto", "The clock of this port's stamps. `auto`: the interface's hardware clock, or `clock_device` with software stamps. A virtual clock of the hardware's (`phcN`) is bound.", "phc_index"),
        key("log_announce_interval", LOG, "1", "log2 of the seconds between Announces.", "portDS.logAnnounceInterval"),
        key("announce_receipt_timeout", int(2, 255), "3", "Announce intervals without Announce until another clock is chosen.", "portDS.announceReceiptTimeout"),
        key("log_sync_interval", LOG, "0", "log2 of the seconds between Syncs.", "portDS.logSyncInterval"),
        key("sync_receipt_timeout", U8, "0", "Sync intervals without Sync until another clock is chosen; 0 never.", "syncReceiptTimeout"),
        key("log_min_delay_req_interval", LOG, "0", "log2 of the least mean seconds between Delay_Reqs; a client takes its server's.", "portDS.logMinDelayReqInterval").needs(Need::E2e),
        key("log_min_pdelay_req_interval", LOG, "0", "log2 of the least mean seconds between Pdelay_Reqs.", "portDS.logMinPdelayReqInterval").needs(Need::PeerDelay),
        key("ignore_sdo_id", Kind::Bool, "false", "Take messages whatever their sdoId.", "ignore_transport_specific"),
        key("delay_request_variability", Kind::Real { min: 0.0, max: 1.0, above: false, auto: false }, "1", "How much the waits between Delay_Reqs vary: from 0, not at all, to 1, between nothing and twice the mean.", "delay_request_variability").needs(Need::E2e),
        key("delay_response_timeout", int(0, 255), "0", "So many Delay_Reqs in a row without an answer are a synchronization fault; 0: none are.", "delay_response_timeout").needs(Need::E2e),
        key("hybrid_e2e", Kind::Bool, "false", "Send Delay_Reqs unicast to the server.", "hybrid_e2e").needs(Need::E2e),
        key("unicast_masters", Kind::Masters, "off", "Masters to ask for unicast service: all for Announce, the best for Sync and Delay_Resp.", "unicast_master_table").needs(Need::Client),
        key("unicast_request_duration", Kind::Duration { min: 10 * SECOND, max: 30 * 86_400 * SECOND, off: false, hint: "s" }, "1h", "How long service is asked for; renewed at three quarters of what was granted. Whole seconds count.", "unicast_req_duration").needs(Need::UnicastClient),
        key("log_unicast_query_interval", int(-3, 10), "0", "log2 of the seconds between requests that are not answered.", "logQueryInterval").needs(Need::UnicastClient),
        key("unicast_server", Kind::Bool, "false", "Grant unicast service to clients that ask for it, within the limits below.", "unicast_listen").needs(Need::Server),
        key("unicast_max_clients", int(1, 1_000_000), "1024", "Clients at a time; more are refused.", "").needs(Need::UnicastServer),
        key("unicast_max_rate", int(1, 10_000_000), "300000", "Messages per second promised to all clients together. A Sync counts with its Follow_Up.", "").needs(Need::UnicastServer),
        key("unicast_max_client_rate", int(1, 1_000_000), "1000", "Messages per second promised to one client.", "").needs(Need::UnicastServer),
        key("unicast_max_duration", Kind::Duration { min: 10 * SECOND, max: 30 * 86_400 * SECOND, off: false, hint: "s" }, "1h", "Longest duration granted; longer requests are cut to it. Whole seconds count.", "").needs(Need::UnicastServer),
        key("unicast_min_log_announce_interval", LOG, "-3", "log2 of the shortest Announce interval granted; shorter ones are lengthened to it.", "").needs(Need::UnicastServer),
        key("unicast_min_log_sync_interval", LOG, "-7", "log2 of the shortest Sync interval granted.", "").needs(Need::UnicastServer),
        key("unicast_min_log_delay_resp_interval", LOG, "-7", "log2 of the shortest Delay_Resp interval granted.", "").needs(Need::UnicastServer),
        key("unicast_allow", Kind::Prefixes, "off", "Who may ask for unicast service. `off`: everybody. Others get no answer.", "").needs(Need::UnicastServer),
        key("unicast_deny", Kind::Prefixes, "off", "Who may not, whatever `unicast_allow` says.", "").needs(Need::UnicastServer),
        key("unicast_drain", Kind::Bool, "false", "Cancel all unicast service and grant none: clients go to their next master at once.", "").needs(Need::UnicastServer),
        key("unicast_direct", Kind::Bool, "false", "Send to unicast clients by packet sockets, under headers that the kernel made for the same client within the last second: about a quarter less work for each message. Of the others than that one each second, the firewall for outgoing packets, its counters and control groups learn nothing; what they and routes and neighbours decide holds a second later. UDP/IPv4 only; where it cannot be had, messages go the ordinary way.", "").needs(Need::UnicastServer),
        key("interface_rate_tlv", Kind::Bool, "false", "Tell unicast clients the rate of this interface with each grant, and take what a unicast master tells as asymmetry of the path (G.8275.2 annex D).", "interface_rate_tlv").needs(Need::E2e),
        key("multicast", Kind::Bool, "true", "Send Announce and Sync to the group. `false`: unicast service only.", "inhibit_multicast_service").needs(Need::Server),
        key("local_priority", int(1, 255), "128", "Priority of what is heard here where data sets are as good otherwise; lower wins. Unicast masters have their own.", "G.8275.portDS.localPriority").needs(Need::G8275),
        key("power_profile", Kind::Choice(&["none", "2011", "2017"]), "none", "The C37.238 TLV sent with Announces.", "power_profile.version"),
        key("power_grandmaster_id", int(0, 0xffff), "0", "grandmasterID of that TLV; C37.238-2011 wants 3 to 254.", "power_profile.grandmasterID").needs(Need::Power),
        key("power_grandmaster_time_inaccuracy", INACCURACY, "off", "Worst inaccuracy of this clock as grandmaster (2011). `off`: unknown.", "power_profile.2011.grandmasterTimeInaccuracy").needs(Need::Power),
        key("power_network_time_inaccuracy", INACCURACY, "off", "Worst inaccuracy the network, or this boundary clock, adds (2011). `off`: unknown.", "power_profile.2011.networkTimeInaccuracy").needs(Need::Power),
        key("power_total_time_inaccuracy", INACCURACY, "off", "Worst inaccuracy of all together, or what this boundary clock adds (2017). `off`: unknown.", "power_profile.2017.totalTimeInaccuracy").needs(Need::Power),
        key("master_only", Kind::Bool, "false", "Never synchronise from this port.", "portDS.masterOnly"),
        key("desired_state", Kind::Choice(&["master", "passive", "slave"]), "passive", "What the port is to be; one port may be `slave`.", "externalPortConfigurationPortDS.desiredState").needs(Need::External),
        key("acceptable_master_table", Kind::Bool, "false", "Follow only the `acceptable_masters`.", "acceptableMasterPortDS.enable"),
        key("alternate_masters", U8, "0", "How many clocks that wait to be master may announce themselves on the link, this one among them; 0: this one does not.", "alternateMasterPortDS.numberOfAlternateMasters").needs(SERVER),
        key("alternate_multicast_sync", Kind::Bool, "false", "Send Sync, too, as an alternate master.", "alternateMasterPortDS.transmitAlternateMulticastSync").needs(Need::AlternateMaster),
        key("log_alternate_multicast_sync_interval", LOG, "0", "log2 of the seconds between those Syncs.", "alternateMasterPortDS.logAlternateMulticastSyncInterval").needs(Need::AlternateMaster),
        key("net_sync_monitor", Kind::Bool, "false", "Answer NetSync monitors, such as linuxptp's `nsm`.", "net_sync_monitor"),
        key("net_sync_monitor_rate", int(1, 10_000), "16", "Answers in a second at most.", "").needs(Need::NetSyncMonitor),
        key("monitor_rx_sync_timing", Kind::Bool, "false", "Tell a monitor the times of each Sync that was received.", "slaveMonitoringPortDS, rxSyncTimingData"),
        key("monitor_rx_sync_computed", Kind::Bool, "false", "Tell a monitor each offset and delay that was measured.", "slaveMonitoringPortDS, rxSyncComputedData"),
        key("monitor_tx_event_timestamps", Kind::Bool, "false", "Tell a monitor when each Delay_Req or Pdelay_Req was sent.", "slaveMonitoringPortDS, txEventTimestamps"),
        key("monitor_records", int(1, 32), "8", "Records in each message to the monitor.", "slaveMonitoringPortDS, events per TLV").needs(Need::SlaveMonitor),
        key("monitor_every", int(1, 65535), "1", "Tell of one in so many events.", "slaveMonitoringPortDS, every M").needs(Need::SlaveMonitor),
        key("monitor_address", Kind::MonitorAddress, "multicast", "Where the monitor is.", "").needs(Need::SlaveMonitor),
        key("delay_asymmetry", CORRECTION, "0ns", "Positive: the way from server to client takes longer than the mean.", "portDS.delayAsymmetry").needs(Need::Delay),
        key("egress_latency", CORRECTION, "0ns", "Added to transmit time stamps.", "timestampCorrectionPortDS.egressLatency"),
        key("ingress_latency", CORRECTION, "0ns", "Subtracted from receive time stamps.", "timestampCorrectionPortDS.ingressLatency"),
        key("delay_filter", Kind::Choice(&["moving_median", "moving_average"]), "moving_median", "Filter over measured delays.", "delay_filter").needs(Need::Delay),
        key("delay_filter_length", int(1, 1024), "10", "Measurements in the filter.", "delay_filter_length").needs(Need::Delay),
        key("sample_mode", Kind::Choice(&["filter", "raw", "filter_weight", "raw_weight"]), "filter", "What offsets are made with: the filtered delay or the last measured one (`raw`); with `_weight` a sample whose delay was longer than usual counts less. An adaptive servo takes what was measured, and needs none of it.", "tsproc_mode").needs(Need::Delay),
        key("as_capable", Kind::Choice(&["unused", "auto", "preset"]), "unused", "Whether the neighbour must be asCapable: no; found out by peer delay; taken for granted.", "asCapable"),
        key("neighbor_prop_delay_thresh", CORRECTION, "20ms", "Longer links are not asCapable.", "neighborPropDelayThresh").needs(Need::AsCapable),
        key("min_neighbor_prop_delay", CORRECTION, "-20ms", "Shorter links are not asCapable.", "min_neighbor_prop_delay").needs(Need::AsCapable),
        key("allowed_lost_responses", int(1, 255), "3", "Pdelay_Reqs in a row that may stay without answer.", "allowedLostResponses").needs(Need::AsCapable),
        key("allowed_faults", int(1, 255), "9", "Unusable peer delay measurements in a row that do not matter.", "allowedFaults").needs(Need::AsCapable),
        key("gptp_capable", Kind::Choice(&["unused", "send", "require"]), "unused", "gPTP-capable messages of 802.1AS-2020: not used; sent; sent and required for asCapable.", ""),
        key("log_gptp_capable_interval", LOG, "0", "log2 of the seconds between gPTP-capable messages.", "logGptpCapableMessageInterval").needs(Need::GptpCapable),
        key("gptp_capable_receipt_timeout", int(1, 255), "9", "Intervals without gPTP-capable message until the neighbour is not asCapable.", "gPtpCapableReceiptTimeout").needs(Need::GptpCapable),
        key("follow_up_info", Kind::Bool, "false", "Send and require the Follow_Up information of 802.1AS.", "follow_up_info"),
        key("role", Kind::Choice(&["unset", "master", "client"]), "unset", "The port's role with `best_master: static`.", "BMCA noop").needs(Need::Static),
        key("inhibit_announce", Kind::Bool, "false", "Neither send nor wait for Announce.", "inhibit_announce"),
        key("inhibit_delay_req", Kind::Bool, "false", "Send no Delay_Req and no Pdelay_Req.", "inhibit_delay_req").needs(Need::Delay),
        key("ignore_source_id", Kind::Bool, "false", "With `best_master: static`: take Sync whoever sends it.", "ignore_source_id").needs(Need::Static),
        key("msg_interval_request", Kind::Bool, "false", "Ask the neighbour for the operational intervals once locked.", "msg_interval_request"),
        key("oper_log_sync_interval", LOG, "0", "log2 of the seconds between Syncs to ask for once locked.", "operLogSyncInterval").needs(Need::IntervalRequest),
        key("oper_log_pdelay_req_interval", LOG, "0", "log2 of the seconds between own Pdelay_Reqs once locked.", "operLogPdelayReqInterval").needs(Need::IntervalRequest),
        key("neighbor_delay", CORRECTION, "0ns", "Taken for the link's delay until it is measured; 0: wait for the measurement.", "initial_delay"),
        key("spp", int(-1, 255), "-1", "Security association of the `key_file`: messages without its AUTHENTICATION TLV are dropped. -1: they are not looked at.", "spp"),
        key("active_key_id", int(0, 4_294_967_295), "0", "The key that messages are sent with; all of the association are accepted. 0: they are sent without.", "active_key_id").needs(Need::Spp),
        key("cmlds_server_socket", Kind::Path { max: 107, off: false }, "/run/escapement/cmlds", "Management socket of the program that is the common service.", "cmlds.server_address").needs(Need::CommonP2p),
        key("cmlds_client_socket", Kind::Path { max: 107, off: true }, "off", "Own end to that socket. `off`: a name beside it that no other program has.", "cmlds.client_address").needs(Need::CommonP2p),
        key("cmlds_port", int(0, 65535), "0", "Port of the common service on the same link; 0: of the same number.", "cmlds.port").needs(Need::CommonP2p),
        key("cmlds_domain_number", U8, "0", "Domain of the common service's management messages.", "cmlds.domainNumber").needs(Need::CommonP2p),
        key("cmlds_major_sdo_id", int(0, 15), "2", "majorSdoId of the common service's management messages.", "cmlds.majorSdoId").needs(Need::CommonP2p),
        key("fault_reset_interval", int(-7, 15), "4", "log2 of the seconds until a faulty port tries again.", "fault_reset_interval"),
        key("udp_ttl", int(1, 255), "1", "Time to live or hop limit of multicast messages.", "udp_ttl").needs(Need::Udp),
        key("dscp_event", int(0, 63), "0", "DiffServ code point of event messages.", "dscp_event").needs(Need::Udp),
        key("dscp_general", int(0, 63), "0", "DiffServ code point of general messages.", "dscp_general").needs(Need::Udp),
        key("socket_priority", int(0, 15), "0", "SO_PRIORITY of messages over Ethernet; 0 leaves it.", "socket_priority").needs(Need::Ethernet),
        key("udp4_address", Kind::Ipv4, "224.0.1.129", "Where messages other than peer delay's go.", "ptp_dst_ipv4").needs(Need::Udp4),
        key("udp4_peer_delay_address", Kind::Ipv4, "224.0.0.107", "Where peer delay messages go.", "p2p_dst_ipv4").needs(Need::Udp4),
        key("udp6_address", Kind::Ipv6, "ff0e::181", "Where messages other than peer delay's go. A multicast address takes its scope from `udp6_scope`.", "ptp_dst_ipv6").needs(Need::Udp6),
        key("udp6_peer_delay_address", Kind::Ipv6, "ff02::6b", "Where peer delay messages go.", "p2p_dst_ipv6").needs(Need::Udp6),
        key("udp6_scope", int(0, 15), "0x0e", "Scope of the multicast address: 0x02 link, 0x05 site, 0x08 organisation, 0x0e global.", "udp6_scope").needs(Need::Udp6),
        key("ethernet_address", Kind::Octets(6), "01:1b:19:00:00:00", "Where messages other than peer delay's go.", "ptp_dst_mac").needs(Need::Ethernet),
        key("ethernet_peer_delay_address", Kind::Octets(6), "01:80:c2:00:00:0e", "Where peer delay messages go.", "p2p_dst_mac").needs(Need::Ethernet),
    ],
};

/// What is announced about time while grandmaster.
pub(crate) const TIME_PROPERTIES: Section = Section {
    name: "time_properties",
    doc: "What the clock announces about its time while it is grandmaster.",
    keys: &[
        key(
            "current_utc_offset",
            int(-32768, 32767),
            "37",
            "TAI - UTC in seconds.",
            "timePropertiesDS.currentUtcOffset (utc_offset)",
        )
        .needs(SERVER),
        key(
            "current_utc_offset_valid",
            Kind::Bool,
            "false",
            "The offset is known to be right.",
            "timePropertiesDS.currentUtcOffsetValid",
        )
        .needs(SERVER),
        key("leap59", Kind::Bool, "false", "The UTC day ends one second early.", "timePropertiesDS.leap59")
            .needs(SERVER),
        key("leap61", Kind::Bool, "false", "The UTC day ends one second late.", "timePropertiesDS.leap61")
            .needs(SERVER),
        key(
            "time_traceable",
            Kind::Bool,
            "false",
            "Time comes from a primary reference.",
            "timePropertiesDS.timeTraceable",
        )
        .needs(SERVER),
        key(
            "frequency_traceable",
            Kind::Bool,
            "false",
            "Frequency comes from a primary reference.",
            "timePropertiesDS.frequencyTraceable",
        )
        .needs(SERVER),
        key(
            "ptp_timescale",
            Kind::Bool,
            "true",
            "The clock keeps PTP time (TAI), not an arbitrary one.",
            "timePropertiesDS.ptpTimescale",
        )
        .needs(SERVER),
        key(
            "time_source",
            Kind::TimeSource,
            "internal_oscillator",
            "Where time comes from.",
            "timePropertiesDS.timeSource",
        )
        .needs(SERVER),
    ],
};

/// Longest path a UNIX socket can have.
const SOCKET: Kind = Kind::Path { max: 107, off: true };

/// All of them, in the order of the documentation.
pub(crate) const SECTIONS: &[&Section] = &[
    &INSTANCE,
    &PORT,
    &HOLDOVER,
    &TIME_PROPERTIES,
    &SMPTE,
    &SERVO,
    &MANAGEMENT,
    &AUTHENTICATION,
    &ENHANCED_ACCURACY,
    &METRICS,
    &LOG_SECTION,
    &EVENTS,
    &EVIDENCE,
    &DESCRIPTION,
];

/// The profile used where none is named.
pub(crate) const DEFAULT_PROFILE: &str = "default-e2e";

impl Section {
    /// The key of this name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|k| k.name == name)
    }

    /// It is a mapping under a key of its own.
    pub(crate) fn is_nested(&self) -> bool {
        !self.name.is_empty() && self.name != PORT.name
    }
}

/// The nested section of this name.
pub(crate) fn nested(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().copied().find(|s| s.is_nested() && s.name == name)
}

/// The key of a full name (`priority1`, `servo.step_threshold`, `log_sync_interval`).
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    match path.split_once('.') {
        Some((section, name)) => nested(section)?.key(name),
        None => INSTANCE.key(path).or_else(|| PORT.key(path)),
    }
}

/// Full names of all keys.
pub(crate) fn paths() -> impl Iterator<Item = (String, &'static Key)> {
    SECTIONS.iter().flat_map(|section| {
        section.keys.iter().map(move |key| {
            let path = if section.is_nested() {
                format!("{}.{}", section.name, key.name)
            } else {
                key.name.to_owned()
            };
            (path, key)
        })
    })
}

/// Other programs' names for keys that are named differently here.
pub(crate) const OTHER_NAMES: &[(&str, &str)] = &[
    ("server_only", "master_only"),
    ("slave_only", "client_only"),
    ("network_transport", "transport"),
    ("time_stamping", "stamping"),
    ("transport_specific", "major_sdo_id"),
    ("sdo_id", "major_sdo_id"),
    ("clock_type", "clock"),
    ("domain", "domain_number"),
    ("path_trace_enabled", "path_trace"),
    ("ptp_minor_version", "minor_version"),
    ("utc_offset", "time_properties.current_utc_offset"),
    ("time_source", "time_properties.time_source"),
    ("product_description", "description.product"),
    ("revision_data", "description.revision"),
    ("user_description", "description.user"),
    ("clock_servo", "servo.kind"),
    ("uds_address", "management.socket"),
    ("uds_ro_address", "management.read_only_socket"),
    ("uds_file_mode", "management.socket_mode"),
    ("uds_ro_file_mode", "management.read_only_socket_mode"),
    ("logging_level", "log.level"),
    ("log_level", "log.level"),
    ("ptp_dst_mac", "ethernet_address"),
    ("p2p_dst_mac", "ethernet_peer_delay_address"),
    ("ptp_dst_ipv4", "udp4_address"),
    ("p2p_dst_ipv4", "udp4_peer_delay_address"),
    ("ptp_dst_ipv6", "udp6_address"),
    ("p2p_dst_ipv6", "udp6_peer_delay_address"),
    ("interfaces", "ports"),
    ("unicast_master_table", "unicast_masters"),
    ("unicast_listen", "unicast_server"),
    ("unicast_req_duration", "unicast_request_duration"),
    ("inhibit_multicast_service", "multicast"),
    ("sa_file", "authentication.key_file"),
];
