//! Maximum time interval error (G.810 4.5.15): the largest peak-to-peak time error in any window of a length.

use std::collections::VecDeque;

/// MTIE of one observation interval, sample by sample.
#[derive(Clone, Debug)]
pub struct MtieWindow {
    /// Samples in the interval; a window holds one more.
    span: usize,
    /// Since the last gap.
    count: u64,
    /// Candidates for the window's maximum, falling, with their places; and for its minimum, rising.
    high: VecDeque<(u64, f64)>,
    low: VecDeque<(u64, f64)>,
    worst: Option<f64>,
}

impl MtieWindow {
    /// For an observation interval of `span` sample distances; 0 counts as 1.
    pub fn new(span: usize) -> Self {
        let span = span.max(1);
        let room = || VecDeque::with_capacity(span + 1);
        Self { span, count: 0, high: room(), low: room(), worst: None }
    }

    /// Takes the next time error. What is not a number is missing: no window spans it.
    pub fn push(&mut self, x: f64) {
        if x.is_nan() {
            self.gap();
            return;
        }
        let here = self.count;
        self.count += 1;
        let oldest = here.saturating_sub(self.span as u64);
        while self.high.back().is_some_and(|(_, v)| *v <= x) {
            self.high.pop_back();
        }
        while self.low.back().is_some_and(|(_, v)| *v >= x) {
            self.low.pop_back();
        }
        while self.high.front().is_some_and(|(i, _)| *i < oldest) {
            self.high.pop_front();
        }
        while self.low.front().is_some_and(|(i, _)| *i < oldest) {
            self.low.pop_front();
        }
        self.high.push_back((here, x));
        self.low.push_back((here, x));
        if self.count > self.span as u64
            && let (Some((_, high)), Some((_, low))) = (self.high.front(), self.low.front())
        {
            self.worst = Some(self.worst.unwrap_or(0.0).max(high - low));
        }
    }

    /// Samples are missing here: windows begin anew after them. What was found before stays.
    pub fn gap(&mut self) {
        self.count = 0;
        self.high.clear();
        self.low.clear();
    }

    /// In the samples' unit; `None` before the first full window.
    pub const fn value(&self) -> Option<f64> {
        self.worst
    }

    /// The interval in sample distances.
    pub const fn span(&self) -> usize {
        self.span
    }
}

/// MTIE of a recorded series for an observation interval of `span` sample distances; `None` if it is too short. No window
/// spans a value that is not a number. Takes a time proportional to the series, whatever the interval.
pub fn mtie(series: &[f64], span: usize) -> Option<f64> {
    let mut window = MtieWindow::new(span);
    series.iter().for_each(|x| window.push(*x));
    window.value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_the_definition(series in prop::collection::vec(-1e6..1e6f64, 2..120), span in 1usize..60) {
            let want = (series.len() > span).then(|| {
                series.windows(span + 1).map(|w| {
                    let high = w.iter().copied().fold(f64::MIN, f64::max);
                    let low = w.iter().copied().fold(f64::MAX, f64::min);
                    high - low
                }).fold(0.0, f64::max)
            });
            prop_assert_eq!(mtie(&series, span), want);
        }

        #[test]
        fn no_window_spans_a_gap(
            series in prop::collection::vec(prop_oneof![9 => -1e6..1e6f64, 1 => Just(f64::NAN)], 2..160),
            span in 1usize..30,
        ) {
            let worst = series.split(|x| x.is_nan()).filter_map(|s| mtie(s, span)).reduce(f64::max);
            prop_assert_eq!(mtie(&series, span), worst);
        }

        #[test]
        fn memory_stays(series in prop::collection::vec(-1.0..1.0f64, 300), span in 1usize..20) {
            let mut w = MtieWindow::new(span);
            let room = (w.high.capacity(), w.low.capacity());
            series.iter().for_each(|x| w.push(*x));
            prop_assert_eq!((w.high.capacity(), w.low.capacity()), room);
        }
    }

    #[test]
    fn a_ramp_and_a_step() {
        let ramp: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(mtie(&ramp, 10), Some(10.0));
        let step: Vec<f64> = (0..100).map(|i| if i < 50 { 0.0 } else { 7.0 }).collect();
        assert_eq!(mtie(&step, 1), Some(7.0));
        assert_eq!(mtie(&step, 100), None);
    }
}
