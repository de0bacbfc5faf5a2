//! What happens in a scenario: `schedule:`.

use core::time::Duration;

use ptp_config::Problem;
use ptp_config::document::{self, Node};
use ptp_management::Command;
use ptp_wire::TimeInterval;

use super::clocks;
use super::fields::Fields;
use super::model::{Action, Attack, AttackKind, Step};
use super::read::Context;

/// Every action's key.
const ACTIONS: [&str; 19] = [
    "kill",
    "stop",
    "start",
    "cut",
    "mend",
    "silence",
    "unsilence",
    "unplug",
    "plug",
    "step_clock",
    "disturb",
    "lose_reference",
    "find_reference",
    "reload",
    "manage",
    "change",
    "loop",
    "attack",
    "flap",
];

pub(super) fn read(c: &mut Context<'_>, top: &mut Fields<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for (i, item) in c.reader.list(top, "schedule").iter().enumerate() {
        step(c, item, &format!("schedule[{i}]"), &mut steps);
    }
    steps.sort_by_key(|s| s.at);
    steps
}

fn step(c: &mut Context<'_>, node: &Node, path: &str, steps: &mut Vec<Step>) {
    let Some(mut f) = c.reader.fields(node, path) else { return };
    let at = c.reader.duration(&mut f, "at");
    if at.is_none() && !f.has("at") {
        c.reader.missing(&f, "at", "write when it happens, such as `at: 60 s`");
    }
    let at = at.unwrap_or(Duration::ZERO);
    if at > c.duration {
        let message = "it would happen after the end of the scenario";
        c.reader.wrong(Problem::NoEffect, &f.inner("at"), &node.place.clone(), message);
    }
    let every = c.reader.duration(&mut f, "every");
    let times = c.reader.whole(&mut f, "times", 1, 1_000_000);
    let repeat = match (every, times) {
        (None, None) => None,
        (Some(every), Some(times)) if every > Duration::ZERO => Some((every, times as u32)),
        _ => {
            let message = "a step that repeats needs `every` (above 0) and `times`";
            c.reader.wrong(Problem::Missing, path, &node.place, message);
            None
        }
    };
    let named: Vec<&str> = ACTIONS.iter().copied().filter(|a| f.has(a)).collect();
    let action = match named.as_slice() {
        [one] => action(c, &mut f, one),
        [] => {
            let message = "nothing happens here";
            let near = f.unasked().find_map(|k| document::nearest(k, ACTIONS));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("a step has one of {}", document::list(&ACTIONS)),
            };
            c.reader.wrong_help(Problem::Missing, path, &node.place, message, help);
            None
        }
        more => {
            let message = format!("{} at once", document::list(more).replace(" or ", " and "));
            c.reader.wrong_help(
                Problem::Contradiction,
                path,
                &node.place,
                message,
                "write a step of its own for each; steps of the same time happen in order",
            );
            for key in ACTIONS {
                f.take(key);
            }
            None
        }
    };
    // Unknown keys beside no action at all may be the action, misspelt: the list of actions has been told.
    if action.is_some() || named.len() == 1 {
        c.reader.finish(f);
    }
    match action {
        Some(Made::One(action)) => steps.push(Step { at, repeat, action }),
        Some(Made::ForSome(first, lasts, last)) => {
            steps.push(Step { at, repeat, action: first });
            steps.push(Step { at: at.saturating_add(lasts), repeat, action: last });
        }
        None => {}
    }
}

enum Made {
    One(Action),
    /// An action, and what ends it so much later.
    ForSome(Action, Duration, Action),
}

fn action(c: &mut Context<'_>, f: &mut Fields<'_>, key: &str) -> Option<Made> {
    let one = |a: Action| Some(Made::One(a));
    match key {
        "kill" => one(Action::Kill(nodes(c, f, "kill")?)),
        "stop" => one(Action::Stop(nodes(c, f, "stop")?)),
        "start" => one(Action::Start(nodes(c, f, "start")?)),
        "cut" => one(Action::Cut(links(c, f, "cut")?)),
        "mend" => one(Action::Mend(links(c, f, "mend")?)),
        "silence" => one(Action::Silence(links(c, f, "silence")?)),
        "unsilence" => one(Action::Unsilence(links(c, f, "unsilence")?)),
        "unplug" => one(Action::Unplug(interfaces(c, f, "unplug")?)),
        "plug" => one(Action::Plug(interfaces(c, f, "plug")?)),
        "flap" => {
            let links = links(c, f, "flap")?;
            let down = lasting(c, f)?;
            Some(Made::ForSome(Action::Cut(links.clone()), down, Action::Mend(links)))
        }
        "step_clock" => {
            let nodes = nodes(c, f, "step_clock")?;
            let by = c.reader.interval(f, "by");
            needs(c, f, "by", by.is_none(), "write by how much, such as `by: 3 ms`");
            one(Action::StepClock(nodes, by?))
        }
        "disturb" => {
            let nodes = nodes(c, f, "disturb")?;
            let by = c.reader.frequency(f, "by");
            needs(c, f, "by", by.is_none(), "write by how much, such as `by: 20 ppb`");
            one(Action::Disturb(nodes, by?))
        }
        "lose_reference" => {
            let nodes = nodes(c, f, "lose_reference")?;
            let clock = f.take("clock").map(|n| clocks::read(c, Some(n), &f.inner("clock"), false).spec);
            one(Action::LoseReference(nodes, clock))
        }
        "find_reference" => one(Action::FindReference(nodes(c, f, "find_reference")?)),
        "reload" => {
            let nodes = nodes(c, f, "reload")?;
            let settings = c.config(f, "config")?;
            one(Action::Reload(nodes, Box::new(settings)))
        }
        "manage" => manage(c, f),
        "change" => {
            let links = links(c, f, "change")?;
            one(Action::Change(links, c.link_change(f)))
        }
        "loop" => {
            let links = links(c, f, "loop")?;
            let rounds = c.reader.whole(f, "rounds", 1, 100).unwrap_or(1) as u32;
            let lasts = lasting(c, f)?;
            Some(Made::ForSome(Action::Loop(links.clone(), rounds), lasts, Action::Loop(links, 0)))
        }
        _ => attack(c, f).map(Action::Attack).map(Made::One),
    }
}

fn needs(c: &mut Context<'_>, f: &Fields<'_>, key: &str, absent: bool, help: &str) {
    if absent && !f.has(key) {
        c.reader.missing(f, key, help);
    }
}

fn lasting(c: &mut Context<'_>, f: &mut Fields<'_>) -> Option<Duration> {
    let lasts = c.reader.duration(f, "for");
    needs(c, f, "for", lasts.is_none(), "write how long it lasts, such as `for: 30 s`");
    lasts
}

fn nodes(c: &mut Context<'_>, f: &mut Fields<'_>, key: &'static str) -> Option<Vec<usize>> {
    let path = f.inner(key);
    let texts = c.reader.texts(f, key);
    let mut all = Vec::new();
    for (text, place) in texts {
        all.extend(c.named(text, place, &path));
    }
    (!all.is_empty()).then_some(all)
}

fn links(c: &mut Context<'_>, f: &mut Fields<'_>, key: &'static str) -> Option<Vec<usize>> {
    let path = f.inner(key);
    let texts = c.reader.texts(f, key);
    let mut all = Vec::new();
    for (text, place) in texts {
        all.extend(c.links_named(text, place, &path));
    }
    (!all.is_empty()).then_some(all)
}

pub(super) fn interfaces(
    c: &mut Context<'_>,
    f: &mut Fields<'_>,
    key: &'static str,
) -> Option<Vec<(usize, String)>> {
    let path = f.inner(key);
    let texts = c.reader.texts(f, key);
    let mut all = Vec::new();
    for (text, place) in texts {
        all.extend(c.interfaces(text, place, &path));
    }
    (!all.is_empty()).then_some(all)
}

fn manage(c: &mut Context<'_>, f: &mut Fields<'_>) -> Option<Made> {
    let nodes = nodes(c, f, "manage")?;
    let Some((text, place)) = c.reader.text(f, "command") else {
        needs(c, f, "command", true, "write a command of pmc, such as `command: SET PRIORITY1 100`");
        return None;
    };
    match Command::parse(text) {
        Ok(Command::Send(_) | Command::SendTable(_)) => {
            Some(Made::One(Action::Manage(nodes, text.to_owned())))
        }
        Ok(_) => {
            let message = "only GET, SET and COMMAND can be sent";
            c.reader.wrong(Problem::WrongType, &f.inner("command"), place, message);
            None
        }
        Err(e) => {
            let diagnostic = c.reader.wrong(Problem::WrongType, &f.inner("command"), place, e.to_string());
            *diagnostic = diagnostic.clone().help("pmc(8) has the commands and their values");
            None
        }
    }
}

fn attack(c: &mut Context<'_>, f: &mut Fields<'_>) -> Option<Attack> {
    let kind = c.reader.choice(f, "attack", AttackKind::WORDS);
    let link = match c.reader.text(f, "on") {
        Some((text, place)) => c.links_named(text, place, &f.inner("on")).first().copied(),
        None => {
            needs(c, f, "on", true, "write the link, such as `on: backbone`");
            None
        }
    };
    let lasts = lasting(c, f);
    let rate = c.reader.number(f, "rate", 0.001, 1_000_000.0).unwrap_or(10.0);
    let path = f.inner("as");
    let pose = match c.reader.text(f, "as") {
        Some((text, place)) => c.interfaces(text, place, &path).into_iter().next(),
        None => None,
    };
    let sources = c.reader.whole(f, "sources", 1, 1_000_000).unwrap_or(1) as u32;
    let priority1 = c.reader.whole(f, "priority1", 0, 255).unwrap_or(0) as u8;
    let offset = c.reader.interval(f, "offset").unwrap_or(TimeInterval::from_nanos(1_000_000));
    let domain = c.reader.whole(f, "domain", 0, 255).map(|d| d as u8);
    let kind = AttackKind::ALL.get(kind?).copied()?;
    Some(Attack { kind, link: link?, lasts: lasts?, rate, pose, sources, priority1, offset, domain })
}
