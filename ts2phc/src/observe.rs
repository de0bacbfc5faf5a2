//! Events: the grandmaster's lock state, its class, what the receiver is worth, and which clocks are steered.

use ptp_daemon::{Event, EventBus, Severity, kind};
use ptp_gnss::Condition;

use crate::grandmaster::{Grandmaster, LockState};

/// The program, as events have it.
pub const TS2PHC: &str = "ts2phc";

/// What was the case when somebody last looked.
#[derive(Debug, Default)]
pub struct Seen {
    begun: bool,
    lock: Option<(LockState, u8)>,
    condition: Option<Condition>,
    quarantined: bool,
    sinks: Vec<bool>,
}

/// What is the case.
#[derive(Debug)]
pub struct Now<'a> {
    /// The lock state.
    pub grandmaster: &'a Grandmaster,
    /// What the source of time of day is worth.
    pub condition: Condition,
    /// The first clock's name.
    pub clock: &'a str,
}

impl Seen {
    /// Tells what has changed since the last time. Cheap where nothing has.
    pub fn look(&mut self, now: &Now<'_>, events: &mut EventBus) {
        if !std::mem::replace(&mut self.begun, true) {
            let version = env!("CARGO_PKG_VERSION");
            let event = Event::new(TS2PHC, kind::LIFE, "").message(format!("ts2phc {version} has started"));
            let event = event.field("state", "started").field("version", version);
            events.publish(event.field("pid", std::process::id()));
        }
        let quality = now.grandmaster.settings().clock_quality;
        let lock = (now.grandmaster.state(), quality.clock_class);
        let before = self.lock.replace(lock);
        if before != Some(lock) {
            self.lock_state(now, before, lock, events);
        }
        let before = self.condition.replace(now.condition);
        if before != Some(now.condition) {
            let good = now.condition.is_good();
            let event = Event::state(TS2PHC, kind::SOURCE, "time of day")
                .severity(if good { Severity::Info } else { Severity::Warning })
                .message(format!("time of day: {}", now.condition))
                .field("condition", now.condition.to_string())
                .field("from", before.map(|b| b.to_string()))
                .field("good", good);
            events.publish(event);
        }
        let quarantined = now.grandmaster.is_quarantined();
        if std::mem::replace(&mut self.quarantined, quarantined) != quarantined {
            let (severity, text) = if quarantined {
                (Severity::Warning, "pulses disagree with the clock: they are not followed")
            } else {
                (Severity::Notice, "pulses agree with the clock again")
            };
            let event = Event::state(TS2PHC, kind::ALARM, "pulses").severity(severity).message(text);
            events.publish(event.field("active", quarantined).field("clock", now.clock));
        }
    }

    fn lock_state(
        &self,
        now: &Now<'_>,
        before: Option<(LockState, u8)>,
        (state, class): (LockState, u8),
        events: &mut EventBus,
    ) {
        let g = now.grandmaster;
        let bound = Some(g.bound_ns()).filter(|b| b.is_finite());
        let worse = !matches!(state, LockState::Locked | LockState::WarmingUp) && before.is_some();
        let severity = if worse { Severity::Warning } else { Severity::Info };
        let event = Event::state(TS2PHC, kind::SERVO, now.clock)
            .severity(severity)
            .message(format!("{state} (clockClass {class}): {}", g.why()))
            .field("clock", now.clock)
            .field("state", state.clock_state().name())
            .field("from", before.map(|b| b.0.clock_state().name()))
            .field("lock_state", state.name())
            .field("locked", state == LockState::Locked)
            .field("error_bound_ns", bound);
        events.publish(event);
        let held = |s: LockState| s.is_holdover();
        if before.is_none_or(|b| held(b.0) != held(state)) {
            let word = if held(state) { "begins" } else { "is not in" };
            let event = Event::state(TS2PHC, kind::HOLDOVER, now.clock).severity(severity);
            let event = event.message(format!("{} {word} holdover", now.clock)).field("clock", now.clock);
            events.publish(event.field("active", held(state)).field("error_bound_ns", bound));
        }
        if before.is_none_or(|b| b.1 != class) {
            let event = Event::state(TS2PHC, kind::CLOCK_CLASS, "")
                .severity(severity)
                .message(format!("clockClass {class} is told to PTP daemons"))
                .field("clock_class", class)
                .field("from", before.map(|b| b.1));
            events.publish(event);
        }
    }

    /// A clock follows pulses, or does not any more.
    pub fn sink(&mut self, place: usize, name: &str, follows: bool, events: &mut EventBus) {
        if self.sinks.len() <= place {
            self.sinks.resize(place + 1, false);
        }
        let Some(seen) = self.sinks.get_mut(place).filter(|seen| **seen != follows) else { return };
        *seen = follows;
        let (severity, text) = if follows {
            (Severity::Info, "follows its pulses")
        } else {
            (Severity::Warning, "follows no pulses any more")
        };
        let event = Event::state(TS2PHC, kind::SOURCE, name).severity(severity);
        let event = event.message(format!("{name} {text}")).field("clock", name);
        events.publish(event.field("follows_pulses", follows));
    }
}
