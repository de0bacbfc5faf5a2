//! linuxptp's payloads (managementId C000 and up), as its programs send and expect them.

use super::PtpText;
use crate::octets::{Cursor, Reader};
use crate::{ClockIdentity, ClockQuality, Flags, PortIdentity, TimeInterval, TimeSource, WireError};

/// `ScaledNs` (802.1AS 6.4.3.1): a signed 96-bit number of 2^-16 ns, as octets of the wire.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ScaledNs {
    /// Whole nanoseconds, bits 64-79.
    pub nanoseconds_msb: u16,
    /// Whole nanoseconds, bits 0-63.
    pub nanoseconds_lsb: u64,
    /// Fraction in 2^-16 ns.
    pub fractional_nanoseconds: u16,
}

impl ScaledNs {
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { nanoseconds_msb: r.u16()?, nanoseconds_lsb: r.u64()?, fractional_nanoseconds: r.u16()? })
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u16(self.nanoseconds_msb)?;
        w.u64(self.nanoseconds_lsb)?;
        w.u16(self.fractional_nanoseconds)
    }
}

/// TIME_STATUS_NP.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TimeStatusNp {
    /// Local clock minus master, in ns.
    pub master_offset: i64,
    /// When the last Sync arrived, in ns of the local clock.
    pub ingress_time: i64,
    /// (rate ratio - 1) x 2^41, from Follow_Up information.
    pub cumulative_scaled_rate_offset: i32,
    /// From Follow_Up information.
    pub scaled_last_gm_phase_change: i32,
    /// From Follow_Up information.
    pub gm_time_base_indicator: u16,
    /// From Follow_Up information.
    pub last_gm_phase_change: ScaledNs,
    /// Another clock is grandmaster.
    pub gm_present: bool,
    /// Who is grandmaster.
    pub gm_identity: ClockIdentity,
}

impl TimeStatusNp {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            master_offset: r.i64()?,
            ingress_time: r.i64()?,
            cumulative_scaled_rate_offset: r.i32()?,
            scaled_last_gm_phase_change: r.i32()?,
            gm_time_base_indicator: r.u16()?,
            last_gm_phase_change: ScaledNs::read(r)?,
            gm_present: r.i32()? != 0,
            gm_identity: ClockIdentity(r.array()?),
        })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.i64(self.master_offset)?;
        w.i64(self.ingress_time)?;
        w.i32(self.cumulative_scaled_rate_offset)?;
        w.i32(self.scaled_last_gm_phase_change)?;
        w.u16(self.gm_time_base_indicator)?;
        self.last_gm_phase_change.write(w)?;
        w.i32(i32::from(self.gm_present))?;
        w.put(&self.gm_identity.0)
    }
}

/// GRANDMASTER_SETTINGS_NP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GrandmasterSettingsNp {
    /// defaultDS.clockQuality.
    pub clock_quality: ClockQuality,
    /// TAI - UTC in seconds.
    pub utc_offset: i16,
    /// leap61 to frequencyTraceable, as in Announce: bits 0-7 of [`Flags`] only.
    pub time_flags: Flags,
    /// timeSource.
    pub time_source: TimeSource,
}

impl GrandmasterSettingsNp {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            clock_quality: ClockQuality::read(r)?,
            utc_offset: r.i16()?,
            time_flags: Flags(r.u8()?.into()),
            time_source: TimeSource(r.u8()?),
        })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.clock_quality.write(w)?;
        w.i16(self.utc_offset)?;
        w.put(&[self.time_flags.time_properties(), self.time_source.0])
    }
}

/// PORT_DATA_SET_NP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PortDataSetNp {
    /// neighborPropDelayThresh in ns: above it the port is not asCapable.
    pub neighbor_prop_delay_thresh: u32,
    /// asCapable. Ignored in a SET.
    pub as_capable: i32,
}

impl PortDataSetNp {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { neighbor_prop_delay_thresh: r.u32()?, as_capable: r.i32()? })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u32(self.neighbor_prop_delay_thresh)?;
        w.i32(self.as_capable)
    }
}

/// What a client can be notified of. The number is the bit in [`EventMask`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum NotifyEvent {
    /// A port changed its state: PORT_DATA_SET comes.
    PortState = 0,
    /// An offset was measured: TIME_STATUS_NP comes.
    TimeSync = 1,
    /// The parent changed: PARENT_DATA_SET comes.
    ParentDataSet = 2,
    /// A link delay was measured: CMLDS_INFO_NP comes.
    Cmlds = 3,
    /// Nothing comes: the GRANDMASTER_SETTINGS_NP that this client sets stand only as long as its subscription. Escapement's;
    /// linuxptp accepts and ignores it.
    GrandmasterLease = 255,
}

/// The 512 bits of SUBSCRIBE_EVENTS_NP: event n is bit n % 8 of octet n / 8.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EventMask(pub [u8; 64]);

impl EventMask {
    /// No event.
    pub const NONE: Self = Self([0; 64]);

    /// The event is in it.
    pub const fn has(&self, event: NotifyEvent) -> bool {
        self.0[event as usize / 8] >> (event as u8 % 8) & 1 != 0
    }

    /// With the event in it, or not.
    #[must_use]
    pub const fn with(mut self, event: NotifyEvent, on: bool) -> Self {
        let bit = 1 << (event as u8 % 8);
        let octet = &mut self.0[event as usize / 8];
        *octet = if on { *octet | bit } else { *octet & !bit };
        self
    }
}

/// SUBSCRIBE_EVENTS_NP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SubscribeEventsNp {
    /// In seconds; 0xFFFF: for ever.
    pub duration: u16,
    /// Of what. None at all ends the subscription.
    pub events: EventMask,
}

impl SubscribeEventsNp {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { duration: r.u16()?, events: EventMask(r.array()?) })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u16(self.duration)?;
        w.put(&self.events.0)
    }
}

/// PORT_PROPERTIES_NP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PortPropertiesNp<'a> {
    /// Whose.
    pub port_identity: PortIdentity,
    /// portState, 1..=9: see [`super::port_state_name`].
    pub port_state: u8,
    /// 0 software, 1 hardware, 2 legacy hardware, 3 one-step, 4 peer-to-peer one-step.
    pub timestamping: u8,
    /// The interface's name.
    pub interface: PtpText<'a>,
}

impl<'a> PortPropertiesNp<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        Ok(Self {
            port_identity: PortIdentity::read(r)?,
            port_state: r.u8()?,
            timestamping: r.u8()?,
            interface: PtpText::read(r)?,
        })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.port_identity.write(w)?;
        w.put(&[self.port_state, self.timestamping])?;
        self.interface.write(w)
    }
}

/// PORT_HWCLOCK_NP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PortHwclockNp {
    /// Whose.
    pub port_identity: PortIdentity,
    /// N of /dev/ptpN; -1: none.
    pub phc_index: i32,
    /// Bit 0: a virtual clock. Other bits are kept as they came.
    pub flags: u8,
}

impl PortHwclockNp {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let value = Self { port_identity: PortIdentity::read(r)?, phc_index: r.i32()?, flags: r.u8()? };
        r.u8()?;
        Ok(value)
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.port_identity.write(w)?;
        w.i32(self.phc_index)?;
        w.put(&[self.flags, 0])
    }
}

/// POWER_PROFILE_SETTINGS_NP (IEEE C37.238). Inaccuracies are in ns; all ones: unknown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PowerProfileSettingsNp {
    /// 0 none, 1 2011, 2 2017.
    pub version: u16,
    /// grandmasterID.
    pub grandmaster_id: u16,
    /// grandmasterTimeInaccuracy (2011).
    pub grandmaster_time_inaccuracy: u32,
    /// networkTimeInaccuracy (2011).
    pub network_time_inaccuracy: u32,
    /// totalTimeInaccuracy (2017).
    pub total_time_inaccuracy: u32,
}

impl PowerProfileSettingsNp {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            version: r.u16()?,
            grandmaster_id: r.u16()?,
            grandmaster_time_inaccuracy: r.u32()?,
            network_time_inaccuracy: r.u32()?,
            total_time_inaccuracy: r.u32()?,
        })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u16(self.version)?;
        w.u16(self.grandmaster_id)?;
        w.u32(self.grandmaster_time_inaccuracy)?;
        w.u32(self.network_time_inaccuracy)?;
        w.u32(self.total_time_inaccuracy)
    }
}

/// CMLDS_INFO_NP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CmldsInfoNp {
    /// meanLinkDelay.
    pub mean_link_delay: TimeInterval,
    /// (neighborRateRatio - 1) x 2^41.
    pub scaled_neighbor_rate_ratio: i32,
    /// asCapable.
    pub as_capable: u32,
}

impl CmldsInfoNp {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            mean_link_delay: TimeInterval::read(r)?,
            scaled_neighbor_rate_ratio: r.i32()?,
            as_capable: r.u32()?,
        })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.mean_link_delay.write(w)?;
        w.i32(self.scaled_neighbor_rate_ratio)?;
        w.u32(self.as_capable)
    }
}

/// PORT_CORRECTIONS_NP. linuxptp sends the three values in the byte order of its host, in both directions, and so does this.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PortCorrectionsNp {
    /// Added to transmit stamps.
    pub egress_latency: TimeInterval,
    /// Subtracted from receive stamps.
    pub ingress_latency: TimeInterval,
    /// portDS.delayAsymmetry.
    pub delay_asymmetry: TimeInterval,
}

impl PortCorrectionsNp {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut value = || r.array().map(|octets| TimeInterval(i64::from_ne_bytes(octets)));
        Ok(Self { egress_latency: value()?, ingress_latency: value()?, delay_asymmetry: value()? })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&self.egress_latency.0.to_ne_bytes())?;
        w.put(&self.ingress_latency.0.to_ne_bytes())?;
        w.put(&self.delay_asymmetry.0.to_ne_bytes())
    }
}

/// EXTERNAL_GRANDMASTER_PROPERTIES_NP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExternalGrandmasterPropertiesNp {
    /// Who is grandmaster.
    pub gm_identity: ClockIdentity,
    /// How far away it is.
    pub steps_removed: u16,
}

impl ExternalGrandmasterPropertiesNp {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { gm_identity: ClockIdentity(r.array()?), steps_removed: r.u16()? })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(&self.gm_identity.0)?;
        w.u16(self.steps_removed)
    }
}
