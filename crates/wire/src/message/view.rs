use super::{Body, Header};
use crate::octets::Reader;
use crate::{TlvIter, WireError};

/// A received message: the header and body decoded, the TLVs checked and left where they are.
///
/// What [`Message::parse`] accepts, every accessor reads without error: the type, the length, all times and the framing of
/// every TLV have been checked once.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    octets: &'a [u8],
    header: Header,
    body: Body,
    tlvs: &'a [u8],
}

impl<'a> Message<'a> {
    /// Parses one message from the front of a datagram or frame. Octets after `messageLength` (Ethernet padding, the
    /// UDP/IPv6 tail, a PRP trailer) are ignored.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(datagram);
        let (header, length) = Header::read(&mut r)?;
        let length = usize::from(length);
        if length < header.message_type.min_len() {
            return Err(WireError::MessageLength);
        }
        let octets = datagram.get(..length).ok_or(WireError::MessageLength)?;
        let mut r = Reader::new(octets.get(Header::LEN..).ok_or(WireError::MessageLength)?);
        let body = Body::read(header.message_type, &mut r)?;
        let tlvs = r.rest();
        TlvIter::check(tlvs)?;
        Ok(Self { octets, header, body, tlvs })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The body.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The TLVs, in order.
    pub fn tlvs(&self) -> TlvIter<'a> {
        TlvIter::new(self.tlvs)
    }

    /// Exactly `messageLength` octets, header first.
    pub fn octets(&self) -> &'a [u8] {
        self.octets
    }
}
