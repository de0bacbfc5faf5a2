//! The management TLVs as TLVs; their payloads are [`crate::management`]'s.

use core::fmt;

use super::text::Shown;
use crate::WireError;
use crate::dump::{Dump, Hex};
use crate::management::{
    ClockPerformance, ManagementErrorStatus, ManagementTlv, MonitoredRecord, MonitoredSlaveRow, Payload,
    PortPerformance,
};
use crate::octets::Cursor;

impl ManagementTlv<'_> {
    /// Writes managementId and data as they are to the front of `room`.
    ///
    /// # Errors
    /// [`WireError::NoSpace`].
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let mut w = Cursor::new(room);
        w.u16(self.id.0)?;
        w.put(self.data)?;
        Ok(w.position())
    }

    pub(crate) fn dump(&self, d: &mut Dump<'_, '_>) -> fmt::Result {
        d.field("management_id", format_args!("{:#06x} {}", self.id.0, self.id))?;
        d.field("data_length", self.data.len())?;
        match self.payload() {
            Ok(Payload::Raw(_, data)) => d.field("data", Hex(data)),
            Ok(Payload::PerformanceClockNp(page)) => {
                d.field("from", page.from)?;
                page.records.dump_with(d, ClockPerformance::dump)
            }
            Ok(Payload::PerformancePortNp(page)) => {
                d.field("from", page.from)?;
                page.records.dump_with(d, PortPerformance::dump)
            }
            Ok(Payload::MonitoredSlavesNp(page)) => {
                d.field("from", page.from)?;
                d.field("total", page.total)?;
                page.slaves.dump_with(d, MonitoredSlaveRow::dump)
            }
            Ok(Payload::MonitoredRecordsNp(page)) => {
                d.field("slave", page.slave)?;
                d.field("from", page.from)?;
                d.field("total", page.total)?;
                page.records.dump_with(d, MonitoredRecord::dump)
            }
            Ok(payload) => d.field("payload", format_args!("{payload:?}")),
            // The data of a GET means nothing.
            Err(_) if self.data.iter().all(|octet| *octet == 0) => Ok(()),
            Err(error) => {
                d.field("data", Hex(self.data))?;
                d.field("error", error)
            }
        }
    }
}

impl ManagementErrorStatus<'_> {
    pub(crate) fn dump(&self, d: &mut Dump<'_, '_>) -> fmt::Result {
        d.field("management_error_id", format_args!("{:#06x} {}", self.error.0, self.error))?;
        d.field("management_id", format_args!("{:#06x} {}", self.id.0, self.id))?;
        d.field("display_data", Shown(self.display_data))
    }
}
