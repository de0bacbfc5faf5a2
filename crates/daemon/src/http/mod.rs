//! The endpoint: a small HTTP/1.1 server in a thread of its own, for daemons that are asked to have one. It reads
//! snapshots ([`crate::metrics::Publisher`]) and never touches what the protocol needs; without the option there is
//! neither thread nor socket.
//!
//! `/metrics` (OpenMetrics or Prometheus text), `/healthz` (the loop goes round), `/readyz` (time is right) and, if asked
//! for, the event API below `/ocloudNotifications/v2/`.

mod listen;
pub(crate) mod request;
mod server;
mod stream;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SigSet, SigmaskHow};

use crate::metrics::{Exposed, Identity, Publisher};
pub use listen::{Listen, Listener};

/// What the endpoint does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Where it listens.
    pub listen: Listen,
    /// Series with the names of OpenShift's exporter, too.
    pub openshift_names: bool,
    /// The event API.
    pub events: bool,
}

/// The endpoint at work. It ends with this value.
#[derive(Debug)]
pub struct Endpoint {
    stop: Arc<AtomicBool>,
    unix: Option<std::path::PathBuf>,
}

impl Endpoint {
    /// Starts the thread. To be done after root is given up, as capabilities are a thread's own; signals stay with the
    /// thread that calls.
    ///
    /// # Errors
    /// The kernel gives no thread.
    pub fn start<S: Exposed>(
        listener: Listener,
        settings: Settings,
        publisher: &Publisher<S>,
        identity: Identity,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let unix = match &settings.listen {
            Listen::Unix(path) => Some(path.clone()),
            Listen::Tcp(_) => None,
        };
        let shared = Arc::clone(&publisher.shared);
        let server = server::Server::new(listener, shared, identity, settings, Arc::clone(&stop));
        spawn("metrics", move || server.run())?;
        Ok(Self { stop, unix })
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The process may end before the thread looks.
        if let Some(path) = &self.unix {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A thread that gets no signals: they are for the loop, whose wait they end.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut before = SigSet::empty();
    nix::sys::signal::pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before))?;
    let spawned = std::thread::Builder::new().name(name.to_owned()).stack_size(256 * 1024).spawn(work);
    nix::sys::signal::pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
    spawned.map(drop)
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A line of text; empty: what the code means.
    pub(crate) fn text(code: u16, text: &str) -> Self {
        let text = if text.is_empty() { reason(code) } else { text };
        Self { code, content_type: "text/plain; charset=utf-8", body: format!("{text}\n").into_bytes() }
    }

    /// JSON.
    pub(crate) fn json(code: u16, value: &serde_json::Value) -> Self {
        Self { code, content_type: "application/json", body: value.to_string().into_bytes() }
    }

    /// No content.
    pub(crate) fn empty(code: u16) -> Self {
        Self { code, content_type: "", body: Vec::new() }
    }

    fn octets(&self, with_body: bool) -> Vec<u8> {
        let content = match self.content_type {
            "" => String::new(),
            kind => format!("Content-Type: {kind}\r\n"),
        };
        let allow = if self.code == 405 { "Allow: GET, HEAD\r\n" } else { "" };
        let mut octets = format!(
            "HTTP/1.1 {} {}\r\n{content}{allow}Content-Length: {}\r\nConnection: close\r\n\
             X-Content-Type-Options: nosniff\r\n\r\n",
            self.code,
            reason(self.code),
            self.body.len()
        )
        .into_bytes();
        if with_body {
            octets.extend_from_slice(&self.body);
        }
        octets
    }
}

const fn reason(code: u16) -> &'static str {
    match code {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests;
