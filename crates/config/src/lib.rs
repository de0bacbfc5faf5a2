//! Configuration: YAML with profiles, and diagnostics that say everything that is wrong at once.
//!
//! ```
//! use std::path::Path;
//! use ptp_config::{Overrides, load_octets};
//!
//! let file = b"profile: default-p2p\nports:\n  - interface: eth0\n";
//! let loaded = load_octets(Path::new("ptpd.yaml"), file, &[], &Overrides::default())?;
//! assert_eq!(loaded.config.ports[0].interface, "eth0");
//!
//! let file = b"log_snyc_interval: 0\nports:\n  - interface: eth0\n";
//! let wrong = load_octets(Path::new("ptpd.yaml"), file, &[], &Overrides::default()).unwrap_err();
//! assert_eq!(wrong.as_slice()[0].help.as_deref(), Some("did you mean `log_sync_interval`?"));
//! # Ok::<(), ptp_config::Diagnostics>(())
//! ```
//!
//! Every key is one row of a table (`table.rs`); the parser, the defaults, [`reference_markdown`] and [`manual_page`]
//! are made from it. [`program`] has the tables of the other programs. [`Loaded::effective`] shows each value with its origin, [`diff`] what a reload changes.
#![forbid(unsafe_code)]

mod addresses;
mod authentication;
mod build;
mod check;
mod conformance;
mod diagnostics;
pub mod document;
mod effective;
mod gptp;
mod kind;
mod layers;
mod linuxptp;
mod load;
mod log_part;
mod manual;
mod model;
mod options;
mod parse;
mod profile;
pub mod program;
mod read;
mod schema;
mod smpte;
mod source;
mod table;
mod words;

pub use authentication::Authentication;
pub use conformance::Departure;
pub use diagnostics::{Diagnostic, Diagnostics, Position, Problem};
pub use effective::{Change, diff};
pub use gptp::{AsCapable, CommonService, Gptp, GptpCapable, Role};
pub use layers::Origin;
pub use linuxptp::{Imported, Linuxptp, LinuxptpError};
pub use load::{CommandLineSetting, Loaded, Overrides, load, load_octets, load_with};
pub use manual::{manual_page, reference_markdown};
pub use model::*;
pub use profile::{PROFILE_DIRS_ENV, default_profile_dirs};
pub use ptp_wire::Transport;
pub use schema::json_schema;
pub use table::live::is_live;
