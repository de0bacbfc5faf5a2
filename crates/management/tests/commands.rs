//! The language of pmc.

use ptp_management::{Command, CommandError, Request, TableRequest, text};
use ptp_wire::management::{
    Action, EventMask, ExternalGrandmasterPropertiesNp, GrandmasterSettingsNp, ManagementId, NotifyEvent,
    Payload, PortCorrectionsNp, PtpText, SubscribeEventsNp, TimescaleProperties,
};
use ptp_wire::{ClockAccuracy, ClockQuality, Flags, LogInterval, PortIdentity, TimeInterval, TimeSource};

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
    assert_eq!(set("SET LOG_SYNC_INTERVAL -3"), Payload::LogSyncInterval(LogInterval(-3)));
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
}

fn table(line: &str) -> TableRequest {
    match Command::parse(line) {
        Ok(Command::SendTable(table)) => table,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn tables_are_written_as_they_are_shown() {
    let set = table(
        "SET ACCEPTABLE_MASTER_TABLE 001122.fffe.334455-1 10 001122.fffe.334455-2 001122.fffe.334456-1",
    );
    let Payload::AcceptableMasterTable(masters) = set.request().payload else { panic!("wrong ID") };
    let shown: Vec<_> =
        masters.iter().map(|m| (m.port_identity.to_string(), m.alternate_priority1)).collect();
    assert_eq!(
        shown,
        [
            ("001122.fffe.334455-1".to_owned(), 10),
            ("001122.fffe.334455-2".to_owned(), 0),
            ("001122.fffe.334456-1".to_owned(), 0)
        ]
    );
    for id in ["UNICAST_MASTER_TABLE", "GRANDMASTER_CLUSTER_TABLE"] {
        let set = table(&format!("SET {id} logQueryInterval -1 192.0.2.1 2001:db8::1 02:00:00:00:00:0a"));
        let (interval, addresses) = match set.request().payload {
            Payload::UnicastMasterTable(t) => (t.log_query_interval, t.masters),
            Payload::GrandmasterClusterTable(t) => (t.log_query_interval, t.members),
            other => panic!("{other:?}"),
        };
        let shown: Vec<_> = addresses.iter().map(|a| (a.network_protocol, text::address(&a))).collect();
        assert_eq!(interval, LogInterval(-1));
        assert_eq!(
            shown,
            [(1, "192.0.2.1".into()), (2, "2001:db8::1".into()), (3, "02:00:00:00:00:0a".to_owned())]
        );
    }
    for line in ["SET UNICAST_MASTER_TABLE none", "set uni none", "SET ACCEPTABLE_MASTER_TABLE NONE"] {
        let Ok(Command::SendTable(empty)) = Command::parse(line) else { continue };
        let size = match empty.request().payload {
            Payload::UnicastMasterTable(t) => t.masters.len(),
            Payload::AcceptableMasterTable(t) => t.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(size, 0, "{line}");
    }
}

#[test]
fn what_is_no_table_is_refused_with_what_it_must_be() {
    for (line, word) in [
        ("SET UNICAST_MASTER_TABLE", "needs none, or [logQueryInterval N] and addresses"),
        ("SET UNICAST_MASTER_TABLE logQueryInterval 1", "needs none, or"),
        ("SET UNICAST_MASTER_TABLE logQueryInterval x 192.0.2.1", "logQueryInterval x: must be -128..=127"),
        ("SET UNICAST_MASTER_TABLE gm.example", "gm.example: must be none, or"),
        ("SET UNICAST_MASTER_TABLE 192.0.2.1 192.0.2.1", "192.0.2.1: must be none, or"),
        ("SET UNICAST_MASTER_TABLE 02:00:00:00:00:+a", "02:00:00:00:00:+a: must be"),
        ("SET UNICAST_MASTER_TABLE none 192.0.2.1", "192.0.2.1: must be"),
        ("SET ACCEPTABLE_MASTER_TABLE", "needs none, or port identities"),
        ("SET ACCEPTABLE_MASTER_TABLE 10", "10: must be none, or port identities"),
        ("SET ACCEPTABLE_MASTER_TABLE 001122.fffe.334455-1 300", "300: must be"),
        ("SET ACCEPTABLE_MASTER_TABLE 001122.fffe.334455-1 1 2", "2: must be"),
        ("SET ACCEPTABLE_MASTER_TABLE 001122.fffe.334455-1 1 001122.fffe.334455-1 2", "-1: must be"),
    ] {
        let message = error(line);
        assert!(message.contains(word), "{line}: {message}");
    }
    let many: String = (0..130).map(|n| format!(" 001122.fffe.334455-{n}")).collect();
    assert!(error(&format!("SET ACCEPTABLE_MASTER_TABLE{many}")).contains("does not hold so many"));
}

#[test]
fn pages_of_records_are_asked_for_by_where_they_begin() {
    let page = |line: &str| match Command::parse(line) {
        Ok(Command::Send(Request { action: Action::Get, payload, .. })) => {
            let mut room = [0; 64];
            let len = payload.emit(&mut room).unwrap();
            room[2..len].to_vec()
        }
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(page("GET PERFORMANCE_CLOCK_NP"), [0, 0]);
    assert_eq!(page("GET PERFORMANCE_CLOCK_NP 97"), [97, 0]);
    assert_eq!(page("GET PERFORMANCE_PORT_NP 1"), [1, 0]);
    assert_eq!(page("GET MONITORED_SLAVES_NP 300"), [1, 44, 0, 0]);
    let slave = [0, 0x11, 0x22, 0xff, 0xfe, 0x33, 0x44, 0x55, 0, 1];
    assert_eq!(page("GET MONITORED_RECORDS_NP 001122.fffe.334455-1"), [&slave[..], &[0; 4]].concat());
    assert_eq!(page("GET MONITORED_RECORDS_NP 001122.fffe.334455-1 16")[10..], [0, 16, 0, 0]);
    for line in [
        "GET PERFORMANCE_CLOCK_NP x",
        "GET PERFORMANCE_CLOCK_NP 256",
        "GET MONITORED_RECORDS_NP",
        "GET MONITORED_SLAVES_NP 1 2",
    ] {
        assert_eq!(error(line), format!("bad command: {line}"));
    }
    // What linuxptp's pmc understands stays as short as it is there.
    assert_eq!(get("GET PORT_PR"), Some(ManagementId::PORT_PROPERTIES_NP));
    assert_eq!(get("GET MAS"), Some(ManagementId::MASTER_ONLY));
}

#[test]
fn a_time_source_can_be_set_though_linuxptp_does_not_show_it() {
    let with = |time_source| {
        Payload::TimescaleProperties(TimescaleProperties {
            ptp_timescale: true,
            time_source: TimeSource(time_source),
        })
    };
    assert_eq!(set("SET TIMESCALE_PROPERTIES 1"), with(0));
    assert_eq!(set("SET TIMESCALE_PROPERTIES ptpTimescale 1"), with(0));
    assert_eq!(set("SET TIMESCALE_PROPERTIES ptpTimescale 1 timeSource 0x20"), with(0x20));
    assert!(error("SET TIMESCALE_PROPERTIES timeSource 0x20").contains("needs 2 values"));
}

#[test]
fn the_time_of_a_jump_has_48_bits() {
    let line = |when: &str| {
        format!(
            "SET ALTERNATE_TIME_OFFSET_PROPERTIES keyField 0 currentOffset 1 jumpSeconds 2 timeOfNextJump {when}"
        )
    };
    let longest = line("281474976710655");
    let Payload::AlternateTimeOffsetProperties(set) = set(&longest) else { panic!("wrong ID") };
    assert_eq!(set.time_of_next_jump, (1 << 48) - 1);
    assert!(error(&line("281474976710656")).starts_with("timeOfNextJump 281474976710656: must be"));
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
        let known = without.is_empty() || without.contains("needs");
        assert!(known, "{}: {without}", row.name);
        assert_eq!(without.is_empty(), row.id == ManagementId::NULL_MANAGEMENT, "{}", row.name);
    }
}

fn error_or_empty(line: &str) -> String {
    Command::parse(line).err().map(|e| e.to_string()).unwrap_or_default()
}
