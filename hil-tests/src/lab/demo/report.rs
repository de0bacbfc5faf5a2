//! The report: one HTML file that needs nothing else.

use std::fmt::Write as _;

use super::plot::{Axis, Plot, Series};
use super::record::{Record, Spread, human, human_size};

/// How the report begins: where it was made.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// The machine: kernel, processor count.
    pub machine: String,
    /// The version of the daemons.
    pub version: String,
    /// When, UTC.
    pub date: String,
}

/// The two plots of the record: the fall of the errors (logarithmic), and what is left of them (linear).
#[must_use]
pub fn plots(record: &Record) -> [Plot; 2] {
    let end = record.end().max(1.0);
    let marks: Vec<(f64, String)> =
        record.killed_at.map(|at| (at, "grandmaster killed".to_owned())).into_iter().collect();
    let followers: Vec<usize> = (0..record.nodes.len()).filter(|i| *i != record.first).collect();
    let line = |index: usize, faint: bool| {
        let points = record.readings[index].iter().map(|r| {
            // A reigning clock is the truth itself: no line.
            let value = if faint { r.estimated } else { r.truth };
            let reigns = record.reigning(r.at) == index;
            (r.at, value.filter(|_| !reigns).unwrap_or(f64::NAN))
        });
        let name = &record.nodes[index].name;
        Series {
            class: format!("s{index}"),
            name: if faint { format!("{name}: its own estimate") } else { name.clone() },
            points: points.collect(),
            faint,
        }
    };
    let settled: Vec<f64> =
        followers.iter().filter_map(|i| record.outcome(*i).before).map(|spread| spread.p95).collect();
    let limit = nice_above(settled.iter().copied().fold(100.0, f64::max) * 3.0);
    let calm = followers.iter().filter_map(|i| record.outcome(*i).slave_after).fold(0.0, f64::max);
    let true_lines: Vec<Series> = followers.iter().map(|i| line(*i, false)).collect();
    let both = followers.iter().map(|i| line(*i, true)).chain(true_lines.iter().cloned()).collect();
    [
        Plot {
            span: (0.0, end),
            axis: Axis::Log { low: 1, high: 10 },
            series: true_lines,
            marks: marks.clone(),
        },
        Plot { span: (calm.min(end - 1.0), end), axis: Axis::Linear { limit }, series: both, marks },
    ]
}

/// The next of 1, 2, 5 times a power of ten.
fn nice_above(value: f64) -> f64 {
    let power = 10f64.powf(value.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|nice| *nice >= value).unwrap_or(value)
}

/// The whole page.
#[must_use]
pub fn html(record: &Record, setting: &Setting) -> String {
    let [fall, rest] = plots(record);
    let mut page = String::new();
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Escapement: demonstration</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    let _ = writeln!(page, "<h1>Five clocks, one time</h1>");
    let _ = writeln!(
        page,
        "<p class=\"lead\">Real <code>ptpd</code> processes in network namespaces, joined by veth cables. Each host's clock \
         starts wrong and runs wrong; each is a virtual clock, so its <em>true</em> error is known exactly. \
         Then the grandmaster is killed.</p>"
    );
    page.push_str(&tiles(record));
    let _ = writeln!(page, "<h2>How wrong each clock is</h2>");
    let _ =
        writeln!(page, "<p>Size of the true offset from the reigning grandmaster's clock, logarithmic.</p>");
    let _ = writeln!(
        page,
        "<figure>{}</figure>",
        fall.to_svg("True offset of each clock over time, logarithmic")
    );
    let _ = writeln!(page, "<h2>What is left of it</h2>");
    let _ = writeln!(
        page,
        "<p>True offset (strong) and what each daemon believes (faint), linear, from the moment all had locked.</p>"
    );
    let _ = writeln!(page, "<figure>{}</figure>", rest.to_svg("True and estimated offsets, linear"));
    let _ = writeln!(page, "<h2>Host by host</h2>");
    page.push_str(&hosts_table(record));
    let _ = writeln!(page, "<h2>The network</h2>\n<figure>{}</figure>", TOPOLOGY);
    let _ = writeln!(page, "<h2>What happened</h2>\n<ol class=\"events\">");
    for (at, what) in &record.events {
        let _ = writeln!(page, "<li><span class=\"num\">{at:.1} s</span> {}</li>", escape(what));
    }
    let _ = writeln!(page, "</ol>");
    let _ = writeln!(
        page,
        "<footer>Software stamps of the kernel: scheduling shows in microseconds. Hardware stamps do better by three orders of \
         magnitude. Made {} by {} on {}.</footer>",
        escape(&setting.date),
        escape(&setting.version),
        escape(&setting.machine)
    );
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// The figure for the README: a plot of its own, with its colours in it.
#[must_use]
pub fn picture(record: &Record) -> String {
    let [fall, _] = plots(record);
    let style = STYLE.replace("body {", "svg {");
    fall.to_svg("True offset of each clock from the grandmaster over time").replacen(
        ">\n",
        &format!(">\n<style>{style}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"),
        1,
    )
}

fn tiles(record: &Record) -> String {
    let outcomes: Vec<_> = (0..record.nodes.len()).map(|i| record.outcome(i)).collect();
    let slave = outcomes.iter().filter_map(|o| o.slave_after).reduce(f64::max);
    let spreads = outcomes.iter().filter_map(|o| o.before);
    let median = spreads.clone().map(|s| s.median).reduce(f64::max);
    let p95 = spreads.map(|s| s.p95).reduce(f64::max);
    let took = outcomes.iter().filter_map(|o| o.took_over).reduce(f64::max);
    let bump = outcomes.iter().filter_map(|o| o.bump).reduce(f64::max);
    let seconds = |value: Option<f64>| value.map_or_else(|| "never".to_owned(), |s| format!("{s:.1} s"));
    let ns = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), human_size);
    let tiles = [
        (seconds(slave), "from start until the last one was SLAVE"),
        (ns(median), "true offset, median, of the worst host"),
        (ns(p95), "true offset, 95 of 100 readings, of the worst host"),
        (seconds(took), "from the kill until the last one followed the standby"),
        (ns(bump), "largest true offset from the new grandmaster"),
    ];
    let mut html = "<div class=\"tiles\">\n".to_owned();
    for (figure, what) in tiles {
        let _ = writeln!(html, "<div class=\"tile\"><b>{figure}</b><span>{what}</span></div>");
    }
    html.push_str("</div>\n");
    html
}

fn hosts_table(record: &Record) -> String {
    let mut html =
        "<div class=\"wide\"><table>\n<thead><tr><th>host</th><th>role</th><th>clock at start</th>\
        <th>oscillator</th><th>SLAVE after</th><th>true offset, median</th><th>95 %</th><th>worst</th>\
        <th>followed the standby after</th><th>95 % then</th><th>memory</th></tr></thead>\n<tbody>\n"
            .to_owned();
    for (index, node) in record.nodes.iter().enumerate() {
        let outcome = record.outcome(index);
        let part = |spread: Option<Spread>, of: fn(Spread) -> f64| {
            spread.map_or_else(|| "&ndash;".to_owned(), |s| human_size(of(s)))
        };
        let seconds =
            |value: Option<f64>| value.map_or_else(|| "&ndash;".to_owned(), |s| format!("{s:.1} s"));
        let start = if index == record.first { "reference".to_owned() } else { human(node.phase_error) };
        let memory = record.memory.get(index).copied().flatten();
        let _ = writeln!(
            html,
            "<tr><td><i class=\"dot s{index}\"></i>{}</td><td>{}</td><td>{start}</td><td>{:+.1} ppm</td><td>{}</td>\
             <td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&node.name),
            node.role,
            node.oscillator_error / 1e3,
            seconds(outcome.slave_after),
            part(outcome.before, |s| s.median),
            part(outcome.before, |s| s.p95),
            part(outcome.before, |s| s.worst),
            seconds(outcome.took_over),
            part(outcome.after, |s| s.p95),
            memory.map_or_else(|| "&ndash;".to_owned(), |kb| format!("{:.1} MB", kb as f64 / 1024.0)),
        );
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = include_str!("report.css");
const TOPOLOGY: &str = include_str!("topology.svg");

#[cfg(test)]
mod tests {
    use super::super::record::{Node, Reading};
    use super::*;

    fn small() -> Record {
        let node =
            |name: &str| Node { name: name.into(), role: "client", phase_error: 3e8, oscillator_error: 1e4 };
        let mut record = Record::new(vec![node("gm"), node("standby"), node("<b>")], 0, 1);
        for n in 0..50u32 {
            let at = f64::from(n);
            for list in &mut record.readings {
                let truth = Some(1e9 / (1.0 + at * at * at));
                list.push(Reading { at, state: Some("SLAVE".into()), truth, ..Reading::default() });
            }
        }
        record
    }

    #[test]
    fn the_page_stands_alone() {
        let page = html(&small(), &Setting::default());
        assert!(page.contains("<svg") && page.contains("prefers-color-scheme"));
        assert!(!page.contains("http://") || !page.contains("src="), "nothing is fetched");
        assert!(!page.contains("<td><b>"), "names are escaped");
        assert!(!page.contains("NaN") && !page.contains("inf "), "{page}");
    }

    #[test]
    fn nice_limits() {
        assert_eq!([nice_above(3.2), nice_above(5100.0), nice_above(1e5)], [5.0, 10_000.0, 1e5]);
    }
}
