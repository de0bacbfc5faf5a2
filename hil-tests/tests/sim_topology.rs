//! Loops, roles and traces: what the network's shape makes of the ports.

use core::time::Duration;

use hil_tests::sim::{LinkId, LinkSpec, NodeId, NodeSpec, PortState, Simulation};
use ptp_wire::{Body, Header, Message, MessageType, PortIdentity, PortNumber, TlvType, Writer};
use ptpd::engine::DropCause;

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn count(sim: &Simulation, state: PortState) -> usize {
    sim.nodes().flat_map(|n| sim.states(n)).filter(|s| *s == state).count()
}

/// A grandmaster on the first of `n` boundary clocks in a ring.
fn ring(
    seed: u64,
    n: usize,
    change: impl Fn(NodeSpec) -> NodeSpec,
) -> (Simulation, NodeId, Vec<NodeId>, Vec<LinkId>) {
    let mut sim = Simulation::new(seed);
    let gm =
        sim.node(change(NodeSpec::grandmaster("gm").off(0, 0.0).with(|c| c.clock_quality.clock_class = 135)));
    let bcs: Vec<_> = (0..n)
        .map(|i| {
            let off = (i as i64 * 300_000 - 400_000, i as f64 * 2_000.0 - 5_000.0);
            sim.node(change(NodeSpec::new(&format!("bc{i}")).off(off.0, off.1)))
        })
        .collect();
    let mut links = vec![sim.link(&[gm, bcs[0]], LinkSpec::wire(400))];
    for i in 0..n {
        links.push(sim.link(&[bcs[i], bcs[(i + 1) % n]], LinkSpec::wire(400)));
    }
    (sim, gm, bcs, links)
}

#[test]
fn a_ring_of_boundary_clocks_is_opened_by_one_passive_port() {
    for n in [3, 4, 5, 8] {
        let (mut sim, gm, bcs, _) = ring(1, n, |s| s);
        sim.run_for(secs(180));
        sim.assert_in_order(300.0);
        assert_eq!(count(&sim, PortState::Passive), 1, "ring of {n}");
        assert_eq!(count(&sim, PortState::Slave), n, "ring of {n}");
        // Qualification takes 1 s and one more per step: nobody is wrongly MASTER for longer.
        let longest = sim.longest_double_masters();
        assert!(longest <= secs(2 + n as u64 / 2), "ring of {n}: {longest:?}");
        let from = sim.now();
        sim.run_for(secs(1800));
        for &bc in &bcs {
            for port in 1..=3 {
                assert_eq!(sim.record(bc).states_since(PortNumber(port), from), [], "ring of {n} is quiet");
            }
        }
        assert!(sim.offsets(bcs[n / 2], gm, secs(1800)).rms < 50.0);
    }
}

#[test]
fn a_cut_ring_is_served_over_its_other_side_and_closes_again() {
    let (mut sim, gm, bcs, links) = ring(2, 5, |s| s);
    sim.run_for(secs(180));
    for &link in &links[1..] {
        sim.forget_masters();
        sim.cut(link);
        sim.run_for(secs(90));
        assert_eq!(count(&sim, PortState::Passive), 0, "a line has no loop");
        sim.assert_in_order(300.0);
        sim.mend(link);
        sim.run_for(secs(90));
        assert_eq!(count(&sim, PortState::Passive), 1);
        sim.assert_in_order(300.0);
        assert!(sim.longest_double_masters() <= secs(6), "{link:?}: {:?}", sim.longest_double_masters());
        assert!(bcs.iter().all(|bc| sim.grandmaster_of(*bc) == Some(gm)));
    }
}

#[test]
fn a_ring_that_loses_its_grandmaster_does_not_chase_its_own_tail() {
    // The Announces of the dead one go round the ring with ever more steps until someone notices; path trace ends that at once.
    for (path_trace, limit) in [(true, 20), (false, 60)] {
        for n in [3, 5] {
            let (mut sim, gm, bcs, _) = ring(3, n, |s| s.with(|c| c.path_trace = path_trace));
            sim.run_for(secs(180));
            sim.kill(gm);
            let agreed = |s: &Simulation| bcs.iter().all(|b| s.grandmaster_of(*b) == Some(bcs[0]));
            let took = sim.run_until(secs(600), agreed).expect("they agree on another one");
            assert!(took < secs(limit), "path trace {path_trace}, ring of {n}: {took:?}");
            sim.run_for(secs(120));
            sim.assert_in_order(300.0);
            let from = sim.now();
            sim.run_for(secs(600));
            let later = bcs.iter().flat_map(|b| &sim.record(*b).changes).filter(|c| c.at >= from).count();
            assert_eq!(later, 0, "the dead one does not come back");
        }
    }
}

#[test]
fn two_wires_between_the_same_clocks_leave_one_passive() {
    let mut sim = Simulation::new(4);
    let gm = sim.node(NodeSpec::new("gm").off(0, 0.0).priority1(1));
    let bc = sim.node(NodeSpec::new("bc").off(100_000, 1_000.0));
    for _ in 0..3 {
        sim.link(&[gm, bc], LinkSpec::wire(400));
    }
    sim.run_for(secs(60));
    assert_eq!(sim.states(gm), [PortState::Master; 3]);
    assert_eq!(sim.states(bc), [PortState::Slave, PortState::Passive, PortState::Passive]);
    sim.cut(LinkId::first());
    sim.run_for(secs(60));
    assert_eq!(sim.states(bc), [PortState::Faulty, PortState::Slave, PortState::Passive]);
    sim.assert_in_order(100.0);
}

#[test]
fn two_ports_of_one_clock_on_the_same_segment_do_not_both_serve() {
    let mut sim = Simulation::new(5);
    let bc = sim.node(NodeSpec::new("bc").off(0, 0.0).priority1(1));
    let client = sim.node(NodeSpec::new("client").off(100_000, 1_000.0));
    sim.link(&[bc, bc, client], LinkSpec::wire(400));
    sim.run_for(secs(120));
    sim.assert_state(client, 1, PortState::Slave);
    assert_eq!(sim.violations(), []);
    assert!(sim.offsets(client, bc, secs(60)).rms < 50.0);
}

#[test]
fn path_trace_lists_the_way_and_drops_what_came_round() {
    let (mut sim, gm, bcs, links) = ring(6, 3, |s| s.with(|c| c.path_trace = true));
    let last = links[2];
    sim.capture(last);
    sim.run_for(secs(120));
    sim.assert_in_order(300.0);
    // bc1 - bc2: the one that serves there lists gm, bc0 and itself.
    let capture = sim.captured(last).expect("asked for");
    let path = capture
        .messages()
        .filter_map(|(_, octets)| Message::parse(octets).ok())
        .filter(|m| m.header().message_type == MessageType::Announce)
        .last()
        .and_then(|m| m.tlvs().find(|t| t.tlv_type == TlvType::PATH_TRACE).map(|t| t.value.to_vec()))
        .expect("the last Announce has a PATH_TRACE");
    let id = |n| sim.engine(n).map(|e| e.config().clock_identity.0).expect("lives");
    assert_eq!(path.len(), 24);
    assert_eq!(path[..8], id(gm));
    assert_eq!(path[8..16], id(bcs[0]));
    assert!(path[16..] == id(bcs[1]) || path[16..] == id(bcs[2]));

    // An Announce of an unbeatable clock that has already been here.
    let mut header = Header::new(MessageType::Announce);
    header.source_port_identity = PortIdentity::new(ptp_wire::ClockIdentity([9; 8]), 1);
    header.log_message_interval = ptp_wire::LogInterval(0);
    let announce = ptp_wire::Announce {
        origin_timestamp: ptp_wire::Timestamp::ZERO,
        current_utc_offset: 37,
        grandmaster_priority1: 0,
        grandmaster_clock_quality: ptp_wire::ClockQuality::DEFAULT,
        grandmaster_priority2: 0,
        grandmaster_identity: ptp_wire::ClockIdentity([9; 8]),
        steps_removed: 3,
        time_source: ptp_wire::TimeSource::GNSS,
    };
    let from = sim.now();
    let been_here = [[9; 8], id(bcs[1])].concat();
    for sequence_id in 0..10 {
        header.sequence_id = sequence_id;
        let mut buf = [0; 128];
        let mut w = Writer::new(&mut buf, &header, &Body::Announce(announce)).expect("fits");
        w.tlv(TlvType::PATH_TRACE, &been_here).expect("fits");
        let len = w.finish();
        sim.inject(bcs[1], 2, &buf[..len]);
        sim.run_for(secs(1));
    }
    let dropped =
        sim.engine(bcs[1]).and_then(|e| e.port_stats(PortNumber(2))).map(|s| s.dropped(DropCause::Announce));
    assert!(dropped >= Some(10), "{dropped:?}");
    assert_eq!(sim.grandmaster_of(bcs[1]), Some(gm));
    assert_eq!(sim.record(bcs[1]).states_since(PortNumber(2), from), []);
}

#[test]
fn client_only_clocks_never_serve_even_when_they_are_alone() {
    let mut sim = Simulation::new(7);
    let clients: Vec<_> = (0..4)
        .map(|i| sim.node(NodeSpec::new(&format!("c{i}")).client_only().priority1(1).off(i * 50_000, 500.0)))
        .collect();
    let gm = sim.node(NodeSpec::new("gm").priority1(255).off(0, 0.0));
    let link = sim.link(&[clients.clone(), vec![gm]].concat(), LinkSpec::wire(400));
    sim.kill(gm);
    sim.capture(link);
    sim.run_for(secs(120));
    for &c in &clients {
        assert_eq!(sim.states(c), [PortState::Listening]);
    }
    assert_eq!(sim.captured(link).map(|c| c.messages().count()), Some(0), "they keep still");
    sim.revive(gm);
    sim.run_for(secs(60));
    sim.assert_in_order(100.0);
    sim.kill(gm);
    sim.run_for(secs(60));
    for &c in &clients {
        assert_eq!(sim.states(c), [PortState::Listening]);
        let served =
            sim.record(c).changes.iter().any(|c| matches!(c.to, PortState::PreMaster | PortState::Master));
        assert!(!served);
    }
}

#[test]
fn a_server_only_port_serves_whoever_is_better() {
    let mut sim = Simulation::new(8);
    let bc = sim.node(NodeSpec::new("bc").off(100_000, 1_000.0));
    let gm = sim.node(NodeSpec::new("gm").priority1(5).off(0, 0.0));
    let intruder = sim.node(NodeSpec::new("intruder").priority1(1).off(50_000_000, 0.0));
    sim.link(&[gm, bc], LinkSpec::wire(400));
    sim.link(&[bc, intruder], LinkSpec::wire(400));
    sim.set_port(bc, 2, |p| p.master_only = true);
    sim.run_for(secs(120));
    assert_eq!(sim.states(bc), [PortState::Slave, PortState::Master]);
    assert_eq!(sim.grandmaster_of(bc), Some(gm), "the intruder has no say");
    assert!(sim.offset(bc, gm).abs() < 100.0);
    let stats = sim.engine(bc).and_then(|e| e.port_stats(PortNumber(2))).expect("port 2");
    assert!(stats.dropped(DropCause::MasterOnly) > 50);
    let states: Vec<_> = sim.record(bc).changes.iter().filter(|c| c.port.0 == 2).map(|c| c.to).collect();
    assert!(
        !states.iter().any(|s| matches!(s, PortState::Slave | PortState::Uncalibrated | PortState::Passive))
    );
    // It goes on serving when its own master is gone.
    sim.kill(gm);
    sim.run_for(secs(60));
    sim.assert_state(bc, 2, PortState::Master);
    assert!(sim.engine(bc).is_some_and(|e| e.is_grandmaster()));
}

#[test]
fn of_two_primary_references_one_is_passive_and_takes_over() {
    let mut sim = Simulation::new(9);
    let a = sim.node(NodeSpec::grandmaster("a").off(0, 0.0));
    let b = sim.node(NodeSpec::grandmaster("b").off(40, 0.0));
    let client = sim.node(NodeSpec::new("client").off(900_000, 9_000.0));
    let link = sim.link(&[a, b, client], LinkSpec::wire(400));
    sim.run_for(secs(60));
    sim.assert_state(a, 1, PortState::Master);
    sim.assert_state(b, 1, PortState::Passive);
    assert_eq!(sim.steps(b), 0, "a primary reference is not steered");
    sim.kill(a);
    let took = sim.run_until(secs(30), |s| {
        s.state(client, 1) == PortState::Slave && s.grandmaster_of(client) == Some(b)
    });
    assert!(took.expect("takes over") < secs(10), "{took:?}");
    sim.revive(a);
    sim.run_for(secs(60));
    sim.assert_state(b, 1, PortState::Passive);
    assert!(sim.double_masters(link).longest < secs(4), "{:?}", sim.double_masters(link));
}

#[test]
fn domains_do_not_hear_each_other() {
    let mut sim = Simulation::new(10);
    let nodes: Vec<_> = (0..4)
        .map(|i| {
            sim.node(
                NodeSpec::new(&format!("n{i}")).off(i * 90_000, 0.0).with(|c| c.domain_number = i as u8 % 2),
            )
        })
        .collect();
    sim.link(&nodes, LinkSpec::wire(400));
    sim.run_for(secs(60));
    assert_eq!(sim.grandmaster_of(nodes[2]), Some(nodes[0]));
    assert_eq!(sim.grandmaster_of(nodes[3]), Some(nodes[1]));
    let stats = sim.engine(nodes[3]).and_then(|e| e.port_stats(PortNumber(1))).expect("port 1");
    assert!(stats.dropped(DropCause::Domain) > 60);
}

#[test]
fn steps_removed_end_at_the_configured_limit() {
    let mut sim = Simulation::new(11);
    let mut chain = vec![sim.node(NodeSpec::new("gm").priority1(1).off(0, 0.0))];
    for i in 0..6 {
        chain.push(sim.node(NodeSpec::new(&format!("bc{i}")).off(0, 0.0).with(|c| c.max_steps_removed = 4)));
        sim.link(&chain[i..], LinkSpec::wire(400));
    }
    sim.run_for(secs(120));
    let grandmasters: Vec<_> = chain.iter().map(|n| sim.grandmaster_of(*n)).collect();
    // Announces of 4 steps and more do not count: the one at step 4 is the last that follows.
    assert_eq!(grandmasters[..5], [Some(chain[0]); 5]);
    assert!(grandmasters[5..].iter().all(|g| *g != Some(chain[0])), "{grandmasters:?}");
}
