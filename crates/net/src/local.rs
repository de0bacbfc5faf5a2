use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::Socket;

use crate::NetError;
use crate::control::Control;
use crate::name::Name;
use crate::sys;

/// Longer than any management message.
const BUFFER: usize = 4096;

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
    socket: Socket,
    path: PathBuf,
    /// Device and inode of the socket's file: another program may have put its own there since.
    file: Option<(u64, u64)>,
    buffer: Box<[u8; BUFFER]>,
    name: Name,
    control: Control,
}

impl LocalSocket {
    /// Binds to a path: makes the parent directory (0755), takes the place of a socket that nobody serves any more,
    /// sets the mode (like 0o660). Where directory or mode cannot be set, it goes on: the bind tells what matters.
    /// The path is taken literally. The socket's file is removed on drop.
    ///
    /// # Errors
    /// The path cannot be one, another program serves it, or the kernel refused.
    pub fn bind(path: &Path, mode: u32) -> Result<Self, NetError> {
        let fail = |action: &'static str| move |e| NetError::os(action, path.display().to_string(), None, e);
        let name = Name::unix(path).ok_or_else(|| NetError::SocketPath { path: path.to_owned() })?;
        let socket = sys::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0).map_err(fail("open a UNIX socket"))?;
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty() && !p.exists()) {
            let _ = std::fs::DirBuilder::new().recursive(true).mode(0o755).create(parent);
        }
        // The file is born with this mode less the umask, and so never open to more than it should be.
        let _ = sys::set_birth_mode(socket.as_fd(), mode);
        let bound = sys::bind(socket.as_fd(), &name).or_else(|e| {
            if e.raw_os_error() != Some(libc::EADDRINUSE) || !is_stale(path, &name) {
                return Err(e);
            }
            std::fs::remove_file(path)?;
            sys::bind(socket.as_fd(), &name)
        });
        bound.map_err(fail("bind a UNIX socket"))?;
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
        let file = file_of(path);
        Ok(Self {
            socket,
            path: path.to_owned(),
            file,
            buffer: Box::new([0; BUFFER]),
            name: Name::default(),
            control: Control::default(),
        })
    }

    /// Its own path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads one datagram, without waiting. Call it once for each `POLLIN`. `None`: there was none, or it was longer
    /// than 4096 octets.
    ///
    /// # Errors
    /// The socket broke.
    pub fn receive(&mut self) -> Result<Option<LocalReceived<'_>>, NetError> {
        let fd = self.socket.as_fd();
        match sys::receive(fd, self.buffer.as_mut_slice(), &mut self.name, &mut self.control, 0) {
            Ok(read) if read.truncated => Ok(None),
            Ok(read) => Ok(Some(LocalReceived {
                octets: self.buffer.get(..read.length).unwrap_or_default(),
                peer: self.name.as_unix(),
            })),
            Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) => Ok(None),
            Err(e) => {
                Err(NetError::os("receive from a UNIX socket", self.path.display().to_string(), None, e))
            }
        }
    }

    /// Sends one datagram, without waiting.
    ///
    /// # Errors
    /// Nobody is there, its queue is full, or the kernel refused.
    pub fn send(&mut self, octets: &[u8], peer: &Path) -> Result<(), NetError> {
        let name = Name::unix(peer).ok_or_else(|| NetError::SocketPath { path: peer.to_owned() })?;
        sys::send(self.socket.as_fd(), &name, [octets, &[], &[]], None)
            .map_err(|e| NetError::os("send to a UNIX socket", peer.display().to_string(), None, e))
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        if self.file.is_some() && file_of(&self.path) == self.file {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl AsFd for LocalSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn file_of(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

/// A socket whose program ended without removing it: connecting is refused.
fn is_stale(path: &Path, name: &Name) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket());
    let connected =
        || sys::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0).and_then(|s| sys::connect(s.as_fd(), name));
    is_socket
        && connected().is_err_and(|e| match e.kind() {
            io::ErrorKind::ConnectionRefused => true,
            // It is another user's, as a daemon leaves it that gave root up, and root here may not pass over modes.
            io::ErrorKind::PermissionDenied => {
                std::fs::read_to_string("/proc/net/unix").is_ok_and(|table| !is_bound(path, &table))
            }
            _ => false,
        })
}

/// Whether a process of this network has a socket of that path, by the kernel's table.
fn is_bound(path: &Path, table: &str) -> bool {
    let end = format!(" {}", path.display());
    table.lines().any(|line| line.ends_with(&end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_who_is_bound() {
        let directory = Directory::new("bound");
        let path = directory.0.join("server");
        let table = || std::fs::read_to_string("/proc/net/unix").expect("a Linux");
        assert!(!is_bound(&path, &table()));
        let server = LocalSocket::bind(&path, 0o600).expect("bind");
        assert!(is_bound(&path, &table()));
        assert!(!is_bound(&directory.0.join("serve"), &table()));
        drop(server);
        assert!(!is_bound(&path, &table()));
    }

    struct Directory(PathBuf);

    impl Directory {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ptp-net-{test}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn next(socket: &mut LocalSocket) -> Option<(Vec<u8>, Option<PathBuf>)> {
        let got = socket.receive().expect("a working socket")?;
        Some((got.octets.to_vec(), got.peer.map(Path::to_owned)))
    }

    #[test]
    fn question_and_answer() {
        let dir = Directory::new("talk");
        let (server, client) = (dir.0.join("deep/er/rw"), dir.0.join("client"));
        let mut server = LocalSocket::bind(&server, 0o660).expect("bind makes the directories");
        let mut client = LocalSocket::bind(&client, 0o600).expect("bind");
        let mode = std::fs::metadata(server.path()).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert_eq!(next(&mut server), None);

        let to = server.path().to_owned();
        client.send(b"GET", &to).expect("the server is there");
        assert_eq!(next(&mut server), Some((b"GET".to_vec(), Some(client.path().to_owned()))));
        let to = client.path().to_owned();
        server.send(b"RESPONSE", &to).expect("the client is there");
        assert_eq!(next(&mut client), Some((b"RESPONSE".to_vec(), Some(server.path().to_owned()))));
    }

    #[test]
    fn nameless_senders_and_giants_do_no_harm() {
        let dir = Directory::new("odd");
        let mut server = LocalSocket::bind(&dir.0.join("s"), 0o660).expect("bind");
        let nameless = std::os::unix::net::UnixDatagram::unbound().expect("a socket");
        nameless.send_to(&[1; 5000], server.path()).expect("sent");
        nameless.send_to(b"x", server.path()).expect("sent");
        assert_eq!(next(&mut server), None);
        assert_eq!(next(&mut server), Some((b"x".to_vec(), None)));
        assert!(matches!(server.send(b"x", Path::new("/no/such")), Err(NetError::Os { .. })));
        assert!(matches!(server.send(b"x", Path::new("")), Err(NetError::SocketPath { .. })));
    }

    #[test]
    fn a_stale_socket_is_replaced_a_living_one_is_not() {
        let dir = Directory::new("stale");
        let path = dir.0.join("s");
        let living = LocalSocket::bind(&path, 0o660).expect("bind");
        let again = LocalSocket::bind(&path, 0o660);
        assert_eq!(again.err().and_then(|e| e.raw_os_error()), Some(libc::EADDRINUSE));
        drop(living);
        assert!(!path.exists());

        drop(std::os::unix::net::UnixDatagram::bind(&path).expect("left behind by std"));
        assert!(path.exists());
        let socket = LocalSocket::bind(&path, 0o660).expect("nobody serves it");
        drop(socket);

        std::fs::write(&path, "a file").expect("written");
        assert!(LocalSocket::bind(&path, 0o660).is_err());
        assert_eq!(std::fs::read(&path).expect("it is still there"), b"a file");
    }
}
