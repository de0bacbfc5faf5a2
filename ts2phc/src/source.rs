//! Where sentences come from: a serial line, a TCP connection, a file or pipe.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);

/// The name of a source: `tcp:HOST:PORT`, or a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum SourceName {
    Tcp(String),
    Path(PathBuf),
}

impl FromStr for SourceName {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s.strip_prefix("tcp:") {
            Some(address) => {
                let port = address
                    .rsplit_once(':')
                    .filter(|(host, _)| !host.is_empty())
                    .map(|(_, p)| p.parse::<u16>());
                match port {
                    Some(Ok(1..)) => Ok(Self::Tcp(address.to_owned())),
                    _ => Err("give tcp:HOST:PORT, as tcp:localhost:2948".to_owned()),
                }
            }
            None if s.is_empty() => Err("give a device, a file, or tcp:HOST:PORT".to_owned()),
            None => Ok(Self::Path(s.into())),
        }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// An open source. Reads never wait.
#[derive(Debug)]
pub(crate) enum Source {
    Tcp(TcpStream),
    /// A terminal or pipe: more may come after its end.
    Live(File),
    /// A plain file: it ends.
    Plain(File),
}

impl Source {
    /// Opens a source; a serial line is set to `baud`, 8N1, raw.
    pub(crate) fn open(name: &SourceName, baud: u32) -> io::Result<Self> {
        match name {
            SourceName::Tcp(address) => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                for address in address.to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, CONNECT) {
                        Ok(stream) => {
                            stream.set_nonblocking(true)?;
                            return Ok(Self::Tcp(stream));
                        }
                        Err(e) => last = e,
                    }
                }
                Err(last)
            }
            SourceName::Path(path) => {
                let file =
                    File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
                let kind = file.metadata()?.file_type();
                if kind.is_char_device() {
                    // The line keeps its settings as long as somebody has it open, which is `file`.
                    let mut port = serialport::new(path.to_string_lossy(), baud).open_native()?;
                    let _ = port.set_exclusive(false);
                }
                Ok(if kind.is_file() { Self::Plain(file) } else { Self::Live(file) })
            }
        }
    }

    /// One read. `None`: nothing is there now. Zero octets: the end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let read = match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Live(file) | Self::Plain(file) => file.read(buffer),
        };
        match read {
            Ok(n) => Ok(Some(n)),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Its end is the end of everything, not a pause.
    pub(crate) const fn ends(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Live(file) | Self::Plain(file) => file.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!("tcp:gps.example:2948".parse(), Ok(SourceName::Tcp("gps.example:2948".to_owned())));
        assert_eq!("/dev/ttyS0".parse(), Ok(SourceName::Path("/dev/ttyS0".into())));
        for bad in ["", "tcp:", "tcp:host", "tcp::1", "tcp:host:0", "tcp:host:65536"] {
            assert!(bad.parse::<SourceName>().is_err(), "{bad}");
        }
    }
}
