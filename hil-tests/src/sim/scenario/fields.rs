//! Mappings read key by key: what is wrong is told with its place, and what nobody asked for is unknown.

use core::time::Duration;

use ptp_config::document::{self, Content, Node, Place, Refusal, Source, TOO_MANY};
use ptp_config::{Diagnostic, Problem};
use ptp_wire::TimeInterval;

/// Reads one file; collects what is wrong with it.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    pub(super) out: Vec<Diagnostic>,
}

/// A mapping in reading. Every key that is asked for is known from then on.
pub(super) struct Fields<'n> {
    /// How messages name it: `nodes.gm1.clock`.
    pub(super) path: String,
    pub(super) place: Place,
    entries: Vec<(&'n str, &'n Node, &'n Node, bool)>,
    asked: Vec<&'static str>,
}

/// Reads a text into a value.
type Parse<T> = fn(&str) -> Result<T, Refusal>;

impl<'a> Reader<'a> {
    pub(super) fn wrong(
        &mut self,
        problem: Problem,
        path: &str,
        place: &Place,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        if self.out.len() >= TOO_MANY {
            self.out.pop();
        }
        self.out.push(self.source.diagnose(problem, message, place).key(path));
        self.out.last_mut().expect("just pushed")
    }

    /// As [`Reader::wrong`], with what to do.
    pub(super) fn wrong_help(
        &mut self,
        problem: Problem,
        path: &str,
        place: &Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let diagnostic = self.wrong(problem, path, place, message);
        *diagnostic = diagnostic.clone().help(help);
    }

    /// A mapping; anything else is told.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, path: &str) -> Option<Fields<'n>> {
        let Content::Map(map) = &node.content else {
            if !matches!(node.content, Content::Refused) {
                let message = format!("`{path}` takes keys and values");
                self.wrong(Problem::WrongType, path, &node.place, message);
            }
            return None;
        };
        let mut entries: Vec<(&str, &Node, &Node, bool)> = Vec::with_capacity(map.len());
        for (key, value) in map {
            let Some(name) = scalar(key) else {
                self.wrong(Problem::Syntax, path, &key.place, "a key must be a word");
                continue;
            };
            if let Some((_, first, ..)) = entries.iter().find(|e| e.0 == name) {
                let line = self.source.line(&first.place);
                let message = format!("`{}` stands here twice", document::brief(name));
                self.wrong_help(
                    Problem::DuplicateKey,
                    name,
                    &key.place,
                    message,
                    format!("line {line} has it first"),
                );
            } else {
                entries.push((name, key, value, false));
            }
        }
        Some(Fields { path: path.to_owned(), place: node.place.clone(), entries, asked: Vec::new() })
    }

    /// Tells the keys that nobody asked for.
    pub(super) fn finish(&mut self, fields: Fields<'_>) {
        for (name, key, _, used) in &fields.entries {
            if *used {
                continue;
            }
            let message = format!("unknown key `{}`", document::brief(name));
            let near = document::nearest(name, fields.asked.iter().copied());
            let diagnostic = self.wrong(Problem::UnknownKey, &fields.inner(name), &key.place, message);
            *diagnostic = match near {
                Some(near) => diagnostic
                    .clone()
                    .help(format!("did you mean `{near}`?"))
                    .replacement(Some(near.to_owned())),
                None => diagnostic.clone().allowed(document::list(&fields.asked)),
            };
        }
    }

    /// The scalar of a key, as text with its place.
    pub(super) fn text<'n>(
        &mut self,
        fields: &mut Fields<'n>,
        key: &'static str,
    ) -> Option<(&'n str, &'n Place)> {
        let node = fields.take(key)?;
        match scalar(node) {
            Some(text) => Some((text, &node.place)),
            None => {
                if !matches!(node.content, Content::Refused) {
                    let path = fields.inner(key);
                    let message = format!("`{path}` takes one value");
                    self.wrong(Problem::WrongType, &path, &node.place, message);
                }
                None
            }
        }
    }

    pub(super) fn value<T>(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Result<T, Refusal>,
    ) -> Option<T> {
        let (text, place) = self.text(fields, key)?;
        let path = fields.inner(key);
        match parse(text) {
            Ok(value) => Some(value),
            Err(refusal) => {
                self.refused(&path, key, text, place, refusal, allowed);
                None
            }
        }
    }

    pub(super) fn refused(
        &mut self,
        path: &str,
        key: &str,
        text: &str,
        place: &Place,
        refusal: Refusal,
        allowed: &str,
    ) {
        let problem = if refusal.label == "out of range" { Problem::OutOfRange } else { Problem::WrongType };
        let message = format!("`{}` is not a value of `{key}`", document::brief(text));
        let diagnostic = self.wrong(problem, path, place, message);
        let mut d = diagnostic.clone().label(refusal.label).allowed(allowed).replacement(refusal.replacement);
        if let Some(help) = refusal.help {
            d = d.help(help);
        }
        *diagnostic = d;
    }

    /// A stretch of simulated time.
    pub(super) fn duration(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<Duration> {
        self.value(fields, key, "a length of time, such as `90 s` or `2 h`", |t| document::duration(t, "s"))
    }

    /// A length of time that may be negative, up to an hour either way.
    pub(super) fn interval(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<TimeInterval> {
        const HOUR: i64 = 3_600_000_000_000;
        let allowed = "-1 h to 1 h, such as `-1.5 us`";
        self.value(fields, key, allowed, |t| document::interval(t, -HOUR, HOUR, "ns"))
    }

    /// A length of time from zero up to an hour, in ns.
    pub(super) fn nanos(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<f64> {
        const HOUR: i64 = 3_600_000_000_000;
        let allowed = "0 to 1 h, such as `500 ns`";
        self.value(fields, key, allowed, |t| {
            document::interval(t, 0, HOUR, "ns").map(TimeInterval::nanos_f64)
        })
    }

    /// A frequency in ppb.
    pub(super) fn frequency(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<f64> {
        let allowed = "-1000 ppm to 1000 ppm, such as `0.5 ppb`";
        self.value(fields, key, allowed, |t| document::frequency(t, -1e6, 1e6))
    }

    /// A share.
    pub(super) fn share(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<f64> {
        self.value(fields, key, "0 to 1, or 0 % to 100 %", document::share as Parse<f64>)
    }

    /// A whole number.
    pub(super) fn whole(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        min: i64,
        max: i64,
    ) -> Option<i64> {
        self.value(fields, key, &format!("{min} to {max}"), |t| document::whole(t, min, max))
    }

    /// A number.
    pub(super) fn number(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        min: f64,
        max: f64,
    ) -> Option<f64> {
        self.value(fields, key, &format!("{min} to {max}"), |t| document::number(t, min, max))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<bool> {
        self.value(fields, key, "`true` or `false`", |t| match t {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Refusal { label: "not a boolean".into(), ..Refusal::default() }),
        })
    }

    /// One of some words, as its place among them.
    pub(super) fn choice(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        words: &[&str],
    ) -> Option<usize> {
        self.value(fields, key, &document::list(words), |t| {
            words.iter().position(|w| *w == t).ok_or_else(|| {
                let near = document::nearest(t, words.iter().copied());
                Refusal {
                    label: "not one of the words".into(),
                    help: near.map(|n| format!("did you mean `{n}`?")),
                    replacement: near.map(str::to_owned),
                }
            })
        })
    }

    /// One text or a list of them, each with its place.
    pub(super) fn texts<'n>(
        &mut self,
        fields: &mut Fields<'n>,
        key: &'static str,
    ) -> Vec<(&'n str, &'n Place)> {
        let Some(node) = fields.take(key) else { return Vec::new() };
        let path = fields.inner(key);
        let items = match &node.content {
            Content::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match scalar(item) {
                Some(text) => texts.push((text, &item.place)),
                None if matches!(item.content, Content::Refused) => {}
                None => {
                    let message = format!("`{path}` takes a name, or a list of them");
                    self.wrong(Problem::WrongType, &path, &item.place, message);
                }
            }
        }
        texts
    }

    /// The items of a list.
    pub(super) fn list<'n>(&mut self, fields: &mut Fields<'n>, key: &'static str) -> &'n [Node] {
        let Some(node) = fields.take(key) else { return &[] };
        match &node.content {
            Content::List(items) => items,
            Content::Refused => &[],
            _ => {
                let path = fields.inner(key);
                let message = format!("`{path}` takes a list");
                self.wrong_help(
                    Problem::WrongType,
                    &path,
                    &node.place,
                    message,
                    "begin each item with `- ` on a line of its own",
                );
                &[]
            }
        }
    }

    /// Tells that a key is missing.
    pub(super) fn missing(&mut self, fields: &Fields<'_>, key: &str, help: &str) {
        let place = self.first_line(&fields.place);
        let message = format!("`{}` is missing", fields.inner(key));
        self.wrong_help(Problem::Missing, &fields.inner(key), &place, message, help);
    }

    /// The first line of a place.
    fn first_line(&self, place: &Place) -> Place {
        let end = self.source.text.get(place.start..).and_then(|s| s.find('\n'));
        place.start..end.map_or(self.source.text.len(), |n| place.start + n)
    }
}

impl<'n> Fields<'n> {
    /// The full name of a key in here.
    pub(super) fn inner(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key, if it is there and has one.
    pub(super) fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.asked.push(key);
        let entry = self.entries.iter_mut().find(|e| e.0 == key)?;
        entry.3 = true;
        Some(entry.2)
    }

    /// Keys that nobody has asked for so far.
    pub(super) fn unasked(&self) -> impl Iterator<Item = &'n str> {
        self.entries.iter().filter(|e| !e.3).map(|e| e.0)
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|e| e.0 == key)
    }

    /// Everything in here, for mappings whose keys are names.
    pub(super) fn named(self) -> impl Iterator<Item = (&'n str, &'n Place, &'n Node)> {
        self.entries.into_iter().map(|(name, key, value, _)| (name, &key.place, value))
    }
}

/// A scalar's text; `None` for other content and for nothing at all.
pub(super) fn scalar(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Scalar { text, quoted } if *quoted || !matches!(text.as_str(), "" | "~" | "null") => {
            Some(text)
        }
        _ => None,
    }
}
