//! Random networks, random faults, by the thousand: each a scenario made from a seed, run like any other, and watched all
//! the time ([`Watch`](super::Watch)).

mod networks;

use core::fmt;
use core::ops::Range;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ptpd::engine::PortState;

use super::invariants::Longest;
use super::scenario::{Run, load_text};

pub use networks::{Family, scenario_text};

/// What a hunt came across: one that never meets a loop or a split network proves little.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Runs.
    pub runs: u64,
    /// Nodes in all.
    pub nodes: u64,
    /// Simulated time in all, in seconds.
    pub seconds: f64,
    /// PASSIVE ports at the end of runs.
    pub passive: u64,
    /// Networks in more than one part at the end of runs.
    pub split: u64,
    /// Dead nodes at the end of runs.
    pub dead: u64,
    /// Looks of the watch.
    pub looks: u64,
    /// How long each thing was broken at most.
    pub longest: Longest,
}

/// A seed that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which.
    pub seed: u64,
    /// Why.
    pub why: Vec<String>,
}

/// What a hunt found.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// What it came across.
    pub seen: Seen,
    /// What went wrong, in the order of seeds.
    pub failures: Vec<Failure>,
    /// How long it took.
    pub took: Duration,
    /// Threads.
    pub jobs: usize,
}

impl fmt::Display for Hunt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hunt { seen, failures, took, jobs } = self;
        let s = took.as_secs_f64().max(1e-9);
        for Failure { seed, why } in failures {
            writeln!(f, "seed {seed} failed:")?;
            for line in why {
                writeln!(f, "    {line}")?;
            }
            writeln!(f, "    again: {}", replay(*seed))?;
        }
        writeln!(
            f,
            "{} runs of {} nodes and {:.0} simulated hours in {s:.1} s on {jobs} threads: {:.0} runs per second",
            seen.runs,
            seen.nodes,
            seen.seconds / 3600.0,
            seen.runs as f64 / s
        )?;
        let l = &seen.longest;
        let t = |d: Duration| d.as_secs_f64();
        writeln!(
            f,
            "longest: two masters {:.0} s, no master {:.0} s, timing loop {:.0} s, worse master {:.0} s, data sets {:.0} s",
            t(l.masters),
            t(l.no_master),
            t(l.timing_loop),
            t(l.worse),
            t(l.data_sets)
        )?;
        writeln!(
            f,
            "met on the way: {} passive ports, {} split networks, {} dead nodes; {} looks; {} failed",
            seen.passive,
            seen.split,
            seen.dead,
            seen.looks,
            failures.len()
        )
    }
}

/// The command that runs one seed again.
pub fn replay(seed: u64) -> String {
    format!("cargo run -p hil-tests --bin escapement-sim -- campaign --seeds {seed}")
}

/// Runs these seeds on so many threads.
pub fn hunt(seeds: Range<u64>, jobs: usize) -> Hunt {
    let begun = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let found = Mutex::new((Seen::default(), Vec::new()));
    let jobs = jobs.clamp(1, 64);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let result = catch_unwind(AssertUnwindSafe(|| one(seed)));
                    let mut found = match found.lock() {
                        Ok(found) => found,
                        Err(poisoned) => poisoned.into_inner(),
                    };
                    match result {
                        Ok((seen, why)) => {
                            found.0.add(&seen);
                            if !why.is_empty() {
                                found.1.push(Failure { seed, why });
                            }
                        }
                        Err(panic) => {
                            let text = panic.downcast_ref::<String>().map(String::as_str);
                            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
                            found.1.push(Failure { seed, why: vec![format!("panic: {text}")] });
                        }
                    }
                }
            });
        }
    });
    let (seen, mut failures) = match found.into_inner() {
        Ok(found) => found,
        Err(poisoned) => poisoned.into_inner(),
    };
    failures.sort_by_key(|f| f.seed);
    Hunt { seen, failures, took: begun.elapsed(), jobs }
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.nodes += other.nodes;
        self.seconds += other.seconds;
        self.passive += other.passive;
        self.split += other.split;
        self.dead += other.dead;
        self.looks += other.looks;
        self.longest.take(&other.longest);
    }
}

/// One run; what went wrong in it.
fn one(seed: u64) -> (Seen, Vec<String>) {
    let text = scenario_text(seed);
    let scenario = match load_text(Path::new("campaign.yaml"), &text, &[]) {
        Ok(scenario) => scenario,
        Err(wrong) => return (Seen::default(), vec![format!("the scenario is wrong:\n{wrong}")]),
    };
    let run = match Run::new(&scenario, None) {
        Ok(run) => run,
        Err(e) => return (Seen::default(), vec![e.to_string()]),
    };
    let (outcome, stage) = run.finish_with_stage();
    let mut why: Vec<String> = outcome.violations.iter().map(|(t, what)| format!("at {t}: {what}")).collect();
    for v in &outcome.verdicts {
        if let Some(failure) = &v.failure {
            why.push(format!("{}: {failure}", v.text));
        }
    }
    let sim = &stage.sim;
    let mut seen = Seen {
        runs: 1,
        nodes: outcome.nodes.len() as u64,
        seconds: outcome.duration.as_secs_f64(),
        passive: outcome.nodes.iter().flat_map(|n| &n.states).filter(|s| **s == PortState::Passive).count()
            as u64,
        split: u64::from(sim.components().len() > 1),
        dead: outcome.nodes.iter().filter(|n| n.states.is_empty()).count() as u64,
        ..Seen::default()
    };
    if let Some(watch) = stage.watch() {
        seen.looks = watch.looks;
        seen.longest = watch.longest;
    }
    (seen, why)
}
