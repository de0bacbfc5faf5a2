//! What all ports of an instance share.

use ptp_wire::ClockIdentity;

use super::data_sets::{CurrentDs, ParentDs};
use super::gptp::{OwnTimeBase, Relayed};
use super::outbox::Outbox;
use super::rng::Rng;
use super::{Event, InstanceConfig, Instant, TimeProperties};

/// Identities a PATH_TRACE may hold and the Announce still fit one message.
pub(super) const MAX_PATH: usize = 150;

#[derive(Debug)]
pub(super) struct Instance {
    pub(super) config: InstanceConfig,
    pub(super) current: CurrentDs,
    pub(super) parent: ParentDs,
    pub(super) time_properties: TimeProperties,
    /// pathTraceDS.list: from the grandmaster to the parent.
    pub(super) path: Vec<ClockIdentity>,
    /// The parent's TLVs that are repeated.
    pub(super) forward: Vec<u8>,
    /// The last Sync received, for those who pass it on.
    pub(super) relayed: Option<Relayed>,
    /// It has not been passed on yet.
    pub(super) relay_due: bool,
    /// What is told of the own time base.
    pub(super) time_base: OwnTimeBase,
    pub(super) out: Outbox,
    pub(super) rng: Rng,
    pub(super) now: Instant,
    /// Something changed that the state decision depends on.
    pub(super) decision_due: bool,
    /// parentDS changed; subscribers have not been told yet.
    pub(super) parent_changed: bool,
    /// A port changed its state; subscribers have not been told yet.
    pub(super) port_state_changed: bool,
    /// There is a new offset; subscribers have not been told yet.
    pub(super) synchronised: bool,
}

impl Instance {
    pub(super) fn new(config: InstanceConfig, seed: u64, now: Instant) -> Self {
        Self {
            current: CurrentDs::default(),
            parent: ParentDs::own(&config),
            time_properties: config.time_properties,
            path: Vec::with_capacity(MAX_PATH),
            forward: Vec::new(),
            relayed: None,
            relay_due: false,
            time_base: OwnTimeBase::default(),
            out: Outbox::default(),
            rng: Rng::new(seed),
            now,
            decision_due: false,
            parent_changed: false,
            port_state_changed: false,
            synchronised: false,
            config,
        }
    }

    /// This instance is the grandmaster.
    pub(super) fn is_grandmaster(&self) -> bool {
        self.parent.parent_port_identity.clock_identity == self.config.clock_identity
    }

    /// There is a grandmaster (802.1AS-2020 10.2.4.13): priority1 255 is none.
    pub(super) fn gm_present(&self) -> bool {
        self.parent.grandmaster_priority1 < u8::MAX
    }

    /// What a relay passes on; `None` while it is grandmaster, or none at all.
    pub(super) fn relaying(&self) -> Option<&Relayed> {
        self.relayed.as_ref().filter(|_| self.config.relay && !self.is_grandmaster())
    }

    /// Takes over a parent's data sets, or its own; tells what changed.
    pub(super) fn set_parent(
        &mut self,
        parent: ParentDs,
        time_properties: TimeProperties,
        steps_removed: u16,
    ) {
        self.current.steps_removed = steps_removed;
        let own = parent.parent_port_identity.clock_identity == self.config.clock_identity;
        if own {
            self.current = CurrentDs::default();
            self.path.clear();
            self.forward.clear();
        }
        if parent != self.parent {
            let moved = parent.parent_port_identity != self.parent.parent_port_identity
                || parent.grandmaster_identity != self.parent.grandmaster_identity;
            self.parent = parent;
            if moved {
                self.relayed = None;
                self.out.event(Event::Parent {
                    parent: parent.parent_port_identity,
                    grandmaster: parent.grandmaster_identity,
                    own,
                });
            }
            self.parent_changed = true;
        }
        if time_properties != self.time_properties {
            self.time_properties = time_properties;
            self.out.event(Event::TimeProperties);
        }
    }
}
