//! `ptpd`: a PTP (IEEE 1588) ordinary or boundary clock.
#![forbid(unsafe_code)]

mod app;
mod cli;
#[cfg(test)]
#[path = "../../packaging/cli_documents.rs"]
mod cli_documents;
mod ptp4l;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    if ptp4l::is_meant(&arguments) { ptp4l::main(&arguments) } else { cli::main() }
}
