//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};
use ptp_wire::TimeInterval;

use crate::source::SourceName;
use crate::time_of_day::Names;

/// Disciplines a PTP hardware clock by a GNSS receiver's pulses and its NMEA sentences.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 120)]
pub(crate) struct Options {
    /// Where the sentences come from: a serial line, a pipe or file, or tcp:HOST:PORT
    #[arg(long, value_name = "SOURCE")]
    pub(crate) nmea: SourceName,

    /// The serial line's speed
    #[arg(long, default_value_t = 9600, value_parser = clap::value_parser!(u32).range(300..=4_000_000))]
    pub(crate) baud: u32,

    #[command(flatten)]
    pub(crate) mode: Mode,

    /// With --check-nmea: end after so many times
    #[arg(long, value_name = "N", conflicts_with = "clock")]
    pub(crate) count: Option<u64>,

    /// The clock's channel that stamps the pulses
    #[arg(long, default_value_t = 0)]
    pub(crate) channel: u32,

    /// The clock's pin that the pulses arrive at; without it, the pins stay as they are
    #[arg(long)]
    pub(crate) pin: Option<u32>,

    /// The pulses' edge
    #[arg(long, value_enum, default_value_t)]
    pub(crate) edge: PulseEdge,

    /// How late the pulses arrive, as 52ns or 0.4us; may be negative
    #[arg(long, value_name = "TIME", default_value = "0ns", value_parser = interval, allow_hyphen_values = true)]
    pub(crate) cable_delay: TimeInterval,

    /// Which pulse a sentence names
    #[arg(long, value_enum, default_value_t)]
    pub(crate) sentence_names: Names,

    /// TAI - UTC in seconds, in place of the list of leap seconds
    #[arg(long, value_name = "SECONDS", conflicts_with = "leap_file", value_parser = clap::value_parser!(i32).range(0..1000))]
    pub(crate) utc_offset: Option<i32>,

    /// The list of leap seconds, as IERS publishes it
    #[arg(long, value_name = "FILE", default_value = "/usr/share/zoneinfo/leap-seconds.list")]
    pub(crate) leap_file: PathBuf,

    /// Step the clock later, too, when it is further off than this; 0ns: never
    #[arg(long, value_name = "TIME", default_value = "0ns", value_parser = interval)]
    pub(crate) step_threshold: TimeInterval,

    /// Step the clock at the beginning when it is further off than this; 0ns: never
    #[arg(long, value_name = "TIME", default_value = "20us", value_parser = interval)]
    pub(crate) first_step_threshold: TimeInterval,

    /// Only measure the clock
    #[arg(long)]
    pub(crate) free_running: bool,

    /// What is logged, to standard error
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log_level: LogLevel,
}

/// What to do.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Mode {
    /// The clock: phc0, /dev/ptp0, or the name of a network interface
    #[arg(short, long, value_name = "CLOCK")]
    pub(crate) clock: Option<String>,

    /// Touch no clock: print the times that come, and how late they are by the system clock
    #[arg(long)]
    pub(crate) check_nmea: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum PulseEdge {
    #[default]
    Rising,
    Falling,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

impl LogLevel {
    pub(crate) const fn level(self) -> tracing::Level {
        match self {
            Self::Error => tracing::Level::ERROR,
            Self::Warn => tracing::Level::WARN,
            Self::Info => tracing::Level::INFO,
            Self::Debug => tracing::Level::DEBUG,
        }
    }
}

/// A number with its unit, at most 10 s.
fn interval(text: &str) -> Result<TimeInterval, String> {
    let wrong = || "give a number with its unit: 52ns, 0.4us, 1ms, 2s; at most 10s".to_owned();
    let at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(at);
    let scale = match unit {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return Err(wrong()),
    };
    let ns = number.trim().parse::<f64>().map_err(|_| wrong())? * scale;
    if ns.abs() <= 1e10 { Ok(TimeInterval::from_nanos_f64(ns)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
        let all = ["ts2phc", "--nmea", "/dev/ttyS0", "-c", "eth0", "--cable-delay", "-52ns"];
        let o = Options::try_parse_from(all).expect("fine");
        assert_eq!((o.mode.clock.as_deref(), o.cable_delay), (Some("eth0"), TimeInterval::from_nanos(-52)));
        for bad in [
            &["ts2phc", "--nmea", "x"][..],
            &["ts2phc", "-c", "phc0"],
            &["ts2phc", "--nmea", "x", "-c", "phc0", "--check-nmea"],
            &["ts2phc", "--nmea", "x", "-c", "phc0", "--count", "3"],
            &["ts2phc", "--nmea", "x", "-c", "phc0", "--utc-offset", "37", "--leap-file", "y"],
        ] {
            assert!(Options::try_parse_from(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(interval("52ns"), Ok(TimeInterval::from_nanos(52)));
        assert_eq!(interval("0.4us"), Ok(TimeInterval::from_nanos(400)));
        assert_eq!(interval("-1ms"), Ok(TimeInterval::from_nanos(-1_000_000)));
        for bad in ["", "52", "ns", "52 parsecs", "nanns", "11s", "1e400s"] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }
}
