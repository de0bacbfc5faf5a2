//! Scenarios: files that say which daemons there are, how they are connected, what befalls them, and what has to come out.
//! docs/rehearsing.md has the format.

mod attack;
mod clocks;
mod expect;
mod fields;
mod judge;
mod model;
mod outcome;
mod read;
mod rehearsal;
pub mod report;
mod run;
mod steps;

pub use model::*;
pub use outcome::{NodeOutcome, Outcome, Verdict};
pub use read::{load, load_text};
pub use rehearsal::{Rehearsal, Wish};
pub use run::{Run, Unrunnable, manage};
