//! Which clock follows which, from the ports' states: linuxptp's rules for phc2sys -a.

use crate::settings::SystemRole;

/// A clock's number in the table of clocks.
pub(crate) type ClockId = usize;

/// A port's state as far as it matters here; the later, the stronger where ports share a clock.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum State {
    /// Neither: its clock is a sink.
    #[default]
    Other,
    Master,
    /// About to be a slave: its clock is not good yet, and being steered by the port.
    Uncalibrated,
    Slave,
}

impl State {
    /// From portState (1588-2019 table 20).
    pub(crate) const fn of(port_state: u8) -> Self {
        match port_state {
            5 | 6 => Self::Master,
            8 => Self::Uncalibrated,
            9 => Self::Slave,
            _ => Self::Other,
        }
    }
}

/// What an instance's clocks are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Domain {
    /// Clocks and the state of their strongest port.
    pub(crate) clocks: Vec<(ClockId, State)>,
}

/// Why a domain has no source of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lack {
    /// No port is a slave.
    None,
    /// A port is about to be one.
    NotReady,
    /// Two clocks are.
    Several,
}

/// Who follows whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// The sink, and what it follows.
    pub(crate) follow: Vec<(ClockId, Source)>,
    /// Per domain.
    pub(crate) lacks: Vec<Option<Lack>>,
}

/// Where a sink's time comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Source {
    pub(crate) clock: ClockId,
    /// Whose announcements go with it.
    pub(crate) domain: Option<usize>,
}

impl Domain {
    /// A port of it steers this clock, or is about to.
    pub(crate) fn steers(&self, clock: ClockId) -> bool {
        self.clocks.iter().any(|(c, s)| *c == clock && matches!(s, State::Slave | State::Uncalibrated))
    }

    /// Its clock that others may follow.
    pub(crate) fn source(&self) -> Result<ClockId, Lack> {
        let with = |state: State| self.clocks.iter().filter(move |c| c.1 == state).map(|c| c.0);
        let mut slaves = with(State::Slave);
        match (slaves.next(), slaves.next()) {
            (Some(clock), None) => Ok(clock),
            (Some(_), Some(_)) => Err(Lack::Several),
            (None, _) if with(State::Uncalibrated).next().is_some() => Err(Lack::NotReady),
            (None, _) => Err(Lack::None),
        }
    }
}

impl Plan {
    /// A clock beside those of the ports follows this domain, or (`None`) the first that has a source.
    pub(crate) fn add(&mut self, sink: ClockId, domains: &[Domain], of: Option<usize>) {
        let mut sources = domains.iter().enumerate().filter(|(i, _)| of.is_none_or(|of| of == *i));
        let source = sources.find_map(|(i, d)| Some(Source { clock: d.source().ok()?, domain: Some(i) }));
        if let Some(source) = source
            && source.clock != sink
            && self.follow.iter().all(|(s, _)| *s != sink)
        {
            self.follow.push((sink, source));
        }
    }
}

/// Makes the plan. Domains come in the order of priority.
pub(crate) fn plan(domains: &[Domain], system: Option<ClockId>, role: SystemRole) -> Plan {
    let sources: Vec<Result<ClockId, Lack>> = domains.iter().map(Domain::source).collect();
    let lacks = sources.iter().map(|s| s.err()).collect();
    let first = sources
        .iter()
        .enumerate()
        .find_map(|(domain, s)| s.ok().map(|clock| Source { clock, domain: Some(domain) }));
    let undecided = sources.iter().any(|s| matches!(s, Err(Lack::NotReady | Lack::Several)));
    // The system clock gives way to any port that is about to know better.
    let fallback = system.filter(|_| role == SystemRole::SinkOrSource && !undecided);
    let selected = first.or(fallback.map(|clock| Source { clock, domain: None }));
    let mut follow: Vec<(ClockId, Source)> = Vec::new();
    let mut add = |sink: ClockId, source: Source| {
        let steered_by_port = domains.iter().any(|d| d.steers(sink));
        // One clock, one master: a clock that its own port steers is nobody's sink.
        if sink != source.clock && !steered_by_port && follow.iter().all(|(s, _)| *s != sink) {
            follow.push((sink, source));
        }
    };
    for (number, (domain, own)) in domains.iter().zip(&sources).enumerate() {
        let source = match own {
            Ok(clock) => Some(Source { clock: *clock, domain: Some(number) }),
            // The system clock has no announcements: the PHCs' own instance knows the UTC offset.
            Err(Lack::None) => selected.map(|s| Source { domain: s.domain.or(Some(number)), ..s }),
            Err(_) => None,
        };
        if let Some(source) = source {
            for (clock, _) in &domain.clocks {
                add(*clock, source);
            }
        }
    }
    if let (Some(system), Some(source), true) = (system, first, role != SystemRole::None) {
        add(system, source);
    }
    Plan { follow, lacks }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: ClockId = 9;

    fn domain(clocks: &[(ClockId, State)]) -> Domain {
        Domain { clocks: clocks.to_vec() }
    }

    fn pairs(p: &Plan) -> Vec<(ClockId, ClockId)> {
        p.follow.iter().map(|(sink, source)| (*sink, source.clock)).collect()
    }

    #[test]
    fn the_system_clock_follows_the_slave() {
        let d = [domain(&[(0, State::Slave), (1, State::Master), (2, State::Other)])];
        assert_eq!(pairs(&plan(&d, None, SystemRole::None)), [(1, 0), (2, 0)]);
        assert_eq!(pairs(&plan(&d, Some(SYSTEM), SystemRole::Sink)), [(1, 0), (2, 0), (SYSTEM, 0)]);
    }

    #[test]
    fn nothing_follows_what_is_not_good_yet() {
        let d = [domain(&[(0, State::Uncalibrated), (1, State::Master)])];
        let p = plan(&d, Some(SYSTEM), SystemRole::SinkOrSource);
        assert_eq!((pairs(&p), p.lacks), (vec![], vec![Some(Lack::NotReady)]));
        let d = [domain(&[(0, State::Slave), (1, State::Slave)])];
        let p = plan(&d, Some(SYSTEM), SystemRole::SinkOrSource);
        assert_eq!((pairs(&p), p.lacks), (vec![], vec![Some(Lack::Several)]));
    }

    #[test]
    fn the_system_clock_is_the_source_of_last_resort() {
        let d = [domain(&[(0, State::Master), (1, State::Other)])];
        assert_eq!(pairs(&plan(&d, Some(SYSTEM), SystemRole::Sink)), []);
        let p = plan(&d, Some(SYSTEM), SystemRole::SinkOrSource);
        assert_eq!(pairs(&p), [(0, SYSTEM), (1, SYSTEM)]);
        assert!(p.follow.iter().all(|f| f.1.domain == Some(0)));
    }

    #[test]
    fn the_first_domain_goes_first() {
        let first = domain(&[(0, State::Slave)]);
        let second = domain(&[(1, State::Slave), (2, State::Master)]);
        let third = domain(&[(3, State::Master)]);
        let d = [first, second.clone(), third.clone()];
        // A domain with a source of its own keeps it.
        assert_eq!(pairs(&plan(&d, Some(SYSTEM), SystemRole::Sink)), [(2, 1), (3, 0), (SYSTEM, 0)]);
        // The first is lost: the second takes its place.
        let d = [Domain::default(), second, third];
        assert_eq!(pairs(&plan(&d, Some(SYSTEM), SystemRole::Sink)), [(2, 1), (3, 1), (SYSTEM, 1)]);
    }

    #[test]
    fn further_clocks_follow_a_domain_or_the_first() {
        let d = [domain(&[(0, State::Slave)]), domain(&[(1, State::Slave)])];
        let mut p = plan(&d, Some(SYSTEM), SystemRole::Sink);
        p.add(5, &d, None);
        p.add(6, &d, Some(1));
        // It has a source already; it is the source itself.
        p.add(6, &d, None);
        p.add(0, &d, None);
        assert_eq!(pairs(&p), [(SYSTEM, 0), (5, 0), (6, 1)]);
        // The first has no slave any more: whoever is its own waits, the other gets the next.
        let d = [domain(&[(0, State::Uncalibrated)]), domain(&[(1, State::Slave)])];
        let mut p = plan(&d, None, SystemRole::None);
        p.add(5, &d, None);
        p.add(6, &d, Some(0));
        assert_eq!(pairs(&p), [(5, 1)]);
    }

    #[test]
    fn one_clock_has_one_master() {
        // Both domains use clock 0; the second one's port steers it.
        let d = [domain(&[(0, State::Master), (1, State::Slave)]), domain(&[(0, State::Slave)])];
        assert_eq!(pairs(&plan(&d, Some(SYSTEM), SystemRole::Sink)), [(SYSTEM, 1)]);
    }

    #[test]
    fn states_are_the_standards() {
        let of = |n| State::of(n);
        assert_eq!(
            [of(5), of(6), of(8), of(9)],
            [State::Master, State::Master, State::Uncalibrated, State::Slave]
        );
        for other in [0, 1, 2, 3, 4, 7, 10, 255] {
            assert_eq!(of(other), State::Other);
        }
    }
}
