//! Values and where they came from: default, profile, file, command line, each over the one before.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::conformance::Rule;
use crate::kind::Value;
use crate::source::Place;
use crate::table::{self, Key};

/// Where a value came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The table of keys.
    Default,
    /// A profile, by name.
    Profile(String),
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An option, as it was given.
    CommandLine(String),
}

impl Origin {
    /// Written by hand for this very instance: then it must have an effect.
    pub(crate) const fn is_explicit(&self) -> bool {
        matches!(self, Self::File { .. } | Self::CommandLine(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::CommandLine(option) => write!(f, "command line, {option}"),
        }
    }
}

/// A value with its origin.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) value: Value,
    /// As it was written.
    pub(crate) text: String,
    pub(crate) origin: Origin,
    /// Key and value in the file, if it stands in one.
    pub(crate) place: Option<(Place, Place)>,
}

/// A port's own settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct PortLayer {
    pub(crate) own: BTreeMap<&'static str, Setting>,
}

/// All values.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    pub(crate) profile: Setting,
    /// By full name, complete: each key of the table but `interface` is in it.
    pub(crate) shared: BTreeMap<String, Setting>,
    pub(crate) ports: Vec<PortLayer>,
    /// What the profile permits.
    pub(crate) conformance: Vec<Rule>,
}

impl Layers {
    /// The table's defaults.
    pub(crate) fn defaults() -> Self {
        let shared = table::paths()
            .filter(|(path, _)| path != "interface")
            .map(|(path, key)| (path, default(key)))
            .collect();
        let profile = Setting {
            value: Value::Text(table::DEFAULT_PROFILE.to_owned()),
            text: table::DEFAULT_PROFILE.to_owned(),
            origin: Origin::Default,
            place: None,
        };
        Self { profile, shared, ports: Vec::new(), conformance: Vec::new() }
    }

    /// The value of a key that is not a port's, or of a port's for all ports.
    pub(crate) fn get(&self, path: &str) -> &Setting {
        self.shared.get(path).expect("defaults() has put every key of the table there")
    }

    /// The value of a port's key. The command line comes before the port's entry, that before what is for all ports.
    pub(crate) fn port<'a>(&'a self, port: &'a PortLayer, name: &str) -> &'a Setting {
        match (port.own.get(name), self.shared.get(name)) {
            (Some(_), Some(shared)) if matches!(shared.origin, Origin::CommandLine(_)) => shared,
            (Some(own), _) => own,
            (None, Some(shared)) => shared,
            (None, None) => unreachable!("only `interface` is not shared, and a port without one is refused"),
        }
    }
}

fn default(key: &Key) -> Setting {
    let value = key.kind.parse(key.default, false).expect("a test reads every default of the table");
    Setting { value, text: key.default.to_owned(), origin: Origin::Default, place: None }
}
