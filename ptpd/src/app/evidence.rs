//! What the daemon leaves in the evidence log (docs/evidence.md): a record of measurements in each interval, and every change.

use ptp_clock::ClockName;
use ptp_daemon::{EventBus, EvidenceAlarm, EvidenceSink, monotonic_now};
use ptp_evidence::{ClockState, Entry, Grid, Health, Interval, Recorder};
use ptp_wire::TimeInterval;
use ptpd::engine::Engine;
use ptpd::host::{Discipline, Settings};

use super::tell::PTPD;

/// The log of this process.
pub(super) struct Evidence {
    recorder: Recorder,
    alarm: EvidenceAlarm,
}

/// Whose record it is.
pub(super) struct Of<'a> {
    pub(super) settings: &'a Settings,
    pub(super) engine: &'a Engine,
    pub(super) clock: &'a ClockName,
    pub(super) state: ClockState,
    /// Of the error, ns, by the servo or in holdover.
    pub(super) bound: Option<f64>,
}

impl Evidence {
    /// Starts the writer, if any instance wants one: the first one's settings hold for all. Every event goes there, too, but for
    /// those of instances that want none.
    pub(super) fn start(all: &[Settings], events: &mut EventBus) -> Option<Self> {
        let options = all.iter().find_map(|s| s.evidence.as_ref())?.recorder.clone();
        let recorder = Recorder::start(options);
        let alarm = EvidenceAlarm::new(PTPD, recorder.health());
        let mut this = Self { recorder, alarm };
        this.put(Entry::start(env!("CARGO_PKG_VERSION")));
        for settings in all.iter().filter(|s| s.evidence.is_some()) {
            this.configuration(settings);
        }
        let without = all.iter().filter(|s| s.evidence.is_none()).map(|s| s.name.clone()).collect();
        events.add(Box::new(EvidenceSink::new(this.recorder.another()).without(without)));
        Some(this)
    }

    /// How the log fares.
    pub(super) fn health(&self) -> Health {
        self.recorder.health()
    }

    /// Tells when the log cannot be written, and when it can be again.
    pub(super) fn look(&mut self, events: &mut EventBus) {
        let _ = self.alarm.look(events, true);
    }

    fn put(&mut self, entry: Entry) {
        self.recorder.record(entry.monotonic(monotonic_now()));
    }

    /// What is in force from now on.
    pub(super) fn configuration(&mut self, settings: &Settings) {
        let Some(evidence) = &settings.evidence else { return };
        let instance = &settings.instance;
        let entry = Entry::new("configuration")
            .text("instance", &settings.name)
            .text("sha256", &evidence.configuration)
            .number("interval", evidence.interval_ns as f64 / 1e9)
            .whole("domain", instance.domain_number)
            .shown("identity", instance.clock_identity)
            .whole("ports", instance.ports.len() as u64);
        self.put(entry);
    }

    /// A record of what was measured, with whom the clock followed and what that was worth.
    pub(super) fn measurement(&mut self, now: u64, (entry, samples): (Entry, u64), of: &Of<'_>) {
        let parent = of.engine.parent_ds();
        let properties = of.engine.time_properties_ds();
        let quality = parent.grandmaster_clock_quality;
        // Without samples the bound is that of now, in holdover.
        let entry = entry
            .maybe("bound", of.bound.filter(|_| samples == 0))
            .text("instance", &of.settings.name)
            .shown("clock", of.clock)
            .text("state", of.state.name())
            .shown("parent", parent.parent_port_identity)
            .shown("grandmaster", parent.grandmaster_identity)
            .whole("class", quality.clock_class)
            .whole("accuracy", quality.clock_accuracy.0)
            .whole("time_source", properties.time_source.0)
            .flag("traceable", properties.time_traceable)
            .whole("steps_removed", of.engine.current_ds().steps_removed)
            .whole("utc_offset", properties.current_utc_offset)
            .flag("utc_offset_valid", properties.current_utc_offset_valid);
        self.recorder.record(entry.monotonic(now));
    }

    /// The clock was stepped, or set by more than an interval can say.
    pub(super) fn stepped(&mut self, settings: &Settings, clock: &str, by: TimeInterval) {
        let entry = Entry::new("step").text("instance", &settings.name).text("clock", clock);
        // Farther than an interval can say it is set, and the length is not known.
        let by = Some(by).filter(|by| *by != TimeInterval::ZERO);
        self.put(entry.maybe("by", by.map(TimeInterval::nanos_f64)));
    }

    /// The last record, and everything to the disk.
    pub(super) fn stop(mut self) {
        self.put(Entry::new("stop"));
        self.recorder.stop();
    }
}

/// What one instance measured since its last record.
#[derive(Debug)]
pub(super) struct Watch {
    measured: Interval,
    grid: Grid,
}

impl Watch {
    pub(super) fn new(now: u64, every: u64) -> Self {
        Self { measured: Interval::default(), grid: Grid::new(now, every) }
    }

    pub(super) fn deadline(&self) -> u64 {
        self.grid.deadline()
    }

    /// The length of the interval that has ended, ns.
    pub(super) fn due(&mut self, now: u64) -> Option<u64> {
        self.grid.due(now)
    }

    /// A measurement, and what the servo made of it.
    pub(super) fn measured(&mut self, offset: Option<(TimeInterval, TimeInterval)>, discipline: &Discipline) {
        let Some((offset, delay)) = offset else { return };
        let bound = discipline.estimate().and_then(|e| e.error_bound_ns());
        self.measured.push(offset.nanos_f64(), Some(delay.nanos_f64()), discipline.frequency_ppb(), bound);
    }

    /// The record, and how many samples are in it.
    pub(super) fn take(&mut self, length: u64) -> (Entry, u64) {
        let samples = self.measured.count();
        (self.measured.take(length), samples)
    }
}
