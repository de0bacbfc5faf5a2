//! The management server (1588-2019 clause 15): who asks, what for, and where the answers go.
//!
//! | Request | from the read-write socket | from the read-only socket or the network |
//! |---|---|---|
//! | GET | answered | answered, but for PORT_PROPERTIES_NP and PORT_HWCLOCK_NP: NOT_SUPPORTED |
//! | SET, COMMAND | obeyed | NOT_SUPPORTED |
//!
//! Otherwise: an unknown ID is NO_SUCH_ID; an ID that is not served NOT_SUPPORTED; a SET of what can only be read
//! NOT_SETABLE, of wrong size WRONG_LENGTH, of a bad value WRONG_VALUE; a port that does not exist WRONG_VALUE. Answers and
//! malformed messages are never answered.

mod candidates;
mod events;
mod forward;
mod get;
mod lease;
mod linuxptp;
mod options;
mod records;
mod set;
mod unicast;

#[cfg(test)]
mod tests;

use ptp_wire::management::{
    Action, Content, ErrorId, EventMask, ManagementErrorStatus, ManagementHeader, ManagementId,
    ManagementTlv, Payload, PtpText, Scope, SubscribeEventsNp,
};
use ptp_wire::{
    Body, ClockIdentity, Flags, Header, Message, MessageType, PortIdentity, PortNumber, TlvType, WireError,
    Writer,
};

use super::outbox::{Outbox, Route};
use super::{Access, Address, Destination, DropCause, Engine, Event, Instant, MessageClass, port_mut};
use events::Subscribers;
use forward::LocalAskers;

/// Who is told what, and who waits for answers of other clocks.
#[derive(Debug, Default)]
pub(super) struct Management {
    subscribers: Subscribers,
    askers: LocalAskers,
    /// Who set the grandmaster's settings.
    set_by: Option<lease::SetBy>,
}

impl Management {
    /// When a subscription runs out.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.subscribers.next_expiry()
    }
}

/// Where a request came from, which is where its answers go.
#[derive(Clone, Copy, Debug)]
enum Origin {
    Local { peer: u32, access: Access },
    Network { port: PortNumber, source: Address },
}

impl Origin {
    /// SET and COMMAND are obeyed, and GET keeps nothing back.
    fn may_all(self) -> bool {
        matches!(self, Self::Local { access: Access::ReadWrite, .. })
    }

    /// Whose answer a clock's is: the port it goes out of (15.4.1.1). A UNIX socket is no port.
    fn number(self) -> PortNumber {
        match self {
            Self::Local { .. } => PortNumber::CLOCK,
            Self::Network { port, .. } => port,
        }
    }
}

/// A request, taken apart.
struct Request<'a> {
    header: Header,
    body: ManagementHeader,
    tlv: ManagementTlv<'a>,
    from: Origin,
}

/// Octets of TLV value that fit one answer: a message without IP and UDP headers, header, body, and the TLV's own.
const MAX_VALUE: usize = Outbox::MAX_MESSAGE - 48 - 4;

impl Engine {
    /// A management message from a UNIX socket.
    pub(super) fn local_management(&mut self, octets: &[u8], access: Access, peer: u32) {
        let Ok(message) = Message::parse(octets) else { return };
        let (header, config) = (message.header(), &self.instance.config);
        let ours = header.domain_number == config.domain_number
            && header.sdo_id.major() == config.sdo_id.major()
            && header.source_port_identity.clock_identity != config.clock_identity;
        if ours {
            self.manage(&message, Origin::Local { peer, access });
        }
    }

    /// A management message from the network. Domain, sdoId and source have been looked at.
    pub(super) fn network_management(&mut self, port: PortNumber, message: &Message<'_>, source: Address) {
        if !self.manage(message, Origin::Network { port, source })
            && let Some(port) = port_mut(&mut self.ports, port)
        {
            port.stats.drop(DropCause::Malformed);
        }
    }

    /// Forwards, answers, or both. False for a message that is not one.
    fn manage(&mut self, message: &Message<'_>, from: Origin) -> bool {
        let (Body::Management(body), Some(content)) = (*message.body(), Content::of(message)) else {
            return false;
        };
        let target = body.target_port_identity.clock_identity;
        let own = target == self.instance.config.clock_identity;
        if !own {
            self.forward(message, &body, from);
        }
        if body.action.reply().is_none() || !(own || target == ClockIdentity::ANY) {
            return true;
        }
        // An error status asks for nothing.
        let Content::Management(tlv) = content else { return true };
        let request = Request { header: *message.header(), body, tlv, from };
        if self.instance.config.as_linuxptp {
            let empty = request.tlv.data.is_empty();
            match linuxptp::judge(request.body.action, request.tlv.id, empty, from.may_all()) {
                linuxptp::Verdict::Clock => self.obey(&request, None),
                linuxptp::Verdict::Ports => self.obey_ports(&request, None),
                linuxptp::Verdict::PortsRefuse(error) => self.obey_ports(&request, Some(error)),
                linuxptp::Verdict::ClockRefuses(error) => self.refuse(&request, from.number(), error),
            }
            return true;
        }
        match self.check(&request) {
            Ok(Scope::Clock) => self.obey(&request, None),
            Ok(Scope::Port) => self.obey_ports(&request, None),
            Err(error) => self.refuse(&request, from.number(), error),
        }
        true
    }

    /// What can be said without looking at values.
    fn check(&self, request: &Request<'_>) -> Result<Scope, ErrorId> {
        let action = request.body.action;
        if action != Action::Get && !request.from.may_all() {
            return Err(ErrorId::NOT_SUPPORTED);
        }
        let info = request.tlv.id.info().ok_or(ErrorId::NO_SUCH_ID)?;
        match action {
            _ if info.actions.allow(action) => Ok(info.scope),
            Action::Set if info.actions.allow(Action::Get) => Err(ErrorId::NOT_SETABLE),
            _ => Err(ErrorId::NOT_SUPPORTED),
        }
    }

    /// One answer from each port that was asked; `refusal`: which is this.
    fn obey_ports(&mut self, request: &Request<'_>, refusal: Option<ErrorId>) {
        let target = request.body.target_port_identity.port_number;
        let mut meant = false;
        for index in 0..self.ports.len() {
            let number = self.ports[index].number();
            if target != PortNumber::ANY && target != number {
                continue;
            }
            meant = true;
            match refusal {
                Some(error) => self.refuse(request, number, error),
                None => self.obey(request, Some(index)),
            }
        }
        if !meant && target != PortNumber::ANY {
            // 1588-2008 interpretation 21.
            self.refuse(request, request.from.number(), ErrorId::WRONG_VALUE);
        }
    }

    /// Does what was asked, for the clock or for one of its ports, and answers.
    fn obey(&mut self, request: &Request<'_>, port: Option<usize>) {
        let source = match port.and_then(|index| self.ports.get(index)) {
            Some(port) => port.number(),
            None => request.from.number(),
        };
        let id = request.tlv.id;
        let mut value = [0; MAX_VALUE];
        let len = match request.body.action {
            Action::Get => self.get(request, port, &mut value),
            Action::Set => self.apply_set(request, port, &mut value),
            _ => self.apply_command(request, port, &mut value),
        };
        match len {
            Ok(len) => {
                if request.body.action != Action::Get && id != ManagementId::SUBSCRIBE_EVENTS_NP {
                    self.instance.out.event(Event::ManagementChange { id: id.0 });
                }
                self.answer(request, source, TlvType::MANAGEMENT, value.get(..len).unwrap_or(&[]));
            }
            Err(error) => self.refuse(request, source, error),
        }
    }

    fn apply_set(
        &mut self,
        request: &Request<'_>,
        port: Option<usize>,
        value: &mut [u8],
    ) -> Result<usize, ErrorId> {
        let payload = request.tlv.payload().map_err(bad_data)?;
        if let Payload::SubscribeEventsNp(wanted) = payload {
            self.subscribe(request, wanted)?;
            if wanted.events == EventMask::NONE {
                // Nothing is left to run out.
                return emit(&Payload::SubscribeEventsNp(SubscribeEventsNp { duration: 0, ..wanted }), value);
            }
            return emit(&payload, value);
        }
        if matches!(payload, Payload::GrandmasterSettingsNp(_)) {
            self.settings_set_by(request.header.source_port_identity);
        }
        self.set(&payload, port)?;
        // The value that resulted, which need not be the one that was sent.
        self.get(request, port, value)
    }

    fn apply_command(
        &mut self,
        request: &Request<'_>,
        port: Option<usize>,
        value: &mut [u8],
    ) -> Result<usize, ErrorId> {
        let payload = request.tlv.payload().map_err(bad_data)?;
        self.command(&payload, port)?;
        emit(&Payload::Raw(request.tlv.id, &[]), value)
    }

    fn refuse(&mut self, request: &Request<'_>, source: PortNumber, error: ErrorId) {
        let status = ManagementErrorStatus { error, id: request.tlv.id, display_data: PtpText::EMPTY };
        let mut value = [0; 8];
        if let Ok(len) = status.emit(&mut value) {
            let value = value.get(..len).unwrap_or(&[]);
            self.answer(request, source, TlvType::MANAGEMENT_ERROR_STATUS, value);
        }
    }

    /// Sends an answer where the request came from.
    fn answer(&mut self, request: &Request<'_>, source: PortNumber, tlv_type: TlvType, value: &[u8]) {
        let Some(action) = request.body.action.reply() else { return };
        let unicast = request.header.flags.has(Flags::UNICAST);
        let hops = request.body.starting_boundary_hops.saturating_sub(request.body.boundary_hops);
        let mut header = self.management_header(source);
        header.sequence_id = request.header.sequence_id;
        header.flags = Flags::NONE.with(Flags::UNICAST, unicast);
        let body = Body::Management(ManagementHeader {
            target_port_identity: request.header.source_port_identity,
            starting_boundary_hops: hops,
            boundary_hops: hops,
            action,
        });
        let write = |buf: &mut [u8]| write_message(buf, &header, &body, tlv_type, value);
        let out = &mut self.instance.out;
        match request.from {
            Origin::Local { peer, .. } => {
                // Cannot fail: the value fits, by MAX_VALUE.
                let _ = out.local_reply(peer, write);
            }
            Origin::Network { port, source } => {
                let destination = if unicast { Destination::Unicast(source) } else { Destination::Primary };
                let route = Route { port, class: MessageClass::General, destination, stamp: None };
                if out.transmit(route, Outbox::MAX_MESSAGE, write).is_ok()
                    && let Some(port) = port_mut(&mut self.ports, port)
                {
                    port.stats.sent(MessageType::Management);
                }
            }
        }
    }

    /// The header of every management message that this instance makes.
    fn management_header(&self, source: PortNumber) -> Header {
        let config = &self.instance.config;
        let mut header = Header::new(MessageType::Management);
        header.sdo_id = config.sdo_id;
        header.minor_version = config.minor_version;
        header.domain_number = config.domain_number;
        header.source_port_identity = PortIdentity::new(config.clock_identity, source.0);
        header
    }
}

fn write_message(
    buf: &mut [u8],
    header: &Header,
    body: &Body,
    tlv_type: TlvType,
    value: &[u8],
) -> Result<usize, WireError> {
    let mut writer = Writer::new(buf, header, body)?;
    writer.tlv(tlv_type, value)?;
    Ok(writer.finish())
}

/// Writes managementId and data.
fn emit(payload: &Payload<'_>, value: &mut [u8]) -> Result<usize, ErrorId> {
    payload.emit(value).map_err(|_| ErrorId::RESPONSE_TOO_BIG)
}

fn bad_data(error: WireError) -> ErrorId {
    match error {
        WireError::Truncated | WireError::TlvLength => ErrorId::WRONG_LENGTH,
        _ => ErrorId::WRONG_VALUE,
    }
}
