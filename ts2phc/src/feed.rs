//! The source as it is kept open, opened again when it fails or falls silent.

use std::io;
use std::sync::mpsc::{self, TryRecvError};

use ptp_daemon::{RateLimit, monotonic_now};
use ptp_gnss::{Counts, Message, Splitter};
use tracing::{info, warn};

use crate::source::{Source, SourceName};

/// A source that failed is opened again after this, in ns.
const RETRY: u64 = 2_000_000_000;
/// A connection that says nothing for so long is made again, ns. (Of a serial line, opening it again helps as well.)
const SILENCE: u64 = 10_000_000_000;
/// How often a connection that is being made is looked at, ns.
const LOOK: u64 = 20_000_000;
/// What is dropped is looked at so often, and told so often, ns.
const DROPPED: u64 = 10_000_000_000;
const QUIET: u64 = 60_000_000_000;

/// A source, opened again when it fails.
#[derive(Debug)]
pub struct Feed {
    name: SourceName,
    baud: u32,
    source: Option<Source>,
    /// A connection may take seconds: it is made aside, so that pulses are not kept waiting.
    pending: Option<mpsc::Receiver<io::Result<Source>>>,
    retry_at: u64,
    heard: u64,
    said: bool,
    ended: bool,
    splitter: Splitter,
    /// Times that it ended, failed or fell silent.
    losses: u64,
    /// What had come when it was last looked at, and when that is due.
    seen: Counts,
    look_at: u64,
    told: RateLimit,
}

impl Feed {
    /// Nothing is opened yet.
    pub fn new(name: SourceName, baud: u32) -> Self {
        Self {
            name,
            baud,
            source: None,
            pending: None,
            retry_at: 0,
            heard: 0,
            said: false,
            ended: false,
            splitter: Splitter::default(),
            losses: 0,
            seen: Counts::default(),
            look_at: 0,
            told: RateLimit::new(QUIET),
        }
    }

    /// Opens the source if it is time to. Says a failure once.
    pub fn open_if_due(&mut self) {
        let now = monotonic_now();
        if self.source.is_some() && now.saturating_sub(self.heard) > SILENCE && !self.is_file() {
            self.lose("is silent", None);
        }
        if let Some(pending) = &self.pending {
            match pending.try_recv() {
                Err(TryRecvError::Empty) => return,
                Ok(opened) => self.opened(opened),
                Err(TryRecvError::Disconnected) => self.lose("cannot be opened", None),
            }
            self.pending = None;
            return;
        }
        if self.source.is_some() || self.ended || now < self.retry_at {
            return;
        }
        if let SourceName::Path(_) = self.name {
            self.opened(Source::open(&self.name, self.baud));
            return;
        }
        let (name, baud) = (self.name.clone(), self.baud);
        let (tell, told) = mpsc::channel();
        // Nobody waits for the thread: it ends with its connection's timeout.
        let begun = std::thread::Builder::new()
            .name("connect".to_owned())
            .spawn(move || drop(tell.send(Source::open(&name, baud))));
        match begun {
            Ok(_) => self.pending = Some(told),
            Err(e) => self.lose("cannot be opened", Some(e)),
        }
    }

    fn opened(&mut self, opened: io::Result<Source>) {
        match opened {
            Ok(source) => {
                info!(target: "receiver", "reading time of day from {}", self.name);
                (self.source, self.said, self.heard) = (Some(source), false, monotonic_now());
                self.splitter.break_off();
            }
            Err(e) => self.lose("cannot be opened", Some(e)),
        }
    }

    fn is_file(&self) -> bool {
        self.source.as_ref().is_some_and(Source::ends)
    }

    /// Reads once, and tells each message. Call it when the source is readable or has failed.
    pub fn read(&mut self, mut each: impl FnMut(Message)) {
        let Some(source) = &mut self.source else { return };
        let mut buffer = [0; 4096];
        match source.read(&mut buffer) {
            Ok(None) => {}
            Ok(Some(0)) if source.ends() => (self.source, self.ended) = (None, true),
            Ok(Some(0)) => self.lose("has ended", None),
            Ok(Some(n)) => {
                self.heard = monotonic_now();
                self.splitter.push(buffer.get(..n).unwrap_or_default(), &mut each);
                self.tell_dropped();
            }
            Err(e) => self.lose("cannot be read", Some(e)),
        }
    }

    /// Words that cannot be understood are told: the speed may be wrong, or the line bad.
    fn tell_dropped(&mut self) {
        if self.heard < self.look_at {
            return;
        }
        let (now, before) = (self.splitter.counts(), self.seen);
        let first = self.look_at == 0;
        (self.seen, self.look_at) = (now, self.heard.saturating_add(DROPPED));
        let dropped = now.dropped().saturating_sub(before.dropped());
        if first || dropped == 0 || self.told.allow(self.heard).is_none() {
            return;
        }
        let hint =
            if now.times == before.times { ", and no time came: is the speed (baud) right?" } else { "." };
        warn!(target: "receiver", "{}: {dropped} of its words were dropped in 10 s{hint} In all: {now}", self.name);
    }

    fn lose(&mut self, what: &str, error: Option<io::Error>) {
        if !self.said {
            let why = error.map(|e| format!(" ({e})")).unwrap_or_default();
            warn!(target: "receiver", "{} {what}{why}: trying again every two seconds", self.name);
        }
        self.losses += u64::from(self.source.is_some());
        (self.source, self.said) = (None, true);
        self.retry_at = monotonic_now().saturating_add(RETRY);
    }

    /// To poll.
    pub const fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// When to call [`Feed::open_if_due`]; CLOCK_MONOTONIC in ns.
    pub fn deadline(&self) -> Option<u64> {
        if self.pending.is_some() {
            return Some(monotonic_now().saturating_add(LOOK));
        }
        if self.source.is_some() || self.ended { None } else { Some(self.retry_at) }
    }

    /// A plain file was read to its end.
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// How often it ended, failed or fell silent.
    pub const fn losses(&self) -> u64 {
        self.losses
    }

    /// What came.
    pub const fn counts(&self) -> Counts {
        self.splitter.counts()
    }
}
