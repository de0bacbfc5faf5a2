//! `phc-sync check` and `phc-sync config`: what is wrong with a configuration, and what is in force.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ptp_config::Overrides;
use ptp_config::program::PHC_SYNC;

use crate::file;
use crate::options::Options;

/// Exit code of a bad configuration, as ptpd's.
const BAD_CONFIG: u8 = 2;

/// As typed.
#[derive(Debug, Parser)]
#[command(name = "phc-sync check", version, about = "Checks files, says everything that is wrong, and ends")]
pub(crate) struct CheckOptions {
    /// The configuration file
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// As typed.
#[derive(Debug, Parser)]
#[command(
    name = "phc-sync config",
    version,
    about = "Prints every value that is in force and where it comes from"
)]
pub(crate) struct ConfigOptions {
    /// Accepted for clarity: this is what it does without --schema
    #[arg(long)]
    effective: bool,

    /// Print the JSON Schema of the configuration instead, for an editor's completion
    #[arg(long, conflicts_with = "effective")]
    schema: bool,

    #[command(flatten)]
    options: Options,
}

/// `phc-sync check FILE...`.
pub(crate) fn check(arguments: &[String]) -> ExitCode {
    let options = CheckOptions::parse_from(arguments);
    let mut good = true;
    for file in &options.files {
        match file::load(Some(file), &Overrides::default(), false) {
            Ok(_) => println!("{}: good", file.display()),
            Err(e) => {
                eprintln!("{e}");
                good = false;
            }
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::from(BAD_CONFIG) }
}

/// `phc-sync config`.
pub(crate) fn config(arguments: &[String]) -> ExitCode {
    let options = ConfigOptions::parse_from(arguments);
    if options.schema {
        println!("{:#}", PHC_SYNC.json_schema());
        return ExitCode::SUCCESS;
    }
    match options.options.load() {
        Ok(loaded) => {
            print!("{}", loaded.values.effective());
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{}", e.trim_end());
            ExitCode::from(BAD_CONFIG)
        }
    }
}
