use std::os::fd::{AsFd, BorrowedFd};

use ptp_wire::TimePoint;

use crate::{Address, Destination, MessageClass, NetError, SocketOptions};

/// Asks for the stamp of a transmission.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StampRequest {
    /// The caller's name for it.
    pub token: u32,
    /// When to give it up, on the clock that the caller uses in [`PortSockets::expire`], in ns.
    pub deadline: u64,
}

/// When a message left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TxStamp {
    /// Of [`StampRequest::token`].
    pub token: u32,
    /// On CLOCK_REALTIME (UTC; software) or the card's clock (hardware).
    pub stamp: TimePoint,
}

/// A message that arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Received<'a> {
    /// The PTP message, its header first; padding and trailers may follow.
    pub octets: &'a [u8],
    /// When it arrived: on CLOCK_REALTIME (UTC; software) or on the card's clock (hardware).
    pub stamp: Option<TimePoint>,
    /// Who sent it.
    pub source: Address,
}

/// What happened on a port's sockets beside plain messages. All counters only grow.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SocketCounters {
    /// Stamps that came back and were matched.
    pub stamps: u64,
    /// Stamps that did not come in time.
    pub stamps_lost: u64,
    /// Stamps that matched nothing: late, or of messages that nobody asked for.
    pub stamps_stale: u64,
    /// Event messages that arrived without a stamp.
    pub unstamped: u64,
    /// Errors that the network reported (ICMP unreachable and the like).
    pub network_errors: u64,
    /// Frames that were dropped: too short, too long, not PTP, our own.
    pub dropped: u64,
    /// Messages that the kernel refused to send.
    pub send_errors: u64,
}

/// The two sockets of a PTP port. See the crate's documentation for the loop around it.
#[derive(Debug)]
pub struct PortSockets {}

impl PortSockets {
    /// Opens both sockets, joins the groups, switches stamping on (with hardware stamps: the card's, too).
    ///
    /// # Errors
    /// The interface is missing or has no address, a privilege is missing, no hardware stamps, or the kernel refused.
    pub fn open(_options: &SocketOptions) -> Result<Self, NetError> {
        unimplemented!()
    }

    /// The descriptor to poll: `POLLIN | POLLPRI` for [`MessageClass::Event`], `POLLIN` for [`MessageClass::General`].
    pub fn fd(&self, _class: MessageClass) -> BorrowedFd<'_> {
        unimplemented!()
    }

    /// Sends a message. With a request its stamp will come by [`PortSockets::completion`], or its token by
    /// [`PortSockets::expire`]. Never waits, whether for the stamp or for the queue.
    ///
    /// # Errors
    /// The message is too long, the destination is not one of the transport's, or the kernel refused
    /// (then no stamp will come, and the token will not expire).
    pub fn send(
        &mut self,
        _class: MessageClass,
        _destination: Destination,
        _octets: &[u8],
        _stamp: Option<StampRequest>,
    ) -> Result<(), NetError> {
        unimplemented!()
    }

    /// Reads one message. Call it once for each `POLLIN`. `None`: there was none, or it was dropped and counted.
    ///
    /// # Errors
    /// The socket broke, as with a removed interface. Open it again.
    pub fn receive(&mut self, _class: MessageClass) -> Result<Option<Received<'_>>, NetError> {
        unimplemented!()
    }

    /// Reads one entry of the event socket's error queue. Call it once for each `POLLPRI` or `POLLERR`.
    /// `None`: it was empty, or held something else, which was counted.
    ///
    /// # Errors
    /// The socket broke.
    pub fn completion(&mut self) -> Result<Option<TxStamp>, NetError> {
        unimplemented!()
    }

    /// Looks once, without waiting, whether the stamp of what was just sent is there already.
    /// Call it after each [`PortSockets::send`] with a stamp, before anything else is sent on the event socket.
    ///
    /// # Errors
    /// The socket broke.
    pub fn completion_after_send(&mut self) -> Result<Option<TxStamp>, NetError> {
        unimplemented!()
    }

    /// When the first outstanding stamp is given up; `None` if none is outstanding.
    pub fn next_deadline(&self) -> Option<u64> {
        unimplemented!()
    }

    /// Gives up one outstanding stamp whose deadline has come, and says its token. Call it until it gives `None`.
    /// A token that had to make place for a newer one is given up here, too.
    pub fn expire(&mut self, _now: u64) -> Option<u32> {
        unimplemented!()
    }

    /// What happened so far.
    pub fn counters(&self) -> SocketCounters {
        unimplemented!()
    }
}

impl AsFd for PortSockets {
    /// The event socket.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd(MessageClass::Event)
    }
}
