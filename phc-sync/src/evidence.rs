//! What goes into the evidence log (docs/evidence.md).

use ptp_daemon::{EventBus, EvidenceAlarm, EvidenceSink, monotonic_now};
use ptp_evidence::{ClockState, Entry, EvidenceOptions, Grid, Health, Recorder};

use crate::run::PHC_SYNC;

/// The log of this process.
pub(crate) struct Evidence {
    recorder: Recorder,
    grid: Grid,
    alarm: EvidenceAlarm,
}

/// Whose record it is.
pub(crate) struct Of<'a> {
    pub(crate) clock: &'a str,
    pub(crate) source: &'a str,
    pub(crate) state: ClockState,
    /// Of the source, ns.
    pub(crate) source_error: f64,
    /// Of the instance that is followed.
    pub(crate) grandmaster: Option<String>,
    pub(crate) utc_offset: Option<i16>,
}

impl Evidence {
    /// Starts the writer. Every event goes there, too.
    pub(crate) fn start(options: &EvidenceOptions, events: &mut EventBus) -> Self {
        let recorder = Recorder::start(options.recorder("phc-sync"));
        let alarm = EvidenceAlarm::new(PHC_SYNC, recorder.health());
        let mut this = Self { recorder, grid: Grid::new(monotonic_now(), options.interval_ns()), alarm };
        this.put(Entry::start(env!("CARGO_PKG_VERSION")));
        this.configuration(options);
        events.add(Box::new(EvidenceSink::new(this.recorder.another())));
        this
    }

    /// How the log fares.
    pub(crate) fn health(&self) -> Health {
        self.recorder.health()
    }

    /// Tells when the log cannot be written, and when it can be again.
    pub(crate) fn look(&mut self, events: &mut EventBus) {
        // The log has the writer's own line.
        let _ = self.alarm.look(events, false);
    }

    /// What is configured, at the start and after a reload.
    pub(crate) fn configuration(&mut self, options: &EvidenceOptions) {
        let configuration = Entry::new("configuration").text("sha256", &options.configuration);
        self.put(configuration.number("interval", options.interval.as_secs_f64()));
    }

    fn put(&mut self, entry: Entry) {
        self.recorder.record(entry.monotonic(monotonic_now()));
    }

    pub(crate) const fn deadline(&self) -> u64 {
        self.grid.deadline()
    }

    pub(crate) fn due(&mut self, now: u64) -> Option<u64> {
        self.grid.due(now)
    }

    pub(crate) fn measurement(&mut self, entry: Entry, of: &Of<'_>) {
        let mut entry = entry
            .text("clock", of.clock)
            .text("source", of.source)
            .text("state", of.state.name())
            .number("source_error", of.source_error);
        if let Some(grandmaster) = &of.grandmaster {
            entry = entry.text("grandmaster", grandmaster);
        }
        if let Some(offset) = of.utc_offset {
            entry = entry.whole("utc_offset", offset);
        }
        self.put(entry);
    }

    pub(crate) fn stepped(&mut self, clock: &str, by: f64) {
        self.put(Entry::new("step").text("clock", clock).number("by", by));
    }

    pub(crate) fn stop(mut self) {
        self.put(Entry::new("stop"));
        self.recorder.stop();
    }
}
