//! The grandmaster's lock state, and what follows from it for those who listen.
//!
//! The machine is a value: it is told what happened and when, and asked what holds. So it runs in simulated time as well.

mod quality;
mod state;

pub use quality::{Accuracy, ClassTable, Profile, accuracy_of_bound, bound_of_accuracy, withdrawn};
pub use state::{Grandmaster, GrandmasterConfig, Leap, LockState, Pulse, TimeScale, Why};
