//! The language of pmc's command line and of its standard input.

use std::fmt;
use std::str::{FromStr, SplitWhitespace};

use ptp_wire::PortIdentity;
use ptp_wire::management::{
    Action, IdInfo, ManagementId, MonitoredRecordsNp, MonitoredSlavesNp, Payload, PerformanceClockNp,
    PerformancePortNp,
};

use crate::Request;
use crate::arguments::{self, ArgumentError};
use crate::table::{self, TableRequest};

/// One line of pmc's input. Case does not matter; verbs and IDs may be cut short to what is still unique.
#[derive(Clone, Debug, PartialEq)]
pub enum Command<'a> {
    /// `GET id`, `SET id values`, `CMD id` or `COMMAND id`.
    Send(Request<'a>),
    /// `SET id entries` of a table.
    SendTable(TableRequest),
    /// `TARGET identity`, or `TARGET *` for everyone.
    Target(PortIdentity),
    /// `HELP`.
    Help,
    /// An empty line.
    Nothing,
}

/// Why a line is no command.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CommandError {
    /// No such verb, no such ID, or something is missing.
    Bad {
        /// The line.
        line: String,
    },
    /// More than one ID begins so.
    Ambiguous {
        /// What was given.
        name: String,
        /// What it can mean.
        candidates: Vec<&'static str>,
    },
    /// The ID does not define this action.
    Action {
        /// The action.
        action: Action,
        /// The row of the ID.
        info: &'static IdInfo,
    },
    /// The values do not fit.
    Values {
        /// SET or COMMAND.
        action: Action,
        /// The ID.
        id: ManagementId,
        /// How.
        error: ArgumentError,
    },
}

impl CommandError {
    /// The action and ID that were understood: linuxptp's pmc announces them before it complains.
    pub fn understood(&self) -> Option<(Action, ManagementId)> {
        match self {
            Self::Bad { .. } | Self::Ambiguous { .. } => None,
            Self::Action { action, info } => Some((*action, info.id)),
            Self::Values { action, id, .. } => Some((*action, *id)),
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad { line } => write!(f, "bad command: {line}"),
            Self::Ambiguous { name, .. } => write!(f, "id {name} is too ambiguous"),
            Self::Action { info, .. } => {
                let allowed: Vec<_> = [Action::Get, Action::Set, Action::Command]
                    .into_iter()
                    .filter(|a| info.actions.allow(*a))
                    .map(Action::name)
                    .collect();
                write!(f, "{} only allows {}", info.name, allowed.join(" or "))
            }
            Self::Values { error, .. } => error.fmt(f),
        }
    }
}

impl std::error::Error for CommandError {}

impl<'a> Command<'a> {
    /// Understands one line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: &'a str) -> Result<Self, CommandError> {
        let line = line.trim();
        let bad = || CommandError::Bad { line: line.into() };
        let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim_start();
        if verb.is_empty() {
            return Ok(Self::Nothing);
        }
        let verb = VERBS.iter().find(|(name, _)| abbreviates(verb, name)).map(|(_, verb)| verb);
        let action = match verb.ok_or_else(bad)? {
            Verb::Help => return Ok(Self::Help),
            Verb::Target => {
                return match rest.trim() {
                    "*" => Ok(Self::Target(PortIdentity::ANY)),
                    identity => identity.parse().map(Self::Target).map_err(|_| bad()),
                };
            }
            Verb::Action(action) => *action,
        };
        let (name, values) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let info = find_id(name, line)?;
        if !info.actions.allow(action) {
            return Err(CommandError::Action { action, info });
        }
        let id = info.id;
        let values_error = |error| CommandError::Values { action, id, error };
        if action == Action::Set && table::is_table(id) {
            return TableRequest::parse(id, values).map(Self::SendTable).map_err(values_error);
        }
        if action == Action::Get
            && let Some(page) = page(id, values)
        {
            return page.map(|page| Self::Send(Request::page(page))).ok_or_else(bad);
        }
        Ok(Self::Send(match action {
            Action::Get => Request { key_field: key_field(id, values).ok_or_else(bad)?, ..Request::get(id) },
            Action::Set => Request::set(arguments::payload(id, values).map_err(values_error)?),
            _ => Request::command(arguments::payload(id, values).map_err(values_error)?),
        }))
    }
}

enum Verb {
    Action(Action),
    Target,
    Help,
}

/// In the order in which an abbreviation is looked up.
const VERBS: [(&str, Verb); 6] = [
    ("GET", Verb::Action(Action::Get)),
    ("SET", Verb::Action(Action::Set)),
    ("CMD", Verb::Action(Action::Command)),
    ("COMMAND", Verb::Action(Action::Command)),
    ("TARGET", Verb::Target),
    ("HELP", Verb::Help),
];

/// The IDs in the order of their numbers, for HELP.
pub fn known_ids() -> impl Iterator<Item = &'static IdInfo> {
    ManagementId::ALL.iter()
}

fn abbreviates(short: &str, name: &str) -> bool {
    name.get(..short.len()).is_some_and(|start| start.eq_ignore_ascii_case(short))
}

/// IDs that linuxptp's pmc does not know: they must not make its abbreviations ambiguous.
const NEWCOMERS: [ManagementId; 7] = [
    ManagementId::EXTERNAL_PORT_CONFIGURATION_ENABLED,
    ManagementId::HOLDOVER_UPGRADE_ENABLE,
    ManagementId::EXT_PORT_CONFIG_PORT_DATA_SET,
    ManagementId::PERFORMANCE_CLOCK_NP,
    ManagementId::PERFORMANCE_PORT_NP,
    ManagementId::MONITORED_SLAVES_NP,
    ManagementId::MONITORED_RECORDS_NP,
];

fn find_id(name: &str, line: &str) -> Result<&'static IdInfo, CommandError> {
    if name.eq_ignore_ascii_case("NULL_PTP_MANAGEMENT") {
        return find_id("NULL_MANAGEMENT", line);
    }
    if let Some(exact) = known_ids().find(|row| row.name.eq_ignore_ascii_case(name)) {
        return Ok(exact);
    }
    let candidates: Vec<_> =
        known_ids().filter(|row| !name.is_empty() && abbreviates(name, row.name)).collect();
    let mut old = candidates.iter().filter(|row| !NEWCOMERS.contains(&row.id));
    match (candidates.as_slice(), old.next(), old.next()) {
        ([], ..) => Err(CommandError::Bad { line: line.into() }),
        ([only], ..) | (_, Some(only), None) => Ok(only),
        _ => Err(CommandError::Ambiguous {
            name: name.into(),
            candidates: candidates.iter().map(|row| row.name).collect(),
        }),
    }
}

/// `GET PERFORMANCE_CLOCK_NP 97`, `GET MONITORED_RECORDS_NP 001122.fffe.334455-1 16`: the page. The outer `None`: the ID has no
/// pages; the inner: these values name none.
fn page(id: ManagementId, values: &str) -> Option<Option<Payload<'static>>> {
    let mut words = values.split_whitespace();
    let payload = match id {
        ManagementId::PERFORMANCE_CLOCK_NP => from(&mut words)
            .map(|from| Payload::PerformanceClockNp(PerformanceClockNp { from, ..Default::default() })),
        ManagementId::PERFORMANCE_PORT_NP => from(&mut words)
            .map(|from| Payload::PerformancePortNp(PerformancePortNp { from, ..Default::default() })),
        ManagementId::MONITORED_SLAVES_NP => from(&mut words)
            .map(|from| Payload::MonitoredSlavesNp(MonitoredSlavesNp { from, ..Default::default() })),
        ManagementId::MONITORED_RECORDS_NP => {
            words.next().and_then(|slave| slave.parse().ok()).zip(from(&mut words)).map(|(slave, from)| {
                Payload::MonitoredRecordsNp(MonitoredRecordsNp { slave, from, ..Default::default() })
            })
        }
        _ => return None,
    };
    Some(payload.filter(|_| words.next().is_none()))
}

/// Where a page begins; at the first where nothing is said.
fn from<T: FromStr + Default>(words: &mut SplitWhitespace<'_>) -> Option<T> {
    words.next().map_or(Some(T::default()), |word| word.parse().ok())
}

/// `GET ALTERNATE_TIME_OFFSET_NAME 3`: the key. Values after other GETs are ignored, as linuxptp does.
fn key_field(id: ManagementId, values: &str) -> Option<u8> {
    let keyed = [
        ManagementId::ALTERNATE_TIME_OFFSET_ENABLE,
        ManagementId::ALTERNATE_TIME_OFFSET_NAME,
        ManagementId::ALTERNATE_TIME_OFFSET_PROPERTIES,
    ];
    let mut words = values.split_whitespace().skip_while(|word| word.eq_ignore_ascii_case("keyField"));
    match words.next() {
        Some(word) if keyed.contains(&id) => word.parse().ok(),
        _ => Some(0),
    }
}
