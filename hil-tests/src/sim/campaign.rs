//! Random networks, random faults, by the thousand: each a scenario made from a seed, run like any other, and watched all
//! the time ([`Watch`](super::Watch)).

use core::fmt;
use core::ops::Range;
use core::time::Duration;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ptpd::engine::PortState;

use super::Rng;
use super::invariants::Longest;
use super::scenario::{Run, load_text};

/// How long a network has to come to rest after the last fault.
const QUIET_S: u32 = 150;
/// Faults in each of the three rounds.
const FAULTS: usize = 6;

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

/// A random network with random faults, as a scenario file.
///
/// Up to eight nodes: a random tree of wires and segments, with a transparent clock in it or with some links more, so that
/// there are loops; one transport,
/// delay mechanism and announce interval for all, everything else by chance. Three rounds of faults, each followed by a
/// rest at the end of which everything has to be in order; before the second rest all is mended.
pub fn scenario_text(seed: u64) -> String {
    let mut rng = Rng::new(seed, 77, 0);
    let mut text = String::new();
    let p2p = rng.chance(0.3);
    let path_trace = rng.chance(0.5);
    let two_domains = rng.chance(0.15);
    let rough = if rng.chance(0.5) { "1 %" } else { "0" };
    let transport = ["ethernet", "ethernet", "udp4", "udp6"][rng.below(4)];
    let log_announce = rng.below(2);
    let log_sync = -(rng.below(4) as i32);
    let count = 2 + rng.below(7);
    // Who is connected with whom: nodes by their number; each end is the next interface of its node.
    let mut links: Vec<Vec<usize>> = (1..count).map(|i| vec![rng.below(i), i]).collect();
    let loops = rng.below(4);
    for _ in 0..loops {
        // Peer delay needs exactly one peer: segments are for E2E only.
        let ends = if p2p { 2 } else { 2 + rng.below(3) };
        let first = rng.below(count);
        let ends: Vec<usize> = (first..count.min(first + ends)).collect();
        if ends.len() > 1 {
            links.push(ends);
        }
    }
    let mut ports = vec![0usize; count];
    let mut wires = String::new();
    for (i, ends) in links.iter().enumerate() {
        let _ = write!(wires, "  l{i}: {{ ends: [");
        for (k, node) in ends.iter().enumerate() {
            let _ = write!(wires, "{}'n{node}:eth{}'", if k > 0 { ", " } else { "" }, ports[*node]);
            ports[*node] += 1;
        }
        let delay = 100 + rng.below(2000);
        let _ = write!(
            wires,
            "], delay: {delay} ns, loss: {rough}, duplicate: {rough}, reorder: {rough}, reorder_by: 2 us"
        );
        if rng.chance(0.2) {
            let _ = write!(wires, ", queue: {{ model: gaussian, sigma: {} ns }}", 1 + rng.below(100));
        }
        wires.push_str(" }\n");
    }
    // Where there are no loops a clock in the middle may be transparent; in a loop its messages would go round for ever.
    let inner: Vec<usize> = (0..count).filter(|i| ports[*i] > 1).collect();
    let transparent = (loops == 0 && !two_domains && rng.chance(0.4))
        .then(|| inner.get(rng.below(inner.len())).copied())
        .flatten();
    let rounds = 3;
    let mut at = 0;
    let mut faults = String::new();
    let mut orders = String::new();
    let mut configs = Vec::new();
    let mut nodes = String::new();
    for (i, ports) in ports.iter().enumerate() {
        let client_only = *ports == 1 && i > 0 && rng.chance(0.2);
        let config = |rng: &mut Rng| {
            let mechanism = if p2p { "p2p" } else { "e2e" };
            let mut c = format!(
                "profile: default-{mechanism}, transport: {transport}, clock: transparent-{mechanism}"
            );
            if transparent != Some(i) {
                c = format!(
                    "profile: default-{}, transport: {transport}, log_announce_interval: {log_announce}, log_sync_interval: {log_sync}, \
                 path_trace: {path_trace}, max_steps_removed: {}, priority1: {}, priority2: {}, servo: {{ step_threshold: 1ms }}",
                    mechanism,
                    // Without path trace the Announces of a dead grandmaster go round a loop until they have taken too many steps.
                    if path_trace { 255 } else { 12 },
                    [127, 128, 128, 129][rng.below(4)],
                    [128, 128, 127][rng.below(3)],
                );
                if client_only {
                    c.push_str(", client_only: true");
                }
                if two_domains && i % 3 == 2 {
                    c.push_str(", domain_number: 7");
                }
            }
            c.push_str(", ports: [");
            for p in 0..*ports {
                let _ = write!(c, "{}{{ interface: eth{p} }}", if p > 0 { ", " } else { "" });
            }
            c + "]"
        };
        let first = config(&mut rng);
        configs.push(config(&mut rng));
        let _ = write!(
            nodes,
            "  n{i}:\n    config: {{ {first} }}\n    clock: {{ kind: {}, offset_within: 5 ms, frequency_within: 10 ppm }}\n",
            ["crystal", "crystal", "tcxo"][rng.below(3)]
        );
        if rough != "0" || rng.chance(0.2) {
            let one_step = rng.chance(0.2) && transparent != Some(i);
            let _ = writeln!(nodes, "    host: {{ stamp_loss: {rough}, one_step: {one_step} }}");
        }
    }
    for round in 0..rounds {
        for _ in 0..FAULTS {
            at += 1 + rng.below(20_000) as u32;
            fault(&mut rng, at, count, links.len(), &configs, &mut faults);
        }
        at += 1_000;
        // Once everything is whole again, twice as it was left.
        if round == 1 {
            for action in ["start", "unsilence", "mend"] {
                let _ = writeln!(faults, "  - {{ at: {at} ms, {action}: all }}");
            }
        }
        // What lasts may last up to four seconds longer.
        at += QUIET_S * 1000 + 4_000;
        let _ = writeln!(orders, "  - {{ in_order: 20 us, at: {at} ms }}");
    }
    let _ = write!(
        text,
        "title: campaign, seed {seed}\nseed: {seed}\nduration: {at} ms\nwatch: true\nnodes:\n{nodes}links:\n{wires}schedule:\n{faults}expect:\n{orders}"
    );
    text
}

fn fault(rng: &mut Rng, at: u32, nodes: usize, links: usize, configs: &[String], out: &mut String) {
    let node = rng.below(nodes);
    let link = rng.below(links);
    let _ = write!(out, "  - {{ at: {at} ms, ");
    let _ = match rng.below(14) {
        0 | 1 => write!(out, "kill: n{node}"),
        2 => write!(out, "stop: n{node}"),
        3..=5 => write!(out, "start: n{node}"),
        6 => write!(out, "cut: l{link}"),
        7 => write!(out, "mend: l{link}"),
        8 => write!(out, "silence: l{link}"),
        9 => write!(out, "unsilence: l{link}"),
        10 => write!(out, "flap: l{link}, for: 300 ms, every: 1 s, times: 3"),
        11 => write!(out, "manage: n{node}, command: SET PRIORITY1 {}", 126 + rng.below(4)),
        12 => write!(out, "reload: n{node}, config: {{ {} }}", configs[node]),
        _ => {
            let kinds = ["truncated", "oversized", "mis_domained", "garbage"];
            let kind = kinds[rng.below(4)];
            write!(out, "attack: {kind}, on: l{link}, for: 3 s, rate: {}", 1 + rng.below(50))
        }
    };
    out.push_str(" }\n");
}
