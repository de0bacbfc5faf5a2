//! A run's result for people: a table for terminals, a Markdown text, a page that needs nothing else.

use std::fmt::Write as _;

use super::super::Moment;
use super::judge::human;
use super::outcome::{NodeOutcome, Outcome};
use crate::lab::demo::{Axis, Plot, Series, human_size};

/// More lines than these are drawn thin and without a name.
const NAMED_LINES: usize = 12;
/// More lines of history than these are left out.
const MOST_HISTORY: usize = 400;
const HEADS: [&str; 12] = [
    "node",
    "ports",
    "grandmaster",
    "steps",
    "SLAVE after",
    "calm after",
    "mean",
    "RMS",
    "worst",
    "clock steps",
    "changes",
    "dropped",
];

/// The cells of a node's row.
fn row(node: &NodeOutcome) -> [String; 12] {
    let states: Vec<String> = match node.transparent {
        true => vec!["transparent".into()],
        false => node.states.iter().map(ToString::to_string).collect(),
    };
    let grandmaster = node.grandmaster.clone().filter(|_| !node.transparent);
    [
        node.name.clone(),
        if states.is_empty() { "dead".into() } else { states.join(" ") },
        grandmaster.unwrap_or_else(|| "-".into()),
        if states.is_empty() || node.transparent { "-".into() } else { node.steps_removed.to_string() },
        node.locked_after.map_or_else(|| "-".into(), |d| format!("{:.1} s", d.as_secs_f64())),
        node.calm_after.map_or_else(|| "-".into(), |d| format!("{:.0} s", d.as_secs_f64())),
        human(node.error.mean),
        human_size(node.error.rms),
        human_size(node.error.max),
        node.clock_steps.to_string(),
        node.changes.to_string(),
        node.dropped.to_string(),
    ]
}

fn at(t: Moment) -> String {
    format!("{:.3} s", t.seconds())
}

/// For a terminal: the table, what was done, what was expected.
#[must_use]
pub fn text(outcome: &Outcome) -> String {
    let mut all = format!(
        "{}\nseed {}, {} s, trace {:016x}\n\n",
        outcome.title,
        outcome.seed,
        outcome.duration.as_secs_f64(),
        outcome.hash.0
    );
    let rows: Vec<_> = outcome.nodes.iter().map(row).collect();
    let mut widths = HEADS.map(|h| h.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String; 12]| {
        let mut s = String::new();
        for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let gap = " ".repeat(width - cell.chars().count());
            // Words to the left, figures to the right.
            let _ = if i < 3 { write!(s, "{cell}{gap}  ") } else { write!(s, "{gap}{cell}  ") };
        }
        s.trim_end().to_owned() + "\n"
    };
    all.push_str(&line(&HEADS.map(str::to_owned)));
    rows.iter().for_each(|r| all.push_str(&line(r)));
    all.push_str("mean, RMS, worst: true error since calm\n");
    if !outcome.story.is_empty() {
        all.push('\n');
    }
    for (t, what) in &outcome.story {
        let _ = writeln!(all, "{:>12}  {what}", at(*t));
    }
    if !outcome.verdicts.is_empty() {
        all.push('\n');
    }
    for v in &outcome.verdicts {
        match &v.failure {
            None => {
                let _ = writeln!(all, "ok      line {}: {}", v.line, v.text);
            }
            Some(why) => {
                let _ = writeln!(all, "FAILED  line {}: {}\n        {why}", v.line, v.text);
            }
        }
    }
    for (t, what) in &outcome.violations {
        let _ = writeln!(all, "NEVER   {}: {what}", at(*t));
    }
    all
}

/// As Markdown.
#[must_use]
pub fn markdown(outcome: &Outcome) -> String {
    let mut md = format!(
        "# {}\n\nSeed {}, {} s of simulated time, trace `{:016x}`.\n\n",
        outcome.title,
        outcome.seed,
        outcome.duration.as_secs_f64(),
        outcome.hash.0
    );
    let _ = writeln!(md, "| {} |", HEADS.join(" | "));
    let _ = writeln!(md, "|{}", " --- |".repeat(HEADS.len()));
    for node in &outcome.nodes {
        let _ = writeln!(md, "| {} |", row(node).join(" | "));
    }
    md.push_str("\nMean, RMS, worst: true error since it was calm.\n");
    if !outcome.verdicts.is_empty() {
        md.push_str("\n## Expected\n\n");
    }
    for v in &outcome.verdicts {
        let (word, why) = match &v.failure {
            None => ("ok", String::new()),
            Some(why) => ("**failed**", format!(": {why}")),
        };
        let _ = writeln!(md, "- {word} (line {}): `{}`{why}", v.line, v.text);
    }
    for (t, what) in &outcome.violations {
        let _ = writeln!(md, "- **must never be**, {}: {what}", at(*t));
    }
    if !outcome.story.is_empty() {
        md.push_str("\n## What was done\n\n");
    }
    for (t, what) in &outcome.story {
        let _ = writeln!(md, "- {}: {what}", at(*t));
    }
    md
}

/// As one HTML page with its drawings in it.
#[must_use]
pub fn html(outcome: &Outcome) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Escapement: {}</title>\n<style>\n{STYLE}{}</style>\n</head>\n<body>\n<main>\n",
        escape(&outcome.title),
        colours(outcome.nodes.len())
    );
    let _ = writeln!(page, "<h1>{}</h1>", escape(&outcome.title));
    let failed = outcome.verdicts.iter().filter(|v| v.failure.is_some()).count() + outcome.violations.len();
    let verdict = match (failed, outcome.verdicts.len()) {
        (0, 0) => "Nothing was expected of it.".to_owned(),
        (0, n) => format!("All {n} expectations were met."),
        (n, _) => format!("<span class=\"no\">{n} expectations were not met.</span>"),
    };
    let _ = writeln!(
        page,
        "<p class=\"lead\">{verdict} Simulated: {} s with seed {}; every clock's error is known exactly, and the same \
         seed gives the same run (trace {:016x}).</p>",
        outcome.duration.as_secs_f64(),
        outcome.seed,
        outcome.hash.0
    );
    let [fall, rest] = plots(outcome);
    page.push_str("<h2>How wrong each clock is</h2>\n<p>Size of the true error, logarithmic.</p>\n");
    let _ = writeln!(page, "<figure>{}</figure>", fall.to_svg("True error of each clock, logarithmic"));
    page.push_str(
        "<h2>What is left of it</h2>\n<p>True error, linear, from the moment all had calmed down.</p>\n",
    );
    let _ = writeln!(page, "<figure>{}</figure>", rest.to_svg("True error of each clock, linear"));
    page.push_str("<h2>Node by node</h2>\n<div class=\"wide\"><table>\n<thead><tr>");
    for head in HEADS {
        let _ = write!(page, "<th>{head}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (i, node) in outcome.nodes.iter().enumerate() {
        let [name, rest @ ..] = row(node);
        let _ = write!(page, "<tr><td><i class=\"dot n{i}\"></i>{}</td>", escape(&name));
        for cell in rest {
            let _ = write!(page, "<td>{}</td>", escape(&cell));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table></div>\n<p>Mean, RMS, worst: true error since it was calm.</p>\n");
    if !outcome.verdicts.is_empty() || !outcome.violations.is_empty() {
        page.push_str("<h2>What was expected</h2>\n<ol class=\"events\">\n");
    }
    for v in &outcome.verdicts {
        let (class, word, why) = match &v.failure {
            None => ("yes", "ok", String::new()),
            Some(why) => ("no", "failed", format!("<br>{}", escape(why))),
        };
        let _ = writeln!(
            page,
            "<li><b class=\"{class}\">{word}</b> <span class=\"num\">line {}</span> {}{why}</li>",
            v.line,
            escape(&v.text)
        );
    }
    for (t, what) in &outcome.violations {
        let _ = writeln!(page, "<li><b class=\"no\">must never be</b> {} {}</li>", at(*t), escape(what));
    }
    if !outcome.verdicts.is_empty() || !outcome.violations.is_empty() {
        page.push_str("</ol>\n");
    }
    page.push_str("<h2>What happened</h2>\n<ol class=\"events\">\n");
    let mut history: Vec<(Moment, bool, &str)> =
        outcome.story.iter().map(|(t, w)| (*t, true, w.as_str())).collect();
    for node in &outcome.nodes {
        history.extend(node.history.iter().map(|(t, w)| (*t, false, w.as_str())));
    }
    history.sort_by_key(|(t, done, _)| (*t, !done));
    for (t, done, what) in history.iter().take(MOST_HISTORY) {
        let what = if *done { format!("<b>{}</b>", escape(what)) } else { escape(what) };
        let _ = writeln!(page, "<li><span class=\"num\">{}</span> {what}</li>", at(*t));
    }
    if let Some(more) = history.len().checked_sub(MOST_HISTORY + 1) {
        let _ = writeln!(page, "<li>... and {} more</li>", more + 1);
    }
    page.push_str("</ol>\n</main>\n</body>\n</html>\n");
    page
}

/// The fall of the errors, and what is left of them.
fn plots(outcome: &Outcome) -> [Plot; 2] {
    let end = outcome.duration.as_secs_f64().max(1.0);
    // Perfect clocks are the axis itself.
    let worst =
        |n: &NodeOutcome| n.series.iter().map(|(_, e)| e.abs()).filter(|e| e.is_finite()).fold(0.0, f64::max);
    let mut drawn: Vec<usize> =
        (0..outcome.nodes.len()).filter(|i| worst(&outcome.nodes[*i]) > 0.01).collect();
    drawn.sort_by(|a, b| outcome.nodes[*b].error.max.total_cmp(&outcome.nodes[*a].error.max));
    let named: Vec<usize> = drawn.iter().take(NAMED_LINES).copied().collect();
    let lines: Vec<Series> = outcome
        .nodes
        .iter()
        .enumerate()
        .filter(|(i, _)| drawn.contains(i))
        .map(|(i, n)| Series {
            class: format!("n{i}"),
            name: escape(&n.name),
            points: n.series.clone(),
            faint: !named.contains(&i),
        })
        .collect();
    let marks: Vec<(f64, String)> =
        outcome.story.iter().take(12).map(|(t, w)| (t.seconds(), escape(&brief(w)))).collect();
    let top = drawn.iter().map(|i| worst(&outcome.nodes[*i])).fold(100.0, f64::max);
    let settled = outcome.nodes.iter().filter_map(|n| n.calm_after).max().map_or(0.0, |d| d.as_secs_f64());
    let from = (settled + 2.0).min(end - 1.0).max(0.0);
    // The plot holds nearly all: of the worst line, 99 of 100 points.
    let high = |n: &NodeOutcome| {
        let mut sizes: Vec<f64> =
            n.series.iter().filter(|(t, e)| *t >= from && e.is_finite()).map(|(_, e)| e.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.get(sizes.len() * 99 / 100).copied().unwrap_or(0.0)
    };
    let limit = drawn.iter().map(|i| high(&outcome.nodes[*i])).fold(10.0, f64::max) * 1.2;
    let exponent = top.log10().ceil() as i32;
    [
        Plot {
            span: (0.0, end),
            axis: Axis::Log { low: 0, high: exponent.clamp(3, 12) },
            series: lines.clone(),
            marks: marks.clone(),
        },
        Plot {
            span: (from, end),
            axis: Axis::Linear { limit: nice_above(limit) },
            series: lines,
            marks: marks.into_iter().filter(|(t, _)| *t >= from).collect(),
        },
    ]
}

/// The next of 1, 2, 5 times a power of ten.
fn nice_above(value: f64) -> f64 {
    let power = 10f64.powf(value.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|nice| *nice >= value).unwrap_or(value)
}

fn brief(text: &str) -> String {
    let mut s: String = text.chars().take(32).collect();
    if s.len() < text.len() {
        s.push('…');
    }
    s
}

/// A colour for each node, the golden angle apart, readable on light and on dark paper.
fn colours(count: usize) -> String {
    let mut css = String::from(".yes { color: #16825d; } .no { color: var(--alarm); }\n");
    for i in 0..count {
        let hue = (210.0 + 137.5 * i as f64) % 360.0;
        let colour = format!("hsl({hue:.0} 62% 48%)");
        let _ = writeln!(
            css,
            ".line.n{i} {{ stroke: {colour}; }} circle.n{i} {{ fill: {colour}; }} i.n{i} {{ background: {colour}; }}"
        );
    }
    css
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = include_str!("../../lab/demo/report.css");
