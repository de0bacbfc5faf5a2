//! Everything a clock tells of itself, asked at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ptp_management::{ClientError, Reply, Request, json};
use ptp_wire::management::ManagementId;
use ptp_wire::{ClockIdentity, PortIdentity};
use serde_json::{Map, Value as Json};

use super::{Connection, Opener, ToolError};

/// Asked of the clock.
const CLOCK: [ManagementId; 9] = [
    ManagementId::DEFAULT_DATA_SET,
    ManagementId::CURRENT_DATA_SET,
    ManagementId::PARENT_DATA_SET,
    ManagementId::TIME_PROPERTIES_DATA_SET,
    ManagementId::TIME_STATUS_NP,
    ManagementId::CLOCK_STATUS_NP,
    ManagementId::GRANDMASTER_SETTINGS_NP,
    ManagementId::USER_DESCRIPTION,
    ManagementId::PATH_TRACE_LIST,
];

/// Asked of every port.
const PORT: [ManagementId; 7] = [
    ManagementId::PORT_DATA_SET,
    ManagementId::PORT_DATA_SET_NP,
    ManagementId::PORT_PROPERTIES_NP,
    ManagementId::PORT_STATS_NP,
    ManagementId::PORT_SERVICE_STATS_NP,
    ManagementId::UNICAST_MASTER_TABLE_NP,
    ManagementId::FOREIGN_MASTERS_NP,
];

/// Fields of one management ID, by their JSON names.
pub(super) type Fields = Map<String, Json>;

/// One clock at one moment. What it refused to tell is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct View {
    pub(super) identity: ClockIdentity,
    pub(super) clock: BTreeMap<&'static str, Fields>,
    pub(super) ports: BTreeMap<u16, BTreeMap<&'static str, Fields>>,
}

impl View {
    /// A field of the clock.
    pub(super) fn get(&self, set: ManagementId, field: &str) -> Option<&Json> {
        self.clock.get(set.name()?)?.get(field)
    }

    /// A field of a port.
    pub(super) fn of_port(&self, port: u16, set: ManagementId, field: &str) -> Option<&Json> {
        self.ports.get(&port)?.get(set.name()?)?.get(field)
    }

    pub(super) fn text(&self, set: ManagementId, field: &str) -> &str {
        self.get(set, field).and_then(Json::as_str).unwrap_or("?")
    }

    pub(super) fn number(&self, set: ManagementId, field: &str) -> Option<f64> {
        self.get(set, field).and_then(Json::as_f64)
    }

    pub(super) fn port_text(&self, port: u16, set: ManagementId, field: &str) -> &str {
        self.of_port(port, set, field).and_then(Json::as_str).unwrap_or("?")
    }

    pub(super) fn state(&self, port: u16) -> &str {
        self.port_text(port, ManagementId::PORT_DATA_SET, "portState")
    }

    /// `1 (eth0)`, or `1` where the interface is not told.
    pub(super) fn port_name(&self, port: u16) -> String {
        match self.of_port(port, ManagementId::PORT_PROPERTIES_NP, "interface").and_then(Json::as_str) {
            Some(interface) => format!("{port} ({interface})"),
            None => port.to_string(),
        }
    }

    /// It is grandmaster itself.
    pub(super) fn is_grandmaster(&self) -> bool {
        self.text(ManagementId::PARENT_DATA_SET, "grandmasterIdentity") == self.identity.to_string()
    }

    fn take(&mut self, reply: &Reply) {
        let source = reply.header().source_port_identity;
        let Some(name) = reply.id().name() else { return };
        let mut object = json::reply(reply);
        let Some(Json::Object(data)) = object.get_mut("data").map(Json::take) else { return };
        self.identity = source.clock_identity;
        if PORT.contains(&reply.id()) {
            self.ports.entry(source.port_number.0).or_default().insert(name, data);
        } else {
            self.clock.insert(name, data);
        }
    }
}

/// Questions that are out, and what came of them.
#[derive(Default)]
struct Asked {
    /// sequenceId, whether every port answers, answers, and whether one of them was an error.
    questions: Vec<(u16, bool, usize, bool)>,
    views: BTreeMap<ClockIdentity, View>,
}

impl Asked {
    fn take(&mut self, reply: &Reply) {
        let sequence_id = reply.header().sequence_id;
        let Some(question) = self.questions.iter_mut().find(|q| q.0 == sequence_id) else { return };
        question.2 += 1;
        question.3 |= reply.error().is_some();
        self.views.entry(reply.header().source_port_identity.clock_identity).or_default().take(reply);
    }

    /// One clock was asked, and has said all it has to say.
    fn is_complete(&self) -> bool {
        let mut views = self.views.values();
        let (Some(view), None) = (views.next(), views.next()) else { return false };
        let ports = view.number(ManagementId::DEFAULT_DATA_SET, "numberPorts").unwrap_or(f64::MAX) as usize;
        self.questions
            .iter()
            .all(|(_, by_port, answers, error)| *answers >= if *by_port && !error { ports } else { 1 })
    }
}

/// Asks everything of whoever answers; gives each clock that did. `alone`: there is one clock only, so that nothing is
/// waited for once it has answered.
pub(super) fn look(client: &mut Connection, window: Duration, alone: bool) -> Result<Vec<View>, ClientError> {
    let start = Instant::now();
    let mut asked = Asked::default();
    for id in CLOCK.into_iter().chain(PORT) {
        loop {
            match client.send(&Request::get(id)) {
                Ok(sequence_id) => {
                    asked.questions.push((sequence_id, PORT.contains(&id), 0, false));
                    break;
                }
                // A queue holds few: answers are taken off before more is asked.
                Err(ClientError::Busy) if start.elapsed() < Duration::from_secs(2) => {
                    if let Some(reply) = client.wait(Duration::from_millis(5))? {
                        asked.take(&reply);
                    }
                }
                Err(e) => return Err(e),
            }
        }
        while let Some(reply) = client.wait(Duration::ZERO)? {
            asked.take(&reply);
        }
    }
    while !(alone && asked.is_complete()) && start.elapsed() < Duration::from_secs(10) {
        let Some(reply) = client.wait(window)? else { break };
        asked.take(&reply);
    }
    Ok(asked.views.into_values().collect())
}

/// The one clock that the options name, over an open connection.
pub(super) fn look_at_one(client: &mut Connection, opener: &Opener<'_>) -> Result<View, ToolError> {
    let mut views = look(client, opener.window(), opener.alone())?;
    match views.len() {
        0 if client.refused().total() > 0 => {
            Err(ToolError::NotAuthentic(opener.options.not_authentic(&opener.whom(), client.refused())))
        }
        0 => Err(ToolError::Silence(opener.whom())),
        1 => Ok(views.remove(0)),
        n => {
            let all: Vec<_> = views.iter().map(|v| v.identity.to_string()).collect();
            Err(ToolError::Usage(format!("{n} clocks answered ({}): ask one with --target", all.join(", "))))
        }
    }
}

/// One clock, over a connection of its own.
pub(super) fn one(opener: &Opener<'_>) -> Result<View, ToolError> {
    look_at_one(&mut opener.open()?, opener)
}

/// `001122.fffe.334455`, or with a port `001122.fffe.334455-1`.
pub(crate) fn parse_target(text: &str) -> Result<PortIdentity, String> {
    let wrong = || format!("`{text}` is not an identity such as 001122.fffe.334455");
    if let Ok(port) = text.parse::<PortIdentity>() {
        return Ok(port);
    }
    text.parse::<ClockIdentity>().map(|clock| PortIdentity::new(clock, 0xffff)).map_err(|_| wrong())
}
