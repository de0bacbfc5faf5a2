//! The command line.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, ValueEnum};
use ptp_clock::Pin;
use ptp_config::Overrides;
use ptp_wire::TimeInterval;
use ts2phc::grandmaster::Profile;
use ts2phc::settings::Leaps;
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

    /// Whose clockClasses are told: default, default-b, telecom, telecom-category1, telecom-category2, frequency, frequency-option2
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

    /// A key of ts2phc.yaml(5) that has no option of its own, like --set metrics.listen=127.0.0.1:9322
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "check_nmea")]
    pub(crate) set: Vec<String>,
}

/// Who says which second a pulse is.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Time {
    /// A receiver: a serial line, a pipe or file, tcp:HOST:PORT, or gpsd[:HOST[:PORT]][:/dev/NAME]
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

/// Options and the keys of the file that they stand for. The others stand for more, or for other values.
const KEYS: &[(&str, &str)] = &[
    ("baud", "baud"),
    ("channel", "clocks[*].channel"),
    ("pin", "clocks[*].pin"),
    ("pps", "clocks[*].pps"),
    ("edge", "clocks[*].edge"),
    ("cable_delay", "clocks[*].cable_delay"),
    ("rate", "rate"),
    ("width", "width"),
    ("sentence_names", "sentence_names"),
    ("sentence_delay", "sentence_delay"),
    ("utc_offset", "utc_offset"),
    ("leap_file", "leap_file"),
    ("min_satellites", "min_satellites"),
    ("domain", "domain_number"),
    ("profile", "profile"),
    ("grace", "grace"),
    ("in_spec", "in_spec"),
    ("agree_within", "agree_within"),
    ("state", "state_file"),
    ("servo", "servo"),
    ("log_level", "log_level"),
];

impl Options {
    /// The options of this process, and the keys that they stand for; ends it where they are wrong.
    pub(crate) fn read(arguments: &[String]) -> (Self, Overrides) {
        let matches = Self::command().get_matches_from(arguments);
        let options = Self::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
        let overrides = options
            .overrides(&matches)
            .unwrap_or_else(|e| Self::command().error(clap::error::ErrorKind::ValueValidation, e).exit());
        (options, overrides)
    }

    /// What they come to, as keys of the file: so each value knows the option that it comes from.
    fn overrides(&self, matches: &ArgMatches) -> Result<Overrides, String> {
        let mut all = Overrides::default();
        let (time, option) = match (&self.time.nmea, &self.time.source_clock) {
            // A file may have a name that means something else.
            (Some(SourceName::Path(path)), _) if path == "system" || path.starts_with("clock:") => {
                (format!("./{}", path.display()), format!("--nmea {}", path.display()))
            }
            (Some(_), _) => {
                (typed(matches, "nmea").remove(0), format!("--nmea {}", typed(matches, "nmea")[0]))
            }
            (None, Some(clock)) => (format!("clock:{clock}"), format!("--source-clock {clock}")),
            (None, None) => ("system".to_owned(), "--system-time".to_owned()),
        };
        all.set(&option, "time", &time);
        let list = |all: &mut Overrides, name: &str, key: &str, items: &[String]| {
            if let Some(odd) = items.iter().find(|i| i.contains(',')) {
                return Err(format!("{odd}: a name with a comma; say it in a file"));
            }
            if !items.is_empty() {
                all.set(&format!("{name} {}", items.join(&format!(" {name} "))), key, &items.join(","));
            }
            Ok(())
        };
        list(&mut all, "-c", "clocks", &self.clock)?;
        list(&mut all, "--announce", "announce", &typed(matches, "announce"))?;
        for (id, key) in KEYS {
            if matches.value_source(id) == Some(ValueSource::CommandLine) {
                let text = typed(matches, id).pop().unwrap_or_default();
                all.set(&format!("--{} {text}", id.replace('_', "-")), key, &text);
            }
        }
        for (id, threshold) in
            [("step_threshold", self.step_threshold), ("first_step_threshold", self.first_step_threshold)]
        {
            if matches.value_source(id) == Some(ValueSource::CommandLine) {
                let text = typed(matches, id).pop().unwrap_or_default();
                let value = if threshold == TimeInterval::ZERO { "off" } else { &text };
                all.set(&format!("--{} {text}", id.replace('_', "-")), id, value);
            }
        }
        if matches.value_source("time_holdover") == Some(ValueSource::CommandLine) {
            let seconds = self.time_holdover;
            all.set(&format!("--time-holdover {seconds}"), "time_holdover", &format!("{seconds}s"));
        }
        if self.moving {
            all.set("--moving", "max_move", "off");
        }
        if self.free_running {
            all.set("--free-running", "servo", "free-running");
        }
        for (i, text) in typed(matches, "witness").iter().enumerate() {
            let (kind, who) = text.split_once(':').unwrap_or((text, ""));
            all.set(&format!("--witness {text}"), &format!("witnesses[{i}].{kind}"), who);
        }
        for text in &self.set {
            let (key, value) = text
                .split_once('=')
                .ok_or_else(|| format!("--set {text}: give a key and a value, like --set rate=10"))?;
            all.set(&format!("--set {text}"), key.trim(), value.trim());
        }
        Ok(all)
    }

    /// For --check-nmea, which needs no clock: the receiver alone.
    pub(crate) fn receiver(&self) -> Option<(SourceName, Leaps)> {
        let leaps = match (self.utc_offset, &self.leap_file) {
            (Some(offset), _) => Leaps::Fixed(offset),
            (None, Some(path)) => Leaps::File(path.clone()),
            (None, None) => Leaps::System,
        };
        Some((self.time.nmea.clone()?, leaps))
    }
}

/// Values as they were typed.
fn typed(matches: &ArgMatches, id: &str) -> Vec<String> {
    let raw = matches.get_raw(id).into_iter().flatten();
    raw.map(|text| text.to_string_lossy().into_owned()).collect()
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

    fn loaded(line: &str) -> ts2phc::yaml::Loaded {
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let (_, overrides) = Options::read(&arguments);
        ts2phc::yaml::load(None, &overrides).unwrap_or_else(|e| panic!("{line}: {e}"))
    }

    #[test]
    fn options_are_keys_and_each_value_knows_its_option() {
        use ts2phc::settings::{Settings, SinkSettings, TimeFrom};
        // Nothing but what must be given: every default is the file's.
        let least = loaded("ts2phc --system-time -c phc0");
        let defaults = Settings {
            sinks: vec![SinkSettings::new("phc0")],
            outlets: least.settings.outlets.clone(),
            ..Settings::new(TimeFrom::System)
        };
        assert_eq!(least.settings, defaults);
        let all = loaded(
            "ts2phc --nmea tcp:h:1 --baud 115200 -c phc0 -c eth1 --channel 2 --pin SDP1 --pps /dev/pps1 --edge both --rate 16 \
             --width 100us --cable-delay -52ns --sentence-names next --sentence-delay 150ms --time-holdover 7 --utc-offset 38 \
             --min-satellites 2 --moving --witness ntp:h:2 --witness ptp:/run/w --witness clock:eth2 --announce /run/a --announce /run/b \
             --domain 24 --profile telecom --grace 40ms --in-spec 2us --agree-within 3us --state s --servo pi --step-threshold 1ms \
             --first-step-threshold 0ns --log-level debug --set metrics.listen=/run/m --set settle=20",
        );
        let s = &all.settings;
        assert_eq!(s.time, TimeFrom::Receiver(SourceName::Tcp("h:1".into())));
        assert_eq!((s.baud, s.rate, s.sentence_delay, s.sinks.len()), (115_200, 16, 150_000_000, 2));
        assert_eq!(
            (s.time_holdover.as_secs(), s.leaps.clone(), s.limits.max_move_m),
            (7, Leaps::Fixed(38), None)
        );
        assert!(s.sinks.iter().all(|k| k.channel == 2 && k.correction == TimeInterval::from_nanos(52)));
        assert_eq!(s.witnesses.len(), 3);
        let told = s.announce.as_ref().expect("two are told");
        assert_eq!((told.sockets.len(), told.domain_number, told.grandmaster.settle), (2, 24, 20));
        assert_eq!((told.grandmaster.profile, told.grandmaster.in_spec_ns), (Profile::Telecom, 2000.0));
        assert_eq!(s.servo.first_step_threshold, None);
        assert_eq!(s.servo.step_threshold, Some(TimeInterval::from_nanos(1_000_000)));
        assert!(s.metrics.is_some());
        let text = all.values.effective();
        for (key, option) in [
            ("clocks[1].edge", "--edge both"),
            ("time", "--nmea tcp:h:1"),
            ("step_threshold", "--step-threshold 1ms"),
            ("first_step_threshold", "--first-step-threshold 0ns"),
            ("time_holdover", "--time-holdover 7"),
            ("witnesses[2].clock", "--witness clock:eth2"),
            ("max_move", "--moving"),
            ("settle", "--set settle=20"),
        ] {
            let origin = all.values.origin(key).map(ToString::to_string);
            assert_eq!(origin.as_deref(), Some(format!("command line, {option}").as_str()), "{text}");
        }
        let odd = loaded("ts2phc --nmea system -c phc0").settings.time;
        assert_eq!(odd, TimeFrom::Receiver(SourceName::Path("./system".into())));
    }

    #[test]
    fn completions_and_manual_page_are_current() {
        use crate::configuration::{CheckOptions, ConfigOptions, RunOptions};
        // With a file nothing but --check and --set goes: linuxptp::is_yaml.
        let by_file = RunOptions::command();
        let own: Vec<_> = Options::command().get_arguments().map(|a| a.get_id().clone()).collect();
        let only: Vec<_> = by_file.get_arguments().filter(|a| !own.contains(a.get_id())).cloned().collect();
        let command = Options::command()
            .disable_help_subcommand(true)
            .args(only)
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
