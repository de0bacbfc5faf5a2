//! Pairs what passes through one egress port: an event message and the message that carries its residence time, by
//! sender and sequenceId (1588-2019 10.2.2). A ring in the order of time: whatever is sent, it holds so many halves
//! and none for longer than [`LIFETIME`].

use core::hash::{Hash, Hasher};
use core::time::Duration;
use std::collections::hash_map::DefaultHasher;

use ptp_wire::{Header, PortIdentity, PortNumber, SdoId, TimeInterval, TimePoint};

use super::super::{Destination, Envelope, Instant};
use super::syntonisation::scaled;

/// How long one half waits for the other.
pub(super) const LIFETIME: Duration = Duration::from_secs(1);
/// Halves on one egress port; the oldest makes place.
pub(super) const SLOTS: usize = 512;
/// No message stays longer in a clock that works.
const MAX_RESIDENCE: TimeInterval = TimeInterval::from_nanos(10_000_000_000);

/// Which event message it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Kind {
    /// Its Follow_Up carries the time.
    Sync,
    /// Its Delay_Resp does.
    DelayReq,
    /// Its Pdelay_Resp's Pdelay_Resp_Follow_Up does.
    PdelayReq,
    /// Its Pdelay_Resp_Follow_Up does.
    PdelayResp,
}

impl Kind {
    /// The second half is sent by the same port as the first, and may overtake it.
    const fn is_followed(self) -> bool {
        matches!(self, Self::Sync | Self::PdelayResp)
    }
}

/// What both halves have in common.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) sdo_id: SdoId,
    pub(super) domain_number: u8,
    /// The sender of Sync; the requester of everything else.
    pub(super) identity: PortIdentity,
    pub(super) sequence_id: u16,
    /// A master may count for each unicast client. Requests and their answers go different ways: here it is none.
    pub(super) destination: Option<Destination>,
}

impl Key {
    /// Of a Sync or its Follow_Up.
    pub(super) fn of_sync(header: &Header, destination: Destination) -> Self {
        Self {
            destination: Some(destination),
            ..Self::of_request(Kind::Sync, header, header.source_port_identity)
        }
    }

    /// Of a request and of what answers it.
    pub(super) const fn of_request(kind: Kind, header: &Header, requester: PortIdentity) -> Self {
        Self {
            kind,
            sdo_id: header.sdo_id,
            domain_number: header.domain_number,
            identity: requester,
            sequence_id: header.sequence_id,
            destination: None,
        }
    }

    /// Never 0.
    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish().max(1)
    }
}

/// Names a message whose departure is awaited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) struct Ticket {
    slot: u16,
    generation: u16,
}

/// How far the first half is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum First {
    /// It has not come: the second half was faster.
    Absent,
    /// It was sent on; when, is not known yet.
    Leaving { ingress: TimePoint, extra: TimeInterval },
    /// It left: this is to be added to the second half.
    Left(TimeInterval),
}

/// A second half that waits: where it came from and how it was addressed. Its octets are the slot's.
#[derive(Clone, Copy, Debug)]
struct Held {
    port: PortNumber,
    envelope: Envelope,
}

#[derive(Clone, Debug)]
struct Slot {
    key: Key,
    expires: Instant,
    generation: u16,
    first: First,
    held: Option<Held>,
    octets: Vec<u8>,
}

/// A second half that may go.
#[derive(Debug)]
pub(super) struct Released<'a> {
    pub(super) kind: Kind,
    /// To be added to its correctionField.
    pub(super) correction: TimeInterval,
    /// Where it came in.
    pub(super) port: PortNumber,
    pub(super) envelope: Envelope,
    pub(super) octets: &'a [u8],
}

/// What to do with a second half.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Second {
    /// It may go on with this added to its correctionField.
    Pass(TimeInterval),
    /// It is kept until the first half has left.
    Held,
    /// Nobody asked for it.
    Unmatched,
}

/// The halves of one egress port.
#[derive(Clone, Debug)]
pub(super) struct Correlation {
    /// [`Key::digest`] of each slot in use, 0 of a free one.
    digests: Vec<u64>,
    slots: Vec<Slot>,
    /// The next slot to be written; the ones before it, `length` of them, are in the order of time.
    next: usize,
    length: usize,
    /// Halves whose other half did not come.
    unmatched: u64,
}

impl Correlation {
    pub(super) fn new() -> Self {
        Self { digests: vec![0; SLOTS], slots: Vec::with_capacity(SLOTS), next: 0, length: 0, unmatched: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.digests.fill(0);
        self.length = 0;
    }

    /// Halves that were given up since this was asked last.
    pub(super) fn take_unmatched(&mut self) -> u64 {
        core::mem::take(&mut self.unmatched)
    }

    /// Slots in use, free ones between them included.
    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.length
    }

    fn oldest(&self) -> usize {
        (self.next + SLOTS - self.length) % SLOTS
    }

    /// When the oldest half is given up.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        if self.length == 0 { None } else { self.slots.get(self.oldest()).map(|s| s.expires) }
    }

    /// Gives up what has waited for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        while self.length > 0 {
            let oldest = self.oldest();
            let in_use = self.digests.get(oldest).is_some_and(|d| *d != 0);
            if in_use && self.slots.get(oldest).is_some_and(|s| s.expires > now) {
                return;
            }
            self.give_up(oldest);
            self.length -= 1;
        }
    }

    /// Frees a slot whose other half did not come.
    fn give_up(&mut self, slot: usize) {
        if self.free(slot)
            && let Some(s) = self.slots.get(slot)
        {
            // Most requests go to ports without a master: that no answer comes from there is as it should be.
            self.unmatched += u64::from(s.key.kind.is_followed() || s.held.is_some());
        }
    }

    /// Returns whether it was in use.
    fn free(&mut self, slot: usize) -> bool {
        self.digests.get_mut(slot).is_some_and(|d| core::mem::take(d) != 0)
    }

    /// Forgets slots that were freed since, so that the ring stays as short as what is in it.
    fn trim(&mut self) {
        while self.length > 0 && self.digests.get(self.oldest()) == Some(&0) {
            self.length -= 1;
        }
    }

    /// The newest first: halves that belong together mostly come together.
    fn find(&self, key: &Key, digest: u64) -> Option<usize> {
        let (oldest, length) = (self.oldest(), self.length);
        let before_end = length.min(SLOTS - oldest);
        let search = |from: usize, count: usize| {
            let part = self.digests.get(from..from + count)?;
            let is_it = |at: usize| self.slots.get(at).is_some_and(|s| s.key == *key);
            let mut newest_first = part.iter().enumerate().rev();
            newest_first.find_map(|(i, d)| (*d == digest && is_it(from + i)).then_some(from + i))
        };
        search(0, length - before_end).or_else(|| search(oldest, before_end))
    }

    /// A slot for a new pair; the oldest one's if there is no other.
    fn open(&mut self, now: Instant, key: Key, digest: u64, first: First) -> usize {
        let at = self.next;
        if self.length == SLOTS {
            self.give_up(at);
        } else {
            self.length += 1;
        }
        self.next = (at + 1) % SLOTS;
        if let Some(place) = self.digests.get_mut(at) {
            *place = digest;
        }
        let expires = now + LIFETIME;
        match self.slots.get_mut(at) {
            Some(slot) => {
                let generation = slot.generation.wrapping_add(1);
                let octets = core::mem::take(&mut slot.octets);
                *slot = Slot { key, expires, generation, first, held: None, octets };
            }
            None => {
                self.slots.push(Slot { key, expires, generation: 0, first, held: None, octets: Vec::new() });
            }
        }
        at
    }

    /// The first half is sent on. `ingress`: when it came; `extra`: what is to be added beside the residence time.
    pub(super) fn depart(
        &mut self,
        now: Instant,
        key: Key,
        ingress: TimePoint,
        extra: TimeInterval,
    ) -> Ticket {
        let first = First::Leaving { ingress, extra };
        let digest = key.digest();
        // Nobody answers what was not asked.
        let waiting = if key.kind.is_followed() { self.find(&key, digest) } else { None };
        let at = match waiting.filter(|&at| self.slots.get(at).is_some_and(|s| s.first == First::Absent)) {
            Some(at) => at,
            None => self.open(now, key, digest, first),
        };
        let Some(slot) = self.slots.get_mut(at) else { return Ticket { slot: u16::MAX, generation: 0 } };
        slot.first = first;
        Ticket { slot: at as u16, generation: slot.generation }
    }

    fn slot(&mut self, ticket: Ticket) -> Option<&mut Slot> {
        let at = usize::from(ticket.slot);
        let in_use = self.digests.get(at).is_some_and(|d| *d != 0);
        self.slots.get_mut(at).filter(|s| in_use && s.generation == ticket.generation)
    }

    /// Puts a second half of our own making where the received one would wait. `write` says how long it is; nothing is
    /// kept if it fails.
    pub(super) fn hold_generated(
        &mut self,
        ticket: Ticket,
        port: PortNumber,
        envelope: Envelope,
        room: usize,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) {
        let Some(slot) = self.slot(ticket) else { return };
        slot.octets.clear();
        slot.octets.resize(room, 0);
        if let Some(length) = write(&mut slot.octets) {
            slot.octets.truncate(length);
            slot.held = Some(Held { port, envelope });
        }
    }

    /// The first half left at `egress`; residence counts `ratio` of our seconds. What waits for it may go.
    pub(super) fn left(
        &mut self,
        ticket: Ticket,
        egress: TimePoint,
        ratio: impl FnOnce(&Key) -> f64,
    ) -> Option<Released<'_>> {
        let slot = self.slot(ticket)?;
        let First::Leaving { ingress, extra } = slot.first else { return None };
        let residence = egress - ingress;
        let at = usize::from(ticket.slot);
        if residence < TimeInterval::ZERO || residence > MAX_RESIDENCE {
            // The clock was stepped between: nobody can say how long it was.
            self.give_up(at);
            self.trim();
            return None;
        }
        let correction = scaled(residence, ratio(&slot.key)) + extra;
        slot.first = First::Left(correction);
        slot.held?;
        self.free(at);
        self.trim();
        let slot = self.slots.get(at)?;
        let Held { port, envelope } = slot.held?;
        Some(Released { kind: slot.key.kind, correction, port, envelope, octets: &slot.octets })
    }

    /// It will never be known when the first half left.
    pub(super) fn lost(&mut self, ticket: Ticket) {
        if self.slot(ticket).is_some() {
            self.give_up(usize::from(ticket.slot));
            self.trim();
        }
    }

    /// Takes what was found out about a first half that left, and frees it.
    pub(super) fn take_left(&mut self, key: &Key) -> Option<TimeInterval> {
        let at = self.find(key, key.digest())?;
        let First::Left(correction) = self.slots.get(at)?.first else { return None };
        self.free(at);
        self.trim();
        Some(correction)
    }

    /// A second half has come in on `port`.
    pub(super) fn second(
        &mut self,
        now: Instant,
        key: Key,
        port: PortNumber,
        envelope: &Envelope,
        octets: &[u8],
    ) -> Second {
        let digest = key.digest();
        let at = match self.find(&key, digest) {
            Some(at) => at,
            None if key.kind.is_followed() => self.open(now, key, digest, First::Absent),
            None => return Second::Unmatched,
        };
        let Some(slot) = self.slots.get_mut(at) else { return Second::Unmatched };
        if let First::Left(correction) = slot.first {
            self.free(at);
            self.trim();
            return Second::Pass(correction);
        }
        slot.octets.clear();
        slot.octets.extend_from_slice(octets);
        slot.held = Some(Held { port, envelope: *envelope });
        Second::Held
    }
}

#[cfg(test)]
mod tests {
    use ptp_wire::{ClockIdentity, MessageType};

    use super::super::super::{Address, FrameHeaders};
    use super::*;

    const PORT: PortNumber = PortNumber(1);
    const ENVELOPE: Envelope = Envelope {
        source: Address::Ethernet([2, 0, 0, 0, 0, 1]),
        destination: Destination::Primary,
        headers: FrameHeaders::NONE,
    };
    const US: TimeInterval = TimeInterval::from_nanos(1000);

    fn key(kind: Kind, sequence_id: u16) -> Key {
        let mut header = Header::new(MessageType::Sync);
        header.sequence_id = sequence_id;
        header.source_port_identity = PortIdentity::new(ClockIdentity([7; 8]), 1);
        match kind {
            Kind::Sync => Key::of_sync(&header, Destination::Primary),
            _ => Key::of_request(kind, &header, header.source_port_identity),
        }
    }

    fn at(us: i128) -> TimePoint {
        TimePoint::from_nanos(us * 1000)
    }

    #[test]
    fn a_follow_up_waits_for_the_stamp_or_the_stamp_for_it() {
        let now = Instant(0);
        let mut c = Correlation::new();
        let ticket = c.depart(now, key(Kind::Sync, 1), at(100), US);
        assert!(c.left(ticket, at(130), |_| 1.0).is_none());
        assert_eq!(
            c.second(now, key(Kind::Sync, 1), PORT, &ENVELOPE, b"fu"),
            Second::Pass(TimeInterval::from_nanos(31_000))
        );
        assert_eq!(c.len(), 0);

        let ticket = c.depart(now, key(Kind::Sync, 2), at(100), TimeInterval::ZERO);
        assert_eq!(c.second(now, key(Kind::Sync, 2), PORT, &ENVELOPE, b"fu2"), Second::Held);
        let released = c.left(ticket, at(150), |_| 1.0).expect("it waits");
        assert_eq!((released.octets, released.correction), (&b"fu2"[..], TimeInterval::from_nanos(50_000)));
        assert_eq!(c.len(), 0);
        assert!(c.left(ticket, at(160), |_| 1.0).is_none(), "only once");

        // Even before its Sync.
        assert_eq!(c.second(now, key(Kind::Sync, 3), PORT, &ENVELOPE, b"fu3"), Second::Held);
        let ticket = c.depart(now, key(Kind::Sync, 3), at(100), TimeInterval::ZERO);
        assert_eq!(c.left(ticket, at(101), |_| 1.0).expect("it waits").octets, b"fu3");
        assert_eq!((c.len(), c.take_unmatched()), (0, 0));
    }

    #[test]
    fn an_answer_that_nobody_asked_for_is_not_kept() {
        let mut c = Correlation::new();
        assert_eq!(c.second(Instant(0), key(Kind::DelayReq, 1), PORT, &ENVELOPE, b"resp"), Second::Unmatched);
        assert_eq!(c.len(), 0);
    }

    #[test]
    fn destinations_tell_unicast_syncs_of_one_number_apart() {
        let mut c = Correlation::new();
        let to = |last| {
            let destination = Destination::Unicast(Address::Ethernet([2, 0, 0, 0, 0, last]));
            Key { destination: Some(destination), ..key(Kind::Sync, 1) }
        };
        let first = c.depart(Instant(0), to(1), at(100), TimeInterval::ZERO);
        let second = c.depart(Instant(0), to(2), at(100), TimeInterval::ZERO);
        assert!(c.left(first, at(110), |_| 1.0).is_none());
        assert!(c.left(second, at(120), |_| 1.0).is_none());
        for (last, us) in [(2, 20), (1, 10)] {
            let pass = Second::Pass(TimeInterval::from_nanos(us * 1000));
            assert_eq!(c.second(Instant(0), to(last), PORT, &ENVELOPE, b""), pass);
        }
    }

    #[test]
    fn unmatched_halves_are_given_up_after_a_second() {
        let mut c = Correlation::new();
        c.depart(Instant(0), key(Kind::Sync, 1), at(0), TimeInterval::ZERO);
        c.depart(Instant(5), key(Kind::DelayReq, 1), at(0), TimeInterval::ZERO);
        c.second(Instant(9), key(Kind::Sync, 2), PORT, &ENVELOPE, b"fu");
        assert_eq!(c.next_deadline(), Some(Instant(1_000_000_000)));
        c.expire(Instant(1_000_000_004));
        assert_eq!((c.len(), c.next_deadline()), (2, Some(Instant(1_000_000_005))));
        c.expire(Instant(2_000_000_000));
        assert_eq!((c.len(), c.next_deadline(), c.take_unmatched()), (0, None, 2));
    }

    #[test]
    fn a_flood_makes_the_oldest_go_and_takes_no_more_room() {
        let mut c = Correlation::new();
        let first = c.depart(Instant(0), key(Kind::Sync, 0), at(0), TimeInterval::ZERO);
        for i in 1..=60_000 {
            c.second(Instant(0), key(Kind::Sync, i), PORT, &ENVELOPE, &[0; 1000]);
        }
        assert_eq!((c.len(), c.slots.len(), c.digests.len()), (SLOTS, SLOTS, SLOTS));
        assert_eq!(c.take_unmatched(), 60_001 - SLOTS as u64);
        assert!(c.left(first, at(1), |_| 1.0).is_none(), "its slot is another's now");
        // Who is in the middle of it loses nothing.
        let ticket = c.depart(Instant(0), key(Kind::DelayReq, 7), at(10), TimeInterval::ZERO);
        assert!(c.left(ticket, at(12), |_| 1.0).is_none());
        assert_eq!(
            c.second(Instant(0), key(Kind::DelayReq, 7), PORT, &ENVELOPE, b""),
            Second::Pass(TimeInterval::from_nanos(2000))
        );
    }

    #[test]
    fn a_residence_that_cannot_be_is_not_told() {
        let mut c = Correlation::new();
        for (sequence_id, egress) in [(1, 99), (2, 100 + 10_000_001)] {
            let ticket = c.depart(Instant(0), key(Kind::Sync, sequence_id), at(100), TimeInterval::ZERO);
            c.second(Instant(0), key(Kind::Sync, sequence_id), PORT, &ENVELOPE, b"fu");
            assert!(c.left(ticket, at(egress), |_| 1.0).is_none());
        }
        assert_eq!((c.len(), c.take_unmatched()), (0, 2));
        let ticket = c.depart(Instant(0), key(Kind::Sync, 3), at(100), TimeInterval::ZERO);
        c.lost(ticket);
        assert_eq!((c.len(), c.take_unmatched()), (0, 1));
    }
}
