//! Events for programs on this host: a UNIX stream socket, one JSON object a line.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};

use crate::{Interest, PollSet};

/// Subscribers at a time; more are sent away.
const MAX_SUBSCRIBERS: usize = 64;
/// Octets that wait for a subscriber that does not read. One more line, and it is dropped.
const MAX_WAITING: usize = 1 << 18;

/// Why there is no socket for events.
#[derive(Debug)]
pub struct ListenError {
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.source.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "cannot serve events at {path}: another program serves that socket; give each daemon its own (events.socket)"
            ),
            io::ErrorKind::PermissionDenied => write!(
                f,
                "cannot serve events at {path}: {}; choose a directory that this user may write to (events.socket)",
                self.source
            ),
            _ => write!(f, "cannot serve events at {path}: {}", self.source),
        }
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A listening socket and who has come.
#[derive(Debug)]
pub(crate) struct Subscribers {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the socket's file: another program may have put its own there since.
    file: Option<(u64, u64)>,
    all: Vec<Subscriber>,
    dropped: u64,
}

#[derive(Debug)]
struct Subscriber {
    stream: UnixStream,
    waiting: VecDeque<u8>,
}

impl Subscribers {
    /// Binds to a path: makes the parent directory (0755), takes the place of a socket that nobody serves any more, and sets
    /// the mode before anybody can connect.
    pub(crate) fn listen(path: &Path, mode: u32) -> Result<Self, ListenError> {
        let fail = |source: io::Error| ListenError { path: path.to_owned(), source };
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty() && !p.exists()) {
            let _ = std::fs::DirBuilder::new().recursive(true).mode(0o755).create(parent);
        }
        let address = UnixAddr::new(path).map_err(|e| fail(e.into()))?;
        let fd = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)
            .map_err(|e| fail(e.into()))?;
        // SAFETY: the descriptor is open; fchmod touches no memory. The file is born with this mode less the umask, and so
        // never open to more than it should be.
        let _ = unsafe { libc::fchmod(fd.as_raw_fd(), mode as libc::mode_t) };
        if let Err(e) = bind(fd.as_raw_fd(), &address) {
            if e != nix::Error::EADDRINUSE || !is_stale(path) {
                return Err(fail(e.into()));
            }
            std::fs::remove_file(path).map_err(fail)?;
            bind(fd.as_raw_fd(), &address).map_err(|e| fail(e.into()))?;
        }
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
        listen(&fd, Backlog::new(16).unwrap_or(Backlog::MAXCONN)).map_err(|e| fail(e.into()))?;
        let listener = UnixListener::from(fd);
        listener.set_nonblocking(true).map_err(fail)?;
        Ok(Self { listener, path: path.to_owned(), file: file_of(path), all: Vec::new(), dropped: 0 })
    }

    /// How many were dropped because they did not read.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Nobody listens.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Octets that wait for each, in the order in which they came.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> Vec<usize> {
        self.all.iter().map(|s| s.waiting.len()).collect()
    }

    /// The descriptors to wait for.
    pub(crate) fn gather<K: Copy>(&self, poll: &mut PollSet<K>, key: K) {
        poll.add(self.listener.as_fd(), Interest::READ, key);
        for subscriber in &self.all {
            let interest =
                if subscriber.waiting.is_empty() { Interest::READ } else { Interest::READ_AND_WRITE };
            poll.add(subscriber.stream.as_fd(), interest, key);
        }
    }

    /// Takes who comes, lets go who went, and sends what waits. `greeting`: what a new one hears first.
    pub(crate) fn serve(&mut self, mut greeting: impl FnMut() -> String) {
        self.all.retain_mut(|s| s.is_there() && s.flush().is_ok());
        // A flood of connections must not keep the daemon from its clock.
        for _ in 0..8 {
            let Ok((stream, _)) = self.listener.accept() else { return };
            if self.all.len() >= MAX_SUBSCRIBERS || stream.set_nonblocking(true).is_err() {
                continue;
            }
            let mut subscriber = Subscriber { stream, waiting: VecDeque::new() };
            subscriber.waiting.extend(greeting().bytes());
            if subscriber.flush().is_ok() {
                self.all.push(subscriber);
            }
        }
    }

    /// Tells everybody. Returns how many were dropped, because they do not read.
    pub(crate) fn tell(&mut self, line: &str) -> u64 {
        let mut slow = 0;
        self.all.retain_mut(|s| {
            if s.waiting.len() + line.len() >= MAX_WAITING {
                slow += 1;
                return false;
            }
            let idle = s.waiting.is_empty();
            s.waiting.extend(line.bytes());
            s.waiting.push_back(b'\n');
            !idle || s.flush().is_ok()
        });
        self.dropped += slow;
        slow
    }
}

impl Subscriber {
    /// What it sends is of no interest; that it has gone, is.
    fn is_there(&mut self) -> bool {
        let mut octets = [0; 256];
        match self.stream.read(&mut octets) {
            Ok(n) => n > 0,
            Err(e) => matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let (first, _) = self.waiting.as_slices();
            match self.stream.write(first) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => drop(self.waiting.drain(..n)),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl Drop for Subscribers {
    fn drop(&mut self) {
        if self.file.is_some() && file_of(&self.path) == self.file {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn file_of(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

/// A socket whose program ended without removing it: connecting is refused.
fn is_stale(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket())
        && UnixStream::connect(path).is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused)
}
