//! What the optional features put into the Announce of a MASTER port.

use ptp_wire::{Announce, Flags, Timestamp, TlvIter, TlvType, TlvValue, WireError, Writer};

use super::super::instance::{Instance, MAX_PATH};
use super::super::outbox::Outbox;
use super::super::port::POWER_TLV;
use super::super::power::Power;
use super::SynchronizationUncertain;

impl Instance {
    /// synchronizationUncertain of what this clock announces.
    pub(in super::super) fn synchronization_uncertain(&self) -> bool {
        // The bit is reserved in 1588-2008.
        if self.config.minor_version == 0 {
            return false;
        }
        match self.config.options.synchronization_uncertain {
            SynchronizationUncertain::Ignore => false,
            SynchronizationUncertain::Assert => true,
            SynchronizationUncertain::Track => {
                // With ports configured from outside a clock may wait for its master while it still has its own data sets.
                self.uncertain
                    || self.options.uncalibrated > 0
                    || !self.is_grandmaster() && (self.parent_uncertain || self.config.free_running)
            }
        }
    }

    /// synchronizationUncertain may be said at all: the bit is reserved in 1588-2008, and can be switched off.
    pub(in super::super) fn may_be_uncertain(&self) -> bool {
        self.config.minor_version != 0
            && self.config.options.synchronization_uncertain != SynchronizationUncertain::Ignore
    }

    /// The flags of timePropertiesDS, and synchronizationUncertain.
    pub(in super::super) fn announce_flags(&self) -> Flags {
        self.time_properties.flags().with(Flags::SYNCHRONIZATION_UNCERTAIN, self.synchronization_uncertain())
    }

    /// The body of a MASTER port's Announce (1588-2019 table 43).
    pub(in super::super) fn announce_body(&self) -> Announce {
        let parent = &self.parent;
        Announce {
            origin_timestamp: Timestamp::ZERO,
            current_utc_offset: self.time_properties.current_utc_offset,
            grandmaster_priority1: parent.grandmaster_priority1,
            grandmaster_clock_quality: parent.grandmaster_clock_quality,
            grandmaster_priority2: parent.grandmaster_priority2,
            grandmaster_identity: parent.grandmaster_identity,
            steps_removed: self.current.steps_removed,
            time_source: self.time_properties.time_source,
        }
    }

    /// Octets that an Announce may need with all its TLVs.
    pub(in super::super) fn announce_room(&self) -> usize {
        const OFFSET: usize = 32;
        const ACCURACY: usize = 88;
        let options = &self.config.options;
        let own = OFFSET * options.alternate_time_offsets.len()
            + if options.accuracy.is_some() { ACCURACY } else { 0 };
        let room = Outbox::TIMING + POWER_TLV + 8 * (self.path.len() + 1) + self.forward.len() + own;
        room.min(Outbox::MAX_MESSAGE)
    }

    /// Appends the TLVs of an Announce, the weightiest first. What does not fit is left out.
    pub(in super::super) fn announce_tlvs(&self, w: &mut Writer<'_>, power: Option<Power>) {
        let config = &self.config;
        if config.path_trace && self.path.len() < MAX_PATH {
            left_out(w.path_trace(self.path.iter().copied(), config.clock_identity));
        }
        if let Some(power) = power {
            left_out(w.tlv_value(&power.value()));
        }
        if let Some(metrics) = self.accuracy_to_announce() {
            left_out(w.tlv_value(&TlvValue::EnhancedAccuracyMetrics(metrics)));
        }
        if self.is_grandmaster() {
            for offset in config.options.alternate_time_offsets.iter().filter(|o| o.enabled) {
                left_out(w.tlv_value(&TlvValue::AlternateTimeOffsetIndicator(offset.indicator())));
            }
        }
        for tlv in TlvIter::new(&self.forward) {
            // A clock that adds its own share does not repeat its parent's figures.
            if tlv.tlv_type == TlvType::ENHANCED_ACCURACY_METRICS && config.options.accuracy.is_some() {
                continue;
            }
            left_out(w.tlv(tlv.tlv_type, tlv.value));
        }
    }
}

/// A TLV without room is left out: nothing of it was appended, and the Announce is good without.
fn left_out(written: Result<(), WireError>) {
    let _ = written;
}
