//! The command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use ptp_config::{Loaded, LogLevel, LogPart, Overrides, default_profile_dirs, load_with};
use ptp_daemon::{LogFormat, LogOptions, REPORT, init_log, log_context, set_log_levels};
use ptp_program::file::{bad, count, good, set};
use ptpd::host::Settings;

use crate::app;

/// Synchronises clocks by the Precision Time Protocol (IEEE 1588): ordinary and boundary clocks.
///
/// `ptpd -i eth0` runs an ordinary clock with the default profile; several interfaces make a boundary clock.
/// SIGHUP reloads the configuration, SIGTERM and SIGINT stop.
#[derive(Debug, Parser)]
#[command(name = "ptpd", version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    what: What,
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "Exit codes: 0 stopped by a signal, 1 could not start or go on, 2 bad command line or \
    configuration (nothing was started).\nConfiguration: ptpd.yaml(5) and docs/configuration.md.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a configuration and say everything that is wrong with it, without running
    Check {
        /// The configuration file; of several, whether their instances can run together, too
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Write the YAML equivalent of a configuration file of linuxptp to standard output
    Convert {
        /// The file of linuxptp; - is standard input
        file: String,
        /// An interface that the file has no section for
        #[arg(short, long = "interface", value_name = "NAME")]
        interfaces: Vec<String>,
    },
    /// Tell how a network card stamps, and what it can; or set it (PTP daemons do that by themselves)
    Stamping(crate::stamping::Arguments),
    /// Print every value that is in force and where it comes from
    Config {
        /// Accepted for clarity: this is what it does without --schema
        #[arg(long)]
        effective: bool,
        /// Print the JSON Schema of the configuration instead, for an editor's completion
        #[arg(long, conflicts_with = "effective")]
        schema: bool,
        #[command(flatten)]
        what: What,
    },
}

#[derive(Args, Debug)]
struct What {
    /// Configuration file (YAML); of several each is an instance of its own
    ///
    /// Their ports, sockets and clocks are shared in this one process: one instance steers a clock and the others measure with it, and
    /// domainNumber tells who is meant (docs/instances.md). A file whose name ends in .cfg is linuxptp's.
    #[arg(short = 'f', long = "config", visible_short_alias = 'c', value_name = "FILE")]
    files: Vec<PathBuf>,
    /// An interface to run on; several make a boundary clock
    ///
    /// One that does not exist is waited for.
    #[arg(short, long = "interface", value_name = "NAME")]
    interfaces: Vec<String>,
    /// The profile, instead of the file's
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Only ever a client
    #[arg(short = 's', long)]
    client_only: bool,
    /// Software stamps
    #[arg(short = 'S', long, conflicts_with = "hardware")]
    software: bool,
    /// Hardware stamps
    ///
    /// Without -S and -H the hardware stamps where every port's card can; clocks of several cards are kept together.
    #[arg(short = 'H', long)]
    hardware: bool,
    /// IEEE 802.3 (Ethernet)
    #[arg(short = '2', long, group = "transport")]
    ethernet: bool,
    /// UDP/IPv4 (the default)
    #[arg(short = '4', long, group = "transport")]
    udp4: bool,
    /// UDP/IPv6
    #[arg(short = '6', long, group = "transport")]
    udp6: bool,
    /// Delay request-response (the default)
    #[arg(short = 'E', long, conflicts_with = "p2p")]
    e2e: bool,
    /// Peer-to-peer delay
    #[arg(short = 'P', long)]
    p2p: bool,
    /// The clock to discipline: auto, system, phcN or virtual:PATH
    ///
    /// A virtual clock that does not exist is made.
    #[arg(long, value_name = "CLOCK")]
    clock: Option<String>,
    /// Only measure
    #[arg(long)]
    free_running: bool,
    /// Any other key of the configuration, like `--set priority1=10`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Log to standard output instead of standard error
    #[arg(short = 'm', long)]
    stdout: bool,
    /// Least severe level that is logged: error, warn, info, debug or trace
    #[arg(short = 'l', long, value_name = "LEVEL")]
    log_level: Option<String>,
}

impl What {
    fn overrides(&self) -> Result<Overrides, String> {
        let mut o = Overrides {
            interfaces: self.interfaces.clone(),
            profile: self.profile.clone(),
            ..Overrides::default()
        };
        for (given, option, key, value) in [
            (self.client_only, "-s", "client_only", "true"),
            (self.software, "-S", "stamping", "software"),
            (self.hardware, "-H", "stamping", "hardware"),
            (self.ethernet, "-2", "transport", "ethernet"),
            (self.udp4, "-4", "transport", "udp4"),
            (self.udp6, "-6", "transport", "udp6"),
            (self.e2e, "-E", "delay_mechanism", "e2e"),
            (self.p2p, "-P", "delay_mechanism", "p2p"),
            (self.free_running, "--free-running", "free_running", "true"),
        ] {
            if given {
                o.set(option, key, value);
            }
        }
        if let Some(clock) = &self.clock {
            o.set("--clock", "clock_device", clock);
        }
        if let Some(level) = &self.log_level {
            o.set("-l", "log.level", level);
        }
        set(&mut o, &self.set, "priority1=10")?;
        Ok(o)
    }

    /// The configurations: one for each file, or of the command line alone.
    fn load(&self) -> Result<Vec<Loaded>, String> {
        let overrides = self.overrides()?;
        let dirs = default_profile_dirs();
        let load = |file: Option<&Path>| load_with(file, &dirs, &overrides).map_err(|e| e.to_string());
        match self.files.as_slice() {
            [] if self.interfaces.is_empty() => {
                Err("nothing to do: give a configuration (-f FILE) or an interface (-i NAME); \
                     `ptpd --help` says more"
                    .into())
            }
            [] => Ok(vec![load(None)?]),
            [_, _, ..] if !self.interfaces.is_empty() => {
                Err("-i: with several files each says its own interfaces".into())
            }
            files => files.iter().map(|file| load(Some(file))).collect(),
        }
    }
}

/// What all instances run with, and whether they go together.
fn settings(files: &[PathBuf], loaded: &[Loaded]) -> Result<Vec<Settings>, String> {
    let several = loaded.len() > 1;
    let mut all = Vec::with_capacity(loaded.len());
    for (i, loaded) in loaded.iter().enumerate() {
        let file = files.get(i).map(PathBuf::as_path);
        let mut settings = ptpd::host::settings(&loaded.config).map_err(|e| match file {
            Some(file) => format!("{}: {e}", file.display()),
            None => e.to_string(),
        })?;
        settings.told_to_steer = loaded.says("free_running");
        if let Some(evidence) = &mut settings.evidence {
            evidence.configuration = ptp_evidence::digest(loaded.effective().as_bytes()).to_string();
        }
        if several {
            let name = file.and_then(Path::file_stem).unwrap_or_default();
            settings.name = name.to_string_lossy().into_owned();
        }
        all.push(settings);
    }
    if let Some(what) = differing(loaded) {
        return Err(format!("{what} the process's: set the same in all files"));
    }
    ptpd::host::together(&mut all).map_err(|e| e.to_string())?;
    Ok(all)
}

/// What belongs to the process, and is not the same in all files.
fn differing(loaded: &[Loaded]) -> Option<&'static str> {
    let first = &loaded.first()?.config;
    let others = loaded.iter().map(|l| &l.config);
    let differs = |differs: &dyn Fn(&ptp_config::PtpdConfig) -> bool| others.clone().any(differs);
    if differs(&|c| c.events != first.events) {
        return Some("events.socket and events.socket_mode are");
    }
    differs(&|c| {
        let (a, b) = (&c.log, &first.log);
        (a.level, &a.parts, a.format, &a.journal) != (b.level, &b.parts, b.format, &b.journal)
    })
    .then_some("log.level, log.parts, log.format and log.journal are")
}

/// The log's level of a configuration, and those of parts.
fn levels(log: &ptp_config::Log) -> (tracing::Level, Vec<(&'static str, tracing::Level)>) {
    let level = |l| match l {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    let mut parts = Vec::new();
    for (part, l) in &log.parts {
        // Events and lines have their part's name for target, other lines their module's.
        let targets: &[&str] = match part {
            LogPart::Servo => &["servo", REPORT, "ptpd::host"],
            LogPart::Network => &[
                "network",
                "ptpd::app::net_port",
                "ptpd::app::shared",
                "ptpd::app::reading",
                "ptpd::app::cmlds",
            ],
            LogPart::Unicast => &["unicast", "ptpd::app::resolve"],
            LogPart::Clock => &["clock", "ptpd::app::clock", "ptpd::app::port_clocks"],
            LogPart::Daemon => &["daemon", "ptpd::app::run", "ptpd::app::start"],
            LogPart::Ports => &["ports"],
            LogPart::Bmca => &["bmca"],
            LogPart::Management => &["management", "ptpd::cli"],
        };
        parts.extend(targets.iter().map(|target| (*target, level(*l))));
    }
    (level(log.level), parts)
}

pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        None => run(&cli.what),
        Some(Command::Check { files }) => check(&files),
        Some(Command::Convert { file, interfaces }) => crate::ptp4l::convert(&file, &interfaces),
        Some(Command::Stamping(arguments)) => crate::stamping::main(&arguments),
        Some(Command::Config { schema: true, .. }) => {
            println!("{:#}", ptp_config::json_schema());
            ExitCode::SUCCESS
        }
        Some(Command::Config { what, .. }) => match what.load() {
            Ok(all) => {
                for (i, loaded) in all.iter().enumerate() {
                    if let (Some(file), true) = (what.files.get(i), all.len() > 1) {
                        println!("{}# {}", if i == 0 { "" } else { "\n" }, file.display());
                    }
                    print!("{}", loaded.effective());
                }
                ExitCode::SUCCESS
            }
            Err(e) => bad(&e),
        },
    }
}

fn check(files: &[PathBuf]) -> ExitCode {
    let mut all = Vec::with_capacity(files.len());
    let mut wrong = String::new();
    for file in files {
        match load_with(Some(file), &default_profile_dirs(), &Overrides::default()) {
            Ok(loaded) => all.push(loaded),
            Err(e) => wrong += &e.to_string(),
        }
    }
    if !wrong.is_empty() {
        return bad(&wrong);
    }
    if let Err(e) = settings(files, &all) {
        return bad(&e);
    }
    for (file, loaded) in files.iter().zip(&all) {
        let ports = loaded.config.ports.len();
        let departures = loaded.departures();
        for departure in &departures {
            eprintln!("warning: {departure}");
        }
        let departed = match departures.len() {
            0 => String::new(),
            n => format!(" with {}", count(n, "departure")),
        };
        let profile = &loaded.config.profile;
        good(file, &format!("profile {profile}{departed}, {}", count(ports, "port")));
    }
    ExitCode::SUCCESS
}

fn run(what: &What) -> ExitCode {
    let loaded = match what.load() {
        Ok(loaded) => loaded,
        Err(e) => return bad(&e),
    };
    let all = match settings(&what.files, &loaded) {
        Ok(all) => all,
        Err(e) => return bad(&e),
    };
    let Some(first) = loaded.first() else { return bad("there is nothing to run") };
    let mut log = LogOptions::new("ptpd");
    log.stdout = what.stdout;
    (log.level, log.parts) = levels(&first.config.log);
    log.journal.clone_from(&first.config.log.journal);
    if first.config.log.format == ptp_config::LogFormat::Json {
        log.format = LogFormat::Json;
    }
    if let Err(e) = init_log(&log) {
        return bad(&format!("cannot begin the log: {e}"));
    }
    let current = std::cell::RefCell::new(loaded);
    app::run(all, &|| {
        what.files.first()?;
        Some(what.load().and_then(|new| {
            // New mistakes of instances together, too.
            settings(&what.files, &new)?;
            let mut running = Vec::with_capacity(new.len());
            for (old, new) in current.borrow().iter().zip(&new) {
                running.push(old.taken_over(new).map_err(|e| {
                    format!("what can change without a restart does not fit what needs one:\n{e}")
                })?);
            }
            let all = settings(&what.files, &running)?;
            for ((old, new), settings) in current.borrow().iter().zip(&new).zip(&all) {
                log_context(&settings.name);
                for change in ptp_config::diff(old, new) {
                    if change.is_live() {
                        tracing::info!("configuration: {change}");
                    } else {
                        tracing::warn!("configuration: {change} needs a restart");
                    }
                }
            }
            if let Some(Loaded { config, .. }) = running.first() {
                let (level, parts) = levels(&config.log);
                set_log_levels(level, &parts);
            }
            current.replace(running);
            Ok(all)
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn completions_and_manual_page_are_current() {
        let command = <Cli as clap::CommandFactory>::command();
        crate::cli_documents::hold_manual_page("ptpd.8", command.clone());
        crate::cli_documents::hold_completions("ptpd", command);
    }

    #[test]
    fn every_option_names_a_key_that_exists() {
        let line = "ptpd -i eth0 -s -S -2 -P --clock virtual:/x --free-running --set priority1=10 -l warn";
        let cli = Cli::try_parse_from(line.split(' ')).expect("good options");
        let config = &cli.what.load().expect("good values")[0].config;
        assert!(config.client_only && config.free_running);
        assert_eq!(config.priority1, 10);
        assert_eq!(config.ports[0].transport, ptp_config::Transport::Ethernet);
        assert_eq!(config.ports[0].delay_mechanism, ptp_config::DelayMechanism::P2p);
        assert_eq!(config.clock_device, ptp_config::ClockDevice::Virtual("/x".into()));
        let cli = Cli::try_parse_from("ptpd -i eth0 -H -6 -E --set priority1=300 --set oops".split(' '));
        assert!(cli.expect("clap does not know values").what.load().is_err());
    }
}
