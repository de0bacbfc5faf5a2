//! The loop: pulses, sentences, the lock state, and those who are told of it.

mod automatic;
mod lines;
mod reload;
mod witnesses;

use core::fmt;
use core::time::Duration;

use ptp_clock::ClockError;
use ptp_daemon::metrics::{LastSample, Samples};
use ptp_daemon::{
    Event, EventBus, Interest, Notify, PollSet, RateLimit, Signals, flush_log, kind, monotonic_now,
};
use ptp_evidence::ClockState;
use ptp_program::memory::Kept;
use ptp_servo::ServoState;
use tracing::{debug, info, warn};

use crate::announce::Announcer;
use crate::automatic::Automatic;
use crate::discipline::{Correction, Steering};
use crate::evidence::Evidence;
use crate::grandmaster::{Grandmaster, GrandmasterConfig, LockState, Pulse};
use crate::maker::Maker;
use crate::metrics::{ClockSeries, Monitor, PulseCounts, Snapshot};
use crate::observe::{Now, Seen, TS2PHC};
use crate::settings::{Settings, TimeFrom};
use crate::sink::{Sink, Stamped};
use crate::times::Times;

use lines::Lines;
pub use reload::Configuration;
use witnesses::Witnesses;

/// A warning that would repeat with every pulse comes once in this time, in ns.
const QUIET: u64 = 60_000_000_000;
/// Clocks without a descriptor are asked this often, ns.
const LOOK: u64 = 5_000_000;
/// Between two lines for the service manager, ns.
const STATUS: u64 = 10_000_000_000;
/// Clocks that run on their own are steered this often, ns.
const HOLD: u64 = 1_000_000_000;
/// What was learnt is written down this often, ns.
const SAVE: u64 = 3600 * 1_000_000_000;

#[derive(Clone, Copy, Debug)]
enum Key {
    Times,
    Sink(usize),
    Announcer(usize),
    Events,
    Ports,
    Witness(usize),
}

/// Why it ended.
#[derive(Debug)]
pub enum RunError {
    /// It could not start.
    Start(String),
    /// A clock is gone.
    Clock(ClockError),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(e) => f.write_str(e),
            Self::Clock(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for RunError {}

impl From<ClockError> for RunError {
    fn from(e: ClockError) -> Self {
        Self::Clock(e)
    }
}

/// One clock, and when it was last steered by a pulse.
struct Steered {
    sink: Sink,
    followed: Option<u64>,
    held_at: u64,
    no_time: RateLimit,
    refused: RateLimit,
    /// For metrics.
    samples: Samples,
    pulses: PulseCounts,
    found: Option<Correction>,
    lines: Lines,
}

impl Steered {
    /// By the last pulse that was followed.
    fn tracks(&self) -> bool {
        self.found.is_some_and(|found| found.state.is_locked())
    }
}

/// All of it.
pub struct Program {
    settings: Settings,
    times: Times,
    sinks: Vec<Steered>,
    maker: Option<Maker>,
    grandmaster: Grandmaster,
    announcers: Vec<Announcer>,
    told_state: LockState,
    kept: Kept,
    saved_at: u64,
    events: EventBus,
    seen: Seen,
    evidence: Option<Evidence>,
    automatic: Option<Automatic>,
    monitor: Option<Monitor>,
    witnesses: Witnesses,
    configuration: Option<Configuration>,
    busy: RateLimit,
}

impl Program {
    /// Opens everything.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn open(settings: Settings) -> Result<Self, RunError> {
        let now = monotonic_now();
        let kept = Kept::open(settings.state.clone(), TS2PHC);
        let times = Times::new(&settings).map_err(RunError::Start)?;
        let maker = settings.maker.as_ref().map(|m| Maker::start(m, &settings)).transpose();
        let maker = maker.map_err(RunError::Start)?;
        let mut sinks = Vec::new();
        for sink in &settings.sinks {
            let sink = Sink::open(sink, &settings, kept.recall(&sink.clock)).map_err(RunError::Start)?;
            sinks.push(Steered {
                sink,
                followed: None,
                held_at: now,
                no_time: RateLimit::new(QUIET),
                refused: RateLimit::new(QUIET),
                samples: Samples::default(),
                pulses: PulseCounts::default(),
                found: None,
                lines: Lines::default(),
            });
        }
        let config = match &settings.announce {
            Some(announce) => announce.grandmaster,
            None => GrandmasterConfig::default(),
        };
        let mut config = GrandmasterConfig { interval: settings.period(), ..config };
        if settings.linuxptp {
            // It follows whatever the pulses say.
            config.agree_within_ns = f64::INFINITY;
        }
        let grandmaster = Grandmaster::new(config, now);
        let announcers = settings.announce.iter().flat_map(|a| {
            let tell = grandmaster.settings();
            (1..).zip(&a.sockets).map(move |(n, s)| Announcer::new(s, a.domain_number, n, tell))
        });
        let announcers = announcers.collect();
        let mut events = settings.outlets.bus().map_err(|e| RunError::Start(e.to_string()))?;
        let evidence = settings.evidence.as_ref().map(|e| Evidence::start(e, sinks.len(), &mut events));
        let automatic = automatic::open(&settings, maker.as_ref()).map_err(RunError::Start)?;
        let health = evidence.as_ref().map(Evidence::health);
        let monitor = settings.metrics.as_ref().map(|m| Monitor::start(m, health));
        let monitor = monitor.transpose().map_err(RunError::Start)?;
        let witnesses = Witnesses::open(&settings).map_err(RunError::Start)?;
        Ok(Self {
            witnesses,
            automatic,
            evidence,
            settings,
            times,
            sinks,
            maker,
            grandmaster,
            announcers,
            told_state: LockState::FreeRun,
            kept,
            saved_at: now,
            events,
            seen: Seen::default(),
            monitor,
            configuration: None,
            busy: RateLimit::new(QUIET),
        })
    }

    /// Runs until a signal says to stop. SIGHUP reloads the configuration, if there is one.
    ///
    /// # Errors
    /// A clock is gone. What was announced is withdrawn then, too.
    pub fn run(mut self, signals: Signals) -> Result<(), RunError> {
        let mut poll = PollSet::new();
        let mut notify = Notify::from_env();
        let mut result = Ok(());
        let mut status_due = 0;
        while !signals.stop() && result.is_ok() {
            if signals.take_reload() {
                // linuxptp's ends by this signal, too.
                if self.settings.linuxptp {
                    break;
                }
                self.reload();
            }
            let now = monotonic_now();
            if !notify.is_ready() && self.is_ready() {
                notify.ready();
                status_due = now;
            }
            if notify.enabled() && now >= status_due {
                status_due = now.saturating_add(STATUS);
                notify.status(&self.describe());
            }
            result = self.turn(&mut poll);
            let now = monotonic_now();
            notify.alive(now);
            flush_log(now);
        }
        notify.stopping();
        let stopped = Event::new(TS2PHC, kind::LIFE, "").message("stopped").field("state", "stopped");
        self.events.publish(stopped);
        for announcer in &mut self.announcers {
            announcer.withdraw();
        }
        self.times.close();
        for steered in &mut self.sinks {
            steered.sink.close();
        }
        if let Some(maker) = &mut self.maker {
            maker.stop();
        }
        self.save();
        if let Some(evidence) = self.evidence.take() {
            evidence.stop();
        }
        Ok(result?)
    }

    /// Every clock follows its pulses.
    fn is_ready(&self) -> bool {
        self.settings.ready_when_started || self.sinks.iter().all(Steered::tracks)
    }

    /// One line for the service manager.
    fn describe(&self) -> String {
        let each = self.sinks.iter().map(|s| match s.found {
            None => format!("{}: no pulse followed yet", s.sink.path),
            Some(found) => {
                let state = if s.sink.is_holding() {
                    "in holdover"
                } else if s.tracks() {
                    "locked"
                } else {
                    "not locked"
                };
                format!("{} offset {:.0} ns, {state}", s.sink.path, found.offset.nanos_f64())
            }
        });
        let mut text = each.collect::<Vec<_>>().join(", ");
        if self.settings.announce.is_some() {
            let class = self.grandmaster.settings().clock_quality.clock_class;
            text += &format!("; {} (clockClass {class})", self.grandmaster.state());
        }
        text
    }

    fn turn(&mut self, poll: &mut PollSet<Key>) -> Result<(), ClockError> {
        self.times.open_if_due();
        poll.clear();
        if let Some(fd) = self.times.fd() {
            poll.add(fd, Interest::READ, Key::Times);
        }
        for (i, steered) in self.sinks.iter().enumerate() {
            if let Some(fd) = steered.sink.fd() {
                poll.add(fd, Interest::READ, Key::Sink(i));
            }
        }
        for (i, announcer) in self.announcers.iter().enumerate() {
            if let Some(fd) = announcer.fd() {
                poll.add(fd, Interest::READ, Key::Announcer(i));
            }
        }
        for (i, witness) in self.witnesses.all.iter().enumerate() {
            if let Some(fd) = witness.fd() {
                poll.add(fd, Interest::READ, Key::Witness(i));
            }
        }
        self.events.gather(poll, Key::Events);
        if let Some(fd) = self.automatic.as_ref().and_then(|a| a.ports.fd()) {
            poll.add(fd, Interest::READ, Key::Ports);
        }
        if let Err(e) = poll.wait(Some(self.deadline())) {
            // A lack of memory: what is ready is looked at again.
            warn!("waiting: {e}");
        }
        for ready in
            (0..poll.len()).filter_map(|i| poll.ready(i)).filter(|r| r.readable || r.priority || r.writable)
        {
            match ready.key {
                Key::Times => self.times.read(),
                Key::Events => self.events.serve(),
                Key::Sink(i) => self.unless_busy(|this| this.pulses(i))?,
                Key::Witness(i) => self.witness_answers(i, monotonic_now()),
                Key::Ports => {
                    if let Some(automatic) = &mut self.automatic {
                        automatic.ports.receive(monotonic_now());
                    }
                }
                Key::Announcer(i) => {
                    if let Some(announcer) = self.announcers.get_mut(i) {
                        announcer.receive();
                    }
                }
            }
        }
        for i in 0..self.sinks.len() {
            if self.sinks.get(i).is_some_and(|s| s.sink.fd().is_none()) {
                self.unless_busy(|this| this.pulses(i))?;
            }
        }
        self.unless_busy(|this| this.look_at_ports(monotonic_now()))?;
        self.unless_busy(|this| this.state(monotonic_now()))
    }

    /// A clock that stays busy is no reason to end: what was to be done is done the next time, or not at all.
    fn unless_busy(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), ClockError>,
    ) -> Result<(), ClockError> {
        match work(self) {
            Err(e) if e.is_transient() => {
                if self.busy.allow(monotonic_now()).is_some() {
                    warn!(target: "clocks", "{e}");
                }
                Ok(())
            }
            done => done,
        }
    }

    fn deadline(&self) -> u64 {
        let now = monotonic_now();
        let looks = self.sinks.iter().any(|s| s.sink.fd().is_none()).then_some(now.saturating_add(LOOK));
        let holds = self.sinks.iter().map(|s| s.held_at.saturating_add(HOLD));
        let told = self.announcers.iter().map(Announcer::next_deadline);
        let records = self.evidence.as_ref().map(Evidence::deadline);
        let ports = self.automatic.as_ref().map(|a| a.ports.next_deadline());
        let witnesses = self.witnesses.deadline();
        let others =
            [looks, records, ports, witnesses, self.times.deadline(), self.grandmaster.next_deadline()];
        holds.chain(told).chain(others.into_iter().flatten()).min().unwrap_or(now.saturating_add(HOLD))
    }

    fn pulses(&mut self, i: usize) -> Result<(), ClockError> {
        // One at a time is usual; after a pause there may be more.
        for _ in 0..16 {
            let Some(steered) = self.sinks.get_mut(i) else { return Ok(()) };
            let Some(pulse) = steered.sink.next_pulse()? else { return Ok(()) };
            self.pulse(i, &pulse)?;
        }
        Ok(())
    }

    fn pulse(&mut self, i: usize, pulse: &Stamped) -> Result<(), ClockError> {
        if self.automatic_pulse(i, pulse)? {
            return Ok(());
        }
        let now = monotonic_now();
        let holdover = self.settings.time_holdover;
        let Some(steered) = self.sinks.get_mut(i) else { return Ok(()) };
        let sink = &mut steered.sink;
        if sink.was_changed()? {
            steered.pulses.changed += 1;
            if i == 0 {
                self.grandmaster.clock_lost(now);
                self.witnesses.forget();
            }
        }
        let (truth, told) = match self.times.of_pulse(pulse.came) {
            Ok(truth) => (truth, true),
            Err(unknown) => match sink.own_time(pulse, holdover) {
                Some(truth) => (truth, false),
                None => {
                    steered.pulses.no_time += 1;
                    if steered.no_time.allow(now).is_some() {
                        warn!(target: "pulses", "pulses of {} are not used: {unknown}", sink.path);
                    }
                    return Ok(());
                }
            },
        };
        // What the receiver says the pulse lacks makes the stamp that of the true second.
        let pulse = &Stamped { stamp: pulse.stamp + self.times.quantisation(pulse.came), ..*pulse };
        let good = self.times.condition(now).is_good() || !told;
        let offset_ns = Sink::offset(pulse, truth);
        if i == 0 {
            self.grandmaster.reference(good, now);
            if good && told {
                self.hear_witnesses(offset_ns, now)?;
            }
        }
        let Some(steered) = self.sinks.get_mut(i) else { return Ok(()) };
        let sink = &mut steered.sink;
        if i == 0 {
            let was = self.grandmaster.is_quarantined();
            let follow = self.grandmaster.judge(offset_ns, now);
            if !was && self.grandmaster.is_quarantined() {
                warn!(
                    target: "pulses",
                    "{}: pulses are {offset_ns:.0} ns off what the clock predicts, which is at most {:.0} ns wrong: \
                     they are not followed until they agree again",
                    sink.path,
                    self.grandmaster.bound_ns()
                );
            } else if was && follow {
                info!(target: "pulses", "{}: pulses agree with the clock again", sink.path);
            }
        }
        if !self.grandmaster.may_follow() {
            steered.pulses.refused += 1;
            if steered.refused.allow(now).is_some() {
                debug!(target: "pulses", "{}: a pulse {offset_ns:.0} ns off is not followed", sink.path);
            }
            return Ok(());
        }
        let found = sink.steer(pulse, truth, told)?;
        steered.followed = Some(now);
        steered.pulses.followed += 1;
        steered.samples.measured(LastSample { at: now, offset_ns: found.offset.nanos_f64(), delay_ns: None });
        steered.samples.stepped(found.stepped);
        steered.found = Some(found);
        // linuxptp tells how much too fast the clock is by itself, which is minus what it is set to.
        let sign = if self.settings.linuxptp { -1.0 } else { 1.0 };
        let each = self.settings.linuxptp || self.settings.rate == 1;
        let path = &sink.path;
        steered.lines.pulse(path, &found, sign, told, each, now);
        if let Some(evidence) = &mut self.evidence {
            evidence.pulse(i, found.offset.nanos_f64(), found.frequency_ppb, found.bound_ns);
            if found.stepped {
                let by = -found.offset.nanos_f64();
                evidence.put(ptp_evidence::Entry::new("step").text("clock", path).number("by", by));
            }
        }
        if i == 0 {
            if found.stepped {
                self.witnesses.forget();
            }
            if found.state == ServoState::Jump {
                self.grandmaster.clock_lost(now);
            }
            let tracks = found.state.is_locked();
            self.grandmaster.pulse(&Pulse { offset_ns, tracks, bound_ns: found.bound_ns }, now);
        }
        Ok(())
    }

    /// What follows from what happened, and from time having passed.
    fn state(&mut self, now: u64) -> Result<(), ClockError> {
        let good = self.times.condition(now).is_good()
            || self.sinks.first().is_some_and(|s| {
                let since = s.followed.map(|at| now.saturating_sub(at));
                self.settings.time_holdover > Duration::ZERO
                    && since.is_some_and(|ns| Duration::from_nanos(ns) < 2 * s.sink.period())
            });
        self.grandmaster.reference(good, now);
        self.grandmaster.tick(now);
        let lost = self.grandmaster.state() != self.told_state && self.grandmaster.state().is_holdover();
        for (i, steered) in self.sinks.iter_mut().enumerate() {
            let patience = steered.sink.period() + self.grandmaster.config().grace;
            let quiet =
                steered.followed.is_some_and(|at| Duration::from_nanos(now.saturating_sub(at)) >= patience);
            let due = now.saturating_sub(steered.held_at) >= HOLD;
            if quiet && (due || (lost && !steered.sink.is_holding())) {
                let bound = steered.sink.hold()?;
                steered.held_at = now;
                if i == 0 {
                    self.grandmaster.holdover_bound(bound, now);
                }
            } else if due {
                steered.held_at = now;
            }
        }
        self.grandmaster.set_time_scale(self.times.time_scale(now));
        self.ask_witnesses(now);
        self.tell(now);
        self.observe(now);
        if let Some(evidence) = &mut self.evidence {
            evidence.look(&mut self.events);
        }
        self.keep_evidence(now);
        self.publish(now);
        if now.saturating_sub(self.saved_at) >= SAVE {
            self.save();
            self.saved_at = now;
        }
        Ok(())
    }

    fn tell(&mut self, now: u64) {
        let state = self.grandmaster.state();
        if state != self.told_state && self.settings.announce.is_some() {
            let class = self.grandmaster.settings().clock_quality.clock_class;
            let text = format!("{state} (clockClass {class}): {}", self.grandmaster.why());
            match state {
                LockState::Locked | LockState::WarmingUp => info!(target: "announce", "{text}"),
                _ => {
                    warn!(target: "announce", "{text}; the error is below {:.0} ns", self.grandmaster.bound_ns())
                }
            }
        }
        if state != self.told_state
            && let Some(monitor) = &mut self.monitor
        {
            monitor.publisher.hurry();
        }
        self.told_state = state;
        let settings = self.grandmaster.settings();
        for announcer in &mut self.announcers {
            announcer.tell(settings);
            announcer.tick(now);
        }
    }

    /// Tells events of what has changed.
    fn observe(&mut self, now: u64) {
        let condition = self.times.condition(now);
        let grace = self.grandmaster.config().grace;
        for (i, steered) in self.sinks.iter().enumerate() {
            let patience = steered.sink.period() + grace;
            let follows =
                steered.followed.is_some_and(|at| Duration::from_nanos(now.saturating_sub(at)) < patience);
            self.seen.sink(i, &steered.sink.path, follows, &mut self.events);
        }
        let clock = self.sinks.first().map_or("", |s| s.sink.path.as_str());
        let now = Now { grandmaster: &self.grandmaster, condition, clock };
        self.seen.look(&now, &mut self.events);
    }

    /// One record for each clock, when they are due.
    fn keep_evidence(&mut self, now: u64) {
        let Some(evidence) = &mut self.evidence else { return };
        let Some(length) = evidence.due(now) else { return };
        let settings = self.grandmaster.settings();
        let quality = settings.clock_quality;
        let source = match &self.settings.time {
            TimeFrom::Receiver(_) => "receiver",
            TimeFrom::System => "system",
            TimeFrom::Clock(name) => name,
        };
        for (i, steered) in self.sinks.iter().enumerate() {
            let (entry, n) = evidence.take(i, length);
            let holds = steered.sink.is_holding();
            let state = match self.settings.steering {
                Steering::FreeRunning => ClockState::Measured,
                _ if holds => ClockState::Holdover,
                _ if n > 0 && self.grandmaster.state() != LockState::FreeRun => ClockState::Locked,
                _ => ClockState::Acquiring,
            };
            let bound = (n == 0 && i == 0).then(|| self.grandmaster.bound_ns());
            let entry = entry
                .maybe("bound", bound.filter(|b| b.is_finite()))
                .text("clock", &steered.sink.path)
                .text("source", source)
                .text("state", state.name())
                .whole("class", quality.clock_class)
                .whole("accuracy", quality.clock_accuracy.0)
                .whole("time_source", settings.time_source.0)
                .whole("steps_removed", 0)
                .whole("utc_offset", settings.utc_offset)
                .number("source_error", self.grandmaster.config().reference_ns);
            evidence.put(entry);
        }
    }

    /// Tells the state to the endpoint, if there is one and it is time.
    fn publish(&mut self, now: u64) {
        let Some(mut monitor) = self.monitor.take() else { return };
        if monitor.publisher.is_due(now) {
            monitor.publisher.publish(now, |snapshot| self.fill(snapshot, now));
        }
        self.monitor = Some(monitor);
    }

    fn fill(&mut self, s: &mut Snapshot, now: u64) {
        let g = &self.grandmaster;
        let settings = g.settings();
        let patience = 3 * (self.settings.period() + g.config().grace);
        s.patience_ns = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
        (s.now, s.state, s.state_age_s) = (now, g.state(), g.for_long(now).as_secs_f64());
        (s.class, s.bound_ns) = (settings.clock_quality.clock_class, g.bound_ns());
        (s.quarantined, s.outvoted) = (g.is_quarantined(), g.is_outvoted());
        s.witnesses.clear();
        s.witnesses.extend(self.witnesses.states(now));
        s.receiver = self.times.condition(now);
        s.utc_offset = Some(self.times.time_scale(now)).filter(|t| t.valid).map(|t| t.utc_offset);
        s.heard = self.times.heard();
        s.clocks.resize_with(self.sinks.len(), ClockSeries::default);
        for (state, steered) in s.clocks.iter_mut().zip(&mut self.sinks) {
            state.path.clone_from(&steered.sink.path);
            state.samples = steered.samples;
            state.largest_ns = steered.samples.take_largest_ns();
            state.pulses = steered.pulses;
            state.edges = steered.sink.edges();
            state.frequency_ppb = steered.found.map(|f| f.frequency_ppb);
            state.locked = steered.found.is_some_and(|f| f.state.is_locked());
            state.holding = steered.sink.is_holding();
        }
    }

    fn save(&mut self) {
        for (steered, sink) in self.sinks.iter().zip(&self.settings.sinks) {
            self.kept.put(&sink.clock, steered.sink.model());
        }
        self.kept.save();
    }
}
