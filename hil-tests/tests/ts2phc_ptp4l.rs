//! ts2phc beside Debian's ptp4l: what it tells it, as it is on the wire; and what it tells of itself to service managers,
//! monitoring, subscribers and the evidence log.

use std::io::Read;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use hil_tests::lab::{
    Announced, Announces, Host, LINUXPTP, Lab, LabError, Manager, Process, Ptp4l, Receiver, expect,
    experiment, our_program, run_command, scrape,
};
use ptp_wire::{Flags, TimeSource};

const PATIENCE: Duration = Duration::from_secs(90);
const GNSS: &str = "/run/clock-gnss";

fn wrong(e: impl std::fmt::Display) -> LabError {
    LabError::Wrong(e.to_string())
}

/// Linuxptp's daemon with a port that is a master.
fn ptp4l(host: &Host) -> Result<Ptp4l, LabError> {
    let mut daemon = Ptp4l::start(host, &["eth0"], &["--priority1=10"])?;
    daemon
        .wait_for_state(1, "MASTER", PATIENCE)
        .or_else(|_| daemon.wait_for_state(1, "GRAND_MASTER", PATIENCE))?;
    Ok(daemon)
}

fn traceable(flags: Flags) -> bool {
    flags.has(Flags::TIME_TRACEABLE) && flags.has(Flags::FREQUENCY_TRACEABLE)
}

fn start(host: &Host, manager: &Manager, file: &Path) -> Result<Process, LabError> {
    let mut command = host.command(our_program("ts2phc")?);
    command.arg("-f").arg(file);
    manager.watch(&mut command, Duration::from_secs(30));
    let log =
        host.dir().join(format!("ts2phc-{}.log", std::fs::read_dir(host.dir()).map_err(wrong)?.count()));
    Process::start("ts2phc", command, log)
}

fn page() -> Result<String, LabError> {
    scrape(Path::new("/run/metrics"))
}

/// The page until it has all of these lines, give or take what follows.
fn scraped(lines: &[&str]) -> Result<String, LabError> {
    let begun = Instant::now();
    loop {
        let text = page()?;
        if lines.iter().all(|line| text.lines().any(|l| l.starts_with(line))) {
            return Ok(text);
        }
        expect(begun.elapsed() < PATIENCE, || format!("{lines:?} in\n{text}"))?;
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Every series is in docs/metrics.md.
fn documented(page: &str) -> Result<(), LabError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let known = std::fs::read_to_string(path).map_err(wrong)?;
    let body = page.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let mut count = 0;
    for line in body.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|s| name.strip_suffix(s)).unwrap_or(name);
        expect([name, base].iter().any(|n| known.contains(&format!("`{n}`"))), || {
            format!("{name} is not in docs/metrics.md")
        })?;
        count += 1;
    }
    expect(count > 30, || format!("{count} series are few:\n{page}"))
}

fn told(lab: &mut Lab) -> Result<(), LabError> {
    let (gm, far) = (lab.host("gm")?, lab.host("far")?);
    lab.link((&gm, "eth0"), (&far, "eth0"))?;
    let receiver = Receiver::start(Path::new(GNSS), 3_000_000, 5_000.0)?;
    let wire = Announces::listen(&far, Ipv4Addr::new(10, 0, 1, 2))?;
    let mut daemon = ptp4l(&gm)?;
    let mut manager = Manager::new(Path::new("/run/manager"))?;
    let evidence = lab.dir().join("evidence");
    let file = lab.dir().join("ts2phc.yaml");
    let text = format!(
        "time: {}\nannounce: {}\nprofile: telecom\nmetrics: {{listen: /run/metrics}}\nevents_socket: /run/events\n\
         evidence: {{directory: {}, interval: 1 s}}\nclocks:\n  - clock: virtual:{GNSS}\n",
        receiver.device,
        daemon.uds,
        evidence.display()
    );
    std::fs::write(&file, text).map_err(wrong)?;
    let mut ts2phc = start(&gm, &manager, &file)?;

    let steps = (|| -> Result<(), LabError> {
        let Announced { flags, announce: a, before, .. } = wire.wait_for(6)?;
        let quality = a.grandmaster_clock_quality;
        println!("class 6 after {before:?}: {quality:?}, {flags:?}");
        expect(before.iter().all(|c| *c == 248), || format!("{before:?} before lock"))?;
        expect((0x20..=0x24).contains(&quality.clock_accuracy.0), || format!("{quality:?}"))?;
        expect(
            traceable(flags) && flags.has(Flags::PTP_TIMESCALE) && flags.has(Flags::UTC_OFFSET_VALID),
            || format!("{flags:?}"),
        )?;
        expect((a.current_utc_offset, a.time_source) == (37, TimeSource::GNSS), || format!("{a:?}"))?;
        expect(!flags.has(Flags::LEAP59) && !flags.has(Flags::LEAP61), || format!("{flags:?}"))?;
        // Whoever asks, sees the same.
        manager.wait_until("readiness", &ts2phc, PATIENCE, Manager::is_ready)?;
        manager.wait_until("a status", &ts2phc, PATIENCE, |m| {
            m.heard().iter().any(|h| h.starts_with("STATUS=") && h.contains("locked (clockClass 6)"))
        })?;
        manager.wait_until("signs of life", &ts2phc, PATIENCE, |m| m.signs_of_life() >= 1)?;
        let text = scraped(&[
            "ts2phc_lock_state{state=\"locked\"} 1",
            "ts2phc_clock_class 6",
            "ts2phc_reference_state{state=\"good\"} 1",
            "ts2phc_current_utc_offset_seconds 37",
            "ts2phc_offset_seconds{clock=",
        ])?;
        documented(&text)?;
        let mut events = UnixStream::connect("/run/events").map_err(wrong)?;

        // The pulses cease, and come back.
        receiver.pulses(None);
        let Announced { flags, announce: a, before, .. } = wire.wait_for(7)?;
        expect(before.iter().all(|c| *c == 6), || format!("{before:?} before holdover"))?;
        expect(a.time_source == TimeSource::INTERNAL_OSCILLATOR && traceable(flags), || {
            format!("{a:?} {flags:?}")
        })?;
        scraped(&["ts2phc_lock_state{state=\"holdover_in_spec\"} 1", "ts2phc_clock_class 7"])?;
        receiver.pulses(Some(0));
        wire.wait_for(6)?;
        events.set_read_timeout(Some(Duration::from_millis(200))).map_err(wrong)?;
        let (mut heard, begun) = (String::new(), Instant::now());
        let all = [
            "\"clock_class\":7,\"from\":6",
            "\"clock_class\":6,\"from\":7",
            "\"holdover_in_spec\"",
            "follows no pulses",
        ];
        let is_in = |heard: &str, what: &str| match what {
            "\"holdover_in_spec\"" => heard.contains("holdover in specification"),
            other => heard.contains(other),
        };
        while !all.iter().all(|w| is_in(&heard, w)) {
            expect(begun.elapsed() < PATIENCE, || format!("events: {heard}"))?;
            let mut octets = [0; 4096];
            let n = events.read(&mut octets).unwrap_or(0);
            heard.push_str(&String::from_utf8_lossy(&octets[..n]));
        }
        drop(events);

        // ptp4l is started again: it knows nothing, and is told.
        daemon.process.kill()?;
        wire.skip();
        daemon = ptp4l(&gm)?;
        let Announced { before, .. } = wire.wait_for(6)?;
        expect(before.iter().all(|c| *c == 248), || format!("{before:?} after ptp4l's restart"))?;

        // ts2phc is killed: ptp4l has no lease, and goes on with what it was told. This is what is documented.
        ts2phc.kill()?;
        wire.skip();
        let until = Instant::now() + Duration::from_secs(4);
        while Instant::now() < until {
            if let Some((_, a)) = wire.next() {
                let class = a.grandmaster_clock_quality.clock_class;
                expect(class == 6, || {
                    format!("class {class}: ptp4l has learnt to doubt; then docs/ts2phc.md is wrong")
                })?;
            }
        }
        // What docs/ts2phc.md has for ExecStopPost= takes it back.
        let pmc = our_program("pmc")?;
        let settings = include_str!("../../docs/ts2phc.md")
            .lines()
            .find_map(|l| l.trim().strip_prefix("ExecStopPost=")?.split('"').nth(1))
            .ok_or_else(|| wrong("docs/ts2phc.md has no ExecStopPost="))?;
        run_command(
            &pmc.to_string_lossy(),
            &["-u", "-b", "0", "-i", "/run/lab-pmc", "-s", &daemon.uds, settings],
        )?;
        let Announced { flags, .. } = wire.wait_for(248)?;
        expect(!traceable(flags), || format!("{flags:?}"))?;

        // A new one tells the truth from its first second on; ended in order it takes everything back.
        ts2phc = start(&gm, &manager, &file)?;
        wire.wait_for(6)?;
        ts2phc.stop(PATIENCE)?;
        let Announced { flags, announce: a, before, .. } = wire.wait_for(248)?;
        expect(before.iter().all(|c| *c == 6) && !traceable(flags), || {
            format!("{before:?} {flags:?} {a:?}")
        })?;
        // All of it is in the evidence log, which holds together.
        let directory = evidence.to_string_lossy().into_owned();
        let said = run_command(&pmc.to_string_lossy(), &["report", "--verify", &directory])?;
        println!("{said}");
        let mut log = String::new();
        for entry in std::fs::read_dir(&evidence).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            log.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()));
        }
        for word in
            ["\"clock_class\":7", "\"source\":\"receiver\"", "\"state\":\"holdover\"", "\"state\":\"locked\""]
        {
            expect(log.contains(word), || format!("{word} is not in the evidence"))?;
        }
        Ok(())
    })();
    steps.map_err(|e| LabError::Wrong(format!("{e}\n{}\n{}", ts2phc.log(), daemon.process.last_words())))
}

#[test]
fn ptp4l_announces_what_it_is_told() {
    experiment("ptp4l_announces_what_it_is_told", LINUXPTP, told);
}
