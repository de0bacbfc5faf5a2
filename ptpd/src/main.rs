//! `ptpd`: a PTP (IEEE 1588) ordinary or boundary clock.
#![forbid(unsafe_code)]

mod app;
mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
