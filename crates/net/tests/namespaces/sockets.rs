//! Real sockets over a veth pair: every transport, both classes, stamps that find their tokens.

use crate::common::{Side, in_namespaces, ip, next, now, silent, stamp, warm_up};
use ptp_net::{
    Address, Destination, Interface, MessageClass, NetError, SocketOptions, StampRequest, Stamping, Transport,
};

const EVENT: MessageClass = MessageClass::Event;
const GENERAL: MessageClass = MessageClass::General;
const TRANSPORTS: [Transport; 3] = [Transport::UdpIpv4, Transport::UdpIpv6, Transport::Ethernet];

/// An event message (Sync), or a general one (Announce), that can be told from the others.
fn message(class: MessageClass, number: u8) -> Vec<u8> {
    let first = if class == EVENT { 0x00 } else { 0x0b };
    let mut v = vec![first, 0x12];
    v.resize(if class == EVENT { 44 } else { 64 }, 0);
    v[31] = number;
    v
}

fn left(transport: Transport) -> SocketOptions {
    SocketOptions::new("left", transport)
}

fn right(transport: Transport) -> SocketOptions {
    SocketOptions::new("right", transport)
}

fn request(token: u64) -> Option<StampRequest> {
    Some(StampRequest { token, deadline: 1000 })
}

/// The octets that a transport adds behind a message.
fn tail(transport: Transport) -> usize {
    if transport == Transport::UdpIpv6 { 2 } else { 0 }
}

#[test]
fn multicast_reaches_the_other_side_stamped_at_both_ends() {
    in_namespaces("sockets::multicast_reaches_the_other_side_stamped_at_both_ends", |net| {
        for transport in TRANSPORTS {
            let mut a = net.open(Side::Left, &left(transport)).expect("left");
            let mut b = net.open(Side::Right, &right(transport)).expect("right");
            warm_up(&mut a, &mut b);
            let (warm_a, warm_b) = (a.counters(), b.counters());
            for (token, destination) in [(7, Destination::Primary), (8, Destination::PeerDelay)] {
                let before = now();
                let sent = message(EVENT, token as u8);
                a.send(EVENT, destination, &sent, request(token)).expect("sent");
                let out = match a.completion_after_send().expect("a working socket") {
                    Some(out) => out,
                    None => stamp(&mut a),
                };
                let got = next(&mut b, EVENT);
                let after = now();
                assert_eq!(out.token, token, "{transport}");
                let arrival = got.stamp.expect("software stamps work on veth");
                let order = [before, out.stamp.nanos(), arrival, after];
                assert!(order.is_sorted(), "{transport}: {order:?}");
                assert_eq!(got.octets[..44], sent, "{transport}");
                assert_eq!(got.octets.len(), 44 + tail(transport), "{transport}");

                a.send(GENERAL, destination, &message(GENERAL, 9), None).expect("sent");
                let got = next(&mut b, GENERAL);
                assert_eq!(
                    (got.octets[..64].to_vec(), got.stamp),
                    (message(GENERAL, 9), None),
                    "{transport}"
                );
                silent(&mut b, EVENT);
            }
            silent(&mut a, EVENT);
            silent(&mut a, GENERAL);
            assert_eq!(a.counters().stamps - warm_a.stamps, 2, "{transport}");
            assert_eq!((a.counters().stamps_stale, a.counters().send_errors), (0, 0), "{transport}");
            assert_eq!(b.counters().unstamped, warm_b.unstamped, "{transport}");
        }
    });
}

#[test]
fn unicast_goes_to_where_the_sender_is() {
    in_namespaces("sockets::unicast_goes_to_where_the_sender_is", |net| {
        for transport in TRANSPORTS {
            let mut a = net.open(Side::Left, &left(transport)).expect("left");
            let mut b = net.open(Side::Right, &right(transport)).expect("right");
            a.send(EVENT, Destination::Primary, &message(EVENT, 1), None).expect("sent");
            let (from, mac) = {
                let side = net.enter(Side::Left, || Interface::query("left")).expect("it is there");
                (side.ipv4.clone(), side.mac.expect("veth has one"))
            };
            assert_eq!(from, ["192.0.2.1".parse::<std::net::Ipv4Addr>().expect("an address")]);
            // Wait for the first one, take the address it came from, answer there.
            let got = next(&mut b, EVENT);
            let source = match transport {
                Transport::UdpIpv4 => Address::Ipv4(got.source.parse().expect("an IPv4 address")),
                Transport::UdpIpv6 => Address::Ipv6(got.source.parse().expect("an IPv6 address")),
                Transport::Ethernet => Address::Ethernet(mac),
            };
            assert_eq!(source.to_string(), got.source);
            b.send(EVENT, Destination::Unicast(source), &message(EVENT, 2), request(5)).expect("sent");
            b.send(GENERAL, Destination::Unicast(source), &message(GENERAL, 3), None).expect("sent");
            assert_eq!(stamp(&mut b).token, 5);
            assert_eq!(next(&mut a, EVENT).octets[31], 2);
            assert_eq!(next(&mut a, GENERAL).octets[31], 3);

            let foreign = if transport == Transport::UdpIpv4 {
                Address::Ethernet(mac)
            } else {
                Address::Ipv4(std::net::Ipv4Addr::LOCALHOST)
            };
            let refused = a.send(EVENT, Destination::Unicast(foreign), &message(EVENT, 1), request(9));
            assert!(matches!(refused, Err(NetError::WrongAddress { .. })), "{refused:?}");
            let refused = a.send(EVENT, Destination::Primary, &[0; 1501], request(9));
            assert!(matches!(refused, Err(NetError::MessageLength { length: 1501 })), "{refused:?}");
            assert_eq!(a.next_deadline(), None);
        }
    });
}

#[test]
fn many_outstanding_stamps_find_their_tokens() {
    in_namespaces("sockets::many_outstanding_stamps_find_their_tokens", |net| {
        for transport in TRANSPORTS {
            let mut a = net.open(Side::Left, &left(transport)).expect("left");
            // Equal messages: only the kernel's numbers tell them apart. Some nobody asked for are between.
            for token in 100..140 {
                let wanted = if token % 4 == 0 { None } else { request(token) };
                a.send(EVENT, Destination::Primary, &message(EVENT, 0), wanted).expect("sent");
            }
            let mut last = 0;
            for token in (100..140).filter(|t| t % 4 != 0) {
                let got = stamp(&mut a);
                assert_eq!(got.token, token, "{transport}");
                assert!(got.stamp.nanos() >= last, "{transport}");
                last = got.stamp.nanos();
            }
            assert_eq!((a.next_deadline(), a.expire(u64::MAX)), (None, None));
            assert_eq!((a.counters().stamps, a.counters().stamps_stale), (30, 10), "{transport}");
        }
    });
}

#[test]
fn stamps_are_right_again_after_failed_transmissions() {
    in_namespaces("sockets::stamps_are_right_again_after_failed_transmissions", |net| {
        for transport in TRANSPORTS {
            let mut a = net.open(Side::Left, &left(transport)).expect("left");
            for token in 0..3 {
                a.send(EVENT, Destination::Primary, &message(EVENT, 1), request(token)).expect("sent");
                assert_eq!(stamp(&mut a).token, token);
            }
            a.send(EVENT, Destination::Primary, &message(EVENT, 1), request(77)).expect("sent");
            net.enter(Side::Left, || ip("link set left down"));
            let failed = a.send(EVENT, Destination::Primary, &message(EVENT, 2), request(78));
            assert!(failed.is_err(), "{transport}");
            assert_eq!(a.counters().send_errors, 1);
            assert_eq!((a.expire(0), a.expire(0)), (Some(77), None), "{transport}");

            net.enter(Side::Left, || {
                ip("link set left up");
                ip("-6 address replace fd00::1/64 dev left nodad");
            });
            // An IPv6 link needs a moment for its own address.
            let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
            let mut token = 200;
            while let Err(e) = a.send(EVENT, Destination::Primary, &message(EVENT, 3), request(token)) {
                assert!(std::time::Instant::now() < end, "{transport}: {e}");
                std::thread::sleep(std::time::Duration::from_millis(50));
                token += 1;
            }
            assert_eq!(stamp(&mut a).token, token, "{transport}");
            a.send(EVENT, Destination::Primary, &message(EVENT, 4), request(300)).expect("sent");
            a.send(EVENT, Destination::Primary, &message(EVENT, 5), request(301)).expect("sent");
            assert_eq!([stamp(&mut a).token, stamp(&mut a).token], [300, 301], "{transport}");
            // What the socket itself remembers of the dead link must not keep poll busy for ever.
            while a.completion().expect("a working socket").is_some() {}
            let events = crate::common::wait_briefly(a.fd(EVENT));
            assert!(events.is_empty(), "{transport}: {events:?}");
        }
    });
}

#[test]
fn a_peer_without_sockets_does_no_harm() {
    in_namespaces("sockets::a_peer_without_sockets_does_no_harm", |net| {
        let mut a = net.open(Side::Left, &left(Transport::UdpIpv4)).expect("left");
        let nobody = Destination::Unicast(Address::Ipv4("192.0.2.2".parse().expect("an address")));
        for token in 0..5 {
            a.send(EVENT, nobody, &message(EVENT, 1), request(token)).expect("sent");
            assert_eq!(stamp(&mut a).token, token);
            silent(&mut a, EVENT);
        }
    });
}

#[test]
fn two_programs_share_the_ports() {
    in_namespaces("sockets::two_programs_share_the_ports", |net| {
        for transport in TRANSPORTS {
            let mut a = net.open(Side::Left, &left(transport)).expect("left");
            let mut first = net.open(Side::Right, &right(transport)).expect("right");
            let mut second = net.open(Side::Right, &right(transport)).expect("right again");
            a.send(EVENT, Destination::Primary, &message(EVENT, 1), None).expect("sent");
            assert_eq!(next(&mut first, EVENT).octets[31], 1);
            assert_eq!(next(&mut second, EVENT).octets[31], 1);
        }
    });
}

#[test]
fn other_groups_can_be_chosen() {
    in_namespaces("sockets::other_groups_can_be_chosen", |net| {
        let group = Address::Ethernet([0x01, 0x80, 0xc2, 0, 0, 0x0e]);
        let wider = SocketOptions::ipv6_group(5);
        for (transport, primary) in [(Transport::Ethernet, group), (Transport::UdpIpv6, wider)] {
            let mut a = net.open(Side::Left, &SocketOptions { primary, ..left(transport) }).expect("left");
            let mut b = net.open(Side::Right, &SocketOptions { primary, ..right(transport) }).expect("right");
            let mut other = net.open(Side::Right, &right(transport)).expect("right");
            a.send(EVENT, Destination::Primary, &message(EVENT, 1), None).expect("sent");
            assert_eq!(next(&mut b, EVENT).octets[31], 1);
            if transport == Transport::UdpIpv6 {
                silent(&mut other, EVENT);
            }
        }
        let wrong = SocketOptions { primary: group, ..left(Transport::UdpIpv4) };
        assert!(matches!(net.open(Side::Left, &wrong), Err(NetError::WrongAddress { .. })));
    });
}

#[test]
fn vlan_tags_and_trailers_are_tolerated() {
    in_namespaces("sockets::vlan_tags_and_trailers_are_tolerated", |net| {
        let mut a = net.open(Side::Left, &left(Transport::Ethernet)).expect("left");
        let mut b = net.open(Side::Right, &right(Transport::Ethernet)).expect("right");
        warm_up(&mut a, &mut b);
        // A PRP trailer behind the message.
        let mut with_trailer = message(EVENT, 1);
        with_trailer.extend([0, 1, 0xa0, 0x32, 0x88, 0xfb]);
        a.send(EVENT, Destination::Primary, &with_trailer, request(1)).expect("sent");
        assert_eq!(stamp(&mut a).token, 1);
        assert_eq!(next(&mut b, EVENT).octets, with_trailer);

        // Priority-tagged (VLAN 0) and tagged frames, from a socket that sends what it is given.
        let raw = net.enter(Side::Left, || crate::common::Capture::open("left"));
        let mac = net
            .enter(Side::Left, || Interface::query("left"))
            .expect("it is there")
            .mac
            .expect("veth has one");
        for (vlan, class) in [(0, EVENT), (5, EVENT), (0, GENERAL), (5, GENERAL)] {
            let mut frame = vec![0x01, 0x1b, 0x19, 0, 0, 0];
            frame.extend(mac);
            frame.extend([0x81, 0, 0xa0, vlan, 0x88, 0xf7]);
            frame.extend(message(class, vlan));
            raw.send(&frame);
            let got = next(&mut b, class);
            assert_eq!((got.octets, got.stamp.is_some()), (message(class, vlan), class == EVENT));
        }
    });
}

#[test]
fn what_is_missing_is_said() {
    in_namespaces("sockets::what_is_missing_is_said", |net| {
        let absent = SocketOptions::new("absent", Transport::UdpIpv4);
        assert!(
            matches!(net.open(Side::Left, &absent), Err(NetError::NoInterface { interface }) if interface == "absent")
        );
        let hardware = SocketOptions { stamping: Stamping::Hardware, ..left(Transport::UdpIpv4) };
        assert!(matches!(net.open(Side::Left, &hardware), Err(NetError::NoStamping { .. })));
        net.enter(Side::Left, || ip("address flush dev left"));
        assert!(matches!(net.open(Side::Left, &left(Transport::UdpIpv4)), Err(NetError::NoAddress { .. })));

        for (transport, name) in
            [(Transport::UdpIpv4, "CAP_NET_BIND_SERVICE"), (Transport::Ethernet, "CAP_NET_RAW")]
        {
            let refused = net.enter(Side::Right, || {
                crate::common::drop_capabilities();
                ptp_net::PortSockets::open(&right(transport)).expect_err("without privileges")
            });
            assert!(matches!(refused, NetError::Privilege { .. }), "{refused:?}");
            let text = refused.to_string();
            assert!(
                text.contains(name) && text.contains("setcap") && text.contains("AmbientCapabilities"),
                "{text}"
            );
        }
    });
}

#[test]
fn messages_do_not_leave_the_link_unless_told() {
    in_namespaces("sockets::messages_do_not_leave_the_link_unless_told", |net| {
        for transport in [Transport::UdpIpv4, Transport::UdpIpv6] {
            let options = SocketOptions { ttl: 9, dscp_event: 46, ..left(transport) };
            let mut a = net.open(Side::Left, &options).expect("left");
            let seen = |destination, sockets: &mut ptp_net::PortSockets| {
                let capture = net.enter(Side::Right, || crate::common::Capture::open("right"));
                sockets.send(EVENT, destination, &message(EVENT, 1), None).expect("sent");
                capture.hops_and_class(transport)
            };
            assert_eq!(seen(Destination::Primary, &mut a), (9, 46 << 2), "{transport}");
            assert_eq!(seen(Destination::PeerDelay, &mut a), (1, 46 << 2), "{transport}");
        }
    });
}

#[test]
fn whole_frames_find_their_tokens_where_the_kernel_has_no_numbers() {
    in_namespaces("sockets::whole_frames_find_their_tokens_where_the_kernel_has_no_numbers", |net| {
        for transport in TRANSPORTS {
            let mut a = net.open(Side::Left, &left(transport)).expect("left");
            crate::common::stamp_with_whole_frames(a.fd(EVENT));
            for token in 1..6 {
                a.send(EVENT, Destination::Primary, &message(EVENT, token), request(token.into()))
                    .expect("sent");
            }
            for token in 1..6 {
                assert_eq!(stamp(&mut a).token, token, "{transport}");
            }
            assert_eq!((a.counters().stamps, a.counters().stamps_stale), (5, 0), "{transport}");
        }
    });
}

#[test]
fn messages_and_stamps_cost_no_allocation() {
    in_namespaces("sockets::messages_and_stamps_cost_no_allocation", |net| {
        for transport in TRANSPORTS {
            let mut a = net.open(Side::Left, &left(transport)).expect("left");
            let mut b = net.open(Side::Right, &right(transport)).expect("right");
            let (event, general) = (message(EVENT, 1), message(GENERAL, 2));
            let count = allocation_counter::measure(|| {
                for token in 0..50 {
                    a.send(EVENT, Destination::Primary, &event, request(token)).expect("sent");
                    a.send(GENERAL, Destination::Primary, &general, None).expect("sent");
                    let _ = a.completion_after_send().expect("a working socket");
                    for class in [EVENT, GENERAL] {
                        let ready = crate::common::wait(b.fd(class), nix::poll::PollFlags::POLLIN);
                        assert!(!ready.is_empty());
                        assert!(b.receive(class).expect("a working socket").is_some());
                    }
                    let _ = a.expire(0);
                }
            });
            assert_eq!(count.count_total, 0, "{transport}");
            assert!(a.counters().stamps > 0, "{transport}");
        }
    });
}
