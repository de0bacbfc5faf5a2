//! External port configuration (1588-2019 17.6): somebody else decides which port is what.
//!
//! | desiredState | the port goes to | data sets |
//! |---|---|---|
//! | MASTER | MASTER at once | |
//! | PASSIVE | PASSIVE | |
//! | SLAVE | UNCALIBRATED, then SLAVE by the servo's word | from the Announces it receives |
//!
//! There is no best master clock algorithm and no announce receipt timeout: a port whose master has gone silent stays.
//! The parent is the sender first heard; another takes its place once it was silent for announceReceiptTimeout intervals.
//! Without Sync (`sync_receipt_timeout`) a SLAVE port goes back to UNCALIBRATED, which synchronizationUncertain tells.

use core::time::Duration;

use super::super::data_sets::ParentDs;
use super::super::fsm::FsmEvent;
use super::super::instance::MAX_PATH;
use super::super::timers::Timer;
use super::super::{Engine, PortState, TimeProperties};

/// externalPortConfigurationPortDS.desiredState.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DesiredState {
    /// MASTER.
    Master,
    /// PASSIVE.
    #[default]
    Passive,
    /// SLAVE; one port of a clock at most. Of several the first counts, the others are PASSIVE.
    Slave,
}

impl DesiredState {
    /// The state a port is in that has got there.
    pub const fn port_state(self) -> PortState {
        match self {
            Self::Master => PortState::Master,
            Self::Passive => PortState::Passive,
            Self::Slave => PortState::Slave,
        }
    }

    /// Of a portState's number (table 20); `None` for states that nobody can wish for.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            6 => Some(Self::Master),
            7 => Some(Self::Passive),
            9 => Some(Self::Slave),
            _ => None,
        }
    }
}

impl Engine {
    /// What the state decision is while ports are configured from outside.
    pub(in super::super) fn external_decision(&mut self) {
        let instance = &mut self.instance;
        let now = instance.now;
        let interval = self.ports.iter().map(|p| p.config.log_announce_interval.duration()).min();
        self.next_decision = now + interval.unwrap_or(Duration::from_secs(1));

        let wants_slave = |s: DesiredState| s == DesiredState::Slave;
        let slave = self.ports.iter().position(|p| wants_slave(p.config.options.desired_state));
        let mut new_parent = false;
        match slave.and_then(|i| self.ports.get(i)) {
            Some(port) if port.active() => {
                let parent = instance.parent.parent_port_identity;
                let current = port.is_client().then_some(parent);
                let intervals = u32::from(port.config.announce_receipt_timeout);
                let silence = port.config.log_announce_interval.duration().saturating_mul(intervals);
                if let Some(r) = port.foreign.heard(now, current, silence) {
                    new_parent = r.source != parent || !port.is_client();
                    instance.path.clear();
                    instance.path.extend(r.path.iter().take(MAX_PATH));
                    instance.forward.clear();
                    instance.forward.extend_from_slice(&r.forward);
                    instance.parent_uncertain = r.uncertain();
                    let steps = r.announce.steps_removed.saturating_add(1);
                    let parent = ParentDs::of(r.source, &r.announce);
                    let time_properties = TimeProperties::of(&r.header, &r.announce);
                    instance.set_parent(parent, time_properties, steps);
                }
            }
            // A port that is down keeps its master's data sets: nobody else is to take over.
            Some(_) => {}
            None => {
                let own = ParentDs::own(&instance.config, instance.quality());
                let time_properties = instance.config.time_properties;
                let steps = ParentDs::own_steps(&instance.config);
                instance.set_parent(own, time_properties, steps);
            }
        }
        for (i, port) in self.ports.iter_mut().enumerate().filter(|(_, p)| p.active()) {
            port.expired = false;
            let is_slave = Some(i) == slave;
            let desired = match port.config.options.desired_state {
                DesiredState::Slave if !is_slave => DesiredState::Passive,
                desired => desired,
            };
            let event = FsmEvent::External { desired, new_parent: new_parent && is_slave };
            port.transition(instance, event);
        }
        self.select_unicast_masters();
    }

    /// It has been switched on or off: announce receipt timeouts are for the best master clock algorithm only.
    pub(super) fn switch_external_configuration(&mut self) {
        let external = self.instance.config.options.external_port_configuration;
        for port in &mut self.ports {
            let armed = port.timers.get(Timer::AnnounceReceipt).is_some();
            if armed == external
                && matches!(
                    port.state,
                    PortState::Listening | PortState::Passive | PortState::Uncalibrated | PortState::Slave
                )
            {
                port.arm_announce_receipt(&mut self.instance);
            }
        }
    }

    /// Whether all of `desired` together can be: one SLAVE at most.
    pub(in super::super) fn is_possible(desired: impl Iterator<Item = DesiredState>) -> bool {
        desired.filter(|d| *d == DesiredState::Slave).count() <= 1
    }
}
