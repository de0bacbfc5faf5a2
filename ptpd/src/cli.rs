//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args, Parser};
use ptp_clock::ClockName;
use ptp_daemon::{LogOptions, init_log};
use ptp_servo::ServoConfig;
use ptp_wire::ClockIdentity;
use ptpd::engine::{Delay, InstanceConfig, PortConfig, Transport};

use crate::app;
use crate::app::{LocalAddress, LocalClock, Network, Settings, Stamps};

/// Synchronises clocks by the Precision Time Protocol (IEEE 1588): ordinary and boundary clocks.
#[derive(Debug, Parser)]
#[command(name = "ptpd", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Args, Debug)]
struct RunArgs {
    /// An interface to run on; several make a boundary clock
    #[arg(short, long = "interface", value_name = "NAME")]
    interfaces: Vec<String>,
    /// Only ever a client
    #[arg(short = 's', long)]
    client_only: bool,
    /// Software stamps
    #[arg(short = 'S', long, conflicts_with = "hardware")]
    software: bool,
    /// Hardware stamps
    #[arg(short = 'H', long)]
    hardware: bool,
    /// IEEE 802.3 (Ethernet)
    #[arg(short = '2', long, group = "transport")]
    ethernet: bool,
    /// UDP/IPv4 (the default)
    #[arg(short = '4', long, group = "transport")]
    udp4: bool,
    /// UDP/IPv6
    #[arg(short = '6', long, group = "transport")]
    udp6: bool,
    /// Delay request-response (the default)
    #[arg(short = 'E', long, conflicts_with = "p2p")]
    e2e: bool,
    /// Peer-to-peer delay
    #[arg(short = 'P', long)]
    p2p: bool,
    /// The clock to discipline: auto, system, phcN or virtual:PATH
    #[arg(long, value_name = "CLOCK", default_value = "auto")]
    clock: String,
    /// The read-write management socket; the read-only one is the same with -ro
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Only measure
    #[arg(long)]
    free_running: bool,
    /// Log to standard output instead of standard error
    #[arg(short = 'm', long, action = ArgAction::SetTrue)]
    stdout: bool,
    /// Log level, 3 (errors) to 7 (debugging)
    #[arg(short = 'l', long, value_name = "LEVEL", default_value_t = 6, value_parser = clap::value_parser!(u8).range(0..=7))]
    log_level: u8,
}

pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut log = LogOptions::new("ptpd");
    log.stdout = cli.run.stdout;
    log.level = match cli.run.log_level {
        0..=3 => tracing::Level::ERROR,
        4 => tracing::Level::WARN,
        5 | 6 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    init_log(&log);
    match from_options(&cli.run) {
        Ok(settings) => app::run(settings, &|| None),
        Err(e) => {
            tracing::error!("{e}");
            ExitCode::from(2)
        }
    }
}

fn from_options(a: &RunArgs) -> Result<Settings, String> {
    let transport = if a.ethernet {
        Transport::Ethernet
    } else if a.udp6 {
        Transport::UdpIpv6
    } else {
        Transport::UdpIpv4
    };
    let ports: Vec<_> = a
        .interfaces
        .iter()
        .map(|name| PortConfig {
            transport,
            delay: if a.p2p { Delay::P2p } else { Delay::E2e },
            ..PortConfig::new(name)
        })
        .collect();
    let mut instance = InstanceConfig::new(ClockIdentity::ZERO, ports);
    instance.client_only = a.client_only;
    instance.free_running = a.free_running;
    let d = ptp_net::SocketOptions::new("x", match transport { Transport::Ethernet => ptp_net::Transport::Ethernet, Transport::UdpIpv6 => ptp_net::Transport::UdpIpv6, _ => ptp_net::Transport::UdpIpv4 });
    let network = |name: &String| Network {
        interface: name.clone(),
        transport,
        primary: d.primary,
        peer_delay: d.peer_delay,
        retry_ns: 1_000_000_000,
        ttl: 1,
        dscp_event: 0,
        dscp_general: 0,
        socket_priority: 0,
    };
    let pi = |pi| ServoConfig { pi, ..ServoConfig::default() };
    Ok(Settings {
        instance,
        clock_identity: None,
        networks: a.interfaces.iter().map(network).collect(),
        clock: match a.clock.as_str() {
            "auto" => LocalClock::Auto,
            name => LocalClock::Named(name.parse::<ClockName>().map_err(|e| e.to_string())?),
        },
        stamps: if a.software {
            Stamps::Software
        } else if a.hardware {
            Stamps::Hardware
        } else {
            Stamps::Auto
        },
        servo: pi(ptp_servo::PiConfig::hardware()),
        software_servo: pi(ptp_servo::PiConfig::software()),
        read_write: Some(LocalAddress { path: a.socket.clone().unwrap_or_default(), mode: 0o660 }),
        read_only: Some(LocalAddress { path: format!("{}-ro", a.socket.clone().unwrap_or_default().display()).into(), mode: 0o666 }),
        state_file: None,
        user: None,
        tx_stamp_timeout_ns: 1_000_000_000,
        summary_seconds: None,
    })
}
