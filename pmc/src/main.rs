//! pmc: asks PTP instances for their data, changes it, and commands them, by management messages (IEEE 1588 clause 15).
//!
//! Works with ptpd and with linuxptp's ptp4l, over their UNIX sockets or over the network.
#![forbid(unsafe_code)]

#[cfg(test)]
#[path = "../../packaging/cli_documents.rs"]
mod cli_documents;
mod config_file;
mod fleet;
mod input;
mod nsm;
mod options;
mod output;
mod report;
mod session;
mod tools;

use std::process::ExitCode;

use clap::Parser;
use ptp_daemon::Signals;

use config_file::ConfigFile;
use options::Options;
use session::{Outcome, Session, SessionError};

fn main() -> ExitCode {
    ptp_daemon::started();
    let arguments: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    if nsm::is_meant(arguments.first().map_or("", String::as_str)) {
        return nsm::drop_in(&arguments);
    }
    let mut options = Options::parse();
    if let Some(message) = options.inconsistency() {
        eprintln!("pmc: {message}");
        return ExitCode::from(options::EXIT_USAGE);
    }
    if let Some(members) = &options.fleet {
        return fleet::run(&options, members);
    }
    let file = match options.file.as_deref().map(ConfigFile::read).transpose() {
        Ok(file) => file.unwrap_or_default(),
        Err(error) => {
            eprintln!("pmc: {error}");
            return ExitCode::from(options::EXIT_USAGE);
        }
    };
    if let Err(error) = options.authenticate(&file) {
        eprintln!("pmc: {error}");
        return ExitCode::from(options::EXIT_USAGE);
    }
    if let Some(tool) = &options.tool {
        return tools::run(tool, &options, &file);
    }
    match run(&options, &file) {
        Ok(outcome) => outcome.exit_code(),
        // The reader of our output has gone; that is its own business.
        Err(SessionError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pmc: {error}");
            ExitCode::from(error.exit())
        }
    }
}

fn run(options: &Options, file: &ConfigFile) -> Result<Outcome, SessionError> {
    let signals = Signals::install()?;
    let mut client = options.client(file)?;
    if let Some(target) = options.target {
        client.set_target(target);
    }
    Session::new(options, client, signals, options.whom(file)).run()
}
