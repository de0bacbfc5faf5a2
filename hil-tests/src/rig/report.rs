//! True errors side by side: for a terminal, and for docs/hil.md.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::guest::Side;
use super::image::{Means, RigError, io_error};
use super::outcome::{Outcome, Summary};

/// What one side came to in one row.
#[derive(Debug)]
enum Cell {
    /// It was not asked to run.
    NotRun,
    /// It measured this.
    Measured(Summary),
    /// It cannot do the scenario.
    Absent,
    /// The scenario failed, or did not measure this.
    Failed,
}

impl Cell {
    fn of(outcome: Option<&Outcome>, label: &str) -> Self {
        match outcome {
            None => Self::NotRun,
            Some(o) if o.absent.is_some() => Self::Absent,
            Some(o) if o.status != 0 => Self::Failed,
            Some(o) => o.summary(label).map_or(Self::Failed, Self::Measured),
        }
    }

    /// Mean, RMS, maximum, MTIE.
    fn texts(&self) -> [String; 4] {
        let all = |text: &str| [text.to_owned(), String::new(), String::new(), String::new()];
        match self {
            Self::NotRun => all(""),
            Self::Absent => all("absent"),
            Self::Failed => all("failed"),
            Self::Measured(s) => [s.mean, s.rms, s.max, s.mtie].map(nanoseconds),
        }
    }
}

fn nanoseconds(ns: f64) -> String {
    if ns.abs() < 99_999.5 { format!("{ns:.1}") } else { format!("{ns:.0}") }
}

/// One clock of one scenario, both sides.
#[derive(Debug)]
struct Row {
    scenario: String,
    label: String,
    ours: Cell,
    theirs: Cell,
}

/// In the order of the outcomes. A scenario without series has one row without a clock.
fn rows(outcomes: &[Outcome]) -> Vec<Row> {
    let mut scenarios: Vec<&str> = Vec::new();
    for outcome in outcomes {
        if !scenarios.contains(&outcome.job.scenario.as_str()) {
            scenarios.push(&outcome.job.scenario);
        }
    }
    let mut rows = Vec::new();
    for scenario in scenarios {
        let of = |side| outcomes.iter().find(|o| o.job.scenario == scenario && o.job.side == side);
        let (ours, theirs) = (of(Side::Ours), of(Side::Theirs));
        let mut series: Vec<(f64, &str)> = Vec::new();
        for one in [ours, theirs].into_iter().flatten().flat_map(|o| &o.series) {
            if !series.iter().any(|(_, label)| *label == one.label) {
                series.push((one.points.first().map_or(0.0, |p| p.0), &one.label));
            }
        }
        // As the scenario went on.
        series.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, label) in &series {
            rows.push(Row {
                scenario: scenario.to_owned(),
                label: (*label).to_owned(),
                ours: Cell::of(ours, label),
                theirs: Cell::of(theirs, label),
            });
        }
    }
    rows
}

/// What a scenario without series came to.
fn verdict(outcome: &Outcome) -> &'static str {
    match (&outcome.absent, outcome.status) {
        (Some(_), _) => "absent",
        (None, 0) => "passed",
        (None, _) => "failed",
    }
}

/// True errors in ns side by side, then what did not measure anything, and a count of all.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "{:<30}  {:^47}  {:^47}\n{:<20}{:<10}",
        "", "ours, ns", "linuxptp's, ns", "scenario", "clock"
    );
    for _ in 0..2 {
        let _ = write!(text, "  {:>11} {:>11} {:>11} {:>11}", "mean", "RMS", "max", "MTIE(10s)");
    }
    text.push('\n');
    for row in rows(outcomes) {
        let _ = write!(text, "{:<20}{:<10}", row.scenario, row.label);
        for cell in [&row.ours, &row.theirs] {
            let [mean, rms, max, mtie] = cell.texts();
            let _ = write!(text, "  {mean:>11} {rms:>11} {max:>11} {mtie:>11}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    for outcome in outcomes.iter().filter(|o| o.series.is_empty() || o.status != 0) {
        let (scenario, side) = (&outcome.job.scenario, outcome.job.side);
        let _ = write!(text, "{scenario:<20}{side}: {}", verdict(outcome));
        if let Some(reason) = &outcome.absent {
            let _ = write!(text, ": {reason}");
        } else if outcome.status != 0 {
            let _ = write!(text, " ({}): {}", outcome.status, outcome.directory.display());
        }
        text.push('\n');
    }
    text.push_str(&count(outcomes));
    text.push('\n');
    text
}

fn count(outcomes: &[Outcome]) -> String {
    let of = |what: &str| outcomes.iter().filter(|o| verdict(o) == what).count();
    format!(
        "{} runs: {} passed, {} failed, {} absent",
        outcomes.len(),
        of("passed"),
        of("failed"),
        of("absent")
    )
}

/// The same in Markdown, with each scenario's first comment.
///
/// # Errors
///
/// A scenario cannot be read.
pub fn markdown(means: &Means, outcomes: &[Outcome]) -> Result<String, RigError> {
    let mut text = String::from(
        "| scenario | clock | ours: mean | RMS | max | MTIE | linuxptp's: mean | RMS | max | MTIE |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for row in rows(outcomes) {
        let _ = write!(text, "| {} | {} ", row.scenario, row.label);
        for number in row.ours.texts().iter().chain(&row.theirs.texts()) {
            let _ = write!(text, "| {number} ");
        }
        text.push_str("|\n");
    }
    text.push('\n');
    let mut last = "";
    for outcome in outcomes {
        let scenario = outcome.job.scenario.as_str();
        if scenario != last {
            last = scenario;
            let _ = writeln!(text, "- `{scenario}`: {}", means.about(scenario)?);
        }
        if let Some(reason) = &outcome.absent {
            let _ = writeln!(text, "  Absent ({}): {reason}.", outcome.job.side);
        }
    }
    let short = outcomes.iter().filter(|o| o.job.short).count();
    let _ = writeln!(text, "\n{}; {short} of them in the short form.", count(outcomes));
    Ok(text)
}

const BEGIN: &str = "<!-- written by hil-tests/rig/run --document -->\n";
const END: &str = "<!-- end -->\n";

/// Puts the table into docs/hil.md.
///
/// # Errors
///
/// The page cannot be read or written, or lacks the marks.
pub fn document(means: &Means, outcomes: &[Outcome]) -> Result<(), RigError> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/hil.md");
    let name = page.display().to_string();
    let old = fs::read_to_string(&page).map_err(io_error(name.clone()))?;
    let new = replaced(&old, &markdown(means, outcomes)?)
        .ok_or_else(|| RigError::Command(format!("{name} lacks the marks {}", BEGIN.trim())))?;
    fs::write(&page, new).map_err(io_error(name))
}

fn replaced(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::guest::Job;
    use super::super::outcome::Series;
    use super::*;

    fn outcome(scenario: &str, side: Side, series: &[(&str, f64)], status: i32) -> Outcome {
        Outcome {
            job: Job { scenario: scenario.to_owned(), side, short: false },
            status,
            absent: None,
            series: series
                .iter()
                .map(|(label, at)| Series {
                    label: (*label).to_owned(),
                    points: vec![(*at, -2.0), (at + 1.0, 4.0)],
                })
                .collect(),
            directory: PathBuf::new(),
        }
    }

    #[test]
    fn sides_stand_side_by_side_in_the_order_of_time() {
        let mut absent = outcome("c", Side::Ours, &[], 0);
        absent.absent = Some("no card".to_owned());
        let outcomes = [
            outcome("a", Side::Ours, &[("after", 9.0), ("before", 1.0)], 0),
            outcome("a", Side::Theirs, &[("after", 9.0), ("before", 1.0)], 1),
            outcome("b", Side::Ours, &[], 0),
            absent,
            outcome("c", Side::Theirs, &[("clock", 0.0)], 0),
        ];
        let text = table(&outcomes);
        let line =
            |n: usize| text.lines().nth(n).expect("it is there").split_whitespace().collect::<Vec<_>>();
        assert_eq!(line(2), ["a", "before", "1.0", "3.2", "4.0", "6.0", "failed"]);
        assert_eq!(line(3)[1], "after");
        assert_eq!(line(4), ["c", "clock", "absent", "1.0", "3.2", "4.0", "6.0"]);
        assert!(text.contains("c                   ours: absent: no card"), "{text}");
        assert!(text.ends_with("5 runs: 3 passed, 1 failed, 1 absent\n"), "{text}");
    }

    #[test]
    fn a_page_gets_its_table() {
        let page = format!("a\n{BEGIN}old\n{END}b\n");
        assert_eq!(replaced(&page, "new\n"), Some(format!("a\n{BEGIN}\nnew\n\n{END}b\n")));
        assert_eq!(replaced("a\n", "new\n"), None);
    }
}
