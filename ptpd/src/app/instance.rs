//! One PTP instance at work: its engine, what it wants done, and the clock it keeps.

use ptp_clock::{ClockName, SystemClock, realtime_now};
use ptp_daemon::{State, log_context};
use ptp_evidence::ClockState;
use ptp_net::{Received, StampRequest, Stamping};
use ptp_wire::management::ClockStatusNp;
use ptp_wire::{PortNumber, TimeInterval, TimePoint};
use ptpd::engine::{self, Engine, Event, Input, Instant, Output, PortState, TxToken};
use ptpd::host::{Apart, Discipline, LeapKeeper, Measured, Settings, Together, Zones, steers};
use tracing::{info, warn};

use super::clock::HostClock;
use super::cmlds::CommonLinks;
use super::drop_in::DropIn;
use super::evidence::{Of, Watch};
use super::metrics::Seen;
use super::net_port::{envelope, says_unicast};
use super::observe::Observed;
use super::resolve::Resolver;
use super::shared::{Shared, send, send_on, token_of};
use super::start::prepare;
use super::tell;

/// The frequency is saved this often while it is good.
pub(super) const SAVE_INTERVAL_NS: u64 = 600_000_000_000;

/// Who asks over the network hears how it stood with the clock at most so long ago, while messages come.
const STATUS_INTERVAL_NS: u64 = 1_000_000_000;

/// The clockClass of a grandmaster whose time comes from somewhere, within its specification (1588-2019 table 4, G.8275).
pub(super) const fn is_worth_following(class: u8) -> bool {
    class < 248 && !matches!(class, 52 | 58 | 110 | 140 | 150 | 160 | 165 | 187 | 193)
}

/// An instance and its places among what is shared.
pub(super) struct Instance {
    /// Its place in the daemon's list.
    pub(super) index: usize,
    pub(super) settings: Settings,
    pub(super) engine: Engine,
    pub(super) discipline: Discipline,
    /// In the place of ptp4l.
    pub(super) drop_in: Option<DropIn>,
    /// What the engine measured and the servo has not taken yet.
    pub(super) measured: Vec<Measured>,
    pub(super) resolver: Resolver,
    /// The sockets of each port.
    pub(super) ports: Vec<usize>,
    /// The clock of each port's stamps.
    pub(super) clocks: Vec<usize>,
    /// The clock that is disciplined.
    pub(super) clock: usize,
    /// The clock that it starts with.
    pub(super) named: usize,
    /// Keeps the clocks of the ports together; `None`: somebody else does, or nobody has to.
    pub(super) together: Option<Together>,
    /// Looks whether somebody else does; `None`: nobody has to.
    pub(super) apart: Option<Apart>,
    /// What it measured since the last record of the evidence log.
    pub(super) watch: Option<Watch>,
    /// The management sockets.
    pub(super) local: usize,
    /// Common services in other programs, and what their ports are here.
    pub(super) common: CommonLinks,
    pub(super) next_save: u64,
    /// When the engine is told next how it stands with the clock.
    pub(super) next_status: u64,
    /// What has been told of its states.
    pub(super) observed: Observed,
    /// Time zones that say alternate time offsets, and when they are looked at.
    pub(super) zones: Zones,
    pub(super) next_zones: u64,
    /// What was seen of samples, for metrics.
    pub(super) seen: Seen,
    /// The system clock through leap seconds.
    pub(super) leap: LeapKeeper,
    /// The master's timescale minus the clock's.
    pub(super) ahead: TimeInterval,
}

impl Instance {
    pub(super) fn handle(&mut self, now: u64, input: Input<'_>) {
        self.engine.handle(Instant(now), input);
    }

    pub(super) fn interface(&self, port: PortNumber) -> Option<&str> {
        let network = self.settings.networks.get(usize::from(port.0).checked_sub(1)?)?;
        Some(&network.interface)
    }

    /// A message that one of its ports received.
    pub(super) fn receive(
        &mut self,
        now: u64,
        port: PortNumber,
        rx: &Received<'_>,
        clocks: &mut [HostClock],
        (groups, relays): ((ptp_net::Address, ptp_net::Address), bool),
    ) {
        let stamp = rx.stamp.and_then(|t| self.own_time(now, port, t, clocks));
        let (source, octets) = (rx.source, rx.octets);
        let passing = rx.passing.and_then(|p| envelope(source, p, groups));
        if relays && passing.is_none() && !says_unicast(octets) {
            return; // To this host's address, and yet not to it: it would pass as multicast.
        }
        let input = match &passing {
            Some(envelope) => Input::Transit { port, octets, stamp, envelope },
            None => Input::Frame { port, octets, stamp, source },
        };
        self.engine.handle(Instant(now), input);
    }

    /// The stamp of something it sent.
    pub(super) fn stamped(
        &mut self,
        now: u64,
        token: TxToken,
        stamp: Option<TimePoint>,
        clocks: &mut [HostClock],
    ) {
        let stamp = stamp.and_then(|t| self.own_time(now, Engine::port_of(token), t, clocks));
        self.engine.handle(Instant(now), Input::TransmitStamp { token, stamp });
    }

    /// A stamp in the time of the port's clock.
    fn own_time(
        &self,
        now: u64,
        port: PortNumber,
        stamp: TimePoint,
        clocks: &mut [HostClock],
    ) -> Option<TimePoint> {
        let index = *self.clocks.get(usize::from(port.0).checked_sub(1)?)?;
        clocks.get_mut(index)?.stamp(now, stamp)
    }

    /// Does what the engine wants, until it wants nothing more.
    pub(super) fn carry_out(&mut self, now: u64, shared: &mut Shared) {
        loop {
            let mut moved = false;
            let mut left = false;
            while let Some(output) = self.engine.poll() {
                match output {
                    Output::Transmit { port, class, destination, octets, stamp } => {
                        let Some(port) = place(&self.ports, port) else { continue };
                        let request = self.settings.request(now, self.index, stamp);
                        shared.transmit(port, request, now, send(class, destination, octets));
                    }
                    Output::Transit { port, class, envelope, octets, stamp } => {
                        let Some(port) = place(&self.ports, port) else { continue };
                        let request = self.settings.request(now, self.index, stamp);
                        shared.transmit(port, request, now, send_on(class, &envelope, octets));
                    }
                    Output::LocalReply { peer, octets } => {
                        let Some(local) = shared.locals.get_mut(self.local) else { continue };
                        if peer == engine::MONITOR_PEER {
                            local.send_to_monitor(self.settings.slave_event_monitor.as_deref(), octets);
                        } else {
                            local.send(now, peer, octets);
                        }
                    }
                    Output::Sample(sample) => self.measured.push(Measured::Offset(sample)),
                    Output::Delay(sample) => self.measured.push(Measured::Delay(sample)),
                    Output::Forward(sample) => self.measured.push(Measured::Forward(sample)),
                    Output::Event(event) => {
                        self.seen.event(&event);
                        log_context(&self.settings.name);
                        let as_linuxptp = self.drop_in.as_mut().is_some_and(|d| d.tell(&event));
                        if let Some(told) = tell::event(&self.settings, &event) {
                            if as_linuxptp {
                                shared.events.publish(told);
                            } else {
                                shared.events.publish_logged(told);
                            }
                        }
                        if let Some(alarm) = tell::alarm(&self.settings, &event) {
                            shared.events.publish(alarm);
                        }
                        if let Event::GmTimeBase { phase_change, frequency_change, .. } = event {
                            let frequency = frequency_change.ratio();
                            self.measured.push(Measured::TimeBase { phase: phase_change, frequency });
                        }
                        if let Event::LinkDelay { port, link } = event {
                            shared.links.push((self.index, port, link));
                        }
                        left |= matches!(event, Event::PortState { from, .. } if is_client(from));
                        if matches!(event, Event::PortState { .. }) {
                            (moved, shared.status_due) = (true, now);
                        }
                    }
                }
            }
            self.drop_in.iter_mut().for_each(DropIn::end);
            if moved {
                self.follow_client(now, shared);
            }
            let Some(clock) = shared.clocks.get_mut(self.clock) else { return };
            if left && !self.port_states().any(is_client) {
                self.discipline.release(now, clock.clock());
                self.seen.released();
            }
            if self.measured.is_empty() {
                if moved {
                    continue;
                }
                return;
            }
            log_context(&self.settings.name);
            if let Some(drop_in) = &mut self.drop_in {
                let offsets = self.measured.iter().filter_map(Measured::offset);
                if offsets.filter(|sample| drop_in.measure(sample)).count() > 0 {
                    self.measured.clear();
                    self.engine.handle(Instant(now), Input::Servo(engine::ServoState::Unlocked));
                    continue;
                }
            }
            self.follow_utc(clock.name());
            self.seen.measured(now, &self.measured, self.ahead);
            self.discipline.raw_time(ptp_clock::monotonic_raw_now());
            let (mut stepped, mut by) = (false, TimeInterval::ZERO);
            for measured in self.measured.drain(..) {
                let (engine, clock) = (&mut self.engine, clock.clock());
                let offset = measured.offset().map(|s| (s.offset + self.ahead, s.mean_delay));
                let outcome = self.discipline.serve(engine, now, clock, measured, self.ahead);
                if let Some(outcome) = outcome {
                    stepped |= outcome.stepped;
                    self.seen.outcome(&outcome);
                    if outcome.stepped {
                        let step = self.discipline.take_step();
                        by += step;
                        if let Some(evidence) = &mut shared.evidence {
                            evidence.stepped(&self.settings, clock.name(), step);
                        }
                    }
                }
                if let Some(watch) = &mut self.watch {
                    watch.measured(offset, &self.discipline);
                }
            }
            if stepped {
                shared.stepped.push((self.clock, Some(self.index), by));
                if let Some(together) = &mut self.together {
                    together.source_stepped();
                    self.tell_aligned(now);
                }
            }
            if self.discipline.take_clock_gone()
                && clock.reopen().is_ok()
                && self.discipline.clock_replaced(clock.clock()).is_ok()
            {
                info!("{} has come back, and is set like at the start", clock.name());
                self.tell_phc_index(now, &shared.clocks);
            }
        }
    }

    /// The system clock keeps UTC; a master on the PTP timescale is ahead of it by what it announces. Leap seconds are
    /// told to the kernel, and what is measured around one is forgotten.
    fn follow_utc(&mut self, clock: &ClockName) {
        if *clock != ClockName::System {
            self.ahead = TimeInterval::ZERO;
            return;
        }
        let Some(origin) = self.measured.iter().find_map(Measured::origin) else { return };
        let scale = self.leap.look(self.engine.time_properties_ds(), origin);
        self.ahead = scale.ahead;
        if scale.newly_suspended {
            info!("clock update suspended due to leap second");
        }
        if scale.suspended {
            self.measured.clear();
        }
        if let Some(tai) = scale.tai_offset.filter(|_| steers(&self.settings)) {
            let mut system = SystemClock::new();
            match system.tai_offset() {
                Ok(is) if is == tai => {}
                Ok(_) => match system.set_tai_offset(tai) {
                    Ok(()) => info!("the kernel is told that TAI is {tai} s ahead of UTC"),
                    Err(e) => warn!("{e}"),
                },
                Err(e) => warn!("{e}"),
            }
        }
        let Some(leap) = scale.leap else { return };
        if !self.leap.is_kernel() || self.settings.refclock.is_some() {
            self.discipline.tell_leap(leap);
        }
        if self.leap.is_kernel() && steers(&self.settings) {
            match SystemClock::new().set_leap(leap) {
                Ok(()) => info!("the kernel is told of the leap second at the end of this UTC day: {leap:?}"),
                Err(e) => warn!("{e}"),
            }
        }
    }

    pub(super) fn port_states(&self) -> impl Iterator<Item = PortState> + '_ {
        (1..).take(self.ports.len()).filter_map(|n| self.engine.port_state(PortNumber(n)))
    }

    /// Keeps the frequency for the next start.
    pub(super) fn save(&self, clocks: &[HostClock]) {
        let (Some(path), Some(clock)) = (&self.settings.state_file, clocks.get(self.clock)) else { return };
        let memory = self.discipline.memory();
        if memory.frequency_ppb.is_none() {
            return; // What the file says is still the best that is known.
        }
        let mut state = State::default();
        state.set_text("clock", &clock.name().to_string());
        state.set_written(realtime_now().nanos() as f64 * 1e-9);
        memory.write(&mut state);
        if let Err(e) = state.save(path) {
            warn!("{e}");
        }
    }

    /// One record of what was measured, when it is due.
    pub(super) fn keep_evidence(&mut self, now: u64, shared: &mut Shared) {
        let Some(length) = self.watch.as_mut().and_then(|w| w.due(now)) else { return };
        let state = self.clock_state();
        if let (Some(watch), Some(clock), Some(evidence)) =
            (&mut self.watch, shared.clocks.get(self.clock), &mut shared.evidence)
        {
            let bound = self.discipline.error_bound_ns(now);
            let of = Of { settings: &self.settings, engine: &self.engine, clock: clock.name(), state, bound };
            evidence.measurement(now, watch.take(length), &of);
        }
    }

    /// How it stands with the clock.
    pub(super) fn clock_state(&self) -> ClockState {
        let (mut slave, mut client, mut master) = (false, false, false);
        for state in self.port_states() {
            slave |= state == PortState::Slave;
            client |= is_client(state);
            master |= state == PortState::Master;
        }
        if client {
            return match (slave, self.discipline.only_measures()) {
                (true, true) => ClockState::Measured,
                (true, false) if self.discipline.is_locked() => ClockState::Locked,
                _ => ClockState::Acquiring,
            };
        }
        let class = self.engine.parent_ds().grandmaster_clock_quality.clock_class;
        let is_grandmaster = self.engine.is_grandmaster();
        // Classes 7 and 135 say that it is a holdover, whoever keeps the clock.
        if self.discipline.is_holding() || is_grandmaster && matches!(class, 7 | 135) {
            ClockState::Holdover
        } else if is_grandmaster && master && !self.engine.config().client_only && is_worth_following(class) {
            ClockState::Grandmaster
        } else {
            ClockState::Free
        }
    }

    /// Tells the engine how it stands with the clock, for those who ask it.
    pub(super) fn tell_clock_status(&mut self, now: u64) {
        self.next_status = now.saturating_add(STATUS_INTERVAL_NS);
        let bound = self.discipline.error_bound_ns(now).filter(|b| b.is_finite() && *b < 1e12);
        let steers = !self.settings.instance.free_running && !self.discipline.only_measures();
        let mut flags = 0;
        if bound.is_some() {
            flags |= ClockStatusNp::BOUND_KNOWN;
        }
        if steers {
            flags |= ClockStatusNp::STEERED;
        }
        let status = ClockStatusNp {
            clock_state: self.clock_state() as u8,
            flags,
            steps: u16::try_from(self.seen.steps()).unwrap_or(u16::MAX),
            holdover_s: self.discipline.holdover_s(now).map_or(0, |s| s as u32),
            error_bound: TimeInterval((bound.unwrap_or(0.0) * 65536.0) as i64),
            scaled_frequency: (self.discipline.frequency_ppb() * 65536.0) as i64,
        };
        self.engine.handle(Instant(now), Input::ClockStatus(status));
    }

    /// New settings, in which keys that need a restart are what they were.
    pub(super) fn reload(&mut self, now: u64, mut new: Settings, clocks: &mut [HostClock]) {
        let Some(clock) = clocks.get_mut(self.clock) else { return };
        let stamping = match self.settings.instance.ports.first().map(|p| p.stamping) {
            Some(engine::Stamping::Hardware) => Stamping::Hardware,
            Some(engine::Stamping::OneStep) => Stamping::OneStep,
            Some(engine::Stamping::P2pOneStep) => Stamping::P2pOneStep,
            Some(engine::Stamping::Software) | None => Stamping::Software,
        };
        let identity = new.clock_identity.unwrap_or(self.engine.config().clock_identity);
        prepare(&mut new, identity, stamping, clock.name());
        new.instance.free_running |= self.settings.measures_only;
        self.discipline.configure(new.servo, clock.clock(), new.summary_ns);
        self.engine.handle(Instant(now), Input::Configure(&new.instance));
        // Addresses that names stand for are told anew: the table may have changed.
        self.resolver = Resolver::new(&new.instance);
        self.zones = super::zones::read_zones(&new.zones);
        self.next_zones = 0;
        self.leap.set_kernel(new.kernel_leap);
        self.settings.take_over(new);
    }
}

/// Where a port's sockets are.
fn place(ports: &[usize], number: PortNumber) -> Option<usize> {
    ports.get(usize::from(number.0).checked_sub(1)?).copied()
}

/// How long stamps are waited for.
trait Patience {
    fn request(&self, now: u64, instance: usize, stamp: Option<TxToken>) -> Option<StampRequest>;
}

impl Patience for Settings {
    fn request(&self, now: u64, instance: usize, stamp: Option<TxToken>) -> Option<StampRequest> {
        let deadline = now.saturating_add(self.tx_stamp_timeout_ns);
        stamp.map(|token| StampRequest { token: token_of(instance, token), deadline })
    }
}

pub(super) fn is_client(state: PortState) -> bool {
    matches!(state, PortState::Uncalibrated | PortState::Slave)
}
