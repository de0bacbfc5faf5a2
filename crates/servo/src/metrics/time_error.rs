//! Time error and its parts: constant and dynamic, slow and fast (G.8260 clause 3, G.8273.2 clause 7).

use super::{Deviations, MtieWindow};

/// The corner of G.8273.2's measurement filters, Hz.
const CORNER_HZ: f64 = 0.1;
/// A filter counts when no more than this share of what it shows stems from the one sample it began with.
const SETTLED: f64 = 0.001;
/// Observation intervals: 1, 2, 5, 10, ... samples.
const STEPS: [usize; 3] = [1, 2, 5];
/// cTE is an average over this time, s.
const CONSTANT_S: f64 = 1000.0;

/// Everything about a time error that masks ask for, sample by sample. Memory is taken by [`TimeError::new`].
#[derive(Clone, Debug)]
pub struct TimeError {
    distance: f64,
    count: u64,
    max_abs: f64,
    /// For cTE: the last 1000 s and their sum.
    ring: Vec<f64>,
    next: usize,
    sum: f64,
    /// Samples missing in all, and since the last one that was there.
    missing: u64,
    skipped: u64,
    low: f64,
    /// The sample before, and the share of `low` that stems from a single one: after the beginning and after long gaps.
    before: f64,
    single: f64,
    max_low: f64,
    high: Option<(f64, f64)>,
    mtie: Vec<MtieWindow>,
    deviations: Vec<Deviations>,
    low_mtie: Vec<MtieWindow>,
    low_deviations: Vec<Deviations>,
}

impl TimeError {
    /// For samples at this distance (s), with observation intervals up to `longest` (s): 1, 2, 5, 10, ... samples.
    /// Distances that are not positive count as 1 s; there are at most 100 000 samples in an interval.
    pub fn new(distance: f64, longest: f64) -> Self {
        let distance = if distance.is_finite() && distance > 0.0 { distance } else { 1.0 };
        let most = if longest.is_finite() { (longest / distance).clamp(1.0, 1e5) as usize } else { 1 };
        let mut spans = Vec::new();
        let mut decade = 1usize;
        while decade <= most {
            spans.extend(STEPS.iter().map(|s| s * decade).filter(|n| *n <= most));
            decade = decade.saturating_mul(10);
        }
        let windows = || spans.iter().map(|n| MtieWindow::new(*n)).collect::<Vec<_>>();
        let deviations = || spans.iter().map(|n| Deviations::new(*n, distance)).collect::<Vec<_>>();
        let constant = (CONSTANT_S / distance).clamp(1.0, 1e6) as usize;
        Self {
            distance,
            count: 0,
            max_abs: 0.0,
            ring: vec![0.0; constant],
            next: 0,
            sum: 0.0,
            missing: 0,
            skipped: 0,
            low: 0.0,
            before: 0.0,
            single: 1.0,
            max_low: 0.0,
            high: None,
            mtie: windows(),
            deviations: deviations(),
            low_mtie: windows(),
            low_deviations: deviations(),
        }
    }

    /// Takes the next time error, ns. What is not a finite number counts as [`TimeError::gap`].
    pub fn push(&mut self, ns: f64) {
        if !ns.is_finite() {
            self.gap(1);
            return;
        }
        self.max_abs = self.max_abs.max(ns.abs());
        let room = self.ring.len();
        if let Some(place) = self.ring.get_mut(self.next) {
            self.sum += ns - *place;
            *place = ns;
        }
        self.next = (self.next + 1) % room.max(1);
        if self.next == 0 {
            // Rounding does not add up.
            self.sum = self.ring.iter().sum();
        }
        self.filter(ns);
        self.skipped = 0;
        self.count += 1;
        self.mtie.iter_mut().for_each(|w| w.push(ns));
        self.deviations.iter_mut().for_each(|d| d.push(ns));
        if self.single > SETTLED {
            return;
        }
        let (low, high) = (self.low, ns - self.low);
        self.max_low = self.max_low.max(low.abs());
        let (least, most) = self.high.unwrap_or((high, high));
        self.high = Some((least.min(high), most.max(high)));
        self.low_mtie.iter_mut().for_each(|w| w.push(low));
        self.low_deviations.iter_mut().for_each(|d| d.push(low));
    }

    /// The first-order low-pass, over all the time since the last sample: its exact answer to a time error that runs straight
    /// from one sample to the next. (Held until the next, the high-pass would lose half at one sample a second.)
    fn filter(&mut self, ns: f64) {
        if self.count == 0 {
            (self.low, self.before) = (ns, ns);
            return;
        }
        let angle = |samples: u64| core::f64::consts::TAU * CORNER_HZ * self.distance * samples as f64;
        let all = angle(self.skipped + 1);
        let keep = (-all).exp();
        // How it went through a gap of more than the filter's own time nobody knows: it is now here.
        let gap = angle(self.skipped);
        let (mean, alone) = if gap < 1.0 { (-(-all).exp_m1() / all, 0.0) } else { (keep, -(-gap).exp_m1()) };
        self.low = keep * self.low + (mean - keep) * self.before + (1.0 - mean) * ns;
        self.before = ns;
        self.single = (keep * self.single).max(alone);
    }

    /// `samples` are missing here. No observation interval of MTIE, TDEV and ADEV spans the gap; the filters take the next
    /// sample for as much later as it is, and after a long gap settle anew before they count; cTE is the mean of the samples that are there.
    pub fn gap(&mut self, samples: u64) {
        if samples == 0 {
            return;
        }
        self.missing = self.missing.saturating_add(samples);
        self.skipped = self.skipped.saturating_add(samples);
        self.mtie.iter_mut().chain(&mut self.low_mtie).for_each(MtieWindow::gap);
        self.deviations.iter_mut().chain(&mut self.low_deviations).for_each(Deviations::gap);
    }

    /// Samples that were missing: a verdict on them is one on what was seen only.
    pub const fn missing(&self) -> u64 {
        self.missing
    }

    /// Samples so far.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// max|TE|, ns.
    pub const fn max_abs(&self) -> f64 {
        self.max_abs
    }

    /// The filters have settled at least once: what is told from behind them counts.
    pub const fn is_settled(&self) -> bool {
        self.high.is_some()
    }

    /// max|TE_L|: behind the 0.1 Hz low-pass, once that has settled (11 s), ns.
    pub const fn max_abs_low(&self) -> f64 {
        self.max_low
    }

    /// cTE: the mean of the last 1000 s (of all, if there are less), ns; `None` without samples.
    pub fn constant(&self) -> Option<f64> {
        let n = self.count.min(self.ring.len() as u64);
        (n > 0).then(|| self.sum / n as f64)
    }

    /// dTE_H: peak to peak behind the 0.1 Hz high-pass, once that has settled (11 s), ns.
    pub fn dynamic_high(&self) -> f64 {
        self.high.map_or(0.0, |(least, most)| most - least)
    }

    /// MTIE of the unfiltered time error: (interval in s, ns), as far as it is known.
    pub fn mtie(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.mtie.iter().filter_map(|w| Some((w.span() as f64 * self.distance, w.value()?)))
    }

    /// TDEV: (interval in s, ns).
    pub fn tdev(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.deviations.iter().filter_map(|d| Some((d.interval(), d.tdev()?)))
    }

    /// ADEV: (interval in s, ns/s).
    pub fn adev(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.deviations.iter().filter_map(|d| Some((d.interval(), d.adev()?)))
    }

    /// MTIE of dTE_L (behind the 0.1 Hz low-pass): (interval in s, ns).
    pub fn mtie_low(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.low_mtie.iter().filter_map(|w| Some((w.span() as f64 * self.distance, w.value()?)))
    }

    /// TDEV of dTE_L: (interval in s, ns).
    pub fn tdev_low(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.low_deviations.iter().filter_map(|d| Some((d.interval(), d.tdev()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{adev, mtie, tdev};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_add_up() {
        // 20 ns of constant error, a slow swing of 5 ns (0.001 Hz), a fast one of 3 ns (1 Hz), 16 samples a second.
        let mut t = TimeError::new(1.0 / 16.0, 100.0);
        for i in 0..32_000u32 {
            let s = f64::from(i) / 16.0;
            let w = core::f64::consts::TAU;
            t.push(20.0 + 5.0 * (w * 0.001 * s).sin() + 3.0 * (w * s).sin());
        }
        assert_eq!(t.count(), 32_000);
        assert!((t.constant().expect("samples") - 20.0).abs() < 0.1);
        assert!((t.max_abs() - 28.0).abs() < 0.1);
        // The low-pass leaves a tenth of the fast one, the high-pass almost all.
        assert!((t.max_abs_low() - 25.3).abs() < 0.1, "{}", t.max_abs_low());
        assert!((t.dynamic_high() - 6.0).abs() < 0.2, "{}", t.dynamic_high());
        let (at, slow) = t.mtie_low().last().expect("long enough");
        // The slow one's steepest 62.5 s: 2 * 5 * sin(pi * 0.0625).
        assert!((at - 62.5).abs() < 1e-9 && (slow - 1.95 - 0.6).abs() < 0.2, "{at} {slow}");
        assert!(t.tdev().count() >= 9 && t.adev().count() >= 9 && t.mtie().count() >= 9);
    }

    /// The answer to a swing of 10 ns: behind the low-pass (peak) and the high-pass (peak to peak).
    fn swing(distance: f64, hz: f64) -> (f64, f64) {
        let mut t = TimeError::new(distance, 1.0);
        for i in 0..(1000.0 / distance) as u32 {
            t.push(10.0 * (core::f64::consts::TAU * hz * f64::from(i) * distance).cos());
        }
        (t.max_abs_low(), t.dynamic_high())
    }

    /// Against the analogue filters, from a tenth of their corner to far above it.
    #[test]
    fn filters_are_the_analogue_ones() {
        for distance in [1.0, 0.25, 0.0625] {
            for hz in [0.0101, 0.0503, 0.1003, 0.2007, 0.4011, 1.003, 3.01] {
                if hz * distance > 0.26 {
                    continue;
                }
                let (low, high) = swing(distance, hz);
                let analogue = 10.0 / (1.0 + (hz / 0.1) * (hz / 0.1)).sqrt();
                let rest = 20.0 / (1.0 + (0.1 / hz) * (0.1 / hz)).sqrt();
                // A straight line between samples swings less than a sine: by 3.3 (f d)^2 behind the low-pass.
                let most = 0.01 + 3.5 * (hz * distance).powi(2);
                assert!((low / analogue - 1.0).abs() < most, "{distance} {hz}: {low} {analogue}");
                assert!((high / rest - 1.0).abs() < 0.02, "{distance} {hz}: {high} {rest}");
            }
        }
    }

    /// One sample of noise at the beginning, or after a gap, is no slow error.
    #[test]
    fn filters_settle_before_they_count() {
        let mut t = TimeError::new(0.0625, 10.0);
        t.push(50.0);
        (0..800).for_each(|i| t.push(f64::from(i % 2)));
        t.gap(1000);
        t.push(-50.0);
        (0..800).for_each(|i| t.push(f64::from(i % 2)));
        assert!(t.is_settled() && !TimeError::new(1.0, 10.0).is_settled());
        assert!(t.max_abs_low() < 1.1, "{}", t.max_abs_low());
        assert!((t.dynamic_high() - 1.0).abs() < 0.6, "{}", t.dynamic_high());
        assert!(t.mtie_low().all(|(_, v)| v < 0.6) && t.max_abs() == 50.0);
        // Some missing samples are no reason to begin anew.
        t.gap(10);
        t.push(9.0);
        assert!(t.dynamic_high() > 6.0, "{}", t.dynamic_high());
    }

    #[test]
    fn nonsense_is_survived() {
        for (distance, longest) in [(0.0, 10.0), (f64::NAN, f64::INFINITY), (1e-9, 1e9), (1e9, 0.0)] {
            let mut t = TimeError::new(distance, longest.min(1e-6));
            assert_eq!(t.constant(), None);
            t.push(f64::NAN);
            t.push(f64::INFINITY);
            assert_eq!((t.max_abs(), t.count(), t.missing()), (0.0, 0, 2));
        }
    }

    proptest! {
        /// Sample by sample and as a whole: the same figures, with and without gaps.
        #[test]
        fn streaming_is_batch(
            series in prop::collection::vec(prop_oneof![19 => -1e3..1e3f64, 1 => Just(f64::NAN)], 1..250),
        ) {
            let mut t = TimeError::new(0.5, 20.0);
            series.iter().for_each(|x| t.push(*x));
            let span = |at: f64| (at / 0.5).round() as usize;
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
            let mut known = 0;
            for (at, v) in t.mtie() {
                prop_assert_eq!(mtie(&series, span(at)), Some(v));
                known += 1;
            }
            prop_assert_eq!(known, [1, 2, 5, 10, 20].iter().filter(|n| mtie(&series, **n).is_some()).count());
            for (at, v) in t.tdev() {
                prop_assert!(close(v, tdev(&series, span(at)).unwrap_or(f64::NAN)));
            }
            for (at, v) in t.adev() {
                prop_assert!(close(v, adev(&series, span(at), 0.5).unwrap_or(f64::NAN)));
            }
            prop_assert_eq!((t.count() + t.missing()) as usize, series.len());
        }
    }

    #[test]
    fn a_gap_is_no_step() {
        // 100 ns away after a gap: nobody saw a step, and the low-pass is where the clock is after a minute.
        let mut t = TimeError::new(1.0, 10.0);
        (0..100).for_each(|_| t.push(0.0));
        t.gap(60);
        (0..100).for_each(|_| t.push(100.0));
        assert!(t.mtie().chain(t.mtie_low()).all(|(_, v)| v < 1e-6) && t.tdev().all(|(_, v)| v < 1e-6));
        assert_eq!((t.missing(), t.count(), t.max_abs()), (60, 200, 100.0));
        assert!(t.dynamic_high() < 1e-6 && (t.constant().expect("samples") - 50.0).abs() < 1e-9);
    }
}
