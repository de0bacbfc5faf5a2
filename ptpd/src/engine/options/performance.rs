//! Performance monitoring (1588-2019 annex J): what was measured, in records of 15 minutes and of 24 hours.
//!
//! | record | what |
//! |---|---|
//! | 0 | the current 15 minutes |
//! | 1 to 96 | the 15 minutes before, newest first |
//! | 97 | the current 24 hours |
//! | 98 | the 24 hours before |
//!
//! Periods begin when monitoring does: the engine knows no time of day. Memory is bounded by the table above.

use core::time::Duration;
use std::collections::VecDeque;

use ptp_wire::{PortNumber, TimeInterval};

use super::super::port::Port;
use super::super::stats::PortStats;
use super::super::{Event, Instant};

const QUARTER: Duration = Duration::from_secs(15 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Records of 15 minutes that are over.
const QUARTERS: usize = 96;
/// The last record's number.
pub(in super::super) const LAST_RECORD: u8 = 98;

/// How long the period of a record lasts that began at `start`: until now, where it is not over.
pub(in super::super) fn period(number: u8, complete: bool, start: Instant, now: Instant) -> Duration {
    match (complete, number) {
        (false, _) => now.since(start),
        (true, 0..=96) => QUARTER,
        (true, _) => DAY,
    }
}

/// What is said of one quantity in one period (J.5.1). Kept as sums: exact enough for a day of 128 samples a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistic {
    count: u64,
    /// In ns.
    mean: f64,
    /// Sum of squared differences from the mean.
    squares: f64,
    min: TimeInterval,
    max: TimeInterval,
}

impl Statistic {
    /// What stands for a value that there is none of (5.3.2).
    pub const INVALID: TimeInterval = TimeInterval(i64::MAX);

    fn push(&mut self, value: TimeInterval) {
        if self.count == 0 {
            self.min = value;
            self.max = value;
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.count += 1;
        let ns = value.nanos_f64();
        let delta = ns - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (ns - self.mean);
    }

    /// Samples in it.
    pub const fn count(&self) -> u64 {
        self.count
    }

    fn valid(&self, value: TimeInterval) -> TimeInterval {
        if self.count == 0 { Self::INVALID } else { value }
    }

    /// average; [`Statistic::INVALID`] without samples, as all of these.
    pub fn average(&self) -> TimeInterval {
        self.valid(TimeInterval::from_nanos_f64(self.mean))
    }

    /// minimum.
    pub fn minimum(&self) -> TimeInterval {
        self.valid(self.min)
    }

    /// maximum.
    pub fn maximum(&self) -> TimeInterval {
        self.valid(self.max)
    }

    /// stddev: of the samples there are, not an estimate.
    pub fn standard_deviation(&self) -> TimeInterval {
        let variance = if self.count == 0 { 0.0 } else { self.squares / self.count as f64 };
        self.valid(TimeInterval::from_nanos_f64(variance.max(0.0).sqrt()))
    }
}

/// clockPerformanceMonitoringDataRecord (J.5.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockRecord {
    /// When it began.
    pub start: Instant,
    /// periodComplete: its time is over.
    pub complete: bool,
    /// measurementValid: offsets were measured in it.
    pub valid: bool,
    /// masterSlaveDelay: t2 - t1 less corrections.
    pub master_slave_delay: Statistic,
    /// slaveMasterDelay: t4 - t3 less corrections.
    pub slave_master_delay: Statistic,
    /// meanPathDelay, unfiltered.
    pub mean_path_delay: Statistic,
    /// offsetFromMaster.
    pub offset_from_master: Statistic,
}

impl ClockRecord {
    fn new(start: Instant) -> Self {
        Self {
            start,
            complete: false,
            valid: false,
            master_slave_delay: Statistic::default(),
            slave_master_delay: Statistic::default(),
            mean_path_delay: Statistic::default(),
            offset_from_master: Statistic::default(),
        }
    }
}

/// portPerformanceMonitoringDataRecord (J.5.3 and J.5.4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PortRecord {
    /// When it began.
    pub start: Instant,
    /// Its time is over.
    pub complete: bool,
    /// meanLinkDelay, unfiltered, of P2P ports.
    pub mean_link_delay: Statistic,
    /// Messages received in it, by messageType.
    pub rx: [u64; 16],
    /// Messages sent in it, by messageType.
    pub tx: [u64; 16],
    /// Messages dropped in it.
    pub dropped: u64,
}

/// The counters of a port at some time.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    rx: [u64; 16],
    tx: [u64; 16],
    dropped: u64,
}

impl Counted {
    fn of(stats: &PortStats) -> Self {
        Self { rx: stats.rx, tx: stats.tx, dropped: stats.dropped.iter().sum() }
    }
}

/// The periods of one length: the current one and those before.
#[derive(Debug)]
struct Series<T> {
    current: T,
    /// Newest first.
    past: VecDeque<T>,
    keep: usize,
}

impl<T> Series<T> {
    fn new(current: T, keep: usize) -> Self {
        Self { current, past: VecDeque::new(), keep }
    }

    /// Ends the current period.
    fn close(&mut self, mut finish: impl FnMut(&mut T), new: T) {
        let mut over = core::mem::replace(&mut self.current, new);
        finish(&mut over);
        if self.past.len() == self.keep {
            self.past.pop_back();
        }
        self.past.push_front(over);
    }
}

#[derive(Debug)]
struct PortSeries {
    quarters: Series<PortRecord>,
    days: Series<PortRecord>,
    /// Counters when the current periods began: 15 minutes, 24 hours.
    began: [Counted; 2],
}

fn port_record(start: Instant) -> PortRecord {
    let mean_link_delay = Statistic::default();
    PortRecord { start, complete: false, mean_link_delay, rx: [0; 16], tx: [0; 16], dropped: 0 }
}

/// Sets a record's counters to what was counted since `began`.
fn count(record: &mut PortRecord, began: &Counted, now: &Counted) {
    for (to, (a, b)) in record.rx.iter_mut().zip(now.rx.iter().zip(&began.rx)) {
        *to = a.saturating_sub(*b);
    }
    for (to, (a, b)) in record.tx.iter_mut().zip(now.tx.iter().zip(&began.tx)) {
        *to = a.saturating_sub(*b);
    }
    record.dropped = now.dropped.saturating_sub(began.dropped);
}

/// performanceMonitoringDS: all records of an instance and its ports.
#[derive(Debug)]
pub struct Performance {
    quarters: Series<ClockRecord>,
    days: Series<ClockRecord>,
    ports: Vec<PortSeries>,
    quarter_ends: Instant,
    day_ends: Instant,
}

impl Performance {
    pub(super) fn new(ports: usize, now: Instant) -> Self {
        let series = || PortSeries {
            quarters: Series::new(port_record(now), QUARTERS),
            days: Series::new(port_record(now), 1),
            began: [Counted::default(); 2],
        };
        Self {
            quarters: Series::new(ClockRecord::new(now), QUARTERS),
            days: Series::new(ClockRecord::new(now), 1),
            ports: (0..ports).map(|_| series()).collect(),
            quarter_ends: now + QUARTER,
            day_ends: now + DAY,
        }
    }

    /// Counts from now on: ports have been running for a while.
    pub(super) fn begin(&mut self, ports: &[Port]) {
        for (series, port) in self.ports.iter_mut().zip(ports) {
            series.began = [Counted::of(&port.stats); 2];
        }
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.quarter_ends.min(self.day_ends)
    }

    /// Counters so far, and the ends of periods that are over. Gives the event of a quarter of an hour that just ended.
    pub(super) fn advance(&mut self, now: Instant, ports: &[Port]) -> Option<Event> {
        if now < self.next_deadline() {
            return None;
        }
        self.count(ports);
        let mut event = None;
        // After a sleep of days no more periods are told of than there is room for.
        let mut left = QUARTERS + 1;
        while self.quarter_ends <= now && left > 0 {
            left -= 1;
            let start = if left > 0 { self.quarter_ends } else { now };
            self.quarters.close(|r| r.complete = true, ClockRecord::new(start));
            for port in &mut self.ports {
                port.quarters.close(|r| r.complete = true, port_record(start));
            }
            self.quarter_ends = start + QUARTER;
            let record = self.quarters.past.front();
            event = event.or(record.map(|r| Event::PerformanceRecord {
                samples: r.offset_from_master.count(),
                average: r.offset_from_master.average(),
                minimum: r.offset_from_master.minimum(),
                maximum: r.offset_from_master.maximum(),
                standard_deviation: r.offset_from_master.standard_deviation(),
                mean_path_delay: r.mean_path_delay.average(),
            }));
        }
        let mut left = 2;
        let mut day_over = false;
        while self.day_ends <= now && left > 0 {
            left -= 1;
            let start = if left > 0 { self.day_ends } else { now };
            day_over = true;
            self.days.close(|r| r.complete = true, ClockRecord::new(start));
            for port in &mut self.ports {
                port.days.close(|r| r.complete = true, port_record(start));
            }
            self.day_ends = start + DAY;
        }
        for (series, port) in self.ports.iter_mut().zip(ports) {
            series.began[0] = Counted::of(&port.stats);
            if day_over {
                series.began[1] = series.began[0];
            }
        }
        event
    }

    /// Brings the current records' counters up to date.
    fn count(&mut self, ports: &[Port]) {
        for (series, port) in self.ports.iter_mut().zip(ports) {
            let now = Counted::of(&port.stats);
            let [quarter, day] = &series.began;
            count(&mut series.quarters.current, quarter, &now);
            count(&mut series.days.current, day, &now);
        }
    }

    /// An offset was measured.
    pub(in super::super) fn offset(&mut self, forward: TimeInterval, offset: TimeInterval) {
        for record in [&mut self.quarters.current, &mut self.days.current] {
            record.valid = true;
            record.master_slave_delay.push(forward);
            record.offset_from_master.push(offset);
        }
    }

    /// A path delay was measured.
    pub(in super::super) fn path_delay(&mut self, backward: TimeInterval, delay: TimeInterval) {
        for record in [&mut self.quarters.current, &mut self.days.current] {
            record.slave_master_delay.push(backward);
            record.mean_path_delay.push(delay);
        }
    }

    /// A link delay was measured.
    pub(in super::super) fn link_delay(&mut self, port: PortNumber, delay: TimeInterval) {
        let Some(series) = usize::from(port.0).checked_sub(1).and_then(|i| self.ports.get_mut(i)) else {
            return;
        };
        series.quarters.current.mean_link_delay.push(delay);
        series.days.current.mean_link_delay.push(delay);
    }

    /// The clock's record of this number, 0..=98; see the module for what they are. `None`: not there (yet).
    pub fn clock_record(&self, number: u8) -> Option<&ClockRecord> {
        record(&self.quarters, &self.days, number)
    }

    /// A port's record of this number. Counters of current records are as of the last 15 minutes' end; see
    /// [`Engine::performance_port_record`](super::super::Engine::performance_port_record) for those of now.
    pub fn port_record(&self, port: PortNumber, number: u8) -> Option<&PortRecord> {
        let series = self.ports.get(usize::from(port.0).checked_sub(1)?)?;
        record(&series.quarters, &series.days, number)
    }
}

fn record<'a, T>(quarters: &'a Series<T>, days: &'a Series<T>, number: u8) -> Option<&'a T> {
    match number {
        0 => Some(&quarters.current),
        1..=96 => quarters.past.get(usize::from(number) - 1),
        97 => Some(&days.current),
        98 => days.past.front(),
        _ => None,
    }
}

impl super::super::Engine {
    /// A port's performance record (annex J) of this number, its counters as of now; `None`: not there, or monitoring is
    /// off.
    pub fn performance_port_record(&self, port: PortNumber, number: u8) -> Option<PortRecord> {
        let performance = self.performance()?;
        let mut record = *performance.port_record(port, number)?;
        let index = usize::from(port.0).checked_sub(1)?;
        let (series, port) = (performance.ports.get(index)?, self.ports.get(index)?);
        let now = Counted::of(&port.stats);
        match number {
            0 => count(&mut record, &series.began[0], &now),
            97 => count(&mut record, &series.began[1], &now),
            _ => {}
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(n: i64) -> TimeInterval {
        TimeInterval::from_nanos(n)
    }

    fn at(seconds: u64) -> Instant {
        Instant(seconds * 1_000_000_000)
    }

    #[test]
    fn statistics_are_those_of_the_samples() {
        let mut s = Statistic::default();
        assert_eq!((s.average(), s.standard_deviation()), (Statistic::INVALID, Statistic::INVALID));
        for v in [2, 4, 4, 4, 5, 5, 7, 9] {
            s.push(ns(v - 6));
        }
        assert_eq!((s.count(), s.average(), s.standard_deviation()), (8, ns(-1), ns(2)));
        assert_eq!((s.minimum(), s.maximum()), (ns(-4), ns(3)));
    }

    #[test]
    fn quarters_and_days_follow_each_other_and_the_oldest_goes() {
        let mut p = Performance::new(0, at(0));
        // One sample every 15 minutes, its number as its value.
        for i in 0..200u64 {
            p.advance(at(i * 900), &[]);
            p.offset(ns(0), ns(i as i64));
        }
        for (number, value) in [(0, 199), (1, 198), (2, 197), (96, 103)] {
            let record = p.clock_record(number).unwrap();
            assert_eq!(record.offset_from_master.average(), ns(value), "record {number}");
            assert_eq!((record.complete, record.valid), (number != 0, true));
            assert_eq!(record.start, at(value as u64 * 900));
        }
        // 200 quarters are two days and 8 quarters.
        let (today, yesterday) = (p.clock_record(97).unwrap(), p.clock_record(98).unwrap());
        assert_eq!((today.offset_from_master.count(), today.offset_from_master.minimum()), (8, ns(192)));
        assert_eq!(
            (yesterday.offset_from_master.count(), yesterday.offset_from_master.minimum()),
            (96, ns(96))
        );
        assert!(yesterday.complete && !today.complete && p.clock_record(99).is_none());
        assert_eq!(p.quarters.past.len(), 96);
    }

    #[test]
    fn a_long_sleep_ends_and_memory_stays_bounded() {
        let mut p = Performance::new(3, at(0));
        p.offset(ns(1), ns(1));
        assert!(p.advance(at(400 * 86_400), &[]).is_some());
        assert!(p.quarter_ends > at(400 * 86_400) && p.day_ends > at(400 * 86_400));
        assert_eq!((p.quarters.past.len(), p.days.past.len()), (96, 1));
        assert!(p.ports.iter().all(|p| p.quarters.past.len() == 96));
        assert!(!p.clock_record(1).unwrap().valid);
        // The end of time is an end, too.
        p.advance(Instant(u64::MAX), &[]);
    }
}
