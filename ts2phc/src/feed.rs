//! The source as it is kept open, and what its lines say, counted.

use std::{fmt, io};

use ptp_daemon::monotonic_now;
use tracing::{info, warn};

use crate::nmea::{BadLine, Lines, Sentence, parse};
use crate::source::{Source, SourceName};

/// A source that failed or went silent is opened again after this, in ns.
const RETRY: u64 = 2_000_000_000;

/// Lines by what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    times: u64,
    no_fix: u64,
    others: u64,
    form: u64,
    no_checksum: u64,
    checksum: u64,
    field: u64,
    overlong: u64,
}

impl Counts {
    fn count(&mut self, parsed: Result<Sentence, BadLine>) {
        let counter = match parsed {
            Ok(Sentence::Rmc(_) | Sentence::Zda(_)) => &mut self.times,
            Ok(Sentence::RmcInvalid | Sentence::ZdaEmpty) => &mut self.no_fix,
            Ok(Sentence::Other) => &mut self.others,
            Err(BadLine::Form) => &mut self.form,
            Err(BadLine::NoChecksum) => &mut self.no_checksum,
            Err(BadLine::Checksum) => &mut self.checksum,
            Err(BadLine::Field) => &mut self.field,
        };
        *counter = counter.saturating_add(1);
    }

    /// Sentences with a time.
    pub(crate) const fn times(&self) -> u64 {
        self.times
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { times, no_fix, others, form, no_checksum, checksum, field, overlong } = self;
        write!(
            f,
            "{times} times, {no_fix} without fix, {others} other sentences; dropped: {form} no sentence, \
             {no_checksum} no checksum, {checksum} wrong checksum, {field} wrong time, {overlong} too long"
        )
    }
}

/// A source, opened again when it fails.
#[derive(Debug)]
pub(crate) struct Feed {
    name: SourceName,
    baud: u32,
    source: Option<Source>,
    retry_at: u64,
    said: bool,
    ended: bool,
    lines: Lines,
    counts: Counts,
}

impl Feed {
    pub(crate) fn new(name: SourceName, baud: u32) -> Self {
        Self {
            name,
            baud,
            source: None,
            retry_at: 0,
            said: false,
            ended: false,
            lines: Lines::default(),
            counts: Counts::default(),
        }
    }

    /// Opens the source if it is time to. Says a failure once.
    pub(crate) fn open_if_due(&mut self) {
        if self.source.is_some() || self.ended || monotonic_now() < self.retry_at {
            return;
        }
        match Source::open(&self.name, self.baud) {
            Ok(source) => {
                info!("reading time of day from {}", self.name);
                (self.source, self.said, self.lines) = (Some(source), false, Lines::default());
            }
            Err(e) => self.lose("cannot be opened", Some(e)),
        }
    }

    /// Reads once, and tells each sentence. Call it when the source is readable or has failed.
    pub(crate) fn read(&mut self, mut each: impl FnMut(Sentence)) {
        let Some(source) = &mut self.source else { return };
        let mut buffer = [0; 512];
        match source.read(&mut buffer) {
            Ok(None) => {}
            Ok(Some(0)) if source.ends() => (self.source, self.ended) = (None, true),
            Ok(Some(0)) => self.lose("has ended", None),
            Ok(Some(n)) => {
                let counts = &mut self.counts;
                self.lines.push(buffer.get(..n).unwrap_or_default(), |line| match line.map(parse) {
                    Some(parsed) => {
                        counts.count(parsed);
                        if let Ok(sentence) = parsed {
                            each(sentence);
                        }
                    }
                    None => counts.overlong = counts.overlong.saturating_add(1),
                });
            }
            Err(e) => self.lose("cannot be read", Some(e)),
        }
    }

    fn lose(&mut self, what: &str, error: Option<io::Error>) {
        if !self.said {
            let why = error.map(|e| format!(" ({e})")).unwrap_or_default();
            warn!("{} {what}{why}: trying again every two seconds", self.name);
        }
        (self.source, self.said) = (None, true);
        self.retry_at = monotonic_now().saturating_add(RETRY);
    }

    /// To poll.
    pub(crate) const fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// When to call [`Feed::open_if_due`]; CLOCK_MONOTONIC in ns.
    pub(crate) const fn deadline(&self) -> Option<u64> {
        if self.source.is_some() || self.ended { None } else { Some(self.retry_at) }
    }

    /// A plain file was read to its end.
    pub(crate) const fn ended(&self) -> bool {
        self.ended
    }

    pub(crate) const fn counts(&self) -> Counts {
        self.counts
    }
}
