//! Management of, and through, a transparent clock.

use ptp_wire::management::{
    Action, Content, DefaultDataSet, ManagementId, Payload, TransparentClockDefaultDataSet,
    TransparentClockPortDataSet,
};
use ptp_wire::{LogInterval, Message, PortIdentity, PortNumber, TimeInterval};
use ptpd::engine::{Access, Input, InstanceKind, Instant};

use crate::bench::*;

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
