//! The management sockets and the names of their clients.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use ptp_net::{LocalSocket, NetError};
use ptpd::engine::{Access, MONITOR_PEER};

use ptpd::host::LocalAddress;

/// Clients remembered; the one silent for longest makes room. More than this many never talk at the same time.
const MAX_PEERS: usize = 256;
/// Messages that wait for their clients, all together. Beyond, and after a quarter of a second, they are dropped.
const MAX_WAITING: usize = 1024;
const PATIENCE_NS: u64 = 250_000_000;
/// How soon a full queue is tried again.
const RETRY_NS: u64 = 1_000_000;

struct Peer {
    path: PathBuf,
    access: Access,
    name: u32,
    last: u64,
}

/// Both sockets. Either may be missing.
#[derive(Default)]
pub(crate) struct Local {
    pub(crate) read_write: Option<LocalSocket>,
    pub(crate) read_only: Option<LocalSocket>,
    peers: Vec<Peer>,
    next: u32,
    messages: u64,
    /// What could not be sent yet: the client's queue was full, as it is while the client still writes its requests.
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    peer: u32,
    octets: Vec<u8>,
    until: u64,
}

impl Local {
    /// The read-write socket first, as simulators expect.
    pub(crate) fn open(
        read_write: Option<&LocalAddress>,
        read_only: Option<&LocalAddress>,
    ) -> Result<Self, NetError> {
        let bind = |a: &LocalAddress| LocalSocket::bind(&a.path, a.mode);
        Ok(Self {
            read_write: read_write.map(bind).transpose()?,
            read_only: read_only.map(bind).transpose()?,
            ..Self::default()
        })
    }

    pub(crate) fn socket(&mut self, access: Access) -> Option<&mut LocalSocket> {
        match access {
            Access::ReadWrite => self.read_write.as_mut(),
            Access::ReadOnly => self.read_only.as_mut(),
        }
    }

    /// A number for a client, the same as long as it is remembered.
    pub(crate) fn intern(&mut self, access: Access, path: &Path) -> u32 {
        self.messages += 1;
        if let Some(p) = self.peers.iter_mut().find(|p| p.access == access && p.path == path) {
            p.last = self.messages;
            return p.name;
        }
        if self.peers.len() == MAX_PEERS
            && let Some((i, _)) = self.peers.iter().enumerate().min_by_key(|(_, p)| p.last)
        {
            self.peers.swap_remove(i);
        }
        let name = self.next;
        // The monitor's name is nobody else's.
        self.next = if name >= MONITOR_PEER - 1 { 0 } else { name + 1 };
        self.peers.push(Peer { path: path.to_owned(), access, name, last: self.messages });
        name
    }

    /// The monitor may be there or not, and slow or not: what it does not take at once is lost.
    pub(crate) fn send_to_monitor(&mut self, monitor: Option<&Path>, octets: &[u8]) {
        let socket = self.read_write.as_mut().or(self.read_only.as_mut());
        if let (Some(path), Some(socket)) = (monitor, socket) {
            let _ = socket.send(octets, path);
        }
    }

    /// Sends to a client; one that is gone is forgotten, one whose queue is full gets it a little later.
    pub(crate) fn send(&mut self, now_ns: u64, peer: u32, octets: &[u8]) {
        let in_order = !self.waiting.iter().any(|w| w.peer == peer);
        if (!in_order || !self.try_send(peer, octets)) && self.waiting.len() < MAX_WAITING {
            let until = now_ns.saturating_add(PATIENCE_NS);
            self.waiting.push_back(Waiting { peer, octets: octets.to_vec(), until });
        }
    }

    /// Tries again what could not be sent.
    pub(crate) fn flush(&mut self, now_ns: u64) {
        let mut blocked = Vec::new();
        for _ in 0..self.waiting.len() {
            let Some(w) = self.waiting.pop_front() else { return };
            let done = !blocked.contains(&w.peer) && self.try_send(w.peer, &w.octets);
            if !done && now_ns < w.until {
                blocked.push(w.peer);
                self.waiting.push_back(w);
            }
        }
    }

    /// When [`Local::flush`] is wanted.
    pub(crate) fn next_deadline(&self, now_ns: u64) -> Option<u64> {
        (!self.waiting.is_empty()).then(|| now_ns.saturating_add(RETRY_NS))
    }

    /// `false`: not now.
    fn try_send(&mut self, peer: u32, octets: &[u8]) -> bool {
        let Some(i) = self.peers.iter().position(|p| p.name == peer) else { return true };
        let access = self.peers[i].access;
        let socket = match access {
            Access::ReadWrite => self.read_write.as_mut(),
            Access::ReadOnly => self.read_only.as_mut(),
        };
        let Some(socket) = socket else { return true };
        match socket.send(octets, &self.peers[i].path).map_err(|e| e.raw_os_error()) {
            Err(Some(errno::ENOENT | errno::ECONNREFUSED)) => {
                self.peers.swap_remove(i);
                true
            }
            Err(Some(errno::EAGAIN | errno::ENOBUFS)) => false,
            _ => true,
        }
    }
}

/// The numbers that are needed; the same on every Linux that Rust runs on.
mod errno {
    pub(super) const ENOENT: i32 = 2;
    pub(super) const EAGAIN: i32 = 11;
    pub(super) const ENOBUFS: i32 = 105;
    pub(super) const ECONNREFUSED: i32 = 111;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_keep_their_names_and_the_oldest_makes_room() {
        let mut local = Local::default();
        let first = local.intern(Access::ReadWrite, Path::new("/a"));
        assert_eq!(local.intern(Access::ReadWrite, Path::new("/a")), first);
        assert_ne!(local.intern(Access::ReadOnly, Path::new("/a")), first);
        for i in 0..10 * MAX_PEERS {
            local.intern(Access::ReadWrite, Path::new(&format!("/{i}")));
        }
        assert_eq!(local.peers.len(), MAX_PEERS);
        assert_ne!(local.intern(Access::ReadWrite, Path::new("/a")), first);
        // Nobody there: nothing happens.
        local.send(0, first, b"x");
    }
}
