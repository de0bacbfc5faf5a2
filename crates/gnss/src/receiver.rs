//! What a receiver is worth at present: its fix, its satellites, its antenna, its leaps of place; and how it gets to TAI.

use std::fmt;

use ptp_wire::{TimeInterval, TimePoint};

use crate::leap::LeapTable;
use crate::message::{Fix, Jamming, Message, Position, TimeSource};
use crate::utc::UtcTime;

/// What was said longer ago than this, in ns, is not true any more.
const STALE: u64 = 5_000_000_000;
/// How long a place that jumped is doubted, ns.
const DOUBT: u64 = 60_000_000_000;
/// The fractions of positions are averaged over so many.
const PLACES: f64 = 60.0;

/// From when on a receiver is doubted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Fewer satellites than this are too few. Default 4; a receiver at a known position can do with 1.
    pub min_satellites: u32,
    /// The antenna stands still: places further than this from where it was are a jump, m. `None`: it may move.
    /// Default 200 m.
    pub max_move_m: Option<f64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { min_satellites: 4, max_move_m: Some(200.0) }
    }
}

/// The receiver's state, the worst first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// Nothing has been heard for five seconds.
    Silent,
    /// It says that it has no fix.
    NoFix,
    /// It has one from too few satellites.
    FewSatellites(u32),
    /// It says that it is jammed.
    Jammed,
    /// It says that the antenna's line is open or short.
    Antenna,
    /// Its place jumped, by so many metres: a spoofer's first sign.
    Moved(u32),
    /// Its time jumped, by so many seconds, against its own before.
    TimeJumped(i64),
    /// Nothing speaks against it.
    Good,
}

impl Condition {
    /// To be followed.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Good)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("the receiver is silent"),
            Self::NoFix => f.write_str("the receiver has no fix"),
            Self::FewSatellites(n) => write!(f, "the receiver has {n} satellites only"),
            Self::Jammed => f.write_str("the receiver is jammed"),
            Self::Antenna => f.write_str("the antenna's line is open or short"),
            Self::Moved(m) => write!(f, "the receiver's position jumped by {m} m"),
            Self::TimeJumped(s) => write!(f, "the receiver's time jumped by {s} s"),
            Self::Good => f.write_str("the receiver is well"),
        }
    }
}

/// What a receiver said last, and when; times of arrival are CLOCK_MONOTONIC in ns.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    limits: Limits,
    heard: Option<u64>,
    /// By RMC or TPV.
    fixed: Option<(bool, u64)>,
    /// By GGA, GSA, NAV-PVT, SKY.
    fix: Option<(Fix, u64)>,
    satellites: Option<(u32, u64)>,
    radio: Option<(Jamming, Option<bool>, u64)>,
    place: Option<(Position, f64)>,
    moved: Option<(u32, u64)>,
    /// The last time it told, and when.
    told: Option<(i64, u64)>,
    time_jumped: Option<(i64, u64)>,
    tai_offset: Option<(i32, u64)>,
    change: Option<(i32, i32, u64)>,
    quantisation: Option<(TimeInterval, u64)>,
}

impl Receiver {
    /// Nothing has been said.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Other limits from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes what was said at `now`. Gives the UTC time in it, if it is to be trusted: RMC and TPV say whether there is a fix;
    /// ZDA does not, so RMC's word of the last five seconds counts.
    pub fn hear(&mut self, message: &Message, now: u64) -> Option<UtcTime> {
        if !matches!(message, Message::Bad(_)) {
            self.heard = Some(now);
        }
        match *message {
            Message::Time { source, utc, fixed } => {
                if let Some(fixed) = fixed {
                    self.fixed = Some((fixed, now));
                }
                let doubted = source == TimeSource::Zda && fresh(self.fixed, now) == Some(false);
                let utc = utc.filter(|_| !doubted)?;
                self.follow_time(&utc, now);
                return Some(utc);
            }
            Message::Fix { fix, satellites, position } => {
                // GGA tells 2D at best, GSA 3D: the better of what is said in one second.
                self.fix = match self.fix {
                    Some((before, at)) if now.saturating_sub(at) < 900_000_000 && fix != Fix::None => {
                        Some((fix.max(before), at))
                    }
                    _ => Some((fix, now)),
                };
                if let Some(n) = satellites {
                    self.satellites = Some((n, now));
                }
                if let Some(position) = position.filter(|_| fix > Fix::Estimated) {
                    self.follow_place(position, now);
                }
            }
            Message::Radio { jamming, antenna_ok } => self.radio = Some((jamming, antenna_ok, now)),
            Message::LeapSecond(leap) => {
                if let Some(offset) = leap.tai_offset {
                    self.tai_offset = Some((offset, now));
                }
                self.change = leap.change.map(|(by, seconds)| (by, seconds, now));
            }
            Message::Gps(gps) => {
                if let Some(offset) = gps.tai_offset {
                    self.tai_offset = Some((offset, now));
                }
            }
            Message::Pulse(pulse) => self.quantisation = pulse.quantisation.map(|q| (q, now)),
            Message::Other | Message::Bad(_) => {}
        }
        None
    }

    fn follow_time(&mut self, utc: &UtcTime, now: u64) {
        let unix = utc.unix();
        if let Some((before, at)) = self.told {
            let elapsed = i64::try_from(now.saturating_sub(at) / 500_000_000).unwrap_or(i64::MAX);
            // Between elapsed - 1 and elapsed + 1, with room for sentences that come late or twice.
            let low = before.saturating_add(elapsed / 2).saturating_sub(2);
            let high = before.saturating_add(elapsed / 2).saturating_add(3);
            if !(low..=high).contains(&unix) {
                let by = unix.saturating_sub(before).saturating_sub(elapsed / 2);
                self.time_jumped = Some((by, now));
            }
        }
        self.told = Some((unix, now));
    }

    fn follow_place(&mut self, position: Position, now: u64) {
        let Some((mean, count)) = &mut self.place else {
            self.place = Some((position, 1.0));
            return;
        };
        let distance = mean.distance(&position);
        if self.limits.max_move_m.is_some_and(|max| distance > max) {
            self.moved = Some((distance.round() as u32, now));
            return;
        }
        *count = (*count + 1.0).min(PLACES);
        mean.latitude += (position.latitude - mean.latitude) / *count;
        // Across the date line the mean would be on the other side of the world.
        let east = position.longitude - mean.longitude;
        if east.abs() < 180.0 {
            mean.longitude += east / *count;
        }
    }

    /// Whether the receiver is to be followed at `now`.
    pub fn condition(&self, now: u64) -> Condition {
        let long_ago = |at: u64, limit: u64| now.saturating_sub(at) > limit;
        if self.heard.is_none_or(|at| long_ago(at, STALE)) {
            return Condition::Silent;
        }
        let no_fix = fresh(self.fix, now).is_some_and(|fix| fix <= Fix::Estimated);
        if no_fix || fresh(self.fixed, now) == Some(false) {
            return Condition::NoFix;
        }
        if let Some(n) = fresh(self.satellites, now).filter(|n| *n < self.limits.min_satellites) {
            return Condition::FewSatellites(n);
        }
        match self.radio {
            Some((Jamming::Critical, _, at)) if !long_ago(at, STALE) => return Condition::Jammed,
            Some((_, Some(false), at)) if !long_ago(at, STALE) => return Condition::Antenna,
            _ => {}
        }
        if let Some((by, _)) = self.moved.filter(|(_, at)| !long_ago(*at, DOUBT)) {
            return Condition::Moved(by);
        }
        if let Some((by, _)) = self.time_jumped.filter(|(_, at)| !long_ago(*at, DOUBT)) {
            return Condition::TimeJumped(by);
        }
        Condition::Good
    }

    /// There is interference, but still a fix: for a warning.
    pub fn is_disturbed(&self) -> bool {
        matches!(self.radio, Some((Jamming::Warning, ..)))
    }

    /// TAI - UTC by the receiver itself, if it has heard it from satellites.
    pub fn tai_offset(&self) -> Option<i32> {
        self.tai_offset.map(|(offset, _)| offset)
    }

    /// A UTC time in TAI: by the receiver's own leap seconds, else by the table. `None`: neither knows.
    pub fn tai(&self, utc: &UtcTime, table: Option<&LeapTable>) -> Option<TimePoint> {
        match self.tai_offset() {
            Some(offset) => utc.tai(&LeapTable::fixed(offset)),
            None => utc.tai(table?),
        }
    }

    /// The change of TAI - UTC at the end of this day (at most so many seconds ahead) by the receiver: -1, 0 or 1.
    /// `None`: it does not say.
    pub fn leap_within(&self, seconds: i64, now: u64) -> Option<i32> {
        let (by, to_event, at) = self.change?;
        let passed = i64::try_from(now.saturating_sub(at) / 1_000_000_000).unwrap_or(i64::MAX);
        let left = i64::from(to_event).saturating_sub(passed);
        Some(if by != 0 && (1..=seconds).contains(&left) { by } else { 0 })
    }

    /// How many seconds are left until the change that the receiver tells of, if it tells of one.
    pub fn seconds_to_leap(&self, now: u64) -> Option<i64> {
        let (_, to_event, at) = self.change.filter(|(by, ..)| *by != 0)?;
        let passed = i64::try_from(now.saturating_sub(at) / 1_000_000_000).unwrap_or(i64::MAX);
        Some(i64::from(to_event).saturating_sub(passed))
    }

    /// What the pulse that came at `now` lacks: true second minus pulse, told at most 1.5 s before it.
    pub fn quantisation(&self, now: u64) -> Option<TimeInterval> {
        self.quantisation.filter(|(_, at)| now.saturating_sub(*at) < 1_500_000_000).map(|(q, _)| q)
    }

    /// The operator, or an outer check, says that place and time are right: what jumped is the new truth.
    pub fn believe(&mut self) {
        (self.moved, self.time_jumped, self.place) = (None, None, None);
    }
}

fn fresh<T: Copy>(said: Option<(T, u64)>, now: u64) -> Option<T> {
    said.filter(|(_, at)| now.saturating_sub(*at) <= STALE).map(|(v, _)| v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ubx::{TimeLs, TimePulse};

    const S: u64 = 1_000_000_000;

    fn at(second: u8) -> UtcTime {
        UtcTime::new((2026, 11, 21), (5, 30, second), 0).expect("a time that exists")
    }

    fn rmc(second: u8) -> Message {
        Message::Time { source: TimeSource::Rmc, utc: Some(at(second)), fixed: Some(true) }
    }

    fn fix(fix: Fix, satellites: u32, latitude: f64) -> Message {
        Message::Fix { fix, satellites: Some(satellites), position: Position::new(latitude, 11.5) }
    }

    #[test]
    fn the_condition_follows_what_is_said() {
        let mut r = Receiver::new(Limits::default());
        assert_eq!(r.condition(0), Condition::Silent);
        r.hear(&rmc(1), S);
        assert_eq!(r.condition(S), Condition::Good, "a receiver that says no more than RMC");
        assert_eq!(r.condition(7 * S), Condition::Silent);
        r.hear(&fix(Fix::Two, 8, 48.0), 8 * S);
        assert_eq!(r.condition(8 * S), Condition::Good);
        r.hear(&fix(Fix::Two, 3, 48.0), 10 * S);
        assert_eq!(r.condition(10 * S), Condition::FewSatellites(3));
        r.hear(&fix(Fix::None, 0, 48.0), 12 * S);
        assert_eq!(r.condition(12 * S), Condition::NoFix);
        r.hear(&fix(Fix::Two, 8, 48.0), 14 * S);
        r.hear(&Message::Radio { jamming: Jamming::Critical, antenna_ok: None }, 14 * S);
        assert_eq!(r.condition(14 * S), Condition::Jammed);
        r.hear(&Message::Radio { jamming: Jamming::Warning, antenna_ok: Some(false) }, 14 * S);
        assert_eq!((r.condition(14 * S), r.is_disturbed()), (Condition::Antenna, true));
        r.hear(&Message::Radio { jamming: Jamming::Ok, antenna_ok: Some(true) }, 15 * S);
        assert_eq!(r.condition(15 * S), Condition::Good);
    }

    #[test]
    fn zda_is_believed_unless_rmc_says_otherwise() {
        let zda = Message::Time { source: TimeSource::Zda, utc: Some(at(1)), fixed: None };
        let no_fix = Message::Time { source: TimeSource::Rmc, utc: None, fixed: Some(false) };
        let mut r = Receiver::default();
        assert_eq!(r.hear(&zda, 0), Some(at(1)));
        assert_eq!(r.hear(&no_fix, 10), None);
        assert_eq!(r.hear(&zda, 20), None);
        assert_eq!(r.hear(&zda, 6 * S), Some(at(1)), "its word is old");
        assert_eq!(r.hear(&rmc(1), 6 * S), Some(at(1)));
    }

    #[test]
    fn jumps_of_place_and_time_are_doubted_for_a_minute() {
        let mut r = Receiver::default();
        for i in 0..20u8 {
            let now = u64::from(i) * S;
            r.hear(&rmc(i), now);
            r.hear(&fix(Fix::Two, 8, 48.0 + f64::from(i % 3) * 1e-4), now);
            assert_eq!(r.condition(now), Condition::Good, "{i}");
        }
        // 0.01 degrees are 1.1 km.
        r.hear(&fix(Fix::Two, 8, 48.01), 20 * S);
        assert!(matches!(r.condition(20 * S), Condition::Moved(1080..1130)), "{}", r.condition(20 * S));
        r.hear(&rmc(20), 20 * S);
        r.hear(&fix(Fix::Two, 8, 48.0), 81 * S);
        // 61 s later by our clock, 37 s by the receiver's.
        r.hear(&rmc(57), 81 * S);
        assert_eq!(r.condition(81 * S), Condition::TimeJumped(-24));
        r.believe();
        assert_eq!(r.condition(81 * S), Condition::Good);
        // A week rollover: 1024 weeks back.
        let old = UtcTime::new((2007, 4, 7), (5, 30, 58), 0);
        r.hear(&Message::Time { source: TimeSource::Rmc, utc: old, fixed: Some(true) }, 82 * S);
        assert!(matches!(r.condition(82 * S), Condition::TimeJumped(..-600_000_000)));
    }

    #[test]
    fn leap_seconds_of_the_receiver_come_before_the_table() {
        let mut r = Receiver::default();
        let table = LeapTable::fixed(36);
        let second =
            |t: Option<TimePoint>| t.expect("known").nanos() / 1_000_000_000 - i128::from(at(1).unix());
        assert_eq!(r.tai(&at(1), None), None);
        assert_eq!(second(r.tai(&at(1), Some(&table))), 36);
        r.hear(&Message::LeapSecond(TimeLs { tai_offset: Some(37), change: Some((1, 100)) }), 0);
        assert_eq!(second(r.tai(&at(1), Some(&table))), 37);
        assert_eq!(
            (r.leap_within(43_200, 0), r.leap_within(50, 0), r.leap_within(43_200, 101 * S)),
            (Some(1), Some(0), Some(0))
        );
        let q = TimeInterval::from_nanos(-7);
        r.hear(&Message::Pulse(TimePulse { quantisation: Some(q) }), S);
        assert_eq!((r.quantisation(2 * S), r.quantisation(3 * S)), (Some(q), None));
    }
}
