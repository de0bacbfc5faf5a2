//! Which second a pulse is: the pulse says when, the sentence says what.

use std::fmt;

use ptp_wire::{TimeInterval, TimePoint};

use crate::nmea::Sentence;
use crate::utc::UtcTime;

const SECOND: u64 = 1_000_000_000;
/// Closer to a pulse than this, a sentence might belong to either side.
const MARGIN: u64 = 20_000_000;
/// Older time of day is none.
const STALE: u64 = 5 * SECOND;

/// Which pulse a sentence names.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Names {
    /// The one before it: most receivers.
    #[default]
    Previous,
    /// The one after it.
    Next,
}

/// Why the second of a pulse is not known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unknown {
    /// No valid sentence has come (yet, or for five seconds).
    NoTime,
    /// The sentence came so close to the pulse that it might name another one.
    Ambiguous,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTime => "no valid time of day within five seconds",
            Self::Ambiguous => "the time of day comes within 20 ms of a pulse and might name another one",
        })
    }
}

/// What was last heard.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimeOfDay {
    names: Names,
    /// A full second of TAI, and when its sentence began to arrive (CLOCK_MONOTONIC, ns).
    latest: Option<(TimePoint, u64)>,
    /// When the receiver last said that it has no fix.
    invalid: Option<u64>,
}

impl TimeOfDay {
    pub(crate) fn new(names: Names) -> Self {
        Self { names, ..Self::default() }
    }

    /// The UTC time of a sentence, if it is to be trusted. ZDA does not say; RMC's word of the last five seconds counts.
    pub(crate) fn trusted(&mut self, sentence: Sentence, arrival: u64) -> Option<UtcTime> {
        match sentence {
            Sentence::Rmc(utc) => {
                self.invalid = None;
                Some(utc)
            }
            Sentence::Zda(utc) => {
                self.invalid.is_none_or(|at| arrival.saturating_sub(at) > STALE).then_some(utc)
            }
            Sentence::RmcInvalid => {
                self.invalid = Some(arrival);
                self.latest = None;
                None
            }
            Sentence::ZdaEmpty | Sentence::Other => None,
        }
    }

    /// Takes a full second of TAI whose sentence arrived then. Of several sentences of one second, the first counts.
    pub(crate) fn heard(&mut self, tai: TimePoint, arrival: u64) {
        if self.latest.is_none_or(|(known, _)| known != tai) {
            self.latest = Some((tai, arrival));
        }
    }

    /// The TAI second of a pulse that came then (CLOCK_MONOTONIC, ns).
    pub(crate) fn of_pulse(&self, pulse: u64) -> Result<TimePoint, Unknown> {
        let (tai, arrival) = self.latest.ok_or(Unknown::NoTime)?;
        let elapsed = pulse.saturating_sub(arrival);
        if elapsed > STALE {
            return Err(Unknown::NoTime);
        }
        let within = elapsed % SECOND;
        if !(MARGIN..=SECOND - MARGIN).contains(&within) {
            return Err(Unknown::Ambiguous);
        }
        let seconds = match self.names {
            Names::Previous => elapsed / SECOND + 1,
            Names::Next => elapsed / SECOND,
        };
        Ok(tai + TimeInterval::from_nanos((seconds * SECOND).cast_signed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn tai(seconds: i128) -> TimePoint {
        TimePoint::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_sentence_names_the_pulse_before_or_after() {
        // Pulse 100 at 0 ms, its sentence 300 ms later; the next pulses follow.
        let mut t = TimeOfDay::new(Names::Previous);
        t.heard(tai(100), 300 * MS);
        assert_eq!(t.of_pulse(1000 * MS), Ok(tai(101)));
        assert_eq!(t.of_pulse(3000 * MS), Ok(tai(103)), "two sentences were lost");
        assert_eq!(t.of_pulse(5400 * MS), Err(Unknown::NoTime));
        let mut t = TimeOfDay::new(Names::Next);
        t.heard(tai(101), 300 * MS);
        assert_eq!(t.of_pulse(1000 * MS), Ok(tai(101)));
        assert_eq!(t.of_pulse(2000 * MS), Ok(tai(102)));
    }

    #[test]
    fn doubt_is_told() {
        let mut t = TimeOfDay::new(Names::Previous);
        assert_eq!(t.of_pulse(0), Err(Unknown::NoTime));
        t.heard(tai(100), 990 * MS);
        assert_eq!(t.of_pulse(1000 * MS), Err(Unknown::Ambiguous));
        assert_eq!(t.of_pulse(2000 * MS), Err(Unknown::Ambiguous));
        t.heard(tai(101), 2005 * MS);
        assert_eq!(t.of_pulse(3000 * MS), Err(Unknown::Ambiguous));
        // A second sentence of the same second does not move the first.
        t.heard(tai(102), 3300 * MS);
        t.heard(tai(102), 3990 * MS);
        assert_eq!(t.of_pulse(4000 * MS), Ok(tai(103)));
    }

    #[test]
    fn a_receiver_without_fix_is_not_believed() {
        let utc = UtcTime::new((2026, 11, 21), (5, 30, 1), 0).expect("a time that exists");
        let mut t = TimeOfDay::default();
        assert_eq!(t.trusted(Sentence::Zda(utc), 0), Some(utc));
        t.heard(tai(100), 0);
        assert_eq!(t.trusted(Sentence::RmcInvalid, 10), None);
        assert_eq!(t.of_pulse(500 * MS), Err(Unknown::NoTime));
        assert_eq!(t.trusted(Sentence::Zda(utc), 20), None);
        assert_eq!(t.trusted(Sentence::Rmc(utc), 30), Some(utc));
        assert_eq!(t.trusted(Sentence::Zda(utc), 40), Some(utc));
    }
}
