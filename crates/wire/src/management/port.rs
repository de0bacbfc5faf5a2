//! Payloads about a port.

use super::codec::bit;
use crate::octets::{Cursor, Reader};
use crate::{LogInterval, PortIdentity, TimeInterval, WireError};

/// portDS as PORT_DATA_SET carries it (1588-2019 15.5.3.7.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PortDataSet {
    /// portIdentity.
    pub port_identity: PortIdentity,
    /// portState, 1..=9: see [`port_state_name`].
    pub port_state: u8,
    /// logMinDelayReqInterval.
    pub log_min_delay_req_interval: LogInterval,
    /// meanLinkDelay (2008: peerMeanPathDelay).
    pub peer_mean_path_delay: TimeInterval,
    /// logAnnounceInterval.
    pub log_announce_interval: LogInterval,
    /// announceReceiptTimeout in announce intervals.
    pub announce_receipt_timeout: u8,
    /// logSyncInterval.
    pub log_sync_interval: LogInterval,
    /// delayMechanism: 1 E2E, 2 P2P, 3 COMMON_P2P, 4 SPECIAL, 0xFE none.
    pub delay_mechanism: u8,
    /// logMinPdelayReqInterval.
    pub log_min_pdelay_req_interval: LogInterval,
    /// versionNumber, 0..=15.
    pub version_number: u8,
}

impl PortDataSet {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            port_identity: PortIdentity::read(r)?,
            port_state: r.u8()?,
            log_min_delay_req_interval: LogInterval(r.i8()?),
            peer_mean_path_delay: TimeInterval::read(r)?,
            log_announce_interval: LogInterval(r.i8()?),
            announce_receipt_timeout: r.u8()?,
            log_sync_interval: LogInterval(r.i8()?),
            delay_mechanism: r.u8()?,
            log_min_pdelay_req_interval: LogInterval(r.i8()?),
            version_number: r.u8()? & 0x0f,
        })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.port_identity.write(w)?;
        w.u8(self.port_state)?;
        w.i8(self.log_min_delay_req_interval.0)?;
        self.peer_mean_path_delay.write(w)?;
        w.i8(self.log_announce_interval.0)?;
        w.u8(self.announce_receipt_timeout)?;
        w.i8(self.log_sync_interval.0)?;
        w.u8(self.delay_mechanism)?;
        w.i8(self.log_min_pdelay_req_interval.0)?;
        w.u8(self.version_number & 0x0f)
    }
}

/// The name of a portState (1588-2019 table 20), and linuxptp's GRAND_MASTER (10); `None` for other numbers.
pub const fn port_state_name(state: u8) -> Option<&'static str> {
    Some(match state {
        1 => "INITIALIZING",
        2 => "FAULTY",
        3 => "DISABLED",
        4 => "LISTENING",
        5 => "PRE_MASTER",
        6 => "MASTER",
        7 => "PASSIVE",
        8 => "UNCALIBRATED",
        9 => "SLAVE",
        10 => "GRAND_MASTER",
        _ => return None,
    })
}

/// ALTERNATE_MASTER (1588-2019 17.3.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AlternateMaster {
    /// transmitAlternateMulticastSync.
    pub transmit_alternate_multicast_sync: bool,
    /// logAlternateMulticastSyncInterval.
    pub log_alternate_multicast_sync_interval: LogInterval,
    /// numberOfAlternateMasters.
    pub number_of_alternate_masters: u8,
}

impl AlternateMaster {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let [f, interval, number, _reserved] = r.array()?;
        Ok(Self {
            transmit_alternate_multicast_sync: bit(f, 0),
            log_alternate_multicast_sync_interval: LogInterval(interval as i8),
            number_of_alternate_masters: number,
        })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&[
            u8::from(self.transmit_alternate_multicast_sync),
            self.log_alternate_multicast_sync_interval.0 as u8,
            self.number_of_alternate_masters,
            0,
        ])
    }
}

/// EXT_PORT_CONFIG_PORT_DATA_SET (1588-2019 17.6.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExtPortConfig {
    /// Bit 0 of the first octet.
    pub acceptable: bool,
    /// desiredState: a portState.
    pub desired_state: u8,
}

impl ExtPortConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let [f, desired_state] = r.array()?;
        Ok(Self { acceptable: bit(f, 0), desired_state })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&[u8::from(self.acceptable), self.desired_state])
    }
}
