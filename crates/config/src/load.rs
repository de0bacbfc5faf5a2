//! Puts a configuration together.

use std::path::{Path, PathBuf};

use crate::authentication;
use crate::build;
use crate::check;
use crate::diagnostics::{Diagnostic, Diagnostics, Problem};
use crate::kind::Value;
use crate::layers::{Layers, Origin, PortLayer, Setting};
use crate::model::PtpdConfig;
use crate::profile::Profiles;
use crate::read::{self, FileReader, Reader};
use crate::source::Source;
use crate::table::{self, INSTANCE, PORT};
use crate::words;

/// A configuration without an error, with the origin of every value.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: PtpdConfig,
    pub(crate) layers: Layers,
}

impl Loaded {
    /// Somebody wrote a value for this key, in the file or on the command line. False for keys there are not.
    pub fn says(&self, key: &str) -> bool {
        self.layers.shared.get(key).is_some_and(|s| s.origin.is_explicit())
    }
}

/// A value from the command line. It comes before the file, and before what the file says for a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CommandLineSetting {
    /// The option as the operator gave it, for messages: `-s`, `--set priority1=1`.
    pub option: String,
    /// Full name of the key: `client_only`, `servo.step_threshold`, `transport`.
    pub key: String,
    /// The value as it would stand in the file.
    pub value: String,
}

/// What the command line says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Overrides {
    /// `-i`: interfaces. One the file has no port for becomes a port behind the file's.
    pub interfaces: Vec<String>,
    /// `--profile`: instead of the file's.
    pub profile: Option<String>,
    /// Single values; of two for the same key the later one counts.
    pub settings: Vec<CommandLineSetting>,
}

impl Overrides {
    /// Adds a value.
    pub fn set(&mut self, option: &str, key: &str, value: &str) {
        self.settings.push(CommandLineSetting {
            option: option.into(),
            key: key.into(),
            value: value.into(),
        });
    }
}

/// Reads a configuration file. `profile_dirs` are searched for profiles before the built-in ones; see
/// [`default_profile_dirs`](crate::default_profile_dirs).
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(path: &Path, profile_dirs: &[PathBuf]) -> Result<Loaded, Diagnostics> {
    load_with(Some(path), profile_dirs, &Overrides::default())
}

/// Reads a configuration file, if there is one, and the command line over it.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load_with(
    path: Option<&Path>,
    profile_dirs: &[PathBuf],
    overrides: &Overrides,
) -> Result<Loaded, Diagnostics> {
    match path.map(Source::read).transpose() {
        Ok(source) => assemble(source, profile_dirs, overrides),
        Err(diagnostic) => Err(Diagnostics::new(vec![*diagnostic])),
    }
}

/// Reads a configuration from octets, as if they stood in a file of that name.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load_octets(
    path: &Path,
    octets: &[u8],
    profile_dirs: &[PathBuf],
    overrides: &Overrides,
) -> Result<Loaded, Diagnostics> {
    match Source::from_octets(path, octets.to_vec()) {
        Ok(source) => assemble(Some(source), profile_dirs, overrides),
        Err(diagnostic) => Err(Diagnostics::new(vec![*diagnostic])),
    }
}

fn assemble(source: Option<Source>, dirs: &[PathBuf], overrides: &Overrides) -> Result<Loaded, Diagnostics> {
    let profiles = Profiles { dirs };
    let mut out = Vec::new();
    let mut layers = Layers::defaults();
    let tree = source.as_ref().map(|source| source.tree(&mut out));
    let mut cut = false;

    // The profile lies below the file, whatever line names it.
    if let (Some(source), Some(tree)) = (&source, &tree) {
        let mut reader =
            FileReader { reader: Reader { source, profile: None, out: &mut out }, layers: &mut layers };
        if let Some(setting) = reader.profile_name(tree, &profiles) {
            layers.profile = setting;
        }
    }
    if let Some(name) = &overrides.profile {
        if profiles.has(name) {
            let origin = Origin::CommandLine(format!("profile {name}"));
            layers.profile =
                Setting { value: Value::Text(name.clone()), text: name.clone(), origin, place: None };
        } else {
            let names = profiles.names();
            let words: Vec<&str> = names.iter().map(String::as_str).collect();
            let message = format!("no profile `{}`", words::brief(name));
            let diagnostic = Diagnostic::new(Problem::UnknownProfile, message).key("profile");
            out.push(diagnostic.in_file(Path::new(COMMAND_LINE)).allowed(words::list(&words)));
        }
    }
    let name = layers.profile.text.clone();
    match profiles.read(&name) {
        Ok(profile) => {
            let tree = profile.tree(&mut out);
            let mut reader = FileReader {
                reader: Reader { source: &profile, profile: Some(&name), out: &mut out },
                layers: &mut layers,
            };
            reader.root(&tree);
        }
        Err(diagnostic) => out.push(*diagnostic),
    }

    if let (Some(source), Some(tree)) = (&source, &tree) {
        let mut reader =
            FileReader { reader: Reader { source, profile: None, out: &mut out }, layers: &mut layers };
        cut = !reader.root(tree) || tree.cut;
    }
    command_line(overrides, &mut layers, &mut out);

    // What a broken file does not say may have been meant to be there.
    let keys = if cut { None } else { check::check(&layers, source.as_ref(), &mut out) };
    if out.is_empty() {
        let mut config = build::build(&layers);
        authentication::give(&mut config, keys.as_ref());
        Ok(Loaded { config, layers })
    } else {
        Err(Diagnostics::new(out))
    }
}

pub(crate) const COMMAND_LINE: &str = "command line";

fn command_line(overrides: &Overrides, layers: &mut Layers, out: &mut Vec<Diagnostic>) {
    let at = |problem, message: String| Diagnostic::new(problem, message).in_file(Path::new(COMMAND_LINE));
    for CommandLineSetting { option, key, value } in &overrides.settings {
        let Some(found) = table::find(key).filter(|k| k.name != "interface") else {
            let mut diagnostic =
                at(Problem::UnknownKey, format!("{option}: unknown key `{}`", words::brief(key)));
            let names: Vec<&str> = INSTANCE.keys.iter().chain(PORT.keys).map(|k| k.name).collect();
            if let Some(near) = words::nearest(key, names) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            out.push(diagnostic.key(words::brief(key)));
            continue;
        };
        match found.kind.parse(value, false) {
            Ok(parsed) => {
                let origin = Origin::CommandLine(option.clone());
                let setting = Setting { value: parsed, text: value.clone(), origin, place: None };
                layers.shared.insert(key.clone(), setting);
            }
            Err(refusal) => out.push(read::refused(found, key, value, refusal, |problem, message| {
                at(problem, format!("{option}: {message}"))
            })),
        }
    }
    let interface = PORT.key("interface").expect("the table has it");
    for name in &overrides.interfaces {
        match interface.kind.parse(name, false) {
            Ok(value) => {
                let there = |p: &PortLayer| p.own.get("interface").is_some_and(|s| s.value == value);
                if !layers.ports.iter().any(there) {
                    let origin = Origin::CommandLine(format!("-i {name}"));
                    let setting = Setting { value, text: name.clone(), origin, place: None };
                    let mut port = PortLayer::default();
                    port.own.insert("interface", setting);
                    layers.ports.push(port);
                }
            }
            Err(refusal) => {
                out.push(read::refused(interface, "interface", name, refusal, |problem, message| {
                    at(problem, format!("-i: {message}"))
                }))
            }
        }
    }
}
