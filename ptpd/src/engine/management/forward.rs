//! Management messages for others (1588-2019 15.3.3): a boundary clock repeats them on its other ports, and a client on a
//! UNIX socket reaches the network through any clock.

use ptp_wire::management::{Action, ManagementHeader};
use ptp_wire::{Flags, Message, MessageType, PortIdentity};

use super::super::outbox::Route;
use super::super::port::Port;
use super::super::{Access, Destination, Engine, MessageClass, PortState};
use super::Origin;

/// Clients whose requests went out and whose answers may come.
const ASKERS: usize = 32;
/// Where boundaryHops is in a message (15.4.1.4).
const BOUNDARY_HOPS: usize = 45;
/// Where flagField's first octet is (13.3.1).
const FLAGS: usize = 6;

/// Which client is behind which identity, the latest last.
#[derive(Debug, Default)]
pub(super) struct LocalAskers {
    list: Vec<(PortIdentity, u32)>,
}

impl LocalAskers {
    fn remember(&mut self, identity: PortIdentity, peer: u32) {
        self.list.retain(|(known, _)| *known != identity);
        if self.list.len() == ASKERS {
            self.list.remove(0);
        }
        self.list.push((identity, peer));
    }

    fn peer(&self, identity: PortIdentity) -> Option<u32> {
        self.list.iter().find(|(known, _)| *known == identity).map(|(_, peer)| *peer)
    }
}

/// Ports that messages are repeated from and to. The standard excludes INITIALIZING, FAULTY and DISABLED; LISTENING and
/// PASSIVE ports would make loops of redundant links, and linuxptp excludes them, too. Ports of a transparent clock are in
/// no other state than LISTENING.
fn forwards(port: &Port, transparent: bool) -> bool {
    if transparent {
        return port.active();
    }
    matches!(
        port.state,
        PortState::Master | PortState::PreMaster | PortState::Slave | PortState::Uncalibrated
    )
}

impl Engine {
    /// Repeats a message that has hops left. The read-only socket reaches nobody else.
    pub(super) fn forward(&mut self, message: &Message<'_>, body: &ManagementHeader, from: Origin) {
        let Some(hops) = body.boundary_hops.checked_sub(1) else { return };
        let transparent = self.transparent.is_some();
        let ingress = match from {
            Origin::Local { access: Access::ReadOnly, .. } => return,
            Origin::Local { peer, .. } => {
                self.management.askers.remember(message.header().source_port_identity, peer);
                None
            }
            Origin::Network { port, .. } => {
                if !self.port(port).is_some_and(|p| forwards(p, transparent)) {
                    return;
                }
                Some(port)
            }
        };
        let octets = message.octets();
        let write = |buf: &mut [u8]| {
            let copy = buf.get_mut(..octets.len()).ok_or(ptp_wire::WireError::NoSpace)?;
            copy.copy_from_slice(octets);
            // What goes on goes to a group.
            let unicast = (Flags::UNICAST.0 >> 8) as u8;
            if let Some(flags) = copy.get_mut(FLAGS) {
                *flags &= !unicast;
            }
            if let Some(field) = copy.get_mut(BOUNDARY_HOPS) {
                *field = hops;
            }
            Ok(octets.len())
        };
        let out = &mut self.instance.out;
        // What came from the network has passed through a transparent clock already, hops and all.
        let others = |p: &&mut Port| {
            forwards(p, transparent) && Some(p.number()) != ingress && !(transparent && ingress.is_some())
        };
        for port in self.ports.iter_mut().filter(others) {
            let route = Route {
                port: port.number(),
                class: MessageClass::General,
                destination: Destination::Primary,
                stamp: None,
            };
            if out.transmit(route, octets.len(), write).is_ok() {
                port.stats.sent(MessageType::Management);
            }
        }
        // Answers to what a client asked through us. Requests never go to clients.
        let answer = matches!(body.action, Action::Response | Action::Acknowledge);
        if let (true, Some(_), Some(peer)) =
            (answer, ingress, self.management.askers.peer(body.target_port_identity))
        {
            // Cannot fail, but for a message longer than any of ours; then the client learns nothing.
            let _ = out.local_reply(peer, write);
        }
    }
}
