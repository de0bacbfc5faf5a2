//! `pmc watch --events SOCKET`: what a daemon tells by itself (docs/events.md), as it tells it.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use ptp_daemon::Signals;
use serde_json::{Value as Json, json};

use super::ToolError;

/// An event is shorter.
const MAX_LINE: u64 = 1 << 20;

/// States by kind, subject and instance: message and fields.
type States = BTreeMap<(String, String, String), Json>;

/// What is known of the daemon.
#[derive(Default)]
struct Known {
    run: String,
    sequence: u64,
    states: States,
}

/// What to show.
#[derive(Debug, PartialEq)]
enum Line {
    /// The daemon's own event.
    Event(Json),
    /// What happened to the connection.
    Word(&'static str, String),
}

impl Known {
    /// An event; lines of a snapshot that say what is known already are passed over.
    fn take(&mut self, event: Json, remaining: &mut u64) -> Vec<Line> {
        let text = |name: &str| event.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| event.get(name).and_then(Json::as_u64).unwrap_or(0);
        let sequence = number("sequence");
        let mut lines = Vec::new();
        if text("kind") == "snapshot" {
            *remaining = event.pointer("/fields/states").and_then(Json::as_u64).unwrap_or(0);
            let run = text("run");
            if !self.run.is_empty() && self.run != run {
                lines.push(Line::Word("restarted", "the daemon has been started anew".to_owned()));
            } else if !self.run.is_empty() && sequence > self.sequence {
                let missed = sequence - self.sequence;
                let text = format!("{missed} events went by; the present state follows as far as it differs");
                lines.push(Line::Word("missed", text));
            }
            (self.run, self.sequence) = (run, sequence);
            return lines;
        }
        let of_snapshot = *remaining > 0;
        *remaining = remaining.saturating_sub(1);
        if !of_snapshot {
            if sequence > self.sequence + 1 {
                let text = format!("{} events went by", sequence - self.sequence - 1);
                lines.push(Line::Word("missed", text));
            }
            self.sequence = sequence;
        }
        if event.get("state") == Some(&Json::Bool(true)) {
            let key = (text("kind"), text("subject"), text("instance"));
            let same = |old: &Json| {
                of_snapshot
                    && old.get("message") == event.get("message")
                    && old.get("fields") == event.get("fields")
            };
            if self.states.insert(key, event.clone()).as_ref().is_some_and(same) {
                return lines;
            }
        }
        lines.push(Line::Event(event));
        lines
    }
}

fn show(line: &Line, as_json: bool) -> io::Result<()> {
    let mut out = io::stdout();
    match (line, as_json) {
        (Line::Event(event), true) => writeln!(out, "{event}")?,
        (Line::Word(kind, text), true) => writeln!(out, "{}", json!({ "watch": kind, "message": text }))?,
        (Line::Word(_, text), false) => writeln!(out, "              -- {text}")?,
        (Line::Event(event), false) => {
            let text = |name: &str| event.get(name).and_then(Json::as_str).unwrap_or_default();
            // Of 2026-11-21T14:05:06.123456789Z the time of day, to the millisecond.
            let time = text("time").get(11..23).unwrap_or("?");
            let instance = text("instance");
            let space = if instance.is_empty() { "" } else { " " };
            let mark = match text("severity") {
                "error" => "error: ",
                "warning" => "warning: ",
                _ => "",
            };
            writeln!(out, "{time} UTC  {}{space}{instance}: {mark}{}", text("daemon"), text("message"))?;
        }
    }
    out.flush()
}

fn connect(path: &Path) -> Result<UnixStream, ToolError> {
    let stream = UnixStream::connect(path).map_err(|e| {
        let shown = path.display();
        ToolError::Unreachable(match e.kind() {
            io::ErrorKind::NotFound => format!(
                "{shown} does not exist: is the daemon running, and has its configuration `events.socket`?"
            ),
            io::ErrorKind::ConnectionRefused => {
                format!("nobody listens on {shown}: the daemon that made it has ended; start it again")
            }
            io::ErrorKind::PermissionDenied => {
                return ToolError::NotPermitted(format!(
                    "not permitted to connect to {shown}: run as root or as a member of its group, or set events.socket_mode"
                ));
            }
            _ if e.raw_os_error() == Some(nix::errno::Errno::EPROTOTYPE as i32) => {
                format!("{shown} is a daemon's management socket, not that of its events (events.socket)")
            }
            _ => format!("cannot connect to {shown}: {e}"),
        })
    })?;
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    Ok(stream)
}

/// Until the time is over or a signal comes. The daemon may go and come back.
pub(super) fn run(
    path: &Path,
    as_json: bool,
    over: &dyn Fn() -> bool,
    signals: Signals,
) -> Result<u8, ToolError> {
    let mut known = Known::default();
    let mut stream = Some(connect(path)?);
    while !over() && !signals.stop() {
        if let Some(stream) = stream.take() {
            listen(stream, &mut known, as_json, over)?;
            if over() {
                return Ok(0);
            }
            show(&Line::Word("silence", "the daemon has gone".to_owned()), as_json)?;
        }
        std::thread::sleep(Duration::from_millis(50));
        stream = connect(path).ok();
    }
    Ok(if stream.is_some() { 0 } else { crate::options::EXIT_NO_REPLY })
}

/// Until the daemon ends the connection.
fn listen(
    stream: UnixStream,
    known: &mut Known,
    as_json: bool,
    over: &dyn Fn() -> bool,
) -> Result<(), ToolError> {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    let mut remaining = 0;
    while !over() {
        // What came before the time was over stays in the line.
        let left = MAX_LINE.saturating_sub(line.len() as u64);
        match io::Read::take(&mut reader, left).read_until(b'\n', &mut line) {
            Ok(0) => return Ok(()),
            Ok(_) if line.last() == Some(&b'\n') => {
                let event: Json = serde_json::from_slice(&line).map_err(|e| {
                    ToolError::Malformed(format!(
                        "what comes from the socket is no event ({e}): is it the socket of a daemon's events?"
                    ))
                })?;
                for line in known.take(event, &mut remaining) {
                    show(&line, as_json)?;
                }
                line.clear();
            }
            Ok(_) if line.len() as u64 >= MAX_LINE => {
                return Err(ToolError::Malformed("a line without end comes from the socket".to_owned()));
            }
            Ok(_) => return Ok(()),
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                ) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(run: &str, sequence: u64, kind: &str, message: &str) -> Json {
        json!({ "run": run, "sequence": sequence, "kind": kind, "subject": "port 1", "instance": "", "state": kind != "snapshot",
            "message": message, "fields": { "states": 1 } })
    }

    fn shown(known: &mut Known, remaining: &mut u64, event: Json) -> Vec<String> {
        let lines = known.take(event, remaining);
        let text = |l: &Line| match l {
            Line::Event(e) => e["message"].as_str().unwrap_or_default().to_owned(),
            Line::Word(kind, _) => (*kind).to_owned(),
        };
        lines.iter().map(text).collect()
    }

    #[test]
    fn across_a_restart_only_what_differs_is_told_and_gaps_are_named() {
        let (mut known, mut remaining) = (Known::default(), 0);
        let mut take = |e| shown(&mut known, &mut remaining, e);
        assert!(take(event("a", 7, "snapshot", "")).is_empty());
        assert_eq!(take(event("a", 3, "port-state", "MASTER")), ["MASTER"]);
        assert_eq!(take(event("a", 8, "port-state", "SLAVE")), ["SLAVE"]);
        assert_eq!(take(event("a", 11, "servo", "locked")), ["missed", "locked"]);
        // Another run, in the same state.
        assert_eq!(take(event("b", 5, "snapshot", "")), ["restarted"]);
        assert!(take(event("b", 2, "port-state", "SLAVE")).is_empty());
        assert_eq!(
            take(event("b", 6, "port-state", "SLAVE")),
            ["SLAVE"],
            "a state that is told again is an event"
        );
        // The same run after we were too slow.
        assert_eq!(take(event("b", 9, "snapshot", "")), ["missed"]);
        assert_eq!(take(event("b", 9, "port-state", "FAULTY")), ["FAULTY"]);
    }
}
