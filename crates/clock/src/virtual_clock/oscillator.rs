//! The oscillator of a virtual clock: a constant error, and a frequency that wanders.
//!
//! Its phase is a function of CLOCK_MONOTONIC_RAW and the seed alone, so every process that looks computes the same.
//! The wander is a random walk on a fixed grid; it is evaluated lazily, and the last few grid points are kept so that
//! stamps of a while ago are cheap.

/// 2^-60: the unit of frequencies.
pub(super) const RATE_BITS: u32 = 60;
/// 2^-32 ns: the unit of phases.
pub(super) const PHASE_BITS: u32 = 32;
/// The wander's grid: 125 ms.
pub(super) const GRID_NS: u64 = 125_000_000;
/// The largest frequency error with the wander in it: 20 %.
const RATE_LIMIT: i64 = 1 << (RATE_BITS - 3);
/// Grid points kept: 8 s.
const KEPT: usize = 64;

/// A frequency in ppb in units of 2^-60; the caller checked that it is within +-10^9.
pub(super) fn rate_from_ppb(ppb: f64) -> i64 {
    (ppb * ((1u64 << RATE_BITS) as f64 / 1e9)).round() as i64
}

/// The reverse.
pub(super) fn ppb_from_rate(rate: i64) -> f64 {
    rate as f64 * (1e9 / (1u64 << RATE_BITS) as f64)
}

/// A phase (2^-32 ns) times a rate (2^-60), rounded down. No overflow below 2^98 units of phase (2^66 ns).
pub(super) fn scale(phase: i128, rate: i64) -> i128 {
    // Whole ns (66 bits) times 60 bits, and the fraction (32 bits) times 60 bits.
    let whole = phase >> PHASE_BITS;
    let fraction = phase & ((1 << PHASE_BITS) - 1);
    let rate = i128::from(rate);
    // 2^-60 ns and 2^-92 ns, brought to 2^-32 ns together so that it is rounded once.
    ((whole * rate) + ((fraction * rate) >> PHASE_BITS)) >> (RATE_BITS - PHASE_BITS)
}

/// What an oscillator is made of; the same in every process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Parameters {
    /// When it started, CLOCK_MONOTONIC_RAW in ns.
    pub(super) base_raw: u64,
    /// The constant error, 2^-60.
    pub(super) error: i64,
    /// Standard deviation of the wander in one grid cell, 2^-60; 0: none.
    pub(super) cell_deviation: i64,
    /// Of the random walk.
    pub(super) seed: u64,
}

/// A point of the grid.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// Cells since the base.
    cell: u64,
    /// The frequency error in the cell that starts here, 2^-60.
    rate: i64,
    /// The phase gained since the base, 2^-32 ns.
    gained: i128,
}

#[derive(Clone, Debug)]
pub(super) struct Oscillator {
    parameters: Parameters,
    start: Point,
    /// The last points passed, a ring by cell number.
    kept: [Option<Point>; KEPT],
    /// The latest.
    last: Point,
    /// The latest raw time anyone could ask for in earnest; the walk is not followed beyond it.
    horizon: fn() -> u64,
}

impl Oscillator {
    pub(super) fn new(parameters: Parameters) -> Self {
        // A few cells ahead of now: stamps of other processors, and small errors of conversion.
        Self::with_horizon(parameters, || crate::monotonic_raw_now().saturating_add(8 * GRID_NS))
    }

    fn with_horizon(parameters: Parameters, horizon: fn() -> u64) -> Self {
        let start = Point { cell: 0, rate: parameters.error.clamp(-RATE_LIMIT, RATE_LIMIT), gained: 0 };
        let mut kept = [None; KEPT];
        kept[0] = Some(start);
        Self { parameters, start, kept, last: start, horizon }
    }

    /// The oscillator's phase since its base at a raw time, 2^-32 ns. Before the base there is only the constant error.
    pub(super) fn phase(&mut self, raw: u64) -> i128 {
        let elapsed = i128::from(raw) - i128::from(self.parameters.base_raw);
        if elapsed < 0 || self.parameters.cell_deviation == 0 {
            return (elapsed << PHASE_BITS) + scale(elapsed << PHASE_BITS, self.start.rate);
        }
        let elapsed_ns = raw - self.parameters.base_raw;
        let point = self.point(elapsed_ns / GRID_NS);
        // Longer than a cell only beyond the horizon.
        let inside = i128::from(elapsed_ns - point.cell * GRID_NS) << PHASE_BITS;
        (elapsed << PHASE_BITS) + point.gained + scale(inside, point.rate)
    }

    /// The frequency error at a raw time, 2^-60.
    pub(super) fn rate(&mut self, raw: u64) -> i64 {
        match raw.checked_sub(self.parameters.base_raw) {
            Some(elapsed) if self.parameters.cell_deviation != 0 => self.point(elapsed / GRID_NS).rate,
            _ => self.start.rate,
        }
    }

    fn point(&mut self, cell: u64) -> Point {
        if let Some(Some(p)) = self.kept.get(cell as usize % KEPT)
            && p.cell == cell
        {
            return *p;
        }
        let mut cell = cell;
        if cell > self.last.cell {
            let known = (self.horizon)().saturating_sub(self.parameters.base_raw) / GRID_NS;
            cell = cell.min(known.max(self.last.cell));
            if cell == self.last.cell {
                return self.last;
            }
        }
        // An older one than those kept: from the start again.
        let mut p = if cell > self.last.cell { self.last } else { self.start };
        let forward = cell > self.last.cell;
        while p.cell < cell {
            p = self.following(p);
            if forward && let Some(place) = self.kept.get_mut(p.cell as usize % KEPT) {
                *place = Some(p);
            }
        }
        if forward {
            self.last = p;
        }
        p
    }

    fn following(&self, p: Point) -> Point {
        let gained = p.gained + scale(i128::from(GRID_NS) << PHASE_BITS, p.rate);
        let cell = p.cell + 1;
        let step =
            i128::from(self.parameters.cell_deviation) * i128::from(gaussian(self.parameters.seed, cell));
        // `gaussian` has 16 fractional bits.
        let rate = i128::from(p.rate) + (step >> 16);
        let rate = rate.clamp(i128::from(-RATE_LIMIT), i128::from(RATE_LIMIT)) as i64;
        Point { cell, rate, gained }
    }
}

/// A nearly normal number of unit variance with 16 fractional bits: eight uniform ones added up. Integer arithmetic,
/// so that every build gives the same.
fn gaussian(seed: u64, n: u64) -> i64 {
    let a = mix(seed ^ mix(n));
    let b = mix(a ^ 0x5bf0_3635_d1a4_f1e7);
    let mut sum = 0i64;
    for lane in 0..4 {
        sum += ((a >> (16 * lane)) & 0xffff) as i64 + ((b >> (16 * lane)) & 0xffff) as i64;
    }
    // Mean 8 * 32767.5, standard deviation 65536 * sqrt(8 / 12) = 53510.
    (sum - 262_140) * 65_536 / 53_510
}

/// The finaliser of splitmix64.
fn mix(v: u64) -> u64 {
    let mut z = v.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(error_ppb: f64, cell_ppb: f64) -> Parameters {
        Parameters {
            base_raw: 1_000,
            error: rate_from_ppb(error_ppb),
            cell_deviation: rate_from_ppb(cell_ppb),
            seed: 7,
        }
    }

    #[test]
    fn constant_error_adds_up() {
        let mut o = Oscillator::new(parameters(30_000.0, 0.0));
        assert_eq!(o.phase(1_000), 0);
        let day = 86_400_000_000_000u64;
        let want = (i128::from(day) + 2_592_000_000) << PHASE_BITS;
        // 2^-60 of frequency is 8e-19: within 1e-4 ns a day.
        assert!((o.phase(1_000 + day) - want).abs() < 1 << 19, "{}", o.phase(1_000 + day) - want);
        assert_eq!(
            o.phase(0),
            (-1_000i128 << PHASE_BITS) + scale(-1_000i128 << PHASE_BITS, rate_from_ppb(30_000.0))
        );
    }

    #[test]
    fn wander_is_the_same_whoever_looks_when() {
        let p = parameters(1_000.0, 5.0);
        let mut all = Oscillator::with_horizon(p, || u64::MAX);
        let times: Vec<u64> = (0..2_000).map(|i| 1_000 + i * 37_123_456).collect();
        let forward: Vec<i128> = times.iter().map(|t| all.phase(*t)).collect();
        // Only the end; then back, beyond what is kept.
        let mut late = Oscillator::with_horizon(p, || u64::MAX);
        for (t, want) in times.iter().zip(&forward).rev() {
            assert_eq!(late.phase(*t), *want, "at {t}");
        }
        // It never runs backwards, and it does wander.
        assert!(forward.windows(2).all(|w| w[0] < w[1]));
        let end = *times.last().expect("2000");
        assert_ne!(all.rate(end), all.rate(1_000));
    }

    #[test]
    fn phase_is_continuous_at_the_grid() {
        let mut o = Oscillator::with_horizon(parameters(0.0, 1_000.0), || u64::MAX);
        for cell in 1..200 {
            let at = 1_000 + cell * GRID_NS;
            let step = o.phase(at) - o.phase(at - 1);
            assert!((step - (1 << PHASE_BITS)).abs() < 1 << 18, "cell {cell}: {step}");
        }
    }

    #[test]
    fn the_walk_ends_at_the_horizon() {
        let mut o = Oscillator::with_horizon(parameters(0.0, 1_000.0), || 1_000 + 10 * GRID_NS);
        // At once, not after 10^11 steps; and with the last rate known.
        let far = o.phase(u64::MAX);
        assert!(far > i128::from(u64::MAX - 1_000) << (PHASE_BITS - 1));
        assert_eq!(o.rate(u64::MAX), o.rate(1_000 + 10 * GRID_NS));
        assert_eq!(o.last.cell, 10);
    }

    #[test]
    fn gaussian_has_unit_variance() {
        let n = 20_000;
        let values: Vec<f64> = (0..n).map(|i| gaussian(3, i) as f64 / 65_536.0).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.04, "{variance}");
    }

    #[test]
    fn scaling_is_exact() {
        let one = 1i64 << RATE_BITS;
        for v in [0i128, 1, -1, 12_345, -(1 << 96), (1 << 96) + 7] {
            assert_eq!(scale(v, one), v);
            assert_eq!(scale(v, -one), -v);
            assert_eq!(scale(v, one / 2), v >> 1);
        }
    }
}
