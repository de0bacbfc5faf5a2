//! What keeps a message from going round for ever, and tells where a receiver is.

use core::hash::{Hash, Hasher};
use core::time::Duration;
use std::collections::hash_map::DefaultHasher;

use ptp_wire::{Body, Message, PortNumber};

use super::super::{Address, Destination, Instant};

/// Messages, and addresses, that are remembered. A new one takes the place of another.
const SLOTS: usize = 1024;
/// A copy that comes within this time went in a circle, or the network has doubled it.
const CIRCLE: Duration = Duration::from_secs(1);
/// An address that was silent for this long may have moved (802.1Q's ageing time).
const AGEING: Duration = Duration::from_secs(300);

/// A number for whatever can be hashed, different for each engine.
fn digest(seed: u64, what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    what.hash(&mut hasher);
    hasher.finish()
}

const fn place(digest: u64) -> usize {
    (digest % SLOTS as u64) as usize
}

/// Remembers where each message came in first. Where links make a circle, the copy that comes round has another port.
#[derive(Clone, Debug)]
pub(super) struct LoopGuard {
    seed: u64,
    seen: Vec<Option<(u64, PortNumber, Instant)>>,
}

impl LoopGuard {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, seen: vec![None; SLOTS] }
    }

    /// False for a message that came in on another port a moment ago, and for the copy of an event message. Times and
    /// corrections do not count: they change on the way.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        destination: Destination,
        port: PortNumber,
    ) -> bool {
        let header = message.header();
        // Answers of one sequenceId may go to different requesters.
        let whose = match *message.body() {
            Body::DelayResp { requesting_port_identity: id, .. }
            | Body::PdelayResp { requesting_port_identity: id, .. }
            | Body::PdelayRespFollowUp { requesting_port_identity: id, .. }
            | Body::Signaling { target_port_identity: id } => Some(id),
            Body::Management(ref body) => Some(body.target_port_identity),
            _ => None,
        };
        let mark = digest(
            self.seed,
            (
                header.message_type as u8,
                header.sdo_id,
                header.domain_number,
                header.source_port_identity,
                header.sequence_id,
                destination,
                whose,
            ),
        );
        let Some(seen) = self.seen.get_mut(place(mark)) else { return true };
        match *seen {
            Some((known, first, at)) if known == mark && now.since(at) < CIRCLE => {
                // Two copies of an event message have two residence times, and who gets both cannot tell them apart.
                first == port && !header.message_type.is_event()
            }
            _ => {
                *seen = Some((mark, port, now));
                true
            }
        }
    }
}

/// Behind which port an address is, as far as its own messages have shown.
#[derive(Clone, Debug)]
pub(super) struct AddressTable {
    seed: u64,
    slots: Vec<Option<(Address, PortNumber, Instant)>>,
}

impl AddressTable {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, slots: vec![None; SLOTS] }
    }

    pub(super) fn learn(&mut self, now: Instant, source: Address, port: PortNumber) {
        if let Some(slot) = self.slots.get_mut(place(digest(self.seed, source))) {
            *slot = Some((source, port, now));
        }
    }

    /// `None`: it may be behind any.
    pub(super) fn port_of(&self, now: Instant, address: Address) -> Option<PortNumber> {
        let (known, port, at) = (*self.slots.get(place(digest(self.seed, address)))?)?;
        (known == address && now.since(at) < AGEING).then_some(port)
    }

    /// Everything behind a port that went down may come back behind another.
    pub(super) fn forget(&mut self, port: PortNumber) {
        for slot in &mut self.slots {
            slot.take_if(|(_, p, _)| *p == port);
        }
    }
}

#[cfg(test)]
mod tests {
    use ptp_wire::{Header, MessageType, Timestamp, Writer};

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn sync(sequence_id: u16, correction: i64) -> Vec<u8> {
        let mut header = Header::new(MessageType::Sync);
        header.sequence_id = sequence_id;
        header.correction = ptp_wire::TimeInterval(correction);
        let mut octets = vec![0; 64];
        let body = Body::Sync { origin_timestamp: Timestamp::ZERO };
        let length = Writer::new(&mut octets, &header, &body).expect("it fits").finish();
        octets.truncate(length);
        octets
    }

    #[test]
    fn a_copy_from_another_port_is_not_admitted() {
        let mut guard = LoopGuard::new(1);
        let mut admit = |ns, octets: &[u8], port| {
            let message = Message::parse(octets).expect("ours");
            guard.admit(Instant(ns), &message, Destination::Primary, PortNumber(port))
        };
        assert!(admit(0, &sync(1, 0), 1));
        assert!(!admit(10, &sync(1, 77), 2), "it went through other clocks on its way");
        assert!(!admit(20, &sync(1, 0), 1), "the network has doubled it");
        assert!(admit(30, &sync(2, 0), 2));
        assert!(admit(2 * SECOND, &sync(1, 0), 2), "by now its sender may have moved");
    }

    #[test]
    fn addresses_are_learnt_move_and_age() {
        let mut table = AddressTable::new(1);
        let address = Address::Ethernet([2, 0, 0, 0, 0, 1]);
        assert_eq!(table.port_of(Instant(0), address), None);
        table.learn(Instant(0), address, PortNumber(1));
        table.learn(Instant(1), address, PortNumber(2));
        assert_eq!(table.port_of(Instant(1), address), Some(PortNumber(2)));
        assert_eq!(table.port_of(Instant(300 * SECOND + 1), address), None);
        table.forget(PortNumber(2));
        assert_eq!(table.port_of(Instant(1), address), None);
        for i in 0..100_000u32 {
            table.learn(Instant(0), Address::Ipv4(i.into()), PortNumber(1));
        }
        assert_eq!(table.slots.len(), SLOTS);
    }
}
