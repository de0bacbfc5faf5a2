//! The named rules that a profile's data selects.

use ptp_wire::{LogInterval, TimeInterval};

/// A port's fixed role under [`BestMaster::Static`](crate::engine::BestMaster::Static).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StaticRole {
    /// MASTER.
    Master,
    /// SLAVE.
    Client,
}

/// Whether the neighbour must have shown that it understands IEEE 802.1AS (10.2.5.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AsCapable {
    /// asCapable has no meaning: the port works in any case, as IEEE 1588 has it.
    #[default]
    Unused,
    /// Always true, as automotive profiles have it.
    Preset,
    /// Found out by peer delay measurements.
    Measured,
}

/// What is done with gPTP-capable messages (802.1AS-2020 10.6.4.4).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum GptpCapable {
    /// Neither sent nor needed, as in the 2011 edition.
    #[default]
    Off,
    /// Sent, not needed.
    Send,
    /// Sent, and needed for asCapable unless the neighbour is of the 2011 edition and the domain is 0.
    Require,
}

/// IEEE 802.1AS's rules of one port. [`Rules::default`] switches all of them off.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Whether the neighbour has to be asCapable.
    pub as_capable: AsCapable,
    /// neighborPropDelayThresh: longer links are not asCapable.
    pub neighbor_prop_delay_thresh: TimeInterval,
    /// Shorter (more negative) links are not asCapable.
    pub min_neighbor_prop_delay: TimeInterval,
    /// allowedLostResponses: this many requests in a row may stay without answer, 1..=255.
    pub allowed_lost_responses: u8,
    /// allowedFaults: this many measurements in a row may be unusable, 1..=255.
    pub allowed_faults: u8,
    /// gPTP-capable messages.
    pub gptp_capable: GptpCapable,
    /// logGptpCapableMessageInterval, log2 s.
    pub log_gptp_capable_interval: LogInterval,
    /// gPtpCapableReceiptTimeout, in the neighbour's intervals, 1..=255.
    pub gptp_capable_receipt_timeout: u8,
    /// Follow_Up information is sent and required (11.4.4.3).
    pub follow_up_info: bool,
    /// The port's role under [`BestMaster::Static`](crate::engine::BestMaster::Static).
    pub role: Option<StaticRole>,
    /// Announce is neither sent nor waited for.
    pub inhibit_announce: bool,
    /// Delay_Req and Pdelay_Req are not sent.
    pub inhibit_delay_req: bool,
    /// Sync and Follow_Up count whoever sends them, under [`BestMaster::Static`](crate::engine::BestMaster::Static).
    pub ignore_source_id: bool,
    /// Once locked, the neighbour is asked for the operational intervals, and for the initial ones when lock is lost.
    pub msg_interval_request: bool,
    /// Operational Sync interval to ask for, log2 s.
    pub oper_log_sync_interval: LogInterval,
    /// Operational Pdelay_Req interval to use, log2 s.
    pub oper_log_pdelay_req_interval: LogInterval,
    /// Taken for the link's delay until it is measured.
    pub neighbor_delay: Option<TimeInterval>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            as_capable: AsCapable::Unused,
            neighbor_prop_delay_thresh: TimeInterval::from_nanos(20_000_000),
            min_neighbor_prop_delay: TimeInterval::from_nanos(-20_000_000),
            allowed_lost_responses: 3,
            allowed_faults: 9,
            gptp_capable: GptpCapable::Off,
            log_gptp_capable_interval: LogInterval(0),
            gptp_capable_receipt_timeout: 9,
            follow_up_info: false,
            role: None,
            inhibit_announce: false,
            inhibit_delay_req: false,
            ignore_source_id: false,
            msg_interval_request: false,
            oper_log_sync_interval: LogInterval(0),
            oper_log_pdelay_req_interval: LogInterval(0),
            neighbor_delay: None,
        }
    }
}

impl Rules {
    /// IEEE 802.1AS-2020's defaults for full-duplex Ethernet over copper.
    pub fn ieee_8021as() -> Self {
        Self {
            as_capable: AsCapable::Measured,
            neighbor_prop_delay_thresh: TimeInterval::from_nanos(800),
            allowed_lost_responses: 9,
            gptp_capable: GptpCapable::Require,
            follow_up_info: true,
            ..Self::default()
        }
    }
}
