//! `phc-sync` beside `ptpd` and Debian's `ptp4l`, in namespaces, on virtual clocks.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use hil_tests::lab::{
    Host, Instance, LINUXPTP, Lab, LabError, Process, Ptp4l, PtpdOptions, experiment, our_program,
    run_command,
};
use nix::sys::signal::Signal;
use ptp_clock::{Clock, VirtualClock, VirtualOptions};
use ptp_wire::TimeInterval;

const PATIENCE: Duration = Duration::from_secs(60);
/// TAI - UTC that the grandmasters announce.
const UTC_OFFSET_NS: f64 = 37e9;
/// Far more than software stamps need on a busy machine, far less than anything that is tested here.
const AGREEMENT_NS: f64 = 300e3;

/// Truth minus CLOCK_MONOTONIC_RAW, the same for all clocks.
static EPOCH: OnceLock<i64> = OnceLock::new();

fn wrong(e: impl std::fmt::Display) -> LabError {
    LabError::Wrong(e.to_string())
}

/// A clock of the truth that all share; `ahead` ns, `ppb` fast.
fn clock(path: &str, ahead: i64, ppb: f64) -> Result<VirtualClock, LabError> {
    let options = VirtualOptions {
        epoch: Some(*EPOCH.get_or_init(VirtualOptions::epoch_now)),
        offset: TimeInterval::from_nanos(ahead),
        frequency_error_ppb: ppb,
        ..VirtualOptions::default()
    };
    VirtualClock::create(path, &options).map_err(wrong)
}

/// True error in ns.
fn error(clock: &mut VirtualClock) -> Result<f64, LabError> {
    clock.true_error().map(TimeInterval::nanos_f64).map_err(wrong)
}

fn wait(
    what: &str,
    process: &Process,
    mut done: impl FnMut() -> Result<bool, LabError>,
) -> Result<(), LabError> {
    let limit = Instant::now() + PATIENCE;
    while !done()? {
        if Instant::now() > limit {
            return Err(wrong(format!("not within a minute: {what}\n{}", process.last_words())));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The clock `b` is this far behind `a`, five looks in a row.
fn wait_apart(
    what: &str,
    process: &Process,
    a: &mut VirtualClock,
    b: &mut VirtualClock,
    behind: f64,
) -> Result<(), LabError> {
    let mut good = 0;
    wait(what, process, || {
        let apart = error(a)? - error(b)?;
        good = if (apart - behind).abs() < AGREEMENT_NS { good + 1 } else { 0 };
        Ok(good >= 5)
    })
}

fn file(host: &Host, text: &str) -> Result<PathBuf, LabError> {
    let path = host.dir().join(format!("{}-phc-sync.yaml", host.name()));
    std::fs::write(&path, text).map_err(wrong)?;
    Ok(path)
}

fn phc_sync(host: &Host, text: &str) -> Result<Process, LabError> {
    let file = file(host, text)?;
    host.start("phc-sync", &our_program("phc-sync")?, ["-f".as_ref(), file.as_os_str()])
}

fn ptpd(host: &Host, clock: &str, priority1: u8, client: bool) -> Result<Instance, LabError> {
    let mut options = PtpdOptions::new(&["eth0"]).on_virtual_clock(Path::new(clock));
    options.priority1 = priority1;
    options.client_only = client;
    let mut instance = Instance::start(host, &our_program("ptpd")?, &options)?;
    instance.wait_until("its first answer", PATIENCE, |look| look.state().is_some())?;
    Ok(instance)
}

fn set_utc_offset(socket: &Path, seconds: i16) -> Result<(), LabError> {
    announce(socket, seconds, false)
}

fn announce(socket: &Path, seconds: i16, leap61: bool) -> Result<(), LabError> {
    let leap61 = u8::from(leap61);
    let program = our_program("pmc")?;
    let settings = format!(
        "SET GRANDMASTER_SETTINGS_NP clockClass 6 clockAccuracy 0x21 offsetScaledLogVariance 0x4e5d currentUtcOffset {seconds} \
         leap61 {leap61} leap59 0 currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1 frequencyTraceable 1 timeSource 0x20"
    );
    let uds = socket.to_string_lossy();
    let said = run_command(
        &program.to_string_lossy(),
        &["-u", "-b", "0", "-i", "/run/settings-pmc", "-s", &uds, &settings],
    )?;
    if said.contains("currentUtcOffset") { Ok(()) } else { Err(wrong(said)) }
}

fn slave(instance: &mut Instance) -> Result<(), LabError> {
    instance.wait_until("SLAVE", PATIENCE, |look| look.state() == Some("SLAVE")).map(drop)
}

/// Follows, is at once where the UTC offset changes, holds still without a source, finds it again, names strangers.
fn follows_ptpd(lab: &mut Lab) -> Result<(), LabError> {
    let (gm, client) = (lab.host("gm")?, lab.host("client")?);
    lab.link((&gm, "eth0"), (&client, "eth0"))?;
    let mut truth = clock("/run/clock-gm", 0, 0.0)?;
    let _ptp = clock("/run/clock-client", 400_000, 12_000.0)?;
    let mut system = clock("/run/clock-system", -5_000_000_000, 30_000.0)?;
    let serving = ptpd(&gm, "/run/clock-gm", 10, false)?;
    let mut following = ptpd(&client, "/run/clock-client", 128, true)?;
    let mut sync = phc_sync(
        &client,
        "instances:\n  - socket: /run/ptpd-client\n    clock: virtual:/run/clock-client\n\
         system_clock: sink\nsystem_clock_device: virtual:/run/clock-system\nrate: 8\nstep_threshold: 100 ms\n",
    )?;
    // Nothing is steered by a clock that is not good yet.
    let untouched = system.observation().map_err(wrong)?.adjustments;
    if following.wait_until("a state", PATIENCE, |look| look.state().is_some())?.state() != Some("SLAVE") {
        let now = system.observation().map_err(wrong)?.adjustments;
        let state = following.wait_until("a state", PATIENCE, |look| look.state().is_some())?;
        if state.state() != Some("SLAVE") && now != untouched {
            return Err(wrong("the system clock was steered before the port was a slave"));
        }
    }
    slave(&mut following)?;
    wait_apart("UTC after TAI", &sync, &mut truth, &mut system, UTC_OFFSET_NS)?;
    set_utc_offset(&serving.socket, 38)?;
    wait_apart("a new UTC offset", &sync, &mut truth, &mut system, 38e9)?;
    set_utc_offset(&serving.socket, 37)?;
    wait_apart("the old UTC offset", &sync, &mut truth, &mut system, UTC_OFFSET_NS)?;

    // The daemon dies: nothing is steered any more.
    following.process.kill()?;
    sync.wait_for_line("the loss", PATIENCE, |l| l.contains("lost /run/ptpd-client"))?;
    std::thread::sleep(Duration::from_millis(300));
    let held = system.observation().map_err(wrong)?.adjustments;
    std::thread::sleep(Duration::from_secs(1));
    let now = system.observation().map_err(wrong)?.adjustments;
    if now != held {
        return Err(wrong(format!("steered without a source: {held} adjustments, then {now}")));
    }
    // It comes back, and its clock was put wrong meanwhile: the system clock waits until it is right again.
    system.step(TimeInterval::from_nanos(300_000_000)).map_err(wrong)?;
    let line =
        sync.wait_for_line("a word about strangers", PATIENCE, |l| l.contains("somebody else adjusts"))?;
    println!("{line}");
    let own = format!("(process {})", std::process::id());
    if !line.contains(&own) || !line.contains("stepped") {
        return Err(wrong(format!("{own} is not named: {line}")));
    }
    let mut following = ptpd(&client, "/run/clock-client", 128, true)?;
    slave(&mut following)?;
    wait_apart("the daemon's return", &sync, &mut truth, &mut system, UTC_OFFSET_NS)?;

    // Another one, of whom the same minute has no word more.
    system.set_frequency(123_456.0).map_err(wrong)?;
    wait_apart("the stranger's end", &sync, &mut truth, &mut system, UTC_OFFSET_NS)?;
    sync.stop(PATIENCE)?;
    Ok(())
}

#[test]
fn the_system_clock_follows_ptpd() {
    experiment("the_system_clock_follows_ptpd", &[], follows_ptpd);
}

/// Two domains, each with its own grandmaster, 50 ms apart: the first goes first, the second steps in.
fn two_domains(lab: &mut Lab) -> Result<(), LabError> {
    let (a, b) = (lab.host("a")?, lab.host("b")?);
    let (left, right) = (lab.host("left")?, lab.host("right")?);
    lab.link((&a, "eth0"), (&left, "eth0"))?;
    lab.link((&b, "eth0"), (&right, "eth0"))?;
    let mut truth = clock("/run/clock-a", 0, 0.0)?;
    let _other = clock("/run/clock-b", 50_000_000, 0.0)?;
    let _left = clock("/run/clock-left", 400_000, 12_000.0)?;
    let _right = clock("/run/clock-right", -400_000, -9_000.0)?;
    let mut system = clock("/run/clock-system", 7_000_000, 30_000.0)?;
    let _serving = (ptpd(&a, "/run/clock-a", 10, false)?, ptpd(&b, "/run/clock-b", 10, false)?);
    let mut first = ptpd(&left, "/run/clock-left", 128, true)?;
    let mut second = ptpd(&right, "/run/clock-right", 128, true)?;
    slave(&mut first)?;
    slave(&mut second)?;
    let mut sync = phc_sync(
        &left,
        "instances:\n  - {socket: /run/ptpd-left, clock: 'virtual:/run/clock-left'}\n\
         \x20 - {socket: /run/ptpd-right, clock: 'virtual:/run/clock-right'}\n\
         system_clock: sink\nsystem_clock_device: virtual:/run/clock-system\nrate: 8\nstep_threshold: 10 ms\n",
    )?;
    wait_apart("the first domain", &sync, &mut truth, &mut system, UTC_OFFSET_NS)?;
    first.process.stop(PATIENCE)?;
    wait_apart("the second domain", &sync, &mut truth, &mut system, UTC_OFFSET_NS - 50e6)?;
    let mut first = ptpd(&left, "/run/clock-left", 128, true)?;
    slave(&mut first)?;
    wait_apart("the first domain again", &sync, &mut truth, &mut system, UTC_OFFSET_NS)?;
    sync.stop(PATIENCE)?;
    Ok(())
}

#[test]
fn domains_go_by_priority() {
    experiment("domains_go_by_priority", &[], two_domains);
}

/// Instances come and go with a reload: the one that stays is not asked anew, and the clock notices only the loss of what it
/// follows.
fn instances_by_reload(lab: &mut Lab) -> Result<(), LabError> {
    let gm = lab.host("gm")?;
    let (left, right) = (lab.host("left")?, lab.host("right")?);
    lab.link((&gm, "eth0"), (&left, "eth0"))?;
    lab.link((&gm, "eth1"), (&right, "eth0"))?;
    let mut truth = clock("/run/clock-gm", 0, 0.0)?;
    let _left = clock("/run/clock-left", 400_000, 12_000.0)?;
    let _right = clock("/run/clock-right", -400_000, -9_000.0)?;
    let mut system = clock("/run/clock-system", 7_000_000, 30_000.0)?;
    let mut options = PtpdOptions::new(&["eth0", "eth1"]).on_virtual_clock(Path::new("/run/clock-gm"));
    options.priority1 = 10;
    let _serving = Instance::start(&gm, &our_program("ptpd")?, &options)?;
    let mut first = ptpd(&left, "/run/clock-left", 128, true)?;
    let mut second = ptpd(&right, "/run/clock-right", 128, true)?;
    slave(&mut first)?;
    slave(&mut second)?;
    let text = |instances: &[&str], more: &str| {
        let list: String = instances
            .iter()
            .map(|i| format!("  - {{socket: /run/ptpd-{i}, clock: 'virtual:/run/clock-{i}'}}\n"))
            .collect();
        format!(
            "instances:\n{list}system_clock: sink\nsystem_clock_device: virtual:/run/clock-system\nrate: 8\n\
             first_step_threshold: 1 ms\n{more}"
        )
    };
    let mut sync = phc_sync(&left, &text(&["left"], ""))?;
    wait_apart("one instance", &sync, &mut truth, &mut system, UTC_OFFSET_NS)?;
    let tracks = |l: &str| l.contains("virtual:/run/clock-system phc offset") && l.contains(" s2 ");
    sync.wait_for_line("the lock", PATIENCE, tracks)?;
    let begun = sync.log().len();
    // Each is waited for: a file that is written while the last one is read is half a file.
    let mut reloads = 0;
    let mut reload = |sync: &mut Process, instances: &[&str], more: &str| -> Result<(), LabError> {
        file(&left, &text(instances, more))?;
        sync.signal(Signal::SIGHUP)?;
        reloads += 1;
        wait("the reload", sync, || Ok(sync.log().matches("configuration reloaded").count() >= reloads))
    };
    reload(&mut sync, &["left", "right"], "")?;
    sync.wait_for_line("the second instance", PATIENCE, |l| l.contains("following /run/ptpd-right"))?;
    // It goes again and comes back, while the clock gets one servo after the other.
    reload(&mut sync, &["left"], "servo: adaptive\n")?;
    reload(&mut sync, &["left", "right"], "servo: linreg\npi_integral_const: 0.2\n")?;
    reload(&mut sync, &["left", "right"], "servo: adaptive\n")?;
    let tracked = sync.log().matches(" s2 ").count();
    wait("the lock", &sync, || Ok(sync.log().matches(" s2 ").count() > tracked + 8))?;
    wait_apart("two instances", &sync, &mut truth, &mut system, UTC_OFFSET_NS)?;
    let log = sync.log();
    let after = log.get(begun..).unwrap_or_default();
    for never in [" s1 ", "following /run/ptpd-left", "lost /run/ptpd-left", "stepped", "somebody else"] {
        if after.contains(never) {
            return Err(wrong(format!("{never:?} after a reload:\n{after}")));
        }
    }
    // The one that is followed goes.
    reload(&mut sync, &["right"], "servo: adaptive\n")?;
    sync.wait_for_line("the other one", PATIENCE, |l| {
        l.contains("selecting virtual:/run/clock-right as the master")
    })?;
    wait_apart("the other instance", &sync, &mut truth, &mut system, UTC_OFFSET_NS)?;
    // And one that is not there is left: the clock is let run as it is.
    let tracked = sync.log().matches(" s2 ").count();
    wait("the lock", &sync, || Ok(sync.log().matches(" s2 ").count() > tracked + 40))?;
    reload(&mut sync, &["nobody"], "servo: adaptive\n")?;
    sync.wait_for_line("nothing to do", PATIENCE, |l| l.contains("nothing to synchronize"))?;
    wait_apart("no instance", &sync, &mut truth, &mut system, UTC_OFFSET_NS)?;
    if sync.log().get(begun..).unwrap_or_default().contains(" s1 ") {
        return Err(wrong("it was stepped"));
    }
    sync.stop(PATIENCE)?;
    Ok(())
}

#[test]
fn instances_come_and_go_with_a_reload() {
    experiment("instances_come_and_go_with_a_reload", &[], instances_by_reload);
}

/// Debian's ptp4l says what its port is, and `phc-sync` acts at once. A ptp4l that touches no clock is never more than
/// UNCALIBRATED: nothing is steered by it. As a master its clock is the system clock's to steer.
fn states_of_ptp4l(lab: &mut Lab) -> Result<(), LabError> {
    let (gm, client) = (lab.host("gm")?, lab.host("client")?);
    lab.link((&gm, "eth0"), (&client, "eth0"))?;
    let mut ptp = clock("/run/clock-client", 9_000_000, 5_000.0)?;
    let mut system = clock("/run/clock-system", 7_000_000, 0.0)?;
    let mut serving = Ptp4l::start(&gm, &["eth0"], &["--priority1=10"])?;
    let mut following = Ptp4l::start(&client, &["eth0"], &[])?;
    following.wait_for_state(1, "UNCALIBRATED", PATIENCE)?;
    let mut sync = phc_sync(
        &client,
        "instances:\n  - {socket: /run/ptp4l-client, clock: 'virtual:/run/clock-client'}\n\
         system_clock: sink-or-source\nsystem_clock_device: virtual:/run/clock-system\nrate: 8\n",
    )?;
    sync.wait_for_line("waiting", PATIENCE, |l| l.contains("master clock not ready, waiting..."))?;
    std::thread::sleep(Duration::from_secs(1));
    for clock in [&mut ptp, &mut system] {
        let touched = clock.observation().map_err(wrong)?.adjustments;
        if touched != 0 {
            return Err(wrong(format!("a clock was steered by a source that is not ready\n{}", sync.log())));
        }
    }
    serving.process.stop(PATIENCE)?;
    following.wait_for_state(1, "MASTER", PATIENCE)?;
    sync.wait_for_line("the notification", PATIENCE, |l| l.contains("changed state"))?;
    // With software stamps ptp4l is on no PTP timescale: both clocks show the same.
    wait_apart("a master's clock", &sync, &mut ptp, &mut system, 0.0)?;
    if system.observation().map_err(wrong)?.adjustments != 0 {
        return Err(wrong("the source was steered"));
    }
    following.process.stop(PATIENCE)?;
    sync.wait_for_line("the loss of ptp4l", PATIENCE, |l| l.contains("lost /run/ptp4l-client"))?;
    sync.wait_for_line("nothing to do", PATIENCE, |l| l.contains("nothing to synchronize"))?;
    sync.stop(PATIENCE)?;
    Ok(())
}

#[test]
fn the_states_of_debians_ptp4l_count() {
    experiment("the_states_of_debians_ptp4l_count", LINUXPTP, states_of_ptp4l);
}

/// TAI of the last leap second's end: 2017-01-01 00:00:00 UTC was TAI - 37.
const LEAP_TAI_NS: i128 = (1_483_228_800 + 37) * 1_000_000_000;
/// The smear's window, s.
const WINDOW_S: f64 = 30.0;

/// The last night of 2016 once more: an inserted second, announced by flag, and the new offset never. One system clock steps
/// at the instant, the other smears.
fn leap_second(lab: &mut Lab) -> Result<(), LabError> {
    let raw = ptp_clock::monotonic_raw_now();
    // 70 s before the end of the inserted second: a busy machine is in time, too.
    let epoch = i64::try_from(LEAP_TAI_NS - 70_000_000_000 - i128::from(raw)).map_err(wrong)?;
    EPOCH.set(epoch).map_err(|_| wrong("there are clocks already"))?;
    let (gm, client) = (lab.host("gm")?, lab.host("client")?);
    lab.link((&gm, "eth0"), (&client, "eth0"))?;
    let mut truth = clock("/run/clock-gm", 0, 0.0)?;
    let _ptp = clock("/run/clock-client", 100_000, 5_000.0)?;
    let mut stepping = clock("/run/clock-stepping", 0, 30_000.0)?;
    let mut smearing = clock("/run/clock-smearing", 0, -20_000.0)?;
    let serving = ptpd(&gm, "/run/clock-gm", 10, false)?;
    let mut following = ptpd(&client, "/run/clock-client", 128, true)?;
    announce(&serving.socket, 36, true)?;
    slave(&mut following)?;
    let start = |name: &str, more: &str| {
        let text = format!(
            "instances:\n  - {{socket: /run/ptpd-client, clock: 'virtual:/run/clock-client'}}\n\
             system_clock_device: virtual:/run/clock-{name}\nrate: 16\nstep_threshold: 200 ms\n{more}"
        );
        let path = client.dir().join(format!("{name}.yaml"));
        std::fs::write(&path, text).map_err(wrong)?;
        client.start(name, &our_program("phc-sync")?, ["-f".as_ref(), path.as_os_str()])
    };
    let mut first = start("stepping", "leap_second: servo\n")?;
    let mut second = start("smearing", &format!("leap_second: smear-cosine\nsmear_window: {WINDOW_S} s\n"))?;
    let seconds = |clock: &mut VirtualClock| -> Result<f64, LabError> {
        Ok((clock.now().map_err(wrong)?.nanos() - LEAP_TAI_NS) as f64 * 1e-9)
    };
    if seconds(&mut truth)? > -WINDOW_S / 2.0 - 8.0 {
        return Err(wrong("the machine was too slow to be there in time"));
    }
    let mut worst = (0f64, 0f64);
    loop {
        let t = seconds(&mut truth)?;
        let (a, b) = (error(&mut stepping)? * -1e-9, error(&mut smearing)? * -1e-9);
        // Both are on UTC by then; around the event the step may still be on its way.
        if t > -WINDOW_S / 2.0 - 2.0 {
            // From half a window before the inserted second to half a window after it.
            let share = ((t + 1.0 + WINDOW_S / 2.0) / (WINDOW_S + 1.0)).clamp(0.0, 1.0);
            let smeared = 36.0 + 0.5 * (1.0 - (share * std::f64::consts::PI).cos());
            worst.1 = worst.1.max((b - smeared).abs());
            if t.abs() > 3.0 {
                worst.0 = worst.0.max((a - if t > 0.0 { 37.0 } else { 36.0 }).abs());
            }
        }
        if t > WINDOW_S / 2.0 + 3.0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("worst: {} s from the step, {} s from the smear", worst.0, worst.1);
    if worst.0 > 0.001 || worst.1 > 0.01 {
        return Err(wrong(format!("{worst:?}\n{}\n{}", first.last_words(), second.last_words())));
    }
    first.stop(PATIENCE)?;
    second.stop(PATIENCE)?;
    Ok(())
}

#[test]
fn a_leap_second_is_stepped_or_smeared() {
    experiment("a_leap_second_is_stepped_or_smeared", &[], leap_second);
}

/// Twelve ports are more than the kernel keeps answers for at once; the last one is the slave.
fn many_ports(lab: &mut Lab) -> Result<(), LabError> {
    const PORTS: usize = 12;
    let (gm, client, leaf) = (lab.host("gm")?, lab.host("client")?, lab.host("leaf")?);
    let names: Vec<String> = (0..PORTS).map(|i| format!("eth{i}")).collect();
    for (i, name) in names.iter().enumerate() {
        let end = if i + 1 == PORTS { (&gm, "eth0") } else { (&leaf, name.as_str()) };
        lab.link(end, (&client, name))?;
    }
    let mut truth = clock("/run/clock-gm", 0, 0.0)?;
    let _ptp = clock("/run/clock-client", 100_000, 5_000.0)?;
    let mut system = clock("/run/clock-system", 7_000_000, 30_000.0)?;
    let _serving = ptpd(&gm, "/run/clock-gm", 10, false)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let options = PtpdOptions::new(&names).on_virtual_clock(Path::new("/run/clock-client"));
    let _following = Instance::start(&client, &our_program("ptpd")?, &options)?;
    let mut sync = phc_sync(
        &client,
        "instances:\n  - {socket: /run/ptpd-client, clock: 'virtual:/run/clock-client'}\n\
         system_clock: sink\nsystem_clock_device: virtual:/run/clock-system\nrate: 8\n",
    )?;
    wait_apart("the last port's clock", &sync, &mut truth, &mut system, UTC_OFFSET_NS)?;
    sync.stop(PATIENCE)?;
    Ok(())
}

#[test]
fn an_instance_with_many_ports_is_followed() {
    experiment("an_instance_with_many_ports_is_followed", &[], many_ports);
}
