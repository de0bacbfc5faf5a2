use std::os::fd::{AsFd, BorrowedFd};

use ptp_wire::TimePoint;

use crate::batch::BATCH;
use crate::endpoint::{Endpoint, Way};
use crate::interface::Interface;
use crate::lower::Lower;
use crate::pending::Pending;
use crate::stamping::Looped;
use crate::{Address, Destination, MessageClass, NetError, SocketOptions, Stamping, stamping};

/// Asks for the stamp of a transmission.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StampRequest {
    /// The caller's name for it.
    pub token: u64,
    /// When to give it up, on the clock that the caller uses in [`PortSockets::expire`], in ns.
    pub deadline: u64,
}

/// When a message left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TxStamp {
    /// Of [`StampRequest::token`].
    pub token: u64,
    /// On CLOCK_REALTIME (UTC; software) or the card's clock (hardware).
    pub stamp: TimePoint,
}

/// A message that arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Received<'a> {
    /// The PTP message, its header first; padding and trailers may follow.
    pub octets: &'a [u8],
    /// When it arrived: on CLOCK_REALTIME (UTC; software) or on the card's clock (hardware).
    /// `None` for general messages, and for the first event messages after a start: the kernel begins to stamp a
    /// moment after the first socket of the host asks for it.
    pub stamp: Option<TimePoint>,
    /// Who sent it.
    pub source: Address,
    /// A relaying port's: it is not for this host alone, and may be sent on.
    pub passing: Option<Passing<'a>>,
}

/// How a frame is addressed that may be sent on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Passing<'a> {
    /// To whom it is, a group or another host.
    pub destination: Address,
    /// All that stands before the message: at most 62 octets.
    pub headers: &'a [u8],
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
    /// Messages that left by packet sockets ([`SocketOptions::direct`]).
    pub sent_directly: u64,
}

/// The two sockets of a PTP port. See the crate's documentation for the loop around it.
#[derive(Debug)]
pub struct PortSockets {
    event: Endpoint,
    general: Endpoint,
    pending: Pending,
    /// Of the event socket, and of the packet socket beside it.
    next_id: u32,
    next_direct: u32,
    counters: SocketCounters,
    batch: bool,
    virtual_clock: Option<u32>,
    /// Stamps that were read while sending, not given to the caller yet.
    ready: Vec<TxStamp>,
}

impl PortSockets {
    /// Opens both sockets, joins the groups, switches stamping on (with hardware stamps: the card's, too).
    /// Other programs may have the same ports open.
    ///
    /// # Errors
    /// The interface is missing or has no address, a privilege is missing, no hardware stamps, or the kernel refused.
    pub fn open(options: &SocketOptions) -> Result<Self, NetError> {
        let interface = Interface::query(&options.interface)?;
        let mut event = Endpoint::open(options, &interface, MessageClass::Event)?;
        let mut general = Endpoint::open(options, &interface, MessageClass::General)?;
        if options.stamping.is_hardware() {
            enable_cards(event.fd(), options)?;
        }
        let name = options.interface.as_str();
        if let Some(direct) = event.direct_fd()
            && stamping::enable_socket(direct, name, options.stamping, Looped::Number, options.virtual_clock)
                .is_err()
        {
            event.give_up_direct();
        }
        if general.direct_fd().is_some() && stamping::loop_frames(general.fd()).is_err() {
            general.give_up_direct();
        }
        let looped = looped(&event);
        stamping::enable_socket(event.fd(), name, options.stamping, looped, options.virtual_clock)?;
        Ok(Self {
            virtual_clock: options.virtual_clock,
            event,
            general,
            pending: Pending::new(options.max_outstanding),
            next_id: 0,
            next_direct: 0,
            counters: SocketCounters::default(),
            batch: options.batch,
            ready: Vec::new(),
        })
    }

    /// Switches stamps on in the cards below the interface ([`Lower`]), as opening does: call it when a bond's members
    /// have changed. Cards that are not active yet may fail.
    ///
    /// # Errors
    /// The active card makes no such stamps, or a privilege is missing.
    pub fn enable_cards(&self, options: &SocketOptions) -> Result<(), NetError> {
        if options.stamping.is_hardware() { enable_cards(self.event.fd(), options) } else { Ok(()) }
    }

    /// The descriptor to poll: `POLLIN | POLLPRI` for [`MessageClass::Event`], `POLLIN` for [`MessageClass::General`].
    pub fn fd(&self, class: MessageClass) -> BorrowedFd<'_> {
        match class {
            MessageClass::Event => self.event.fd(),
            MessageClass::General => self.general.fd(),
        }
    }

    /// The descriptor of a second event socket, where there is one: to be polled as that of [`MessageClass::Event`], its
    /// stamps come by [`PortSockets::completions`].
    pub fn direct_fd(&self) -> Option<BorrowedFd<'_>> {
        self.event.direct_fd()
    }

    /// Whether unicast messages leave by packet sockets ([`SocketOptions::direct`]).
    pub fn sends_directly(&self) -> bool {
        self.event.direct_fd().is_some() && self.general.direct_fd().is_some()
    }

    /// Sends a message. With a request its stamp will come by [`PortSockets::completion`], or its token by
    /// [`PortSockets::expire`]. Never waits, whether for the stamp or for the queue. Only event messages are stamped:
    /// a request for a general message expires.
    ///
    /// # Errors
    /// The message is too long, the destination is not one of the transport's, or the kernel refused
    /// (then no stamp will come, and the token will not expire).
    pub fn send(
        &mut self,
        class: MessageClass,
        destination: Destination,
        octets: &[u8],
        stamp: Option<StampRequest>,
    ) -> Result<(), NetError> {
        if self.batch {
            let endpoint = match class {
                MessageClass::Event => &mut self.event,
                MessageClass::General => &mut self.general,
            };
            let waits = endpoint.enqueue(destination, octets, stamp)?;
            let full = [Way::Ordinary, Way::Direct].into_iter().any(|way| endpoint.waiting(way) >= BATCH);
            if full || !waits {
                // What cannot wait must not overtake either.
                self.flush_class(class)?;
            }
            if waits {
                return Ok(());
            }
        }
        let sent = self.endpoint(class).send(destination, octets);
        self.sent(class, octets, stamp, sent)
    }

    /// Sends a message on with the headers that it, or what it belongs to, was received with ([`Passing::headers`]).
    /// Otherwise like [`PortSockets::send`].
    ///
    /// # Errors
    /// The message is too long, the headers are not of the transport or the port does not relay, or the kernel refused.
    pub fn send_on(
        &mut self,
        class: MessageClass,
        headers: &[u8],
        octets: &[u8],
        stamp: Option<StampRequest>,
    ) -> Result<(), NetError> {
        let sent = self.endpoint(class).send_on(headers, octets);
        self.sent(class, octets, stamp, sent)
    }

    /// It hears what is for others ([`SocketOptions::relay`]).
    pub const fn relays(&self) -> bool {
        self.event.relays()
    }

    const fn endpoint(&self, class: MessageClass) -> &Endpoint {
        match class {
            MessageClass::Event => &self.event,
            MessageClass::General => &self.general,
        }
    }

    /// Awaits the stamp of what was sent.
    fn sent(
        &mut self,
        class: MessageClass,
        octets: &[u8],
        stamp: Option<StampRequest>,
        sent: Result<(), NetError>,
    ) -> Result<(), NetError> {
        match (&sent, class) {
            (Ok(()), MessageClass::Event) => {
                if let Some(request) = stamp {
                    self.pending.insert(
                        request.token,
                        request.deadline,
                        id(Way::Ordinary, self.next_id),
                        octets,
                    );
                }
                self.next_id = self.next_id.wrapping_add(1);
            }
            (Ok(()), MessageClass::General) => {}
            (
                Err(
                    NetError::MessageLength { .. }
                    | NetError::WrongAddress { .. }
                    | NetError::NoNeighbour { .. }
                    | NetError::ForeignHeaders { .. },
                ),
                _,
            ) => {}
            (Err(_), MessageClass::General) => bump(&mut self.counters.send_errors),
            (Err(_), MessageClass::Event) => {
                bump(&mut self.counters.send_errors);
                self.resynchronise();
            }
        }
        sent
    }

    /// Whether messages wait for [`PortSockets::flush`], and many may be read at a time ([`SocketOptions::batch`]).
    pub const fn is_batch(&self) -> bool {
        self.batch
    }

    /// Sends what waits. Call it when there is nothing more to send for now. What the kernel refuses is counted
    /// ([`SocketCounters::send_errors`]), its token expires, and the first of such errors is returned.
    ///
    /// # Errors
    /// The kernel refused at least one message; the others are sent.
    pub fn flush(&mut self) -> Result<(), NetError> {
        let event = self.flush_class(MessageClass::Event);
        self.flush_class(MessageClass::General).and(event)
    }

    fn flush_class(&mut self, class: MessageClass) -> Result<(), NetError> {
        // What asks the kernel for the way goes first.
        let ordinary = self.flush_way(class, Way::Ordinary);
        if self.endpoint(class).waiting(Way::Direct) == 0 {
            return ordinary;
        }
        ordinary.and(self.flush_way(class, Way::Direct))
    }

    fn flush_way(&mut self, class: MessageClass, way: Way) -> Result<(), NetError> {
        let Self { event, general, pending, next_id, next_direct, counters, .. } = self;
        let waiting = match class {
            MessageClass::Event => event.waiting(way),
            MessageClass::General => general.waiting(way),
        };
        let next = match way {
            Way::Ordinary => next_id,
            Way::Direct => next_direct,
        };
        let mut failed = Ok(());
        match class {
            MessageClass::Event => event.flush(way, |frame, result| match result {
                Ok(()) => {
                    if let Some(request) = frame.stamp {
                        pending.insert(request.token, request.deadline, id(way, *next), frame.frame());
                    }
                    *next = next.wrapping_add(1);
                    bump_if(way == Way::Direct, &mut counters.sent_directly);
                }
                Err(e) => {
                    bump(&mut counters.send_errors);
                    failed = Err(e);
                    if let Some(request) = frame.stamp {
                        pending.give_up(request.token);
                    }
                }
            }),
            MessageClass::General => {
                general.flush(way, |_, result| match result {
                    Ok(()) => bump_if(way == Way::Direct, &mut counters.sent_directly),
                    Err(_) => {
                        bump(&mut counters.send_errors);
                        failed = result;
                    }
                });
                if waiting > 0 && way == Way::Ordinary {
                    failed = self.read_looped().map(drop).and(failed);
                }
            }
        }
        if class == MessageClass::Event {
            // Stamps share the socket's receive buffer with messages: left there, they would push each other out.
            if !self.pending.is_empty() && (waiting > 0 || way == Way::Ordinary) {
                failed = self.read_stamps(way).map(drop).and(failed);
            }
            if failed.is_err() {
                self.resynchronise();
            }
        }
        failed
    }

    /// Reads up to 64 messages with one call, in the order of their arrival. True: there may be more.
    /// Only of batch ports ([`PortSockets::is_batch`]).
    ///
    /// # Errors
    /// As of [`PortSockets::receive`].
    pub fn receive_many(
        &mut self,
        class: MessageClass,
        mut each: impl FnMut(Received<'_>),
    ) -> Result<bool, NetError> {
        if class == MessageClass::General {
            self.read_looped()?;
        }
        let Self { event, general, counters, .. } = self;
        let endpoint = match class {
            MessageClass::Event => event,
            MessageClass::General => general,
        };
        let read = endpoint.read_many(Way::Ordinary, 0, counters, |endpoint, room, counters| {
            if let Some(received) = endpoint.received(room, counters) {
                each(received);
            }
        })?;
        Ok(read >= BATCH)
    }

    /// Reads up to 64 stamps with one call, and gives those first that were read while sending. True: there may be
    /// more. Only of batch ports. Call it after [`PortSockets::flush`] while [`PortSockets::has_stamps`], and for each
    /// `POLLPRI` or `POLLERR`.
    ///
    /// # Errors
    /// As of [`PortSockets::completion`].
    pub fn completions(&mut self, mut each: impl FnMut(TxStamp)) -> Result<bool, NetError> {
        self.ready.drain(..).for_each(&mut each);
        let read = self.read_stamps(Way::Ordinary)?.max(self.read_stamps(Way::Direct)?);
        self.ready.drain(..).for_each(each);
        if read == 0 && self.event.take_error().is_some() {
            bump(&mut self.counters.network_errors);
        }
        Ok(read >= BATCH)
    }

    /// Stamps were read while sending: [`PortSockets::completions`] gives them without a report by poll.
    pub fn has_stamps(&self) -> bool {
        !self.ready.is_empty()
    }

    /// One batch of what the socket of general messages looped back: headers for those that follow.
    fn read_looped(&mut self) -> Result<usize, NetError> {
        if self.general.direct_fd().is_none() {
            return Ok(0);
        }
        let Self { general, counters, .. } = self;
        general.read_many(Way::Ordinary, libc::MSG_ERRQUEUE, counters, |endpoint, room, counters| {
            if room.control.parse().network_error {
                return bump(&mut counters.network_errors);
            }
            endpoint.learn(room);
        })
    }

    /// One batch of the error queue, into `ready`.
    fn read_stamps(&mut self, way: Way) -> Result<usize, NetError> {
        let Self { event, pending, counters, ready, .. } = self;
        let stamping = event.stamping();
        event.read_many(way, libc::MSG_ERRQUEUE, counters, |endpoint, room, counters| {
            let stamps = room.control.parse();
            if stamps.network_error {
                return bump(&mut counters.network_errors);
            }
            if way == Way::Ordinary {
                endpoint.learn(room);
            }
            let token = stamps.id.and_then(|number| pending.take_id(id(way, number)));
            let stamp = match stamping {
                Stamping::Software => stamps.software,
                Stamping::Hardware | Stamping::OneStep | Stamping::P2pOneStep => stamps.hardware,
                Stamping::None => None,
            };
            match (token, stamp) {
                (Some(token), Some(stamp)) => {
                    bump(&mut counters.stamps);
                    ready.push(TxStamp { token, stamp });
                }
                _ => bump(&mut counters.stamps_stale),
            }
        })
    }

    /// Whether the kernel counted a failed transmission is its secret. So both begin to count anew; what is still
    /// outstanding cannot be told any more, and is given up.
    fn resynchronise(&mut self) {
        let (stamping, clock) = (self.event.stamping(), self.virtual_clock);
        if stamping != Stamping::None {
            if stamping::restart_ids(self.event.fd(), stamping, looped(&self.event), clock).is_ok() {
                self.next_id = 0;
            }
            if let Some(direct) = self.event.direct_fd()
                && stamping::restart_ids(direct, stamping, Looped::Number, clock).is_ok()
            {
                self.next_direct = 0;
            }
        }
        self.pending.give_up_all();
    }

    /// Reads one message. Call it once for each `POLLIN` (and once for a `POLLERR` of the general socket).
    /// `None`: there was none, or it was dropped and counted.
    ///
    /// # Errors
    /// The socket broke, as with a removed interface. Open it again.
    pub fn receive(&mut self, class: MessageClass) -> Result<Option<Received<'_>>, NetError> {
        match class {
            MessageClass::Event => self.event.receive(&mut self.counters),
            MessageClass::General => self.general.receive(&mut self.counters),
        }
    }

    /// Reads one entry of the event socket's error queue. Call it once for each `POLLPRI` or `POLLERR`.
    /// `None`: it was empty, or held something else, which was counted.
    ///
    /// # Errors
    /// The socket broke.
    pub fn completion(&mut self) -> Result<Option<TxStamp>, NetError> {
        match self.read_completion()? {
            Found::Stamp(stamp) => Ok(Some(stamp)),
            Found::Other => Ok(None),
            Found::Nothing => {
                if self.event.take_error().is_some() {
                    bump(&mut self.counters.network_errors);
                }
                Ok(None)
            }
        }
    }

    /// Looks once, without waiting, whether the stamp of what was just sent is there already.
    /// Call it after each successful [`PortSockets::send`] of an event message, before anything else is sent on the
    /// event socket: simulators keep only the last one's stamp. What it returns may belong to an earlier message.
    ///
    /// # Errors
    /// The socket broke.
    pub fn completion_after_send(&mut self) -> Result<Option<TxStamp>, NetError> {
        match self.read_completion()? {
            Found::Stamp(stamp) => Ok(Some(stamp)),
            Found::Other | Found::Nothing => Ok(None),
        }
    }

    fn read_completion(&mut self) -> Result<Found, NetError> {
        let stamping = self.event.stamping();
        if stamping == Stamping::None {
            // Simulators take an error queue that nobody filled for the ordinary one.
            return Ok(Found::Nothing);
        }
        let Some((stamps, frame)) = self.event.error_queue(&mut self.counters)? else {
            return Ok(Found::Nothing);
        };
        if stamps.network_error {
            bump(&mut self.counters.network_errors);
            return Ok(Found::Other);
        }
        // Without its frame a transmission is known by its number; with it, by the frame, since simulators have no
        // numbers of their own.
        let token = if frame.is_empty() {
            stamps.id.and_then(|number| self.pending.take_id(id(Way::Ordinary, number)))
        } else {
            self.pending.take_frame(frame)
        };
        let stamp = match stamping {
            Stamping::Software => stamps.software,
            Stamping::Hardware | Stamping::OneStep | Stamping::P2pOneStep => stamps.hardware,
            Stamping::None => None,
        };
        match (token, stamp) {
            (Some(token), Some(stamp)) => {
                bump(&mut self.counters.stamps);
                Ok(Found::Stamp(TxStamp { token, stamp }))
            }
            _ => {
                bump(&mut self.counters.stamps_stale);
                Ok(Found::Other)
            }
        }
    }

    /// When the first outstanding stamp is given up; `None` if none is outstanding.
    pub fn next_deadline(&self) -> Option<u64> {
        self.pending.next_deadline()
    }

    /// Gives up one outstanding stamp whose deadline has come, and says its token. Call it until it gives `None`.
    /// A token that had to make place for a newer one, or was outstanding when a transmission failed, is given up here,
    /// too.
    pub fn expire(&mut self, now: u64) -> Option<u64> {
        let token = self.pending.expire(now)?;
        bump(&mut self.counters.stamps_lost);
        Some(token)
    }

    /// What happened so far.
    pub const fn counters(&self) -> SocketCounters {
        self.counters
    }
}

/// In the card that stamps now, and in those that may have to.
fn enable_cards(fd: BorrowedFd<'_>, options: &SocketOptions) -> Result<(), NetError> {
    let lower = Lower::query(&options.interface);
    for name in lower.cards() {
        let done = Interface::query(name).and_then(|card| {
            if !card.stamping.hardware() {
                return Err(NetError::NoStamping { interface: card.name, lacks: "hardware stamps" });
            }
            if !stamping::card_can(&card.stamping, options.stamping) {
                let lacks = stamping::one_step_of(options.stamping);
                return Err(NetError::NoOneStep { interface: card.name, lacks });
            }
            stamping::enable_card(fd, name, options.transport, options.stamping)
        });
        if name == lower.stamps {
            done?;
        }
    }
    Ok(())
}

impl AsFd for PortSockets {
    /// The event socket.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.fd()
    }
}

/// A socket for general messages only, without stamps: a management client's.
#[derive(Debug)]
pub struct GeneralSocket {
    endpoint: Endpoint,
    counters: SocketCounters,
}

impl GeneralSocket {
    /// Opens it and joins the groups. Other programs, such as a daemon, may have the same port open.
    ///
    /// # Errors
    /// The interface is missing or has no address, a privilege is missing, or the kernel refused.
    pub fn open(options: &SocketOptions) -> Result<Self, NetError> {
        let interface = Interface::query(&options.interface)?;
        let options = SocketOptions { stamping: Stamping::None, ..options.clone() };
        let endpoint = Endpoint::open(&options, &interface, MessageClass::General)?;
        Ok(Self { endpoint, counters: SocketCounters::default() })
    }

    /// Sends a message, without waiting.
    ///
    /// # Errors
    /// The message is too long, the destination is not one of the transport's, or the kernel refused.
    pub fn send(&mut self, destination: Destination, octets: &[u8]) -> Result<(), NetError> {
        self.endpoint.send(destination, octets).inspect_err(|_| bump(&mut self.counters.send_errors))
    }

    /// Reads one message, without waiting. Call it once for each `POLLIN` or `POLLERR`.
    ///
    /// # Errors
    /// The socket broke.
    pub fn receive(&mut self) -> Result<Option<Received<'_>>, NetError> {
        self.endpoint.receive(&mut self.counters)
    }

    /// What happened so far.
    pub const fn counters(&self) -> SocketCounters {
        self.counters
    }
}

impl AsFd for GeneralSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.endpoint.fd()
    }
}

enum Found {
    Stamp(TxStamp),
    Other,
    Nothing,
}

/// The kernel numbers the transmissions of each socket for itself.
const fn id(way: Way, number: u32) -> u64 {
    match way {
        Way::Ordinary => number as u64,
        Way::Direct => 1 << 32 | number as u64,
    }
}

/// What the event socket has to tell beside stamps.
fn looped(event: &Endpoint) -> Looped {
    if event.direct_fd().is_some() { Looped::Frame } else { Looped::Number }
}

fn bump_if(so: bool, counter: &mut u64) {
    *counter = counter.saturating_add(so.into());
}

fn bump(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
