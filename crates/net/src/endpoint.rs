//! One socket of a port: how it is opened, addressed and read.

use std::io;
use std::net::Ipv6Addr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{InterfaceIndexOrAddress, Socket};

use crate::batch::{Batch, Incoming, Outgoing};
use crate::control::{Control, Stamps};
use crate::direct::Direct;
use crate::ethernet;
use crate::interface::{Interface, name_octets};
use crate::name::Name;
use crate::relay::{self, Relay};
use crate::sys;
use crate::{
    Address, Capability, Destination, MAX_MESSAGE, MessageClass, NetError, Passing, Received, SocketCounters,
    SocketOptions, StampRequest, Stamping, Transport,
};

/// The two octets after a message over UDP/IPv6 (1588-2019 D.1), where a card may put the checksum right.
const UDP_TAIL: [u8; 2] = [0; 2];
/// Longer than any message with its headers.
const BUFFER: usize = 2048;

/// Octets of the kernel's receive buffer on batch ports.
const RECEIVE_BUFFER: i32 = 8 << 20;

/// A socket with the room that its reads need.
pub(crate) struct Endpoint {
    socket: Socket,
    interface: String,
    transport: Transport,
    class: MessageClass,
    stamping: Stamping,
    index: u32,
    mac: [u8; 6],
    primary: Address,
    peer_delay: Address,
    ttl: u8,
    buffer: Box<[u8; BUFFER]>,
    name: Name,
    control: Control,
    relay: Option<Relay>,
    batch: Option<Box<Batch>>,
    direct: Option<Direct>,
}

/// The socket that a message of an endpoint leaves by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// Its own.
    Ordinary,
    /// The packet socket of [`Direct`].
    Direct,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("interface", &self.interface)
            .field("transport", &self.transport)
            .field("class", &self.class)
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    pub(crate) fn open(
        options: &SocketOptions,
        interface: &Interface,
        class: MessageClass,
    ) -> Result<Self, NetError> {
        for address in [options.primary, options.peer_delay] {
            belongs(options.transport, address)?;
        }
        let own_mac = interface.mac.unwrap_or_default();
        let (socket, mac) = match options.transport {
            _ if options.relay => (relay::open(options, interface, class)?, own_mac),
            Transport::UdpIpv4 => (open_ipv4(options, interface, class)?, [0; 6]),
            Transport::UdpIpv6 => (open_ipv6(options, interface, class)?, [0; 6]),
            Transport::Ethernet => (ethernet::open(options, interface, class)?, own_mac),
        };
        if options.socket_priority != 0 {
            let priority = i32::from(options.socket_priority);
            let _ = sys::set_int(socket.as_fd(), libc::SOL_SOCKET, libc::SO_PRIORITY, priority);
        }
        if options.batch {
            // Room for what many clients send within a scheduling latency, and for the stamps of what they are sent.
            let room = RECEIVE_BUFFER.to_ne_bytes();
            if sys::set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &room).is_err() {
                let _ = sys::set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, &room);
            }
        }
        Ok(Self {
            direct: Direct::open(options, interface, class, &socket),
            socket,
            interface: options.interface.clone(),
            transport: options.transport,
            class,
            stamping: options.stamping,
            index: interface.index,
            mac,
            primary: options.primary,
            peer_delay: options.peer_delay,
            ttl: options.ttl,
            buffer: Box::new([0; BUFFER]),
            name: Name::default(),
            control: Control::default(),
            relay: options.relay.then(|| Relay::new(options, interface, class)),
            batch: options.batch.then(|| Box::new(Batch::new())),
        })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The packet socket beside it, where there is one.
    pub(crate) fn direct_fd(&self) -> Option<BorrowedFd<'_>> {
        self.direct.as_ref().map(Direct::fd)
    }

    /// From now on everything goes the ordinary way.
    pub(crate) fn give_up_direct(&mut self) {
        self.direct = None;
    }

    /// A frame of the ordinary socket that came back whole.
    pub(crate) fn learn(&mut self, room: &Incoming) {
        if let Some(direct) = &mut self.direct {
            direct.learn(room.buffer.get(..room.read.length).unwrap_or_default());
        }
    }

    /// What follows the message within the payload.
    const fn tail(&self) -> &'static [u8] {
        match self.transport {
            Transport::UdpIpv6 => &UDP_TAIL,
            // A card that writes into the message puts the checksum right there, too.
            Transport::UdpIpv4 if self.stamping.is_one_step() => &UDP_TAIL,
            Transport::UdpIpv4 | Transport::Ethernet => &[],
        }
    }

    pub(crate) fn send(&self, destination: Destination, octets: &[u8]) -> Result<(), NetError> {
        if let Some(relay) = &self.relay {
            return self.send_own(relay, destination, octets);
        }
        let (name, header) = self.way(destination, octets)?;
        let parts = [header.as_ref().map_or(&[][..], |h| h), octets, self.tail()];
        sys::send(self.fd(), &name, parts, self.hop_limit(destination))
            .map_err(|e| self.fail("send a message", e))
    }

    /// Puts a message into the batch. `false`: it cannot wait there, send it at once.
    pub(crate) fn enqueue(
        &mut self,
        destination: Destination,
        octets: &[u8],
        stamp: Option<StampRequest>,
    ) -> Result<bool, NetError> {
        if self.batch.is_none() || self.hop_limit(destination).is_some() {
            return Ok(false);
        }
        let (name, header) = self.way(destination, octets)?;
        if self.direct.as_mut().is_some_and(|d| d.enqueue(destination, octets, stamp)) {
            return Ok(true);
        }
        let parts = [header.as_ref().map_or(&[][..], |h| h), octets, self.tail()];
        let outgoing = Outgoing::new(name, parts, stamp);
        match (&mut self.batch, outgoing) {
            (Some(batch), Some(outgoing)) => {
                batch.outgoing.push(outgoing);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Frames that wait in the batch to leave one way.
    pub(crate) fn waiting(&self, way: Way) -> usize {
        match way {
            Way::Ordinary => self.batch.as_ref().map_or(0, |b| b.outgoing.len()),
            Way::Direct => self.direct.as_ref().map_or(0, |d| d.outgoing.len()),
        }
    }

    /// Sends what waits to leave one way, and tells of each frame whether the kernel took it.
    pub(crate) fn flush(&mut self, way: Way, mut each: impl FnMut(&Outgoing, Result<(), NetError>)) {
        let mut outgoing = match way {
            Way::Ordinary => self.batch.as_mut().map(|b| std::mem::take(&mut b.outgoing)),
            Way::Direct => self.direct.as_mut().map(|d| std::mem::take(&mut d.outgoing)),
        }
        .unwrap_or_default();
        let mut rest = outgoing.as_slice();
        while let (Some((first, after)), Some(fd)) = (rest.split_first(), self.way_fd(way)) {
            match sys::send_many(fd, rest) {
                Ok(sent @ 1..) => {
                    let (sent, after) = rest.split_at(sent.min(rest.len()));
                    sent.iter().for_each(|frame| each(frame, Ok(())));
                    rest = after;
                }
                Ok(0) => break,
                Err(e) => {
                    each(first, Err(self.fail("send a message", e)));
                    if let Some(direct) = &mut self.direct {
                        direct.forget(first);
                    }
                    rest = after;
                }
            }
        }
        outgoing.clear();
        match (way, &mut self.batch, &mut self.direct) {
            (Way::Ordinary, Some(batch), _) => batch.outgoing = outgoing,
            (Way::Direct, _, Some(direct)) => direct.outgoing = outgoing,
            _ => {}
        }
    }

    fn way_fd(&self, way: Way) -> Option<BorrowedFd<'_>> {
        match way {
            Way::Ordinary => Some(self.fd()),
            Way::Direct => self.direct_fd(),
        }
    }

    /// Reads many messages, or many entries of the error queue, with one call: how many there were.
    pub(crate) fn read_many(
        &mut self,
        way: Way,
        flags: i32,
        counters: &mut SocketCounters,
        mut each: impl FnMut(&mut Self, &Incoming, &mut SocketCounters),
    ) -> Result<usize, NetError> {
        let Some(mut batch) = self.batch.take() else { return Ok(0) };
        let read = self.way_fd(way).map_or(Ok(0), |fd| sys::receive_many(fd, &mut batch.incoming, flags));
        let result = match read {
            Ok(got) => {
                batch.incoming.iter().take(got).for_each(|room| each(self, room, counters));
                Ok(got)
            }
            Err(e) => self.unread(e, counters).map(|()| 0),
        };
        self.batch = Some(batch);
        result
    }

    /// A message that was read into a room of the batch.
    pub(crate) fn received<'a>(
        &self,
        room: &'a Incoming,
        counters: &mut SocketCounters,
    ) -> Option<Received<'a>> {
        self.take(room.read, &room.buffer, &room.name, room.control.parse(), counters)
    }

    /// Where a message goes, and what goes before it.
    fn way(
        &self,
        destination: Destination,
        octets: &[u8],
    ) -> Result<(Name, Option<[u8; ethernet::HEADER]>), NetError> {
        if octets.is_empty() || octets.len() > MAX_MESSAGE {
            return Err(NetError::MessageLength { length: octets.len() });
        }
        let address = self.address(destination);
        let port = self.class.udp_port();
        match (self.transport, address) {
            (Transport::UdpIpv4, Address::Ipv4(a)) => Ok((Name::ipv4(a, port), None)),
            (Transport::UdpIpv6, Address::Ipv6(a)) => Ok((Name::ipv6(a, port, self.scope(a)), None)),
            (Transport::Ethernet, Address::Ethernet(a)) => {
                Ok((Name::link(ethernet::PROTOCOL, self.index, a), Some(ethernet::header(a, self.mac))))
            }
            (transport, address) => Err(NetError::WrongAddress { transport, address }),
        }
    }

    const fn address(&self, destination: Destination) -> Address {
        match destination {
            Destination::Primary => self.primary,
            Destination::PeerDelay => self.peer_delay,
            Destination::Unicast(address) => address,
        }
    }

    /// Sends a message of our own from a relaying port.
    fn send_own(&self, relay: &Relay, destination: Destination, octets: &[u8]) -> Result<(), NetError> {
        let address = self.address(destination);
        belongs(self.transport, address)?;
        let peer_delay = destination == Destination::PeerDelay;
        match relay.headers(self.transport, address, peer_delay) {
            Some(headers) => self.send_on(headers.as_slice(), octets),
            None => Err(NetError::NoNeighbour { address }),
        }
    }

    /// Sends a message with headers that were received, or made by [`Relay`].
    pub(crate) fn send_on(&self, headers: &[u8], octets: &[u8]) -> Result<(), NetError> {
        if octets.is_empty() || octets.len() > MAX_MESSAGE {
            return Err(NetError::MessageLength { length: octets.len() });
        }
        let foreign = NetError::ForeignHeaders { transport: self.transport };
        let completed = relay::complete(headers, self.transport, self.class, octets, self.tail());
        let (Some(headers), Some(_)) = (completed, &self.relay) else { return Err(foreign) };
        let Some(to) = headers.destination() else { return Err(foreign) };
        let name = Name::link(ethernet::PROTOCOL, self.index, to);
        sys::send(self.fd(), &name, [headers.as_slice(), octets, self.tail()], None)
            .map_err(|e| self.fail("send a message on", e))
    }

    /// Peer delay messages do not leave the link (1588-2019 C.3, D.3).
    fn hop_limit(&self, destination: Destination) -> Option<(i32, i32, i32)> {
        match (destination, self.transport, self.peer_delay) {
            (Destination::PeerDelay, Transport::UdpIpv4, Address::Ipv4(a))
                if self.ttl != 1 && a.is_multicast() =>
            {
                Some((libc::IPPROTO_IP, libc::IP_TTL, 1))
            }
            (Destination::PeerDelay, Transport::UdpIpv6, Address::Ipv6(a))
                if self.ttl != 1 && a.is_multicast() =>
            {
                Some((libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, 1))
            }
            _ => None,
        }
    }

    fn scope(&self, address: Ipv6Addr) -> u32 {
        if address.is_multicast() || address.is_unicast_link_local() { self.index } else { 0 }
    }

    /// One read.
    pub(crate) fn receive(
        &mut self,
        counters: &mut SocketCounters,
    ) -> Result<Option<Received<'_>>, NetError> {
        let Some(read) = self.read(0, counters)? else { return Ok(None) };
        Ok(self.take(read, self.buffer.as_slice(), &self.name, self.control.parse(), counters))
    }

    /// A message out of what was read; `None`: it was dropped and counted.
    fn take<'a>(
        &self,
        read: sys::Read,
        buffer: &'a [u8],
        name: &Name,
        stamps: Stamps,
        counters: &mut SocketCounters,
    ) -> Option<Received<'a>> {
        let stamp = match self.stamping {
            Stamping::Software => stamps.software,
            Stamping::Hardware | Stamping::OneStep | Stamping::P2pOneStep => stamps.hardware,
            Stamping::None => None,
        };
        let frame = buffer.get(..read.length).unwrap_or_default();
        let mut passing = None;
        let found = match (&self.relay, self.transport) {
            (Some(relay), transport) => {
                let parsed = name.as_link().and_then(|from| relay::parse(frame, transport, from));
                parsed.filter(|f| !relay.is_from_us(f)).map(|f| {
                    if relay.is_for_us(&f) {
                        relay.note(&f);
                    } else {
                        passing = Some(Passing { destination: f.destination, headers: f.headers });
                    }
                    (f.source, f.payload)
                })
            }
            (None, Transport::UdpIpv4) => name.as_ipv4().map(|a| (Address::Ipv4(a), frame)),
            (None, Transport::UdpIpv6) => name.as_ipv6().map(|a| (Address::Ipv6(a), frame)),
            (None, Transport::Ethernet) => name.as_link().and_then(|from| {
                let groups = [self.primary, self.peer_delay];
                ethernet::accept(frame, from, self.mac, groups).map(|m| (Address::Ethernet(from.address), m))
            }),
        };
        let Some((source, octets)) = found.filter(|(_, o)| !o.is_empty() && !read.truncated) else {
            counters.dropped = counters.dropped.saturating_add(1);
            return None;
        };
        if self.class == MessageClass::Event && self.stamping != Stamping::None && stamp.is_none() {
            counters.unstamped = counters.unstamped.saturating_add(1);
        }
        Some(Received { octets, stamp, source, passing })
    }

    /// One read of the error queue: what its control messages say, and the frame up to the message's end, if one came
    /// along.
    pub(crate) fn error_queue(
        &mut self,
        counters: &mut SocketCounters,
    ) -> Result<Option<(Stamps, &[u8])>, NetError> {
        let Some(read) = self.read(libc::MSG_ERRQUEUE, counters)? else { return Ok(None) };
        let stamps = self.control.parse();
        let frame = self.buffer.get(..read.length).unwrap_or_default();
        Ok(Some((stamps, frame.strip_suffix(self.tail()).unwrap_or(frame))))
    }

    /// Takes the sockets' pending errors: left there they would be reported by poll for ever.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        let direct = self.direct.as_ref().and_then(Direct::take_error);
        self.socket.take_error().ok().flatten().or(direct)
    }

    fn read(&mut self, flags: i32, counters: &mut SocketCounters) -> Result<Option<sys::Read>, NetError> {
        let fd = self.socket.as_fd();
        match sys::receive(fd, self.buffer.as_mut_slice(), &mut self.name, &mut self.control, flags) {
            Ok(read) => Ok(Some(read)),
            Err(e) => self.unread(e, counters).map(|()| None),
        }
    }

    /// A read that gave nothing: nothing there, an error of the network, which is counted, or a socket that broke.
    fn unread(&self, e: io::Error, counters: &mut SocketCounters) -> Result<(), NetError> {
        match e.raw_os_error() {
            Some(libc::EAGAIN | libc::EINTR) => Ok(()),
            Some(
                libc::ECONNREFUSED
                | libc::EHOSTUNREACH
                | libc::EHOSTDOWN
                | libc::ENETUNREACH
                | libc::ENETDOWN
                | libc::EMSGSIZE
                | libc::ENOPROTOOPT
                | libc::EPROTO,
            ) => {
                counters.network_errors = counters.network_errors.saturating_add(1);
                Ok(())
            }
            _ => Err(self.fail("receive a message", e)),
        }
    }

    fn fail(&self, action: &'static str, source: io::Error) -> NetError {
        NetError::os(action, self.interface.as_str(), None, source)
    }

    pub(crate) const fn relays(&self) -> bool {
        self.relay.is_some()
    }

    pub(crate) const fn stamping(&self) -> Stamping {
        self.stamping
    }
}

fn belongs(transport: Transport, address: Address) -> Result<(), NetError> {
    match (transport, address) {
        (Transport::UdpIpv4, Address::Ipv4(_))
        | (Transport::UdpIpv6, Address::Ipv6(_))
        | (Transport::Ethernet, Address::Ethernet(_)) => Ok(()),
        (transport, address) => Err(NetError::WrongAddress { transport, address }),
    }
}

/// What both kinds of UDP sockets have: the name of the interface with its NUL, as simulators need it.
fn bind_device(socket: &Socket, interface: &Interface) -> Result<(), NetError> {
    let octets = name_octets(&interface.name)?;
    let with_nul = octets.get(..=interface.name.len()).unwrap_or(&octets);
    socket.bind_device(Some(with_nul)).map_err(|e| {
        NetError::os("bind a socket to the interface", &interface.name, Some(Capability::NetRaw), e)
    })
}

fn dscp(options: &SocketOptions, class: MessageClass) -> i32 {
    let dscp = match class {
        MessageClass::Event => options.dscp_event,
        MessageClass::General => options.dscp_general,
    };
    i32::from(dscp.min(63)) << 2
}

// Of the options, only the interface and the groups are needed to work at all; simulators may refuse the others.

fn open_ipv4(
    options: &SocketOptions,
    interface: &Interface,
    class: MessageClass,
) -> Result<Socket, NetError> {
    let name = interface.name.as_str();
    if interface.ipv4.is_empty() {
        return Err(NetError::NoAddress { interface: name.to_owned(), transport: options.transport });
    }
    let fail = |action| move |e| NetError::os(action, name, None, e);
    let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM, 0).map_err(fail("open a UDP/IPv4 socket"))?;
    let _ = socket.set_reuse_address(true);
    bind_device(&socket, interface)?;
    let local = Name::ipv4(std::net::Ipv4Addr::UNSPECIFIED, class.udp_port());
    sys::bind(socket.as_fd(), &local).map_err(|e| bind_error(name, class, e))?;
    // Before it, so that no other interface's frame comes in; and again, as in clknetsim bind() undoes it.
    bind_device(&socket, interface)?;

    // Only this socket's groups, whatever other sockets of the host have joined.
    let _ = socket.set_multicast_all_v4(false);
    let index = InterfaceIndexOrAddress::Index(interface.index);
    for group in groups(options) {
        if let Address::Ipv4(group) = group
            && group.is_multicast()
        {
            socket.join_multicast_v4_n(&group, &index).map_err(fail("join a multicast group"))?;
        }
    }
    // struct ip_mreqn: group, address, index.
    let mut out = [0u8; 12];
    for (to, from) in out.iter_mut().skip(8).zip(interface.index.to_ne_bytes()) {
        *to = from;
    }
    let _ = sys::set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_MULTICAST_IF, &out);
    let _ = socket.set_multicast_loop_v4(false);
    let _ = socket.set_multicast_ttl_v4(options.ttl.max(1).into());
    let _ = sys::set_int(socket.as_fd(), libc::IPPROTO_IP, libc::IP_TOS, dscp(options, class));
    if options.batch {
        // What is never fragmented needs no identification, which the kernel would draw at random for each datagram: a
        // twentieth of all that it does to send one. Routes' MTUs, which anybody may claim, are not believed.
        let probe = libc::IP_PMTUDISC_PROBE;
        let _ = sys::set_int(socket.as_fd(), libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, probe);
    }
    Ok(socket)
}

fn open_ipv6(
    options: &SocketOptions,
    interface: &Interface,
    class: MessageClass,
) -> Result<Socket, NetError> {
    let name = interface.name.as_str();
    let fail = |action| move |e| NetError::os(action, name, None, e);
    let socket = sys::socket(libc::AF_INET6, libc::SOCK_DGRAM, 0).map_err(fail("open a UDP/IPv6 socket"))?;
    let _ = socket.set_reuse_address(true);
    let _ = socket.set_only_v6(true);
    bind_device(&socket, interface)?;
    let local = Name::ipv6(Ipv6Addr::UNSPECIFIED, class.udp_port(), 0);
    sys::bind(socket.as_fd(), &local).map_err(|e| bind_error(name, class, e))?;
    bind_device(&socket, interface)?;

    let _ = socket.set_multicast_all_v6(false);
    for group in groups(options) {
        if let Address::Ipv6(group) = group
            && group.is_multicast()
        {
            socket.join_multicast_v6(&group, interface.index).map_err(fail("join a multicast group"))?;
        }
    }
    let _ = socket.set_multicast_if_v6(interface.index);
    let _ = socket.set_multicast_loop_v6(false);
    let _ = socket.set_multicast_hops_v6(options.ttl.max(1).into());
    let _ = sys::set_int(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_TCLASS, dscp(options, class));
    Ok(socket)
}

/// Both destinations; one of them twice would be refused.
pub(crate) fn groups(options: &SocketOptions) -> impl Iterator<Item = Address> {
    [Some(options.primary), Some(options.peer_delay).filter(|a| *a != options.primary)].into_iter().flatten()
}

fn bind_error(interface: &str, class: MessageClass, source: io::Error) -> NetError {
    let action = match class {
        MessageClass::Event => "bind UDP port 319",
        MessageClass::General => "bind UDP port 320",
    };
    NetError::os(action, interface, Some(Capability::NetBindService), source)
}
