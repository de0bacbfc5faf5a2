//! What is in force: every value with its origin, and what two configurations differ in.

use std::fmt::Write as _;

use crate::Origin;
use crate::authentication;
use crate::build;
use crate::check;
use crate::diagnostics::{Diagnostics, Problem};
use crate::kind::Kind;
use crate::layers::{PortLayer, Setting};
use crate::load::Loaded;
use crate::table::live::{FEEDS, is_live};
use crate::table::{self, INSTANCE, Key, PORT, Section};

/// A difference between two configurations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// Full name of the key: `priority1`, `servo.step_threshold`, `log_sync_interval`. `interface` stands for the
    /// whole port: it came or went.
    pub key: String,
    /// The port's interface, for a port's key.
    pub port: Option<String>,
    /// As it was written; `None`: the port was not there.
    pub old: Option<String>,
    /// As it is written now; `None`: the port is gone.
    pub new: Option<String>,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(port) = &self.port {
            write!(f, "{port}: ")?;
        }
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "{} from {old} to {new}", self.key),
            (None, _) => f.write_str("port added"),
            (_, None) => f.write_str("port removed"),
        }
    }
}

impl Change {
    /// A running `ptpd` takes it over; else it needs a restart.
    pub fn is_live(&self) -> bool {
        let feeds = |text: &Option<String>| text.as_deref().is_some_and(|t| FEEDS.contains(&t));
        // One servo takes over from another; a program that is fed instead does not.
        is_live(&self.key) && !(self.key == "servo.kind" && (feeds(&self.old) || feeds(&self.new)))
    }
}

/// What changed, by key, in the order of the documentation; ports are told apart by their interface. Two spellings
/// of one value (`1ms`, `1000us`) are the same. A change of only the ports' order is not told.
pub fn diff(old: &Loaded, new: &Loaded) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut change = |key: &str, port: Option<&str>, old: Option<&Setting>, new: Option<&Setting>| {
        changes.push(Change {
            key: key.to_owned(),
            port: port.map(str::to_owned),
            old: old.map(|s| s.text.clone()),
            new: new.map(|s| s.text.clone()),
        });
    };
    if old.layers.profile.value != new.layers.profile.value {
        change("profile", None, Some(&old.layers.profile), Some(&new.layers.profile));
    }
    for (path, _) in table::paths().filter(|(path, _)| PORT.key(path).is_none()) {
        let (before, after) = (old.layers.get(&path), new.layers.get(&path));
        if before.value != after.value {
            change(&path, None, Some(before), Some(after));
        }
    }
    let find = |loaded: &'_ Loaded, name: &str| loaded.config.ports.iter().position(|p| p.interface == name);
    for (port, config) in old.layers.ports.iter().zip(&old.config.ports) {
        let name = config.interface.as_str();
        let Some(other) = find(new, name).and_then(|i| new.layers.ports.get(i)) else {
            change("interface", Some(name), port.own.get("interface"), None);
            continue;
        };
        for key in PORT.keys {
            let (before, after) = (old.layers.port(port, key.name), new.layers.port(other, key.name));
            if before.value != after.value {
                change(key.name, Some(name), Some(before), Some(after));
            }
        }
    }
    for (port, config) in new.layers.ports.iter().zip(&new.config.ports) {
        if find(old, &config.interface).is_none() {
            change("interface", Some(&config.interface), None, port.own.get("interface"));
        }
    }
    changes
}

impl Loaded {
    /// A new configuration as far as a running `ptpd` takes it over: keys that need a restart stay what they are here,
    /// as do ports: one that came or went needs a restart, too.
    ///
    /// # Errors
    /// What can be taken over does not fit together with what stays.
    pub fn taken_over(&self, new: &Self) -> Result<Self, Diagnostics> {
        let mut layers = new.layers.clone();
        for change in diff(self, new).iter().filter(|c| c.port.is_none() && !c.is_live()) {
            if let Some(own) = self.layers.shared.get(&change.key) {
                layers.shared.insert(change.key.clone(), own.clone());
            }
        }
        layers.ports.clear();
        for (own, config) in self.layers.ports.iter().zip(&self.config.ports) {
            let there = new.config.ports.iter().position(|p| p.interface == config.interface);
            let Some(port) = there.and_then(|i| new.layers.ports.get(i)) else {
                layers.ports.push(own.clone());
                continue;
            };
            let mut port = port.clone();
            for key in PORT.keys.iter().filter(|k| !is_live(k.name)) {
                port.own.insert(key.name, self.layers.port(own, key.name).clone());
            }
            layers.ports.push(port);
        }
        let mut out = Vec::new();
        let keys = check::check(&layers, None, &mut out);
        // A key may be there for another one that has to wait.
        out.retain(|d| d.problem != Problem::NoEffect);
        if !out.is_empty() {
            return Err(Diagnostics::new(out));
        }
        let mut config = build::build(&layers);
        authentication::give(&mut config, keys.as_ref());
        Ok(Self { config, layers })
    }

    /// Where a value came from: of a key by its full name, or of a port's key with the port's index from 0.
    pub fn origin(&self, key: &str, port: Option<usize>) -> Option<&Origin> {
        if key == "profile" {
            return Some(&self.layers.profile.origin);
        }
        let own = |i: usize| self.layers.ports.get(i);
        match port {
            Some(i) => PORT.key(key).and_then(|k| own(i).map(|p| &self.layers.port(p, k.name).origin)),
            None => self.layers.shared.get(key).map(|s| &s.origin),
        }
    }

    /// The whole configuration as a file: every value, and where it came from as a comment. Keys without an effect
    /// are commented out. Read again, it gives the same configuration.
    pub fn effective(&self) -> String {
        let mut s = String::new();
        line(
            &mut s,
            "",
            "profile",
            &quote(&self.layers.profile.text),
            &self.layers.profile.origin.to_string(),
        );
        for key in INSTANCE.keys {
            self.setting(&mut s, "", key, self.layers.get(key.name), None);
        }
        for section in table::SECTIONS.iter().filter(|section| section.is_nested()) {
            self.section(&mut s, section);
        }
        s.push_str("\nports:\n");
        for port in &self.layers.ports {
            for (i, key) in PORT.keys.iter().enumerate() {
                let indent = if i == 0 { "  - " } else { "    " };
                self.setting(&mut s, indent, key, self.layers.port(port, key.name), Some(port));
            }
        }
        s
    }

    fn section(&self, s: &mut String, section: &Section) {
        let live = section.keys.iter().any(|key| check::met(key.needs, &self.layers, None));
        let _ = writeln!(s, "\n{}{}:", if live { "" } else { "# " }, section.name);
        for key in section.keys {
            self.setting(s, "  ", key, self.layers.get(&format!("{}.{}", section.name, key.name)), None);
        }
    }

    fn setting(&self, s: &mut String, indent: &str, key: &Key, setting: &Setting, port: Option<&PortLayer>) {
        let value = value_text(&key.kind, setting);
        let origin = setting.origin.to_string();
        if check::met(key.needs, &self.layers, port) {
            line(s, indent, key.name, &value, &origin);
        } else {
            let why = format!("{origin}; {}", check::reason(key.needs));
            line(s, &format!("{}# ", " ".repeat(indent.len())), key.name, &value, &why);
        }
    }
}

/// A value as YAML.
pub(crate) fn value_text(kind: &Kind, setting: &Setting) -> String {
    match kind {
        Kind::Text { .. } => quote(&setting.text),
        Kind::Path { .. }
        | Kind::ClockDevice
        | Kind::Interface
        | Kind::User
        | Kind::Listen
        | Kind::Named { .. }
            if !matches!(setting.text.as_str(), "off" | "auto") =>
        {
            quote(&setting.text)
        }
        _ if kind.is_list() && setting.text != "off" => {
            let items: Vec<_> = setting.text.split(',').map(|item| quote(item.trim())).collect();
            format!("[{}]", items.join(", "))
        }
        // Other kinds are read as they were written, and have no character in them that YAML would heed.
        _ => setting.text.clone(),
    }
}

pub(crate) fn line(s: &mut String, indent: &str, key: &str, value: &str, origin: &str) {
    let _ = writeln!(s, "{:<48}# {origin}", format!("{indent}{key}: {value} "));
}

/// A text as YAML: plain where it can be, in quotes where it must.
fn quote(text: &str) -> String {
    if text.is_empty() || text.contains([';', '#', ':']) {
        // Valid JSON strings are valid YAML, and stay on their line.
        return format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    }
    serde_yaml::to_string(text).map_or_else(|_| format!("{text:?}"), |s| s.trim_end_matches('\n').to_owned())
}
