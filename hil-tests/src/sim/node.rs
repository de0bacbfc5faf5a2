//! A node: one PTP instance with its clock, its servo, and the host they live on.

use std::collections::VecDeque;

use ptp_servo::{Servo, ServoConfig};
use ptp_wire::{
    ClockAccuracy, ClockIdentity, ClockQuality, PortIdentity, PortNumber, TimeInterval, TimePoint,
};
use ptpd::engine::{
    Address, Delay, Engine, InstanceConfig, InstanceKind, Instant, PortConfig, PortState, Stamping, Transport,
};

use super::{ClockSpec, Jitter, LinkId, Moment, NodeRecord, Rng, SimClock};

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

/// What a node is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSpec {
    /// For messages to people.
    pub name: String,
    /// Its instance; identity and ports are set by the simulation.
    pub config: InstanceConfig,
    /// What each of its ports is like.
    pub port: PortConfig,
    /// Its clock.
    pub clock: ClockSpec,
    /// Its servo.
    pub servo: ServoConfig,
    /// Its host.
    pub host: HostSpec,
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
            clock: ClockSpec::PERFECT,
            servo: ServoConfig::default(),
            host: HostSpec::default(),
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
    pub(super) link: LinkId,
    /// Its place among the link's ends.
    pub(super) end: usize,
    pub(super) mac: [u8; 6],
    /// As last seen.
    pub(super) state: PortState,
    /// As the engine last told.
    pub(super) told: PortState,
}

/// What runs: gone when the node is killed.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) engine: Engine,
    pub(super) servo: Servo,
    /// The interval the servo's gains are for.
    pub(super) log_sync_interval: i8,
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
    /// It had a client port when last seen.
    pub(super) was_client: bool,
    /// Counts starts: what was planned for an earlier life is void.
    pub(super) life: u32,
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
        Self {
            identity: ClockIdentity::from_mac([2, 0, 0, 0, high, low]),
            ports: Vec::new(),
            clock: SimClock::new(spec.clock, seed, n),
            running: None,
            started: false,
            was_client: false,
            life: 0,
            boot: rng.next_u64() >> 14,
            record: NodeRecord::default(),
            peer_requests: VecDeque::new(),
            seed: rng.next_u64(),
            rng,
            spec,
        }
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
        if self.ports.len() > 1 && config.kind == InstanceKind::Ordinary {
            config.kind = InstanceKind::Boundary;
        }
        config
    }

    /// A new life: the clock goes on, everything else is new.
    pub(super) fn start(&mut self, now: Moment) {
        self.life += 1;
        self.started = true;
        let engine = Engine::new(self.config(), self.seed ^ u64::from(self.life), self.instant(now));
        for port in &mut self.ports {
            port.told = PortState::Initializing;
        }
        let mut servo = self.spec.servo;
        servo.max_frequency_ppb = servo.max_frequency_ppb.min(self.spec.clock.max_adjustment_ppb);
        self.running = Some(Running {
            engine,
            servo: Servo::new(servo, self.clock.frequency()),
            log_sync_interval: 0,
            wake: None,
            idle_wakes: 0,
        });
    }

    pub(super) fn address(mac: [u8; 6]) -> Address {
        Address::Ethernet(mac)
    }

    pub(super) fn port(&self, number: PortNumber) -> Option<&SimPort> {
        self.ports.get(usize::from(number.0).checked_sub(1)?)
    }
}
