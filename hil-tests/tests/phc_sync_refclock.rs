//! `phc-sync` and `ptpd` feed Debian's chronyd and ntpsec. None of them may touch the machine's clock: chronyd runs with `-x`, ntpd with
//! `disable ntp`, and all without the right to.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hil_tests::lab::{
    Host, Instance, Lab, LabError, Process, PtpdOptions, experiment, find_program, our_program, run_command,
    skip,
};
use ptp_clock::{VirtualClock, VirtualOptions};
use ptp_wire::TimeInterval;

const PATIENCE: Duration = Duration::from_secs(60);
/// How far the clock that is right is ahead of this machine's.
const AHEAD_NS: i64 = 250_000;
/// Scheduling may come between two readings on a busy machine.
const AGREEMENT_S: f64 = 100e-6;

fn wrong(e: impl std::fmt::Display) -> LabError {
    LabError::Wrong(e.to_string())
}

/// Installed, or unpacked by hil-tests/setup.
fn peer(name: &str, package: &'static str) -> Option<PathBuf> {
    let target = our_target();
    let unpacked = ["usr/sbin", "usr/bin"].map(|dir| target.join("peers").join(dir).join(name));
    find_program(name, package).ok().or_else(|| unpacked.into_iter().find(|p| p.is_file()))
}

/// The directory of what is built: target/debug/deps/this.
fn our_target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.ancestors().nth(3).unwrap_or(Path::new(".")).to_path_buf()
}

fn write(path: &str, text: &str) -> Result<(), LabError> {
    std::fs::write(path, text).map_err(wrong)
}

/// The last offset in a log of phc-sync, seconds; system clock minus the right one.
fn last_offset(log: &str) -> Result<f64, LabError> {
    let offset =
        log.lines().rev().find_map(|l| l.split(" offset ").nth(1)?.split_whitespace().next()?.parse().ok());
    offset.map(|ns: f64| ns * 1e-9).ok_or_else(|| wrong(format!("no offset in\n{log}")))
}

fn right_clock() -> Result<(), LabError> {
    let options = VirtualOptions { offset: TimeInterval::from_nanos(AHEAD_NS), ..VirtualOptions::default() };
    VirtualClock::create("/run/right", &options).map(drop).map_err(wrong)
}

/// A shell line that runs phc-sync in the background of a daemon, with System V memory that only both see.
fn beside(arguments: &str, log: &Path, daemon: &str) -> Result<String, LabError> {
    let program = our_program("phc-sync")?;
    Ok(format!(
        "{} -s virtual:/run/right -c system -O 0 -R 8 {arguments} 2>{} & exec setpriv --bounding-set -sys_time \
         --inh-caps -sys_time {daemon}",
        program.display(),
        log.display()
    ))
}

/// By how much the clock is behind, s, in chronyc's words; `None`: it is not.
fn behind(tracking: &str) -> Option<f64> {
    let system =
        tracking.lines().find(|l| l.starts_with("System time")).filter(|l| l.contains(" slow of "))?;
    system.split(':').nth(1)?.split_whitespace().next()?.parse().ok()
}

fn feeds_chronyd(lab: &mut Lab) -> Result<(), LabError> {
    let host = lab.host("host")?;
    let (chronyd, chronyc) = (peer("chronyd", "chrony"), peer("chronyc", "chrony"));
    let (Some(chronyd), Some(chronyc)) = (chronyd, chronyc) else { return Err(wrong("chrony is gone")) };
    right_clock()?;
    host.run("ip", "iproute2", &["link", "set", "lo", "up"])?;
    // chronyd wants its command socket's directory to itself.
    std::fs::create_dir_all("/run/chrony").map_err(wrong)?;
    std::fs::set_permissions("/run/chrony", std::fs::Permissions::from_mode(0o750)).map_err(wrong)?;
    write(
        "/run/chrony.conf",
        "refclock SOCK /run/right.sock refid SOCK poll 0 delay 1e-4\n\
         refclock SHM 2 refid SHM poll 0 delay 1e-4\n\
         bindcmdaddress /run/chrony/chronyd.sock\nbindcmdaddress 127.0.0.1\ncmdport 3230\nport 0\npidfile /run/chronyd.pid\nuser root\n",
    )?;
    let (sock_log, shm_log) = (host.dir().join("sock.log"), host.dir().join("shm.log"));
    let daemon = format!("{} -x -d -f /run/chrony.conf", chronyd.display());
    let line = beside("-E ntpshm -M 2", &shm_log, &daemon)?;
    let mut first = beside("-E refclock_sock --sock /run/right.sock", &sock_log, "")?;
    first.truncate(first.find(" & exec").unwrap_or(0));
    let line = format!("{first} & {line}");
    let mut process =
        host.start("chronyd", Path::new("/usr/bin/unshare"), ["--ipc", "sh", "-c", line.as_str()])?;
    let chronyc = chronyc.to_string_lossy().into_owned();
    let limit = Instant::now() + PATIENCE;
    let report = loop {
        let report =
            run_command(&chronyc, &["-h", "/run/chrony/chronyd.sock", "-c", "sources"]).unwrap_or_default();
        let reached = report.lines().filter(|l| l.split(',').nth(5) == Some("377")).count();
        if reached == 2 && report.contains("#,*,") {
            break report;
        }
        if Instant::now() > limit {
            return Err(wrong(format!("not within a minute: {report}\n{}", process.last_words())));
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    println!("{report}");
    // chronyd without control of the clock keeps a time of its own: what it would correct is in here.
    let tracking = run_command(&chronyc, &["-h", "/run/chrony/chronyd.sock", "-n", "tracking"])?;
    println!("{tracking}");
    let theirs = behind(&tracking)
        .ok_or_else(|| wrong(format!("chronyd does not see the clock behind: {tracking}")))?;
    for (name, log) in [("SOCK", &sock_log), ("SHM", &shm_log)] {
        let log = std::fs::read_to_string(log).map_err(wrong)?;
        let ours = last_offset(&log)?;
        let line = report.lines().find(|l| l.split(',').nth(2) == Some(name));
        println!("{name}: chronyd corrects {theirs} s, phc-sync measures {ours} s");
        if ours >= 0.0 || (theirs + ours).abs() > AGREEMENT_S {
            return Err(wrong(format!("{name}: chronyd corrects {theirs} s, phc-sync measures {ours} s")));
        }
        // `*` or `+`: selected, or as good.
        if !line.is_some_and(|l| l.starts_with("#,*") || l.starts_with("#,+")) {
            return Err(wrong(format!("{name} is not taken: {report}")));
        }
    }
    // And back: chronyd's estimate as a source, over both of its ways. With the wrong sign it would be 500 us off.
    let yaml = host.dir().join("phc-sync.yaml");
    let text = "system_clock: sink\nfree_running: true\noffset: 0 s\nselection: intersection\nrate: 8\nsources:\n\
                \x20 - {clock: 'virtual:/run/right', error: 20 us}\n\
                \x20 - {chronyd: /run/chrony/chronyd.sock, error: 10 us}\n\
                \x20 - {chronyd: '127.0.0.1:3230', error: 10 us}\n";
    std::fs::write(&yaml, text).map_err(wrong)?;
    let yaml = yaml.to_string_lossy().into_owned();
    let mut voting = host.start("voting", &our_program("phc-sync")?, ["-f", &yaml])?;
    for source in ["virtual:/run/right", "chronyd at /run/chrony/chronyd.sock", "chronyd at 127.0.0.1:3230"] {
        voting
            .wait_for_line(source, PATIENCE, |l| l.contains(&format!("{source} is one of the majority")))?;
    }
    let voted = last_offset(&voting.log())?;
    println!("all three say {voted} s");
    if voting.log().contains("falseticker") || (voted + theirs).abs() > AGREEMENT_S {
        return Err(wrong(format!("{voted} s\n{}", voting.log())));
    }
    voting.stop(PATIENCE)?;
    process.kill()?;
    Ok(())
}

#[test]
fn chronyd_takes_sock_and_shm() {
    if peer("chronyd", "chrony").is_none() {
        return skip("chronyd_takes_sock_and_shm: no chronyd: run hil-tests/setup");
    }
    experiment("chronyd_takes_sock_and_shm", &[], feeds_chronyd);
}

/// What ntpd writes of a refclock with each poll: its status word, and the offset in seconds.
fn peer_stats(dir: &Path) -> Vec<(u32, f64)> {
    let files = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let texts = files.filter(|f| f.file_name().to_string_lossy().starts_with("peerstats"));
    let text: String = texts.filter_map(|f| std::fs::read_to_string(f.path()).ok()).collect();
    text.lines()
        .filter_map(|l| {
            let mut words = l.split_whitespace().skip(3);
            let status = u32::from_str_radix(words.next()?, 16).ok()?;
            Some((status, words.next()?.parse().ok()?))
        })
        .collect()
}

fn feeds_ntpd(lab: &mut Lab) -> Result<(), LabError> {
    let host = lab.host("host")?;
    let ntpd = peer("ntpd", "ntpsec").ok_or_else(|| wrong("ntpd is gone"))?;
    right_clock()?;
    let stats = host.dir().join("stats");
    std::fs::create_dir_all(&stats).map_err(wrong)?;
    write(
        "/run/ntp.conf",
        &format!(
            "disable ntp\ndisable kernel\nstatsdir {}/\nfilegen peerstats file peerstats type day enable\n\
             statistics peerstats\nrefclock shm unit 2 refid PTP minpoll 0 maxpoll 0 iburst\n\
             interface ignore wildcard\ninterface listen lo\n",
            stats.display()
        ),
    )?;
    host.run("ip", "iproute2", &["link", "set", "lo", "up"])?;
    let shm_log = host.dir().join("shm.log");
    let daemon = format!("{} -n -g -c /run/ntp.conf", ntpd.display());
    let line = beside("-E ntpshm -M 2", &shm_log, &daemon)?;
    let mut process =
        host.start("ntpd", Path::new("/usr/bin/unshare"), ["--ipc", "sh", "-c", line.as_str()])?;
    let limit = Instant::now() + PATIENCE;
    // The system's source: 6 in the status word's selection.
    let selected = |status: u32| status >> 8 & 7 == 6;
    let all = loop {
        let all = peer_stats(&stats);
        if all.len() >= 8 && all.last().is_some_and(|l| selected(l.0)) {
            break all;
        }
        if Instant::now() > limit || process.ended().is_some() {
            return Err(wrong(format!("not within a minute: {all:x?}\n{}", process.last_words())));
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    let log = std::fs::read_to_string(&shm_log).map_err(wrong)?;
    let ours = last_offset(&log)?;
    let theirs = all.last().map_or(0.0, |l| l.1);
    // ntpd counts the other way: positive where the source is ahead.
    println!("ntpd says {theirs} s, phc-sync {ours} s");
    if ours >= 0.0 || (theirs + ours).abs() > AGREEMENT_S {
        return Err(wrong(format!("ntpd says {theirs} s, phc-sync {ours} s")));
    }
    process.kill()?;
    Ok(())
}

#[test]
fn ntpsec_takes_shm() {
    if peer("ntpd", "ntpsec").is_none() {
        return skip("ntpsec_takes_shm: no ntpd: run hil-tests/setup");
    }
    experiment("ntpsec_takes_shm", &[], feeds_ntpd);
}

/// How far ptpd's master is ahead of this machine's clock, beside TAI - UTC.
const MASTER_AHEAD_NS: i64 = 5_000_000;
/// Software stamps of a busy machine, one way later than the other.
const MASTER_AGREEMENT_S: f64 = 1e-3;

/// A master on a clock of its own, and in another host a ptpd that hands its offsets over (`servo`), beside `daemon`, with System V
/// memory that only both see.
fn ptpd_beside(lab: &mut Lab, servo: &str, daemon: &str) -> Result<(Host, Instance, Process), LabError> {
    let (server, host) = (lab.host("server")?, lab.host("host")?);
    lab.link((&server, "eth0"), (&host, "eth0"))?;
    host.run("ip", "iproute2", &["link", "set", "lo", "up"])?;
    let offset = TimeInterval::from_nanos(37_000_000_000 + MASTER_AHEAD_NS);
    VirtualClock::create("/run/master", &VirtualOptions { offset, ..VirtualOptions::default() })
        .map_err(wrong)?;
    let ptpd = our_program("ptpd")?;
    let options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new("/run/master"));
    let master = Instance::start(&server, &ptpd, &PtpdOptions { priority1: 10, ..options })?;
    let yaml = host.dir().join("feeding.yaml");
    let text = format!(
        "state_file: off\nclient_only: true\nservo: {servo}\nmanagement: {{socket: /run/feeding, read_only_socket: off}}\n\
         ports:\n  - interface: eth0\n    transport: udp4\n    stamping: software\n    log_announce_interval: -2\n\
         \x20   log_sync_interval: -3\n    log_min_delay_req_interval: -3\n"
    );
    std::fs::write(&yaml, text).map_err(wrong)?;
    let unable = "setpriv --bounding-set -sys_time --inh-caps -sys_time";
    let line = format!(
        "{unable} {} -f {} 2>{} & exec {unable} {daemon}",
        ptpd.display(),
        yaml.display(),
        host.dir().join("feeding.log").display()
    );
    let process =
        host.start("daemon", Path::new("/usr/bin/unshare"), ["--ipc", "sh", "-c", line.as_str()])?;
    Ok((host, master, process))
}

/// The daemon says that the clock is behind by what the master is ahead.
fn holds(daemon: &str, ahead: f64) -> Result<(), LabError> {
    let wanted = MASTER_AHEAD_NS as f64 * 1e-9;
    println!("{daemon} says that the clock is {ahead} s behind; the master is {wanted} s ahead");
    if (ahead - wanted).abs() < MASTER_AGREEMENT_S {
        Ok(())
    } else {
        Err(wrong(format!("{daemon}: {ahead} s")))
    }
}

fn ptpd_feeds_chronyd(lab: &mut Lab) -> Result<(), LabError> {
    let (Some(chronyd), Some(chronyc)) = (peer("chronyd", "chrony"), peer("chronyc", "chrony")) else {
        return Err(wrong("chrony is gone"));
    };
    std::fs::create_dir_all("/run/chrony").map_err(wrong)?;
    std::fs::set_permissions("/run/chrony", std::fs::Permissions::from_mode(0o750)).map_err(wrong)?;
    write(
        "/run/chrony.conf",
        "refclock SOCK /run/ptp.sock refid PTP poll 0 delay 1e-3\n\
         bindcmdaddress /run/chrony/chronyd.sock\nport 0\npidfile /run/chronyd.pid\nuser root\n",
    )?;
    let daemon = format!("{} -x -d -f /run/chrony.conf", chronyd.display());
    let (host, _master, mut process) =
        ptpd_beside(lab, "{kind: chrony_sock, chrony_sock: /run/ptp.sock}", &daemon)?;
    let chronyc = chronyc.to_string_lossy().into_owned();
    let limit = Instant::now() + PATIENCE;
    loop {
        let report =
            run_command(&chronyc, &["-h", "/run/chrony/chronyd.sock", "-c", "sources"]).unwrap_or_default();
        if report.lines().any(|l| l.starts_with("#,*,PTP,") && l.split(',').nth(5) == Some("377")) {
            println!("{report}");
            break;
        }
        if Instant::now() > limit {
            let log = std::fs::read_to_string(host.dir().join("feeding.log")).unwrap_or_default();
            return Err(wrong(format!("not within a minute: {report}\n{}\n{log}", process.last_words())));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let tracking = run_command(&chronyc, &["-h", "/run/chrony/chronyd.sock", "-n", "tracking"])?;
    let behind = behind(&tracking).ok_or_else(|| wrong(format!("the clock is not behind: {tracking}")))?;
    holds("chronyd", behind)?;
    process.kill()?;
    Ok(())
}

#[test]
fn chronyd_takes_ptpds_sock() {
    if peer("chronyd", "chrony").is_none() {
        return skip("chronyd_takes_ptpds_sock: no chronyd: run hil-tests/setup");
    }
    experiment("chronyd_takes_ptpds_sock", &[], ptpd_feeds_chronyd);
}

fn ptpd_feeds_ntpd(lab: &mut Lab) -> Result<(), LabError> {
    let ntpd = peer("ntpd", "ntpsec").ok_or_else(|| wrong("ntpd is gone"))?;
    let stats = Path::new("/run/stats");
    std::fs::create_dir_all(stats).map_err(wrong)?;
    write(
        "/run/ntp.conf",
        "disable ntp\ndisable kernel\nstatsdir /run/stats/\nfilegen peerstats file peerstats type day enable\n\
         statistics peerstats\nrefclock shm unit 3 refid PTP minpoll 0 maxpoll 0 iburst\n\
         interface ignore wildcard\ninterface listen lo\n",
    )?;
    let daemon = format!("{} -n -g -c /run/ntp.conf", ntpd.display());
    let (host, _master, mut process) = ptpd_beside(lab, "{kind: ntp_shm, ntp_shm_unit: 3}", &daemon)?;
    let limit = Instant::now() + PATIENCE;
    let ahead = loop {
        let all = peer_stats(stats);
        // The system's source: 6 in the status word's selection.
        if let Some((status, offset)) = all.last().filter(|_| all.len() >= 8)
            && status >> 8 & 7 == 6
        {
            break *offset;
        }
        if Instant::now() > limit || process.ended().is_some() {
            let log = std::fs::read_to_string(host.dir().join("feeding.log")).unwrap_or_default();
            return Err(wrong(format!("not within a minute: {all:x?}\n{}\n{log}", process.last_words())));
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    holds("ntpd", ahead)?;
    process.kill()?;
    Ok(())
}

#[test]
fn ntpsec_takes_ptpds_shm() {
    if peer("ntpd", "ntpsec").is_none() {
        return skip("ntpsec_takes_ptpds_shm: no ntpd: run hil-tests/setup");
    }
    experiment("ntpsec_takes_ptpds_shm", &[], ptpd_feeds_ntpd);
}
