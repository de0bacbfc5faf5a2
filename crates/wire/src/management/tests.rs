use super::*;
use crate::{ClockIdentity, ClockQuality, LogInterval, PortAddress, PortIdentity, Timestamp, WireError};

fn round_trip(payload: Payload<'_>) -> usize {
    let mut room = [0; 600];
    let len = payload.emit(&mut room).unwrap();
    let tlv = ManagementTlv::parse(&room[..len]).unwrap();
    assert_eq!(tlv.payload(), Ok(payload));
    len
}

#[test]
fn lists_are_built_and_read() {
    let masters = [
        UnicastMaster {
            port_identity: PortIdentity::new(ClockIdentity([1; 8]), 7),
            clock_quality: ClockQuality::DEFAULT,
            selected: true,
            port_state: 3,
            priority1: 10,
            priority2: 20,
            address: PortAddress { network_protocol: 1, address: &[10, 0, 0, 1] },
        },
        UnicastMaster {
            port_identity: PortIdentity::default(),
            clock_quality: ClockQuality::DEFAULT,
            selected: false,
            port_state: 0,
            priority1: 0,
            priority2: 0,
            address: PortAddress { network_protocol: 3, address: &[2, 0, 0, 0, 0, 1] },
        },
    ];
    let mut octets = [0; 100];
    let mut at = 0;
    for m in &masters {
        at += m.emit(&mut octets[at..]).unwrap();
    }
    assert_eq!(at, 22 + 4 + 22 + 6);
    let table = UnicastMasterTableNp::new(2, &octets[..at]).unwrap();
    assert!(table.iter().eq(masters));
    assert_eq!(round_trip(Payload::UnicastMasterTableNp(table)), 2 + 2 + at);
    assert_eq!(UnicastMasterTableNp::new(3, &octets[..at]), Err(WireError::Truncated));
    assert_eq!(UnicastMasterTableNp::new(1, &octets[..at]), Err(WireError::TlvLength));

    let list = PathTraceList::new(2, &[9; 16]).unwrap();
    assert_eq!(list.iter().last(), Some(ClockIdentity([9; 8])));
    round_trip(Payload::PathTraceList(list));

    let entry = AcceptableMaster { port_identity: PortIdentity::ANY, alternate_priority1: 5 };
    let mut octets = [0; 33];
    for place in octets.chunks_mut(AcceptableMaster::LEN) {
        assert_eq!(entry.emit(place), Ok(AcceptableMaster::LEN));
    }
    let table = AcceptableMasterTable::new(3, &octets).unwrap();
    assert!(table.iter().all(|e| e == entry));
    // 2 + 2 + 33 is odd: the message pads it, and the reader bears the padding.
    assert_eq!(round_trip(Payload::AcceptableMasterTable(table)), 37);
    let mut padded = [0; 36];
    padded[1] = 3;
    padded[2..35].copy_from_slice(&octets);
    assert_eq!(
        Payload::parse(ManagementId::ACCEPTABLE_MASTER_TABLE, &padded),
        Ok(Payload::AcceptableMasterTable(table))
    );
}

#[test]
fn candidates() {
    let row = |n: u8| ForeignMasterRow {
        sender: PortIdentity::new(ClockIdentity([n; 8]), n.into()),
        grandmaster_identity: ClockIdentity([n + 1; 8]),
        priority1: n,
        clock_quality: ClockQuality::DEFAULT,
        priority2: n + 2,
        local_priority: n + 3,
        steps_removed: 300 + u16::from(n),
        standing: ForeignMasterRow::WORSE,
        decided_by: 4,
        age_ms: 70_000 + u32::from(n),
    };
    let mut octets = [0; 2 * ForeignMasterRow::LEN];
    for (n, room) in octets.chunks_mut(ForeignMasterRow::LEN).enumerate() {
        assert_eq!(row(n as u8).emit(room), Ok(ForeignMasterRow::LEN));
    }
    let heard = ForeignMasterRows::new(2, &octets).unwrap();
    assert!(heard.iter().eq([row(0), row(1)]));
    let all = ForeignMastersNp {
        port_identity: PortIdentity::new(ClockIdentity([9; 8]), 2),
        port_state: 9,
        decision: 6,
        rule: 1,
        flags: 5,
        own: row(7),
        heard,
    };
    assert_eq!(round_trip(Payload::ForeignMastersNp(all)), 2 + 49 + octets.len());
}

#[test]
fn status_of_a_clock() {
    let status = ClockStatusNp {
        clock_state: 4,
        flags: ClockStatusNp::BOUND_KNOWN | ClockStatusNp::STEERED,
        steps: 2,
        holdover_s: 70_000,
        error_bound: crate::TimeInterval::from_nanos(1_500),
        scaled_frequency: -12_345 << 16,
    };
    assert_eq!(round_trip(Payload::ClockStatusNp(status)), 2 + 24);
}

#[test]
fn fault_records() {
    let text = |t| PtpText::from_text(t);
    let record = FaultRecord {
        fault_time: Timestamp::new(5, 6).unwrap(),
        severity_code: 3,
        fault_name: text("link"),
        fault_value: text("down"),
        fault_description: text(""),
    };
    let mut octets = [0; 100];
    let len = record.emit(&mut octets).unwrap();
    assert_eq!(len, 2 + 10 + 1 + 5 + 5 + 1);
    let log = FaultLog::new(1, &octets[..len]).unwrap();
    assert!(log.iter().eq([record]));
    round_trip(Payload::FaultLog(log));
    // A record that claims more than its texts fill.
    octets[1] += 1;
    assert_eq!(FaultLog::new(1, &octets[..len + 1]), Err(WireError::TlvLength));
}

#[test]
fn tables_of_addresses() {
    let mut octets = [0, 1, 0, 4, 10, 0, 0, 1, 0, 3, 0, 6, 2, 0, 0, 0, 0, 1];
    let members = PortAddresses::new(2, &octets).unwrap();
    assert_eq!(members.iter().map(|a| a.address.len()).sum::<usize>(), 10);
    let log_query_interval = LogInterval(-1);
    assert_eq!(
        round_trip(Payload::GrandmasterClusterTable(GrandmasterClusterTable { log_query_interval, members })),
        2 + 2 + 18
    );
    assert_eq!(
        round_trip(Payload::UnicastMasterTable(UnicastMasterTable { log_query_interval, masters: members })),
        2 + 3 + 18
    );
    octets[3] = 200;
    assert_eq!(PortAddresses::new(2, &octets), Err(WireError::Truncated));
}

#[test]
fn linuxptp_byte_orders() {
    let mut room = [0; 300];
    let mut rx = [0; 16];
    rx[0xb] = 0x0102;
    let counters = PortStatsNp::emit_counters(&rx, &[0; 16]);
    let stats = PortStatsNp::new(PortIdentity::default(), &counters);
    Payload::PortStatsNp(stats).emit(&mut room).unwrap();
    assert_eq!(room[12 + 0xb * 8..][..8], [2, 1, 0, 0, 0, 0, 0, 0]);

    let service = PortServiceStatsNp { followup_mismatch: 3, ..PortServiceStatsNp::default() };
    Payload::PortServiceStatsNp(service).emit(&mut room).unwrap();
    assert_eq!(room[12 + 72..][..8], [3, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(service.counters()[9], ("followup_mismatch", 3));

    let corrections = PortCorrectionsNp {
        egress_latency: crate::TimeInterval(1),
        ingress_latency: crate::TimeInterval(2),
        delay_asymmetry: crate::TimeInterval(-3),
    };
    Payload::PortCorrectionsNp(corrections).emit(&mut room).unwrap();
    assert_eq!(room[2..10], 1i64.to_ne_bytes());
}

#[test]
fn flags_sit_where_the_standard_puts_them() {
    let octets = |p: Payload<'_>| {
        let mut room = [0; 64];
        let len = p.emit(&mut room).unwrap();
        room[2..len].to_vec()
    };
    let trace = TraceabilityProperties { time_traceable: true, frequency_traceable: false };
    assert_eq!(octets(Payload::TraceabilityProperties(trace)), [0x10, 0]);
    let scale = TimescaleProperties { ptp_timescale: true, time_source: crate::TimeSource::GNSS };
    assert_eq!(octets(Payload::TimescaleProperties(scale)), [0x08, 0x20]);
    let utc =
        UtcProperties { current_utc_offset: 37, leap61: false, leap59: true, current_utc_offset_valid: true };
    assert_eq!(octets(Payload::UtcProperties(utc)), [0, 37, 6, 0]);
    assert_eq!(octets(Payload::SlaveOnly(true)), [1, 0]);
    assert_eq!(octets(Payload::VersionNumber(0x12)), [2, 0]);
}
