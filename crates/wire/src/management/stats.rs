//! linuxptp's counters. By its definition they are little-endian on the wire.

use crate::octets::{Cursor, Reader};
use crate::{MessageType, PortIdentity, WireError};

/// PORT_STATS_NP: messages by type. A view, since it is large; [`PortStatsNp::emit_counters`] builds one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PortStatsNp<'a> {
    /// Whose.
    pub port_identity: PortIdentity,
    counters: &'a [u8; 256],
}

impl<'a> PortStatsNp<'a> {
    /// Over counters in wire format.
    pub fn new(port_identity: PortIdentity, counters: &'a [u8; 256]) -> Self {
        Self { port_identity, counters }
    }

    /// Counters in wire format. The index of both arrays is messageType.
    pub fn emit_counters(rx: &[u64; 16], tx: &[u64; 16]) -> [u8; 256] {
        let mut octets = [0; 256];
        for (place, counter) in octets.chunks_exact_mut(8).zip(rx.iter().chain(tx)) {
            place.copy_from_slice(&counter.to_le_bytes());
        }
        octets
    }

    fn counter(&self, n: usize) -> u64 {
        let (chunks, _) = self.counters.as_chunks::<8>();
        chunks.get(n).map_or(0, |octets| u64::from_le_bytes(*octets))
    }

    /// Messages received of a type.
    pub fn rx(&self, message_type: MessageType) -> u64 {
        self.counter(message_type as usize)
    }

    /// Messages transmitted of a type.
    pub fn tx(&self, message_type: MessageType) -> u64 {
        self.counter(16 + message_type as usize)
    }

    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let port_identity = PortIdentity::read(r)?;
        let counters = r.take(256)?.try_into().map_err(|_| WireError::Truncated)?;
        Ok(Self { port_identity, counters })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.port_identity.write(w)?;
        w.put(self.counters)
    }
}

/// PORT_SERVICE_STATS_NP: timeouts and mismatches.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PortServiceStatsNp {
    /// Whose.
    pub port_identity: PortIdentity,
    /// Announce receipt timeouts.
    pub announce_timeout: u64,
    /// Sync receipt timeouts.
    pub sync_timeout: u64,
    /// Delay timer expiries: requests sent.
    pub delay_timeout: u64,
    /// Unicast grants that ran out at this server.
    pub unicast_service_timeout: u64,
    /// Unicast request timer expiries.
    pub unicast_request_timeout: u64,
    /// Announce timer expiries as master.
    pub master_announce_timeout: u64,
    /// Sync timer expiries as master.
    pub master_sync_timeout: u64,
    /// Qualification timer expiries in PRE_MASTER.
    pub qualification_timeout: u64,
    /// Syncs without their Follow_Up.
    pub sync_mismatch: u64,
    /// Follow_Ups without their Sync.
    pub followup_mismatch: u64,
}

impl PortServiceStatsNp {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut value = Self { port_identity: PortIdentity::read(r)?, ..Self::default() };
        for (_, counter) in value.counters_mut() {
            *counter = u64::from_le_bytes(r.array()?);
        }
        Ok(value)
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.port_identity.write(w)?;
        for (_, counter) in self.counters() {
            w.put(&counter.to_le_bytes())?;
        }
        Ok(())
    }

    /// The counters in the order of the wire, with linuxptp's names.
    pub fn counters(&self) -> [(&'static str, u64); 10] {
        let mut copy = *self;
        copy.counters_mut().map(|(name, counter)| (name, *counter))
    }

    fn counters_mut(&mut self) -> [(&'static str, &mut u64); 10] {
        [
            ("announce_timeout", &mut self.announce_timeout),
            ("sync_timeout", &mut self.sync_timeout),
            ("delay_timeout", &mut self.delay_timeout),
            ("unicast_service_timeout", &mut self.unicast_service_timeout),
            ("unicast_request_timeout", &mut self.unicast_request_timeout),
            ("master_announce_timeout", &mut self.master_announce_timeout),
            ("master_sync_timeout", &mut self.master_sync_timeout),
            ("qualification_timeout", &mut self.qualification_timeout),
            ("sync_mismatch", &mut self.sync_mismatch),
            ("followup_mismatch", &mut self.followup_mismatch),
        ]
    }
}
