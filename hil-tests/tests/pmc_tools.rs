//! The tools of pmc against running daemons: ours and linuxptp's.

use std::time::Duration;

use hil_tests::lab::{
    Host, Instance, LINUXPTP, Lab, LabError, PATIENCE, Ptp4l, PtpdOptions, expect, experiment, our_program,
    run_command,
};
use ptp_clock::{VirtualClock, VirtualOptions};

/// What pmc prints, and its exit status.
fn pmc(socket: &str, words: &[&str]) -> Result<(String, i32), LabError> {
    let mut command = std::process::Command::new(our_program("pmc")?);
    command.args(["-s", socket]).args(words);
    let output = command.output().map_err(LabError::io("run pmc"))?;
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Ok((text, output.status.code().unwrap_or(-1)))
}

fn options(host: &Host) -> Result<PtpdOptions, LabError> {
    let path = format!("/run/clock-{}", host.name());
    VirtualClock::create(&path, &VirtualOptions::default()).map_err(|e| LabError::Wrong(e.to_string()))?;
    Ok(PtpdOptions::new(&["eth0"]).on_virtual_clock(path.as_ref()))
}

fn tools(lab: &mut Lab) -> Result<(), LabError> {
    let ptpd = our_program("ptpd")?;
    let (gm, client) = (lab.host("gm")?, lab.host("client")?);
    lab.link((&gm, "eth0"), (&client, "eth0"))?;
    let mut gm_options = options(&gm)?;
    gm_options.priority1 = 10;
    gm_options.more = "clock_class: 6\n";
    let mut gm_ptpd = Instance::start(&gm, &ptpd, &gm_options)?;
    let mut client_options = options(&client)?;
    client_options.step_threshold = Some("1ms");
    let socket = client.dir().join("events");
    client_options.extra = format!("events: {{socket: {}, socket_mode: 0600}}\n", socket.display());
    let mut client_ptpd = Instance::start(&client, &ptpd, &client_options)?;
    client_ptpd.wait_until("to be SLAVE", PATIENCE, |look| look.state() == Some("SLAVE"))?;
    let (a, b) = (gm_ptpd.socket.display().to_string(), client_ptpd.socket.display().to_string());

    let (text, status) = pmc(&b, &["explain"])?;
    for part in [
        "loses by priority1: 128, the best has 10",
        "S1: the best master is heard here",
        "With a priority1 below 10, this clock would win.",
        "class 6 (follows a primary reference)",
    ] {
        expect(status == 0 && text.contains(part), || format!("explain lacks `{part}`:\n{text}"))?;
    }
    let (text, _) = pmc(&a, &["explain"])?;
    expect(text.contains("it is the grandmaster itself") && text.contains("Why class 6"), || text.clone())?;

    let held = [
        "check",
        "gm.ClockClass==6",
        "stepsRemoved==1",
        "state==SLAVE",
        "offset<1s",
        "all.portState!=FAULTY",
    ];
    let (text, status) = pmc(&b, &held)?;
    expect(status == 0 && text.starts_with("PTP OK - "), || format!("{status}: {text}"))?;
    for (words, code) in [
        (&["check", "clockClass==6"][..], 2),
        (&["check", "stepsRemoved==1", "--warn", "offset<0.0001ns"], 1),
        (&["check", "nonsense==6"], 3),
        (&["check", "nonsense"], 3),
        (&["check", "-d", "77", "stepsRemoved==1"], 3),
    ] {
        let (text, status) = pmc(&b, words)?;
        expect(status == code, || format!("{words:?} ends with {status}: {text}"))?;
    }

    let (text, status) = pmc(&a, &["diff", &a, &b])?;
    expect(status == 1 && text.contains("* priority1") && !text.contains("priority2"), || text.clone())?;
    let (text, status) = pmc(&a, &["diff", &a, &a])?;
    expect(status == 0 && text.contains("no difference"), || text.clone())?;

    let (text, status) = pmc(&b, &["top", "--print", "2", "--interval", "0.5"])?;
    expect(status == 0 && text.lines().count() == 48 && text.contains("SLAVE on port 1 (eth0)"), || {
        text.clone()
    })?;

    // All at once: each line says whose it is, and the worst counts.
    let fleet = format!("{a},{b},{a}-missing");
    let asked = |words: &[&str]| {
        let words: Vec<_> = ["--fleet", &fleet].iter().chain(words).copied().collect();
        let output = std::process::Command::new(our_program("pmc")?).args(words).output();
        output.map_err(LabError::io("run pmc"))
    };
    let output = asked(&["--json", "GET PRIORITY1"])?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = |who: &str, n: u8| {
        let (who, n) = (format!("\"member\":\"{who}\""), format!("\"priority1\":{n}"));
        text.lines().any(|line| line.contains(&who) && line.contains(&n))
    };
    expect(output.status.code() == Some(4) && told(&a, 10) && told(&b, 128), || text.clone())?;
    let output = asked(&["check", "gm.ClockClass==6"])?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let one = |who: &str, word: &str| text.lines().any(|l| l.starts_with(&format!("{who}: PTP {word}")));
    expect(one(&a, "OK") && one(&b, "OK") && output.status.code() == Some(3), || text.clone())?;

    // A watcher sees a restart, and everything that changed by it.
    let log = client.dir().join("watch.jsonl");
    let out = std::fs::File::create(&log).map_err(LabError::io("write the log"))?;
    let mut watcher = std::process::Command::new(our_program("pmc")?)
        .args(["-s", &b, "watch", "--json", "--interval", "0.2"])
        .stdout(out)
        .spawn()
        .map_err(LabError::io("run pmc"))?;
    // Another hears what the daemon tells by itself.
    let heard = client.dir().join("events.jsonl");
    let out = std::fs::File::create(&heard).map_err(LabError::io("write the log"))?;
    let mut listener = std::process::Command::new(our_program("pmc")?)
        .args(["watch", "--json", "--events"])
        .arg(&socket)
        .stdout(out)
        .spawn()
        .map_err(LabError::io("run pmc"))?;
    let read = || std::fs::read_to_string(&log).unwrap_or_default();
    let await_line = |what: &str| {
        let start = std::time::Instant::now();
        while !read().lines().any(|line| what.split(' ').all(|part| line.contains(part))) {
            expect(start.elapsed() < PATIENCE, || format!("no line with {what}:\n{}", read()))?;
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok::<_, LabError>(())
    };
    await_line("snapshot portState SLAVE")?;
    client_ptpd.process.stop(Duration::from_secs(10))?;
    await_line("\"silence\"")?;
    let mut client_ptpd = Instance::start(&client, &ptpd, &client_options)?;
    await_line("\"back\"")?;
    await_line("\"change\" portState \"to\":\"SLAVE\"")?;
    // The grandmaster's class changes: nobody is notified of that, and it is told all the same.
    let (text, _) = pmc(
        &a,
        &[
            "-u",
            "SET GRANDMASTER_SETTINGS_NP clockClass 7 clockAccuracy 0x23 offsetScaledLogVariance 0x4e5d currentUtcOffset 37 \
             leap61 0 leap59 0 currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1 frequencyTraceable 1 timeSource 0x20",
        ],
    )?;
    await_line("\"change\" grandmasterClockClass \"to\":7")
        .map_err(|e| LabError::Wrong(format!("{e}\n{text}")))?;
    await_event(&heard, &["\"grandmaster\"", "\"clock_class\":7"])?;
    await_event(&heard, &["\"servo\"", "\"state\":\"locked\""])?;
    check_events(&heard)?;
    run_command("kill", &["-TERM", &listener.id().to_string()])?;
    let status = listener.wait().map_err(LabError::io("wait for pmc"))?;
    expect(status.success(), || format!("pmc watch --events ended with {status}"))?;
    run_command("kill", &["-TERM", &watcher.id().to_string()])?;
    let status = watcher.wait().map_err(LabError::io("wait for pmc"))?;
    expect(status.success(), || format!("pmc watch ended with {status}"))?;
    for line in read().lines() {
        serde_json::from_str::<serde_json::Value>(line)
            .map_err(|e| LabError::Wrong(format!("{e}: {line}")))?;
    }
    gm_ptpd.process.stop(Duration::from_secs(10))?;
    let (text, status) = pmc(&a, &["explain"])?;
    expect(status == 4, || format!("{status}: {text}"))?;
    client_ptpd.process.stop(Duration::from_secs(10)).map(drop)
}

/// Waits for an event with all these parts.
fn await_event(log: &std::path::Path, parts: &[&str]) -> Result<(), LabError> {
    let read = || std::fs::read_to_string(log).unwrap_or_default();
    let start = std::time::Instant::now();
    while !read().lines().any(|line| parts.iter().all(|part| line.contains(part))) {
        expect(start.elapsed() < PATIENCE, || format!("no event with {parts:?}:\n{}", read()))?;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Two runs of the daemon: each begins with its states, and numbers what follows without a gap.
fn check_events(log: &std::path::Path) -> Result<(), LabError> {
    let text = std::fs::read_to_string(log).map_err(LabError::io("read the log"))?;
    let lines: Result<Vec<serde_json::Value>, _> = text.lines().map(serde_json::from_str).collect();
    let lines = lines.map_err(|e| LabError::Wrong(format!("{e}:\n{text}")))?;
    let words: Vec<_> = lines.iter().filter_map(|l| l.get("watch")?.as_str()).collect();
    expect(words == ["silence", "restarted"], || format!("{words:?}:\n{text}"))?;
    let of = |l: &serde_json::Value, name: &str| {
        l.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned()
    };
    let runs: std::collections::BTreeSet<_> =
        lines.iter().map(|l| of(l, "run")).filter(|r| !r.is_empty()).collect();
    expect(runs.len() == 2, || format!("{runs:?}"))?;
    for kind in ["port-state", "parent", "grandmaster", "clock-class", "time-properties", "servo", "holdover"]
    {
        expect(lines.iter().any(|l| of(l, "kind") == kind), || format!("nothing of {kind}:\n{text}"))?;
    }
    expect(text.contains("\"state\":\"stopped\""), || format!("no last word:\n{text}"))
}

#[test]
fn tools_of_ours() {
    experiment("tools_of_ours", &[], tools);
}

#[test]
fn tools_ask_ptp4l_too() {
    experiment("tools_ask_ptp4l_too", LINUXPTP, |lab| {
        let (gm, other) = (lab.host("gm")?, lab.host("other")?);
        lab.link((&gm, "eth0"), (&other, "eth0"))?;
        let mut theirs = Ptp4l::start(&gm, &["eth0"], &["--priority1=10", "--clockClass=6"])?;
        theirs.wait_for_state(1, "MASTER", PATIENCE)?;
        let (text, status) = pmc(&theirs.uds, &["explain"])?;
        expect(status == 0 && text.contains("candidates are not known"), || text.clone())?;
        let (text, status) = pmc(&theirs.uds, &["check", "clockClass==6", "state==MASTER"])?;
        expect(status == 0, || text.clone())?;
        let (text, status) = pmc(&theirs.uds, &["top", "--print", "1"])?;
        expect(status == 0 && text.contains("GRANDMASTER"), || text.clone())
    });
}
