//! The normal distribution's tail.

/// ln(2 pi) / 2.
pub(super) const HALF_LN_2PI: f64 = 0.918_938_533_204_672_7;

/// Mills' ratio Q(z) / phi(z) for z >= 0: the upper tail over the density; right to 1e-10.
pub(super) fn mills(z: f64) -> f64 {
    if z < 2.5 {
        // Q = 1/2 - phi (z + z^3/3 + z^5/15 + ...).
        let (mut term, mut sum, mut n) = (z, z, 1.0);
        while term > 1e-14 * sum && n < 200.0 {
            n += 2.0;
            term *= z * z / n;
            sum += term;
        }
        0.5 * (HALF_LN_2PI + z * z / 2.0).exp() - sum
    } else {
        // The continued fraction 1/(z+ 1/(z+ 2/(z+ 3/(z+ ...)))).
        let terms = (12.0 + 400.0 / (z * z)).min(80.0) as u32;
        let mut tail = z;
        for n in (1..=terms).rev() {
            tail = z + f64::from(n) / tail;
        }
        1.0 / tail
    }
}

/// For the standard normal distribution: (ln Phi(a) + a^2 / 2, h + a, 1 - h (h + a)) with h = phi(a) / Phi(a). The forms are
/// those whose digits survive where a is far below zero.
pub(super) fn lower(a: f64) -> (f64, f64, f64) {
    if a < -60.0 {
        let b = 1.0 / (a * a);
        let above = -b * a * (1.0 - b * (2.0 - 10.0 * b));
        (-HALF_LN_2PI - (-a).ln() - b, above, b * (1.0 - 6.0 * b))
    } else if a <= 0.0 {
        let m = mills(-a);
        let above = 1.0 / m + a;
        (m.ln() - HALF_LN_2PI, above, 1.0 - above / m)
    } else if a > 37.0 {
        (a * a / 2.0, a, 1.0)
    } else {
        let phi = (-HALF_LN_2PI - a * a / 2.0).exp();
        let below = 1.0 - phi * mills(a);
        let h = phi / below;
        (below.ln() + a * a / 2.0, h + a, 1.0 - h * (h + a))
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
        for z in [0.0, 0.1, 0.7, 1.9, 2.4999, 2.5, 3.0, 5.0, 12.0, 40.0] {
            let (have, want) = (mills(z), upper_by_sum(z));
            assert!((have / want - 1.0).abs() < 1e-8, "{z}: {have} is not {want}");
        }
    }

    #[test]
    fn both_sides_meet_and_far_ones_too() {
        let plain = |a: f64| lower(a).0 - a * a / 2.0;
        assert!((plain(0.0) - 0.5f64.ln()).abs() < 1e-12);
        for a in [-62.0, -58.0, -3.0, -1.0, 0.5, 3.0] {
            let step = 1e-4;
            let slope = (plain(a + step) - plain(a - step)) / (2.0 * step);
            let (_, above, rest) = lower(a);
            assert!((slope - (above - a)).abs() < 1e-4, "{a}: {slope} {above}");
            let h = above - a;
            assert!((rest - (1.0 - h * above)).abs() < 1e-8, "{a}: {rest}");
        }
        let (near, far) = (lower(-59.999_999), lower(-60.000_001));
        assert!((near.0 - far.0).abs() < 1e-5 && (near.1 / far.1 - 1.0).abs() < 1e-5);
        assert!((near.2 / far.2 - 1.0).abs() < 1e-3);
        let (l, above, rest) = lower(-1e7);
        assert!(l.is_finite() && (above * 1e7 - 1.0).abs() < 1e-9 && (rest * 1e14 - 1.0).abs() < 1e-9);
        assert_eq!(lower(50.0), (1250.0, 50.0, 1.0));
    }
}
