//! The gains of the proportional-integral controller.

/// How the PI controller's gains follow from the interval between samples. The names and the meaning are linuxptp's
/// `pi_*` keys, so that an operator's values carry over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PiConfig {
    /// `pi_proportional_const`: a fixed gain in 1/s; 0: computed from the interval.
    pub proportional_const: f64,
    /// `pi_integral_const`: a fixed gain in 1/s per sample; 0: computed from the interval.
    pub integral_const: f64,
    /// `pi_proportional_scale`: the gain at an interval of one second.
    pub proportional_scale: f64,
    /// `pi_proportional_exponent`: the power of the interval the gain goes with.
    pub proportional_exponent: f64,
    /// `pi_proportional_norm_max`: the gain times the interval stays at or below this; above 0, up to 1.
    pub proportional_norm_max: f64,
    /// `pi_integral_scale`: the gain at an interval of one second.
    pub integral_scale: f64,
    /// `pi_integral_exponent`: the power of the interval the gain goes with.
    pub integral_exponent: f64,
    /// `pi_integral_norm_max`: the gain times the interval stays at or below this; above 0, up to 2.
    pub integral_norm_max: f64,
}

impl PiConfig {
    /// For hardware stamps: 0.7 and 0.3 at one second.
    pub const fn hardware() -> Self {
        Self {
            proportional_const: 0.0,
            integral_const: 0.0,
            proportional_scale: 0.7,
            proportional_exponent: -0.3,
            proportional_norm_max: 0.7,
            integral_scale: 0.3,
            integral_exponent: 0.4,
            integral_norm_max: 0.3,
        }
    }

    /// For software stamps: 0.1 and 0.001 at one second.
    pub const fn software() -> Self {
        Self { proportional_scale: 0.1, integral_scale: 0.001, ..Self::hardware() }
    }

    /// For clocks of one host: 0.7 and 0.3 whatever the interval (as far as it is stable).
    pub const fn local() -> Self {
        Self { proportional_const: 0.7, integral_const: 0.3, ..Self::hardware() }
    }

    /// The gains at an interval in seconds. Fixed gains are cut to 1/interval and 2/interval, where the loop would
    /// no longer be stable. An interval that is not a positive number counts as one second, a gain that is not a
    /// number as zero.
    pub fn gains(&self, interval: f64) -> Gains {
        let interval = if interval.is_finite() && interval > 0.0 { interval } else { 1.0 };
        let gain = |constant: f64, limit: f64, scale: f64, exponent: f64, norm_max: f64| {
            let gain = if constant > 0.0 {
                constant.min(limit / interval)
            } else {
                (scale * interval.powf(exponent)).min(norm_max / interval)
            };
            if gain.is_finite() { gain.max(0.0) } else { 0.0 }
        };
        Gains {
            proportional: gain(
                self.proportional_const,
                1.0,
                self.proportional_scale,
                self.proportional_exponent,
                self.proportional_norm_max,
            ),
            integral: gain(
                self.integral_const,
                2.0,
                self.integral_scale,
                self.integral_exponent,
                self.integral_norm_max,
            ),
        }
    }
}

impl Default for PiConfig {
    /// [`PiConfig::hardware`].
    fn default() -> Self {
        Self::hardware()
    }
}

/// The controller's gains: ppb of frequency per ns of offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gains {
    /// Of the offset, 1/s.
    pub proportional: f64,
    /// Added to the frequency for good with each sample, 1/s.
    pub integral: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9 * b.abs().max(1e-9), "{a} is not {b}");
    }

    #[test]
    fn gains_at_one_second_are_the_scales() {
        let g = PiConfig::hardware().gains(1.0);
        close(g.proportional, 0.7);
        close(g.integral, 0.3);
        let g = PiConfig::software().gains(1.0);
        close(g.proportional, 0.1);
        close(g.integral, 0.001);
    }

    #[test]
    fn gains_follow_the_interval() {
        let g = PiConfig::hardware().gains(0.125);
        close(g.proportional, 0.7 * 8f64.powf(0.3));
        close(g.integral, 0.3 * 8f64.powf(-0.4));
        // Long intervals meet the norms.
        let g = PiConfig::hardware().gains(16.0);
        close(g.proportional, 0.7 / 16.0);
        close(g.integral, 0.3 / 16.0);
    }

    #[test]
    fn fixed_gains_are_cut_where_unstable() {
        let g = PiConfig::local().gains(1.0);
        close(g.proportional, 0.7);
        close(g.integral, 0.3);
        let g = PiConfig { proportional_const: 3.0, integral_const: 3.0, ..PiConfig::hardware() }.gains(2.0);
        close(g.proportional, 0.5);
        close(g.integral, 1.0);
    }

    #[test]
    fn nonsense_gives_numbers() {
        let nan = PiConfig {
            proportional_scale: f64::NAN,
            integral_exponent: f64::INFINITY,
            ..PiConfig::hardware()
        };
        for interval in [f64::NAN, -1.0, 0.0, f64::INFINITY, 1e-300, 1e300] {
            let g = nan.gains(interval);
            assert!(g.proportional.is_finite() && g.integral.is_finite(), "{interval}: {g:?}");
        }
    }
}
