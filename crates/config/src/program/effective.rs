//! What is in force, with origins; and what two configurations differ in.

use std::fmt::Write as _;

use super::{Form, Settings, plain};
use crate::check;
use crate::effective::{Change, line, value_text};
use crate::layers::Origin;
use crate::table::Key;

impl Settings {
    /// Where a value came from, by the key's full name (`rate`, `clocks[0].edge`).
    pub fn origin(&self, path: &str) -> Option<&Origin> {
        self.values.get(path).map(|s| &s.origin)
    }

    /// The whole configuration as a file: every value, and where it came from as a comment. Keys without an effect are
    /// commented out, keys without a value, too. Read again, it gives the same configuration.
    pub fn effective(&self) -> String {
        let mut s = String::new();
        for (i, group) in self.program.groups.iter().enumerate() {
            let _ = writeln!(s, "{}# {}", if i == 0 { "" } else { "\n" }, group.title);
            match group.form {
                Form::Top => {
                    for key in group.keys {
                        self.write(&mut s, "", key, key.name);
                    }
                }
                Form::Under(name) => {
                    let live = group.keys.iter().any(|key| self.met(key.needs));
                    let _ = writeln!(s, "{}{name}:", if live { "" } else { "# " });
                    for key in group.keys {
                        self.write(&mut s, "  ", key, &group.path("", key.name));
                    }
                }
                Form::Each(list, _) => {
                    let Some((count, origin)) = self.counts.get(list) else { continue };
                    if *count == 0 {
                        line(&mut s, "# ", list, "none", &origin.to_string());
                        continue;
                    }
                    let _ = writeln!(s, "{list}:");
                    for item in 0..*count {
                        // The first key that stands for itself carries the dash.
                        let mut indent = "  - ";
                        for key in group.keys {
                            let path = format!("{list}[{item}].{}", key.name);
                            if self.write(&mut s, indent, key, &path) {
                                indent = "    ";
                            }
                        }
                    }
                }
            }
        }
        s
    }

    /// False: it was written as a comment.
    fn write(&self, s: &mut String, indent: &str, key: &Key, path: &str) -> bool {
        let setting = self.get(path);
        let origin = setting.origin.to_string();
        if setting.text.is_empty() || !self.met(key.needs) {
            let why = match setting.text.is_empty() {
                true => origin,
                false => format!("{origin}; {}", check::reason(key.needs)),
            };
            let indent = format!("{}# ", " ".repeat(indent.len()));
            line(s, &indent, key.name, &value_text(&key.kind, setting), &why);
            return false;
        }
        line(s, indent, key.name, &value_text(&key.kind, setting), &origin);
        true
    }
}

/// What changed, by key, in the order of the table. A list whose number of items changed is one change.
pub(super) fn changes(old: &Settings, new: &Settings) -> Vec<Change> {
    let mut all = Vec::new();
    let mut change = |path: &str, old: String, new: String| {
        all.push(Change { key: path.to_owned(), port: None, old: Some(old), new: Some(new) });
    };
    let text = |t: &str| if t.is_empty() { "nothing".to_owned() } else { t.to_owned() };
    for group in new.program.groups {
        let paths: Vec<String> = match group.form {
            Form::Each(list, _) => {
                let (before, after) = (old.count(list), new.count(list));
                if before != after {
                    let items = |n: usize| format!("{n} item{}", if n == 1 { "" } else { "s" });
                    change(list, items(before), items(after));
                    continue;
                }
                let keys = |i: usize| group.keys.iter().map(move |k| format!("{list}[{i}].{}", k.name));
                (0..after).flat_map(keys).collect()
            }
            _ => group.keys.iter().map(|k| group.path("", k.name)).collect(),
        };
        for path in paths {
            let (before, after) = (old.get(&path), new.get(&path));
            if before.value != after.value {
                change(&path, text(&before.text), text(&after.text));
            }
        }
    }
    all
}

impl Settings {
    /// What changed from this to another, by key: what a running program takes over, and what needs a restart. Two
    /// spellings of one value (`1ms`, `1000us`) are the same.
    pub fn changes(&self, new: &Self) -> (Vec<Change>, Vec<Change>) {
        changes(self, new).into_iter().partition(|c| self.program.is_live(&plain(&c.key)))
    }

    /// The new configuration as far as it can be taken over: values that need a restart stay what they are here.
    pub fn taken_over(&self, new: &Self) -> Self {
        let mut taken = new.clone();
        for group in self.program.groups {
            if let Form::Each(list, _) = group.form
                && !self.program.is_live(list)
                && self.count(list) != new.count(list)
            {
                let prefix = format!("{list}[");
                taken.values.retain(|path, _| !path.starts_with(&prefix));
                let own = self.values.iter().filter(|(path, _)| path.starts_with(&prefix));
                taken.values.extend(own.map(|(path, setting)| (path.clone(), setting.clone())));
                if let Some(count) = self.counts.get(list) {
                    taken.counts.insert(list, count.clone());
                }
            }
        }
        for (path, setting) in &self.values {
            if !self.program.is_live(path) {
                taken.values.insert(path.clone(), setting.clone());
            }
        }
        taken
    }
}
