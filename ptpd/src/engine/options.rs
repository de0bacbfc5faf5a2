//! The optional features of the standard (1588-2019 clauses 16 and 17, annex J): what each is told, and what each keeps.
//!
//! | Room | Feature |
//! |---|---|
//! | `acceptable` | acceptable master table (17.5) |
//! | `accuracy` | enhanced accuracy metrics (16.12) |
//! | `alternate_master` | alternate masters (17.3) |
//! | `alternate_time` | alternate time offsets (16.3) |
//! | `announce` | what all of these put into Announce |
//! | `external` | external port configuration (17.6) |
//! | `metadata` | synchronization metadata (SMPTE ST 2059-2) |
//! | `monitored` | slave event monitoring (16.11), the monitor's end |
//! | `net_sync_monitor` | linuxptp's NetSync monitor |
//! | `performance` | performance monitoring (annex J) |
//! | `slave_monitoring` | slave event monitoring (16.11), the slave's end |
//!
//! Everything is off unless it is asked for. The rest of the engine calls in here by one line per occasion.

mod acceptable;
mod accuracy;
mod alternate_master;
mod alternate_time;
mod announce;
mod external;
mod metadata;
mod monitored;
mod net_sync_monitor;
mod performance;
mod slave_monitoring;

#[cfg(test)]
mod tests;

use ptp_wire::management::AcceptableMaster;
use ptp_wire::{ClockIdentity, LogInterval, SynchronizationMetadata};

pub use accuracy::Accuracy;
pub use alternate_master::AlternateMasterRecord;
pub use alternate_time::{AlternateTimeOffset, MAX_TIME_OFFSETS};
pub use external::DesiredState;
pub use monitored::MonitoredSlave;
pub use performance::{ClockRecord, Performance, PortRecord, Statistic};
pub use slave_monitoring::{MONITOR_PEER, MonitorDestination, SlaveMonitoring};

pub(super) use acceptable::{MAX_ACCEPTABLE_MASTERS, acceptable};
pub(super) use alternate_time::valid_name;
pub(super) use performance::{LAST_RECORD, period};

use super::{Address, Engine, Instant, PortState};

/// Optional features of an instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// defaultDS.externalPortConfigurationEnabled (17.6.2): no best master clock algorithm, each port goes to its
    /// [`PortOptions::desired_state`].
    pub external_port_configuration: bool,
    /// acceptableMasterTableDS (17.5.3); at most 64 entries count. Heeded by ports that
    /// [`PortOptions::acceptable_master_table`] says so of.
    pub acceptable_masters: Vec<AcceptableMaster>,
    /// alternateTimescaleOffsetsDS (16.3), each key once; announced while grandmaster.
    pub alternate_time_offsets: Vec<AlternateTimeOffset>,
    /// What becomes of the synchronizationUncertain flag of Announce.
    pub synchronization_uncertain: SynchronizationUncertain,
    /// Announced as the grandmaster in place of this clock, while this clock is grandmaster (linuxptp's
    /// EXTERNAL_GRANDMASTER_PROPERTIES_NP).
    pub external_grandmaster: Option<ExternalGrandmaster>,
    /// Each measurement goes to [`MONITOR_PEER`] at once, as linuxptp's `slave_event_monitor` has it.
    pub slave_event_socket: bool,
    /// Slave event monitoring messages of others are counted and kept; otherwise they are dropped.
    pub collect_slave_events: bool,
    /// Announces carry ENHANCED_ACCURACY_METRICS.
    pub accuracy: Option<Accuracy>,
    /// performanceMonitoringDS.enable (annex J).
    pub performance_monitoring: bool,
    /// What studio equipment is told while grandmaster, but for masterLockingStatus, which follows the clock class.
    /// `None`: nothing is told, and nothing passed on.
    pub smpte: Option<SynchronizationMetadata>,
}

/// Optional features of a port.
#[derive(Clone, Debug, PartialEq)]
pub struct PortOptions {
    /// externalPortConfigurationPortDS.desiredState (17.6.3).
    pub desired_state: DesiredState,
    /// acceptableMasterPortDS.enable (17.5.4): Announces of others than the table's are dropped.
    pub acceptable_master_table: bool,
    /// alternateMasterPortDS.numberOfAlternateMasters (17.3.3.3); 0: this port never is one.
    pub alternate_masters: u8,
    /// alternateMasterPortDS.transmitAlternateMulticastSync (17.3.3.1).
    pub alternate_multicast_sync: bool,
    /// alternateMasterPortDS.logAlternateMulticastSyncInterval (17.3.3.2).
    pub log_alternate_multicast_sync_interval: LogInterval,
    /// slaveMonitoringPortDS (16.11).
    pub slave_monitoring: SlaveMonitoring,
    /// Answers a NetSync monitor so many times in a second at most; 0: never.
    pub net_sync_monitor_rate: u16,
}

impl Default for PortOptions {
    fn default() -> Self {
        Self {
            desired_state: DesiredState::default(),
            acceptable_master_table: false,
            alternate_masters: 0,
            alternate_multicast_sync: false,
            log_alternate_multicast_sync_interval: LogInterval(0),
            slave_monitoring: SlaveMonitoring::default(),
            net_sync_monitor_rate: 0,
        }
    }
}

/// What becomes of synchronizationUncertain (1588-2019 13.3.2.8); the numbers are SYNCHRONIZATION_UNCERTAIN_NP's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum SynchronizationUncertain {
    /// As it is: set if the parent sets it, or if this clock serves while it is not synchronised to its own master.
    #[default]
    Track = 0,
    /// Always set.
    Assert = 1,
    /// Never set, as in 1588-2008.
    Ignore = 255,
}

impl SynchronizationUncertain {
    /// Of the number on the wire.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Track),
            1 => Some(Self::Assert),
            255 => Some(Self::Ignore),
            _ => None,
        }
    }
}

/// A grandmaster that this clock speaks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExternalGrandmaster {
    /// Who it is.
    pub identity: ClockIdentity,
    /// currentDS.stepsRemoved while this clock is grandmaster.
    pub steps_removed: u16,
}

/// What the features of an instance keep.
#[derive(Debug, Default)]
pub(super) struct OptionsState {
    /// Where the parent's last Sync came from.
    pub(super) parent_address: Option<Address>,
    /// Ports in UNCALIBRATED.
    uncalibrated: u16,
    pub(super) monitored: monitored::Monitored,
    pub(super) performance: Option<Box<Performance>>,
    pub(super) metadata: metadata::Metadata,
}

impl OptionsState {
    pub(super) fn new(options: &Options, ports: usize, now: Instant) -> Self {
        let performance = options.performance_monitoring.then(|| Box::new(Performance::new(ports, now)));
        Self { performance, ..Self::default() }
    }

    /// A port has changed its state.
    pub(super) fn port_changed(&mut self, from: PortState, to: PortState) {
        if from == PortState::Uncalibrated {
            self.uncalibrated = self.uncalibrated.saturating_sub(1);
        }
        if to == PortState::Uncalibrated {
            self.uncalibrated += 1;
        }
    }
}

/// What the features of a port keep.
#[derive(Debug, Default)]
pub(super) struct PortOptionsState {
    pub(super) alternates: alternate_master::Alternates,
    pub(super) gathered: slave_monitoring::Gathered,
    pub(super) net_sync_monitor: net_sync_monitor::Limit,
}

impl Engine {
    /// What is due in here. Called with every input, after the ports' timers.
    pub(super) fn run_options(&mut self) {
        let now = self.instance.now;
        for port in &mut self.ports {
            port.run_alternate_master(&mut self.instance);
        }
        self.run_metadata();
        if let Some(performance) = &mut self.instance.options.performance {
            let closed = performance.advance(now, &self.ports);
            if let Some(event) = closed {
                self.instance.out.event(event);
            }
        }
    }

    /// When [`Engine::run_options`] has something to do.
    pub(super) fn options_deadline(&self) -> Option<Instant> {
        let ports = self.ports.iter().filter_map(|p| p.options.alternates.next_deadline());
        let performance = self.instance.options.performance.as_ref().map(|p| p.next_deadline());
        ports.chain(performance).chain(self.instance.options.metadata.next_deadline()).min()
    }

    /// Options have changed: by a reload or by a management client.
    pub(super) fn options_changed(&mut self) {
        self.recheck_acceptable_masters();
        self.switch_external_configuration();
        let wanted = self.instance.config.options.performance_monitoring;
        let state = &mut self.instance.options;
        if !wanted {
            state.performance = None;
        } else if state.performance.is_none() {
            let mut performance = Performance::new(self.ports.len(), self.instance.now);
            performance.begin(&self.ports);
            state.performance = Some(Box::new(performance));
        }
        if !self.instance.config.options.collect_slave_events {
            state.monitored.clear();
        }
    }

    // --- what it knows ---

    /// The performance monitoring records (annex J), if they are kept.
    pub fn performance(&self) -> Option<&Performance> {
        self.instance.options.performance.as_deref()
    }

    /// Whether this clock says of itself that its synchronisation is uncertain.
    pub fn synchronization_uncertain(&self) -> bool {
        self.instance.synchronization_uncertain()
    }
}
