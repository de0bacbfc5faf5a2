//! What is told to monitors, and what is kept of it.

use ptp_wire::Body;

use super::*;

fn pair(change: impl Fn(usize, &mut InstanceConfig)) -> Net {
    Net::new(&[1, 1], &[&[(0, 1), (1, 1)]], |n, c| {
        c.priority1 = 10 + n as u8;
        change(n, c);
    })
}

fn signaling(net: &Net, n: usize, t: TlvType) -> Vec<Frame> {
    net.sent_by(n, MessageType::Signaling, 0).into_iter().filter(|f| f.tlv(t).is_some()).collect()
}

#[test]
fn a_slave_tells_what_it_measured_and_the_master_keeps_it() {
    let mut net = pair(|n, c| {
        c.options.collect_slave_events = n == 0;
        c.ports[0].delay_asymmetry = TimeInterval::ZERO;
        if n == 1 {
            c.ports[0].options.slave_monitoring = SlaveMonitoring {
                rx_sync_timing: true,
                rx_sync_computed: true,
                tx_event_timestamps: true,
                records: 4,
                every: 2,
                destination: MonitorDestination::Unicast(Address::Ethernet([0; 6])),
            };
        }
    });
    net.ahead[1] = 250;
    net.run(100);
    let timing = signaling(&net, 1, TlvType::SLAVE_RX_SYNC_TIMING_DATA);
    // 100 Syncs, every second one, four to a message.
    assert!((11..=13).contains(&timing.len()), "{}", timing.len());
    let header = *timing[0].message().header();
    assert!(header.flags.has(Flags::UNICAST) && header.log_message_interval == LogInterval::NOT_APPLICABLE);
    let Some(TlvValue::SlaveRxSyncTimingData(data)) = timing[1].tlv(TlvType::SLAVE_RX_SYNC_TIMING_DATA)
    else {
        panic!()
    };
    assert_eq!((data.source_port_identity, data.records.len()), (port_of(0, 1), 4));
    let records: Vec<_> = data.records.iter().collect();
    for (r, next) in records.iter().zip(&records[1..]) {
        assert_eq!(next.sequence_id - r.sequence_id, 2);
    }
    let (t1, t2) = (
        TimePoint::from(records[0].sync_origin_timestamp),
        TimePoint::from(records[0].sync_event_ingress_timestamp),
    );
    assert_eq!(t2 - t1 - records[0].total_correction_field, TimeInterval::from_nanos(1250));
    let Some(computed) = signaling(&net, 1, TlvType::SLAVE_RX_SYNC_COMPUTED_DATA).pop() else { panic!() };
    let Some(TlvValue::SlaveRxSyncComputedData(data)) = computed.tlv(TlvType::SLAVE_RX_SYNC_COMPUTED_DATA)
    else {
        panic!()
    };
    let record = data.records.get(3).unwrap();
    assert_eq!(data.computed_flags.0, 6);
    assert_eq!(
        (record.offset_from_master, record.mean_path_delay),
        (TimeInterval::from_nanos(250), TimeInterval::from_nanos(1000))
    );
    let sent = signaling(&net, 1, TlvType::SLAVE_TX_EVENT_TIMESTAMPS);
    let Some(TlvValue::SlaveTxEventTimestamps(data)) = sent[0].tlv(TlvType::SLAVE_TX_EVENT_TIMESTAMPS) else {
        panic!()
    };
    assert_eq!(
        (data.source_port_identity, data.event_message_type, data.records.len()),
        (port_of(1, 1), MessageType::DelayReq, 4)
    );
    // The monitor's end.
    let slaves: Vec<_> = net.engines[0].monitored_slaves().collect();
    assert_eq!(slaves.len(), 1);
    let s = slaves[0];
    assert_eq!((s.identity, s.master, s.port), (port_of(1, 1), Some(port_of(0, 1)), PortNumber(1)));
    assert_eq!(s.sync_timing, 4 * timing.len() as u64);
    assert_eq!(
        (s.offset_from_master, s.mean_path_delay),
        (Some(TimeInterval::from_nanos(250)), Some(TimeInterval::from_nanos(1000)))
    );
    assert_eq!(s.messages, net.sent_by(1, MessageType::Signaling, 0).len() as u64);
    let told = net.events.iter().filter(|(n, e)| {
        *n == 0
            && matches!(e, Event::SlaveEvents { worst_offset: Some(w), records: 4, .. } if w.nanos() == 250)
    });
    assert_eq!(told.count() as u64, s.sync_computed / 4);
    assert_eq!(net.dropped(0, 1, DropCause::Unexpected), 0);
}

#[test]
fn nobody_collects_unless_asked_to() {
    let mut net = pair(|_, c| c.ports[0].options.slave_monitoring.rx_sync_computed = true);
    net.run(30);
    assert!(signaling(&net, 1, TlvType::SLAVE_RX_SYNC_COMPUTED_DATA).len() > 15);
    assert_eq!(net.engines[0].monitored_slaves().count(), 0);
    assert!(net.dropped(0, 1, DropCause::Unexpected) > 15);
}

#[test]
fn the_socket_gets_each_measurement_as_linuxptp_has_it() {
    let mut net = pair(|n, c| c.options.slave_event_socket = n == 1);
    net.run(30);
    let of = |t: TlvType| {
        let all = net.to_monitor.iter().map(|(n, octets)| (*n, Message::parse(octets).unwrap()));
        all.filter(|(_, m)| m.tlvs().next().is_some_and(|tlv| tlv.tlv_type == t)).count()
    };
    assert!(net.to_monitor.iter().all(|(n, _)| *n == 1));
    assert!((20..=30).contains(&of(TlvType::SLAVE_RX_SYNC_TIMING_DATA)));
    assert!(of(TlvType::SLAVE_DELAY_TIMING_DATA_NP) > 8);
    for (_, octets) in &net.to_monitor {
        let m = Message::parse(octets).unwrap();
        assert!(matches!(m.body(), Body::Signaling { target_port_identity: PortIdentity::ANY }));
        if let TlvValue::SlaveDelayTimingDataNp(data) = m.tlvs().next().unwrap().decode().unwrap() {
            let r = data.records.get(0).unwrap();
            let (t3, t4) =
                (TimePoint::from(r.delay_origin_timestamp), TimePoint::from(r.delay_response_timestamp));
            assert_eq!(t4 - t3 - r.total_correction_field, TimeInterval::from_nanos(1000));
        }
    }
    assert_eq!(net.sent_by(1, MessageType::Signaling, 0).len(), 0);
}

/// A monitor's request, as nsm sends it.
fn request(sequence_id: u16, flags: Flags) -> Vec<u8> {
    let mut header = ptp_wire::Header::new(MessageType::DelayReq);
    header.sequence_id = sequence_id;
    header.flags = flags;
    header.source_port_identity = port_of(77, 1);
    let mut buf = [0; 64];
    let body = Body::DelayReq { origin_timestamp: ptp_wire::Timestamp::ZERO };
    let mut w = ptp_wire::Writer::new(&mut buf, &header, &body).unwrap();
    w.tlv(TlvType::PTPMON_REQ, &[]).unwrap();
    let len = w.finish();
    buf[..len].to_vec()
}

#[test]
fn a_monitor_is_answered_in_any_state_and_not_too_often() {
    let mut net = pair(|n, c| {
        c.ports[0].options.net_sync_monitor_rate = if n == 1 { 4 } else { 0 };
        c.ports[0].delay = Delay::E2e;
    });
    net.run(20);
    assert_eq!(net.state(1, 1), PortState::Slave);
    let from = net.now;
    let ask = |net: &mut Net, n: usize, sequence: u16, flags: Flags| {
        let octets = request(sequence, flags);
        let (stamp, source) = (Some(net.clock(n)), Address::Ethernet([77; 6]));
        net.input(n, Input::Frame { port: PortNumber(1), octets: &octets, stamp, source });
    };
    let received = net.clock(1);
    ask(&mut net, 1, 4711, Flags::UNICAST);
    let answers: Vec<Frame> = net
        .sent
        .iter()
        .filter(|f| f.at >= from && f.from == 1 && f.flags().has(Flags::UNICAST))
        .cloned()
        .collect();
    let types: Vec<_> = answers.iter().map(|f| f.message().header().message_type).collect();
    assert_eq!(types, [MessageType::DelayResp, MessageType::Sync, MessageType::FollowUp]);
    for f in &answers {
        assert_eq!(f.message().header().sequence_id, 4711);
        assert_eq!(f.destination, Destination::Unicast(Address::Ethernet([77; 6])));
    }
    let Body::DelayResp { receive_timestamp, requesting_port_identity } = *answers[0].message().body() else {
        panic!()
    };
    assert_eq!((TimePoint::from(receive_timestamp), requesting_port_identity), (received, port_of(77, 1)));
    let Some(TlvValue::PtpmonResp(r)) = answers[0].tlv(TlvType::PTPMON_RESP) else { panic!() };
    assert_eq!((r.port_state, r.parent.parent_port_identity, r.current.steps_removed), (9, port_of(0, 1), 1));
    assert_eq!((r.parent_address.network_protocol, r.parent_address.address), (3, &[0u8; 6][..]));
    assert!(received - TimePoint::from(r.last_sync) <= TimeInterval::from_nanos(1_100_000_000));
    // Four a second, however many ask.
    for i in 0..100 {
        ask(&mut net, 1, i, Flags::UNICAST);
    }
    assert_eq!(net.dropped(1, 1, DropCause::RateLimit), 97);
    // Not by multicast, and not where it is off: there it is an ordinary request.
    let before = net.sent.len();
    ask(&mut net, 1, 1, Flags::NONE);
    assert_eq!(net.sent.len(), before);
    ask(&mut net, 0, 9, Flags::UNICAST);
    let last = net.sent.last().unwrap();
    assert!(
        net.sent.len() == before + 1
            && last.is(MessageType::DelayResp)
            && last.tlv(TlvType::PTPMON_RESP).is_none()
    );
}

#[test]
fn performance_records_hold_what_was_measured() {
    let mut net = pair(|n, c| {
        c.options.performance_monitoring = n == 1;
        c.ports[0].delay = Delay::E2e;
    });
    net.ahead[1] = 500;
    net.run(1000);
    let p = net.engines[1].performance().unwrap();
    let last = p.clock_record(1).unwrap();
    let ns = TimeInterval::from_nanos;
    assert!(last.complete && last.valid && last.offset_from_master.count() > 880, "{last:?}");
    assert_eq!(
        (last.offset_from_master.average(), last.offset_from_master.standard_deviation()),
        (ns(500), ns(0))
    );
    assert_eq!((last.master_slave_delay.minimum(), last.slave_master_delay.maximum()), (ns(1500), ns(500)));
    assert_eq!(last.mean_path_delay.average(), ns(1000));
    let event = net.events.iter().find_map(|(n, e)| match e {
        Event::PerformanceRecord { samples, average, .. } => Some((*n, *samples, *average)),
        _ => None,
    });
    assert_eq!(event, Some((1, last.offset_from_master.count(), ns(500))));
    let (now, before) = (
        net.engines[1].performance_port_record(PortNumber(1), 0).unwrap(),
        net.engines[1].performance_port_record(PortNumber(1), 1).unwrap(),
    );
    let stats = net.engines[1].port_stats(PortNumber(1)).unwrap();
    let sync = MessageType::Sync as usize;
    assert!((98..=102).contains(&now.rx[sync]), "{}", now.rx[sync]);
    assert_eq!(now.rx[sync] + before.rx[sync], stats.rx[sync]);
    assert_eq!(net.engines[1].performance_port_record(PortNumber(1), 97).unwrap().rx, stats.rx);
    assert!(net.engines[0].performance().is_none());
}

#[test]
fn link_delays_have_records_too() {
    let mut net = pair(|_, c| {
        c.options.performance_monitoring = true;
        c.ports[0].delay = Delay::P2p;
    });
    net.run(60);
    for n in 0..2 {
        let record = net.engines[n].performance_port_record(PortNumber(1), 0).unwrap();
        assert!(record.mean_link_delay.count() > 50);
        assert_eq!(record.mean_link_delay.average(), TimeInterval::from_nanos(1000));
    }
}

#[test]
fn a_message_holds_records_of_one_master_and_none_is_lost_when_it_changes() {
    let mut net = Net::new(&[1; 3], &[&[(0, 1), (1, 1), (2, 1)]], |n, c| {
        c.priority1 = 10 + n as u8;
        c.client_only = n == 2;
        if n == 2 {
            let monitoring = &mut c.ports[0].options.slave_monitoring;
            (monitoring.rx_sync_timing, monitoring.rx_sync_computed, monitoring.records) = (true, true, 7);
        }
    });
    net.run(40);
    net.mute.push(0);
    net.run(40);
    assert_eq!(net.grandmaster(2), identity(1));
    let mut of = [0usize; 2];
    let (mut partial, mut changes, mut last) = (0, 0, None);
    for frame in signaling(&net, 2, TlvType::SLAVE_RX_SYNC_TIMING_DATA) {
        let Some(TlvValue::SlaveRxSyncTimingData(data)) = frame.tlv(TlvType::SLAVE_RX_SYNC_TIMING_DATA)
        else {
            panic!()
        };
        let before = last.replace(data.source_port_identity);
        changes += usize::from(before.is_some_and(|before| before != data.source_port_identity));
        let master = usize::from(data.source_port_identity == port_of(1, 1));
        assert!(master == 1 || data.source_port_identity == port_of(0, 1));
        of[master] += data.records.len();
        partial += usize::from(data.records.len() < 7);
    }
    let followed = net.sent_by(0, MessageType::Sync, 0).len();
    assert!(of[0] > 20 && of[0] <= followed && of[1] > 20, "{of:?} of {followed}");
    assert!((1..=2).contains(&changes) && partial <= changes, "{partial} with {changes} changes");
    assert!(of[0] % 7 == 0 || partial > 0);
}

#[test]
fn rate_ratios_are_told_where_they_are_measured() {
    let mut net = pair(|n, c| {
        c.options.collect_slave_events = n == 0;
        c.ports[0].delay = Delay::P2p;
        c.ports[0].options.slave_monitoring.rx_sync_computed = n == 1;
    });
    // The slave's clock gains 10 us each second: to it, the master is 10 ppm slow.
    for _ in 0..30 {
        net.run(1);
        net.ahead[1] += 10_000;
    }
    let told = signaling(&net, 1, TlvType::SLAVE_RX_SYNC_COMPUTED_DATA);
    let Some(TlvValue::SlaveRxSyncComputedData(data)) =
        told.last().and_then(|f| f.tlv(TlvType::SLAVE_RX_SYNC_COMPUTED_DATA))
    else {
        panic!()
    };
    assert!(data.computed_flags.has(ptp_wire::ComputedFlags::SCALED_NEIGHBOR_RATE_RATIO_VALID));
    let ppm = (data.records.get(0).unwrap().scaled_neighbor_rate_ratio.ratio() - 1.0) * 1e6;
    assert!((ppm + 10.0).abs() < 0.5, "{ppm}");
    let slave = *net.engines[0].monitored_slaves().next().unwrap();
    let kept = (slave.neighbor_rate_ratio.unwrap().ratio() - 1.0) * 1e6;
    assert!((kept + 10.0).abs() < 0.5, "{kept}");
    let newest = net.engines[0].monitored_records(slave.identity).next().unwrap();
    assert_eq!(newest.1.tlv_type, TlvType::SLAVE_RX_SYNC_COMPUTED_DATA.0);
    assert_eq!(Some(newest.1.rate), slave.neighbor_rate_ratio);
}

#[test]
fn the_cumulative_rate_is_told_as_it_came() {
    let mut net = pair(|n, c| {
        c.ports[0].delay = Delay::P2p;
        c.ports[0].gptp.follow_up_info = true;
        c.ports[0].options.slave_monitoring.rx_sync_timing = n == 1;
    });
    net.run(20);
    let told = signaling(&net, 1, TlvType::SLAVE_RX_SYNC_TIMING_DATA);
    let followed = net.sent_by(0, MessageType::FollowUp, 0);
    let Some(TlvValue::SlaveRxSyncTimingData(data)) = told[3].tlv(TlvType::SLAVE_RX_SYNC_TIMING_DATA) else {
        panic!()
    };
    let record = data.records.get(0).unwrap();
    let of = followed.iter().find(|f| f.message().header().sequence_id == record.sequence_id).unwrap();
    let TlvValue::Organization(_, ptp_wire::Organization::FollowUpInformation(info)) =
        of.message().tlvs().next().unwrap().decode().unwrap()
    else {
        panic!("no information")
    };
    assert_eq!(record.scaled_cumulative_rate_offset, info.cumulative_scaled_rate_offset);
}
