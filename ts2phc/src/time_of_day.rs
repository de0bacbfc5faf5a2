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
/// A sentence is believed when it is as late as the one before it, or as the last that was believed, give or take this, ns.
const SOUND: i128 = 500_000_000;
/// Faster pulses are named by the middle one of so many sentences, and of so many at least.
const SENTENCES: usize = 8;
const ENOUGH: usize = 3;

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
    /// A full second of TAI, and when its sentence began to arrive (CLOCK_MONOTONIC, ns): the last that was believed,
    latest: Option<(TimePoint, u64)>,
    /// and the last of all.
    heard: Option<(TimePoint, u64)>,
    /// TAI minus CLOCK_MONOTONIC by the last sentences, ns, and how many that are.
    ahead: [i128; SENTENCES],
    known: usize,
}

impl TimeOfDay {
    /// For `rate` pulses per second (1..=128, clamped), and sentences that come `delay` ns after their second. With one pulse
    /// per second 0 means within the second; else they may come 250 ms earlier than said, or 750 ms later.
    pub fn new(names: Names, rate: u32, delay: i64) -> Self {
        let rate = rate.clamp(1, 128);
        Self { names, rate, delay, latest: None, heard: None, ahead: [0; SENTENCES], known: 0 }
    }

    /// Other names or another delay from the next sentence on.
    pub fn configure(&mut self, names: Names, delay: i64) {
        (self.names, self.delay) = (names, delay);
    }

    /// Takes a full second of TAI whose sentence arrived then. Of several sentences of one second, the first counts. What stands
    /// alone is not believed: a sentence that waited in a buffer, or one with another second.
    pub fn heard(&mut self, tai: TimePoint, arrival: u64) {
        if self.heard.is_some_and(|(known, _)| known == tai) {
            return;
        }
        let ahead = tai.nanos() - i128::from(arrival);
        let agrees = |with: Option<(TimePoint, u64)>| {
            with.is_some_and(|(tai, at)| {
                arrival.saturating_sub(at) <= STALE && (tai.nanos() - i128::from(at) - ahead).abs() < SOUND
            })
        };
        let (with_last, with_latest) = (agrees(self.heard), agrees(self.latest));
        self.heard = Some((tai, arrival));
        if !with_latest {
            self.known = 0;
        }
        if with_last || with_latest {
            self.latest = Some((tai, arrival));
            self.ahead.rotate_right(1);
            self.ahead[0] = ahead;
            self.known = (self.known + 1).min(SENTENCES);
        }
    }

    /// The receiver says that what it told does not hold.
    pub fn forget(&mut self) {
        (self.latest, self.heard, self.known) = (None, None, 0);
    }

    /// TAI minus CLOCK_MONOTONIC: of the last sentences the middle one says it, so that one that is late does not matter.
    fn middle(&self) -> Option<i128> {
        let mut last = self.ahead;
        let last = last.get_mut(..self.known).filter(|l| l.len() >= ENOUGH)?;
        last.sort_unstable();
        last.get(last.len() / 2).copied()
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
            let ahead = self.middle().ok_or(Unknown::NoTime)?;
            let at = i128::from(pulse) + ahead + i128::from(self.delay) + i128::from(lead);
            return tick(TimePoint::from_nanos(at), self.rate).ok_or(Unknown::OffTick);
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

    /// What has been heard for a while by the second that comes then.
    fn after(names: Names, rate: u32, delay: i64, second: i128, arrival: u64) -> TimeOfDay {
        let mut t = TimeOfDay::new(names, rate, delay);
        for ago in (0..4u64).rev() {
            t.heard(tai(second - i128::from(ago)), arrival - ago * SECOND);
        }
        t
    }

    #[test]
    fn what_stands_alone_is_not_believed() {
        let mut t = TimeOfDay::new(Names::Previous, 1, 0);
        // Three seconds waited in a buffer, and the fourth comes in its time.
        for (second, arrival) in [(97, 10_290), (98, 10_290), (99, 10_291), (100, 10_300)] {
            t.heard(tai(second), arrival * MS);
            assert_eq!(t.of_pulse(11_000 * MS), Err(Unknown::NoTime), "{second}");
        }
        t.heard(tai(101), 11_300 * MS);
        assert_eq!(t.of_pulse(12_000 * MS), Ok(tai(102)));
        // One sentence names another second; two of them are a new truth, for others to judge.
        t.heard(tai(103), 12_300 * MS);
        assert_eq!(t.of_pulse(13_000 * MS), Ok(tai(103)));
        t.heard(tai(103), 13_300 * MS);
        t.heard(tai(104), 14_300 * MS);
        assert_eq!(t.of_pulse(15_000 * MS), Ok(tai(105)));
        t.heard(tai(106), 15_300 * MS);
        t.heard(tai(107), 16_300 * MS);
        assert_eq!(t.of_pulse(17_000 * MS), Ok(tai(108)));
    }

    #[test]
    fn fast_pulses_are_named_although_sentences_wander() {
        // Up to 10 ms late, more than a period of 128 pulses a second.
        let mut t = TimeOfDay::new(Names::Previous, 128, 155_000_000);
        for second in 0..40u64 {
            let late = second * 7 % 11 * MS;
            t.heard(tai(100 + i128::from(second)), (50_150 + 1000 * second) * MS + late);
            if second >= 7 {
                let pulse = (51_000 + 1000 * second) * MS + 7_812_500 * (second % 5);
                let wanted =
                    tai(101 + i128::from(second)) + TimeInterval::from_nanos(7_812_500 * (second % 5) as i64);
                assert_eq!(t.of_pulse(pulse), Ok(wanted), "{second}");
            }
        }
    }

    #[test]
    fn a_sentence_names_the_pulse_before_or_after() {
        // Pulse 100 at 0 ms, its sentence 300 ms later; the next pulses follow.
        let t = after(Names::Previous, 1, 0, 100, 9300 * MS);
        assert_eq!(t.of_pulse(10_000 * MS), Ok(tai(101)));
        assert_eq!(t.of_pulse(12_000 * MS), Ok(tai(103)), "two sentences were lost");
        assert_eq!(t.of_pulse(14_400 * MS), Err(Unknown::NoTime));
        let t = after(Names::Next, 1, 0, 101, 9300 * MS);
        assert_eq!(t.of_pulse(10_000 * MS), Ok(tai(101)));
        assert_eq!(t.of_pulse(11_000 * MS), Ok(tai(102)));
    }

    #[test]
    fn doubt_is_told() {
        let mut t = TimeOfDay::new(Names::Previous, 1, 0);
        assert_eq!(t.of_pulse(0), Err(Unknown::NoTime));
        t.heard(tai(99), 0);
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
            let t = after(Names::Previous, 1, delay * 1_000_000, 100, 50_000 * MS + late * MS);
            assert_eq!(t.of_pulse(52_000 * MS), Ok(tai(102)), "{delay} {late}");
        }
        // 990 ms are near the next pulse, but not where that is said.
        let t = after(Names::Previous, 1, 900_000_000, 100, 50_990 * MS);
        assert_eq!(t.of_pulse(51_000 * MS), Ok(tai(101)));
        // Before its pulse by 200 ms.
        let t = after(Names::Previous, 1, -200_000_000, 100, 49_800 * MS);
        assert_eq!((t.of_pulse(50_000 * MS), t.of_pulse(51_000 * MS)), (Ok(tai(100)), Ok(tai(101))));
    }

    #[test]
    fn every_rate_that_is_allowed_names_every_pulse() {
        for rate in 1..=128u32 {
            let late = if rate == 1 { 300 * MS } else { 3 * MS + 100_000 };
            let delay = if rate == 1 { 0 } else { 3_000_000 };
            let t = after(Names::Previous, rate, delay, 100, 50_000 * MS + late);
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
        let t = after(Names::Previous, 10, 120_000_000, 100, 50_000 * MS + 125 * MS);
        for pulse in 0..10 {
            let at = TimePoint::from_nanos(101_000_000_000 + 100_000_000 * i128::from(pulse));
            assert_eq!(t.of_pulse(51_000 * MS + 100 * MS * pulse), Ok(at), "{pulse}");
        }
        assert_eq!(t.of_pulse(51_050 * MS), Err(Unknown::OffTick));
        let t = after(Names::Next, 10, 120_000_000, 101, 50_000 * MS + 125 * MS);
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
