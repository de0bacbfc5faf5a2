//! The management sockets and the names of their clients.

use std::path::{Path, PathBuf};

use ptp_net::{LocalSocket, NetError};
use ptpd::engine::Access;

use super::settings::LocalAddress;

/// Clients remembered; the one silent for longest makes room. More than this many never talk at the same time.
const MAX_PEERS: usize = 256;

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
        self.next = self.next.wrapping_add(1);
        self.peers.push(Peer { path: path.to_owned(), access, name, last: self.messages });
        name
    }

    /// Sends to a client; one that is gone is forgotten.
    pub(crate) fn send(&mut self, name: u32, octets: &[u8]) {
        let Some(i) = self.peers.iter().position(|p| p.name == name) else { return };
        let access = self.peers[i].access;
        let socket = match access {
            Access::ReadWrite => self.read_write.as_mut(),
            Access::ReadOnly => self.read_only.as_mut(),
        };
        let Some(socket) = socket else { return };
        if let Err(e) = socket.send(octets, &self.peers[i].path)
            && matches!(e.raw_os_error(), Some(libc_errno::ENOENT | libc_errno::ECONNREFUSED))
        {
            self.peers.swap_remove(i);
        }
    }
}

/// The two of libc's numbers that are needed; the same on every Linux.
mod libc_errno {
    pub(super) const ENOENT: i32 = 2;
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
        local.send(first, b"x");
    }
}
