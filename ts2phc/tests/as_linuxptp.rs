//! The program itself on a virtual clock with pulses: under linuxptp's options, its log; and with a table that has expired.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ptp_clock::{Clock, VirtualClock, VirtualOptions};

/// A clock that is 5 ppm too fast, and its pulses; they are removed at the end.
struct Stage {
    path: PathBuf,
    clock: VirtualClock,
    child: Child,
    log: PathBuf,
}

impl Stage {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let path = std::env::temp_dir().join(format!("ts2phc-{name}-{}", std::process::id()));
        let options = VirtualOptions {
            frequency_error_ppb: 5_000.0,
            epoch: Some(VirtualOptions::epoch_now() + 37_000_000_000),
            ..VirtualOptions::default()
        };
        let clock = VirtualClock::create(&path, &options).expect("a virtual clock");
        let log = path.with_extension("log");
        std::fs::write(format!("{}.pps", path.display()), "0").expect("written");
        let out = std::fs::File::create(&log).expect("written");
        let child = Command::new(env!("CARGO_BIN_EXE_ts2phc"))
            .args(["-c", &format!("virtual:{}", path.display())])
            .args(arguments)
            .stdout(out.try_clone().expect("shared"))
            .stderr(out)
            .stdin(Stdio::null())
            .spawn()
            .expect("it starts");
        Self { path, clock, child, log }
    }

    fn lines(&self) -> Vec<String> {
        let file = std::fs::File::open(&self.log).expect("it is there");
        BufReader::new(file).lines().map_while(Result::ok).collect()
    }

    /// Waits for a line; gives it.
    fn wait_for(&mut self, what: &str, mut wanted: impl FnMut(&str) -> bool) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(line) = self.lines().into_iter().rev().find(|l| wanted(l)) {
                return line;
            }
            let ended = self.child.try_wait().expect("it is ours");
            assert!(ended.is_none() && Instant::now() < until, "{what}: {ended:?} {:#?}", self.lines());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Stage {
    fn hang_up(&self) {
        let sent = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status();
        assert!(sent.expect("there is kill").success());
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for end in ["", ".pps", ".log"] {
            let _ = std::fs::remove_file(format!("{}{end}", self.path.display()));
        }
        let _ = std::fs::remove_file(&self.log);
    }
}

/// linuxptp: `NAME[SECONDS.MMM]: /dev/ptpN offset %10lld s%d freq %+7.0f`; its frequency is how much too fast the clock is.
#[test]
fn the_log_is_linuxptps() {
    let mut stage =
        Stage::start("log", &["-s", "generic", "-m", "-q", "-l", "6", "--leapfile", leaps("4200000000")]);
    let name = format!("virtual:{}", stage.path.display());
    let line = stage.wait_for("locked", |l| l.contains(" s2 freq "));
    let (head, rest) = line.split_once(": ").expect("a prefix");
    let stamp =
        head.strip_prefix("ts2phc[").and_then(|h| h.strip_suffix(']')).expect("the program and a time");
    let (seconds, millis) = stamp.split_once('.').expect("seconds and their fraction");
    assert!(seconds.parse::<u64>().is_ok() && millis.len() == 3 && millis.parse::<u16>().is_ok(), "{stamp}");
    let rest = rest.strip_prefix(&format!("{name} offset ")).expect("the clock");
    let (offset, rest) = rest.split_at(10);
    assert!(offset.trim_start().parse::<i64>().is_ok() && !offset.ends_with(' '), "{line}");
    let frequency = rest.strip_prefix(" s2 freq ").expect("state and frequency");
    assert!(frequency.len() == 7 && frequency.trim_start().starts_with(['+', '-']), "{line}");
    // The clock gains 5 ppm by itself, and is set to lose them.
    let ppb: f64 = frequency.trim().parse().expect("a number");
    assert!((4_000.0..6_000.0).contains(&ppb), "{line}");
    let set = stage.clock.frequency().expect("it reads");
    assert!((-6_000.0..-4_000.0).contains(&set), "{set}");
    // As its own it ends by this signal, in order.
    stage.hang_up();
    let until = Instant::now() + Duration::from_secs(60);
    let ended = loop {
        match stage.child.try_wait().expect("it is ours") {
            Some(status) => break status,
            None => assert!(Instant::now() < until, "it runs on"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(ended.success(), "{ended}");
}

#[test]
fn what_it_cannot_start_with_is_told_by_its_exit_status() {
    for line in [
        "-x",
        "-c",
        "-s",
        "-l 9 -c lo",
        "-f /nonexistent",
        "-c lo -s generic -m -q",
        "-s nmea -m -q",
        "--ts2phc.pulsewidth 5",
        "--step_threshold=abc -c lo",
    ] {
        let said =
            Command::new(env!("CARGO_BIN_EXE_ts2phc")).args(line.split(' ')).output().expect("it starts");
        assert_eq!(said.status.code(), Some(255), "{line}: {said:?}");
        assert!(said.stdout.is_empty() && !said.stderr.is_empty(), "{line}: {said:?}");
    }
}

/// A list of leap seconds that ends then (NTP's seconds).
fn leaps(expires: &str) -> &'static str {
    let path = std::env::temp_dir().join(format!("ts2phc-leaps-{expires}-{}", std::process::id()));
    let text = format!(
        "#$\t3676924800\n#@\t{expires}\n2272060800\t10\t# 1 Jan 1972\n3692217600\t37\t# 1 Jan 2017\n"
    );
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("a plain path").to_owned().leak()
}

#[test]
fn an_expired_table_is_a_warning_that_names_it_and_no_stop() {
    // It expired in June 2020.
    let table = leaps("3802291200");
    let mut stage = Stage::start("expired", &["--system-time", "--leap-file", table]);
    // Where the kernel knows TAI - UTC, the table is not asked; else it is, and said to be old. Pulses are followed all the same.
    stage.wait_for("followed", |l| l.contains(" s2 freq "));
    drop(stage);
    let sentences = std::env::temp_dir().join(format!("ts2phc-sentences-{}", std::process::id()));
    let body = "GPRMC,053001.00,A,4807.038,N,01131.000,E,022.4,084.4,211126,003.1,W,A";
    let sum = body.bytes().fold(0, |x, o| x ^ o);
    std::fs::write(&sentences, format!("${body}*{sum:02X}\r\n")).expect("written");
    let source = sentences.to_str().expect("a plain path");
    let mut stage = Stage::start("expired-nmea", &["--nmea", source, "--leap-file", table]);
    let line = stage.wait_for("the warning", |l| l.contains("has expired"));
    assert!(line.contains(table) && line.starts_with("warning: ") | line.contains("warning"), "{line}");
    stage.wait_for("the offset", |l| l.contains("TAI - UTC is 37 s by"));
    // Without a file there is a table to read again.
    let new = std::fs::read_to_string(table).expect("it is there").replace("3802291200", "4200000000");
    std::fs::write(table, new).expect("written");
    stage.hang_up();
    stage.wait_for("the new table", |l| l.contains(table) && l.contains("is a new one"));
    stage.wait_for("the reload", |l| l.contains("configuration reloaded"));
    let _ = std::fs::remove_file(sentences);
    let _ = std::fs::remove_file(table);
}
