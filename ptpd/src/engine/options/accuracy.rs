//! Enhanced accuracy metrics (1588-2019 16.12): each clock of a path adds its share of the error to Announce.

use ptp_wire::{EnhancedAccuracyMetrics, TimeInterval, TlvIter, TlvType};

use super::super::Engine;
use super::super::instance::Instance;

/// What this clock adds. Maxima add up along the path, and so do variances, of independent errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// maxGmInaccuracy: of this clock as grandmaster.
    pub max_gm_inaccuracy: TimeInterval,
    /// varGmInaccuracy in s^2.
    pub var_gm_inaccuracy: f64,
    /// maxTransientInaccuracy: while it recovers from a change of the path.
    pub max_transient_inaccuracy: TimeInterval,
    /// varTransientInaccuracy in s^2.
    pub var_transient_inaccuracy: f64,
    /// maxDynamicInaccuracy: noise of this clock.
    pub max_dynamic_inaccuracy: TimeInterval,
    /// varDynamicInaccuracy in s^2.
    pub var_dynamic_inaccuracy: f64,
    /// maxStaticInstanceInaccuracy: what this clock's own latencies are uncertain by.
    pub max_static_instance_inaccuracy: TimeInterval,
    /// varStaticInstanceInaccuracy in s^2.
    pub var_static_instance_inaccuracy: f64,
    /// maxStaticMediumInaccuracy: what the asymmetry of the link to the master is uncertain by.
    pub max_static_medium_inaccuracy: TimeInterval,
    /// varStaticMediumInaccuracy in s^2.
    pub var_static_medium_inaccuracy: f64,
}

impl Default for Accuracy {
    /// Nothing.
    fn default() -> Self {
        Self {
            max_gm_inaccuracy: TimeInterval::ZERO,
            var_gm_inaccuracy: 0.0,
            max_transient_inaccuracy: TimeInterval::ZERO,
            var_transient_inaccuracy: 0.0,
            max_dynamic_inaccuracy: TimeInterval::ZERO,
            var_dynamic_inaccuracy: 0.0,
            max_static_instance_inaccuracy: TimeInterval::ZERO,
            var_static_instance_inaccuracy: 0.0,
            max_static_medium_inaccuracy: TimeInterval::ZERO,
            var_static_medium_inaccuracy: 0.0,
        }
    }
}

impl Accuracy {
    /// What a grandmaster announces.
    fn of_grandmaster(&self) -> EnhancedAccuracyMetrics {
        EnhancedAccuracyMetrics {
            bc_hop_count: 0,
            tc_hop_count: 0,
            max_gm_inaccuracy: self.max_gm_inaccuracy,
            var_gm_inaccuracy: self.var_gm_inaccuracy,
            max_transient_inaccuracy: self.max_transient_inaccuracy,
            var_transient_inaccuracy: self.var_transient_inaccuracy,
            max_dynamic_inaccuracy: self.max_dynamic_inaccuracy,
            var_dynamic_inaccuracy: self.var_dynamic_inaccuracy,
            max_static_instance_inaccuracy: self.max_static_instance_inaccuracy,
            var_static_instance_inaccuracy: self.var_static_instance_inaccuracy,
            max_static_medium_inaccuracy: TimeInterval::ZERO,
            var_static_medium_inaccuracy: 0.0,
        }
    }

    /// What the parent announces, and this clock's share.
    fn added_to(&self, p: &EnhancedAccuracyMetrics) -> EnhancedAccuracyMetrics {
        EnhancedAccuracyMetrics {
            bc_hop_count: p.bc_hop_count.saturating_add(1),
            tc_hop_count: p.tc_hop_count,
            max_gm_inaccuracy: p.max_gm_inaccuracy,
            var_gm_inaccuracy: p.var_gm_inaccuracy,
            max_transient_inaccuracy: p.max_transient_inaccuracy + self.max_transient_inaccuracy,
            var_transient_inaccuracy: p.var_transient_inaccuracy + self.var_transient_inaccuracy,
            max_dynamic_inaccuracy: p.max_dynamic_inaccuracy + self.max_dynamic_inaccuracy,
            var_dynamic_inaccuracy: p.var_dynamic_inaccuracy + self.var_dynamic_inaccuracy,
            max_static_instance_inaccuracy: p.max_static_instance_inaccuracy
                + self.max_static_instance_inaccuracy,
            var_static_instance_inaccuracy: p.var_static_instance_inaccuracy
                + self.var_static_instance_inaccuracy,
            max_static_medium_inaccuracy: p.max_static_medium_inaccuracy + self.max_static_medium_inaccuracy,
            var_static_medium_inaccuracy: p.var_static_medium_inaccuracy + self.var_static_medium_inaccuracy,
        }
    }
}

impl Instance {
    fn parent_accuracy(&self) -> Option<EnhancedAccuracyMetrics> {
        let tlv = TlvIter::new(&self.forward).find(|t| t.tlv_type == TlvType::ENHANCED_ACCURACY_METRICS)?;
        EnhancedAccuracyMetrics::parse(tlv.value).ok()
    }

    /// What this clock's Announces carry. Nothing where a parent tells nothing: what is unknown cannot be added to.
    pub(super) fn accuracy_to_announce(&self) -> Option<EnhancedAccuracyMetrics> {
        let own = self.config.options.accuracy?;
        if self.is_grandmaster() {
            return Some(own.of_grandmaster());
        }
        self.parent_accuracy().map(|parent| own.added_to(&parent))
    }
}

impl Engine {
    /// The enhanced accuracy metrics of this clock's time: its own while grandmaster; else the parent's, with this clock's
    /// share added if it has one. `None` if they are not known.
    pub fn accuracy(&self) -> Option<EnhancedAccuracyMetrics> {
        self.instance.accuracy_to_announce().or_else(|| self.instance.parent_accuracy())
    }
}
