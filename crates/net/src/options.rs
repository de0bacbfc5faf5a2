use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{Address, Transport};

/// The longest message that can be sent or received, in octets.
pub const MAX_MESSAGE: usize = 1500;

/// Who makes the stamps.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Stamping {
    /// The kernel, from CLOCK_REALTIME.
    #[default]
    Software,
    /// The network card, from its own clock (/dev/ptpN, see [`Interface::phc_index`](crate::Interface::phc_index)).
    Hardware,
    /// The network card, which also writes the time into each Sync without twoStepFlag as it leaves (ONESTEP_SYNC). No stamp
    /// comes back for those.
    OneStep,
    /// The same, and adds its turnaround time to each Pdelay_Resp without twoStepFlag (ONESTEP_P2P).
    P2pOneStep,
    /// Nobody: for programs that only ask and listen, like a management client.
    None,
}

impl Stamping {
    /// The card makes the stamps.
    pub const fn is_hardware(self) -> bool {
        matches!(self, Self::Hardware | Self::OneStep | Self::P2pOneStep)
    }

    /// The card writes into messages.
    pub const fn is_one_step(self) -> bool {
        matches!(self, Self::OneStep | Self::P2pOneStep)
    }
}

/// How to open a port's sockets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SocketOptions {
    /// The interface's name.
    pub interface: String,
    /// What carries the messages.
    pub transport: Transport,
    /// Who makes the stamps.
    pub stamping: Stamping,
    /// [`Destination::Primary`](crate::Destination::Primary). A multicast address is joined.
    pub primary: Address,
    /// [`Destination::PeerDelay`](crate::Destination::PeerDelay). A multicast address is joined.
    pub peer_delay: Address,
    /// Time to live or hop limit of multicast messages, 1 to 255. Peer delay messages always have 1.
    pub ttl: u8,
    /// DiffServ code point of event messages, 0 to 63.
    pub dscp_event: u8,
    /// DiffServ code point of general messages, 0 to 63.
    pub dscp_general: u8,
    /// SO_PRIORITY of event and general messages (0 leaves it).
    pub socket_priority: u8,
    /// How many stamps may be awaited at the same time, 1 to 16384. A request beyond takes the oldest one's place.
    pub max_outstanding: u16,
    /// Take messages for other hosts, too, by packet sockets whatever the transport, and send them on with
    /// [`PortSockets::send_on`](crate::PortSockets::send_on): a transparent clock's port. Needs no address.
    pub relay: bool,
    /// Many messages with one kernel call, for ports that serve many unicast clients. Simulators of clocks and networks
    /// do not know those calls.
    pub batch: bool,
    /// On batch ports over UDP/IPv4: most unicast messages leave by packet sockets, under headers that the kernel made for
    /// the same destination within the last second. The host's firewall, routes and counters see one message a second
    /// for each destination. Where that cannot be had, messages go the ordinary way
    /// ([`PortSockets::sends_directly`](crate::PortSockets::sends_directly)).
    pub direct: bool,
    /// N of /dev/ptpN, a virtual clock of the card's: hardware stamps are told in its time (SOF_TIMESTAMPING_BIND_PHC).
    pub virtual_clock: Option<u32>,
}

impl SocketOptions {
    /// The standard's addresses for the transport, software stamps, ttl 1, no DiffServ, 64 outstanding stamps.
    pub fn new(interface: &str, transport: Transport) -> Self {
        let (primary, peer_delay) = match transport {
            Transport::UdpIpv4 => {
                (Address::Ipv4(Ipv4Addr::new(224, 0, 1, 129)), Address::Ipv4(Ipv4Addr::new(224, 0, 0, 107)))
            }
            Transport::UdpIpv6 => {
                (Self::ipv6_group(0x0e), Address::Ipv6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x6b)))
            }
            Transport::Ethernet => (
                Address::Ethernet([0x01, 0x1b, 0x19, 0, 0, 0]),
                Address::Ethernet([0x01, 0x80, 0xc2, 0, 0, 0x0e]),
            ),
        };
        Self {
            interface: interface.to_owned(),
            transport,
            stamping: Stamping::Software,
            primary,
            peer_delay,
            ttl: 1,
            dscp_event: 0,
            dscp_general: 0,
            socket_priority: 0,
            max_outstanding: 64,
            relay: false,
            batch: false,
            direct: false,
            virtual_clock: None,
        }
    }

    /// The primary group FF0x::181 of a scope: 2 link, 5 site, 8 organisation, 14 global (1588-2019 D.3).
    /// Only the scope's low four bits count.
    pub const fn ipv6_group(scope: u8) -> Address {
        Address::Ipv6(Ipv6Addr::new(0xff00 | (scope & 0x0f) as u16, 0, 0, 0, 0, 0, 0, 0x181))
    }
}
