//! The adaptive servo: a state estimator over phase, frequency, drift and path delay.
//!
//! Every Sync and every Delay_Resp is a measurement of its own. A bank of Kalman filters, one for each kind of oscillator
//! from atomic to awful, takes all of them; how well each foresees the data decides how much it counts, so that nothing
//! about the oscillator has to be configured. What the network does to messages is learnt for each direction as a
//! mixture of a symmetric core and of one-sided waiting: an early message is news, a late one hardly. A floor that nobody
//! reaches any more has moved: of a change in one direction only the clock does not follow, but reports it.

mod bank;
mod clockwork;
mod config;
mod jumps;
mod kalman;
mod known;
mod most;
mod moves;
mod noise;
mod normal;
mod rhythm;
mod servo;
mod start;
mod tracker;
mod unequal;

pub use config::{AdaptiveConfig, AdaptiveEvent, Estimate, Measuring, OscillatorSample, Stamping, Transfer};
pub use servo::Adaptive;
