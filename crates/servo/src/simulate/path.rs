//! What a network does to messages.

use super::Rng;

/// How long messages wait on top of the fixed part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Queue {
    /// Never.
    None,
    /// With probability `p`, exponentially.
    Exponential {
        /// How often.
        p: f64,
        /// Mean wait then, ns.
        mean_ns: f64,
    },
    /// With probability `p`, uniformly up to this.
    Uniform {
        /// How often.
        p: f64,
        /// The longest, ns.
        up_to_ns: f64,
    },
    /// Several queues in a row, each exponential.
    Gamma {
        /// How many.
        shape: u32,
        /// Mean wait of each, ns.
        mean_ns: f64,
    },
    /// A Pareto tail above zero (Lomax): mean `scale / (shape - 1)`.
    HeavyTail {
        /// Above 1; at 2 and below the variance is infinite.
        shape: f64,
        /// Of the wait, ns.
        scale_ns: f64,
    },
    /// As somebody measured it, message after message, ns; from the beginning again after the last.
    Recorded(&'static [f32]),
}

/// One direction of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Direction {
    /// Without any queueing, ns.
    pub delay_ns: f64,
    /// Deviation of symmetric noise, ns.
    pub noise_ns: f64,
    /// Waiting.
    pub queue: Queue,
}

impl Direction {
    /// No noise, no queues.
    pub const fn still(delay_ns: f64) -> Self {
        Self { delay_ns, noise_ns: 0.0, queue: Queue::None }
    }

    /// Normal noise.
    pub const fn noisy(delay_ns: f64, noise_ns: f64) -> Self {
        Self { noise_ns, ..Self::still(delay_ns) }
    }

    /// Queues.
    pub const fn queueing(delay_ns: f64, queue: Queue) -> Self {
        Self { queue, ..Self::still(delay_ns) }
    }

    /// The way of message `n`, ns; never negative.
    pub fn draw(&self, n: usize, rng: &mut Rng) -> f64 {
        // The same count of numbers is drawn whatever the parameters, so that scenarios stay comparable.
        let normal = rng.normal();
        let (chance, unit) = (rng.unit(), rng.unit());
        let exponential = -(1.0 - unit).ln();
        let wait = match self.queue {
            Queue::None => 0.0,
            Queue::Exponential { p, mean_ns } if chance < p => mean_ns * exponential,
            Queue::Uniform { p, up_to_ns } if chance < p => up_to_ns * unit,
            Queue::Exponential { .. } | Queue::Uniform { .. } => 0.0,
            Queue::Gamma { shape, mean_ns } => {
                mean_ns * (exponential + (1..shape).map(|_| rng.exponential()).sum::<f64>())
            }
            Queue::HeavyTail { shape, scale_ns } => scale_ns * ((1.0 - unit).powf(-1.0 / shape) - 1.0),
            Queue::Recorded(waits) => waits.get(n % waits.len().max(1)).copied().map_or(0.0, f64::from),
        };
        (self.delay_ns + self.noise_ns * normal + wait).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_as_said() {
        let mut rng = Rng::stream(3, 3);
        let cases = [
            (Queue::None, 0.0),
            (Queue::Exponential { p: 0.5, mean_ns: 100.0 }, 50.0),
            (Queue::Uniform { p: 0.1, up_to_ns: 1000.0 }, 50.0),
            (Queue::Gamma { shape: 3, mean_ns: 20.0 }, 60.0),
            (Queue::HeavyTail { shape: 3.0, scale_ns: 100.0 }, 50.0),
            (Queue::Recorded(&[10.0, 20.0, 90.0]), 40.0),
            (Queue::Recorded(&[]), 0.0),
        ];
        for (queue, mean) in cases {
            let d = Direction { delay_ns: 1000.0, noise_ns: 10.0, queue };
            let n = 100_000;
            let sum: f64 = (0..n).map(|i| d.draw(i, &mut rng)).sum();
            assert!((sum / n as f64 - 1000.0 - mean).abs() < 2.0, "{queue:?}");
        }
    }
}
