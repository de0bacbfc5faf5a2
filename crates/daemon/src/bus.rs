//! Where a daemon's events go to.

use std::fmt;

use crate::{Event, utc_now};

/// States remembered for snapshots, all together. There are a few for each port and clock.
const MAX_STATES: usize = 2048;

/// Somebody who wants events: a log, a socket, a server.
pub trait EventSink {
    /// Takes an event and its JSON line (without the end of line). It must not wait: the daemon's clock does not either.
    fn take(&mut self, event: &Event, json: &str);
}

/// Takes a daemon's events, numbers them, remembers the present states and tells all who want to know.
///
/// ```
/// use std::{cell::RefCell, rc::Rc};
/// use ptp_daemon::{Event, EventBus, EventSink, kind};
///
/// struct Lines(Rc<RefCell<Vec<String>>>);
/// impl EventSink for Lines {
///     fn take(&mut self, _: &Event, json: &str) {
///         self.0.borrow_mut().push(json.to_owned());
///     }
/// }
/// let lines = Rc::new(RefCell::new(Vec::new()));
/// let mut bus = EventBus::new();
/// bus.add(Box::new(Lines(lines.clone())));
/// bus.publish(Event::state("ptpd", kind::PORT_STATE, "port 1").field("state", "LISTENING"));
/// bus.publish(Event::state("ptpd", kind::PORT_STATE, "port 1").field("state", "SLAVE"));
/// assert_eq!(lines.borrow().len(), 2);
/// // The present state is the last one.
/// let now: Vec<_> = bus.states().filter_map(|e| e.get("state")).map(ToString::to_string).collect();
/// assert_eq!(now, ["SLAVE"]);
/// ```
pub struct EventBus {
    run: u64,
    sequence: u64,
    states: Vec<Event>,
    sinks: Vec<Box<dyn EventSink>>,
    line: String,
}

impl EventBus {
    /// Nobody listens yet.
    pub fn new() -> Self {
        // Differs from one start to the next: the time alone would do, were it not for clocks that are set back.
        let run = utc_now() ^ u64::from(std::process::id()) << 40;
        Self { run, sequence: 0, states: Vec::new(), sinks: Vec::new(), line: String::new() }
    }

    /// Which run of the daemon this is, as in [`Event::run`].
    pub fn run(&self) -> u64 {
        self.run
    }

    /// One more who wants every event from now on. What is the case already is told as events that have happened before.
    pub fn add(&mut self, mut sink: Box<dyn EventSink>) {
        for event in &self.states {
            sink.take(event, &event.json());
        }
        self.sinks.push(sink);
    }

    /// Tells everybody. Without sinks it costs the memory of the state.
    pub fn publish(&mut self, mut event: Event) {
        self.sequence += 1;
        event.run = self.run;
        event.sequence = self.sequence;
        if !self.sinks.is_empty() {
            self.line.clear();
            event.write_json(&mut self.line);
            for sink in &mut self.sinks {
                sink.take(&event, &self.line);
            }
        }
        if event.is_state {
            if let Some(known) = self.states.iter_mut().find(|e| e.same_subject(&event)) {
                *known = event;
            } else if self.states.len() < MAX_STATES {
                self.states.push(event);
            }
        }
    }

    /// The present state: the last state event of each kind and subject, in the order in which the subjects appeared.
    pub fn states(&self) -> impl Iterator<Item = &Event> {
        self.states.iter()
    }
}

impl Default for EventBus {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBus")
            .field("run", &self.run)
            .field("sequence", &self.sequence)
            .field("states", &self.states.len())
            .field("sinks", &self.sinks.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::kind;

    struct Kept(Rc<RefCell<Vec<(u64, String)>>>);

    impl EventSink for Kept {
        fn take(&mut self, event: &Event, json: &str) {
            assert!(json.contains(&format!(r#""sequence":{},"#, event.sequence)));
            self.0.borrow_mut().push((event.sequence, event.message.clone()));
        }
    }

    #[test]
    fn late_sinks_hear_the_present_state_first() {
        let mut bus = EventBus::new();
        bus.publish(Event::state("ptpd", kind::PORT_STATE, "port 1").message("a"));
        bus.publish(Event::state("ptpd", kind::PORT_STATE, "port 2").message("b"));
        bus.publish(Event::new("ptpd", kind::NOTE, "").message("forgotten"));
        bus.publish(Event::state("ptpd", kind::PORT_STATE, "port 1").message("c"));
        bus.publish(Event::state("ptpd", kind::PORT_STATE, "port 1").instance("x").message("d"));
        let kept = Rc::new(RefCell::new(Vec::new()));
        bus.add(Box::new(Kept(kept.clone())));
        bus.publish(Event::new("ptpd", kind::NOTE, "").message("e"));
        let told: Vec<_> = kept.borrow().iter().map(|(n, m)| format!("{n}{m}")).collect();
        assert_eq!(told, ["4c", "2b", "5d", "6e"]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut bus = EventBus::new();
        for i in 0..MAX_STATES + 8 {
            bus.publish(Event::state("ptpd", kind::UNICAST, i.to_string()));
        }
        assert_eq!(bus.states().count(), MAX_STATES);
    }
}
