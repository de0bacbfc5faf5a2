//! Runs the published scenarios and writes docs/accuracy.md.
//!
//!     cargo run --release -p ptp-servo --example accuracy
//!
//! `--seeds N` (default 100) for a quicker look, `--only NAME` for the scenarios with that in their name, `--print` to
//! print instead of writing the file, `--chains` to print the tables of the chains only. `--from SEED` begins with another
//! seed than 1. `--random N` prints what becomes of N scenarios drawn at random, numbers SEED and up, each on its own;
//! `--holdovers N` the same of losses with N random oscillators.

#[path = "accuracy/random.rs"]
mod random;

use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ptp_servo::Transfer;
use ptp_servo::simulate::{
    AdaptiveDriver, Bound, Classic, Driver, Outcome, Scenario, calibrate, hostile, kalman_bound, published,
    run,
};

/// One scenario with one seed.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    rms: [f64; 3],
    max: f64,
    lock: [f64; 3],
    /// The share of Syncs at which the adaptive servo's error was beyond the bound it told, while it was judged.
    beyond: f64,
    /// The median bound to the error that 99 % stay below.
    loose: f64,
    /// The largest error to the bound told with it.
    worst_miss: f64,
    /// Least and most of its normalised innovations' mean square.
    health: (f64, f64),
}

struct Row {
    name: &'static str,
    about: &'static str,
    rms: [f64; 3],
    lock: [f64; 3],
    /// Of the adaptive servo.
    worst: f64,
    max: f64,
    bound: Option<Bound>,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.rms[2] / self.rms[0].min(self.rms[1])
    }
}

fn with(s: &Scenario, seed: u64, servo: usize) -> Outcome {
    let (chain, software) = (s.hops > 1, s.software);
    run(s, seed, &move |_| -> Box<dyn Driver> {
        match servo {
            0 if software => Box::new(Classic::pi_for_software()),
            0 => Box::new(Classic::pi()),
            1 => Box::new(Classic::linreg()),
            _ if software => Box::new(AdaptiveDriver::software()),
            _ if chain => Box::new(AdaptiveDriver::boundary(Transfer::Damped)),
            _ => Box::new(AdaptiveDriver::new()),
        }
    })
}

fn cell(s: &Scenario, seed: u64) -> Cell {
    let outcomes = [0, 1, 2].map(|servo| with(s, seed, servo));
    let rms = [0, 1, 2].map(|i: usize| outcomes[i].rms(s.judged_from_s, s.duration_s));
    let limit = 4.0 * rms[0].min(rms[1]);
    let lock = [0, 1, 2].map(|i: usize| outcomes[i].settled(limit, s.judged_from_s));
    let said = outcomes[2].said.iter().filter(|said| said.at_s >= s.judged_from_s);
    let (mut told, mut beyond, mut worst_miss, mut health) = (0u32, 0u32, 0.0f64, (f64::MAX, 0.0f64));
    let (mut errors, mut bounds) = (Vec::new(), Vec::new());
    for one in said {
        errors.push(one.error_ns.abs());
        bounds.push(one.bound_ns);
        let miss = one.error_ns.abs() / one.bound_ns;
        told += 1;
        beyond += u32::from(miss > 1.0);
        worst_miss = worst_miss.max(miss);
        health = (health.0.min(one.health), health.1.max(one.health));
    }
    let beyond = f64::from(beyond) / f64::from(told.max(1));
    let loose = quantile(&mut bounds, 0.5) / quantile(&mut errors, 0.99);
    Cell { rms, max: outcomes[2].max(s.judged_from_s, s.duration_s), lock, beyond, loose, worst_miss, health }
}

fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get((q * values.len() as f64) as usize).copied().unwrap_or(f64::NAN)
}

/// All work, by as many threads as there are processors; the order of the results is that of the work.
fn all<T: Send, W: Sync>(work: &[W], job: impl Fn(&W) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = work.get(i) else { break };
                    let result = job(one);
                    results.lock().expect("no thread panicked").push((i, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no thread panicked");
    results.sort_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, r)| r).collect()
}

/// The seeds of one table.
#[derive(Clone, Copy)]
struct Seeds {
    from: u64,
    count: u64,
}

impl Seeds {
    /// The first of them.
    fn one_in(self, n: u64) -> Self {
        Self { count: self.count.div_ceil(n), ..self }
    }

    fn each(self) -> std::ops::Range<u64> {
        self.from..self.from + self.count
    }
}

impl std::fmt::Display for Seeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seeds {} to {}", self.from, self.each().end - 1)
    }
}

/// Scenarios of very many messages get a quarter of the seeds.
fn seeds_for(s: &Scenario, seeds: Seeds) -> Seeds {
    if s.duration_s / s.sync_s > 30_000.0 || s.hops as f64 * s.duration_s / s.sync_s > 60_000.0 {
        seeds.one_in(4)
    } else {
        seeds
    }
}

fn rows(scenarios: &[Scenario], seeds: Seeds) -> Vec<Row> {
    let work: Vec<(&Scenario, u64)> =
        scenarios.iter().flat_map(|s| seeds_for(s, seeds).each().map(move |seed| (s, seed))).collect();
    let cells = all(&work, |(s, seed)| cell(s, *seed));
    let mut rest = cells.as_slice();
    scenarios
        .iter()
        .map(|s| {
            let (cells, after) = rest.split_at(seeds_for(s, seeds).count as usize);
            rest = after;
            let n = cells.len() as f64;
            let mean = |f: &dyn Fn(&Cell) -> f64| cells.iter().map(f).sum::<f64>() / n;
            let median = |i: usize| {
                let mut v: Vec<f64> = cells.iter().map(|c| c.lock[i]).collect();
                v.sort_by(f64::total_cmp);
                v[v.len() / 2]
            };
            Row {
                name: s.name,
                about: s.about,
                rms: [0, 1, 2].map(|i: usize| mean(&|c| c.rms[i] * c.rms[i]).sqrt()),
                lock: [0, 1, 2].map(median),
                worst: cells.iter().map(|c| c.rms[2]).fold(0.0, f64::max),
                max: cells.iter().map(|c| c.max).fold(0.0, f64::max),
                bound: kalman_bound(s),
            }
        })
        .collect()
}

/// Three digits.
fn ns(v: f64) -> String {
    match v {
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v if v < 1e5 => format!("{v:.0}"),
        v => format!("{v:.1e}"),
    }
}

fn scenario_table(out: &mut String, rows: &[Row]) {
    out.push_str("| scenario | what | PI | linreg | adaptive | ratio | worst seed | largest | locked after (PI, linreg, adaptive) |\n");
    out.push_str("| --- | --- | --: | --: | --: | --: | --: | --: | --: |\n");
    for r in rows {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {:.3} | {} | {} | {:.1}, {:.1}, {:.1} s |",
            r.name,
            r.about,
            ns(r.rms[0]),
            ns(r.rms[1]),
            ns(r.rms[2]),
            r.ratio(),
            ns(r.worst),
            ns(r.max),
            r.lock[0],
            r.lock[1],
            r.lock[2]
        );
    }
}

/// RMS by hop of a chain of ten for (PI, damped, limited to 0.1 Hz).
fn hops(chain: &Scenario, seeds: Seeds) -> Vec<[f64; 3]> {
    let work: Vec<(u64, usize)> = seeds.each().flat_map(|seed| [(seed, 0), (seed, 1), (seed, 2)]).collect();
    let squares = all(&work, |(seed, servo)| {
        let outcome = run(chain, *seed, &|_| -> Box<dyn Driver> {
            match servo {
                0 => Box::new(Classic::pi()),
                1 => Box::new(AdaptiveDriver::boundary(Transfer::Damped)),
                _ => Box::new(AdaptiveDriver::boundary(Transfer::Limited { bandwidth_hz: 0.1 })),
            }
        });
        let rms = outcome.rms_along(chain.judged_from_s, chain.duration_s);
        rms.into_iter().map(|r| r * r / seeds.count as f64).collect::<Vec<f64>>()
    });
    let mut sums = vec![[0.0; 3]; chain.hops];
    for ((_, servo), squares) in work.iter().zip(&squares) {
        for (sum, square) in sums.iter_mut().zip(squares) {
            sum[*servo] += square;
        }
    }
    sums.into_iter().map(|s| s.map(f64::sqrt)).collect()
}

/// What a hop makes of the error of the one before it, its own noise taken out.
fn passed_on(rms: &[[f64; 3]], hop: usize, i: usize) -> f64 {
    let own = rms[0][i];
    (rms[hop][i] * rms[hop][i] - own * own).max(0.0).sqrt() / rms[hop - 1][i]
}

fn chain_table(out: &mut String, rms: &[[f64; 3]]) -> f64 {
    out.push_str("| hop | PI | passed on | damped | passed on | limited to 0.1 Hz | passed on |\n");
    out.push_str("| --: | --: | --: | --: | --: | --: | --: |\n");
    let mut most: f64 = 0.0;
    for (hop, r) in rms.iter().enumerate() {
        let passed = |i: usize| if hop == 0 { "-".into() } else { format!("{:.2}", passed_on(rms, hop, i)) };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            hop + 1,
            ns(r[0]),
            passed(0),
            ns(r[1]),
            passed(1),
            ns(r[2]),
            passed(2)
        );
        if hop > 0 {
            most = most.max(passed_on(rms, hop, 1));
        }
    }
    most
}

/// Gives the most that a damped hop passed on, at either rate.
fn chain_section(out: &mut String, seeds: Seeds) -> (f64, f64) {
    out.push_str(include_str!("accuracy_chain.md"));
    let chain_seeds = seeds.one_in(3);
    let base = published().into_iter().find(|s| s.name == "chain-10").expect("it is published");
    // The loop of the limited one has forgotten the beginning by then.
    let base = Scenario { duration_s: 4000.0, judged_from_s: 1000.0, ..base };
    let _ = writeln!(out, "{chain_seeds}, one Sync in a second:\n");
    let slow = chain_table(out, &hops(&base, chain_seeds));
    let fast_base = Scenario {
        sync_s: 1.0 / 16.0,
        delay_s: 1.0 / 16.0,
        duration_s: 1500.0,
        judged_from_s: 750.0,
        ..base
    };
    let _ = writeln!(out, "\n{}, 16 in a second:\n", chain_seeds.one_in(3));
    let fast = chain_table(out, &hops(&fast_base, chain_seeds.one_in(3)));
    (slow, fast)
}

fn report(scenarios: &[Scenario], enemies: &[Scenario], seeds: Seeds) -> String {
    let mut out = include_str!("accuracy_head.md").replace("SEEDS", &seeds.count.to_string());
    let rows_of = rows(scenarios, seeds);
    let _ = writeln!(out, "{seeds}. All errors are in ns, root of the mean square over all seeds.\n");
    scenario_table(&mut out, &rows_of);
    let mean = (rows_of.iter().map(|r| r.ratio().ln()).sum::<f64>() / rows_of.len().max(1) as f64).exp();
    let highest = rows_of.iter().map(Row::ratio).fold(0.0, f64::max);
    let _ =
        writeln!(out, "\nGeometric mean of the ratios: **{mean:.3}** over {} scenarios.\n", rows_of.len());

    out.push_str(include_str!("accuracy_bound.md"));
    out.push_str("| scenario | bound | steered bound | adaptive | to bound | to steered bound |\n| --- | --: | --: | --: | --: | --: |\n");
    let (mut most, mut most_steered): (f64, f64) = (0.0, 0.0);
    for r in &rows_of {
        let Some(b) = r.bound else { continue };
        most = most.max(r.rms[2] / b.estimate);
        most_steered = most_steered.max(r.rms[2] / b.steered);
        let (e, s) = (r.rms[2] / b.estimate, r.rms[2] / b.steered);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {e:.2} | {s:.2} |",
            r.name,
            ns(b.estimate),
            ns(b.steered),
            ns(r.rms[2])
        );
    }

    let passed_on = chain_section(&mut out, seeds);
    out.push_str(include_str!("accuracy_hostile.md"));
    let enemy_seeds = seeds.one_in(8);
    let enemies_of = rows(enemies, enemy_seeds);
    let _ = writeln!(out, "{enemy_seeds}.\n");
    scenario_table(&mut out, &enemies_of);

    out.push_str(include_str!("accuracy_holdover.md"));
    out.push_str("| wander in a second | lost for | losses | within the bound | bound to true 99th percentile |\n| --: | --: | --: | --: | --: |\n");
    let kinds = [(0.02, 300), (0.02, 3000), (0.3, 100), (0.3, 600), (3.0, 200), (3.0, 1000)];
    let calibrations = all(&kinds, |(wander, seconds)| calibrate(*wander, *seconds, seeds.count.min(20), 6));
    let (mut within, mut losses, mut loosest) = (0, 0, 0.0f64);
    for ((wander, seconds), c) in kinds.iter().zip(&calibrations) {
        let ratio = c.bound_ns / (2.576 * c.rms_ns);
        within += c.within;
        losses += c.losses;
        loosest = loosest.max(ratio);
        let share = 100.0 * f64::from(c.within) / f64::from(c.losses.max(1));
        let _ = writeln!(out, "| {wander} ppb | {seconds} s | {} | {share:.1} % | {ratio:.1} |", c.losses);
    }

    out.push_str(include_str!("daemon.md"));
    out.push_str("\n## Targets\n\n| target | reached | figure |\n| --- | --- | --- |\n");
    let mut target = |what: &str, reached: bool, figure: String| {
        let _ = writeln!(out, "| {what} | {} | {figure} |", if reached { "yes" } else { "**no**" });
    };
    let over: Vec<String> = rows_of
        .iter()
        .filter_map(|r| Some((r, r.rms[2] / r.bound?.estimate)).filter(|(_, x)| *x > 1.25))
        .map(|(r, x)| format!("{} {x:.2}", r.name))
        .collect();
    let over = if over.is_empty() { String::new() } else { format!("; over it: {}", over.join(", ")) };
    target("RMS to Kalman bound at most 1.25", most <= 1.25, format!("at most {most:.2}{over}"));
    target(
        "the same with a clock steered by frequency",
        most_steered <= 1.25,
        format!("at most {most_steered:.2}"),
    );
    target("geometric mean of ratios at most 0.25", mean <= 0.25, format!("{mean:.3}"));
    target("no scenario worse than PI or linreg", highest <= 1.0, format!("highest ratio {highest:.3}"));
    let runaway = |r: &Row| r.worst > 3.0 * r.rms[0].min(r.rms[1]);
    let away: Vec<&str> = rows_of.iter().filter(|r| runaway(r)).map(|r| r.name).collect();
    target(
        "no seed runs away (3 times the better servo)",
        away.is_empty(),
        format!("{} of {} scenarios, {} seeds {}", away.len(), rows_of.len(), seeds.count, away.join(", ")),
    );
    if let Some(r) = rows_of.iter().find(|r| r.name == "load-down") {
        target(
            "one direction queues, 20 us mean: below 500 ns",
            r.worst < 500.0,
            format!("worst seed {} ns", ns(r.worst)),
        );
    }
    target(
        "a hop passes on at most 1.05",
        passed_on.0.max(passed_on.1) <= 1.05,
        format!("at most {:.2} at 1/s, {:.2} at 16/s", passed_on.0, passed_on.1),
    );
    let slower: Vec<&str> =
        rows_of.iter().filter(|r| r.lock[2] > r.lock[0].min(r.lock[1])).map(|r| r.name).collect();
    target(
        "locks no later (median)",
        slower.is_empty(),
        format!("later in {} of {}: {}", slower.len(), rows_of.len(), slower.join(", ")),
    );
    target("holdover: 99 % within the bound", within * 100 >= losses * 99, format!("{within} of {losses}"));
    target(
        "holdover: bound at most 4 times the 99th percentile",
        loosest <= 4.0,
        format!("at most {loosest:.1}"),
    );
    out
}

fn main() -> Result<(), String> {
    let mut seeds = Seeds { from: 1, count: 100 };
    let (mut only, mut print, mut chains, mut drawn, mut lost) = (String::new(), false, false, 0, 0);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--print" => print = true,
            "--chains" => chains = true,
            "--seeds" | "--from" | "--random" | "--holdovers" => {
                let n = arguments.next().and_then(|n| n.parse().ok());
                let n = n.filter(|n| (1..1 << 40).contains(n));
                let n: u64 = n.ok_or_else(|| format!("{argument} needs a number above 0"))?;
                match argument.as_str() {
                    "--seeds" => seeds.count = n,
                    "--from" => seeds.from = n,
                    "--random" => drawn = n,
                    _ => lost = n,
                }
            }
            "--only" => only = arguments.next().ok_or("--only needs a name")?,
            other => {
                return Err(format!(
                    "{other} is not known; there are --seeds N, --from SEED, --only NAME, --print, --chains, --random N, --holdovers N"
                ));
            }
        }
    }
    if lost > 0 {
        print!("{}", random::holdovers(lost, seeds.from));
        return Ok(());
    }
    if drawn > 0 {
        print!("{}", random::report(drawn, seeds.from));
        return Ok(());
    }
    if chains {
        let mut out = String::new();
        chain_section(&mut out, seeds);
        print!("{out}");
        return Ok(());
    }
    let some = |all: Vec<Scenario>| all.into_iter().filter(|s| s.name.contains(&only)).collect::<Vec<_>>();
    let (scenarios, enemies) = (some(published()), some(hostile()));
    if print && !only.is_empty() {
        let mut out = String::new();
        scenario_table(&mut out, &rows(&scenarios, seeds));
        scenario_table(&mut out, &rows(&enemies, seeds));
        print!("{out}");
        return Ok(());
    }
    let text = report(&published(), &hostile(), seeds);
    if print {
        print!("{text}");
        return Ok(());
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/accuracy.md");
    std::fs::write(path, text).map_err(|e| format!("{path}: {e}"))
}
