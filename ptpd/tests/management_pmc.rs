//! Debian's pmc (linuxptp) asks our engine over a UNIX socket.

use std::collections::HashMap;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Clock};

use ptp_wire::{ClockIdentity, PortNumber};
use ptpd::engine::{Access, Engine, Input, InstanceConfig, Instant, Output, PortConfig};

/// All that pmc 3.1.1 can GET.
const GETS: [&str; 28] = [
    "USER_DESCRIPTION",
    "DEFAULT_DATA_SET",
    "CURRENT_DATA_SET",
    "PARENT_DATA_SET",
    "TIME_PROPERTIES_DATA_SET",
    "PRIORITY1",
    "PRIORITY2",
    "DOMAIN",
    "SLAVE_ONLY",
    "CLOCK_ACCURACY",
    "TRACEABILITY_PROPERTIES",
    "TIMESCALE_PROPERTIES",
    "TIME_STATUS_NP",
    "GRANDMASTER_SETTINGS_NP",
    "SUBSCRIBE_EVENTS_NP",
    "SYNCHRONIZATION_UNCERTAIN_NP",
    "NULL_MANAGEMENT",
    "CLOCK_DESCRIPTION",
    "PORT_DATA_SET",
    "LOG_ANNOUNCE_INTERVAL",
    "ANNOUNCE_RECEIPT_TIMEOUT",
    "LOG_SYNC_INTERVAL",
    "VERSION_NUMBER",
    "DELAY_MECHANISM",
    "LOG_MIN_PDELAY_REQ_INTERVAL",
    "PORT_DATA_SET_NP",
    "PORT_STATS_NP",
    "PORT_PROPERTIES_NP",
];

/// Serves `engine` on a socket until told to stop.
fn serve(mut engine: Engine, socket: UnixDatagram, stop: &AtomicBool) {
    let start = Clock::now();
    let mut peers: Vec<PathBuf> = Vec::new();
    let mut numbers: HashMap<PathBuf, u32> = HashMap::new();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut buf = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        let received = socket.recv_from(&mut buf);
        let now = Instant(start.elapsed().as_nanos() as u64);
        match &received {
            Ok((len, from)) => {
                let path = from.as_pathname().expect("pmc binds its socket").to_owned();
                let peer = *numbers.entry(path.clone()).or_insert_with(|| {
                    peers.push(path);
                    peers.len() as u32 - 1
                });
                let access = Access::ReadWrite;
                engine.handle(now, Input::LocalManagement { octets: &buf[..*len], access, peer });
            }
            Err(_) => engine.handle(now, Input::Tick),
        }
        while let Some(output) = engine.poll() {
            if let Output::LocalReply { peer, octets } = output {
                // pmc may have ended meanwhile.
                let _ = socket.send_to(octets, &peers[peer as usize]);
            }
        }
    }
}

/// Runs Debian's pmc against an engine; `None`: there is no pmc here.
fn pmc(commands: &[String]) -> Option<String> {
    if !Path::new("/usr/sbin/pmc").exists() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "linuxptp is missing");
        eprintln!("skipped: needs linuxptp's pmc");
        return None;
    }
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("escapement-pmc-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let server = dir.join("ptpd");
    let socket = UnixDatagram::bind(&server).unwrap();
    let mut config = InstanceConfig::new(
        ClockIdentity::from_mac([2, 0, 0, 0, 0, 1]),
        vec![PortConfig::new("eth0"), PortConfig::new("eth1")],
    );
    config.priority1 = 77;
    let mut engine = Engine::new(config, 1, Instant(0));
    engine.handle(Instant(0), Input::PortUp { port: PortNumber(1) });
    let stop = AtomicBool::new(false);
    let output = std::thread::scope(|scope| {
        scope.spawn(|| serve(engine, socket, &stop));
        let output = Command::new("/usr/sbin/pmc")
            .args(["-u", "-b", "0", "-s"])
            .arg(&server)
            .arg("-i")
            .arg(dir.join("pmc"))
            .args(commands)
            .output();
        stop.store(true, Ordering::Relaxed);
        output
    });
    let _ = std::fs::remove_dir_all(&dir);
    Some(String::from_utf8(output.unwrap().stdout).unwrap())
}

/// pmc ends after 100 ms of silence, and a machine under load can make an answer wait for longer: two more tries.
fn patiently(test: fn()) {
    for _ in 0..2 {
        if std::panic::catch_unwind(test).is_ok() {
            return;
        }
    }
    test();
}

#[test]
fn debians_pmc_gets_everything_it_can_ask_for() {
    patiently(try_debians_pmc_gets_everything_it_can_ask_for);
}

fn try_debians_pmc_gets_everything_it_can_ask_for() {
    let commands: Vec<_> = GETS.iter().map(|id| format!("GET {id}")).collect();
    let Some(out) = pmc(&commands) else { return };
    assert!(!out.contains("MANAGEMENT_ERROR_STATUS"), "{out}");
    for id in GETS.iter().filter(|id| **id != "NULL_MANAGEMENT") {
        assert!(out.contains(&format!("RESPONSE MANAGEMENT {id} \n\t\t")), "{id} is missing in\n{out}");
    }
    for line in [
        "\t020000.fffe.000001-0 seq 1 RESPONSE MANAGEMENT DEFAULT_DATA_SET ",
        "\t\tnumberPorts             2",
        "\t\tpriority1 77",
        "\t020000.fffe.000001-1 seq 16 RESPONSE MANAGEMENT ",
        "\t020000.fffe.000001-2 seq 16 RESPONSE MANAGEMENT ",
        "\t\tphysicalLayerProtocol IEEE 802.3",
        "\t\tportState               LISTENING",
        "\t\tportState               INITIALIZING",
        "\t\ttimestamping            SOFTWARE",
        "\t\tinterface               eth1",
        "\t\tgmPresent                  false",
    ] {
        assert!(out.lines().any(|l| l == line), "{line:?} is missing in\n{out}");
    }
}

#[test]
fn debians_pmc_sets_what_it_can_set() {
    patiently(try_debians_pmc_sets_what_it_can_set);
}

fn try_debians_pmc_sets_what_it_can_set() {
    let settings = "SET GRANDMASTER_SETTINGS_NP clockClass 6 clockAccuracy 0x21 offsetScaledLogVariance 0x4e5d \
        currentUtcOffset 37 leap61 0 leap59 0 currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1 \
        frequencyTraceable 1 timeSource 0x20";
    let subscribe = "SET SUBSCRIBE_EVENTS_NP duration 30 NOTIFY_PORT_STATE on";
    let commands = ["SET PRIORITY1 9", "SET PRIORITY2 8", settings, subscribe, "GET PARENT_DATA_SET"];
    let Some(out) = pmc(&commands.map(String::from)) else { return };
    assert!(!out.contains("MANAGEMENT_ERROR_STATUS"), "{out}");
    for line in [
        "\t\tpriority1 9",
        "\t\tpriority2 8",
        "\t\ttimeSource              0x20",
        "\t\tNOTIFY_PORT_STATE on",
        "\t\tgrandmasterPriority1                  9",
        "\t\tgm.ClockClass                         6",
    ] {
        assert!(out.lines().any(|l| l == line), "{line:?} is missing in\n{out}");
    }
}
