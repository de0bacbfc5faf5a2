//! `ts2phc -f FILE`, `ts2phc check` and `ts2phc config`: run by a file, what is wrong with it, and what is in force.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser};
use ptp_config::Overrides;
use ptp_config::program::TS2PHC;
use ptp_daemon::{LogOptions, Signals};
use ptp_program::file::{self, CheckFiles, Print, bad, count, good, set};
use tracing::error;
use ts2phc::run::{Configuration, Program};
use ts2phc::yaml::{self, Loaded};

use crate::options::Options;

/// What is read.
#[derive(Args, Clone, Debug)]
pub(crate) struct What {
    /// The configuration file
    #[arg(short = 'f', value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,

    /// A key of the file, like --set log_parts=servo=warn; it goes before the file's
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// As typed.
#[derive(Debug, Parser)]
#[command(name = "ts2phc", version, about = "Does what a file says")]
pub(crate) struct RunOptions {
    #[command(flatten)]
    what: What,

    /// Check the file, and end
    #[arg(long)]
    check: bool,
}

/// As typed.
#[derive(Debug, Parser)]
#[command(name = "ts2phc check", version, about = "Checks files, says everything that is wrong, and ends")]
pub(crate) struct CheckOptions {
    #[command(flatten)]
    files: CheckFiles,
}

/// As typed.
#[derive(Debug, Parser)]
#[command(
    name = "ts2phc config",
    version,
    about = "Prints every value that is in force and where it comes from"
)]
pub(crate) struct ConfigOptions {
    #[command(flatten)]
    print: Print,

    #[command(flatten)]
    what: What,
}

impl What {
    fn load(&self) -> Result<Loaded, String> {
        let mut overrides = Overrides::default();
        set(&mut overrides, &self.set, "rate=10")?;
        yaml::load(self.file.as_deref(), &overrides).map_err(|e| e.to_string())
    }
}

/// What a good file comes to.
fn summary(loaded: &Loaded) -> String {
    count(loaded.settings.sinks.len(), "clock")
}

/// `ts2phc check FILE...`.
pub(crate) fn check(arguments: &[String]) -> ExitCode {
    let options = CheckOptions::parse_from(arguments);
    file::check(&options.files, |file| yaml::load(Some(file), &Overrides::default()).map(|l| summary(&l)))
}

/// `ts2phc config`.
pub(crate) fn config(arguments: &[String]) -> ExitCode {
    let options = match ConfigOptions::try_parse_from(arguments) {
        Ok(options) => options,
        // Other options are those of a run without a file.
        Err(e) if e.kind() == clap::error::ErrorKind::UnknownArgument => {
            let rest = arguments.iter().skip(1).filter(|a| *a != "--effective").cloned();
            let (_, overrides) =
                Options::read(&std::iter::once("ts2phc".to_owned()).chain(rest).collect::<Vec<_>>());
            return file::effective(yaml::load(None, &overrides).map_err(|e| e.to_string()));
        }
        Err(e) => e.exit(),
    };
    file::config(&TS2PHC, &options.print, || options.what.load())
}

/// `ts2phc -f FILE`.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let options = RunOptions::parse_from(arguments);
    let loaded = match options.what.load() {
        Ok(loaded) => loaded,
        Err(e) if options.check => return bad(&e),
        Err(e) => {
            eprintln!("{}", e.trim_end());
            return ExitCode::FAILURE;
        }
    };
    if options.check {
        good(options.what.file.as_deref().unwrap_or(Path::new("")), &summary(&loaded));
        return ExitCode::SUCCESS;
    }
    let what = options.what;
    go(loaded, Box::new(move || what.load()))
}

/// What the options alone say, which are read again in place of a file.
pub(crate) fn run_by(read: impl Fn() -> Result<Loaded, String> + 'static) -> ExitCode {
    match read() {
        Ok(loaded) => go(loaded, Box::new(read)),
        Err(e) => bad(&e),
    }
}

fn go(loaded: Loaded, read: Box<dyn Fn() -> Result<Loaded, String>>) -> ExitCode {
    let settings = loaded.settings.clone();
    if let Err(e) = settings.outlets.init_log(&LogOptions::new("ts2phc")) {
        eprintln!("cannot begin the log: {e}");
        return ExitCode::FAILURE;
    }
    let configuration = Configuration { running: loaded, read: Some(read) };
    let signals = Signals::install().map_err(|e| format!("cannot catch signals: {e}"));
    let ran = signals.and_then(|signals| {
        let program = Program::open(settings).map_err(|e| e.to_string())?;
        program.reloading(configuration).run(signals).map_err(|e| e.to_string())
    });
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            error!("{e}");
            ExitCode::FAILURE
        }
    }
}
