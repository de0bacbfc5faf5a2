//! What the daemons share that needs more than one room below: a configuration file that is checked, read and read again, with
//! the keys that mean the same in all of them; a clock's holdover, and what is kept of its oscillator over a restart.
//!
//! ```
//! use ptp_program::memory::Kept;
//! use ptp_servo::OscillatorModel;
//!
//! let path = std::env::temp_dir().join(format!("ptp-program-doc-{}", std::process::id()));
//! let mut kept = Kept::open(Some(path.clone()), "phc-sync");
//! let model = OscillatorModel { frequency_ppb: 1234.5, observed_s: 600.0, ..OscillatorModel::default() };
//! kept.put("system", &model);
//! kept.save();
//!
//! let again = Kept::open(Some(path.clone()), "phc-sync").recall("system").expect("it was kept");
//! assert!((again.frequency_ppb - 1234.5).abs() < 1e-9);
//! # std::fs::remove_file(&path)?;
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod file;
mod holding;
pub mod keys;
pub mod memory;
mod reload;

pub use file::Loaded;
pub use holding::{Holding, Returned};
pub use reload::{Configuration, Read, Told};
