//! Who is told what, and for how long.

use super::*;

fn subscribe(duration: u16, events: &[NotifyEvent]) -> Vec<u8> {
    let events = events.iter().fold(EventMask::NONE, |mask, e| mask.with(*e, true));
    set(&Payload::SubscribeEventsNp(SubscribeEventsNp { duration, events }))
}

fn ids(out: &[Out]) -> Vec<ManagementId> {
    out.iter().map(|o| o.content().id()).collect()
}

#[test]
fn subscribers_are_told_of_port_states() {
    let mut bench = Bench::new(2);
    let octets = subscribe(60, &[NotifyEvent::PortState]);
    assert_eq!(ids(&bench.ask(RW, &octets)), [ManagementId::SUBSCRIBE_EVENTS_NP], "no snapshot follows");
    assert!(bench.pass(5).is_empty());
    let out = bench.ask(RW, &message(Action::Command, &Payload::DisablePort(()), port_of(OWN, 2)));
    assert_eq!(ids(&out), [ManagementId::DISABLE_PORT, ManagementId::PORT_DATA_SET]);
    let told = &out[1];
    assert_eq!(told.peer, PEER);
    assert_eq!((told.body().action, told.body().target_port_identity), (Action::Response, CLIENT));
    assert_eq!(told.message().header().source_port_identity, PortIdentity::new(OWN, 2));
    assert_eq!(told.message().header().sequence_id, 0);
    assert!(matches!(told.payload(), Payload::PortDataSet(ds) if ds.port_state == PortState::Disabled as u8));
    let out = bench.ask(RW, &message(Action::Command, &Payload::EnablePort(()), port_of(OWN, 2)));
    assert_eq!(out[1].message().header().sequence_id, 1, "counted for each subscriber");
}

#[test]
fn subscriptions_end() {
    let mut bench = Bench::new(1);
    let left = |bench: &mut Bench| {
        let answer = bench.one(RW, &get(ManagementId::SUBSCRIBE_EVENTS_NP));
        let Payload::SubscribeEventsNp(s) = answer.payload() else { panic!() };
        (s.duration, s.events.has(NotifyEvent::PortState))
    };
    let toggle = |bench: &mut Bench| {
        let mut out = bench.ask(RW, &command(ManagementId::DISABLE_PORT));
        out.extend(bench.ask(RW, &command(ManagementId::ENABLE_PORT)));
        ids(&out).into_iter().filter(|id| *id == ManagementId::PORT_DATA_SET).count()
    };
    assert_eq!(left(&mut bench), (0, false));
    bench.ask(RW, &subscribe(10, &[NotifyEvent::PortState]));
    assert_eq!(left(&mut bench), (10, true));
    bench.pass(4);
    assert_eq!(left(&mut bench), (6, true));
    assert_eq!(toggle(&mut bench), 2);
    bench.pass(6);
    assert_eq!(left(&mut bench), (0, false));
    assert_eq!(toggle(&mut bench), 0);
    assert_eq!(bench.engine.management.next_deadline(), None);

    bench.ask(RW, &subscribe(0xffff, &[NotifyEvent::PortState]));
    bench.pass(100_000);
    assert_eq!(left(&mut bench), (0, true), "for ever");
    bench.ask(RW, &subscribe(10, &[]));
    assert_eq!(left(&mut bench), (0, false), "an empty mask ends it");
    bench.ask(RW, &subscribe(10, &[NotifyEvent::PortState]));
    bench.ask(RW, &subscribe(0, &[NotifyEvent::PortState]));
    assert_eq!(left(&mut bench), (0, false), "so does no time");
}

#[test]
fn subscribers_are_limited() {
    let mut bench = Bench::new(1);
    let mut octets = subscribe(60, &[NotifyEvent::PortState]);
    let answers: Vec<_> = (0..100u8)
        .map(|n| {
            octets[29] = n;
            matches!(bench.one(RW, &octets).content(), Content::Management(_))
        })
        .collect();
    assert_eq!(answers.iter().filter(|ok| **ok).count(), 64);
    // One that is known may renew.
    octets[29] = 3;
    assert!(matches!(bench.one(RW, &octets).content(), Content::Management(_)));
}

/// A client clock without a delay mechanism: one-step Syncs are all it needs.
fn follow(bench: &mut Bench, ingress: TimePoint, sequence_id: u16) -> Vec<Out> {
    let mut all = Vec::new();
    let mut header = Header::new(MessageType::Announce);
    header.source_port_identity = PortIdentity::new(OTHER, 1);
    header.sequence_id = sequence_id;
    header.log_message_interval = LogInterval(1);
    let announce = Body::Announce(Announce {
        origin_timestamp: Timestamp::ZERO,
        current_utc_offset: 37,
        grandmaster_priority1: 1,
        grandmaster_clock_quality: ClockQuality::DEFAULT,
        grandmaster_priority2: 1,
        grandmaster_identity: OTHER,
        steps_removed: 0,
        time_source: TimeSource::GNSS,
    });
    let sync = Body::Sync { origin_timestamp: Timestamp::new(1000, 0).unwrap() };
    for (body, stamp) in [(announce, None), (sync, Some(ingress))] {
        let mut buf = [0; 100];
        let len = Writer::new(&mut buf, &header, &body).unwrap().finish();
        let input = Input::Frame { port: PortNumber(1), octets: &buf[..len], stamp, source: SOURCE };
        bench.engine.handle(bench.now, input);
        all.extend(bench.drain());
        all.extend(bench.pass(1));
    }
    all
}

#[test]
fn subscribers_are_told_of_parents_and_offsets() {
    let mut bench = Bench::with(1, |c| {
        c.free_running = true;
        c.ports[0].delay = Delay::None;
    });
    bench.ask(
        RW,
        &subscribe(60, &[NotifyEvent::ParentDataSet, NotifyEvent::TimeSync, NotifyEvent::PortState]),
    );
    let arrival = TimePoint::from_nanos(1000 * 1_000_000_000 + 250);
    let mut out: Vec<_> = (0..4).flat_map(|n| follow(&mut bench, arrival, n)).collect();
    bench.engine.handle(bench.now, Input::Servo(crate::engine::ServoState::Locked));
    out.extend(bench.drain());
    let parents: Vec<_> = out.iter().filter(|o| o.content().id() == ManagementId::PARENT_DATA_SET).collect();
    assert_eq!(parents.len(), 1);
    let Payload::ParentDataSet(ds) = parents[0].payload() else { panic!() };
    assert_eq!(ds.parent_port_identity, PortIdentity::new(OTHER, 1));
    let states: Vec<_> = out
        .iter()
        .filter_map(|o| match o.payload() {
            Payload::PortDataSet(ds) => Some(ds.port_state),
            _ => None,
        })
        .collect();
    assert_eq!(states, [PortState::Uncalibrated as u8, PortState::Slave as u8]);
    let offsets: Vec<_> = out
        .iter()
        .filter_map(|o| match o.payload() {
            Payload::TimeStatusNp(s) => Some(s),
            _ => None,
        })
        .collect();
    assert!(offsets.len() >= 2, "{offsets:?}");
    for s in offsets {
        assert_eq!((s.master_offset, s.ingress_time), (250, 1000 * 1_000_000_000 + 250));
        assert_eq!((s.gm_present, s.gm_identity), (true, OTHER));
    }
    assert!(ids(&out).iter().all(|id| *id != ManagementId::CMLDS_INFO_NP));

    // While it follows, the time properties are the grandmaster's.
    let utc =
        UtcProperties { current_utc_offset: 1, leap61: false, leap59: false, current_utc_offset_valid: true };
    assert_eq!(bench.refused(RW, &set(&Payload::UtcProperties(utc))), ErrorId::NOT_SETABLE);
}

/// One peer delay exchange on port 1, as a peer at this distance answers it.
fn measure_link(bench: &mut Bench, delay_ns: i128) -> Vec<Out> {
    let mut told = Vec::new();
    let mut request = None;
    for _ in 0..20 {
        bench.now = bench.engine.next_deadline().unwrap().max(bench.now);
        bench.engine.handle(bench.now, Input::Tick);
        while let Some(output) = bench.engine.poll() {
            if let Output::Transmit { octets, stamp: Some(token), .. } = output
                && octets[0] & 0xf == MessageType::PdelayReq as u8
            {
                request = Some((Message::parse(octets).unwrap().header().sequence_id, token));
            }
        }
        if request.is_some() {
            break;
        }
    }
    let (sequence_id, token) = request.expect("a P2P port asks its peer");
    let (t1, t2) = (TimePoint::from_nanos(5_000_000_000), Timestamp::new(70, 0).unwrap());
    bench.engine.handle(bench.now, Input::TransmitStamp { token, stamp: Some(t1) });
    let t4 = t1 + TimeInterval::from_nanos(i64::try_from(2 * delay_ns).unwrap());
    let requesting_port_identity = PortIdentity::new(OWN, 1);
    let response = Body::PdelayResp { request_receipt_timestamp: t2, requesting_port_identity };
    // It answers in no time: t3 is t2.
    let follow_up = Body::PdelayRespFollowUp { response_origin_timestamp: t2, requesting_port_identity };
    for (body, stamp) in [(response, Some(t4)), (follow_up, None)] {
        let mut header = Header::new(body.message_type());
        header.flags = Flags::NONE.with(Flags::TWO_STEP, stamp.is_some());
        header.source_port_identity = PortIdentity::new(OTHER, 1);
        header.sequence_id = sequence_id;
        let mut buf = [0; 100];
        let len = Writer::new(&mut buf, &header, &body).unwrap().finish();
        let input = Input::Frame { port: PortNumber(1), octets: &buf[..len], stamp, source: SOURCE };
        bench.engine.handle(bench.now, input);
        told.extend(bench.drain());
    }
    told
}

#[test]
fn subscribers_are_told_of_link_delays() {
    let mut bench = Bench::with(1, |c| {
        c.ports[0].delay = Delay::P2p;
        c.ports[0].delay_filter_length = 1;
    });
    assert!(measure_link(&mut bench, 400).is_empty(), "nobody asked");
    bench.ask(RW, &subscribe(600, &[NotifyEvent::Cmlds]));
    // Each measurement is told, the same one again, too: those who live on it must know that it goes on.
    assert_eq!(ids(&measure_link(&mut bench, 400)), [ManagementId::CMLDS_INFO_NP]);
    let told = measure_link(&mut bench, 500);
    assert_eq!(ids(&told), [ManagementId::CMLDS_INFO_NP]);
    let Payload::CmldsInfoNp(info) = told[0].payload() else { panic!() };
    assert_eq!((info.mean_link_delay, info.as_capable), (TimeInterval::from_nanos(500), 1));
    assert_eq!(told[0].message().header().source_port_identity, PortIdentity::new(OWN, 1));
    let answer = bench.one(RW, &get(ManagementId::PORT_DATA_SET));
    let Payload::PortDataSet(ds) = answer.payload() else { panic!() };
    assert_eq!(ds.peer_mean_path_delay, TimeInterval::from_nanos(500));
}
