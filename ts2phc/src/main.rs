//! `ts2phc`: disciplines a PTP hardware clock by a GNSS receiver. Pulses, stamped by the clock itself, say when a second
//! begins; NMEA sentences say which. See docs/ts2phc.md.
#![forbid(unsafe_code)]

mod discipline;
mod feed;
mod leap;
mod nmea;
mod options;
mod run;
mod source;
mod time_of_day;
mod utc;

use std::process::ExitCode;

use clap::Parser;
use ptp_clock::{ClockName, Edge, Phc, PinFunction};
use ptp_daemon::{LogOptions, Signals, init_log};
use ptp_servo::ServoConfig;
use ptp_wire::TimeInterval;
use tracing::error;

use crate::discipline::Discipline;
use crate::feed::Feed;
use crate::leap::LeapTable;
use crate::options::{Options, PulseEdge};
use crate::run::{Steering, check};
use crate::time_of_day::TimeOfDay;

fn main() -> ExitCode {
    let options = Options::parse();
    init_log(&LogOptions { level: options.log_level.level(), ..LogOptions::new("ts2phc") });
    match start(&options) {
        Ok(code) => code,
        Err(e) => {
            error!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn start(options: &Options) -> Result<ExitCode, String> {
    let signals = Signals::install().map_err(|e| format!("cannot catch signals: {e}"))?;
    let feed = Feed::new(options.nmea.clone(), options.baud);
    let leaps = match options.utc_offset {
        Some(offset) => Ok(LeapTable::fixed(offset)),
        None => LeapTable::read(&options.leap_file),
    };
    let Some(name) = &options.mode.clock else {
        let times = check(feed, leaps.as_ref().ok(), options.count, signals)
            .map_err(|e| format!("cannot print: {e}"))?;
        return Ok(if times > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    };
    let leaps = leaps.map_err(|e| format!("{e}; give TAI - UTC by --leap-file or --utc-offset"))?;

    let index = phc_index(name)?;
    let mut clock = Phc::open(index).map_err(|e| e.to_string())?;
    if let Some(pin) = options.pin {
        clock.set_pin(pin, PinFunction::ExternalTimestamp, options.channel).map_err(|e| e.to_string())?;
    }
    let edge = match options.edge {
        PulseEdge::Rising => Edge::Rising,
        PulseEdge::Falling => Edge::Falling,
    };
    clock.enable_extts(options.channel, edge).map_err(|e| e.to_string())?;
    let threshold = |t: TimeInterval| (t != TimeInterval::ZERO).then(|| t.abs());
    let config = ServoConfig {
        step_threshold: threshold(options.step_threshold),
        first_step_threshold: threshold(options.first_step_threshold),
        ..ServoConfig::default()
    };
    let discipline = Discipline::new(&mut clock, config, options.cable_delay, options.free_running)
        .map_err(|e| e.to_string())?;
    let steering = Steering {
        feed,
        time: TimeOfDay::new(options.sentence_names),
        leaps,
        clock,
        clock_path: format!("/dev/ptp{index}"),
        channel: options.channel,
        discipline,
    };
    steering.run(signals).map_err(|e| e.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// A clock's own name, or the interface that it stamps for.
fn phc_index(name: &str) -> Result<u32, String> {
    match name.parse() {
        Ok(ClockName::Phc(index)) => Ok(index),
        Ok(_) => Err(format!("{name} has no input for pulses: give phcN, /dev/ptpN or a network interface")),
        Err(_) => {
            let interface = ptp_net::Interface::query(name).map_err(|e| e.to_string())?;
            interface
                .phc_index()
                .ok_or_else(|| format!("{name} has no PTP hardware clock (`ethtool -T {name}`)"))
        }
    }
}
