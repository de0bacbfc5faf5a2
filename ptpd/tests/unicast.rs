//! Unicast negotiation among engines on a network of addresses: what is granted, to whom, how evenly, and what a hostile
//! network can do about it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ptp_wire::{
    Body, CancelUnicast, ClockIdentity, ClockQuality, Flags, Header, LogInterval, Message, MessageType,
    PortIdentity, PortNumber, RequestUnicast, TimePoint, TlvValue, Writer,
};
use ptpd::engine::{
    Address, BestMaster, Destination, DropCause, Engine, Event, Input, InstanceConfig, Instant,
    MasterAddress, MasterFailure, Output, PortConfig, PortState, Prefix, ServoState, UnicastClientConfig,
    UnicastMaster, UnicastServerConfig,
};

const PORT: PortNumber = PortNumber(1);
const DELAY: u64 = 10_000;
const SECOND: u64 = 1_000_000_000;
const EPOCH_NS: i128 = 1_700_000_000_000_000_000;

fn ip(i: usize) -> Address {
    Address::Ipv4(Ipv4Addr::new(10, 0, (i >> 8) as u8, i as u8))
}

struct Frame {
    to: Option<Address>,
    from: usize,
    octets: Vec<u8>,
    event: bool,
}

/// Engines on one network; node i has address i. Clocks are all right, so every sample locks.
struct Network {
    engines: Vec<Engine>,
    now: u64,
    frames: BTreeMap<(u64, u64), Frame>,
    serial: u64,
    events: Vec<(u64, usize, Event)>,
    samples: Vec<u64>,
    /// Everything sent: when, by whom, what, to whom.
    sent: Vec<(u64, usize, MessageType, Option<Address>)>,
    dead: Vec<bool>,
    /// How much longer what this node sends takes, in ns.
    slower: Vec<u64>,
    /// Whom the client's servo does not lock to.
    noisy: Option<usize>,
    /// Whose event messages are lost on the way.
    mute: Option<usize>,
    /// The wire takes as long both ways, as far as the clocks are told.
    exact: bool,
}

fn server(priority1: u8, change: impl Fn(&mut UnicastServerConfig)) -> InstanceConfig {
    let mut limits = UnicastServerConfig::default();
    change(&mut limits);
    let mut port = PortConfig::new("eth0");
    port.unicast_server = Some(limits);
    port.multicast = false;
    port.master_only = true;
    let mut config = InstanceConfig::new(ClockIdentity::ZERO, vec![port]);
    config.priority1 = priority1;
    config.clock_quality = ClockQuality { clock_class: 6, ..ClockQuality::DEFAULT };
    config
}

fn client(masters: &[usize], change: impl Fn(&mut PortConfig)) -> InstanceConfig {
    let mut port = PortConfig::new("eth0");
    let masters = masters
        .iter()
        .map(|i| UnicastMaster { address: MasterAddress::Known(ip(*i)), local_priority: 128 })
        .collect();
    port.unicast_client =
        Some(UnicastClientConfig { masters, duration: 60, log_query_interval: LogInterval(0) });
    port.multicast = false;
    change(&mut port);
    let mut config = InstanceConfig::new(ClockIdentity::ZERO, vec![port]);
    config.client_only = true;
    config
}

impl Network {
    fn new(configs: Vec<InstanceConfig>) -> Self {
        let engines = configs
            .into_iter()
            .enumerate()
            .map(|(i, mut config)| {
                config.clock_identity = ClockIdentity::from_mac([2, 0, 0, 0, (i >> 8) as u8, i as u8]);
                let mut engine = Engine::new(config, i as u64 + 1, Instant(0));
                engine.handle(Instant(0), Input::PortUp { port: PORT });
                engine
            })
            .collect::<Vec<_>>();
        let n = engines.len();
        let mut network = Self {
            engines,
            now: 0,
            frames: BTreeMap::new(),
            serial: 0,
            events: Vec::new(),
            samples: vec![0; n],
            sent: Vec::new(),
            dead: vec![false; n],
            slower: vec![0; n],
            noisy: None,
            mute: None,
            exact: true,
        };
        for i in 0..n {
            network.drain(i);
        }
        network
    }

    fn stamp(at: u64) -> TimePoint {
        TimePoint::from_nanos(EPOCH_NS + i128::from(at))
    }

    fn drain(&mut self, i: usize) {
        loop {
            let mut stamps = Vec::new();
            let mut sampled = false;
            while let Some(output) = self.engines[i].poll() {
                match output {
                    Output::Transmit { destination, octets, stamp, .. } => {
                        let to = match destination {
                            Destination::Unicast(a) => Some(a),
                            _ => None,
                        };
                        let message = Message::parse(octets).expect("engines send messages");
                        assert_eq!(message.header().flags.has(Flags::UNICAST), to.is_some());
                        self.sent.push((self.now, i, message.header().message_type, to));
                        let event = message.header().message_type.is_event();
                        if self.dead[i] || (event && self.mute == Some(i)) {
                            stamps.extend(stamp);
                            continue;
                        }
                        self.serial += 1;
                        let frame = Frame { to, from: i, octets: octets.to_vec(), event };
                        self.frames.insert((self.now + DELAY + self.slower[i], self.serial), frame);
                        stamps.extend(stamp);
                    }
                    Output::Sample(s) => {
                        assert!(s.offset.nanos() == 0 || !self.exact, "the wire is exact");
                        let noisy = self.noisy.map(|n| self.identity(n));
                        sampled = noisy != Some(s.master.clock_identity);
                        self.samples[i] += 1;
                    }
                    Output::Event(event) => self.events.push((self.now, i, event)),
                    _ => {}
                }
            }
            if stamps.is_empty() && !sampled {
                return;
            }
            let at = Instant(self.now);
            for token in stamps {
                self.engines[i]
                    .handle(at, Input::TransmitStamp { token, stamp: Some(Self::stamp(self.now)) });
            }
            if sampled {
                self.engines[i].handle(at, Input::Servo(ServoState::Locked));
            }
        }
    }

    fn deliver(&mut self, to: usize, from: Address, octets: &[u8], event: bool) {
        let stamp = event.then(|| Self::stamp(self.now));
        self.engines[to].handle(Instant(self.now), Input::Frame { port: PORT, octets, stamp, source: from });
        self.drain(to);
    }

    fn run_until(&mut self, end: u64) {
        loop {
            let frame = self.frames.first_key_value().map(|(k, _)| k.0);
            let timer = self
                .engines
                .iter()
                .enumerate()
                .filter(|(i, _)| !self.dead[*i])
                .filter_map(|(i, e)| Some((e.next_deadline()?.0, i)))
                .min();
            let next = frame.into_iter().chain(timer.map(|t| t.0)).min();
            let Some(next) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(next);
            if frame == Some(next) {
                let (_, frame) = self.frames.pop_first().expect("there is one");
                for i in 0..self.engines.len() {
                    let meant = frame.to.map_or(i != frame.from, |to| to == ip(i));
                    if meant && !self.dead[i] {
                        self.deliver(i, ip(frame.from), &frame.octets, frame.event);
                    }
                }
            } else if let Some((_, i)) = timer {
                self.engines[i].handle(Instant(self.now), Input::Tick);
                self.drain(i);
            }
        }
        self.now = end;
    }

    fn state(&self, i: usize) -> PortState {
        self.engines[i].port_state(PORT).expect("a port")
    }

    fn identity(&self, i: usize) -> ClockIdentity {
        self.engines[i].config().clock_identity
    }

    fn parent(&self, i: usize) -> ClockIdentity {
        self.engines[i].parent_ds().parent_port_identity.clock_identity
    }

    /// Messages of this type that `by` sent to `to` since `since`.
    fn count(&self, since: u64, by: usize, message_type: MessageType, to: usize) -> usize {
        self.sent
            .iter()
            .filter(|(at, i, t, a)| *at >= since && *i == by && *t == message_type && *a == Some(ip(to)))
            .count()
    }
}

#[test]
fn announce_comes_from_all_masters_and_sync_from_the_best() {
    let mut n = Network::new(vec![server(1, |_| ()), server(2, |_| ()), client(&[1, 0], |_| ())]);
    n.run_until(20 * SECOND);
    assert_eq!(n.state(2), PortState::Slave);
    assert_eq!(n.parent(2), n.identity(0));
    let since = 10 * SECOND;
    assert_eq!(n.count(since, 0, MessageType::Announce, 2), 5);
    assert_eq!(n.count(since, 1, MessageType::Announce, 2), 5);
    assert_eq!(n.count(since, 0, MessageType::Sync, 2), 10);
    assert_eq!(n.count(since, 0, MessageType::FollowUp, 2), 10);
    assert_eq!(n.count(since, 1, MessageType::Sync, 2), 0);
    assert!(n.count(since, 0, MessageType::DelayResp, 2) >= 5);
    assert!(n.sent.iter().all(|(_, _, _, to)| to.is_some()), "nothing is sent to the group");
    assert!(n.samples[2] > 10);
}

#[test]
fn contracts_are_renewed_for_ever_and_end_by_cancel() {
    let mut n = Network::new(vec![server(1, |_| ()), client(&[0], |_| ())]);
    n.run_until(600 * SECOND);
    assert_eq!(n.state(1), PortState::Slave);
    let stats = *n.engines[0].unicast_server_stats(PORT).expect("a server");
    assert_eq!((stats.clients, stats.refused()), (1, 0));
    // Three kinds, each renewed every 45 of 60 s.
    assert!((36..=48).contains(&stats.granted), "{stats:?}");
    assert_eq!(stats.promised_per_1000_s, 500 + 2000 + 1000);
    assert_eq!(n.count(300 * SECOND, 0, MessageType::Sync, 1), 300);

    n.engines[1].handle(Instant(n.now), Input::Stop);
    n.drain(1);
    n.run_until(n.now + SECOND);
    let stats = *n.engines[0].unicast_server_stats(PORT).expect("a server");
    assert_eq!((stats.clients, stats.promised_per_1000_s), (0, 0));
}

#[test]
fn a_client_that_vanishes_costs_nothing_after_its_time() {
    let mut n = Network::new(vec![server(1, |_| ()), client(&[0], |_| ())]);
    n.run_until(10 * SECOND);
    n.dead[1] = true;
    n.run_until(80 * SECOND);
    let stats = n.engines[0].unicast_server_stats(PORT).expect("a server");
    assert_eq!((stats.clients, stats.promised_per_1000_s), (0, 0));
    assert_eq!(n.count(72 * SECOND, 0, MessageType::Sync, 1), 0);
    assert_eq!(n.count(72 * SECOND, 0, MessageType::Announce, 1), 0);
}

#[test]
fn the_next_master_takes_over_and_the_first_is_taken_back() {
    let mut n = Network::new(vec![server(1, |_| ()), server(2, |_| ()), client(&[0, 1], |_| ())]);
    n.run_until(20 * SECOND);
    assert_eq!(n.parent(2), n.identity(0));
    n.dead[0] = true;
    // Announce receipt timeout: 3 to 4 intervals of 2 s.
    n.run_until(30 * SECOND);
    assert_eq!((n.parent(2), n.state(2)), (n.identity(1), PortState::Slave));
    // It comes back as one that has forgotten everything.
    n.dead[0] = false;
    let mut config = server(1, |_| ());
    config.clock_identity = n.identity(0);
    n.engines[0] = Engine::new(config, 9, Instant(n.now));
    n.engines[0].handle(Instant(n.now), Input::PortUp { port: PORT });
    n.drain(0);
    n.run_until(45 * SECOND);
    assert_eq!((n.parent(2), n.state(2)), (n.identity(0), PortState::Slave));
    let last = n.samples[2];
    n.run_until(50 * SECOND);
    assert!(n.samples[2] >= last + 4);
    assert_eq!(n.count(46 * SECOND, 1, MessageType::Sync, 2), 0, "the other was cancelled");
}

#[test]
fn a_master_that_restarts_at_once_is_asked_again_before_announces_run_out() {
    let mut n = Network::new(vec![
        server(1, |_| ()),
        client(&[0], |p| {
            p.log_announce_interval = LogInterval(3);
            p.announce_receipt_timeout = 10;
        }),
    ]);
    n.run_until(60 * SECOND);
    assert_eq!(n.state(1), PortState::Slave);
    let mut config = server(1, |_| ());
    config.clock_identity = n.identity(0);
    n.engines[0] = Engine::new(config, 9, Instant(n.now));
    n.engines[0].handle(Instant(n.now), Input::PortUp { port: PORT });
    n.drain(0);
    let before = n.samples[1];
    n.run_until(80 * SECOND);
    assert!(n.samples[1] > before + 5, "{} {before}", n.samples[1]);
}

#[test]
fn limits_are_kept_whatever_is_asked() {
    let fast = |p: &mut PortConfig| {
        p.log_announce_interval = LogInterval(-7);
        p.log_sync_interval = LogInterval(-7);
        p.log_min_delay_req_interval = LogInterval(-7);
        p.unicast_client.as_mut().expect("a client").duration = 1_000_000;
    };
    let mut n = Network::new(vec![
        server(1, |s| {
            s.min_log_announce_interval = LogInterval(0);
            s.min_log_sync_interval = LogInterval(-3);
            s.min_log_delay_resp_interval = LogInterval(-2);
            s.max_duration = 30;
        }),
        client(&[0], fast),
    ]);
    n.run_until(100 * SECOND);
    let since = 50 * SECOND;
    assert_eq!(n.count(since, 0, MessageType::Announce, 1), 50);
    assert_eq!(n.count(since, 0, MessageType::Sync, 1), 400);
    let requests = n.count(since, 1, MessageType::DelayReq, 0);
    assert!((150..=250).contains(&requests), "{requests} at the granted 4/s, randomly spaced");
    let granted = n.events.iter().filter_map(|(_, i, e)| match e {
        Event::UnicastGranted { message_type, log_interval, duration, .. } if *i == 1 => {
            Some((*message_type, log_interval.0, *duration))
        }
        _ => None,
    });
    assert_eq!(
        granted.collect::<Vec<_>>(),
        [(MessageType::Announce, 0, 30), (MessageType::Sync, -3, 30), (MessageType::DelayResp, -2, 30)]
    );
}

#[test]
fn the_number_of_clients_and_their_rates_are_bounded_and_others_unharmed() {
    let mut configs = vec![server(1, |s| {
        s.max_clients = 3;
        s.max_client_rate = 40;
        s.max_rate = 60;
    })];
    // Client 1 asks for 2 * 16 + 16 + 1/2 = 48.5 messages/s: too many for one. 2 and 3 ask for 3.5/s each.
    configs.push(client(&[0], |p| {
        p.log_sync_interval = LogInterval(-4);
        p.log_min_delay_req_interval = LogInterval(-4);
    }));
    configs.extend((0..4).map(|_| client(&[0], |_| ())));
    let mut n = Network::new(configs);
    n.run_until(100 * SECOND);
    let slaves: Vec<_> = (1..6).filter(|i| n.state(*i) == PortState::Slave).collect();
    let stats = n.engines[0].unicast_server_stats(PORT).expect("a server");
    assert_eq!(stats.clients, 3, "{stats:?}");
    assert!(stats.refused_clients > 0);
    assert!(stats.promised_per_1000_s <= 60_000);
    assert!(slaves.iter().filter(|i| **i != 1).count() >= 2, "{slaves:?}");
    assert!(n.samples[1] < 100 || n.state(1) != PortState::Slave || stats.refused_rate > 0);
    let refused =
        n.events.iter().any(|(_, i, e)| *i == 0 && matches!(e, Event::UnicastRequestRefused { .. }));
    assert!(refused);
}

/// A Signaling message with REQUEST TLVs of these.
fn request(from: PortIdentity, of: &[(MessageType, i8, u32)]) -> Vec<u8> {
    let mut header = Header::new(MessageType::Signaling);
    header.source_port_identity = from;
    header.flags = Flags::UNICAST;
    let mut buf = vec![0; 200];
    let body = Body::Signaling { target_port_identity: PortIdentity::ANY };
    let mut w = Writer::new(&mut buf, &header, &body).expect("room");
    for (message_type, log, duration) in of {
        let request = RequestUnicast {
            message_type: *message_type,
            log_inter_message_period: LogInterval(*log),
            duration: *duration,
        };
        w.tlv_value(&TlvValue::RequestUnicast(request)).expect("room");
    }
    let len = w.finish();
    buf.truncate(len);
    buf
}

#[test]
fn a_flood_of_requests_is_refused_within_bounded_memory() {
    let mut n = Network::new(vec![server(1, |s| s.max_clients = 10), client(&[0], |_| ())]);
    n.run_until(10 * SECOND);
    assert_eq!(n.state(1), PortState::Slave);
    // 20000 made-up clients from as many addresses, each asking for all there is.
    for i in 0..20_000u32 {
        let id = PortIdentity::new(ClockIdentity((u64::from(i) + 1).to_be_bytes()), 1);
        let octets = request(
            id,
            &[
                (MessageType::Announce, -128, u32::MAX),
                (MessageType::Sync, -128, u32::MAX),
                (MessageType::Sync, -7, 60),
            ],
        );
        n.deliver(0, Address::Ipv4(Ipv4Addr::from(0x0b00_0000 + i)), &octets, false);
        if i % 100 == 0 {
            n.run_until(n.now + 1_000_000);
        }
    }
    let stats = *n.engines[0].unicast_server_stats(PORT).expect("a server");
    assert_eq!(stats.clients, 10);
    assert!(stats.refused_clients > 19_000 && stats.refused_value >= 20_000, "{stats:?}");
    let told =
        n.events.iter().filter(|(_, i, e)| *i == 0 && matches!(e, Event::UnicastRequestRefused { .. }));
    assert!(told.count() <= 20, "an event each time the number has doubled");
    // The one that was there is served on.
    let before = n.samples[1];
    n.run_until(n.now + 10 * SECOND);
    assert!(n.samples[1] >= before + 9);
}

fn cancel(from: PortIdentity, of: &[MessageType]) -> Vec<u8> {
    let mut header = Header::new(MessageType::Signaling);
    header.source_port_identity = from;
    header.flags = Flags::UNICAST;
    let mut buf = vec![0; 200];
    let body = Body::Signaling { target_port_identity: PortIdentity::ANY };
    let mut w = Writer::new(&mut buf, &header, &body).expect("room");
    for message_type in of {
        let cancel =
            CancelUnicast { message_type: *message_type, maintain_request: false, maintain_grant: false };
        w.tlv_value(&TlvValue::CancelUnicast(cancel)).expect("room");
    }
    let len = w.finish();
    buf.truncate(len);
    buf
}

/// A server alone, and somebody who sends it 2000 messages a second for so long; octets it holds more than before, and
/// messages it sent.
fn pestered(
    engine: &mut Engine,
    at: &mut u64,
    seconds: u64,
    message: impl Fn(u64) -> (Address, Vec<u8>),
) -> (i64, u64) {
    let mut sent = 0;
    let held = allocation_counter::measure(|| {
        for i in 0..seconds * 2000 {
            *at += SECOND / 2000;
            let (source, octets) = message(i);
            let now = Instant(*at);
            engine.handle(now, Input::Frame { port: PORT, octets: &octets, stamp: None, source });
            while let Some(output) = engine.poll() {
                sent += u64::from(matches!(output, Output::Transmit { .. }));
            }
        }
    });
    (held.bytes_current, sent)
}

#[test]
fn who_asks_and_cancels_all_the_time_fills_no_memory() {
    use MessageType::{Announce, Sync};
    let all = [Announce, Sync];
    let id = |i: u64| PortIdentity::new(ClockIdentity((i + 1).to_be_bytes()), 1);
    let from = |i: u64| Address::Ipv4(Ipv4Addr::from(0x0b00_0000 + i as u32));
    type Pest = dyn Fn(u64) -> (Address, Vec<u8>);
    let pests: [(&str, &Pest); 4] = [
        // A grant for an hour, given back at once.
        ("one who cancels", &move |i| {
            let octets = if i % 2 == 0 {
                request(id(0), &[(Announce, 15, 3600), (Sync, 15, 3600)])
            } else {
                cancel(id(0), &all)
            };
            (from(0), octets)
        }),
        ("many who cancel", &move |i| {
            let who = i / 2 % 50_000;
            let octets =
                if i % 2 == 0 { request(id(who), &[(Sync, 15, u32::MAX)]) } else { cancel(id(who), &all) };
            (from(who), octets)
        }),
        // Another interval each time.
        ("one who cannot decide", &move |i| {
            (from(0), request(id(0), &[(Announce, 5 + (i % 11) as i8, 3600)]))
        }),
        // After a message has come: its next is hours away.
        ("many who cannot decide", &move |i| {
            let octets = request(
                id(i % 50),
                &[(Announce, 5 + (i / 50 % 11) as i8, 3600), (Sync, 5 + (i / 50 % 11) as i8, 3600)],
            );
            (from(i % 50), octets)
        }),
    ];
    for (name, pest) in pests {
        let mut engine = Engine::new(server(1, |s| s.max_clients = 100), 1, Instant(0));
        let mut at = 0;
        engine.handle(Instant(at), Input::PortUp { port: PORT });
        // Alone it becomes master.
        for _ in 0..40 {
            at += SECOND / 2;
            engine.handle(Instant(at), Input::Tick);
            while engine.poll().is_some() {}
        }
        assert_eq!(engine.port_state(PORT), Some(PortState::Master));
        let (warm, _) = pestered(&mut engine, &mut at, 20, pest);
        let (more, sent) = pestered(&mut engine, &mut at, 40, pest);
        println!("{name}: {warm} octets after 20 s, {more} more after 60 s, {sent} messages");
        assert!(warm < 8 << 20, "{name}: {warm}");
        assert!(more < warm / 2 + (64 << 10), "{name}: {more} after {warm}");
        let stats = engine.unicast_server_stats(PORT).expect("a server");
        assert!(stats.clients <= 100 && stats.granted > 40_000, "{name}: {stats:?}");
        // An answer for each request, and a few messages: nobody is flooded because somebody asks.
        assert!(sent < 40 * 2000 * 16 / 10, "{name}: {sent}");
    }
}

#[test]
fn a_hundred_clients_are_served_on_while_thousands_of_strangers_ask_for_everything() {
    let mut configs = vec![server(1, |s| s.max_clients = 150)];
    configs.extend(
        (0..100).map(|_| client(&[0], |p| p.unicast_client.as_mut().expect("it is one").duration = 10)),
    );
    let mut n = Network::new(configs);
    n.run_until(20 * SECOND);
    assert!((1..=100).all(|i| n.state(i) == PortState::Slave));
    // A request every quarter of a millisecond, from ever new addresses, in the name of nobody or of a client that is there, for
    // intervals and durations from nothing to more than there is.
    let begin = n.now;
    let flood = 15 * SECOND;
    let mut asked = 0u64;
    while n.now < begin + flood {
        let stranger = Address::Ipv4(Ipv4Addr::from(0x0b00_0000 + asked as u32));
        let id = match asked % 3 {
            0 => PortIdentity::new(n.identity(1 + asked as usize % 100), 1),
            _ => PortIdentity::new(ClockIdentity((asked + 1).to_be_bytes()), 1),
        };
        let log = (asked * 7) as i8;
        let duration = [0, 1, 10, 300, u32::MAX][asked as usize % 5];
        let all = [
            (MessageType::Announce, log, duration),
            (MessageType::Sync, log, duration),
            (MessageType::DelayResp, log, duration),
        ];
        n.deliver(0, stranger, &request(id, &all), false);
        asked += 1;
        n.run_until(n.now + SECOND / 4000);
    }
    assert!(asked > 50_000, "{asked}");
    let stats = *n.engines[0].unicast_server_stats(PORT).expect("a server");
    assert!(stats.clients <= 150 && stats.refused() > asked, "{stats:?}");
    // Contracts of ten seconds were renewed in the middle of it: nobody missed more than a Sync or two of fifteen.
    for i in 1..=100 {
        assert_eq!(n.state(i), PortState::Slave, "client {i}");
        let syncs = n.count(begin, 0, MessageType::Sync, i);
        assert!(syncs >= 13, "client {i}: {syncs} Syncs");
    }
    println!("{asked} requests, {} refused, {} clients", stats.refused(), stats.clients);
}

#[test]
fn the_access_list_keeps_silent_towards_others() {
    let mut n = Network::new(vec![
        server(1, |s| {
            s.allow = vec![Prefix::Ipv4(Ipv4Addr::new(10, 0, 0, 0), 30)];
            s.deny = vec![Prefix::Ipv4(Ipv4Addr::new(10, 0, 0, 2), 32)];
        }),
        client(&[0], |_| ()),
        client(&[0], |_| ()),
        client(&[0], |_| ()),
        client(&[0], |_| ()),
    ]);
    n.run_until(10 * SECOND);
    let synchronised: Vec<_> = (1..5).filter(|i| n.state(*i) == PortState::Slave).collect();
    assert_eq!(synchronised, [1, 3]);
    for i in [2, 4] {
        assert!(!n.sent.iter().any(|(_, by, _, to)| *by == 0 && *to == Some(ip(i))), "nothing goes to {i}");
    }
    let stats = n.engines[0].port_stats(PORT).expect("a port");
    assert!(stats.dropped(DropCause::NotGranted) > 0);
}

#[test]
fn unasked_unicast_announces_and_syncs_are_dropped() {
    let mut n = Network::new(vec![server(1, |_| ()), client(&[0], |_| ()), server(0, |_| ())]);
    n.run_until(10 * SECOND);
    // Node 2 would be better, but nobody asked it: its own Announces, sent to the client all the same.
    let identity = n.identity(2);
    for sequence_id in 0..10 {
        let mut header = Header::new(MessageType::Announce);
        header.source_port_identity = PortIdentity::new(identity, 1);
        header.sequence_id = sequence_id;
        header.flags = Flags::UNICAST;
        let body = Body::Announce(ptp_wire::Announce {
            origin_timestamp: ptp_wire::Timestamp::ZERO,
            current_utc_offset: 37,
            grandmaster_priority1: 0,
            grandmaster_clock_quality: ClockQuality { clock_class: 6, ..ClockQuality::DEFAULT },
            grandmaster_priority2: 0,
            grandmaster_identity: identity,
            steps_removed: 0,
            time_source: ptp_wire::TimeSource::GNSS,
        });
        let mut buf = [0; 64];
        let len = Writer::new(&mut buf, &header, &body).expect("room").finish();
        n.deliver(1, ip(2), &buf[..len], false);
        // The same as if the true master had sent it, from elsewhere.
        header.source_port_identity = PortIdentity::new(n.identity(0), 1);
        let len = Writer::new(&mut buf, &header, &body).expect("room").finish();
        n.deliver(1, ip(2), &buf[..len], false);
        n.run_until(n.now + SECOND);
    }
    assert_eq!(n.parent(1), n.identity(0));
    assert_eq!(n.engines[1].port_stats(PORT).expect("a port").dropped(DropCause::NotGranted), 20);
    let grant_from_stranger = n
        .events
        .iter()
        .any(|(_, _, e)| matches!(e, Event::UnicastGranted { master, .. } if *master == ip(2)));
    assert!(!grant_from_stranger);
}

#[test]
fn draining_sends_everybody_away_politely() {
    let mut n = Network::new(vec![
        server(1, |_| ()),
        server(2, |_| ()),
        client(&[0, 1], |_| ()),
        client(&[0, 1], |_| ()),
    ]);
    n.run_until(20 * SECOND);
    assert_eq!((n.parent(2), n.parent(3)), (n.identity(0), n.identity(0)));
    let mut config = n.engines[0].config().clone();
    config.ports[0].unicast_server.as_mut().expect("a server").drain = true;
    n.engines[0].handle(Instant(n.now), Input::Configure(&config));
    n.drain(0);
    let at = n.now;
    // No announce receipt timeout: they go at once.
    n.run_until(at + SECOND);
    assert_eq!((n.parent(2), n.parent(3)), (n.identity(1), n.identity(1)));
    n.run_until(at + 20 * SECOND);
    assert_eq!((n.state(2), n.state(3)), (PortState::Slave, PortState::Slave));
    assert_eq!(n.engines[0].unicast_server_stats(PORT).expect("a server").clients, 0);
    assert_eq!(n.count(at + SECOND, 0, MessageType::Sync, 2), 0);
    // And back.
    config.ports[0].unicast_server.as_mut().expect("a server").drain = false;
    n.engines[0].handle(Instant(n.now), Input::Configure(&config));
    n.drain(0);
    n.run_until(n.now + 90 * SECOND);
    assert_eq!((n.parent(2), n.parent(3)), (n.identity(0), n.identity(0)));
}

#[test]
fn many_clients_cost_an_even_load() {
    let mut configs = vec![server(1, |s| s.max_clients = 2000)];
    configs.extend((0..200).map(|_| client(&[0], |p| p.log_sync_interval = LogInterval(-2))));
    let mut n = Network::new(configs);
    n.run_until(12 * SECOND);
    assert!((1..201).all(|i| n.state(i) == PortState::Slave));
    // 800 Syncs a second, in windows of 10 ms: 8 on average.
    let mut windows = [0u32; 200];
    for (at, by, t, _) in &n.sent {
        if *by == 0 && *t == MessageType::Sync && *at >= 10 * SECOND {
            windows[(((*at - 10 * SECOND) / 10_000_000) as usize).min(199)] += 1;
        }
    }
    let total: u32 = windows.iter().sum();
    assert!((1590..=1610).contains(&total), "{total}");
    let most = windows.iter().max().copied().unwrap_or(0);
    assert!(most <= 24, "a burst of {most} in 10 ms, where 8 are the mean");
}

#[test]
fn a_name_that_moves_is_followed() {
    let mut named = client(&[], |_| ());
    named.ports[0].unicast_client.as_mut().expect("a client").masters =
        vec![UnicastMaster { address: MasterAddress::Named("gm.example".into()), local_priority: 128 }];
    let mut n = Network::new(vec![server(1, |_| ()), server(2, |_| ()), named]);
    n.run_until(5 * SECOND);
    assert!(n.sent.iter().all(|(_, by, ..)| *by != 2), "nothing is asked of nobody");
    let resolve = |n: &mut Network, to| {
        let input = Input::MasterAddress { port: PORT, index: 0, address: to };
        n.engines[2].handle(Instant(n.now), input);
        n.drain(2);
    };
    resolve(&mut n, Some(ip(0)));
    n.run_until(20 * SECOND);
    assert_eq!((n.parent(2), n.state(2)), (n.identity(0), PortState::Slave));
    resolve(&mut n, Some(ip(1)));
    n.run_until(35 * SECOND);
    assert_eq!((n.parent(2), n.state(2)), (n.identity(1), PortState::Slave));
    resolve(&mut n, None);
    n.run_until(50 * SECOND);
    assert_eq!(n.state(2), PortState::Listening);
}

#[test]
fn the_interface_rate_told_with_a_grant_makes_up_for_a_slower_link() {
    // The client's link has a tenth of the server's rate: 656 bits of 9 ns more on the way back.
    for (told, taken) in [(true, true), (false, true), (true, false)] {
        let mut gm = server(100, |_| ());
        gm.ports[0].interface_rate_tlv = told;
        let rate = |c: &mut PortConfig| c.interface_rate_tlv = taken;
        let mut n = Network::new(vec![gm, client(&[0], rate)]);
        for (i, megabits) in [(0, 1000u64), (1, 100)] {
            let bits_per_second = Some(megabits * 1_000_000);
            n.engines[i].handle(Instant(0), Input::InterfaceRate { port: PORT, bits_per_second });
        }
        n.slower[1] = 656 * 9;
        n.exact = told && taken;
        n.run_until(20 * SECOND);
        assert_eq!(n.state(1), PortState::Slave);
        // Each sample was looked at as it came.
        assert!(n.samples[1] > 10, "{}", n.samples[1]);
        let wrong = n.engines[1].current_ds().offset_from_master.nanos();
        assert_eq!(wrong, if n.exact { 0 } else { -656 * 9 / 2 }, "told {told}, taken {taken}");
    }
}

/// Two servers as the telecom profile has them, and a client that prefers the first.
fn telecom_pair(change: impl Fn(&mut InstanceConfig)) -> Network {
    let servers = [10, 20].map(|local| {
        let mut c = server(128, |_| ());
        c.best_master = BestMaster::G8275;
        c.local_priority = local;
        c
    });
    let mut c = client(&[0, 1], |p| p.sync_receipt_timeout = 8);
    c.best_master = BestMaster::G8275;
    if let Some(table) = &mut c.ports[0].unicast_client {
        table.masters[0].local_priority = 1;
        table.masters[1].local_priority = 2;
    }
    c.wait_to_restore = core::time::Duration::from_secs(100);
    change(&mut c);
    let [a, b] = servers;
    Network::new(vec![a, b, c])
}

fn failures(n: &Network) -> Vec<(ClockIdentity, MasterFailure)> {
    let of = |e: &(u64, usize, Event)| match e.2 {
        Event::MasterFailed { master, why, .. } => Some((master.clock_identity, why)),
        _ => None,
    };
    n.events.iter().filter_map(of).collect()
}

#[test]
fn a_master_whose_syncs_alone_are_lost_yields_for_the_time_to_restore() {
    let mut n = telecom_pair(|_| ());
    n.run_until(20 * SECOND);
    assert_eq!(n.parent(2), n.identity(0), "the preferred one");
    // Its event messages do not get through any more; it announces and grants as before.
    n.mute = Some(0);
    let at = n.now;
    n.run_until(at + 40 * SECOND);
    assert_eq!(n.parent(2), n.identity(1));
    assert_eq!(n.state(2), PortState::Slave);
    assert_eq!(failures(&n), [(n.identity(0), MasterFailure::NoSync)]);
    assert!(n.count(at + 30 * SECOND, 0, MessageType::Announce, 2) > 2, "it announces all the time");
    assert_eq!(n.count(at + 30 * SECOND, 0, MessageType::Sync, 2), 0, "and is asked for nothing else");
    // Whole again, it is taken back when its time is over, and not before.
    n.mute = None;
    n.run_until(at + 90 * SECOND);
    assert_eq!(n.parent(2), n.identity(1));
    n.run_until(at + 130 * SECOND);
    assert_eq!(n.parent(2), n.identity(0));
}

#[test]
fn the_only_master_is_asked_again_when_its_syncs_are_lost() {
    let mut n = telecom_pair(|c| {
        if let Some(table) = &mut c.ports[0].unicast_client {
            table.masters.truncate(1);
        }
    });
    n.run_until(20 * SECOND);
    n.mute = Some(0);
    n.run_until(60 * SECOND);
    n.mute = None;
    n.run_until(80 * SECOND);
    // Its time to restore is not over, and there is none but it.
    assert_eq!((n.parent(2), n.state(2)), (n.identity(0), PortState::Slave));
}

#[test]
fn a_master_the_servo_does_not_lock_to_yields_where_a_time_is_set() {
    for patience in [None, Some(core::time::Duration::from_secs(30))] {
        let mut n = telecom_pair(|c| c.unusable_timeout = patience);
        n.noisy = Some(0);
        n.run_until(20 * SECOND);
        assert_eq!((n.parent(2), n.state(2)), (n.identity(0), PortState::Uncalibrated));
        n.run_until(60 * SECOND);
        if patience.is_none() {
            assert_eq!(n.parent(2), n.identity(0), "nobody asked for more");
            continue;
        }
        assert_eq!((n.parent(2), n.state(2)), (n.identity(1), PortState::Slave));
        assert_eq!(failures(&n), [(n.identity(0), MasterFailure::Unusable)]);
        // And if there is none but the two and both are: the better of them.
        n.noisy = None;
        n.run_until(150 * SECOND);
        assert_eq!((n.parent(2), n.state(2)), (n.identity(0), PortState::Slave));
    }
}

#[test]
fn a_change_of_class_reaches_every_unicast_client_within_a_tenth_of_its_interval() {
    const CLIENTS: usize = 40;
    let mut configs = vec![server(100, |_| ())];
    configs.extend((0..CLIENTS).map(|_| client(&[0], |p| p.log_announce_interval = LogInterval(2))));
    configs.iter_mut().for_each(|c| c.best_master = BestMaster::G8275);
    let mut n = Network::new(configs);
    n.run_until(60 * SECOND);
    let followed = |n: &Network| (1..=CLIENTS).filter(|i| n.parent(*i) == n.identity(0)).count();
    assert_eq!(followed(&n), CLIENTS);
    let mut changed = n.engines[0].config().clone();
    changed.clock_quality.clock_class = 7;
    let at = n.now;
    n.engines[0].handle(Instant(at), Input::Configure(&changed));
    n.drain(0);
    let class = |n: &Network, i: usize| n.engines[i].parent_ds().grandmaster_clock_quality.clock_class;
    // A tenth of 4 s, the wheel's slot and the wire.
    n.run_until(at + 402_000_000);
    let told = (1..=CLIENTS).filter(|i| class(&n, *i) == 7).count();
    assert_eq!(told, CLIENTS, "all of them know");
    let early: Vec<_> = n
        .sent
        .iter()
        .filter(|(t, i, kind, _)| *t >= at && *i == 0 && *kind == MessageType::Announce)
        .map(|(t, ..)| *t - at)
        .collect();
    assert_eq!(early.len(), CLIENTS, "each is told once");
    let first = early.iter().filter(|t| **t < 200_000_000).count();
    assert!((CLIENTS / 5..CLIENTS * 4 / 5).contains(&first), "spread, not in one burst: {early:?}");
    // After it, an interval as before.
    n.run_until(at + 4_402_000_000);
    assert_eq!(n.count(at, 0, MessageType::Announce, 1), 2);
}
