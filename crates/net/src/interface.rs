use std::net::{Ipv4Addr, Ipv6Addr};

use crate::NetError;

/// What a network interface is and can do, at the time of asking.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// The kernel's number for it.
    pub index: u32,
    /// Its hardware address; `None` if it is not one of 6 octets.
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
    /// The card can stamp what is sent and what is received.
    pub const fn hardware(&self) -> bool {
        unimplemented!()
    }

    /// The driver stamps in software what is sent.
    pub const fn software_transmit(&self) -> bool {
        unimplemented!()
    }
}

impl Interface {
    /// Asks the kernel about an interface.
    ///
    /// # Errors
    /// [`NetError::NoInterface`], [`NetError::InterfaceName`], or the kernel refused.
    pub fn query(_name: &str) -> Result<Self, NetError> {
        unimplemented!()
    }

    /// The PTP hardware clock that stamps its messages: N of /dev/ptpN.
    pub const fn phc_index(&self) -> Option<u32> {
        self.stamping.phc_index
    }
}
