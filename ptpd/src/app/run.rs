//! The loop: everything that happens goes into the engine, everything it wants is done.

use std::process::ExitCode;

use ptp_clock::ClockName;
use ptp_daemon::{Interest, Notify, PollSet, RateLimit, Signals, State, Wait, monotonic_now};
use ptp_net::{LinkMonitor, LinkState, MessageClass, NetError, StampRequest, Stamping, TxStamp, link_state};
use ptp_wire::{PortNumber, TimeInterval, TimePoint};
use ptpd::engine::{self, Access, Engine, Event, Input, Instant, Output, PortState, TxToken};
use tracing::{debug, error, info, warn};

use super::clock::HostClock;
use super::local::Local;
use super::net_port::{Change, NetPort, address_from_net, envelope, says_unicast};
use super::resolve::Resolver;
use super::start::{RunError, become_user, choose_stamping, clock_identity, clock_name, prepare};
use ptpd::host::Discipline;
use ptpd::host::{LocalClock, Settings};

/// The frequency is saved this often while it is good.
const SAVE_INTERVAL_NS: u64 = 600_000_000_000;

#[derive(Clone, Copy, Debug)]
enum Key {
    Event(usize),
    General(usize),
    Local(Access),
    Link,
}

/// Reads the settings anew for a reload; `None`: there is no file.
pub(crate) type Reload<'a> = &'a dyn Fn() -> Option<Result<Settings, String>>;

/// Runs until it is told to stop.
pub(crate) fn run(settings: Settings, reload: Reload<'_>) -> ExitCode {
    // ptp4l ends with -1 where it cannot start or go on.
    let failure = if settings.drop_in { ExitCode::from(255) } else { ExitCode::FAILURE };
    let signals = match Signals::install() {
        Ok(signals) => signals,
        Err(e) => {
            error!("cannot install signal handlers: {e}");
            return failure;
        }
    };
    match Daemon::start(settings, signals).and_then(|daemon| match daemon {
        Some(mut daemon) => daemon.run(reload),
        None => Ok(()),
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            error!("{e}");
            failure
        }
    }
}

struct Daemon {
    settings: Settings,
    signals: Signals,
    engine: Engine,
    ports: Vec<NetPort>,
    local: Local,
    links: Option<LinkMonitor>,
    clock: HostClock,
    discipline: Discipline,
    notify: Notify,
    poll: PollSet<Key>,
    /// Stamps that came while outputs were being carried out.
    stamps: Vec<(TxToken, Option<TimePoint>)>,
    changes: Vec<(PortNumber, Change)>,
    resolver: Resolver,
    send_trouble: RateLimit,
    next_save: u64,
}

impl Daemon {
    /// `None`: told to stop while it waited for an interface.
    fn start(mut settings: Settings, signals: Signals) -> Result<Option<Self>, RunError> {
        let mut notify = Notify::from_env();
        let Some(identity) = clock_identity(&settings, signals, &mut notify) else { return Ok(None) };
        let stamping = choose_stamping(&settings)?;
        let software = stamping == Stamping::Software;
        let name = clock_name(&settings, stamping)?;
        prepare(&mut settings, identity, stamping, &name);

        let state = match settings.state_file.as_deref().map(State::load) {
            None => State::default(),
            Some(Ok(state)) => state,
            Some(Err(e)) => {
                warn!("{e}");
                State::default()
            }
        };
        let mut clock = HostClock::open(name, software)?;
        if matches!(settings.clock, LocalClock::Auto) && !software {
            clock.follow(settings.networks.iter().map(|n| n.interface.clone()).collect());
        }
        // The file may have been another clock's: its frequency means nothing here.
        let saved = state
            .number("frequency_ppb")
            .filter(|_| state.text("clock") == Some(clock.name().to_string().as_str()));
        let instance = &settings.instance;
        let steers = !instance.free_running && !instance.ports.iter().all(|p| p.master_only);
        if steers {
            // Better to hear now that the clock may not be set than when the first master appears.
            let frequency = clock.clock().frequency()?;
            clock.clock().set_frequency(frequency)?;
        }
        let discipline = Discipline::new(
            settings.servo,
            clock.clock(),
            instance.free_running,
            saved.filter(|_| steers),
            settings.summary_ns,
        )?;
        let mut local = Local::open(settings.read_write.as_ref(), settings.read_only.as_ref())?;
        local.set_monitor(settings.slave_event_monitor.as_deref());
        let ports: Vec<_> = (1..)
            .zip(&settings.networks)
            .map(|(n, network)| NetPort::new(PortNumber(n), network.clone(), stamping))
            .collect();
        for port in &ports {
            if let Some(e) = port.privilege_missing() {
                return Err(e.into());
            }
        }
        let links = LinkMonitor::open().map_err(|e| debug!("no news of links: {e}")).ok();
        let now = monotonic_now();
        let seed = now ^ u64::from_be_bytes(identity.0).rotate_left(17) ^ u64::from(std::process::id());
        info!(
            "clock {identity}, {} port{}, domain {}, {} stamps, disciplines {}",
            ports.len(),
            if ports.len() == 1 { "" } else { "s" },
            instance.domain_number,
            if software { "software" } else { "hardware" },
            if steers {
                clock.name().to_string()
            } else {
                format!("nothing (measures with {})", clock.name())
            },
        );
        if let Some(user) = &settings.user {
            become_user(user, &settings)?;
        }
        Ok(Some(Self {
            engine: Engine::new(instance.clone(), seed, Instant(now)),
            resolver: Resolver::new(instance),
            settings,
            signals,
            ports,
            local,
            links,
            clock,
            discipline,
            notify,
            poll: PollSet::new(),
            stamps: Vec::new(),
            changes: Vec::new(),
            send_trouble: RateLimit::new(10_000_000_000),
            next_save: now + SAVE_INTERVAL_NS,
        }))
    }

    fn run(&mut self, reload: Reload<'_>) -> Result<(), RunError> {
        // Ready means: everything that could fail for good has not. A service manager must not wait for a master, which
        // may come tomorrow; the status says how far it is.
        self.notify.ready();
        loop {
            if self.signals.stop() {
                self.stop();
                return Ok(());
            }
            if self.signals.take_reload() {
                if self.settings.drop_in {
                    self.stop();
                    return Ok(());
                }
                self.reload(reload);
            }
            let now = monotonic_now();
            self.housekeeping(now);
            self.handle(now, Input::Tick);
            self.gather();
            let deadline = self.deadline(now);
            if self.poll.wait(deadline).map_err(RunError::Poll)? == Wait::Ready {
                for i in 0..self.poll.len() {
                    if let Some(ready) = self.poll.ready(i)
                        && (ready.readable || ready.priority)
                    {
                        self.report(ready.key, ready.readable, ready.priority);
                    }
                }
            }
        }
    }

    fn deadline(&self, now: u64) -> Option<u64> {
        let ports = self.ports.iter().filter_map(NetPort::next_deadline);
        let local = self.local.next_deadline(now);
        let names = self.resolver.next_deadline(now);
        ports.chain(self.engine.next_deadline().map(|t| t.0)).chain(local).chain(names).min()
    }

    /// All descriptors there are now.
    fn gather(&mut self) {
        use std::os::fd::AsFd;
        self.poll.clear();
        for (i, port) in self.ports.iter().enumerate() {
            if let Some(sockets) = port.sockets() {
                self.poll.add(sockets.fd(MessageClass::Event), Interest::READ_AND_ERROR_QUEUE, Key::Event(i));
                self.poll.add(sockets.fd(MessageClass::General), Interest::READ, Key::General(i));
            }
        }
        if let Some(s) = &self.local.read_write {
            self.poll.add(s.as_fd(), Interest::READ, Key::Local(Access::ReadWrite));
        }
        if let Some(s) = &self.local.read_only {
            self.poll.add(s.as_fd(), Interest::READ, Key::Local(Access::ReadOnly));
        }
        if let Some(links) = &self.links {
            self.poll.add(links.as_fd(), Interest::READ, Key::Link);
        }
    }

    /// One descriptor is ready: exactly one read.
    fn report(&mut self, key: Key, readable: bool, priority: bool) {
        let now = monotonic_now();
        match key {
            // The error queue first: a stamp that is there belongs to a message sent before what was received now.
            Key::Event(i) if priority => self.read_completion(now, i),
            Key::Event(i) if readable => self.read_frame(now, i, MessageClass::Event),
            Key::General(i) => self.read_frame(now, i, MessageClass::General),
            Key::Local(access) => self.read_local(now, access),
            Key::Link => self.read_links(now),
            Key::Event(_) => {}
        }
    }

    fn read_completion(&mut self, now: u64, i: usize) {
        let Some(port) = self.ports.get_mut(i) else { return };
        let Some(sockets) = port.sockets_mut() else { return };
        if sockets.is_batch() {
            let (engine, clock) = (&mut self.engine, &mut self.clock);
            let read = sockets.completions(|done| {
                let stamp = clock.stamp(now, done.stamp);
                engine.handle(Instant(now), Input::TransmitStamp { token: TxToken(done.token), stamp });
            });
            return self.after_many(now, i, read);
        }
        match sockets.completion() {
            Ok(Some(done)) => {
                let stamp = self.clock.stamp(now, done.stamp);
                self.handle(now, Input::TransmitStamp { token: TxToken(done.token), stamp });
            }
            Ok(None) => {}
            Err(e) => self.broken(now, i, &e),
        }
    }

    fn read_frame(&mut self, now: u64, i: usize, class: MessageClass) {
        let Some(port) = self.ports.get_mut(i) else { return };
        let (number, groups, relays) = (port.number, port.groups(), port.relays());
        let Some(sockets) = port.sockets_mut() else { return };
        if sockets.is_batch() {
            let (engine, clock) = (&mut self.engine, &mut self.clock);
            let read = sockets.receive_many(class, |rx| {
                let stamp = rx.stamp.and_then(|t| clock.stamp(now, t));
                let source = address_from_net(rx.source);
                engine.handle(Instant(now), Input::Frame { port: number, octets: rx.octets, stamp, source });
            });
            return self.after_many(now, i, read);
        }
        match sockets.receive(class) {
            Ok(Some(rx)) => {
                let stamp = rx.stamp.and_then(|t| self.clock.stamp(now, t));
                let (source, octets) = (address_from_net(rx.source), rx.octets);
                let passing = rx.passing.and_then(|p| envelope(source, p, groups));
                if relays && passing.is_none() && !says_unicast(octets) {
                    return; // To this host's address, and yet not to it: it would pass as multicast.
                }
                let input = match &passing {
                    Some(envelope) => Input::Transit { port: number, octets, stamp, envelope },
                    None => Input::Frame { port: number, octets, stamp, source },
                };
                self.engine.handle(Instant(now), input);
                self.carry_out(now);
            }
            Ok(None) => {}
            Err(e) => self.broken(now, i, &e),
        }
    }

    /// Many messages or stamps have gone into the engine: does what came of them. What is left is read after the others
    /// (sockets, management) have had their turn.
    fn after_many(&mut self, now: u64, i: usize, read: Result<bool, NetError>) {
        self.carry_out(now);
        if let Err(e) = read {
            self.broken(now, i, &e);
        }
    }

    fn read_local(&mut self, now: u64, access: Access) {
        // The datagram is copied: its sender's name goes into the table that the socket is part of.
        let mut copy = [0u8; ptp_net::MAX_MESSAGE];
        let Some(socket) = self.local.socket(access) else { return };
        let (length, peer) = match socket.receive() {
            Ok(Some(rx)) => {
                let Some(peer) = rx.peer.map(std::path::Path::to_owned) else { return };
                let Some(to) = copy.get_mut(..rx.octets.len()) else { return };
                to.copy_from_slice(rx.octets);
                (rx.octets.len(), peer)
            }
            Ok(None) => return,
            Err(e) => {
                if self.send_trouble.allow(now).is_some() {
                    warn!("management socket: {e}");
                }
                return;
            }
        };
        let peer = self.local.intern(access, &peer);
        let octets = copy.get(..length).unwrap_or_default();
        self.handle(now, Input::LocalManagement { octets, access, peer });
    }

    fn read_links(&mut self, now: u64) {
        let Some(links) = &mut self.links else { return };
        let (ports, changes) = (&mut self.ports, &mut self.changes);
        let lost = links.receive(|event| {
            for port in ports.iter_mut().filter(|p| p.interface() == event.name) {
                changes.extend(port.link(event.state).map(|c| (port.number, c)));
            }
        });
        match lost {
            Ok(false) => {}
            Ok(true) => {
                for port in &mut self.ports {
                    let state = link_state(port.interface()).unwrap_or(LinkState::Up);
                    self.changes.extend(port.link(state).map(|c| (port.number, c)));
                }
            }
            Err(e) => {
                warn!("no more news of links: {e}");
                self.links = None;
            }
        }
        self.apply_changes(now);
    }

    fn broken(&mut self, now: u64, i: usize, e: &NetError) {
        if let Some(port) = self.ports.get_mut(i) {
            let change = port.broken(now, e);
            self.changes.push((port.number, change));
        }
        self.apply_changes(now);
    }

    fn apply_changes(&mut self, now: u64) {
        while let Some((port, change)) = self.changes.pop() {
            let input = match change {
                Change::Up => Input::PortUp { port },
                Change::Down(cause) => Input::PortDown { port, cause },
            };
            self.handle(now, input);
        }
    }

    /// What is due without anybody asking: ports to open, stamps to give up, the state file, the watchdog.
    fn housekeeping(&mut self, now: u64) {
        for port in &mut self.ports {
            if let Some(change) = port.try_open(now) {
                self.changes.push((port.number, change));
            }
            if let Some(sockets) = port.sockets_mut() {
                while let Some(token) = sockets.expire(now) {
                    self.stamps.push((TxToken(token), None));
                }
            }
        }
        while let Some((port, index, address)) = self.resolver.run(now) {
            self.handle(now, Input::MasterAddress { port, index, address });
        }
        self.local.flush(now);
        self.apply_changes(now);
        self.give_stamps(now);
        if now >= self.next_save {
            self.next_save = now + SAVE_INTERVAL_NS;
            self.save();
        }
        self.notify.alive(now);
    }

    fn handle(&mut self, now: u64, input: Input<'_>) {
        self.engine.handle(Instant(now), input);
        self.carry_out(now);
    }

    fn give_stamps(&mut self, now: u64) {
        while let Some((token, stamp)) = self.stamps.pop() {
            self.engine.handle(Instant(now), Input::TransmitStamp { token, stamp });
            self.carry_out(now);
        }
    }

    /// Does what the engine wants, until it wants nothing more.
    fn carry_out(&mut self, now: u64) {
        self.carry_out_once(now);
        while self.flush(now) {
            self.carry_out_once(now);
        }
    }

    /// Sends what waits in batches. True: stamps came back at once, and the engine has them.
    fn flush(&mut self, now: u64) -> bool {
        let mut stamped = false;
        for port in &mut self.ports {
            let Some(sockets) = port.sockets_mut().filter(|s| s.is_batch()) else { continue };
            let mut result = sockets.flush();
            if sockets.has_stamps() {
                stamped = true;
                let (engine, clock) = (&mut self.engine, &mut self.clock);
                let read = sockets.completions(|done| {
                    let stamp = clock.stamp(now, done.stamp);
                    engine.handle(Instant(now), Input::TransmitStamp { token: TxToken(done.token), stamp });
                });
                result = result.and(read.map(drop));
            }
            if let Err(e) = result
                && let Some(more) = self.send_trouble.allow(now)
            {
                warn!("port {} ({}): {e} ({more} more like it)", port.number, port.interface());
            }
        }
        stamped
    }

    fn carry_out_once(&mut self, now: u64) {
        loop {
            let mut sampled = None;
            let mut left = false;
            while let Some(output) = self.engine.poll() {
                match output {
                    Output::Transmit { port, class, destination, octets, stamp } => {
                        let index = usize::from(port.0).wrapping_sub(1);
                        let Some(port) = self.ports.get_mut(index) else { continue };
                        let deadline = now.saturating_add(self.settings.tx_stamp_timeout_ns);
                        let request = stamp.map(|t| StampRequest { token: t.0, deadline });
                        let done = port.send(class, destination, octets, request);
                        let done = done.map_err(|e| tell_trouble(&mut self.send_trouble, now, port, &e));
                        self.stamps.extend(sent(now, &mut self.clock, stamp, done));
                    }
                    Output::Transit { port, class, envelope, octets, stamp } => {
                        let index = usize::from(port.0).wrapping_sub(1);
                        let Some(port) = self.ports.get_mut(index) else { continue };
                        let deadline = now.saturating_add(self.settings.tx_stamp_timeout_ns);
                        let request = stamp.map(|t| StampRequest { token: t.0, deadline });
                        let done = port.send_on(class, &envelope, octets, request);
                        let done = done.map_err(|e| tell_trouble(&mut self.send_trouble, now, port, &e));
                        self.stamps.extend(sent(now, &mut self.clock, stamp, done));
                    }
                    Output::LocalReply { peer, octets } => self.local.send(now, peer, octets),
                    Output::Sample(sample) => {
                        sampled = Some(sample);
                    }
                    Output::Delay(_) => {}
                    Output::Event(event) => {
                        tell(&self.settings, &event);
                        if let Event::PortState { port, to, .. } = event
                            && self.notify.enabled()
                        {
                            self.notify.status(&format!("port {port} is {to}"));
                        }
                        left |= matches!(event, Event::PortState { from, .. } if is_client(from));
                    }
                }
            }
            if left && !self.port_states().any(is_client) {
                self.discipline.release(now, self.clock.clock());
            }
            if let Some(sample) = sampled {
                let ahead = self.timescale_correction();
                self.discipline.serve(&mut self.engine, now, self.clock.clock(), sample, ahead);
                if self.discipline.take_clock_gone()
                    && self.clock.reopen().is_ok()
                    && self.discipline.clock_replaced(self.clock.clock()).is_ok()
                {
                    info!("{} has come back, and is set like at the start", self.clock.name());
                }
                continue;
            }
            let Some((token, stamp)) = self.stamps.pop() else { break };
            self.engine.handle(Instant(now), Input::TransmitStamp { token, stamp });
        }
    }

    /// The system clock keeps UTC; a master on the PTP timescale is ahead of it by currentUtcOffset.
    fn timescale_correction(&self) -> TimeInterval {
        let properties = self.engine.time_properties_ds();
        if *self.clock.name() == ClockName::System && properties.ptp_timescale {
            TimeInterval::from_nanos(i64::from(properties.current_utc_offset) * 1_000_000_000)
        } else {
            TimeInterval::ZERO
        }
    }

    fn port_states(&self) -> impl Iterator<Item = PortState> + '_ {
        (1..).take(self.ports.len()).filter_map(|n| self.engine.port_state(PortNumber(n)))
    }

    fn save(&self) {
        let (Some(path), Some(frequency)) = (&self.settings.state_file, self.discipline.learnt_frequency())
        else {
            return;
        };
        let mut state = State::default();
        state.set_text("clock", &self.clock.name().to_string());
        state.set_number("frequency_ppb", frequency);
        if let Err(e) = state.save(path) {
            warn!("{e}");
        }
    }

    fn reload(&mut self, reload: Reload<'_>) {
        match reload() {
            None => info!("there is no configuration file to reload"),
            Some(Err(e)) => error!("the configuration stays as it was:\n{e}"),
            Some(Ok(mut new)) => {
                let identity = self.engine.config().clock_identity;
                let stamping = match self.settings.instance.ports.first().map(|p| p.stamping) {
                    Some(engine::Stamping::Hardware) => Stamping::Hardware,
                    Some(engine::Stamping::OneStep) => Stamping::OneStep,
                    Some(engine::Stamping::P2pOneStep) => Stamping::P2pOneStep,
                    Some(engine::Stamping::Software) | None => Stamping::Software,
                };
                let name = self.clock.name().clone();
                let identity = new.clock_identity.unwrap_or(identity);
                prepare(&mut new, identity, stamping, &name);
                self.discipline.configure(new.servo, self.clock.clock(), new.summary_ns);
                for (what, changed) in [
                    ("clock_device", new.clock != self.settings.clock),
                    ("management sockets", new.read_write != self.settings.read_write),
                    ("management sockets", new.read_only != self.settings.read_only),
                    ("interfaces and addresses", new.networks != self.settings.networks),
                    ("stamping", new.stamps != self.settings.stamps),
                    ("user", new.user != self.settings.user),
                ] {
                    if changed {
                        warn!("a change of {what} needs a restart");
                    }
                }
                let now = monotonic_now();
                self.engine.handle(Instant(now), Input::Configure(&new.instance));
                // Addresses that names stand for are told anew: the table may have changed.
                self.resolver = Resolver::new(&new.instance);
                self.settings.instance = new.instance;
                self.settings.servo = new.servo;
                self.settings.summary_ns = new.summary_ns;
                self.local.set_monitor(new.slave_event_monitor.as_deref());
                self.settings.state_file = new.state_file;
                self.carry_out(now);
                info!("configuration reloaded");
            }
        }
    }

    fn stop(&mut self) {
        self.notify.stopping();
        // Unicast masters and clients are told, so that nobody goes on for us or waits for us.
        self.handle(monotonic_now(), Input::Stop);
        self.save();
        info!("stopped");
    }
}

/// What came of a transmission: a stamp that was there at once, or the news that none will come.
fn sent(
    now: u64,
    clock: &mut HostClock,
    wanted: Option<TxToken>,
    done: Result<Option<TxStamp>, ()>,
) -> Option<(TxToken, Option<TimePoint>)> {
    match done {
        Ok(done) => done.map(|done| (TxToken(done.token), clock.stamp(now, done.stamp))),
        Err(()) => wanted.map(|token| (token, None)),
    }
}

fn tell_trouble(limit: &mut RateLimit, now: u64, port: &NetPort, e: &NetError) {
    if let Some(more) = limit.allow(now) {
        warn!("port {} ({}): {e} ({more} more like it)", port.number, port.interface());
    }
}

/// One line a human understands.
fn tell(settings: &Settings, event: &Event) {
    let interface = |port: PortNumber| {
        let index = usize::from(port.0).wrapping_sub(1);
        settings.networks.get(index).map_or("?", |n| n.interface.as_str())
    };
    match *event {
        Event::PortState { port, from, to: PortState::Master, on: "RS_GRAND_MASTER" } if settings.drop_in => {
            info!("port {port} ({}): {from} to GRAND_MASTER on RS_GRAND_MASTER", interface(port));
        }
        Event::PortState { port, from, to, on } => {
            info!("port {port} ({}): {from} to {to} on {on}", interface(port));
        }
        Event::Parent { own: true, grandmaster, .. } if settings.drop_in => {
            info!("selected local clock {grandmaster} as best master");
            info!("assuming the grand master role");
        }
        Event::Parent { grandmaster, .. } if settings.drop_in => {
            info!("selected best master clock {grandmaster}");
        }
        Event::Parent { own: true, .. } => info!("this clock is the grandmaster"),
        Event::Parent { parent, grandmaster, .. } => info!("master is {parent}, grandmaster {grandmaster}"),
        Event::NewForeignMaster { port, source } => {
            info!("port {port} ({}): new foreign master {source}", interface(port));
        }
        Event::TransmitStampLost { port, message_type, total } => warn!(
            "port {port} ({}): no transmit stamp for a {message_type}; one sample is lost ({total} so far)",
            interface(port)
        ),
        Event::MultiplePdelayResponders { port } => warn!(
            "port {port} ({}): more than one peer answers; peer delay needs a link of two (a transparent or \
             boundary clock in between)",
            interface(port)
        ),
        Event::UnicastGranted { port, master, message_type, log_interval, duration } => info!(
            "port {port} ({}): {master} grants {message_type} each 2^{} s for {duration} s",
            interface(port),
            log_interval.0
        ),
        Event::UnicastRefused { port, master, message_type } => {
            warn!("port {port} ({}): {master} refuses {message_type}; asked again later", interface(port));
        }
        Event::UnicastCancelled { port, master, message_type } => {
            warn!("port {port} ({}): {master} ends {message_type}", interface(port));
        }
        Event::UnicastClients { port, clients } => {
            info!("port {port} ({}): serves {clients} unicast client{}", interface(port), plural(clients));
        }
        Event::UnicastRequestRefused { port, client, total } => warn!(
            "port {port} ({}): refused unicast service to {client} ({total} refusals so far)",
            interface(port)
        ),
        Event::SlaveEvents { port, slave, source, tlv_type, records, worst_offset } => match worst_offset {
            Some(offset) => debug!(
                "port {port} ({}): {slave} tells {records} offsets from {source}, the largest {} ns",
                interface(port),
                offset.nanos()
            ),
            None => {
                debug!(
                    "port {port} ({}): {slave} sends {records} of {tlv_type} of {source}",
                    interface(port)
                );
            }
        },
        Event::PerformanceRecord { samples: 0, .. } => info!("the last 15 minutes: no offset was measured"),
        Event::PerformanceRecord {
            samples,
            average,
            minimum,
            maximum,
            standard_deviation,
            mean_path_delay,
        } => info!(
            "the last 15 minutes: {samples} offsets, mean {} ns, {} to {} ns, deviation {} ns{}",
            average.nanos(),
            minimum.nanos(),
            maximum.nanos(),
            standard_deviation.nanos(),
            if mean_path_delay == engine::Statistic::INVALID {
                String::new()
            } else {
                format!(", path delay {} ns", mean_path_delay.nanos())
            }
        ),
        Event::TimeProperties => info!("time properties changed"),
        Event::ReloadNeedsRestart { setting } => warn!("a change of {setting} needs a restart"),
        Event::GrandmasterLeaseEnded { clock_class } => warn!(
            "the program that tells what the reference is worth is gone: its settings are taken back, clockClass {clock_class}"
        ),
        Event::ManagementChange { id } => {
            info!("a management client changed {}", ptp_wire::management::ManagementId(id))
        }
        _ => {}
    }
}

fn plural(n: u32) -> &'static str {
    if n == 1 { "" } else { "s" }
}

fn is_client(state: PortState) -> bool {
    matches!(state, PortState::Uncalibrated | PortState::Slave)
}
