//! Delay filters, clock servos, holdover and measures of accuracy: pure arithmetic on values that are handed in.
//!
//! Nothing here reads a clock, sleeps or logs, and nothing allocates once it is running. The sign conventions are those of the
//! engine and of the kernel: an offset is *local minus master*, a frequency is *positive when the clock is made to run
//! faster*, and a step is *added* to the clock.
//!
//! | | |
//! | --- | --- |
//! | [`Servo`] | proportional-integral, linuxptp's `pi` |
//! | [`Linreg`] | linear regression, linuxptp's `linreg` |
//! | [`Adaptive`] | a state estimator that learns oscillator and network; how good it is: docs/accuracy.md |
//! | [`Controller`] | any of them, chosen when the program runs |
//! | [`Holdover`] | the oscillator's model, its prediction and an error bound |
//! | [`selection`] | which of several sources are right |
//! | [`metrics`] | MTIE, TDEV, ADEV, time error, masks |
//! | [`simulate`] | experiments that show the true error |
//!
//! ```
//! use ptp_servo::{Servo, ServoConfig, ServoState};
//! use ptp_wire::{TimeInterval, TimePoint};
//!
//! let mut servo = Servo::new(ServoConfig::default(), 0.0);
//! servo.set_interval(1.0);
//! // The clock is 1 ms ahead and gains 10 us every second.
//! let first = servo.sample(TimeInterval::from_nanos(1_000_000), TimePoint::from_nanos(0), 1.0);
//! assert_eq!(first.state, ServoState::Unlocked);
//! let second = servo.sample(TimeInterval::from_nanos(1_010_000), TimePoint::from_nanos(1_000_000_000), 1.0);
//! assert_eq!(second.state, ServoState::Jump);
//! assert_eq!(second.step, Some(TimeInterval::from_nanos(-1_010_000)));
//! assert!((second.frequency_ppb + 10_000.0).abs() < 1.0);
//! ```
#![forbid(unsafe_code)]

mod adaptive;
mod controller;
mod filter;
mod holdover;
mod linreg;
pub mod metrics;
mod pi;
pub mod selection;
mod servo;
pub mod simulate;
mod statistics;

pub use adaptive::{
    Adaptive, AdaptiveConfig, AdaptiveEvent, Estimate, Measuring, OscillatorSample, Stamping, Transfer,
};
pub use controller::{Controller, ServoKind, Steering, StepOnly};
pub use filter::{DelayFilter, FilterKind};
pub use holdover::{Holdover, OscillatorModel, Prediction, Trials};
pub use linreg::Linreg;
pub use pi::{Gains, PiConfig};
pub use servo::{Decision, Servo, ServoConfig, ServoState};
pub use statistics::{OffsetStatistics, Summary};
