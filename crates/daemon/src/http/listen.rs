//! Where the endpoint listens.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::str::FromStr;

use super::stream::Stream;

/// Longest path of a UNIX socket.
const LONGEST_PATH: usize = 107;

/// An address: `127.0.0.1:9320`, `[::1]:9320`, or the absolute path of a UNIX socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Listen {
    /// TCP.
    Tcp(SocketAddr),
    /// A UNIX socket, mode 0660.
    Unix(PathBuf),
}

impl Listen {
    /// Only this host can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            return if text.len() <= LONGEST_PATH && !text.contains('\0') {
                Ok(Self::Unix(text.into()))
            } else {
                Err(format!("a path of at most {LONGEST_PATH} octets"))
            };
        }
        match text.parse() {
            Ok(address) => Ok(Self::Tcp(address)),
            Err(_) => Err(
                "ADDRESS:PORT such as 127.0.0.1:9320 or [::1]:9320, or the absolute path of a UNIX socket"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    listen: Listen,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Opens it. To be done before root is given up.
    ///
    /// # Errors
    /// The address is taken, not this host's, or not allowed.
    pub fn bind(listen: &Listen) -> io::Result<Self> {
        let socket = match listen {
            Listen::Tcp(address) => {
                let listener = TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                Socket::Tcp(listener)
            }
            Listen::Unix(path) => {
                // A socket that nobody listens on is what an earlier run left.
                let is_socket = std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket());
                if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
                    std::fs::remove_file(path)?;
                }
                if let Some(directory) = path.parent() {
                    std::fs::create_dir_all(directory)?;
                }
                let listener = UnixListener::bind(path)?;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
                listener.set_nonblocking(true)?;
                Socket::Unix(listener)
            }
        };
        Ok(Self { socket, listen: listen.clone() })
    }

    /// Where it really listens: port 0 has become one.
    pub fn address(&self) -> Listen {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().map_or_else(|_| self.listen.clone(), Listen::Tcp),
            Socket::Unix(_) => self.listen.clone(),
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Tcp(listener) => listener.as_fd(),
            Socket::Unix(listener) => listener.as_fd(),
        }
    }

    /// The next connection, if there is one.
    pub(super) fn accept(&self) -> Option<Stream> {
        let stream = match &self.socket {
            Socket::Tcp(listener) => Stream::Tcp(listener.accept().ok()?.0),
            Socket::Unix(listener) => Stream::Unix(listener.accept().ok()?.0),
        };
        stream.set_nonblocking().ok().map(|()| stream)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Listen::Unix(path) = &self.listen {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert!("127.0.0.1:9320".parse::<Listen>().is_ok_and(|l| l.is_local()));
        assert!("[::]:9320".parse::<Listen>().is_ok_and(|l| !l.is_local()));
        assert_eq!("/run/x".parse(), Ok(Listen::Unix("/run/x".into())));
        for bad in ["", "9320", "localhost:9320", "run/x", "127.0.0.1", "127.0.0.1:70000"] {
            assert!(bad.parse::<Listen>().is_err(), "{bad}");
        }
        assert!(format!("/{}", "a".repeat(107)).parse::<Listen>().is_err());
    }
}
