//! The files: appending, a new one for each day, what a crash left, expiry.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::entry::Entry;
use crate::hash::{Hash, digest, split};
use crate::segment::{Segment, segments};
use crate::utc::day_text;

/// The tail that is looked at first for the last record.
const TAIL: u64 = 64 * 1024;

/// Where a log is, and whose.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoreOptions {
    /// Made if it is not there.
    pub directory: PathBuf,
    /// The files' first word; each writer has its own.
    pub chain: String,
    /// The `daemon` of all records.
    pub daemon: String,
    /// So many daily files are kept; `None`: all.
    pub keep: Option<u32>,
}

impl StoreOptions {
    /// A daemon's own chain, kept for ever.
    #[must_use]
    pub fn new(directory: &Path, daemon: &str) -> Self {
        Self {
            directory: directory.to_owned(),
            chain: daemon.to_owned(),
            daemon: daemon.to_owned(),
            keep: None,
        }
    }
}

/// Why nothing can be written.
#[derive(Debug)]
pub enum StoreError {
    /// A file or the directory could not be read or written.
    Io {
        /// Which.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Another program writes this chain.
    Locked {
        /// The file that is locked.
        path: PathBuf,
    },
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Locked { path } => {
                write!(
                    f,
                    "{} is locked: another program writes this log; give each a directory",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for StoreError {}

/// An open log. After an error it is to be opened anew: what a write left half done is found and recorded then.
#[derive(Debug)]
pub struct Store {
    options: StoreOptions,
    /// Held as long as the log is open.
    _lock: File,
    file: Option<File>,
    segment: Option<Segment>,
    head: Hash,
    next_seq: u64,
    line: String,
}

/// The end of a file.
struct Tail {
    last: Option<(u64, Hash)>,
    /// What stands behind the last record.
    torn: Vec<u8>,
    /// The last record lacks its line's end.
    open: bool,
}

impl Store {
    /// Opens a log, and goes on behind its last record. What stands behind that, of a write that a crash cut short, stays
    /// in the file, and a `recovery` record says so.
    ///
    /// # Errors
    /// The directory or its files cannot be read or written, or another program writes them.
    pub fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        let directory = &options.directory;
        std::fs::create_dir_all(directory).map_err(failed(directory))?;
        let path = directory.join(format!("{}.lock", options.chain));
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o640)
            .open(&path)
            .map_err(failed(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path }),
            Err(TryLockError::Error(e)) => return Err(failed(&path)(e)),
        }
        let mut store = Self {
            options: options.clone(),
            _lock: lock,
            file: None,
            segment: None,
            head: Hash::ZERO,
            next_seq: 0,
            line: String::with_capacity(1024),
        };
        store.find_end()?;
        Ok(store)
    }

    /// The hash of the last record.
    #[must_use]
    pub const fn head(&self) -> Hash {
        self.head
    }

    /// The number that the next record gets.
    #[must_use]
    pub const fn next_seq(&self) -> u64 {
        self.next_seq
    }

    fn find_end(&mut self) -> Result<(), StoreError> {
        let directory = self.options.directory.clone();
        let all = segments(&directory, &self.options.chain).map_err(failed(&directory))?;
        let Some(last) = all.last() else { return Ok(()) };
        let mut damage = None;
        for segment in all.iter().rev() {
            let path = directory.join(segment.name());
            let tail = tail(&path).map_err(failed(&path))?;
            let found = tail.last;
            if segment == last {
                damage = Some(tail);
            }
            if let Some((seq, hash)) = found {
                (self.next_seq, self.head) = (seq.saturating_add(1), hash);
                break;
            }
        }
        let damage = damage.unwrap_or(Tail { last: None, torn: Vec::new(), open: false });
        self.segment = Some(last.clone());
        if damage.last.is_none() && damage.torn.is_empty() {
            // An empty file: a crash came before its first record. It stays, and the next one begins anew.
            self.segment = Some(Segment { day: String::new(), ..last.clone() });
            return Ok(());
        }
        let path = directory.join(last.name());
        self.file = Some(append_to(&path).map_err(failed(&path))?);
        if damage.open || !damage.torn.is_empty() {
            self.recover(damage.torn, damage.open)?;
        }
        Ok(())
    }

    /// Ends the torn line, and records it.
    fn recover(&mut self, mut torn: Vec<u8>, open: bool) -> Result<(), StoreError> {
        if open || !torn.ends_with(b"\n") {
            if !open {
                torn.push(b'\n');
            }
            self.put(b"\n")?;
        }
        let entry = Entry::new("recovery")
            .shown("previous", self.head)
            .whole("octets", torn.len() as u64)
            .shown("sha256", digest(&torn))
            .text("message", "the end of the file was no whole record: the writer or its host had stopped");
        self.add(&entry)?;
        self.sync()
    }

    /// Writes a record; at another day than the last one's into a new file.
    ///
    /// # Errors
    /// The disk is full, or something else keeps it from being written. The store is to be opened anew.
    pub fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let day = day_text(entry.utc_ns);
        if self.file.is_none() || self.segment.as_ref().is_none_or(|s| s.day != day) {
            self.begin_segment(entry, day)?;
        }
        self.add(entry)
    }

    fn begin_segment(&mut self, entry: &Entry, day: String) -> Result<(), StoreError> {
        // What was written before is safe before what follows begins.
        self.sync()?;
        let number = self.segment.as_ref().map_or(1, |s| s.number.saturating_add(1));
        let segment = Segment { chain: self.options.chain.clone(), number, day };
        let path = self.options.directory.join(segment.name());
        self.file = Some(append_to(&path).map_err(failed(&path))?);
        self.segment = Some(segment);
        let begin = Entry::new("segment")
            .at(entry.utc_ns)
            .monotonic(entry.monotonic_ns)
            .whole("format", 1)
            .whole("number", number)
            .shown("previous", self.head);
        self.add(&begin)?;
        let directory = &self.options.directory;
        File::open(directory).and_then(|d| d.sync_all()).map_err(failed(directory))?;
        self.remove_old(entry)
    }

    /// Files beyond those that are to be kept, oldest first, after a record that says so. It is their number that counts,
    /// not their age: a clock that shows a wrong year must not destroy evidence.
    fn remove_old(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let Some(keep) = self.options.keep else { return Ok(()) };
        let directory = self.options.directory.clone();
        let all = segments(&directory, &self.options.chain).map_err(failed(&directory))?;
        let surplus = all.len().saturating_sub(keep.max(1) as usize);
        let (old, rest) = all.split_at(surplus);
        let (Some(first), Some(last), Some(left)) = (old.first(), old.last(), rest.first()) else {
            return Ok(());
        };
        let said = Entry::new("removed")
            .at(entry.utc_ns)
            .monotonic(entry.monotonic_ns)
            .text("from", &first.name())
            .text("to", &last.name())
            .whole("first_left", left.number);
        self.add(&said)?;
        self.sync()?;
        for segment in old {
            let path = directory.join(segment.name());
            std::fs::remove_file(&path).map_err(failed(&path))?;
        }
        Ok(())
    }

    fn add(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let mut line = std::mem::take(&mut self.line);
        let hash = entry.line(self.next_seq, &self.options.daemon, self.head, &mut line);
        let written = self.put(line.as_bytes());
        self.line = line;
        written?;
        self.head = hash;
        self.next_seq = self.next_seq.saturating_add(1);
        Ok(())
    }

    fn put(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let name = self.segment.as_ref().map(Segment::name).unwrap_or_default();
        file.write_all(octets).map_err(failed(&self.options.directory.join(name)))
    }

    /// To the disk itself: what was appended before survives a loss of power.
    ///
    /// # Errors
    /// The disk failed. The store is to be opened anew.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        let Some(file) = &self.file else { return Ok(()) };
        let name = self.segment.as_ref().map(Segment::name).unwrap_or_default();
        file.sync_data().map_err(failed(&self.options.directory.join(name)))
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::Io { path, source }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

/// The last record of a file, and what stands behind it.
fn tail(path: &Path) -> io::Result<Tail> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut window = TAIL;
    loop {
        let from = length.saturating_sub(window);
        file.seek(SeekFrom::Start(from))?;
        let mut octets = Vec::new();
        Read::by_ref(&mut file).take(window).read_to_end(&mut octets)?;
        // Without the file's beginning the first line may be half of one.
        let begin = match from {
            0 => 0,
            _ => octets.iter().position(|o| *o == b'\n').map_or(octets.len(), |at| at + 1),
        };
        let lines = octets.get(begin..).unwrap_or_default();
        let found = last_record(lines);
        if found.last.is_some() || from == 0 {
            return Ok(found);
        }
        window = window.saturating_mul(8);
    }
}

fn last_record(octets: &[u8]) -> Tail {
    #[derive(serde::Deserialize)]
    struct Numbered {
        seq: u64,
    }
    let mut end = octets.len();
    while end > 0 {
        let before = octets.get(..end).unwrap_or_default();
        let stripped = before.strip_suffix(b"\n");
        let line = stripped.unwrap_or(before);
        let start = line.iter().rposition(|o| *o == b'\n').map_or(0, |at| at + 1);
        let line = line.get(start..).unwrap_or_default();
        if let Some((_, hash)) = split(line)
            && let Ok(Numbered { seq }) = serde_json::from_slice(line)
        {
            let torn = octets.get(end..).unwrap_or_default().to_vec();
            return Tail { last: Some((seq, hash)), torn, open: stripped.is_none() };
        }
        end = start;
    }
    Tail { last: None, torn: octets.to_vec(), open: false }
}
