//! What was seen during the demonstration, and what it amounts to.

/// A host of the demonstration.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it is meant to be.
    pub role: &'static str,
    /// Its clock's error at the start against the grandmaster's clock, ns.
    pub phase_error: f64,
    /// Its oscillator's error, ppb.
    pub oscillator_error: f64,
}

/// One look at one host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Seconds since the daemons were started.
    pub at: f64,
    /// The state of its synchronising port: SLAVE if any is, else the most telling. `None`: the daemon does not answer.
    pub state: Option<String>,
    /// Name of the host it follows (itself included).
    pub grandmaster: Option<String>,
    /// What it believes its offset to be, ns.
    pub estimated: Option<f64>,
    /// What its offset from the reigning grandmaster's clock really is, ns.
    pub truth: Option<f64>,
    /// Mean path delay, ns.
    pub path_delay: Option<f64>,
    /// Its clock's correction, ppb.
    pub frequency: Option<f64>,
}

/// Everything that was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The hosts.
    pub nodes: Vec<Node>,
    /// For each host its readings, oldest first.
    pub readings: Vec<Vec<Reading>>,
    /// When what happened, s.
    pub events: Vec<(f64, String)>,
    /// When the grandmaster was killed, s.
    pub killed_at: Option<f64>,
    /// Index of the host that reigns first.
    pub first: usize,
    /// Index of the host that takes over.
    pub standby: usize,
    /// Resident memory of each daemon when it had settled, kB.
    pub memory: Vec<Option<u64>>,
}

/// How large a set of offsets is, ns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Half of the readings are nearer.
    pub median: f64,
    /// 95 of 100 readings are nearer.
    pub p95: f64,
    /// The worst.
    pub worst: f64,
    /// Readings.
    pub count: usize,
}

impl Spread {
    /// Of the absolute values; `None` without any.
    pub fn of(offsets: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sizes: Vec<f64> = offsets.into_iter().map(f64::abs).collect();
        sizes.sort_by(f64::total_cmp);
        let count = sizes.len();
        let at = |share: f64| {
            // The index is within 0..count by construction.
            let index = (share * count as f64).ceil() as usize;
            sizes.get(index.clamp(1, count.max(1)) - 1).copied()
        };
        Some(Self { median: at(0.5)?, p95: at(0.95)?, worst: at(1.0)?, count })
    }
}

/// What came of one host.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Seconds from start until it was SLAVE and stayed it; `None` for the grandmaster, or if it never was.
    pub slave_after: Option<f64>,
    /// True offset before the grandmaster was killed, once settled.
    pub before: Option<Spread>,
    /// True offset from the new grandmaster, in the last part of the run.
    pub after: Option<Spread>,
    /// Seconds from the kill until it followed the standby (or, for the standby, reigned).
    pub took_over: Option<f64>,
    /// The largest true offset from the new grandmaster in the time from the kill to the end.
    pub bump: Option<f64>,
}

/// A host counts as settled this long after it became SLAVE.
const SETTLE: f64 = 8.0;

impl Record {
    /// An empty record for these hosts.
    #[must_use]
    pub fn new(nodes: Vec<Node>, first: usize, standby: usize) -> Self {
        let readings = vec![Vec::new(); nodes.len()];
        let memory = vec![None; nodes.len()];
        Self { nodes, readings, memory, first, standby, ..Self::default() }
    }

    /// Index of the host whose clock is the truth at `at`.
    #[must_use]
    pub fn reigning(&self, at: f64) -> usize {
        // The standby reigns from the moment it says so; until then the dead grandmaster's clock, which still ticks, is the truth.
        let name = &self.nodes[self.standby].name;
        let crowned = self.readings[self.standby]
            .iter()
            .find(|r| self.killed_at.is_some_and(|t| r.at >= t) && is_own_master(r, name))
            .map(|r| r.at);
        if crowned.is_some_and(|t| at >= t) { self.standby } else { self.first }
    }

    /// The last thing seen: when.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.readings.iter().filter_map(|r| r.last()).map(|r| r.at).fold(0.0, f64::max)
    }

    /// What came of host `index`.
    #[must_use]
    pub fn outcome(&self, index: usize) -> Outcome {
        let readings = &self.readings[index];
        let killed = self.killed_at.unwrap_or(f64::INFINITY);
        let slave = |r: &&Reading| r.state.as_deref() == Some("SLAVE");
        // For good: a client that was SLAVE of a boundary clock which then stepped, was not there yet.
        let slave_after =
            readings.iter().rev().skip_while(|r| r.at >= killed).take_while(slave).last().map(|r| r.at);
        let settled = slave_after.map_or(f64::INFINITY, |at| at + SETTLE);
        let before =
            Spread::of(readings.iter().filter(|r| r.at >= settled && r.at < killed).filter_map(|r| r.truth));
        let standby = &self.nodes[self.standby].name;
        let follows = |r: &&Reading| {
            if index == self.standby {
                is_own_master(r, standby)
            } else {
                slave(r) && r.grandmaster.as_deref() == Some(standby.as_str())
            }
        };
        let followed = readings.iter().filter(|r| r.at >= killed).find(follows).map(|r| r.at);
        let follower = index != self.standby && index != self.first;
        let since: Vec<&Reading> =
            readings.iter().filter(|r| followed.is_some_and(|at| r.at >= at) && follower).collect();
        Outcome {
            slave_after,
            before,
            after: Spread::of(
                since
                    .iter()
                    .filter(|r| followed.is_some_and(|at| r.at >= at + SETTLE))
                    .filter_map(|r| r.truth),
            ),
            took_over: followed.map(|at| at - killed),
            bump: since.iter().filter_map(|r| r.truth).map(f64::abs).reduce(f64::max),
        }
    }
}

fn is_own_master(reading: &Reading, name: &str) -> bool {
    reading.state.as_deref() == Some("MASTER") && reading.grandmaster.as_deref() == Some(name)
}

/// A length of time in the unit that suits it, with its sign: `-12.3 µs`.
#[must_use]
pub fn human(ns: f64) -> String {
    let size = ns.abs();
    let (value, unit) = match size {
        s if s >= 1e9 => (ns / 1e9, "s "),
        s if s >= 1e6 => (ns / 1e6, "ms"),
        s if s >= 1e3 => (ns / 1e3, "µs"),
        _ => (ns, "ns"),
    };
    let digits = if size < 1e3 { 0 } else { 2 };
    format!("{value:+.digits$} {unit}")
}

/// As [`human`], without sign, trimmed.
#[must_use]
pub fn human_size(ns: f64) -> String {
    human(ns.abs()).trim_start_matches('+').trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> Node {
        Node { name: name.into(), role: "client", phase_error: 0.0, oscillator_error: 0.0 }
    }

    fn reading(at: f64, state: &str, grandmaster: &str, truth: f64) -> Reading {
        Reading {
            at,
            state: Some(state.into()),
            grandmaster: Some(grandmaster.into()),
            truth: Some(truth),
            ..Reading::default()
        }
    }

    #[test]
    fn spreads_count_sizes() {
        let spread = Spread::of((1..=100).map(|n| if n % 2 == 0 { f64::from(n) } else { -f64::from(n) }));
        assert_eq!(spread, Some(Spread { median: 50.0, p95: 95.0, worst: 100.0, count: 100 }));
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([-3.0]).map(|s| s.p95), Some(3.0));
    }

    #[test]
    fn outcomes_of_a_takeover() {
        let mut record = Record::new(vec![node("gm"), node("standby"), node("client")], 0, 1);
        record.killed_at = Some(20.0);
        record.readings[1] = vec![reading(5.0, "SLAVE", "gm", 9.0), reading(23.0, "MASTER", "standby", 0.0)];
        record.readings[2] = vec![
            reading(4.0, "UNCALIBRATED", "gm", 5e6),
            reading(6.0, "SLAVE", "gm", 900.0),
            reading(15.0, "SLAVE", "gm", -70.0),
            reading(21.0, "SLAVE", "gm", 60.0),
            reading(24.0, "SLAVE", "standby", 800.0),
            reading(40.0, "SLAVE", "standby", -50.0),
        ];
        let client = record.outcome(2);
        assert_eq!(client.slave_after, Some(6.0));
        assert_eq!(client.before.map(|s| (s.count, s.worst)), Some((1, 70.0)), "only once settled");
        assert_eq!(client.took_over, Some(4.0));
        assert_eq!(client.after.map(|s| s.worst), Some(50.0));
        assert_eq!(client.bump, Some(800.0));
        assert_eq!(record.outcome(1).took_over, Some(3.0));
        assert_eq!((record.reigning(22.0), record.reigning(23.0)), (0, 1));
        assert_eq!(record.end(), 40.0);
    }

    #[test]
    fn units() {
        assert_eq!(human(-12_340.0), "-12.34 µs");
        assert_eq!(human(999.0), "+999 ns");
        assert_eq!(human_size(-2.5e9), "2.50 s");
    }
}
