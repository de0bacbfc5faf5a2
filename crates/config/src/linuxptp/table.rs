//! Every key of linuxptp: range, default, scope, and what becomes of it. One row each; a new mapping is one line.

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A whole number; both ends are allowed.
    Int { min: i64, max: i64 },
    /// A number; `above` excludes the lower end.
    Real { min: f64, max: f64, above: bool },
    /// One of some words, in upper or lower case.
    Choice(&'static [&'static str]),
    /// Anything.
    Text,
}

/// Where a key may stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope {
    Global,
    /// In `[global]` and in a port's section.
    Port,
}

/// How a value is written in YAML.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum How {
    /// A whole number.
    Plain,
    /// `false` or `true`.
    Flag,
    /// Nanoseconds.
    Nanos,
    /// Nanoseconds; 0 is `off`.
    NanosOrOff,
    /// Seconds; 0 is `off`.
    Threshold,
    /// A power of two of seconds.
    LogSeconds,
    /// A frequency in ppb; 0 leaves the clock's own limit.
    Ppb,
    /// A frequency in ppb.
    Limit,
    /// 0 is `auto`.
    ZeroIsAuto,
    /// One word for another; every word of the key has one.
    Words(&'static [(&'static str, &'static str)]),
    Quoted,
    /// As it is.
    Raw,
    /// A path; an empty one is `off`.
    Socket,
    Mode,
    /// All zeros is `auto`.
    Identity,
    /// Empty is `off`.
    User,
    /// All zeros leaves the profile's.
    First,
    /// 0 to 7 of syslog.
    Level,
    /// Nanoseconds; -1 is `off`.
    NanosOrUnknown,
    /// Seconds.
    Seconds,
    /// `true` for 0.
    NotFlag,
    /// N of /dev/ptpN; -1 is `auto`.
    Phc,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum To {
    /// This key of the YAML configuration.
    Key(&'static str, How),
    /// Another key's old name.
    Alias(&'static str),
    /// The log of the drop-in.
    Log,
    /// It can have no effect, for this reason.
    Nothing(&'static str),
    /// Made of several keys together.
    Together,
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: &'static str,
    pub(crate) scope: Scope,
    pub(crate) to: To,
}

const fn k(name: &'static str, kind: Kind, default: &'static str, scope: Scope, to: To) -> Key {
    Key { name, kind, default, scope, to }
}

const fn int(min: i64, max: i64) -> Kind {
    Kind::Int { min, max }
}

const fn real(min: f64, max: f64, above: bool) -> Kind {
    Kind::Real { min, max, above }
}

const TS2PHC: &str = "used by ts2phc, not by ptp4l";

/// All of them.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    k("clockIdentity", Kind::Text, "000000.0000.000000", Scope::Global, To::Key("clock_identity", How::Identity)),
    k("clock_type", Kind::Choice(&["OC", "BC", "P2P_TC", "E2E_TC"]), "OC", Scope::Global, To::Key("clock", How::Words(&[("OC", "auto"), ("BC", "boundary"), ("P2P_TC", "transparent-p2p"), ("E2E_TC", "transparent-e2e")]))),
    k("clientOnly", int(0, 1), "0", Scope::Global, To::Key("client_only", How::Flag)),
    k("gmCapable", int(0, 1), "1", Scope::Global, To::Together),
    k("domainNumber", int(0, 255), "0", Scope::Global, To::Key("domain_number", How::Plain)),
    k("priority1", int(0, 255), "128", Scope::Global, To::Key("priority1", How::Plain)),
    k("priority2", int(0, 255), "128", Scope::Global, To::Key("priority2", How::Plain)),
    k("clockClass", int(0, 255), "248", Scope::Global, To::Key("clock_class", How::Plain)),
    k("clockAccuracy", int(0, 255), "0xfe", Scope::Global, To::Key("clock_accuracy", How::Plain)),
    k("offsetScaledLogVariance", int(0, 65535), "0xffff", Scope::Global, To::Key("offset_scaled_log_variance", How::Plain)),
    k("timeSource", int(0x10, 0xfe), "0xA0", Scope::Global, To::Key("time_properties.time_source", How::Plain)),
    k("utc_offset", int(0, i32::MAX as i64), "37", Scope::Global, To::Key("time_properties.current_utc_offset", How::Plain)),
    k("twoStepFlag", int(0, 1), "1", Scope::Global, To::Nothing("follows from time_stamping: messages are two-step unless one-step stamping is chosen")),
    k("ptp_minor_version", int(0, 1), "1", Scope::Global, To::Key("minor_version", How::Plain)),
    k("userDescription", Kind::Text, "", Scope::Global, To::Key("description.user", How::Quoted)),
    k("productDescription", Kind::Text, ";;", Scope::Global, To::Key("description.product", How::Quoted)),
    k("revisionData", Kind::Text, ";;", Scope::Global, To::Key("description.revision", How::Quoted)),
    k("manufacturerIdentity", Kind::Text, "00:00:00", Scope::Global, To::Key("description.manufacturer_identity", How::Raw)),
    k("profileIdentity", Kind::Text, "00:00:00:00:00:00", Scope::Port, To::Key("profile_identity", How::First)),
    k("BMCA", Kind::Choice(&["ptp", "noop"]), "ptp", Scope::Port, To::Together),
    k("dataset_comparison", Kind::Choice(&["ieee1588", "G.8275.x"]), "ieee1588", Scope::Global, To::Key("best_master", How::Words(&[("ieee1588", "ieee1588"), ("G.8275.x", "g8275")]))),
    k("G.8275.defaultDS.localPriority", int(1, 255), "128", Scope::Global, To::Key("clock_local_priority", How::Plain)),
    k("G.8275.portDS.localPriority", int(1, 255), "128", Scope::Port, To::Key("local_priority", How::Plain)),
    k("serverOnly", int(0, 1), "0", Scope::Port, To::Key("master_only", How::Flag)),
    k("masterOnly", int(0, 1), "0", Scope::Port, To::Alias("serverOnly")),
    k("slaveOnly", int(0, 1), "0", Scope::Global, To::Alias("clientOnly")),
    k("maxStepsRemoved", int(2, 255), "255", Scope::Global, To::Key("max_steps_removed", How::Plain)),
    k("clock_class_threshold", int(6, 248), "248", Scope::Global, To::Key("clock_class_threshold", How::Plain)),
    k("inhibit_announce", int(0, 1), "0", Scope::Port, To::Key("inhibit_announce", How::Flag)),
    k("inhibit_delay_req", int(0, 1), "0", Scope::Port, To::Key("inhibit_delay_req", How::Flag)),
    k("ignore_source_id", int(0, 1), "0", Scope::Port, To::Key("ignore_source_id", How::Flag)),
    k("logAnnounceInterval", int(-128, 127), "1", Scope::Port, To::Key("log_announce_interval", How::Plain)),
    k("logSyncInterval", int(-128, 127), "0", Scope::Port, To::Key("log_sync_interval", How::Plain)),
    k("logMinDelayReqInterval", int(-128, 127), "0", Scope::Port, To::Key("log_min_delay_req_interval", How::Plain)),
    k("logMinPdelayReqInterval", int(-128, 127), "0", Scope::Port, To::Key("log_min_pdelay_req_interval", How::Plain)),
    k("delay_request_variability", real(0.0, 1.0, false), "1.0", Scope::Port, To::Key("delay_request_variability", How::Raw)),
    k("announceReceiptTimeout", int(2, 255), "3", Scope::Port, To::Key("announce_receipt_timeout", How::Plain)),
    k("syncReceiptTimeout", int(0, 255), "0", Scope::Port, To::Key("sync_receipt_timeout", How::Plain)),
    k("delay_response_timeout", int(0, 255), "0", Scope::Port, To::Key("delay_response_timeout", How::Plain)),
    k("operLogSyncInterval", int(-128, 127), "0", Scope::Port, To::Key("oper_log_sync_interval", How::Plain)),
    k("operLogPdelayReqInterval", int(-128, 127), "0", Scope::Port, To::Key("oper_log_pdelay_req_interval", How::Plain)),
    k("msg_interval_request", int(0, 1), "0", Scope::Port, To::Key("msg_interval_request", How::Flag)),
    k("freq_est_interval", int(i32::MIN as i64, i32::MAX as i64), "1", Scope::Port, To::Log),
    k("summary_interval", int(i32::MIN as i64, i32::MAX as i64), "0", Scope::Global, To::Key("log.summary_interval", How::LogSeconds)),
    k("delay_mechanism", Kind::Choice(&["Auto", "COMMON_P2P", "E2E", "P2P", "NONE"]), "E2E", Scope::Port, To::Key("delay_mechanism", How::Words(&[("Auto", "auto"), ("E2E", "e2e"), ("P2P", "p2p"), ("COMMON_P2P", "common_p2p"), ("NONE", "none")]))),
    k("hybrid_e2e", int(0, 1), "0", Scope::Port, To::Key("hybrid_e2e", How::Flag)),
    k("tsproc_mode", Kind::Choice(&["filter", "raw", "filter_weight", "raw_weight"]), "filter", Scope::Port, To::Key("sample_mode", How::Raw)),
    k("delay_filter", Kind::Choice(&["moving_average", "moving_median"]), "moving_median", Scope::Port, To::Key("delay_filter", How::Words(&[("moving_median", "moving_median"), ("moving_average", "moving_average")]))),
    k("delay_filter_length", int(1, i32::MAX as i64), "10", Scope::Port, To::Key("delay_filter_length", How::Plain)),
    k("initial_delay", int(0, i32::MAX as i64), "0", Scope::Global, To::Key("neighbor_delay", How::Nanos)),
    k("delayAsymmetry", int(i32::MIN as i64, i32::MAX as i64), "0", Scope::Port, To::Key("delay_asymmetry", How::Nanos)),
    k("egressLatency", int(i32::MIN as i64, i32::MAX as i64), "0", Scope::Port, To::Key("egress_latency", How::Nanos)),
    k("ingressLatency", int(i32::MIN as i64, i32::MAX as i64), "0", Scope::Port, To::Key("ingress_latency", How::Nanos)),
    k("neighborPropDelayThresh", int(0, i32::MAX as i64), "20000000", Scope::Port, To::Key("neighbor_prop_delay_thresh", How::Nanos)),
    k("min_neighbor_prop_delay", int(i32::MIN as i64, -1), "-20000000", Scope::Port, To::Key("min_neighbor_prop_delay", How::Nanos)),
    k("allowedLostResponses", int(1, 255), "3", Scope::Port, To::Key("allowed_lost_responses", How::Plain)),
    k("asCapable", Kind::Choice(&["true", "auto"]), "auto", Scope::Port, To::Key("as_capable", How::Words(&[("true", "preset"), ("auto", "unused")]))),
    k("network_transport", Kind::Choice(&["L2", "UDPv4", "UDPv6"]), "UDPv4", Scope::Port, To::Key("transport", How::Words(&[("UDPv4", "udp4"), ("UDPv6", "udp6"), ("L2", "ethernet")]))),
    k("transportSpecific", int(0, 0x0F), "0", Scope::Port, To::Key("major_sdo_id", How::First)),
    k("ignore_transport_specific", int(0, 1), "0", Scope::Port, To::Key("ignore_sdo_id", How::Flag)),
    k("ptp_dst_mac", Kind::Text, "01:1B:19:00:00:00", Scope::Port, To::Key("ethernet_address", How::Raw)),
    k("p2p_dst_mac", Kind::Text, "01:80:C2:00:00:0E", Scope::Port, To::Key("ethernet_peer_delay_address", How::Raw)),
    k("ptp_dst_ipv4", Kind::Text, "224.0.1.129", Scope::Port, To::Key("udp4_address", How::Raw)),
    k("p2p_dst_ipv4", Kind::Text, "224.0.0.107", Scope::Port, To::Key("udp4_peer_delay_address", How::Raw)),
    k("ptp_dst_ipv6", Kind::Text, "FF0E:0:0:0:0:0:0:181", Scope::Port, To::Key("udp6_address", How::Raw)),
    k("p2p_dst_ipv6", Kind::Text, "FF02:0:0:0:0:0:0:6B", Scope::Port, To::Key("udp6_peer_delay_address", How::Raw)),
    k("udp_ttl", int(1, 255), "1", Scope::Port, To::Key("udp_ttl", How::Plain)),
    k("udp6_scope", int(0x00, 0x0F), "0x0E", Scope::Port, To::Key("udp6_scope", How::Plain)),
    k("dscp_event", int(0, 63), "0", Scope::Global, To::Key("dscp_event", How::Plain)),
    k("dscp_general", int(0, 63), "0", Scope::Global, To::Key("dscp_general", How::Plain)),
    k("socket_priority", int(0, 15), "0", Scope::Global, To::Key("socket_priority", How::Plain)),
    k("time_stamping", Kind::Choice(&["hardware", "software", "legacy", "onestep", "p2p1step"]), "hardware", Scope::Global, To::Key("stamping", How::Words(&[("hardware", "hardware"), ("software", "software"), ("legacy", "hardware"), ("onestep", "onestep"), ("p2p1step", "p2p1step")]))),
    k("hwts_filter", Kind::Choice(&["normal", "check", "full"]), "normal", Scope::Global, To::Nothing("the narrowest receive filter the hardware has is used")),
    k("tx_timestamp_timeout", int(1, i32::MAX as i64), "10", Scope::Global, To::Nothing("nothing waits for a transmit stamp: it is taken when it comes, up to 1 s later")),
    k("phc_index", int(-1, i32::MAX as i64), "-1", Scope::Port, To::Key("port_clock", How::Phc)),
    k("boundary_clock_jbod", int(0, 1), "0", Scope::Port, To::Together),
    k("check_fup_sync", int(0, 1), "0", Scope::Global, To::Nothing("Sync and Follow_Up are matched by their sequence numbers, in whatever order they come")),
    k("assume_two_step", int(0, 1), "0", Scope::Global, To::Key("assume_two_step", How::Flag)),
    k("clock_servo", Kind::Choice(&["pi", "linreg", "ntpshm", "nullf", "refclock_sock"]), "pi", Scope::Global, To::Key("servo.kind", How::Words(&[("pi", "pi"), ("linreg", "linreg"), ("nullf", "none"), ("ntpshm", "ntp_shm"), ("refclock_sock", "chrony_sock")]))),
    k("pi_proportional_const", real(0.0, f64::INFINITY, false), "0.0", Scope::Global, To::Key("servo.proportional_const", How::Raw)),
    k("pi_integral_const", real(0.0, f64::INFINITY, false), "0.0", Scope::Global, To::Key("servo.integral_const", How::Raw)),
    k("pi_proportional_scale", real(0.0, f64::INFINITY, false), "0.0", Scope::Global, To::Key("servo.proportional_scale", How::ZeroIsAuto)),
    k("pi_proportional_exponent", real(f64::NEG_INFINITY, f64::INFINITY, false), "-0.3", Scope::Global, To::Key("servo.proportional_exponent", How::Raw)),
    k("pi_proportional_norm_max", real(0.0, 1.0, true), "0.7", Scope::Global, To::Key("servo.proportional_norm_max", How::Raw)),
    k("pi_integral_scale", real(0.0, f64::INFINITY, false), "0.0", Scope::Global, To::Key("servo.integral_scale", How::ZeroIsAuto)),
    k("pi_integral_exponent", real(f64::NEG_INFINITY, f64::INFINITY, false), "0.4", Scope::Global, To::Key("servo.integral_exponent", How::Raw)),
    k("pi_integral_norm_max", real(0.0, 2.0, true), "0.3", Scope::Global, To::Key("servo.integral_norm_max", How::Raw)),
    k("step_threshold", real(0.0, f64::INFINITY, false), "0.0", Scope::Global, To::Key("servo.step_threshold", How::Threshold)),
    k("first_step_threshold", real(0.0, f64::INFINITY, false), "0.00002", Scope::Global, To::Key("servo.first_step_threshold", How::Threshold)),
    k("step_window", int(0, i32::MAX as i64), "0", Scope::Global, To::Key("servo.step_window", How::Plain)),
    k("max_frequency", int(0, i32::MAX as i64), "900000000", Scope::Global, To::Key("servo.max_frequency", How::Ppb)),
    k("servo_offset_threshold", int(0, i32::MAX as i64), "0", Scope::Global, To::Key("servo.offset_threshold", How::NanosOrOff)),
    k("servo_num_offset_values", int(0, i32::MAX as i64), "10", Scope::Global, To::Key("servo.num_offset_values", How::Plain)),
    k("write_phase_mode", int(0, 1), "0", Scope::Global, To::Key("servo.phase_adjustment", How::Flag)),
    k("free_running", int(0, 1), "0", Scope::Global, To::Key("free_running", How::Flag)),
    k("sanity_freq_limit", int(0, i32::MAX as i64), "200000000", Scope::Global, To::Key("servo.sanity_frequency_limit", How::Limit)),
    k("ntpshm_segment", int(i32::MIN as i64, i32::MAX as i64), "0", Scope::Global, To::Key("servo.ntp_shm_unit", How::Plain)),
    k("refclock_sock_address", Kind::Text, "/var/run/refclock.ptp.sock", Scope::Global, To::Key("servo.chrony_sock", How::Quoted)),
    k("kernel_leap", int(0, 1), "1", Scope::Global, To::Key("servo.kernel_leap", How::Flag)),
    k("leapfile", Kind::Text, "", Scope::Global, To::Nothing("used by ts2phc and tz2alt, not by ptp4l")),
    k("follow_up_info", int(0, 1), "0", Scope::Port, To::Key("follow_up_info", How::Flag)),
    k("path_trace_enabled", int(0, 1), "0", Scope::Port, To::Key("path_trace", How::Flag)),
    k("net_sync_monitor", int(0, 1), "0", Scope::Port, To::Key("net_sync_monitor", How::Flag)),
    k("interface_rate_tlv", int(0, 1), "0", Scope::Port, To::Key("interface_rate_tlv", How::Flag)),
    k("power_profile.version", Kind::Choice(&["none", "2011", "2017"]), "none", Scope::Port, To::Key("power_profile", How::Words(&[("none", "none"), ("2011", "2011"), ("2017", "2017")]))),
    k("power_profile.grandmasterID", int(0, 0xFFFF), "0", Scope::Port, To::Key("power_grandmaster_id", How::Plain)),
    k("power_profile.2011.grandmasterTimeInaccuracy", int(-1, i32::MAX as i64), "-1", Scope::Port, To::Key("power_grandmaster_time_inaccuracy", How::NanosOrUnknown)),
    k("power_profile.2011.networkTimeInaccuracy", int(-1, i32::MAX as i64), "-1", Scope::Port, To::Key("power_network_time_inaccuracy", How::NanosOrUnknown)),
    k("power_profile.2017.totalTimeInaccuracy", int(-1, i32::MAX as i64), "-1", Scope::Port, To::Key("power_total_time_inaccuracy", How::NanosOrUnknown)),
    k("cmlds.client_address", Kind::Text, "/var/run/cmlds_client", Scope::Port, To::Key("cmlds_client_socket", How::Socket)),
    k("cmlds.server_address", Kind::Text, "/var/run/cmlds_server", Scope::Port, To::Key("cmlds_server_socket", How::Socket)),
    k("cmlds.domainNumber", int(0, 255), "0", Scope::Port, To::Key("cmlds_domain_number", How::Plain)),
    k("cmlds.majorSdoId", int(0, 0x0F), "2", Scope::Port, To::Key("cmlds_major_sdo_id", How::Plain)),
    k("cmlds.port", int(0, 65535), "0", Scope::Port, To::Key("cmlds_port", How::Plain)),
    k("unicast_listen", int(0, 1), "0", Scope::Port, To::Key("unicast_server", How::Flag)),
    k("unicast_master_table", int(0, i32::MAX as i64), "0", Scope::Port, To::Together),
    k("unicast_req_duration", int(10, i32::MAX as i64), "3600", Scope::Port, To::Key("unicast_request_duration", How::Seconds)),
    k("inhibit_multicast_service", int(0, 1), "0", Scope::Port, To::Key("multicast", How::NotFlag)),
    k("tc_spanning_tree", int(0, 1), "0", Scope::Global, To::Key("spanning_tree", How::Flag)),
    k("sa_file", Kind::Text, "", Scope::Global, To::Key("authentication.key_file", How::Socket)),
    k("spp", int(-1, 255), "-1", Scope::Port, To::Key("spp", How::Plain)),
    k("active_key_id", int(0, u32::MAX as i64), "0", Scope::Port, To::Key("active_key_id", How::Plain)),
    k("allow_unauth", int(0, 2), "0", Scope::Port, To::Nothing("used by pmc, not by ptp4l")),
    k("fault_reset_interval", int(-128, 127), "4", Scope::Port, To::Key("fault_reset_interval", How::Plain)),
    k("fault_badpeernet_interval", int(i32::MIN as i64, i32::MAX as i64), "16", Scope::Port, To::Nothing("a port with several peers goes on without their measurements, and with them as soon as one is left: it is never switched off")),
    k("uds_address", Kind::Text, "/var/run/ptp/ptp4l", Scope::Global, To::Key("management.socket", How::Socket)),
    k("uds_file_mode", int(0, 0o777), "0660", Scope::Port, To::Key("management.socket_mode", How::Mode)),
    k("uds_ro_address", Kind::Text, "/var/run/ptp/ptp4lro", Scope::Global, To::Key("management.read_only_socket", How::Socket)),
    k("uds_ro_file_mode", int(0, 0o777), "0666", Scope::Port, To::Key("management.read_only_socket_mode", How::Mode)),
    k("slave_event_monitor", Kind::Text, "", Scope::Global, To::Key("slave_event_monitor", How::Socket)),
    k("user", Kind::Text, "", Scope::Global, To::Key("user", How::User)),
    k("logging_level", int(0, 7), "6", Scope::Global, To::Key("log.level", How::Level)),
    k("message_tag", Kind::Text, "", Scope::Global, To::Log),
    k("use_syslog", int(0, 1), "1", Scope::Global, To::Log),
    k("verbose", int(0, 1), "0", Scope::Global, To::Log),
    k("ts2phc.tod_source", Kind::Text, "generic", Scope::Global, To::Nothing(TS2PHC)),
    k("ts2phc.master", int(0, 1), "0", Scope::Port, To::Nothing(TS2PHC)),
    k("ts2phc.channel", int(0, i32::MAX as i64), "0", Scope::Port, To::Nothing(TS2PHC)),
    k("ts2phc.pin_index", int(0, i32::MAX as i64), "0", Scope::Port, To::Nothing(TS2PHC)),
    k("ts2phc.pin_name", Kind::Text, "", Scope::Port, To::Nothing(TS2PHC)),
    k("ts2phc.extts_polarity", Kind::Choice(&["rising", "falling", "both"]), "rising", Scope::Port, To::Nothing(TS2PHC)),
    k("ts2phc.extts_correction", int(i32::MIN as i64, i32::MAX as i64), "0", Scope::Port, To::Nothing(TS2PHC)),
    k("ts2phc.pulserate", int(1, 128), "1", Scope::Global, To::Nothing(TS2PHC)),
    k("ts2phc.pulsewidth", int(1000000, 999000000), "-1", Scope::Global, To::Nothing(TS2PHC)),
    k("ts2phc.perout_phase", int(0, 999999999), "-1", Scope::Port, To::Nothing(TS2PHC)),
    k("ts2phc.holdover", int(0, i32::MAX as i64), "0", Scope::Port, To::Nothing(TS2PHC)),
    k("ts2phc.external_pps", int(0, 1), "0", Scope::Global, To::Nothing(TS2PHC)),
    k("ts2phc.nmea_serialport", Kind::Text, "/dev/ttyS0", Scope::Global, To::Nothing(TS2PHC)),
    k("ts2phc.nmea_baudrate", int(300, i32::MAX as i64), "9600", Scope::Port, To::Nothing(TS2PHC)),
    k("ts2phc.nmea_remote_host", Kind::Text, "", Scope::Global, To::Nothing(TS2PHC)),
    k("ts2phc.nmea_remote_port", Kind::Text, "", Scope::Global, To::Nothing(TS2PHC)),
    k("ts2phc.nmea_delay", int(i32::MIN as i64, i32::MAX as i64), "0", Scope::Port, To::Nothing(TS2PHC)),
];

/// Old names that are not rows of their own.
pub(crate) const OLD_NAMES: &[(&str, &str)] = &[
    ("pi_offset_const", "step_threshold"),
    ("pi_f_offset_const", "first_step_threshold"),
    ("pi_max_frequency", "max_frequency"),
];

/// The key of this name, exactly as it is written.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_152_and_every_mapping_leads_to_a_key() {
        assert_eq!(KEYS.len(), 152);
        for (i, key) in KEYS.iter().enumerate() {
            assert!(KEYS.iter().skip(i + 1).all(|other| other.name != key.name), "{} twice", key.name);
            match key.to {
                To::Key(path, how) => {
                    assert!(crate::table::find(path).is_some(), "{}: no key {path}", key.name);
                    if let (Kind::Choice(choices), How::Words(words)) = (&key.kind, &how) {
                        let told = |c: &&&str| words.iter().any(|(from, _)| from == *c);
                        assert!(choices.iter().all(|c| told(&c)), "{}: a word has no counterpart", key.name);
                    }
                }
                To::Alias(name) => assert!(find(name).is_some(), "{}", key.name),
                To::Log | To::Nothing(_) | To::Together => {}
            }
        }
        assert!(OLD_NAMES.iter().all(|(old, new)| find(old).is_none() && find(new).is_some()));
    }

    /// The part of docs/migrating.md under a heading, and the keys (in backticks) that it begins its lines or names.
    fn told(heading: &str) -> Vec<String> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/migrating.md");
        let text = std::fs::read_to_string(path).expect("the document");
        let (_, rest) = text.split_once(&format!("## {heading}\n")).expect(heading);
        let part = rest.split("\n## ").next().unwrap_or_default();
        let names = part.split('`').skip(1).step_by(2).filter(|name| {
            let name = name.split([' ', '*']).next().unwrap_or_default();
            find(name).is_some() || name.ends_with('.')
        });
        names.map(str::to_owned).collect()
    }

    #[test]
    fn the_document_says_what_has_no_effect_and_nothing_else() {
        let idle = told("Keys without an effect");
        for key in KEYS {
            let is = |list: &[String]| {
                let of_ts2phc = key.name.starts_with("ts2phc.").then_some("ts2phc.*");
                list.iter().any(|name| name == key.name || Some(name.as_str()) == of_ts2phc)
            };
            // It explains another.
            let explains = key.name == "time_stamping";
            assert_eq!(
                is(&idle) && !explains,
                matches!(key.to, To::Nothing(_)),
                "{}: has it an effect?",
                key.name
            );
        }
        // What wants something of the host is there.
        let wanting = told("Keys that want something of the host");
        assert!(wanting.len() >= 6, "{wanting:?}");
        for name in wanting {
            let key = name.split(' ').next().and_then(find).expect("a key");
            assert!(matches!(key.to, To::Key(..)), "{name}");
        }
    }

    #[test]
    fn every_default_is_within_its_range() {
        for key in KEYS {
            if key.name == "ts2phc.pulsewidth" || key.name == "ts2phc.perout_phase" {
                continue; // -1 stands for "not said" and cannot be written.
            }
            assert!(super::super::parse::value(key, key.default).is_ok(), "{}", key.name);
        }
    }
}
