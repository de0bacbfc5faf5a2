/// Upper bounds of the buckets of a [`Histogram`], in ns. Offsets are magnitudes: 1-2-5 would be finer than anybody
/// alarms on, so 10 ns to 10 s in steps of about three.
pub const BOUNDS_NS: [u64; 17] = [
    10,
    30,
    100,
    300,
    1_000,
    3_000,
    10_000,
    30_000,
    100_000,
    300_000,
    1_000_000,
    3_000_000,
    10_000_000,
    30_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
];

/// How often a magnitude was how large. Plain numbers: the loop that measures owns it, and copies it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Histogram {
    /// One more than bounds: what is larger than all.
    counts: [u64; BOUNDS_NS.len() + 1],
    sum_s: f64,
}

impl Histogram {
    /// Takes a value in ns; its sign does not count, and what is no number is not taken.
    pub fn observe_ns(&mut self, ns: f64) {
        let magnitude = ns.abs();
        if !magnitude.is_finite() {
            return;
        }
        let place = BOUNDS_NS.iter().position(|b| magnitude <= *b as f64).unwrap_or(BOUNDS_NS.len());
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
        self.sum_s += magnitude / 1e9;
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |n, c| n.saturating_add(*c))
    }

    /// The sum of all magnitudes, s.
    pub fn sum_s(&self) -> f64 {
        self.sum_s
    }

    /// Upper bounds in s, the last infinite, each with how many values lie between it and the one before.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS_NS.iter().map(|b| *b as f64 / 1e9).chain([f64::INFINITY]);
        bounds.zip(self.counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_their_buckets() {
        let mut h = Histogram::default();
        for ns in [-10.0, 10.1, 0.0, 5e9, 1e11, f64::NAN, f64::INFINITY] {
            h.observe_ns(ns);
        }
        let counts: Vec<u64> = h.buckets().iter().map(|b| b.1).collect();
        assert_eq!((counts[0], counts[1], counts[16], counts[17], h.count()), (2, 1, 1, 1, 5));
        assert!((h.sum_s() - 105.000_000_020_1).abs() < 1e-9);
        assert!(BOUNDS_NS.is_sorted() && h.buckets()[17].0.is_infinite());
    }
}
