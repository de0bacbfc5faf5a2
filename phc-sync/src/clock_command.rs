//! `phc-sync clock`, and `phc_ctl`: one clock by hand.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use ptp_clock::{AuxClock, Clock, ClockError, ClockName, Phc, PinFunction, realtime_now};
use ptp_daemon::{PollSet, Signals, monotonic_now};
use ptp_wire::{TimeInterval, TimePoint};

use crate::phc2sys::clock;

const USAGE: &str = "usage: phc-sync clock [options] CLOCK [COMMAND..]

 CLOCK     phcN, /dev/ptpN, an interface with a PHC, system, CLOCK_AUX0 to 7, virtual:PATH
 options
 -l NUM    log level: errors only below 5
 -q        accepted, without effect: nothing goes to the system log
 -Q        print nothing
 -v        version
 -h        this text

 commands, carried out one after another; seconds and ppb are decimal numbers
 get                   the clock's time
 set [SECONDS]         set it; without a number to CLOCK_REALTIME
 adj, adjust SECONDS   add to it
 freq, frequency [PPB] set the frequency; without a number show it
 phase SECONDS         have the device correct its phase by itself
 cmp, compare          offset from CLOCK_REALTIME
 caps, capabilities    what the device can do (default)
 pins                  the device's pins
 enable, disable       an auxiliary clock begins at zero, or vanishes
 wait SECONDS          wait";

/// phc_ctl's exit code of a mistake, -1.
const MISTAKE: u8 = 255;

/// The program's name is phc_ctl.
pub(crate) fn is_meant(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|n| n == "phc_ctl")
}

/// A step of the program on the command line.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Command {
    Get,
    Set(Option<f64>),
    Adjust(f64),
    Frequency(Option<f64>),
    Phase(f64),
    Compare,
    Capabilities,
    Pins,
    /// An auxiliary clock.
    Enable(bool),
    Wait(f64),
}

/// What the command line comes to.
#[derive(Debug, PartialEq)]
enum Parsed {
    Run { clock: ClockName, commands: Vec<Command>, silent: bool },
    Help,
    Version,
}

fn parse(arguments: &[String]) -> Result<Parsed, String> {
    let mut rest = arguments.iter().map(String::as_str).peekable();
    let mut silent = false;
    while let Some(option) = rest.next_if(|a| a.starts_with('-') && a.len() > 1) {
        match option {
            "-q" => {}
            "-Q" => silent = true,
            "-h" | "--help" => return Ok(Parsed::Help),
            "-v" | "--version" => return Ok(Parsed::Version),
            _ if option.starts_with("-l") => {
                let level = match option.strip_prefix("-l") {
                    Some("") | None => rest.next().unwrap_or_default(),
                    Some(level) => level,
                };
                let level: u8 = level.parse().map_err(|_| format!("-l: {level} is a malformed value"))?;
                if level > 7 {
                    return Err(format!("-l: {level} is out of range. Must be in the range 0 to 7"));
                }
                // Results are notices, 5.
                silent |= level < 5;
            }
            "--" => {}
            _ => return Err(format!("{option}: no such option\n{USAGE}")),
        }
    }
    let name = rest.next().ok_or_else(|| USAGE.to_owned())?;
    let clock = clock(name)?;
    let mut commands = Vec::new();
    let number = |text: Option<&str>, command: &str| -> Result<f64, String> {
        let text = text.ok_or_else(|| format!("{command}: missing required argument"))?;
        let value: Option<f64> = text.parse().ok().filter(|v: &f64| v.is_finite());
        value.ok_or_else(|| format!("{command}: '{text}' is not a valid double"))
    };
    while let Some(word) = rest.next() {
        // An optional number is there if it is one; a word that begins like one is a mistake.
        let starts = |a: &&str| a.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
        commands.push(match word {
            "--" => continue,
            "get" => Command::Get,
            "set" => Command::Set(rest.next_if(starts).map(|a| number(Some(a), word)).transpose()?),
            "adj" | "adjust" => Command::Adjust(number(rest.next(), word)?),
            "freq" | "frequency" => {
                Command::Frequency(rest.next_if(starts).map(|a| number(Some(a), word)).transpose()?)
            }
            "phase" => Command::Phase(number(rest.next(), word)?),
            "cmp" | "compare" => Command::Compare,
            "caps" | "capabilities" => Command::Capabilities,
            "pins" => Command::Pins,
            "enable" => Command::Enable(true),
            "disable" => Command::Enable(false),
            "wait" => match number(rest.next(), word)? {
                seconds if seconds < 0.0 => return Err(format!("wait: {seconds} s are in the past")),
                seconds => Command::Wait(seconds),
            },
            _ => return Err(format!("unknown command {word}.")),
        });
    }
    if commands.is_empty() {
        commands.push(Command::Capabilities);
    }
    Ok(Parsed::Run { clock, commands, silent })
}

/// Carries out the command line.
pub(crate) fn main(program: &'static str, arguments: &[String]) -> ExitCode {
    match parse(arguments) {
        Ok(Parsed::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Parsed::Version) => {
            println!("{}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Ok(Parsed::Run { clock, commands, silent }) => run(program, &clock, &commands, silent),
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(MISTAKE)
        }
    }
}

fn run(program: &'static str, name: &ClockName, commands: &[Command], silent: bool) -> ExitCode {
    let say = |text: &str| {
        if !silent {
            let ms = monotonic_now() / 1_000_000;
            println!("{program}[{}.{:03}]: {text}", ms / 1000, ms % 1000);
        }
    };
    let writes = |c: &Command| {
        !matches!(
            c,
            Command::Get
                | Command::Frequency(None)
                | Command::Compare
                | Command::Capabilities
                | Command::Pins
                | Command::Wait(_)
        )
    };
    // One that is not enabled cannot be opened, and one that was disabled has to be opened again.
    let mut device: Option<Device> = None;
    for command in commands {
        let done = match (command, &mut device) {
            (Command::Enable(on), _) => {
                device = None;
                enable(name, *on)
            }
            (_, Some(device)) => device.carry_out(*command),
            (_, None) => Device::open(name, commands.iter().any(writes))
                .and_then(|opened| device.insert(opened).carry_out(*command)),
        };
        match done {
            Ok(text) => say(&text),
            Err(e) => {
                eprintln!("{e}");
                return ExitCode::from(MISTAKE);
            }
        }
    }
    ExitCode::SUCCESS
}

fn enable(name: &ClockName, on: bool) -> Result<String, ClockError> {
    let word = if on { "enabled" } else { "disabled" };
    match name {
        ClockName::Auxiliary(n) => AuxClock::enable(*n, on).map(|()| format!("{name} is {word}")),
        _ => {
            let doing = if on { "enabling the clock" } else { "disabling the clock" };
            Err(ClockError::Unsupported { clock: name.to_string(), doing })
        }
    }
}

/// PHCs can do more than other clocks.
enum Device {
    Phc(Box<Phc>),
    Other(Box<dyn Clock>),
}

impl Device {
    fn open(name: &ClockName, writes: bool) -> Result<Self, ClockError> {
        Ok(match name {
            ClockName::Phc(n) => Self::Phc(Box::new(Phc::open(*n)?)),
            _ if writes => Self::Other(name.open()?),
            _ => Self::Other(name.open_read_only()?),
        })
    }

    fn clock(&mut self) -> &mut dyn Clock {
        match self {
            Self::Phc(phc) => phc.as_mut(),
            Self::Other(clock) => clock.as_mut(),
        }
    }

    fn phc(&mut self, doing: &'static str) -> Result<&mut Phc, ClockError> {
        match self {
            Self::Phc(phc) => Ok(phc),
            Self::Other(clock) => Err(ClockError::Unsupported { clock: clock.name().to_owned(), doing }),
        }
    }

    fn carry_out(&mut self, command: Command) -> Result<String, ClockError> {
        Ok(match command {
            Command::Get => format!("clock time is {}", time(self.clock().now()?)),
            Command::Set(to) => {
                let to = to.map_or_else(realtime_now, |s| TimePoint::from_nanos((s * 1e9) as i128));
                self.clock().set(to)?;
                format!("set clock time to {}", time(to))
            }
            Command::Adjust(seconds) => {
                self.clock().step(interval(seconds))?;
                format!("adjusted clock by {seconds:.6} seconds")
            }
            Command::Frequency(None) => {
                format!("clock frequency offset is {:.6}ppb", self.clock().frequency()?)
            }
            Command::Frequency(Some(ppb)) => {
                self.clock().set_frequency(ppb)?;
                format!("adjusted clock frequency offset to {ppb:.6}ppb")
            }
            Command::Phase(seconds) => {
                self.phc("adjusting the phase")?.adjust_phase(interval(seconds))?;
                format!("adjusted clock phase by {seconds:.6} seconds")
            }
            Command::Compare => {
                let c = self.clock().cross_stamp(5)?;
                // phc_ctl's sign: the system clock minus the device.
                let ns = c.system.nanos() - c.device.nanos();
                format!("offset from CLOCK_REALTIME is {ns}ns")
            }
            Command::Capabilities => self.capabilities()?,
            Command::Pins => self.pins()?,
            Command::Enable(_) => {
                return Err(ClockError::Unsupported {
                    clock: self.clock().name().to_owned(),
                    doing: "enabling the clock",
                });
            }
            Command::Wait(seconds) => {
                wait(seconds);
                format!("process slept for {seconds:.6} seconds")
            }
        })
    }

    fn capabilities(&mut self) -> Result<String, ClockError> {
        let phc = match self {
            Self::Phc(phc) => phc,
            Self::Other(clock) if clock.auxiliary_id().is_some() => {
                return Ok(format!(
                    "\ncapabilities:\n  {} maximum frequency adjustment (ppb)\n  an auxiliary clock of the kernel: no pins, no phase adjustment",
                    clock.max_frequency()
                ));
            }
            Self::Other(clock) => return Ok(format!("{} is not a PHC device.", clock.name())),
        };
        let c = phc.capabilities();
        let has = |yes: bool| if yes { "has" } else { "doesn't have" };
        let mut text = format!(
            "\ncapabilities:\n  {} maximum frequency adjustment (ppb)\n  0 programable alarms\n  {} external time stamp channels\n  {} programmable periodic signals\n  {} configurable input/output pins\n  {} pulse per second support\n  {} cross timestamping support",
            c.max_frequency_ppb,
            c.external_timestamp_channels,
            c.periodic_output_channels,
            c.pins,
            has(c.pps),
            has(c.cross_timestamping),
        );
        if c.adjust_phase {
            let _ = write!(text, "\n  {} maximum offset adjustment (ns)", c.max_phase_ns);
        }
        let _ = write!(text, "\n  {} phase adjustment support", has(c.adjust_phase));
        Ok(text)
    }

    fn pins(&mut self) -> Result<String, ClockError> {
        let pins = self.phc("listing the pins")?.pins()?;
        if pins.is_empty() {
            return Ok("device has no configurable pins".to_owned());
        }
        let lines: Vec<String> = pins
            .iter()
            .map(|pin| {
                let function = match pin.function {
                    PinFunction::None => "no function",
                    PinFunction::ExternalTimestamp => "external timestamp",
                    PinFunction::PeriodicOutput => "periodic output",
                    _ => "another function",
                };
                format!("pin {} {}: {function}, channel {}", pin.index, pin.name, pin.channel)
            })
            .collect();
        Ok(lines.join("\n"))
    }
}

fn interval(seconds: f64) -> TimeInterval {
    TimeInterval::from_nanos_f64(seconds * 1e9)
}

/// Waits by poll; a signal ends it.
fn wait(seconds: f64) {
    let Ok(signals) = Signals::install() else { return };
    let mut poll = PollSet::<()>::new();
    let end = monotonic_now().saturating_add((seconds.max(0.0) * 1e9) as u64);
    while !signals.stop() && monotonic_now() < end {
        if poll.wait(Some(end)).is_err() {
            return;
        }
    }
}

/// Seconds and nanoseconds, and the same as a date (UTC).
fn time(t: TimePoint) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let ns = t.nanos();
    let (seconds, fraction) = (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000));
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, of_month) = date(day);
    let weekday = usize::try_from(day.rem_euclid(7)).ok().and_then(|i| DAYS.get(i)).unwrap_or(&"?");
    let month = MONTHS.get(month).unwrap_or(&"?");
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        "{seconds}.{fraction:09} or {weekday} {month} {of_month:2} {hour:02}:{minute:02}:{second:02} {year}"
    )
}

/// Year, month from 0, and day of the month of a day since 1970 (proleptic Gregorian).
fn date(day: i128) -> (i128, usize, i128) {
    // Counted from 1 March of year 0, so that the leap day comes last.
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let january_based = if month < 10 { month + 2 } else { month - 10 };
    let year = year_of_era + era * 400 + i128::from(january_based < 2);
    (year, usize::try_from(january_based).unwrap_or(0), of_month)
}

#[cfg(test)]
mod tests {
    use ptp_clock::{VirtualClock, VirtualOptions};

    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn commands_are_chained() {
        let parsed =
            parse(&words("-q /dev/ptp0 freq 100000000 set 0.0 wait 10.0 get set freq -5 adj -.5 cmp"));
        let Ok(Parsed::Run { clock, commands, silent }) = parsed else { panic!("{parsed:?}") };
        assert_eq!((clock, silent), (ClockName::Phc(0), false));
        use Command as C;
        assert_eq!(
            commands,
            [
                C::Frequency(Some(1e8)),
                C::Set(Some(0.0)),
                C::Wait(10.0),
                C::Get,
                C::Set(None),
                C::Frequency(Some(-5.0)),
                C::Adjust(-0.5),
                C::Compare
            ]
        );
        let parsed = parse(&words("-Q phc3"));
        let caps = vec![C::Capabilities];
        assert_eq!(parsed, Ok(Parsed::Run { clock: ClockName::Phc(3), commands: caps, silent: true }));
        for (line, part) in [
            ("", "usage"),
            ("phc0 bogus", "unknown command bogus."),
            ("phc0 adj", "missing"),
            ("phc0 adj x", "not a valid double"),
            ("phc0 wait nan", "not a valid double"),
            ("phc0 wait -1", "in the past"),
            ("-l 9 phc0", "out of range"),
            ("nosuch9 get", "unknown clock nosuch9"),
            ("-y phc0", "no such option"),
        ] {
            let e = parse(&words(line)).expect_err(line);
            assert!(e.contains(part), "{line}: {e}");
        }
    }

    #[test]
    fn times_are_dates() {
        let t = |s: i128| time(TimePoint::from_nanos(s * 1_000_000_000 + 5));
        assert_eq!(t(0), "0.000000005 or Thu Jan  1 00:00:00 1970");
        assert_eq!(t(1_795_259_106), "1795259106.000000005 or Sat Nov 21 11:05:06 2026");
        assert_eq!(t(951_782_400), "951782400.000000005 or Tue Feb 29 00:00:00 2000");
        assert_eq!(t(1_483_228_799), "1483228799.000000005 or Sat Dec 31 23:59:59 2016");
    }

    #[test]
    fn a_clock_is_worked_by_hand() {
        let path = std::env::temp_dir().join(format!("phc-sync-hand-{}", std::process::id()));
        drop(VirtualClock::create(&path, &VirtualOptions::default()).expect("a clock"));
        let name = ClockName::Virtual(path.clone());
        let mut d = Device::open(&name, true).expect("a clock");
        assert_eq!(
            d.carry_out(Command::Set(Some(7.5))).expect("set"),
            "set clock time to 7.500000000 or Thu Jan  1 00:00:07 1970"
        );
        assert!(d.carry_out(Command::Get).expect("get").starts_with("clock time is 7.5"));
        assert_eq!(d.carry_out(Command::Adjust(2.0)).expect("adj"), "adjusted clock by 2.000000 seconds");
        assert!(d.carry_out(Command::Get).expect("get").starts_with("clock time is 9.5"));
        d.carry_out(Command::Frequency(Some(1_250.0))).expect("freq");
        assert!(
            d.carry_out(Command::Frequency(None))
                .expect("freq")
                .starts_with("clock frequency offset is 1250.0")
        );
        assert!(d.carry_out(Command::Phase(1e-6)).is_err());
        assert!(d.carry_out(Command::Capabilities).expect("caps").contains("is not a PHC"));
        d.carry_out(Command::Set(None)).expect("set");
        let said = d.carry_out(Command::Compare).expect("cmp");
        let ns: Option<i64> = said
            .strip_prefix("offset from CLOCK_REALTIME is ")
            .and_then(|s| s.strip_suffix("ns")?.parse().ok());
        assert!(ns.is_some_and(|ns| ns.abs() < 1_000_000_000), "{said}");
        std::fs::remove_file(&path).expect("ours");
    }
}
