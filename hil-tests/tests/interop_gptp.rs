//! IEEE 802.1AS with Debian's linuxptp over veth: ours as grandmaster, as client, and as relay between two of theirs.

use std::path::Path;
use std::time::Duration;

use hil_tests::lab::{
    AGREEMENT_NS, Capture, Host, Instance, LINUXPTP, LabError, Need, PATIENCE, Ptp4l, PtpdOptions,
    TAI_MINUS_UTC_NS, TSHARK, ahead_of_realtime, clock_of as clock, clock_path, examine, expect, experiment,
    our_program, wait_for_agreement,
};

fn needs() -> Vec<Need> {
    [LINUXPTP, TSHARK].concat()
}

const THEIRS: [&str; 11] = [
    "-2",
    "-P",
    "--transportSpecific=1",
    "--ptp_dst_mac=01:80:C2:00:00:0E",
    "--p2p_dst_mac=01:80:C2:00:00:0E",
    "--follow_up_info=1",
    "--path_trace_enabled=1",
    "--assume_two_step=1",
    "--neighborPropDelayThresh=20000000",
    "--syncReceiptTimeout=3",
    "--priority2=248",
];

fn theirs(more: &[&'static str]) -> Vec<&'static str> {
    [&THEIRS, more].concat()
}

/// Software stamps make long links.
const OURS: &str = "profile: gptp-2011\nneighbor_prop_delay_thresh: 20ms\n";
const OUR_RELAY: &str = "profile: gptp-2011\nneighbor_prop_delay_thresh: 20ms\nrelay: true\n";

fn ours(interfaces: &[&str], host: &Host, priority1: u8, more: &'static str) -> PtpdOptions {
    let mut options = PtpdOptions::new(interfaces).on_virtual_clock(Path::new(&clock_path(host)));
    options.transport = "ethernet";
    options.delay_mechanism = "p2p";
    options.log_min_delay_req_interval = -2;
    options.priority1 = priority1;
    options.more = more;
    options
}

/// What differs between its clock and the grandmaster's, as ptp4l reports it.
fn best_of(client: &mut Ptp4l, count: usize) -> Result<i64, LabError> {
    let before = client.measured().len();
    let measured = client.wait_for_measured(before + count, PATIENCE)?;
    let last = measured.iter().skip(before).min_by_key(|m| m.path_delay.abs());
    last.map(|m| m.master_offset).ok_or_else(|| LabError::Wrong("it measured nothing".to_owned()))
}

#[test]
fn grandmaster_and_client() {
    experiment("grandmaster_and_client", &needs(), |lab| {
        let ptpd = our_program("ptpd")?;
        let (our_gm, their_client) = (lab.host("our-gm")?, lab.host("their-client")?);
        lab.link((&our_gm, "eth0"), (&their_client, "eth0"))?;
        let (their_gm, our_client) = (lab.host("their-gm")?, lab.host("our-client")?);
        lab.link((&their_gm, "eth0"), (&our_client, "eth0"))?;
        let captures =
            [Capture::start(&our_gm, "eth0", lab.dir())?, Capture::start(&our_client, "eth0", lab.dir())?];
        let mut gm_clock = clock(&our_gm, 37_000 + 250, 20.0)?;
        let mut client_clock = clock(&our_client, -400, -35.0)?;
        let mut gm = Instance::start(&our_gm, &ptpd, &ours(&["eth0"], &our_gm, 10, OURS))?;
        let mut measuring = Ptp4l::start(&their_client, &["eth0"], &theirs(&["--priority1=250"]))?;
        let _serving = Ptp4l::start(&their_gm, &["eth0"], &theirs(&["--priority1=10"]))?;
        let mut client = Instance::start(&our_client, &ptpd, &ours(&["eth0"], &our_client, 250, OURS))?;

        gm.process.wait_for_line("our grandmaster to be MASTER", PATIENCE, |l| l.contains("to MASTER"))?;
        let reported = best_of(&mut measuring, 8)?;
        let truth = TAI_MINUS_UTC_NS - ahead_of_realtime(&mut gm_clock)?;
        println!("their client reports {reported} ns, the truth is {truth:.0} ns");
        expect((reported as f64 - truth).abs() < AGREEMENT_NS, || {
            format!("their client reports {reported}, the truth is {truth:.0} ns")
        })?;

        client.process.wait_for_line("our client to be SLAVE", PATIENCE, |l| l.contains("to SLAVE"))?;
        wait_for_agreement(&mut client_clock, "our client")?;
        for instance in [&mut gm, &mut client] {
            let status = instance.process.stop(Duration::from_secs(10))?;
            expect(status.success(), || format!("{} ended with {status}", instance.process.label()))?;
        }
        let [of_gm, of_client] = captures;
        examine(of_gm, &our_gm, "eth0", &[0xb, 0x0, 0x8, 0x2, 0x3, 0xa])?;
        examine(of_client, &our_client, "eth0", &[0x2, 0x3, 0xa])
    });
}

#[test]
fn relay_between_two_of_theirs() {
    experiment("relay_between_two_of_theirs", &needs(), |lab| {
        let ptpd = our_program("ptpd")?;
        let (their_gm, relay, their_client) =
            (lab.host("their-gm")?, lab.host("our-relay")?, lab.host("their-client")?);
        lab.link((&their_gm, "eth0"), (&relay, "eth0"))?;
        lab.link((&relay, "eth1"), (&their_client, "eth0"))?;
        let captures =
            [Capture::start(&relay, "eth0", lab.dir())?, Capture::start(&relay, "eth1", lab.dir())?];
        let mut relay_clock = clock(&relay, 700, 50.0)?;
        let _gm = Ptp4l::start(&their_gm, &["eth0"], &theirs(&["--priority1=10"]))?;
        let mut options = ours(&["eth0", "eth1"], &relay, 246, OUR_RELAY);
        options.log_announce_interval = -2;
        let mut bridge = Instance::start(&relay, &ptpd, &options)?;
        let mut client = Ptp4l::start(&their_client, &["eth0"], &theirs(&["--priority1=250"]))?;
        for state in ["(eth0): ", "(eth1): "] {
            bridge.process.wait_for_line(state, PATIENCE, |l| {
                l.contains(state) && (l.contains(" to SLAVE") || l.contains(" to MASTER"))
            })?;
        }
        wait_for_agreement(&mut relay_clock, "our relay")?;
        client.wait_for_state(1, "UNCALIBRATED", PATIENCE)?;
        let offset = best_of(&mut client, 8)?;
        println!("behind our relay their client is {offset} ns from the truth");
        expect((offset as f64).abs() < AGREEMENT_NS, || {
            format!("behind our relay they differ by {offset} ns")
        })?;
        let status = bridge.process.stop(Duration::from_secs(10))?;
        expect(status.success(), || format!("our relay ended with {status}"))?;
        let [below, above] = captures;
        examine(below, &relay, "eth0", &[0x2, 0x3, 0xa])?;
        examine(above, &relay, "eth1", &[0xb, 0x0, 0x8, 0x2, 0x3, 0xa])
    });
}
