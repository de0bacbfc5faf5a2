use super::TlvType;
use crate::WireError;
use crate::octets::Reader;

/// One TLV, its value still undecoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tlv<'a> {
    /// tlvType.
    pub tlv_type: TlvType,
    /// valueField, an even number of octets.
    pub value: &'a [u8],
}

/// The TLVs at the end of a message. Fewer than 4 left-over octets end it.
#[derive(Clone, Copy, Debug)]
pub struct TlvIter<'a> {
    rest: Reader<'a>,
}

impl<'a> TlvIter<'a> {
    /// Over octets whose framing has been checked, or not: a bad TLV then simply ends it.
    pub fn new(octets: &'a [u8]) -> Self {
        Self { rest: Reader::new(octets) }
    }

    /// Checks the framing of all TLVs in `octets`.
    pub fn check(octets: &'a [u8]) -> Result<(), WireError> {
        let mut r = Reader::new(octets);
        while r.rest().len() >= 4 {
            read_tlv(&mut r)?;
        }
        Ok(())
    }
}

fn read_tlv<'a>(r: &mut Reader<'a>) -> Result<Tlv<'a>, WireError> {
    let tlv_type = TlvType(r.u16()?);
    let length = r.u16()?;
    if length % 2 == 1 {
        return Err(WireError::TlvLength);
    }
    let value = r.take(length.into()).map_err(|_| WireError::TlvLength)?;
    Ok(Tlv { tlv_type, value })
}

impl<'a> Iterator for TlvIter<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        read_tlv(&mut self.rest).ok()
    }
}
