//! Configurations of the other programs, on the same machinery: one table of keys each, from which reader, JSON Schema,
//! effective configuration, manual page and what a reload may change follow.
//!
//! ```
//! use ptp_config::program::{self, Settings};
//! use ptp_config::Overrides;
//!
//! let file = b"system_clock: sink\nrate: 8\n";
//! let read = program::PHC_SYNC.read_octets("phc-sync.yaml".as_ref(), file, &Overrides::default());
//! assert_eq!(read.real("rate"), 8.0);
//! let settings: Settings = read.finish()?;
//! assert!(settings.effective().contains("# phc-sync.yaml:2"));
//! # Ok::<(), ptp_config::Diagnostics>(())
//! ```

mod documents;
mod effective;
mod phc_sync;
mod read;
mod settings;
mod ts2phc;

use crate::kind::Kind;
use crate::table::{Key, Need, THRESHOLD, key};

pub use phc_sync::PHC_SYNC;
pub use settings::{Reading, Settings};
pub use ts2phc::TS2PHC;

/// A program's configuration: its keys, and what is said about them.
#[derive(Debug)]
pub struct Program {
    /// The program's name; its file is `NAME.yaml`.
    pub(crate) name: &'static str,
    /// One line about the program.
    pub(crate) about: &'static str,
    pub(crate) groups: &'static [Group],
    /// Names of keys, lists among them, that must be given.
    pub(crate) needed: &'static [(&'static str, &'static str)],
    /// What the shortest file is.
    pub(crate) least: &'static str,
    /// Keys, by their full names, whose change needs a restart; of a list, `clocks` is all of it.
    pub(crate) restart: &'static [&'static str],
    /// Lists whose items come and go while the program runs.
    pub(crate) live_lists: &'static [&'static str],
    /// Other names for keys.
    pub(crate) other_names: &'static [(&'static str, &'static str)],
    /// Of the manual page, in man(7) markup.
    pub(crate) introduction: &'static str,
    pub(crate) see_also: &'static str,
}

/// Keys that belong together.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) form: Form,
    pub(crate) keys: &'static [Key],
}

/// Where a group's keys stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// At the top of the file.
    Top,
    /// Below a key of this name.
    Under(&'static str),
    /// In each item of the list of this name. The second is the key that an item which is one value stands for.
    Each(&'static str, &'static str),
}

impl Program {
    /// The program's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// A running program takes over a change of this key, by its full name (`rate`, `metrics.listen`, `clocks[0].edge`).
    pub fn is_live(&self, path: &str) -> bool {
        let plain = plain(path);
        let of =
            |name: &str| plain == name || plain.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let grows = self.list(&plain).is_none() || self.live_lists.contains(&plain.as_str());
        grows && !self.restart.iter().any(|name| of(name))
    }

    /// Full names of all keys, with `[]` behind the names of lists.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (String, &'static Key)> {
        self.groups.iter().flat_map(|g| g.keys.iter().map(|k| (g.path("[]", k.name), k)))
    }

    /// The key of a full name; of an item of a list with any index.
    pub(crate) fn find(&self, path: &str) -> Option<&'static Key> {
        let plain = plain(path);
        self.groups.iter().find_map(|g| g.keys.iter().find(|k| g.path("", k.name) == plain))
    }

    pub(crate) fn list(&self, name: &str) -> Option<&'static Group> {
        self.groups.iter().find(|g| matches!(g.form, Form::Each(list, _) if list == name))
    }
}

impl Group {
    /// A key's full name; `index` stands behind a list's name.
    pub(crate) fn path(&self, index: &str, name: &str) -> String {
        match self.form {
            Form::Top => name.to_owned(),
            Form::Under(section) => format!("{section}.{name}"),
            Form::Each(list, _) => format!("{list}{index}.{name}"),
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self.form {
            Form::Top => "",
            Form::Under(name) | Form::Each(name, _) => name,
        }
    }
}

/// A full name without the indices of lists.
fn plain(path: &str) -> String {
    let mut inside = false;
    let keep = |c: &char| {
        inside = (inside || *c == '[') && *c != ']';
        !inside && *c != ']'
    };
    path.chars().filter(keep).collect()
}

const SOCKET: Kind = Kind::Path { max: 107, off: true };

/// Keys of the log and of events, which both programs have.
const fn outlets(parts: &'static [&'static str]) -> [Key; 5] {
    [
        key(
            "log_level",
            Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
            "info",
            "Least severe level that is written.",
            "",
        ),
        key("log_parts", Kind::Levels(parts), "off", "Other levels of some parts of the program.", ""),
        key(
            "log_journal",
            SOCKET,
            "off",
            "journald's socket, usually /run/systemd/journal/socket: lines and events go there with their fields, and not to standard error.",
            "",
        ),
        key(
            "events_socket",
            SOCKET,
            "off",
            "UNIX stream socket that tells the present state and every event, one JSON object a line (docs/events.md).",
            "",
        ),
        key("events_socket_mode", Kind::Mode, "0660", "Its mode.", "").needs(Need::IsNot(
            "events_socket",
            "off",
            "`events_socket` is `off`",
        )),
    ]
}

/// A threshold for steps.
const STEP: Kind = THRESHOLD;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lists_of_the_tables_are_sound() {
        for program in [&PHC_SYNC, &TS2PHC] {
            let mut all: Vec<String> = program.paths().map(|(path, _)| path).collect();
            assert!(all.len() > 30, "{}", all.len());
            all.sort();
            all.dedup();
            assert_eq!(all.len(), program.paths().count(), "a name stands twice");
            for (path, key) in program.paths() {
                let default = key.default;
                assert!(default.is_empty() || key.kind.parse(default, false).is_ok(), "{path}: {default}");
                if let Need::Is(other, ..) | Need::IsNot(other, ..) = key.needs {
                    assert!(program.find(other).is_some(), "{path} needs {other}");
                }
            }
            for name in program.restart {
                let section = program.groups.iter().any(|g| g.name() == *name);
                assert!(section || program.find(name).is_some(), "no key `{name}`");
            }
            for (_, name) in program.other_names {
                let key = program.groups.iter().any(|g| g.keys.iter().any(|k| k.name == *name));
                assert!(key || program.list(name).is_some(), "no key `{name}`");
            }
            assert!(program.is_live("log_level") && !program.is_live("metrics.listen"));
        }
        assert!(
            !TS2PHC.is_live("clocks")
                && TS2PHC.is_live("clocks[1].cable_delay")
                && !TS2PHC.is_live("clocks[1].pin")
        );
    }
}
