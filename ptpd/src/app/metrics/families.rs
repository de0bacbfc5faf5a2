//! The families of series: docs/metrics.md is made of this.

use ptp_daemon::metrics::{Family, Kind, Unit};

use Kind::{Counter, Gauge, Histogram, Info};
use Unit::{None as Plain, Ratio, Seconds};

const INSTANCE: &[&str] = &["ptp_instance"];
const PORT: &[&str] = &["ptp_instance", "port", "interface"];
const PORT_STATE: &[&str] = &["ptp_instance", "port", "interface", "state"];
const PORT_CAUSE: &[&str] = &["ptp_instance", "port", "interface", "cause"];
const PORT_MESSAGE: &[&str] = &["ptp_instance", "port", "interface", "message"];
const PORT_TIMER: &[&str] = &["ptp_instance", "port", "interface", "timer"];

macro_rules! families {
    ($($name:ident = ($base:literal, $unit:expr, $kind:expr, $labels:expr, $help:literal);)*) => {
        $(pub(super) static $name: Family = Family::new($base, $unit, $kind, $labels, $help);)*

        /// All of them, in the order of the documentation.
        #[cfg(test)]
        pub(super) const ALL: &[&Family] = &[$(&$name,)*];
    };
}

families! {
    INSTANCE_INFO = ("ptp_instance", Plain, Info, &["ptp_instance", "clock_identity", "domain", "sdo_id", "clock"], "A PTP instance: its clockIdentity, domain, sdoId and the clock that it keeps or measures with.");
    CLOCK_STATE = ("ptp_clock_state", Plain, Gauge, &["ptp_instance", "state"], "1 for how it stands with the clock, 0 for the others: free, measured (there is a master, and nobody steers), acquiring (a master, but the servo is not locked), locked, holdover, grandmaster (of a clockClass that is worth following).");
    OFFSET = ("ptp_offset_from_master", Seconds, Gauge, INSTANCE, "Last measured offset, clock minus master. Absent without a master.");
    OFFSET_AGE = ("ptp_offset_age", Seconds, Gauge, INSTANCE, "How long ago that was measured.");
    DELAY = ("ptp_mean_delay", Seconds, Gauge, INSTANCE, "Mean path delay of that measurement. Absent without a master.");
    OFFSETS = ("ptp_offset_from_master_magnitude", Seconds, Histogram, INSTANCE, "Magnitudes of all offsets measured.");
    FREQUENCY = ("ptp_frequency_adjustment", Ratio, Gauge, INSTANCE, "Frequency adjustment of the clock: 1e-9 is a ppb. Absent where the clock is not steered.");
    BOUND = ("ptp_error_bound", Seconds, Gauge, INSTANCE, "99 % of the errors are below this, by the servo's own estimate, or by its model of the oscillator in holdover. Absent where nobody knows.");
    HOLDOVER = ("ptp_holdover_duration", Seconds, Gauge, INSTANCE, "For how long the clock has been held on a prediction. Absent outside holdover.");
    STEPS = ("ptp_clock_steps", Plain, Counter, INSTANCE, "Times the clock was stepped or set.");
    GRANDMASTER_INFO = ("ptp_grandmaster", Plain, Info, &["ptp_instance", "grandmaster_identity", "parent_port_identity", "time_source"], "Who the grandmaster and the parent port are, and where the grandmaster has its time from.");
    IS_GRANDMASTER = ("ptp_is_grandmaster", Plain, Gauge, INSTANCE, "1: this instance is the grandmaster, or knows no other.");
    CLASS = ("ptp_grandmaster_clock_class", Plain, Gauge, INSTANCE, "clockClass of the grandmaster: 6 locked to a primary reference, 7 its holdover, 135 and 165 a boundary clock's, 248 free run, 255 client only.");
    ACCURACY = ("ptp_grandmaster_clock_accuracy", Plain, Gauge, INSTANCE, "clockAccuracy of the grandmaster as the number of the standard (33 is 100 ns, 254 unknown).");
    VARIANCE = ("ptp_grandmaster_offset_scaled_log_variance", Plain, Gauge, INSTANCE, "offsetScaledLogVariance of the grandmaster.");
    PRIORITY1 = ("ptp_grandmaster_priority1", Plain, Gauge, INSTANCE, "priority1 of the grandmaster.");
    PRIORITY2 = ("ptp_grandmaster_priority2", Plain, Gauge, INSTANCE, "priority2 of the grandmaster.");
    STEPS_REMOVED = ("ptp_steps_removed", Plain, Gauge, INSTANCE, "Boundary clocks between this instance and the grandmaster, plus one; 0 while it is grandmaster.");
    UTC_OFFSET = ("ptp_current_utc_offset", Seconds, Gauge, INSTANCE, "TAI minus UTC. Absent where it is not known to be right.");
    TRACEABLE = ("ptp_traceable", Plain, Gauge, &["ptp_instance", "of"], "1: time or frequency comes from a primary reference.");
    LEAP = ("ptp_leap_second", Plain, Gauge, &["ptp_instance", "kind"], "1: a leap second at the end of the UTC day is announced (leap61 inserts, leap59 deletes).");
    PORT_INFO_STATE = ("ptp_port_state", Plain, Gauge, PORT_STATE, "1 for the port's state, 0 for the others.");
    PORT_DELAY = ("ptp_port_mean_link_delay", Seconds, Gauge, PORT, "Delay that the port has measured: of the link (P2P) or the path (E2E). Absent until it has.");
    RECEIVED = ("ptp_port_messages_received", Plain, Counter, PORT_MESSAGE, "Messages received, by messageType.");
    SENT = ("ptp_port_messages_sent", Plain, Counter, PORT_MESSAGE, "Messages sent, by messageType.");
    DROPPED = ("ptp_port_messages_dropped", Plain, Counter, PORT_CAUSE, "Messages received and not used, by cause.");
    TIMERS = ("ptp_port_timeouts", Plain, Counter, PORT_TIMER, "Timers that ran out. The ones to alarm on are announce and sync (a master fell silent), sync_mismatch and follow_up_mismatch (one half of a pair is missing).");
    STAMPS_LOST = ("ptp_port_transmit_timestamps_lost", Plain, Counter, PORT, "Transmit time stamps that never came.");
    SOCKET = ("ptp_port_socket_events", Plain, Counter, &["ptp_instance", "port", "interface", "event"], "What happened on the port's sockets: stamps that matched nothing or came too late, event messages without a stamp, errors of the network, frames that are no PTP, messages that the kernel refused. Ports that share sockets have the same. From 0 again when they are opened anew.");
    CLIENTS = ("ptp_port_unicast_clients", Plain, Gauge, PORT, "Unicast clients with at least one grant. Absent where the port serves none.");
    PROMISED = ("ptp_port_unicast_granted_messages_per_second", Plain, Gauge, PORT, "Messages that all grants together promise.");
    GRANTS = ("ptp_port_unicast_grants", Plain, Counter, PORT, "Unicast grants given, renewals included.");
    REFUSALS = ("ptp_port_unicast_refusals", Plain, Counter, PORT_CAUSE, "Unicast requests refused: access list, too many clients, too high a rate, not master, values that cannot be had.");
    LATE = ("ptp_port_unicast_late", Plain, Counter, PORT, "Unicast messages sent later than a whole interval.");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ptp_daemon::metrics::check_documentation;

    #[test]
    fn the_documentation_has_every_family() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
        check_documentation(&path, "common", ptp_daemon::metrics::COMMON).expect("the table of all daemons");
        check_documentation(&path, "ptpd", super::ALL).expect("the table of ptpd");
        check_documentation(&path, "openshift", ptp_daemon::metrics::openshift::ALL)
            .expect("OpenShift's names");
    }
}
