//! The acceptable master table (1588-2019 17.5): who may be master, and what is made of its priority1.

use ptp_wire::PortIdentity;

use super::super::{Engine, InstanceConfig, PortConfig};

/// acceptableMasterTableDS.maxTableSize.
pub(in super::super) const MAX_ACCEPTABLE_MASTERS: usize = 64;

/// alternatePriority1 of a sender (0: its own counts); `None` for one that may not be master on this port.
pub(in super::super) fn acceptable(
    port: &PortConfig,
    instance: &InstanceConfig,
    source: PortIdentity,
) -> Option<u8> {
    if !port.options.acceptable_master_table {
        return Some(0);
    }
    let mut table = instance.options.acceptable_masters.iter().take(MAX_ACCEPTABLE_MASTERS);
    table.find(|m| m.port_identity == source).map(|m| m.alternate_priority1)
}

impl Engine {
    /// The table or its use has changed: those who are known already are judged anew.
    pub(super) fn recheck_acceptable_masters(&mut self) {
        let config = &self.instance.config;
        for port in &mut self.ports {
            port.foreign.judge(|source| acceptable(&port.config, config, source));
        }
        self.instance.decision_due = true;
    }
}
