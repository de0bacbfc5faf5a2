//! What a run of a scenario left behind, for tables and reports.

use core::time::Duration;

use ptpd::engine::{Event, PortState};

use super::super::{Figures, Moment, NodeId, Simulation, TraceHash};
use super::model::Scenario;

/// A run's result.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The scenario's title.
    pub title: String,
    /// The seed it was run with.
    pub seed: u64,
    /// A hash over all that happened: equal runs have equal hashes.
    pub hash: TraceHash,
    /// How long it lasted, in simulated time.
    pub duration: Duration,
    /// Its nodes, in the order of the file.
    pub nodes: Vec<NodeOutcome>,
    /// What was expected, and whether it came.
    pub verdicts: Vec<Verdict>,
    /// What was done to the network.
    pub story: Vec<(Moment, String)>,
    /// What was seen that must never be.
    pub violations: Vec<(Moment, String)>,
    /// Things that happened inside: the simulator's work.
    pub happenings: u64,
}

/// What became of a node.
#[derive(Clone, Debug)]
pub struct NodeOutcome {
    /// Its name.
    pub name: String,
    /// It is transparent: its ports take no part.
    pub transparent: bool,
    /// The states of its ports at the end; empty for a dead node.
    pub states: Vec<PortState>,
    /// Who it holds to be grandmaster at the end.
    pub grandmaster: Option<String>,
    /// currentDS.stepsRemoved at the end.
    pub steps_removed: u16,
    /// How long after its first start a port was SLAVE for the first time.
    pub locked_after: Option<Duration>,
    /// When its true error had come down to what it is later on: ten readings in a
    /// row within 20 times the median of the second half.
    pub calm_after: Option<Duration>,
    /// True error from then on, in ns.
    pub error: Figures,
    /// How often its clock was stepped.
    pub clock_steps: u64,
    /// Changes of ports' states.
    pub changes: usize,
    /// Changes of parent.
    pub parents: usize,
    /// Messages dropped, all ports and causes.
    pub dropped: u64,
    /// Seconds and true error in ns; NaN while it was dead.
    pub series: Vec<(f64, f64)>,
    /// Ports' states, with their times.
    pub history: Vec<(Moment, String)>,
}

/// Whether an expectation was met.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// The line of the file it stands in.
    pub line: usize,
    /// As it stands there.
    pub text: String,
    /// Why not; `None`: it was.
    pub failure: Option<String>,
}

impl Outcome {
    pub(super) fn of(
        scenario: &Scenario,
        seed: u64,
        sim: &Simulation,
        verdicts: Vec<Verdict>,
        story: Vec<(Moment, String)>,
    ) -> Self {
        Self {
            title: scenario.title.clone(),
            seed,
            hash: sim.trace_hash(),
            duration: scenario.duration,
            nodes: sim.nodes().map(|n| NodeOutcome::of(sim, n)).collect(),
            verdicts,
            story,
            violations: sim.violations().to_vec(),
            happenings: sim.happenings(),
        }
    }

    /// Everything that was expected came, and nothing that must never be.
    pub fn passed(&self) -> bool {
        self.violations.is_empty() && self.verdicts.iter().all(|v| v.failure.is_none())
    }
}

impl NodeOutcome {
    fn of(sim: &Simulation, node: NodeId) -> Self {
        let record = sim.record(node);
        let engine = sim.engine(node);
        let first = record.changes.first().map_or(Moment(0), |c| c.at);
        let locked = record.changes.iter().find(|c| c.to == PortState::Slave).map(|c| c.at);
        let ports = engine.map_or(0, |e| e.config().ports.len()) as u16;
        let interface = |port: u16| {
            let config = engine.and_then(|e| e.config().ports.get(usize::from(port).checked_sub(1)?));
            config.map_or_else(|| port.to_string(), |p| p.interface.clone())
        };
        let series: Vec<(f64, f64)> = record.errors.iter().map(|(t, e)| (t.seconds(), *e)).collect();
        let calm = calm(&series);
        let from = calm.map_or(Moment(0), |s| Moment(0) + s);
        let dropped = (1..=ports).filter_map(|p| engine?.port_stats(ptp_wire::PortNumber(p)));
        Self {
            name: sim.name(node).to_owned(),
            transparent: sim.is_transparent(node),
            states: engine.map(|_| sim.states(node)).unwrap_or_default(),
            grandmaster: engine.map(|e| match sim.grandmaster_of(node) {
                Some(gm) => sim.name(gm).to_owned(),
                None => e.parent_ds().grandmaster_identity.to_string(),
            }),
            steps_removed: engine.map_or(0, |e| e.current_ds().steps_removed),
            locked_after: locked.map(|at| at.since(first)),
            calm_after: calm,
            error: record.error_since(from),
            clock_steps: sim.steps(node),
            changes: record.changes.len(),
            parents: record.events.iter().filter(|(_, e)| matches!(e, Event::Parent { .. })).count(),
            dropped: dropped.map(|s| s.dropped.iter().sum::<u64>()).sum(),
            series,
            history: record
                .changes
                .iter()
                .map(|c| (c.at, format!("{}:{} {} to {}", sim.name(node), interface(c.port.0), c.from, c.to)))
                .collect(),
        }
    }
}

/// When a clock had come to rest: the first time from which ten readings in a row are within 20 times the median of the
/// second half (and at least 100 ns). `None` if it never did.
pub(super) fn calm(series: &[(f64, f64)]) -> Option<Duration> {
    let mut late: Vec<f64> =
        series.iter().skip(series.len() / 2).map(|(_, e)| e.abs()).filter(|e| e.is_finite()).collect();
    late.sort_by(f64::total_cmp);
    let limit = (late.get(late.len() / 2)? * 20.0).max(100.0);
    let calm = series.windows(10.min(series.len())).find(|w| w.iter().all(|(_, e)| e.abs() <= limit))?;
    calm.first().map(|(t, _)| Duration::from_secs_f64(t.max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_begins_where_the_error_has_come_down() {
        let at = |n: usize, e: f64| (n as f64, e);
        let fall: Vec<_> =
            (0..100).map(|n| at(n, if n < 30 { 1e6 / (n + 1) as f64 } else { 50.0 })).collect();
        assert_eq!(calm(&fall), Some(Duration::from_secs(30)));
        let never: Vec<_> = (0..100).map(|n| at(n, if n % 5 == 0 { 1e6 } else { 1.0 })).collect();
        assert_eq!((calm(&never), calm(&[])), (None, None));
    }
}
