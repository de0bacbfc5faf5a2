//! The state selection of the BTCA (802.1AS-2020 10.3.13).

use ptp_wire::{ClockIdentity, PortIdentity};

use crate::engine::bmca::{Candidate, Decision};

/// A priority vector (10.3.5), without the receiving port's number; lower is better.
type Vector = (u8, u8, u8, u16, u8, ClockIdentity, u32, PortIdentity);

fn vector(c: &Candidate, steps_removed: u32, sender: PortIdentity) -> Vector {
    let q = c.quality;
    let (class, accuracy, variance) = (q.clock_class, q.clock_accuracy.0, q.offset_scaled_log_variance);
    (c.priority1, class, accuracy, variance, c.priority2, c.grandmaster, steps_removed, sender)
}

/// Decides the role of the port `id`. `here` is what it received and what has not aged, `best` the best of all ports
/// with the mark whether it came in by this port.
pub(in crate::engine) fn decide(
    own: &Candidate,
    id: PortIdentity,
    here: Option<&Candidate>,
    best: Option<(&Candidate, bool)>,
) -> Decision {
    let received = |c: &Candidate| vector(c, u32::from(c.steps_removed) + 1, c.sender);
    let own_vector = vector(own, 0, own.sender);
    let Some((best, came_here)) = best.filter(|(b, _)| received(b) < own_vector) else {
        return Decision::M2;
    };
    if came_here {
        return Decision::S1;
    }
    // What this port would announce, against what it hears.
    let master = vector(best, u32::from(best.steps_removed) + 1, id);
    match here {
        Some(here) if vector(here, u32::from(here.steps_removed), here.sender) < master => Decision::P2,
        _ => Decision::M3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ptp_wire::ClockQuality;

    fn candidate(priority1: u8, gm: u8, steps: u16, sender: u8) -> Candidate {
        Candidate {
            local_priority: 128,
            priority1,
            quality: ClockQuality::DEFAULT,
            priority2: 248,
            grandmaster: ClockIdentity([gm; 8]),
            steps_removed: steps,
            sender: PortIdentity::new(ClockIdentity([sender; 8]), 1),
            receiver: PortIdentity::new(ClockIdentity([9; 8]), 1),
        }
    }

    #[test]
    fn the_better_system_serves_at_once_and_the_longer_way_is_passive() {
        let own = candidate(248, 9, 0, 9);
        let id = PortIdentity::new(ClockIdentity([9; 8]), 2);
        assert_eq!(decide(&own, id, None, None), Decision::M2);
        let worse = candidate(250, 1, 0, 1);
        assert_eq!(decide(&own, id, Some(&worse), Some((&worse, true))), Decision::M2);
        let best = candidate(246, 1, 1, 5);
        assert_eq!(decide(&own, id, Some(&best), Some((&best, true))), Decision::S1);
        assert_eq!(decide(&own, id, None, Some((&best, false))), Decision::M3);
        // A neighbour as far as we are: the lower identity serves.
        assert_eq!(decide(&own, id, Some(&candidate(246, 1, 2, 5)), Some((&best, false))), Decision::P2);
        assert_eq!(decide(&own, id, Some(&candidate(246, 1, 2, 10)), Some((&best, false))), Decision::M3);
        assert_eq!(decide(&own, id, Some(&candidate(246, 1, 3, 5)), Some((&best, false))), Decision::M3);
    }

    #[test]
    fn class_6_yields_to_a_better_priority() {
        let mut own = candidate(248, 9, 0, 9);
        own.quality.clock_class = 6;
        let best = candidate(246, 1, 0, 1);
        let id = PortIdentity::new(ClockIdentity([9; 8]), 1);
        assert_eq!(decide(&own, id, Some(&best), Some((&best, true))), Decision::S1);
    }
}
