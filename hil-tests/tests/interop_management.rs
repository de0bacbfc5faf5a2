//! Management across implementations: linuxptp's `pmc` and `phc2sys -a` against our `ptpd`, our `pmc` against both daemons.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hil_tests::lab::{
    Host, Instance, LINUXPTP, Lab, LabError, PATIENCE, Ptp4l, PtpdOptions, expect, experiment, field,
    find_program, our_program, run_command, their_pmc,
};
use ptp_clock::{VirtualClock, VirtualOptions};

/// What every daemon answers, and linuxptp 3.1.1's pmc can print.
const GETS: &[&str] = &[
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
    "PORT_PROPERTIES_NP",
    "PORT_STATS_NP",
];

/// Our grandmaster on a virtual clock, and a host beside it.
fn our_grandmaster(lab: &mut Lab) -> Result<(Host, Host, Instance), LabError> {
    let (gm, beside) = (lab.host("gm")?, lab.host("beside")?);
    lab.link((&gm, "eth0"), (&beside, "eth0"))?;
    let clock = Path::new("/run/clock-gm");
    VirtualClock::create(clock, &VirtualOptions::default())
        .map_err(|error| LabError::Wrong(error.to_string()))?;
    let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(clock);
    options.priority1 = 10;
    let mut instance = Instance::start(&gm, &our_program("ptpd")?, &options)?;
    instance.wait_until("MASTER", PATIENCE, |look| look.state() == Some("MASTER"))?;
    Ok((gm, beside, instance))
}

/// Replies without what says only what was sent, and without what goes on between two askings.
fn steady(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.starts_with("sending: "))
        .map(|line| {
            let label = line.split_whitespace().next().unwrap_or_default();
            let moves = label.starts_with("rx_") || label.starts_with("tx_") || label == "ingress_time";
            if moves { label.to_owned() } else { line.to_owned() }
        })
        .collect()
}

fn our_pmc(uds: &Path, requests: &[String]) -> Result<String, LabError> {
    let program = our_program("pmc")?;
    let mut arguments: Vec<&str> = vec!["-u", "-b", "0", "-i", "/run/our-pmc", "-s"];
    let uds = uds.to_string_lossy();
    arguments.push(&uds);
    arguments.extend(requests.iter().map(String::as_str));
    run_command(&program.to_string_lossy(), &arguments)
}

#[test]
fn their_pmc_reads_and_sets_our_daemon() {
    experiment("their_pmc_reads_and_sets_our_daemon", LINUXPTP, |lab| {
        let (_, _, mut instance) = our_grandmaster(lab)?;
        let uds = instance.socket.to_string_lossy().into_owned();
        let requests: Vec<String> = GETS.iter().map(|id| format!("GET {id}")).collect();
        let asked: Vec<&str> = requests.iter().map(String::as_str).collect();
        let theirs = their_pmc(&uds, &asked)?;
        // linuxptp's pmc leaves the name of NULL_MANAGEMENT out.
        for id in GETS.iter().filter(|id| **id != "NULL_MANAGEMENT") {
            let answered = format!("RESPONSE MANAGEMENT {id} ");
            expect(theirs.contains(&answered), || format!("{id} was not answered:\n{theirs}"))?;
        }
        expect(!theirs.contains("MANAGEMENT_ERROR_STATUS"), || theirs.clone())?;
        for (label, value) in [
            ("portState", "MASTER"),
            ("priority1", "10"),
            ("numberPorts", "1"),
            ("timestamping", "SOFTWARE"),
            ("interface", "eth0"),
            ("gmPresent", "false"),
            ("versionNumber", "2"),
        ] {
            expect(field(&theirs, label) == Some(value), || format!("{label} is not {value}:\n{theirs}"))?;
        }
        // Our pmc prints the same of the same daemon, byte for byte.
        let ours = our_pmc(&instance.socket, &requests)?;
        for (theirs, ours) in steady(&theirs).iter().zip(steady(&ours)) {
            expect(*theirs == ours, || format!("linuxptp's pmc prints `{theirs}`, ours `{ours}`"))?;
        }
        expect(steady(&theirs).len() == steady(&ours).len(), || ours.clone())?;

        their_pmc(&uds, &["SET PRIORITY1 77"])?;
        let after = their_pmc(&uds, &["GET PRIORITY1", "GET PARENT_DATA_SET"])?;
        expect(field(&after, "priority1") == Some("77"), || after.clone())?;
        expect(field(&after, "grandmasterPriority1") == Some("77"), || after.clone())?;
        let refused = their_pmc(&uds, &["SET PRIORITY1 300"]);
        expect(refused.is_err() || !refused.unwrap_or_default().contains("priority1 300"), || {
            "a priority1 of 300 is none".to_owned()
        })?;
        let status = instance.process.stop(Duration::from_secs(10))?;
        expect(status.success(), || format!("ptpd ended with {status}"))
    });
}

/// phc2sys -a never touches a clock here: software stamped ports have none, and it says so after it asked for all.
/// How far it gets is told by its log, which must be the same before our daemon as before linuxptp's.
#[test]
fn their_phc2sys_finds_its_way_about_our_daemon() {
    fn phc2sys(uds: &str) -> Result<Vec<String>, LabError> {
        let program = find_program("phc2sys", "linuxptp")?;
        let output = Command::new("timeout")
            .arg("30")
            .arg(program)
            .args(["-a", "-r", "-z", uds, "-m", "-q", "-l", "7"])
            .output()
            .map_err(|source| LabError::Io { doing: "run phc2sys".to_owned(), source })?;
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        // phc2sys[4811.336]: what it says
        let words = |line: &str| {
            line.split_once("]: ").map_or_else(|| line.to_owned(), |(_, words)| words.replace(uds, "UDS"))
        };
        Ok(said.lines().map(words).collect())
    }
    experiment("their_phc2sys_finds_its_way_about_our_daemon", LINUXPTP, |lab| {
        let (_, beside, instance) = our_grandmaster(lab)?;
        let mut ptp4l = Ptp4l::start(&beside, &["eth0"], &["-4", "-E", "--slaveOnly=1"])?;
        ptp4l.wait_for_state(1, "UNCALIBRATED", PATIENCE)?;
        let before_theirs = phc2sys(&ptp4l.uds)?;
        let before_ours = phc2sys(&instance.socket.to_string_lossy())?;
        println!("{}", before_ours.join("\n"));
        expect(before_ours.iter().any(|line| line == "no suitable ports available"), || {
            format!("{before_ours:?}")
        })?;
        expect(
            !before_ours.iter().any(|line| line.contains("Waiting for ptp4l") || line.contains("fail")),
            || format!("{before_ours:?}"),
        )?;
        expect(before_ours == before_theirs, || {
            format!("before our daemon phc2sys says {before_ours:#?}, before linuxptp's {before_theirs:#?}")
        })
    });
}

/// Our pmc asks their daemon over its socket; both print the same.
#[test]
fn our_pmc_asks_their_daemon() {
    experiment("our_pmc_asks_their_daemon", LINUXPTP, |lab| {
        let (a, b) = (lab.host("a")?, lab.host("b")?);
        lab.link((&a, "eth0"), (&b, "eth0"))?;
        let mut ptp4l = Ptp4l::start(&a, &["eth0"], &["-4", "-E", "--priority1=10"])?;
        ptp4l.wait_for_state(1, "MASTER", PATIENCE)?;
        let requests: Vec<String> = GETS.iter().map(|id| format!("GET {id}")).collect();
        let asked: Vec<&str> = requests.iter().map(String::as_str).collect();
        let start = Instant::now();
        let theirs = their_pmc(&ptp4l.uds, &asked)?;
        let ours = our_pmc(Path::new(&ptp4l.uds), &requests)?;
        println!("both asked {} times in {:.1} s", GETS.len(), start.elapsed().as_secs_f64());
        expect(steady(&theirs) == steady(&ours), || format!("theirs:\n{theirs}\nours:\n{ours}"))
    });
}
