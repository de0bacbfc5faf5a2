//! L1_SYNC (1588-2019 annex L): synchronous Ethernet below PTP, as in the High Accuracy profile.

use core::fmt;

use crate::dump::Dump;
use crate::field::{Field, bits, layout};
use crate::octets::{Cursor, Reader};
use crate::{TimeInterval, Timestamp, WireError};

bits! {
    /// First octet of flags: what the port is configured for (L.6.2).
    L1SyncConfigured {
        /// TCR, txCoherentIsRequired.
        TX_COHERENT_IS_REQUIRED = 0,
        /// RCR, rxCoherentIsRequired.
        RX_COHERENT_IS_REQUIRED = 1,
        /// CR, congruentIsRequired.
        CONGRUENT_IS_REQUIRED = 2,
        /// OPE, optParamsEnabled: the long form follows.
        OPT_PARAMS_ENABLED = 3,
    }
}

bits! {
    /// Second octet of flags: what the port does (L.6.2).
    L1SyncActual {
        /// ITC, isTxCoherent.
        IS_TX_COHERENT = 0,
        /// IRC, isRxCoherent.
        IS_RX_COHERENT = 1,
        /// IC, isCongruent.
        IS_CONGRUENT = 2,
    }
}

bits! {
    /// Third octet of flags, in the long form (L.6.3).
    L1SyncParameters {
        /// TCT, timestampsCorrectedTx.
        TIMESTAMPS_CORRECTED_TX = 0,
        /// POV, phaseOffsetTxValid.
        PHASE_OFFSET_TX_VALID = 1,
        /// FOV, frequencyOffsetTxValid.
        FREQUENCY_OFFSET_TX_VALID = 2,
    }
}

layout! {
    /// What the long form adds (L.6.3).
    #[derive(Eq)]
    L1SyncExtension {
        /// Which of the following are valid.
        flags: L1SyncParameters,
        /// phaseOffsetTx.
        phase_offset_tx: TimeInterval,
        /// phaseOffsetTxTimestamp.
        phase_offset_tx_timestamp: Timestamp,
        /// freqOffsetTx, as it is on the wire.
        freq_offset_tx: i64,
        /// freqOffsetTxTimestamp.
        freq_offset_tx_timestamp: Timestamp => reserved 1,
    }
}

/// L1_SYNC: 2 octets, or 40 with `OPT_PARAMS_ENABLED`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct L1Sync {
    /// What is required. Whether `OPT_PARAMS_ENABLED` is sent follows from `extension`.
    pub configured: L1SyncConfigured,
    /// What is so.
    pub actual: L1SyncActual,
    /// The long form.
    pub extension: Option<L1SyncExtension>,
}

impl L1Sync {
    /// Reads exactly 2 or 40 octets.
    ///
    /// # Errors
    /// [`WireError::Truncated`], [`WireError::TlvLength`] if the length does not suit `OPT_PARAMS_ENABLED`;
    /// [`WireError::Nanoseconds`].
    pub fn parse(value: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(value);
        let configured = L1SyncConfigured::read(&mut r)?;
        let actual = L1SyncActual::read(&mut r)?;
        let extension = if configured.has(L1SyncConfigured::OPT_PARAMS_ENABLED) {
            Some(L1SyncExtension::parse(r.rest())?)
        } else if r.rest().is_empty() {
            None
        } else {
            return Err(WireError::TlvLength);
        };
        Ok(Self { configured, actual, extension })
    }

    /// Writes 2 or 40 octets to the front of `room`.
    ///
    /// # Errors
    /// [`WireError::NoSpace`].
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, WireError> {
        let mut w = Cursor::new(room);
        self.configured.with(L1SyncConfigured::OPT_PARAMS_ENABLED, self.extension.is_some()).write(&mut w)?;
        self.actual.write(&mut w)?;
        if let Some(extension) = &self.extension {
            Field::write(extension, &mut w)?;
        }
        Ok(w.position())
    }

    pub(crate) fn dump(&self, d: &mut Dump<'_, '_>) -> fmt::Result {
        d.field("configured", crate::field::Show(&self.configured))?;
        d.field("actual", crate::field::Show(&self.actual))?;
        self.extension.map_or(Ok(()), |extension| extension.dump(d))
    }
}
