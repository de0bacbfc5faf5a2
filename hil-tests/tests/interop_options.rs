//! The optional features against Debian's linuxptp: its NetSync monitor, its slave event monitor, its clients and servers.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hil_tests::lab::{
    AGREEMENT_NS, Capture, Dissection, Host, Instance, LINUXPTP, Lab, LabError, PATIENCE, Ptp4l, PtpdOptions,
    TAI_MINUS_UTC_NS, TSHARK, ahead_of_realtime, clock_of as clock, clock_path, expect, experiment, field,
    find_program, our_program, run_command, their_pmc,
};
use ptp_wire::{Message, TimePoint, TlvType, TlvValue};

fn our_pmc(uds: &Path, requests: &[&str]) -> Result<String, LabError> {
    let program = our_program("pmc")?;
    let uds = uds.to_string_lossy();
    let mut arguments: Vec<&str> = vec!["-u", "-b", "0", "-i", "/run/our-pmc", "-s", &uds];
    arguments.extend_from_slice(requests);
    run_command(&program.to_string_lossy(), &arguments)
}

/// The host's address on eth0.
fn address(host: &Host) -> Result<String, LabError> {
    let line = host.run("ip", "iproute2", &["-4", "-o", "addr", "show", "dev", "eth0"])?;
    let address = line.split("inet ").nth(1).and_then(|rest| rest.split('/').next());
    address.map(str::to_owned).ok_or_else(|| LabError::Wrong(format!("no address in `{line}`")))
}

/// The host's MAC address on eth0.
fn mac(host: &Host) -> Result<String, LabError> {
    let line = host.run("ip", "iproute2", &["-o", "link", "show", "dev", "eth0"])?;
    let mac = line.split("link/ether ").nth(1).and_then(|rest| rest.split_whitespace().next());
    mac.map(str::to_owned).ok_or_else(|| LabError::Wrong(format!("no MAC address in `{line}`")))
}

/// One measurement by linuxptp's nsm: its clock, CLOCK_REALTIME, minus the target's. Over Ethernet it may not come to an
/// end, or complain without end: it is given three seconds and little room.
fn nsm(from: &Host, transport: &str, target: &str) -> Result<String, LabError> {
    let program = find_program("nsm", "linuxptp")?;
    let line = format!(
        "(echo 'NSM {target}'; sleep 0.5) | timeout 3 {} -i eth0 --time_stamping=software \
         --tx_timestamp_timeout=100 --network_transport={transport} 2>&1 | head -c 20000",
        program.display()
    );
    let output = from
        .command("sh")
        .args(["-c", &line])
        .output()
        .map_err(|source| LabError::Io { doing: "run nsm".to_owned(), source })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Our server and our client, measured from beside.
fn measured_by_nsm(lab: &mut Lab, transport: &'static str, theirs: &str) -> Result<(), LabError> {
    let (gm, client, beside) = (lab.host("gm")?, lab.host("client")?, lab.host("beside")?);
    lab.switch("sw", &[(&gm, "eth0"), (&client, "eth0"), (&beside, "eth0")])?;
    let mut gm_clock = clock(&gm, 37_000 + 250, 0.0)?;
    let mut client_clock = clock(&client, -400, 0.0)?;
    let ptpd = our_program("ptpd")?;
    let ours = |host: &Host| {
        let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new(&clock_path(host)));
        options.transport = transport;
        options.extra = "net_sync_monitor: true\n".to_owned();
        options
    };
    let mut options = ours(&gm);
    options.priority1 = 10;
    let mut serving = Instance::start(&gm, &ptpd, &options)?;
    let mut options = ours(&client);
    options.client_only = true;
    let mut following = Instance::start(&client, &ptpd, &options)?;
    serving.wait_until("MASTER", PATIENCE, |look| look.state() == Some("MASTER"))?;
    following.wait_until("SLAVE", PATIENCE, |look| look.state() == Some("SLAVE"))?;
    let target = |host: &Host| if transport == "ethernet" { mac(host) } else { address(host) };
    for (host, clock, state) in [(&gm, &mut gm_clock, "MASTER"), (&client, &mut client_clock, "SLAVE")] {
        let mut said = nsm(&beside, theirs, &target(host)?)?;
        for _ in 0..9 {
            // Over Ethernet nsm now and then reads where there is nothing, and nothing else from then on.
            if said.contains("COMPLETE") || !said.contains("recvmsg failed") {
                break;
            }
            said = nsm(&beside, theirs, &target(host)?)?;
        }
        let truth = -ahead_of_realtime(clock)?;
        println!("{}: {said}", host.name());
        let offset: f64 = field(&said, "offset")
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| LabError::Wrong(format!("nsm got no answer of {}: {said}", host.name())))?;
        println!("nsm says {offset} ns, the truth is {truth:.0} ns");
        expect((offset - truth).abs() < AGREEMENT_NS, || format!("nsm: {offset} ns, the truth: {truth} ns"))?;
        expect(field(&said, "portState") == Some(state), || said.clone())?;
        expect(field(&said, "grandmasterPriority1") == Some("10"), || said.clone())?;
        let steps = if state == "SLAVE" { "1" } else { "0" };
        expect(field(&said, "stepsRemoved") == Some(steps), || said.clone())?;
        // Either one's parent is the grandmaster: the address of that.
        let parent = target(&gm)?;
        let told = said.lines().any(|l| l.contains("parentPortAddress") && l.ends_with(&parent));
        expect(told, || format!("the parent is not at {parent}: {said}"))?;
    }
    Ok(())
}

#[test]
fn their_nsm_measures_our_client() {
    experiment("their_nsm_measures_our_client", LINUXPTP, |lab| measured_by_nsm(lab, "udp4", "UDPv4"));
}

#[test]
fn their_nsm_measures_our_client_over_ethernet() {
    experiment("their_nsm_measures_our_client_over_ethernet", LINUXPTP, |lab| {
        measured_by_nsm(lab, "ethernet", "L2")
    });
}

#[test]
fn their_nsm_is_not_answered_unless_it_is_said_so() {
    experiment("their_nsm_is_not_answered_unless_it_is_said_so", LINUXPTP, |lab| {
        let (gm, beside) = (lab.host("gm")?, lab.host("beside")?);
        lab.link((&gm, "eth0"), (&beside, "eth0"))?;
        let mut serving = Instance::start(&gm, &our_program("ptpd")?, &PtpdOptions::new(&["eth0"]))?;
        serving.wait_until("MASTER", PATIENCE, |look| look.state() == Some("MASTER"))?;
        let said = nsm(&beside, "UDPv4", &address(&gm)?)?;
        expect(!said.contains("COMPLETE"), || said.clone())?;
        let stats = our_pmc(&serving.socket, &["GET PORT_STATS_NP"])?;
        expect(field(&stats, "rx_Delay_Req") == Some("1"), || format!("it was not even asked: {stats}"))
    });
}

/// A program of ours under linuxptp's name.
fn called(lab: &Lab, program: &str, name: &str) -> Result<PathBuf, LabError> {
    let link = lab.dir().join(name);
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(our_program(program)?, &link).map_err(LabError::io(format!("link {name}")))?;
    Ok(link)
}

/// What a program says on both streams, and its exit code.
fn said_and_code(host: &Host, program: &Path, arguments: &[&str]) -> Result<(String, Option<i32>), LabError> {
    let output = host
        .command(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(LabError::io(format!("run {}", program.display())))?;
    let text = [output.stdout, output.stderr].concat();
    Ok((String::from_utf8_lossy(&text).into_owned(), output.status.code()))
}

#[test]
fn our_nsm_measures_their_server_and_ours() {
    experiment("our_nsm_measures_their_server_and_ours", LINUXPTP, |lab| {
        let (ours, theirs, silent) = (lab.host("ours")?, lab.host("theirs")?, lab.host("silent")?);
        let beside = lab.host("beside")?;
        lab.switch("sw", &[(&ours, "eth0"), (&theirs, "eth0"), (&silent, "eth0"), (&beside, "eth0")])?;
        let mut truth = clock(&ours, 37_000 + 250, 0.0)?;
        let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new(&clock_path(&ours)));
        options.extra = "net_sync_monitor: true\n".to_owned();
        options.priority1 = 10;
        let mut serving = Instance::start(&ours, &our_program("ptpd")?, &options)?;
        let mut ptp4l = Ptp4l::start(
            &theirs,
            &["eth0"],
            &["-4", "-E", "--slaveOnly=1", "--net_sync_monitor=1", "--hybrid_e2e=1"],
        )?;
        serving.wait_until("MASTER", PATIENCE, |look| look.state() == Some("MASTER"))?;
        ptp4l.wait_for_state(1, "UNCALIBRATED", PATIENCE)?;
        let pmc = our_program("pmc")?;
        let nsm = called(lab, "pmc", "nsm")?;
        let offset = |said: &str| -> Result<f64, LabError> {
            field(said, "offset").and_then(|o| o.parse().ok()).ok_or_else(|| LabError::Wrong(said.to_owned()))
        };
        // Ours under both names, and theirs: of one clock they say one thing.
        let (to_ours, to_theirs) = (address(&ours)?, address(&theirs)?);
        let (said, code) =
            said_and_code(&beside, &pmc, &["nsm", "-4", "-i", "eth0", "--wait", "2000", &to_ours])?;
        println!("{said}");
        expect(code == Some(0), || said.clone())?;
        let expected = -ahead_of_realtime(&mut truth)?;
        expect((offset(&said)? - expected).abs() < AGREEMENT_NS, || {
            format!("{said}the truth is {expected}")
        })?;
        expect(field(&said, "portState") == Some("MASTER"), || said.clone())?;
        let commands = format!("help\nNSM {to_theirs}\nfoo\n");
        let line = format!(
            "(printf '{commands}'; sleep 1) | {} -i eth0 --time_stamping=software 2>&1",
            nsm.display()
        );
        // A busy machine may take longer than nsm waits: again then.
        let mut said = String::new();
        for _ in 0..10 {
            said = said_and_code(&beside, Path::new("sh"), &["-c", &line])?.0;
            if said.contains("COMPLETE") {
                break;
            }
        }
        println!("{said}");
        // ptp4l steers nothing here: its clock is CLOCK_REALTIME, and so is ours.
        let off = offset(&said)?;
        expect(off.abs() < AGREEMENT_NS || (off.abs() - 37e9).abs() < AGREEMENT_NS, || said.clone())?;
        expect(field(&said, "grandmasterPriority1") == Some("10"), || said.clone())?;
        expect(said.contains("bad command: foo") && said.contains("NSM 192.0.2.1"), || said.clone())?;
        // Every label of theirs is one of ours, in their order.
        let labels = |said: &str| -> Vec<String> {
            let lines = said.lines().skip_while(|l| !l.contains("COMPLETE"));
            let words = lines.filter(|l| l.starts_with('\t')).filter_map(|l| l.split_whitespace().next());
            words.map(str::to_owned).collect()
        };
        let mut of_theirs = String::new();
        for _ in 0..10 {
            of_theirs = self::nsm(&beside, "UDPv4", &to_theirs)?;
            if of_theirs.contains("COMPLETE") {
                break;
            }
        }
        expect(labels(&said) == labels(&of_theirs), || format!("ours:\n{said}\ntheirs:\n{of_theirs}"))?;
        // Who does not serve, or is not there, is named.
        let nobody = address(&silent)?;
        let (said, code) = said_and_code(&beside, &pmc, &["nsm", "-4", "-i", "eth0", &nobody])?;
        expect(code == Some(3) && said.contains("no answer"), || format!("{code:?}: {said}"))
    });
}

#[test]
fn devices_without_hardware_stamps_refuse_as_they_do_to_hwstamp_ctl() {
    experiment("devices_without_hardware_stamps_refuse_as_they_do_to_hwstamp_ctl", LINUXPTP, |lab| {
        let (a, b) = (lab.host("a")?, lab.host("b")?);
        lab.link((&a, "eth0"), (&b, "eth0"))?;
        let ours = called(lab, "ptpd", "hwstamp_ctl")?;
        let theirs = find_program("hwstamp_ctl", "linuxptp")?;
        for arguments in [
            &["-i", "eth0"][..],
            &["-i", "lo"],
            &["-i", "eth0", "-t", "1", "-r", "12"],
            &["-i", "nosuch0"],
            &["-i", "nosuch0", "-t", "1"],
            &["-i", "eth0", "-r", "15"],
            &["-x"],
            &["-h"],
            &["-v"],
            &[],
        ] {
            let (our_words, our_code) = said_and_code(&a, &ours, arguments)?;
            let (their_words, their_code) = said_and_code(&a, &theirs, arguments)?;
            println!("{arguments:?}: {our_code:?}, {their_code:?}");
            expect(our_code == their_code, || format!("{arguments:?}: {our_words}\n{their_words}"))?;
        }
        let (said, code) = said_and_code(&a, &our_program("ptpd")?, &["stamping", "-i", "eth0"])?;
        expect(code == Some(1) && said.contains("hardware stamps:  no"), || format!("{code:?}: {said}"))?;
        let (said, code) = said_and_code(&a, &our_program("ptpd")?, &["stamping", "-i", "eth0", "-t", "on"])?;
        expect(code == Some(1) && said.contains("eth0 lacks"), || format!("{code:?}: {said}"))
    });
}

/// What a slave event monitor got: TLV types with the octets of each message, and the offsets (t2 - t1) in them.
#[derive(Debug, Default)]
struct Monitored {
    kinds: Vec<(TlvType, usize)>,
    forward: Vec<f64>,
}

fn monitor(socket: &UnixDatagram, wanted: usize) -> Result<Monitored, LabError> {
    let io = |source| LabError::Io { doing: "receive as the slave event monitor".to_owned(), source };
    socket.set_read_timeout(Some(Duration::from_secs(1))).map_err(io)?;
    let (mut got, mut buf, start) = (Monitored::default(), [0; 2048], Instant::now());
    let mut count = 0;
    while count < wanted {
        if start.elapsed() > PATIENCE {
            return Err(LabError::Wrong(format!("only {count} messages came: {got:?}")));
        }
        let Ok(len) = socket.recv(&mut buf) else { continue };
        count += 1;
        let octets = buf.get(..len).unwrap_or_default();
        let wrong = |e: ptp_wire::WireError| LabError::Wrong(format!("{e:?}: {octets:02x?}"));
        for tlv in Message::parse(octets).map_err(wrong)?.tlvs() {
            if !got.kinds.iter().any(|(kind, _)| *kind == tlv.tlv_type) {
                got.kinds.push((tlv.tlv_type, octets.len()));
            }
            if let TlvValue::SlaveRxSyncTimingData(data) = tlv.decode().map_err(wrong)? {
                got.forward.extend(data.records.iter().map(|r| {
                    let t1 = TimePoint::from(r.sync_origin_timestamp) + r.total_correction_field;
                    (TimePoint::from(r.sync_event_ingress_timestamp) - t1).nanos_f64()
                }));
            }
        }
    }
    got.kinds.sort();
    Ok(got)
}

/// Our client and theirs, behind the same server, tell a monitor the same.
#[test]
fn slave_event_monitors_get_the_same_from_either_client() {
    experiment("slave_event_monitors_get_the_same_from_either_client", LINUXPTP, |lab| {
        let (gm, ours, theirs) = (lab.host("gm")?, lab.host("ours")?, lab.host("theirs")?);
        lab.switch("sw", &[(&gm, "eth0"), (&ours, "eth0"), (&theirs, "eth0")])?;
        let _serving = Ptp4l::start(&gm, &["eth0"], &["-4", "-E", "--priority1=10"])?;
        let io = |source| LabError::Io { doing: "bind the monitor's socket".to_owned(), source };
        let (for_ours, for_theirs) = (
            UnixDatagram::bind("/run/monitor-ours").map_err(io)?,
            UnixDatagram::bind("/run/monitor-theirs").map_err(io)?,
        );
        let _following = Ptp4l::start(
            &theirs,
            &["eth0"],
            &["-4", "-E", "--slaveOnly=1", "--slave_event_monitor=/run/monitor-theirs"],
        )?;
        let mut options = PtpdOptions::new(&["eth0"]);
        options.client_only = true;
        options.extra = "slave_event_monitor: /run/monitor-ours\n".to_owned();
        let _measuring = Instance::start(&ours, &our_program("ptpd")?, &options)?;
        let (ours, theirs) = (monitor(&for_ours, 40)?, monitor(&for_theirs, 40)?);
        println!("ours {:?}, theirs {:?}", ours.kinds, theirs.kinds);
        expect(ours.kinds.len() == 2 && ours.kinds == theirs.kinds, || format!("{ours:?} {theirs:?}"))?;
        // Both clocks are this machine's; their server takes 37 s off or not, which both see alike.
        let least = |m: &Monitored| m.forward.iter().copied().fold(f64::INFINITY, f64::min);
        expect((least(&ours) - least(&theirs)).abs() < AGREEMENT_NS, || format!("{ours:?} {theirs:?}"))
    });
}

/// All that a grandmaster of ours can put into Announce and Signaling is dissected without a complaint, and their client
/// follows it all the same.
#[test]
fn their_client_follows_a_grandmaster_with_every_option() {
    let needs = [LINUXPTP, TSHARK].concat();
    experiment("their_client_follows_a_grandmaster_with_every_option", &needs, |lab| {
        let (gm, client, ours) = (lab.host("gm")?, lab.host("client")?, lab.host("ours")?);
        lab.switch("sw", &[(&gm, "eth0"), (&client, "eth0"), (&ours, "eth0")])?;
        let capture = Capture::start(&client, "eth0", lab.dir())?;
        let mut gm_clock = clock(&gm, 37_000 + 250, 0.0)?;
        let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new(&clock_path(&gm)));
        options.priority1 = 10;
        options.extra = "path_trace: true
synchronization_uncertain: always
alternate_time_offsets: [ 0 CET 3600, 1 PST -28800 3600 1805000000 ]
enhanced_accuracy:
  enable: true
  max_gm: 40ns
collect_slave_events: true
performance_monitoring: true
"
        .to_owned();
        let mut serving = Instance::start(&gm, &our_program("ptpd")?, &options)?;
        let mut measuring = Ptp4l::start(&client, &["eth0"], &["-4", "-E", "--slaveOnly=1"])?;
        let mut options = PtpdOptions::new(&["eth0"]);
        options.client_only = true;
        options.extra = "monitor_rx_sync_timing: true
monitor_rx_sync_computed: true
monitor_tx_event_timestamps: true
monitor_records: 3
"
        .to_owned();
        let _telling = Instance::start(&ours, &our_program("ptpd")?, &options)?;
        serving.wait_until("MASTER", PATIENCE, |look| look.state() == Some("MASTER"))?;
        measuring.wait_for_state(1, "UNCALIBRATED", PATIENCE)?;
        let before = measuring.measured().len();
        let measured = measuring.wait_for_measured(before + 10, PATIENCE)?;
        let truth = TAI_MINUS_UTC_NS - ahead_of_realtime(&mut gm_clock)?;
        let last = measured.last().copied().ok_or_else(|| LabError::Wrong("nothing measured".to_owned()))?;
        expect((last.master_offset as f64 - truth).abs() < AGREEMENT_NS, || {
            format!("their client reports {last:?}, the truth is {truth:.0} ns")
        })?;
        let seen = Dissection::read(&capture.stop()?, None)?;
        expect(seen.complaints.is_empty(), || format!("{:#?}", seen.complaints))?;
        expect(seen.by_type[0xc] > 3, || format!("no Signaling: {:?}", seen.by_type))?;
        // Their pmc knows one of these, both ways.
        let uds = serving.socket.to_string_lossy().into_owned();
        let said =
            their_pmc(&uds, &["SET SYNCHRONIZATION_UNCERTAIN_NP 255", "GET SYNCHRONIZATION_UNCERTAIN_NP"])?;
        expect(field(&said, "uncertain") == Some("255"), || said.clone())
    });
}

/// An operator turns the tree round with our pmc: their clock, which would be a client by every priority, serves.
#[test]
fn their_server_is_followed_because_the_operator_says_so() {
    experiment("their_server_is_followed_because_the_operator_says_so", LINUXPTP, |lab: &mut Lab| {
        let (ours, theirs) = (lab.host("ours")?, lab.host("theirs")?);
        lab.link((&ours, "eth0"), (&theirs, "eth0"))?;
        let mut options = PtpdOptions::new(&["eth0"]);
        options.priority1 = 10;
        let mut instance = Instance::start(&ours, &our_program("ptpd")?, &options)?;
        instance.wait_until("MASTER", PATIENCE, |look| look.state() == Some("MASTER"))?;
        let mut ptp4l = Ptp4l::start(&theirs, &["eth0"], &["-4", "-E", "--priority1=200"])?;
        ptp4l.wait_for_state(1, "UNCALIBRATED", PATIENCE)?;
        let said = our_pmc(
            &instance.socket,
            &[
                "SET EXT_PORT_CONFIG_PORT_DATA_SET acceptable 0 desiredState 9",
                "SET EXTERNAL_PORT_CONFIGURATION_ENABLED 1",
                "GET EXTERNAL_PORT_CONFIGURATION_ENABLED",
            ],
        )?;
        println!("{said}");
        expect(!said.contains("MANAGEMENT_ERROR_STATUS"), || said.clone())?;
        // Ours has gone silent; theirs takes over by its announce receipt timeout, and ours follows.
        ptp4l.wait_for_state(1, "MASTER", PATIENCE)?;
        instance.wait_until("SLAVE", PATIENCE, |look| look.state() == Some("SLAVE"))?;
        Ok(())
    });
}
