//! Values by name, as the program takes them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use ptp_wire::TimeInterval;

use super::{Form, Program};
use crate::check;
use crate::diagnostics::{Diagnostic, Diagnostics, Problem};
use crate::kind::{Kind, Refusal, Value};
use crate::layers::{Origin, Setting};
use crate::load::COMMAND_LINE;
use crate::model::LogLevel;
use crate::source::Source;
use crate::table::{Key, Need};
use crate::words;

/// All values with their origins.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) program: &'static Program,
    /// By full name, items of lists with their index from 0: complete.
    pub(crate) values: BTreeMap<String, Setting>,
    /// How many items each list has, and where it came from.
    pub(crate) counts: BTreeMap<&'static str, (usize, Origin)>,
}

/// What has been read, and what is wrong with it so far. Values that are wrong have their default.
///
/// Accessors panic where the table has another kind for a key, or no such key: a mistake in the program, which its test
/// of every key finds.
#[derive(Debug)]
pub struct Reading {
    pub(crate) settings: Settings,
    pub(crate) source: Option<Source>,
    pub(crate) out: Vec<Diagnostic>,
    pub(crate) asked: RefCell<BTreeSet<String>>,
}

/// What every accessor relies on.
const KIND: &str = "the table says of what kind the key is";

impl Settings {
    pub(crate) fn defaults(program: &'static Program) -> Self {
        let mut this = Self { program, values: BTreeMap::new(), counts: BTreeMap::new() };
        for group in program.groups {
            match group.form {
                Form::Each(list, _) => {
                    this.counts.insert(list, (0, Origin::Default));
                }
                _ => this.fill(group.keys, |name| group.path("", name)),
            }
        }
        this
    }

    pub(crate) fn fill(&mut self, keys: &'static [Key], path: impl Fn(&str) -> String) {
        for key in keys {
            // Without a default it must be given, or the file is refused.
            let value = key.kind.parse(key.default, false).unwrap_or(Value::Unset);
            let text = key.default.to_owned();
            let setting = Setting { value, text, origin: Origin::Default, place: None };
            self.values.insert(path(key.name), setting);
        }
    }

    /// A further item of a list, with defaults; its index.
    pub(crate) fn add_item(&mut self, list: &'static str, origin: Origin) -> usize {
        let entry = self.counts.entry(list).or_insert((0, Origin::Default));
        let index = entry.0;
        *entry = (index + 1, origin);
        if let Some(group) = self.program.list(list) {
            self.fill(group.keys, |name| format!("{list}[{index}].{name}"));
        }
        index
    }

    pub(crate) fn clear(&mut self, list: &'static str, origin: Origin) {
        let prefix = format!("{list}[");
        self.values.retain(|path, _| !path.starts_with(&prefix));
        self.counts.insert(list, (0, origin));
    }

    /// The items of a list.
    pub fn count(&self, list: &str) -> usize {
        self.counts.get(list).map_or(0, |(count, _)| *count)
    }

    pub(crate) fn get(&self, path: &str) -> &Setting {
        self.values.get(path).unwrap_or_else(|| panic!("{}: no key {path}", self.program.name))
    }

    /// Whether a key has an effect.
    pub(crate) fn met(&self, need: Need) -> bool {
        let is_off = |path: &str| self.values.get(path).is_none_or(|s| s.value == Value::Unset);
        match need {
            Need::Evidence => !is_off("evidence.directory"),
            Need::Metrics => !is_off("metrics.listen"),
            Need::Is(path, words, _) => words.contains(&self.get(path).text.as_str()),
            Need::IsNot(path, word, _) => self.get(path).text != word,
            _ => true,
        }
    }
}

macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident / $maybe:ident: $type:ty, $value:ident => $read:expr;)*) => { $(
        $(#[$doc])*
        pub fn $name(&self, path: &str) -> $type {
            self.$maybe(path).unwrap_or_else(|| panic!("{KIND}: {path}"))
        }

        $(#[$doc])*
        /// `None`: `off`, or whatever stands for none.
        pub fn $maybe(&self, path: &str) -> Option<$type> {
            match self.look(path) {
                Value::$value(v) => Some($read(v)),
                Value::Unset => None,
                _ => panic!("{KIND}: {path}"),
            }
        }
    )* };
}

impl Reading {
    fn look(&self, path: &str) -> &Value {
        self.asked.borrow_mut().insert(super::plain(path));
        &self.settings.get(path).value
    }

    accessors! {
        /// A whole number.
        int / maybe_int: i64, Int => |v: &i64| *v;
        /// A number, or a frequency in ppb.
        real / maybe_real: f64, Real => |v: &f64| *v;
        /// A length of time up to 39 hours.
        interval / maybe_interval: TimeInterval, Interval => |v: &TimeInterval| *v;
        /// A length of time that is not negative.
        span / maybe_span: Duration, Span => |v: &Duration| *v;
        /// `true` or `false`.
        flag / maybe_flag: bool, Bool => |v: &bool| *v;
        /// A word or name.
        text / maybe_text: String, Text => |v: &String| v.clone();
        /// A file's name.
        path / maybe_path: PathBuf, Text => |v: &String| PathBuf::from(v);
    }

    /// A list of names; empty for `off`.
    pub fn names(&self, path: &str) -> Vec<String> {
        match self.look(path) {
            Value::Names(names) => names.clone(),
            Value::Unset => Vec::new(),
            _ => panic!("{KIND}: {path}"),
        }
    }

    /// Parts of the program with their levels.
    pub fn levels(&self, path: &str) -> Vec<(&'static str, LogLevel)> {
        match self.look(path) {
            Value::Levels(levels) => levels.clone(),
            Value::Unset => Vec::new(),
            _ => panic!("{KIND}: {path}"),
        }
    }

    /// The items of a list.
    pub fn count(&self, list: &str) -> usize {
        self.settings.count(list)
    }

    /// Somebody wrote a value for this key, in the file or on the command line.
    pub fn says(&self, path: &str) -> bool {
        self.settings.values.get(path).is_some_and(|s| s.origin.is_explicit())
    }

    /// SHA-256's subject for the evidence log: the file as it was read, and nothing without a file.
    pub fn file_text(&self) -> &str {
        self.source.as_ref().map_or("", |s| s.text.as_str())
    }

    /// To look at values that were read before.
    pub fn of(settings: Settings) -> Self {
        Self { settings, source: None, out: Vec::new(), asked: RefCell::new(BTreeSet::new()) }
    }

    /// Nothing is wrong so far.
    pub fn is_good(&self) -> bool {
        self.out.is_empty()
    }

    /// Full names of keys that no accessor asked for, for the test that each has an effect. Lists need an item.
    pub fn unread(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        let all = self.settings.program.paths().map(|(path, _)| super::plain(&path));
        all.filter(|path| !asked.contains(path)).collect()
    }

    /// The program itself cannot take a value.
    pub fn refuse(&mut self, path: &str, refusal: Refusal) {
        let Some(key) = self.settings.program.find(path) else { return };
        let setting = self.settings.get(path);
        let label = Problem::WrongType;
        let message = format!("`{}` is not a value of `{}`", words::brief(&setting.text), key.name);
        let diagnostic = self.at(label, message, setting).key(path).label(refusal.label);
        let diagnostic = diagnostic.allowed(key.kind.allowed()).replacement(refusal.replacement);
        self.out.push(match refusal.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }

    /// Values contradict each other; `path` is one of them, or empty.
    pub fn contradiction(&mut self, path: &str, message: &str, help: &str) {
        let diagnostic = match self.settings.values.get(path) {
            Some(setting) => self.at(Problem::Contradiction, message.to_owned(), setting).key(path),
            None => self.whole(Problem::Contradiction, message),
        };
        self.out.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }

    pub(crate) fn whole(&self, problem: Problem, message: &str) -> Diagnostic {
        let diagnostic = Diagnostic::new(problem, message);
        match &self.source {
            Some(source) => diagnostic.in_file(&source.path),
            None => diagnostic.in_file(COMMAND_LINE.as_ref()),
        }
    }

    fn at(&self, problem: Problem, message: String, setting: &Setting) -> Diagnostic {
        match (&self.source, &setting.place, &setting.origin) {
            (Some(source), Some((_, value)), _) => source.diagnose(problem, message, value),
            (_, _, Origin::CommandLine(option)) => {
                Diagnostic::new(problem, format!("{option}: {message}")).in_file(COMMAND_LINE.as_ref())
            }
            _ => self.whole(problem, &message),
        }
    }

    /// Keys that were written and have no effect where they stand.
    pub(crate) fn check_effect(&mut self) {
        let mut found = Vec::new();
        for (path, setting) in &self.settings.values {
            let Some(key) = self.settings.program.find(path) else { continue };
            if !setting.origin.is_explicit() || self.settings.met(key.needs) {
                continue;
            }
            let message = format!("`{}` has no effect here", key.name);
            let diagnostic = match (&self.source, &setting.place) {
                (Some(source), Some((key, _))) => source.diagnose(Problem::NoEffect, message, key),
                _ => self.at(Problem::NoEffect, message, setting),
            };
            found.push(diagnostic.key(path).label(check::reason(key.needs)).help("leave it out"));
        }
        self.out.extend(found);
    }

    /// What was read, if nothing is wrong with it.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn finish(self) -> Result<Settings, Diagnostics> {
        if self.out.is_empty() { Ok(self.settings) } else { Err(Diagnostics::new(self.out)) }
    }
}

impl Key {
    /// It must be given.
    pub(crate) const fn is_needed(&self) -> bool {
        self.default.is_empty() && !matches!(self.kind, Kind::Text { .. })
    }
}
