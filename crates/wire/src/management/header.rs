use crate::octets::{Cursor, Reader};
use crate::{PortIdentity, WireError};

/// `actionField` (1588-2019 table 58).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Action {
    /// Ask.
    Get = 0,
    /// Change.
    Set = 1,
    /// Answers GET and SET.
    Response = 2,
    /// Do.
    Command = 3,
    /// Answers COMMAND.
    Acknowledge = 4,
}

impl Action {
    /// From the low nibble; reserved numbers are `None`.
    pub const fn from_nibble(n: u8) -> Option<Self> {
        Some(match n {
            0 => Self::Get,
            1 => Self::Set,
            2 => Self::Response,
            3 => Self::Command,
            4 => Self::Acknowledge,
            _ => return None,
        })
    }

    /// The standard's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Set => "SET",
            Self::Response => "RESPONSE",
            Self::Command => "COMMAND",
            Self::Acknowledge => "ACKNOWLEDGE",
        }
    }

    /// What answers it; `None` for answers (1588-2019 15.4.1.6).
    pub const fn reply(self) -> Option<Self> {
        match self {
            Self::Get | Self::Set => Some(Self::Response),
            Self::Command => Some(Self::Acknowledge),
            Self::Response | Self::Acknowledge => None,
        }
    }
}

/// The fixed part of a management message (1588-2019 15.4.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ManagementHeader {
    /// Whom it is for; [`PortIdentity::ANY`] for all.
    pub target_port_identity: PortIdentity,
    /// Hops the request started with.
    pub starting_boundary_hops: u8,
    /// Hops left.
    pub boundary_hops: u8,
    /// actionField.
    pub action: Action,
}

impl ManagementHeader {
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let target_port_identity = PortIdentity::read(r)?;
        let [starting_boundary_hops, boundary_hops, action, _] = r.array()?;
        let action = Action::from_nibble(action & 0x0f).ok_or(WireError::Value)?;
        Ok(Self { target_port_identity, starting_boundary_hops, boundary_hops, action })
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.target_port_identity.write(w)?;
        w.u8(self.starting_boundary_hops)?;
        w.u8(self.boundary_hops)?;
        w.u8(self.action as u8)?;
        w.u8(0)
    }
}
