//! Is a log what was written?

use std::path::PathBuf;

use crate::hash::Hash;
use crate::reader::{Problem, ProblemKind, Reader};
use crate::segment::find_chains;

/// What was found of one chain.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ChainState {
    /// The directory and what the files have in common.
    pub name: String,
    /// How many.
    pub files: usize,
    /// Records that were read.
    pub records: u64,
    /// Number of the first one.
    pub first_seq: u64,
    /// Number that would follow the last one.
    pub next_seq: u64,
    /// ns since 1970.
    pub first_utc_ns: i64,
    /// ns since 1970.
    pub last_utc_ns: i64,
    /// The hash of the last record.
    pub head: Hash,
    /// It begins with the first record that was ever written.
    pub from_the_beginning: bool,
    /// The first files were removed after the time they were to be kept.
    pub beginning_removed: bool,
    /// Times that a torn line was found and recorded at a start.
    pub recoveries: u64,
    /// Octets of those.
    pub torn_octets: u64,
    /// The first of them.
    pub problems: Vec<Problem>,
    /// All of them.
    pub problem_count: u64,
    /// The worst.
    pub worst: Option<ProblemKind>,
}

/// The whole result.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Found {
    /// One for each log.
    pub chains: Vec<ChainState>,
    /// What could not even be looked at.
    pub unreadable: Vec<Problem>,
    /// Heads that are in no chain.
    pub missing_heads: Vec<Hash>,
}

/// In one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Every record is as it was written, and follows the one before it.
    Whole,
    /// Records were changed, removed, added or moved.
    Tampered,
    /// The end is missing: a record is cut short, or a head is not there.
    Truncated,
    /// A file is missing or cannot be read, or there is no log at all.
    Unreadable,
}

impl Found {
    /// The worst decides: tampered, unreadable, truncated.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let worst = self.chains.iter().filter_map(|c| c.worst).max();
        match worst {
            Some(ProblemKind::Tampered) => Verdict::Tampered,
            Some(ProblemKind::Unreadable) => Verdict::Unreadable,
            _ if !self.unreadable.is_empty() => Verdict::Unreadable,
            Some(ProblemKind::Truncated) => Verdict::Truncated,
            None if self.chains.iter().all(|c| c.records == 0) => Verdict::Unreadable,
            None if !self.missing_heads.is_empty() => Verdict::Truncated,
            None => Verdict::Whole,
        }
    }
}

/// Reads files and all logs of directories. `heads`: hashes that were noted elsewhere, of which each must be a record's.
#[must_use]
pub fn verify(paths: &[PathBuf], heads: &[Hash]) -> Found {
    let mut found = Found { missing_heads: heads.to_vec(), ..Found::default() };
    let chains = match find_chains(paths) {
        Ok(chains) => chains,
        Err((file, e)) => {
            let why = format!("cannot be opened: {e}");
            found.unreadable.push(Problem { kind: ProblemKind::Unreadable, file, line: 0, why });
            return found;
        }
    };
    for chain in chains {
        let mut reader = Reader::new(chain);
        while let Some(record) = reader.next_record() {
            found.missing_heads.retain(|h| *h != record.hash);
        }
        found.chains.push(reader.state().clone());
    }
    found
}
