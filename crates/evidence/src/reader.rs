//! Records in order, and everything that is wrong with them.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use crate::hash::{Hash, digest, split};
use crate::segment::Chain;
use crate::utc::parse_utc;
use crate::verify::ChainState;

/// A line that is longer is no record.
const MAX_LINE: u64 = 1 << 20;
/// A record that is half there is waited for so often, for so long.
const WAITS: u32 = 10;
const WAIT: std::time::Duration = std::time::Duration::from_millis(20);
/// More problems are counted only.
const MAX_PROBLEMS: usize = 50;

/// A record as it was read. What its chain is worth, [`Reader::state`] tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// From 0, without gaps.
    pub seq: u64,
    /// ns since 1970.
    pub utc_ns: i64,
    /// ns of CLOCK_MONOTONIC; 0: nobody said.
    pub monotonic_ns: u64,
    /// Who wrote it.
    pub daemon: String,
    /// What it is: docs/evidence.md.
    pub kind: String,
    /// The whole line, JSON.
    pub line: String,
    /// Its hash.
    pub hash: Hash,
}

/// What kind of problem.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ProblemKind {
    /// The end is missing.
    Truncated,
    /// A file cannot be read.
    Unreadable,
    /// It is not as it was written.
    Tampered,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// What kind.
    pub kind: ProblemKind,
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0: the file as a whole.
    pub line: u64,
    /// What, for the operator.
    pub why: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.why),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.why),
        }
    }
}

/// What every record has.
#[derive(serde::Deserialize)]
struct Head<'a> {
    seq: u64,
    #[serde(borrow)]
    utc: Cow<'a, str>,
    #[serde(default)]
    monotonic: u64,
    #[serde(borrow)]
    daemon: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    previous: Option<Cow<'a, str>>,
    #[serde(default)]
    octets: Option<u64>,
    #[serde(borrow, default)]
    sha256: Option<Cow<'a, str>>,
    #[serde(default)]
    first_left: Option<u64>,
}

/// Reads one chain. Memory is that of a line.
#[derive(Debug)]
pub struct Reader {
    chain: Chain,
    /// The next file to open.
    next_file: usize,
    current: Option<BufReader<File>>,
    line: u64,
    raw: Vec<u8>,
    /// Octets that are no record and that no `recovery` has claimed yet, and their first line.
    unclaimed: Vec<u8>,
    unclaimed_line: u64,
    running: Option<Hash>,
    /// The highest `first_left`.
    first_left: u64,
    state: ChainState,
}

impl Reader {
    /// From the first record on.
    #[must_use]
    pub fn new(chain: Chain) -> Self {
        Self {
            state: ChainState { name: chain.name.clone(), files: chain.files.len(), ..ChainState::default() },
            chain,
            next_file: 0,
            current: None,
            line: 0,
            raw: Vec::new(),
            unclaimed: Vec::new(),
            unclaimed_line: 0,
            running: None,
            first_left: 0,
        }
    }

    /// The next record. `None`: there are no more.
    pub fn next_record(&mut self) -> Option<Record> {
        loop {
            if self.current.is_none() && !self.open_next() {
                return None;
            }
            match self.read_line() {
                Ok(true) => {}
                Ok(false) => {
                    self.end_of_file();
                    continue;
                }
                Err(e) => {
                    self.problem(ProblemKind::Unreadable, self.line, format!("cannot be read: {e}"));
                    self.current = None;
                    continue;
                }
            }
            let raw = std::mem::take(&mut self.raw);
            let record = raw.strip_suffix(b"\n").and_then(|line| self.take(line));
            if record.is_none() {
                if self.unclaimed.is_empty() {
                    self.unclaimed_line = self.line;
                }
                self.unclaimed.extend_from_slice(&raw);
                if self.unclaimed.len() as u64 > MAX_LINE {
                    self.leave_unclaimed();
                }
            }
            self.raw = raw;
            if record.is_some() {
                return record;
            }
        }
    }

    /// What is known of the chain so far; after the last record, all.
    #[must_use]
    pub const fn state(&self) -> &ChainState {
        &self.state
    }

    fn open_next(&mut self) -> bool {
        while let Some(path) = self.chain.files.get(self.next_file) {
            self.next_file += 1;
            self.line = 0;
            match File::open(path) {
                Ok(file) => {
                    self.current = Some(BufReader::with_capacity(1 << 16, file));
                    return true;
                }
                Err(e) => self.problem(ProblemKind::Unreadable, 0, format!("cannot be opened: {e}")),
            }
        }
        self.settle_beginning();
        false
    }

    /// False at the end of the file.
    fn read_line(&mut self) -> io::Result<bool> {
        self.raw.clear();
        let Some(file) = &mut self.current else { return Ok(false) };
        self.line += 1;
        let mut read = |raw: &mut Vec<u8>| file.by_ref().take(MAX_LINE).read_until(b'\n', raw);
        let some = read(&mut self.raw)? > 0;
        // The end of the log: its writer may be about to write the rest of this record.
        if some && self.next_file >= self.chain.files.len() {
            for _ in 0..WAITS {
                if self.raw.ends_with(b"\n") {
                    break;
                }
                std::thread::sleep(WAIT);
                read(&mut self.raw)?;
            }
        }
        Ok(some)
    }

    fn end_of_file(&mut self) {
        self.current = None;
        let last = self.next_file >= self.chain.files.len();
        if last && !self.unclaimed.is_empty() && !self.unclaimed.contains(&b'\n') {
            let text = format!(
                "ends in the middle of a record ({} octets): its writer was stopped there and has not run since, or \
                 the end was cut off",
                self.unclaimed.len()
            );
            self.problem(ProblemKind::Truncated, self.unclaimed_line, text);
            self.unclaimed.clear();
        }
        self.leave_unclaimed();
    }

    fn leave_unclaimed(&mut self) {
        if self.unclaimed.is_empty() {
            return;
        }
        let zeros = if self.unclaimed.iter().all(|o| *o == 0 || *o == b'\n') { ", all zeros" } else { "" };
        let text = format!("this is no record ({} octets{zeros})", self.unclaimed.len());
        self.problem(ProblemKind::Tampered, self.unclaimed_line, text);
        self.unclaimed.clear();
    }

    fn problem(&mut self, kind: ProblemKind, line: u64, why: String) {
        let file = self.next_file.checked_sub(1).and_then(|i| self.chain.files.get(i));
        let file = file.cloned().unwrap_or_else(|| self.chain.name.clone().into());
        self.state.problem_count += 1;
        self.state.worst = self.state.worst.max(Some(kind));
        if self.state.problems.len() < MAX_PROBLEMS {
            self.state.problems.push(Problem { kind, file, line, why });
        }
    }

    /// A line, without its end. `None`: it is no record.
    fn take(&mut self, line: &[u8]) -> Option<Record> {
        let (body, said) = split(line)?;
        let text = std::str::from_utf8(line).ok()?;
        let head: Head<'_> = serde_json::from_str(text).ok()?;
        let utc_ns = parse_utc(&head.utc)?;
        let number = self.line;
        if head.kind == "recovery" {
            self.claim(&head);
        } else {
            self.leave_unclaimed();
        }
        let expected = self.state.next_seq;
        let before = match self.running {
            Some(hash) => Some(hash),
            // The first record of all says itself what it follows.
            None => head.previous.as_ref().and_then(|p| p.parse().ok()),
        };
        if self.running.is_none() {
            self.state.first_seq = head.seq;
            self.state.first_utc_ns = utc_ns;
            if before.is_none() {
                let why = "this is not a file's first record: those before it are missing";
                self.problem(ProblemKind::Tampered, number, why.to_owned());
            }
        }
        if self.running.is_some() && head.seq != expected {
            let why = match head.seq.checked_sub(expected) {
                Some(1) => format!("record {expected} is missing before this one ({})", head.seq),
                Some(_) => format!("records {expected} to {} are missing before this one", head.seq - 1),
                None => format!("record {} stands here, where {expected} is due", head.seq),
            };
            self.problem(ProblemKind::Tampered, number, why);
        } else if before.is_some_and(|b| b.then(body) != said) {
            let why = "this record does not fit its hash and the record before it: one of them was changed";
            self.problem(ProblemKind::Tampered, number, why.to_owned());
        }
        self.running = Some(said);
        self.first_left = self.first_left.max(head.first_left.unwrap_or(0));
        let state = &mut self.state;
        state.records += 1;
        state.next_seq = head.seq.saturating_add(1);
        state.last_utc_ns = utc_ns;
        state.head = said;
        Some(Record {
            seq: head.seq,
            utc_ns,
            monotonic_ns: head.monotonic,
            daemon: head.daemon.into_owned(),
            kind: head.kind.into_owned(),
            line: text.to_owned(),
            hash: said,
        })
    }

    /// A `recovery` says what stands before it that is no record.
    fn claim(&mut self, head: &Head<'_>) {
        let octets = head.octets.unwrap_or(0);
        let digest = digest(&self.unclaimed).to_string();
        if self.unclaimed.len() as u64 == octets && head.sha256.as_deref() == Some(digest.as_str()) {
            self.state.recoveries += 1;
            self.state.torn_octets = self.state.torn_octets.saturating_add(octets);
            self.unclaimed.clear();
        } else {
            self.leave_unclaimed();
            let why = "what stands before this recovery is not what was found then";
            self.problem(ProblemKind::Tampered, self.line, why.to_owned());
        }
    }

    /// Whether the first files may be missing.
    fn settle_beginning(&mut self) {
        self.state.from_the_beginning = self.state.first_seq == 0;
        let Some(first) = self.chain.first_number.filter(|_| self.chain.all) else { return };
        self.chain.all = false;
        if first > 1 && first > self.first_left {
            self.next_file = 1;
            let why =
                format!("files 1 to {} are missing, and no record says that they were removed", first - 1);
            self.problem(ProblemKind::Tampered, 0, why);
            self.next_file = self.chain.files.len();
        }
        self.state.beginning_removed = first > 1;
    }
}
