//! The state of all instances at one moment, and what it means.

use ptp_daemon::metrics::{
    Condition, Exposed, LastSample, OpenShiftClock, Page, Reading, Samples, openshift,
};
use ptp_evidence::ClockState;
use ptp_net::SocketCounters;
use ptp_wire::{ClockIdentity, PortNumber, SdoId, TimeInterval};
use ptpd::engine::{ParentDs, PortState, PortStats, TimeProperties, UnicastServerStats};

use super::super::instance::{Instance, is_client, is_worth_following};
use super::super::shared::Shared;
use super::page;

/// Of a whole daemon.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    pub(super) instances: Vec<InstanceState>,
}

/// Of one instance. Texts that do not change are written once.
#[derive(Clone, Debug, Default)]
pub(super) struct InstanceState {
    pub(super) name: String,
    pub(super) clock: String,
    pub(super) identity: ClockIdentity,
    pub(super) domain: u8,
    pub(super) sdo_id: SdoId,
    pub(super) now: u64,
    pub(super) parent: Option<ParentDs>,
    pub(super) time: Option<TimeProperties>,
    pub(super) is_grandmaster: bool,
    pub(super) steps_removed: u16,
    pub(super) samples: Samples,
    pub(super) last: Option<LastSample>,
    pub(super) largest_ns: f64,
    pub(super) steers: bool,
    pub(super) frequency_ppb: f64,
    pub(super) bound_ns: Option<f64>,
    pub(super) holdover_s: Option<f64>,
    pub(super) state: ClockState,
    pub(super) ports: Vec<Port>,
}

/// Of one port.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub(super) number: String,
    pub(super) interface: String,
    pub(super) state: PortState,
    pub(super) delay: Option<TimeInterval>,
    pub(super) stats: PortStats,
    pub(super) server: Option<UnicastServerStats>,
    pub(super) sockets: Option<SocketCounters>,
}

impl Snapshot {
    pub(super) fn fill(&mut self, now: u64, instances: &mut [Instance], shared: &Shared) {
        self.instances.resize_with(instances.len(), InstanceState::default);
        for (state, instance) in self.instances.iter_mut().zip(instances) {
            state.fill(now, instance, shared);
        }
    }
}

impl InstanceState {
    fn fill(&mut self, now: u64, instance: &mut Instance, shared: &Shared) {
        let engine = &instance.engine;
        if self.ports.len() != instance.ports.len() {
            self.name.clone_from(&instance.settings.name);
            let networks = instance.settings.networks.iter().zip(1u16..);
            self.ports = networks.map(|(n, number)| Port::new(number, &n.interface)).collect();
        }
        if let Some(clock) = shared.clocks.get(instance.clock) {
            use std::fmt::Write;
            self.clock.clear();
            let _ = write!(self.clock, "{}", clock.name());
        }
        let config = engine.config();
        (self.identity, self.domain, self.sdo_id) =
            (config.clock_identity, config.domain_number, config.sdo_id);
        (self.parent, self.time) = (Some(*engine.parent_ds()), Some(*engine.time_properties_ds()));
        self.is_grandmaster = engine.is_grandmaster();
        self.steps_removed = engine.current_ds().steps_removed;
        self.now = now;
        self.samples = instance.seen.samples;
        self.last = self.samples.last.filter(|_| instance.port_states().any(is_client));
        self.largest_ns = instance.seen.samples.take_largest_ns();
        self.steers = !config.free_running && !instance.settings.measures_only;
        self.state = instance.clock_state();
        self.frequency_ppb = instance.discipline.frequency_ppb();
        self.bound_ns = instance.discipline.error_bound_ns(now).filter(|_| self.steers);
        self.holdover_s = instance.discipline.holdover_s(now);
        let sockets = instance.ports.iter().map(|place| shared.ports.get(*place)?.counters());
        for ((port, number), sockets) in self.ports.iter_mut().zip(1..).zip(sockets) {
            let number = PortNumber(number);
            port.state = engine.port_state(number).unwrap_or(PortState::Disabled);
            port.delay = engine.port_delay(number);
            if let Some(stats) = engine.port_stats(number) {
                port.stats.clone_from(stats);
            }
            port.server = engine.unicast_server_stats(number).copied();
            port.sockets = sockets;
        }
    }

    pub(super) fn class(&self) -> Option<u8> {
        Some(self.parent?.grandmaster_clock_quality.clock_class)
    }

    /// LOCKED, HOLDOVER or FREERUN, as O-RAN and OpenShift have it.
    pub(super) fn oran_state(&self) -> &'static str {
        match self.state {
            ClockState::Locked | ClockState::Measured | ClockState::Grandmaster => "LOCKED",
            ClockState::Holdover => "HOLDOVER",
            ClockState::Free | ClockState::Acquiring => "FREERUN",
        }
    }

    /// As OpenShift's exporter has ptp4l.
    fn openshift(&self, page: &mut Page, number: usize) {
        let card = self.ports.first().map_or_else(String::new, |p| openshift::alias(&p.interface));
        let clock = OpenShiftClock {
            process: "ptp4l",
            from: "master",
            iface: &card,
            state: self.oran_state(),
            last: self.last,
            largest_ns: self.largest_ns,
            frequency_ppb: self.steers.then_some(self.frequency_ppb),
        };
        clock.write(page);
        openshift::process(page, clock.process, number, self.class());
        for port in &self.ports {
            openshift::role(page, clock.process, &port.interface, port.state as u8);
        }
    }

    fn title(&self) -> String {
        if self.name.is_empty() { format!("domain {}", self.domain) } else { self.name.clone() }
    }
}

impl Port {
    fn new(number: u16, interface: &str) -> Self {
        Self {
            number: number.to_string(),
            interface: interface.to_owned(),
            state: PortState::Initializing,
            delay: None,
            stats: PortStats::default(),
            server: None,
            sockets: None,
        }
    }
}

impl Exposed for Snapshot {
    fn page(&self, page: &mut Page, openshift: bool) {
        for instance in &self.instances {
            page::write(page, instance);
        }
        for (i, instance) in self.instances.iter().enumerate().filter(|_| openshift) {
            instance.openshift(page, i);
        }
    }

    fn ready(&self) -> Result<(), String> {
        for instance in &self.instances {
            let name = instance.title();
            match instance.state {
                ClockState::Locked | ClockState::Measured | ClockState::Grandmaster => {}
                ClockState::Holdover if instance.class().is_some_and(is_worth_following) => {}
                ClockState::Holdover => return Err(format!("{name}: in holdover")),
                ClockState::Acquiring => return Err(format!("{name}: the servo is not locked yet")),
                ClockState::Free => return Err(format!("{name}: it follows nobody")),
            }
        }
        Ok(())
    }

    fn conditions(&self) -> Vec<Condition> {
        let mut all = Vec::with_capacity(self.instances.len() * 2);
        for instance in &self.instances {
            let offset_ns = instance.last.map(|l| l.offset_ns);
            all.push(Condition {
                resource: "/sync/ptp-status/lock-state",
                event: "event.sync.ptp-status.ptp-state-change",
                of: instance.name.clone(),
                reading: Reading::State(instance.oran_state()),
                offset_ns,
            });
            if let Some(class) = instance.class() {
                all.push(Condition {
                    resource: "/sync/ptp-status/clock-class",
                    event: "event.sync.ptp-status.ptp-clock-class-change",
                    of: instance.name.clone(),
                    reading: Reading::Number(class.into()),
                    offset_ns: None,
                });
            }
        }
        all
    }
}
