//! Tables that come page by page: one clock is asked for each page until it has told everything.

use std::time::{Duration, Instant};

use ptp_management::{ClientError, Reply, ReplyError, Request};
use ptp_wire::management::{ErrorId, Payload};
use ptp_wire::{ClockIdentity, PortIdentity, PortNumber};

use super::{Connection, Opener, ToolError};

/// One clock, and a connection to it.
pub(super) struct Pages<'a> {
    client: Connection,
    opener: &'a Opener<'a>,
    /// The port that is asked; all of them: the clock.
    port: PortNumber,
    /// What to say where the daemon does not keep the table.
    off: &'static str,
    /// Who answered.
    pub(super) clock: Option<ClockIdentity>,
}

impl<'a> Pages<'a> {
    /// `off`: what to say where the daemon does not keep such a table.
    pub(super) fn open(
        opener: &'a Opener<'a>,
        port: PortNumber,
        off: &'static str,
    ) -> Result<Self, ToolError> {
        let mut client = opener.open()?;
        let target = client.config().target;
        client.set_target(PortIdentity::new(target.clock_identity, port.0));
        Ok(Self { client, opener, port, off, clock: None })
    }

    /// Asks for a page. The first answer decides which clock all further pages are of.
    pub(super) fn ask(&mut self, page: Payload<'_>) -> Result<Reply, ToolError> {
        let request = Request::page(page);
        let start = Instant::now();
        let sequence_id = loop {
            match self.client.send(&request) {
                Ok(sequence_id) => break sequence_id,
                Err(ClientError::Busy) if start.elapsed() < Duration::from_secs(2) => {
                    // An answer to an earlier question, if anything.
                    self.client.wait(Duration::from_millis(5))?;
                }
                Err(e) => return Err(e.into()),
            }
        };
        let mut found: Option<Reply> = None;
        while let Some(reply) = self.client.wait(self.opener.window())? {
            if reply.header().sequence_id != sequence_id || reply.id() != request.id() {
                continue;
            }
            let clock = reply.header().source_port_identity.clock_identity;
            if let Some(other) = self.clock.filter(|known| *known != clock) {
                return Err(ToolError::Usage(format!(
                    "several clocks answered ({other} and {clock}): ask one with --target"
                )));
            }
            let first = self.clock.replace(clock).is_none();
            found = Some(reply);
            // Whether another clock answers, too, shows within the window.
            if !first || self.opener.alone() {
                break;
            }
        }
        let reply = found.ok_or_else(|| ToolError::Silence(self.opener.whom()))?;
        self.client.set_target(PortIdentity::new(self.clock.unwrap_or(ClockIdentity::ANY), self.port.0));
        match reply.payload() {
            Ok(_) if !reply.is_empty() => Ok(reply),
            Err(ReplyError::Refused(ErrorId::NOT_SUPPORTED)) => Err(ToolError::Refused(self.off.to_owned())),
            Err(ReplyError::Refused(ErrorId::NO_SUCH_ID)) => Err(ToolError::Refused(
                "this daemon does not tell it: only ptpd does, and not in ptp4l's place".to_owned(),
            )),
            Err(ReplyError::Refused(ErrorId::WRONG_VALUE)) => {
                Err(ToolError::Refused("there is no such port, or nothing was heard of it".to_owned()))
            }
            Err(ReplyError::Refused(error)) => Err(ToolError::Refused(format!("the answer is {error}"))),
            _ => Err(ToolError::Malformed(format!("what {} answers cannot be read", self.opener.whom()))),
        }
    }
}
