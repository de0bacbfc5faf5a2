//! The program under linuxptp's names.

use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ptp_clock::{VirtualClock, VirtualOptions, observe};
use ptp_wire::TimeInterval;

/// A directory with links of the names and two clocks; removed at the end.
struct Room(PathBuf);

impl Room {
    fn new(tag: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("phc-sync-names-{tag}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a directory");
        for name in ["phc2sys", "phc_ctl"] {
            symlink(env!("CARGO_BIN_EXE_phc-sync"), dir.join(name)).expect("a link");
        }
        let epoch = Some(VirtualOptions::epoch_now());
        let right = VirtualOptions { epoch, ..VirtualOptions::default() };
        let wrong = VirtualOptions {
            epoch,
            offset: TimeInterval::from_nanos(-700_000),
            frequency_error_ppb: 20_000.0,
            ..VirtualOptions::default()
        };
        drop(VirtualClock::create(dir.join("right"), &right).expect("a clock"));
        drop(VirtualClock::create(dir.join("wrong"), &wrong).expect("a clock"));
        Self(dir)
    }

    fn command(&self, name: &str) -> Command {
        Command::new(self.0.join(name))
    }

    fn clock(&self, name: &str) -> String {
        format!("virtual:{}", self.0.join(name).display())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < limit, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn end(child: Child) -> (String, String) {
    end_by(child, "TERM")
}

fn end_by(mut child: Child, signal: &str) -> (String, String) {
    let pid = child.id().to_string();
    assert!(
        Command::new("sh")
            .args(["-c", &format!("kill -{signal} \"$0\""), &pid])
            .status()
            .expect("a shell")
            .success()
    );
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    assert!(child.wait().expect("a child").success(), "{out}{err}");
    (out, err)
}

fn true_error(path: &Path) -> f64 {
    observe(path).expect("a clock").true_error.nanos_f64()
}

#[test]
fn phc2sys_logs_as_linuxptp_does() {
    let room = Room::new("phc2sys");
    let mut command = room.command("phc2sys");
    let (right, wrong) = (room.clock("right"), room.clock("wrong"));
    command.args(["-s", &right, "-c", &wrong, "-mqR16", "-t", "tag"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("built");
    let wrong_file = room.0.join("wrong");
    wait_for("the clocks together", || true_error(&wrong_file).abs() < 1_000.0);
    std::thread::sleep(Duration::from_millis(300));
    let (out, err) = end(child);
    let line = out.lines().find(|l| l.contains(" s2 freq ")).unwrap_or_else(|| panic!("no line in\n{out}"));
    let rest = line.strip_prefix("phc2sys[").and_then(|l| l.split_once("]: tag ")).map(|(_, l)| l);
    let words: Vec<&str> = rest.unwrap_or_else(|| panic!("{line}")).split_whitespace().collect();
    assert_eq!(
        (words[0], words[1], words[2], words[4], words[5], words[7]),
        (wrong.as_str(), "phc", "offset", "s2", "freq", "delay"),
        "{line}"
    );
    assert!(words[3].parse::<i64>().is_ok() && words[6].starts_with(['+', '-']), "{line}");
    // Warnings go to standard error there; there were none.
    assert_eq!(err, "");
}

#[test]
fn phc2sys_ends_as_linuxptp_does() {
    let room = Room::new("exit");
    let run = |arguments: &[&str]| room.command("phc2sys").args(arguments).output().expect("built");
    let bad = run(&["-a", "-s", "/dev/ptp0"]);
    assert_eq!(bad.status.code(), Some(255));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("autoconfiguration cannot be mixed"));
    assert_eq!(
        run(&["-s", "virtual:/nonexistent", "-c", &room.clock("wrong"), "-q"]).status.code(),
        Some(255)
    );
    let help = run(&["-h"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stderr).contains("usage: phc2sys"));
    assert_eq!(run(&["-v"]).status.code(), Some(0));
}

#[test]
fn the_signals_that_end_phc2sys_are_linuxptps() {
    let room = Room::new("signals");
    // There is no reload: SIGHUP ends it, too.
    for signal in ["HUP", "INT", "QUIT"] {
        let mut command = room.command("phc2sys");
        command.args(["-s", &room.clock("right"), "-c", &room.clock("wrong"), "-mqR16"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("built");
        let mut first = [0; 1];
        // It runs: its handlers are there.
        child.stdout.as_mut().expect("piped").read_exact(&mut first).expect("a line");
        assert_eq!(end_by(child, signal).1, "", "{signal}");
    }
}

#[test]
fn a_summary_line_is_linuxptps() {
    let room = Room::new("summary");
    let mut command = room.command("phc2sys");
    command.args(["-s", &room.clock("right"), "-c", &room.clock("wrong"), "-m", "-q", "-R", "50", "-u", "5"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("built");
    let wrong_file = room.0.join("wrong");
    wait_for("the clocks together", || true_error(&wrong_file).abs() < 1_000.0);
    std::thread::sleep(Duration::from_millis(200));
    let (out, _) = end(child);
    let line = out.lines().find(|l| l.contains(" rms ")).unwrap_or_else(|| panic!("no line in\n{out}"));
    for part in [" max ", " freq ", " +/- ", " delay "] {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn phc_ctl_works_a_clock_by_hand() {
    let room = Room::new("phc_ctl");
    let clock = room.clock("wrong");
    let run = |arguments: &[&str]| {
        let o = room.command("phc_ctl").args(arguments).output().expect("built");
        let text = String::from_utf8_lossy(&o.stdout).into_owned() + &String::from_utf8_lossy(&o.stderr);
        (o.status.code(), text)
    };
    let (code, text) = run(&["-q", &clock, "freq", "1000", "set", "100.5", "wait", "0.1", "get", "freq"]);
    assert_eq!(code, Some(0), "{text}");
    let lines: Vec<&str> = text.lines().filter_map(|l| l.split_once("]: ").map(|(_, l)| l)).collect();
    assert_eq!(lines[0], "adjusted clock frequency offset to 1000.000000ppb");
    assert!(lines[1].starts_with("set clock time to 100.500000000 or "), "{text}");
    assert_eq!(lines[2], "process slept for 0.100000 seconds");
    assert!(lines[3].starts_with("clock time is 100.6"), "{text}");
    assert!(lines[4].starts_with("clock frequency offset is 1000.0"), "{text}");
    assert!(text.lines().all(|l| l.starts_with("phc_ctl[")), "{text}");
    assert_eq!(run(&[&clock, "bogus"]).0, Some(255));
    assert_eq!(run(&["nosuch9"]).0, Some(255));
    assert_eq!(run(&["-Q", &clock, "get"]), (Some(0), String::new()));
}
