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

/// What each profile's file permits of each key, as it stands there.
fn rules(profile: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../profiles/{profile}.yaml"));
    let text = std::fs::read_to_string(path).expect("it is shipped");
    let (_, conformance) = text.split_once("conformance:\n").expect("each profile says what it permits");
    let rule = |line: &str| line.trim().split_once(": ").map(|(k, v)| (k.to_owned(), v.to_owned()));
    conformance.lines().filter_map(rule).collect()
}

/// Values that may leave what a rule permits: just beyond its ends, and other words.
fn others(permitted: &str) -> Vec<String> {
    let mut values = Vec::new();
    for part in permitted.split(", ") {
        let (low, high) = part.split_once("..").unwrap_or((part, part));
        if let (Ok(low), Ok(high)) = (low.parse::<i64>(), high.parse::<i64>()) {
            values.extend([high + 1, low - 1].map(|v| v.to_string()));
        }
    }
    let words = "true false udp4 udp6 ethernet e2e p2p none 2011 2017 transparent-e2e 59s 1001s g8275 g8265 ieee1588 static \
                 [192.0.2.1] ['02:00:00:00:00:01'] 01:80:c2:00:00:0f";
    values.extend(words.split_whitespace().map(str::to_owned));
    values
}

/// Every rule of every profile is a rule: there is a value that leaves it, and `ptpd check` names key and value.
#[test]
fn every_rule_of_every_profile_is_departed_from_somehow() {
    // What a key needs to have an effect.
    let needs = [
        "",
        "unicast_server: true\nmaster_only: true\n",
        "unicast_masters: [192.0.2.1]\n",
        "delay_mechanism: p2p\n",
        "delay_mechanism: e2e\n",
        "transport: ethernet\n",
        "hybrid_e2e: false\n",
    ];
    let mut rules_seen = 0;
    for profile in SHIPPED.into_iter().chain(["cmlds"]) {
        for (key, permitted) in rules(profile) {
            rules_seen += 1;
            let told = |need: &str, value: &str| {
                let yaml = format!(
                    "profile: {profile}\n{need}{key}: {value}\nports: [{{ interface: eth0 }}, {{ interface: eth1 }}]\n"
                );
                let loaded =
                    ptp_config::load_octets(Path::new("t.yaml"), yaml.as_bytes(), &[], &Overrides::default());
                loaded.ok()?.departures().iter().map(ToString::to_string).find(|d| {
                    d.contains(&format!("`{key}` is `")) && d.contains(&format!("profile {profile} permits"))
                })
            };
            let candidates = others(&permitted);
            let found = needs
                .iter()
                .filter(|need| !need.starts_with(&format!("{key}:")))
                .find_map(|need| candidates.iter().find_map(|value| told(need, value)));
            let found = found.unwrap_or_else(|| panic!("{profile}: nothing departs from {key}: {permitted}"));
            assert!(found.ends_with(&format!("permits {permitted}")), "{found}");
        }
    }
    assert!(rules_seen > 80, "{rules_seen}");
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
