//! The event API in the style of O-RAN.WG6.O-Cloud Notification API v2: who subscribes to a resource gets its state at
//! once, and each change of it as a CloudEvent (JSON) by POST. Queues are bounded, each subscriber has a thread of its own, and
//! one that does not answer delays nobody else.

mod address;
mod api;
mod push;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::metrics::{Condition, Reading, node_name};
pub(crate) use api::{BASE, answer};
use push::Subscriber;

/// Subscriptions at once.
const SUBSCRIBERS: usize = 16;

/// A condition as it came to be.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// CLOCK_REALTIME, ns.
    pub(crate) at: u64,
    pub(crate) condition: Condition,
}

/// What became of notifications.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    delivered: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

/// All subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    subscribers: Mutex<Vec<Arc<Subscriber>>>,
    counts: Arc<Counts>,
}

impl Hub {
    /// Gives changes to those who follow them. Never waits: if the list is being changed just then, they stay.
    pub(crate) fn offer(&self, changes: &mut VecDeque<Change>) {
        if changes.is_empty() {
            return;
        }
        let Ok(subscribers) = self.subscribers.try_lock() else { return };
        for change in changes.drain(..) {
            for subscriber in subscribers.iter().filter(|s| s.address.covers(&change.condition)) {
                subscriber.push(change.clone());
            }
        }
    }

    /// For metrics.
    pub(crate) fn counts(&self) -> [(&'static str, u64); 3] {
        let c = &self.counts;
        [("delivered", &c.delivered), ("failed", &c.failed), ("dropped", &c.dropped)]
            .map(|(name, count)| (name, count.load(Ordering::Relaxed)))
    }

    fn list(&self) -> Vec<Arc<Subscriber>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        for subscriber in self.list() {
            subscriber.stop();
        }
    }
}

/// A CloudEvent 1.0 in JSON. `conditions` are of one resource.
fn cloud_event(at: u64, resource: &str, event: &str, conditions: &[Condition]) -> Value {
    let node = node_name();
    let mut values = Vec::new();
    for c in conditions {
        let of = if c.of.is_empty() { String::new() } else { format!("/{}", c.of) };
        let address = format!("/./{node}{of}{}", c.resource);
        let (data_type, value_type, value) = match &c.reading {
            Reading::State(word) => ("notification", "enumeration", (*word).to_owned()),
            Reading::Number(n) => ("metric", "decimal64.3", n.to_string()),
        };
        values.push(json!({
            "data_type": data_type, "ResourceAddress": address, "value_type": value_type, "value": value,
        }));
        if let Some(offset) = c.offset_ns.filter(|o| o.is_finite()) {
            values.push(json!({
                "data_type": "metric", "ResourceAddress": address, "value_type": "decimal64.3",
                "value": format!("{offset:.3}"),
            }));
        }
    }
    json!({
        "specversion": "1.0",
        "id": uuid(),
        "source": resource,
        "type": event,
        "time": crate::Utc(at).to_string(),
        "datacontenttype": "application/json",
        "data": {"version": "1.0", "values": values},
    })
}

/// A random one, from the kernel.
fn uuid() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    match std::fs::read_to_string("/proc/sys/kernel/random/uuid") {
        Ok(text) => text.trim().to_owned(),
        // Unique is enough: the process, the time, a number.
        Err(_) => {
            let now = crate::utc_now();
            format!("{}-{now}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_cloud_event() {
        let condition = Condition {
            resource: "/sync/ptp-status/lock-state",
            event: "event.sync.ptp-status.ptp-state-change",
            of: "a".into(),
            reading: Reading::State("LOCKED"),
            offset_ns: Some(-3.25),
        };
        let event = cloud_event(
            crate::utc_now(),
            condition.resource,
            condition.event,
            std::slice::from_ref(&condition),
        );
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["source"], "/sync/ptp-status/lock-state");
        let values = &event["data"]["values"];
        assert_eq!((&values[0]["value"], &values[1]["value"]), (&json!("LOCKED"), &json!("-3.250")));
        let address = values[0]["ResourceAddress"].as_str().expect("text");
        assert!(
            address.starts_with("/./") && address.ends_with("/a/sync/ptp-status/lock-state"),
            "{address}"
        );
        assert_ne!(uuid(), uuid());
    }
}
