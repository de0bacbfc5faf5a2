//! Where a daemon's events go to.

use std::fmt;
use std::path::Path;

use crate::subscribers::Subscribers;
use crate::{Event, ListenError, PollSet, Severity, kind, log_event, utc_now};

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
    subscribers: Option<Subscribers>,
    line: String,
}

impl EventBus {
    /// Nobody listens yet.
    pub fn new() -> Self {
        // Differs from one start to the next: the time alone would do, were it not for clocks that are set back.
        let run = utc_now() ^ u64::from(std::process::id()) << 40;
        Self {
            run,
            sequence: 0,
            states: Vec::new(),
            sinks: Vec::new(),
            subscribers: None,
            line: String::new(),
        }
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

    /// Serves subscribers at a UNIX stream socket with this path and mode (like 0o660): each hears the present state first,
    /// then every event, a JSON object a line (docs/events.md). One that does not read is dropped.
    ///
    /// # Errors
    /// Another program serves that socket, or this user may not.
    pub fn listen(&mut self, path: &Path, mode: u32) -> Result<(), ListenError> {
        // The old one first: it may be the same path.
        self.subscribers = None;
        self.subscribers = Some(Subscribers::listen(path, mode)?);
        Ok(())
    }

    /// The path of [`EventBus::listen`].
    pub fn path(&self) -> Option<&Path> {
        self.subscribers.as_ref().map(Subscribers::path)
    }

    /// Adds the subscribers' descriptors to those that are waited for: when one is ready, [`EventBus::serve`] is due.
    pub fn gather<K: Copy>(&self, poll: &mut PollSet<K>, key: K) {
        if let Some(subscribers) = &self.subscribers {
            subscribers.gather(poll, key);
        }
    }

    /// Takes subscribers who come, lets go who went, sends what waits for them.
    pub fn serve(&mut self) {
        let Some(subscribers) = &mut self.subscribers else { return };
        let (run, sequence, states) = (self.run, self.sequence, &self.states);
        let dropped = subscribers.dropped();
        subscribers.serve(|| {
            let daemon = states.first().map_or("", |e| e.daemon);
            let mut first = Event::new(daemon, kind::SNAPSHOT, "")
                .message(format!("the present state: {} events", states.len()))
                .field("states", states.len() as u64)
                .field("subscribers_dropped", dropped);
            (first.run, first.sequence) = (run, sequence);
            let mut lines = first.json();
            for event in states {
                lines.push('\n');
                event.write_json(&mut lines);
            }
            lines.push('\n');
            lines
        });
    }

    /// Writes it to the log, by [`log_event`], and tells everybody: the log's entry has the event's number.
    pub fn publish_logged(&mut self, mut event: Event) {
        self.number(&mut event);
        log_event(&event);
        self.send(event);
    }

    /// Tells everybody. If nobody listens it costs the memory of the state.
    pub fn publish(&mut self, mut event: Event) {
        self.number(&mut event);
        self.send(event);
    }

    fn number(&mut self, event: &mut Event) {
        self.sequence += 1;
        event.run = self.run;
        event.sequence = self.sequence;
    }

    fn send(&mut self, event: Event) {
        let daemon = event.daemon;
        let slow = self.tell(event);
        if slow > 0 {
            let text = format!(
                "{slow} subscriber{} of events did not read, and {} dropped",
                if slow == 1 { "" } else { "s" },
                if slow == 1 { "was" } else { "were" }
            );
            let note =
                Event::new(daemon, kind::NOTE, "subscribers").severity(Severity::Warning).message(text);
            let mut note = note.field("dropped", slow);
            self.number(&mut note);
            self.tell(note);
        }
    }

    /// How many subscribers were too slow for it.
    fn tell(&mut self, event: Event) -> u64 {
        let mut slow = 0;
        let subscribers = self.subscribers.as_mut().filter(|s| !s.is_empty());
        if !self.sinks.is_empty() || subscribers.is_some() {
            self.line.clear();
            event.write_json(&mut self.line);
            for sink in &mut self.sinks {
                sink.take(&event, &self.line);
            }
            slow = subscribers.map_or(0, |s| s.tell(&self.line));
        }
        if event.is_state {
            if let Some(known) = self.states.iter_mut().find(|e| e.same_subject(&event)) {
                *known = event;
            } else if self.states.len() < MAX_STATES {
                self.states.push(event);
            }
        }
        slow
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

    fn path(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("escapement-events-{}-{name}", std::process::id()))
    }

    fn lines(stream: &mut std::io::BufReader<std::os::unix::net::UnixStream>, count: usize) -> Vec<String> {
        use std::io::BufRead;
        let mut read = || {
            let mut line = String::new();
            stream.read_line(&mut line).map(|_| line)
        };
        (0..count).map(|_| read().expect("a line")).collect()
    }

    #[test]
    fn subscribers_hear_the_snapshot_and_then_everything() {
        use std::os::unix::fs::PermissionsExt;
        use std::os::unix::net::UnixStream;
        let path = path("stream");
        let mut bus = EventBus::new();
        bus.publish(Event::state("ptpd", kind::PORT_STATE, "port 1").message("one"));
        // What a program that was killed has left is taken away; what another serves is not.
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bind"));
        bus.listen(&path, 0o600).expect("listen");
        assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        let refused = EventBus::new().listen(&path, 0o600).expect_err("taken").to_string();
        assert!(refused.contains("another program") && refused.contains("events.socket"), "{refused}");
        let mut reader = std::io::BufReader::new(UnixStream::connect(&path).expect("connect"));
        bus.serve();
        bus.publish(Event::state("ptpd", kind::PORT_STATE, "port 1").message("two"));
        let all = lines(&mut reader, 3);
        assert!(all[0].contains(r#""kind":"snapshot""#) && all[0].contains(r#""states":1"#), "{all:?}");
        assert!(all[1].contains("one") && all[2].contains(r#""sequence":2,"#), "{all:?}");
        // It goes: nobody is kept, and nothing waits for it.
        drop(reader);
        bus.serve();
        assert!(bus.subscribers.as_ref().is_some_and(Subscribers::is_empty));
        drop(bus);
        assert!(!path.exists(), "the socket's file goes, too");
    }

    #[test]
    fn a_subscriber_that_does_not_read_is_dropped_and_the_others_hear_of_it() {
        use std::os::unix::net::UnixStream;
        let path = path("slow");
        let mut bus = EventBus::new();
        bus.listen(&path, 0o660).expect("listen");
        let slow = UnixStream::connect(&path).expect("connect");
        let quick = UnixStream::connect(&path).expect("connect");
        bus.serve();
        let reader = std::thread::spawn(move || {
            use std::io::BufRead;
            let all = std::io::BufReader::new(quick).lines().map_while(Result::ok);
            all.take_while(|l| !l.contains("last")).filter(|l| l.contains("did not read")).count()
        });
        let text = "x".repeat(8192);
        let mut sent = 0;
        while bus.subscribers.as_ref().is_some_and(|s| s.dropped() == 0) {
            bus.publish(Event::new("ptpd", kind::NOTE, "").message(text.clone()));
            // The one who reads gets all the time it wants.
            while bus.subscribers.as_ref().is_some_and(|s| s.waiting().last().is_some_and(|n| *n > 0)) {
                std::thread::sleep(std::time::Duration::from_millis(1));
                bus.serve();
            }
            sent += 1;
            assert!(sent < 10_000, "it waits for ever");
        }
        bus.publish(Event::new("ptpd", kind::NOTE, "").message("last"));
        bus.serve();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !reader.is_finished() && std::time::Instant::now() < end {
            bus.serve();
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert_eq!(reader.join().expect("it reads"), 1);
        drop(slow);
    }
}
