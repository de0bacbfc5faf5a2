//! The shipped profiles: each keeps to itself, and departures from it are told.

use std::path::Path;

use ptp_config::{Loaded, Overrides};

const SHIPPED: [&str; 11] = [
    "aes67",
    "c37-238-2011",
    "c37-238-2017",
    "default-e2e",
    "default-p2p",
    "enterprise",
    "g8265-1",
    "g8275-1",
    "g8275-2",
    "iec-61850-9-3",
    "st2059-2",
];

fn load(yaml: &str) -> Loaded {
    let loaded = ptp_config::load_octets(Path::new("t.yaml"), yaml.as_bytes(), &[], &Overrides::default());
    loaded.unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn no_profile_departs_from_itself() {
    for profile in SHIPPED {
        let loaded = load(&format!("profile: {profile}\nports: [{{ interface: eth0 }}]\n"));
        assert_eq!(loaded.departures(), [], "{profile}");
        assert_eq!(loaded.config.profile, profile);
    }
}

#[test]
fn every_departure_is_told_once_with_its_origin() {
    let loaded = load(
        "profile: g8275-1\npriority1: 1\ndomain_number: 44\nlog_sync_interval: -3\nports:\n  - interface: eth0\n  - interface: eth1\n    log_announce_interval: 0\n    delay_mechanism: p2p\n",
    );
    let told: Vec<String> = loaded.departures().iter().map(ToString::to_string).collect();
    let expected = [
        "`domain_number` is `44` (t.yaml:3); profile g8275-1 permits 24..43",
        "`priority1` is `1` (t.yaml:2); profile g8275-1 permits 128",
        "eth1: `delay_mechanism` is `p2p` (t.yaml:9); profile g8275-1 permits e2e",
        "eth1: `log_announce_interval` is `0` (t.yaml:8); profile g8275-1 permits -3",
        "`log_sync_interval` is `-3` (t.yaml:4); profile g8275-1 permits -4",
    ];
    assert_eq!(told, expected);
    let loaded = load(
        "profile: g8275-2\nunicast_request_duration: 1h\nports:\n  - interface: eth0\n    unicast_masters: [192.0.2.1]\n",
    );
    let told: Vec<String> = loaded.departures().iter().map(ToString::to_string).collect();
    assert_eq!(told, ["`unicast_request_duration` is `1h` (t.yaml:2); profile g8275-2 permits 60s..1000s"]);
}

#[test]
fn the_holdover_time_ends_at_its_error_bound() {
    let base = "profile: g8275-1\nports: [{ interface: eth0 }]\nholdover:\n  in_spec: 4h\n";
    let seconds = |yaml: &str| {
        let holdover = load(yaml).config.holdover.expect("set");
        holdover.in_spec.nanos() / 1_000_000_000
    };
    assert_eq!(seconds(base), 14_400);
    assert_eq!(seconds(&format!("{base}  max_error: 1.5us\n  drift: 1ppb\n")), 1_500);
    assert_eq!(seconds(&format!("{base}  max_error: 1.5us\n  drift: 0ppb\n")), 14_400);
}
