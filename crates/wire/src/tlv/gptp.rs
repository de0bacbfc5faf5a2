//! IEEE 802.1AS's organization extensions (00-80-C2).

use crate::field::{bits, layout};
use crate::management::ScaledNs;
use crate::{LogInterval, RateOffset};

layout! {
    /// Follow_Up information (802.1AS-2020 11.4.4.3), on every gPTP Follow_Up. Sub-type 1.
    FollowUpInformation {
        /// cumulativeScaledRateOffset.
        cumulative_scaled_rate_offset: RateOffset,
        /// gmTimeBaseIndicator.
        gm_time_base_indicator: u16,
        /// lastGmPhaseChange.
        last_gm_phase_change: ScaledNs,
        /// scaledLastGmFreqChange.
        scaled_last_gm_freq_change: RateOffset,
    }
}

bits! {
    /// Flags of [`MessageIntervalRequest`].
    IntervalRequestFlags {
        /// computeNeighborRateRatio.
        COMPUTE_NEIGHBOR_RATE_RATIO = 1,
        /// computeMeanLinkDelay.
        COMPUTE_MEAN_LINK_DELAY = 2,
        /// oneStepReceiveCapable.
        ONE_STEP_RECEIVE_CAPABLE = 3,
    }
}

layout! {
    /// Message interval request (802.1AS-2020 10.6.4.3), on Signaling. Sub-type 2.
    ///
    /// An interval of -128 changes nothing, 126 goes back to the initial one, 127 stops the messages.
    #[derive(Eq)]
    MessageIntervalRequest {
        /// logLinkDelayInterval.
        link_delay_interval: LogInterval,
        /// logTimeSyncInterval.
        time_sync_interval: LogInterval,
        /// logAnnounceInterval.
        announce_interval: LogInterval,
        /// What the sender can or wants.
        flags: IntervalRequestFlags => reserved 2,
    }
}

layout! {
    /// gPTP-capable (802.1AS-2020 10.6.4.4), on Signaling. Sub-type 4.
    #[derive(Eq)]
    GptpCapable {
        /// logGptpCapableMessageInterval.
        log_gptp_capable_message_interval: LogInterval,
        /// flags, as they are on the wire.
        flags: u8 => reserved 4,
    }
}

layout! {
    /// gPTP-capable message interval request (802.1AS-2020 10.6.4.5), on Signaling. Sub-type 5.
    #[derive(Eq)]
    GptpCapableIntervalRequest {
        /// logGptpCapableMessageInterval.
        log_gptp_capable_message_interval: LogInterval => reserved 3,
    }
}
