//! The clock as the servo steers it: what it was corrected by, and what its oscillator would show without.

use ptp_wire::{TimeInterval, TimePoint};

/// So many decisions are remembered: with 128 messages a second in each direction a response may be a quarter of a second on
/// its way.
const SPANS: usize = 64;
/// These anyway, and what is not older than this, s.
const LEAST: usize = 4;
const LONG_AGO: f64 = 1.0;
/// Between a stamp and what is decided because of it.
const LONGEST_DELAY: TimeInterval = TimeInterval::from_nanos(100_000_000_000);

/// From one decision to the next.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// The clock's reading at its beginning.
    local: TimePoint,
    /// Time on the uncorrected oscillator, s.
    time: f64,
    /// Corrected so far, ns.
    corrected: f64,
    /// In force from here on, ppb.
    rate: f64,
}

impl Span {
    fn at(&self, local: TimePoint) -> (f64, f64) {
        let own = (local - self.local).nanos_f64() * 1e-9 / (1.0 + self.rate * 1e-9);
        (self.time + own, self.corrected + self.rate * own)
    }
}

/// The last decisions, so that stamps taken before one and told after it still fit.
#[derive(Clone, Debug)]
pub(super) struct Clockwork {
    spans: [Option<Span>; SPANS],
    rate: f64,
    /// In force before the last decision.
    before: f64,
}

impl Clockwork {
    pub(super) fn new(rate: f64) -> Self {
        Self { spans: [None; SPANS], rate, before: rate }
    }

    /// In force, ppb.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Oscillator time (s) and correction so far (ns) of a reading.
    pub(super) fn at(&mut self, local: TimePoint) -> (f64, f64) {
        let rate = self.rate;
        let newest = *self.spans[0].get_or_insert(Span { local, time: 0.0, corrected: 0.0, rate });
        let span = self.spans.iter().flatten().find(|s| s.local <= local);
        span.or(self.spans.iter().flatten().last()).unwrap_or(&newest).at(local)
    }

    /// Oscillator time (s) of the last decision; correction so far (ns) then or at `time`, whichever is later.
    pub(super) fn from(&self, time: f64) -> (f64, f64) {
        self.spans[0].map_or((time, 0.0), |newest| {
            let time = time.max(newest.time);
            (time, newest.corrected + newest.rate * (time - newest.time))
        })
    }

    /// Has the clock gone back behind everything that is known of it by more than this, s?
    pub(super) fn before_all(&self, local: TimePoint, seconds: f64) -> bool {
        let oldest = self.spans.iter().flatten().last();
        oldest.is_some_and(|s| (s.local - local).nanos_f64() > seconds * 1e9)
    }

    /// From `local` on another frequency is in force, ppb.
    pub(super) fn steer(&mut self, local: TimePoint, rate: f64) {
        // A stamp from before the last decision: this one is not in force earlier than that.
        let local = self.spans[0].map_or(local, |newest| local.max(newest.local));
        let (time, corrected) = self.at(local);
        self.push(Span { local, time, corrected, rate });
    }

    /// At `local` the clock is set forward by this much; the correction so far is told from zero on again.
    /// Gives what it was: to be added to what was measured against it.
    pub(super) fn step(&mut self, local: TimePoint, by: TimeInterval) -> f64 {
        let (time, corrected) = self.at(local);
        self.spans = [None; SPANS];
        self.push(Span { local: local + by, time, corrected: 0.0, rate: self.rate });
        corrected + by.nanos_f64()
    }

    /// The last decision was carried out when the clock read `local`, a little after it was made.
    pub(super) fn carried_out(&mut self, local: TimePoint) {
        let before = self.before;
        let Some(newest) = &mut self.spans[0] else { return };
        // Later than any message takes: a stamp from elsewhere.
        if newest.local < local && local - newest.local < LONGEST_DELAY {
            let (time, corrected) = Span { rate: before, ..*newest }.at(local);
            *newest = Span { local, time, corrected, rate: newest.rate };
            self.before = newest.rate;
        }
    }

    fn push(&mut self, span: Span) {
        self.before = self.rate;
        self.rate = span.rate;
        match self.spans[0] {
            // Decisions at the same reading: the last one counts.
            Some(newest) if newest.local >= span.local => self.spans[0] = Some(span),
            _ => {
                self.spans.rotate_right(1);
                self.spans[0] = Some(span);
                for old in self.spans.iter_mut().skip(LEAST).rev() {
                    match old {
                        Some(s) if span.time - s.time <= LONG_AGO => break,
                        _ => *old = None,
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> TimePoint {
        TimePoint::from_nanos((seconds * 1e9) as i128)
    }

    #[test]
    fn corrections_add_up_and_older_stamps_still_fit() {
        let mut c = Clockwork::new(0.0);
        assert_eq!(c.at(at(100.0)), (0.0, 0.0));
        c.steer(at(101.0), 1000.0);
        let (time, corrected) = c.at(at(103.0));
        assert!((time - (1.0 + 2.0 / 1.000_001)).abs() < 1e-9 && (corrected - 2000.0).abs() < 0.01);
        c.steer(at(103.0), -500.0);
        let (_, corrected) = c.at(at(105.0));
        assert!((corrected - 1000.0).abs() < 0.01, "{corrected}");
        // A stamp from before the last decision.
        let (_, corrected) = c.at(at(102.0));
        assert!((corrected - 1000.0).abs() < 0.01, "{corrected}");
        // A response that was a long way off: twelve decisions were made since it was asked for.
        let mut fast = Clockwork::new(0.0);
        fast.at(at(0.0));
        for i in 1..=12 {
            fast.steer(at(0.01 * f64::from(i)), 1000.0 * f64::from(i));
        }
        let (_, corrected) = fast.at(at(0.015));
        assert!((corrected - 5.0).abs() < 1e-3, "{corrected}");
        // And now it is known how far all of them came, not only the last.
        let (time, corrected) = fast.from(0.015);
        assert!((time - 0.12).abs() < 1e-5 && (corrected - 660.0).abs() < 0.01, "{time} {corrected}");
        assert!((fast.from(0.13).1 - 780.0).abs() < 0.2);
        // At a slow pace no more than the last few are kept.
        (1..=20).for_each(|i| fast.steer(at(f64::from(i)), 0.0));
        assert_eq!(fast.spans.iter().flatten().count(), LEAST);
        // Carried out a second later: until then the last rate was in force.
        let mut late = c.clone();
        late.steer(at(105.0), 2000.0);
        late.carried_out(at(106.0));
        let (_, corrected) = late.at(at(107.0));
        assert!((corrected - 2500.0).abs() < 0.01, "{corrected}");
        let was = c.step(at(105.0), TimeInterval::from_nanos(-3_000_000_000));
        assert!((was - 1000.0 + 3e9).abs() < 0.01, "{was}");
        let (time, corrected) = c.at(at(103.0));
        assert!((time - 6.0).abs() < 1e-5 && (corrected + 500.0).abs() < 0.01, "{time} {corrected}");
    }
}
