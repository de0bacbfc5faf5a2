//! Records of all files in the order of their times; lines of linuxptp's programs count as measurements.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use ptp_evidence::{ChainState, Found, Hash, Reader, Record, find_chains, parse_utc};

/// One interval's measurements.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Measurement {
    pub(super) interval_s: f64,
    pub(super) n: u64,
    /// Least, mean and largest, ns.
    pub(super) offset: Option<[f64; 3]>,
    pub(super) delay: Option<[f64; 3]>,
    /// ppb.
    pub(super) frequency: Option<f64>,
    pub(super) bound: Option<f64>,
    pub(super) source_error: Option<f64>,
    pub(super) state: String,
    pub(super) reference: Reference,
}

/// What a clock followed, and what that was worth.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reference {
    /// The grandmaster, or the name of a source.
    pub(super) name: String,
    pub(super) parent: String,
    pub(super) class: Option<u8>,
    pub(super) accuracy: Option<u8>,
    pub(super) time_source: Option<u8>,
    pub(super) traceable: Option<bool>,
    pub(super) steps_removed: Option<u16>,
    pub(super) utc_offset: Option<i32>,
}

/// What a record is to a report.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    Measurement(Box<Measurement>),
    Event { kind: String, severity: String, message: String },
    Configuration { sha256: String },
    Start,
    Other,
}

/// A record, as far as a report needs it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// Its log's place.
    pub(super) log: usize,
    pub(super) utc_ns: i64,
    pub(super) monotonic_ns: u64,
    pub(super) daemon: String,
    pub(super) instance: String,
    pub(super) clock: String,
    pub(super) what: What,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    instance: Cow<'a, str>,
    #[serde(borrow)]
    clock: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    severity: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    sha256: Cow<'a, str>,
    #[serde(borrow)]
    state: Cow<'a, str>,
    #[serde(borrow)]
    parent: Cow<'a, str>,
    #[serde(borrow)]
    grandmaster: Cow<'a, str>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow)]
    since: Cow<'a, str>,
    lost: u64,
    octets: u64,
    by: Option<f64>,
    interval: f64,
    n: u64,
    offset_min: Option<f64>,
    offset_mean: Option<f64>,
    offset_max: Option<f64>,
    delay_min: Option<f64>,
    delay_mean: Option<f64>,
    delay_max: Option<f64>,
    frequency: Option<f64>,
    bound: Option<f64>,
    source_error: Option<f64>,
    class: Option<u8>,
    accuracy: Option<u8>,
    time_source: Option<u8>,
    traceable: Option<bool>,
    steps_removed: Option<u16>,
    utc_offset: Option<i32>,
}

fn item(log: usize, record: &Record) -> Item {
    let line: Line<'_> = serde_json::from_str(&record.line).unwrap_or_default();
    let event = |kind: &str, severity: &str, message: String| What::Event {
        kind: kind.to_owned(),
        severity: severity.to_owned(),
        message,
    };
    let what = match record.kind.as_str() {
        "measurement" => What::Measurement(Box::new(measurement(&line))),
        "event" => event(&line.event, &line.severity, line.message.clone().into_owned()),
        "configuration" => What::Configuration { sha256: line.sha256.clone().into_owned() },
        "start" => What::Start,
        "stop" => event("stop", "notice", "stopped".to_owned()),
        "step" => {
            let by = line.by.map_or_else(|| "more than 39 hours".to_owned(), super::human);
            event("step", "warning", format!("{} stepped by {by}", line.clock))
        }
        "gap" => {
            let text = format!("{} records since {} are lost: {}", line.lost, line.since, line.reason);
            event("gap", "warning", text)
        }
        "recovery" => {
            event("recovery", "warning", format!("{} octets of a torn record were found", line.octets))
        }
        _ => What::Other,
    };
    let mut item = Item {
        log,
        utc_ns: record.utc_ns,
        monotonic_ns: record.monotonic_ns,
        daemon: record.daemon.clone(),
        instance: line.instance.into_owned(),
        clock: line.clock.into_owned(),
        what,
    };
    if record.kind == "start" {
        item.clock = line.version.into_owned();
    }
    item
}

fn measurement(line: &Line<'_>) -> Measurement {
    let three = |min: Option<f64>, mean: Option<f64>, max: Option<f64>| Some([min?, mean?, max?]);
    let name = if line.grandmaster.is_empty() { &line.source } else { &line.grandmaster };
    Measurement {
        interval_s: line.interval,
        n: line.n,
        offset: three(line.offset_min, line.offset_mean, line.offset_max),
        delay: three(line.delay_min, line.delay_mean, line.delay_max),
        frequency: line.frequency,
        bound: line.bound,
        source_error: line.source_error,
        state: line.state.clone().into_owned(),
        reference: Reference {
            name: name.clone().into_owned(),
            parent: line.parent.clone().into_owned(),
            class: line.class,
            accuracy: line.accuracy,
            time_source: line.time_source,
            traceable: line.traceable,
            steps_removed: line.steps_removed,
            utc_offset: line.utc_offset,
        },
    }
}

/// One log: a chain, or the lines of a program.
enum Log {
    Chain(Box<Reader>),
    Lines { file: BufReader<File>, name: String },
}

impl Log {
    fn next(&mut self, place: usize, heads: &mut Vec<Hash>) -> Option<Item> {
        match self {
            Self::Chain(reader) => {
                let record = reader.next_record()?;
                heads.retain(|h| *h != record.hash);
                Some(item(place, &record))
            }
            Self::Lines { file, name } => loop {
                let mut line = Vec::new();
                if file.read_until(b'\n', &mut line).ok()? == 0 {
                    return None;
                }
                if let Some(found) = linuxptp(place, name, &String::from_utf8_lossy(&line)) {
                    return Some(found);
                }
            },
        }
    }
}

/// `ptp4l[1234.567]: master offset -12 s2 freq +345 path delay 678`, and the lines of phc2sys and ts2phc; the time is
/// that since the host's start.
fn linuxptp(log: usize, name: &str, line: &str) -> Option<Item> {
    let (front, text) = line.split_once("]: ")?;
    let (program, time) = front.rsplit_once('[')?;
    let program = program.rsplit([' ', '\t']).next().unwrap_or(program);
    let seconds: f64 = time.parse().ok()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let after = |word: &str| -> Option<f64> {
        let at = words.iter().position(|w| *w == word)?;
        words.get(at + 1)?.parse().ok()
    };
    let three = |x: f64| [x, x, x];
    let (offset, n) = match (after("offset"), after("rms"), after("max")) {
        (Some(x), ..) => (three(x), 1),
        // A summary has lost its signs.
        (None, Some(rms), Some(max)) => ([-max, rms, max], 2),
        _ => return None,
    };
    let state = words.iter().find(|w| matches!(**w, "s0" | "s1" | "s2" | "s3"));
    let clock =
        if words.first().is_some_and(|w| *w == "master" || *w == "rms") { "" } else { words.first()? };
    Some(Item {
        log,
        utc_ns: (seconds * 1e9) as i64,
        monotonic_ns: (seconds * 1e9) as u64,
        daemon: program.to_owned(),
        instance: name.to_owned(),
        clock: clock.to_owned(),
        what: What::Measurement(Box::new(Measurement {
            n,
            offset: Some(offset),
            delay: after("delay").map(three),
            frequency: after("freq"),
            state: if state.is_some_and(|s| **s < *"s2") { "unlocked" } else { "locked" }.to_owned(),
            ..Measurement::default()
        })),
    })
}

/// All logs, read in step.
pub(super) struct Input {
    logs: Vec<(Log, VecDeque<Item>)>,
    heads: Vec<Hash>,
    /// What could not be opened.
    unreadable: Vec<ptp_evidence::Problem>,
    /// Times are since a host's start.
    pub(super) relative: bool,
}

impl Input {
    pub(super) fn open(paths: &[PathBuf], heads: &[Hash]) -> Self {
        let mut this =
            Self { logs: Vec::new(), heads: heads.to_vec(), unreadable: Vec::new(), relative: false };
        let chains = match find_chains(paths) {
            Ok(chains) => chains,
            Err((file, e)) => {
                let kind = ptp_evidence::ProblemKind::Unreadable;
                let why = format!("cannot be opened: {e}");
                this.unreadable.push(ptp_evidence::Problem { kind, file, line: 0, why });
                return this;
            }
        };
        for chain in chains {
            let lines =
                chain.first_number.is_none().then(|| chain.files.first().and_then(text_log)).flatten();
            let log = match lines {
                Some(file) => {
                    this.relative = true;
                    Log::Lines { file, name: chain.name.rsplit('/').next().unwrap_or_default().to_owned() }
                }
                None => Log::Chain(Box::new(Reader::new(chain))),
            };
            this.logs.push((log, VecDeque::new()));
        }
        this
    }

    /// The next in the order of times.
    pub(super) fn next(&mut self) -> Option<Item> {
        for (place, (log, waiting)) in self.logs.iter_mut().enumerate() {
            if waiting.is_empty()
                && let Some(item) = log.next(place, &mut self.heads)
            {
                waiting.push_back(item);
            }
        }
        let first = self.logs.iter_mut().filter(|(_, w)| !w.is_empty());
        first.min_by_key(|(_, w)| w.front().map(|i| i.utc_ns)).and_then(|(_, w)| w.pop_front())
    }

    /// After the last record: what the chains are worth.
    pub(super) fn found(&self) -> Found {
        let chains: Vec<ChainState> = self
            .logs
            .iter()
            .filter_map(|(log, _)| match log {
                Log::Chain(reader) => Some(reader.state().clone()),
                Log::Lines { .. } => None,
            })
            .collect();
        Found { chains, unreadable: self.unreadable.clone(), missing_heads: self.heads.clone() }
    }

    /// There are lines of programs among the logs, which nothing protects.
    pub(super) fn has_plain_lines(&self) -> bool {
        self.logs.iter().any(|(log, _)| matches!(log, Log::Lines { .. }))
    }
}

/// A file whose first lines are a program's.
fn text_log(path: &PathBuf) -> Option<BufReader<File>> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let is = {
        let begin = file.fill_buf().ok()?;
        !begin.starts_with(b"{\"seq\":")
            && String::from_utf8_lossy(begin).lines().any(|l| linuxptp(0, "", l).is_some())
    };
    is.then_some(file)
}

/// A day or a moment, for options.
pub(super) fn moment(text: &str) -> Result<i64, String> {
    ptp_evidence::parse_day(text)
        .or_else(|| parse_utc(text))
        .ok_or_else(|| "a day as 2026-11-20, or a time as 2026-11-20T12:00:00Z, UTC".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_linuxptp_are_measurements() {
        let take = |line: &str| linuxptp(0, "x", line);
        let item = take("ptp4l[5374018.735]: master offset        -12 s2 freq   +3456 path delay      678\n")
            .expect("one");
        assert_eq!((item.daemon.as_str(), item.utc_ns), ("ptp4l", 5_374_018_735_000_000));
        let What::Measurement(m) = item.what else { panic!("{item:?}") };
        assert_eq!((m.offset, m.frequency), (Some([-12.0; 3]), Some(3456.0)));
        assert_eq!((m.delay, m.state.as_str()), (Some([678.0; 3]), "locked"));
        let item =
            take("Nov 20 12:00:00 host phc2sys: [1.5]: CLOCK_REALTIME phc offset 7 s0 freq -1 delay 512");
        assert!(item.is_some_and(|i| i.clock == "CLOCK_REALTIME"));
        let item = take("ptp4l[1.0]: rms   12 max   34 freq  -123 +/-   4 delay   567 +/-   1").expect("one");
        assert!(matches!(item.what, What::Measurement(m) if m.offset == Some([-34.0, 12.0, 34.0])));
        for other in ["", "ptp4l[1.0]: port 1: LISTENING to MASTER", "]: [", "ptp4l[x]: master offset 1"] {
            assert_eq!(take(other), None, "{other}");
        }
    }
}
