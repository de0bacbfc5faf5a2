//! Was the clock within a limit of UTC, all day? What an auditor asks for (RTS 25: Commission Delegated Regulation (EU) 2017/574).

use std::collections::BTreeMap;

use ptp_wire::ClockAccuracy;

use super::analysis::{Key, LATE, Span};
use super::input::{Item, Measurement};

const MAX_LISTED: usize = 1000;

/// What is asked, and what the operator adds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Question {
    /// ns.
    pub(super) limit_ns: f64,
    /// The time that is asked about; `None`: from the first record to the last.
    pub(super) span: Option<Span>,
    /// The most by which the two directions of the path to the master can differ from their mean, ns; `None`: all of the delay.
    pub(super) asymmetry_ns: Option<f64>,
    /// What each boundary clock in between adds, ns.
    pub(super) per_hop_ns: Option<f64>,
    /// Further contributions, ns.
    pub(super) others: Vec<(String, f64)>,
}

/// How it stood.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Standing {
    /// Within the limit.
    Kept,
    /// Farther off than the limit, or possibly.
    Above,
    /// A clock on the way followed nothing.
    Unsynchronised,
    /// There is no record.
    Unknown,
}

impl Standing {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Kept => "within the limit",
            Self::Above => "above the limit",
            Self::Unsynchronised => "not synchronised",
            Self::Unknown => "no record",
        }
    }
}

/// A time in which the limit was not shown to be kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Excursion {
    pub(super) span: Span,
    pub(super) standing: Standing,
    /// The largest total in it, ns.
    pub(super) worst_ns: Option<f64>,
}

/// A line of the budget.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contribution {
    pub(super) what: String,
    pub(super) from: &'static str,
    /// The largest, ns; `None`: nobody stated it.
    pub(super) worst_ns: Option<f64>,
}

/// What one clock on the way was worth last.
#[derive(Clone, Debug)]
struct Stage {
    until: i64,
    total_ns: f64,
    standing: Standing,
    /// Of the grandmaster, where the record tells.
    traceable: Option<bool>,
}

/// The account.
#[derive(Clone, Debug)]
pub(super) struct Audit {
    pub(super) question: Question,
    stages: BTreeMap<Key, Stage>,
    pub(super) budget: Vec<Contribution>,
    /// ns in each standing.
    pub(super) time: BTreeMap<Standing, f64>,
    pub(super) excursions: Vec<Excursion>,
    pub(super) excursion_count: u64,
    /// The largest total of all, ns, and when.
    pub(super) worst: Option<(f64, i64)>,
    /// ns with a grandmaster of class 6 or 7 that says that it is traceable.
    pub(super) traceable_ns: f64,
    done: Option<i64>,
}

impl Audit {
    pub(super) fn new(question: Question) -> Self {
        let others = question.others.iter();
        let budget = others
            .map(|(what, ns)| Contribution {
                what: what.clone(),
                from: "option --contribution",
                worst_ns: Some(*ns),
            })
            .collect();
        Self {
            done: question.span.map(|s| s.from),
            question,
            stages: BTreeMap::new(),
            budget,
            time: BTreeMap::new(),
            excursions: Vec::new(),
            excursion_count: 0,
            worst: None,
            traceable_ns: 0.0,
        }
    }

    fn contribute(&mut self, what: String, from: &'static str, ns: Option<f64>) -> f64 {
        match self.budget.iter_mut().find(|c| c.what == what) {
            Some(known) => known.worst_ns = known.worst_ns.zip(ns).map(|(a, b)| a.max(b)),
            None => self.budget.push(Contribution { what, from, worst_ns: ns }),
        }
        ns.unwrap_or(0.0)
    }

    /// What a record says of its clock: standing, and the sum of what it adds, ns.
    fn judge(&mut self, key: &Key, m: &Measurement) -> (Standing, f64) {
        let title = key.title();
        let largest = m.offset.map(|[min, _, max]| min.abs().max(max.abs()));
        let own = match (m.state.as_str(), largest) {
            ("grandmaster", None) => Some(0.0),
            ("locked" | "measured" | "grandmaster", Some(offset)) if key.daemon == "phc-sync" => {
                Some(offset + m.bound.unwrap_or(0.0))
            }
            ("locked" | "measured" | "grandmaster" | "holdover", Some(offset)) => {
                Some(offset.max(m.bound.unwrap_or(0.0)))
            }
            // Between samples that are rarer than records, and in holdover, the bound is what is known.
            ("locked" | "holdover", None) => m.bound,
            _ => None,
        };
        let Some(own) = own else { return (Standing::Unsynchronised, 0.0) };
        let from = if key.daemon == "phc-sync" {
            "largest measured offset, and half of the time that reading takes"
        } else {
            "largest measured offset, or the servo's bound where that is larger"
        };
        let mut total = self.contribute(format!("{title}: clock against its reference"), from, Some(own));
        if key.daemon == "ptpd" && m.state != "grandmaster" {
            total += self.path(&title, m);
        }
        if key.daemon == "ts2phc"
            && let Some(error) = m.source_error
        {
            total += self.contribute(format!("{title}: receiver"), "reference_error of ts2phc", Some(error));
        }
        (Standing::Kept, total)
    }

    /// The way from the grandmaster, and what that is worth.
    fn path(&mut self, title: &str, m: &Measurement) -> f64 {
        let delay = m.delay.map(|[_, _, max]| max);
        let asymmetry = match (self.question.asymmetry_ns, delay) {
            (Some(ns), _) => Some(("option --asymmetry", ns)),
            (None, Some(delay)) => {
                Some(("at most the mean path delay itself: --asymmetry states less", delay))
            }
            (None, None) => None,
        };
        let mut total = 0.0;
        if let Some((from, ns)) = asymmetry {
            total += self.contribute(format!("{title}: asymmetry of the path"), from, Some(ns));
        }
        let accuracy =
            m.reference.accuracy.and_then(|a| ClockAccuracy(a).picoseconds()).map(|ps| ps as f64 / 1e3);
        total +=
            self.contribute(format!("{title}: grandmaster"), "clockAccuracy that it announces", accuracy);
        let hops = m.reference.steps_removed.unwrap_or(1).saturating_sub(1);
        if hops > 0 {
            let ns = self.question.per_hop_ns.map(|ns| ns * f64::from(hops));
            let what =
                format!("{title}: {hops} boundary clock{} in between", if hops == 1 { "" } else { "s" });
            total += self.contribute(what, "option --per-hop", ns);
        }
        total
    }

    pub(super) fn push(&mut self, key: &Key, item: &Item, m: &Measurement) {
        let interval = if m.interval_s > 0.0 { m.interval_s } else { 1.0 };
        let (standing, total_ns) = self.judge(key, m);
        let begin = item.utc_ns.saturating_sub((interval * 1e9) as i64);
        let before = *self.done.get_or_insert(begin);
        // Between the last record of any clock and the beginning of this interval what was known last may still hold.
        self.account(before, begin);
        let until = item.utc_ns.saturating_add(((LATE - 1.0) * interval * 1e9) as i64);
        let r = &m.reference;
        let traceable = r.traceable.map(|t| t && matches!(r.class, Some(6 | 7)));
        self.stages.insert(key.clone(), Stage { until, total_ns, standing, traceable });
        self.account(before.max(begin), item.utc_ns);
    }

    /// Books a stretch of time with what is known now.
    fn account(&mut self, from: i64, to: i64) {
        let to = self.question.span.map_or(to, |s| to.min(s.to));
        if to <= from {
            return;
        }
        self.done = Some(to);
        let length = to.saturating_sub(from) as f64;
        let known = self.stages.values().all(|s| to <= s.until) && !self.stages.is_empty();
        let worst_stage = self.stages.values().map(|s| s.standing).max().unwrap_or(Standing::Unknown);
        let others: f64 = self.question.others.iter().map(|(_, ns)| ns).sum();
        let total: f64 = self.stages.values().map(|s| s.total_ns).sum::<f64>() + others;
        let standing = match (known, worst_stage) {
            (false, _) => Standing::Unknown,
            (true, Standing::Kept) if total > self.question.limit_ns => Standing::Above,
            (true, worst) => worst,
        };
        *self.time.entry(standing).or_default() += length;
        let mut told = self.stages.values().filter_map(|s| s.traceable).peekable();
        if known && told.peek().is_some() && told.all(|t| t) {
            self.traceable_ns += length;
        }
        let sum = matches!(standing, Standing::Kept | Standing::Above).then_some(total);
        if let Some(total) = sum.filter(|t| self.worst.is_none_or(|(w, _)| *t > w)) {
            self.worst = Some((total, to));
        }
        if standing == Standing::Kept {
            return;
        }
        match self.excursions.last_mut() {
            Some(last) if last.standing == standing && last.span.to == from => {
                last.span.to = to;
                last.worst_ns = match (last.worst_ns, sum) {
                    (Some(a), Some(b)) => Some(a.max(b)),
                    (a, b) => a.or(b),
                };
            }
            _ => {
                self.excursion_count += 1;
                if self.excursions.len() < MAX_LISTED {
                    self.excursions.push(Excursion { span: Span { from, to }, standing, worst_ns: sum });
                }
            }
        }
    }

    /// After the last record: what is left of the time that is asked about, as far as it has passed, has no record.
    pub(super) fn finish(&mut self, now: i64) {
        let Some(span) = self.question.span else { return };
        let end = span.to.min(now);
        let from = self.done.unwrap_or(span.from);
        if end > from {
            self.stages.clear();
            self.account(from, end);
        }
    }

    /// In one word.
    pub(super) fn verdict(&self) -> &'static str {
        let spent = |s| self.time.get(&s).is_some_and(|ns| *ns > 0.0);
        if spent(Standing::Above) || spent(Standing::Unsynchronised) {
            "not kept"
        } else if spent(Standing::Unknown) || !spent(Standing::Kept) {
            "not proven"
        } else if self.budget.iter().any(|c| c.worst_ns.is_none()) {
            "kept, as far as contributions are stated"
        } else {
            "kept"
        }
    }

    /// The shares of the time: (standing, seconds, share).
    pub(super) fn shares(&self) -> Vec<(Standing, f64, f64)> {
        let all: f64 = self.time.values().sum();
        self.time.iter().map(|(s, ns)| (*s, ns / 1e9, ns / all.max(1.0))).collect()
    }
}
