//! Which transmissions wait for their stamps.

use ptp_wire::{LogInterval, MessageType, PortIdentity, PortNumber, TimeInterval};

use super::{Destination, TxToken};

/// Transmissions remembered per port; the oldest is given up for a new one.
const CAPACITY: usize = 32;
/// The same, of a port that serves unicast clients.
const SERVER_CAPACITY: usize = 8192;

/// A stamped message and what its stamp is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sent {
    Sync {
        sequence_id: u16,
        destination: Destination,
        log_interval: LogInterval,
    },
    DelayReq {
        sequence_id: u16,
    },
    PdelayReq {
        sequence_id: u16,
    },
    PdelayResp {
        sequence_id: u16,
        requester: PortIdentity,
        correction: TimeInterval,
        destination: Destination,
    },
}

impl Sent {
    pub(super) fn message_type(&self) -> MessageType {
        match self {
            Self::Sync { .. } => MessageType::Sync,
            Self::DelayReq { .. } => MessageType::DelayReq,
            Self::PdelayReq { .. } => MessageType::PdelayReq,
            Self::PdelayResp { .. } => MessageType::PdelayResp,
        }
    }
}

/// A ring of outstanding stamps. The token's high half is the port, its low half counts.
#[derive(Clone, Debug)]
pub(super) struct Outstanding {
    port: PortNumber,
    next: u16,
    /// A power of two; the place of a tag is what it leaves by division.
    ring: Vec<Option<(u16, Sent)>>,
}

impl Outstanding {
    /// `server`: for a port that serves unicast clients.
    pub(super) fn new(port: PortNumber, server: bool) -> Self {
        let capacity = if server { SERVER_CAPACITY } else { CAPACITY };
        Self { port, next: 0, ring: vec![None; capacity] }
    }

    /// The port a token belongs to.
    pub(super) fn port_of(token: TxToken) -> PortNumber {
        PortNumber((token.0 >> 16) as u16)
    }

    fn place(&mut self, tag: u16) -> &mut Option<(u16, Sent)> {
        let mask = self.ring.len() - 1;
        &mut self.ring[usize::from(tag) & mask]
    }

    /// Remembers a transmission; also returns one that had to be given up.
    pub(super) fn issue(&mut self, sent: Sent) -> (TxToken, Option<Sent>) {
        let tag = self.next;
        self.next = self.next.wrapping_add(1);
        let lost = self.place(tag).replace((tag, sent)).map(|(_, lost)| lost);
        (TxToken((u32::from(self.port.0) << 16) | u32::from(tag)), lost)
    }

    /// Takes what `token` stands for, once.
    pub(super) fn complete(&mut self, token: TxToken) -> Option<Sent> {
        let tag = token.0 as u16;
        self.place(tag).take_if(|(t, _)| *t == tag).map(|(_, sent)| sent)
    }

    pub(super) fn clear(&mut self) {
        self.ring.fill(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_complete_once_in_any_order_and_the_oldest_is_given_up() {
        let mut o = Outstanding::new(PortNumber(3), false);
        let tokens: Vec<_> = (0..40).map(|sequence_id| o.issue(Sent::DelayReq { sequence_id })).collect();
        assert_eq!(tokens.iter().filter(|(_, lost)| lost.is_some()).count(), 8);
        assert_eq!(tokens[32].1, Some(Sent::DelayReq { sequence_id: 0 }));
        assert_eq!(o.complete(tokens[0].0), None);
        assert_eq!(o.complete(tokens[39].0), Some(Sent::DelayReq { sequence_id: 39 }));
        assert_eq!(o.complete(tokens[39].0), None);
        assert_eq!(o.complete(tokens[8].0), Some(Sent::DelayReq { sequence_id: 8 }));
        assert_eq!(Outstanding::port_of(tokens[5].0), PortNumber(3));
    }
}
