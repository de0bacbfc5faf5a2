//! `phc-sync`: keeps the clocks of this machine in step with each other. See docs/phc-sync.md.
#![forbid(unsafe_code)]

mod agent;
mod bound;
mod chrony;
#[cfg(test)]
#[path = "../../packaging/cli_documents.rs"]
mod cli_documents;
mod clock_command;
mod clocks;
mod configuration;
mod controller;
mod evidence;
mod file;
mod metrics;
mod options;
mod phc2sys;
mod plan;
mod pulses;
mod run;
mod settings;
mod sink;
mod wait;
mod watch;

use std::process::ExitCode;

use clap::Parser;
use ptp_daemon::{LogFormat, LogOptions, init_log};
use tracing::{Level, error};

use options::Options;
use run::Configuration;
use settings::Settings;

/// phc2sys's exit code of a bad command line, -1.
const BAD_OPTIONS: u8 = 255;

fn main() -> ExitCode {
    ptp_daemon::started();
    let arguments: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let name = arguments.first().map_or("", String::as_str);
    if phc2sys::is_meant(name) {
        return drop_in(arguments.get(1..).unwrap_or_default());
    }
    if clock_command::is_meant(name) {
        return clock_command::main("phc_ctl", arguments.get(1..).unwrap_or_default());
    }
    let rest = arguments.get(1..).unwrap_or_default();
    match rest.first().map(String::as_str) {
        Some("clock") => return clock_command::main("phc-sync", rest.get(1..).unwrap_or_default()),
        Some("wait") => return wait::main(rest),
        Some("chrony") => return feed(rest),
        Some("check") => return configuration::check(rest),
        Some("config") => return configuration::config(rest),
        _ => {}
    }
    let options = Options::parse();
    let log = LogOptions { tag: options.tag.clone(), stdout: options.stdout, ..LogOptions::new("phc-sync") };
    let loaded = match options.load() {
        Ok(loaded) => loaded,
        Err(e) => {
            // Diagnostics are several lines, and stand for themselves.
            eprintln!("{}", e.trim_end());
            return ExitCode::FAILURE;
        }
    };
    let settings = loaded.settings.clone();
    if let Err(e) = settings.outlets.init_log(&log) {
        return no_log(&e);
    }
    if options.check {
        if let Some(file) = &options.file {
            ptp_program::file::good(file, &configuration::summary(&settings));
        }
        return ExitCode::SUCCESS;
    }
    let read =
        options.file.is_some().then(|| -> ptp_program::Read<Settings> { Box::new(move || options.load()) });
    run(settings, Some(Configuration { running: loaded, read }))
}

/// `phc-sync chrony`.
fn feed(arguments: &[String]) -> ExitCode {
    match chrony::prepare(arguments) {
        Ok(chrony::Work::Print(text)) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok(chrony::Work::Serve(settings)) => {
            if let Err(e) = settings.outlets.init_log(&LogOptions::new("phc-sync")) {
                return no_log(&e);
            }
            run(*settings, None)
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

/// As phc2sys.
fn drop_in(arguments: &[String]) -> ExitCode {
    match phc2sys::parse(arguments) {
        Ok(phc2sys::Parsed::Help) => {
            eprintln!("{}", phc2sys::usage());
            ExitCode::SUCCESS
        }
        Ok(phc2sys::Parsed::Version) => {
            println!("{}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Ok(phc2sys::Parsed::Run(settings, logging)) => {
            let log = LogOptions {
                tag: logging.tag,
                level: level(logging.level),
                format: LogFormat::Linuxptp,
                stdout: logging.stdout,
                quiet: !logging.stdout,
                syslog: logging.syslog,
                ..LogOptions::new("phc2sys")
            };
            if let Err(e) = init_log(&log) {
                return no_log(&e);
            }
            run(*settings, None)
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(BAD_OPTIONS)
        }
    }
}

fn no_log(e: &std::io::Error) -> ExitCode {
    eprintln!("cannot begin the log: {e}");
    ExitCode::FAILURE
}

fn run(settings: Settings, configuration: Option<Configuration>) -> ExitCode {
    let drop_in = settings.drop_in;
    match run::run(settings, configuration) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            error!("{e}");
            if drop_in { ExitCode::from(BAD_OPTIONS) } else { ExitCode::FAILURE }
        }
    }
}

const fn level(number: u8) -> Level {
    match number {
        0..=3 => Level::ERROR,
        4 => Level::WARN,
        5 | 6 => Level::INFO,
        _ => Level::DEBUG,
    }
}
