use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

/// The first line of every state file.
const HEADER: &str = "escapement-state 1";
/// The name of the time of writing.
const WRITTEN: &str = "written_s";
/// A state file is a few lines; a longer one is none.
const MAX_LEN: u64 = 65536;

/// Names and values that outlive a restart. The file has a header line, then `name value` lines; it is replaced as a
/// whole, so that a crash leaves the old one or the new one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State(BTreeMap<String, String>);

/// Why a state file cannot be used.
#[derive(Debug)]
pub enum StateError {
    /// It could not be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// It is not a state file.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The offending line, from 1.
        line: usize,
    },
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, source } => write!(f, "state file {}: {source}", path.display()),
            Self::Corrupt { path, line } => write!(
                f,
                "{}:{line}: not a state file of this program; it is ignored, and replaced at the next write",
                path.display()
            ),
        }
    }
}

impl std::error::Error for StateError {}

impl State {
    /// Reads a file; one that does not exist is empty.
    ///
    /// # Errors
    /// It cannot be read, or is not a state file.
    pub fn load(path: &Path) -> Result<Self, StateError> {
        let io = |source| StateError::Io { path: path.to_owned(), source };
        let file = match fs::File::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(io)?,
        };
        let corrupt = |line| StateError::Corrupt { path: path.to_owned(), line };
        let mut octets = Vec::new();
        file.take(MAX_LEN + 1).read_to_end(&mut octets).map_err(io)?;
        if octets.len() as u64 > MAX_LEN {
            return Err(corrupt(1));
        }
        let text = String::from_utf8(octets).map_err(|_| corrupt(1))?;
        let mut lines = text.lines().zip(1..);
        if lines.next().is_none_or(|(l, _)| l != HEADER) {
            return Err(corrupt(1));
        }
        let mut entries = BTreeMap::new();
        for (line, number) in lines {
            let (name, value) = line.split_once(' ').ok_or_else(|| corrupt(number))?;
            entries.insert(name.to_owned(), value.to_owned());
        }
        Ok(Self(entries))
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// It cannot be written; the old one is then still there.
    pub fn save(&self, path: &Path) -> Result<(), StateError> {
        let io = |source| StateError::Io { path: path.to_owned(), source };
        if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(io)?;
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let mut file = fs::File::create(&new).map_err(io)?;
        let mut text = format!("{HEADER}\n");
        for (name, value) in &self.0 {
            text.push_str(&format!("{name} {value}\n"));
        }
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
        fs::rename(&new, path).map_err(io)
    }

    /// Whether [`State::save`] would work: makes the new file and takes it away again.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn probe(path: &Path) -> Result<(), StateError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let made = fs::File::create(&name).and_then(|_| fs::remove_file(&name));
        made.map_err(|source| StateError::Io { path: path.to_owned(), source })
    }

    /// A number; `None` if it is missing or not a finite number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.parse().ok().filter(|v: &f64| v.is_finite())
    }

    /// Sets a number.
    pub fn set_number(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), value.to_string());
    }

    /// A text; `None` if it is missing.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Notes when it is written, in seconds since 1970 by the system clock.
    pub fn set_written(&mut self, now_s: f64) {
        self.set_number(WRITTEN, now_s.round());
    }

    /// How long ago it was written, s. `None`: it does not say, or the system clock was set back since.
    pub fn age_s(&self, now_s: f64) -> Option<f64> {
        Some(now_s - self.number(WRITTEN)?).filter(|age| *age >= -1.0).map(|age| age.max(0.0))
    }

    /// It says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A name in it begins like this.
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.0.keys().any(|name| name.starts_with(prefix))
    }

    /// Sets a text. A value is one line: what controls a terminal or ends a line becomes `?`.
    pub fn set_text(&mut self, name: &str, value: &str) {
        let line = value.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        self.0.insert(name.to_owned(), line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("escapement-state-{}-{name}", std::process::id()))
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let path = path("round-trip");
        assert_eq!(State::load(&path).expect("missing is empty"), State::default());
        State::probe(&path).expect("writable");
        assert!(!path.exists(), "it leaves nothing");
        assert!(State::probe(&path.join("below/a/file/that/is/none")).is_err());
        let mut state = State::default();
        state.set_number("frequency_ppb", -12345.678);
        state.set_text("clock", "virtual:/a b\nfrequency_ppb 1");
        state.save(&path).expect("save");
        let loaded = State::load(&path).expect("load");
        assert_eq!(loaded.number("frequency_ppb"), Some(-12345.678));
        assert_eq!(loaded.text("clock"), Some("virtual:/a b?frequency_ppb 1"));
        assert_eq!(loaded.text("other"), None);
        assert_eq!(loaded, state);
        assert!(!loaded.is_empty() && loaded.has_prefix("freq") && !loaded.has_prefix("osc"));
        assert_eq!(loaded.age_s(5e9), None);
        state.set_written(1e9);
        assert_eq!((state.age_s(1e9 + 60.0), state.age_s(1e9 - 60.0)), (Some(60.0), None));
        fs::remove_file(path).expect("remove");
    }

    #[test]
    fn anything_else_is_refused_and_says_where() {
        let path = path("corrupt");
        let long = "escapement-state 1\n".repeat(10_000);
        for (octets, line) in [
            (&b"nonsense"[..], 1),
            (b"", 1),
            (b"escapement-state 2\n", 1),
            (b"escapement-state 1\na b\nnovalue\n", 3),
            (b"escapement-state 1\n\xff\xfe x\n", 1),
            (long.as_bytes(), 1),
        ] {
            fs::write(&path, octets).expect("write");
            match State::load(&path) {
                Err(StateError::Corrupt { line: l, .. }) => assert_eq!(l, line),
                other => panic!("{other:?}"),
            }
        }
        fs::write(&path, "escapement-state 1\nfrequency_ppb NaN\n").expect("write");
        assert_eq!(State::load(&path).expect("load").number("frequency_ppb"), None);
        fs::remove_file(path).expect("remove");
    }
}
