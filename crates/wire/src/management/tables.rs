//! Payloads that are lists: views over the message, checked when read, so that their iterators yield every entry.

use super::PtpText;
use crate::octets::{Cursor, Reader};
use crate::{ClockIdentity, ClockQuality, LogInterval, PortAddress, PortIdentity, Timestamp, WireError};

/// Takes `count` entries from the reader and returns the octets they fill.
fn take_entries<'a, T>(
    r: &mut Reader<'a>,
    count: usize,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, WireError>,
) -> Result<&'a [u8], WireError> {
    let mut ahead = *r;
    for _ in 0..count {
        read(&mut ahead)?;
    }
    r.take(r.rest().len() - ahead.rest().len())
}

/// A list of entries; see the functions of its items to build one.
macro_rules! list {
    ($(#[$doc:meta])* $name:ident of $item:ty: $read:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        pub struct $name<'a> {
            count: u16,
            octets: &'a [u8],
        }

        impl<'a> $name<'a> {
            /// Over `count` entries in wire format.
            ///
            /// # Errors
            /// [`WireError::Truncated`] or the entry's own error if the octets do not hold that many;
            /// [`WireError::TlvLength`] if octets are left over.
            pub fn new(count: u16, octets: &'a [u8]) -> Result<Self, WireError> {
                let mut r = Reader::new(octets);
                let list = Self::take(&mut r, count)?;
                if r.rest().is_empty() { Ok(list) } else { Err(WireError::TlvLength) }
            }

            /// Number of entries.
            pub fn len(&self) -> usize {
                self.count.into()
            }

            /// There is none.
            pub fn is_empty(&self) -> bool {
                self.count == 0
            }

            /// The entries, in order.
            pub fn iter(&self) -> impl Iterator<Item = $item> + use<'a> {
                let mut r = Reader::new(self.octets);
                (0..self.count).map_while(move |_| $read(&mut r).ok())
            }

            fn take(r: &mut Reader<'a>, count: u16) -> Result<Self, WireError> {
                Ok(Self { count, octets: take_entries(r, count.into(), $read)? })
            }
        }
    };
}

list! {
    /// pathTraceDS.list: the clocks that Announce came through (1588-2019 16.2.5.1).
    PathTraceList of ClockIdentity: |r: &mut Reader<'a>| r.array().map(ClockIdentity)
}

impl<'a> PathTraceList<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let count = u16::try_from(r.rest().len() / 8).map_err(|_| WireError::TlvLength)?;
        Self::take(r, count)
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.put(self.octets)
    }
}

list! {
    /// Protocol addresses.
    PortAddresses of PortAddress<'a>: PortAddress::read
}

/// GRANDMASTER_CLUSTER_TABLE (1588-2019 17.2.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GrandmasterClusterTable<'a> {
    /// logQueryInterval.
    pub log_query_interval: LogInterval,
    /// The cluster's members, at most 255.
    pub members: PortAddresses<'a>,
}

impl<'a> GrandmasterClusterTable<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let log_query_interval = LogInterval(r.i8()?);
        let count = r.u8()?;
        Ok(Self { log_query_interval, members: PortAddresses::take(r, count.into())? })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.i8(self.log_query_interval.0)?;
        w.u8(u8::try_from(self.members.count).map_err(|_| WireError::Value)?)?;
        w.put(self.members.octets)
    }
}

/// UNICAST_MASTER_TABLE (1588-2019 17.4.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnicastMasterTable<'a> {
    /// logQueryInterval.
    pub log_query_interval: LogInterval,
    /// The masters.
    pub masters: PortAddresses<'a>,
}

impl<'a> UnicastMasterTable<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let log_query_interval = LogInterval(r.i8()?);
        let count = r.u16()?;
        Ok(Self { log_query_interval, masters: PortAddresses::take(r, count)? })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.i8(self.log_query_interval.0)?;
        w.u16(self.masters.count)?;
        w.put(self.masters.octets)
    }
}

/// An entry of [`AcceptableMasterTable`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AcceptableMaster {
    /// acceptablePortIdentity.
    pub port_identity: PortIdentity,
    /// alternatePriority1; 0: none.
    pub alternate_priority1: u8,
}

impl AcceptableMaster {
    /// Octets on the wire.
    pub const LEN: usize = 11;

    fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { port_identity: PortIdentity::read(r)?, alternate_priority1: r.u8()? })
    }

    /// Writes the entry to the front of `room` and returns the octets used.
    ///
    /// # Errors
    /// [`WireError::NoSpace`].
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let mut w = Cursor::new(room);
        self.port_identity.write(&mut w)?;
        w.u8(self.alternate_priority1)?;
        Ok(w.position())
    }
}

list! {
    /// ACCEPTABLE_MASTER_TABLE (1588-2019 17.5.3).
    AcceptableMasterTable of AcceptableMaster: AcceptableMaster::read
}

impl<'a> AcceptableMasterTable<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let count = u16::try_from(r.i16()?).map_err(|_| WireError::Value)?;
        Self::take(r, count)
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.i16(i16::try_from(self.count).map_err(|_| WireError::Value)?)?;
        w.put(self.octets)
    }
}

/// An entry of [`FaultLog`] (1588-2019 5.3.10).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FaultRecord<'a> {
    /// faultTime.
    pub fault_time: Timestamp,
    /// severityCode: 0 emergency to 7 debug.
    pub severity_code: u8,
    /// faultName.
    pub fault_name: PtpText<'a>,
    /// faultValue.
    pub fault_value: PtpText<'a>,
    /// faultDescription.
    pub fault_description: PtpText<'a>,
}

impl<'a> FaultRecord<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let length = r.u16()?;
        let mut r = Reader::new(r.take(length.into())?);
        let record = Self {
            fault_time: Timestamp::read(&mut r)?,
            severity_code: r.u8()?,
            fault_name: PtpText::read(&mut r)?,
            fault_value: PtpText::read(&mut r)?,
            fault_description: PtpText::read(&mut r)?,
        };
        if r.rest().is_empty() { Ok(record) } else { Err(WireError::TlvLength) }
    }

    /// Writes the record to the front of `room` and returns the octets used.
    ///
    /// # Errors
    /// [`WireError::NoSpace`].
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let texts = [self.fault_name, self.fault_value, self.fault_description];
        let length = Timestamp::LEN + 1 + texts.iter().map(|t| 1 + t.octets().len()).sum::<usize>();
        let mut w = Cursor::new(room);
        w.u16(u16::try_from(length).map_err(|_| WireError::Value)?)?;
        self.fault_time.write(&mut w)?;
        w.u8(self.severity_code)?;
        for text in texts {
            text.write(&mut w)?;
        }
        Ok(w.position())
    }
}

list! {
    /// FAULT_LOG (1588-2019 15.5.3.1.7).
    FaultLog of FaultRecord<'a>: FaultRecord::read
}

impl<'a> FaultLog<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let count = r.u16()?;
        Self::take(r, count)
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u16(self.count)?;
        w.put(self.octets)
    }
}

/// An entry of [`UnicastMasterTableNp`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnicastMaster<'a> {
    /// Who it is; all zeros until it was heard.
    pub port_identity: PortIdentity,
    /// What it announces.
    pub clock_quality: ClockQuality,
    /// It is the best of them.
    pub selected: bool,
    /// 0 WAIT, 1 HAVE_ANN, 2 NEED_SYDY, 3 HAVE_SYDY.
    pub port_state: u8,
    /// grandmasterPriority1.
    pub priority1: u8,
    /// grandmasterPriority2.
    pub priority2: u8,
    /// Its address.
    pub address: PortAddress<'a>,
}

impl<'a> UnicastMaster<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        Ok(Self {
            port_identity: PortIdentity::read(r)?,
            clock_quality: ClockQuality::read(r)?,
            selected: r.u8()? != 0,
            port_state: r.u8()?,
            priority1: r.u8()?,
            priority2: r.u8()?,
            address: PortAddress::read(r)?,
        })
    }

    /// Writes the entry to the front of `room` and returns the octets used.
    ///
    /// # Errors
    /// [`WireError::NoSpace`]; [`WireError::Value`] for an address of more than 65535 octets.
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let mut w = Cursor::new(room);
        self.port_identity.write(&mut w)?;
        self.clock_quality.write(&mut w)?;
        w.put(&[u8::from(self.selected), self.port_state, self.priority1, self.priority2])?;
        self.address.write(&mut w)?;
        Ok(w.position())
    }
}

list! {
    /// linuxptp's UNICAST_MASTER_TABLE_NP.
    UnicastMasterTableNp of UnicastMaster<'a>: UnicastMaster::read
}

impl<'a> UnicastMasterTableNp<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let count = r.u16()?;
        Self::take(r, count)
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        w.u16(self.count)?;
        w.put(self.octets)
    }
}

/// A candidate of the best master clock algorithm, as [`ForeignMastersNp`] tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ForeignMasterRow {
    /// Who sends the Announces; of the clock itself: its identity, port 0.
    pub sender: PortIdentity,
    /// grandmasterIdentity.
    pub grandmaster_identity: ClockIdentity,
    /// grandmasterPriority1, or the one that a table puts in its place.
    pub priority1: u8,
    /// grandmasterClockQuality.
    pub clock_quality: ClockQuality,
    /// grandmasterPriority2.
    pub priority2: u8,
    /// localPriority of G.8275 and G.8265.1; 128 elsewhere.
    pub local_priority: u8,
    /// stepsRemoved.
    pub steps_removed: u16,
    /// What it counts for: [`Self::BEST`] to [`Self::FAILED`].
    pub standing: u8,
    /// What decided against it: 0 nothing, 1 priority1, 2 clockClass, 3 clockAccuracy, 4 offsetScaledLogVariance,
    /// 5 priority2, 6 localPriority, 7 grandmasterIdentity, 8 stepsRemoved, 9 the sender's identity, 10 the receiving port.
    pub decided_by: u8,
    /// Since its last Announce, in ms.
    pub age_ms: u32,
}

impl ForeignMasterRow {
    /// Octets on the wire.
    pub const LEN: usize = 33;
    /// It is the best of all.
    pub const BEST: u8 = 0;
    /// It counts, and another one is better.
    pub const WORSE: u8 = 1;
    /// Too few Announces in the time window, or silent (1588-2019 9.3.2.4.4).
    pub const NOT_QUALIFIED: u8 = 2;
    /// Its port takes no master: it is masterOnly, not asCapable, or down.
    pub const NOT_USABLE: u8 = 3;
    /// G.8265.1: it failed, or its quality level is not for synchronisation.
    pub const FAILED: u8 = 4;

    fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            sender: PortIdentity::read(r)?,
            grandmaster_identity: ClockIdentity(r.array()?),
            priority1: r.u8()?,
            clock_quality: ClockQuality::read(r)?,
            priority2: r.u8()?,
            local_priority: r.u8()?,
            steps_removed: r.u16()?,
            standing: r.u8()?,
            decided_by: r.u8()?,
            age_ms: r.u32()?,
        })
    }

    /// Writes the row to the front of `room` and returns the octets used.
    ///
    /// # Errors
    /// [`WireError::NoSpace`].
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let mut w = Cursor::new(room);
        self.sender.write(&mut w)?;
        w.put(&self.grandmaster_identity.0)?;
        w.u8(self.priority1)?;
        self.clock_quality.write(&mut w)?;
        w.put(&[self.priority2, self.local_priority])?;
        w.u16(self.steps_removed)?;
        w.put(&[self.standing, self.decided_by])?;
        w.u32(self.age_ms)?;
        Ok(w.position())
    }
}

list! {
    /// Rows of [`ForeignMastersNp`].
    ForeignMasterRows of ForeignMasterRow: ForeignMasterRow::read
}

/// FOREIGN_MASTERS_NP: whom a port hears, what each of them counts for, and how the port's state was decided
/// (1588-2019 9.3.3 and 9.3.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ForeignMastersNp<'a> {
    /// Whose.
    pub port_identity: PortIdentity,
    /// portState.
    pub port_state: u8,
    /// Code of the state decision: 0 none, 1 M1, 2 M2, 3 M3, 4 P1, 5 P2, 6 S1, 7 nothing heard yet, 8 not asCapable.
    pub decision: u8,
    /// Who is compared with whom: 0 IEEE 1588, 1 G.8275, 2 G.8265.1, 3 IEEE 802.1AS, 4 roles by configuration.
    pub rule: u8,
    /// Bit 0: the clock is clientOnly; bit 1: the port is masterOnly; bit 2: external port configuration.
    pub flags: u8,
    /// The clock itself (D0).
    pub own: ForeignMasterRow,
    /// Whom the port hears; no more than a message holds.
    pub heard: ForeignMasterRows<'a>,
}

impl<'a> ForeignMastersNp<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let port_identity = PortIdentity::read(r)?;
        let [port_state, decision, rule, flags] = r.array()?;
        let own = ForeignMasterRow::read(r)?;
        let count = r.u16()?;
        let heard = ForeignMasterRows::take(r, count)?;
        Ok(Self { port_identity, port_state, decision, rule, flags, own, heard })
    }

    pub(super) fn write(&self, w: &mut Cursor<'_>) -> Result<(), WireError> {
        self.port_identity.write(w)?;
        w.put(&[self.port_state, self.decision, self.rule, self.flags])?;
        let mut own = [0; ForeignMasterRow::LEN];
        self.own.emit(&mut own)?;
        w.put(&own)?;
        w.u16(self.heard.count)?;
        w.put(self.heard.octets)
    }
}
