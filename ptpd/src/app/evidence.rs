//! What the daemon leaves in the evidence log (docs/evidence.md): a record of measurements in each interval, and every change.

use ptp_clock::ClockName;
use ptp_daemon::{Event as Told, EventSink, EvidenceSink, Severity, kind, monotonic_now};
use ptp_evidence::{Entry, Grid, Interval, Recorder};
use ptp_wire::TimeInterval;
use ptpd::engine::{Engine, Event, PortState};
use ptpd::host::{Discipline, Settings};

/// The log of this process.
pub(super) struct Evidence {
    recorder: Recorder,
    events: EvidenceSink,
}

/// Whose record it is.
pub(super) struct Of<'a> {
    pub(super) settings: &'a Settings,
    pub(super) engine: &'a Engine,
    pub(super) clock: &'a ClockName,
    pub(super) state: &'static str,
    /// Of the error, ns, by the servo or in holdover.
    pub(super) bound: Option<f64>,
}

impl Evidence {
    /// Starts the writer, if any instance wants one: the first one's settings hold for all.
    pub(super) fn start(all: &[Settings]) -> Option<Self> {
        let options = all.iter().find_map(|s| s.evidence.as_ref())?.recorder.clone();
        let recorder = Recorder::start(options);
        let mut this = Self { events: EvidenceSink::new(recorder.another()), recorder };
        this.put(Entry::start(env!("CARGO_PKG_VERSION")));
        for settings in all.iter().filter(|s| s.evidence.is_some()) {
            this.configuration(settings);
        }
        Some(this)
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
            .text("state", of.state)
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

    /// Something changed.
    pub(super) fn event(&mut self, settings: &Settings, event: &Event) {
        let Some(told) = told(settings, event) else { return };
        let told = told.instance(&settings.name);
        self.events.take(&told, &told.json());
    }

    /// The last record, and everything to the disk.
    pub(super) fn stop(mut self) {
        self.put(Entry::new("stop"));
        self.recorder.stop();
    }
}

/// Events that change what the clock is worth.
fn told(settings: &Settings, event: &Event) -> Option<Told> {
    Some(match *event {
        Event::PortState { port, from, to, on } => {
            let network = settings.networks.get(usize::from(port.0).wrapping_sub(1));
            let interface = network.map_or("?", |n| n.interface.as_str());
            let severity =
                if matches!(from, PortState::Slave) { Severity::Warning } else { Severity::Notice };
            Told::state("ptpd", kind::PORT_STATE, format!("port {port}"))
                .severity(severity)
                .message(format!("port {port} ({interface}): {from} to {to} on {on}"))
                .field("port", port.0)
                .field("state", to.to_string())
        }
        Event::Parent { own: true, .. } => Told::state("ptpd", kind::PARENT, "")
            .severity(Severity::Notice)
            .message("this clock is the grandmaster"),
        Event::Parent { parent, grandmaster, .. } => Told::state("ptpd", kind::PARENT, "")
            .severity(Severity::Notice)
            .message(format!("master is {parent}, grandmaster {grandmaster}"))
            .field("parent", parent.to_string())
            .field("grandmaster", grandmaster.to_string()),
        Event::TimeProperties => {
            Told::new("ptpd", kind::TIME_PROPERTIES, "").message("time properties changed")
        }
        Event::GrandmasterLeaseEnded { clock_class } => Told::state("ptpd", kind::CLOCK_CLASS, "")
            .severity(Severity::Warning)
            .message(format!(
                "the program that tells what the reference is worth is gone: clockClass {clock_class}"
            ))
            .field("class", clock_class),
        Event::ManagementChange { id } => Told::new("ptpd", kind::CONFIGURATION, "")
            .severity(Severity::Notice)
            .message(format!("a management client changed {}", ptp_wire::management::ManagementId(id))),
        _ => return None,
    })
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
        let bound = discipline.estimate().map(|e| e.bound_ns);
        self.measured.push(offset.nanos_f64(), Some(delay.nanos_f64()), discipline.frequency_ppb(), bound);
    }

    /// The record, and how many samples are in it.
    pub(super) fn take(&mut self, length: u64) -> (Entry, u64) {
        let samples = self.measured.count();
        (self.measured.take(length), samples)
    }
}
