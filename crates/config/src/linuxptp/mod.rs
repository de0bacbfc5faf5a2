//! linuxptp's configuration, as the same model that YAML makes.
//!
//! A file becomes YAML text, and that text is loaded: what `ptpd convert` writes is what a file means.

mod convert;
mod parse;
mod table;

pub use convert::Imported;
pub use parse::{Linuxptp, LinuxptpError};
