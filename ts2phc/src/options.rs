//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};
use ptp_clock::{Edge, Pin};
use ptp_wire::TimeInterval;
use ts2phc::discipline::Steering;
use ts2phc::grandmaster::{GrandmasterConfig, Profile};
use ts2phc::settings::{AnnounceSettings, Leaps, MakerSettings, Settings, SinkSettings, TimeFrom};
use ts2phc::source::SourceName;
use ts2phc::time_of_day::Names;
use ts2phc::witness::WitnessSettings;

/// Disciplines PTP hardware clocks by a GNSS receiver's pulses and sentences, and tells a PTP daemon what their time is worth.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 120)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) time: Time,

    /// The serial line's speed
    #[arg(long, default_value_t = 9600, value_parser = clap::value_parser!(u32).range(300..=4_000_000))]
    pub(crate) baud: u32,

    /// A clock: phc0, /dev/ptp0, virtual:PATH, or the name of a network interface; the first one's state is told
    #[arg(short, long, value_name = "CLOCK", required_unless_present = "check_nmea")]
    pub(crate) clock: Vec<String>,

    /// Touch no clock: print the times that come, and how late they are by the system clock
    #[arg(long, conflicts_with = "clock")]
    pub(crate) check_nmea: bool,

    /// With --check-nmea: end after so many times
    #[arg(long, value_name = "N", conflicts_with = "clock")]
    pub(crate) count: Option<u64>,

    /// The clocks' channel that stamps the pulses
    #[arg(long, default_value_t = 0)]
    pub(crate) channel: u32,

    /// The clocks' pin that the pulses arrive at, by number or name; without it, the pins stay as they are
    #[arg(long, value_parser = pin)]
    pub(crate) pin: Option<Pin>,

    /// The pulses are stamped by the kernel on this device, not by the clock
    #[arg(long, value_name = "/dev/ppsN")]
    pub(crate) pps: Option<String>,

    /// The pulses' edge; both: the clock stamps both, and the other one is told apart and dropped
    #[arg(long, value_enum, default_value_t)]
    pub(crate) edge: PulseEdge,

    /// Pulses per second
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=128))]
    pub(crate) rate: u32,

    /// How wide the pulses are, as 100ms
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub(crate) width: Option<TimeInterval>,

    /// How late the pulses arrive, as 52ns or 0.4us; may be negative
    #[arg(long, value_name = "TIME", default_value = "0ns", value_parser = interval, allow_hyphen_values = true)]
    pub(crate) cable_delay: TimeInterval,

    /// Which pulse a sentence names
    #[arg(long, value_enum, default_value_t)]
    pub(crate) sentence_names: Names,

    /// How late sentences come after their second; for more than one pulse per second, or if it is later than a second
    #[arg(long, value_name = "TIME", default_value = "0ns", value_parser = interval, allow_hyphen_values = true)]
    pub(crate) sentence_delay: TimeInterval,

    /// For so many seconds without time of day, go on by the pulses alone
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) time_holdover: u32,

    /// TAI - UTC in seconds, in place of the list of leap seconds
    #[arg(long, value_name = "SECONDS", conflicts_with = "leap_file", value_parser = clap::value_parser!(i32).range(0..1000))]
    pub(crate) utc_offset: Option<i32>,

    /// The list of leap seconds, as IERS or tzdata publish it; without it, the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) leap_file: Option<PathBuf>,

    /// Fewer satellites than this are too few
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) min_satellites: u32,

    /// The antenna moves: its position is not watched
    #[arg(long)]
    pub(crate) moving: bool,

    /// Somebody else who knows the time: ntp:SOCKET, ntp:HOST:PORT (chronyd), ptp:SOCKET (a client of another grandmaster), clock:NAME
    ///
    /// It is asked what the first clock is off; 1 us is added to the error that it tells (more can be said in ts2phc.yaml(5)). A PTP
    /// daemon that is named so only measures that clock. A receiver that a majority contradicts is not followed: holdover, and an alarm.
    #[arg(long, value_name = "WHO")]
    pub(crate) witness: Vec<WitnessSettings>,

    /// Tell the lock state to the PTP daemon behind this management socket
    ///
    /// The settings are leased: ptpd takes them back within three seconds if ts2phc dies. Several daemons may be told.
    #[arg(long, value_name = "SOCKET")]
    pub(crate) announce: Vec<PathBuf>,

    /// That daemon's domainNumber
    #[arg(long, value_name = "N", default_value_t = 0, requires = "announce")]
    pub(crate) domain: u8,

    /// Whose clockClasses are told: default, default-b, telecom, telecom-category1, telecom-category2
    #[arg(long, default_value = "default", requires = "announce", value_parser = profile)]
    pub(crate) profile: Profile,

    /// A pulse that is later than this is lost
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = interval)]
    pub(crate) grace: TimeInterval,

    /// In holdover the error is within specification up to this bound
    #[arg(long, value_name = "TIME", default_value = "1.5us", value_parser = interval)]
    pub(crate) in_spec: TimeInterval,

    /// Further off than the error can be and this, pulses are not followed
    #[arg(long, value_name = "TIME", default_value = "1us", value_parser = interval)]
    pub(crate) agree_within: TimeInterval,

    /// Keep what is learnt of the oscillators in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,

    /// Which servo steers
    #[arg(long, value_enum, default_value_t)]
    pub(crate) servo: ServoKind,

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

/// Who says which second a pulse is.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Time {
    /// A receiver: a serial line, a pipe or file, tcp:HOST:PORT, or gpsd[:HOST[:PORT]]
    ///
    /// NMEA, UBX and gpsd's objects are understood.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) nmea: Option<SourceName>,

    /// The system clock
    #[arg(long)]
    pub(crate) system_time: bool,

    /// A PTP hardware clock that is right; it makes the pulses on its output 0
    #[arg(long, value_name = "CLOCK")]
    pub(crate) source_clock: Option<String>,
}

impl Options {
    /// What they come to.
    pub(crate) fn settings(&self) -> Result<Settings, String> {
        let time = match (&self.time.nmea, &self.time.source_clock) {
            (Some(name), _) => TimeFrom::Receiver(name.clone()),
            (None, Some(clock)) => TimeFrom::Clock(clock.clone()),
            (None, None) => TimeFrom::System,
        };
        let mut s = Settings::new(time);
        (s.baud, s.names, s.rate) = (self.baud, self.sentence_names, self.rate);
        s.sentence_delay = self.sentence_delay.nanos();
        s.width = self.width.map(length).transpose()?;
        s.time_holdover = core::time::Duration::from_secs(self.time_holdover.into());
        s.leaps = match (self.utc_offset, &self.leap_file) {
            (Some(offset), _) => Leaps::Fixed(offset),
            (None, Some(path)) => Leaps::File(path.clone()),
            (None, None) => Leaps::System,
        };
        s.sinks = self.clock.iter().map(|clock| self.sink(clock)).collect();
        s.maker = self.time.source_clock.as_ref().map(|clock| MakerSettings {
            clock: clock.clone(),
            channel: 0,
            pin: None,
            phase: None,
        });
        s.witnesses.clone_from(&self.witness);
        s.limits.min_satellites = self.min_satellites;
        if self.moving {
            s.limits.max_move_m = None;
        }
        let threshold = |t: TimeInterval| (t != TimeInterval::ZERO).then(|| t.abs());
        s.servo.step_threshold = threshold(self.step_threshold);
        s.servo.first_step_threshold = threshold(self.first_step_threshold);
        s.steering = match (self.free_running, self.servo) {
            (true, _) => Steering::FreeRunning,
            (false, ServoKind::Adaptive) => Steering::Adaptive,
            (false, ServoKind::Pi) => Steering::Pi,
        };
        if !self.announce.is_empty() {
            let grandmaster = GrandmasterConfig {
                profile: self.profile,
                grace: length(self.grace)?,
                in_spec_ns: self.in_spec.nanos_f64().abs(),
                agree_within_ns: self.agree_within.nanos_f64().abs(),
                ..GrandmasterConfig::default()
            };
            s.announce = Some(AnnounceSettings {
                sockets: self.announce.clone(),
                domain_number: self.domain,
                grandmaster,
            });
        }
        s.state.clone_from(&self.state);
        Ok(s)
    }

    fn sink(&self, clock: &str) -> SinkSettings {
        SinkSettings {
            clock: clock.to_owned(),
            channel: self.channel,
            pin: self.pin.clone(),
            edge: match self.edge {
                PulseEdge::Rising => Edge::Rising,
                PulseEdge::Falling => Edge::Falling,
                PulseEdge::Both => Edge::Both,
            },
            correction: -self.cable_delay,
            pps: self.pps.clone(),
        }
    }
}

/// A length that is not negative.
fn length(t: TimeInterval) -> Result<core::time::Duration, String> {
    u64::try_from(t.nanos())
        .map(core::time::Duration::from_nanos)
        .map_err(|_| "a length of time cannot be negative".to_owned())
}

/// A number, or the driver's name.
fn pin(text: &str) -> Result<Pin, String> {
    match text.parse() {
        Ok(index) => Ok(Pin::Index(index)),
        Err(_) if text.is_empty() => Err("give a pin's number or name".to_owned()),
        Err(_) => Ok(Pin::Name(text.to_owned())),
    }
}

fn profile(text: &str) -> Result<Profile, String> {
    let found = Profile::WORDS.iter().find(|(word, _)| *word == text);
    found
        .map(|(_, p)| *p)
        .ok_or_else(|| format!("give one of {}", Profile::WORDS.map(|(word, _)| word).join(", ")))
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum ServoKind {
    /// The one that learns
    #[default]
    Adaptive,
    /// PI, with linuxptp's parameters
    Pi,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum PulseEdge {
    #[default]
    Rising,
    Falling,
    Both,
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
        assert_eq!(
            (o.clock.clone(), o.cable_delay),
            (vec!["eth0".to_owned()], TimeInterval::from_nanos(-52))
        );
        for bad in [
            &["ts2phc", "--nmea", "x"][..],
            &["ts2phc", "-c", "phc0"],
            &["ts2phc", "--nmea", "x", "-c", "phc0", "--check-nmea"],
            &["ts2phc", "--nmea", "x", "-c", "phc0", "--count", "3"],
            &["ts2phc", "--nmea", "x", "-c", "phc0", "--utc-offset", "37", "--leap-file", "y"],
            &["ts2phc", "--nmea", "x", "-c", "phc0", "--witness", "gps:x"],
            &["ts2phc", "--nmea", "x", "-c", "phc0", "--witness", "ntp:"],
        ] {
            assert!(Options::try_parse_from(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn completions_and_manual_page_are_current() {
        use crate::configuration::{CheckOptions, ConfigOptions, RunOptions};
        // With a file nothing but --check and --set goes: linuxptp::is_yaml.
        let by_file = RunOptions::command();
        let command = Options::command()
            .disable_help_subcommand(true)
            .args(by_file.get_arguments().cloned().collect::<Vec<_>>())
            .subcommand(CheckOptions::command().name("check"))
            .subcommand(ConfigOptions::command().name("config"));
        crate::cli_documents::hold_manual_page("ts2phc.8", command.clone());
        crate::cli_documents::hold_completions("ts2phc", command);
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
