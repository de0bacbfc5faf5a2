//! `pmc check`: assertions about a clock, answered as monitoring plugins do.

use clap::Args;
use ptp_wire::management::ManagementId;
use serde_json::{Value as Json, json};

use super::view::{self, View};
use super::{Opener, ToolError};

/// All hold.
const OK: u8 = 0;
/// One of `--warn` does not hold.
const WARNING: u8 = 1;
/// An assertion does not hold.
const CRITICAL: u8 = 2;

const AFTER_HELP: &str = "\
An assertion is a name, one of == != < <= > >=, and a value without spaces: a number, with ns, us, ms or s
where it is a time; a hexadecimal number; a word such as SLAVE, true or an identity.

Names are the fields that pmc prints (clockClass, stepsRemoved, currentUtcOffsetValid, grandmasterIdentity, ...),
and for short
  offset   the absolute offsetFromMaster       delay   meanPathDelay
  state    portState                           gm      grandmasterIdentity
Of ports: port2.portState is port 2's; all.portState every port's; without either, one port is enough.

Exit status: 0 everything holds, 1 only a --warn assertion does not, 2 an assertion does not,
3 nobody answered or a field is not told.";

/// Options of `pmc check`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Assertions, such as 'clockClass==6' 'stepsRemoved<=3' 'offset<100ns'
    #[arg(required_unless_present = "warn", value_name = "ASSERTION")]
    assertions: Vec<String>,
    /// Assertions that only warn
    #[arg(long, value_name = "ASSERTION")]
    warn: Vec<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Longer signs first.
const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::More),
];

#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Number(f64),
    Word(String),
}

/// Which ports a name means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ports {
    Any,
    All,
    One(u16),
}

#[derive(Clone, Debug, PartialEq)]
struct Assertion {
    text: String,
    name: String,
    ports: Ports,
    operator: Operator,
    wanted: Wanted,
}

/// What came of one.
#[derive(Clone, Debug, PartialEq)]
struct Finding {
    text: String,
    /// What was found, for the line.
    is: String,
    /// As a number, for the performance data.
    number: Option<f64>,
    holds: Option<bool>,
}

impl Assertion {
    fn parse(text: &str) -> Result<Self, ToolError> {
        let wrong = |why: &str| ToolError::Usage(format!("`{text}` is no assertion: {why}"));
        let at = text.find(['=', '!', '<', '>']).ok_or_else(|| wrong("it has none of == != < <= > >="))?;
        let (name, rest) = text.split_at(at);
        let (sign, operator) = OPERATORS
            .into_iter()
            .find(|(sign, _)| rest.starts_with(sign))
            .ok_or_else(|| wrong("the operator is one of == != < <= > >="))?;
        let value = rest.get(sign.len()..).unwrap_or_default().trim();
        let name = name.trim();
        if name.is_empty() || value.is_empty() {
            return Err(wrong("a name, an operator and a value are needed"));
        }
        let (ports, name) = match name.split_once('.') {
            // gm.ClockClass is a field of linuxptp's text.
            None | Some(("gm", _)) => (Ports::Any, name),
            Some(("all", name)) => (Ports::All, name),
            Some((port, name)) => {
                let number = port.strip_prefix("port").and_then(|n| n.parse().ok());
                (
                    Ports::One(
                        number.ok_or_else(|| wrong("before the point stands all or port and a number"))?,
                    ),
                    name,
                )
            }
        };
        let name = match name {
            "state" => "portState",
            "gm" => "grandmasterIdentity",
            "delay" => "meanPathDelay",
            "gm.ClockClass" => "grandmasterClockClass",
            "gm.ClockAccuracy" => "grandmasterClockAccuracy",
            "gm.OffsetScaledLogVariance" => "grandmasterOffsetScaledLogVariance",
            name => name,
        };
        let wanted = number(value).map_or_else(|| Wanted::Word(value.to_owned()), Wanted::Number);
        if matches!(wanted, Wanted::Word(_)) && !matches!(operator, Operator::Equal | Operator::Unequal) {
            return Err(wrong("a word can only be compared by == and !="));
        }
        Ok(Self { text: text.to_owned(), name: name.to_owned(), ports, operator, wanted })
    }

    fn judge(&self, view: &View) -> Finding {
        let found = self.find(view);
        let holds: Vec<Option<bool>> = found.iter().map(|v| self.compare(v)).collect();
        let holds = match self.ports {
            _ if holds.is_empty() || holds.contains(&None) => None,
            Ports::Any => Some(holds.contains(&Some(true))),
            Ports::All | Ports::One(_) => Some(!holds.contains(&Some(false))),
        };
        let shown: Vec<_> = found.iter().map(show).collect();
        let is = if found.is_empty() { "not told".to_owned() } else { shown.join(",") };
        let number = match found.as_slice() {
            [one] => one.as_f64(),
            _ => None,
        };
        Finding { text: self.text.clone(), is, number, holds }
    }

    fn find(&self, view: &View) -> Vec<Json> {
        if self.name == "offset" {
            let offset = view.number(ManagementId::CURRENT_DATA_SET, "offsetFromMaster");
            return offset.map(|o| json!(o.abs())).into_iter().collect();
        }
        if self.ports == Ports::Any
            && let Some(value) = view.clock.values().find_map(|fields| fields.get(&self.name))
        {
            return vec![value.clone()];
        }
        view.ports
            .iter()
            .filter(|(port, _)| !matches!(self.ports, Ports::One(n) if n != **port))
            .filter_map(|(_, sets)| sets.values().find_map(|fields| fields.get(&self.name)).cloned())
            .collect()
    }

    /// `None`: what was found is of another kind.
    fn compare(&self, found: &Json) -> Option<bool> {
        match &self.wanted {
            Wanted::Number(wanted) => {
                let found = found.as_f64().or_else(|| found.as_bool().map(|b| f64::from(u8::from(b))))?;
                Some(match self.operator {
                    Operator::Equal => found == *wanted,
                    Operator::Unequal => found != *wanted,
                    Operator::Less => found < *wanted,
                    Operator::AtMost => found <= *wanted,
                    Operator::More => found > *wanted,
                    Operator::AtLeast => found >= *wanted,
                })
            }
            Wanted::Word(wanted) => {
                let found = match found {
                    Json::String(text) => text.clone(),
                    Json::Bool(on) => on.to_string(),
                    _ => return None,
                };
                Some(found.eq_ignore_ascii_case(wanted) == (self.operator == Operator::Equal))
            }
        }
    }
}

/// A decimal or hexadecimal number; of a time, in ns.
fn number(text: &str) -> Option<f64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(|n| n as f64);
    }
    let (digits, factor) = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)]
        .into_iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit).map(|digits| (digits, factor)))
        .unwrap_or((text, 1.0));
    let n: f64 = digits.trim().parse().ok()?;
    n.is_finite().then_some(n * factor)
}

fn show(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// One line: the verdict, what was found, and the numbers for graphs.
fn report(critical: &[Finding], warning: &[Finding]) -> (u8, String) {
    let missing = |all: &[Finding]| all.iter().any(|f| f.holds.is_none());
    let broken = |all: &[Finding]| all.iter().any(|f| f.holds == Some(false));
    let (status, word) = if broken(critical) {
        (CRITICAL, "CRITICAL")
    } else if missing(critical) || missing(warning) {
        (super::EXIT_NO_REPLY, "UNKNOWN")
    } else if broken(warning) {
        (WARNING, "WARNING")
    } else {
        (OK, "OK")
    };
    let mut parts = Vec::new();
    for f in critical.iter().chain(warning) {
        parts.push(match f.holds {
            Some(true) => format!("{} (is {})", f.text, f.is),
            Some(false) => format!("{} does not hold (is {})", f.text, f.is),
            None => format!("{} cannot be told: {}", f.text, f.is),
        });
    }
    // What does not hold comes first: a pager shows the beginning.
    parts.sort_by_key(|p| !(p.contains("does not hold") || p.contains("cannot be told")));
    let graph: Vec<_> = critical
        .iter()
        .chain(warning)
        .filter_map(|f| {
            let name = f.text.split(['=', '!', '<', '>']).next().unwrap_or_default().trim();
            f.number.map(|n| format!("{name}={n}"))
        })
        .collect();
    let graph = if graph.is_empty() { String::new() } else { format!(" | {}", graph.join(" ")) };
    (status, format!("PTP {word} - {}{graph}", parts.join("; ")))
}

pub(super) fn run(opener: &Opener<'_>, arguments: &Arguments) -> Result<u8, ToolError> {
    let parse = |all: &[String]| all.iter().map(|t| Assertion::parse(t)).collect::<Result<Vec<_>, _>>();
    // Whoever watches takes 2 for an alarm: a question without sense is not one.
    let asked = || Ok((parse(&arguments.assertions)?, parse(&arguments.warn)?, view::one(opener)?));
    let (critical, warning, view) = match asked() {
        Ok(asked) => asked,
        Err(e @ ToolError::Io(_)) => return Err(e),
        Err(e) => {
            println!("PTP UNKNOWN - {e}");
            return Ok(super::EXIT_NO_REPLY);
        }
    };
    let judge = |all: &[Assertion]| all.iter().map(|a| a.judge(&view)).collect::<Vec<_>>();
    let (critical, warning) = (judge(&critical), judge(&warning));
    let (status, line) = report(&critical, &warning);
    if opener.json() {
        let list = |all: &[Finding], level: &str| {
            all.iter()
                .map(|f| json!({ "assertion": f.text, "level": level, "is": f.is, "holds": f.holds }))
                .collect::<Vec<_>>()
        };
        let all = [list(&critical, "critical"), list(&warning, "warning")].concat();
        println!("{}", json!({ "status": status, "clock": view.identity.to_string(), "assertions": all }));
    } else {
        println!("{line}");
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        let mut view = View::default();
        let object = |v: Json| v.as_object().cloned().expect("an object");
        view.clock.insert("DEFAULT_DATA_SET", object(json!({ "clockClass": 248, "clockAccuracy": 0xfe })));
        view.clock.insert(
            "CURRENT_DATA_SET",
            object(json!({ "stepsRemoved": 1, "offsetFromMaster": -95.5, "meanPathDelay": 2368.0 })),
        );
        view.clock.insert("TIME_PROPERTIES_DATA_SET", object(json!({ "timeTraceable": true })));
        for (port, state) in [(1, "SLAVE"), (2, "MASTER")] {
            let fields = object(json!({ "portState": state, "logSyncInterval": -3 }));
            view.ports.entry(port).or_default().insert("PORT_DATA_SET", fields);
        }
        view
    }

    fn judge(text: &str) -> Option<bool> {
        Assertion::parse(text).expect(text).judge(&view()).holds
    }

    #[test]
    fn what_holds_and_what_does_not() {
        for yes in [
            "clockClass==248",
            "clockAccuracy<=0xfe",
            "offset<100ns",
            "offset<=95.5",
            "offsetFromMaster<0",
            "delay<3us",
            "delay>=2.368us",
            "timeTraceable==true",
            "timeTraceable==1",
            "portState==SLAVE",
            "state==master",
            "port2.state==MASTER",
            "all.logSyncInterval==-3",
            "all.state!=FAULTY",
            "stepsRemoved <= 3",
        ] {
            assert_eq!(judge(yes), Some(true), "{yes}");
        }
        for no in [
            "clockClass==6",
            "offset<10ns",
            "port1.state==MASTER",
            "all.state==SLAVE",
            "timeTraceable==false",
        ] {
            assert_eq!(judge(no), Some(false), "{no}");
        }
        for unknown in ["wrong==1", "port7.state==SLAVE", "stepsRemoved==SLAVE", "portState==9"] {
            assert_eq!(judge(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn what_is_no_assertion_is_refused() {
        for text in [
            "",
            "clockClass",
            "==6",
            "clockClass=6",
            "clockClass==",
            "portx.state==SLAVE",
            "state<SLAVE",
            "a!b",
        ] {
            assert!(Assertion::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_worst_decides_the_status_and_comes_first() {
        let judge = |all: &[&str]| {
            all.iter().map(|t| Assertion::parse(t).expect(t).judge(&view())).collect::<Vec<_>>()
        };
        let ok = judge(&["stepsRemoved<=3", "offset<100ns"]);
        assert_eq!(
            report(&ok, &[]),
            (
                0,
                "PTP OK - stepsRemoved<=3 (is 1); offset<100ns (is 95.5) | stepsRemoved=1 offset=95.5".into()
            )
        );
        assert_eq!(report(&ok, &judge(&["offset<10ns"])).0, 1);
        assert_eq!(report(&ok, &judge(&["wrong==1"])).0, 3);
        let (status, line) = report(&judge(&["stepsRemoved<=3", "clockClass==6", "wrong==1"]), &[]);
        assert_eq!(status, 2);
        assert!(
            line.starts_with("PTP CRITICAL - clockClass==6 does not hold (is 248); wrong==1 cannot"),
            "{line}"
        );
    }
}
