//! Scenarios drawn at random: a servo cannot have been fitted to them.

use std::fmt::Write;

use ptp_servo::simulate::{HoldoverLab, Oscillator, Rng, Scenario, describe, random, random_oscillator};

use super::{Cell, all, cell, ns};

struct Tried {
    number: u64,
    scenario: Scenario,
    cell: Cell,
}

impl Tried {
    fn ratio(&self) -> f64 {
        self.cell.rms[2] / self.cell.rms[0].min(self.cell.rms[1])
    }
}

/// One line for each of `count` scenarios from number `from` on, the worst first, and what they come to.
pub(super) fn report(count: u64, from: u64) -> String {
    let numbers: Vec<u64> = (from..from + count).collect();
    let mut tried = all(&numbers, |number| {
        let scenario = random(*number);
        let cell = cell(&scenario, *number);
        Tried { number: *number, scenario, cell }
    });
    tried.sort_by(|a, b| b.ratio().total_cmp(&a.ratio()));
    let mut out = String::new();
    let _ = writeln!(
        out,
        "| number | PI | linreg | adaptive | ratio | largest | locked after | beyond its bound | bound to 99 % | worst to bound | health | scenario |\n\
         | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --- |"
    );
    for t in &tried {
        let c = &t.cell;
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {:.3} | {} | {:.1}, {:.1}, {:.1} s | {:.1} % | {:.2} | {:.2} | {:.2} to {:.2} | {} |",
            t.number,
            ns(c.rms[0]),
            ns(c.rms[1]),
            ns(c.rms[2]),
            t.ratio(),
            ns(c.max),
            c.lock[0],
            c.lock[1],
            c.lock[2],
            100.0 * c.beyond,
            c.loose,
            c.worst_miss,
            c.health.0,
            c.health.1,
            describe(&t.scenario)
        );
    }
    let n = tried.len().max(1) as f64;
    let mean = (tried.iter().map(|t| t.ratio().ln()).sum::<f64>() / n).exp();
    let many = |f: &dyn Fn(&Tried) -> bool| tried.iter().filter(|t| f(t)).count();
    let mut loose: Vec<f64> = tried.iter().map(|t| t.cell.loose).filter(|l| l.is_finite()).collect();
    let q: Vec<f64> = [0.05, 0.25, 0.5, 0.75, 0.95].iter().map(|q| super::quantile(&mut loose, *q)).collect();
    let _ = writeln!(out, "\nbound to the error that 99 % stay below: {q:.2?} (5, 25, 50, 75, 95 %)");
    let _ = writeln!(
        out,
        "\n{} scenarios: geometric mean of the ratios {mean:.3}; above 1 in {}, above 3 in {}; later locked in {}; error beyond its \
         own bound in more than 1 % of the Syncs in {}, in more than 10 % in {}",
        tried.len(),
        many(&|t| t.ratio() > 1.0),
        many(&|t| t.ratio() > 3.0),
        many(&|t| t.cell.lock[2] > t.cell.lock[0].min(t.cell.lock[1])),
        many(&|t| t.cell.beyond > 0.01),
        many(&|t| t.cell.beyond > 0.1),
    );
    out
}

/// Losses of the reference with `count` oscillators from number `from` on: locked for 15 minutes to 2 hours, alone for 1
/// minute to 2 hours, four times each.
pub(super) fn holdovers(count: u64, from: u64) -> String {
    let numbers: Vec<u64> = (from..from + count).collect();
    let losses = all(&numbers, |number| {
        let mut rng = Rng::new(*number, 74, 0);
        let mut seconds = |least: f64| (least * (7200.0 / least).powf(rng.unit())) as u32;
        let oscillator = random_oscillator(*number);
        let mut lab = HoldoverLab::of(oscillator, *number);
        let (mut ratios, mut times, mut locked) = ([0.0f64; 4], [(0, 0); 4], 0);
        for (ratio, time) in ratios.iter_mut().zip(&mut times) {
            let lock = seconds(900.0);
            lab.lock(lock);
            locked += lock;
            let lost = seconds(60.0);
            let (error, bound) = lab.lose(lost);
            *ratio = error / bound;
            *time = (locked, lost);
        }
        (oscillator, ratios, times)
    });
    let mut out = String::new();
    for (number, (o, errors, times)) in numbers.iter().zip(&losses) {
        if errors.iter().any(|e| *e > 1.0) {
            let _ = writeln!(out, "{number}: error to bound {errors:.2?}, (locked, lost) {times:?}, {o:?}");
        }
    }
    // A swing is seen when the clock was locked for a whole one, all in all.
    let kinds =
        ["temperature is steady", "temperature swings", "- seen twice", "- seen once", "- seen in part"];
    for (i, kind) in kinds.iter().enumerate() {
        let is = |o: &Oscillator, locked: u32| {
            let seen = f64::from(locked) / o.swing_period_s;
            match i {
                0 => o.swing_ppb <= 0.0,
                1 => o.swing_ppb > 0.0,
                2 => o.swing_ppb > 0.0 && seen >= 2.0,
                3 => o.swing_ppb > 0.0 && (1.0..2.0).contains(&seen),
                _ => o.swing_ppb > 0.0 && seen < 1.0,
            }
        };
        let mut of: Vec<f64> = losses
            .iter()
            .flat_map(|(o, errors, times)| errors.iter().zip(times).map(move |(e, t)| (o, *e, t.0)))
            .filter(|(o, _, locked)| is(o, *locked))
            .map(|(_, e, _)| e)
            .collect();
        of.sort_by(f64::total_cmp);
        let within = of.iter().filter(|e| **e <= 1.0).count();
        let at = of.get(of.len() * 99 / 100).copied().unwrap_or_default();
        let _ = writeln!(
            out,
            "{kind}: {} losses, {:.2} % within the bound, bound to true 99th percentile {:.2}",
            of.len(),
            100.0 * within as f64 / of.len().max(1) as f64,
            1.0 / at
        );
    }
    out
}
