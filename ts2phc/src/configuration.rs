//! `ts2phc -f FILE`, `ts2phc check` and `ts2phc config`: run by a file, what is wrong with it, and what is in force.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser};
use ptp_config::Overrides;
use ptp_config::program::TS2PHC;
use ptp_daemon::{LogOptions, Signals};
use tracing::error;
use ts2phc::run::{Configuration, Program};
use ts2phc::yaml::{self, Loaded};

use crate::options::Options;

/// Exit code of a bad configuration, as ptpd's.
const BAD_CONFIG: u8 = 2;

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
    /// The configuration file
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// As typed.
#[derive(Debug, Parser)]
#[command(
    name = "ts2phc config",
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
    what: What,
}

impl What {
    fn load(&self) -> Result<Loaded, String> {
        let mut overrides = Overrides::default();
        for text in &self.set {
            let (key, value) = text
                .split_once('=')
                .ok_or_else(|| format!("--set {text}: give a key and a value, like --set rate=10"))?;
            overrides.set(&format!("--set {text}"), key.trim(), value.trim());
        }
        yaml::load(self.file.as_deref(), &overrides).map_err(|e| e.to_string())
    }
}

fn bad(text: &str) -> ExitCode {
    eprintln!("{}", text.trim_end());
    ExitCode::from(BAD_CONFIG)
}

fn good(file: &Path, loaded: &Loaded) {
    let clocks = loaded.settings.sinks.len();
    println!("{}: good: {clocks} clock{}", file.display(), if clocks == 1 { "" } else { "s" });
}

/// `ts2phc check FILE...`.
pub(crate) fn check(arguments: &[String]) -> ExitCode {
    let options = CheckOptions::parse_from(arguments);
    let mut wrong = String::new();
    for file in &options.files {
        match yaml::load(Some(file), &Overrides::default()) {
            Ok(loaded) => good(file, &loaded),
            Err(e) => wrong += &format!("{e}\n"),
        }
    }
    if wrong.is_empty() { ExitCode::SUCCESS } else { bad(&wrong) }
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
            return effective(yaml::load(None, &overrides).map_err(|e| e.to_string()));
        }
        Err(e) => e.exit(),
    };
    if options.schema {
        println!("{:#}", TS2PHC.json_schema());
        return ExitCode::SUCCESS;
    }
    effective(options.what.load())
}

fn effective(loaded: Result<Loaded, String>) -> ExitCode {
    match loaded {
        Ok(loaded) => {
            print!("{}", loaded.values.effective());
            ExitCode::SUCCESS
        }
        Err(e) => bad(&e),
    }
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
        good(options.what.file.as_deref().unwrap_or(Path::new("")), &loaded);
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
    let configuration = Configuration { running: loaded, read };
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
