//! Called as `ptp4l`: linuxptp's options, configuration files, exit codes and log.

use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitCode;

use ptp_config::{Imported, Linuxptp};
use ptp_daemon::{LogFormat, LogOptions, init_log};
use tracing::{info, warn};

use crate::app;

/// ptp4l's exit code of a bad configuration file, -2.
const BAD_CONFIG: u8 = 254;
/// ptp4l's exit code of everything else it cannot start with, -1.
const BAD_START: u8 = 255;

const USAGE: &str = "usage: ptp4l [options]

 Delay mechanism
 -A        automatic        -E  E2E (default)   -P  P2P
 Transport
 -2        IEEE 802.3       -4  UDP/IPv4 (default)   -6  UDP/IPv6
 Time stamping
 -H        hardware (default)   -S  software   -L  hardware, the old way
 Others
 -f FILE   configuration of linuxptp; - is standard input
 -i NAME   interface; may be given several times
 -p DEV    obsolete, without effect
 -s        client only
 -l NUM    log level, 0 to 7
 -m        log to standard output too
 -q        do not log to syslog
 -v        version
 -h        this text
 --KEY VALUE or --KEY=VALUE   any key of the configuration";

/// What the command line comes to.
enum Parsed {
    Run(Linuxptp),
    Help,
    Version,
}

/// Whether this command line is ptp4l's: the program's name is, or `-f` names a `.cfg`.
pub(crate) fn is_meant(arguments: &[String]) -> bool {
    let mut all = arguments.iter().map(String::as_str);
    let name = all.next().unwrap_or_default();
    if Path::new(name).file_name().is_some_and(|n| n == "ptp4l") {
        return true;
    }
    let mut rest = all.peekable();
    if rest.peek().is_none_or(|first| !first.starts_with('-')) {
        return false;
    }
    while let Some(argument) = rest.next() {
        let file = match argument.strip_prefix("-f") {
            Some("") => rest.next().unwrap_or_default(),
            Some(file) => file,
            None => continue,
        };
        if file.ends_with(".cfg") {
            return true;
        }
    }
    false
}

pub(crate) fn main(arguments: &[String]) -> ExitCode {
    let parsed = match parse(arguments.get(1..).unwrap_or_default()) {
        Ok(parsed) => parsed,
        Err(Refusal { text, code }) => return bad(&text, code),
    };
    match parsed {
        Parsed::Help => {
            eprintln!("{USAGE}");
            ExitCode::SUCCESS
        }
        Parsed::Version => {
            println!("{}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Parsed::Run(linuxptp) => match linuxptp.import() {
            Ok(imported) => run(&imported),
            Err(e) => bad(&e.to_string(), BAD_START),
        },
    }
}

/// `ptpd convert`: prints the equivalent YAML.
pub(crate) fn convert(file: &str, interfaces: &[String]) -> ExitCode {
    let mut linuxptp = Linuxptp::new();
    for name in interfaces {
        linuxptp.interface(name);
    }
    let imported = read(&mut linuxptp, file)
        .map_err(|e| e.text)
        .and_then(|()| linuxptp.import().map_err(|e| e.to_string()));
    match imported {
        Ok(imported) => {
            print!("{}", imported.yaml);
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(2)
        }
    }
}

fn bad(text: &str, code: u8) -> ExitCode {
    eprintln!("{text}");
    ExitCode::from(code)
}

/// Why a command line is not taken, and ptp4l's exit code for that.
#[derive(Debug)]
struct Refusal {
    text: String,
    code: u8,
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Self { text, code: BAD_START }
    }
}

fn usage(text: &str) -> Refusal {
    format!("{text}\n\n{USAGE}").into()
}

fn read(linuxptp: &mut Linuxptp, file: &str) -> Result<(), Refusal> {
    let mut octets = Vec::new();
    let done = if file == "-" {
        std::io::stdin().read_to_end(&mut octets).map(|_| ())
    } else {
        std::fs::read(file).map(|read| octets = read)
    };
    done.map_err(|e| format!("failed to open configuration file {file}: {e}"))?;
    linuxptp.read(file, &octets).map_err(|e| Refusal {
        text: format!("{e}\nfailed to parse configuration file {file}"),
        code: BAD_CONFIG,
    })
}

/// Options as getopt takes them: `-smi eth0`, `--key=value`, `--key value`. The file is read last.
/// What is no option is passed over.
fn parse(arguments: &[String]) -> Result<Parsed, Refusal> {
    let mut linuxptp = Linuxptp::new();
    let mut file = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if let Some(long) = argument.strip_prefix("--") {
            let (key, value) = match long.split_once('=') {
                Some((key, value)) => (key, value.to_owned()),
                None => {
                    (long, rest.next().cloned().ok_or_else(|| usage(&format!("--{long} needs a value")))?)
                }
            };
            linuxptp.option(key, &value).map_err(|e| e.to_string())?;
            continue;
        }
        let Some(letters) = argument.strip_prefix('-').filter(|l| !l.is_empty()) else {
            continue;
        };
        for (i, letter) in letters.char_indices() {
            let (key, value) = match letter {
                'A' => ("delay_mechanism", "Auto"),
                'E' => ("delay_mechanism", "E2E"),
                'P' => ("delay_mechanism", "P2P"),
                '2' => ("network_transport", "L2"),
                '4' => ("network_transport", "UDPv4"),
                '6' => ("network_transport", "UDPv6"),
                'H' => ("time_stamping", "hardware"),
                'S' => ("time_stamping", "software"),
                'L' => ("time_stamping", "legacy"),
                's' => ("clientOnly", "1"),
                'm' => ("verbose", "1"),
                'q' => ("use_syslog", "0"),
                'h' => return Ok(Parsed::Help),
                'v' => return Ok(Parsed::Version),
                'f' | 'i' | 'p' | 'l' => {
                    let value = match letters.get(i + 1..) {
                        Some(value) if !value.is_empty() => value.to_owned(),
                        _ => {
                            rest.next().cloned().ok_or_else(|| usage(&format!("-{letter} needs a value")))?
                        }
                    };
                    match letter {
                        'f' => file = Some(value),
                        'i' => linuxptp.interface(&value),
                        'l' => linuxptp.option("logging_level", &value).map_err(|e| e.to_string())?,
                        _ => {}
                    }
                    break;
                }
                _ => return Err(usage(&format!("-{letter}: no such option"))),
            };
            linuxptp.option(key, value).map_err(|e| e.to_string())?;
        }
    }
    if let Some(file) = file {
        read(&mut linuxptp, &file)?;
    }
    if linuxptp.has_no_ports() {
        return Err(usage("no interface specified"));
    }
    Ok(Parsed::Run(linuxptp))
}

fn run(imported: &Imported) -> ExitCode {
    let mut settings = match ptpd::host::settings(&imported.loaded.config) {
        Ok(settings) => settings,
        Err(e) => return bad(&e.to_string(), BAD_START),
    };
    settings.drop_in = true;
    settings.instance.as_linuxptp = true;
    // A client only clock has no use for it, and yet tells it.
    settings.instance.options.synchronization_uncertain = ptpd::engine::SynchronizationUncertain::Ignore;
    settings.frequency_window_ns = imported.frequency_window_ns;
    let mut log = LogOptions::new("ptp4l");
    log.format = LogFormat::Linuxptp;
    log.only_marked = true;
    log.stdout = imported.verbose;
    log.quiet = !imported.verbose;
    log.syslog = imported.use_syslog;
    log.tag.clone_from(&imported.message_tag);
    log.level = match imported.logging_level {
        ..=3 => tracing::Level::ERROR,
        4 => tracing::Level::WARN,
        5 | 6 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    log.no_reports = imported.logging_level == 5;
    if let Err(e) = init_log(&log) {
        return bad(&format!("cannot begin the log: {e}"), BAD_START);
    }
    for note in &imported.notes {
        warn!("{note}");
    }
    let links: Vec<_> = [&settings.read_write, &settings.read_only]
        .into_iter()
        .flatten()
        .filter_map(|a| compatibility_link(&a.path))
        .collect();
    let code = app::run(vec![settings], &|| None);
    for link in links {
        let _ = std::fs::remove_file(link);
    }
    code
}

/// Clients of linuxptp before 4 look for `/var/run/ptp4l`: it leads to `/var/run/ptp/ptp4l`.
fn compatibility_link(socket: &Path) -> Option<std::path::PathBuf> {
    if socket.parent() != Some(Path::new("/var/run/ptp")) {
        return None;
    }
    let link = Path::new("/var/run").join(socket.file_name()?);
    // Only an old link of our own kind is replaced, never a socket somebody serves.
    if std::fs::read_link(&link).is_ok_and(|to| to == socket) {
        return Some(link);
    }
    match symlink(socket, &link) {
        Ok(()) => Some(link),
        Err(e) => {
            info!("no link {}: {e}", link.display());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_name_or_the_file_makes_it_ptp4l() {
        for line in ["/usr/sbin/ptp4l -i eth0", "ptp4l", "ptpd -m -f x.cfg", "ptpd -fx.cfg"] {
            assert!(is_meant(&words(line)), "{line}");
        }
        for line in ["ptpd -i eth0", "ptpd -f x.yaml", "ptpd convert x.cfg", "ptpd check -f x.cfg"] {
            assert!(!is_meant(&words(line)), "{line}");
        }
    }

    #[test]
    fn options_are_taken_as_getopt_takes_them() {
        let parsed =
            parse(&words("-smq2P -i eth0 -ieth1 -S -l 7 --priority1=10 --domainNumber 0x18 -p /dev/ptp0"));
        let Ok(Parsed::Run(linuxptp)) = parsed else { panic!("refused") };
        let imported = linuxptp.import().expect("good");
        let config = &imported.loaded.config;
        assert!(config.client_only && imported.verbose && !imported.use_syslog);
        assert_eq!((config.priority1, config.domain_number, imported.logging_level), (10, 24, 7));
        assert_eq!(config.ports[1].interface, "eth1");
        assert_eq!(config.ports[1].transport, ptp_config::Transport::Ethernet);
        assert_eq!(config.ports[0].delay_mechanism, ptp_config::DelayMechanism::P2p);
        for line in ["-x", "-i", "eth0 -m", "--priority1", "--priority1=256", "--nothing=1", "-l 8"] {
            assert!(parse(&words(line)).is_err(), "{line}");
        }
    }
}
