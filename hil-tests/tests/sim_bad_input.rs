//! Floods of every kind: what engines keep of them is bounded, everything is counted, and it ends when they end.

use core::time::Duration;
use std::path::Path;

use hil_tests::sim::scenario::{AttackKind, Run, load_text};
use ptp_wire::{PortNumber, TimePoint};
use ptpd::engine::{Address, Engine, Input, Instant, Output};

/// A network under every attack there is, one after the other; the messages that passed over its wire.
fn everything(profile: &str) -> (Vec<Vec<u8>>, String) {
    let config = "priority1: 100, log_announce_interval: 0, unicast_server: true, unicast_max_clients: 64, unicast_max_rate: 100";
    let mut text = format!(
        "title: everything\nduration: 600 s\nnodes:\n  gm:\n    config: {{ profile: {profile}, {config}, ports: [{{ interface: eth0 }}] }}\n  \
         client:\n    config: {{ profile: {profile}, log_announce_interval: 0, ports: [{{ interface: eth0 }}] }}\n\
         links:\n  wire: {{ ends: [gm, client] }}\nschedule:\n"
    );
    for (i, kind) in AttackKind::ALL.iter().enumerate() {
        let (at, word) = (30 + 10 * i, kind.word());
        text +=
            &format!("  - {{ at: {at} s, attack: {word}, on: wire, for: 5 s, rate: 500, sources: 2000 }}\n");
    }
    text += "expect:\n  - { in_order: 1 us, at: 600 s }\n";
    let scenario = load_text(Path::new("everything.yaml"), &text, &[]).unwrap_or_else(|e| panic!("{e}"));
    let mut run = Run::new(&scenario, None).expect("runs");
    assert!(run.capture("wire"));
    let (outcome, stage) = run.finish_with_stage();
    let report = hil_tests::sim::scenario::report::text(&outcome);
    assert!(outcome.passed(), "{report}");
    let link = stage.sim.links().next().expect("the wire");
    let messages = stage.sim.captured(link).expect("captured").messages().map(|(_, m)| m.to_vec()).collect();
    (messages, report)
}

/// Feeds messages as they come, 500 a second, from as many addresses; gives the octets that the engine keeps more than
/// before.
fn feed(engine: &mut Engine, clock: &mut u64, messages: &[Vec<u8>], rounds: u32) -> i64 {
    let info = allocation_counter::measure(|| {
        for round in 0..rounds {
            for (i, m) in messages.iter().enumerate() {
                *clock += 2_000_000;
                let [_, .., b, c, d] = (u64::from(round) * 1_000_003 + i as u64).to_be_bytes();
                let source = Address::Ethernet([6, 0xff, 0, b, c, d]);
                let stamp = Some(TimePoint::from_nanos(i128::from(*clock) + 1_700_000_000_000_000_000));
                engine
                    .handle(Instant(*clock), Input::Frame { port: PortNumber(1), octets: m, stamp, source });
                while let Some(output) = engine.poll() {
                    if let Output::Transmit { octets, .. } = output {
                        assert!(octets.len() <= 1500);
                    }
                }
            }
        }
    });
    info.bytes_current
}

#[test]
fn every_attack_is_survived_and_what_engines_keep_of_it_is_bounded() {
    for profile in ["default-e2e", "default-p2p"] {
        let (messages, report) = everything(profile);
        assert!(messages.len() > 20_000, "{} messages:\n{report}", messages.len());
        for (name, server) in [("client", false), ("server", true)] {
            let file = format!(
                "profile: {profile}\n{}ports: [{{ interface: eth0 }}]\n",
                if server { "unicast_server: true\nunicast_max_clients: 64\npriority1: 1\n" } else { "" }
            );
            let loaded = ptp_config::load_octets(
                Path::new("x.yaml"),
                file.as_bytes(),
                &[],
                &ptp_config::Overrides::default(),
            );
            let settings = ptpd::host::settings(&loaded.expect("good").config).expect("good");
            let mut config = settings.instance;
            config.clock_identity = ptp_wire::ClockIdentity([9; 8]);
            let mut engine = Engine::new(config, 1, Instant(0));
            let mut clock = 1_000_000_000;
            engine.handle(Instant(clock), Input::PortUp { port: PortNumber(1) });
            while engine.poll().is_some() {}
            let warm = feed(&mut engine, &mut clock, &messages, 2);
            let more = feed(&mut engine, &mut clock, &messages, 4);
            println!(
                "{profile} {name}: {warm} octets for twice {} messages, {more} more for four times as many",
                messages.len()
            );
            // Tables have their limits: 64 clients, eight foreign masters, requests that wait for their stamps.
            assert!(warm < 256 * 1024, "{profile} {name}: {warm} octets");
            assert!(more < 32 * 1024, "{profile} {name}: grew by {more} octets");
            let stats = engine.port_stats(PortNumber(1)).expect("a port");
            let counted: u64 = stats.rx.iter().chain(&stats.dropped).sum();
            assert!(counted >= 6 * messages.len() as u64, "{counted}");
            // The end of the floods is the end of their consequences: nothing is left to do but the usual.
            let deadline = engine.next_deadline().expect("lives");
            assert!(deadline.since(Instant(clock)) <= Duration::from_secs(60));
        }
    }
}
