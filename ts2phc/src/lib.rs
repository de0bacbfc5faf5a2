//! `ts2phc`: disciplines PTP hardware clocks by a GNSS receiver, and tells a PTP daemon what its time is worth. Pulses,
//! stamped by the clocks themselves, say when a second begins; a receiver's sentences say which. See docs/ts2phc.md.
//!
//! The parts that decide are values without I/O: [`grandmaster`], [`discipline`], [`edges`], [`time_of_day`],
//! [`witness::Doubt`].
#![forbid(unsafe_code)]

pub mod announce;
pub mod automatic;
pub mod check;
pub mod discipline;
pub mod edges;
pub mod evidence;
pub mod feed;
pub mod grandmaster;
mod kernel_pulses;
pub mod linuxptp;
pub mod maker;
mod metrics;
pub mod observe;
mod patience;
pub mod ports;
pub mod run;
pub mod settings;
pub mod sink;
pub mod source;
pub mod time_of_day;
pub mod times;
pub mod witness;
pub mod yaml;
