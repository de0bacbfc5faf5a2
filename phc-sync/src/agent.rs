//! One PTP instance as seen through its management socket: ports, clocks, time properties; kept up to date by
//! notifications and by asking once a second, and found again after a restart.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use ptp_clock::ClockName;
use ptp_management::{Client, ClientConfig, ClientError, Reply, Request, Uds};
use ptp_net::Interface;
use ptp_wire::management::{
    EventMask, ManagementId, NotifyEvent, ParentDataSet, Payload, PortPropertiesNp, SubscribeEventsNp,
};
use ptp_wire::{ClockIdentity, Flags, PortIdentity, SdoId, TimeInterval};
use tracing::{info, warn};

use crate::plan::State;
use crate::settings::Instance;
use ptp_clock::UtcProperties as TimeProperties;

/// Between questions, ns.
const INTERVAL_NS: u64 = 1_000_000_000;
/// Between questions for a few ports each, ns.
const BETWEEN_NS: u64 = 20_000_000;
/// Without an answer for so long, the instance is gone.
const LOST_NS: u64 = 3_000_000_000;
/// The subscription is renewed with every round; this only has to be longer.
const SUBSCRIPTION_S: u16 = 10;
/// A daemon with more ports than this is asked no further.
const MAX_PORTS: u16 = 1024;
/// So many ports are asked for at once: the kernel keeps ten datagrams for a socket that is not read.
const PORTS_AT_ONCE: u16 = 4;

/// A port as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Port {
    pub(crate) state: State,
    pub(crate) interface: String,
    /// Its stamps are those of a hardware clock.
    hardware: bool,
    /// `None`: not known yet, or there is none.
    phc: Option<u32>,
    /// The instance cannot say; the interface was asked.
    asked_interface: bool,
}

/// What the instance says of its own time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Quality {
    /// From its master, the last one measured.
    pub(crate) offset: TimeInterval,
    pub(crate) path_delay: TimeInterval,
    /// The grandmaster's clockAccuracy; `None`: unknown.
    pub(crate) accuracy: Option<TimeInterval>,
    /// The grandmaster.
    pub(crate) grandmaster: ClockIdentity,
}

/// What came of a message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Changes {
    /// Ports, their states or clocks: the plan is to be made anew.
    pub(crate) ports: bool,
    /// UTC offset or leap flags.
    pub(crate) time: bool,
    /// Something was received.
    pub(crate) any: bool,
}

/// An instance.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) instance: Instance,
    number: usize,
    client: Option<Client<Uds>>,
    identity: Option<ClockIdentity>,
    number_ports: u16,
    ports: BTreeMap<u16, Port>,
    time: Option<TimeProperties>,
    quality: Quality,
    /// The next port to be asked for, of an instance with many.
    next_port: u16,
    /// All were asked for once.
    all_asked: bool,
    next_round: u64,
    last_answer: Option<u64>,
    said_waiting: bool,
}

impl Agent {
    pub(crate) fn new(instance: Instance, number: usize) -> Self {
        Self {
            instance,
            number,
            client: None,
            identity: None,
            number_ports: 0,
            ports: BTreeMap::new(),
            time: None,
            quality: Quality::default(),
            next_port: 1,
            all_asked: false,
            next_round: 0,
            last_answer: None,
            said_waiting: false,
        }
    }

    /// Its number among all, by which its client is known; others may go, and it keeps it.
    pub(crate) const fn number(&self) -> usize {
        self.number
    }

    /// As log lines name it.
    pub(crate) fn name(&self) -> String {
        self.instance.socket.display().to_string()
    }

    /// Ports and time properties are known.
    pub(crate) fn is_ready(&self) -> bool {
        self.identity.is_some()
            && self.time.is_some()
            && !self.ports.is_empty()
            && (self.all_asked || self.ports.len() >= usize::from(self.number_ports))
            && self.ports.values().all(|p| !p.hardware || self.clock_known(p))
    }

    fn clock_known(&self, port: &Port) -> bool {
        self.instance.clock.is_some() || port.phc.is_some() || port.asked_interface
    }

    pub(crate) fn ports(&self) -> &BTreeMap<u16, Port> {
        &self.ports
    }

    /// The clock of a port; `None`: none that could be used.
    pub(crate) fn clock_of(&self, port: &Port) -> Option<ClockName> {
        if let Some(clock) = &self.instance.clock {
            return Some(clock.clone());
        }
        port.phc.filter(|_| port.hardware).map(ClockName::Phc)
    }

    /// What it last announced.
    pub(crate) fn time(&self) -> Option<TimeProperties> {
        self.time
    }

    pub(crate) fn quality(&self) -> Quality {
        self.quality
    }

    /// A port is MASTER or SLAVE: it knows what it is.
    pub(crate) fn is_settled(&self) -> bool {
        self.ports.values().any(|p| matches!(p.state, State::Master | State::Slave))
    }

    /// When [`Agent::tick`] has something to do, ns of CLOCK_MONOTONIC.
    pub(crate) fn deadline(&self) -> u64 {
        self.next_round
    }

    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.client.as_ref().map(AsFd::as_fd)
    }

    /// Asks again where it is time; forgets an instance that does not answer.
    pub(crate) fn tick(&mut self, now: u64) -> Changes {
        if now < self.next_round {
            return Changes::default();
        }
        self.next_round = now.saturating_add(INTERVAL_NS);
        if self.next_port != 1 && self.ask_ports() {
            self.next_round = now.saturating_add(BETWEEN_NS);
            return Changes::default();
        }
        let mut changes = Changes::default();
        let silent = self.last_answer.is_some_and(|at| now.saturating_sub(at) > LOST_NS);
        if silent && self.identity.is_some() {
            changes = self.lost("no answer for 3 s");
        }
        match self.ask() {
            Ok(()) | Err(ClientError::Busy) => {
                if self.ask_ports() {
                    self.next_round = now.saturating_add(BETWEEN_NS);
                }
                changes
            }
            Err(e @ (ClientError::NoServer { .. } | ClientError::NobodyListens { .. })) => {
                self.client = None;
                if self.identity.is_some() {
                    changes = self.lost(&e.to_string());
                } else {
                    self.say_waiting();
                }
                changes
            }
            Err(e) => {
                if !self.said_waiting {
                    warn!(target: "sources", "{e}");
                }
                self.client = None;
                self.say_waiting();
                changes
            }
        }
    }

    fn say_waiting(&mut self) {
        if !std::mem::replace(&mut self.said_waiting, true) {
            info!(target: "sources", "Waiting for ptp4l... ({})", self.name());
        }
    }

    fn lost(&mut self, why: &str) -> Changes {
        warn!(target: "sources", "lost {}: {why}", self.name());
        self.identity = None;
        self.ports.clear();
        (self.next_port, self.all_asked) = (1, false);
        self.time = None;
        self.quality = Quality::default();
        self.last_answer = None;
        Changes { ports: true, time: true, any: false }
    }

    /// One round of questions. All are asked at once; answers come when they come.
    fn ask(&mut self) -> Result<(), ClientError> {
        if self.client.is_none() {
            // A socket of our own beside the server's, another for each instance.
            let name = format!("phc-sync.{}.{}", std::process::id(), self.number);
            let own = self.instance.socket.with_file_name(&name);
            let port_number = u16::try_from(self.number).unwrap_or(0).wrapping_add(std::process::id() as u16);
            let uds = Uds::connect(&self.instance.socket, Some(&own))
                .or_else(|_| Uds::connect(&self.instance.socket, Some(&PathBuf::from("/tmp").join(&name))))?
                .with_port_number(port_number);
            let config = ClientConfig {
                domain_number: self.instance.domain_number,
                sdo_id: SdoId::new(u16::from(self.instance.major_sdo_id) << 8),
                boundary_hops: 0,
                ..ClientConfig::default()
            };
            self.client = Some(Client::new(uds, config));
        }
        let Some(client) = self.client.as_mut() else { return Ok(()) };
        client.set_target(PortIdentity::ANY);
        client.send(&Request::get(ManagementId::DEFAULT_DATA_SET))?;
        if self.identity.is_none() {
            return Ok(());
        }
        let events =
            EventMask::NONE.with(NotifyEvent::PortState, true).with(NotifyEvent::ParentDataSet, true);
        let subscribe = SubscribeEventsNp { duration: SUBSCRIPTION_S, events };
        client.send(&Request::set(Payload::SubscribeEventsNp(subscribe)))?;
        client.send(&Request::get(ManagementId::TIME_PROPERTIES_DATA_SET))?;
        client.send(&Request::get(ManagementId::CURRENT_DATA_SET))?;
        client.send(&Request::get(ManagementId::PARENT_DATA_SET))?;
        if self.number_ports <= PORTS_AT_ONCE {
            client.send(&Request::get(ManagementId::PORT_PROPERTIES_NP))?;
            self.all_asked = true;
        }
        Ok(())
    }

    /// The next few ports of an instance with many; whether there are more to come in this round.
    fn ask_ports(&mut self) -> bool {
        let (Some(clock), Some(client)) = (self.identity, self.client.as_mut()) else { return false };
        if self.number_ports <= PORTS_AT_ONCE {
            return false;
        }
        for _ in 0..PORTS_AT_ONCE {
            client.set_target(PortIdentity::new(clock, self.next_port));
            if client.send(&Request::get(ManagementId::PORT_PROPERTIES_NP)).is_err() {
                break;
            }
            self.next_port += 1;
            if self.next_port > self.number_ports {
                (self.next_port, self.all_asked) = (1, true);
                break;
            }
        }
        client.set_target(PortIdentity::ANY);
        self.next_port != 1
    }

    fn ask_clock(&mut self, port: u16) {
        let Some(clock) = self.identity else { return };
        let Some(client) = self.client.as_mut() else { return };
        client.set_target(PortIdentity::new(clock, port));
        // It is asked again with the next round if it does not get through.
        let _ = client.send(&Request::get(ManagementId::PORT_HWCLOCK_NP));
        client.set_target(PortIdentity::ANY);
    }

    /// Reads one message, if there is one.
    pub(crate) fn receive(&mut self, now: u64) -> Changes {
        let Some(client) = self.client.as_mut() else { return Changes::default() };
        match client.receive() {
            Ok(Some(reply)) => {
                let mut changes = self.take(&reply, now);
                changes.any = true;
                changes
            }
            Ok(None) => Changes::default(),
            Err(e) => {
                warn!(target: "sources", "{e}");
                self.client = None;
                Changes::default()
            }
        }
    }

    fn take(&mut self, reply: &Reply, now: u64) -> Changes {
        let sender = reply.header().source_port_identity;
        let mut changes = Changes::default();
        let payload = match reply.payload() {
            Ok(payload) => payload,
            Err(_) => {
                if reply.id() == ManagementId::PORT_HWCLOCK_NP {
                    changes.ports = self.ask_interface(sender.port_number.0);
                }
                return changes;
            }
        };
        if self.identity.is_some_and(|known| known != sender.clock_identity) {
            let Payload::DefaultDataSet(_) = payload else { return changes };
            changes = self.lost("another instance answers");
        }
        self.last_answer = Some(now);
        match payload {
            Payload::DefaultDataSet(ds) => {
                // More ports than before: the instance was restarted with others.
                if self.identity.is_some() && self.number_ports != ds.number_ports {
                    self.ports.clear();
                    changes.ports = true;
                }
                self.number_ports = ds.number_ports.min(MAX_PORTS);
                if self.identity.is_none() {
                    self.identity = Some(ds.clock_identity);
                    self.said_waiting = false;
                    info!(target: "sources", "following {}: clock {}", self.name(), ds.clock_identity);
                    // The rest of the questions, at once.
                    let _ = self.ask();
                }
            }
            Payload::TimePropertiesDataSet(tp) => {
                let new = TimeProperties {
                    utc_offset: if tp.flags.has(Flags::PTP_TIMESCALE) { tp.current_utc_offset } else { 0 },
                    utc_offset_valid: tp.flags.has(Flags::UTC_OFFSET_VALID),
                    leap61: tp.flags.has(Flags::LEAP61),
                    leap59: tp.flags.has(Flags::LEAP59),
                    ptp_timescale: tp.flags.has(Flags::PTP_TIMESCALE),
                    time_traceable: tp.flags.has(Flags::TIME_TRACEABLE),
                };
                changes.time = self.time.replace(new) != Some(new);
                // The first one makes it ready.
                changes.ports |= changes.time;
            }
            Payload::PortPropertiesNp(p) => changes.ports = self.take_properties(&p),
            Payload::PortHwclockNp(p) => {
                if let Some(port) = self.ports.get_mut(&p.port_identity.port_number.0) {
                    let phc = u32::try_from(p.phc_index).ok();
                    changes.ports = port.phc != phc || !port.asked_interface;
                    port.phc = phc;
                    port.asked_interface = true;
                }
            }
            Payload::PortDataSet(ds) => {
                let number = ds.port_identity.port_number.0;
                let state = State::of(ds.port_state);
                if let Some(port) = self.ports.get_mut(&number)
                    && port.state != state
                {
                    info!(target: "sources", "port {} changed state", ds.port_identity);
                    port.state = state;
                    changes.ports = true;
                    // A bond may have another clock now; a new time comes with a new master.
                    self.ask_clock(number);
                    self.ask_soon(now);
                }
            }
            Payload::CurrentDataSet(ds) => {
                self.quality.offset = ds.offset_from_master;
                self.quality.path_delay = ds.mean_path_delay;
            }
            Payload::ParentDataSet(ds) => {
                if self.quality.grandmaster != ds.grandmaster_identity {
                    self.ask_soon(now);
                }
                self.take_parent(&ds);
            }
            _ => {}
        }
        changes
    }

    /// A round at once, but not a second one within 50 ms.
    fn ask_soon(&mut self, now: u64) {
        self.next_round = self.next_round.min(now.saturating_add(50_000_000));
    }

    fn take_parent(&mut self, ds: &ParentDataSet) {
        self.quality.grandmaster = ds.grandmaster_identity;
        let picoseconds = ds.grandmaster_clock_quality.clock_accuracy.picoseconds();
        self.quality.accuracy = picoseconds.map(|ps| TimeInterval::from_nanos_f64(ps as f64 / 1000.0));
    }

    fn take_properties(&mut self, p: &PortPropertiesNp<'_>) -> bool {
        let number = p.port_identity.port_number.0;
        if number == 0 || number > MAX_PORTS {
            return false;
        }
        let (state, interface, hardware) =
            (State::of(p.port_state), p.interface.to_string(), p.timestamping != 0);
        let known = self.ports.get(&number);
        let same =
            known.is_some_and(|k| k.state == state && k.interface == interface && k.hardware == hardware);
        if same {
            if known.is_some_and(|k| k.hardware && !self.clock_known(k)) {
                self.ask_clock(number);
            }
            return false;
        }
        let port = self.ports.entry(number).or_default();
        let old = std::mem::replace(port, Port { state, interface, hardware, ..port.clone() });
        if old.interface != port.interface {
            (port.phc, port.asked_interface) = (None, false);
        }
        if self.instance.clock.is_none() && hardware {
            self.ask_clock(number);
        }
        true
    }

    /// linuxptp before 4 has no PORT_HWCLOCK_NP: the interface knows, if it is ours.
    fn ask_interface(&mut self, number: u16) -> bool {
        let Some(port) = self.ports.get_mut(&number) else { return false };
        let phc = Interface::query(&port.interface).ok().and_then(|i| i.phc_index());
        let news = !port.asked_interface || port.phc != phc;
        (port.phc, port.asked_interface) = (phc, true);
        news
    }
}
