//! Many measurements, one record.

use crate::entry::Entry;

/// What was measured since the last record. Nothing is allocated until the record is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interval {
    offset: Spread,
    delay: Spread,
    frequency: Spread,
    bound_ns: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Spread {
    n: u64,
    min: f64,
    max: f64,
    sum: f64,
    squares: f64,
}

impl Spread {
    fn push(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        if self.n == 0 {
            (self.min, self.max) = (x, x);
        }
        self.n += 1;
        self.min = self.min.min(x);
        self.max = self.max.max(x);
        self.sum += x;
        self.squares += x * x;
    }

    fn mean(&self) -> f64 {
        self.sum / self.n as f64
    }
}

impl Interval {
    /// A measurement: the clock minus its reference in ns, the path delay in ns, the frequency correction in ppb, and the
    /// servo's own bound of the error in ns. What is not finite does not count.
    pub fn push(&mut self, offset_ns: f64, delay_ns: Option<f64>, frequency_ppb: f64, bound_ns: Option<f64>) {
        self.offset.push(offset_ns);
        if let Some(delay) = delay_ns {
            self.delay.push(delay);
        }
        self.frequency.push(frequency_ppb);
        if let Some(bound) = bound_ns.filter(|b| b.is_finite()) {
            self.bound_ns = Some(self.bound_ns.map_or(bound, |b| b.max(bound)));
        }
    }

    /// Measurements so far.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.offset.n
    }

    /// A `measurement` of all there was, without what only the daemon knows; begins anew. `length_ns`: over which time.
    #[must_use]
    pub fn take(&mut self, length_ns: u64) -> Entry {
        let Self { offset, delay, frequency, bound_ns } = std::mem::take(self);
        let mut entry =
            Entry::new("measurement").number("interval", length_ns as f64 / 1e9).whole("n", offset.n);
        if offset.n > 0 {
            entry = entry
                .number("offset_min", offset.min)
                .number("offset_mean", offset.mean())
                .number("offset_max", offset.max)
                .number("offset_rms", (offset.squares / offset.n as f64).sqrt());
        }
        if delay.n > 0 {
            entry = entry
                .number("delay_min", delay.min)
                .number("delay_mean", delay.mean())
                .number("delay_max", delay.max);
        }
        if frequency.n > 0 {
            entry = entry.number("frequency", frequency.mean());
        }
        entry.maybe("bound", bound_ns)
    }
}

/// When a record is due: at equal distances, whatever else takes time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grid {
    every: u64,
    since: u64,
}

impl Grid {
    /// From `now` on, every so many ns; 0 counts as 1.
    #[must_use]
    pub fn new(now: u64, every: u64) -> Self {
        Self { every: every.max(1), since: now }
    }

    /// When the next record is due, ns.
    #[must_use]
    pub const fn deadline(&self) -> u64 {
        self.since.saturating_add(self.every)
    }

    /// The length of the interval that has ended, ns; `None`: none has. After a long sleep it is that long.
    pub fn due(&mut self, now: u64) -> Option<u64> {
        if now < self.deadline() {
            return None;
        }
        let length = now.saturating_sub(self.since);
        self.since = if length < self.every.saturating_mul(2) { self.deadline() } else { now };
        Some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_keeps_its_distances_and_forgets_what_it_slept_through() {
        let mut grid = Grid::new(1_000, 100);
        assert_eq!(grid.due(1_099), None);
        assert_eq!(grid.due(1_130), Some(130));
        assert_eq!((grid.deadline(), grid.due(1_205)), (1_200, Some(105)));
        assert_eq!((grid.due(1_950), grid.deadline()), (Some(750), 2_050));
    }

    #[test]
    fn extremes_are_kept() {
        let mut interval = Interval::default();
        for x in [3.0, -4.0, 1.0, f64::NAN] {
            interval.push(x, Some(100.0 + x), 10.0, Some(x.abs()));
        }
        assert_eq!(interval.count(), 3);
        let entry = interval.take(1_500_000_000);
        assert_eq!(
            entry.fields,
            ",\"interval\":1.5,\"n\":3,\"offset_min\":-4,\"offset_mean\":0,\"offset_max\":3,\"offset_rms\":2.944,\
             \"delay_min\":96,\"delay_mean\":100,\"delay_max\":103,\"frequency\":10,\"bound\":4"
        );
        assert_eq!(interval.take(1).fields, ",\"interval\":0,\"n\":0");
    }
}
