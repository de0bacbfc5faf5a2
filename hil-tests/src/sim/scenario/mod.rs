//! Scenarios: files that say which daemons there are, how they are connected, what befalls them, and what has to come out.
//! docs/rehearsing.md has the format.

mod clocks;
mod expect;
mod fields;
mod model;
mod read;
mod steps;

pub use model::*;
pub use read::{load, load_text};
