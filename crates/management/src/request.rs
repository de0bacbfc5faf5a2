use ptp_wire::management::{Action, DataSize, ManagementHeader, ManagementId, Payload};
use ptp_wire::{Body, Header, TlvType, WireError, Writer};

/// A GET, SET or COMMAND, without the addressing that [`crate::ClientConfig`] gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request<'a> {
    /// GET, SET or COMMAND.
    pub action: Action,
    /// The data: [`Payload::Raw`] for a GET, but for a page of records, of which an empty one asks.
    pub payload: Payload<'a>,
    /// keyField of a GET of the ALTERNATE_TIME_OFFSET IDs; 0 for all others.
    pub key_field: u8,
}

impl<'a> Request<'a> {
    /// Asks.
    pub const fn get(id: ManagementId) -> Self {
        Self { action: Action::Get, payload: Payload::Raw(id, &[]), key_field: 0 }
    }

    /// Asks for a page of records: those that begin as this one, which is empty, says.
    pub const fn page(payload: Payload<'a>) -> Self {
        Self { action: Action::Get, payload, key_field: 0 }
    }

    /// Changes.
    pub const fn set(payload: Payload<'a>) -> Self {
        Self { action: Action::Set, payload, key_field: 0 }
    }

    /// Commands. The payload is empty for all IDs but INITIALIZE.
    pub const fn command(payload: Payload<'a>) -> Self {
        Self { action: Action::Command, payload, key_field: 0 }
    }

    /// The management ID.
    pub const fn id(&self) -> ManagementId {
        self.payload.id()
    }

    /// Writes the message. A GET carries zeros in place of data, as the standard's interpretation 29 and linuxptp want it,
    /// unless `short_gets`.
    pub(crate) fn emit(
        &self,
        buf: &mut [u8],
        header: &Header,
        body: ManagementHeader,
        short_gets: bool,
    ) -> Result<usize, WireError> {
        let mut writer = Writer::new(buf, header, &Body::Management(body))?;
        let mut zeros = [0; 266];
        if let Some(first) = zeros.first_mut() {
            *first = self.key_field;
        }
        let payload = match (self.action, self.payload) {
            (Action::Get, Payload::Raw(id, _)) => {
                let size = match id.info().map(|row| row.size) {
                    Some(DataSize::Fixed(n) | DataSize::Variable(n)) if !short_gets => usize::from(n),
                    // keyField is a part of the question.
                    _ if self.key_field != 0 => 1,
                    _ => 0,
                };
                Payload::Raw(id, zeros.get(..size).unwrap_or(&[]))
            }
            (_, payload) => payload,
        };
        writer.tlv_with(TlvType::MANAGEMENT, |room| payload.emit(room))?;
        Ok(writer.finish())
    }
}
