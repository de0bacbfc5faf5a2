//! Payloads of transparent clocks, deprecated in 2019.

use super::codec::bit;
use crate::octets::{Cursor, Reader};
use crate::{ClockIdentity, LogInterval, PortIdentity, TimeInterval, WireError};

/// transparentClockDefaultDS (1588-2008 15.5.3.10.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TransparentClockDefaultDataSet {
    /// clockIdentity.
    pub clock_identity: ClockIdentity,
    /// numberPorts.
    pub number_ports: u16,
    /// delayMechanism: 1 E2E, 2 P2P, 0xFE none.
    pub delay_mechanism: u8,
    /// primaryDomain.
    pub primary_domain: u8,
}

impl TransparentClockDefaultDataSet {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            clock_identity: ClockIdentity(r.array()?),
            number_ports: r.u16()?,
            delay_mechanism: r.u8()?,
            primary_domain: r.u8()?,
        })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&self.clock_identity.0)?;
        w.u16(self.number_ports)?;
        w.put(&[self.delay_mechanism, self.primary_domain])
    }
}

/// transparentClockPortDS (1588-2008 15.5.3.10.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TransparentClockPortDataSet {
    /// portIdentity.
    pub port_identity: PortIdentity,
    /// faultyFlag.
    pub faulty: bool,
    /// logMinPdelayReqInterval.
    pub log_min_pdelay_req_interval: LogInterval,
    /// peerMeanPathDelay.
    pub peer_mean_path_delay: TimeInterval,
}

impl TransparentClockPortDataSet {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let port_identity = PortIdentity::read(r)?;
        let [f, interval] = r.array()?;
        Ok(Self {
            port_identity,
            faulty: bit(f, 0),
            log_min_pdelay_req_interval: LogInterval(interval as i8),
            peer_mean_path_delay: TimeInterval::read(r)?,
        })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.port_identity.write(w)?;
        w.put(&[u8::from(self.faulty), self.log_min_pdelay_req_interval.0 as u8])?;
        self.peer_mean_path_delay.write(w)
    }
}
