//! The best master clock algorithm: comparison of two data sets (1588-2019 9.3.4) and the state decision (9.3.3).

use std::cmp::Ordering;

use ptp_wire::{Announce, ClockAccuracy, ClockIdentity, ClockQuality, PortIdentity};

use super::instance::Instance;
use super::{BestMaster, telecom};

/// What is compared: a data set and how it came here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Candidate {
    pub(super) priority1: u8,
    pub(super) quality: ClockQuality,
    pub(super) priority2: u8,
    pub(super) grandmaster: ClockIdentity,
    pub(super) steps_removed: u16,
    pub(super) sender: PortIdentity,
    pub(super) receiver: PortIdentity,
    /// G.8275's and G.8265.1's localPriority of the way it came.
    pub(super) local_priority: u8,
}

impl Candidate {
    /// D0: the instance's own defaultDS.
    pub(super) fn own(instance: &Instance) -> Self {
        let config = &instance.config;
        let id = PortIdentity::new(config.clock_identity, 0);
        Self {
            priority1: config.priority1,
            quality: instance.quality(),
            priority2: config.priority2,
            grandmaster: config.clock_identity,
            steps_removed: 0,
            sender: id,
            receiver: id,
            local_priority: config.local_priority,
        }
    }

    /// A clock that is worse than all others.
    pub(super) fn last(instance: &Instance) -> Self {
        let quality = ClockQuality {
            clock_class: 255,
            clock_accuracy: ClockAccuracy(0xff),
            offset_scaled_log_variance: 0xffff,
        };
        Self { priority1: 255, quality, priority2: 255, local_priority: 255, ..Self::own(instance) }
    }

    /// A foreign master's Announce, received on `receiver`.
    pub(super) fn foreign(
        announce: &Announce,
        sender: PortIdentity,
        receiver: PortIdentity,
        local_priority: u8,
    ) -> Self {
        Self {
            priority1: announce.grandmaster_priority1,
            quality: announce.grandmaster_clock_quality,
            priority2: announce.grandmaster_priority2,
            grandmaster: announce.grandmaster_identity,
            steps_removed: announce.steps_removed,
            sender,
            receiver,
            local_priority,
        }
    }
}

/// What the comparison says of A against B.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Better,
    BetterByTopology,
    /// error-1 or error-2: the same message, or one that came back.
    Same,
    WorseByTopology,
    Worse,
}

impl Verdict {
    pub(super) fn is_better(self) -> bool {
        matches!(self, Self::Better | Self::BetterByTopology)
    }

    fn reversed(self) -> Self {
        match self {
            Self::Better => Self::Worse,
            Self::BetterByTopology => Self::WorseByTopology,
            Self::Same => Self::Same,
            Self::WorseByTopology => Self::BetterByTopology,
            Self::Worse => Self::Better,
        }
    }
}

/// The data set comparison of a rule.
pub(super) fn compare(rule: BestMaster, a: &Candidate, b: &Candidate) -> Verdict {
    match rule {
        BestMaster::Ieee1588 | BestMaster::Ieee8021As | BestMaster::Static => ieee1588(a, b),
        BestMaster::G8275 => telecom::g8275(a, b),
        BestMaster::G8265 => telecom::g8265(a, b),
    }
}

/// The data set comparison algorithm, parts 1 and 2 (figures 34 and 35).
fn ieee1588(a: &Candidate, b: &Candidate) -> Verdict {
    if a.grandmaster == b.grandmaster {
        return by_topology(a, b);
    }
    let rank = |c: &Candidate| {
        (
            c.priority1,
            c.quality.clock_class,
            c.quality.clock_accuracy,
            c.quality.offset_scaled_log_variance,
            c.priority2,
            c.grandmaster,
        )
    };
    if rank(a) < rank(b) { Verdict::Better } else { Verdict::Worse }
}

/// Part 2: the same grandmaster, seen over two ways.
pub(super) fn by_topology(a: &Candidate, b: &Candidate) -> Verdict {
    let (sa, sb) = (u32::from(a.steps_removed), u32::from(b.steps_removed));
    if sa > sb + 1 {
        return Verdict::Worse;
    }
    if sa + 1 < sb {
        return Verdict::Better;
    }
    match sa.cmp(&sb) {
        Ordering::Greater => one_step_farther(a),
        Ordering::Less => one_step_farther(b).reversed(),
        Ordering::Equal => match a.sender.cmp(&b.sender) {
            Ordering::Less => Verdict::BetterByTopology,
            Ordering::Greater => Verdict::WorseByTopology,
            Ordering::Equal => match a.receiver.port_number.cmp(&b.receiver.port_number) {
                Ordering::Less => Verdict::BetterByTopology,
                Ordering::Greater => Verdict::WorseByTopology,
                Ordering::Equal => Verdict::Same,
            },
        },
    }
}

/// `far` is one step farther than the other one: what that makes of `far`.
fn one_step_farther(far: &Candidate) -> Verdict {
    match far.receiver.cmp(&far.sender) {
        Ordering::Less => Verdict::Worse,
        Ordering::Greater => Verdict::WorseByTopology,
        Ordering::Equal => Verdict::Same,
    }
}

/// What a comparison turns on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Field {
    Nothing = 0,
    Priority1 = 1,
    ClockClass = 2,
    ClockAccuracy = 3,
    Variance = 4,
    Priority2 = 5,
    LocalPriority = 6,
    Grandmaster = 7,
    StepsRemoved = 8,
    Sender = 9,
    Receiver = 10,
}

/// The first field that `rule` looks at and in which the two differ: [`compare`] decides by it.
pub(super) fn decided_by(rule: BestMaster, a: &Candidate, b: &Candidate) -> Field {
    use Field::*;
    let order: &[Field] = match rule {
        BestMaster::G8275 if a.quality.clock_class > 127 => &[
            ClockClass,
            ClockAccuracy,
            Variance,
            Priority2,
            LocalPriority,
            Grandmaster,
            StepsRemoved,
            Sender,
            Receiver,
        ],
        BestMaster::G8275 => {
            &[ClockClass, ClockAccuracy, Variance, Priority2, LocalPriority, StepsRemoved, Sender, Receiver]
        }
        BestMaster::G8265 => &[ClockClass, LocalPriority, Sender, Receiver],
        _ if a.grandmaster == b.grandmaster => &[StepsRemoved, Sender, Receiver],
        _ => &[Priority1, ClockClass, ClockAccuracy, Variance, Priority2, Grandmaster],
    };
    let differs = |field: &&Field| match field {
        Nothing => false,
        Priority1 => a.priority1 != b.priority1,
        ClockClass => a.quality.clock_class != b.quality.clock_class,
        ClockAccuracy => a.quality.clock_accuracy != b.quality.clock_accuracy,
        Variance => a.quality.offset_scaled_log_variance != b.quality.offset_scaled_log_variance,
        Priority2 => a.priority2 != b.priority2,
        LocalPriority => a.local_priority != b.local_priority,
        Grandmaster => a.grandmaster != b.grandmaster,
        StepsRemoved => a.steps_removed != b.steps_removed,
        Sender => a.sender != b.sender,
        Receiver => a.receiver.port_number != b.receiver.port_number,
    };
    order.iter().find(differs).copied().unwrap_or(Nothing)
}

/// The codes of the state decision (figure 33). The numbers are FOREIGN_MASTERS_NP's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Decision {
    /// Grandmaster of class 1..=127.
    M1 = 1,
    /// Grandmaster.
    M2 = 2,
    /// Master below another port's master.
    M3 = 3,
    /// Passive, class 1..=127.
    P1 = 4,
    /// Passive: another port has a shorter way to the same grandmaster.
    P2 = 5,
    /// Client of this port's best.
    S1 = 6,
    /// Still LISTENING: nothing known.
    Stay = 7,
    /// The neighbour is not asCapable, or the port has no role: LISTENING.
    NotCapable = 8,
}

/// Decides one port's state. `best_here` is Erbest, `best` is Ebest with the mark whether it came in by this port.
pub(super) fn decide(
    rule: BestMaster,
    own: &Candidate,
    best_here: Option<&Candidate>,
    best: Option<(&Candidate, bool)>,
    listening: bool,
) -> Decision {
    if best_here.is_none() && listening {
        return Decision::Stay;
    }
    if (1..=127).contains(&own.quality.clock_class) {
        return match best_here {
            Some(here) if !compare(rule, own, here).is_better() => Decision::P1,
            _ => Decision::M1,
        };
    }
    let Some((best, came_here)) = best else { return Decision::M2 };
    if compare(rule, own, best).is_better() {
        return Decision::M2;
    }
    if came_here {
        return Decision::S1;
    }
    match best_here {
        Some(here) if matches!(compare(rule, best, here), Verdict::BetterByTopology) => Decision::P2,
        _ => Decision::M3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: BestMaster = BestMaster::Ieee1588;

    fn candidate(gm: u8, steps: u16, sender: u8, receiver: u8) -> Candidate {
        Candidate {
            priority1: 128,
            quality: ClockQuality::DEFAULT,
            priority2: 128,
            grandmaster: ClockIdentity([gm; 8]),
            steps_removed: steps,
            sender: PortIdentity::new(ClockIdentity([sender; 8]), 1),
            receiver: PortIdentity::new(ClockIdentity([receiver; 8]), 1),
            local_priority: 128,
        }
    }

    #[test]
    fn what_decided_is_what_makes_the_difference() {
        use Field::*;
        let mut rng = super::super::rng::Rng::new(3);
        let mut seen = [0; 11];
        for rule in [BestMaster::Ieee1588, BestMaster::G8275, BestMaster::G8265, BestMaster::Ieee8021As] {
            for _ in 0..20_000 {
                let mut pick = |n: u64| (rng.next() % n) as u8;
                // Few values each, so that fields are often the same.
                let mut draw = || {
                    let mut c = candidate(pick(3), u16::from(pick(2)), pick(2), 9);
                    c.priority1 = pick(2);
                    c.quality.clock_class = [6, 248][usize::from(pick(2))];
                    c.quality.clock_accuracy.0 = pick(2);
                    c.quality.offset_scaled_log_variance = pick(2).into();
                    c.priority2 = pick(2);
                    c.local_priority = pick(2);
                    c
                };
                let (a, b) = (draw(), draw());
                let field = decided_by(rule, &a, &b);
                seen[field as usize] += 1;
                let verdict = compare(rule, &a, &b);
                // With everything equal up to it but this one turned round, the verdict turns round.
                let mut turned = (a, b);
                match field {
                    Nothing => {
                        assert_eq!(verdict, Verdict::Same);
                        continue;
                    }
                    Priority1 => std::mem::swap(&mut turned.0.priority1, &mut turned.1.priority1),
                    ClockClass => {
                        std::mem::swap(&mut turned.0.quality.clock_class, &mut turned.1.quality.clock_class)
                    }
                    ClockAccuracy => std::mem::swap(
                        &mut turned.0.quality.clock_accuracy,
                        &mut turned.1.quality.clock_accuracy,
                    ),
                    Variance => {
                        let (x, y) = (&mut turned.0.quality, &mut turned.1.quality);
                        std::mem::swap(&mut x.offset_scaled_log_variance, &mut y.offset_scaled_log_variance);
                    }
                    Priority2 => std::mem::swap(&mut turned.0.priority2, &mut turned.1.priority2),
                    LocalPriority => {
                        std::mem::swap(&mut turned.0.local_priority, &mut turned.1.local_priority)
                    }
                    Grandmaster => std::mem::swap(&mut turned.0.grandmaster, &mut turned.1.grandmaster),
                    Sender => std::mem::swap(&mut turned.0.sender, &mut turned.1.sender),
                    // One step more or less is weighed by topology.
                    StepsRemoved | Receiver => continue,
                }
                assert_eq!(
                    compare(rule, &turned.0, &turned.1),
                    verdict.reversed(),
                    "{rule:?} {field:?} {a:?} {b:?}"
                );
            }
        }
        assert!(seen[..10].iter().all(|n| *n > 0), "{seen:?}");
    }

    #[test]
    fn part_1_goes_through_the_fields_in_order() {
        let base = candidate(5, 0, 5, 9);
        type Change = fn(&mut Candidate);
        // Each makes one field better; later ones must not outweigh earlier ones.
        let better: [Change; 6] = [
            |c| c.priority1 = 1,
            |c| c.quality.clock_class = 6,
            |c| c.quality.clock_accuracy.0 = 0x20,
            |c| c.quality.offset_scaled_log_variance = 1,
            |c| c.priority2 = 1,
            |c| c.grandmaster = ClockIdentity([4; 8]),
        ];
        for (i, first) in better.iter().enumerate() {
            let mut a = base;
            a.grandmaster = ClockIdentity([6; 8]);
            first(&mut a);
            let mut b = base;
            for later in &better[i + 1..] {
                later(&mut b);
            }
            assert_eq!(ieee1588(&a, &b), Verdict::Better, "field {i}");
            assert_eq!(ieee1588(&b, &a), Verdict::Worse, "field {i}");
        }
    }

    #[test]
    fn the_same_grandmaster_is_decided_by_topology_whatever_else_differs() {
        let mut a = candidate(5, 3, 7, 9);
        a.priority1 = 0;
        assert_eq!(ieee1588(&a, &candidate(5, 1, 7, 9)), Verdict::Worse);
        assert_eq!(ieee1588(&candidate(5, 1, 7, 9), &a), Verdict::Better);
    }

    #[test]
    fn one_step_apart_looks_at_who_received_from_whom() {
        // A is one step farther. Receiver below sender: B better; above: better by topology; equal: error-1.
        assert_eq!(ieee1588(&candidate(5, 2, 9, 7), &candidate(5, 1, 8, 7)), Verdict::Worse);
        assert_eq!(ieee1588(&candidate(5, 2, 7, 9), &candidate(5, 1, 8, 9)), Verdict::WorseByTopology);
        assert_eq!(ieee1588(&candidate(5, 2, 9, 9), &candidate(5, 1, 8, 9)), Verdict::Same);
        assert_eq!(ieee1588(&candidate(5, 1, 8, 9), &candidate(5, 2, 7, 9)), Verdict::BetterByTopology);
    }

    #[test]
    fn equal_steps_fall_to_the_sender_then_to_the_receiving_port() {
        assert_eq!(ieee1588(&candidate(5, 1, 7, 9), &candidate(5, 1, 8, 9)), Verdict::BetterByTopology);
        let mut second = candidate(5, 1, 7, 9);
        second.receiver.port_number.0 = 2;
        assert_eq!(ieee1588(&second, &candidate(5, 1, 7, 9)), Verdict::WorseByTopology);
        assert_eq!(ieee1588(&second, &second.clone()), Verdict::Same);
    }

    #[test]
    fn comparison_is_antisymmetric() {
        let mut all = Vec::new();
        for gm in [4, 5] {
            for steps in [0, 1, 2, 3, u16::MAX] {
                for sender in [6, 7, 9] {
                    for receiver in [6, 8] {
                        all.push(candidate(gm, steps, sender, receiver));
                    }
                }
            }
        }
        for a in &all {
            for b in &all {
                assert_eq!(ieee1588(a, b), ieee1588(b, a).reversed(), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn the_state_decision_follows_figure_33() {
        let own = candidate(9, 0, 9, 9);
        let worse = candidate(10, 0, 10, 9);
        let better = candidate(5, 1, 7, 9);
        let by_other_way = candidate(5, 1, 8, 9);
        let mut primary = own;
        primary.quality.clock_class = 6;
        assert_eq!(decide(RULE, &own, None, None, true), Decision::Stay);
        assert_eq!(decide(RULE, &own, None, Some((&better, false)), true), Decision::Stay);
        assert_eq!(decide(RULE, &own, None, None, false), Decision::M2);
        assert_eq!(decide(RULE, &own, Some(&worse), Some((&worse, true)), false), Decision::M2);
        assert_eq!(decide(RULE, &own, Some(&better), Some((&better, true)), false), Decision::S1);
        assert_eq!(decide(RULE, &own, Some(&by_other_way), Some((&better, false)), false), Decision::P2);
        assert_eq!(decide(RULE, &own, Some(&worse), Some((&better, false)), false), Decision::M3);
        assert_eq!(decide(RULE, &own, None, Some((&better, false)), false), Decision::M3);
        assert_eq!(decide(RULE, &primary, Some(&better), Some((&better, true)), false), Decision::M1);
        let mut best = better;
        best.priority1 = 1;
        assert_eq!(decide(RULE, &primary, Some(&best), Some((&best, true)), false), Decision::P1);
        assert_eq!(decide(RULE, &primary, None, Some((&best, false)), false), Decision::M1);
    }
}
