//! Whether the log is written, for the daemon that hands over records: it tells operators.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// How a log fares. A handle: all clones look at the same log, and looking never waits for the disk.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    written: AtomicU64,
    lost: AtomicU64,
    failing: AtomicBool,
    reason: Mutex<String>,
}

impl Health {
    /// Records that were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.0.written.load(Relaxed)
    }

    /// Records that were not, and never will be.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Relaxed)
    }

    /// Nothing can be written at present.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.0.failing.load(Relaxed)
    }

    /// Why nothing can be written, or why it could not the last time.
    #[must_use]
    pub fn reason(&self) -> String {
        self.0.reason.lock().map(|r| r.clone()).unwrap_or_default()
    }

    pub(crate) fn wrote(&self) {
        self.0.written.fetch_add(1, Relaxed);
    }

    pub(crate) fn lose(&self, n: u64) {
        self.0.lost.fetch_add(n, Relaxed);
    }

    pub(crate) fn failed(&self, why: &str) {
        if let Ok(mut reason) = self.0.reason.lock() {
            why.clone_into(&mut reason);
        }
        self.0.failing.store(true, Relaxed);
    }

    pub(crate) fn works(&self) {
        self.0.failing.store(false, Relaxed);
    }
}
