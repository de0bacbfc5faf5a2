//! What must hold in a network at any moment, and for how long at most it may be broken while news travel.
//!
//! The checks do not use the engine's own comparisons: what a port hears is taken from the data sets of those who send it.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;

use ptp_wire::{ClockIdentity, LogInterval, PortIdentity};
use ptpd::engine::PortState;

use super::{LinkId, Moment, NodeId, Simulation};

/// Something that was broken for too long.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Breach {
    /// Since when.
    pub since: Moment,
    /// When it had lasted too long.
    pub at: Moment,
    /// What.
    pub what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lasted = self.at.since(self.since).as_secs_f64();
        write!(f, "for {lasted:.1} s: {}", self.what)
    }
}

/// What is broken, by whom.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    /// More than one MASTER among those on a link who understand each other.
    Masters(LinkId, usize),
    /// None at all where there should be one.
    NoMaster(LinkId, usize),
    /// Synchronisation goes in a circle.
    Loop(NodeId),
    /// A node follows a worse master than the best it can hear, or none.
    Worse(NodeId),
    /// The data sets are not those of the parent, one step further.
    DataSets(NodeId),
}

/// How long each kind was broken at most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Longest {
    /// More than one MASTER.
    pub masters: Duration,
    /// No MASTER.
    pub no_master: Duration,
    /// A timing loop.
    pub timing_loop: Duration,
    /// Following a worse master.
    pub worse: Duration,
    /// Data sets that are not the parent's.
    pub data_sets: Duration,
}

impl Longest {
    /// The longer of both, kind by kind.
    pub fn take(&mut self, other: &Self) {
        self.masters = self.masters.max(other.masters);
        self.no_master = self.no_master.max(other.no_master);
        self.timing_loop = self.timing_loop.max(other.timing_loop);
        self.worse = self.worse.max(other.worse);
        self.data_sets = self.data_sets.max(other.data_sets);
    }
}

/// Watches a network. Look at it at regular times, and say when something was done to it.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    broken: BTreeMap<Kind, (Moment, String)>,
    disturbed: Moment,
    /// What lasted too long; each once.
    pub breaches: Vec<Breach>,
    /// How long each kind lasted at most.
    pub longest: Longest,
    /// Looks taken.
    pub looks: u64,
}

/// What a master's Announce says, best first (1588-2019 figures 34 and 35).
type Claim = (u8, u8, u8, u16, u8, [u8; 8], u16, [u8; 8], u16);

impl Watch {
    /// Something was done to the network: everything has its whole time again.
    pub fn disturbed(&mut self, now: Moment) {
        self.disturbed = now;
    }

    /// How long anything may be broken: the time Announces take to be missed (announceReceiptTimeout and its random
    /// part), to qualify (four intervals), and to take over (PRE_MASTER lasts stepsRemoved + 1 intervals); and where
    /// there is no path trace, as long as Announces of a dead grandmaster go round until they have taken too many steps.
    pub fn bound(sim: &Simulation) -> Duration {
        let engines = || sim.nodes().filter_map(|n| sim.engine(n));
        let ports = || engines().flat_map(|e| &e.config().ports);
        let interval = ports().map(|p| p.log_announce_interval).max().unwrap_or(LogInterval(0)).duration();
        let timeout = ports().map(|p| u32::from(p.announce_receipt_timeout)).max().unwrap_or(3);
        let rounds =
            engines().filter(|e| !e.config().path_trace).map(|e| u32::from(e.config().max_steps_removed));
        let intervals = timeout + 1 + 4 + engines().count() as u32 + 1 + rounds.max().unwrap_or(0);
        interval.saturating_mul(intervals) + Duration::from_secs(2)
    }

    /// Looks at the network; what has lasted longer than `bound` is a breach.
    pub fn look(&mut self, sim: &Simulation, bound: Duration) {
        self.looks += 1;
        let now = sim.now();
        let mut broken = BTreeMap::new();
        links(sim, &mut broken);
        for node in sim.nodes() {
            nodes(sim, node, &mut broken);
        }
        let before = std::mem::take(&mut self.broken);
        for (kind, what) in broken {
            let since = before.get(&kind).map_or(now, |(since, _)| *since).max(self.disturbed);
            let lasted = now.since(since);
            let longest = match kind {
                Kind::Masters(..) => &mut self.longest.masters,
                Kind::NoMaster(..) => &mut self.longest.no_master,
                Kind::Loop(_) => &mut self.longest.timing_loop,
                Kind::Worse(_) => &mut self.longest.worse,
                Kind::DataSets(_) => &mut self.longest.data_sets,
            };
            *longest = lasted.max(*longest);
            if lasted > bound {
                // Told once; if it goes on it is told again after the same time.
                self.breaches.push(Breach { since, at: now, what: what.clone() });
                self.broken.insert(kind, (now, what));
            } else {
                self.broken.insert(kind, (since, what));
            }
        }
    }
}

fn links(sim: &Simulation, broken: &mut BTreeMap<Kind, String>) {
    for link in sim.links() {
        for (group, ends) in sim.speaking(link).into_iter().enumerate() {
            if ends.iter().any(|(n, p)| sim.is_unicast(*n, *p)) {
                continue;
            }
            let name = |(n, p): &(NodeId, u16)| format!("{}.{p}", sim.name(*n));
            let masters: Vec<_> =
                ends.iter().filter(|(n, p)| sim.state(*n, *p) == PortState::Master).collect();
            if masters.len() > 1 {
                let names: Vec<_> = masters.into_iter().map(name).collect();
                broken.insert(Kind::Masters(link, group), format!("link {} has masters {names:?}", link.0));
            } else if masters.is_empty() && ends.len() > 1 {
                let may = ends.iter().any(|(n, _)| sim.engine(*n).is_some_and(|e| !e.config().client_only));
                if may {
                    let names: Vec<_> =
                        ends.iter().map(|e| format!("{} {}", name(e), sim.state(e.0, e.1))).collect();
                    broken.insert(
                        Kind::NoMaster(link, group),
                        format!("link {} has no master: {names:?}", link.0),
                    );
                }
            }
        }
    }
}

/// What the node would announce on a port.
pub(super) fn claim(sim: &Simulation, node: NodeId, port: u16) -> Option<Claim> {
    let engine = sim.engine(node)?;
    let p = engine.parent_ds();
    let q = p.grandmaster_clock_quality;
    Some((
        p.grandmaster_priority1,
        q.clock_class,
        q.clock_accuracy.0,
        q.offset_scaled_log_variance,
        p.grandmaster_priority2,
        p.grandmaster_identity.0,
        engine.current_ds().steps_removed,
        sim.identity(node).0,
        port,
    ))
}

/// The node of an identity.
fn owner(sim: &Simulation, identity: ClockIdentity) -> Option<NodeId> {
    sim.nodes().find(|n| sim.identity(*n) == identity)
}

/// The port by which a node is a client, and its parent.
fn client(sim: &Simulation, node: NodeId) -> Option<(u16, PortIdentity)> {
    let engine = sim.engine(node)?;
    let client = |s: &PortState| matches!(s, PortState::Slave | PortState::Uncalibrated);
    let port = sim.states(node).iter().position(client)? as u16 + 1;
    Some((port, engine.parent_ds().parent_port_identity))
}

/// The chain of parents from a node on; ends at a grandmaster, a stranger or a node that was met before.
fn parents(sim: &Simulation, from: NodeId) -> (Vec<NodeId>, bool) {
    let mut chain = vec![from];
    let mut at = from;
    while let Some((_, parent)) = client(sim, at) {
        let Some(next) = owner(sim, parent.clock_identity) else { break };
        if chain.contains(&next) {
            return (chain, true);
        }
        chain.push(next);
        at = next;
    }
    (chain, false)
}

fn nodes(sim: &Simulation, node: NodeId, broken: &mut BTreeMap<Kind, String>) {
    let Some(engine) = sim.engine(node).filter(|_| !sim.is_transparent(node)) else { return };
    let config = engine.config();
    let name = sim.name(node);
    let (chain, circle) = parents(sim, node);
    if circle {
        let names: Vec<_> = chain.iter().map(|n| sim.name(*n)).collect();
        broken.insert(Kind::Loop(node), format!("timing loop: {names:?}"));
        // Nothing else is to be asked of it until the circle is broken.
        return;
    }
    let following = client(sim, node);
    let heard = best_heard(sim, node);
    match following {
        Some((port, parent)) => {
            let master = owner(sim, parent.clock_identity).filter(|m| sim.engine(*m).is_some());
            let still = master.and_then(|m| {
                let serves = sim.state(m, parent.port_number.0) == PortState::Master;
                claim(sim, m, parent.port_number.0).filter(|_| serves)
            });
            match (still, &heard) {
                (None, _) => {
                    let what = format!("{name}.{port} follows {parent}, which is no master");
                    broken.insert(Kind::Worse(node), what);
                }
                (Some(is), Some((best, by))) if *best < is => {
                    let what = format!("{name}.{port} follows {parent} and hears a better master, {by}");
                    broken.insert(Kind::Worse(node), what);
                }
                _ => {}
            }
            if let Some(m) = master {
                data_sets(sim, node, m, broken);
            }
        }
        None => {
            let own = claim(sim, node, 0);
            let better = heard.filter(|(best, _)| own.is_none_or(|own| *best < own) || config.client_only);
            // A primary reference follows nobody.
            if let Some((_, by)) = better
                && (config.client_only || config.clock_quality.clock_class > 127)
            {
                broken.insert(
                    Kind::Worse(node),
                    format!("{name} follows nobody and hears a better clock, {by}"),
                );
            }
            let parent = engine.parent_ds();
            let own = parent.parent_port_identity == PortIdentity::new(sim.identity(node), 0)
                && parent.grandmaster_identity == sim.identity(node)
                && engine.current_ds().steps_removed == 0;
            if !own {
                let what = format!("{name} has no master, and data sets of {}", parent.grandmaster_identity);
                broken.insert(Kind::DataSets(node), what);
            }
        }
    }
}

/// The best master on any of a node's links that the node could follow.
fn best_heard(sim: &Simulation, node: NodeId) -> Option<(Claim, String)> {
    let config = sim.engine(node)?.config();
    let mut best: Option<(Claim, String)> = None;
    for (number, port) in (1u16..).zip(&config.ports) {
        let Some(link) = sim.link_of(node, number).filter(|_| !port.master_only) else { continue };
        let Some(&first) = sim.segment(link).first() else { continue };
        for ends in sim.speaking(first) {
            if !ends.contains(&(node, number)) {
                continue;
            }
            let table = sim.unicast_servers(node, number);
            for (other, p) in ends {
                let heard = match &table {
                    Some(servers) => servers.contains(&(other, p)),
                    None => !sim.is_unicast(other, p),
                };
                let serves = heard && other != node && sim.state(other, p) == PortState::Master;
                let Some(claim) = claim(sim, other, p).filter(|_| serves) else { continue };
                // What comes from here, or from too far, is not to be followed.
                let from_here = parents(sim, other).0.contains(&node);
                let too_far = claim.6.saturating_add(1) >= config.max_steps_removed;
                if from_here || too_far {
                    continue;
                }
                if best.as_ref().is_none_or(|(b, _)| claim < *b) {
                    best = Some((claim, format!("{}.{p}", sim.name(other))));
                }
            }
        }
    }
    best
}

/// parentDS is the parent's own, and stepsRemoved one more.
fn data_sets(sim: &Simulation, node: NodeId, parent: NodeId, broken: &mut BTreeMap<Kind, String>) {
    let (Some(own), Some(its)) = (sim.engine(node), sim.engine(parent)) else { return };
    let (a, b) = (own.parent_ds(), its.parent_ds());
    let steps = (own.current_ds().steps_removed, its.current_ds().steps_removed);
    let same = a.grandmaster_identity == b.grandmaster_identity
        && a.grandmaster_clock_quality == b.grandmaster_clock_quality
        && a.grandmaster_priority1 == b.grandmaster_priority1
        && a.grandmaster_priority2 == b.grandmaster_priority2
        && own.time_properties_ds() == its.time_properties_ds()
        && steps.0 == steps.1.saturating_add(1);
    if !same {
        let what = format!(
            "{}: data sets differ from {}'s: grandmasters {} and {}, steps {} and {}",
            sim.name(node),
            sim.name(parent),
            a.grandmaster_identity,
            b.grandmaster_identity,
            steps.0,
            steps.1
        );
        broken.insert(Kind::DataSets(node), what);
    }
}
