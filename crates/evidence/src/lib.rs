//! The evidence log: what a clock did, record after record, so that nobody can change it later without being noticed.
//!
//! A log is a row of files of one JSON object per line. Each line carries the SHA-256 of the line before it and of itself, so
//! that a changed, missing, added or moved line breaks the chain; the chain goes on over files and restarts. What the end of
//! a file cannot prove, that nothing was cut off behind it, a head that was noted elsewhere can ([`Verdict::Truncated`]).
//! The format is in docs/evidence.md.
//!
//! | | |
//! | --- | --- |
//! | [`Recorder`] | writes from a thread of its own: whoever measures never waits for a disk |
//! | [`Health`] | whether that works, for whoever tells operators |
//! | [`ClockState`] | the words for how it stands with a clock |
//! | [`Interval`] | many measurements, one record |
//! | [`Store`] | the files: recovery of a torn line, a file per day, expiry |
//! | [`Reader`] | records in order, with everything that is wrong with the chain |
//! | [`verify`] | whole, tampered, truncated or unreadable |
//!
//! ```
//! use ptp_evidence::{Entry, Store, StoreOptions, Verdict, verify};
//!
//! let directory = std::env::temp_dir().join(format!("evidence-example-{}", std::process::id()));
//! let mut store = Store::open(&StoreOptions::new(&directory, "ptpd")).expect("it can be written");
//! store.append(&Entry::new("start").text("version", "1.0")).expect("it can be written");
//! let head = store.head();
//! drop(store);
//!
//! let found = verify(&[directory.clone()], &[head]);
//! assert_eq!(found.verdict(), Verdict::Whole);
//! std::fs::remove_dir_all(&directory).expect("it was made");
//! ```
#![forbid(unsafe_code)]

mod clock_state;
mod entry;
mod hash;
mod health;
mod interval;
mod options;
mod reader;
mod recorder;
mod segment;
mod store;
mod utc;
mod verify;

pub use clock_state::ClockState;
pub use entry::Entry;
pub use hash::{Hash, NoHash, digest};
pub use health::Health;
pub use interval::{Grid, Interval};
pub use options::EvidenceOptions;
pub use reader::{Problem, ProblemKind, Reader, Record};
pub use recorder::{Recorder, RecorderOptions};
pub use segment::{Chain, find_chains};
pub use store::{Store, StoreError, StoreOptions};
pub use utc::{DAY_NS, day_text, parse_day, parse_utc, utc_text};
pub use verify::{ChainState, Found, Verdict, verify};
