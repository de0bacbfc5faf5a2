//! Called as linuxptp's `ts2phc`: its options, its keys, its log.

use core::time::Duration;
use std::path::PathBuf;

use ptp_clock::{Edge, Pin};
use ptp_config::Linuxptp;
use ptp_daemon::{LogFormat, LogOptions};
use ptp_servo::PiConfig;
use ptp_wire::TimeInterval;

use crate::discipline::Steering;
use crate::settings::{AutomaticSettings, Leaps, MakerSettings, Settings, SinkSettings, TimeFrom};
use crate::source::SourceName;

/// Shown by `-h`, and with wrong options.
pub const USAGE: &str = "usage: ts2phc [options]

 -a            which clock is right follows from the states of a PTP daemon's ports
 -c DEV|NAME   clock that is steered: /dev/ptpN or an interface; may be given several times
 -f FILE       configuration of linuxptp; - is standard input
 -s SOURCE     where time of day comes from: generic, nmea, /dev/ptpN or an interface
 -l NUM        log level, 0 to 7
 -m            log to standard output too
 -q            do not log to syslog
 -v            version
 -h            this text
 --KEY VALUE or --KEY=VALUE   any key of the configuration";

/// What the command line comes to.
#[derive(Debug)]
pub enum Parsed {
    /// To run, logging so.
    Run(Box<Settings>, LogOptions),
    /// `-h`.
    Help,
    /// `-v`.
    Version,
}

/// Whether this command line is linuxptp's: short options that only it has, a key as it writes them, or clocks alone, whose time is
/// the system's there. `-f FILE.yaml` is ours.
pub fn is_meant(arguments: &[String]) -> bool {
    if is_yaml(arguments) {
        return false;
    }
    let theirs = arguments.iter().skip(1).any(|a| {
        let short = a.len() >= 2 && a.starts_with('-') && !a.starts_with("--");
        let key = a.strip_prefix("--").and_then(|long| long.split('=').next()).unwrap_or_default();
        (short && !a.starts_with("-c") && !a.starts_with("-h") && !a.starts_with("-V"))
            || key.contains(['_', '.'])
            || matches!(key, "leapfile" | "verbose" | "domainNumber" | "transportSpecific")
    });
    let mut clocks = arguments.iter().skip(1).peekable();
    let alone = clocks.peek().is_some()
        && loop {
            match clocks.next() {
                None => break true,
                Some(a) if a == "-c" => drop(clocks.next()),
                Some(a) if a.starts_with("-c") => {}
                Some(_) => break false,
            }
        };
    theirs || alone
}

/// A file that is no `.cfg` with `-f`, and nothing else but `--check` and `--set`: what is meant is ours.
pub fn is_yaml(arguments: &[String]) -> bool {
    let mut rest = arguments.iter().skip(1);
    let mut file = false;
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "-f" => match rest.next() {
                Some(name) if name.ends_with(".yaml") || name.ends_with(".yml") => file = true,
                _ => return false,
            },
            "--set" => drop(rest.next()),
            "--check" => {}
            other if other.starts_with("--set=") => {}
            _ => return false,
        }
    }
    file
}

/// Reads options as getopt takes them; `read` reads a file by its name.
///
/// # Errors
/// What is wrong, in a line or more.
pub fn parse(
    arguments: &[String],
    read: impl Fn(&str) -> std::io::Result<Vec<u8>>,
) -> Result<Parsed, String> {
    let mut config = Linuxptp::new();
    let (mut file, mut source, mut clocks, mut automatic) = (None, None, Vec::new(), false);
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        if let Some(long) = argument.strip_prefix("--") {
            let (key, value) = match long.split_once('=') {
                Some((key, value)) => (key, value.to_owned()),
                None => (long, rest.next().cloned().ok_or_else(|| format!("--{long} needs a value"))?),
            };
            config.option(key, &value).map_err(|e| e.to_string())?;
            continue;
        }
        let Some(letters) = argument.strip_prefix('-').filter(|l| !l.is_empty()) else {
            return Err(format!("{argument}: not an option\n{USAGE}"));
        };
        for (i, letter) in letters.char_indices() {
            let (key, value) = match letter {
                'm' => ("verbose", "1"),
                'q' => ("use_syslog", "0"),
                'h' => return Ok(Parsed::Help),
                'v' => return Ok(Parsed::Version),
                'a' => {
                    automatic = true;
                    continue;
                }
                'c' | 'f' | 's' | 'l' => {
                    let value = match letters.get(i + 1..) {
                        Some(value) if !value.is_empty() => value.to_owned(),
                        _ => {
                            rest.next().cloned().ok_or_else(|| format!("-{letter} needs a value\n{USAGE}"))?
                        }
                    };
                    match letter {
                        'c' => clocks.push(value),
                        'f' => file = Some(value),
                        's' => source = Some(value),
                        _ => config.option("logging_level", &value).map_err(|e| e.to_string())?,
                    }
                    break;
                }
                _ => return Err(format!("-{letter}: no such option\n{USAGE}")),
            };
            config.option(key, value).map_err(|e| e.to_string())?;
        }
    }
    if let Some(file) = file {
        let octets = read(&file).map_err(|e| format!("cannot read {file}: {e}"))?;
        config.read(&file, &octets).map_err(|e| e.to_string())?;
    }
    for clock in &clocks {
        config.interface(clock);
    }
    let mut settings = settings(&config, source.as_deref())?;
    if automatic {
        settings.automatic = Some(follow(&config, &settings)?);
    }
    Ok(Parsed::Run(Box::new(settings), log(&config)))
}

fn log(config: &Linuxptp) -> LogOptions {
    let flag = |key| config.value(None, key) == "1";
    let level = match config.value(None, "logging_level").parse().unwrap_or(6) {
        ..=3 => tracing::Level::ERROR,
        4 => tracing::Level::WARN,
        5 | 6 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    let verbose = flag("verbose");
    LogOptions {
        level,
        format: LogFormat::Linuxptp,
        stdout: verbose,
        quiet: !verbose,
        syslog: flag("use_syslog"),
        tag: config.value(None, "message_tag").to_owned(),
        ..LogOptions::new("ts2phc")
    }
}

/// `-a`.
fn follow(config: &Linuxptp, settings: &Settings) -> Result<AutomaticSettings, String> {
    let text = |key: &'static str| config.value(None, key);
    if settings.time_holdover > Duration::ZERO {
        return Err("ts2phc.holdover does not go with -a".to_owned());
    }
    Ok(AutomaticSettings {
        socket: PathBuf::from(text("uds_address")),
        domain_number: text("domainNumber").parse().unwrap_or(0),
        major_sdo_id: text("transportSpecific").parse().unwrap_or(0),
        external: text("ts2phc.external_pps") == "1",
    })
}

/// What the keys come to; `source` is `-s`.
fn settings(config: &Linuxptp, source: Option<&str>) -> Result<Settings, String> {
    let text = |key: &'static str| config.value(None, key);
    let number = |key: &'static str| text(key).parse::<i64>().ok();
    let real = |key: &'static str| text(key).parse::<f64>().unwrap_or(0.0);
    let time = match source.unwrap_or(text("ts2phc.tod_source")) {
        "generic" => TimeFrom::System,
        "nmea" => {
            TimeFrom::Receiver(match (text("ts2phc.nmea_remote_host"), text("ts2phc.nmea_remote_port")) {
                ("", _) => SourceName::Path(text("ts2phc.nmea_serialport").into()),
                (_, "") => return Err("ts2phc.nmea_remote_host needs ts2phc.nmea_remote_port".to_owned()),
                (host, port) => SourceName::Tcp(format!("{host}:{port}")),
            })
        }
        clock => TimeFrom::Clock(clock.to_owned()),
    };
    let mut s = Settings::new(time);
    s.linuxptp = true;
    s.steering = match text("clock_servo") {
        _ if text("free_running") == "1" => Steering::FreeRunning,
        "pi" => Steering::Pi,
        // What linear regression is wanted for, an estimator does that learns.
        "linreg" => Steering::Adaptive,
        other => return Err(format!("clock_servo {other} steers nothing by pulses: use pi or linreg")),
    };
    s.baud = number("ts2phc.nmea_baudrate").and_then(|n| n.try_into().ok()).unwrap_or(9600);
    s.rate = number("ts2phc.pulserate").and_then(|n| n.try_into().ok()).unwrap_or(1);
    s.sentence_delay = number("ts2phc.nmea_delay").unwrap_or(0);
    s.width = number("ts2phc.pulsewidth").and_then(|n| u64::try_from(n).ok()).map(Duration::from_nanos);
    s.limits = ptp_gnss::Limits { min_satellites: 0, max_move_m: None };
    if !text("leapfile").is_empty() {
        s.leaps = Leaps::File(PathBuf::from(text("leapfile")));
    }
    let ns = |seconds: f64| TimeInterval::from_nanos_f64(seconds * 1e9);
    let threshold = |seconds: f64| (seconds > 0.0).then(|| ns(seconds));
    s.servo.step_threshold = threshold(real("step_threshold"));
    s.servo.first_step_threshold = threshold(real("first_step_threshold"));
    if real("max_frequency") > 0.0 {
        s.servo.max_frequency_ppb = real("max_frequency");
    }
    let offset = number("servo_offset_threshold").filter(|n| *n > 0);
    s.servo.offset_threshold = offset.map(TimeInterval::from_nanos);
    s.servo.num_offset_values =
        number("servo_num_offset_values").and_then(|n| n.try_into().ok()).unwrap_or(10);
    // Zero stands for linuxptp's own defaults for hardware stamps.
    let mut pi = PiConfig::hardware();
    for (key, place) in [
        ("pi_proportional_const", &mut pi.proportional_const),
        ("pi_integral_const", &mut pi.integral_const),
        ("pi_proportional_scale", &mut pi.proportional_scale),
        ("pi_proportional_exponent", &mut pi.proportional_exponent),
        ("pi_proportional_norm_max", &mut pi.proportional_norm_max),
        ("pi_integral_scale", &mut pi.integral_scale),
        ("pi_integral_exponent", &mut pi.integral_exponent),
        ("pi_integral_norm_max", &mut pi.integral_norm_max),
    ] {
        if real(key) != 0.0 {
            *place = real(key);
        }
    }
    s.servo.pi = pi;
    for name in config.sections() {
        section(config, name, &mut s)?;
    }
    if let (TimeFrom::Clock(clock), None) = (&s.time, &s.maker) {
        // As linuxptp: the source makes the pulses on its output 0.
        s.maker =
            Some(MakerSettings { clock: clock.clone(), channel: 0, pin: Some(Pin::Index(0)), phase: None });
    }
    if s.sinks.is_empty() {
        return Err("no clock to steer: give -c, or a section [/dev/ptpN]".to_owned());
    }
    Ok(s)
}

/// One clock's section: the one that makes pulses, or one that is steered.
fn section(config: &Linuxptp, name: &str, s: &mut Settings) -> Result<(), String> {
    let text = |key: &'static str| config.value(Some(name), key);
    let number = |key: &'static str| text(key).parse::<i64>().unwrap_or(0);
    let channel = u32::try_from(number("ts2phc.channel")).unwrap_or(0);
    let pin = match text("ts2phc.pin_name") {
        "" => Pin::Index(u32::try_from(number("ts2phc.pin_index")).unwrap_or(0)),
        name => Pin::Name(name.to_owned()),
    };
    if text("ts2phc.master") == "1" {
        if s.maker.is_some() {
            return Err(format!("[{name}]: another section has ts2phc.master already"));
        }
        let phase = u64::try_from(number("ts2phc.perout_phase")).ok().map(Duration::from_nanos);
        s.maker = Some(MakerSettings { clock: name.to_owned(), channel, pin: Some(pin), phase });
        return Ok(());
    }
    let edge = match text("ts2phc.extts_polarity") {
        "falling" => Edge::Falling,
        "both" => Edge::Both,
        _ => Edge::Rising,
    };
    let holdover = Duration::from_secs(u64::try_from(number("ts2phc.holdover")).unwrap_or(0));
    if holdover > Duration::ZERO && edge == Edge::Both {
        return Err(format!("[{name}]: ts2phc.holdover does not go with ts2phc.extts_polarity both"));
    }
    if holdover > Duration::ZERO && s.servo.offset_threshold.is_none() {
        return Err(format!("[{name}]: ts2phc.holdover needs servo_offset_threshold"));
    }
    s.time_holdover = s.time_holdover.max(holdover);
    s.sinks.push(SinkSettings {
        clock: name.to_owned(),
        channel,
        pin: Some(pin),
        edge,
        correction: TimeInterval::from_nanos(number("ts2phc.extts_correction")),
        pps: None,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn run(line: &str, file: &'static str) -> Result<Settings, String> {
        match parse(&words(line), |_| Ok(file.into()))? {
            Parsed::Run(settings, _) => Ok(*settings),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn whose_command_line_it_is() {
        for line in [
            "ts2phc -f x.cfg -s nmea",
            "ts2phc -c eth0 -s generic",
            "ts2phc -m -q",
            "ts2phc --ts2phc.pulserate 2",
            "ts2phc -c eth0 --step_threshold=1",
            "ts2phc -c eth0 -ceth1",
        ] {
            assert!(is_meant(&words(line)), "{line}");
        }
        for line in ["ts2phc --nmea x -c eth0", "ts2phc --help", "ts2phc -h", "ts2phc -V", "ts2phc -f x.yaml"]
        {
            assert!(!is_meant(&words(line)), "{line}");
        }
    }

    #[test]
    fn a_file_of_linuxptp() {
        let file = "[global]\nleapfile /leap\nts2phc.nmea_serialport /dev/ttyS1\nts2phc.nmea_baudrate 115200\n\
                    ts2phc.pulsewidth 100000000\nts2phc.pulserate 10\nstep_threshold 0.00002\nmax_frequency 5000\n\
                    [/dev/ptp1]\nts2phc.channel 1\nts2phc.extts_polarity both\nts2phc.extts_correction -27\n\
                    ts2phc.pin_name SDP2\n[eth3]\n";
        let s = run("ts2phc -f x.cfg -s nmea -m", file).expect("good");
        assert_eq!(s.time, TimeFrom::Receiver(SourceName::Path("/dev/ttyS1".into())));
        assert_eq!((s.baud, s.rate, s.width), (115_200, 10, Some(Duration::from_millis(100))));
        assert_eq!((s.leaps, s.servo.max_frequency_ppb), (Leaps::File("/leap".into()), 5000.0));
        assert_eq!(s.servo.step_threshold, Some(TimeInterval::from_nanos(20_000)));
        let [a, b] = s.sinks.as_slice() else { panic!("{:?}", s.sinks) };
        assert_eq!((a.clock.as_str(), a.channel, a.edge), ("/dev/ptp1", 1, Edge::Both));
        assert_eq!((&a.pin, a.correction), (&Some(Pin::Name("SDP2".into())), TimeInterval::from_nanos(-27)));
        assert_eq!((b.clock.as_str(), &b.pin), ("eth3", &Some(Pin::Index(0))));
    }

    /// Every key of linuxptp's ts2phc, in its scope, with a value that is not its default: what it comes to is otherwise then.
    #[test]
    fn every_key_has_an_effect() {
        const GLOBAL: &[(&str, &str)] = &[
            ("leapfile", "/leap"),
            ("ts2phc.tod_source", "nmea"),
            ("ts2phc.pulserate", "128"),
            ("ts2phc.pulsewidth", "1000000"),
            ("ts2phc.nmea_delay", "-7"),
            ("ts2phc.nmea_baudrate", "300"),
            ("free_running", "1"),
            ("clock_servo", "linreg"),
            ("step_threshold", "0.5"),
            ("first_step_threshold", "0.5"),
            ("max_frequency", "77"),
            ("servo_offset_threshold", "9"),
            ("servo_num_offset_values", "3"),
            ("pi_proportional_const", "0.3"),
            ("pi_integral_const", "0.2"),
            ("pi_proportional_scale", "0.3"),
            ("pi_proportional_exponent", "0.3"),
            ("pi_proportional_norm_max", "0.3"),
            ("pi_integral_scale", "0.2"),
            ("pi_integral_exponent", "0.3"),
            ("pi_integral_norm_max", "0.2"),
            ("logging_level", "7"),
            ("verbose", "1"),
            ("use_syslog", "0"),
            ("message_tag", "x"),
        ];
        const OF_NMEA: &[(&str, &str)] = &[
            ("ts2phc.nmea_serialport", "/dev/ttyS7"),
            ("ts2phc.nmea_remote_host", "h\nts2phc.nmea_remote_port 1"),
            ("ts2phc.nmea_remote_port", "2\nts2phc.nmea_remote_host h"),
        ];
        const PORT: &[(&str, &str)] = &[
            ("ts2phc.master", "1"),
            ("ts2phc.channel", "3"),
            ("ts2phc.pin_index", "3"),
            ("ts2phc.pin_name", "SDP3"),
            ("ts2phc.extts_polarity", "falling"),
            ("ts2phc.extts_correction", "-3"),
            ("ts2phc.holdover", "5"),
        ];
        const OF_MAKER: &[(&str, &str)] = &[("ts2phc.perout_phase", "3")];
        const AUTOMATIC: &[(&str, &str)] = &[
            ("ts2phc.external_pps", "1"),
            ("uds_address", "/run/x"),
            ("domainNumber", "3"),
            ("transportSpecific", "1"),
        ];
        let of = |line: &str, file: String| match parse(&words(line), |_| Ok(file.clone().into_bytes())) {
            Ok(Parsed::Run(settings, log)) => format!("{settings:?} {log:?}"),
            other => panic!("{line}, {file}: {other:?}"),
        };
        // What goes with all of them: a clock that is steered, and holdover's need of a threshold.
        type Keys = [(&'static str, &'static str)];
        let all: &[(&str, &str, &str, &Keys)] = &[
            ("ts2phc -f x", "[global]\n", "[eth8]\n", GLOBAL),
            ("ts2phc -f x -s nmea", "[global]\n", "[eth8]\n", OF_NMEA),
            ("ts2phc -f x", "[global]\nservo_offset_threshold 9\n[eth9]\n", "[eth8]\n", PORT),
            ("ts2phc -f x -s eth9", "[eth9]\nts2phc.master 1\n", "[eth8]\n", OF_MAKER),
            ("ts2phc -f x -a", "[global]\n", "[eth8]\n", AUTOMATIC),
        ];
        let mut seen = Vec::new();
        for (line, before, after, keys) in all {
            let plain = of(line, format!("{before}{after}"));
            for (key, value) in *keys {
                assert_ne!(of(line, format!("{before}{key} {value}\n{after}")), plain, "{key} has no effect");
                seen.push(*key);
            }
        }
        // None of the table's is missing here.
        let table = include_str!("../../crates/config/src/linuxptp/table.rs");
        let theirs = table.lines().filter_map(|l| l.trim().strip_prefix("k(\"")?.split('"').next());
        let theirs: Vec<_> = theirs.filter(|name| name.starts_with("ts2phc.")).collect();
        assert_eq!(theirs.len(), 17, "{theirs:?}");
        for key in theirs {
            assert!(seen.contains(&key), "{key} is not tried");
        }
    }

    #[test]
    fn a_phc_that_makes_the_pulses() {
        let file = "[/dev/ptp0]\nts2phc.master 1\nts2phc.perout_phase 5\nts2phc.channel 2\n[/dev/ptp1]\n";
        let s = run("ts2phc -f x.cfg -s /dev/ptp0", file).expect("good");
        let maker = s.maker.expect("there is one");
        assert_eq!(
            (maker.clock.as_str(), maker.channel, maker.phase),
            ("/dev/ptp0", 2, Some(Duration::from_nanos(5)))
        );
        assert_eq!(s.sinks.len(), 1);
        let s = run("ts2phc -c /dev/ptp1 -s eth0", "").expect("good");
        assert_eq!(s.maker.map(|m| m.clock), Some("eth0".to_owned()));
    }

    #[test]
    fn automatic_mode_knows_its_daemon() {
        let line = "ts2phc -a -c eth0 --uds_address /run/x --domainNumber 24 --transportSpecific 1";
        let followed =
            run(&format!("{line} --ts2phc.external_pps 1"), "").expect("good").automatic.expect("-a");
        assert_eq!(followed.socket, PathBuf::from("/run/x"));
        assert_eq!((followed.domain_number, followed.major_sdo_id, followed.external), (24, 1, true));
        assert_eq!(run("ts2phc -c eth0", "").expect("good").automatic, None);
        assert!(is_meant(&words("ts2phc -a -c eth0")));
    }

    #[test]
    fn what_cannot_be_is_said() {
        for (line, file, why) in [
            ("ts2phc -s generic", "", "no clock"),
            ("ts2phc -a", "", "no clock"),
            (
                "ts2phc -a -c eth0 --servo_offset_threshold 9 --ts2phc.holdover 5",
                "[eth0]\nts2phc.holdover 5\n",
                "does not go with -a",
            ),
            ("ts2phc -c a --clock_servo ntpshm", "", "use pi or linreg"),
            ("ts2phc -x", "", "no such option"),
            ("ts2phc -c", "", "needs a value"),
            ("ts2phc -c a --ts2phc.pulserate 129", "", "1 to 128"),
            ("ts2phc -f x", "[eth0]\nts2phc.holdover 5\n", "servo_offset_threshold"),
            ("ts2phc -f x", "[eth0]\nts2phc.master 1\n[eth1]\nts2phc.master 1\n", "already"),
            ("ts2phc -c a -s nmea --ts2phc.nmea_remote_host h", "", "nmea_remote_port"),
        ] {
            let e = run(line, file).expect_err(line);
            assert!(e.contains(why), "{line}: {e}");
        }
    }
}
