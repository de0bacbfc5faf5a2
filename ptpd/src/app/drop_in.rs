//! What `ptp4l` says in its log, where `ptpd` runs in its place.

use ptp_clock::ClockName;
use ptp_daemon::{NOTICE, REPORT};
use ptp_servo::OffsetStatistics;
use ptp_wire::{ClockIdentity, PortIdentity, PortNumber, TimePoint};
use ptpd::engine::{Event, PortState, Sample};
use ptpd::host::Settings;
use tracing::{info, warn};

/// linuxptp's lines need what it knew before: who is best, and which ports have a role.
#[derive(Debug)]
pub(super) struct DropIn {
    own: ClockIdentity,
    best: ClockIdentity,
    ports: Vec<(String, PortState)>,
    /// The management sockets have been told of.
    begun: bool,
    sockets: Vec<String>,
    /// A state decision nobody has heard of.
    decided: bool,
    measuring: Option<Measuring>,
}

/// What linuxptp reports where it steers nothing: one value for each `freq_est_interval`, or the statistics of them.
#[derive(Debug)]
struct Measuring {
    every_ns: u64,
    summary_ns: Option<u64>,
    statistics: OffsetStatistics,
    /// The master, and when it and this clock said what at the window's beginning.
    begun: Option<(PortIdentity, TimePoint, TimePoint)>,
}

impl Measuring {
    fn sample(&mut self, sample: &Sample) {
        let (master, ingress, origin) = (sample.master, sample.ingress, sample.origin);
        let Some((_, ingress_0, origin_0)) = self.begun.filter(|b| b.0 == master) else {
            self.begun = Some((master, ingress, origin));
            return;
        };
        let passed = (origin - origin_0).nanos_f64();
        // Half an interval early is as good as in time: Sync comes when it comes.
        let half = sample.log_sync_interval.seconds() * 0.5e9;
        if passed <= 0.0 || passed + half < self.every_ns as f64 {
            return;
        }
        let frequency = ((ingress - ingress_0).nanos_f64() / passed - 1.0) * 1e9;
        self.begun = Some((master, ingress, origin));
        let (offset, delay) = (sample.offset, sample.mean_delay);
        // So many values of one window each as Syncs come in a summary's time.
        let each = sample.log_sync_interval.seconds() * 1e9;
        let many = self.summary_ns.map_or(1, |s| (s as f64 / each).round() as u32);
        if many <= 1 {
            let (offset, delay) = (offset.nanos(), delay.nanos());
            info!(target: REPORT, "master offset {offset:10} s0 freq {frequency:+7.0} path delay {delay:9}");
            return;
        }
        self.statistics.push(offset, frequency, Some(delay));
        if self.statistics.count() >= many {
            if let Some(s) = self.statistics.summary() {
                info!(target: REPORT, "{s}");
            }
            self.statistics.reset();
        }
    }
}

impl DropIn {
    /// `clock`: the one that is kept.
    pub(super) fn new(settings: &Settings, own: ClockIdentity, clock: &ClockName) -> Self {
        if let ClockName::Phc(index) = clock {
            info!(target: REPORT, "selected /dev/ptp{index} as PTP clock");
        }
        let sockets = [&settings.read_write, &settings.read_only];
        Self {
            own,
            best: own,
            ports: settings.networks.iter().map(|n| (n.interface.clone(), PortState::Initializing)).collect(),
            begun: false,
            sockets: sockets.into_iter().flatten().map(|a| a.path.display().to_string()).collect(),
            decided: false,
            measuring: settings.instance.free_running.then(|| Measuring {
                every_ns: settings.frequency_window_ns,
                summary_ns: settings.summary_ns,
                statistics: OffsetStatistics::new(),
                begun: None,
            }),
        }
    }

    /// Takes a sample of a clock that is only measured; `false`: the clock is steered. linuxptp's port stays
    /// UNCALIBRATED then.
    pub(super) fn measure(&mut self, sample: &Sample) -> bool {
        if let Some(measuring) = &mut self.measuring {
            measuring.sample(sample);
        }
        self.measuring.is_some()
    }

    /// After the ports' first chance to open.
    pub(super) fn begin(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        for path in &self.sockets {
            info!(target: NOTICE, "port 0 ({path}): INITIALIZING to LISTENING on INIT_COMPLETE");
        }
    }

    fn name(&self, port: PortNumber) -> &str {
        let index = usize::from(port.0).wrapping_sub(1);
        self.ports.get(index).map_or("?", |(name, _)| name)
    }

    /// `false`: linuxptp has no line for it.
    pub(super) fn tell(&mut self, event: &Event) -> bool {
        match *event {
            Event::PortState { port, from, to, on } => {
                let name = self.name(port);
                let to_name = match (to, on) {
                    (PortState::Master, "RS_GRAND_MASTER") => "GRAND_MASTER".to_owned(),
                    _ => to.to_string(),
                };
                let fault = if on == "FAULT_DETECTED" { " (FT_UNSPECIFIED)" } else { "" };
                // linuxptp goes from a fault to its new state in one step.
                if on != "FAULT_CLEARED" {
                    let was = self.ports.get(usize::from(port.0).wrapping_sub(1)).map(|(_, s)| *s);
                    let from = if on == "INIT_COMPLETE" { was.unwrap_or(from) } else { from };
                    info!(target: NOTICE, "port {port} ({name}): {from} to {to_name} on {on}{fault}");
                    if let Some((_, state)) = self.ports.get_mut(usize::from(port.0).wrapping_sub(1)) {
                        *state = to;
                    }
                }
                self.decided |= on == "FAULT_DETECTED";
            }
            Event::AnnounceTimeout { .. } => self.decided = true,
            Event::Parent { own: true, grandmaster, .. } => {
                self.decided |= grandmaster != self.best;
                self.best = grandmaster;
            }
            Event::Parent { grandmaster, ptp_timescale, .. } => {
                self.best = grandmaster;
                self.decided = false;
                info!(target: NOTICE, "selected best master clock {grandmaster}");
                if !ptp_timescale {
                    warn!("foreign master not using PTP timescale");
                }
            }
            Event::PeerDetected { port } => {
                info!(target: REPORT, "port {port} ({}): peer detected, switch to P2P", self.name(port));
            }
            Event::NewForeignMaster { port, source } => {
                info!(target: NOTICE, "port {port} ({}): new foreign master {source}", self.name(port));
            }
            _ => return false,
        }
        true
    }

    /// Everything of one moment has been told: says what the state decision came to.
    pub(super) fn end(&mut self) {
        if !std::mem::take(&mut self.decided) {
            return;
        }
        if self.best != self.own {
            return info!(target: NOTICE, "selected best master clock {}", self.best);
        }
        info!(target: NOTICE, "selected local clock {} as best master", self.own);
        for (i, (name, state)) in self.ports.iter().enumerate() {
            if matches!(state, PortState::Master | PortState::Faulty | PortState::PreMaster) {
                info!(target: NOTICE, "port {} ({name}): assuming the grand master role", i + 1);
            }
        }
    }
}
