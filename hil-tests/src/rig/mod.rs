//! The rig: virtual PTP hardware in a QEMU guest, whose truth is known.
//!
//! The guest runs a Debian kernel in virtual time (its clock counts instructions), with a module (`hil-tests/rig/module`) that makes
//! Ethernet devices with PTP hardware clocks. `docs/hil.md` tells how to use it and how to add a scenario.

mod guest;
mod image;
mod outcome;
mod report;

pub use guest::{Job, Side, read, run};
pub use image::{Kernel, Means, RigError};
pub use outcome::{Outcome, Series, Summary};
pub use report::{document, markdown, table};
