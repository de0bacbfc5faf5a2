//! From records to what a report says, in one pass.

use std::collections::BTreeMap;

use ptp_servo::metrics::{Mask, TimeError, Verdict};

use super::audit::Audit;
use super::input::{Item, Measurement, Reference, What};
use super::series::{Histogram, Series};

/// More are counted only.
const MAX_LISTED: usize = 1000;
/// A record that comes later than this many intervals after the one before it leaves a gap.
pub(super) const LATE: f64 = 2.5;
/// The longest observation interval of MTIE and TDEV, s.
const LONGEST_S: f64 = 10_000.0;

/// Which clock of which program.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Key {
    pub(super) log: usize,
    pub(super) daemon: String,
    pub(super) instance: String,
    pub(super) clock: String,
}

impl Key {
    pub(super) fn title(&self) -> String {
        let parts = [self.daemon.as_str(), &self.instance, &self.clock];
        parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// From when to when, ns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Span {
    pub(super) fn seconds(&self) -> f64 {
        self.to.saturating_sub(self.from) as f64 / 1e9
    }
}

/// A time with one reference.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Period {
    pub(super) span: Span,
    pub(super) reference: Reference,
}

/// MTIE, TDEV and what masks say, over all stretches without a gap: the worst of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Stability {
    current: Option<(TimeError, f64)>,
    pub(super) mtie: BTreeMap<u64, (f64, f64)>,
    pub(super) tdev: BTreeMap<u64, (f64, f64)>,
    pub(super) verdicts: Vec<(Mask, Vec<Verdict>)>,
    pub(super) stretches: u64,
}

impl Stability {
    fn push(&mut self, offset_ns: f64, distance_s: f64, masks: &[Mask]) {
        if self.current.as_ref().is_some_and(|(_, d)| (d - distance_s).abs() > d * 0.1) {
            self.end(masks);
        }
        let (error, _) =
            self.current.get_or_insert_with(|| (TimeError::new(distance_s, LONGEST_S), distance_s));
        error.push(offset_ns);
    }

    fn end(&mut self, masks: &[Mask]) {
        let Some((error, _)) = self.current.take() else { return };
        self.stretches += 1;
        let keep = |into: &mut BTreeMap<u64, (f64, f64)>, points: &mut dyn Iterator<Item = (f64, f64)>| {
            for (at, value) in points {
                let place = into.entry((at * 1e3).round() as u64).or_insert((at, value));
                place.1 = place.1.max(value);
            }
        };
        keep(&mut self.mtie, &mut error.mtie());
        keep(&mut self.tdev, &mut error.tdev());
        for mask in masks {
            let found = mask.check(&error);
            match self.verdicts.iter_mut().find(|(m, _)| m.name == mask.name) {
                None => self.verdicts.push((*mask, found)),
                Some((_, known)) => {
                    for verdict in found {
                        match known.iter_mut().find(|v| v.limit == verdict.limit) {
                            Some(worst) if verdict.margin() < worst.margin() => *worst = verdict,
                            Some(_) => {}
                            None => known.push(verdict),
                        }
                    }
                }
            }
        }
    }
}

/// All about one clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    pub(super) span: Option<Span>,
    pub(super) records: u64,
    pub(super) samples: u64,
    pub(super) interval_s: f64,
    pub(super) offset: Series,
    pub(super) delay: Series,
    pub(super) frequency: Series,
    pub(super) bound: Series,
    pub(super) histogram: Histogram,
    /// The largest offset of each record, without its sign.
    pub(super) largest: Histogram,
    /// With its sign, and when.
    pub(super) worst: Option<(f64, i64)>,
    pub(super) gaps: Vec<Span>,
    pub(super) gap_seconds: f64,
    pub(super) gap_count: u64,
    /// Seconds in each state.
    pub(super) states: BTreeMap<String, f64>,
    pub(super) periods: Vec<Period>,
    pub(super) stability: Stability,
    last: Option<(i64, u64)>,
}

impl Stream {
    fn push(&mut self, item: &Item, m: &Measurement, restarted: bool, masks: &[Mask]) {
        let at = item.utc_ns;
        // Without an interval, as in linuxptp's lines, the distance of the records is.
        let since = self.last.map(|(utc, monotonic)| {
            let by_monotonic =
                item.monotonic_ns.checked_sub(monotonic).filter(|d| !restarted && monotonic > 0 && *d > 0);
            by_monotonic.map_or(at.saturating_sub(utc) as f64, |d| d as f64) / 1e9
        });
        let interval = match m.interval_s {
            i if i > 0.0 && self.interval_s > 0.0 => i.min(self.interval_s * 2.0),
            i if i > 0.0 => i,
            _ if self.interval_s > 0.0 => self.interval_s,
            _ => since.unwrap_or(1.0).clamp(1e-3, 3600.0),
        };
        if self.interval_s == 0.0 && (m.interval_s > 0.0 || since.is_some()) {
            self.interval_s = (interval * 100.0).round().max(1.0) / 100.0;
        }
        let late = since.filter(|s| *s > LATE * interval);
        if let (Some(late), Some((before, _))) = (late, self.last) {
            self.gap_count += 1;
            self.gap_seconds += late - interval;
            if self.gaps.len() < MAX_LISTED {
                self.gaps.push(Span { from: before, to: at - (interval * 1e9) as i64 });
            }
            self.stability.end(masks);
        }
        self.last = Some((at, item.monotonic_ns));
        let span = self.span.get_or_insert(Span { from: at - (interval * 1e9) as i64, to: at });
        span.to = span.to.max(at);
        self.records += 1;
        self.samples += m.n;
        let covered = if late.is_some() { interval } else { since.unwrap_or(interval).max(0.0) };
        *self.states.entry(m.state.clone()).or_default() += covered;
        self.measured(at, m, masks);
        let known = self.periods.len();
        match self.periods.last_mut() {
            Some(last) if last.reference == m.reference && late.is_none() => last.span.to = at,
            _ if known < MAX_LISTED => {
                let span = Span { from: at - (interval * 1e9) as i64, to: at };
                self.periods.push(Period { span, reference: m.reference.clone() });
            }
            _ => {}
        }
    }

    fn measured(&mut self, at: i64, m: &Measurement, masks: &[Mask]) {
        if let Some(delay) = m.delay {
            self.delay.push(at, delay);
        }
        if let Some(f) = m.frequency {
            self.frequency.push(at, [f, f, f]);
        }
        if let Some(b) = m.bound {
            self.bound.push(at, [b, b, b]);
        }
        let Some([min, mean, max]) = m.offset else {
            // Nothing was measured: what comes later is another stretch.
            if m.state != "locked" {
                self.stability.end(masks);
            }
            return;
        };
        self.offset.push(at, [min, mean, max]);
        self.histogram.push(mean);
        let extreme = if min.abs() > max.abs() { min } else { max };
        self.largest.push(extreme.abs());
        if self.worst.is_none_or(|(w, _)| extreme.abs() > w.abs()) {
            self.worst = Some((extreme, at));
        }
        if m.state == "locked" || m.state == "measured" {
            self.stability.push(mean, self.interval_s.max(1e-3), masks);
        } else {
            self.stability.end(masks);
        }
    }

    /// The share of the time from first to last record that has records.
    pub(super) fn availability(&self) -> f64 {
        let length = self.span.map_or(0.0, |s| s.seconds());
        if length > 0.0 { (1.0 - self.gap_seconds / length).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// The share of that time in which the clock was synchronised, or is the reference itself.
    pub(super) fn synchronised(&self) -> f64 {
        let length = self.span.map_or(0.0, |s| s.seconds());
        let good = ["locked", "grandmaster"].iter().filter_map(|s| self.states.get(*s)).sum::<f64>();
        if length > 0.0 { (good / length).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    pub(super) at: i64,
    pub(super) daemon: String,
    pub(super) instance: String,
    pub(super) kind: String,
    pub(super) severity: String,
    pub(super) message: String,
}

/// Everything.
pub(super) struct Analysis {
    masks: Vec<Mask>,
    /// Only this is looked at.
    only: Option<Span>,
    pub(super) streams: BTreeMap<Key, Stream>,
    pub(super) events: Vec<Event>,
    pub(super) event_count: u64,
    /// When, who, and which.
    pub(super) configurations: Vec<(i64, String, String)>,
    pub(super) audit: Option<Audit>,
    restarted: BTreeMap<usize, Vec<Key>>,
}

impl Analysis {
    pub(super) fn new(masks: Vec<Mask>, only: Option<Span>, audit: Option<Audit>) -> Self {
        Self {
            masks,
            only,
            streams: BTreeMap::new(),
            events: Vec::new(),
            event_count: 0,
            configurations: Vec::new(),
            audit,
            restarted: BTreeMap::new(),
        }
    }

    pub(super) fn push(&mut self, item: &Item) {
        let within = self.only.is_none_or(|s| (s.from..s.to).contains(&item.utc_ns));
        let event = |kind: &str, severity: &str, message: &str| Event {
            at: item.utc_ns,
            daemon: item.daemon.clone(),
            instance: item.instance.clone(),
            kind: kind.to_owned(),
            severity: severity.to_owned(),
            message: message.to_owned(),
        };
        match &item.what {
            // A record is of the time before it.
            What::Measurement(m)
                if self.only.is_none_or(|s| {
                    item.utc_ns > s.from && item.utc_ns.saturating_sub((m.interval_s * 1e9) as i64) < s.to
                }) =>
            {
                let key = Key {
                    log: item.log,
                    daemon: item.daemon.clone(),
                    instance: item.instance.clone(),
                    clock: item.clock.clone(),
                };
                if let Some(audit) = &mut self.audit {
                    audit.push(&key, item, m);
                }
                let fresh = self.restarted.entry(item.log).or_default();
                let restarted = !fresh.contains(&key);
                if restarted {
                    fresh.push(key.clone());
                }
                self.streams.entry(key).or_default().push(item, m, restarted, &self.masks);
            }
            What::Start => {
                self.restarted.remove(&item.log);
                if within {
                    self.list(event("start", "notice", &format!("version {} starts", item.clock)));
                }
            }
            What::Event { kind, severity, message } if within => self.list(event(kind, severity, message)),
            // What was in force at the beginning of the day counts, too.
            What::Configuration { sha256 } if self.only.is_none_or(|s| item.utc_ns < s.to) => {
                let who = [item.daemon.as_str(), &item.instance].join(" ").trim().to_owned();
                if !within {
                    self.configurations.retain(|(_, w, _)| *w != who);
                }
                if self.configurations.len() < MAX_LISTED {
                    self.configurations.push((item.utc_ns, who, sha256.clone()));
                }
            }
            _ => {}
        }
    }

    fn list(&mut self, event: Event) {
        self.event_count += 1;
        if self.events.len() < MAX_LISTED {
            self.events.push(event);
        }
    }

    /// After the last record.
    pub(super) fn finish(&mut self, now: i64) {
        for stream in self.streams.values_mut() {
            stream.stability.end(&self.masks);
        }
        if let Some(audit) = &mut self.audit {
            audit.finish(now);
        }
    }

    /// From the first record to the last.
    pub(super) fn span(&self) -> Option<Span> {
        let spans = || self.streams.values().filter_map(|s| s.span);
        Some(Span { from: spans().map(|s| s.from).min()?, to: spans().map(|s| s.to).max()? })
    }

    /// All limits of the chosen masks were kept, on each clock that has figures.
    pub(super) fn masks_kept(&self) -> bool {
        let verdicts = self.streams.values().flat_map(|s| &s.stability.verdicts);
        verdicts.flat_map(|(_, v)| v).all(Verdict::passed)
    }
}
