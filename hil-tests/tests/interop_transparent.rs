//! Our transparent clock between Debian's linuxptp and between our own daemons. Its port towards the client is a narrow
//! one with other traffic on it: messages wait there for milliseconds, and what the client sees of that is what our
//! clock did not correct.

use std::path::Path;
use std::time::{Duration, Instant};

use hil_tests::lab::{
    Capture, Dissection, Host, Instance, LINUXPTP, Lab, LabError, Need, PATIENCE, Process, Ptp4l,
    PtpdOptions, TSHARK, expect, experiment, mac_of, our_program, run_command, their_pmc,
};
use ptp_clock::{Clock, VirtualClock, VirtualOptions};
use ptp_wire::TimeInterval;

/// Messages wait at least this long now and then, or the experiment shows nothing.
const WAITING_NS: f64 = 1_000_000.0;
/// What may be left of it: the noise of software stamps on a busy machine.
const LEFT_NS: f64 = 250_000.0;

fn needs() -> Vec<Need> {
    [LINUXPTP, TSHARK, &[("tc", "iproute2"), ("bash", "bash")]].concat()
}

/// One of the three transports and one of the two mechanisms, as both sides write them.
#[derive(Clone, Copy)]
struct Way {
    transport: &'static str,
    delay: &'static str,
    theirs: [&'static str; 2],
}

impl Way {
    fn transparent(self, interfaces: &[&str]) -> PtpdOptions {
        let mut options = PtpdOptions::new(interfaces);
        options.clock = if self.delay == "p2p" { "transparent-p2p" } else { "transparent-e2e" };
        options.transport = self.transport;
        options.delay_mechanism = self.delay;
        options
    }

    fn theirs(self, more: &[&'static str]) -> Vec<&'static str> {
        [&self.theirs, more].concat()
    }
}

/// Narrows an interface to 1.5 Mbit/s and sends six datagrams of 1200 octets at a time, which takes 30 ms of each 40. They go
/// to nobody on the link's network `10.0.n.0/24`.
fn crowd(host: &Host, interface: &str, network: usize) -> Result<Process, LabError> {
    let towards = format!("10.0.{network}.99");
    let nobody = ["neigh", "add", &towards, "lladdr", "02:00:00:00:00:77", "dev", interface];
    host.run("ip", "iproute2", &nobody)?;
    let shape =
        ["qdisc", "add", "dev", interface, "root", "tbf", "rate", "1500kbit", "burst", "1600", "latency"];
    host.run("tc", "iproute2", &[&shape[..], &["200ms"]].concat())?;
    let script = format!(
        "exec 3>/dev/udp/{towards}/9; while :; do for i in 1 2 3 4 5 6; do printf '%01200d' 0 >&3; done; sleep 0.04; done"
    );
    host.start("crowd", Path::new("/bin/bash"), ["-c", &script])
}

/// Corrections in ns of all messages of a type in a capture.
fn corrections(file: &Path, message_type: u8) -> Result<Vec<f64>, LabError> {
    let filter = format!("ptp.v2.messagetype == {message_type}");
    let file = file.to_string_lossy();
    let output = std::process::Command::new("tshark")
        .args(["-n", "-r", &file, "-Y", &filter, "-T", "fields", "-e", "ptp.v2.correction.ns"])
        .output()
        .map_err(|e| LabError::Wrong(format!("tshark: {e}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|l| l.trim().parse().ok()).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What left by `interface` is dissected without a complaint; residence as it was told in messages of `message_type`.
fn examine(capture: Capture, message_type: u8) -> Result<Vec<f64>, LabError> {
    let file = capture.stop()?;
    let seen = Dissection::read(&file, None)?;
    expect(seen.complaints.is_empty(), || format!("tshark on {}: {:#?}", file.display(), seen.complaints))?;
    let corrections = corrections(&file, message_type)?;
    expect(!corrections.is_empty(), || format!("nothing of messageType {message_type}: {:?}", seen.by_type))?;
    Ok(corrections)
}

/// Their client's last measurements: all clocks are the machine's, so the truth is zero.
fn judge(client: &mut Ptp4l, count: usize) -> Result<(), LabError> {
    let before = client.measured().len();
    let measured = client.wait_for_measured(before + count, PATIENCE)?;
    let last = &measured[before..];
    let offset = median(last.iter().map(|m| m.master_offset.abs() as f64).collect());
    let delay = median(last.iter().map(|m| m.path_delay as f64).collect());
    println!("their client: median offset {offset:.0} ns, path delay {delay:.0} ns, of {}", last.len());
    expect(offset < LEFT_NS, || format!("a median offset of {offset} ns: {last:?}"))?;
    expect(delay.abs() < LEFT_NS, || format!("a median path delay of {delay} ns: {last:?}"))
}

/// Their grandmaster, so many of our transparent clocks in a row, their client.
fn between_theirs(lab: &mut Lab, way: Way, clocks: usize, domain: u8) -> Result<(), LabError> {
    let ptpd = our_program("ptpd")?;
    let gm_host = lab.host("gm")?;
    let mut last = (gm_host.clone(), "eth0");
    let mut middle = Vec::new();
    for n in 1..=clocks {
        let host = lab.host(&format!("tc{n}"))?;
        lab.link((&last.0, last.1), (&host, "eth0"))?;
        last = (host.clone(), "eth1");
        middle.push(host);
    }
    let client_host = lab.host("client")?;
    lab.link((&last.0, last.1), (&client_host, "eth0"))?;
    let capture = Capture::start(&client_host, "eth0", lab.dir())?;
    let _crowd = crowd(&last.0, "eth1", clocks + 1)?;

    let in_domain = format!("--domainNumber={domain}");
    let options = [&way.theirs(&["--priority1=10"])[..], &[&in_domain]].concat();
    let _gm = Ptp4l::start(&gm_host, &["eth0"], &options)?;
    let mut instances = Vec::new();
    for host in &middle {
        instances.push(Instance::start(host, &ptpd, &way.transparent(&["eth0", "eth1"]))?);
    }
    let options = [&way.theirs(&["--slaveOnly=1"])[..], &[&in_domain]].concat();
    let mut client = Ptp4l::start(&client_host, &["eth0"], &options)?;
    client.wait_for_state(1, "UNCALIBRATED", PATIENCE)?;
    client.wait_for_measured(4, PATIENCE)?;
    judge(&mut client, 12)?;

    // Their pmc beside their client hears all clocks: the transparent ones, and through them the grandmaster.
    let ask = [&way.theirs[..1], &["-b", "9", "-i", "eth0", "GET DEFAULT_DATA_SET"]].concat();
    let start = Instant::now();
    loop {
        let heard = client_host.run("pmc", "linuxptp", &ask)?;
        let answers = heard.matches("RESPONSE MANAGEMENT DEFAULT_DATA_SET").count();
        // In another domain nobody is asked.
        if answers == clocks + 1 || domain != 0 {
            break;
        }
        expect(start.elapsed() < PATIENCE, || format!("{answers} answers of {}:\n{heard}", clocks + 1))?;
    }
    // Each is managed like any other clock.
    let pmc = our_program("pmc")?;
    for instance in &mut instances {
        let look = instance.wait_until("two ports", PATIENCE, |look| look.ports.len() == 2)?;
        expect(look.ports.values().all(|s| *s == "LISTENING"), || format!("{look:?}"))?;
        let own =
            their_pmc(&instance.socket.to_string_lossy(), &["GET CLOCK_DESCRIPTION", "GET PORT_DATA_SET"])?;
        let kind = if way.delay == "p2p" { "0x2000" } else { "0x1000" };
        expect(own.contains(kind), || own.clone())?;
        let socket = instance.socket.to_string_lossy();
        let ask = [
            "-u",
            "-b",
            "0",
            "-s",
            &socket,
            "GET TRANSPARENT_CLOCK_DEFAULT_DATA_SET",
            "GET TRANSPARENT_CLOCK_PORT_DATA_SET",
        ];
        let own = run_command(&pmc.to_string_lossy(), &ask)?;
        let answers = own.matches("RESPONSE").count();
        expect(answers == 3, || format!("{answers} answers of one clock and two ports:\n{own}"))?;
        let status = instance.process.stop(Duration::from_secs(10))?;
        expect(status.success(), || format!("{} ended with {status}", instance.process.label()))?;
    }
    let told = examine(capture, 0x8)?;
    let (most, typical) = (told.iter().copied().fold(0.0, f64::max), median(told));
    println!("residence as told: median {typical:.0} ns, most {most:.0} ns");
    expect(most > WAITING_NS, || format!("nobody waited: at most {most} ns"))
}

fn through_one(lab: &mut Lab, way: Way) -> Result<(), LabError> {
    between_theirs(lab, way, 1, 0)
}

/// They are in another domain than our clock is.
fn other_domain(lab: &mut Lab, way: Way) -> Result<(), LabError> {
    between_theirs(lab, way, 1, 5)
}

fn through_three(lab: &mut Lab, way: Way) -> Result<(), LabError> {
    between_theirs(lab, way, 3, 0)
}

/// Unicast by negotiation, straight through: the client knows the grandmaster by its address.
fn unicast(lab: &mut Lab, way: Way) -> Result<(), LabError> {
    let ptpd = our_program("ptpd")?;
    let (gm_host, tc_host, client_host) = (lab.host("gm")?, lab.host("tc")?, lab.host("client")?);
    lab.link((&gm_host, "eth0"), (&tc_host, "eth0"))?;
    lab.link((&tc_host, "eth1"), (&client_host, "eth0"))?;
    // One network for both; nobody passes ARP on here.
    for (host, own, other, peer) in
        [(&gm_host, "10.9.0.1", "10.9.0.2", &client_host), (&client_host, "10.9.0.2", "10.9.0.1", &gm_host)]
    {
        host.run("ip", "iproute2", &["address", "flush", "dev", "eth0"])?;
        host.run("ip", "iproute2", &["address", "add", &format!("{own}/24"), "dev", "eth0"])?;
        let mac = mac_of(peer, "eth0")?;
        host.run("ip", "iproute2", &["neigh", "add", other, "lladdr", &mac, "dev", "eth0"])?;
    }
    let capture = Capture::start(&client_host, "eth0", lab.dir())?;
    let _crowd = crowd(&tc_host, "eth1", 2)?;
    let table = lab.dir().join("client.cfg");
    let (transport, address) = match way.transport {
        "ethernet" => ("L2", mac_of(&gm_host, "eth0")?),
        _ => ("UDPv4", "10.9.0.1".to_owned()),
    };
    let text = format!(
        "[global]\nnetwork_transport {transport}\n[unicast_master_table]\ntable_id 1\nlogQueryInterval 0\n\
         {transport} {address}\n[eth0]\nunicast_master_table 1\n"
    );
    std::fs::write(&table, text).map_err(|e| LabError::Wrong(e.to_string()))?;
    let _gm = Ptp4l::start(&gm_host, &["eth0"], &way.theirs(&["--priority1=10", "--unicast_listen=1"]))?;
    let mut clock = Instance::start(&tc_host, &ptpd, &way.transparent(&["eth0", "eth1"]))?;
    let table = table.to_string_lossy();
    let mut client = Ptp4l::start(&client_host, &[], &["-f", &table, "--slaveOnly=1"])?;
    client.wait_for_state(1, "UNCALIBRATED", PATIENCE)?;
    client.wait_for_measured(4, PATIENCE)?;
    judge(&mut client, 12)?;
    let status = clock.process.stop(Duration::from_secs(10))?;
    expect(status.success(), || format!("our clock ended with {status}"))?;
    let told = examine(capture, 0x8)?;
    let most = told.iter().copied().fold(0.0, f64::max);
    println!("residence of unicast Syncs: at most {most:.0} ns");
    expect(most > WAITING_NS, || format!("nobody waited: at most {most} ns"))
}

fn virtual_clock(host: &Host, ms: i64, ppm: f64) -> Result<(VirtualClock, String), LabError> {
    let options = VirtualOptions {
        offset: TimeInterval::from_nanos(ms * 1_000_000),
        frequency_error_ppb: ppm * 1e3,
        ..VirtualOptions::default()
    };
    let path = format!("/run/clock-{}", host.name());
    let clock = VirtualClock::create(&path, &options).map_err(|e| LabError::Wrong(e.to_string()))?;
    Ok((clock, path))
}

/// Our grandmaster, our transparent clock on a clock that is 80 ppm fast, our client: the client comes to agree.
fn between_ours(lab: &mut Lab, way: Way) -> Result<(), LabError> {
    let ptpd = our_program("ptpd")?;
    let (gm_host, tc_host, client_host) = (lab.host("gm")?, lab.host("tc")?, lab.host("client")?);
    lab.link((&gm_host, "eth0"), (&tc_host, "eth0"))?;
    lab.link((&tc_host, "eth1"), (&client_host, "eth0"))?;
    let _crowd = crowd(&tc_host, "eth1", 2)?;
    let (mut gm_clock, gm_path) = virtual_clock(&gm_host, 400, 0.0)?;
    let (_, tc_path) = virtual_clock(&tc_host, -7_000, 80.0)?;
    let (mut client_clock, client_path) = virtual_clock(&client_host, -300, 25.0)?;
    let ordinary = |path: &str| {
        let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new(path));
        options.transport = way.transport;
        options.delay_mechanism = way.delay;
        options
    };
    let mut gm = Instance::start(&gm_host, &ptpd, &PtpdOptions { priority1: 10, ..ordinary(&gm_path) })?;
    let transparent = way.transparent(&["eth0", "eth1"]).on_virtual_clock(Path::new(&tc_path));
    let mut clock = Instance::start(&tc_host, &ptpd, &transparent)?;
    let options = PtpdOptions { client_only: true, ..ordinary(&client_path) };
    let mut client = Instance::start(&client_host, &ptpd, &options)?;
    client.wait_until("our client to be SLAVE", PATIENCE, |look| look.state() == Some("SLAVE"))?;
    let start = Instant::now();
    let mut in_a_row = 0;
    while in_a_row < 20 {
        let stamps = [&mut gm_clock, &mut client_clock].map(|c| Clock::cross_stamp(c, 9));
        let [Ok(gm), Ok(client)] = stamps else { return Err(LabError::Wrong("a clock is gone".into())) };
        let off = ((client.device - client.system) - (gm.device - gm.system)).nanos_f64();
        in_a_row = if off.abs() < LEFT_NS { in_a_row + 1 } else { 0 };
        expect(start.elapsed() < PATIENCE, || format!("still {off:.0} ns off"))?;
        std::thread::sleep(Duration::from_millis(100));
    }
    for instance in [&mut gm, &mut clock, &mut client] {
        let status = instance.process.stop(Duration::from_secs(10))?;
        expect(status.success(), || format!("{} ended with {status}", instance.process.label()))?;
    }
    Ok(())
}

macro_rules! ways {
    ($($name:ident: $body:ident, $transport:literal, $delay:literal, $theirs:expr;)*) => {$(
        #[test]
        fn $name() {
            let way = Way { transport: $transport, delay: $delay, theirs: $theirs };
            experiment(stringify!($name), &needs(), |lab| $body(lab, way));
        }
    )*};
}

ways! {
    udp4_e2e: through_one, "udp4", "e2e", ["-4", "-E"];
    udp4_p2p: through_one, "udp4", "p2p", ["-4", "-P"];
    udp4_e2e_other_domain: other_domain, "udp4", "e2e", ["-4", "-E"];
    udp6_e2e: through_one, "udp6", "e2e", ["-6", "-E"];
    ethernet_e2e: through_one, "ethernet", "e2e", ["-2", "-E"];
    ethernet_p2p_chain: through_three, "ethernet", "p2p", ["-2", "-P"];
    udp4_e2e_chain: through_three, "udp4", "e2e", ["-4", "-E"];
    udp4_unicast: unicast, "udp4", "e2e", ["-4", "-E"];
    ethernet_unicast: unicast, "ethernet", "e2e", ["-2", "-E"];
    ours_udp4_e2e: between_ours, "udp4", "e2e", ["-4", "-E"];
    ours_ethernet_p2p: between_ours, "ethernet", "p2p", ["-2", "-P"];
}
