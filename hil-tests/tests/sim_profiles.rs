//! The shipped profiles, from their files: how soon a client is up, and what makes each of them special.

use core::time::Duration;
use std::path::Path;

use hil_tests::sim::{LinkId, LinkSpec, NodeId, NodeSpec, PortState, Simulation};
use ptp_config::Overrides;
use ptp_wire::{
    Announce, Body, Flags, LogInterval, Message, MessageType, Organization, PortNumber, TlvValue,
};
use ptpd::engine::{
    Address, BestMaster, Delay, Holdover, MasterAddress, UnicastClientConfig, UnicastMaster,
    UnicastServerConfig,
};

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// A node as a profile's file says.
fn node(profile: &str, name: &str) -> NodeSpec {
    let yaml = format!("profile: {profile}\nports:\n  - interface: eth0\n");
    let path = Path::new("test.yaml");
    let loaded = ptp_config::load_octets(path, yaml.as_bytes(), &[], &Overrides::default());
    let c = loaded.expect("a shipped profile is good").config;
    let p = &c.ports[0];
    NodeSpec::new(name)
        .with(|i| {
            i.domain_number = c.domain_number;
            (i.priority1, i.priority2) = (c.priority1, c.priority2);
            i.best_master = match c.best_master {
                ptp_config::BestMaster::G8275 => BestMaster::G8275,
                ptp_config::BestMaster::G8265 => BestMaster::G8265,
                _ => BestMaster::Ieee1588,
            };
            i.wait_to_restore = Duration::from_nanos(c.wait_to_restore.nanos() as u64);
            i.revertive = c.revertive;
            i.holdover = c.holdover.map(|h| Holdover {
                in_spec: Duration::from_nanos(h.in_spec.nanos() as u64),
                out_of_spec: Duration::from_nanos(h.out_of_spec.nanos() as u64),
            });
        })
        .each_port(|o| {
            o.log_announce_interval = p.log_announce_interval;
            o.log_sync_interval = p.log_sync_interval;
            o.log_min_delay_req_interval = p.log_min_delay_req_interval;
            o.log_min_pdelay_req_interval = p.log_min_pdelay_req_interval;
            o.announce_receipt_timeout = p.announce_receipt_timeout;
            o.sync_receipt_timeout = p.sync_receipt_timeout;
            o.delay = match p.delay_mechanism {
                ptp_config::DelayMechanism::P2p => Delay::P2p,
                ptp_config::DelayMechanism::None => Delay::None,
                _ => Delay::E2e,
            };
            o.hybrid_e2e = p.hybrid_e2e;
            o.multicast = p.multicast;
            o.local_priority = p.local_priority;
            o.power.version = p.power.version;
            o.power.grandmaster_id = p.power.grandmaster_id;
        })
}

/// A server of that profile: what a primary reference makes it, and unicast service where the profile wants that.
fn server(profile: &str, name: &str) -> NodeSpec {
    let telecom = profile == "g8265-1";
    let reference = NodeSpec::grandmaster("").config;
    node(profile, name)
        .with(|c| {
            c.clock_quality = reference.clock_quality;
            c.time_properties = reference.time_properties;
            if telecom {
                c.clock_quality.clock_class = 84;
            }
        })
        .each_port(|p| {
            p.master_only = true;
            p.unicast_server = (!p.multicast).then(|| UnicastServerConfig {
                max_clients: 100,
                max_rate: 100_000,
                max_client_rate: 1_000,
                max_duration: 1_000,
                min_log_announce_interval: LogInterval(-3),
                min_log_sync_interval: LogInterval(-7),
                min_log_delay_resp_interval: LogInterval(-7),
                allow: Vec::new(),
                deny: Vec::new(),
                drain: false,
            });
        })
}

/// A client of the masters that were added to the simulation as these nodes, the first with local priority 1.
fn client_of(profile: &str, name: &str, masters: &[u8]) -> NodeSpec {
    node(profile, name).client_only().off(300_000, 4_000.0).each_port(|p| {
        let master = |(i, n): (usize, &u8)| UnicastMaster {
            address: MasterAddress::Known(Address::Ethernet([2, 1, 0, n + 1, 0, 1])),
            local_priority: i as u8 + 1,
        };
        p.unicast_client = (!p.multicast).then(|| UnicastClientConfig {
            masters: masters.iter().enumerate().map(master).collect(),
            duration: 300,
            log_query_interval: LogInterval(0),
        });
    })
}

/// Announces of a link sent by a node, with their times and headers.
fn announces(sim: &Simulation, link: LinkId, from: NodeId) -> Vec<(f64, Flags, Announce, Vec<u8>)> {
    let identity = sim.engine(from).expect("it lives").config().clock_identity;
    let capture = sim.captured(link).expect("asked for");
    capture
        .messages()
        .filter_map(|(at, octets)| {
            let m = Message::parse(octets).expect("ours");
            let Body::Announce(a) = *m.body() else { return None };
            (m.header().source_port_identity.clock_identity == identity)
                .then(|| (at.seconds(), m.header().flags, a, octets.to_vec()))
        })
        .collect()
}

fn class(a: &Announce) -> u8 {
    a.grandmaster_clock_quality.clock_class
}

const PROFILES: [&str; 11] = [
    "default-e2e",
    "default-p2p",
    "g8265-1",
    "g8275-1",
    "g8275-2",
    "enterprise",
    "c37-238-2011",
    "c37-238-2017",
    "iec-61850-9-3",
    "st2059-2",
    "aes67",
];

/// Of IEEE 802.1AS: the profiles of server and client, and what else they say.
const GPTP: [(&str, &str, &str, &str); 3] = [
    ("gptp", "gptp", "priority1: 100\nclock_class: 6\n", ""),
    ("gptp-2011", "gptp-2011", "priority1: 100\nclock_class: 6\n", ""),
    ("automotive-client", "automotive-master", "", "neighbor_delay: 500ns\n"),
];

/// A node whose whole configuration is this profile and a few keys.
fn whole(name: &str, profile: &str, more: &str) -> NodeSpec {
    let yaml = format!("profile: {profile}\n{more}ports:\n  - interface: eth0\n");
    let loaded = ptp_config::load_octets(Path::new("t.yaml"), yaml.as_bytes(), &[], &Overrides::default());
    let settings = ptpd::host::settings(&loaded.expect("a shipped profile is good").config);
    NodeSpec::from_settings(name, &settings.expect("it runs"))
}

/// Server and client of a profile on a wire.
fn pair(profile: &str, seed: u64) -> (Simulation, NodeId) {
    let mut sim = Simulation::new(seed);
    let Some((client, server, of_server, of_client)) = GPTP.iter().find(|g| g.0 == profile) else {
        let gm = sim.node(self::server(profile, "gm"));
        let client = sim.node(client_of(profile, "client", &[0]));
        sim.link(&[gm, client], LinkSpec::wire(500));
        return (sim, client);
    };
    let gm = sim.node(whole("gm", server, of_server));
    let client = sim.node(whole("client", client, of_client).off(300_000, 4_000.0));
    sim.connect(&[(gm, "eth0"), (client, "eth0")], LinkSpec::wire(500)).expect("both have it");
    (sim, client)
}

/// The slowest of twenty starts, in tenths of a second, rounded up.
#[test]
fn the_guide_tells_how_soon_a_client_is_up() {
    let mut table = String::from("| Profile | median | slowest of 20 |\n|---|---|---|\n");
    for profile in PROFILES.into_iter().chain(GPTP.map(|g| g.0)) {
        let mut took: Vec<Duration> = (0..20)
            .map(|seed| {
                let (mut sim, client) = pair(profile, seed);
                let up = sim.run_until(secs(120), |s| s.state(client, 1) == PortState::Slave);
                up.unwrap_or_else(|| panic!("{profile}, seed {seed}: no SLAVE"))
            })
            .collect();
        took.sort();
        let tenths = |d: Duration| d.as_secs_f64().mul_add(10.0, 0.0).ceil() / 10.0;
        table += &format!("| {profile} | {:.1} s | {:.1} s |\n", tenths(took[10]), tenths(took[19]));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/profiles.md");
    let text = std::fs::read_to_string(&path).expect("it is in the repository");
    let (begin, end) = ("<!-- start-up: made by sim_profiles -->\n", "<!-- end of start-up -->\n");
    let (before, rest) = text.split_once(begin).expect("the table has its place");
    let (present, after) = rest.split_once(end).expect("the table's place has an end");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).expect("it can be written");
    } else {
        assert!(
            present == table,
            "run BLESS=1 cargo test -p hil-tests --test sim_profiles; now it is\n{table}"
        );
    }
}

#[test]
fn a_boundary_clock_in_holdover_tells_all_at_once_what_it_is_worth() {
    let mut sim = Simulation::new(1);
    let gm = sim.node(server("g8275-1", "gm"));
    let spec = Holdover { in_spec: secs(20), out_of_spec: secs(60) };
    let bc = sim.node(node("g8275-1", "bc").off(0, 4_000.0).with(|c| c.holdover = Some(spec)));
    let up = sim.link(&[gm, bc], LinkSpec::wire(500));
    let below: Vec<_> = (0..3)
        .map(|i| {
            let client = sim.node(client_of("g8275-1", &format!("c{i}"), &[]));
            let link = sim.link(&[bc, client], LinkSpec::wire(500));
            sim.capture(link);
            link
        })
        .collect();
    sim.run_for(secs(60));
    sim.assert_state(bc, 1, PortState::Slave);
    let silent = sim.now();
    sim.silence(up, true);
    let lost = sim
        .run_until(secs(5), |s| s.engine(bc).is_some_and(|e| e.is_grandmaster()))
        .expect("the loss is noticed");
    let lost_at = silent.seconds() + lost.as_secs_f64();
    sim.run_for(secs(80));
    sim.silence(up, false);
    sim.run_for(secs(60));
    sim.assert_state(bc, 1, PortState::Slave);
    let mut steps = Vec::new();
    for link in below {
        let told = announces(&sim, link, bc);
        let mut last = 255;
        let mut changes = Vec::new();
        for (at, flags, a, _) in told.iter().filter(|(at, ..)| *at > silent.seconds()) {
            let traceable = (flags.has(Flags::TIME_TRACEABLE), flags.has(Flags::FREQUENCY_TRACEABLE));
            let own = (
                a.grandmaster_identity == sim.engine(bc).expect("lives").config().clock_identity,
                a.steps_removed,
            );
            let uncertain = flags.has(Flags::SYNCHRONIZATION_UNCERTAIN);
            // Never half of one and half of the other.
            match class(a) {
                6 => assert_eq!((traceable, own), ((true, true), (false, 1)), "{at}"),
                135 => assert_eq!((traceable, own, uncertain), ((true, false), (true, 0), false), "{at}"),
                165 => assert_eq!((traceable, own, uncertain), ((false, false), (true, 0), true), "{at}"),
                248 => assert_eq!((traceable, own), ((false, false), (true, 0)), "{at}"),
                other => panic!("class {other} at {at}"),
            }
            if class(a) != 6 {
                assert_eq!(a.grandmaster_clock_quality.clock_accuracy.0, 0xfe);
            }
            if class(a) != last {
                last = class(a);
                changes.push((*at, last, uncertain));
            }
        }
        let classes: Vec<u8> = changes.iter().map(|c| c.1).collect();
        assert_eq!(classes, [6, 135, 165, 248, 6]);
        assert!(changes[4].2, "until it is locked again, it says that it is uncertain");
        assert!(!told.last().expect("some").1.has(Flags::SYNCHRONIZATION_UNCERTAIN), "and then no more");
        steps.push(changes);
    }
    let due = [lost_at, lost_at + 20.0, lost_at + 60.0];
    for (i, due) in due.into_iter().enumerate() {
        let at: Vec<f64> = steps.iter().map(|c| c[i + 1].0).collect();
        let (first, last) =
            (at.iter().copied().fold(f64::MAX, f64::min), at.iter().copied().fold(0.0, f64::max));
        println!(
            "class {}: on the wire {:.3} to {:.3} ms after",
            steps[0][i + 1].1,
            (first - due) * 1e3,
            (last - due) * 1e3
        );
        assert!(last - due < 1e-3 && first - due > -1e-3, "{first} {last} {due}");
    }
    println!("loss noticed after {lost:?}");
    assert!(lost < Duration::from_millis(600));
}

#[test]
fn of_two_active_grandmasters_each_takes_the_nearer() {
    let mut sim = Simulation::new(2);
    let a = sim.node(server("g8275-1", "a"));
    let one = sim.node(node("g8275-1", "one").off(0, 2_000.0));
    let two = sim.node(node("g8275-1", "two").off(0, -3_000.0));
    let b = sim.node(server("g8275-1", "b"));
    for pair in [[a, one], [one, two], [two, b]] {
        sim.link(&pair, LinkSpec::wire(500));
    }
    sim.run_for(secs(60));
    assert_eq!((sim.grandmaster_of(one), sim.grandmaster_of(two)), (Some(a), Some(b)));
    sim.kill(b);
    sim.run_for(secs(60));
    assert_eq!(sim.grandmaster_of(two), Some(a));
}

#[test]
fn local_priority_comes_before_the_grandmasters_identity() {
    let mut sim = Simulation::new(3);
    let a = sim.node(server("g8275-2", "a"));
    let b = sim.node(server("g8275-2", "b"));
    let client = sim.node(client_of("g8275-2", "client", &[1, 0]));
    sim.link(&[a, b, client], LinkSpec::wire(500));
    sim.run_for(secs(60));
    sim.assert_state(client, 1, PortState::Slave);
    assert_eq!(sim.grandmaster_of(client), Some(b));
    assert_ne!(sim.grandmaster_of(client), Some(a));
}

#[test]
fn g8265_selects_by_quality_level_then_priority_and_waits_before_it_goes_back() {
    for revertive in [true, false] {
        let mut sim = Simulation::new(4);
        let a = sim.node(server("g8265-1", "a"));
        let b = sim.node(server("g8265-1", "b"));
        let client = sim.node(client_of("g8265-1", "client", &[0, 1]).with(|c| {
            c.revertive = revertive;
            c.wait_to_restore = secs(60);
        }));
        sim.link(&[a, b, client], LinkSpec::wire(500));
        // Whoever goes back to nobody keeps the first that it hears.
        sim.kill(b);
        sim.run_for(secs(20));
        sim.revive(b);
        sim.run_for(secs(30));
        sim.assert_state(client, 1, PortState::Slave);
        assert_eq!(sim.grandmaster_of(client), Some(a), "the same level: priority decides");
        sim.kill(a);
        sim.run_for(secs(40));
        assert_eq!(sim.grandmaster_of(client), Some(b));
        sim.revive(a);
        sim.run_for(secs(15));
        assert_eq!(sim.grandmaster_of(client), Some(b), "it waits to restore");
        sim.run_for(secs(60));
        assert_eq!(sim.grandmaster_of(client), Some(if revertive { a } else { b }));
        // A better quality level wins whatever the priority; one not to be used never.
        sim.reload(b, |c| c.clock_quality.clock_class = 80);
        sim.run_for(secs(30));
        assert_eq!(sim.grandmaster_of(client), Some(b));
        sim.reload(b, |c| c.clock_quality.clock_class = 110);
        sim.run_for(secs(30));
        assert_eq!(sim.grandmaster_of(client), Some(a));
    }
}

#[test]
fn the_power_profiles_tell_how_inaccurate_they_may_be() {
    for profile in ["c37-238-2011", "c37-238-2017"] {
        let inaccurate = |n: NodeSpec| {
            n.each_port(|p| {
                p.power.grandmaster_id = 17;
                p.power.grandmaster_time_inaccuracy = 200;
                p.power.network_time_inaccuracy = 50;
                p.power.total_time_inaccuracy = 250;
            })
        };
        let mut sim = Simulation::new(5);
        let gm = sim.node(inaccurate(server(profile, "gm")));
        let bc = sim.node(inaccurate(node(profile, "bc")));
        let client = sim.node(client_of(profile, "client", &[]));
        sim.link(&[gm, bc], LinkSpec::wire(500));
        let below = sim.link(&[bc, client], LinkSpec::wire(500));
        sim.capture(below);
        sim.run_for(secs(30));
        let (.., octets) = announces(&sim, below, bc).pop().expect("it announces");
        let message = Message::parse(&octets).expect("ours");
        let tlv = message.tlvs().find_map(|t| match TlvValue::parse(&t) {
            Ok(TlvValue::Organization(_, o)) => Some(o),
            _ => None,
        });
        match tlv {
            Some(Organization::PowerProfile2011(t)) if profile == "c37-238-2011" => {
                let all = (t.grandmaster_id, t.grandmaster_time_inaccuracy, t.network_time_inaccuracy);
                assert_eq!(all, (17, 200, 100));
            }
            Some(Organization::PowerProfile2017(t)) if profile == "c37-238-2017" => {
                assert_eq!((t.grandmaster_id, t.total_time_inaccuracy), (17, 500));
            }
            other => panic!("{profile}: {other:?}"),
        }
    }
}

#[test]
fn an_enterprise_server_answers_as_it_was_asked_and_negotiates_with_nobody() {
    let mut sim = Simulation::new(6);
    let gm = sim.node(server("enterprise", "gm"));
    let asking = sim.node(client_of("enterprise", "asking", &[]));
    let shouting = sim.node(client_of("enterprise", "shouting", &[]).each_port(|p| p.hybrid_e2e = false));
    let negotiating = sim.node(client_of("g8275-2", "negotiating", &[0]).with(|c| {
        c.domain_number = 0;
        c.best_master = BestMaster::Ieee1588;
    }));
    let link = sim.link(&[gm, asking, shouting, negotiating], LinkSpec::wire(500));
    sim.capture(link);
    sim.run_for(secs(60));
    for client in [asking, shouting] {
        sim.assert_state(client, 1, PortState::Slave);
    }
    let headers: Vec<_> = sim
        .captured(link)
        .expect("asked for")
        .messages()
        .map(|(_, octets)| *Message::parse(octets).expect("ours").header())
        .collect();
    let count = |t, unicast| {
        headers.iter().filter(|h| h.message_type == t && h.flags.has(Flags::UNICAST) == unicast).count()
    };
    for unicast in [true, false] {
        let (asked, answered) =
            (count(MessageType::DelayReq, unicast), count(MessageType::DelayResp, unicast));
        assert!(asked > 20 && asked.abs_diff(answered) <= 1, "{unicast}: {asked} {answered}");
    }
    assert_eq!(count(MessageType::Sync, true) + count(MessageType::Announce, true), 0);
    let identity = sim.engine(gm).expect("lives").config().clock_identity;
    let of_gm = |h: &&ptp_wire::Header| h.source_port_identity.clock_identity == identity;
    assert_eq!(headers.iter().filter(of_gm).filter(|h| h.message_type == MessageType::Signaling).count(), 0);
}

#[test]
fn the_media_profiles_keep_their_rates() {
    for (profile, announce, sync) in [("st2059-2", 4, 8), ("aes67", 0, 8), ("iec-61850-9-3", 1, 1)] {
        let mut sim = Simulation::new(7);
        let gm = sim.node(server(profile, "gm"));
        let client = sim.node(client_of(profile, "client", &[]));
        sim.link(&[gm, client], LinkSpec::wire(500));
        sim.run_for(secs(100));
        let stats = sim.engine(gm).and_then(|e| e.port_stats(PortNumber(1))).expect("port 1");
        let per_100_s = |t: MessageType| stats.tx[t as usize] as i64;
        let announce = if announce == 0 { 50 } else { announce * 100 };
        assert!((per_100_s(MessageType::Announce) - announce).abs() <= 5, "{profile}");
        assert!((per_100_s(MessageType::Sync) - sync * 100).abs() <= 10, "{profile}");
    }
}
