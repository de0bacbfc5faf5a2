//! Subscriptions and the present state, over HTTP.

use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};

use super::address::Address;
use super::push::{Endpoint, Subscriber};
use super::{Change, Hub, SUBSCRIBERS, cloud_event, uuid};
use crate::http::Answer;
use crate::http::request::{Method, Request};
use crate::metrics::{Condition, node_name};

/// Everything lies below it.
pub(crate) const BASE: &str = "/ocloudNotifications/v2/";

/// Answers a request; `path` is what follows [`BASE`].
pub(crate) fn answer(
    hub: &Hub,
    request: &Request<'_>,
    path: &str,
    conditions: impl FnOnce() -> Vec<Condition>,
) -> Answer {
    let get = matches!(request.method, Method::Get | Method::Head);
    if path == "subscriptions" {
        return match request.method {
            Method::Post => subscribe(hub, request.body, conditions),
            Method::Get | Method::Head => {
                let all = hub.list().iter().map(|s| describe(s)).collect();
                Answer::json(200, &Value::Array(all))
            }
            Method::Delete => problem(405, "delete subscriptions one by one"),
        };
    }
    // The specification has the identifier below `subscriptions`, the interface of StarlingX right here.
    let id = path.strip_prefix("subscriptions/").unwrap_or(path);
    if let Some(address) = path.strip_suffix("/CurrentState").filter(|_| get) {
        return current(&format!("/{}", address.trim_start_matches('/')), conditions());
    }
    match request.method {
        Method::Get | Method::Head => match hub.list().iter().find(|s| s.id == id) {
            Some(subscriber) => Answer::json(200, &describe(subscriber)),
            None => problem(404, "no such subscription"),
        },
        Method::Delete => {
            let mut list = hub.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
            match list.iter().position(|s| s.id == id) {
                Some(place) => {
                    list.remove(place).stop();
                    Answer::empty(204)
                }
                None => problem(404, "no such subscription"),
            }
        }
        Method::Post => problem(405, "POST makes subscriptions, at /ocloudNotifications/v2/subscriptions"),
    }
}

fn problem(code: u16, detail: &str) -> Answer {
    Answer::json(code, &json!({"status": code, "detail": detail}))
}

fn describe(s: &Subscriber) -> Value {
    json!({
        "SubscriptionId": s.id,
        "ResourceAddress": s.address.text(),
        "EndpointUri": s.endpoint.uri,
        "UriLocation": format!("{BASE}subscriptions/{}", s.id),
    })
}

fn subscribe(hub: &Hub, body: &[u8], conditions: impl FnOnce() -> Vec<Condition>) -> Answer {
    let Ok(wanted) = serde_json::from_slice::<Value>(body) else {
        return problem(400, "the body is not JSON");
    };
    let text = |name: &str| wanted.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(address) = Address::parse(text("ResourceAddress"), &node_name()) else {
        return problem(
            404,
            "ResourceAddress names nothing of this node; such as /././sync/ptp-status/lock-state",
        );
    };
    let now: Vec<Condition> = conditions().into_iter().filter(|c| address.covers(c)).collect();
    if now.is_empty() {
        return problem(404, "ResourceAddress names nothing that this daemon knows");
    }
    let endpoint = match Endpoint::parse(text("EndpointUri")) {
        Ok(endpoint) => endpoint,
        Err(why) => return problem(400, why),
    };
    let mut list = hub.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
    if list.iter().any(|s| s.address == address && s.endpoint == endpoint) {
        return problem(409, "this subscription is there already");
    }
    if list.len() >= SUBSCRIBERS {
        return problem(503, "there are as many subscriptions as there may be");
    }
    let subscriber = match Subscriber::start(uuid(), address, endpoint, Arc::clone(&hub.counts)) {
        Ok(subscriber) => subscriber,
        Err(_) => return problem(503, "no thread for another subscription"),
    };
    // The state as it is, then every change.
    for condition in now {
        subscriber.push(Change { at: crate::utc_now(), condition });
    }
    let answer = Answer::json(201, &describe(&subscriber));
    list.push(subscriber);
    answer
}

fn current(address: &str, conditions: Vec<Condition>) -> Answer {
    let Some(address) = Address::parse(address, &node_name()) else {
        return problem(404, "no such resource on this node");
    };
    let found: Vec<Condition> = conditions.into_iter().filter(|c| address.covers(c)).collect();
    let Some(first) = found.first() else { return problem(404, "no such resource in this daemon") };
    let (resource, event) = (first.resource, first.event);
    if found.iter().any(|c| c.resource != resource) {
        return problem(400, "several resources: ask for one");
    }
    Answer::json(200, &cloud_event(crate::utc_now(), resource, event, &found))
}
