//! In ptp4l's place: exactly what linuxptp serves, and its refusals where it refuses.
//!
//! linuxptp asks the clock first, then the ports. What the clock knows and does not serve it refuses itself; whatever else
//! it hands to the ports, and each that is meant answers, if only that it does not know.

use ptp_wire::management::{Action, ErrorId, ManagementId as Id};

/// Who answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Clock,
    Ports,
    ClockRefuses(ErrorId),
    PortsRefuse(ErrorId),
}

const CLOCK_GET: &[Id] = &[
    Id::USER_DESCRIPTION,
    Id::DEFAULT_DATA_SET,
    Id::CURRENT_DATA_SET,
    Id::PARENT_DATA_SET,
    Id::TIME_PROPERTIES_DATA_SET,
    Id::PRIORITY1,
    Id::PRIORITY2,
    Id::DOMAIN,
    Id::SLAVE_ONLY,
    Id::CLOCK_ACCURACY,
    Id::TRACEABILITY_PROPERTIES,
    Id::TIMESCALE_PROPERTIES,
    Id::ALTERNATE_TIME_OFFSET_ENABLE,
    Id::ALTERNATE_TIME_OFFSET_NAME,
    Id::ALTERNATE_TIME_OFFSET_PROPERTIES,
    Id::TIME_STATUS_NP,
    Id::GRANDMASTER_SETTINGS_NP,
    Id::SUBSCRIBE_EVENTS_NP,
    Id::SYNCHRONIZATION_UNCERTAIN_NP,
    Id::EXTERNAL_GRANDMASTER_PROPERTIES_NP,
];
const CLOCK_SET: &[Id] = &[
    Id::PRIORITY1,
    Id::PRIORITY2,
    Id::ALTERNATE_TIME_OFFSET_ENABLE,
    Id::ALTERNATE_TIME_OFFSET_NAME,
    Id::ALTERNATE_TIME_OFFSET_PROPERTIES,
    Id::GRANDMASTER_SETTINGS_NP,
    Id::SUBSCRIBE_EVENTS_NP,
    Id::SYNCHRONIZATION_UNCERTAIN_NP,
    Id::EXTERNAL_GRANDMASTER_PROPERTIES_NP,
];
/// The clock's, and not served with this action.
const CLOCK_KNOWS: &[Id] = &[
    Id::USER_DESCRIPTION,
    Id::SAVE_IN_NON_VOLATILE_STORAGE,
    Id::RESET_NON_VOLATILE_STORAGE,
    Id::INITIALIZE,
    Id::FAULT_LOG,
    Id::FAULT_LOG_RESET,
    Id::DEFAULT_DATA_SET,
    Id::CURRENT_DATA_SET,
    Id::PARENT_DATA_SET,
    Id::TIME_PROPERTIES_DATA_SET,
    Id::PRIORITY1,
    Id::PRIORITY2,
    Id::DOMAIN,
    Id::SLAVE_ONLY,
    Id::TIME,
    Id::CLOCK_ACCURACY,
    Id::UTC_PROPERTIES,
    Id::TRACEABILITY_PROPERTIES,
    Id::TIMESCALE_PROPERTIES,
    Id::PATH_TRACE_LIST,
    Id::PATH_TRACE_ENABLE,
    Id::GRANDMASTER_CLUSTER_TABLE,
    Id::ACCEPTABLE_MASTER_TABLE,
    Id::ACCEPTABLE_MASTER_MAX_TABLE_SIZE,
    Id::ALTERNATE_TIME_OFFSET_ENABLE,
    Id::ALTERNATE_TIME_OFFSET_NAME,
    Id::ALTERNATE_TIME_OFFSET_MAX_KEY,
    Id::ALTERNATE_TIME_OFFSET_PROPERTIES,
    Id::TRANSPARENT_CLOCK_DEFAULT_DATA_SET,
    Id::PRIMARY_DOMAIN,
    Id::TIME_STATUS_NP,
    Id::GRANDMASTER_SETTINGS_NP,
    Id::SUBSCRIBE_EVENTS_NP,
];
const PORT_GET: &[Id] = &[
    Id::NULL_MANAGEMENT,
    Id::CLOCK_DESCRIPTION,
    Id::PORT_DATA_SET,
    Id::LOG_ANNOUNCE_INTERVAL,
    Id::ANNOUNCE_RECEIPT_TIMEOUT,
    Id::LOG_SYNC_INTERVAL,
    Id::VERSION_NUMBER,
    Id::MASTER_ONLY,
    Id::DELAY_MECHANISM,
    Id::LOG_MIN_PDELAY_REQ_INTERVAL,
    Id::PORT_DATA_SET_NP,
    Id::PORT_PROPERTIES_NP,
    Id::PORT_STATS_NP,
    Id::PORT_SERVICE_STATS_NP,
    Id::UNICAST_MASTER_TABLE_NP,
    Id::PORT_HWCLOCK_NP,
    Id::POWER_PROFILE_SETTINGS_NP,
    Id::CMLDS_INFO_NP,
    Id::PORT_CORRECTIONS_NP,
];
const PORT_SET: &[Id] = &[Id::PORT_DATA_SET_NP, Id::POWER_PROFILE_SETTINGS_NP, Id::PORT_CORRECTIONS_NP];
const PORT_COMMAND: &[Id] = &[Id::ENABLE_PORT, Id::DISABLE_PORT];
const PORT_KNOWS: &[Id] = &[
    Id::NULL_MANAGEMENT,
    Id::CLOCK_DESCRIPTION,
    Id::PORT_DATA_SET,
    Id::LOG_ANNOUNCE_INTERVAL,
    Id::ANNOUNCE_RECEIPT_TIMEOUT,
    Id::LOG_SYNC_INTERVAL,
    Id::VERSION_NUMBER,
    Id::ENABLE_PORT,
    Id::DISABLE_PORT,
    Id::UNICAST_NEGOTIATION_ENABLE,
    Id::UNICAST_MASTER_TABLE,
    Id::UNICAST_MASTER_MAX_TABLE_SIZE,
    Id::ACCEPTABLE_MASTER_TABLE_ENABLED,
    Id::ALTERNATE_MASTER,
    Id::TRANSPARENT_CLOCK_PORT_DATA_SET,
    Id::DELAY_MECHANISM,
    Id::LOG_MIN_PDELAY_REQ_INTERVAL,
];

/// `may_all`: it came by the read-write socket. `empty`: there are no data behind the ID.
pub(super) fn judge(action: Action, id: Id, empty: bool, may_all: bool) -> Verdict {
    let in_clock = match action {
        Action::Get => CLOCK_GET,
        Action::Set => CLOCK_SET,
        _ => &[],
    };
    let in_ports = match action {
        Action::Get => PORT_GET,
        Action::Set => PORT_SET,
        _ => PORT_COMMAND,
    };
    if action == Action::Set && empty && id != Id::NULL_MANAGEMENT {
        Verdict::ClockRefuses(ErrorId::WRONG_LENGTH)
    } else if action != Action::Get && !may_all {
        Verdict::ClockRefuses(ErrorId::NOT_SUPPORTED)
    } else if in_clock.contains(&id) {
        Verdict::Clock
    } else if CLOCK_KNOWS.contains(&id) {
        Verdict::ClockRefuses(ErrorId::NOT_SUPPORTED)
    } else if in_ports.contains(&id) {
        Verdict::Ports
    } else if PORT_KNOWS.contains(&id) {
        Verdict::PortsRefuse(ErrorId::NOT_SUPPORTED)
    } else {
        Verdict::PortsRefuse(ErrorId::NO_SUCH_ID)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_comes_first() {
        let judge = |action, id| judge(action, id, false, true);
        assert_eq!(judge(Action::Get, Id::DEFAULT_DATA_SET), Verdict::Clock);
        assert_eq!(judge(Action::Set, Id::DEFAULT_DATA_SET), Verdict::ClockRefuses(ErrorId::NOT_SUPPORTED));
        assert_eq!(judge(Action::Get, Id::UTC_PROPERTIES), Verdict::ClockRefuses(ErrorId::NOT_SUPPORTED));
        assert_eq!(
            judge(Action::Set, Id::LOG_ANNOUNCE_INTERVAL),
            Verdict::PortsRefuse(ErrorId::NOT_SUPPORTED)
        );
        assert_eq!(judge(Action::Get, Id(0x3004)), Verdict::PortsRefuse(ErrorId::NO_SUCH_ID));
        assert_eq!(judge(Action::Command, Id::ENABLE_PORT), Verdict::Ports);
        assert_eq!(
            super::judge(Action::Command, Id::ENABLE_PORT, true, false),
            Verdict::ClockRefuses(ErrorId::NOT_SUPPORTED)
        );
        assert_eq!(
            super::judge(Action::Set, Id(0xdfff), true, true),
            Verdict::ClockRefuses(ErrorId::WRONG_LENGTH)
        );
    }
}
