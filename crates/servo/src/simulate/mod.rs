//! Experiments with servos: clocks, paths and messages in simulated time, and the true error.
//!
//! This is what tests and the accuracy report (docs/accuracy.md) are made of. It is deterministic: the same scenario and
//! seed give the same network and the same oscillators to every servo.

mod adaptive;
mod bound;
mod classic;
mod clock;
mod experiment;
mod holdover;
mod path;
mod random;
mod rng;
mod scenarios;

pub use adaptive::AdaptiveDriver;
pub use bound::{Bound, kalman_bound};
pub use classic::Classic;
pub use clock::{Oscillator, SECOND, SimClock, Stamps};
pub use experiment::{Change, Driver, Outcome, Said, Scenario, run};
pub use holdover::{Calibration, HoldoverLab, calibrate};
pub use path::{Direction, Queue};
pub use random::{describe, random, random_oscillator};
pub use rng::Rng;
pub use scenarios::{hostile, published, stationary};
