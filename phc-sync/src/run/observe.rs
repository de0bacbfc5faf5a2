//! Events: which source each clock follows, whether it is locked to it, and which PTP instances answer.

use std::collections::BTreeMap;

use ptp_daemon::{Event, Severity, kind};
use ptp_evidence::ClockState;

use crate::agent::Agent;
use crate::plan::{ClockId, Source};
use crate::settings::Settings;
use crate::sink::Sink;

use super::Runner;
use super::ensemble::Candidacy;
use super::holdover::ended;

/// The program, as events have it.
pub(crate) const PHC_SYNC: &str = "phc-sync";

/// What was the case when somebody last looked.
#[derive(Debug, Default)]
pub(super) struct Seen {
    begun: bool,
    sinks: Vec<Followed>,
    /// By socket and domain.
    agents: BTreeMap<(String, u8), bool>,
    candidates: BTreeMap<String, Candidacy>,
    suspended: bool,
}

fn follows_nothing(name: &str) -> Event {
    let event = Event::state(PHC_SYNC, kind::SOURCE, name.to_owned())
        .severity(Severity::Warning)
        .message(format!("{name} follows nothing any more"));
    event.field("clock", name.to_owned()).field("source", None::<&str>)
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Followed {
    clock: ClockId,
    /// `None`: it has lost it.
    source: Option<Source>,
    state: ClockState,
}

impl Followed {
    fn of(sink: &Sink, settings: &Settings) -> Self {
        let source = (!sink.is_lost()).then_some(sink.source);
        Self { clock: sink.clock, source, state: sink.clock_state(settings) }
    }
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
        let key = |a: &Agent| (a.name(), a.instance.domain_number);
        let gone = |k: &(String, u8)| !self.agents.iter().any(|a| key(a) == *k);
        let all = std::mem::take(&mut self.seen.agents);
        let (gone, left): (BTreeMap<_, _>, _) = all.into_iter().partition(|(k, _)| gone(k));
        self.seen.agents = left;
        for (name, domain) in gone.into_keys() {
            let event = Event::state(PHC_SYNC, kind::ALARM, name.clone())
                .message(format!("{name} is not followed any more"))
                .field("active", false)
                .field("socket", name);
            self.events.publish(event.field("domain_number", domain));
        }
        for agent in &self.agents {
            let ready = agent.is_ready();
            let before = self.seen.agents.get(&key(agent)).copied();
            if before == Some(ready) {
                continue;
            }
            self.seen.agents.insert(key(agent), ready);
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
        for i in 0..self.sinks.len() {
            let returned = self.sinks.get_mut(i).and_then(|s| Some((s.clock, s.take_returned()?)));
            if let Some((clock, returned)) = returned {
                let event = ended(&self.label(clock), &returned);
                self.events.publish(event);
            }
        }
        let settings = &self.settings;
        let same = |seen: &Followed, sink: &Sink| *seen == Followed::of(sink, settings);
        let seen = &self.seen.sinks;
        if seen.len() == self.sinks.len() && seen.iter().zip(&self.sinks).all(|(a, b)| same(a, b)) {
            return;
        }
        let now: Vec<Followed> = self.sinks.iter().map(|s| Followed::of(s, settings)).collect();
        let before = std::mem::replace(&mut self.seen.sinks, now.clone());
        for gone in before.iter().filter(|b| !now.iter().any(|n| n.clock == b.clock)) {
            let name = self.label(gone.clock);
            if gone.source.is_some() {
                self.events.publish(follows_nothing(&name));
            }
            let event = Event::state(PHC_SYNC, kind::SERVO, name.clone()).severity(Severity::Warning);
            let event = event.message(format!("{name} is not steered any more")).field("clock", name);
            self.events.publish(event.field("state", ClockState::Free.name()).field("locked", false));
        }
        for sink in &now {
            let old = before.iter().find(|b| b.clock == sink.clock);
            let name = self.label(sink.clock);
            if old.is_some_and(|o| o.source.is_some()) && sink.source.is_none() {
                self.events.publish(follows_nothing(&name));
            }
            if let Some(followed) = sink.source
                && old.is_none_or(|o| o.source != sink.source)
            {
                let source = if followed.clock == sink.clock {
                    "the majority".to_owned()
                } else {
                    self.label(followed.clock)
                };
                let instance = followed.domain.and_then(|d| self.agents.get(d)).map(Agent::name);
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
                    ClockState::Holdover => "is in holdover",
                    ClockState::Free => "runs free",
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
            let held = |state: ClockState| state == ClockState::Holdover;
            if held(sink.state) != old.is_some_and(|o| held(o.state)) {
                let name = self.label(sink.clock);
                let (severity, word) = match held(sink.state) {
                    true => (Severity::Warning, "begins"),
                    false => (Severity::Info, "is not in"),
                };
                let event = Event::state(PHC_SYNC, kind::HOLDOVER, name.clone())
                    .severity(severity)
                    .message(format!("{name} {word} holdover"));
                self.events.publish(event.field("clock", name).field("active", held(sink.state)));
            }
        }
    }

    /// Sources of a selection by intersection: of the majority, false, or silent.
    fn observe_candidates(&mut self) {
        let Some(ensemble) = &self.ensemble else { return };
        let all = std::mem::take(&mut self.seen.candidates);
        let gone = |name: &str| !ensemble.candidates().any(|(n, _)| n == name);
        let (gone, left): (BTreeMap<_, _>, _) = all.into_iter().partition(|(name, _)| gone(name));
        self.seen.candidates = left;
        for name in gone.into_keys() {
            let event = Event::state(PHC_SYNC, kind::SOURCE, format!("candidate {name}"))
                .message(format!("{name} is no candidate any more"));
            self.events.publish(event.field("candidate", name).field("standing", None::<&str>));
        }
        for (name, now) in ensemble.candidates() {
            if self.seen.candidates.get(name) == Some(&now) {
                continue;
            }
            self.seen.candidates.insert(name.to_owned(), now);
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
