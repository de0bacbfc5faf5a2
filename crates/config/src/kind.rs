//! The kinds of values, how each is written, and what is said when it is written otherwise.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ptp_wire::TimeInterval;
use ptp_wire::management::AcceptableMaster;

use crate::addresses::{parse_master, parse_prefix};
use crate::model::{LogLevel, LogPart, MasterAddress, Prefix, UnicastMaster};
use crate::options::{AlternateTimeOffset, parse_acceptable_masters, parse_time_offsets};
use crate::parse::*;
use crate::words::list;

/// What a key takes. Ranges include both ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number, decimal or 0x.
    Int { min: i64, max: i64 },
    /// A number. `above` excludes the lower end itself.
    Real { min: f64, max: f64, above: bool, auto: bool },
    /// A length of time with its unit, in nanoseconds here; `hint` is the unit proposed for a bare number.
    Duration { min: i64, max: i64, off: bool, hint: &'static str },
    /// A frequency with its unit, in ppb here.
    Frequency { min: f64, max: f64 },
    /// One of some words.
    Choice(&'static [&'static str]),
    /// timeSource: a word of the standard or a number.
    TimeSource,
    /// Any text of at most this many octets, with exactly this many semicolons if there is a number.
    Text { max: usize, semicolons: Option<usize> },
    /// A file's path from the root, up to `max` octets; `off` if there may be none.
    Path { max: usize, off: bool },
    /// An octal file mode.
    Mode,
    /// Octets in hexadecimal, with `:` or `-` between or none at all.
    Octets(usize),
    /// Eight octets, or `auto`.
    ClockIdentity,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A network interface's name.
    Interface,
    /// A clock.
    ClockDevice,
    /// A user's name, or `off`.
    User,
    /// An address and port, or the absolute path of a UNIX socket; `off`: neither.
    Listen,
    /// A list of masters to ask for unicast service, or `off`.
    Masters,
    /// A list of address prefixes, or `off`.
    Prefixes,
    /// An address, or `multicast`.
    MonitorAddress,
    /// A list of ports that may be master, or `off`.
    AcceptableMasters,
    /// A list of alternate timescales, or `off`.
    TimeOffsets,
    /// A list of parts of ptpd with their log levels, or `off`.
    LogParts,
    /// The same of another program.
    Levels(&'static [&'static str]),
    /// A whole number, or `off`.
    IntOff { min: i64, max: i64 },
    /// A number, or `off`.
    RealOff { min: f64, max: f64 },
    /// As `Duration`, longer than 39 hours, to the nanosecond.
    Span { min: i64, max: i64, off: bool, hint: &'static str },
    /// A name that the program looks up itself: what it may be, and the word that stands for none.
    Named { what: &'static str, unset: Option<&'static str> },
    /// A list of such names, or `off`.
    Names(&'static str),
}

/// A value of some kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Int(i64),
    Real(f64),
    Interval(TimeInterval),
    Text(String),
    Octets(Vec<u8>),
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
    Masters(Vec<UnicastMaster>),
    Prefixes(Vec<Prefix>),
    AcceptableMasters(Vec<AcceptableMaster>),
    TimeOffsets(Vec<AlternateTimeOffset>),
    LogParts(Vec<(LogPart, LogLevel)>),
    Levels(Vec<(&'static str, LogLevel)>),
    Span(Duration),
    Names(Vec<String>),
    /// `off` or `auto`.
    Unset,
}

/// Why a text is not a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refusal {
    /// What is wrong, for the mark under the text.
    pub label: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The text to write instead.
    pub replacement: Option<String>,
}

impl Refusal {
    pub(crate) fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), help: None, replacement: None }
    }

    pub(crate) fn write(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.help = Some(format!("write `{text}`"));
        self.replacement = Some(text);
        self
    }

    pub(crate) fn out_of_range() -> Self {
        Self::new("out of range")
    }
}

/// timeSource by the standard's table 6.
const TIME_SOURCES: &[(&str, u8)] = &[
    ("atomic_clock", 0x10),
    ("gnss", 0x20),
    ("terrestrial_radio", 0x30),
    ("serial_time_code", 0x39),
    ("ptp", 0x40),
    ("ntp", 0x50),
    ("hand_set", 0x60),
    ("other", 0x90),
    ("internal_oscillator", 0xa0),
];

impl Kind {
    /// Reads a text. `quoted`: it stood in quotes, where only texts, paths and the like may stand.
    pub(crate) fn parse(&self, text: &str, quoted: bool) -> Result<Value, Refusal> {
        match *self {
            Self::Bool => match text {
                "true" if !quoted => Ok(Value::Bool(true)),
                "false" if !quoted => Ok(Value::Bool(false)),
                _ => Err(boolean_hint(text)),
            },
            Self::Int { .. } | Self::Real { .. } if quoted && self.parse(text, false).is_ok() => {
                Err(Refusal::new("a text, not a number").write(text))
            }
            Self::IntOff { .. } | Self::RealOff { .. } if text == "off" => Ok(Value::Unset),
            Self::IntOff { min, max } => Self::Int { min, max }.parse(text, quoted),
            Self::RealOff { min, max } => {
                Self::Real { min, max, above: false, auto: false }.parse(text, quoted)
            }
            Self::Named { unset: Some(word), .. } if text == word && !quoted => Ok(Value::Unset),
            Self::Named { .. } => parse_name(text).map(Value::Text),
            Self::Int { min, max } => {
                let number = parse_int(text)?;
                if (min..=max).contains(&number) {
                    Ok(Value::Int(number))
                } else {
                    Err(Refusal::out_of_range())
                }
            }
            Self::Real { auto: true, .. } if text == "auto" => Ok(Value::Unset),
            Self::Real { min, max, above, .. } => match plain_number(text) {
                Some(v) if v > max || v < min || (above && v == min) => Err(Refusal::out_of_range()),
                Some(v) => Ok(Value::Real(v)),
                None => Err(Refusal::new("not a number")),
            },
            Self::Duration { off: true, .. } if matches!(text, "off" | "never") => Ok(Value::Unset),
            Self::Duration { min, max, hint, .. } => {
                let ps = parse_duration(text, hint)?;
                let bounds = i128::from(min) * 1000..=i128::from(max) * 1000;
                if !bounds.contains(&ps) {
                    return Err(Refusal::out_of_range());
                }
                // To 2^-16 ns, to the nearest.
                let scaled = (ps * 65_536 + if ps < 0 { -500 } else { 500 }) / 1000;
                i64::try_from(scaled)
                    .map(|v| Value::Interval(TimeInterval(v)))
                    .map_err(|_| Refusal::out_of_range())
            }
            Self::Span { off: true, .. } if matches!(text, "off" | "never") => Ok(Value::Unset),
            Self::Span { min, max, hint, .. } => {
                let ns = i64::try_from(parse_duration(text, hint)? / 1000).unwrap_or(i64::MAX);
                match u64::try_from(ns) {
                    Ok(length) if (min..=max).contains(&ns) => Ok(Value::Span(Duration::from_nanos(length))),
                    _ => Err(Refusal::out_of_range()),
                }
            }
            Self::Frequency { min, max } => {
                let ppb = parse_frequency(text)?;
                if (min..=max).contains(&ppb) { Ok(Value::Real(ppb)) } else { Err(Refusal::out_of_range()) }
            }
            Self::Choice(words) => choose(words, text),
            Self::TimeSource => {
                if let Some((_, number)) = TIME_SOURCES.iter().find(|(word, _)| *word == text) {
                    return Ok(Value::Int(i64::from(*number)));
                }
                match parse_int(text) {
                    Ok(n) if (0x10..=0xfe).contains(&n) => Ok(Value::Int(n)),
                    Ok(_) => Err(Refusal::out_of_range()),
                    Err(_) => {
                        let words: Vec<&str> = TIME_SOURCES.iter().map(|(word, _)| *word).collect();
                        choose(&words, text)
                    }
                }
            }
            Self::Text { max, semicolons } => {
                if text.len() > max {
                    Err(Refusal::new(format!("{} octets long", text.len())))
                } else if text.chars().any(char::is_control) {
                    Err(Refusal::new("has a control character in it"))
                } else if let Some(n) = semicolons.filter(|n| text.matches(';').count() != *n) {
                    Err(Refusal::new(format!("has {} of {n} semicolons", text.matches(';').count())))
                } else {
                    Ok(Value::Text(text.to_owned()))
                }
            }
            Self::Path { off: true, .. } if text == "off" && !quoted => Ok(Value::Unset),
            Self::Path { max, .. } => parse_path(text, max).map(Value::Text),
            Self::Mode => parse_mode(text, quoted),
            Self::ClockIdentity if text == "auto" => Ok(Value::Unset),
            Self::ClockIdentity => match parse_octets(text, 8)? {
                octets if octets.iter().all(|o| *o == 0) => Err(Refusal::new("stands for no clock")),
                octets if octets.iter().all(|o| *o == 0xff) => Err(Refusal::new("stands for all clocks")),
                octets => Ok(Value::Octets(octets)),
            },
            Self::Octets(n) => parse_octets(text, n).map(Value::Octets),
            Self::Ipv4 => match text.parse::<Ipv4Addr>() {
                Ok(a) if a.is_unspecified() || a.is_broadcast() => {
                    Err(Refusal::new("nothing can be sent there"))
                }
                Ok(a) => Ok(Value::Ipv4(a)),
                Err(_) => Err(Refusal::new("not an IPv4 address")),
            },
            Self::Ipv6 => match text.parse::<Ipv6Addr>() {
                Ok(a) if a.is_unspecified() => Err(Refusal::new("nothing can be sent there")),
                Ok(a) => Ok(Value::Ipv6(a)),
                Err(_) => Err(Refusal::new("not an IPv6 address")),
            },
            Self::Interface => parse_interface(text),
            Self::ClockDevice => parse_clock_device(text),
            Self::User if text == "off" && !quoted => Ok(Value::Unset),
            Self::User => {
                let fits = !text.is_empty()
                    && text.len() <= 32
                    && !text.starts_with('-')
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
                if fits { Ok(Value::Text(text.to_owned())) } else { Err(Refusal::new("not a user's name")) }
            }
            Self::Listen if text == "off" && !quoted => Ok(Value::Unset),
            Self::Listen => {
                let path = text.starts_with('/') && text.len() <= 107 && !text.contains('\0');
                if path || text.parse::<std::net::SocketAddr>().is_ok() {
                    return Ok(Value::Text(text.to_owned()));
                }
                Err(Refusal::new("neither an address with its port nor a path from the root"))
            }
            Self::MonitorAddress if text == "multicast" => Ok(Value::Unset),
            Self::MonitorAddress => match parse_master(text)? {
                UnicastMaster { address: MasterAddress::Name(_), .. } => Err(Refusal::new("not an address")),
                master => Ok(Value::Masters(vec![master])),
            },
            _ if self.is_list() && text == "off" && !quoted => Ok(Value::Unset),
            Self::AcceptableMasters => parse_acceptable_masters(items(text)).map(Value::AcceptableMasters),
            Self::TimeOffsets => parse_time_offsets(items(text)).map(Value::TimeOffsets),
            Self::Masters => items(text).map(parse_master).collect::<Result<_, _>>().map(Value::Masters),
            Self::Prefixes => items(text).map(parse_prefix).collect::<Result<_, _>>().map(Value::Prefixes),
            Self::LogParts => items(text).map(parse_log_part).collect::<Result<_, _>>().map(Value::LogParts),
            Self::Levels(parts) => {
                items(text).map(|t| parse_level(parts, t)).collect::<Result<_, _>>().map(Value::Levels)
            }
            Self::Names(_) => items(text).map(parse_name).collect::<Result<_, _>>().map(Value::Names),
        }
    }

    /// The value may be written as a list.
    pub(crate) fn is_list(&self) -> bool {
        matches!(
            self,
            Self::Masters
                | Self::Prefixes
                | Self::AcceptableMasters
                | Self::TimeOffsets
                | Self::LogParts
                | Self::Levels(_)
                | Self::Names(_)
        )
    }

    /// What is allowed, for diagnostics and documentation.
    pub(crate) fn allowed(&self) -> String {
        match *self {
            Self::Bool => "`true` or `false`".into(),
            Self::Int { min, max } => format!("{min} to {max}"),
            Self::Real { min, max, above, auto } => {
                let mut s = match (above, max.is_finite()) {
                    (true, _) => format!("above {min}, up to {max}"),
                    (false, true) => format!("{min} to {max}"),
                    (false, false) => format!("{min} or more"),
                };
                if auto {
                    s.push_str(", or `auto`");
                }
                s
            }
            Self::IntOff { min, max } => format!("{min} to {max}, or `off`"),
            Self::RealOff { min, max } => format!("{min} to {max}, or `off`"),
            Self::Named { what, unset: None } => what.into(),
            Self::Named { what, unset: Some(word) } => format!("{what}, or `{word}`"),
            Self::Names(what) => format!("a list of {what}, or `off`"),
            Self::Levels(parts) => levels_allowed(parts),
            Self::Duration { min, max, off, .. } | Self::Span { min, max, off, .. } => {
                let mut s = format!("{} to {}", nanos(min), nanos(max));
                if off {
                    s.push_str(", or `off`");
                }
                s
            }
            Self::Frequency { min, max } => format!("{min}ppb to {}ppm", max / 1000.0),
            Self::Choice(words) => list(words),
            Self::TimeSource => {
                let words: Vec<&str> = TIME_SOURCES.iter().map(|(word, _)| *word).collect();
                format!("{}, or 0x10 to 0xfe", list(&words).replace(" or ", ", "))
            }
            Self::Text { max, semicolons: None } => format!("a text of at most {max} octets"),
            Self::Text { max, semicolons: Some(n) } => {
                format!("a text of at most {max} octets with {n} semicolons in it")
            }
            Self::Path { max, off } => {
                format!("a path from the root, at most {max} octets{}", if off { ", or `off`" } else { "" })
            }
            Self::Mode => "an octal mode, 0000 to 0777".into(),
            Self::Octets(n) => format!("{n} octets in hexadecimal, such as {}", vec!["00"; n].join(":")),
            Self::ClockIdentity => "8 octets in hexadecimal, such as 001b19.fffe.000001, or `auto`".into(),
            Self::Ipv4 => "an IPv4 address, such as 224.0.1.129".into(),
            Self::Ipv6 => "an IPv6 address, such as ff0e::181".into(),
            Self::Interface => "a network interface's name, 1 to 15 octets, such as eth0".into(),
            Self::ClockDevice => "`auto`, `phcN`, `system` or `virtual:PATH`".into(),
            Self::User => "a user's name, or `off`".into(),
            Self::Listen => "an address and port, such as 127.0.0.1:9320 or [::1]:9320, the path of a UNIX socket from the root (at most 107 octets), or `off`".into(),
            Self::Masters => "a list of addresses or host names, each followed by its local priority where it is not 128, or `off`".into(),
            Self::Prefixes => "a list of address prefixes, such as 192.0.2.0/24 or 2001:db8::/32, or `off`".into(),
            Self::MonitorAddress => "an address, or `multicast`".into(),
            Self::AcceptableMasters => "a list of ports, such as 001b19.fffe.000001-1, each followed by the priority1 it is to count with where that is another than its own, or `off`".into(),
            Self::TimeOffsets => "a list of `{zone: ZONE}`, `KEY ZONE`, `KEY NAME OFFSET` or `KEY NAME OFFSET JUMP TIME` (seconds), or `off`".into(),
            Self::LogParts => levels_allowed(&LogPart::ALL.map(LogPart::name)),
        }
    }

    /// The kind's name in tables.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Int { .. } => "integer",
            Self::Real { .. } => "number",
            Self::Duration { .. } => "time with unit",
            Self::Frequency { .. } => "frequency with unit",
            Self::Choice(_) | Self::TimeSource => "word",
            Self::Text { .. } => "text",
            Self::Path { .. } => "path",
            Self::Mode => "octal mode",
            Self::Octets(_) | Self::ClockIdentity => "octets",
            Self::Ipv4 | Self::Ipv6 => "address",
            Self::Interface => "interface",
            Self::ClockDevice => "clock",
            Self::User => "user",
            Self::Listen => "address and port, or path",
            Self::Masters => "list of masters",
            Self::Prefixes => "list of prefixes",
            Self::MonitorAddress => "address",
            Self::AcceptableMasters => "list of ports",
            Self::TimeOffsets => "list of timescales",
            Self::LogParts | Self::Levels(_) => "list of levels",
            Self::IntOff { .. } => "integer",
            Self::RealOff { .. } => "number",
            Self::Span { .. } => "time with unit",
            Self::Named { .. } => "name",
            Self::Names(_) => "list of names",
        }
    }
}

fn levels_allowed(parts: &[&str]) -> String {
    let (first, second) = (parts.first().unwrap_or(&"x"), parts.last().unwrap_or(&"y"));
    format!(
        "a list of `PART=LEVEL`, such as `[{first}=warn, {second}=debug]`, or `off`; the parts are {}",
        list(parts).replace(" or ", " and ")
    )
}

fn parse_log_part(text: &str) -> Result<(LogPart, LogLevel), Refusal> {
    let (part, level) = parse_level(&LogPart::ALL.map(LogPart::name), text)?;
    let part = LogPart::ALL.into_iter().find(|p| p.name() == part);
    part.map(|part| (part, level)).ok_or_else(Refusal::out_of_range)
}

fn parse_level(parts: &[&'static str], text: &str) -> Result<(&'static str, LogLevel), Refusal> {
    let Some((part, level)) = text.split_once('=') else {
        return Err(Refusal::new("not `PART=LEVEL`").write(format!("{text}=debug")));
    };
    let (part, level) = (part.trim(), level.trim());
    choose(parts, part)?;
    choose(&LogLevel::ALL.map(LogLevel::name), level)?;
    let part = parts.iter().find(|p| **p == part).copied();
    let level = LogLevel::ALL.into_iter().find(|l| l.name() == level);
    part.zip(level).ok_or_else(Refusal::out_of_range)
}

/// What the program looks up itself.
fn parse_name(text: &str) -> Result<String, Refusal> {
    if text.is_empty() {
        Err(Refusal::new("empty"))
    } else if text.len() > 4000 || text.chars().any(char::is_control) {
        Err(Refusal::new("too long, or with a control character in it"))
    } else {
        Ok(text.to_owned())
    }
}

/// The items of a list, as it is written on one line.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

/// A length of time given in nanoseconds, in its largest whole unit.
fn nanos(ns: i64) -> String {
    let units = [(3_600_000_000_000, "h"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
    match units.iter().find(|(unit, _)| ns != 0 && ns % unit == 0) {
        Some((unit, name)) => format!("{}{name}", ns / unit),
        None => format!("{ns}ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::nearest;

    const TIME: Kind = Kind::Duration { min: -1_000_000_000, max: 1_000_000_000, off: false, hint: "us" };

    #[test]
    fn lengths_of_time_are_exact_to_a_65536th_of_a_nanosecond() {
        for (text, value) in [
            ("52.5ns", 52 * 65536 + 32768),
            ("-52.5ns", -(52 * 65536 + 32768)),
            ("1ps", 66),
            ("20us", 20_000 * 65536),
            ("20 us", 20_000 * 65536),
            ("20µs", 20_000 * 65536),
            ("0", 0),
            ("1s", 1_000_000_000 * 65536),
            ("0.000000001s", 65536),
        ] {
            assert_eq!(TIME.parse(text, false), Ok(Value::Interval(TimeInterval(value))), "{text}");
        }
    }

    #[test]
    fn a_bare_number_is_told_its_unit() {
        assert_eq!(TIME.parse("20", false).unwrap_err().replacement.as_deref(), Some("20us"));
        assert_eq!(TIME.parse("20 usec", false).unwrap_err().replacement.as_deref(), Some("20us"));
        assert_eq!(TIME.parse("2s", false).unwrap_err(), Refusal::out_of_range());
        assert_eq!(TIME.parse("999999999999999h", false).unwrap_err(), Refusal::out_of_range());
        for text in ["", "us", "-", ".", "1.", "1e3us", "1..2us", "--1us", "1.0000000000001us", "٣us"] {
            assert!(TIME.parse(text, false).is_err(), "{text}");
        }
    }

    #[test]
    fn whole_numbers() {
        let kind = Kind::Int { min: -128, max: 255 };
        assert_eq!(kind.parse("0xfe", false), Ok(Value::Int(254)));
        assert_eq!(kind.parse("-3", false), Ok(Value::Int(-3)));
        assert_eq!(kind.parse("017", false).unwrap_err().replacement.as_deref(), Some("17"));
        assert_eq!(kind.parse("256", false).unwrap_err().label, "out of range");
        assert_eq!(kind.parse("99999999999999999999", false).unwrap_err().label, "out of range");
        assert_eq!(kind.parse("1.5", false).unwrap_err().label, "not a whole number");
        assert_eq!(kind.parse("7", true).unwrap_err().replacement.as_deref(), Some("7"));
    }

    #[test]
    fn modes_must_look_octal() {
        assert_eq!(Kind::Mode.parse("0660", false), Ok(Value::Int(0o660)));
        assert_eq!(Kind::Mode.parse("0o660", false), Ok(Value::Int(0o660)));
        assert_eq!(Kind::Mode.parse("660", false).unwrap_err().replacement.as_deref(), Some("0660"));
        assert!(Kind::Mode.parse("0999", false).is_err());
        assert!(Kind::Mode.parse("07777", false).is_err());
    }

    #[test]
    fn octets_in_the_forms_people_write_them() {
        for text in
            ["001b19.fffe.000001", "00:1b:19:ff:fe:00:00:01", "00-1B-19-FF-FE-00-00-01", "001b19fffe000001"]
        {
            let octets = vec![0x00, 0x1b, 0x19, 0xff, 0xfe, 0, 0, 1];
            assert_eq!(Kind::ClockIdentity.parse(text, false), Ok(Value::Octets(octets)), "{text}");
        }
        assert!(Kind::ClockIdentity.parse("000000.0000.000000", false).is_err());
        assert!(Kind::Octets(6).parse("01:1b:19:00:00", false).is_err());
    }

    #[test]
    fn near_words_are_found() {
        let words = ["log_sync_interval", "log_announce_interval", "priority1", "priority2"];
        assert_eq!(nearest("logSyncInterval", words), Some("log_sync_interval"));
        assert_eq!(nearest("log_snyc_interval", words), Some("log_sync_interval"));
        assert_eq!(nearest("prioritty2", words), Some("priority2"));
        assert_eq!(nearest("banana", words), None);
    }
}
