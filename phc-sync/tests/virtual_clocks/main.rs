//! The program itself, on virtual clocks.

mod holdover;
mod reload;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ptp_clock::{VirtualClock, VirtualOptions, observe};
use ptp_wire::TimeInterval;

/// Far beyond what anything here takes.
const LIMIT: Duration = Duration::from_secs(60);
const PROGRAM: &str = env!("CARGO_BIN_EXE_phc-sync");

/// A virtual clock's file, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn clock(options: &VirtualOptions) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("phc-sync-test-{}-{n}", std::process::id()));
        VirtualClock::create(&path, options).unwrap_or_else(|e| panic!("{e}"));
        Self(path)
    }

    fn name(&self) -> String {
        format!("virtual:{}", self.0.display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A good clock, and one that is 1 ms ahead and 30 ppm fast, of one truth.
fn pair() -> (Scratch, Scratch) {
    let epoch = Some(VirtualOptions::epoch_now());
    let source = Scratch::clock(&VirtualOptions { epoch, ..VirtualOptions::default() });
    let sink = Scratch::clock(&VirtualOptions {
        epoch,
        offset: TimeInterval::from_nanos(1_000_000),
        frequency_error_ppb: 30_000.0,
        ..VirtualOptions::default()
    });
    (source, sink)
}

/// The program, ended with the test.
struct Running {
    child: Child,
    lines: Receiver<String>,
    text: String,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let child = Command::new(PROGRAM).args(args).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
        let mut child = child.expect("the program was built");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|l| sender.send(l)));
        Self { child, lines, text: String::new() }
    }

    /// Waits for a line that has this in it.
    fn line_with(&mut self, part: &str) -> String {
        let limit = Instant::now() + 2 * LIMIT;
        loop {
            assert!(Instant::now() < limit, "no {part:?} in\n{}", self.text);
            let line = self.lines.recv_timeout(LIMIT);
            let line = line.unwrap_or_else(|e| panic!("{e}: no {part:?} in\n{}", self.text));
            self.text.push_str(&line);
            self.text.push('\n');
            if line.contains(part) {
                return line;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("a command of every machine");
        assert!(sent.success());
    }

    /// SIGHUP.
    fn hang_up(&self) {
        self.signal("-HUP");
    }

    /// SIGTERM; all it wrote.
    fn stop(mut self) -> String {
        self.signal("-TERM");
        self.line_with("stopped");
        assert!(self.child.wait().expect("a child").success(), "{}", self.text);
        std::mem::take(&mut self.text)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let limit = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < limit, "not within a minute: {what}");
        sleep(Duration::from_millis(50));
    }
}

fn run(args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).output().expect("the program was built")
}

#[test]
fn the_clocks_come_together() {
    let (source, sink) = pair();
    let program = Running::start(&["-s", &source.name(), "-c", &sink.name(), "-R", "16", "-m", "-t", "pair"]);
    let mut good = 0;
    wait_for("true error below 1 us ten times in a row", || {
        let o = observe(&sink.0).expect("a good clock");
        let close = o.true_error.abs() < TimeInterval::from_nanos(1_000);
        good = if close { good + 1 } else { 0 };
        good >= 10
    });
    let o = observe(&sink.0).expect("a good clock");
    // 30 ppm fast is taken back by -29 999.1 ppb.
    assert!((o.frequency_ppb + 29_999.1).abs() < 500.0, "{} ppb", o.frequency_ppb);
    assert_eq!(observe(&source.0).expect("a good clock").adjustments, 0);
    let text = program.stop();
    for part in ["phc-sync[", "]: [pair] ", " phc offset ", " s0 freq ", " s1 freq ", " s2 freq ", " delay "]
    {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    // It stays as it was left.
    let left = observe(&sink.0).expect("a good clock").adjustments;
    sleep(Duration::from_millis(300));
    assert_eq!(observe(&sink.0).expect("a good clock").adjustments, left);
    println!("true error at the end: {}", observe(&sink.0).expect("a good clock").true_error);
}

#[test]
fn a_fixed_offset_and_several_sinks() {
    let (source, a) = pair();
    let epoch = Some(VirtualClock::open(&source.0).expect("a good clock").epoch());
    let b = Scratch::clock(&VirtualOptions {
        epoch,
        frequency_error_ppb: -80_000.0,
        ..VirtualOptions::default()
    });
    let args =
        ["-s", &source.name(), "-c", &a.name(), "-c", &b.name(), "-O", "-37", "-R", "32", "-u", "8", "-m"];
    let mut program = Running::start(&args);
    let wanted = TimeInterval::from_nanos(-37_000_000_000);
    wait_for("both 37 s behind", || {
        [&a, &b].iter().all(|c| {
            let o = observe(&c.0).expect("a good clock");
            (o.true_error - wanted).abs() < TimeInterval::from_nanos(1_000)
        })
    });
    for sink in [&a, &b] {
        program.line_with(&format!("{} rms ", sink.name()));
    }
    let text = program.stop();
    assert!(!text.contains(" s2 "), "{text}");
}

#[test]
fn a_clock_of_1970_is_set() {
    let source = Scratch::clock(&VirtualOptions::default());
    let epoch = Some(VirtualClock::open(&source.0).expect("a good clock").epoch());
    let sink = Scratch::clock(&VirtualOptions { epoch, ..VirtualOptions::default() });
    {
        use ptp_clock::Clock;
        let mut c = VirtualClock::open(&sink.0).expect("a good clock");
        c.set(ptp_wire::TimePoint::ZERO).expect("in range");
    }
    let program = Running::start(&["-s", &source.name(), "-c", &sink.name(), "-R", "32", "-m"]);
    wait_for("the clock of 1970 is right", || {
        observe(&sink.0).expect("a good clock").true_error.abs() < TimeInterval::from_nanos(1_000)
    });
    assert!(program.stop().contains("more than a day off"));
}

#[test]
fn free_running_touches_nothing() {
    let (source, sink) = pair();
    let mut program =
        Running::start(&["-s", &source.name(), "-c", &sink.name(), "-R", "50", "-m", "--free-running"]);
    let mut line = String::new();
    for _ in 0..5 {
        line = program.line_with(" offset ");
    }
    program.stop();
    let offset = line.split(" offset ").nth(1).and_then(|l| l.split_whitespace().next());
    let offset: i64 = offset.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no offset in {line}"));
    // 1 ms, and 30 us for each second since.
    assert!((1_000_000..3_000_000).contains(&offset), "{offset}");
    assert_eq!(observe(&sink.0).expect("a good clock").adjustments, 0);
}

#[test]
fn mistakes_are_named() {
    let (source, sink) = pair();
    let text = |o: Output| {
        assert!(!o.status.success());
        String::from_utf8_lossy(&o.stderr).into_owned()
    };
    assert!(text(run(&["-s", "virtual:/nonexistent", "-c", &sink.name()])).contains("no such clock"));
    assert!(text(run(&["-s", "nonsense9", "-c", &sink.name()])).contains("unknown clock nonsense9"));
    assert!(text(run(&["-s", &sink.name(), "-c", &sink.name()])).contains("itself"));
    assert!(text(run(&["-s", "system", "-c", &sink.name()])).contains("-O"));
    assert!(text(run(&["-s", &source.name()])).contains("-O -37"));
    std::fs::write(&sink.0, b"nothing").expect("a file");
    assert!(text(run(&["-s", &source.name(), "-c", &sink.name()])).contains("not a usable virtual clock"));
}

#[test]
fn every_servo_brings_them_together() {
    for servo in ["pi", "linreg", "adaptive"] {
        let (source, sink) = pair();
        let program =
            Running::start(&["-s", &source.name(), "-c", &sink.name(), "-R", "16", "-m", "-E", servo]);
        let mut good = 0;
        wait_for(servo, || {
            let close =
                observe(&sink.0).expect("a good clock").true_error.abs() < TimeInterval::from_nanos(1_000);
            good = if close { good + 1 } else { 0 };
            good >= 10
        });
        assert!(program.stop().contains(" s2 freq "), "{servo}");
    }
}

#[test]
fn a_file_is_enough_and_mistakes_have_a_place() {
    let (source, sink) = pair();
    let path = source.0.with_extension("yaml");
    let text = format!("source: {}\nsinks: {}\nrate: 16\nsummary_updates: 4\n", source.name(), sink.name());
    std::fs::write(&path, &text).expect("a file");
    let file = path.display().to_string();
    assert!(run(&["-f", &file, "--check"]).status.success());
    let program = Running::start(&["-f", &file, "-m"]);
    wait_for("the clocks together", || {
        observe(&sink.0).expect("a good clock").true_error.abs() < TimeInterval::from_nanos(1_000)
    });
    program.stop();
    std::fs::write(&path, text + "stepthreshold: 1 s\n").expect("a file");
    let refused = run(&["-f", &file]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("did you mean `step_threshold`"), "{said}");
    assert!(said.contains(":5:"), "{said}");
    std::fs::remove_file(&path).expect("ours");
}

/// Of a socket of events, until this is in a line; all lines.
fn events_until(path: &std::path::Path, part: &str) -> Vec<String> {
    let mut stream = None;
    wait_for("the socket of events", || {
        stream = std::os::unix::net::UnixStream::connect(path).ok();
        stream.is_some()
    });
    let stream = stream.expect("connected");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    let mut all = Vec::new();
    for line in BufReader::new(stream).lines() {
        all.push(line.unwrap_or_else(|e| panic!("{e}: no {part} in {all:#?}")));
        if all.last().is_some_and(|l| l.contains(part)) {
            return all;
        }
    }
    panic!("the end, and no {part} in {all:#?}");
}

#[test]
fn events_tell_the_source_and_the_lock() {
    let (source, sink) = pair();
    let socket = std::env::temp_dir().join(format!("phc-sync-events-{}", std::process::id()));
    let file = std::env::temp_dir().join(format!("phc-sync-events-{}.yaml", std::process::id()));
    let text = format!(
        "source: {}\nsinks: [{}]\noffset: 0 s\nrate: 16\nlog_level: warn\nevents_socket: {}\n",
        source.name(),
        sink.name(),
        socket.display()
    );
    std::fs::write(&file, text).expect("write");
    let mut running = Running::start(&["-m", "-f", &file.display().to_string()]);
    let events = events_until(&socket, r#""locked":true"#);
    assert!(
        events[0].contains(r#""kind":"snapshot""#) && events[0].contains(r#""daemon":"phc-sync""#),
        "{events:#?}"
    );
    let follows = format!("{} follows {}", sink.name(), source.name());
    assert!(events.iter().any(|e| e.contains(r#""kind":"source""#) && e.contains(&follows)), "{events:#?}");
    assert!(events.last().is_some_and(|e| e.contains(r#""kind":"servo""#)), "{events:#?}");
    // The level of the file counts: no line per measurement.
    let _ = running.child.kill();
    assert!(running.lines.try_iter().all(|l| !l.contains("offset")));
    let _ = std::fs::remove_file(&file);
    let _ = std::fs::remove_file(&socket);
}

#[test]
fn what_is_in_force_and_what_is_wrong_are_told() {
    let file = std::env::temp_dir().join(format!("phc-sync-told-{}.yaml", std::process::id()));
    std::fs::write(&file, "system_clock: sink\nrate: 8\n").expect("write");
    let name = file.display().to_string();
    let told = run(&["config", "--effective", "-f", &name, "-N", "7", "--set", "log_parts=servo=warn"]);
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let has = |key: &str, origin: &str| {
        text.lines().any(|l| l.starts_with(key) && l.ends_with(&format!("# {origin}")))
    };
    assert!(has("rate: 8", &format!("{name}:2")) && has("readings: 7", "command line, -N"), "{text}");
    assert!(has("log_parts: [servo=warn]", "command line, --set log_parts=servo=warn"), "{text}");
    assert!(has("source_error: 1us", "default"), "{text}");
    // What it prints is a file.
    std::fs::write(&file, &text).expect("write");
    assert!(run(&["check", &name]).status.success(), "{text}");
    std::fs::write(&file, "system_clok: sink\nrate: 9000\nsmear_window: 3 h\nmetrics: {listne: x}\n")
        .expect("write");
    let wrong = run(&["check", &name]);
    let text = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(2), "{text}");
    for part in [
        "did you mean `system_clock`?",
        ":2:7",
        "0.001 to 1000",
        "no effect",
        "did you mean `listen`?",
        "4 errors",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(String::from_utf8_lossy(&run(&["config", "--schema"]).stdout).contains("\"phc-sync.yaml\""));
    std::fs::remove_file(&file).expect("ours");
}
