//! pmc: asks PTP instances for their data, changes it, and commands them, by management messages (IEEE 1588 clause 15).
//!
//! Works with ptpd and with linuxptp's ptp4l, over their UNIX sockets or over the network.
#![forbid(unsafe_code)]

mod config_file;
mod input;
mod options;
mod output;
mod session;

use std::process::ExitCode;

use clap::Parser;
use ptp_daemon::Signals;

use config_file::ConfigFile;
use options::{Authentication, Options};
use session::{Outcome, Session, SessionError};

fn main() -> ExitCode {
    let options = Options::parse();
    let file = match options.file.as_deref().map(ConfigFile::read).transpose() {
        Ok(file) => file.unwrap_or_default(),
        Err(error) => {
            eprintln!("pmc: {error}");
            return ExitCode::from(options::EXIT_USAGE);
        }
    };
    let authentication = match options.authentication(&file) {
        Ok(authentication) => authentication,
        Err(error) => {
            eprintln!("pmc: {error}");
            return ExitCode::from(options::EXIT_USAGE);
        }
    };
    match run(&options, &file, authentication) {
        Ok(outcome) => outcome.exit_code(),
        // The reader of our output has gone; that is its own business.
        Err(SessionError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pmc: {error}");
            ExitCode::from(options::EXIT_NO_REPLY)
        }
    }
}

fn run(
    options: &Options,
    file: &ConfigFile,
    authentication: Option<Authentication>,
) -> Result<Outcome, SessionError> {
    let signals = Signals::install()?;
    Session::new(options, options.client(file, authentication)?, signals).run()
}
