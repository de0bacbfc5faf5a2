//! `pmc diff A B`: two clocks side by side.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;
use ptp_management::Uds;
use serde_json::{Value as Json, json};

use super::view::{Fields, View, look_at_one};
use super::{Connection, Opener, ToolError};

/// Options of `pmc diff`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// UNIX socket of one daemon; with -2, -4 or -6 the identity of one clock
    a: String,
    /// And of the other
    b: String,
    /// Show equal fields, too
    #[arg(long)]
    all: bool,
    /// Show counters and measured values, too, which are never the same
    #[arg(long)]
    counters: bool,
}

/// Sets that differ at any time.
const LIVELY: [&str; 4] = ["PORT_STATS_NP", "PORT_SERVICE_STATS_NP", "TIME_STATUS_NP", "CLOCK_STATUS_NP"];
/// Fields that do.
const MEASURED: [&str; 5] =
    ["offsetFromMaster", "meanPathDelay", "peerMeanPathDelay", "ageMs", "portIdentity"];

/// One line: where, which field, and both values.
type Row = (String, String, Option<Json>, Option<Json>);

fn rows(a: &View, b: &View, arguments: &Arguments) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut compare = |place: &str, name: &str, a: Option<&Fields>, b: Option<&Fields>| {
        if !arguments.counters && LIVELY.contains(&name) {
            return;
        }
        let keys: BTreeSet<&String> = a.into_iter().chain(b).flat_map(|f| f.keys()).collect();
        for key in keys {
            let (x, y) = (a.and_then(|f| f.get(key)), b.and_then(|f| f.get(key)));
            let lively = MEASURED.contains(&key.as_str()) || x.or(y).is_some_and(Json::is_array);
            if (arguments.counters || !lively) && (arguments.all || x != y) {
                rows.push((format!("{place}{name}"), key.clone(), x.cloned(), y.cloned()));
            }
        }
    };
    let names: BTreeSet<_> = a.clock.keys().chain(b.clock.keys()).collect();
    for name in names {
        compare("", name, a.clock.get(name), b.clock.get(name));
    }
    let ports: BTreeSet<_> = a.ports.keys().chain(b.ports.keys()).collect();
    for port in ports {
        let (x, y) = (a.ports.get(port), b.ports.get(port));
        let names: BTreeSet<_> = x.into_iter().chain(y).flat_map(|p| p.keys()).collect();
        for name in names {
            let of = |sets: Option<&std::collections::BTreeMap<&'static str, Fields>>| {
                sets.and_then(|s| s.get(name)).cloned()
            };
            compare(&format!("port {port} "), name, of(x).as_ref(), of(y).as_ref());
        }
    }
    rows
}

fn show(value: Option<&Json>) -> String {
    match value {
        None => "-".to_owned(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

pub(super) fn run(opener: &Opener<'_>, arguments: &Arguments) -> Result<u8, ToolError> {
    let look = |who: &str| -> Result<View, ToolError> {
        let mut client: Connection = opener.open_at(who)?;
        look_at_one(&mut client, opener).map_err(|e| match e {
            ToolError::Silence(_) => ToolError::Silence(who.to_owned()),
            e => e,
        })
    };
    let (a, b) = (look(&arguments.a)?, look(&arguments.b)?);
    let rows = rows(&a, &b, arguments);
    let differ = rows.iter().any(|(_, _, x, y)| x != y);
    if opener.json() {
        for (set, field, x, y) in &rows {
            println!("{}", json!({ "set": set, "field": field, "a": x, "b": y }));
        }
        return Ok(u8::from(differ));
    }
    let width = |f: &dyn Fn(&Row) -> usize, title: usize| rows.iter().map(f).max().unwrap_or(0).max(title);
    let field = width(&|r| r.1.len(), 5);
    let left = width(&|r| show(r.2.as_ref()).len(), a.identity.to_string().len());
    println!("{:field$}    {:left$}  {}", "", a.identity.to_string(), b.identity);
    let mut last = "";
    for (set, name, x, y) in &rows {
        if set != last {
            println!("{set}");
            last = set;
        }
        let mark = if x == y { ' ' } else { '*' };
        println!("{mark} {name:field$}  {:left$}  {}", show(x.as_ref()), show(y.as_ref()));
    }
    if !differ {
        println!("no difference");
    }
    Ok(u8::from(differ))
}

impl Opener<'_> {
    /// A socket's path, or over a network a clock's identity.
    fn open_at(&self, who: &str) -> Result<Connection, ToolError> {
        if self.options.over_uds() {
            let transport = Uds::connect(Path::new(who), self.options.interface.as_deref().map(Path::new))?;
            let config = self.options.client_config(self.file);
            return Ok(Connection::new(Box::new(transport), config));
        }
        let mut client = self.open()?;
        client.set_target(super::parse_target(who).map_err(ToolError::Usage)?);
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_and_is_no_measurement_is_shown() {
        let of = |class: u8, offset: f64| {
            let mut view = View::default();
            let object = |v: Json| v.as_object().cloned().expect("an object");
            view.clock.insert("DEFAULT_DATA_SET", object(json!({ "clockClass": class, "priority1": 128 })));
            view.clock.insert("CURRENT_DATA_SET", object(json!({ "offsetFromMaster": offset })));
            view
        };
        let mut arguments = Arguments { a: String::new(), b: String::new(), all: false, counters: false };
        let found = rows(&of(6, 1.0), &of(7, 2.0), &arguments);
        assert_eq!(found, [("DEFAULT_DATA_SET".into(), "clockClass".into(), Some(json!(6)), Some(json!(7)))]);
        assert!(rows(&of(6, 1.0), &of(6, 2.0), &arguments).is_empty());
        arguments.all = true;
        arguments.counters = true;
        assert_eq!(rows(&of(6, 1.0), &of(7, 2.0), &arguments).len(), 3);
    }
}
