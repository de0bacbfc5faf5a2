//! Unicast negotiation (1588-2019 16.1): who asks whom for what, who grants it, and for how long.
//!
//! | Who | asks for | grants | ends it |
//! |---|---|---|---|
//! | client ([`client`]) | Announce of every master in its table; Sync and Delay_Resp (P2P: Pdelay_Resp) of the selected one | | CANCEL when another is selected, or at the end |
//! | server ([`server`]) | | what its limits admit, shortened or slowed to them | silently when time is up; CANCEL when it drains, ends or is no master any more |

pub(super) mod client;
pub(super) mod limits;
pub(super) mod rate;
pub(super) mod server;
mod wheel;

use ptp_wire::{Body, Message, MessageType, Organization, PortIdentity, TlvValue, WireError, Writer};

use super::instance::Instance;
use super::outbox::Route;
use super::port::{Port, Received};
use super::stats::DropCause;
use super::{Address, Destination, Instant, MessageClass};

pub use limits::Prefix;
pub use server::UnicastServerStats;

use client::Client;
use server::Server;

/// What one port has of both sides.
#[derive(Debug, Default)]
pub(super) struct Unicast {
    pub(super) client: Option<Client>,
    pub(super) server: Option<Box<Server>>,
    /// Attoseconds of one bit on this interface, where it is known.
    pub(super) rate: Option<u64>,
}

impl Unicast {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let client = self.client.as_ref().and_then(Client::next_deadline);
        let server = self.server.as_ref().and_then(|s| s.next_deadline());
        [client, server].into_iter().flatten().min()
    }
}

/// What can be negotiated (table 109), in the order of the grants of a client.
pub(super) const KINDS: [MessageType; 4] =
    [MessageType::Announce, MessageType::Sync, MessageType::DelayResp, MessageType::PdelayResp];

/// Place of a message type among [`KINDS`].
pub(super) fn kind_of(message_type: MessageType) -> Option<usize> {
    KINDS.iter().position(|k| *k == message_type)
}

/// Octets of a Signaling message with as many TLVs as are answered at once, and an interface rate.
const SIGNALING_ROOM: usize = 44 + 8 * 12 + 22;

impl Port {
    /// Due work of both sides.
    pub(super) fn unicast_due(&mut self, instance: &mut Instance) {
        if self.unicast.client.as_ref().and_then(Client::next_deadline).is_some_and(|at| at <= instance.now) {
            self.unicast_client_due(instance);
        }
        if self.unicast.server.as_ref().and_then(|s| s.next_deadline()).is_some_and(|at| at <= instance.now) {
            self.unicast_server_due(instance);
        }
    }

    /// A Signaling message: the negotiation TLVs of it.
    pub(super) fn receive_signaling(
        &mut self,
        instance: &mut Instance,
        rx: Received<'_>,
        target: PortIdentity,
    ) {
        let known = target == self.id
            || target == PortIdentity::ANY
            || (target.clock_identity == self.id.clock_identity
                && target.port_number == PortIdentity::ANY.port_number);
        if !known {
            // Somebody else's, seen because it was sent to the group.
            return;
        }
        let mut used = false;
        let mut requests = [None; 8];
        let mut count = 0;
        let (mut granted, mut rate) = (false, None);
        for tlv in rx.message.tlvs() {
            let Ok(value) = TlvValue::parse(&tlv) else {
                return self.stats.drop(DropCause::Malformed);
            };
            match value {
                TlvValue::RequestUnicast(request) => {
                    used = true;
                    // One of each kind is all that makes sense; what is beyond eight is not answered.
                    if let Some(place) = requests.get_mut(count) {
                        *place = Some(request);
                        count += 1;
                    }
                }
                TlvValue::GrantUnicast(grant) => {
                    (used, granted) = (true, true);
                    self.receive_grant(instance, rx, &grant);
                }
                TlvValue::CancelUnicast(cancel) => {
                    used = true;
                    self.receive_cancel(instance, rx, cancel);
                }
                TlvValue::AcknowledgeCancelUnicast(_) => used = true,
                TlvValue::Organization(_, Organization::InterfaceRate(told)) => {
                    used = true;
                    rate = Some(told);
                }
                TlvValue::Organization(_, tlv) => {
                    let source = rx.message.header().source_port_identity;
                    used |= self.receive_gptp_tlv(instance, source, &tlv);
                }
                _ => {}
            }
        }
        if granted {
            self.receive_interface_rate(rx, rate);
        }
        if count > 0 {
            self.receive_requests(instance, rx, requests.iter().take(count).flatten());
        }
        if !used {
            self.stats.drop(DropCause::Unexpected);
        }
    }

    /// Sends a Signaling message with the TLVs that `write` adds.
    pub(super) fn send_signaling(
        &mut self,
        instance: &mut Instance,
        address: Address,
        target_port_identity: PortIdentity,
        sequence_id: u16,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), WireError>,
    ) {
        let mut header = self.header(instance, MessageType::Signaling);
        header.sequence_id = sequence_id;
        header.log_message_interval = ptp_wire::LogInterval::NOT_APPLICABLE;
        header.flags = ptp_wire::Flags::UNICAST;
        let body = Body::Signaling { target_port_identity };
        let route = Route {
            port: self.number(),
            class: MessageClass::General,
            destination: Destination::Unicast(address),
            stamp: None,
        };
        let written = instance.out.transmit(route, SIGNALING_ROOM, |buf| {
            let mut w = Writer::new(buf, &header, &body)?;
            write(&mut w)?;
            Ok(w.finish())
        });
        debug_assert!(written.is_ok(), "SIGNALING_ROOM is enough for a TLV of each kind");
        if written.is_ok() {
            self.stats.sent(MessageType::Signaling);
        }
    }
}

/// The type under which a value is sent.
fn put(w: &mut Writer<'_>, value: &TlvValue<'_>) -> Result<(), WireError> {
    w.tlv_value(value)
}

/// Whether this message came by unicast, as its flag says.
pub(super) fn is_unicast(message: &Message<'_>) -> bool {
    message.header().flags.has(ptp_wire::Flags::UNICAST)
}
