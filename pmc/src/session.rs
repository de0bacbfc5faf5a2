use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ptp_daemon::Signals;
use ptp_management::{Client, ClientError, Command, Reply, ReplyError, Request, Transport};
use ptp_wire::management::{Action, ManagementId};

use crate::input::Input;
use crate::options::{
    EXIT_ERROR_REPLY, EXIT_MALFORMED, EXIT_NO_REPLY, EXIT_NOT_AUTHENTIC, EXIT_SUCCESS, EXIT_SYSTEM,
    EXIT_USAGE, Options, exit_of,
};
use crate::output::{Format, Output};

/// How long a server may leave its requests unread.
const STUCK: Duration = Duration::from_secs(1);

/// Commands go out as they are read, replies are shown as they come; after the last command it ends when nothing more has come
/// for as long as `--wait` says.
pub(crate) struct Session<'a> {
    options: &'a Options,
    client: Client<Box<dyn Transport>>,
    input: Input,
    output: Output,
    asked: Vec<Asked>,
    outcome: Outcome,
    window: Duration,
    signals: Signals,
    /// Who is asked.
    whom: String,
}

/// A request and whether anyone answered it.
struct Asked {
    sequence_id: u16,
    action: Action,
    id: ManagementId,
    answered: bool,
}

/// What the exit status tells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    usage: bool,
    malformed: bool,
    not_authentic: bool,
    no_reply: bool,
    error_reply: bool,
}

impl Outcome {
    /// The most serious of what happened.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self { usage: true, .. } => EXIT_USAGE,
            Self { malformed: true, .. } => EXIT_MALFORMED,
            Self { not_authentic: true, .. } => EXIT_NOT_AUTHENTIC,
            Self { no_reply: true, .. } => EXIT_NO_REPLY,
            Self { error_reply: true, .. } => EXIT_ERROR_REPLY,
            _ => EXIT_SUCCESS,
        })
    }
}

/// What ended a session early.
#[derive(Debug)]
pub(crate) enum SessionError {
    Client(ClientError),
    Io(io::Error),
}

impl SessionError {
    /// The exit status.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Client(e) => exit_of(e),
            Self::Io(_) => EXIT_SYSTEM,
        }
    }
}

impl<'a> Session<'a> {
    /// `whom`: who is asked, for messages.
    pub(crate) fn new(
        options: &'a Options,
        client: Client<Box<dyn Transport>>,
        signals: Signals,
        whom: String,
    ) -> Self {
        let format = if options.json { Format::Json } else { Format::Text };
        Self {
            options,
            client,
            input: Input::new(&options.commands),
            output: Output::new(format),
            asked: Vec::new(),
            outcome: Outcome::default(),
            window: Duration::from_millis(options.wait.into()),
            signals,
            whom,
        }
    }

    pub(crate) fn run(mut self) -> Result<Outcome, SessionError> {
        while !self.stopped() {
            if let Some(line) = self.input.next() {
                self.obey(&line)?;
                self.show_waiting()?;
            } else if self.input.is_open() {
                self.await_line_or_reply()?;
            } else {
                break;
            }
        }
        if !self.asked.is_empty() && !self.stopped() {
            self.show_until_quiet()?;
        }
        for asked in self.asked.iter().filter(|a| !a.answered) {
            self.outcome.no_reply = true;
            self.output.no_reply(asked.sequence_id, asked.action, asked.id)?;
        }
        let (asked, silent) = (self.asked.len(), self.asked.iter().filter(|a| !a.answered).count());
        let malformed = self.client.malformed();
        if malformed > 0 && silent > 0 {
            self.outcome.malformed = true;
            eprintln!(
                "pmc: {malformed} answers from {} cannot be read: is it a PTP daemon of version 2 that has this socket?",
                self.whom
            );
        } else if self.client.refused().total() > 0 && silent > 0 {
            self.outcome.not_authentic = true;
            eprintln!("pmc: {}", self.options.not_authentic(&self.whom, self.client.refused()));
        } else if silent > 0 && !self.stopped() {
            eprintln!(
                "pmc: no answer to {silent} of {asked} requests from {}: is the daemon of this domain (-d) and sdoId (-t), and does \
                 the target exist?{}",
                self.whom,
                self.options.keys_to_doubt()
            );
        }
        Ok(self.outcome)
    }

    /// A signal asks to end: at once, but not without taking the own socket away.
    fn stopped(&self) -> bool {
        self.signals.stop()
    }

    fn obey(&mut self, line: &str) -> Result<(), SessionError> {
        match Command::parse(line) {
            Ok(Command::Nothing) => {}
            Ok(Command::Help) => self.output.help()?,
            Ok(Command::Target(target)) => self.client.set_target(target),
            Ok(Command::Send(request)) => self.announce_and_send(&request)?,
            Ok(Command::SendTable(table)) => self.announce_and_send(&table.request())?,
            Err(error) => {
                self.outcome.usage = true;
                self.output.refused(&error)?;
            }
        }
        Ok(())
    }

    fn announce_and_send(&mut self, request: &Request<'_>) -> Result<(), SessionError> {
        self.output.sending(request.action, request.id())?;
        self.send(request)
    }

    fn send(&mut self, request: &Request<'_>) -> Result<(), SessionError> {
        let start = Instant::now();
        let sequence_id = loop {
            match self.client.send(request) {
                Ok(sequence_id) => break sequence_id,
                // Both queues are short: the server may wait for us to read its replies before it reads our requests.
                Err(ClientError::Busy) if start.elapsed() < STUCK => {
                    self.show_within(Duration::from_millis(5))?;
                }
                Err(e) => return Err(e.into()),
            }
        };
        self.asked.push(Asked { sequence_id, action: request.action, id: request.id(), answered: false });
        Ok(())
    }

    /// Shows all replies that have arrived already.
    fn show_waiting(&mut self) -> Result<(), SessionError> {
        self.show_within(Duration::ZERO).map(|_| ())
    }

    fn show_within(&mut self, timeout: Duration) -> Result<bool, SessionError> {
        let mut timeout = timeout;
        let mut any = false;
        while let Some(reply) = self.client.wait(timeout)? {
            any |= self.show(&reply)?;
            timeout = Duration::ZERO;
        }
        Ok(any)
    }

    /// Notifications do not prolong the wait, or a subscriber would never end.
    fn show_until_quiet(&mut self) -> Result<(), SessionError> {
        let mut end = Instant::now() + self.window;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Some(reply) = self.client.wait(left)? else { return Ok(()) };
            if self.show(&reply)? {
                end = Instant::now() + self.window;
            }
        }
    }

    /// Shows a reply, and says whether it answers one of our requests.
    fn show(&mut self, reply: &Reply) -> Result<bool, SessionError> {
        let (sequence_id, id) = (reply.header().sequence_id, reply.id());
        let asked = self.asked.iter_mut().rev().find(|a| a.sequence_id == sequence_id && a.id == id);
        let ours = asked.is_some();
        if let Some(asked) = asked {
            asked.answered = true;
            self.outcome.error_reply |= reply.error().is_some();
            self.outcome.malformed |=
                !reply.is_empty() && matches!(reply.payload(), Err(ReplyError::Malformed(_)));
        }
        self.output.reply(reply)?;
        Ok(ours)
    }

    /// Waits for the standard input or for a reply, and reads the one that came.
    fn await_line_or_reply(&mut self) -> Result<(), SessionError> {
        let Some(stdin) = self.input.fd() else { return Ok(()) };
        let mut fds =
            [PollFd::new(self.client.as_fd(), PollFlags::POLLIN), PollFd::new(stdin, PollFlags::POLLIN)];
        // A signal that comes just before is seen a second later.
        match poll(&mut fds, PollTimeout::from(1000u16)) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(()),
            Err(e) => return Err(SessionError::Io(e.into())),
        }
        let [reply, line] = fds.map(|fd| fd.any().unwrap_or(false));
        if reply && let Some(reply) = self.client.receive()? {
            self.show(&reply)?;
        }
        if line {
            self.input.read()?;
        }
        Ok(())
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(e) => e.fmt(f),
            Self::Io(e) => e.fmt(f),
        }
    }
}

impl From<ClientError> for SessionError {
    fn from(e: ClientError) -> Self {
        Self::Client(e)
    }
}

impl From<io::Error> for SessionError {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}
