//! What goes into the evidence log (docs/evidence.md).

use ptp_daemon::{EventBus, EvidenceAlarm, EvidenceSink, monotonic_now};
use ptp_evidence::{Entry, EvidenceOptions, Grid, Health, Interval, Recorder};

use crate::observe::TS2PHC;

/// The log of this process.
#[derive(Debug)]
pub struct Evidence {
    recorder: Recorder,
    grid: Grid,
    alarm: EvidenceAlarm,
    /// Of each clock.
    measured: Vec<Interval>,
}

impl Evidence {
    /// Starts the writer, for so many clocks. Every event goes there, too.
    #[must_use]
    pub fn start(options: &EvidenceOptions, clocks: usize, events: &mut EventBus) -> Self {
        let recorder = Recorder::start(options.recorder("ts2phc"));
        let grid = Grid::new(monotonic_now(), options.interval_ns());
        let alarm = EvidenceAlarm::new(TS2PHC, recorder.health());
        let mut this = Self { recorder, grid, alarm, measured: vec![Interval::default(); clocks] };
        this.put(Entry::start(env!("CARGO_PKG_VERSION")));
        this.configuration(options);
        events.add(Box::new(EvidenceSink::new(this.recorder.another())));
        this
    }

    /// How the log fares.
    #[must_use]
    pub fn health(&self) -> Health {
        self.recorder.health()
    }

    /// Tells when the log cannot be written, and when it can be again.
    pub fn look(&mut self, events: &mut EventBus) {
        // The log has the writer's own line.
        let _ = self.alarm.look(events, false);
    }

    /// What is configured, at the start and after a reload.
    pub fn configuration(&mut self, options: &EvidenceOptions) {
        let configuration = Entry::new("configuration").text("sha256", &options.configuration);
        self.put(configuration.number("interval", options.interval.as_secs_f64()));
    }

    /// A record of now.
    pub fn put(&mut self, entry: Entry) {
        self.recorder.record(entry.monotonic(monotonic_now()));
    }

    /// When records are due, ns of CLOCK_MONOTONIC.
    #[must_use]
    pub const fn deadline(&self) -> u64 {
        self.grid.deadline()
    }

    /// The length of the interval that has ended, ns.
    pub fn due(&mut self, now: u64) -> Option<u64> {
        self.grid.due(now)
    }

    /// A pulse of one of the clocks: offset in ns, frequency in ppb, the servo's bound in ns.
    pub fn pulse(&mut self, clock: usize, offset_ns: f64, frequency_ppb: f64, bound_ns: f64) {
        if let Some(interval) = self.measured.get_mut(clock) {
            interval.push(offset_ns, None, frequency_ppb, Some(bound_ns));
        }
    }

    /// What one of the clocks has measured since the last record, and how often.
    pub fn take(&mut self, clock: usize, length_ns: u64) -> (Entry, u64) {
        let Some(interval) = self.measured.get_mut(clock) else {
            return (Interval::default().take(length_ns), 0);
        };
        let n = interval.count();
        (interval.take(length_ns), n)
    }

    /// The last record, and everything to the disk.
    pub fn stop(mut self) {
        self.put(Entry::new("stop"));
        self.recorder.stop();
    }
}
