//! Good configurations: what they come to, where values come from, and what is the same as linuxptp's.

use std::path::{Path, PathBuf};

use ptp_config::*;
use ptp_wire::{LogInterval, TimeInterval};

fn read(text: &str) -> Loaded {
    read_over(text, &Overrides::default())
}

fn read_over(text: &str, overrides: &Overrides) -> Loaded {
    load_octets(Path::new("ptpd.yaml"), text.as_bytes(), &[], overrides).unwrap_or_else(|d| panic!("{d}"))
}

#[test]
fn three_lines_are_enough_and_so_is_no_file() {
    let from_file = read("ports:\n  - interface: eth0\n");
    let overrides = Overrides { interfaces: vec!["eth0".into()], ..Overrides::default() };
    let from_options = load_with(None, &[], &overrides).expect("an interface is all it takes");
    assert_eq!(from_file.config, from_options.config);
    assert_eq!(from_file.config.clock, ClockKind::Ordinary);
    assert_eq!(from_file.config.profile, "default-e2e");
    assert_eq!(read("ports: [{ interface: a }, { interface: b }]\n").config.clock, ClockKind::Boundary);
    let transparent = "clock: transparent-p2p\ndelay_mechanism: p2p\nsyntonise: false\nstamping: p2p1step\n\
                       ports: [{ interface: a }, { interface: b }]\n";
    let config = read(transparent).config;
    assert!(config.clock == ClockKind::TransparentP2p && config.clock.is_transparent() && !config.syntonise);
    assert!(config.ports.iter().all(|p| p.stamping == ptp_config::Stamping::P2pOneStep));
}

/// linuxptp's defaults, from its manual, for each key that has a counterpart.
#[test]
fn defaults_are_linuxptps_where_it_has_the_key() {
    let config = read("ports:\n  - interface: eth0\n").config;
    assert!(!config.client_only && !config.path_trace && !config.free_running);
    assert_eq!((config.domain_number, config.sdo_id.get(), config.minor_version), (0, 0, 1));
    assert_eq!((config.priority1, config.priority2), (128, 128));
    assert_eq!(config.clock_quality.clock_class, 248);
    assert_eq!(config.clock_quality.clock_accuracy.0, 0xfe);
    assert_eq!(config.clock_quality.offset_scaled_log_variance, 0xffff);
    assert_eq!((config.max_steps_removed, config.clock_identity), (255, None));
    assert_eq!((config.time_properties.current_utc_offset, config.time_properties.time_source.0), (37, 0xa0));
    assert_eq!((config.description.product.as_str(), config.description.revision.as_str()), (";;", ";;"));
    assert_eq!(config.description.manufacturer_identity, [0; 3]);
    assert_eq!((config.management.socket_mode, config.management.read_only_socket_mode), (0o660, 0o666));
    assert_eq!((config.user, config.log.level), (None, LogLevel::Info));
    let servo = config.servo;
    assert_eq!((servo.proportional_const, servo.integral_const), (0.0, 0.0));
    assert_eq!((servo.proportional_scale, servo.integral_scale), (None, None));
    assert_eq!((servo.proportional_exponent, servo.integral_exponent), (-0.3, 0.4));
    assert_eq!((servo.proportional_norm_max, servo.integral_norm_max), (0.7, 0.3));
    assert_eq!(servo.first_step_threshold, Some(TimeInterval::from_nanos(20_000)));
    assert_eq!((servo.step_threshold, servo.offset_threshold, servo.num_offset_values), (None, None, 10));
    assert_eq!(servo.max_frequency_ppb, 900_000_000.0);
    let port = &config.ports[0];
    assert_eq!((port.log_announce_interval, port.log_sync_interval), (LogInterval(1), LogInterval(0)));
    assert_eq!(
        (port.log_min_delay_req_interval, port.log_min_pdelay_req_interval),
        (LogInterval(0), LogInterval(0))
    );
    assert_eq!((port.announce_receipt_timeout, port.sync_receipt_timeout), (3, 0));
    assert_eq!(
        (port.delay_mechanism, port.hybrid_e2e, port.master_only),
        (DelayMechanism::E2e, false, false)
    );
    assert_eq!((port.delay_filter, port.delay_filter_length), (DelayFilter::MovingMedian, 10));
    let corrections = [port.delay_asymmetry, port.egress_latency, port.ingress_latency];
    assert_eq!(corrections, [TimeInterval::ZERO; 3]);
    assert_eq!(
        (port.transport, port.udp_ttl, port.dscp_event, port.dscp_general),
        (Transport::UdpIpv4, 1, 0, 0)
    );
    assert_eq!((port.socket_priority, port.fault_reset_interval), (0, LogInterval(4)));
    let text = |transport: &str| {
        let loaded = read(&format!("transport: {transport}\nports: [{{ interface: eth0 }}]\n"));
        format!("{:?}", loaded.config.ports[0].addresses)
    };
    assert!(text("udp4").contains("224.0.1.129") && text("udp4").contains("224.0.0.107"));
    assert!(text("udp6").contains("ff0e::181") && text("udp6").contains("ff02::6b"));
    assert!(
        text("ethernet").contains("[1, 27, 25, 0, 0, 0]")
            && text("ethernet").contains("[1, 128, 194, 0, 0, 14]")
    );
}

/// Ranges of linuxptp's manual for whole numbers: ours are the same, or narrower where a value makes no sense.
#[test]
fn ranges_are_linuxptps_where_it_has_the_key() {
    let fits = |key: &str, value: &str, also: &str| {
        let (section, key) =
            key.split_once('.').map_or((String::new(), key), |(s, k)| (format!("{s}:\n  "), k));
        let section = if key.starts_with("proportional") || key.starts_with("integral") {
            format!("{section}kind: pi\n  ")
        } else {
            section
        };
        let text = format!("{also}{section}{key}: {value}\nports: [{{ interface: eth0 }}]\n");
        load_octets(Path::new("x"), text.as_bytes(), &[], &Overrides::default()).is_ok()
    };
    let p2p = "delay_mechanism: p2p\n";
    let udp6 = "transport: udp6\n";
    let ethernet = "transport: ethernet\n";
    for (key, min, max, also) in [
        ("domain_number", 0, 255, ""),
        ("major_sdo_id", 0, 15, ""),
        ("priority1", 0, 255, ""),
        ("priority2", 0, 255, ""),
        ("clock_class", 0, 255, ""),
        ("clock_accuracy", 0, 255, ""),
        ("offset_scaled_log_variance", 0, 65535, ""),
        ("time_properties.time_source", 0x10, 0xfe, ""),
        ("minor_version", 0, 1, ""),
        ("max_steps_removed", 2, 255, ""),
        ("announce_receipt_timeout", 2, 255, ""),
        ("sync_receipt_timeout", 0, 255, ""),
        ("udp_ttl", 1, 255, ""),
        ("dscp_event", 0, 63, ""),
        ("dscp_general", 0, 63, ""),
        ("udp6_scope", 0, 15, udp6),
        ("socket_priority", 0, 15, ethernet),
        // Narrower than -128 to 127: 1/128 s to nine hours.
        ("log_announce_interval", -7, 15, ""),
        ("log_sync_interval", -7, 15, ""),
        ("log_min_delay_req_interval", -7, 15, ""),
        ("log_min_pdelay_req_interval", -7, 15, p2p),
        ("fault_reset_interval", -7, 15, ""),
        // Narrower than 1 to 2^31-1: memory is set aside for the filter.
        ("delay_filter_length", 1, 1024, ""),
    ] {
        for (value, expected) in [(min, true), (max, true), (min - 1, false), (max + 1, false)] {
            assert_eq!(fits(key, &value.to_string(), also), expected, "{key}: {value}");
        }
    }
    assert!(
        fits("servo.proportional_norm_max", "1.0", "") && !fits("servo.proportional_norm_max", "1.01", "")
    );
    assert!(fits("servo.integral_norm_max", "2.0", "") && !fits("servo.integral_norm_max", "0.0", ""));
    assert!(fits("servo.max_frequency", "900000ppm", "") && !fits("servo.max_frequency", "900001ppm", ""));
}

#[test]
fn a_ports_entry_comes_before_what_is_for_all_and_the_command_line_before_both() {
    let file = "log_sync_interval: -3\npriority1: 10\nports:\n  - interface: eth0\n    log_sync_interval: -4\n  - interface: eth1\n";
    let loaded = read(file);
    let intervals = |l: &Loaded| l.config.ports.iter().map(|p| p.log_sync_interval.0).collect::<Vec<_>>();
    assert_eq!(intervals(&loaded), [-4, -3]);
    let line = |line| Origin::File { path: "ptpd.yaml".into(), line };
    assert_eq!(loaded.origin("log_sync_interval", Some(0)), Some(&line(5)));
    assert_eq!(loaded.origin("log_sync_interval", Some(1)), Some(&line(1)));
    assert_eq!(loaded.origin("priority1", None), Some(&line(2)));
    assert_eq!(loaded.origin("priority2", None), Some(&Origin::Profile("default-e2e".into())));
    assert_eq!(loaded.origin("max_steps_removed", None), Some(&Origin::Default));
    let mut overrides = Overrides { interfaces: vec!["eth1".into(), "eth2".into()], ..Overrides::default() };
    overrides.set("--log-sync-interval", "log_sync_interval", "1");
    let loaded = read_over(file, &overrides);
    assert_eq!(intervals(&loaded), [1, 1, 1]);
    let interfaces: Vec<&str> = loaded.config.ports.iter().map(|p| p.interface.as_str()).collect();
    assert_eq!(interfaces, ["eth0", "eth1", "eth2"]);
}

#[test]
fn the_profile_lies_below_the_file_and_its_directories_come_first() {
    let loaded = read("log_sync_interval: -1\nprofile: default-p2p\nports: [{ interface: eth0 }]\n");
    assert_eq!(loaded.config.ports[0].delay_mechanism, DelayMechanism::P2p);
    assert_eq!(loaded.config.ports[0].log_sync_interval.0, -1);
    assert_eq!(loaded.config.profile_identity, [0, 0x1b, 0x19, 0, 2, 0]);

    let dir = std::env::temp_dir().join(format!("ptp-config-profiles-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory of our own");
    std::fs::write(dir.join("mine.yaml"), "priority1: 7\nlog_min_pdelay_req_interval: 2\n")
        .expect("it can be written");
    std::fs::write(dir.join("broken.yaml"), "priority1: 700\nports: []\n").expect("it can be written");
    let try_profile = |name: &str| {
        let text = format!("profile: {name}\nports: [{{ interface: eth0 }}]\n");
        load_octets(Path::new("x"), text.as_bytes(), std::slice::from_ref(&dir), &Overrides::default())
    };
    // A profile may set what has no effect just now; a configuration may not.
    assert_eq!(try_profile("mine").expect("it is there").config.priority1, 7);
    let broken = try_profile("broken").expect_err("it is broken").to_string();
    assert!(broken.contains("broken.yaml:1:12") && broken.contains("unknown key `ports`"), "{broken}");
    let near = try_profile("mime").expect_err("it is not there").to_string();
    assert!(near.contains("did you mean `mine`?"), "{near}");
    assert!(try_profile("../mine").is_err());
    std::fs::remove_dir_all(&dir).expect("it is ours");
}

#[test]
fn shipped_profiles_are_good_and_name_themselves() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles");
    let mut found = 0;
    for entry in std::fs::read_dir(&dir).expect("it is in the repository") {
        let path: PathBuf = entry.expect("it can be listed").path();
        let name = path.file_stem().and_then(|s| s.to_str()).expect("a name").to_owned();
        let file = format!("profile: {name}\nports: [{{ interface: eth0 }}]\n");
        // From the file, and built in.
        for dirs in [vec![dir.clone()], Vec::new()] {
            let loaded = load_octets(Path::new("x"), file.as_bytes(), &dirs, &Overrides::default());
            assert_eq!(loaded.unwrap_or_else(|d| panic!("{d}")).config.profile, name);
        }
        found += 1;
    }
    assert!(found >= 2);
}

const RICH: &str = r#"profile: default-p2p
clock_identity: 001b19.fffe.000001
clock_device: "virtual:/tmp/a clock"
state_file: off
delay_asymmetry: 52.5ns
time_properties: { time_source: gnss, leap61: true }
servo: { step_threshold: 1.5ms, max_frequency: 500ppm, kind: pi, integral_scale: 0.2 }
management: { socket: /tmp/rw, read_only_socket: off, network: false }
log: { level: debug, format: json }
description: { user: "rack 7: \"north\" # not a comment", product: "a;b;c" }
ports:
  - interface: eth0
    transport: udp6
    udp6_scope: 5
  - interface: "007"
    transport: ethernet
    stamping: software
"#;

#[test]
fn what_is_in_force_can_be_read_again() {
    for text in [
        RICH,
        "ports: [{ interface: eth0 }]\n",
        "client_only: true\nfree_running: true\nports: [{ interface: a }]\n",
    ] {
        let loaded = read(text);
        let effective = loaded.effective();
        let again = read(&effective);
        assert_eq!(again.config, loaded.config, "{effective}");
        assert_eq!(diff(&loaded, &again), []);
        // Any YAML reader can read it.
        serde_yaml::from_str::<serde_yaml::Value>(&effective).expect("it is YAML");
    }
    let effective = read(RICH).effective();
    for part in
        ["# default", "# profile default-p2p", "# ptpd.yaml:5", "delay_mechanism: p2p", "user: \"rack 7"]
    {
        assert!(effective.contains(part), "{part} in\n{effective}");
    }
    let config = read(RICH).config;
    assert_eq!(config.ports[0].delay_asymmetry, TimeInterval(52 * 65536 + 32768));
    assert!(format!("{:?}", config.ports[0].addresses).contains("ff05::181"));
    assert_eq!(config.clock_device.to_string(), "virtual:/tmp/a clock");
}

#[test]
fn a_reload_names_what_changed() {
    let old =
        read("priority1: 1\nservo: { step_threshold: 1ms }\nports: [{ interface: a }, { interface: b }]\n");
    let new = read(
        "priority1: 2\nservo: { step_threshold: 1000us }\nports: [{ interface: c }, { interface: a, log_sync_interval: -3 }]\n",
    );
    let told: Vec<String> = diff(&old, &new).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["priority1 from 1 to 2", "a: log_sync_interval from 0 to -3", "b: port removed", "c: port added"]
    );
    assert_eq!(diff(&old, &old), []);
}

#[test]
fn time_zones_are_lists_of_keys_too() {
    let offsets = |item: &str| {
        let text = format!("alternate_time_offsets: {item}\nports: [{{ interface: a }}]\n");
        let loaded = load_octets(Path::new("ptpd.yaml"), text.as_bytes(), &[], &Overrides::default());
        let all = loaded.map_err(|e| e.to_string())?.config.options.alternate_time_offsets;
        Ok::<_, String>(all.into_iter().map(|o| (o.key, o.zone.unwrap_or_default())).collect::<Vec<_>>())
    };
    let zones = offsets("[{zone: Europe/Berlin}, 7 America/New_York, {zone: Asia/Tokyo, key: 3}]");
    let expected =
        [(0, "Europe/Berlin"), (3, "Asia/Tokyo"), (7, "America/New_York")].map(|(k, z)| (k, z.to_owned()));
    assert_eq!(zones, Ok(expected.to_vec()));
    for bad in [
        "[{zone: Europe/Berlin}, 0 Asia/Tokyo]",
        "[{zone: Europe/Berlin, zone: Asia/Tokyo}]",
        "[{zone: Europe/Berlin, name: CET}]",
        "[{key: 1}]",
        "[{key: 99, zone: Europe/Berlin}]",
        "[{zone: ../../../etc/passwd}]",
        "[{zone: 'Europe/Berlin 4'}]",
        "[{zone: [Europe/Berlin]}]",
    ] {
        let said = offsets(bad).expect_err(bad);
        assert!(said.contains("alternate_time_offsets"), "{bad}: {said}");
    }
}

/// Optional features: what is written reaches the model, and what cannot be is told.
#[test]
fn optional_features_and_their_contradictions() {
    let config = read(
        "external_port_configuration: true
acceptable_masters: [ 001b19.fffe.000001-1 7 ]
alternate_time_offsets: [ 2 PST -28800 ]
synchronization_uncertain: never
enhanced_accuracy: { enable: true, max_gm: 40ns, var_gm: 1e-16 }
ports:
  - { interface: a, desired_state: slave, net_sync_monitor: true, net_sync_monitor_rate: 5 }
  - { interface: b, desired_state: master, monitor_rx_sync_timing: true, monitor_address: 192.0.2.1 }
",
    )
    .config;
    let o = &config.options;
    assert!(o.external_port_configuration && !o.performance_monitoring);
    assert_eq!(o.acceptable_masters[0].alternate_priority1, 7);
    assert_eq!((o.alternate_time_offsets[0].key, o.alternate_time_offsets[0].current_offset), (2, -28800));
    assert_eq!(o.synchronization_uncertain, SynchronizationUncertain::Never);
    assert_eq!(o.enhanced_accuracy.map(|a| a.gm), Some((TimeInterval::from_nanos(40), 1e-16)));
    let ports: Vec<_> = config.ports.iter().map(|p| &p.options).collect();
    assert_eq!((ports[0].desired_state, ports[1].desired_state), (DesiredState::Slave, DesiredState::Master));
    assert_eq!((ports[0].net_sync_monitor_rate, ports[1].net_sync_monitor_rate), (5, 0));
    assert_eq!(ports[1].monitor.address, Some(MasterAddress::Ipv4([192, 0, 2, 1].into())));
    for (bad, says) in [
        (
            "external_port_configuration: true\nclient_only: true\nports: [{ interface: a }]\n",
            "chooses its server",
        ),
        (
            "external_port_configuration: true\ndesired_state: slave\nports: [{ interface: a }, { interface: b }]\n",
            "2 ports are to be slaves",
        ),
        (
            "external_port_configuration: true\nports: [{ interface: a, desired_state: slave, master_only: true }]\n",
            "never follows",
        ),
        ("ports: [{ interface: a, desired_state: slave }]\n", "no effect"),
        ("ports: [{ interface: a, net_sync_monitor_rate: 5 }]\n", "no effect"),
        ("ports: [{ interface: a, monitor_records: 5 }]\n", "no effect"),
        ("ports: [{ interface: a, alternate_multicast_sync: true }]\n", "no effect"),
        (
            "ports: [{ interface: a, monitor_rx_sync_timing: true, monitor_address: \"ff02::1\" }]\n",
            "not the address of one host",
        ),
        (
            "ports: [{ interface: a, monitor_rx_sync_timing: true, monitor_address: \"fd00::1\" }]\n",
            "not reached by `udp4`",
        ),
        (
            "ports: [{ interface: a, monitor_rx_sync_timing: true, monitor_address: name.example }]\n",
            "not an address",
        ),
    ] {
        let refused = load_octets(Path::new("x"), bad.as_bytes(), &[], &Overrides::default());
        let text = refused.err().map(|d| d.to_string()).unwrap_or_default();
        assert!(text.contains(says), "{bad}: {text}");
    }
}

/// `auto` is adaptive whatever the stamps: PI's gains have no effect beside it, but where a card's phase control takes the
/// offsets.
#[test]
fn gains_of_a_servo_that_does_not_run_are_refused() {
    let kind = |text: &str| read(text).config.servo.kind;
    assert_eq!(kind("ports: [{ interface: a, stamping: software }]\n"), ServoKind::Adaptive);
    let phase = "servo: { phase_adjustment: true, offset_threshold: 1us, integral_scale: 0.2 }\nports: [{ interface: a }]\n";
    assert_eq!(kind(phase), ServoKind::Pi);
    let gains = "servo: { integral_scale: 0.2 }\nports: [{ interface: a, stamping: software }]\n";
    let error = load_octets(Path::new("ptpd.yaml"), gains.as_bytes(), &[], &Overrides::default());
    let error = error.map(|_| ()).expect_err("refused").to_string();
    assert!(
        error.contains("`integral_scale` has no effect here") && error.contains("`servo.kind` is not `pi`"),
        "{error}"
    );
}
