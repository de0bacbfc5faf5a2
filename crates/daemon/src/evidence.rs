//! The evidence log and the daemon's other ways of telling: events go into the log, and the log's troubles are events.

use ptp_evidence::{Entry, Health, Recorder};

use crate::{Event, EventBus, EventSink, Severity, kind};

/// Every event into the evidence log, as a record of kind `event` with the event's own JSON in it (docs/evidence.md).
#[derive(Debug)]
pub struct EvidenceSink {
    recorder: Recorder,
    /// Instances that keep no evidence.
    without: Vec<String>,
}

impl EvidenceSink {
    /// Writes by way of this recorder.
    pub const fn new(recorder: Recorder) -> Self {
        Self { recorder, without: Vec::new() }
    }

    /// Leaves out the events of these instances. What is of the process as a whole stays in.
    #[must_use]
    pub fn without(mut self, instances: Vec<String>) -> Self {
        self.without = instances;
        self
    }
}

impl EventSink for EvidenceSink {
    fn take(&mut self, event: &Event, json: &str) {
        if self.without.contains(&event.instance) {
            return;
        }
        let entry = Entry::new("event")
            .at(i64::try_from(event.time_ns).unwrap_or(i64::MAX))
            .monotonic(event.monotonic_ns)
            .text("instance", &event.instance)
            .text("event", event.kind)
            .text("severity", event.severity.name())
            .text("message", &event.message);
        self.recorder.record(entry.json("detail", json));
    }
}

/// Tells, as an alarm, when the evidence log cannot be written, and when it can be again.
#[derive(Debug)]
pub struct EvidenceAlarm {
    daemon: &'static str,
    health: Health,
    active: bool,
}

impl EvidenceAlarm {
    /// Of this daemon's log.
    pub const fn new(daemon: &'static str, health: Health) -> Self {
        Self { daemon, health, active: false }
    }

    /// Looks whether something has changed, and tells that; `logged`: the log, too. Cheap where nothing has. False: nothing has.
    pub fn look(&mut self, events: &mut EventBus, logged: bool) -> bool {
        let active = self.health.is_failing();
        if std::mem::replace(&mut self.active, active) == active {
            return false;
        }
        let lost = self.health.lost();
        let (severity, text) = if active {
            (Severity::Error, format!("evidence is not written: {}", self.health.reason()))
        } else {
            (Severity::Notice, format!("evidence is written again; {lost} records are lost"))
        };
        let event = Event::state(self.daemon, kind::ALARM, "evidence").severity(severity).message(text);
        let event = event.field("active", active).field("lost", lost);
        if logged {
            events.publish_logged(event);
        } else {
            events.publish(event);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use ptp_evidence::{Recorder, RecorderOptions, StoreOptions};

    use super::*;

    #[test]
    fn a_log_that_cannot_be_written_is_an_alarm() {
        let file = std::env::temp_dir().join(format!("escapement-evidence-alarm-{}", std::process::id()));
        std::fs::write(&file, "").expect("a file");
        // Below a file there is no directory.
        let options = StoreOptions::new(&file.join("evidence"), "ptpd");
        let mut recorder = Recorder::start(RecorderOptions::new(options));
        let mut alarm = EvidenceAlarm::new("ptpd", recorder.health());
        let mut events = EventBus::new();
        assert!(!alarm.look(&mut events, false), "no news yet");
        recorder.record(Entry::new("start"));
        let start = Instant::now();
        while !recorder.health().is_failing() || recorder.health().lost() == 0 {
            assert!(start.elapsed() < Duration::from_secs(60), "the writer says nothing");
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(alarm.look(&mut events, true) && !alarm.look(&mut events, true));
        let told: Vec<_> = events.states().map(|e| (e.sequence, e.message.clone())).collect();
        let [(1, message)] = &told[..] else { panic!("{told:?}") };
        assert!(
            message.contains("evidence is not written: ") && message.contains("escapement-evidence-alarm"),
            "{message}"
        );
        let _ = std::fs::remove_file(file);
    }

    #[test]
    fn instances_without_evidence_are_left_out() {
        let directory = std::env::temp_dir().join(format!("escapement-evidence-sink-{}", std::process::id()));
        let recorder = Recorder::start(RecorderOptions::new(StoreOptions::new(&directory, "ptpd")));
        let mut events = EventBus::new();
        let sink = EvidenceSink::new(recorder.another()).without(vec!["b".to_owned()]);
        events.add(Box::new(sink));
        for instance in ["a", "b", ""] {
            let event = Event::new("ptpd", kind::NOTE, "").message(format!("of {instance}."));
            events.publish(event.instance(instance));
        }
        let (health, start) = (recorder.health(), Instant::now());
        while health.written() < 2 {
            assert!(start.elapsed() < Duration::from_secs(60), "{health:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
        drop(events);
        recorder.stop();
        let file = std::fs::read_dir(&directory).expect("made").flatten().map(|e| e.path());
        let text: String = file.filter_map(|f| std::fs::read_to_string(f).ok()).collect();
        assert!(text.contains("of a.") && text.contains("of .") && !text.contains("of b."), "{text}");
        let _ = std::fs::remove_dir_all(directory);
    }
}
