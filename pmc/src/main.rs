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

use config_file::ConfigFile;
use options::Options;
use session::{Session, SessionError};

fn main() -> ExitCode {
    let options = Options::parse();
    let file = match options.file.as_deref().map(ConfigFile::read).transpose() {
        Ok(file) => file.unwrap_or_default(),
        Err(error) => {
            eprintln!("pmc: {error}");
            return ExitCode::from(options::EXIT_USAGE);
        }
    };
    let client = options.client(&file).map_err(Into::into);
    match client.and_then(|client| Session::new(&options, client).run()) {
        Ok(outcome) => outcome.exit_code(),
        // The reader of our output has gone; that is its own business.
        Err(SessionError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pmc: {error}");
            ExitCode::from(options::EXIT_NO_REPLY)
        }
    }
}
