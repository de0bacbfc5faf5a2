//! A file's text, and its YAML as a tree in which every node knows its place. Work is bounded by the file's size,
//! which is bounded too; anchors and aliases are refused, so nothing can expand.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::diagnostics::{Diagnostic, Problem, line_starts};

/// A larger file is refused: thousands of ports fit.
pub(crate) const LARGEST: u64 = 256 * 1024;
/// Deeper nesting is refused; three levels have a meaning.
const DEEPEST: usize = 16;

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// As it was named.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
    line_starts: Vec<usize>,
}

/// A part of a source, in octets.
pub type Place = Range<usize>;

/// A node and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands; of mappings and lists the beginning.
    pub place: Place,
    /// The octet behind all of it.
    pub end: usize,
    /// What it holds.
    pub content: Content,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// A scalar.
    Scalar {
        /// Its text, whatever it looks like.
        text: String,
        /// It stood in quotes, or was a block.
        quoted: bool,
    },
    /// Key and value, duplicates kept.
    Map(Vec<(Node, Node)>),
    /// Items.
    List(Vec<Node>),
    /// Was refused already.
    Refused,
}

/// The tree of a text.
#[derive(Debug)]
pub struct Tree {
    /// `None`: the file holds nothing, or nothing that could be read.
    pub root: Option<Node>,
    /// The text ends in an error: what is not there may be behind it.
    pub cut: bool,
}

impl Source {
    pub(crate) fn new(path: PathBuf, text: String) -> Self {
        let line_starts = line_starts(&text);
        Self { path, text, line_starts }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is too large, or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self, Box<Diagnostic>> {
        let broken = |message: String| Box::new(Diagnostic::new(Problem::File, message).in_file(path));
        let mut octets = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut octets))
            .map_err(|e| broken(format!("cannot read the file: {e}")))?;
        Self::from_octets(path, octets)
    }

    /// From what a file holds.
    ///
    /// # Errors
    /// It is too large, or not UTF-8.
    pub fn from_octets(path: &Path, octets: Vec<u8>) -> Result<Self, Box<Diagnostic>> {
        if u64::try_from(octets.len()).unwrap_or(u64::MAX) > LARGEST {
            let message = format!("the file is larger than {} KiB", LARGEST / 1024);
            return Err(Box::new(Diagnostic::new(Problem::File, message).in_file(path)));
        }
        let text = String::from_utf8(octets).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            // The bad octet shows as a replacement character, in its place.
            let shown = String::from_utf8_lossy(e.as_bytes()).into_owned();
            let diagnostic = Diagnostic::new(Problem::File, "the file is not UTF-8")
                .at(path, &shown, &line_starts(&shown), at..at + '\u{fffd}'.len_utf8())
                .label(format!("octet 0x{:02x}", e.as_bytes().get(at).copied().unwrap_or(0)))
                .help("save the file as UTF-8");
            Box::new(diagnostic)
        })?;
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        Ok(Self::new(path.to_owned(), text))
    }

    /// A diagnostic at a place of this source.
    pub fn diagnose(&self, problem: Problem, message: impl Into<String>, place: &Place) -> Diagnostic {
        Diagnostic::new(problem, message).at(&self.path, &self.text, &self.line_starts, place.clone())
    }

    /// The line a place is in, from 1.
    pub fn line(&self, place: &Place) -> usize {
        self.line_starts.partition_point(|begin| *begin <= place.start).max(1)
    }

    /// Reads the YAML. What is wrong with it goes to `out`.
    pub fn tree(&self, out: &mut Vec<Diagnostic>) -> Tree {
        // The parser counts characters; the tree has octets.
        let offsets: Vec<usize> =
            self.text.char_indices().map(|(i, _)| i).chain(std::iter::once(self.text.len())).collect();
        let octet = |index: usize| offsets.get(index).copied().unwrap_or(self.text.len());
        let mut builder =
            Builder { source: self, stack: Vec::new(), root: None, documents: 0, told: [false; 3], out };
        let mut cut = false;
        for event in Parser::new_from_str(&self.text) {
            match event {
                Ok((event, Span { start, end })) => {
                    let mut place = octet(start.index())..octet(end.index());
                    place.end = place.end.max(place.start);
                    if !builder.event(event, place) {
                        cut = true;
                        break;
                    }
                }
                Err(error) => {
                    let at = octet(error.marker().index());
                    let place = at..at + 1;
                    let deep = error.info().contains("recursion limit");
                    let message = if deep { "nested too deeply" } else { "this is not YAML" };
                    let tab = self.text.get(at..).is_some_and(|s| s.starts_with('\t'))
                        || self
                            .text
                            .get(..at)
                            .is_some_and(|s| s.rsplit('\n').next().is_some_and(|l| l.contains('\t')));
                    let diagnostic = self.diagnose(Problem::Syntax, message, &place).label(error.info());
                    builder.out.push(match tab {
                        true => diagnostic.help("indent with spaces, not with tabs"),
                        false => diagnostic,
                    });
                    cut = true;
                    break;
                }
            }
        }
        builder.unwind();
        Tree { root: builder.root, cut }
    }
}

/// A container that is still open. A map keeps the key that waits for its value.
enum Open {
    Map(Place, Vec<(Node, Node)>, Option<Node>),
    List(Place, Vec<Node>),
}

struct Builder<'a> {
    source: &'a Source,
    stack: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    /// Anchors, tags, aliases: each is refused once.
    told: [bool; 3],
    out: &'a mut Vec<Diagnostic>,
}

impl Builder<'_> {
    fn refuse(&mut self, message: &str, place: &Place) {
        self.out.push(self.source.diagnose(Problem::Syntax, message, place));
    }

    /// Takes an event; false: enough.
    fn event(&mut self, event: Event<'_>, place: Place) -> bool {
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => (*anchor, tag.is_some()),
            _ => (0, false),
        };
        if anchor != 0 && !std::mem::replace(&mut self.told[0], true) {
            self.refuse("anchors (`&name`) have no use here", &place);
        }
        if tag && !std::mem::replace(&mut self.told[1], true) {
            self.refuse("tags (`!name`) have no use here", &place);
        }
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.refuse("a second document begins here; one is read", &place);
                    return false;
                }
            }
            Event::Alias(_) => {
                if !std::mem::replace(&mut self.told[2], true) {
                    self.refuse("aliases (`*name`) have no use here", &place);
                }
                self.add(Node { end: place.end, place, content: Content::Refused });
            }
            Event::Scalar(text, style, ..) => {
                let quoted = style != ScalarStyle::Plain;
                self.add(Node {
                    end: place.end,
                    place,
                    content: Content::Scalar { text: text.into_owned(), quoted },
                });
            }
            Event::SequenceStart(..) => return self.open(Open::List(place, Vec::new())),
            Event::MappingStart(..) => return self.open(Open::Map(place, Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.close(place.end),
            Event::DocumentEnd | Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
        }
        true
    }

    fn open(&mut self, open: Open) -> bool {
        if self.stack.len() >= DEEPEST {
            let (Open::Map(place, ..) | Open::List(place, _)) = open;
            self.refuse("nested too deeply", &place);
            return false;
        }
        self.stack.push(open);
        true
    }

    fn close(&mut self, end: usize) {
        let node = match self.stack.pop() {
            Some(Open::Map(place, mut entries, waiting)) => {
                if let Some(key) = waiting {
                    let place = key.place.clone();
                    entries.push((key, Node { end: place.end, place, content: Content::Refused }));
                }
                Node { place, end, content: Content::Map(entries) }
            }
            Some(Open::List(place, items)) => Node { place, end, content: Content::List(items) },
            None => return,
        };
        self.add(node);
    }

    fn add(&mut self, node: Node) {
        match self.stack.last_mut() {
            Some(Open::Map(_, entries, waiting)) => match waiting.take() {
                Some(key) => entries.push((key, node)),
                None => *waiting = Some(node),
            },
            Some(Open::List(_, items)) => items.push(node),
            None => self.root = Some(node),
        }
    }

    /// Closes what an error left open, so that what came before it can be checked too.
    fn unwind(&mut self) {
        while !self.stack.is_empty() {
            self.close(self.source.text.len());
        }
    }
}
