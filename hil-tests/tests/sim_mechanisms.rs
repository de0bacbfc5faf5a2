//! Variants of the mechanisms: one-step, hybrid, measuring only; and numbers that wrap.

use core::time::Duration;
use std::collections::BTreeSet;

use hil_tests::sim::{Jitter, LinkId, LinkSpec, NodeId, NodeSpec, PortState, Simulation};
use ptp_wire::{Flags, LogInterval, Message, MessageType, PortNumber, TimeInterval};
use ptpd::engine::{Delay, DropCause, SampleMode};

const PORT: PortNumber = PortNumber(1);

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn pair(seed: u64, change: impl Fn(NodeSpec) -> NodeSpec) -> (Simulation, NodeId, NodeId, LinkId) {
    let mut sim = Simulation::new(seed);
    let gm = sim.node(change(NodeSpec::grandmaster("gm").off(0, 0.0)));
    let client = sim.node(change(NodeSpec::new("client").client_only().off(3_000_000, 12_000.0)));
    let link = sim.link(&[gm, client], LinkSpec::wire(500));
    sim.capture(link);
    (sim, gm, client, link)
}

fn headers(sim: &Simulation, link: LinkId) -> Vec<ptp_wire::Header> {
    let capture = sim.captured(link).expect("asked for");
    capture.messages().map(|(_, octets)| *Message::parse(octets).expect("ours").header()).collect()
}

#[test]
fn one_step_peers_measure_their_link() {
    let (mut sim, gm, client, link) = pair(1, |n| n.p2p().one_step());
    sim.run_for(secs(300));
    let headers = headers(&sim, link);
    assert!(headers.iter().all(|h| !h.flags.has(Flags::TWO_STEP)));
    let types: BTreeSet<_> = headers.iter().map(|h| h.message_type).collect();
    assert!(!types.contains(&MessageType::FollowUp) && !types.contains(&MessageType::PdelayRespFollowUp));
    assert!(types.contains(&MessageType::PdelayResp));
    for node in [gm, client] {
        let delay = sim.engine(node).and_then(|e| e.port_delay(PORT)).expect("measured");
        assert!((delay.nanos_f64() - 500.0).abs() < 12.0, "{delay}");
    }
    assert!(sim.offsets(client, gm, secs(200)).rms < 10.0, "{}", sim.offsets(client, gm, secs(200)));
}

#[test]
fn a_master_may_change_between_one_step_and_two_step() {
    let (mut sim, gm, client, _) = pair(2, |n| n);
    sim.run_for(secs(60));
    let from = sim.now();
    for one_step in [true, false, true, false] {
        sim.set_node(gm, |n| n.host.one_step = one_step);
        sim.run_for(secs(60));
    }
    assert_eq!(sim.record(client).states_since(PORT, from), []);
    assert!(sim.offsets(client, gm, secs(240)).max < 60.0, "{}", sim.offsets(client, gm, secs(240)));
}

#[test]
fn hybrid_clients_ask_their_master_alone() {
    let mut sim = Simulation::new(3);
    let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0));
    let clients: Vec<_> = (0..5)
        .map(|i| {
            let spec = NodeSpec::new(&format!("c{i}")).client_only().off(i * 90_000, 700.0);
            sim.node(spec.each_port(|p| p.hybrid_e2e = true))
        })
        .collect();
    let link = sim.link(&[vec![gm], clients.clone()].concat(), LinkSpec::wire(500));
    sim.capture(link);
    sim.run_for(secs(300));
    sim.assert_in_order(100.0);
    let unicast = |t| {
        let of_type = headers(&sim, link).into_iter().filter(move |h| h.message_type == t);
        of_type.map(|h| h.flags.has(Flags::UNICAST)).collect::<Vec<_>>()
    };
    // The first request may go before a Sync has told the master's address.
    assert!(unicast(MessageType::DelayReq).iter().filter(|u| !**u).count() <= clients.len());
    assert!(unicast(MessageType::DelayResp).iter().filter(|u| !**u).count() <= clients.len());
    assert!(unicast(MessageType::Sync).iter().all(|u| !u));
    for &client in &clients {
        let stats = sim.engine(client).and_then(|e| e.port_stats(PORT)).expect("port 1");
        assert!(stats.rx[MessageType::DelayReq as usize] <= 5, "others' requests are not for it");
        assert!(sim.offsets(client, gm, secs(120)).rms < 15.0);
    }
}

#[test]
fn a_free_running_client_measures_and_keeps_its_hands_off() {
    let mut sim = Simulation::new(4);
    let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0));
    let observer =
        sim.node(NodeSpec::new("observer").off(3_000_000, 12_000.0).with(|c| c.free_running = true));
    sim.link(&[gm, observer], LinkSpec::wire(500));
    sim.run_for(secs(120));
    sim.assert_state(observer, 1, PortState::Slave);
    assert_eq!((sim.steps(observer), sim.frequencies(observer).0), (0, 0.0));
    let sample = sim.record(observer).last_sample.expect("it measures");
    let truth = sim.offset(observer, gm);
    // It gains 12 us in a second; half a delay request apart, the delay is wrong by a part of that, too.
    assert!((sample.offset.nanos_f64() - truth).abs() < 25_000.0, "{} and {truth}", sample.offset);
}

#[test]
fn without_a_delay_mechanism_the_delay_is_error() {
    let (mut sim, gm, client, _) = pair(5, |n| n.each_port(|p| p.delay = Delay::None));
    sim.run_for(secs(300));
    sim.assert_state(client, 1, PortState::Slave);
    let figures = sim.offsets(client, gm, secs(200));
    assert!((figures.mean + 500.0).abs() < 5.0, "{figures}");
    let stats = sim.engine(client).and_then(|e| e.port_stats(PORT)).expect("port 1");
    assert_eq!(stats.tx.iter().sum::<u64>(), 0, "it never says a word");
}

#[test]
fn ports_of_different_mechanisms_do_not_take_each_others_messages() {
    let mut sim = Simulation::new(6);
    let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0).p2p());
    let client = sim.node(NodeSpec::new("client").client_only().off(300_000, 1_000.0));
    sim.link(&[gm, client], LinkSpec::wire(500));
    sim.run_for(secs(120));
    sim.assert_state(client, 1, PortState::Uncalibrated);
    for node in [gm, client] {
        let stats = sim.engine(node).and_then(|e| e.port_stats(PORT)).expect("port 1");
        assert!(stats.dropped(DropCause::Mechanism) > 60, "{}", sim.name(node));
    }
}

#[test]
fn numbers_wrap_without_a_sample_lost() {
    // 16 Syncs a second reach 65 536 in 68 minutes; so do the tokens of their stamps.
    let mut sim = Simulation::new(7);
    let fast = |n: NodeSpec| n.each_port(|p| p.log_sync_interval = LogInterval(-4));
    let gm = sim.node(fast(NodeSpec::grandmaster("gm").off(0, 0.0)));
    let client = sim.node(fast(NodeSpec::new("client").client_only().off(300_000, 1_000.0)));
    sim.link(&[gm, client], LinkSpec::wire(500));
    sim.run_for(secs(60 * 60));
    let before =
        (sim.record(client).samples, sim.engine(gm).and_then(|e| e.port_stats(PORT)).expect("port 1").tx[0]);
    sim.run_for(secs(16 * 60));
    let after =
        (sim.record(client).samples, sim.engine(gm).and_then(|e| e.port_stats(PORT)).expect("port 1").tx[0]);
    assert!(before.1 < 65_536 && after.1 > 65_536, "it wrapped in between: {before:?} {after:?}");
    assert!((after.0 - before.0).abs_diff(after.1 - before.1) <= 1, "{before:?} {after:?}");
    assert!(sim.offsets(client, gm, secs(960)).max < 60.0, "{}", sim.offsets(client, gm, secs(960)));
}

#[test]
fn whatever_the_seed_a_client_is_synchronised_within_ten_seconds() {
    let mut slowest = Duration::ZERO;
    for seed in 100..160 {
        let (mut sim, gm, client, _) = pair(seed, |n| if seed % 2 == 0 { n.p2p() } else { n });
        let took =
            sim.run_until(secs(60), |s| s.state(client, 1) == PortState::Slave).expect("becomes SLAVE");
        slowest = slowest.max(took);
        sim.run_for(secs(60));
        let figures = sim.offsets(client, gm, secs(30));
        assert!(figures.rms < 20.0, "seed {seed}: {figures}");
    }
    println!("the slowest took {slowest:?}");
    assert!(slowest < secs(10), "{slowest:?}");
}

/// Both ends find out by themselves, or one is told.
#[test]
fn a_port_that_finds_out_measures_as_its_peer_does() {
    let auto = |n: NodeSpec| n.each_port(|p| p.delay_auto = true);
    for (seed, ends, found) in [
        (11, [auto as fn(NodeSpec) -> NodeSpec, auto], Delay::E2e),
        (12, [auto, |n| n], Delay::E2e),
        (13, [auto, |n| n.p2p()], Delay::P2p),
        (14, [|n: NodeSpec| n.p2p(), auto], Delay::P2p),
    ] {
        let mut sim = Simulation::new(seed);
        let gm = sim.node(ends[0](NodeSpec::grandmaster("gm").off(0, 0.0)));
        let client = sim.node(ends[1](NodeSpec::new("client").client_only().off(3_000_000, 12_000.0)));
        let link = sim.link(&[gm, client], LinkSpec::wire(500));
        sim.capture(link);
        sim.run_for(secs(120));
        sim.assert_state(client, 1, PortState::Slave);
        assert!(
            sim.offsets(client, gm, secs(40)).rms < 20.0,
            "{seed}: {}",
            sim.offsets(client, gm, secs(40))
        );
        assert_eq!(sim.record(client).last_sample.map(|s| s.mechanism), Some(found), "{seed}");
        let (asks, peers) =
            headers(&sim, link).iter().fold((0, 0), |(asks, peers), h| match h.message_type {
                MessageType::DelayReq => (asks + 1, peers),
                MessageType::PdelayReq => (asks, peers + 1),
                _ => (asks, peers),
            });
        match found {
            Delay::P2p => assert!(peers > 200 && asks <= 2, "{seed}: {asks} requests, {peers} of peers"),
            _ => assert!(peers == 0 && asks > 90, "{seed}: {asks} requests, {peers} of peers"),
        }
        // For good: not even a link that comes back begins anew.
        sim.cut(link);
        sim.run_for(secs(30));
        sim.mend(link);
        let from = sim.now();
        sim.run_for(secs(60));
        let again = sim.captured(link).expect("asked for").messages().filter(|(at, octets)| {
            *at > from
                && Message::parse(octets).is_ok_and(|m| m.header().message_type == MessageType::DelayReq)
        });
        assert_eq!(again.count() > 0, found == Delay::E2e, "{seed}");
    }
}

#[test]
fn waits_between_requests_vary_as_much_as_they_are_told_to() {
    for (variability, least, most) in [(0.0, 0.999, 1.001), (0.25, 0.75, 1.25), (1.0, 0.0, 2.0)] {
        let (mut sim, _, _, link) = pair(15, |n| n.each_port(|p| p.delay_request_variability = variability));
        sim.run_for(secs(30));
        let from = sim.now();
        sim.run_for(secs(400));
        let asked: Vec<_> = sim
            .captured(link)
            .expect("asked for")
            .messages()
            .filter(|(at, _)| *at > from)
            .filter(|(_, octets)| octets[0] & 0xf == MessageType::DelayReq as u8)
            .map(|(at, _)| at)
            .collect();
        let waits: Vec<_> = asked.windows(2).map(|w| w[1].since(w[0]).as_secs_f64()).collect();
        let (low, high) = waits.iter().fold((f64::MAX, 0.0_f64), |(l, h), w| (l.min(*w), h.max(*w)));
        let mean = waits.iter().sum::<f64>() / waits.len() as f64;
        assert!(low >= least - 0.001 && high <= most + 0.001, "{variability}: {low} to {high}");
        // It is not always the same, either.
        let width = (most - least) * 0.9;
        assert!(high - low >= width - 0.01, "{variability}: {low} to {high}");
        assert!((mean - 1.0).abs() < 0.1, "{variability}: {mean}");
    }
}

/// What linuxptp reads globally although it may stand in a port's section (tsproc_mode): here each port of one
/// clock has its own, along with a delay mechanism of its own. The path of the followed port becomes three
/// times as long for a moment; what is made of it is that port's affair.
#[test]
fn each_port_of_a_clock_filters_in_its_own_way() {
    let ns = TimeInterval::from_nanos;
    let mut sim = Simulation::new(31);
    let gms = [10, 20].map(|p| sim.node(NodeSpec::grandmaster(&format!("gm{p}")).priority1(p).off(0, 0.0)));
    let client = sim.node(NodeSpec::new("client").priority1(200).off(0, 0.0));
    let links =
        gms.map(|gm| sim.link(&[gm, client], LinkSpec { jitter: Jitter::None, ..LinkSpec::wire(1000) }));
    for (port, mechanism, mode) in
        [(1, Delay::E2e, SampleMode::FilterWeight), (2, Delay::P2p, SampleMode::Raw)]
    {
        sim.set_port(client, port, |p| {
            (p.delay, p.sample_mode) = (mechanism, mode);
            p.delay_request_variability = 0.0;
        });
    }
    sim.set_port(gms[1], 1, |p| p.delay = Delay::P2p);
    sim.run_for(secs(120));
    let longer = |sim: &mut Simulation, link| {
        sim.set_link(link, |l| l.delay = ns(3000));
        sim.run_for(Duration::from_millis(3500));
        let sample = sim.record(client).last_sample.expect("there are samples");
        sim.set_link(link, |l| l.delay = ns(1000));
        (sample.mean_delay.nanos_f64(), sample.weight)
    };
    let near = |(delay, weight): (f64, f64), wanted: (f64, f64)| {
        (delay - wanted.0).abs() < 30.0 && (weight - wanted.1).abs() < 0.03
    };
    assert_eq!(sim.state(client, 1), PortState::Slave);
    let first = longer(&mut sim, links[0]);
    assert!(near(first, (1000.0, 1.0 / 3.0)), "filtered and weighted: {first:?}");
    sim.kill(gms[0]);
    sim.run_for(secs(120));
    assert_eq!(sim.state(client, 2), PortState::Slave);
    let second = longer(&mut sim, links[1]);
    assert!(near(second, (3000.0, 1.0)), "raw: {second:?}");
}
