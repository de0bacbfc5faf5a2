//! The ports of a PTP daemon, and the clocks below them, for the automatic mode: whose port is a slave is right.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use ptp_management::{Client, ClientConfig, ClientError, Request, Uds};
use ptp_net::Interface;
use ptp_wire::management::{EventMask, ManagementId, NotifyEvent, Payload, SubscribeEventsNp};
use ptp_wire::{ClockIdentity, SdoId};
use tracing::{info, warn};

/// From question to question, ns.
const INTERVAL: u64 = 1_000_000_000;
/// Without an answer for so long the daemon is gone, ns.
const LOST: u64 = 3_000_000_000;
/// The subscription is renewed with each question, s.
const SUBSCRIPTION_S: u16 = 10;
/// portState (1588-2019 table 20).
const UNCALIBRATED: u8 = 8;
const SLAVE: u8 = 9;

/// Which clocks are steered by a port, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PortClocks {
    /// No port is a slave, or the daemon does not answer.
    #[default]
    NoSlave,
    /// This one's, N of /dev/ptpN.
    Slave(u32),
    /// A port is about to be a slave, or two clocks are steered: nobody is right yet.
    Undecided,
}

/// A port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Port {
    state: u8,
    phc: Option<u32>,
}

/// What the clocks are, from all ports.
fn decide(ports: impl Iterator<Item = Port>) -> PortClocks {
    let mut found = PortClocks::NoSlave;
    for port in ports {
        found = match (port.state, port.phc, found) {
            (SLAVE, Some(phc), PortClocks::NoSlave) => PortClocks::Slave(phc),
            (SLAVE, Some(phc), PortClocks::Slave(other)) if phc == other => found,
            (SLAVE, Some(_), _) | (UNCALIBRATED, Some(_), PortClocks::NoSlave) => PortClocks::Undecided,
            _ => found,
        };
    }
    found
}

/// A daemon's ports.
#[derive(Debug)]
pub struct Ports {
    socket: PathBuf,
    config: ClientConfig,
    client: Option<Client<Uds>>,
    identity: Option<ClockIdentity>,
    ports: BTreeMap<u16, Port>,
    answered: Option<u64>,
    ask_at: u64,
    said: bool,
}

impl Ports {
    /// Of the daemon behind a management socket.
    pub fn new(socket: &Path, domain_number: u8, major_sdo_id: u8) -> Self {
        let config = ClientConfig {
            domain_number,
            sdo_id: SdoId::new(u16::from(major_sdo_id) << 8),
            boundary_hops: 0,
            ..ClientConfig::default()
        };
        Self {
            socket: socket.to_owned(),
            config,
            client: None,
            identity: None,
            ports: BTreeMap::new(),
            answered: None,
            ask_at: 0,
            said: false,
        }
    }

    /// What is known now.
    pub fn clocks(&self) -> PortClocks {
        decide(self.ports.values().copied())
    }

    /// Asks if it is time to; forgets a daemon that does not answer.
    pub fn tick(&mut self, now: u64) {
        if now < self.ask_at {
            return;
        }
        self.ask_at = now.saturating_add(INTERVAL);
        if self.answered.is_some_and(|at| now.saturating_sub(at) > LOST) {
            self.lose("no answer for 3 s");
        }
        if let Err(e) = self.ask() {
            match e {
                ClientError::Busy => {}
                e => self.lose(&e.to_string()),
            }
        }
    }

    fn ask(&mut self) -> Result<(), ClientError> {
        if self.client.is_none() {
            let name = format!("ts2phc.{}.a", std::process::id());
            let own = self.socket.with_file_name(&name);
            let uds = Uds::connect(&self.socket, Some(&own))
                .or_else(|_| Uds::connect(&self.socket, Some(&Path::new("/tmp").join(&name))))?;
            self.client = Some(Client::new(uds, self.config));
        }
        let Some(client) = &mut self.client else { return Ok(()) };
        let events = EventMask::NONE.with(NotifyEvent::PortState, true);
        let subscribe = SubscribeEventsNp { duration: SUBSCRIPTION_S, events };
        client.send(&Request::set(Payload::SubscribeEventsNp(subscribe)))?;
        client.send(&Request::get(ManagementId::PORT_PROPERTIES_NP))?;
        Ok(())
    }

    fn lose(&mut self, why: &str) {
        self.client = None;
        self.answered = None;
        self.identity = None;
        self.ports.clear();
        if !std::mem::replace(&mut self.said, true) {
            warn!("{}: {why}; trying again every second", self.socket.display());
        }
    }

    /// Takes what has come.
    pub fn receive(&mut self, now: u64) {
        for _ in 0..32 {
            let Some(client) = &mut self.client else { return };
            let reply = match client.receive() {
                Ok(Some(reply)) => reply,
                Ok(None) => return,
                Err(e) => return self.lose(&e.to_string()),
            };
            let sender = reply.header().source_port_identity.clock_identity;
            let Ok(payload) = reply.payload() else { continue };
            // Started again, perhaps with other ports.
            if self.identity.replace(sender).is_some_and(|before| before != sender) {
                self.ports.clear();
            }
            self.answered = Some(now);
            if std::mem::replace(&mut self.said, false) {
                info!("{} answers", self.socket.display());
            }
            match payload {
                Payload::PortPropertiesNp(p) => {
                    // The interface knows its clock; a bond's may change.
                    let phc = Interface::query(&p.interface.to_string()).ok().and_then(|i| i.phc_index());
                    let phc = phc.filter(|_| p.timestamping != 0);
                    let port = Port { state: p.port_state, phc };
                    self.ports.insert(p.port_identity.port_number.0, port);
                }
                Payload::PortDataSet(ds) => {
                    if let Some(port) = self.ports.get_mut(&ds.port_identity.port_number.0)
                        && port.state != ds.port_state
                    {
                        port.state = ds.port_state;
                        info!("port {} changed state", ds.port_identity);
                    }
                }
                _ => {}
            }
        }
    }

    /// To poll.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.client.as_ref().map(AsFd::as_fd)
    }

    /// When to call [`Ports::tick`].
    pub const fn next_deadline(&self) -> u64 {
        self.ask_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_clock_alone_is_right() {
        let of = |ports: &[(u8, Option<u32>)]| {
            decide(ports.iter().map(|(state, phc)| Port { state: *state, phc: *phc }))
        };
        assert_eq!(of(&[]), PortClocks::NoSlave);
        assert_eq!(of(&[(6, Some(0)), (6, Some(1))]), PortClocks::NoSlave);
        assert_eq!(of(&[(6, Some(0)), (9, Some(1))]), PortClocks::Slave(1));
        // Two ports of one card.
        assert_eq!(of(&[(9, Some(1)), (9, Some(1))]), PortClocks::Slave(1));
        assert_eq!(of(&[(9, Some(1)), (9, Some(2))]), PortClocks::Undecided);
        assert_eq!(of(&[(8, Some(1)), (6, Some(2))]), PortClocks::Undecided);
        // A slave is better than one that wants to be.
        assert_eq!(of(&[(9, Some(1)), (8, Some(2))]), PortClocks::Slave(1));
        // Stamps in software steer no card's clock.
        assert_eq!(of(&[(9, None)]), PortClocks::NoSlave);
    }
}
