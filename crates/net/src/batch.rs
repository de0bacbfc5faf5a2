//! Many messages with one kernel call, for ports that serve many unicast clients.
//!
//! Simulators of clocks and networks know no `sendmmsg` and `recvmmsg`, and have no numbers for stamps: so this is not
//! the default path, and [`PortSockets`](crate::PortSockets) takes it only where it was asked for.

use crate::StampRequest;
use crate::control::Control;
use crate::name::Name;
use crate::sys::Read;

/// Messages in one call.
pub(crate) const BATCH: usize = 64;
/// Octets of a frame that may wait; longer ones are sent at once.
pub(crate) const SHORT: usize = 256;
/// Octets of a frame that is received.
pub(crate) const LONG: usize = 2048;

/// A frame on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) name: Name,
    pub(crate) octets: [u8; SHORT],
    pub(crate) length: usize,
    pub(crate) stamp: Option<StampRequest>,
}

impl Outgoing {
    /// `None`: too long to wait.
    pub(crate) fn new(name: Name, parts: [&[u8]; 3], stamp: Option<StampRequest>) -> Option<Self> {
        let length = parts.iter().map(|p| p.len()).sum();
        if length > SHORT {
            return None;
        }
        let mut octets = [0; SHORT];
        let mut rest = octets.as_mut_slice();
        for part in parts {
            let (to, after) = rest.split_at_mut_checked(part.len())?;
            to.copy_from_slice(part);
            rest = after;
        }
        Some(Self { name, octets, length, stamp })
    }

    pub(crate) fn frame(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

/// Room for a frame that comes in.
pub(crate) struct Incoming {
    pub(crate) buffer: [u8; LONG],
    pub(crate) name: Name,
    pub(crate) control: Control,
    pub(crate) read: Read,
}

/// What one endpoint has waiting, and the room to read into.
pub(crate) struct Batch {
    pub(crate) outgoing: Vec<Outgoing>,
    pub(crate) incoming: Vec<Incoming>,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("waiting", &self.outgoing.len()).finish_non_exhaustive()
    }
}

impl Batch {
    pub(crate) fn new() -> Self {
        let room = || Incoming {
            buffer: [0; LONG],
            name: Name::default(),
            control: Control::default(),
            read: Read { length: 0, truncated: false },
        };
        Self {
            outgoing: Vec::with_capacity(BATCH),
            incoming: std::iter::repeat_with(room).take(BATCH).collect(),
        }
    }
}
