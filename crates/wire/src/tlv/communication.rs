//! PORT_COMMUNICATION_AVAILABILITY and PROTOCOL_ADDRESS (1588-2019 16.13, 16.9).

use core::fmt;

use crate::dump::{Dump, Hex};
use crate::field::{bits, layout};
use crate::octets::{Cursor, Reader};
use crate::{PortAddress, WireError};

bits! {
    /// How a port can exchange messages (16.9.1.1.2).
    CommunicationCapabilities {
        /// Multicast.
        MULTICAST = 0,
        /// Unicast.
        UNICAST = 1,
        /// Unicast negotiation, capable and enabled.
        UNICAST_NEGOTIATION_ENABLED = 2,
        /// Unicast only if it was negotiated.
        UNICAST_NEGOTIATION_REQUIRED = 3,
    }
}

layout! {
    /// PORT_COMMUNICATION_AVAILABILITY (16.9.1).
    #[derive(Eq)]
    PortCommunicationAvailability {
        /// syncCapabilities.
        sync_capabilities: CommunicationCapabilities,
        /// delayRespCapabilities.
        delay_resp_capabilities: CommunicationCapabilities,
    }
}

impl<'a> PortAddress<'a> {
    /// Reads the value of a PROTOCOL_ADDRESS TLV (1588-2019 16.9.2): an address and at most one octet of padding.
    ///
    /// # Errors
    /// [`WireError::Truncated`] or [`WireError::TlvLength`].
    pub fn parse(value: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(value);
        let address = Self::read(&mut r)?;
        if r.rest().len() > 1 { Err(WireError::TlvLength) } else { Ok(address) }
    }

    /// Writes the value of a PROTOCOL_ADDRESS TLV, not padded, to the front of `room`.
    ///
    /// # Errors
    /// [`WireError::NoSpace`]; [`WireError::Value`] if the address has 2^16 octets or more.
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let mut w = Cursor::new(room);
        self.write(&mut w)?;
        Ok(w.position())
    }

    pub(crate) fn dump(&self, d: &mut Dump<'_, '_>) -> fmt::Result {
        d.field("network_protocol", self.network_protocol)?;
        d.field("address", Hex(self.address))
    }
}
