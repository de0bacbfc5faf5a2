//! `phc-sync check` and `phc-sync config`: what is wrong with a configuration, and what is in force.

use std::process::ExitCode;

use clap::Parser;
use ptp_config::Overrides;
use ptp_config::program::PHC_SYNC;
use ptp_program::file::{CheckFiles, Print, count};

use crate::file;
use crate::options::Options;
use crate::settings::Settings;

/// As typed.
#[derive(Debug, Parser)]
#[command(name = "phc-sync check", version, about = "Checks files, says everything that is wrong, and ends")]
pub(crate) struct CheckOptions {
    #[command(flatten)]
    files: CheckFiles,
}

/// As typed.
#[derive(Debug, Parser)]
#[command(
    name = "phc-sync config",
    version,
    about = "Prints every value that is in force and where it comes from"
)]
pub(crate) struct ConfigOptions {
    #[command(flatten)]
    print: Print,

    #[command(flatten)]
    options: Options,
}

/// `phc-sync check FILE...`.
pub(crate) fn check(arguments: &[String]) -> ExitCode {
    let options = CheckOptions::parse_from(arguments);
    ptp_program::file::check(&options.files, |file| {
        file::load(Some(file), &Overrides::default(), false).map(|loaded| summary(&loaded.settings))
    })
}

/// What a good file comes to.
pub(crate) fn summary(s: &Settings) -> String {
    if !s.automatic {
        return count(s.manual_sinks().len(), "clock");
    }
    let instances = count(s.instances_or_default().len(), "PTP instance");
    match s.extra_sources.len() {
        0 => instances,
        n => format!("{instances}, {}", count(n, "further source")),
    }
}

/// `phc-sync config`.
pub(crate) fn config(arguments: &[String]) -> ExitCode {
    let options = ConfigOptions::parse_from(arguments);
    ptp_program::file::config(&PHC_SYNC, &options.print, || options.options.load())
}
