//! `pmc explain`: why this grandmaster, and why these port states.

use std::fmt::Write as _;

use ptp_wire::ClockAccuracy;
use ptp_wire::management::ManagementId;
use serde_json::{Value as Json, json};

use super::view::{self, Fields, View};
use super::{Opener, ToolError};

/// What a clockClass means (1588-2019 table 4; G.8265.1 table 1, G.8275 tables 1 and 2).
pub(super) fn class_meaning(class: u64) -> &'static str {
    match class {
        6 => "follows a primary reference",
        7 => "in holdover, within specification, after a primary reference",
        13 => "follows an application's own time",
        14 => "in holdover, within specification, after an application's own time",
        52 => "was class 7, out of specification (alternative A)",
        58 => "was class 14, out of specification (alternative A)",
        80..=110 if class.is_multiple_of(2) => "a quality level of G.8265.1",
        135 => "boundary clock in holdover, within specification (G.8275)",
        140 => "in holdover, out of specification, category 1 frequency (G.8275)",
        150 => "in holdover, out of specification, category 2 frequency (G.8275)",
        160 => "in holdover, out of specification, category 3 frequency (G.8275)",
        165 => "boundary clock in holdover, out of specification (G.8275)",
        187 => "was class 7, out of specification (alternative B)",
        193 => "was class 14, out of specification (alternative B)",
        248 => "the default: nothing is known of its time",
        255 => "never a master",
        _ => "of a profile, or reserved",
    }
}

/// A clockAccuracy in words.
pub(super) fn accuracy_words(code: u64) -> String {
    let accuracy = ClockAccuracy(u8::try_from(code).unwrap_or(0xfe));
    match (accuracy.picoseconds(), accuracy.0) {
        (Some(ps), _) => {
            let (n, unit) =
                [(1_000_000_000_000, "s"), (1_000_000_000, "ms"), (1_000_000, "us"), (1000, "ns"), (1, "ps")]
                    .into_iter()
                    .find(|(unit, _)| ps >= *unit)
                    .map_or((0.0, "ps"), |(unit, name)| (ps as f64 / unit as f64, name));
            format!("within {n} {unit}")
        }
        (None, 0x31) => "worse than 10 s".to_owned(),
        (None, 0xfe) => "unknown".to_owned(),
        (None, n) => format!("{n:#04x}"),
    }
}

/// A candidate of the best master clock algorithm.
#[derive(Clone, Debug)]
struct Candidate {
    fields: Fields,
    /// The port that hears it; `None`: the clock itself.
    port: Option<u16>,
}

impl Candidate {
    fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Json::as_str).unwrap_or("?")
    }

    fn number(&self, field: &str) -> u64 {
        self.fields.get(field).and_then(Json::as_u64).unwrap_or(0)
    }

    fn standing(&self) -> &str {
        self.text("standing")
    }

    /// The value of the field that decided, as it is compared.
    fn decisive(&self, field: &str) -> String {
        match field {
            "grandmasterIdentity" => self.text(field).to_owned(),
            "senderIdentity" => self.text("portIdentity").to_owned(),
            "receivingPort" => self.port.map_or("-".to_owned(), |p| p.to_string()),
            "clockAccuracy" => format!("{:#04x}", self.number(field)),
            "offsetScaledLogVariance" => format!("{:#06x}", self.number(field)),
            _ => self.number(field).to_string(),
        }
    }

    /// For the order in which they are shown: as the algorithm compares them, up to topology.
    fn rank(&self, rule: &str) -> Vec<u64> {
        let place = match self.standing() {
            "BEST" => 0,
            "WORSE" => 1,
            _ => 2,
        };
        let of = |names: &[&str]| names.iter().map(|n| self.number(n)).collect::<Vec<_>>();
        let quality = ["clockClass", "clockAccuracy", "offsetScaledLogVariance", "priority2"];
        let rest = match rule {
            "G8275" => of(&[&quality[..], &["localPriority", "stepsRemoved"]].concat()),
            "G8265.1" => of(&["clockClass", "localPriority"]),
            _ => of(&[&["priority1"], &quality[..], &["stepsRemoved"]].concat()),
        };
        [vec![place], rest].concat()
    }
}

/// What the best master clock algorithm sees.
struct Election {
    rule: String,
    client_only: bool,
    candidates: Vec<Candidate>,
}

const FOREIGN: ManagementId = ManagementId::FOREIGN_MASTERS_NP;

impl Election {
    /// `None`: the daemon does not tell.
    fn of(view: &View) -> Option<Self> {
        let mut candidates = Vec::new();
        let mut rule = None;
        let mut client_only = false;
        let rows = |port: u16, field: &str| {
            let rows =
                view.of_port(port, FOREIGN, field).and_then(Json::as_array).cloned().unwrap_or_default();
            rows.into_iter().filter_map(|row| match row {
                Json::Object(fields) => Some(fields),
                _ => None,
            })
        };
        for &port in view.ports.keys() {
            let Some(said) = view.of_port(port, FOREIGN, "rule").and_then(Json::as_str) else { continue };
            if rule.is_none() {
                candidates.extend(rows(port, "own").map(|fields| Candidate { fields, port: None }));
                client_only = view.of_port(port, FOREIGN, "clientOnly") == Some(&Json::Bool(true));
            }
            rule = Some(said.to_owned());
            candidates.extend(rows(port, "heard").map(|fields| Candidate { fields, port: Some(port) }));
        }
        let rule = rule?;
        candidates.sort_by_cached_key(|c| (c.rank(&rule), c.text("grandmasterIdentity").to_owned()));
        Some(Self { rule, client_only, candidates })
    }

    fn best(&self) -> Option<&Candidate> {
        self.candidates.iter().find(|c| c.standing() == "BEST")
    }

    fn own(&self) -> Option<&Candidate> {
        self.candidates.iter().find(|c| c.port.is_none())
    }

    fn verdict(&self, c: &Candidate) -> String {
        let field = c.text("decidedBy");
        match c.standing() {
            "BEST" => "best".to_owned(),
            "WORSE" if field == "none" => "the same as the best, by another way".to_owned(),
            "WORSE" => {
                let best = self.best().map_or_else(|| "?".to_owned(), |b| b.decisive(field));
                format!("loses by {field}: {}, the best has {best}", c.decisive(field))
            }
            "NOT_QUALIFIED" => {
                format!(
                    "does not count: too few Announces, the last {:.1} s ago",
                    c.number("ageMs") as f64 / 1e3
                )
            }
            "FAILED" => "does not count: it failed, or is not for synchronisation".to_owned(),
            _ if c.port.is_none() => "never leads: the clock is client-only".to_owned(),
            _ => "does not count: its port takes no master".to_owned(),
        }
    }
}

/// Why a port is in its state.
fn reason(view: &View, port: u16) -> String {
    let state = view.state(port);
    match state {
        "FAULTY" => {
            return "it cannot be used: no link, no stamps, or its interface is gone (see the daemon's log)"
                .into();
        }
        "DISABLED" => return "someone disabled it (pmc 'CMD ENABLE_PORT' enables it)".into(),
        "INITIALIZING" => return "it starts".into(),
        _ => {}
    }
    if view.of_port(port, FOREIGN, "externalPortConfiguration") == Some(&Json::Bool(true)) {
        return "external port configuration says so".into();
    }
    if view.of_port(port, FOREIGN, "rule").and_then(Json::as_str) == Some("STATIC") {
        return "its role is configured; there is no best master clock algorithm".into();
    }
    let decision = view.port_text(port, FOREIGN, "decision");
    let why = match decision {
        "M1" => "this clock's class is below 128, and nothing heard here is better",
        "M2" => "this clock is the best",
        "M3" if view.of_port(port, FOREIGN, "masterOnly") == Some(&Json::Bool(true)) => {
            "the port is masterOnly; the best master is heard on another port"
        }
        "M3" => "the best master is heard on another port; this one serves",
        "P1" => "a better clock is heard here; this one, of a class below 128, never follows",
        "P2" => "another port has the better way to the same time; this one rests, so that there is no loop",
        "S1" => "the best master is heard here",
        "WAIT" => "it still listens: nobody was heard, and the announce receipt timeout is not over",
        "NOT_CAPABLE" => "the neighbour is not asCapable, or the port has no role",
        _ => "the daemon does not tell why",
    };
    let code = if decision.len() == 2 { format!("{decision}: ") } else { String::new() };
    match state {
        "UNCALIBRATED" => format!("{code}{why}; the clock is not synchronised to it yet"),
        "PRE_MASTER" => format!("{code}{why}; it waits before it serves (qualification)"),
        _ => format!("{code}{why}"),
    }
}

/// What would change the decision, a sentence each.
fn changes(view: &View, election: &Election) -> Vec<String> {
    let mut all = Vec::new();
    let Some(best) = election.best() else { return all };
    let next = election.candidates.iter().find(|c| c.standing() == "WORSE");
    let who = |c: &Candidate| match c.port {
        None => "this clock".to_owned(),
        Some(port) => format!("{} (port {})", c.text("portIdentity"), view.port_name(port)),
    };
    if let (Some(port), Some(next)) = (best.port, next) {
        let timeout =
            view.of_port(port, ManagementId::PORT_DATA_SET, "announceReceiptTimeout").and_then(Json::as_f64);
        let log =
            view.of_port(port, ManagementId::PORT_DATA_SET, "logAnnounceInterval").and_then(Json::as_f64);
        let after = match (timeout, log) {
            (Some(timeout), Some(log)) => format!(" after {} s", timeout * log.exp2()),
            _ => String::new(),
        };
        all.push(format!("If {} falls silent, {} takes its place{after}.", who(best), who(next)));
    }
    if best.port.is_some() && next.is_none() {
        all.push(format!("If {} falls silent, there is nobody else to follow.", who(best)));
    }
    for c in election.candidates.iter().filter(|c| c.standing() == "WORSE") {
        let field = c.text("decidedBy");
        let lever = match field {
            "priority1"
            | "priority2"
            | "localPriority"
            | "clockClass"
            | "clockAccuracy"
            | "offsetScaledLogVariance"
                if best.number(field) > 0 =>
            {
                format!("a {field} below {}", best.decisive(field))
            }
            "stepsRemoved" => format!("fewer steps than {}", best.decisive(field)),
            _ => continue,
        };
        all.push(format!("With {lever}, {} would win.", who(c)));
        if all.len() > 4 {
            break;
        }
    }
    if election.client_only {
        all.push("This clock is client-only: without a master it runs free and serves nobody.".to_owned());
    }
    all
}

/// A grandmaster's own words about its quality.
fn own_quality(view: &View, out: &mut String) {
    let number = |set, field| view.number(set, field).map(|n| n as u64);
    let set = ManagementId::DEFAULT_DATA_SET;
    let Some(class) = number(set, "clockClass") else { return };
    let _ = writeln!(out, "\nWhy class {class}");
    let _ = writeln!(out, "  {}.", class_meaning(class));
    let source = number(ManagementId::TIME_PROPERTIES_DATA_SET, "timeSource").unwrap_or(0);
    let source_name = match source {
        0x10 => "atomic clock",
        0x20 => "GNSS",
        0x30 => "terrestrial radio",
        0x39 => "serial time code",
        0x40 => "PTP",
        0x50 => "NTP",
        0x60 => "set by hand",
        0x90 => "other",
        0xa0 => "internal oscillator",
        _ => "of a profile",
    };
    let flag = |name| match view.get(ManagementId::TIME_PROPERTIES_DATA_SET, name) {
        Some(Json::Bool(true)) => "yes",
        Some(_) => "no",
        None => "?",
    };
    let _ = writeln!(
        out,
        "  It is what the daemon was configured with, or told by ts2phc (GRANDMASTER_SETTINGS_NP): time source {source:#04x} ({source_name}),\n  time traceable {}, frequency traceable {}, UTC offset valid {}.",
        flag("timeTraceable"),
        flag("frequencyTraceable"),
        flag("currentUtcOffsetValid"),
    );
    if class == 248 && source == 0xa0 {
        let _ = writeln!(
            out,
            "  Nobody has told it of a reference: is ts2phc running, and does it reach this daemon's socket?"
        );
    }
}

fn unicast(view: &View, out: &mut String) {
    for &port in view.ports.keys() {
        let masters = view.of_port(port, ManagementId::UNICAST_MASTER_TABLE_NP, "masters");
        let masters: Vec<Fields> = masters
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(|m| m.as_object().cloned())
            .collect();
        if masters.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\nUnicast grants of port {}", view.port_name(port));
        for m in masters {
            let text = |field: &str| m.get(field).and_then(Json::as_str).unwrap_or("?").to_owned();
            let meaning = match text("state").as_str() {
                "WAIT" => {
                    "asked for Announce; no grant yet (not reachable, refused, or its name is not known)"
                }
                "HAVE_ANN" => "Announce granted; it is not the best",
                "NEED_SYDY" => "the best; Sync and Delay_Resp asked for, no grant yet",
                "HAVE_SYDY" => "the best; Announce, Sync and Delay_Resp granted",
                _ => "",
            };
            let mark = if m.get("selected") == Some(&Json::Bool(true)) { '>' } else { ' ' };
            let _ = writeln!(
                out,
                " {mark} {:24} {:26} {:9}  {meaning}",
                text("address"),
                text("portIdentity"),
                text("state")
            );
        }
    }
}

/// The whole explanation.
fn explain(view: &View) -> String {
    let mut out = String::new();
    let parent = view.text(ManagementId::PARENT_DATA_SET, "parentPortIdentity");
    let gm = view.text(ManagementId::PARENT_DATA_SET, "grandmasterIdentity");
    let domain = view.number(ManagementId::DEFAULT_DATA_SET, "domainNumber").unwrap_or(0.0);
    let parent_number = |field| view.number(ManagementId::PARENT_DATA_SET, field).unwrap_or(0.0) as u64;
    let class = parent_number("grandmasterClockClass");
    if view.is_grandmaster() {
        let _ = writeln!(out, "Clock {}, domain {domain}: it is the grandmaster itself.", view.identity);
    } else {
        let steps = view.number(ManagementId::CURRENT_DATA_SET, "stepsRemoved").unwrap_or(0.0);
        let port = view.ports.keys().find(|p| matches!(view.state(**p), "SLAVE" | "UNCALIBRATED"));
        let by =
            port.map_or_else(|| "no port at present".to_owned(), |p| format!("port {}", view.port_name(*p)));
        let _ = writeln!(out, "Clock {}, domain {domain}: it follows {parent} through {by}.", view.identity);
        let _ = writeln!(out, "Grandmaster {gm}, {steps} step{} away.", if steps == 1.0 { "" } else { "s" });
    }
    let _ = writeln!(
        out,
        "  class {class} ({}), {} (accuracy), priority1 {}, priority2 {}",
        class_meaning(class),
        accuracy_words(parent_number("grandmasterClockAccuracy")),
        parent_number("grandmasterPriority1"),
        parent_number("grandmasterPriority2"),
    );

    match Election::of(view) {
        None => {
            let _ = writeln!(
                out,
                "\nThe daemon does not tell whom it hears (FOREIGN_MASTERS_NP): the candidates are not known. ptp4l never tells."
            );
        }
        Some(election) => {
            let _ = writeln!(out, "\nCandidates, compared by the rules of {}", election.rule);
            let _ = writeln!(
                out,
                "   {:21} {:18} {:>3} {:>5} {:>8} {:>8} {:>3} {:>3} {:>5}  {:10} verdict",
                "sender", "grandmaster", "p1", "class", "accuracy", "variance", "p2", "lp", "steps", "port"
            );
            for c in &election.candidates {
                let mark = if c.standing() == "BEST" { '>' } else { ' ' };
                let (sender, port) = match c.port {
                    None => ("this clock".to_owned(), "-".to_owned()),
                    Some(port) => (c.text("portIdentity").to_owned(), view.port_name(port)),
                };
                let _ = writeln!(
                    out,
                    " {mark} {sender:21} {:18} {:3} {:5}     {:#04x}   {:#06x} {:3} {:3} {:5}  {port:10} {}",
                    c.text("grandmasterIdentity"),
                    c.number("priority1"),
                    c.number("clockClass"),
                    c.number("clockAccuracy"),
                    c.number("offsetScaledLogVariance"),
                    c.number("priority2"),
                    c.number("localPriority"),
                    c.number("stepsRemoved"),
                    election.verdict(c),
                );
            }
            if election.best().is_none() && election.own().is_some_and(|o| o.standing() != "BEST") {
                let _ = writeln!(out, "   Nobody can be followed.");
            }
        }
    }
    let _ = writeln!(out, "\nPorts");
    for &port in view.ports.keys() {
        let _ =
            writeln!(out, "   {:12} {:12} {}", view.port_name(port), view.state(port), reason(view, port));
    }
    unicast(view, &mut out);
    if view.is_grandmaster() {
        own_quality(view, &mut out);
    }
    let changes = Election::of(view).map(|e| changes(view, &e)).unwrap_or_default();
    if !changes.is_empty() {
        let _ = writeln!(out, "\nWhat would change it");
        for sentence in changes {
            let _ = writeln!(out, "   {sentence}");
        }
    }
    out
}

fn as_json(view: &View) -> Json {
    let election = Election::of(view);
    let candidates = election.as_ref().map(|e| {
        e.candidates
            .iter()
            .map(|c| json!({ "port": c.port, "verdict": e.verdict(c), "fields": c.fields }))
            .collect::<Vec<_>>()
    });
    let ports: Vec<_> = view
        .ports
        .keys()
        .map(|p| json!({ "port": p, "state": view.state(*p), "reason": reason(view, *p) }))
        .collect();
    json!({
        "clock": view.identity.to_string(),
        "grandmaster": view.text(ManagementId::PARENT_DATA_SET, "grandmasterIdentity"),
        "parent": view.text(ManagementId::PARENT_DATA_SET, "parentPortIdentity"),
        "rule": election.as_ref().map(|e| e.rule.clone()),
        "candidates": candidates,
        "ports": ports,
        "changes": election.as_ref().map(|e| changes(view, e)),
    })
}

pub(super) fn run(opener: &Opener<'_>) -> Result<u8, ToolError> {
    let view = view::one(opener)?;
    if opener.json() {
        println!("{}", as_json(&view));
    } else {
        print!("{}", explain(&view));
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracies_read_as_figures() {
        for (code, words) in [
            (0x20, "within 25 ns"),
            (0x21, "within 100 ns"),
            (0x23, "within 1 us"),
            (0x18, "within 3 ps"),
            (0x30, "within 10 s"),
            (0x31, "worse than 10 s"),
            (0xfe, "unknown"),
            (0x80, "0x80"),
        ] {
            assert_eq!(accuracy_words(code), words);
        }
    }

    fn row(sender: &str, p1: u8, standing: &str, decided: &str) -> Json {
        json!({
            "portIdentity": sender, "grandmasterIdentity": sender.split('-').next(), "priority1": p1, "clockClass": 248,
            "clockAccuracy": 254, "offsetScaledLogVariance": 65535, "priority2": 128, "localPriority": 128,
            "stepsRemoved": 0, "standing": standing, "decidedBy": decided, "ageMs": 500,
        })
    }

    fn view() -> View {
        let mut view = View::default();
        let object = |v: Json| v.as_object().cloned().expect("an object");
        view.clock.insert("DEFAULT_DATA_SET", object(json!({ "domainNumber": 0, "clockClass": 248 })));
        view.clock.insert(
            "PARENT_DATA_SET",
            object(json!({
                "parentPortIdentity": "020000.fffe.000001-1", "grandmasterIdentity": "020000.fffe.000001",
                "grandmasterClockClass": 6, "grandmasterClockAccuracy": 0x21, "grandmasterPriority1": 10,
                "grandmasterPriority2": 128,
            })),
        );
        view.clock.insert("CURRENT_DATA_SET", object(json!({ "stepsRemoved": 1 })));
        let port = view.ports.entry(1).or_default();
        port.insert(
            "PORT_DATA_SET",
            object(json!({ "portState": "SLAVE", "announceReceiptTimeout": 3, "logAnnounceInterval": 1 })),
        );
        port.insert(
            "FOREIGN_MASTERS_NP",
            object(json!({
                "rule": "IEEE1588", "decision": "S1", "clientOnly": false, "masterOnly": false,
                "externalPortConfiguration": false,
                "own": [row("020000.fffe.000009-0", 128, "WORSE", "priority1")],
                "heard": [
                    row("020000.fffe.000003-1", 99, "NOT_QUALIFIED", "none"),
                    row("020000.fffe.000002-1", 20, "WORSE", "priority1"),
                    row("020000.fffe.000001-1", 10, "BEST", "none"),
                ],
            })),
        );
        view
    }

    #[test]
    fn it_says_who_won_why_the_others_lost_and_what_would_change_it() {
        let text = explain(&view());
        for part in [
            "follows 020000.fffe.000001-1 through port 1",
            "class 6 (follows a primary reference), within 100 ns",
            "loses by priority1: 20, the best has 10",
            "loses by priority1: 128, the best has 10",
            "too few Announces, the last 0.5 s ago",
            "S1: the best master is heard here",
            "If 020000.fffe.000001-1 (port 1) falls silent, 020000.fffe.000002-1 (port 1) takes its place after 6 s.",
            "With a priority1 below 10, this clock would win.",
        ] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
        let at = |part: &str| text.find(part).expect(part);
        assert!(at("> 020000.fffe.000001-1") < at("  020000.fffe.000002-1"), "best first:\n{text}");
        let json = as_json(&view());
        assert_eq!(json["candidates"].as_array().map(Vec::len), Some(4));
        assert_eq!(json["candidates"][0]["verdict"], "best");
        assert_eq!(json["ports"][0]["reason"], "S1: the best master is heard here");
    }

    #[test]
    fn without_the_candidates_it_says_so() {
        let mut view = view();
        view.ports.values_mut().for_each(|p| {
            p.remove("FOREIGN_MASTERS_NP");
        });
        let text = explain(&view);
        assert!(
            text.contains("candidates are not known") && text.contains("the daemon does not tell why"),
            "{text}"
        );
    }
}
