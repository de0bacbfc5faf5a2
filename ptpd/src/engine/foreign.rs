//! Foreign masters: who announces on a port, and which of them count (1588-2019 9.3.2.4, 9.5.3).

use core::time::Duration;

use ptp_wire::{Announce, ClockIdentity, Flags, Header, LogInterval, PortIdentity, TlvType};

use super::bmca::{Candidate, compare};
use super::power::Power;
use super::{BestMaster, InstanceConfig, Instant, MasterFailure, telecom};

/// FOREIGN_MASTER_TIME_WINDOW, in announce intervals.
const WINDOW: u32 = 4;
/// Records kept per port; the standard asks for 5 at least.
const CAPACITY: usize = 8;
/// Octets of TLVs kept to be repeated in own Announces.
const MAX_FORWARD: usize = 768;

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
    /// alternatePriority1 of the acceptable master table (17.5.3.4); 0: what it announces counts.
    alternate_priority1: u8,
    /// Its C37.238 TLV.
    pub(super) power: Option<Power>,
    local_priority: u8,
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
        let mut candidate = Candidate::foreign(&self.announce, self.source, receiver, self.local_priority);
        if self.alternate_priority1 > 0 {
            candidate.priority1 = self.alternate_priority1;
        }
        candidate
    }

    /// Its Announce has synchronizationUncertain set.
    pub(super) fn uncertain(&self) -> bool {
        self.header.flags.has(Flags::SYNCHRONIZATION_UNCERTAIN)
    }
}

/// A boundary clock repeats this TLV of its parent (14.2.2, 16.3.1). PATH_TRACE it extends instead.
fn repeats(tlv_type: TlvType) -> bool {
    tlv_type.propagates() || tlv_type == TlvType::ALTERNATE_TIME_OFFSET_INDICATOR
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
    /// How they are compared.
    rule: BestMaster,
    /// G.8265.1: the present master yields to an equal of higher priority.
    revertive: bool,
    /// ITU-T's profiles: who failed, and until when that is held against it.
    failed: Vec<(PortIdentity, Instant)>,
    /// The first Announce counts (802.1AS).
    pub(super) at_once: bool,
}

impl ForeignMasters {
    /// `expected`: how many masters are known to come.
    pub(super) fn new(receiver: PortIdentity, log_announce_interval: LogInterval, expected: usize) -> Self {
        let capacity = CAPACITY.max(expected.saturating_add(2));
        Self {
            records: Vec::with_capacity(capacity),
            receiver,
            log_announce_interval,
            capacity,
            at_once: false,
            rule: BestMaster::Ieee1588,
            revertive: true,
            failed: Vec::new(),
        }
    }

    /// So many masters are known to come from now on.
    pub(super) fn expect(&mut self, masters: usize) {
        self.capacity = CAPACITY.max(masters.saturating_add(2));
    }

    /// Takes over what the instance says of the choice among masters.
    pub(super) fn follow(&mut self, config: &InstanceConfig) {
        self.rule = config.best_master;
        self.revertive = config.revertive;
    }

    /// A packet timing signal fail of `source` (G.8265.1 6.7.3, G.8275.1 and G.8275.2 6.3): until then others come before
    /// it. Lost Announces are held against a master by G.8265.1 only: for G.8275, whoever announces again is there again.
    /// False: it is not held against it.
    pub(super) fn fail(
        &mut self,
        source: PortIdentity,
        why: MasterFailure,
        now: Instant,
        until: Instant,
    ) -> bool {
        match (self.rule, why) {
            (BestMaster::G8265, _) | (BestMaster::G8275, MasterFailure::NoSync | MasterFailure::Unusable) => {
            }
            _ => return false,
        }
        self.failed.retain(|(who, at)| *who != source && *at > now);
        if self.failed.len() < self.capacity {
            self.failed.push((source, until));
        }
        true
    }

    pub(super) fn has_failed(&self, source: PortIdentity, now: Instant) -> bool {
        self.failed.iter().any(|(who, until)| *who == source && *until > now)
    }

    fn qualified(&self, record: &ForeignMaster, now: Instant) -> bool {
        self.at_once || record.qualified(now, self.log_announce_interval)
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

    /// Notes an Announce and the priority of the way it came. `parent`'s record is never evicted.
    pub(super) fn record(
        &mut self,
        now: Instant,
        header: &Header,
        announce: &Announce,
        local_priority: u8,
        path: impl Iterator<Item = ClockIdentity>,
        parent: PortIdentity,
    ) -> Recorded {
        let source = header.source_port_identity;
        let interval = self.log_announce_interval;
        if let Some(r) = self.records.iter_mut().find(|r| r.source == source) {
            let was_qualified = r.qualified(now, interval);
            let same = r.announce == Announce { origin_timestamp: r.announce.origin_timestamp, ..*announce }
                && r.header.flags == header.flags
                && r.local_priority == local_priority;
            r.local_priority = local_priority;
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
            alternate_priority1: 0,
            power: None,
            local_priority,
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

    /// Takes `alternate`'s word on each sender: its alternatePriority1, or `None` for one that may not be master.
    pub(super) fn judge(&mut self, mut alternate: impl FnMut(PortIdentity) -> Option<u8>) {
        self.records.retain_mut(|r| {
            let judged = alternate(r.source);
            r.alternate_priority1 = judged.unwrap_or(0);
            judged.is_some()
        });
    }

    /// Sets a sender's alternatePriority1.
    pub(super) fn set_alternate_priority1(&mut self, source: PortIdentity, priority1: u8) {
        if let Some(r) = self.records.iter_mut().find(|r| r.source == source) {
            r.alternate_priority1 = priority1;
        }
    }

    /// Whom to follow without the best master clock algorithm: the parent while it is heard, else whoever was heard last.
    pub(super) fn heard(
        &self,
        now: Instant,
        parent: Option<PortIdentity>,
        silence: Duration,
    ) -> Option<&ForeignMaster> {
        let alive = |r: &&ForeignMaster| Some(r.source) == parent && now.since(r.last) <= silence;
        self.records.iter().find(alive).or_else(|| self.records.iter().max_by_key(|r| r.last))
    }

    /// Keeps the TLVs of `source`'s last Announce that have to be repeated.
    pub(super) fn keep_forward<'a>(
        &mut self,
        source: PortIdentity,
        tlvs: impl Iterator<Item = ptp_wire::Tlv<'a>> + Clone,
    ) {
        let Some(r) = self.records.iter_mut().find(|r| r.source == source) else { return };
        r.power = Power::find(tlvs.clone());
        r.forward.clear();
        for tlv in tlvs.filter(|t| repeats(t.tlv_type)) {
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
            if compare(self.rule, &b.1.candidate(self.receiver), &a.1.candidate(self.receiver)).is_better() {
                a
            } else {
                b
            }
        })?;
        compare(self.rule, &new.candidate(self.receiver), &worst.candidate(self.receiver))
            .is_better()
            .then_some(i)
    }

    /// Erbest: the best qualified sender. `parent` counts until its announce receipt timeout takes it away.
    pub(super) fn best(
        &self,
        now: Instant,
        parent: Option<PortIdentity>,
    ) -> Option<(&ForeignMaster, Candidate)> {
        if self.rule != BestMaster::G8265 && self.failed.is_empty() {
            return self.best_of(now, parent, |_| true);
        }
        let usable = |r: &ForeignMaster| {
            self.rule != BestMaster::G8265 || telecom::quality_level(&r.announce).is_some()
        };
        self.best_of(now, parent, |r| usable(r) && !self.has_failed(r.source, now))
            .or_else(|| self.best_of(now, parent, usable))
    }

    /// Everyone heard: what counts in a comparison, the time since the last Announce, and whether it may be master
    /// here: `Ok(true)`, `Ok(false)` while it is not qualified, `Err` for what ITU-T's profiles exclude.
    pub(super) fn heard_ones(
        &self,
        now: Instant,
        parent: Option<PortIdentity>,
    ) -> impl Iterator<Item = (Candidate, Duration, Result<bool, ()>)> {
        self.records.iter().map(move |r| {
            let excluded = self.has_failed(r.source, now)
                || (self.rule == BestMaster::G8265 && telecom::quality_level(&r.announce).is_none());
            let qualified = Some(r.source) == parent || self.qualified(r, now);
            (r.candidate(self.receiver), now.since(r.last), if excluded { Err(()) } else { Ok(qualified) })
        })
    }

    fn best_of(
        &self,
        now: Instant,
        parent: Option<PortIdentity>,
        eligible: impl Fn(&ForeignMaster) -> bool,
    ) -> Option<(&ForeignMaster, Candidate)> {
        let keeps_place =
            |r: &ForeignMaster| self.rule == BestMaster::G8265 && !self.revertive && Some(r.source) == parent;
        self.records
            .iter()
            .filter(|r| Some(r.source) == parent || self.qualified(r, now))
            .filter(|r| eligible(r))
            .map(|r| {
                let mut candidate = r.candidate(self.receiver);
                if keeps_place(r) {
                    candidate.local_priority = 0;
                }
                (r, candidate)
            })
            .reduce(|a, b| if compare(self.rule, &b.1, &a.1).is_better() { b } else { a })
    }
}
