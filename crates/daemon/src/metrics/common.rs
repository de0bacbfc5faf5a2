//! What every daemon tells of itself.

use std::time::{SystemTime, UNIX_EPOCH};

use ptp_evidence::Health;

use super::{Family, Kind, Page, Unit};

static BUILD: Family = Family::new(
    "escapement_build",
    Unit::None,
    Kind::Info,
    &["daemon", "version"],
    "The program and its version.",
);
static START: Family = Family::new(
    "process_start_time",
    Unit::Seconds,
    Kind::Gauge,
    &[],
    "When the process started, by the system clock, in seconds since 1970.",
);
static CPU: Family = Family::new(
    "process_cpu",
    Unit::Seconds,
    Kind::Counter,
    &[],
    "Processor time of the process, user and system.",
);
static MEMORY: Family =
    Family::new("process_resident_memory", Unit::Bytes, Kind::Gauge, &[], "Resident memory of the process.");
static REQUESTS: Family = Family::new(
    "escapement_http_requests",
    Unit::None,
    Kind::Counter,
    &["code"],
    "Requests answered by this endpoint, by status code.",
);
static REFUSED: Family = Family::new(
    "escapement_http_connections_dropped",
    Unit::None,
    Kind::Counter,
    &["cause"],
    "Connections closed without an answer: too slow, or the oldest of too many.",
);
static EVENTS: Family = Family::new(
    "escapement_events",
    Unit::None,
    Kind::Counter,
    &["result"],
    "Event notifications by what became of them: delivered, failed (all retries used up), dropped (queue full).",
);

static EVIDENCE_RECORDS: Family = Family::new(
    "escapement_evidence_records",
    Unit::None,
    Kind::Counter,
    &["result"],
    "Records of the evidence log, written and lost. Absent where no evidence is kept.",
);
static EVIDENCE_WRITABLE: Family = Family::new(
    "escapement_evidence_writable",
    Unit::None,
    Kind::Gauge,
    &[],
    "1: the evidence log can be written; 0: it cannot, and records are lost. Absent where no evidence is kept.",
);

/// The families of all daemons.
pub const COMMON: &[&Family] =
    &[&BUILD, &START, &CPU, &MEMORY, &REQUESTS, &REFUSED, &EVENTS, &EVIDENCE_RECORDS, &EVIDENCE_WRITABLE];

/// Who the process is.
#[derive(Clone, Debug)]
pub struct Identity {
    daemon: &'static str,
    version: &'static str,
    started: f64,
    evidence: Option<Health>,
}

/// What the endpoint itself counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// By status code.
    pub(crate) requests: Vec<(u16, u64)>,
    pub(crate) slow: u64,
    pub(crate) crowded: u64,
}

impl Counts {
    pub(crate) fn answered(&mut self, code: u16) {
        match self.requests.iter_mut().find(|r| r.0 == code) {
            Some(entry) => entry.1 = entry.1.saturating_add(1),
            None => self.requests.push((code, 1)),
        }
    }
}

impl Identity {
    /// Of this process, from its start on.
    pub fn new(daemon: &'static str, version: &'static str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        Self { daemon, version, started: now, evidence: None }
    }

    /// With the evidence log that it keeps, if it keeps one.
    #[must_use]
    pub fn with_evidence(mut self, health: Option<Health>) -> Self {
        self.evidence = health;
        self
    }

    /// The program's name.
    pub const fn daemon(&self) -> &'static str {
        self.daemon
    }

    pub(crate) fn page(&self, page: &mut Page, counts: &Counts, events: Option<[(&'static str, u64); 3]>) {
        page.family(&BUILD).info(&[("daemon", self.daemon), ("version", self.version)]);
        page.family(&START).gauge(&[], self.started);
        if let Some((cpu, resident)) = process() {
            page.family(&CPU).seconds(&[], cpu);
            page.family(&MEMORY).gauge(&[], resident);
        }
        let mut requests = page.family(&REQUESTS);
        for (code, count) in &counts.requests {
            requests.counter(&[("code", &code.to_string())], *count);
        }
        let mut dropped = page.family(&REFUSED);
        dropped.counter(&[("cause", "slow")], counts.slow);
        dropped.counter(&[("cause", "crowded")], counts.crowded);
        let mut told = page.family(&EVENTS);
        for (result, count) in events.into_iter().flatten() {
            told.counter(&[("result", result)], count);
        }
        if let Some(evidence) = &self.evidence {
            let mut records = page.family(&EVIDENCE_RECORDS);
            records.counter(&[("result", "written")], evidence.written());
            records.counter(&[("result", "lost")], evidence.lost());
            page.family(&EVIDENCE_WRITABLE).gauge(&[], f64::from(u8::from(!evidence.is_failing())));
        }
    }
}

/// The host's name; `.` where it has none that could be part of an address.
pub fn node_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|n| n.into_string().ok()).unwrap_or_default();
    if name.is_empty() || name.contains('/') { ".".to_owned() } else { name }
}

/// Processor time in s and resident memory in octets; `None` where there is no `/proc`.
fn process() -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    let pages: f64 = fields.nth(8)?.parse().ok()?;
    // SAFETY: sysconf only looks up a value.
    let (ticks, page) = unsafe { (libc::sysconf(libc::_SC_CLK_TCK), libc::sysconf(libc::_SC_PAGESIZE)) };
    (ticks > 0).then(|| ((user + system) / ticks as f64, pages * page as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_knows_itself() {
        let (cpu, resident) = process().expect("there is a /proc");
        assert!((0.0..1e6).contains(&cpu), "{cpu}");
        assert!((100e3..1e11).contains(&resident), "{resident}");
    }
}
