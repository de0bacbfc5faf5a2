//! The common mean link delay service: one measurement for all domains of a link.

use ptp_wire::{LogInterval, MessageType, RateOffset, TimeInterval};
use ptpd::engine::{AsCapable, Delay, GptpCapable, Input, InstanceConfig, Instant, PortState};

use crate::net::{Net, PORT, SECOND, instance};

/// A domain whose ports use the service.
fn served(host: usize, domain: u8) -> InstanceConfig {
    let mut config = instance(host, Some(domain));
    config.ports[0].delay = Delay::CommonP2p;
    config
}

fn two_domains() -> Net {
    Net::new([0, 1].map(|host| vec![instance(host, None), served(host, 0), served(host, 5)]))
}

#[test]
fn two_domains_live_on_one_measurement() {
    let mut net = two_domains();
    net.run_for(20 * SECOND);
    for host in 0..2 {
        assert_eq!(
            net.hosts[host][0].port_state(PORT),
            Some(PortState::Listening),
            "the service has no role"
        );
        for domain in 1..3 {
            let engine = &net.hosts[host][domain];
            assert_eq!(engine.as_capable(PORT), Some(true));
            let state = [PortState::Master, PortState::Slave][host];
            assert_eq!(engine.port_state(PORT), Some(state), "host {host}, instance {domain}");
            let link = engine.link_delay(PORT).expect("port 1");
            let delay = link.mean_link_delay.expect("told").nanos_f64();
            assert!((delay - 300.0).abs() < 2.0, "{delay}");
            let ratio = if host == 0 { 1.000_02 } else { 1.0 / 1.000_02 };
            assert!((link.neighbor_rate_ratio.expect("told") - ratio).abs() < 1e-8);
        }
    }
    // One request a second of each host, and none of a domain's own.
    for host in 0..2 {
        let requests = net.sent_since(10 * SECOND, host, MessageType::PdelayReq);
        assert!((9..=11).contains(&requests), "{requests}");
    }
    // 802.1AS-2020 10.2.5.1: without gPTP-capable messages of this domain the port is not capable in it.
    let speaks = net.sent_since(0, 0, MessageType::Signaling);
    assert!(speaks > 20, "each domain says that it is there: {speaks}");
}

#[test]
fn a_domain_that_the_neighbour_does_not_have_stays_incapable() {
    let mut net = Net::new([
        vec![instance(0, None), served(0, 0), served(0, 5)],
        vec![instance(1, None), served(1, 0)],
    ]);
    net.run_for(20 * SECOND);
    assert_eq!(net.hosts[0][1].as_capable(PORT), Some(true));
    assert_eq!(net.hosts[0][2].as_capable(PORT), Some(false));
    assert_eq!(net.hosts[0][2].port_state(PORT), Some(PortState::Listening));
}

#[test]
fn a_link_that_the_service_gives_up_is_given_up_by_all() {
    let mut net = two_domains();
    net.run_for(20 * SECOND);
    net.lost = vec![MessageType::PdelayResp];
    net.run_for(15 * SECOND);
    for domain in 1..3 {
        assert_eq!(net.hosts[1][domain].as_capable(PORT), Some(false));
        assert_eq!(net.hosts[1][domain].port_state(PORT), Some(PortState::Listening));
    }
    net.lost.clear();
    net.run_for(15 * SECOND);
    for domain in 1..3 {
        assert_eq!(net.hosts[1][domain].port_state(PORT), Some(PortState::Slave));
    }
}

#[test]
fn a_service_that_dies_is_missed() {
    let mut net = two_domains();
    net.run_for(20 * SECOND);
    // The service of the second host is gone; the first host's lacks its answers.
    net.hosts[1].remove(0);
    net.run_for(5 * SECOND);
    assert_eq!(net.hosts[1][0].as_capable(PORT), Some(true), "nine may be missing");
    net.run_for(15 * SECOND);
    for host in [0, 1] {
        let engine = net.hosts[host].last().expect("a domain");
        assert_eq!(engine.as_capable(PORT), Some(false), "host {host}");
    }
    assert_eq!(net.hosts[1][0].link_delay(PORT).expect("port 1").mean_link_delay, None);
}

#[test]
fn what_is_told_of_links_counts_for_common_ports_only() {
    let mut net = Net::new([0, 1].map(|host| vec![instance(host, Some(0))]));
    net.run_for(20 * SECOND);
    let before = net.hosts[1][0].link_delay(PORT).expect("port 1");
    let link = ptpd::engine::LinkDelay {
        mean_link_delay: Some(TimeInterval::from_nanos(1)),
        neighbor_rate_ratio: Some(RateOffset(7).ratio()),
        as_capable: false,
    };
    net.hosts[1][0].handle(Instant(net.now), Input::LinkDelay { port: PORT, link });
    assert_eq!(net.hosts[1][0].link_delay(PORT), Some(before));
}

/// Announce at a slower pace than ours must not be missed (10.3.11): its interval counts.
#[test]
fn a_master_that_announces_slowly_is_not_lost() {
    let slow = |host| {
        let mut config = instance(host, Some(0));
        if host == 0 {
            config.ports[0].log_announce_interval = LogInterval(3);
        }
        vec![config]
    };
    let mut net = Net::new([slow(0), slow(1)]);
    net.run_for(60 * SECOND);
    net.events.clear();
    net.run_for(300 * SECOND);
    assert_eq!(net.hosts[1][0].port_state(PORT), Some(PortState::Slave));
    let changed = |e: &ptpd::engine::Event| matches!(e, ptpd::engine::Event::PortState { .. });
    assert!(!net.events.iter().any(|(_, _, e)| changed(e)), "{:?}", net.events);
    // When it announces no more, that is noticed after three of its intervals, counted from the last Announce, and up to
    // one more.
    net.lost = vec![MessageType::Announce];
    net.run_for(16 * SECOND);
    assert_eq!(net.hosts[1][0].port_state(PORT), Some(PortState::Slave));
    net.run_for(17 * SECOND);
    assert_eq!(net.hosts[1][0].port_state(PORT), Some(PortState::Master));
}

/// gPtpCapableReceiptTimeout (10.4.1.2): who stops saying that it is capable is not served any more.
#[test]
fn a_neighbour_that_stops_saying_it_is_capable_is_left() {
    let mut net = Net::new([0, 1].map(|host| vec![instance(host, Some(3))]));
    net.run_for(20 * SECOND);
    assert_eq!(net.hosts[0][0].port_state(PORT), Some(PortState::Master));
    net.lost = vec![MessageType::Signaling];
    net.run_for(8 * SECOND);
    assert_eq!(net.hosts[0][0].as_capable(PORT), Some(true), "nine may be missing");
    net.run_for(3 * SECOND);
    for host in [0, 1] {
        assert_eq!(net.hosts[host][0].as_capable(PORT), Some(false));
        assert_eq!(net.hosts[host][0].port_state(PORT), Some(PortState::Listening));
    }
    let from = net.now;
    net.run_for(5 * SECOND);
    assert_eq!(net.sent_since(from, 0, MessageType::Sync), 0);
    net.lost.clear();
    net.run_for(10 * SECOND);
    assert_eq!(net.hosts[1][0].port_state(PORT), Some(PortState::Slave));
    // Where it is only sent, nobody misses it.
    let sends = |host| {
        let mut config = instance(host, Some(3));
        config.ports[0].gptp.gptp_capable = GptpCapable::Send;
        assert_eq!(config.ports[0].gptp.as_capable, AsCapable::Measured);
        vec![config]
    };
    let mut net = Net::new([sends(0), sends(1)]);
    net.lost = vec![MessageType::Signaling];
    net.run_for(30 * SECOND);
    assert_eq!(net.hosts[1][0].port_state(PORT), Some(PortState::Slave));
}
