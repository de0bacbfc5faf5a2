use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use crate::NetError;

/// A datagram that arrived on a UNIX socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LocalReceived<'a> {
    /// What was sent.
    pub octets: &'a [u8],
    /// The sender's path; `None` if it has none, and cannot be answered.
    pub peer: Option<&'a Path>,
}

/// A datagram UNIX socket with a path: the management server's, or a client's own end.
#[derive(Debug)]
pub struct LocalSocket {
    path: PathBuf,
}

impl LocalSocket {
    /// Binds to a path: removes a stale socket there, makes the parent directory (0755), sets the mode (like 0o660).
    /// A failure of these three does not matter by itself; the bind tells. The socket is removed on drop.
    ///
    /// # Errors
    /// The path cannot be one, or the kernel refused.
    pub fn bind(_path: &Path, _mode: u32) -> Result<Self, NetError> {
        unimplemented!()
    }

    /// Its own path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads one datagram, without waiting. Call it once for each `POLLIN`.
    ///
    /// # Errors
    /// The socket broke.
    pub fn receive(&mut self) -> Result<Option<LocalReceived<'_>>, NetError> {
        unimplemented!()
    }

    /// Sends one datagram, without waiting.
    ///
    /// # Errors
    /// Nobody is there, its queue is full, or the kernel refused.
    pub fn send(&mut self, _octets: &[u8], _peer: &Path) -> Result<(), NetError> {
        unimplemented!()
    }
}

impl AsFd for LocalSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        unimplemented!()
    }
}
