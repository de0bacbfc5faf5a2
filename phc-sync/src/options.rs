//! The command line. Letters mean what they mean in linuxptp's phc2sys.

use std::path::PathBuf;

use clap::Parser;
use ptp_clock::ClockName;
use ptp_config::Overrides;
use ptp_wire::TimeInterval;

use crate::file::{self, Loaded};
use crate::phc2sys::clock;

const LONG_ABOUT: &str = "Keeps the clocks of this machine in step with each other.\n\n\
    phc-sync -a -r follows the PTP instance (ptpd or ptp4l) of this machine; phc-sync -f FILE does what a file says; \
    phc-sync -s CLOCK -c CLOCK keeps one clock in step with another.\n\n\
    Clocks: phcN or /dev/ptpN (a PTP hardware clock) or an interface that has one, system or CLOCK_REALTIME (the system \
    clock), CLOCK_AUX0 to 7, virtual:PATH (a clock in shared memory, for trials).";

/// As typed.
#[derive(Debug, Parser)]
#[command(name = "phc-sync", version, about = "Keeps the clocks of this machine in step", long_about = LONG_ABOUT)]
#[command(
    after_help = "See also: phc-sync check --help, phc-sync config --help, phc-sync clock --help, phc-sync wait --help, phc-sync chrony --help"
)]
pub(crate) struct Options {
    /// Do what this file says; options given besides go before it
    #[arg(short = 'f', value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Check the file and the options, and end
    #[arg(long)]
    pub(crate) check: bool,

    /// Follow the PTP instance: sources and sinks by the states of its ports
    #[arg(short = 'a')]
    pub(crate) automatic: bool,

    /// With -a: steer the system clock, too; twice: it is the source where no port is a slave
    #[arg(short = 'r', action = clap::ArgAction::Count)]
    pub(crate) system: u8,

    /// The socket of a PTP instance; repeat for more, the most trusted first
    ///
    /// Default /var/run/ptp/ptp4l. Up to 16.
    #[arg(short = 'z', value_name = "SOCKET")]
    pub(crate) sockets: Vec<PathBuf>,

    /// The domain number of the instance with the same place in the list; the last one counts for the rest
    #[arg(short = 'n', value_name = "DOMAIN")]
    pub(crate) domains: Vec<u8>,

    /// What is meant by the system clock
    #[arg(short = 'C', value_name = "CLOCK", value_parser = clock)]
    pub(crate) system_clock: Option<ClockName>,

    /// The clock that is right
    #[arg(short = 's', value_name = "CLOCK", value_parser = clock)]
    pub(crate) source: Option<ClockName>,

    /// A clock to be steered; may be given several times, up to 128. Default: the system clock; with -a: none beside the ports'
    #[arg(short = 'c', value_name = "CLOCK", value_parser = clock)]
    pub(crate) sinks: Vec<ClockName>,

    /// Pulses that the kernel stamps; -s tells the seconds
    #[arg(short = 'd', value_name = "DEVICE")]
    pub(crate) pulses: Option<String>,

    /// What the sink shall be ahead of the source; for the system clock after a PHC on TAI: -37
    #[arg(short = 'O', value_name = "SECONDS", allow_negative_numbers = true, value_parser = offset)]
    pub(crate) offset: Option<TimeInterval>,

    /// Wait for the PTP instance, and take UTC's offset from it
    #[arg(short = 'w')]
    pub(crate) wait: bool,

    /// Readings per measurement, of which the quickest counts. Default 5
    #[arg(short = 'N', value_name = "READINGS", value_parser = clap::value_parser!(u32).range(1..=25))]
    pub(crate) readings: Option<u32>,

    /// Measurements per second. Default 1
    #[arg(short = 'R', value_name = "RATE", value_parser = rate)]
    pub(crate) rate: Option<f64>,

    /// The servo: pi, linreg, adaptive; or where to measurements go instead: ntpshm, refclock_sock. Default pi
    #[arg(short = 'E', value_name = "SERVO", value_parser = ["pi", "linreg", "adaptive", "ntpshm", "refclock_sock"])]
    pub(crate) servo: Option<String>,

    /// The unit of shared memory for -E ntpshm
    #[arg(short = 'M', value_name = "UNIT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=255))]
    pub(crate) shm_unit: u32,

    /// chronyd's socket for -E refclock_sock
    #[arg(long, value_name = "PATH", default_value = "/var/run/refclock.ptp.sock")]
    pub(crate) sock: PathBuf,

    /// The controller's proportional gain; 0: computed from the rate. Default 0.7
    #[arg(short = 'P', value_name = "KP", value_parser = not_negative)]
    pub(crate) proportional: Option<f64>,

    /// The controller's integral gain; 0: computed from the rate. Default 0.3
    #[arg(short = 'I', value_name = "KI", value_parser = not_negative)]
    pub(crate) integral: Option<f64>,

    /// Step away any offset larger than this many seconds; 0: never. Default 0
    #[arg(short = 'S', value_name = "SECONDS", value_parser = not_negative)]
    pub(crate) step: Option<f64>,

    /// Step away an offset larger than this many seconds at the start; 0: never. Default 0.00002
    #[arg(short = 'F', value_name = "SECONDS", value_parser = not_negative)]
    pub(crate) first_step: Option<f64>,

    /// A clock that runs faster or slower than this many ppb is not believed; 0: never checked. Default 200000000
    #[arg(short = 'L', value_name = "PPB", value_parser = not_negative)]
    pub(crate) sanity: Option<f64>,

    /// One summary line for so many measurements instead of a line for each; 0: a line for each
    #[arg(short = 'u', value_name = "COUNT")]
    pub(crate) summary: Option<u32>,

    /// Leap seconds by the servo instead of the kernel
    #[arg(short = 'x')]
    pub(crate) servo_leap: bool,

    /// Measure only, steer nothing
    #[arg(long, visible_alias = "free_running")]
    pub(crate) free_running: bool,

    /// Tell applications how far off the clock may be, on this page of shared memory
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = ptp_bound::DEFAULT_PATH)]
    pub(crate) error_bound_page: Option<PathBuf>,

    /// Write messages to standard output instead of standard error
    #[arg(short = 'm')]
    pub(crate) stdout: bool,

    /// Accepted and without effect: nothing goes to the system log
    #[arg(short = 'q')]
    pub(crate) quiet: bool,

    /// How much is logged: 3 errors, 4 warnings, 6 all, 7 what developers want. Default 6
    #[arg(short = 'l', value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(0..=7))]
    pub(crate) level: Option<u8>,

    /// Any other key of the file, like --set log_parts=servo=warn
    ///
    /// It goes before the file's.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,

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

fn offset(s: &str) -> Result<TimeInterval, String> {
    let v: f64 = s.parse().map_err(|_| "not a number".to_owned())?;
    if v.abs() <= 86_400.0 {
        Ok(TimeInterval::from_nanos_f64(v * 1e9))
    } else {
        Err("at most 86400 s either way".to_owned())
    }
}

impl Options {
    /// What they say, as values of the file's keys.
    pub(crate) fn overrides(&self) -> Result<Overrides, String> {
        let mut o = Overrides::default();
        match self.system {
            0 => {}
            1 => o.set("-r", "system_clock", "sink"),
            _ => o.set("-rr", "system_clock", "sink-or-source"),
        }
        if !self.sockets.is_empty() {
            let names: Vec<_> = self.sockets.iter().map(|p| p.display().to_string()).collect();
            o.set("-z", "instances", &names.join(","));
            for i in 0..self.sockets.len() {
                if let Some(domain) = self.domains.get(i).or(self.domains.last()) {
                    o.set("-n", &format!("instances[{i}].domain_number"), &domain.to_string());
                }
            }
        } else if let Some(domain) = self.domains.first() {
            o.set("-n", "instances[*].domain_number", &domain.to_string());
        }
        let threshold = |s: f64| if s > 0.0 { format!("{s}s") } else { "never".to_owned() };
        let sinks = (!self.sinks.is_empty())
            .then(|| self.sinks.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
        let output = match self.servo.as_deref() {
            Some("ntpshm") => Some(("ntp_shm_unit", self.shm_unit.to_string())),
            Some("refclock_sock") => Some(("chrony_sock", self.sock.display().to_string())),
            Some(servo) => Some(("servo", servo.to_owned())),
            None => None,
        };
        let level = |number: u8| match number {
            0..=3 => "error",
            4 => "warn",
            5 | 6 => "info",
            _ => "debug",
        };
        if let Some((key, value)) = output {
            // One of them counts, whatever the file says.
            for other in ["ntp_shm_unit", "chrony_sock"].iter().filter(|k| **k != key) {
                o.set("-E", other, "off");
            }
            o.set("-E", key, &value);
        }
        let page = self.error_bound_page.as_ref();
        for (option, key, value) in [
            ("-C", "system_clock_device", self.system_clock.as_ref().map(ToString::to_string)),
            ("-c", "sinks", sinks),
            ("-O", "offset", self.offset.map(|o| format!("{}ns", o.nanos_f64()))),
            ("-w", "wait", self.wait.then(|| "true".to_owned())),
            ("-N", "readings", self.readings.map(|n| n.to_string())),
            ("-R", "rate", self.rate.map(|r| r.to_string())),
            ("-P", "pi_proportional_const", self.proportional.map(|v| v.to_string())),
            ("-I", "pi_integral_const", self.integral.map(|v| v.to_string())),
            ("-S", "step_threshold", self.step.map(threshold)),
            ("-F", "first_step_threshold", self.first_step.map(threshold)),
            ("-L", "sanity_freq_limit", self.sanity.map(|v| format!("{v}ppb"))),
            ("-u", "summary_updates", self.summary.map(|n| n.to_string())),
            ("-x", "leap_second", self.servo_leap.then(|| "servo".to_owned())),
            ("--free-running", "free_running", self.free_running.then(|| "true".to_owned())),
            ("--error-bound-page", "error_bound_page", page.map(|p| p.display().to_string())),
            ("-l", "log_level", self.level.map(|n| level(n).to_owned())),
        ] {
            if let Some(value) = value {
                o.set(option, key, &value);
            }
        }
        if self.source.is_some() || self.pulses.is_some() {
            // Together they say what is right: what the file has of either does not count.
            let source = self.source.as_ref().map_or_else(|| "off".to_owned(), ToString::to_string);
            o.set(if self.source.is_some() { "-s" } else { "-d" }, "source", &source);
            let pulses = self.pulses.as_deref().unwrap_or("off");
            o.set(if self.pulses.is_some() { "-d" } else { "-s" }, "pulses", pulses);
        }
        ptp_program::file::set(&mut o, &self.set, "rate=8")?;
        Ok(o)
    }

    /// The file, and the options over it.
    pub(crate) fn load(&self) -> Result<Loaded, String> {
        let overrides = self.overrides()?;
        file::load(self.file.as_deref(), &overrides, self.automatic).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Output, SystemRole};

    fn parse(line: &str) -> Result<Options, clap::Error> {
        Options::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn clap_is_content() {
        use clap::CommandFactory;
        Options::command().debug_assert();
    }

    #[test]
    fn completions_and_manual_page_are_current() {
        use clap::CommandFactory;
        // Each of its commands reads its own command line.
        let words = clap::Arg::new("words").num_args(..).value_parser([
            "get",
            "set",
            "adjust",
            "frequency",
            "phase",
            "compare",
            "capabilities",
            "pins",
            "enable",
            "disable",
            "wait",
        ]);
        let command = Options::command()
            .disable_help_subcommand(true)
            .subcommand(crate::wait::WaitOptions::command().name("wait"))
            .subcommand(crate::chrony::ChronyOptions::command().name("chrony"))
            .subcommand(crate::configuration::CheckOptions::command().name("check"))
            .subcommand(crate::configuration::ConfigOptions::command().name("config"))
            .subcommand(
                clap::Command::new("clock")
                    .about("Reads, sets and compares a clock")
                    .arg(clap::Arg::new("clock").value_name("CLOCK"))
                    .arg(words),
            );
        crate::cli_documents::hold_manual_page("phc-sync.8", command.clone());
        crate::cli_documents::hold_completions("phc-sync", command);
    }

    #[test]
    fn the_usual_lines_are_understood() {
        let o = parse("phc-sync -s phc0 -c CLOCK_REALTIME -O -37 -R 8 -N 7 -m -q").expect("a good line");
        let s = o.load().expect("good settings").settings;
        assert_eq!((s.source, s.sinks), (Some(ClockName::Phc(0)), vec![ClockName::System]));
        assert_eq!(s.offset, Some(TimeInterval::from_nanos(-37_000_000_000)));
        assert_eq!((s.rate, s.readings, s.step), (8.0, 7, 0.0));
        assert!(o.stdout && o.quiet && !s.free_running && !s.drop_in);
        let s = parse("phc-sync -arr -z /run/a -z /run/b -n 3").expect("a good line").load();
        let s = s.expect("good settings").settings;
        assert!(s.automatic && s.system_role == SystemRole::SinkOrSource);
        assert_eq!(s.instances.iter().map(|i| i.domain_number).collect::<Vec<_>>(), [3, 3]);
        let s = parse("phc-sync -s phc0 -O 0 -E ntpshm -M 4").expect("a good line").load();
        assert_eq!(s.expect("good settings").settings.output, Output::NtpShm(4));
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "phc-sync -s phc0 -c phc1 -R 0",
            "phc-sync -s phc0 -c phc1 -R nan",
            "phc-sync -s phc0 -c phc1 -N 26",
            "phc-sync -s phc0 -c phc1 -P -1",
            "phc-sync -s phc0 -c phc1 -S inf",
            "phc-sync -s phc0 -c system -O 1e30",
            "phc-sync -s nonsense -c phc0",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let wrong = |line| parse(line).expect("clap takes it").load().expect_err("but it is wrong");
        assert!(wrong("phc-sync").contains("-a"));
        assert!(wrong("phc-sync -s phc0 -c /dev/ptp0").contains("itself"));
        assert!(wrong("phc-sync -s phc0 -c phc1 -c phc1").contains("twice"));
        assert!(wrong("phc-sync -s phc0 -c system").contains("-O -37"));
        assert!(wrong("phc-sync -f /nonexistent.yaml").contains("/nonexistent.yaml"));
    }
}
