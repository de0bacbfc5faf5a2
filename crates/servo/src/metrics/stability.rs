//! Allan deviation (IEEE 1139) and time deviation (G.810 4.5.13), both with overlapping intervals.

/// ADEV and TDEV of one observation interval, sample by sample.
#[derive(Clone, Debug)]
pub struct Deviations {
    /// Samples in the interval.
    span: usize,
    /// Distance of samples, s.
    distance: f64,
    /// The last 3 n + 1 samples.
    ring: Vec<f64>,
    next: usize,
    /// Since the last gap.
    count: u64,
    second_squares: f64,
    seconds: u64,
    /// The sum of the last n second differences, compensated for what rounding loses.
    inner: f64,
    lost: f64,
    inner_squares: f64,
    inners: u64,
}

impl Deviations {
    /// For an observation interval of `span` sample distances of `distance` seconds; 0 counts as 1.
    pub fn new(span: usize, distance: f64) -> Self {
        let span = span.max(1);
        Self {
            span,
            distance,
            ring: vec![0.0; 3 * span + 1],
            next: 0,
            count: 0,
            second_squares: 0.0,
            seconds: 0,
            inner: 0.0,
            lost: 0.0,
            inner_squares: 0.0,
            inners: 0,
        }
    }

    /// Takes the next time error in ns. What is not a number is missing: no difference spans it.
    pub fn push(&mut self, x: f64) {
        if x.is_nan() {
            self.gap();
            return;
        }
        let n = self.span;
        let room = self.ring.len();
        // Before the new one is written its place holds the oldest.
        let back = |by: usize| self.ring.get((self.next + room - by) % room).copied().unwrap_or(0.0);
        let (one, two, three) = (back(n), back(2 * n), back(3 * n));
        let seen = self.count;
        if let Some(place) = self.ring.get_mut(self.next) {
            *place = x;
        }
        self.next = (self.next + 1) % room;
        self.count += 1;
        let n = n as u64;
        if seen < 2 * n {
            return;
        }
        let second = x - 2.0 * one + two;
        self.second_squares += second * second;
        self.seconds += 1;
        self.add(second);
        if seen >= 3 * n {
            self.add(-(one - 2.0 * two + three));
        }
        if seen + 1 >= 3 * n {
            self.inner_squares += self.inner * self.inner;
            self.inners += 1;
        }
    }

    /// Samples are missing here: differences begin anew after them. Those before count as they did.
    pub fn gap(&mut self) {
        self.count = 0;
        (self.inner, self.lost) = (0.0, 0.0);
    }

    fn add(&mut self, v: f64) {
        let v = v - self.lost;
        let sum = self.inner + v;
        self.lost = (sum - self.inner) - v;
        self.inner = sum;
    }

    /// The interval, s.
    pub fn interval(&self) -> f64 {
        self.span as f64 * self.distance
    }

    /// Allan deviation, ns/s (1e-9); `None` before 2 n + 1 samples.
    pub fn adev(&self) -> Option<f64> {
        let t = self.interval();
        (self.seconds > 0).then(|| (self.second_squares / self.seconds as f64 / 2.0).sqrt() / t)
    }

    /// Time deviation, ns; `None` before 3 n samples.
    pub fn tdev(&self) -> Option<f64> {
        let n = self.span as f64;
        (self.inners > 0).then(|| (self.inner_squares / self.inners as f64 / 6.0).sqrt() / n)
    }
}

fn gone_through(series: &[f64], span: usize, distance: f64) -> Deviations {
    let mut d = Deviations::new(span, distance);
    series.iter().for_each(|x| d.push(*x));
    d
}

/// Allan deviation of a recorded series, in its unit per second, for an observation interval of `span` sample distances of
/// `distance` seconds; `None` if it is too short. No difference spans a value that is not a number.
pub fn adev(series: &[f64], span: usize, distance: f64) -> Option<f64> {
    gone_through(series, span, distance).adev()
}

/// Time deviation of a recorded series, in its unit; `None` if it is too short. Gaps as in [`adev`].
pub fn tdev(series: &[f64], span: usize) -> Option<f64> {
    gone_through(series, span, 1.0).tdev()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// G.810 II.3 as written.
    fn tdev_by_sums(x: &[f64], n: usize) -> Option<f64> {
        if x.len() < 3 * n {
            return None;
        }
        let outer = x.len() - 3 * n + 1;
        let mut sum = 0.0;
        for j in 0..outer {
            let inner: f64 = (j..j + n).map(|i| x[i + 2 * n] - 2.0 * x[i + n] + x[i]).sum();
            sum += inner * inner;
        }
        Some((sum / (6.0 * (n * n) as f64 * outer as f64)).sqrt())
    }

    fn adev_by_sums(x: &[f64], n: usize, t0: f64) -> Option<f64> {
        if x.len() < 2 * n + 1 {
            return None;
        }
        let terms = x.len() - 2 * n;
        let sum: f64 = (0..terms).map(|i| (x[i + 2 * n] - 2.0 * x[i + n] + x[i]).powi(2)).sum();
        let t = n as f64 * t0;
        Some((sum / (2.0 * t * t * terms as f64)).sqrt())
    }

    fn close(a: Option<f64>, b: Option<f64>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * b.abs() + 1e-9,
            (a, b) => a == b,
        }
    }

    proptest! {
        #[test]
        fn are_the_definitions(x in prop::collection::vec(-1e4..1e4f64, 1..150), n in 1usize..40, t0 in 0.01..10.0f64) {
            prop_assert!(close(tdev(&x, n), tdev_by_sums(&x, n)), "{:?} {:?}", tdev(&x, n), tdev_by_sums(&x, n));
            prop_assert!(close(adev(&x, n, t0), adev_by_sums(&x, n, t0)));
        }
    }

    proptest! {
        #[test]
        fn no_difference_spans_a_gap(
            x in prop::collection::vec(prop_oneof![14 => -1e4..1e4f64, 1 => Just(f64::NAN)], 1..200),
            n in 1usize..12,
        ) {
            // All differences within stretches, with equal weights.
            let (mut seconds, mut inners) = ((0.0, 0usize), (0.0, 0usize));
            for part in x.split(|v| v.is_nan()) {
                if let Some(a) = adev_by_sums(part, n, 1.0) {
                    let terms = part.len() - 2 * n;
                    seconds = (seconds.0 + a * a * terms as f64, seconds.1 + terms);
                }
                if let Some(t) = tdev_by_sums(part, n) {
                    let terms = part.len() - 3 * n + 1;
                    inners = (inners.0 + t * t * terms as f64, inners.1 + terms);
                }
            }
            let root = |(sum, terms): (f64, usize)| (terms > 0).then(|| (sum / terms as f64).sqrt());
            prop_assert!(close(adev(&x, n, 1.0), root(seconds)));
            prop_assert!(close(tdev(&x, n), root(inners)));
        }
    }

    /// NIST Special Publication 1065, 12.2: 1000 frequencies from a prescribed generator, and what has to come out.
    #[test]
    fn the_thousand_points_of_nist_sp_1065_give_its_figures() {
        let mut n = 1_234_567_890u64;
        let y: Vec<f64> = (0..1000)
            .map(|_| {
                let value = n as f64 / 2_147_483_647.0;
                n = n * 16_807 % 2_147_483_647;
                value
            })
            .collect();
        let mean = y.iter().sum::<f64>() / 1000.0;
        let deviation = (y.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 999.0).sqrt();
        assert!((mean - 0.489_774_5).abs() < 1e-7 && (deviation - 0.288_466_4).abs() < 1e-7);
        let mut x = vec![0.0];
        x.extend(y.iter().scan(0.0, |sum, v| {
            *sum += v;
            Some(*sum)
        }));
        // Averaging factor, overlapping Allan deviation, time deviation.
        for (factor, allan, time) in [
            (1, 2.922_319e-1, 1.687_202e-1),
            (10, 9.159_953e-2, 3.563_623e-1),
            (100, 3.241_343e-2, 1.253_382),
        ] {
            let (a, t) =
                (adev(&x, factor, 1.0).expect("long enough"), tdev(&x, factor).expect("long enough"));
            assert!((a / allan - 1.0).abs() < 3e-7, "{factor}: ADEV {a}");
            assert!((t / time - 1.0).abs() < 4e-7, "{factor}: TDEV {t}");
        }
    }

    #[test]
    fn white_phase_noise_has_the_known_slopes() {
        let mut rng = crate::simulate::Rng::stream(1, 1);
        let x: Vec<f64> = (0..20_000).map(|_| rng.normal()).collect();
        // TDEV = sigma / sqrt(n), ADEV = sqrt(3) sigma / t.
        for n in [1usize, 4, 16] {
            let t = tdev(&x, n).expect("long enough") * (n as f64).sqrt();
            let a = adev(&x, n, 1.0).expect("long enough") * n as f64 / 3f64.sqrt();
            assert!((t - 1.0).abs() < 0.1 && (a - 1.0).abs() < 0.05, "{n}: {t} {a}");
        }
    }
}
