//! States that are told as events when they have changed, whoever changed them.

use ptp_daemon::{Event, EventBus, Severity, kind, log_context};
use ptp_evidence::ClockState;
use ptp_wire::{ClockIdentity, ClockQuality, PortIdentity, PortNumber};
use ptpd::engine::{DropCause, TimeProperties};
use ptpd::host::Settings;

use super::instance::Instance;
use super::tell::{PTPD, interface, subject};

/// Failed authentications of a port are told once in this time, ns.
const AUTHENTICATION_NS: u64 = 10_000_000_000;

/// Why a message that should be authentic is dropped.
const FORGED: [(DropCause, &str); 4] = [
    (DropCause::Unauthenticated, "unauthenticated"),
    (DropCause::UnknownKey, "unknown_key"),
    (DropCause::BadIcv, "bad_icv"),
    (DropCause::Replayed, "replayed"),
];

/// What was the case when somebody last looked.
#[derive(Debug, Default)]
pub(super) struct Observed {
    state: Option<State>,
    next_authentication: u64,
    /// Of each port, as many as of [`FORGED`].
    forged: Vec<[u64; 4]>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct State {
    parent: PortIdentity,
    grandmaster: Grandmaster,
    own: ClockQuality,
    time: TimeProperties,
    clock_state: ClockState,
    /// The place of the clock.
    clock: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Grandmaster {
    identity: ClockIdentity,
    quality: ClockQuality,
    priority1: u8,
    priority2: u8,
    steps_removed: u16,
}

impl Instance {
    fn state(&self) -> State {
        let parent = self.engine.parent_ds();
        State {
            parent: parent.parent_port_identity,
            grandmaster: Grandmaster {
                identity: parent.grandmaster_identity,
                quality: parent.grandmaster_clock_quality,
                priority1: parent.grandmaster_priority1,
                priority2: parent.grandmaster_priority2,
                steps_removed: self.engine.current_ds().steps_removed,
            },
            own: self.engine.clock_quality(),
            time: *self.engine.time_properties_ds(),
            clock_state: self.clock_state(),
            clock: self.clock,
        }
    }

    /// Tells what has changed since the last time. Cheap where nothing has; `clock`: the name of the clock that is kept.
    pub(super) fn observe(&mut self, now: u64, clock: &dyn Fn(usize) -> String, events: &mut EventBus) {
        let new = self.state();
        let before = self.observed.state.replace(new);
        if before.is_none() {
            for (port, state) in (1..).map(PortNumber).zip(self.port_states()) {
                let (name, subject) = (&self.settings.name, subject(port));
                let same =
                    |e: &Event| e.kind == kind::PORT_STATE && e.subject == subject && e.instance == *name;
                if events.states().any(same) {
                    continue;
                }
                let port_is = format!("port {port} ({}) is {state}", interface(&self.settings, port));
                let event = Event::state(PTPD, kind::PORT_STATE, subject).message(port_is);
                let event = event.field("port", port.0).field("interface", interface(&self.settings, port));
                let event = event.field("from", None::<&str>).field("state", state.to_string());
                events.publish(event.instance(name));
            }
        }
        if before != Some(new) {
            log_context(&self.settings.name);
            for (event, logged) in changes(before, &new, clock) {
                let event = event.instance(&self.settings.name);
                // In the place of ptp4l, only its lines.
                if logged && self.drop_in.is_none() {
                    events.publish_logged(event);
                } else {
                    events.publish(event);
                }
            }
        }
        if now >= self.observed.next_authentication {
            self.observed.next_authentication = now.saturating_add(AUTHENTICATION_NS);
            self.authentication(events);
        }
    }

    fn authentication(&mut self, events: &mut EventBus) {
        self.observed.forged.resize(self.ports.len(), [0; 4]);
        for (port, seen) in (1..).map(PortNumber).zip(&mut self.observed.forged) {
            let Some(stats) = self.engine.port_stats(port) else { continue };
            let total = FORGED.map(|(cause, _)| stats.dropped(cause));
            let before = std::mem::replace(seen, total);
            if total == before {
                continue;
            }
            // The log has the engine's own line, with the sender.
            events.publish(forged(&self.settings, port, before, total));
        }
    }
}

fn forged(settings: &Settings, port: PortNumber, before: [u64; 4], total: [u64; 4]) -> Event {
    let mut parts = Vec::new();
    let mut event = Event::new(PTPD, kind::AUTHENTICATION, subject(port)).severity(Severity::Warning);
    event = event.field("port", port.0).field("interface", interface(settings, port));
    for (i, (_, name)) in FORGED.iter().enumerate() {
        let more = total.get(i).zip(before.get(i)).map_or(0, |(t, b)| t.saturating_sub(*b));
        event = event.field(name, more);
        if more > 0 {
            parts.push(match *name {
                "unauthenticated" => format!("{more} without authentication"),
                "unknown_key" => format!("{more} with an unknown key"),
                "bad_icv" => format!("{more} with a wrong check value"),
                _ => format!("{more} replayed"),
            });
        }
    }
    let text = format!("port {port} ({}): dropped messages, {}", interface(settings, port), parts.join(", "));
    event.message(text).instance(&settings.name)
}

/// What has changed, and whether it is news to the log, too: other changes have their line already.
fn changes(before: Option<State>, new: &State, clock: &dyn Fn(usize) -> String) -> Vec<(Event, bool)> {
    let mut all = Vec::new();
    let was = |same: &dyn Fn(&State) -> bool| before.as_ref().is_some_and(same);
    if !was(&|b| b.parent == new.parent) {
        let event = Event::state(PTPD, kind::PARENT, "").message(format!("the parent is {}", new.parent));
        let event = event.field("parent", new.parent.to_string());
        all.push((event.field("from", before.map(|b| b.parent.to_string())), false));
    }
    if !was(&|b| b.grandmaster == new.grandmaster) {
        let g = &new.grandmaster;
        let same = was(&|b| b.grandmaster.identity == g.identity);
        let class = g.quality.clock_class;
        let event = Event::state(PTPD, kind::GRANDMASTER, "")
            .message(format!(
                "grandmaster {}, clockClass {class}, {} steps away",
                g.identity, g.steps_removed
            ))
            .field("grandmaster", g.identity.to_string())
            .field("from", before.map(|b| b.grandmaster.identity.to_string()))
            .field("clock_class", class)
            .field("clock_accuracy", g.quality.clock_accuracy.0)
            .field("offset_scaled_log_variance", g.quality.offset_scaled_log_variance)
            .field("priority1", g.priority1)
            .field("priority2", g.priority2)
            .field("steps_removed", g.steps_removed);
        // A new one is in the line about the parent.
        all.push((event, same && was(&|b| b.grandmaster.quality != g.quality)));
    }
    if !was(&|b| b.own == new.own) {
        let class = new.own.clock_class;
        let from = before.map(|b| b.own.clock_class);
        let text = match from {
            Some(from) if from != class => format!("the own clockClass is {class}, was {from}"),
            _ => format!("the own clockClass is {class}"),
        };
        let event = Event::state(PTPD, kind::CLOCK_CLASS, "")
            .message(text)
            .field("clock_class", class)
            .field("from", from)
            .field("clock_accuracy", new.own.clock_accuracy.0)
            .field("offset_scaled_log_variance", new.own.offset_scaled_log_variance);
        all.push((event, before.is_some()));
    }
    if !was(&|b| b.time == new.time) {
        let t = &new.time;
        let event = Event::state(PTPD, kind::TIME_PROPERTIES, "")
            .message(format!(
                "time properties: UTC offset {} s{}{}{}",
                t.current_utc_offset,
                if t.current_utc_offset_valid { "" } else { " (not vouched for)" },
                if t.leap61 || t.leap59 { ", a leap second is ahead" } else { "" },
                if t.time_traceable { ", traceable" } else { ", not traceable" },
            ))
            .field("current_utc_offset_s", t.current_utc_offset)
            .field("current_utc_offset_valid", t.current_utc_offset_valid)
            .field("leap59", t.leap59)
            .field("leap61", t.leap61)
            .field("time_traceable", t.time_traceable)
            .field("frequency_traceable", t.frequency_traceable)
            .field("ptp_timescale", t.ptp_timescale)
            .field("time_source", t.time_source.0);
        all.push((event, before.is_some()));
    }
    if !was(&|b| (b.clock_state, b.clock) == (new.clock_state, new.clock)) {
        clock_state(before, new, &clock(new.clock), &mut all);
    }
    all
}

fn clock_state(before: Option<State>, new: &State, name: &str, all: &mut Vec<(Event, bool)>) {
    let holdover = |c: ClockState| c == ClockState::Holdover;
    let from = before.map(|b| b.clock_state);
    let lost = from == Some(ClockState::Locked);
    let event = Event::state(PTPD, kind::SERVO, name)
        .severity(if lost { Severity::Warning } else { Severity::Info })
        .message(match new.clock_state {
            ClockState::Free => format!("{name} runs free"),
            ClockState::Measured => format!("{name} is only measured"),
            ClockState::Acquiring => format!("{name} is being steered towards its master"),
            ClockState::Locked => format!("{name} is locked to its master"),
            ClockState::Holdover => format!("{name} is in holdover"),
            ClockState::Grandmaster => format!("{name} is the grandmaster's"),
        })
        .field("clock", name)
        .field("state", new.clock_state.name())
        .field("from", from.map(ClockState::name))
        .field("locked", new.clock_state == ClockState::Locked);
    all.push((event, false));
    if before.is_none() || from.is_some_and(holdover) != holdover(new.clock_state) {
        let begins = holdover(new.clock_state);
        let (severity, word) =
            if begins { (Severity::Warning, "begins") } else { (Severity::Info, "is not in") };
        let text = format!("{name} {word} holdover");
        let event = Event::state(PTPD, kind::HOLDOVER, name).severity(severity).message(text);
        all.push((event.field("clock", name).field("active", begins), false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ptp_wire::{ClockAccuracy, TimeSource};

    fn state() -> State {
        let quality = ClockQuality {
            clock_class: 248,
            clock_accuracy: ClockAccuracy(0xfe),
            offset_scaled_log_variance: 0xffff,
        };
        let identity = ClockIdentity([1, 2, 3, 4, 5, 6, 7, 8]);
        State {
            parent: PortIdentity::new(identity, 0),
            grandmaster: Grandmaster { identity, quality, priority1: 128, priority2: 128, steps_removed: 0 },
            own: quality,
            time: TimeProperties::from_flags(37, 0, TimeSource(0xa0)),
            clock_state: ClockState::Free,
            clock: 0,
        }
    }

    fn told(before: Option<State>, new: &State) -> Vec<String> {
        let all = changes(before, new, &|_| "phc0".to_owned());
        all.iter().map(|(e, logged)| format!("{} {logged}", e.kind)).collect()
    }

    #[test]
    fn at_first_everything_and_then_what_has_changed() {
        let one = state();
        assert_eq!(told(None, &one).len(), 6);
        assert!(told(Some(one), &one).is_empty());
        let mut two = one;
        two.clock_state = ClockState::Locked;
        assert_eq!(told(Some(one), &two), ["servo false"]);
        let mut three = two;
        three.clock_state = ClockState::Holdover;
        three.own.clock_class = 135;
        assert_eq!(told(Some(two), &three), ["clock-class true", "servo false", "holdover false"]);
        let [_, (servo, _), (holdover, _)] = &changes(Some(two), &three, &|_| "phc0".to_owned())[..] else {
            panic!("three");
        };
        assert_eq!((servo.severity, holdover.severity), (Severity::Warning, Severity::Warning));
        assert_eq!(holdover.message, "phc0 begins holdover");
        // A grandmaster that is the same and worth less is news to the log.
        let mut four = three;
        four.grandmaster.quality.clock_class = 7;
        assert_eq!(told(Some(three), &four), ["grandmaster true"]);
        four.grandmaster.identity = ClockIdentity([9; 8]);
        assert_eq!(told(Some(three), &four), ["grandmaster false"]);
    }
}
