//! What a reload of `ptpd` may change: a property of each key.

/// Keys, and sections, whose change needs a restart. Everything else is taken over by a running program.
const RESTART: &[&str] = &[
    "clock",
    "clock_identity",
    "client_only",
    "domain_number",
    "major_sdo_id",
    "clock_device",
    "port_clocks",
    "user",
    "interface",
    "transport",
    "stamping",
    "port_clock",
    "delay_mechanism",
    "cmlds_server_socket",
    "cmlds_client_socket",
    "cmlds_port",
    "cmlds_domain_number",
    "cmlds_major_sdo_id",
    "fault_reset_interval",
    "unicast_direct",
    "udp_ttl",
    "dscp_event",
    "dscp_general",
    "socket_priority",
    "udp4_address",
    "udp4_peer_delay_address",
    "udp6_address",
    "udp6_peer_delay_address",
    "udp6_scope",
    "ethernet_address",
    "ethernet_peer_delay_address",
    "servo.ntp_shm_unit",
    "servo.chrony_sock",
    "management.socket",
    "management.socket_mode",
    "management.read_only_socket",
    "management.read_only_socket_mode",
    "metrics",
    "log.format",
    "log.journal",
    "events",
    "evidence",
];

/// Values of `servo.kind` that need a restart, to them and from them.
pub(crate) const FEEDS: &[&str] = &["ntp_shm", "chrony_sock"];

/// A running `ptpd` takes over a change of the key of this full name (`priority1`, `log.level`).
pub fn is_live(path: &str) -> bool {
    let section = path.split('.').next().unwrap_or_default();
    !RESTART.contains(&path) && !RESTART.contains(&section)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    #[test]
    fn the_names_are_those_of_the_table() {
        for name in RESTART {
            assert!(table::find(name).is_some() || table::nested(name).is_some(), "no key `{name}`");
        }
        let live = table::paths().filter(|(path, _)| is_live(path)).count();
        assert!(live > 100, "{live}");
    }
}
