//! Follow_Up information, and the arithmetic of a time-aware relay (802.1AS-2020 10.2.11, 11.2.14, 11.4.4).
//!
//! A relay does not need a synchronised clock: it tells how long Sync stayed in it, measured by its own clock and scaled
//! to the grandmaster's rate by the product of the rate ratios on the way.

use ptp_wire::management::ScaledNs;
use ptp_wire::{FollowUpInformation, LogInterval, RateOffset, TimeInterval, TimePoint, Timestamp};

use crate::engine::sync::SyncPair;

/// What a grandmaster tells of its time base.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::engine) struct OwnTimeBase {
    indicator: u16,
    phase: ScaledNs,
    frequency: RateOffset,
}

/// From 2^-16 ns.
fn scaled_ns(v: TimeInterval) -> ScaledNs {
    let whole = i128::from(v.0 >> 16);
    ScaledNs {
        nanoseconds_msb: (whole >> 64) as u16,
        nanoseconds_lsb: whole as u64,
        fractional_nanoseconds: v.0 as u16,
    }
}

impl OwnTimeBase {
    /// The source of time has changed.
    pub(in crate::engine) fn changed(&mut self, phase: TimeInterval, frequency: RateOffset) {
        self.indicator = self.indicator.wrapping_add(1);
        self.phase = scaled_ns(phase);
        self.frequency = frequency;
    }

    pub(in crate::engine) fn information(&self) -> FollowUpInformation {
        FollowUpInformation {
            cumulative_scaled_rate_offset: RateOffset::ZERO,
            gm_time_base_indicator: self.indicator,
            last_gm_phase_change: self.phase,
            scaled_last_gm_freq_change: self.frequency,
        }
    }
}

/// The last Sync of the slave port, as it is to be passed on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::engine) struct Relayed {
    origin: Timestamp,
    correction: TimeInterval,
    /// When the upstream port sent it, by the local clock.
    upstream: TimePoint,
    /// The grandmaster's frequency over the local one.
    gm_ratio: f64,
    /// As received.
    pub(in crate::engine) information: FollowUpInformation,
    pub(in crate::engine) log_interval: LogInterval,
}

impl Relayed {
    /// `delay` is meanLinkDelay in the neighbour's time, `neighbor` the neighborRateRatio.
    pub(in crate::engine) fn new(
        pair: &SyncPair,
        information: FollowUpInformation,
        delay: TimeInterval,
        neighbor: f64,
        asymmetry: TimeInterval,
    ) -> Self {
        let received = information.cumulative_scaled_rate_offset.ratio();
        let link = delay.nanos_f64() / neighbor + asymmetry.nanos_f64() / received;
        Self {
            origin: pair.precise,
            // The asymmetry has been counted as a correction; here it is part of the link.
            correction: pair.correction - asymmetry,
            upstream: pair.ingress - TimeInterval::from_nanos_f64(link),
            gm_ratio: received + (neighbor - 1.0),
            information,
            log_interval: pair.log_interval,
        }
    }

    /// preciseOriginTimestamp, correctionField and information of the Follow_Up to a Sync that left at `egress`.
    pub(in crate::engine) fn follow_up(
        &self,
        egress: TimePoint,
    ) -> (Timestamp, TimeInterval, FollowUpInformation) {
        let local = egress - self.upstream;
        // Only the difference goes through floating point: a residence of seconds stays exact to far below 1 ns.
        let stretch = TimeInterval((local.0 as f64 * (self.gm_ratio - 1.0)).round() as i64);
        let information = FollowUpInformation {
            cumulative_scaled_rate_offset: RateOffset::from_ratio(self.gm_ratio),
            ..self.information
        };
        (self.origin, self.correction + local + stretch, information)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residence_is_scaled_to_the_grandmasters_rate() {
        let ns = |v| TimePoint::from_nanos(v);
        let pair = SyncPair {
            sequence_id: 7,
            origin: ns(1_000_000_100),
            precise: Timestamp::new(1, 0).unwrap(),
            correction: TimeInterval::from_nanos(100),
            ingress: ns(50_000_500),
            log_interval: LogInterval(-3),
            information: None,
        };
        let information = FollowUpInformation {
            cumulative_scaled_rate_offset: RateOffset::from_ratio(1.000_01),
            ..OwnTimeBase::default().information()
        };
        let delay = TimeInterval::from_nanos(500);
        let relayed = Relayed::new(&pair, information, delay, 1.000_02, TimeInterval::ZERO);
        // 500 ns of link and 10 ms of residence at +30 ppm.
        let (origin, correction, info) = relayed.follow_up(ns(60_000_500));
        assert_eq!(origin, pair.precise);
        assert!((correction.nanos_f64() - (100.0 + 10_000_500.0 * 1.000_03)).abs() < 0.05, "{correction}");
        assert!((info.cumulative_scaled_rate_offset.ratio() - 1.000_03).abs() < 1e-12);
    }

    #[test]
    fn a_change_of_the_source_counts_and_tells_its_size() {
        let mut base = OwnTimeBase::default();
        base.changed(TimeInterval::from_nanos(-3), RateOffset(7));
        let info = base.information();
        assert_eq!((info.gm_time_base_indicator, info.scaled_last_gm_freq_change), (1, RateOffset(7)));
        assert_eq!(info.last_gm_phase_change.nanoseconds_msb, 0xffff);
        assert_eq!(info.last_gm_phase_change.nanoseconds_lsb as i64, -3);
    }
}
