//! Slave event monitoring (1588-2019 16.11): the slave's end. The monitor's is in `monitored`.
//!
//! A client port gathers what it measured and sends it in Signaling messages, so many records in one:
//!
//! | TLV | holds, of each Sync or Delay_Req |
//! |---|---|
//! | SLAVE_RX_SYNC_TIMING_DATA | t1, corrections, t2 |
//! | SLAVE_RX_SYNC_COMPUTED_DATA | offset from the master, mean delay |
//! | SLAVE_TX_EVENT_TIMESTAMPS | t3 |
//!
//! and, in linuxptp's way, each at once to a UNIX socket: SLAVE_RX_SYNC_TIMING_DATA and SLAVE_DELAY_TIMING_DATA_NP.

use ptp_wire::{
    Body, ComputedFlags, DelayTiming, Header, LogInterval, MessageType, PortIdentity, RateOffset, Records,
    SlaveDelayTimingDataNp, SlaveRxSyncComputedData, SlaveRxSyncTimingData, SlaveTxEventTimestamps,
    SyncComputed, SyncTiming, TimeInterval, TimePoint, TlvValue, TxEventTimestamp, Writer,
};

use super::super::instance::Instance;
use super::super::outbox::{Outbox, Route};
use super::super::port::{Port, take};
use super::super::sync::SyncPair;
use super::super::{Address, Delay, Destination, MessageClass};

/// [`Output::LocalReply`](super::super::Output::LocalReply) to this peer goes to the socket of the slave event monitor.
pub const MONITOR_PEER: u32 = u32::MAX;
/// Records in one message at most: the longest TLV of them fits one Ethernet frame.
const MAX_RECORDS: u8 = 32;

/// Where slave event monitoring messages go.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum MonitorDestination {
    /// To the group of all messages but peer delay's.
    #[default]
    Multicast,
    /// To one monitor.
    Unicast(Address),
}

/// slaveMonitoringPortDS (16.11.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SlaveMonitoring {
    /// Bit 0 of the enable bits: SLAVE_RX_SYNC_TIMING_DATA is sent.
    pub rx_sync_timing: bool,
    /// Bit 1: SLAVE_RX_SYNC_COMPUTED_DATA is sent.
    pub rx_sync_computed: bool,
    /// Bit 2: SLAVE_TX_EVENT_TIMESTAMPS is sent, of Delay_Req or Pdelay_Req.
    pub tx_event_timestamps: bool,
    /// Records per TLV, 1..=32.
    pub records: u8,
    /// Every so many events one is recorded; 1: all. 0 counts as 1.
    pub every: u16,
    /// Where they go.
    pub destination: MonitorDestination,
}

impl Default for SlaveMonitoring {
    /// Nothing is sent.
    fn default() -> Self {
        Self {
            rx_sync_timing: false,
            rx_sync_computed: false,
            tx_event_timestamps: false,
            records: 1,
            every: 1,
            destination: MonitorDestination::Multicast,
        }
    }
}

/// Records that wait for their message, and how many events came since the last one.
#[derive(Debug)]
struct Batch<T> {
    records: Vec<T>,
    /// sourcePortIdentity that they are of.
    source: PortIdentity,
    skipped: u16,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { records: Vec::new(), source: PortIdentity::ANY, skipped: 0 }
    }
}

impl<T> Batch<T> {
    /// There are records of another source: they have to go first.
    fn is_of_another(&self, source: PortIdentity) -> bool {
        !self.records.is_empty() && self.source != source
    }

    /// Takes in every `every`th. True: as many are there as a message is to have.
    fn push(&mut self, config: &SlaveMonitoring, source: PortIdentity, record: T) -> bool {
        self.skipped = self.skipped.saturating_add(1);
        if self.skipped < config.every {
            return false;
        }
        self.skipped = 0;
        self.source = source;
        self.records.push(record);
        self.records.len() >= usize::from(config.records.clamp(1, MAX_RECORDS))
    }
}

/// What a port has gathered.
#[derive(Debug, Default)]
pub(in super::super) struct Gathered {
    timing: Batch<SyncTiming>,
    computed: Batch<SyncComputed>,
    /// The records of `computed` have a neighborRateRatio.
    rate_known: bool,
    transmitted: Batch<TxEventTimestamp>,
    sequence_id: u16,
}

impl Port {
    /// A Sync has been matched with its Follow_Up.
    pub(in super::super) fn monitor_sync_timing(&mut self, instance: &mut Instance, pair: &SyncPair) {
        let config = self.config.options.slave_monitoring;
        if !config.rx_sync_timing && !instance.config.options.slave_event_socket {
            return;
        }
        let record = SyncTiming {
            sequence_id: pair.sequence_id,
            sync_origin_timestamp: (pair.origin - pair.correction).split().0,
            total_correction_field: pair.correction,
            // As it came; where nothing was told, the master is the grandmaster as far as is known.
            scaled_cumulative_rate_offset: pair
                .information
                .map_or(RateOffset::ZERO, |i| i.cumulative_scaled_rate_offset),
            sync_event_ingress_timestamp: pair.ingress.split().0,
        };
        let source_port_identity = instance.parent.parent_port_identity;
        if instance.config.options.slave_event_socket {
            let one = [record];
            let records = Records::from(&one[..]);
            let tlv =
                TlvValue::SlaveRxSyncTimingData(SlaveRxSyncTimingData { source_port_identity, records });
            self.send_to_monitor_socket(instance, &tlv);
        }
        if !config.rx_sync_timing {
            return;
        }
        if self.options.gathered.timing.is_of_another(source_port_identity) {
            self.send_sync_timing(instance);
        }
        if self.options.gathered.timing.push(&config, source_port_identity, record) {
            self.send_sync_timing(instance);
        }
    }

    fn send_sync_timing(&mut self, instance: &mut Instance) {
        let mut records = core::mem::take(&mut self.options.gathered.timing.records);
        let tlv = TlvValue::SlaveRxSyncTimingData(SlaveRxSyncTimingData {
            source_port_identity: self.options.gathered.timing.source,
            records: Records::from(&records[..]),
        });
        self.send_to_monitor(instance, &tlv);
        records.clear();
        self.options.gathered.timing.records = records;
    }

    /// An offset has come out.
    pub(in super::super) fn monitor_sync_computed(
        &mut self,
        instance: &mut Instance,
        sequence_id: u16,
        offset_from_master: TimeInterval,
        mean_path_delay: TimeInterval,
    ) {
        let config = self.config.options.slave_monitoring;
        if !config.rx_sync_computed {
            return;
        }
        let ratio = self.gptp.neighbor_ratio();
        let record = SyncComputed {
            sequence_id,
            offset_from_master,
            mean_path_delay,
            scaled_neighbor_rate_ratio: ratio.map_or(RateOffset::ZERO, RateOffset::from_ratio),
        };
        let source = instance.parent.parent_port_identity;
        let gathered = &self.options.gathered;
        // One word on validity goes for all records of a message.
        let other_kind = !gathered.computed.records.is_empty() && gathered.rate_known != ratio.is_some();
        if gathered.computed.is_of_another(source) || other_kind {
            self.send_sync_computed(instance);
        }
        self.options.gathered.rate_known = ratio.is_some();
        if self.options.gathered.computed.push(&config, source, record) {
            self.send_sync_computed(instance);
        }
    }

    fn send_sync_computed(&mut self, instance: &mut Instance) {
        let measured = self.config.delay != Delay::None;
        let computed_flags = ComputedFlags::OFFSET_FROM_MASTER_VALID
            .with(ComputedFlags::MEAN_PATH_DELAY_VALID, measured)
            .with(ComputedFlags::SCALED_NEIGHBOR_RATE_RATIO_VALID, self.options.gathered.rate_known);
        let mut records = core::mem::take(&mut self.options.gathered.computed.records);
        let tlv = TlvValue::SlaveRxSyncComputedData(SlaveRxSyncComputedData {
            source_port_identity: self.options.gathered.computed.source,
            computed_flags,
            records: Records::from(&records[..]),
        });
        self.send_to_monitor(instance, &tlv);
        records.clear();
        self.options.gathered.computed.records = records;
    }

    /// A Delay_Req or Pdelay_Req has left.
    pub(in super::super) fn monitor_transmitted(
        &mut self,
        instance: &mut Instance,
        event_message_type: MessageType,
        sequence_id: u16,
        egress: TimePoint,
    ) {
        let config = self.config.options.slave_monitoring;
        let record = TxEventTimestamp { sequence_id, event_egress_timestamp: egress.split().0 };
        if !config.tx_event_timestamps || !self.options.gathered.transmitted.push(&config, self.id, record) {
            return;
        }
        let mut records = core::mem::take(&mut self.options.gathered.transmitted.records);
        let tlv = TlvValue::SlaveTxEventTimestamps(SlaveTxEventTimestamps {
            source_port_identity: self.id,
            event_message_type,
            records: Records::from(&records[..]),
        });
        self.send_to_monitor(instance, &tlv);
        records.clear();
        self.options.gathered.transmitted.records = records;
    }

    /// A delay has been measured: `backward` is t4 - t3 less the correction.
    pub(in super::super) fn monitor_delay(
        &mut self,
        instance: &mut Instance,
        sequence_id: u16,
        t3: TimePoint,
        t4: TimePoint,
        correction: TimeInterval,
    ) {
        if !instance.config.options.slave_event_socket {
            return;
        }
        let one = [DelayTiming {
            sequence_id,
            delay_origin_timestamp: t3.split().0,
            total_correction_field: correction,
            delay_response_timestamp: (t4 + correction).split().0,
        }];
        let tlv = TlvValue::SlaveDelayTimingDataNp(SlaveDelayTimingDataNp {
            source_port_identity: instance.parent.parent_port_identity,
            records: Records::from(&one[..]),
        });
        self.send_to_monitor_socket(instance, &tlv);
    }

    fn monitoring_header(&mut self, instance: &Instance) -> Header {
        let mut header = self.header(instance, MessageType::Signaling);
        header.sequence_id = take(&mut self.options.gathered.sequence_id);
        header.log_message_interval = LogInterval::NOT_APPLICABLE;
        header
    }

    fn send_to_monitor(&mut self, instance: &mut Instance, tlv: &TlvValue<'_>) {
        let destination = match self.config.options.slave_monitoring.destination {
            MonitorDestination::Multicast => Destination::Primary,
            MonitorDestination::Unicast(address) => Destination::Unicast(address),
        };
        let mut header = self.monitoring_header(instance);
        header.flags =
            header.flags.with(ptp_wire::Flags::UNICAST, matches!(destination, Destination::Unicast(_)));
        let route = Route { port: self.number(), class: MessageClass::General, destination, stamp: None };
        let written = instance.out.transmit(route, Outbox::MAX_MESSAGE, |buf| signaling(buf, &header, tlv));
        if written.is_ok() {
            self.stats.sent(MessageType::Signaling);
        }
    }

    fn send_to_monitor_socket(&mut self, instance: &mut Instance, tlv: &TlvValue<'_>) {
        let header = self.monitoring_header(instance);
        // Cannot fail: a record fits.
        let _ = instance.out.local_reply(MONITOR_PEER, |buf| signaling(buf, &header, tlv));
    }
}

fn signaling(buf: &mut [u8], header: &Header, tlv: &TlvValue<'_>) -> Result<usize, ptp_wire::WireError> {
    let body = Body::Signaling { target_port_identity: PortIdentity::ANY };
    let mut w = Writer::new(buf, header, &body)?;
    w.tlv_value(tlv)?;
    Ok(w.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_every_so_many_is_taken_and_a_batch_is_full_at_its_size() {
        let config = SlaveMonitoring { every: 3, records: 2, ..SlaveMonitoring::default() };
        let mut batch = Batch::default();
        let full: Vec<bool> = (0..6).map(|i| batch.push(&config, PortIdentity::ANY, i)).collect();
        assert_eq!((full, &batch.records[..]), (vec![false, false, false, false, false, true], &[2, 5][..]));
        // No size, no decimation: as one.
        let config = SlaveMonitoring { every: 0, records: 0, ..SlaveMonitoring::default() };
        assert!(Batch::default().push(&config, PortIdentity::ANY, 0));
        assert!(batch.is_of_another(PortIdentity::new(ptp_wire::ClockIdentity::ZERO, 1)));
        assert!(!batch.is_of_another(PortIdentity::ANY));
    }
}
