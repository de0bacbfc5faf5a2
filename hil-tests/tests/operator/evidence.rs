//! Evidence of real runs of all daemons: whole, tampered with, on a full disk, without permission, after a power cut.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use hil_tests::lab::{Lab, LabError, PATIENCE, expect, experiment, run_command};
use serde_json::Value;

use super::stage::{DAEMONS, Stage, endpoint_of, events_of, get, pmc, series, until, wrong};

const LOG: &str = "/run/evidence";

/// The only file of a daemon's log.
fn file_of(daemon: &str) -> Result<PathBuf, LabError> {
    let all = std::fs::read_dir(LOG).map_err(LabError::io("read the directory"))?.flatten().map(|e| e.path());
    let own = |p: &PathBuf| {
        let name = p.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(&format!("{daemon}.")) && name.ends_with(".jsonl")
    };
    all.into_iter().filter(own).max().ok_or_else(|| wrong(format!("no log of {daemon}")))
}

fn records(daemon: &str) -> Result<Vec<Value>, LabError> {
    let text = std::fs::read(file_of(daemon)?).map_err(LabError::io("read the log"))?;
    Ok(String::from_utf8_lossy(&text).lines().filter_map(|l| serde_json::from_str(l).ok()).collect())
}

fn verify(what: &str) -> Result<(Value, i32), LabError> {
    let (text, status) = pmc(&["report", "--json", "--verify", what])?;
    Ok((serde_json::from_str(&text).map_err(|e| wrong(format!("{e}: {text}")))?, status))
}

/// Whether the alarm of the log is on, as a daemon's snapshot of events has it.
fn alarm(daemon: &str) -> Result<Option<bool>, LabError> {
    let stream = UnixStream::connect(events_of(daemon)).map_err(LabError::io("listen to events"))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
    let mut lines = BufReader::new(stream).lines();
    let mut next = || -> Result<Value, LabError> {
        let line = lines.next().ok_or_else(|| wrong("the socket of events was closed"))?;
        serde_json::from_str(&line.map_err(wrong)?).map_err(wrong)
    };
    let states = next()?["fields"]["states"].as_u64().unwrap_or(0);
    let mut found = None;
    for _ in 0..states {
        let event = next()?;
        if event["kind"] == "alarm" && event["subject"] == "evidence" {
            found = event["fields"]["active"].as_bool();
        }
    }
    Ok(found)
}

fn metric(daemon: &str, name: &str) -> Result<Option<f64>, LabError> {
    Ok(series(&get(&endpoint_of(daemon), "/metrics")?, name))
}

/// All daemons say, in both ways, that their log is written or is not.
fn wait_for_writable(stage: &mut Stage, writable: bool) -> Result<(), LabError> {
    for daemon in DAEMONS {
        let wanted = f64::from(u8::from(writable));
        let log = stage.process(daemon).last_words();
        until(
            &format!("{daemon}: escapement_evidence_writable {wanted}"),
            || Ok(metric(daemon, "escapement_evidence_writable")? == Some(wanted)),
            || log.clone(),
        )?;
        until(
            &format!("{daemon}: the alarm {}", if writable { "off" } else { "on" }),
            || Ok(alarm(daemon)? == Some(!writable)),
            || log.clone(),
        )?;
    }
    Ok(())
}

fn full_disk(lab: &mut Lab) -> Result<(), LabError> {
    std::fs::create_dir(LOG).map_err(LabError::io("make a directory"))?;
    run_command("mount", &["-t", "tmpfs", "-o", "size=1m", "small", LOG])?;
    let mut stage = Stage::start(lab, LOG)?;
    // A real run of each: who was followed, how well, in the words that events and metrics have.
    for daemon in DAEMONS {
        let locked =
            |r: &Value| r["kind"] == "measurement" && r["state"] == "locked" && r["n"].as_u64() > Some(0);
        until(
            &format!("{daemon} records its lock"),
            || Ok(records(daemon)?.iter().any(locked)),
            String::new,
        )?;
        let all = records(daemon)?;
        for kind in ["segment", "start", "configuration", "event"] {
            expect(all.iter().any(|r| r["kind"] == kind), || format!("{daemon}: no {kind}"))?;
        }
        let servo = |r: &Value| r["event"] == "servo" && r["detail"]["fields"]["state"] == "locked";
        expect(all.iter().any(servo), || format!("{daemon}: no event of its lock in the log\n{all:#?}"))?;
        expect(metric(daemon, "escapement_evidence_records_total{result=\"lost\"}")? == Some(0.0), || {
            format!("{daemon} has lost records")
        })?;
    }
    let (found, status) = verify(LOG)?;
    let chains = found["chains"].as_array().map_or(0, Vec::len);
    expect((status, chains) == (0, 3), || format!("{status}: {found:#}"))?;

    // Nothing fits any more.
    let ballast = Path::new(LOG).join("ballast");
    let mut file = std::fs::File::create(&ballast).map_err(LabError::io("make ballast"))?;
    for size in [4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    wait_for_writable(&mut stage, false)?;
    // Time goes on, and everybody still answers.
    stage.wait_for_time()?;
    for daemon in DAEMONS {
        let told = stage.process(daemon).log();
        let lines = told.lines().filter(|l| l.contains("evidence cannot be written")).count();
        expect(lines == 1, || format!("{daemon} tells it {lines} times\n{told}"))?;
        expect(metric(daemon, "escapement_evidence_records_total{result=\"lost\"}")? > Some(0.0), || {
            format!("{daemon} counts no lost records")
        })?;
    }
    drop(file);
    std::fs::remove_file(&ballast).map_err(LabError::io("take the ballast away"))?;
    wait_for_writable(&mut stage, true)?;
    for daemon in DAEMONS {
        let gap = |r: &Value| {
            r["kind"] == "gap"
                && r["lost"].as_u64() > Some(0)
                && r["reason"].as_str().is_some_and(|w| w.contains("No space left"))
        };
        until(&format!("{daemon} records the gap"), || Ok(records(daemon)?.iter().any(gap)), String::new)?;
    }
    let (found, status) = verify(LOG)?;
    expect(status == 0, || format!("after the gap: {status}: {found:#}"))?;
    power_cut(&mut stage)?;
    two_of_one(&mut stage)?;
    // Stopped in order, they are whole, and a digit changed is found, whoever wrote the log.
    for daemon in DAEMONS {
        stage.process(daemon).stop(PATIENCE)?;
        expect(records(daemon)?.last().is_some_and(|r| r["kind"] == "stop"), || {
            format!("{daemon}: no stop")
        })?;
    }
    let (found, status) = verify(LOG)?;
    expect(status == 0, || format!("at the end: {status}: {found:#}"))?;
    for daemon in DAEMONS {
        tamper(daemon)?;
    }
    Ok(())
}

/// The last record half written, the program gone: said by the verification, and by the next start.
fn power_cut(stage: &mut Stage) -> Result<(), LabError> {
    for daemon in DAEMONS {
        stage.process(daemon).kill()?;
        let path = file_of(daemon)?;
        let whole = std::fs::read(&path).map_err(LabError::io("read the log"))?;
        let mut file = OpenOptions::new().write(true).open(&path).map_err(LabError::io("open the log"))?;
        let cut = whole.len() as u64 - 40;
        file.set_len(cut).map_err(LabError::io("cut the log"))?;
        file.flush().map_err(wrong)?;
        let (found, status) = verify(&path.display().to_string())?;
        expect(status == 4, || format!("{daemon}, cut: {status}: {found:#}"))?;
        stage.restart(daemon)?;
    }
    for daemon in DAEMONS {
        let recovered = |r: &Value| r["kind"] == "recovery" && r["octets"].as_u64() > Some(40);
        until(&format!("{daemon} recovers"), || Ok(records(daemon)?.iter().any(recovered)), String::new)?;
    }
    let (found, status) = verify(LOG)?;
    expect(status == 0, || format!("after the power cut: {status}: {found:#}"))?;
    stage.wait_for_time()
}

/// A second process of one program in the same directory says so, and goes on without; the first one's log is unharmed.
fn two_of_one(stage: &mut Stage) -> Result<(), LabError> {
    let host = &stage.hosts[0];
    let file = host.dir().join("second.yaml");
    let text = format!(
        "clock_device: system\nfree_running: true\nstate_file: off\nmanagement: {{socket: /run/second, read_only_socket: /run/second-ro}}\n\
         metrics: {{listen: /run/second-http}}\nevidence: {{directory: {LOG}, interval: 100 ms}}\n\
         ports: [{{interface: eth0, stamping: software}}]\n"
    );
    std::fs::write(&file, text).map_err(LabError::io("write a configuration"))?;
    let program = hil_tests::lab::our_program("ptpd")?;
    let mut second = host.start("second", &program, ["-f".as_ref(), file.as_os_str()])?;
    second.wait_for_line("the lock", PATIENCE, |l| {
        l.contains("another program writes this log; give each a directory")
    })?;
    until(
        "the second one's metric",
        || {
            let page = get(Path::new("/run/second-http"), "/metrics")?;
            Ok(series(&page, "escapement_evidence_writable") == Some(0.0))
        },
        String::new,
    )?;
    second.stop(PATIENCE)?;
    let (found, status) = verify(LOG)?;
    expect(status == 0, || format!("with two of one program: {status}: {found:#}"))
}

fn tamper(daemon: &str) -> Result<(), LabError> {
    let path = file_of(daemon)?;
    let good = std::fs::read_to_string(&path).map_err(LabError::io("read the log"))?;
    let copy = std::env::temp_dir().join(format!("operator-{daemon}-{}", std::process::id()));
    let name = copy.display().to_string();
    let lines: Vec<&str> = good.lines().collect();
    let line = lines
        .iter()
        .position(|l| l.contains("\"kind\":\"measurement\""))
        .ok_or_else(|| wrong("no record"))?;
    let mut changed = lines.clone();
    let lie = lines[line].replacen("\"n\":", "\"n\":1", 1);
    changed[line] = &lie;
    let mut missing = lines.clone();
    missing.remove(line);
    for (what, text) in [("changed", changed), ("missing", missing)] {
        std::fs::write(&copy, text.join("\n") + "\n").map_err(LabError::io("write a copy"))?;
        let (found, status) = verify(&name)?;
        let at = found["chains"][0]["problems"][0]["line"].as_u64();
        let _ = std::fs::remove_file(&copy);
        expect(status == 1 && at == Some(line as u64 + 1), || {
            format!("{daemon}, {what}: {status}: {found:#}")
        })?;
    }
    Ok(())
}

#[test]
fn evidence_outlives_full_disks_power_cuts_and_rivals() {
    experiment("evidence::evidence_outlives_full_disks_power_cuts_and_rivals", &[], full_disk);
}
