//! Alternate masters (1588-2019 17.3): masters in waiting, heard before they are needed.
//!
//! A port that is PASSIVE, UNCALIBRATED or SLAVE announces what this clock would announce as grandmaster, with
//! alternateMasterFlag, while fewer than numberOfAlternateMasters better alternates are heard on its link; and sends Sync
//! likewise if it may. Receivers leave such messages out of the best master clock algorithm. They keep what alternates say,
//! and how far each alternate's Syncs are from the master's: that is known before a change over.

use ptp_wire::{
    Announce, Body, Flags, Header, LogInterval, MessageType, PortIdentity, TimeInterval, TimePoint,
    Timestamp, Writer,
};

use super::super::bmca::{Candidate, compare};
use super::super::data_sets::ParentDs;
use super::super::instance::Instance;
use super::super::outbox::{Outbox, Route};
use super::super::port::{Port, Received, next_due, take};
use super::super::stats::DropCause;
use super::super::sync::{Matched, SyncMatcher};
use super::super::transmit::Sent;
use super::super::{Destination, Engine, Instant, MessageClass, PortNumber, PortState};

/// Alternates remembered per port; the longest silent makes room.
const CAPACITY: usize = 8;
/// Announce intervals after which a silent alternate is forgotten (as of foreign masters).
const WINDOW: u32 = 4;

/// An alternate master that is heard.
#[derive(Clone, Debug)]
pub struct AlternateMasterRecord {
    /// sourcePortIdentity.
    pub source: PortIdentity,
    /// What it announces.
    pub announce: Announce,
    /// t2 - t1 of its Syncs less t2 - t1 of the master's: how far its time is behind the master's, where both paths are
    /// equally long. `None`: no Sync of both was seen lately.
    pub behind_master: Option<TimeInterval>,
    /// t2 of its last Sync.
    pub last_sync: Option<TimePoint>,
    last: Instant,
    matcher: SyncMatcher,
}

/// What a port keeps of alternate masters, and does as one.
#[derive(Debug, Default)]
pub(in super::super) struct Alternates {
    heard: Vec<AlternateMasterRecord>,
    /// t2 - t1 - corrections of the master's last Sync.
    master_forward: Option<TimeInterval>,
    announce_at: Option<Instant>,
    sync_at: Option<Instant>,
    sync_sequence: u16,
}

impl Alternates {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [self.announce_at, self.sync_at].into_iter().flatten().min()
    }

    /// The master's Sync, to compare with.
    pub(in super::super) fn note_master(&mut self, forward: TimeInterval) {
        self.master_forward = Some(forward);
    }

    /// Stamps of before are worth nothing now.
    pub(in super::super) fn clear_stamps(&mut self) {
        self.master_forward = None;
        for r in &mut self.heard {
            r.matcher.clear();
            r.behind_master = None;
        }
    }

    fn prune(&mut self, now: Instant, interval: LogInterval) {
        let window = interval.duration().saturating_mul(WINDOW);
        self.heard.retain(|r| now.since(r.last) <= window);
    }
}

/// Whether a port in this state may be an alternate master.
fn waits(state: PortState) -> bool {
    matches!(state, PortState::Passive | PortState::Uncalibrated | PortState::Slave)
}

impl Port {
    // --- as one ---

    /// Starts, goes on, or ends being an alternate master.
    pub(super) fn run_alternate_master(&mut self, instance: &mut Instance) {
        let options = &self.config.options;
        let able = options.alternate_masters > 0
            && waits(self.state)
            && self.config.multicast
            && !instance.config.client_only
            && !instance.config.options.external_port_configuration;
        if !able {
            self.options.alternates.announce_at = None;
            self.options.alternates.sync_at = None;
            return;
        }
        let (now, sync) = (instance.now, options.alternate_multicast_sync);
        let alternates = &mut self.options.alternates;
        let announce_at = *alternates.announce_at.get_or_insert(now);
        if !sync {
            alternates.sync_at = None;
        } else if alternates.sync_at.is_none() {
            alternates.sync_at = Some(now);
        }
        let sync_at = alternates.sync_at;
        if announce_at <= now {
            let interval = self.config.log_announce_interval;
            self.options.alternates.announce_at = Some(next_due(announce_at, interval, now));
            if self.is_among_best(instance) {
                self.send_alternate_announce(instance);
            }
        }
        if let Some(at) = sync_at.filter(|at| *at <= now) {
            let interval = self.config.options.log_alternate_multicast_sync_interval;
            self.options.alternates.sync_at = Some(next_due(at, interval, now));
            if self.is_among_best(instance) {
                self.send_alternate_sync(instance, interval);
            }
        }
    }

    /// Fewer better alternates are heard than there may be alternates (17.3.2).
    fn is_among_best(&mut self, instance: &Instance) -> bool {
        let interval = self.config.log_announce_interval;
        self.options.alternates.prune(instance.now, interval);
        let own = Candidate::own(instance);
        let better = self
            .options
            .alternates
            .heard
            .iter()
            .filter(|r| {
                compare(
                    instance.config.best_master,
                    &Candidate::foreign(&r.announce, r.source, self.id, self.config.local_priority),
                    &own,
                )
                .is_better()
            })
            .count();
        better < usize::from(self.config.options.alternate_masters)
    }

    fn send_alternate_announce(&mut self, instance: &mut Instance) {
        let own = ParentDs::own(&instance.config, instance.quality());
        let time = instance.config.time_properties;
        let mut header = self.header(instance, MessageType::Announce);
        header.sequence_id = take(&mut self.sequences.announce);
        header.log_message_interval = self.config.log_announce_interval;
        header.flags = time.flags() | Flags::ALTERNATE_MASTER;
        let body = Body::Announce(Announce {
            origin_timestamp: Timestamp::ZERO,
            current_utc_offset: time.current_utc_offset,
            grandmaster_priority1: own.grandmaster_priority1,
            grandmaster_clock_quality: own.grandmaster_clock_quality,
            grandmaster_priority2: own.grandmaster_priority2,
            grandmaster_identity: own.grandmaster_identity,
            steps_removed: 0,
            time_source: time.time_source,
        });
        let (path_trace, identity) = (instance.config.path_trace, instance.config.clock_identity);
        let route = Route {
            port: self.number(),
            class: MessageClass::General,
            destination: Destination::Primary,
            stamp: None,
        };
        let written = instance.out.transmit(route, Outbox::TIMING, |buf| {
            let mut w = Writer::new(buf, &header, &body)?;
            if path_trace {
                w.path_trace([], identity)?;
            }
            Ok(w.finish())
        });
        if written.is_ok() {
            self.stats.sent(MessageType::Announce);
        }
    }

    fn send_alternate_sync(&mut self, instance: &mut Instance, interval: LogInterval) {
        let sequence_id = take(&mut self.options.alternates.sync_sequence);
        self.send_optional_sync(
            instance,
            sequence_id,
            interval,
            Flags::ALTERNATE_MASTER,
            Destination::Primary,
        );
    }

    /// A two-step Sync of a port that need not be MASTER.
    pub(super) fn send_optional_sync(
        &mut self,
        instance: &mut Instance,
        sequence_id: u16,
        log_interval: LogInterval,
        flags: Flags,
        destination: Destination,
    ) {
        let mut header = self.header(instance, MessageType::Sync);
        header.sequence_id = sequence_id;
        header.log_message_interval = log_interval;
        header.flags = flags | Flags::TWO_STEP;
        let sent = Sent::OptionalSync { sequence_id, log_interval, flags, destination };
        let token = self.want_stamp(instance, sent);
        let body = Body::Sync { origin_timestamp: Timestamp::ZERO };
        self.send(instance, &header, &body, destination, Some(token));
    }

    /// The Follow_Up of such a Sync.
    pub(in super::super) fn optional_sync_sent(
        &mut self,
        instance: &mut Instance,
        sequence_id: u16,
        log_interval: LogInterval,
        flags: Flags,
        destination: Destination,
        stamp: TimePoint,
    ) {
        let (precise_origin_timestamp, fraction) = stamp.split();
        let mut header = self.header(instance, MessageType::FollowUp);
        header.sequence_id = sequence_id;
        header.log_message_interval = log_interval;
        header.flags = flags;
        header.correction = fraction;
        let body = Body::FollowUp { precise_origin_timestamp };
        self.send(instance, &header, &body, destination, None);
    }

    // --- as a receiver ---

    /// An Announce with alternateMasterFlag.
    pub(in super::super) fn note_alternate_announce(
        &mut self,
        instance: &Instance,
        header: &Header,
        announce: &Announce,
    ) {
        let now = instance.now;
        let alternates = &mut self.options.alternates;
        alternates.prune(
            now,
            self.config.log_announce_interval.max(header.log_message_interval.min(LogInterval(4))),
        );
        let source = header.source_port_identity;
        if let Some(r) = alternates.heard.iter_mut().find(|r| r.source == source) {
            r.announce = *announce;
            r.last = now;
            return;
        }
        if alternates.heard.len() >= CAPACITY
            && let Some(i) = (0..CAPACITY).min_by_key(|i| alternates.heard.get(*i).map(|r| r.last))
        {
            alternates.heard.swap_remove(i);
        }
        alternates.heard.push(AlternateMasterRecord {
            source,
            announce: *announce,
            behind_master: None,
            last_sync: None,
            last: now,
            matcher: SyncMatcher::default(),
        });
    }

    /// A Sync with alternateMasterFlag of an alternate that announces itself. False: it is not one.
    pub(in super::super) fn note_alternate_sync(&mut self, rx: Received<'_>, origin: Timestamp) -> bool {
        let header = rx.message.header();
        if !header.flags.has(Flags::ALTERNATE_MASTER) {
            return false;
        }
        self.stats.drop(DropCause::Alternate);
        let Some(ingress) = self.ingress(rx.stamp) else { return true };
        let correction = header.correction + self.config.delay_asymmetry;
        let Some(r) =
            self.options.alternates.heard.iter_mut().find(|r| r.source == header.source_port_identity)
        else {
            return true;
        };
        if !header.flags.has(Flags::TWO_STEP) {
            let origin = TimePoint::from(origin) + correction;
            self.alternate_synced(header.source_port_identity, origin, ingress);
        } else if let Matched::Pair(pair) =
            r.matcher.two_step_sync(header.sequence_id, ingress, correction, header.log_message_interval)
        {
            self.alternate_synced(header.source_port_identity, pair.origin, pair.ingress);
        }
        true
    }

    /// A Follow_Up with alternateMasterFlag. False: it is not one.
    pub(in super::super) fn note_alternate_follow_up(&mut self, header: &Header, origin: Timestamp) -> bool {
        if !header.flags.has(Flags::ALTERNATE_MASTER) {
            return false;
        }
        self.stats.drop(DropCause::Alternate);
        let source = header.source_port_identity;
        let record = self.options.alternates.heard.iter_mut().find(|r| r.source == source);
        if let Some(r) = record
            && let Matched::Pair(pair) =
                r.matcher.follow_up(header.sequence_id, origin, header.correction, None)
        {
            self.alternate_synced(source, pair.origin, pair.ingress);
        }
        true
    }

    fn alternate_synced(&mut self, source: PortIdentity, origin: TimePoint, ingress: TimePoint) {
        let alternates = &mut self.options.alternates;
        let master = alternates.master_forward;
        if let Some(r) = alternates.heard.iter_mut().find(|r| r.source == source) {
            r.last_sync = Some(ingress);
            r.behind_master = master.map(|master| (ingress - origin) - master);
        }
    }
}

impl Engine {
    /// The alternate masters heard on a port (1588-2019 17.3).
    pub fn alternate_masters(&self, port: PortNumber) -> impl Iterator<Item = &AlternateMasterRecord> {
        self.port(port).into_iter().flat_map(|p| p.options.alternates.heard.iter())
    }
}
