//! Millions of values in a fixed memory: a line that keeps its extremes, and a distribution.

use std::collections::BTreeMap;

/// As many points as a page has room for.
const MOST: usize = 2048;

/// What fell into one stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    /// ns.
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) min: f64,
    pub(super) max: f64,
    sum: f64,
    n: f64,
}

impl Bucket {
    pub(super) fn mean(&self) -> f64 {
        self.sum / self.n
    }

    fn add(&mut self, other: &Self) {
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.n += other.n;
    }
}

/// A line over time: when it has too many points, neighbours become one, with the extremes of both.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Series {
    buckets: Vec<Bucket>,
    /// ns; 0: each value has its own.
    width: i64,
}

impl Series {
    /// The least, the mean and the largest value at a time, ns.
    pub(super) fn push(&mut self, at: i64, [min, mean, max]: [f64; 3]) {
        if ![min, mean, max].iter().all(|x| x.is_finite()) {
            return;
        }
        self.add(Bucket { from: at, to: at, min, max, sum: mean, n: 1.0 });
        if self.buckets.len() > MOST {
            let span = match (self.buckets.first(), self.buckets.last()) {
                (Some(first), Some(last)) => last.to.saturating_sub(first.from),
                _ => 0,
            };
            self.width = self.width.saturating_mul(2).max(span / (MOST as i64 / 2)).max(1);
            let old = std::mem::take(&mut self.buckets);
            old.into_iter().for_each(|b| self.add(b));
        }
    }

    fn add(&mut self, bucket: Bucket) {
        let place = |at: i64| at.div_euclid(self.width.max(1));
        match self.buckets.last_mut() {
            Some(last) if self.width > 0 && place(last.from) == place(bucket.from) => last.add(&bucket),
            _ => self.buckets.push(bucket),
        }
    }

    pub(super) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// Of all values.
    pub(super) fn extremes(&self) -> Option<(f64, f64)> {
        let low = self.buckets.iter().map(|b| b.min).reduce(f64::min)?;
        Some((low, self.buckets.iter().map(|b| b.max).reduce(f64::max)?))
    }
}

/// Steps in each doubling: values are known to 0.4 %.
const STEPS: f64 = 128.0;
/// What is below counts as nothing.
const LEAST: f64 = 1.0 / 64.0;

/// How often values came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    counts: BTreeMap<i32, u64>,
    total: u64,
}

impl Histogram {
    pub(super) fn push(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        let size = if x.abs() < LEAST { 0 } else { ((x.abs() / LEAST).log2() * STEPS) as i32 + 1 };
        *self.counts.entry(if x < 0.0 { -size } else { size }).or_default() += 1;
        self.total += 1;
    }

    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// The edges of a step, the lesser one first.
    fn edges(key: i32) -> (f64, f64) {
        let edge = |size: i32| if size <= 0 { 0.0 } else { LEAST * (f64::from(size - 1) / STEPS).exp2() };
        let (near, far) = (edge(key.abs()), edge(key.abs() + 1));
        match key {
            0 => (-LEAST, LEAST),
            k if k < 0 => (-far, -near),
            _ => (near, far),
        }
    }

    /// Below this value lies this share (0 to 1); `None` without values.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (key, n) in &self.counts {
            seen += n;
            if seen >= wanted {
                let (low, high) = Self::edges(*key);
                return Some(if *key == 0 { 0.0 } else { (low + high) / 2.0 });
            }
        }
        None
    }

    /// The shares of equal steps between two values; what lies outside is left out.
    pub(super) fn bars(&self, from: f64, to: f64, count: usize) -> Vec<f64> {
        let mut bars = vec![0.0; count];
        let width = (to - from) / count as f64;
        if width.is_nan() || width <= 0.0 {
            return bars;
        }
        for (key, n) in &self.counts {
            let (low, high) = Self::edges(*key);
            for (i, bar) in bars.iter_mut().enumerate() {
                let (left, right) = (from + i as f64 * width, from + (i + 1) as f64 * width);
                let common = (right.min(high) - left.max(low)).max(0.0);
                *bar += *n as f64 * common / (high - low) / self.total as f64;
            }
        }
        bars
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_stay_however_many_values_there_are() {
        let mut series = Series::default();
        for i in 0..1_000_000i64 {
            let x = if i == 777_777 {
                1e6
            } else if i == 3 {
                -5e5
            } else {
                (i % 10) as f64
            };
            series.push(i * 1_000_000_000, [x, x, x]);
        }
        assert!(series.buckets().len() <= MOST && series.buckets().len() > MOST / 4);
        assert_eq!(series.extremes(), Some((-5e5, 1e6)));
        let at = series.buckets().iter().find(|b| b.max == 1e6).expect("it is there");
        assert!((at.from..=at.to).contains(&777_777_000_000_000));
        assert!(series.buckets().is_sorted_by_key(|b| b.from));
    }

    #[test]
    fn quantiles_are_near_the_truth() {
        let mut h = Histogram::default();
        for i in -5_000..5_000 {
            h.push(f64::from(i));
        }
        for (share, truth) in [(0.01, -4900.0), (0.25, -2500.0), (0.75, 2500.0), (0.999, 4990.0)] {
            let found = h.quantile(share).expect("values");
            assert!((found - truth).abs() < 30.0, "{share}: {found}");
        }
        let bars = h.bars(-5_000.0, 5_000.0, 10);
        assert!(bars.iter().all(|b| (b - 0.1).abs() < 0.005), "{bars:?}");
        assert!((bars.iter().sum::<f64>() - 1.0).abs() < 0.005);
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}
