//! What passes, where to, and with which corrections.

use ptp_wire::{
    Body, Flags, LogInterval, Message, MessageType, PortIdentity, PortNumber, TimeInterval, Timestamp,
};
use ptpd::engine::{Destination, DropCause, Input, InstanceKind, Instant, MessageClass, PortState, Stamping};

use crate::bench::*;

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
fn peers_of_every_domain_are_answered() {
    let mut bench = Bench::new(InstanceKind::TransparentP2p, 2, |_, _| {});
    bench.pass(0); // its own first Pdelay_Reqs
    let mut h = header(MessageType::PdelayReq, MASTER, 44);
    h.domain_number = 77;
    h.correction = TimeInterval::from_nanos(3);
    let request = write(&h, &Body::PdelayReq { origin_timestamp: Timestamp::ZERO });
    let to_peers = envelope(1, Destination::PeerDelay);
    let sent = bench.receive(100 * US, 1, &request, &to_peers);
    assert_eq!(sent.len(), 1, "answered, and sent nowhere else");
    let of = |s: &Sent| (s.port, s.header().message_type, s.header().domain_number, s.header().sequence_id);
    assert_eq!(of(&sent[0]), (1, MessageType::PdelayResp, 77, 44));
    assert!(sent[0].header().flags.has(Flags::TWO_STEP));
    let follow_up = bench.stamp(180 * US, sent[0].token.expect("wanted"));
    assert_eq!(follow_up.len(), 1);
    assert_eq!(of(&follow_up[0]), (1, MessageType::PdelayRespFollowUp, 77, 44));
    let body = Body::PdelayRespFollowUp {
        response_origin_timestamp: Timestamp::ZERO,
        requesting_port_identity: MASTER,
    };
    assert_eq!((follow_up[0].body(), follow_up[0].correction_ns()), (body, 80_003.0));
    let sent_as = follow_up[0].envelope.expect("it goes as what passes");
    assert_eq!(sent_as.destination, Destination::PeerDelay);
    assert_eq!(sent_as.headers.as_slice(), b"", "by this clock's own address");
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
