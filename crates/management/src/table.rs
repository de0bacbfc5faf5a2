//! Tables on a command line: `SET ACCEPTABLE_MASTER_TABLE 001122.fffe.334455-1 10 ...`.
//!
//! | ID | values |
//! |---|---|
//! | ACCEPTABLE_MASTER_TABLE | identities of ports, each with its alternatePriority1 behind it if it has one |
//! | UNICAST_MASTER_TABLE, GRANDMASTER_CLUSTER_TABLE | `logQueryInterval N` first, if it is not 0; then addresses |
//!
//! `none` is the empty table.

use std::net::{Ipv4Addr, Ipv6Addr};

use ptp_wire::management::{
    AcceptableMaster, AcceptableMasterTable, GrandmasterClusterTable, ManagementId, Payload, PortAddresses,
    UnicastMasterTable,
};
use ptp_wire::{LogInterval, PortAddress, PortIdentity};

use crate::Request;
use crate::arguments::ArgumentError;

/// Octets of a table that fit a message.
const MAX_OCTETS: usize = 1400;

/// A SET of a table: it holds the octets that a [`Request`] only borrows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TableRequest {
    id: ManagementId,
    log_query_interval: LogInterval,
    count: u16,
    octets: Vec<u8>,
}

/// The IDs that are tables.
pub(crate) fn is_table(id: ManagementId) -> bool {
    SYNTAX.iter().any(|(table, _)| *table == id)
}

const SYNTAX: [(ManagementId, &str); 3] = [
    (ManagementId::GRANDMASTER_CLUSTER_TABLE, ADDRESSES),
    (ManagementId::UNICAST_MASTER_TABLE, ADDRESSES),
    (
        ManagementId::ACCEPTABLE_MASTER_TABLE,
        "none, or port identities such as 001122.fffe.334455-1, each followed by an alternatePriority1 (0..=255) if need be",
    ),
];
const ADDRESSES: &str =
    "none, or [logQueryInterval N] and addresses (192.0.2.1, 2001:db8::1 or 02:00:00:00:00:01), each once";

impl TableRequest {
    /// The table that the text behind `SET id` describes.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse(id: ManagementId, text: &str) -> Result<Self, ArgumentError> {
        let mut table = Self { id, log_query_interval: LogInterval(0), count: 0, octets: Vec::new() };
        let wrong = |given: &str| ArgumentError::Entry { id, given: given.into(), allowed: syntax(id) };
        let mut words = text.split_whitespace().peekable();
        if id != ManagementId::ACCEPTABLE_MASTER_TABLE
            && words.next_if(|w| w.eq_ignore_ascii_case("logQueryInterval")).is_some()
        {
            let given = words.next().unwrap_or_default();
            table.log_query_interval = given.parse().map(LogInterval).map_err(|_| ArgumentError::Value {
                label: "logQueryInterval",
                given: given.into(),
                allowed: "-128..=127, as log2 of seconds",
            })?;
        }
        if words.peek().is_none() {
            return Err(wrong(""));
        }
        if words.next_if(|w| w.eq_ignore_ascii_case("none")).is_some() {
            return words.next().map_or(Ok(table), |more| Err(wrong(more)));
        }
        let mut seen = Vec::new();
        while let Some(word) = words.next() {
            let mut room = [0; 32];
            let used = if id == ManagementId::ACCEPTABLE_MASTER_TABLE {
                let port_identity: PortIdentity = word.parse().map_err(|_| wrong(word))?;
                let priority = words.next_if(|w| w.parse::<u8>().is_ok()).and_then(|w| w.parse().ok());
                AcceptableMaster { port_identity, alternate_priority1: priority.unwrap_or(0) }.emit(&mut room)
            } else {
                let mut octets = [0; 16];
                address(word, &mut octets).ok_or_else(|| wrong(word))?.emit(&mut room)
            };
            // It fits: the longest entry has 20 octets.
            let entry = used.ok().and_then(|used| room.get(..used)).ok_or_else(|| wrong(word))?.to_vec();
            // Whether a master is in the table twice does not depend on its priority.
            let key =
                if id == ManagementId::ACCEPTABLE_MASTER_TABLE { entry.get(..10) } else { entry.get(..) };
            let key = key.unwrap_or_default().to_vec();
            if seen.contains(&key) {
                return Err(wrong(word));
            }
            seen.push(key);
            table.octets.extend_from_slice(&entry);
            table.count += 1;
            if table.octets.len() > MAX_OCTETS {
                return Err(ArgumentError::TooLong { id });
            }
        }
        Ok(table)
    }

    /// The request, over this table's octets.
    pub fn request(&self) -> Request<'_> {
        let addresses = || PortAddresses::new(self.count, &self.octets);
        let payload = match self.id {
            ManagementId::ACCEPTABLE_MASTER_TABLE => {
                AcceptableMasterTable::new(self.count, &self.octets).map(Payload::AcceptableMasterTable)
            }
            ManagementId::GRANDMASTER_CLUSTER_TABLE => addresses().map(|members| {
                let log_query_interval = self.log_query_interval;
                Payload::GrandmasterClusterTable(GrandmasterClusterTable { log_query_interval, members })
            }),
            _ => addresses().map(|masters| {
                let log_query_interval = self.log_query_interval;
                Payload::UnicastMasterTable(UnicastMasterTable { log_query_interval, masters })
            }),
        };
        // Cannot fail: what was emitted is read.
        Request::set(payload.unwrap_or(Payload::Raw(self.id, &[])))
    }
}

fn syntax(id: ManagementId) -> &'static str {
    SYNTAX.iter().find(|(table, _)| *table == id).map_or("", |(_, syntax)| *syntax)
}

/// networkProtocol and octets of an address.
fn address<'a>(text: &str, octets: &'a mut [u8; 16]) -> Option<PortAddress<'a>> {
    let (network_protocol, len) = if let Ok(v4) = text.parse::<Ipv4Addr>() {
        octets[..4].copy_from_slice(&v4.octets());
        (1, 4)
    } else if let Ok(v6) = text.parse::<Ipv6Addr>() {
        *octets = v6.octets();
        (2, 16)
    } else {
        let parts: Vec<_> = text.split(':').collect();
        if parts.len() != 6 {
            return None;
        }
        for (octet, part) in octets.iter_mut().zip(parts) {
            let plain = part.len() == 2 && part.bytes().all(|c| c.is_ascii_hexdigit());
            *octet = u8::from_str_radix(part, 16).ok().filter(|_| plain)?;
        }
        (3, 6)
    };
    Some(PortAddress { network_protocol, address: octets.get(..len)? })
}
