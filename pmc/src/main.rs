//! pmc: asks PTP instances for their data, changes it, and commands them, by management messages (IEEE 1588 clause 15).
//!
//! Works with ptpd and with linuxptp's ptp4l, over their UNIX sockets or over the network.
#![forbid(unsafe_code)]

mod input;
mod options;
mod output;
mod session;

use std::process::ExitCode;

use clap::Parser;

use options::Options;
use session::{Session, SessionError};

fn main() -> ExitCode {
    let options = Options::parse();
    match options.client().map_err(Into::into).and_then(|client| Session::new(&options, client).run()) {
        Ok(outcome) => outcome.exit_code(),
        // The reader of our output has gone; that is its own business.
        Err(SessionError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pmc: {error}");
            ExitCode::from(options::EXIT_NO_REPLY)
        }
    }
}
