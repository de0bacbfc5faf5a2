//! The fields of performance records (annex J) and of what slaves told a monitor (16.11): a row for each.

use ptp_wire::management::{
    ClockPerformance, MonitoredFlags, MonitoredRecord, MonitoredSlaveRow, PerformanceFlags,
    PerformanceStatistic, PortPerformance,
};
use ptp_wire::{ComputedFlags, MessageType, RateOffset, TimeInterval, TlvType};

use crate::fields::{Field, Fields, RX, TX, Value, text, uint};

/// Names of one quantity's count, average, minimum, maximum and standard deviation.
type Names = [&'static str; 5];

/// The members of one statistic, by the quantity's name.
macro_rules! names {
    ($name:literal) => {
        [
            concat!($name, "Samples"),
            concat!($name, "Average"),
            concat!($name, "Minimum"),
            concat!($name, "Maximum"),
            concat!($name, "StdDev"),
        ]
    };
}

const FORWARD: Names = names!("masterSlaveDelay");
const BACKWARD: Names = names!("slaveMasterDelay");
const DELAY: Names = names!("meanPathDelay");
const OFFSET: Names = names!("offsetFromMaster");
const LINK: Names = names!("meanLinkDelay");

/// What stands for no value (1588-2019 5.3.2).
const INVALID: TimeInterval = TimeInterval(i64::MAX);

fn interval(t: TimeInterval) -> Value {
    if t == INVALID { Value::Unknown } else { Value::Tenths(t) }
}

fn known(is: bool, value: Value) -> Value {
    if is { value } else { Value::Unknown }
}

fn rate(r: RateOffset) -> Value {
    Value::Rate(r.ratio() - 1.0)
}

fn statistic(
    f: Fields,
    [count, average, minimum, maximum, deviation]: Names,
    s: &PerformanceStatistic,
) -> Fields {
    f.add(count, uint(s.count))
        .add(average, interval(s.average))
        .add(minimum, interval(s.minimum))
        .add(maximum, interval(s.maximum))
        .add(deviation, interval(s.standard_deviation))
}

fn period(number: u8, flags: PerformanceFlags, age_ms: u32, length_ms: u32) -> Fields {
    Fields::with_width(0)
        .add("number", uint(number))
        .add("periodComplete", Value::Bit(flags.has(PerformanceFlags::PERIOD_COMPLETE)))
        .add("measurementValid", Value::Bit(flags.has(PerformanceFlags::MEASUREMENT_VALID)))
        .add("ageMs", uint(age_ms))
        .add("lengthMs", uint(length_ms))
}

pub(crate) fn clock_performance(r: &ClockPerformance) -> Vec<Field> {
    let f = period(r.number, r.flags, r.age_ms, r.length_ms);
    let f = statistic(f, OFFSET, &r.offset_from_master);
    let f = statistic(f, DELAY, &r.mean_path_delay);
    let f = statistic(f, FORWARD, &r.master_slave_delay);
    statistic(f, BACKWARD, &r.slave_master_delay).fields
}

pub(crate) fn port_performance(r: &PortPerformance) -> Vec<Field> {
    let f = statistic(period(r.number, r.flags, r.age_ms, r.length_ms), LINK, &r.mean_link_delay);
    let f = RX.into_iter().zip(r.rx).fold(f, |f, (label, n)| f.add(label, uint(n)));
    let f = TX.into_iter().zip(r.tx).fold(f, |f, (label, n)| f.add(label, uint(n)));
    f.add("dropped", uint(r.dropped)).fields
}

pub(crate) fn slave(s: &MonitoredSlaveRow) -> Vec<Field> {
    let has = |flag| s.flags.has(flag);
    let f = Fields::with_width(0)
        .add("portIdentity", text(s.slave))
        .add("port", uint(s.port))
        .add("ageMs", uint(s.age_ms))
        .add("messages", uint(s.messages))
        .add("syncTiming", uint(s.sync_timing))
        .add("syncComputed", uint(s.sync_computed))
        .add("txEventTimestamps", uint(s.tx_event_timestamps))
        .add("delayTiming", uint(s.delay_timing))
        .add("master", known(has(MonitoredFlags::MASTER), text(s.master)))
        .add(
            "offsetFromMaster",
            known(has(MonitoredFlags::OFFSET_FROM_MASTER), Value::Tenths(s.offset_from_master)),
        )
        .add("meanPathDelay", known(has(MonitoredFlags::MEAN_PATH_DELAY), Value::Tenths(s.mean_path_delay)))
        .add(
            "neighborRateOffset",
            known(has(MonitoredFlags::NEIGHBOR_RATE_RATIO), rate(s.scaled_neighbor_rate_ratio)),
        );
    f.fields
}

pub(crate) fn monitored(r: &MonitoredRecord) -> Vec<Field> {
    let f = Fields::with_width(0)
        .add("tlv", text(r.kind().name().map_or_else(|| format!("{:#06x}", r.tlv_type), str::to_owned)))
        .add("ageMs", uint(r.age_ms))
        .add("sourcePortIdentity", text(r.source_port_identity))
        .add("sequenceId", uint(r.sequence_id));
    let f = match r.kind() {
        TlvType::SLAVE_RX_SYNC_TIMING_DATA => f
            .add("syncOriginTimestamp", text(r.first))
            .add("totalCorrectionField", Value::Tenths(r.correction))
            .add("cumulativeRateOffset", rate(r.rate))
            .add("syncEventIngressTimestamp", text(r.second)),
        TlvType::SLAVE_RX_SYNC_COMPUTED_DATA => {
            let valid = |flag| r.computed_flags().has(flag);
            f.add(
                "offsetFromMaster",
                known(valid(ComputedFlags::OFFSET_FROM_MASTER_VALID), Value::Tenths(r.offset)),
            )
            .add("meanPathDelay", known(valid(ComputedFlags::MEAN_PATH_DELAY_VALID), Value::Tenths(r.delay)))
            .add(
                "neighborRateOffset",
                known(valid(ComputedFlags::SCALED_NEIGHBOR_RATE_RATIO_VALID), rate(r.rate)),
            )
        }
        TlvType::SLAVE_TX_EVENT_TIMESTAMPS => {
            let message =
                MessageType::from_nibble(r.detail & 0x0f).map_or_else(|| "???".to_owned(), |t| t.to_string());
            f.add("eventMessageType", text(message)).add("eventEgressTimestamp", text(r.first))
        }
        TlvType::SLAVE_DELAY_TIMING_DATA_NP => f
            .add("delayOriginTimestamp", text(r.first))
            .add("totalCorrectionField", Value::Tenths(r.correction))
            .add("delayResponseTimestamp", text(r.second)),
        _ => f,
    };
    f.fields
}
