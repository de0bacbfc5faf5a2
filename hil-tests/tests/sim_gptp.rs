//! IEEE 802.1AS-2020: chains of time-aware relays, and what may befall them.

use core::time::Duration;

use hil_tests::sim::{LinkId, LinkSpec, NodeId, NodeSpec, PortState, Simulation};
use ptp_servo::ServoKind;
use ptp_wire::{
    Body, Header, LogInterval, Message, MessageType, Organization, PortIdentity, PortNumber, SdoId,
    TimeInterval, TlvValue, Writer,
};
use ptpd::engine::{BestMaster, DropCause, Event, GptpRules};

const PORT: PortNumber = PortNumber(1);

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// An end station: 8 Syncs a second, its clock off by this much.
fn station(name: &str, priority1: u8, ppb: f64) -> NodeSpec {
    let mut spec = NodeSpec::new(name).p2p().priority1(priority1).off(0, ppb);
    // Ideal stamps: what is left is the arithmetic's.
    spec.clock.granularity = TimeInterval(1);
    spec.clock.stamp_noise = hil_tests::sim::Jitter::None;
    spec.clock.wander_ppb = 0.0;
    spec.config.best_master = BestMaster::Ieee8021As;
    spec.config.sdo_id = SdoId::GPTP;
    spec.config.path_trace = true;
    spec.config.priority2 = 248;
    spec.port.log_sync_interval = LogInterval(-3);
    spec.port.sync_receipt_timeout = 3;
    spec.port.gptp = GptpRules::ieee_8021as();
    spec
}

/// A relay whose clock nobody steers.
fn relay(name: &str, ppb: f64) -> NodeSpec {
    station(name, 246, ppb).with(|c| {
        c.relay = true;
        c.free_running = true;
    })
}

struct Chain {
    sim: Simulation,
    gm: NodeId,
    relays: Vec<NodeId>,
    end: NodeId,
    links: Vec<LinkId>,
}

/// gm - relays - end, each with a clock of its own.
fn chain(seed: u64, relays: usize) -> Chain {
    let mut sim = Simulation::new(seed);
    let gm = sim.node(station("gm", 100, 40_000.0));
    let relays: Vec<_> = (0..relays)
        .map(|i| sim.node(relay(&format!("r{i}"), [90_000.0, -80_000.0, 35_000.0][i % 3])))
        .collect();
    let end = sim.node(station("end", 250, -60_000.0));
    let all: Vec<_> = [vec![gm], relays.clone(), vec![end]].concat();
    let links = all.windows(2).map(|w| sim.link(&[w[0], w[1]], LinkSpec::wire(300))).collect();
    Chain { sim, gm, relays, end, links }
}

fn as_capable(sim: &Simulation, node: NodeId) -> Option<bool> {
    sim.engine(node).and_then(|e| e.as_capable(PORT))
}

#[test]
fn seven_unsteered_relays_keep_the_end_station_within_nanoseconds() {
    let Chain { mut sim, gm, relays, end, .. } = chain(1, 7);
    sim.run_for(secs(120));
    for node in &relays {
        assert_eq!(sim.states(*node), [PortState::Slave, PortState::Master]);
        assert_eq!(sim.frequencies(*node).0, 0.0, "nobody steers it");
    }
    sim.assert_state(end, 1, PortState::Slave);
    let figures = sim.offsets(end, gm, secs(60));
    assert!(figures.count > 10 && figures.max < 3.0, "{figures}");
    assert_eq!(sim.engine(end).map(|e| e.current_ds().steps_removed), Some(8));
}

#[test]
fn the_grandmaster_dies_and_the_next_serves_at_once() {
    let Chain { mut sim, gm, relays, end, .. } = chain(2, 3);
    sim.run_for(secs(60));
    let from = sim.now();
    sim.kill(gm);
    sim.run_for(secs(10));
    let next = sim.grandmaster_of(end).expect("one of us");
    assert!(relays.contains(&next), "priority1 246 is better than 250");
    assert!(relays.iter().all(|r| sim.grandmaster_of(*r) == Some(next)));
    sim.revive(gm);
    sim.run_for(secs(90));
    assert_eq!(sim.grandmaster_of(end), Some(gm));
    assert!(sim.offsets(end, gm, secs(20)).max < 5.0, "{}", sim.offsets(end, gm, secs(20)));
    for node in relays.iter().chain([&end]) {
        let changes = sim.record(*node).states_since(PORT, from);
        assert!(!changes.contains(&PortState::PreMaster) && !changes.contains(&PortState::Uncalibrated));
    }
}

#[test]
fn lost_pdelay_responses_make_a_port_incapable_and_it_recovers() {
    let Chain { mut sim, gm, end, links, .. } = chain(3, 1);
    sim.run_for(secs(30));
    assert_eq!(as_capable(&sim, end), Some(true));
    sim.silence(links[1], true);
    sim.run_for(secs(5));
    assert_eq!(as_capable(&sim, end), Some(true), "nine may be lost");
    sim.run_for(secs(10));
    assert_eq!(as_capable(&sim, end), Some(false));
    sim.silence(links[1], false);
    sim.run_for(secs(60));
    assert_eq!(as_capable(&sim, end), Some(true));
    assert_eq!(sim.grandmaster_of(end), Some(gm));
}

#[test]
fn a_link_beyond_the_threshold_carries_no_time() {
    let mut sim = Simulation::new(4);
    let gm = sim.node(station("gm", 100, 0.0));
    let end = sim.node(station("end", 250, 1_000.0));
    let link = sim.link(&[gm, end], LinkSpec::wire(900));
    sim.capture(link);
    sim.run_for(secs(30));
    assert_eq!(as_capable(&sim, end), Some(false));
    sim.assert_state(end, 1, PortState::Listening);
    let capture = sim.captured(link).expect("asked for");
    let timing = capture.messages().map(|(_, o)| Message::parse(o).expect("ours").header().message_type);
    assert!(timing.into_iter().all(|t| !matches!(t, MessageType::Sync | MessageType::Announce)));
    sim.set_link(link, |l| *l = LinkSpec::wire(500));
    sim.run_for(secs(30));
    sim.assert_state(end, 1, PortState::Slave);
}

#[test]
fn sync_receipt_timeout_ages_a_master_that_only_announces() {
    let Chain { mut sim, gm, end, .. } = chain(5, 0);
    sim.run_for(secs(30));
    assert_eq!(sim.grandmaster_of(end), Some(gm));
    // All transmit stamps are lost: Sync goes without Follow_Up.
    sim.set_node(gm, |n| n.host.stamp_loss = 1.0);
    sim.run_for(secs(3));
    let events = &sim.record(end).events;
    assert!(events.iter().any(|(_, e)| matches!(e, Event::Parent { own: true, .. })
        && sim.engine(end).and_then(|x| x.port_stats(PORT)).is_some_and(|s| s.service.sync_timeout > 0)));
}

fn forged(
    message_type: MessageType,
    source: PortIdentity,
    sequence_id: u16,
    victim: PortIdentity,
) -> Vec<u8> {
    let mut header = Header::new(message_type);
    header.sdo_id = SdoId::GPTP;
    header.minor_version = 1;
    header.source_port_identity = source;
    header.sequence_id = sequence_id;
    let zero = ptp_wire::Timestamp::ZERO;
    let body = match message_type {
        MessageType::PdelayReq => Body::PdelayReq { origin_timestamp: zero },
        MessageType::PdelayResp => {
            header.flags = ptp_wire::Flags::TWO_STEP;
            Body::PdelayResp { request_receipt_timestamp: zero, requesting_port_identity: victim }
        }
        _ => Body::PdelayRespFollowUp { response_origin_timestamp: zero, requesting_port_identity: victim },
    };
    let mut octets = vec![0; 128];
    let len = Writer::new(&mut octets, &header, &body).expect("room").finish();
    octets.truncate(len);
    octets
}

/// CVE-2024-42861: whoever can send to a port must not be able to end its synchronisation.
#[test]
fn forged_peer_delay_messages_do_not_take_synchronisation_down() {
    let Chain { mut sim, gm, end, .. } = chain(6, 1);
    sim.run_for(secs(60));
    let from = sim.now();
    let identity = sim.engine(end).expect("alive").config().clock_identity;
    let victim = PortIdentity::new(identity, 1);
    let stranger = PortIdentity::new(ptp_wire::ClockIdentity([0xee; 8]), 1);
    for i in 0..6000u16 {
        sim.inject(end, 1, &forged(MessageType::PdelayReq, stranger, i, victim));
        // Every sequenceId that may be in use, from a stranger.
        for sequence_id in 50..70 + i / 100 {
            if i % 10 == 0 {
                sim.inject(end, 1, &forged(MessageType::PdelayResp, stranger, sequence_id, victim));
                sim.inject(end, 1, &forged(MessageType::PdelayRespFollowUp, stranger, sequence_id, victim));
            }
        }
        sim.run_for(Duration::from_millis(10));
    }
    assert_eq!(sim.record(end).states_since(PORT, from), []);
    assert_eq!(as_capable(&sim, end), Some(true));
    assert!(sim.offsets(end, gm, secs(60)).max < 3.0, "{}", sim.offsets(end, gm, secs(60)));
    let stats = sim.engine(end).and_then(|e| e.port_stats(PORT)).expect("port 1");
    assert!(stats.dropped(DropCause::Unexpected) > 1000, "they were counted");
}

#[test]
fn every_follow_up_carries_its_information_and_announce_its_path() {
    let Chain { mut sim, gm, relays, links, .. } = chain(7, 2);
    let last = links[2];
    sim.capture(last);
    sim.run_for(secs(30));
    let ids: Vec<_> =
        [gm, relays[0], relays[1]].map(|n| sim.engine(n).expect("alive").config().clock_identity).to_vec();
    let capture = sim.captured(last).expect("asked for");
    let (mut follow_ups, mut rate, mut paths) = (0, 0.0, 0);
    for (_, octets) in capture.messages() {
        let m = Message::parse(octets).expect("ours");
        match m.header().message_type {
            MessageType::FollowUp => {
                let info = m.tlvs().find_map(|t| match TlvValue::parse(&t) {
                    Ok(TlvValue::Organization(_, Organization::FollowUpInformation(i))) => Some(i),
                    _ => None,
                });
                follow_ups += 1;
                rate = info.expect("required").cumulative_scaled_rate_offset.ratio();
            }
            MessageType::Announce => paths += usize::from(m.path_trace().eq(ids.iter().copied())),
            _ => {}
        }
    }
    assert!(follow_ups > 100 && paths > 10, "{follow_ups} and {paths}");
    // The grandmaster is 40 ppm fast, the last relay 80 ppm slow.
    assert!((rate - 1.000_12).abs() < 2e-8, "{rate}");
}

/// 9.6.2, 10.2.4: what the grandmaster says of a jump of its time reaches everybody behind its relays unchanged.
#[test]
fn a_jump_of_the_grandmaster_is_told_through_the_relays() {
    let Chain { mut sim, gm, relays, end, .. } = chain(8, 2);
    sim.run_for(secs(60));
    let told = |sim: &Simulation, node: NodeId| -> Vec<(u16, TimeInterval)> {
        let of = |(_, e): &(_, Event)| match e {
            Event::GmTimeBase { indicator, phase_change, .. } => Some((*indicator, *phase_change)),
            _ => None,
        };
        sim.record(node).events.iter().filter_map(of).collect()
    };
    let everybody = [relays[0], relays[1], end];
    assert!(everybody.iter().all(|n| told(&sim, *n).is_empty()), "nothing has jumped yet");
    let phase = TimeInterval::from_nanos(-1_234_567);
    sim.step_clock(gm, phase);
    sim.run_for(secs(2));
    for node in everybody {
        assert_eq!(told(&sim, node), [(1, phase)]);
    }
    // Its frequency changes by 2 ppm: a new time base without a jump.
    sim.disturb(gm, 2_000.0);
    sim.run_for(secs(2));
    for node in everybody {
        assert_eq!(told(&sim, node), [(1, phase), (2, TimeInterval::ZERO)]);
    }
}

/// The end station's servo is told: a jump is no frequency, and a new frequency is known at once.
#[test]
fn an_announced_change_of_the_grandmaster_is_followed_without_an_excursion() {
    for kind in [ServoKind::Adaptive, ServoKind::Pi] {
        let Chain { mut sim, gm, end, .. } = chain(9, 2);
        sim.set_node(end, |n| {
            n.servo.kind = kind;
            n.servo.servo.step_threshold = Some(TimeInterval::from_nanos(20_000));
        });
        sim.kill(end);
        sim.revive(end);
        sim.run_for(secs(120));
        sim.assert_state(end, 1, PortState::Slave);
        let (before, _) = sim.frequencies(end);
        let (steps, from) = (sim.steps(end), sim.now());
        sim.step_clock(gm, TimeInterval::from_nanos(-1_234_567));
        sim.run_for(Duration::from_millis(300));
        let mut largest: f64 = 0.0;
        for _ in 0..100 {
            sim.run_for(Duration::from_millis(100));
            largest = largest.max((sim.frequencies(end).0 - before).abs());
        }
        println!("{kind:?}: jump: {largest} ppb, {}", sim.offsets(end, gm, secs(9)));
        assert_eq!(sim.steps(end), steps + 1, "{kind:?}: one step, with its grandmaster");
        assert!(sim.offsets(end, gm, secs(9)).max < 100.0, "{kind:?}: {}", sim.offsets(end, gm, secs(9)));
        assert!(largest < 1_000.0, "{kind:?}: {largest} ppb");
        assert_eq!(sim.record(end).states_since(PORT, from), [], "{kind:?}: it is SLAVE all the time");
    }
    // A jump that may not be stepped, and a frequency: the adaptive servo goes straight to it.
    let Chain { mut sim, gm, end, .. } = chain(10, 2);
    sim.run_for(secs(120));
    let steps = sim.steps(end);
    let (before, _) = sim.frequencies(end);
    sim.disturb(gm, 2_000.0);
    sim.run_for(secs(10));
    let figures = sim.offsets(end, gm, secs(10));
    println!("frequency: {figures}, {} ppb", sim.frequencies(end).0 - before);
    assert!(figures.max < 500.0, "{figures}");
    sim.run_for(secs(60));
    sim.step_clock(gm, TimeInterval::from_nanos(3_000));
    sim.run_for(secs(10));
    let after = sim.offsets(end, gm, secs(5));
    println!("slewed: {after}");
    assert!(after.max < 30.0, "{after}");
    assert_eq!(sim.steps(end), steps);
}
