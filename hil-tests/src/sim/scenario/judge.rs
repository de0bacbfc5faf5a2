//! Whether what was expected came.

use ptp_wire::PortNumber;
use ptpd::engine::PortState;

use super::super::{Look, Moment, NodeId, Simulation};
use super::model::{Expectation, Expected, Scenario, When};
use super::outcome::Verdict;

pub(super) fn judge(scenario: &Scenario, sim: &Simulation, orders: &[(usize, Vec<String>)]) -> Vec<Verdict> {
    let nodes: Vec<NodeId> = sim.nodes().collect();
    let judge = Judge { scenario, sim, nodes };
    let verdict = |(i, e): (usize, &Expectation)| {
        let failure = match &e.what {
            Expected::InOrder(_) => match orders.iter().find(|(n, _)| *n == i) {
                Some((_, complaints)) if complaints.is_empty() => None,
                Some((_, complaints)) => Some(complaints.join("; ")),
                None => Some("was never looked at".into()),
            },
            _ => judge.failure(e),
        };
        Verdict { line: e.line, text: e.text.clone(), failure }
    };
    scenario.expect.iter().enumerate().map(verdict).collect()
}

struct Judge<'a> {
    scenario: &'a Scenario,
    sim: &'a Simulation,
    nodes: Vec<NodeId>,
}

impl Judge<'_> {
    fn failure(&self, e: &Expectation) -> Option<String> {
        let about_nodes =
            |check: &dyn Fn(&Look) -> Option<String>| e.of.iter().find_map(|n| self.looks(*n, e.when, check));
        match &e.what {
            Expected::Grandmaster(gm) => {
                let wanted = self.sim.identity(self.nodes[*gm]);
                about_nodes(&|l| self.grandmaster(l, wanted))
            }
            Expected::GrandmasterIdentity(wanted) => about_nodes(&|l| self.grandmaster(l, *wanted)),
            Expected::ClockClass(class) => about_nodes(&|l| {
                let is = l.parent?.grandmaster_clock_quality.clock_class;
                (is != *class).then(|| format!("clockClass is {is}"))
            }),
            Expected::StepsRemoved(steps) => about_nodes(&|l| {
                l.parent?;
                (l.steps_removed != *steps).then(|| format!("stepsRemoved is {}", l.steps_removed))
            }),
            Expected::ErrorBelow(ns, against) => {
                e.of.iter().find_map(|n| self.error_below(*n, e.when, *ns, *against))
            }
            Expected::ErrorAbove(ns) => e.of.iter().find_map(|n| {
                let worst = self.errors(*n, e.when, None).map(|(_, v)| v.abs()).fold(0.0, f64::max);
                (worst <= *ns).then(|| format!("{}: no more than {}", self.name(*n), human(worst)))
            }),
            Expected::Port(ports, states) => ports.iter().find_map(|(n, i)| self.port(*n, i, states, e.when)),
            Expected::Never(ports, states) => {
                ports.iter().find_map(|(n, i)| self.never(*n, i, states, e.when))
            }
            Expected::Locked => e.of.iter().find_map(|n| self.locked(*n, e.when)),
            Expected::StepsAtMost(most) => e.of.iter().find_map(|n| {
                let steps = self.sim.steps(self.nodes[*n]);
                (steps > *most).then(|| format!("{} was stepped {steps} times", self.name(*n)))
            }),
            Expected::Dropped(ports, cause, least, most) => ports.iter().find_map(|(n, interface)| {
                let (port, ..) = self.sim.port_of(self.nodes[*n], interface)?;
                let stats = self.sim.engine(self.nodes[*n])?.port_stats(PortNumber(port))?;
                let dropped = stats.dropped(*cause);
                let fits = (*least..=*most).contains(&dropped);
                (!fits).then(|| format!("{}:{interface} dropped {dropped}", self.name(*n)))
            }),
            Expected::InOrder(_) => None,
        }
    }

    fn name(&self, node: usize) -> &str {
        &self.scenario.nodes[node].name
    }

    fn grandmaster(&self, look: &Look, wanted: ptp_wire::ClockIdentity) -> Option<String> {
        let is = look.parent?.grandmaster_identity;
        let name = self.nodes.iter().find(|n| self.sim.identity(**n) == is);
        (is != wanted).then(|| match name {
            Some(n) => format!("grandmaster is {}", self.sim.name(*n)),
            None => format!("grandmaster is {is}"),
        })
    }

    /// The first look in the time that fails; a dead node has nothing to show.
    fn looks(&self, node: usize, when: When, check: &dyn Fn(&Look) -> Option<String>) -> Option<String> {
        let looks = &self.sim.record(self.nodes[node]).looks;
        let (from, to) = (Moment(0) + when.from, Moment(0) + when.to);
        let first = looks.partition_point(|l| l.at <= from).saturating_sub(1);
        let last = looks.partition_point(|l| l.at <= to);
        let seen = looks.get(first..last).unwrap_or(&[]);
        if seen.iter().all(|l| l.parent.is_none()) {
            return Some(format!("{} did not run", self.name(node)));
        }
        seen.iter().find_map(|l| check(l).map(|what| format!("at {}: {}: {what}", at(l.at), self.name(node))))
    }

    fn errors(&self, node: usize, when: When, against: Option<usize>) -> impl Iterator<Item = (Moment, f64)> {
        let of = |n: usize| &self.sim.record(self.nodes[n]).errors;
        let (from, to) = (Moment(0) + when.from, Moment(0) + when.to);
        // An instant is seen by the last look before it.
        let own = of(node);
        let first = own.partition_point(|(t, _)| *t <= from).saturating_sub(1);
        let reference = against.map(of);
        own.iter().enumerate().skip(first).take_while(move |(_, (t, _))| *t <= to).filter_map(
            move |(i, (t, e))| {
                let reference = reference.and_then(|r| r.get(i)).map_or(0.0, |(_, e)| *e);
                let error = e - reference;
                (!error.is_nan()).then_some((*t, error))
            },
        )
    }

    fn error_below(&self, node: usize, when: When, ns: f64, against: Option<usize>) -> Option<String> {
        let mut seen = false;
        for (t, error) in self.errors(node, when, against) {
            seen = true;
            if error.abs() >= ns {
                return Some(format!("at {}: {} is off by {}", at(t), self.name(node), human(error)));
            }
        }
        (!seen).then(|| format!("{} did not run", self.name(node)))
    }

    /// What a port was in at `from`, and what it became until `to`.
    fn states(&self, node: usize, interface: &str, when: When) -> Vec<(Moment, PortState)> {
        let id = self.nodes[node];
        let Some((port, ..)) = self.sim.port_of(id, interface) else { return Vec::new() };
        let changes: Vec<_> = self.sim.record(id).changes.iter().filter(|c| c.port.0 == port).collect();
        let (from, to) = (Moment(0) + when.from, Moment(0) + when.to);
        let before = changes.iter().rev().find(|c| c.at <= from).map_or(PortState::Initializing, |c| c.to);
        let later = changes.iter().filter(|c| c.at > from && c.at <= to).map(|c| (c.at, c.to));
        std::iter::once((from, before)).chain(later).collect()
    }

    fn port(&self, node: usize, interface: &str, states: &[PortState], when: When) -> Option<String> {
        let seen = self.states(node, interface, when);
        let wrong = seen.iter().find(|(_, s)| !states.contains(s))?;
        Some(format!("at {}: {}:{interface} is {}", at(wrong.0), self.name(node), wrong.1))
    }

    fn never(&self, node: usize, interface: &str, states: &[PortState], when: When) -> Option<String> {
        let seen = self.states(node, interface, when);
        let wrong = seen.iter().find(|(_, s)| states.contains(s))?;
        Some(format!("at {}: {}:{interface} is {}", at(wrong.0), self.name(node), wrong.1))
    }

    /// Some port is SLAVE at `to`, or was between `from` and it.
    fn locked(&self, node: usize, when: When) -> Option<String> {
        let ports = &self.scenario.nodes[node].spec.ports;
        let slave = ports.iter().any(|p| {
            self.states(node, &p.config.interface, when).iter().any(|(_, s)| *s == PortState::Slave)
        });
        let until = Moment(0) + when.to;
        (!slave).then(|| format!("{} was not SLAVE up to {}", self.name(node), at(until)))
    }
}

fn at(moment: Moment) -> String {
    format!("{:.3} s", moment.since(Moment(0)).as_secs_f64())
}

/// A length of time in ns with the unit that fits.
pub(super) fn human(ns: f64) -> String {
    crate::lab::demo::human(ns).trim_end().to_owned()
}
