//! Grandmaster settings that stand only as long as their client does.
//!
//! A client that subscribes with GRANDMASTER_LEASE says: what I set by GRANDMASTER_SETTINGS_NP is true as long as I renew this
//! subscription. When it runs out, or is ended, the settings go back to those of before. What claims a reference
//! (clockClass up to 127) is not gone back to, as nobody watches that reference: the clock is then class 248, and nothing is
//! traceable. Settings of a client without a lease stand for good, as linuxptp's do.

use ptp_wire::{ClockAccuracy, ClockQuality, PortIdentity, TimeSource};

use super::super::{Engine, Event, TimeProperties};

/// Classes up to this one claim a reference, or holdover of one.
const CLAIMS_REFERENCE: u8 = 127;

/// Who set the grandmaster's settings last, and what they were before anybody did.
#[derive(Clone, Copy, Debug)]
pub(super) struct SetBy {
    client: PortIdentity,
    quality: ClockQuality,
    time: TimeProperties,
}

impl SetBy {
    pub(super) fn is(&self, client: PortIdentity) -> bool {
        self.client == client
    }
}

impl Engine {
    /// A client is about to set them.
    pub(super) fn settings_set_by(&mut self, client: PortIdentity) {
        let config = &self.instance.config;
        let first = SetBy { client, quality: config.clock_quality, time: config.time_properties };
        self.management.set_by = Some(SetBy { client, ..self.management.set_by.unwrap_or(first) });
    }

    /// The configuration was read again: nobody has set anything.
    pub(in super::super) fn settings_configured(&mut self) {
        self.management.set_by = None;
    }

    /// The lease of these settings is over.
    pub(super) fn take_back(&mut self, set: &SetBy) {
        self.management.set_by = None;
        let config = &mut self.instance.config;
        (config.clock_quality, config.time_properties) = (set.quality, set.time);
        if set.quality.clock_class <= CLAIMS_REFERENCE {
            config.clock_quality = ClockQuality {
                clock_class: 248,
                clock_accuracy: ClockAccuracy(0xfe),
                offset_scaled_log_variance: 0xffff,
            };
            config.time_properties = TimeProperties {
                time_traceable: false,
                frequency_traceable: false,
                time_source: TimeSource::INTERNAL_OSCILLATOR,
                ..set.time
            };
        }
        let clock_class = config.clock_quality.clock_class;
        self.instance.out.event(Event::GrandmasterLeaseEnded { clock_class });
        self.state_decision();
        self.announce_early();
    }
}
