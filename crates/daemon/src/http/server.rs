//! The thread: accepts, reads, answers, closes. Every connection has one request, a limit of octets and a limit of time.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::listen::Listener;
use super::request::{LONGEST_BODY, LONGEST_HEAD, Method, Parsed, Request, parse};
use super::stream::Stream;
use super::{Answer, Settings};
use crate::metrics::{Exposed, Format, Identity, Page, Shared};
use crate::{monotonic_now, notifications};

/// Connections at once; one more, and the oldest is closed.
const CONNECTIONS: usize = 16;
/// A connection lives at most this long, ns.
const PATIENCE_NS: u64 = 5_000_000_000;
/// A loop that has not been round for so long is not alive, ns.
const ALIVE_NS: u64 = 10_000_000_000;
/// The thread looks at least this often whether it is to stop, ms.
const LOOK_MS: u16 = 500;

struct Connection {
    stream: Stream,
    input: Vec<u8>,
    /// The answer, and how much of it has been sent.
    output: Option<(Vec<u8>, usize)>,
    until: u64,
}

/// What became of a connection.
enum Fate {
    Stays,
    Ends,
}

pub(super) struct Server<S> {
    pub(super) listener: Listener,
    pub(super) shared: Arc<Shared<S>>,
    pub(super) identity: Identity,
    pub(super) settings: Settings,
    pub(super) stop: Arc<AtomicBool>,
    connections: Vec<Connection>,
    counts: crate::metrics::Counts,
}

impl<S: Exposed> Server<S> {
    pub(super) fn new(
        listener: Listener,
        shared: Arc<Shared<S>>,
        identity: Identity,
        settings: Settings,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let counts = crate::metrics::Counts::default();
        Self { listener, shared, identity, settings, stop, connections: Vec::new(), counts }
    }

    pub(super) fn run(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            if self.wait().is_err() {
                // Out of memory for the poll itself: a moment later there may be some.
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        }
    }

    fn wait(&mut self) -> nix::Result<()> {
        let now = monotonic_now();
        let nearest = self.connections.iter().map(|c| c.until.saturating_sub(now)).min();
        let left = nearest.map_or(LOOK_MS, |ns| u16::try_from(ns.div_ceil(1_000_000)).unwrap_or(LOOK_MS));
        let mut fds = vec![PollFd::new(self.listener.fd(), PollFlags::POLLIN)];
        fds.extend(self.connections.iter().map(|c| {
            let interest = if c.output.is_some() { PollFlags::POLLOUT } else { PollFlags::POLLIN };
            PollFd::new(std::os::fd::AsFd::as_fd(&c.stream), interest)
        }));
        match poll(&mut fds, PollTimeout::from(left.min(LOOK_MS))) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
        let ready: Vec<bool> = fds.iter().map(|f| f.any().unwrap_or(false)).collect();
        let now = monotonic_now();
        // From the end, so that places stay what they are.
        for i in (0..self.connections.len()).rev() {
            let mut fate = Fate::Stays;
            if ready.get(i + 1) == Some(&true) {
                fate = self.serve(i);
            }
            if matches!(fate, Fate::Stays) && self.connections.get(i).is_some_and(|c| now >= c.until) {
                self.counts.slow = self.counts.slow.saturating_add(1);
                fate = Fate::Ends;
            }
            if matches!(fate, Fate::Ends) {
                self.connections.remove(i);
            }
        }
        if ready.first() == Some(&true)
            && let Some(stream) = self.listener.accept()
        {
            if self.connections.len() >= CONNECTIONS {
                self.connections.remove(0);
                self.counts.crowded = self.counts.crowded.saturating_add(1);
            }
            let until = now.saturating_add(PATIENCE_NS);
            self.connections.push(Connection { stream, input: Vec::new(), output: None, until });
        }
        Ok(())
    }

    fn serve(&mut self, i: usize) -> Fate {
        let Some(connection) = self.connections.get_mut(i) else { return Fate::Stays };
        if connection.output.is_none() {
            match connection.read() {
                Ok(0) => return Fate::Ends,
                Ok(_) => {}
                Err(e) => return fate(&e),
            }
            let input = std::mem::take(&mut connection.input);
            let answer = match parse(&input) {
                Parsed::Partial => {
                    connection.input = input;
                    return Fate::Stays;
                }
                Parsed::Refused(code) => (Answer::text(code, ""), true),
                Parsed::Whole(request) => (self.answer(&request), request.method != Method::Head),
            };
            self.counts.answered(answer.0.code);
            let octets = answer.0.octets(answer.1);
            if let Some(connection) = self.connections.get_mut(i) {
                connection.output = Some((octets, 0));
            }
        }
        self.connections.get_mut(i).map_or(Fate::Ends, Connection::write)
    }

    fn answer(&self, request: &Request<'_>) -> Answer {
        if let Some(hub) = &self.shared.hub
            && let Some(rest) = request.path.strip_prefix(notifications::BASE)
        {
            let conditions = || self.shared.read().0.conditions();
            return notifications::answer(hub, request, rest, conditions);
        }
        if !matches!(request.method, Method::Get | Method::Head) {
            return Answer::text(405, "");
        }
        match request.path {
            "/metrics" => self.metrics(request),
            "/healthz" => self.health(),
            "/readyz" => match self.shared.read() {
                (_, None) => Answer::text(503, "the daemon has not told its state yet"),
                (snapshot, Some(_)) => match snapshot.ready() {
                    Ok(()) => Answer::text(200, "synchronised"),
                    Err(why) => Answer::text(503, &why),
                },
            },
            "/" => Answer::text(200, "/metrics /healthz /readyz"),
            _ => Answer::text(404, ""),
        }
    }

    fn metrics(&self, request: &Request<'_>) -> Answer {
        let format = Format::accepted(request.accept);
        let mut page = Page::default();
        let (snapshot, told) = self.shared.read();
        let events = self.shared.hub.as_ref().map(notifications::Hub::counts);
        self.identity.page(&mut page, &self.counts, events);
        // Before the first snapshot nothing is known: absent, not zero.
        if told.is_some() {
            snapshot.page(&mut page, self.settings.openshift_names);
        }
        Answer { code: 200, content_type: format.content_type(), body: page.render(format).into_bytes() }
    }

    fn health(&self) -> Answer {
        match self.shared.read().1 {
            Some(at) if monotonic_now().saturating_sub(at) < ALIVE_NS => Answer::text(200, "alive"),
            Some(_) => Answer::text(503, "the daemon's loop has not been round for 10 s"),
            None => Answer::text(503, "the daemon's loop has not begun"),
        }
    }
}

impl Connection {
    fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 2048];
        let room = (LONGEST_HEAD + LONGEST_BODY + 1).saturating_sub(self.input.len()).min(buffer.len());
        let count = self.stream.read(buffer.get_mut(..room).unwrap_or_default())?;
        self.input.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn write(&mut self) -> Fate {
        let Some((octets, sent)) = &mut self.output else { return Fate::Ends };
        match self.stream.write(octets.get(*sent..).unwrap_or_default()) {
            Ok(0) => Fate::Ends,
            Ok(count) => {
                *sent += count;
                if *sent < octets.len() {
                    return Fate::Stays;
                }
                self.stream.finish();
                Fate::Ends
            }
            Err(e) => fate(&e),
        }
    }
}

fn fate(e: &io::Error) -> Fate {
    match e.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Fate::Stays,
        _ => Fate::Ends,
    }
}
