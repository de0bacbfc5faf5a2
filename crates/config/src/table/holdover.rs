//! The keys of holdover.

use super::{Kind, Need, SECOND, Section, THRESHOLD, key};

/// What a boundary clock is worth without its master.
pub(crate) const HOLDOVER: Section = Section {
    name: "holdover",
    doc: "How long a boundary clock that has lost its master claims to keep time (G.8275.1).",
    keys: &[
        key(
            "in_spec",
            Kind::Duration { min: 0, max: 365 * 86_400 * SECOND, off: true, hint: "s" },
            "off",
            "Announce class 135, within the holdover specification, for this long after the loss. `off`: no holdover, free run at once.",
            "",
        )
        .needs(Need::G8275),
        key(
            "out_of_spec",
            Kind::Duration { min: 0, max: 365 * 86_400 * SECOND, off: false, hint: "s" },
            "24h",
            "Then announce class 165 until this long after the loss, and free run from then on.",
            "",
        )
        .needs(Need::G8275),
        key(
            "max_error",
            THRESHOLD,
            "off",
            "`in_spec` ends earlier, when `drift` has made this much of an error.",
            "",
        )
        .needs(Need::G8275),
        key(
            "drift",
            Kind::Frequency { min: 0.0, max: 100_000.0 },
            "1ppb",
            "The most by which the clock's frequency may be wrong without its master.",
            "",
        )
        .needs(Need::G8275),
    ],
};
