//! Payloads about the clock.

use super::PtpText;
use super::codec::{bit, flags};
use crate::octets::{Cursor, Reader};
use crate::{
    ClockIdentity, ClockQuality, Flags, PortAddress, PortIdentity, TimeInterval, TimeSource, WireError,
};

/// `clockType` (1588-2019 table 62): what the node is, bits combined.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct ClockType(pub u16);

impl ClockType {
    /// Ordinary clock.
    pub const ORDINARY: Self = Self(0x8000);
    /// Boundary clock.
    pub const BOUNDARY: Self = Self(0x4000);
    /// Peer-to-peer transparent clock.
    pub const P2P_TRANSPARENT: Self = Self(0x2000);
    /// End-to-end transparent clock.
    pub const E2E_TRANSPARENT: Self = Self(0x1000);
    /// Management node.
    pub const MANAGEMENT: Self = Self(0x0800);

    /// All of `o` are set.
    pub const fn has(self, o: Self) -> bool {
        self.0 & o.0 == o.0
    }
}

/// CLOCK_DESCRIPTION (1588-2019 15.5.3.1.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClockDescription<'a> {
    /// clockType.
    pub clock_type: ClockType,
    /// physicalLayerProtocol: "IEEE 802.3".
    pub physical_layer_protocol: PtpText<'a>,
    /// physicalAddress: the MAC address.
    pub physical_address: &'a [u8],
    /// protocolAddress.
    pub protocol_address: PortAddress<'a>,
    /// manufacturerIdentity: an OUI.
    pub manufacturer_identity: [u8; 3],
    /// productDescription: `manufacturer;model;instance`.
    pub product_description: PtpText<'a>,
    /// revisionData: `hardware;firmware;software`.
    pub revision_data: PtpText<'a>,
    /// userDescription: `name;location`.
    pub user_description: PtpText<'a>,
    /// profileIdentity: OUI and three octets.
    pub profile_identity: [u8; 6],
}

impl<'a> ClockDescription<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let clock_type = ClockType(r.u16()?);
        let physical_layer_protocol = PtpText::read(r)?;
        let length = r.u16()?;
        let physical_address = r.take(length.into())?;
        let protocol_address = PortAddress::read(r)?;
        let [a, b, c, _reserved] = r.array()?;
        Ok(Self {
            clock_type,
            physical_layer_protocol,
            physical_address,
            protocol_address,
            manufacturer_identity: [a, b, c],
            product_description: PtpText::read(r)?,
            revision_data: PtpText::read(r)?,
            user_description: PtpText::read(r)?,
            profile_identity: r.array()?,
        })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u16(self.clock_type.0)?;
        self.physical_layer_protocol.write(w)?;
        w.u16(u16::try_from(self.physical_address.len()).map_err(|_| WireError::Value)?)?;
        w.put(self.physical_address)?;
        self.protocol_address.write(w)?;
        w.put(&self.manufacturer_identity)?;
        w.u8(0)?;
        self.product_description.write(w)?;
        self.revision_data.write(w)?;
        self.user_description.write(w)?;
        w.put(&self.profile_identity)
    }
}

/// defaultDS as DEFAULT_DATA_SET carries it (1588-2019 15.5.3.3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DefaultDataSet {
    /// twoStepFlag.
    pub two_step: bool,
    /// slaveOnly.
    pub slave_only: bool,
    /// numberPorts.
    pub number_ports: u16,
    /// priority1.
    pub priority1: u8,
    /// clockQuality.
    pub clock_quality: ClockQuality,
    /// priority2.
    pub priority2: u8,
    /// clockIdentity.
    pub clock_identity: ClockIdentity,
    /// domainNumber.
    pub domain_number: u8,
}

impl DefaultDataSet {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let [f, _reserved] = r.array()?;
        let value = Self {
            two_step: bit(f, 0),
            slave_only: bit(f, 1),
            number_ports: r.u16()?,
            priority1: r.u8()?,
            clock_quality: ClockQuality::read(r)?,
            priority2: r.u8()?,
            clock_identity: ClockIdentity(r.array()?),
            domain_number: r.u8()?,
        };
        r.u8()?;
        Ok(value)
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&[flags([self.two_step, self.slave_only]), 0])?;
        w.u16(self.number_ports)?;
        w.u8(self.priority1)?;
        self.clock_quality.write(w)?;
        w.u8(self.priority2)?;
        w.put(&self.clock_identity.0)?;
        w.put(&[self.domain_number, 0])
    }
}

/// currentDS (1588-2019 15.5.3.4.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CurrentDataSet {
    /// stepsRemoved.
    pub steps_removed: u16,
    /// offsetFromMaster: positive when the local clock is ahead.
    pub offset_from_master: TimeInterval,
    /// meanDelay (2008: meanPathDelay).
    pub mean_path_delay: TimeInterval,
}

impl CurrentDataSet {
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            steps_removed: r.u16()?,
            offset_from_master: TimeInterval::read(r)?,
            mean_path_delay: TimeInterval::read(r)?,
        })
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u16(self.steps_removed)?;
        self.offset_from_master.write(w)?;
        self.mean_path_delay.write(w)
    }
}

/// parentDS (1588-2019 15.5.3.5.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ParentDataSet {
    /// parentPortIdentity.
    pub parent_port_identity: PortIdentity,
    /// parentStats: the two observed values are valid.
    pub parent_stats: bool,
    /// observedParentOffsetScaledLogVariance.
    pub observed_parent_offset_scaled_log_variance: u16,
    /// observedParentClockPhaseChangeRate.
    pub observed_parent_clock_phase_change_rate: i32,
    /// grandmasterPriority1.
    pub grandmaster_priority1: u8,
    /// grandmasterClockQuality.
    pub grandmaster_clock_quality: ClockQuality,
    /// grandmasterPriority2.
    pub grandmaster_priority2: u8,
    /// grandmasterIdentity.
    pub grandmaster_identity: ClockIdentity,
}

impl ParentDataSet {
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let parent_port_identity = PortIdentity::read(r)?;
        let [f, _reserved] = r.array()?;
        Ok(Self {
            parent_port_identity,
            parent_stats: bit(f, 0),
            observed_parent_offset_scaled_log_variance: r.u16()?,
            observed_parent_clock_phase_change_rate: r.i32()?,
            grandmaster_priority1: r.u8()?,
            grandmaster_clock_quality: ClockQuality::read(r)?,
            grandmaster_priority2: r.u8()?,
            grandmaster_identity: ClockIdentity(r.array()?),
        })
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.parent_port_identity.write(w)?;
        w.put(&[flags([self.parent_stats]), 0])?;
        w.u16(self.observed_parent_offset_scaled_log_variance)?;
        w.i32(self.observed_parent_clock_phase_change_rate)?;
        w.u8(self.grandmaster_priority1)?;
        self.grandmaster_clock_quality.write(w)?;
        w.u8(self.grandmaster_priority2)?;
        w.put(&self.grandmaster_identity.0)
    }
}

/// timePropertiesDS (1588-2019 15.5.3.6.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TimePropertiesDataSet {
    /// currentUtcOffset: TAI - UTC in seconds.
    pub current_utc_offset: i16,
    /// leap61 to synchronizationUncertain, as in Announce: bits 0-7 of [`Flags`] only.
    pub flags: Flags,
    /// timeSource.
    pub time_source: TimeSource,
}

impl TimePropertiesDataSet {
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            current_utc_offset: r.i16()?,
            flags: Flags(r.u8()?.into()),
            time_source: TimeSource(r.u8()?),
        })
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.i16(self.current_utc_offset)?;
        w.put(&[self.flags.time_properties(), self.time_source.0])
    }
}

/// UTC_PROPERTIES (1588-2019 15.5.3.6.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UtcProperties {
    /// currentUtcOffset: TAI - UTC in seconds.
    pub current_utc_offset: i16,
    /// leap61.
    pub leap61: bool,
    /// leap59.
    pub leap59: bool,
    /// currentUtcOffsetValid.
    pub current_utc_offset_valid: bool,
}

impl UtcProperties {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let current_utc_offset = r.i16()?;
        let [f, _reserved] = r.array()?;
        Ok(Self {
            current_utc_offset,
            leap61: bit(f, 0),
            leap59: bit(f, 1),
            current_utc_offset_valid: bit(f, 2),
        })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.i16(self.current_utc_offset)?;
        w.put(&[flags([self.leap61, self.leap59, self.current_utc_offset_valid]), 0])
    }
}

/// TRACEABILITY_PROPERTIES (1588-2019 15.5.3.6.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceabilityProperties {
    /// timeTraceable.
    pub time_traceable: bool,
    /// frequencyTraceable.
    pub frequency_traceable: bool,
}

impl TraceabilityProperties {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let [f, _reserved] = r.array()?;
        Ok(Self { time_traceable: bit(f, 4), frequency_traceable: bit(f, 5) })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&[flags([false, false, false, false, self.time_traceable, self.frequency_traceable]), 0])
    }
}

/// TIMESCALE_PROPERTIES (1588-2019 15.5.3.6.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TimescaleProperties {
    /// ptpTimescale.
    pub ptp_timescale: bool,
    /// timeSource. linuxptp sends 0.
    pub time_source: TimeSource,
}

impl TimescaleProperties {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let [f, source] = r.array()?;
        Ok(Self { ptp_timescale: bit(f, 3), time_source: TimeSource(source) })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&[flags([false, false, false, self.ptp_timescale]), self.time_source.0])
    }
}

/// ALTERNATE_TIME_OFFSET_ENABLE (1588-2019 16.3.4.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AlternateTimeOffsetEnable {
    /// Which alternate timescale; 0xFF in a SET: all.
    pub key_field: u8,
    /// It is announced.
    pub enable: bool,
}

impl AlternateTimeOffsetEnable {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let [key_field, f] = r.array()?;
        Ok(Self { key_field, enable: bit(f, 0) })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&[self.key_field, u8::from(self.enable)])
    }
}

/// ALTERNATE_TIME_OFFSET_NAME (1588-2019 16.3.4.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AlternateTimeOffsetName<'a> {
    /// Which alternate timescale.
    pub key_field: u8,
    /// displayName, at most 10 octets by the standard.
    pub display_name: PtpText<'a>,
}

impl<'a> AlternateTimeOffsetName<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        Ok(Self { key_field: r.u8()?, display_name: PtpText::read(r)? })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u8(self.key_field)?;
        self.display_name.write(w)
    }
}

/// ALTERNATE_TIME_OFFSET_PROPERTIES (1588-2019 16.3.4.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AlternateTimeOffsetProperties {
    /// Which alternate timescale.
    pub key_field: u8,
    /// currentOffset: alternate time minus the node's time, in seconds.
    pub current_offset: i32,
    /// jumpSeconds: the size of the next jump, in seconds.
    pub jump_seconds: i32,
    /// timeOfNextJump: 48 bits of seconds of the node's time.
    pub time_of_next_jump: u64,
}

impl AlternateTimeOffsetProperties {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let value = Self {
            key_field: r.u8()?,
            current_offset: r.i32()?,
            jump_seconds: r.i32()?,
            time_of_next_jump: r.u48()?,
        };
        r.u8()?;
        Ok(value)
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u8(self.key_field)?;
        w.i32(self.current_offset)?;
        w.i32(self.jump_seconds)?;
        w.u48(self.time_of_next_jump)?;
        w.u8(0)
    }
}
