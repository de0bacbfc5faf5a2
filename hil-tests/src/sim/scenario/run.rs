//! A scenario's run: builds the stage, does what the schedule says, and judges.

use core::time::Duration;
use std::collections::BinaryHeap;

use ptp_management::{Command, Reply};
use ptp_wire::management::ManagementHeader;
use ptp_wire::{Body, ClockIdentity, Header, MessageType, PortIdentity, TimeInterval, TlvType, Writer};
use ptpd::engine::MasterAddress;

use super::super::{ClockSpec, LinkId, Moment, NodeId, Rng, Simulation, Watch};
use super::attack::{Attacker, pause};
use super::judge;
use super::model::{Action, Expected, Scenario};
use super::outcome::Outcome;

/// The watch looks this often.
const LOOK: Duration = Duration::from_secs(1);

/// Why a scenario cannot be run as it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unrunnable(pub String);

impl std::fmt::Display for Unrunnable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unrunnable {}

/// A scenario on stage.
#[derive(Debug)]
pub struct Run<'a> {
    /// What it is about.
    pub scenario: &'a Scenario,
    /// The stage.
    pub sim: Simulation,
    seed: u64,
    nodes: Vec<NodeId>,
    links: Vec<LinkId>,
    agenda: BinaryHeap<Item>,
    planned: u64,
    attackers: Vec<(Attacker, Moment)>,
    told: Vec<(Moment, String)>,
    watch: Option<Watch>,
    /// Complaints at the times that expectations ask for them.
    pub(super) orders: Vec<(usize, Vec<String>)>,
}

/// Something on the agenda; the soonest is the greatest.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Item(std::cmp::Reverse<(Moment, u64)>, What);

#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
enum What {
    Start(usize),
    Step(usize, u32),
    Attack(usize),
    Order(usize),
    Look,
}

impl<'a> Run<'a> {
    /// Builds the stage. `seed`: instead of the scenario's own.
    ///
    /// # Errors
    /// Something the file's reader could not see.
    pub fn new(scenario: &'a Scenario, seed: Option<u64>) -> Result<Self, Unrunnable> {
        let seed = seed.unwrap_or(scenario.seed);
        let mut sim = Simulation::new(seed);
        sim.probe_every(scenario.probe_interval);
        sim.keep_looks();
        let mut run = Self {
            scenario,
            seed,
            nodes: Vec::new(),
            links: Vec::new(),
            agenda: BinaryHeap::new(),
            planned: 0,
            attackers: Vec::new(),
            told: Vec::new(),
            watch: scenario.watch.then(Watch::default),
            orders: Vec::new(),
            sim,
        };
        for (i, plan) in scenario.nodes.iter().enumerate() {
            let mut spec = plan.spec.clone();
            let mut rng = Rng::new(seed, 6, i as u64);
            let within = plan.offset_within.nanos_f64();
            spec.clock.phase += TimeInterval::from_nanos_f64(rng.between(-within, within));
            spec.clock.frequency_ppb += rng.between(-plan.frequency_within, plan.frequency_within);
            run.nodes.push(run.sim.node(spec));
            match plan.start {
                Some(Duration::ZERO) | None => {}
                Some(at) => run.plan(Moment(0) + at, What::Start(i)),
            }
        }
        for plan in &scenario.links {
            let ends: Vec<_> = plan.ends.iter().map(|(n, i)| (run.nodes[*n], i.as_str())).collect();
            let link = run.sim.connect(&ends, plan.spec).map_err(|place| {
                let (node, interface) = &plan.ends[place];
                Unrunnable(format!(
                    "link {}: {}:{interface} cannot be connected",
                    plan.name, scenario.nodes[*node].name
                ))
            })?;
            run.links.push(link);
        }
        for (i, step) in scenario.schedule.iter().enumerate() {
            run.plan(Moment(0) + step.at, What::Step(i, 0));
        }
        for (i, e) in scenario.expect.iter().enumerate() {
            if matches!(e.what, Expected::InOrder(_)) {
                run.plan(Moment(0) + e.when.to, What::Order(i));
            }
        }
        if run.watch.is_some() {
            run.plan(Moment(0) + LOOK, What::Look);
        }
        // Who listens hears from the start.
        for step in &scenario.schedule {
            if let Action::Attack(attack) = &step.action {
                run.sim.listen(run.links[attack.link], true);
            }
        }
        Ok(run)
    }

    fn plan(&mut self, at: Moment, what: What) {
        self.planned += 1;
        self.agenda.push(Item(std::cmp::Reverse((at, self.planned)), what));
    }

    /// Keeps what passes over a link; false: there is no such link.
    pub fn capture(&mut self, link: &str) -> bool {
        let found = self.scenario.links.iter().position(|l| l.name == link);
        if let Some(found) = found {
            self.sim.capture(self.links[found]);
        }
        found.is_some()
    }

    /// Writes what passed over a link that was captured, as pcap.
    ///
    /// # Errors
    /// Writing fails.
    pub fn write_capture(&self, link: &str, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let found = self.scenario.links.iter().position(|l| l.name == link);
        match found.and_then(|l| self.sim.captured(self.links[l])) {
            Some(capture) => capture.write(out),
            None => Ok(()),
        }
    }

    /// Runs to the end, and judges.
    pub fn finish(self) -> Outcome {
        self.finish_with_stage().0
    }

    /// As [`Run::finish`]; the stage stays for a closer look.
    pub fn finish_with_stage(mut self) -> (Outcome, Self) {
        let end = Moment(0) + self.scenario.duration;
        self.sim.run_for(Duration::ZERO);
        self.resolve_names();
        while self.agenda.peek().is_some_and(|Item(at, _)| at.0.0 <= end) {
            let Some(Item(at, what)) = self.agenda.pop() else { break };
            self.sim.run_to(at.0.0);
            match what {
                What::Start(node) => {
                    self.tell(format!("{} starts", self.scenario.nodes[node].name));
                    self.sim.revive(self.nodes[node]);
                    self.resolve_names();
                }
                What::Step(step, times) => self.step(step, times),
                What::Attack(attacker) => self.attack(attacker),
                What::Look => {
                    if let Some(watch) = &mut self.watch {
                        watch.look(&self.sim, Watch::bound(&self.sim));
                        self.plan(self.sim.now() + LOOK, What::Look);
                    }
                }
                What::Order(expectation) => {
                    if let Expected::InOrder(ns) = self.scenario.expect[expectation].what {
                        let complaints = self.sim.complaints(ns);
                        self.orders.push((expectation, complaints));
                    }
                }
            }
        }
        self.sim.run_to(end);
        let verdicts = judge::judge(self.scenario, &self.sim, &self.orders);
        let told = std::mem::take(&mut self.told);
        let mut outcome = Outcome::of(self.scenario, self.seed, &self.sim, verdicts, told);
        if let Some(watch) = &self.watch {
            outcome.violations.extend(watch.breaches.iter().map(|b| (b.at, b.to_string())));
        }
        (outcome, self)
    }

    /// What the watch has seen, if the scenario wants one.
    pub fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    fn tell(&mut self, what: String) {
        self.told.push((self.sim.now(), what));
    }

    fn names(&self, nodes: &[usize]) -> String {
        nodes.iter().map(|n| self.scenario.nodes[*n].name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn link_names(&self, links: &[usize]) -> String {
        links.iter().map(|l| self.scenario.links[*l].name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn step(&mut self, index: usize, times: u32) {
        let scenario = self.scenario;
        let step = &scenario.schedule[index];
        if let Some((every, most)) = step.repeat
            && times + 1 < most
        {
            self.plan(self.sim.now() + every, What::Step(index, times + 1));
        }
        if let Some(watch) = &mut self.watch {
            watch.disturbed(self.sim.now());
        }
        let links: Vec<LinkId> = match &step.action {
            Action::Cut(l) | Action::Mend(l) | Action::Silence(l) | Action::Unsilence(l) => self.links_at(l),
            Action::Change(l, _) | Action::Loop(l, _) => self.links_at(l),
            _ => Vec::new(),
        };
        let sim = &mut self.sim;
        let nodes = &self.nodes;
        match &step.action {
            Action::Kill(n) => n.iter().for_each(|n| sim.kill(nodes[*n])),
            Action::Stop(n) => n.iter().for_each(|n| sim.stop(nodes[*n])),
            Action::Start(n) => n.iter().for_each(|n| sim.revive(nodes[*n])),
            Action::Cut(_) => links.iter().for_each(|l| sim.cut(*l)),
            Action::Mend(_) => links.iter().for_each(|l| sim.mend(*l)),
            Action::Silence(_) => links.iter().for_each(|l| sim.silence(*l, true)),
            Action::Unsilence(_) => links.iter().for_each(|l| sim.silence(*l, false)),
            Action::Unplug(ends) | Action::Plug(ends) => {
                let plugged = matches!(step.action, Action::Plug(_));
                for (node, interface) in ends {
                    if let Some((port, ..)) = sim.port_of(nodes[*node], interface) {
                        sim.plug(nodes[*node], port, plugged);
                    }
                }
            }
            Action::StepClock(n, by) => n.iter().for_each(|n| sim.step_clock(nodes[*n], *by)),
            Action::Disturb(n, ppb) => n.iter().for_each(|n| sim.disturb(nodes[*n], *ppb)),
            Action::LoseReference(n, clock) => {
                for &n in n {
                    sim.retune(nodes[n], clock.unwrap_or(scenario.nodes[n].holdover), false);
                }
            }
            Action::FindReference(n) => {
                for &n in n {
                    let spec = scenario.nodes[n].spec.clock;
                    sim.retune(nodes[n], ClockSpec { frequency_ppb: 0.0, ..spec }, true);
                }
            }
            Action::Reload(n, settings) => n.iter().for_each(|n| sim.reload_settings(nodes[*n], settings)),
            Action::Manage(n, command) => {
                for &n in n {
                    manage(sim, nodes[n], command);
                    let answer = answer(sim, nodes[n]);
                    self.told.push((sim.now(), format!("{}: {command}: {answer}", scenario.nodes[n].name)));
                }
            }
            Action::Change(_, change) => links.iter().for_each(|l| sim.set_link(*l, |s| change.apply(s))),
            Action::Loop(_, rounds) => links.iter().for_each(|l| sim.echo(*l, *rounds)),
            Action::Attack(attack) => {
                let number = self.attackers.len();
                let attacker =
                    Attacker::new(attack.clone(), self.links[attack.link], self.seed, number as u64);
                let end = self.sim.now() + attack.lasts;
                self.attackers.push((attacker, end));
                self.plan(self.sim.now(), What::Attack(number));
            }
        }
        self.resolve_names();
        let told = self.story(&step.action);
        if let Some(told) = told {
            self.tell(told);
        }
    }

    fn links_at(&self, links: &[usize]) -> Vec<LinkId> {
        links.iter().map(|l| self.links[*l]).collect()
    }

    /// The action, for people.
    fn story(&self, action: &Action) -> Option<String> {
        let ends = |ends: &[(usize, String)]| {
            let each = ends.iter().map(|(n, i)| format!("{}:{i}", self.scenario.nodes[*n].name));
            each.collect::<Vec<_>>().join(", ")
        };
        Some(match action {
            Action::Kill(n) => format!("{} killed", self.names(n)),
            Action::Stop(n) => format!("{} stopped", self.names(n)),
            Action::Start(n) => format!("{} started", self.names(n)),
            Action::Cut(l) => format!("{} cut", self.link_names(l)),
            Action::Mend(l) => format!("{} mended", self.link_names(l)),
            Action::Silence(l) => format!("{} silent", self.link_names(l)),
            Action::Unsilence(l) => format!("{} speaks again", self.link_names(l)),
            Action::Unplug(e) => format!("{} unplugged", ends(e)),
            Action::Plug(e) => format!("{} plugged in", ends(e)),
            Action::StepClock(n, by) => format!("{}: clock stepped by {by}", self.names(n)),
            Action::Disturb(n, ppb) => format!("{}: frequency jumps by {ppb} ppb", self.names(n)),
            Action::LoseReference(n, _) => format!("{} without reference", self.names(n)),
            Action::FindReference(n) => format!("{} has its reference again", self.names(n)),
            Action::Reload(n, _) => format!("{} reloaded", self.names(n)),
            Action::Manage(..) => return None,
            Action::Change(l, _) => format!("{} changed", self.link_names(l)),
            Action::Loop(l, 0) => format!("{}: no loop any more", self.link_names(l)),
            Action::Loop(l, _) => format!("{}: a bridge loop", self.link_names(l)),
            Action::Attack(a) => {
                let link = &self.scenario.links[a.link].name;
                format!("{link}: {} for {} s", a.kind.word(), a.lasts.as_secs_f64())
            }
        })
    }

    fn attack(&mut self, number: usize) {
        let Some((attacker, end)) = self.attackers.get_mut(number) else { return };
        attacker.act(&mut self.sim);
        let next = self.sim.now() + pause(attacker.attack());
        if next < *end {
            self.plan(next, What::Attack(number));
        } else {
            let sent = attacker.sent;
            let kind = attacker.attack().kind.word();
            self.tell(format!("{kind} ends after {sent} messages"));
        }
    }

    /// Unicast masters by name: a node's name, with `:INTERFACE` where it has several.
    fn resolve_names(&mut self) {
        let mut found = Vec::new();
        for &node in &self.nodes {
            let Some(engine) = self.sim.engine(node) else { continue };
            for (number, port) in (1u16..).zip(&engine.config().ports) {
                let masters = port.unicast_client.iter().flat_map(|u| &u.masters);
                for (index, master) in masters.enumerate() {
                    if let MasterAddress::Named(name) = &master.address {
                        found.push((node, number, index, name.clone()));
                    }
                }
            }
        }
        for (node, port, index, name) in found {
            let (host, interface) = name.split_once(':').map_or((name.as_str(), None), |(h, i)| (h, Some(i)));
            let Some(host) = self.sim.find(host) else { continue };
            let address = match interface {
                Some(i) => self.sim.port_of(host, i).map(|(_, a, _)| a),
                None => self.sim.address_of(host, 1),
            };
            self.sim.tell_master(node, port, index, address);
        }
    }
}

/// Sends a management command to a node, as pmc does over the UNIX socket.
pub fn manage(sim: &mut Simulation, node: NodeId, command: &str) {
    let command = Command::parse(command);
    let request = match &command {
        Ok(Command::Send(request)) => *request,
        Ok(Command::SendTable(table)) => table.request(),
        _ => return,
    };
    let Some(engine) = sim.engine(node) else { return };
    let mut header = Header::new(MessageType::Management);
    header.domain_number = engine.config().domain_number;
    header.sdo_id = engine.config().sdo_id;
    header.source_port_identity = PortIdentity::new(ClockIdentity::ZERO, 1);
    let body = Body::Management(ManagementHeader {
        target_port_identity: PortIdentity::ANY,
        starting_boundary_hops: 0,
        boundary_hops: 0,
        action: request.action,
    });
    let mut buf = [0; 1500];
    let Ok(mut writer) = Writer::new(&mut buf, &header, &body) else { return };
    if writer.tlv_with(TlvType::MANAGEMENT, |room| request.payload.emit(room)).is_ok() {
        let len = writer.finish();
        sim.manage(node, buf.get(..len).unwrap_or(&[]));
    }
}

/// What a node answered last, in a word.
fn answer(sim: &Simulation, node: NodeId) -> String {
    let now = sim.now();
    let reply = sim.record(node).replies.last().filter(|(at, _)| *at == now);
    match reply.and_then(|(_, octets)| Reply::parse(octets)) {
        None => "no answer".into(),
        Some(reply) => match reply.error() {
            None => "done".into(),
            Some(e) => format!("refused: {e}"),
        },
    }
}
