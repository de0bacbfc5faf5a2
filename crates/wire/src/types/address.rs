use crate::WireError;
use crate::octets::{Cursor, Reader};

/// A protocol address (1588-2019 5.3.6), borrowed from the message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PortAddress<'a> {
    /// 1 UDP/IPv4, 2 UDP/IPv6, 3 IEEE 802.3, ... (7.4.1).
    pub network_protocol: u16,
    /// 4, 16, 6, ... octets.
    pub address: &'a [u8],
}

impl<'a> PortAddress<'a> {
    pub(crate) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let network_protocol = r.u16()?;
        let len = r.u16()?;
        Ok(Self { network_protocol, address: r.take(len.into())? })
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u16(self.network_protocol)?;
        w.u16(u16::try_from(self.address.len()).map_err(|_| WireError::Value)?)?;
        w.put(self.address)
    }
}
