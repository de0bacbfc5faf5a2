//! Unicast messages over UDP/IPv4 by a packet socket, under the headers that the kernel itself made for the one before.
//!
//! Of what it costs to send a datagram, a third is finding out anew what is the same each time: route, neighbour, headers,
//! the firewall's verdict. Here the kernel finds it out once a second for each destination ([`LIFE`]): one message goes
//! by the ordinary socket and comes back by its error queue as it left the interface, with all headers. Those are put
//! before what follows. So whatever decides about messages (routes, neighbours, address translation, firewall, DSCP)
//! decides about these a second later at most, and what does not come back as a plain datagram from port to port (a
//! tunnel's, a VLAN tag's, one that was refused) is not sent this way at all.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::batch::{BATCH, Outgoing};
use crate::ethernet;
use crate::interface::Interface;
use crate::name::Name;
use crate::sys;
use crate::{Address, Destination, MessageClass, SocketOptions, StampRequest, Transport};

/// How long headers are good for.
const LIFE: Duration = Duration::from_secs(1);
/// Who was not spoken to for so long is forgotten.
const MEMORY: Duration = Duration::from_secs(10);
/// Destinations known at a time; others are spoken to the ordinary way.
const MOST: usize = 1 << 16;
/// Ethernet, IPv4 without options, UDP.
const HEADERS: usize = ethernet::HEADER + 28;
const UDP: u8 = 17;

/// What the kernel made of one message, to be put before another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Template {
    octets: [u8; HEADERS],
    /// Of the IPv4 header, without length and checksum.
    ip_sum: u32,
    /// Of the UDP header and what counts with it, without both lengths and checksum.
    udp_sum: u32,
}

impl Template {
    /// Of a frame that came back; `None`: it is no plain datagram between ports of this class.
    fn of(frame: &[u8], class: MessageClass) -> Option<Self> {
        let (octets, payload) = frame.split_first_chunk::<HEADERS>()?;
        let half = |at: usize| octets.get(at..)?.first_chunk().map(|h| u16::from_be_bytes(*h));
        let port = class.udp_port();
        let length = u16::try_from(payload.len()).ok()?;
        let (to, from) = (octets.get(..6)?, octets.get(6..12)?);
        let unicast = to[0] & 1 == 0 && to.iter().any(|o| *o != 0) && from.iter().any(|o| *o != 0);
        let plain = half(12) == Some(0x0800)
            && octets[14] == 0x45
            && half(16) == length.checked_add(28)
            // Not in fragments, and not to be: so it needs no identification of its own (RFC 6864).
            && half(20) == Some(0x4000)
            && octets[23] == UDP
            && half(34) == Some(port)
            && half(36) == Some(port)
            && half(38) == length.checked_add(8);
        if !(unicast && plain) {
            return None;
        }
        let mut octets = *octets;
        for at in [16, 24, 38, 40] {
            // Lengths and checksums.
            octets.get_mut(at..at + 2)?.fill(0);
        }
        let ip_sum = sum(octets.get(14..34)?);
        let udp_sum = sum(octets.get(26..38)?) + u32::from(UDP);
        Some(Self { octets, ip_sum, udp_sum })
    }

    fn destination(&self) -> Ipv4Addr {
        let [.., a, b, c, d, _, _, _, _, _, _, _, _] = self.octets;
        Ipv4Addr::new(a, b, c, d)
    }

    /// The headers of a message.
    fn before(&self, message: &[u8]) -> Option<[u8; HEADERS]> {
        let udp_length = u16::try_from(message.len() + 8).ok()?;
        let ip_length = udp_length.checked_add(20)?;
        let ip_checksum = fold(self.ip_sum + u32::from(ip_length));
        // In the pseudo header and in the header.
        let udp_checksum = match fold(self.udp_sum + 2 * u32::from(udp_length) + sum(message)) {
            0 => 0xffff,
            checksum => checksum,
        };
        let mut octets = self.octets;
        for (at, value) in [(16, ip_length), (24, ip_checksum), (38, udp_length), (40, udp_checksum)] {
            octets.get_mut(at..at + 2)?.copy_from_slice(&value.to_be_bytes());
        }
        Some(octets)
    }
}

/// Of 16-bit words, the last one padded (RFC 1071), for messages far shorter than 64 KiB.
fn sum(octets: &[u8]) -> u32 {
    let words = octets.chunks(2).map(|word| match *word {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    words.sum()
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[derive(Clone, Copy, Debug)]
struct Way {
    /// `None`: the kernel has been asked, by a message the ordinary way.
    template: Option<Template>,
    /// Until when the template is good, or when the kernel was asked.
    until: Instant,
}

/// The packet socket of a class of messages, and the ways it knows.
#[derive(Debug)]
pub(crate) struct Direct {
    socket: Socket,
    class: MessageClass,
    ways: HashMap<Ipv4Addr, Way>,
    /// Frames that wait.
    pub(crate) outgoing: Vec<Outgoing>,
    /// When the first of those came.
    now: Instant,
    forget_at: Instant,
}

impl Direct {
    /// `None`: not asked for, not a port that it is made for, or the kernel gives no packet socket or does not loop whole
    /// frames back. Messages go the ordinary way then. `ordinary`: the socket of that.
    pub(crate) fn open(
        options: &SocketOptions,
        interface: &Interface,
        class: MessageClass,
        ordinary: &Socket,
    ) -> Option<Self> {
        let made_for_it =
            options.transport == Transport::UdpIpv4 && !options.relay && !options.stamping.is_one_step();
        if !(options.batch && options.direct && made_for_it && loops_frames()) {
            return None;
        }
        // Protocol 0: it receives nothing.
        let socket = sys::socket(libc::AF_PACKET, libc::SOCK_RAW, 0).ok()?;
        sys::bind(socket.as_fd(), &Name::link(0, interface.index, [0; 6])).ok()?;
        // What queues on the way, and VLANs, know the messages by: it came with the DiffServ code point.
        let priority = ordinary.priority().ok()?;
        socket.set_priority(priority).ok()?;
        Some(Self {
            socket,
            class,
            ways: HashMap::new(),
            outgoing: Vec::with_capacity(BATCH),
            now: Instant::now(),
            forget_at: Instant::now() + MEMORY,
        })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(crate) fn take_error(&self) -> Option<std::io::Error> {
        self.socket.take_error().ok().flatten()
    }

    /// Puts a message into the batch. `false`: it goes the ordinary way, by which the kernel tells the headers for the next.
    pub(crate) fn enqueue(
        &mut self,
        destination: Destination,
        message: &[u8],
        stamp: Option<StampRequest>,
    ) -> bool {
        // The clock is read once for what leaves together.
        if self.outgoing.is_empty() {
            self.now = Instant::now();
        }
        self.enqueue_at(self.now, destination, message, stamp)
    }

    fn enqueue_at(
        &mut self,
        now: Instant,
        destination: Destination,
        message: &[u8],
        stamp: Option<StampRequest>,
    ) -> bool {
        let Destination::Unicast(Address::Ipv4(to)) = destination else { return false };
        if now >= self.forget_at {
            self.forget_at = now + MEMORY;
            self.ways.retain(|_, way| way.until + MEMORY > now);
        }
        match self.ways.get_mut(&to) {
            Some(way) => {
                let template = way.template.filter(|_| now < way.until);
                let Some(headers) = template.and_then(|t| t.before(message)) else {
                    if now >= way.until {
                        *way = Way { template: None, until: now };
                    }
                    return false;
                };
                let Some(frame) = Outgoing::new(Name::default(), [&headers, message, &[]], stamp) else {
                    return false;
                };
                self.outgoing.push(frame);
                true
            }
            // What answers strangers is not worth remembering whom it went to.
            None => {
                if self.ways.len() < MOST && is_promised(message) {
                    self.ways.insert(to, Way { template: None, until: now });
                }
                false
            }
        }
    }

    /// A frame that came back from the ordinary socket: how the kernel sends to that destination.
    pub(crate) fn learn(&mut self, frame: &[u8]) {
        self.learn_at(Instant::now(), frame);
    }

    fn learn_at(&mut self, now: Instant, frame: &[u8]) {
        if let Some(template) = Template::of(frame, self.class)
            && let Some(way) = self.ways.get_mut(&template.destination())
        {
            *way = Way { template: Some(template), until: now + LIFE };
        }
    }

    /// The kernel refused to send this: it is asked anew.
    pub(crate) fn forget(&mut self, refused: &Outgoing) {
        let to = refused.name.as_ipv4().or_else(|| {
            let headers = refused.frame().first_chunk::<HEADERS>()?;
            let [.., a, b, c, d, _, _, _, _, _, _, _, _] = *headers;
            Some(Ipv4Addr::new(a, b, c, d))
        });
        if let Some(to) = to {
            self.ways.remove(&to);
        }
    }
}

/// Sync, Follow_Up, Delay_Resp, Announce: what goes to those who were granted it.
fn is_promised(message: &[u8]) -> bool {
    message.first().is_some_and(|o| matches!(o & 0x0f, 0x0 | 0x8 | 0x9 | 0xb))
}

/// Whether what was sent may come back whole: where it may not, its stamp does not come back either.
fn loops_frames() -> bool {
    std::fs::read_to_string("/proc/sys/net/core/tstamp_allow_data").is_ok_and(|text| text.trim() == "1")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Stamping;

    const EVENT: MessageClass = MessageClass::Event;
    const TO: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

    /// As Linux makes it: 44 octets from 192.0.2.1:319.
    fn frame(to: Ipv4Addr, message: &[u8]) -> Vec<u8> {
        let mut f = vec![2, 0, 0, 0, 0, 7, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0xb8];
        f.extend((28 + message.len() as u16).to_be_bytes());
        f.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1]);
        f.extend(to.octets());
        let header = fold(sum(&f[14..34])).to_be_bytes();
        f[24..26].copy_from_slice(&header);
        f.extend([1, 63, 1, 63]);
        let length = 8 + message.len() as u16;
        f.extend(length.to_be_bytes());
        let pseudo = sum(&f[26..34]) + 17 + u32::from(length);
        let checksum = fold(pseudo + sum(&f[34..40]) + sum(message));
        f.extend(checksum.to_be_bytes());
        f.extend(message);
        f
    }

    fn direct() -> Direct {
        let mut options = SocketOptions::new("lo", Transport::UdpIpv4);
        options.stamping = Stamping::Software;
        let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM, 0).expect("a socket");
        let now = Instant::now();
        let (ways, outgoing) = (HashMap::new(), Vec::new());
        Direct { socket, class: EVENT, ways, outgoing, now, forget_at: now + MEMORY }
    }

    fn to(address: Ipv4Addr) -> Destination {
        Destination::Unicast(Address::Ipv4(address))
    }

    #[test]
    fn what_comes_back_is_the_pattern_of_what_follows_for_a_second() {
        let mut d = direct();
        let now = Instant::now();
        let (first, second) = ([0; 44], [0x00, 0x12, 7, 9, 1]);
        assert!(!d.enqueue_at(now, to(TO), &first, None), "the kernel is asked first");
        assert!(!d.enqueue_at(now, to(TO), &first, None), "and has not answered yet");
        d.learn_at(now, &frame(TO, &first));
        assert!(d.enqueue_at(now, to(TO), &second, None));
        assert_eq!(d.outgoing.len(), 1);
        assert_eq!(d.outgoing[0].frame(), frame(TO, &second), "of another length, and an odd one");
        assert!(d.enqueue_at(now + LIFE - Duration::from_nanos(1), to(TO), &first, None));
        assert_eq!(d.outgoing[1].frame(), frame(TO, &first));
        assert!(!d.enqueue_at(now + LIFE, to(TO), &first, None), "it is asked again");
        assert!(!d.enqueue_at(now + LIFE, to(Ipv4Addr::new(192, 0, 2, 8)), &first, None));
        assert!(!d.enqueue_at(now, Destination::Primary, &first, None));
        assert!(!d.enqueue_at(now + LIFE, to(TO), &first, None));
        d.learn_at(now + LIFE, &frame(TO, &first));
        assert!(d.enqueue_at(now + LIFE, to(TO), &first, None));
        assert!(!d.enqueue_at(now + LIFE, to(TO), &[0; 256], None), "too long to wait");
        let refused = d.outgoing[0];
        d.forget(&refused);
        assert!(!d.enqueue_at(now + LIFE, to(TO), &first, None), "what was refused is asked for anew");
        d.learn_at(now + LIFE, &frame(TO, &first));
        d.forget(&Outgoing::new(Name::ipv4(TO, 319), [&first, &[], &[]], None).expect("short"));
        assert!(!d.enqueue_at(now + LIFE, to(TO), &first, None), "the ordinary way, too");
    }

    #[test]
    fn what_is_no_plain_datagram_teaches_nothing() {
        let good = frame(TO, &[0; 44]);
        assert!(Template::of(&good, EVENT).is_some());
        assert!(Template::of(&good, MessageClass::General).is_none());
        let spoilt = [
            (0, 1),     // a group
            (12, 0x81), // a VLAN tag
            (14, 0x46), // IP options
            (17, 73),   // another length
            (20, 0x00), // may be fragmented
            (20, 0x60), // is a fragment
            (21, 1),
            (23, 50), // IPsec
            (35, 64), // another port
            (37, 64),
            (39, 53),
        ];
        for (at, value) in spoilt {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(Template::of(&bad, EVENT), None, "{at}");
        }
        for range in [0..6, 6..12] {
            let mut bad = good.clone();
            bad[range].fill(0);
            assert_eq!(Template::of(&bad, EVENT), None, "the loopback interface's");
        }
        for length in 0..good.len() {
            assert_eq!(Template::of(&good[..length], EVENT), None);
        }
        // Nobody asked for it.
        let mut d = direct();
        d.learn(&good);
        assert!(d.ways.is_empty());
    }

    #[test]
    fn strangers_and_the_silent_cost_no_memory() {
        let mut d = direct();
        let now = Instant::now();
        let message = |kind: u8| [kind; 44];
        for kind in [0xc, 0xd, 0x2] {
            assert!(!d.enqueue_at(now, to(TO), &message(kind), None));
        }
        assert!(d.ways.is_empty(), "Signaling and Management answer anybody");
        for i in 0..MOST as u32 + 100 {
            d.enqueue_at(now, to(Ipv4Addr::from(0x0a00_0000 + i)), &message(0), None);
        }
        assert_eq!(d.ways.len(), MOST);
        d.learn_at(now, &frame(Ipv4Addr::from(0x0a00_0000), &message(0)));
        d.enqueue_at(now + MEMORY, to(TO), &message(0), None);
        assert_eq!(d.ways.len(), 2, "the one that is known, and the new one");
        d.enqueue_at(now + 2 * MEMORY, to(TO), &message(0), None);
        assert_eq!(d.ways.len(), 1);
    }

    proptest! {
        #[test]
        fn any_frame_is_looked_at_without_panic(octets in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = Template::of(&octets, EVENT);
        }

        #[test]
        fn headers_are_those_of_the_kernel_for_any_message(message in proptest::collection::vec(any::<u8>(), 1..200)) {
            let template = Template::of(&frame(TO, &[0; 44]), EVENT).expect("plain");
            let headers = template.before(&message).expect("short");
            let expected = frame(TO, &message);
            let (start, checksum) = expected[..HEADERS].split_at(HEADERS - 2);
            prop_assert_eq!(&headers[..HEADERS - 2], start);
            let zero = if checksum == [0, 0] { [0xff, 0xff] } else { [checksum[0], checksum[1]] };
            prop_assert_eq!(&headers[HEADERS - 2..], zero);
        }
    }
}
