//! `pmc report`: what recorded measurements say, and whether the record is what was written.

mod analysis;
mod audit;
mod evidence;
mod html;
mod input;
mod plot;
mod series;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use ptp_evidence::{DAY_NS, Entry, Found, Hash, Verdict, utc_text, verify};
use ptp_servo::metrics::Mask;
use ptp_wire::ClockAccuracy;
use serde_json::{Value as Json, json};

use analysis::{Analysis, Span};
use audit::{Audit, Question};
use html::{Setting, percent};
use input::Input;

/// The log is not what was written.
const EXIT_TAMPERED: u8 = 1;
/// Its end is missing.
const EXIT_TRUNCATED: u8 = 4;
/// It cannot be read, or there is none.
const EXIT_UNREADABLE: u8 = 5;
/// A limit or a mask was not kept.
const EXIT_EXCEEDED: u8 = 6;
/// There are gaps in the records: the limit may have been kept, but that is not proven.
const EXIT_NOT_PROVEN: u8 = 7;

/// Names on the command line.
const MASKS: [(&str, Mask); 7] = [
    ("prtc-a", Mask::G8272_A),
    ("prtc-b", Mask::G8272_B),
    ("class-a", Mask::G8273_2_A),
    ("class-b", Mask::G8273_2_B),
    ("class-c", Mask::G8273_2_C),
    ("class-d", Mask::G8273_2_D),
    ("point-c", Mask::G8271_1_C),
];

const AFTER_HELP: &str = "\
FILES are evidence logs of ptpd, phc-sync and ts2phc (docs/evidence.md), directories of them, or log files of ptp4l, phc2sys
and ts2phc. For the evidence, give the logs of all programs between the grandmaster and the clock that matters.

Exit status: 0 good, 1 tampered with, 2 wrong option, 4 the end is missing, 5 cannot be read, 6 a limit or mask was not kept,
7 not proven, as records are missing. Where several apply: 1, 5, 4, 6, 7.

Examples:
  pmc report /var/log/escapement -o report.html
  pmc report /var/log/escapement --mask class-b -o report.html
  pmc report /var/log/escapement --rts25 100us --day 2026-11-20 -o evidence.html
  pmc report /var/log/escapement --verify --head 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Options of `pmc report`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Evidence logs, directories of them, or log files of linuxptp's programs
    #[arg(value_name = "FILES", required = true)]
    files: Vec<PathBuf>,
    /// Write an HTML page that stands alone
    #[arg(short, long, value_name = "PAGE")]
    output: Option<PathBuf>,
    /// Hold the measurements against a mask: prtc-a, prtc-b (G.8272), class-a to class-d (G.8273.2), point-c (G.8271.1)
    #[arg(long, value_name = "MASK", value_parser = mask)]
    mask: Vec<(&'static str, Mask)>,
    /// Only this day, UTC
    #[arg(long, value_name = "DAY", value_parser = |t: &str| ptp_evidence::parse_day(t).ok_or("a day as 2026-11-20"), conflicts_with_all = ["from", "to"])]
    day: Option<i64>,
    /// Only from this day or time on, such as 2026-11-20T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = input::moment)]
    from: Option<i64>,
    /// Only before this day or time
    #[arg(long, value_name = "TIME", value_parser = input::moment)]
    to: Option<i64>,
    /// Account for every moment in which the divergence from UTC may have been more than this, such as 100us
    #[arg(long, value_name = "LIMIT", value_parser = time)]
    rts25: Option<f64>,
    /// By how much asymmetry of the path can move the clock; without it, by all of the path delay
    #[arg(long, value_name = "TIME", value_parser = time, requires = "rts25")]
    asymmetry: Option<f64>,
    /// What each boundary clock on the way may add
    #[arg(long, value_name = "TIME", value_parser = time, requires = "rts25")]
    per_hop: Option<f64>,
    /// What else may add, such as 'application=2us'
    #[arg(long, value_name = "NAME=TIME", value_parser = contribution, requires = "rts25")]
    contribution: Vec<(String, f64)>,
    /// Only verify that the logs are what was written
    #[arg(long, conflicts_with_all = ["output", "rts25", "mask"])]
    verify: bool,
    /// The hash of a record that was noted elsewhere, such as in the journal: it must be there
    #[arg(long, value_name = "HASH")]
    head: Vec<Hash>,
}

fn mask(text: &str) -> Result<(&'static str, Mask), String> {
    let names = || MASKS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    MASKS.into_iter().find(|(name, _)| *name == text).ok_or_else(|| format!("one of {}", names()))
}

/// ns.
fn time(text: &str) -> Result<f64, String> {
    let units = [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    let parsed = units.into_iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let value = parsed.and_then(|(digits, factor)| Some(digits.trim().parse::<f64>().ok()? * factor));
    value
        .filter(|ns| ns.is_finite() && *ns >= 0.0)
        .ok_or_else(|| "a time with its unit, such as 100us".to_owned())
}

fn contribution(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("a name and a time, such as 'application=2us'")?;
    Ok((name.trim().to_owned(), time(value.trim())?))
}

/// What went wrong with the page.
#[derive(Debug)]
pub(crate) struct CannotWrite {
    path: PathBuf,
    source: std::io::Error,
}

impl std::fmt::Display for CannotWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot write {}: {}", self.path.display(), self.source)
    }
}

/// Runs it; its exit status.
pub(crate) fn run(arguments: &Arguments, as_json: bool) -> Result<u8, CannotWrite> {
    if arguments.verify {
        let found = verify(&arguments.files, &arguments.head);
        if as_json {
            say(&format!("{}\n", verification(&found)));
        } else {
            say(&verification_text(&found));
        }
        return Ok(exit_of(found.verdict()));
    }
    let only = arguments.span();
    let question = arguments.rts25.map(|limit_ns| Question {
        limit_ns,
        span: only,
        asymmetry_ns: arguments.asymmetry,
        per_hop_ns: arguments.per_hop,
        others: arguments.contribution.clone(),
    });
    let chosen: Vec<Mask> = arguments.mask.iter().map(|(_, m)| *m).collect();
    let masks = if chosen.is_empty() { Mask::ALL.to_vec() } else { chosen.clone() };
    let mut analysis = Analysis::new(masks, only, question.map(Audit::new));
    let mut input = Input::open(&arguments.files, &arguments.head);
    while let Some(item) = input.next() {
        analysis.push(&item);
    }
    let now = Entry::new("now").utc_ns();
    analysis.finish(now);
    let found = input.found();
    let setting = Setting {
        found: &found,
        now,
        relative: input.relative,
        plain_lines: input.has_plain_lines(),
        masks: &chosen,
    };
    if let Some(path) = &arguments.output {
        std::fs::write(path, html::page(&analysis, &setting))
            .map_err(|source| CannotWrite { path: path.clone(), source })?;
    }
    if as_json {
        say(&format!("{}\n", whole(&analysis, &found)));
    } else {
        say(&text(&analysis, &setting));
    }
    let verdict = if found.chains.is_empty() && setting.plain_lines && found.unreadable.is_empty() {
        Verdict::Whole
    } else {
        found.verdict()
    };
    Ok(match (verdict, &analysis.audit) {
        (Verdict::Whole, Some(audit)) if audit.verdict() == "not kept" => EXIT_EXCEEDED,
        (Verdict::Whole, _) if !chosen.is_empty() && !analysis.masks_kept() => EXIT_EXCEEDED,
        (Verdict::Whole, Some(audit)) if audit.verdict() == "not proven" => EXIT_NOT_PROVEN,
        (verdict, _) => exit_of(verdict),
    })
}

/// To the standard output; whoever does not read on has seen enough.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
}

impl Arguments {
    fn span(&self) -> Option<Span> {
        match (self.day, self.from, self.to) {
            (Some(day), ..) => Some(Span { from: day, to: day.saturating_add(DAY_NS) }),
            (None, None, None) => None,
            (None, from, to) => Some(Span { from: from.unwrap_or(0), to: to.unwrap_or(i64::MAX) }),
        }
    }
}

const fn exit_of(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Whole => 0,
        Verdict::Tampered => EXIT_TAMPERED,
        Verdict::Truncated => EXIT_TRUNCATED,
        Verdict::Unreadable => EXIT_UNREADABLE,
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Whole => "ok",
        Verdict::Tampered => "tampered",
        Verdict::Truncated => "truncated",
        Verdict::Unreadable => "unreadable",
    }
}

/// One sentence.
fn verdict_text(found: &Found) -> String {
    let records: u64 = found.chains.iter().map(|c| c.records).sum();
    let first = found.chains.iter().flat_map(|c| &c.problems).chain(&found.unreadable).next();
    let first = first.map(|p| format!(": {p}")).unwrap_or_default();
    match found.verdict() {
        Verdict::Whole => format!("whole: {records} records, each as it was written, in an unbroken chain"),
        Verdict::Tampered => format!("tampered with{first}"),
        Verdict::Truncated if !found.missing_heads.is_empty() => {
            "truncated, or written anew: a head that was noted elsewhere is in no log".to_owned()
        }
        Verdict::Truncated => format!("truncated{first}"),
        Verdict::Unreadable if first.is_empty() => "there is no log".to_owned(),
        Verdict::Unreadable => format!("unreadable{first}"),
    }
}

fn verification_text(found: &Found) -> String {
    let mut w = String::new();
    for c in &found.chains {
        if c.records == 0 {
            let _ = writeln!(w, "{}: not one record of an evidence log", c.name);
            problems(&mut w, c);
            continue;
        }
        let _ = writeln!(
            w,
            "{}: {} files, records {} to {}, {} to {}",
            c.name,
            c.files,
            c.first_seq,
            c.next_seq.saturating_sub(1),
            utc_text(c.first_utc_ns),
            utc_text(c.last_utc_ns)
        );
        let _ = writeln!(w, "  head {}", c.head);
        if !c.from_the_beginning && c.records > 0 {
            let why = if c.beginning_removed {
                "were removed after their time"
            } else {
                "are not among these files"
            };
            let _ = writeln!(w, "  the records before {} {why}", c.first_seq);
        }
        if c.recoveries > 0 {
            let _ = writeln!(w, "  {} torn writes were found at a start, and recorded", c.recoveries);
        }
        problems(&mut w, c);
    }
    for p in &found.unreadable {
        let _ = writeln!(w, "{p}");
    }
    for head in &found.missing_heads {
        let _ = writeln!(
            w,
            "head {head} is in no log: what was written last is cut off, or all was written anew"
        );
    }
    let remedy = match found.verdict() {
        Verdict::Whole => "",
        Verdict::Tampered => {
            ": these are not the records that were written; compare them with a copy kept elsewhere"
        }
        Verdict::Truncated => {
            ": the end is missing; a daemon that was not stopped in order says so in a `recovery` at its next start"
        }
        Verdict::Unreadable if found.unreadable.is_empty() => {
            ": there is no log here; name the `evidence.directory` of a daemon, or a file of it"
        }
        Verdict::Unreadable => {
            ": give this user the right to read it, or name the `evidence.directory` of a daemon"
        }
    };
    let _ = writeln!(w, "{}{remedy}", word(found.verdict()));
    w
}

fn problems(w: &mut String, chain: &ptp_evidence::ChainState) {
    for p in &chain.problems {
        let _ = writeln!(w, "  {p}");
    }
    if chain.problem_count > chain.problems.len() as u64 {
        let _ = writeln!(w, "  and {} problems more", chain.problem_count - chain.problems.len() as u64);
    }
}

fn verification(found: &Found) -> Json {
    let problem = |p: &ptp_evidence::Problem| {
        let kind = match p.kind {
            ptp_evidence::ProblemKind::Tampered => "tampered",
            ptp_evidence::ProblemKind::Truncated => "truncated",
            ptp_evidence::ProblemKind::Unreadable => "unreadable",
        };
        json!({ "kind": kind, "file": p.file.display().to_string(), "line": p.line, "why": p.why })
    };
    json!({
        "verdict": word(found.verdict()),
        "chains": found.chains.iter().map(|c| json!({
            "name": c.name,
            "files": c.files,
            "records": c.records,
            "first": c.first_seq,
            "next": c.next_seq,
            "first_utc": utc_text(c.first_utc_ns),
            "last_utc": utc_text(c.last_utc_ns),
            "head": c.head.to_string(),
            "from_the_beginning": c.from_the_beginning,
            "beginning_removed": c.beginning_removed,
            "recoveries": c.recoveries,
            "problem_count": c.problem_count,
            "problems": c.problems.iter().map(problem).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "unreadable": found.unreadable.iter().map(problem).collect::<Vec<_>>(),
        "missing_heads": found.missing_heads.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn text(analysis: &Analysis, setting: &Setting<'_>) -> String {
    let mut w = String::new();
    if !setting.found.chains.is_empty() || !setting.plain_lines {
        let _ = writeln!(w, "evidence: {}", verdict_text(setting.found));
    }
    for (key, s) in &analysis.streams {
        let Some(span) = s.span else { continue };
        let _ = writeln!(w, "{}: {} to {}", key.title(), setting.time(span.from), setting.time(span.to));
        let _ = writeln!(
            w,
            "  {} records, {} measurements; synchronised {}, recorded {}, {} gap{}",
            s.records,
            s.samples,
            percent(s.synchronised()),
            percent(s.availability()),
            s.gap_count,
            if s.gap_count == 1 { "" } else { "s" }
        );
        if let (Some((worst, at)), Some(half), Some(most)) =
            (s.worst, s.largest.quantile(0.5), s.largest.quantile(0.99))
        {
            let most = most.min(worst.abs());
            let _ = writeln!(
                w,
                "  offset: half below {}, 99 % below {}, largest {} at {}",
                human(half.min(most)),
                human(most),
                human(worst),
                setting.time(at)
            );
        }
        for (mask, verdicts) in &s.stability.verdicts {
            let least = verdicts.iter().min_by(|a, b| a.margin().total_cmp(&b.margin()));
            if let Some(v) = least {
                let kept = if verdicts.iter().all(ptp_servo::metrics::Verdict::passed) {
                    "kept"
                } else {
                    "exceeded"
                };
                let name = html::limit_name(v.limit).replace("<sub>", "").replace("</sub>", "");
                let _ = writeln!(w, "  {}: {kept}, least margin {} ({name})", mask.name, human(v.margin()));
            }
        }
    }
    if let Some(audit) = &analysis.audit {
        evidence::text(&mut w, audit, setting);
    }
    w
}

fn whole(analysis: &Analysis, found: &Found) -> Json {
    let time = |at: i64| utc_text(at);
    let streams: Vec<Json> = analysis
        .streams
        .iter()
        .map(|(key, s)| {
            let shares = [("50", 0.5), ("90", 0.9), ("95", 0.95), ("99", 0.99), ("99.9", 0.999)];
            let masks = s.stability.verdicts.iter().flat_map(|(mask, verdicts)| {
                verdicts.iter().map(move |v| {
                    json!({
                        "mask": mask.name,
                        "limit": html::limit_name(v.limit).replace("<sub>", "").replace("</sub>", ""),
                        "measured_ns": v.measured, "allowed_ns": v.allowed, "margin_ns": v.margin(),
                        "at_s": v.at_s, "kept": v.passed(),
                    })
                })
            });
            json!({
                "daemon": key.daemon,
                "instance": key.instance,
                "clock": key.clock,
                "from": s.span.map(|s| time(s.from)),
                "to": s.span.map(|s| time(s.to)),
                "records": s.records,
                "measurements": s.samples,
                "worst_ns": s.worst.map(|(ns, _)| ns),
                "worst_at": s.worst.map(|(_, at)| time(at)),
                "frequency_ppb": s.frequency.extremes(),
                "path_delay_ns": s.delay.extremes(),
                "percentiles_ns": shares.iter().filter_map(|(name, share)| Some(((*name).to_owned(), json!(s.largest.quantile(*share)?)))).collect::<serde_json::Map<_, _>>(),
                "synchronised_share": s.synchronised(),
                "recorded_share": s.availability(),
                "gap_count": s.gap_count,
                "gaps": s.gaps.iter().map(|g| json!({ "from": time(g.from), "to": time(g.to), "seconds": g.seconds() })).collect::<Vec<_>>(),
                "states_s": s.states,
                "mtie_ns": s.stability.mtie.values().collect::<Vec<_>>(),
                "tdev_ns": s.stability.tdev.values().collect::<Vec<_>>(),
                "masks": masks.collect::<Vec<_>>(),
                "references": s.periods.iter().map(|p| json!({
                    "from": time(p.span.from), "to": time(p.span.to), "name": p.reference.name, "parent": p.reference.parent,
                    "class": p.reference.class, "accuracy": p.reference.accuracy, "time_source": p.reference.time_source,
                    "traceable": p.reference.traceable, "steps_removed": p.reference.steps_removed, "utc_offset": p.reference.utc_offset,
                })).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "version": 1,
        "verification": verification(found),
        "clocks": streams,
        "rts25": analysis.audit.as_ref().map(evidence::json),
        "configurations": analysis.configurations.iter().map(|(at, who, sha256)| json!({ "since": time(*at), "program": who, "sha256": sha256 })).collect::<Vec<_>>(),
        "event_count": analysis.event_count,
        "events": analysis.events.iter().map(|e| json!({
            "time": time(e.at), "daemon": e.daemon, "instance": e.instance, "event": e.kind, "severity": e.severity, "message": e.message,
        })).collect::<Vec<_>>(),
    })
}

/// Three digits that count.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { "-".to_owned() };
    }
    let places = (2 - value.abs().log10().floor() as i32).clamp(0, 9) as usize;
    // 99.99 % is not 100 %.
    let places = if (99.0..100.0).contains(&value) { 3 } else { places };
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A time in ns, in the unit that fits.
fn human(ns: f64) -> String {
    let (divisor, unit) = match ns.abs() {
        x if x >= 1e9 => (1e9, "s"),
        x if x >= 1e6 => (1e6, "ms"),
        x if x >= 1e3 => (1e3, "µs"),
        x if x > 0.0 && x < 0.1 => (1e-3, "ps"),
        _ => (1.0, "ns"),
    };
    format!("{} {unit}", short(ns / divisor)).replace('-', "\u{2212}")
}

fn accuracy(code: Option<u8>) -> String {
    match code.map(|c| (c, ClockAccuracy(c).picoseconds())) {
        None => "-".to_owned(),
        Some((_, Some(ps))) => format!("within {}", human(ps as f64 / 1e3)),
        Some((0xfe, _)) => "unknown".to_owned(),
        Some((code, _)) => format!("0x{code:02x}"),
    }
}

/// By the standard's table 6.
fn time_source(code: Option<u8>) -> String {
    let word = match code {
        None => "-",
        Some(0x10) => "atomic clock",
        Some(0x20) => "GNSS",
        Some(0x30) => "radio",
        Some(0x39) => "serial time code",
        Some(0x40) => "PTP",
        Some(0x50) => "NTP",
        Some(0x60) => "hand set",
        Some(0x90) => "other",
        Some(0xa0) => "internal oscillator",
        Some(code) => return format!("0x{code:02x}"),
    };
    word.to_owned()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
