//! Boots the rig, runs scenarios with our programs and linuxptp's, and prints the true errors side by side.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hil_tests::rig::{Job, Kernel, Means, Outcome, RigError, Side, document, read, run, table};

/// Virtual PTP hardware in a QEMU guest: true errors of our programs and linuxptp's.
#[derive(Debug, Parser)]
#[command(name = "escapement-rig")]
struct Options {
    /// Scenarios; none: all
    scenarios: Vec<String>,

    /// Only name the scenarios
    #[arg(long)]
    list: bool,

    /// Only ours
    #[arg(long)]
    ours: bool,

    /// Settle and measure for less time, as the tests do
    #[arg(long)]
    short: bool,

    /// Boot the kernel with auxiliary clocks
    #[arg(long)]
    auxiliary: bool,

    /// Put the table into docs/hil.md
    #[arg(long)]
    document: bool,

    /// Boot nothing: read the runs of these names
    #[arg(long, value_name = "NAME", conflicts_with_all = ["scenarios", "ours", "short"])]
    read: Vec<String>,

    /// Where our programs are; default: beside this one
    #[arg(long, value_name = "DIRECTORY")]
    programs: Option<PathBuf>,

    /// Name of the run: its files are kept in target/rig/runs/NAME
    #[arg(long, default_value = "manual")]
    name: String,

    /// Wall time after which the guest is taken for hung, seconds
    #[arg(long, default_value_t = 1800)]
    limit: u64,
}

fn main() -> ExitCode {
    match work(Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("escapement-rig: {e}");
            ExitCode::FAILURE
        }
    }
}

fn work(options: Options) -> Result<bool, RigError> {
    let beside = std::env::current_exe().ok().and_then(|p| p.parent().map(PathBuf::from));
    let programs = options.programs.or(beside).unwrap_or_default();
    let kernel = if options.auxiliary { Kernel::Auxiliary } else { Kernel::Debian };
    let means = Means::with_kernel(&programs, kernel)?;
    let all = means.scenarios()?;
    if options.list {
        for name in &all {
            println!("{name:<20} {}", means.about(name)?);
        }
        return Ok(true);
    }
    if !options.read.is_empty() {
        let mut outcomes = Vec::new();
        for name in &options.read {
            outcomes.extend(read(&means, name)?);
        }
        return told(&means, &outcomes, options.document);
    }
    let wanted = if options.scenarios.is_empty() { all.clone() } else { options.scenarios };
    if let Some(unknown) = wanted.iter().find(|name| !all.contains(name)) {
        return Err(RigError::Missing(format!("a scenario {unknown:?}; there are {}", all.join(", "))));
    }
    let sides: &[Side] = if options.ours { &[Side::Ours] } else { &[Side::Ours, Side::Theirs] };
    let jobs: Vec<Job> = wanted
        .iter()
        .flat_map(|scenario| {
            sides.iter().map(|&side| Job { scenario: scenario.clone(), side, short: options.short })
        })
        .collect();
    let outcomes = run(&means, &options.name, &jobs, Duration::from_secs(options.limit))?;
    println!("logs and series: {}", means.work().join("runs").join(&options.name).join("out").display());
    told(&means, &outcomes, options.document)
}

/// Prints the table; whether all is well.
fn told(means: &Means, outcomes: &[Outcome], page: bool) -> Result<bool, RigError> {
    print!("{}", table(outcomes));
    if page {
        document(means, outcomes)?;
    }
    Ok(outcomes.iter().all(|o| o.status == 0))
}
