use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, bind, recvfrom, sendto, socket,
};
use ptp_wire::{ClockIdentity, PortIdentity};

use super::Transport;
use crate::ClientError;

/// A UNIX datagram socket: one PTP message per datagram, no framing. The own socket is a file, removed in the end.
#[derive(Debug)]
pub struct Uds {
    fd: OwnedFd,
    server: PathBuf,
    address: UnixAddr,
    own: PathBuf,
    identity: PortIdentity,
}

impl Uds {
    /// Makes the own socket, at `own` or, without it, as `pmc.PID` beside the server's socket or in /tmp.
    /// Nothing is sent yet: a missing server shows when the first request is.
    ///
    /// # Errors
    /// [`ClientError::Bind`] or [`ClientError::Io`].
    pub fn connect(server: &Path, own: Option<&Path>) -> Result<Self, ClientError> {
        let address =
            UnixAddr::new(server).map_err(ClientError::io("using the path of the server's socket"))?;
        // No type flags here: simulators of networks do not know them.
        let fd = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::empty(), None)
            .map_err(ClientError::io("socket"))?;
        fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map_err(ClientError::io("fcntl"))?;
        fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(ClientError::io("fcntl"))?;
        let own = match own {
            Some(path) => bind_at(&fd, path).map(|()| path.to_owned())?,
            None => bind_somewhere(&fd, server)?,
        };
        let pid = std::process::id();
        let [a, b, c, d] = pid.to_be_bytes();
        let identity = PortIdentity::new(ClockIdentity([0, 0, 0, 0, 0, 0, a, b]), u16::from_be_bytes([c, d]));
        Ok(Self { fd, server: server.to_owned(), address, own, identity })
    }

    /// Where the own socket is.
    pub fn own_path(&self) -> &Path {
        &self.own
    }

    /// With another port number of the own identity: several clients in one process must differ.
    #[must_use]
    pub fn with_port_number(mut self, port_number: u16) -> Self {
        self.identity.port_number.0 = port_number;
        self
    }
}

fn bind_at(fd: &OwnedFd, path: &Path) -> Result<(), ClientError> {
    let failed = |e: Errno| ClientError::Bind { path: path.to_owned(), error: e.into() };
    let address = UnixAddr::new(path).map_err(failed)?;
    // The path of an ended process with our process id. Where there is none, that is fine, too.
    let _ = std::fs::remove_file(path);
    bind(fd.as_raw_fd(), &address).map_err(failed)?;
    // The server needs to write to it; only its user and group may. Failing is not fatal where servers run as root.
    let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660));
    Ok(())
}

fn bind_somewhere(fd: &OwnedFd, server: &Path) -> Result<PathBuf, ClientError> {
    let name = format!("pmc.{}", std::process::id());
    let beside = server.parent().unwrap_or(Path::new("/")).join(&name);
    if bind_at(fd, &beside).is_ok() {
        return Ok(beside);
    }
    let elsewhere = Path::new("/tmp").join(&name);
    bind_at(fd, &elsewhere).map(|()| elsewhere)
}

impl AsFd for Uds {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Transport for Uds {
    fn identity(&self) -> PortIdentity {
        self.identity
    }

    fn send(&mut self, message: &[u8]) -> Result<(), ClientError> {
        match sendto(self.fd.as_raw_fd(), message, &self.address, MsgFlags::empty()) {
            Ok(_) => Ok(()),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Err(ClientError::NoServer { path: self.server.clone() }),
            Err(Errno::ECONNREFUSED) => Err(ClientError::NobodyListens { path: self.server.clone() }),
            Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR) => Err(ClientError::Busy),
            Err(Errno::EACCES | Errno::EPERM) => Err(ClientError::NotPermitted {
                what: format!("write to {}", self.server.display()),
                fix: "run as root or as a member of the socket's group, or use the read-only socket (its name ends in ro)",
            }),
            Err(e) => Err(ClientError::Io { what: "sending to the server's socket", error: e.into() }),
        }
    }

    fn receive(&mut self, buf: &mut [u8]) -> Result<Option<usize>, ClientError> {
        match recvfrom::<UnixAddr>(self.fd.as_raw_fd(), buf) {
            Ok((len, _)) => Ok(Some(len)),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Err(e) => Err(ClientError::Io { what: "receiving from the server", error: e.into() }),
        }
    }
}

impl Drop for Uds {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.own);
    }
}
