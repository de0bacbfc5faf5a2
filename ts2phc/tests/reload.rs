//! The program with a file, on a virtual clock whose pulses come: reload, check, and what is in force.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ptp_clock::{VirtualClock, VirtualOptions, observe};
use ptp_wire::TimeInterval;

/// Far beyond what anything here takes.
const LIMIT: Duration = Duration::from_secs(60);
const PROGRAM: &str = env!("CARGO_BIN_EXE_ts2phc");

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().expect("the program was built")
}

/// The program and its log, ended with the test.
struct Running {
    child: Child,
    lines: Receiver<String>,
    text: String,
}

impl Running {
    fn start(file: &Path) -> Self {
        let child = Command::new(PROGRAM).arg("-f").arg(file).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the program was built");
        let out = BufReader::new(child.stderr.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|l| sender.send(l)));
        Self { child, lines, text: String::new() }
    }

    /// Waits for a line that has this in it.
    fn line_with(&mut self, part: &str) {
        loop {
            let line = self.lines.recv_timeout(LIMIT);
            let line = line.unwrap_or_else(|e| panic!("{e}: no {part:?} in\n{}", self.text));
            self.text.push_str(&line);
            self.text.push('\n');
            if line.contains(part) {
                return;
            }
        }
    }

    fn hang_up(&self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a number of a process"));
        kill(pid, Signal::SIGHUP).expect("it runs");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Files that go with the test.
struct Scratch(Vec<PathBuf>);

impl Drop for Scratch {
    fn drop(&mut self) {
        for file in &self.0 {
            let _ = std::fs::remove_file(file);
        }
    }
}

#[test]
fn a_reload_takes_over_what_it_can_and_the_clock_does_not_notice() {
    let clock = std::env::temp_dir().join(format!("ts2phc-reload-{}", std::process::id()));
    let (file, pulses) = (clock.with_extension("yaml"), PathBuf::from(format!("{}.pps", clock.display())));
    let _scratch = Scratch(vec![clock.clone(), file.clone(), pulses.clone()]);
    let options = VirtualOptions {
        offset: TimeInterval::from_nanos(3_000_000),
        frequency_error_ppb: 5_000.0,
        epoch: Some(VirtualOptions::epoch_now() + 37_000_000_000),
        ..VirtualOptions::default()
    };
    VirtualClock::create(&clock, &options).unwrap_or_else(|e| panic!("{e}"));
    std::fs::write(&pulses, "0").expect("write");
    let text = |more: &str, cable: &str| {
        format!(
            "time: system\nutc_offset: 37\nrate: 8\nsettle: 4\nlock_within: 1 ms\nagree_within: 10 ms\n{more}clocks:\n  \
             - clock: virtual:{}\n    cable_delay: {cable}\n",
            clock.display()
        )
    };
    let write = |text: String| std::fs::write(&file, text).expect("write");
    write(text("", "0 ns"));
    let mut running = Running::start(&file);
    running.line_with(": the clock has settled");
    running.line_with(" s2 freq ");
    let begun = running.text.len();

    write(text("grace: 300 ms\nbaud: 115200\nservo: pi\nmin_satellites: 5\n", "100 ns"));
    running.hang_up();
    for part in [
        "min_satellites from 4 to 5",
        "clocks[0].cable_delay from 0 ns to 100 ns",
        "grace from 100ms to 300 ms",
        "a change of baud from 9600 to 115200 needs a restart",
        "a change of servo from adaptive to pi needs a restart",
        "configuration reloaded",
        " s2 freq ",
    ] {
        running.line_with(part);
    }
    // Another number of clocks is named, and the ones there are stay.
    write(text("", "100 ns") + "  - clock: phc77\n");
    running.hang_up();
    running.line_with("a change of clocks from 1 item to 2 items needs a restart");
    running.line_with("configuration reloaded");
    // A mistake: named, and nothing changes.
    write(text("gracee: 1 s\n", "1 s"));
    running.hang_up();
    running.line_with("the configuration stays as it was");
    running.line_with("did you mean `grace`?");
    running.line_with(" s2 freq ");
    // The level of a part, and back.
    write(text("log_parts: [servo=warn]\n", "100 ns"));
    running.hang_up();
    running.line_with("log_parts from off to servo=warn");
    running.line_with("configuration reloaded");
    let quiet = running.text.len();
    write(text("log_parts: [servo=warn]\nin_spec: 3 us\n", "100 ns"));
    running.hang_up();
    running.line_with("in_spec from 1.5us to 3 us");
    assert!(!running.text[quiet..].contains(" freq "), "{}", &running.text[quiet..]);
    write(text("", "100 ns"));
    running.hang_up();
    running.line_with(" s2 freq ");

    // The lock state, the servo and the clock went through all of it.
    let after = &running.text[begun..];
    for bad in [" s0 ", " s1 ", "holdover", "warming up", "not followed"] {
        assert!(!after.contains(bad), "{bad}: {after}");
    }
    let error = observe(&clock).expect("a good clock").true_error;
    assert!(error.abs() < TimeInterval::from_nanos(1_000_000), "{error}");
}

#[test]
fn what_is_in_force_and_what_is_wrong_are_told() {
    let file = std::env::temp_dir().join(format!("ts2phc-told-{}.yaml", std::process::id()));
    let _scratch = Scratch(vec![file.clone()]);
    std::fs::write(&file, "time: system\nutc_offset: 37\nclocks:\n  - {clock: phc9, cable_delay: 52 ns}\n")
        .expect("write");
    let name = file.display().to_string();
    let told = run(&["config", "--effective", "-f", &name, "--set", "clocks[*].edge=both"]);
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    for (key, origin) in [
        ("cable_delay: 52 ns", format!("{name}:4")),
        ("edge: both", "command line, --set clocks[*].edge=both".to_owned()),
        ("grace: 100ms", "default".to_owned()),
    ] {
        let has = text.lines().any(|l| l.trim().starts_with(key) && l.ends_with(&format!("# {origin}")));
        assert!(has, "{key}: {text}");
    }
    std::fs::write(&file, &text).expect("write");
    assert!(run(&["check", &name]).status.success(), "{text}");
    std::fs::write(
        &file,
        "tiem: system\nrate: 900\nclocks: [{clock: phc0, egde: both}]\nleap_file: /x\nutc_offset: 37\n",
    )
    .expect("write");
    for arguments in [&["check", name.as_str()][..], &["-f", &name, "--check"]] {
        let wrong = run(arguments);
        let text = String::from_utf8_lossy(&wrong.stderr).into_owned();
        assert_eq!(wrong.status.code(), Some(2), "{text}");
        for part in [
            "did you mean `time`?",
            ":2:7",
            "1 to 128",
            "did you mean `edge`?",
            "no effect",
            "`time` is needed",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    assert!(String::from_utf8_lossy(&run(&["config", "--schema"]).stdout).contains("\"ts2phc.yaml\""));
}
