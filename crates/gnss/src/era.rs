//! Receivers whose weeks have rolled over: GPS counts 1024 of them, and firmware that is older than the last turn tells a date
//! of almost twenty years ago.

use std::fmt;

use crate::utc::UtcTime;

/// This program was made later, Unix seconds: 2026-01-01.
pub const EARLIEST: i64 = 1_767_225_600;
/// 1024 weeks.
const TURN: i64 = 1024 * 7 * 86_400;
/// The system clock is right to within this where it confirms a date, s.
const CONFIRMS: i64 = 43_200;

/// What a date is worth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Era {
    /// It may be right.
    Possible,
    /// It is so many turns of 1024 weeks early; with them added it is what the system clock says.
    Turned(u32, UtcTime),
    /// It lies before this program was made, and nothing tells by how much it is wrong.
    Impossible,
}

impl Era {
    /// Of a time that a receiver told while the system clock showed this Unix second.
    pub fn of(utc: &UtcTime, system: i64) -> Self {
        let unix = utc.unix();
        if unix >= EARLIEST {
            return Self::Possible;
        }
        // A system clock that nobody has set confirms nothing.
        let turns = if system < EARLIEST { 0 } else { (system - unix + TURN / 2) / TURN };
        let turned = unix + turns * TURN;
        let confirmed = turns > 0 && turned >= EARLIEST && (turned - system).abs() < CONFIRMS;
        match (u32::try_from(turns), UtcTime::from_unix(turned, utc.nanosecond())) {
            (Ok(turns), Some(utc)) if confirmed => Self::Turned(turns, utc),
            _ => Self::Impossible,
        }
    }
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Possible => f.write_str("possible"),
            Self::Turned(turns, utc) => {
                write!(f, "{} weeks early (a rollover): by the system clock it is {utc}", 1024 * turns)
            }
            Self::Impossible => {
                f.write_str("before this program was made, and not by whole turns of 1024 weeks")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(date: (i32, u8, u8)) -> UtcTime {
        UtcTime::new(date, (5, 30, 1), 0).expect("a time that exists")
    }

    #[test]
    fn a_rollover_is_undone_where_the_system_clock_confirms_it() {
        let now = at((2026, 11, 21));
        assert_eq!(Era::of(&now, now.unix() + 5), Era::Possible);
        assert_eq!(Era::of(&at((2062, 1, 1)), now.unix()), Era::Possible, "who knows");
        let early = |turns: i64| UtcTime::from_unix(now.unix() - turns * TURN, 0).expect("it exists");
        assert_eq!(early(1).to_string(), "2007-04-07T05:30:01.000Z");
        for turns in [1, 2] {
            let found = Era::of(&early(turns), now.unix() - 3);
            assert_eq!(found, Era::Turned(turns as u32, now), "{turns}");
        }
        // The system clock is a day off, was never set, or the date is wrong by something else.
        assert_eq!(Era::of(&early(1), now.unix() + 86_400), Era::Impossible);
        assert_eq!(Era::of(&early(1), 1000), Era::Impossible);
        assert_eq!(Era::of(&at((1980, 1, 6)), now.unix()), Era::Impossible);
        assert_eq!(Era::of(&at((1970, 1, 1)), i64::MAX / 2), Era::Impossible);
    }
}
