//! Switching stamps on: the network card's (SIOCSHWTSTAMP) and the socket's (SO_TIMESTAMPING).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::interface::name_octets;
use crate::sys::{self, DataWords, HWTSTAMP_WORDS};
use crate::{Capability, NetError, Stamping, StampingInfo, Transport};

const SIOCSHWTSTAMP: u32 = 0x89b0;
const SIOCGHWTSTAMP: u32 = 0x89b1;
const HWTSTAMP_TX_ON: u32 = 1;
const HWTSTAMP_TX_ONESTEP_SYNC: u32 = 2;
const HWTSTAMP_TX_ONESTEP_P2P: u32 = 3;
const FILTER_ALL: u32 = 1;
const FILTER_V2_L4_EVENT: u32 = 6;
const FILTER_V2_L2_EVENT: u32 = 9;
const FILTER_V2_EVENT: u32 = 12;
const SO_SELECT_ERR_QUEUE: i32 = 45;
/// SOF_TIMESTAMPING_BIND_PHC.
const BIND_PHC: u32 = 1 << 15;

/// How a network card stamps at the moment (struct hwtstamp_config, Linux's `net_tstamp.h`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CardStamping {
    /// HWTSTAMP_TX_*: 0 nothing that is sent is stamped, 1 what asks for it, 2 one-step Sync, 3 one-step Sync and Pdelay_Resp.
    pub tx_type: u32,
    /// HWTSTAMP_FILTER_*: 0 nothing that is received is stamped, 1 everything, 12 PTP event messages of version 2.
    pub rx_filter: u32,
}

impl CardStamping {
    /// Asks the card of an interface how it stamps. Needs no privilege.
    ///
    /// # Errors
    /// [`NetError::NoInterface`], [`NetError::InterfaceName`]; [`NetError::NoStamping`] where the card makes no hardware
    /// stamps or its driver cannot tell; or the kernel refused.
    pub fn read(interface: &str) -> Result<Self, NetError> {
        const ACTION: &str = "ask how the network card stamps";
        card_ioctl(SIOCGHWTSTAMP, interface, ACTION, Self { tx_type: 0, rx_filter: 0 })
    }

    /// Tells the card of an interface how to stamp, and returns what it does now: drivers may stamp more than they were
    /// asked. Programs that use its stamps lose them where less is asked.
    ///
    /// # Errors
    /// As [`CardStamping::read`], and [`NetError::Privilege`]; [`NetError::NoStamping`] also where the card cannot do this.
    pub fn set(self, interface: &str) -> Result<Self, NetError> {
        card_ioctl(SIOCSHWTSTAMP, interface, "tell the network card how to stamp", self)
    }
}

fn card_ioctl(
    number: u32,
    interface: &str,
    action: &'static str,
    wanted: CardStamping,
) -> Result<CardStamping, NetError> {
    let name = name_octets(interface)?;
    let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)
        .map_err(|e| NetError::os("open a socket to ask about the interface", interface, None, e))?;
    let mut words = DataWords::<HWTSTAMP_WORDS>([0, wanted.tx_type, wanted.rx_filter]);
    sys::interface_data_ioctl(socket.as_fd(), number, name, &mut words).map_err(|e| {
        let lacks = match e.raw_os_error() {
            Some(libc::EOPNOTSUPP | libc::ENOTTY) if number == SIOCGHWTSTAMP => {
                "hardware stamps, or a driver that tells how it stamps"
            }
            Some(libc::EOPNOTSUPP | libc::ENOTTY) => "hardware stamps",
            Some(libc::ERANGE) => "hardware stamps of this kind",
            _ => return NetError::os(action, interface, Some(Capability::NetAdmin), e),
        };
        NetError::NoStamping { interface: interface.to_owned(), lacks }
    })?;
    let [_, tx_type, rx_filter] = words.0;
    Ok(CardStamping { tx_type, rx_filter })
}

/// The receive filters that do, the narrowest first.
const fn filters(transport: Transport) -> [u32; 3] {
    match transport {
        Transport::UdpIpv4 | Transport::UdpIpv6 => [FILTER_V2_EVENT, FILTER_V2_L4_EVENT, FILTER_ALL],
        Transport::Ethernet => [FILTER_V2_EVENT, FILTER_V2_L2_EVENT, FILTER_ALL],
    }
}

/// HWTSTAMP_TX_*.
const fn tx_type(stamping: Stamping) -> u32 {
    match stamping {
        Stamping::OneStep => HWTSTAMP_TX_ONESTEP_SYNC,
        Stamping::P2pOneStep => HWTSTAMP_TX_ONESTEP_P2P,
        Stamping::Hardware | Stamping::Software | Stamping::None => HWTSTAMP_TX_ON,
    }
}

/// What the card would have to write.
pub(crate) const fn one_step_of(stamping: Stamping) -> &'static str {
    match stamping {
        Stamping::P2pOneStep => "one-step Sync and Pdelay_Resp (onestep-p2p)",
        _ => "one-step Sync (onestep-sync)",
    }
}

/// The card says of itself that it can write what this kind of stamps needs. ONESTEP_P2P includes Sync.
pub(crate) fn card_can(info: &StampingInfo, stamping: Stamping) -> bool {
    !stamping.is_one_step() || info.tx_types & (1 << tx_type(stamping)) != 0
}

/// Has the card stamp event messages, and write into them. What is set already needs no privilege.
pub(crate) fn enable_card(
    fd: BorrowedFd<'_>,
    interface: &str,
    transport: Transport,
    stamping: Stamping,
) -> Result<(), NetError> {
    let name = name_octets(interface)?;
    let wanted = tx_type(stamping);
    let suits = |[_, tx_type, filter]: [u32; 3]| tx_type == wanted && filters(transport).contains(&filter);

    let mut now = DataWords::<HWTSTAMP_WORDS>([0; HWTSTAMP_WORDS]);
    if sys::interface_data_ioctl(fd, SIOCGHWTSTAMP, name, &mut now).is_ok() && suits(now.0) {
        return Ok(());
    }
    let mut refused = None;
    for filter in filters(transport) {
        let mut want = DataWords::<HWTSTAMP_WORDS>([0, wanted, filter]);
        match sys::interface_data_ioctl(fd, SIOCSHWTSTAMP, name, &mut want) {
            // The driver writes back what it really does: often more than was asked.
            Ok(()) if suits(want.0) => return Ok(()),
            Ok(()) => {}
            Err(e) => match e.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => {
                    let action = "switch the network card's stamps on";
                    return Err(NetError::Privilege { action, capability: Capability::NetAdmin });
                }
                _ => refused = Some(e),
            },
        }
    }
    match refused.as_ref().and_then(io::Error::raw_os_error) {
        None | Some(libc::EOPNOTSUPP | libc::ERANGE | libc::EINVAL | libc::ENOTTY)
            if stamping.is_one_step() =>
        {
            Err(NetError::NoOneStep { interface: interface.to_owned(), lacks: one_step_of(stamping) })
        }
        None | Some(libc::EOPNOTSUPP | libc::ERANGE | libc::EINVAL | libc::ENOTTY) => {
            Err(NetError::NoStamping {
                interface: interface.to_owned(),
                lacks: "hardware stamps of PTP event messages",
            })
        }
        Some(_) => {
            let source = refused.unwrap_or_else(|| io::Error::from_raw_os_error(libc::EOPNOTSUPP));
            Err(NetError::os(
                "switch the network card's stamps on",
                interface,
                Some(Capability::NetAdmin),
                source,
            ))
        }
    }
}

/// What comes back with a stamp.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Looped {
    /// The number of the transmission only.
    Number,
    /// The whole frame, too.
    Frame,
}

/// SO_TIMESTAMPING's flags for a kind of stamps. Every transmission of the socket gets a number (OPT_ID), and comes back
/// without its payload (OPT_TSONLY) unless that is wanted.
const fn flags(stamping: Stamping, looped: Looped) -> u32 {
    let which = match stamping {
        Stamping::Software => {
            libc::SOF_TIMESTAMPING_TX_SOFTWARE
                | libc::SOF_TIMESTAMPING_RX_SOFTWARE
                | libc::SOF_TIMESTAMPING_SOFTWARE
        }
        Stamping::Hardware | Stamping::OneStep | Stamping::P2pOneStep => {
            libc::SOF_TIMESTAMPING_TX_HARDWARE
                | libc::SOF_TIMESTAMPING_RX_HARDWARE
                | libc::SOF_TIMESTAMPING_RAW_HARDWARE
        }
        Stamping::None => return 0,
    };
    match looped {
        Looped::Number => which | libc::SOF_TIMESTAMPING_OPT_ID | libc::SOF_TIMESTAMPING_OPT_TSONLY,
        Looped::Frame => which | libc::SOF_TIMESTAMPING_OPT_ID,
    }
}

/// Has the kernel loop what a socket of general messages sends back to it, for the headers: the stamps mean nothing.
pub(crate) fn loop_frames(fd: BorrowedFd<'_>) -> io::Result<()> {
    set_flags(fd, libc::SOF_TIMESTAMPING_TX_SOFTWARE | libc::SOF_TIMESTAMPING_SOFTWARE)
}

/// Has the kernel hand the stamps to the socket.
pub(crate) fn enable_socket(
    fd: BorrowedFd<'_>,
    interface: &str,
    stamping: Stamping,
    looped: Looped,
    virtual_clock: Option<u32>,
) -> Result<(), NetError> {
    let all = flags(stamping, looped);
    if all == 0 {
        return Ok(());
    }
    if let Some(index) = virtual_clock.filter(|_| stamping.is_hardware()) {
        // The kernel looks which card it is by the device the socket is bound to; packet sockets are not by nature.
        let mut name = interface.as_bytes().to_vec();
        name.push(0);
        let _ = sys::set_option(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &name);
        set_bound_flags(fd, all, index).map_err(|e| {
            if e.raw_os_error() == Some(libc::EINVAL) {
                NetError::NoStamping {
                    interface: interface.to_owned(),
                    lacks: "a virtual clock of this number (/sys/class/ptp/ptpN/n_vclocks makes them, Linux 5.14)",
                }
            } else {
                NetError::os("have stamps told in a virtual clock's time", interface, None, e)
            }
        })?;
        let _ = sys::set_int(fd, libc::SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1);
        return Ok(());
    }
    let without = all & !(libc::SOF_TIMESTAMPING_OPT_ID | libc::SOF_TIMESTAMPING_OPT_TSONLY);
    set_flags(fd, all).or_else(|_| set_flags(fd, without)).map_err(|_| NetError::NoStamping {
        interface: interface.to_owned(),
        lacks: "stamps on its sockets (SO_TIMESTAMPING)",
    })?;
    // POLLPRI for the error queue. Where it is unknown, POLLERR comes alone.
    let _ = sys::set_int(fd, libc::SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1);
    Ok(())
}

/// Has the kernel count transmissions from 0 again.
pub(crate) fn restart_ids(
    fd: BorrowedFd<'_>,
    stamping: Stamping,
    looped: Looped,
    virtual_clock: Option<u32>,
) -> io::Result<()> {
    let all = flags(stamping, looped);
    set_flags(fd, all & !libc::SOF_TIMESTAMPING_OPT_ID & !libc::SOF_TIMESTAMPING_OPT_TSONLY)?;
    match virtual_clock.filter(|_| stamping.is_hardware()) {
        Some(index) => set_bound_flags(fd, all, index),
        None => set_flags(fd, all),
    }
}

/// struct so_timestamping: flags and the virtual clock's number.
fn set_bound_flags(fd: BorrowedFd<'_>, flags: u32, index: u32) -> io::Result<()> {
    let mut value = [0; 8];
    for (to, from) in
        value.iter_mut().zip((flags | BIND_PHC).to_ne_bytes().into_iter().chain(index.to_ne_bytes()))
    {
        *to = from;
    }
    sys::set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &value)
}

fn set_flags(fd: BorrowedFd<'_>, flags: u32) -> io::Result<()> {
    sys::set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &flags.to_ne_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_the_kernels() {
        assert_eq!(flags(Stamping::Software, Looped::Number), 1 << 1 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 11);
        assert_eq!(flags(Stamping::Hardware, Looped::Number), 1 << 0 | 1 << 2 | 1 << 6 | 1 << 7 | 1 << 11);
        assert_eq!(flags(Stamping::Software, Looped::Frame), 1 << 1 | 1 << 3 | 1 << 4 | 1 << 7);
        assert_eq!(flags(Stamping::None, Looped::Frame), 0);
        assert_eq!(flags(Stamping::P2pOneStep, Looped::Number), flags(Stamping::Hardware, Looped::Number));
    }

    #[test]
    fn loopback_has_no_card() {
        let ask = CardStamping { tx_type: 1, rx_filter: 12 };
        assert!(matches!(CardStamping::read("lo"), Err(NetError::NoStamping { .. })));
        // Who may not ask learns that first.
        assert!(matches!(ask.set("lo"), Err(NetError::NoStamping { .. } | NetError::Privilege { .. })));
        assert!(matches!(CardStamping::read("no-such-if"), Err(NetError::NoInterface { .. })));
        assert!(matches!(ask.set("a/b"), Err(NetError::InterfaceName { .. })));
    }

    #[test]
    fn a_card_is_asked_for_no_more_than_it_can() {
        let card = |tx_types| StampingInfo { tx_types, ..StampingInfo::default() };
        for (stamping, bit) in [(Stamping::OneStep, 2), (Stamping::P2pOneStep, 3)] {
            assert!(!card_can(&card(0b11), stamping));
            assert!(card_can(&card(1 << bit), stamping));
        }
        assert!(card_can(&card(0), Stamping::Hardware), "what it says of itself is not needed for that");
        assert_eq!([Stamping::Hardware, Stamping::OneStep, Stamping::P2pOneStep].map(tx_type), [1, 2, 3]);
    }
}
