//! IEEE 802.1AS's settings as a program gets them.

use std::path::PathBuf;

use ptp_wire::{LogInterval, TimeInterval};

use crate::build::Values;
use crate::model::DelayMechanism;

/// Whether a neighbour must be asCapable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AsCapable {
    /// No.
    Unused,
    /// Found out by peer delay.
    Auto,
    /// It is taken for granted.
    Preset,
}

/// What is done with gPTP-capable messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GptpCapable {
    /// Nothing.
    Unused,
    /// They are sent.
    Send,
    /// They are sent and required.
    Require,
}

/// A fixed role.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Serves time.
    Master,
    /// Takes time.
    Client,
}

/// IEEE 802.1AS's rules of a port. Intervals are log2 of seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Gptp {
    /// Whether the neighbour must be asCapable.
    pub as_capable: AsCapable,
    /// Longer links are not asCapable.
    pub neighbor_prop_delay_thresh: TimeInterval,
    /// Shorter links are not asCapable.
    pub min_neighbor_prop_delay: TimeInterval,
    /// Lost responses in a row that do not matter, 1..=255.
    pub allowed_lost_responses: u8,
    /// Unusable measurements in a row that do not matter, 1..=255.
    pub allowed_faults: u8,
    /// gPTP-capable messages.
    pub gptp_capable: GptpCapable,
    /// Their interval.
    pub log_gptp_capable_interval: LogInterval,
    /// Intervals without one that count as a loss, 1..=255.
    pub gptp_capable_receipt_timeout: u8,
    /// Follow_Up information is sent and required.
    pub follow_up_info: bool,
    /// The fixed role, if there is one.
    pub role: Option<Role>,
    /// No Announce.
    pub inhibit_announce: bool,
    /// No Pdelay_Req.
    pub inhibit_delay_req: bool,
    /// Sync counts whoever sends it.
    pub ignore_source_id: bool,
    /// Operational intervals are asked for.
    pub msg_interval_request: bool,
    /// Operational Sync interval.
    pub oper_log_sync_interval: LogInterval,
    /// Operational Pdelay_Req interval.
    pub oper_log_pdelay_req_interval: LogInterval,
    /// The link's delay until it is measured.
    pub neighbor_delay: Option<TimeInterval>,
}

/// Where a port's link is measured by another program, the common mean link delay service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CommonService {
    /// Its management socket.
    pub server: PathBuf,
    /// The own end; `None`: any.
    pub client: Option<PathBuf>,
    /// Its port on the link; `None`: of the same number.
    pub port: Option<u16>,
    /// domainNumber of its management messages.
    pub domain_number: u8,
    /// majorSdoId of its management messages, 0..=15.
    pub major_sdo_id: u8,
}

/// `None`: the port does without.
pub(crate) fn common(v: Values<'_>) -> Option<CommonService> {
    let service = CommonService {
        server: v.path("cmlds_server_socket").unwrap_or_default(),
        client: v.path("cmlds_client_socket"),
        port: Some(v.int("cmlds_port")).filter(|p| *p != 0),
        domain_number: v.int("cmlds_domain_number"),
        major_sdo_id: v.int("cmlds_major_sdo_id"),
    };
    (v.delay_mechanism() == DelayMechanism::CommonP2p).then_some(service)
}

pub(crate) fn gptp(v: Values<'_>) -> Gptp {
    Gptp {
        as_capable: match v.text("as_capable") {
            "auto" => AsCapable::Auto,
            "preset" => AsCapable::Preset,
            _ => AsCapable::Unused,
        },
        neighbor_prop_delay_thresh: v.correction("neighbor_prop_delay_thresh"),
        min_neighbor_prop_delay: v.correction("min_neighbor_prop_delay"),
        allowed_lost_responses: v.int("allowed_lost_responses"),
        allowed_faults: v.int("allowed_faults"),
        gptp_capable: match v.text("gptp_capable") {
            "send" => GptpCapable::Send,
            "require" => GptpCapable::Require,
            _ => GptpCapable::Unused,
        },
        log_gptp_capable_interval: v.log("log_gptp_capable_interval"),
        gptp_capable_receipt_timeout: v.int("gptp_capable_receipt_timeout"),
        follow_up_info: v.bool("follow_up_info"),
        role: match v.text("role") {
            "master" => Some(Role::Master),
            "client" => Some(Role::Client),
            _ => None,
        },
        inhibit_announce: v.bool("inhibit_announce"),
        inhibit_delay_req: v.bool("inhibit_delay_req"),
        ignore_source_id: v.bool("ignore_source_id"),
        msg_interval_request: v.bool("msg_interval_request"),
        oper_log_sync_interval: v.log("oper_log_sync_interval"),
        oper_log_pdelay_req_interval: v.log("oper_log_pdelay_req_interval"),
        neighbor_delay: Some(v.correction("neighbor_delay")).filter(|d| *d != TimeInterval::ZERO),
    }
}
