//! Debian's linuxptp and our daemons synchronise each other: three transports, two delay mechanisms, both ways round.
//!
//! Their clock is this machine's CLOCK_REALTIME, which nobody touches (`free_running`). Ours is a virtual clock, so that
//! the true offset is known: what either side reports is held against it.

use std::path::Path;
use std::time::{Duration, Instant};

use hil_tests::lab::{
    AGREEMENT_NS, Capture, Host, Instance, LINUXPTP, Lab, LabError, Need, PATIENCE, Ptp4l, PtpdOptions,
    TAI_MINUS_UTC_NS, TSHARK, ahead_of_realtime, clock_of as clock, clock_path, examine, expect, experiment,
    field, our_program, their_pmc, wait_for_agreement,
};
use ptp_wire::TimeInterval;

fn needs() -> Vec<Need> {
    [LINUXPTP, TSHARK].concat()
}

/// One of the three transports and one of the two mechanisms, as both sides write them.
#[derive(Clone, Copy)]
struct Way {
    transport: &'static str,
    delay: &'static str,
    theirs: [&'static str; 2],
}

impl Way {
    fn ours(self, interfaces: &[&str], host: &Host) -> PtpdOptions {
        let mut options = PtpdOptions::new(interfaces).on_virtual_clock(Path::new(&clock_path(host)));
        options.transport = self.transport;
        options.delay_mechanism = self.delay;
        options
    }

    fn theirs(self, more: &[&'static str]) -> Vec<&'static str> {
        [&self.theirs, more].concat()
    }

    /// messageTypes of a master (Announce, Sync, Follow_Up), and of the path measurement on either side.
    fn master_types(self) -> Vec<usize> {
        let answers: &[usize] = if self.delay == "p2p" { &[0x2, 0x3, 0xa] } else { &[0x9] };
        [&[0xb, 0x0, 0x8], answers].concat()
    }

    fn client_types(self) -> Vec<usize> {
        if self.delay == "p2p" { vec![0x2, 0x3, 0xa] } else { vec![0x1] }
    }
}

/// Two links side by side: our grandmaster with their client, and their grandmaster with our client.
fn both_ways_round(lab: &mut Lab, way: Way) -> Result<(), LabError> {
    let ptpd = our_program("ptpd")?;
    let (our_gm, their_client) = (lab.host("our-gm")?, lab.host("their-client")?);
    lab.link((&our_gm, "eth0"), (&their_client, "eth0"))?;
    let (their_gm, our_client) = (lab.host("their-gm")?, lab.host("our-client")?);
    lab.link((&their_gm, "eth0"), (&our_client, "eth0"))?;
    let captures =
        [Capture::start(&our_gm, "eth0", lab.dir())?, Capture::start(&our_client, "eth0", lab.dir())?];

    // Our grandmaster announces the PTP timescale, so its clock keeps TAI; their client takes the announced 37 s off.
    let mut gm_clock = clock(&our_gm, 37_000 + 250, 20.0)?;
    let mut client_clock = clock(&our_client, -400, -35.0)?;
    let mut options = way.ours(&["eth0"], &our_gm);
    options.priority1 = 10;
    let mut gm = Instance::start(&our_gm, &ptpd, &options)?;
    let mut measuring = Ptp4l::start(&their_client, &["eth0"], &way.theirs(&["--slaveOnly=1"]))?;
    let _serving = Ptp4l::start(&their_gm, &["eth0"], &way.theirs(&["--priority1=10"]))?;
    let mut options = way.ours(&["eth0"], &our_client);
    options.client_only = true;
    let mut client = Instance::start(&our_client, &ptpd, &options)?;

    // Our grandmaster, their client: what it reports is the truth.
    gm.wait_until("our grandmaster to be MASTER", PATIENCE, |look| look.state() == Some("MASTER"))?;
    measuring.wait_for_state(1, "UNCALIBRATED", PATIENCE)?;
    let before = measuring.measured().len();
    let measured = measuring.wait_for_measured(before + 5, PATIENCE)?;
    // Its clock minus ours; ours gains 20 ppm, which over the last second is 20 us.
    let truth = TAI_MINUS_UTC_NS - ahead_of_realtime(&mut gm_clock)?;
    let last = measured.last().copied().ok_or_else(|| LabError::Wrong("it measured nothing".to_owned()))?;
    println!("their client reports {} ns, the truth is {truth:.0} ns", last.master_offset);
    expect((last.master_offset as f64 - truth).abs() < AGREEMENT_NS, || {
        format!("their client reports {last:?}, the truth is {truth:.0} ns")
    })?;
    expect((0..1_000_000).contains(&last.path_delay), || format!("a path of {} ns", last.path_delay))?;

    // Their grandmaster, our client: it comes to agree, and what it believes of itself is the truth.
    let slave =
        client.wait_until("our client to be SLAVE", PATIENCE, |look| look.state() == Some("SLAVE"))?;
    expect(slave.grandmaster != slave.identity, || format!("it is its own grandmaster: {slave:?}"))?;
    wait_for_agreement(&mut client_clock, "our client")?;
    let look = client.wait_until("an offset", PATIENCE, |look| look.offset_from_master.is_some())?;
    let believed = look.offset_from_master.map_or(f64::NAN, |v| TimeInterval(v).nanos_f64());
    expect(believed.abs() < AGREEMENT_NS, || format!("it believes to be {believed} ns off"))?;

    for instance in [&mut gm, &mut client] {
        let status = instance.process.stop(Duration::from_secs(10))?;
        expect(status.success(), || format!("{} ended with {status}", instance.process.label()))?;
    }
    let [of_gm, of_client] = captures;
    examine(of_gm, &our_gm, "eth0", &way.master_types())?;
    examine(of_client, &our_client, "eth0", &way.client_types())
}

/// Their grandmaster, our boundary clock, their client.
fn our_boundary_clock_between_theirs(lab: &mut Lab, way: Way) -> Result<(), LabError> {
    let ptpd = our_program("ptpd")?;
    let (their_gm, our_bc, their_client) =
        (lab.host("their-gm")?, lab.host("our-bc")?, lab.host("their-client")?);
    lab.link((&their_gm, "eth0"), (&our_bc, "eth0"))?;
    lab.link((&our_bc, "eth1"), (&their_client, "eth0"))?;
    let captures = [Capture::start(&our_bc, "eth0", lab.dir())?, Capture::start(&our_bc, "eth1", lab.dir())?];
    let mut bc_clock = clock(&our_bc, 700, 12.0)?;
    let gm = Ptp4l::start(&their_gm, &["eth0"], &way.theirs(&["--priority1=10"]))?;
    let mut bc = Instance::start(&our_bc, &ptpd, &way.ours(&["eth0", "eth1"], &our_bc))?;
    let mut client = Ptp4l::start(&their_client, &["eth0"], &way.theirs(&["--slaveOnly=1"]))?;

    bc.wait_until("a SLAVE port and a MASTER port", PATIENCE, |look| {
        look.ports.get(&1) == Some(&"SLAVE") && look.ports.get(&2) == Some(&"MASTER")
    })?;
    wait_for_agreement(&mut bc_clock, "our boundary clock")?;

    // The client behind it sees their grandmaster, two steps away, and its time.
    client.wait_for_state(1, "UNCALIBRATED", PATIENCE)?;
    let start = Instant::now();
    loop {
        let seen = their_pmc(&client.uds, &["GET PARENT_DATA_SET", "GET CURRENT_DATA_SET"])?;
        let top = their_pmc(&gm.uds, &["GET DEFAULT_DATA_SET"])?;
        let identity = field(&top, "clockIdentity").unwrap_or("nobody").to_owned();
        if field(&seen, "grandmasterIdentity") == Some(&identity) && field(&seen, "stepsRemoved") == Some("2")
        {
            break;
        }
        if start.elapsed() > PATIENCE {
            return Err(LabError::Wrong(format!("the client never saw {identity}, two steps away:\n{seen}")));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let before = client.measured().len();
    let measured = client.wait_for_measured(before + 4, PATIENCE)?;
    let best = measured.iter().skip(before).map(|m| m.master_offset.abs()).min().unwrap_or(i64::MAX);
    println!("behind our boundary clock their client is {best} ns from the truth");
    expect((best as f64) < AGREEMENT_NS, || format!("behind our boundary clock they differ by {best} ns"))?;

    let status = bc.process.stop(Duration::from_secs(10))?;
    expect(status.success(), || format!("our boundary clock ended with {status}"))?;
    let [below, above] = captures;
    examine(below, &our_bc, "eth0", &way.client_types())?;
    examine(above, &our_bc, "eth1", &way.master_types())
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
    udp4_e2e: both_ways_round, "udp4", "e2e", ["-4", "-E"];
    udp4_p2p: both_ways_round, "udp4", "p2p", ["-4", "-P"];
    udp6_e2e: both_ways_round, "udp6", "e2e", ["-6", "-E"];
    udp6_p2p: both_ways_round, "udp6", "p2p", ["-6", "-P"];
    ethernet_e2e: both_ways_round, "ethernet", "e2e", ["-2", "-E"];
    ethernet_p2p: both_ways_round, "ethernet", "p2p", ["-2", "-P"];
    boundary_udp4_e2e: our_boundary_clock_between_theirs, "udp4", "e2e", ["-4", "-E"];
    boundary_ethernet_p2p: our_boundary_clock_between_theirs, "ethernet", "p2p", ["-2", "-P"];
}
