//! `phc-sync` with several sources: one that lies does not move the clock, the error bound holds, chronyd gets them all.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use hil_tests::lab::{
    Host, Instance, Lab, LabError, Process, PtpdOptions, experiment, our_program, run_command,
};
use ptp_bound::{Page, Status};
use ptp_clock::{Clock, VirtualClock, VirtualOptions};
use ptp_wire::TimeInterval;

const PATIENCE: Duration = Duration::from_secs(60);
const UTC_OFFSET_NS: f64 = 37e9;
/// Far more than software stamps need on a busy machine, far less than the lie.
const AGREEMENT_NS: f64 = 500e3;
const LIE_NS: i64 = 20_000_000;

fn wrong(e: impl std::fmt::Display) -> LabError {
    LabError::Wrong(e.to_string())
}

fn clock(path: &str, ahead: i64, ppb: f64) -> Result<VirtualClock, LabError> {
    static EPOCH: OnceLock<i64> = OnceLock::new();
    let options = VirtualOptions {
        epoch: Some(*EPOCH.get_or_init(VirtualOptions::epoch_now)),
        offset: TimeInterval::from_nanos(ahead),
        frequency_error_ppb: ppb,
        ..VirtualOptions::default()
    };
    VirtualClock::create(path, &options).map_err(wrong)
}

fn error(clock: &mut VirtualClock) -> Result<f64, LabError> {
    clock.true_error().map(TimeInterval::nanos_f64).map_err(wrong)
}

fn ptpd(host: &Host, clock: &str, client: bool) -> Result<Instance, LabError> {
    let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new(clock));
    options.priority1 = if client { 128 } else { 10 };
    options.client_only = client;
    Instance::start(host, &our_program("ptpd")?, &options)
}

/// Grandmasters and clients of their own: sockets /run/ptpd-b0.., clocks /run/clock-b0..
struct Domains {
    /// One of the clients'.
    host: Host,
    masters: Vec<VirtualClock>,
    serving: Vec<Instance>,
    /// They end with this.
    _following: Vec<Instance>,
}

fn domains(lab: &mut Lab, count: usize) -> Result<Domains, LabError> {
    let (mut masters, mut serving, mut following) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for i in 0..count {
        let (a, b) = (lab.host(&format!("a{i}"))?, lab.host(&format!("b{i}"))?);
        lab.link((&a, "eth0"), (&b, "eth0"))?;
        let (at, bt) = (format!("/run/clock-a{i}"), format!("/run/clock-b{i}"));
        masters.push(clock(&at, 0, 0.0)?);
        clock(&bt, 300_000, 4_000.0 * (i as f64 + 1.0))?;
        serving.push(ptpd(&a, &at, false)?);
        following.push(ptpd(&b, &bt, true)?);
        last = Some(b);
    }
    for instance in &mut following {
        instance.wait_until("SLAVE", PATIENCE, |look| look.state() == Some("SLAVE"))?;
    }
    let host = last.ok_or_else(|| wrong("no domain"))?;
    Ok(Domains { host, masters, serving, _following: following })
}

fn instances(count: usize) -> String {
    let mut text = String::from("instances:\n");
    for i in 0..count {
        let _ = writeln!(text, "  - {{socket: /run/ptpd-b{i}, clock: 'virtual:/run/clock-b{i}'}}");
    }
    text
}

fn start(host: &Host, text: &str) -> Result<Process, LabError> {
    let file = host.dir().join("phc-sync.yaml");
    std::fs::write(&file, text).map_err(wrong)?;
    host.start("phc-sync", &our_program("phc-sync")?, ["-f".as_ref(), file.as_os_str()])
}

fn wait_within(ns: &str, timeout: &str) -> Result<bool, LabError> {
    let program = our_program("phc-sync")?;
    let arguments = ["wait", "--page", "/run/bound", "--within", ns, "--timeout", timeout];
    let said = run_command(&program.to_string_lossy(), &arguments);
    println!("wait --within {ns}: {said:?}");
    Ok(said.is_ok())
}

fn announce_utc(socket: &Path, seconds: i16) -> Result<(), LabError> {
    let settings = format!(
        "SET GRANDMASTER_SETTINGS_NP clockClass 248 clockAccuracy 0xfe offsetScaledLogVariance 0xffff currentUtcOffset {seconds} \
         leap61 0 leap59 0 currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 0 frequencyTraceable 0 timeSource 0xa0"
    );
    let (program, uds) = (our_program("pmc")?, socket.to_string_lossy().into_owned());
    let arguments = ["-u", "-b", "0", "-i", "/run/settings-pmc", "-s", &uds, &settings];
    let said = run_command(&program.to_string_lossy(), &arguments)?;
    if said.contains("currentUtcOffset") { Ok(()) } else { Err(wrong(said)) }
}

fn majority(lab: &mut Lab) -> Result<(), LabError> {
    let Domains { host, mut masters, mut serving, _following } = domains(lab, 2)?;
    // A third source that needs no daemon.
    let _third = clock("/run/clock-third", 20_000, 0.0)?;
    let mut system = clock("/run/clock-system", 9_000_000, 25_000.0)?;
    let mut text = instances(2);
    text.push_str(
        "system_clock: sink\nsystem_clock_device: virtual:/run/clock-system\nrate: 8\nselection: intersection\n\
         sources:\n  - {clock: 'virtual:/run/clock-third', error: 100 us}\nsource_error: 50 us\nmax_slew: 100 ppm\n\
         error_bound_page: /run/bound\n",
    );
    let mut sync = start(&host, &text)?;
    if !wait_within("2ms", "60s")? {
        return Err(wrong(format!("never within 2 ms:\n{}", sync.last_words())));
    }
    if wait_within("1ns", "200ms")? {
        return Err(wrong("within 1 ns, of all things"));
    }
    let page = Page::open(Path::new("/run/bound")).map_err(wrong)?;
    let largest = std::cell::Cell::new(0f64);
    let look = |system: &mut VirtualClock| -> Result<(), LabError> {
        let bound = page.read().map_err(wrong)?;
        let off = (error(system)? + UTC_OFFSET_NS).abs();
        largest.set(largest.get().max(off));
        if bound.status == Status::Synchronized && off > bound.bound_ns as f64 + 10_000.0 {
            return Err(wrong(format!("{off} ns off, and the bound says {} ns", bound.bound_ns)));
        }
        if off > AGREEMENT_NS {
            return Err(wrong(format!("the system clock is {off} ns off")));
        }
        Ok(())
    };
    for _ in 0..20 {
        look(&mut system)?;
        std::thread::sleep(Duration::from_millis(50));
    }
    // The first grandmaster starts to lie; its client follows it.
    masters[0].step(TimeInterval::from_nanos(LIE_NS)).map_err(wrong)?;
    let limit = Instant::now() + PATIENCE;
    while !sync.log().contains("falseticker: /run/ptpd-b0") {
        look(&mut system)?;
        if Instant::now() > limit {
            return Err(wrong(format!("the liar was not found:\n{}", sync.last_words())));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    for _ in 0..60 {
        look(&mut system)?;
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("a lie of {LIE_NS} ns moved the clock by no more than {:.0} ns", largest.get());
    // It repents.
    masters[0].step(TimeInterval::from_nanos(-LIE_NS)).map_err(wrong)?;
    // Its client may lose the lock on the way back, and join anew.
    let limit = Instant::now() + PATIENCE;
    let back = |log: &str| {
        log.rsplit_once("falseticker: /run/ptpd-b0").is_some_and(|(_, since)| {
            since.contains("/run/ptpd-b0 agrees with the majority again")
                || since.contains("/run/ptpd-b0 is one of the majority")
        })
    };
    while !back(&sync.log()) {
        look(&mut system)?;
        if Instant::now() > limit {
            return Err(wrong(format!("the repentant was not taken back:\n{}", sync.last_words())));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    for _ in 0..20 {
        look(&mut system)?;
        std::thread::sleep(Duration::from_millis(50));
    }
    // It lies about UTC: the third source, a clock on TAI, does not take its word for it.
    let before = sync.log().len();
    announce_utc(&serving[0].socket, 30)?;
    let limit = Instant::now() + PATIENCE;
    while !sync.log().get(before..).is_some_and(|l| l.contains("falseticker: /run/ptpd-b0")) {
        look(&mut system)?;
        if Instant::now() > limit {
            return Err(wrong(format!("the liar about UTC was not found:\n{}", sync.last_words())));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    for _ in 0..20 {
        look(&mut system)?;
        std::thread::sleep(Duration::from_millis(50));
    }
    announce_utc(&serving[0].socket, 37)?;
    let since = |log: &str| log.get(before..).is_some_and(back);
    while !since(&sync.log()) {
        look(&mut system)?;
        if Instant::now() > limit + PATIENCE {
            return Err(wrong(format!("it was not taken back:\n{}", sync.last_words())));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // Both grandmasters lie, differently: there is no majority, and nothing is steered.
    masters[0].step(TimeInterval::from_nanos(LIE_NS)).map_err(wrong)?;
    masters[1].step(TimeInterval::from_nanos(-LIE_NS)).map_err(wrong)?;
    sync.wait_for_line("the end of the majority", PATIENCE, |l| {
        l.contains("no majority: the clock runs on")
    })?;
    // The page ages: the reader says so without any word of the writer.
    let limit = Instant::now() + PATIENCE;
    while page.now().map_err(wrong)?.status != Status::FreeRunning {
        if Instant::now() > limit {
            return Err(wrong("the page never became free running"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    for instance in &mut serving {
        instance.process.stop(PATIENCE)?;
    }
    sync.stop(PATIENCE)?;
    Ok(())
}

#[test]
fn one_liar_does_not_move_the_clock() {
    experiment("one_liar_does_not_move_the_clock", &[], majority);
}

/// `phc-sync chrony --serve` fills one socket for each domain; the configuration names them, with the delay as measured.
fn chrony_sockets(lab: &mut Lab) -> Result<(), LabError> {
    let domains = domains(lab, 2)?;
    let host = &domains.host;
    let file = host.dir().join("phc-sync.yaml");
    std::fs::write(&file, instances(2)).map_err(wrong)?;
    let program = our_program("phc-sync")?;
    let file = file.to_string_lossy().into_owned();
    let common = ["chrony", "-f", &file, "--directory", "/run"];
    let text = run_command(&program.to_string_lossy(), &common)?;
    println!("{text}");
    let lines: Vec<&str> = text.lines().filter(|l| l.starts_with("refclock SOCK /run/ptp")).collect();
    let delay = |l: &str| l.rsplit(' ').next().and_then(|d| d.parse::<f64>().ok()).unwrap_or(0.0);
    if lines.len() != 2
        || !lines.iter().all(|l| (1e-6..1e-2).contains(&delay(l)))
        || text.contains("assumed;")
    {
        return Err(wrong(format!("not what is wanted: {text}")));
    }
    let sockets: Vec<_> = (0..2)
        .map(|i| std::os::unix::net::UnixDatagram::bind(format!("/run/ptp{i}.sock")))
        .collect::<Result<_, _>>()
        .map_err(wrong)?;
    let mut arguments = common.to_vec();
    arguments.extend(["--serve", "-R", "8", "-O", "0"]);
    let mut sync = host.start("chrony", &program, arguments)?;
    for socket in &sockets {
        socket.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
        for _ in 0..8 {
            let mut octets = [0; 64];
            let n = socket.recv(&mut octets).map_err(wrong)?;
            let offset = f64::from_ne_bytes(octets[16..24].try_into().map_err(wrong)?);
            if n != 40 || offset.abs() > 0.1 {
                return Err(wrong(format!("{n} octets, offset {offset} s")));
            }
        }
    }
    sync.stop(PATIENCE)?;
    Ok(())
}

#[test]
fn chronyd_gets_a_socket_for_each_domain() {
    experiment("chronyd_gets_a_socket_for_each_domain", &[], chrony_sockets);
}
