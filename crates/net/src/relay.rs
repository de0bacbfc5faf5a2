//! Frames as a transparent clock sees them: whole, whoever they are for, and sent on with the addresses they came with.
//!
//! A packet socket takes every PTP message of its transport that reaches the interface, to groups and to other hosts
//! (the interface is made promiscuous for that), but none of a VLAN: those belong to the VLAN's own interface.

use std::cell::RefCell;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;

use socket2::{SockFilter, Socket};

use crate::ethernet;
use crate::interface::Interface;
use crate::name::{LinkName, Name};
use crate::sys;
use crate::{Address, Capability, MessageClass, NetError, SocketOptions, Transport};

/// Every EtherType: also what a kernel bridge would take away.
const ETH_P_ALL: u16 = 0x0003;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const UDP: u8 = 17;
const PACKET_ADD_MEMBERSHIP: i32 = 1;
const PACKET_MR_PROMISC: u16 = 1;
const PACKET_IGNORE_OUTGOING: i32 = 23;
const ETHERNET_HEADER: usize = ethernet::HEADER;
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
const UDP_HEADER: usize = 8;
/// The longest headers.
pub(crate) const MAX_HEADERS: usize = ETHERNET_HEADER + IPV6_HEADER + UDP_HEADER;
/// Hosts that have spoken to this one, and may get an answer.
const NEIGHBOURS: usize = 32;
/// Hop limit of unicast messages of our own.
const UNICAST_TTL: u8 = 64;

/// What a port knows that sends its own headers.
#[derive(Debug)]
pub(crate) struct Relay {
    mac: [u8; 6],
    ipv4: Ipv4Addr,
    ipv6: Ipv6Addr,
    own: Vec<Address>,
    neighbours: RefCell<Neighbours>,
    ttl: u8,
    traffic_class: u8,
}

/// Who has spoken to this host: a ring.
#[derive(Debug)]
struct Neighbours {
    list: Vec<(Address, [u8; 6])>,
    next: usize,
}

/// Headers on their way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Headers {
    octets: [u8; MAX_HEADERS],
    length: usize,
}

impl Headers {
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    /// The Ethernet address they lead to.
    pub(crate) fn destination(&self) -> Option<[u8; 6]> {
        self.as_slice().first_chunk().copied()
    }

    fn of(octets: &[u8]) -> Option<Self> {
        let mut headers = Self { octets: [0; MAX_HEADERS], length: octets.len() };
        headers.octets.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(headers)
    }

    fn push(&mut self, octets: &[u8]) {
        for octet in octets {
            if let Some(place) = self.octets.get_mut(self.length) {
                *place = *octet;
                self.length += 1;
            }
        }
    }

    fn put(&mut self, at: usize, value: u16) {
        if let Some(field) = self.octets.get_mut(at..at + 2) {
            field.copy_from_slice(&value.to_be_bytes());
        }
    }
}

/// A frame taken apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Frame<'a> {
    pub(crate) headers: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) from: [u8; 6],
    pub(crate) to: [u8; 6],
}

pub(crate) fn open(
    options: &SocketOptions,
    interface: &Interface,
    class: MessageClass,
) -> Result<Socket, NetError> {
    let name = interface.name.as_str();
    let fail = |action| move |e| NetError::os(action, name, None, e);
    // Protocol 0: nothing arrives before the filter and the interface are set.
    let socket = sys::socket(libc::AF_PACKET, libc::SOCK_RAW, 0)
        .map_err(|e| NetError::os("open a packet socket", name, Some(Capability::NetRaw), e))?;
    socket
        .attach_filter(&filter(options.transport, class))
        .map_err(fail("tell event from general messages"))?;
    // Older kernels do not know it; the filter sees to it, too.
    let _ = sys::set_int(socket.as_fd(), libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    sys::bind(socket.as_fd(), &Name::link(ETH_P_ALL, interface.index, [0; 6]))
        .map_err(fail("bind a packet socket to the interface"))?;
    // struct packet_mreq: index, type, length of address, address (8).
    let mut membership = [0u8; 16];
    let fields = interface.index.to_ne_bytes().into_iter().chain(PACKET_MR_PROMISC.to_ne_bytes());
    for (to, from) in membership.iter_mut().zip(fields) {
        *to = from;
    }
    sys::set_option(socket.as_fd(), libc::SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership)
        .map_err(fail("hear what is for other hosts"))?;
    Ok(socket)
}

/// A program for the kernel (classic BPF): received, of no VLAN (a priority tag is none), PTP of this transport and class. Fragments and IP
/// headers with options are not PTP's.
fn filter(transport: Transport, class: MessageClass) -> Vec<SockFilter> {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_SET: u16 = 0x45;
    const AND: u16 = 0x54;
    const RETURN: u16 = 0x06;
    /// SKF_AD_OFF + SKF_AD_PKTTYPE, SKF_AD_OFF + SKF_AD_VLAN_TAG.
    const PACKET_TYPE: u32 = 0xffff_f004;
    const VLAN_TAG: u32 = 0xffff_f02c;
    let port = u32::from(class.udp_port());
    // What is loaded, by which width, the mask over it, and what it must be.
    let udp4 = [
        (LOAD_HALF, 12, 0xffff, u32::from(IPV4)),
        (LOAD_BYTE, 14, 0xff, 0x45),
        (LOAD_BYTE, 23, 0xff, u32::from(UDP)),
        (LOAD_HALF, 20, 0x3fff, 0),
        (LOAD_HALF, 36, 0xffff, port),
    ];
    let udp6 = [
        (LOAD_HALF, 12, 0xffff, u32::from(IPV6)),
        (LOAD_BYTE, 20, 0xff, u32::from(UDP)),
        (LOAD_HALF, 56, 0xffff, port),
    ];
    let ethernet = [(LOAD_HALF, 12, 0xffff, u32::from(ethernet::PROTOCOL))];
    let conditions: &[(u16, u32, u32, u32)] = match transport {
        Transport::UdpIpv4 => &udp4,
        Transport::UdpIpv6 => &udp6,
        Transport::Ethernet => &ethernet,
    };
    // A failed condition leaves by its own return: jumps stay short.
    let mut program = vec![
        SockFilter::new(LOAD_BYTE, 0, 0, PACKET_TYPE),
        SockFilter::new(JUMP_EQUAL, 0, 1, u32::from(libc::PACKET_OUTGOING)),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(LOAD_HALF, 0, 0, VLAN_TAG),
        SockFilter::new(AND, 0, 0, 0x0fff),
        SockFilter::new(JUMP_EQUAL, 1, 0, 0),
        SockFilter::new(RETURN, 0, 0, 0),
    ];
    for (width, at, mask, value) in conditions {
        program.push(SockFilter::new(*width, 0, 0, *at));
        program.push(SockFilter::new(AND, 0, 0, *mask));
        program.push(SockFilter::new(JUMP_EQUAL, 1, 0, *value));
        program.push(SockFilter::new(RETURN, 0, 0, 0));
    }
    if transport == Transport::Ethernet {
        // messageType below 4: event.
        let (general, event) = match class {
            MessageClass::Event => (0, u32::MAX),
            MessageClass::General => (u32::MAX, 0),
        };
        program.extend([
            SockFilter::new(LOAD_BYTE, 0, 0, 14),
            SockFilter::new(JUMP_SET, 1, 0, 0x0c),
            SockFilter::new(RETURN, 0, 0, event),
            SockFilter::new(RETURN, 0, 0, general),
        ]);
    } else {
        program.push(SockFilter::new(RETURN, 0, 0, u32::MAX));
    }
    program
}

/// The PTP message of a frame, and how it is addressed. The kernel's filter has looked already; this reads nothing that is
/// not there.
pub(crate) fn parse(frame: &[u8], transport: Transport, from: LinkName) -> Option<Frame<'_>> {
    if from.packet_type == libc::PACKET_OUTGOING {
        return None;
    }
    let (to, rest) = frame.split_first_chunk::<6>()?;
    let (source, rest) = rest.split_first_chunk::<6>()?;
    let (ether_type, rest) = rest.split_first_chunk::<2>()?;
    let ether_type = u16::from_be_bytes(*ether_type);
    let at = |length: usize, source_ip: Address, destination: Address| {
        let (headers, payload) = frame.split_at_checked(length)?;
        // What pads a short frame is not the message's.
        let udp = headers.last_chunk::<UDP_HEADER>()?;
        let [_, _, _, _, high, low, ..] = *udp;
        let payload_length = usize::from(u16::from_be_bytes([high, low])).checked_sub(UDP_HEADER)?;
        let payload = payload.get(..payload_length)?;
        Some(Frame { headers, payload, source: source_ip, destination, from: *source, to: *to })
    };
    match (transport, ether_type) {
        (Transport::Ethernet, ethernet::PROTOCOL) => {
            let headers = frame.get(..ETHERNET_HEADER)?;
            let (source_address, destination) = (Address::Ethernet(*source), Address::Ethernet(*to));
            Some(Frame {
                headers,
                payload: rest,
                source: source_address,
                destination,
                from: *source,
                to: *to,
            })
        }
        (Transport::UdpIpv4, IPV4) => {
            let ip = rest.first_chunk::<IPV4_HEADER>()?;
            let [version, .., a, b, c, d, e, f, g, h] = *ip;
            if version != 0x45 {
                return None;
            }
            let source = Address::Ipv4(Ipv4Addr::new(a, b, c, d));
            let destination = Address::Ipv4(Ipv4Addr::new(e, f, g, h));
            at(ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER, source, destination)
        }
        (Transport::UdpIpv6, IPV6) => {
            let (_, addresses) = rest.split_first_chunk::<8>()?;
            let (source, addresses) = addresses.split_first_chunk::<16>()?;
            let (destination, _) = addresses.split_first_chunk::<16>()?;
            let source = Address::Ipv6((*source).into());
            at(ETHERNET_HEADER + IPV6_HEADER + UDP_HEADER, source, Address::Ipv6((*destination).into()))
        }
        _ => None,
    }
}

/// Sets lengths, PTP's UDP ports and checksums of headers for `message` and the `tail` after it; addresses and the rest stay.
/// `None` for headers that are not the transport's.
pub(crate) fn complete(
    headers: &[u8],
    transport: Transport,
    class: MessageClass,
    message: &[u8],
    tail: &[u8],
) -> Option<Headers> {
    let mut h = Headers::of(headers)?;
    let payload = u16::try_from(UDP_HEADER + message.len() + tail.len()).ok()?;
    let udp = match transport {
        Transport::Ethernet => return (h.length == ETHERNET_HEADER).then_some(h),
        Transport::UdpIpv4 => ETHERNET_HEADER + IPV4_HEADER,
        Transport::UdpIpv6 => ETHERNET_HEADER + IPV6_HEADER,
    };
    if h.length != udp + UDP_HEADER {
        return None;
    }
    // A Follow_Up that is made for a Sync has the Sync's headers.
    let source = h.octets.get(udp..)?.first_chunk().map(|p| u16::from_be_bytes(*p))?;
    if matches!(source, 319 | 320) {
        h.put(udp, class.udp_port());
    }
    h.put(udp + 2, class.udp_port());
    h.put(udp + 4, payload);
    h.put(udp + 6, 0);
    if transport == Transport::UdpIpv4 {
        // Over IPv4, no checksum at all is allowed, and what a card changes on the way needs none put right.
        h.put(ETHERNET_HEADER + 2, IPV4_HEADER as u16 + payload);
        h.put(ETHERNET_HEADER + 10, 0);
        let sum = checksum(0, &[h.octets.get(ETHERNET_HEADER..udp)?]);
        h.put(ETHERNET_HEADER + 10, sum);
    } else {
        h.put(ETHERNET_HEADER + 4, payload);
        let addresses = h.octets.get(ETHERNET_HEADER + 8..udp)?;
        let header = h.octets.get(udp..udp + UDP_HEADER)?;
        let pseudo = u32::from(payload) + u32::from(UDP);
        let sum = match checksum(pseudo, &[addresses, header, message, tail]) {
            0 => 0xffff,
            sum => sum,
        };
        h.put(udp + 6, sum);
    }
    Some(h)
}

/// The Internet checksum (RFC 1071) over parts that need not be of even length.
fn checksum(start: u32, parts: &[&[u8]]) -> u16 {
    let mut sum = u64::from(start);
    let mut odd = false;
    for octet in parts.iter().copied().flatten() {
        sum += if odd { u64::from(*octet) } else { u64::from(*octet) << 8 };
        odd = !odd;
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The Ethernet address of a group.
const fn group_mac(address: Address) -> Option<[u8; 6]> {
    match address {
        Address::Ethernet(mac) => Some(mac),
        Address::Ipv4(a) if a.is_multicast() => {
            let [_, b, c, d] = a.octets();
            Some([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        Address::Ipv6(a) if a.is_multicast() => {
            let [.., a, b, c, d] = a.octets();
            Some([0x33, 0x33, a, b, c, d])
        }
        _ => None,
    }
}

impl Relay {
    pub(crate) fn new(options: &SocketOptions, interface: &Interface, class: MessageClass) -> Self {
        let mac = interface.mac.unwrap_or_default();
        let own = std::iter::once(Address::Ethernet(mac))
            .chain(interface.ipv4.iter().copied().map(Address::Ipv4))
            .chain(interface.ipv6.iter().copied().map(Address::Ipv6))
            .collect();
        let link_local = interface.ipv6.iter().find(|a| a.is_unicast_link_local());
        let dscp = match class {
            MessageClass::Event => options.dscp_event,
            MessageClass::General => options.dscp_general,
        };
        Self {
            mac,
            ipv4: interface.ipv4.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED),
            ipv6: link_local.or(interface.ipv6.first()).copied().unwrap_or(Ipv6Addr::UNSPECIFIED),
            own,
            neighbours: RefCell::new(Neighbours { list: Vec::with_capacity(NEIGHBOURS), next: 0 }),
            ttl: options.ttl.max(1),
            traffic_class: dscp.min(63) << 2,
        }
    }

    /// A frame is for this host alone.
    pub(crate) fn is_for_us(&self, frame: &Frame<'_>) -> bool {
        self.own.contains(&frame.destination)
    }

    /// Our own frame came back.
    pub(crate) fn is_from_us(&self, frame: &Frame<'_>) -> bool {
        frame.from == self.mac
    }

    /// Someone spoke to this host, and may get an answer.
    pub(crate) fn note(&self, frame: &Frame<'_>) {
        let new = (frame.source, frame.from);
        let Neighbours { list, next } = &mut *self.neighbours.borrow_mut();
        if let Some(known) = list.iter_mut().find(|(a, _)| *a == new.0) {
            *known = new;
        } else if list.len() < NEIGHBOURS {
            list.push(new);
        } else if let Some(place) = list.get_mut(*next) {
            *place = new;
            *next = (*next + 1) % NEIGHBOURS;
        }
    }

    /// Headers of a message of our own; [`complete`] does the rest. `None`: who has that address is not known, or it is not
    /// one of the transport.
    pub(crate) fn headers(
        &self,
        transport: Transport,
        destination: Address,
        peer_delay: bool,
    ) -> Option<Headers> {
        let neighbour = || {
            let neighbours = self.neighbours.borrow();
            neighbours.list.iter().find(|(a, _)| *a == destination).map(|(_, mac)| *mac)
        };
        let to = group_mac(destination).or_else(neighbour)?;
        let group = to[0] & 1 != 0;
        let ttl = match (group, peer_delay) {
            (true, true) => 1,
            (true, false) => self.ttl,
            (false, _) => UNICAST_TTL,
        };
        let mut h = Headers { octets: [0; MAX_HEADERS], length: 0 };
        h.push(&ethernet::header(to, self.mac));
        let ether_type = match (transport, destination) {
            (Transport::Ethernet, Address::Ethernet(_)) => return Some(h),
            (Transport::UdpIpv4, Address::Ipv4(a)) => {
                h.push(&[0x45, self.traffic_class, 0, 0, 0, 0, 0x40, 0, ttl, UDP, 0, 0]);
                h.push(&self.ipv4.octets());
                h.push(&a.octets());
                IPV4
            }
            (Transport::UdpIpv6, Address::Ipv6(a)) => {
                h.push(&[0x60 | self.traffic_class >> 4, self.traffic_class << 4, 0, 0, 0, 0, UDP, ttl]);
                h.push(&self.ipv6.octets());
                h.push(&a.octets());
                IPV6
            }
            _ => return None,
        };
        h.put(ETHERNET_HEADER - 2, ether_type);
        // Ports, length and checksum are still to come.
        let [high, low] = MessageClass::Event.udp_port().to_be_bytes();
        h.push(&[high, low, 0, 0, 0, 0, 0, 0]);
        Some(h)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const PEER: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const FROM: LinkName = LinkName { packet_type: 3, address: PEER };

    fn relay(transport: Transport) -> (SocketOptions, Relay) {
        let options = SocketOptions::new("eth0", transport);
        let interface = Interface {
            name: "eth0".into(),
            index: 1,
            mac: Some(MAC),
            ipv4: vec![Ipv4Addr::new(10, 0, 0, 1)],
            ipv6: vec!["fe80::1".parse().expect("an address")],
            up: true,
            running: true,
            stamping: crate::StampingInfo::default(),
        };
        let relay = Relay::new(&options, &interface, MessageClass::General);
        (options, relay)
    }

    /// A whole frame of our own.
    fn frame(transport: Transport, tail: &[u8]) -> Vec<u8> {
        let (options, relay) = relay(transport);
        let headers = relay.headers(transport, options.primary, false).expect("a group");
        assert_eq!(headers.destination().map(|to| to[0] & 1), Some(1));
        let class = MessageClass::General;
        let headers = complete(headers.as_slice(), transport, class, b"a message", tail).expect("its own");
        [headers.as_slice(), b"a message", tail].concat()
    }

    #[test]
    fn what_is_built_is_read_and_sums_up() {
        let frame4 = frame(Transport::UdpIpv4, &[]);
        let parsed = parse(&[&frame4[..], &[0; 20]].concat(), Transport::UdpIpv4, FROM)
            .expect("ours")
            .payload
            .to_vec();
        assert_eq!(parsed, b"a message", "the padding is gone");
        let parsed = parse(&frame4, Transport::UdpIpv4, FROM).expect("ours");
        assert_eq!(parsed.source, Address::Ipv4(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(parsed.destination, Address::Ipv4(Ipv4Addr::new(224, 0, 1, 129)));
        assert_eq!(parsed.to, [0x01, 0x00, 0x5e, 0, 1, 129]);
        assert_eq!(checksum(0, &[&frame4[14..34]]), 0);
        assert_eq!(frame4[34..42], [1, 64, 1, 64, 0, 17, 0, 0], "both ports 320, no checksum");

        let frame6 = frame(Transport::UdpIpv6, &[0, 0]);
        let parsed = parse(&frame6, Transport::UdpIpv6, FROM).expect("ours");
        assert_eq!(parsed.payload, b"a message\0\0");
        assert_eq!(parsed.to, [0x33, 0x33, 0, 0, 1, 0x81]);
        let pseudo = 8 + 11 + u32::from(UDP);
        assert_eq!(checksum(pseudo, &[&frame6[22..54], &frame6[54..]]), 0);

        let plain = frame(Transport::Ethernet, &[]);
        let parsed = parse(&plain, Transport::Ethernet, FROM).expect("ours");
        assert_eq!((parsed.headers.len(), parsed.payload, parsed.from), (14, &b"a message"[..], MAC));
    }

    #[test]
    fn headers_of_a_passing_frame_keep_their_addresses() {
        let mut frame = frame(Transport::UdpIpv4, &[]);
        frame[22] = 17; // its time to live
        let parsed = parse(&frame, Transport::UdpIpv4, FROM).expect("ours");
        let event =
            complete(parsed.headers, Transport::UdpIpv4, MessageClass::Event, &[0; 44], &[]).expect("good");
        let again = [event.as_slice(), &[0; 44]].concat();
        let after = parse(&again, Transport::UdpIpv4, FROM).expect("good");
        assert_eq!(
            (after.source, after.destination, after.from, after.to),
            (parsed.source, parsed.destination, parsed.from, parsed.to)
        );
        assert_eq!((again[22], after.payload.len()), (17, 44));
        assert_eq!(again[34..38], [1, 63, 1, 63]);
        assert!(complete(parsed.headers, Transport::Ethernet, MessageClass::Event, b"", b"").is_none());
        assert!(complete(&[0; 70], Transport::UdpIpv6, MessageClass::Event, b"", b"").is_none());
    }

    #[test]
    fn answers_go_to_those_who_asked() {
        let (_, relay) = relay(Transport::UdpIpv4);
        let asker = Address::Ipv4(Ipv4Addr::new(10, 0, 0, 9));
        assert!(relay.headers(Transport::UdpIpv4, asker, false).is_none());
        let question = Frame {
            headers: &[],
            payload: &[],
            source: asker,
            destination: Address::Ipv4(Ipv4Addr::new(10, 0, 0, 1)),
            from: PEER,
            to: MAC,
        };
        assert!(relay.is_for_us(&question) && !relay.is_from_us(&question));
        relay.note(&question);
        assert_eq!(relay.headers(Transport::UdpIpv4, asker, false).and_then(|h| h.destination()), Some(PEER));
        for i in 0..1000u32 {
            relay.note(&Frame { source: Address::Ipv4(i.into()), ..question });
        }
        assert_eq!(relay.neighbours.borrow().list.len(), NEIGHBOURS);
    }

    proptest! {
        #[test]
        fn any_octets_are_survived(mut octets in proptest::collection::vec(any::<u8>(), 0..120), kind in 0usize..3) {
            let (transport, ether_type) = [
                (Transport::UdpIpv4, IPV4), (Transport::UdpIpv6, IPV6), (Transport::Ethernet, ethernet::PROTOCOL),
            ][kind];
            if let Some(field) = octets.get_mut(12..14) {
                field.copy_from_slice(&ether_type.to_be_bytes());
            }
            if let Some(version) = octets.get_mut(14) {
                *version = 0x45;
            }
            if let Some(f) = parse(&octets, transport, FROM) {
                let _ = complete(f.headers, transport, MessageClass::Event, f.payload, &[]);
            }
            let _ = complete(&octets, transport, MessageClass::Event, b"x", &[]);
        }
    }
}
