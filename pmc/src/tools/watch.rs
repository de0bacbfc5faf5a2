//! `pmc watch`: every change as it happens, after the present state.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use ptp_daemon::Signals;
use ptp_management::Request;
use ptp_wire::management::{EventMask, ManagementId, NotifyEvent, Payload, SubscribeEventsNp};
use serde_json::{Value as Json, json};

use super::view::{View, look_at_one};
use super::{Connection, Opener, ToolError};

/// Options of `pmc watch`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Seconds between looks at what no notification tells
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    interval: f64,
    /// Tell every measured offset, too
    #[arg(long)]
    offsets: bool,
    /// Tell what the daemon tells by itself at this socket, its `events.socket`, instead of asking
    #[arg(long, value_name = "SOCKET", conflicts_with = "offsets")]
    events: Option<PathBuf>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    duration: Option<f64>,
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let n: f64 = text.parse().map_err(|_| "must be a number of seconds".to_owned())?;
    if (0.05..=86_400.0).contains(&n) { Ok(n) } else { Err("must be 0.05 to 86400".to_owned()) }
}

/// A subscription lasts so long, and is renewed at a third of it.
const SUBSCRIPTION: u16 = 60;

/// Fields whose changes are told, of the clock.
const CLOCK: [(ManagementId, &[&str]); 6] = [
    (
        ManagementId::DEFAULT_DATA_SET,
        &[
            "clockClass",
            "clockAccuracy",
            "offsetScaledLogVariance",
            "priority1",
            "priority2",
            "domainNumber",
            "numberPorts",
        ],
    ),
    (ManagementId::CURRENT_DATA_SET, &["stepsRemoved"]),
    (
        ManagementId::PARENT_DATA_SET,
        &[
            "parentPortIdentity",
            "grandmasterIdentity",
            "grandmasterClockClass",
            "grandmasterClockAccuracy",
            "grandmasterOffsetScaledLogVariance",
            "grandmasterPriority1",
            "grandmasterPriority2",
        ],
    ),
    (
        ManagementId::TIME_PROPERTIES_DATA_SET,
        &[
            "currentUtcOffset",
            "currentUtcOffsetValid",
            "leap61",
            "leap59",
            "ptpTimescale",
            "timeTraceable",
            "frequencyTraceable",
            "timeSource",
        ],
    ),
    (ManagementId::TIME_STATUS_NP, &["gmPresent", "gmTimeBaseIndicator"]),
    (ManagementId::CLOCK_STATUS_NP, &["clockState"]),
];

/// Of a port.
const PORT: [(ManagementId, &[&str]); 3] = [
    (ManagementId::PORT_DATA_SET, &["portState", "delayMechanism", "logSyncInterval", "logAnnounceInterval"]),
    (ManagementId::PORT_DATA_SET_NP, &["asCapable"]),
    (ManagementId::PORT_PROPERTIES_NP, &["timestamping", "interface"]),
];

/// One thing to tell.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    port: Option<u16>,
    field: String,
    from: Option<Json>,
    to: Json,
}

/// What is different; everything, where there was nothing before.
fn changes(before: Option<&View>, now: &View) -> Vec<Change> {
    let mut all = Vec::new();
    let mut compare = |port, field: &str, from: Option<&Json>, to: Option<&Json>| {
        if let Some(to) = to.filter(|to| from != Some(*to)) {
            all.push(Change { port, field: field.to_owned(), from: from.cloned(), to: to.clone() });
        }
    };
    for (set, fields) in CLOCK {
        for field in fields {
            compare(None, field, before.and_then(|b| b.get(set, field)), now.get(set, field));
        }
    }
    for &port in now.ports.keys() {
        for (set, fields) in PORT {
            for field in fields {
                let from = before.and_then(|b| b.of_port(port, set, field));
                compare(Some(port), field, from, now.of_port(port, set, field));
            }
        }
        let rows = |view: &View| {
            let rows =
                view.of_port(port, ManagementId::UNICAST_MASTER_TABLE_NP, "masters").and_then(Json::as_array);
            rows.cloned().unwrap_or_default()
        };
        let old = before.map(&rows).unwrap_or_default();
        for row in rows(now) {
            let name = format!("unicast {}", row.get("address").and_then(Json::as_str).unwrap_or("?"));
            let from =
                old.iter().find(|o| o.get("address") == row.get("address")).and_then(|o| o.get("state"));
            compare(Some(port), &name, from, row.get("state"));
        }
    }
    all
}

/// Its counters went back: another process answers than before.
fn restarted(before: &View, now: &View) -> bool {
    let sum = |view: &View| -> f64 {
        let stats = |set: &std::collections::BTreeMap<&str, super::view::Fields>| {
            set.get("PORT_STATS_NP").map(|f| f.values().filter_map(Json::as_f64).sum::<f64>()).unwrap_or(0.0)
        };
        view.ports.values().map(stats).sum()
    };
    before.identity == now.identity && sum(now) < sum(before)
}

fn show(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Where lines go.
struct Teller {
    json: bool,
    clock: String,
}

impl Teller {
    fn line(&self, kind: &str, text: &str, mut object: Json) -> std::io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut out = std::io::stdout();
        if self.json {
            if let Some(object) = object.as_object_mut() {
                object.insert("time".into(), json!(format!("{}.{:06}", now.as_secs(), now.subsec_micros())));
                object.insert("event".into(), kind.into());
                object.insert("clock".into(), self.clock.clone().into());
            }
            writeln!(out, "{object}")?;
        } else {
            let of_day = now.as_secs() % 86_400;
            let (h, m, s) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
            writeln!(out, "{h:02}:{m:02}:{s:02}.{:03} UTC  {text}", now.subsec_millis())?;
        }
        out.flush()
    }

    fn change(&self, view: &View, change: &Change, snapshot: bool) -> std::io::Result<()> {
        let place = change.port.map_or_else(String::new, |p| format!("port {} ", view.port_name(p)));
        let to = show(&change.to);
        let text = match &change.from {
            Some(from) => format!("{place}{}: {} -> {to}", change.field, show(from)),
            None => format!("{place}{} is {to}", change.field),
        };
        let kind = if snapshot { "snapshot" } else { "change" };
        let object =
            json!({ "port": change.port, "field": change.field, "from": change.from, "to": change.to });
        self.line(kind, &text, object)
    }
}

fn subscribe(client: &mut Connection, offsets: bool) -> Result<(), ToolError> {
    let events = EventMask::NONE
        .with(NotifyEvent::PortState, true)
        .with(NotifyEvent::ParentDataSet, true)
        .with(NotifyEvent::TimeSync, offsets);
    let payload = Payload::SubscribeEventsNp(SubscribeEventsNp { duration: SUBSCRIPTION, events });
    client.send(&Request::set(payload))?;
    Ok(())
}

pub(super) fn run(opener: &Opener<'_>, arguments: &Arguments, signals: Signals) -> Result<u8, ToolError> {
    let mut teller = Teller { json: opener.json(), clock: String::new() };
    let interval = Duration::from_secs_f64(arguments.interval);
    let end = arguments.duration.map(|d| Instant::now() + Duration::from_secs_f64(d));
    let over = || signals.stop() || end.is_some_and(|end| Instant::now() >= end);
    if let Some(path) = &arguments.events {
        return super::events::run(path, opener.json(), &over, signals);
    }
    let mut before: Option<View> = None;
    let mut silent = false;
    let mut first = true;
    while !over() {
        match session(opener, arguments, &mut teller, &mut before, &mut silent, &over) {
            Ok(()) => break,
            // The first time it is an error; later the daemon is only away, and will come back.
            Err(e @ (ToolError::Usage(_) | ToolError::Io(_))) => return Err(e),
            Err(e) if first && before.is_none() => return Err(e),
            Err(e) => {
                if !std::mem::replace(&mut silent, true) {
                    teller.line("silence", &format!("no answer: {e}"), json!({ "text": e.to_string() }))?;
                }
                let until = Instant::now() + interval;
                while !over() && Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
        first = false;
    }
    Ok(u8::from(silent) * super::EXIT_NO_REPLY)
}

/// One connection: until it breaks or the time is over.
fn session(
    opener: &Opener<'_>,
    arguments: &Arguments,
    teller: &mut Teller,
    before: &mut Option<View>,
    silent: &mut bool,
    over: &dyn Fn() -> bool,
) -> Result<(), ToolError> {
    let interval = Duration::from_secs_f64(arguments.interval);
    let mut client = opener.open()?;
    let mut looker = opener.open()?;
    let mut renew = Instant::now();
    while !over() {
        if Instant::now() >= renew {
            subscribe(&mut client, arguments.offsets)?;
            renew = Instant::now() + Duration::from_secs(u64::from(SUBSCRIPTION) / 3);
        }
        let view = look_at_one(&mut looker, opener)?;
        teller.clock = view.identity.to_string();
        let back = std::mem::replace(silent, false);
        if before.as_ref().is_some_and(|b| b.identity != view.identity) {
            *before = None;
        }
        if back || before.as_ref().is_some_and(|b| restarted(b, &view)) {
            teller.line("back", "the daemon answers again", json!({}))?;
            // It forgot us with everything else.
            subscribe(&mut client, arguments.offsets)?;
        }
        let snapshot = before.is_none();
        if snapshot {
            teller.line("clock", &format!("clock {}", view.identity), json!({}))?;
        }
        for change in changes(before.as_ref(), &view) {
            teller.change(&view, &change, snapshot)?;
        }
        *before = Some(view);
        // A notification is the sign to look again, at once.
        let until = Instant::now() + interval;
        while !over() {
            let left = until.saturating_duration_since(Instant::now()).min(Duration::from_millis(200));
            let Some(reply) = client.wait(left)? else {
                if Instant::now() >= until {
                    break;
                }
                continue;
            };
            match reply.payload() {
                Ok(Payload::TimeStatusNp(status)) if arguments.offsets => {
                    let offset = status.master_offset;
                    let text = format!("offset {offset:+} ns");
                    teller.line(
                        "offset",
                        &text,
                        json!({ "offset": offset, "ingress": status.ingress_time }),
                    )?;
                }
                Ok(Payload::SubscribeEventsNp(_)) | Err(_) => {}
                _ => break,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(state: &str, class: u8) -> View {
        let mut view = View::default();
        let object = |v: Json| v.as_object().cloned().expect("an object");
        view.clock.insert("PARENT_DATA_SET", object(json!({ "grandmasterClockClass": class })));
        view.ports.entry(1).or_default().insert("PORT_DATA_SET", object(json!({ "portState": state })));
        view
    }

    #[test]
    fn first_everything_then_what_changes() {
        assert_eq!(changes(None, &view("SLAVE", 6)).len(), 2);
        assert!(changes(Some(&view("SLAVE", 6)), &view("SLAVE", 6)).is_empty());
        let found = changes(Some(&view("SLAVE", 6)), &view("MASTER", 6));
        let expected = Change {
            port: Some(1),
            field: "portState".into(),
            from: Some(json!("SLAVE")),
            to: json!("MASTER"),
        };
        assert_eq!(found, [expected]);
        assert_eq!(changes(Some(&view("SLAVE", 6)), &view("SLAVE", 7)).len(), 1);
    }

    #[test]
    fn intervals_are_sensible() {
        assert!(seconds("1").is_ok() && seconds("0.05").is_ok());
        for bad in ["0", "-1", "nan", "1e9", "x"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
