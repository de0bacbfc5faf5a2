//! The program.
#![forbid(unsafe_code)]

mod options;

use std::process::ExitCode;

use clap::Parser;
use ptp_daemon::{LogOptions, Signals, init_log};
use tracing::error;
use ts2phc::check::check;
use ts2phc::feed::Feed;
use ts2phc::run::Program;
use ts2phc::settings::TimeFrom;
use ts2phc::times::leap_table;

use crate::options::Options;

fn main() -> ExitCode {
    let options = Options::parse();
    init_log(&LogOptions { level: options.log_level.level(), ..LogOptions::new("ts2phc") });
    match start(&options) {
        Ok(code) => code,
        Err(e) => {
            error!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn start(options: &Options) -> Result<ExitCode, String> {
    let signals = Signals::install().map_err(|e| format!("cannot catch signals: {e}"))?;
    let settings = options.settings()?;
    if options.check_nmea {
        let TimeFrom::Receiver(name) = &settings.time else {
            return Err("--check-nmea needs a receiver: --nmea SOURCE".to_owned());
        };
        let feed = Feed::new(name.clone(), settings.baud);
        let leaps = leap_table(&settings.leaps).ok();
        let times =
            check(feed, leaps.as_ref(), options.count, signals).map_err(|e| format!("cannot print: {e}"))?;
        return Ok(if times > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    Program::open(settings).and_then(|program| program.run(signals)).map_err(|e| e.to_string())?;
    Ok(ExitCode::SUCCESS)
}
