//! Records of measurements, paged: performance monitoring (1588-2019 annex J) and slave event monitoring (16.11).
//!
//! The standard gives these data sets no management ID, so these are ours. Each page begins with what was asked for, so that
//! a GET that carries a page without records is the question for it; a GET without data asks for the first page.

use crate::field::{bits, layout};
use crate::octets::{Cursor, Reader};
use crate::tlv::record;
use crate::{
    ComputedFlags, MessageType, PortIdentity, RateOffset, Records, TimeInterval, Timestamp, TlvType,
    WireError,
};

bits! {
    /// What is known of a performance record.
    PerformanceFlags {
        /// periodComplete: its time is over.
        PERIOD_COMPLETE = 0,
        /// measurementValid: something was measured in it. Of ports: a link delay.
        MEASUREMENT_VALID = 1,
    }
}

/// What is said of one quantity in one period. The values are `i64::MAX` where there is no sample.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PerformanceStatistic {
    /// Samples.
    pub count: u32,
    /// average.
    pub average: TimeInterval,
    /// minimum.
    pub minimum: TimeInterval,
    /// maximum.
    pub maximum: TimeInterval,
    /// stddev.
    pub standard_deviation: TimeInterval,
}

impl PerformanceStatistic {
    /// Octets on the wire.
    pub const LEN: usize = 36;

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            count: r.u32()?,
            average: TimeInterval::read(r)?,
            minimum: TimeInterval::read(r)?,
            maximum: TimeInterval::read(r)?,
            standard_deviation: TimeInterval::read(r)?,
        })
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u32(self.count)?;
        [self.average, self.minimum, self.maximum, self.standard_deviation]
            .into_iter()
            .try_for_each(|v| v.write(w))
    }
}

layout! {
    /// A clock's record (J.5.2).
    #[derive(Eq)]
    ClockPerformance {
        /// 0: the current 15 minutes; 1 to 96: those before, newest first; 97: the current 24 hours; 98: those before.
        number: u8,
        /// What is known of it.
        flags: PerformanceFlags,
        /// Since its period began, in ms.
        age_ms: u32,
        /// Of its period so far, in ms.
        length_ms: u32,
        /// masterSlaveDelay.
        master_slave_delay: PerformanceStatistic,
        /// slaveMasterDelay.
        slave_master_delay: PerformanceStatistic,
        /// meanPathDelay.
        mean_path_delay: PerformanceStatistic,
        /// offsetFromMaster.
        offset_from_master: PerformanceStatistic,
    }
}

layout! {
    /// A port's record (J.5.3 and J.5.4).
    #[derive(Eq)]
    PortPerformance {
        /// As of [`ClockPerformance::number`].
        number: u8,
        /// What is known of it.
        flags: PerformanceFlags,
        /// Since its period began, in ms.
        age_ms: u32,
        /// Of its period so far, in ms.
        length_ms: u32,
        /// meanLinkDelay, of P2P ports.
        mean_link_delay: PerformanceStatistic,
        /// Messages received, in the order of [`MessageType::ALL`].
        rx: [u64; MessageType::ALL.len()],
        /// Messages sent, in the same order.
        tx: [u64; MessageType::ALL.len()],
        /// Messages dropped.
        dropped: u64,
    }
}

bits! {
    /// What is known of a slave that tells what it measures.
    MonitoredFlags {
        /// It named its master.
        MASTER = 0,
        /// It told an offset.
        OFFSET_FROM_MASTER = 1,
        /// It told a mean delay.
        MEAN_PATH_DELAY = 2,
        /// It told a neighborRateRatio.
        NEIGHBOR_RATE_RATIO = 3,
    }
}

layout! {
    /// A slave that tells a monitor what it measures.
    #[derive(Eq)]
    MonitoredSlaveRow {
        /// Who it is.
        slave: PortIdentity,
        /// The port its messages came in by.
        port: u16,
        /// Since its last message, in ms.
        age_ms: u32,
        /// Messages.
        messages: u64,
        /// Records of SLAVE_RX_SYNC_TIMING_DATA.
        sync_timing: u64,
        /// Records of SLAVE_RX_SYNC_COMPUTED_DATA.
        sync_computed: u64,
        /// Records of SLAVE_TX_EVENT_TIMESTAMPS.
        tx_event_timestamps: u64,
        /// Records of SLAVE_DELAY_TIMING_DATA_NP.
        delay_timing: u64,
        /// Which of the following are known.
        flags: MonitoredFlags => reserved 1,
        /// Its master.
        master: PortIdentity,
        /// The last offsetFromMaster it told.
        offset_from_master: TimeInterval,
        /// The last meanPathDelay it told.
        mean_path_delay: TimeInterval,
        /// The last neighborRateRatio it told.
        scaled_neighbor_rate_ratio: RateOffset,
    }
}

layout! {
    /// One record that a slave told. Fields that its kind does not have are zero.
    ///
    /// | `tlv_type` | `detail` | `first` | `second` | `correction` | `offset`, `delay` | `rate` |
    /// |---|---|---|---|---|---|---|
    /// | SLAVE_RX_SYNC_TIMING_DATA | | syncOriginTimestamp | syncEventIngressTimestamp | totalCorrectionField | | scaledCumulativeRateOffset |
    /// | SLAVE_RX_SYNC_COMPUTED_DATA | computedFlags | | | | offsetFromMaster, meanPathDelay | scaledNeighborRateRatio |
    /// | SLAVE_TX_EVENT_TIMESTAMPS | eventMessageType | eventEgressTimestamp | | | | |
    /// | SLAVE_DELAY_TIMING_DATA_NP | | delayOriginTimestamp | delayResponseTimestamp | totalCorrectionField | | |
    #[derive(Eq)]
    MonitoredRecord {
        /// The TLV it came in.
        tlv_type: u16,
        /// sequenceId.
        sequence_id: u16,
        /// Since it came, in ms.
        age_ms: u32,
        /// sourcePortIdentity of the TLV.
        source_port_identity: PortIdentity,
        /// computedFlags or eventMessageType.
        detail: u8 => reserved 1,
        /// See the table.
        first: Timestamp,
        /// See the table.
        second: Timestamp,
        /// totalCorrectionField.
        correction: TimeInterval,
        /// offsetFromMaster.
        offset: TimeInterval,
        /// meanPathDelay.
        delay: TimeInterval,
        /// See the table.
        rate: RateOffset,
    }
}

impl MonitoredRecord {
    /// The TLV it came in.
    pub const fn kind(&self) -> TlvType {
        TlvType(self.tlv_type)
    }

    /// computedFlags of a SLAVE_RX_SYNC_COMPUTED_DATA.
    pub const fn computed_flags(&self) -> ComputedFlags {
        ComputedFlags(self.detail)
    }
}

record!(ClockPerformance, PortPerformance, MonitoredSlaveRow, MonitoredRecord);

/// All that is left is records.
fn rest<'a, T: crate::Record>(r: &mut Reader<'a>) -> Result<Records<'a, T>, WireError> {
    Records::parse(r.take(r.rest().len())?)
}

/// Writes the records of a page, one after the other.
fn put<T: crate::Record>(records: &Records<'_, T>, w: &mut Cursor<'_>) -> Result<(), WireError> {
    // The longest of them.
    let mut room = [0; PortPerformance::LEN];
    for record in records.iter() {
        let len = record.to_octets(&mut room)?;
        w.put(room.get(..len).unwrap_or(&[]))?;
    }
    Ok(())
}

/// PERFORMANCE_CLOCK_NP: a page of a clock's performance records.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PerformanceClockNp<'a> {
    /// Records from this number on.
    pub from: u8,
    /// As many as a message holds, by number. None: there is none from there on.
    pub records: Records<'a, ClockPerformance>,
}

impl<'a> PerformanceClockNp<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let [from, _reserved] = r.array()?;
        Ok(Self { from, records: rest(r)? })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&[self.from, 0])?;
        put(&self.records, w)
    }
}

/// PERFORMANCE_PORT_NP: a page of a port's performance records.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PerformancePortNp<'a> {
    /// Records from this number on.
    pub from: u8,
    /// As many as a message holds, by number. None: there is none from there on.
    pub records: Records<'a, PortPerformance>,
}

impl<'a> PerformancePortNp<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let [from, _reserved] = r.array()?;
        Ok(Self { from, records: rest(r)? })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&[self.from, 0])?;
        put(&self.records, w)
    }
}

/// MONITORED_SLAVES_NP: a page of the slaves that tell this clock what they measure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MonitoredSlavesNp<'a> {
    /// Slaves from this place on, from 0.
    pub from: u16,
    /// How many there are in all.
    pub total: u16,
    /// As many as a message holds.
    pub slaves: Records<'a, MonitoredSlaveRow>,
}

impl<'a> MonitoredSlavesNp<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        Ok(Self { from: r.u16()?, total: r.u16()?, slaves: rest(r)? })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u16(self.from)?;
        w.u16(self.total)?;
        put(&self.slaves, w)
    }
}

/// MONITORED_RECORDS_NP: a page of what one slave told, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MonitoredRecordsNp<'a> {
    /// Whose.
    pub slave: PortIdentity,
    /// Records from this place on, from 0, which is the newest.
    pub from: u16,
    /// How many there are in all.
    pub total: u16,
    /// As many as a message holds.
    pub records: Records<'a, MonitoredRecord>,
}

impl<'a> MonitoredRecordsNp<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        Ok(Self { slave: PortIdentity::read(r)?, from: r.u16()?, total: r.u16()?, records: rest(r)? })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.slave.write(w)?;
        w.u16(self.from)?;
        w.u16(self.total)?;
        put(&self.records, w)
    }
}
