//! Configuration: YAML with profiles, and diagnostics that say everything that is wrong at once.
#![forbid(unsafe_code)]

mod model;

pub use model::*;
