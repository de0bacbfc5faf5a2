use std::fmt;
use std::io;
use std::path::PathBuf;

use ptp_net::NetError;
use ptp_wire::WireError;

/// Why a client could not be made, or could not send or receive.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// The server's socket is not there.
    NoServer {
        /// Its path.
        path: PathBuf,
    },
    /// Nobody listens on the server's socket: its daemon has ended.
    NobodyListens {
        /// Its path.
        path: PathBuf,
    },
    /// What has the server's name is no management socket.
    WrongSocket {
        /// Its path.
        path: PathBuf,
    },
    /// The server has not read earlier requests yet: receive what is waiting, and send again.
    Busy,
    /// This user may not do it.
    NotPermitted {
        /// What.
        what: String,
        /// How to be allowed to.
        fix: &'static str,
    },
    /// A socket could not be made or used.
    Network(NetError),
    /// A system call failed.
    Io {
        /// Which.
        what: &'static str,
        /// How.
        error: io::Error,
    },
    /// A request does not fit its message.
    Wire(WireError),
}

impl ClientError {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(nix::errno::Errno) -> Self {
        move |e| Self::Io { what, error: e.into() }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer { path } => write!(
                f,
                "{} does not exist: is ptpd or ptp4l running? Start it, or name its socket with -s",
                path.display()
            ),
            Self::NobodyListens { path } => write!(
                f,
                "nobody listens on {}: the daemon that made it has ended. Start it again, or name another socket with -s",
                path.display()
            ),
            Self::WrongSocket { path } => write!(
                f,
                "{} is not a management socket: name that of a daemon with -s (/run/escapement/ptpd, /var/run/ptp/ptp4l)",
                path.display()
            ),
            Self::Busy => f.write_str("the server does not read its requests: is it stopped?"),
            Self::NotPermitted { what, fix } => write!(f, "not permitted to {what}: {fix}"),
            Self::Network(e) => e.fmt(f),
            Self::Io { what, error } => write!(f, "{what} failed: {error}"),
            Self::Wire(e) => write!(f, "the request cannot be sent: {e}"),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Network(e) => Some(e),
            Self::Wire(e) => Some(e),
            _ => None,
        }
    }
}

impl From<WireError> for ClientError {
    fn from(e: WireError) -> Self {
        Self::Wire(e)
    }
}

impl From<NetError> for ClientError {
    fn from(e: NetError) -> Self {
        Self::Network(e)
    }
}
