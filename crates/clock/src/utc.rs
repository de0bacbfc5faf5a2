//! How far UTC is behind TAI, now: from what a PTP instance announces to what a clock has to show, through leap seconds.
//!
//! A leap second is announced for the end of the UTC day by a flag, and the announced offset changes some time around that
//! end, a little early or late. So an announcement is remembered as an instant, and the change is made there.

use ptp_wire::{TimeInterval, TimePoint};

use crate::LeapSecond;

const DAY: i128 = 86_400;
const NS: i128 = 1_000_000_000;
/// The kernel is told from this hour of the day on, seconds: it acts at the next midnight.
const ARM_FROM: i128 = 6 * 3600;
/// So long after the leap second the announced offset may still be the old one, seconds.
const PATIENCE: i128 = 6 * 3600;

/// How a leap second reaches the system clock.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LeapMode {
    /// The kernel is told, and does it.
    #[default]
    Kernel,
    /// The offset changes by a second, and the servo deals with it.
    Servo,
    /// Spread evenly over the window around it.
    SmearLinear,
    /// Spread over the window, without a corner in the frequency.
    SmearCosine,
}

/// What is announced of UTC (timePropertiesDS, 1588-2019 8.2.4).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct UtcProperties {
    /// TAI - UTC in seconds.
    pub utc_offset: i16,
    /// It is known to be right.
    pub utc_offset_valid: bool,
    /// A second is inserted at the end of the UTC day.
    pub leap61: bool,
    /// A second is left out at the end of the UTC day.
    pub leap59: bool,
    /// The source shows TAI; otherwise there is no UTC to speak of.
    pub ptp_timescale: bool,
    /// The source's time comes from a primary reference.
    pub time_traceable: bool,
}

/// A leap second that was announced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Pending {
    /// The first second of the new UTC day after it, counted in TAI before the change: seconds.
    at: i128,
    /// +1 inserts, -1 deletes.
    change: i16,
    /// Before it.
    before: i16,
    /// TAI seconds when it was first heard of.
    heard: i128,
}

/// What a clock on UTC has to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Utc {
    /// TAI minus what the clock has to show.
    pub behind: TimeInterval,
    /// For the kernel, and NTP daemons: the leap second at the end of this day.
    pub leap: LeapSecond,
    /// The second before and after the leap second: readings of the clock may mean either, nothing is steered.
    pub suspended: bool,
}

/// Follows the announcements.
#[derive(Clone, Debug, Default)]
pub struct UtcKeeper {
    pending: Option<Pending>,
}

impl UtcKeeper {
    /// Takes what is announced when the source shows `tai`. `window`: seconds that a smear takes.
    pub fn update(&mut self, p: &UtcProperties, tai: TimePoint, mode: LeapMode, window: f64) {
        let seconds = tai.nanos().div_euclid(NS);
        if let Some(pending) = self.pending {
            let over = seconds >= pending.at;
            let smearing = matches!(mode, LeapMode::SmearLinear | LeapMode::SmearCosine);
            let end = pending.at + if smearing { (window / 2.0) as i128 } else { 0 };
            let after = pending.before + pending.change;
            let announced = p.utc_offset == after && !p.leap61 && !p.leap59;
            let withdrawn =
                seconds < pending.at - 2 && p.utc_offset == pending.before && !p.leap61 && !p.leap59;
            let stale = seconds > pending.at + PATIENCE.max((window / 2.0) as i128);
            // A second more, so that the suspension around it is not cut short.
            if withdrawn || stale || (over && announced && seconds > end + 1) {
                self.pending = None;
            }
            return;
        }
        let change = match (p.leap61, p.leap59) {
            (true, false) => 1,
            (false, true) => -1,
            _ => return,
        };
        let utc = seconds - i128::from(p.utc_offset);
        let midnight = (utc.div_euclid(DAY) + 1) * DAY;
        // The flag may stay on for some seconds after the event: it is not the next day's.
        if utc.rem_euclid(DAY) < ARM_FROM {
            return;
        }
        self.pending = Some(Pending {
            // The inserted second belongs to the old day: 23:59:60. A deleted one never comes.
            at: midnight + i128::from(p.utc_offset) + i128::from(change),
            change,
            before: p.utc_offset,
            heard: seconds,
        });
    }

    /// What a clock has to show when the source shows `tai`. `window`: seconds that a smear takes.
    pub fn at(&self, p: &UtcProperties, tai: TimePoint, mode: LeapMode, window: f64) -> Utc {
        let whole = |s: i16| TimeInterval::from_nanos(i64::from(s) * NS as i64);
        let Some(pending) = self.pending else {
            return Utc { behind: whole(p.utc_offset), leap: LeapSecond::None, suspended: false };
        };
        // The clock is ambiguous from the last second of the old day to the first of the new one.
        let seconds = tai.nanos().div_euclid(NS);
        let inserted = if pending.change > 0 { 1 } else { 0 };
        let near = (pending.at - inserted - 1..pending.at + 1).contains(&seconds);
        let leap = match pending.change {
            _ if seconds >= pending.at => LeapSecond::None,
            1 => LeapSecond::Insert,
            _ => LeapSecond::Delete,
        };
        match mode {
            LeapMode::Kernel | LeapMode::Servo => {
                let change = if seconds >= pending.at { pending.change } else { 0 };
                let suspended = near && mode == LeapMode::Kernel;
                Utc { behind: whole(pending.before + change), leap, suspended }
            }
            LeapMode::SmearLinear | LeapMode::SmearCosine => {
                // From half a window before the leap second to half a window after it, or what is left of that: with 24 h from
                // noon to noon UTC, 86 401 s of TAI for an inserted second, as public NTP services smear.
                let half = (window / 2.0 * 1e9) as i128;
                let end = pending.at * NS + half;
                let start = ((pending.at - i128::from(pending.change)) * NS - half).max(pending.heard * NS);
                let share = (tai.nanos() - start) as f64 / (end - start).max(1) as f64;
                let share = smeared(mode, share.clamp(0.0, 1.0));
                let ns = share * f64::from(pending.change) * 1e9;
                let behind = whole(pending.before) + TimeInterval::from_nanos_f64(ns);
                Utc { behind, leap: LeapSecond::None, suspended: false }
            }
        }
    }
}

/// How much of the second is spread at this share of the window.
fn smeared(mode: LeapMode, share: f64) -> f64 {
    match mode {
        LeapMode::SmearCosine => 0.5 * (1.0 - (share * std::f64::consts::PI).cos()),
        _ => share,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2016-12-31, the last leap second so far: TAI - UTC went from 36 to 37.
    const MIDNIGHT: i128 = 1_483_228_800;

    fn announced(utc_offset: i16, leap61: bool, leap59: bool) -> UtcProperties {
        UtcProperties {
            utc_offset,
            utc_offset_valid: true,
            leap61,
            leap59,
            ptp_timescale: true,
            time_traceable: true,
        }
    }

    /// TAI at this many seconds before (negative) or after the end of the old offset's day.
    fn tai(seconds: f64) -> TimePoint {
        TimePoint::from_nanos((MIDNIGHT + 36) * NS + (seconds * 1e9) as i128)
    }

    struct Clockwork {
        keeper: UtcKeeper,
        mode: LeapMode,
        window: f64,
    }

    impl Clockwork {
        fn new(mode: LeapMode, window: f64) -> Self {
            Self { keeper: UtcKeeper::default(), mode, window }
        }

        fn look(&mut self, p: UtcProperties, seconds: f64) -> Utc {
            self.keeper.update(&p, tai(seconds), self.mode, self.window);
            self.keeper.at(&p, tai(seconds), self.mode, self.window)
        }
    }

    fn behind(u: Utc) -> f64 {
        u.behind.nanos_f64() * 1e-9
    }

    #[test]
    fn an_inserted_second_by_the_kernel() {
        let mut c = Clockwork::new(LeapMode::Kernel, 0.0);
        assert_eq!(c.look(announced(36, false, false), -50_000.0).leap, LeapSecond::None);
        let day = c.look(announced(36, true, false), -40_000.0);
        assert_eq!((day.leap, behind(day), day.suspended), (LeapSecond::Insert, 36.0, false));
        // Early announcement of the new offset changes nothing before the end of the inserted second.
        let early = c.look(announced(37, true, false), -3.0);
        assert_eq!((early.leap, behind(early), early.suspended), (LeapSecond::Insert, 36.0, false));
        for s in [-0.5, 0.5, 1.5] {
            assert!(c.look(announced(36, true, false), s).suspended, "{s}");
        }
        // Late announcement: the change is made without it.
        let after = c.look(announced(36, true, false), 5.0);
        assert_eq!((after.leap, behind(after), after.suspended), (LeapSecond::None, 37.0, false));
        let later = c.look(announced(37, false, false), 9.0);
        assert_eq!((later.leap, behind(later)), (LeapSecond::None, 37.0));
        assert!(c.keeper.pending.is_none());
    }

    #[test]
    fn a_deleted_second() {
        let mut c = Clockwork::new(LeapMode::Kernel, 0.0);
        assert_eq!(c.look(announced(36, false, true), -20_000.0).leap, LeapSecond::Delete);
        // 23:59:58 is the last second; then comes 00:00:00.
        assert_eq!(behind(c.look(announced(36, false, true), -3.0)), 36.0);
        assert!(c.look(announced(36, false, true), -1.5).suspended);
        let after = c.look(announced(35, false, false), 4.0);
        assert_eq!((behind(after), after.suspended), (35.0, false));
    }

    #[test]
    fn the_servo_gets_it_at_the_instant() {
        let mut c = Clockwork::new(LeapMode::Servo, 0.0);
        c.look(announced(36, true, false), -10_000.0);
        assert_eq!(behind(c.look(announced(36, true, false), 0.9)), 36.0);
        let after = c.look(announced(36, true, false), 1.1);
        assert_eq!((behind(after), after.suspended), (37.0, false));
    }

    #[test]
    fn a_withdrawn_announcement_is_forgotten() {
        let mut c = Clockwork::new(LeapMode::Kernel, 0.0);
        c.look(announced(36, true, false), -20_000.0);
        assert_eq!(c.look(announced(36, false, false), -19_000.0).leap, LeapSecond::None);
        assert_eq!(behind(c.look(announced(36, false, false), 100.0)), 36.0);
    }

    #[test]
    fn flags_that_stay_on_do_not_bring_another() {
        let mut c = Clockwork::new(LeapMode::Kernel, 0.0);
        c.look(announced(36, true, false), -20_000.0);
        c.look(announced(37, false, false), 10.0);
        let stuck = c.look(announced(37, true, false), 30.0);
        assert_eq!((stuck.leap, behind(stuck)), (LeapSecond::None, 37.0));
        // A grandmaster that never changes its offset is believed in the end.
        let mut c = Clockwork::new(LeapMode::Kernel, 0.0);
        c.look(announced(36, true, false), -20_000.0);
        assert_eq!(behind(c.look(announced(36, false, false), 3_600.0)), 37.0);
        c.look(announced(36, false, false), 22_000.0);
        assert_eq!(behind(c.look(announced(36, false, false), 22_001.0)), 36.0);
    }

    #[test]
    fn smears_begin_and_end_where_they_should() {
        for mode in [LeapMode::SmearLinear, LeapMode::SmearCosine] {
            let mut c = Clockwork::new(mode, 7_200.0);
            assert_eq!(behind(c.look(announced(36, true, false), -40_000.0)), 36.0);
            assert_eq!(behind(c.look(announced(36, true, false), -3_600.0)), 36.0);
            let mut last = 36.0;
            let mut steepest: f64 = 0.0;
            for s in -3_599..=3_601 {
                let p = if s < 2 { announced(36, true, false) } else { announced(37, false, false) };
                let now = behind(c.look(p, f64::from(s)));
                assert!(now >= last - 1e-12, "{mode:?} at {s}: {now} after {last}");
                steepest = steepest.max(now - last);
                last = now;
            }
            let middle = behind(c.look(announced(37, false, false), 3_602.0));
            assert!((middle - 37.0).abs() < 1e-9);
            // 1/7200 s per second, or pi/2 times that at the cosine's steepest.
            let limit = if mode == LeapMode::SmearLinear { 1.0 } else { std::f64::consts::FRAC_PI_2 };
            assert!((steepest * 7_200.0 - limit).abs() < 0.01, "{mode:?}: {steepest}");
        }
        // Half of it in the middle of the leap second, both ways.
        for mode in [LeapMode::SmearLinear, LeapMode::SmearCosine] {
            let mut c = Clockwork::new(mode, 1_000.0);
            c.look(announced(36, true, false), -40_000.0);
            assert!((behind(c.look(announced(36, true, false), 0.5)) - 36.5).abs() < 1e-6);
        }
    }

    #[test]
    fn a_smear_is_the_one_of_public_services() {
        // From noon to noon UTC, linear: 86 401 s of TAI become 86 400 smeared ones, and a deleted second makes them of
        // 86 399. (developers.google.com/time/smear: at second x of it the clock is x/86 401 s behind.)
        for (insert, length) in [(true, 86_401.0), (false, 86_399.0)] {
            let p = announced(36, insert, !insert);
            for (mode, shape) in [
                (LeapMode::SmearLinear, (|x| x) as fn(f64) -> f64),
                (LeapMode::SmearCosine, |x: f64| (1.0 - (std::f64::consts::PI * x).cos()) / 2.0),
            ] {
                let mut c = Clockwork::new(mode, 86_400.0);
                c.look(p, -43_201.0);
                for x in [0.0, 1.0, 3_600.0, 21_600.0, 43_200.5, 60_000.0, 86_390.0, length] {
                    let wanted = shape(x / length) * if insert { 1.0 } else { -1.0 };
                    let found = behind(c.look(p, x - 43_200.0)) - 36.0;
                    assert!((found - wanted).abs() < 1e-9, "{mode:?} {x}: {found}, not {wanted}");
                }
            }
        }
    }

    #[test]
    fn a_smear_that_begins_late_is_steeper() {
        let mut c = Clockwork::new(LeapMode::SmearLinear, 7_200.0);
        // Heard of 600 s before: 36 at first, all done at the window's end.
        assert_eq!(behind(c.look(announced(36, true, false), -600.0)), 36.0);
        let now = behind(c.look(announced(36, true, false), 1.0));
        assert!(now > 36.1 && now < 36.2, "{now}");
        assert!((behind(c.look(announced(37, false, false), 3_601.0)) - 37.0).abs() < 1e-3);
    }
}
