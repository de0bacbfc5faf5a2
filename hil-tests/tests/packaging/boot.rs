//! The units under a real systemd: two Debian machines on a cable, the package installed as a newcomer does it.

use std::path::Path;
use std::time::{Duration, Instant};

use hil_tests::lab::skip;
use ptp_clock::{VirtualClock, VirtualOptions};
use ptp_wire::TimeInterval;
use serde_json::Value;

use crate::debian::{cargo_deb, deb};
use crate::machine::{Machine, PATIENCE, obstacle};
use crate::units::EXPOSURE;

/// Frequent messages, and on each machine a clock of its own: nobody may steer this one's.
const PORTS: &str = "ports:
  - interface: eth0
    log_announce_interval: -2
    log_sync_interval: -3
    log_min_delay_req_interval: -3
";

/// The grandmaster gives root up.
const SERVER: &str = "user: nobody\nclock_device: virtual:/run/escapement/clock\n";

const CLIENT: &str = "client_only: true
clock_device: virtual:/run/escapement/clock
state_file: /var/lib/escapement/ptpd-lan.state
log: {journal: /run/systemd/journal/socket}
management:
  socket: /run/escapement/lan
  read_only_socket: /run/escapement/lan-ro
";

const FOLLOWER: &str = "instances:
  - socket: /run/escapement/lan
    clock: virtual:/run/escapement/clock
system_clock: sink
system_clock_device: virtual:/run/escapement/system
rate: 8
error_bound_page: /run/clockbound/shm0
";

const RECEIVER: &str = "time: system
utc_offset: 37
announce: /run/escapement/ptpd
state_file: /var/lib/escapement/ts2phc.state
clocks:
  - clock: virtual:/run/escapement/clock
";

/// An application that must not start before the clocks are right, and one of somebody else's.
const APPLICATION: &str = "[Unit]
Requires=escapement-synchronised.target
After=escapement-synchronised.target time-sync.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
";

/// A virtual clock of the machine, seconds after TAI or UTC.
pub(crate) fn clock(machine: &Machine, path: &str, ahead: i64, after_utc: i64) {
    machine.run("mkdir -p /run/escapement");
    let options = VirtualOptions {
        offset: TimeInterval::from_nanos(ahead),
        epoch: Some(VirtualOptions::epoch_now() + after_utc * 1_000_000_000),
        ..VirtualOptions::default()
    };
    VirtualClock::create(machine.outside(path), &options).unwrap_or_else(|e| panic!("{path}: {e}"));
}

/// As a newcomer: the package, a look at whether it is quiet.
pub(crate) fn install(machine: &Machine, package: &Path) {
    machine.take(package, "/root/escapement.deb");
    machine.run("dpkg -i /root/escapement.deb 2>&1");
    for unit in ["ptpd", "phc-sync", "ts2phc", "phc-sync-wait", "escapement-synchronised.target"] {
        assert_eq!(machine.property(unit, "ActiveState"), "inactive", "{unit} runs unasked");
    }
}

fn pid(machine: &Machine, unit: &str) -> String {
    machine.property(unit, "MainPID")
}

/// What the kernel holds of a unit's process.
fn status(machine: &Machine, unit: &str, name: &str) -> String {
    let text = machine.run(&format!("cat /proc/{}/status", pid(machine, unit)));
    let line = text.lines().find_map(|l| l.strip_prefix(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("{name}: {text}")).trim().to_owned()
}

#[test]
fn units_live_under_a_real_systemd() {
    let missing = obstacle().or_else(|| {
        cargo_deb().is_none().then(|| "cargo-deb is missing: hil-tests/setup installs it".to_owned())
    });
    if let Some(why) = missing {
        return skip(&why);
    }
    let begun = Instant::now();
    let told = |what: &str| println!("{:5.1} s: {what}", begun.elapsed().as_secs_f64());
    let package = deb();
    let (server, client) = (Machine::boot("server"), Machine::boot("client"));
    server.connect(&client);
    told("two machines are up");
    for machine in [&server, &client] {
        install(machine, &package);
    }
    told("the package is installed on both");

    clock(&server, "/run/escapement/clock", 0, 37);
    clock(&client, "/run/escapement/clock", 400_000, 37);
    clock(&client, "/run/escapement/system", 5_000_000, 0);
    client.write("/etc/escapement/ptpd-lan.yaml", &format!("profile: default-e2e\n{CLIENT}{PORTS}"));
    client.write("/etc/escapement/phc-sync.yaml", FOLLOWER);
    client.write("/etc/systemd/system/application.service", APPLICATION);
    // Shorter than the unit's, for the test's sake; the way is the same.
    client.write("/etc/systemd/system/ptpd@lan.service.d/test.conf", "[Service]\nWatchdogSec=5\n");
    client.run("systemctl daemon-reload; systemctl enable ptpd@lan phc-sync phc-sync-wait 2>&1");
    client.run("systemctl start --no-block application");

    // Nobody to follow: it runs, says so, and nobody's wait is over; nor is the boot held up.
    client.wait_for("ptpd@lan", "StatusText", |s| s == "eth0 LISTENING");
    for unit in ["ptpd@lan", "phc-sync"] {
        assert_eq!(client.property(unit, "ActiveState"), "activating");
    }
    assert_eq!(client.property("application", "ActiveState"), "inactive");
    assert!(!client.asks("systemctl is-active escapement-synchronised.target time-sync.target"));
    assert!(client.asks("systemctl is-active multi-user.target"));

    server.write("/etc/escapement/ptpd.yaml", &format!("profile: default-e2e\n{SERVER}{PORTS}"));
    // Returns when it serves.
    server.run("systemctl enable --now ptpd 2>&1");
    assert_eq!(server.property("ptpd", "ActiveState"), "active");
    told("the server serves");
    let shown = server.run("systemctl status ptpd");
    assert!(shown.contains("Status: \"eth0 MASTER, clockClass 248\""), "{shown}");
    client.wait_for("ptpd@lan", "ActiveState", |s| s == "active");
    told("the client is synchronised");
    client.wait_for("ptpd@lan", "StatusText", |s| {
        s.starts_with("eth0 SLAVE, grandmaster ") && s.contains(" offset ")
    });
    client.wait_for("application", "ActiveState", |s| s == "active");
    told("what waited for it has started");
    for unit in ["phc-sync", "phc-sync-wait", "escapement-synchronised.target", "time-sync.target"] {
        assert_eq!(client.property(unit, "ActiveState"), "active", "{unit}");
    }
    client.run("pmc -s /run/escapement/lan check state==SLAVE stepsRemoved==1");

    hardening(&server, &client);
    journal(&client);
    told("sandbox and journal looked at");
    receiver(&server);
    told("ts2phc is ready, and the grandmaster of its class");
    reload(&client);
    told("reloaded");
    watchdog(&client);
    told("the watchdog bit");
    upgrade(&client, &package);
    told("upgraded");
    stop(&server, &client);
    told("stopped and removed");
}

/// What the processes hold is what the units say, and the sandbox has walls.
fn hardening(server: &Machine, client: &Machine) {
    // Without SYS_TIME (bit 25), which these machines do not have: NET_BIND_SERVICE, NET_RAW, NET_ADMIN, SETUID, SETGID, CHOWN.
    let bits = |numbers: &[u32]| format!("{:016x}", numbers.iter().fold(0_u64, |all, n| all | 1 << n));
    assert_eq!(status(client, "ptpd@lan", "CapBnd"), bits(&[10, 13, 12, 7, 6, 0]));
    assert_eq!(status(client, "phc-sync", "CapBnd"), bits(&[19, 1]));
    assert_eq!(status(server, "ptpd", "CapEff"), bits(&[10, 13, 12]), "nobody keeps what it needs");
    assert!(status(server, "ptpd", "Uid").starts_with("65534"), "{}", status(server, "ptpd", "Uid"));
    for (machine, unit) in [(server, "ptpd"), (client, "ptpd@lan"), (client, "phc-sync")] {
        assert_eq!(status(machine, unit, "NoNewPrivs"), "1", "{unit}");
        assert_eq!(status(machine, unit, "Seccomp"), "2", "{unit}");
        let inside = format!("nsenter -m -t {} ", pid(machine, unit));
        for place in ["/usr/x", "/etc/x"] {
            let tried = machine.tries(&format!("{inside}touch {place}"));
            let said = String::from_utf8_lossy(&tried.stderr);
            assert!(said.contains("Read-only file system"), "{unit}: {place}: {said}");
        }
        machine.run(&format!("{inside}touch /var/lib/escapement/x; rm /var/lib/escapement/x"));
    }
    let tried = client.tries(&format!("nsenter -m -t {} touch /srv/x", pid(client, "ptpd@lan")));
    assert!(!tried.status.success());
    // The manager that runs them finds the exposure that is promised.
    for (unit, most) in EXPOSURE {
        let unit = unit.replace('@', "@lan");
        let said = client.run(&format!("systemd-analyze security --no-pager {unit} | tail -n 1"));
        let number =
            said.split(": ").nth(1).and_then(|s| s.split(' ').next()).and_then(|n| n.parse::<f64>().ok());
        assert!(number.is_some_and(|n| n * 10.0 <= f64::from(*most) + 0.01), "{unit}: {said}");
    }
    // PTP clocks may be opened (this one has no driver behind it), other devices not.
    client.write(
        "/etc/systemd/system/devices@.service",
        "[Service]\nType=oneshot\nExecStart=/bin/dd if=%I count=1 of=/dev/null\n",
    );
    let unit = client.run("cat /usr/lib/systemd/system/ptpd.service");
    let policy =
        unit.lines().filter(|l| l.starts_with("Device")).map(|l| format!("{l}\n")).collect::<String>();
    client.write("/etc/systemd/system/devices@.service.d/policy.conf", &format!("[Service]\n{policy}"));
    client.run("systemctl daemon-reload; mknod /dev/mem9 c 1 1");
    for (device, answer) in [("/dev/ptp99", "No such device"), ("/dev/mem9", "Operation not permitted")] {
        let name = client.run(&format!("systemd-escape --template=devices@.service {device}"));
        client.tries(&format!("systemctl start {name}"));
        let said = client.run(&format!("journalctl -o cat -u {name}"));
        assert!(said.contains(answer), "{device}: {said}");
    }
}

/// Fields that nobody has to cut out of lines.
fn journal(client: &Machine) {
    let entries = |matches: &str| -> Vec<Value> {
        let text = client.run(&format!("journalctl -o json {matches}"));
        text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{l}: {e}"))).collect()
    };
    let states = entries("ESCAPEMENT_KIND=port-state PTP_PORT=1");
    let slave = states.iter().find(|e| e["PTP_STATE"] == "SLAVE").unwrap_or_else(|| panic!("{states:#?}"));
    assert_eq!(slave["_SYSTEMD_UNIT"], "ptpd@lan.service", "{slave:#}");
    assert_eq!(slave["SYSLOG_IDENTIFIER"], "ptpd");
    // Of which run of the daemon, and which of its events: gaps show.
    let number = |e: &Value, radix| {
        let (name, text) =
            if radix == 16 { ("run", &e["ESCAPEMENT_RUN"]) } else { ("number", &e["ESCAPEMENT_SEQUENCE"]) };
        let text = text.as_str().unwrap_or_else(|| panic!("no {name}: {e:#}"));
        u64::from_str_radix(text, radix).unwrap_or_else(|why| panic!("{name} {text}: {why}"))
    };
    assert!(states.iter().all(|e| number(e, 16) > 0), "{states:#?}");
    for pair in states.windows(2) {
        let anew = number(&pair[0], 16) != number(&pair[1], 16);
        assert!(anew || number(&pair[0], 10) < number(&pair[1], 10), "{pair:#?}");
    }
    assert!(!entries("-t ptpd ESCAPEMENT_PART=servo").is_empty());
    // Others write lines with a priority.
    let lines = entries("-u phc-sync PRIORITY=6");
    assert!(lines.iter().any(|e| e["SYSLOG_IDENTIFIER"] == "phc-sync"), "{lines:#?}");
}

/// ts2phc after pulses, and the daemon that it tells.
fn receiver(server: &Machine) {
    server.write("/run/escapement/clock.pps", "0");
    server.write("/etc/escapement/ts2phc.yaml", RECEIVER);
    server.run("systemctl enable --now ts2phc 2>&1");
    let begun = Instant::now();
    while !server.asks("pmc -s /run/escapement/ptpd check gm.ClockClass==6") {
        assert!(begun.elapsed() < PATIENCE, "{}", server.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(server.property("escapement-synchronised.target", "ActiveState"), "inactive");
    server.run("systemctl start escapement-synchronised.target");
}

fn reload(client: &Machine) {
    let before = pid(client, "ptpd@lan");
    let file = "/etc/escapement/ptpd-lan.yaml";
    client.write(file, &format!("profile: default-e2e\npriority1: nonsense\n{CLIENT}{PORTS}"));
    assert!(!client.asks("systemctl reload ptpd@lan"), "a bad file was taken");
    let said = client.run("journalctl -o cat -u ptpd@lan");
    assert!(said.contains("ptpd-lan.yaml:2"), "the line is not named: {said}");
    client.write(file, &format!("profile: default-e2e\ndescription: {{user: reloaded}}\n{CLIENT}{PORTS}"));
    client.run("systemctl reload ptpd@lan");
    let begun = Instant::now();
    while !client.run("pmc -u -b 0 -s /run/escapement/lan 'GET USER_DESCRIPTION'").contains("reloaded") {
        assert!(begun.elapsed() < PATIENCE, "{}", client.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(pid(client, "ptpd@lan"), before);
    assert_eq!(client.property("ptpd@lan", "ActiveState"), "active");
}

fn watchdog(client: &Machine) {
    let before = pid(client, "ptpd@lan");
    client.run(&format!("kill -STOP {before}"));
    client.wait_for("ptpd@lan", "NRestarts", |n| n == "1");
    let said = client.run("journalctl -o cat -u ptpd@lan");
    assert!(said.contains("Watchdog timeout"), "{said}");
    client.wait_for("ptpd@lan", "ActiveState", |s| s == "active");
    assert_ne!(pid(client, "ptpd@lan"), before);
}

/// An upgrade starts what runs anew, and nothing else.
fn upgrade(client: &Machine, package: &Path) {
    let before = ["ptpd@lan", "phc-sync"].map(|unit| pid(client, unit));
    client.take(package, "/root/escapement.deb");
    client.run("dpkg -i /root/escapement.deb 2>&1");
    for (unit, before) in ["ptpd@lan", "phc-sync"].iter().zip(before) {
        client.wait_for(unit, "MainPID", |now| now != "0" && now != before);
        client.wait_for(unit, "ActiveState", |s| s == "active");
    }
    assert_eq!(client.property("ptpd", "ActiveState"), "inactive");
}

fn stop(server: &Machine, client: &Machine) {
    for (machine, unit) in [(client, "ptpd@lan"), (client, "phc-sync"), (server, "ptpd"), (server, "ts2phc")]
    {
        machine.run(&format!("systemctl stop {unit}"));
        assert_eq!(machine.property(unit, "Result"), "success", "{unit}");
        assert_eq!(machine.property(unit, "ExecMainStatus"), "0", "{unit}");
    }
    // What was learnt is kept, whoever the daemon was in the end.
    client.run("test -s /var/lib/escapement/ptpd-lan.state");
    server.run("test -s /var/lib/escapement/ts2phc.state");
    // Removal stops what runs.
    server.run("systemctl start ptpd; dpkg -r escapement 2>&1");
    assert!(!server.asks("pidof ptpd"), "it still runs");
    for machine in [server, client] {
        let failed = machine.run("systemctl list-units --failed --plain --no-legend");
        let failed: Vec<_> = failed.lines().filter(|l| !l.starts_with("devices@")).collect();
        assert!(failed.is_empty(), "{failed:?}");
    }
}
