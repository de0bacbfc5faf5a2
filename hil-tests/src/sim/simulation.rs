//! The stage: nodes, links, time; and what a test asks and does.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use ptp_wire::{ClockIdentity, PortNumber, RateOffset, TimeInterval};
use ptpd::engine::{Access, Address, Engine, Input, InstanceConfig, PortConfig, PortState};
use ptpd::host::Settings;

use super::capture::Capture;
use super::drive::{Happening, watch_masters};
use super::link::Link;
use super::nic::{OnWire, put_on_wire};
use super::node::Node;
use super::{
    ClockSpec, DoubleMasters, End, EventQueue, Figures, LinkId, LinkSpec, LinkStats, Moment, NodeId,
    NodeRecord, NodeSpec, Overheard, TraceHash,
};

/// A network of PTP instances in simulated time. See the [module](super).
#[derive(Debug)]
pub struct Simulation {
    pub(super) seed: u64,
    pub(super) now: Moment,
    pub(super) nodes: Vec<Node>,
    pub(super) links: Vec<Link>,
    pub(super) queue: EventQueue<Happening>,
    pub(super) captures: BTreeMap<LinkId, Capture>,
    pub(super) hash: TraceHash,
    pub(super) violations: Vec<(Moment, String)>,
    pub(super) probe_interval: Duration,
    pub(super) happenings: u64,
    pub(super) keep_looks: bool,
}

impl Simulation {
    /// An empty stage. Everything random in it follows from `seed`.
    pub fn new(seed: u64) -> Self {
        let mut queue = EventQueue::default();
        queue.push(Moment(0), Happening::Probe);
        Self {
            seed,
            now: Moment(0),
            nodes: Vec::new(),
            links: Vec::new(),
            queue,
            captures: BTreeMap::new(),
            hash: TraceHash::default(),
            violations: Vec::new(),
            probe_interval: Duration::from_secs(1),
            happenings: 0,
            keep_looks: false,
        }
    }

    // --- building ---

    /// Adds a node. It starts when time runs next. The later a node is added, the greater its clockIdentity.
    pub fn node(&mut self, spec: NodeSpec) -> NodeId {
        self.nodes.push(Node::new(spec, self.seed, self.nodes.len()));
        NodeId(self.nodes.len() - 1)
    }

    /// Connects nodes, each by a new port; more than two share the link like a hub. The first node's frames are those
    /// that asymmetry holds up.
    ///
    /// # Panics
    /// If a node has started already: its ports are fixed.
    pub fn link(&mut self, nodes: &[NodeId], spec: LinkSpec) -> LinkId {
        let id = LinkId(self.links.len());
        self.links.push(Link::new(spec, self.seed, id.0 as u64));
        for &n in nodes {
            let node = &mut self.nodes[n.0];
            assert!(!node.started, "{} runs already", node.spec.name);
            let port = node.add_port(n.0);
            self.join(id, n, port);
        }
        id
    }

    /// Connects ports that are there already, each by the name of its interface; otherwise as [`Simulation::link`].
    ///
    /// # Errors
    /// The first end that is no port, or that is on a link already.
    pub fn connect(&mut self, ends: &[(NodeId, &str)], spec: LinkSpec) -> Result<LinkId, usize> {
        let id = LinkId(self.links.len());
        self.links.push(Link::new(spec, self.seed, id.0 as u64));
        for (place, &(node, interface)) in ends.iter().enumerate() {
            let port = self.nodes[node.0].port_named(interface).ok_or(place)?;
            if self.nodes[node.0].port(port).is_some_and(|p| p.link.is_some()) {
                return Err(place);
            }
            self.join(id, node, port);
        }
        Ok(id)
    }

    fn join(&mut self, id: LinkId, node: NodeId, number: PortNumber) {
        let link = &mut self.links[id.0];
        let end = link.ends.len();
        link.ends.push(End { node, port: number, plugged: true });
        if let Some(port) = self.nodes[node.0].ports.get_mut(usize::from(number.0).wrapping_sub(1)) {
            port.link = Some(id);
            port.end = end;
        }
    }

    /// Writes true errors down so often; before time runs.
    pub fn probe_every(&mut self, interval: Duration) {
        self.probe_interval = interval;
    }

    /// Writes down what every node holds to be true, too, at each probe: [`NodeRecord::looks`].
    pub fn keep_looks(&mut self) {
        self.keep_looks = true;
    }

    /// Changes what a port is like before its node starts.
    pub fn set_port(&mut self, node: NodeId, port: u16, change: impl FnOnce(&mut PortConfig)) {
        let node = &mut self.nodes[node.0];
        if let Some(p) = node.ports.get_mut(usize::from(port).wrapping_sub(1)) {
            change(&mut p.config);
        }
    }

    /// Keeps a link's frames from now on.
    pub fn capture(&mut self, link: LinkId) {
        self.captures.entry(link).or_default();
    }

    // --- time ---

    /// True time since the beginning.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        self.run(self.now + time, |_| false);
    }

    /// Lets time pass up to a moment; nothing if it is over.
    pub fn run_to(&mut self, end: Moment) {
        if end >= self.now {
            self.run(end, |_| false);
        }
    }

    /// Lets time pass until `done`, at most for `limit`; gives the time it took, or `None` if it did not happen.
    pub fn run_until(&mut self, limit: Duration, done: impl FnMut(&Self) -> bool) -> Option<Duration> {
        let from = self.now;
        self.run(from + limit, done).then(|| self.now.since(from))
    }

    pub(super) fn start_new_nodes(&mut self) {
        for i in 0..self.nodes.len() {
            if !self.nodes[i].started {
                self.start(NodeId(i));
            }
        }
    }

    fn start(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0];
        node.take_ports(id.0);
        node.start(self.now);
        let ports = (1..=node.ports.len() as u16).map(|p| (id, PortNumber(p)));
        let up: Vec<_> = ports.filter(|&(_, p)| self.carrier(id, p)).collect();
        self.look(id);
        self.tell_carrier(&up, true);
    }

    fn carrier(&self, node: NodeId, port: PortNumber) -> bool {
        self.nodes[node.0].port(port).is_some_and(|p| {
            p.link.map(|l| &self.links[l.0]).is_some_and(|link| link.up && link.ends[p.end].plugged)
        })
    }

    // --- what befalls the network ---

    /// Ends a node's program. Its clock goes on by itself; its links keep their carrier.
    pub fn kill(&mut self, node: NodeId) {
        let n = &mut self.nodes[node.0];
        n.started = true;
        n.running = None;
        self.look(node);
        self.look_at_links();
    }

    /// Ends a node's program as SIGTERM does: it takes its leave.
    pub fn stop(&mut self, node: NodeId) {
        if self.nodes[node.0].running.is_some() {
            self.input(node, Input::Stop);
            // What it says at the end still leaves.
            let n = &mut self.nodes[node.0];
            n.farewell = Some(n.life);
        }
        self.kill(node);
    }

    /// Starts a node's program anew.
    pub fn revive(&mut self, node: NodeId) {
        if self.nodes[node.0].running.is_none() {
            self.start(node);
        }
    }

    /// Cuts a link: frames on it are lost, all its ends lose carrier.
    pub fn cut(&mut self, link: LinkId) {
        let l = &mut self.links[link.0];
        if std::mem::replace(&mut l.up, false) {
            l.cuts += 1;
            let ends = plugged(l);
            self.tell_carrier(&ends, false);
            self.look_at_links();
        }
    }

    /// Mends a cut link.
    pub fn mend(&mut self, link: LinkId) {
        let l = &mut self.links[link.0];
        if !std::mem::replace(&mut l.up, true) {
            let ends = plugged(l);
            self.tell_carrier(&ends, true);
            self.look_at_links();
        }
    }

    /// Cuts and mends a link `times` times.
    pub fn flap(&mut self, link: LinkId, times: u32, down: Duration, up: Duration) {
        for _ in 0..times {
            self.cut(link);
            self.run_for(down);
            self.mend(link);
            self.run_for(up);
        }
    }

    /// Pulls (or puts back) one node's plug.
    pub fn plug(&mut self, node: NodeId, port: u16, plugged: bool) {
        let number = PortNumber(port);
        let place = self.nodes[node.0].port(number).and_then(|p| Some((p.link?, p.end)));
        let Some((link, end)) = place else { return };
        let before = std::mem::replace(&mut self.links[link.0].ends[end].plugged, plugged);
        if before != plugged && self.links[link.0].up {
            self.tell_carrier(&[(node, number)], plugged);
            self.look_at_links();
        }
    }

    /// Carrier stays, but nothing passes any more (or passes again).
    pub fn silence(&mut self, link: LinkId, silent: bool) {
        self.links[link.0].silent = silent;
        self.look_at_links();
    }

    /// Changes how frames travel from now on.
    pub fn set_link(&mut self, link: LinkId, change: impl FnOnce(&mut LinkSpec)) {
        change(&mut self.links[link.0].spec);
    }

    /// Changes a node from now on: its host's habits at once, its configuration when it is revived.
    pub fn set_node(&mut self, node: NodeId, change: impl FnOnce(&mut NodeSpec)) {
        change(&mut self.nodes[node.0].spec);
    }

    /// Steps a node's clock behind everybody's back, as an operator would; its engine is told that it happened.
    pub fn step_clock(&mut self, node: NodeId, by: TimeInterval) {
        self.nodes[node.0].clock.step(self.now, by);
        self.input(node, Input::ClockStepped);
        // Whoever sets a grandmaster's clock knows by how much.
        self.input(node, Input::TimeBaseChanged { phase: by, frequency: RateOffset::ZERO });
    }

    /// A node's oscillator changes its frequency by this much, in ppb.
    pub fn disturb(&mut self, node: NodeId, ppb: f64) {
        self.nodes[node.0].clock.disturb(self.now, ppb);
        let frequency = RateOffset::from_ratio(1.0 + ppb * 1e-9);
        self.input(node, Input::TimeBaseChanged { phase: TimeInterval::ZERO, frequency });
    }

    /// Gives a running node a new configuration, as a reload does.
    pub fn reload(&mut self, node: NodeId, change: impl FnOnce(&mut InstanceConfig)) {
        let n = &mut self.nodes[node.0];
        change(&mut n.spec.config);
        let config = n.config();
        self.input(node, Input::Configure(&config));
    }

    /// Hands a frame to a port as if it had arrived there: for hostile senders. Event messages are stamped.
    pub fn inject(&mut self, node: NodeId, port: u16, octets: &[u8]) {
        let is_event = octets.first().is_some_and(|o| o & 0xf < 8);
        let n = &mut self.nodes[node.0];
        let stamp = is_event.then(|| n.clock.stamp(self.now));
        let source = Address::Ethernet([2, 0xff, 0, 0, 0, 1]);
        self.input(node, Input::Frame { port: PortNumber(port), octets, stamp, source });
    }

    /// Gives a running node the settings of another configuration file, as a reload does; a dead one starts with them.
    pub fn reload_settings(&mut self, node: NodeId, settings: &Settings) {
        let n = &mut self.nodes[node.0];
        n.spec.configure(settings);
        let Node { clock, running, spec, .. } = n;
        let Some(running) = running.as_mut() else { return };
        let mut clock = clock.at_moment(self.now, &spec.name);
        running.discipline.configure(spec.servo, &mut clock, None);
        if n.ports.len() == n.spec.ports.len() {
            n.take_ports(node.0);
        }
        let config = n.config();
        self.input(node, Input::Configure(&config));
    }

    /// Hands a management message to a node's read-write socket; answers are in its [`NodeRecord::replies`].
    pub fn manage(&mut self, node: NodeId, octets: &[u8]) {
        self.input(node, Input::LocalManagement { octets, access: Access::ReadWrite, peer: 1 });
    }

    /// Puts a frame on a link that nobody on it has sent: for hostile senders. All ends it is addressed to hear it.
    pub fn forge(&mut self, link: LinkId, from: Address, to: Address, octets: &[u8]) {
        self.start_new_nodes();
        let l = &mut self.links[link.0];
        if !l.up {
            return;
        }
        l.stats.sent += 1;
        self.hash.number(self.now.0 as u64);
        self.hash.octets(octets);
        if let Some(capture) = self.captures.get_mut(&link) {
            capture.add(self.now, from, to, octets);
        }
        let frame = OnWire { sender: None, from, to, octets: &octets.into() };
        put_on_wire(&mut self.queue, l, link, self.now, &frame, &self.nodes);
    }

    /// Somebody listens to a link from now on, or no more.
    pub fn listen(&mut self, link: LinkId, listen: bool) {
        let tap = &mut self.links[link.0].tap;
        match (listen, &tap) {
            (true, None) => *tap = Some(VecDeque::new()),
            (false, Some(_)) => *tap = None,
            _ => {}
        }
    }

    /// What a listener has seen lately, oldest first.
    pub fn overheard(&self, link: LinkId) -> impl DoubleEndedIterator<Item = &Overheard> + ExactSizeIterator {
        let none: &VecDeque<Overheard> = const { &VecDeque::new() };
        self.links[link.0].tap.as_ref().unwrap_or(none).iter()
    }

    /// A bridge loop: every frame comes round so many times more, to its sender too. 0 opens the loop.
    pub fn echo(&mut self, link: LinkId, rounds: u32) {
        self.links[link.0].echo = rounds;
    }

    /// A node's clock loses what kept it right, and becomes this one; or finds it again and is set right.
    pub fn retune(&mut self, node: NodeId, spec: ClockSpec, set_right: bool) {
        let n = &mut self.nodes[node.0];
        n.clock.retune(self.now, spec);
        if set_right {
            n.clock.set_right(self.now);
        }
    }

    fn look_at_links(&mut self) {
        for link in &mut self.links {
            watch_masters(self.now, link, &self.nodes);
        }
    }

    // --- questions ---

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// The node of a name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|n| n.spec.name == name).map(NodeId)
    }

    /// A node's clockIdentity.
    pub fn identity(&self, node: NodeId) -> ClockIdentity {
        self.nodes[node.0].identity
    }

    /// The port of a node's interface, its own address, and the groups it listens to.
    pub fn port_of(&self, node: NodeId, interface: &str) -> Option<(u16, Address, [Address; 2])> {
        let number = self.nodes[node.0].port_named(interface)?;
        self.nodes[node.0].port(number).map(|p| (number.0, p.address, p.groups))
    }

    /// A port's own address.
    pub fn address_of(&self, node: NodeId, port: u16) -> Option<Address> {
        self.nodes[node.0].port(PortNumber(port)).map(|p| p.address)
    }

    /// Tells a running node what the name of one of its unicast masters stands for; place in the table from 0.
    pub fn tell_master(&mut self, node: NodeId, port: u16, index: usize, address: Option<Address>) {
        self.input(node, Input::MasterAddress { port: PortNumber(port), index, address });
    }

    /// The link a port is on.
    pub fn link_of(&self, node: NodeId, port: u16) -> Option<LinkId> {
        self.nodes[node.0].port(PortNumber(port))?.link
    }

    /// All links.
    pub fn links(&self) -> impl Iterator<Item = LinkId> + use<> {
        (0..self.links.len()).map(LinkId)
    }

    /// A node's name.
    pub fn name(&self, node: NodeId) -> &str {
        &self.nodes[node.0].spec.name
    }

    /// A node's engine, if it lives.
    pub fn engine(&self, node: NodeId) -> Option<&Engine> {
        self.nodes[node.0].running.as_ref().map(|r| &r.engine)
    }

    /// The state of a port; INITIALIZING for a dead node.
    pub fn state(&self, node: NodeId, port: u16) -> PortState {
        self.nodes[node.0].port(PortNumber(port)).map_or(PortState::Initializing, |p| p.state)
    }

    /// The states of all ports of a node.
    pub fn states(&self, node: NodeId) -> Vec<PortState> {
        self.nodes[node.0].ports.iter().map(|p| p.state).collect()
    }

    /// Who a node holds to be grandmaster; `None` for a dead node or a stranger.
    pub fn grandmaster_of(&self, node: NodeId) -> Option<NodeId> {
        let id = self.engine(node)?.parent_ds().grandmaster_identity;
        self.nodes.iter().position(|n| n.identity == id).map(NodeId)
    }

    /// How wrong a node's clock is at present; positive: ahead of true time. In ns.
    pub fn error(&self, node: NodeId) -> f64 {
        self.nodes[node.0].clock.clone().error(self.now).nanos_f64()
    }

    /// How far `node`'s clock is ahead of `reference`'s at present, in ns.
    pub fn offset(&self, node: NodeId, reference: NodeId) -> f64 {
        self.error(node) - self.error(reference)
    }

    /// How far `node`'s clock was ahead of `reference`'s during the last `time`, while both lived.
    pub fn offsets(&self, node: NodeId, reference: NodeId, time: Duration) -> Figures {
        let from = Moment(self.now.0 - (time.as_nanos() as i128).wrapping_shl(16));
        let series = |n: NodeId| {
            let errors = &self.nodes[n.0].record.errors;
            errors.iter().rev().take_while(move |(t, _)| *t >= from)
        };
        let both = series(node).zip(series(reference)).map(|((_, a), (_, b))| a - b);
        Figures::of(both.filter(|d| !d.is_nan()))
    }

    /// How often a node's clock was stepped.
    pub fn steps(&self, node: NodeId) -> u64 {
        self.nodes[node.0].clock.steps()
    }

    /// What a node is steered by and what its oscillator is off by, in ppb.
    pub fn frequencies(&self, node: NodeId) -> (f64, f64) {
        let clock = &self.nodes[node.0].clock;
        (clock.frequency(), clock.oscillator_ppb())
    }

    /// What a node has done.
    pub fn record(&self, node: NodeId) -> &NodeRecord {
        &self.nodes[node.0].record
    }

    /// What a link has done.
    pub fn link_stats(&self, link: LinkId) -> LinkStats {
        self.links[link.0].stats
    }

    /// Who is on a link.
    pub fn ends(&self, link: LinkId) -> &[End] {
        &self.links[link.0].ends
    }

    /// Whether frames can pass a link.
    pub fn is_up(&self, link: LinkId) -> bool {
        self.links[link.0].up && !self.links[link.0].silent
    }

    /// How long a link had more than one MASTER since the beginning or the last [`Simulation::forget_masters`].
    pub fn double_masters(&self, link: LinkId) -> DoubleMasters {
        self.links[link.0].masters.report(self.now)
    }

    /// The longest time that any link had more than one MASTER.
    pub fn longest_double_masters(&self) -> Duration {
        self.links.iter().map(|l| l.masters.report(self.now).longest).max().unwrap_or_default()
    }

    /// Starts the watch for more than one MASTER anew.
    pub fn forget_masters(&mut self) {
        for link in &mut self.links {
            link.masters.forget(self.now);
        }
    }

    /// A hash over every frame sent, every change of state and the present reading of every clock.
    pub fn trace_hash(&self) -> TraceHash {
        let mut hash = self.hash;
        for node in &self.nodes {
            hash.number(node.clock.clone().read(self.now).scaled() as u64);
        }
        hash
    }

    /// Happenings taken so far: the simulator's work.
    pub fn happenings(&self) -> u64 {
        self.happenings
    }

    /// What was seen that must never be: two client ports on a node, a state that was not told, and the like.
    pub fn violations(&self) -> &[(Moment, String)] {
        &self.violations
    }
}

fn plugged(link: &Link) -> Vec<(NodeId, PortNumber)> {
    link.ends.iter().filter(|e| e.plugged).map(|e| (e.node, e.port)).collect()
}
