//! The loop: takes the next happening, hands it to an engine, carries out what the engine says.

use std::rc::Rc;

use ptp_wire::{PortNumber, TimeInterval, TimePoint};
use ptpd::engine::{
    Address, BestMaster, Destination, DownCause, Envelope, Event, FrameHeaders, Input, LinkDelay,
    MessageClass, Output, PortState, TxToken,
};

use ptpd::host::Measured;

use super::capture::Capture;
use super::link::Link;
use super::nic::{OnWire, one_step, plan_stamp, put_on_wire, remember_request, write_as_told};
use super::node::{Node, Running};
use super::simulation::Simulation;
use super::{LinkId, Moment, NodeId};

/// Wake-ups without effect before an engine is held to be stuck.
const MAX_IDLE_WAKES: u32 = 100;

/// Octets of a frame; copies share them.
pub type Octets = Rc<[u8]>;

/// What the queue holds.
#[derive(Debug)]
pub(super) enum Happening {
    /// A frame leaves its port.
    Depart {
        node: NodeId,
        life: u32,
        port: PortNumber,
        /// The source's address where it is not the port's own: of a message that passes.
        from: Option<Address>,
        to: Address,
        octets: Octets,
        token: Option<TxToken>,
    },
    /// A copy reaches a port.
    Arrive { link: LinkId, cuts: u32, end: usize, from: Address, to: Address, octets: Octets },
    /// The host hands a frame to the engine.
    Deliver {
        node: NodeId,
        life: u32,
        port: PortNumber,
        from: Address,
        to: Address,
        octets: Octets,
        stamp: Option<TimePoint>,
    },
    /// The host hands a transmit stamp to the engine.
    Stamp { node: NodeId, life: u32, token: TxToken, stamp: Option<TimePoint> },
    /// A common service tells what it has measured.
    LinkDelay { node: NodeId, life: u32, port: PortNumber, link: LinkDelay },
    /// The engine's deadline.
    Wake { node: NodeId, life: u32 },
    /// True errors are written down.
    Probe,
}

/// What an output was.
enum Done {
    Measured(Measured),
    /// A port is no client any more.
    LeftMaster,
    Other,
}

fn is_client(state: PortState) -> bool {
    matches!(state, PortState::Uncalibrated | PortState::Slave)
}

impl Simulation {
    /// Runs until `end`, or until `done` says so after some happening; returns whether it did.
    pub(super) fn run(&mut self, end: Moment, mut done: impl FnMut(&Self) -> bool) -> bool {
        self.start_new_nodes();
        if done(self) {
            return true;
        }
        while let Some((at, what)) = self.queue.pop_until(end) {
            self.now = at;
            self.happenings += 1;
            self.take(what);
            if done(self) {
                return true;
            }
        }
        self.now = end;
        false
    }

    fn take(&mut self, what: Happening) {
        let now = self.now;
        match what {
            Happening::Depart { node, life, port, from, to, octets, token } => {
                if self.alive(node, life) || self.nodes[node.0].farewell == Some(life) {
                    self.depart(node, port, from, to, octets, token);
                }
            }
            Happening::Arrive { link, cuts, end, from, to, octets } => {
                self.arrive(link, cuts, end, [from, to], octets);
            }
            Happening::Deliver { node, life, port, from, to, octets, stamp } => {
                if self.alive(node, life) {
                    let passes = self.nodes[node.0].is_transparent();
                    let destination = self.nodes[node.0].destination(port, to);
                    let envelope = Envelope { source: from, destination, headers: FrameHeaders::NONE };
                    let input = match passes {
                        true => Input::Transit { port, octets: &octets, stamp, envelope: &envelope },
                        false => Input::Frame { port, octets: &octets, stamp, source: from },
                    };
                    self.input(node, input);
                }
            }
            Happening::Stamp { node, life, token, stamp } => {
                if self.alive(node, life) {
                    self.input(node, Input::TransmitStamp { token, stamp });
                }
            }
            Happening::LinkDelay { node, life, port, link } => {
                if self.alive(node, life) {
                    self.input(node, Input::LinkDelay { port, link });
                }
            }
            Happening::Wake { node, life } => {
                if self.alive(node, life) {
                    self.wake(node);
                }
            }
            Happening::Probe => {
                for node in &mut self.nodes {
                    let error = node.clock.error(now).nanos_f64();
                    node.record.errors.push((now, if node.running.is_some() { error } else { f64::NAN }));
                    if self.keep_looks {
                        let look = super::record::Look::at(now, node);
                        node.record.looks.push(look);
                    }
                }
                self.queue.push(now + self.probe_interval, Happening::Probe);
            }
        }
    }

    fn alive(&self, node: NodeId, life: u32) -> bool {
        let node = &self.nodes[node.0];
        node.running.is_some() && node.life == life
    }

    /// Gives one input to an engine and carries out what comes of it.
    pub(super) fn input(&mut self, id: NodeId, input: Input<'_>) {
        let node = &mut self.nodes[id.0];
        let instant = node.instant(self.now);
        if let Some(running) = node.running.as_mut() {
            running.engine.handle(instant, input);
            self.drain(id);
        }
    }

    /// As the daemon's loop does: outputs until there are none, then the clock, and again.
    fn drain(&mut self, id: NodeId) {
        loop {
            let mut measured = Vec::new();
            let mut left = false;
            while let Some(output) = self.poll(id) {
                match output {
                    Done::Measured(m) => measured.push(m),
                    Done::LeftMaster => left = true,
                    Done::Other => {}
                }
            }
            if left {
                self.release(id);
            }
            if measured.is_empty() {
                break;
            }
            for m in measured {
                self.steer(id, m);
            }
        }
        self.look(id);
        self.plan_wake(id);
    }

    /// Carries out one output. `None`: there was none.
    fn poll(&mut self, id: NodeId) -> Option<Done> {
        let now = self.now;
        let node = &mut self.nodes[id.0];
        match node.running.as_mut()?.engine.poll()? {
            Output::Transmit { port, class, destination, octets, stamp } => {
                let is_event = octets.first().is_some_and(|o| o & 0xf < 8);
                if is_event != (class == MessageClass::Event) {
                    self.violations
                        .push((now, format!("{}: message class does not fit the message", node.spec.name)));
                }
                let (octets, token) = (octets.into(), stamp);
                self.send(id, port, None, destination, octets, token);
                Some(Done::Other)
            }
            Output::Transit { port, envelope, octets, stamp, .. } => {
                let (octets, token) = (octets.into(), stamp);
                self.send(id, port, Some(envelope.source), envelope.destination, octets, token);
                Some(Done::Other)
            }
            Output::Sample(sample) => Some(Done::Measured(Measured::Offset(sample))),
            Output::Event(event) => {
                let mut done = Done::Other;
                if let Event::PortState { port, from, to, .. } = event
                    && let Some(p) = node.ports.get_mut(usize::from(port.0).wrapping_sub(1))
                {
                    p.told = to;
                    if is_client(from) {
                        done = Done::LeftMaster;
                    }
                }
                if let Event::GmTimeBase { phase_change: phase, frequency_change, .. } = event {
                    let frequency = frequency_change.ratio();
                    done = Done::Measured(Measured::TimeBase { phase, frequency });
                }
                node.record.events.push((now, event));
                if let Event::LinkDelay { port, link } = event {
                    self.link_measured(id, port, link);
                }
                Some(done)
            }
            Output::LocalReply { octets, .. } => {
                node.record.replies.push((now, octets.into()));
                Some(Done::Other)
            }
            Output::Delay(sample) => Some(Done::Measured(Measured::Delay(sample))),
            Output::Forward(sample) => Some(Done::Measured(Measured::Forward(sample))),
        }
    }

    /// Whoever asks this node's common service hears of it.
    fn link_measured(&mut self, service: NodeId, port: PortNumber, link: LinkDelay) {
        let now = self.now;
        let Some(from) = self.nodes.get(service.0) else { return };
        let index = usize::from(port.0).wrapping_sub(1);
        let Some(interface) = from.ports.get(index).map(|p| p.config.interface.as_str()) else { return };
        let asks = |n: &Node| n.spec.link_delay_of.as_ref() == Some(&from.spec.name);
        for (i, node) in self.nodes.iter().enumerate().filter(|(_, n)| asks(n)) {
            if let Some(port) = node.port_named(interface) {
                let what = Happening::LinkDelay { node: NodeId(i), life: node.life, port, link };
                self.queue.push(now, what);
            }
        }
    }

    /// On its way to the wire, as late as the host is slow.
    fn send(
        &mut self,
        id: NodeId,
        port: PortNumber,
        from: Option<Address>,
        destination: Destination,
        octets: Octets,
        token: Option<TxToken>,
    ) {
        let now = self.now;
        let node = &mut self.nodes[id.0];
        let index = usize::from(port.0).wrapping_sub(1);
        let Some([primary, peer_delay]) = node.ports.get(index).map(|p| p.groups) else {
            self.violations.push((now, format!("{}: sends from port {port}", node.spec.name)));
            return;
        };
        let to = match destination {
            Destination::Primary => primary,
            Destination::PeerDelay => peer_delay,
            Destination::Unicast(address) => address,
        };
        let latency = node.spec.host.transmit_latency.around(TimeInterval::ZERO, &mut node.rng);
        let what = Happening::Depart { node: id, life: node.life, port, from, to, octets, token };
        self.queue.push(now + latency, what);
    }

    /// A measurement to the clock, by the daemon's own code.
    fn steer(&mut self, id: NodeId, measured: Measured) {
        let now = self.now;
        let node = &mut self.nodes[id.0];
        if let Measured::Offset(sample) = measured {
            node.record.samples += 1;
            node.record.last_sample = Some(sample);
        }
        let instant = node.instant(now);
        let Node { clock, running, spec, .. } = node;
        let Some(Running { engine, discipline, .. }) = running.as_mut() else { return };
        let mut clock = clock.at_moment(now, &spec.name);
        // Simulated clocks keep PTP time: nothing is ahead by scale.
        discipline.serve(engine, instant.0, &mut clock, measured, TimeInterval::ZERO);
    }

    /// No port is a client any more: the clock is let go.
    fn release(&mut self, id: NodeId) {
        let now = self.now;
        let node = &mut self.nodes[id.0];
        let instant = node.instant(now);
        let count = node.ports.len() as u16;
        let Node { clock, running, spec, .. } = node;
        let Some(Running { engine, discipline, .. }) = running.as_mut() else { return };
        if (1..=count).filter_map(|n| engine.port_state(PortNumber(n))).any(is_client) {
            return;
        }
        discipline.release(instant.0, &mut clock.at_moment(now, &spec.name));
    }

    fn depart(
        &mut self,
        id: NodeId,
        number: PortNumber,
        from: Option<Address>,
        to: Address,
        octets: Octets,
        token: Option<TxToken>,
    ) {
        let now = self.now;
        let node = &mut self.nodes[id.0];
        let Some(port) = node.port(number) else { return };
        let (end, from) = (port.end, from.unwrap_or(port.address));
        let Some(link_id) = port.link else { return };
        let link = &mut self.links[link_id.0];
        let connected = link.up && link.ends[end].plugged;
        let octets = if node.spec.host.one_step {
            one_step(node, now, octets)
        } else {
            Some(write_as_told(node, now, number, octets))
        };
        if let Some(token) = token {
            plan_stamp(&mut self.queue, node, id, now, token, connected);
        }
        let Some(octets) = octets.filter(|_| connected) else { return };
        link.stats.sent += 1;
        self.hash.number(now.0 as u64);
        self.hash.number((id.0 as u64) << 16 | u64::from(number.0));
        self.hash.octets(&octets);
        if let Some(capture) = self.captures.get_mut(&link_id) {
            capture.add(now, from, to, &octets);
        }
        let frame = OnWire { sender: Some(end), from, to, octets: &octets };
        put_on_wire(&mut self.queue, link, link_id, now, &frame, &self.nodes);
    }

    fn arrive(&mut self, id: LinkId, cuts: u32, end: usize, [from, to]: [Address; 2], octets: Octets) {
        let now = self.now;
        let link = &mut self.links[id.0];
        let end = link.ends[end];
        if link.cuts != cuts || !link.up || !end.plugged {
            return;
        }
        link.stats.delivered += 1;
        let node = &mut self.nodes[end.node.0];
        if node.running.is_none() {
            return;
        }
        let is_event = octets.first().is_some_and(|o| o & 0xf < 8);
        let stamped = is_event && !node.rng.chance(node.spec.host.receive_stamp_loss);
        let stamp = stamped.then(|| node.clock.stamp(now));
        remember_request(node, end.port, &octets, stamp);
        let latency = node.spec.host.receive_latency.around(TimeInterval::ZERO, &mut node.rng);
        let (node, life, port) = (end.node, node.life, end.port);
        let what = Happening::Deliver { node, life, port, from, to, octets, stamp };
        self.queue.push(now + latency, what);
    }

    fn wake(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0];
        let instant = node.instant(self.now);
        let name = &node.spec.name;
        let Some(running) = node.running.as_mut() else { return };
        if running.wake != Some(self.now) {
            return; // An earlier one was planned since, and has done this one's work.
        }
        running.wake = None;
        if running.engine.next_deadline().is_some_and(|d| d <= instant) {
            running.idle_wakes += 1;
            assert!(
                running.idle_wakes < MAX_IDLE_WAKES,
                "{name} is stuck: at {} it asks for {:?} again and again",
                self.now,
                running.engine.next_deadline()
            );
            self.input(id, Input::Tick);
        } else {
            self.plan_wake(id);
        }
    }

    fn plan_wake(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0];
        let instant = node.instant(self.now);
        let Some(deadline) = node.running.as_ref().and_then(|r| r.engine.next_deadline()) else { return };
        let at = node.moment(deadline).max(Moment::from_nanos(self.now.nanos() + 1));
        let life = node.life;
        let Some(running) = node.running.as_mut() else { return };
        if deadline > instant {
            running.idle_wakes = 0;
        }
        if running.wake.is_none_or(|w| at < w) {
            running.wake = Some(at);
            self.queue.push(at, Happening::Wake { node: id, life });
        }
    }

    /// Compares what the ports are in now with what they were in, and with what must hold always.
    pub(super) fn look(&mut self, id: NodeId) {
        let now = self.now;
        let Simulation { nodes, links, violations, hash, .. } = self;
        let Node { spec, ports, running, record, .. } = &mut nodes[id.0];
        let mut clients = 0;
        let mut touched: Option<Vec<LinkId>> = None;
        for (i, port) in ports.iter_mut().enumerate() {
            let number = PortNumber(i as u16 + 1);
            let state = running.as_ref().and_then(|r| r.engine.port_state(number));
            let state = state.unwrap_or(PortState::Initializing);
            clients += usize::from(is_client(state));
            if running.is_some() && port.told != state {
                violations
                    .push((now, format!("{} port {number}: told {}, is {state}", spec.name, port.told)));
                port.told = state;
            }
            if port.state != state {
                record.changes.push(super::Change { at: now, port: number, from: port.state, to: state });
                hash.number(now.0 as u64 ^ (state as u64) << 56 ^ (id.0 as u64) << 40 ^ (i as u64) << 32);
                port.state = state;
                touched.get_or_insert_default().extend(port.link);
            }
        }
        // Where roles are configured nobody announces a grandmaster: a client knows of none but itself.
        let grandmaster = running.as_ref().is_some_and(|r| {
            r.engine.is_grandmaster() && r.engine.config().best_master != BestMaster::Static
        });
        if clients > 1 {
            violations.push((now, format!("{}: {clients} ports are clients", spec.name)));
        }
        if clients == 1 && grandmaster {
            violations.push((now, format!("{}: grandmaster with a client port", spec.name)));
        }
        for link in touched.into_iter().flatten() {
            watch_masters(now, &mut links[link.0], nodes);
        }
    }

    /// Carrier has come or gone at these ends: the hosts tell their engines.
    pub(super) fn tell_carrier(&mut self, ends: &[(NodeId, PortNumber)], up: bool) {
        for &(node, port) in ends {
            let input =
                if up { Input::PortUp { port } } else { Input::PortDown { port, cause: DownCause::Link } };
            self.input(node, input);
        }
    }
}

/// Counts the MASTERs that can hear each other on a link.
pub(super) fn watch_masters(now: Moment, link: &mut Link, nodes: &[Node]) {
    let masters = link
        .ends
        .iter()
        .filter(|e| link.up && !link.silent && e.plugged && nodes[e.node.0].running.is_some())
        .filter(|e| nodes[e.node.0].port(e.port).is_some_and(|p| p.state == PortState::Master))
        .count();
    link.masters.see(now, masters);
}

/// What tests look at in a capture.
impl Simulation {
    /// A link's frames so far, if [`Simulation::capture`] asked for them.
    pub fn captured(&self, link: LinkId) -> Option<&Capture> {
        self.captures.get(&link)
    }
}
