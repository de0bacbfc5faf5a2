//! One port: its state, timers, and what it sends as master.

use core::time::Duration;

use ptp_servo::{DelayFilter, FilterKind};
use ptp_wire::{
    Announce, Body, Flags, Header, LogInterval, Message, MessageType, PortIdentity, PortNumber, TimeInterval,
    TimePoint, Timestamp, Writer,
};

use super::e2e::E2e;
use super::foreign::{ForeignMasters, Recorded};
use super::fsm::{FsmEvent, next_state};
use super::instance::{Instance, MAX_PATH};
use super::outbox::{Outbox, Route};
use super::p2p::PeerDelay;
use super::stats::{DropCause, PortStats};
use super::sync::{Matched, SyncMatcher, SyncPair};
use super::timers::{Timer, Timers};
use super::transmit::{Outstanding, Sent};
use super::unicast::client::Client;
use super::unicast::server::Server;
use super::unicast::{Unicast, is_unicast};
use super::{
    Address, Delay, DelayFilterKind, Destination, Event, Instant, MessageClass, PortConfig, PortState,
    Sample, TxToken,
};

/// At most one new foreign master per port is told of in this time.
const NEW_MASTER_QUIET: Duration = Duration::from_millis(100);

/// sequenceId of each message type that counts its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequences {
    pub(super) announce: u16,
    pub(super) sync: u16,
    pub(super) delay_req: u16,
    pub(super) pdelay_req: u16,
}

/// Returns the present number and counts on.
pub(super) fn take(sequence: &mut u16) -> u16 {
    let now = *sequence;
    *sequence = now.wrapping_add(1);
    now
}

#[derive(Debug)]
pub(super) struct Port {
    pub(super) id: PortIdentity,
    pub(super) config: PortConfig,
    pub(super) state: PortState,
    /// The host says that it can be used.
    pub(super) up: bool,
    pub(super) timers: Timers,
    pub(super) foreign: ForeignMasters,
    pub(super) stats: PortStats,
    pub(super) sequences: Sequences,
    pub(super) sync: SyncMatcher,
    pub(super) e2e: E2e,
    pub(super) peer: PeerDelay,
    pub(super) filter: DelayFilter,
    /// The next delay measurement replaces what the filter holds.
    pub(super) filter_stale: bool,
    pub(super) outstanding: Outstanding,
    pub(super) unicast: Unicast,
    /// When a new foreign master was last told of.
    new_master_told: Option<Instant>,
    /// The announce or sync receipt timeout has expired since the last state decision.
    pub(super) expired: bool,
    /// The master's interval, while this port is its client.
    pub(super) log_sync_interval: LogInterval,
    /// As the master asks for, or as configured.
    pub(super) log_delay_req_interval: LogInterval,
}

/// A received message and what came with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received<'a> {
    pub(super) message: &'a Message<'a>,
    pub(super) stamp: Option<TimePoint>,
    pub(super) source: Address,
}

impl Port {
    pub(super) fn new(id: PortIdentity, config: PortConfig, now: Instant) -> Self {
        let masters = config.unicast_client.as_ref().map_or(0, |c| c.masters.len());
        let serves = config.unicast_server.is_some();
        Self {
            unicast: Unicast {
                client: config.unicast_client.as_ref().map(|c| Client::new(c, now)),
                server: serves.then(|| Box::new(Server::new(now))),
            },
            id,
            state: PortState::Initializing,
            up: false,
            timers: Timers::default(),
            foreign: ForeignMasters::new(id, config.log_announce_interval, masters),
            stats: PortStats::default(),
            sequences: Sequences::default(),
            sync: SyncMatcher::default(),
            e2e: E2e::default(),
            peer: PeerDelay::default(),
            filter: new_filter(&config),
            filter_stale: false,
            outstanding: Outstanding::new(id.port_number, serves),
            new_master_told: None,
            expired: false,
            log_sync_interval: config.log_sync_interval,
            log_delay_req_interval: config.log_min_delay_req_interval,
            config,
        }
    }

    pub(super) fn number(&self) -> PortNumber {
        self.id.port_number
    }

    /// When something is due here.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [self.timers.next(), self.unicast.next_deadline()].into_iter().flatten().min()
    }

    /// Takes part in the protocol.
    pub(super) fn active(&self) -> bool {
        !matches!(self.state, PortState::Initializing | PortState::Faulty | PortState::Disabled)
    }

    /// UNCALIBRATED or SLAVE.
    pub(super) fn is_client(&self) -> bool {
        matches!(self.state, PortState::Uncalibrated | PortState::Slave)
    }

    // --- state ---

    pub(super) fn transition(&mut self, instance: &mut Instance, event: FsmEvent) {
        let from = self.state;
        let to = next_state(from, event, instance.config.client_only);
        if matches!(event, FsmEvent::Recommended { new_parent: true, .. }) && to == PortState::Uncalibrated {
            self.forget_master();
        }
        if to == from {
            return;
        }
        self.state = to;
        self.enter(instance, from);
        instance.out.event(Event::PortState { port: self.number(), from, to, on: event.name() });
        instance.port_state_changed = true;
    }

    /// Sets the timers that the new state needs.
    fn enter(&mut self, instance: &mut Instance, from: PortState) {
        let was_client = matches!(from, PortState::Uncalibrated | PortState::Slave);
        if was_client && !self.is_client() {
            self.forget_master();
        }
        for timer in [Timer::Announce, Timer::Sync, Timer::Qualification, Timer::AnnounceReceipt] {
            self.timers.stop(timer);
        }
        if !self.is_client() {
            self.timers.stop(Timer::DelayReq);
            self.timers.stop(Timer::SyncReceipt);
        }
        let now = instance.now;
        if from == PortState::Initializing && self.active() {
            self.unicast_client_start(now);
        }
        if from == PortState::Master && self.active() {
            self.unicast_server_end(instance);
        }
        match self.state {
            PortState::Initializing | PortState::Faulty | PortState::Disabled => {
                self.timers.stop_all();
                self.foreign.clear();
                self.outstanding.clear();
                self.peer = PeerDelay::default();
                self.filter.reset();
                self.unicast_client_stop();
                self.unicast_server_clear();
                instance.decision_due = true;
            }
            PortState::Listening | PortState::Passive => self.arm_announce_receipt(instance),
            PortState::Uncalibrated | PortState::Slave => {
                self.arm_announce_receipt(instance);
                if !was_client {
                    self.log_sync_interval = self.config.log_sync_interval;
                    self.log_delay_req_interval = self.config.log_min_delay_req_interval;
                    self.arm_sync_receipt(instance);
                }
            }
            PortState::PreMaster => {
                let interval = self.config.log_announce_interval.duration();
                let wait = interval.saturating_mul(1 + u32::from(instance.current.steps_removed));
                self.timers.set(Timer::Qualification, now + wait);
            }
            PortState::Master => {
                if self.config.multicast {
                    self.timers.set(Timer::Announce, now);
                    self.timers.set(Timer::Sync, now);
                }
            }
        }
        if self.active() && self.config.delay == Delay::P2p && self.timers.get(Timer::PdelayReq).is_none() {
            self.timers.set(Timer::PdelayReq, now);
        }
    }

    /// Forgets everything that belongs to one master.
    fn forget_master(&mut self) {
        self.sync.clear();
        self.e2e = E2e::default();
        self.timers.stop(Timer::DelayReq);
        if self.config.delay == Delay::E2e {
            self.filter.reset();
        }
    }

    /// Stamps of before and after do not go together.
    pub(super) fn clock_stepped(&mut self) {
        self.sync.clear();
        self.e2e.clear();
        self.peer.clear_exchange();
        self.outstanding.clear();
        self.filter_stale = true;
    }

    pub(super) fn arm_announce_receipt(&mut self, instance: &mut Instance) {
        // A unicast master may have granted fewer Announces than were asked for.
        let granted = self.unicast.client.as_ref().and_then(Client::announce_interval);
        let interval =
            self.config.log_announce_interval.max(granted.unwrap_or(LogInterval(i8::MIN))).duration();
        let wait = interval.saturating_mul(self.config.announce_receipt_timeout.into());
        let spread = interval.mul_f64(instance.rng.unit());
        self.timers.set(Timer::AnnounceReceipt, instance.now + wait + spread);
    }

    fn arm_sync_receipt(&mut self, instance: &Instance) {
        if self.config.sync_receipt_timeout > 0 {
            let wait = self.log_sync_interval.duration() * u32::from(self.config.sync_receipt_timeout);
            self.timers.set(Timer::SyncReceipt, instance.now + wait);
        }
    }

    // --- timers ---

    pub(super) fn expire(&mut self, instance: &mut Instance, timer: Timer, due: Instant) {
        match timer {
            Timer::Announce => {
                self.stats.service.master_announce_timeout += 1;
                self.timers
                    .set(Timer::Announce, next_due(due, self.config.log_announce_interval, instance.now));
                let sequence_id = take(&mut self.sequences.announce);
                self.send_announce_to(instance, Destination::Primary, sequence_id);
            }
            Timer::Sync => {
                self.stats.service.master_sync_timeout += 1;
                self.timers.set(Timer::Sync, next_due(due, self.config.log_sync_interval, instance.now));
                let sequence_id = take(&mut self.sequences.sync);
                self.send_sync_to(instance, Destination::Primary, sequence_id, self.config.log_sync_interval);
            }
            Timer::DelayReq => self.delay_req_due(instance),
            Timer::PdelayReq => self.pdelay_req_due(instance, due),
            Timer::AnnounceReceipt => {
                self.stats.service.announce_timeout += 1;
                self.lose_master(instance);
                self.arm_announce_receipt(instance);
            }
            Timer::SyncReceipt => {
                self.stats.service.sync_timeout += 1;
                self.lose_master(instance);
            }
            Timer::Qualification => {
                self.stats.service.qualification_timeout += 1;
                self.transition(instance, FsmEvent::QualificationTimeout);
            }
        }
    }

    /// The best master here has gone silent: the next state decision does without it.
    fn lose_master(&mut self, instance: &mut Instance) {
        if self.is_client() {
            let parent = instance.parent.parent_port_identity;
            self.foreign.remove(parent);
            self.unicast_master_lost(instance, parent);
        } else {
            self.foreign.clear();
        }
        self.expired = true;
        instance.decision_due = true;
    }

    // --- sending ---

    pub(super) fn header(&self, instance: &Instance, message_type: MessageType) -> Header {
        let mut header = Header::new(message_type);
        header.sdo_id = instance.config.sdo_id;
        header.minor_version = instance.config.minor_version;
        header.domain_number = instance.config.domain_number;
        header.source_port_identity = self.id;
        header
    }

    /// Remembers a transmission whose stamp is wanted; one that had to make room counts as lost.
    pub(super) fn want_stamp(&mut self, instance: &mut Instance, sent: Sent) -> TxToken {
        let (token, lost) = self.outstanding.issue(sent);
        if let Some(lost) = lost {
            self.stamp_lost(instance, lost.message_type());
        }
        token
    }

    /// Sends header and body.
    pub(super) fn send(
        &mut self,
        instance: &mut Instance,
        header: &Header,
        body: &Body,
        destination: Destination,
        stamp: Option<TxToken>,
    ) {
        let message_type = body.message_type();
        let class = if message_type.is_event() { MessageClass::Event } else { MessageClass::General };
        let unicast = matches!(destination, Destination::Unicast(_));
        let header = Header { flags: header.flags.with(Flags::UNICAST, unicast), ..*header };
        let route = Route { port: self.number(), class, destination, stamp };
        let written =
            instance.out.transmit(route, Outbox::TIMING, |buf| Ok(Writer::new(buf, &header, body)?.finish()));
        if written.is_ok() {
            self.stats.sent(message_type);
        }
    }

    pub(super) fn send_announce_to(
        &mut self,
        instance: &mut Instance,
        destination: Destination,
        sequence_id: u16,
    ) {
        let unicast = matches!(destination, Destination::Unicast(_));
        let mut header = self.header(instance, MessageType::Announce);
        header.sequence_id = sequence_id;
        header.log_message_interval =
            if unicast { LogInterval::NOT_APPLICABLE } else { self.config.log_announce_interval };
        header.flags = instance.time_properties.flags().with(Flags::UNICAST, unicast);
        let parent = &instance.parent;
        let body = Body::Announce(Announce {
            origin_timestamp: Timestamp::ZERO,
            current_utc_offset: instance.time_properties.current_utc_offset,
            grandmaster_priority1: parent.grandmaster_priority1,
            grandmaster_clock_quality: parent.grandmaster_clock_quality,
            grandmaster_priority2: parent.grandmaster_priority2,
            grandmaster_identity: parent.grandmaster_identity,
            steps_removed: instance.current.steps_removed,
            time_source: instance.time_properties.time_source,
        });
        let own = instance.config.clock_identity;
        let (path_trace, path, forward) = (instance.config.path_trace, &instance.path, &instance.forward);
        let route = Route { port: self.number(), class: MessageClass::General, destination, stamp: None };
        let room = Outbox::TIMING + 8 * (path.len() + 1) + forward.len();
        let written = instance.out.transmit(route, room, |buf| {
            let mut w = Writer::new(buf, &header, &body)?;
            if path_trace && path.len() < MAX_PATH {
                w.path_trace(path.iter().copied(), own)?;
            }
            for tlv in ptp_wire::TlvIter::new(forward) {
                w.tlv(tlv.tlv_type, tlv.value)?;
            }
            Ok(w.finish())
        });
        if written.is_ok() {
            self.stats.sent(MessageType::Announce);
        }
    }

    /// `log_interval`: the one that holds for this destination.
    pub(super) fn send_sync_to(
        &mut self,
        instance: &mut Instance,
        destination: Destination,
        sequence_id: u16,
        log_interval: LogInterval,
    ) {
        let unicast = matches!(destination, Destination::Unicast(_));
        let log_interval = if unicast { LogInterval::NOT_APPLICABLE } else { log_interval };
        let mut header = self.header(instance, MessageType::Sync);
        header.sequence_id = sequence_id;
        header.log_message_interval = log_interval;
        header.flags = Flags::TWO_STEP;
        let token = self.want_stamp(instance, Sent::Sync { sequence_id, destination, log_interval });
        let body = Body::Sync { origin_timestamp: Timestamp::ZERO };
        self.send(instance, &header, &body, destination, Some(token));
    }

    /// A transmit stamp has come, or is known to be lost.
    pub(super) fn transmit_stamp(
        &mut self,
        instance: &mut Instance,
        token: TxToken,
        stamp: Option<TimePoint>,
    ) {
        let Some(sent) = self.outstanding.complete(token) else { return };
        let Some(stamp) = stamp else {
            return self.stamp_lost(instance, sent.message_type());
        };
        let stamp = stamp + self.config.egress_latency;
        match sent {
            Sent::Sync { sequence_id, destination, log_interval } => {
                if self.state != PortState::Master {
                    return;
                }
                let (t1, fraction) = stamp.split();
                let mut header = self.header(instance, MessageType::FollowUp);
                header.sequence_id = sequence_id;
                header.log_message_interval = log_interval;
                header.correction = fraction;
                let body = Body::FollowUp { precise_origin_timestamp: t1 };
                self.send(instance, &header, &body, destination, None);
            }
            Sent::DelayReq { sequence_id } => self.delay_req_sent(instance, sequence_id, stamp),
            Sent::PdelayReq { sequence_id } => self.pdelay_req_sent(instance, sequence_id, stamp),
            Sent::PdelayResp { sequence_id, requester, correction, destination } => {
                self.pdelay_resp_sent(instance, sequence_id, requester, correction, destination, stamp);
            }
        }
    }

    fn stamp_lost(&mut self, instance: &mut Instance, message_type: MessageType) {
        self.stats.tx_stamps_lost += 1;
        let total = self.stats.tx_stamps_lost;
        // The first, and then each time the number doubles: an operator sees it, the log survives it.
        if total.is_power_of_two() {
            instance.out.event(Event::TransmitStampLost { port: self.number(), message_type, total });
        }
    }

    // --- receiving ---

    /// A receive stamp with the port's latency taken off; without one the message is counted and useless.
    pub(super) fn ingress(&mut self, stamp: Option<TimePoint>) -> Option<TimePoint> {
        if stamp.is_none() {
            self.stats.drop(DropCause::MissingStamp);
        }
        stamp.map(|t| t - self.config.ingress_latency)
    }

    pub(super) fn receive_announce(
        &mut self,
        instance: &mut Instance,
        rx: Received<'_>,
        announce: &Announce,
    ) {
        let m = rx.message;
        let mut header = *m.header();
        if self.config.master_only {
            return self.stats.drop(DropCause::MasterOnly);
        }
        if is_unicast(m) {
            // Only from masters of the table; they tell no interval, so the one granted counts.
            let Some(granted) = self.unicast_expected(rx.source, MessageType::Announce) else {
                return self.stats.drop(DropCause::NotGranted);
            };
            header.log_message_interval = granted.unwrap_or(self.config.log_announce_interval);
        }
        let header = &header;
        let own = instance.config.clock_identity;
        let looped = instance.config.path_trace && m.path_trace().any(|id| id == own);
        let too_far = announce.steps_removed >= instance.config.max_steps_removed;
        if header.flags.has(Flags::ALTERNATE_MASTER) || too_far || looped {
            return self.stats.drop(DropCause::Announce);
        }
        let parent = instance.parent.parent_port_identity;
        let source = header.source_port_identity;
        match self.foreign.record(instance.now, header, announce, m.path_trace(), parent) {
            Recorded::New => {
                // A flood of made-up senders must not flood the log.
                let quiet = self.new_master_told.is_some_and(|at| instance.now.since(at) < NEW_MASTER_QUIET);
                if !quiet {
                    self.new_master_told = Some(instance.now);
                    instance.out.event(Event::NewForeignMaster { port: self.number(), source });
                }
            }
            Recorded::Same => {}
            Recorded::Changed => instance.decision_due = true,
            Recorded::Full => return self.stats.drop(DropCause::NoRoom),
        }
        self.foreign.keep_forward(source, m.tlvs());
        match self.state {
            PortState::Listening | PortState::Passive => self.arm_announce_receipt(instance),
            PortState::Uncalibrated | PortState::Slave if source == parent => {
                self.arm_announce_receipt(instance);
                if let Some((r, _)) =
                    self.foreign.best(instance.now, Some(parent)).filter(|(r, _)| r.source == parent)
                {
                    instance.path.clear();
                    instance.path.extend(r.path.iter().take(MAX_PATH));
                    instance.forward.clear();
                    instance.forward.extend_from_slice(&r.forward);
                }
            }
            _ => {}
        }
    }

    fn is_from_master(&mut self, instance: &Instance, header: &Header) -> bool {
        let ours = self.is_client() && header.source_port_identity == instance.parent.parent_port_identity;
        if !ours {
            self.stats.drop(DropCause::NotMaster);
        }
        ours
    }

    pub(super) fn receive_sync(&mut self, instance: &mut Instance, rx: Received<'_>, origin: Timestamp) {
        let header = rx.message.header();
        if !self.is_from_master(instance, header) {
            return;
        }
        if self.unicast.client.is_some() {
            if is_unicast(rx.message) && self.unicast_master() != Some(rx.source) {
                return self.stats.drop(DropCause::NotGranted);
            }
            self.unicast_sync_seen(instance.now);
        }
        let Some(ingress) = self.ingress(rx.stamp) else { return };
        if (-10..=22).contains(&header.log_message_interval.0) {
            self.log_sync_interval = header.log_message_interval;
        }
        let interval = self.log_sync_interval;
        let correction = header.correction + self.config.delay_asymmetry;
        if !header.flags.has(Flags::TWO_STEP) {
            self.sync.clear();
            let pair =
                SyncPair { origin: TimePoint::from(origin) + correction, ingress, log_interval: interval };
            return self.synchronise(instance, pair);
        }
        match self.sync.two_step_sync(header.sequence_id, ingress, correction, interval) {
            Matched::Pair(pair) => self.synchronise(instance, pair),
            Matched::Waits { displaced } => self.stats.service.sync_mismatch += u64::from(displaced),
        }
    }

    pub(super) fn receive_follow_up(&mut self, instance: &mut Instance, m: &Message<'_>, origin: Timestamp) {
        let header = m.header();
        if !self.is_from_master(instance, header) {
            return;
        }
        match self.sync.follow_up(header.sequence_id, origin.into(), header.correction) {
            Matched::Pair(pair) => self.synchronise(instance, pair),
            Matched::Waits { displaced } => self.stats.service.followup_mismatch += u64::from(displaced),
        }
    }

    /// t1 and t2 are known: makes a sample if the delay is known, too.
    fn synchronise(&mut self, instance: &mut Instance, pair: SyncPair) {
        self.arm_sync_receipt(instance);
        let forward = pair.ingress - pair.origin;
        if self.config.delay == Delay::E2e {
            self.sync_for_e2e(instance, forward);
        }
        let mean_delay = match self.config.delay {
            Delay::None => Some(TimeInterval::ZERO),
            Delay::E2e | Delay::P2p => self.filter.value(),
        };
        let Some(mean_delay) = mean_delay else { return };
        let offset = forward - mean_delay;
        instance.current.offset_from_master = offset;
        instance.current.mean_delay = mean_delay;
        instance.current.ingress_time = pair.ingress;
        instance.synchronised = true;
        instance.out.sample(Sample {
            port: self.number(),
            master: instance.parent.parent_port_identity,
            ingress: pair.ingress,
            origin: pair.origin,
            offset,
            mean_delay,
            forward,
            log_sync_interval: pair.log_interval,
        });
        if instance.config.free_running {
            self.transition(instance, FsmEvent::MasterClockSelected);
        }
    }

    /// Takes a measured delay into the filter; a negative one is noise around zero and counts as it is.
    pub(super) fn filter_delay(&mut self, delay: TimeInterval) -> TimeInterval {
        if std::mem::take(&mut self.filter_stale) {
            self.filter.reset();
        }
        self.filter.push(delay)
    }

    /// What can change live does.
    pub(super) fn configure(&mut self, instance: &mut Instance, config: &PortConfig) {
        self.configure_unicast_client(instance, config.unicast_client.as_ref());
        self.configure_unicast_server(instance, config.unicast_server.as_ref());
        if self.state == PortState::Master && config.multicast != self.config.multicast {
            for timer in [Timer::Announce, Timer::Sync] {
                if config.multicast {
                    self.timers.set(timer, instance.now);
                } else {
                    self.timers.stop(timer);
                }
            }
        }
        let filter_changed = config.delay_filter != self.config.delay_filter
            || config.delay_filter_length != self.config.delay_filter_length;
        let keep = &self.config;
        self.config = PortConfig {
            interface: keep.interface.clone(),
            transport: keep.transport,
            mac: keep.mac,
            protocol_address: keep.protocol_address.clone(),
            stamping: keep.stamping,
            phc_index: keep.phc_index,
            delay: keep.delay,
            ..config.clone()
        };
        self.log_delay_req_interval = self.config.log_min_delay_req_interval;
        if filter_changed {
            self.filter = new_filter(&self.config);
        }
        self.foreign.log_announce_interval = self.config.log_announce_interval;
        if self.config.master_only {
            self.foreign.clear();
        }
    }
}

pub(super) fn new_filter(config: &PortConfig) -> DelayFilter {
    let kind = match config.delay_filter {
        DelayFilterKind::MovingMedian => FilterKind::MovingMedian,
        DelayFilterKind::MovingAverage => FilterKind::MovingAverage,
    };
    DelayFilter::new(kind, usize::from(config.delay_filter_length.clamp(1, 1024)))
}

/// A random wait of 0 up to twice `interval`.
pub(super) fn randomised(instance: &mut Instance, interval: LogInterval) -> Duration {
    interval.duration().mul_f64(2.0 * instance.rng.unit())
}

/// One interval after `due`, so that lateness does not add up; or after `now`, where a whole interval was missed.
pub(super) fn next_due(due: Instant, interval: LogInterval, now: Instant) -> Instant {
    let next = due + interval.duration();
    if next <= now { now + interval.duration() } else { next }
}
