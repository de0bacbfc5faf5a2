//! The instance's data sets (1588-2019 8.2) and the comparison of what they say.

use ptp_wire::{
    Announce, ClockIdentity, ClockQuality, Flags, Header, PortIdentity, TimeInterval, TimePoint, TimeSource,
};

use super::{InstanceConfig, TimeProperties};

/// currentDS (8.2.2).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CurrentDs {
    /// Boundary clocks between this instance and the grandmaster; 0 while it is grandmaster itself.
    pub steps_removed: u16,
    /// The last offset from the master.
    pub offset_from_master: TimeInterval,
    /// The last mean delay (E2E), or the slave port's mean link delay (P2P).
    pub mean_delay: TimeInterval,
    /// When Sync of the last offset arrived, in the local clock's time.
    pub ingress_time: TimePoint,
}

/// parentDS (8.2.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ParentDs {
    /// The master's port; own identity and port 0 while this instance is grandmaster.
    pub parent_port_identity: PortIdentity,
    /// grandmasterIdentity.
    pub grandmaster_identity: ClockIdentity,
    /// grandmasterClockQuality.
    pub grandmaster_clock_quality: ClockQuality,
    /// grandmasterPriority1.
    pub grandmaster_priority1: u8,
    /// grandmasterPriority2.
    pub grandmaster_priority2: u8,
}

impl ParentDs {
    /// What the update for M1 and M2 writes (9.3.5, table 30).
    pub(super) fn own(config: &InstanceConfig, quality: ClockQuality) -> Self {
        let external = config.options.external_grandmaster;
        Self {
            parent_port_identity: PortIdentity::new(config.clock_identity, 0),
            grandmaster_identity: external.map_or(config.clock_identity, |e| e.identity),
            grandmaster_clock_quality: quality,
            grandmaster_priority1: config.priority1,
            grandmaster_priority2: config.priority2,
        }
    }

    /// currentDS.stepsRemoved of the same update.
    pub(super) fn own_steps(config: &InstanceConfig) -> u16 {
        config.options.external_grandmaster.map_or(0, |e| e.steps_removed)
    }

    /// What the update for S1 writes (table 33).
    pub(super) fn of(source: PortIdentity, announce: &Announce) -> Self {
        Self {
            parent_port_identity: source,
            grandmaster_identity: announce.grandmaster_identity,
            grandmaster_clock_quality: announce.grandmaster_clock_quality,
            grandmaster_priority1: announce.grandmaster_priority1,
            grandmaster_priority2: announce.grandmaster_priority2,
        }
    }
}

impl InstanceConfig {
    /// clockQuality as the data set has it: a client-only clock is class 255 (8.2.1.3.1.2).
    pub(super) fn effective_quality(&self) -> ClockQuality {
        let clock_class = if self.client_only { 255 } else { self.clock_quality.clock_class };
        ClockQuality { clock_class, ..self.clock_quality }
    }
}

impl TimeProperties {
    /// As the Announce carries them.
    pub(super) fn of(header: &Header, announce: &Announce) -> Self {
        let has = |f| header.flags.has(f);
        Self {
            current_utc_offset: announce.current_utc_offset,
            current_utc_offset_valid: has(Flags::UTC_OFFSET_VALID),
            leap59: has(Flags::LEAP59),
            leap61: has(Flags::LEAP61),
            time_traceable: has(Flags::TIME_TRACEABLE),
            frequency_traceable: has(Flags::FREQUENCY_TRACEABLE),
            ptp_timescale: has(Flags::PTP_TIMESCALE),
            time_source: announce.time_source,
        }
    }

    /// The flags of an Announce, and the octet of management data sets.
    pub fn flags(&self) -> Flags {
        Flags::NONE
            .with(Flags::UTC_OFFSET_VALID, self.current_utc_offset_valid)
            .with(Flags::LEAP59, self.leap59)
            .with(Flags::LEAP61, self.leap61)
            .with(Flags::TIME_TRACEABLE, self.time_traceable)
            .with(Flags::FREQUENCY_TRACEABLE, self.frequency_traceable)
            .with(Flags::PTP_TIMESCALE, self.ptp_timescale)
    }

    /// From management's octet of flags.
    pub fn from_flags(current_utc_offset: i16, flags: u8, time_source: TimeSource) -> Self {
        let has = |f: Flags| flags & f.time_properties() != 0;
        Self {
            current_utc_offset,
            current_utc_offset_valid: has(Flags::UTC_OFFSET_VALID),
            leap59: has(Flags::LEAP59),
            leap61: has(Flags::LEAP61),
            time_traceable: has(Flags::TIME_TRACEABLE),
            frequency_traceable: has(Flags::FREQUENCY_TRACEABLE),
            ptp_timescale: has(Flags::PTP_TIMESCALE),
            time_source,
        }
    }
}
