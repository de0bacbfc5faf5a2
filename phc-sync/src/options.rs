//! The command line. Letters mean what they mean in linuxptp's phc2sys.

use std::fmt;

use clap::Parser;
use ptp_clock::{ClockError, ClockName};
use ptp_servo::{PiConfig, ServoConfig};
use ptp_wire::TimeInterval;

const LONG_ABOUT: &str = "Keeps one clock of this machine in step with another.\n\n\
    Clocks: phcN or /dev/ptpN (a PTP hardware clock), system or CLOCK_REALTIME (the system clock), \
    virtual:PATH (a clock in shared memory, for trials).";

/// As typed.
#[derive(Debug, Parser)]
#[command(name = "phc-sync", version, about = "Keeps one clock of this machine in step with another", long_about = LONG_ABOUT)]
pub(crate) struct Options {
    /// The clock that is right
    #[arg(short = 's', value_name = "CLOCK")]
    pub(crate) source: String,

    /// A clock to be steered; may be given several times
    #[arg(short = 'c', value_name = "CLOCK", required = true)]
    pub(crate) sinks: Vec<String>,

    /// What the sink shall be ahead of the source; for the system clock after a PHC on TAI: -37
    #[arg(short = 'O', value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) offset: Option<f64>,

    /// Readings per measurement, of which the quickest counts
    #[arg(short = 'N', value_name = "READINGS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=25))]
    pub(crate) readings: u32,

    /// Measurements per second
    #[arg(short = 'R', value_name = "RATE", default_value_t = 1.0, value_parser = rate)]
    pub(crate) rate: f64,

    /// The controller's proportional gain; 0: computed from the rate
    #[arg(short = 'P', value_name = "KP", default_value_t = 0.7, value_parser = not_negative)]
    pub(crate) proportional: f64,

    /// The controller's integral gain; 0: computed from the rate
    #[arg(short = 'I', value_name = "KI", default_value_t = 0.3, value_parser = not_negative)]
    pub(crate) integral: f64,

    /// Step away any offset larger than this many seconds; 0: never
    #[arg(short = 'S', value_name = "SECONDS", default_value_t = 0.0, value_parser = not_negative)]
    pub(crate) step: f64,

    /// Step away an offset larger than this many seconds at the start; 0: never
    #[arg(short = 'F', value_name = "SECONDS", default_value_t = 0.000_02, value_parser = not_negative)]
    pub(crate) first_step: f64,

    /// One summary line for so many measurements instead of a line for each; 0: a line for each
    #[arg(short = 'u', value_name = "COUNT", default_value_t = 0)]
    pub(crate) summary: u32,

    /// Measure only, steer nothing
    #[arg(long, visible_alias = "free_running")]
    pub(crate) free_running: bool,

    /// Write messages to standard output instead of standard error
    #[arg(short = 'm')]
    pub(crate) stdout: bool,

    /// Accepted and without effect: nothing goes to the system log
    #[arg(short = 'q')]
    pub(crate) quiet: bool,

    /// How much is logged: 3 errors, 4 warnings, 6 all, 7 what developers want
    #[arg(short = 'l', value_name = "LEVEL", default_value_t = 6, value_parser = clap::value_parser!(u8).range(0..=7))]
    pub(crate) level: u8,

    /// Put into every line
    #[arg(short = 't', value_name = "TAG", default_value = "")]
    pub(crate) tag: String,
}

fn not_negative(s: &str) -> Result<f64, String> {
    let v: f64 = s.parse().map_err(|_| "not a number".to_owned())?;
    if v >= 0.0 && v.is_finite() { Ok(v) } else { Err("a number from 0 up is needed".to_owned()) }
}

fn rate(s: &str) -> Result<f64, String> {
    let v: f64 = s.parse().map_err(|_| "not a number".to_owned())?;
    if (0.001..=1_000.0).contains(&v) { Ok(v) } else { Err("a rate from 0.001 to 1000 is needed".to_owned()) }
}

/// What is wrong with the command line beyond what clap sees.
#[derive(Debug)]
pub(crate) enum OptionsError {
    Clock(ClockError),
    /// A clock cannot follow itself.
    SameClock(ClockName),
    /// The same sink twice.
    TwiceTheSink(ClockName),
    /// UTC and PTP time differ, and nobody said by how much.
    OffsetMissing,
    /// More than a TimeInterval holds.
    OffsetTooLarge(f64),
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(e) => e.fmt(f),
            Self::SameClock(name) => write!(f, "{name} is the source: it cannot be steered by itself (-s, -c)"),
            Self::TwiceTheSink(name) => write!(f, "{name} is given twice (-c)"),
            Self::OffsetMissing => f.write_str(
                "the system clock keeps UTC, PTP clocks keep TAI: say how much the sink is ahead of the source (-O -37 \
                 for the system clock after a PHC, -O 37 the other way round, -O 0 if both keep the same time)",
            ),
            Self::OffsetTooLarge(v) => write!(f, "{v} s is too large an offset; -O takes +-86400 s"),
        }
    }
}

impl std::error::Error for OptionsError {}

impl Options {
    /// Source and sinks by name.
    pub(crate) fn clocks(&self) -> Result<(ClockName, Vec<ClockName>), OptionsError> {
        let source: ClockName = self.source.parse().map_err(OptionsError::Clock)?;
        let mut sinks: Vec<ClockName> = Vec::with_capacity(self.sinks.len());
        for name in &self.sinks {
            let sink: ClockName = name.parse().map_err(OptionsError::Clock)?;
            if sink == source {
                return Err(OptionsError::SameClock(sink));
            }
            if sinks.contains(&sink) {
                return Err(OptionsError::TwiceTheSink(sink));
            }
            sinks.push(sink);
        }
        let is_system = |c: &ClockName| *c == ClockName::System;
        if self.offset.is_none() && (is_system(&source) || sinks.iter().any(is_system)) {
            return Err(OptionsError::OffsetMissing);
        }
        Ok((source, sinks))
    }

    /// Sink minus source as it shall be.
    pub(crate) fn wanted_offset(&self) -> Result<TimeInterval, OptionsError> {
        let seconds = self.offset.unwrap_or(0.0);
        if seconds.is_nan() || seconds.abs() > 86_400.0 {
            return Err(OptionsError::OffsetTooLarge(seconds));
        }
        Ok(interval(seconds))
    }

    /// For a clock with this limit in ppb.
    pub(crate) fn servo(&self, max_frequency_ppb: f64) -> ServoConfig {
        let default = ServoConfig::default();
        ServoConfig {
            pi: PiConfig {
                proportional_const: self.proportional,
                integral_const: self.integral,
                ..PiConfig::hardware()
            },
            first_step_threshold: (self.first_step > 0.0).then(|| interval(self.first_step)),
            step_threshold: (self.step > 0.0).then(|| interval(self.step)),
            max_frequency_ppb: default.max_frequency_ppb.min(max_frequency_ppb),
            ..default
        }
    }
}

/// Saturates at 39 hours.
fn interval(seconds: f64) -> TimeInterval {
    TimeInterval::from_nanos_f64(seconds * 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, clap::Error> {
        Options::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn clap_is_content() {
        use clap::CommandFactory;
        Options::command().debug_assert();
    }

    #[test]
    fn the_usual_line_is_understood() {
        let o = parse("phc-sync -s phc0 -c CLOCK_REALTIME -O -37 -R 8 -N 7 -m -q").expect("a good line");
        let (source, sinks) = o.clocks().expect("good clocks");
        assert_eq!((source, sinks), (ClockName::Phc(0), vec![ClockName::System]));
        assert_eq!(o.wanted_offset().expect("a good offset"), TimeInterval::from_nanos(-37_000_000_000));
        let servo = o.servo(1_000.0);
        assert_eq!(servo.first_step_threshold, Some(TimeInterval::from_nanos(20_000)));
        assert_eq!((servo.step_threshold, servo.max_frequency_ppb), (None, 1_000.0));
        assert!(o.stdout && o.quiet && !o.free_running);
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "phc-sync",
            "phc-sync -s phc0",
            "phc-sync -s phc0 -c phc1 -R 0",
            "phc-sync -s phc0 -c phc1 -R nan",
            "phc-sync -s phc0 -c phc1 -N 26",
            "phc-sync -s phc0 -c phc1 -P -1",
            "phc-sync -s phc0 -c phc1 -S inf",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let clocks =
            |line| parse(line).expect("clap takes it").clocks().expect_err("but it is wrong").to_string();
        assert!(clocks("phc-sync -s eth7 -c phc0").contains("eth7"));
        assert!(clocks("phc-sync -s phc0 -c /dev/ptp0").contains("itself"));
        assert!(clocks("phc-sync -s phc0 -c phc1 -c phc1").contains("twice"));
        assert!(clocks("phc-sync -s phc0 -c system").contains("-O -37"));
        let o = parse("phc-sync -s phc0 -c system -O 1e30").expect("clap takes it");
        assert!(o.wanted_offset().is_err());
    }
}
