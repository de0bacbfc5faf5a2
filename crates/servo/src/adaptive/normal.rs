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

/// For the standard normal distribution: (ln Phi(a), phi(a) / Phi(a)).
pub(super) fn lower(a: f64) -> (f64, f64) {
    let ln_phi = -HALF_LN_2PI - a * a / 2.0;
    if a <= 0.0 {
        let m = mills(-a);
        (ln_phi + m.ln(), 1.0 / m)
    } else if a > 37.0 {
        (0.0, 0.0)
    } else {
        let phi = ln_phi.exp();
        let below = 1.0 - phi * mills(a);
        (below.ln(), phi / below)
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
    fn both_sides_meet() {
        let (l, h) = lower(0.0);
        assert!((l - 0.5f64.ln()).abs() < 1e-12 && (h - 0.797_884_560_8).abs() < 1e-9);
        for a in [-3.0, -1.0, 0.5, 3.0] {
            let step = 1e-5;
            let slope = (lower(a + step).0 - lower(a - step).0) / (2.0 * step);
            assert!((slope - lower(a).1).abs() < 1e-6, "{a}");
        }
        assert_eq!(lower(50.0), (0.0, 0.0));
        assert!(lower(-1e6).0.is_finite() && (lower(-1e6).1 / 1e6 - 1.0).abs() < 1e-6);
    }
}
