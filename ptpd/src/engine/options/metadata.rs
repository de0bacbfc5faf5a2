//! Synchronization metadata (SMPTE ST 2059-2 clause 9): once a second a grandmaster tells all studio equipment frame
//! rate, local time and how it is locked; a boundary clock passes its parent's on to those below.

use core::time::Duration;

use ptp_wire::management::{Action, ManagementHeader};
use ptp_wire::{
    Body, LogInterval, Message, MessageType, Organization, PortIdentity, SynchronizationMetadata, TlvType,
    TlvValue,
};

use super::super::instance::Instance;
use super::super::outbox::{Outbox, Route};
use super::super::port::{Port, take};
use super::super::{Destination, Engine, Event, Instant, MessageClass, PortState};

/// Between two messages.
const INTERVAL: Duration = Duration::from_secs(1);
/// After this long the parent's counts no more; a change is told once in this time.
const SILENCE: Duration = Duration::from_secs(5);

/// What is known of the metadata.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Metadata {
    /// The parent's, and when it came.
    received: Option<(Instant, SynchronizationMetadata)>,
    /// When they were told last.
    told: Option<Instant>,
    /// When the next is sent.
    due: Option<Instant>,
}

impl Metadata {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due
    }

    fn of_parent(&self, now: Instant) -> Option<SynchronizationMetadata> {
        self.received.filter(|(at, _)| now.since(*at) < SILENCE).map(|(_, metadata)| metadata)
    }
}

/// masterLockingStatus of a clock class: 4 with a reference, 1 without.
const fn locking_status(clock_class: u8) -> u8 {
    match clock_class {
        6 | 13 => 4,
        _ => 1,
    }
}

/// The metadata of a message that has them.
fn find(message: &Message<'_>) -> Option<SynchronizationMetadata> {
    message.tlvs().find_map(|tlv| match TlvValue::parse(&tlv).ok()? {
        TlvValue::Organization(_, Organization::SynchronizationMetadata(metadata)) => Some(metadata),
        _ => None,
    })
}

impl Engine {
    /// Takes the metadata of a management message in; true if it was one of those. Only the parent's and the
    /// grandmaster's count.
    pub(in super::super) fn receive_metadata(&mut self, message: &Message<'_>) -> bool {
        let Body::Management(body) = *message.body() else { return false };
        let Some(metadata) = find(message).filter(|_| body.action == Action::Command) else { return false };
        let instance = &mut self.instance;
        let source = message.header().source_port_identity.clock_identity;
        let parent = &instance.parent;
        let ours =
            source == parent.parent_port_identity.clock_identity || source == parent.grandmaster_identity;
        if ours && !instance.is_grandmaster() {
            let now = instance.now;
            let known = &mut instance.options.metadata;
            let before = known.received.replace((now, metadata));
            // A flood of forged ones must not flood the log.
            let quiet = known.told.is_some_and(|at| now.since(at) < SILENCE);
            if before.is_none_or(|(_, before)| before != metadata) && !quiet {
                known.told = Some(now);
                instance.out.event(Event::SynchronizationMetadata(metadata));
            }
        }
        true
    }

    /// Sends the metadata when they are due.
    pub(super) fn run_metadata(&mut self) {
        let instance = &mut self.instance;
        let now = instance.now;
        if instance.config.options.smpte.is_none() {
            instance.options.metadata.due = None;
            return;
        }
        if instance.options.metadata.due.is_some_and(|due| now < due) {
            return;
        }
        instance.options.metadata.due = Some(now + INTERVAL);
        let Some(metadata) = instance.metadata() else { return };
        for port in self.ports.iter_mut().filter(|p| p.state == PortState::Master) {
            port.send_metadata(instance, metadata);
        }
    }

    /// The synchronization metadata in force: the own while grandmaster, else the parent's; `None`: there are none.
    pub fn synchronization_metadata(&self) -> Option<SynchronizationMetadata> {
        self.instance.metadata()
    }
}

impl Instance {
    fn metadata(&self) -> Option<SynchronizationMetadata> {
        if !self.is_grandmaster() {
            return self.options.metadata.of_parent(self.now);
        }
        let own = self.config.options.smpte?;
        let master_locking_status = locking_status(self.quality().clock_class);
        Some(SynchronizationMetadata { master_locking_status, ..own })
    }
}

impl Port {
    fn send_metadata(&mut self, instance: &mut Instance, metadata: SynchronizationMetadata) {
        let mut header = self.header(instance, MessageType::Management);
        header.sequence_id = take(&mut self.sequences.signaling);
        header.log_message_interval = LogInterval::NOT_APPLICABLE;
        let body = Body::Management(ManagementHeader {
            target_port_identity: PortIdentity::ANY,
            starting_boundary_hops: 0,
            boundary_hops: 0,
            action: Action::Command,
        });
        let route = Route {
            port: self.number(),
            class: MessageClass::General,
            destination: Destination::Primary,
            stamp: None,
        };
        let tlv = Organization::SynchronizationMetadata(metadata);
        let written = instance.out.transmit(route, Outbox::TIMING, |buf| {
            let mut w = ptp_wire::Writer::new(buf, &header, &body)?;
            w.tlv_with(TlvType::ORGANIZATION_EXTENSION, |room| tlv.emit(room))?;
            Ok(w.finish())
        });
        if written.is_ok() {
            self.stats.sent(MessageType::Management);
        }
    }
}
