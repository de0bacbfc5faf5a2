//! Floods of every kind: what engines keep of them is bounded, everything is counted, and it ends when they end.

use core::time::Duration;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use hil_tests::lab::{
    FloodOptions, Instance, LabError, Look, PtpdOptions, expect, experiment, flood, our_program,
};
use hil_tests::sim::scenario::{AttackKind, Run, load_text};
use ptp_management::{Client, ClientConfig, Request, Uds};
use ptp_wire::management::{ManagementId, Payload};
use ptp_wire::{MessageType, PortIdentity, PortNumber, TimePoint};
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

/// Real daemons in a real network: a server and its clients on a switch, and somebody who floods both.
#[test]
fn a_flood_in_a_real_network_harms_no_client_of_a_real_server() {
    experiment("a_flood_in_a_real_network_harms_no_client_of_a_real_server", &[], |lab| {
        let ptpd = our_program("ptpd")?;
        let (server, attacker) = (lab.host("server")?, lab.host("attacker")?);
        let hosts = [lab.host("c1")?, lab.host("c2")?];
        let [c1, c2] = &hosts;
        let ends = [(&server, "eth0"), (c1, "eth0"), (c2, "eth0"), (&attacker, "eth0")];
        lab.switch("switch", &ends)?;
        let patience = Duration::from_secs(60);

        let mut options = PtpdOptions::new(&["eth0"]);
        options.priority1 = 10;
        options.port_extra = ["master_only: true", "multicast: false", "unicast_server: true"]
            .into_iter()
            .chain(["unicast_max_clients: 50", "unicast_max_rate: 2000"])
            .map(str::to_owned)
            .collect();
        let mut ours = Instance::start(&server, &ptpd, &options)?;
        let known = |l: &Look| l.identity.is_some();
        let gm = ours.wait_until("an answer", patience, known)?.identity.expect("just seen");
        let mut clients = Vec::new();
        for host in &hosts {
            let mut options = PtpdOptions::new(&["eth0"]);
            options.client_only = true;
            options.port_extra = vec!["unicast_masters: [10.0.1.1]".to_owned()];
            clients.push(Instance::start(host, &ptpd, &options)?);
        }
        let mut names = Vec::new();
        for (client, last) in clients.iter_mut().zip(2..) {
            let follows = |l: &Look| l.grandmaster == Some(gm) && l.mean_delay.is_some_and(|d| d != 0);
            let look = client.wait_until("its server", patience, follows)?;
            let port = PortIdentity::new(look.identity.expect("just seen"), 1);
            names.push((Ipv4Addr::new(10, 0, 1, last), port));
        }

        let sockets: Vec<PathBuf> = clients.iter().map(|c| c.socket.clone()).collect();
        let syncs = || sockets.iter().map(|s| received_syncs(s)).collect::<Result<Vec<u64>, LabError>>();
        let memory = |id: u32| -> Result<u64, LabError> {
            let text = std::fs::read_to_string(format!("/proc/{id}/status"))
                .map_err(LabError::io("read the server's status"))?;
            let line = text.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
            Ok(line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0))
        };
        // What a client gets in a time without the flood, and what it gets in as long a time with it.
        let time = Duration::from_secs(4);
        let first = syncs()?;
        std::thread::sleep(time);
        let calm = syncs()?;
        let (small, stop) = (memory(ours.process.id())?, AtomicBool::new(false));
        let flooded = FloodOptions {
            server: Ipv4Addr::new(10, 0, 1, 1),
            server_port: PortIdentity::new(gm, 1),
            clients: names,
            messages: 5_000,
            seed: 1,
        };
        let (sent, asked) = std::thread::scope(|scope| {
            let flooding = scope.spawn(|| flood(&attacker, &flooded, &stop));
            let (begun, mut asked) = (std::time::Instant::now(), 0);
            let mut answered = || -> Result<(), LabError> {
                while begun.elapsed() < time {
                    // Nobody's management waits for the flood to end.
                    ours.wait_until("an answer in the flood", patience, known)?;
                    asked += 1;
                }
                Ok(())
            };
            let result = answered();
            stop.store(true, Ordering::Relaxed);
            let sent = flooding.join().expect("it does not panic");
            result.and(sent).map(|sent| (sent, asked))
        })?;
        let after = syncs()?;
        let large = memory(ours.process.id())?;
        println!(
            "{sent} messages; Syncs {first:?}, {calm:?}, {after:?}; {asked} answers; {small} to {large} kB"
        );
        for (i, calm) in calm.iter().enumerate() {
            let (before, during) = (calm - first[i], after[i] - calm);
            expect(before > 10 && during * 2 > before, || format!("client {i}: {before}, then {during}"))?;
        }
        expect(large < small + 8 * 1024, || format!("it grew from {small} to {large} kB"))?;
        for client in &mut clients {
            // Wrong times, better grandmasters and ends of service in the server's name came from elsewhere.
            let look = client.wait_until("its parent", patience, |l| l.parent.is_some())?;
            expect(look.grandmaster == Some(gm), || format!("it follows {look:?}"))?;
            let steps = look.offset_from_master.unwrap_or(i64::MAX) >> 16;
            expect(steps.abs() < 1_000_000_000, || format!("it believed a wrong time: {steps} ns"))?;
            let log = client.process.log();
            expect(!log.contains(" ends SYNC") && !log.contains("refuses"), || log.clone())?;
        }
        let log = ours.process.log();
        expect(log.contains("refused unicast service"), || log.clone())?;
        expect(log.lines().count() < 100, || format!("{} lines of log", log.lines().count()))?;
        for instance in clients.iter_mut().chain([&mut ours]) {
            let status = instance.process.stop(Duration::from_secs(10))?;
            expect(status.success(), || format!("{} ended with {status}", instance.process.label()))?;
        }
        Ok(())
    });
}

/// Syncs that the daemon at this socket received: PORT_STATS_NP.
fn received_syncs(socket: &Path) -> Result<u64, LabError> {
    let wrong = |e: String| LabError::Wrong(format!("{}: {e}", socket.display()));
    let uds = Uds::connect(socket, Some(Path::new("/run/flood-asker"))).map_err(|e| wrong(e.to_string()))?;
    let mut client = Client::new(uds, ClientConfig::default());
    for _ in 0..20 {
        client.send(&Request::get(ManagementId::PORT_STATS_NP)).map_err(|e| wrong(e.to_string()))?;
        if let Ok(Some(reply)) = client.wait(Duration::from_secs(2))
            && let Ok(Payload::PortStatsNp(stats)) = reply.payload()
        {
            return Ok(stats.rx(MessageType::Sync));
        }
    }
    Err(wrong("no answer".to_owned()))
}
