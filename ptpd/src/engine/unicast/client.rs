//! The client's side: a table of masters, and what each has granted.
//!
//! | Entry | asks for | when |
//! |---|---|---|
//! | WAIT: no Announce granted | Announce | each query interval; less often after a refusal |
//! | HAVE_ANN: not selected | renews Announce | at 3/4 of its time |
//! | NEED_SYDY: selected, Sync or delay missing | what is missing | each query interval |
//! | HAVE_SYDY: selected, all granted | renews what is due | at 3/4 of its time |

use core::time::Duration;

use ptp_wire::{
    CancelUnicast, GrantUnicast, LogInterval, MessageType, PortIdentity, RequestUnicast, TimeInterval,
    TlvValue,
};

use super::super::instance::Instance;
use super::super::port::{Port, Received, take};
use super::super::stats::DropCause;
use super::super::{Address, Delay, Event, Instant, MasterAddress, UnicastClientConfig, UnicastMaster};
use super::{kind_of, put};

/// A refusal is answered by patience: the wait doubles each time, up to 2^4 query intervals.
const MAX_PATIENCE: u32 = 4;
/// A duration that a master may grant is believed up to this: 30 days.
const LONGEST: u32 = 30 * 86_400;

/// A grant.
#[derive(Clone, Copy, Debug)]
struct Contract {
    expires: Instant,
    renew: Instant,
    log_interval: LogInterval,
}

/// The states of linuxptp's UNICAST_MASTER_TABLE_NP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(in super::super) enum EntryState {
    Wait = 0,
    HaveAnnounce = 1,
    NeedSyncDelay = 2,
    HaveSyncDelay = 3,
}

/// A master of the table.
#[derive(Debug)]
pub(in super::super) struct Entry {
    /// Where it is, once known.
    pub(in super::super) address: Option<Address>,
    /// Its port, once it has answered.
    pub(in super::super) identity: Option<PortIdentity>,
    pub(in super::super) selected: bool,
    /// By place in [`super::KINDS`].
    contracts: [Option<Contract>; 4],
    next: Instant,
    refusals: u32,
    sequence_id: u16,
    /// What the rates of both ends make of the path's asymmetry.
    pub(super) rate_asymmetry: TimeInterval,
}

impl Entry {
    fn new(address: MasterAddress, now: Instant) -> Self {
        let address = match address {
            MasterAddress::Known(address) => Some(address),
            MasterAddress::Named(_) => None,
        };
        Self {
            address,
            identity: None,
            selected: false,
            contracts: [None; 4],
            next: now,
            refusals: 0,
            sequence_id: 0,
            rate_asymmetry: TimeInterval::ZERO,
        }
    }

    pub(in super::super) fn state(&self, delay: Delay) -> EntryState {
        let complete = needed(delay).iter().all(|kind| self.contracts[*kind].is_some());
        match (self.contracts[0].is_some(), self.selected) {
            (false, _) => EntryState::Wait,
            (true, false) => EntryState::HaveAnnounce,
            (true, true) if complete => EntryState::HaveSyncDelay,
            (true, true) => EntryState::NeedSyncDelay,
        }
    }

    /// The interval granted for a kind.
    fn interval(&self, kind: usize) -> Option<LogInterval> {
        self.contracts[kind].map(|c| c.log_interval)
    }
}

/// What a selected master has to grant besides Announce.
fn needed(delay: Delay) -> &'static [usize] {
    match delay {
        Delay::E2e => &[1, 2],
        Delay::P2p => &[1, 3],
        Delay::CommonP2p => &[1],
        _ => &[1],
    }
}

/// The unicast master table of a port.
#[derive(Debug)]
pub(in super::super) struct Client {
    pub(in super::super) entries: Vec<Entry>,
    /// When the selected master last gave a Sync.
    last_sync: Instant,
    active: bool,
}

impl Client {
    pub(in super::super) fn new(config: &UnicastClientConfig, now: Instant) -> Self {
        Self {
            entries: config.masters.iter().map(|m| Entry::new(m.address.clone(), now)).collect(),
            last_sync: now,
            active: false,
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let waiting = self.entries.iter().filter(|e| e.address.is_some()).map(|e| e.next).min();
        waiting.filter(|_| self.active)
    }

    pub(super) fn find(&mut self, address: Address) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|e| e.address == Some(address))
    }

    fn by_address(&self, address: Address) -> Option<&Entry> {
        self.entries.iter().find(|e| e.address == Some(address))
    }

    /// The interval of Announces to expect: the selected master's, else the longest of all.
    pub(in super::super) fn announce_interval(&self) -> Option<LogInterval> {
        let selected = self.entries.iter().find(|e| e.selected).and_then(|e| e.interval(0));
        selected.or_else(|| self.entries.iter().filter_map(|e| e.interval(0)).max())
    }

    /// Of the selected master.
    pub(super) fn rate_asymmetry(&self) -> TimeInterval {
        self.entries.iter().find(|e| e.selected).map_or(TimeInterval::ZERO, |e| e.rate_asymmetry)
    }

    /// The place in the table of the master at an address.
    pub(in super::super) fn place(&self, address: Address) -> Option<usize> {
        self.entries.iter().position(|e| e.address == Some(address))
    }

    /// Where the selected master is.
    pub(in super::super) fn selected(&self) -> Option<Address> {
        self.entries.iter().find(|e| e.selected).and_then(|e| e.address)
    }
}

impl Port {
    /// The port can be used (again): everything is asked for anew.
    pub(in super::super) fn unicast_client_start(&mut self, now: Instant) {
        if let (Some(client), Some(config)) = (&mut self.unicast.client, &self.config.unicast_client) {
            let addresses: Vec<_> = client.entries.iter().map(|e| e.address).collect();
            *client = Client::new(config, now);
            for (entry, address) in client.entries.iter_mut().zip(addresses) {
                entry.address = address;
            }
            client.active = true;
        }
    }

    /// The port cannot be used any more; nothing can be cancelled over it.
    pub(in super::super) fn unicast_client_stop(&mut self) {
        if let Some(client) = &mut self.unicast.client {
            client.active = false;
            for entry in &mut client.entries {
                entry.contracts = [None; 4];
                entry.selected = false;
            }
        }
    }

    /// A name was resolved, or cannot be any more.
    pub(in super::super) fn unicast_master_address(
        &mut self,
        instance: &mut Instance,
        index: usize,
        address: Option<Address>,
    ) {
        let now = instance.now;
        // A table that a management client has set has no names any more.
        let masters = self.config.unicast_client.as_ref().map_or(&[][..], |c| &c.masters);
        if !masters.get(index).is_some_and(|m| matches!(m.address, MasterAddress::Named(_))) {
            return;
        }
        let Some(client) = &mut self.unicast.client else { return };
        let taken = address.is_some_and(|a| client.by_address(a).is_some());
        let Some(entry) = client.entries.get_mut(index).filter(|e| e.address != address && !taken) else {
            return;
        };
        let identity = entry.identity;
        *entry = Entry { address, next: now, ..Entry::new(MasterAddress::Named(String::new()), now) };
        if let Some(identity) = identity {
            self.foreign.remove(identity);
            instance.decision_due = true;
        }
    }

    pub(super) fn unicast_client_due(&mut self, instance: &mut Instance) {
        let Some(mut client) = self.unicast.client.take() else { return };
        self.renew_lost_sync(instance, &mut client);
        for entry in &mut client.entries {
            if entry.next <= instance.now {
                self.serve_entry(instance, entry);
            }
        }
        self.unicast.client = Some(client);
    }

    /// A master that forgot us (it was restarted) announces no more, or announces and sends no Sync: ask again.
    fn renew_lost_sync(&mut self, instance: &Instance, client: &mut Client) {
        let silent = instance.now.since(client.last_sync);
        for entry in client.entries.iter_mut().filter(|e| e.selected) {
            if let Some(interval) = entry.interval(1)
                && silent > interval.duration().saturating_mul(8).max(Duration::from_secs(2))
            {
                entry.contracts[1] = None;
                entry.contracts[2] = None;
                entry.contracts[3] = None;
                client.last_sync = instance.now;
            }
        }
    }

    /// Asks this master for what is missing or will end soon, and says when to look again.
    fn serve_entry(&mut self, instance: &mut Instance, entry: &mut Entry) {
        let (Some(address), Some(config)) = (entry.address, self.config.unicast_client.clone()) else {
            return;
        };
        let now = instance.now;
        for contract in &mut entry.contracts {
            contract.take_if(|c| c.expires <= now);
        }
        let due = |entry: &Entry, kind: usize| entry.contracts[kind].is_none_or(|c| c.renew <= now);
        let mut wanted = [None; 3];
        if due(entry, 0) {
            wanted[0] = Some((0, self.config.log_announce_interval));
        }
        // Sync and delay are worth asking for once Announce is there.
        if entry.selected && entry.contracts[0].is_some() {
            for (place, kind) in wanted.iter_mut().skip(1).zip(needed(self.config.delay)) {
                let interval = match kind {
                    1 => self.config.log_sync_interval,
                    2 => self.config.log_min_delay_req_interval,
                    _ => self.config.log_min_pdelay_req_interval,
                };
                *place = due(entry, *kind).then_some((*kind, interval));
            }
        }
        if wanted.iter().all(Option::is_none) {
            entry.next = self.next_look(entry, now);
            return;
        }
        let sequence_id = take(&mut entry.sequence_id);
        let target = entry.identity.unwrap_or(PortIdentity::ANY);
        self.stats.service.unicast_request_timeout +=
            u64::from(sequence_id > 0 && entry.contracts[0].is_none());
        self.send_signaling(instance, address, target, sequence_id, |w| {
            for (kind, interval) in wanted.into_iter().flatten() {
                put(
                    w,
                    &TlvValue::RequestUnicast(RequestUnicast {
                        message_type: super::KINDS[kind],
                        log_inter_message_period: interval,
                        duration: config.duration,
                    }),
                )?;
            }
            Ok(())
        });
        // A tenth more or less, so that many clients that started together do not ask together for ever.
        let query =
            config.log_query_interval.duration().saturating_mul(1 << entry.refusals.min(MAX_PATIENCE));
        entry.next = now + query.mul_f64(0.9 + 0.2 * instance.rng.unit());
    }

    /// When the first contract has to be renewed, or Sync is looked after.
    fn next_look(&self, entry: &Entry, now: Instant) -> Instant {
        let renew = entry.contracts.iter().flatten().map(|c| c.renew).min();
        let watch = entry.selected.then(|| now + Duration::from_secs(1));
        [renew, watch].into_iter().flatten().min().unwrap_or(now + Duration::from_secs(1)).max(now)
    }

    /// The state decision has chosen: asks the new parent for Sync, and ends that of others.
    pub(in super::super) fn unicast_select(&mut self, instance: &mut Instance, parent: Option<PortIdentity>) {
        let Some(mut client) = self.unicast.client.take() else { return };
        for entry in &mut client.entries {
            let selected = parent.is_some() && entry.identity == parent;
            if selected == entry.selected {
                continue;
            }
            entry.selected = selected;
            if selected {
                client.last_sync = instance.now;
                entry.next = instance.now;
            } else {
                self.cancel(instance, entry, &[1, 2, 3]);
                entry.next = self.next_look(entry, instance.now);
            }
        }
        // Asked for at once: the new master's first Sync is what everybody waits for.
        for entry in &mut client.entries {
            if entry.selected && entry.next <= instance.now {
                self.serve_entry(instance, entry);
            }
        }
        self.unicast.client = Some(client);
    }

    /// Tells a master that some of what it grants is not wanted any more.
    fn cancel(&mut self, instance: &mut Instance, entry: &mut Entry, kinds: &[usize]) {
        let Some(address) = entry.address else { return };
        let mut ended = [false; 4];
        for kind in kinds {
            ended[*kind] = entry.contracts[*kind].take().is_some();
        }
        if !ended.contains(&true) {
            return;
        }
        let target = entry.identity.unwrap_or(PortIdentity::ANY);
        let sequence_id = take(&mut entry.sequence_id);
        self.send_signaling(instance, address, target, sequence_id, |w| {
            for (kind, message_type) in super::KINDS.into_iter().enumerate() {
                if ended[kind] {
                    let cancel =
                        CancelUnicast { message_type, maintain_request: false, maintain_grant: false };
                    put(w, &TlvValue::CancelUnicast(cancel))?;
                }
            }
            Ok(())
        });
    }

    /// The daemon ends: masters need not go on for us.
    pub(in super::super) fn unicast_client_end(&mut self, instance: &mut Instance) {
        let Some(mut client) = self.unicast.client.take() else { return };
        for entry in &mut client.entries {
            self.cancel(instance, entry, &[0, 1, 2, 3]);
        }
        client.active = false;
        self.unicast.client = Some(client);
    }

    /// The master has gone silent: it has to be asked for everything anew. One that still announces is told that nothing
    /// else is wanted.
    pub(in super::super) fn unicast_master_lost(
        &mut self,
        instance: &mut Instance,
        identity: PortIdentity,
        announces: bool,
    ) {
        let Some(mut client) = self.unicast.client.take() else { return };
        for entry in client.entries.iter_mut().filter(|e| e.identity == Some(identity)) {
            if announces {
                self.cancel(instance, entry, &[1, 2, 3]);
            }
            entry.contracts = [None; 4];
            entry.next = instance.now;
        }
        self.unicast.client = Some(client);
    }

    pub(super) fn receive_grant(&mut self, instance: &mut Instance, rx: Received<'_>, grant: &GrantUnicast) {
        let source = rx.message.header().source_port_identity;
        let number = self.number();
        let Some(entry) = self.unicast.client.as_mut().and_then(|c| c.find(rx.source)) else {
            return self.stats.drop(DropCause::NotGranted);
        };
        let Some(kind) = kind_of(grant.message_type) else { return self.stats.drop(DropCause::Malformed) };
        if entry.identity.is_some_and(|known| known != source) {
            // Another port at the same address: the master was replaced. What the old one granted is void.
            entry.contracts = [None; 4];
            entry.selected = false;
            instance.decision_due = true;
        }
        entry.identity = Some(source);
        if grant.duration == 0 {
            entry.refusals += 1;
            let had = entry.contracts[kind].take().is_some();
            if kind == 0 {
                entry.contracts = [None; 4];
                if had {
                    self.foreign.remove(source);
                    instance.decision_due = true;
                }
            }
            if entry.refusals.is_power_of_two() {
                instance.out.event(Event::UnicastRefused {
                    port: number,
                    master: rx.source,
                    message_type: grant.message_type,
                });
            }
            return;
        }
        let duration = Duration::from_secs(grant.duration.min(LONGEST).into());
        let new = entry.contracts[kind].is_none();
        entry.contracts[kind] = Some(Contract {
            expires: instance.now + duration,
            renew: instance.now + duration.mul_f64(0.75),
            log_interval: grant.log_inter_message_period,
        });
        entry.refusals = 0;
        let granted = entry.log_intervals();
        entry.next = entry.contracts.iter().flatten().map(|c| c.renew).min().unwrap_or(instance.now);
        if entry.selected {
            entry.next = entry.next.min(instance.now + Duration::from_secs(1));
            if let Some(interval) = granted[1] {
                self.log_sync_interval = interval;
            }
            if let Some(interval) = granted[2] {
                self.log_delay_req_interval = interval;
            }
        }
        if new {
            instance.out.event(Event::UnicastGranted {
                port: number,
                master: rx.source,
                message_type: grant.message_type,
                log_interval: grant.log_inter_message_period,
                duration: grant.duration,
            });
        }
    }

    /// CANCEL, of either side.
    pub(super) fn receive_cancel(
        &mut self,
        instance: &mut Instance,
        rx: Received<'_>,
        cancel: CancelUnicast,
    ) {
        let source = rx.message.header().source_port_identity;
        let Some(kind) = kind_of(cancel.message_type) else { return self.stats.drop(DropCause::Malformed) };
        // From a master of the table, or from a client of the server here.
        let number = self.number();
        if let Some(entry) = self.unicast.client.as_mut().and_then(|c| c.find(rx.source)) {
            if cancel.maintain_grant || entry.identity.is_some_and(|known| known != source) {
                return;
            }
            entry.contracts[kind] = None;
            if kind == 0 {
                entry.contracts = [None; 4];
                self.foreign.remove(source);
                instance.decision_due = true;
            }
            // Not at once: it has just said that it does not want to.
            let query = self
                .config
                .unicast_client
                .as_ref()
                .map_or(Duration::ZERO, |c| c.log_query_interval.duration());
            entry.next = instance.now + query;
            let sequence_id = take(&mut entry.sequence_id);
            instance.out.event(Event::UnicastCancelled {
                port: number,
                master: rx.source,
                message_type: cancel.message_type,
            });
            self.acknowledge(instance, rx, sequence_id, cancel);
        } else if self.unicast.server.is_some() {
            self.cancelled_by_client(rx, kind);
            self.acknowledge(instance, rx, rx.message.header().sequence_id, cancel);
        } else {
            self.stats.drop(DropCause::NotGranted);
        }
    }

    fn acknowledge(
        &mut self,
        instance: &mut Instance,
        rx: Received<'_>,
        sequence_id: u16,
        cancel: CancelUnicast,
    ) {
        let target = rx.message.header().source_port_identity;
        self.send_signaling(instance, rx.source, target, sequence_id, |w| {
            put(w, &TlvValue::AcknowledgeCancelUnicast(cancel))
        });
    }

    /// Whether a unicast Announce, Sync or Follow_Up was asked for; also what interval was granted for it.
    pub(in super::super) fn unicast_expected(
        &self,
        source: Address,
        message_type: MessageType,
    ) -> Option<Option<LogInterval>> {
        let entry = self.unicast.client.as_ref()?.by_address(source)?;
        let kind = match message_type {
            MessageType::Announce => 0,
            _ => 1,
        };
        Some(entry.interval(kind))
    }

    /// localPriority of the master of the table at this address.
    pub(in super::super) fn unicast_local_priority(&self, source: Address) -> Option<u8> {
        let place = self.unicast.client.as_ref()?.place(source)?;
        self.config.unicast_client.as_ref()?.masters.get(place).map(|m| m.local_priority)
    }

    /// A Sync of the selected master has come.
    pub(in super::super) fn unicast_sync_seen(&mut self, now: Instant) {
        if let Some(client) = &mut self.unicast.client {
            client.last_sync = now;
        }
    }

    /// Where Delay_Req goes, if not to the group.
    pub(in super::super) fn unicast_master(&self) -> Option<Address> {
        self.unicast.client.as_ref()?.selected()
    }

    /// New settings: masters that stay keep what they granted.
    pub(in super::super) fn configure_unicast_client(
        &mut self,
        instance: &mut Instance,
        config: Option<&UnicastClientConfig>,
    ) {
        let old_config = self.config.unicast_client.as_ref();
        if old_config == config {
            return;
        }
        let old = self.unicast.client.take();
        let active = self.active();
        let Some(config) = config else {
            self.unicast.client = old;
            self.unicast_client_end(instance);
            self.unicast.client = None;
            return;
        };
        let mut new = Client::new(config, instance.now);
        new.active = active;
        let mut left = Vec::new();
        if let (Some(mut old), Some(old_config)) = (old, old_config) {
            for (entry, master) in old.entries.drain(..).zip(&old_config.masters) {
                // What was found by its name may now be told by its address.
                let found = entry.address.map(MasterAddress::Known);
                let same =
                    |m: &&UnicastMaster| m.address == master.address || Some(&m.address) == found.as_ref();
                let place = config.masters.iter().position(|m| same(&m));
                match place.and_then(|place| new.entries.get_mut(place)) {
                    Some(place) => *place = entry,
                    None => left.push(entry),
                }
            }
        }
        for mut entry in left {
            self.cancel(instance, &mut entry, &[0, 1, 2, 3]);
            if let Some(identity) = entry.identity {
                self.foreign.remove(identity);
            }
        }
        self.foreign.expect(new.entries.len());
        self.unicast.client = Some(new);
        instance.decision_due = true;
    }
}

impl Entry {
    fn log_intervals(&self) -> [Option<LogInterval>; 4] {
        self.contracts.map(|c| c.map(|c| c.log_interval))
    }
}
