//! AUTHENTICATION (1588-2019 16.14): the layout. Keys and the integrity check itself are not the wire's business.

use core::fmt;

use super::Tlv;
use crate::dump::{Dump, Hex};
use crate::field::{Field, Show, bits};
use crate::octets::{Cursor, Reader};
use crate::{Message, TlvType, WireError, Writer};

bits! {
    /// secParamIndicator: which optional fields are there (16.14.3.4).
    SecParamIndicator {
        /// RES.
        RES_PRESENT = 0,
        /// sequenceNo.
        SEQUENCE_NO_PRESENT = 1,
        /// disclosedKey.
        DISCLOSED_KEY_PRESENT = 2,
    }
}

/// The value of an AUTHENTICATION TLV.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Authentication<'a> {
    /// SPP, the security parameters pointer.
    pub spp: u8,
    /// secParamIndicator: 0 in 1588-2019 with immediate processing.
    pub sec_param_indicator: SecParamIndicator,
    /// keyID.
    pub key_id: u32,
    /// disclosedKey, sequenceNo and RES, as far as they are there, then the ICV. Their sizes are those of the security association.
    pub tail: &'a [u8],
}

impl<'a> Authentication<'a> {
    /// Octets before [`Authentication::tail`].
    pub const HEAD: usize = 6;

    /// Reads a value.
    ///
    /// # Errors
    /// [`WireError::Truncated`].
    pub fn parse(value: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(value);
        Ok(Self {
            spp: r.u8()?,
            sec_param_indicator: SecParamIndicator::read(&mut r)?,
            key_id: r.u32()?,
            tail: r.rest(),
        })
    }

    /// Writes the value to the front of `room`. An odd tail would be padded after the ICV: give an even one.
    ///
    /// # Errors
    /// [`WireError::NoSpace`].
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let mut w = Cursor::new(room);
        w.u8(self.spp)?;
        self.sec_param_indicator.write(&mut w)?;
        w.u32(self.key_id)?;
        w.put(self.tail)?;
        Ok(w.position())
    }

    /// The last `len` octets: the integrity check value. `None` if there are not so many, or if there are others before them
    /// though secParamIndicator promises none.
    pub fn icv(&self, len: usize) -> Option<&'a [u8]> {
        let before = self.tail.len().checked_sub(len)?;
        let promised = self.sec_param_indicator != SecParamIndicator::default();
        if before > 0 && !promised { None } else { self.tail.get(before..) }
    }

    pub(crate) fn dump(&self, d: &mut Dump<'_, '_>) -> fmt::Result {
        d.field("spp", self.spp)?;
        d.field("sec_param_indicator", Show(&self.sec_param_indicator))?;
        d.field("key_id", self.key_id)?;
        d.field("icv", Hex(self.tail))
    }
}

impl<'a> Message<'a> {
    /// The AUTHENTICATION TLV, if it is the last TLV and the very end of the message, as it must be.
    pub fn authentication(&self) -> Option<Authentication<'a>> {
        let mut tlvs = self.tlvs();
        let Tlv { tlv_type: TlvType::AUTHENTICATION, value } = tlvs.by_ref().last()? else { return None };
        if !self.octets().as_ptr_range().end.eq(&value.as_ptr_range().end) {
            return None;
        }
        Authentication::parse(value).ok()
    }

    /// The octets that an ICV of `icv_len` octets at the end covers: all before it.
    pub fn covered(&self, icv_len: usize) -> Option<&'a [u8]> {
        self.octets().get(..self.octets().len().checked_sub(icv_len)?)
    }
}

impl Writer<'_> {
    /// Appends an AUTHENTICATION TLV without optional fields, sets `messageLength` and lets `sign` write the ICV, given all
    /// octets before it. Returns `messageLength`.
    ///
    /// # Errors
    /// [`WireError::NoSpace`]; [`WireError::Value`] for an odd `icv_len`; what `sign` returns.
    pub fn finish_authenticated(
        mut self,
        spp: u8,
        key_id: u32,
        icv_len: usize,
        sign: impl FnOnce(&[u8], &mut [u8]) -> Result<(), WireError>,
    ) -> Result<usize, WireError> {
        if icv_len % 2 == 1 {
            return Err(WireError::Value);
        }
        self.tlv_with(TlvType::AUTHENTICATION, |room| {
            let head =
                Authentication { spp, sec_param_indicator: SecParamIndicator::default(), key_id, tail: &[] };
            let used = head.emit(room)? + icv_len;
            if used > room.len() { Err(WireError::NoSpace) } else { Ok(used) }
        })?;
        let (buf, len) = self.finish_into();
        let message = buf.get_mut(..len).ok_or(WireError::NoSpace)?;
        let at = len.checked_sub(icv_len).ok_or(WireError::NoSpace)?;
        let (covered, icv) = message.split_at_mut_checked(at).ok_or(WireError::NoSpace)?;
        sign(covered, icv)?;
        Ok(len)
    }
}
