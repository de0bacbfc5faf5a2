//! Unicast negotiation with Debian's linuxptp: our client of their server, their client of ours, over three transports.
//!
//! Their clock is this machine's CLOCK_REALTIME, which nobody touches (`free_running`). Ours is a virtual clock, so that
//! the true offset is known.

use std::path::Path;
use std::time::{Duration, Instant};

use hil_tests::lab::{
    AGREEMENT_NS, Capture, Host, Instance, LINUXPTP, Lab, LabError, Need, PATIENCE, Ptp4l, PtpdOptions,
    TAI_MINUS_UTC_NS, TSHARK, ahead_of_realtime, clock_of as clock, examine, expect, experiment, our_program,
};

fn needs() -> Vec<Need> {
    [LINUXPTP, TSHARK].concat()
}

/// A transport, as both sides write it.
#[derive(Clone, Copy)]
struct Way {
    ours: &'static str,
    theirs: &'static str,
    /// The word of their unicast table.
    table: &'static str,
}

const UDP4: Way = Way { ours: "udp4", theirs: "-4", table: "UDPv4" };
const UDP6: Way = Way { ours: "udp6", theirs: "-6", table: "UDPv6" };
const ETHERNET: Way = Way { ours: "ethernet", theirs: "-2", table: "L2" };

impl Way {
    fn options(self, host: &Host) -> PtpdOptions {
        let clock = format!("/run/clock-{}", host.name());
        let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new(&clock));
        options.transport = self.ours;
        options
    }

    /// Gives `host` an address of this transport that its neighbour can be told.
    fn address(self, host: &Host, ipv6: &str) -> Result<String, LabError> {
        let line = host.run("ip", "iproute2", &["-o", "-4", "address", "show", "dev", "eth0"])?;
        let found = match self.ours {
            "udp4" => line.split("inet ").nth(1).and_then(|rest| rest.split('/').next()).map(str::to_owned),
            "udp6" => {
                let with_prefix = format!("{ipv6}/64");
                host.run("ip", "iproute2", &["address", "add", &with_prefix, "dev", "eth0", "nodad"])?;
                Some(ipv6.to_owned())
            }
            _ => {
                let line = host.run("ip", "iproute2", &["-o", "link", "show", "dev", "eth0"])?;
                line.split("link/ether ")
                    .nth(1)
                    .and_then(|rest| rest.split_whitespace().next())
                    .map(str::to_owned)
            }
        };
        found.ok_or_else(|| LabError::Wrong(format!("{} has no address", host.name())))
    }
}

fn our_server_their_client(lab: &mut Lab, way: Way) -> Result<(), LabError> {
    let ptpd = our_program("ptpd")?;
    let (server, client) = (lab.host("our-server")?, lab.host("their-client")?);
    lab.link((&server, "eth0"), (&client, "eth0"))?;
    let (at, _) = (way.address(&server, "fd00::1")?, way.address(&client, "fd00::2")?);
    let capture = Capture::start(&server, "eth0", lab.dir())?;
    let mut server_clock = clock(&server, 37_000 + 250, 20.0)?;
    let mut options = way.options(&server);
    options.priority1 = 10;
    options.port_extra =
        ["master_only: true", "unicast_server: true", "multicast: false"].map(str::to_owned).to_vec();
    // More than one message a second to each client: with `unicast_direct` the first of them goes the ordinary way.
    let mut rate = "";
    if way.ours == "udp4" {
        options.port_extra.push("unicast_direct: true".to_owned());
        rate = "logSyncInterval -4\nsummary_interval -4\n";
    }
    let mut ours = Instance::start(&server, &ptpd, &options)?;

    let file = lab.dir().join("client.cfg");
    let table = format!(
        "[global]\nunicast_req_duration 10\n{rate}[unicast_master_table]\ntable_id 1\nlogQueryInterval 0\n{} {at}\n\
         [eth0]\nunicast_master_table 1\n",
        way.table
    );
    std::fs::write(&file, table).map_err(LabError::io("write the table".to_owned()))?;
    let file = file.to_string_lossy().into_owned();
    let mut theirs = Ptp4l::start(&client, &["eth0"], &[way.theirs, "-E", "--slaveOnly=1", "-f", &file])?;
    theirs.wait_for_state(1, "UNCALIBRATED", PATIENCE)?;
    let measured = theirs.wait_for_measured(5, PATIENCE)?;
    let truth = TAI_MINUS_UTC_NS - ahead_of_realtime(&mut server_clock)?;
    let last = measured.last().copied().ok_or_else(|| LabError::Wrong("it measured nothing".to_owned()))?;
    println!("their client reports {} ns, the truth is {truth:.0} ns", last.master_offset);
    expect((last.master_offset as f64 - truth).abs() < AGREEMENT_NS, || {
        format!("their client reports {last:?}, the truth is {truth:.0} ns")
    })?;
    // The grants of 10 s run out twice while we look; every one is renewed in time.
    std::thread::sleep(Duration::from_secs(16));
    let late = theirs.measured().len();
    theirs.wait_for_measured(late + 16, PATIENCE)?;
    let log = theirs.process.log();
    expect(!log.contains("ANNOUNCE_RECEIPT_TIMEOUT"), || "their client lost our server".to_owned())?;
    let status = ours.process.stop(Duration::from_secs(10))?;
    expect(status.success(), || format!("our server ended with {status}"))?;
    // Announce, Sync, Follow_Up, Delay_Resp, Signaling.
    examine(capture, &server, "eth0", &[0xb, 0x0, 0x8, 0x9, 0xc])
}

fn their_server_our_client(lab: &mut Lab, way: Way) -> Result<(), LabError> {
    let ptpd = our_program("ptpd")?;
    let (server, client) = (lab.host("their-server")?, lab.host("our-client")?);
    lab.link((&server, "eth0"), (&client, "eth0"))?;
    let (at, _) = (way.address(&server, "fd00::1")?, way.address(&client, "fd00::2")?);
    let capture = Capture::start(&client, "eth0", lab.dir())?;
    let mut client_clock = clock(&client, -400, -35.0)?;
    let mut theirs = Ptp4l::start(
        &server,
        &["eth0"],
        &[way.theirs, "-E", "--priority1=10", "--unicast_listen=1", "--inhibit_multicast_service=1"],
    )?;
    theirs.wait_for_state(1, "MASTER", PATIENCE)?;
    let mut options = way.options(&client);
    options.client_only = true;
    options.port_extra =
        vec![format!("unicast_masters: [\"{at}\"]"), "unicast_request_duration: 10s".to_owned()];
    let mut ours = Instance::start(&client, &ptpd, &options)?;
    ours.wait_until("our client to be SLAVE", PATIENCE, |look| look.state() == Some("SLAVE"))?;
    let start = Instant::now();
    let mut in_a_row = 0;
    while in_a_row < 10 {
        let off = ahead_of_realtime(&mut client_clock)?;
        in_a_row = if off.abs() < AGREEMENT_NS { in_a_row + 1 } else { 0 };
        expect(start.elapsed() < PATIENCE, || format!("our client is {off:.0} ns off"))?;
        std::thread::sleep(Duration::from_millis(100));
    }
    // Renewal, again and again: it stays SLAVE.
    for _ in 0..16 {
        std::thread::sleep(Duration::from_secs(1));
        ours.wait_until("our client to stay SLAVE", Duration::from_secs(1), |look| {
            look.state() == Some("SLAVE")
        })?;
    }
    println!("our client: true offset {:.0} ns", ahead_of_realtime(&mut client_clock)?);
    let status = ours.process.stop(Duration::from_secs(10))?;
    expect(status.success(), || format!("our client ended with {status}"))?;
    // Delay_Req, Signaling.
    examine(capture, &client, "eth0", &[0x1, 0xc])
}

macro_rules! ways {
    ($($name:ident: $body:ident, $way:expr;)*) => {$(
        #[test]
        fn $name() {
            experiment(stringify!($name), &needs(), |lab| $body(lab, $way));
        }
    )*};
}

ways! {
    udp4_our_server: our_server_their_client, UDP4;
    udp6_our_server: our_server_their_client, UDP6;
    ethernet_our_server: our_server_their_client, ETHERNET;
    udp4_their_server: their_server_our_client, UDP4;
    udp6_their_server: their_server_our_client, UDP6;
    ethernet_their_server: their_server_our_client, ETHERNET;
}
