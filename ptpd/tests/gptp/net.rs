//! Two hosts on one wire, with several instances each; the host gives what its common service measures to the others.

use std::collections::VecDeque;

use ptp_wire::{
    ClockIdentity, LogInterval, Message, MessageType, PortNumber, SdoId, TimeInterval, TimePoint,
};
use ptpd::engine::{
    Address, BestMaster, Delay, Engine, Event, GptpRules, Input, InstanceConfig, Instant, Output, PortConfig,
    ServoState,
};

pub(crate) const PORT: PortNumber = PortNumber(1);
pub(crate) const SECOND: u64 = 1_000_000_000;
/// Clocks read this at instant 0.
const EPOCH_NS: i128 = 1_700_000_000_000_000_000;

struct Flying {
    arrives: u64,
    /// This host.
    to: usize,
    octets: Vec<u8>,
}

/// What somebody on the wire makes of a frame that a host sends: frames to that host, which arrive so much later.
pub(crate) type Attacker = Box<dyn FnMut(usize, &[u8], TimePoint) -> Vec<(u64, Vec<u8>)>>;

/// Two hosts; the clock of the second is 20 ppm fast.
pub(crate) struct Net {
    pub(crate) hosts: [Vec<Engine>; 2],
    pub(crate) now: u64,
    /// ns, both ways.
    pub(crate) delay: u64,
    pub(crate) events: Vec<(usize, usize, Event)>,
    pub(crate) attacker: Option<Attacker>,
    /// Frames of this type do not arrive.
    pub(crate) lost: Vec<MessageType>,
    /// What the second host's clock was stepped by.
    pub(crate) stepped: TimeInterval,
    pub(crate) sent: Vec<(u64, usize, Vec<u8>)>,
    flying: VecDeque<Flying>,
}

/// An instance of IEEE 802.1AS-2020 in this domain; `None`: the common service.
pub(crate) fn instance(host: usize, domain: Option<u8>) -> InstanceConfig {
    let n = domain.map_or(99, |d| d + 1);
    let mut port = PortConfig::new("eth0");
    port.log_announce_interval = LogInterval(0);
    port.log_sync_interval = LogInterval(-3);
    port.log_min_pdelay_req_interval = LogInterval(0);
    port.sync_receipt_timeout = 3;
    port.gptp = GptpRules::ieee_8021as();
    port.delay = Delay::P2p;
    let mut config =
        InstanceConfig::new(ClockIdentity([2, 0, 0, 0xff, 0xfe, n, 0, host as u8 + 1]), vec![port]);
    config.best_master = BestMaster::Ieee8021As;
    config.path_trace = true;
    config.sdo_id = SdoId::GPTP;
    config.priority1 = [100, 250][host];
    match domain {
        Some(domain) => config.domain_number = domain,
        None => {
            config.sdo_id = SdoId::CMLDS;
            config.best_master = BestMaster::Static;
            config.free_running = true;
            config.ports[0].gptp.gptp_capable = ptpd::engine::GptpCapable::Off;
            config.ports[0].gptp.follow_up_info = false;
            config.ports[0].gptp.role = None;
        }
    }
    config
}

impl Net {
    pub(crate) fn new(hosts: [Vec<InstanceConfig>; 2]) -> Self {
        let mut seed = 0;
        let hosts = hosts.map(|configs| {
            let engine = |config| {
                seed += 1;
                let mut engine = Engine::new(config, seed, Instant(0));
                engine.handle(Instant(0), Input::PortUp { port: PORT });
                engine
            };
            configs.into_iter().map(engine).collect()
        });
        Self {
            hosts,
            now: 0,
            delay: 300,
            events: Vec::new(),
            attacker: None,
            lost: Vec::new(),
            stepped: TimeInterval::ZERO,
            sent: Vec::new(),
            flying: VecDeque::new(),
        }
    }

    pub(crate) fn clock(&self, host: usize, at: u64) -> TimePoint {
        let ahead = if host == 1 { i128::from(at) / 50_000 } else { 0 };
        let t = TimePoint::from_nanos(EPOCH_NS + i128::from(at) + ahead);
        if host == 1 { t + self.stepped } else { t }
    }

    fn drain(&mut self, host: usize, i: usize) {
        let sent_at = self.clock(host, self.now);
        let (mut stamps, mut links, mut sampled) = (Vec::new(), Vec::new(), false);
        while let Some(output) = self.hosts[host][i].poll() {
            match output {
                Output::Transmit { octets, stamp, .. } => {
                    let octets = octets.to_vec();
                    stamps.extend(stamp);
                    if let Some(attacker) = &mut self.attacker {
                        for (later, octets) in attacker(host, &octets, sent_at) {
                            self.flying.push_back(Flying { arrives: self.now + later, to: host, octets });
                        }
                    }
                    let kind = Message::parse(&octets).expect("ours").header().message_type;
                    self.sent.push((self.now, host, octets.clone()));
                    if !self.lost.contains(&kind) {
                        let arrives = self.now + self.delay;
                        self.flying.push_back(Flying { arrives, to: 1 - host, octets });
                    }
                }
                Output::Sample(_) => sampled = true,
                Output::Event(event) => {
                    if let Event::LinkDelay { port, link } = event {
                        links.push((port, link));
                    }
                    self.events.push((host, i, event));
                }
                Output::Delay(_) | Output::LocalReply { .. } | Output::Transit { .. } => {}
            }
        }
        let now = Instant(self.now);
        for token in stamps {
            self.hosts[host][i].handle(now, Input::TransmitStamp { token, stamp: Some(sent_at) });
            self.drain(host, i);
        }
        for (port, link) in links {
            for other in (0..self.hosts[host].len()).filter(|o| *o != i) {
                self.hosts[host][other].handle(now, Input::LinkDelay { port, link });
                self.drain(host, other);
            }
        }
        if sampled {
            self.hosts[host][i].handle(now, Input::Servo(ServoState::Locked));
            self.drain(host, i);
        }
    }

    pub(crate) fn inject(&mut self, host: usize, octets: &[u8]) {
        self.flying.push_back(Flying { arrives: self.now, to: host, octets: octets.to_vec() });
    }

    pub(crate) fn run_for(&mut self, time: u64) {
        let end = self.now + time;
        loop {
            for host in 0..2 {
                for i in 0..self.hosts[host].len() {
                    self.drain(host, i);
                }
            }
            let arrival = self.flying.iter().map(|f| f.arrives).min();
            let engines = self.hosts.iter().flatten();
            let timer = engines.filter_map(|e| e.next_deadline()).map(|t| t.0).min();
            let next = arrival.into_iter().chain(timer).min().unwrap_or(end);
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            let due = |f: &Flying| f.arrives <= self.now;
            // The first to arrive, and of those that arrive together the first that was sent.
            let first = self.flying.iter().filter(|f| due(f)).map(|f| f.arrives).min();
            if let Some(k) = self.flying.iter().position(|f| Some(f.arrives) == first) {
                let f = self.flying.remove(k).expect("just found");
                let m = Message::parse(&f.octets).expect("well formed");
                let event = (m.header().message_type as u8) < 8;
                let stamp = event.then(|| self.clock(f.to, f.arrives));
                let source = Address::Ethernet([2, 0, 0, 0, 0, 2 - f.to as u8]);
                for i in 0..self.hosts[f.to].len() {
                    let input = Input::Frame { port: PORT, octets: &f.octets, stamp, source };
                    self.hosts[f.to][i].handle(Instant(self.now), input);
                    self.drain(f.to, i);
                }
                continue;
            }
            for engine in self.hosts.iter_mut().flatten() {
                engine.handle(Instant(self.now), Input::Tick);
            }
        }
    }

    /// Messages of a type that a host has sent since.
    pub(crate) fn sent_since(&self, since: u64, host: usize, kind: MessageType) -> usize {
        let of = |octets: &[u8]| Message::parse(octets).is_ok_and(|m| m.header().message_type == kind);
        self.sent.iter().filter(|(at, h, octets)| *at >= since && *h == host && of(octets)).count()
    }
}
