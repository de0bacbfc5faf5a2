//! What an auditor reads: of the limit, the chain of traceability, the budget, the excursions.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::analysis::{Analysis, Span};
use super::audit::{Audit, Standing};
use super::html::{Setting, length, percent, references};
use super::{escape, human};

fn asked(audit: &Audit, setting: &Setting<'_>) -> String {
    match audit.question.span {
        Some(Span { from, to }) => format!("{} to {} UTC", setting.time(from), setting.time(to)),
        None => "from the first record to the last".to_owned(),
    }
}

/// The sum of the largest of each, ns; `None`: one of them nobody stated.
fn sum(audit: &Audit) -> Option<f64> {
    audit.budget.iter().map(|c| c.worst_ns).sum()
}

fn traceable(audit: &Audit) -> f64 {
    let all: f64 = audit.time.values().sum();
    (audit.traceable_ns / all.max(1.0)).clamp(0.0, 1.0)
}

pub(super) fn section(w: &mut String, audit: &Audit, analysis: &Analysis, setting: &Setting<'_>) {
    let limit = human(audit.question.limit_ns);
    let verdict = audit.verdict();
    let class = if verdict.starts_with("kept") { "ok" } else { "bad" };
    let _ = writeln!(
        w,
        "<h2>Divergence from UTC below {limit}</h2><p>{}: <span class=\"{class}\">{verdict}</span></p>\n\
         <p class=\"soft\">For Commission Delegated Regulation (EU) 2017/574 (RTS 25). The total at any time is the sum of what the \
         records of all logs given say of each clock on the way, and of what is stated below.</p>",
        asked(audit, setting)
    );
    w.push_str("<div class=\"tiles\">");
    let tile = |w: &mut String, name: &str, value: &str| {
        let _ = write!(w, "<div class=\"tile\"><b>{value}</b><span>{name}</span></div>");
    };
    if let Some((worst, at)) = audit.worst {
        tile(w, &format!("largest total, {}", setting.time(at)), &human(worst));
    }
    for (standing, _, share) in audit.shares() {
        tile(w, &format!("of the time: {}", standing.word()), &percent(share));
    }
    tile(w, "of the time: a traceable grandmaster of class 6 or 7", &percent(traceable(audit)));
    w.push_str("</div>\n<h3>Uncertainty budget</h3><table><tr><th>contribution</th><th>known from</th><th class=\"n\">largest</th></tr>\n");
    for c in &audit.budget {
        let worst = c.worst_ns.map_or_else(|| "<span class=\"bad\">not stated</span>".to_owned(), human);
        let _ = writeln!(
            w,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{worst}</td></tr>",
            escape(&c.what),
            escape(c.from)
        );
    }
    let _ = writeln!(
        w,
        "<tr><th>all together, each at its largest</th><td></td><th class=\"n\">{}</th></tr></table>",
        sum(audit).map_or_else(|| "not known".to_owned(), human)
    );
    excursions(w, audit, setting);
    w.push_str("<h3>Traceability</h3>\n");
    for (key, stream) in &analysis.streams {
        let _ = writeln!(w, "<p><b>{}</b></p>", escape(&key.title()));
        references(w, stream, setting);
    }
    w.push_str(
        "<h3>Configurations in force</h3><table><tr><th>since</th><th>program</th><th>SHA-256</th></tr>\n",
    );
    for (at, who, sha256) in analysis.configurations.iter().take(100) {
        let sha256 = if sha256.is_empty() { "by options only" } else { sha256 };
        let _ = writeln!(
            w,
            "<tr><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
            setting.time(*at),
            escape(who),
            escape(sha256)
        );
    }
    w.push_str("</table>\n");
}

fn excursions(w: &mut String, audit: &Audit, setting: &Setting<'_>) {
    const SHOWN: usize = 100;
    w.push_str("<h3>Excursions and gaps</h3>\n");
    if audit.excursions.is_empty() {
        w.push_str("<p>None.</p>\n");
        return;
    }
    w.push_str("<table><tr><th>from</th><th>to</th><th class=\"n\">length</th><th>what</th><th class=\"n\">largest total</th></tr>\n");
    for e in audit.excursions.iter().take(SHOWN) {
        let _ = writeln!(
            w,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"{}\">{}</td><td class=\"n\">{}</td></tr>",
            setting.time(e.span.from),
            setting.time(e.span.to),
            length(e.span.seconds()),
            if e.standing == Standing::Unknown { "soft" } else { "bad" },
            e.standing.word(),
            e.worst_ns.map_or_else(|| "-".to_owned(), human)
        );
    }
    w.push_str("</table>\n");
    if audit.excursion_count > SHOWN as u64 {
        let _ = writeln!(w, "<p class=\"soft\">And {} more.</p>", audit.excursion_count - SHOWN as u64);
    }
}

pub(super) fn text(w: &mut String, audit: &Audit, setting: &Setting<'_>) {
    let limit = human(audit.question.limit_ns);
    let _ = writeln!(w, "divergence from UTC below {limit}, {}: {}", asked(audit, setting), audit.verdict());
    if let Some((worst, at)) = audit.worst {
        let _ = writeln!(w, "  largest total {} at {}", human(worst), setting.time(at));
    }
    for (standing, seconds, share) in audit.shares() {
        let _ = writeln!(w, "  {}: {} ({})", standing.word(), length(seconds), percent(share));
    }
    let _ = writeln!(w, "  on a traceable grandmaster of class 6 or 7: {}", percent(traceable(audit)));
    w.push_str("  budget, each at its largest:\n");
    for c in &audit.budget {
        let worst = c.worst_ns.map_or_else(|| "not stated".to_owned(), human);
        let _ = writeln!(w, "    {worst:>12}  {} ({})", c.what, c.from);
    }
    let _ = writeln!(w, "    {:>12}  all together", sum(audit).map_or_else(|| "not known".to_owned(), human));
    for e in audit.excursions.iter().take(20) {
        let worst = e.worst_ns.map_or_else(String::new, |ns| format!(", up to {}", human(ns)));
        let (from, to) = (setting.time(e.span.from), setting.time(e.span.to));
        let _ =
            writeln!(w, "  {from} to {to}: {} for {}{worst}", e.standing.word(), length(e.span.seconds()));
    }
    if audit.excursion_count > 20 {
        let _ = writeln!(w, "  and {} more", audit.excursion_count - 20);
    }
}

pub(super) fn json(audit: &Audit) -> Json {
    let time = |at: i64| ptp_evidence::utc_text(at);
    let shares = audit.shares().into_iter().map(|(s, seconds, share)| {
        (s.word().replace(' ', "_"), json!({ "seconds": seconds, "share": share }))
    });
    json!({
        "limit_ns": audit.question.limit_ns,
        "from": audit.question.span.map(|s| time(s.from)),
        "to": audit.question.span.map(|s| time(s.to)),
        "verdict": audit.verdict(),
        "worst_ns": audit.worst.map(|(ns, _)| ns),
        "worst_at": audit.worst.map(|(_, at)| time(at)),
        "time": shares.collect::<serde_json::Map<_, _>>(),
        "traceable_share": traceable(audit),
        "budget": audit.budget.iter().map(|c| json!({ "what": c.what, "known_from": c.from, "worst_ns": c.worst_ns })).collect::<Vec<_>>(),
        "sum_ns": sum(audit),
        "excursions": audit.excursions.iter().map(|e| json!({
            "from": time(e.span.from), "to": time(e.span.to), "seconds": e.span.seconds(),
            "what": e.standing.word(), "worst_ns": e.worst_ns,
        })).collect::<Vec<_>>(),
        "excursion_count": audit.excursion_count,
    })
}
