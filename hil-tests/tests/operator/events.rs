//! Events of all daemons to whoever listens: the present state first, then every change; nobody who does not read holds
//! anything up, and nobody misses a restart.

use std::io::{BufRead, BufReader};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hil_tests::lab::{Lab, LabError, PATIENCE, expect, experiment, our_program};
use serde_json::Value;

use super::stage::{DAEMONS, Stage, events_of, pmc, until, wrong};

/// Lines of JSON in a file that is being written.
fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
}

/// `pmc watch --events` of a daemon, into a file.
struct Watcher {
    child: Child,
    file: PathBuf,
}

impl Watcher {
    fn start(directory: &Path, daemon: &str) -> Result<Self, LabError> {
        let file = directory.join(format!("{daemon}-events.jsonl"));
        let out = std::fs::File::create(&file).map_err(LabError::io("write events"))?;
        let mut command = Command::new(our_program("pmc")?);
        command
            .args(["watch", "--json", "--events"])
            .arg(events_of(daemon))
            .stdout(out)
            .stderr(Stdio::null());
        Ok(Self { child: command.spawn().map_err(LabError::io("run pmc"))?, file })
    }

    /// Waits for a line of which this holds.
    fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<(), LabError> {
        let said = || std::fs::read_to_string(&self.file).unwrap_or_default();
        until(what, || Ok(lines(&self.file).iter().any(&wanted)), said)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is(event: &Value, kind: &str, field: &str, value: &str) -> bool {
    event["kind"] == kind && event["fields"][field] == value
}

fn all_daemons(lab: &mut Lab) -> Result<(), LabError> {
    let mut stage = Stage::start(lab, "/run/evidence")?;
    let directory = lab.dir().to_owned();
    let watchers: Vec<_> = DAEMONS.iter().map(|d| Watcher::start(&directory, d)).collect::<Result<_, _>>()?;
    let [ptpd, phc_sync, ts2phc] = &watchers[..] else { return Err(wrong("three daemons")) };
    // The snapshot says all there is to know of the present.
    ptpd.until("ptpd's lock", |e| is(e, "servo", "state", "locked"))?;
    ptpd.until("ptpd's port", |e| is(e, "port-state", "state", "SLAVE"))?;
    phc_sync.until("phc-sync's lock", |e| is(e, "servo", "state", "locked"))?;
    phc_sync.until("phc-sync's source", |e| is(e, "source", "socket", "/run/ptpd-client"))?;
    phc_sync.until("phc-sync's instance", |e| e["kind"] == "alarm" && e["fields"]["active"] == false)?;
    ts2phc.until("ts2phc's lock", |e| {
        is(e, "servo", "state", "locked") && is(e, "servo", "lock_state", "locked")
    })?;
    // One hears phc-sync without pmc, and one never reads.
    let raw = listen("phc-sync", &directory)?;
    let deaf: Vec<_> =
        DAEMONS.iter().map(|d| UnixStream::connect(events_of(d))).collect::<Result<_, _>>().map_err(wrong)?;

    // The client dies and comes back: phc-sync tells its loss and its return, each as a change.
    stage.process("ptpd").kill()?;
    phc_sync.until("the loss", |e| e["kind"] == "alarm" && e["fields"]["active"] == true)?;
    phc_sync.until("no source", |e| e["kind"] == "source" && e["fields"]["source"].is_null())?;
    // Locked too briefly to have learnt its oscillator it runs free.
    let unlocked = |e: &Value| ["holdover", "free"].iter().any(|state| is(e, "servo", "state", state));
    phc_sync.until("the end of the lock", unlocked)?;
    ptpd.until("silence", |e| e["watch"] == "silence")?;
    stage.restart("ptpd")?;
    ptpd.until("the restart", |e| e["watch"] == "restarted")?;
    stage.wait_for_time()?;
    let locked_again = |e: &Value| {
        is(e, "servo", "state", "locked")
            && ["acquiring", "holdover", "free"].iter().any(|from| is(e, "servo", "from", from))
    };
    phc_sync.until("lock after it", locked_again)?;
    // phc-sync and ts2phc are started anew, too: the watchers tell it, and then what is the case.
    for (daemon, watcher) in [("phc-sync", phc_sync), ("ts2phc", ts2phc)] {
        stage.process(daemon).stop(PATIENCE)?;
        watcher.until("its end", |e| is(e, "life", "state", "stopped"))?;
        stage.restart(daemon)?;
        watcher.until("its restart", |e| e["watch"] == "restarted")?;
    }
    stage.wait_for_time()?;
    for watcher in &watchers {
        let mut runs = Vec::new();
        until(
            "two runs, the second one with its lock",
            || {
                let all = lines(&watcher.file);
                runs = all.iter().filter_map(|e| e["run"].as_str().map(str::to_owned)).collect();
                runs.dedup();
                let last = runs.last().cloned().unwrap_or_default();
                Ok(runs.len() == 2
                    && all.iter().any(|e| e["run"] == last.as_str() && is(e, "servo", "state", "locked")))
            },
            || std::fs::read_to_string(&watcher.file).unwrap_or_default(),
        )?;
        expect(!lines(&watcher.file).iter().any(|e| e["watch"] == "missed"), || {
            "pmc missed events".to_owned()
        })?;
    }
    no_gap(&lines(&raw))?;
    drop(deaf);
    Ok(())
}

/// What a daemon says at its socket, as it is, into a file.
fn listen(daemon: &str, directory: &Path) -> Result<PathBuf, LabError> {
    let mut stream = UnixStream::connect(events_of(daemon)).map_err(LabError::io("listen to events"))?;
    let file = directory.join(format!("{daemon}-raw.jsonl"));
    let mut out = std::fs::File::create(&file).map_err(LabError::io("write events"))?;
    std::thread::spawn(move || std::io::copy(&mut stream, &mut out));
    Ok(file)
}

/// Within a run, what comes after the snapshot is numbered without a gap.
fn no_gap(all: &[Value]) -> Result<(), LabError> {
    let (mut run, mut last, mut snapshot) = (String::new(), 0, 0);
    for event in all.iter().filter(|e| e["watch"].is_null()) {
        let sequence = event["sequence"].as_u64().unwrap_or(0);
        if event["run"].as_str() != Some(&run) {
            expect(event["kind"] == "snapshot", || format!("a run begins with {event}"))?;
            run = event["run"].as_str().unwrap_or_default().to_owned();
            (last, snapshot) = (sequence, event["fields"]["states"].as_u64().unwrap_or(0));
        } else if snapshot > 0 {
            snapshot -= 1;
        } else {
            expect(sequence == last + 1, || format!("after {last}: {event}"))?;
            last = sequence;
        }
    }
    Ok(())
}

#[test]
fn listeners_of_all_daemons_hear_everything() {
    experiment("events::listeners_of_all_daemons_hear_everything", &[], all_daemons);
}

/// A listener that does not read, while thousands of events come: the daemon goes on, drops it, tells the others, and tells
/// the one that comes again what it lost.
fn slow(lab: &mut Lab) -> Result<(), LabError> {
    let stage = Stage::start(lab, "/run/evidence")?;
    let directory = lab.dir().to_owned();
    let heard = listen("ptpd", &directory)?;
    until("the snapshot", || Ok(lines(&heard).iter().any(|e| e["kind"] == "snapshot")), String::new)?;
    let deaf = UnixStream::connect(events_of("ptpd")).map_err(wrong)?;
    // Each SET is an event.
    let socket = stage.client.socket.display().to_string();
    let mut sets = 0;
    let dropped = |e: &Value| e["kind"] == "note" && e["subject"] == "subscribers";
    until(
        "the deaf one dropped",
        || {
            let commands: Vec<String> =
                (0..250).map(|n| format!("SET ANNOUNCE_RECEIPT_TIMEOUT {}", 3 + n % 2)).collect();
            let mut words = vec!["-u", "-b", "0", "-s", socket.as_str()];
            words.extend(commands.iter().map(String::as_str));
            let (text, status) = pmc(&words)?;
            // An answer may be lost among so many (3): only what is refused is wrong.
            expect(matches!(status, 0 | 3), || {
                format!("{status}: {}", text.lines().last().unwrap_or_default())
            })?;
            sets += commands.len();
            Ok(lines(&heard).iter().any(dropped))
        },
        || stage.client.process.last_words(),
    )?;
    println!("{sets} events until the one that does not read is dropped");
    no_gap(&lines(&heard))?;
    // It gets what was sent in time, and then the end; whoever comes again is told that somebody was dropped.
    deaf.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
    let got = BufReader::new(deaf).lines().map_while(Result::ok).count();
    expect(got > 10 && got < sets, || format!("{got} lines of {sets}"))?;
    let again = UnixStream::connect(events_of("ptpd")).map_err(wrong)?;
    again.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
    let mut first = String::new();
    BufReader::new(again).read_line(&mut first).map_err(wrong)?;
    let first: Value = serde_json::from_str(&first).map_err(wrong)?;
    expect(first["fields"]["subscribers_dropped"].as_u64() > Some(0), || first.to_string())
}

#[test]
fn whoever_does_not_read_holds_nothing_up() {
    experiment("events::whoever_does_not_read_holds_nothing_up", &[], slow);
}

/// All events with their fields in the journal's own form, of phc-sync as of ptpd.
fn journal(lab: &mut Lab) -> Result<(), LabError> {
    let host = lab.host("host")?;
    let journal = UnixDatagram::bind("/run/journal").map_err(LabError::io("be the journal"))?;
    journal.set_read_timeout(Some(Duration::from_millis(200))).map_err(wrong)?;
    let file = host.dir().join("phc-sync.yaml");
    let text = "instances:\n  - {socket: /run/nobody, clock: 'virtual:/run/clock'}\nsystem_clock: sink\n\
                system_clock_device: virtual:/run/clock\nlog_journal: /run/journal\n";
    std::fs::write(&file, text).map_err(wrong)?;
    ptp_clock::VirtualClock::create("/run/clock", &ptp_clock::VirtualOptions::default()).map_err(wrong)?;
    let _daemon = host.start("phc-sync", &our_program("phc-sync")?, ["-f".as_ref(), file.as_os_str()])?;
    let mut all = String::new();
    let mut octets = [0; 65536];
    let wanted = [
        "ESCAPEMENT_KIND=alarm",
        "ESCAPEMENT_SUBJECT=/run/nobody",
        "SYSLOG_IDENTIFIER=phc-sync",
        "PTP_SOCKET=/run/nobody",
    ];
    let mut found = false;
    let begun = std::time::Instant::now();
    while !found {
        expect(begun.elapsed() < PATIENCE, || format!("no event with its fields:\n{all}"))?;
        if let Ok(length) = journal.recv(&mut octets) {
            let record = String::from_utf8_lossy(octets.get(..length).unwrap_or_default()).into_owned();
            found = wanted.iter().all(|w| record.lines().any(|l| l == *w));
            all += &record;
        }
    }
    Ok(())
}

#[test]
fn phc_sync_tells_the_journal_its_fields() {
    experiment("events::phc_sync_tells_the_journal_its_fields", &[], journal);
}
