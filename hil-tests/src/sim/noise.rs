use ptp_wire::TimeInterval;

use super::Rng;

/// How a wait varies. All figures in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Jitter {
    /// Not at all.
    #[default]
    None,
    /// Normal around zero; the sum with the fixed part never gets negative.
    Gaussian {
        /// Standard deviation.
        sigma: f64,
    },
    /// Uniform from zero.
    Uniform {
        /// Up to this.
        up_to: f64,
    },
    /// A gamma distribution: a chain of queues, each with exponential waiting.
    Gamma {
        /// Queues, at least 1.
        shape: u32,
        /// Mean wait of each.
        mean: f64,
    },
    /// Mostly nothing; with probability `p` a wait behind other traffic, with a heavy (exponential) tail.
    Queueing {
        /// How often.
        p: f64,
        /// The mean wait then.
        mean: f64,
    },
    /// A tail that falls with a power (Lomax): mostly short waits, and now and then a very long one.
    Pareto {
        /// The scale.
        scale: f64,
        /// The power; the mean is `scale / (shape - 1)` for powers above 1.
        shape: f64,
        /// No wait is longer.
        most: f64,
    },
}

impl Jitter {
    /// Draws one, in ns.
    pub fn draw(&self, rng: &mut Rng) -> f64 {
        match *self {
            Self::None => 0.0,
            Self::Gaussian { sigma } => sigma * rng.normal(),
            Self::Uniform { up_to } => rng.between(0.0, up_to),
            Self::Gamma { shape, mean } => (0..shape.max(1)).map(|_| mean * rng.exponential()).sum(),
            Self::Queueing { p, mean } => {
                if rng.chance(p) {
                    mean * rng.exponential()
                } else {
                    0.0
                }
            }
            Self::Pareto { scale, shape, most } => {
                (scale * (exp(rng.exponential() / shape.max(0.01)) - 1.0)).min(most)
            }
        }
    }

    /// `base` with one draw added, never below zero.
    pub fn around(&self, base: TimeInterval, rng: &mut Rng) -> TimeInterval {
        if *self == Self::None {
            return base.max(TimeInterval::ZERO);
        }
        (base + TimeInterval::from_nanos_f64(self.draw(rng))).max(TimeInterval::ZERO)
    }
}

/// e to the power of a number from 0 to 700, from basic operations only (the system's may differ by a bit).
fn exp(x: f64) -> f64 {
    let halvings = 10;
    let small = x.clamp(0.0, 700.0) / f64::from(1 << halvings);
    let mut sum = 1.0;
    for k in (1..=12).rev() {
        sum = 1.0 + small / f64::from(k) * sum;
    }
    (0..halvings).fold(sum, |e, _| e * e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_right_to_many_digits() {
        for x in [0.0, 0.001, 0.5, 1.0, 2.5, 20.0, 100.0] {
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-11, "{x}: {} {}", exp(x), x.exp());
        }
    }

    #[test]
    fn means_are_as_said_and_waits_never_negative() {
        let mut rng = Rng::new(9, 0, 0);
        let cases = [
            (Jitter::Gaussian { sigma: 10.0 }, 0.0),
            (Jitter::Uniform { up_to: 50.0 }, 25.0),
            (Jitter::Gamma { shape: 3, mean: 10.0 }, 30.0),
            (Jitter::Queueing { p: 0.1, mean: 300.0 }, 30.0),
            (Jitter::Pareto { scale: 30.0, shape: 4.0, most: 1e9 }, 10.0),
        ];
        for (jitter, mean) in cases {
            let n = 100_000;
            let sum: f64 = (0..n).map(|_| jitter.draw(&mut rng)).sum();
            assert!((sum / f64::from(n) - mean).abs() < 1.0, "{jitter:?}");
            let low = (0..1000).map(|_| jitter.around(TimeInterval::from_nanos(5), &mut rng)).min();
            assert!(low >= Some(TimeInterval::ZERO));
        }
    }
}
