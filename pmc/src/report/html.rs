//! The page: one file that stands alone, on a screen and on paper.

use std::fmt::Write as _;

use ptp_evidence::{Found, Verdict, utc_text};
use ptp_servo::metrics::{Limit, Mask};

use super::analysis::{Analysis, Key, Span, Stream};
use super::plot::{Background, Curve, FREQUENCY, TIME, bars, curves, over_time};
use super::{escape, human, short, verdict_text};

const STYLE: &str = "
:root{--ink:#1d2733;--soft:#5d6b7a;--line:#d7dde4;--a:#1f5fa8;--b:#a3541b;--c:#2e7d5b;--bad:#b3261e;--ok:#1e6b3a}
*{box-sizing:border-box}
body{font:15px/1.45 system-ui,'Segoe UI',Roboto,'Helvetica Neue',sans-serif;color:var(--ink);background:#fff;max-width:1040px;margin:0 auto;padding:28px}
h1{font-size:26px;margin:0 0 2px}h2{font-size:20px;margin:34px 0 8px;padding-top:14px;border-top:2px solid var(--ink)}
h3{font-size:15px;margin:18px 0 4px}p{margin:4px 0}.soft{color:var(--soft)}
.ok{color:var(--ok);font-weight:600}.bad{color:var(--bad);font-weight:600}
table{border-collapse:collapse;margin:6px 0 10px;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:3px 14px 3px 0;border-bottom:1px solid var(--line);vertical-align:top}
table.refs{font-size:12.5px}table.refs td{white-space:nowrap}table.refs th,table.refs td{padding-right:10px}
th{color:var(--soft);font-weight:600}td.n,th.n{text-align:right}
code{font:12px/1.4 ui-monospace,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:12px 0}
.tile{border:1px solid var(--line);border-radius:6px;padding:8px 12px}.tile b{display:block;font-size:19px;font-weight:600}.tile span{color:var(--soft);font-size:12.5px}
svg{width:100%;height:auto;display:block}
.grid{stroke:var(--line);stroke-width:1;fill:none}.zero{stroke:#8a97a5;stroke-width:1;fill:none}.tickmark{stroke:#8a97a5;fill:none}
.tick{font-size:11.5px;fill:var(--soft)}.legend{font-size:12.5px;fill:var(--ink)}.end{text-anchor:end}.mid{text-anchor:middle}
.gap{fill:#b3261e;opacity:.13}.note{stroke:#1f5fa8;stroke-width:1;opacity:.45;stroke-dasharray:2 3;fill:none}.warn{stroke:#b3261e;stroke-width:1;opacity:.55;stroke-dasharray:4 3;fill:none}
.line{fill:none;stroke-width:1.2;stroke-linejoin:round}.band{stroke:none;opacity:.22}
.line.a{stroke:var(--a)}.band.a{fill:var(--a)}.line.b{stroke:var(--b)}.band.b{fill:var(--b)}.line.c{stroke:var(--c)}.band.c{fill:var(--c)}
.bar{fill:var(--a)}.curve{fill:none;stroke-width:1.6;stroke-linejoin:round}.m0{stroke:var(--a);stroke-width:2}.dot{fill:var(--a)}
.m1{stroke:#b3261e;stroke-dasharray:6 3}.m2{stroke:#a3541b;stroke-dasharray:3 3}.m3{stroke:#6a4c93;stroke-dasharray:8 3 2 3}.m4{stroke:#2e7d5b;stroke-dasharray:2 2}
footer{margin-top:34px;color:var(--soft);font-size:12.5px;border-top:1px solid var(--line);padding-top:8px}
@media print{body{max-width:none;padding:0;font-size:11px}h1{font-size:20px}h2{font-size:15px}table{font-size:10px}figure,.tiles,tr,h3{break-inside:avoid}h2,h3{break-after:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}@page{margin:14mm}}
figure{margin:4px 0 12px}figcaption{font-size:13px;font-weight:600;margin-bottom:2px}figcaption span{font-weight:400;color:var(--soft)}
";

/// What stands around the figures.
pub(super) struct Setting<'a> {
    pub(super) found: &'a Found,
    pub(super) now: i64,
    pub(super) relative: bool,
    pub(super) plain_lines: bool,
    /// The masks that were asked for; none: all are shown, and none is a demand.
    pub(super) masks: &'a [Mask],
}

impl Setting<'_> {
    pub(super) fn time(&self, at: i64) -> String {
        if self.relative {
            return format!("{:.1} s", at as f64 / 1e9);
        }
        let text = utc_text(at);
        text.get(..19).unwrap_or(&text).replace('T', " ")
    }
}

pub(super) fn page(analysis: &Analysis, setting: &Setting<'_>) -> String {
    let mut w = String::from("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    let _ =
        write!(w, "<title>Clock report</title><style>{STYLE}</style></head><body>\n<h1>Clock report</h1>\n");
    if let Some(span) = analysis.span() {
        let _ = writeln!(
            w,
            "<p class=\"soft\">{} to {}{}; {}</p>",
            setting.time(span.from),
            setting.time(span.to),
            if setting.relative { " since the host's start" } else { " UTC" },
            length(span.seconds())
        );
    }
    chain_line(&mut w, setting);
    if let Some(audit) = &analysis.audit {
        super::evidence::section(&mut w, audit, analysis, setting);
    }
    if analysis.streams.is_empty() {
        w.push_str("<p class=\"bad\">There are no measurements in this time.</p>\n");
    }
    for (key, stream) in &analysis.streams {
        clock(&mut w, key, stream, analysis, setting);
    }
    events(&mut w, analysis, setting);
    chains(&mut w, setting);
    let _ = writeln!(
        w,
        "<footer>Made by pmc {} at {} UTC. Offsets are the clock minus its reference, as the daemon measured them: what \
         is the same in both directions of a path shows, a difference between the directions does not. Lines are means, \
         bands reach from the least to the largest value. Red bands are gaps in the records, dashed lines events.</footer>\n</body></html>",
        env!("CARGO_PKG_VERSION"),
        utc_text(setting.now).get(..19).unwrap_or_default().replace('T', " ")
    );
    w
}

pub(super) fn length(seconds: f64) -> String {
    match seconds {
        s if s >= 172_800.0 => format!("{:.1} days", s / 86_400.0),
        s if s >= 7_200.0 => format!("{:.1} h", s / 3_600.0),
        s if s >= 120.0 => format!("{:.1} min", s / 60.0),
        s => format!("{s:.1} s"),
    }
}

fn chain_line(w: &mut String, setting: &Setting<'_>) {
    if setting.found.chains.is_empty() && setting.plain_lines {
        w.push_str("<p class=\"soft\">Read from log lines, which nothing protects from being changed.</p>\n");
        return;
    }
    let verdict = setting.found.verdict();
    let class = if verdict == Verdict::Whole { "ok" } else { "bad" };
    let _ = writeln!(
        w,
        "<p>Evidence: <span class=\"{class}\">{}</span></p>",
        escape(&verdict_text(setting.found))
    );
}

fn tile(w: &mut String, name: &str, value: &str) {
    let _ = write!(w, "<div class=\"tile\"><b>{value}</b><span>{name}</span></div>");
}

fn figure(w: &mut String, title: &str, more: &str, svg: Option<String>) {
    if let Some(svg) = svg {
        let _ = writeln!(w, "<figure><figcaption>{title} <span>{more}</span></figcaption>{svg}</figure>");
    }
}

fn clock(w: &mut String, key: &Key, stream: &Stream, analysis: &Analysis, setting: &Setting<'_>) {
    let _ = writeln!(w, "<h2>{}</h2>", escape(&key.title()));
    let Some(span) = stream.span else { return };
    w.push_str("<div class=\"tiles\">");
    if let Some((worst, at)) = stream.worst {
        tile(w, &format!("largest offset, {}", setting.time(at)), &human(worst));
    }
    if let (Some(half), Some(most)) = (stream.largest.quantile(0.5), stream.largest.quantile(0.99)) {
        tile(w, "half of the offsets are below", &human(half));
        tile(w, "99 % of the offsets are below", &human(most));
    }
    tile(w, "of the time synchronised", &percent(stream.synchronised()));
    tile(w, "of the time recorded", &percent(stream.availability()));
    w.push_str("</div>\n");
    let _ = writeln!(
        w,
        "<p class=\"soft\">{} records, one in {} s; {} measurements; {}.</p>",
        stream.records,
        short(stream.interval_s),
        stream.samples,
        match stream.gap_count {
            0 => "no gaps".to_owned(),
            1 => format!("one gap of {}", length(stream.gap_seconds)),
            n => format!("{n} gaps of {} together", length(stream.gap_seconds)),
        }
    );
    let marks: Vec<(i64, bool)> = analysis
        .events
        .iter()
        .filter(|e| e.daemon == key.daemon && (e.instance == key.instance || e.instance.is_empty()))
        .map(|e| (e.at, !matches!(e.severity.as_str(), "notice" | "info" | "debug")))
        .collect();
    let background = Background { span, gaps: &stream.gaps, marks: &marks, relative: setting.relative };
    let time = TIME;
    // The start, with offsets of seconds, would flatten all the rest.
    let most =
        stream.offset.extremes().zip(stream.histogram.quantile(0.002).zip(stream.histogram.quantile(0.998)));
    let cut = most.filter(|((low, high), (a, b))| high - low > 8.0 * (b - a).max(1.0));
    let shown = cut.map(|(_, (a, b))| {
        let room = (b - a).max(1.0);
        ((a - room).min(0.0), (b + room).max(0.0))
    });
    let more = if cut.is_some() { "(larger ones reach the edge)" } else { "" };
    figure(w, "Offset", more, over_time("offset over time", &stream.offset, "a", &background, shown, time));
    figure(w, "Path delay", "", over_time("delay over time", &stream.delay, "b", &background, None, time));
    let frequency = over_time("frequency over time", &stream.frequency, "c", &background, None, FREQUENCY);
    figure(w, "Frequency correction", "", frequency);
    figure(
        w,
        "Error bound",
        "told by the servo",
        over_time("bound over time", &stream.bound, "a", &background, None, time),
    );
    figure(
        w,
        "Distribution of offsets",
        "means of the records, 99.8 %",
        bars("histogram", &stream.histogram, time),
    );
    percentiles(w, stream);
    stability(w, stream, setting);
    states(w, stream);
    // The account of a limit has them already.
    if analysis.audit.is_none() {
        w.push_str("<h3>References</h3>");
        references(w, stream, setting);
    }
    gaps(w, stream, setting);
}

fn percentiles(w: &mut String, stream: &Stream) {
    if stream.largest.total() == 0 {
        return;
    }
    w.push_str("<h3>Percentiles of the largest offset in each record</h3><table><tr>");
    let shares = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999];
    for share in shares {
        let _ = write!(w, "<th class=\"n\">{} %</th>", short(share * 100.0));
    }
    w.push_str("<th class=\"n\">largest</th></tr><tr>");
    let worst = stream.worst.map(|(x, _)| x.abs());
    for share in shares {
        // What the steps of the distribution round up is not larger than the largest.
        let value = stream.largest.quantile(share).unwrap_or(0.0).min(worst.unwrap_or(f64::MAX));
        let _ = write!(w, "<td class=\"n\">{}</td>", human(value));
    }
    let _ = writeln!(w, "<td class=\"n\">{}</td></tr></table>", human(worst.unwrap_or(0.0)));
}

fn stability(w: &mut String, stream: &Stream, setting: &Setting<'_>) {
    let s = &stream.stability;
    let measured = |points: &std::collections::BTreeMap<u64, (f64, f64)>| Curve {
        name: "measured".to_owned(),
        class: "m0",
        points: points.values().copied().collect(),
    };
    let mut mtie = vec![measured(&s.mtie)];
    let mut tdev = vec![measured(&s.tdev)];
    let chosen = if setting.masks.is_empty() { &[Mask::G8272_A, Mask::G8272_B][..] } else { setting.masks };
    for mask in chosen {
        for limit in mask.limits {
            let (into, points) = match limit {
                Limit::Mtie(segments) => (&mut mtie, corners(segments)),
                Limit::Tdev(segments) => (&mut tdev, corners(segments)),
                _ => continue,
            };
            let class = ["m1", "m2", "m3", "m4"].get((into.len() - 1) % 4).copied().unwrap_or("m1");
            into.push(Curve { name: mask.name.to_owned(), class, points });
        }
    }
    let more = if s.stretches > 1 {
        format!("the worst of {} stretches without a gap", s.stretches)
    } else {
        String::new()
    };
    figure(w, "MTIE over the observation interval", &more, curves("MTIE", &mtie));
    figure(w, "TDEV over the observation interval", &more, curves("TDEV", &tdev));
    if s.verdicts.iter().all(|(_, v)| v.is_empty()) {
        return;
    }
    w.push_str("<h3>Masks</h3><table><tr><th>mask</th><th>limit</th><th class=\"n\">measured</th><th class=\"n\">allowed</th><th class=\"n\">margin</th><th></th></tr>\n");
    for (mask, verdicts) in &s.verdicts {
        // Where none was asked for, the limit with the least margin tells enough.
        let least = verdicts.iter().min_by(|a, b| a.margin().total_cmp(&b.margin()));
        for v in verdicts.iter().filter(|v| !setting.masks.is_empty() || least == Some(*v)) {
            let at = v.at_s.map_or_else(String::new, |t| format!(" at {} s", short(t)));
            let (class, word) = if v.passed() { ("ok", "kept") } else { ("bad", "exceeded") };
            let _ = writeln!(
                w,
                "<tr><td>{}</td><td>{}{at}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"{class}\">{word}</td></tr>",
                mask.name,
                limit_name(v.limit),
                human(v.measured),
                human(v.allowed),
                human(v.margin())
            );
        }
    }
    w.push_str("</table><p class=\"soft\">Made of the means of the records while the clock was locked, against its own reference.</p>\n");
}

fn corners(segments: &[ptp_servo::metrics::Segment]) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    for s in segments {
        let (from, to) = (s.from_s.log10(), s.to_s.log10());
        // A slope is a bend on these axes.
        for i in 0..=240 {
            let t = 10f64.powf(from + (to - from) * f64::from(i) / 240.0);
            points.push((t, s.constant_ns + s.slope_ns_per_s * t));
        }
    }
    points
}

pub(super) const fn limit_name(limit: Limit) -> &'static str {
    match limit {
        Limit::MaxTe(_) => "max|TE|",
        Limit::MaxTeLow(_) => "max|TE<sub>L</sub>|",
        Limit::ConstantTe(_) => "|cTE|",
        Limit::LowMtie(_) => "MTIE of dTE<sub>L</sub>",
        Limit::LowTdev(_) => "TDEV of dTE<sub>L</sub>",
        Limit::HighPeakToPeak(_) => "dTE<sub>H</sub>, peak to peak",
        Limit::Mtie(_) => "MTIE",
        Limit::Tdev(_) => "TDEV",
    }
}

pub(super) fn percent(share: f64) -> String {
    // 99.9999 % is not all.
    let cut = (share * 1e5).floor() / 1e3;
    format!("{} %", short(if share >= 1.0 { 100.0 } else { cut.min(99.999) }))
}

fn states(w: &mut String, stream: &Stream) {
    w.push_str(
        "<h3>States</h3><table><tr><th>state</th><th class=\"n\">time</th><th class=\"n\">share</th></tr>\n",
    );
    let all: f64 = stream.span.map_or(0.0, |s| s.seconds()).max(1e-9);
    for (state, seconds) in &stream.states {
        let share = percent((seconds / all).min(1.0));
        let _ = writeln!(
            w,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{share}</td></tr>",
            escape(state),
            length(*seconds)
        );
    }
    w.push_str("</table>\n");
}

pub(super) fn references(w: &mut String, stream: &Stream, setting: &Setting<'_>) {
    w.push_str(
        "<table class=\"refs\"><tr><th>from</th><th>to</th><th>grandmaster or source</th><th>parent</th>\
         <th class=\"n\">class</th><th>accuracy</th><th>time source</th><th>traceable</th><th class=\"n\">steps removed</th>\
         <th class=\"n\">UTC offset</th></tr>\n",
    );
    for p in stream.periods.iter().take(60) {
        let r = &p.reference;
        let number = |n: Option<i64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let _ = writeln!(
            w,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            setting.time(p.span.from),
            setting.time(p.span.to),
            escape(&r.name),
            escape(&r.parent),
            number(r.class.map(i64::from)),
            super::accuracy(r.accuracy),
            super::time_source(r.time_source),
            r.traceable.map_or("-", |t| if t { "yes" } else { "no" }),
            number(r.steps_removed.map(i64::from)),
            number(r.utc_offset.map(i64::from))
        );
    }
    w.push_str("</table>\n");
    more(w, stream.periods.len() as u64, 60);
}

fn more(w: &mut String, all: u64, shown: u64) {
    if all > shown {
        let _ = writeln!(w, "<p class=\"soft\">And {} more.</p>", all - shown);
    }
}

fn gaps(w: &mut String, stream: &Stream, setting: &Setting<'_>) {
    if stream.gap_count == 0 {
        return;
    }
    w.push_str("<h3>Gaps</h3><table><tr><th>from</th><th>to</th><th class=\"n\">length</th></tr>\n");
    let mut longest: Vec<&Span> = stream.gaps.iter().collect();
    longest.sort_by(|a, b| b.seconds().total_cmp(&a.seconds()));
    for gap in longest.iter().take(30) {
        let _ = writeln!(
            w,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>",
            setting.time(gap.from),
            setting.time(gap.to),
            length(gap.seconds())
        );
    }
    w.push_str("</table>\n");
    more(w, stream.gap_count, 30);
}

fn events(w: &mut String, analysis: &Analysis, setting: &Setting<'_>) {
    const SHOWN: usize = 200;
    if analysis.events.is_empty() {
        return;
    }
    w.push_str("<h2>Events</h2><table><tr><th>time</th><th>who</th><th>event</th><th>what</th></tr>\n");
    for e in analysis.events.iter().take(SHOWN) {
        let class = if matches!(e.severity.as_str(), "warning" | "error") { " class=\"bad\"" } else { "" };
        let _ = writeln!(
            w,
            "<tr><td>{}</td><td>{}</td><td{class}>{}</td><td>{}</td></tr>",
            setting.time(e.at),
            escape(&[e.daemon.as_str(), &e.instance].join(" ")),
            escape(&e.kind),
            escape(&e.message)
        );
    }
    w.push_str("</table>\n");
    more(w, analysis.event_count, SHOWN as u64);
}

fn chains(w: &mut String, setting: &Setting<'_>) {
    if setting.found.chains.is_empty() {
        return;
    }
    w.push_str(
        "<h2>Logs</h2><table><tr><th>log</th><th class=\"n\">files</th><th>records</th><th>head</th></tr>\n",
    );
    for c in &setting.found.chains {
        let _ = writeln!(
            w,
            "<tr><td>{}</td><td class=\"n\">{}</td><td>{} to {}{}</td><td><code>{}</code></td></tr>",
            escape(&c.name),
            c.files,
            c.first_seq,
            c.next_seq.saturating_sub(1),
            if c.recoveries > 0 { format!(", {} torn and recovered", c.recoveries) } else { String::new() },
            c.head
        );
    }
    w.push_str("</table>\n");
    for p in setting.found.chains.iter().flat_map(|c| &c.problems).chain(&setting.found.unreadable).take(50) {
        let _ = writeln!(w, "<p class=\"bad\">{}</p>", escape(&p.to_string()));
    }
}
