//! What a boundary clock is worth once its master is gone (G.8275.1 table 2, G.8275 table VIII.3).

use ptp_wire::{ClockAccuracy, ClockQuality, TimeSource};

use super::{Holdover, InstanceConfig, Instant, TimeProperties};

/// clockClass within the holdover specification.
const IN_SPEC: u8 = 135;
/// clockClass out of it.
const OUT_OF_SPEC: u8 = 165;

/// Whether and since when the clock runs on what it has learned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keeping {
    /// It was locked: these were its time properties then.
    locked: Option<TimeProperties>,
    /// It is not locked any more since then.
    since: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    InSpec,
    OutOfSpec,
}

impl Keeping {
    /// The clock is locked to a master with these properties.
    pub(super) fn locked(&mut self, time_properties: TimeProperties) {
        self.locked = Some(time_properties);
        self.since = None;
    }

    /// It is not, or not any more. A master that was never locked to gives no new time.
    pub(super) fn unlocked(&mut self, now: Instant) {
        if self.locked.is_some() && self.since.is_none() {
            self.since = Some(now);
        }
    }

    /// It was locked, and is not any more.
    pub(super) fn is_unlocked(&self) -> bool {
        self.since.is_some()
    }

    /// How long ago the lock was lost, and what the clock does about it. A clock with a reference of its own has that.
    fn phase(&self, now: Instant, config: &InstanceConfig) -> Option<(Phase, TimeProperties)> {
        let (spec, since, time) = (config.holdover?, self.since?, self.locked?);
        if config.clock_quality.clock_class <= 127 {
            return None;
        }
        let for_long = now.since(since);
        let Holdover { in_spec, out_of_spec } = spec;
        if for_long < in_spec {
            Some((Phase::InSpec, time))
        } else {
            (for_long < out_of_spec).then_some((Phase::OutOfSpec, time))
        }
    }

    /// defaultDS.clockQuality, if it is not the configured one.
    pub(super) fn quality(&self, now: Instant, config: &InstanceConfig) -> Option<ClockQuality> {
        let (phase, _) = self.phase(now, config)?;
        Some(ClockQuality {
            clock_class: if phase == Phase::InSpec { IN_SPEC } else { OUT_OF_SPEC },
            clock_accuracy: ClockAccuracy(0xfe),
            offset_scaled_log_variance: 0xffff,
        })
    }

    /// timePropertiesDS, if they are not the configured ones: the master's last, no better than they are now.
    pub(super) fn time_properties(&self, now: Instant, config: &InstanceConfig) -> Option<TimeProperties> {
        let (phase, last) = self.phase(now, config)?;
        Some(TimeProperties {
            time_traceable: phase == Phase::InSpec && last.time_traceable,
            frequency_traceable: false,
            time_source: TimeSource::INTERNAL_OSCILLATOR,
            ..last
        })
    }

    /// Out of the holdover specification.
    pub(super) fn is_out_of_spec(&self, now: Instant, config: &InstanceConfig) -> bool {
        self.phase(now, config).is_some_and(|(phase, _)| phase == Phase::OutOfSpec)
    }

    /// When the quality changes next by itself.
    pub(super) fn next_change(&self, now: Instant, config: &InstanceConfig) -> Option<Instant> {
        let (spec, since) = (config.holdover?, self.since?);
        [since + spec.in_spec, since + spec.out_of_spec].into_iter().find(|at| *at > now)
    }
}
