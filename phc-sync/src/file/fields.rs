//! Mappings read key by key: what is wrong is told with its place, and what nobody asked for is unknown.

use ptp_config::document::{self, Content, Node, Place, Refusal, Source, TOO_MANY};
use ptp_config::{Diagnostic, Problem};

/// Reads one file; collects what is wrong with it.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    pub(super) out: Vec<Diagnostic>,
}

/// A mapping in reading. Every key that is asked for is known from then on.
pub(super) struct Fields<'n> {
    path: String,
    pub(super) place: Place,
    entries: Vec<(&'n str, &'n Node, &'n Node, bool)>,
    asked: Vec<&'static str>,
}

impl Reader<'_> {
    /// Tells what is wrong, and what to do.
    pub(super) fn wrong(&mut self, problem: Problem, path: &str, place: &Place, message: String, help: &str) {
        if self.out.len() >= TOO_MANY {
            return;
        }
        let diagnostic = self.source.diagnose(problem, message, place).key(path);
        self.out.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }

    pub(super) fn fields<'n>(&mut self, node: &'n Node, path: &str) -> Option<Fields<'n>> {
        let Content::Map(map) = &node.content else {
            if !matches!(node.content, Content::Refused) {
                let message = format!("`{path}` takes keys and values");
                self.wrong(Problem::WrongType, path, &node.place, message, "");
            }
            return None;
        };
        let mut entries: Vec<(&str, &Node, &Node, bool)> = Vec::with_capacity(map.len());
        for (key, value) in map {
            let Some(name) = scalar(key) else {
                self.wrong(Problem::Syntax, path, &key.place, "a key must be a word".to_owned(), "");
                continue;
            };
            if let Some((_, first, ..)) = entries.iter().find(|e| e.0 == name) {
                let help = format!("line {} has it first", self.source.line(&first.place));
                let message = format!("`{}` stands here twice", document::brief(name));
                self.wrong(Problem::DuplicateKey, name, &key.place, message, &help);
            } else {
                entries.push((name, key, value, false));
            }
        }
        Some(Fields { path: path.to_owned(), place: node.place.clone(), entries, asked: Vec::new() })
    }

    /// Tells the keys that nobody asked for.
    pub(super) fn finish(&mut self, fields: Fields<'_>) {
        for (name, key, _, _) in fields.entries.iter().filter(|e| !e.3) {
            let message = format!("unknown key `{}`", document::brief(name));
            let help = match document::nearest(name, fields.asked.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", document::list(&fields.asked)),
            };
            self.wrong(Problem::UnknownKey, &fields.inner(name), &key.place, message, &help);
        }
    }

    /// The scalar of a key, as text with its place.
    pub(super) fn text<'n>(&mut self, f: &mut Fields<'n>, key: &'static str) -> Option<(&'n str, &'n Place)> {
        let node = f.take(key)?;
        let text = scalar(node);
        if text.is_none() && !matches!(node.content, Content::Refused) {
            let path = f.inner(key);
            let message = format!("`{path}` takes one value");
            self.wrong(Problem::WrongType, &path, &node.place, message, "");
        }
        text.map(|t| (t, &node.place))
    }

    pub(super) fn value<T>(
        &mut self,
        f: &mut Fields<'_>,
        key: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Result<T, Refusal>,
    ) -> Option<T> {
        let (text, place) = self.text(f, key)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(refusal) => {
                let path = f.inner(key);
                let message = format!("`{}` is not a value of `{key}`", document::brief(text));
                if self.out.len() < TOO_MANY {
                    let d = self.source.diagnose(Problem::OutOfRange, message, place).key(path);
                    let d = d.label(refusal.label).allowed(allowed).replacement(refusal.replacement);
                    self.out.push(match refusal.help {
                        Some(help) => d.help(help),
                        None => d,
                    });
                }
                None
            }
        }
    }

    pub(super) fn boolean(&mut self, f: &mut Fields<'_>, key: &'static str) -> Option<bool> {
        self.choice(f, key, &["false", "true"]).map(|i| i == 1)
    }

    pub(super) fn number(
        &mut self,
        f: &mut Fields<'_>,
        key: &'static str,
        min: f64,
        max: f64,
    ) -> Option<f64> {
        self.value(f, key, &format!("{min} to {max}"), |t| document::number(t, min, max))
    }

    pub(super) fn whole(&mut self, f: &mut Fields<'_>, key: &'static str, min: i64, max: i64) -> Option<i64> {
        self.value(f, key, &format!("{min} to {max}"), |t| document::whole(t, min, max))
    }

    /// One of some words, as its place among them.
    pub(super) fn choice(&mut self, f: &mut Fields<'_>, key: &'static str, words: &[&str]) -> Option<usize> {
        self.value(f, key, &document::list(words), |t| {
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

    /// The items of a list; one thing is a list of one.
    pub(super) fn list<'n>(&mut self, f: &mut Fields<'n>, key: &'static str) -> &'n [Node] {
        match f.take(key) {
            None => &[],
            Some(node) => match &node.content {
                Content::List(items) => items,
                Content::Refused => &[],
                _ => std::slice::from_ref(node),
            },
        }
    }
}

impl<'n> Fields<'n> {
    pub(super) fn inner(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key, if it is there.
    pub(super) fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.asked.push(key);
        let entry = self.entries.iter_mut().find(|e| e.0 == key)?;
        entry.3 = true;
        Some(entry.2)
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
