//! Foreign masters: who announces on a port, and which of them count (1588-2019 9.3.2.4, 9.5.3).

use ptp_wire::{Announce, ClockIdentity, Header, LogInterval, PortIdentity};

use super::Instant;
use super::bmca::{Candidate, compare};

/// FOREIGN_MASTER_TIME_WINDOW, in announce intervals.
const WINDOW: u32 = 4;
/// Records kept per port; the standard asks for 5 at least.
const CAPACITY: usize = 8;
/// Octets of TLVs kept to be repeated in own Announces.
const MAX_FORWARD: usize = 512;

/// One sender of Announce messages.
#[derive(Clone, Debug)]
pub(super) struct ForeignMaster {
    pub(super) source: PortIdentity,
    pub(super) header: Header,
    pub(super) announce: Announce,
    /// Identities of its PATH_TRACE.
    pub(super) path: Vec<ClockIdentity>,
    /// TLVs a boundary clock repeats.
    pub(super) forward: Vec<u8>,
    last: Instant,
    previous: Option<Instant>,
}

impl ForeignMaster {
    /// FOREIGN_MASTER_THRESHOLD (2) messages within the window. The sender's interval counts if it is longer than ours,
    /// but only up to 16 s: nobody stays qualified for ever by claiming a long one.
    fn qualified(&self, now: Instant, own_interval: LogInterval) -> bool {
        let interval = own_interval.max(self.header.log_message_interval.min(LogInterval(4)));
        let window = interval.duration().saturating_mul(WINDOW);
        self.previous.is_some_and(|p| now.since(p) <= window) && now.since(self.last) <= window
    }

    fn candidate(&self, receiver: PortIdentity) -> Candidate {
        Candidate::foreign(&self.announce, self.source, receiver)
    }
}

/// What [`ForeignMasters::record`] did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Recorded {
    /// First message of this sender.
    New,
    /// A sender that counts, saying what it said before.
    Same,
    /// Something to decide anew.
    Changed,
    /// No room: all records are better.
    Full,
}

/// foreignMasterDS of one port.
#[derive(Clone, Debug)]
pub(super) struct ForeignMasters {
    records: Vec<ForeignMaster>,
    receiver: PortIdentity,
    /// portDS.logAnnounceInterval.
    pub(super) log_announce_interval: LogInterval,
    capacity: usize,
}

impl ForeignMasters {
    /// `expected`: how many masters are known to come.
    pub(super) fn new(receiver: PortIdentity, log_announce_interval: LogInterval, expected: usize) -> Self {
        let capacity = CAPACITY.max(expected.saturating_add(2));
        Self { records: Vec::with_capacity(capacity), receiver, log_announce_interval, capacity }
    }

    fn qualified(&self, record: &ForeignMaster, now: Instant) -> bool {
        record.qualified(now, self.log_announce_interval)
    }

    pub(super) fn clear(&mut self) {
        self.records.clear();
    }

    /// What is known of one sender.
    pub(super) fn get(&self, source: PortIdentity) -> Option<&ForeignMaster> {
        self.records.iter().find(|r| r.source == source)
    }

    /// Forgets one sender.
    pub(super) fn remove(&mut self, source: PortIdentity) {
        self.records.retain(|r| r.source != source);
    }

    /// Notes an Announce. `parent`'s record is never evicted.
    pub(super) fn record(
        &mut self,
        now: Instant,
        header: &Header,
        announce: &Announce,
        path: impl Iterator<Item = ClockIdentity>,
        parent: PortIdentity,
    ) -> Recorded {
        let source = header.source_port_identity;
        let interval = self.log_announce_interval;
        if let Some(r) = self.records.iter_mut().find(|r| r.source == source) {
            let was_qualified = r.qualified(now, interval);
            let same = r.announce == Announce { origin_timestamp: r.announce.origin_timestamp, ..*announce }
                && r.header.flags == header.flags;
            r.header = *header;
            r.announce = *announce;
            r.path.clear();
            r.path.extend(path);
            r.previous = Some(r.last);
            r.last = now;
            let unchanged = same && was_qualified == r.qualified(now, interval);
            return if unchanged { Recorded::Same } else { Recorded::Changed };
        }
        let record = ForeignMaster {
            source,
            header: *header,
            announce: *announce,
            path: path.collect(),
            forward: Vec::new(),
            last: now,
            previous: None,
        };
        if self.records.len() < self.capacity {
            self.records.push(record);
            return Recorded::New;
        }
        match self.victim(now, &record, parent) {
            Some(i) => {
                self.records[i] = record;
                Recorded::New
            }
            None => Recorded::Full,
        }
    }

    /// Keeps the TLVs of `source`'s last Announce that have to be repeated.
    pub(super) fn keep_forward<'a>(
        &mut self,
        source: PortIdentity,
        tlvs: impl Iterator<Item = ptp_wire::Tlv<'a>>,
    ) {
        let Some(r) = self.records.iter_mut().find(|r| r.source == source) else { return };
        r.forward.clear();
        for tlv in tlvs.filter(|t| t.tlv_type.propagates()) {
            if r.forward.len() + 4 + tlv.value.len() > MAX_FORWARD {
                break;
            }
            r.forward.extend_from_slice(&tlv.tlv_type.0.to_be_bytes());
            // A value lies within one message: its length fits 16 bits.
            r.forward.extend_from_slice(&(tlv.value.len() as u16).to_be_bytes());
            r.forward.extend_from_slice(tlv.value);
        }
    }

    /// Whom a new sender may displace: the longest silent unqualified one, else the worst if the new one is better.
    fn victim(&self, now: Instant, new: &ForeignMaster, parent: PortIdentity) -> Option<usize> {
        let others = || self.records.iter().enumerate().filter(|(_, r)| r.source != parent);
        if let Some((i, _)) = others().filter(|(_, r)| !self.qualified(r, now)).min_by_key(|(_, r)| r.last) {
            return Some(i);
        }
        let (i, worst) = others().reduce(|a, b| {
            if compare(&b.1.candidate(self.receiver), &a.1.candidate(self.receiver)).is_better() {
                a
            } else {
                b
            }
        })?;
        compare(&new.candidate(self.receiver), &worst.candidate(self.receiver)).is_better().then_some(i)
    }

    /// Erbest: the best qualified sender. `parent` counts until its announce receipt timeout takes it away.
    pub(super) fn best(
        &self,
        now: Instant,
        parent: Option<PortIdentity>,
    ) -> Option<(&ForeignMaster, Candidate)> {
        self.records
            .iter()
            .filter(|r| Some(r.source) == parent || self.qualified(r, now))
            .map(|r| (r, r.candidate(self.receiver)))
            .reduce(|a, b| if compare(&b.1, &a.1).is_better() { b } else { a })
    }
}
