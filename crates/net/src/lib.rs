//! PTP sockets, time stamps and link state on Linux.
//!
//! [`PortSockets`] is one PTP port's pair of sockets (event and general, IEEE 1588-2019 annexes C, D, E) over UDP/IPv4,
//! UDP/IPv6 or Ethernet, with software or hardware stamps. Nothing in it ever waits: the caller polls the descriptors,
//! reads once per report, and gets transmit stamps back as [`TxStamp`]s that name the caller's own token.
//! [`LocalSocket`] is the datagram UNIX socket of the management server, [`LinkMonitor`] tells of links that
//! come and go, and [`Interface`] says what a network interface is and can do.
//!
//! # The caller's loop
//!
//! 1. One `poll()` over all descriptors: `POLLIN` for each, and `POLLIN | POLLPRI` for event sockets.
//! 2. `POLLIN`: one call of [`PortSockets::receive`]. `POLLPRI` or `POLLERR`: one call of
//!    [`PortSockets::completion`]. Never twice for one report: under simulators of the network the second would find
//!    nothing to wait for.
//! 3. After each [`PortSockets::send`] with a stamp, and before anything else is sent on that socket:
//!    [`PortSockets::completion_after_send`]. It looks once, without waiting. Where the stamp is there at once (software
//!    stamps on most links, simulators) it is returned; where it is not, it comes by step 2 and the caller goes on.
//! 4. At [`PortSockets::next_deadline`]: [`PortSockets::expire`] until it gives `None`.
//!
//! A port that serves many unicast clients sets [`SocketOptions::batch`]: then what is sent waits for
//! [`PortSockets::flush`], and [`PortSockets::receive_many`] and [`PortSockets::completions`] read many at a time. With
//! [`SocketOptions::direct`] there is one more descriptor to poll ([`PortSockets::direct_fd`]).
//!
//! ```no_run
//! use ptp_net::{Destination, MessageClass, PortSockets, SocketOptions, StampRequest, Transport};
//!
//! let mut sockets = PortSockets::open(&SocketOptions::new("eth0", Transport::UdpIpv4))?;
//! let sync = [0u8; 44];
//! let request = StampRequest { token: 1, deadline: 50_000_000 };
//! sockets.send(MessageClass::Event, Destination::Primary, &sync, Some(request))?;
//! if let Some(done) = sockets.completion_after_send()? {
//!     println!("token {} left at {}", done.token, done.stamp);
//! }
//! # Ok::<(), ptp_net::NetError>(())
//! ```

mod batch;
mod control;
mod direct;
mod endpoint;
mod error;
mod ethernet;
mod interface;
mod link;
mod local;
mod lower;
mod name;
mod options;
mod pending;
mod relay;
mod sockets;
mod stamping;
mod sys;

pub use error::{Capability, NetError};
pub use interface::{Interface, StampingInfo};
pub use link::{LinkEvent, LinkMonitor, LinkState, link_state};
pub use local::{LocalReceived, LocalSocket};
pub use lower::Lower;
pub use options::{MAX_MESSAGE, SocketOptions, Stamping};
pub use ptp_wire::{Address, Destination, MessageClass, Transport};
pub use sockets::{GeneralSocket, Passing, PortSockets, Received, SocketCounters, StampRequest, TxStamp};
pub use stamping::CardStamping;
