//! What has to come out of a scenario: `expect:`.

use core::time::Duration;

use ptp_config::Problem;
use ptp_config::document::{self, Node};
use ptp_wire::ClockIdentity;
use ptpd::engine::{DropCause, PortState};

use super::fields::Fields;
use super::model::{Expectation, Expected, When};
use super::read::Context;
use super::steps::interfaces;

/// Every subject's key.
const SUBJECTS: [&str; 11] = [
    "grandmaster",
    "clock_class",
    "steps_removed",
    "state",
    "never",
    "error_below",
    "error_above",
    "locked",
    "steps_at_most",
    "dropped",
    "in_order",
];

const STATES: [PortState; 9] = [
    PortState::Initializing,
    PortState::Faulty,
    PortState::Disabled,
    PortState::Listening,
    PortState::PreMaster,
    PortState::Master,
    PortState::Passive,
    PortState::Uncalibrated,
    PortState::Slave,
];

pub(super) fn read(c: &mut Context<'_>, top: &mut Fields<'_>) -> Vec<Expectation> {
    let items = c.reader.list(top, "expect");
    let named = |(i, item)| expectation(c, item, &format!("expect[{i}]"));
    items.iter().enumerate().filter_map(named).collect()
}

fn expectation(c: &mut Context<'_>, node: &Node, path: &str) -> Option<Expectation> {
    let mut f = c.reader.fields(node, path)?;
    let named: Vec<&str> = SUBJECTS.iter().copied().filter(|s| f.has(s)).collect();
    let [subject] = named.as_slice() else {
        let message = match named.len() {
            0 => "nothing is expected here".to_owned(),
            _ => format!("{} at once", document::list(&named).replace(" or ", " and ")),
        };
        let near = f.unasked().find_map(|k| document::nearest(k, SUBJECTS)).filter(|_| named.is_empty());
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("an expectation has one of {}", document::list(&SUBJECTS)),
        };
        c.reader.wrong_help(Problem::Missing, path, &node.place, message, help);
        return None;
    };
    let when = when(c, &mut f);
    let what = expected(c, &mut f, subject);
    let of_path = f.inner("of");
    let about_nodes = !matches!(*subject, "state" | "never" | "dropped" | "in_order");
    let mut of = Vec::new();
    if about_nodes {
        let texts = c.reader.texts(&mut f, "of");
        if texts.is_empty() && !f.has("of") {
            c.reader.missing(&f, "of", "write whom it is about, such as `of: client` or `of: all`");
        }
        for (text, place) in texts {
            of.extend(c.named(text, place, &of_path));
        }
    }
    c.reader.finish(f);
    let text = c.reader.source.text.get(node.place.start..node.end).unwrap_or("");
    let text = text.split('\n').map(|l| l.split(" #").next().unwrap_or("").trim()).collect::<Vec<_>>();
    Some(Expectation {
        line: c.reader.source.line(&node.place),
        text: text.join(", ").trim_end_matches([',', ' ']).to_owned(),
        of,
        when,
        what: what?,
    })
}

fn when(c: &mut Context<'_>, f: &mut Fields<'_>) -> When {
    let at = c.reader.duration(f, "at");
    let from = c.reader.duration(f, "from");
    let to = c.reader.duration(f, "to");
    let end = c.duration;
    let when = match at {
        Some(at) => When { from: at, to: at },
        None => When { from: from.unwrap_or(Duration::ZERO), to: to.unwrap_or(end) },
    };
    if at.is_some() && (from.is_some() || to.is_some()) {
        let message = "`at` does not go with `from` and `to`";
        c.reader.wrong(Problem::Contradiction, &f.inner("at"), &f.place.clone(), message);
    } else if when.from > when.to || when.from > end {
        let message = "this time never comes: `to` lies before `from`, or after the end of the scenario";
        c.reader.wrong(Problem::Contradiction, &f.path.clone(), &f.place.clone(), message);
    }
    When { to: when.to.min(end), ..when }
}

fn expected(c: &mut Context<'_>, f: &mut Fields<'_>, subject: &str) -> Option<Expected> {
    match subject {
        "grandmaster" => {
            let (text, place) = c.reader.text(f, "grandmaster")?;
            if let Ok(identity) = text.parse::<ClockIdentity>() {
                return Some(Expected::GrandmasterIdentity(identity));
            }
            c.named(text, place, &f.inner("grandmaster")).first().copied().map(Expected::Grandmaster)
        }
        "clock_class" => c.reader.whole(f, "clock_class", 0, 255).map(|v| Expected::ClockClass(v as u8)),
        "steps_removed" => {
            c.reader.whole(f, "steps_removed", 0, 255).map(|v| Expected::StepsRemoved(v as u16))
        }
        "state" | "never" => {
            let key = if subject == "state" { "state" } else { "never" };
            let states = states(c, f, key);
            let ports = interfaces(c, f, "port");
            if ports.is_none() && !f.has("port") {
                c.reader.missing(f, "port", "write which, such as `port: client:eth0`");
            }
            let states = states?;
            Some(if subject == "state" {
                Expected::Port(ports?, states)
            } else {
                Expected::Never(ports?, states)
            })
        }
        "error_below" => {
            let limit = c.reader.nanos(f, "error_below");
            let path = f.inner("against");
            let against = match c.reader.text(f, "against") {
                Some((text, place)) => Some(c.named(text, place, &path).first().copied()?),
                None => None,
            };
            Some(Expected::ErrorBelow(limit?, against))
        }
        "error_above" => c.reader.nanos(f, "error_above").map(Expected::ErrorAbove),
        "locked" => c.reader.boolean(f, "locked").map(|_| Expected::Locked),
        "steps_at_most" => {
            c.reader.whole(f, "steps_at_most", 0, 1_000_000).map(|v| Expected::StepsAtMost(v as u64))
        }
        "dropped" => {
            let names: Vec<&str> = DropCause::ALL.iter().map(|d| d.name()).collect();
            let cause = c.reader.choice(f, "dropped", &names);
            let least = c.reader.whole(f, "at_least", 0, i64::MAX).unwrap_or(0) as u64;
            let most = c.reader.whole(f, "at_most", 0, i64::MAX).map_or(u64::MAX, |v| v as u64);
            let ports = interfaces(c, f, "port");
            if ports.is_none() && !f.has("port") {
                c.reader.missing(f, "port", "write which, such as `port: client:eth0`");
            }
            Some(Expected::Dropped(ports?, DropCause::ALL.get(cause?).copied()?, least, most))
        }
        _ => {
            let allowed = "how far apart clocks may be, such as `1 us`";
            let within = c.reader.value(f, "in_order", allowed, |t| {
                document::interval(t, 0, 3_600_000_000_000, "us").map(|v| v.nanos_f64())
            });
            within.map(Expected::InOrder)
        }
    }
}

/// `SLAVE`, or `[MASTER, PASSIVE]`.
fn states(c: &mut Context<'_>, f: &mut Fields<'_>, key: &'static str) -> Option<Vec<PortState>> {
    let path = f.inner(key);
    let texts = c.reader.texts(f, key);
    let words: Vec<String> = STATES.iter().map(ToString::to_string).collect();
    let mut found = Vec::new();
    for (text, place) in texts {
        match words.iter().position(|w| w.eq_ignore_ascii_case(text)) {
            Some(i) => found.push(STATES[i]),
            None => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let message = format!("`{}` is no port state", document::brief(text));
                let help = format!("the states are {}", document::list(&words));
                c.reader.wrong_help(Problem::WrongType, &path, place, message, help);
            }
        }
    }
    (!found.is_empty()).then_some(found)
}
