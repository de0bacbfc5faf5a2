use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};

use crate::NetError;
use crate::sys::{self, DataWords, InterfaceRequest, TS_INFO_WORDS};

const SIOCETHTOOL: u32 = 0x8946;
const ETHTOOL_GET_TS_INFO: u32 = 0x41;
const ETHTOOL_GSET: u32 = 0x01;
const IFF_UP: u32 = libc::IFF_UP as u32;
const IFF_RUNNING: u32 = libc::IFF_RUNNING as u32;
/// Its hardware addresses have 20 octets.
const ARPHRD_INFINIBAND: u16 = 32;

/// What a network interface is and can do, at the time of asking.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// The kernel's number for it.
    pub index: u32,
    /// Its hardware address; `None` if it has none of 6 octets.
    pub mac: Option<[u8; 6]>,
    /// Its IPv4 addresses.
    pub ipv4: Vec<Ipv4Addr>,
    /// Its IPv6 addresses; none in simulators, even where IPv6 works.
    pub ipv6: Vec<Ipv6Addr>,
    /// Set up by the administrator (IFF_UP).
    pub up: bool,
    /// The link works (IFF_UP and IFF_RUNNING).
    pub running: bool,
    /// What stamps it can make.
    pub stamping: StampingInfo,
}

/// What ETHTOOL_GET_TS_INFO says; all zero where the driver does not answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StampingInfo {
    /// SOF_TIMESTAMPING_* bits.
    pub so_timestamping: u32,
    /// /dev/ptpN.
    pub phc_index: Option<u32>,
    /// 1 << HWTSTAMP_TX_*.
    pub tx_types: u32,
    /// 1 << HWTSTAMP_FILTER_*.
    pub rx_filters: u32,
}

impl StampingInfo {
    const HARDWARE: u32 = libc::SOF_TIMESTAMPING_TX_HARDWARE
        | libc::SOF_TIMESTAMPING_RX_HARDWARE
        | libc::SOF_TIMESTAMPING_RAW_HARDWARE;

    /// The card can stamp what is sent and what is received.
    pub const fn hardware(&self) -> bool {
        self.so_timestamping & Self::HARDWARE == Self::HARDWARE
    }

    /// The driver stamps in software what is sent.
    pub const fn software_transmit(&self) -> bool {
        self.so_timestamping & libc::SOF_TIMESTAMPING_TX_SOFTWARE != 0
    }

    fn read(fd: BorrowedFd<'_>, name: [u8; libc::IFNAMSIZ]) -> io::Result<Self> {
        let mut data = DataWords([0; TS_INFO_WORDS]);
        let [command, ..] = &mut data.0;
        *command = ETHTOOL_GET_TS_INFO;
        sys::interface_data_ioctl(fd, SIOCETHTOOL, name, &mut data)?;
        let [_, so_timestamping, phc_index, tx_types, _, _, _, rx_filters, ..] = data.0;
        // -1: no clock.
        let phc_index = i32::try_from(phc_index).ok().and_then(|i| u32::try_from(i).ok());
        Ok(Self { so_timestamping, phc_index, tx_types, rx_filters })
    }
}

impl Interface {
    /// Asks the kernel about an interface.
    ///
    /// # Errors
    /// [`NetError::NoInterface`], [`NetError::InterfaceName`], or the kernel refused.
    pub fn query(name: &str) -> Result<Self, NetError> {
        let fail = |action: &'static str| move |e| NetError::os(action, name, None, e);
        let octets = name_octets(name)?;
        let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)
            .map_err(fail("open a socket to ask about the interface"))?;
        let fd = socket.as_fd();
        let ask = |number: u32| {
            let mut request = InterfaceRequest { name: octets, value: [0; 24] };
            sys::interface_ioctl(fd, number, &mut request).map(|()| request.value)
        };

        let index = match ask(libc::SIOCGIFINDEX as u32) {
            Ok([a, b, c, d, ..]) => u32::from_ne_bytes([a, b, c, d]),
            // Simulators say EINVAL.
            Err(e) if matches!(e.raw_os_error(), Some(libc::ENODEV | libc::EINVAL)) => {
                return Err(NetError::NoInterface { interface: name.to_owned() });
            }
            Err(e) => return Err(fail("ask for the interface's index")(e)),
        };
        let mac = match ask(libc::SIOCGIFHWADDR as u32) {
            Ok([k, l, a, b, c, d, e, f, ..]) => Some([a, b, c, d, e, f])
                .filter(|m| *m != [0; 6] && u16::from_ne_bytes([k, l]) != ARPHRD_INFINIBAND),
            Err(_) => None,
        };
        let [a, b, ..] = ask(libc::SIOCGIFFLAGS as u32).map_err(fail("ask for the interface's flags"))?;
        let mut flags = u32::from(u16::from_ne_bytes([a, b]));

        let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
        let addresses =
            nix::ifaddrs::getifaddrs().map_err(|e| fail("list the interface's addresses")(e.into()))?;
        for entry in addresses.filter(|e| e.interface_name == name) {
            // Simulators say IFF_RUNNING only here.
            flags |= entry.flags.bits() as u32 & IFF_RUNNING;
            let Some(address) = entry.address else { continue };
            if let Some(v4) = address.as_sockaddr_in() {
                ipv4.push(v4.ip());
            } else if let Some(v6) = address.as_sockaddr_in6() {
                ipv6.push(v6.ip());
            }
        }

        let up = flags & IFF_UP != 0;
        Ok(Self {
            name: name.to_owned(),
            index,
            mac,
            ipv4,
            ipv6,
            up,
            running: up && flags & IFF_RUNNING != 0,
            stamping: StampingInfo::read(fd, octets).unwrap_or_default(),
        })
    }

    /// The rate of an interface's link in bits per second; `None` while the link is down, where it has none (loopback),
    /// or where the driver does not tell (simulators).
    pub fn link_rate(name: &str) -> Option<u64> {
        let octets = name_octets(name).ok()?;
        let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM, 0).ok()?;
        // struct ethtool_cmd is as long as struct ethtool_ts_info.
        let mut data = DataWords([0; TS_INFO_WORDS]);
        let [command, ..] = &mut data.0;
        *command = ETHTOOL_GSET;
        sys::interface_data_ioctl(socket.as_fd(), SIOCETHTOOL, octets, &mut data).ok()?;
        rate_of(&data.0)
    }

    /// The PTP hardware clock that stamps its messages: N of /dev/ptpN.
    pub const fn phc_index(&self) -> Option<u32> {
        self.stamping.phc_index
    }
}

/// struct ethtool_cmd's speed in Mbit/s: its low half in the fourth word, its high half in the eighth.
fn rate_of(words: &[u32; TS_INFO_WORDS]) -> Option<u64> {
    let [_, _, _, low, _, _, _, high, ..] = words.map(u32::to_ne_bytes);
    let ([l0, l1, ..], [h0, h1, ..]) = (low, high);
    let (low, high) = (u16::from_ne_bytes([l0, l1]), u16::from_ne_bytes([h0, h1]));
    let megabits = u32::from(high) << 16 | u32::from(low);
    // SPEED_UNKNOWN is -1; older drivers say 65535.
    (!matches!(megabits, 0 | 0xffff | u32::MAX)).then_some(u64::from(megabits) * 1_000_000)
}

/// The name as the kernel takes it, NUL-terminated.
pub(crate) fn name_octets(name: &str) -> Result<[u8; libc::IFNAMSIZ], NetError> {
    let bad = name.is_empty()
        || name.len() >= libc::IFNAMSIZ
        || matches!(name, "." | "..")
        || name.bytes().any(|o| matches!(o, 0 | b'/' | b':') || o.is_ascii_whitespace());
    if bad {
        return Err(NetError::InterfaceName { interface: name.to_owned() });
    }
    let mut octets = [0; libc::IFNAMSIZ];
    for (to, from) in octets.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["lo", "eth0.100", "enp1s0f1np1", "a23456789012345"] {
            assert!(name_octets(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "a\0", "eth0:1", "a234567890123456"] {
            assert!(matches!(name_octets(bad), Err(NetError::InterfaceName { .. })), "{bad:?}");
        }
    }

    #[test]
    fn a_rate_is_read_from_its_two_halves() {
        let words = |low: u16, high: u16| {
            let mut words = [0; TS_INFO_WORDS];
            let ([l0, l1], [h0, h1]) = (low.to_ne_bytes(), high.to_ne_bytes());
            words[3] = u32::from_ne_bytes([l0, l1, 1, 2]);
            words[7] = u32::from_ne_bytes([h0, h1, 3, 4]);
            words
        };
        assert_eq!(rate_of(&words(1000, 0)), Some(1_000_000_000));
        assert_eq!(rate_of(&words(34464, 1)), Some(100_000_000_000));
        for unknown in [words(0, 0), words(0xffff, 0), words(0xffff, 0xffff)] {
            assert_eq!(rate_of(&unknown), None);
        }
        assert_eq!(Interface::link_rate("lo"), None);
        assert_eq!(Interface::link_rate("no-such-if"), None);
    }

    #[test]
    fn loopback_is_known_and_nonsense_is_not() {
        let lo = Interface::query("lo").expect("every Linux has it");
        assert!(lo.index > 0);
        assert_eq!(lo.mac, None);
        assert_eq!(lo.phc_index(), None);
        assert!(matches!(Interface::query("no-such-if"), Err(NetError::NoInterface { .. })));
    }
}
