//! From a file and a command line to values.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::{Form, Group, Program, Reading, Settings};
use crate::diagnostics::{Diagnostic, Problem, TOO_MANY};
use crate::layers::{Origin, Setting};
use crate::load::{COMMAND_LINE, CommandLineSetting, Overrides};
use crate::read::{Reader, is_null, refused, scalar, snake_case};
use crate::source::{Content, Node, Source};
use crate::table::Key;
use crate::words;

/// More items of one list are refused.
const MOST_ITEMS: usize = 1000;

impl Program {
    /// Reads a file, if there is one, and the command line over it. Everything wrong is in what is given back.
    ///
    /// A key of the command line is a full name: `rate`, `metrics.listen`, `clocks[0].edge`; `clocks[*].edge` is that of
    /// each item, `clocks` the whole list, by names; `witnesses[N].ntp` makes the item if there are N before it.
    pub fn read(&'static self, path: Option<&Path>, overrides: &Overrides) -> Reading {
        match path.map(Source::read).transpose() {
            Ok(source) => self.assemble(source, overrides),
            Err(diagnostic) => Reading { out: vec![*diagnostic], ..self.nothing() },
        }
    }

    /// Reads octets, as if they stood in a file of that name.
    pub fn read_octets(&'static self, path: &Path, octets: &[u8], overrides: &Overrides) -> Reading {
        match Source::from_octets(path, octets.to_vec()) {
            Ok(source) => self.assemble(Some(source), overrides),
            Err(diagnostic) => Reading { out: vec![*diagnostic], ..self.nothing() },
        }
    }

    fn nothing(&'static self) -> Reading {
        let settings = Settings::defaults(self);
        Reading { settings, source: None, out: Vec::new(), asked: RefCell::new(BTreeSet::new()) }
    }

    fn assemble(&'static self, source: Option<Source>, overrides: &Overrides) -> Reading {
        let mut reading = self.nothing();
        let mut cut = false;
        if let Some(source) = &source {
            let mut out = Vec::new();
            let tree = source.tree(&mut out);
            cut = tree.cut;
            match &tree.root {
                Some(root) => {
                    let reader = Reader { source, profile: None, out: &mut out };
                    cut |= !ProgramReader { reader, settings: &mut reading.settings }.root(root);
                }
                None if !cut => {
                    cut = true;
                    let empty = Diagnostic::new(Problem::Missing, "the file is empty").in_file(&source.path);
                    out.push(empty.help(self.least));
                }
                None => {}
            }
            reading.out = out;
        }
        reading.source = source;
        for setting in &overrides.settings {
            reading.option(setting);
        }
        // What a broken file does not say may have been meant to be there.
        if !cut {
            reading.check_needed();
            reading.check_effect();
        }
        reading
    }
}

impl Reading {
    fn check_needed(&mut self) {
        for (name, help) in self.settings.program.needed {
            let there = match self.settings.counts.get(name) {
                Some((count, _)) => *count > 0,
                None => self.settings.get(name).origin.is_explicit(),
            };
            // What was given and refused has been told.
            let told = self
                .out
                .iter()
                .any(|d| d.key.as_deref().is_some_and(|k| k == *name || k.starts_with(&format!("{name}["))));
            if !there && !told {
                let missing = self.whole(Problem::Missing, &format!("`{name}` is needed"));
                self.out.push(missing.key(*name).help(*help));
            }
        }
    }

    /// One value of the command line.
    fn option(&mut self, given: &CommandLineSetting) {
        let CommandLineSetting { option, key, value } = given;
        let origin = Origin::CommandLine(option.clone());
        let at = |problem, message: String| {
            Diagnostic::new(problem, format!("{option}: {message}")).in_file(COMMAND_LINE.as_ref())
        };
        let program = self.settings.program;
        if let Some(Group { form: Form::Each(list, short), keys, .. }) = program.list(key) {
            let Some(found) = keys.iter().find(|k| k.name == *short) else {
                let message = format!("`{key}` cannot be given on the command line");
                self.out.push(at(Problem::WrongType, message));
                return;
            };
            self.settings.clear(list, origin.clone());
            for text in value.split(',').map(str::trim) {
                let index = self.settings.add_item(list, origin.clone());
                let path = format!("{list}[{index}].{short}");
                match found.kind.parse(text, false) {
                    Ok(value) => {
                        let origin = origin.clone();
                        let setting = Setting { value, text: text.to_owned(), origin, place: None };
                        self.settings.values.insert(path, setting);
                    }
                    Err(refusal) => self.out.push(refused(found, &path, text, refusal, at)),
                }
            }
            return;
        }
        let Some(found) = program.find(key) else {
            let mut diagnostic = at(Problem::UnknownKey, format!("unknown key `{}`", words::brief(key)));
            let names: Vec<String> = program.paths().map(|(path, _)| super::plain(&path)).collect();
            if let Some(near) = words::nearest(key, names.iter().map(String::as_str)) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            self.out.push(diagnostic.key(words::brief(key)));
            return;
        };
        let value = match found.kind.parse(value, false) {
            Ok(value) => value,
            Err(refusal) => {
                self.out.push(refused(found, key, value, refusal, at));
                return;
            }
        };
        let setting = Setting { value, text: given.value.clone(), origin: origin.clone(), place: None };
        let mut paths = vec![key.clone()];
        if let Some((list, rest)) = key.split_once("[*]") {
            let group = program.list(list);
            if let Some(Group { form: Form::Each(list, short), keys, .. }) = group
                && self.settings.count(list) == 0
                && keys.iter().any(|k| k.name == *short && !k.is_needed())
            {
                self.settings.add_item(list, origin);
            }
            paths = (0..self.settings.count(list)).map(|i| format!("{list}[{i}]{rest}")).collect();
        } else if let Some((list, rest)) = key.split_once('[')
            && let Some(Group { form: Form::Each(list, _), keys, .. }) = program.list(list)
            && !keys.iter().any(Key::is_needed)
            && rest.split_once(']').is_some_and(|(i, _)| i.parse() == Ok(self.settings.count(list)))
            && self.settings.count(list) < MOST_ITEMS
        {
            self.settings.add_item(list, origin);
        }
        for path in paths {
            match self.settings.values.get_mut(&path) {
                Some(place) => *place = setting.clone(),
                None => {
                    self.out.push(at(Problem::UnknownKey, format!("there is no `{}`", words::brief(&path))));
                }
            }
        }
    }
}

struct ProgramReader<'a> {
    reader: Reader<'a>,
    settings: &'a mut Settings,
}

impl ProgramReader<'_> {
    /// All of the file. False: it has no keys at all.
    fn root(&mut self, root: &Node) -> bool {
        let program = self.settings.program;
        let form = format!("keys and values, such as `{}`", program.least.trim_matches('`'));
        let Some(entries) = self.reader.map(root, "the file", &form) else { return false };
        for (key, value) in entries {
            let Some(name) = self.reader.name(key).filter(|_| self.reader.out.len() < TOO_MANY) else {
                continue;
            };
            let top = |g: &&Group| matches!(g.form, Form::Top);
            let found = program.groups.iter().filter(top).flat_map(|g| g.keys).find(|k| k.name == name);
            let group = program.groups.iter().find(|g| g.name() == name && !name.is_empty());
            match (found, group) {
                (Some(found), _) => {
                    if let Some(setting) = self.reader.setting(found, name, key, value) {
                        self.settings.values.insert(name.to_owned(), setting);
                    }
                }
                (None, Some(group)) => match group.form {
                    Form::Each(list, short) => self.items(group, list, short, key, value),
                    _ => self.keys(group, name, value, &format!("`{name}`")),
                },
                (None, None) => self.unknown(name, "", key),
            }
        }
        true
    }

    fn items(&mut self, group: &'static Group, list: &'static str, short: &str, key: &Node, node: &Node) {
        let origin =
            Origin::File { path: self.reader.source.path.clone(), line: self.reader.source.line(&key.place) };
        // One thing is a list of one.
        let items = match &node.content {
            Content::List(items) => items.as_slice(),
            Content::Refused => return,
            _ => std::slice::from_ref(node),
        };
        for item in items.iter().take(MOST_ITEMS) {
            if self.reader.out.len() >= TOO_MANY {
                break;
            }
            if scalar(item).is_some_and(|(text, quoted)| is_null(text, quoted)) && items.len() == 1 {
                let diagnostic = self.reader.source.diagnose(
                    Problem::WrongType,
                    format!("`{list}` has no value"),
                    &key.place,
                );
                self.reader.out.push(diagnostic.key(list));
                continue;
            }
            let index = self.settings.add_item(list, origin.clone());
            let path = format!("{list}[{index}]");
            let before = self.reader.out.len();
            if let (Some(_), Some(found)) = (scalar(item), group.keys.iter().find(|k| k.name == short)) {
                // The item is key and value at once.
                let path = format!("{path}.{short}");
                if let Some(setting) = self.reader.setting(found, &path, item, item) {
                    self.settings.values.insert(path, setting);
                }
            } else {
                let what = format!("an item of `{list}`");
                self.keys(group, &path, item, &what);
                let missing = group.keys.iter().filter(|k| k.is_needed());
                for k in missing {
                    let named = self.settings.get(&format!("{path}.{}", k.name)).origin.is_explicit();
                    if !named && self.reader.out.len() == before {
                        let message = format!("{what} has no `{}`", k.name);
                        let place = item.place.start..item.place.start + 1;
                        let diagnostic = self.reader.source.diagnose(Problem::Missing, message, &place);
                        let diagnostic = diagnostic.key(format!("{path}.{}", k.name));
                        self.reader.out.push(diagnostic.allowed(k.kind.allowed()));
                    }
                }
            }
        }
    }

    /// Keys below another one, or of an item.
    fn keys(&mut self, group: &'static Group, prefix: &str, node: &Node, what: &str) {
        let Some(entries) = self.reader.map(node, what, "keys and values, indented below it") else {
            return;
        };
        for (key, value) in entries {
            let Some(name) = self.reader.name(key).filter(|_| self.reader.out.len() < TOO_MANY) else {
                continue;
            };
            match group.keys.iter().find(|k| k.name == name) {
                Some(found) => {
                    let path = format!("{prefix}.{name}");
                    if let Some(setting) = self.reader.setting(found, &path, key, value) {
                        self.settings.values.insert(path, setting);
                    }
                }
                None => self.unknown(name, group.name(), key),
            }
        }
    }

    fn unknown(&mut self, name: &str, section: &str, key: &Node) {
        let program = self.settings.program;
        let message = format!("unknown key `{}`", words::brief(name));
        let place = &key.place;
        let mut diagnostic = self.reader.source.diagnose(Problem::UnknownKey, message, place);
        diagnostic = diagnostic.key(words::brief(name));
        let mut here: Vec<&str> = program
            .groups
            .iter()
            .filter(|g| g.name() == section)
            .flat_map(|g| g.keys.iter().map(|k| k.name))
            .collect();
        if section.is_empty() {
            here.extend(program.groups.iter().map(Group::name).filter(|n| !n.is_empty()));
        }
        let snake = snake_case(name);
        let other = program.other_names.iter().find(|(other, _)| *other == snake).map(|(_, name)| *name);
        let is = |n: &&str| **n == snake;
        let elsewhere = || program.groups.iter().find(|g| g.keys.iter().any(|k| k.name == snake));
        let did = |d: Diagnostic, near: &str| {
            d.help(format!("did you mean `{near}`?")).replacement(Some(near.to_owned()))
        };
        diagnostic =
            if let Some(near) = here.iter().copied().find(is).or(other.filter(|o| here.contains(o))) {
                did(diagnostic, near)
            } else if let Some(group) = elsewhere() {
                match group.name() {
                    "" => diagnostic
                        .help(format!("write `{snake}` at the top of the file, not below `{section}:`")),
                    place => diagnostic.help(format!("write `{snake}` below `{place}:`")),
                }
            } else if let Some(near) = words::nearest(name, here.iter().copied()) {
                did(diagnostic, near)
            } else if !section.is_empty() {
                diagnostic.allowed(words::list(&here))
            } else {
                diagnostic.help(format!("{}.yaml(5) lists all keys", program.name))
            };
        self.reader.out.push(diagnostic);
    }
}
