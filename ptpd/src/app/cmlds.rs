//! The client's side of the common mean link delay service, where another program on this host is the service: its
//! management messages tell what it measures (linuxptp's NOTIFY_CMLDS and CMLDS_INFO_NP).

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use ptp_net::{LocalSocket, NetError};
use ptp_wire::management::{
    Action, Content, EventMask, ManagementHeader, ManagementId, NotifyEvent, Payload, SubscribeEventsNp,
};
use ptp_wire::{
    Body, ClockIdentity, Header, Message, MessageType, PortIdentity, PortNumber, RateOffset, SdoId, TlvType,
    WireError, Writer,
};
use ptpd::engine::LinkDelay;
use ptpd::host::CommonLink;
use tracing::{info, warn};

/// A subscription lasts so long, s,
const DURATION_S: u16 = 60;
/// and is renewed so often while the service talks,
const RENEW_NS: u64 = 30_000_000_000;
/// or so often while it does not.
const RETRY_NS: u64 = 1_000_000_000;
/// After so long it does not talk.
const SILENCE_NS: u64 = 5_000_000_000;

/// All services that ports live on.
#[derive(Debug, Default)]
pub(crate) struct CommonLinks {
    services: Vec<Service>,
}

#[derive(Debug)]
struct Service {
    socket: LocalSocket,
    server: PathBuf,
    identity: PortIdentity,
    domain_number: u8,
    sdo_id: SdoId,
    /// Its port, and ours.
    links: Vec<(PortNumber, PortNumber)>,
    sequence_id: u16,
    due: u64,
    heard: Option<u64>,
    /// Whether it was there when that was last said.
    said: Option<bool>,
}

impl CommonLinks {
    /// Opens one socket for each service. Nothing is asked yet.
    pub(crate) fn open(links: &[CommonLink]) -> Result<Self, NetError> {
        let mut services: Vec<Service> = Vec::new();
        for link in links {
            let pair = (link.remote, link.port);
            let same = |s: &&mut Service| {
                s.server == link.server && s.domain_number == link.domain_number && s.sdo_id == link.sdo_id
            };
            if let Some(known) = services.iter_mut().find(same) {
                known.links.push(pair);
                continue;
            }
            let pid = std::process::id();
            let beside = || {
                let mut path = link.server.clone().into_os_string();
                path.push(format!("-client-{pid}-{}", services.len()));
                PathBuf::from(path)
            };
            let path = link.client.clone().unwrap_or_else(beside);
            services.push(Service {
                // Who may send to it is of no matter: only what comes from the service's own path counts.
                socket: LocalSocket::bind(&path, 0o666)?,
                server: link.server.clone(),
                // Not this clock's: the service may be a clock of the same interface, and so of the same identity.
                identity: PortIdentity::new(ClockIdentity::ZERO, pid as u16),
                domain_number: link.domain_number,
                sdo_id: link.sdo_id,
                links: vec![pair],
                sequence_id: 0,
                due: 0,
                heard: None,
                said: None,
            });
        }
        Ok(Self { services })
    }

    /// All descriptors, with the place that [`CommonLinks::receive`] wants.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        self.services.iter().map(|s| s.socket.as_fd()).enumerate()
    }

    /// When to call [`CommonLinks::run`] at the latest.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.services.iter().map(|s| s.due).min()
    }

    /// Subscribes anew where that is due.
    pub(crate) fn run(&mut self, now: u64) {
        for service in self.services.iter_mut().filter(|s| s.due <= now) {
            service.subscribe(now);
        }
    }

    /// Reads one message: what it says of one of our ports' links.
    pub(crate) fn receive(&mut self, i: usize, now: u64) -> Option<(PortNumber, LinkDelay)> {
        self.services.get_mut(i)?.receive(now)
    }
}

impl Service {
    fn subscribe(&mut self, now: u64) {
        let talks = self.heard.is_some_and(|at| now.saturating_sub(at) < SILENCE_NS);
        self.due = now.saturating_add(if talks { RENEW_NS } else { RETRY_NS });
        let events = EventMask::NONE.with(NotifyEvent::Cmlds, true);
        let wanted = SubscribeEventsNp { duration: DURATION_S, events };
        let sent = self.send(Action::Set, &Payload::SubscribeEventsNp(wanted)).and_then(|()| {
            if talks {
                Ok(())
            } else {
                self.send(Action::Get, &Payload::Raw(ManagementId::CMLDS_INFO_NP, &[]))
            }
        });
        if let Err(e) = sent
            && self.said != Some(false)
        {
            self.said = Some(false);
            warn!("common link delay service: {e}; tried again until it is there");
        }
    }

    fn send(&mut self, action: Action, payload: &Payload<'_>) -> Result<(), NetError> {
        let mut header = Header::new(MessageType::Management);
        header.sdo_id = self.sdo_id;
        header.domain_number = self.domain_number;
        header.source_port_identity = self.identity;
        header.sequence_id = self.sequence_id;
        self.sequence_id = self.sequence_id.wrapping_add(1);
        let body = Body::Management(ManagementHeader {
            target_port_identity: PortIdentity::ANY,
            starting_boundary_hops: 0,
            boundary_hops: 0,
            action,
        });
        let mut octets = [0; 256];
        let mut write = || -> Result<usize, WireError> {
            let mut value = [0; 128];
            let len = payload.emit(&mut value)?;
            let mut w = Writer::new(&mut octets, &header, &body)?;
            w.tlv(TlvType::MANAGEMENT, value.get(..len).unwrap_or(&[]))?;
            Ok(w.finish())
        };
        let len = write().expect("both requests are shorter than the buffers");
        self.socket.send(octets.get(..len).unwrap_or(&[]), &self.server)
    }

    fn receive(&mut self, now: u64) -> Option<(PortNumber, LinkDelay)> {
        let received = self.socket.receive().ok()??;
        if received.peer != Some(Path::new(&self.server)) {
            return None;
        }
        let (remote, link) = told(received.octets)?;
        self.heard = Some(now);
        if self.said != Some(true) {
            self.said = Some(true);
            info!("common link delay service: {} tells of its links", self.server.display());
        }
        self.links.iter().find(|(theirs, _)| *theirs == remote).map(|(_, ours)| (*ours, link))
    }
}

/// What a RESPONSE says, and of which of the service's ports.
fn told(octets: &[u8]) -> Option<(PortNumber, LinkDelay)> {
    let message = Message::parse(octets).ok()?;
    let Body::Management(body) = *message.body() else { return None };
    let Content::Management(tlv) = Content::of(&message)? else { return None };
    let Ok(Payload::CmldsInfoNp(info)) = tlv.payload() else { return None };
    let capable = info.as_capable != 0;
    let link = LinkDelay {
        // There is no other sign that nothing has been measured.
        mean_link_delay: capable.then_some(info.mean_link_delay),
        neighbor_rate_ratio: capable.then(|| RateOffset(info.scaled_neighbor_rate_ratio).ratio()),
        as_capable: capable,
    };
    (body.action == Action::Response).then(|| (message.header().source_port_identity.port_number, link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ptp_wire::TimeInterval;
    use ptp_wire::management::CmldsInfoNp;

    fn response(as_capable: u32, action: Action) -> Vec<u8> {
        let mut header = Header::new(MessageType::Management);
        header.source_port_identity = PortIdentity::new(ClockIdentity([7; 8]), 3);
        let body = Body::Management(ManagementHeader {
            target_port_identity: PortIdentity::ANY,
            starting_boundary_hops: 0,
            boundary_hops: 0,
            action,
        });
        let info = CmldsInfoNp {
            mean_link_delay: TimeInterval::from_nanos(321),
            scaled_neighbor_rate_ratio: RateOffset::from_ratio(1.000_01).0,
            as_capable,
        };
        let (mut value, mut octets) = ([0; 64], vec![0; 128]);
        let len = Payload::CmldsInfoNp(info).emit(&mut value).unwrap();
        let mut w = Writer::new(&mut octets, &header, &body).unwrap();
        w.tlv(TlvType::MANAGEMENT, &value[..len]).unwrap();
        let len = w.finish();
        octets.truncate(len);
        octets
    }

    #[test]
    fn a_response_tells_of_a_link_and_nothing_else_does() {
        let (port, link) = told(&response(1, Action::Response)).unwrap();
        assert_eq!((port, link.as_capable), (PortNumber(3), true));
        assert_eq!(link.mean_link_delay, Some(TimeInterval::from_nanos(321)));
        assert!((link.neighbor_rate_ratio.unwrap() - 1.000_01).abs() < 1e-12);
        let (_, link) = told(&response(0, Action::Response)).unwrap();
        assert_eq!((link.as_capable, link.mean_link_delay, link.neighbor_rate_ratio), (false, None, None));
        assert!(told(&response(1, Action::Get)).is_none());
        let octets = response(1, Action::Response);
        for len in 0..octets.len() {
            assert!(told(&octets[..len]).is_none());
        }
    }
}
