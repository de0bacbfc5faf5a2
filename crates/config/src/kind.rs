//! The kinds of values, how each is written, and what is said when it is written otherwise.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use ptp_wire::TimeInterval;

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
    /// `off` or `auto`.
    Unset,
}

/// Why a text is not a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Refusal {
    /// What is wrong, for the mark under the text.
    pub(crate) label: String,
    /// What to write instead.
    pub(crate) help: Option<String>,
    /// The text to write instead.
    pub(crate) replacement: Option<String>,
}

impl Refusal {
    fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), help: None, replacement: None }
    }

    fn write(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.help = Some(format!("write `{text}`"));
        self.replacement = Some(text);
        self
    }

    fn out_of_range() -> Self {
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

/// Units of time in picoseconds.
const UNITS: &[(&str, i128)] = &[
    ("ps", 1),
    ("ns", 1_000),
    ("us", 1_000_000),
    ("µs", 1_000_000),
    ("μs", 1_000_000),
    ("ms", 1_000_000_000),
    ("s", 1_000_000_000_000),
    ("min", 60_000_000_000_000),
    ("h", 3_600_000_000_000_000),
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
                } else if semicolons.is_some_and(|n| text.matches(';').count() != n) {
                    Err(Refusal::new(format!("{} semicolons", text.matches(';').count())))
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
        }
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
            Self::Duration { min, max, off, .. } => {
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
        }
    }
}

/// The nearest of some words, if one is near enough to be meant.
pub(crate) fn nearest<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > 64 {
        return None;
    }
    let plain = |s: &str| s.to_ascii_lowercase().replace(['_', '-', '.'], "");
    let wanted = plain(text);
    words
        .into_iter()
        .map(|word| (distance(&wanted, &plain(word)), word))
        .filter(|(d, word)| *d <= (word.len().max(wanted.len()) / 3).clamp(1, 6))
        .min_by_key(|(d, _)| *d)
        .map(|(_, word)| word)
}

/// How many insertions, deletions, substitutions and swaps of neighbours lie between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut next = Vec::with_capacity(b.len() + 1);
        next.push(i + 1);
        for (j, cb) in b.iter().enumerate() {
            let mut d = (row[j] + usize::from(ca != cb)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *ca == b[j - 1] && a[i - 1] == *cb {
                d = d.min(before[j - 1] + 1);
            }
            next.push(d);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}

/// `a, b or c`, each in backticks.
pub(crate) fn list(words: &[&str]) -> String {
    let mut s = String::new();
    for (i, word) in words.iter().enumerate() {
        let before = match i {
            0 => "",
            _ if i + 1 == words.len() => " or ",
            _ => ", ",
        };
        let _ = write!(s, "{before}`{word}`");
    }
    s
}

fn choose(words: &[&str], text: &str) -> Result<Value, Refusal> {
    if words.contains(&text) {
        return Ok(Value::Text(text.to_owned()));
    }
    let also = match text.to_ascii_lowercase().as_str() {
        "udpv4" | "udp" | "ipv4" => "udp4",
        "udpv6" | "ipv6" => "udp6",
        "l2" | "ieee802.3" | "eth" => "ethernet",
        "oc" => "ordinary",
        "bc" => "boundary",
        "hw" => "hardware",
        "sw" => "software",
        "warning" => "warn",
        "gps" => "gnss",
        _ => text,
    };
    let refusal = Refusal::new("not one of the words");
    Err(match words.iter().find(|w| **w == also).copied().or_else(|| nearest(text, words.iter().copied())) {
        Some(word) => refusal.write(word),
        None => refusal,
    })
}

fn boolean_hint(text: &str) -> Refusal {
    let refusal = Refusal::new("not a boolean");
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "1" | "true" | "y" => refusal.write("true"),
        "no" | "off" | "0" | "false" | "n" => refusal.write("false"),
        _ => refusal,
    }
}

fn parse_int(text: &str) -> Result<i64, Refusal> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.strip_prefix("0x") {
        Some(rest) => (16, rest),
        None => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        let refusal = Refusal::new("not a whole number");
        let unit = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let has_unit = unit.len() < text.len() && unit.parse::<i64>().is_ok();
        return Err(if has_unit { refusal.write(unit) } else { refusal });
    }
    if radix == 10 && digits.len() > 1 && digits.starts_with('0') {
        // Octal in YAML 1.1 and in C, decimal in YAML 1.2: nobody should have to know.
        return Err(Refusal::new("starts with a zero").write(match digits.trim_start_matches('0') {
            "" => "0".to_owned(),
            rest => format!("{}{rest}", if sign < 0 { "-" } else { "" }),
        }));
    }
    i64::from_str_radix(digits, radix).map(|v| sign * v).map_err(|_| Refusal::out_of_range())
}

fn plain_number(text: &str) -> Option<f64> {
    let looks = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    text.parse::<f64>().ok().filter(|v| looks && v.is_finite())
}

/// Digits with at most one point: the number times 10^12, as an integer. Twelve digits after the point count.
fn decimal(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits_only = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 15
        || fraction.len() > 12
        || !digits_only(whole)
        || !digits_only(fraction)
    {
        return None;
    }
    if digits.ends_with('.') {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let fraction: i128 = format!("{fraction:0<12}").parse().ok()?;
    let value = whole * 1_000_000_000_000 + fraction;
    Some(if negative { -value } else { value })
}

/// Splits `1.5ms` before its unit.
fn split_unit(text: &str) -> (&str, &str) {
    let at = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    (number.trim_end(), unit.trim_start())
}

/// In picoseconds.
fn parse_duration(text: &str, hint: &str) -> Result<i128, Refusal> {
    let (number, unit) = split_unit(text);
    let Some(value) = decimal(number) else {
        return Err(Refusal::new(if plain_number(text).is_some() {
            "has no unit"
        } else {
            "not a length of time"
        }));
    };
    if unit.is_empty() {
        return match value {
            0 => Ok(0),
            _ => Err(Refusal::new("has no unit").write(format!("{number}{hint}"))),
        };
    }
    match UNITS.iter().find(|(name, _)| *name == unit) {
        // Up to 10^27 * 3.6 * 10^15, more than an i128 holds.
        Some((_, ps)) => {
            value.checked_mul(*ps).map(|v| v / 1_000_000_000_000).ok_or_else(Refusal::out_of_range)
        }
        None => {
            let names = UNITS.iter().map(|(name, _)| *name).filter(|n| n.is_ascii());
            let near = match unit.to_ascii_lowercase().as_str() {
                "sec" | "secs" | "second" | "seconds" => Some("s"),
                "usec" | "microseconds" => Some("us"),
                "nsec" | "nanoseconds" => Some("ns"),
                "msec" | "milliseconds" => Some("ms"),
                "m" | "minutes" => Some("min"),
                lower => names.clone().find(|n| *n == lower),
            };
            let refusal = Refusal::new(format!("`{}` is not a unit of time", brief(unit)));
            Err(match near {
                Some(unit) => refusal.write(format!("{number}{unit}")),
                None => Refusal { help: Some("units are ps, ns, us, ms, s, min and h".into()), ..refusal },
            })
        }
    }
}

/// In ppb.
fn parse_frequency(text: &str) -> Result<f64, Refusal> {
    let (number, unit) = split_unit(text);
    let Some(value) = plain_number(number) else {
        return Err(Refusal::new("not a frequency"));
    };
    match unit {
        "ppb" => Ok(value),
        "ppm" => Ok(value * 1000.0),
        "" => Err(Refusal::new("has no unit").write(format!("{number}ppb"))),
        _ => Err(Refusal {
            help: Some("units are ppb and ppm".into()),
            ..Refusal::new("not a unit of frequency")
        }),
    }
}

fn parse_path(text: &str, max: usize) -> Result<String, Refusal> {
    if !text.starts_with('/') {
        Err(Refusal::new("does not start at the root"))
    } else if text.len() > max {
        Err(Refusal::new(format!("{} octets long", text.len())))
    } else if text.ends_with('/') {
        Err(Refusal::new("names a directory"))
    } else if text.chars().any(char::is_control) {
        Err(Refusal::new("has a control character in it"))
    } else {
        Ok(text.to_owned())
    }
}

fn parse_mode(text: &str, quoted: bool) -> Result<Value, Refusal> {
    let digits = text.strip_prefix("0o").or_else(|| text.strip_prefix('0')).unwrap_or(text);
    let octal = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
    match i64::from_str_radix(digits, 8) {
        Ok(mode) if octal && mode <= 0o777 && (quoted || text.starts_with('0')) => Ok(Value::Int(mode)),
        Ok(mode) if octal && mode <= 0o777 => {
            Err(Refusal::new("octal or decimal?").write(format!("0{mode:03o}")))
        }
        _ if text == "0" => Ok(Value::Int(0)),
        _ => Err(Refusal::new("not an octal mode")),
    }
}

fn parse_octets(text: &str, n: usize) -> Result<Vec<u8>, Refusal> {
    let refusal = || Refusal::new(format!("not {n} octets"));
    if text.len() > 3 * n {
        return Err(refusal());
    }
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    if digits.len() != 2 * n || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(refusal());
    }
    let number = u64::from_str_radix(&digits, 16).map_err(|_| refusal())?;
    number.to_be_bytes().get(8usize.saturating_sub(n)..).map(<[u8]>::to_vec).ok_or_else(refusal)
}

fn parse_interface(text: &str) -> Result<Value, Refusal> {
    if text.is_empty() || matches!(text, "." | "..") {
        Err(Refusal::new("not a name"))
    } else if text.len() > 15 {
        Err(Refusal::new(format!("{} octets long", text.len())))
    } else if text.chars().any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control()) {
        Err(Refusal::new("has a character in it that no interface's name has"))
    } else {
        Ok(Value::Text(text.to_owned()))
    }
}

fn parse_clock_device(text: &str) -> Result<Value, Refusal> {
    let ok = |s: String| Ok(Value::Text(s));
    let number =
        |s: &str| s.parse::<u32>().ok().filter(|_| s.len() <= 6 && s.bytes().all(|b| b.is_ascii_digit()));
    if matches!(text, "auto" | "system") {
        return ok(text.to_owned());
    }
    if let Some(n) = text.strip_prefix("phc").or_else(|| text.strip_prefix("/dev/ptp")).and_then(number) {
        return ok(format!("phc{n}"));
    }
    if let Some(path) = text.strip_prefix("virtual:") {
        return parse_path(path.trim_start(), 4000).map(|p| Value::Text(format!("virtual:{p}")));
    }
    let refusal = Refusal::new("not a clock");
    Err(match text {
        "CLOCK_REALTIME" | "realtime" | "sys" => refusal.write("system"),
        _ if number(text.strip_prefix("ptp").unwrap_or("")).is_some() => {
            refusal.write(text.replacen("ptp", "phc", 1))
        }
        _ => match nearest(text, ["auto", "system"]) {
            Some(word) => refusal.write(word),
            None => refusal,
        },
    })
}

/// A length of time given in nanoseconds, in its largest whole unit.
fn nanos(ns: i64) -> String {
    let units = [(3_600_000_000_000, "h"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
    match units.iter().find(|(unit, _)| ns != 0 && ns % unit == 0) {
        Some((unit, name)) => format!("{}{name}", ns / unit),
        None => format!("{ns}ns"),
    }
}

/// At most 40 characters of a text, with nothing in it that a terminal would obey.
pub(crate) fn brief(text: &str) -> String {
    let mut s: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        s.push('…');
    }
    s.replace("\\\"", "\"").replace("\\'", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

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
