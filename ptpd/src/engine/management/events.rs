//! Notifications (linuxptp's SUBSCRIBE_EVENTS_NP).

use core::time::Duration;

use ptp_wire::management::{
    Action, ErrorId, EventMask, ManagementHeader, NotifyEvent, Payload, SubscribeEventsNp,
};
use ptp_wire::{Body, PortIdentity, PortNumber, SdoId, TlvType};

use super::super::{Delay, Engine, Event, Instant, PortState};
use super::lease::SetBy;
use super::{MAX_VALUE, Origin, Request, emit, write_message};

/// Clients at a time. More are refused, so that nobody can use up memory.
const MAX_SUBSCRIBERS: usize = 64;
/// Who ends a subscription later than this was held up itself, and may have its renewal waiting.
const HELD_UP: Duration = Duration::from_secs(1);
/// A duration that never ends.
const FOR_EVER: u16 = 0xffff;

/// Who wants to be told, and what was told last.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    list: Vec<Subscriber>,
    /// Of each port.
    told: Vec<Told>,
}

#[derive(Debug)]
struct Subscriber {
    /// A client is its identity; its address may change.
    identity: PortIdentity,
    peer: u32,
    events: EventMask,
    /// `None`: never.
    expires: Option<Instant>,
    sequence_id: u16,
}

impl Subscriber {
    /// The settings that `set` tells of stand by this subscription.
    fn leases(&self, set: Option<&SetBy>) -> bool {
        self.events.has(NotifyEvent::GrandmasterLease) && set.is_some_and(|set| set.is(self.identity))
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Told {
    state: PortState,
}

impl Subscribers {
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.list.iter().filter_map(|s| s.expires).min()
    }

    /// Ends what has run out. Gives whether the settings that `set` tells of had a lease that ended. What ran out while nobody
    /// looked stands for a second more, as it may have been renewed meanwhile.
    fn prune(&mut self, now: Instant, set: Option<&SetBy>) -> bool {
        let mut ended = false;
        for s in &mut self.list {
            if s.expires.is_some_and(|at| now.since(at) > HELD_UP) {
                s.expires = Some(now + HELD_UP);
            }
        }
        self.list.retain(|s| {
            let stands = s.expires.is_none_or(|at| at > now);
            ended |= !stands && s.leases(set);
            stands
        });
        ended
    }

    fn find(&self, identity: PortIdentity) -> Option<&Subscriber> {
        self.list.iter().find(|s| s.identity == identity)
    }

    fn wants(&self, event: NotifyEvent) -> bool {
        self.list.iter().any(|s| s.events.has(event))
    }

    /// Replaces what this client subscribed to before; nothing at all ends it.
    fn replace(&mut self, new: Subscriber) -> Result<(), ErrorId> {
        let known = self.list.iter_mut().find(|s| s.identity == new.identity);
        if new.events == EventMask::NONE {
            self.list.retain(|s| s.identity != new.identity);
        } else if let Some(known) = known {
            *known = Subscriber { sequence_id: known.sequence_id, ..new };
        } else if self.list.len() < MAX_SUBSCRIBERS {
            self.list.push(new);
        } else {
            return Err(ErrorId::GENERAL_ERROR);
        }
        Ok(())
    }
}

impl Engine {
    /// SET.
    pub(super) fn subscribe(
        &mut self,
        request: &Request<'_>,
        wanted: SubscribeEventsNp,
    ) -> Result<(), ErrorId> {
        let Origin::Local { peer, .. } = request.from else { return Err(ErrorId::NOT_SUPPORTED) };
        let now = self.instance.now;
        let events = if wanted.duration == 0 { EventMask::NONE } else { wanted.events };
        let expires =
            (wanted.duration != FOR_EVER).then(|| now + Duration::from_secs(wanted.duration.into()));
        let identity = request.header.source_port_identity;
        let new = Subscriber { identity, peer, events, expires, sequence_id: 0 };
        let set = self.management.set_by;
        let subscribers = &mut self.management.subscribers;
        let leased = subscribers.find(identity).is_some_and(|s| s.leases(set.as_ref()));
        let leases = new.leases(set.as_ref());
        subscribers.replace(new)?;
        if let Some(set) = set.filter(|_| leased && !leases) {
            self.take_back(&set);
        }
        Ok(())
    }

    /// GET: what is left of the client's subscription. Only those who may subscribe have one.
    pub(super) fn subscription(&self, request: &Request<'_>) -> Option<SubscribeEventsNp> {
        if !request.from.may_all() {
            return None;
        }
        let none = SubscribeEventsNp { duration: 0, events: EventMask::NONE };
        let identity = request.header.source_port_identity;
        Some(self.management.subscribers.find(identity).map_or(none, |s| {
            let left = s.expires.map_or(Duration::ZERO, |at| at.since(self.instance.now));
            SubscribeEventsNp {
                duration: u16::try_from(left.as_millis().div_ceil(1000)).unwrap_or(FOR_EVER),
                events: s.events,
            }
        }))
    }

    /// Tells subscribers what changed since the last input.
    pub(in super::super) fn notify(&mut self) {
        let set = self.management.set_by;
        let ended = self.management.subscribers.prune(self.instance.now, set.as_ref());
        if let Some(set) = set.filter(|_| ended) {
            self.take_back(&set);
        }
        let instance = &mut self.instance;
        let parent_changed = core::mem::take(&mut instance.parent_changed);
        let synchronised = core::mem::take(&mut instance.synchronised);
        instance.port_state_changed = false;
        // Followed even while nobody listens, so that a new subscriber is told changes only.
        for index in 0..self.ports.len() {
            self.notify_of_port(index);
        }
        if parent_changed && self.management.subscribers.wants(NotifyEvent::ParentDataSet) {
            let payload = Payload::ParentDataSet(self.parent_data_set());
            self.tell(NotifyEvent::ParentDataSet, PortNumber::CLOCK, &payload);
        }
        if synchronised && self.management.subscribers.wants(NotifyEvent::TimeSync) {
            let payload = Payload::TimeStatusNp(self.time_status());
            self.tell(NotifyEvent::TimeSync, PortNumber::CLOCK, &payload);
        }
    }

    fn notify_of_port(&mut self, index: usize) {
        let Some(port) = self.ports.get(index) else { return };
        let now = Told { state: port.state };
        let subscribers = &mut self.management.subscribers;
        let before = match subscribers.told.get_mut(index) {
            Some(told) => core::mem::replace(told, now),
            None => {
                subscribers.told.push(now);
                // Ports begin in INITIALIZING.
                Told { state: PortState::Initializing }
            }
        };
        let number = port.number();
        if before.state != now.state && subscribers.wants(NotifyEvent::PortState) {
            let payload = Payload::PortDataSet(self.port_data_set(port));
            self.tell(NotifyEvent::PortState, number, &payload);
        }
        let Some(port) = self.ports.get_mut(index) else { return };
        let measured = core::mem::take(&mut port.gptp.link_news) && port.config.delay == Delay::P2p;
        let Some(port) = self.ports.get(index) else { return };
        if measured && self.instance.config.sdo_id == SdoId::CMLDS {
            self.instance.out.event(Event::LinkDelay { port: number, link: port.link_delay() });
        }
        if measured && self.management.subscribers.wants(NotifyEvent::Cmlds) {
            let payload = Payload::CmldsInfoNp(self.cmlds_info(port));
            self.tell(NotifyEvent::Cmlds, number, &payload);
        }
    }

    /// Sends a RESPONSE that nobody asked for to everyone who subscribed to the event.
    fn tell(&mut self, event: NotifyEvent, source: PortNumber, payload: &Payload<'_>) {
        let mut value = [0; MAX_VALUE];
        let Ok(len) = emit(payload, &mut value) else { return };
        let value = value.get(..len).unwrap_or(&[]);
        let mut header = self.management_header(source);
        for subscriber in self.management.subscribers.list.iter_mut().filter(|s| s.events.has(event)) {
            header.sequence_id = subscriber.sequence_id;
            subscriber.sequence_id = subscriber.sequence_id.wrapping_add(1);
            let body = Body::Management(ManagementHeader {
                target_port_identity: subscriber.identity,
                starting_boundary_hops: 0,
                boundary_hops: 0,
                action: Action::Response,
            });
            // Cannot fail: the value fits, by MAX_VALUE.
            let _ = self.instance.out.local_reply(subscriber.peer, |buf| {
                write_message(buf, &header, &body, TlvType::MANAGEMENT, value)
            });
        }
    }
}
