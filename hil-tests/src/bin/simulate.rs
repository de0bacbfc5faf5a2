//! `escapement-sim`: runs scenarios of PTP networks in simulated time. See `--help` and docs/rehearsing.md.
#![forbid(unsafe_code)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Parser, Subcommand};
use hil_tests::sim::campaign;
use hil_tests::sim::scenario::{self, Outcome, Rehearsal, Run, Scenario, Wish, report};

/// A line to standard output; whoever does not want it any more (`| head`) need not have it.
macro_rules! say {
    ($($what:tt)*) => {{
        let _ = writeln!(std::io::stdout(), $($what)*);
    }};
}

/// Runs PTP networks in simulated time: whole ptpd configurations on simulated clocks, links and faults.
/// Exit code 0: all that was expected came; 1: something did not; 2: the scenario cannot be used.
#[derive(Debug, Parser)]
#[command(name = "escapement-sim", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenario files, and say what came out
    Run {
        /// Scenario files
        #[arg(required = true, value_name = "SCENARIO")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        how: How,
    },
    /// Say what is wrong with scenario files, without running them
    Check {
        /// Scenario files
        #[arg(required = true, value_name = "SCENARIO")]
        files: Vec<PathBuf>,
    },
    /// Rehearse configuration files: every file is a node, named after its file
    Rehearse(Box<Rehearsing>),
    /// Run random networks with random faults, and check what must always hold
    Campaign {
        /// Seeds: one, or FIRST:COUNT
        #[arg(long, default_value = "0:1000", value_name = "SEEDS")]
        seeds: Seeds,
        /// Threads [default: as many as there are processors]
        #[arg(long, value_name = "N")]
        jobs: Option<usize>,
        /// Write the scenario of the first seed to this file and run nothing
        #[arg(long, value_name = "FILE")]
        write: Option<PathBuf>,
    },
}

#[derive(Args, Debug)]
struct Rehearsing {
    /// Files as ptpd reads them
    #[arg(required = true, value_name = "CONFIG")]
    files: Vec<PathBuf>,
    /// What is connected: [NAME=]NODE:INTERFACE,NODE:INTERFACE,... [default: one segment for all]
    #[arg(long, value_name = "ENDS")]
    link: Vec<String>,
    /// A node dies: NODE@TIME
    #[arg(long, value_name = "NODE@TIME")]
    kill: Vec<Wish>,
    /// A node is stopped as SIGTERM does: NODE@TIME
    #[arg(long, value_name = "NODE@TIME")]
    stop: Vec<Wish>,
    /// A node is started again: NODE@TIME
    #[arg(long, value_name = "NODE@TIME")]
    start: Vec<Wish>,
    /// A link is cut: LINK@TIME (links are link1, link2, ... or as named; the segment for all is network)
    #[arg(long, value_name = "LINK@TIME")]
    cut: Vec<Wish>,
    /// A link is mended: LINK@TIME
    #[arg(long, value_name = "LINK@TIME")]
    mend: Vec<Wish>,
    /// A clock loses its reference (GNSS): NODE@TIME
    #[arg(long, value_name = "NODE@TIME")]
    lose_reference: Vec<Wish>,
    /// How long it lasts
    #[arg(long, default_value = "300 s", value_name = "TIME")]
    duration: String,
    /// Write the scenario to this file and do not run it: to go on from there
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

#[derive(Args, Debug)]
struct How {
    /// The seed, instead of the scenario's own
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Write a report: .html, .md or .txt by its name
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write what passes over a link to a pcap file: LINK=FILE
    #[arg(long, value_name = "LINK=FILE")]
    pcap: Vec<String>,
    /// Tell every change of a port's state
    #[arg(long, short)]
    verbose: bool,
}

/// `7` or `1000:500`.
#[derive(Clone, Copy, Debug)]
struct Seeds {
    first: u64,
    count: u64,
}

impl std::str::FromStr for Seeds {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((first, count)) => Ok(Self { first: first.parse()?, count: count.parse()? }),
            None => Ok(Self { first: text.parse()?, count: 1 }),
        }
    }
}

/// Exit codes.
const FAILED: u8 = 1;
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let code = match Arguments::parse().command {
        Command::Run { files, how } => run_all(&files, &how),
        Command::Check { files } => check(&files),
        Command::Rehearse(r) => {
            let Rehearsing {
                files,
                link,
                kill,
                stop,
                start,
                cut,
                mend,
                lose_reference,
                duration,
                write,
                how,
            } = *r;
            let wishes = [
                ("kill", kill),
                ("stop", stop),
                ("start", start),
                ("cut", cut),
                ("mend", mend),
                ("lose_reference", lose_reference),
            ];
            let wishes = wishes.into_iter().flat_map(|(a, w)| w.into_iter().map(move |w| (a.to_owned(), w)));
            let rehearsal = Rehearsal { files, links: link, wishes: wishes.collect(), duration };
            rehearse(&rehearsal, write.as_deref(), &how)
        }
        Command::Campaign { seeds, jobs, write } => hunt(seeds, jobs, write.as_deref()),
    };
    ExitCode::from(code)
}

fn profile_dirs() -> Vec<PathBuf> {
    ptp_config::default_profile_dirs()
}

fn trouble(what: impl std::fmt::Display) -> u8 {
    eprintln!("escapement-sim: {what}");
    UNUSABLE
}

fn run_all(files: &[PathBuf], how: &How) -> u8 {
    let mut worst = 0;
    for (i, file) in files.iter().enumerate() {
        if i > 0 {
            say!("");
        }
        let code = match scenario::load(file, &profile_dirs()) {
            Ok(scenario) => run(&scenario, &format!("escapement-sim run {}", file.display()), how),
            Err(wrong) => {
                eprintln!("{wrong}");
                UNUSABLE
            }
        };
        worst = worst.max(code);
    }
    worst
}

fn check(files: &[PathBuf]) -> u8 {
    let mut worst = 0;
    for file in files {
        match scenario::load(file, &profile_dirs()) {
            Ok(s) => say!(
                "{}: {} nodes, {} links, {} steps, {} expectations",
                file.display(),
                s.nodes.len(),
                s.links.len(),
                s.schedule.len(),
                s.expect.len()
            ),
            Err(wrong) => {
                eprintln!("{wrong}");
                worst = UNUSABLE;
            }
        }
    }
    worst
}

/// `again`: what runs it again, but for the seed.
fn run(scenario: &Scenario, again: &str, how: &How) -> u8 {
    let begun = Instant::now();
    let mut run = match Run::new(scenario, how.seed) {
        Ok(run) => run,
        Err(e) => return trouble(e),
    };
    let mut captures = Vec::new();
    for wish in &how.pcap {
        let Some((link, file)) = wish.split_once('=') else {
            return trouble(format!("--pcap {wish}: write LINK=FILE"));
        };
        if !run.capture(link) {
            return trouble(format!("there is no link `{link}`"));
        }
        captures.push((link.to_owned(), PathBuf::from(file)));
    }
    let (outcome, stage) = run.finish_with_stage();
    for (link, file) in captures {
        let written = std::fs::File::create(&file)
            .and_then(|f| stage.write_capture(&link, &mut std::io::BufWriter::new(f)));
        if let Err(e) = written {
            return trouble(format!("{}: {e}", file.display()));
        }
    }
    say!("{}", report::text(&outcome).trim_end());
    if how.verbose {
        history(&outcome);
    }
    say!(
        "\n{:.0} simulated seconds in {:.2} s; again: {again} --seed {}",
        outcome.duration.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
        outcome.seed
    );
    if let Some(file) = &how.report
        && let Err(e) = write_report(file, &outcome)
    {
        return trouble(format!("{}: {e}", file.display()));
    }
    if outcome.passed() { 0 } else { FAILED }
}

fn history(outcome: &Outcome) {
    let mut all: Vec<_> = outcome.nodes.iter().flat_map(|n| &n.history).collect();
    all.sort_by_key(|(at, _)| *at);
    say!("");
    for (at, what) in all {
        say!("{:>14}  {what}", format!("{at}"));
    }
}

fn write_report(file: &Path, outcome: &Outcome) -> std::io::Result<()> {
    let text = match file.extension().and_then(|e| e.to_str()) {
        Some("md") => report::markdown(outcome),
        Some("txt") => report::text(outcome),
        _ => report::html(outcome),
    };
    std::fs::write(file, text)
}

fn rehearse(rehearsal: &Rehearsal, write: Option<&Path>, how: &How) -> u8 {
    let target = write.unwrap_or(Path::new("rehearsal.yaml"));
    let directory = target.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let text = match rehearsal.write(directory, &profile_dirs()) {
        Ok(text) => text,
        Err(e) => return trouble(e),
    };
    if let Some(file) = write {
        return match std::fs::write(file, text) {
            Ok(()) => {
                say!("wrote {}; run it: escapement-sim run {}", file.display(), file.display());
                0
            }
            Err(e) => trouble(format!("{}: {e}", file.display())),
        };
    }
    match scenario::load_text(target, &text, &profile_dirs()) {
        Ok(scenario) => run(&scenario, "the same with", how),
        Err(wrong) => {
            eprintln!("{wrong}");
            UNUSABLE
        }
    }
}

fn hunt(seeds: Seeds, jobs: Option<usize>, write: Option<&Path>) -> u8 {
    if let Some(file) = write {
        return match std::fs::write(file, campaign::scenario_text(seeds.first)) {
            Ok(()) => 0,
            Err(e) => trouble(format!("{}: {e}", file.display())),
        };
    }
    let jobs = jobs.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    let result = campaign::hunt(seeds.first..seeds.first.saturating_add(seeds.count), jobs);
    say!("{}", result.to_string().trim_end());
    if result.failures.is_empty() { 0 } else { FAILED }
}
