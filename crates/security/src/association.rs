use ptp_wire::{Header, Message, SecParamIndicator, TlvType, WireError};

use crate::Key;

/// Octets of an AUTHENTICATION TLV before its ICV: type, length, SPP, secParamIndicator, keyID.
const HEAD: usize = 10;
/// Where correctionField is in the header (1588-2019 13.3.1).
const CORRECTION: core::ops::Range<usize> = 8..16;

/// A security association: who shares these keys understands each other (1588-2019 16.14.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecurityAssociation {
    /// The security parameters pointer that names it in messages.
    pub spp: u8,
    /// How far sequenceId of a Sync or Follow_Up may be ahead of the last one, up to 32767; 0: it is not looked at.
    pub seqid_window: u16,
    /// correctionField counts as zero in the check, so that clocks without the keys may change it. Whoever is on the way
    /// may, too.
    pub allow_mutable: bool,
    /// All keys that are accepted, each keyID once.
    pub keys: Vec<Key>,
}

/// Why a message is not what it claims to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rejected {
    /// It has no AUTHENTICATION TLV at its end, or one with fields that 1588-2019 does not use.
    Missing,
    /// Its security parameters pointer or its keyID is not known here.
    UnknownKey,
    /// Its integrity check value is wrong: somebody changed it, or does not have the key.
    Icv,
}

impl SecurityAssociation {
    /// The key of this keyID.
    pub fn key(&self, id: u32) -> Option<&Key> {
        self.keys.iter().find(|key| key.id() == id)
    }

    /// Octets that [`SecurityAssociation::seal`] adds at most.
    pub fn room(&self) -> usize {
        HEAD + self.keys.iter().map(|key| key.algorithm().icv_len()).max().unwrap_or(0)
    }

    /// Whether `message` was made by someone who has a key, and not changed since. Returns the keyID.
    ///
    /// # Errors
    /// Why not.
    pub fn verify(&self, message: &Message<'_>) -> Result<u32, Rejected> {
        let tlv = message.authentication().ok_or(Rejected::Missing)?;
        if tlv.sec_param_indicator != SecParamIndicator::default() {
            return Err(Rejected::Missing);
        }
        let key = self.key(tlv.key_id).filter(|_| tlv.spp == self.spp).ok_or(Rejected::UnknownKey)?;
        let icv = tlv.icv(key.algorithm().icv_len()).ok_or(Rejected::Icv)?;
        let covered = message.covered(icv.len()).ok_or(Rejected::Icv)?;
        if key.verify(&self.parts(covered), icv) { Ok(key.id()) } else { Err(Rejected::Icv) }
    }

    /// Ends the message of `len` octets at the front of `buf` with an AUTHENTICATION TLV of this key. Those it had are
    /// taken off before. Returns the new `messageLength`.
    ///
    /// # Errors
    /// [`WireError::Value`]: no such key. [`WireError::NoSpace`]: `buf` is too small by up to
    /// [`SecurityAssociation::room`]. What [`Message::parse`] finds wrong.
    pub fn seal(&self, key_id: u32, buf: &mut [u8], len: usize) -> Result<usize, WireError> {
        let key = self.key(key_id).ok_or(WireError::Value)?;
        let icv_len = key.algorithm().icv_len();
        let at = unsealed_len(buf.get(..len).ok_or(WireError::NoSpace)?)?;
        let end = at + HEAD + icv_len;
        let message = buf.get_mut(..end).ok_or(WireError::NoSpace)?;
        let length = u16::try_from(end).map_err(|_| WireError::MessageLength)?;
        message.get_mut(2..4).ok_or(WireError::NoSpace)?.copy_from_slice(&length.to_be_bytes());
        let (covered, icv) = message.split_at_mut_checked(at + HEAD).ok_or(WireError::NoSpace)?;
        let head = covered.get_mut(at..).ok_or(WireError::NoSpace)?;
        let [t0, t1] = TlvType::AUTHENTICATION.0.to_be_bytes();
        let [k0, k1, k2, k3] = key_id.to_be_bytes();
        // 6 octets and the ICV: 38 at most.
        let value_len = (HEAD - 4 + icv_len) as u8;
        head.copy_from_slice(&[t0, t1, 0, value_len, self.spp, 0, k0, k1, k2, k3]);
        key.sign(&self.parts(covered), icv);
        Ok(end)
    }

    /// What the check runs over.
    fn parts<'a>(&self, covered: &'a [u8]) -> [&'a [u8]; 3] {
        let zero = const { &[0; CORRECTION.end - CORRECTION.start] };
        match (covered.get(..CORRECTION.start), covered.get(CORRECTION), covered.get(CORRECTION.end..)) {
            (Some(before), Some(correction), Some(after)) => {
                [before, if self.allow_mutable { zero } else { correction }, after]
            }
            _ => [covered, &[], &[]],
        }
    }
}

/// Octets of a message before its first AUTHENTICATION TLV, or of all of it without one.
fn unsealed_len(octets: &[u8]) -> Result<usize, WireError> {
    let message = Message::parse(octets)?;
    let mut len = message.header().message_type.min_len().max(Header::LEN);
    for tlv in message.tlvs() {
        if tlv.tlv_type == TlvType::AUTHENTICATION {
            break;
        }
        len += 4 + tlv.value.len();
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use ptp_wire::{Body, MessageType, TimeInterval, Timestamp, Writer};

    use super::*;
    use crate::Algorithm;

    fn association(allow_mutable: bool) -> SecurityAssociation {
        let octets: Vec<u8> = (0..32).collect();
        let key = |id, algorithm, n: usize| Key::new(id, algorithm, &octets[..n]).expect("good");
        SecurityAssociation {
            spp: 7,
            seqid_window: 3,
            allow_mutable,
            keys: vec![
                key(1, Algorithm::HmacSha256Of128, 32),
                key(2, Algorithm::HmacSha256, 32),
                key(3, Algorithm::AesCmac128, 16),
                key(4, Algorithm::AesCmac256, 32),
            ],
        }
    }

    fn sync(buf: &mut [u8]) -> usize {
        let mut header = Header::new(MessageType::Sync);
        header.sequence_id = 9;
        let body = Body::Sync { origin_timestamp: Timestamp::ZERO };
        let mut w = Writer::new(buf, &header, &body).expect("fits");
        w.tlv(TlvType::PAD, &[0, 0]).expect("fits");
        w.finish()
    }

    #[test]
    fn what_is_sealed_verifies_and_no_bit_of_it_may_change() {
        for id in 1..=4 {
            let sa = association(false);
            let mut buf = [0; 128];
            let len = sync(&mut buf);
            let len = sa.seal(id, &mut buf, len).expect("room");
            assert!(len <= 50 + sa.room());
            // Trailing octets do not matter.
            assert_eq!(sa.verify(&Message::parse(&buf).expect("good")), Ok(id));
            for bit in 0..len * 8 {
                buf[bit / 8] ^= 1 << (bit % 8);
                if let Ok(message) = Message::parse(&buf[..len]) {
                    assert!(sa.verify(&message).is_err(), "bit {bit}");
                }
                buf[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn sealing_again_replaces_what_was_there() {
        let sa = association(false);
        let mut buf = [0; 128];
        let len = sync(&mut buf);
        let long = sa.seal(2, &mut buf, len).expect("room");
        let short = sa.seal(1, &mut buf, long).expect("room");
        assert_eq!((long - len, short - len), (42, 26));
        assert_eq!(sa.verify(&Message::parse(&buf).expect("good")), Ok(1));
    }

    #[test]
    fn the_correction_may_change_only_where_that_is_allowed() {
        for allow in [false, true] {
            let sa = association(allow);
            let mut buf = [0; 128];
            let len = sync(&mut buf);
            let len = sa.seal(3, &mut buf, len).expect("room");
            let corrected = TimeInterval::from_nanos(77).0.to_be_bytes();
            buf[CORRECTION].copy_from_slice(&corrected);
            let verdict = sa.verify(&Message::parse(&buf[..len]).expect("good"));
            assert_eq!(verdict, if allow { Ok(3) } else { Err(Rejected::Icv) });
        }
    }

    #[test]
    fn others_are_told_apart() {
        let sa = association(false);
        let mut buf = [0; 128];
        let len = sync(&mut buf);
        let mut plain = buf;
        assert_eq!(sa.verify(&Message::parse(&plain[..len]).expect("good")), Err(Rejected::Missing));
        let len = sa.seal(1, &mut buf, len).expect("room");
        let other = SecurityAssociation { spp: 8, ..sa.clone() };
        let fewer = SecurityAssociation { keys: sa.keys[1..].to_vec(), ..sa.clone() };
        let message = Message::parse(&buf[..len]).expect("good");
        assert_eq!(other.verify(&message), Err(Rejected::UnknownKey));
        assert_eq!(fewer.verify(&message), Err(Rejected::UnknownKey));
        assert_eq!(sa.seal(5, &mut buf, len), Err(WireError::Value));
        assert_eq!(sa.seal(1, &mut plain[..60], 50), Err(WireError::NoSpace));
    }
}
