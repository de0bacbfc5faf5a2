use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::metrics::{Condition, Family, Kind, Page, Reading, Unit};
use crate::monotonic_now;

static LOCKED: Family = Family::new("test_locked", Unit::None, Kind::Gauge, &[], "A test.");

#[derive(Clone, Default)]
struct Snapshot(bool);

impl Exposed for Snapshot {
    fn page(&self, page: &mut Page, _: bool) {
        page.family(&LOCKED).gauge(&[], f64::from(u8::from(self.0)));
    }

    fn ready(&self) -> Result<(), String> {
        if self.0 { Ok(()) } else { Err("it runs free".into()) }
    }

    fn conditions(&self) -> Vec<Condition> {
        vec![Condition {
            resource: "/sync/ptp-status/lock-state",
            event: "event.sync.ptp-status.ptp-state-change",
            of: String::new(),
            reading: Reading::State(if self.0 { "LOCKED" } else { "FREERUN" }),
            offset_ns: None,
        }]
    }
}

fn start(events: bool) -> (Publisher<Snapshot>, Endpoint, SocketAddr) {
    let listen: Listen = "127.0.0.1:0".parse().expect("an address");
    let listener = Listener::bind(&listen).expect("a free port");
    let Listen::Tcp(address) = listener.address() else { panic!("TCP was asked for") };
    let publisher = Publisher::new(events);
    let settings = Settings { listen, openshift_names: false, events };
    let endpoint =
        Endpoint::start(listener, settings, &publisher, Identity::new("test", "1")).expect("a thread");
    (publisher, endpoint, address)
}

fn ask(address: SocketAddr, octets: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let _ = stream.write_all(octets);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(address: SocketAddr, path: &str) -> String {
    ask(address, format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())
}

#[test]
fn the_life_of_an_endpoint() {
    let (mut publisher, _endpoint, address) = start(false);
    // Nothing has been told yet: not alive, not ready, and no series of the daemon's.
    assert!(get(address, "/healthz").starts_with("HTTP/1.1 503 "));
    assert!(get(address, "/readyz").starts_with("HTTP/1.1 503 "));
    assert!(!get(address, "/metrics").contains("test_locked"));
    publisher.publish(monotonic_now(), |s| s.0 = false);
    assert!(get(address, "/healthz").starts_with("HTTP/1.1 200 "));
    let ready = get(address, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 503 ") && ready.ends_with("it runs free\n"), "{ready}");
    publisher.publish(monotonic_now(), |s| s.0 = true);
    assert!(get(address, "/readyz").starts_with("HTTP/1.1 200 "));
    let metrics = get(address, "/metrics");
    for part in [
        "Content-Type: text/plain; version=0.0.4",
        "\ntest_locked 1.0\n",
        "escapement_build_info{daemon=\"test\",version=\"1\"} 1",
        "# TYPE process_start_time_seconds gauge",
        "escapement_http_requests_total{code=\"503\"} 3",
    ] {
        assert!(metrics.contains(part), "{part}\n{metrics}");
    }
    let open = ask(address, b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n");
    assert!(
        open.contains("application/openmetrics-text; version=1.0.0") && open.ends_with("# EOF\n"),
        "{open}"
    );
    let head = ask(address, b"HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.contains("Content-Length: ") && head.ends_with("\r\n\r\n"), "{head}");
    for (request, status) in [
        ("GET /nothing HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "405"),
        ("GET /ocloudNotifications/v2/subscriptions HTTP/1.1\r\n\r\n", "404"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let answer = ask(address, request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
}

#[test]
fn whoever_is_slow_or_many_does_not_keep_others_out() {
    let (mut publisher, _endpoint, address) = start(false);
    publisher.publish(monotonic_now(), |_| {});
    // More than there may be, each with half a request; an answer comes all the same.
    let mut slow: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = TcpStream::connect(address).expect("it listens");
            let _ = stream.write_all(b"GET /metr");
            stream
        })
        .collect();
    assert!(get(address, "/healthz").starts_with("HTTP/1.1 200 "));
    let dropped = |text: &str| {
        let line = format!("escapement_http_connections_dropped_total{{cause=\"{text}\"}} ");
        let metrics = get(address, "/metrics");
        let at = metrics.find(&line).expect("the counter is there");
        metrics[at + line.len()..].lines().next().and_then(|l| l.parse::<u64>().ok()).expect("a number")
    };
    assert!(dropped("crowded") >= 24);
    // The rest is closed when its time is over.
    let last = slow.last_mut().expect("many");
    last.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
    let mut octet = [0];
    assert!(matches!(last.read(&mut octet), Ok(0) | Err(_)));
    let limit = Instant::now() + Duration::from_secs(60);
    while dropped("slow") == 0 {
        assert!(Instant::now() < limit, "nobody was too slow");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn any_octets_leave_it_alive() {
    let (mut publisher, _endpoint, address) = start(true);
    publisher.publish(monotonic_now(), |_| {});
    let octets = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "(GET|POST|DELETE) /(metrics|ocloudNotifications/v2/subscriptions|ocloudNotifications/v2/[a-z./]{0,9}/CurrentState) HTTP/1.1\r\nContent-Length: [0-9]{1,2}\r\n\r\n[ -~]{0,60}"
            .prop_map(String::into_bytes),
    ];
    let mut runner = TestRunner::new(Config { cases: 128, failure_persistence: None, ..Config::default() });
    let result = runner.run(&octets, |octets| {
        let mut stream = TcpStream::connect(address).expect("it listens");
        let _ = stream.write_all(&octets);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        prop_assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "));
        Ok(())
    });
    result.expect("alive");
    assert!(get(address, "/healthz").starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_unix_socket_comes_and_goes() {
    let path = std::env::temp_dir().join(format!("escapement-http-{}", std::process::id()));
    let listen = Listen::Unix(path.clone());
    // One that somebody listens on is not taken; one that is left over is.
    let held = std::os::unix::net::UnixListener::bind(&path).expect("made");
    assert!(Listener::bind(&listen).is_err());
    drop(held);
    let listener = Listener::bind(&listen).expect("the rest of an earlier run goes");
    let mut publisher = Publisher::<Snapshot>::new(false);
    let settings = Settings { listen, openshift_names: false, events: false };
    let endpoint =
        Endpoint::start(listener, settings, &publisher, Identity::new("test", "1")).expect("a thread");
    publisher.publish(monotonic_now(), |s| s.0 = true);
    let mut stream = UnixStream::connect(&path).expect("it listens");
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("synchronised"), "{answer}");
    drop(endpoint);
    assert!(!path.exists());
}

/// A consumer: refuses the first `refuse` deliveries, gives the bodies of the others.
fn consumer(refuse: usize) -> (SocketAddr, mpsc::Receiver<serde_json::Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for (i, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let mut octets = Vec::new();
            let mut buffer = [0; 4096];
            let body = loop {
                let Ok(count @ 1..) = stream.read(&mut buffer) else { break None };
                octets.extend_from_slice(&buffer[..count]);
                let text = String::from_utf8_lossy(&octets).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|l| l.strip_prefix("Content-Length: ")?.parse().ok());
                if Some(body.len()) == length {
                    break Some(body.to_owned());
                }
            };
            let Some(body) = body else { continue };
            if i < refuse {
                let _ = stream.write_all(b"HTTP/1.1 500 No\r\n\r\n");
                continue;
            }
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
            if sender.send(serde_json::from_str(&body).expect("JSON")).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

fn post(address: SocketAddr, body: &str) -> String {
    let base = "/ocloudNotifications/v2/subscriptions";
    let length = body.len();
    ask(address, format!("POST {base} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())
}

#[test]
fn a_subscriber_gets_the_state_and_every_change_even_after_failures() {
    let (mut publisher, _endpoint, address) = start(true);
    publisher.publish(monotonic_now(), |s| s.0 = false);
    let (consumer, events) = consumer(2);
    let uri = format!("http://{consumer}/event");
    let body = format!(r#"{{"ResourceAddress": "/././sync/ptp-status/lock-state", "EndpointUri": "{uri}"}}"#);
    let made = post(address, &body);
    assert!(made.starts_with("HTTP/1.1 201 ") && made.contains(&uri), "{made}");
    assert!(post(address, &body).starts_with("HTTP/1.1 409 "));
    for wrong in [
        "{",
        r#"{"ResourceAddress": "/sync", "EndpointUri": "https://a"}"#,
        r#"{"EndpointUri": "http://a"}"#,
        r#"{"ResourceAddress": "/sync/gnss-status", "EndpointUri": "http://a"}"#,
    ] {
        let answer = post(address, wrong);
        assert!(answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
    let value = |event: serde_json::Value| event["data"]["values"][0]["value"].as_str().map(str::to_owned);
    let patience = Duration::from_secs(60);
    assert_eq!(value(events.recv_timeout(patience).expect("the state")).as_deref(), Some("FREERUN"));
    for (locked, word) in [(true, "LOCKED"), (false, "FREERUN"), (true, "LOCKED")] {
        publisher.publish(monotonic_now(), |s| s.0 = locked);
        // Nothing new, nothing told.
        publisher.publish(monotonic_now(), |s| s.0 = locked);
        let event = events.recv_timeout(patience).expect("a change");
        assert_eq!(event["type"], "event.sync.ptp-status.ptp-state-change");
        assert_eq!(value(event).as_deref(), Some(word));
    }
    // The last is counted when its answer is here, which the consumer sends after it has handed the event on.
    let start = Instant::now();
    while !get(address, "/metrics").contains("escapement_events_total{result=\"delivered\"} 4") {
        assert!(start.elapsed() < patience, "{}", get(address, "/metrics"));
        std::thread::sleep(Duration::from_millis(10));
    }
    let now = get(address, "/ocloudNotifications/v2/././sync/ptp-status/lock-state/CurrentState");
    assert!(now.contains("\"LOCKED\""), "{now}");
    assert!(get(address, "/ocloudNotifications/v2/sync/x/CurrentState").starts_with("HTTP/1.1 404 "));
    let all = get(address, "/ocloudNotifications/v2/subscriptions");
    let id =
        all.split("\"SubscriptionId\":\"").nth(1).and_then(|t| t.split('"').next()).expect("an identifier");
    let one = format!("/ocloudNotifications/v2/subscriptions/{id}");
    assert!(get(address, &one).starts_with("HTTP/1.1 200 "));
    let delete = format!("DELETE {one} HTTP/1.1\r\n\r\n");
    assert!(ask(address, delete.as_bytes()).starts_with("HTTP/1.1 204 "));
    assert!(ask(address, delete.as_bytes()).starts_with("HTTP/1.1 404 "));
    publisher.publish(monotonic_now(), |s| s.0 = false);
    assert!(events.recv_timeout(Duration::from_millis(300)).is_err(), "nobody subscribes any more");
}
