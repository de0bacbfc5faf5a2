//! Announces as they arrive at a neighbour: what a grandmaster really says.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use ptp_wire::{Announce, Body, Flags, Message};

use super::agreement::expect;
use super::error::LabError;
use super::network::Host;

/// For a class that is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// One that came.
#[derive(Clone, Debug)]
pub struct Announced {
    /// Of its header.
    pub flags: Flags,
    /// Its body.
    pub announce: Announce,
    /// When.
    pub at: Instant,
    /// The classes that were announced before it while it was waited for, each change once.
    pub before: Vec<u8>,
}

/// Whoever listens.
#[derive(Debug)]
pub struct Announces(UdpSocket);

impl Announces {
    /// In this host, whose address is `own`, for PTP over UDP/IPv4.
    ///
    /// # Errors
    ///
    /// [`LabError::Io`].
    pub fn listen(host: &Host, own: Ipv4Addr) -> Result<Self, LabError> {
        let open = move || {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 320))?;
            socket.join_multicast_v4(&Ipv4Addr::new(224, 0, 1, 129), &own)?;
            socket.set_read_timeout(Some(Duration::from_millis(200)))?;
            Ok::<_, std::io::Error>(socket)
        };
        host.within(open).map(Self).map_err(|e| LabError::Wrong(e.to_string()))
    }

    /// The next one.
    pub fn next(&self) -> Option<(Flags, Announce)> {
        let mut octets = [0; 1500];
        let n = self.0.recv(&mut octets).ok()?;
        let message = Message::parse(octets.get(..n)?).ok()?;
        match message.body() {
            Body::Announce(a) => Some((message.header().flags, *a)),
            _ => None,
        }
    }

    /// Waits for this class.
    ///
    /// # Errors
    ///
    /// [`LabError::Wrong`] with the classes that came instead.
    pub fn wait_for(&self, class: u8) -> Result<Announced, LabError> {
        let (begun, mut before) = (Instant::now(), Vec::new());
        loop {
            if let Some((flags, announce)) = self.next() {
                let now = announce.grandmaster_clock_quality.clock_class;
                if now == class {
                    return Ok(Announced { flags, announce, at: Instant::now(), before });
                }
                if before.last() != Some(&now) {
                    before.push(now);
                }
            }
            expect(begun.elapsed() < PATIENCE, || format!("class {class} is not announced, but {before:?}"))?;
        }
    }

    /// Every class that is announced in this time, each change once.
    pub fn classes_for(&self, time: Duration) -> Vec<u8> {
        let (until, mut seen) = (Instant::now() + time, Vec::new());
        while Instant::now() < until {
            if let Some((_, a)) = self.next() {
                let now = a.grandmaster_clock_quality.clock_class;
                if seen.last() != Some(&now) {
                    seen.push(now);
                }
            }
        }
        seen
    }

    /// What waited to be read is old.
    pub fn skip(&self) {
        let _ = self.0.set_nonblocking(true);
        while self.0.recv(&mut [0; 1500]).is_ok() {}
        let _ = self.0.set_nonblocking(false);
    }
}
