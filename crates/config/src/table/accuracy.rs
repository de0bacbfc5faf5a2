//! The keys of the enhanced accuracy metrics.

use super::servo::GAIN;
use super::{Kind, Need, SECOND, Section, key};

const SHARE: Kind = Kind::Duration { min: 0, max: SECOND, off: false, hint: "ns" };

/// ENHANCED_ACCURACY_METRICS.
pub(super) const ENHANCED_ACCURACY: Section = Section {
    name: "enhanced_accuracy",
    doc: "What this clock adds to the error that Announces tell of (ENHANCED_ACCURACY_METRICS). Variances are in s^2.",
    keys: &[
        key("enable", Kind::Bool, "false", "Take part.", "enhancedAccuracyMetricsEnabled"),
        key("max_gm", SHARE, "0ns", "Greatest error as grandmaster.", "maxGmInaccuracy")
            .needs(Need::Accuracy),
        key("var_gm", GAIN, "0", "Its variance.", "varGmInaccuracy").needs(Need::Accuracy),
        key(
            "max_transient",
            SHARE,
            "0ns",
            "Greatest error while it recovers from a change.",
            "maxTransientInaccuracy",
        )
        .needs(Need::Accuracy),
        key("var_transient", GAIN, "0", "Its variance.", "varTransientInaccuracy").needs(Need::Accuracy),
        key("max_dynamic", SHARE, "0ns", "Greatest error by noise.", "maxDynamicInaccuracy")
            .needs(Need::Accuracy),
        key("var_dynamic", GAIN, "0", "Its variance.", "varDynamicInaccuracy").needs(Need::Accuracy),
        key(
            "max_static_instance",
            SHARE,
            "0ns",
            "Greatest error of its latencies.",
            "maxStaticInstanceInaccuracy",
        )
        .needs(Need::Accuracy),
        key("var_static_instance", GAIN, "0", "Its variance.", "varStaticInstanceInaccuracy")
            .needs(Need::Accuracy),
        key(
            "max_static_medium",
            SHARE,
            "0ns",
            "Greatest error by asymmetry of the link to its server.",
            "maxStaticMediumInaccuracy",
        )
        .needs(Need::Accuracy),
        key("var_static_medium", GAIN, "0", "Its variance.", "varStaticMediumInaccuracy")
            .needs(Need::Accuracy),
    ],
};
