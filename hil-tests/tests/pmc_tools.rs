//! The tools of pmc against running daemons: ours and linuxptp's.

use std::time::Duration;

use hil_tests::lab::{
    Host, Instance, LINUXPTP, Lab, LabError, PATIENCE, Ptp4l, PtpdOptions, clock_of, clock_path, expect,
    experiment, our_program, run_command, true_offset,
};
use ptp_clock::{VirtualClock, VirtualOptions};
use ptp_evidence::{Entry, utc_text};

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

/// What `pmc report` makes of these files.
/// Waits until it is so.
fn until(awaited: &str, mut so: impl FnMut() -> Result<bool, LabError>) -> Result<(), LabError> {
    let start = std::time::Instant::now();
    while !so()? {
        if start.elapsed() > PATIENCE {
            return Err(LabError::Timeout { awaited: awaited.to_owned(), waited: PATIENCE, log: None });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Records, slaves and tables, over the sockets of running daemons.
fn records(lab: &mut Lab) -> Result<(), LabError> {
    let ptpd = our_program("ptpd")?;
    let (gm, client) = (lab.host("gm")?, lab.host("client")?);
    lab.link((&gm, "eth0"), (&client, "eth0"))?;
    let mut gm_options = options(&gm)?;
    gm_options.priority1 = 10;
    gm_options.more = "collect_slave_events: true\n";
    let gm_ptpd = Instance::start(&gm, &ptpd, &gm_options)?;
    let mut client_options = options(&client)?;
    client_options.step_threshold = Some("1ms");
    client_options.more =
        "performance_monitoring: true\nmonitor_rx_sync_timing: true\nmonitor_rx_sync_computed: true\n";
    let mut client_ptpd = Instance::start(&client, &ptpd, &client_options)?;
    client_ptpd.wait_until("to be SLAVE", PATIENCE, |look| look.state() == Some("SLAVE"))?;
    let (a, b) = (gm_ptpd.socket.display().to_string(), client_ptpd.socket.display().to_string());
    let of = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap_or_default();

    // What the client measured in these minutes.
    let mut told = String::new();
    until("performance records", || {
        let (text, status) = pmc(&b, &["--json", "performance"])?;
        told = text;
        Ok(status == 0 && of(told.lines().next().unwrap_or(""))["offsetFromMasterSamples"].as_u64() > Some(2))
    })?;
    let lines: Vec<_> = told.lines().map(of).collect();
    expect(lines.len() == 2, || told.clone())?;
    for (line, period) in lines.iter().zip(["15min", "24h"]) {
        let length = line["end"].as_f64().unwrap_or(0.0) - line["begin"].as_f64().unwrap_or(0.0);
        let plain = line["measurementValid"] == true && line["periodComplete"] == false;
        expect(plain && line["period"] == period && length > 0.0, || line.to_string())?;
    }
    let (text, status) = pmc(&b, &["performance"])?;
    expect(status == 0 && text.contains("path delay (ns)") && text.lines().count() == 5, || text.clone())?;
    let (text, status) = pmc(&b, &["performance", "--port", "1"])?;
    expect(status == 0 && text.contains("Delay_Resp") && text.lines().count() == 5, || text.clone())?;
    let (text, status) = pmc(&b, &["-u", "-b", "0", "GET PERFORMANCE_CLOCK_NP 97"])?;
    expect(status == 0 && text.contains("number 97 ") && !text.contains("number 0 "), || text.clone())?;
    let (text, status) = pmc(&a, &["performance"])?;
    expect(status == 1 && text.contains("performance_monitoring: true"), || format!("{status}: {text}"))?;
    let (text, status) = pmc(&b, &["performance", "--port", "7"])?;
    expect(status == 1 && text.contains("no such port"), || format!("{status}: {text}"))?;

    // The master has heard of it.
    let mut told = String::new();
    until("the client in the list", || {
        let (text, status) = pmc(&a, &["--json", "slaves"])?;
        told = text;
        Ok(status == 0 && of(told.lines().next().unwrap_or(""))["syncComputed"].as_u64() > Some(1))
    })?;
    let slave = of(&told);
    let who = slave["portIdentity"].as_str().unwrap_or_default().to_owned();
    expect(slave["offsetFromMaster"].is_number() && slave["master"].is_string(), || told.clone())?;
    let (text, status) = pmc(&a, &["slaves"])?;
    expect(status == 0 && text.contains(&who), || text.clone())?;
    let (text, status) = pmc(&a, &["--json", "slaves", &who])?;
    let timing = text.lines().map(of).find(|r| r["tlv"] == "SLAVE_RX_SYNC_TIMING_DATA");
    expect(status == 0 && timing.is_some_and(|r| r["syncOriginTimestamp"].is_string()), || text.clone())?;
    let (text, status) = pmc(&a, &["slaves", "--records"])?;
    expect(status == 0 && text.contains("SLAVE_RX_SYNC_COMPUTED_DATA"), || text.clone())?;
    let (text, status) = pmc(&b, &["slaves"])?;
    expect(status == 1 && text.contains("collect_slave_events: true"), || format!("{status}: {text}"))?;

    // Tables: what is written is what is there, and what cannot be is told before anything is sent.
    let set = |line: &str| pmc(&b, &["-u", "-b", "0", line]);
    for (line, parts) in [
        (
            "SET ACCEPTABLE_MASTER_TABLE 001122.fffe.334455-1 7",
            &["actualTableSize 1", "001122.fffe.334455-1 7"][..],
        ),
        ("SET ACCEPTABLE_MASTER_TABLE none", &["actualTableSize 0"]),
        ("SET UNICAST_MASTER_TABLE logQueryInterval 2 10.0.1.1", &["logQueryInterval 2", "10.0.1.1"]),
        ("SET UNICAST_MASTER_TABLE none", &["actualTableSize 0"]),
    ] {
        let (text, status) = set(line)?;
        let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
        expect(status == 0 && parts.iter().all(|part| plain.contains(part)), || {
            format!("{line}: {status}: {text}")
        })?;
    }
    for (line, code, part) in [
        ("SET UNICAST_MASTER_TABLE gm.example", 2, "must be none, or"),
        ("SET ACCEPTABLE_MASTER_TABLE", 2, "needs none, or port identities"),
        ("SET UNICAST_MASTER_TABLE 2001:db8::1", 1, "MANAGEMENT_ERROR_STATUS"),
        ("SET GRANDMASTER_CLUSTER_TABLE 192.0.2.1", 1, "MANAGEMENT_ERROR_STATUS"),
    ] {
        let (text, status) = set(line)?;
        expect(status == code && text.contains(part), || format!("{line}: {status}: {text}"))?;
    }
    Ok(())
}

#[test]
fn records_slaves_and_tables() {
    experiment("records_slaves_and_tables", &[], records);
}

fn report(words: &[&str]) -> Result<(serde_json::Value, i32), LabError> {
    let mut command = std::process::Command::new(our_program("pmc")?);
    let output = command.args(["report", "--json"]).args(words).output().map_err(LabError::io("run pmc"))?;
    let wrong =
        |e: serde_json::Error| LabError::Wrong(format!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    Ok((serde_json::from_slice(&output.stdout).map_err(wrong)?, output.status.code().unwrap_or(-1)))
}

/// A client that is 300 ms and 20 ppm off at the start, killed in the middle, and what its evidence says of all that.
fn evidence(lab: &mut Lab) -> Result<(), LabError> {
    let ptpd = our_program("ptpd")?;
    let (gm, client) = (lab.host("gm")?, lab.host("client")?);
    lab.link((&gm, "eth0"), (&client, "eth0"))?;
    let mut gm_clock = clock_of(&gm, 0, 0.0)?;
    let mut clock = clock_of(&client, 300, 20.0)?;
    let log = client.dir().join("evidence");
    let directory = log.display().to_string();
    let on = |host: &Host| PtpdOptions::new(&["eth0"]).on_virtual_clock(clock_path(host).as_ref());
    let gm_options = PtpdOptions { priority1: 10, more: "clock_class: 6\n", ..on(&gm) };
    let _gm = Instance::start(&gm, &ptpd, &gm_options)?;
    let options = PtpdOptions {
        client_only: true,
        extra: format!("evidence:\n  directory: {directory}\n  interval: 100ms\n"),
        ..on(&client)
    };
    let began = true_offset(&mut clock, &mut gm_clock)?;
    let mut daemon = Instance::start(&client, &ptpd, &options)?;
    let locked = |daemon: &mut Instance| {
        daemon.wait_until("to be SLAVE", PATIENCE, |look| look.state() == Some("SLAVE")).map(drop)
    };
    locked(&mut daemon)?;
    // The truth beside the record, for three seconds, once the clock has come near.
    let start = std::time::Instant::now();
    while true_offset(&mut clock, &mut gm_clock)?.abs() > 200_000.0 {
        expect(start.elapsed() < PATIENCE, || "it does not come near".to_owned())?;
        std::thread::sleep(Duration::from_millis(100));
    }
    let from = utc_text(Entry::new("now").utc_ns());
    let mut truth: Vec<f64> = Vec::new();
    for _ in 0..60 {
        truth.push(true_offset(&mut clock, &mut gm_clock)?.abs());
        std::thread::sleep(Duration::from_millis(50));
    }
    let to = utc_text(Entry::new("now").utc_ns());
    daemon.process.kill()?;
    let down = std::time::Instant::now();
    std::thread::sleep(Duration::from_secs(1));
    let mut daemon = Instance::start(&client, &ptpd, &options)?;
    locked(&mut daemon)?;
    let down = down.elapsed().as_secs_f64();
    daemon.process.stop(Duration::from_secs(10))?;
    let said = daemon.process.log();
    let head = said.lines().filter_map(|l| l.split_once("head ")?.1.split(' ').next()).next_back();
    let head = head.ok_or_else(|| LabError::Wrong(format!("no head in the log:\n{said}")))?.to_owned();

    // All of it: where the clock began, by what it was stepped, what its oscillator lacks, who was followed.
    let (all, status) = report(&[&directory, "--head", &head, "--rts25", "1ms"])?;
    expect(all["verification"]["verdict"] == "ok" && status == 6, || {
        format!("{status}: {}", all["verification"])
    })?;
    let clocks = all["clocks"].as_array().map_or(&[][..], Vec::as_slice);
    let [own] = clocks else { return Err(LabError::Wrong(format!("{clocks:?}"))) };
    let number = |v: &serde_json::Value| v.as_f64().unwrap_or(f64::NAN);
    let events = all["events"].as_array().map_or(&[][..], Vec::as_slice);
    let of = |kind: &str| events.iter().filter(|e| e["event"] == kind).count();
    expect(of("start") == 2 && of("stop") == 1 && of("step") == 1, || format!("{events:#?}"))?;
    // Where it began is what it was stepped by.
    expect((began - 300e6).abs() < 0.4e6, || format!("{began}"))?;
    let stepped =
        |e: &serde_json::Value| e["message"].as_str().is_some_and(|m| m.ends_with("by \u{2212}300 ms"));
    expect(events.iter().any(stepped), || format!("{events:#?}"))?;
    expect(of("port-state") >= 4, || format!("{events:#?}"))?;
    let followed = own["references"].as_array().map_or(&[][..], Vec::as_slice);
    let good = |r: &serde_json::Value| r["class"] == 6 && r["steps_removed"] == 1;
    expect(followed.iter().any(good), || format!("{followed:#?}"))?;
    // The kill is a gap of the length that it had.
    let gaps = own["gaps"].as_array().map_or(&[][..], Vec::as_slice);
    let longest = gaps.iter().map(|g| number(&g["seconds"])).fold(0.0, f64::max);
    expect(longest > 0.8 && longest < down + 1.0, || format!("{down} s: {gaps:?}"))?;
    let kinds = |kind: &str| number(&all["rts25"]["time"][kind]["seconds"]) > 0.5;
    expect(kinds("no_record") && kinds("within_the_limit"), || format!("{}", all["rts25"]["time"]))?;

    // While it was locked: what it says is what was true, as far as software stamps go.
    let (part, _) = report(&[&directory, "--from", &from, "--to", &to])?;
    let half = number(&part["clocks"][0]["percentiles_ns"]["50"]);
    let most = number(&part["clocks"][0]["worst_ns"]).abs();
    // The oscillator gains 20 ppm, which the corrections take back.
    let [low, high] = [0, 1].map(|i| number(&part["clocks"][0]["frequency_ppb"][i]));
    expect(low - 5e3 < -20e3 && high + 5e3 > -20e3, || format!("steered by {low} to {high} ppb"))?;
    truth.sort_by(f64::total_cmp);
    let true_half = truth.get(truth.len() / 2).copied().unwrap_or(f64::NAN);
    println!("true: half below {true_half:.0} ns; report: {half:.0} ns, largest {most:.0} ns");
    expect((half - true_half).abs() < 300_000.0 && half <= most, || format!("{half} {true_half} {most}"))?;

    // The page stands alone.
    let page = client.dir().join("report.html");
    let (_, status) = report(&[&directory, "-o", &page.display().to_string()])?;
    let html = std::fs::read_to_string(&page).map_err(LabError::io("read the page"))?;
    expect(status == 0 && html.matches("<svg").count() >= 5, || format!("{status}"))?;
    for outside in ["<link", "<script", " src=", "@import", "http"] {
        expect(!html.contains(outside), || format!("the page fetches something: {outside}"))?;
    }

    // A digit changed, the end cut off: found, and told apart.
    let file = std::fs::read_dir(&log).map_err(LabError::io("read the directory"))?.filter_map(Result::ok);
    let file = file.map(|e| e.path()).find(|p| p.extension().is_some_and(|e| e == "jsonl"));
    let file = file.ok_or_else(|| LabError::Wrong("no log".to_owned()))?;
    let good = std::fs::read_to_string(&file).map_err(LabError::io("read the log"))?;
    let copy = client.dir().join("copy");
    let verify = |text: &str| {
        std::fs::write(&copy, text).map_err(LabError::io("write a copy"))?;
        report(&[&copy.display().to_string(), "--verify", "--head", &head])
    };
    expect(verify(&good)?.1 == 0, || "the copy is whole".to_owned())?;
    let (found, status) = verify(&good.replacen("\"state\":\"locked\"", "\"state\":\"lockex\"", 1))?;
    let line = 1 + good.lines().take_while(|l| !l.contains("\"state\":\"locked\"")).count() as u64;
    let problem = &found["chains"][0]["problems"][0];
    expect(status == 1 && problem["line"] == line, || format!("{status}, line {line}: {found}"))?;
    let cut: Vec<&str> = good.lines().collect();
    let cut = cut.get(..cut.len() - 1).unwrap_or_default().join("\n") + "\n";
    expect(verify(&cut)?.1 == 4, || "the last line is missing".to_owned())?;
    let (_, status) = report(&[&client.dir().join("nowhere").display().to_string(), "--verify"])?;
    expect(status == 5, || format!("nothing there: {status}"))
}

#[test]
fn evidence_says_what_was_true() {
    experiment("evidence_says_what_was_true", &[], evidence);
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
