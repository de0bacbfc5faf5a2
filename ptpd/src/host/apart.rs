//! Looks whether the clocks of an instance's ports are together that another program keeps (`port_clocks: external`).

use ptp_clock::Comparer;
use ptp_wire::TimeInterval;

use super::together::Clocks;

/// ns between looks.
const INTERVAL_NS: u64 = 1_000_000_000;
/// Readings of each comparison, of which the shortest counts.
const READINGS: u32 = 5;
/// Farther off than this (beside half the time a reading takes) clocks are apart.
const FAR: TimeInterval = TimeInterval::from_nanos(5_000);
/// So many looks in a row: the other program has to start, too, and to follow a step.
const PATIENCE: u32 = 10;
/// ns until it is told again.
const AGAIN_NS: u64 = 60_000_000_000;

/// What is to be told of a clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finding {
    /// It has been off the one that is disciplined for a while, by this now.
    Apart(TimeInterval),
    /// It was told to be apart, and is not any more.
    Together,
}

/// The clocks of one instance's ports.
#[derive(Debug)]
pub struct Apart {
    members: Vec<Member>,
    due: u64,
}

#[derive(Debug)]
struct Member {
    clock: usize,
    looks: u32,
    told: Option<u64>,
}

impl Apart {
    /// These clocks, by their numbers; `None` where it is one only.
    pub fn new(clocks: impl IntoIterator<Item = usize>) -> Option<Self> {
        let mut members: Vec<Member> = Vec::new();
        for clock in clocks {
            if !members.iter().any(|m| m.clock == clock) {
                members.push(Member { clock, looks: 0, told: None });
            }
        }
        (members.len() > 1).then_some(Self { members, due: 0 })
    }

    /// When [`Apart::run`] is wanted.
    pub const fn next_deadline(&self) -> u64 {
        self.due
    }

    /// Compares with `source`, the clock that is disciplined, if it is time. A clock that cannot be read now is looked at again.
    pub fn run(&mut self, now_ns: u64, source: usize, clocks: &mut impl Clocks) -> Vec<(usize, Finding)> {
        let mut found = Vec::new();
        if now_ns < self.due {
            return found;
        }
        self.due = now_ns.saturating_add(INTERVAL_NS);
        for member in self.members.iter_mut().filter(|m| m.clock != source) {
            let Some((right, other)) = clocks.two(source, member.clock) else { continue };
            let Ok(comparison) = Comparer::new(READINGS).compare(right, other) else { continue };
            let offset = comparison.offset();
            if offset.abs() <= FAR + comparison.delay.half() {
                member.looks = 0;
                if member.told.take().is_some() {
                    found.push((member.clock, Finding::Together));
                }
                continue;
            }
            member.looks = member.looks.saturating_add(1);
            let again = member.told.is_none_or(|at| now_ns.saturating_sub(at) >= AGAIN_NS);
            if member.looks >= PATIENCE && again {
                member.told = Some(now_ns);
                found.push((member.clock, Finding::Apart(offset)));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use ptp_clock::{Clock, VirtualClock, VirtualOptions};

    use super::*;

    struct Two(Vec<VirtualClock>);

    impl Clocks for Two {
        fn one(&mut self, index: usize) -> Option<&mut dyn Clock> {
            self.0.get_mut(index).map(|c| c as &mut dyn Clock)
        }

        fn two(&mut self, a: usize, b: usize) -> Option<(&mut dyn Clock, &mut dyn Clock)> {
            let [a, b] = self.0.get_disjoint_mut([a, b]).ok()?;
            Some((a, b))
        }
    }

    #[test]
    fn clocks_that_nobody_keeps_together_are_told_with_how_far_they_are() {
        assert!(Apart::new([3, 3]).is_none());
        let epoch = Some(0);
        let clocks = [0, 1].map(|n| {
            let path = std::env::temp_dir().join(format!("ptpd-apart-{}-{n}", std::process::id()));
            let options = VirtualOptions { epoch, ..VirtualOptions::default() };
            let clock = VirtualClock::create(&path, &options).expect("a virtual clock");
            std::fs::remove_file(path).expect("it was there");
            clock
        });
        let mut clocks = Two(clocks.into());
        let mut apart = Apart::new([0, 1]).expect("two");
        let mut now = 0;
        let mut looks = |apart: &mut Apart, clocks: &mut Two, n: u32| {
            let mut all = Vec::new();
            for _ in 0..n {
                all.extend(apart.run(now, 0, clocks));
                now = apart.next_deadline();
            }
            all
        };
        assert_eq!(looks(&mut apart, &mut clocks, 20), []);
        clocks.0[1].step(TimeInterval::from_nanos(-40_000)).expect("it steps");
        assert_eq!(looks(&mut apart, &mut clocks, PATIENCE - 1), []);
        let told = looks(&mut apart, &mut clocks, 1);
        let [(1, Finding::Apart(by))] = told[..] else { panic!("{told:?}") };
        assert!((by.nanos() + 40_000).abs() < 1_000, "{by:?}");
        // Once a minute.
        assert_eq!(looks(&mut apart, &mut clocks, 59), []);
        assert!(matches!(looks(&mut apart, &mut clocks, 1)[..], [(1, Finding::Apart(_))]));
        clocks.0[1].step(TimeInterval::from_nanos(40_000)).expect("it steps");
        assert_eq!(looks(&mut apart, &mut clocks, 1), [(1, Finding::Together)]);
        assert_eq!(looks(&mut apart, &mut clocks, 20), []);
    }
}
