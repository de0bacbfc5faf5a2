//! Transparent clocks in simulated networks: what they correct is exact, whatever waits inside them.

use core::time::Duration;

use hil_tests::sim::{ClockSpec, Jitter, LinkId, LinkSpec, NodeId, NodeSpec, PortState, Simulation};
use ptp_wire::{
    Body, Flags, Header, LogInterval, Message, MessageType, PortIdentity, PortNumber, TimeInterval,
    Timestamp, TlvValue, Writer,
};
use ptpd::engine::{Accuracy, DropCause, Stamping};

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// Messages wait for a millisecond on the mean, and now and then for several.
fn crowded(mut node: NodeSpec) -> NodeSpec {
    node.host.transmit_latency = Jitter::Gamma { shape: 1, mean: 1_000_000.0 };
    node
}

/// Eight Syncs and requests a second.
fn lively(node: NodeSpec) -> NodeSpec {
    node.each_port(|p| {
        p.log_sync_interval = LogInterval(-3);
        p.log_min_delay_req_interval = LogInterval(-3);
        p.log_min_pdelay_req_interval = LogInterval(-1);
    })
}

struct Chain {
    sim: Simulation,
    gm: NodeId,
    clocks: Vec<NodeId>,
    client: NodeId,
    links: Vec<LinkId>,
}

/// A grandmaster, transparent clocks, a client, in a row; every link is 500 ns long and a little longer each time.
fn chain(
    seed: u64,
    clocks: usize,
    end: impl Fn(NodeSpec) -> NodeSpec,
    middle: impl Fn(NodeSpec, usize) -> NodeSpec,
) -> Chain {
    let mut sim = Simulation::new(seed);
    let gm = sim.node(end(lively(NodeSpec::grandmaster("gm"))));
    let clocks: Vec<_> =
        (0..clocks).map(|i| sim.node(middle(lively(NodeSpec::new(&format!("tc{i}"))), i))).collect();
    let wrong = ClockSpec {
        phase: TimeInterval::from_nanos(3_000_000),
        frequency_ppb: 12_000.0,
        ..ClockSpec::PERFECT
    };
    let client = sim.node(end(lively(NodeSpec::new("client").client_only().clock(wrong))));
    let all: Vec<_> = [&[gm][..], &clocks, &[client]].concat();
    let links: Vec<_> = all
        .windows(2)
        .enumerate()
        .map(|(i, pair)| sim.link(pair, LinkSpec::wire(500 + 100 * i as i64)))
        .collect();
    for link in &links {
        sim.capture(*link);
    }
    Chain { sim, gm, clocks, client, links }
}

impl Chain {
    #[track_caller]
    fn settle(&mut self, time: u64, max_ns: f64) {
        self.sim.run_for(secs(time));
        self.sim.assert_state(self.client, 1, PortState::Slave);
        assert_eq!(self.sim.grandmaster_of(self.client), Some(self.gm));
        let offsets = self.sim.offsets(self.client, self.gm, secs(time / 2));
        println!("{} clocks: {offsets}", self.clocks.len());
        assert!(offsets.max < max_ns, "{offsets}");
        assert_eq!(self.sim.violations(), []);
    }

    fn headers(&self, link: usize, message_type: MessageType) -> Vec<Header> {
        let capture = self.sim.captured(self.links[link]).expect("asked for");
        let all = capture.messages().map(|(_, octets)| *Message::parse(octets).expect("ours").header());
        all.filter(|h| h.message_type == message_type).collect()
    }

    /// The longest residence that was told on the last link, in ns.
    fn waited(&self) -> f64 {
        let last = self.links.len() - 1;
        let corrections =
            self.headers(last, MessageType::FollowUp).into_iter().map(|h| h.correction.nanos_f64());
        corrections.fold(0.0, f64::max)
    }

    fn dropped(&self, cause: DropCause) -> u64 {
        let clocks = self.clocks.iter().filter_map(|c| self.sim.engine(*c));
        clocks.flat_map(|e| [1, 2].map(|p| e.port_stats(PortNumber(p)).map_or(0, |s| s.dropped(cause)))).sum()
    }
}

#[test]
fn end_to_end_chains_are_exact_to_the_nanosecond() {
    for clocks in [1, 3, 5] {
        let mut chain = chain(1, clocks, |n| n, |n, _| crowded(n).transparent_e2e());
        chain.settle(120, 2.0);
        assert!(chain.waited() > 2e6 * clocks as f64, "{}", chain.waited());
        // The whole way, and only the wire of it.
        let wires: i64 = (0..=clocks as i64).map(|i| 500 + 100 * i).sum();
        let delay = chain.sim.record(chain.client).last_sample.expect("measured").mean_delay;
        assert!((delay.nanos_f64() - wires as f64).abs() < 2.0, "{delay} of {wires}");
    }
}

#[test]
fn peer_to_peer_chains_are_exact_to_the_nanosecond() {
    for clocks in [1, 3, 5] {
        let mut chain = chain(2, clocks, NodeSpec::p2p, |n, _| crowded(n).transparent_p2p());
        chain.settle(120, 2.0);
        assert!(chain.waited() > 2e6 * clocks as f64, "{}", chain.waited());
        // Each measures its own link; nobody's peer delay crosses a clock.
        for (i, clock) in chain.clocks.iter().enumerate() {
            let engine = chain.sim.engine(*clock).expect("alive");
            for (port, wire) in [(1, 500 + 100 * i), (2, 600 + 100 * i)] {
                let delay = engine.port_delay(PortNumber(port)).expect("measured").nanos_f64();
                assert!((delay - wire as f64).abs() < 1.0, "tc{i} port {port}: {delay} of {wire}");
            }
        }
        assert_eq!(chain.dropped(DropCause::Looped) + chain.dropped(DropCause::Unmatched), 0);
    }
}

#[test]
fn clocks_that_run_wrongly_tell_residence_in_the_grandmasters_seconds() {
    let off = |n: NodeSpec, i: usize| {
        // Up to 90 ppm off, and with a card's stamps: a millisecond would be told wrongly by 90 ns.
        crowded(n).off(1_000_000 * i as i64, [90_000.0, -80_000.0, 70_000.0][i]).transparent_e2e()
    };
    let mean_of = |syntonise: bool| {
        let mut chain = chain(3, 3, |n| n, |n, i| off(n, i).with(|c| c.syntonise = syntonise));
        chain.sim.run_for(secs(300));
        chain.sim.assert_state(chain.client, 1, PortState::Slave);
        if syntonise {
            for (clock, ppb) in chain.clocks.iter().zip([90_000.0, -80_000.0, 70_000.0]) {
                let ratio = chain.sim.engine(*clock).and_then(|e| e.rate_ratio()).expect("measured");
                assert!(((1.0 - ratio) * 1e9 - ppb).abs() < 300.0, "{ratio} for {ppb}");
            }
        }
        chain.sim.offsets(chain.client, chain.gm, secs(200))
    };
    let (with, without) = (mean_of(true), mean_of(false));
    println!("syntonised: {with}; free running: {without}");
    assert!(with.rms < 15.0, "{with}");
    assert!(without.rms > 2.0 * with.rms, "{without} against {with}");
}

#[test]
fn one_step_grandmasters_become_two_step_on_the_way() {
    let one_step =
        |n: NodeSpec| if n.name == "gm" { n.each_port(|p| p.stamping = Stamping::OneStep) } else { n };
    let mut chain = chain(4, 3, one_step, |n, _| crowded(n).transparent_e2e());
    chain.settle(120, 2.0);
    assert!(chain.headers(0, MessageType::FollowUp).is_empty());
    assert!(chain.headers(0, MessageType::Sync).iter().all(|h| !h.flags.has(Flags::TWO_STEP)));
    for link in 1..=3 {
        assert!(chain.headers(link, MessageType::Sync).iter().all(|h| h.flags.has(Flags::TWO_STEP)));
        assert!(!chain.headers(link, MessageType::FollowUp).is_empty());
    }
}

#[test]
fn cards_that_write_sync_keep_it_one_step_all_the_way() {
    let one_step = |n: NodeSpec| n.each_port(|p| p.stamping = Stamping::OneStep);
    // Their clocks start seconds apart: what the card writes is another clock's time each time.
    let middle = |n: NodeSpec, i: usize| {
        let mut n = one_step(crowded(n).transparent_e2e());
        n.clock.phase = TimeInterval::from_nanos(3_000_000_000 * (i as i64 - 1));
        n
    };
    let mut chain = chain(5, 3, one_step, middle);
    chain.settle(120, 2.0);
    for link in 0..=3 {
        let syncs = chain.headers(link, MessageType::Sync);
        assert!(!syncs.is_empty() && syncs.iter().all(|h| !h.flags.has(Flags::TWO_STEP)));
        assert!(chain.headers(link, MessageType::FollowUp).is_empty());
    }
}

#[test]
fn one_step_peers_and_two_step_peers_stand_in_one_chain() {
    let end = |n: NodeSpec| n.p2p().each_port(|p| p.stamping = Stamping::P2pOneStep);
    let middle = |n: NodeSpec, i: usize| {
        let n = crowded(n).transparent_p2p();
        if i == 1 { n.each_port(|p| p.stamping = Stamping::P2pOneStep) } else { n }
    };
    let mut chain = chain(6, 3, end, middle);
    chain.settle(120, 2.0);
    // tc0 and tc1 are on link 1: one of them answers in one step, the other in two.
    let answers = chain.headers(1, MessageType::PdelayResp);
    let two_step = answers.iter().filter(|h| h.flags.has(Flags::TWO_STEP)).count();
    assert!(two_step > 0 && two_step < answers.len(), "{two_step} of {}", answers.len());
    // tc0 makes Follow_Ups, tc1 keeps its own, tc2 makes them two-step: all of it adds up, as the offset has shown.
    assert!(chain.headers(0, MessageType::FollowUp).is_empty());
    assert!(!chain.headers(3, MessageType::FollowUp).is_empty());
}

#[test]
fn one_step_masters_and_boundary_clocks_serve_as_exactly() {
    let mut sim = Simulation::new(7);
    let one_step = |n: NodeSpec| lively(n).each_port(|p| p.stamping = Stamping::OneStep);
    let gm = sim.node(one_step(NodeSpec::grandmaster("gm")));
    let boundary = sim.node(one_step(NodeSpec::new("boundary").off(2_000_000, 20_000.0)));
    let client = sim.node(lively(NodeSpec::new("client").client_only().off(-3_000_000, -9_000.0)));
    let first = sim.link(&[gm, boundary], LinkSpec::wire(500));
    let second = sim.link(&[boundary, client], LinkSpec::wire(500));
    sim.capture(first);
    sim.capture(second);
    sim.run_for(secs(300));
    sim.assert_in_order(60.0);
    for link in [first, second] {
        let capture = sim.captured(link).expect("asked for");
        let types: Vec<_> = capture.messages().map(|(_, o)| o[0] & 0xf).collect();
        assert!(types.contains(&0) && !types.contains(&8));
    }
}

#[test]
fn each_clock_of_a_chain_adds_what_it_may_be_wrong_by() {
    let ns = TimeInterval::from_nanos;
    let share = Accuracy {
        max_gm_inaccuracy: ns(30),
        max_dynamic_inaccuracy: ns(20),
        var_dynamic_inaccuracy: 1e-16,
        max_static_instance_inaccuracy: ns(3),
        max_static_medium_inaccuracy: ns(50),
        ..Accuracy::default()
    };
    for p2p in [false, true] {
        let end = |node: NodeSpec| {
            let node = node.with(move |c| c.options.accuracy = Some(share));
            if p2p { node.p2p() } else { node }
        };
        // The third of four says nothing of itself.
        let mut chain = chain(11, 4, end, |node, i| {
            let node = if p2p { node.transparent_p2p() } else { node.transparent_e2e() };
            if i == 2 { node } else { node.with(move |c| c.options.accuracy = Some(share)) }
        });
        chain.settle(120, 5.0);
        // What comes to the client, without its own share.
        let told: Vec<_> = {
            let last = chain.links[chain.links.len() - 1];
            let capture = chain.sim.captured(last).expect("asked for");
            let metrics = |octets: &[u8]| {
                let message = Message::parse(octets).expect("ours");
                message.tlvs().find_map(|t| match t.decode() {
                    Ok(TlvValue::EnhancedAccuracyMetrics(m)) => Some(m),
                    _ => None,
                })
            };
            capture.messages().filter_map(|(_, octets)| metrics(octets)).collect()
        };
        let m = *told.last().expect("Announces with metrics");
        assert_eq!((m.bc_hop_count, m.tc_hop_count), (0, 3), "{m:?}");
        assert_eq!((m.max_gm_inaccuracy, m.max_dynamic_inaccuracy), (ns(30), ns(80)));
        assert_eq!((m.max_static_instance_inaccuracy, m.max_static_medium_inaccuracy), (ns(12), ns(150)));
        assert!((m.var_dynamic_inaccuracy - 4e-16).abs() < 1e-20);
        // What the path may be wrong by is more than it is.
        let client = chain.sim.engine(chain.client).and_then(|e| e.accuracy()).expect("told");
        assert_eq!((client.bc_hop_count, client.tc_hop_count), (1, 3));
        let bound = client.max_dynamic_inaccuracy + client.max_static_medium_inaccuracy;
        assert!(chain.sim.offset(chain.client, chain.gm).abs() < bound.nanos_f64());
    }
}

#[test]
fn a_star_of_clocks_elects_one_master_through_a_transparent_one() {
    let mut sim = Simulation::new(8);
    let hub = sim.node(crowded(lively(NodeSpec::new("hub"))).transparent_e2e());
    let clocks: Vec<_> =
        (0..5u8).map(|i| sim.node(lively(NodeSpec::new(&format!("c{i}")).priority1(100 + i)))).collect();
    for clock in &clocks {
        sim.link(&[hub, *clock], LinkSpec::wire(700));
    }
    sim.run_for(secs(60));
    let all_follow = |sim: &Simulation, master: NodeId, clocks: &[NodeId]| {
        for clock in clocks.iter().filter(|c| **c != master) {
            assert_eq!(sim.grandmaster_of(*clock), Some(master), "{}", sim.name(*clock));
            sim.assert_state(*clock, 1, PortState::Slave);
            let offset = sim.offset(*clock, master);
            assert!(offset.abs() < 5.0, "{} is {offset} ns off", sim.name(*clock));
        }
    };
    all_follow(&sim, clocks[0], &clocks);
    sim.kill(clocks[0]);
    sim.run_for(secs(60));
    all_follow(&sim, clocks[1], &clocks[1..]);
}

#[test]
fn a_ring_of_clocks_is_no_storm() {
    let mut sim = Simulation::new(9);
    let gm = sim.node(lively(NodeSpec::grandmaster("gm")));
    let ring: Vec<_> =
        (0..4).map(|i| sim.node(lively(NodeSpec::new(&format!("tc{i}"))).transparent_e2e())).collect();
    let client = sim.node(lively(NodeSpec::new("client").client_only()));
    sim.link(&[gm, ring[0]], LinkSpec::wire(500));
    sim.link(&[ring[2], client], LinkSpec::wire(500));
    let links: Vec<_> =
        (0..4).map(|i| sim.link(&[ring[i], ring[(i + 1) % 4]], LinkSpec::wire(500))).collect();
    sim.run_for(secs(120));
    sim.assert_state(client, 1, PortState::Slave);
    // Both ways round are open, so each message may cross a link twice; a storm would be a million times more.
    let from_gm = sim.link_stats(LinkId::first()).sent;
    for link in links {
        let sent = sim.link_stats(link).sent;
        assert!(sent <= 2 * from_gm, "{sent} frames where the ends sent {from_gm}");
    }
    let looped: u64 = ring
        .iter()
        .filter_map(|n| sim.engine(*n))
        .flat_map(|e| {
            (1..=3).filter_map(|p| e.port_stats(PortNumber(p))).map(|s| s.dropped(DropCause::Looped))
        })
        .sum();
    assert!(looped > 100, "{looped}");
}

#[test]
fn a_flood_of_halves_does_no_harm() {
    let mut chain = chain(10, 2, |n| n, |n, _| crowded(n).transparent_e2e());
    chain.settle(60, 2.0);
    let forge = |message_type, body: Body, i: u32| {
        let mut header = Header::new(message_type);
        header.source_port_identity =
            PortIdentity::new(ptp_wire::ClockIdentity([i as u8, (i >> 8) as u8, 6, 6, 6, 6, 6, 6]), 1);
        header.sequence_id = i as u16;
        header.flags = Flags::TWO_STEP;
        let mut octets = vec![0; 64];
        let length = Writer::new(&mut octets, &header, &body).expect("it fits").finish();
        octets.truncate(length);
        octets
    };
    // Three hundred of each kind, ten times a second, on both sides of the first clock.
    for round in 0..600u32 {
        for i in 0..300 {
            let i = round * 300 + i;
            let sync = forge(MessageType::Sync, Body::Sync { origin_timestamp: Timestamp::ZERO }, i);
            let late = Body::FollowUp { precise_origin_timestamp: Timestamp::ZERO };
            let follow_up = forge(MessageType::FollowUp, late, i ^ 0x5555);
            let request =
                forge(MessageType::DelayReq, Body::DelayReq { origin_timestamp: Timestamp::ZERO }, i);
            chain.sim.inject(chain.clocks[0], 1, &sync);
            chain.sim.inject(chain.clocks[0], 1, &follow_up);
            chain.sim.inject(chain.clocks[0], 2, &request);
        }
        chain.sim.run_for(Duration::from_millis(100));
    }
    assert!(chain.dropped(DropCause::Unmatched) > 100_000);
    chain.sim.assert_state(chain.client, 1, PortState::Slave);
    let offsets = chain.sim.offsets(chain.client, chain.gm, secs(50));
    println!("in a flood: {offsets}");
    assert!(offsets.max < 20.0, "{offsets}");
}

#[test]
fn rough_links_and_lost_stamps_cost_samples_only() {
    let rough = |n: NodeSpec, _| crowded(n).stamp_loss(0.05).transparent_e2e();
    let mut chain = chain(11, 3, |n| n, rough);
    for link in chain.links.clone() {
        // What is late on a wire is late for everybody: frames are lost and doubled, not held back.
        chain.sim.set_link(link, |l| *l = l.rough(0.02, 0));
    }
    chain.settle(300, 5.0);
    assert!(chain.dropped(DropCause::Unmatched) > 0);
    // Now and then a whole clock is away.
    let middle = chain.clocks[1];
    chain.sim.kill(middle);
    chain.sim.run_for(secs(30));
    chain.sim.revive(middle);
    chain.settle(120, 5.0);
}

/// stepsRemoved of the Announces on a link since a moment.
fn steps_announced(sim: &Simulation, link: LinkId, from: hil_tests::sim::Moment) -> Vec<u16> {
    let capture = sim.captured(link).expect("asked for");
    capture
        .messages()
        .filter(|(at, _)| *at > from)
        .filter_map(|(_, octets)| match *Message::parse(octets).ok()?.body() {
            Body::Announce(a) => Some(a.steps_removed),
            _ => None,
        })
        .collect()
}

#[test]
fn a_spanning_tree_uses_redundant_links_one_at_a_time() {
    let mut sim = Simulation::new(41);
    let tree = |n: NodeSpec| n.transparent_e2e().with(|c| c.spanning_tree = true);
    let gm = sim.node(lively(NodeSpec::grandmaster("gm")));
    let clocks: Vec<_> = (0..3).map(|i| sim.node(tree(lively(NodeSpec::new(&format!("tc{i}")))))).collect();
    let client = sim.node(lively(NodeSpec::new("client").client_only().off(3_000_000, 12_000.0)));
    sim.link(&[gm, clocks[0]], LinkSpec::wire(500));
    let behind = sim.link(&[clocks[2], client], LinkSpec::wire(500));
    let direct = sim.link(&[clocks[0], clocks[2]], LinkSpec::wire(500));
    sim.link(&[clocks[0], clocks[1]], LinkSpec::wire(500));
    sim.link(&[clocks[1], clocks[2]], LinkSpec::wire(500));
    sim.capture(behind);
    sim.run_for(secs(60));
    let settled = sim.now();
    sim.run_for(secs(60));
    let looped = |sim: &Simulation| -> u64 {
        let of = |node| (1..=3).filter_map(move |n| sim.engine(node)?.port_stats(PortNumber(n)));
        clocks.iter().flat_map(|n| of(*n)).map(|s| s.dropped(DropCause::Looped)).sum()
    };
    let before = looped(&sim);
    println!("{:?}", clocks.iter().map(|c| sim.states(*c)).collect::<Vec<_>>());
    // Two clocks on the way are two steps more; the direct way is the one that is used.
    let steps = steps_announced(&sim, behind, settled);
    assert!(steps.len() > 20 && steps.iter().all(|s| *s == 2), "{steps:?}");
    sim.assert_state(clocks[0], 1, PortState::Slave);
    sim.assert_state(clocks[2], 2, PortState::Slave);
    sim.assert_state(clocks[2], 1, PortState::Master);
    assert!(sim.offsets(client, gm, secs(30)).rms < 25.0, "{}", sim.offsets(client, gm, secs(30)));
    sim.run_for(secs(60));
    assert_eq!(looped(&sim), before, "nothing goes in a circle");
    // The used link fails: after the timeout it is the other way, over one clock more.
    sim.cut(direct);
    sim.run_for(secs(60));
    let settled = sim.now();
    sim.run_for(secs(30));
    let steps = steps_announced(&sim, behind, settled);
    assert!(steps.len() > 10 && steps.iter().all(|s| *s == 3), "{steps:?}");
    sim.assert_state(clocks[2], 3, PortState::Slave);
    assert!(sim.offsets(client, gm, secs(20)).rms < 25.0, "{}", sim.offsets(client, gm, secs(20)));
    // And back.
    sim.mend(direct);
    sim.run_for(secs(60));
    let settled = sim.now();
    sim.run_for(secs(30));
    let steps = steps_announced(&sim, behind, settled);
    assert!(steps.len() > 10 && steps.iter().all(|s| *s == 2), "{steps:?}");
}
