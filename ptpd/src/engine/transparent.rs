//! Transparent clocks (1588-2019 clause 10): messages pass from port to port, and what they are told of the time they
//! spent here is added to correctionFields.
//!
//! | Message | E2E | P2P |
//! |---|---|---|
//! | Sync | passes; residence goes into its Follow_Up | the same, with the ingress link's mean delay |
//! | Delay_Req, Delay_Resp | pass; the request's residence goes into the answer | dropped |
//! | Pdelay_Req, Pdelay_Resp, Pdelay_Resp_Follow_Up | pass; both residences go into the Follow_Up | this clock's own |
//! | Announce | passes; with the enhanced accuracy metrics, this clock's share is added to them | the same |
//! | Signaling, Management | pass untouched | pass untouched |
//!
//! A one-step message becomes a two-step one with a Follow_Up made here; only a one-step Sync that leaves by a port whose
//! card writes Sync stays one-step: the card writes its own time, and the correction says how far that clock is from the
//! master's. All domains pass. A message leaves by every port but the one it came in, or by the one behind which its
//! unicast receiver is. Residence is told in the grandmaster's seconds (`syntonisation`).

pub(super) mod correlation;
mod guard;
mod passing;
mod syntonisation;
mod tree;

use ptp_wire::{Header, Message, MessageType, PortNumber, SdoId, TimePoint};

use super::instance::Instance;
use super::port::Port;
use super::transmit::Outstanding;
use super::{
    Delay, Destination, Engine, Envelope, FrameHeaders, InstanceConfig, InstanceKind, Instant, TxToken,
};
use correlation::Correlation;
use guard::{AddressTable, LoopGuard};
use syntonisation::Rates;

/// What a transparent clock has beside its ports.
#[derive(Debug)]
pub(super) struct Transparent {
    /// Of each egress port.
    egress: Vec<Correlation>,
    guard: LoopGuard,
    addresses: AddressTable,
    rates: Rates,
}

impl Transparent {
    /// `None` for other kinds of clocks.
    pub(super) fn new(config: &InstanceConfig, ports: &mut [Port], seed: u64) -> Option<Box<Self>> {
        if config.kind.is_transparent() {
            for port in ports {
                port.outstanding = Outstanding::new(port.number(), true);
            }
        }
        config.kind.is_transparent().then(|| {
            Box::new(Self {
                egress: config.ports.iter().map(|_| Correlation::new()).collect(),
                guard: LoopGuard::new(seed),
                addresses: AddressTable::new(seed),
                rates: Rates::new(),
            })
        })
    }

    /// When a half is given up.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.egress.iter().filter_map(Correlation::next_deadline).min()
    }

    pub(super) fn clock_stepped(&mut self) {
        self.egress.iter_mut().for_each(Correlation::clear);
        self.rates.clock_stepped();
    }

    pub(super) fn port_down(&mut self, port: PortNumber) {
        self.addresses.forget(port);
        if let Some(egress) = index(port).and_then(|i| self.egress.get_mut(i)) {
            egress.clear();
        }
    }

    pub(super) fn rate_ratio(&self, sdo_id: SdoId, domain_number: u8) -> Option<f64> {
        self.rates.known(sdo_id, domain_number)
    }
}

fn index(port: PortNumber) -> Option<usize> {
    usize::from(port.0).checked_sub(1)
}

/// How a message is addressed of which the host says nothing more: to the group that its type has.
pub(super) fn multicast(message: &Message<'_>, source: super::Address) -> Envelope {
    let destination = match message.header().message_type {
        MessageType::PdelayReq | MessageType::PdelayResp | MessageType::PdelayRespFollowUp => {
            Destination::PeerDelay
        }
        _ => Destination::Primary,
    };
    Envelope { source, destination, headers: FrameHeaders::NONE }
}

/// A message on its way through.
#[derive(Clone, Copy)]
struct Passing<'a> {
    message: &'a Message<'a>,
    envelope: &'a Envelope,
    /// Where it came in, from 0.
    ingress: usize,
    number: PortNumber,
}

impl Passing<'_> {
    fn header(&self) -> &Header {
        self.message.header()
    }
}

/// The parts of the engine that passing takes.
struct Way<'a> {
    tables: &'a mut Transparent,
    ports: &'a mut [Port],
    instance: &'a mut Instance,
}

impl Engine {
    fn way(&mut self) -> Option<Way<'_>> {
        let tables = self.transparent.as_deref_mut()?;
        Some(Way { tables, ports: &mut self.ports, instance: &mut self.instance })
    }

    /// Sends a received message on. True if it is (also) for this clock itself, which has not counted it yet.
    pub(super) fn transit(
        &mut self,
        number: PortNumber,
        message: &Message<'_>,
        stamp: Option<TimePoint>,
        envelope: &Envelope,
    ) -> bool {
        let Some(way) = self.way() else { return true };
        let Some(ingress) = index(number).filter(|&i| i < way.ports.len()) else { return false };
        way.take_in(Passing { message, envelope, ingress, number }, stamp)
    }

    /// Takes the stamp of a message that passed. False: it is one of the port's own.
    pub(super) fn transit_stamp(&mut self, token: TxToken, stamp: Option<TimePoint>) -> bool {
        let Some(mut way) = self.way() else { return false };
        let Some(egress) = index(Outstanding::port_of(token)) else { return false };
        let Some(port) = way.ports.get_mut(egress) else { return false };
        let Some((ticket, message_type)) = port.outstanding.complete_transit(token) else { return false };
        match stamp {
            Some(stamp) => {
                let stamp = stamp + port.config.egress_latency;
                way.left(egress, ticket, stamp);
            }
            None => {
                port.stamp_lost(way.instance, message_type);
                if let Some(table) = way.tables.egress.get_mut(egress) {
                    table.lost(ticket);
                }
            }
        }
        way.count_unmatched();
        true
    }

    /// Gives up halves that have waited for too long.
    pub(super) fn transit_due(&mut self) {
        let now = self.instance.now;
        let Some(way) = self.way() else { return };
        if way.tables.next_deadline().is_some_and(|at| at <= now) {
            way.tables.egress.iter_mut().for_each(|table| table.expire(now));
            way.count_unmatched();
        }
    }
}

/// transparentClockDefaultDS.delayMechanism (table 21).
pub(super) const fn delay_mechanism(kind: InstanceKind) -> Option<Delay> {
    match kind {
        InstanceKind::TransparentE2e => Some(Delay::E2e),
        InstanceKind::TransparentP2p => Some(Delay::P2p),
        InstanceKind::Ordinary | InstanceKind::Boundary => None,
    }
}
