//! The lock state, told to a PTP daemon by management, and kept told.
//!
//! Every second the settings are asked for, and set again where they are not what was wanted: so a daemon that was started
//! again learns them within a second. A subscription with the event GRANDMASTER_LEASE, renewed with each question, makes
//! `ptpd` take the settings back within [`LEASE_S`] seconds if this program dies (docs/management.md). linuxptp's ptp4l
//! ignores that event: it gets [`withdrawn`] settings when the program ends in order.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use ptp_management::{Client, ClientConfig, ClientError, Request, Uds};
use ptp_wire::ClockIdentity;
use ptp_wire::management::{
    EventMask, GrandmasterSettingsNp, ManagementId, NotifyEvent, Payload, SubscribeEventsNp,
};
use tracing::{info, warn};

use crate::grandmaster::withdrawn;

/// How long settings stand without renewal, s.
pub const LEASE_S: u16 = 3;
/// From question to question, ns.
const INTERVAL: u64 = 1_000_000_000;

/// One daemon.
#[derive(Debug)]
pub struct Announcer {
    socket: PathBuf,
    number: u16,
    domain_number: u8,
    client: Option<Client<Uds>>,
    wanted: GrandmasterSettingsNp,
    /// The daemon said that these hold.
    confirmed: bool,
    /// Who answers.
    identity: Option<ClockIdentity>,
    ask_at: u64,
    said: bool,
}

impl Announcer {
    /// For the daemon behind a management socket. `number` tells the announcers of one process apart.
    pub fn new(socket: &Path, domain_number: u8, number: u16, wanted: GrandmasterSettingsNp) -> Self {
        Self {
            socket: socket.to_owned(),
            number,
            domain_number,
            client: None,
            wanted,
            confirmed: false,
            identity: None,
            ask_at: 0,
            said: false,
        }
    }

    /// Tells new settings at once.
    pub fn tell(&mut self, settings: GrandmasterSettingsNp) {
        if self.wanted != settings {
            (self.wanted, self.confirmed) = (settings, false);
            self.send(&Request::set(Payload::GrandmasterSettingsNp(settings)));
        }
    }

    /// Asks and renews if it is time to.
    pub fn tick(&mut self, now: u64) {
        if now < self.ask_at {
            return;
        }
        self.ask_at = now.saturating_add(INTERVAL);
        let lease = EventMask::NONE.with(NotifyEvent::GrandmasterLease, true);
        let lease = SubscribeEventsNp { duration: LEASE_S, events: lease };
        if self.send(&Request::set(Payload::SubscribeEventsNp(lease))) {
            self.send(&Request::get(ManagementId::GRANDMASTER_SETTINGS_NP));
        }
    }

    /// Takes what has come.
    pub fn receive(&mut self) {
        // Some datagrams at most: others want their turn, too.
        for _ in 0..8 {
            let Some(client) = &mut self.client else { return };
            let reply = match client.receive() {
                Ok(Some(reply)) => reply,
                Ok(None) => return,
                Err(e) => return self.lose(&e),
            };
            if reply.id() != ManagementId::GRANDMASTER_SETTINGS_NP {
                continue;
            }
            self.identity = Some(reply.header().source_port_identity.clock_identity);
            match reply.payload() {
                Ok(Payload::GrandmasterSettingsNp(held)) if held == self.wanted => {
                    if !self.confirmed {
                        info!(
                            "{} announces clockClass {}",
                            self.socket.display(),
                            held.clock_quality.clock_class
                        );
                    }
                    self.confirmed = true;
                }
                Ok(Payload::GrandmasterSettingsNp(_)) => {
                    // Started again, or changed by somebody: again, and with the next question if that does not help.
                    self.confirmed = false;
                    self.send(&Request::set(Payload::GrandmasterSettingsNp(self.wanted)));
                }
                Ok(_) => {}
                Err(e) if !self.said => {
                    warn!("{} does not take grandmaster settings: {e}", self.socket.display());
                    self.said = true;
                }
                Err(_) => {}
            }
        }
    }

    /// The daemon said that it holds what it was told.
    pub const fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// The daemon's clock, once it has answered.
    pub const fn identity(&self) -> Option<ClockIdentity> {
        self.identity
    }

    /// Takes everything back: this program ends.
    pub fn withdraw(&mut self) {
        let offset = self.wanted.utc_offset;
        self.send(&Request::set(Payload::GrandmasterSettingsNp(withdrawn(offset))));
    }

    /// To poll.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.client.as_ref().map(AsFd::as_fd)
    }

    /// When to call [`Announcer::tick`].
    pub const fn next_deadline(&self) -> u64 {
        self.ask_at
    }

    fn send(&mut self, request: &Request<'_>) -> bool {
        if self.client.is_none() {
            let own = self.own_path();
            match Uds::connect(&self.socket, own.as_deref()) {
                Ok(uds) => {
                    let config = ClientConfig {
                        domain_number: self.domain_number,
                        boundary_hops: 0,
                        ..ClientConfig::default()
                    };
                    self.client = Some(Client::new(uds.with_port_number(self.number), config));
                }
                Err(e) => {
                    self.lose(&e);
                    return false;
                }
            }
        }
        let Some(client) = &mut self.client else { return false };
        match client.send(request) {
            Ok(_) => {
                if self.said {
                    info!("{} answers again", self.socket.display());
                }
                self.said = false;
                true
            }
            // Asked again in a second.
            Err(ClientError::Busy) => false,
            Err(e) => {
                self.lose(&e);
                false
            }
        }
    }

    /// Beside the daemon's socket, with a number for each announcer.
    fn own_path(&self) -> Option<PathBuf> {
        let name = format!("ts2phc.{}.{}", std::process::id(), self.number);
        self.socket.parent().filter(|p| p.is_dir()).map(|p| p.join(name))
    }

    fn lose(&mut self, error: &ClientError) {
        self.confirmed = false;
        if !self.said {
            warn!("the state of the reference is not told: {error}; trying again every second");
        }
        self.said = true;
    }
}
