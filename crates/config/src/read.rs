//! From trees to layers: which key stands where, and whether its value is one.

use std::collections::HashMap;

use crate::conformance::Rule;
use crate::diagnostics::{Diagnostic, Problem, TOO_MANY};
use crate::kind::{Refusal, Value};
use crate::layers::{Layers, Origin, PortLayer, Setting};
use crate::profile::{self, Profiles};
use crate::source::{Content, Node, Place, Source, Tree};
use crate::table::{self, INSTANCE, Key, PORT, Section};
use crate::words;

/// Reads the parts of one file, whoever's keys they are.
pub(crate) struct Reader<'a> {
    pub(crate) source: &'a Source,
    /// The profile's name, if the source is one.
    pub(crate) profile: Option<&'a str>,
    pub(crate) out: &'a mut Vec<Diagnostic>,
}

/// Reads one file of ptpd into the layers.
pub(crate) struct FileReader<'a> {
    pub(crate) reader: Reader<'a>,
    pub(crate) layers: &'a mut Layers,
}

/// A scalar's text.
pub(crate) fn scalar(node: &Node) -> Option<(&str, bool)> {
    match &node.content {
        Content::Scalar { text, quoted } => Some((text, *quoted)),
        _ => None,
    }
}

/// `{zone: Europe/Berlin}` or `{key: 3, zone: Europe/Berlin}` as one value; without a key its place in the list.
fn zone(item: &Node, place: usize) -> Option<String> {
    let Content::Map(pairs) = &item.content else { return None };
    let value = |name: &str| {
        let mut found = pairs.iter().filter(|(key, _)| scalar(key).is_some_and(|(k, _)| k == name));
        found.next().filter(|_| found.next().is_none()).and_then(|(_, value)| scalar(value)).map(|(v, _)| v)
    };
    let key = value("key");
    let text = format!("{} {}", key.map_or_else(|| place.to_string(), str::to_owned), value("zone")?);
    (pairs.len() == 1 + usize::from(key.is_some())).then_some(text)
}

pub(crate) fn is_null(text: &str, quoted: bool) -> bool {
    !quoted && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The names a message proposes at some place, with its keys' own.
fn names(sections: &[&Section], also: &[&'static str]) -> Vec<&'static str> {
    sections.iter().flat_map(|s| s.keys.iter().map(|k| k.name)).chain(also.iter().copied()).collect()
}

impl FileReader<'_> {
    /// The profile the file names, before all else.
    pub(crate) fn profile_name(&mut self, tree: &Tree, profiles: &Profiles) -> Option<Setting> {
        let Some(Node { content: Content::Map(entries), .. }) = &tree.root else { return None };
        let (key, value) =
            entries.iter().find(|(k, _)| scalar(k).is_some_and(|(text, _)| text == "profile"))?;
        let Some((text, _)) = scalar(value).filter(|(text, quoted)| !is_null(text, *quoted)) else {
            self.reader.no_value("profile", "a profile's name", key, value);
            return None;
        };
        if !profiles.has(text) {
            let names = profiles.names();
            let words: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut diagnostic = self
                .reader
                .source
                .diagnose(
                    Problem::UnknownProfile,
                    format!("no profile `{}`", words::brief(text)),
                    &value.place,
                )
                .key("profile")
                .allowed(words::list(&words));
            if let Some(near) =
                profile::other_name(text).or_else(|| words::nearest(text, words.iter().copied()))
            {
                diagnostic =
                    diagnostic.help(format!("did you mean `{near}`?")).replacement(Some(near.to_owned()));
            }
            self.reader.out.push(diagnostic);
            return None;
        }
        Some(Setting {
            value: Value::Text(text.to_owned()),
            text: text.to_owned(),
            origin: self.reader.origin(&key.place),
            place: Some((key.place.clone(), value.place.clone())),
        })
    }

    /// All of the file. False: it has no keys at all.
    pub(crate) fn root(&mut self, tree: &Tree) -> bool {
        let Some(root) = &tree.root else {
            if !tree.cut {
                let message = "the file is empty".to_owned();
                let diagnostic = Diagnostic::new(Problem::Missing, message).in_file(&self.reader.source.path);
                self.reader.out.push(diagnostic.help("the least is `ports: [{ interface: eth0 }]`"));
            }
            return false;
        };
        let Some(entries) = self.reader.map(root, "the file", "keys and values, such as `priority1: 128`")
        else {
            return false;
        };
        for (key, value) in entries {
            let Some(name) = self.reader.name(key).filter(|_| self.reader.out.len() < TOO_MANY) else {
                continue;
            };
            match name {
                "profile" if self.reader.profile.is_none() => {}
                "conformance" if self.reader.profile.is_some() => self.conformance(value),
                "ports" if self.reader.profile.is_none() => self.ports(value),
                "interface" => {
                    let diagnostic = self
                        .reader
                        .source
                        .diagnose(Problem::UnknownKey, "`interface` has no place here", &key.place)
                        .key("interface");
                    self.reader
                        .out
                        .push(diagnostic.help("write `ports:` and, below it, `  - interface: NAME`"));
                }
                _ => {
                    if let Some(section) = table::nested(name) {
                        self.section(section, value);
                    } else if let Some(found) = INSTANCE.key(name).or_else(|| PORT.key(name)) {
                        if let Some(setting) = self.reader.setting(found, name, key, value) {
                            self.layers.shared.insert(name.to_owned(), setting);
                        }
                    } else {
                        let mut also: Vec<&str> =
                            table::SECTIONS.iter().filter(|s| s.is_nested()).map(|s| s.name).collect();
                        if self.reader.profile.is_none() {
                            also.extend(["profile", "ports"]);
                        }
                        self.unknown(name, "", key, &names(&[&INSTANCE, &PORT], &also));
                    }
                }
            }
        }
        true
    }

    /// What a profile permits: a key of the configuration, and values and ranges of it.
    fn conformance(&mut self, node: &Node) {
        let Some(entries) =
            self.reader.map(node, "`conformance`", "keys and what is permitted, indented below it")
        else {
            return;
        };
        for (key, value) in entries {
            let Some(path) = self.reader.name(key).filter(|_| self.reader.out.len() < TOO_MANY) else {
                continue;
            };
            let Some(found) = table::find(path).filter(|k| k.name != "interface") else {
                let names: Vec<&'static str> = names(&[&INSTANCE, &PORT], &[]);
                self.unknown(path, "", key, &names);
                continue;
            };
            let Content::Scalar { text, .. } = &value.content else {
                let message =
                    format!("what is permitted for `{path}` stands in one line, separated by commas");
                self.reader
                    .out
                    .push(self.reader.source.diagnose(Problem::WrongType, message, &value.place).key(path));
                continue;
            };
            match Rule::parse(path, found, text) {
                Ok(rule) => self.layers.conformance.push(rule),
                Err(part) => {
                    let message =
                        format!("`{}` is no value of `{path}`, nor a range of it", words::brief(&part));
                    self.reader.out.push(
                        self.reader.source.diagnose(Problem::WrongType, message, &value.place).key(path),
                    );
                }
            }
        }
    }

    fn section(&mut self, section: &'static Section, node: &Node) {
        let what = format!("`{}`", section.name);
        let Some(entries) = self.reader.map(node, &what, "keys and values, indented below it") else {
            return;
        };
        for (key, value) in entries {
            let Some(name) = self.reader.name(key).filter(|_| self.reader.out.len() < TOO_MANY) else {
                continue;
            };
            match section.key(name) {
                Some(found) => {
                    let path = format!("{}.{name}", section.name);
                    if let Some(setting) = self.reader.setting(found, &path, key, value) {
                        self.layers.shared.insert(path, setting);
                    }
                }
                None => self.unknown(name, section.name, key, &names(&[section], &[])),
            }
        }
    }

    fn ports(&mut self, node: &Node) {
        let Content::List(items) = &node.content else {
            if !matches!(node.content, Content::Refused) {
                let diagnostic = self
                    .reader
                    .source
                    .diagnose(Problem::WrongType, "`ports` takes a list", &node.place)
                    .key("ports")
                    .help("write `  - interface: NAME` below it, once for each port");
                self.reader.out.push(diagnostic);
            }
            return;
        };
        for (i, item) in items.iter().enumerate() {
            if self.reader.out.len() >= TOO_MANY {
                break;
            }
            let what = format!("port {}", i + 1);
            let Some(entries) = self.reader.map(item, &what, "keys and values, such as `interface: eth0`")
            else {
                continue;
            };
            let mut port = PortLayer::default();
            let mut named = false;
            for (key, value) in entries {
                let Some(name) = self.reader.name(key).filter(|_| self.reader.out.len() < TOO_MANY) else {
                    continue;
                };
                named |= name == "interface";
                match PORT.key(name) {
                    Some(found) => {
                        let path = format!("ports[{i}].{name}");
                        if let Some(setting) = self.reader.setting(found, &path, key, value) {
                            port.own.insert(found.name, setting);
                        }
                    }
                    None => self.unknown(name, "ports", key, &names(&[&PORT], &[])),
                }
            }
            if !named {
                // The mapping's first line is where the interface is missing.
                let start = item.place.start;
                let line_end = self
                    .reader
                    .source
                    .text
                    .get(start..)
                    .and_then(|s| s.find('\n'))
                    .map_or(start + 1, |n| start + n);
                let diagnostic = self
                    .reader
                    .source
                    .diagnose(
                        Problem::Missing,
                        format!("port {} has no interface", i + 1),
                        &(start..line_end),
                    )
                    .key(format!("ports[{i}].interface"));
                self.reader.out.push(diagnostic.help("write `interface: NAME`"));
            } else if port.own.contains_key("interface") {
                self.layers.ports.push(port);
            }
        }
    }

    fn unknown(&mut self, name: &str, section: &str, key: &Node, names: &[&'static str]) {
        let message = format!("unknown key `{}`", words::brief(name));
        let mut diagnostic =
            self.reader.source.diagnose(Problem::UnknownKey, message, &key.place).key(words::brief(name));
        let snake = snake_case(name);
        let elsewhere = || {
            let path = table::OTHER_NAMES
                .iter()
                .find(|(other, _)| *other == snake)
                .map(|(_, path)| (*path).to_owned());
            path.or_else(|| {
                table::paths().map(|(p, _)| p).find(|p| p.rsplit('.').next() == Some(snake.as_str()))
            })
            .or_else(|| {
                snake.strip_prefix("pi_").map(|s| format!("servo.{s}")).filter(|p| table::find(p).is_some())
            })
        };
        let exact = names.iter().copied().find(|n| *n == snake);
        if let Some(near) = exact {
            diagnostic =
                diagnostic.help(format!("did you mean `{near}`?")).replacement(Some(near.to_owned()));
        } else if let Some(path) = elsewhere() {
            diagnostic = match path.rsplit_once('.') {
                Some((s, word)) if s == section => {
                    diagnostic.help(format!("it is `{word}`")).replacement(Some(word.to_owned()))
                }
                Some((s, word)) => diagnostic.help(format!("write `{word}` below `{s}:`")),
                None if names.contains(&path.as_str()) => {
                    diagnostic.help(format!("it is `{path}`")).replacement(Some(path))
                }
                None => {
                    diagnostic.help(format!("write `{path}` at the top of the file, not below `{section}:`"))
                }
            };
        } else if let Some(near) = words::nearest(name, names.iter().copied()) {
            diagnostic =
                diagnostic.help(format!("did you mean `{near}`?")).replacement(Some(near.to_owned()));
        } else if !section.is_empty() {
            diagnostic = diagnostic.allowed(words::list(names));
        } else {
            diagnostic = diagnostic.help("ptpd.yaml(5) lists all keys");
        }
        self.reader.out.push(diagnostic);
    }
}

impl Reader<'_> {
    /// A mapping's entries, each key once.
    pub(crate) fn map<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        form: &str,
    ) -> Option<Vec<&'n (Node, Node)>> {
        let entries = match &node.content {
            Content::Map(entries) => entries,
            Content::Refused => return None,
            _ => {
                let message = format!("{what} takes {form}");
                self.out.push(self.source.diagnose(Problem::WrongType, message, &node.place));
                return None;
            }
        };
        let mut first: HashMap<&str, &Place> = HashMap::new();
        let mut once = Vec::with_capacity(entries.len());
        for entry in entries {
            if self.out.len() >= TOO_MANY {
                break;
            }
            match scalar(&entry.0) {
                Some((name, _)) => match first.get(name) {
                    Some(before) => {
                        let line = self.source.line(before);
                        let message = format!("`{}` stands here twice", words::brief(name));
                        let diagnostic = self.source.diagnose(Problem::DuplicateKey, message, &entry.0.place);
                        self.out.push(
                            diagnostic.key(words::brief(name)).help(format!("line {line} has it first")),
                        );
                    }
                    None => {
                        first.insert(name, &entry.0.place);
                        once.push(entry);
                    }
                },
                None => {
                    let message = "a key must be a word";
                    self.out.push(self.source.diagnose(Problem::Syntax, message, &entry.0.place));
                }
            }
        }
        Some(once)
    }

    pub(crate) fn name<'n>(&self, key: &'n Node) -> Option<&'n str> {
        scalar(key).map(|(text, _)| text)
    }

    pub(crate) fn no_value(&mut self, path: &str, allowed: &str, key: &Node, value: &Node) {
        let (message, place) = match &value.content {
            Content::Scalar { .. } => (format!("`{path}` has no value"), &key.place),
            Content::Refused => return,
            _ => (format!("`{path}` takes one value"), &value.place),
        };
        let diagnostic = self.source.diagnose(Problem::WrongType, message, place);
        self.out.push(diagnostic.key(path).allowed(allowed));
    }

    pub(crate) fn setting(&mut self, found: &Key, path: &str, key: &Node, value: &Node) -> Option<Setting> {
        if let Content::List(items) = &value.content
            && found.kind.is_list()
        {
            return self.list(found, path, key, value, items);
        }
        let text = scalar(value).filter(|(text, quoted)| !is_null(text, *quoted));
        let Some((text, quoted)) = text else {
            self.no_value(path, &found.kind.allowed(), key, value);
            return None;
        };
        match found.kind.parse(text, quoted) {
            Ok(value_) => Some(Setting {
                value: value_,
                text: text.to_owned(),
                origin: self.origin(&key.place),
                place: Some((key.place.clone(), value.place.clone())),
            }),
            Err(refusal) => {
                let diagnostic = refused(found, path, text, refusal, |problem, message| {
                    self.source.diagnose(problem, message, &value.place)
                });
                self.out.push(diagnostic);
                None
            }
        }
    }

    /// A value that is written as a list: each item is looked at by itself, so that each mistake is told.
    fn list(&mut self, found: &Key, path: &str, key: &Node, value: &Node, items: &[Node]) -> Option<Setting> {
        let mut texts: Vec<String> = Vec::with_capacity(items.len());
        for (i, item) in items.iter().take(TOO_MANY * 100).enumerate() {
            let zone =
                if matches!(found.kind, crate::kind::Kind::TimeOffsets) { zone(item, i) } else { None };
            let text = scalar(item).filter(|(text, quoted)| !is_null(text, *quoted)).map(|(text, _)| text);
            let Some(text) = zone.as_deref().or(text) else {
                let message = format!("an item of `{path}` is not one value");
                let diagnostic = self.source.diagnose(Problem::WrongType, message, &item.place);
                self.out.push(diagnostic.key(path).allowed(found.kind.allowed()));
                return None;
            };
            let refusal = match text.contains(',') {
                true => Some(Refusal::new("has a comma in it")),
                false => found.kind.parse(text, true).err(),
            };
            if let Some(refusal) = refusal {
                let diagnostic = refused(found, path, text, refusal, |problem, message| {
                    self.source.diagnose(problem, message, &item.place)
                });
                self.out.push(diagnostic);
                return None;
            }
            texts.push(text.to_owned());
        }
        let text = if texts.is_empty() { "off".to_owned() } else { texts.join(", ") };
        let parsed = match found.kind.parse(&text, false) {
            Ok(parsed) => parsed,
            // Each item is good by itself; together they are not: one stands there twice, or there are too many.
            Err(refusal) => {
                let diagnostic = refused(found, path, &text, refusal, |problem, message| {
                    self.source.diagnose(problem, message, &value.place)
                });
                self.out.push(diagnostic);
                return None;
            }
        };
        Some(Setting {
            value: parsed,
            text,
            origin: self.origin(&key.place),
            place: Some((key.place.clone(), value.place.clone())),
        })
    }

    fn origin(&self, place: &Place) -> Origin {
        match self.profile {
            Some(name) => Origin::Profile(name.to_owned()),
            None => Origin::File { path: self.source.path.clone(), line: self.source.line(place) },
        }
    }
}

/// A diagnostic for a value that its key's kind refused.
pub(crate) fn refused(
    key: &Key,
    path: &str,
    text: &str,
    refusal: Refusal,
    at: impl FnOnce(Problem, String) -> Diagnostic,
) -> Diagnostic {
    let problem = if refusal.label == "out of range" { Problem::OutOfRange } else { Problem::WrongType };
    let mut diagnostic = at(problem, format!("`{}` is not a value of `{}`", words::brief(text), key.name))
        .key(path)
        .label(refusal.label)
        .allowed(key.kind.allowed())
        .replacement(refusal.replacement);
    if let Some(help) = refusal.help {
        diagnostic = diagnostic.help(help);
    }
    diagnostic
}

/// `logSyncInterval`, `log-sync-interval` and `LogSyncInterval` as `log_sync_interval`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut s = String::new();
    let mut lower_before = false;
    for c in name.chars().take(64) {
        if c.is_ascii_uppercase() && lower_before {
            s.push('_');
        }
        lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
        s.push(if c == '-' { '_' } else { c.to_ascii_lowercase() });
    }
    s
}
