use super::{Body, Header};
use crate::octets::Cursor;
use crate::{TlvType, WireError};

/// Emits a message: header and body at once, then TLVs one by one, then [`Writer::finish`] sets `messageLength`.
#[derive(Debug)]
pub struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// Starts a message. The body decides the message type that is written.
    pub fn new(buf: &'a mut [u8], header: &Header, body: &Body) -> Result<Self, WireError> {
        let header = Header { message_type: body.message_type(), ..*header };
        let mut w = Cursor::new(buf);
        header.write(&mut w, 0)?;
        body.write(&mut w)?;
        let len = w.position();
        Ok(Self { buf, len })
    }

    /// Appends a TLV whose value is given. An odd value is padded with a zero octet.
    pub fn tlv(&mut self, tlv_type: TlvType, value: &[u8]) -> Result<(), WireError> {
        self.tlv_with(tlv_type, |room| {
            room.get_mut(..value.len()).ok_or(WireError::NoSpace)?.copy_from_slice(value);
            Ok(value.len())
        })
    }

    /// Appends a TLV whose value `fill` writes to the front of the room it is given, returning the octets used.
    /// An odd value is padded with a zero octet. On an error nothing is appended.
    pub fn tlv_with(
        &mut self,
        tlv_type: TlvType,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, WireError>,
    ) -> Result<(), WireError> {
        let room = self.buf.get_mut(self.len..).ok_or(WireError::NoSpace)?;
        let (head, value) = room.split_at_mut_checked(4).ok_or(WireError::NoSpace)?;
        let mut used = fill(value)?;
        if used > value.len() {
            return Err(WireError::NoSpace);
        }
        if used % 2 == 1 {
            *value.get_mut(used).ok_or(WireError::NoSpace)? = 0;
            used += 1;
        }
        let length = u16::try_from(used).map_err(|_| WireError::TlvLength)?;
        if self.len + 4 + used > usize::from(u16::MAX) {
            return Err(WireError::MessageLength);
        }
        let mut w = Cursor::new(head);
        w.u16(tlv_type.0)?;
        w.u16(length)?;
        self.len += 4 + used;
        Ok(())
    }

    /// Octets written so far.
    pub fn position(&self) -> usize {
        self.len
    }

    /// Sets `messageLength` and returns it.
    pub fn finish(self) -> usize {
        self.finish_into().1
    }

    /// Sets `messageLength`; returns the whole buffer and the length.
    pub(crate) fn finish_into(self) -> (&'a mut [u8], usize) {
        // The constructor wrote the whole header and the TLVs stay below 2^16: both always hold.
        if let (Some(field), Ok(len)) = (self.buf.get_mut(2..4), u16::try_from(self.len)) {
            field.copy_from_slice(&len.to_be_bytes());
        }
        (self.buf, self.len)
    }
}
