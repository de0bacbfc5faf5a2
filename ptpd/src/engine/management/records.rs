//! Pages of records: performance monitoring (annex J) and what slaves told (16.11). A GET says from where on; without data it
//! asks for the first page.

use ptp_wire::management::{
    ClockPerformance, ErrorId, MonitoredFlags, MonitoredRecord, MonitoredRecordsNp, MonitoredSlaveRow,
    MonitoredSlavesNp, Payload, PerformanceClockNp, PerformanceFlags, PerformancePortNp,
    PerformanceStatistic, PortPerformance,
};
use ptp_wire::{MessageType, PortIdentity, RateOffset, Records, TimeInterval};

use super::super::options::{LAST_RECORD, period};
use super::super::port::Port;
use super::super::{Engine, Instant, MonitoredSlave, Statistic};
use super::{MAX_VALUE, Request, emit};

/// Octets of the longest page's head, with managementId.
const HEAD: usize = 16;

/// Records of this length that one answer can hold.
const fn room(len: usize) -> usize {
    (MAX_VALUE - HEAD) / len
}

fn millis(from: Instant, to: Instant) -> u32 {
    u32::try_from(to.since(from).as_millis()).unwrap_or(u32::MAX)
}

fn statistic(s: &Statistic) -> PerformanceStatistic {
    PerformanceStatistic {
        count: u32::try_from(s.count()).unwrap_or(u32::MAX),
        average: s.average(),
        minimum: s.minimum(),
        maximum: s.maximum(),
        standard_deviation: s.standard_deviation(),
    }
}

fn flags(complete: bool, valid: bool) -> PerformanceFlags {
    PerformanceFlags::default()
        .with(PerformanceFlags::PERIOD_COMPLETE, complete)
        .with(PerformanceFlags::MEASUREMENT_VALID, valid)
}

fn length_ms(number: u8, complete: bool, start: Instant, now: Instant) -> u32 {
    u32::try_from(period(number, complete, start, now).as_millis()).unwrap_or(u32::MAX)
}

impl Engine {
    pub(super) fn get_performance(&self, request: &Request<'_>, value: &mut [u8]) -> Result<usize, ErrorId> {
        let performance = self.performance().ok_or(ErrorId::NOT_SUPPORTED)?;
        let from = match request.tlv.payload() {
            Ok(Payload::PerformanceClockNp(asked)) => asked.from,
            _ => 0,
        };
        let now = self.instance.now;
        let records: Vec<_> = (from..=LAST_RECORD)
            .filter_map(|number| Some((number, performance.clock_record(number)?)))
            .take(room(ClockPerformance::LEN))
            .map(|(number, r)| ClockPerformance {
                number,
                flags: flags(r.complete, r.valid),
                age_ms: millis(r.start, now),
                length_ms: length_ms(number, r.complete, r.start, now),
                master_slave_delay: statistic(&r.master_slave_delay),
                slave_master_delay: statistic(&r.slave_master_delay),
                mean_path_delay: statistic(&r.mean_path_delay),
                offset_from_master: statistic(&r.offset_from_master),
            })
            .collect();
        let page = PerformanceClockNp { from, records: Records::from(&records[..]) };
        emit(&Payload::PerformanceClockNp(page), value)
    }

    pub(super) fn get_port_performance(
        &self,
        request: &Request<'_>,
        port: &Port,
        value: &mut [u8],
    ) -> Result<usize, ErrorId> {
        self.performance().ok_or(ErrorId::NOT_SUPPORTED)?;
        let from = match request.tlv.payload() {
            Ok(Payload::PerformancePortNp(asked)) => asked.from,
            _ => 0,
        };
        let now = self.instance.now;
        let by_type = |counters: &[u64; 16]| {
            MessageType::ALL.map(|t| counters.get(t as usize).copied().unwrap_or_default())
        };
        let records: Vec<_> = (from..=LAST_RECORD)
            .filter_map(|number| Some((number, self.performance_port_record(port.number(), number)?)))
            .take(room(PortPerformance::LEN))
            .map(|(number, r)| PortPerformance {
                number,
                flags: flags(r.complete, r.mean_link_delay.count() > 0),
                age_ms: millis(r.start, now),
                length_ms: length_ms(number, r.complete, r.start, now),
                mean_link_delay: statistic(&r.mean_link_delay),
                rx: by_type(&r.rx),
                tx: by_type(&r.tx),
                dropped: r.dropped,
            })
            .collect();
        let page = PerformancePortNp { from, records: Records::from(&records[..]) };
        emit(&Payload::PerformancePortNp(page), value)
    }

    pub(super) fn get_monitored_slaves(
        &self,
        request: &Request<'_>,
        value: &mut [u8],
    ) -> Result<usize, ErrorId> {
        self.collects()?;
        let from = match request.tlv.payload() {
            Ok(Payload::MonitoredSlavesNp(asked)) => asked.from,
            _ => 0,
        };
        let now = self.instance.now;
        let all = self.monitored_slaves();
        let total = u16::try_from(all.len()).unwrap_or(u16::MAX);
        let slaves: Vec<_> =
            all.skip(from.into()).take(room(MonitoredSlaveRow::LEN)).map(|s| row(s, now)).collect();
        let page = MonitoredSlavesNp { from, total, slaves: Records::from(&slaves[..]) };
        emit(&Payload::MonitoredSlavesNp(page), value)
    }

    pub(super) fn get_monitored_records(
        &self,
        request: &Request<'_>,
        value: &mut [u8],
    ) -> Result<usize, ErrorId> {
        self.collects()?;
        let asked = match request.tlv.payload() {
            Ok(Payload::MonitoredRecordsNp(asked)) => asked,
            // Nobody's: nothing.
            _ => MonitoredRecordsNp::default(),
        };
        let nobody = PortIdentity::default();
        if asked.slave != nobody && !self.monitored_slaves().any(|s| s.identity == asked.slave) {
            return Err(ErrorId::WRONG_VALUE);
        }
        let now = self.instance.now;
        let all: Vec<_> = self.monitored_records(asked.slave).collect();
        let records: Vec<_> = all
            .iter()
            .skip(asked.from.into())
            .take(room(MonitoredRecord::LEN))
            .map(|(came, record)| MonitoredRecord { age_ms: millis(*came, now), ..*record })
            .collect();
        let total = u16::try_from(all.len()).unwrap_or(u16::MAX);
        let page = MonitoredRecordsNp { total, records: Records::from(&records[..]), ..asked };
        emit(&Payload::MonitoredRecordsNp(page), value)
    }

    /// Slaves are listened to at all.
    fn collects(&self) -> Result<(), ErrorId> {
        if self.instance.config.options.collect_slave_events { Ok(()) } else { Err(ErrorId::NOT_SUPPORTED) }
    }
}

fn row(s: &MonitoredSlave, now: Instant) -> MonitoredSlaveRow {
    MonitoredSlaveRow {
        slave: s.identity,
        port: s.port.0,
        age_ms: millis(s.last, now),
        messages: s.messages,
        sync_timing: s.sync_timing,
        sync_computed: s.sync_computed,
        tx_event_timestamps: s.tx_event_timestamps,
        delay_timing: s.delay_timing,
        flags: MonitoredFlags::default()
            .with(MonitoredFlags::MASTER, s.master.is_some())
            .with(MonitoredFlags::OFFSET_FROM_MASTER, s.offset_from_master.is_some())
            .with(MonitoredFlags::MEAN_PATH_DELAY, s.mean_path_delay.is_some())
            .with(MonitoredFlags::NEIGHBOR_RATE_RATIO, s.neighbor_rate_ratio.is_some()),
        master: s.master.unwrap_or_default(),
        offset_from_master: s.offset_from_master.unwrap_or(TimeInterval::ZERO),
        mean_path_delay: s.mean_path_delay.unwrap_or(TimeInterval::ZERO),
        scaled_neighbor_rate_ratio: s.neighbor_rate_ratio.unwrap_or(RateOffset::ZERO),
    }
}
