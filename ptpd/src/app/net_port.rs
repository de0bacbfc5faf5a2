//! One port's sockets: opened when the interface is there, closed when it goes, tried again.

use ptp_daemon::NOTICE;
use ptp_net::{
    Interface, LinkState, Lower, NetError, PortSockets, SocketOptions, StampRequest, Stamping, link_state,
};
use ptp_wire::PortNumber;
use ptpd::engine::{self, DownCause, Envelope, FrameHeaders};
use tracing::{debug, info, warn};

use ptpd::host::Network;

/// How often a port that does not open is tried again without news of its link.
const RETRY_NS: u64 = 1_000_000_000;

/// Stamps that may be awaited of messages that pass.
const MAX_TRANSITS: u16 = 1024;

/// What became of a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    Up,
    Down(DownCause),
    /// Another card makes the stamps, or may.
    Card,
}

/// A port of an instance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct User {
    /// Its place in the daemon's list.
    pub(crate) instance: usize,
    pub(crate) port: PortNumber,
}

pub(crate) struct NetPort {
    /// Whose sockets these are: of several instances, whose domains differ.
    users: Vec<User>,
    network: Network,
    stamping: Stamping,
    /// The virtual clock its stamps are told in.
    bound: Option<u32>,
    /// What lies below the interface.
    lower: Lower,
    sockets: Option<PortSockets>,
    retry_at: Option<u64>,
    opened_at: u64,
    /// What was last said about why it is not open, to say it once.
    said: Option<String>,
}

impl NetPort {
    pub(crate) fn new(user: User, network: Network, stamping: Stamping, bound: Option<u32>) -> Self {
        let users = vec![user];
        let lower = Lower::default();
        Self {
            users,
            network,
            stamping,
            bound,
            lower,
            sockets: None,
            retry_at: Some(0),
            opened_at: 0,
            said: None,
        }
    }

    /// Another instance's port takes part, if its sockets would be the same.
    pub(crate) fn share(
        &mut self,
        user: User,
        network: &Network,
        stamping: Stamping,
        bound: Option<u32>,
    ) -> bool {
        let same = self.stamping == stamping && self.bound == bound && self.network.shares(network);
        if same {
            self.network.batch |= network.batch;
            self.network.direct |= network.direct;
            self.users.push(user);
        }
        same
    }

    /// The card makes the stamps.
    pub(crate) fn is_hardware(&self) -> bool {
        self.stamping.is_hardware()
    }

    /// The stamps are told in the time of a virtual clock.
    pub(crate) fn is_bound(&self) -> bool {
        self.bound.is_some()
    }

    /// News of a device, or of any: whether another card makes the stamps now, as when a bond's active member changed.
    pub(crate) fn card_changed(&mut self, device: Option<&str>) -> bool {
        if self.sockets.is_none() || device.is_some_and(|d| !self.lower.concerns(d)) {
            return false;
        }
        let lower = Lower::query(&self.network.interface);
        let changed = lower != self.lower;
        if lower.stamps != self.lower.stamps {
            info!("{}: {} is active now, was {}", self.title(), lower.stamps, self.lower.stamps);
        }
        self.lower = lower;
        changed
    }

    /// Has the cards below make stamps.
    pub(crate) fn enable_cards(&self) {
        if let Some(sockets) = &self.sockets
            && let Err(e) = sockets.enable_cards(&self.options())
        {
            warn!("{}: {e}", self.title());
        }
    }

    /// What its sockets count; `None`: they are not open.
    pub(crate) fn counters(&self) -> Option<ptp_net::SocketCounters> {
        self.sockets.as_ref().map(PortSockets::counters)
    }

    /// Whose sockets these are.
    pub(crate) fn users(&self) -> &[User] {
        &self.users
    }

    /// For messages: `port 1 (eth0)`.
    pub(crate) fn title(&self) -> String {
        match self.users.as_slice() {
            [User { port, .. }] => format!("port {port} ({})", self.network.interface),
            _ => self.network.interface.clone(),
        }
    }

    /// What receiving takes: the sockets, whose they are, the groups' addresses, and whether what is for others is heard.
    #[expect(clippy::type_complexity, reason = "it is taken apart at once")]
    pub(crate) fn receiving(
        &mut self,
    ) -> Option<(&mut PortSockets, &[User], ((ptp_net::Address, ptp_net::Address), bool))> {
        let way = (self.groups(), self.relays());
        Some((self.sockets.as_mut()?, &self.users, way))
    }

    /// The rate of its link, in bits per second.
    pub(crate) fn link_rate(&self) -> Option<u64> {
        // Of a bond, that of the member that sends.
        Interface::link_rate(&self.lower.stamps)
    }

    pub(crate) fn interface(&self) -> &str {
        &self.network.interface
    }

    pub(crate) fn sockets(&self) -> Option<&PortSockets> {
        self.sockets.as_ref()
    }

    pub(crate) fn sockets_mut(&mut self) -> Option<&mut PortSockets> {
        self.sockets.as_mut()
    }

    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.sockets.as_ref().and_then(PortSockets::next_deadline).or(self.retry_at)
    }

    /// Opens the sockets if the interface is there and its link is up.
    pub(crate) fn try_open(&mut self, now_ns: u64) -> Option<Change> {
        if self.sockets.is_some() || self.retry_at.is_none_or(|at| now_ns < at) {
            return None;
        }
        self.retry_at = Some(now_ns + RETRY_NS);
        let name = self.network.interface.clone();
        match link_state(&name) {
            Ok(LinkState::Gone) => {
                self.say(format!("{name}: there is no such interface; waiting for it to appear"));
                return None;
            }
            // Told already when it went down.
            Ok(LinkState::Down) if self.opened_at > 0 => return None,
            Ok(LinkState::Down) => {
                self.say(format!("{name}: the link is down; waiting for it"));
                return None;
            }
            // Where the state cannot be asked for (simulators), opening tells.
            Ok(LinkState::Up) | Err(_) => {}
        }
        match self.open() {
            Ok(sockets) => {
                self.lower = Lower::query(&name);
                if self.network.direct && !sockets.sends_directly() {
                    let what = "unicast_direct has no effect here (it takes UDP/IPv4, no one-step stamps, CAP_NET_RAW, and \
                                net.core.tstamp_allow_data = 1)";
                    info!(target: NOTICE, "{}: {what}", self.title());
                }
                self.sockets = Some(sockets);
                self.retry_at = None;
                self.opened_at = now_ns;
                self.said = None;
                debug!("{} is open", self.title());
                Some(Change::Up)
            }
            Err(e) => {
                self.say(format!("{} cannot be opened: {e}", self.title()));
                None
            }
        }
    }

    /// Whether opening fails for want of a privilege, or because the card cannot do what is asked for: waiting will not help.
    pub(crate) fn privilege_missing(&self) -> Option<NetError> {
        match self.open() {
            Err(e @ (NetError::Privilege { .. } | NetError::NoOneStep { .. })) => Some(e),
            _ => None,
        }
    }

    fn open(&self) -> Result<PortSockets, NetError> {
        let options = self.options();
        match PortSockets::open(&options) {
            // No packet sockets, as in simulators: then groups' messages pass, and nothing else.
            Err(e) if options.relay && e.is_unsupported() => {
                debug!("{e}: only multicast messages pass");
                PortSockets::open(&SocketOptions { relay: false, ..options })
            }
            result => result,
        }
    }

    fn options(&self) -> SocketOptions {
        let n = &self.network;
        let mut options = SocketOptions::new(&n.interface, n.transport);
        options.stamping = self.stamping;
        options.primary = n.primary;
        options.peer_delay = n.peer_delay;
        options.ttl = n.ttl;
        options.dscp_event = n.dscp_event;
        options.dscp_general = n.dscp_general;
        options.socket_priority = n.socket_priority;
        options.relay = n.relay;
        if n.relay {
            options.max_outstanding = MAX_TRANSITS;
        }
        options.virtual_clock = self.bound;
        options.batch = n.batch && !n.relay;
        if options.batch {
            options.max_outstanding = 8192;
            options.direct = n.direct;
        }
        options
    }

    fn say(&mut self, text: String) {
        if self.said.as_ref() != Some(&text) {
            warn!("{text}");
            self.said = Some(text);
        }
    }

    /// News of the link.
    pub(crate) fn link(&mut self, state: LinkState) -> Option<Change> {
        match (state, self.sockets.is_some()) {
            (LinkState::Up, false) => {
                info!(target: NOTICE, "{}: link up", self.title());
                self.retry_at = Some(0);
                None
            }
            (LinkState::Down | LinkState::Gone, true) => {
                let what = if state == LinkState::Gone { "interface gone" } else { "link down" };
                info!(target: NOTICE, "{}: {what}", self.title());
                self.close(0);
                Some(Change::Down(DownCause::Link))
            }
            _ => None,
        }
    }

    /// A socket broke. It is opened again at once, but one that does not last is given some time.
    pub(crate) fn broken(&mut self, now_ns: u64, e: &NetError) -> Change {
        warn!("{}: {e}; it is opened again", self.title());
        self.close(self.opened_at.saturating_add(self.network.retry_ns).max(now_ns));
        Change::Down(DownCause::Fault)
    }

    /// Its stamps are of a clock that cannot be had: nothing it measures means anything. Tried again after some time.
    pub(crate) fn without_clock(&mut self, now_ns: u64) -> Change {
        self.close(now_ns.saturating_add(self.network.retry_ns));
        Change::Down(DownCause::Fault)
    }

    fn close(&mut self, retry_at: u64) {
        self.sockets = None;
        self.retry_at = Some(retry_at);
    }

    /// Sends; `Ok(Some)` is a stamp that came at once.
    pub(crate) fn send(
        &mut self,
        class: engine::MessageClass,
        destination: engine::Destination,
        octets: &[u8],
        stamp: Option<StampRequest>,
    ) -> Result<Option<ptp_net::TxStamp>, NetError> {
        let Some(sockets) = &mut self.sockets else { return Ok(None) };
        let wants = stamp.is_some() && !sockets.is_batch();
        sockets.send(class, destination, octets, stamp)?;
        if wants { sockets.completion_after_send() } else { Ok(None) }
    }

    /// Sends on what passed; otherwise like [`NetPort::send`].
    pub(crate) fn send_on(
        &mut self,
        class: engine::MessageClass,
        envelope: &Envelope,
        octets: &[u8],
        stamp: Option<StampRequest>,
    ) -> Result<Option<ptp_net::TxStamp>, NetError> {
        let headers = envelope.headers.as_slice();
        if headers.is_empty() {
            return self.send(class, envelope.destination, octets, stamp);
        }
        let Some(sockets) = &mut self.sockets else { return Ok(None) };
        let wants = stamp.is_some();
        sockets.send_on(class, headers, octets, stamp)?;
        if wants { sockets.completion_after_send() } else { Ok(None) }
    }

    /// It hears what is for others.
    fn relays(&self) -> bool {
        self.sockets.as_ref().is_some_and(PortSockets::relays)
    }

    /// The addresses of this port's groups: all messages but peer delay's, peer delay's.
    const fn groups(&self) -> (ptp_net::Address, ptp_net::Address) {
        (self.network.primary, self.network.peer_delay)
    }
}

/// The message has its unicastFlag set (1588-2019 13.3.2.8).
pub(crate) fn says_unicast(octets: &[u8]) -> bool {
    octets.get(6).is_some_and(|flags| flags & 0x04 != 0)
}

/// How a frame is addressed that may be sent on, as the engine knows it. `groups`: of the port it came in.
pub(crate) fn envelope(
    source: engine::Address,
    passing: ptp_net::Passing<'_>,
    groups: (ptp_net::Address, ptp_net::Address),
) -> Option<Envelope> {
    let (primary, peer_delay) = groups;
    let destination = if passing.destination == primary {
        engine::Destination::Primary
    } else if passing.destination == peer_delay {
        engine::Destination::PeerDelay
    } else {
        engine::Destination::Unicast(passing.destination)
    };
    Some(Envelope { source, destination, headers: FrameHeaders::new(passing.headers)? })
}

/// The interface's MAC and protocol address, for CLOCK_DESCRIPTION.
pub(crate) fn describe(interface: &Interface, port: &mut engine::PortConfig) {
    if let Some(mac) = interface.mac {
        port.mac = mac;
    }
    port.protocol_address = match port.transport {
        engine::Transport::UdpIpv4 => interface.ipv4.first().map_or(vec![0; 4], |a| a.octets().to_vec()),
        engine::Transport::UdpIpv6 => interface.ipv6.first().map_or(vec![0; 16], |a| a.octets().to_vec()),
        engine::Transport::Ethernet => port.mac.to_vec(),
    };
}
