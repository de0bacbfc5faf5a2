//! A PTP instance (IEEE 1588-2019) without I/O, clocks, threads or randomness of its own.
//!
//! It is driven: [`Input`]s go in with the monotonic time they happened at, [`Output`]s come out until there are none,
//! and [`Engine::next_deadline`] says when it wants to be woken with [`Input::Tick`]. Same inputs, same seed: same
//! outputs.
//!
//! Call order: [`Engine::handle`] with an input, then [`Engine::poll`] until it returns `None` (each output is done
//! before the next is polled), then sleep until the next input or the deadline. `now` never goes backwards; if it does,
//! the latest time seen counts. No input makes the engine panic.
//!
//! ```
//! use ptpd::engine::{Engine, Input, InstanceConfig, Instant, Output, PortConfig};
//! use ptp_wire::{ClockIdentity, PortNumber};
//!
//! let config = InstanceConfig::new(ClockIdentity::from_mac([2, 0, 0, 0, 0, 1]), vec![PortConfig::new("eth0")]);
//! let mut engine = Engine::new(config, 1, Instant(0));
//! engine.handle(Instant(0), Input::PortUp { port: PortNumber(1) });
//! while let Some(output) = engine.poll() {
//!     if let Output::Event(event) = output {
//!         println!("{event:?}");
//!     }
//! }
//! assert!(engine.next_deadline().is_some());
//! ```

mod addressed;
mod bmca;
mod config;
mod data_sets;
mod e2e;
mod envelope;
mod foreign;
mod fsm;
mod gptp;
mod holdover;
mod instance;
mod io;
mod management;
mod options;
mod outbox;
mod p2p;
mod port;
mod port_clock;
mod power;
mod rng;
mod security;
mod sending;
mod stats;
mod sync;
mod telecom;
mod timers;
mod transmit;
mod transparent;
mod unicast;

use core::time::Duration;

use ptp_wire::{Body, Message, PortIdentity, PortNumber, TimeInterval, TimePoint};

pub use config::{
    BestMaster, Delay, DelayFilterKind, Description, Holdover, InstanceConfig, InstanceKind, MasterAddress,
    PortConfig, PowerSettings, SampleMode, Stamping, TimeProperties, UnicastClientConfig, UnicastMaster,
    UnicastServerConfig,
};
pub use data_sets::{CurrentDs, ParentDs};
pub use envelope::{Envelope, FrameHeaders};
pub use gptp::{AsCapable, GptpCapable, LinkDelay, Rules as GptpRules, StaticRole};
pub use io::{
    Access, DelaySample, DownCause, Event, ForwardSample, Input, Instant, MasterFailure, Output, PortState,
    Sample, ServoState, TxToken,
};
pub use options::{
    Accuracy, AlternateMasterRecord, AlternateTimeOffset, ClockRecord, DesiredState, ExternalGrandmaster,
    MAX_TIME_OFFSETS, MONITOR_PEER, MonitorDestination, MonitoredSlave, Options, Performance, PortOptions,
    PortRecord, SlaveMonitoring, Statistic, SynchronizationUncertain,
};
pub use ptp_wire::{Address, Destination, MessageClass, Transport};
pub use security::Authentication;
pub use stats::{DropCause, PortStats};
pub use unicast::{Prefix, UnicastServerStats};

use bmca::{Candidate, Decision, compare, decide};
use fsm::FsmEvent;
use instance::{Instance, MAX_PATH};
use port::{Port, Received};
use transmit::Outstanding;

/// A PTP instance. See the [module](self) for how it is driven.
#[derive(Debug)]
pub struct Engine {
    instance: Instance,
    ports: Vec<Port>,
    /// Erbest of each port during a state decision.
    best: Vec<Option<Candidate>>,
    next_decision: Instant,
    management: management::Management,
    transparent: Option<Box<transparent::Transparent>>,
    /// When Announces were last sent before their time.
    early_announce: Option<Instant>,
}

impl Engine {
    /// An instance whose ports are INITIALIZING until [`Input::PortUp`]. `seed` decides all random waits.
    pub fn new(config: InstanceConfig, seed: u64, now: Instant) -> Self {
        let mut ports = config
            .ports
            .iter()
            .zip(1..=u16::MAX - 1)
            .map(|(port, number)| {
                let mut port = Port::new(PortIdentity::new(config.clock_identity, number), port.clone(), now);
                port.foreign.follow(&config);
                port
            })
            .collect::<Vec<_>>();
        let transparent = transparent::Transparent::new(&config, &mut ports, seed);
        let mut instance = Instance::new(config, seed, now);
        instance.out.set_seals(ports.iter().map(|p| p.config.seal()));
        Self {
            transparent,
            best: Vec::with_capacity(ports.len()),
            ports,
            instance,
            next_decision: now,
            management: management::Management::default(),
            early_announce: None,
        }
    }

    /// Takes one input in. `now` is the time it happened at.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.instance.now = self.instance.now.max(now);
        self.run_timers();
        match input {
            Input::Tick => {}
            Input::Frame { port, octets, stamp, source } => self.frame(port, octets, stamp, source, None),
            Input::Transit { port, octets, stamp, envelope } => {
                self.frame(port, octets, stamp, envelope.source, Some(envelope));
            }
            Input::TransmitStamp { token, stamp } => {
                if self.transit_stamp(token, stamp) {
                    // It was not one of the port's own messages.
                } else if let Some(port) = port_mut(&mut self.ports, Outstanding::port_of(token)) {
                    port.transmit_stamp(&mut self.instance, token, stamp);
                }
            }
            Input::PortUp { port } => {
                if let Some(port) = port_mut(&mut self.ports, port) {
                    port.up = true;
                    port.transition(&mut self.instance, FsmEvent::FaultCleared);
                    port.transition(&mut self.instance, FsmEvent::InitComplete);
                }
            }
            Input::InterfaceRate { port, bits_per_second } => {
                if let Some(port) = port_mut(&mut self.ports, port) {
                    port.unicast.rate = bits_per_second.and_then(unicast::rate::bit_period);
                }
            }
            Input::PortDown { port: number, .. } => {
                if let Some(port) = port_mut(&mut self.ports, number) {
                    port.up = false;
                    port.transition(&mut self.instance, FsmEvent::FaultDetected);
                }
                if let Some(transparent) = &mut self.transparent {
                    transparent.port_down(number);
                }
            }
            Input::ClockStepped => {
                self.instance.relayed = None;
                for port in &mut self.ports {
                    port.clock_stepped();
                }
                if let Some(transparent) = &mut self.transparent {
                    transparent.clock_stepped();
                }
            }
            Input::Servo(state) => self.servo(state),
            Input::ClockStatus(status) => self.instance.clock_status = Some(status),
            Input::LocalManagement { octets, access, peer } => self.local_management(octets, access, peer),
            Input::Configure(config) => self.configure(config),
            Input::MasterAddress { port, index, address } => {
                if let Some(port) = port_mut(&mut self.ports, port) {
                    port.unicast_master_address(&mut self.instance, index, address);
                }
            }
            Input::LinkDelay { port, link } => self.take_link_delay(port, link),
            Input::TimeBaseChanged { phase, frequency } => {
                self.instance.time_base.changed(phase, frequency);
            }
            Input::AlternateTime { offset, enable } => {
                self.set_time_offset(offset.key, |known| {
                    *known = AlternateTimeOffset { enabled: enable || known.enabled, ..offset.clone() };
                });
            }
            Input::Stop => {
                for port in self.ports.iter_mut().filter(|p| p.active()) {
                    port.unicast_client_end(&mut self.instance);
                    port.unicast_server_end(&mut self.instance);
                }
            }
            Input::PortClock { port, aligned } => self.port_clock(port, aligned),
            Input::PhcIndex { port, phc_index } => {
                if let Some(port) = port_mut(&mut self.ports, port) {
                    port.config.phc_index = phc_index;
                }
            }
        }
        if std::mem::take(&mut self.instance.decision_due) {
            self.state_decision();
        }
        self.run_options();
        self.look_at_lock();
        if std::mem::take(&mut self.instance.relay_due) {
            self.pass_on();
        }
        self.notify();
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<Output<'_>> {
        self.instance.out.poll()
    }

    /// When [`Input::Tick`] is wanted, if nothing else comes first.
    pub fn next_deadline(&self) -> Option<Instant> {
        let timers = self.ports.iter().filter_map(Port::next_deadline).min();
        let decision = self.decides().then_some(self.next_decision);
        let transparent = self.transparent.as_ref().and_then(|t| t.next_deadline());
        let keeping = self.instance.keeping.next_change(self.instance.now, &self.instance.config);
        let management = self.management.next_deadline();
        [timers, decision, transparent, keeping, management, self.options_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    // --- what it knows ---

    /// The configuration in force.
    pub fn config(&self) -> &InstanceConfig {
        &self.instance.config
    }

    /// currentDS.
    pub fn current_ds(&self) -> &CurrentDs {
        &self.instance.current
    }

    /// parentDS.
    pub fn parent_ds(&self) -> &ParentDs {
        &self.instance.parent
    }

    /// timePropertiesDS.
    pub fn time_properties_ds(&self) -> &TimeProperties {
        &self.instance.time_properties
    }

    /// What this clock is worth itself: defaultDS.clockQuality, or that of a holdover.
    pub fn clock_quality(&self) -> ptp_wire::ClockQuality {
        self.instance.quality()
    }

    /// Whether this instance is the grandmaster (or knows no other).
    pub fn is_grandmaster(&self) -> bool {
        self.instance.is_grandmaster()
    }

    /// portDS.portState; `None` for a port that does not exist.
    pub fn port_state(&self, port: PortNumber) -> Option<PortState> {
        self.port(port).map(|p| p.state)
    }

    /// portDS.meanLinkDelay (P2P) or the filtered path delay (E2E), once measured.
    pub fn port_delay(&self, port: PortNumber) -> Option<TimeInterval> {
        self.port(port).and_then(|p| p.filter.value())
    }

    /// What a port counts as unicast server; `None`: it is none.
    pub fn unicast_server_stats(&self, port: PortNumber) -> Option<&UnicastServerStats> {
        self.port(port).and_then(|p| p.unicast.server.as_ref()).map(|s| &s.stats)
    }

    /// A transparent clock's view of its own domain: the grandmaster's seconds per second of ours, once known.
    pub fn rate_ratio(&self) -> Option<f64> {
        let config = &self.instance.config;
        self.transparent.as_ref()?.rate_ratio(config.sdo_id, config.domain_number)
    }

    /// What a port has counted.
    pub fn port_stats(&self, port: PortNumber) -> Option<&PortStats> {
        self.port(port).map(|p| &p.stats)
    }

    fn port(&self, number: PortNumber) -> Option<&Port> {
        self.ports.get(usize::from(number.0).checked_sub(1)?)
    }

    // --- inside ---

    fn run_timers(&mut self) {
        let now = self.instance.now;
        let quality = (self.instance.quality(), self.instance.own_time_properties());
        let announced = (self.instance.parent.grandmaster_clock_quality, self.instance.time_properties);
        if self.instance.keeping.is_unlocked() && self.instance.is_grandmaster() && quality != announced {
            // A phase of holdover has ended: nothing that is due now may still tell of it.
            self.state_decision();
            self.look_at_lock();
        }
        for port in &mut self.ports {
            // Each at most once: at the end of time an interval later is no later, and this ends all the same.
            for _ in timers::Timer::ALL {
                let Some((timer, due)) = port.timers.take_due(now) else { break };
                port.expire(&mut self.instance, timer, due);
            }
            port.unicast_due(&mut self.instance);
        }
        self.transit_due();
        if self.next_decision <= now && self.decides() {
            // Foreign masters lose their qualification by silence, so this looks once per announce interval.
            self.instance.decision_due = true;
        }
    }

    /// Chooses among masters: transparent clocks do only for their spanning tree.
    fn decides(&self) -> bool {
        let chooses = self.transparent.is_none() || self.instance.config.spanning_tree;
        chooses && self.ports.iter().any(Port::active)
    }

    /// `envelope`: it may be for others.
    fn frame(
        &mut self,
        number: PortNumber,
        octets: &[u8],
        stamp: Option<TimePoint>,
        source: Address,
        envelope: Option<&Envelope>,
    ) {
        let Some(port) = port_mut(&mut self.ports, number) else { return };
        let message = match Message::parse(octets) {
            Ok(message) => message,
            Err(e) => return port.stats.drop(e.into()),
        };
        if self.transparent.is_some() {
            // What is forged must not be sealed on its way out.
            if !port.authentic(&mut self.instance, &message) {
                return;
            }
            self.tree_heard(number, &message, source);
            let multicast = transparent::multicast(&message, source);
            if !self.transit(number, &message, stamp, envelope.unwrap_or(&multicast)) {
                return;
            }
        }
        let Some(port) = port_mut(&mut self.ports, number) else { return };
        let instance = &mut self.instance;
        let header = message.header();
        let config = &instance.config;
        // A 2008 sender knows only the major nibble of the sdoId.
        let same_sdo = if header.minor_version == 0 {
            header.sdo_id.major() == config.sdo_id.major()
        } else {
            header.sdo_id == config.sdo_id
        };
        if !same_sdo && !port.config.ignore_sdo_id {
            return port.stats.drop(DropCause::SdoId);
        }
        if header.domain_number != config.domain_number {
            return port.stats.drop(DropCause::Domain);
        }
        if header.source_port_identity.clock_identity == config.clock_identity {
            return port.stats.drop(DropCause::Own);
        }
        if !port.active() {
            return port.stats.drop(DropCause::PortDown);
        }
        if self.transparent.is_none() && !port.authentic(instance, &message) {
            return;
        }
        port.stats.received(header.message_type);
        let rx = Received { message: &message, stamp, source };
        let timing = matches!(message.body(), Body::Sync { .. } | Body::FollowUp { .. } | Body::Announce(_));
        if timing && !port.admits_timing() {
            return;
        }
        match *message.body() {
            Body::Sync { origin_timestamp } => {
                if port.is_client() && header.source_port_identity == instance.parent.parent_port_identity {
                    port.note_master_address(source);
                    instance.options.parent_address = Some(source);
                }
                port.receive_sync(instance, rx, origin_timestamp);
            }
            Body::FollowUp { precise_origin_timestamp } => {
                port.receive_follow_up(instance, &message, precise_origin_timestamp);
            }
            Body::DelayReq { .. } => port.receive_delay_req(instance, rx),
            Body::DelayResp { receive_timestamp, requesting_port_identity } => {
                port.receive_delay_resp(instance, rx, receive_timestamp, requesting_port_identity);
            }
            Body::PdelayReq { .. } => port.receive_pdelay_req(instance, rx),
            Body::PdelayResp { request_receipt_timestamp, requesting_port_identity } => {
                port.receive_pdelay_resp(instance, rx, request_receipt_timestamp, requesting_port_identity);
            }
            Body::PdelayRespFollowUp { response_origin_timestamp, requesting_port_identity } => {
                port.receive_pdelay_resp_follow_up(
                    instance,
                    rx,
                    response_origin_timestamp,
                    requesting_port_identity,
                );
            }
            Body::Announce(ref announce) => port.receive_announce(instance, rx, announce),
            Body::Signaling { target_port_identity } => {
                if !port.collect_slave_events(instance, &message) {
                    port.receive_signaling(instance, rx, target_port_identity);
                }
            }
            Body::Management(_) => self.management_frame(number, &message, source),
        }
    }

    fn management_frame(&mut self, number: PortNumber, message: &Message<'_>, source: Address) {
        if self.receive_metadata(message) {
            return;
        }
        if self.instance.config.network_management {
            self.network_management(number, message, source);
        } else if let Some(port) = port_mut(&mut self.ports, number) {
            port.stats.drop(DropCause::Unexpected);
        }
    }

    /// A relay sends Sync on as soon as it has come (802.1AS-2020 10.2.12).
    fn pass_on(&mut self) {
        let Some(interval) = self.instance.relaying().map(|r| r.log_interval) else { return };
        for port in &mut self.ports {
            port.relay_sync(&mut self.instance, interval);
        }
    }

    fn servo(&mut self, state: ServoState) {
        let event = match state {
            ServoState::Locked => FsmEvent::MasterClockSelected,
            ServoState::Unlocked => FsmEvent::SynchronizationFault,
        };
        for port in self.ports.iter_mut().filter(|p| p.is_client()) {
            let before = port.state;
            port.request_intervals(&mut self.instance, state == ServoState::Locked);
            if self.instance.config.best_master.is_immediate() {
                continue;
            }
            port.transition(&mut self.instance, event);
            if port.state == PortState::Slave && before != port.state {
                // What was measured while the frequency was still wrong is not worth keeping.
                port.filter_stale = true;
            }
        }
    }

    /// The state decision event (1588-2019 9.2.6.9): all ports at once.
    fn state_decision(&mut self) {
        if self.transparent.is_some() && !self.instance.config.spanning_tree {
            return;
        }
        if self.instance.config.options.external_port_configuration {
            return self.external_decision();
        }
        let instance = &mut self.instance;
        let now = instance.now;
        let parent = instance.parent.parent_port_identity;
        let interval = self
            .ports
            .iter()
            .map(|p| p.config.log_announce_interval.duration())
            .min()
            .unwrap_or(Duration::from_secs(1));
        self.next_decision = now + interval;

        let rule = instance.config.best_master;
        self.best.clear();
        self.best.extend(self.ports.iter().map(|p| {
            let current = p.is_client().then_some(parent);
            let usable = p.active() && !p.config.master_only && p.as_capable();
            usable.then(|| p.foreign.best(now, current).map(|(_, candidate)| candidate)).flatten()
        }));
        telecom::spare_failed(&mut self.best, &self.ports, now);
        let best = self
            .best
            .iter()
            .enumerate()
            .filter_map(|(i, c)| c.map(|c| (i, c)))
            .reduce(|a, b| if compare(rule, &b.1, &a.1).is_better() { b } else { a });
        let followed = self.ports.iter().any(|p| p.is_client() && p.foreign.get(parent).is_some());
        if !followed {
            instance.keeping.unlocked(now);
        }
        // A transparent clock serves nobody: whoever is heard is better.
        let own = match self.transparent {
            None => Candidate::own(instance),
            Some(_) => Candidate::last(instance),
        };
        let client_only = instance.config.client_only;
        let best_master = instance.config.best_master;
        // Where no port listens to anybody there is nothing to wait for.
        let deaf = !client_only && self.ports.iter().filter(|p| p.active()).all(|p| p.config.master_only);

        let decision_of = |i: usize, port: &Port, here: Option<&Candidate>| {
            let came_here = best.as_ref().map(|(b, c)| (c, *b == i));
            if !port.as_capable() {
                return Decision::NotCapable;
            }
            match best_master {
                BestMaster::Ieee1588 | BestMaster::G8275 | BestMaster::G8265 => {}
                BestMaster::Ieee8021As => return gptp::decide(&own, port.id, here, came_here),
                BestMaster::Static => {
                    return match port.config.gptp.role {
                        Some(StaticRole::Master) => Decision::M3,
                        Some(StaticRole::Client) => Decision::S1,
                        None => Decision::NotCapable,
                    };
                }
            }
            if client_only {
                return if matches!(came_here, Some((_, true))) { Decision::S1 } else { Decision::M3 };
            }
            if rule == BestMaster::G8265 && !port.config.master_only {
                return if matches!(came_here, Some((_, true))) { Decision::S1 } else { Decision::P2 };
            }
            let waits = port.state == PortState::Listening && !port.expired && !deaf;
            decide(rule, &own, here, came_here, waits)
        };

        // Data sets first, so that new masters announce what is true now.
        let client = self
            .ports
            .iter()
            .enumerate()
            .find(|(i, p)| p.active() && decision_of(*i, p, self.best[*i].as_ref()) == Decision::S1);
        let mut new_parent = false;
        match client {
            Some((_, port)) => {
                let current = port.is_client().then_some(parent);
                let known = port.foreign.best(now, current).filter(|_| best_master != BestMaster::Static);
                if let Some((r, _)) = known {
                    new_parent = r.source != parent || !port.is_client();
                    instance.path.clear();
                    instance.path.extend(r.path.iter().take(MAX_PATH));
                    instance.forward.clear();
                    instance.forward.extend_from_slice(&r.forward);
                    instance.parent_power = r.power;
                    instance.parent_uncertain = r.uncertain();
                    let steps = r.announce.steps_removed.saturating_add(1);
                    let parent = ParentDs::of(r.source, &r.announce);
                    let time_properties = TimeProperties::of(&r.header, &r.announce);
                    instance.set_parent(parent, time_properties, steps);
                }
            }
            None => {
                instance.keeping.unlocked(now);
                instance.parent_uncertain = false;
                let own = ParentDs::own(&instance.config, instance.quality());
                let time_properties = instance.own_time_properties();
                let steps = ParentDs::own_steps(&instance.config);
                instance.set_parent(own, time_properties, steps);
            }
        }

        for i in 0..self.ports.len() {
            let here = self.best[i];
            let port = &mut self.ports[i];
            if !port.active() {
                continue;
            }
            let decision = decision_of(i, port, here.as_ref());
            port.decided = Some(decision);
            let timed_out = std::mem::take(&mut port.expired);
            let event = if timed_out && matches!(decision, Decision::M1 | Decision::M2 | Decision::M3) {
                FsmEvent::AnnounceReceiptTimeout
            } else {
                FsmEvent::Recommended { decision, new_parent: new_parent && decision == Decision::S1 }
            };
            port.transition(instance, event);
        }
        self.select_unicast_masters();
    }

    /// Unicast masters serve the client port that follows them, and only that.
    fn select_unicast_masters(&mut self) {
        let parent = self.instance.parent.parent_port_identity;
        for port in &mut self.ports {
            let selected = port.is_client().then_some(parent);
            port.unicast_select(&mut self.instance, selected);
        }
    }

    /// What the lock on the master is worth to those below: synchronizationUncertain and holdover; and if what is
    /// announced has changed, every port of a telecom clock tells it before its time, once in an announce interval.
    fn look_at_lock(&mut self) {
        let instance = &mut self.instance;
        let (now, config) = (instance.now, &instance.config);
        if self.ports.iter().any(|p| p.state == PortState::Slave) {
            instance.keeping.locked(instance.time_properties);
        } else {
            instance.keeping.unlocked(now);
        }
        if config.best_master != BestMaster::G8275 {
            return;
        }
        let unlocked = self.ports.iter().any(|p| p.state == PortState::Uncalibrated);
        let uncertain = unlocked || instance.parent_uncertain || instance.keeping.is_out_of_spec(now, config);
        instance.announced_changed |= std::mem::replace(&mut instance.uncertain, uncertain) != uncertain;
        if !std::mem::take(&mut instance.announced_changed) {
            return;
        }
        self.announce_early();
    }

    /// What is announced has changed: the next Announces are due now, but not more often than once in an interval.
    fn announce_early(&mut self) {
        let instance = &mut self.instance;
        let now = instance.now;
        let interval = self.ports.iter().map(|p| p.config.log_announce_interval.duration()).min();
        if self.early_announce.is_some_and(|at| now.since(at) < interval.unwrap_or_default()) {
            return;
        }
        self.early_announce = Some(now);
        for port in self.ports.iter_mut().filter(|p| p.state == PortState::Master) {
            port.announce_now(instance);
        }
    }

    /// Applies what can change live; names what cannot.
    fn configure(&mut self, config: &InstanceConfig) {
        let old = &self.instance.config;
        let mut fixed: [(&'static str, bool); 6] = [
            ("clock_identity", old.clock_identity != config.clock_identity),
            ("clock", old.kind != config.kind),
            ("domain_number", old.domain_number != config.domain_number),
            ("sdo_id", old.sdo_id != config.sdo_id),
            ("ports", old.ports.len() != config.ports.len()),
            ("client_only", old.client_only != config.client_only),
        ];
        let port_fixed = old.ports.iter().zip(&config.ports).any(|(a, b)| {
            a.interface != b.interface
                || a.transport != b.transport
                || a.delay_auto != b.delay_auto
                || a.delay != b.delay && !a.delay_auto
                || a.stamping != b.stamping
        });
        fixed[4].1 |= port_fixed;
        for (setting, _) in fixed.into_iter().filter(|(_, changed)| *changed) {
            self.instance.out.event(Event::ReloadNeedsRestart { setting });
        }
        for (port, new) in self.ports.iter_mut().zip(&config.ports) {
            let fixed = port.config.interface != new.interface;
            if !fixed {
                port.configure(&mut self.instance, new);
            }
        }
        let old = &self.instance.config;
        self.instance.config = InstanceConfig {
            clock_identity: old.clock_identity,
            kind: old.kind,
            domain_number: old.domain_number,
            sdo_id: old.sdo_id,
            client_only: old.client_only,
            ports: self.ports.iter().map(|p| p.config.clone()).collect(),
            ..config.clone()
        };
        self.settings_configured();
        self.options_changed();
        self.instance.out.set_seals(self.ports.iter().map(|p| p.config.seal()));
        for port in &mut self.ports {
            port.foreign.follow(&self.instance.config);
        }
        self.instance.decision_due = true;
    }
}

fn port_mut(ports: &mut [Port], number: PortNumber) -> Option<&mut Port> {
    ports.get_mut(usize::from(number.0).checked_sub(1)?)
}
