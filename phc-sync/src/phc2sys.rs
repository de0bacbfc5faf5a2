//! Called as `phc2sys`: linuxptp's options, configuration keys and exit codes.

use std::path::{Path, PathBuf};

use ptp_clock::ClockName;
use ptp_net::Interface;
use ptp_servo::ServoKind;
use ptp_wire::TimeInterval;

use crate::settings::{DEFAULT_SOCKET, Instance, LeapMode, MAX_INSTANCES, Output, Settings, SystemRole};

const USAGE: &str = "usage: phc2sys [options]

 Automatic: follow ptp4l or ptpd
 -a        clocks and sources from the ports' states
 -r        the system clock follows, too; twice: it may also be the source
 -C CLOCK  which system clock (CLOCK_REALTIME)
 Manual
 -s CLOCK  source: device, interface or name
 -c CLOCK  sink: device, interface or name; may be given several times (CLOCK_REALTIME)
 -i CLOCK  as -s
 -d DEV    source of pulses
 -O NUM    what the sink shall be ahead of the source, seconds (0)
 -w        wait for ptp4l
 Both
 -f FILE   configuration of linuxptp
 -E KIND   pi, linreg, ntpshm or refclock_sock (pi)
 -P, -I    proportional and integral gain (0.7, 0.3)
 -S, -F    step threshold, at any time (0: never), at the start (0.00002), seconds
 -R NUM    measurements per second (1)
 -N NUM    readings per measurement (5)
 -L NUM    largest plausible frequency, ppb (200000000)
 -M NUM    unit of shared memory (0)
 -u NUM    measurements per summary line (0)
 -n NUM    domain number; per -z
 -x        leap seconds by the servo, not by the kernel
 -z PATH   socket of ptp4l; may be given several times (/var/run/ptp/ptp4l)
 -l NUM    log level, 0 to 7 (6)
 -t TAG    put into every line
 -m        log to standard output too
 -q        do not log to syslog
 -v        version
 -h        this text
 --KEY VALUE or --KEY=VALUE   a key of the configuration";

/// Options that take a value.
const WITH_VALUE: &str = "csiCdOfERNuPISFLMltnz";

/// How it logs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Logging {
    pub(crate) level: u8,
    pub(crate) tag: String,
    pub(crate) stdout: bool,
    pub(crate) syslog: bool,
}

/// What the command line comes to.
#[derive(Debug)]
pub(crate) enum Parsed {
    Run(Box<Settings>, Logging),
    Help,
    Version,
}

/// The program's name is phc2sys.
pub(crate) fn is_meant(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|n| n == "phc2sys")
}

/// What is gathered until the end.
struct Gathered {
    settings: Settings,
    logging: Logging,
    sockets: Vec<PathBuf>,
    domains: Vec<u8>,
    major_sdo_id: u8,
    servo: String,
    shm_unit: u32,
    sock: PathBuf,
    kernel_leap: bool,
    file: Option<String>,
    /// Keys that the command line has: the file does not change them.
    locked: Vec<String>,
}

impl Gathered {
    fn new() -> Self {
        Self {
            settings: Settings { drop_in: true, ..Settings::default() },
            logging: Logging { level: 6, tag: String::new(), stdout: false, syslog: true },
            sockets: Vec::new(),
            domains: Vec::new(),
            major_sdo_id: 0,
            servo: "pi".to_owned(),
            shm_unit: 0,
            sock: "/var/run/refclock.ptp.sock".into(),
            kernel_leap: true,
            file: None,
            locked: Vec::new(),
        }
    }

    /// A key of linuxptp's configuration. Keys of other programs are taken and mean nothing here, as there.
    fn key(&mut self, name: &str, value: &str) -> Result<(), String> {
        let s = &mut self.settings;
        match name {
            "clock_servo" => match value {
                "pi" | "linreg" | "ntpshm" | "refclock_sock" => self.servo = value.to_owned(),
                "nullf" => return Err("clock_servo nullf steers nothing: use --free_running 1".to_owned()),
                _ => return Err(format!("invalid servo name {value}: pi, linreg, ntpshm or refclock_sock")),
            },
            "pi_proportional_const" => s.proportional = number(name, value, 0.0, 1e9)?,
            "pi_integral_const" => s.integral = number(name, value, 0.0, 1e9)?,
            "step_threshold" => s.step = number(name, value, 0.0, 1e9)?,
            "first_step_threshold" => s.first_step = number(name, value, 0.0, 1e9)?,
            "max_frequency" => s.max_frequency = number(name, value, 0.0, 2_147_483_647.0)?,
            "sanity_freq_limit" => s.sanity = number(name, value, 0.0, 2_147_483_647.0)?,
            "ntpshm_segment" => self.shm_unit = number(name, value, 0.0, 255.0)? as u32,
            "refclock_sock_address" => self.sock = value.into(),
            "kernel_leap" => self.kernel_leap = flag(name, value)?,
            "free_running" => s.free_running = flag(name, value)?,
            "domainNumber" => self.domains = vec![number(name, value, 0.0, 255.0)? as u8],
            "transportSpecific" => {
                let text = value.strip_prefix("0x").map(|hex| u8::from_str_radix(hex, 16));
                let parsed = text.unwrap_or_else(|| value.parse()).ok().filter(|v| *v < 16);
                self.major_sdo_id = parsed.ok_or_else(|| format!("{name}: {value} is not 0x0 to 0xF"))?;
            }
            "uds_address" => self.sockets = vec![value.into()],
            "summary_interval" => {}
            "logging_level" => self.logging.level = number(name, value, 0.0, 7.0)? as u8,
            "message_tag" => value.clone_into(&mut self.logging.tag),
            "verbose" => self.logging.stdout = flag(name, value)?,
            "use_syslog" => self.logging.syslog = flag(name, value)?,
            _ => {
                // One table of linuxptp's keys for all programs: what that refuses, phc2sys refuses.
                return ptp_config::Linuxptp::new().option(name, value).map_err(|e| e.to_string());
            }
        }
        Ok(())
    }

    /// Only `[global]` counts; other sections are ports and tables of ptp4l.
    fn read(&mut self, path: &str) -> Result<(), String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {path}: {e}"))?;
        let mut global = true;
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(section) = line.strip_prefix('[') {
                global = section.trim_end_matches(']').trim() == "global";
                continue;
            }
            if !global {
                continue;
            }
            let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            if !self.locked.iter().any(|l| l == key) {
                self.key(key, value.trim()).map_err(|e| format!("{path}, line {}: {e}", i + 1))?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Parsed, String> {
        if let Some(file) = self.file.take() {
            self.read(&file)?;
        }
        let mut s = self.settings;
        s.output = match self.servo.as_str() {
            "linreg" => Output::Servo(ServoKind::Linreg),
            "ntpshm" => Output::NtpShm(self.shm_unit),
            "refclock_sock" => Output::ChronySock(self.sock),
            _ => Output::Servo(ServoKind::Pi),
        };
        if s.output.is_refclock() {
            // An NTP daemon's corrections are none of ours.
            s.sanity = 0.0;
        }
        s.leap = if self.kernel_leap { LeapMode::Kernel } else { LeapMode::Servo };
        if self.sockets.is_empty() {
            self.sockets.push(DEFAULT_SOCKET.into());
        }
        if self.sockets.len() > MAX_INSTANCES || self.domains.len() > MAX_INSTANCES {
            return Err(format!("too many sockets or domains: at most {MAX_INSTANCES}"));
        }
        let domains = self.domains;
        s.instances = self
            .sockets
            .into_iter()
            .enumerate()
            .map(|(i, socket)| Instance {
                socket,
                domain_number: domains.get(i).or(domains.last()).copied().unwrap_or(0),
                major_sdo_id: self.major_sdo_id,
                clock: None,
                sinks: Vec::new(),
            })
            .collect();
        s.check().map_err(|e| e.to_string())?;
        Ok(Parsed::Run(Box::new(s), self.logging))
    }
}

/// A device, an interface with a PHC, or a name.
pub(crate) fn clock(text: &str) -> Result<ClockName, String> {
    match text.parse() {
        Ok(name) => Ok(name),
        Err(_) => {
            let interface = Interface::query(text).map_err(|_| {
                format!(
                    "unknown clock {text}: no device, no interface and no name of a clock (CLOCK_REALTIME)"
                )
            })?;
            let phc = interface.phc_index();
            phc.map(ClockName::Phc).ok_or_else(|| format!("interface {text} does not have a PHC"))
        }
    }
}

pub(crate) fn number(name: &str, text: &str, min: f64, max: f64) -> Result<f64, String> {
    let value: f64 = text.trim().parse().map_err(|_| format!("{name}: {text} is a malformed value"))?;
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{name}: {text} is out of range. Must be in the range {min} to {max}"))
    }
}

fn flag(name: &str, text: &str) -> Result<bool, String> {
    match text.trim() {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(format!("{name}: {text} is neither 0 nor 1")),
    }
}

/// Options as getopt takes them: `-arr`, `-s eth0`, `--key=value`. The file is read last.
pub(crate) fn parse(arguments: &[String]) -> Result<Parsed, String> {
    let mut g = Gathered::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            break;
        }
        if let Some(long) = argument.strip_prefix("--") {
            let (key, value) = match long.split_once('=') {
                Some((key, value)) => (key, value.to_owned()),
                None => (long, rest.next().cloned().ok_or_else(|| format!("--{long} needs a value"))?),
            };
            g.key(key, &value)?;
            g.locked.push(key.to_owned());
            continue;
        }
        // Words that are no options mean nothing there: an empty variable in a unit's file is none of our business.
        let Some(letters) = argument.strip_prefix('-').filter(|l| !l.is_empty()) else { continue };
        for (i, letter) in letters.char_indices() {
            match letter {
                'a' => g.settings.automatic = true,
                'r' => {
                    g.settings.system_role = match g.settings.system_role {
                        SystemRole::None => SystemRole::Sink,
                        _ => SystemRole::SinkOrSource,
                    }
                }
                'w' => g.settings.wait = true,
                'x' => lock(&mut g, "-x", "kernel_leap", "0")?,
                'm' => lock(&mut g, "-m", "verbose", "1")?,
                'q' => lock(&mut g, "-q", "use_syslog", "0")?,
                'v' => return Ok(Parsed::Version),
                'h' => return Ok(Parsed::Help),
                _ if !WITH_VALUE.contains(letter) => {
                    return Err(format!("-{letter}: no such option\n{USAGE}"));
                }
                _ => {
                    let value = match letters.get(i + 1..) {
                        Some(value) if !value.is_empty() => value.to_owned(),
                        _ => {
                            rest.next().cloned().ok_or_else(|| format!("-{letter} needs a value\n{USAGE}"))?
                        }
                    };
                    with_value(&mut g, letter, &value)?;
                    break;
                }
            }
        }
    }
    g.finish()
}

/// An option that stands for a key; mistakes name the option.
fn lock(g: &mut Gathered, option: &str, key: &str, value: &str) -> Result<(), String> {
    g.locked.push(key.to_owned());
    g.key(key, value).map_err(|e| match e.strip_prefix(key) {
        Some(rest) => format!("{option}{rest}"),
        None => e,
    })
}

fn with_value(g: &mut Gathered, letter: char, value: &str) -> Result<(), String> {
    let option = format!("-{letter}");
    match letter {
        'c' => g.settings.sinks.push(clock(value)?),
        's' | 'i' => g.settings.source = Some(clock(value)?),
        'C' => g.settings.system_clock = clock(value)?,
        'd' => g.settings.pps = Some(value.to_owned()),
        'O' => {
            let seconds = number(&option, value, -86_400.0, 86_400.0)?;
            g.settings.offset = Some(TimeInterval::from_nanos_f64(seconds * 1e9));
        }
        'f' => g.file = Some(value.to_owned()),
        'R' => g.settings.rate = number(&option, value, 1e-9, 1_000.0)?,
        // The kernel makes 25 at once.
        'N' => g.settings.readings = number(&option, value, 1.0, 2_147_483_647.0)?.min(25.0) as u32,
        'u' => g.settings.summary = number(&option, value, 0.0, 4_294_967_295.0)? as u32,
        'E' => lock(g, &option, "clock_servo", value)?,
        'P' => lock(g, &option, "pi_proportional_const", value)?,
        'I' => lock(g, &option, "pi_integral_const", value)?,
        'S' => lock(g, &option, "step_threshold", value)?,
        'F' => lock(g, &option, "first_step_threshold", value)?,
        'L' => lock(g, &option, "sanity_freq_limit", value)?,
        'M' => lock(g, &option, "ntpshm_segment", value)?,
        'l' => lock(g, &option, "logging_level", value)?,
        't' => lock(g, &option, "message_tag", value)?,
        'n' => {
            g.domains.push(number(&option, value, 0.0, 255.0)? as u8);
            g.locked.push("domainNumber".to_owned());
        }
        'z' => {
            if value.len() > 107 {
                return Err(format!("path {value} too long, max is 107"));
            }
            g.sockets.push(value.into());
            g.locked.push("uds_address".to_owned());
        }
        _ => return Err(format!("{option}: no such option\n{USAGE}")),
    }
    Ok(())
}

/// The text of `-h`.
pub(crate) const fn usage() -> &'static str {
    USAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn settings(line: &str) -> (Settings, Logging) {
        match parse(&words(line)) {
            Ok(Parsed::Run(s, l)) => (*s, l),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_usual_lines_are_understood() {
        let (s, l) = settings("-arr -mq -l 7 -R8 -N 7 -t tag");
        assert!(s.automatic && s.drop_in && s.system_role == SystemRole::SinkOrSource);
        assert_eq!((s.rate, s.readings), (8.0, 7));
        assert_eq!(l, Logging { level: 7, tag: "tag".into(), stdout: true, syslog: false });
        assert_eq!(s.instances[0].socket, Path::new(DEFAULT_SOCKET));

        let (s, _) = settings("-s /dev/ptp0 -c CLOCK_REALTIME -O -37 -S 0.5 -F 0.001 -P 0.5 -I 0.1 -x -u 60");
        assert_eq!((s.source, s.sinks), (Some(ClockName::Phc(0)), vec![ClockName::System]));
        assert_eq!(s.offset, Some(TimeInterval::from_nanos(-37_000_000_000)));
        assert_eq!((s.step, s.first_step, s.proportional, s.integral), (0.5, 0.001, 0.5, 0.1));
        assert_eq!((s.leap, s.summary), (LeapMode::Servo, 60));

        let (s, _) = settings("-s /dev/ptp0 -w -E ntpshm -M 2");
        assert_eq!((s.output, s.wait), (Output::NtpShm(2), true));
        let (s, _) = settings("-a -r -z /run/a -z /run/b -n 24 -n 25 --transportSpecific=0x1");
        let seen: Vec<_> = s.instances.iter().map(|i| (i.domain_number, i.major_sdo_id)).collect();
        assert_eq!(seen, [(24, 1), (25, 1)]);
        // As getopt takes them: words between options and behind -- mean nothing.
        let (s, _) = settings("stray -a stray -r -N 50 -R 0.0001 -- -s /dev/ptp0 -y");
        assert!(s.automatic && s.source.is_none() && s.system_role == SystemRole::Sink);
        assert_eq!((s.readings, s.rate), (25, 0.0001));
        let (s, _) = settings("-d /dev/pps0 -s /dev/ptp0 -O 0");
        assert_eq!(s.pps.as_deref(), Some("/dev/pps0"));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            ("", "must be selected"),
            ("-a -s /dev/ptp0", "cannot be mixed"),
            ("-s /dev/ptp0", "time offset must be specified"),
            ("-s nonsense7 -w", "unknown clock nonsense7"),
            ("-a -R nan", "out of range"),
            ("-a -E none", "invalid servo name"),
            ("-a -y", "no such option"),
            ("-a --no_such_key 1", "no_such_key"),
            ("-a -l 9", "out of range"),
            ("-d /dev/pps0 -c /dev/ptp1", "pps"),
            ("-a -P -1", "-P: -1 is out of range"),
            ("-a -l x", "-l: x is a malformed value"),
            ("-a -R 0", "out of range"),
            ("stray", "must be selected"),
        ] {
            match parse(&words(line)) {
                Err(e) => assert!(e.contains(part), "{line}: {e}"),
                Ok(parsed) => panic!("{line}: {parsed:?}"),
            }
        }
    }

    #[test]
    fn files_of_linuxptp_are_read() {
        let path = std::env::temp_dir().join(format!("phc2sys-test-{}.cfg", std::process::id()));
        let text = "# all\n[global]\ndomainNumber 3\nstep_threshold\t0.25\nkernel_leap 0\nfree_running 1\npriority1 10\nmessage_tag abc\n[eth0]\nstep_threshold 9\n";
        std::fs::write(&path, text).expect("written");
        let (s, l) = settings(&format!("-a -r -f {} -S 1.5", path.display()));
        assert_eq!((s.instances[0].domain_number, s.leap), (3, LeapMode::Servo));
        assert!(s.free_running);
        assert_eq!(l.tag, "abc");
        // The command line goes before the file.
        assert_eq!(s.step, 1.5);
        std::fs::write(&path, "[global]\nnonsense 1\n").expect("written");
        let e = parse(&words(&format!("-a -f {}", path.display()))).expect_err("no such key");
        assert!(e.contains("line 2") && e.contains("nonsense"), "{e}");
        std::fs::remove_file(&path).expect("ours");
    }
}
