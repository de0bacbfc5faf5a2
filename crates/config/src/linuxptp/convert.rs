//! From linuxptp's keys to YAML text.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::parse::{Linuxptp, LinuxptpError, Setting, Settings};
use super::table::{self, How, KEYS, Key, To};
use crate::diagnostics::Problem;
use crate::load::{Loaded, Overrides, load_octets};
use crate::table as yaml;

/// What a configuration of linuxptp comes to.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The equivalent YAML, with comments.
    pub yaml: String,
    /// The configuration, loaded from that text.
    pub loaded: Loaded,
    /// One line for each key that has no effect, or not yet.
    pub notes: Vec<String>,
    /// `use_syslog`.
    pub use_syslog: bool,
    /// `verbose`: log to standard output.
    pub verbose: bool,
    /// `logging_level`, 0 to 7 as syslog counts.
    pub logging_level: u8,
    /// `freq_est_interval`, in ns: the time between reports of a clock that is only measured.
    pub frequency_window_ns: u64,
    /// `message_tag`, with `{level}` in it where the level goes.
    pub message_tag: String,
}

struct Entry {
    /// `priority1`, `servo.step_threshold`, `ports[0].transport`.
    path: String,
    text: String,
    place: String,
}

/// The place of what no file says.
const DEFAULT: &str = "linuxptp's default";

/// Keys whose defaults differ from those of YAML: always written.
const ALWAYS: &[&str] = &["clock_servo", "time_stamping", "uds_address", "uds_ro_address"];

impl Linuxptp {
    /// Makes YAML of it, and loads that.
    ///
    /// # Errors
    /// A value that `ptpd` cannot take, with the place it came from.
    pub fn import(&self) -> Result<Imported, LinuxptpError> {
        let mut notes = self.warnings.clone();
        let mut entries = vec![Entry {
            path: "state_file".into(),
            text: "off".into(),
            place: "linuxptp keeps none".into(),
        }];
        for key in KEYS {
            self.entry(key, &mut entries, &mut notes)?;
        }
        self.unicast_masters(&mut entries)?;
        self.static_roles(&mut entries)?;
        self.capability(&mut entries);
        self.key_file(&mut entries, &mut notes);
        self.port_clocks(&mut entries);
        self.grandmaster_capable(&mut entries);
        entries.push(Entry {
            path: "synchronization_uncertain".into(),
            text: "never".into(),
            place: DEFAULT.into(),
        });
        // A value that can do nothing beside the others is left out, and said.
        for _ in 0..4 {
            let text = render(&entries, &self.ports, &notes);
            let diagnostics =
                match load_octets(Path::new("converted.yaml"), text.as_bytes(), &[], &Overrides::default()) {
                    Ok(loaded) => {
                        return Ok(Imported {
                            yaml: text,
                            loaded,
                            notes,
                            use_syslog: self.plain("use_syslog") == "1",
                            verbose: self.plain("verbose") == "1",
                            logging_level: self.plain("logging_level").parse().unwrap_or(6),
                            frequency_window_ns: self.frequency_window_ns(),
                            message_tag: self.plain("message_tag").to_owned(),
                        });
                    }
                    Err(d) => d,
                };
            let mut dropped = false;
            for d in diagnostics.as_slice() {
                let path = d.key.as_deref().unwrap_or_default();
                let at = entries.iter().position(|e| e.path == path);
                if d.problem == Problem::NoEffect
                    && let Some(at) = at
                {
                    let entry = entries.remove(at);
                    if entry.place != DEFAULT {
                        notes.push(format!(
                            "{}: {} has no effect beside the other keys",
                            entry.place, entry.path
                        ));
                    }
                    dropped = true;
                    continue;
                }
                let place = at.and_then(|i| entries.get(i)).map_or("configuration", |e| e.place.as_str());
                let mut message = d.message.clone();
                if let Some(allowed) = &d.allowed {
                    let _ = write!(message, ": allowed is {allowed}");
                }
                return Err(LinuxptpError { place: place.to_owned(), message });
            }
            if !dropped {
                break;
            }
        }
        Err(LinuxptpError { place: "configuration".into(), message: "cannot be converted".into() })
    }

    /// linuxptp takes a key file whoever may read it, and from wherever it runs.
    fn key_file(&self, out: &mut Vec<Entry>, notes: &mut Vec<String>) {
        let Some(setting) = self.global.get("sa_file").filter(|s| !s.value.is_empty()) else { return };
        if let (Ok(path), Some(entry)) = (
            std::path::absolute(&setting.value),
            out.iter_mut().find(|e| e.path == "authentication.key_file"),
        ) {
            entry.text = quoted(&path.to_string_lossy());
        }
        let mode = std::fs::metadata(&setting.value).map(|about| about.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o077 != 0) {
            let place = setting.place.clone();
            notes.push(format!(
                "{place}: {} should have mode 0600: others may read or change its keys",
                setting.value
            ));
            out.push(Entry { path: "authentication.insecure_file".into(), text: "true".into(), place });
        }
    }

    fn plain(&self, name: &str) -> &str {
        self.global.get(name).map_or_else(|| table::find(name).map_or("", |k| k.default), |s| &s.value)
    }

    fn frequency_window_ns(&self) -> u64 {
        let exponent = self.plain("freq_est_interval").parse::<i32>().unwrap_or(1).clamp(-20, 20);
        (1e9 * 2_f64.powi(exponent)) as u64
    }

    fn entry(&self, key: &Key, out: &mut Vec<Entry>, notes: &mut Vec<String>) -> Result<(), LinuxptpError> {
        let default = Setting { value: key.default.into(), place: DEFAULT.into(), locked: false };
        let global = self.global.get(key.name).or_else(|| ALWAYS.contains(&key.name).then_some(&default));
        let own = self.ports.iter().enumerate().filter_map(|(i, (_, s))| Some((i, s.get(key.name)?)));
        match key.to {
            To::Key(path, how) if yaml::PORT.key(path).is_some() => {
                for (port, setting) in
                    global.map(|s| (None, s)).into_iter().chain(own.map(|(i, s)| (Some(i), s)))
                {
                    if let Some(text) = write_value(key, how, setting)? {
                        let path = port.map_or_else(|| path.to_owned(), |i| format!("ports[{i}].{path}"));
                        out.push(Entry { path, text, place: setting.place.clone() });
                    }
                }
            }
            To::Key(path, how) => {
                // The clock has it once: ports may only agree.
                let fallback = global.unwrap_or(&default);
                let mut all =
                    self.ports.iter().map(|(_, s): &(String, Settings)| s.get(key.name).unwrap_or(fallback));
                let first = all.next().unwrap_or(fallback);
                if let Some(other) = all.find(|s| s.value != first.value) {
                    let message = format!("{} has to be the same on all ports", key.name);
                    return Err(LinuxptpError { place: other.place.clone(), message });
                }
                if (!std::ptr::eq(first, &default) || ALWAYS.contains(&key.name))
                    && let Some(text) = write_value(key, how, first)?
                {
                    out.push(Entry { path: path.into(), text, place: first.place.clone() });
                }
            }
            To::Log | To::Alias(_) | To::Together => {}
            To::Nothing(why) => {
                for setting in global.into_iter().chain(own.map(|(_, s)| s)) {
                    notes.push(format!("{}: {} has no effect: {why}", setting.place, key.name));
                }
            }
        }
        Ok(())
    }
}

impl Linuxptp {
    /// The value a port has for a key that ports may have.
    fn of_port<'a>(&'a self, settings: &'a Settings, name: &str) -> Option<&'a Setting> {
        settings.get(name).or_else(|| self.global.get(name))
    }

    /// `unicast_master_table N` of each port, with the table of that number.
    fn unicast_masters(&self, out: &mut Vec<Entry>) -> Result<(), LinuxptpError> {
        for (i, (_, settings)) in self.ports.iter().enumerate() {
            let Some(setting) = self.of_port(settings, "unicast_master_table").filter(|s| s.value != "0")
            else {
                continue;
            };
            let table = self.unicast_tables.iter().find(|t| t.id.to_string() == setting.value);
            let Some(table) = table.filter(|t| !t.masters.is_empty()) else {
                let message = format!("there is no unicast_master_table {} with an address", setting.value);
                return Err(LinuxptpError { place: setting.place.clone(), message });
            };
            let place = table.masters.first().map_or(String::new(), |(_, place)| place.clone());
            let masters: Vec<_> = table.masters.iter().map(|(address, _)| quoted(address)).collect();
            let text = format!("[{}]", masters.join(", "));
            out.push(Entry { path: format!("ports[{i}].unicast_masters"), text, place: place.clone() });
            let text = table.log_query_interval.to_string();
            out.push(Entry { path: format!("ports[{i}].log_unicast_query_interval"), text, place });
        }
        Ok(())
    }

    /// `BMCA noop`: roles by serverOnly and clientOnly.
    fn static_roles(&self, out: &mut Vec<Entry>) -> Result<(), LinuxptpError> {
        let noop = |settings: &Settings| self.of_port(settings, "BMCA").is_some_and(|s| s.value == "noop");
        let Some((_, first)) = self.ports.iter().find(|(_, s)| noop(s)) else { return Ok(()) };
        let place = self.of_port(first, "BMCA").map_or(String::new(), |s| s.place.clone());
        if self.ports.iter().any(|(_, s)| !noop(s)) {
            return Err(LinuxptpError { place, message: "BMCA has to be the same on all ports".into() });
        }
        out.retain(|e| e.path != "best_master");
        out.push(Entry { path: "best_master".into(), text: "static".into(), place });
        for (i, (_, settings)) in self.ports.iter().enumerate() {
            let setting = self.of_port(settings, "serverOnly").filter(|s| s.value != "0");
            let role = if setting.is_some() { "master" } else { "client" };
            let place = setting.map_or("no serverOnly", |s| &s.place).to_owned();
            out.push(Entry { path: format!("ports[{i}].role"), text: role.into(), place });
        }
        Ok(())
    }

    /// `boundary_clock_jbod`: another program (`phc2sys -a`) keeps the ports' clocks together; or there is only one.
    fn port_clocks(&self, out: &mut Vec<Entry>) {
        let own = self.ports.iter().filter_map(|(_, s)| s.get("boundary_clock_jbod"));
        let all = self.global.get("boundary_clock_jbod").into_iter().chain(own);
        if let Some(setting) = all.max_by_key(|s| s.value != "0") {
            let text = if setting.value == "0" { "same" } else { "external" };
            let place = setting.place.clone();
            out.push(Entry { path: "port_clocks".into(), text: text.into(), place });
        }
    }

    /// `gmCapable 0`: the clock class of one that is never grandmaster.
    fn grandmaster_capable(&self, out: &mut Vec<Entry>) {
        if let Some(setting) = self.global.get("gmCapable").filter(|s| s.value == "0") {
            out.retain(|e| e.path != "clock_class");
            out.push(Entry { path: "clock_class".into(), text: "255".into(), place: setting.place.clone() });
        }
    }

    /// linuxptp looks at a neighbour's capability only where Follow_Up information is asked for.
    fn capability(&self, out: &mut Vec<Entry>) {
        let mut capable = Vec::new();
        for (i, (_, settings)) in self.ports.iter().enumerate() {
            let preset = self.of_port(settings, "asCapable").is_some_and(|s| s.value == "true");
            if let Some(info) = self.of_port(settings, "follow_up_info").filter(|s| s.value != "0" && !preset)
            {
                let path = format!("ports[{i}].as_capable");
                capable.push(Entry { path, text: "auto".into(), place: info.place.clone() });
            }
        }
        out.retain(|e| !capable.iter().any(|c| c.path == e.path));
        out.extend(capable);
    }
}

/// `None`: nothing has to be written.
fn write_value(key: &Key, how: How, s: &Setting) -> Result<Option<String>, LinuxptpError> {
    let v = s.value.as_str();
    let number = || v.parse::<i64>().unwrap_or(0);
    let zero = v.parse::<f64>().is_ok_and(|v| v == 0.0);
    let no_octets = v.chars().all(|c| matches!(c, '0' | '.' | ':' | '-'));
    Ok(Some(match how {
        How::Plain if key.name == "fault_reset_interval" && number() == -128 => "-7".into(),
        How::Plain | How::Raw => v.to_owned(),
        How::Flag => (v != "0").to_string(),
        How::NanosOrOff if zero => "off".into(),
        How::Nanos | How::NanosOrOff => format!("{v}ns"),
        How::Threshold if zero => "off".into(),
        How::Threshold => {
            let ns = v.parse::<f64>().unwrap_or(0.0) * 1e9;
            if ns >= 1.0 { format!("{ns:.0}ns") } else { "1ns".into() }
        }
        How::LogSeconds => match number() {
            n @ 0..=16 => format!("{}s", 1_i64 << n),
            n @ -9..=-1 => format!("{}ns", 1_000_000_000_i64 >> -n),
            n if n < 0 => "off".into(),
            _ => "86400s".into(),
        },
        How::Ppb if zero => "900000ppm".into(),
        How::Limit => format!("{}ppb", number().min(1_000_000_000)),
        How::Ppb => format!("{}ppb", number().min(900_000_000)),
        How::ZeroIsAuto if zero => "auto".into(),
        How::ZeroIsAuto => v.to_owned(),
        How::Words(words) => match words.iter().find(|(from, _)| *from == v) {
            Some((_, to)) => (*to).to_owned(),
            None => {
                let message = format!("{} {v} has no counterpart", key.name);
                return Err(LinuxptpError { place: s.place.clone(), message });
            }
        },
        How::NanosOrUnknown if number() < 0 => "off".into(),
        How::NanosOrUnknown => format!("{v}ns"),
        How::Seconds => format!("{}s", number().min(30 * 86_400)),
        How::Phc if number() < 0 => "auto".into(),
        How::Phc => format!("phc{v}"),
        How::NotFlag => (v == "0").to_string(),
        How::Quoted => quoted(v),
        How::Socket if v.is_empty() => "off".into(),
        How::Socket => quoted(v),
        How::Mode => format!("0{:o}", number()),
        How::Identity if no_octets => "auto".into(),
        How::Identity => quoted(v),
        How::User if v.is_empty() => "off".into(),
        How::User => quoted(v),
        How::First if zero || no_octets => return Ok((key.name == "transportSpecific").then(|| "0".into())),
        How::First => v.to_owned(),
        How::Level => match number() {
            ..=3 => "error",
            4 => "warn",
            5 | 6 => "info",
            _ => "debug",
        }
        .into(),
    }))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A comment never ends early, whatever a file's name or value has in it.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn render(entries: &[Entry], ports: &[(String, Settings)], notes: &[String]) -> String {
    let mut s = String::from(
        "# Converted from a configuration of linuxptp; the comments say where each value stood.\n",
    );
    for note in notes {
        let _ = writeln!(s, "# {}", comment(note));
    }
    for section in yaml::SECTIONS.iter().filter(|s| s.name != yaml::PORT.name) {
        let nested = section.is_nested();
        let mut begun = false;
        for e in entries.iter().filter(|e| !e.path.starts_with("ports[")) {
            let name = match e.path.split_once('.') {
                Some((of, name)) if nested && of == section.name => name,
                None if !nested => e.path.as_str(),
                _ => continue,
            };
            if nested && !begun {
                let _ = writeln!(s, "{}:", section.name);
            }
            begun = true;
            let _ =
                writeln!(s, "{}{name}: {}  # {}", if nested { "  " } else { "" }, e.text, comment(&e.place));
        }
    }
    if !ports.is_empty() {
        s.push_str("ports:\n");
    }
    for (i, (name, _)) in ports.iter().enumerate() {
        let _ = writeln!(s, "  - interface: {}", quoted(name));
        let prefix = format!("ports[{i}].");
        for e in entries {
            if let Some(key) = e.path.strip_prefix(&prefix) {
                let _ = writeln!(s, "    {key}: {}  # {}", e.text, comment(&e.place));
            }
        }
    }
    s
}
