use ptp_evidence::{Entry, Recorder};

use crate::{Event, EventSink};

/// Every event into the evidence log, as a record of kind `event` with the event's own JSON in it (docs/evidence.md).
#[derive(Debug)]
pub struct EvidenceSink(Recorder);

impl EvidenceSink {
    /// Writes by way of this recorder.
    pub const fn new(recorder: Recorder) -> Self {
        Self(recorder)
    }
}

impl EventSink for EvidenceSink {
    fn take(&mut self, event: &Event, json: &str) {
        let entry = Entry::new("event")
            .at(i64::try_from(event.time_ns).unwrap_or(i64::MAX))
            .monotonic(event.monotonic_ns)
            .text("instance", &event.instance)
            .text("event", event.kind)
            .text("severity", event.severity.name())
            .text("message", &event.message);
        self.0.record(entry.json("detail", json));
    }
}
