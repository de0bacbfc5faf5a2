use crate::octets::{Cursor, Reader};
use crate::{ClockIdentity, ClockQuality, TimeSource, Timestamp, WireError};

/// The body of an Announce (1588-2019 13.5). The time properties' flags are in the header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Announce {
    /// 0, or an estimate within a second.
    pub origin_timestamp: Timestamp,
    /// TAI - UTC in seconds.
    pub current_utc_offset: i16,
    /// grandmasterPriority1.
    pub grandmaster_priority1: u8,
    /// grandmasterClockQuality.
    pub grandmaster_clock_quality: ClockQuality,
    /// grandmasterPriority2.
    pub grandmaster_priority2: u8,
    /// grandmasterIdentity.
    pub grandmaster_identity: ClockIdentity,
    /// Boundary clocks between the grandmaster and the sender.
    pub steps_removed: u16,
    /// timeSource.
    pub time_source: TimeSource,
}

impl Announce {
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let octets = r.array::<30>()?;
        let r = &mut Reader::new(&octets);
        let origin_timestamp = Timestamp::read(r)?;
        let current_utc_offset = r.i16()?;
        r.u8()?;
        Ok(Self {
            origin_timestamp,
            current_utc_offset,
            grandmaster_priority1: r.u8()?,
            grandmaster_clock_quality: ClockQuality::read(r)?,
            grandmaster_priority2: r.u8()?,
            grandmaster_identity: ClockIdentity(r.array()?),
            steps_removed: r.u16()?,
            time_source: TimeSource(r.u8()?),
        })
    }

    pub(crate) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.origin_timestamp.write(w)?;
        w.i16(self.current_utc_offset)?;
        w.u8(0)?;
        w.u8(self.grandmaster_priority1)?;
        self.grandmaster_clock_quality.write(w)?;
        w.u8(self.grandmaster_priority2)?;
        w.put(&self.grandmaster_identity.0)?;
        w.u16(self.steps_removed)?;
        w.u8(self.time_source.0)
    }
}
