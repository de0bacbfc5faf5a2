//! The families of series: docs/metrics.md is made of this.

use ptp_daemon::metrics::{Family, Kind, Unit};

use Kind::{Counter, Gauge, Histogram};
use Unit::{None as Plain, Ratio, Seconds};

const CLOCK: &[&str] = &["clock"];
const WITNESS: &[&str] = &["witness"];

macro_rules! families {
    ($($name:ident = ($base:literal, $unit:expr, $kind:expr, $labels:expr, $help:literal);)*) => {
        $(pub(super) static $name: Family = Family::new($base, $unit, $kind, $labels, $help);)*

        /// All of them, in the order of the documentation.
        #[cfg(test)]
        pub(super) const ALL: &[&Family] = &[$(&$name,)*];
    };
}

families! {
    LOCK_STATE = ("ts2phc_lock_state", Plain, Gauge, &["state"], "1 for the grandmaster's state, 0 for the others: free_run, warming_up, locked, holdover_in_spec, holdover_out_of_spec.");
    STATE_AGE = ("ts2phc_lock_state_age", Seconds, Gauge, &[], "For how long it has been in that state.");
    CLASS = ("ts2phc_clock_class", Plain, Gauge, &[], "clockClass that follows from the state, and is announced to ptpd where that is configured.");
    BOUND = ("ts2phc_error_bound", Seconds, Gauge, &[], "99 % of the errors of the first clock are below this, the reference's own share included. Absent where nobody knows.");
    QUARANTINED = ("ts2phc_reference_quarantined", Plain, Gauge, &[], "1: pulses come, and disagree with the clock's prediction: they are not followed.");
    OUTVOTED = ("ts2phc_reference_outvoted", Plain, Gauge, &[], "1: pulses come, and witnesses disagree with them: they are not followed.");
    WITNESS_OFFSET = ("ts2phc_witness_offset", Seconds, Gauge, WITNESS, "The first clock minus a witness's time. Absent where it says nothing.");
    WITNESS_BOUND = ("ts2phc_witness_error_bound", Seconds, Gauge, WITNESS, "How far off that is at most, by the witness's word and its configured error.");
    WITNESS_STATE = ("ts2phc_witness_state", Plain, Gauge, &["witness", "state"], "1 for how a witness stands to the receiver, 0 for the others: silent, agrees, disagrees.");
    REFERENCE = ("ts2phc_reference_state", Plain, Gauge, &["state"], "1 for what the receiver's state is, 0 for the others: good, silent, no_fix, few_satellites, jammed, antenna, moved, time_jumped.");
    WORDS = ("ts2phc_receiver_messages", Plain, Counter, &["result"], "What the receiver said: time, no_fix, other (sound, and something else); dropped: no_sentence, no_checksum, wrong_checksum, wrong_field (a time or place that does not exist), too_long. Absent without a receiver.");
    DATES = ("ts2phc_receiver_impossible_dates", Plain, Counter, &[], "Times of the receiver that lie before this program was made, and were not used.");
    LOSSES = ("ts2phc_receiver_losses", Plain, Counter, &[], "Times the receiver's line or connection ended, failed or fell silent; it is opened again.");
    UTC_OFFSET = ("ts2phc_current_utc_offset", Seconds, Gauge, &[], "TAI minus UTC as it is used. Absent until it is known.");
    OFFSET = ("ts2phc_offset", Seconds, Gauge, CLOCK, "Last offset of a pulse that was followed, clock minus true second. Absent where there was none lately.");
    OFFSET_AGE = ("ts2phc_offset_age", Seconds, Gauge, CLOCK, "How long ago that was.");
    OFFSETS = ("ts2phc_offset_magnitude", Seconds, Histogram, CLOCK, "Magnitudes of all those offsets.");
    FREQUENCY = ("ts2phc_frequency_adjustment", Ratio, Gauge, CLOCK, "Frequency adjustment of the clock: 1e-9 is a ppb. Absent until a pulse was followed.");
    SERVO_STATE = ("ts2phc_servo_state", Plain, Gauge, &["clock", "state"], "1 for the servo's state, 0 for the others: acquiring, locked, holdover.");
    STEPS = ("ts2phc_clock_steps", Plain, Counter, CLOCK, "Times the clock was stepped.");
    PULSES = ("ts2phc_pulses", Plain, Counter, &["clock", "result"], "Pulses, by what became of them: followed, no_time (nobody says which second it is), refused (the reference is bad or disagrees); missing (they did not come), duplicate, other_edge, noise (edges on the line that are none).");
    CHANGED = ("ts2phc_foreign_adjustments", Plain, Counter, CLOCK, "Times somebody else was caught setting the clock.");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ptp_daemon::metrics::check_documentation;

    #[test]
    fn the_documentation_has_every_family() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
        check_documentation(&path, "ts2phc", super::ALL).expect("the table");
    }
}
