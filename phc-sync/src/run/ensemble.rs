//! The system clock after what the majority of several sources agrees on.

use ptp_clock::{Chronyd, ClockError, ClockName, LeapSecond, SystemClock, Utc};
use ptp_daemon::RateLimit;
use ptp_servo::selection::{Bridge, Estimate, intersect};
use ptp_wire::{TimeInterval, TimePoint};
use tracing::{info, warn};

use super::{Runner, TROUBLE_NS};
use crate::agent::Agent;
use crate::metrics::SourceState;
use crate::plan::{ClockId, Source};
use crate::pulses::Pulses;
use crate::settings::{ExtraKind, ExtraSource, Settings};
use crate::sink::{MAJORITY, Measurement, Sink};

/// A pulse older than this says nothing, ns.
const PULSE_NS: u64 = 2_500_000_000;

/// Announcements of UTC that are closer are the same.
const HALF_SECOND: TimeInterval = TimeInterval::from_nanos(500_000_000);

/// Where an estimate comes from.
enum Kind {
    /// The number of the instance.
    Ptp(usize),
    Clock(ClockName),
    Pulses {
        pulses: Box<Pulses>,
        last: Option<(u64, TimeInterval)>,
    },
    Chronyd(Box<Chronyd>),
}

/// What was last said of a source.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Standing {
    #[default]
    Unknown,
    Absent,
    Good,
    False,
}

/// What a source counts for, as events have it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Candidacy {
    /// It has not been heard yet.
    Unknown,
    /// It gives no time.
    Silent,
    /// It is one of the majority.
    Member,
    /// It disagrees with the majority.
    False,
}

impl Candidacy {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Silent => "silent",
            Self::Member => "member",
            Self::False => "false",
        }
    }
}

struct Candidate {
    name: String,
    kind: Kind,
    /// On top of what the source says of itself.
    error: TimeInterval,
    standing: Standing,
}

fn name_of(extra: &ExtraSource) -> String {
    match &extra.kind {
        ExtraKind::Clock(name) => name.to_string(),
        ExtraKind::Pps(path) => path.clone(),
        ExtraKind::Chronyd(address) => format!("chronyd at {address}"),
    }
}

impl Candidate {
    fn ptp(number: usize, agent: &Agent, settings: &Settings) -> Self {
        let (name, error) = (agent.name(), settings.source_error);
        Self { name, kind: Kind::Ptp(number), error, standing: Standing::Unknown }
    }

    fn extra(extra: &ExtraSource) -> Result<Self, ClockError> {
        let kind = match &extra.kind {
            ExtraKind::Clock(name) => Kind::Clock(name.clone()),
            ExtraKind::Pps(path) => Kind::Pulses { pulses: Box::new(Pulses::open(path, None)?), last: None },
            ExtraKind::Chronyd(address) => Kind::Chronyd(Box::new(Chronyd::new(address, "phc-sync"))),
        };
        Ok(Self { name: name_of(extra), kind, error: extra.error, standing: Standing::Unknown })
    }
}

/// All sources, and what becomes of them.
pub(super) struct Ensemble {
    candidates: Vec<Candidate>,
    bridge: Bridge,
    no_majority: RateLimit,
    had_majority: bool,
}

impl Ensemble {
    /// Each source's name and what it counts for.
    pub(super) fn candidates(&self) -> impl Iterator<Item = (&str, Candidacy)> {
        self.candidates.iter().map(|c| {
            let standing = match c.standing {
                Standing::Unknown => Candidacy::Unknown,
                Standing::Absent => Candidacy::Silent,
                Standing::Good => Candidacy::Member,
                Standing::False => Candidacy::False,
            };
            (c.name.as_str(), standing)
        })
    }

    pub(super) fn new(settings: &Settings, agents: &[Agent]) -> Result<Self, ClockError> {
        let of_ptp = agents.iter().enumerate().map(|(i, agent)| Candidate::ptp(i, agent, settings));
        let extra = settings.extra_sources.iter().map(Candidate::extra);
        Ok(Self {
            candidates: of_ptp.map(Ok).chain(extra).collect::<Result<_, _>>()?,
            bridge: Bridge::new(settings.max_slew),
            no_majority: RateLimit::new(TROUBLE_NS),
            had_majority: false,
        })
    }

    /// Settings that a reload changed. Sources that are still there keep what is known of them; `place` has the new number of an
    /// instance.
    pub(super) fn configure(
        &mut self,
        settings: &Settings,
        agents: &[Agent],
        place: impl Fn(usize) -> Option<usize>,
    ) {
        self.bridge.set_max_slew(settings.max_slew);
        let before: Vec<String> = self.candidates.iter().map(|c| c.name.clone()).collect();
        let mut old = std::mem::take(&mut self.candidates);
        for (i, agent) in agents.iter().enumerate() {
            let same = |c: &Candidate| matches!(c.kind, Kind::Ptp(n) if place(n) == Some(i));
            let known = old.iter().position(same).map(|at| old.swap_remove(at));
            let standing = known.map_or(Standing::Unknown, |k| k.standing);
            self.candidates.push(Candidate { standing, ..Candidate::ptp(i, agent, settings) });
        }
        for extra in &settings.extra_sources {
            let name = name_of(extra);
            let known = old.iter().position(|c| c.name == name && !matches!(c.kind, Kind::Ptp(_)));
            match known.map(|at| Ok(old.swap_remove(at))).unwrap_or_else(|| Candidate::extra(extra)) {
                Ok(known) => self.candidates.push(Candidate { error: extra.error, ..known }),
                Err(e) => warn!(target: "sources", "{name} is left out until the next reload: {e}"),
            }
        }
        if !self.candidates.iter().map(|c| &c.name).eq(&before) {
            self.bridge.renumbered();
        }
    }

    /// What the majority makes of each.
    pub(super) fn standings(&self) -> impl Iterator<Item = SourceState> + '_ {
        self.candidates.iter().map(|c| SourceState {
            name: c.name.clone(),
            standing: match c.standing {
                Standing::Unknown => "unknown",
                Standing::Absent => "absent",
                Standing::Good => "good",
                Standing::False => "false",
            },
        })
    }
}

/// One source's measurement.
struct Heard {
    estimate: Option<Estimate>,
    local: Option<TimePoint>,
    delay: TimeInterval,
    /// Of an instance: what it announces.
    utc: Option<Utc>,
}

impl Heard {
    const NOTHING: Self = Self { estimate: None, local: None, delay: TimeInterval::ZERO, utc: None };
}

impl Runner {
    /// One measurement of the system clock against all.
    pub(super) fn update_by_majority(&mut self, sink: &mut Sink, now: u64) -> Result<(), ClockError> {
        let Some(mut ensemble) = self.ensemble.take() else { return Ok(()) };
        let done = self.vote(&mut ensemble, sink, now);
        self.ensemble = Some(ensemble);
        done
    }

    fn vote(&mut self, ensemble: &mut Ensemble, sink: &mut Sink, now: u64) -> Result<(), ClockError> {
        if let Some(entry) = self.clocks.get(sink.clock) {
            sink.look(entry, &self.settings, now)?;
        }
        let utc_domain = self.trusted_utc(sink)?;
        let mut heard = Vec::with_capacity(ensemble.candidates.len());
        for candidate in &mut ensemble.candidates {
            let h = self.hear(candidate, sink.clock, utc_domain, now)?;
            if h.estimate.is_none() && candidate.standing != Standing::Absent {
                if candidate.standing != Standing::Unknown {
                    warn!(target: "sources", "{} gives no time", candidate.name);
                }
                candidate.standing = Standing::Absent;
            }
            heard.push(h);
        }
        let present: Vec<usize> = (0..heard.len()).filter(|i| heard[*i].estimate.is_some()).collect();
        let estimates: Vec<Estimate> = heard.iter().filter_map(|h| h.estimate).collect();
        let Some(verdict) = intersect(&estimates) else {
            if !estimates.is_empty()
                && (std::mem::take(&mut ensemble.had_majority) || ensemble.no_majority.allow(now).is_some())
            {
                let words: Vec<String> = present
                    .iter()
                    .zip(&estimates)
                    .filter_map(|(i, e)| {
                        let name = &ensemble.candidates.get(*i)?.name;
                        Some(format!("{name} {:.0} +- {:.0} ns", e.offset, e.radius))
                    })
                    .collect();
                warn!(target: "sources", "no majority: the clock runs on by itself ({})", words.join(", "));
            }
            if !sink.is_lost() {
                sink.pause();
            }
            return Ok(());
        };
        ensemble.had_majority = true;
        let mut members = Vec::new();
        for ((i, e), member) in present.iter().zip(&estimates).zip(&verdict.members) {
            let Some(candidate) = ensemble.candidates.get_mut(*i) else { continue };
            let standing = if *member { Standing::Good } else { Standing::False };
            if *member {
                members.push(*i);
            }
            if candidate.standing != standing {
                match standing {
                    Standing::False => warn!(
                        target: "sources",
                        "falseticker: {} is {:.0} ns off the majority, and says it is within {:.0} ns",
                        candidate.name,
                        verdict.offset - e.offset,
                        e.radius
                    ),
                    _ if candidate.standing == Standing::False => {
                        info!(target: "sources", "{} agrees with the majority again", candidate.name);
                    }
                    _ => info!(target: "sources", "{} is one of the majority", candidate.name),
                }
                candidate.standing = standing;
            }
        }
        let fed = ensemble.bridge.feed(verdict.offset, &members, now, sink.is_locked());
        let rest = ensemble.bridge.rest().abs();
        let first = members.first().and_then(|i| heard.get(*i));
        let Some(local) = first.and_then(|h| h.local) else { return Ok(()) };
        // The leap second, too, is a matter of the majority: of those that announce any.
        let announcers: Vec<(usize, Source, Utc)> = members
            .iter()
            .filter_map(|i| {
                let Kind::Ptp(domain) = ensemble.candidates.get(*i)?.kind else { return None };
                let clock = self.domain_sources.get(domain).copied().flatten()?;
                Some((*i, Source { clock, domain: Some(domain) }, heard.get(*i)?.utc?))
            })
            .collect();
        let votes = |l: LeapSecond| announcers.iter().filter(|a| a.2.leap == l).count();
        let leap = [LeapSecond::Insert, LeapSecond::Delete]
            .into_iter()
            .find(|l| 2 * votes(*l) > announcers.len())
            .unwrap_or(LeapSecond::None);
        let is_system = self.clocks.get(sink.clock).is_some_and(|e| e.clock.is_system());
        if is_system && let Some((_, source, utc)) = announcers.iter().find(|a| a.2.leap == leap) {
            self.tell_kernel(*source, utc)?;
        }
        let m = Measurement {
            offset: TimeInterval::from_nanos_f64(fed),
            local,
            delay: first.map(|h| h.delay),
            kind: MAJORITY,
            leap,
            source_error_ns: verdict.radius,
        };
        let settings = &self.settings;
        let Some(entry) = self.clocks.get(sink.clock) else { return Ok(()) };
        let stepped = sink.update(entry, settings, &m, || Ok(None), now)?;
        if stepped {
            ensemble.bridge.reset();
        }
        self.keep_bound(sink, m.offset, verdict.radius + rest);
        Ok(())
    }

    /// Whose announcement of UTC holds for clocks that show TAI and announce nothing: that of more than half of the instances.
    /// Where they disagree, that by which the clock that is steered is right already; at the start nobody's.
    fn trusted_utc(&mut self, sink: &Sink) -> Result<Option<usize>, ClockError> {
        let mut said = Vec::new();
        for domain in 0..self.agents.len() {
            let announces = self.agents.get(domain).is_some_and(|a| a.time().is_some());
            let Some(clock) = self.domain_sources.get(domain).copied().flatten().filter(|_| announces) else {
                continue;
            };
            // A clock that fails is one less.
            let Some(Ok(at)) = self.clocks.get(clock).filter(|e| !e.utc).map(|e| e.clock.now()) else {
                continue;
            };
            let is_system = self.clocks.get(sink.clock).is_some_and(|e| e.clock.is_system());
            let utc = self.utc(Source { clock, domain: Some(domain) }, at, false, is_system);
            let shown = self.clocks.get(sink.clock).map(|e| e.clock.now()).transpose()?;
            let off = shown.map_or(TimeInterval::MAX, |shown| (shown - at) + utc.behind);
            said.push((domain, utc.behind, off));
        }
        let same = |a: TimeInterval, b: TimeInterval| (a - b).abs() < HALF_SECOND;
        let agreeing = |behind| said.iter().filter(|s| same(s.1, behind)).count();
        let most = said.iter().find(|s| 2 * agreeing(s.1) > said.len());
        let by_continuity = || said.iter().find(|s| sink.is_locked() && s.2.abs() < HALF_SECOND);
        Ok(most.or_else(by_continuity).map(|s| s.0))
    }

    fn hear(
        &mut self,
        candidate: &mut Candidate,
        sink: ClockId,
        utc_domain: Option<usize>,
        now: u64,
    ) -> Result<Heard, ClockError> {
        let error = candidate.error.nanos_f64();
        match &mut candidate.kind {
            Kind::Ptp(domain) => {
                let domain = *domain;
                let Some(clock) = self.domain_sources.get(domain).copied().flatten() else {
                    return Ok(Heard::NOTHING);
                };
                let own = self.source_error(Source { clock, domain: Some(domain) });
                self.hear_clock(clock, Some(domain), sink, own)
            }
            Kind::Clock(name) => match self.clocks.open(name, None, &self.settings) {
                Ok(clock) => {
                    let announced = self.agents.iter().any(|a| a.time().is_some());
                    let known = utc_domain.is_some() || !announced || self.settings.offset.is_some();
                    if !known && !self.clocks.get(clock).is_some_and(|e| e.utc) {
                        return Ok(Heard::NOTHING);
                    }
                    let heard = self.hear_clock(clock, utc_domain, sink, error)?;
                    // It has no vote on the leap second: that is the instances' word.
                    Ok(Heard { utc: None, ..heard })
                }
                Err(_) => Ok(Heard::NOTHING),
            },
            Kind::Pulses { pulses, last } => {
                if let Some(pulse) = pulses.fetch(now)? {
                    *last = crate::pulses::offset(pulse, None).map(|o| (now, o));
                }
                let fresh = last.filter(|(at, _)| now.saturating_sub(*at) < PULSE_NS);
                let estimate = fresh.map(|(_, o)| Estimate { offset: o.nanos_f64(), radius: error });
                Ok(Heard { estimate, ..Heard::NOTHING })
            }
            Kind::Chronyd(chronyd) => {
                let estimate =
                    chronyd.ask(now).map(|e| Estimate { offset: e.offset, radius: e.radius + error });
                let local = self.clocks.get(sink).map(|e| e.clock.now()).transpose()?;
                Ok(Heard { estimate, local, ..Heard::NOTHING })
            }
        }
    }

    fn hear_clock(
        &mut self,
        clock: ClockId,
        domain: Option<usize>,
        sink: ClockId,
        error_ns: f64,
    ) -> Result<Heard, ClockError> {
        let c = match self.clocks.compare(clock, sink, &self.comparer) {
            Some(Ok(c)) => c,
            // A source that fails is one less; the sink's own failure shows when it is steered.
            Some(Err(_)) | None => return Ok(Heard::NOTHING),
        };
        let is_system = self.clocks.get(sink).is_some_and(|e| e.clock.is_system());
        let source_utc = self.clocks.get(clock).is_some_and(|e| e.utc);
        let (behind, utc) = match domain {
            _ if source_utc || self.settings.offset.is_some() => (TimeInterval::ZERO, None),
            Some(_) => {
                let utc = self.utc(Source { clock, domain }, c.source, source_utc, is_system);
                if utc.suspended {
                    return Ok(Heard::NOTHING);
                }
                (utc.behind, Some(utc))
            }
            // Nobody announces it: the kernel may know.
            None => {
                let tai = SystemClock::new().tai_offset()?;
                if tai == 0 {
                    return Ok(Heard::NOTHING);
                }
                (TimeInterval::from_nanos(i64::from(tai) * 1_000_000_000), None)
            }
        };
        let behind = self.settings.offset.map_or(behind, |o| -o);
        let target = TimePoint::from_scaled(c.source.scaled() - i128::from(behind.0));
        let estimate =
            Estimate { offset: (c.sink - target).nanos_f64(), radius: error_ns + c.delay.nanos_f64() / 2.0 };
        Ok(Heard { estimate: Some(estimate), local: Some(c.sink), delay: c.delay, utc })
    }
}
