//! Octets that linuxptp put on a wire, written down by hand, emitted here field by field.

use ptp_wire::management::{
    Action, ClockDescription, ClockType, Content, DefaultDataSet, ErrorId, ManagementErrorStatus,
    ManagementHeader, ManagementId, MonitoredRecordsNp, MonitoredSlavesNp, Payload, PerformanceClockNp,
    PerformancePortNp, PtpText,
};
use ptp_wire::*;

use crate::samples;

const CLOCK: ClockIdentity = ClockIdentity([0x02, 0, 0, 0xff, 0xfe, 0, 0, 1]);

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn header(t: MessageType) -> Header {
    Header {
        source_port_identity: PortIdentity::new(CLOCK, 1),
        log_message_interval: LogInterval(0),
        ..Header::new(t)
    }
}

fn announce() -> (Header, Body) {
    let body = Body::Announce(Announce {
        origin_timestamp: Timestamp::ZERO,
        current_utc_offset: 37,
        grandmaster_priority1: 128,
        grandmaster_clock_quality: ClockQuality::DEFAULT,
        grandmaster_priority2: 128,
        grandmaster_identity: CLOCK,
        steps_removed: 0,
        time_source: TimeSource::INTERNAL_OSCILLATOR,
    });
    (Header { log_message_interval: LogInterval(-2), ..header(MessageType::Announce) }, body)
}

fn sync() -> (Header, Body) {
    let header = Header { flags: Flags::TWO_STEP, ..header(MessageType::Sync) };
    (header, Body::Sync { origin_timestamp: Timestamp::ZERO })
}

fn signed((header, body): (Header, Body), key_id: u32, icv: &[u8], covered_len: usize) -> Vec<u8> {
    let mut buf = [0; 128];
    let writer = Writer::new(&mut buf, &header, &body).unwrap();
    let len = writer
        .finish_authenticated(7, key_id, icv.len(), |covered, room| {
            assert_eq!(covered.len(), covered_len);
            // The length that is covered is the final one.
            assert_eq!(usize::from(u16::from_be_bytes([covered[2], covered[3]])), covered_len + icv.len());
            room.copy_from_slice(icv);
            Ok(())
        })
        .unwrap();
    buf[..len].to_vec()
}

fn check(expected: &[u8], icv: &[u8], emitted: &[u8]) {
    assert_eq!(emitted, expected);
    let message = Message::parse(emitted).unwrap();
    let authentication = message.authentication().unwrap();
    assert_eq!((authentication.spp, authentication.icv(icv.len())), (7, Some(icv)));
    assert_eq!(authentication.icv(icv.len() - 2), None, "octets before the ICV that nothing promised");
    assert_eq!(message.covered(icv.len()).unwrap().len() + icv.len(), emitted.len());
}

#[test]
fn authenticated_announce_and_sync() {
    let announce_hex = "0b12005a 00000000 0000000000000000 00000000 020000fffe000001 0001 0000 00 fe
        00000000000000000000 0025 00 80 f8feffff 80 020000fffe000001 0000 a0";
    let sync_hex =
        "00120046 00000200 0000000000000000 00000000 020000fffe000001 0001 0000 00 00 00000000000000000000";
    let icv = hex("a2014cf025713a215ebcd6c7c68cb5ce");
    let tail = "8009 0016 07 00 00000001 a2014cf025713a215ebcd6c7c68cb5ce";
    check(&hex(&[announce_hex, tail].concat()), &icv, &signed(announce(), 1, &icv, 74));

    let icv = hex("e552309859b65711705042d189baa96e");
    let tail = "8009 0016 07 00 00000001 e552309859b65711705042d189baa96e";
    check(&hex(&[sync_hex, tail].concat()), &icv, &signed(sync(), 1, &icv, 54));

    let icv = hex("d7a5dc0b4723db75edb938a03b9f33156ef3fd1d01e77ef6a3c33499964188f4");
    let tail = "8009 0026 07 00 00000002 d7a5dc0b4723db75edb938a03b9f33156ef3fd1d01e77ef6a3c33499964188f4";
    let mut expected = hex(&[announce_hex, tail].concat());
    expected[3] = 0x6a;
    check(&expected, &icv, &signed(announce(), 2, &icv, 74));

    let icv = hex("762c05a27f16fc93e77a45904f95362829933c8ccfe51b1f3a531ad30595fc94");
    let tail = "8009 0026 07 00 00000002 762c05a27f16fc93e77a45904f95362829933c8ccfe51b1f3a531ad30595fc94";
    let mut expected = hex(&[sync_hex, tail].concat());
    expected[3] = 0x56;
    check(&expected, &icv, &signed(sync(), 2, &icv, 54));
}

/// The UDP/IPv6 tail is not the message's.
#[test]
fn a_tail_is_not_covered() {
    let mut octets = signed(sync(), 1, &[9; 16], 54);
    octets.extend([0, 0]);
    let message = Message::parse(&octets).unwrap();
    assert_eq!(message.octets().len(), 70);
    assert_eq!(message.authentication().unwrap().icv(16), Some(&[9; 16][..]));
}

/// An AUTHENTICATION TLV that others follow, or that is not the end of the message, protects nothing.
#[test]
fn authentication_must_be_last() {
    let octets = signed(sync(), 1, &[9; 16], 54);
    let with_tail = |tail: &[u8]| {
        let mut octets = [&octets, tail].concat();
        octets[3] += tail.len() as u8;
        Message::parse(&octets).unwrap().authentication().is_none()
    };
    assert!(!with_tail(&[]));
    assert!(with_tail(&[0x80, 8, 0, 0]));
    assert!(with_tail(&[0, 0]));
}

fn tail(t: MessageType, values: &[TlvValue<'_>]) -> (Vec<u8>, usize) {
    let octets = crate::samples::emit(&crate::samples::body(t), &header(t), values);
    let len = octets.len();
    (octets[t.min_len()..].to_vec(), len)
}

#[test]
fn gptp() {
    let information = Organization::FollowUpInformation(FollowUpInformation {
        cumulative_scaled_rate_offset: RateOffset::ZERO,
        gm_time_base_indicator: 0,
        last_gm_phase_change: Default::default(),
        scaled_last_gm_freq_change: RateOffset::ZERO,
    });
    let value = TlvValue::Organization(TlvType::ORGANIZATION_EXTENSION, information);
    let expected = hex("0003 001c 0080c2 000001 00000000 0000 000000000000000000000000 00000000");
    assert_eq!(tail(MessageType::FollowUp, &[value]), (expected, 76));

    let path = [CLOCK];
    let expected = hex("0008 0008 020000fffe000001");
    assert_eq!(tail(MessageType::Announce, &[TlvValue::PathTrace(path[..].into())]), (expected, 76));
}

#[test]
fn power_profile() {
    let value = TlvValue::Organization(
        TlvType::ORGANIZATION_EXTENSION,
        Organization::PowerProfile2011(PowerProfile2011 {
            grandmaster_id: 5,
            grandmaster_time_inaccuracy: 100,
            network_time_inaccuracy: 50,
        }),
    );
    let expected = hex("0003 0012 1c129d 000001 0005 00000064 00000032 0000");
    assert_eq!(tail(MessageType::Announce, &[value]).0, expected);
    // As the standard prints its length.
    let mut octets = crate::samples::emit(&announce().1, &announce().0, &[value]);
    octets[67] = 12;
    let message = Message::parse(&octets).unwrap();
    let decoded: Vec<_> = message.tlvs().map(|tlv| tlv.decode().unwrap()).collect();
    assert_eq!(decoded, [value]);
}

#[test]
fn unicast_negotiation() {
    use MessageType::{DelayResp, Signaling, Sync};
    let request = |message_type, log| {
        TlvValue::RequestUnicast(RequestUnicast {
            message_type,
            log_inter_message_period: LogInterval(log),
            duration: 60,
        })
    };
    let grant = TlvValue::GrantUnicast(GrantUnicast {
        message_type: MessageType::Announce,
        log_inter_message_period: LogInterval(1),
        duration: 60,
        flags: GrantFlags::RENEWAL_INVITED,
    });
    let cancel = |message_type| {
        TlvValue::CancelUnicast(CancelUnicast {
            message_type,
            maintain_request: false,
            maintain_grant: false,
        })
    };
    let values = |values: &[TlvValue<'_>]| tail(Signaling, values).0;
    assert_eq!(values(&[request(MessageType::Announce, 1)]), hex("0004 0006 b0 01 0000003c"));
    assert_eq!(values(&[grant]), hex("0005 0008 b0 01 0000003c 00 01"));
    assert_eq!(
        values(&[request(Sync, 0), request(DelayResp, 0)]),
        hex("0004 0006 00 00 0000003c 0004 0006 90 00 0000003c")
    );
    assert_eq!(
        values(&[cancel(MessageType::Announce), cancel(Sync), cancel(DelayResp)]),
        hex("0006 0002 b0 00 0006 0002 00 00 0006 0002 90 00")
    );
}

fn management(tlv_type: TlvType, emit: impl Fn(&mut [u8]) -> Result<usize, WireError>) -> Vec<u8> {
    let body = Body::Management(ManagementHeader {
        target_port_identity: PortIdentity::ANY,
        starting_boundary_hops: 1,
        boundary_hops: 1,
        action: Action::Response,
    });
    let mut buf = [0; 512];
    let mut writer = Writer::new(&mut buf, &header(MessageType::Management), &body).unwrap();
    writer.tlv_with(tlv_type, emit).unwrap();
    let len = writer.finish();
    assert!(Content::of(&Message::parse(&buf[..len]).unwrap()).is_some());
    buf[48..len].to_vec()
}

/// The pages of records, octet by octet.
#[test]
fn management_pages() {
    let emitted = |payload: Payload<'_>| management(TlvType::MANAGEMENT, |room| payload.emit(room));
    let clock = [samples::clock_performance(97)];
    let page = PerformanceClockNp { from: 97, records: Records::from(&clock[..]) };
    let statistic = |average: &str, minimum: &str, maximum: &str| {
        ["00000384", average, "0000 ", minimum, "0000 ", maximum, "0000 0000000000018000 "].concat()
    };
    assert_eq!(
        emitted(Payload::PerformanceClockNp(page)),
        hex(&[
            "0001 009e de02 61 00  61 03 000dbba0 000dbb9f",
            &statistic("0000000003e8", "0000000003e3", "0000000003ef"),
            &statistic("0000000003f2", "0000000003ed", "0000000003f9"),
            &statistic("0000000003ed", "0000000003e8", "0000000003f4"),
            &statistic("fffffffffffb", "fffffffffff6", "000000000002"),
        ]
        .concat())
    );
    let port = [samples::port_performance(1)];
    let page = PerformancePortNp { from: 1, records: Records::from(&port[..]) };
    let counters = |step: u64| (0..10).map(|n| format!("{:016x}", n * step)).collect::<String>();
    assert_eq!(
        emitted(Payload::PerformancePortNp(page)),
        hex(&[
            "0001 00da de03 01 00  01 01 000dbba0 000dbba0",
            "00000000 0000000000000000 fffffffffffb0000 0000000000070000 0000000000018000",
            &counters(1),
            &counters(256),
            "0000000000000007",
        ]
        .concat())
    );
    let slaves = [samples::monitored_slave(4)];
    let page = MonitoredSlavesNp { from: 3, total: 5, slaves: Records::from(&slaves[..]) };
    assert_eq!(
        emitted(Payload::MonitoredSlavesNp(page)),
        hex("0001 005e de04 0003 0005  020000fffe000001 0004 0001 0000007d 000000000000000a
             0000000000000014 000000000000001e 0000000000000028 0000000000000000 07 00
             020000fffe000001 0001 ffffffffff060000 0000000003e80000 ffffffff")
    );
    let records = [samples::monitored(TlvType::SLAVE_RX_SYNC_TIMING_DATA)];
    let slave = PortIdentity::new(CLOCK, 1);
    let page = MonitoredRecordsNp { slave, from: 0, total: 2, records: Records::from(&records[..]) };
    assert_eq!(
        emitted(Payload::MonitoredRecordsNp(page)),
        hex("0001 0054 de05 020000fffe000001 0001 0000 0002  8004 1267 00000001 020000fffe000001 0001 00 00
             00006553f100 00000005 00006553f100 000003ed 0000000000008000 0000000000000000 0000000000000000
             00000002")
    );
    // The question for a page is a page without records.
    let question = MonitoredRecordsNp { slave, from: 23, ..MonitoredRecordsNp::default() };
    assert_eq!(
        emitted(Payload::MonitoredRecordsNp(question)),
        hex("0001 0010 de05 020000fffe000001 0001 0017 0000")
    );
}

#[test]
fn management_messages() {
    let request = Payload::Raw(ManagementId::DEFAULT_DATA_SET, &[0; 20]);
    let reply = Payload::DefaultDataSet(DefaultDataSet {
        two_step: true,
        slave_only: false,
        number_ports: 1,
        priority1: 128,
        clock_quality: ClockQuality::DEFAULT,
        priority2: 128,
        clock_identity: CLOCK,
        domain_number: 0,
    });
    let description = Payload::ClockDescription(ClockDescription {
        clock_type: ClockType::ORDINARY,
        physical_layer_protocol: PtpText::from_text("IEEE 802.3"),
        physical_address: &[2, 0, 0, 0, 0, 1],
        protocol_address: PortAddress { network_protocol: 1, address: &[10, 77, 9, 1] },
        manufacturer_identity: [0; 3],
        product_description: PtpText::from_text(";;"),
        revision_data: PtpText::from_text(";;"),
        user_description: PtpText::EMPTY,
        profile_identity: [0x00, 0x1b, 0x19, 0, 1, 0],
    });
    let error = ManagementErrorStatus {
        error: ErrorId::NOT_SUPPORTED,
        id: ManagementId::PRIORITY1,
        display_data: PtpText::EMPTY,
    };
    let emitted = |payload: Payload<'_>| management(TlvType::MANAGEMENT, |room| payload.emit(room));
    assert_eq!(emitted(request), hex(&["0001 0016 2000", &"00".repeat(20)].concat()));
    assert_eq!(emitted(reply), hex("0001 0016 2000 01 00 0001 80 f8feffff 80 020000fffe000001 00 00"));
    assert_eq!(
        emitted(description),
        hex("0001 0030 0001 8000 0a 49454545203830322e33 0006 020000000001 0001 0004 0a4d0901
             000000 00 02 3b3b 02 3b3b 00 001b19000100")
    );
    assert_eq!(
        management(TlvType::MANAGEMENT_ERROR_STATUS, |room| error.emit(room)),
        hex("0002 0008 0006 2005 00000000")
    );
}
