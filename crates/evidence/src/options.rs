//! What the configuration of every daemon says of its log.

use std::path::PathBuf;
use std::time::Duration;

use crate::recorder::RecorderOptions;
use crate::store::StoreOptions;

/// `evidence:` of a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EvidenceOptions {
    /// Where the files are.
    pub directory: PathBuf,
    /// One record of measurements in this time.
    pub interval: Duration,
    /// So many daily files are kept; `None`: all.
    pub keep_days: Option<u32>,
    /// Measurements are on the disk after this time.
    pub sync: Duration,
    /// The head is logged this often; `None`: only at the end.
    pub anchor: Option<Duration>,
    /// SHA-256 of the configuration; empty: nobody says.
    pub configuration: String,
}

impl Default for EvidenceOptions {
    /// No directory yet; a record a second, on the disk within ten, a head every hour, everything kept.
    fn default() -> Self {
        Self {
            directory: PathBuf::new(),
            interval: Duration::from_secs(1),
            keep_days: None,
            sync: Duration::from_secs(10),
            anchor: Some(Duration::from_secs(3600)),
            configuration: String::new(),
        }
    }
}

impl EvidenceOptions {
    /// For the writer of this daemon.
    #[must_use]
    pub fn recorder(&self, daemon: &str) -> RecorderOptions {
        let store = StoreOptions { keep: self.keep_days, ..StoreOptions::new(&self.directory, daemon) };
        RecorderOptions { store, sync: self.sync, anchor: self.anchor }
    }

    /// ns between records of measurements.
    #[must_use]
    pub fn interval_ns(&self) -> u64 {
        u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX)
    }
}
