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

/// The TLVs at the end of a message. Fewer than 4 left-over octets end it, and so does a TLV that does not fit.
///
/// A C37.238-2011 TLV whose lengthField is 12, as that standard prints it, is taken with its 18 octets.
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
    let mut length = usize::from(r.u16()?);
    if length % 2 == 1 {
        return Err(WireError::TlvLength);
    }
    // C37.238-2011 prints lengthField 12 for 18 octets. No other TLV of this organization and sub-type is that short.
    if tlv_type == TlvType::ORGANIZATION_EXTENSION
        && length == 12
        && r.rest().len() >= 18
        && r.rest().starts_with(&[0x1c, 0x12, 0x9d, 0, 0, 1])
    {
        length = 18;
    }
    let value = r.take(length).map_err(|_| WireError::TlvLength)?;
    Ok(Tlv { tlv_type, value })
}

impl<'a> Iterator for TlvIter<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        let tlv = read_tlv(&mut self.rest);
        if tlv.is_err() {
            self.rest = Reader::new(&[]);
        }
        tlv.ok()
    }
}

impl core::iter::FusedIterator for TlvIter<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing() {
        let octets = [0x80, 8, 0, 2, 0, 0, 0x80, 8, 0, 0, 1, 2, 3];
        assert_eq!(TlvIter::check(&octets), Ok(()));
        let mut tlvs = TlvIter::new(&octets);
        assert_eq!(tlvs.next(), Some(Tlv { tlv_type: TlvType::PAD, value: &[0, 0] }));
        assert_eq!(tlvs.next(), Some(Tlv { tlv_type: TlvType::PAD, value: &[] }));
        assert_eq!(tlvs.next(), None);
    }

    #[test]
    fn a_bad_tlv_ends_it_for_good() {
        // Odd, and too long; behind each stand octets that look like a TLV.
        for octets in [[0x80, 8, 0, 1, 0x80, 8, 0, 0], [0x80, 8, 0, 6, 0x80, 8, 0, 0]] {
            assert_eq!(TlvIter::check(&octets), Err(WireError::TlvLength));
            let mut tlvs = TlvIter::new(&octets);
            assert_eq!((tlvs.next(), tlvs.next()), (None, None));
        }
    }

    #[test]
    fn the_length_that_c37_238_2011_prints() {
        let mut octets = [0; 26];
        octets[..10].copy_from_slice(&[0, 3, 0, 12, 0x1c, 0x12, 0x9d, 0, 0, 1]);
        octets[22..].copy_from_slice(&[0x80, 8, 0, 0]);
        let mut tlvs = TlvIter::new(&octets);
        assert_eq!(tlvs.next().map(|tlv| tlv.value.len()), Some(18));
        assert_eq!(tlvs.next().map(|tlv| tlv.tlv_type), Some(TlvType::PAD));
        // Another organization's stays as it is.
        octets[4] = 0;
        assert_eq!(TlvIter::new(&octets).next().map(|tlv| tlv.value.len()), Some(12));
    }
}
