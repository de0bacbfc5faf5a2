//! A relaying port between two real hosts: it hears what is for others, and sends it on as it came.

use ptp_net::{
    Address, Destination, Interface, MessageClass, PortSockets, SocketOptions, StampRequest, Transport,
};

use crate::common::{Side, in_namespaces, ip, next, silent, stamp, wait};

const EVENT: MessageClass = MessageClass::Event;
const GENERAL: MessageClass = MessageClass::General;
/// Nobody's address, on the link of the two.
const STRANGER: [u8; 6] = [2, 0, 0, 0, 0, 0x77];

fn sync(number: u8) -> Vec<u8> {
    let mut v = vec![0x00, 0x12];
    v.resize(44, 0);
    v[31] = number;
    v
}

fn relay(transport: Transport) -> SocketOptions {
    SocketOptions { relay: true, ..SocketOptions::new("right", transport) }
}

/// What the relaying port heard: headers, to whom, stamped.
fn heard(sockets: &mut PortSockets, class: MessageClass) -> (Vec<u8>, Option<Address>, Vec<u8>, bool) {
    loop {
        assert!(
            !wait(sockets.fd(class), nix::poll::PollFlags::POLLIN).is_empty(),
            "{:?}",
            sockets.counters()
        );
        if let Some(rx) = sockets.receive(class).expect("a working socket") {
            let (headers, to) = match rx.passing {
                Some(p) => (p.headers.to_vec(), Some(p.destination)),
                None => (Vec::new(), None),
            };
            return (headers, to, rx.octets.to_vec(), rx.stamp.is_some());
        }
    }
}

#[test]
fn what_is_for_others_is_heard_and_sent_on_as_it_came() {
    in_namespaces("relay::what_is_for_others_is_heard_and_sent_on_as_it_came", |net| {
        let mac = net.enter(Side::Right, || Interface::query("right").expect("there").mac.expect("veth"));
        for transport in [Transport::UdpIpv4, Transport::UdpIpv6, Transport::Ethernet] {
            let mut a = net.open(Side::Left, &SocketOptions::new("left", transport)).expect("left");
            let mut b = net.open(Side::Right, &relay(transport)).expect("right");
            let (stranger, own) = match transport {
                Transport::UdpIpv4 => {
                    (Address::Ipv4([192, 0, 2, 77].into()), Address::Ipv4([192, 0, 2, 2].into()))
                }
                Transport::UdpIpv6 => (
                    Address::Ipv6("fd00::77".parse().expect("an address")),
                    Address::Ipv6("fd00::2".parse().expect("an address")),
                ),
                Transport::Ethernet => (Address::Ethernet(STRANGER), Address::Ethernet(mac)),
            };
            if let Address::Ipv4(_) | Address::Ipv6(_) = stranger {
                net.enter(Side::Left, || {
                    ip(&format!("neigh replace {stranger} lladdr 02:00:00:00:00:77 dev left"));
                });
            }
            assert!(b.relays() && !a.relays());
            // To a group, to a stranger, to the relaying host itself.
            a.send(EVENT, Destination::Primary, &sync(1), None).expect("sent");
            let (group_headers, to, octets, _) = heard(&mut b, EVENT);
            assert_eq!((to, &octets[..44]), (Some(SocketOptions::new("x", transport).primary), &sync(1)[..]));
            a.send(EVENT, Destination::Unicast(stranger), &sync(2), None).expect("sent");
            let (headers, to, octets, stamped) = heard(&mut b, EVENT);
            assert_eq!((to, &octets[..44], stamped), (Some(stranger), &sync(2)[..], true), "{transport}");
            a.send(GENERAL, Destination::Unicast(own), &[0x0d; 60], None).expect("sent");
            let (none, to, _, _) = heard(&mut b, GENERAL);
            assert_eq!((none.len(), to), (0, None), "{transport}");
            silent(&mut b, EVENT);

            // The other way: as if it had come from the stranger, to the group and to the one host there.
            let mut on = group_headers.clone();
            on[6..12].copy_from_slice(&STRANGER);
            match transport {
                Transport::UdpIpv4 => on[26..30].copy_from_slice(&[192, 0, 2, 77]),
                Transport::UdpIpv6 => on[37] = 0x77,
                Transport::Ethernet => {}
            }
            let request = Some(StampRequest { token: 9, deadline: 0 });
            b.send_on(EVENT, &on, &sync(3), request).expect("sent");
            let out = match b.completion_after_send().expect("a working socket") {
                Some(out) => out,
                None => stamp(&mut b),
            };
            assert_eq!(out.token, 9);
            let got = next(&mut a, EVENT);
            assert_eq!(&got.octets[..44], sync(3), "{transport}");
            if transport != Transport::UdpIpv6 {
                assert_eq!(got.source, stranger.to_string(), "its address survives");
            }
            assert!(headers.len() >= 14);
            // And what the relaying host says itself, to the group and to who has spoken to it.
            b.send(GENERAL, Destination::Primary, &[0x0b; 64], None).expect("sent");
            assert_eq!(next(&mut a, GENERAL).octets[..64], [0x0b; 64]);
            if transport != Transport::UdpIpv6 {
                let left =
                    match transport {
                        Transport::UdpIpv4 => Address::Ipv4([192, 0, 2, 1].into()),
                        _ => Address::Ethernet(net.enter(Side::Left, || {
                            Interface::query("left").expect("there").mac.expect("veth")
                        })),
                    };
                b.send(GENERAL, Destination::Unicast(left), &[0x0d; 60], None).expect("it is known");
                assert_eq!(next(&mut a, GENERAL).octets[..60], [0x0d; 60]);
            }
        }
    });
}

#[test]
fn messages_of_a_vlan_are_not_taken_for_the_links_own() {
    in_namespaces("relay::messages_of_a_vlan_are_not_taken_for_the_links_own", |net| {
        let mut b = net.open(Side::Right, &relay(Transport::Ethernet)).expect("right");
        let raw = net.enter(Side::Left, || crate::common::Capture::open("left"));
        let frame = |vlan: u8| {
            let mut frame = vec![0x01, 0x1b, 0x19, 0, 0, 0, 2, 0, 0, 0, 0, 0x77];
            frame.extend([0x81, 0, 0xa0, vlan, 0x88, 0xf7, 0x0b, 0x12]);
            frame.resize(18 + 64, vlan);
            frame
        };
        raw.send(&frame(5));
        silent(&mut b, GENERAL);
        // A tag with a priority and no VLAN.
        raw.send(&frame(0));
        let (headers, to, octets, _) = heard(&mut b, GENERAL);
        assert_eq!((headers.len(), to.is_some(), octets.len()), (14, true, 64));
    });
}
