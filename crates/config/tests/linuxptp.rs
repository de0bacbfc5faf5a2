//! linuxptp's configuration files: what they come to, and what is refused.

use std::path::Path;

use proptest::prelude::*;
use ptp_config::{
    ClockDevice, ClockKind, DelayMechanism, Imported, Linuxptp, Overrides, PortClocks, ServoKind, Transport,
    load_octets,
};

fn import(text: &str) -> Result<Imported, String> {
    let mut linuxptp = Linuxptp::new();
    linuxptp.read("x.cfg", text.as_bytes()).map_err(|e| e.to_string())?;
    linuxptp.interface("eth0");
    linuxptp.import().map_err(|e| e.to_string())
}

/// One configuration per role that linuxptp ships a file for.
const ROLES: &[(&str, &str)] = &[
    ("default", "priority1 128\nnetwork_transport UDPv4\nsummary_interval 0"),
    ("e2e over Ethernet", "network_transport L2\ndelay_mechanism E2E"),
    ("p2p", "network_transport L2\ndelay_mechanism P2P"),
    (
        "gptp",
        "gmCapable 1\npriority1 248\npriority2 248\ntransportSpecific 0x1\nptp_dst_mac 01:80:C2:00:00:0E\nnetwork_transport L2\ndelay_mechanism P2P\nfollow_up_info 1\npath_trace_enabled 1\nlogAnnounceInterval 0\nlogSyncInterval -3\nsyncReceiptTimeout 3\nneighborPropDelayThresh 800\nmin_neighbor_prop_delay -20000000\nassume_two_step 1",
    ),
    (
        "gptp with common delay",
        "transportSpecific 1\nnetwork_transport L2\ndelay_mechanism COMMON_P2P\nfollow_up_info 1",
    ),
    (
        "automotive master",
        "transportSpecific 1\nnetwork_transport L2\ndelay_mechanism P2P\nBMCA noop\nserverOnly 1\ninhibit_announce 1\nasCapable true",
    ),
    (
        "automotive slave",
        "transportSpecific 1\nnetwork_transport L2\ndelay_mechanism P2P\nBMCA noop\nclientOnly 1\nignore_source_id 1\nmsg_interval_request 1\nasCapable true",
    ),
    ("enterprise", "hybrid_e2e 1\nlogSyncInterval 0"),
    ("G.8265.1", "dataset_comparison G.8275.x\nclientOnly 1\ndomainNumber 4"),
    (
        "G.8275.1",
        "dataset_comparison G.8275.x\nG.8275.portDS.localPriority 100\ndomainNumber 24\nnetwork_transport L2\nlogSyncInterval -4\nlogAnnounceInterval -3\nlogMinDelayReqInterval -4",
    ),
    ("G.8275.2", "dataset_comparison G.8275.x\ndomainNumber 44\nhybrid_e2e 1\nunicast_listen 1"),
    ("power 2011", "domainNumber 254\nnetwork_transport L2\ndelay_mechanism P2P\npower_profile.version 2011"),
    ("power 2017", "domainNumber 254\nnetwork_transport L2\ndelay_mechanism P2P\npower_profile.version 2017"),
    ("E2E transparent", "clock_type E2E_TC\nfree_running 1\nnetwork_transport L2\n[eth1]"),
    ("P2P transparent", "clock_type P2P_TC\ndelay_mechanism P2P\nfree_running 1\n[eth1]"),
    (
        "unicast client",
        "hybrid_e2e 1\n[unicast_master_table]\ntable_id 1\nlogQueryInterval 2\nUDPv4 10.0.0.1\n[eth0]\nunicast_master_table 1",
    ),
    ("unicast server", "hybrid_e2e 1\nunicast_listen 1\ninhibit_multicast_service 1"),
    ("authentication", "sa_file tests/data/keys.cfg\nspp 7\nactive_key_id 1"),
    ("ts2phc", "ts2phc.pulsewidth 100000000\nleapfile /usr/share/leap"),
    ("network monitor", "net_sync_monitor 1"),
];

#[test]
fn every_role_is_read() {
    assert_eq!(ROLES.len(), 20);
    for (name, text) in ROLES {
        let got = import(&format!("[global]\n{text}\n")).unwrap_or_else(|e| panic!("{name}: {e}"));
        // What is written out means the same again.
        let again = load_octets(Path::new("y"), got.yaml.as_bytes(), &[], &Overrides::default());
        assert_eq!(again.expect(name).config, got.loaded.config, "{name}");
    }
}

#[test]
fn a_file_comes_to_the_model() {
    let got = import(
        "# text\n[global]\nclockAccuracy 0x21\nuds_file_mode 0600\nmax_frequency 0\nstep_threshold 0.00002\n\
         slaveOnly 0\nuserDescription it's # one\n[eth1]\nnetwork_transport l2\ndelayAsymmetry -40\n",
    )
    .expect("good");
    let c = &got.loaded.config;
    assert_eq!((c.clock, c.clock_quality.clock_accuracy.0), (ClockKind::Boundary, 0x21));
    assert_eq!(c.management.socket.as_deref(), Some(Path::new("/var/run/ptp/ptp4l")));
    assert_eq!((c.management.socket_mode, c.description.user.as_str()), (0o600, "it's # one"));
    assert_eq!(c.servo.step_threshold.map(|t| t.nanos()), Some(20_000));
    assert_eq!((c.ports[0].interface.as_str(), c.ports[0].transport), ("eth1", Transport::Ethernet));
    assert_eq!(c.ports[0].delay_asymmetry.nanos(), -40);
    assert_eq!((c.ports[1].transport, c.state_file.as_deref()), (Transport::UdpIpv4, None));
    assert_eq!(got.notes, ["x.cfg:7: slaveOnly is an old name of clientOnly"]);
}

#[test]
fn clocks_of_ports_are_kept_by_somebody_else_or_are_one() {
    let config =
        |text: &str| import(&format!("[global]\n{text}")).unwrap_or_else(|e| panic!("{e}")).loaded.config;
    let none = config("priority1 1");
    assert_eq!(
        (none.port_clocks, none.ports[0].port_clock.clone()),
        (PortClocks::Together, ClockDevice::Auto)
    );
    assert_eq!(config("boundary_clock_jbod 1\n[eth1]").port_clocks, PortClocks::External);
    assert_eq!(
        config("boundary_clock_jbod 0\n[eth1]\nboundary_clock_jbod 1").port_clocks,
        PortClocks::External
    );
    assert_eq!(config("boundary_clock_jbod 0").port_clocks, PortClocks::Same);
    let ports = config("phc_index 2\n[eth1]\nphc_index 3\n[eth2]\nphc_index -1").ports;
    let clocks: Vec<_> = ports.into_iter().map(|p| (p.interface, p.port_clock)).collect();
    for (name, clock) in
        [("eth0", ClockDevice::Phc(2)), ("eth1", ClockDevice::Phc(3)), ("eth2", ClockDevice::Auto)]
    {
        assert!(clocks.contains(&(name.to_owned(), clock)), "{name} in {clocks:?}");
    }
}

#[test]
fn keys_of_servo_and_delay_come_to_what_they_mean() {
    let got = |text: &str| import(&format!("[global]\n{text}")).unwrap_or_else(|e| panic!("{text}: {e}"));
    let c = got("priority1 1").loaded.config;
    assert_eq!(c.ports[0].delay_request_variability, 1.0);
    assert!(c.servo.kernel_leap && !c.servo.phase_adjustment && !c.spanning_tree);
    let c = got("delay_request_variability 0.25\n[eth1]\ndelay_request_variability 0").loaded.config;
    assert_eq!(
        c.ports.iter().map(|p| (p.interface.as_str(), p.delay_request_variability)).collect::<Vec<_>>(),
        [("eth1", 0.0), ("eth0", 0.25)]
    );
    let c = got("clock_servo ntpshm\nntpshm_segment 3").loaded.config;
    assert_eq!((c.servo.kind, c.servo.ntp_shm_unit), (ServoKind::NtpShm, 3));
    let c = got("clock_servo refclock_sock\nrefclock_sock_address /run/x.sock").loaded.config;
    assert_eq!(
        (c.servo.kind, c.servo.chrony_sock.as_path()),
        (ServoKind::ChronySock, Path::new("/run/x.sock"))
    );
    let c = got("write_phase_mode 1\nservo_offset_threshold 50\nkernel_leap 0\ndelay_mechanism Auto")
        .loaded
        .config;
    assert!(c.servo.phase_adjustment && !c.servo.kernel_leap);
    assert_eq!(c.ports[0].delay_mechanism, DelayMechanism::Auto);
    assert!(got("clock_type E2E_TC\ntc_spanning_tree 1\n[eth1]").loaded.config.spanning_tree);
    // Where they can have no effect they do no harm, and what is written out means the same.
    for text in [
        "tc_spanning_tree 1",
        "ntpshm_segment 3",
        "write_phase_mode 1",
        "refclock_sock_address /run/x.sock",
        "free_running 1\nkernel_leap 0",
        "delay_mechanism P2P\ndelay_request_variability 0.5",
    ] {
        let one = got(text);
        let again = load_octets(Path::new("y"), one.yaml.as_bytes(), &[], &Overrides::default());
        assert_eq!(again.expect(text).config, one.loaded.config, "{text}");
    }
}

#[test]
fn the_command_line_holds_against_global_and_not_against_a_port() {
    let mut l = Linuxptp::new();
    l.option("network_transport", "UDPv6").expect("good");
    l.read("x.cfg", b"[global]\nnetwork_transport L2\n[eth0]\n[eth1]\nnetwork_transport L2\n").expect("good");
    let ports = l.import().expect("good").loaded.config.ports;
    assert_eq!(
        ports.iter().map(|p| p.transport).collect::<Vec<_>>(),
        [Transport::UdpIpv6, Transport::Ethernet]
    );
}

#[test]
fn the_first_error_is_told_with_its_line() {
    for (text, part) in [
        ("[global]\n\npriority1 256\n", "x.cfg:3: priority1 cannot be `256`: allowed is 0 to 255"),
        ("[global]\npriorty1 1\n", "x.cfg:2: unknown key `priorty1`; did you mean `priority1`?"),
        ("priority1 1\n", "x.cfg:1: a section has to come first"),
        ("[eth0]\npriority1 1\n", "x.cfg:2: priority1 is for [global]"),
        ("[global]\npriority1\n", "x.cfg:2: `priority1` has no value"),
        ("[global]\npriority1 08\n", "x.cfg:2: priority1"),
        ("[global\n", "x.cfg:1: `[global` is not a section"),
        ("[global]\nlogSyncInterval -100\n", "x.cfg:2: "),
    ] {
        let e = import(text).expect_err(text);
        assert!(e.starts_with(part), "{e}");
    }
    let long = format!("[global]\nuserDescription {}\n", "x".repeat(2000));
    assert!(import(&long).is_err_and(|e| e.starts_with("x.cfg:2:")));
}

proptest! {
    #[test]
    fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut l = Linuxptp::new();
        let _ = l.read("x", &octets);
        let _ = l.import();
    }

    #[test]
    fn no_value_makes_it_panic(key in "userDescription|step_threshold|ptp_dst_mac|clockIdentity|uds_address|delayAsymmetry|summary_interval|max_frequency|user|profileIdentity", text in "[ -~é]{0,40}") {
        let mut l = Linuxptp::new();
        l.interface("eth0");
        if l.option(&key, &text).is_ok() {
            let _ = l.import();
        }
    }
}
