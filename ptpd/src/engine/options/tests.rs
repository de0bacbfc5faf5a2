//! Engines on wires without noise.

use std::collections::VecDeque;

use ptp_wire::management::AcceptableMaster;
use ptp_wire::{
    ClockIdentity, ClockQuality, Flags, LogInterval, Message, MessageType, PortIdentity, PortNumber,
    TimeInterval, TimePoint, TlvType, TlvValue,
};

use super::super::{
    Address, Delay, Destination, DropCause, Engine, Event, Input, InstanceConfig, Instant, MasterAddress,
    MessageClass, Output, PortConfig, PortState, ServoState, UnicastClientConfig, UnicastMaster,
    UnicastServerConfig,
};
use super::*;

mod features;
mod metadata;
mod monitoring;

const SECOND: u64 = 1_000_000_000;
/// ns that a frame travels.
const TRAVEL: u64 = 1000;
const EPOCH: i128 = 1_700_000_000_000_000_000;

fn identity(n: usize) -> ClockIdentity {
    ClockIdentity::from_mac([2, 0, 0, 0, 0, n as u8])
}

fn port_of(n: usize, port: u16) -> PortIdentity {
    PortIdentity::new(identity(n), port)
}

/// A frame that was sent.
#[derive(Clone, Debug)]
struct Frame {
    at: u64,
    from: usize,
    destination: Destination,
    octets: Vec<u8>,
}

impl Frame {
    fn message(&self) -> Message<'_> {
        Message::parse(&self.octets).unwrap()
    }

    fn is(&self, t: MessageType) -> bool {
        self.message().header().message_type == t
    }

    fn flags(&self) -> Flags {
        self.message().header().flags
    }

    fn tlv(&self, t: TlvType) -> Option<TlvValue<'_>> {
        self.message().tlvs().find(|tlv| tlv.tlv_type == t).map(|tlv| tlv.decode().unwrap())
    }
}

/// Clocks, numbered from 0, and the links between their ports.
struct Net {
    engines: Vec<Engine>,
    links: Vec<Vec<(usize, u16)>>,
    now: u64,
    flying: VecDeque<(u64, usize, PortNumber, Frame)>,
    sent: Vec<Frame>,
    to_monitor: Vec<(usize, Vec<u8>)>,
    replies: Vec<Vec<u8>>,
    events: Vec<(usize, Event)>,
    /// How far each clock is ahead, in ns.
    ahead: Vec<i64>,
    /// The servos' word.
    locked: Vec<bool>,
    /// Clocks whose frames are lost.
    mute: Vec<usize>,
}

impl Net {
    /// `ports`: how many each clock has. `change` configures it.
    fn new(ports: &[usize], links: &[&[(usize, u16)]], change: impl Fn(usize, &mut InstanceConfig)) -> Self {
        let engine = |(n, ports): (usize, &usize)| {
            let ports = (0..*ports).map(|p| {
                let mut port = PortConfig::new(&format!("eth{p}"));
                port.log_announce_interval = LogInterval(0);
                port
            });
            let mut config = InstanceConfig::new(identity(n), ports.collect());
            change(n, &mut config);
            let count = config.ports.len();
            let mut engine = Engine::new(config, n as u64, Instant(0));
            for port in 1..=count {
                engine.handle(Instant(0), Input::PortUp { port: PortNumber(port as u16) });
            }
            engine
        };
        Self {
            engines: ports.iter().enumerate().map(engine).collect(),
            links: links.iter().map(|l| l.to_vec()).collect(),
            now: 0,
            flying: VecDeque::new(),
            sent: Vec::new(),
            to_monitor: Vec::new(),
            replies: Vec::new(),
            events: Vec::new(),
            ahead: vec![0; ports.len()],
            locked: vec![true; ports.len()],
            mute: Vec::new(),
        }
    }

    fn clock(&self, n: usize) -> TimePoint {
        TimePoint::from_nanos(EPOCH + i128::from(self.now) + i128::from(self.ahead[n]))
    }

    fn input(&mut self, n: usize, input: Input<'_>) {
        self.engines[n].handle(Instant(self.now), input);
        self.drain(n);
    }

    fn drain(&mut self, n: usize) {
        let (mut stamps, mut sampled) = (Vec::new(), false);
        while let Some(output) = self.engines[n].poll() {
            match output {
                Output::Transmit { port, class, destination, octets, stamp } => {
                    let frame = Frame { at: self.now, from: n, destination, octets: octets.to_vec() };
                    assert_eq!(
                        class == MessageClass::Event,
                        frame.message().header().message_type.is_event(),
                        "{frame:?}"
                    );
                    stamps.extend(stamp);
                    if self.mute.contains(&n) {
                        continue;
                    }
                    self.sent.push(frame.clone());
                    let link = self.links.iter().find(|l| l.contains(&(n, port.0)));
                    for &(to, at) in link.into_iter().flatten().filter(|end| **end != (n, port.0)) {
                        let hers = Destination::Unicast(Address::Ethernet([to as u8; 6]));
                        if !matches!(destination, Destination::Unicast(_)) || destination == hers {
                            self.flying.push_back((self.now + TRAVEL, to, PortNumber(at), frame.clone()));
                        }
                    }
                }
                Output::Sample(_) => sampled = true,
                Output::Event(e) => self.events.push((n, e)),
                Output::LocalReply { peer: MONITOR_PEER, octets } => {
                    self.to_monitor.push((n, octets.to_vec()));
                }
                Output::Transit { .. } => unreachable!("no clock here is transparent"),
                Output::LocalReply { octets, .. } => self.replies.push(octets.to_vec()),
                Output::Delay(_) => {}
            }
        }
        let stamp = Some(self.clock(n));
        for token in stamps {
            self.input(n, Input::TransmitStamp { token, stamp });
        }
        if sampled && self.locked[n] {
            self.input(n, Input::Servo(ServoState::Locked));
        }
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + seconds * SECOND;
        loop {
            let frame = self.flying.front().map_or(u64::MAX, |f| f.0);
            let timer = (0..self.engines.len())
                .filter_map(|n| self.engines[n].next_deadline().map(|t| (t.0, n)))
                .min()
                .unwrap_or((u64::MAX, 0));
            let next = frame.min(timer.0);
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            if frame <= timer.0 {
                let (_, to, port, frame) = self.flying.pop_front().expect("seen");
                let stamp = frame.message().header().message_type.is_event().then(|| self.clock(to));
                let source = Address::Ethernet([frame.from as u8; 6]);
                self.input(to, Input::Frame { port, octets: &frame.octets, stamp, source });
            } else {
                self.input(timer.1, Input::Tick);
            }
        }
    }

    fn state(&self, n: usize, port: u16) -> PortState {
        self.engines[n].port_state(PortNumber(port)).unwrap()
    }

    fn dropped(&self, n: usize, port: u16, cause: DropCause) -> u64 {
        self.engines[n].port_stats(PortNumber(port)).unwrap().dropped(cause)
    }

    /// The clock that this one follows, or itself.
    fn grandmaster(&self, n: usize) -> ClockIdentity {
        self.engines[n].parent_ds().grandmaster_identity
    }

    /// What a clock sent of a type, since then.
    fn sent_by(&self, n: usize, t: MessageType, since: u64) -> Vec<Frame> {
        self.sent.iter().filter(|f| f.from == n && f.at >= since && f.is(t)).cloned().collect()
    }
}
