//! From values to the model. Each key of the table is read here, and a test sees to it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use ptp_wire::{ClockAccuracy, ClockIdentity, ClockQuality, LogInterval, SdoId, TimeInterval, TimeSource};

use crate::gptp;
use crate::kind::Value;
use crate::layers::{Layers, PortLayer, Setting};
use crate::model::*;
use crate::smpte;
use ptp_wire::Transport;

/// Values by name, as the type the table says they have.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    layers: &'a Layers,
    port: Option<&'a PortLayer>,
    #[cfg(test)]
    seen: Option<&'a std::cell::RefCell<std::collections::BTreeSet<String>>>,
}

/// The parser has made each value by its key's kind.
const KIND: &str = "the table gives this key another kind";

impl<'a> Values<'a> {
    pub(crate) fn new(layers: &'a Layers) -> Self {
        Self {
            layers,
            port: None,
            #[cfg(test)]
            seen: None,
        }
    }

    /// The same, for a port.
    pub(crate) fn port(self, port: &'a PortLayer) -> Self {
        Self { port: Some(port), ..self }
    }

    pub(crate) fn setting(self, path: &str) -> &'a Setting {
        #[cfg(test)]
        if let Some(seen) = self.seen {
            seen.borrow_mut().insert(path.to_owned());
        }
        match self.port {
            Some(port) => self.layers.port(port, path),
            None => self.layers.get(path),
        }
    }

    pub(crate) fn bool(self, path: &str) -> bool {
        match self.setting(path).value {
            Value::Bool(v) => v,
            _ => unreachable!("{KIND}: {path}"),
        }
    }

    /// The ranges of the table fit the types of the model; a test tries both ends of each.
    pub(crate) fn int<T: TryFrom<i64>>(self, path: &str) -> T {
        match self.setting(path).value {
            Value::Int(v) => match T::try_from(v) {
                Ok(v) => v,
                Err(_) => unreachable!("the table's range is wider than the model's type: {path}"),
            },
            _ => unreachable!("{KIND}: {path}"),
        }
    }

    pub(crate) fn log(self, path: &str) -> LogInterval {
        LogInterval(self.int(path))
    }

    /// The security parameters pointer of a port, if it has one.
    pub(crate) fn spp(self) -> Option<u8> {
        u8::try_from(self.int::<i64>("spp")).ok()
    }

    /// The key a port sends with.
    pub(crate) fn active_key_id(self) -> Option<u32> {
        Some(self.int("active_key_id")).filter(|id| *id > 0)
    }

    fn real(self, path: &str) -> f64 {
        self.real_or_auto(path).unwrap_or(0.0)
    }

    fn real_or_auto(self, path: &str) -> Option<f64> {
        match self.setting(path).value {
            Value::Real(v) => Some(v),
            Value::Unset => None,
            _ => unreachable!("{KIND}: {path}"),
        }
    }

    pub(crate) fn interval(self, path: &str) -> Option<TimeInterval> {
        match self.setting(path).value {
            Value::Interval(v) => Some(v),
            Value::Unset => None,
            _ => unreachable!("{KIND}: {path}"),
        }
    }

    pub(crate) fn correction(self, path: &str) -> TimeInterval {
        self.interval(path).unwrap_or(TimeInterval::ZERO)
    }

    pub(crate) fn text(self, path: &str) -> &'a str {
        self.text_or_off(path).unwrap_or("")
    }

    /// The servo that runs: `auto` is PI where the card's own phase control takes the offsets.
    pub(crate) fn servo_kind(self) -> &'a str {
        match self.text("servo.kind") {
            "auto" if self.bool("servo.phase_adjustment") => "pi",
            "auto" => "adaptive",
            kind => kind,
        }
    }

    pub(crate) fn text_or_off(self, path: &str) -> Option<&'a str> {
        match &self.setting(path).value {
            Value::Text(v) => Some(v),
            Value::Unset => None,
            _ => unreachable!("{KIND}: {path}"),
        }
    }

    pub(crate) fn path(self, path: &str) -> Option<PathBuf> {
        self.text_or_off(path).map(PathBuf::from)
    }

    fn octets<const N: usize>(self, path: &str) -> Option<[u8; N]> {
        match &self.setting(path).value {
            Value::Octets(v) => v.as_slice().try_into().ok(),
            Value::Unset => None,
            _ => unreachable!("{KIND}: {path}"),
        }
    }

    fn ipv4(self, path: &str) -> Ipv4Addr {
        match self.setting(path).value {
            Value::Ipv4(v) => v,
            _ => unreachable!("{KIND}: {path}"),
        }
    }

    fn ipv6(self, path: &str) -> Ipv6Addr {
        match self.setting(path).value {
            Value::Ipv6(v) => v,
            _ => unreachable!("{KIND}: {path}"),
        }
    }

    pub(crate) fn unicast_masters(self) -> &'a [UnicastMaster] {
        match &self.setting("unicast_masters").value {
            Value::Masters(masters) => masters,
            Value::Unset => &[],
            _ => unreachable!("{KIND}: unicast_masters"),
        }
    }

    pub(crate) fn monitor_address(self) -> Option<&'a MasterAddress> {
        match &self.setting("monitor_address").value {
            Value::Masters(masters) => masters.first().map(|m| &m.address),
            Value::Unset => None,
            _ => unreachable!("{KIND}: monitor_address"),
        }
    }

    /// The port may be an alternate master.
    pub(crate) fn alternates(self) -> bool {
        self.int::<u8>("alternate_masters") > 0
    }

    /// The port tells what it measures.
    pub(crate) fn monitors(self) -> bool {
        ["monitor_rx_sync_timing", "monitor_rx_sync_computed", "monitor_tx_event_timestamps"]
            .into_iter()
            .any(|key| self.bool(key))
    }

    fn prefixes(self, path: &str) -> Vec<Prefix> {
        match &self.setting(path).value {
            Value::Prefixes(prefixes) => prefixes.clone(),
            Value::Unset => Vec::new(),
            _ => unreachable!("{KIND}: {path}"),
        }
    }

    fn log_parts(self, path: &str) -> Vec<(LogPart, LogLevel)> {
        match &self.setting(path).value {
            Value::LogParts(parts) => parts.clone(),
            Value::Unset => Vec::new(),
            _ => unreachable!("{KIND}: {path}"),
        }
    }

    /// Whole seconds of a length of time.
    fn seconds(self, path: &str) -> u32 {
        u32::try_from(self.correction(path).nanos() / 1_000_000_000).unwrap_or(u32::MAX)
    }

    pub(crate) fn transport(self) -> Transport {
        match self.text("transport") {
            "udp6" => Transport::UdpIpv6,
            "ethernet" => Transport::Ethernet,
            _ => Transport::UdpIpv4,
        }
    }

    pub(crate) fn is_transparent(self) -> bool {
        self.layers.get("clock").text.starts_with("transparent")
    }

    pub(crate) fn stamping(self) -> Stamping {
        match self.text("stamping") {
            "hardware" => Stamping::Hardware,
            "software" => Stamping::Software,
            "onestep" => Stamping::OneStep,
            "p2p1step" => Stamping::P2pOneStep,
            _ => Stamping::Auto,
        }
    }

    pub(crate) fn delay_mechanism(self) -> DelayMechanism {
        match self.text("delay_mechanism") {
            "p2p" => DelayMechanism::P2p,
            "common_p2p" => DelayMechanism::CommonP2p,
            "auto" => DelayMechanism::Auto,
            "none" => DelayMechanism::None,
            _ => DelayMechanism::E2e,
        }
    }

    pub(crate) fn clock_device(self) -> ClockDevice {
        self.clock("clock_device")
    }

    pub(crate) fn clock(self, name: &str) -> ClockDevice {
        let text = self.text(name);
        if let Some(path) = text.strip_prefix("virtual:") {
            return ClockDevice::Virtual(path.into());
        }
        match text.strip_prefix("phc").and_then(|n| n.parse().ok()) {
            Some(n) => ClockDevice::Phc(n),
            None if text == "system" => ClockDevice::System,
            None => ClockDevice::Auto,
        }
    }
}

/// The model of layers that have been checked.
pub(crate) fn build(layers: &Layers) -> PtpdConfig {
    config(Values::new(layers), layers)
}

fn config(v: Values<'_>, layers: &Layers) -> PtpdConfig {
    let clock = match v.text("clock") {
        "ordinary" => ClockKind::Ordinary,
        "boundary" => ClockKind::Boundary,
        "transparent-e2e" => ClockKind::TransparentE2e,
        "transparent-p2p" => ClockKind::TransparentP2p,
        _ if layers.ports.len() > 1 => ClockKind::Boundary,
        _ => ClockKind::Ordinary,
    };
    PtpdConfig {
        profile: layers.profile.text.clone(),
        profile_identity: v.octets("profile_identity").unwrap_or_default(),
        clock,
        clock_identity: v.octets("clock_identity").map(ClockIdentity),
        priority1: v.int("priority1"),
        priority2: v.int("priority2"),
        clock_quality: ClockQuality {
            clock_class: v.int("clock_class"),
            clock_accuracy: ClockAccuracy(v.int("clock_accuracy")),
            offset_scaled_log_variance: v.int("offset_scaled_log_variance"),
        },
        domain_number: v.int("domain_number"),
        sdo_id: SdoId::new(v.int::<u16>("major_sdo_id") << 8),
        client_only: v.bool("client_only"),
        best_master: match v.text("best_master") {
            "g8275" => BestMaster::G8275,
            "g8265" => BestMaster::G8265,
            "802.1as" => BestMaster::Ieee8021As,
            "static" => BestMaster::Static,
            _ => BestMaster::Ieee1588,
        },
        clock_local_priority: v.int("clock_local_priority"),
        revertive: v.bool("revertive"),
        wait_to_restore: v.correction("wait_to_restore"),
        unusable_timeout: v.correction("unusable_timeout"),
        holdover: holdover(v),
        max_steps_removed: v.int("max_steps_removed"),
        clock_class_threshold: v.int("clock_class_threshold"),
        assume_two_step: v.bool("assume_two_step"),
        relay: v.bool("relay"),
        path_trace: v.bool("path_trace"),
        free_running: v.bool("free_running"),
        syntonise: v.bool("syntonise"),
        spanning_tree: v.bool("spanning_tree"),
        minor_version: v.int("minor_version"),
        time_properties: TimeProperties {
            current_utc_offset: v.int("time_properties.current_utc_offset"),
            current_utc_offset_valid: v.bool("time_properties.current_utc_offset_valid"),
            leap59: v.bool("time_properties.leap59"),
            leap61: v.bool("time_properties.leap61"),
            time_traceable: v.bool("time_properties.time_traceable"),
            frequency_traceable: v.bool("time_properties.frequency_traceable"),
            ptp_timescale: v.bool("time_properties.ptp_timescale"),
            time_source: TimeSource(v.int("time_properties.time_source")),
        },
        description: Description {
            manufacturer_identity: v.octets("description.manufacturer_identity").unwrap_or_default(),
            product: v.text("description.product").to_owned(),
            revision: v.text("description.revision").to_owned(),
            user: v.text("description.user").to_owned(),
        },
        options: options(v),
        clock_device: v.clock_device(),
        port_clocks: match v.text("port_clocks") {
            "external" => PortClocks::External,
            "same" => PortClocks::Same,
            _ => PortClocks::Together,
        },
        servo: servo(v),
        management: Management {
            socket: v.path("management.socket"),
            socket_mode: v.int("management.socket_mode"),
            read_only_socket: v.path("management.read_only_socket"),
            read_only_socket_mode: v.int("management.read_only_socket_mode"),
            network: v.bool("management.network"),
        },
        metrics: {
            let (openshift_names, events) = (v.bool("metrics.openshift_names"), v.bool("metrics.events"));
            let listen = v.text_or_off("metrics.listen");
            listen.map(|listen| Metrics { listen: listen.to_owned(), openshift_names, events })
        },
        log: Log {
            level: {
                let name = v.text("log.level");
                LogLevel::ALL.into_iter().find(|l| l.name() == name).unwrap_or(LogLevel::Info)
            },
            parts: v.log_parts("log.parts"),
            journal: v.path("log.journal"),
            summary_interval: v.interval("log.summary_interval"),
            format: if v.text("log.format") == "json" { LogFormat::Json } else { LogFormat::Text },
        },
        events: Events { socket: v.path("events.socket"), socket_mode: v.int("events.socket_mode") },
        evidence: evidence(v),
        state_file: v.path("state_file"),
        ready_when: match v.text("ready_when") {
            "synchronised" => ReadyWhen::Synchronised,
            "serving" => ReadyWhen::Serving,
            "started" => ReadyWhen::Started,
            _ => ReadyWhen::Auto,
        },
        user: v.text_or_off("user").map(str::to_owned),
        key_file: v.path("authentication.key_file"),
        insecure_key_file: v.bool("authentication.insecure_file"),
        ports: layers.ports.iter().map(|p| port(v.port(p))).collect(),
    }
}

fn servo(v: Values<'_>) -> Servo {
    Servo {
        kind: match v.servo_kind() {
            "adaptive" => ServoKind::Adaptive,
            "pi" => ServoKind::Pi,
            "linreg" => ServoKind::Linreg,
            "none" => ServoKind::None,
            "ntp_shm" => ServoKind::NtpShm,
            "chrony_sock" => ServoKind::ChronySock,
            _ => unreachable!("{KIND}: servo.kind"),
        },
        transfer: match v.text("servo.transfer") {
            "auto" => Transfer::Auto,
            "free" => Transfer::Free,
            "damped" => Transfer::Damped,
            _ => Transfer::Limited,
        },
        bandwidth_hz: v.real("servo.bandwidth"),
        ntp_shm_unit: v.int("servo.ntp_shm_unit"),
        chrony_sock: v.path("servo.chrony_sock").unwrap_or_default(),
        kernel_leap: v.bool("servo.kernel_leap"),
        phase_adjustment: v.bool("servo.phase_adjustment"),
        step_window: v.int("servo.step_window"),
        sanity_frequency_limit_ppb: Some(v.real("servo.sanity_frequency_limit")).filter(|l| *l > 0.0),
        proportional_const: v.real("servo.proportional_const"),
        integral_const: v.real("servo.integral_const"),
        proportional_scale: v.real_or_auto("servo.proportional_scale"),
        proportional_exponent: v.real("servo.proportional_exponent"),
        proportional_norm_max: v.real("servo.proportional_norm_max"),
        integral_scale: v.real_or_auto("servo.integral_scale"),
        integral_exponent: v.real("servo.integral_exponent"),
        integral_norm_max: v.real("servo.integral_norm_max"),
        first_step_threshold: v.interval("servo.first_step_threshold"),
        step_threshold: v.interval("servo.step_threshold"),
        max_frequency_ppb: v.real("servo.max_frequency"),
        offset_threshold: v.interval("servo.offset_threshold"),
        num_offset_values: v.int("servo.num_offset_values"),
    }
}

fn port(v: Values<'_>) -> PortConfig {
    PortConfig {
        interface: v.text("interface").to_owned(),
        transport: v.transport(),
        stamping: v.stamping(),
        port_clock: v.clock("port_clock"),
        addresses: addresses(v),
        udp_ttl: v.int("udp_ttl"),
        dscp_event: v.int("dscp_event"),
        dscp_general: v.int("dscp_general"),
        socket_priority: v.int("socket_priority"),
        log_announce_interval: v.log("log_announce_interval"),
        announce_receipt_timeout: v.int("announce_receipt_timeout"),
        log_sync_interval: v.log("log_sync_interval"),
        sync_receipt_timeout: v.int("sync_receipt_timeout"),
        delay_mechanism: v.delay_mechanism(),
        log_min_delay_req_interval: v.log("log_min_delay_req_interval"),
        log_min_pdelay_req_interval: v.log("log_min_pdelay_req_interval"),
        delay_request_variability: v.real("delay_request_variability"),
        hybrid_e2e: v.bool("hybrid_e2e"),
        ignore_sdo_id: v.bool("ignore_sdo_id"),
        delay_response_timeout: v.int("delay_response_timeout"),
        unicast_masters: v.unicast_masters().to_vec(),
        unicast_request_duration: v.seconds("unicast_request_duration"),
        log_unicast_query_interval: v.log("log_unicast_query_interval"),
        unicast_server: unicast_server(v),
        multicast: v.bool("multicast"),
        local_priority: v.int("local_priority"),
        power: power(v),
        gptp: gptp::gptp(v),
        common: gptp::common(v),
        interface_rate_tlv: v.bool("interface_rate_tlv"),
        master_only: v.bool("master_only"),
        delay_asymmetry: v.correction("delay_asymmetry"),
        egress_latency: v.correction("egress_latency"),
        ingress_latency: v.correction("ingress_latency"),
        delay_filter: match v.text("delay_filter") {
            "moving_average" => DelayFilter::MovingAverage,
            _ => DelayFilter::MovingMedian,
        },
        delay_filter_length: v.int("delay_filter_length"),
        sample_mode: match v.text("sample_mode") {
            "raw" => SampleMode::Raw,
            "filter_weight" => SampleMode::FilterWeight,
            "raw_weight" => SampleMode::RawWeight,
            _ => SampleMode::Filter,
        },
        fault_reset_interval: v.log("fault_reset_interval"),
        options: port_options(v),
        spp: v.spp(),
        active_key_id: v.active_key_id(),
        authentication: None,
    }
}

fn options(v: Values<'_>) -> Options {
    let share = |name: &str| {
        let of = |kind: &str| format!("enhanced_accuracy.{kind}_{name}");
        (v.correction(&of("max")), v.real(&of("var")))
    };
    let accuracy = EnhancedAccuracy {
        gm: share("gm"),
        transient: share("transient"),
        dynamic: share("dynamic"),
        static_instance: share("static_instance"),
        static_medium: share("static_medium"),
    };
    Options {
        external_port_configuration: v.bool("external_port_configuration"),
        acceptable_masters: match &v.setting("acceptable_masters").value {
            Value::AcceptableMasters(masters) => masters.clone(),
            Value::Unset => Vec::new(),
            _ => unreachable!("{KIND}: acceptable_masters"),
        },
        alternate_time_offsets: match &v.setting("alternate_time_offsets").value {
            Value::TimeOffsets(offsets) => offsets.clone(),
            Value::Unset => Vec::new(),
            _ => unreachable!("{KIND}: alternate_time_offsets"),
        },
        synchronization_uncertain: match v.text("synchronization_uncertain") {
            "always" => SynchronizationUncertain::Always,
            "never" => SynchronizationUncertain::Never,
            _ => SynchronizationUncertain::Auto,
        },
        smpte: smpte::smpte(v),
        slave_event_monitor: v.path("slave_event_monitor"),
        collect_slave_events: v.bool("collect_slave_events"),
        performance_monitoring: v.bool("performance_monitoring"),
        enhanced_accuracy: v.bool("enhanced_accuracy.enable").then_some(accuracy),
    }
}

fn port_options(v: Values<'_>) -> PortOptions {
    let rate: u16 = v.int("net_sync_monitor_rate");
    PortOptions {
        desired_state: match v.text("desired_state") {
            "master" => DesiredState::Master,
            "slave" => DesiredState::Slave,
            _ => DesiredState::Passive,
        },
        acceptable_master_table: v.bool("acceptable_master_table"),
        alternate_masters: v.int("alternate_masters"),
        alternate_multicast_sync: v.bool("alternate_multicast_sync"),
        log_alternate_multicast_sync_interval: v.log("log_alternate_multicast_sync_interval"),
        net_sync_monitor_rate: if v.bool("net_sync_monitor") { rate } else { 0 },
        monitor: SlaveMonitor {
            rx_sync_timing: v.bool("monitor_rx_sync_timing"),
            rx_sync_computed: v.bool("monitor_rx_sync_computed"),
            tx_event_timestamps: v.bool("monitor_tx_event_timestamps"),
            records: v.int("monitor_records"),
            every: v.int("monitor_every"),
            address: v.monitor_address().cloned(),
        },
    }
}

fn unicast_server(v: Values<'_>) -> Option<UnicastServer> {
    let server = UnicastServer {
        max_clients: v.int("unicast_max_clients"),
        max_rate: v.int("unicast_max_rate"),
        max_client_rate: v.int("unicast_max_client_rate"),
        max_duration: v.seconds("unicast_max_duration"),
        min_log_announce_interval: v.log("unicast_min_log_announce_interval"),
        min_log_sync_interval: v.log("unicast_min_log_sync_interval"),
        min_log_delay_resp_interval: v.log("unicast_min_log_delay_resp_interval"),
        allow: v.prefixes("unicast_allow"),
        deny: v.prefixes("unicast_deny"),
        drain: v.bool("unicast_drain"),
        direct: v.bool("unicast_direct"),
    };
    v.bool("unicast_server").then_some(server)
}

fn addresses(v: Values<'_>) -> Addresses {
    match v.transport() {
        Transport::UdpIpv4 => Addresses::UdpIpv4 {
            primary: v.ipv4("udp4_address"),
            peer_delay: v.ipv4("udp4_peer_delay_address"),
        },
        Transport::UdpIpv6 => {
            let mut octets = v.ipv6("udp6_address").octets();
            let scope: u8 = v.int("udp6_scope");
            if let [0xff, flags_and_scope, ..] = &mut octets {
                *flags_and_scope = *flags_and_scope & 0xf0 | scope;
            }
            Addresses::UdpIpv6 { primary: octets.into(), peer_delay: v.ipv6("udp6_peer_delay_address") }
        }
        Transport::Ethernet => Addresses::Ethernet {
            primary: v.octets("ethernet_address").unwrap_or_default(),
            peer_delay: v.octets("ethernet_peer_delay_address").unwrap_or_default(),
        },
    }
}

fn evidence(v: Values<'_>) -> Option<Evidence> {
    let positive = |path: &str| {
        v.interval(path).map(|i| std::time::Duration::from_nanos(u64::try_from(i.nanos()).unwrap_or(0)))
    };
    let (directory, keep) = (v.path("evidence.directory"), v.int("evidence.keep_days"));
    let (interval, sync, anchor) =
        (positive("evidence.interval"), positive("evidence.sync"), positive("evidence.anchor"));
    Some(Evidence {
        directory: directory?,
        interval: interval.unwrap_or(std::time::Duration::from_secs(1)),
        keep_days: Some(keep).filter(|k: &u32| *k > 0),
        sync: sync.unwrap_or_default(),
        anchor,
    })
}

fn holdover(v: Values<'_>) -> Option<Holdover> {
    let (in_spec, bound) = (v.interval("holdover.in_spec"), v.interval("holdover.max_error"));
    let out_of_spec = v.correction("holdover.out_of_spec");
    let drift_ppb = v.real("holdover.drift");
    let in_spec = in_spec?;
    let until_bound = match bound {
        Some(bound) if drift_ppb > 0.0 => {
            let seconds = (bound.nanos_f64() / drift_ppb).min(365.0 * 86_400.0);
            TimeInterval::from_nanos((seconds * 1e9) as i64)
        }
        _ => in_spec,
    };
    let in_spec = in_spec.min(until_bound);
    Some(Holdover { in_spec, out_of_spec: out_of_spec.max(in_spec) })
}

fn power(v: Values<'_>) -> Power {
    let nanos =
        |path: &str| v.interval(path).map_or(u32::MAX, |i| u32::try_from(i.nanos()).unwrap_or(u32::MAX));
    Power {
        version: match v.text("power_profile") {
            "2011" => 1,
            "2017" => 2,
            _ => 0,
        },
        grandmaster_id: v.int("power_grandmaster_id"),
        grandmaster_time_inaccuracy: nanos("power_grandmaster_time_inaccuracy"),
        network_time_inaccuracy: nanos("power_network_time_inaccuracy"),
        total_time_inaccuracy: nanos("power_total_time_inaccuracy"),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;
    use crate::kind::Kind;
    use crate::table;

    /// Layers with a port for each transport.
    fn layers() -> Layers {
        let mut layers = Layers::defaults();
        for transport in ["udp4", "udp6", "ethernet"] {
            let setting = |text: &str| Setting {
                value: Value::Text(text.into()),
                text: text.into(),
                origin: crate::Origin::Default,
                place: None,
            };
            let mut port = PortLayer::default();
            port.own.insert("interface", setting("eth0"));
            port.own.insert("transport", setting(transport));
            layers.ports.push(port);
        }
        layers
    }

    #[test]
    fn every_key_reaches_the_model() {
        let layers = layers();
        let seen = RefCell::new(BTreeSet::new());
        config(Values { layers: &layers, port: None, seen: Some(&seen) }, &layers);
        let all: BTreeSet<String> = table::paths().map(|(path, _)| path).collect();
        assert_eq!(*seen.borrow(), all);
    }

    #[test]
    fn both_ends_of_every_range_fit_the_model() {
        for (path, key) in table::paths() {
            let Kind::Int { min, max } = key.kind else { continue };
            for end in [min, max] {
                let mut layers = layers();
                layers.shared.get_mut(&path).expect("only `interface` is missing").value = Value::Int(end);
                build(&layers);
            }
        }
    }
}
