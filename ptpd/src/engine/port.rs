//! One port: its state, timers, and what it sends as master.

use core::time::Duration;

use ptp_servo::{DelayFilter, FilterKind};
use ptp_wire::{
    Announce, Flags, Header, LogInterval, Message, MessageType, PortIdentity, PortNumber, TimeInterval,
    TimePoint, Timestamp,
};

use super::bmca::Decision;
use super::e2e::E2e;
use super::foreign::{ForeignMasters, Recorded};
use super::fsm::{FsmEvent, next_state};
use super::gptp::{BestMaster, GptpPort, follow_up_information};
use super::instance::{Instance, MAX_PATH};
use super::options::{PortOptionsState, acceptable};
use super::p2p::PeerDelay;
use super::security::ReplayGuard;
use super::stats::{DropCause, PortStats};
use super::sync::{Matched, SyncMatcher, SyncPair};
use super::timers::{Timer, Timers};
use super::transmit::Outstanding;
use super::unicast::client::Client;
use super::unicast::server::Server;
use super::unicast::{Unicast, is_unicast};
use super::{
    Address, Delay, DelayFilterKind, Destination, Event, ForwardSample, Instant, MasterFailure, PortConfig,
    PortState, Sample,
};

/// Octets of a C37.238 TLV, at most.
pub(super) const POWER_TLV: usize = 24;

/// At most one new foreign master per port is told of in this time.
const NEW_MASTER_QUIET: Duration = Duration::from_millis(100);

/// sequenceId of each message type that counts its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequences {
    pub(super) announce: u16,
    pub(super) sync: u16,
    pub(super) delay_req: u16,
    pub(super) pdelay_req: u16,
    pub(super) signaling: u16,
}

/// Returns the present number and counts on.
pub(super) fn take(sequence: &mut u16) -> u16 {
    let now = *sequence;
    *sequence = now.wrapping_add(1);
    now
}

#[derive(Debug)]
pub(super) struct Port {
    /// Its clock is kept with the instance's: what it sends is true.
    pub(super) aligned: bool,
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
    pub(super) gptp: GptpPort,
    pub(super) filter: DelayFilter,
    /// The next delay measurement replaces what the filter holds.
    pub(super) filter_stale: bool,
    pub(super) outstanding: Outstanding,
    pub(super) unicast: Unicast,
    /// When a new foreign master was last told of.
    new_master_told: Option<Instant>,
    /// The announce or sync receipt timeout has expired since the last state decision.
    pub(super) expired: bool,
    /// What the last state decision said.
    pub(super) decided: Option<Decision>,
    /// The master's interval, while this port is its client.
    pub(super) log_sync_interval: LogInterval,
    /// As the master asks for, or as configured.
    pub(super) log_delay_req_interval: LogInterval,
    pub(super) options: PortOptionsState,
    pub(super) replay_guard: ReplayGuard,
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
            aligned: true,
            unicast: Unicast {
                client: config.unicast_client.as_ref().map(|c| Client::new(c, now)),
                server: serves.then(|| Box::new(Server::new(now))),
                rate: None,
            },
            id,
            state: PortState::Initializing,
            up: false,
            timers: Timers::default(),
            foreign: ForeignMasters::new(id, config.log_announce_interval, masters),
            stats: PortStats::default(),
            decided: None,
            sequences: Sequences::default(),
            sync: SyncMatcher::default(),
            e2e: E2e::default(),
            peer: PeerDelay::default(),
            gptp: GptpPort::default(),
            filter: new_filter(&config),
            filter_stale: false,
            outstanding: Outstanding::new(id.port_number, serves),
            new_master_told: None,
            expired: false,
            log_sync_interval: config.log_sync_interval,
            log_delay_req_interval: config.log_min_delay_req_interval,
            options: PortOptionsState::default(),
            replay_guard: ReplayGuard::default(),
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
        let new_parent = matches!(
            event,
            FsmEvent::Recommended { new_parent: true, .. } | FsmEvent::External { new_parent: true, .. }
        );
        if new_parent && to == PortState::Uncalibrated {
            self.forget_master();
        }
        let transparent = instance.config.kind.is_transparent();
        let to = match to {
            PortState::PreMaster if instance.config.best_master.is_immediate() => PortState::Master,
            PortState::Uncalibrated if instance.config.best_master.is_immediate() => PortState::Slave,
            // There is no servo to wait for.
            PortState::Uncalibrated if transparent => PortState::Slave,
            _ => to,
        };
        if new_parent || to != from {
            self.watch_lock(instance, to);
        }
        if to == from {
            return;
        }
        self.state = to;
        instance.options.port_changed(from, to);
        self.enter(instance, from);
        instance.out.event(Event::PortState { port: self.number(), from, to, on: event.name() });
        instance.port_state_changed = true;
    }

    /// A new master, or a new state: how long the servo may take to lock (PTSF-unusable).
    fn watch_lock(&mut self, instance: &Instance, to: PortState) {
        match instance.config.unusable_timeout {
            Some(patience) if to == PortState::Uncalibrated => {
                self.timers.set(Timer::Unusable, instance.now + patience);
            }
            _ => self.timers.stop(Timer::Unusable),
        }
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
            self.gptp_start(instance);
            self.foreign.at_once = instance.config.best_master == BestMaster::Ieee8021As;
            instance.decision_due |= instance.config.best_master.is_immediate();
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
                self.gptp = GptpPort::default();
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
                if self.config.multicast && !instance.config.kind.is_transparent() {
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
        self.options.alternates.clear_stamps();
        self.e2e = E2e::default();
        self.timers.stop(Timer::DelayReq);
        if self.config.delay == Delay::E2e {
            self.filter.reset();
        }
    }

    /// Stamps of before and after do not go together.
    pub(super) fn clock_stepped(&mut self) {
        self.sync.clear();
        self.options.alternates.clear_stamps();
        self.e2e.clear();
        self.peer.clear_exchange();
        self.gptp.clock_stepped();
        self.outstanding.clear();
        self.filter_stale = true;
    }

    pub(super) fn arm_announce_receipt(&mut self, instance: &mut Instance) {
        if instance.config.kind.is_transparent() && !instance.config.spanning_tree {
            return; // It waits for nobody.
        }
        if instance.config.options.external_port_configuration {
            return self.timers.stop(Timer::AnnounceReceipt);
        }
        if self.config.gptp.inhibit_announce {
            return;
        }
        // A unicast master may have granted fewer Announces than were asked for.
        let granted = self.unicast.client.as_ref().and_then(Client::announce_interval);
        // IEEE 802.1AS counts in the intervals that the master announces (10.3.11), as far as they are sensible.
        let announced = match instance.config.best_master {
            BestMaster::Ieee8021As => self.foreign.get(instance.parent.parent_port_identity),
            _ => None,
        };
        let own = announced.map_or(self.config.log_announce_interval, |r| {
            LogInterval(r.header.log_message_interval.0.clamp(-7, 4))
        });
        let interval = own.max(granted.unwrap_or(LogInterval(i8::MIN))).duration();
        let wait = interval.saturating_mul(self.config.announce_receipt_timeout.into());
        let spread = interval.mul_f64(instance.rng.unit());
        self.timers.set(Timer::AnnounceReceipt, instance.now + wait + spread);
    }

    fn arm_sync_receipt(&mut self, instance: &Instance) {
        let passes = instance.config.kind.is_transparent(); // Sync is not for this clock.
        if self.config.sync_receipt_timeout > 0 && instance.gm_present() && !passes {
            let wait = self.log_sync_interval.duration() * u32::from(self.config.sync_receipt_timeout);
            self.timers.set(Timer::SyncReceipt, instance.now + wait);
        }
    }

    // --- timers ---

    pub(super) fn expire(&mut self, instance: &mut Instance, timer: Timer, due: Instant) {
        match timer {
            Timer::Announce => {
                self.stats.service.master_announce_timeout += 1;
                let Some(interval) = self.announce_interval().filter(|_| !self.config.gptp.inhibit_announce)
                else {
                    return;
                };
                self.timers.set(Timer::Announce, next_due(due, interval, instance.now));
                let sequence_id = take(&mut self.sequences.announce);
                self.send_announce_to(instance, Destination::Primary, sequence_id);
            }
            Timer::Sync => {
                self.stats.service.master_sync_timeout += 1;
                let Some(interval) = self.sync_interval() else { return };
                self.timers.set(Timer::Sync, next_due(due, interval, instance.now));
                if !self.sync_locked(instance) {
                    self.send_next_sync(instance);
                }
            }
            Timer::DelayReq => self.delay_req_due(instance),
            Timer::PdelayReq if self.config.delay == Delay::CommonP2p => self.common_service_silent(instance),
            Timer::PdelayReq => self.pdelay_req_due(instance, due),
            Timer::AnnounceReceipt => {
                self.stats.service.announce_timeout += 1;
                instance.out.event(Event::AnnounceTimeout { port: self.id.port_number });
                self.lose_master(instance, MasterFailure::NoAnnounce);
                self.arm_announce_receipt(instance);
            }
            Timer::SyncReceipt => {
                self.stats.service.sync_timeout += 1;
                self.abandon(instance);
                self.lose_master(instance, MasterFailure::NoSync);
            }
            Timer::Unusable => {
                if self.is_client() {
                    self.fail_master(instance, MasterFailure::Unusable);
                    self.watch_lock(instance, self.state);
                    instance.decision_due = true;
                }
            }
            Timer::GptpCapable => self.gptp_capable_due(instance, due),
            Timer::GptpCapableReceipt => self.gptp_capable_silent(instance),
            Timer::Qualification => {
                self.stats.service.qualification_timeout += 1;
                self.transition(instance, FsmEvent::QualificationTimeout);
            }
        }
    }

    /// The best master here has gone silent: the next state decision does without it.
    fn lose_master(&mut self, instance: &mut Instance, why: MasterFailure) {
        if instance.config.options.external_port_configuration {
            return self.transition(instance, FsmEvent::SynchronizationFault);
        }
        if self.is_client() {
            let parent = instance.parent.parent_port_identity;
            self.fail_master(instance, why);
            self.foreign.remove(parent);
            self.unicast_master_lost(instance, parent, why == MasterFailure::NoSync);
        } else {
            self.foreign.clear();
        }
        self.expired = true;
        instance.decision_due = true;
    }

    /// Others come before the parent, for some time, where the profile says so.
    fn fail_master(&mut self, instance: &mut Instance, why: MasterFailure) {
        let (port, master) = (self.number(), instance.parent.parent_port_identity);
        let until = instance.now + instance.config.wait_to_restore;
        if self.foreign.fail(master, why, instance.now, until) {
            instance.out.event(Event::MasterFailed { port, master, why });
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
        if header.flags.has(Flags::ALTERNATE_MASTER) {
            self.note_alternate_announce(instance, header, announce);
            return self.stats.drop(DropCause::Alternate);
        }
        let own = instance.config.clock_identity;
        let looped = instance.config.path_trace && m.path_trace().any(|id| id == own);
        let too_far = announce.steps_removed >= instance.config.max_steps_removed;
        let too_poor = announce.grandmaster_clock_quality.clock_class > instance.config.clock_class_threshold;
        if too_far || looped || too_poor {
            return self.stats.drop(DropCause::Announce);
        }
        let parent = instance.parent.parent_port_identity;
        let source = header.source_port_identity;
        let Some(alternate_priority1) = acceptable(&self.config, &instance.config, source) else {
            return self.stats.drop(DropCause::NotAcceptable);
        };
        let priority = self.unicast_local_priority(rx.source).unwrap_or(self.config.local_priority);
        match self.foreign.record(instance.now, header, announce, priority, m.path_trace(), parent) {
            Recorded::New => {
                self.foreign.set_alternate_priority1(source, alternate_priority1);
                instance.decision_due |= instance.config.options.external_port_configuration;
                // A flood of made-up senders must not flood the log.
                let quiet = self.new_master_told.is_some_and(|at| instance.now.since(at) < NEW_MASTER_QUIET);
                if !quiet {
                    self.new_master_told = Some(instance.now);
                    instance.out.event(Event::NewForeignMaster { port: self.number(), source });
                }
                instance.decision_due |= self.foreign.at_once;
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
                    instance.parent_power = r.power;
                }
            }
            _ => {}
        }
    }

    fn is_from_master(&mut self, instance: &mut Instance, header: &Header) -> bool {
        let ours = self.is_client()
            && (header.source_port_identity == instance.parent.parent_port_identity || self.adopts(instance));
        if !ours {
            self.stats.drop(DropCause::NotMaster);
        } else if header.source_port_identity != instance.parent.parent_port_identity {
            self.adopt(instance, header.source_port_identity);
        }
        ours
    }

    pub(super) fn receive_sync(&mut self, instance: &mut Instance, rx: Received<'_>, origin: Timestamp) {
        let header = rx.message.header();
        if self.note_alternate_sync(rx, origin) || !self.is_from_master(instance, header) {
            return;
        }
        if self.unicast.client.is_some() {
            if is_unicast(rx.message) && self.unicast_master() != Some(rx.source) {
                return self.stats.drop(DropCause::NotGranted);
            }
            self.unicast_sync_seen(instance.now);
        }
        if !self.sync.is_new(header.sequence_id) {
            return self.stats.drop(DropCause::Doubled);
        }
        let Some(ingress) = self.ingress(rx.stamp) else { return };
        if (-10..=22).contains(&header.log_message_interval.0) {
            self.log_sync_interval = header.log_message_interval;
        }
        let interval = self.log_sync_interval;
        let correction = header.correction + self.path_asymmetry();
        if !header.flags.has(Flags::TWO_STEP) && !instance.config.assume_two_step {
            self.sync.one_step_sync();
            let pair = SyncPair::new(header.sequence_id, origin, correction, ingress, interval, None);
            return self.synchronise(instance, pair);
        }
        match self.sync.two_step_sync(header.sequence_id, ingress, correction, interval) {
            Matched::Pair(pair) => self.synchronise(instance, pair),
            Matched::Waits { displaced } => self.stats.service.sync_mismatch += u64::from(displaced),
        }
    }

    pub(super) fn receive_follow_up(&mut self, instance: &mut Instance, m: &Message<'_>, origin: Timestamp) {
        let header = m.header();
        if self.note_alternate_follow_up(header, origin) || !self.is_from_master(instance, header) {
            return;
        }
        let information = follow_up_information(m.tlvs());
        if information.is_none() && self.config.gptp.follow_up_info {
            return self.stats.drop(DropCause::NoInformation);
        }
        match self.sync.follow_up(header.sequence_id, origin, header.correction, information) {
            Matched::Pair(pair) => self.synchronise(instance, pair),
            Matched::Waits { displaced } => self.stats.service.followup_mismatch += u64::from(displaced),
        }
    }

    /// t1 and t2 are known: makes a sample if the delay is known, too.
    fn synchronise(&mut self, instance: &mut Instance, pair: SyncPair) {
        self.arm_sync_receipt(instance);
        let forward = pair.ingress - pair.origin;
        self.options.alternates.note_master(forward);
        self.monitor_sync_timing(instance, &pair);
        if self.config.delay == Delay::E2e {
            self.sync_for_e2e(instance, forward);
        }
        let Some(filtered) = self.mean_delay() else {
            let (port, master) = (self.number(), instance.parent.parent_port_identity);
            return instance.out.forward(ForwardSample {
                port,
                master,
                ingress: pair.ingress,
                origin: pair.origin,
                forward,
                log_sync_interval: pair.log_interval,
                mechanism: self.measures_by(),
            });
        };
        let mode = self.config.sample_mode;
        let raw = self.raw_delay().unwrap_or(filtered);
        let weight = if mode.is_weighted() { weight(filtered, raw) } else { 1.0 };
        let link_delay = if mode.is_raw() { raw } else { filtered };
        self.gptp_synchronised(instance, &pair, link_delay);
        let mean_delay = self.gptp_scaled(&pair, link_delay);
        let offset = forward - mean_delay;
        instance.current.offset_from_master = offset;
        instance.current.mean_delay = mean_delay;
        instance.current.ingress_time = pair.ingress;
        instance.synchronised = true;
        self.monitor_sync_computed(instance, pair.sequence_id, offset, mean_delay);
        if let Some(performance) = &mut instance.options.performance {
            performance.offset(forward, offset);
        }
        instance.out.sample(Sample {
            port: self.number(),
            master: instance.parent.parent_port_identity,
            ingress: pair.ingress,
            origin: pair.origin,
            offset,
            mean_delay,
            forward,
            log_sync_interval: pair.log_interval,
            mechanism: self.measures_by(),
            weight,
        });
    }

    /// How the port itself measures the delay that its samples count with.
    fn measures_by(&self) -> Delay {
        match self.config.delay {
            Delay::E2e | Delay::P2p if self.config.gptp.inhibit_delay_req => Delay::None,
            delay => delay,
        }
    }

    /// The delay by the last measurement alone.
    fn raw_delay(&self) -> Option<TimeInterval> {
        match self.config.delay {
            Delay::E2e => self.e2e.raw_delay(),
            Delay::P2p => self.peer.last,
            Delay::CommonP2p | Delay::None => None,
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
        let serves = self.state == PortState::Master && !instance.config.kind.is_transparent();
        if serves && config.multicast != self.config.multicast {
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
            delay_auto: keep.delay_auto,
            ..config.clone()
        };
        self.log_delay_req_interval = self.config.log_min_delay_req_interval;
        if self.active() && self.config.delay == Delay::P2p && self.timers.get(Timer::PdelayReq).is_none() {
            // It may have been inhibited.
            self.timers.set(Timer::PdelayReq, instance.now);
        }
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

/// What a sample counts whose delay was longer than the usual one: that much less.
fn weight(filtered: TimeInterval, raw: TimeInterval) -> f64 {
    if filtered.0 <= 0 || raw.0 <= filtered.0 { 1.0 } else { filtered.0 as f64 / raw.0 as f64 }
}

/// A random wait of `interval` on average: from `1 - variability` up to `1 + variability` of it.
pub(super) fn randomised(instance: &mut Instance, interval: LogInterval, variability: f64) -> Duration {
    let spread = variability.clamp(0.0, 1.0);
    interval.duration().mul_f64(1.0 - spread + 2.0 * spread * instance.rng.unit())
}

/// One interval after `due`, so that lateness does not add up; or after `now`, where a whole interval was missed.
pub(super) fn next_due(due: Instant, interval: LogInterval, now: Instant) -> Instant {
    let next = due + interval.duration();
    if next <= now { now + interval.duration() } else { next }
}
