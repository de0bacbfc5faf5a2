//! A thousand random networks with random faults, and what must always hold in them. By hand, as long as you like:
//! `cargo run --release -p hil-tests --bin escapement-sim -- campaign --seeds 1000:100000`.

use core::time::Duration;
use std::path::Path;

use hil_tests::sim::campaign::{hunt, scenario_text};
use hil_tests::sim::scenario::{Run, load_text};
use hil_tests::sim::{LinkSpec, NodeSpec, Simulation, Watch};

#[test]
fn a_thousand_random_networks_with_random_faults_keep_what_must_hold() {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let hunt = hunt(0..1000, jobs);
    println!("{hunt}");
    assert_eq!(hunt.seen.runs, 1000);
    assert!(hunt.failures.is_empty(), "{hunt}");
    let (seen, l) = (&hunt.seen, &hunt.seen.longest);
    // It was no tame hunt: everything that may be broken for a while was.
    assert!(seen.passive > 300 && seen.split > 200 && seen.dead > 300, "{hunt}");
    for broken in [l.masters, l.no_master, l.timing_loop, l.worse, l.data_sets] {
        assert!(broken >= Duration::from_secs(2), "{hunt}");
    }
}

#[test]
fn a_seed_of_the_campaign_repeats_bit_for_bit() {
    let hash = |seed| {
        let scenario = load_text(Path::new("c.yaml"), &scenario_text(seed), &[]).expect("reads");
        Run::new(&scenario, None).expect("runs").finish().hash
    };
    assert_eq!([hash(11), hash(12)], [hash(11), hash(12)]);
}

/// Two clocks on a wire, a third on the way.
fn chain() -> (Simulation, [hil_tests::sim::NodeId; 3]) {
    let mut sim = Simulation::new(5);
    let nodes = [
        sim.node(NodeSpec::new("a").priority1(10)),
        sim.node(NodeSpec::new("b").priority1(20)),
        sim.node(NodeSpec::new("c").priority1(30).client_only()),
    ];
    sim.link(&nodes[..2], LinkSpec::wire(500));
    sim.link(&nodes[1..], LinkSpec::wire(500));
    sim.run_for(Duration::from_secs(60));
    (sim, nodes)
}

/// Looks ten times a second, with no patience at all.
fn breaches(sim: &mut Simulation, seconds: u32) -> Vec<String> {
    let mut watch = Watch::default();
    for _ in 0..seconds * 10 {
        watch.look(sim, Duration::from_millis(1));
        sim.run_for(Duration::from_millis(100));
    }
    watch.breaches.iter().map(ToString::to_string).collect()
}

#[test]
fn the_watch_sees_what_it_watches_for() {
    let seen = |breaches: &[String], what: &str| {
        assert!(breaches.iter().any(|b| b.contains(what)), "{what}: {breaches:?}");
    };
    // At rest there is nothing to see.
    let (mut sim, _) = chain();
    assert_eq!(breaches(&mut sim, 30), Vec::<String>::new());
    // Whoever follows the dead does so until it is noticed.
    let (mut sim, [a, ..]) = chain();
    sim.kill(a);
    seen(&breaches(&mut sim, 10), "b.1 follows");
    // A grandmaster whose attributes have changed: news take up to an interval to get to its clients.
    let (mut sim, [a, ..]) = chain();
    sim.reload(a, |c| c.priority2 = 7);
    seen(&breaches(&mut sim, 5), "data sets differ");
    // A clock that comes back better than all is master besides the other, until both have heard each other.
    let (mut sim, [a, b, _]) = chain();
    sim.kill(a);
    sim.run_for(Duration::from_secs(60));
    sim.silence(hil_tests::sim::LinkId::first(), true);
    sim.revive(a);
    sim.run_for(Duration::from_secs(60));
    sim.silence(hil_tests::sim::LinkId::first(), false);
    let told = breaches(&mut sim, 10);
    seen(&told, "has masters");
    seen(&told, "follows nobody and hears a better clock");
    // A wire whose both ends wait.
    sim.kill(b);
    sim.run_for(Duration::from_secs(30));
    sim.revive(b);
    sim.kill(a);
    sim.run_for(Duration::from_secs(1));
    sim.revive(a);
    seen(&breaches(&mut sim, 10), "has no master");
}
