//! What all ports of an instance share.

use ptp_wire::management::ClockStatusNp;
use ptp_wire::{ClockIdentity, ClockQuality, FollowUpInformation};

use super::data_sets::{CurrentDs, ParentDs};
use super::gptp::{OwnTimeBase, Relayed};
use super::holdover::Keeping;
use super::options::OptionsState;
use super::outbox::Outbox;
use super::power::Power;
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
    pub(super) options: OptionsState,
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
    /// What it is worth without a master.
    pub(super) keeping: Keeping,
    /// The parent says synchronizationUncertain of itself.
    pub(super) parent_uncertain: bool,
    /// The parent's C37.238 TLV.
    pub(super) parent_power: Option<Power>,
    /// synchronizationUncertain as Announces carry it.
    pub(super) uncertain: bool,
    /// What ports announce has changed since it was last looked at.
    pub(super) announced_changed: bool,
    /// There is a new offset; subscribers have not been told yet.
    pub(super) synchronised: bool,
    /// How it stands with the clock, if the host tells.
    pub(super) clock_status: Option<ClockStatusNp>,
}

impl Instance {
    pub(super) fn new(config: InstanceConfig, seed: u64, now: Instant) -> Self {
        Self {
            current: CurrentDs::default(),
            parent: ParentDs::own(&config, config.effective_quality()),
            time_properties: config.time_properties,
            path: Vec::with_capacity(MAX_PATH),
            forward: Vec::new(),
            options: OptionsState::new(&config.options, config.ports.len(), now),
            relayed: None,
            relay_due: false,
            time_base: OwnTimeBase::default(),
            out: Outbox::new(),
            rng: Rng::new(seed),
            now,
            decision_due: false,
            parent_changed: false,
            port_state_changed: false,
            synchronised: false,
            clock_status: None,
            keeping: Keeping::default(),
            parent_uncertain: false,
            parent_power: None,
            uncertain: false,
            announced_changed: false,
            config,
        }
    }

    /// defaultDS.clockQuality at present.
    pub(super) fn quality(&self) -> ClockQuality {
        let own = self.config.effective_quality();
        if self.config.client_only {
            own
        } else {
            self.keeping.quality(self.now, &self.config).unwrap_or(own)
        }
    }

    /// timePropertiesDS while this instance is grandmaster.
    pub(super) fn own_time_properties(&self) -> TimeProperties {
        self.keeping.time_properties(self.now, &self.config).unwrap_or(self.config.time_properties)
    }

    /// This instance is the grandmaster.
    pub(super) fn is_grandmaster(&self) -> bool {
        self.parent.parent_port_identity.clock_identity == self.config.clock_identity
    }

    /// There is a grandmaster (802.1AS-2020 10.2.4.13): priority1 255 is none.
    pub(super) fn gm_present(&self) -> bool {
        self.parent.grandmaster_priority1 < u8::MAX
    }

    /// The Follow_Up information of the present time: received with the last Sync, or the own. Zeros: there is none.
    pub(super) fn follow_up_information(&self) -> FollowUpInformation {
        match &self.relayed {
            _ if self.is_grandmaster() => self.time_base.information(),
            Some(relayed) => relayed.information,
            None => OwnTimeBase::default().information(),
        }
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
        let before = self.current.steps_removed;
        self.current.steps_removed = steps_removed;
        let own = parent.parent_port_identity.clock_identity == self.config.clock_identity;
        if own {
            self.current = CurrentDs::default();
            self.current.steps_removed = steps_removed;
            self.path.clear();
            self.forward.clear();
        }
        self.announced_changed |= (Announced::of(&parent), time_properties, steps_removed)
            != (Announced::of(&self.parent), self.time_properties, before);
        if parent != self.parent {
            let moved = parent.parent_port_identity != self.parent.parent_port_identity
                || parent.grandmaster_identity != self.parent.grandmaster_identity;
            self.parent = parent;
            // A transparent clock that hears nobody is no grandmaster.
            if moved && !(own && self.config.kind.is_transparent()) {
                self.relayed = None;
                self.out.event(Event::Parent {
                    parent: parent.parent_port_identity,
                    grandmaster: parent.grandmaster_identity,
                    own,
                    ptp_timescale: time_properties.ptp_timescale,
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

/// What Announces tell of a parent data set.
#[derive(Eq, PartialEq)]
struct Announced(ClockIdentity, ClockQuality, u8, u8);

impl Announced {
    fn of(parent: &ParentDs) -> Self {
        Self(
            parent.grandmaster_identity,
            parent.grandmaster_clock_quality,
            parent.grandmaster_priority1,
            parent.grandmaster_priority2,
        )
    }
}
