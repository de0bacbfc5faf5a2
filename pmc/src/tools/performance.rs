//! `pmc performance`: what a clock, or one of its ports, measured in each of the last 96 quarters of an hour, and in a day
//! (1588-2019 annex J).

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use ptp_evidence::day_text;
use ptp_management::json;
use ptp_wire::management::{
    ClockPerformance, Payload, PerformanceClockNp, PerformanceFlags, PerformancePortNp, PerformanceStatistic,
    PortPerformance,
};
use ptp_wire::{MessageType, PortNumber, Records, TimeInterval};
use serde_json::Value as Json;

use super::pages::Pages;
use super::{Opener, ToolError};

/// Options of `pmc performance`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Of this port: link delay and messages, instead of the clock's offset and path delay
    #[arg(long, value_name = "NUMBER")]
    port: Option<u16>,
    /// Only what lies in this time of day, UTC, such as 02:00-03:00
    #[arg(long, value_name = "HH:MM-HH:MM", value_parser = parse_between)]
    between: Option<Between>,
}

/// A part of every day, in minutes; it may go over midnight.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Between {
    from: u32,
    to: u32,
}

fn parse_between(text: &str) -> Result<Between, String> {
    let minutes = |text: &str| {
        let (h, m) = text.split_once(':')?;
        let (h, m): (u32, u32) = (h.parse().ok()?, m.parse().ok()?);
        (h < 24 && m < 60 || h == 24 && m == 0).then_some(60 * h + m)
    };
    let parsed = text.split_once('-').and_then(|(from, to)| Some((minutes(from)?, minutes(to)?)));
    match parsed {
        Some((from, to)) if from != to && from < 1440 => Ok(Between { from, to }),
        _ => Err(format!("`{text}` is not a time of day such as 02:00-03:00")),
    }
}

impl Between {
    /// Whether a period of less than a day shares some of it.
    fn meets(self, begin_s: i64, end_s: i64) -> bool {
        let day = begin_s.div_euclid(86_400);
        // It may have begun the day before.
        [day - 1, day, day + 1].into_iter().any(|day| {
            let at = |minutes: u32| day * 86_400 + 60 * i64::from(minutes);
            let to = if self.to > self.from { self.to } else { self.to + 1440 };
            begin_s < at(to) && end_s > at(self.from)
        })
    }
}

const OFF: &str = "performance monitoring is off: `performance_monitoring: true` in the daemon's configuration keeps the records \
                   from then on";
/// The record of the current day, and that of the day before; those before are quarters of an hour.
const DAY: u8 = 97;
const LAST: u8 = 98;

/// A record of either kind.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Record {
    Clock(ClockPerformance),
    Port(PortPerformance),
}

impl Record {
    fn number(&self) -> u8 {
        match self {
            Self::Clock(r) => r.number,
            Self::Port(r) => r.number,
        }
    }

    fn flags(&self) -> PerformanceFlags {
        match self {
            Self::Clock(r) => r.flags,
            Self::Port(r) => r.flags,
        }
    }

    /// When its period began and ended, or how far it is, in seconds of UTC.
    fn period(&self, now: f64) -> (f64, f64) {
        let (age, length) = match self {
            Self::Clock(r) => (r.age_ms, r.length_ms),
            Self::Port(r) => (r.age_ms, r.length_ms),
        };
        let begin = now - f64::from(age) / 1000.0;
        (begin, begin + f64::from(length) / 1000.0)
    }

    /// Its fields as `pmc GET` shows them.
    fn fields(&self) -> Json {
        let mut page = match self {
            Self::Clock(r) => json::data_set(&Payload::PerformanceClockNp(PerformanceClockNp {
                from: r.number,
                records: Records::from(&[*r][..]),
            })),
            Self::Port(r) => json::data_set(&Payload::PerformancePortNp(PerformancePortNp {
                from: r.number,
                records: Records::from(&[*r][..]),
            })),
        };
        page["records"][0].take()
    }
}

/// All records, those of quarters of an hour first, oldest first of each kind.
fn collect(pages: &mut Pages<'_>, port: bool) -> Result<Vec<Record>, ToolError> {
    let mut all: Vec<Record> = Vec::new();
    let mut from = 0;
    while from <= LAST {
        let question = if port {
            Payload::PerformancePortNp(PerformancePortNp { from, ..PerformancePortNp::default() })
        } else {
            Payload::PerformanceClockNp(PerformanceClockNp { from, ..PerformanceClockNp::default() })
        };
        let reply = pages.ask(question)?;
        let page: Vec<Record> = match reply.payload() {
            Ok(Payload::PerformanceClockNp(page)) => page.records.iter().map(Record::Clock).collect(),
            Ok(Payload::PerformancePortNp(page)) => page.records.iter().map(Record::Port).collect(),
            _ => Vec::new(),
        };
        let Some(last) = page.last().map(Record::number) else { break };
        // Forward, whatever a daemon may answer.
        from = last.max(from).saturating_add(1);
        all.extend(page);
    }
    all.sort_by_key(|r| (r.number() >= DAY, std::cmp::Reverse(r.number())));
    Ok(all)
}

/// `11-20 14:15`, of UTC.
fn moment(seconds: f64) -> String {
    let ns = (seconds as i64).saturating_mul(1_000_000_000);
    let day = day_text(ns);
    let of_day = (seconds as i64).rem_euclid(86_400);
    format!("{} {:02}:{:02}", day.get(5..).unwrap_or(&day), of_day / 3600, of_day / 60 % 60)
}

fn ns(t: TimeInterval) -> String {
    if t == TimeInterval(i64::MAX) { "-".to_owned() } else { format!("{:.1}", t.nanos_f64()) }
}

fn statistic(line: &mut String, s: &PerformanceStatistic, deviation: bool) {
    // Writing to a String cannot fail.
    let _ = write!(line, " {:>11} {:>11} {:>11}", ns(s.average), ns(s.minimum), ns(s.maximum));
    if deviation {
        let _ = write!(line, " {:>9}", ns(s.standard_deviation));
    }
}

/// Those of a port's counters that are shown.
const COUNTED: [(MessageType, &str); 5] = [
    (MessageType::Sync, "Sync"),
    (MessageType::DelayReq, "Delay_Req"),
    (MessageType::DelayResp, "Delay_Resp"),
    (MessageType::PdelayReq, "Pdelay_Req"),
    (MessageType::Announce, "Announce"),
];

fn place(t: MessageType) -> usize {
    MessageType::ALL.iter().position(|known| *known == t).unwrap_or(0)
}

/// The table: a head of two lines, and a line for each record.
fn table(records: &[Record], now: f64) -> String {
    let mut text = String::new();
    let port = matches!(records.first(), Some(Record::Port(_)));
    let line = if port {
        let names: String = COUNTED.iter().map(|(_, name)| format!(" {name:>17}")).collect();
        format!(
            "{:<27}{:>36}  messages, received/sent\n{:<27} {:>11} {:>11} {:>11}{names} {:>9}\n",
            "period (UTC)", "link delay (ns)", "", "mean", "min", "max", "dropped"
        )
    } else {
        format!(
            "{:<27}{:>8}{:>46}{:>36}\n{:<27} {:>7} {:>11} {:>11} {:>11} {:>9} {:>11} {:>11} {:>11}\n",
            "period (UTC)",
            "",
            "offset (ns)",
            "path delay (ns)",
            "",
            "samples",
            "mean",
            "min",
            "max",
            "stddev",
            "mean",
            "min",
            "max"
        )
    };
    text.push_str(&line);
    for record in records {
        let (begin, end) = record.period(now);
        let over = record.flags().has(PerformanceFlags::PERIOD_COMPLETE);
        let period = format!("{} to {}", moment(begin), moment(end));
        let mut line = format!("{period}{}", if over { "  " } else { " *" });
        match record {
            Record::Clock(r) if !r.flags.has(PerformanceFlags::MEASUREMENT_VALID) => {
                line.push_str("no offset was measured");
            }
            Record::Clock(r) => {
                let _ = write!(line, "{:>7}", r.offset_from_master.count);
                statistic(&mut line, &r.offset_from_master, true);
                statistic(&mut line, &r.mean_path_delay, false);
            }
            Record::Port(r) => {
                statistic(&mut line, &r.mean_link_delay, false);
                for (t, _) in COUNTED {
                    let count = |counters: &[u64; 10]| counters.get(place(t)).copied().unwrap_or(0);
                    let both = format!("{}/{}", count(&r.rx), count(&r.tx));
                    let _ = write!(line, " {both:>17}");
                }
                let _ = write!(line, " {:>9}", r.dropped);
            }
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

pub(super) fn run(opener: &Opener<'_>, arguments: &Arguments) -> Result<u8, ToolError> {
    let port = arguments.port.map_or(PortNumber::ANY, PortNumber);
    let mut pages = Pages::open(opener, port, OFF)?;
    let mut records = collect(&mut pages, arguments.port.is_some())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    if let Some(between) = arguments.between {
        records.retain(|r| {
            let (begin, end) = r.period(now);
            r.number() < DAY && between.meets(begin as i64, end as i64)
        });
    }
    let clock = pages.clock.map_or_else(String::new, |c| c.to_string());
    if opener.json() {
        for record in &records {
            let (begin, end) = record.period(now);
            let mut object = record.fields();
            if let Json::Object(members) = &mut object {
                members.insert("clock".into(), clock.clone().into());
                members.insert("port".into(), arguments.port.into());
                members.insert("period".into(), if record.number() < DAY { "15min" } else { "24h" }.into());
                members.insert("begin".into(), begin.into());
                members.insert("end".into(), end.into());
            }
            println!("{object}");
        }
        return Ok(0);
    }
    match arguments.port {
        Some(port) => {
            println!("Port {port} of clock {clock}, quarters of an hour and days; * is not over yet")
        }
        None => println!("Clock {clock}, quarters of an hour and days; * is not over yet"),
    }
    if records.is_empty() {
        println!("No record is of that time of day.");
    } else {
        print!("{}", table(&records, now));
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistic_of(n: i64) -> PerformanceStatistic {
        PerformanceStatistic {
            count: 900,
            average: TimeInterval::from_nanos(n),
            minimum: TimeInterval::from_nanos(n - 20),
            maximum: TimeInterval::from_nanos(n + 20),
            standard_deviation: TimeInterval(3 << 15),
        }
    }

    fn record(number: u8, valid: bool) -> Record {
        let complete = !matches!(number, 0 | 97);
        Record::Clock(ClockPerformance {
            number,
            flags: PerformanceFlags::default()
                .with(PerformanceFlags::PERIOD_COMPLETE, complete)
                .with(PerformanceFlags::MEASUREMENT_VALID, valid),
            age_ms: 300_000 + 900_000 * u32::from(number),
            length_ms: if complete { 900_000 } else { 300_000 },
            master_slave_delay: statistic_of(1000),
            slave_master_delay: statistic_of(1000),
            mean_path_delay: statistic_of(1000),
            offset_from_master: statistic_of(-3),
        })
    }

    #[test]
    fn times_of_day() {
        let between = |text| parse_between(text);
        let night = between("02:00-03:00").expect("a time");
        assert_eq!(night, Between { from: 120, to: 180 });
        let at = |h: i64, m: i64| 86_400 * 20_000 + 3600 * h + 60 * m;
        assert!(night.meets(at(1, 50), at(2, 5)) && night.meets(at(2, 50), at(3, 5)));
        assert!(!night.meets(at(1, 45), at(2, 0)) && !night.meets(at(3, 0), at(3, 15)));
        // Over midnight: late today, and early today, which began yesterday.
        let midnight = between("23:30-00:30").expect("a time");
        assert!(midnight.meets(at(23, 35), at(23, 50)) && midnight.meets(at(0, 15), at(0, 30)));
        assert!(midnight.meets(at(23, 50), at(24, 5)) && !midnight.meets(at(12, 0), at(12, 15)));
        assert!(between("18:00-24:00").is_ok());
        for wrong in ["", "2", "02:00", "25:00-26:00", "02:60-03:00", "02:00-02:00", "24:00-01:00", "a-b"] {
            assert!(between(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_table_tells_periods_by_their_time() {
        // 2026-11-20 14:30 UTC.
        let now = 1_795_185_000.0;
        let text = table(&[record(1, true), record(0, false)], now);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[2],
            "11-20 14:10 to 11-20 14:25      900        -3.0       -23.0        17.0       1.5      1000.0       980.0      1020.0"
        );
        assert_eq!(lines[3], "11-20 14:25 to 11-20 14:30 *no offset was measured");
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn a_record_as_json_has_the_names_of_get() {
        let fields = record(1, true).fields();
        assert_eq!(fields["offsetFromMasterAverage"], -3.0);
        assert_eq!(fields["periodComplete"], true);
        assert_eq!(fields["number"], 1);
    }
}
