//! The families of series: docs/metrics.md is made of this.

use ptp_daemon::metrics::{Family, Kind, Unit};

use Kind::{Counter, Gauge, Histogram};
use Unit::{None as Plain, Ratio, Seconds};

const CLOCK: &[&str] = &["clock"];

macro_rules! families {
    ($($name:ident = ($base:literal, $unit:expr, $kind:expr, $labels:expr, $help:literal);)*) => {
        $(pub(super) static $name: Family = Family::new($base, $unit, $kind, $labels, $help);)*

        /// All of them, in the order of the documentation.
        #[cfg(test)]
        pub(super) const ALL: &[&Family] = &[$(&$name,)*];
    };
}

families! {
    OFFSET = ("phc_sync_offset", Seconds, Gauge, &["clock", "source"], "Last offset, clock minus what its source says it should show. Absent where there was none lately.");
    OFFSET_AGE = ("phc_sync_offset_age", Seconds, Gauge, CLOCK, "How long ago that was measured.");
    READING = ("phc_sync_reading_delay", Seconds, Gauge, CLOCK, "How long the reading of both clocks took.");
    OFFSETS = ("phc_sync_offset_magnitude", Seconds, Histogram, CLOCK, "Magnitudes of all offsets measured.");
    FREQUENCY = ("phc_sync_frequency_adjustment", Ratio, Gauge, CLOCK, "Frequency adjustment of the clock: 1e-9 is a ppb. Absent where it is not steered.");
    BOUND = ("phc_sync_error_bound", Seconds, Gauge, CLOCK, "The clock is nearer than this to true time: what the source says of itself, the reading, and what the servo has left; without a source 99 % of the errors are below it, by what was learnt of the oscillator. Absent where nobody knows.");
    HOLDOVER = ("phc_sync_holdover_duration", Seconds, Gauge, CLOCK, "For how long the clock has been held on a prediction. Absent outside holdover.");
    HOLDOVERS = ("phc_sync_holdovers_ended", Plain, Counter, &["clock", "outcome"], "Times the clock got a source again after a prediction, by whether its error was within the bound: within, beyond.");
    SERVO_STATE = ("phc_sync_servo_state", Plain, Gauge, &["clock", "state"], "1 for the state, 0 for the others: acquiring, locked, holdover (no source, and the bound of the error is below `holdover_limit`), free (no source, and it is not), measured (free_running, or an NTP daemon steers).");
    SYSTEM_STATE = ("phc_sync_system_clock_state", Plain, Gauge, &["state"], "1 for the state of the system clock, 0 for the others: locked, holdover (no source, and the bound of its error is below `holdover_limit`), free.");
    STEPS = ("phc_sync_clock_steps", Plain, Counter, CLOCK, "Times the clock was stepped or set.");
    STRANGERS = ("phc_sync_foreign_adjustments", Plain, Counter, CLOCK, "Times somebody else was caught adjusting the clock.");
    CONNECTED = ("phc_sync_upstream_connected", Plain, Gauge, &["upstream"], "1: the PTP daemon answers and its ports are known.");
    IS_SOURCE = ("phc_sync_upstream_is_source", Plain, Gauge, &["upstream"], "1: a port of it is SLAVE, and so its clock is a source.");
    STANDING = ("phc_sync_source_state", Plain, Gauge, &["source", "state"], "1 for what the majority makes of the source, 0 for the others: unknown, absent, good, false (a falseticker). Only with `selection: intersection`.");
    SKIPPED = ("phc_sync_measurements_skipped", Plain, Counter, &["cause"], "Measurements left out, by cause.");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ptp_daemon::metrics::check_documentation;

    #[test]
    fn the_documentation_has_every_family() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
        check_documentation(&path, "phc-sync", super::ALL).expect("the table");
    }
}
