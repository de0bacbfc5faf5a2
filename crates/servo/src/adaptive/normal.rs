//! The normal distribution's tail.

/// 1 / sqrt(2 pi).
pub(super) const DENSITY_AT_0: f64 = 0.398_942_280_401_432_7;
/// sqrt(pi / 2).
const ROOT_HALF_PI: f64 = 1.253_314_137_315_500_3;

/// Coefficients of W. J. Cody's rational approximations of the error function (Mathematics of Computation 23, 1969),
/// highest power first.
const NEAR_P: [f64; 5] = [
    1.857_777_061_846_031_5e-1,
    3.161_123_743_870_565_6,
    1.138_641_541_510_501_6e2,
    3.774_852_376_853_020_2e2,
    3.209_377_589_138_469_5e3,
];
const NEAR_Q: [f64; 5] = [
    1.0,
    2.360_129_095_234_412_1e1,
    2.440_246_379_344_441_7e2,
    1.282_616_526_077_372_3e3,
    2.844_236_833_439_170_6e3,
];
const MIDDLE_P: [f64; 9] = [
    2.153_115_354_744_038_5e-8,
    5.641_884_969_886_700_9e-1,
    8.883_149_794_388_375_9,
    6.611_919_063_714_163_0e1,
    2.986_351_381_974_001_3e2,
    8.819_522_212_417_690_9e2,
    1.712_047_612_634_070_6e3,
    2.051_078_377_826_071_5e3,
    1.230_339_354_797_997_3e3,
];
const MIDDLE_Q: [f64; 9] = [
    1.0,
    1.574_492_611_070_983_5e1,
    1.176_939_508_913_125e2,
    5.371_811_018_620_098_6e2,
    1.621_389_574_566_690_2e3,
    3.290_799_235_733_459_6e3,
    4.362_619_090_143_247_2e3,
    3.439_367_674_143_721_6e3,
    1.230_339_354_803_749_4e3,
];
const FAR_P: [f64; 6] = [
    1.631_538_713_730_209_8e-2,
    3.053_266_349_612_323_4e-1,
    3.603_448_999_498_044_4e-1,
    1.257_817_261_112_292_5e-1,
    1.608_378_514_874_227_7e-2,
    6.587_491_615_298_378e-4,
];
const FAR_Q: [f64; 6] = [
    1.0,
    2.568_520_192_289_822_4,
    1.872_952_849_923_460_5,
    5.279_051_029_514_284e-1,
    6.051_834_131_244_131_9e-2,
    2.335_204_976_268_691_8e-3,
];

fn polynomial<const N: usize>(c: &[f64; N], x: f64) -> f64 {
    c.iter().fold(0.0, |sum, c| sum * x + c)
}

/// Mills' ratio Q(z) / phi(z) for z >= 0: the upper tail over the density; right to 1e-14.
pub(super) fn mills(z: f64) -> f64 {
    let y = z * core::f64::consts::FRAC_1_SQRT_2;
    // exp(y^2) erfc(y), by its three pieces.
    let scaled = if y <= 0.468_75 {
        let y2 = y * y;
        let erf = y * polynomial(&NEAR_P, y2) / polynomial(&NEAR_Q, y2);
        y2.exp() * (1.0 - erf)
    } else if y <= 4.0 {
        polynomial(&MIDDLE_P, y) / polynomial(&MIDDLE_Q, y)
    } else {
        let b = 1.0 / (y * y);
        let rest = b * polynomial(&FAR_P, b) / polynomial(&FAR_Q, b);
        (0.564_189_583_547_756_3 - rest) / y
    };
    ROOT_HALF_PI * scaled
}

/// What an exponential wait after normal noise looks like, measured in the noise's deviations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Waited {
    /// Phi(a) exp(a^2 / 2 - v^2 / 2): to be divided by the mean wait.
    pub(super) density: f64,
    /// h + a with h = phi(a) / Phi(a).
    pub(super) above: f64,
    /// 1 - h (h + a).
    pub(super) rest: f64,
}

/// Of a deviation `v` behind waits with a mean of `1 / pace` (v and pace in deviations of the noise): a = v - pace.
/// `here`: exp(-v^2 / 2). The forms are those whose digits survive where a is far below zero.
pub(super) fn waited(v: f64, pace: f64, here: f64) -> Waited {
    let a = v - pace;
    if a < -60.0 {
        let b = 1.0 / (a * a);
        let above = -b * a * (1.0 - b * (2.0 - 10.0 * b));
        Waited { density: here * DENSITY_AT_0 * (1.0 - b) / -a, above, rest: b * (1.0 - 6.0 * b) }
    } else if a <= 0.0 {
        let m = mills(-a);
        let above = 1.0 / m + a;
        Waited { density: here * DENSITY_AT_0 * m, above, rest: 1.0 - above / m }
    } else {
        // a^2 - v^2, without the large squares.
        let outer = (pace * (0.5 * pace - v)).exp();
        if a > 9.0 {
            // What is missing is below 1e-18.
            return Waited { density: outer, above: a, rest: 1.0 };
        }
        let phi = DENSITY_AT_0 * (-0.5 * a * a).exp();
        let below = 1.0 - phi * mills(a);
        let h = phi / below;
        Waited { density: below * outer, above: h + a, rest: 1.0 - h * (h + a) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By Simpson's rule over 14 deviations.
    fn upper_by_sum(z: f64) -> f64 {
        let n = 40_000;
        let h = 14.0 / f64::from(n);
        let f = |x: f64| (-(x * x - z * z) / 2.0).exp();
        let mut sum = f(z) + f(z + 14.0);
        for i in 1..n {
            sum += f(z + h * f64::from(i)) * if i % 2 == 1 { 4.0 } else { 2.0 };
        }
        sum * h / 3.0
    }

    #[test]
    fn mills_ratio_is_the_integral() {
        for z in [0.0, 0.1, 0.66, 0.67, 0.7, 1.9, 2.5, 3.0, 5.0, 5.65, 5.66, 12.0, 40.0] {
            let (have, want) = (mills(z), upper_by_sum(z));
            assert!((have / want - 1.0).abs() < 1e-9, "{z}: {have} is not {want}");
        }
        // It solves M' = z M - 1.
        for z in [0.3, 0.9, 4.0, 7.0] {
            let slope = (mills(z + 1e-4) - mills(z - 1e-4)) / 2e-4;
            assert!((slope - (z * mills(z) - 1.0)).abs() < 1e-7, "{z}");
        }
    }

    #[test]
    fn slopes_are_those_of_the_density_and_pieces_meet() {
        let at = |a: f64, pace: f64| {
            let v = a + pace;
            waited(v, pace, (-0.5 * v * v).exp())
        };
        for (a, pace) in [(-3.0, 0.3), (-1.0, 2.0), (0.5, 0.1), (3.0, 1.0), (8.0, 0.2), (12.0, 0.5)] {
            let step = 1e-4;
            let ln = |a: f64| at(a, pace).density.ln();
            let slope = (ln(a + step) - ln(a - step)) / (2.0 * step);
            let w = at(a, pace);
            // d/dv ln = h - pace, and h = above - a.
            assert!((slope - (w.above - a - pace)).abs() < 1e-5, "{a}: {slope} {w:?}");
            let h = w.above - a;
            assert!((w.rest - (1.0 - h * w.above)).abs() < 1e-8, "{a}: {w:?}");
        }
        for edge in [-60.0, 0.0, 9.0] {
            // The density over exp(-v^2 / 2) is what does not underflow.
            let over = |a: f64| waited(a + 61.0, 61.0, 1.0);
            let at = |a: f64| if edge > 0.0 { at(a, 0.3) } else { over(a) };
            let (near, far) = (at(edge + 1e-6), at(edge - 1e-6));
            if edge != 0.0 {
                assert!((near.density / far.density - 1.0).abs() < 1e-4, "{edge}: {near:?} {far:?}");
            }
            assert!((near.above / far.above - 1.0).abs() < 1e-4, "{edge}: {near:?} {far:?}");
            assert!((near.rest / far.rest - 1.0).abs() < 1e-3, "{edge}: {near:?} {far:?}");
        }
        let far = waited(0.0, 1e7, 1.0);
        assert!((far.density * 1e7 / DENSITY_AT_0 - 1.0).abs() < 1e-9);
        assert!((far.above * 1e7 - 1.0).abs() < 1e-9 && (far.rest * 1e14 - 1.0).abs() < 1e-9);
    }
}
