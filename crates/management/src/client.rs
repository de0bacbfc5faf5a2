use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ptp_wire::management::{Action, Content, ErrorId, ManagementHeader, ManagementId, Payload};
use ptp_wire::{Body, Header, Message, MessageType, PortIdentity, SdoId, WireError};

use crate::{ClientError, Refused, Request, Transport};

/// How long answers are waited for, as linuxptp's pmc does.
pub const REPLY_WINDOW: Duration = Duration::from_millis(100);

/// Whom requests are addressed to, and how.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClientConfig {
    /// domainNumber.
    pub domain_number: u8,
    /// Its major part must be the instance's: 1 for gPTP.
    pub sdo_id: SdoId,
    /// How many boundary clocks a request passes.
    pub boundary_hops: u8,
    /// Whom it is for.
    pub target: PortIdentity,
    /// GETs carry no zeros in place of data.
    pub short_gets: bool,
}

impl Default for ClientConfig {
    /// Domain 0, sdoId 0, 1 hop, everyone.
    fn default() -> Self {
        Self {
            domain_number: 0,
            sdo_id: SdoId::PTP,
            boundary_hops: 1,
            target: PortIdentity::ANY,
            short_gets: false,
        }
    }
}

/// A client of PTP instances over one transport.
#[derive(Debug)]
pub struct Client<T> {
    transport: T,
    config: ClientConfig,
    sequence_id: u16,
    malformed: u64,
}

impl<T: Transport> Client<T> {
    /// Nothing is sent yet.
    pub fn new(transport: T, config: ClientConfig) -> Self {
        Self { transport, config, sequence_id: 0, malformed: 0 }
    }

    /// The own identity.
    pub fn identity(&self) -> PortIdentity {
        self.transport.identity()
    }

    /// The addressing of further requests.
    pub fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// Sends further requests to this port, clock, or [`PortIdentity::ANY`].
    pub fn set_target(&mut self, target: PortIdentity) {
        self.config.target = target;
    }

    /// Sends a request and returns the sequenceId that its replies will have. Does not wait.
    ///
    /// # Errors
    /// What stands in the way, and what to do about it. After [`ClientError::Busy`] the request can be sent again.
    pub fn send(&mut self, request: &Request<'_>) -> Result<u16, ClientError> {
        let sequence_id = self.sequence_id;
        let mut header = Header::new(MessageType::Management);
        header.sdo_id = self.config.sdo_id;
        header.domain_number = self.config.domain_number;
        header.source_port_identity = self.identity();
        header.sequence_id = sequence_id;
        let body = ManagementHeader {
            target_port_identity: self.config.target,
            starting_boundary_hops: self.config.boundary_hops,
            boundary_hops: self.config.boundary_hops,
            action: request.action,
        };
        let mut buf = [0; 1500];
        let len = request.emit(&mut buf, &header, body, self.config.short_gets)?;
        let sent = self.transport.send(buf.get(..len).unwrap_or(&[]));
        // Counted even when sending fails, so that the numbers in a script's output stay the numbers of its commands.
        if !matches!(sent, Err(ClientError::Busy)) {
            self.sequence_id = sequence_id.wrapping_add(1);
        }
        sent.map(|()| sequence_id)
    }

    /// The next reply or notification, if one is waiting; never blocks. Everything else on the socket is passed over,
    /// one datagram per call: `Ok(None)` can also mean that.
    ///
    /// # Errors
    /// [`ClientError::Io`].
    pub fn receive(&mut self) -> Result<Option<Reply>, ClientError> {
        let mut buf = [0; 2048];
        let Some(len) = self.transport.receive(&mut buf)? else { return Ok(None) };
        let octets = buf.get(..len).unwrap_or(&[]);
        if Message::parse(octets).is_err() {
            self.malformed = self.malformed.saturating_add(1);
        }
        Ok(Reply::accept(octets, self.identity(), &self.config))
    }

    /// Datagrams that came and are no PTP messages.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Answers that were refused so far, since they are not authentic.
    pub fn refused(&self) -> Refused {
        self.transport.refused()
    }

    /// Waits up to `timeout` for one reply or notification.
    ///
    /// # Errors
    /// [`ClientError::Io`].
    pub fn wait(&mut self, timeout: Duration) -> Result<Option<Reply>, ClientError> {
        let end = Instant::now() + timeout;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if !readable(self.transport.as_fd(), left)? {
                return Ok(None);
            }
            if let Some(reply) = self.receive()? {
                return Ok(Some(reply));
            }
        }
    }

    /// Sends a request and collects its replies until none has come for `window`. Notifications that come meanwhile are lost:
    /// a client with subscriptions uses [`Client::send`] and [`Client::receive`].
    ///
    /// # Errors
    /// As [`Client::send`] and [`Client::receive`].
    pub fn ask(&mut self, request: &Request<'_>, window: Duration) -> Result<Vec<Reply>, ClientError> {
        let start = Instant::now();
        let sequence_id = loop {
            match self.send(request) {
                Err(ClientError::Busy) if start.elapsed() < window => {
                    // It may wait for us to take its replies off our queue.
                    self.wait(Duration::from_millis(5))?;
                }
                sent => break sent?,
            }
        };
        let mut replies = Vec::new();
        let mut end = Instant::now() + window;
        while let Some(reply) = self.wait(end.saturating_duration_since(Instant::now()))? {
            if reply.header().sequence_id == sequence_id && reply.id() == request.id() {
                replies.push(reply);
                // Only replies prolong it: notifications may never cease.
                end = Instant::now() + window;
            }
        }
        Ok(replies)
    }
}

impl<T: Transport> AsFd for Client<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.transport.as_fd()
    }
}

/// Waits until the descriptor is readable; false after the time, or on a signal.
fn readable(fd: BorrowedFd<'_>, timeout: Duration) -> Result<bool, ClientError> {
    // Rounded up, or the last millisecond would be spent in a busy loop.
    let ms = i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    match poll(&mut fds, PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX)) {
        Ok(n) => Ok(n > 0),
        Err(nix::errno::Errno::EINTR) => Ok(false),
        Err(e) => Err(ClientError::io("poll")(e)),
    }
}

/// A received RESPONSE or ACKNOWLEDGE, or a notification (a RESPONSE that nobody asked for).
#[derive(Clone, Debug)]
pub struct Reply {
    octets: Box<[u8]>,
    header: Header,
    body: ManagementHeader,
}

impl Reply {
    /// A reply to `own` in the domain of `config`; `None` for anything else. That includes other nodes' requests, which share
    /// the network.
    pub fn accept(octets: &[u8], own: PortIdentity, config: &ClientConfig) -> Option<Self> {
        let reply = Self::parse(octets)?;
        let target = reply.body.target_port_identity;
        let ours = (target == own || target == PortIdentity::ANY)
            && reply.header.domain_number == config.domain_number
            && reply.header.sdo_id.major() == config.sdo_id.major();
        ours.then_some(reply)
    }

    /// Any reply, to whomever it is; `None` for other messages.
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let message = Message::parse(octets).ok()?;
        let Body::Management(body) = *message.body() else { return None };
        if !matches!(body.action, Action::Response | Action::Acknowledge) {
            return None;
        }
        Content::of(&message)?;
        Some(Self { header: *message.header(), body, octets: message.octets().into() })
    }

    /// The header: who sent it, and its sequenceId.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// RESPONSE or ACKNOWLEDGE.
    pub fn action(&self) -> Action {
        self.body.action
    }

    /// The management ID.
    pub fn id(&self) -> ManagementId {
        self.content().map_or(ManagementId::NULL_MANAGEMENT, |c| c.id())
    }

    /// The TLV. `Some` in every reply that [`Reply::parse`] made.
    pub fn content(&self) -> Option<Content<'_>> {
        Content::of(&Message::parse(&self.octets).ok()?)
    }

    /// The error, if it is one.
    pub fn error(&self) -> Option<ErrorId> {
        match self.content() {
            Some(Content::Error(status)) => Some(status.error),
            _ => None,
        }
    }

    /// The data is empty: of an ID that has none, or where the server had none to give.
    pub fn is_empty(&self) -> bool {
        matches!(self.content(), Some(Content::Management(tlv)) if tlv.data.is_empty())
    }

    /// The data.
    ///
    /// # Errors
    /// The server's error, or that its answer is malformed.
    pub fn payload(&self) -> Result<Payload<'_>, ReplyError> {
        match self.content() {
            Some(Content::Management(tlv)) => tlv.payload().map_err(ReplyError::Malformed),
            Some(Content::Error(status)) => Err(ReplyError::Refused(status.error)),
            None => Err(ReplyError::Malformed(WireError::Value)),
        }
    }
}

/// Why a reply has no data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReplyError {
    /// The server says so.
    Refused(ErrorId),
    /// It cannot be decoded.
    Malformed(WireError),
}

impl std::fmt::Display for ReplyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(e) => write!(f, "the server answers {e}"),
            Self::Malformed(e) => write!(f, "the server's answer is malformed: {e}"),
        }
    }
}

impl std::error::Error for ReplyError {}
