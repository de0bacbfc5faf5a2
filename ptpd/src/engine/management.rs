//! The management server (1588-2019 clause 15).

use ptp_wire::{Message, PortNumber};

use super::{Access, Address, Engine, Instant};

/// Subscriptions and what is left to be told to them.
#[derive(Debug, Default)]
pub(super) struct Management;

impl Management {
    /// When a subscription runs out.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        None
    }
}

impl Engine {
    /// A management message from a UNIX socket.
    pub(super) fn local_management(&mut self, _octets: &[u8], _access: Access, _peer: u32) {}

    /// A management message from the network: GET only.
    pub(super) fn network_management(&mut self, _port: PortNumber, _message: &Message<'_>, _source: Address) {
    }

    /// Tells subscribers what changed since the last input.
    pub(super) fn notify(&mut self) {
        self.instance.parent_changed = false;
        self.instance.port_state_changed = false;
        self.instance.synchronised = false;
    }
}
