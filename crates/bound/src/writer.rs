//! The one who writes the page.

use std::io;
use std::path::Path;

use ptp_clock::SharedWords;

use crate::{Bound, MAGIC, NS, WORDS, head, pair, parts};

/// Writes the page. One at a time.
#[derive(Debug)]
pub struct Writer {
    words: SharedWords,
    generation: u16,
}

impl Writer {
    /// Makes the page, or goes on with one that is there: clients keep it over a restart.
    ///
    /// # Errors
    /// The kernel's: no such directory, no right to write.
    pub fn create(path: &Path) -> io::Result<Self> {
        let words = SharedWords::create(path, WORDS)?;
        // An odd one is of a writer that died half-way: made even, the content is written before it is shown.
        let generation = match parts(words.load(1)).2 {
            g if g % 2 == 1 => g.wrapping_add(1),
            g => g,
        };
        Ok(Self { words, generation })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.words.path()
    }

    /// Publishes a bound.
    pub fn write(&mut self, bound: &Bound) {
        let writing = self.generation.wrapping_add(1);
        self.words.store(1, head(writing));
        let values = [
            bound.as_of_ns / NS,
            bound.as_of_ns % NS,
            bound.void_after_ns / NS,
            bound.void_after_ns % NS,
            bound.bound_ns.min(i64::MAX as u64),
            0,
            pair(bound.max_drift_ppb, bound.status as u32),
            0,
        ];
        for (i, value) in values.into_iter().enumerate() {
            self.words.store(2 + i, value);
        }
        // 0 says that nothing was written yet.
        self.generation = match writing.wrapping_add(1) {
            0 => 2,
            g => g,
        };
        self.words.store(0, pair(MAGIC[0], MAGIC[1]));
        self.words.store(1, head(self.generation));
    }
}
