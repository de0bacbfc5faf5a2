//! `ptpd stamping`, and `hwstamp_ctl`: how a network card stamps, read and set.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use ptp_net::{CardStamping, Interface, NetError, StampingInfo};

/// HWTSTAMP_TX_*, by number, as `ethtool -T` calls them.
const TX_TYPES: [&str; 4] = ["off", "on", "onestep-sync", "onestep-p2p"];

/// HWTSTAMP_FILTER_*, by number, as `ethtool -T` calls them.
const RX_FILTERS: [&str; 16] = [
    "none",
    "all",
    "some",
    "ptpv1-l4-event",
    "ptpv1-l4-sync",
    "ptpv1-l4-delay-req",
    "ptpv2-l4-event",
    "ptpv2-l4-sync",
    "ptpv2-l4-delay-req",
    "ptpv2-l2-event",
    "ptpv2-l2-sync",
    "ptpv2-l2-delay-req",
    "ptpv2-event",
    "ptpv2-sync",
    "ptpv2-delay-req",
    "ntp-all",
];

/// What the card could not be asked or told.
const FAILED: u8 = 1;
/// hwstamp_ctl's exit code of a mistake, -1.
const MISTAKE: u8 = 255;

const USAGE: &str = "usage: hwstamp_ctl [options]

 -i NAME    network interface
 -r 0..14   what is stamped of that which is received:
              0 nothing            1 everything         2 (not to be asked for)
              3 PTPv1 UDP events   4 PTPv1 UDP Sync     5 PTPv1 UDP Delay_Req
              6 PTPv2 UDP events   7 PTPv2 UDP Sync     8 PTPv2 UDP Delay_Req
              9 PTPv2 Ethernet events  10 Sync  11 Delay_Req
             12 PTPv2 events over both 13 Sync  14 Delay_Req
 -t 0|1     whether that is stamped which is sent
 -v         version
 -h         this text
Without -r and -t the card is only asked.";

/// Options of `ptpd stamping`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The network interface
    #[arg(short, long = "interface", value_name = "NAME")]
    interface: String,
    /// What is stamped of that which is sent: off, on, onestep-sync, onestep-p2p
    #[arg(short, long, value_name = "TYPE", value_parser = tx_type)]
    transmit: Option<u32>,
    /// What is stamped of that which is received: none, all, ptpv2-event, ptpv2-l2-event, ptpv2-l4-event, ...
    #[arg(short, long, value_name = "FILTER", value_parser = rx_filter)]
    receive: Option<u32>,
}

fn number(names: &[&str], text: &str) -> Result<u32, String> {
    let by_name = names.iter().position(|n| *n == text);
    let by_number = || text.parse().ok().filter(|n: &usize| *n < names.len());
    let found = by_name.or_else(by_number).and_then(|n| u32::try_from(n).ok());
    found.ok_or_else(|| format!("must be one of {}", names.join(", ")))
}

fn tx_type(text: &str) -> Result<u32, String> {
    number(&TX_TYPES, text)
}

fn rx_filter(text: &str) -> Result<u32, String> {
    number(&RX_FILTERS, text)
}

/// A number's name.
fn name(names: &[&str], number: u32) -> String {
    let known = usize::try_from(number).ok().and_then(|n| names.get(n));
    known.map_or_else(|| format!("{number} (not known here)"), ToString::to_string)
}

/// Names of all bits that are set.
fn all_names(names: &[&str], bits: u32) -> String {
    let set: Vec<_> = (0..32u32).filter(|b| bits >> b & 1 == 1).map(|b| name(names, b)).collect();
    if set.is_empty() { "nothing".to_owned() } else { set.join(", ") }
}

fn show(stamping: CardStamping) -> String {
    let CardStamping { tx_type, rx_filter } = stamping;
    format!("transmit {}, receive {}", name(&TX_TYPES, tx_type), name(&RX_FILTERS, rx_filter))
}

fn abilities(info: &StampingInfo) -> String {
    let clock = info.phc_index.map_or_else(|| "none".to_owned(), |n| format!("/dev/ptp{n}"));
    let yes = |can| if can { "yes" } else { "no" };
    format!(
        "can transmit:     {}\ncan receive:      {}\nPTP clock:        {clock}\nhardware stamps:  {}\nsoftware stamps:  {}",
        all_names(&TX_TYPES, info.tx_types),
        all_names(&RX_FILTERS, info.rx_filters),
        yes(info.hardware()),
        yes(info.software_transmit()),
    )
}

/// `ptpd stamping`.
pub(crate) fn main(arguments: &Arguments) -> ExitCode {
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(FAILED)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), NetError> {
    let name = arguments.interface.as_str();
    let interface = Interface::query(name)?;
    let now = CardStamping::read(name);
    if arguments.transmit.is_none() && arguments.receive.is_none() {
        println!("{}", abilities(&interface.stamping));
        println!("stamps now:       {}", show(now?));
        return Ok(());
    }
    // Of two only one is given: the other stays, where the card can tell what it is.
    let wanted = match (arguments.transmit, arguments.receive) {
        (Some(tx_type), Some(rx_filter)) => CardStamping { tx_type, rx_filter },
        (tx_type, rx_filter) => {
            let now = now?;
            CardStamping {
                tx_type: tx_type.unwrap_or(now.tx_type),
                rx_filter: rx_filter.unwrap_or(now.rx_filter),
            }
        }
    };
    let done = wanted.set(name)?;
    println!("{name}: {}", show(done));
    if done != wanted {
        println!("asked for was: {}", show(wanted));
    }
    Ok(())
}

/// The program's name is hwstamp_ctl.
pub(crate) fn is_meant(arguments: &[String]) -> bool {
    let name = arguments.first().map_or("", String::as_str);
    Path::new(name).file_name().is_some_and(|n| n == "hwstamp_ctl")
}

/// What hwstamp_ctl's command line comes to.
#[derive(Debug, PartialEq)]
enum Parsed {
    Help,
    Version,
    Read(String),
    /// What is not given is 0.
    Set(String, CardStamping),
}

fn parse(arguments: &[String]) -> Result<Parsed, String> {
    let (mut interface, mut tx, mut rx) = (None, None, None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut letters = argument.strip_prefix('-').unwrap_or_default().chars();
        let Some(letter) = letters.next() else { continue };
        match letter {
            'h' => return Ok(Parsed::Help),
            'v' => return Ok(Parsed::Version),
            'i' | 'r' | 't' => {}
            _ => return Err(format!("-{letter}: no such option\n\n{USAGE}")),
        }
        let value =
            Some(letters.as_str()).filter(|v| !v.is_empty()).or_else(|| rest.next().map(String::as_str));
        let value = value.ok_or_else(|| format!("-{letter} needs a value\n\n{USAGE}"))?;
        let in_range = |max: u32| {
            let number: Option<u32> = value.parse().ok().filter(|n| *n <= max);
            number.ok_or_else(|| {
                format!("-{letter}: {value} is out of range. Must be in the range 0 to {max}\n\n{USAGE}")
            })
        };
        match letter {
            'i' => interface = Some(value.to_owned()),
            'r' => rx = Some(in_range(14)?),
            _ => tx = Some(in_range(1)?),
        }
    }
    let interface = interface.ok_or(USAGE)?;
    Ok(match (tx, rx) {
        (None, None) => Parsed::Read(interface),
        (tx, rx) => {
            Parsed::Set(interface, CardStamping { tx_type: tx.unwrap_or(0), rx_filter: rx.unwrap_or(0) })
        }
    })
}

/// As hwstamp_ctl: its output, and errno as exit code.
pub(crate) fn drop_in(arguments: &[String]) -> ExitCode {
    let parsed = match parse(arguments.get(1..).unwrap_or_default()) {
        Ok(parsed) => parsed,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::from(MISTAKE);
        }
    };
    let settings =
        |of: CardStamping| format!("settings:\ntx_type {}\nrx_filter {}", of.tx_type, of.rx_filter);
    let done = match parsed {
        Parsed::Help => {
            eprintln!("{USAGE}");
            Ok(())
        }
        Parsed::Version => {
            println!("{}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        Parsed::Read(name) => CardStamping::read(&name)
            .map(|now| println!("current {}", settings(now)))
            .map_err(|e| ("SIOCGHWTSTAMP", e)),
        Parsed::Set(name, wanted) => {
            // A driver that cannot tell may still be told.
            match CardStamping::read(&name) {
                Ok(now) => println!("current {}", settings(now)),
                Err(e) => eprintln!("{e}"),
            }
            wanted.set(&name).map(|done| println!("new {}", settings(done))).map_err(|e| ("SIOCSHWTSTAMP", e))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((call, e)) => {
            eprintln!("{call} failed: {e}");
            ExitCode::from(errno(&e))
        }
    }
}

/// The kernel's number for it.
fn errno(e: &NetError) -> u8 {
    const EPERM: u8 = 1;
    const ENODEV: u8 = 19;
    const EOPNOTSUPP: u8 = 95;
    match e {
        NetError::Privilege { .. } => EPERM,
        NetError::NoInterface { .. } => ENODEV,
        NetError::NoStamping { .. } => EOPNOTSUPP,
        _ => e.raw_os_error().and_then(|n| u8::try_from(n).ok()).unwrap_or(MISTAKE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_command_line_is_hwstamp_ctls() {
        assert!(is_meant(&words("/usr/sbin/hwstamp_ctl -h")) && !is_meant(&words("ptpd stamping")));
        assert_eq!(parse(&words("-i eth0")), Ok(Parsed::Read("eth0".into())));
        let set = |tx_type, rx_filter| Ok(Parsed::Set("eth0".into(), CardStamping { tx_type, rx_filter }));
        assert_eq!(parse(&words("-ieth0 -t1 -r 12")), set(1, 12));
        assert_eq!(parse(&words("-r 1 -i eth0")), set(0, 1));
        assert_eq!(parse(&words("-vi eth0")), Ok(Parsed::Version));
        for line in ["", "-r 1", "-i", "-i eth0 -r 15", "-i eth0 -r x", "-i eth0 -t 2", "-i eth0 -x"] {
            assert!(parse(&words(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn names_and_numbers_are_the_kernels() {
        assert_eq!((tx_type("onestep-p2p"), tx_type("1")), (Ok(3), Ok(1)));
        assert_eq!((rx_filter("ptpv2-event"), rx_filter("ptpv2-l2-event")), (Ok(12), Ok(9)));
        assert!(tx_type("4").is_err() && rx_filter("ptpv3").is_err() && rx_filter("-1").is_err());
        assert_eq!(
            show(CardStamping { tx_type: 1, rx_filter: 77 }),
            "transmit on, receive 77 (not known here)"
        );
        assert_eq!(all_names(&TX_TYPES, 0b101), "off, onestep-sync");
        assert_eq!(all_names(&TX_TYPES, 0), "nothing");
    }

    #[test]
    fn devices_without_stamps_refuse() {
        for arguments in [words("hwstamp_ctl -i lo"), words("hwstamp_ctl -i no-such-if -t 1")] {
            assert_ne!(format!("{:?}", drop_in(&arguments)), format!("{:?}", ExitCode::SUCCESS));
        }
        let ask = Arguments { interface: "lo".into(), transmit: Some(1), receive: None };
        assert!(matches!(run(&ask), Err(NetError::NoStamping { .. })));
        assert_eq!(errno(&NetError::NoInterface { interface: "x".into() }), 19);
        assert_eq!(errno(&NetError::NoStamping { interface: "x".into(), lacks: "stamps" }), 95);
    }
}
