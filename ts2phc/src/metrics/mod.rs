//! What `ts2phc` tells of itself over HTTP (docs/metrics.md): a snapshot once a second and at every change of the lock
//! state, and the page made of it.

mod families;

use ptp_daemon::http::{self, Endpoint, Listener};
use ptp_daemon::metrics::{
    Condition, Exposed, Identity, LastSample, OpenShiftClock, Page, Publisher, Reading, Samples, openshift,
};
use ptp_evidence::{ClockState, Health};
use ptp_gnss::{Condition as Receiver, Counts};
use tracing::{info, warn};

use crate::edges::EdgeCounts;
use crate::grandmaster::LockState;
use crate::witness::Standing;
use families::*;

/// One clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClockSeries {
    pub(crate) path: String,
    pub(crate) samples: Samples,
    pub(crate) largest_ns: f64,
    pub(crate) frequency_ppb: Option<f64>,
    pub(crate) locked: bool,
    pub(crate) holding: bool,
    pub(crate) pulses: PulseCounts,
    pub(crate) edges: EdgeCounts,
}

/// What became of pulses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PulseCounts {
    pub(crate) followed: u64,
    pub(crate) no_time: u64,
    pub(crate) refused: u64,
    /// Times somebody else set the clock.
    pub(crate) changed: u64,
}

/// A witness, and what it said last: the clock minus it, and its bound, ns.
#[derive(Clone, Debug)]
pub(crate) struct WitnessState {
    pub(crate) name: String,
    pub(crate) said: Option<(f64, f64)>,
    pub(crate) standing: Standing,
}

/// Of the whole program.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) now: u64,
    /// Offsets older than this do not count, ns.
    pub(crate) patience_ns: u64,
    pub(crate) state: LockState,
    pub(crate) state_age_s: f64,
    pub(crate) class: u8,
    pub(crate) bound_ns: f64,
    pub(crate) quarantined: bool,
    pub(crate) outvoted: bool,
    pub(crate) witnesses: Vec<WitnessState>,
    pub(crate) receiver: Receiver,
    pub(crate) utc_offset: Option<i16>,
    /// What came from the receiver, how often it was lost, and dates that cannot be.
    pub(crate) heard: Option<(Counts, u64, u64)>,
    pub(crate) clocks: Vec<ClockSeries>,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            now: 0,
            patience_ns: 0,
            state: LockState::FreeRun,
            state_age_s: 0.0,
            class: 248,
            bound_ns: f64::NAN,
            quarantined: false,
            outvoted: false,
            witnesses: Vec::new(),
            receiver: Receiver::Silent,
            utc_offset: None,
            heard: None,
            clocks: Vec::new(),
        }
    }
}

/// The loop's side.
pub(crate) struct Monitor {
    pub(crate) publisher: Publisher<Snapshot>,
    _endpoint: Endpoint,
}

impl Monitor {
    /// Opens the endpoint.
    pub(crate) fn start(wanted: &http::Settings, evidence: Option<Health>) -> Result<Self, String> {
        let listener = Listener::bind(&wanted.listen)
            .map_err(|e| format!("metrics cannot listen on {}: {e}; `metrics.listen`", wanted.listen))?;
        let address = listener.address();
        if !address.is_local() {
            warn!("metrics on {address}: everybody who reaches this address can read them");
        }
        info!("metrics on {address}");
        let publisher = Publisher::new(wanted.events);
        let identity = Identity::new("ts2phc", env!("CARGO_PKG_VERSION")).with_evidence(evidence);
        let endpoint = Endpoint::start(listener, wanted.clone(), &publisher, identity)
            .map_err(|e| format!("no thread for metrics: {e}"))?;
        Ok(Self { publisher, _endpoint: endpoint })
    }
}

const LOCK_STATES: &[&str] =
    &["free_run", "warming_up", "locked", "holdover_in_spec", "holdover_out_of_spec"];
const SERVO_STATES: &[&str] =
    &[ClockState::Acquiring.name(), ClockState::Locked.name(), ClockState::Holdover.name()];
const RECEIVER_STATES: &[&str] =
    &["good", "silent", "no_fix", "few_satellites", "jammed", "antenna", "moved", "time_jumped"];

/// Its word here, and O-RAN's.
const fn receiver_state(condition: Receiver) -> (&'static str, &'static str) {
    match condition {
        Receiver::Good => ("good", "SYNCHRONIZED"),
        Receiver::Silent => ("silent", "BOOTING"),
        Receiver::NoFix => ("no_fix", "FAILURE-NOFIX"),
        Receiver::FewSatellites(_) => ("few_satellites", "FAILURE-LOW-SNR"),
        Receiver::Jammed => ("jammed", "FAILURE-LOW-SNR"),
        Receiver::Antenna => ("antenna", "ANTENNA-DISCONNECTED"),
        Receiver::Moved(_) => ("moved", "FAILURE-MULTIPATH"),
        Receiver::TimeJumped(_) => ("time_jumped", "FAILURE-MULTIPATH"),
    }
}

impl Snapshot {
    fn fresh(&self, clock: &ClockSeries) -> Option<LastSample> {
        clock.samples.last.filter(|l| self.now.saturating_sub(l.at) <= self.patience_ns)
    }

    fn oran_state(&self) -> &'static str {
        match self.state {
            LockState::Locked => "LOCKED",
            LockState::HoldoverInSpec | LockState::HoldoverOutOfSpec => "HOLDOVER",
            LockState::FreeRun | LockState::WarmingUp => "FREERUN",
        }
    }
}

impl Exposed for Snapshot {
    fn page(&self, page: &mut Page, with_openshift: bool) {
        page.family(&LOCK_STATE).state(&[], LOCK_STATES, self.state.name());
        page.family(&STATE_AGE).gauge(&[], self.state_age_s);
        page.family(&CLASS).gauge(&[], self.class.into());
        page.family(&BOUND).gauge(&[], self.bound_ns / 1e9);
        page.family(&QUARANTINED).gauge(&[], f64::from(u8::from(self.quarantined)));
        page.family(&OUTVOTED).gauge(&[], f64::from(u8::from(self.outvoted)));
        for witness in &self.witnesses {
            let own = &[("witness", witness.name.as_str())];
            page.family(&WITNESS_OFFSET).known(own, witness.said.map(|(offset, _)| offset / 1e9));
            page.family(&WITNESS_BOUND).known(own, witness.said.map(|(_, bound)| bound / 1e9));
            page.family(&WITNESS_STATE).state(own, Standing::WORDS, witness.standing.word());
        }
        page.family(&REFERENCE).state(&[], RECEIVER_STATES, receiver_state(self.receiver).0);
        if let Some((c, losses, dates)) = self.heard {
            for (result, n) in [
                ("time", c.times),
                ("no_fix", c.no_fix),
                ("other", c.others),
                ("no_sentence", c.form),
                ("no_checksum", c.no_checksum),
                ("wrong_checksum", c.checksum),
                ("wrong_field", c.field),
                ("too_long", c.overlong),
            ] {
                page.family(&WORDS).counter(&[("result", result)], n);
            }
            page.family(&DATES).counter(&[], dates);
            page.family(&LOSSES).counter(&[], losses);
        }
        page.family(&UTC_OFFSET).known(&[], self.utc_offset.map(f64::from));
        for clock in &self.clocks {
            let label = ("clock", clock.path.as_str());
            let own = &[label];
            page.family(&OFFSET).known(own, self.fresh(clock).map(|l| l.offset_ns / 1e9));
            page.family(&OFFSET_AGE).known(own, clock.samples.last.map(|l| l.age_s(self.now)));
            page.family(&OFFSETS).histogram(own, &clock.samples.offsets);
            page.family(&FREQUENCY).known(own, clock.frequency_ppb.map(|ppb| ppb / 1e9));
            let servo = match (clock.holding, clock.locked && self.fresh(clock).is_some()) {
                (true, _) => ClockState::Holdover,
                (false, true) => ClockState::Locked,
                (false, false) => ClockState::Acquiring,
            };
            page.family(&SERVO_STATE).state(own, SERVO_STATES, servo.name());
            page.family(&STEPS).counter(own, clock.samples.steps);
            let p = &clock.pulses;
            let e = &clock.edges;
            for (result, n) in [
                ("followed", p.followed),
                ("no_time", p.no_time),
                ("refused", p.refused),
                ("missing", e.missing),
                ("duplicate", e.duplicates),
                ("other_edge", e.other_edges),
                ("noise", e.noise),
            ] {
                page.family(&PULSES).counter(&[label, ("result", result)], n);
            }
            page.family(&CHANGED).counter(own, p.changed);
        }
        if !with_openshift {
            return;
        }
        for clock in &self.clocks {
            let shown = OpenShiftClock {
                process: "ts2phc",
                from: "master",
                iface: &clock.path,
                state: self.oran_state(),
                last: self.fresh(clock),
                largest_ns: clock.largest_ns,
                frequency_ppb: clock.frequency_ppb,
            };
            shown.write(page);
            let pulses = self.fresh(clock).is_some();
            openshift::receiver(page, "ts2phc", &clock.path, self.receiver.is_good(), pulses);
        }
        openshift::process(page, "ts2phc", 0, Some(self.class));
    }

    fn ready(&self) -> Result<(), String> {
        match self.state {
            LockState::Locked | LockState::HoldoverInSpec => Ok(()),
            state => Err(state.to_string()),
        }
    }

    fn conditions(&self) -> Vec<Condition> {
        let first = self.clocks.first();
        let condition = |resource, event, word| Condition {
            resource,
            event,
            of: String::new(),
            reading: Reading::State(word),
            offset_ns: first.and_then(|c| self.fresh(c)).map(|l| l.offset_ns),
        };
        vec![
            condition(
                "/sync/gnss-status/gnss-sync-status",
                "event.sync.gnss-status.gnss-state-change",
                receiver_state(self.receiver).1,
            ),
            condition(
                "/sync/sync-status/sync-state",
                "event.sync.sync-status.synchronization-state-change",
                self.oran_state(),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use ptp_daemon::metrics::Format;

    use super::*;

    #[test]
    fn what_is_not_known_is_absent() {
        let text = |s: &Snapshot| {
            let mut page = Page::default();
            s.page(&mut page, true);
            page.render(Format::Text)
        };
        let mut clock = ClockSeries { path: "/dev/ptp0".into(), locked: true, ..ClockSeries::default() };
        let mut s = Snapshot { now: 9_000_000_000, patience_ns: 3_000_000_000, ..Snapshot::default() };
        s.clocks.push(clock.clone());
        let unknown = text(&s);
        for absent in [
            "error_bound",
            "utc_offset",
            "ts2phc_offset_seconds",
            "adjustment_ratio",
            "openshift_ptp_offset_ns",
        ] {
            assert!(!unknown.contains(absent), "{absent}\n{unknown}");
        }
        assert!(unknown.contains("ts2phc_lock_state{state=\"free_run\"} 1.0"), "{unknown}");
        assert!(unknown.contains("state=\"acquiring\"} 1.0"), "{unknown}");
        clock.samples.measured(LastSample { at: 8_000_000_000, offset_ns: 7.5, delay_ns: None });
        s.clocks = vec![clock];
        (s.state, s.bound_ns, s.utc_offset, s.receiver) = (LockState::Locked, 50.0, Some(37), Receiver::Good);
        let known = text(&s);
        for line in [
            "ts2phc_offset_seconds{clock=\"/dev/ptp0\"} 7.5e-9\n",
            "ts2phc_error_bound_seconds 5e-8\n",
            "ts2phc_current_utc_offset_seconds 37.0\n",
            "ts2phc_reference_state{state=\"good\"} 1.0\n",
        ] {
            assert!(known.contains(line), "{line}\n{known}");
        }
        assert!(s.ready().is_ok() && Snapshot::default().ready().is_err());
        let words: Vec<_> = s.conditions().into_iter().map(|c| c.reading).collect();
        assert_eq!(words, [Reading::State("SYNCHRONIZED"), Reading::State("LOCKED")]);
    }
}
