//! The optional features of the standard, each in a network where it makes the difference.

use core::time::Duration;

use hil_tests::sim::{LinkId, LinkSpec, Moment, NodeId, NodeSpec, PortState, Simulation};
use ptp_wire::management::AcceptableMaster;
use ptp_wire::{
    Body, ClockIdentity, Flags, Header, Message, MessageType, PortIdentity, PortNumber, TimeInterval,
    TimePoint, Timestamp, TlvType, TlvValue, Writer,
};
use ptpd::engine::{
    Accuracy, AlternateTimeOffset, DesiredState, DropCause, Event, ExternalGrandmaster, PortConfig,
    SlaveMonitoring, Statistic,
};

const PORT: PortNumber = PortNumber(1);

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// Nodes are numbered from 0 in the order they are made.
fn identity(n: u8) -> ClockIdentity {
    ClockIdentity::from_mac([2, 0, 0, 0, 0, n + 1])
}

fn desired(sim: &mut Simulation, node: NodeId, states: &[DesiredState]) {
    for (port, state) in (1..).zip(states) {
        sim.set_port(node, port, |p| p.options.desired_state = *state);
    }
}

/// Messages of one sender on a link since some moment.
fn from(sim: &Simulation, link: LinkId, sender: ClockIdentity, since: Moment) -> Vec<(Moment, Vec<u8>)> {
    let capture = sim.captured(link).expect("asked for");
    let ours = |octets: &[u8]| {
        Message::parse(octets).expect("ours").header().source_port_identity.clock_identity == sender
    };
    let all = capture.messages().filter(|(at, octets)| *at >= since && ours(octets));
    all.map(|(at, octets)| (at, octets.to_vec())).collect()
}

/// A ring of three boundary clocks whose tree is drawn by hand: against every priority, and for good.
#[test]
fn ports_configured_from_outside_keep_their_tree() {
    let mut sim = Simulation::new(1);
    let external = |n: NodeSpec| n.with(|c| c.options.external_port_configuration = true);
    let far = sim.node(external(NodeSpec::new("worst").priority1(250).off(0, 0.0)));
    let a = sim.node(external(NodeSpec::grandmaster("a").priority1(1).off(500_000, 4_000.0)));
    let b = sim.node(external(NodeSpec::new("b").off(-800_000, -7_000.0)));
    let c = sim.node(external(NodeSpec::new("c").off(900_000, 9_000.0)));
    let up = sim.link(&[far, a], LinkSpec::wire(500));
    sim.link(&[a, b], LinkSpec::wire(500));
    sim.link(&[b, c], LinkSpec::wire(500));
    sim.link(&[c, a], LinkSpec::wire(500));
    use DesiredState::{Master, Passive, Slave};
    desired(&mut sim, far, &[Master]);
    desired(&mut sim, a, &[Slave, Master, Master]);
    desired(&mut sim, b, &[Slave, Passive]);
    desired(&mut sim, c, &[Passive, Slave]);
    for node in [a, b, c] {
        for port in 1..=3 {
            sim.set_port(node, port, |p| p.sync_receipt_timeout = 4);
        }
    }
    sim.capture(up);
    sim.run_for(secs(300));
    let wanted = vec![
        (far, vec![PortState::Master]),
        (a, vec![PortState::Slave, PortState::Master, PortState::Master]),
        (b, vec![PortState::Slave, PortState::Passive]),
        (c, vec![PortState::Passive, PortState::Slave]),
    ];
    for (node, states) in &wanted {
        assert_eq!((sim.name(*node), sim.states(*node)), (sim.name(*node), states.clone()));
        assert_eq!(sim.grandmaster_of(*node), Some(far));
    }
    for node in [a, b, c] {
        let offsets = sim.offsets(node, far, secs(100));
        assert!(offsets.max < 200.0, "{} {offsets}", sim.name(node));
    }
    // The grandmaster dies. Nobody takes over; whoever is below knows that it is not synchronised.
    sim.kill(far);
    sim.run_for(secs(60));
    assert_eq!(sim.states(a)[0], PortState::Uncalibrated);
    assert_eq!(sim.states(a)[1..], [PortState::Master; 2]);
    assert!([a, b, c].iter().all(|n| sim.engine(*n).is_some_and(|e| e.synchronization_uncertain())));
    assert!([a, b, c].iter().all(|n| sim.grandmaster_of(*n) == Some(far)));
    sim.revive(far);
    sim.run_for(secs(120));
    for (node, states) in &wanted {
        assert_eq!((sim.name(*node), sim.states(*node)), (sim.name(*node), states.clone()));
        assert!(!sim.engine(*node).is_some_and(|e| e.synchronization_uncertain()), "{}", sim.name(*node));
    }
    // Before the first Announce a port that is to be a slave has no master yet.
    let start = Moment::from_nanos(5_000_000_000);
    assert_eq!(sim.violations().iter().filter(|(at, _)| *at > start).count(), 0, "{:?}", sim.violations());
}

#[test]
fn a_rogue_master_moves_only_those_without_a_table() {
    let mut sim = Simulation::new(2);
    // It gives way to nobody, or the rogue would silence it.
    let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0).each_port(|p| p.master_only = true));
    let table = |n: NodeSpec| {
        let entry =
            AcceptableMaster { port_identity: PortIdentity::new(identity(0), 1), alternate_priority1: 0 };
        n.with(|c| c.options.acceptable_masters = vec![entry])
            .each_port(|p| p.options.acceptable_master_table = true)
    };
    let wary = sim.node(table(NodeSpec::new("wary").client_only().off(300_000, 4_000.0)));
    let trusting = sim.node(NodeSpec::new("trusting").client_only().off(300_000, 4_000.0));
    let rogue = sim.node(NodeSpec::grandmaster("rogue").priority1(1).off(40_000_000, 0.0));
    sim.link(&[gm, wary, trusting, rogue], LinkSpec::wire(500));
    sim.run_for(secs(200));
    assert_eq!((sim.grandmaster_of(wary), sim.grandmaster_of(trusting)), (Some(gm), Some(rogue)));
    assert!(sim.offsets(wary, rogue, secs(60)).max > 30e6, "it did not go along");
    assert!(sim.offsets(trusting, rogue, secs(60)).max < 100.0);
    let stats = sim.engine(wary).and_then(|e| e.port_stats(PORT)).expect("port 1");
    assert!(stats.dropped(DropCause::NotAcceptable) > 150);
}

#[test]
fn what_alternate_masters_are_off_by_is_known_before_they_take_over() {
    let mut sim = Simulation::new(3);
    let alternate = |n: NodeSpec| {
        n.each_port(|p| {
            p.options.alternate_masters = 2;
            p.options.alternate_multicast_sync = true;
        })
    };
    let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0));
    // Two spares with receivers of their own, which are not quite right.
    let first = sim.node(alternate(NodeSpec::grandmaster("first").priority1(129).off(700, 0.0)));
    let second = sim.node(alternate(NodeSpec::grandmaster("second").priority1(130).off(-1_500, 0.0)));
    let third = sim.node(alternate(NodeSpec::grandmaster("third").priority1(131).off(0, 0.0)));
    let client = sim.node(NodeSpec::new("client").client_only().off(300_000, 4_000.0));
    let link = sim.link(&[gm, first, second, third, client], LinkSpec::wire(500));
    sim.capture(link);
    sim.run_for(secs(300));
    assert_eq!(sim.grandmaster_of(client), Some(gm));
    assert_eq!(sim.states(first), [PortState::Passive]);
    let since = Moment::from_nanos(200_000_000_000);
    let announced =
        |n| from(&sim, link, identity(n), since).iter().filter(|(_, o)| o[0] & 0xf == 0xb).count();
    assert!((95..=105).contains(&announced(1)) && (95..=105).contains(&announced(2)));
    assert_eq!(announced(3), 0, "two are enough");
    let engine = sim.engine(client).expect("lives");
    let heard: Vec<_> =
        engine.alternate_masters(PORT).map(|r| (r.source.clock_identity, r.behind_master)).collect();
    assert_eq!(heard.len(), 2, "{heard:?}");
    for (who, node) in [(1, first), (2, second)] {
        let ahead = sim.offset(node, gm);
        let (_, behind) = heard.iter().find(|(id, _)| *id == identity(who)).expect("heard");
        let behind = behind.expect("both Syncs were seen").nanos_f64();
        assert!((behind + ahead).abs() < 60.0, "{behind} and {ahead}");
    }
    // The change over moves the client by what was known.
    let known = sim.offset(first, client);
    sim.kill(gm);
    sim.run_for(secs(120));
    assert_eq!(sim.grandmaster_of(client), Some(first));
    assert!(
        known > 400.0 && sim.offset(first, client).abs() < 60.0,
        "{known}, {}",
        sim.offset(first, client)
    );
}

#[test]
fn a_change_of_local_time_reaches_the_last_clock_of_a_chain() {
    let mut sim = Simulation::new(4);
    let offset = |current_offset| AlternateTimeOffset {
        key: 1,
        enabled: true,
        current_offset,
        jump_seconds: 3600,
        time_of_next_jump: 1_800_000_000,
        name: "CET".into(),
    };
    let gm = sim.node(
        NodeSpec::grandmaster("gm")
            .off(0, 0.0)
            .with(|c| c.options.alternate_time_offsets = vec![offset(3600)]),
    );
    let mut chain = vec![gm];
    for i in 0..6 {
        let next = sim.node(NodeSpec::new(&format!("bc{i}")).off(i * 10_000, 500.0));
        sim.link(&[chain[chain.len() - 1], next], LinkSpec::wire(500));
        chain.push(next);
    }
    sim.run_for(secs(120));
    let last = chain[6];
    let told = |sim: &Simulation| sim.engine(last).map(|e| e.alternate_time_offsets()).unwrap_or_default();
    assert_eq!(told(&sim), [offset(3600)]);
    sim.reload(gm, |c| c.options.alternate_time_offsets = vec![offset(7200)]);
    let took = sim.run_until(secs(60), |s| told(s) == [offset(7200)]).expect("it arrives");
    assert!(took <= secs(7), "{took:?} for six clocks that announce once a second");
    // Gone with the grandmaster who told it.
    sim.kill(gm);
    sim.run_for(secs(60));
    assert_eq!(told(&sim), []);
}

#[test]
fn a_boundary_clock_says_until_it_is_synchronised_that_it_is_not() {
    let mut sim = Simulation::new(5);
    let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0));
    let bc = sim.node(NodeSpec::new("bc").off(3_000_000, 12_000.0));
    let client = sim.node(NodeSpec::new("client").client_only().off(-3_000_000, -9_000.0));
    sim.link(&[gm, bc], LinkSpec::wire(500));
    let below = sim.link(&[bc, client], LinkSpec::wire(500));
    sim.capture(below);
    sim.run_for(secs(120));
    let locked =
        sim.record(bc).changes.iter().rev().find(|c| c.to == PortState::Slave).expect("it locked").at;
    let announces: Vec<(Moment, Header, Body)> = from(&sim, below, identity(1), Moment::from_nanos(0))
        .iter()
        .map(|(at, o)| (*at, Message::parse(o).expect("ours")))
        .filter(|(_, m)| m.header().message_type == MessageType::Announce)
        .map(|(at, m)| (at, *m.header(), *m.body()))
        .collect();
    let (mut early, mut late) = (0, 0);
    for (at, header, body) in announces {
        let Body::Announce(announce) = body else { unreachable!("its type is Announce") };
        // While it is nobody's client it serves its own time, and is sure of that.
        let own = announce.grandmaster_identity == identity(1);
        let flag = header.flags.has(Flags::SYNCHRONIZATION_UNCERTAIN);
        if own || at > locked {
            assert!(!flag, "at {at}");
            late += usize::from(!own);
        } else {
            assert!(flag, "at {at}, before {locked}");
            early += 1;
        }
    }
    assert!(early > 0 && late > 90, "{early} {late}");
    assert!(!sim.engine(client).is_some_and(|e| e.synchronization_uncertain()));
}

#[test]
fn a_monitor_on_the_link_sees_each_client_as_it_is() {
    let mut sim = Simulation::new(6);
    let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0));
    let monitor = sim.node(NodeSpec::new("monitor").client_only().with(|c| {
        c.options.collect_slave_events = true;
        c.free_running = true;
    }));
    let told = |p: &mut PortConfig| {
        p.options.slave_monitoring = SlaveMonitoring {
            rx_sync_timing: true,
            rx_sync_computed: true,
            tx_event_timestamps: true,
            records: 5,
            ..SlaveMonitoring::default()
        };
    };
    let clients: Vec<_> = (0..8)
        .map(|i| {
            sim.node(NodeSpec::new(&format!("c{i}")).client_only().off(i * 90_000, 700.0).each_port(told))
        })
        .collect();
    let link = sim.link(&[vec![gm, monitor], clients.clone()].concat(), LinkSpec::wire(500));
    sim.capture(link);
    sim.run_for(secs(600));
    let engine = sim.engine(monitor).expect("lives");
    assert_eq!(engine.monitored_slaves().count(), clients.len());
    for (i, client) in clients.iter().enumerate() {
        let id = PortIdentity::new(identity(2 + i as u8), 1);
        let seen = engine.monitored_slaves().find(|s| s.identity == id).expect("each is heard");
        assert_eq!(seen.master, Some(PortIdentity::new(identity(0), 1)));
        assert!(
            seen.sync_timing > 550 && seen.sync_computed > 550 && seen.tx_event_timestamps > 400,
            "{seen:?}"
        );
        assert_eq!(seen.messages * 5, seen.sync_timing + seen.sync_computed + seen.tx_event_timestamps);
        let delay = seen.mean_path_delay.expect("told").nanos_f64();
        let offset = seen.offset_from_master.expect("told").nanos_f64();
        assert!((delay - 500.0).abs() < 30.0 && offset.abs() < 100.0, "{delay} {offset}");
        assert_eq!(sim.states(*client), [PortState::Slave]);
    }
    // What the messages say of t1 and t2 is what was: together they give the true offset.
    let last = from(&sim, link, identity(2), Moment::from_nanos(500_000_000_000));
    let timing = last.iter().rev().find_map(|(_, octets)| {
        let message = Message::parse(octets).expect("ours");
        let tlv = message.tlvs().find(|t| t.tlv_type == TlvType::SLAVE_RX_SYNC_TIMING_DATA)?;
        match tlv.decode() {
            Ok(TlvValue::SlaveRxSyncTimingData(data)) => Some(data.records.iter().collect::<Vec<_>>()),
            other => panic!("{other:?}"),
        }
    });
    for r in timing.expect("sent") {
        let (t1, t2) = (
            TimePoint::from(r.sync_origin_timestamp) + r.total_correction_field,
            TimePoint::from(r.sync_event_ingress_timestamp),
        );
        assert!(((t2 - t1).nanos_f64() - 500.0).abs() < 100.0, "{r:?}");
    }
}

/// A NetSync monitor's request.
fn net_sync_request(sequence_id: u16) -> Vec<u8> {
    let mut header = Header::new(MessageType::DelayReq);
    header.sequence_id = sequence_id;
    header.flags = Flags::UNICAST;
    header.source_port_identity = PortIdentity::new(ClockIdentity([9; 8]), 1);
    let mut buf = [0; 64];
    let body = Body::DelayReq { origin_timestamp: Timestamp::ZERO };
    let mut w = Writer::new(&mut buf, &header, &body).expect("it fits");
    w.tlv(TlvType::PTPMON_REQ, &[]).expect("it fits");
    let len = w.finish();
    buf[..len].to_vec()
}

#[test]
fn a_net_sync_monitor_measures_a_client_and_a_flood_of_them_does_no_harm() {
    let mut sim = Simulation::new(7);
    let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0));
    let client = sim.node(
        NodeSpec::new("client")
            .client_only()
            .off(3_000_000, 12_000.0)
            .each_port(|p| p.options.net_sync_monitor_rate = 16),
    );
    let link = sim.link(&[gm, client], LinkSpec::wire(500));
    sim.capture(link);
    sim.run_for(secs(120));
    let asked = sim.now();
    let true_time = sim.error(client);
    sim.inject(client, 1, &net_sync_request(7));
    sim.run_for(Duration::from_millis(100));
    let answers = from(&sim, link, identity(1), asked);
    let of = |t| {
        let mut found = answers.iter().filter(|(_, o)| {
            let header = *Message::parse(o).expect("ours").header();
            header.message_type == t && header.flags.has(Flags::UNICAST) && header.sequence_id == 7
        });
        let only = found.next().cloned().unwrap_or_else(|| panic!("no {t}"));
        assert!(found.next().is_none(), "{t} twice");
        only
    };
    let (response, sync, follow_up) =
        (of(MessageType::DelayResp), of(MessageType::Sync), of(MessageType::FollowUp));
    let Body::DelayResp { receive_timestamp, .. } = *Message::parse(&response.1).expect("ours").body() else {
        unreachable!("its type is Delay_Resp")
    };
    // What it says of its time is its time: true time and its error.
    let epoch = TimePoint::from_nanos(hil_tests::sim::EPOCH_NS);
    let at = |m: Moment| epoch + TimeInterval::from_nanos(m.nanos() as i64);
    let t4 = TimePoint::from(receive_timestamp) - at(asked);
    assert!((t4.nanos_f64() - true_time).abs() < 10.0, "{t4} and {true_time}");
    let Body::FollowUp { precise_origin_timestamp } = *Message::parse(&follow_up.1).expect("ours").body()
    else {
        unreachable!("its type is Follow_Up")
    };
    let t1 = TimePoint::from(precise_origin_timestamp) - at(sync.0);
    assert!((t1.nanos_f64() - sim.error(client)).abs() < 20.0, "{t1} and {}", sim.error(client));
    // A thousand requests a second for ten seconds.
    let (from_then, before) = (sim.now(), sim.link_stats(link).sent);
    for i in 0..10_000u32 {
        sim.inject(client, 1, &net_sync_request(i as u16));
        sim.run_for(Duration::from_millis(1));
    }
    let sent = sim.link_stats(link).sent - before;
    assert!(sent < 10 * 16 * 3 + 3 * 16 + 80, "{sent} frames in ten seconds");
    assert_eq!(sim.record(client).states_since(PORT, from_then), []);
    sim.run_for(secs(60));
    assert!(sim.offsets(client, gm, secs(60)).max < 60.0);
}

#[test]
fn performance_records_show_when_something_happened_and_how_bad_it_was() {
    let mut sim = Simulation::new(8);
    let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0));
    let client = sim.node(
        NodeSpec::new("client")
            .client_only()
            .off(3_000_000, 12_000.0)
            .with(|c| c.options.performance_monitoring = true),
    );
    let link = sim.link(&[gm, client], LinkSpec::wire(500));
    // 13 quarters of an hour; in the middle of the eleventh the way there is 10 us longer for a minute.
    sim.run_for(secs(10 * 900 + 450));
    sim.set_link(link, |l| l.asymmetry = TimeInterval::from_nanos(20_000));
    sim.run_for(secs(60));
    sim.set_link(link, |l| l.asymmetry = TimeInterval::ZERO);
    sim.run_for(secs(390 + 2 * 900 + 10));
    let performance = sim.engine(client).and_then(|e| e.performance()).expect("it is on");
    for number in 1..=13 {
        let r = performance.clock_record(number).expect("over");
        let offset = &r.offset_from_master;
        assert!(r.complete && r.valid, "record {number}");
        match number {
            // The first, with the start of it; and the one with the bad minute.
            13 => assert!(offset.count() > 850),
            3 => assert!(
                offset.maximum().abs().max(offset.minimum().abs()) > TimeInterval::from_nanos(3_000),
                "{r:?}"
            ),
            _ => {
                assert!((899..=901).contains(&offset.count()), "record {number}: {}", offset.count());
                assert!(offset.average().nanos_f64().abs() < 3.0, "{}", offset.average());
                assert!(offset.standard_deviation().nanos_f64() < 30.0, "{}", offset.standard_deviation());
                assert!(offset.maximum().nanos_f64() < 100.0 && offset.minimum().nanos_f64() > -100.0);
                assert!((r.mean_path_delay.average().nanos_f64() - 500.0).abs() < 5.0);
            }
        }
    }
    let day = performance.clock_record(97).expect("running");
    let quarters: u64 =
        (0..=13).filter_map(|n| performance.clock_record(n)).map(|r| r.offset_from_master.count()).sum();
    assert_eq!(day.offset_from_master.count(), quarters);
    assert!(performance.clock_record(14).is_none() && performance.clock_record(98).is_none());
    let told = sim
        .record(client)
        .events
        .iter()
        .filter(|(_, e)| matches!(e, Event::PerformanceRecord { .. }))
        .count();
    assert_eq!(told, 13);
    assert_ne!(day.offset_from_master.average(), Statistic::INVALID);
}

#[test]
fn the_error_that_a_path_may_have_is_told_at_its_end() {
    let mut sim = Simulation::new(9);
    let ns = TimeInterval::from_nanos;
    let share = |n: NodeSpec| {
        n.with(|c| {
            c.path_trace = true;
            c.options.accuracy = Some(Accuracy {
                max_gm_inaccuracy: ns(30),
                max_dynamic_inaccuracy: ns(20),
                max_static_medium_inaccuracy: ns(50),
                var_dynamic_inaccuracy: 1e-16,
                ..Accuracy::default()
            });
        })
    };
    let gm = sim.node(share(NodeSpec::grandmaster("gm").off(0, 0.0)));
    let mut chain = vec![gm];
    for i in 0..5 {
        let next = sim.node(share(NodeSpec::new(&format!("bc{i}")).off(i * 10_000, 500.0)));
        // Each link is 80 ns asymmetric, which nobody compensates: 40 ns of error.
        let mut wire = LinkSpec::wire(500);
        wire.asymmetry = ns(80);
        sim.link(&[chain[chain.len() - 1], next], wire);
        chain.push(next);
    }
    sim.run_for(secs(400));
    let last = chain[5];
    let metrics = sim.engine(last).and_then(|e| e.accuracy()).expect("told");
    assert_eq!((metrics.bc_hop_count, metrics.max_gm_inaccuracy), (5, ns(30)));
    assert_eq!((metrics.max_dynamic_inaccuracy, metrics.max_static_medium_inaccuracy), (ns(120), ns(250)));
    assert!((metrics.var_dynamic_inaccuracy - 6e-16).abs() < 1e-20);
    let bound =
        metrics.max_gm_inaccuracy + metrics.max_dynamic_inaccuracy + metrics.max_static_medium_inaccuracy;
    let offsets = sim.offsets(last, gm, secs(200));
    assert!(offsets.max < bound.nanos_f64() && offsets.max > 100.0, "{offsets} within {bound}");
    // A clock that does not take part passes the figures on as they are; path trace goes on.
    sim.reload(chain[3], |c| c.options.accuracy = None);
    sim.run_for(secs(30));
    assert_eq!(sim.engine(last).and_then(|e| e.accuracy()).map(|m| m.bc_hop_count), Some(4));
    assert_eq!(sim.violations(), []);
}

/// A boundary clock made of two instances: one follows the grandmaster, the other serves and speaks for it.
#[test]
fn two_instances_are_one_boundary_clock_to_those_below() {
    let mut sim = Simulation::new(10);
    let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0));
    let upper = sim.node(NodeSpec::new("upper").client_only().off(200_000, 3_000.0));
    let lower = sim.node(NodeSpec::grandmaster("lower").off(0, 0.0).with(|c| {
        c.options.external_grandmaster =
            Some(ExternalGrandmaster { identity: identity(0), steps_removed: 1 });
    }));
    let bc = sim.node(NodeSpec::new("bc").off(-200_000, -3_000.0));
    let client = sim.node(NodeSpec::new("client").client_only().off(100_000, 900.0));
    sim.link(&[gm, upper], LinkSpec::wire(500));
    sim.link(&[lower, bc], LinkSpec::wire(500));
    sim.link(&[bc, client], LinkSpec::wire(500));
    sim.run_for(secs(120));
    for (node, steps) in [(upper, 1), (lower, 1), (bc, 2), (client, 3)] {
        let engine = sim.engine(node).expect("lives");
        assert_eq!((sim.name(node), sim.grandmaster_of(node)), (sim.name(node), Some(gm)));
        assert_eq!(engine.current_ds().steps_removed, steps, "{}", sim.name(node));
    }
    assert!(sim.offsets(client, lower, secs(30)).max < 150.0, "{}", sim.offsets(client, lower, secs(30)));
    // Speaking for nobody any more.
    sim.reload(lower, |c| c.options.external_grandmaster = None);
    sim.run_for(secs(20));
    assert_eq!((sim.grandmaster_of(client), sim.grandmaster_of(upper)), (Some(lower), Some(gm)));
    assert_eq!(sim.violations(), []);
}
