//! The program.
#![forbid(unsafe_code)]

#[cfg(test)]
#[path = "../../packaging/cli_documents.rs"]
mod cli_documents;
mod configuration;
mod options;

use std::io::Read;
use std::process::ExitCode;

use ptp_daemon::{LogOptions, Signals, init_log};
use tracing::error;
use ts2phc::check::check;
use ts2phc::feed::Feed;
use ts2phc::linuxptp::{self, Parsed};
use ts2phc::run::Program;
use ts2phc::settings::Settings;
use ts2phc::times::leap_table;
use ts2phc::yaml;

use crate::options::Options;

fn main() -> ExitCode {
    ptp_daemon::started();
    let arguments: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    match arguments.get(1).map(String::as_str) {
        Some("check") => return configuration::check(arguments.get(1..).unwrap_or_default()),
        Some("config") => return configuration::config(arguments.get(1..).unwrap_or_default()),
        _ => {}
    }
    if linuxptp::is_meant(&arguments) {
        return as_linuxptp(&arguments);
    }
    if linuxptp::is_yaml(&arguments) {
        return configuration::run(&arguments);
    }
    let (options, overrides) = Options::read(&arguments);
    if !options.check_nmea {
        return configuration::run_by(move || yaml::load(None, &overrides).map_err(|e| e.to_string()));
    }
    if let Err(e) = init_log(&LogOptions { level: options.log_level.level(), ..LogOptions::new("ts2phc") }) {
        return no_log(&e);
    }
    match listen(&options) {
        Ok(code) => code,
        Err(e) => {
            error!("{e}");
            ExitCode::FAILURE
        }
    }
}

/// linuxptp's options, exit codes and log.
fn as_linuxptp(arguments: &[String]) -> ExitCode {
    // As its own, for whatever stands in the way.
    let failure = ExitCode::from(255);
    let read = |file: &str| match file {
        "-" => {
            let mut octets = Vec::new();
            std::io::stdin().read_to_end(&mut octets).map(|_| octets)
        }
        path => std::fs::read(path),
    };
    let (settings, log) = match linuxptp::parse(arguments, read) {
        Ok(Parsed::Run(settings, log)) => (*settings, log),
        Ok(Parsed::Help) => {
            eprintln!("{}", linuxptp::USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(Parsed::Version) => {
            println!("{}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Err(e) => {
            eprintln!("{e}");
            return failure;
        }
    };
    if let Err(e) = init_log(&log) {
        return no_log(&e);
    }
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            error!("{e}");
            failure
        }
    }
}

fn no_log(e: &std::io::Error) -> ExitCode {
    eprintln!("cannot begin the log: {e}");
    ExitCode::FAILURE
}

fn run(settings: Settings) -> Result<(), String> {
    let signals = Signals::install().map_err(|e| format!("cannot catch signals: {e}"))?;
    Program::open(settings).and_then(|program| program.run(signals)).map_err(|e| e.to_string())
}

/// --check-nmea.
fn listen(options: &Options) -> Result<ExitCode, String> {
    let signals = Signals::install().map_err(|e| format!("cannot catch signals: {e}"))?;
    let Some((name, leaps)) = options.receiver() else {
        return Err("--check-nmea needs a receiver: --nmea SOURCE".to_owned());
    };
    let feed = Feed::new(name, options.baud);
    let leaps = leap_table(&leaps).ok();
    let times =
        check(feed, leaps.as_ref(), options.count, signals).map_err(|e| format!("cannot print: {e}"))?;
    Ok(if times > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
