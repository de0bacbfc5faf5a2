//! `ptpd`: a PTP (IEEE 1588) ordinary or boundary clock.
#![forbid(unsafe_code)]

mod app;
mod cli;
#[cfg(test)]
#[path = "../../packaging/cli_documents.rs"]
mod cli_documents;
mod ptp4l;
mod stamping;

use std::process::ExitCode;

fn main() -> ExitCode {
    ptp_daemon::started();
    let arguments: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    if stamping::is_meant(&arguments) {
        stamping::drop_in(&arguments)
    } else if ptp4l::is_meant(&arguments) {
        ptp4l::main(&arguments)
    } else {
        cli::main()
    }
}
