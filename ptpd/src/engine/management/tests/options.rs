//! The optional features by management: what is set holds, and what cannot be is refused whole.

use ptp_wire::management::{
    AcceptableMaster, AcceptableMasterTable, AlternateMaster, AlternateTimeOffsetEnable,
    AlternateTimeOffsetName, AlternateTimeOffsetProperties, ExtPortConfig, ExternalGrandmasterPropertiesNp,
    PortDataSetNp,
};

use super::super::super::{AlternateTimeOffset, DesiredState};
use super::*;

fn keyed(id: ManagementId, key: u8) -> Vec<u8> {
    message(Action::Get, &Payload::Raw(id, &[key, 0]), ALL)
}

#[test]
fn ports_are_configured_from_outside_by_management() {
    let mut bench = Bench::new(2);
    let wish = |port, desired_state| {
        let config = ExtPortConfig { acceptable: false, desired_state };
        message(Action::Set, &Payload::ExtPortConfigPortDataSet(config), port_of(OWN, port))
    };
    let answer = bench.one(RW, &wish(1, 9));
    assert!(matches!(answer.payload(), Payload::ExtPortConfigPortDataSet(c) if c.desired_state == 9));
    // A second slave, and states that nobody can wish for.
    assert_eq!(bench.refused(RW, &wish(2, 9)), ErrorId::WRONG_VALUE);
    for state in [0, 1, 2, 3, 4, 5, 8, 10, 255] {
        assert_eq!(bench.refused(RW, &wish(2, state)), ErrorId::WRONG_VALUE, "{state}");
    }
    assert_eq!(bench.refused(RO, &wish(2, 6)), ErrorId::NOT_SUPPORTED);
    let states = |b: &Bench| [1, 2].map(|n| b.engine.port_state(PortNumber(n)).unwrap());
    assert_eq!(states(&bench), [PortState::Master; 2], "not enabled yet");
    let enable = |on| set(&Payload::ExternalPortConfigurationEnabled(on));
    assert_eq!(bench.one(RW, &enable(true)).payload(), Payload::ExternalPortConfigurationEnabled(true));
    assert_eq!(states(&bench), [PortState::Uncalibrated, PortState::Passive]);
    bench.one(RW, &wish(2, 6));
    assert_eq!(states(&bench), [PortState::Uncalibrated, PortState::Master]);
    // Nobody announces anything, and nothing times out.
    bench.pass(100);
    assert_eq!(states(&bench), [PortState::Uncalibrated, PortState::Master]);
    bench.one(RW, &wish(1, 7));
    bench.one(RW, &wish(2, 9));
    assert_eq!(states(&bench), [PortState::Passive, PortState::Uncalibrated]);
    bench.one(RW, &enable(false));
    bench.pass(20);
    assert_eq!(states(&bench), [PortState::Master; 2]);
}

#[test]
fn external_configuration_is_not_for_clients_nor_for_two_slaves() {
    let enable = set(&Payload::ExternalPortConfigurationEnabled(true));
    let mut client = Bench::with(1, |c| c.client_only = true);
    assert_eq!(client.refused(RW, &enable), ErrorId::WRONG_VALUE);
    let mut two = Bench::with(2, |c| {
        c.ports.iter_mut().for_each(|p| p.options.desired_state = DesiredState::Slave);
    });
    assert_eq!(two.refused(RW, &enable), ErrorId::WRONG_VALUE);
    assert!(!two.engine.config().options.external_port_configuration);
    let mut deaf = Bench::with(1, |c| c.ports[0].master_only = true);
    let slave = Payload::ExtPortConfigPortDataSet(ExtPortConfig { acceptable: false, desired_state: 9 });
    assert_eq!(deaf.refused(RW, &set(&slave)), ErrorId::WRONG_VALUE);
    assert!(client.changes.is_empty() && two.changes.is_empty() && deaf.changes.is_empty());
}

#[test]
fn the_acceptable_master_table_is_set_whole_or_not_at_all() {
    let mut bench = Bench::new(1);
    let mut octets = [0; 65 * AcceptableMaster::LEN];
    for (n, place) in (1..).zip(octets.chunks_exact_mut(AcceptableMaster::LEN)) {
        let entry =
            AcceptableMaster { port_identity: PortIdentity::new(OTHER, n), alternate_priority1: n as u8 };
        entry.emit(place).unwrap();
    }
    let table = |count: u16| {
        let list =
            AcceptableMasterTable::new(count, &octets[..usize::from(count) * AcceptableMaster::LEN]).unwrap();
        Payload::AcceptableMasterTable(list)
    };
    assert_eq!(bench.refused(RW, &set(&table(65))), ErrorId::WRONG_VALUE);
    for count in [64, 3, 0] {
        assert_eq!(bench.one(RW, &set(&table(count))).payload(), table(count));
        assert_eq!(bench.one(RO, &get(ManagementId::ACCEPTABLE_MASTER_TABLE)).payload(), table(count));
        assert_eq!(bench.engine.config().options.acceptable_masters.len(), usize::from(count));
    }
    let on = Payload::AcceptableMasterTableEnabled(true);
    assert_eq!(bench.one(RW, &set(&on)).payload(), on);
    assert!(bench.engine.ports[0].config.options.acceptable_master_table);
    let size = bench.one(RO, &get(ManagementId::ACCEPTABLE_MASTER_MAX_TABLE_SIZE));
    assert_eq!(size.payload(), Payload::AcceptableMasterMaxTableSize(64));
    // The port's own flag is told with its desired state, and only told.
    let answer = bench.one(RW, &get(ManagementId::EXT_PORT_CONFIG_PORT_DATA_SET));
    assert!(matches!(answer.payload(), Payload::ExtPortConfigPortDataSet(c) if c.acceptable));
}

#[test]
fn time_offsets_are_set_key_by_key() {
    let mut bench = Bench::new(1);
    let name = Payload::AlternateTimeOffsetName(AlternateTimeOffsetName {
        key_field: 3,
        display_name: PtpText::from_text("PST"),
    });
    assert_eq!(bench.one(RW, &set(&name)).payload(), name);
    let properties = Payload::AlternateTimeOffsetProperties(AlternateTimeOffsetProperties {
        key_field: 3,
        current_offset: -28_800,
        jump_seconds: 3600,
        time_of_next_jump: 1_805_000_000,
    });
    assert_eq!(bench.one(RW, &set(&properties)).payload(), properties);
    assert!(bench.engine.alternate_time_offsets().is_empty(), "not enabled");
    let enable = |key_field, enable| {
        Payload::AlternateTimeOffsetEnable(AlternateTimeOffsetEnable { key_field, enable })
    };
    assert_eq!(bench.one(RW, &set(&enable(3, true))).payload(), enable(3, true));
    let expected = AlternateTimeOffset {
        key: 3,
        enabled: true,
        current_offset: -28_800,
        jump_seconds: 3600,
        time_of_next_jump: 1_805_000_000,
        name: "PST".into(),
    };
    assert_eq!(bench.engine.alternate_time_offsets(), [expected]);
    assert_eq!(bench.one(RO, &keyed(ManagementId::ALTERNATE_TIME_OFFSET_NAME, 3)).payload(), name);
    assert_eq!(
        bench.one(RO, &keyed(ManagementId::ALTERNATE_TIME_OFFSET_PROPERTIES, 3)).payload(),
        properties
    );
    // 0xFF: all that are in use.
    bench.one(RW, &set(&enable(1, false)));
    assert_eq!(bench.one(RW, &set(&enable(255, true))).payload(), enable(255, true));
    assert_eq!(bench.engine.alternate_time_offsets().len(), 2);
    bench.one(RW, &set(&enable(255, false)));
    assert!(bench.engine.alternate_time_offsets().is_empty());
    // What cannot be.
    for bad in [
        enable(16, true),
        Payload::AlternateTimeOffsetName(AlternateTimeOffsetName {
            key_field: 3,
            display_name: PtpText::from_text("eleven char"),
        }),
        Payload::AlternateTimeOffsetName(AlternateTimeOffsetName {
            key_field: 255,
            display_name: PtpText::from_text("all"),
        }),
    ] {
        assert_eq!(bench.refused(RW, &set(&bad)), ErrorId::WRONG_VALUE, "{bad:?}");
    }
    assert_eq!(
        bench.refused(RO, &keyed(ManagementId::ALTERNATE_TIME_OFFSET_ENABLE, 16)),
        ErrorId::WRONG_VALUE
    );
    let max = bench.one(RO, &get(ManagementId::ALTERNATE_TIME_OFFSET_MAX_KEY));
    assert_eq!(max.payload(), Payload::AlternateTimeOffsetMaxKey(15));
}

#[test]
fn what_the_clock_says_of_itself_can_be_overruled() {
    let mut bench = Bench::new(1);
    for number in [1, 255, 0] {
        let payload = Payload::SynchronizationUncertainNp(number);
        assert_eq!(bench.one(RW, &set(&payload)).payload(), payload);
        let answer = bench.one(RW, &get(ManagementId::TIME_PROPERTIES_DATA_SET));
        let Payload::TimePropertiesDataSet(time) = answer.payload() else { panic!() };
        assert_eq!(time.flags.has(Flags::SYNCHRONIZATION_UNCERTAIN), number == 1);
    }
    assert_eq!(bench.refused(RW, &set(&Payload::SynchronizationUncertainNp(2))), ErrorId::WRONG_VALUE);
    let external = |gm_identity, steps_removed| {
        Payload::ExternalGrandmasterPropertiesNp(ExternalGrandmasterPropertiesNp {
            gm_identity,
            steps_removed,
        })
    };
    let other = external(OTHER, 4);
    assert_eq!(bench.one(RW, &set(&other)).payload(), other);
    assert_eq!(bench.engine.parent_ds().grandmaster_identity, OTHER);
    assert_eq!(bench.engine.current_ds().steps_removed, 4);
    assert_eq!(bench.engine.port_state(PortNumber(1)), Some(PortState::Master));
    bench.one(RW, &set(&external(ClockIdentity::ZERO, 0)));
    assert_eq!(bench.engine.parent_ds().grandmaster_identity, OWN);
    assert_eq!(bench.engine.current_ds().steps_removed, 0);
}

#[test]
fn ports_options_are_set() {
    let mut bench = Bench::new(1);
    let alternate = |number_of_alternate_masters, interval| {
        Payload::AlternateMaster(AlternateMaster {
            transmit_alternate_multicast_sync: true,
            log_alternate_multicast_sync_interval: LogInterval(interval),
            number_of_alternate_masters,
        })
    };
    assert_eq!(bench.one(RW, &set(&alternate(2, -3))).payload(), alternate(2, -3));
    assert_eq!(bench.refused(RW, &set(&alternate(2, 100))), ErrorId::WRONG_VALUE);
    let np = |neighbor_prop_delay_thresh, as_capable| {
        Payload::PortDataSetNp(PortDataSetNp { neighbor_prop_delay_thresh, as_capable })
    };
    assert_eq!(bench.one(RW, &get(ManagementId::PORT_DATA_SET_NP)).payload(), np(20_000_000, 1));
    assert_eq!(bench.one(RW, &set(&np(800, 0))).payload(), np(800, 1), "asCapable is not set by anybody");
    let config = &bench.engine.ports[0].config;
    let threshold = config.gptp.neighbor_prop_delay_thresh.nanos();
    assert_eq!((config.options.alternate_masters, threshold), (2, 800));
}

#[test]
fn a_port_is_made_master_only_and_listens_to_nobody_from_then_on() {
    let mut bench = Bench::new(1);
    let announce = |sequence_id: u16| {
        let mut header = Header::new(MessageType::Announce);
        header.source_port_identity = PortIdentity::new(OTHER, 1);
        header.sequence_id = sequence_id;
        header.log_message_interval = LogInterval(1);
        let body = Body::Announce(Announce {
            origin_timestamp: Timestamp::ZERO,
            current_utc_offset: 37,
            grandmaster_priority1: 1,
            grandmaster_clock_quality: ClockQuality::DEFAULT,
            grandmaster_priority2: 1,
            grandmaster_identity: OTHER,
            steps_removed: 0,
            time_source: TimeSource::GNSS,
        });
        let mut buf = [0; 64];
        let len = Writer::new(&mut buf, &header, &body).unwrap().finish();
        buf[..len].to_vec()
    };
    let state = |b: &Bench| b.engine.port_state(PortNumber(1)).unwrap();
    for i in 0..4 {
        bench.network(1, &announce(i));
        bench.pass(1);
    }
    assert_eq!(state(&bench), PortState::Uncalibrated);
    let on = Payload::MasterOnly(true);
    assert_eq!(bench.one(RW, &set(&on)).payload(), on);
    assert_eq!(state(&bench), PortState::Master, "at once");
    for i in 4..8 {
        bench.network(1, &announce(i));
        bench.pass(1);
    }
    assert_eq!(state(&bench), PortState::Master);
    assert_eq!(bench.engine.port_stats(PortNumber(1)).unwrap().dropped(DropCause::MasterOnly), 4);
    bench.one(RW, &set(&Payload::MasterOnly(false)));
    for i in 8..12 {
        bench.network(1, &announce(i));
        bench.pass(1);
    }
    assert_eq!(state(&bench), PortState::Uncalibrated);
}
