//! The ways of messages through a transparent clock, type by type.

use ptp_wire::{
    Body, ClockIdentity, Flags, Header, MessageType, PortIdentity, PortNumber, TimeInterval, TimePoint,
    Timestamp, Writer,
};

use super::super::outbox::{Outbox, Transit};
use super::super::port::Port;
use super::super::stats::DropCause;
use super::super::transmit::Sent;
use super::super::{Destination, Envelope, FrameHeaders, InstanceKind, MessageClass, TxToken};
use super::correlation::{Correlation, Key, Kind, Released, Second, Ticket};
use super::tree::count_step;
use super::{Passing, Transparent, Way};

/// Where fields are in a message (1588-2019 13.3.1, 13.6.1).
const FLAGS: usize = 6;
const CORRECTION: core::ops::Range<usize> = 8..16;
const ORIGIN_TIMESTAMP: core::ops::Range<usize> = 34..44;

fn add_correction(octets: &mut [u8], more: TimeInterval) {
    let Some(field) = octets.get_mut(CORRECTION) else { return };
    let Some(now) = field.first_chunk::<8>().map(|f| i64::from_be_bytes(*f)) else { return };
    // "Too big to tell" stays so (13.3.2.9).
    let sum = if now == i64::MAX { now } else { now.saturating_add(more.0) };
    field.copy_from_slice(&sum.to_be_bytes());
}

fn set_two_step(octets: &mut [u8]) {
    if let Some(flags) = octets.get_mut(FLAGS) {
        *flags |= (Flags::TWO_STEP.0 >> 8) as u8;
    }
}

impl Way<'_> {
    pub(super) fn count_unmatched(self) {
        for (port, table) in self.ports.iter_mut().zip(&mut self.tables.egress) {
            let unmatched = table.take_unmatched();
            port.stats.dropped[DropCause::Unmatched as usize] += unmatched;
        }
    }

    fn drop(&mut self, passing: &Passing<'_>, cause: DropCause) {
        if let Some(port) = self.ports.get_mut(passing.ingress) {
            port.stats.drop(cause);
        }
    }

    fn is_p2p(&self) -> bool {
        self.instance.config.kind == InstanceKind::TransparentP2p
    }

    /// It speaks to the instance that this clock is, and not only through it.
    pub(super) fn is_ours(&self, header: &Header) -> bool {
        let config = &self.instance.config;
        header.domain_number == config.domain_number && header.sdo_id.major() == config.sdo_id.major()
    }

    pub(super) fn take_in(mut self, passing: Passing<'_>, stamp: Option<TimePoint>) -> bool {
        let header = passing.header();
        let config = &self.instance.config;
        let own = config.clock_identity;
        if header.source_port_identity.clock_identity == own {
            self.drop(&passing, DropCause::Own);
            return false;
        }
        let Some(port) = self.ports.get_mut(passing.ingress) else { return false };
        if !port.active() {
            port.stats.drop(DropCause::PortDown);
            return false;
        }
        let p2p = config.kind == InstanceKind::TransparentP2p;
        let is_peer_delay = matches!(
            header.message_type,
            MessageType::PdelayReq | MessageType::PdelayResp | MessageType::PdelayRespFollowUp
        );
        let ours = self.is_ours(header);
        if p2p && is_peer_delay {
            // Never forwarded.
            if !ours && header.message_type == MessageType::PdelayReq {
                self.answer_peer(&passing, stamp);
                return false;
            }
            return true;
        }
        let (passes, stays) = match *passing.message.body() {
            Body::Management(ref body) => {
                let target = body.target_port_identity.clock_identity;
                (target != own, ours && (target == own || target == ClockIdentity::ANY))
            }
            _ => (true, false),
        };
        if passes && self.is_blocked(header, passing.ingress) {
            self.drop(&passing, DropCause::Blocked);
            return stays;
        }
        // Unicast without a word on where to is unicast to this host.
        let for_host = header.flags.has(Flags::UNICAST)
            && passing.envelope.headers == FrameHeaders::NONE
            && !matches!(passing.envelope.destination, Destination::Unicast(_));
        let now = self.instance.now;
        if passes && !for_host {
            let destination = passing.envelope.destination;
            if !self.tables.guard.admit(now, passing.message, destination, passing.number) {
                self.drop(&passing, DropCause::Looped);
                return false;
            }
            self.tables.addresses.learn(now, passing.envelope.source, passing.number);
            self.pass(passing, stamp);
        }
        // An answer to what a local client asked the network through this clock.
        let answers = ours && matches!(passing.message.body(), Body::Management(_));
        if !(stays || answers)
            && let Some(port) = self.ports.get_mut(passing.ingress)
        {
            port.stats.received(header.message_type);
        }
        self.count_unmatched();
        stays || answers
    }

    fn pass(&mut self, passing: Passing<'_>, stamp: Option<TimePoint>) {
        let p2p = self.is_p2p();
        match *passing.message.body() {
            Body::Sync { origin_timestamp } => self.pass_sync(passing, stamp, origin_timestamp),
            Body::FollowUp { precise_origin_timestamp } => {
                let now = self.instance.now;
                self.tables.rates.follow_up(now, passing.number, passing.header(), precise_origin_timestamp);
                let key = Key::of_sync(passing.header(), passing.envelope.destination);
                self.pass_follow_up(passing, key);
            }
            Body::DelayReq { .. } | Body::DelayResp { .. } if p2p => {
                self.drop(&passing, DropCause::Mechanism)
            }
            Body::DelayReq { .. } => self.pass_request(passing, stamp, Kind::DelayReq),
            Body::PdelayReq { .. } => self.pass_request(passing, stamp, Kind::PdelayReq),
            Body::DelayResp { requesting_port_identity, .. } => {
                self.pass_delay_resp(passing, requesting_port_identity);
            }
            Body::PdelayResp { requesting_port_identity, .. } => {
                self.pass_pdelay_resp(passing, stamp, requesting_port_identity);
            }
            Body::PdelayRespFollowUp { requesting_port_identity, .. } => {
                let key = Key::of_request(Kind::PdelayResp, passing.header(), requesting_port_identity);
                self.pass_follow_up(passing, key);
            }
            Body::Announce(_) => self.pass_announce(&passing),
            Body::Signaling { .. } | Body::Management(_) => {
                self.send_on(&passing, |_| {});
            }
        }
    }

    /// With what this clock adds to the announced path: a step in the tree, and its share of the error.
    fn pass_announce(&mut self, passing: &Passing<'_>) {
        let steps = self.in_tree(passing.header());
        let share = self.instance.config.options.accuracy;
        self.send_on(passing, |octets| {
            if steps {
                count_step(octets);
            }
            if let Some(share) = &share {
                share.add_in_passing(octets);
            }
        });
    }

    /// The ports it leaves by.
    fn leaves_by(&self, passing: &Passing<'_>, egress: usize) -> bool {
        let Some(port) = self.ports.get(egress) else { return false };
        if egress == passing.ingress || !port.active() || self.is_blocked(passing.header(), egress) {
            return false;
        }
        match passing.envelope.destination {
            Destination::Unicast(address) => {
                let known = self.tables.addresses.port_of(self.instance.now, address);
                known.is_none_or(|number| number == port.number())
            }
            Destination::Primary | Destination::PeerDelay => true,
        }
    }

    /// Sends it on by all ports that it leaves by.
    fn send_on(&mut self, passing: &Passing<'_>, edit: impl Fn(&mut [u8])) {
        for egress in 0..self.ports.len() {
            if self.leaves_by(passing, egress) {
                let octets = passing.message.octets();
                self.emit(egress, passing.header().message_type, passing.envelope, octets, None, &edit);
            }
        }
    }

    /// Sends a message out of one port, `edit`ed.
    fn emit(
        &mut self,
        egress: usize,
        message_type: MessageType,
        envelope: &Envelope,
        octets: &[u8],
        stamp: Option<TxToken>,
        edit: impl FnOnce(&mut [u8]),
    ) {
        let Some(port) = self.ports.get_mut(egress) else { return };
        emit(&mut self.instance.out, port, message_type, envelope, octets, stamp, edit);
    }

    /// A receive stamp with the port's latency taken off.
    fn ingress(&mut self, passing: &Passing<'_>, stamp: Option<TimePoint>) -> Option<TimePoint> {
        self.ports.get_mut(passing.ingress)?.ingress(stamp)
    }

    /// Answers a peer of another domain: links have one delay in all of them. The turnaround goes as a residence time does
    /// (11.4.2 c 2, option A).
    fn answer_peer(&mut self, passing: &Passing<'_>, stamp: Option<TimePoint>) {
        let request = *passing.header();
        let Some(ingress) = self.ingress(passing, stamp) else { return };
        let Some(port) = self.ports.get_mut(passing.ingress) else { return };
        port.stats.received(request.message_type);
        let requesting_port_identity = request.source_port_identity;
        let destination = if request.flags.has(Flags::UNICAST) {
            Destination::Unicast(passing.envelope.source)
        } else {
            Destination::PeerDelay
        };
        let of_request = |message_type| Header {
            domain_number: request.domain_number,
            sdo_id: request.sdo_id,
            sequence_id: request.sequence_id,
            ..port.header(self.instance, message_type)
        };
        let header = Header { flags: Flags::TWO_STEP, ..of_request(MessageType::PdelayResp) };
        let follow_up = of_request(MessageType::PdelayRespFollowUp);
        let Some(table) = self.tables.egress.get_mut(passing.ingress) else { return };
        let key = Key::of_request(Kind::PdelayResp, &header, requesting_port_identity);
        let ticket = table.depart(self.instance.now, key, ingress, request.correction);
        let zero = Timestamp::ZERO;
        let body = Body::PdelayRespFollowUp { response_origin_timestamp: zero, requesting_port_identity };
        let envelope = Envelope { destination, headers: FrameHeaders::NONE, ..*passing.envelope };
        table.hold_generated(ticket, PortNumber::CLOCK, envelope, Outbox::TIMING, |octets| {
            Some(Writer::new(octets, &follow_up, &body).ok()?.finish())
        });
        let message_type = MessageType::PdelayResp;
        let token = port.want_stamp(self.instance, Sent::Transit { ticket, message_type });
        let body = Body::PdelayResp { request_receipt_timestamp: zero, requesting_port_identity };
        port.send(self.instance, &header, &body, destination, Some(token));
    }

    fn asymmetry(&self, port: usize) -> TimeInterval {
        self.ports.get(port).map_or(TimeInterval::ZERO, |p| p.config.delay_asymmetry)
    }

    /// Sends an event message out of one port and awaits its stamp.
    fn send_stamped(
        &mut self,
        egress: usize,
        passing: &Passing<'_>,
        ticket: Ticket,
        edit: impl FnOnce(&mut [u8]),
    ) {
        let message_type = passing.header().message_type;
        let Some(port) = self.ports.get_mut(egress) else { return };
        let token = port.want_stamp(self.instance, Sent::Transit { ticket, message_type });
        let octets = passing.message.octets();
        emit(&mut self.instance.out, port, message_type, passing.envelope, octets, Some(token), edit);
    }

    fn pass_sync(&mut self, passing: Passing<'_>, stamp: Option<TimePoint>, origin: Timestamp) {
        let header = *passing.header();
        let two_step = header.flags.has(Flags::TWO_STEP);
        let Some(ingress) = self.ingress(&passing, stamp) else { return };
        let now = self.instance.now;
        self.tables.rates.sync(now, passing.number, &header, origin, ingress, two_step);
        let mut extra = self.asymmetry(passing.ingress);
        if self.is_p2p() {
            let Some(delay) = self.ports.get(passing.ingress).and_then(|p| p.filter.value()) else {
                return self.drop(&passing, DropCause::NoLinkDelay);
            };
            extra += delay;
        }
        let key = Key::of_sync(&header, passing.envelope.destination);
        for egress in 0..self.ports.len() {
            if !self.leaves_by(&passing, egress) {
                continue;
            }
            let Some(port) = self.ports.get(egress) else { continue };
            if !two_step && port.config.stamping.writes_sync() {
                // The card will write when it leaves, in our time. How far that is from the master's is known here.
                let ahead = TimePoint::from(origin) + header.correction - ingress;
                if ahead != TimeInterval::MAX && ahead != TimeInterval::MIN {
                    let correction = ahead + extra + port.config.egress_latency;
                    let octets = passing.message.octets();
                    let edit = |octets: &mut [u8]| rewrite_origin(octets, correction);
                    self.emit(egress, MessageType::Sync, passing.envelope, octets, None, edit);
                    continue;
                }
            }
            let Some(table) = self.tables.egress.get_mut(egress) else { continue };
            let ticket = table.depart(now, key, ingress, extra);
            if two_step {
                self.send_stamped(egress, &passing, ticket, |_| {});
                continue;
            }
            let body = Body::FollowUp { precise_origin_timestamp: origin };
            hold_made(table, ticket, &passing, &body);
            self.send_stamped(egress, &passing, ticket, set_two_step);
        }
    }

    fn pass_follow_up(&mut self, passing: Passing<'_>, key: Key) {
        let message_type = passing.header().message_type;
        let now = self.instance.now;
        let octets = passing.message.octets();
        for egress in 0..self.ports.len() {
            if !self.leaves_by(&passing, egress) {
                continue;
            }
            let Some(table) = self.tables.egress.get_mut(egress) else { continue };
            if let Second::Pass(more) = table.second(now, key, passing.number, passing.envelope, octets) {
                let edit = |octets: &mut [u8]| add_correction(octets, more);
                self.emit(egress, message_type, passing.envelope, octets, None, edit);
            }
        }
    }

    fn pass_request(&mut self, passing: Passing<'_>, stamp: Option<TimePoint>, kind: Kind) {
        let header = *passing.header();
        let Some(ingress) = self.ingress(&passing, stamp) else { return };
        let key = Key::of_request(kind, &header, header.source_port_identity);
        for egress in 0..self.ports.len() {
            if !self.leaves_by(&passing, egress) {
                continue;
            }
            // A client of that link has taken it off, too (11.6.5).
            let extra = -self.asymmetry(egress);
            let Some(table) = self.tables.egress.get_mut(egress) else { continue };
            let ticket = table.depart(self.instance.now, key, ingress, extra);
            self.send_stamped(egress, &passing, ticket, |_| {});
        }
    }

    fn pass_delay_resp(&mut self, passing: Passing<'_>, requester: PortIdentity) {
        let key = Key::of_request(Kind::DelayReq, passing.header(), requester);
        let now = self.instance.now;
        // The request left where the answer comes in.
        let Some(table) = self.tables.egress.get_mut(passing.ingress) else { return };
        match table.second(now, key, passing.number, passing.envelope, passing.message.octets()) {
            Second::Pass(more) => self.send_on(&passing, |octets| add_correction(octets, more)),
            Second::Held => {}
            Second::Unmatched => self.drop(&passing, DropCause::Unmatched),
        }
    }

    fn pass_pdelay_resp(&mut self, passing: Passing<'_>, stamp: Option<TimePoint>, requester: PortIdentity) {
        let header = *passing.header();
        let Some(ingress) = self.ingress(&passing, stamp) else { return };
        let now = self.instance.now;
        let request = Key::of_request(Kind::PdelayReq, &header, requester);
        let Some(table) = self.tables.egress.get_mut(passing.ingress) else { return };
        // It is an event message itself, and cannot wait for the request's stamp.
        let Some(of_request) = table.take_left(&request) else {
            return self.drop(&passing, DropCause::Unmatched);
        };
        let extra = of_request + self.asymmetry(passing.ingress);
        let key = Key::of_request(Kind::PdelayResp, &header, requester);
        let two_step = header.flags.has(Flags::TWO_STEP);
        for egress in 0..self.ports.len() {
            if !self.leaves_by(&passing, egress) {
                continue;
            }
            let Some(table) = self.tables.egress.get_mut(egress) else { continue };
            let ticket = table.depart(now, key, ingress, extra);
            if two_step {
                self.send_stamped(egress, &passing, ticket, |_| {});
                continue;
            }
            // A one-step answer tells its turnaround in its own correction, which stays there.
            let body = Body::PdelayRespFollowUp {
                response_origin_timestamp: Timestamp::ZERO,
                requesting_port_identity: requester,
            };
            hold_made(table, ticket, &passing, &body);
            self.send_stamped(egress, &passing, ticket, set_two_step);
        }
    }

    /// A message left `egress`: what waited for that goes.
    pub(super) fn left(&mut self, egress: usize, ticket: Ticket, stamp: TimePoint) {
        let Way { tables, ports, instance } = self;
        let Transparent { egress: egresses, rates, addresses, .. } = &mut **tables;
        let syntonises = instance.config.syntonise;
        let ratio = |key: &Key| if syntonises { rates.ratio(key.sdo_id, key.domain_number) } else { 1.0 };
        let Some(Released { kind, correction, port: came_in, envelope, octets }) =
            egresses.get_mut(egress).and_then(|table| table.left(ticket, stamp, ratio))
        else {
            return;
        };
        let edit = |octets: &mut [u8]| add_correction(octets, correction);
        let only = match (kind, envelope.destination) {
            (Kind::Sync | Kind::PdelayResp, _) => Some(PortNumber(egress as u16 + 1)),
            (_, Destination::Unicast(address)) => addresses.port_of(instance.now, address),
            _ => None,
        };
        let message_type = match kind {
            Kind::Sync => MessageType::FollowUp,
            Kind::DelayReq | Kind::PdelayReq => MessageType::DelayResp,
            Kind::PdelayResp => MessageType::PdelayRespFollowUp,
        };
        let leaves = |p: &&mut Port| {
            p.active() && p.number() != came_in && only.is_none_or(|number| number == p.number())
        };
        for port in ports.iter_mut().filter(leaves) {
            emit(&mut instance.out, port, message_type, &envelope, octets, None, edit);
        }
    }
}

/// A one-step Sync for a card that adds its own time to a zero originTimestamp's place.
fn rewrite_origin(octets: &mut [u8], correction: TimeInterval) {
    if let Some(origin) = octets.get_mut(ORIGIN_TIMESTAMP) {
        origin.fill(0);
    }
    if let Some(field) = octets.get_mut(CORRECTION) {
        field.copy_from_slice(&correction.0.to_be_bytes());
    }
}

/// Makes the Follow_Up of a one-step message and lets it wait.
fn hold_made(table: &mut Correlation, ticket: Ticket, passing: &Passing<'_>, body: &Body) {
    let message_type = body.message_type();
    let of = passing.header();
    let header = Header {
        message_type,
        flags: of.flags.with(Flags::TWO_STEP, false),
        correction: TimeInterval::ZERO,
        message_type_specific: 0,
        // 2008's receivers may look at it (1588-2008 table 23).
        control: match (of.minor_version, message_type) {
            (0, MessageType::FollowUp) => 2,
            (0, _) => 5,
            _ => 0,
        },
        ..*of
    };
    table.hold_generated(ticket, passing.number, *passing.envelope, Outbox::TIMING, |octets| {
        Some(Writer::new(octets, &header, body).ok()?.finish())
    });
}

fn emit(
    out: &mut Outbox,
    port: &mut Port,
    message_type: MessageType,
    envelope: &Envelope,
    octets: &[u8],
    stamp: Option<TxToken>,
    edit: impl FnOnce(&mut [u8]),
) {
    let class = if message_type.is_event() { MessageClass::Event } else { MessageClass::General };
    let transit = Transit { port: port.number(), class, envelope: *envelope, stamp };
    out.transit(transit, octets, edit);
    port.stats.sent(message_type);
}
