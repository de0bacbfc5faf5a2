//! `pmc nsm`, and linuxptp's `nsm`: measures how far any clock of the network is off, without becoming its client.

mod exchange;

use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ptp_daemon::{Interest, PollSet, Signals, Wait, monotonic_now};
use ptp_net::{Address, SocketOptions, Stamping, Transport};
use ptp_wire::{SdoId, TimeInterval};

use crate::config_file::ConfigFile;
use crate::input::Input;
use crate::options::{EXIT_NO_REPLY, EXIT_SUCCESS, Options};
use crate::tools::ToolError;
use exchange::{Asking, Monitor, NsmError};

/// linuxptp's exit code of a mistake, -1.
const MISTAKE: u8 = 255;
/// nsm's waiting for an answer.
const WINDOW: Duration = Duration::from_millis(100);

const USAGE: &str = "usage: nsm [options] [command]...

 -f FILE    configuration of linuxptp
 -i NAME    network interface
 -v         version
 -h         this text
 --KEY VALUE or --KEY=VALUE   any key of the configuration

Commands, from the command line or a line each from the standard input:
 NSM ADDRESS   measure the clock with this address, such as 192.0.2.1 or 00:11:22:33:44:55
 help          this";

const HELP: &str = "\tMeasure the clock that has this address:\n\n\tNSM 192.0.2.1\n\tNSM 00:11:22:33:44:55\n";

/// Options of `pmc nsm`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Whom to measure: IP addresses, or MAC addresses with -2
    #[arg(required = true, value_name = "ADDRESS")]
    targets: Vec<String>,
    /// The network card's stamps and clock instead of the kernel's and CLOCK_REALTIME
    #[arg(long)]
    hardware: bool,
    /// How much longer the way from there to here is than the mean of both ways, ns
    #[arg(long, value_name = "NS", default_value_t = 0, allow_negative_numbers = true)]
    delay_asymmetry: i32,
}

/// An address of the transport.
fn address(text: &str, transport: Transport) -> Option<Address> {
    let ip = text.parse::<IpAddr>();
    match (transport, ip) {
        (Transport::UdpIpv4, Ok(IpAddr::V4(a))) => Some(Address::Ipv4(a)),
        (Transport::UdpIpv6, Ok(IpAddr::V6(a))) => Some(Address::Ipv6(a)),
        (Transport::Ethernet, Err(_)) => {
            let mut octets = text.split(':').map(|o| {
                Some(o)
                    .filter(|o| matches!(o.len(), 1 | 2) && !o.starts_with('+'))
                    .and_then(|o| u8::from_str_radix(o, 16).ok())
            });
            let mut mac = [0; 6];
            for to in &mut mac {
                *to = octets.next()??;
            }
            octets.next().is_none().then_some(Address::Ethernet(mac))
        }
        _ => None,
    }
}

/// `pmc nsm`.
pub(crate) fn run(
    options: &Options,
    file: &ConfigFile,
    arguments: &Arguments,
    signals: &Signals,
) -> Result<u8, ToolError> {
    if options.uds {
        return Err(ToolError::Usage("nsm measures over the network: not with -u".to_owned()));
    }
    let transport = options.network_transport(file);
    let mut targets = Vec::with_capacity(arguments.targets.len());
    for text in &arguments.targets {
        targets.push(address(text, transport).ok_or_else(|| {
            ToolError::Usage(format!(
                "{text} is no address of {transport} (-4, -6 or -2 choose the transport)"
            ))
        })?);
    }
    let mut sockets = SocketOptions::new(options.interface.as_deref().unwrap_or("eth0"), transport);
    sockets.stamping = if arguments.hardware { Stamping::Hardware } else { Stamping::Software };
    let of = options.client_config(file);
    let asking = Asking {
        sockets,
        domain: of.domain_number,
        sdo_id: of.sdo_id,
        delay_asymmetry: TimeInterval::from_nanos(arguments.delay_asymmetry.into()),
        stamp_timeout: WINDOW,
    };
    let mut monitor = Monitor::open(asking).map_err(|e| ToolError::Usage(e.to_string()))?;
    let window = Duration::from_millis(options.wait.max(1).into()).max(WINDOW);
    let mut status = EXIT_SUCCESS;
    for target in targets {
        match monitor.measure(target, window, signals) {
            Ok(done) if options.json => {
                println!("{}", done.json().unwrap_or_default());
            }
            Ok(done) => print!("{}", done.text().unwrap_or_default()),
            Err(NsmError::Stopped) => return Ok(status),
            Err(e) => {
                eprintln!("pmc: {e}");
                status = EXIT_NO_REPLY;
            }
        }
    }
    Ok(status)
}

/// The program's name is nsm.
pub(crate) fn is_meant(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|n| n == "nsm")
}

/// What nsm's command line comes to.
#[derive(Debug, PartialEq)]
enum Parsed {
    Help,
    Version,
    Run { interface: String, config: ConfigFile, commands: Vec<String> },
}

fn parse(arguments: &[String]) -> Result<Parsed, String> {
    let mut interfaces = Vec::new();
    let (mut file, mut keys, mut commands) = (None, Vec::new(), Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if let Some(long) = argument.strip_prefix("--") {
            let (key, value) = match long.split_once('=') {
                Some((key, value)) => (key, value),
                None => {
                    (long, rest.next().ok_or_else(|| format!("--{long} needs a value\n\n{USAGE}"))?.as_str())
                }
            };
            keys.push((key.to_owned(), value.to_owned()));
            continue;
        }
        let Some(letters) = argument.strip_prefix('-').filter(|l| !l.is_empty()) else {
            commands.push(argument.clone());
            continue;
        };
        let letter = letters.chars().next().unwrap_or_default();
        match letter {
            'h' => return Ok(Parsed::Help),
            'v' => return Ok(Parsed::Version),
            'f' | 'i' => {
                let value =
                    letters.get(1..).filter(|v| !v.is_empty()).or_else(|| rest.next().map(String::as_str));
                let value = value.ok_or_else(|| format!("-{letter} needs a value\n\n{USAGE}"))?.to_owned();
                if letter == 'f' {
                    file = Some(value);
                } else {
                    interfaces.push(value);
                }
            }
            _ => return Err(format!("-{letter}: no such option\n\n{USAGE}")),
        }
    }
    let mut config = match file {
        Some(path) => ConfigFile::read(Path::new(&path)).map_err(|e| e.to_string())?,
        None => ConfigFile::default(),
    };
    for (key, value) in keys {
        config.set(&key, &value).map_err(|allowed| format!("--{key} {value}: must be {allowed}"))?;
    }
    match <[String; 1]>::try_from(interfaces) {
        Ok([interface]) => Ok(Parsed::Run { interface, config, commands }),
        Err(_) => Err("need exactly one interface".to_owned()),
    }
}

/// As nsm.
pub(crate) fn drop_in(arguments: &[String]) -> ExitCode {
    let done = match parse(arguments.get(1..).unwrap_or_default()) {
        Ok(Parsed::Help) => {
            eprintln!("{USAGE}");
            Ok(())
        }
        Ok(Parsed::Version) => {
            println!("{}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        Ok(Parsed::Run { interface, config, commands }) => serve(&interface, &config, &commands),
        Err(e) => Err(e),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            say(&e);
            ExitCode::from(MISTAKE)
        }
    }
}

/// A line of nsm's log.
fn say(text: &str) {
    let ms = monotonic_now() / 1_000_000;
    eprintln!("nsm[{}.{:03}]: {text}", ms / 1_000, ms % 1_000);
}

/// A command of nsm's.
#[derive(Debug, Eq, PartialEq)]
enum Word {
    Nothing,
    Help,
    Measure(Address),
}

fn command(line: &str, transport: Transport) -> Option<Word> {
    let mut words = line.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (None, ..) => Some(Word::Nothing),
        (Some(word), None, None) if word.eq_ignore_ascii_case("help") => Some(Word::Help),
        (Some(word), Some(target), None) if word.eq_ignore_ascii_case("nsm") => {
            address(target, transport).map(Word::Measure)
        }
        _ => None,
    }
}

/// Carries out commands until there are no more.
fn serve(interface: &str, config: &ConfigFile, commands: &[String]) -> Result<(), String> {
    let signals = Signals::install().map_err(|e| e.to_string())?;
    let transport = config.transport.unwrap_or(Transport::UdpIpv4);
    let mut sockets = SocketOptions::new(interface, transport);
    sockets.stamping = if config.software == Some(true) { Stamping::Software } else { Stamping::Hardware };
    let asking = Asking {
        sockets,
        domain: config.domain.unwrap_or(0),
        sdo_id: SdoId::new(u16::from(config.sdo_id.unwrap_or(0)) << 8),
        delay_asymmetry: TimeInterval::from_nanos(config.delay_asymmetry.unwrap_or(0).into()),
        stamp_timeout: config.stamp_timeout.map_or(WINDOW, |ms| Duration::from_millis(ms.into())),
    };
    let mut monitor = Monitor::open(asking).map_err(|e| e.to_string())?;
    let mut input = Input::new(commands);
    let mut poll = PollSet::new();
    while !signals.stop() {
        if let Some(line) = input.next() {
            match command(&line, transport) {
                Some(Word::Nothing) => {}
                Some(Word::Help) => print!("{HELP}"),
                Some(Word::Measure(target)) => match monitor.measure(target, WINDOW, &signals) {
                    Ok(done) => print!("{}", done.text().unwrap_or_default()),
                    // nsm says nothing then.
                    Err(NsmError::Incomplete { .. } | NsmError::Stopped) => {}
                    Err(e) => {
                        say(&e.to_string());
                        say("command failed");
                    }
                },
                None => {
                    say(&format!("bad command: {}", line.trim_end()));
                    say("command failed");
                }
            }
            continue;
        }
        let Some(fd) = input.fd() else { break };
        poll.clear();
        poll.add(fd, Interest::READ, ());
        if poll.wait(None).map_err(|e| e.to_string())? == Wait::Ready {
            input.read().map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_command_line_is_nsms() {
        assert!(is_meant("/usr/sbin/nsm") && !is_meant("pmc"));
        let Ok(Parsed::Run { interface, config, commands }) =
            parse(&words("-i eth0 --time_stamping=software --domainNumber 24 --network_transport L2 NSM"))
        else {
            panic!("refused")
        };
        assert_eq!((interface.as_str(), commands), ("eth0", vec!["NSM".to_owned()]));
        assert_eq!((config.domain, config.software), (Some(24), Some(true)));
        assert_eq!(config.transport, Some(Transport::Ethernet));
        assert_eq!(parse(&words("-v")), Ok(Parsed::Version));
        for line in
            ["", "-i eth0 -i eth1", "-x", "-i", "-i eth0 --domainNumber 256", "-i eth0 --domainNumber"]
        {
            assert!(parse(&words(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn commands_are_nsms() {
        let v4 = |line: &str| command(line, Transport::UdpIpv4);
        assert_eq!(v4("nsm 10.0.0.1"), Some(Word::Measure(Address::Ipv4([10, 0, 0, 1].into()))));
        assert_eq!((v4("  "), v4("HELP")), (Some(Word::Nothing), Some(Word::Help)));
        for line in ["NSM", "NSM 1.2.3", "NSM 00:11:22:33:44:55", "NSM 10.0.0.1 x", "help me", "foo"] {
            assert_eq!(v4(line), None, "{line}");
        }
        let mac = |line: &str| command(line, Transport::Ethernet);
        assert_eq!(mac("NSM 0:1:2:3:4:ff"), Some(Word::Measure(Address::Ethernet([0, 1, 2, 3, 4, 255]))));
        for line in ["NSM 0:1:2:3:4", "NSM 0:1:2:3:4:5:6", "NSM 0:1:2:3:4:+5", "NSM 0:1:2:3:4:100", "NSM ::1"]
        {
            assert_eq!(mac(line), None, "{line}");
        }
    }
}
