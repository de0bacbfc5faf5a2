//! To a subscriber: a bounded queue and a thread that empties it.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::address::Address;
use super::{Change, Counts, cloud_event};

/// Notifications that wait; one more, and the oldest is dropped.
const QUEUE: usize = 64;
/// A subscriber has this long to connect, to take and to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Attempts for one notification, and the wait before the second; it doubles each time.
const ATTEMPTS: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Where notifications go: `http://HOST[:PORT][/PATH]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Endpoint {
    pub(super) uri: String,
    host: String,
    /// What to connect to.
    authority: String,
    path: String,
}

impl Endpoint {
    pub(super) fn parse(uri: &str) -> Result<Self, &'static str> {
        let form = "EndpointUri has to be http://HOST[:PORT][/PATH]";
        if uri.len() > 512 || uri.bytes().any(|b| !b.is_ascii_graphic()) {
            return Err(form);
        }
        let rest = uri.strip_prefix("http://").ok_or(form)?;
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        if host.is_empty() || host.contains(['@', '?', '#']) || path.contains('#') {
            return Err(form);
        }
        let port = host.rsplit_once(':').filter(|(_, port)| !port.contains(']'));
        let authority = match port {
            Some((name, port)) if !name.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0) => {
                host.to_owned()
            }
            Some(_) => return Err(form),
            None => format!("{host}:80"),
        };
        Ok(Self { uri: uri.to_owned(), host: host.to_owned(), authority, path: path.to_owned() })
    }

    /// Delivers one.
    fn post(&self, body: &[u8]) -> io::Result<()> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
        for address in self.authority.to_socket_addrs()?.take(4) {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => return self.send(stream, body),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    fn send(&self, mut stream: TcpStream, body: &[u8]) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/cloudevents+json; charset=utf-8\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.path,
            self.host,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        // "HTTP/1.1 2xx"
        match answer {
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', b'2', _, _] => Ok(()),
            _ => Err(io::Error::other("not a success")),
        }
    }
}

/// One subscription.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) id: String,
    pub(super) address: Address,
    pub(super) endpoint: Endpoint,
    queue: Mutex<VecDeque<Change>>,
    filled: Condvar,
    stopped: AtomicBool,
    counts: Arc<Counts>,
}

impl Subscriber {
    /// With its thread.
    pub(super) fn start(
        id: String,
        address: Address,
        endpoint: Endpoint,
        counts: Arc<Counts>,
    ) -> io::Result<Arc<Self>> {
        let this = Arc::new(Self {
            id,
            address,
            endpoint,
            queue: Mutex::default(),
            filled: Condvar::new(),
            stopped: AtomicBool::new(false),
            counts,
        });
        let own = Arc::clone(&this);
        crate::http::spawn("events", move || own.run())?;
        Ok(this)
    }

    /// One more to deliver.
    pub(super) fn push(&self, change: Change) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= QUEUE {
            queue.pop_front();
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        queue.push_back(change);
        self.filled.notify_one();
    }

    /// No more is delivered.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.filled.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn run(&self) {
        while let Some(change) = self.next() {
            let c = change.condition;
            let event = cloud_event(change.at, c.resource, c.event, std::slice::from_ref(&c));
            let body = event.to_string().into_bytes();
            let mut wait = FIRST_WAIT;
            let mut delivered = false;
            for attempt in 0..ATTEMPTS {
                if attempt > 0 && self.pause(wait) {
                    return;
                }
                delivered = self.endpoint.post(&body).is_ok();
                if delivered {
                    break;
                }
                wait = wait.saturating_mul(2);
            }
            let count = if delivered { &self.counts.delivered } else { &self.counts.failed };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The oldest; `None`: it is over.
    fn next(&self) -> Option<Change> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if self.is_stopped() {
                return None;
            }
            if let Some(change) = queue.pop_front() {
                return Some(change);
            }
            queue = self.filled.wait_timeout(queue, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// True: it is over.
    fn pause(&self, wait: Duration) -> bool {
        let until = std::time::Instant::now() + wait;
        while !self.is_stopped() {
            let left = until.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
        self.is_stopped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for (uri, authority, path) in [
            ("http://127.0.0.1:9043/event", "127.0.0.1:9043", "/event"),
            ("http://[::1]:80", "[::1]:80", "/"),
            ("http://[::1]/x", "[::1]:80", "/x"),
            ("http://consumer/a?b=c", "consumer:80", "/a?b=c"),
        ] {
            let endpoint = Endpoint::parse(uri).expect(uri);
            assert_eq!((endpoint.authority.as_str(), endpoint.path.as_str()), (authority, path));
        }
        for bad in [
            "",
            "https://a/",
            "http://",
            "http://a:0/",
            "http://a:x/",
            "http://u@a/",
            "http://:80/",
            "http://a/ b",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }
}
