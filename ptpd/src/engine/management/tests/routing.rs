//! Who may ask, whom it reaches, and which way answers go.

use super::*;

#[test]
fn only_the_read_write_socket_may_change_anything() {
    let mut bench = Bench::new(1);
    for octets in [
        set(&Payload::Priority1(1)),
        command(ManagementId::DISABLE_PORT),
        set(&Payload::Raw(ManagementId(0x3004), &[])),
    ] {
        assert_eq!(bench.refused(RO, &octets), ErrorId::NOT_SUPPORTED);
        let out = bench.network(1, &octets);
        assert_eq!(out.iter().map(Out::error).collect::<Vec<_>>(), [ErrorId::NOT_SUPPORTED]);
    }
    for id in [ManagementId::PORT_PROPERTIES_NP, ManagementId::PORT_HWCLOCK_NP] {
        assert_eq!(bench.refused(RO, &get(id)), ErrorId::NOT_SUPPORTED);
        assert_eq!(bench.network(1, &get(id))[0].error(), ErrorId::NOT_SUPPORTED);
    }
    let empty = bench.one(RO, &get(ManagementId::SUBSCRIBE_EVENTS_NP));
    assert!(matches!(empty.content(), Content::Management(tlv) if tlv.data.is_empty()));
    assert_eq!(bench.one(RO, &get(ManagementId::PRIORITY1)).payload(), Payload::Priority1(128));
    assert_eq!(bench.engine.port_state(PortNumber(1)), Some(PortState::Master));
    assert!(bench.changes.is_empty());
}

#[test]
fn what_is_not_for_us_gets_silence() {
    let mut bench = Bench::new(1);
    let id = Payload::Raw(ManagementId::PRIORITY1, &[]);
    assert!(bench.ask(RW, &message(Action::Get, &id, port_of(OTHER, 1))).is_empty());
    assert!(bench.ask(RW, &message(Action::Get, &id, To { domain: 5, ..ALL })).is_empty());
    assert!(bench.ask(RW, &message(Action::Response, &Payload::Priority1(1), ALL)).is_empty());
    assert!(bench.ask(RW, &message(Action::Acknowledge, &id, ALL)).is_empty());
    let mut two = get(ManagementId::PRIORITY1);
    two.extend_from_slice(&[0, 1, 0, 2, 0x20, 0x05]);
    two[3] += 6;
    assert!(bench.ask(RW, &two).is_empty());
    let mut gptp = get(ManagementId::PRIORITY1);
    gptp[0] |= (SdoId::GPTP.major()) << 4;
    assert!(bench.ask(RW, &gptp).is_empty());
    let whole = get(ManagementId::PRIORITY1);
    for len in 0..whole.len() {
        assert!(bench.ask(RW, &whole[..len]).is_empty());
    }
    assert_eq!(bench.ask(RW, &whole).len(), 1);
}

/// Whatever octet is wrong, nothing breaks, and no more than an error comes of a request that changes nothing.
#[test]
fn flipped_octets_do_no_harm() {
    let mut bench = Bench::new(2);
    for row in ManagementId::ALL {
        let octets = get(row.id);
        for at in 0..octets.len() {
            for bit in 0..8 {
                let mut wrong = octets.clone();
                wrong[at] ^= 1 << bit;
                bench.local(RW, &wrong);
                bench.network(1, &wrong);
            }
        }
    }
    assert_eq!(bench.one(RW, &get(ManagementId::PRIORITY1)).payload(), Payload::Priority1(128));
}

#[test]
fn port_ids_are_answered_by_each_port_that_was_asked() {
    let mut bench = Bench::new(3);
    let ask = |bench: &mut Bench, id, to| {
        let all = bench.ask(RW, &message(Action::Get, &Payload::Raw(id, &[]), to));
        all.iter().map(|o| o.message().header().source_port_identity.port_number.0).collect::<Vec<_>>()
    };
    assert_eq!(ask(&mut bench, ManagementId::PORT_DATA_SET, ALL), [1, 2, 3]);
    assert_eq!(ask(&mut bench, ManagementId::PORT_DATA_SET, port_of(OWN, 0xffff)), [1, 2, 3]);
    assert_eq!(ask(&mut bench, ManagementId::PORT_DATA_SET, port_of(OWN, 2)), [2]);
    assert_eq!(ask(&mut bench, ManagementId::PORT_DATA_SET, port_of(ClockIdentity::ANY, 3)), [3]);
    // The port number is not examined for what is the clock's.
    assert_eq!(ask(&mut bench, ManagementId::DEFAULT_DATA_SET, port_of(OWN, 77)), [0]);
}

#[test]
fn answers_go_back_the_way_the_request_came() {
    let mut bench = Bench::new(1);
    let id = Payload::Raw(ManagementId::PRIORITY1, &[]);
    let answer = bench.one(RW, &message(Action::Get, &id, ALL));
    assert_eq!(answer.peer, PEER);
    assert_eq!(answer.body().target_port_identity, CLIENT);
    assert_eq!(answer.message().header().log_message_interval, LogInterval::NOT_APPLICABLE);

    let before = bench.engine.ports[0].stats.tx[0xd];
    let out = bench.network(1, &message(Action::Get, &id, To { hops: 3, ..ALL }));
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].route, Some((PortNumber(1), Destination::Primary)));
    assert_eq!((out[0].body().starting_boundary_hops, out[0].body().boundary_hops), (0, 0));
    // On the network the answer comes from the port that was asked.
    assert_eq!(out[0].message().header().source_port_identity, PortIdentity::new(OWN, 1));
    assert!(!out[0].message().header().flags.has(Flags::UNICAST));
    assert_eq!(bench.engine.ports[0].stats.tx[0xd], before + 1);

    // Two of three hops are used up: the answer may make as many.
    let mut octets = message(Action::Get, &id, To { hops: 3, flags: Flags::UNICAST, ..ALL });
    octets[45] = 1;
    let out = bench.network(1, &octets);
    assert_eq!(out[0].route, Some((PortNumber(1), Destination::Unicast(SOURCE))));
    assert!(out[0].message().header().flags.has(Flags::UNICAST));
    assert_eq!((out[0].body().starting_boundary_hops, out[0].body().boundary_hops), (2, 2));
    // A request with more hops left than it started with.
    octets[45] = 9;
    assert_eq!(bench.network(1, &octets)[0].body().boundary_hops, 0);
}

#[test]
fn a_boundary_clock_repeats_what_has_hops_left() {
    let mut bench = Bench::new(3);
    bench.one(RW, &message(Action::Command, &Payload::DisablePort(()), port_of(OWN, 3)));
    let id = Payload::Raw(ManagementId::PRIORITY1, &[]);
    let request = message(Action::Get, &id, To { hops: 2, flags: Flags::UNICAST, ..ALL });
    let out = bench.network(1, &request);
    // Repeated on port 2 only, and answered on port 1.
    assert_eq!(out.iter().map(|o| o.route.unwrap().0.0).collect::<Vec<_>>(), [2, 1]);
    let copy = &out[0];
    assert_eq!(copy.route, Some((PortNumber(2), Destination::Primary)));
    assert_eq!((copy.body().starting_boundary_hops, copy.body().boundary_hops), (2, 1));
    assert_eq!(copy.message().header().source_port_identity, CLIENT);
    assert!(!copy.message().header().flags.has(Flags::UNICAST));
    let mut expected = request.clone();
    expected[45] = 1;
    expected[6] = 0;
    assert_eq!(copy.octets, expected);

    assert_eq!(bench.network(1, &message(Action::Get, &id, ALL)).len(), 1, "no hops left");
    let ours = bench.network(1, &message(Action::Get, &id, To { hops: 2, ..port_of(OWN, 1) }));
    assert_eq!(ours.len(), 1, "it has arrived");
    let others =
        bench.network(2, &message(Action::Set, &Payload::Priority1(1), To { hops: 1, ..port_of(OTHER, 1) }));
    assert_eq!(others.iter().map(|o| o.route.unwrap().0.0).collect::<Vec<_>>(), [1], "not for us to answer");
}

#[test]
fn a_local_client_reaches_the_network() {
    let mut bench = Bench::new(2);
    let id = Payload::Raw(ManagementId::PRIORITY1, &[]);
    let request = message(Action::Get, &id, To { hops: 1, ..ALL });
    assert_eq!(bench.local(RO, &request).len(), 1, "the read-only socket reaches nobody else");
    let out = bench.local(RW, &request);
    let ports: Vec<_> = out.iter().map(|o| o.route.map(|(p, _)| p.0)).collect();
    assert_eq!(ports, [Some(1), Some(2), None]);
    assert_eq!(out[0].body().boundary_hops, 0);

    // Another clock answers on port 2, for the client and for one that never asked.
    for (target, heard) in [(CLIENT, true), (PortIdentity::new(OTHER, 8), false)] {
        let mut header = Header::new(MessageType::Management);
        header.source_port_identity = PortIdentity::new(OTHER, 1);
        let body = Body::Management(ManagementHeader {
            target_port_identity: target,
            starting_boundary_hops: 1,
            boundary_hops: 1,
            action: Action::Response,
        });
        let mut value = [0; 8];
        let len = Payload::Priority1(42).emit(&mut value).unwrap();
        let mut buf = [0; 100];
        let len = write_message(&mut buf, &header, &body, TlvType::MANAGEMENT, &value[..len]).unwrap();
        let out = bench.network(2, &buf[..len]);
        let to_client: Vec<_> = out.iter().filter(|o| o.route.is_none()).collect();
        assert_eq!(to_client.len(), usize::from(heard));
        assert!(to_client.iter().all(|o| o.peer == PEER && o.payload() == Payload::Priority1(42)));
        assert_eq!(out.iter().filter_map(|o| o.route).map(|(p, _)| p.0).collect::<Vec<_>>(), [1]);
    }
}
