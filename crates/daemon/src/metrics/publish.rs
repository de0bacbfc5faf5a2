//! From the loop to the thread: a snapshot, and what changed in it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::Page;
use crate::monotonic_now;
use crate::notifications::{Change, Hub};

/// A snapshot is at most this old, ns.
const INTERVAL_NS: u64 = 1_000_000_000;
/// Changes that found no subscriber list to go to; older ones are forgotten.
const PENDING: usize = 64;

/// What a condition is right now.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A word of the specification.
    State(&'static str),
    /// A number, such as a clockClass.
    Number(i64),
}

/// One resource of the event API (O-RAN.WG6.O-Cloud Notification API): a state that subscribers follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Its address below the node, such as `/sync/ptp-status/lock-state`.
    pub resource: &'static str,
    /// The type of its events, such as `event.sync.ptp-status.ptp-state-change`.
    pub event: &'static str,
    /// Whose: the PTP instance, the clock, the receiver. Part of the address of the value.
    pub of: String,
    /// The state.
    pub reading: Reading,
    /// The offset that goes with it, ns.
    pub offset_ns: Option<f64>,
}

/// A snapshot of a daemon: what its endpoint can tell.
pub trait Exposed: Clone + Default + Send + 'static {
    /// Writes its families. `openshift`: those with the names of OpenShift's exporter, too.
    fn page(&self, page: &mut Page, openshift: bool);

    /// Whether time is right.
    ///
    /// # Errors
    /// Why it is not, in one line.
    fn ready(&self) -> Result<(), String>;

    /// The states that events are about.
    fn conditions(&self) -> Vec<Condition>;
}

/// What both sides share.
#[derive(Debug)]
pub(crate) struct Shared<S> {
    inner: Mutex<(S, Option<u64>)>,
    pub(crate) hub: Option<Hub>,
}

impl<S: Clone> Shared<S> {
    /// A copy, and when it was made (CLOCK_MONOTONIC, ns).
    pub(crate) fn read(&self) -> (S, Option<u64>) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The loop's side. Never waits: if the reader holds the snapshot just then, it is written next time.
#[derive(Debug)]
pub struct Publisher<S> {
    pub(crate) shared: Arc<Shared<S>>,
    next: u64,
    last: Vec<Condition>,
    pending: VecDeque<Change>,
}

impl<S: Exposed> Publisher<S> {
    /// `events`: changes of conditions are told to subscribers.
    pub fn new(events: bool) -> Self {
        let shared = Shared { inner: Mutex::new((S::default(), None)), hub: events.then(Hub::default) };
        Self { shared: Arc::new(shared), next: 0, last: Vec::new(), pending: VecDeque::new() }
    }

    /// The snapshot is to be written anew, because something changed: at the next turn of the loop.
    pub fn hurry(&mut self) {
        self.next = 0;
    }

    /// Whether it is time for [`Publisher::publish`].
    pub fn is_due(&self, now: u64) -> bool {
        now >= self.next || !self.pending.is_empty()
    }

    /// Writes the snapshot. `fill` gets the one before, whose memory is used again.
    pub fn publish(&mut self, now: u64, fill: impl FnOnce(&mut S)) {
        let conditions = match self.shared.inner.try_lock() {
            Ok(mut guard) => {
                fill(&mut guard.0);
                guard.1 = Some(monotonic_now());
                self.next = now.saturating_add(INTERVAL_NS);
                self.shared.hub.is_some().then(|| guard.0.conditions())
            }
            Err(_) => return,
        };
        if let Some(conditions) = conditions {
            self.changed(conditions);
        }
        if let Some(hub) = &self.shared.hub {
            hub.offer(&mut self.pending);
        }
    }

    fn changed(&mut self, new: Vec<Condition>) {
        let same =
            |a: &Condition, b: &Condition| a.resource == b.resource && a.of == b.of && a.reading == b.reading;
        for condition in &new {
            if !self.last.iter().any(|old| same(old, condition)) {
                if self.pending.len() >= PENDING {
                    self.pending.pop_front();
                }
                self.pending.push_back(Change { at: crate::utc_now(), condition: condition.clone() });
            }
        }
        self.last = new;
    }
}
