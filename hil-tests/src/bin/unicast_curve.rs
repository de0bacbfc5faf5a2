//! How much unicast service one core gives: ours and linuxptp's, in one run. See `--help`.
#![forbid(unsafe_code)]

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use hil_tests::lab::{
    CrowdOptions, Host, Lab, LabError, Process, empty_dir, find_program, is_inside, reenter, run_crowd,
    settle,
};
use ptp_management::{Client, ClientConfig, Request, Uds};
use ptp_wire::management::ManagementId;

/// Serves growing crowds of unicast clients over a virtual Ethernet cable, once with ptpd and once with linuxptp's
/// ptp4l, and tells for each: what was promised and sent, what it cost, and how long the management client waited.
#[derive(Debug, Parser)]
#[command(name = "escapement-unicast-curve", version)]
struct Arguments {
    /// Numbers of clients
    #[arg(long, value_delimiter = ',', default_value = "100,200,400,700,1000")]
    clients: Vec<u32>,
    /// log2 of the Sync interval: -7 is 128 per second
    #[arg(long, default_value_t = -7, allow_negative_numbers = true)]
    log_sync: i8,
    /// log2 of the interval of each client's Delay_Req
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    log_delay: i8,
    /// Seconds to watch each
    #[arg(long, default_value_t = 5.0)]
    watch: f64,
    /// Which servers
    #[arg(long, value_delimiter = ',', default_value = "ptpd,ptp4l")]
    servers: Vec<String>,
    /// All clients read all they get; otherwise Sync and Follow_Up of all but 31 are counted and dropped at the
    /// interface (by nftables), so that the crowd's own work, on the core of the server, is not taken for the server's
    #[arg(long)]
    all_read: bool,
    /// Each end of the cable receives in a thread of the kernel, which may run on another core than the sender, as on two
    /// machines (threaded NAPI). Without it the sender pays for what the receiver does, up to its sockets
    #[arg(long)]
    apart: bool,
    /// ptpd's `unicast_direct` stays off
    #[arg(long)]
    ordinary: bool,
    /// The programs of ours to run [default: those beside this one]
    #[arg(long)]
    programs: Option<PathBuf>,
    #[command(subcommand)]
    mode: Option<Mode>,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// The clients' side, started by the tool itself
    #[command(hide = true)]
    Crowd { clients: u32, log_sync: i8, log_delay: i8, watch: f64, door: u8 },
}

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 1);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.mode {
        Some(Mode::Crowd { clients, log_sync, log_delay, watch, door }) => {
            crowd(*clients, *log_sync, *log_delay, *watch, *door != 0).map(|()| ExitCode::SUCCESS)
        }
        None if is_inside() => run(&arguments).map(|()| ExitCode::SUCCESS),
        None => reenter(std::env::args_os().skip(1), |_| ()).map(|(status, _)| {
            ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
        }),
    };
    result.unwrap_or_else(|error| {
        eprintln!("escapement-unicast-curve: {error}");
        ExitCode::FAILURE
    })
}

fn crowd(clients: u32, log_sync: i8, log_delay: i8, watch: f64, door: bool) -> Result<(), LabError> {
    let report = run_crowd(&CrowdOptions {
        server: SERVER,
        first: FIRST,
        clients,
        log_sync,
        log_announce: 0,
        log_delay,
        watch: Duration::from_secs_f64(watch),
        patience: Duration::from_secs(15),
        door,
    })?;
    println!(
        "granted {} syncs {:.0} follow_ups {:.0} least {:.1} most {:.1} answered {:.3}",
        report.granted, report.syncs, report.follow_ups, report.least, report.most, report.answered
    );
    Ok(())
}

fn run(arguments: &Arguments) -> Result<(), LabError> {
    settle(|| ())?;
    let own = std::env::current_exe()
        .map_err(|source| LabError::Io { doing: "find this program".into(), source })?;
    let beside = own.parent().map(PathBuf::from).unwrap_or_default();
    let programs = arguments.programs.clone().unwrap_or_else(|| beside.clone());
    let dir = beside.parent().unwrap_or(&beside).join("unicast-curve");
    empty_dir(&dir)?;
    println!(
        "| server | clients | granted | Sync/s | Follow_Up/s | least and most per client | Delay_Resp | CPU of a core | CPU per Sync | GET answered, median and worst |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for server in &arguments.servers {
        for clients in &arguments.clients {
            let mut lab = Lab::new(&dir)?;
            let row = measure(&mut lab, arguments, server, *clients, &own, &programs)?;
            println!("{row}");
        }
    }
    Ok(())
}

fn start(host: &Host, server: &str, programs: &Path, direct: bool) -> Result<(Process, String), LabError> {
    if server == "ptpd" {
        let file = host.dir().join("server.yaml");
        let mut yaml = "clock_class: 6\nmaster_only: true\nmulticast: false\nclock_device: system\nfree_running: true\n\
                    state_file: off\nunicast_server: true\nunicast_max_clients: 100000\nunicast_max_rate: 10000000\n\
                    management: { socket: /run/server, read_only_socket: off }\nports: [{ interface: eth0 }]\n"
            .to_owned();
        if direct {
            yaml.push_str("unicast_direct: true\n");
        }
        std::fs::write(&file, yaml).map_err(LabError::io("write the configuration"))?;
        let process = host.start("ptpd", &programs.join("ptpd"), ["-f".as_ref(), file.as_os_str()])?;
        return Ok((process, "/run/server".into()));
    }
    let program = find_program("ptp4l", "linuxptp")?;
    let arguments = [
        "-S",
        "-m",
        "-q",
        "-i",
        "eth0",
        "--free_running=1",
        "--unicast_listen=1",
        "--inhibit_multicast_service=1",
        "--logAnnounceInterval=-3",
        "--clockClass=6",
        "--uds_address=/run/server",
        "--tx_timestamp_timeout=100",
    ];
    Ok((host.start("ptp4l", &program, arguments)?, "/run/server".into()))
}

/// What comes by this host's cable is received by a thread of the kernel, whoever sent it.
fn receive_apart(host: &Host) -> Result<(), LabError> {
    // Without this a virtual cable has no queue of its own that a thread could serve.
    host.run("ethtool", "ethtool", &["-K", "eth0", "gro", "on"])?;
    // A fresh /sys shows the interfaces of this host.
    let script = "mount -t sysfs sysfs /sys && echo 1 > /sys/class/net/eth0/threaded";
    host.run("unshare", "util-linux", &["--mount", "sh", "-c", script]).map(drop)
}

/// User and system time of a process, in seconds.
fn cpu(id: u32) -> f64 {
    // In nanoseconds, where the kernel tells; else in ticks.
    if let Ok(text) = std::fs::read_to_string(format!("/proc/{id}/schedstat"))
        && let Some(ns) = text.split_ascii_whitespace().next().and_then(|t| t.parse::<f64>().ok())
    {
        return ns * 1e-9;
    }
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 =
        after.split_ascii_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
    ticks / 100.0
}

fn measure(
    lab: &mut Lab,
    arguments: &Arguments,
    server: &str,
    clients: u32,
    own: &Path,
    programs: &Path,
) -> Result<String, LabError> {
    let (gm, crowd) = (lab.host("gm")?, lab.host("crowd")?);
    lab.link((&gm, "eth0"), (&crowd, "eth0"))?;
    if arguments.apart {
        receive_apart(&gm)?;
        receive_apart(&crowd)?;
    }
    gm.run("ip", "iproute2", &["route", "add", "10.64.0.0/16", "via", "10.0.1.2"])?;
    crowd.run("ip", "iproute2", &["route", "add", "local", "10.64.0.0/16", "dev", "lo"])?;
    let (mut process, socket) = start(&gm, server, programs, !arguments.ordinary)?;
    let pin = |cores: &str, id: u32| {
        hil_tests::lab::run_command("taskset", &["-p", "-c", cores, &id.to_string()]).map(drop)
    };
    pin("0", process.id())?;
    let becomes = "to MASTER on";
    process.wait_for_line("MASTER", Duration::from_secs(20), |line| {
        line.contains(becomes) || line.contains("GRAND_MASTER")
    })?;
    let mut load = crowd
        .command(own)
        .args([
            "crowd".to_owned(),
            clients.to_string(),
            "--".to_owned(),
            arguments.log_sync.to_string(),
            arguments.log_delay.to_string(),
            arguments.watch.to_string(),
            u8::from(!arguments.all_read).to_string(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(LabError::io("start the crowd"))?;
    pin("1", load.id())?;
    let mut client = Uds::connect(Path::new(&socket), Some(Path::new("/run/asker")))
        .map(|uds| Client::new(uds, ClientConfig::default()))
        .map_err(|e| LabError::Wrong(format!("cannot reach {server}: {e}")))?;
    let question = Request::get(ManagementId::DEFAULT_DATA_SET);
    let (begin, before) = (Instant::now(), cpu(process.id()));
    let mut waits = Vec::new();
    let mut marks = vec![(0.0, before)];
    loop {
        if load.try_wait().map_err(LabError::io("wait for the crowd"))?.is_some() {
            break;
        }
        let asked = Instant::now();
        let answered =
            client.send(&question).is_ok() && matches!(client.wait(Duration::from_secs(1)), Ok(Some(_)));
        waits.push(if answered { asked.elapsed().as_secs_f64() * 1000.0 } else { f64::INFINITY });
        marks.push((begin.elapsed().as_secs_f64(), cpu(process.id())));
        std::thread::sleep(Duration::from_millis(200));
    }
    let output = load.wait_with_output().map_err(LabError::io("wait for the crowd"))?;
    // The part of the time that the crowd watched, which is the last.
    let (end, total) = marks.last().copied().unwrap_or_default();
    let (since, at) =
        marks.iter().copied().rfind(|(t, _)| *t <= end - arguments.watch * 0.8).unwrap_or_default();
    let share = (total - at) / (end - since).max(1e-9) * 100.0;
    waits.sort_by(f64::total_cmp);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let field = |name: &str| {
        let mut words = told.split_ascii_whitespace();
        words.by_ref().find(|w| *w == name);
        words.next().unwrap_or("?").to_owned()
    };
    if process.stop(Duration::from_secs(5)).is_err() {
        // It collapsed under the load.
        process.kill()?;
    }
    Ok(format!(
        "| {server} | {clients} | {} | {} | {} | {}, {} | {} | {share:.0} % | {:.1} us | {:.1} ms, {:.1} ms |",
        field("granted"),
        field("syncs"),
        field("follow_ups"),
        field("least"),
        field("most"),
        field("answered"),
        share * 1e4 / field("syncs").parse::<f64>().unwrap_or(f64::NAN),
        waits.get(waits.len() / 2).copied().unwrap_or(f64::NAN),
        waits.last().copied().unwrap_or(f64::NAN),
    ))
}
