//! Management messages: the table, recorded exchanges, and whatever octets may come.

use proptest::prelude::*;
use ptp_wire::management::{
    Action, Actions, ClockPerformance, Content, DataSize, ErrorId, EventMask, ManagementErrorStatus,
    ManagementHeader, ManagementId, ManagementTlv, MonitoredRecord, MonitoredSlaveRow, NotifyEvent, Payload,
    PortPerformance, PtpText, Scope,
};
use ptp_wire::{Body, Header, Message, MessageType, PortIdentity, TlvType, WireError, Writer};

/// The management messages of the recording, without Ethernet, IP and UDP headers.
fn recorded() -> Vec<Vec<u8>> {
    let pcap = include_bytes!("data/management/all-gets.pcap");
    let mut messages = Vec::new();
    let mut rest = &pcap[24..];
    while let Some((head, tail)) = rest.split_at_checked(16) {
        let len = u32::from_le_bytes(head[8..12].try_into().unwrap()) as usize;
        let (frame, tail) = tail.split_at(len);
        rest = tail;
        if frame[12..14] == [0x08, 0x00] && frame[42] & 0x0f == MessageType::Management as u8 {
            messages.push(frame[42..].to_vec());
        }
    }
    assert_eq!(messages.len(), 76);
    messages
}

fn emit(message: &Message<'_>, content: &Content<'_>) -> Vec<u8> {
    let mut buf = [0; 1500];
    let mut writer = Writer::new(&mut buf, message.header(), message.body()).unwrap();
    match content {
        Content::Management(tlv) => {
            let Body::Management(body) = message.body() else { panic!("not management") };
            let payload = if body.action == Action::Get {
                Payload::Raw(tlv.id, tlv.data)
            } else {
                tlv.payload().unwrap()
            };
            writer.tlv_with(TlvType::MANAGEMENT, |room| payload.emit(room)).unwrap();
        }
        Content::Error(e) => {
            writer.tlv_with(TlvType::MANAGEMENT_ERROR_STATUS, |room| e.emit(room)).unwrap();
        }
    }
    let len = writer.finish();
    buf[..len].to_vec()
}

#[test]
fn recorded_messages_decode_and_re_emit_identically() {
    let mut ids = Vec::new();
    let mut errors = 0;
    for octets in recorded() {
        let message = Message::parse(&octets).unwrap();
        let content = Content::of(&message).unwrap();
        assert_eq!(emit(&message, &content), octets, "{}", content.id());
        if let Content::Management(tlv) = content {
            assert!(!matches!(tlv.payload(), Ok(Payload::Raw(..))), "{} has no type", tlv.id);
            ids.push(tlv.id);
        } else {
            errors += 1;
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), errors), (38, 2));
}

#[test]
fn recorded_values() {
    let octets = recorded();
    let payload = |id| {
        octets
            .iter()
            .filter_map(|o| {
                let message = Message::parse(o).unwrap();
                let response = matches!(message.body(), Body::Management(b) if b.action == Action::Response);
                match Content::of(&message) {
                    Some(Content::Management(tlv)) if tlv.id == id && response => {
                        Some(tlv.payload().unwrap())
                    }
                    _ => None,
                }
            })
            .next()
            .unwrap()
    };
    let Payload::PortStatsNp(stats) = payload(ManagementId::PORT_STATS_NP) else { panic!("wrong type") };
    assert_eq!(stats.rx(MessageType::DelayReq), 3);
    assert_eq!(stats.tx(MessageType::DelayResp), 3);
    assert_eq!(stats.rx(MessageType::Sync), 0);
    let Payload::PortServiceStatsNp(stats) = payload(ManagementId::PORT_SERVICE_STATS_NP) else {
        panic!("wrong type")
    };
    assert_eq!((stats.announce_timeout, stats.sync_timeout, stats.master_announce_timeout), (1, 0, 7));
    let Payload::ClockDescription(d) = payload(ManagementId::CLOCK_DESCRIPTION) else { panic!("wrong type") };
    assert_eq!(d.clock_type.0, 0x8000);
    assert_eq!(d.physical_layer_protocol.as_str(), Some("IEEE 802.3"));
    assert_eq!(d.physical_address, [2, 0, 0, 0, 0, 0x11]);
    assert_eq!((d.protocol_address.network_protocol, d.protocol_address.address), (1, &[10, 77, 9, 1][..]));
    assert_eq!(d.revision_data.as_str(), Some(";;"));
    assert_eq!(d.profile_identity, [0, 0x1b, 0x19, 0, 1, 0]);
    let Payload::PortDataSetNp(p) = payload(ManagementId::PORT_DATA_SET_NP) else { panic!("wrong type") };
    assert_eq!((p.neighbor_prop_delay_thresh, p.as_capable), (20_000_000, 1));
    assert_eq!(payload(ManagementId::SYNCHRONIZATION_UNCERTAIN_NP), Payload::SynchronizationUncertainNp(255));
}

#[test]
fn recorded_messages_cut_short_are_refused() {
    for octets in recorded() {
        for len in 0..octets.len() {
            assert!(Message::parse(&octets[..len]).is_err());
        }
        // The TLV itself, cut and its length corrected.
        let data = &octets[54..];
        let id = ManagementId(u16::from_be_bytes([octets[52], octets[53]]));
        let whole = Payload::parse(id, data);
        for len in 0..data.len() {
            let cut = Payload::parse(id, &data[..len]);
            let fixed = matches!(id.info().map(|i| i.size), Some(DataSize::Fixed(_)));
            if fixed && whole.is_ok() {
                assert_eq!(cut, Err(WireError::Truncated), "{id} of {len} octets");
            }
        }
    }
}

#[test]
fn every_id_has_one_definition() {
    assert_eq!(ManagementId::ALL.len(), 8 + 34 + 4 + 3 + 2 + 14 + 6);
    for pair in ManagementId::ALL.windows(2) {
        assert!(
            pair[0].id < pair[1].id,
            "{} and {} are out of order or the same",
            pair[0].name,
            pair[1].name
        );
    }
    for row in ManagementId::ALL {
        assert_eq!(row.id.info(), Some(row));
        assert_eq!(ManagementId::from_name(row.name), Some(row.id));
        assert_eq!(row.id.to_string(), row.name);
        assert!([Action::Get, Action::Set, Action::Command].into_iter().any(|a| row.actions.allow(a)));
        assert!(!row.actions.allow(Action::Response) && !row.actions.allow(Action::Acknowledge));
        // The size in the table is the size of the type.
        let (DataSize::Fixed(size) | DataSize::Variable(size)) = row.size;
        let zeros = vec![0; size.into()];
        let payload = Payload::parse(row.id, &zeros).unwrap_or_else(|e| panic!("{}: {e}", row.name));
        assert_eq!(payload.id(), row.id);
        let mut room = [0xaa; 600];
        assert_eq!(payload.emit(&mut room), Ok(2 + zeros.len()), "{}", row.name);
        assert_eq!(room[2..2 + zeros.len()], zeros, "{}", row.name);
        match row.size {
            DataSize::Fixed(size) => {
                assert_eq!(size % 2, 0, "{}", row.name);
                assert_eq!(
                    Payload::parse(row.id, &vec![0; usize::from(size) + 1]),
                    Err(WireError::TlvLength)
                );
            }
            DataSize::Variable(_) if row.id != ManagementId::PATH_TRACE_LIST => {
                assert_eq!(
                    Payload::parse(row.id, &vec![0; usize::from(size) + 2]),
                    Err(WireError::TlvLength)
                );
            }
            DataSize::Variable(_) => {}
        }
    }
    assert_eq!(ManagementId(0x3004).info(), None);
    assert_eq!(ManagementId(0x3004).to_string(), "0x3004");
}

/// The rows of 1588-2019 table 59 and of linuxptp's list whose mix-up would hurt most.
#[test]
fn scopes_and_actions() {
    let row = |id: ManagementId| {
        let row = id.info().unwrap();
        let a: Actions = row.actions;
        (row.scope, [Action::Get, Action::Set, Action::Command].map(|x| a.allow(x)))
    };
    assert_eq!(row(ManagementId::NULL_MANAGEMENT), (Scope::Port, [true, true, true]));
    assert_eq!(row(ManagementId::CLOCK_DESCRIPTION), (Scope::Port, [true, false, false]));
    assert_eq!(row(ManagementId::PRIORITY1), (Scope::Clock, [true, true, false]));
    assert_eq!(row(ManagementId::ENABLE_PORT), (Scope::Port, [false, false, true]));
    assert_eq!(row(ManagementId::PORT_DATA_SET), (Scope::Port, [true, false, false]));
    assert_eq!(row(ManagementId::SUBSCRIBE_EVENTS_NP), (Scope::Clock, [true, true, false]));
    assert_eq!(row(ManagementId::PORT_CORRECTIONS_NP), (Scope::Port, [true, true, false]));
}

#[test]
fn only_one_management_tlv_is_accepted() {
    let body = Body::Management(ManagementHeader {
        target_port_identity: PortIdentity::ANY,
        starting_boundary_hops: 0,
        boundary_hops: 0,
        action: Action::Get,
    });
    let with = |types: &[TlvType]| {
        let mut buf = [0; 200];
        let mut writer = Writer::new(&mut buf, &Header::new(MessageType::Management), &body).unwrap();
        for t in types {
            writer.tlv(*t, &[0x20, 0x05, 0, 0, 0, 0, 0, 0]).unwrap();
        }
        let len = writer.finish();
        Content::of(&Message::parse(&buf[..len]).unwrap()).map(|c| c.id())
    };
    assert_eq!(with(&[]), None);
    assert_eq!(with(&[TlvType::MANAGEMENT]), Some(ManagementId::PRIORITY1));
    assert_eq!(with(&[TlvType::MANAGEMENT, TlvType::AUTHENTICATION]), Some(ManagementId::PRIORITY1));
    assert_eq!(with(&[TlvType::MANAGEMENT, TlvType::MANAGEMENT]), None);
    assert_eq!(with(&[TlvType::MANAGEMENT, TlvType::MANAGEMENT_ERROR_STATUS]), None);
    assert_eq!(with(&[TlvType::PATH_TRACE]), None);
}

#[test]
fn events_are_bits_of_octets() {
    let mask = EventMask::NONE.with(NotifyEvent::PortState, true).with(NotifyEvent::ParentDataSet, true);
    assert_eq!(mask.0[0], 0b101);
    assert!(mask.has(NotifyEvent::ParentDataSet) && !mask.has(NotifyEvent::TimeSync));
    assert_eq!(mask.with(NotifyEvent::PortState, false).0[0], 0b100);
}

#[test]
fn text_is_cut_at_a_character() {
    let long = "x".repeat(254) + "é";
    assert_eq!(PtpText::from_text(&long).octets().len(), 254);
    assert_eq!(PtpText::new(&[b'a', 0xff]).unwrap().to_string(), "a\u{fffd}");
    assert_eq!(PtpText::new(&[0; 256]), None);
}

/// An ID of the table, or any number.
fn any_id() -> impl Strategy<Value = ManagementId> {
    prop_oneof![
        9 => (0..ManagementId::ALL.len()).prop_map(|n| ManagementId::ALL[n].id),
        1 => any::<u16>().prop_map(ManagementId),
    ]
}

/// Data that an ID's decoder has a chance to like: of its size, or, for variable data, of small numbers (lengths, counts).
fn any_data(id: ManagementId) -> BoxedStrategy<Vec<u8>> {
    match id.info().map(|row| row.size) {
        Some(DataSize::Fixed(n)) => proptest::collection::vec(any::<u8>(), usize::from(n)).boxed(),
        // Pages of records: whole ones, whatever they hold.
        Some(DataSize::Variable(head)) if id.0 >= ManagementId::PERFORMANCE_CLOCK_NP.0 => {
            let size = match id {
                ManagementId::PERFORMANCE_CLOCK_NP => ClockPerformance::LEN,
                ManagementId::PERFORMANCE_PORT_NP => PortPerformance::LEN,
                ManagementId::MONITORED_SLAVES_NP => MonitoredSlaveRow::LEN,
                _ => MonitoredRecord::LEN,
            };
            (0usize..3)
                .prop_flat_map(move |n| {
                    // Timestamps have octets that cannot be just anything.
                    proptest::collection::vec(0u8..0x3b, usize::from(head) + n * size)
                })
                .boxed()
        }
        _ => proptest::collection::vec(prop_oneof![4 => Just(0u8), 4 => 1u8..6, 1 => any::<u8>()], 0..120)
            .boxed(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_is_read_is_written_and_read_the_same(
        (id, data) in any_id().prop_flat_map(|id| (Just(id), any_data(id))),
    ) {
        // Variable data: find a length that is accepted, so that the test is not mostly about refusals.
        let accepted = (0..=data.len()).rev().find_map(|n| Payload::parse(id, &data[..n]).ok());
        if let Some(DataSize::Fixed(_)) = id.info().map(|row| row.size) {
            prop_assert!(accepted.is_some() || id == ManagementId::TIME);
        }
        if id.0 >= ManagementId::PERFORMANCE_CLOCK_NP.0 && id.info().is_some() {
            // A page that is whole is read whole.
            prop_assert!(Payload::parse(id, &data).is_ok());
        }
        let Some(payload) = accepted else { return Ok(()) };
        let mut room = [0; 600];
        let len = payload.emit(&mut room).unwrap();
        prop_assert_eq!(&room[..2], &id.0.to_be_bytes()[..]);
        let tlv = ManagementTlv::parse(&room[..len]).unwrap();
        prop_assert_eq!(tlv.payload(), Ok(payload));
        // No room, no matter how little: an error, and never more written than fits.
        for short in 0..len {
            prop_assert_eq!(payload.emit(&mut room[..short]), Err(WireError::NoSpace));
        }
    }

    #[test]
    fn flipped_octets_do_no_harm(n in 0usize..76, at in 0usize..320, mask in 1u8..) {
        let mut octets = recorded().swap_remove(n);
        let at = at % octets.len();
        octets[at] ^= mask;
        if let Ok(message) = Message::parse(&octets)
            && let Some(Content::Management(tlv)) = Content::of(&message)
            && let Ok(payload) = tlv.payload()
        {
            let mut room = [0; 1500];
            let len = payload.emit(&mut room).unwrap();
            prop_assert_eq!(ManagementTlv::parse(&room[..len]).unwrap().payload(), Ok(payload));
        }
    }

    #[test]
    fn any_octets_do_no_harm(id in any_id(), data in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(Payload::FaultLog(log)) = Payload::parse(id, &data) {
            prop_assert_eq!(log.iter().count(), log.len());
        }
        let _ = ManagementErrorStatus::parse(&data);
    }

    #[test]
    fn errors_round_trip(error: u16, id: u16, text in proptest::collection::vec(any::<u8>(), 0..20)) {
        let status = ManagementErrorStatus {
            error: ErrorId(error),
            id: ManagementId(id),
            display_data: PtpText::new(&text).unwrap(),
        };
        let mut room = [0; 64];
        let len = status.emit(&mut room).unwrap();
        prop_assert_eq!(ManagementErrorStatus::parse(&room[..len]), Ok(status));
        for short in 0..8 {
            prop_assert!(ManagementErrorStatus::parse(&room[..short]).is_err());
        }
    }
}
