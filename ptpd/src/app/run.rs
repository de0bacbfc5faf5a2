//! The loop: everything that happens goes into the engines, everything they want is done.

use std::process::ExitCode;

use ptp_clock::{ClockError, ClockName, realtime_now};
use ptp_daemon::{
    Event as Told, EventBus, Interest, Notify, PollSet, RateLimit, Severity, Signals, State, Wait, flush_log,
    kind, log_context, monotonic_now,
};
use ptp_net::{LinkMonitor, MessageClass, Stamping};
use ptp_wire::{PortNumber, RateOffset, SdoId, TimeInterval};
use ptpd::engine::{Access, Engine, Input, Instant, LinkDelay};
use ptpd::host::{
    Apart, ClashKind, Discipline, Feed, LeapKeeper, LocalClock, Memory, PortClocks, Settings, Together,
    steers,
};
use tracing::{debug, error, info, warn};

use super::clock::HostClock;
use super::cmlds::CommonLinks;
use super::drop_in::DropIn;
use super::evidence::{Evidence, Watch};
use super::instance::{Instance, SAVE_INTERVAL_NS};
use super::local::Local;
use super::metrics::{Monitor, Seen};
use super::net_port::{Change, NetPort, User};
use super::observe::Observed;
use super::port_clocks::index_of;
use super::resolve::Resolver;
use super::shared::{Shared, Stamped, owner_of};
use super::start::{
    RunError, become_user, choose_stamping, clock_identity, clock_name, is_transparent, port_clocks, prepare,
};
use super::tell::PTPD;
use super::zones::read_zones;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a descriptor belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    Event(usize),
    General(usize),
    Local(usize, Access),
    /// An instance, and its place among the common services that it asks.
    Common(usize, usize),
    Link,
    /// Who listens to events.
    Events,
}

/// Reads the settings of all instances anew for a reload; `None`: there is no file.
pub(crate) type Reload<'a> = &'a dyn Fn() -> Option<Result<Vec<Settings>, String>>;

/// Runs until it is told to stop: one instance or several, which go together ([`ptpd::host::together`]).
pub(crate) fn run(settings: Vec<Settings>, reload: Reload<'_>) -> ExitCode {
    // ptp4l ends with -1 where it cannot start or go on.
    let drop_in = settings.iter().any(|s| s.drop_in);
    let failure = if drop_in { ExitCode::from(255) } else { ExitCode::FAILURE };
    let signals = match Signals::install() {
        Ok(signals) => signals,
        Err(e) => {
            error!("cannot install signal handlers: {e}");
            return failure;
        }
    };
    match Daemon::start(settings, signals).and_then(|daemon| match daemon {
        Some(mut daemon) => daemon.run(reload, drop_in),
        None => Ok(()),
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            error!("{e}");
            failure
        }
    }
}

pub(super) struct Daemon {
    pub(super) instances: Vec<Instance>,
    pub(super) shared: Shared,
    pub(super) links: Option<LinkMonitor>,
    /// Of sockets, which are some instances' ports.
    pub(super) changes: Vec<(usize, Change)>,
    signals: Signals,
    poll: PollSet<Key>,
    monitor: Option<Monitor>,
}

impl Daemon {
    /// `None`: told to stop while it waited for an interface.
    fn start(all: Vec<Settings>, signals: Signals) -> Result<Option<Self>, RunError> {
        let mut daemon = Self {
            instances: Vec::with_capacity(all.len()),
            shared: Shared {
                ports: Vec::new(),
                clocks: Vec::new(),
                locals: Vec::new(),
                notify: Notify::from_env(),
                events: EventBus::new(),
                status_due: 0,
                evidence: None,
                send_trouble: RateLimit::new(10_000_000_000),
                stamps: Vec::new(),
                stepped: Vec::new(),
                links: Vec::new(),
            },
            links: LinkMonitor::open().map_err(|e| debug!("no news of links: {e}")).ok(),
            changes: Vec::new(),
            signals,
            poll: PollSet::new(),
            monitor: None,
        };
        // What a service in this process measures is not asked of another.
        let served: Vec<_> = all.iter().flat_map(common_service).map(str::to_owned).collect();
        for mut settings in all {
            let networks = &settings.networks;
            settings.common.retain(|link| {
                let network = networks.get(usize::from(link.port.0).wrapping_sub(1));
                network.is_none_or(|n| !served.contains(&n.interface))
            });
            log_context(&settings.name);
            if !daemon.add(settings)? {
                return Ok(None);
            }
        }
        log_context("");
        for port in &daemon.shared.ports {
            if let Some(e) = port.privilege_missing() {
                return Err(e.into());
            }
        }
        let settings: Vec<_> = daemon.instances.iter().map(|i| i.settings.clone()).collect();
        // After the management sockets, which simulators expect first.
        if let Some(socket) = settings.first().and_then(|s| s.events.as_ref()) {
            daemon.shared.events.listen(&socket.path, socket.mode)?;
        }
        let listener = Monitor::bind(&settings)?;
        if let Some(user) = settings.first().and_then(|s| s.user.as_deref()) {
            become_user(user, &settings)?;
        }
        daemon.shared.evidence = Evidence::start(&settings, &mut daemon.shared.events);
        let health = daemon.shared.evidence.as_ref().map(Evidence::health);
        daemon.monitor = listener.map(|l| Monitor::start(l, health)).transpose()?;
        Ok(Some(daemon))
    }

    /// One more instance. False: told to stop while it waited for an interface.
    fn add(&mut self, mut settings: Settings) -> Result<bool, RunError> {
        let index = self.instances.len();
        let Some(identity) = clock_identity(&settings, self.signals, &mut self.shared.notify)? else {
            return Ok(false);
        };
        let stamping = choose_stamping(&settings)?;
        let software = stamping == Stamping::Software;
        let name = clock_name(&settings, stamping)?;
        let stamped = port_clocks(&settings, stamping, &name)?;
        let own = |i: &ClockName| stamped.ports.contains(i) || stamped.spare.contains(i) || *i == name;
        self.share_clocks(&mut settings, own)?;
        prepare(&mut settings, identity, stamping, &name);

        let state = match settings.state_file.as_deref().map(State::load) {
            None => State::default(),
            Some(Ok(state)) => state,
            Some(Err(e)) => {
                warn!("{e}");
                State::default()
            }
        };
        let place = self.shared.clock(name, software)?;
        let mut clocks = Vec::with_capacity(stamped.ports.len());
        for (clock, port) in stamped.ports.iter().zip(&mut settings.instance.ports) {
            clocks.push(self.shared.clock(clock.clone(), software)?);
            port.phc_index = index_of(clock);
        }
        let mut spare = Vec::with_capacity(stamped.spare.len());
        for clock in stamped.spare {
            spare.push(self.shared.clock(clock, software)?);
        }
        let instance = &settings.instance;
        let keeps = !instance.free_running && !settings.measures_only;
        let several = settings.port_clocks == PortClocks::Together && !is_transparent(&settings);
        let members = clocks.iter().chain(&spare).copied();
        let together = several.then(|| Together::new(place, members, keeps));
        let external = settings.port_clocks == PortClocks::External && !is_transparent(&settings);
        let apart = if external { Apart::new(clocks.iter().copied()) } else { None };
        let clock = &mut self.shared.clocks[place];
        if settings.clock == LocalClock::Auto && !software && clocks.iter().all(|c| *c == place) {
            clock.follow(settings.networks.iter().map(|n| n.interface.clone()).collect());
        }
        let (memory, refused) =
            Memory::recall(&state, &clock.name().to_string(), realtime_now().nanos() as f64 * 1e-9);
        if let Some(why) = refused {
            warn!("{why}");
        }
        let steers = steers(&settings);
        if steers {
            // Better to hear now that the clock may not be set than when the first master appears.
            let frequency = clock.clock().frequency()?;
            clock.clock().set_frequency(frequency)?;
        }
        if settings.servo.phase_adjustment && !clock.clock().adjusts_phase() {
            let (clock, doing) = (clock.name().to_string(), "adjusting the phase (servo.phase_adjustment)");
            return Err(ClockError::Unsupported { clock, doing }.into());
        }
        let feed = settings.refclock.as_ref().filter(|_| !settings.measures_only);
        let mut discipline = Discipline::new(
            settings.servo,
            clock.clock(),
            instance.free_running || feed.is_some(),
            if steers { memory } else { Memory::default() },
            settings.summary_ns,
        )?;
        if let Some(refclock) = feed {
            discipline.feed(Feed::open(refclock)?);
        }
        if settings.drop_in {
            discipline.tell_as_linuxptp();
        }
        let drop_in = settings.drop_in.then(|| DropIn::new(&settings, identity, clock.name()));
        let count = settings.networks.len();
        let now = monotonic_now();
        let seed = now
            ^ u64::from_be_bytes(identity.0).rotate_left(17)
            ^ u64::from(std::process::id())
            ^ (index as u64) << 56;
        info!(
            "clock {identity}, {count} port{}, domain {}, {} stamps, disciplines {}",
            if count == 1 { "" } else { "s" },
            instance.domain_number,
            if software { "software" } else { "hardware" },
            if steers {
                clock.name().to_string()
            } else {
                format!("nothing (measures with {})", clock.name())
            },
        );
        let ports = (1..)
            .zip(&settings.networks)
            .zip(stamped.bound)
            .map(|((n, network), bound)| {
                let user = User { instance: index, port: PortNumber(n) };
                let ports = &mut self.shared.ports;
                let shared = ports.iter_mut().position(|p| p.share(user, network, stamping, bound));
                shared.unwrap_or_else(|| {
                    ports.push(NetPort::new(user, network.clone(), stamping, bound));
                    ports.len() - 1
                })
            })
            .collect();
        let local = self.local(&settings)?;
        let common = CommonLinks::open(&settings.common)?;
        self.instances.push(Instance {
            index,
            engine: Engine::new(instance.clone(), seed, Instant(now)),
            resolver: Resolver::new(instance),
            discipline,
            drop_in,
            measured: Vec::new(),
            ports,
            clocks,
            clock: place,
            named: place,
            together,
            apart,
            watch: settings.evidence.as_ref().map(|e| Watch::new(now, e.interval_ns)),
            local,
            common,
            next_save: now + SAVE_INTERVAL_NS,
            next_status: now,
            observed: Observed::default(),
            zones: read_zones(&settings.zones),
            next_zones: 0,
            seen: Seen::default(),
            leap: LeapKeeper::new(settings.kernel_leap),
            ahead: TimeInterval::ZERO,
            settings,
        });
        if let Some(instance) = self.instances.last_mut() {
            instance.tell_aligned(now);
        }
        Ok(true)
    }

    /// One instance steers a clock: further ones measure with it, unless somebody wrote that they steer.
    fn share_clocks(
        &self,
        settings: &mut Settings,
        own: impl Fn(&ClockName) -> bool,
    ) -> Result<(), RunError> {
        if settings.instance.free_running {
            return Ok(());
        }
        let name_of = |place: usize| self.shared.clocks.get(place).map(HostClock::name);
        let taken = self.instances.iter().find_map(|i| {
            let clock = i.steered().filter_map(name_of).find(|c| own(c))?;
            Some((&i.settings.name, clock))
        });
        let Some((keeper, clock)) = taken else { return Ok(()) };
        if settings.told_to_steer {
            let between = [keeper.clone(), settings.name.clone()];
            let what = ClashKind::Clock { clock: clock.to_string() };
            return Err(RunError::Clash(ptpd::host::Clash { between, what }));
        }
        if steers(settings) {
            info!("{keeper} disciplines {clock}: this instance only measures");
        }
        settings.measures_only = true;
        settings.instance.free_running = true;
        Ok(())
    }

    /// The place of an instance's management sockets, which are opened if they are not yet.
    fn local(&mut self, settings: &Settings) -> Result<usize, RunError> {
        let paths = |s: &Settings| [&s.read_write, &s.read_only].map(|a| a.as_ref().map(|a| a.path.clone()));
        if let Some(other) = self.instances.iter().find(|i| paths(&i.settings) == paths(settings)) {
            return Ok(other.local);
        }
        let local = Local::open(settings.read_write.as_ref(), settings.read_only.as_ref())?;
        self.shared.locals.push(local);
        Ok(self.shared.locals.len() - 1)
    }

    fn run(&mut self, reload: Reload<'_>, drop_in: bool) -> Result<(), RunError> {
        let started = Told::new(PTPD, kind::LIFE, "").message(format!("ptpd {VERSION} has started"));
        let started = started.field("state", "started").field("version", VERSION);
        self.shared.events.publish(started.field("pid", std::process::id()));
        loop {
            if self.signals.stop() {
                self.stop();
                return Ok(());
            }
            if self.signals.take_reload() {
                if drop_in {
                    self.stop();
                    return Ok(());
                }
                self.reload(reload);
            }
            let now = monotonic_now();
            self.housekeeping(now);
            for instance in &mut self.instances {
                instance.drop_in.iter_mut().for_each(DropIn::begin);
                instance.handle(now, Input::Tick);
            }
            self.carry_out(now);
            self.observe(now);
            self.tell_manager(now);
            if let Some(monitor) = &mut self.monitor {
                monitor.run(now, &mut self.instances, &self.shared);
            }
            self.gather();
            let deadline = self.deadline(now);
            if self.poll.wait(deadline).map_err(RunError::Poll)? == Wait::Ready {
                for i in 0..self.poll.len() {
                    if let Some(ready) = self.poll.ready(i)
                        && (ready.readable || ready.priority || ready.writable)
                    {
                        self.report(ready.key, ready.readable, ready.priority);
                    }
                }
            }
        }
    }

    fn deadline(&self, now: u64) -> Option<u64> {
        let ports = self.shared.ports.iter().filter_map(NetPort::next_deadline);
        let locals = self.shared.locals.iter().filter_map(|l| l.next_deadline(now));
        let names = self.instances.iter().filter_map(|i| i.resolver.next_deadline(now));
        let engines = self.instances.iter().filter_map(|i| i.engine.next_deadline().map(|t| t.0));
        let clocks = self.instances.iter().filter_map(|i| i.together.as_ref()?.next_deadline());
        let common = self.instances.iter().filter_map(|i| i.common.next_deadline());
        let alive = self.shared.notify.next_deadline();
        let watches = self.instances.iter().filter_map(|i| i.watch.as_ref()).map(Watch::deadline);
        let waits = ports.chain(watches).chain(engines).chain(common).chain(locals);
        let apart = self.instances.iter().filter_map(|i| Some(i.apart.as_ref()?.next_deadline()));
        waits.chain(names).chain(apart).chain(clocks).chain(alive).min()
    }

    /// All descriptors there are now.
    fn gather(&mut self) {
        use std::os::fd::AsFd;
        self.poll.clear();
        for (i, port) in self.shared.ports.iter().enumerate() {
            if let Some(sockets) = port.sockets() {
                self.poll.add(sockets.fd(MessageClass::Event), Interest::READ_AND_ERROR_QUEUE, Key::Event(i));
                self.poll.add(sockets.fd(MessageClass::General), Interest::READ, Key::General(i));
                if let Some(fd) = sockets.direct_fd() {
                    self.poll.add(fd, Interest::READ_AND_ERROR_QUEUE, Key::Event(i));
                }
            }
        }
        for (i, local) in self.shared.locals.iter().enumerate() {
            if let Some(s) = &local.read_write {
                self.poll.add(s.as_fd(), Interest::READ, Key::Local(i, Access::ReadWrite));
            }
            if let Some(s) = &local.read_only {
                self.poll.add(s.as_fd(), Interest::READ, Key::Local(i, Access::ReadOnly));
            }
        }
        for (i, instance) in self.instances.iter().enumerate() {
            for (service, fd) in instance.common.descriptors() {
                self.poll.add(fd, Interest::READ, Key::Common(i, service));
            }
        }
        if let Some(links) = &self.links {
            self.poll.add(links.as_fd(), Interest::READ, Key::Link);
        }
        self.shared.events.gather(&mut self.poll, Key::Events);
    }

    /// Tells which states are others than before.
    fn observe(&mut self, now: u64) {
        let Shared { clocks, events, evidence, .. } = &mut self.shared;
        if let Some(evidence) = evidence {
            evidence.look(events);
        }
        let name = |place: usize| clocks.get(place).map(|c| c.name().to_string()).unwrap_or_default();
        for instance in &mut self.instances {
            instance.observe(now, &name, events);
        }
    }

    /// What is due without anybody asking: ports to open, stamps to give up, the state file, the watchdog.
    fn housekeeping(&mut self, now: u64) {
        let Shared { ports, stamps, .. } = &mut self.shared;
        for (i, port) in ports.iter_mut().enumerate() {
            if let Some(change) = port.try_open(now) {
                self.changes.push((i, change));
            }
            if let Some(sockets) = port.sockets_mut() {
                while let Some(token) = sockets.expire(now) {
                    stamps.push(Stamped { token, stamp: None });
                }
            }
        }
        for i in 0..self.instances.len() {
            while let Some((port, index, address)) =
                self.instances.get_mut(i).and_then(|s| s.resolver.run(now))
            {
                if let Some(instance) = self.instances.get_mut(i) {
                    instance.handle(now, Input::MasterAddress { port, index, address });
                }
                self.carry_out(now);
            }
        }
        for local in &mut self.shared.locals {
            local.flush(now);
        }
        for instance in &mut self.instances {
            if let Some(clock) = self.shared.clocks.get_mut(instance.clock) {
                instance.discipline.idle(now, clock.clock());
            }
            instance.keep_together(now, &mut self.shared);
            instance.look_apart(now, &mut self.shared);
            instance.common.run(now);
            instance.keep_zones(now, &mut self.shared.clocks);
            instance.keep_evidence(now, &mut self.shared);
            if now >= instance.next_status {
                instance.tell_clock_status(now);
            }
        }
        self.apply_changes(now);
        self.carry_out(now);
        for instance in &mut self.instances {
            if now >= instance.next_save {
                instance.next_save = now + SAVE_INTERVAL_NS;
                instance.save(&self.shared.clocks);
            }
        }
        self.shared.notify.alive(now);
        flush_log(now);
    }

    /// Does what the engines want, until they want nothing more and every stamp that is there has found its owner.
    pub(super) fn carry_out(&mut self, now: u64) {
        loop {
            for instance in &mut self.instances {
                instance.carry_out(now, &mut self.shared);
            }
            self.shared.flush(now);
            // A clock that one instance stepped is another's, too.
            while let Some((clock, who, phase)) = self.shared.stepped.pop() {
                let others = |i: &&mut Instance| Some(i.index) != who && i.clocks.contains(&clock);
                for instance in self.instances.iter_mut().filter(others) {
                    instance.handle(now, Input::ClockStepped);
                    if phase != TimeInterval::ZERO && instance.clock == clock {
                        instance.handle(now, Input::TimeBaseChanged { phase, frequency: RateOffset::ZERO });
                    }
                }
            }
            // What a common service measures is for all instances on that link.
            while let Some((service, port, link)) = self.shared.links.pop() {
                self.link_measured(now, service, port, link);
            }
            if self.shared.stamps.is_empty() {
                return;
            }
            for Stamped { token, stamp } in self.shared.stamps.drain(..) {
                let (instance, token) = owner_of(token);
                if let Some(instance) = self.instances.get_mut(instance) {
                    instance.stamped(now, token, stamp, &mut self.shared.clocks);
                }
            }
        }
    }

    /// Ports that measure for themselves take no notice.
    fn link_measured(&mut self, now: u64, service: usize, port: PortNumber, link: LinkDelay) {
        for other in 0..self.instances.len() {
            for number in 1.. {
                let number = PortNumber(number);
                let interface = |i: usize, port| self.instances.get(i).and_then(|i| i.interface(port));
                let Some(there) = interface(other, number) else { break };
                if Some(there) == interface(service, port)
                    && let Some(instance) = self.instances.get_mut(other)
                {
                    instance.handle(now, Input::LinkDelay { port: number, link });
                }
            }
        }
    }

    fn reload(&mut self, reload: Reload<'_>) {
        log_context("");
        match reload() {
            None => info!("there is no configuration file to reload"),
            Some(Err(e)) => {
                error!("the configuration stays as it was:\n{e}");
                let refused = Told::new(PTPD, kind::CONFIGURATION, "").severity(Severity::Error);
                let refused = refused.message("the new configuration has mistakes: it stays as it was");
                self.shared.events.publish(refused.field("applied", false).field("mistakes", e));
            }
            Some(Ok(all)) => {
                let now = monotonic_now();
                for (instance, new) in self.instances.iter_mut().zip(all) {
                    log_context(&instance.settings.name);
                    instance.reload(now, new, &mut self.shared.clocks);
                    if let Some(evidence) = &mut self.shared.evidence {
                        evidence.configuration(&instance.settings);
                    }
                }
                self.carry_out(now);
                log_context("");
                let done = Told::new(PTPD, kind::CONFIGURATION, "").message("configuration reloaded");
                let done = done.field("applied", true);
                self.shared.events.publish_logged(done);
            }
        }
    }

    fn stop(&mut self) {
        self.shared.notify.stopping();
        // Unicast masters and clients are told, so that nobody goes on for us or waits for us.
        let now = monotonic_now();
        for instance in &mut self.instances {
            instance.handle(now, Input::Stop);
        }
        self.carry_out(now);
        for instance in &self.instances {
            instance.save(&self.shared.clocks);
        }
        log_context("");
        let stopped = Told::new(PTPD, kind::LIFE, "").message("stopped").field("state", "stopped");
        self.shared.events.publish_logged(stopped);
        if let Some(evidence) = self.shared.evidence.take() {
            evidence.stop();
        }
    }
}

/// The interfaces that an instance measures for the others, if it is a common service.
fn common_service(settings: &Settings) -> impl Iterator<Item = &str> {
    let service = settings.instance.sdo_id == SdoId::CMLDS;
    settings.networks.iter().filter(move |_| service).map(|n| n.interface.as_str())
}
