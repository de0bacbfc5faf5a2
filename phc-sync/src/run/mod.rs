//! The loop: one thread, one poll.

mod ensemble;
mod holdover;
mod monitor;
mod named;
mod observe;
mod pulse;
mod reload;

use std::error::Error;
use std::io;

use ptp_clock::{Clock, ClockError, ClockName, Comparer, LeapSecond, SystemClock};
use ptp_daemon::{EventBus, Interest, Notify, PollSet, RateLimit, Signals, flush_log, monotonic_now};
use ptp_program::memory::Kept;
use ptp_wire::{TimeInterval, TimePoint};
use tracing::{info, warn};

use crate::agent::Agent;
use crate::bound::BoundKeeper;
use crate::clocks::Table;
use crate::evidence::{Evidence, Of};
use crate::metrics::Monitor;
use crate::plan::{ClockId, Domain, Lack, Plan, Source, State, plan};
use crate::pulses::Pulses;
use crate::settings::{LeapMode, Selection, Settings, SystemRole};
use crate::sink::{Measurement, Sink};
use ensemble::Ensemble;
pub(crate) use observe::PHC_SYNC;
use observe::Seen;
use ptp_clock::{Utc, UtcKeeper, UtcProperties as TimeProperties};
pub(crate) use reload::Configuration;

/// A clock that failed is opened again after so long, ns.
const RETRY_NS: u64 = 1_000_000_000;
/// The key of those who listen to events.
const EVENTS: usize = usize::MAX;
/// Between words about the same trouble, ns.
const TROUBLE_NS: u64 = 60_000_000_000;

/// While the system clock or an auxiliary clock is steered we wake at least this often, ns. The kernel's clocks run at rates in steps of about 0.1
/// ppm; between them it alternates, but only when the processor is awake. Where all of it sleeps for the 125 ms between two
/// measurements, one such turn is 13 ns too long.
const KEEP_AWAKE_NS: u64 = 25_000_000;

/// Between two lines for the service manager, ns.
const STATUS_NS: u64 = 10_000_000_000;

/// Everything that runs.
pub(crate) struct Runner {
    settings: Settings,
    agents: Vec<Agent>,
    keepers: Vec<UtcKeeper>,
    clocks: Table,
    sinks: Vec<Sink>,
    plan: Plan,
    pulses: Option<Pulses>,
    comparer: Comparer,
    busy: RateLimit,
    trouble: RateLimit,
    suspended: bool,
    kernel: Kernel,
    retry_at: Option<u64>,
    /// Manual mode has begun.
    started: bool,
    /// A clock that is missing from now on may come back; before, it was a mistake.
    begun: bool,
    /// Per domain.
    domain_sources: Vec<Option<ClockId>>,
    ensemble: Option<Ensemble>,
    bound: Option<BoundKeeper>,
    events: EventBus,
    seen: Seen,
    evidence: Option<Evidence>,
    monitor: Option<Monitor>,
    /// Measurements left out because a clock was busy.
    busy_count: u64,
    /// What was learnt of clocks.
    kept: Kept,
    save_at: u64,
}

/// What the kernel was told last.
#[derive(Clone, Copy, Debug, Default)]
struct Kernel {
    leap: Option<LeapSecond>,
    tai: Option<i32>,
}

/// Runs until a signal. SIGHUP reloads the configuration, if there is one.
pub(crate) fn run(
    settings: Settings,
    mut configuration: Option<Configuration>,
) -> Result<(), Box<dyn Error>> {
    let signals = Signals::install()?;
    let mut runner = Runner::new(settings)?;
    let done = turn(&mut runner, &signals, &mut configuration);
    runner.finish();
    // phc2sys says nothing in the end.
    if done.is_ok() && !runner.settings.drop_in {
        info!("stopped; the clocks run on with the frequency that was learnt");
    }
    done
}

fn turn(
    runner: &mut Runner,
    signals: &Signals,
    configuration: &mut Option<Configuration>,
) -> Result<(), Box<dyn Error>> {
    let mut notify = Notify::from_env();
    let mut poll = PollSet::<usize>::new();
    let mut next = monotonic_now();
    let mut status_due = 0;
    while !signals.stop() {
        let now = monotonic_now();
        notify.alive(now);
        if signals.take_reload() {
            if runner.settings.drop_in {
                // linuxptp's programs end.
                break;
            }
            runner.reload(configuration)?;
            next = next.min(now.saturating_add(runner.period()));
        }
        if !notify.is_ready() && runner.is_ready() {
            notify.ready();
            status_due = now;
        }
        if notify.enabled() && now >= status_due {
            status_due = now.saturating_add(STATUS_NS);
            notify.status(&runner.describe(now));
        }
        let mut changed = false;
        for i in 0..runner.agents.len() {
            changed |= runner.tick(i, now);
        }
        if runner.retry_at.is_some_and(|at| now >= at) {
            runner.retry_at = None;
            changed = true;
        }
        if changed {
            runner.renew()?;
        }
        if now >= next {
            // After a long sleep not all that was missed.
            next = next.saturating_add(runner.period()).max(now);
            runner.update(now)?;
        }
        runner.pulses(now)?;
        runner.observe();
        flush_log(now);
        runner.keep_evidence(now);
        runner.keep_memory(now);
        runner.publish(now);
        runner.wait(&mut poll, notify.next_deadline().map_or(next, |alive| alive.min(next)))?;
    }
    notify.stopping();
    Ok(())
}

impl Runner {
    fn new(settings: Settings) -> Result<Self, Box<dyn Error>> {
        let instances =
            if settings.automatic || settings.wait { settings.instances_or_default() } else { Vec::new() };
        let agents: Vec<Agent> =
            instances.into_iter().enumerate().map(|(i, instance)| Agent::new(instance, i)).collect();
        let keepers = vec![UtcKeeper::default(); agents.len().max(1)];
        let pulses =
            settings.pps.as_deref().map(|p| Pulses::open(p, settings.source.as_ref())).transpose()?;
        let comparer = Comparer::new(settings.readings);
        let ensemble = match settings.selection {
            Selection::Intersection => Some(Ensemble::new(&settings, &agents)?),
            Selection::Priority => None,
        };
        let mut events = settings.outlets.bus()?;
        let bound = match &settings.bound_page {
            Some(path) => Some(
                BoundKeeper::new(path, settings.max_drift)
                    .map_err(|e| format!("the error bound page {}: {e}", path.display()))?,
            ),
            None => None,
        };
        let evidence = settings.evidence.as_ref().map(|e| Evidence::start(e, &mut events));
        let monitor = Monitor::start(&settings, evidence.as_ref().map(Evidence::health))?;
        let kept = Kept::open(settings.state.clone(), PHC_SYNC);
        let mut this = Self {
            settings,
            agents,
            keepers,
            clocks: Table::default(),
            sinks: Vec::new(),
            plan: Plan::default(),
            pulses,
            comparer,
            busy: RateLimit::new(TROUBLE_NS),
            trouble: RateLimit::new(TROUBLE_NS),
            suspended: false,
            kernel: Kernel::default(),
            retry_at: None,
            started: false,
            begun: false,
            domain_sources: Vec::new(),
            ensemble,
            bound,
            events,
            seen: Seen::default(),
            evidence,
            monitor,
            busy_count: 0,
            kept,
            save_at: monotonic_now().saturating_add(holdover::FIRST_SAVE_NS),
        };
        if this.settings.automatic {
            this.replan()?;
        } else {
            this.start_manual()?;
        }
        this.begun = true;
        Ok(this)
    }

    /// From measurement to measurement, ns. The rate is checked to be 0.001..=1000 Hz.
    fn period(&self) -> u64 {
        (1e9 / self.settings.rate) as u64
    }

    /// Every clock that is to be steered is.
    fn is_ready(&self) -> bool {
        let good = !self.sinks.is_empty() && self.sinks.iter().all(Sink::is_good);
        good || self.settings.ready_when_started
    }

    /// One line for the service manager.
    fn describe(&mut self, now: u64) -> String {
        if self.sinks.is_empty() {
            let why = if self.settings.automatic {
                "no PTP port is SLAVE or MASTER yet"
            } else {
                "clocks are gone"
            };
            return format!("nothing to synchronise: {why}");
        }
        let clocks = &mut self.clocks;
        let each = self.sinks.iter().filter_map(|s| Some(s.describe(&clocks.get(s.clock)?.label, now)));
        each.collect::<Vec<_>>().join(", ")
    }

    /// Keeps in touch with an instance; whether the plan is to be made anew.
    fn tick(&mut self, i: usize, now: u64) -> bool {
        let Some(agent) = self.agents.get_mut(i) else { return false };
        let mut changed = agent.tick(now).ports;
        // One message per turn of the loop is left to the others; a burst is short.
        for _ in 0..32 {
            let changes = agent.receive(now);
            changed |= changes.ports;
            if !changes.any {
                break;
            }
        }
        changed && self.settings.automatic
    }

    fn wait(&mut self, poll: &mut PollSet<usize>, next: u64) -> io::Result<()> {
        poll.clear();
        let mut deadline = next;
        for (i, agent) in self.agents.iter().enumerate() {
            deadline = deadline.min(agent.deadline());
            if let Some(fd) = agent.descriptor() {
                poll.add(fd, Interest::READ, i);
            }
        }
        if let Some(evidence) = &self.evidence {
            deadline = deadline.min(evidence.deadline());
        }
        if let Some(pulses) = &self.pulses {
            deadline = deadline.min(pulses.deadline());
        }
        if self.steers_kernel() {
            deadline = deadline.min(monotonic_now().saturating_add(KEEP_AWAKE_NS));
        }
        self.events.gather(poll, EVENTS);
        poll.wait(Some(deadline))?;
        let ready = (0..poll.len())
            .filter_map(|i| poll.ready(i))
            .any(|r| r.key == EVENTS && (r.readable || r.writable || r.priority));
        if ready {
            self.events.serve();
        }
        Ok(())
    }

    /// A clock of the kernel's own is steered, and not by an NTP daemon.
    fn steers_kernel(&mut self) -> bool {
        let Self { settings, sinks, clocks, .. } = self;
        let kernels = |c: &dyn Clock| c.is_system() || c.auxiliary_id().is_some();
        !settings.free_running
            && !settings.feeds_ntp()
            && sinks.iter().any(|s| clocks.get(s.clock).is_some_and(|entry| kernels(entry.clock.as_ref())))
    }

    /// Automatic mode: ports or their clocks changed.
    fn replan(&mut self) -> Result<(), ClockError> {
        let mut domains = Vec::with_capacity(self.agents.len());
        for i in 0..self.agents.len() {
            domains.push(self.domain(i)?);
        }
        let role = self.settings.system_role;
        let system = if role == SystemRole::None {
            None
        } else {
            self.open_named(&self.settings.system_clock.clone())?
        };
        let mut new = plan(&domains, system, role);
        self.add_named(&mut new, &domains)?;
        self.domain_sources = domains.iter().map(|d| d.source().ok()).collect();
        if !self.settings.fan_out.is_empty() {
            let system = system.unwrap_or_default();
            let sources = self.domain_sources.iter().enumerate();
            let each =
                sources.filter_map(|(i, clock)| Some((system, Source { clock: (*clock)?, domain: Some(i) })));
            new.follow = each.collect();
        } else if self.ensemble.is_some()
            && let Some(system) = system
        {
            // The majority of all is its source, whoever is first.
            new.follow.retain(|(sink, _)| *sink != system);
            new.follow.push((system, Source { clock: system, domain: None }));
        }
        // Somebody else may steer what was held.
        let held = self.sinks.extract_if(.., |s| s.orphan).collect();
        self.orphans(held, &domains);
        if new == self.plan {
            return Ok(());
        }
        // There was nothing before, and there is nothing now.
        if !new.follow.is_empty() || !self.plan.lacks.is_empty() {
            info!(target: "sources", "reconfiguring after port state change");
            self.tell(&new);
        }
        let mut old = std::mem::take(&mut self.sinks);
        for (sink, source) in &new.follow {
            let own_domain = !self.settings.fan_out.is_empty();
            let same = |s: &Sink| s.clock == *sink && (!own_domain || s.source.domain == source.domain);
            let known = old.iter().position(same).map(|i| old.swap_remove(i));
            let made = match known {
                Some(mut known) => {
                    known.follow(*source);
                    Ok(Some(known))
                }
                None => self.sink(*sink, *source),
            };
            match made {
                Ok(sink) => self.sinks.extend(sink),
                Err(e @ ClockError::Permission { .. }) => return Err(e),
                Err(e) => self.failed(*sink, &e),
            }
        }
        self.plan = new;
        self.orphans(old, &domains);
        Ok(())
    }

    fn tell(&mut self, new: &Plan) {
        for (i, lack) in new.lacks.iter().enumerate() {
            let name = self.agents.get(i).map(Agent::name).unwrap_or_default();
            match lack {
                Some(Lack::Several) => {
                    info!(target: "sources", "multiple master clocks available, postponing sync... ({name})")
                }
                Some(Lack::NotReady) => {
                    info!(target: "sources", "master clock not ready, waiting... ({name})")
                }
                _ => {}
            }
        }
        let mut sources: Vec<ClockId> = Vec::new();
        for (sink, source) in &new.follow {
            if let Some(entry) = self.clocks.get(*sink) {
                info!(target: "sources", "selecting {} for synchronization", entry.label);
            }
            if !sources.contains(&source.clock) && source.clock != *sink {
                sources.push(source.clock);
            }
        }
        for source in &sources {
            if let Some(entry) = self.clocks.get(*source) {
                info!(target: "sources", "selecting {} as the master clock", entry.label);
            }
        }
        if new.follow.is_empty() {
            info!(target: "sources", "nothing to synchronize");
        }
    }

    /// The clocks of an instance and what its ports make of them.
    fn domain(&mut self, i: usize) -> Result<Domain, ClockError> {
        let Some(agent) = self.agents.get(i).filter(|a| a.is_ready()) else { return Ok(Domain::default()) };
        let ports: Vec<(ClockName, String, State)> = agent
            .ports()
            .values()
            .filter_map(|p| Some((agent.clock_of(p)?, p.interface.clone(), p.state)))
            .collect();
        let mut clocks: Vec<(ClockId, State)> = Vec::new();
        for (name, interface, state) in ports {
            let label = (self.settings.drop_in && matches!(name, ClockName::Phc(_))).then_some(interface);
            let id = match self.clocks.open(&name, label.as_deref(), &self.settings) {
                Ok(id) => id,
                Err(e) => {
                    if self.trouble.allow(monotonic_now()).is_some() {
                        warn!("{e}");
                    }
                    self.retry_at = Some(monotonic_now().saturating_add(RETRY_NS));
                    continue;
                }
            };
            match clocks.iter_mut().find(|(c, _)| *c == id) {
                Some((_, strongest)) => *strongest = (*strongest).max(state),
                None => clocks.push((id, state)),
            }
        }
        Ok(Domain { clocks })
    }

    /// A clock does not answer any more: without it, until it does again.
    fn failed(&mut self, clock: ClockId, e: &ClockError) {
        if self.trouble.allow(monotonic_now()).is_some() {
            warn!(target: "clocks", "{e}");
        }
        self.clocks.close(clock);
        self.without(clock);
        self.plan = Plan::default();
        self.retry_at = Some(monotonic_now().saturating_add(RETRY_NS));
    }

    /// One measurement of each sink.
    fn update(&mut self, now: u64) -> Result<(), Box<dyn Error>> {
        if !self.started && !self.settings.automatic {
            let settled = self.agents.first().is_some_and(|a| a.is_settled() && a.time().is_some());
            if !settled {
                return Ok(());
            }
            self.started = true;
        }
        let by_pulses = self.pulses.is_some();
        let patience = self.patience();
        let mut sinks = std::mem::take(&mut self.sinks);
        let mut gone = None;
        for sink in &mut sinks {
            let done = if sink.orphan || by_pulses { Ok(()) } else { self.update_sink(sink, now) };
            let done = match done {
                Ok(()) | Err(ClockError::Busy { .. }) if sink.orphan || sink.is_overdue(now, patience) => {
                    self.hold(sink, now)
                }
                done => done,
            };
            match done {
                Ok(()) => {}
                Err(e @ ClockError::Busy { .. }) => {
                    self.busy_count = self.busy_count.saturating_add(1);
                    if let Some(more) = self.busy.allow(now) {
                        warn!(target: "clocks", "{e} (left out, and {more} times before)");
                    }
                }
                Err(e) if !self.settings.automatic && !e.is_gone() => return Err(e.into()),
                Err(e @ ClockError::Permission { .. }) => return Err(e.into()),
                Err(e) => gone = Some((sink.clock, sink.source.clock, e)),
            }
        }
        self.sinks = sinks;
        if let Some((sink, source, e)) = gone {
            // The others that follow the same source go on where only this one is gone.
            let named =
                |id| self.clocks.get_ref(id).is_some_and(|entry| e.clock() == Some(entry.clock.name()));
            let (by_sink, by_source) = (named(sink), named(source));
            if by_sink || !by_source {
                self.failed(sink, &e);
            }
            if by_source || !by_sink {
                self.failed(source, &e);
            }
        }
        Ok(())
    }

    fn update_sink(&mut self, sink: &mut Sink, now: u64) -> Result<(), ClockError> {
        if sink.source.clock == sink.clock {
            return self.update_by_majority(sink, now);
        }
        let Some(entry) = self.clocks.get(sink.clock) else { return Ok(()) };
        sink.look(entry, &self.settings, now)?;
        let Some(compared) = self.clocks.compare(sink.source.clock, sink.clock, &self.comparer) else {
            return Ok(());
        };
        let c = compared?;
        let (sink_utc, is_system) =
            self.clocks.get(sink.clock).map_or((false, false), |e| (e.utc, e.clock.is_system()));
        let Some((source_utc, kind)) = self.clocks.get(sink.source.clock).map(|e| (e.utc, e.kind())) else {
            return Ok(());
        };
        let utc = self.utc(sink.source, c.source, source_utc, is_system);
        let wanted = match self.settings.offset {
            Some(offset) => offset,
            None if sink_utc && !source_utc => -utc.behind,
            None if source_utc && !sink_utc => utc.behind,
            None => TimeInterval::ZERO,
        };
        if utc.suspended && self.settings.offset.is_none() && sink_utc != source_utc {
            if !std::mem::replace(&mut self.suspended, true) {
                info!(target: "servo", "clock update suspended due to leap second");
            }
            sink.pause();
            return Ok(());
        }
        self.suspended = false;
        if is_system {
            self.tell_kernel(sink.source, &utc)?;
        }
        let target = TimePoint::from_scaled(c.source.scaled() + i128::from(wanted.0));
        let m = Measurement {
            offset: c.sink - target,
            local: c.sink,
            delay: Some(c.delay),
            kind,
            leap: utc.leap,
            source_error_ns: self.source_error(sink.source),
        };
        let (source, settings) = (sink.source.clock, &self.settings);
        let now_there = self.clocks.get(source).map(|e| e.clock.now()).transpose()?;
        let Some(entry) = self.clocks.get(sink.clock) else { return Ok(()) };
        let stepped = sink.update(entry, settings, &m, || Ok(now_there.map(|t| t + wanted)), now)?;
        if let Some(evidence) = self.evidence.as_mut().filter(|_| stepped) {
            evidence.stepped(&entry.label, -m.offset.nanos_f64());
        }
        if sink_utc {
            let error = m.source_error_ns + c.delay.nanos_f64() / 2.0;
            self.keep_bound(sink, m.offset, error);
        }
        Ok(())
    }

    /// How far off a source may be, ns: what its instance says of itself and of its grandmaster, and what was configured. The
    /// path may take all of its delay in one direction.
    fn source_error(&self, source: Source) -> f64 {
        let q = source.domain.and_then(|d| self.agents.get(d)).map(Agent::quality).unwrap_or_default();
        let own = q.offset.abs().nanos_f64() + q.path_delay.abs().nanos_f64();
        own + q.accuracy.unwrap_or_default().nanos_f64() + self.settings.source_error.nanos_f64()
    }

    /// One record for each clock, when they are due.
    fn keep_evidence(&mut self, now: u64) {
        let Some(length) = self.evidence.as_mut().and_then(|e| e.due(now)) else { return };
        let mut sinks = std::mem::take(&mut self.sinks);
        for sink in &mut sinks {
            let label = |id| self.clocks.get_ref(id).map_or("", |e| e.label.as_str());
            let agent = sink.source.domain.and_then(|d| self.agents.get(d));
            let of = Of {
                clock: label(sink.clock),
                source: match sink.source.clock {
                    _ if sink.is_lost() => "none",
                    source if source == sink.clock => "majority",
                    source => label(source),
                },
                state: sink.clock_state(&self.settings),
                source_error: match sink.is_lost() {
                    true => sink.source_error_ns(),
                    false => self.source_error(sink.source),
                },
                grandmaster: agent
                    .filter(|a| a.time().is_some())
                    .map(|a| a.quality().grandmaster.to_string()),
                utc_offset: agent.and_then(Agent::time).map(|t| t.utc_offset),
            };
            let bound = sink.held_bound_ns().map(|b| b - sink.source_error_ns());
            let entry = sink.measured.take(length).maybe("bound", bound);
            if let Some(evidence) = &mut self.evidence {
                evidence.measurement(entry, &of);
            }
        }
        self.sinks = sinks;
    }

    /// For applications.
    fn keep_bound(&mut self, sink: &mut Sink, offset: TimeInterval, error_ns: f64) {
        sink.seen.bound_ns = sink.is_locked().then(|| offset.nanos_f64().abs() + error_ns.max(0.0));
        if let Some(bound) = &mut self.bound {
            if sink.is_locked() {
                bound.measured(offset, error_ns);
            } else {
                bound.unlocked();
            }
        }
    }

    /// What TAI and UTC are apart, for clocks that follow this source, which shows `at`.
    fn utc(&mut self, source: Source, at: TimePoint, source_utc: bool, is_system: bool) -> Utc {
        let domain = source.domain.unwrap_or(0);
        let properties = self.agents.get(domain).and_then(Agent::time);
        let p = properties.unwrap_or_default();
        let mode = match self.settings.leap {
            // Only the kernel's own clock has a kernel to do it.
            LeapMode::Kernel if !is_system => LeapMode::Servo,
            mode => mode,
        };
        let window = self.settings.smear_window;
        let tai = if source_utc {
            at + TimeInterval::from_nanos(i64::from(p.utc_offset) * 1_000_000_000)
        } else {
            at
        };
        let Some(keeper) = self.keepers.get_mut(domain) else {
            return UtcKeeper::default().at(&p, tai, mode, window);
        };
        // A lost instance announces nothing; what was announced holds.
        if properties.is_some() {
            keeper.update(&p, tai, mode, window);
        }
        keeper.at(&p, tai, mode, window)
    }

    /// Leap second and TAI offset, where they changed.
    fn tell_kernel(&mut self, source: Source, utc: &Utc) -> Result<(), ClockError> {
        let Some(p) = source.domain.and_then(|d| self.agents.get(d)).and_then(Agent::time) else {
            return Ok(());
        };
        if self.settings.free_running || self.settings.feeds_ntp() {
            return Ok(());
        }
        if self.settings.leap == LeapMode::Kernel && self.kernel.leap != Some(utc.leap) {
            let mut system = SystemClock::new();
            if system.leap()? != utc.leap {
                system.set_leap(utc.leap)?;
                match utc.leap {
                    LeapSecond::Insert => {
                        info!(target: "clocks", "clock set to insert leap second at midnight (UTC)")
                    }
                    LeapSecond::Delete => {
                        info!(target: "clocks", "clock set to delete leap second at midnight (UTC)")
                    }
                    LeapSecond::None => {}
                }
            }
            self.kernel.leap = Some(utc.leap);
        }
        let tai = whole_offset(p);
        if let Some(tai) = tai
            && self.kernel.tai != Some(tai)
        {
            let mut system = SystemClock::new();
            if system.tai_offset()? != tai {
                system.set_tai_offset(tai)?;
            }
            self.kernel.tai = Some(tai);
        }
        Ok(())
    }
}

/// TAI - UTC for the kernel, if the instance vouches for it.
fn whole_offset(p: TimeProperties) -> Option<i32> {
    (p.utc_offset_valid && p.time_traceable && p.ptp_timescale).then(|| i32::from(p.utc_offset))
}
