//! What `ptp4l` says in its log, where `ptpd` runs in its place.

use ptp_daemon::{NOTICE, REPORT};
use ptp_wire::{ClockIdentity, PortNumber};
use ptpd::engine::{Event, PortState};
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
}

impl DropIn {
    /// `clock`: the hardware clock's device, where it is one.
    pub(super) fn new(settings: &Settings, own: ClockIdentity, clock: Option<u32>) -> Self {
        if let Some(index) = clock {
            info!(target: REPORT, "selected /dev/ptp{index} as PTP clock");
        }
        let sockets = [&settings.read_write, &settings.read_only];
        Self {
            own,
            best: own,
            ports: settings
                .networks
                .iter()
                .map(|n| (n.interface.clone(), PortState::Initializing))
                .collect(),
            begun: false,
            sockets: sockets.into_iter().flatten().map(|a| a.path.display().to_string()).collect(),
            decided: false,
        }
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
