//! Slave event monitoring (1588-2019 16.11), and linuxptp's addition to it.

use core::fmt;

use super::Records;
use super::records::record;
use crate::dump::Dump;
use crate::field::{Show, bits, layout};
use crate::octets::{Cursor, Reader};
use crate::{MessageType, PortIdentity, RateOffset, TimeInterval, Timestamp, WireError};

layout! {
    /// One Sync in a SLAVE_RX_SYNC_TIMING_DATA TLV.
    #[derive(Eq)]
    SyncTiming {
        /// sequenceId.
        sequence_id: u16,
        /// syncOriginTimestamp.
        sync_origin_timestamp: Timestamp,
        /// totalCorrectionField.
        total_correction_field: TimeInterval,
        /// scaledCumulativeRateOffset.
        scaled_cumulative_rate_offset: RateOffset,
        /// syncEventIngressTimestamp.
        sync_event_ingress_timestamp: Timestamp,
    }
}

layout! {
    /// One Sync in a SLAVE_RX_SYNC_COMPUTED_DATA TLV.
    #[derive(Eq)]
    SyncComputed {
        /// sequenceId.
        sequence_id: u16,
        /// offsetFromMaster.
        offset_from_master: TimeInterval,
        /// meanPathDelay.
        mean_path_delay: TimeInterval,
        /// scaledNeighborRateRatio.
        scaled_neighbor_rate_ratio: RateOffset,
    }
}

layout! {
    /// One event message in a SLAVE_TX_EVENT_TIMESTAMPS TLV.
    #[derive(Eq)]
    TxEventTimestamp {
        /// sequenceId.
        sequence_id: u16,
        /// eventEgressTimestamp.
        event_egress_timestamp: Timestamp,
    }
}

layout! {
    /// One exchange in linuxptp's SLAVE_DELAY_TIMING_DATA_NP TLV.
    #[derive(Eq)]
    DelayTiming {
        /// sequenceId.
        sequence_id: u16,
        /// delayOriginTimestamp.
        delay_origin_timestamp: Timestamp,
        /// totalCorrectionField.
        total_correction_field: TimeInterval,
        /// delayResponseTimestamp.
        delay_response_timestamp: Timestamp,
    }
}

record!(SyncTiming, SyncComputed, TxEventTimestamp, DelayTiming);

bits! {
    /// computedFlags of [`SlaveRxSyncComputedData`].
    ComputedFlags {
        /// scaledNeighborRateRatio is valid.
        SCALED_NEIGHBOR_RATE_RATIO_VALID = 0,
        /// meanPathDelay is valid.
        MEAN_PATH_DELAY_VALID = 1,
        /// offsetFromMaster is valid.
        OFFSET_FROM_MASTER_VALID = 2,
    }
}

/// A TLV of a port identity, fields, and records.
macro_rules! monitoring {
    ($(
        $(#[$meta:meta])*
        $name:ident of $record:ident {
            $($(#[$doc:meta])* $field:ident: $ty:ty, $read:expr, $write:expr;)*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name<'a> {
            /// sourcePortIdentity: the port that the messages came from, or went out of.
            pub source_port_identity: PortIdentity,
            $($(#[$doc])* pub $field: $ty,)*
            /// The entries.
            pub records: Records<'a, $record>,
        }

        impl<'a> $name<'a> {
            /// Reads the fixed part and a whole number of entries.
            ///
            /// # Errors
            /// [`WireError::Truncated`] or [`WireError::TlvLength`]; the error of a field whose value is not allowed.
            pub fn parse(value: &'a [u8]) -> Result<Self, WireError> {
                let mut r = Reader::new(value);
                Ok(Self {
                    source_port_identity: PortIdentity::read(&mut r)?,
                    $($field: $read(r.array::<2>()?)?,)*
                    records: Records::parse(r.rest())?,
                })
            }

            /// Writes the value to the front of `room`.
            ///
            /// # Errors
            /// [`WireError::NoSpace`].
            pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
                let mut w = Cursor::new(room);
                self.source_port_identity.write(&mut w)?;
                $(w.put(&[$write(self.$field), 0])?;)*
                let used = w.position();
                Ok(used + self.records.emit(room.get_mut(used..).ok_or(WireError::NoSpace)?)?)
            }

            pub(crate) fn dump(&self, d: &mut Dump<'_, '_>) -> fmt::Result {
                d.field("source_port_identity", self.source_port_identity)?;
                $(d.field(stringify!($field), Show(&self.$field))?;)*
                self.records.dump_with(d, $record::dump)
            }
        }
    )*};
}

monitoring! {
    /// SLAVE_RX_SYNC_TIMING_DATA (16.11.4.1): when Syncs were sent and received.
    SlaveRxSyncTimingData of SyncTiming {}

    /// SLAVE_RX_SYNC_COMPUTED_DATA (16.11.4.2): what came out.
    SlaveRxSyncComputedData of SyncComputed {
        /// What of the entries is valid.
        computed_flags: ComputedFlags, |[flags, _]: [u8; 2]| Ok::<_, WireError>(ComputedFlags(flags)),
            |flags: ComputedFlags| flags.0;
    }

    /// SLAVE_TX_EVENT_TIMESTAMPS (16.11.5.1): when event messages were sent.
    SlaveTxEventTimestamps of TxEventTimestamp {
        /// eventMessageType: an event message.
        event_message_type: MessageType,
            |[octet, _]: [u8; 2]| {
                MessageType::from_nibble(octet & 0x0f).filter(|t| t.is_event()).ok_or(WireError::MessageType)
            },
            |message_type: MessageType| message_type as u8;
    }

    /// linuxptp's SLAVE_DELAY_TIMING_DATA_NP: the exchanges that measured the delay.
    SlaveDelayTimingDataNp of DelayTiming {}
}
