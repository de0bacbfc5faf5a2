//! What the instances of one daemon have in common: sockets, clocks, management sockets.

use ptp_clock::{ClockError, ClockName};
use ptp_daemon::{Notify, RateLimit};
use ptp_net::{NetError, StampRequest};
use ptp_wire::{PortNumber, TimeInterval, TimePoint};
use ptpd::engine::{self, Envelope, LinkDelay, TxToken};
use tracing::warn;

use super::clock::HostClock;
use super::evidence::Evidence;
use super::local::Local;
use super::net_port::NetPort;

/// A stamp as the sockets gave it, or the news that none will come, for the instance that its token names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamped {
    pub(super) token: u64,
    pub(super) stamp: Option<TimePoint>,
}

/// A token as the sockets know it: several instances share them.
pub(super) fn token_of(instance: usize, token: TxToken) -> u64 {
    (instance as u64) << 32 | u64::from(token.0)
}

/// The instance and its own token.
pub(super) fn owner_of(token: u64) -> (usize, TxToken) {
    ((token >> 32) as usize, TxToken(token as u32))
}

/// Everything but the instances.
pub(super) struct Shared {
    /// One for each pair of sockets.
    pub(super) ports: Vec<NetPort>,
    /// Each clock once.
    pub(super) clocks: Vec<HostClock>,
    /// Each pair of management sockets once.
    pub(super) locals: Vec<Local>,
    pub(super) notify: Notify,
    /// When the service manager gets its next line.
    pub(super) status_due: u64,
    pub(super) evidence: Option<Evidence>,
    pub(super) send_trouble: RateLimit,
    /// Stamps that came while outputs were being carried out.
    pub(super) stamps: Vec<Stamped>,
    /// Clocks that were stepped, the instance that knows already, and by how much; zero: nobody knows.
    pub(super) stepped: Vec<(usize, Option<usize>, TimeInterval)>,
    /// What a common service, the instance of this place, has measured with its port.
    pub(super) links: Vec<(usize, PortNumber, LinkDelay)>,
}

impl Shared {
    /// The place of a clock, which is opened if it is not yet. `software`: the stamps are the kernel's.
    pub(super) fn clock(&mut self, name: ClockName, software: bool) -> Result<usize, ClockError> {
        if let Some(place) = self.clocks.iter().position(|c| *c.name() == name) {
            return Ok(place);
        }
        self.clocks.push(HostClock::open(name, software)?);
        Ok(self.clocks.len() - 1)
    }

    /// Sends for an instance; `envelope`: what passes through it.
    pub(super) fn transmit(
        &mut self,
        port: usize,
        request: Option<StampRequest>,
        now: u64,
        send: impl FnOnce(&mut NetPort, Option<StampRequest>) -> Result<Option<ptp_net::TxStamp>, NetError>,
    ) {
        let Some(port) = self.ports.get_mut(port) else { return };
        match send(port, request) {
            Ok(Some(done)) => self.stamps.push(Stamped { token: done.token, stamp: Some(done.stamp) }),
            Ok(None) => {}
            Err(e) => {
                tell_trouble(&mut self.send_trouble, now, port, &e);
                self.stamps.extend(request.map(|r| Stamped { token: r.token, stamp: None }));
            }
        }
    }

    /// Sends what waits in batches, and takes the stamps that came back at once.
    pub(super) fn flush(&mut self, now: u64) {
        for port in &mut self.ports {
            let Some(sockets) = port.sockets_mut().filter(|s| s.is_batch()) else { continue };
            let mut result = sockets.flush();
            if sockets.has_stamps() {
                let stamps = &mut self.stamps;
                let read = sockets
                    .completions(|done| stamps.push(Stamped { token: done.token, stamp: Some(done.stamp) }));
                result = result.and(read.map(drop));
            }
            if let Err(e) = result {
                tell_trouble(&mut self.send_trouble, now, port, &e);
            }
        }
    }
}

/// How the engine's transmissions go out of a port's sockets.
pub(super) fn send(
    class: engine::MessageClass,
    destination: engine::Destination,
    octets: &[u8],
) -> impl FnOnce(&mut NetPort, Option<StampRequest>) -> Result<Option<ptp_net::TxStamp>, NetError> {
    move |port, request| port.send(class, destination, octets, request)
}

/// The same of what passes.
pub(super) fn send_on<'a>(
    class: engine::MessageClass,
    envelope: &'a Envelope,
    octets: &'a [u8],
) -> impl FnOnce(&mut NetPort, Option<StampRequest>) -> Result<Option<ptp_net::TxStamp>, NetError> + 'a {
    move |port, request| port.send_on(class, envelope, octets, request)
}

fn tell_trouble(limit: &mut RateLimit, now: u64, port: &NetPort, e: &NetError) {
    if let Some(more) = limit.allow(now) {
        warn!("{}: {e} ({more} more like it)", port.title());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_instances_do_not_meet() {
        for (instance, token) in [(0, 0), (0, u32::MAX), (1, 0), (7, 0x0001_0005)] {
            assert_eq!(owner_of(token_of(instance, TxToken(token))), (instance, TxToken(token)));
        }
        assert_ne!(token_of(1, TxToken(0)), token_of(0, TxToken(u32::MAX)));
    }
}
