//! A node: one PTP instance with its clock, its servo, and the host they live on.

use std::collections::VecDeque;

use ptp_servo::{Steering, Transfer};
use ptp_wire::{
    ClockAccuracy, ClockIdentity, ClockQuality, PortIdentity, PortNumber, TimeInterval, TimePoint,
};
use ptpd::engine::{
    Address, Delay, Destination, Engine, InstanceConfig, InstanceKind, Instant, PortConfig, PortState,
    Stamping, Transport,
};
use ptpd::host::{Discipline, Memory, Settings};

use super::{ClockSpec, Jitter, LinkId, Moment, NodeRecord, Rng, SimClock, Temperature};

/// PTP's groups on Ethernet: all messages but peer delay's, and peer delay's.
const ETHERNET_GROUPS: [Address; 2] =
    [Address::Ethernet([0x01, 0x1b, 0x19, 0, 0, 0]), Address::Ethernet([0x01, 0x80, 0xc2, 0, 0, 0x0e])];

/// What the host adds between the engine and the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HostSpec {
    /// From the engine's word until the frame leaves.
    pub transmit_latency: Jitter,
    /// From departure until the engine is told of the stamp.
    pub stamp_latency: Jitter,
    /// From arrival until the engine is told of the frame.
    pub receive_latency: Jitter,
    /// Transmit stamps that never reach the engine; of these half are reported as lost, half are not reported.
    pub stamp_loss: f64,
    /// Event messages that come without a receive stamp.
    pub receive_stamp_loss: f64,
    /// The NIC writes its times into Sync and Pdelay_Resp itself; what would follow them never leaves.
    pub one_step: bool,
}

impl Default for HostSpec {
    /// An ordinary host: some ten microseconds each way.
    fn default() -> Self {
        Self {
            transmit_latency: Jitter::Gamma { shape: 4, mean: 3_000.0 },
            stamp_latency: Jitter::Gamma { shape: 4, mean: 5_000.0 },
            receive_latency: Jitter::Gamma { shape: 4, mean: 4_000.0 },
            stamp_loss: 0.0,
            receive_stamp_loss: 0.0,
            one_step: false,
        }
    }
}

/// A port with an interface of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct PortSpec {
    /// What the engine is told. Addresses are filled in.
    pub config: PortConfig,
    /// The groups it listens to: all messages but peer delay's, and peer delay's.
    pub groups: [Address; 2],
    /// Its own address; `None`: after the node's place and the port's number.
    pub address: Option<Address>,
}

/// What a node is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSpec {
    /// For messages to people.
    pub name: String,
    /// Its instance; identity and ports are set by the simulation.
    pub config: InstanceConfig,
    /// What each of its ports is like that a link makes.
    pub port: PortConfig,
    /// Ports that a configuration file names: they are there before any link is.
    pub ports: Vec<PortSpec>,
    /// Its identity; `None`: after its place among the nodes.
    pub identity: Option<ClockIdentity>,
    /// Its clock.
    pub clock: ClockSpec,
    /// What warms its oscillator.
    pub temperature: Option<Temperature>,
    /// It does not start by itself: [`Simulation::revive`](super::Simulation::revive) starts it.
    pub asleep: bool,
    /// Its servo.
    pub servo: Steering,
    /// Its host.
    pub host: HostSpec,
    /// The node whose common service (CMLDS) measures the links for this one, by interfaces of the same name.
    pub link_delay_of: Option<String>,
}

impl NodeSpec {
    /// The default profile with announce and Sync intervals of 1 s, on a perfect clock.
    pub fn new(name: &str) -> Self {
        let mut port = PortConfig::new("");
        port.transport = Transport::Ethernet;
        port.stamping = Stamping::Hardware;
        port.log_announce_interval = ptp_wire::LogInterval(0);
        Self {
            name: name.into(),
            config: InstanceConfig::new(ClockIdentity::ZERO, Vec::new()),
            port,
            ports: Vec::new(),
            identity: None,
            clock: ClockSpec::PERFECT,
            temperature: None,
            asleep: false,
            servo: Steering::default(),
            host: HostSpec::default(),
            link_delay_of: None,
        }
    }

    /// Class 6, accuracy 100 ns, time traceable.
    pub fn grandmaster(name: &str) -> Self {
        let mut spec = Self::new(name);
        spec.config.clock_quality = ClockQuality {
            clock_class: 6,
            clock_accuracy: ClockAccuracy(0x21),
            offset_scaled_log_variance: 0x4e5d,
        };
        spec.config.time_properties.time_traceable = true;
        spec.config.time_properties.frequency_traceable = true;
        spec.config.time_properties.current_utc_offset_valid = true;
        spec
    }

    /// A daemon with these settings, as its configuration file gives them. Stamps are the hardware's where that is left
    /// open: simulated interfaces have them.
    pub fn from_settings(name: &str, settings: &Settings) -> Self {
        let mut spec = Self { host: HostSpec::default(), ..Self::new(name) };
        spec.configure(settings);
        spec
    }

    /// Takes over new settings: clock and host stay.
    pub fn configure(&mut self, settings: &Settings) {
        let mut settings = settings.clone();
        let stamping = match settings.stamps {
            ptpd::host::Stamps::Software => Stamping::Software,
            ptpd::host::Stamps::OneStep => Stamping::OneStep,
            ptpd::host::Stamps::P2pOneStep => Stamping::P2pOneStep,
            _ => Stamping::Hardware,
        };
        let identity = settings.clock_identity.unwrap_or(ClockIdentity::ZERO);
        // Whatever clock the host has, here it keeps PTP time as a PHC does.
        settings.settle(identity, stamping, &ptp_clock::ClockName::Phc(0));
        let networks = settings.networks.iter();
        let ports = settings.instance.ports.iter().zip(networks).map(|(config, n)| PortSpec {
            address: self
                .ports
                .iter()
                .find(|p| p.config.interface == config.interface)
                .and_then(|p| p.address),
            config: config.clone(),
            groups: [n.primary, n.peer_delay],
        });
        self.ports = ports.collect();
        self.identity = settings.clock_identity;
        self.servo = settings.servo;
        self.config = settings.instance;
    }

    /// On this clock.
    pub fn clock(mut self, clock: ClockSpec) -> Self {
        self.clock = clock;
        self
    }

    /// On a NIC whose crystal is off by this much at the start.
    pub fn off(self, phase_ns: i64, frequency_ppb: f64) -> Self {
        self.clock(ClockSpec::nic(TimeInterval::from_nanos(phase_ns), frequency_ppb))
    }

    /// defaultDS.priority1.
    pub fn priority1(mut self, priority1: u8) -> Self {
        self.config.priority1 = priority1;
        self
    }

    /// Never a master.
    pub fn client_only(mut self) -> Self {
        self.config.client_only = true;
        self
    }

    /// End-to-end transparent.
    pub fn transparent_e2e(mut self) -> Self {
        self.config.kind = InstanceKind::TransparentE2e;
        self
    }

    /// Peer-to-peer transparent.
    pub fn transparent_p2p(mut self) -> Self {
        self.config.kind = InstanceKind::TransparentP2p;
        self.p2p()
    }

    /// Peer delay on all its ports.
    pub fn p2p(mut self) -> Self {
        self.port.delay = Delay::P2p;
        self
    }

    /// Its NIC writes the times of Sync and Pdelay_Resp itself.
    pub fn one_step(mut self) -> Self {
        self.host.one_step = true;
        self
    }

    /// It loses transmit stamps with this probability.
    pub fn stamp_loss(mut self, p: f64) -> Self {
        self.host.stamp_loss = p;
        self
    }

    /// Changes its instance's configuration.
    pub fn with(mut self, change: impl FnOnce(&mut InstanceConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Changes what all its ports are like.
    pub fn each_port(mut self, change: impl FnOnce(&mut PortConfig)) -> Self {
        change(&mut self.port);
        self
    }
}

/// A port of a node, and the link it is on.
#[derive(Clone, Debug)]
pub(super) struct SimPort {
    pub(super) config: PortConfig,
    /// `None`: nothing is plugged in.
    pub(super) link: Option<LinkId>,
    /// Its place among the link's ends.
    pub(super) end: usize,
    pub(super) address: Address,
    pub(super) groups: [Address; 2],
    /// As last seen.
    pub(super) state: PortState,
    /// As the engine last told.
    pub(super) told: PortState,
}

impl SimPort {
    fn new(node: usize, number: u16, spec: PortSpec) -> Self {
        let [high, low] = (node as u16 + 1).to_be_bytes();
        let mac = [2, 1, high, low, 0, number as u8];
        let PortSpec { mut config, groups, address } = spec;
        let address = address.unwrap_or(match config.transport {
            Transport::Ethernet => Address::Ethernet(mac),
            Transport::UdpIpv4 => Address::Ipv4([10, high, low, number as u8].into()),
            Transport::UdpIpv6 => Address::Ipv6([0xfe80, 0, 0, 0, 0, 0, node as u16 + 1, number].into()),
        });
        config.mac = mac;
        config.protocol_address = match address {
            Address::Ethernet(a) => a.to_vec(),
            Address::Ipv4(a) => a.octets().to_vec(),
            Address::Ipv6(a) => a.octets().to_vec(),
        };
        let state = PortState::Initializing;
        Self { config, link: None, end: 0, address, groups, state, told: state }
    }

    /// A frame to `to` is for this port.
    pub(super) fn hears(&self, to: Address) -> bool {
        to == self.address || self.groups.contains(&to)
    }
}

/// What runs: gone when the node is killed.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) engine: Engine,
    pub(super) discipline: Discipline,
    /// The next planned wake-up.
    pub(super) wake: Option<Moment>,
    /// Wake-ups in a row that did not move the deadline past the present.
    pub(super) idle_wakes: u32,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) spec: NodeSpec,
    pub(super) identity: ClockIdentity,
    pub(super) ports: Vec<SimPort>,
    pub(super) clock: SimClock,
    pub(super) running: Option<Running>,
    /// Was alive once: it does not start by itself again.
    pub(super) started: bool,
    /// Counts starts: what was planned for an earlier life is void.
    pub(super) life: u32,
    /// The life that ended in good order: what it still had to say leaves.
    pub(super) farewell: Option<u32>,
    /// Who asked for the peer delay on which port by which number, and when that came in.
    pub(super) peer_requests: VecDeque<((PortNumber, PortIdentity, u16), TimePoint)>,
    /// The host's monotonic clock at moment 0, in ns.
    boot: u64,
    pub(super) rng: Rng,
    pub(super) record: NodeRecord,
    seed: u64,
}

impl Node {
    pub(super) fn new(spec: NodeSpec, seed: u64, index: usize) -> Self {
        let n = index as u64;
        let mut rng = Rng::new(seed, 4, n);
        let number = index as u16 + 1;
        let [high, low] = number.to_be_bytes();
        let ports = (1..).zip(&spec.ports).map(|(n, p)| SimPort::new(index, n, p.clone())).collect();
        let mut clock = SimClock::new(spec.clock, seed, n);
        if let Some(t) = &spec.temperature {
            clock.set_temperature(t.clone());
        }
        Self {
            identity: spec.identity.unwrap_or(ClockIdentity::from_mac([2, 0, 0, 0, high, low])),
            ports,
            clock,
            running: None,
            started: spec.asleep,
            life: 0,
            farewell: None,
            boot: rng.next_u64() >> 14,
            record: NodeRecord::default(),
            peer_requests: VecDeque::new(),
            seed: rng.next_u64(),
            rng,
            spec,
        }
    }

    /// One port more, made by a link.
    pub(super) fn add_port(&mut self, index: usize) -> PortNumber {
        let number = self.ports.len() as u16 + 1;
        let config =
            PortConfig { interface: format!("{}.{number}", self.spec.name), ..self.spec.port.clone() };
        let spec = PortSpec { config, groups: ETHERNET_GROUPS, address: None };
        self.ports.push(SimPort::new(index, number, spec));
        PortNumber(number)
    }

    /// The host's monotonic clock.
    pub(super) fn instant(&self, now: Moment) -> Instant {
        Instant(now.nanos() + self.boot)
    }

    /// When the host's monotonic clock shows `at`.
    pub(super) fn moment(&self, at: Instant) -> Moment {
        Moment::from_nanos(at.0.saturating_sub(self.boot))
    }

    /// The configuration its engine is given.
    pub(super) fn config(&self) -> InstanceConfig {
        let mut config = self.spec.config.clone();
        config.clock_identity = self.identity;
        config.ports = self.ports.iter().map(|p| p.config.clone()).collect();
        if self.spec.ports.is_empty() && self.ports.len() > 1 && config.kind == InstanceKind::Ordinary {
            config.kind = InstanceKind::Boundary;
        }
        config
    }

    /// Takes over the specification's ports: a reload, or a start with another file. Ports that are there keep their link.
    pub(super) fn take_ports(&mut self, index: usize) {
        if self.spec.ports.is_empty() {
            return;
        }
        let old = std::mem::take(&mut self.ports);
        for (number, spec) in (1..).zip(&self.spec.ports) {
            let mut port = SimPort::new(index, number, spec.clone());
            if let Some(before) = old.iter().find(|p| p.config.interface == port.config.interface) {
                port.link = before.link;
                port.end = before.end;
                port.state = before.state;
                port.told = before.told;
            }
            self.ports.push(port);
        }
    }

    /// A new life: the clock goes on, everything else is new.
    pub(super) fn start(&mut self, now: Moment) {
        self.life += 1;
        self.started = true;
        let engine = Engine::new(self.config(), self.seed ^ u64::from(self.life), self.instant(now));
        for port in &mut self.ports {
            port.told = PortState::Initializing;
        }
        let mut clock = self.clock.at_moment(now, &self.spec.name);
        let mut steering = self.spec.servo;
        if self.ports.len() > 1 && steering.transfer == Transfer::Free {
            // As the configuration file's `auto`.
            steering.transfer = Transfer::Damped;
        }
        let discipline =
            Discipline::new(steering, &mut clock, self.spec.config.free_running, Memory::default(), None)
                .expect("a simulated clock can always be read");
        self.running = Some(Running { engine, discipline, wake: None, idle_wakes: 0 });
    }

    /// Messages for others pass through it.
    pub(super) fn is_transparent(&self) -> bool {
        self.spec.config.kind.is_transparent()
    }

    /// What an address is to a port: one of its groups, or one receiver.
    pub(super) fn destination(&self, number: PortNumber, to: Address) -> Destination {
        match self.port(number).map(|p| p.groups) {
            Some([primary, _]) if primary == to => Destination::Primary,
            Some([_, peer_delay]) if peer_delay == to => Destination::PeerDelay,
            _ => Destination::Unicast(to),
        }
    }

    pub(super) fn port(&self, number: PortNumber) -> Option<&SimPort> {
        self.ports.get(usize::from(number.0).checked_sub(1)?)
    }

    /// The port of an interface.
    pub(super) fn port_named(&self, interface: &str) -> Option<PortNumber> {
        let place = self.ports.iter().position(|p| p.config.interface == interface)?;
        u16::try_from(place + 1).ok().map(PortNumber)
    }
}
