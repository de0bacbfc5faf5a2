use std::collections::VecDeque;
use std::ops::Range;

use ptp_security::SecurityAssociation;
use ptp_wire::{PortNumber, WireError};

use super::{
    DelaySample, Destination, Envelope, Event, ForwardSample, MessageClass, Output, Sample, TxToken,
};

#[derive(Clone, Debug)]
enum Queued {
    Transmit {
        port: PortNumber,
        class: MessageClass,
        destination: Destination,
        octets: Range<usize>,
        stamp: Option<TxToken>,
    },
    Transit {
        transit: Transit,
        octets: Range<usize>,
    },
    LocalReply {
        peer: u32,
        octets: Range<usize>,
    },
    Sample(Sample),
    Delay(DelaySample),
    Forward(ForwardSample),
    Event(Event),
}

/// What waits to be polled. Messages live in one arena that is reused, so that steady running allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Queued>,
    arena: Vec<u8>,
    /// Of each port, from port 1.
    seals: Vec<Option<Seal>>,
}

/// What ends every message of a port.
#[derive(Clone, Debug)]
pub(super) struct Seal {
    pub(super) association: SecurityAssociation,
    pub(super) key_id: u32,
}

/// A frame's way out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) port: PortNumber,
    pub(super) class: MessageClass,
    pub(super) destination: Destination,
    pub(super) stamp: Option<TxToken>,
}

/// The way out of a frame that passes through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transit {
    pub(super) port: PortNumber,
    pub(super) class: MessageClass,
    pub(super) envelope: Envelope,
    pub(super) stamp: Option<TxToken>,
}

impl Outbox {
    /// Octets that fit one message.
    pub(super) const MAX_MESSAGE: usize = 1480;
    /// Room that timing messages need at most.
    pub(super) const TIMING: usize = 128;

    /// With room for all that one port has to say at once.
    pub(super) fn new() -> Self {
        Self { arena: Vec::with_capacity(2 * Self::MAX_MESSAGE), ..Self::default() }
    }

    /// Lets `write` fill up to `room` octets; nothing is queued when it fails.
    pub(super) fn transmit(
        &mut self,
        route: Route,
        room: usize,
        write: impl FnOnce(&mut [u8]) -> Result<usize, WireError>,
    ) -> Result<(), WireError> {
        let octets = self.fill_sealed(route.port, room, write)?;
        let Route { port, class, destination, stamp } = route;
        self.queue.push_back(Queued::Transmit { port, class, destination, octets, stamp });
        Ok(())
    }

    /// A copy of `octets`, `edit`ed.
    pub(super) fn transit(&mut self, transit: Transit, octets: &[u8], edit: impl FnOnce(&mut [u8])) {
        let copied = self.fill_sealed(transit.port, octets.len(), |buf| {
            let copy = buf.get_mut(..octets.len()).ok_or(WireError::NoSpace)?;
            copy.copy_from_slice(octets);
            edit(copy);
            Ok(octets.len())
        });
        if let Ok(octets) = copied {
            self.queue.push_back(Queued::Transit { transit, octets });
        }
    }

    pub(super) fn local_reply(
        &mut self,
        peer: u32,
        write: impl FnOnce(&mut [u8]) -> Result<usize, WireError>,
    ) -> Result<(), WireError> {
        let octets = self.fill(Self::MAX_MESSAGE, write)?;
        self.queue.push_back(Queued::LocalReply { peer, octets });
        Ok(())
    }

    pub(super) fn sample(&mut self, sample: Sample) {
        self.queue.push_back(Queued::Sample(sample));
    }

    pub(super) fn delay(&mut self, sample: DelaySample) {
        self.queue.push_back(Queued::Delay(sample));
    }

    pub(super) fn forward(&mut self, sample: ForwardSample) {
        self.queue.push_back(Queued::Forward(sample));
    }

    pub(super) fn event(&mut self, event: Event) {
        self.queue.push_back(Queued::Event(event));
    }

    /// Takes the place of all seals there were.
    pub(super) fn set_seals(&mut self, seals: impl Iterator<Item = Option<Seal>>) {
        self.seals.clear();
        self.seals.extend(seals);
    }

    /// As [`Outbox::fill`], for a message that leaves by `port`.
    fn fill_sealed(
        &mut self,
        port: PortNumber,
        room: usize,
        write: impl FnOnce(&mut [u8]) -> Result<usize, WireError>,
    ) -> Result<Range<usize>, WireError> {
        let seals = std::mem::take(&mut self.seals);
        let seal = usize::from(port.0).checked_sub(1).and_then(|i| seals.get(i)?.as_ref());
        let filled = match seal {
            None => self.fill(room, write),
            Some(Seal { association, key_id }) => {
                let room = (room + association.room()).min(Self::MAX_MESSAGE);
                self.fill(room, |buf| {
                    let len = write(buf)?;
                    association.seal(*key_id, buf, len)
                })
            }
        };
        self.seals = seals;
        filled
    }

    fn fill(
        &mut self,
        room: usize,
        write: impl FnOnce(&mut [u8]) -> Result<usize, WireError>,
    ) -> Result<Range<usize>, WireError> {
        if self.queue.is_empty() {
            self.arena.clear();
        }
        let start = self.arena.len();
        self.arena.resize(start + room, 0);
        let result = write(&mut self.arena[start..]);
        let len = result.as_ref().map_or(0, |&n| n.min(room));
        self.arena.truncate(start + len);
        result.map(|_| start..start + len)
    }

    pub(super) fn poll(&mut self) -> Option<Output<'_>> {
        let arena = &self.arena;
        Some(match self.queue.pop_front()? {
            Queued::Transmit { port, class, destination, octets, stamp } => {
                Output::Transmit { port, class, destination, octets: &arena[octets], stamp }
            }
            Queued::Transit { transit, octets } => {
                let Transit { port, class, envelope, stamp } = transit;
                Output::Transit { port, class, envelope, octets: &arena[octets], stamp }
            }
            Queued::LocalReply { peer, octets } => Output::LocalReply { peer, octets: &arena[octets] },
            Queued::Sample(s) => Output::Sample(s),
            Queued::Delay(d) => Output::Delay(d),
            Queued::Forward(f) => Output::Forward(f),
            Queued::Event(e) => Output::Event(e),
        })
    }
}
