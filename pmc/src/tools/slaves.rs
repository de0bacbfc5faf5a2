//! `pmc slaves`: who tells this clock what it measures, and what it told (1588-2019 16.11).

use std::fmt::Write as _;

use clap::Args;
use ptp_management::{json, text};
use ptp_wire::management::{
    MonitoredFlags, MonitoredRecord, MonitoredRecordsNp, MonitoredSlaveRow, MonitoredSlavesNp, Payload,
};
use ptp_wire::{PortIdentity, PortNumber, Records};
use serde_json::Value as Json;

use super::pages::Pages;
use super::{Opener, ToolError};

/// Options of `pmc slaves`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The newest records of this slave, such as 001122.fffe.334455-1
    #[arg(value_name = "SLAVE")]
    slave: Option<PortIdentity>,
    /// The newest records of every slave
    #[arg(long, conflicts_with = "slave")]
    records: bool,
}

const OFF: &str = "this daemon does not collect what slaves measure: `collect_slave_events: true` in its configuration does";

fn slaves(pages: &mut Pages<'_>) -> Result<Vec<MonitoredSlaveRow>, ToolError> {
    let mut all = Vec::new();
    loop {
        let from = u16::try_from(all.len()).unwrap_or(u16::MAX);
        let question = MonitoredSlavesNp { from, ..MonitoredSlavesNp::default() };
        let reply = pages.ask(Payload::MonitoredSlavesNp(question))?;
        let Ok(Payload::MonitoredSlavesNp(page)) = reply.payload() else { return Ok(all) };
        all.extend(page.slaves.iter());
        if page.slaves.is_empty() || all.len() >= usize::from(page.total) {
            return Ok(all);
        }
    }
}

fn records(pages: &mut Pages<'_>, slave: PortIdentity) -> Result<Vec<MonitoredRecord>, ToolError> {
    let mut all = Vec::new();
    loop {
        let from = u16::try_from(all.len()).unwrap_or(u16::MAX);
        let question = MonitoredRecordsNp { slave, from, ..MonitoredRecordsNp::default() };
        let reply = pages.ask(Payload::MonitoredRecordsNp(question))?;
        let Ok(Payload::MonitoredRecordsNp(page)) = reply.payload() else { return Ok(all) };
        all.extend(page.records.iter());
        if page.records.is_empty() || all.len() >= usize::from(page.total) {
            return Ok(all);
        }
    }
}

/// A slave's fields as `pmc GET` shows them.
fn slave_json(row: &MonitoredSlaveRow) -> Json {
    let one = [*row];
    let page = MonitoredSlavesNp { from: 0, total: 1, slaves: Records::from(&one[..]) };
    json::data_set(&Payload::MonitoredSlavesNp(page))["slaves"][0].take()
}

fn record_page(slave: PortIdentity, records: &[MonitoredRecord]) -> Payload<'_> {
    let total = u16::try_from(records.len()).unwrap_or(u16::MAX);
    Payload::MonitoredRecordsNp(MonitoredRecordsNp { slave, from: 0, total, records: Records::from(records) })
}

fn table(rows: &[MonitoredSlaveRow]) -> String {
    let mut text = format!(
        "{:<22} {:<22} {:>13} {:>13} {:>11} {:>9} {:>9} {:>9}\n",
        "slave", "its master", "offset (ns)", "delay (ns)", "rate (ppm)", "messages", "records", "heard (s)"
    );
    for row in rows {
        let known = |flag, value: String| if row.flags.has(flag) { value } else { "-".to_owned() };
        let records = [row.sync_timing, row.sync_computed, row.tx_event_timestamps, row.delay_timing];
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<22} {:<22} {:>13} {:>13} {:>11} {:>9} {:>9} {:>9.1}",
            row.slave.to_string(),
            known(MonitoredFlags::MASTER, row.master.to_string()),
            known(MonitoredFlags::OFFSET_FROM_MASTER, format!("{:.1}", row.offset_from_master.nanos_f64())),
            known(MonitoredFlags::MEAN_PATH_DELAY, format!("{:.1}", row.mean_path_delay.nanos_f64())),
            known(
                MonitoredFlags::NEIGHBOR_RATE_RATIO,
                format!("{:+.3}", (row.scaled_neighbor_rate_ratio.ratio() - 1.0) * 1e6)
            ),
            row.messages,
            records.iter().fold(0u64, |all, n| all.saturating_add(*n)),
            f64::from(row.age_ms) / 1000.0
        );
    }
    text
}

pub(super) fn run(opener: &Opener<'_>, arguments: &Arguments) -> Result<u8, ToolError> {
    let mut pages = Pages::open(opener, PortNumber::ANY, OFF)?;
    let rows = match arguments.slave {
        Some(_) => Vec::new(),
        None => slaves(&mut pages)?,
    };
    let whose: Vec<PortIdentity> = match arguments.slave {
        Some(slave) => vec![slave],
        None if arguments.records => rows.iter().map(|row| row.slave).collect(),
        None => Vec::new(),
    };
    if arguments.slave.is_none() && !arguments.records {
        if opener.json() {
            rows.iter().for_each(|row| println!("{}", slave_json(row)));
        } else if rows.is_empty() {
            println!("No slave has told anything yet.");
        } else {
            print!("{}", table(&rows));
        }
        return Ok(0);
    }
    for slave in whose {
        let told = records(&mut pages, slave)?;
        if !opener.json() {
            print!("{slave}\n{}", text::data_set(&record_page(slave, &told), 10));
            continue;
        }
        let mut page = json::data_set(&record_page(slave, &told));
        for record in page["records"].as_array_mut().into_iter().flatten() {
            if let Json::Object(members) = record {
                members.insert("slave".into(), slave.to_string().into());
            }
            println!("{record}");
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use ptp_wire::{ClockIdentity, RateOffset, TimeInterval};

    use super::*;

    #[test]
    fn what_a_slave_did_not_tell_is_a_dash() {
        let row = MonitoredSlaveRow {
            slave: PortIdentity::new(ClockIdentity([2, 0, 0, 0xff, 0xfe, 0, 0, 1]), 1),
            port: 1,
            age_ms: 1250,
            messages: 3,
            sync_timing: 4,
            sync_computed: 5,
            tx_event_timestamps: 0,
            delay_timing: 0,
            flags: MonitoredFlags::OFFSET_FROM_MASTER,
            master: PortIdentity::default(),
            offset_from_master: TimeInterval::from_nanos(-250),
            mean_path_delay: TimeInterval::ZERO,
            scaled_neighbor_rate_ratio: RateOffset::ZERO,
        };
        let text = table(&[row]);
        assert_eq!(
            text.lines().nth(1),
            Some(
                "020000.fffe.000001-1   -                             -250.0             -           -         3         9       1.2"
            )
        );
        let json = slave_json(&row);
        assert_eq!((&json["offsetFromMaster"], &json["master"]), (&Json::from(-250.0), &Json::Null));
    }
}
