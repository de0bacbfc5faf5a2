//! Parts of a network that hear each other, and what must hold in each of them once it is quiet.

use ptpd::engine::{Address, MasterAddress, PortConfig, PortState};

use super::invariants::claim;
use super::{LinkId, NodeId, Simulation};

/// What two ports have to have in common to understand each other: transport, group, domain, major sdoId.
type Tongue = (u8, Address, u8, u8);

impl Simulation {
    /// The living nodes in groups that are connected through links that are up and nodes that live.
    pub fn components(&self) -> Vec<Vec<NodeId>> {
        let mut component: Vec<usize> = (0..self.nodes.len()).collect();
        fn root(c: &[usize], mut i: usize) -> usize {
            while c[i] != i {
                i = c[i];
            }
            i
        }
        for link in self.links() {
            for on in self.speaking(link) {
                for pair in on.windows(2) {
                    let (a, b) = (root(&component, pair[0].0.0), root(&component, pair[1].0.0));
                    component[a.max(b)] = a.min(b);
                }
            }
        }
        let mut parts: Vec<Vec<NodeId>> = Vec::new();
        for i in (0..self.nodes.len()).filter(|&i| root(&component, i) == i) {
            let part = (i..self.nodes.len()).filter(|&j| root(&component, j) == i).map(NodeId);
            let part: Vec<_> =
                part.filter(|n| self.engine(*n).is_some() && !self.is_transparent(*n)).collect();
            if !part.is_empty() {
                parts.push(part);
            }
        }
        parts
    }

    /// Living ends of a link that can hear each other.
    pub fn connected_ends(&self, link: LinkId) -> impl Iterator<Item = (NodeId, u16)> + '_ {
        let up = self.is_up(link);
        let ends = self.ends(link).iter();
        ends.filter(move |e| up && e.plugged && self.engine(e.node).is_some()).map(|e| (e.node, e.port.0))
    }

    /// The links that a link is one network with, by living transparent clocks between them; in order, itself among them.
    pub fn segment(&self, link: LinkId) -> Vec<LinkId> {
        let mut found = vec![link];
        let mut next = 0;
        while let Some(&at) = found.get(next) {
            next += 1;
            for (node, _) in
                self.connected_ends(at).filter(|(n, _)| self.is_transparent(*n)).collect::<Vec<_>>()
            {
                for port in 1..=self.states(node).len() as u16 {
                    let Some(other) = self.link_of(node, port) else { continue };
                    let passes = self.connected_ends(other).any(|e| e == (node, port));
                    if passes && !found.contains(&other) {
                        found.push(other);
                    }
                }
            }
        }
        found.sort();
        found
    }

    /// A living transparent clock.
    pub fn is_transparent(&self, node: NodeId) -> bool {
        self.engine(node).is_some_and(|e| e.config().kind.is_transparent())
    }

    /// Living ends of a link, and of the links behind transparent clocks, in groups that understand each other: same
    /// transport and groups, domain and sdoId. Nothing for a link that is not the first of its segment.
    pub fn speaking(&self, link: LinkId) -> Vec<Vec<(NodeId, u16)>> {
        let segment = self.segment(link);
        if segment.first() != Some(&link) {
            return Vec::new();
        }
        let mut found: Vec<(Tongue, Vec<(NodeId, u16)>)> = Vec::new();
        for (node, port) in segment.into_iter().flat_map(|l| self.connected_ends(l).collect::<Vec<_>>()) {
            let Some(tongue) = self.tongue(node, port).filter(|_| !self.is_transparent(node)) else {
                continue;
            };
            match found.iter_mut().find(|(t, _)| *t == tongue) {
                Some((_, ends)) => ends.push((node, port)),
                None => found.push((tongue, vec![(node, port)])),
            }
        }
        found.into_iter().map(|(_, ends)| ends).collect()
    }

    fn port_config(&self, node: NodeId, port: u16) -> Option<&PortConfig> {
        self.engine(node)?.config().ports.get(usize::from(port).checked_sub(1)?)
    }

    /// A port that asks for unicast service, or that serves only who asks: nobody else hears it.
    pub fn is_unicast(&self, node: NodeId, port: u16) -> bool {
        self.port_config(node, port).is_some_and(|p| p.unicast_client.is_some() || !p.multicast)
    }

    /// Who is in a port's table of unicast masters, within reach, MASTER, and does not drain its clients away. `None`: the
    /// port has no table.
    pub fn unicast_servers(&self, node: NodeId, port: u16) -> Option<Vec<(NodeId, u16)>> {
        let table = &self.port_config(node, port)?.unicast_client.as_ref()?.masters;
        let named = |end: &(NodeId, u16)| {
            let address = self.address_of(end.0, end.1).map(MasterAddress::Known);
            address.is_some_and(|address| table.iter().any(|m| m.address == address))
        };
        let serves = |end: &(NodeId, u16)| {
            self.state(end.0, end.1) == PortState::Master
                && self
                    .port_config(end.0, end.1)
                    .is_some_and(|p| p.unicast_server.as_ref().is_some_and(|s| !s.drain))
        };
        let first = self.link_of(node, port).and_then(|link| self.segment(link).first().copied());
        let group = first
            .map(|first| self.speaking(first))
            .and_then(|groups| groups.into_iter().find(|ends| ends.contains(&(node, port))));
        let others = group.unwrap_or_default().into_iter().filter(|end| end.0 != node);
        Some(others.filter(|end| named(end) && serves(end)).collect())
    }

    /// What is not as it should be with a unicast client within reach of a server.
    fn unicast_complaints(&self, node: NodeId, ns: f64, all: &mut Vec<String>) {
        let states = self.states(node);
        for (port, state) in (1u16..).zip(&states) {
            let Some(servers) = self.unicast_servers(node, port).filter(|s| !s.is_empty()) else { continue };
            let name = format!("{}.{port}", self.name(node));
            let own = claim(self, node, 0);
            let best = servers.iter().filter_map(|(n, p)| claim(self, *n, *p)).min();
            let grand = self.engine(node).is_some_and(|e| e.is_grandmaster() && !e.config().client_only);
            if grand && own < best {
                continue;
            }
            if *state != PortState::Slave {
                all.push(format!("{name} has servers and is {state}"));
                continue;
            }
            let parent = self.engine(node).map(|e| e.parent_ds().parent_port_identity);
            let followed = servers.iter().find(|(n, p)| {
                parent.is_some_and(|id| id.clock_identity == self.identity(*n) && id.port_number.0 == *p)
            });
            match followed {
                None => all.push(format!("{name} follows {parent:?}, who does not serve it")),
                Some((server, _)) => {
                    let offset = self.offset(node, *server);
                    if offset.abs() > ns {
                        all.push(format!("{name} is {offset:.0} ns from {}", self.name(*server)));
                    }
                }
            }
        }
    }

    fn tongue(&self, node: NodeId, port: u16) -> Option<Tongue> {
        let config = self.engine(node)?.config();
        let p = config.ports.get(usize::from(port).checked_sub(1)?)?;
        let (_, _, [group, _]) = self.port_of(node, &p.interface)?;
        Some((p.transport as u8, group, config.domain_number, config.sdo_id.major()))
    }

    /// A primary reference (clockClass up to 127) that stands by: it is its own grandmaster, hears a better one, and
    /// serves nobody (1588-2019 figure 33, P1 and P2).
    pub fn stands_by(&self, node: NodeId) -> bool {
        let states = self.states(node);
        self.engine(node).is_some_and(|e| e.is_grandmaster() && e.config().clock_quality.clock_class < 128)
            && states.contains(&PortState::Passive)
            && !states.contains(&PortState::Master)
    }

    /// What is not as it should be in a quiet network without master-only ports: one grandmaster in each part, known to
    /// all of it but primary references that stand by; each unicast client SLAVE of a server it names; one MASTER on each link among those who understand each other;
    /// every other node SLAVE by exactly one port and within `ns` of its grandmaster. Empty if all is well.
    pub fn complaints(&self, ns: f64) -> Vec<String> {
        let mut all: Vec<String> =
            self.violations().iter().map(|(t, what)| format!("at {t}: {what}")).collect();
        let client_only = |n: &NodeId| self.engine(*n).is_some_and(|e| e.config().client_only);
        for part in self.components() {
            if part.iter().all(client_only) {
                // Nobody there may serve.
                continue;
            }
            let unicast = |n: &NodeId| (1..=self.states(*n).len() as u16).any(|p| self.is_unicast(*n, p));
            if part.iter().any(unicast) {
                part.iter().for_each(|n| self.unicast_complaints(*n, ns, &mut all));
                continue;
            }
            let grand = |n: &NodeId| self.engine(*n).is_some_and(|e| e.is_grandmaster());
            let masters: Vec<_> = part.iter().filter(|n| grand(n) && !self.stands_by(**n)).collect();
            let names =
                |nodes: &[&NodeId]| nodes.iter().map(|n| self.name(**n).to_string()).collect::<Vec<_>>();
            let [&grandmaster] = masters[..] else {
                let part: Vec<_> = part.iter().collect();
                all.push(format!("of {:?} these are grandmasters: {:?}", names(&part), names(&masters)));
                continue;
            };
            for &node in part.iter().filter(|n| **n != grandmaster && !self.stands_by(**n)) {
                let name = self.name(node);
                if self.grandmaster_of(node) != Some(grandmaster) {
                    let held = self.grandmaster_of(node).map(|n| self.name(n));
                    all.push(format!("{name} holds {held:?} to be grandmaster"));
                }
                let slaves = self.states(node).iter().filter(|s| **s == PortState::Slave).count();
                if slaves != 1 {
                    all.push(format!("{name} has {slaves} SLAVE ports: {:?}", self.states(node)));
                }
                let offset = self.offset(node, grandmaster);
                if offset.abs() > ns {
                    all.push(format!("{name} is {offset:.0} ns from {}", self.name(grandmaster)));
                }
            }
        }
        for (link, ends) in self.links().flat_map(|l| self.speaking(l).into_iter().map(move |e| (l, e))) {
            if ends.iter().any(|(n, p)| self.is_unicast(*n, *p)) {
                continue;
            }
            let masters = ends.iter().filter(|(n, p)| self.state(*n, *p) == PortState::Master).count();
            let needs_master = ends.len() > 1 && ends.iter().any(|(n, _)| !client_only(n));
            if masters > 1 || (masters == 0 && needs_master) {
                let states: Vec<_> = ends
                    .iter()
                    .map(|(n, p)| format!("{}.{p} {}", self.name(*n), self.state(*n, *p)))
                    .collect();
                all.push(format!("link {} has {masters} masters: {states:?}", link.0));
            }
        }
        all
    }

    /// Fails with everything that [`Simulation::complaints`] has to say.
    ///
    /// # Panics
    /// If it has anything to say.
    #[track_caller]
    pub fn assert_in_order(&self, ns: f64) {
        let complaints = self.complaints(ns);
        assert!(complaints.is_empty(), "at {} (seed {}):\n{}", self.now(), self.seed, complaints.join("\n"));
    }

    /// Fails if a port is in another state, with the port's history.
    ///
    /// # Panics
    /// If it is.
    #[track_caller]
    pub fn assert_state(&self, node: NodeId, port: u16, state: PortState) {
        let is = self.state(node, port);
        if is != state {
            let changes = self.record(node).changes.iter().filter(|c| c.port.0 == port);
            let history: Vec<_> = changes.map(|c| format!("{} at {}", c.to, c.at)).collect();
            panic!("at {}: {} port {port} is {is}, not {state}: {history:?}", self.now(), self.name(node));
        }
    }
}
