//! Pages of records, and the unicast master table as a client sets it.

use core::net::{Ipv4Addr, Ipv6Addr};

use ptp_wire::management::{
    MonitoredRecordsNp, MonitoredSlavesNp, PerformanceClockNp, PerformanceFlags, PerformancePortNp,
    PortAddresses, UnicastMasterTable,
};
use ptp_wire::{PortAddress, Records, SlaveTxEventTimestamps, TlvValue, TxEventTimestamp};

use super::super::super::{MasterAddress, UnicastClientConfig, UnicastMaster};
use super::*;

fn page(payload: Payload<'_>) -> Vec<u8> {
    message(Action::Get, &payload, ALL)
}

#[test]
fn performance_comes_page_by_page_to_the_last_record() {
    let mut bench = Bench::with(2, |c| {
        c.options.performance_monitoring = true;
        // Three days have to pass.
        for port in &mut c.ports {
            (port.log_announce_interval, port.log_sync_interval) = (LogInterval(4), LogInterval(10));
        }
    });
    bench.pass(3 * 86_400 + 300);
    let mut numbers = Vec::new();
    let mut from = 0;
    loop {
        let question = PerformanceClockNp { from, ..PerformanceClockNp::default() };
        let answer = bench.one(RO, &page(Payload::PerformanceClockNp(question)));
        let Payload::PerformanceClockNp(told) = answer.payload() else { panic!() };
        assert_eq!(told.from, from);
        for r in told.records.iter() {
            let now = matches!(r.number, 0 | 97);
            assert_eq!(r.flags.has(PerformanceFlags::PERIOD_COMPLETE), !now, "{r:?}");
            assert!(!r.flags.has(PerformanceFlags::MEASUREMENT_VALID));
            assert_eq!(
                (r.offset_from_master.count, r.offset_from_master.average),
                (0, TimeInterval(i64::MAX))
            );
            let length = match r.number {
                // Twenty seconds had passed when the bench began.
                0 | 97 => 320_000,
                1..=96 => 900_000,
                _ => 86_400_000,
            };
            assert_eq!(r.length_ms, length, "{}", r.number);
            assert_eq!(r.age_ms, 320_000 + u32::from(r.number % 97) * length.max(900_000));
            numbers.push(r.number);
        }
        let Some(last) = told.records.iter().last() else { break };
        from = last.number + 1;
    }
    assert_eq!(numbers, (0..=98).collect::<Vec<u8>>());
    // linuxptp's pmc sends no data, and a number beyond the last finds nothing.
    let answer = bench.one(RO, &get(ManagementId::PERFORMANCE_CLOCK_NP));
    assert!(
        matches!(answer.payload(), Payload::PerformanceClockNp(p) if p.records.get(0).unwrap().number == 0)
    );
    // Of every port one answer.
    let ports = bench
        .ask(RO, &page(Payload::PerformancePortNp(PerformancePortNp { from: 97, ..Default::default() })));
    assert_eq!(ports.len(), 2);
    for (out, number) in ports.iter().zip(1..) {
        assert_eq!(out.message().header().source_port_identity, PortIdentity::new(OWN, number));
        let Payload::PerformancePortNp(told) = out.payload() else { panic!() };
        assert_eq!(told.records.iter().map(|r| r.number).collect::<Vec<_>>(), [97, 98]);
        let announced = MessageType::ALL.iter().position(|t| *t == MessageType::Announce).unwrap();
        let (today, yesterday) = (told.records.get(0).unwrap(), told.records.get(1).unwrap());
        assert!(today.tx[announced] > 10 && yesterday.tx[announced] > 5000, "{:?}", told.records);
        assert_eq!(today.rx, [0; 10]);
    }
    let mut off = Bench::new(1);
    for id in [ManagementId::PERFORMANCE_CLOCK_NP, ManagementId::PERFORMANCE_PORT_NP] {
        assert_eq!(off.refused(RO, &get(id)), ErrorId::NOT_SUPPORTED);
        assert_eq!(
            off.refused(RW, &message(Action::Set, &Payload::Raw(id, &[0, 0]), ALL)),
            ErrorId::NOT_SETABLE
        );
    }
}

/// A slave's message, with so many records.
fn told_by(n: u16, records: u16) -> Vec<u8> {
    let mut header = Header::new(MessageType::Signaling);
    header.source_port_identity = PortIdentity::new(OTHER, n);
    let body = Body::Signaling { target_port_identity: PortIdentity::ANY };
    let list: Vec<_> = (0..records)
        .map(|sequence_id| TxEventTimestamp { sequence_id, event_egress_timestamp: Timestamp::ZERO })
        .collect();
    let mut buf = [0; 1480];
    let mut w = Writer::new(&mut buf, &header, &body).unwrap();
    w.tlv_value(&TlvValue::SlaveTxEventTimestamps(SlaveTxEventTimestamps {
        source_port_identity: header.source_port_identity,
        event_message_type: MessageType::DelayReq,
        records: Records::from(&list[..]),
    }))
    .unwrap();
    let len = w.finish();
    buf[..len].to_vec()
}

#[test]
fn slaves_and_what_they_told_come_page_by_page() {
    let mut bench = Bench::with(1, |c| c.options.collect_slave_events = true);
    for n in 1..=100 {
        bench.network(1, &told_by(n, 32));
    }
    bench.pass(2);
    let mut heard = Vec::new();
    loop {
        let from = heard.len() as u16;
        let question = MonitoredSlavesNp { from, ..MonitoredSlavesNp::default() };
        let answer = bench.one(RO, &page(Payload::MonitoredSlavesNp(question)));
        let Payload::MonitoredSlavesNp(told) = answer.payload() else { panic!() };
        assert_eq!((told.from, told.total), (from, 100));
        if told.slaves.is_empty() {
            break;
        }
        for s in told.slaves.iter() {
            assert_eq!((s.messages, s.tx_event_timestamps, s.age_ms, s.port), (1, 32, 2000, 1));
            heard.push(s.slave.port_number.0);
        }
    }
    assert_eq!(heard, (1..=100).collect::<Vec<u16>>());
    let slave = PortIdentity::new(OTHER, 7);
    let question = MonitoredRecordsNp { slave, ..MonitoredRecordsNp::default() };
    let answer = bench.one(RO, &page(Payload::MonitoredRecordsNp(question)));
    let Payload::MonitoredRecordsNp(told) = answer.payload() else { panic!() };
    assert_eq!((told.slave, told.total, told.records.len()), (slave, 16, 16));
    // Newest first.
    assert_eq!(
        told.records.iter().map(|r| r.sequence_id).collect::<Vec<_>>(),
        (16..32).rev().collect::<Vec<_>>()
    );
    let rest = MonitoredRecordsNp { slave, from: 15, ..MonitoredRecordsNp::default() };
    let answer = bench.one(RO, &page(Payload::MonitoredRecordsNp(rest)));
    assert!(matches!(answer.payload(), Payload::MonitoredRecordsNp(p) if p.records.len() == 1));
    let nobody = MonitoredRecordsNp { slave: CLIENT, ..MonitoredRecordsNp::default() };
    assert_eq!(bench.refused(RO, &page(Payload::MonitoredRecordsNp(nobody))), ErrorId::WRONG_VALUE);
    let unasked = bench.one(RO, &get(ManagementId::MONITORED_RECORDS_NP));
    assert!(
        matches!(unasked.payload(), Payload::MonitoredRecordsNp(p) if p.total == 0 && p.records.is_empty())
    );
    let mut off = Bench::new(1);
    assert_eq!(off.refused(RO, &get(ManagementId::MONITORED_SLAVES_NP)), ErrorId::NOT_SUPPORTED);
}

/// A table of these addresses, as `SET UNICAST_MASTER_TABLE` carries it.
fn table(log_query_interval: i8, addresses: &[Address]) -> Vec<u8> {
    let mut octets = Vec::new();
    for address in addresses {
        let (network_protocol, bytes) = match address {
            Address::Ipv4(a) => (1, a.octets().to_vec()),
            Address::Ipv6(a) => (2, a.octets().to_vec()),
            Address::Ethernet(a) => (3, a.to_vec()),
        };
        let mut room = [0; 20];
        let used = PortAddress { network_protocol, address: &bytes }.emit(&mut room).unwrap();
        octets.extend_from_slice(&room[..used]);
    }
    let masters = PortAddresses::new(addresses.len() as u16, &octets).unwrap();
    set(&Payload::UnicastMasterTable(UnicastMasterTable {
        log_query_interval: LogInterval(log_query_interval),
        masters,
    }))
}

fn v4(n: u8) -> Address {
    Address::Ipv4(Ipv4Addr::new(192, 0, 2, n))
}

/// Whom a clock asked for service since, each once.
fn asked(bench: &mut Bench, seconds: u64) -> Vec<Address> {
    let end = Instant(bench.now.0 + seconds * 1_000_000_000);
    let mut all = Vec::new();
    loop {
        while let Some(output) = bench.engine.poll() {
            if let Output::Transmit { destination: Destination::Unicast(to), octets, .. } = output
                && octets[0] & 0xf == MessageType::Signaling as u8
                && !all.contains(&to)
            {
                all.push(to);
            }
        }
        if bench.now == end {
            return all;
        }
        bench.now = bench.engine.next_deadline().unwrap_or(end).max(bench.now).min(end);
        bench.engine.handle(bench.now, Input::Tick);
    }
}

#[test]
fn the_unicast_master_table_is_followed_as_soon_as_it_is_set() {
    let master = |address, local_priority| UnicastMaster { address, local_priority };
    let mut bench = Bench::with(1, |c| {
        c.client_only = true;
        c.ports[0].unicast_client = Some(UnicastClientConfig {
            masters: vec![
                master(MasterAddress::Known(v4(1)), 5),
                master(MasterAddress::Named("gm".into()), 6),
            ],
            duration: 300,
            log_query_interval: LogInterval(0),
        });
    });
    let number = PortNumber(1);
    bench.engine.handle(bench.now, Input::MasterAddress { port: number, index: 1, address: Some(v4(2)) });
    assert_eq!(asked(&mut bench, 10), [v4(2), v4(1)]);
    // The second by its address now, a third one; the first is gone.
    let answer = bench.one(RW, &table(1, &[v4(3), v4(2)]));
    let Payload::UnicastMasterTable(told) = answer.payload() else { panic!() };
    assert_eq!((told.log_query_interval, told.masters.len()), (LogInterval(1), 2));
    let config = bench.engine.config().ports[0].unicast_client.clone().unwrap();
    assert_eq!(
        config.masters,
        [master(MasterAddress::Known(v4(3)), 128), master(MasterAddress::Known(v4(2)), 6)]
    );
    assert_eq!(config.duration, 300);
    let mut now = asked(&mut bench, 10);
    now.sort_by_key(|a| a.to_string());
    assert_eq!(now, [v4(2), v4(3)]);
    // What was a name's place is no more.
    bench.engine.handle(bench.now, Input::MasterAddress { port: number, index: 1, address: Some(v4(9)) });
    assert!(!asked(&mut bench, 10).contains(&v4(9)));
    // Whole or not at all.
    let v6 = Address::Ipv6(Ipv6Addr::LOCALHOST);
    for wrong in [
        table(0, &[v4(4), v6]),
        table(0, &[v4(4), Address::Ethernet([2; 6])]),
        table(0, &[v4(4), v4(4)]),
        table(17, &[v4(4)]),
        table(-11, &[v4(4)]),
        table(0, &(0..60).map(v4).collect::<Vec<_>>()),
    ] {
        assert_eq!(bench.refused(RW, &wrong), ErrorId::WRONG_VALUE);
    }
    assert_eq!(bench.refused(RO, &table(0, &[v4(4)])), ErrorId::NOT_SUPPORTED);
    assert_eq!(bench.engine.config().ports[0].unicast_client.as_ref(), Some(&config));
    // Nobody is asked any more.
    bench.one(RW, &table(0, &[]));
    asked(&mut bench, 1);
    assert_eq!(asked(&mut bench, 20), []);
}

#[test]
fn a_port_without_a_table_gets_one() {
    let mut bench = Bench::with(1, |c| c.client_only = true);
    assert_eq!(asked(&mut bench, 10), []);
    bench.one(RW, &table(0, &[v4(1)]));
    assert_eq!(asked(&mut bench, 5), [v4(1)]);
    let answer = bench.one(RO, &get(ManagementId::UNICAST_NEGOTIATION_ENABLE));
    assert_eq!(answer.payload(), Payload::UnicastNegotiationEnable(true));
}
