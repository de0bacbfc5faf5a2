//! Unicast messages by packet sockets, under the kernel's own headers ([`SocketOptions::direct`]).

use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use ptp_net::{
    Destination, MessageClass, NetError, PortSockets, SocketOptions, StampRequest, Transport, TxStamp,
};

use super::common::*;

const EVENT: MessageClass = MessageClass::Event;
const GENERAL: MessageClass = MessageClass::General;
const PATIENCE: Duration = Duration::from_secs(20);

fn options() -> SocketOptions {
    let mut options = SocketOptions::new("left", Transport::UdpIpv4);
    (options.batch, options.direct, options.dscp_event) = (true, true, 46);
    options.max_outstanding = 1000;
    options
}

fn to_right() -> Destination {
    Destination::Unicast(ptp_net::Address::Ipv4([192, 0, 2, 2].into()))
}

/// A Sync or a Follow_Up.
fn message(class: MessageClass, number: u8) -> Vec<u8> {
    let mut v = vec![if class == EVENT { 0x00 } else { 0x08 }, 0x12];
    v.resize(44, 0);
    v[31] = number;
    v
}

/// Sends one and takes all stamps that come with it.
fn send(a: &mut PortSockets, class: MessageClass, number: u8) -> Result<Vec<TxStamp>, NetError> {
    let request = (class == EVENT).then_some(StampRequest { token: number.into(), deadline: u64::MAX });
    a.send(class, to_right(), &message(class, number), request)?;
    a.flush()?;
    let mut stamps = Vec::new();
    if class == EVENT {
        let end = Instant::now() + PATIENCE;
        while stamps.is_empty() {
            a.completions(|stamp| stamps.push(stamp))?;
            assert!(Instant::now() < end, "no stamp comes: {:?}", a.counters());
        }
    }
    Ok(stamps)
}

/// Sends until a message of this class has left directly: the answer to an earlier one has told how.
fn send_until_direct(a: &mut PortSockets, class: MessageClass) {
    let (end, before) = (Instant::now() + PATIENCE, a.counters().sent_directly);
    while a.counters().sent_directly == before {
        let _ = send(a, class, 0);
        assert!(Instant::now() < end, "nothing leaves directly: {:?}", a.counters());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The number of the next message that arrives; `None`: there is none now.
fn arrived(b: &mut PortSockets, class: MessageClass) -> Option<u8> {
    let got = b.receive(class).expect("a working socket")?;
    Some(got.octets[31])
}

fn empty(b: &mut PortSockets) {
    for class in [EVENT, GENERAL] {
        while wait_briefly(b.fd(class)).contains(PollFlags::POLLIN) {
            arrived(b, class);
        }
    }
}

#[test]
fn what_leaves_directly_is_what_the_kernel_would_send_and_comes_stamped() {
    in_namespaces("direct::what_leaves_directly_is_what_the_kernel_would_send_and_comes_stamped", |net| {
        let mut a = net.open(Side::Left, &options()).expect("left");
        let mut b = net.open(Side::Right, &SocketOptions::new("right", Transport::UdpIpv4)).expect("right");
        assert!(a.sends_directly());
        // The kernel resolves the neighbour first, and stamps a moment after it was asked to.
        for class in [EVENT, GENERAL] {
            send_until_direct(&mut a, class);
        }
        empty(&mut b);
        for class in [EVENT, GENERAL] {
            let capture = net.enter(Side::Right, || Frames::open("right"));
            let before = a.counters();
            let mut direct = (None, None);
            // Longer than the headers are good for: some go the one way, some the other.
            let end = Instant::now() + PATIENCE;
            let mut number = 0u8;
            while direct.0.is_none() || direct.1.is_none() {
                number = number.wrapping_add(1);
                let (count, begin) = (a.counters().sent_directly, now());
                let stamps = send(&mut a, class, number).expect("sent");
                let is_direct = a.counters().sent_directly > count;
                let got = next(&mut b, class);
                assert_eq!(got.octets, message(class, number), "a right checksum, too");
                assert_eq!(got.source, "192.0.2.1");
                if class == EVENT {
                    assert_eq!(stamps.len(), 1);
                    assert_eq!(stamps[0].token, u64::from(number));
                    let order = [begin, stamps[0].stamp.nanos(), got.stamp.expect("stamped"), now()];
                    assert!(order.is_sorted(), "{order:?}");
                }
                let frame = capture.of(&message(class, number));
                let place = if is_direct { &mut direct.1 } else { &mut direct.0 };
                *place = Some(frame[..40].to_vec());
                assert!(Instant::now() < end, "{:?}", a.counters());
                std::thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(direct.0, direct.1, "all but the checksum, which a card may fill in, is the same");
            let after = a.counters();
            let quiet = (after.stamps_stale, after.stamps_lost, after.send_errors, after.network_errors);
            assert_eq!(quiet, (before.stamps_stale, 0, before.send_errors, 0));
        }
        // Many at a time keep their tokens.
        for number in 0..150 {
            let request = StampRequest { token: number, deadline: u64::MAX };
            a.send(EVENT, to_right(), &message(EVENT, number as u8), Some(request)).expect("sent");
        }
        a.flush().expect("sent");
        let mut tokens = Vec::new();
        let end = Instant::now() + PATIENCE;
        while tokens.len() < 150 && Instant::now() < end {
            a.completions(|stamp| tokens.push(stamp.token)).expect("a working socket");
        }
        tokens.sort_unstable();
        assert_eq!(tokens, (0..150).collect::<Vec<_>>());
        // Other destinations than one host's are none of it.
        let count = a.counters().sent_directly;
        a.send(EVENT, Destination::Primary, &message(EVENT, 1), None).expect("sent");
        a.flush().expect("sent");
        assert_eq!(a.counters().sent_directly, count);
    });
}

#[test]
fn a_neighbour_that_moves_is_found_again() {
    in_namespaces("direct::a_neighbour_that_moves_is_found_again", |net| {
        let mut a = net.open(Side::Left, &options()).expect("left");
        let mut b = net.open(Side::Right, &SocketOptions::new("right", Transport::UdpIpv4)).expect("right");
        for class in [EVENT, GENERAL] {
            send_until_direct(&mut a, class);
        }
        let mac = "02:00:5e:00:53:07";
        net.enter(Side::Right, || ip(&format!("link set right address {mac}")));
        empty(&mut b);
        send(&mut a, EVENT, 1).expect("sent to where it was");
        net.enter(Side::Left, || ip(&format!("neighbour replace 192.0.2.2 lladdr {mac} dev left")));
        for class in [EVENT, GENERAL] {
            let (end, before) = (Instant::now() + PATIENCE, a.counters().sent_directly);
            // Not only the ordinary ones: those that leave directly, too.
            let mut heard_directly = false;
            while !heard_directly {
                let count = a.counters().sent_directly;
                send(&mut a, class, 2).expect("sent");
                let is_direct = a.counters().sent_directly > count;
                heard_directly = is_direct
                    && wait_briefly(b.fd(class)).contains(PollFlags::POLLIN)
                    && arrived(&mut b, class) == Some(2);
                empty(&mut b);
                assert!(Instant::now() < end, "{:?}, before {before}", a.counters());
            }
        }
    });
}

#[test]
fn what_the_firewall_refuses_ends_and_begins_again() {
    in_namespaces("direct::what_the_firewall_refuses_ends_and_begins_again", |net| {
        if net.enter(Side::Left, || nft("add table ip t")).is_err() {
            assert!(std::env::var("CI").is_err(), "CI needs nft and nf_tables");
            println!("skipped: needs nft, and nf_tables in the kernel");
            return;
        }
        let mut a = net.open(Side::Left, &options()).expect("left");
        for class in [EVENT, GENERAL] {
            send_until_direct(&mut a, class);
        }
        net.enter(Side::Left, || {
            nft("add chain ip t out { type filter hook output priority 0; }").expect("a chain");
            nft("add rule ip t out udp dport { 319, 320 } drop").expect("a rule");
        });
        for class in [EVENT, GENERAL] {
            let end = Instant::now() + PATIENCE;
            let errors = a.counters().send_errors;
            while send(&mut a, class, 3).is_ok() {
                assert!(Instant::now() < end, "it goes on and on: {:?}", a.counters());
                std::thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(a.counters().send_errors, errors + 1, "and is counted");
            let count = a.counters().sent_directly;
            for _ in 0..10 {
                assert!(send(&mut a, class, 4).is_err());
            }
            assert_eq!(a.counters().sent_directly, count, "nothing leaves by the side door");
        }
        net.enter(Side::Left, || nft("delete table ip t")).expect("as before");
        for class in [EVENT, GENERAL] {
            send_until_direct(&mut a, class);
        }
        let stamps = send(&mut a, EVENT, 5).expect("sent");
        assert_eq!(stamps.iter().map(|s| s.token).collect::<Vec<_>>(), [5], "numbers agree again");
    });
}

#[test]
fn other_transports_and_ports_send_the_ordinary_way() {
    in_namespaces("direct::other_transports_and_ports_send_the_ordinary_way", |net| {
        for transport in [Transport::UdpIpv6, Transport::Ethernet] {
            let mut other = SocketOptions::new("left", transport);
            (other.batch, other.direct) = (true, true);
            assert!(!net.open(Side::Left, &other).expect("left").sends_directly(), "{transport}");
        }
        let mut single = options();
        single.batch = false;
        assert!(!net.open(Side::Left, &single).expect("left").sends_directly());
        let mut off = options();
        off.direct = false;
        let mut a = net.open(Side::Left, &off).expect("left");
        for number in 0..10 {
            send(&mut a, EVENT, number).expect("sent");
            send(&mut a, GENERAL, number).expect("sent");
        }
        assert_eq!((a.sends_directly(), a.counters().sent_directly), (false, 0));
    });
}
