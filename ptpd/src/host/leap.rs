//! The system clock through leap seconds: how far the master's timescale is ahead of it, and what the kernel is told.

use ptp_clock::{LeapMode, LeapSecond, UtcKeeper, UtcProperties};
use ptp_wire::{TimeInterval, TimePoint};

use crate::engine::TimeProperties;

/// What holds for a measurement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Scale {
    /// The master's timescale minus the clock's.
    pub ahead: TimeInterval,
    /// The leap second at the end of this UTC day, where it is new.
    pub leap: Option<LeapSecond>,
    /// TAI - UTC in seconds that the master vouches for, where it is new.
    pub tai_offset: Option<i32>,
    /// The kernel makes the leap second about now: what is measured may mean either second.
    pub suspended: bool,
    /// It was not so for the last measurement.
    pub newly_suspended: bool,
}

/// Follows what is announced of UTC, for the system clock.
#[derive(Clone, Debug)]
pub struct LeapKeeper {
    keeper: UtcKeeper,
    mode: LeapMode,
    told: LeapSecond,
    told_tai: Option<i32>,
    suspended: bool,
}

impl LeapKeeper {
    /// `kernel`: leap seconds are the kernel's; else the clock is corrected by a second after them.
    pub fn new(kernel: bool) -> Self {
        Self {
            keeper: UtcKeeper::default(),
            mode: if kernel { LeapMode::Kernel } else { LeapMode::Servo },
            told: LeapSecond::None,
            told_tai: None,
            suspended: false,
        }
    }

    /// Changes who makes leap seconds.
    pub fn set_kernel(&mut self, kernel: bool) {
        self.mode = if kernel { LeapMode::Kernel } else { LeapMode::Servo };
    }

    /// The kernel is to make leap seconds.
    pub fn is_kernel(&self) -> bool {
        self.mode == LeapMode::Kernel
    }

    /// Takes what the master announces at an instant of its time.
    pub fn look(&mut self, p: &TimeProperties, master: TimePoint) -> Scale {
        if !p.ptp_timescale {
            // No UTC is known: the clock keeps the master's time, whatever it is.
            return Scale {
                ahead: TimeInterval::ZERO,
                leap: self.tell(LeapSecond::None),
                tai_offset: None,
                suspended: false,
                newly_suspended: false,
            };
        }
        let properties = UtcProperties {
            utc_offset: p.current_utc_offset,
            utc_offset_valid: p.current_utc_offset_valid,
            leap61: p.leap61,
            leap59: p.leap59,
            ptp_timescale: p.ptp_timescale,
            time_traceable: p.time_traceable,
        };
        self.keeper.update(&properties, master, self.mode, 0.0);
        let utc = self.keeper.at(&properties, master, self.mode, 0.0);
        let newly_suspended = utc.suspended && !self.suspended;
        self.suspended = utc.suspended;
        let vouched = p.current_utc_offset_valid && p.time_traceable && !utc.suspended;
        // The keeper's offset, not the announced one, which may be late after a leap second.
        let tai = i32::try_from(utc.behind.nanos() / 1_000_000_000).ok().filter(|_| vouched);
        let tai_offset = tai.filter(|tai| self.told_tai.replace(*tai) != Some(*tai));
        Scale {
            ahead: utc.behind,
            leap: self.tell(utc.leap),
            tai_offset,
            suspended: utc.suspended,
            newly_suspended,
        }
    }

    fn tell(&mut self, leap: LeapSecond) -> Option<LeapSecond> {
        (std::mem::replace(&mut self.told, leap) != leap).then_some(leap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of 2016-12-31, when TAI - UTC went from 36 to 37 s.
    const MIDNIGHT: i128 = 1_483_228_800 + 36;

    fn at(seconds: i128) -> TimePoint {
        TimePoint::from_nanos((MIDNIGHT + seconds) * 1_000_000_000)
    }

    fn announced(current_utc_offset: i16, leap61: bool) -> TimeProperties {
        TimeProperties { current_utc_offset, leap61, ..TimeProperties::default() }
    }

    #[test]
    fn the_kernel_is_told_once_and_left_alone_in_the_leap_second() {
        let mut keeper = LeapKeeper::new(true);
        let seconds = |s: Scale| s.ahead.nanos() / 1_000_000_000;
        assert_eq!(keeper.look(&announced(36, false), at(-40_000)).leap, None);
        assert_eq!(keeper.look(&announced(36, true), at(-39_999)).leap, Some(LeapSecond::Insert));
        let day = keeper.look(&announced(36, true), at(-39_998));
        assert_eq!((day.leap, seconds(day), day.suspended), (None, 36, false));
        let first = keeper.look(&announced(36, true), at(-1));
        assert!(first.suspended && first.newly_suspended);
        let second = keeper.look(&announced(36, true), at(0));
        assert!(second.suspended && !second.newly_suspended);
        // The announced offset is late: the clock has made its step, and stays where it is.
        let after = keeper.look(&announced(36, true), at(5));
        assert_eq!((after.leap, seconds(after), after.suspended), (Some(LeapSecond::None), 37, false));
        assert_eq!(seconds(keeper.look(&announced(37, false), at(9))), 37);
    }

    #[test]
    fn without_the_kernel_the_offset_changes_at_the_instant() {
        let mut keeper = LeapKeeper::new(false);
        keeper.look(&announced(36, true), at(-39_999));
        let ahead: Vec<_> = (-2..=3)
            .map(|s| {
                let scale = keeper.look(&announced(36, true), at(s));
                assert!(!scale.suspended);
                scale.ahead.nanos() / 1_000_000_000
            })
            .collect();
        assert_eq!(ahead, [36, 36, 36, 37, 37, 37]);
    }

    #[test]
    fn an_offset_that_is_vouched_for_is_told_once() {
        let mut keeper = LeapKeeper::new(true);
        let vouched = |p| TimeProperties { current_utc_offset_valid: true, time_traceable: true, ..p };
        assert_eq!(keeper.look(&announced(36, true), at(-40_000)).tai_offset, None);
        let p = vouched(announced(36, true));
        assert_eq!(keeper.look(&p, at(-39_999)).tai_offset, Some(36));
        assert_eq!(keeper.look(&p, at(-39_998)).tai_offset, None);
        assert_eq!(keeper.look(&p, at(0)).tai_offset, None);
        // What is announced late is not told again.
        assert_eq!(keeper.look(&p, at(5)).tai_offset, Some(37));
        assert_eq!(keeper.look(&vouched(announced(37, false)), at(9)).tai_offset, None);
    }

    #[test]
    fn an_arbitrary_timescale_has_no_utc() {
        let mut keeper = LeapKeeper::new(true);
        let p = TimeProperties { ptp_timescale: false, ..announced(37, true) };
        assert_eq!(keeper.look(&p, at(-39_999)).ahead, TimeInterval::ZERO);
    }
}
