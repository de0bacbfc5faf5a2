//! ENHANCED_ACCURACY_METRICS and CUMULATIVE_RATE_RATIO (1588-2019 16.12, 16.10).

use crate::field::layout;
use crate::{RateOffset, TimeInterval};

layout! {
    /// ENHANCED_ACCURACY_METRICS (16.12.3): what the path added. Variances are in s^2.
    EnhancedAccuracyMetrics {
        /// Boundary clocks so far.
        bc_hop_count: u8,
        /// Transparent clocks so far.
        tc_hop_count: u8 => reserved 2,
        /// maxGmInaccuracy.
        max_gm_inaccuracy: TimeInterval,
        /// varGmInaccuracy.
        var_gm_inaccuracy: f64,
        /// maxTransientInaccuracy.
        max_transient_inaccuracy: TimeInterval,
        /// varTransientInaccuracy.
        var_transient_inaccuracy: f64,
        /// maxDynamicInaccuracy.
        max_dynamic_inaccuracy: TimeInterval,
        /// varDynamicInaccuracy.
        var_dynamic_inaccuracy: f64,
        /// maxStaticInstanceInaccuracy.
        max_static_instance_inaccuracy: TimeInterval,
        /// varStaticInstanceInaccuracy.
        var_static_instance_inaccuracy: f64,
        /// maxStaticMediumInaccuracy.
        max_static_medium_inaccuracy: TimeInterval,
        /// varStaticMediumInaccuracy.
        var_static_medium_inaccuracy: f64,
    }
}

layout! {
    /// CUMULATIVE_RATE_RATIO (16.10.3), on Sync or Follow_Up.
    #[derive(Eq)]
    CumulativeRateRatio {
        /// scaledCumulativeRateRatio: the grandmaster's rate against the sender's.
        scaled_cumulative_rate_ratio: RateOffset,
    }
}
