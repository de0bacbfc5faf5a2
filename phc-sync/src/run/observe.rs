//! Events: which source each clock follows, whether it is locked to it, and which PTP instances answer.

use ptp_daemon::{Event, Severity, kind};
use ptp_evidence::ClockState;

use crate::agent::Agent;
use crate::plan::{ClockId, Source};

use super::Runner;
use super::ensemble::Candidacy;

/// The program, as events have it.
pub(crate) const PHC_SYNC: &str = "phc-sync";

/// What was the case when somebody last looked.
#[derive(Debug, Default)]
pub(super) struct Seen {
    begun: bool,
    sinks: Vec<Followed>,
    agents: Vec<bool>,
    candidates: Vec<Candidacy>,
    suspended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Followed {
    clock: ClockId,
    source: Source,
    state: ClockState,
}

impl Runner {
    /// Tells what has changed since the last time. Cheap where nothing has.
    pub(super) fn observe(&mut self) {
        if !std::mem::replace(&mut self.seen.begun, true) {
            let version = env!("CARGO_PKG_VERSION");
            let event =
                Event::new(PHC_SYNC, kind::LIFE, "").message(format!("phc-sync {version} has started"));
            let event = event.field("state", "started").field("version", version);
            self.events.publish(event.field("pid", std::process::id()));
        }
        if let Some(evidence) = &mut self.evidence {
            evidence.look(&mut self.events);
        }
        self.observe_agents();
        self.observe_sinks();
        self.observe_candidates();
        if std::mem::replace(&mut self.seen.suspended, self.suspended) != self.suspended {
            let text =
                if self.suspended { "waits for the leap second" } else { "goes on after the leap second" };
            let event = Event::state(PHC_SYNC, kind::TIME_PROPERTIES, "leap second").message(text);
            self.events.publish(event.field("suspended", self.suspended));
        }
    }

    fn observe_agents(&mut self) {
        for (i, agent) in self.agents.iter().enumerate() {
            let ready = agent.is_ready();
            let before = self.seen.agents.get(i).copied();
            if before == Some(ready) {
                continue;
            }
            match self.seen.agents.get_mut(i) {
                Some(seen) => *seen = ready,
                None => self.seen.agents.push(ready),
            }
            let name = agent.name();
            let (severity, text) = match (ready, before) {
                (true, _) => (Severity::Info, format!("{name} answers")),
                (false, None) => (Severity::Info, format!("{name} has not answered yet")),
                (false, Some(_)) => (Severity::Warning, format!("{name} does not answer any more")),
            };
            let event = Event::state(PHC_SYNC, kind::ALARM, name.clone()).severity(severity).message(text);
            let event = event.field("active", !ready).field("socket", name);
            self.events.publish(event.field("domain_number", agent.instance.domain_number));
        }
    }

    fn observe_sinks(&mut self) {
        let settings = &self.settings;
        let same = |seen: &Followed, sink: &crate::sink::Sink| {
            (seen.clock, seen.source, seen.state) == (sink.clock, sink.source, sink.clock_state(settings))
        };
        let seen = &self.seen.sinks;
        if seen.len() == self.sinks.len() && seen.iter().zip(&self.sinks).all(|(a, b)| same(a, b)) {
            return;
        }
        let now: Vec<Followed> = self
            .sinks
            .iter()
            .map(|s| Followed { clock: s.clock, source: s.source, state: s.clock_state(settings) })
            .collect();
        let before = std::mem::replace(&mut self.seen.sinks, now.clone());
        for gone in before.iter().filter(|b| !now.iter().any(|n| n.clock == b.clock)) {
            let name = self.label(gone.clock);
            let text = format!("{name} follows nothing any more");
            let event =
                Event::state(PHC_SYNC, kind::SOURCE, name.clone()).severity(Severity::Warning).message(text);
            self.events.publish(event.field("clock", name.clone()).field("source", None::<&str>));
            let event = Event::state(PHC_SYNC, kind::SERVO, name.clone()).severity(Severity::Warning);
            let event = event.message(format!("{name} is not steered any more")).field("clock", name);
            self.events.publish(event.field("state", ClockState::Free.name()).field("locked", false));
        }
        for sink in &now {
            let old = before.iter().find(|b| b.clock == sink.clock);
            let name = self.label(sink.clock);
            if old.is_none_or(|o| o.source != sink.source) {
                let source = if sink.source.clock == sink.clock {
                    "the majority".to_owned()
                } else {
                    self.label(sink.source.clock)
                };
                let instance = sink.source.domain.and_then(|d| self.agents.get(d)).map(Agent::name);
                let event = Event::state(PHC_SYNC, kind::SOURCE, name.clone())
                    .message(format!("{name} follows {source}"))
                    .field("clock", name.clone())
                    .field("source", source)
                    .field("socket", instance);
                self.events.publish(event);
            }
            if old.is_none_or(|o| o.state != sink.state) {
                let lost = old.is_some_and(|o| o.state == ClockState::Locked);
                let text = match sink.state {
                    ClockState::Locked => "is locked to its source",
                    ClockState::Measured => "is only measured",
                    _ if lost => "is not locked any more",
                    _ => "is being steered towards its source",
                };
                let event = Event::state(PHC_SYNC, kind::SERVO, name.clone())
                    .severity(if lost { Severity::Warning } else { Severity::Info })
                    .message(format!("{name} {text}"))
                    .field("clock", name)
                    .field("state", sink.state.name())
                    .field("from", old.map(|o| o.state.name()))
                    .field("locked", sink.state == ClockState::Locked);
                self.events.publish(event);
            }
        }
    }

    /// Sources of a selection by intersection: of the majority, false, or silent.
    fn observe_candidates(&mut self) {
        let Some(ensemble) = &self.ensemble else { return };
        for (i, (name, now)) in ensemble.candidates().enumerate() {
            if self.seen.candidates.get(i) == Some(&now) {
                continue;
            }
            match self.seen.candidates.get_mut(i) {
                Some(seen) => *seen = now,
                None => self.seen.candidates.push(now),
            }
            let (severity, text) = match now {
                Candidacy::Unknown => (Severity::Info, "has not been heard yet"),
                Candidacy::Silent => (Severity::Warning, "gives no time"),
                Candidacy::Member => (Severity::Info, "is one of the majority"),
                Candidacy::False => (Severity::Warning, "is a falseticker"),
            };
            let event = Event::state(PHC_SYNC, kind::SOURCE, format!("candidate {name}"))
                .severity(severity)
                .message(format!("{name} {text}"))
                .field("candidate", name)
                .field("standing", now.name());
            self.events.publish(event);
        }
    }

    /// A clock of this number does not come back under another name.
    fn label(&mut self, clock: ClockId) -> String {
        self.clocks.get(clock).map_or_else(|| format!("clock {clock}"), |e| e.label.clone())
    }
}
