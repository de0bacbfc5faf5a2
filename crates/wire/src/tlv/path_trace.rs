//! PATH_TRACE (1588-2019 16.2).

use core::fmt;

use super::Records;
use crate::dump::Dump;
use crate::{ClockIdentity, Message, TlvType, WireError, Writer};

/// The clocks an Announce came through, grandmaster first (1588-2019 16.2.2).
pub type PathTrace<'a> = Records<'a, ClockIdentity>;

impl PathTrace<'_> {
    pub(crate) fn dump(&self, d: &mut Dump<'_, '_>) -> fmt::Result {
        self.iter().try_for_each(|id| d.line(format_args!("{id}")))
    }
}

impl<'a> Message<'a> {
    /// The identities in the PATH_TRACE TLV, none if there is no such TLV. Octets after the last whole identity are ignored.
    pub fn path_trace(&self) -> impl Iterator<Item = ClockIdentity> + use<'a> {
        let value =
            self.tlvs().find(|tlv| tlv.tlv_type == TlvType::PATH_TRACE).map_or(&[][..], |tlv| tlv.value);
        value.as_chunks::<8>().0.iter().map(|id| ClockIdentity(*id))
    }
}

impl Writer<'_> {
    /// Appends a PATH_TRACE TLV: the path of the parent, then one's own identity.
    ///
    /// # Errors
    /// [`WireError::NoSpace`] if it does not fit in the buffer: then nothing is appended, and the Announce goes without.
    pub fn path_trace(
        &mut self,
        path: impl IntoIterator<Item = ClockIdentity>,
        own: ClockIdentity,
    ) -> Result<(), WireError> {
        self.tlv_with(TlvType::PATH_TRACE, |mut room| {
            let mut used = 0;
            for id in path.into_iter().chain([own]) {
                let (place, rest) = room.split_first_chunk_mut().ok_or(WireError::NoSpace)?;
                *place = id.0;
                room = rest;
                used += 8;
            }
            Ok(used)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Body, Header, MessageType, Timestamp};

    const SYNC: Body = Body::Sync { origin_timestamp: Timestamp::ZERO };

    #[test]
    fn what_is_written_is_read() {
        let ids = [1u8, 2, 3].map(|n| ClockIdentity([n; 8]));
        let mut buf = [0; 44 + 4 + 24];
        let mut w = Writer::new(&mut buf, &Header::new(MessageType::Sync), &SYNC).unwrap();
        w.path_trace(ids[..2].iter().copied(), ids[2]).unwrap();
        assert_eq!(w.finish(), 72);
        let message = Message::parse(&buf).unwrap();
        assert!(message.path_trace().eq(ids));
        let value = message.tlvs().next().unwrap().value;
        assert_eq!(PathTrace::parse(value), Ok(PathTrace::from(&ids[..])));
        assert_eq!(PathTrace::parse(&value[..22]), Err(WireError::TlvLength));
    }

    #[test]
    fn without_room_nothing_is_appended() {
        let mut buf = [0; 44 + 4 + 15];
        let mut w = Writer::new(&mut buf, &Header::new(MessageType::Sync), &SYNC).unwrap();
        assert_eq!(w.path_trace([ClockIdentity::ZERO], ClockIdentity::ANY), Err(WireError::NoSpace));
        assert_eq!(w.finish(), 44);
        assert_eq!(Message::parse(&buf).unwrap().path_trace().count(), 0);
    }
}
