//! The choice of a master in ITU-T's profiles.

use ptp_wire::Announce;

use super::Instant;
use super::bmca::{Candidate, Verdict, by_topology};
use super::port::Port;

/// The alternate data set comparison of G.8275.1 and G.8275.2 (6.3.7): no priority1, no short way for a common
/// grandmaster, local priorities, and several active grandmasters where their class is 127 or less.
pub(super) fn g8275(a: &Candidate, b: &Candidate) -> Verdict {
    let rank = |c: &Candidate| {
        let q = c.quality;
        let quality = (q.clock_class, q.clock_accuracy, q.offset_scaled_log_variance);
        (quality, c.priority2, c.local_priority)
    };
    let by = |order| match order {
        core::cmp::Ordering::Less => Some(Verdict::Better),
        core::cmp::Ordering::Greater => Some(Verdict::Worse),
        core::cmp::Ordering::Equal => None,
    };
    if let Some(verdict) = by(rank(a).cmp(&rank(b))) {
        return verdict;
    }
    if a.quality.clock_class > 127
        && let Some(verdict) = by(a.grandmaster.cmp(&b.grandmaster))
    {
        return verdict;
    }
    by_topology(a, b)
}

/// The selection of G.8265.1 (6.7.3): quality level, then the priority configured for the master.
pub(super) fn g8265(a: &Candidate, b: &Candidate) -> Verdict {
    let rank = |c: &Candidate| (c.quality.clock_class, c.local_priority, c.sender, c.receiver.port_number);
    match rank(a).cmp(&rank(b)) {
        core::cmp::Ordering::Less => Verdict::Better,
        core::cmp::Ordering::Greater => Verdict::Worse,
        core::cmp::Ordering::Equal => Verdict::Same,
    }
}

/// The quality level that a clock class stands for (G.8265.1 table 1): even numbers, better ones are lower. `None`:
/// not to be used for synchronisation (110), or no quality level at all.
pub(super) fn quality_level(announce: &Announce) -> Option<u8> {
    let class = announce.grandmaster_clock_quality.clock_class;
    ((80..110).contains(&class) && class.is_multiple_of(2)).then_some(class)
}

/// Where some port hears a master that has not failed, those that have are nobody's choice. Where all have failed, one of
/// them is better than none.
pub(super) fn spare_failed(best: &mut [Option<Candidate>], ports: &[Port], now: Instant) {
    let failed = |port: &Port, c: &Candidate| port.foreign.has_failed(c.sender, now);
    let sound = best.iter().zip(ports).any(|(c, port)| c.as_ref().is_some_and(|c| !failed(port, c)));
    for (candidate, port) in best.iter_mut().zip(ports).filter(|_| sound) {
        candidate.take_if(|c| failed(port, c));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ptp_wire::{ClockIdentity, ClockQuality, PortIdentity};

    fn candidate(gm: u8, class: u8, steps: u16, sender: u8) -> Candidate {
        Candidate {
            priority1: 128,
            quality: ClockQuality { clock_class: class, ..ClockQuality::DEFAULT },
            priority2: 128,
            grandmaster: ClockIdentity([gm; 8]),
            steps_removed: steps,
            sender: PortIdentity::new(ClockIdentity([sender; 8]), 1),
            receiver: PortIdentity::new(ClockIdentity([200; 8]), 1),
            local_priority: 128,
        }
    }

    #[test]
    fn the_steps_come_in_their_order_and_priority1_in_none() {
        let base = candidate(5, 248, 3, 5);
        type Change = fn(&mut Candidate);
        let better: [Change; 6] = [
            |c| c.quality.clock_class = 165,
            |c| c.quality.clock_accuracy.0 = 0x20,
            |c| c.quality.offset_scaled_log_variance = 1,
            |c| c.priority2 = 1,
            |c| c.local_priority = 1,
            |c| c.grandmaster = ClockIdentity([4; 8]),
        ];
        for (i, first) in better.iter().enumerate() {
            let mut a = base;
            a.priority1 = 255;
            a.grandmaster = ClockIdentity([6; 8]);
            first(&mut a);
            let mut b = base;
            b.priority1 = 0;
            for later in &better[i + 1..] {
                later(&mut b);
            }
            assert_eq!(g8275(&a, &b), Verdict::Better, "step {i}");
            assert_eq!(g8275(&b, &a), Verdict::Worse, "step {i}");
        }
    }

    #[test]
    fn a_common_grandmaster_is_no_short_way_round_the_local_priority() {
        let near = candidate(5, 6, 1, 7);
        let mut far = candidate(5, 6, 9, 8);
        far.local_priority = 1;
        assert_eq!(g8275(&far, &near), Verdict::Better);
    }

    #[test]
    fn of_several_active_grandmasters_the_nearest_wins_up_to_class_127() {
        let near = candidate(9, 6, 1, 7);
        let far = candidate(5, 6, 4, 8);
        assert_eq!(g8275(&near, &far), Verdict::Better);
        let as_near = candidate(5, 6, 1, 8);
        assert_eq!(g8275(&near, &as_near), Verdict::BetterByTopology);
        // Above it, the identity of the grandmaster decides.
        assert_eq!(g8275(&candidate(9, 140, 1, 7), &candidate(5, 140, 4, 8)), Verdict::Worse);
    }

    #[test]
    fn quality_level_comes_before_priority() {
        let mut first = candidate(9, 84, 0, 9);
        let mut second = candidate(5, 84, 0, 5);
        first.local_priority = 1;
        second.local_priority = 2;
        assert_eq!(g8265(&first, &second), Verdict::Better);
        second.quality.clock_class = 80;
        assert_eq!(g8265(&first, &second), Verdict::Worse);
        // The distance and the standard's priorities count for nothing.
        second = Candidate { priority1: 0, priority2: 0, steps_removed: 0, ..first };
        second.local_priority = 2;
        assert_eq!(g8265(&first, &second), Verdict::Better);
    }
}
