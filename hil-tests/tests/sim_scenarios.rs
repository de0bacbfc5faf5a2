//! The committed scenarios do what they say; a seed repeats bit for bit; what is wrong is said with its place.

use std::path::{Path, PathBuf};
use std::process::Command;

use hil_tests::sim::scenario::{Outcome, Run, Scenario, load, load_text, report};

fn scenarios() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(directory).expect("the directory");
    let mut files: Vec<_> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() >= 9, "{files:?}");
    files
}

fn run(scenario: &Scenario, seed: Option<u64>) -> Outcome {
    Run::new(scenario, seed).expect("can be run").finish()
}

#[test]
fn every_scenario_comes_out_as_it_expects_with_any_seed() {
    for file in scenarios() {
        let scenario = load(&file, &[]).unwrap_or_else(|e| panic!("{e}"));
        assert!(!scenario.expect.is_empty(), "{}: expects nothing", file.display());
        for seed in [None, Some(2), Some(3)] {
            let outcome = run(&scenario, seed);
            assert!(outcome.passed(), "{}:\n{}", file.display(), report::text(&outcome));
        }
    }
}

#[test]
fn a_seed_is_one_run_and_another_seed_another() {
    for file in scenarios() {
        let scenario = load(&file, &[]).expect("reads");
        let first = run(&scenario, Some(7));
        let again = run(&scenario, Some(7));
        assert_eq!(first.hash, again.hash, "{}", file.display());
        // Series hold NaN where a node was dead: compared by their text.
        assert_eq!(format!("{:?}", first.nodes), format!("{:?}", again.nodes), "{}", file.display());
        assert_ne!(first.hash, run(&scenario, Some(8)).hash, "{}", file.display());
    }
}

#[test]
fn reports_stand_alone_and_tell_what_failed() {
    let text = TWO.replace(
        "EXPECT",
        "  - { error_below: 1 ns, of: client, from: 60 s }\n  - { locked: true, of: client }",
    );
    let scenario = load_text(Path::new("two.yaml"), &text, &[]).unwrap_or_else(|e| panic!("{e}"));
    let outcome = run(&scenario, None);
    assert!(!outcome.passed());
    let failed: Vec<_> = outcome.verdicts.iter().map(|v| (v.line, v.failure.is_some())).collect();
    assert_eq!(failed, [(14, true), (15, false)]);
    let html = report::html(&outcome);
    assert!(
        html.contains("<svg")
            && html.contains("1 expectations were not met")
            && html.contains("kill &lt;b&gt;")
    );
    assert!(!html.contains("NaN") && !html.contains("src=") && !html.contains("href="), "nothing is fetched");
    for report in [report::text(&outcome), report::markdown(&outcome)] {
        assert!(report.contains("error_below: 1 ns") && report.contains("client is off by"), "{report}");
        assert!(report.contains("SLAVE"), "{report}");
    }
}

/// Two nodes; the title wants to be markup.
const TWO: &str = "title: kill <b>\nduration: 100 s\nnodes:\n  gm:\n    config: { profile: default-e2e, clock_class: 6, ports: [{ interface: eth0 }] }\n    clock: gnss\n  client:\n    config: { profile: default-e2e, client_only: true, ports: [{ interface: eth0 }] }\nlinks:\n  wire: { ends: [gm, client] }\nschedule:\n  - { at: 90 s, kill: client }\nexpect:\nEXPECT\n";

/// What a text with one thing wrong is told: position and message, and a part of the help or of what is allowed.
#[track_caller]
fn told(change: (&str, &str), position: (usize, usize), message: &str, help: &str) {
    let good = TWO.replace("EXPECT", "  - { locked: true, of: client }");
    assert!(good.contains(change.0), "{change:?}");
    let text = good.replacen(change.0, change.1, 1);
    let wrong = load_text(Path::new("two.yaml"), &text, &[]).expect_err("is wrong");
    let all = wrong.as_slice();
    let found =
        all.iter().find(|d| d.message.contains(message)).unwrap_or_else(|| panic!("{message}:\n{wrong}"));
    let at = found.position.expect("a place");
    assert_eq!((at.line, at.column), position, "{wrong}");
    let more = format!("{:?} {:?}", found.help, found.allowed);
    assert!(more.contains(help), "{help}: {more}");
}

#[test]
fn what_is_wrong_is_said_with_line_and_column() {
    told(("duration: 100 s", "duration: 100"), (2, 11), "not a value of `duration`", "100s");
    told(("clock: gnss", "clok: gnss"), (6, 5), "unknown key `clok`", "`clock`");
    told(("clock: gnss", "clock: { kind: gns }"), (6, 20), "`gns` is not a value", "gnss");
    // Inside a daemon's configuration, by the daemon's own reader.
    told(("clock_class: 6", "clock_clas: 6"), (5, 37), "unknown key `clock_clas`", "clock_class");
    told(("clock_class: 6", "clock_class: 600"), (5, 50), "`600` is not a value", "0 to 255");
    told(("gm, client]", "gm, clint]"), (10, 22), "no node `clint`", "client");
    told(("gm, client]", "'gm:eth1', client]"), (10, 18), "has no interface `eth1`", "eth0");
    told(("gm, client]", "gm, gm]"), (10, 22), "on a link already", "");
    told(("kill: client", "kil: client"), (12, 5), "nothing happens here", "`kill`");
    told(("kill: client", "kill: client, cut: wire"), (12, 5), "at once", "a step of its own");
    told(("at: 90 s", "at: 900 s"), (12, 5), "after the end", "");
    told(("kill: client", "manage: gm, command: SET PRIORTY1 1"), (12, 38), "bad command", "pmc(8)");
    told(("kill: client", "attack: replay, on: wires, for: 1 s"), (12, 37), "no link `wires`", "`wire`");
    told(("locked: true, of: client", "locked: true"), (14, 5), "`expect[0].of` is missing", "of: all");
    told(("locked: true, of: client", "state: SLAV, port: client"), (14, 14), "no port state", "SLAVE");
    told(
        ("locked: true, of: client", "locked: true, of: client, from: 90 s, to: 80 s"),
        (14, 5),
        "never comes",
        "",
    );
    told(("links:\n  wire", "links:\n  <<: *x\n  wire"), (10, 7), "not YAML", "");
    told(("clock: gnss", "clock: gnss\n    clock: gnss"), (7, 5), "stands here twice", "line 6");
}

#[test]
fn everything_wrong_is_said_at_once() {
    let text = "title: x\nduration: 5\nnodes:\n  a: { config: none.yaml, count: 0 }\nlinks:\n  l: { ends: [b] }\nschedule:\n  - { kill: c }\nexpect: 3\n";
    let wrong = load_text(Path::new("x.yaml"), text, &[]).expect_err("is wrong");
    let lines: Vec<_> = wrong.as_slice().iter().filter_map(|d| d.position.map(|p| p.line)).collect();
    assert_eq!(lines, [2, 4, 4, 6, 8, 8, 9], "{wrong}");
}

#[test]
fn any_octets_are_read_without_a_panic() {
    let good = TWO.replace("EXPECT", "  - { locked: true, of: client }");
    let mut rng = hil_tests::sim::Rng::new(1, 1, 1);
    let mut wrong = 0;
    for _ in 0..3000 {
        let mut octets = good.clone().into_bytes();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(octets.len());
            match rng.below(4) {
                0 => octets[at] = b" {}[]:,-'\"\n#&*!|>%@~0a"[rng.below(22)],
                1 => {
                    octets.remove(at);
                }
                2 => octets.truncate(at.max(1)),
                _ => octets.insert(at, rng.next_u64() as u8 & 0x7f),
            }
        }
        let text = String::from_utf8_lossy(&octets).into_owned();
        wrong += usize::from(load_text(Path::new("x.yaml"), &text, &[]).is_err());
    }
    assert!(wrong > 1000, "{wrong}");
}

#[test]
fn the_program_says_by_its_exit_code_what_came_out() {
    let directory = std::env::temp_dir().join(format!("escapement-sim-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let code = |arguments: &[&str]| {
        let program = Path::new(env!("CARGO_BIN_EXE_escapement-sim"));
        let output = Command::new(program).current_dir(&directory).args(arguments).output().expect("runs");
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    };
    let good = TWO.replace("EXPECT", "  - { locked: true, of: client }");
    std::fs::write(directory.join("good.yaml"), &good).expect("written");
    std::fs::write(directory.join("bad.yaml"), good.replace("duration: 100 s", "duration: 100"))
        .expect("written");
    std::fs::write(
        directory.join("fails.yaml"),
        good.replace("locked: true, of: client", "grandmaster: client, of: gm"),
    )
    .expect("written");
    let (status, text) =
        code(&["run", "good.yaml", "--report", "r.html", "--pcap", "wire=w.pcap", "--verbose"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("UNCALIBRATED to SLAVE") && text.contains("run good.yaml --seed 1"), "{text}");
    assert!(std::fs::read_to_string(directory.join("r.html")).expect("a report").contains("</html>"));
    assert!(std::fs::metadata(directory.join("w.pcap")).expect("a capture").len() > 10_000);
    assert_eq!(code(&["check", "good.yaml"]).0, Some(0));
    let (status, text) = code(&["run", "fails.yaml"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("FAILED  line 14") && text.contains("grandmaster is gm"), "{text}");
    let (status, text) = code(&["run", "bad.yaml"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("bad.yaml:2:11"), "{text}");
    assert_eq!(code(&["run", "good.yaml", "--pcap", "nowhere=w"]).0, Some(2));
    std::fs::remove_dir_all(directory).expect("removed");
}
