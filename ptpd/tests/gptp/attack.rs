//! CVE-2024-42861: whoever can send to a port must not be able to end its synchronisation.

use ptp_wire::{
    Body, ClockIdentity, Flags, Header, IntervalRequestFlags, LogInterval, Message, MessageIntervalRequest,
    MessageType, Organization, PortIdentity, SdoId, TimeInterval, TimePoint, Timestamp, TlvType, Writer,
};
use ptpd::engine::{Event, PortState};

use crate::net::{Net, PORT, SECOND, instance};

const STRANGER: PortIdentity = PortIdentity::new(ClockIdentity([0xee; 8]), 1);

fn forge(
    source: PortIdentity,
    sequence_id: u16,
    kind: MessageType,
    victim: PortIdentity,
    at: TimePoint,
) -> Vec<u8> {
    let mut header = Header::new(kind);
    header.sdo_id = SdoId::GPTP;
    header.minor_version = 1;
    header.source_port_identity = source;
    header.sequence_id = sequence_id;
    let (t, _) = at.split();
    let body = match kind {
        MessageType::PdelayReq => Body::PdelayReq { origin_timestamp: Timestamp::ZERO },
        MessageType::PdelayResp => {
            header.flags = Flags::TWO_STEP;
            Body::PdelayResp { request_receipt_timestamp: t, requesting_port_identity: victim }
        }
        _ => Body::PdelayRespFollowUp { response_origin_timestamp: t, requesting_port_identity: victim },
    };
    let mut octets = vec![0; 128];
    let len = Writer::new(&mut octets, &header, &body).expect("room").finish();
    octets.truncate(len);
    octets
}

/// A grandmaster and a synchronised end station; both know their neighbour.
fn synchronised() -> Net {
    let mut net = Net::new([0, 1].map(|host| vec![instance(host, Some(0))]));
    net.run_for(20 * SECOND);
    assert_eq!(net.hosts[1][0].port_state(PORT), Some(PortState::Slave));
    assert_eq!(net.hosts[1][0].as_capable(PORT), Some(true));
    net.events.clear();
    net
}

/// Nothing has happened to the end station in 60 s, and its delay is still the link's.
fn survives(mut net: Net) {
    let from = net.now;
    net.run_for(60 * SECOND);
    let changes: Vec<_> = net
        .events
        .iter()
        .filter(|(_, _, e)| {
            matches!(e, Event::PortState { .. } | Event::AsCapable { .. } | Event::Parent { .. })
        })
        .collect();
    assert!(changes.is_empty(), "{changes:?}");
    assert_eq!(net.hosts[1][0].as_capable(PORT), Some(true));
    let delay = net.hosts[1][0].port_delay(PORT).expect("measured");
    assert!((delay.nanos_f64() - 300.0).abs() < 3.0, "{delay}");
    assert!(net.sent_since(from, 0, MessageType::Sync) > 470, "it goes on serving");
}

/// Answers each request of the end station before its neighbour can, as `source` with times that are wrong by `error`,
/// so many times.
fn answers_first(source: impl Fn(&Net) -> PortIdentity, error: TimeInterval, times: u64) {
    let mut net = synchronised();
    let source = source(&net);
    let victim = PortIdentity::new(net.hosts[1][0].config().clock_identity, 1);
    net.attacker = Some(Box::new(move |host, octets, at| {
        let m = Message::parse(octets).expect("ours");
        if host != 1 || m.header().message_type != MessageType::PdelayReq {
            return Vec::new();
        }
        let seq = m.header().sequence_id;
        let wrong = |kind| forge(source, seq, kind, victim, at + error);
        // Both before and in between the neighbour's: 600 ns.
        (0..times)
            .flat_map(|i| {
                [
                    (10 + 2 * i, wrong(MessageType::PdelayResp)),
                    (11 + 2 * i, wrong(MessageType::PdelayRespFollowUp)),
                ]
            })
            .collect()
    }));
    survives(net);
}

#[test]
fn a_stranger_that_answers_first_changes_nothing() {
    answers_first(|_| STRANGER, TimeInterval::ZERO, 1);
    answers_first(|_| STRANGER, TimeInterval::from_nanos(1_000_000_000), 20);
}

#[test]
fn wrong_times_in_the_neighbours_name_wait_until_it_has_spoken() {
    let neighbor = |net: &Net| PortIdentity::new(net.hosts[0][0].config().clock_identity, 1);
    for error in [1_000_000_000, -1_000_000_000, 86_400_000_000_000] {
        for times in [1, 3, 50] {
            answers_first(neighbor, TimeInterval::from_nanos(error), times);
        }
    }
}

/// As linuxptp 4.2 and older took it: one request of somebody else made the port incapable.
#[test]
fn requests_of_strangers_are_answered_and_change_nothing() {
    let mut net = synchronised();
    let from = net.now;
    let victim = PortIdentity::new(net.hosts[1][0].config().clock_identity, 1);
    for i in 0..2000u16 {
        let source = PortIdentity::new(ClockIdentity([0xe0 | (i % 7) as u8; 8]), 1);
        let request = forge(source, i, MessageType::PdelayReq, victim, net.clock(1, net.now));
        net.inject(1, &request);
        net.run_for(1_000_000);
    }
    assert!(net.sent_since(from, 1, MessageType::PdelayResp) >= 2000);
    survives(net);
}

#[test]
fn a_stranger_cannot_stop_the_sync() {
    let mut net = synchronised();
    let mut header = Header::new(MessageType::Signaling);
    header.sdo_id = SdoId::GPTP;
    header.minor_version = 1;
    header.source_port_identity = STRANGER;
    header.log_message_interval = LogInterval::NOT_APPLICABLE;
    let mut octets = vec![0; 128];
    let mut w =
        Writer::new(&mut octets, &header, &Body::Signaling { target_port_identity: PortIdentity::ANY })
            .expect("room");
    let request = Organization::MessageIntervalRequest(MessageIntervalRequest {
        link_delay_interval: LogInterval(127),
        time_sync_interval: LogInterval(127),
        announce_interval: LogInterval(127),
        flags: IntervalRequestFlags::COMPUTE_MEAN_LINK_DELAY,
    });
    w.tlv_with(TlvType::ORGANIZATION_EXTENSION, |room| request.emit(room)).expect("room");
    let len = w.finish();
    for host in [0, 1] {
        net.inject(host, &octets[..len]);
    }
    survives(net);
}

/// What looks like an attack may be the neighbour's clock being set: it counts after one interval.
#[test]
fn a_neighbour_whose_clock_was_set_is_measured_again() {
    let mut net = synchronised();
    net.stepped = TimeInterval::from_nanos(5_000_000_000);
    net.run_for(30 * SECOND);
    assert_eq!(net.hosts[0][0].as_capable(PORT), Some(true));
    let ratio = net.hosts[0][0].neighbor_rate_ratio(PORT).expect("known");
    assert!((ratio - 1.000_02).abs() < 1e-7, "{ratio}");
    let changes = net.events.iter().filter(|(host, _, e)| *host == 0 && matches!(e, Event::AsCapable { .. }));
    assert_eq!(changes.count(), 0, "and the link was never given up");
}
