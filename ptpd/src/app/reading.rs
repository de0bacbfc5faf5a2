//! One descriptor is ready: exactly one read, and what was read goes to whom it is for.

use ptp_daemon::{log_context, monotonic_now};
use ptp_net::{LinkState, MessageClass, NetError, Received, link_state};
use ptpd::engine::{Access, Input};
use tracing::warn;

use super::clock::HostClock;
use super::instance::Instance;
use super::net_port::{Change, NetPort, User};
use super::run::{Daemon, Key};
use super::shared::Stamped;

impl Daemon {
    pub(super) fn report(&mut self, key: Key, readable: bool, priority: bool) {
        let now = monotonic_now();
        match key {
            // The error queue first: a stamp that is there belongs to a message sent before what was received now.
            Key::Event(i) if priority => self.read_completion(now, i),
            Key::Event(i) if readable => self.read_frame(now, i, MessageClass::Event),
            Key::General(i) => self.read_frame(now, i, MessageClass::General),
            Key::Local(i, access) => self.read_local(now, i, access),
            Key::Common(i, service) => self.read_common(now, i, service),
            Key::Link => self.read_links(now),
            Key::Events => self.shared.events.serve(),
            Key::Event(_) => {}
        }
    }

    fn read_completion(&mut self, now: u64, i: usize) {
        let Some(sockets) = self.shared.ports.get_mut(i).and_then(NetPort::sockets_mut) else { return };
        let stamps = &mut self.shared.stamps;
        let mut take = |done: ptp_net::TxStamp| {
            stamps.push(Stamped { token: done.token, stamp: Some(done.stamp) });
        };
        let read = if sockets.is_batch() {
            sockets.completions(take).map(drop)
        } else {
            sockets.completion().map(|done| done.map(&mut take).unwrap_or_default())
        };
        self.after(now, i, read);
    }

    fn read_frame(&mut self, now: u64, i: usize, class: MessageClass) {
        let Some((sockets, users, way)) = self.shared.ports.get_mut(i).and_then(NetPort::receiving) else {
            return;
        };
        let (instances, clocks) = (&mut self.instances, &mut self.shared.clocks);
        let mut each = |rx: Received<'_>| deliver(now, &rx, users, instances, clocks, way);
        let read = if sockets.is_batch() {
            // What is left is read after the others (sockets, management) have had their turn.
            sockets.receive_many(class, each).map(drop)
        } else {
            sockets.receive(class).map(|rx| rx.map(&mut each).unwrap_or_default())
        };
        self.after(now, i, read);
    }

    /// Does what came of it.
    fn after(&mut self, now: u64, i: usize, read: Result<(), NetError>) {
        self.carry_out(now);
        if let Err(e) = read
            && let Some(port) = self.shared.ports.get_mut(i)
        {
            let change = port.broken(now, &e);
            self.changes.push((i, change));
            self.apply_changes(now);
        }
    }

    fn read_local(&mut self, now: u64, i: usize, access: Access) {
        // The datagram is copied: its sender's name goes into the table that the socket is part of.
        let mut copy = [0u8; ptp_net::MAX_MESSAGE];
        let Some(local) = self.shared.locals.get_mut(i) else { return };
        let Some(socket) = local.socket(access) else { return };
        let (length, peer) = match socket.receive() {
            Ok(Some(rx)) => {
                let Some(peer) = rx.peer.map(std::path::Path::to_owned) else { return };
                let Some(to) = copy.get_mut(..rx.octets.len()) else { return };
                to.copy_from_slice(rx.octets);
                (rx.octets.len(), peer)
            }
            Ok(None) => return,
            Err(e) => {
                if self.shared.send_trouble.allow(now).is_some() {
                    warn!("management socket: {e}");
                }
                return;
            }
        };
        let peer = local.intern(access, &peer);
        let octets = copy.get(..length).unwrap_or_default();
        // domainNumber and sdoId say whom it is for (1588-2019 15.3.1).
        let asked = self.instances.iter_mut().filter(|s| s.local == i && s.engine.hears_management(octets));
        for instance in asked {
            instance.tell_clock_status(now);
            instance.handle(now, Input::LocalManagement { octets, access, peer });
        }
        self.carry_out(now);
    }

    fn read_common(&mut self, now: u64, i: usize, service: usize) {
        let Some(instance) = self.instances.get_mut(i) else { return };
        if let Some((port, link)) = instance.common.receive(service, now) {
            instance.handle(now, Input::LinkDelay { port, link });
            self.carry_out(now);
        }
    }

    fn read_links(&mut self, now: u64) {
        log_context("");
        let Some(links) = &mut self.links else { return };
        let (ports, changes) = (&mut self.shared.ports, &mut self.changes);
        let lost = links.receive(|event| {
            for (i, port) in ports.iter_mut().enumerate().filter(|(_, p)| p.interface() == event.name) {
                changes.extend(port.link(event.state).map(|c| (i, c)));
            }
            for (i, port) in ports.iter_mut().enumerate() {
                if port.card_changed(Some(event.name)) {
                    changes.push((i, Change::Card));
                }
            }
        });
        match lost {
            Ok(false) => {}
            Ok(true) => {
                for (i, port) in self.shared.ports.iter_mut().enumerate() {
                    let state = link_state(port.interface()).unwrap_or(LinkState::Up);
                    self.changes.extend(port.link(state).map(|c| (i, c)));
                    if port.card_changed(None) {
                        self.changes.push((i, Change::Card));
                    }
                }
            }
            Err(e) => {
                warn!("no more news of links: {e}");
                self.links = None;
            }
        }
        self.apply_changes(now);
    }

    pub(super) fn apply_changes(&mut self, now: u64) {
        while let Some((i, change)) = self.changes.pop() {
            if matches!(change, Change::Card | Change::Up) {
                self.look_at_card(now, i);
            }
            let Some(port) = self.shared.ports.get(i) else { continue };
            let up = matches!(change, Change::Card | Change::Up);
            let bits_per_second = up.then(|| port.link_rate()).flatten();
            for &User { instance, port } in port.users() {
                if let Some(instance) = self.instances.get_mut(instance).filter(|_| up) {
                    instance.handle(now, Input::InterfaceRate { port, bits_per_second });
                }
                let input = match change {
                    Change::Up => Input::PortUp { port },
                    Change::Down(cause) => Input::PortDown { port, cause },
                    Change::Card => continue,
                };
                if let Some(instance) = self.instances.get_mut(instance) {
                    instance.handle(now, input);
                }
            }
            self.carry_out(now);
        }
    }
}

/// Gives a message to the instance that its domainNumber and sdoId name; one that is nobody's to the first, which
/// counts it.
fn deliver(
    now: u64,
    rx: &Received<'_>,
    users: &[User],
    instances: &mut [Instance],
    clocks: &mut [HostClock],
    way: ((ptp_net::Address, ptp_net::Address), bool),
) {
    let whose = match users {
        [_, _, ..] => {
            let hears = |u: &&User| instances.get(u.instance).is_some_and(|i| i.engine.hears(rx.octets));
            users.iter().find(hears).or(users.first())
        }
        // The engine looks itself; and a transparent clock wants them all.
        _ => users.first(),
    };
    if let Some(&User { instance, port }) = whose
        && let Some(instance) = instances.get_mut(instance)
    {
        instance.receive(now, port, rx, clocks, way);
    }
}
