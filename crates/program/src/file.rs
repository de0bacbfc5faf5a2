//! A program's file: `check`, `config`, and the options that say what is read.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ptp_config::Overrides;
use ptp_config::program::{Program, Settings};

/// Exit code of a bad configuration or command line, where nothing was started.
const BAD_CONFIG: u8 = 2;

/// A configuration: what is to be done, and every value with its origin.
#[derive(Debug)]
pub struct Loaded<S> {
    /// What is to be done.
    pub settings: S,
    /// Every value.
    pub values: Settings,
}

/// What `check` is given.
#[derive(Args, Clone, Debug)]
pub struct CheckFiles {
    /// The configuration file
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// What `config` prints.
#[derive(Args, Clone, Debug)]
pub struct Print {
    /// Accepted for clarity: this is what it does without --schema
    #[arg(long)]
    effective: bool,

    /// Print the JSON Schema of the configuration instead, for an editor's completion
    #[arg(long, conflicts_with = "effective")]
    schema: bool,
}

/// `PROGRAM check FILE...`: everything that is wrong, or what a good file comes to.
///
/// `load` gives a file's summary, or its mistakes.
pub fn check<E: Display>(files: &CheckFiles, load: impl Fn(&Path) -> Result<String, E>) -> ExitCode {
    let mut wrong = String::new();
    for file in &files.files {
        match load(file) {
            Ok(summary) => good(file, &summary),
            Err(e) => wrong += &format!("{}\n", e.to_string().trim_end()),
        }
    }
    if wrong.is_empty() { ExitCode::SUCCESS } else { bad(&wrong) }
}

/// `PROGRAM config`: what is in force and where it comes from, or what a file may hold.
pub fn config<S>(
    program: &Program,
    print: &Print,
    load: impl FnOnce() -> Result<Loaded<S>, String>,
) -> ExitCode {
    if print.schema {
        println!("{:#}", program.json_schema());
        return ExitCode::SUCCESS;
    }
    effective(load())
}

/// Prints every value and where it comes from, or what is wrong.
pub fn effective<S>(loaded: Result<Loaded<S>, String>) -> ExitCode {
    match loaded {
        Ok(loaded) => {
            print!("{}", loaded.values.effective());
            ExitCode::SUCCESS
        }
        Err(e) => bad(&e),
    }
}

/// Says that a file is good, and what it comes to.
pub fn good(file: &Path, summary: &str) {
    println!("{}: good: {summary}", file.display());
}

/// Says what is wrong. Nothing was started.
pub fn bad(text: &str) -> ExitCode {
    eprintln!("{}", text.trim_end());
    ExitCode::from(BAD_CONFIG)
}

/// So many of a thing: `1 clock`, `2 clocks`.
#[must_use]
pub fn count(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// `--set KEY=VALUE`, any number of times; `example` shows how.
///
/// # Errors
/// One has no value.
pub fn set(overrides: &mut Overrides, options: &[String], example: &str) -> Result<(), String> {
    for text in options {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| format!("--set {text}: give a key and a value, like --set {example}"))?;
        overrides.set(&format!("--set {text}"), key.trim(), value.trim());
    }
    Ok(())
}
