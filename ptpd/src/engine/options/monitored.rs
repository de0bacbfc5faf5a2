//! The monitor's end of slave event monitoring (1588-2019 16.11): who tells what, counted per sender, and the newest records
//! of each. The slaves' end is in `slave_monitoring`.

use std::collections::VecDeque;

use ptp_wire::management::MonitoredRecord;
use ptp_wire::{
    ComputedFlags, Message, PortIdentity, PortNumber, RateOffset, TimeInterval, Timestamp, TlvType, TlvValue,
};

use super::super::instance::Instance;
use super::super::port::Port;
use super::super::{Engine, Event, Instant};

/// Senders remembered; the longest silent makes room.
const MAX_MONITORED: usize = 1024;
/// Newest records kept of each sender and kind.
const MAX_KEPT: usize = 16;

/// A slave that tells how it is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MonitoredSlave {
    /// Who it is: sourcePortIdentity of its messages.
    pub identity: PortIdentity,
    /// The port its messages came in by.
    pub port: PortNumber,
    /// Messages.
    pub messages: u64,
    /// Records of SLAVE_RX_SYNC_TIMING_DATA.
    pub sync_timing: u64,
    /// Records of SLAVE_RX_SYNC_COMPUTED_DATA.
    pub sync_computed: u64,
    /// Records of SLAVE_TX_EVENT_TIMESTAMPS.
    pub tx_event_timestamps: u64,
    /// Records of SLAVE_DELAY_TIMING_DATA_NP.
    pub delay_timing: u64,
    /// Its master, as it says.
    pub master: Option<PortIdentity>,
    /// The last offset it told.
    pub offset_from_master: Option<TimeInterval>,
    /// The last mean delay it told.
    pub mean_path_delay: Option<TimeInterval>,
    /// The last neighborRateRatio it told.
    pub neighbor_rate_ratio: Option<RateOffset>,
    /// When it was heard last.
    pub last: Instant,
}

/// A slave and what it told.
#[derive(Debug)]
pub(in super::super) struct Sender {
    slave: MonitoredSlave,
    /// When each record came, newest first.
    told: VecDeque<(Instant, MonitoredRecord)>,
}

/// What one TLV came to.
struct Taken {
    source: PortIdentity,
    records: usize,
    worst_offset: Option<TimeInterval>,
}

impl Sender {
    fn keep(&mut self, now: Instant, record: MonitoredRecord) {
        let of_kind = |(_, r): &(Instant, MonitoredRecord)| r.tlv_type == record.tlv_type;
        if self.told.iter().filter(|r| of_kind(r)).count() >= MAX_KEPT
            && let Some(oldest) = self.told.iter().rposition(of_kind)
        {
            self.told.remove(oldest);
        }
        self.told.push_front((now, record));
    }

    /// `None`: a TLV of another kind.
    fn take(&mut self, now: Instant, tlv_type: TlvType, value: &TlvValue<'_>) -> Option<Taken> {
        let of = |source_port_identity| MonitoredRecord {
            tlv_type: tlv_type.0,
            sequence_id: 0,
            age_ms: 0,
            source_port_identity,
            detail: 0,
            first: Timestamp::ZERO,
            second: Timestamp::ZERO,
            correction: TimeInterval::ZERO,
            offset: TimeInterval::ZERO,
            delay: TimeInterval::ZERO,
            rate: RateOffset::ZERO,
        };
        let count = |counter: &mut u64, records: usize| *counter = counter.saturating_add(records as u64);
        let mut worst_offset = None;
        let (source, records) = match value {
            TlvValue::SlaveRxSyncTimingData(v) => {
                count(&mut self.slave.sync_timing, v.records.len());
                self.slave.master = Some(v.source_port_identity);
                for r in v.records.iter() {
                    let record = MonitoredRecord {
                        sequence_id: r.sequence_id,
                        first: r.sync_origin_timestamp,
                        second: r.sync_event_ingress_timestamp,
                        correction: r.total_correction_field,
                        rate: r.scaled_cumulative_rate_offset,
                        ..of(v.source_port_identity)
                    };
                    self.keep(now, record);
                }
                (v.source_port_identity, v.records.len())
            }
            TlvValue::SlaveRxSyncComputedData(v) => {
                count(&mut self.slave.sync_computed, v.records.len());
                self.slave.master = Some(v.source_port_identity);
                for r in v.records.iter() {
                    if v.computed_flags.has(ComputedFlags::OFFSET_FROM_MASTER_VALID) {
                        let offset = r.offset_from_master;
                        self.slave.offset_from_master = Some(offset);
                        worst_offset =
                            worst_offset.filter(|w: &TimeInterval| w.abs() >= offset.abs()).or(Some(offset));
                    }
                    if v.computed_flags.has(ComputedFlags::MEAN_PATH_DELAY_VALID) {
                        self.slave.mean_path_delay = Some(r.mean_path_delay);
                    }
                    if v.computed_flags.has(ComputedFlags::SCALED_NEIGHBOR_RATE_RATIO_VALID) {
                        self.slave.neighbor_rate_ratio = Some(r.scaled_neighbor_rate_ratio);
                    }
                    let record = MonitoredRecord {
                        sequence_id: r.sequence_id,
                        detail: v.computed_flags.0,
                        offset: r.offset_from_master,
                        delay: r.mean_path_delay,
                        rate: r.scaled_neighbor_rate_ratio,
                        ..of(v.source_port_identity)
                    };
                    self.keep(now, record);
                }
                (v.source_port_identity, v.records.len())
            }
            TlvValue::SlaveTxEventTimestamps(v) => {
                count(&mut self.slave.tx_event_timestamps, v.records.len());
                for r in v.records.iter() {
                    let record = MonitoredRecord {
                        sequence_id: r.sequence_id,
                        detail: v.event_message_type as u8,
                        first: r.event_egress_timestamp,
                        ..of(v.source_port_identity)
                    };
                    self.keep(now, record);
                }
                (v.source_port_identity, v.records.len())
            }
            TlvValue::SlaveDelayTimingDataNp(v) => {
                count(&mut self.slave.delay_timing, v.records.len());
                for r in v.records.iter() {
                    let record = MonitoredRecord {
                        sequence_id: r.sequence_id,
                        first: r.delay_origin_timestamp,
                        second: r.delay_response_timestamp,
                        correction: r.total_correction_field,
                        ..of(v.source_port_identity)
                    };
                    self.keep(now, record);
                }
                (v.source_port_identity, v.records.len())
            }
            _ => return None,
        };
        Some(Taken { source, records, worst_offset })
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(in super::super) struct Monitored(Vec<Sender>);

impl Monitored {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The entry of a sender, a new one if need be.
    fn of(&mut self, identity: PortIdentity, port: PortNumber, now: Instant) -> &mut Sender {
        let at = match self.0.iter().position(|m| m.slave.identity == identity) {
            Some(at) => at,
            None => {
                let slave = MonitoredSlave {
                    identity,
                    port,
                    messages: 0,
                    sync_timing: 0,
                    sync_computed: 0,
                    tx_event_timestamps: 0,
                    delay_timing: 0,
                    master: None,
                    offset_from_master: None,
                    mean_path_delay: None,
                    neighbor_rate_ratio: None,
                    last: now,
                };
                let new = Sender { slave, told: VecDeque::new() };
                match (0..self.0.len()).min_by_key(|i| self.0.get(*i).map(|m| m.slave.last)) {
                    Some(oldest) if self.0.len() >= MAX_MONITORED => {
                        self.0[oldest] = new;
                        oldest
                    }
                    _ => {
                        self.0.push(new);
                        self.0.len() - 1
                    }
                }
            }
        };
        let sender = &mut self.0[at];
        sender.slave.port = port;
        sender.slave.last = now;
        sender
    }
}

impl Port {
    /// Takes in a Signaling message's slave event monitoring TLVs. False: there is none, or nobody collects them.
    pub(in super::super) fn collect_slave_events(
        &mut self,
        instance: &mut Instance,
        message: &Message<'_>,
    ) -> bool {
        let port = self.number();
        if !instance.config.options.collect_slave_events {
            return false;
        }
        let (now, slave) = (instance.now, message.header().source_port_identity);
        let mut any = false;
        for tlv in message.tlvs() {
            let tlv_type = tlv.tlv_type;
            if !KINDS.contains(&tlv_type) {
                continue;
            }
            let Ok(value) = tlv.decode() else { continue };
            let sender = instance.options.monitored.of(slave, port, now);
            let Some(taken) = sender.take(now, tlv_type, &value) else { continue };
            sender.slave.messages = sender.slave.messages.saturating_add(u64::from(!any));
            any = true;
            instance.out.event(Event::SlaveEvents {
                port,
                slave,
                source: taken.source,
                tlv_type,
                records: u16::try_from(taken.records).unwrap_or(u16::MAX),
                worst_offset: taken.worst_offset,
            });
        }
        any
    }
}

/// What is collected.
const KINDS: [TlvType; 4] = [
    TlvType::SLAVE_RX_SYNC_TIMING_DATA,
    TlvType::SLAVE_RX_SYNC_COMPUTED_DATA,
    TlvType::SLAVE_TX_EVENT_TIMESTAMPS,
    TlvType::SLAVE_DELAY_TIMING_DATA_NP,
];

impl Engine {
    /// The slaves whose event monitoring messages came here (16.11).
    pub fn monitored_slaves(&self) -> impl ExactSizeIterator<Item = &MonitoredSlave> {
        self.instance.options.monitored.0.iter().map(|m| &m.slave)
    }

    /// What a slave told, newest first, up to 16 records of each kind: when each came, and the record, its `age_ms` zero.
    /// Nothing for a slave that was not heard.
    pub fn monitored_records(
        &self,
        slave: PortIdentity,
    ) -> impl Iterator<Item = &(Instant, MonitoredRecord)> {
        let sender = self.instance.options.monitored.0.iter().find(|m| m.slave.identity == slave);
        sender.into_iter().flat_map(|s| &s.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u16) -> PortIdentity {
        PortIdentity::new(ptp_wire::ClockIdentity::ZERO, n)
    }

    #[test]
    fn senders_are_bounded_and_the_longest_silent_makes_room() {
        let mut monitored = Monitored::default();
        for n in 0..3000 {
            monitored.of(id(n), PortNumber(1), Instant(n.into())).slave.messages += 1;
        }
        assert_eq!(monitored.0.len(), MAX_MONITORED);
        assert!(monitored.0.iter().all(|m| m.slave.identity.port_number.0 >= 3000 - 1024));
    }

    #[test]
    fn the_newest_records_of_each_kind_are_kept() {
        let mut monitored = Monitored::default();
        let sender = monitored.of(id(1), PortNumber(1), Instant(0));
        let transmitted =
            |n: u16| ptp_wire::TxEventTimestamp { sequence_id: n, event_egress_timestamp: Timestamp::ZERO };
        let one = [ptp_wire::SyncComputed {
            sequence_id: 7,
            offset_from_master: TimeInterval(1),
            mean_path_delay: TimeInterval(2),
            scaled_neighbor_rate_ratio: RateOffset(3),
        }];
        let computed = TlvValue::SlaveRxSyncComputedData(ptp_wire::SlaveRxSyncComputedData {
            source_port_identity: id(9),
            computed_flags: ComputedFlags(7),
            records: ptp_wire::Records::from(&one[..]),
        });
        assert!(sender.take(Instant(0), TlvType::SLAVE_RX_SYNC_COMPUTED_DATA, &computed).is_some());
        for n in 0..100 {
            let two = [transmitted(2 * n), transmitted(2 * n + 1)];
            let value = TlvValue::SlaveTxEventTimestamps(ptp_wire::SlaveTxEventTimestamps {
                source_port_identity: id(1),
                event_message_type: ptp_wire::MessageType::DelayReq,
                records: ptp_wire::Records::from(&two[..]),
            });
            sender.take(Instant(n.into()), TlvType::SLAVE_TX_EVENT_TIMESTAMPS, &value);
        }
        let told: Vec<u16> = sender.told.iter().map(|(_, r)| r.sequence_id).collect();
        // A lively kind does not drive out another one.
        let expected: Vec<u16> = (184..200).rev().chain([7]).collect();
        assert_eq!(told, expected);
        assert_eq!(sender.slave.tx_event_timestamps, 200);
        assert_eq!(sender.slave.neighbor_rate_ratio, Some(RateOffset(3)));
    }
}
