use std::os::fd::{AsFd, BorrowedFd};

use ptp_net::{Destination, Interface, MessageClass, PortSockets, SocketOptions, Stamping};
use ptp_wire::{ClockIdentity, PortIdentity};

use super::Transport;
use crate::ClientError;

/// A network interface: requests go to the group of all PTP instances, so that several can answer.
#[derive(Debug)]
pub struct Network {
    sockets: PortSockets,
    identity: PortIdentity,
}

impl Network {
    /// Opens the sockets of a PTP port on an interface, without stamps.
    ///
    /// # Errors
    /// [`ClientError::Network`]: the interface is missing or has no address, or a privilege is missing.
    pub fn open(interface: &str, transport: ptp_net::Transport) -> Result<Self, ClientError> {
        let mut options = SocketOptions::new(interface, transport);
        options.stamping = Stamping::None;
        let mac = Interface::query(interface)?.mac.unwrap_or_default();
        Ok(Self { sockets: PortSockets::open(&options)?, identity: identity(mac, std::process::id()) })
    }
}

/// The interface's address with the process id in its middle: a PTP instance of this interface has the address's EUI-64, and
/// takes nothing from its own identity.
fn identity(mac: [u8; 6], pid: u32) -> PortIdentity {
    let [m0, m1, m2, m3, m4, m5] = mac;
    let [.., a, b] = pid.to_be_bytes();
    PortIdentity::new(ClockIdentity([m0, m1, m2, a, b, m3, m4, m5]), 1)
}

impl AsFd for Network {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sockets.fd(MessageClass::General)
    }
}

impl Transport for Network {
    fn identity(&self) -> PortIdentity {
        self.identity
    }

    fn send(&mut self, message: &[u8]) -> Result<(), ClientError> {
        Ok(self.sockets.send(MessageClass::General, Destination::Primary, message, None)?)
    }

    fn receive(&mut self, buf: &mut [u8]) -> Result<Option<usize>, ClientError> {
        let Some(received) = self.sockets.receive(MessageClass::General)? else { return Ok(None) };
        Ok(super::copy(received.octets, buf))
    }
}
