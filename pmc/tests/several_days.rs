//! The evidence of several days, of the two programs between the grandmaster and the clock that matters.

use std::path::{Path, PathBuf};
use std::process::Command;

use ptp_evidence::{DAY_NS, Entry, Interval, Store, StoreOptions, parse_utc};
use serde_json::Value;

const MINUTE_NS: i64 = 60_000_000_000;
const DAYS: i64 = 3;

struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A record a minute for three days: 1 us off. On the second day the last link is 300 us off for five minutes; on the third
/// the first program does not run for ten.
fn write(directory: &Path, daemon: &str, from: i64) {
    let mut store = Store::open(&StoreOptions::new(directory, daemon)).expect("opened");
    let start = Entry::new("start").at(from).text("version", "1").text("host", "a");
    store.append(&start).expect("written");
    for minute in 1..=DAYS * 1440 {
        let (day, of_day) = ((minute - 1) / 1440, (minute - 1) % 1440);
        if daemon == "ptpd" && day == 2 && (600..610).contains(&of_day) {
            continue;
        }
        let off = daemon == "phc-sync" && day == 1 && (600..605).contains(&of_day);
        let mut interval = Interval::default();
        interval.push(if off { 300_000.0 } else { 1_000.0 }, Some(2_000.0), 10.0, Some(100.0));
        let record = interval.take(MINUTE_NS as u64).at(from + minute * MINUTE_NS);
        let record =
            record.monotonic((minute * MINUTE_NS) as u64).text("clock", daemon).text("state", "locked");
        let record = match daemon {
            "ptpd" => record
                .text("instance", "")
                .text("grandmaster", "001122.fffe.334455")
                .whole("class", 6)
                .whole("accuracy", 0x21)
                .flag("traceable", true)
                .whole("steps_removed", 1),
            _ => record.text("source", "ptpd").number("source_error", 0.0),
        };
        store.append(&record).expect("written");
    }
}

fn audit(directory: &Path, more: &[&str]) -> (Value, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_pmc"))
        .args(["report", "--json"])
        .arg(directory)
        .args(["--rts25", "100us", "--asymmetry", "500ns"])
        .args(more)
        .output()
        .expect("our own program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    (value, output.status.code().unwrap_or(-1))
}

#[test]
fn every_moment_of_several_days_is_accounted_for() {
    let directory = std::env::temp_dir().join(format!("pmc-several-days-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    let directory = Directory(directory);
    let from = parse_utc("2026-11-18T00:00:00Z").expect("a time");
    for daemon in ["ptpd", "phc-sync"] {
        write(&directory.0, daemon, from);
    }
    let seconds = |all: &Value, what: &str| all["rts25"]["time"][what]["seconds"].as_f64().unwrap_or(0.0);
    let day = DAY_NS as f64 / 1e9;
    for (which, code, above, unknown) in [
        (&["--day", "2026-11-18"][..], 0, 0.0, 0.0),
        (&["--day", "2026-11-19"], 6, 300.0, 0.0),
        (&["--day", "2026-11-20"], 7, 0.0, 600.0),
        (&["--from", "2026-11-18T00:00:00Z", "--to", "2026-11-21T00:00:00Z"], 6, 300.0, 600.0),
    ] {
        let (all, status) = audit(&directory.0, which);
        let whole = if which.len() == 2 { day } else { 3.0 * day };
        assert_eq!(status, code, "{which:?}: {:#}", all["rts25"]);
        assert_eq!(all["verification"]["verdict"], "ok");
        assert_eq!(all["clocks"].as_array().map(Vec::len), Some(2), "{which:?}");
        assert_eq!(seconds(&all, "above_the_limit"), above, "{which:?}: {:#}", all["rts25"]);
        assert_eq!(seconds(&all, "no_record"), unknown, "{which:?}: {:#}", all["rts25"]["time"]);
        let kept = whole - above - unknown;
        assert_eq!(seconds(&all, "within_the_limit"), kept, "{which:?}: {:#}", all["rts25"]["time"]);
    }
    // A page of all of it, too, in files of three days each.
    let page = directory.0.join("evidence.html");
    let (all, _) = audit(&directory.0, &["-o", &page.display().to_string()]);
    assert_eq!(all["verification"]["chains"].as_array().map(Vec::len), Some(2), "{:#}", all["verification"]);
    let html = std::fs::read_to_string(&page).expect("a page");
    assert!(html.contains("2026-11-19") && html.contains("2026-11-20") && !html.contains("NaN"));
}
