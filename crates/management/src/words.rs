//! Words for the numbers of FOREIGN_MASTERS_NP and CLOCK_STATUS_NP.

use ptp_wire::management::ForeignMasterRow;

/// How it stands with a clock.
pub fn clock_state(n: u8) -> &'static str {
    ["free", "measured", "acquiring", "locked", "holdover", "grandmaster"]
        .get(usize::from(n))
        .copied()
        .unwrap_or("???")
}

/// Code of the state decision (1588-2019 figure 33).
pub fn decision(n: u8) -> &'static str {
    ["none", "M1", "M2", "M3", "P1", "P2", "S1", "WAIT", "NOT_CAPABLE"]
        .get(usize::from(n))
        .copied()
        .unwrap_or("???")
}

/// Which best master clock algorithm.
pub fn rule(n: u8) -> &'static str {
    ["IEEE1588", "G8275", "G8265.1", "IEEE802.1AS", "STATIC"].get(usize::from(n)).copied().unwrap_or("???")
}

/// What a candidate counts for.
pub fn standing(n: u8) -> &'static str {
    match n {
        ForeignMasterRow::BEST => "BEST",
        ForeignMasterRow::WORSE => "WORSE",
        ForeignMasterRow::NOT_QUALIFIED => "NOT_QUALIFIED",
        ForeignMasterRow::NOT_USABLE => "NOT_USABLE",
        ForeignMasterRow::FAILED => "FAILED",
        _ => "???",
    }
}

/// The field that decided, as the standard names it.
pub fn decided_by(n: u8) -> &'static str {
    [
        "none",
        "priority1",
        "clockClass",
        "clockAccuracy",
        "offsetScaledLogVariance",
        "priority2",
        "localPriority",
        "grandmasterIdentity",
        "stepsRemoved",
        "senderIdentity",
        "receivingPort",
    ]
    .get(usize::from(n))
    .copied()
    .unwrap_or("???")
}
