//! Which tick a pulse is: the pulse says when, the sentence says what.

use std::fmt;

use ptp_wire::{TimeInterval, TimePoint};

const SECOND: u64 = 1_000_000_000;
/// Closer to a pulse than this, a sentence might belong to either side.
const MARGIN: u64 = 20_000_000;
/// Sentences may come so much earlier than is said, ns.
const EARLY: i64 = 250_000_000;
/// Older time of day is none.
const STALE: u64 = 5 * SECOND;

/// Which pulse a sentence names.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Names {
    /// The one before it: most receivers.
    #[default]
    Previous,
    /// The one after it.
    Next,
}

/// Why the time of a pulse is not known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unknown {
    /// No valid sentence has come (yet, or for five seconds).
    NoTime,
    /// The sentence came so close to the pulse that it might name another one.
    Ambiguous,
    /// The pulse lies between two ticks.
    OffTick,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTime => "no valid time of day within five seconds",
            Self::Ambiguous => "the time of day comes within 20 ms of a pulse and might name another one",
            Self::OffTick => {
                "by the time of day they lie between two ticks: see pulse rate and sentence delay"
            }
        })
    }
}

/// What was last heard.
#[derive(Clone, Copy, Debug)]
pub struct TimeOfDay {
    names: Names,
    rate: u32,
    delay: i64,
    /// A full second of TAI, and when its sentence began to arrive (CLOCK_MONOTONIC, ns).
    latest: Option<(TimePoint, u64)>,
}

impl TimeOfDay {
    /// For `rate` pulses per second (1..=128, clamped), and sentences that come `delay` ns after their second. With one pulse
    /// per second 0 means within the second; else they may come 250 ms earlier than said, or 750 ms later.
    pub fn new(names: Names, rate: u32, delay: i64) -> Self {
        Self { names, rate: rate.clamp(1, 128), delay, latest: None }
    }

    /// Other names or another delay from the next sentence on.
    pub fn configure(&mut self, names: Names, delay: i64) {
        (self.names, self.delay) = (names, delay);
    }

    /// Takes a full second of TAI whose sentence arrived then. Of several sentences of one second, the first counts.
    pub fn heard(&mut self, tai: TimePoint, arrival: u64) {
        if self.latest.is_none_or(|(known, _)| known != tai) {
            self.latest = Some((tai, arrival));
        }
    }

    /// The receiver says that what it told does not hold.
    pub fn forget(&mut self) {
        self.latest = None;
    }

    /// The TAI second of a pulse that came then (CLOCK_MONOTONIC, ns).
    ///
    /// # Errors
    /// Why it is not known.
    pub fn of_pulse(&self, pulse: u64) -> Result<TimePoint, Unknown> {
        let (tai, arrival) = self.latest.ok_or(Unknown::NoTime)?;
        let elapsed = pulse.saturating_sub(arrival);
        if elapsed > STALE {
            return Err(Unknown::NoTime);
        }
        if self.rate > 1 {
            let lead = if self.names == Names::Next { -1_000_000_000 } else { 0 };
            // Pulses between a sentence and its reading are before it.
            let since = i64::try_from(pulse).unwrap_or(i64::MAX) - i64::try_from(arrival).unwrap_or(i64::MAX);
            let at = tai + TimeInterval::from_nanos(since.saturating_add(self.delay).saturating_add(lead));
            return tick(at, self.rate).ok_or(Unknown::OffTick);
        }
        // As if the sentence had come within the second after its pulse.
        let early = if self.delay == 0 { 0 } else { self.delay.saturating_sub(EARLY) };
        let elapsed = i64::try_from(elapsed).unwrap_or(i64::MAX).saturating_add(early);
        let within = elapsed.rem_euclid(SECOND.cast_signed()).cast_unsigned();
        if !(MARGIN..=SECOND - MARGIN).contains(&within) {
            return Err(Unknown::Ambiguous);
        }
        let seconds = match self.names {
            Names::Previous => elapsed.div_euclid(SECOND.cast_signed()) + 1,
            Names::Next => elapsed.div_euclid(SECOND.cast_signed()),
        };
        Ok(tai + TimeInterval::from_nanos(seconds * SECOND.cast_signed()))
    }
}

/// The tick of `rate` per second next to a time; `None` if it is nearer to the middle between two.
pub fn tick(at: TimePoint, rate: u32) -> Option<TimePoint> {
    let rate = i128::from(rate.max(1));
    let ns = at.nanos();
    // Ticks lie at n / rate seconds, rounded to whole nanoseconds.
    let n = (ns * rate + 500_000_000).div_euclid(1_000_000_000);
    let tick = (n * 1_000_000_000 + rate / 2).div_euclid(rate);
    let off = (ns - tick).abs();
    (off * rate * 10 < 4_000_000_000).then(|| TimePoint::from_nanos(tick))
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
        let mut t = TimeOfDay::new(Names::Previous, 1, 0);
        t.heard(tai(100), 300 * MS);
        assert_eq!(t.of_pulse(1000 * MS), Ok(tai(101)));
        assert_eq!(t.of_pulse(3000 * MS), Ok(tai(103)), "two sentences were lost");
        assert_eq!(t.of_pulse(5400 * MS), Err(Unknown::NoTime));
        let mut t = TimeOfDay::new(Names::Next, 1, 0);
        t.heard(tai(101), 300 * MS);
        assert_eq!(t.of_pulse(1000 * MS), Ok(tai(101)));
        assert_eq!(t.of_pulse(2000 * MS), Ok(tai(102)));
    }

    #[test]
    fn doubt_is_told() {
        let mut t = TimeOfDay::new(Names::Previous, 1, 0);
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
    fn late_sentences_are_told_by_their_delay() {
        // They come 1.2 s after their pulse, or a little earlier or later: that of 100 s with the pulse of 101 s before it.
        for (delay, late) in [(1_200, 1_200), (1_200, 1_900), (1_200, 1_000), (1_000, 1_200), (800, 1_200)] {
            let mut t = TimeOfDay::new(Names::Previous, 1, delay * 1_000_000);
            t.heard(tai(100), 50_000 * MS + late * MS);
            assert_eq!(t.of_pulse(52_000 * MS), Ok(tai(102)), "{delay} {late}");
        }
        // 990 ms are near the next pulse, but not where that is said.
        let mut t = TimeOfDay::new(Names::Previous, 1, 900_000_000);
        t.heard(tai(100), 50_990 * MS);
        assert_eq!(t.of_pulse(51_000 * MS), Ok(tai(101)));
        // Before its pulse by 200 ms.
        let mut t = TimeOfDay::new(Names::Previous, 1, -200_000_000);
        t.heard(tai(100), 49_800 * MS);
        assert_eq!((t.of_pulse(50_000 * MS), t.of_pulse(51_000 * MS)), (Ok(tai(100)), Ok(tai(101))));
    }

    #[test]
    fn every_rate_that_is_allowed_names_every_pulse() {
        for rate in 1..=128u32 {
            let mut t = TimeOfDay::new(Names::Previous, rate, if rate == 1 { 0 } else { 3_000_000 });
            t.heard(tai(100), 50_000 * MS + if rate == 1 { 300 * MS } else { 3 * MS + 100_000 });
            for n in 0..rate {
                let ns = (u64::from(n) * SECOND + u64::from(rate) / 2) / u64::from(rate);
                let at = TimePoint::from_nanos(101_000_000_000 + i128::from(ns));
                assert_eq!(t.of_pulse(51_000 * MS + ns), Ok(at), "{n} of {rate}");
            }
        }
    }

    #[test]
    fn faster_pulses_are_told_apart_by_the_sentences_delay() {
        // Ten pulses a second; sentences come 120 ms after their second.
        let mut t = TimeOfDay::new(Names::Previous, 10, 120_000_000);
        t.heard(tai(100), 50_000 * MS + 125 * MS);
        for pulse in 0..10 {
            let at = TimePoint::from_nanos(101_000_000_000 + 100_000_000 * i128::from(pulse));
            assert_eq!(t.of_pulse(51_000 * MS + 100 * MS * pulse), Ok(at), "{pulse}");
        }
        assert_eq!(t.of_pulse(51_050 * MS), Err(Unknown::OffTick));
        let mut t = TimeOfDay::new(Names::Next, 10, 120_000_000);
        t.heard(tai(101), 50_000 * MS + 125 * MS);
        assert_eq!(t.of_pulse(51_000 * MS), Ok(tai(101)));
    }

    #[test]
    fn ticks_are_the_nearest_and_doubt_is_told() {
        let at = TimePoint::from_nanos;
        assert_eq!(tick(at(1_999_999_990), 1), Some(at(2_000_000_000)));
        assert_eq!(tick(at(2_400_000_001), 1), None);
        // A 128th of a second is 7 812 500 ns; a third is not whole.
        assert_eq!(tick(at(7_812_000), 128), Some(at(7_812_500)));
        assert_eq!(tick(at(666_600_000), 3), Some(at(666_666_667)));
    }
}
