use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

/// What carries the messages.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Transport {
    /// UDP over IPv4 (1588-2019 annex C).
    UdpIpv4,
    /// UDP over IPv6 (annex D).
    UdpIpv6,
    /// IEEE 802.3, EtherType 0x88F7 (annex E).
    Ethernet,
}

impl Transport {
    /// networkProtocol (1588-2019 table 3).
    pub const fn network_protocol(self) -> u16 {
        match self {
            Self::UdpIpv4 => 1,
            Self::UdpIpv6 => 2,
            Self::Ethernet => 3,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::UdpIpv4 => "UDP/IPv4",
            Self::UdpIpv6 => "UDP/IPv6",
            Self::Ethernet => "Ethernet",
        })
    }
}

/// Which of a port's two sockets a message uses.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MessageClass {
    /// Stamped: Sync, Delay_Req, Pdelay_Req, Pdelay_Resp. UDP port 319.
    Event,
    /// All others. UDP port 320.
    General,
}

impl MessageClass {
    /// The UDP port (1588-2019 C.2, D.2).
    pub const fn udp_port(self) -> u16 {
        match self {
            Self::Event => 319,
            Self::General => 320,
        }
    }

    /// The class of a message by its first octet: messageType 0 to 3 are event messages (1588-2019 table 36).
    pub const fn of(first_octet: u8) -> Self {
        if first_octet & 0x0f < 4 { Self::Event } else { Self::General }
    }
}

/// Where a message came from or goes to. The UDP port is implied by the message's class.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Address {
    /// UDP/IPv4.
    Ipv4(Ipv4Addr),
    /// UDP/IPv6; a link-local address is one of the port's own interface.
    Ipv6(Ipv6Addr),
    /// IEEE 802.3.
    Ethernet([u8; 6]),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(a) => a.fmt(f),
            Self::Ipv6(a) => a.fmt(f),
            Self::Ethernet([a, b, c, d, e, g]) => {
                write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
            }
        }
    }
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Destination {
    /// The group of all messages but peer delay's.
    Primary,
    /// The group of peer delay messages.
    PeerDelay,
    /// One address, of the port's own transport.
    Unicast(Address),
}
