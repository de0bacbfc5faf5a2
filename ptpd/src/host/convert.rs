//! From the configuration to what the daemon runs with.

use crate::engine;
use ptp_clock::ClockName;
use ptp_config as config;
use ptp_daemon::http;
use ptp_evidence::{RecorderOptions, StoreOptions};
use ptp_net::Address;
use ptp_servo::{PiConfig, ServoConfig, ServoKind, Stamping, Steering, Transfer};
use ptp_wire::{ClockIdentity, PortNumber, SdoId};

use super::refclock::Refclock;
use super::settings::{
    CommonLink, EvidenceSettings, LocalAddress, LocalClock, Network, PortClocks, Settings, Stamps,
};

/// A setting that one port may not have different from the others.
#[derive(Debug)]
pub struct Mixed(&'static str);

impl std::fmt::Display for Mixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "all ports share one clock: {} has to be the same on all of them", self.0)
    }
}

/// Everything in the configuration has been checked; what is left is that the ports fit together.
pub fn settings(c: &config::PtpdConfig) -> Result<Settings, Mixed> {
    let stamps = |s| match s {
        config::Stamping::Auto => Stamps::Auto,
        config::Stamping::Hardware => Stamps::Hardware,
        config::Stamping::OneStep => Stamps::OneStep,
        config::Stamping::P2pOneStep => Stamps::P2pOneStep,
        config::Stamping::Software => Stamps::Software,
    };
    let mut all = c.ports.iter().map(|p| stamps(p.stamping));
    let first = all.next().unwrap_or(Stamps::Auto);
    if all.any(|s| s != first) {
        return Err(Mixed("stamping"));
    }
    Ok(Settings {
        name: String::new(),
        told_to_steer: false,
        measures_only: false,
        instance: instance(c),
        clock_identity: c.clock_identity,
        networks: c.ports.iter().map(|p| network(p, c.clock.is_transparent())).collect(),
        clock: local_clock(&c.clock_device),
        port_clocks: match c.port_clocks {
            config::PortClocks::Together => PortClocks::Together,
            config::PortClocks::External => PortClocks::External,
            config::PortClocks::Same => PortClocks::Same,
        },
        common: common(c),
        stamps: first,
        servo: steering(c, &PiConfig::hardware(), Stamping::Hardware),
        software_servo: steering(c, &PiConfig::software(), Stamping::Software),
        read_write: c
            .management
            .socket
            .clone()
            .map(|path| LocalAddress { path, mode: c.management.socket_mode }),
        read_only: c
            .management
            .read_only_socket
            .clone()
            .map(|path| LocalAddress { path, mode: c.management.read_only_socket_mode }),
        events: c.events.socket.clone().map(|path| LocalAddress { path, mode: c.events.socket_mode }),
        refclock: match c.servo.kind {
            _ if c.free_running => None,
            config::ServoKind::NtpShm => Some(Refclock::NtpShm(c.servo.ntp_shm_unit)),
            config::ServoKind::ChronySock => Some(Refclock::ChronySock(c.servo.chrony_sock.clone())),
            _ => None,
        },
        kernel_leap: c.servo.kernel_leap,
        zones: c
            .options
            .alternate_time_offsets
            .iter()
            .filter_map(|a| Some((a.key, a.zone.clone()?)))
            .collect(),
        slave_event_monitor: c.options.slave_event_monitor.clone(),
        evidence: c.evidence.as_ref().map(evidence),
        state_file: c.state_file.clone(),
        ready_when: c.ready_when,
        user: c.user.clone(),
        metrics: c.metrics.as_ref().and_then(|m| {
            // Its form has been checked.
            let listen = m.listen.parse().ok()?;
            Some(http::Settings { listen, openshift_names: m.openshift_names, events: m.events })
        }),
        tx_stamp_timeout_ns: 1_000_000_000,
        summary_ns: c.log.summary_interval.map(|i| u64::try_from(i.nanos()).unwrap_or(0)),
        drop_in: false,
        frequency_window_ns: 2_000_000_000,
    })
}

fn evidence(c: &config::Evidence) -> EvidenceSettings {
    let store = StoreOptions { keep: c.keep_days, ..StoreOptions::new(&c.directory, "ptpd") };
    EvidenceSettings {
        recorder: RecorderOptions { sync: c.sync, anchor: c.anchor, ..RecorderOptions::new(store) },
        interval_ns: u64::try_from(c.interval.as_nanos()).unwrap_or(u64::MAX),
        configuration: String::new(),
    }
}

fn common(c: &config::PtpdConfig) -> Vec<CommonLink> {
    let link = |(number, p): (u16, &config::PortConfig)| {
        p.common.as_ref().map(|s| CommonLink {
            port: PortNumber(number),
            server: s.server.clone(),
            client: s.client.clone(),
            remote: PortNumber(s.port.unwrap_or(number)),
            domain_number: s.domain_number,
            sdo_id: SdoId::new(u16::from(s.major_sdo_id) << 8),
        })
    };
    (1..).zip(&c.ports).filter_map(link).collect()
}

fn local_clock(c: &config::ClockDevice) -> LocalClock {
    match c {
        config::ClockDevice::Auto => LocalClock::Auto,
        config::ClockDevice::Phc(n) => LocalClock::Named(ClockName::Phc(*n)),
        config::ClockDevice::System => LocalClock::Named(ClockName::System),
        config::ClockDevice::Virtual(path) => LocalClock::Named(ClockName::Virtual(path.clone())),
    }
}

fn instance(c: &config::PtpdConfig) -> engine::InstanceConfig {
    let t = &c.time_properties;
    engine::InstanceConfig {
        clock_identity: c.clock_identity.unwrap_or(ClockIdentity::ZERO),
        kind: match c.clock {
            config::ClockKind::Ordinary => engine::InstanceKind::Ordinary,
            config::ClockKind::Boundary => engine::InstanceKind::Boundary,
            config::ClockKind::TransparentE2e => engine::InstanceKind::TransparentE2e,
            config::ClockKind::TransparentP2p => engine::InstanceKind::TransparentP2p,
        },
        priority1: c.priority1,
        priority2: c.priority2,
        clock_quality: c.clock_quality,
        domain_number: c.domain_number,
        sdo_id: c.sdo_id,
        client_only: c.client_only,
        best_master: match c.best_master {
            config::BestMaster::Ieee1588 => engine::BestMaster::Ieee1588,
            config::BestMaster::G8275 => engine::BestMaster::G8275,
            config::BestMaster::G8265 => engine::BestMaster::G8265,
            config::BestMaster::Ieee8021As => engine::BestMaster::Ieee8021As,
            config::BestMaster::Static => engine::BestMaster::Static,
        },
        local_priority: c.clock_local_priority,
        revertive: c.revertive,
        wait_to_restore: duration(c.wait_to_restore),
        unusable_timeout: Some(duration(c.unusable_timeout)).filter(|d| !d.is_zero()),
        holdover: c
            .holdover
            .map(|h| engine::Holdover { in_spec: duration(h.in_spec), out_of_spec: duration(h.out_of_spec) }),
        max_steps_removed: c.max_steps_removed,
        clock_class_threshold: c.clock_class_threshold,
        assume_two_step: c.assume_two_step,
        minor_version: c.minor_version,
        relay: c.relay,
        path_trace: c.path_trace,
        // Messages pass through a transparent clock; its own clock only counts.
        free_running: c.free_running || c.clock.is_transparent(),
        syntonise: c.syntonise,
        spanning_tree: c.spanning_tree,
        network_management: c.management.network,
        as_linuxptp: false,
        time_properties: engine::TimeProperties {
            current_utc_offset: t.current_utc_offset,
            current_utc_offset_valid: t.current_utc_offset_valid,
            leap59: t.leap59,
            leap61: t.leap61,
            time_traceable: t.time_traceable,
            frequency_traceable: t.frequency_traceable,
            ptp_timescale: t.ptp_timescale,
            time_source: t.time_source,
        },
        description: engine::Description {
            manufacturer_identity: c.description.manufacturer_identity,
            product: c.description.product.clone(),
            revision: c.description.revision.clone(),
            user: c.description.user.clone(),
            profile_identity: c.profile_identity,
        },
        options: options(c),
        ports: c.ports.iter().map(port).collect(),
    }
}

fn options(c: &config::PtpdConfig) -> engine::Options {
    let o = &c.options;
    engine::Options {
        external_port_configuration: o.external_port_configuration,
        acceptable_masters: o.acceptable_masters.clone(),
        alternate_time_offsets: o
            .alternate_time_offsets
            .iter()
            .map(|a| engine::AlternateTimeOffset {
                key: a.key,
                // What a zone's file says comes later.
                enabled: a.zone.is_none(),
                current_offset: a.current_offset,
                jump_seconds: a.jump_seconds,
                time_of_next_jump: a.time_of_next_jump,
                name: a.name.clone(),
            })
            .collect(),
        synchronization_uncertain: match o.synchronization_uncertain {
            config::SynchronizationUncertain::Auto => engine::SynchronizationUncertain::Track,
            config::SynchronizationUncertain::Always => engine::SynchronizationUncertain::Assert,
            config::SynchronizationUncertain::Never => engine::SynchronizationUncertain::Ignore,
        },
        external_grandmaster: None,
        slave_event_socket: o.slave_event_monitor.is_some(),
        collect_slave_events: o.collect_slave_events,
        accuracy: o.enhanced_accuracy.map(|a| engine::Accuracy {
            max_gm_inaccuracy: a.gm.0,
            var_gm_inaccuracy: a.gm.1,
            max_transient_inaccuracy: a.transient.0,
            var_transient_inaccuracy: a.transient.1,
            max_dynamic_inaccuracy: a.dynamic.0,
            var_dynamic_inaccuracy: a.dynamic.1,
            max_static_instance_inaccuracy: a.static_instance.0,
            var_static_instance_inaccuracy: a.static_instance.1,
            max_static_medium_inaccuracy: a.static_medium.0,
            var_static_medium_inaccuracy: a.static_medium.1,
        }),
        performance_monitoring: o.performance_monitoring,
        smpte: o.smpte,
    }
}

fn port_options(p: &config::PortConfig) -> engine::PortOptions {
    let o = &p.options;
    let monitor = &o.monitor;
    engine::PortOptions {
        desired_state: match o.desired_state {
            config::DesiredState::Master => engine::DesiredState::Master,
            config::DesiredState::Passive => engine::DesiredState::Passive,
            config::DesiredState::Slave => engine::DesiredState::Slave,
        },
        acceptable_master_table: o.acceptable_master_table,
        alternate_masters: o.alternate_masters,
        alternate_multicast_sync: o.alternate_multicast_sync,
        log_alternate_multicast_sync_interval: o.log_alternate_multicast_sync_interval,
        slave_monitoring: engine::SlaveMonitoring {
            rx_sync_timing: monitor.rx_sync_timing,
            rx_sync_computed: monitor.rx_sync_computed,
            tx_event_timestamps: monitor.tx_event_timestamps,
            records: monitor.records,
            every: monitor.every,
            destination: match monitor.address {
                Some(config::MasterAddress::Ipv4(a)) => {
                    engine::MonitorDestination::Unicast(engine::Address::Ipv4(a))
                }
                Some(config::MasterAddress::Ipv6(a)) => {
                    engine::MonitorDestination::Unicast(engine::Address::Ipv6(a))
                }
                Some(config::MasterAddress::Ethernet(a)) => {
                    engine::MonitorDestination::Unicast(engine::Address::Ethernet(a))
                }
                // A name has been refused.
                Some(config::MasterAddress::Name(_)) | None => engine::MonitorDestination::Multicast,
            },
        },
        net_sync_monitor_rate: o.net_sync_monitor_rate,
    }
}

fn port(p: &config::PortConfig) -> engine::PortConfig {
    engine::PortConfig {
        transport: p.transport,
        log_announce_interval: p.log_announce_interval,
        announce_receipt_timeout: p.announce_receipt_timeout,
        log_sync_interval: p.log_sync_interval,
        sync_receipt_timeout: p.sync_receipt_timeout,
        log_min_delay_req_interval: p.log_min_delay_req_interval,
        log_min_pdelay_req_interval: p.log_min_pdelay_req_interval,
        delay: match p.delay_mechanism {
            config::DelayMechanism::E2e | config::DelayMechanism::Auto => engine::Delay::E2e,
            config::DelayMechanism::P2p => engine::Delay::P2p,
            config::DelayMechanism::CommonP2p => engine::Delay::CommonP2p,
            config::DelayMechanism::None => engine::Delay::None,
        },
        delay_auto: p.delay_mechanism == config::DelayMechanism::Auto,
        delay_request_variability: p.delay_request_variability,
        hybrid_e2e: p.hybrid_e2e,
        ignore_sdo_id: p.ignore_sdo_id,
        delay_response_timeout: p.delay_response_timeout,
        unicast_client: unicast_client(p),
        unicast_server: p.unicast_server.as_ref().map(unicast_server),
        multicast: p.multicast,
        local_priority: p.local_priority,
        power: power(&p.power),
        gptp: gptp(&p.gptp),
        master_only: p.master_only,
        interface_rate_tlv: p.interface_rate_tlv,
        delay_asymmetry: p.delay_asymmetry,
        egress_latency: p.egress_latency,
        ingress_latency: p.ingress_latency,
        delay_filter: match p.delay_filter {
            config::DelayFilter::MovingMedian => engine::DelayFilterKind::MovingMedian,
            config::DelayFilter::MovingAverage => engine::DelayFilterKind::MovingAverage,
        },
        delay_filter_length: p.delay_filter_length,
        sample_mode: match p.sample_mode {
            config::SampleMode::Filter => engine::SampleMode::Filter,
            config::SampleMode::Raw => engine::SampleMode::Raw,
            config::SampleMode::FilterWeight => engine::SampleMode::FilterWeight,
            config::SampleMode::RawWeight => engine::SampleMode::RawWeight,
        },
        fault_reset_interval: p.fault_reset_interval,
        options: port_options(p),
        authentication: p.authentication.as_ref().map(|a| engine::Authentication {
            association: a.association.as_ref().clone(),
            active_key_id: a.active_key_id,
        }),
        ..engine::PortConfig::new(&p.interface)
    }
}

/// A length of time of the configuration, which is never negative.
fn duration(t: ptp_wire::TimeInterval) -> std::time::Duration {
    std::time::Duration::from_nanos(u64::try_from(t.nanos()).unwrap_or(0))
}

fn power(p: &config::Power) -> engine::PowerSettings {
    engine::PowerSettings {
        version: p.version,
        grandmaster_id: p.grandmaster_id,
        grandmaster_time_inaccuracy: p.grandmaster_time_inaccuracy,
        network_time_inaccuracy: p.network_time_inaccuracy,
        total_time_inaccuracy: p.total_time_inaccuracy,
    }
}

fn unicast_client(p: &config::PortConfig) -> Option<engine::UnicastClientConfig> {
    let master = |m: &config::UnicastMaster| engine::UnicastMaster {
        address: match &m.address {
            config::MasterAddress::Ipv4(a) => engine::MasterAddress::Known(engine::Address::Ipv4(*a)),
            config::MasterAddress::Ipv6(a) => engine::MasterAddress::Known(engine::Address::Ipv6(*a)),
            config::MasterAddress::Ethernet(a) => engine::MasterAddress::Known(engine::Address::Ethernet(*a)),
            config::MasterAddress::Name(name) => engine::MasterAddress::Named(name.clone()),
        },
        local_priority: m.local_priority,
    };
    (!p.unicast_masters.is_empty()).then(|| engine::UnicastClientConfig {
        masters: p.unicast_masters.iter().map(master).collect(),
        duration: p.unicast_request_duration,
        log_query_interval: p.log_unicast_query_interval,
    })
}

fn unicast_server(s: &config::UnicastServer) -> engine::UnicastServerConfig {
    let prefixes = |list: &[config::Prefix]| {
        let prefix = |p: &config::Prefix| match *p {
            config::Prefix::Ipv4(a, n) => engine::Prefix::Ipv4(a, n),
            config::Prefix::Ipv6(a, n) => engine::Prefix::Ipv6(a, n),
            config::Prefix::Ethernet(a, n) => engine::Prefix::Ethernet(a, n),
        };
        list.iter().map(prefix).collect()
    };
    engine::UnicastServerConfig {
        max_clients: s.max_clients,
        max_rate: s.max_rate,
        max_client_rate: s.max_client_rate,
        max_duration: s.max_duration,
        min_log_announce_interval: s.min_log_announce_interval,
        min_log_sync_interval: s.min_log_sync_interval,
        min_log_delay_resp_interval: s.min_log_delay_resp_interval,
        allow: prefixes(&s.allow),
        deny: prefixes(&s.deny),
        drain: s.drain,
    }
}

fn gptp(g: &config::Gptp) -> engine::GptpRules {
    engine::GptpRules {
        as_capable: match g.as_capable {
            config::AsCapable::Unused => engine::AsCapable::Unused,
            config::AsCapable::Auto => engine::AsCapable::Measured,
            config::AsCapable::Preset => engine::AsCapable::Preset,
        },
        neighbor_prop_delay_thresh: g.neighbor_prop_delay_thresh,
        min_neighbor_prop_delay: g.min_neighbor_prop_delay,
        allowed_lost_responses: g.allowed_lost_responses,
        allowed_faults: g.allowed_faults,
        gptp_capable: match g.gptp_capable {
            config::GptpCapable::Unused => engine::GptpCapable::Off,
            config::GptpCapable::Send => engine::GptpCapable::Send,
            config::GptpCapable::Require => engine::GptpCapable::Require,
        },
        log_gptp_capable_interval: g.log_gptp_capable_interval,
        gptp_capable_receipt_timeout: g.gptp_capable_receipt_timeout,
        follow_up_info: g.follow_up_info,
        role: g.role.map(|role| match role {
            config::Role::Master => engine::StaticRole::Master,
            config::Role::Client => engine::StaticRole::Client,
        }),
        inhibit_announce: g.inhibit_announce,
        inhibit_delay_req: g.inhibit_delay_req,
        ignore_source_id: g.ignore_source_id,
        msg_interval_request: g.msg_interval_request,
        oper_log_sync_interval: g.oper_log_sync_interval,
        oper_log_pdelay_req_interval: g.oper_log_pdelay_req_interval,
        neighbor_delay: g.neighbor_delay,
    }
}

fn network(p: &config::PortConfig, relay: bool) -> Network {
    let (primary, peer_delay) = match p.addresses {
        config::Addresses::UdpIpv4 { primary, peer_delay } => {
            (Address::Ipv4(primary), Address::Ipv4(peer_delay))
        }
        config::Addresses::UdpIpv6 { primary, peer_delay } => {
            (Address::Ipv6(primary), Address::Ipv6(peer_delay))
        }
        config::Addresses::Ethernet { primary, peer_delay } => {
            (Address::Ethernet(primary), Address::Ethernet(peer_delay))
        }
    };
    Network {
        interface: p.interface.clone(),
        transport: p.transport,
        primary,
        peer_delay,
        ttl: p.udp_ttl,
        dscp_event: p.dscp_event,
        dscp_general: p.dscp_general,
        socket_priority: p.socket_priority,
        relay,
        batch: p.unicast_server.is_some(),
        direct: p.unicast_server.as_ref().is_some_and(|s| s.direct),
        retry_ns: u64::try_from(p.fault_reset_interval.duration().as_nanos()).unwrap_or(u64::MAX),
        clock: local_clock(&p.port_clock),
    }
}

/// `defaults`: the gains that follow the kind of stamps.
fn steering(c: &config::PtpdConfig, defaults: &PiConfig, stamping: Stamping) -> Steering {
    let limited = Transfer::Limited { bandwidth_hz: c.servo.bandwidth_hz };
    Steering {
        kind: match c.servo.kind {
            config::ServoKind::Adaptive => ServoKind::Adaptive,
            config::ServoKind::Pi => ServoKind::Pi,
            config::ServoKind::Linreg => ServoKind::Linreg,
            config::ServoKind::None => ServoKind::None,
            // Nothing is steered.
            config::ServoKind::NtpShm | config::ServoKind::ChronySock => ServoKind::None,
        },
        servo: servo(&c.servo, defaults),
        stamping,
        transfer: match c.servo.transfer {
            // Others follow a boundary clock: it must not make more of what it hears than there was.
            config::Transfer::Auto if c.ports.len() > 1 => Transfer::Damped,
            config::Transfer::Auto | config::Transfer::Free => Transfer::Free,
            config::Transfer::Damped => Transfer::Damped,
            config::Transfer::Limited => limited,
        },
        phase_adjustment: c.servo.phase_adjustment,
        step_window: c.servo.step_window,
        sanity_limit_ppb: c.servo.sanity_frequency_limit_ppb,
    }
}

/// `defaults`: the gains that follow the kind of stamps.
fn servo(s: &config::Servo, defaults: &PiConfig) -> ServoConfig {
    ServoConfig {
        pi: PiConfig {
            proportional_const: s.proportional_const,
            integral_const: s.integral_const,
            proportional_scale: s.proportional_scale.unwrap_or(defaults.proportional_scale),
            proportional_exponent: s.proportional_exponent,
            proportional_norm_max: s.proportional_norm_max,
            integral_scale: s.integral_scale.unwrap_or(defaults.integral_scale),
            integral_exponent: s.integral_exponent,
            integral_norm_max: s.integral_norm_max,
        },
        first_step_threshold: s.first_step_threshold,
        step_threshold: s.step_threshold,
        max_frequency_ppb: s.max_frequency_ppb,
        offset_threshold: s.offset_threshold,
        num_offset_values: s.num_offset_values,
    }
}
