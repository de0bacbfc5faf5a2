//! How management messages travel.

mod network;
mod sealed;
mod uds;

use std::os::fd::AsFd;

use ptp_wire::PortIdentity;

use crate::ClientError;

pub use network::Network;
pub use sealed::{Refused, Sealed, Unauthenticated};
pub use uds::Uds;

/// A way to one or more PTP instances: datagrams, each one PTP message.
///
/// [`AsFd`] gives the socket to poll for POLLIN.
pub trait Transport: AsFd {
    /// The client's own identity on it, which keys its subscriptions.
    fn identity(&self) -> PortIdentity;

    /// Sends one message.
    ///
    /// # Errors
    /// What stands in the way, and what to do about it.
    fn send(&mut self, message: &[u8]) -> Result<(), ClientError>;

    /// Receives one message if one is waiting; never blocks.
    ///
    /// # Errors
    /// [`ClientError::Io`].
    fn receive(&mut self, buf: &mut [u8]) -> Result<Option<usize>, ClientError>;

    /// Answers to this client that were refused so far, since they are not authentic.
    fn refused(&self) -> Refused {
        Refused::default()
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn identity(&self) -> PortIdentity {
        (**self).identity()
    }

    fn send(&mut self, message: &[u8]) -> Result<(), ClientError> {
        (**self).send(message)
    }

    fn receive(&mut self, buf: &mut [u8]) -> Result<Option<usize>, ClientError> {
        (**self).receive(buf)
    }

    fn refused(&self) -> Refused {
        (**self).refused()
    }
}

/// A message into the caller's buffer; one that does not fit is none of ours.
fn copy(octets: &[u8], buf: &mut [u8]) -> Option<usize> {
    buf.get_mut(..octets.len())?.copy_from_slice(octets);
    Some(octets.len())
}
