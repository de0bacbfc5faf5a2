//! A spanning tree of transparent clocks (linuxptp's `tc_spanning_tree`): the ports' states by the best master clock
//! algorithm say which links are used, and the announced stepsRemoved counts transparent clocks, too.
//!
//! The clock itself stands behind all others in the choice. A port that hears the grandmaster over more steps than
//! another, or over as many with a higher number, is PASSIVE; a new link is PRE_MASTER at first. Only what is of the
//! clock's own domain is held back: nothing is known of the others.

use ptp_wire::{Body, Header, Message, PortNumber};

use super::super::port::Received;
use super::super::{Address, Engine, PortState, port_mut};
use super::Way;

/// Announce's stepsRemoved (1588-2019 13.5.1).
const STEPS_REMOVED: core::ops::Range<usize> = 61..63;

/// One clock more on the way.
pub(super) fn count_step(announce: &mut [u8]) {
    let Some(field) = announce.get_mut(STEPS_REMOVED) else { return };
    let Some(steps) = field.first_chunk::<2>().map(|f| u16::from_be_bytes(*f)) else { return };
    field.copy_from_slice(&steps.saturating_add(1).to_be_bytes());
}

impl Way<'_> {
    /// A message that the tree is made for.
    pub(super) fn in_tree(&self, header: &Header) -> bool {
        self.instance.config.spanning_tree && self.is_ours(header)
    }

    /// The tree does not go over this port.
    pub(super) fn is_blocked(&self, header: &Header, port: usize) -> bool {
        let used = |state| matches!(state, PortState::Master | PortState::Uncalibrated | PortState::Slave);
        self.in_tree(header) && !self.ports.get(port).is_some_and(|p| used(p.state))
    }
}

impl Engine {
    /// An Announce came to a transparent clock, whether it may pass or not.
    pub(in super::super) fn tree_heard(
        &mut self,
        number: PortNumber,
        message: &Message<'_>,
        source: Address,
    ) {
        let Body::Announce(ref announce) = *message.body() else { return };
        let header = message.header();
        let own = header.source_port_identity.clock_identity == self.instance.config.clock_identity;
        if !self.way().is_some_and(|way| way.in_tree(header)) || own {
            return;
        }
        if let Some(port) = port_mut(&mut self.ports, number).filter(|p| p.active()) {
            port.receive_announce(&mut self.instance, Received { message, stamp: None, source }, announce);
        }
    }
}
