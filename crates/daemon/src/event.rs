//! What happened, for people and for programs: the one form of all events of all daemons.

use std::fmt::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::json::Escaped;
use crate::monotonic_now;

/// Version of [`Event::write_json`]'s schema (docs/event.schema.json). It changes when a member changes its meaning or goes
/// away, not when one is added.
pub const EVENT_VERSION: u32 = 1;

/// The kinds of events that there are, in [`Event::kind`].
pub mod kind {
    /// A port's state (`portDS.portState`). Subject: the port.
    pub const PORT_STATE: &str = "port-state";
    /// The parent (`parentDS.parentPortIdentity`).
    pub const PARENT: &str = "parent";
    /// The grandmaster (`parentDS.grandmasterIdentity`).
    pub const GRANDMASTER: &str = "grandmaster";
    /// The clockClass that this clock has itself (`defaultDS.clockQuality`).
    pub const CLOCK_CLASS: &str = "clock-class";
    /// currentUtcOffset, leap flags and traceability (`timePropertiesDS`).
    pub const TIME_PROPERTIES: &str = "time-properties";
    /// What the servo makes of its source: free, tracking. Subject: the clock.
    pub const SERVO: &str = "servo";
    /// Holdover begins, changes its class, or ends.
    pub const HOLDOVER: &str = "holdover";
    /// Which source is followed, and why. Subject: the clock that follows.
    pub const SOURCE: &str = "source";
    /// Something is wrong, or is right again (`active`). Subject: what is.
    pub const ALARM: &str = "alarm";
    /// Messages whose authentication failed. At most one a while and port, with the count. Subject: the port.
    pub const AUTHENTICATION: &str = "authentication";
    /// Unicast service was granted, refused or cancelled. Subject: the port.
    pub const UNICAST: &str = "unicast";
    /// Something was noticed that changes no state.
    pub const NOTE: &str = "note";
    /// Settings were changed, by a reload or by a client.
    pub const CONFIGURATION: &str = "configuration";
    /// The first line that a subscriber hears: so many state events (`states`) follow, and then what happens.
    pub const SNAPSHOT: &str = "snapshot";
    /// The daemon began or ends.
    pub const LIFE: &str = "life";
}

/// How much it matters. The numbers are syslog's (RFC 5424, 6.2.1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Something does not work.
    Error = 3,
    /// Something needs somebody's attention.
    Warning = 4,
    /// Normal, and matters.
    Notice = 5,
    /// Normal.
    Info = 6,
    /// For those who look for a mistake.
    Debug = 7,
}

impl Severity {
    /// As it is written in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value of a field. Times are in ns, unless the field's name says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// It is not known, or there is none: null.
    None,
    /// True or false.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A number; what is not finite is null in JSON.
    Real(f64),
    /// A text.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Flag(v) => v.fmt(f),
            Self::Integer(v) => v.fmt(f),
            Self::Real(v) => v.fmt(f),
            Self::Text(v) => v.fmt(f),
        }
    }
}

macro_rules! value_from {
    ($($type:ty => |$v:ident| $value:expr;)*) => {
        $(impl From<$type> for Value {
            fn from($v: $type) -> Self {
                $value
            }
        })*
    };
}

value_from! {
    bool => |v| Self::Flag(v);
    u8 => |v| Self::Integer(v.into());
    u16 => |v| Self::Integer(v.into());
    u32 => |v| Self::Integer(v.into());
    u64 => |v| Self::Integer(i64::try_from(v).unwrap_or(i64::MAX));
    i8 => |v| Self::Integer(v.into());
    i16 => |v| Self::Integer(v.into());
    i32 => |v| Self::Integer(v.into());
    i64 => |v| Self::Integer(v);
    f64 => |v| Self::Real(v);
    &str => |v| Self::Text(v.to_owned());
    String => |v| Self::Text(v);
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

/// Something that happened, or a state that something is in.
///
/// ```
/// use ptp_daemon::{Event, Severity, kind};
///
/// let event = Event::state("ptpd", kind::PORT_STATE, "port 1")
///     .severity(Severity::Notice)
///     .message("port 1 (eth0) is SLAVE")
///     .field("port", 1)
///     .field("state", "SLAVE");
/// let line = event.json();
/// assert!(line.contains(r#""kind":"port-state","subject":"port 1","state":true,"#));
/// assert!(line.ends_with(r#""fields":{"port":1,"state":"SLAVE"}}"#));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Which run of the daemon: differs after a restart. Set by the bus.
    pub run: u64,
    /// Counts the events of this run, from 1, without gaps. Set by the bus.
    pub sequence: u64,
    /// When, by the system clock: ns since 1970 in UTC. May step with that clock.
    pub time_ns: u64,
    /// When, in ns of CLOCK_MONOTONIC: never steps.
    pub monotonic_ns: u64,
    /// The program.
    pub daemon: &'static str,
    /// Its instance, where it does the work of several; otherwise empty.
    pub instance: String,
    /// One of [`kind`].
    pub kind: &'static str,
    /// What it is about, of several things of this kind (`port 1`, `phc0`); empty where there is one.
    pub subject: String,
    /// It says what state the subject is in from now on. The last of each kind and subject make the snapshot.
    pub is_state: bool,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence for people.
    pub message: String,
    /// The same for programs, in a fixed order.
    pub fields: Vec<(&'static str, Value)>,
}

impl Event {
    /// Something happened now.
    pub fn new(daemon: &'static str, kind: &'static str, subject: impl Into<String>) -> Self {
        Self {
            run: 0,
            sequence: 0,
            time_ns: utc_now(),
            monotonic_ns: monotonic_now(),
            daemon,
            instance: String::new(),
            kind,
            subject: subject.into(),
            is_state: false,
            severity: Severity::Info,
            message: String::new(),
            fields: Vec::new(),
        }
    }

    /// Something is in this state from now on.
    pub fn state(daemon: &'static str, kind: &'static str, subject: impl Into<String>) -> Self {
        Self { is_state: true, ..Self::new(daemon, kind, subject) }
    }

    /// Of this instance.
    #[must_use]
    pub fn instance(mut self, name: &str) -> Self {
        name.clone_into(&mut self.instance);
        self
    }

    /// How much it matters.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// One sentence for people.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// One more field, in snake_case.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// Whether both are about the same: then the later one takes the place of the earlier one.
    pub fn same_subject(&self, other: &Self) -> bool {
        self.kind == other.kind && self.subject == other.subject && self.instance == other.instance
    }

    /// Its JSON object, in one line without the end of line.
    pub fn json(&self) -> String {
        let mut line = String::with_capacity(320);
        self.write_json(&mut line);
        line
    }

    /// Appends the JSON object: docs/event.schema.json.
    pub fn write_json(&self, line: &mut String) {
        // Writing to a string does not fail.
        let _ = self.try_write_json(line);
    }

    fn try_write_json(&self, w: &mut String) -> fmt::Result {
        write!(
            w,
            r#"{{"version":{EVENT_VERSION},"run":"{:016x}","sequence":{},"time":"{}","time_ns":{},"monotonic_ns":{}"#,
            self.run,
            self.sequence,
            Utc(self.time_ns),
            self.time_ns,
            self.monotonic_ns
        )?;
        write!(
            w,
            r#","daemon":"{}","instance":"{}","kind":"{}","subject":"{}","state":{},"severity":"{}","message":"{}","fields":{{"#,
            Escaped(self.daemon),
            Escaped(&self.instance),
            Escaped(self.kind),
            Escaped(&self.subject),
            self.is_state,
            self.severity,
            Escaped(&self.message)
        )?;
        for (i, (name, value)) in self.fields.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(w, r#"{comma}"{}":"#, Escaped(name))?;
            match value {
                Value::Flag(v) => write!(w, "{v}")?,
                Value::Integer(v) => write!(w, "{v}")?,
                Value::Real(v) if v.is_finite() => write!(w, "{v}")?,
                Value::None | Value::Real(_) => w.write_str("null")?,
                Value::Text(v) => write!(w, r#""{}""#, Escaped(v))?,
            }
        }
        w.write_str("}}")
    }
}

/// The system clock: ns since 1970 in UTC.
pub fn utc_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A time of [`utc_now`] as RFC 3339 has it, with nine decimals: `2026-11-21T14:05:06.000000007Z`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Utc(pub u64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, ns) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Years begin in March: the leap day is their last. 400 years have 146 097 days.
        let days = days + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let of_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let of_month = of_year - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        write!(
            f,
            "{:04}-{month:02}-{of_month:02}T{:02}:{:02}:{:02}.{ns:09}Z",
            era * 400 + year + carry,
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        // `date -u -d @N +%FT%TZ`.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (951_868_800, "2000-03-01T00:00:00"),
            (1_483_228_799, "2016-12-31T23:59:59"),
            (1_795_269_600, "2026-11-21T14:00:00"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            assert_eq!(Utc(seconds * 1_000_000_000 + 7).to_string(), format!("{text}.000000007Z"));
        }
        assert_eq!(Utc(u64::MAX).to_string(), "2554-07-21T23:34:33.709551615Z");
    }

    #[test]
    fn a_line_is_one_json_object() {
        let mut event = Event::new("ptpd", kind::NOTE, "port \"1\"\n")
            .instance("a")
            .severity(Severity::Warning)
            .message("one\nline \u{7f}")
            .field("none", Value::None)
            .field("flag", true)
            .field("integer", u64::MAX)
            .field("real", -1.5)
            .field("nan", f64::NAN)
            .field("absent", None::<i64>)
            .field("text", "a\tb");
        event.time_ns = 1_500_000_000_000_000_001;
        event.monotonic_ns = 5;
        event.run = 0xab;
        event.sequence = 9;
        assert_eq!(
            event.json(),
            concat!(
                r#"{"version":1,"run":"00000000000000ab","sequence":9,"time":"2017-07-14T02:40:00.000000001Z","#,
                r#""time_ns":1500000000000000001,"monotonic_ns":5,"daemon":"ptpd","instance":"a","kind":"note","#,
                r#""subject":"port \"1\"\n","state":false,"severity":"warning","message":"one\nline \u007f","#,
                r#""fields":{"none":null,"flag":true,"integer":9223372036854775807,"real":-1.5,"nan":null,"#,
                r#""absent":null,"text":"a\u0009b"}}"#
            )
        );
        assert_eq!(event.get("flag"), Some(&Value::Flag(true)));
        assert_eq!(event.get("other"), None);
    }
}
