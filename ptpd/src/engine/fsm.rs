//! The port state machine (1588-2019 9.2.5, figures 30 and 31).
//!
//! | State \ Event | init complete | fault | fault cleared | disabled | enabled | announce timeout | qualified | clock selected | sync fault |
//! |---|---|---|---|---|---|---|---|---|---|
//! | INITIALIZING | LISTENING | FAULTY | | DISABLED | | | | | |
//! | FAULTY | | | INITIALIZING | DISABLED | | | | | |
//! | DISABLED | | | | | INITIALIZING | | | | |
//! | LISTENING | | FAULTY | | DISABLED | | MASTER | | | |
//! | PRE_MASTER | | FAULTY | | DISABLED | | | MASTER | | |
//! | MASTER | | FAULTY | | DISABLED | | | | | |
//! | PASSIVE | | FAULTY | | DISABLED | | MASTER | | | |
//! | UNCALIBRATED | | FAULTY | | DISABLED | | MASTER | | SLAVE | |
//! | SLAVE | | FAULTY | | DISABLED | | MASTER | | | UNCALIBRATED |
//!
//! Recommended states: M1, M2: MASTER. M3: PRE_MASTER (MASTER and PRE_MASTER stay). P1, P2: PASSIVE.
//! S1: UNCALIBRATED (UNCALIBRATED and SLAVE stay unless the parent changed).
//! External port configuration (17.6) instead of a recommended state: MASTER and PASSIVE at once; SLAVE as by S1.
//! A client-only clock knows no PRE_MASTER, MASTER and PASSIVE: it goes to LISTENING instead.

use super::bmca::Decision;
use super::{DesiredState, PortState};

/// What drives a port's state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FsmEvent {
    InitComplete,
    FaultDetected,
    FaultCleared,
    DesignatedDisabled,
    DesignatedEnabled,
    AnnounceReceiptTimeout,
    QualificationTimeout,
    MasterClockSelected,
    SynchronizationFault,
    Recommended {
        decision: Decision,
        new_parent: bool,
    },
    /// Ports are configured from outside (17.6).
    External {
        desired: DesiredState,
        new_parent: bool,
    },
}

impl FsmEvent {
    /// The field's word for it, as linuxptp logs it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InitComplete => "INIT_COMPLETE",
            Self::FaultDetected => "FAULT_DETECTED",
            Self::FaultCleared => "FAULT_CLEARED",
            Self::DesignatedDisabled => "DESIGNATED_DISABLED",
            Self::DesignatedEnabled => "DESIGNATED_ENABLED",
            Self::AnnounceReceiptTimeout => "ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES",
            Self::QualificationTimeout => "QUALIFICATION_TIMEOUT_EXPIRES",
            Self::MasterClockSelected => "MASTER_CLOCK_SELECTED",
            Self::SynchronizationFault => "SYNCHRONIZATION_FAULT",
            Self::External { .. } => "EXTERNAL_PORT_CONFIGURATION",
            Self::Recommended { decision, .. } => match decision {
                Decision::M1 | Decision::M2 => "RS_GRAND_MASTER",
                Decision::M3 => "RS_MASTER",
                Decision::S1 => "RS_SLAVE",
                Decision::P1 | Decision::P2 => "RS_PASSIVE",
                Decision::Stay | Decision::NotCapable => "STATE_DECISION_EVENT",
            },
        }
    }
}

/// The state after `event`.
pub(super) fn next_state(state: PortState, event: FsmEvent, client_only: bool) -> PortState {
    use PortState::*;
    let next = match (state, event) {
        (Initializing, FsmEvent::InitComplete) => Listening,
        (Faulty, FsmEvent::FaultCleared) => Initializing,
        (Disabled, FsmEvent::DesignatedEnabled) => Initializing,
        (Disabled, _) => Disabled,
        (_, FsmEvent::DesignatedDisabled) => Disabled,
        (_, FsmEvent::FaultDetected) => Faulty,
        (Initializing | Faulty, _) => state,
        (Listening | Passive | Uncalibrated | Slave, FsmEvent::AnnounceReceiptTimeout) => Master,
        (PreMaster, FsmEvent::QualificationTimeout) => Master,
        (Uncalibrated, FsmEvent::MasterClockSelected) => Slave,
        (Slave, FsmEvent::SynchronizationFault) => Uncalibrated,
        (_, FsmEvent::Recommended { decision, new_parent }) => match decision {
            Decision::Stay => state,
            Decision::NotCapable => Listening,
            Decision::M1 | Decision::M2 => Master,
            Decision::M3 if matches!(state, Master | PreMaster) => state,
            Decision::M3 => PreMaster,
            Decision::P1 | Decision::P2 => Passive,
            Decision::S1 if matches!(state, Uncalibrated | Slave) && !new_parent => state,
            Decision::S1 => Uncalibrated,
        },
        (_, FsmEvent::External { desired, new_parent }) => match desired {
            DesiredState::Slave if matches!(state, Uncalibrated | Slave) && !new_parent => state,
            DesiredState::Slave => Uncalibrated,
            other => other.port_state(),
        },
        _ => state,
    };
    if client_only && matches!(next, PreMaster | Master | Passive) { Listening } else { next }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PortState::*;

    const ALL: [PortState; 9] =
        [Initializing, Faulty, Disabled, Listening, PreMaster, Master, Passive, Uncalibrated, Slave];
    const PLAIN: [FsmEvent; 9] = [
        FsmEvent::InitComplete,
        FsmEvent::FaultDetected,
        FsmEvent::FaultCleared,
        FsmEvent::DesignatedDisabled,
        FsmEvent::DesignatedEnabled,
        FsmEvent::AnnounceReceiptTimeout,
        FsmEvent::QualificationTimeout,
        FsmEvent::MasterClockSelected,
        FsmEvent::SynchronizationFault,
    ];

    #[test]
    fn ports_configured_from_outside_go_where_they_are_told() {
        let told =
            |state, desired, new_parent| next_state(state, FsmEvent::External { desired, new_parent }, false);
        for state in [Listening, PreMaster, Master, Passive, Uncalibrated, Slave] {
            assert_eq!(told(state, DesiredState::Master, false), Master);
            assert_eq!(told(state, DesiredState::Passive, false), Passive);
            let stays = matches!(state, Uncalibrated | Slave);
            assert_eq!(told(state, DesiredState::Slave, false), if stays { state } else { Uncalibrated });
            assert_eq!(told(state, DesiredState::Slave, true), Uncalibrated);
        }
        for state in [Initializing, Faulty, Disabled] {
            assert_eq!(told(state, DesiredState::Master, false), state);
        }
    }

    #[test]
    fn the_table_above_holds_cell_by_cell() {
        let table: [(PortState, [Option<PortState>; 9]); 9] = [
            (
                Initializing,
                [Some(Listening), Some(Faulty), None, Some(Disabled), None, None, None, None, None],
            ),
            (Faulty, [None, None, Some(Initializing), Some(Disabled), None, None, None, None, None]),
            (Disabled, [None, None, None, None, Some(Initializing), None, None, None, None]),
            (Listening, [None, Some(Faulty), None, Some(Disabled), None, Some(Master), None, None, None]),
            (PreMaster, [None, Some(Faulty), None, Some(Disabled), None, None, Some(Master), None, None]),
            (Master, [None, Some(Faulty), None, Some(Disabled), None, None, None, None, None]),
            (Passive, [None, Some(Faulty), None, Some(Disabled), None, Some(Master), None, None, None]),
            (
                Uncalibrated,
                [None, Some(Faulty), None, Some(Disabled), None, Some(Master), None, Some(Slave), None],
            ),
            (
                Slave,
                [
                    None,
                    Some(Faulty),
                    None,
                    Some(Disabled),
                    None,
                    Some(Master),
                    None,
                    None,
                    Some(Uncalibrated),
                ],
            ),
        ];
        for (state, row) in table {
            for (event, expected) in PLAIN.into_iter().zip(row) {
                assert_eq!(
                    next_state(state, event, false),
                    expected.unwrap_or(state),
                    "{state} on {event:?}"
                );
            }
        }
    }

    #[test]
    fn recommended_states_follow_their_table() {
        let go = |state, decision, new_parent| {
            next_state(state, FsmEvent::Recommended { decision, new_parent }, false)
        };
        for state in [Listening, PreMaster, Master, Passive, Uncalibrated, Slave] {
            assert_eq!(go(state, Decision::M2, false), Master);
            let m3 = if matches!(state, PreMaster | Master) { state } else { PreMaster };
            assert_eq!(go(state, Decision::M3, false), m3);
            assert_eq!(go(state, Decision::P2, false), Passive);
            assert_eq!(go(state, Decision::S1, true), Uncalibrated);
            assert_eq!(go(state, Decision::Stay, false), state);
        }
        assert_eq!(go(Slave, Decision::S1, false), Slave);
        assert_eq!(go(Uncalibrated, Decision::S1, false), Uncalibrated);
        for state in [Initializing, Faulty, Disabled] {
            assert_eq!(go(state, Decision::M2, false), state);
        }
    }

    #[test]
    fn a_client_only_clock_never_serves() {
        let recommended =
            [Decision::M1, Decision::M2, Decision::M3, Decision::P1, Decision::P2, Decision::S1]
                .map(|decision| FsmEvent::Recommended { decision, new_parent: true });
        for state in ALL.into_iter().filter(|s| !matches!(s, PreMaster | Master | Passive)) {
            for event in PLAIN.into_iter().chain(recommended) {
                let next = next_state(state, event, true);
                assert!(!matches!(next, PreMaster | Master | Passive), "{state} on {event:?} gave {next}");
            }
        }
    }
}
