use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use ptp_net::{LocalSocket, NetError};
use ptp_wire::{ClockIdentity, PortIdentity};

use super::Transport;
use crate::ClientError;

/// The server writes to the own socket; its user and group may, others may not.
const MODE: u32 = 0o660;
/// Where the server is somebody else, and the own socket cannot be given to it.
const OPEN: u32 = 0o666;

/// A UNIX datagram socket: one PTP message per datagram, no framing. The own socket is a file, removed in the end.
#[derive(Debug)]
pub struct Uds {
    socket: LocalSocket,
    server: PathBuf,
    identity: PortIdentity,
}

impl Uds {
    /// Makes the own socket, at `own` or, without it, as `pmc.PID` beside the server's socket or in /tmp.
    /// Nothing is sent yet: a missing server shows when the first request is.
    ///
    /// # Errors
    /// [`ClientError::Network`]: the own socket cannot be made.
    pub fn connect(server: &Path, own: Option<&Path>) -> Result<Self, ClientError> {
        let socket = match own {
            Some(path) => LocalSocket::bind(path, MODE)?,
            None => bind_somewhere(server)?,
        };
        admit(server, socket.path());
        let [a, b, c, d] = std::process::id().to_be_bytes();
        let identity = PortIdentity::new(ClockIdentity([0, 0, 0, 0, 0, 0, a, b]), u16::from_be_bytes([c, d]));
        Ok(Self { socket, server: server.to_owned(), identity })
    }

    /// Where the own socket is.
    pub fn own_path(&self) -> &Path {
        self.socket.path()
    }

    /// With another port number of the own identity: several clients in one process must differ.
    #[must_use]
    pub fn with_port_number(mut self, port_number: u16) -> Self {
        self.identity.port_number.0 = port_number;
        self
    }
}

/// Lets the server answer. It need not be root: a daemon that gave root up has no right to write to root's files, nor has root
/// itself under a service manager that took the right to pass over modes away. So the own socket becomes the server's, or,
/// where that is not permitted, anybody's: what is no answer to a request is passed over.
fn admit(server: &Path, own: &Path) {
    let [Ok(theirs), Ok(ours)] = [server, own].map(std::fs::metadata) else { return };
    if theirs.uid() != ours.uid() && chown(own, Some(theirs.uid()), Some(theirs.gid())).is_err() {
        let _ = std::fs::set_permissions(own, std::fs::Permissions::from_mode(OPEN));
    }
}

fn bind_somewhere(server: &Path) -> Result<LocalSocket, ClientError> {
    let name = format!("pmc.{}", std::process::id());
    // The server's directory is the server's to make.
    if let Some(parent) = server.parent().filter(|p| p.is_dir())
        && let Ok(socket) = LocalSocket::bind(&parent.join(&name), MODE)
    {
        return Ok(socket);
    }
    Ok(LocalSocket::bind(&Path::new("/tmp").join(name), MODE)?)
}

impl AsFd for Uds {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Transport for Uds {
    fn identity(&self) -> PortIdentity {
        self.identity
    }

    fn send(&mut self, message: &[u8]) -> Result<(), ClientError> {
        let server = || self.server.clone();
        self.socket.send(message, &self.server).map_err(|e| match errno(&e) {
            Some(Errno::ENOENT | Errno::ENOTDIR) => ClientError::NoServer { path: server() },
            Some(Errno::EPROTOTYPE | Errno::ENOTSOCK) => ClientError::WrongSocket { path: server() },
            Some(Errno::ECONNREFUSED) if !is_socket(&self.server) => ClientError::WrongSocket { path: server() },
            Some(Errno::ECONNREFUSED) => ClientError::NobodyListens { path: server() },
            Some(Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR) => ClientError::Busy,
            Some(Errno::EACCES | Errno::EPERM) => ClientError::NotPermitted {
                what: format!("write to {}", self.server.display()),
                fix: "run as root or as a member of the socket's group, or use the read-only socket (its name ends in ro)",
            },
            _ => e.into(),
        })
    }

    fn receive(&mut self, buf: &mut [u8]) -> Result<Option<usize>, ClientError> {
        let Some(received) = self.socket.receive()? else { return Ok(None) };
        Ok(super::copy(received.octets, buf))
    }
}

fn is_socket(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|m| m.file_type().is_socket())
}

fn errno(error: &NetError) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}
