//! The keys of the evidence log.

use super::{Kind, Need, SECOND, Section, THRESHOLD, int, key};

const HOUR: i64 = 3600 * SECOND;

/// What is recorded so that it can be proved later.
pub(crate) const EVIDENCE: Section = Section {
    name: "evidence",
    doc: "An append-only log of measurements and changes whose records are chained by SHA-256: docs/evidence.md. `pmc report` reads it.",
    keys: &[
        key(
            "directory",
            Kind::Path { max: 4000, off: true },
            "off",
            "Where the log is, one file for each day. `off`: none is written.",
            "",
        ),
        key(
            "interval",
            Kind::Duration { min: SECOND / 10, max: HOUR, off: false, hint: "s" },
            "1s",
            "One record of measurements in this time, with their extremes.",
            "",
        )
        .needs(Need::Evidence),
        key("keep_days", int(0, 36_500), "0", "So many daily files are kept; 0: all.", "").needs(Need::Evidence),
        key(
            "sync",
            Kind::Duration { min: 0, max: HOUR, off: false, hint: "s" },
            "10s",
            "Measurements survive a loss of power after this time; changes of state at once.",
            "",
        )
        .needs(Need::Evidence),
        key(
            "anchor",
            THRESHOLD,
            "1h",
            "The hash of the last record goes to the log this often, where `pmc report --head` finds what was cut off. `off`: only at the end.",
            "",
        )
        .needs(Need::Evidence),
    ],
};
