//! linuxptp's configuration files: sections and `key value` lines.

use std::collections::BTreeMap;
use std::fmt;

use super::table::{self, Key, Kind, Scope, To};
use crate::words;

/// The longest line, in octets.
const LINE: usize = 1024;
/// The longest section name, in octets.
const SECTION: usize = 108;

/// What is wrong, and where. The first one stops reading.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LinuxptpError {
    /// `file:line`, an option, or the file.
    pub place: String,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl fmt::Display for LinuxptpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for LinuxptpError {}

/// A value in its plain form: decimal numbers, words as the table spells them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Setting {
    pub(crate) value: String,
    pub(crate) place: String,
    /// From the command line: a `[global]` line does not change it.
    pub(crate) locked: bool,
}

/// A `[unicast_master_table]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnicastTable {
    pub(crate) id: i64,
    pub(crate) log_query_interval: i64,
    /// Addresses as they are written, and where.
    pub(crate) masters: Vec<(String, String)>,
}

pub(crate) type Settings = BTreeMap<&'static str, Setting>;

/// Options and files of linuxptp, read one after another.
#[derive(Clone, Debug, Default)]
pub struct Linuxptp {
    pub(crate) global: Settings,
    pub(crate) ports: Vec<(String, Settings)>,
    /// Each `[unicast_master_table]`.
    pub(crate) unicast_tables: Vec<UnicastTable>,
    pub(crate) warnings: Vec<String>,
}

enum Section {
    None,
    Global,
    Unicast,
    Port(usize),
}

impl Linuxptp {
    /// Nothing but defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// `-i`: adds a port, once.
    pub fn interface(&mut self, name: &str) {
        self.port(name);
    }

    /// Neither `-i` nor a section has named an interface.
    pub fn has_no_ports(&self) -> bool {
        self.ports.is_empty()
    }

    fn port(&mut self, name: &str) -> usize {
        if let Some(i) = self.ports.iter().position(|(n, _)| n == name) {
            return i;
        }
        self.ports.push((name.to_owned(), Settings::new()));
        self.ports.len() - 1
    }

    /// `--key value`: holds against the file's `[global]`, not against a port's section.
    ///
    /// # Errors
    /// There is no such key, or the value is not one of its.
    pub fn option(&mut self, name: &str, text: &str) -> Result<(), LinuxptpError> {
        let place = format!("--{}", words::brief(name));
        self.set(None, name, text, &place, true)
    }

    /// Reads a file's octets; `file` names it in messages.
    ///
    /// # Errors
    /// The first thing that is wrong, with `file:line`.
    pub fn read(&mut self, file: &str, octets: &[u8]) -> Result<(), LinuxptpError> {
        let mut section = Section::None;
        for (number, line) in (1..).zip(octets.split(|o| *o == b'\n')) {
            let place = format!("{file}:{number}");
            let wrong = |message: String| LinuxptpError { place: place.clone(), message };
            if line.len() >= LINE {
                return Err(wrong(format!("the line is longer than {} octets", LINE - 1)));
            }
            let Ok(line) = std::str::from_utf8(line) else {
                return Err(wrong("the line is not UTF-8".into()));
            };
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                let name = rest.strip_suffix(']').map(str::trim).unwrap_or_default();
                if name.is_empty() || name.contains(char::is_whitespace) || name.len() > SECTION {
                    return Err(wrong(format!("`{}` is not a section", words::brief(line))));
                }
                section = match name {
                    "global" => Section::Global,
                    "unicast_master_table" => {
                        self.unicast_tables.push(UnicastTable::default());
                        Section::Unicast
                    }
                    _ => Section::Port(self.port(name)),
                };
                continue;
            }
            let Some((key, text)) = line.split_once(char::is_whitespace) else {
                return Err(wrong(format!("`{}` has no value", words::brief(line))));
            };
            let text = text.trim();
            match section {
                Section::None => return Err(wrong("a section has to come first: write [global]".into())),
                Section::Global => self.set(None, key, text, &place, false)?,
                Section::Port(i) => self.set(Some(i), key, text, &place, false)?,
                Section::Unicast => self.unicast_line(key, text, &place)?,
            }
        }
        Ok(())
    }

    /// A line of the last `[unicast_master_table]`.
    fn unicast_line(&mut self, key: &str, text: &str, place: &str) -> Result<(), LinuxptpError> {
        let wrong = |message: String| LinuxptpError { place: place.to_owned(), message };
        let Some(table) = self.unicast_tables.last_mut() else { return Ok(()) };
        let number = |min: i64, max: i64| {
            integer(text).filter(|n| (min..=max).contains(n)).ok_or_else(|| {
                wrong(format!("{key} cannot be `{}`: allowed is {min} to {max}", words::brief(text)))
            })
        };
        match key {
            "table_id" => table.id = number(1, i32::MAX.into())?,
            "logQueryInterval" => table.log_query_interval = number(-3, 10)?,
            // The address of the other end in P2P mode: peer delay goes to the master here.
            "peer_address" => {}
            "L2" | "UDPv4" | "UDPv6" => {
                crate::addresses::parse_master(text)
                    .map_err(|e| wrong(format!("{key} cannot be `{}`: {}", words::brief(text), e.label)))?;
                table.masters.push((text.to_owned(), place.to_owned()));
            }
            _ => {
                return Err(wrong(format!("`{}` is not of a unicast_master_table", words::brief(key))));
            }
        }
        Ok(())
    }

    fn set(
        &mut self,
        port: Option<usize>,
        name: &str,
        text: &str,
        place: &str,
        locked: bool,
    ) -> Result<(), LinuxptpError> {
        let wrong = |message: String| LinuxptpError { place: place.to_owned(), message };
        let old = table::OLD_NAMES.iter().find(|(old, _)| *old == name).map(|(_, new)| *new);
        let alias = table::find(name).and_then(|k| if let To::Alias(new) = k.to { Some(new) } else { None });
        if let Some(new) = old.or(alias) {
            self.warnings.push(format!("{place}: {name} is an old name of {new}"));
        }
        let name = old.or(alias).unwrap_or(name);
        let Some(key) = table::find(name) else {
            let mut message = format!("unknown key `{}`", words::brief(name));
            if let Some(near) = words::nearest(name, table::KEYS.iter().map(|k| k.name)) {
                message.push_str(&format!("; did you mean `{near}`?"));
            }
            return Err(wrong(message));
        };
        if port.is_some() && key.scope == Scope::Global {
            return Err(wrong(format!("{} is for [global], not for a port", key.name)));
        }
        let value = value(key, text).map_err(|allowed| {
            wrong(format!("{} cannot be `{}`: allowed is {allowed}", key.name, words::brief(text)))
        })?;
        let to = match port.and_then(|i| self.ports.get_mut(i)) {
            Some((_, settings)) => settings,
            None => &mut self.global,
        };
        if locked || !to.get(key.name).is_some_and(|s| s.locked) {
            to.insert(key.name, Setting { value, place: place.to_owned(), locked });
        }
        Ok(())
    }
}

/// The plain form of a text, or what is allowed.
pub(crate) fn value(key: &Key, text: &str) -> Result<String, String> {
    match key.kind {
        Kind::Text => Ok(text.to_owned()),
        Kind::Choice(words) => words
            .iter()
            .find(|w| w.eq_ignore_ascii_case(text))
            .map(|w| (*w).to_owned())
            .ok_or_else(|| words::list(words)),
        Kind::Int { min, max } => {
            let asap = match key.name {
                "fault_reset_interval" => Some("-128"),
                "fault_badpeernet_interval" => Some("0"),
                _ => None,
            };
            if let Some(number) = asap.filter(|_| text.eq_ignore_ascii_case("ASAP")) {
                return Ok(number.to_owned());
            }
            let octal = key.name.ends_with("_file_mode");
            match integer(text).filter(|n| (min..=max).contains(n)) {
                Some(n) => Ok(n.to_string()),
                None if octal => Err(format!("0 to 0{max:o}")),
                None => Err(format!("{min} to {max}")),
            }
        }
        Kind::Real { min, max, above } => text
            .parse::<f64>()
            .ok()
            .filter(|v| v.is_finite() && *v >= min && *v <= max && !(above && *v == min))
            .map(|v| v.to_string())
            .ok_or_else(|| format!("{}{min} to {max}", if above { "above " } else { "" })),
    }
}

/// Decimal, `0x` or, after a leading 0, octal.
fn integer(text: &str) -> Option<i64> {
    let (minus, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        (hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (digits.get(1..)?, 8)
    } else {
        (digits, 10)
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = i64::from_str_radix(digits, radix).ok()?;
    Some(if minus { -number } else { number })
}
