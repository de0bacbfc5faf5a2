//! The server's side: grants, within limits, and the messages they promise.
//!
//! A request is looked at in this order: access list, sane values, the port is master and not draining, limits of
//! interval and duration (clamped), number of clients, rate of this client, rate of all. What does not pass is refused
//! with a duration of zero, at no cost of memory. Every stream has its own phase, so that a thousand clients cost an
//! even load, not a burst.

use core::time::Duration;
use std::collections::BTreeMap;

use ptp_wire::{
    CancelUnicast, GrantFlags, GrantUnicast, LogInterval, PortIdentity, RequestUnicast, TlvValue,
};

use super::super::instance::Instance;
use super::super::port::{Port, Received, take};
use super::super::stats::DropCause;
use super::super::{Address, Destination, Event, Instant, PortState, UnicastServerConfig};
use super::limits::cost;
use super::wheel::{Due, Wheel};
use super::{KINDS, kind_of, put};

/// The first message of a grant leaves within this time, whatever its interval: nobody waits to be synchronised.
const FIRST: Duration = Duration::from_millis(20);
/// Nothing waits in the wheel for longer: what is due later is looked at again. So what nobody waits for any more, because
/// its client has changed its mind, is gone after this time, and who changes it a thousand times a second fills no memory.
const HORIZON: Duration = Duration::from_secs(16);
/// Of the wheel: not a message, but a look whether a client has anything left.
const EXPIRY: u8 = 4;

#[derive(Clone, Copy, Debug)]
struct Grant {
    log_interval: LogInterval,
    expires: Instant,
    /// The next message, of kinds that are sent by the clock.
    due: Instant,
    /// When the wheel comes to it: then, or before.
    queued: Instant,
    sequence_id: u16,
    /// The first message has been sent; from now on the phase is its own.
    spread: bool,
}

#[derive(Debug)]
struct ClientRecord {
    address: Address,
    identity: PortIdentity,
    grants: [Option<Grant>; 4],
    /// Messages in 1000 s of all its grants.
    cost: u64,
    sequence_id: u16,
}

#[derive(Debug, Default)]
struct Slot {
    /// Which client of those that had this place: late entries of the wheel find it changed.
    generation: u32,
    client: Option<ClientRecord>,
    /// The wheel holds its one [`EXPIRY`].
    looked_at: bool,
}

/// What a unicast server counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct UnicastServerStats {
    /// Clients with at least one grant.
    pub clients: u32,
    /// Messages in 1000 s that all grants promise.
    pub promised_per_1000_s: u64,
    /// Grants given, renewals included.
    pub granted: u64,
    /// Requests refused: not on the access list.
    pub refused_access: u64,
    /// Requests refused: no room for another client.
    pub refused_clients: u64,
    /// Requests refused: the rate of this client or of all would be too high.
    pub refused_rate: u64,
    /// Requests refused: not master, or draining.
    pub refused_state: u64,
    /// Requests refused: an absurd interval, no duration, or a type that cannot be had.
    pub refused_value: u64,
    /// Messages that were sent later than a whole interval.
    pub late: u64,
}

impl UnicastServerStats {
    /// All refusals.
    pub fn refused(&self) -> u64 {
        self.refused_access
            + self.refused_clients
            + self.refused_rate
            + self.refused_state
            + self.refused_value
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    Access,
    Clients,
    Rate,
    State,
    Value,
}

/// The clients of a port.
#[derive(Debug)]
pub(in super::super) struct Server {
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_name: BTreeMap<(Address, PortIdentity), u32>,
    wheel: Wheel,
    due: Vec<Due>,
    pub(in super::super) stats: UnicastServerStats,
}

impl Server {
    pub(in super::super) fn new(now: Instant) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_name: BTreeMap::new(),
            wheel: Wheel::new(now),
            due: Vec::new(),
            stats: UnicastServerStats::default(),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next()
    }

    fn record(&mut self, index: u32) -> Option<&mut ClientRecord> {
        self.slots.get_mut(index as usize)?.client.as_mut()
    }

    /// The client of an index that the wheel remembers, if it is still the one meant.
    fn remembered(&mut self, due: Due) -> Option<&mut ClientRecord> {
        let slot = self.slots.get_mut(due.index as usize)?;
        slot.client.as_mut().filter(|_| slot.generation == due.generation)
    }

    fn add(&mut self, address: Address, identity: PortIdentity) -> u32 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            // As many as max_clients, which is a u32.
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.client = Some(ClientRecord { address, identity, grants: [None; 4], cost: 0, sequence_id: 0 });
        self.by_name.insert((address, identity), index);
        self.stats.clients += 1;
        index
    }

    fn remove(&mut self, index: u32) {
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        let Some(client) = slot.client.take() else { return };
        slot.generation = slot.generation.wrapping_add(1);
        self.by_name.remove(&(client.address, client.identity));
        self.stats.promised_per_1000_s = self.stats.promised_per_1000_s.saturating_sub(client.cost);
        self.stats.clients -= 1;
        self.free.push(index);
    }

    /// Nobody waits for anything.
    fn clear_wheel(&mut self) {
        self.wheel.clear();
        self.slots.iter_mut().for_each(|slot| slot.looked_at = false);
    }

    /// Ends a grant; the client stays while it has others.
    fn end(&mut self, index: u32, kind: usize) {
        let Some(client) = self.record(index) else { return };
        let Some(grant) = client.grants.get_mut(kind).and_then(Option::take) else { return };
        let freed = cost(kind, grant.log_interval);
        client.cost = client.cost.saturating_sub(freed);
        let empty = client.grants.iter().all(Option::is_none);
        self.stats.promised_per_1000_s = self.stats.promised_per_1000_s.saturating_sub(freed);
        if empty {
            // Its cost is zero by now.
            self.remove(index);
        }
    }

    fn refuse(&mut self, why: Refusal) -> u64 {
        let counter = match why {
            Refusal::Access => &mut self.stats.refused_access,
            Refusal::Clients => &mut self.stats.refused_clients,
            Refusal::Rate => &mut self.stats.refused_rate,
            Refusal::State => &mut self.stats.refused_state,
            Refusal::Value => &mut self.stats.refused_value,
        };
        *counter += 1;
        self.stats.refused()
    }

    /// Takes a request in, or says why not.
    fn admit(
        &mut self,
        config: &UnicastServerConfig,
        now: Instant,
        unit: f64,
        from: (Address, PortIdentity),
        request: &RequestUnicast,
    ) -> Result<GrantUnicast, Refusal> {
        let kind = kind_of(request.message_type).ok_or(Refusal::Value)?;
        let asked = request.log_inter_message_period;
        let log_interval = config.interval(kind, asked).ok_or(Refusal::Value)?;
        let duration = config.duration(request.duration);
        if duration == 0 {
            return Err(Refusal::Value);
        }
        let known = self.by_name.get(&from).copied();
        let clients = self.stats.clients;
        let (held, own) = match known.and_then(|i| self.record(i)) {
            Some(client) => (client.grants[kind].map_or(0, |g| cost(kind, g.log_interval)), client.cost),
            None if clients >= config.max_clients => return Err(Refusal::Clients),
            None => (0, 0),
        };
        let price = cost(kind, log_interval);
        let limit = |per_second: u32| u64::from(per_second) * 1000;
        if own - held + price > limit(config.max_client_rate)
            || self.stats.promised_per_1000_s - held + price > limit(config.max_rate)
        {
            return Err(Refusal::Rate);
        }
        let index = known.unwrap_or_else(|| self.add(from.0, from.1));
        let generation = self.slots[index as usize].generation;
        let Some(client) = self.record(index) else { return Err(Refusal::Clients) };
        let expires = now + Duration::from_secs(duration.into());
        let old = client.grants[kind];
        let continues = old.is_some_and(|g| g.log_interval == log_interval && g.expires > now);
        let due = match old {
            Some(g) if continues => g.due,
            // Who asks for another interval all the time gets no message for each of his requests.
            Some(g) if g.expires > now => {
                now + g.log_interval.duration().min(log_interval.duration()).mul_f64(unit)
            }
            _ => now + log_interval.duration().min(FIRST).mul_f64(unit),
        };
        client.grants[kind] = Some(Grant {
            log_interval,
            expires,
            due,
            queued: old.map_or(due, |g| g.queued),
            sequence_id: old.map_or(0, |g| g.sequence_id),
            spread: continues,
        });
        client.cost = client.cost - held + price;
        self.stats.promised_per_1000_s = self.stats.promised_per_1000_s - held + price;
        self.stats.granted += 1;
        // Announce and Sync are sent by the clock; the others answer.
        let latest = now + HORIZON;
        let slot = &mut self.slots[index as usize];
        if kind < 2
            && !continues
            && let Some(grant) = slot.client.as_mut().and_then(|c| c.grants[kind].as_mut())
        {
            grant.queued = due.min(latest);
            self.wheel.insert(Due { at: grant.queued, index, kind: kind as u8, generation });
        }
        if !std::mem::replace(&mut slot.looked_at, true) {
            self.wheel.insert(Due { at: expires.min(latest), index, kind: EXPIRY, generation });
        }
        Ok(GrantUnicast {
            message_type: request.message_type,
            log_inter_message_period: log_interval,
            duration,
            flags: GrantFlags::RENEWAL_INVITED,
        })
    }

    /// Whether this client may have this kind now.
    fn holds(&mut self, from: (Address, PortIdentity), kind: usize, now: Instant) -> bool {
        let Some(index) = self.by_name.get(&from).copied() else { return false };
        self.record(index).is_some_and(|c| c.grants[kind].is_some_and(|g| g.expires > now))
    }
}

impl Port {
    /// REQUEST_UNICAST_TRANSMISSION: all of one message are answered in one.
    pub(super) fn receive_requests<'a>(
        &mut self,
        instance: &mut Instance,
        rx: Received<'_>,
        requests: impl Iterator<Item = &'a RequestUnicast>,
    ) {
        let header = rx.message.header();
        let (Some(mut server), Some(config)) =
            (self.unicast.server.take(), self.config.unicast_server.as_ref())
        else {
            return self.stats.drop(DropCause::NotGranted);
        };
        let from = (rx.source, header.source_port_identity);
        let admitted = config.admits(rx.source);
        let serves = self.state == PortState::Master && !config.drain;
        let mut answers = [None; 8];
        let before = server.stats.clients;
        let mut refused = None;
        for (answer, request) in answers.iter_mut().zip(requests) {
            let result = if !admitted {
                Err(Refusal::Access)
            } else if !serves {
                Err(Refusal::State)
            } else {
                server.admit(config, instance.now, instance.rng.unit(), from, request)
            };
            *answer = Some(match result {
                Ok(grant) => grant,
                Err(why) => {
                    refused = Some(server.refuse(why));
                    GrantUnicast {
                        message_type: request.message_type,
                        log_inter_message_period: request.log_inter_message_period,
                        duration: 0,
                        flags: GrantFlags::default(),
                    }
                }
            });
        }
        let (after, number) = (server.stats.clients, self.number());
        self.unicast.server = Some(server);
        // Who is not on the list is not even told that somebody is here.
        if admitted {
            let rate = self.own_interface_rate();
            self.send_signaling(instance, rx.source, header.source_port_identity, header.sequence_id, |w| {
                let granted = |g: &GrantUnicast| g.duration > 0;
                answers.iter().flatten().try_for_each(|grant| put(w, &TlvValue::GrantUnicast(*grant)))?;
                match rate.filter(|_| answers.iter().flatten().any(granted)) {
                    Some(rate) => put(w, &rate),
                    None => Ok(()),
                }
            });
        } else {
            self.stats.drop(DropCause::NotGranted);
        }
        if after > before && after.is_power_of_two() {
            instance.out.event(Event::UnicastClients { port: number, clients: after });
        }
        if let Some(total) = refused.filter(|total| total.is_power_of_two()) {
            instance.out.event(Event::UnicastRequestRefused { port: number, client: rx.source, total });
        }
    }

    pub(super) fn cancelled_by_client(&mut self, rx: Received<'_>, kind: usize) {
        if let Some(server) = &mut self.unicast.server
            && let Some(index) =
                server.by_name.get(&(rx.source, rx.message.header().source_port_identity)).copied()
        {
            server.end(index, kind);
        }
    }

    pub(super) fn unicast_server_due(&mut self, instance: &mut Instance) {
        let Some(mut server) = self.unicast.server.take() else { return };
        let mut due = std::mem::take(&mut server.due);
        server.wheel.take_due(instance.now, &mut due);
        for entry in due.drain(..) {
            if entry.kind == EXPIRY {
                self.expire_client(instance, &mut server, entry);
            } else {
                self.send_granted(instance, &mut server, entry);
            }
        }
        server.due = due;
        self.unicast.server = Some(server);
    }

    /// Looks whether a grant of the client in this place has ended, and again when the next will, or some time before. One look
    /// for each place waits in the wheel, whoever has the place by then.
    fn expire_client(&mut self, instance: &Instance, server: &mut Server, entry: Due) {
        let now = instance.now;
        if let Some(slot) = server.slots.get_mut(entry.index as usize) {
            slot.looked_at = false;
        }
        let Some(client) = server.record(entry.index) else { return };
        let ended = client.grants.map(|g| g.is_some_and(|g| g.expires <= now));
        for (kind, _) in ended.into_iter().enumerate().filter(|(_, ended)| *ended) {
            self.stats.service.unicast_service_timeout += 1;
            server.end(entry.index, kind);
        }
        if let Some(slot) = server.slots.get_mut(entry.index as usize)
            && let Some(client) = &slot.client
            && let Some(at) = client.grants.iter().flatten().map(|g| g.expires).min()
        {
            slot.looked_at = true;
            server.wheel.insert(Due { at: at.min(now + HORIZON), ..entry });
        }
    }

    fn send_granted(&mut self, instance: &mut Instance, server: &mut Server, entry: Due) {
        let kind = usize::from(entry.kind);
        let now = instance.now;
        let serves = self.state == PortState::Master;
        let Some(client) = server.remembered(entry) else { return };
        let address = client.address;
        // A grant that was changed since has a deadline of its own.
        let Some(grant) =
            client.grants.get_mut(kind).and_then(Option::as_mut).filter(|g| g.queued == entry.at)
        else {
            return;
        };
        if grant.expires <= now || !serves {
            return;
        }
        if grant.due > now {
            grant.queued = grant.due.min(now + HORIZON);
            let at = grant.queued;
            return server.wheel.insert(Due { at, ..entry });
        }
        let sequence_id = take(&mut grant.sequence_id);
        let (log_interval, interval) = (grant.log_interval, grant.log_interval.duration());
        let wait = if std::mem::replace(&mut grant.spread, true) {
            interval
        } else {
            interval.mul_f64(instance.rng.unit())
        };
        let mut at = grant.due + wait;
        let late = at <= now && wait > Duration::ZERO;
        if late {
            // A whole interval too late: what was missed is not made up for.
            at = now + interval;
        }
        grant.due = at;
        grant.queued = at.min(now + HORIZON);
        let queued = grant.queued;
        server.stats.late += u64::from(late);
        server.wheel.insert(Due { at: queued, ..entry });
        let destination = Destination::Unicast(address);
        match KINDS.get(kind) {
            Some(ptp_wire::MessageType::Announce) => {
                self.send_announce_to(instance, destination, sequence_id)
            }
            _ => self.send_sync_to(instance, destination, sequence_id, log_interval),
        }
    }

    /// What is announced has changed: every client's next Announce comes soon, spread over a tenth of its interval.
    pub(in super::super) fn unicast_announce_now(&mut self, instance: &mut Instance) {
        let Some(server) = self.unicast.server.as_mut() else { return };
        let Server { slots, wheel, .. } = &mut **server;
        for (index, slot) in slots.iter_mut().enumerate() {
            let generation = slot.generation;
            let Some(grant) = slot.client.as_mut().and_then(|c| c.grants[0].as_mut()) else { continue };
            let at = instance.now + grant.log_interval.duration().mul_f64(0.1 * instance.rng.unit());
            if at < grant.due {
                grant.due = at;
                grant.queued = at;
                // As many as max_clients, which is a u32.
                wheel.insert(Due { at, index: index as u32, generation, kind: 0 });
            }
        }
    }

    /// Ends all grants, telling the clients: the port is no master any more, drains, or the daemon ends.
    pub(in super::super) fn unicast_server_end(&mut self, instance: &mut Instance) {
        let Some(mut server) = self.unicast.server.take() else { return };
        for slot in &mut server.slots {
            let Some(client) = &mut slot.client else { continue };
            let kinds = client.grants.map(|g| g.is_some_and(|g| g.expires > instance.now));
            let sequence_id = take(&mut client.sequence_id);
            let (address, identity) = (client.address, client.identity);
            self.send_signaling(instance, address, identity, sequence_id, |w| {
                for (message_type, _) in KINDS.into_iter().zip(kinds).filter(|(_, held)| *held) {
                    let cancel =
                        CancelUnicast { message_type, maintain_request: false, maintain_grant: false };
                    put(w, &TlvValue::CancelUnicast(cancel))?;
                }
                Ok(())
            });
        }
        for index in 0..server.slots.len() {
            server.remove(index as u32);
        }
        server.clear_wheel();
        self.unicast.server = Some(server);
    }

    /// The port cannot be used any more: nobody can be told.
    pub(in super::super) fn unicast_server_clear(&mut self) {
        if let Some(server) = &mut self.unicast.server {
            for index in 0..server.slots.len() {
                server.remove(index as u32);
            }
            server.clear_wheel();
        }
    }

    /// Whether a unicast Delay_Req is answered. Where there is multicast service, too, hybrid clients need no grant;
    /// a port that serves only by contract answers only those who have one.
    pub(in super::super) fn answers_unicast_delay_req(
        &mut self,
        source: Address,
        identity: PortIdentity,
        now: Instant,
    ) -> bool {
        let Some(config) = &self.config.unicast_server else { return true };
        if !config.admits(source) {
            return false;
        }
        let Some(server) = &mut self.unicast.server else { return false };
        self.config.multicast || server.holds((source, identity), 2, now)
    }

    /// New limits. What was granted stays until it is renewed, but for a server that drains or ends.
    pub(in super::super) fn configure_unicast_server(
        &mut self,
        instance: &mut Instance,
        config: Option<&UnicastServerConfig>,
    ) {
        match config {
            None => {
                self.unicast_server_end(instance);
                self.unicast.server = None;
            }
            Some(config) => {
                let now = instance.now;
                self.unicast.server.get_or_insert_with(|| Box::new(Server::new(now)));
                if config.drain {
                    self.unicast_server_end(instance);
                }
            }
        }
    }
}
