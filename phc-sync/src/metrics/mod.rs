//! What `phc-sync` tells of itself over HTTP (docs/metrics.md): a snapshot once a second, and the page made of it.

mod families;

use std::error::Error;

use ptp_daemon::http::{Endpoint, Listener};
use ptp_daemon::metrics::{
    Condition, Exposed, Identity, LastSample, OpenShiftClock, Page, Publisher, Reading, Samples, openshift,
};
use ptp_evidence::{ClockState, Health};
use tracing::{info, warn};

use crate::settings::Settings;
use families::*;

const SERVO_STATES: &[&str] = &[
    ClockState::Free.name(),
    ClockState::Measured.name(),
    ClockState::Acquiring.name(),
    ClockState::Locked.name(),
    ClockState::Holdover.name(),
];
const SYSTEM_STATES: &[&str] =
    &[ClockState::Free.name(), ClockState::Locked.name(), ClockState::Holdover.name()];

/// One clock that is steered.
#[derive(Clone, Debug, Default)]
pub(crate) struct SinkState {
    pub(crate) clock: String,
    pub(crate) source: String,
    pub(crate) samples: Samples,
    pub(crate) largest_ns: f64,
    pub(crate) locked: bool,
    /// An NTP daemon steers it.
    pub(crate) handed_over: bool,
    /// `None`: it is not steered from here.
    pub(crate) frequency_ppb: Option<f64>,
    pub(crate) bound_ns: Option<f64>,
    pub(crate) strangers: u64,
    pub(crate) is_system: bool,
    pub(crate) state: ClockState,
    /// For how long it has been held on a prediction.
    pub(crate) held_s: Option<f64>,
    /// Holdovers that ended, and those that did within their bound.
    pub(crate) holdovers: u64,
    pub(crate) holdovers_within: u64,
}

/// One `ptpd` that is followed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upstream {
    pub(crate) name: String,
    pub(crate) connected: bool,
    pub(crate) is_source: bool,
}

/// One candidate of a majority.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceState {
    pub(crate) name: String,
    pub(crate) standing: &'static str,
}

/// Of the whole daemon.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) now: u64,
    /// Measurements older than this do not count, ns.
    pub(crate) patience_ns: u64,
    pub(crate) automatic: bool,
    pub(crate) free_running: bool,
    pub(crate) sinks: Vec<SinkState>,
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) sources: Vec<SourceState>,
    pub(crate) busy: u64,
}

/// The loop's side.
pub(crate) struct Monitor {
    pub(crate) publisher: Publisher<Snapshot>,
    _endpoint: Endpoint,
}

impl Monitor {
    /// `None`: nobody asked for it.
    pub(crate) fn start(
        settings: &Settings,
        evidence: Option<Health>,
    ) -> Result<Option<Self>, Box<dyn Error>> {
        let Some(wanted) = &settings.metrics else { return Ok(None) };
        let listener = Listener::bind(&wanted.listen)
            .map_err(|e| format!("metrics cannot listen on {}: {e}; `metrics.listen`", wanted.listen))?;
        let address = listener.address();
        if !address.is_local() {
            warn!("metrics on {address}: everybody who reaches this address can read them");
        }
        info!("metrics on {address}");
        let publisher = Publisher::new(wanted.events);
        let identity = Identity::new("phc-sync", env!("CARGO_PKG_VERSION")).with_evidence(evidence);
        let endpoint = Endpoint::start(listener, wanted.clone(), &publisher, identity)?;
        Ok(Some(Self { publisher, _endpoint: endpoint }))
    }
}

impl Snapshot {
    fn fresh(&self, sink: &SinkState) -> Option<LastSample> {
        sink.samples.last.filter(|l| self.now.saturating_sub(l.at) <= self.patience_ns)
    }

    fn is_locked(&self, sink: &SinkState) -> bool {
        self.fresh(sink).is_some() && (sink.locked || sink.handed_over || self.free_running)
    }

    fn oran_state(&self, sink: &SinkState) -> &'static str {
        match sink.state {
            _ if self.is_locked(sink) => "LOCKED",
            ClockState::Holdover => "HOLDOVER",
            _ => "FREERUN",
        }
    }

    /// The state of the system clock; `None`: it is nobody's sink here.
    fn os_clock(&self) -> Option<(&'static str, Option<f64>)> {
        match self.sinks.iter().find(|s| s.is_system) {
            Some(sink) => Some((self.oran_state(sink), self.fresh(sink).map(|l| l.offset_ns))),
            // It is waiting for a first source.
            None if self.automatic => Some(("FREERUN", None)),
            None => None,
        }
    }
}

impl Exposed for Snapshot {
    fn page(&self, page: &mut Page, with_openshift: bool) {
        for sink in &self.sinks {
            let clock = ("clock", sink.clock.as_str());
            let both = &[clock, ("source", sink.source.as_str())];
            let own = &[clock];
            let fresh = self.fresh(sink);
            page.family(&OFFSET).known(both, fresh.map(|l| l.offset_ns / 1e9));
            page.family(&OFFSET_AGE).known(own, sink.samples.last.map(|l| l.age_s(self.now)));
            page.family(&READING).known(own, fresh.and_then(|l| l.delay_ns).map(|ns| ns / 1e9));
            page.family(&OFFSETS).histogram(own, &sink.samples.offsets);
            page.family(&FREQUENCY).known(own, sink.frequency_ppb.map(|ppb| ppb / 1e9));
            let held = matches!(sink.state, ClockState::Holdover | ClockState::Free);
            page.family(&BOUND)
                .known(own, sink.bound_ns.filter(|_| fresh.is_some() || held).map(|ns| ns / 1e9));
            page.family(&HOLDOVER).known(own, sink.held_s);
            for (outcome, count) in [
                ("within", sink.holdovers_within),
                ("beyond", sink.holdovers.saturating_sub(sink.holdovers_within)),
            ] {
                let labels = &[clock, ("outcome", outcome)];
                page.family(&HOLDOVERS).counter(labels, count);
            }
            let state = match sink.state {
                _ if sink.handed_over || self.free_running => ClockState::Measured,
                ClockState::Locked if !self.is_locked(sink) => ClockState::Acquiring,
                state => state,
            };
            page.family(&SERVO_STATE).state(own, SERVO_STATES, state.name());
            page.family(&STEPS).counter(own, sink.samples.steps);
            page.family(&STRANGERS).counter(own, sink.strangers);
        }
        if let Some((state, _)) = self.os_clock() {
            let word = match state {
                "LOCKED" => ClockState::Locked,
                "HOLDOVER" => ClockState::Holdover,
                _ => ClockState::Free,
            };
            page.family(&SYSTEM_STATE).state(&[], SYSTEM_STATES, word.name());
        }
        let number = |yes: bool| f64::from(u8::from(yes));
        for upstream in &self.upstreams {
            let labels = &[("upstream", upstream.name.as_str())];
            page.family(&CONNECTED).gauge(labels, number(upstream.connected));
            page.family(&IS_SOURCE).gauge(labels, number(upstream.is_source));
        }
        for source in &self.sources {
            let labels = &[("source", source.name.as_str())];
            page.family(&STANDING).state(labels, &["unknown", "absent", "good", "false"], source.standing);
        }
        page.family(&SKIPPED).counter(&[("cause", "busy")], self.busy);
        if with_openshift {
            self.openshift(page);
        }
    }

    fn ready(&self) -> Result<(), String> {
        if self.sinks.is_empty() {
            return Err("there is no source to follow".to_owned());
        }
        match self.sinks.iter().find(|s| !self.is_locked(s)) {
            Some(sink) if sink.state == ClockState::Holdover => {
                Err(format!("{} has no source: it is in holdover", sink.clock))
            }
            Some(sink) if sink.state == ClockState::Free => Err(format!("{} has no source", sink.clock)),
            Some(sink) => Err(format!("{} does not follow {} yet", sink.clock, sink.source)),
            None => Ok(()),
        }
    }

    fn conditions(&self) -> Vec<Condition> {
        let Some((os, offset_ns)) = self.os_clock() else { return Vec::new() };
        // Of the whole: the system clock, as long as there is a source of time at all.
        let sourceless =
            self.automatic && !self.upstreams.iter().any(|u| u.is_source) && self.sources.is_empty();
        let whole = if os == "LOCKED" && sourceless { "HOLDOVER" } else { os };
        let condition = |resource, event, word| Condition {
            resource,
            event,
            of: String::new(),
            reading: Reading::State(word),
            offset_ns,
        };
        vec![
            condition(
                "/sync/sync-status/os-clock-sync-state",
                "event.sync.sync-status.os-clock-sync-state-change",
                os,
            ),
            condition(
                "/sync/sync-status/sync-state",
                "event.sync.sync-status.synchronization-state-change",
                whole,
            ),
        ]
    }
}

impl Snapshot {
    /// As OpenShift's exporter has phc2sys.
    fn openshift(&self, page: &mut Page) {
        for sink in &self.sinks {
            let clock = OpenShiftClock {
                process: "phc2sys",
                from: "phc",
                iface: if sink.is_system { "CLOCK_REALTIME" } else { &sink.clock },
                state: self.oran_state(sink),
                last: self.fresh(sink),
                largest_ns: sink.largest_ns,
                frequency_ppb: sink.frequency_ppb,
            };
            clock.write(page);
        }
        openshift::process(page, "phc2sys", 0, None);
    }
}

#[cfg(test)]
mod tests;
