use std::{fmt, io};

use crate::{Address, Transport};

/// A privilege of Linux that a program lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Capability {
    /// To bind UDP ports 319 and 320.
    NetBindService,
    /// To open packet sockets and to bind to an interface.
    NetRaw,
    /// To switch a network card's hardware stamps on.
    NetAdmin,
}

impl Capability {
    /// Its name as the kernel, `setcap` and systemd spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetBindService => "CAP_NET_BIND_SERVICE",
            Self::NetRaw => "CAP_NET_RAW",
            Self::NetAdmin => "CAP_NET_ADMIN",
        }
    }
}

/// What went wrong on the way to the network.
#[derive(Debug)]
#[non_exhaustive]
pub enum NetError {
    /// There is no such interface (now).
    NoInterface {
        /// Its name.
        interface: String,
    },
    /// The name is empty, longer than 15 octets, or has a `/`, a space or a NUL in it.
    InterfaceName {
        /// The name.
        interface: String,
    },
    /// The interface has no address that the transport needs.
    NoAddress {
        /// Its name.
        interface: String,
        /// The transport.
        transport: Transport,
    },
    /// The program may not do this.
    Privilege {
        /// What was tried.
        action: &'static str,
        /// What it takes.
        capability: Capability,
    },
    /// The interface cannot make the stamps that were asked for.
    NoStamping {
        /// Its name.
        interface: String,
        /// What it lacks.
        lacks: &'static str,
    },
    /// The card cannot write times into messages as they leave.
    NoOneStep {
        /// The interface's name.
        interface: String,
        /// What its card cannot write.
        lacks: &'static str,
    },
    /// Nobody with this address has spoken to the relaying port, so it is not known where it is.
    NoNeighbour {
        /// The address.
        address: Address,
    },
    /// A message cannot be sent on with these headers, or the port does not relay.
    ForeignHeaders {
        /// The socket's transport.
        transport: Transport,
    },
    /// The message is longer than [`MAX_MESSAGE`](crate::MAX_MESSAGE), or empty.
    MessageLength {
        /// Its length in octets.
        length: usize,
    },
    /// A destination that the transport cannot reach.
    WrongAddress {
        /// The socket's transport.
        transport: Transport,
        /// The destination.
        address: Address,
    },
    /// The path of a UNIX socket is empty, has a NUL in it, or is longer than 107 octets.
    SocketPath {
        /// The path.
        path: std::path::PathBuf,
    },
    /// The kernel refused.
    Os {
        /// What was tried.
        action: &'static str,
        /// On what: an interface, a path.
        object: String,
        /// Its reason.
        source: io::Error,
    },
}

impl NetError {
    /// The kernel's error number, where there is one.
    pub fn raw_os_error(&self) -> Option<i32> {
        match self {
            Self::Os { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }

    /// The kernel (or a simulator in its place) does not know this kind of socket.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.raw_os_error(), Some(libc::EINVAL | libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT))
    }

    /// An error of the kernel; a missing privilege becomes [`NetError::Privilege`].
    pub(crate) fn os(
        action: &'static str,
        object: impl Into<String>,
        needs: Option<Capability>,
        source: io::Error,
    ) -> Self {
        let object = object.into();
        match (source.raw_os_error(), needs) {
            (Some(libc::EPERM | libc::EACCES), Some(capability)) => Self::Privilege { action, capability },
            (Some(libc::ENODEV), _) => Self::NoInterface { interface: object },
            _ => Self::Os { action, object, source },
        }
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInterface { interface } => {
                write!(f, "there is no interface {interface} (`ip link` lists them)")
            }
            Self::InterfaceName { interface } => {
                write!(f, "{interface:?} is no interface name: 1 to 15 octets without '/', space and NUL")
            }
            Self::NoAddress { interface, transport } => {
                write!(
                    f,
                    "{interface} has no address for {transport}: give it one (`ip address add ADDRESS dev {interface}`)"
                )
            }
            Self::Privilege { action, capability } => write!(
                f,
                "no privilege to {action}: needs {name}. Run as root, or give it to the program \
                 (`setcap {lower}+ep PROGRAM`), or to its systemd unit (`AmbientCapabilities={name}`)",
                name = capability.name(),
                lower = capability.name().to_ascii_lowercase(),
            ),
            Self::NoStamping { interface, lacks } => {
                write!(
                    f,
                    "{interface} lacks {lacks} (`ethtool -T {interface}` shows what it has); use software stamps"
                )
            }
            Self::NoOneStep { interface, lacks } => {
                write!(
                    f,
                    "the card of {interface} does not do {lacks} (`ethtool -T {interface}` shows its hardware transmit \
                     modes); use two-step hardware stamps (`stamping: hardware`)"
                )
            }
            Self::ForeignHeaders { transport } => {
                write!(f, "a message can be sent on by a relaying port, with headers of {transport}")
            }
            Self::NoNeighbour { address } => write!(f, "nobody is known to have the address {address}"),
            Self::MessageLength { length } => {
                write!(f, "a message of {length} octets: 1 to {} are possible", crate::MAX_MESSAGE)
            }
            Self::WrongAddress { transport, address } => {
                write!(f, "{address} is not an address of {transport}")
            }
            Self::SocketPath { path } => {
                write!(f, "{} is no path for a UNIX socket: 1 to 107 octets without NUL", path.display())
            }
            Self::Os { action, object, source } => write!(f, "cannot {action} ({object}): {source}"),
        }
    }
}

impl std::error::Error for NetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Os { source, .. } => Some(source),
            _ => None,
        }
    }
}
