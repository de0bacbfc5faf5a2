//! Filters over delay measurements.

use ptp_wire::TimeInterval;

/// Which filter runs over delay measurements.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FilterKind {
    /// The median of the last N: one measurement that queued does not count.
    #[default]
    MovingMedian,
    /// The mean of the last N.
    MovingAverage,
}

/// A moving median or average of the last N delays (the `<meanDelay>` of 1588-2019 11.3 leaves filtering to the
/// implementation). All memory is taken by [`DelayFilter::new`]; [`DelayFilter::push`] does not allocate.
#[derive(Clone, Debug)]
pub struct DelayFilter {
    kind: FilterKind,
    /// The longest it may become; at least 1.
    len: usize,
    /// The last values in the order of arrival, a ring once it is full.
    ring: Vec<TimeInterval>,
    /// Where the next value goes once the ring is full.
    next: usize,
    /// The same values in ascending order; the median's only.
    sorted: Vec<TimeInterval>,
    /// The values' sum; the average's only.
    sum: i128,
}

impl DelayFilter {
    /// The longest filter; longer ones are cut to it.
    pub const MAX_LEN: usize = 1024;

    /// An empty filter over the last `len` values, 1..=1024; anything else is clamped.
    pub fn new(kind: FilterKind, len: usize) -> Self {
        let len = len.clamp(1, Self::MAX_LEN);
        let sorted = match kind {
            FilterKind::MovingMedian => Vec::with_capacity(len),
            FilterKind::MovingAverage => Vec::new(),
        };
        Self { kind, len, ring: Vec::with_capacity(len), next: 0, sorted, sum: 0 }
    }

    /// Takes the next measurement, the oldest one leaves, and gives the filtered value.
    pub fn push(&mut self, d: TimeInterval) -> TimeInterval {
        let oldest = if self.ring.len() < self.len {
            self.ring.push(d);
            None
        } else {
            let place = self.ring.get_mut(self.next);
            self.next = (self.next + 1) % self.len;
            place.map(|p| core::mem::replace(p, d))
        };
        match self.kind {
            FilterKind::MovingMedian => {
                if let Some(Ok(i)) = oldest.map(|o| self.sorted.binary_search(&o)) {
                    self.sorted.remove(i);
                }
                let (Ok(i) | Err(i)) = self.sorted.binary_search(&d);
                self.sorted.insert(i, d);
            }
            FilterKind::MovingAverage => {
                self.sum += i128::from(d.0) - oldest.map_or(0, |o| i128::from(o.0));
            }
        }
        self.value().unwrap_or(d)
    }

    /// The filtered value; `None` before the first measurement.
    pub fn value(&self) -> Option<TimeInterval> {
        let n = self.ring.len();
        if n == 0 {
            return None;
        }
        match self.kind {
            FilterKind::MovingMedian => {
                let upper = self.sorted.get(n / 2)?;
                if n % 2 == 1 {
                    return Some(*upper);
                }
                let lower = self.sorted.get(n / 2 - 1)?;
                Some(narrow((i128::from(lower.0) + i128::from(upper.0)) / 2))
            }
            FilterKind::MovingAverage => Some(narrow(self.sum / i128::try_from(n).ok()?)),
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.ring.clear();
        self.sorted.clear();
        self.next = 0;
        self.sum = 0;
    }
}

/// A mean of 64-bit values is one.
fn narrow(v: i128) -> TimeInterval {
    TimeInterval(i64::try_from(v).unwrap_or(if v < 0 { i64::MIN } else { i64::MAX }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ns(v: i64) -> TimeInterval {
        TimeInterval::from_nanos(v)
    }

    #[test]
    fn median_ignores_one_that_queued() {
        let mut f = DelayFilter::new(FilterKind::MovingMedian, 3);
        assert_eq!(f.value(), None);
        assert_eq!(f.push(ns(10)), ns(10));
        assert_eq!(f.push(ns(20)), ns(15));
        assert_eq!(f.push(ns(9000)), ns(20));
        assert_eq!(f.push(ns(12)), ns(20));
        assert_eq!(f.push(ns(11)), ns(12));
        f.reset();
        assert_eq!(f.value(), None);
    }

    #[test]
    fn average_is_of_the_last() {
        let mut f = DelayFilter::new(FilterKind::MovingAverage, 2);
        assert_eq!(f.push(ns(10)), ns(10));
        assert_eq!(f.push(ns(20)), ns(15));
        assert_eq!(f.push(ns(40)), ns(30));
        assert_eq!(f.push(TimeInterval::MAX), narrow((i128::from(i64::MAX) + (40 << 16)) / 2));
        assert_eq!(f.push(ns(2)).0, narrow((i128::from(i64::MAX) + (2 << 16)) / 2).0);
        assert_eq!(f.push(ns(4)), ns(3));
    }

    #[test]
    fn lengths_are_clamped() {
        let mut f = DelayFilter::new(FilterKind::MovingMedian, 0);
        f.push(ns(1));
        assert_eq!(f.push(ns(2)), ns(2));
        let mut f = DelayFilter::new(FilterKind::MovingAverage, usize::MAX);
        assert_eq!(f.push(ns(5)), ns(5));
    }

    proptest! {
        /// Against the definition, over the last `len` values, and without any reallocation.
        #[test]
        fn is_what_it_says(len in 1usize..20, values in prop::collection::vec(any::<i64>(), 1..80)) {
            let mut median = DelayFilter::new(FilterKind::MovingMedian, len);
            let mut average = DelayFilter::new(FilterKind::MovingAverage, len);
            for (i, v) in values.iter().enumerate() {
                let m = median.push(TimeInterval(*v));
                let a = average.push(TimeInterval(*v));
                let mut window: Vec<i128> =
                    values[(i + 1).saturating_sub(len)..=i].iter().map(|v| i128::from(*v)).collect();
                let n = window.len();
                prop_assert_eq!(i128::from(a.0), window.iter().sum::<i128>() / n as i128);
                window.sort_unstable();
                let want = if n % 2 == 1 { window[n / 2] } else { (window[n / 2 - 1] + window[n / 2]) / 2 };
                prop_assert_eq!(i128::from(m.0), want);
            }
            prop_assert!(median.ring.capacity() == len && median.sorted.capacity() == len);
            prop_assert!(average.ring.capacity() == len);
        }
    }
}
