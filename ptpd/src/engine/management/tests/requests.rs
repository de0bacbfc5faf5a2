//! What is asked, answered, refused and changed.

use super::*;
use ptp_wire::management::ClockStatusNp;

/// What linuxptp answers to GET, in the order of its list.
const LINUXPTP: [u16; 39] = [
    0x0000, 0x0001, 0x0002, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009,
    0x200a, 0x200b, 0x200c, 0x2010, 0x2012, 0x2013, 0x201e, 0x201f, 0x2021, 0x3001, 0x6000, 0x6001, 0xc000,
    0xc001, 0xc002, 0xc003, 0xc004, 0xc005, 0xc006, 0xc007, 0xc008, 0xc009, 0xc00a, 0xc00b, 0xc00c, 0xc00d,
];

#[test]
fn every_id_is_answered_and_linuxptps_with_data() {
    let mut bench = Bench::new(1);
    for row in ManagementId::ALL {
        let answer = bench.one(RW, &get(row.id));
        assert_eq!(answer.content().id(), row.id);
        assert_eq!(answer.body().action, Action::Response);
        let own_extra = [
            ManagementId::UTC_PROPERTIES,
            ManagementId::PATH_TRACE_LIST,
            ManagementId::PATH_TRACE_ENABLE,
            ManagementId::ACCEPTABLE_MASTER_TABLE,
            ManagementId::ACCEPTABLE_MASTER_TABLE_ENABLED,
            ManagementId::ACCEPTABLE_MASTER_MAX_TABLE_SIZE,
            ManagementId::ALTERNATE_MASTER,
            ManagementId::ALTERNATE_TIME_OFFSET_MAX_KEY,
            ManagementId::EXTERNAL_PORT_CONFIGURATION_ENABLED,
            ManagementId::EXT_PORT_CONFIG_PORT_DATA_SET,
            ManagementId::UNICAST_NEGOTIATION_ENABLE,
            ManagementId::UNICAST_MASTER_TABLE,
            ManagementId::UNICAST_MASTER_MAX_TABLE_SIZE,
            ManagementId::FOREIGN_MASTERS_NP,
        ];
        if LINUXPTP.contains(&row.id.0) || own_extra.contains(&row.id) {
            assert_eq!(answer.payload().id(), row.id, "{}", row.name);
        } else {
            assert_eq!(answer.error(), ErrorId::NOT_SUPPORTED, "{}", row.name);
        }
        // What no port can be asked for is refused by the clock.
        let by_port = row.scope == Scope::Port && row.actions.allow(Action::Get);
        let source = PortIdentity::new(OWN, u16::from(by_port));
        assert_eq!(answer.message().header().source_port_identity, source, "{}", row.name);
        assert_eq!(answer.message().header().sequence_id, 99);
    }
}

#[test]
fn zeros_in_a_get_mean_nothing() {
    let mut bench = Bench::new(1);
    let zeros = [0; 266];
    for row in ManagementId::ALL.iter().filter(|row| LINUXPTP.contains(&row.id.0)) {
        let short = bench.one(RW, &get(row.id));
        let padded = bench.one(RW, &message(Action::Get, &Payload::Raw(row.id, &zeros), ALL));
        assert_eq!(short.octets, padded.octets, "{}", row.name);
    }
}

#[test]
fn data_sets_tell_what_is() {
    let mut bench = Bench::with(2, |c| {
        c.priority1 = 10;
        c.domain_number = 24;
        c.description.user = "here;there".into();
        c.ports[1].mac = [2, 0, 0, 0, 0, 2];
        c.ports[1].protocol_address = vec![10, 0, 0, 2];
        c.ports[1].phc_index = Some(3);
        c.ports[1].delay = Delay::P2p;
    });
    let to = To { domain: 24, ..port_of(OWN, 2) };
    let ask = |bench: &mut Bench, id| bench.one(RW, &message(Action::Get, &Payload::Raw(id, &[]), to));
    let answer = ask(&mut bench, ManagementId::DEFAULT_DATA_SET);
    let Payload::DefaultDataSet(ds) = answer.payload() else { panic!() };
    assert_eq!((ds.number_ports, ds.priority1, ds.domain_number), (2, 10, 24));
    assert_eq!((ds.clock_identity, ds.two_step, ds.slave_only), (OWN, true, false));
    let answer = ask(&mut bench, ManagementId::PORT_DATA_SET);
    let Payload::PortDataSet(ds) = answer.payload() else { panic!() };
    assert_eq!((ds.port_identity, ds.port_state), (PortIdentity::new(OWN, 2), PortState::Master as u8));
    assert_eq!((ds.delay_mechanism, ds.announce_receipt_timeout), (2, 3));
    let answer = ask(&mut bench, ManagementId::PARENT_DATA_SET);
    let Payload::ParentDataSet(ds) = answer.payload() else { panic!() };
    assert_eq!((ds.parent_port_identity, ds.grandmaster_priority1), (PortIdentity::new(OWN, 0), 10));
    let answer = ask(&mut bench, ManagementId::CLOCK_DESCRIPTION);
    let Payload::ClockDescription(d) = answer.payload() else { panic!() };
    assert_eq!(d.clock_type.0, 0x4000);
    assert_eq!(
        (d.physical_address, d.protocol_address.address),
        (&[2, 0, 0, 0, 0, 2][..], &[10, 0, 0, 2][..])
    );
    assert_eq!(d.user_description.as_str(), Some("here;there"));
    let answer = ask(&mut bench, ManagementId::PORT_HWCLOCK_NP);
    let Payload::PortHwclockNp(p) = answer.payload() else { panic!() };
    assert_eq!(p.phc_index, 3);
    let answer = ask(&mut bench, ManagementId::PORT_PROPERTIES_NP);
    let Payload::PortPropertiesNp(p) = answer.payload() else { panic!() };
    assert_eq!((p.interface.as_str(), p.timestamping), (Some("eth1"), 0));
    let answer = ask(&mut bench, ManagementId::PORT_STATS_NP);
    let Payload::PortStatsNp(p) = answer.payload() else { panic!() };
    assert!(p.tx(MessageType::Announce) > 3 && p.rx(MessageType::Announce) == 0);
    assert_eq!(p.tx(MessageType::Announce), bench.engine.ports[1].stats.tx[0xb]);
}

#[test]
fn a_wrong_request_gets_the_right_error() {
    let mut bench = Bench::new(1);
    let unknown = ManagementId(0x3004);
    assert_eq!(bench.refused(RW, &get(unknown)), ErrorId::NO_SUCH_ID);
    assert_eq!(bench.refused(RW, &set(&Payload::Raw(unknown, &[1, 2]))), ErrorId::NO_SUCH_ID);
    assert_eq!(
        bench.refused(RW, &set(&Payload::Raw(ManagementId::DEFAULT_DATA_SET, &[0; 20]))),
        ErrorId::NOT_SETABLE
    );
    assert_eq!(bench.refused(RW, &get(ManagementId::ENABLE_PORT)), ErrorId::NOT_SUPPORTED);
    assert_eq!(bench.refused(RW, &command(ManagementId::PRIORITY1)), ErrorId::NOT_SUPPORTED);
    assert_eq!(
        bench.refused(RW, &command(ManagementId::SAVE_IN_NON_VOLATILE_STORAGE)),
        ErrorId::NOT_SUPPORTED
    );
    assert_eq!(bench.refused(RW, &set(&Payload::Domain(3))), ErrorId::NOT_SUPPORTED);
    let raw = |data| set(&Payload::Raw(ManagementId::PRIORITY1, data));
    assert_eq!(bench.refused(RW, &raw(&[])), ErrorId::WRONG_LENGTH);
    assert_eq!(bench.refused(RW, &raw(&[1, 0, 0, 0])), ErrorId::WRONG_LENGTH);
    assert_eq!(bench.refused(RW, &set(&Payload::LogSyncInterval(LogInterval(100)))), ErrorId::WRONG_VALUE);
    assert_eq!(bench.refused(RW, &set(&Payload::AnnounceReceiptTimeout(1))), ErrorId::WRONG_VALUE);
    let text = [b'x'; 129];
    let long = PtpText::new(&text).unwrap();
    assert_eq!(bench.refused(RW, &set(&Payload::UserDescription(long))), ErrorId::WRONG_VALUE);
    let no_text = PtpText::new(&[0xff, 0xfe]).unwrap();
    assert_eq!(bench.refused(RW, &set(&Payload::UserDescription(no_text))), ErrorId::WRONG_VALUE);
    let both =
        UtcProperties { current_utc_offset: 37, leap61: true, leap59: true, current_utc_offset_valid: true };
    assert_eq!(bench.refused(RW, &set(&Payload::UtcProperties(both))), ErrorId::WRONG_VALUE);
    let elsewhere = message(Action::Get, &Payload::Raw(ManagementId::PORT_DATA_SET, &[]), port_of(OWN, 9));
    assert_eq!(bench.refused(RW, &elsewhere), ErrorId::WRONG_VALUE);
    let key = message(Action::Get, &Payload::Raw(ManagementId::ALTERNATE_TIME_OFFSET_NAME, &[99, 0]), ALL);
    assert_eq!(bench.refused(RW, &key), ErrorId::WRONG_VALUE);
    // A COMMAND's errors are acknowledgements.
    let answer = bench.one(RW, &command(ManagementId::INITIALIZE));
    assert_eq!((answer.body().action, answer.error()), (Action::Acknowledge, ErrorId::WRONG_LENGTH));
    assert!(bench.changes.is_empty(), "{:?}", bench.changes);
}

#[test]
fn changes_take_effect_at_once() {
    let mut bench = Bench::new(1);
    assert_eq!(bench.one(RW, &set(&Payload::Priority1(7))).payload(), Payload::Priority1(7));
    let settings = GrandmasterSettingsNp {
        clock_quality: ClockQuality {
            clock_class: 6,
            clock_accuracy: ClockAccuracy(0x21),
            offset_scaled_log_variance: 0x4e5d,
        },
        utc_offset: 38,
        time_flags: Flags::UTC_OFFSET_VALID | Flags::PTP_TIMESCALE | Flags::LEAP61,
        time_source: TimeSource::GNSS,
    };
    let payload = Payload::GrandmasterSettingsNp(settings);
    assert_eq!(bench.one(RW, &set(&payload)).payload(), payload);
    let answer = bench.one(RW, &get(ManagementId::PARENT_DATA_SET));
    let Payload::ParentDataSet(parent) = answer.payload() else { panic!() };
    assert_eq!((parent.grandmaster_priority1, parent.grandmaster_clock_quality), (7, settings.clock_quality));
    let answer = bench.one(RW, &get(ManagementId::TIME_PROPERTIES_DATA_SET));
    let Payload::TimePropertiesDataSet(time) = answer.payload() else { panic!() };
    assert_eq!(
        (time.current_utc_offset, time.flags, time.time_source),
        (38, settings.time_flags, TimeSource::GNSS)
    );
    let utc =
        UtcProperties { current_utc_offset: 36, leap61: false, leap59: true, current_utc_offset_valid: true };
    assert_eq!(bench.one(RW, &set(&Payload::UtcProperties(utc))).payload(), Payload::UtcProperties(utc));
    let text = Payload::UserDescription(PtpText::from_text("rack 7;cellar"));
    assert_eq!(bench.one(RW, &set(&text)).payload(), text);
    let corrections = Payload::PortCorrectionsNp(PortCorrectionsNp {
        egress_latency: TimeInterval::from_nanos(10),
        ingress_latency: TimeInterval::from_nanos(20),
        delay_asymmetry: TimeInterval::from_nanos(-5),
    });
    assert_eq!(bench.one(RW, &set(&corrections)).payload(), corrections);
    assert_eq!(bench.engine.ports[0].config.egress_latency, TimeInterval::from_nanos(10));
    let faster = Payload::LogSyncInterval(LogInterval(-3));
    assert_eq!(bench.one(RW, &set(&faster)).payload(), faster);
    let before = bench.engine.ports[0].stats.tx[0];
    bench.pass(10);
    assert!((78..=82).contains(&(bench.engine.ports[0].stats.tx[0] - before)), "eight Syncs a second");
    assert_eq!(
        bench.changes,
        [
            ManagementId::PRIORITY1,
            ManagementId::GRANDMASTER_SETTINGS_NP,
            ManagementId::UTC_PROPERTIES,
            ManagementId::USER_DESCRIPTION,
            ManagementId::PORT_CORRECTIONS_NP,
            ManagementId::LOG_SYNC_INTERVAL,
        ]
    );
}

#[test]
fn ports_can_be_disabled_and_enabled() {
    let mut bench = Bench::new(2);
    let to = port_of(OWN, 2);
    let disable = message(Action::Command, &Payload::DisablePort(()), to);
    let answer = bench.one(RW, &disable);
    assert_eq!(answer.body().action, Action::Acknowledge);
    assert!(matches!(answer.content(), Content::Management(tlv) if tlv.data.is_empty()));
    assert_eq!(bench.engine.port_state(PortNumber(2)), Some(PortState::Disabled));
    assert_eq!(bench.engine.port_state(PortNumber(1)), Some(PortState::Master));
    // Silent, and still there for management.
    let before = bench.engine.ports[1].stats.tx;
    bench.pass(10);
    assert_eq!(bench.engine.ports[1].stats.tx, before);
    let ask = message(Action::Get, &Payload::Raw(ManagementId::PORT_DATA_SET, &[]), to);
    let answer = bench.one(RW, &ask);
    assert!(matches!(answer.payload(), Payload::PortDataSet(ds) if ds.port_state == 3));
    bench.one(RW, &message(Action::Command, &Payload::EnablePort(()), to));
    assert_eq!(bench.engine.port_state(PortNumber(2)), Some(PortState::Listening));
    bench.pass(20);
    assert_eq!(bench.engine.port_state(PortNumber(2)), Some(PortState::Master));
    assert_eq!(bench.changes, [ManagementId::DISABLE_PORT, ManagementId::ENABLE_PORT]);
}

/// The operator's table (docs/management.md) says what the server does, ID by ID.
#[test]
fn the_table_in_the_documents_is_true() {
    const TABLE: &str = include_str!("../../../../../docs/management.md");
    let answered = |out: &Out| matches!(out.content(), Content::Management(_));
    for row in ManagementId::ALL {
        // A fresh clock for each: commands change it. It keeps what there is to be told of.
        let mut bench = Bench::with(1, |c| {
            c.options.performance_monitoring = true;
            c.options.collect_slave_events = true;
        });
        let flags = ClockStatusNp::STEERED;
        let (clock_state, steps, holdover_s, scaled_frequency) = (3, 0, 0, 0);
        let error_bound = TimeInterval::ZERO;
        let status = ClockStatusNp { clock_state, flags, steps, holdover_s, error_bound, scaled_frequency };
        bench.engine.handle(bench.now, Input::ClockStatus(status));
        let all = bench.one(RW, &get(row.id));
        let read_only = bench.one(RO, &get(row.id));
        let data = match all.content() {
            Content::Management(tlv) => tlv.data,
            Content::Error(_) => &[][..],
        };
        let cells = [
            match (answered(&all), answered(&read_only)) {
                (true, true) => "yes",
                (true, false) => "read-write",
                _ => "",
            },
            // What was read is written back.
            if answered(&bench.one(RW, &set(&Payload::Raw(row.id, data)))) { "yes" } else { "" },
            if answered(&bench.one(RW, &command(row.id))) { "yes" } else { "" },
        ];
        let expected = format!("| {:04X} | {} | {} |", row.id.0, row.name, cells.join(" | "));
        let expected = expected.replace("|  ", "| ");
        assert!(TABLE.lines().any(|l| l.starts_with(&expected)), "docs/management.md lacks: {expected}");
    }
    let is_row = |l: &&str| l.get(2..6).is_some_and(|id| u16::from_str_radix(id, 16).is_ok());
    let rows = TABLE.lines().filter(is_row).count();
    assert_eq!(rows, ManagementId::ALL.len(), "docs/management.md has a row too many");
}
