//! How well clocks agree, and how soon, over simulated networks.

use core::time::Duration;

use hil_tests::sim::{ClockSpec, HostSpec, Jitter, LinkSpec, NodeId, NodeSpec, PortState, Simulation};
use ptp_servo::{PiConfig, ServoConfig, ServoKind, Steering};
use ptp_wire::{LogInterval, TimeInterval};

const MINUTE: Duration = Duration::from_secs(60);

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// A grandmaster and a client that starts 3 ms and 12 ppm off.
fn pair(seed: u64, link: LinkSpec, change: impl Fn(NodeSpec) -> NodeSpec) -> (Simulation, NodeId, NodeId) {
    let mut sim = Simulation::new(seed);
    let gm = sim.node(change(NodeSpec::grandmaster("gm").off(0, 0.0)));
    let client = sim.node(change(NodeSpec::new("client").client_only().off(3_000_000, 12_000.0)));
    sim.link(&[gm, client], link);
    (sim, gm, client)
}

#[test]
fn a_client_converges_over_a_quiet_wire_with_e2e() {
    let (mut sim, gm, client) = pair(1, LinkSpec::wire(500), |n| n);
    let slave = sim.run_until(secs(30), |s| s.state(client, 1) == PortState::Slave).expect("becomes SLAVE");
    assert!(slave < secs(10), "{slave:?}");
    sim.run_for(5 * MINUTE);
    let figures = sim.offsets(client, gm, 3 * MINUTE);
    assert!(figures.rms < 10.0 && figures.max < 40.0, "{figures}");
    assert_eq!(sim.steps(client), 1, "one step at the start, none after");
    let delay = sim.engine(client).and_then(|e| e.port_delay(ptp_wire::PortNumber(1))).expect("measured");
    assert!((delay.nanos_f64() - 500.0).abs() < 12.0, "{delay}");
    sim.assert_in_order(50.0);
}

#[test]
fn a_client_converges_over_a_quiet_wire_with_p2p() {
    let (mut sim, gm, client) = pair(2, LinkSpec::wire(500), NodeSpec::p2p);
    let slave = sim.run_until(secs(30), |s| s.state(client, 1) == PortState::Slave).expect("becomes SLAVE");
    assert!(slave < secs(10), "{slave:?}");
    sim.run_for(5 * MINUTE);
    let figures = sim.offsets(client, gm, 3 * MINUTE);
    assert!(figures.rms < 10.0 && figures.max < 40.0, "{figures}");
    for node in [gm, client] {
        let delay = sim.engine(node).and_then(|e| e.port_delay(ptp_wire::PortNumber(1))).expect("measured");
        assert!((delay.nanos_f64() - 500.0).abs() < 12.0, "both ends measure: {delay}");
    }
}

#[test]
fn a_client_takes_one_step_sync() {
    let (mut sim, gm, client) = pair(3, LinkSpec::wire(500), |n| n);
    sim.set_node(gm, |n| n.host.one_step = true);
    sim.run_for(5 * MINUTE);
    sim.assert_state(client, 1, PortState::Slave);
    let rx = sim.engine(client).and_then(|e| e.port_stats(ptp_wire::PortNumber(1))).expect("port 1").rx;
    assert_eq!(rx[0x8], 0, "no Follow_Up came");
    let figures = sim.offsets(client, gm, 3 * MINUTE);
    assert!(figures.rms < 10.0, "{figures}");
}

#[test]
fn without_noise_the_error_is_the_resolution_of_the_clock() {
    let mut sim = Simulation::new(4);
    let gm = sim.node(NodeSpec::grandmaster("gm"));
    let off =
        ClockSpec { phase: TimeInterval::from_nanos(-777), frequency_ppb: -321.0, ..ClockSpec::PERFECT };
    let client = sim.node(NodeSpec::new("client").clock(off));
    sim.link(&[gm, client], LinkSpec::wire(123));
    sim.run_for(10 * MINUTE);
    let figures = sim.offsets(client, gm, MINUTE);
    assert!(figures.max < 0.1, "{figures}: frequencies have a resolution of 0.015 ppb");
    assert_eq!(sim.steps(client), 0, "777 ns are not stepped");
}

#[test]
fn half_of_an_asymmetry_is_error_unless_it_is_configured() {
    let (mut sim, gm, client) = pair(5, LinkSpec::wire(500).asymmetry(400), |n| n);
    sim.run_for(5 * MINUTE);
    let wrong = sim.offsets(client, gm, 3 * MINUTE);
    // The way there takes 200 ns more than the mean: the client believes it is later than it is.
    assert!((wrong.mean + 200.0).abs() < 5.0, "{wrong}");
    for p2p in [false, true] {
        let link = LinkSpec::wire(500).asymmetry(400);
        let (mut sim, gm, client) = pair(5, link, |n| if p2p { n.p2p() } else { n });
        sim.set_port(client, 1, |p| p.delay_asymmetry = TimeInterval::from_nanos(200));
        sim.run_for(5 * MINUTE);
        let right = sim.offsets(client, gm, 3 * MINUTE);
        assert!(right.mean.abs() < 5.0, "p2p {p2p}: {right}");
    }
}

#[test]
fn software_stamps_over_a_busy_network_settle_within_microseconds() {
    let software = |n: NodeSpec| NodeSpec {
        servo: Steering {
            servo: ServoConfig { pi: PiConfig::software(), ..ServoConfig::default() },
            ..Steering::default()
        },
        clock: ClockSpec { stamp_noise: Jitter::Gamma { shape: 2, mean: 2_000.0 }, ..n.clock },
        ..n
    };
    let link =
        LinkSpec::wire(20_000).jitter(Jitter::Queueing { p: 0.3, mean: 20_000.0 }).rough(0.02, 100_000);
    let (mut sim, gm, client) = pair(6, link, software);
    sim.run_for(30 * MINUTE);
    sim.assert_state(client, 1, PortState::Slave);
    let figures = sim.offsets(client, gm, 15 * MINUTE);
    assert!(figures.rms < 10_000.0, "{figures}");
    let stats = sim.link_stats(hil_tests::sim::LinkId::first());
    assert!(stats.lost > 0 && stats.duplicated > 0 && stats.held_back > 0, "{stats:?}");
    assert_eq!(sim.violations(), []);
}

#[test]
fn a_rough_network_loses_samples_but_never_the_master() {
    for p2p in [false, true] {
        let link = LinkSpec::wire(500).rough(0.1, 2_000_000);
        let (mut sim, gm, client) = pair(7, link, |n| {
            // Of a thousand times three Announces in a row, one is lost: wait for seven.
            let n = n.each_port(|p| p.announce_receipt_timeout = 7);
            if p2p { n.p2p() } else { n }
        });
        sim.run_for(2 * MINUTE);
        sim.assert_state(client, 1, PortState::Slave);
        let from = sim.now();
        let before = sim.record(client).samples;
        sim.run_for(60 * MINUTE);
        assert_eq!(sim.record(client).states_since(ptp_wire::PortNumber(1), from), [], "p2p {p2p}");
        let taken = sim.record(client).samples - before;
        assert!((2600..3600).contains(&taken), "{taken} of 3600 Syncs, 19 % of the pairs are lost");
        let figures = sim.offsets(client, gm, 50 * MINUTE);
        assert!(figures.rms < 1_000_000.0, "p2p {p2p}: {figures}");
    }
}

#[test]
fn missing_transmit_stamps_lose_samples_but_never_a_port() {
    for p2p in [false, true] {
        let (mut sim, gm, client) = pair(8, LinkSpec::wire(500), |n| {
            let n = n.stamp_loss(0.3);
            if p2p { n.p2p() } else { n }
        });
        sim.run_for(2 * MINUTE);
        let from = sim.now();
        sim.run_for(60 * MINUTE);
        for node in [gm, client] {
            assert_eq!(sim.record(node).states_since(ptp_wire::PortNumber(1), from), [], "p2p {p2p}");
            let port = sim.engine(node).and_then(|e| e.port_stats(ptp_wire::PortNumber(1))).expect("port 1");
            let withheld = sim.record(node).stamps_withheld;
            assert!(withheld > 500 && port.tx_stamps_lost > 0, "{withheld} withheld");
            assert!(port.tx_stamps_lost <= withheld, "{} counted, {withheld} withheld", port.tx_stamps_lost);
            // Those that were never reported are noticed when the room for 32 is full; a clock step forgets a few.
            assert!(port.tx_stamps_lost + 40 >= withheld, "{} counted of {withheld}", port.tx_stamps_lost);
        }
        let figures = sim.offsets(client, gm, 50 * MINUTE);
        assert!(figures.rms < 15.0, "p2p {p2p}: {figures}");
    }
}

#[test]
fn a_port_without_any_transmit_stamp_stays_up() {
    let (mut sim, gm, client) = pair(9, LinkSpec::wire(500), |n| n);
    sim.set_node(client, |n| n.host.stamp_loss = 1.0);
    sim.run_for(10 * MINUTE);
    // No Delay_Req can be used: the client hears its master, and knows that it cannot tell the time.
    sim.assert_state(client, 1, PortState::Uncalibrated);
    assert_eq!(sim.record(client).samples, 0);
    sim.set_node(client, |n| n.host.stamp_loss = 0.0);
    sim.run_for(MINUTE);
    sim.assert_state(client, 1, PortState::Slave);
    assert!(sim.offsets(client, gm, secs(20)).rms < 50.0);
}

#[test]
fn missing_receive_stamps_are_counted_and_survived() {
    let (mut sim, gm, client) = pair(10, LinkSpec::wire(500), |n| n);
    for node in [gm, client] {
        sim.set_node(node, |n| n.host.receive_stamp_loss = 0.2);
    }
    sim.run_for(20 * MINUTE);
    sim.assert_state(client, 1, PortState::Slave);
    let stats = sim.engine(client).and_then(|e| e.port_stats(ptp_wire::PortNumber(1))).expect("port 1");
    assert!(stats.dropped(ptpd::engine::DropCause::MissingStamp) > 100);
    assert!(sim.offsets(client, gm, 10 * MINUTE).rms < 15.0);
}

#[test]
fn sixteen_syncs_a_second_keep_a_wandering_crystal_close() {
    let fast = |n: NodeSpec| {
        n.each_port(|p| {
            p.log_sync_interval = LogInterval(-4);
            p.log_min_delay_req_interval = LogInterval(-4);
        })
    };
    let (mut sim, gm, client) = pair(11, LinkSpec::wire(500), fast);
    sim.run_for(2 * MINUTE);
    // The room gets warmer: 200 ppb at once.
    sim.disturb(client, 200.0);
    sim.run_for(secs(5));
    assert!(sim.offsets(client, gm, secs(5)).max < 200.0, "{}", sim.offsets(client, gm, secs(5)));
    sim.run_for(MINUTE);
    assert!(sim.offsets(client, gm, secs(30)).rms < 10.0, "{}", sim.offsets(client, gm, secs(30)));
}

#[test]
fn a_chain_of_ten_boundary_clocks_carries_time_to_its_end() {
    for p2p in [false, true] {
        let mut sim = Simulation::new(12);
        let kind = |n: NodeSpec| if p2p { n.p2p() } else { n };
        let gm = sim.node(kind(NodeSpec::grandmaster("gm").off(0, 0.0)));
        let mut last = gm;
        for i in 0..10 {
            let off = (i * 1_000_000 - 5_000_000, f64::from(i as i32 * 3_000 - 14_000));
            let bc = sim.node(kind(NodeSpec::new(&format!("bc{i}")).off(off.0, off.1)));
            sim.link(&[last, bc], LinkSpec::wire(300));
            last = bc;
        }
        let end = sim.node(kind(NodeSpec::new("end").client_only().off(9_000_000, 20_000.0)));
        sim.link(&[last, end], LinkSpec::wire(300));
        let all_slave = |s: &Simulation| s.nodes().skip(1).all(|n| s.states(n).contains(&PortState::Slave));
        let took = sim.run_until(5 * MINUTE, all_slave).expect("all synchronise");
        assert!(took < 3 * MINUTE, "{took:?}");
        sim.run_for(20 * MINUTE);
        let figures = sim.offsets(end, gm, 10 * MINUTE);
        assert!(figures.rms < 200.0, "p2p {p2p}: {figures}");
        let steps = sim.engine(end).map(|e| e.current_ds().steps_removed);
        assert_eq!(steps, Some(11));
        sim.assert_in_order(1_000.0);
    }
}

#[test]
fn twenty_four_clients_on_one_segment_share_a_grandmaster() {
    let mut sim = Simulation::new(13);
    let mut all = vec![sim.node(NodeSpec::grandmaster("gm").off(0, 0.0))];
    for i in 0..24 {
        let node = NodeSpec::new(&format!("c{i}")).off(i * 400_000, f64::from(i as i32 * 800 - 9000));
        all.push(sim.node(node));
    }
    sim.link(&all, LinkSpec::wire(800).jitter(Jitter::Gaussian { sigma: 20.0 }));
    sim.run_for(10 * MINUTE);
    sim.assert_in_order(200.0);
    for &client in &all[1..] {
        let figures = sim.offsets(client, all[0], 5 * MINUTE);
        assert!(figures.rms < 40.0, "{}: {figures}", sim.name(client));
    }
}

/// A grandmaster, four boundary clocks in a ring on two levels, and clients: 31 nodes.
fn campus(seed: u64) -> Simulation {
    let mut sim = Simulation::new(seed);
    let mut crystal = hil_tests::sim::Rng::new(seed, 99, 0);
    let mut off = |n: NodeSpec| {
        let (phase, ppb) = (crystal.between(-5e6, 5e6), crystal.between(-20_000.0, 20_000.0));
        n.off(phase as i64, ppb)
    };
    let wire = LinkSpec::wire(900).jitter(Jitter::Queueing { p: 0.02, mean: 2_000.0 }).rough(0.002, 50_000);
    let gm = sim.node(NodeSpec::grandmaster("gm").off(0, 0.0));
    let standby = sim.node(off(NodeSpec::grandmaster("standby").with(|c| c.clock_quality.clock_class = 140)));
    let core = [sim.node(off(NodeSpec::new("core0"))), sim.node(off(NodeSpec::new("core1")))];
    sim.link(&[gm, core[0]], wire);
    sim.link(&[standby, core[1]], wire);
    sim.link(&[core[0], core[1]], wire);
    for i in 0..3 {
        let edge = sim.node(off(NodeSpec::new(&format!("edge{i}"))));
        sim.link(&[core[0], edge], wire);
        sim.link(&[core[1], edge], wire);
        let mut segment = vec![edge];
        for j in 0..8 {
            segment.push(sim.node(off(NodeSpec::new(&format!("client{i}.{j}")).client_only())));
        }
        sim.link(&segment, wire);
    }
    sim
}

#[test]
fn a_campus_of_thirty_one_nodes_is_in_order_and_its_run_repeats_bit_for_bit() {
    let run = |seed| {
        let mut sim = campus(seed);
        sim.run_for(20 * MINUTE);
        sim
    };
    let (a, b, c) = (run(14), run(14), run(15));
    a.assert_in_order(5_000.0);
    assert_eq!(a.nodes().count(), 31);
    assert_eq!(a.trace_hash(), b.trace_hash());
    assert_eq!(a.happenings(), b.happenings());
    assert_ne!(a.trace_hash(), c.trace_hash(), "another seed is another run");
}

/// Not a gate: the figures are for people (`--nocapture`).
#[test]
fn the_cost_of_simulated_time() {
    let measure = |what: &str, mut sim: Simulation, hours: u32| {
        let started = std::time::Instant::now();
        sim.run_for(hours * 60 * MINUTE);
        let took = started.elapsed().as_secs_f64();
        let nodes = sim.nodes().count();
        println!("{what}: {nodes} nodes, {hours} h in {took:.2} s, {:.2} h/s", f64::from(hours) / took);
        println!("  {} happenings, {:.0} ns each", sim.happenings(), took * 1e9 / sim.happenings() as f64);
        sim
    };
    let pair = measure("a pair", pair(17, LinkSpec::wire(500), |n| n).0, 6);
    let campus = measure("a campus", campus(17), 1);
    pair.assert_in_order(100.0);
    // A Sync that was held up for 50 us may just have moved a client by as much.
    campus.assert_in_order(50_000.0);
}

#[test]
fn a_slow_host_changes_nothing_but_the_order_of_things() {
    // Frames wait for up to 200 ms in the host, stamps for up to 100 ms: half of the Follow_Ups overtake their Sync.
    let slow = HostSpec {
        receive_latency: Jitter::Uniform { up_to: 200e6 },
        stamp_latency: Jitter::Uniform { up_to: 100e6 },
        ..HostSpec::default()
    };
    let (mut sim, gm, client) = pair(16, LinkSpec::wire(500), |n| NodeSpec { host: slow, ..n });
    sim.run_for(10 * MINUTE);
    sim.assert_state(client, 1, PortState::Slave);
    assert!(sim.offsets(client, gm, 5 * MINUTE).rms < 15.0, "{}", sim.offsets(client, gm, 5 * MINUTE));
}

/// The daemon's two servos over the same networks: true errors, and when they are last beyond 1 us.
#[test]
fn the_adaptive_servo_is_at_least_as_good_as_pi_wherever_it_runs() {
    let queue = |p, mean| Jitter::Queueing { p, mean };
    let networks = [
        ("a quiet wire", LinkSpec::wire(500)),
        ("100 ns of queueing in a third of the messages", LinkSpec::wire(2_000).jitter(queue(0.3, 100.0))),
        ("20 us of queueing in a third of the messages", LinkSpec::wire(20_000).jitter(queue(0.3, 20_000.0))),
    ];
    for (what, link) in networks {
        let run = |kind: ServoKind, hops: usize| {
            let change = |mut n: NodeSpec| {
                n.servo.kind = kind;
                n
            };
            let mut sim = Simulation::new(31);
            let mut last = sim.node(change(NodeSpec::grandmaster("gm").off(0, 0.0)));
            let gm = last;
            for hop in 0..hops {
                let spec = change(NodeSpec::new(&format!("n{hop}")).off(300_000, 12_000.0));
                let next = sim.node(if hop + 1 == hops { spec.client_only() } else { spec });
                sim.link(&[last, next], link);
                last = next;
            }
            sim.run_for(10 * MINUTE);
            sim.offsets(last, gm, 7 * MINUTE)
        };
        for hops in [1, 3] {
            let (pi, adaptive) = (run(ServoKind::Pi, hops), run(ServoKind::Adaptive, hops));
            println!("| {what} | {hops} | {:.1} | {:.1} |", pi.rms, adaptive.rms);
            assert!(adaptive.rms <= pi.rms, "{what}, {hops} hops: {adaptive} after {pi}");
        }
    }
}
