//! What is wrong with a configuration, and how it is shown.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

/// Reading stops after this many.
pub(crate) const TOO_MANY: usize = 1000;

/// No more than this many are shown; the rest is counted.
const MOST: usize = 100;

/// What kind of thing is wrong. Serialised in kebab case.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read, is not UTF-8, or is too large.
    File,
    /// The text is not YAML, or uses a part of YAML that has no place here.
    Syntax,
    /// There is no such key here.
    UnknownKey,
    /// The key stands here twice.
    DuplicateKey,
    /// The value is of another type, or not in the form of its kind.
    WrongType,
    /// The value is outside its range.
    OutOfRange,
    /// The key has no effect where it stands.
    NoEffect,
    /// Two values contradict each other.
    Contradiction,
    /// Something needed is not there.
    Missing,
    /// There is no such profile.
    UnknownProfile,
}

/// Where in a file: counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Diagnostic {
    /// Its kind.
    pub problem: Problem,
    /// What is wrong, in one line.
    pub message: String,
    /// Where: a file, or `command line`. `None`: the configuration as a whole.
    pub file: Option<PathBuf>,
    /// Where in the file.
    pub position: Option<Position>,
    /// The offending text, as far as there is one, at most 200 characters of it.
    pub text: String,
    /// The key it is about, with its section: `servo.step_threshold`, `ports[0].log_sync_interval`.
    pub key: Option<String>,
    /// What is allowed.
    pub allowed: Option<String>,
    /// What to do.
    pub help: Option<String>,
    /// The text to write in the offending text's place, where there is only one good guess.
    pub replacement: Option<String>,
    #[serde(skip)]
    label: String,
    /// The line's text, and the octets of it that are marked.
    #[serde(skip)]
    line: Option<(String, Range<usize>)>,
}

impl Diagnostic {
    /// Without a place; [`Source::diagnose`](crate::document::Source::diagnose) makes one that has it.
    pub fn new(problem: Problem, message: impl Into<String>) -> Self {
        Self {
            problem,
            message: message.into(),
            file: None,
            position: None,
            text: String::new(),
            key: None,
            allowed: None,
            help: None,
            replacement: None,
            label: String::new(),
            line: None,
        }
    }

    /// In a file, without a place in it.
    pub fn in_file(mut self, path: &Path) -> Self {
        self.file = Some(path.to_owned());
        self
    }

    /// At a span of octets of a file's text. `line_starts` holds the octet each line begins with.
    pub(crate) fn at(mut self, path: &Path, text: &str, line_starts: &[usize], span: Range<usize>) -> Self {
        let start = floor(text, span.start);
        let number = line_starts.partition_point(|begin| *begin <= start).max(1);
        let line_start = line_starts.get(number - 1).copied().unwrap_or(0);
        let line_end = line_starts.get(number).map_or(text.len(), |next| next.saturating_sub(1)).max(start);
        let end = floor(text, span.end).clamp(start, line_end);
        let line = text.get(line_start..line_end).unwrap_or("").trim_end_matches('\r');
        let marked = (start - line_start).min(line.len())..(end - line_start).min(line.len());
        let column = 1 + line.get(..marked.start).unwrap_or("").chars().count();
        self.file = Some(path.to_owned());
        self.position = Some(Position { line: number, column });
        self.text = line.get(marked.clone()).unwrap_or("").trim_end().chars().take(200).collect();
        self.line = Some(window(line, marked));
        self
    }

    /// The key it is about.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// What is allowed.
    pub fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// A few words under the mark.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// What to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What to write in its place.
    pub fn replacement(mut self, text: Option<String>) -> Self {
        self.replacement = text;
        self
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut group = Group::with_title(Level::ERROR.primary_title(self.message.as_str()));
        match (&self.file, &self.line, self.position) {
            (Some(file), Some((line, marked)), Some(position)) => {
                let mut annotation = AnnotationKind::Primary.span(marked.clone());
                if !self.label.is_empty() {
                    annotation = annotation.label(self.label.as_str());
                }
                let path = file.display().to_string();
                let snippet = Snippet::source(line.as_str()).line_start(position.line).path(path);
                group = group.element(snippet.annotation(annotation));
            }
            (Some(file), ..) => {
                group = group.element(Origin::path(file.display().to_string()));
            }
            (None, ..) => {}
        }
        if let Some(allowed) = &self.allowed {
            group = group.element(Level::NOTE.message(format!("allowed: {allowed}")));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

/// Everything that is wrong with a configuration, in the order of the file. Never empty.
///
/// Its `Display` is meant for a terminal, in the way of rustc, without colours; [`Diagnostics::colored`] has them.
/// For programs: [`Diagnostics::as_slice`], and `serde::Serialize`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Of at least one.
    pub fn new(mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|d| (d.position.is_none(), d.file.clone(), d.position.map(|p| (p.line, p.column))));
        Self(list)
    }

    /// All of them.
    pub fn as_slice(&self) -> &[Diagnostic] {
        &self.0
    }

    /// As `Display`, with colours.
    pub fn colored(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut s = String::new();
        for diagnostic in self.0.iter().take(MOST) {
            s.push_str(&diagnostic.render(renderer));
            s.push_str("\n\n");
        }
        if let Some(more) = self.0.len().checked_sub(MOST).filter(|n| *n > 0) {
            s.push_str(&format!("... and {more} more\n\n"));
        }
        let n = self.0.len();
        let least = if n >= TOO_MANY { "at least " } else { "" };
        s.push_str(&format!("{least}{n} error{} in the configuration", if n == 1 { "" } else { "s" }));
        s
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl std::error::Error for Diagnostics {}

/// The octet each line of a text begins with.
pub(crate) fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect()
}

/// The start of the character an octet belongs to.
fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A long line is cut behind the mark; what stands before the mark is kept, so that columns stay right.
fn window(line: &str, marked: Range<usize>) -> (String, Range<usize>) {
    const LONGEST: usize = 200;
    if line.len() <= LONGEST {
        return (line.to_owned(), marked);
    }
    let end = floor(line, marked.end.min(marked.start + LONGEST / 2));
    let cut = floor(line, (end + LONGEST / 2).min(line.len()));
    (line.get(..cut).unwrap_or("").to_owned(), marked.start..end)
}
