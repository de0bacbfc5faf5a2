//! Who is master when masters come, go and change their minds.

use core::time::Duration;

use hil_tests::sim::{LinkId, LinkSpec, NodeId, NodeSpec, PortState, Simulation};
use ptp_wire::{PortNumber, TimeInterval, TimeSource};
use ptpd::engine::Event;

const PORT: PortNumber = PortNumber(1);

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// A grandmaster, a standby that is second best, and three clients on one segment.
struct Segment {
    sim: Simulation,
    gm: NodeId,
    standby: NodeId,
    clients: Vec<NodeId>,
    link: LinkId,
}

fn segment(seed: u64) -> Segment {
    let mut sim = Simulation::new(seed);
    let gm = sim.node(
        NodeSpec::grandmaster("gm").priority1(10).off(0, 0.0).with(|c| c.clock_quality.clock_class = 135),
    );
    let standby = sim.node(NodeSpec::new("standby").priority1(20).off(2_000_000, 4_000.0));
    let clients: Vec<_> = (0..3)
        .map(|i| {
            let spec = NodeSpec::new(&format!("c{i}"))
                .off(i * 700_000 - 900_000, f64::from(i as i32 * 5_000 - 6_000));
            sim.node(if i == 0 { spec.client_only() } else { spec })
        })
        .collect();
    let link = sim.link(&[vec![gm, standby], clients.clone()].concat(), LinkSpec::wire(400));
    Segment { sim, gm, standby, clients, link }
}

fn all_follow(s: &Simulation, clients: &[NodeId], gm: NodeId) -> bool {
    clients.iter().all(|c| s.state(*c, 1) == PortState::Slave && s.grandmaster_of(*c) == Some(gm))
}

#[test]
fn the_standby_takes_over_within_the_announce_timeout_and_time_does_not_jump() {
    let Segment { mut sim, gm, standby, clients, link } = segment(1);
    sim.run_for(secs(120));
    sim.assert_in_order(100.0);
    assert!(all_follow(&sim, &clients, gm));
    let steps: Vec<_> = sim.nodes().map(|n| sim.steps(n)).collect();

    sim.kill(gm);
    sim.forget_masters();
    let took = sim.run_until(secs(60), |s| all_follow(s, &clients, standby)).expect("the standby takes over");
    // announceReceiptTimeout of 3 s + up to 1 s, then two Announces and two samples.
    assert!(took < secs(10), "{took:?}");
    sim.run_for(secs(120));
    sim.assert_in_order(100.0);
    assert_eq!(steps, sim.nodes().map(|n| sim.steps(n)).collect::<Vec<_>>(), "nobody stepped");
    // The standby was synchronised: it holds what it had, and the others with it.
    assert!(sim.error(clients[0]).abs() < 20_000.0, "{}", sim.error(clients[0]));
    assert!(sim.double_masters(link).longest < secs(3), "{:?}", sim.double_masters(link));

    sim.revive(gm);
    let back = sim.run_until(secs(60), |s| all_follow(s, &clients, gm)).expect("the old one comes back");
    assert!(back < secs(12), "{back:?}");
    sim.run_for(secs(60));
    sim.assert_state(standby, 1, PortState::Slave);
    sim.assert_in_order(100.0);
}

#[test]
fn a_better_grandmaster_appears_and_the_old_one_becomes_its_client() {
    let Segment { mut sim, gm, standby, clients, link } = segment(2);
    sim.kill(gm);
    sim.run_for(secs(60));
    assert!(all_follow(&sim, &clients, standby));
    let from = sim.now();
    sim.forget_masters();
    sim.revive(gm);
    let took =
        sim.run_until(secs(60), |s| s.state(standby, 1) == PortState::Slave && all_follow(s, &clients, gm));
    assert!(took.expect("everybody changes") < secs(12), "{took:?}");
    sim.run_for(secs(30));
    // The better one must not become MASTER before it knows the other; both are MASTER only until the other knows it.
    assert!(sim.double_masters(link).longest <= secs(3), "{:?}", sim.double_masters(link));
    let states = sim.record(standby).states_since(PORT, from);
    assert_eq!(states, [PortState::Uncalibrated, PortState::Slave], "straight there");
    sim.assert_in_order(100.0);
}

#[test]
fn equal_clocks_are_told_apart_by_identity_at_once_and_for_good() {
    let mut sim = Simulation::new(3);
    let nodes: Vec<_> = (0..8)
        .map(|i| sim.node(NodeSpec::new(&format!("n{i}")).off(i * 1000, f64::from(i as i32))))
        .collect();
    let link = sim.link(&nodes, LinkSpec::wire(400));
    sim.run_for(secs(30));
    let from = sim.now();
    sim.run_for(secs(3600));
    for &node in &nodes {
        assert_eq!(sim.grandmaster_of(node), Some(nodes[0]));
        assert_eq!(sim.record(node).states_since(PORT, from), [], "nobody changes any more");
    }
    assert!(sim.double_masters(link).total < secs(5), "{:?}", sim.double_masters(link));
    sim.assert_in_order(100.0);
}

#[test]
fn a_flapping_link_ends_in_order_and_the_clock_is_held() {
    let Segment { mut sim, gm, clients, link, .. } = segment(4);
    sim.run_for(secs(120));
    for (down, up) in [(20, 80), (500, 1500), (5_000, 7_000)] {
        sim.flap(link, 20, Duration::from_millis(down), Duration::from_millis(up));
        sim.run_for(secs(60));
        assert!(all_follow(&sim, &clients, gm));
        sim.assert_in_order(100.0);
    }
    assert_eq!(sim.steps(clients[0]), 1, "only at the start");
    // One node's plug alone.
    for _ in 0..10 {
        sim.plug(clients[1], 1, false);
        sim.assert_state(clients[1], 1, PortState::Faulty);
        sim.run_for(secs(2));
        sim.plug(clients[1], 1, true);
        sim.run_for(secs(2));
    }
    sim.run_for(secs(30));
    sim.assert_in_order(100.0);
}

#[test]
fn an_isolated_node_holds_its_time_and_comes_back() {
    let Segment { mut sim, gm, clients, .. } = segment(5);
    sim.run_for(secs(300));
    let lonely = clients[1];
    sim.plug(lonely, 1, false);
    sim.run_for(secs(600));
    assert!(
        sim.engine(lonely).is_some_and(|e| e.is_grandmaster()),
        "without anybody it is its own grandmaster"
    );
    let drifted = sim.offset(lonely, gm).abs();
    assert!(drifted < 100_000.0, "{drifted} ns in ten minutes: it holds the frequency it had");
    sim.plug(lonely, 1, true);
    let back = sim.run_until(secs(30), |s| all_follow(s, &[lonely], gm)).expect("comes back");
    assert!(back < secs(12), "{back:?}");
    sim.run_for(secs(60));
    sim.assert_in_order(100.0);
}

#[test]
fn syncs_that_stop_while_announces_go_on_are_noticed() {
    // A master that only announces: its Sync stamps are all lost, so no Follow_Up ever comes.
    for timeout in [0, 5] {
        let mut sim = Simulation::new(6);
        let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0));
        let client = sim.node(
            NodeSpec::new("client").off(100_000, 3_000.0).each_port(|p| p.sync_receipt_timeout = timeout),
        );
        sim.link(&[gm, client], LinkSpec::wire(400));
        sim.run_for(secs(60));
        sim.assert_state(client, 1, PortState::Slave);
        let from = sim.now();
        sim.set_node(gm, |n| n.host.stamp_loss = 1.0);
        sim.run_for(secs(60));
        let left = !sim.record(client).states_since(PORT, from).is_empty();
        assert_eq!(left, timeout > 0, "timeout {timeout}");
        let counted = sim.engine(client).and_then(|e| e.port_stats(PORT)).map(|s| s.service.sync_timeout > 0);
        assert_eq!(counted, Some(timeout > 0));
        sim.set_node(gm, |n| n.host.stamp_loss = 0.0);
        sim.run_for(secs(60));
        sim.assert_state(client, 1, PortState::Slave);
        sim.assert_in_order(100.0);
    }
}

#[test]
fn a_silent_wire_is_lost_by_timeout_without_carrier_loss() {
    let Segment { mut sim, gm, clients, link, .. } = segment(7);
    sim.run_for(secs(60));
    sim.silence(link, true);
    let took = sim.run_until(secs(30), |s| s.state(clients[1], 1) == PortState::Master).expect("timeout");
    assert!(
        (secs(2)..secs(5)).contains(&took),
        "3 to 4 announce intervals, less the one that has begun: {took:?}"
    );
    // Each waits for a time of its own.
    sim.run_for(secs(2));
    sim.assert_state(clients[0], 1, PortState::Listening);
    sim.silence(link, false);
    sim.run_for(secs(60));
    assert!(all_follow(&sim, &clients, gm));
    sim.assert_in_order(100.0);
}

#[test]
fn the_grandmasters_clock_steps_and_its_clients_follow() {
    let mut sim = Simulation::new(8);
    let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0));
    let step = |n: NodeSpec| NodeSpec {
        servo: ptp_servo::Steering {
            servo: ptp_servo::ServoConfig {
                step_threshold: Some(TimeInterval::from_nanos(1_000_000)),
                ..n.servo.servo
            },
            ..n.servo
        },
        ..n
    };
    let bc = sim.node(step(NodeSpec::new("bc").off(100_000, 3_000.0)));
    let client = sim.node(step(NodeSpec::new("client").client_only().off(-100_000, -8_000.0)));
    sim.link(&[gm, bc], LinkSpec::wire(400));
    sim.link(&[bc, client], LinkSpec::wire(400));
    sim.run_for(secs(120));
    sim.assert_in_order(100.0);
    for by in [5_000_000_000i64, -7_000_000_000] {
        sim.step_clock(gm, TimeInterval::from_nanos(by));
        sim.run_for(secs(10));
        assert!(sim.offset(bc, gm).abs() < 1_000_000.0, "{by}: {}", sim.offset(bc, gm));
        sim.run_for(secs(60));
        sim.assert_in_order(100.0);
    }
    // The client's own clock is stepped by someone.
    sim.step_clock(client, TimeInterval::from_nanos(90_000_000));
    sim.run_for(secs(60));
    sim.assert_in_order(100.0);
}

#[test]
fn time_properties_pass_a_boundary_clock_and_their_changes_too() {
    let mut sim = Simulation::new(9);
    let gm = sim.node(
        NodeSpec::grandmaster("gm").off(0, 0.0).with(|c| c.time_properties.time_source = TimeSource::GNSS),
    );
    let bcs = [
        sim.node(NodeSpec::new("bc0").off(100_000, 3_000.0)),
        sim.node(NodeSpec::new("bc1").off(-9_000, 900.0)),
    ];
    let client = sim.node(NodeSpec::new("client").client_only().off(-100_000, -8_000.0));
    for pair in [[gm, bcs[0]], [bcs[0], bcs[1]], [bcs[1], client]] {
        sim.link(&pair, LinkSpec::wire(400));
    }
    sim.run_for(secs(120));
    let told = |s: &Simulation, n| s.engine(n).map(|e| *e.time_properties_ds());
    for node in [bcs[0], bcs[1], client] {
        assert_eq!(told(&sim, node), told(&sim, gm), "{}", sim.name(node));
    }
    assert!(told(&sim, client).is_some_and(|t| t.time_traceable && t.time_source == TimeSource::GNSS));
    // A leap second is announced; later it is over and UTC is one second more behind.
    for (leap61, offset) in [(true, 37), (false, 38)] {
        let from = sim.now();
        sim.reload(gm, |c| {
            c.time_properties.leap61 = leap61;
            c.time_properties.current_utc_offset = offset;
        });
        let arrived = |s: &Simulation| {
            told(s, client).is_some_and(|t| t.leap61 == leap61 && t.current_utc_offset == offset)
        };
        let took = sim.run_until(secs(30), arrived).expect("reaches the client");
        assert!(took < secs(4), "at most one announce interval per hop: {took:?}");
        assert_eq!(told(&sim, client), told(&sim, gm));
        let events =
            sim.record(client).events.iter().filter(|(t, e)| *t > from && matches!(e, Event::TimeProperties));
        assert_eq!(events.count(), 1);
        for node in sim.nodes() {
            assert_eq!(sim.record(node).states_since(PORT, from), [], "no port changes for it");
        }
    }
    // Without its grandmaster the first boundary clock announces its own: nothing traceable.
    sim.kill(gm);
    sim.run_for(secs(60));
    assert!(told(&sim, client).is_some_and(|t| !t.time_traceable && t.time_source != TimeSource::GNSS));
}
