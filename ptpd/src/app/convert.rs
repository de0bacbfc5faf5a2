//! From the configuration to what the daemon runs with.

use ptp_clock::ClockName;
use ptp_config as config;
use ptp_net::Address;
use ptp_servo::{PiConfig, ServoConfig};
use ptp_wire::ClockIdentity;
use ptpd::engine;

use super::settings::{LocalAddress, LocalClock, Network, Settings, Stamps};

/// A setting that one port may not have different from the others.
#[derive(Debug)]
pub(crate) struct Mixed(&'static str);

impl std::fmt::Display for Mixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "all ports share one clock: {} has to be the same on all of them", self.0)
    }
}

/// Everything in the configuration has been checked; what is left is that the ports fit together.
pub(crate) fn settings(c: &config::PtpdConfig) -> Result<Settings, Mixed> {
    let stamps = |s| match s {
        config::Stamping::Auto => Stamps::Auto,
        config::Stamping::Hardware => Stamps::Hardware,
        config::Stamping::Software => Stamps::Software,
    };
    let mut all = c.ports.iter().map(|p| stamps(p.stamping));
    let first = all.next().unwrap_or(Stamps::Auto);
    if all.any(|s| s != first) {
        return Err(Mixed("stamping"));
    }
    Ok(Settings {
        instance: instance(c),
        clock_identity: c.clock_identity,
        networks: c.ports.iter().map(network).collect(),
        clock: match &c.clock_device {
            config::ClockDevice::Auto => LocalClock::Auto,
            config::ClockDevice::Phc(n) => LocalClock::Named(ClockName::Phc(*n)),
            config::ClockDevice::System => LocalClock::Named(ClockName::System),
            config::ClockDevice::Virtual(path) => LocalClock::Named(ClockName::Virtual(path.clone())),
        },
        stamps: first,
        servo: servo(&c.servo, &PiConfig::hardware()),
        software_servo: servo(&c.servo, &PiConfig::software()),
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
        state_file: c.state_file.clone(),
        user: c.user.clone(),
        tx_stamp_timeout_ns: 1_000_000_000,
        summary_ns: c.log.summary_interval.map(|i| u64::try_from(i.nanos()).unwrap_or(0)),
        drop_in: false,
    })
}

fn instance(c: &config::PtpdConfig) -> engine::InstanceConfig {
    let t = &c.time_properties;
    engine::InstanceConfig {
        clock_identity: c.clock_identity.unwrap_or(ClockIdentity::ZERO),
        kind: match c.clock {
            config::ClockKind::Ordinary => engine::InstanceKind::Ordinary,
            config::ClockKind::Boundary => engine::InstanceKind::Boundary,
        },
        priority1: c.priority1,
        priority2: c.priority2,
        clock_quality: c.clock_quality,
        domain_number: c.domain_number,
        sdo_id: c.sdo_id,
        client_only: c.client_only,
        max_steps_removed: c.max_steps_removed,
        minor_version: c.minor_version,
        path_trace: c.path_trace,
        free_running: c.free_running,
        network_management: c.management.network,
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
        ports: c.ports.iter().map(port).collect(),
    }
}

fn port(p: &config::PortConfig) -> engine::PortConfig {
    engine::PortConfig {
        transport: transport(p.transport),
        log_announce_interval: p.log_announce_interval,
        announce_receipt_timeout: p.announce_receipt_timeout,
        log_sync_interval: p.log_sync_interval,
        sync_receipt_timeout: p.sync_receipt_timeout,
        log_min_delay_req_interval: p.log_min_delay_req_interval,
        log_min_pdelay_req_interval: p.log_min_pdelay_req_interval,
        delay: match p.delay_mechanism {
            config::DelayMechanism::E2e => engine::Delay::E2e,
            config::DelayMechanism::P2p => engine::Delay::P2p,
            config::DelayMechanism::None => engine::Delay::None,
        },
        hybrid_e2e: p.hybrid_e2e,
        master_only: p.master_only,
        delay_asymmetry: p.delay_asymmetry,
        egress_latency: p.egress_latency,
        ingress_latency: p.ingress_latency,
        delay_filter: match p.delay_filter {
            config::DelayFilter::MovingMedian => engine::DelayFilterKind::MovingMedian,
            config::DelayFilter::MovingAverage => engine::DelayFilterKind::MovingAverage,
        },
        delay_filter_length: p.delay_filter_length,
        fault_reset_interval: p.fault_reset_interval,
        ..engine::PortConfig::new(&p.interface)
    }
}

fn transport(t: config::Transport) -> engine::Transport {
    match t {
        config::Transport::UdpIpv4 => engine::Transport::UdpIpv4,
        config::Transport::UdpIpv6 => engine::Transport::UdpIpv6,
        config::Transport::Ethernet => engine::Transport::Ethernet,
    }
}

fn network(p: &config::PortConfig) -> Network {
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
        transport: transport(p.transport),
        primary,
        peer_delay,
        ttl: p.udp_ttl,
        dscp_event: p.dscp_event,
        dscp_general: p.dscp_general,
        socket_priority: p.socket_priority,
        retry_ns: u64::try_from(p.fault_reset_interval.duration().as_nanos()).unwrap_or(u64::MAX),
    }
}

/// `defaults`: the gains that follow the kind of stamps.
fn servo(s: &config::Servo, defaults: &PiConfig) -> ServoConfig {
    let config::ServoKind::Pi = s.kind;
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
