//! The language of pmc.

use ptp_management::{Command, CommandError, Request};
use ptp_wire::management::{
    Action, EventMask, ExternalGrandmasterPropertiesNp, GrandmasterSettingsNp, ManagementId, NotifyEvent,
    Payload, PortCorrectionsNp, PtpText, SubscribeEventsNp,
};
use ptp_wire::{ClockAccuracy, ClockQuality, Flags, PortIdentity, TimeInterval, TimeSource};

fn get(line: &str) -> Option<ManagementId> {
    match Command::parse(line) {
        Ok(Command::Send(Request { action: Action::Get, payload, .. })) => Some(payload.id()),
        _ => None,
    }
}

fn set(line: &str) -> Payload<'_> {
    match Command::parse(line) {
        Ok(Command::Send(Request { action: Action::Set, payload, .. })) => payload,
        other => panic!("{line}: {other:?}"),
    }
}

fn error(line: &str) -> String {
    Command::parse(line).unwrap_err().to_string()
}

#[test]
fn names_may_be_cut_short_to_what_is_unique() {
    assert_eq!(get("GET PRIORITY1"), Some(ManagementId::PRIORITY1));
    assert_eq!(get("  get  priority1  "), Some(ManagementId::PRIORITY1));
    assert_eq!(get("g time_s"), Some(ManagementId::TIME_STATUS_NP));
    // An exact name wins over longer ones.
    assert_eq!(get("GET PORT_DATA_SET"), Some(ManagementId::PORT_DATA_SET));
    assert_eq!(get("GET TIME"), Some(ManagementId::TIME));
    assert_eq!(get("GET NULL_PTP_MANAGEMENT"), Some(ManagementId::NULL_MANAGEMENT));
    // Unique in linuxptp's pmc, which does not know the others of that beginning.
    assert_eq!(get("GET EXT"), Some(ManagementId::EXTERNAL_GRANDMASTER_PROPERTIES_NP));
    assert_eq!(error("GET LOG"), "id LOG is too ambiguous");
    assert_eq!(error("GET P"), "id P is too ambiguous");
    assert_eq!(error("GET NO_SUCH"), "bad command: GET NO_SUCH");
    assert_eq!(error("GET"), "bad command: GET");
    assert_eq!(error("FETCH PRIORITY1"), "bad command: FETCH PRIORITY1");
    assert_eq!(Command::parse(" \n"), Ok(Command::Nothing));
    assert_eq!(Command::parse("help"), Ok(Command::Help));
}

#[test]
fn actions_must_be_defined() {
    assert_eq!(error("SET DEFAULT_DATA_SET"), "DEFAULT_DATA_SET only allows GET");
    assert_eq!(error("CMD PRIORITY1"), "PRIORITY1 only allows GET or SET");
    assert_eq!(error("GET ENABLE_PORT"), "ENABLE_PORT only allows COMMAND");
    let refused = Command::parse("SET DEFAULT_DATA_SET").unwrap_err();
    assert_eq!(refused.understood(), Some((Action::Set, ManagementId::DEFAULT_DATA_SET)));
    for line in ["CMD DISABLE_PORT", "COMMAND DISABLE_PORT", "c dis"] {
        let Ok(Command::Send(r)) = Command::parse(line) else { panic!("{line}") };
        assert_eq!((r.action, r.id()), (Action::Command, ManagementId::DISABLE_PORT));
    }
}

#[test]
fn targets() {
    assert_eq!(Command::parse("TARGET *"), Ok(Command::Target(PortIdentity::ANY)));
    let target = Command::parse("target 001122.fffe.334455-1");
    assert_eq!(target, Ok(Command::Target("001122.fffe.334455-1".parse().unwrap())));
    assert_eq!(error("TARGET 5"), "bad command: TARGET 5");
    assert_eq!(error("TARGET"), "bad command: TARGET");
}

#[test]
fn one_value_needs_no_label() {
    assert_eq!(set("SET PRIORITY1 100"), Payload::Priority1(100));
    assert_eq!(set("SET PRIORITY1 priority1 100"), Payload::Priority1(100));
    assert_eq!(set("SET PRIORITY2 0x10"), Payload::Priority2(16));
    assert_eq!(set("SET SLAVE_ONLY on"), Payload::SlaveOnly(true));
    assert_eq!(set("SET LOG_SYNC_INTERVAL -3"), Payload::LogSyncInterval(ptp_wire::LogInterval(-3)));
    assert_eq!(
        set("SET USER_DESCRIPTION  two words;here "),
        Payload::UserDescription(PtpText::from_text("two words;here"))
    );
    assert_eq!(error("SET PRIORITY1"), "PRIORITY1 SET needs 1 value");
    assert_eq!(error("SET PRIORITY1 1 2"), "PRIORITY1 SET needs 1 value");
    assert_eq!(error("SET PRIORITY1 300"), "priority1 300: must be 0..=255");
    assert_eq!(error("SET PRIORITY1 -1"), "priority1 -1: must be 0..=255");
    assert_eq!(error("SET PRIORITY1 x"), "priority1 x: must be 0..=255");
}

#[test]
fn many_values_need_labels() {
    // As linuxptp's manual writes it, and its hexadecimal fields without 0x.
    let settings = "SET GRANDMASTER_SETTINGS_NP clockClass 6 clockAccuracy 21 offsetScaledLogVariance 0x4e5d \
        currentUtcOffset 37 leap61 0 leap59 0 currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1 \
        frequencyTraceable 0 timeSource 0x20";
    assert_eq!(
        set(settings),
        Payload::GrandmasterSettingsNp(GrandmasterSettingsNp {
            clock_quality: ClockQuality {
                clock_class: 6,
                clock_accuracy: ClockAccuracy(0x21),
                offset_scaled_log_variance: 0x4e5d,
            },
            utc_offset: 37,
            time_flags: Flags::UTC_OFFSET_VALID | Flags::PTP_TIMESCALE | Flags::TIME_TRACEABLE,
            time_source: TimeSource::GNSS,
        })
    );
    assert_eq!(
        error("SET GRANDMASTER_SETTINGS_NP clockClass 6").lines().next(),
        Some("GRANDMASTER_SETTINGS_NP SET needs 11 values")
    );
    let twice =
        "SET EXTERNAL_GRANDMASTER_PROPERTIES_NP stepsRemoved 1 stepsRemoved 2 gmIdentity 001122.fffe.334455";
    assert!(matches!(Command::parse(twice), Err(CommandError::Values { .. })));
    assert!(error("SET PORT_DATA_SET_NP asCapable 1 foo 2").starts_with("PORT_DATA_SET_NP has no foo"));
}

#[test]
fn events_default_to_off() {
    let on = |events: &[NotifyEvent]| events.iter().fold(EventMask::NONE, |m, e| m.with(*e, true));
    assert_eq!(
        set("SET SUBSCRIBE_EVENTS_NP duration 30 NOTIFY_PORT_STATE on NOTIFY_TIME_SYNC off"),
        Payload::SubscribeEventsNp(SubscribeEventsNp { duration: 30, events: on(&[NotifyEvent::PortState]) })
    );
    assert_eq!(
        set("SET SUBSCRIBE_EVENTS_NP duration 65535"),
        Payload::SubscribeEventsNp(SubscribeEventsNp { duration: 65535, events: EventMask::NONE })
    );
    assert!(error("SET SUBSCRIBE_EVENTS_NP NOTIFY_PORT_STATE on").contains("needs 1 value"));
}

#[test]
fn corrections_and_identities() {
    assert_eq!(
        set("SET PORT_CORRECTIONS_NP egressLatency 10 ingressLatency -20 delayAsymmetry 0"),
        Payload::PortCorrectionsNp(PortCorrectionsNp {
            egress_latency: TimeInterval::from_nanos(10),
            ingress_latency: TimeInterval::from_nanos(-20),
            delay_asymmetry: TimeInterval::ZERO,
        })
    );
    let far = "SET PORT_CORRECTIONS_NP egressLatency 140737488355328 ingressLatency 0 delayAsymmetry 0";
    assert!(error(far).starts_with("egressLatency 140737488355328: must be"));
    assert_eq!(
        set("SET EXTERNAL_GRANDMASTER_PROPERTIES_NP gmIdentity 001122.fffe.334455 stepsRemoved 2"),
        Payload::ExternalGrandmasterPropertiesNp(ExternalGrandmasterPropertiesNp {
            gm_identity: "001122.fffe.334455".parse().unwrap(),
            steps_removed: 2,
        })
    );
    assert!(error("SET UNICAST_MASTER_TABLE x 1").contains("table"));
}

#[test]
fn a_get_can_name_an_alternate_timescale() {
    let Ok(Command::Send(r)) = Command::parse("GET ALTERNATE_TIME_OFFSET_NAME keyField 3") else { panic!() };
    assert_eq!(r.key_field, 3);
    assert!(Command::parse("GET ALTERNATE_TIME_OFFSET_NAME keyField x").is_err());
}

/// Every ID that can be set from the command line reads back what it prints.
#[test]
fn every_settable_id_has_a_grammar() {
    for row in ManagementId::ALL.iter().filter(|row| row.actions.allow(Action::Set)) {
        let without = error_or_empty(&format!("SET {}", row.name));
        let known = without.is_empty() || without.contains("needs") || without.contains("table");
        assert!(known, "{}: {without}", row.name);
        assert_eq!(without.is_empty(), row.id == ManagementId::NULL_MANAGEMENT, "{}", row.name);
    }
}

fn error_or_empty(line: &str) -> String {
    Command::parse(line).err().map(|e| e.to_string()).unwrap_or_default()
}
