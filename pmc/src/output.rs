use std::io::{self, Write};

use ptp_management::{CommandError, Reply, json, known_ids, text::Text};
use ptp_wire::management::{Action, ManagementId};

/// How replies are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// As linuxptp's pmc does.
    Text,
    /// One object a line.
    Json,
}

/// Shows what was sent, what came, and what was wrong.
pub(crate) struct Output {
    format: Format,
    out: io::Stdout,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, out: io::stdout() }
    }

    /// Announces a request.
    pub(crate) fn sending(&mut self, action: Action, id: ManagementId) -> io::Result<()> {
        match self.format {
            Format::Text => {
                writeln!(self.out, "sending: {} {id}", action.name())?;
                self.out.flush()
            }
            Format::Json => Ok(()),
        }
    }

    pub(crate) fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        match self.format {
            Format::Text => write!(self.out, "{}", Text(reply))?,
            Format::Json => writeln!(self.out, "{}", json::reply(reply))?,
        }
        self.out.flush()
    }

    pub(crate) fn no_reply(&mut self, sequence_id: u16, action: Action, id: ManagementId) -> io::Result<()> {
        match self.format {
            // linuxptp's output shows nothing, and so must this; the exit status tells.
            Format::Text => Ok(()),
            Format::Json => writeln!(self.out, "{}", json::no_reply(sequence_id, action.name(), id)),
        }
    }

    /// A command that was not sent. linuxptp's pmc says some of it on its standard output.
    pub(crate) fn refused(&mut self, error: &CommandError) -> io::Result<()> {
        if let Some((action, id)) = error.understood() {
            self.sending(action, id)?;
        }
        if let (CommandError::Ambiguous { .. }, Format::Text) = (error, self.format) {
            writeln!(self.out, "{error}")?;
            return self.out.flush();
        }
        eprintln!("{error}");
        Ok(())
    }

    pub(crate) fn help(&mut self) -> io::Result<()> {
        writeln!(self.out)?;
        for row in known_ids() {
            writeln!(self.out, "\t[action] {}", row.name)?;
        }
        self.out.write_all(
            b"\n\tThe [action] can be GET, SET, CMD, or COMMAND\n\
            \tCommands are case insensitive and may be abbreviated.\n\
            \n\tTARGET [portIdentity]\n\tTARGET *\n\n",
        )?;
        self.out.flush()
    }
}
