//! The tools: what an operator asks in one word.

mod check;
mod diff;
mod events;
mod explain;
mod pages;
mod performance;
mod slaves;
mod top;
mod view;
mod watch;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use ptp_daemon::Signals;
use ptp_management::{Client, ClientError, Transport};

pub(crate) use view::parse_target;
pub(crate) use watch::seconds;

use crate::config_file::ConfigFile;
use crate::options::{
    EXIT_ERROR_REPLY, EXIT_MALFORMED, EXIT_NO_DAEMON, EXIT_NO_REPLY, EXIT_NOT_AUTHENTIC, EXIT_NOT_PERMITTED,
    EXIT_SYSTEM, EXIT_USAGE, Options, exit_of,
};
use crate::report;

/// A tool and its options.
#[derive(Debug, Subcommand)]
pub(crate) enum Tool {
    /// Tell every change as it happens, after the present state
    Watch(watch::Arguments),
    /// Full-screen view of a clock
    Top(top::Arguments),
    /// Why this grandmaster, and why these port states
    Explain,
    /// Check assertions about a clock; prints and ends as monitoring plugins do
    Check(check::Arguments),
    /// Data sets of two clocks side by side
    Diff(diff::Arguments),
    /// What recorded measurements say: a page, the evidence for an auditor, the verification of a log
    Report(report::Arguments),
    /// What a clock measured in each quarter of an hour of the last day
    Performance(performance::Arguments),
    /// Who tells this clock what it measures, and what it told
    Slaves(slaves::Arguments),
    /// Measure how far other clocks are off, without becoming their client (NetSync monitor)
    Nsm(crate::nsm::Arguments),
}

/// What ended a tool early.
#[derive(Debug)]
pub(crate) enum ToolError {
    /// Nobody can be asked.
    Client(ClientError),
    /// The terminal, or whoever reads us.
    Io(io::Error),
    /// Nobody answered.
    Silence(String),
    /// There is no such daemon.
    Unreachable(String),
    /// This user may not ask.
    NotPermitted(String),
    /// What was answered cannot be read.
    Malformed(String),
    /// What was answered is not authentic.
    NotAuthentic(String),
    /// The answer is an error.
    Refused(String),
    /// The question makes no sense.
    Usage(String),
}

impl ToolError {
    /// The exit status.
    fn exit(&self) -> u8 {
        match self {
            Self::Client(e) => exit_of(e),
            Self::Io(_) => EXIT_SYSTEM,
            Self::Silence(_) => EXIT_NO_REPLY,
            Self::Unreachable(_) => EXIT_NO_DAEMON,
            Self::NotPermitted(_) => EXIT_NOT_PERMITTED,
            Self::Malformed(_) => EXIT_MALFORMED,
            Self::NotAuthentic(_) => EXIT_NOT_AUTHENTIC,
            Self::Refused(_) => EXIT_ERROR_REPLY,
            Self::Usage(_) => EXIT_USAGE,
        }
    }
}

impl From<ClientError> for ToolError {
    fn from(e: ClientError) -> Self {
        Self::Client(e)
    }
}

impl From<io::Error> for ToolError {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

impl std::fmt::Display for ToolError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Client(e) => e.fmt(f),
            Self::Io(e) => e.fmt(f),
            Self::Silence(who) => {
                write!(
                    f,
                    "no answer from {who}: is the daemon running, and is it of this domain (-d) and sdoId (-t)?"
                )
            }
            Self::NotAuthentic(what)
            | Self::Usage(what)
            | Self::Refused(what)
            | Self::Unreachable(what)
            | Self::NotPermitted(what)
            | Self::Malformed(what) => f.write_str(what),
        }
    }
}

type Connection = Client<Box<dyn Transport>>;

/// Opens the connection that the options ask for, as often as it is needed.
struct Opener<'a> {
    options: &'a Options,
    file: &'a ConfigFile,
}

impl Opener<'_> {
    fn open(&self) -> Result<Connection, ClientError> {
        let mut client = self.options.client(self.file)?;
        if let Some(target) = self.options.target {
            client.set_target(target);
        }
        Ok(client)
    }

    /// Nobody but the daemon of this socket can answer.
    fn alone(&self) -> bool {
        self.options.over_uds() && self.options.hops() == 0
    }

    /// How long nothing may come before the answers are held to be complete.
    fn window(&self) -> Duration {
        Duration::from_millis(self.options.wait.into())
    }

    /// Who is asked, for messages.
    fn whom(&self) -> String {
        self.options.whom(self.file)
    }

    fn json(&self) -> bool {
        self.options.json
    }
}

/// Runs a tool; its exit status.
pub(crate) fn run(tool: &Tool, options: &Options, file: &ConfigFile) -> ExitCode {
    let opener = Opener { options, file };
    let done = Signals::install().map_err(ToolError::Io).and_then(|signals| match tool {
        Tool::Watch(arguments) => watch::run(&opener, arguments, signals),
        Tool::Top(arguments) => top::run(&opener, arguments, signals),
        Tool::Explain => explain::run(&opener),
        Tool::Check(arguments) => check::run(&opener, arguments),
        Tool::Diff(arguments) => diff::run(&opener, arguments),
        Tool::Report(arguments) => {
            report::run(arguments, options.json).map_err(|e| ToolError::Usage(e.to_string()))
        }
        Tool::Performance(arguments) => performance::run(&opener, arguments),
        Tool::Slaves(arguments) => slaves::run(&opener, arguments),
        Tool::Nsm(arguments) => crate::nsm::run(options, file, arguments, &signals),
    });
    match done {
        Ok(status) => ExitCode::from(status),
        Err(ToolError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pmc: {error}");
            // As monitoring plugins have it: whatever keeps a check from its answer is UNKNOWN.
            let unknown = matches!(tool, Tool::Check(_));
            ExitCode::from(if unknown { EXIT_NO_REPLY } else { error.exit() })
        }
    }
}
