//! Where sentences come from: a serial line, a TCP connection, a file or pipe.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ptp_gnss::{GPSD_WATCH, gpsd_watch};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);

/// The name of a source: `tcp:HOST:PORT`, or a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SourceName {
    /// `HOST:PORT`.
    Tcp(String),
    /// gpsd at `HOST:PORT`: its objects, and what the receiver itself says; of one device (a path), or of all that it has.
    Gpsd(String, Option<String>),
    /// A serial line, a pseudo-terminal, a pipe or a file.
    Path(PathBuf),
}

/// gpsd's own port.
const GPSD_PORT: u16 = 2947;

impl FromStr for SourceName {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let is_address = |a: &str| {
            let port = a.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, p)| p.parse::<u16>());
            matches!(port, Some(Ok(1..)))
        };
        if let Some(address) = s.strip_prefix("tcp:") {
            let wrong = || "give tcp:HOST:PORT, as tcp:localhost:2948".to_owned();
            return is_address(address).then(|| Self::Tcp(address.to_owned())).ok_or_else(wrong);
        }
        if let Some(address) = s.strip_prefix("gpsd").filter(|a| a.is_empty() || a.starts_with(':')) {
            let (address, device) = match address.find('/').and_then(|at| address.split_at_checked(at)) {
                Some((address, device)) => (address, Some(device.to_owned())),
                None => (address, None),
            };
            let address = match address.trim_matches(':') {
                "" => format!("localhost:{GPSD_PORT}"),
                a if is_address(a) => a.to_owned(),
                a if !a.contains(':') => format!("{a}:{GPSD_PORT}"),
                _ => return Err("give gpsd[:HOST[:PORT]][:/dev/NAME]".to_owned()),
            };
            return Ok(Self::Gpsd(address, device));
        }
        match s {
            "" => Err("give a device, a file, tcp:HOST:PORT, or gpsd".to_owned()),
            path => Ok(Self::Path(path.into())),
        }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Gpsd(address, None) => write!(f, "gpsd:{address}"),
            Self::Gpsd(address, Some(device)) => write!(f, "gpsd:{address}:{device}"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// An open source. Reads never wait.
#[derive(Debug)]
pub enum Source {
    /// A connection.
    Tcp(TcpStream),
    /// A terminal or pipe: more may come after its end.
    Live(File),
    /// A plain file: it ends.
    Plain(File),
}

impl Source {
    /// Opens a source; a serial line is set to `baud`, 8N1, raw. A connection is waited for, up to three seconds for each
    /// address.
    ///
    /// # Errors
    /// The kernel's, or the serial line's.
    pub fn open(name: &SourceName, baud: u32) -> io::Result<Self> {
        match name {
            SourceName::Tcp(address) => connect(address, ""),
            SourceName::Gpsd(address, None) => connect(address, GPSD_WATCH),
            SourceName::Gpsd(address, Some(device)) => connect(address, &gpsd_watch(device)),
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
    ///
    /// # Errors
    /// The kernel's: it is gone.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
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
    pub const fn ends(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}

/// Connects, and says `hello`.
fn connect(address: &str, hello: &str) -> io::Result<Source> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(mut stream) => {
                stream.write_all(hello.as_bytes())?;
                stream.set_nonblocking(true)?;
                return Ok(Source::Tcp(stream));
            }
            Err(e) => last = e,
        }
    }
    Err(last)
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
        for (text, address, device) in [
            ("gpsd", "localhost:2947", None),
            ("gpsd:gps", "gps:2947", None),
            ("gpsd:gps:3000", "gps:3000", None),
            ("gpsd:/dev/ttyS1", "localhost:2947", Some("/dev/ttyS1")),
            ("gpsd:gps:/dev/ttyS1", "gps:2947", Some("/dev/ttyS1")),
            ("gpsd:gps:3000:/dev/serial/by-id/a:b", "gps:3000", Some("/dev/serial/by-id/a:b")),
        ] {
            let name = SourceName::Gpsd(address.to_owned(), device.map(str::to_owned));
            assert_eq!(text.parse(), Ok(name.clone()));
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        assert_eq!("gpsd.log".parse(), Ok(SourceName::Path("gpsd.log".into())));
        for bad in ["", "gpsd:a:b", "tcp:", "tcp:host", "tcp::1", "tcp:host:0", "tcp:host:65536"] {
            assert!(bad.parse::<SourceName>().is_err(), "{bad}");
        }
    }
}
