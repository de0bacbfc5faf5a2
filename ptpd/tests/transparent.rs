//! A transparent clock, driven from outside: frames in, frames out, corrections exact to 2^-16 ns.

use ptp_wire::management::{
    Action, Content, DefaultDataSet, ManagementHeader, ManagementId, Payload, TransparentClockDefaultDataSet,
    TransparentClockPortDataSet,
};
use ptp_wire::{
    Announce, Body, ClockIdentity, ClockQuality, Flags, Header, LogInterval, Message, MessageType,
    PortIdentity, PortNumber, TimeInterval, TimePoint, TimeSource, Timestamp, TlvType, Writer,
};
use ptpd::engine::{
    Access, Address, Delay, Destination, DropCause, Engine, Envelope, FrameHeaders, Input, InstanceConfig,
    InstanceKind, Instant, MessageClass, Output, PortConfig, PortState, Stamping, TxToken,
};

const OWN: ClockIdentity = ClockIdentity([2, 0, 0, 0xff, 0xfe, 0, 0, 0xcc]);
const MASTER: PortIdentity = PortIdentity::new(ClockIdentity([1; 8]), 1);
const CLIENT: PortIdentity = PortIdentity::new(ClockIdentity([9; 8]), 1);
/// Our clock reads this at instant 0.
const EPOCH: i128 = 1_700_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;
const US: u64 = 1000;

/// A frame that left.
#[derive(Clone, Debug)]
struct Sent {
    port: u16,
    class: MessageClass,
    envelope: Option<Envelope>,
    octets: Vec<u8>,
    token: Option<TxToken>,
}

impl Sent {
    fn header(&self) -> Header {
        *Message::parse(&self.octets).expect("ours").header()
    }

    fn body(&self) -> Body {
        *Message::parse(&self.octets).expect("ours").body()
    }

    fn correction_ns(&self) -> f64 {
        self.header().correction.nanos_f64()
    }
}

struct Bench {
    engine: Engine,
    now: u64,
}

fn clock(ns: u64) -> TimePoint {
    TimePoint::from_nanos(EPOCH + i128::from(ns))
}

fn mac(last: u8) -> Address {
    Address::Ethernet([2, 0, 0, 0, 0, last])
}

fn envelope(source: u8, destination: Destination) -> Envelope {
    let headers = FrameHeaders::new(&[source; 14]).expect("it fits");
    Envelope { source: mac(source), destination, headers }
}

fn group(source: u8) -> Envelope {
    envelope(source, Destination::Primary)
}

impl Bench {
    fn new(kind: InstanceKind, ports: u16, change: impl Fn(u16, &mut PortConfig)) -> Self {
        let ports = (1..=ports)
            .map(|n| {
                let mut port = PortConfig::new(&format!("eth{n}"));
                port.delay = if kind == InstanceKind::TransparentP2p { Delay::P2p } else { Delay::E2e };
                change(n, &mut port);
                port
            })
            .collect();
        let mut config = InstanceConfig::new(OWN, ports);
        config.kind = kind;
        let mut bench = Self { engine: Engine::new(config, 1, Instant(0)), now: 0 };
        for n in 1..=bench.engine.config().ports.len() as u16 {
            bench.engine.handle(Instant(0), Input::PortUp { port: PortNumber(n) });
        }
        bench.drain();
        bench
    }

    fn e2e(ports: u16) -> Self {
        Self::new(InstanceKind::TransparentE2e, ports, |_, _| {})
    }

    fn drain(&mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Transit { port, class, envelope, octets, stamp } => all.push(Sent {
                    port: port.0,
                    class,
                    envelope: Some(envelope),
                    octets: octets.to_vec(),
                    token: stamp,
                }),
                Output::Transmit { port, class, octets, stamp, .. } => all.push(Sent {
                    port: port.0,
                    class,
                    envelope: None,
                    octets: octets.to_vec(),
                    token: stamp,
                }),
                Output::LocalReply { octets, .. } => all.push(Sent {
                    port: 0,
                    class: MessageClass::General,
                    envelope: None,
                    octets: octets.to_vec(),
                    token: None,
                }),
                _ => {}
            }
        }
        all
    }

    /// A frame comes in at `ns`, stamped if it is an event message.
    fn receive(&mut self, ns: u64, port: u16, octets: &[u8], envelope: &Envelope) -> Vec<Sent> {
        self.now = self.now.max(ns);
        let stamp = (octets[0] & 0xf < 8).then(|| clock(ns));
        let input = Input::Transit { port: PortNumber(port), octets, stamp, envelope };
        self.engine.handle(Instant(self.now), input);
        self.drain()
    }

    fn stamp(&mut self, ns: u64, token: TxToken) -> Vec<Sent> {
        self.now = self.now.max(ns);
        self.engine.handle(Instant(self.now), Input::TransmitStamp { token, stamp: Some(clock(ns)) });
        self.drain()
    }

    fn pass(&mut self, ns: u64) -> Vec<Sent> {
        self.now += ns;
        self.engine.handle(Instant(self.now), Input::Tick);
        self.drain()
    }

    fn dropped(&self, port: u16, cause: DropCause) -> u64 {
        self.engine.port_stats(PortNumber(port)).expect("there").dropped(cause)
    }
}

fn header(message_type: MessageType, source: PortIdentity, sequence_id: u16) -> Header {
    let mut header = Header::new(message_type);
    header.source_port_identity = source;
    header.sequence_id = sequence_id;
    header.log_message_interval = LogInterval(0);
    header
}

fn write(header: &Header, body: &Body) -> Vec<u8> {
    let mut octets = vec![0; 128];
    let length = Writer::new(&mut octets, header, body).expect("it fits").finish();
    octets.truncate(length);
    octets
}

fn sync(sequence_id: u16, two_step: bool) -> Vec<u8> {
    let mut h = header(MessageType::Sync, MASTER, sequence_id);
    h.flags = Flags::NONE.with(Flags::TWO_STEP, two_step);
    let origin_timestamp = if two_step { Timestamp::ZERO } else { clock(0).split().0 };
    write(&h, &Body::Sync { origin_timestamp })
}

fn follow_up(sequence_id: u16, correction_ns: i64) -> Vec<u8> {
    let mut h = header(MessageType::FollowUp, MASTER, sequence_id);
    h.correction = TimeInterval::from_nanos(correction_ns);
    write(&h, &Body::FollowUp { precise_origin_timestamp: clock(0).split().0 })
}

fn delay_req(sequence_id: u16) -> Vec<u8> {
    let h = header(MessageType::DelayReq, CLIENT, sequence_id);
    write(&h, &Body::DelayReq { origin_timestamp: Timestamp::ZERO })
}

fn delay_resp(sequence_id: u16) -> Vec<u8> {
    let h = header(MessageType::DelayResp, MASTER, sequence_id);
    let receive_timestamp = clock(0).split().0;
    write(&h, &Body::DelayResp { receive_timestamp, requesting_port_identity: CLIENT })
}

fn announce() -> Vec<u8> {
    let body = Body::Announce(Announce {
        origin_timestamp: Timestamp::ZERO,
        current_utc_offset: 37,
        grandmaster_priority1: 1,
        grandmaster_clock_quality: ClockQuality::DEFAULT,
        grandmaster_priority2: 1,
        grandmaster_identity: MASTER.clock_identity,
        steps_removed: 0,
        time_source: TimeSource::GNSS,
    });
    write(&header(MessageType::Announce, MASTER, 5), &body)
}

#[test]
fn residence_of_a_sync_goes_into_its_follow_up_on_each_port() {
    let mut bench = Bench::e2e(3);
    let sent = bench.receive(100 * US, 1, &sync(7, true), &group(1));
    assert_eq!(
        sent.iter().map(|s| (s.port, s.class)).collect::<Vec<_>>(),
        [(2, MessageClass::Event), (3, MessageClass::Event)]
    );
    for s in &sent {
        assert_eq!(s.octets, sync(7, true), "untouched");
        assert_eq!(s.envelope, Some(group(1)), "addresses survive");
    }
    assert!(bench.stamp(130 * US, sent[0].token.expect("wanted")).is_empty());
    // Port 3 has not told yet: its Follow_Up waits.
    let follow_ups = bench.receive(140 * US, 1, &follow_up(7, 11), &group(1));
    assert_eq!(follow_ups.len(), 1);
    assert_eq!((follow_ups[0].port, follow_ups[0].correction_ns()), (2, 30_011.0));
    let late = bench.stamp(175 * US, sent[1].token.expect("wanted"));
    assert_eq!(late.len(), 1);
    assert_eq!((late[0].port, late[0].class, late[0].correction_ns()), (3, MessageClass::General, 75_011.0));
    assert_eq!(late[0].body(), Message::parse(&follow_up(7, 0)).expect("ours").body().to_owned());
    assert_eq!(bench.dropped(1, DropCause::Unmatched), 0);
    assert_eq!(bench.engine.port_state(PortNumber(1)), Some(PortState::Listening));
}

#[test]
fn asymmetry_and_latencies_count() {
    let mut bench = Bench::new(InstanceKind::TransparentE2e, 2, |_, p| {
        p.delay_asymmetry = TimeInterval::from_nanos(50);
        p.egress_latency = TimeInterval::from_nanos(7);
        p.ingress_latency = TimeInterval::from_nanos(3);
    });
    let sent = bench.receive(100 * US, 1, &sync(1, true), &group(1));
    bench.stamp(130 * US, sent[0].token.expect("wanted"));
    let out = bench.receive(140 * US, 1, &follow_up(1, 0), &group(1));
    assert_eq!(out[0].correction_ns(), 30_060.0);
    let sent = bench.receive(200 * US, 2, &delay_req(1), &group(9));
    bench.stamp(220 * US, sent[0].token.expect("wanted"));
    let out = bench.receive(230 * US, 1, &delay_resp(1), &group(1));
    assert_eq!(out[0].correction_ns(), 20_000.0 + 10.0 - 50.0);
}

#[test]
fn residence_of_a_request_goes_into_the_answer_that_comes_back_there() {
    let mut bench = Bench::e2e(3);
    let sent = bench.receive(100 * US, 2, &delay_req(3), &group(9));
    assert_eq!(sent.iter().map(|s| s.port).collect::<Vec<_>>(), [1, 3]);
    bench.stamp(110 * US, sent[0].token.expect("wanted"));
    bench.stamp(190 * US, sent[1].token.expect("wanted"));
    let answers = bench.receive(300 * US, 1, &delay_resp(3), &group(1));
    assert_eq!(
        answers.iter().map(|s| (s.port, s.correction_ns())).collect::<Vec<_>>(),
        [(2, 10_000.0), (3, 10_000.0)]
    );
    // Nobody asked for this one.
    assert!(bench.receive(301 * US, 1, &delay_resp(4), &group(1)).is_empty());
    assert_eq!(bench.dropped(1, DropCause::Unmatched), 1);
    // The answer may be faster than the stamp.
    let sent = bench.receive(400 * US, 2, &delay_req(5), &group(9));
    assert!(bench.receive(410 * US, 3, &delay_resp(5), &group(1)).is_empty());
    let answers = bench.stamp(405 * US, sent[1].token.expect("wanted"));
    assert_eq!(
        answers.iter().map(|s| (s.port, s.correction_ns())).collect::<Vec<_>>(),
        [(1, 5000.0), (2, 5000.0)]
    );
    assert!(answers.iter().all(|s| s.header().message_type == MessageType::DelayResp));
}

#[test]
fn peer_delay_passes_an_end_to_end_clock_with_both_residences() {
    for two_step in [true, false] {
        let mut bench = Bench::e2e(2);
        let to_peers = envelope(9, Destination::PeerDelay);
        let request = write(
            &header(MessageType::PdelayReq, CLIENT, 1),
            &Body::PdelayReq { origin_timestamp: Timestamp::ZERO },
        );
        let sent = bench.receive(100 * US, 1, &request, &to_peers);
        bench.stamp(112 * US, sent[0].token.expect("wanted"));
        let mut h = header(MessageType::PdelayResp, MASTER, 1);
        h.flags = Flags::NONE.with(Flags::TWO_STEP, two_step);
        h.correction = TimeInterval::from_nanos(if two_step { 0 } else { 500 });
        let response = write(
            &h,
            &Body::PdelayResp {
                request_receipt_timestamp: Timestamp::ZERO,
                requesting_port_identity: CLIENT,
            },
        );
        let sent = bench.receive(200 * US, 2, &response, &to_peers);
        assert!(sent[0].header().flags.has(Flags::TWO_STEP));
        let mut out = bench.stamp(230 * US, sent[0].token.expect("wanted"));
        if two_step {
            let h = header(MessageType::PdelayRespFollowUp, MASTER, 1);
            let body = Body::PdelayRespFollowUp {
                response_origin_timestamp: Timestamp::ZERO,
                requesting_port_identity: CLIENT,
            };
            out.extend(bench.receive(240 * US, 2, &write(&h, &body), &to_peers));
        } else {
            assert_eq!(sent[0].correction_ns(), 500.0, "the turnaround stays");
        }
        assert_eq!(out.len(), 1);
        assert_eq!(out[0].header().message_type, MessageType::PdelayRespFollowUp);
        assert_eq!((out[0].port, out[0].correction_ns()), (1, 42_000.0));
    }
}

#[test]
fn a_one_step_sync_becomes_a_two_step_one() {
    let mut bench = Bench::e2e(2);
    let mut one_step = sync(9, false);
    one_step[8..16].copy_from_slice(&TimeInterval::from_nanos(40).0.to_be_bytes());
    let sent = bench.receive(100 * US, 1, &one_step, &group(1));
    assert!(sent[0].header().flags.has(Flags::TWO_STEP));
    assert_eq!(sent[0].correction_ns(), 40.0);
    let made = bench.stamp(160 * US, sent[0].token.expect("wanted"));
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].port, made[0].class, made[0].correction_ns()), (2, MessageClass::General, 60_000.0));
    assert_eq!(made[0].body(), Body::FollowUp { precise_origin_timestamp: clock(0).split().0 });
    let h = made[0].header();
    assert_eq!((h.source_port_identity, h.sequence_id, h.flags), (MASTER, 9, Flags::NONE));
    assert_eq!(made[0].envelope, Some(group(1)));
}

#[test]
fn a_card_that_writes_sync_keeps_it_one_step() {
    let mut bench = Bench::new(InstanceKind::TransparentE2e, 2, |n, p| {
        if n == 2 {
            p.stamping = Stamping::OneStep;
            p.egress_latency = TimeInterval::from_nanos(8);
        }
    });
    let mut one_step = sync(9, false);
    one_step[8..16].copy_from_slice(&TimeInterval::from_nanos(40).0.to_be_bytes());
    let sent = bench.receive(100 * US, 1, &one_step, &group(1));
    assert_eq!((sent.len(), sent[0].token), (1, None));
    assert!(!sent[0].header().flags.has(Flags::TWO_STEP));
    // The card puts the time it left, 123 us, into originTimestamp: with the correction that is when it left the master
    // (0, and 40 ns on the way), and the 23 us and the card's own 8 ns here.
    let total = clock(123 * US) + sent[0].header().correction;
    assert_eq!(total, clock(23 * US) + TimeInterval::from_nanos(48));
    // A two-step one stays two-step: the card leaves it alone.
    let sent = bench.receive(200 * US, 1, &sync(10, true), &group(1));
    assert!(sent[0].token.is_some());
}

#[test]
fn other_messages_pass_untouched_in_every_domain() {
    let mut bench = Bench::e2e(3);
    let mut other_domain = announce();
    other_domain[4] = 77;
    let signaling = write(
        &header(MessageType::Signaling, MASTER, 5),
        &Body::Signaling { target_port_identity: PortIdentity::ANY },
    );
    for (i, octets) in [announce(), other_domain, signaling].iter().enumerate() {
        let sent = bench.receive(i as u64, 2, octets, &group(1));
        assert_eq!(sent.iter().map(|s| s.port).collect::<Vec<_>>(), [1, 3]);
        assert!(sent.iter().all(|s| s.octets == *octets && s.token.is_none()));
    }
    // Residence of another domain's Sync counts as well.
    let mut s = sync(1, true);
    s[4] = 77;
    let mut f = follow_up(1, 0);
    f[4] = 77;
    let sent = bench.receive(100 * US, 1, &s, &group(1));
    bench.stamp(120 * US, sent[0].token.expect("wanted"));
    assert!(bench.receive(130 * US, 1, &follow_up(1, 0), &group(1)).is_empty(), "of domain 0");
    let out = bench.receive(130 * US, 1, &f, &group(1));
    assert_eq!((out[0].port, out[0].correction_ns()), (2, 20_000.0));
}

#[test]
fn unicast_goes_where_its_receiver_is() {
    let mut bench = Bench::e2e(4);
    // The master was heard on port 1, the client on port 3.
    bench.receive(0, 1, &announce(), &group(1));
    bench.receive(1, 3, &delay_req(1), &group(9));
    let to_client = envelope(1, Destination::Unicast(mac(9)));
    let to_master = envelope(9, Destination::Unicast(mac(1)));
    let sent = bench.receive(100 * US, 1, &sync(50, true), &to_client);
    assert_eq!(sent.iter().map(|s| s.port).collect::<Vec<_>>(), [3]);
    bench.stamp(117 * US, sent[0].token.expect("wanted"));
    let out = bench.receive(120 * US, 1, &follow_up(50, 0), &to_client);
    assert_eq!(out.iter().map(|s| (s.port, s.correction_ns())).collect::<Vec<_>>(), [(3, 17_000.0)]);
    assert_eq!(out[0].envelope, Some(to_client));
    let sent = bench.receive(200 * US, 3, &delay_req(51), &to_master);
    assert_eq!(sent.iter().map(|s| s.port).collect::<Vec<_>>(), [1]);
    // The answer waits for the stamp and then goes to the client alone.
    assert!(bench.receive(230 * US, 1, &delay_resp(51), &to_client).is_empty());
    let out = bench.stamp(209 * US, sent[0].token.expect("wanted"));
    assert_eq!(out.iter().map(|s| (s.port, s.correction_ns())).collect::<Vec<_>>(), [(3, 9000.0)]);
    // Of a stranger nobody knows where it is.
    let to_stranger = envelope(1, Destination::Unicast(mac(200)));
    let sent = bench.receive(300 * US, 1, &announce(), &to_stranger);
    assert_eq!(sent.iter().map(|s| s.port).collect::<Vec<_>>(), [2, 3, 4]);
    // A neighbour of the sender is none of our business.
    bench.receive(400 * US, 1, &sync(60, true), &group(2));
    let to_neighbour = envelope(1, Destination::Unicast(mac(2)));
    assert!(bench.receive(401 * US, 1, &announce(), &to_neighbour).is_empty());
}

#[test]
fn what_went_in_a_circle_ends_here() {
    let mut bench = Bench::e2e(3);
    assert_eq!(bench.receive(0, 1, &announce(), &group(1)).len(), 2);
    assert!(bench.receive(50 * US, 2, &announce(), &group(1)).is_empty());
    assert!(bench.receive(60 * US, 3, &announce(), &group(1)).is_empty());
    assert_eq!(bench.dropped(2, DropCause::Looped) + bench.dropped(3, DropCause::Looped), 2);
    // And what this clock sent itself.
    let own = write(
        &header(MessageType::Announce, PortIdentity::new(OWN, 1), 1),
        &Body::Announce(Announce {
            origin_timestamp: Timestamp::ZERO,
            current_utc_offset: 0,
            grandmaster_priority1: 0,
            grandmaster_clock_quality: ClockQuality::DEFAULT,
            grandmaster_priority2: 0,
            grandmaster_identity: OWN,
            steps_removed: 0,
            time_source: TimeSource::GNSS,
        }),
    );
    assert!(bench.receive(70 * US, 2, &own, &group(1)).is_empty());
    assert_eq!(bench.dropped(2, DropCause::Own), 1);
}

#[test]
fn halves_without_the_other_are_dropped_after_a_second_and_a_flood_of_them_is_bounded() {
    let mut bench = Bench::e2e(2);
    let sent = bench.receive(0, 1, &sync(1, true), &group(1));
    bench.stamp(1000, sent[0].token.expect("wanted"));
    assert_eq!(bench.engine.next_deadline(), Some(Instant(SECOND)));
    bench.pass(SECOND);
    assert_eq!(bench.dropped(2, DropCause::Unmatched), 1);
    assert_eq!(bench.engine.next_deadline(), None, "nothing is left to do");
    // Made-up Syncs and Follow_Ups without end: what they cost is the same after the first thousand.
    let flood = |bench: &mut Bench, rounds: u16| {
        for i in 0..rounds {
            let mut forged = follow_up(i, 0);
            forged[20] = (i >> 8) as u8;
            bench.receive(bench.now + 10, 1, &forged, &group(3));
            let mut forged = sync(i.wrapping_mul(31), true);
            forged[21] = (i >> 8) as u8;
            bench.receive(bench.now + 10, 1, &forged, &group(4));
        }
    };
    flood(&mut bench, 2000);
    let counted = allocation_counter::measure(|| flood(&mut bench, 20_000));
    // Every slot's buffer may have grown to hold one of them.
    assert!(counted.bytes_current < 64 * 1024, "{counted:?}");
    // Whoever speaks in the middle of it is served.
    let sent = bench.receive(bench.now + 1, 1, &sync(7, true), &group(1));
    let came = bench.now;
    bench.stamp(came + 44_000, sent[0].token.expect("wanted"));
    let out = bench.receive(came + 45_000, 1, &follow_up(7, 0), &group(1));
    assert_eq!(out[0].correction_ns(), 44_000.0);
}

#[test]
fn a_lost_stamp_costs_one_follow_up_and_a_stepped_clock_what_was_under_way() {
    let mut bench = Bench::e2e(2);
    let sent = bench.receive(0, 1, &sync(1, true), &group(1));
    let token = sent[0].token.expect("wanted");
    bench.engine.handle(Instant(5), Input::TransmitStamp { token, stamp: None });
    assert!(bench.receive(10, 1, &follow_up(1, 0), &group(1)).is_empty());
    assert_eq!(bench.engine.port_stats(PortNumber(2)).map(|s| s.tx_stamps_lost), Some(1));
    let sent = bench.receive(100 * US, 1, &sync(2, true), &group(1));
    bench.engine.handle(Instant(110 * US), Input::ClockStepped);
    assert!(bench.stamp(120 * US, sent[0].token.expect("wanted")).is_empty());
    assert!(bench.receive(130 * US, 1, &follow_up(2, 0), &group(1)).is_empty());
}

#[test]
fn nothing_goes_to_a_port_that_is_down_or_comes_from_it() {
    let mut bench = Bench::e2e(3);
    let cause = ptpd::engine::DownCause::Link;
    bench.engine.handle(Instant(0), Input::PortDown { port: PortNumber(2), cause });
    let sent = bench.receive(1, 1, &announce(), &group(1));
    assert_eq!(sent.iter().map(|s| s.port).collect::<Vec<_>>(), [3]);
    assert!(bench.receive(2, 2, &delay_req(1), &group(1)).is_empty());
    assert_eq!(bench.dropped(2, DropCause::PortDown), 1);
}

/// Answers port 1's Pdelay_Req as a peer 500 ns away; returns whether there was one.
fn be_a_peer(bench: &mut Bench) -> bool {
    let asked = bench.pass(SECOND);
    let Some(request) = asked.iter().find(|s| s.port == 1 && s.token.is_some()) else { return false };
    let (at, number) = (bench.now, request.header().sequence_id);
    bench.stamp(at, request.token.expect("wanted"));
    let mut h = header(MessageType::PdelayResp, MASTER, number);
    h.correction = TimeInterval::from_nanos(9000);
    let requesting_port_identity = request.header().source_port_identity;
    let body = Body::PdelayResp { request_receipt_timestamp: Timestamp::ZERO, requesting_port_identity };
    assert!(
        bench.receive(at + 10_000, 1, &write(&h, &body), &envelope(1, Destination::PeerDelay)).is_empty()
    );
    true
}

#[test]
fn a_peer_to_peer_clock_adds_the_ingress_link_and_keeps_peer_delay_to_itself() {
    let mut bench = Bench::new(InstanceKind::TransparentP2p, 2, |_, p| {
        p.log_min_pdelay_req_interval = LogInterval(-1);
    });
    bench.pass(0); // its own first Pdelay_Reqs
    // Before the link is measured, nothing that would be wrong passes.
    assert!(bench.receive(0, 1, &sync(1, true), &group(1)).is_empty());
    assert_eq!(bench.dropped(1, DropCause::NoLinkDelay), 1);
    assert!(be_a_peer(&mut bench));
    assert_eq!(bench.engine.port_delay(PortNumber(1)), Some(TimeInterval::from_nanos(500)));
    let at = bench.now + US;
    let sent = bench.receive(at, 1, &sync(2, true), &group(1));
    assert_eq!(sent.len(), 1);
    bench.stamp(at + 20_000, sent[0].token.expect("wanted"));
    let out = bench.receive(at + 30_000, 1, &follow_up(2, 0), &group(1));
    assert_eq!((out[0].port, out[0].correction_ns()), (2, 20_500.0));
    // Delay_Req and Delay_Resp are of the other mechanism.
    assert!(bench.receive(at + 40_000, 2, &delay_req(1), &group(9)).is_empty());
    assert!(bench.receive(at + 40_000, 1, &delay_resp(1), &group(1)).is_empty());
    assert_eq!(bench.dropped(2, DropCause::Mechanism) + bench.dropped(1, DropCause::Mechanism), 2);
    // A peer's request is answered here, and goes no further.
    let body = Body::PdelayReq { origin_timestamp: Timestamp::ZERO };
    let request = write(&header(MessageType::PdelayReq, MASTER, 1), &body);
    let sent = bench.receive(at + 50_000, 1, &request, &envelope(1, Destination::PeerDelay));
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].port, sent[0].header().message_type), (1, MessageType::PdelayResp));
    assert_eq!(sent[0].header().source_port_identity, PortIdentity::new(OWN, 1));
}

#[test]
fn residence_is_told_in_the_grandmasters_seconds() {
    for syntonise in [true, false] {
        let mut bench = Bench::e2e(2);
        let mut config = bench.engine.config().clone();
        config.syntonise = syntonise;
        bench.engine.handle(Instant(0), Input::Configure(&config));
        // Our clock counts 100 ppm too many.
        for i in 0..20u64 {
            let at = i * SECOND + i * 100_000;
            let mut s = sync(i as u16, false);
            let origin = clock(i * SECOND).split().0;
            s[34..40].copy_from_slice(&origin.seconds().to_be_bytes()[2..]);
            s[40..44].copy_from_slice(&origin.nanoseconds().to_be_bytes());
            let sent = bench.receive(at, 1, &s, &group(1));
            bench.stamp(at + 50 * US, sent[0].token.expect("wanted"));
        }
        let ratio = bench.engine.rate_ratio().expect("measured");
        assert!((ratio - 1.0 / 1.0001).abs() < 1e-12, "{ratio}");
        let at = 20 * SECOND;
        let sent = bench.receive(at, 1, &sync(99, true), &group(1));
        bench.stamp(at + 1_000_000, sent[0].token.expect("wanted"));
        let out = bench.receive(at + 1_100_000, 1, &follow_up(99, 0), &group(1));
        let expected = if syntonise { 1e6 / 1.0001 } else { 1e6 };
        assert!((out[0].correction_ns() - expected).abs() < 0.001, "{}", out[0].correction_ns());
    }
}

fn get(id: ManagementId, target: PortIdentity, hops: u8) -> Vec<u8> {
    let mut h = header(MessageType::Management, PortIdentity::new(ClockIdentity([5; 8]), 77), id.0);
    h.log_message_interval = LogInterval::NOT_APPLICABLE;
    let body = Body::Management(ManagementHeader {
        target_port_identity: target,
        starting_boundary_hops: hops,
        boundary_hops: hops,
        action: Action::Get,
    });
    let mut octets = vec![0; 256];
    let mut writer = Writer::new(&mut octets, &h, &body).expect("it fits");
    writer.tlv_with(TlvType::MANAGEMENT, |room| Payload::Raw(id, &[]).emit(room)).expect("it fits");
    let length = writer.finish();
    octets.truncate(length);
    octets
}

fn answer<T>(sent: &Sent, take: impl FnOnce(Payload<'_>) -> T) -> T {
    let message = Message::parse(&sent.octets).expect("ours");
    match Content::of(&message).expect("management") {
        Content::Management(tlv) => take(tlv.payload().expect("of its kind")),
        Content::Error(e) => panic!("{} for {}", e.error, e.id),
    }
}

#[test]
fn it_is_managed_like_any_other_clock() {
    let mut bench = Bench::new(InstanceKind::TransparentP2p, 2, |_, _| {});
    let local = |bench: &mut Bench, id| {
        let octets = get(id, PortIdentity::ANY, 0);
        let input = Input::LocalManagement { octets: &octets, access: Access::ReadWrite, peer: 1 };
        bench.engine.handle(Instant(bench.now), input);
        let mut sent = bench.drain();
        sent.retain(|s| s.port == 0);
        sent
    };
    let sent = local(&mut bench, ManagementId::TRANSPARENT_CLOCK_DEFAULT_DATA_SET);
    answer(&sent[0], |payload| {
        assert_eq!(
            payload,
            Payload::TransparentClockDefaultDataSet(TransparentClockDefaultDataSet {
                clock_identity: OWN,
                number_ports: 2,
                delay_mechanism: 2,
                primary_domain: 0,
            })
        );
    });
    let sent = local(&mut bench, ManagementId::TRANSPARENT_CLOCK_PORT_DATA_SET);
    assert_eq!(sent.len(), 2);
    answer(&sent[1], |payload| {
        assert_eq!(
            payload,
            Payload::TransparentClockPortDataSet(TransparentClockPortDataSet {
                port_identity: PortIdentity::new(OWN, 2),
                faulty: false,
                log_min_pdelay_req_interval: LogInterval(0),
                peer_mean_path_delay: TimeInterval::ZERO,
            })
        );
    });
    let sent = local(&mut bench, ManagementId::DEFAULT_DATA_SET);
    let two_ports = |p: Payload<'_>| {
        matches!(p, Payload::DefaultDataSet(DefaultDataSet { number_ports: 2, two_step: true, .. }))
    };
    assert!(answer(&sent[0], two_ports));
    let sent = local(&mut bench, ManagementId::CLOCK_DESCRIPTION);
    assert!(answer(&sent[0], |p| {
        matches!(p, Payload::ClockDescription(d)
            if d.clock_type == ptp_wire::management::ClockType::P2P_TRANSPARENT)
    }));
}

#[test]
fn management_from_the_network_is_answered_and_passes() {
    let mut bench = Bench::e2e(3);
    // To all: an answer where it came from, and everybody else hears it, hops untouched.
    let octets = get(ManagementId::DEFAULT_DATA_SET, PortIdentity::ANY, 2);
    let sent = bench.receive(0, 2, &octets, &group(1));
    let on: Vec<_> = sent.iter().filter(|s| s.envelope.is_some()).collect();
    assert_eq!(on.iter().map(|s| s.port).collect::<Vec<_>>(), [1, 3]);
    assert!(on.iter().all(|s| s.octets == octets));
    let answers: Vec<_> = sent.iter().filter(|s| s.envelope.is_none()).collect();
    assert_eq!(answers.len(), 1);
    assert_eq!((answers[0].port, answers[0].header().source_port_identity), (2, PortIdentity::new(OWN, 2)));
    // To this clock: answered, and goes no further.
    let octets = get(ManagementId::PRIORITY1, PortIdentity::new(OWN, 0xffff), 2);
    let sent = bench.receive(1, 2, &octets, &group(1));
    assert_eq!(sent.len(), 1);
    assert!(sent[0].envelope.is_none());
    // To another: passes only.
    let octets = get(ManagementId::PRIORITY2, MASTER, 1);
    let sent = bench.receive(2, 2, &octets, &group(1));
    assert_eq!(
        sent.iter().map(|s| (s.port, s.envelope.is_some())).collect::<Vec<_>>(),
        [(1, true), (3, true)]
    );
    // Of another domain: it is not this instance that is asked.
    let mut octets = get(ManagementId::SLAVE_ONLY, PortIdentity::ANY, 1);
    octets[4] = 9;
    let sent = bench.receive(3, 2, &octets, &group(1));
    assert!(sent.len() == 2 && sent.iter().all(|s| s.envelope.is_some()));
}

#[test]
fn a_local_client_reaches_the_network_and_hears_its_answers() {
    let mut bench = Bench::e2e(2);
    let octets = get(ManagementId::DEFAULT_DATA_SET, MASTER, 1);
    let input = Input::LocalManagement { octets: &octets, access: Access::ReadWrite, peer: 3 };
    bench.engine.handle(Instant(0), input);
    let sent = bench.drain();
    assert_eq!(sent.iter().map(|s| s.port).collect::<Vec<_>>(), [1, 2]);
    let mut response = octets;
    response[20..30].copy_from_slice(&[[1; 8].as_slice(), &[0, 1]].concat());
    response[34..44].copy_from_slice(&[[5; 8].as_slice(), &[0, 77]].concat());
    response[46] = Action::Response as u8;
    let sent = bench.receive(1, 1, &response, &group(1));
    assert!(sent.iter().any(|s| s.port == 0), "the client");
    assert!(sent.iter().any(|s| s.port == 2 && s.octets == response), "and whoever is behind port 2");
}

#[test]
fn a_frame_to_this_host_alone_does_not_pass() {
    let mut bench = Bench::e2e(2);
    let mut octets = get(ManagementId::DEFAULT_DATA_SET, PortIdentity::ANY, 0);
    octets[6] |= 0x04;
    let input = Input::Frame { port: PortNumber(1), octets: &octets, stamp: None, source: mac(5) };
    bench.engine.handle(Instant(0), input);
    let sent = bench.drain();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].port, sent[0].envelope), (1, None));
}

#[test]
fn passing_on_allocates_nothing_once_it_runs() {
    let mut bench = Bench::e2e(4);
    let frames: Vec<_> =
        (0..1000u16).map(|i| (sync(i, true), follow_up(i, 0), delay_req(i), delay_resp(i))).collect();
    let e = group(1);
    let mut left = 0;
    let mut run = |bench: &mut Bench, frames: &[(Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>)], from: u64| {
        let mut tokens = [TxToken(0); 8];
        for (i, (sync, follow_up, request, response)) in frames.iter().enumerate() {
            let at = from + i as u64 * 1_000_000;
            for (port, octets) in [(1, sync), (1, follow_up), (2, request), (1, response)] {
                let now = Instant(at);
                let stamp = (octets[0] & 0xf < 8).then(|| clock(at));
                let input = Input::Transit { port: PortNumber(port), octets, stamp, envelope: &e };
                bench.engine.handle(now, input);
                let mut n = 0;
                while let Some(output) = bench.engine.poll() {
                    if let Output::Transit { stamp, octets, .. } = output {
                        left += usize::from(octets[0] & 0xf >= 8);
                        if let Some(token) = stamp {
                            tokens[n] = token;
                            n += 1;
                        }
                    }
                }
                for token in tokens.iter().take(n) {
                    let stamp = Some(clock(at + 10));
                    bench.engine.handle(now, Input::TransmitStamp { token: *token, stamp });
                    while bench.engine.poll().is_some() {}
                }
            }
        }
    };
    // Twice round the tables first.
    run(&mut bench, &frames, 0);
    run(&mut bench, &frames, 10 * SECOND);
    let counted = allocation_counter::measure(|| run(&mut bench, &frames, 20 * SECOND));
    assert_eq!(counted.count_total, 0, "{counted:?}");
    assert_eq!(left, 3 * 1000 * (3 + 3), "a Follow_Up and a Delay_Resp to three ports each");
}
