//! PTPMON_RESP: the answer to a Delay_Req that carries an empty PTPMON_REQ ("net sync monitor").

use core::fmt;

use crate::dump::{Dump, Hex};
use crate::field::Show;
use crate::management::{CurrentDataSet, ParentDataSet, TimePropertiesDataSet};
use crate::octets::{Cursor, Reader};
use crate::{PortAddress, Timestamp, WireError};

/// How the answering clock is synchronised; goes with its Delay_Resp.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PtpmonResp<'a> {
    /// portState, 1..=9.
    pub port_state: u8,
    /// The parent's address.
    pub parent_address: PortAddress<'a>,
    /// parentDS.
    pub parent: ParentDataSet,
    /// currentDS.
    pub current: CurrentDataSet,
    /// timePropertiesDS.
    pub time_properties: TimePropertiesDataSet,
    /// When the last Sync came.
    pub last_sync: Timestamp,
}

impl<'a> PtpmonResp<'a> {
    /// Reads a value with at most one octet of padding.
    ///
    /// # Errors
    /// [`WireError::Truncated`], [`WireError::TlvLength`] or [`WireError::Nanoseconds`].
    pub fn parse(value: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(value);
        let [port_state, _reserved] = r.array()?;
        let response = Self {
            port_state,
            parent_address: PortAddress::read(&mut r)?,
            parent: ParentDataSet::read(&mut r)?,
            current: CurrentDataSet::read(&mut r)?,
            time_properties: TimePropertiesDataSet::read(&mut r)?,
            last_sync: Timestamp::read(&mut r)?,
        };
        if r.rest().len() > 1 { Err(WireError::TlvLength) } else { Ok(response) }
    }

    /// Writes the value, not padded, to the front of `room`.
    ///
    /// # Errors
    /// [`WireError::NoSpace`]; [`WireError::Value`] if the address has 2^16 octets or more.
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let mut w = Cursor::new(room);
        w.put(&[self.port_state, 0])?;
        self.parent_address.write(&mut w)?;
        self.parent.write(&mut w)?;
        self.current.write(&mut w)?;
        self.time_properties.write(&mut w)?;
        self.last_sync.write(&mut w)?;
        Ok(w.position())
    }

    pub(crate) fn dump(&self, d: &mut Dump<'_, '_>) -> fmt::Result {
        d.field("port_state", self.port_state)?;
        d.field("network_protocol", self.parent_address.network_protocol)?;
        d.field("address", Hex(self.parent_address.address))?;
        d.field("parent", Show(&self.parent))?;
        d.field("current", Show(&self.current))?;
        d.field("time_properties", Show(&self.time_properties))?;
        d.field("last_sync", self.last_sync)
    }
}
