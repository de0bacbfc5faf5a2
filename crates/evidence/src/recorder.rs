//! Who writes: a thread of its own, so that whoever measures never waits for a disk.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;
use tracing::{info, warn};

use crate::entry::Entry;
use crate::health::Health;
use crate::store::{Store, StoreError, StoreOptions};
use crate::utc::utc_text;

/// Records that may wait; more are counted only.
const QUEUE: usize = 1024;
/// A log that cannot be written is tried again after this long.
const RETRY: Duration = Duration::from_secs(10);
/// Words about the same trouble.
const SAY_AGAIN: Duration = Duration::from_secs(600);
/// How long a stop waits for the disk.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is written, and how safe it is to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecorderOptions {
    /// Where.
    pub store: StoreOptions,
    /// Measurements are on the disk itself at most this long after they were made; everything else at once.
    pub sync: Duration,
    /// The head is logged this often, for a place that nobody on this host can change; `None`: only at the end.
    pub anchor: Option<Duration>,
}

impl RecorderOptions {
    /// On the disk within ten seconds, a head in the log every hour.
    #[must_use]
    pub const fn new(store: StoreOptions) -> Self {
        Self { store, sync: Duration::from_secs(10), anchor: Some(Duration::from_secs(3600)) }
    }
}

enum Message {
    Entry(Box<Entry>),
    /// So many found no room.
    Missed(u64),
    Stop,
}

/// Takes records, and never fails or waits: what cannot be written is counted, said, and recorded when it can be again.
#[derive(Debug)]
pub struct Recorder {
    sender: Option<SyncSender<Message>>,
    done: Receiver<()>,
    missed: u64,
    health: Health,
}

impl Recorder {
    /// Starts the thread, which blocks all signals. Start it after privileges have been given up: the files belong to who
    /// writes them.
    #[must_use]
    pub fn start(options: RecorderOptions) -> Self {
        let (sender, receiver) = sync_channel(QUEUE);
        let (tell, done) = sync_channel(1);
        let health = Health::default();
        let told = health.clone();
        let started = std::thread::Builder::new().name("evidence".to_owned()).spawn(move || {
            // Signals are for the one who waits in poll.
            let _ = SigSet::all().thread_block();
            Writer::new(options, told).run(&receiver);
            let _ = tell.try_send(());
        });
        let sender = match started {
            Ok(_) => Some(sender),
            Err(e) => {
                warn!("no evidence is written: the thread for it does not start: {e}");
                health.failed(&format!("the thread for it does not start: {e}"));
                None
            }
        };
        Self { sender, done, missed: 0, health }
    }

    /// How the log fares.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Hands over a record.
    pub fn record(&mut self, entry: Entry) {
        let Some(sender) = &self.sender else { return };
        if self.missed > 0 && sender.try_send(Message::Missed(self.missed)).is_ok() {
            self.missed = 0;
        }
        if let Err(TrySendError::Full(_)) = sender.try_send(Message::Entry(Box::new(entry))) {
            self.missed = self.missed.saturating_add(1);
        }
    }

    /// A second way in, for others of this program.
    #[must_use]
    pub fn another(&self) -> Self {
        let (_, done) = sync_channel(1);
        Self { sender: self.sender.clone(), done, missed: 0, health: self.health() }
    }

    /// Everything that was handed over is written, and on the disk, unless that takes longer than half a second.
    pub fn stop(self) {
        let Some(sender) = &self.sender else { return };
        if sender.try_send(Message::Stop).is_ok() {
            let _ = self.done.recv_timeout(PATIENCE);
        }
    }
}

struct Writer {
    options: RecorderOptions,
    store: Option<Store>,
    retry_at: Instant,
    say_at: Instant,
    sync_at: Option<Instant>,
    anchor_at: Option<Instant>,
    /// Records that are lost, since when, and why.
    lost: u64,
    lost_since: Option<i64>,
    reason: String,
    health: Health,
}

impl Writer {
    fn new(options: RecorderOptions, health: Health) -> Self {
        let now = Instant::now();
        Self {
            anchor_at: options.anchor.map(|a| now + a),
            options,
            store: None,
            retry_at: now,
            say_at: now,
            sync_at: None,
            lost: 0,
            lost_since: None,
            reason: String::new(),
            health,
        }
    }

    fn run(mut self, receiver: &Receiver<Message>) {
        loop {
            let due = [self.sync_at, self.anchor_at].into_iter().flatten().min();
            let wait = due.map_or(RETRY, |at| at.saturating_duration_since(Instant::now()));
            match receiver.recv_timeout(wait) {
                Ok(Message::Entry(entry)) => self.entry(&entry),
                Ok(Message::Missed(n)) => self.lose(n, None, "the writer could not keep up"),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = Instant::now();
            if self.sync_at.is_some_and(|at| now >= at) {
                self.sync();
            }
            if self.anchor_at.is_some_and(|at| now >= at) {
                self.anchor_at = self.options.anchor.map(|a| now + a);
                self.anchor();
            }
        }
        self.sync();
        self.say_head();
    }

    fn lose(&mut self, n: u64, since: Option<i64>, why: &str) {
        self.health.lose(n);
        self.lost = self.lost.saturating_add(n);
        self.lost_since = self.lost_since.or(since).or_else(|| Some(Entry::new("gap").utc_ns()));
        if self.reason.is_empty() {
            why.clone_into(&mut self.reason);
        }
    }

    fn entry(&mut self, entry: &Entry) {
        let written = self.open().and_then(|store| match store {
            Some(store) => store.append(entry).map(|()| true),
            None => Ok(false),
        });
        if matches!(written, Ok(true)) {
            self.health.wrote();
            self.health.works();
        }
        match written {
            Ok(true) if entry.kind == "measurement" => {
                let at = Instant::now() + self.options.sync;
                self.sync_at.get_or_insert(at);
            }
            Ok(true) => self.sync_at = Some(Instant::now()),
            Ok(false) => self.lose(1, Some(entry.utc_ns), ""),
            Err(e) => {
                self.failed(&e);
                self.lose(1, Some(entry.utc_ns), &e.to_string());
            }
        }
    }

    /// The store, opened if it is time; `None`: it is not.
    fn open(&mut self) -> Result<Option<&mut Store>, StoreError> {
        if self.store.is_none() {
            if Instant::now() < self.retry_at {
                return Ok(None);
            }
            self.store = Some(Store::open(&self.options.store)?);
        }
        if self.lost > 0
            && let Some(store) = &mut self.store
        {
            let since = self.lost_since.map(utc_text).unwrap_or_default();
            let gap =
                Entry::new("gap").whole("lost", self.lost).text("since", &since).text("reason", &self.reason);
            store.append(&gap)?;
            warn!("evidence is written again; {} records since {since} are lost", self.lost);
            self.lost = 0;
            self.lost_since = None;
            self.reason.clear();
            self.say_at = Instant::now();
        }
        Ok(self.store.as_mut())
    }

    fn failed(&mut self, e: &StoreError) {
        let now = Instant::now();
        self.health.failed(&e.to_string());
        self.store = None;
        self.sync_at = None;
        self.retry_at = now + RETRY;
        if now >= self.say_at {
            self.say_at = now + SAY_AGAIN;
            warn!(
                "evidence cannot be written: {e}; records are counted as lost until it can be, tried again every 10 s"
            );
        }
    }

    fn sync(&mut self) {
        self.sync_at = None;
        if let Some(store) = &mut self.store
            && let Err(e) = store.sync()
        {
            self.failed(&e);
        }
    }

    fn say_head(&self) {
        if let Some(store) = &self.store
            && let Some(last) = store.next_seq().checked_sub(1)
        {
            info!("evidence {}: head {} of record {last}", self.options.store.chain, store.head());
        }
    }

    /// The head to the log, and to the record that this was done.
    fn anchor(&mut self) {
        self.sync();
        self.say_head();
        if let Some(store) = &self.store {
            let anchor = Entry::new("anchor")
                .shown("head", store.head())
                .whole("record", store.next_seq().saturating_sub(1));
            self.entry(&anchor);
        }
    }
}
